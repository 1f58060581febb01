//! A signature that does not verify is refused before coins move.

use althing_channels::{Effect, Msg, Phase, Side};
use bitcoin::{Amount, ScriptBuf, TxOut};

use crate::pair::{Pair, STAKE_SAT};

fn flip(msg: &Msg, byte: usize) -> Option<Msg> {
    use lightning::ln::wire::Type;
    let mut payload = msg.to_payload().unwrap();
    payload[byte] ^= 1;
    Msg::read(msg.type_id(), &mut payload.as_slice()).ok().flatten()
}

/// Delivers messages until `from` is about to send one that `wanted` picks.
fn run_to(pair: &mut Pair, from: Side, wanted: fn(&Msg) -> bool) -> Msg {
    for _ in 0..20 {
        for side in [Side::Member, Side::Hub] {
            if let Some(msg) = pair.intercept(side) {
                if side == from && wanted(&msg) {
                    return msg;
                }
                pair.deliver(side.other(), &msg);
            }
        }
    }
    panic!("the message was never sent");
}

#[test]
fn hubs_signature_on_commitment_0() {
    let length = {
        let mut pair = Pair::new(Vec::new());
        let msg = run_to(&mut pair, Side::Hub, |msg| matches!(msg, Msg::FundingSigned(_)));
        msg.to_payload().unwrap().len()
    };
    let mut altered = 0;
    for byte in 0..length {
        let mut pair = Pair::new(Vec::new());
        let original = run_to(&mut pair, Side::Hub, |msg| matches!(msg, Msg::FundingSigned(_)));
        // Bytes of TLV types and lengths, and points off the curve, do not even decode.
        let Some(Msg::FundingSigned(msg)) = flip(&original, byte) else { continue };
        let Msg::FundingSigned(right) = &original else { unreachable!() };
        if msg.signature == right.signature && msg.channel == right.channel {
            continue; // the hub's own nonce, or the checkpoint signature, which the shell checks
        }
        pair.deliver(Side::Member, &Msg::FundingSigned(msg.clone()));
        assert!(!pair.funding_broadcast, "byte {byte}");
        if msg.channel == right.channel {
            assert_eq!(pair.phase(Side::Member), Some(Phase::Failed), "byte {byte}");
            assert_eq!(&pair.failures[0].1[..5], "C-17:");
        } else {
            assert_eq!(pair.phase(Side::Member), Some(Phase::AwaitFundingSigned), "byte {byte}");
            assert_eq!(&pair.refusals[0].1[..5], "C-13:");
        }
        altered += 1;
    }
    assert!(altered > 90, "only {altered} alterations reached the check");
}

#[test]
fn signature_for_another_amount() {
    // A hub that signs a commitment of another value is caught: its partial signature is for another message.
    let mut pair = Pair::new(Vec::new());
    let original = run_to(&mut pair, Side::Hub, |msg| matches!(msg, Msg::FundingSigned(_)));
    let Msg::FundingSigned(mut msg) = original else { unreachable!() };
    let mut context = pair.channel(Side::Hub).context().unwrap();
    context.params.member_sat -= 1;
    let balances = althing_channels::Balances { member_sat: STAKE_SAT - 1, hub_sat: 0 };
    let point = context.member.first_point;
    let other = althing_channels::CommitmentTx::build(&context, Side::Member, 0, &point, balances).unwrap();
    let aggregate = althing_channels::FundingAggregate::new(&context.member.funding, &context.hub.funding);
    let member_keys = crate::pair::keys(Side::Member);
    let member_nonce =
        aggregate.verification_nonce(&member_keys.funding_secret(), context.funding.txid, 0, None).public();
    let session = pair.entropy.next();
    msg.signature =
        aggregate.sign_fresh(&crate::pair::keys(Side::Hub).funding_secret(), session, &member_nonce, other.sighash());
    pair.deliver(Side::Member, &Msg::FundingSigned(msg));
    assert_eq!(pair.phase(Side::Member), Some(Phase::Failed));
    assert!(!pair.funding_broadcast);
}

#[test]
fn members_signature_on_the_hubs_commitment_0() {
    let mut pair = Pair::new(Vec::new());
    let original = run_to(&mut pair, Side::Member, |msg| matches!(msg, Msg::CommitmentSigned(_)));
    let Msg::CommitmentSigned(right) = &original else { unreachable!() };
    let mut bytes = right.signature.signature.to_bytes();
    bytes[31] ^= 1;
    let mut wrong = right.clone();
    wrong.signature.signature = althing_channels::PartialSignature::from_bytes(&bytes).unwrap();
    pair.deliver(Side::Hub, &Msg::CommitmentSigned(wrong));
    assert_eq!(
        pair.refusals,
        [(Side::Hub, "C-17: partial signature on the hub's commitment 0 does not verify".to_owned())]
    );
    // The funding may be out: the hub keeps the channel, and the right signature still opens it.
    assert_eq!(pair.phase(Side::Hub), Some(Phase::AwaitCommitmentSigned));
    pair.deliver(Side::Hub, &original);
    pair.run_until(Phase::Ready);
}

#[test]
fn members_signature_on_the_close_keeps_the_hubs_nonce() {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    pair.close(Side::Member);
    let original = run_to(&mut pair, Side::Member, |msg| matches!(msg, Msg::ClosingComplete(_)));
    let Msg::ClosingComplete(right) = &original else { unreachable!() };
    let mut wrong = right.clone();
    wrong.fee_sat += 1;
    pair.deliver(Side::Hub, &Msg::ClosingComplete(wrong));
    assert_eq!(pair.refusals, [(Side::Hub, "C-17: partial signature on the close does not verify".to_owned())]);
    assert!(pair.closes.is_empty());
    pair.deliver(Side::Hub, &original);
    pair.settle();
    assert_eq!(pair.closes.len(), 2);
}

#[test]
fn another_output_on_chain_is_no_funding() {
    let mut pair = Pair::new(Vec::new());
    pair.settle();
    let right = pair.channel(Side::Hub).funding_output().unwrap();
    let lower = TxOut { value: Amount::from_sat(STAKE_SAT - 1), ..right.clone() };
    let elsewhere = TxOut { script_pubkey: ScriptBuf::new_p2a(), ..right.clone() };
    for side in [Side::Member, Side::Hub] {
        for output in [&lower, &elsewhere] {
            let refusal = pair.channel(side).funding_confirmed(output, 6).unwrap_err();
            assert_eq!(refusal.rule(), "C-19");
        }
        let early = pair.channel(side).funding_confirmed(&right, 0).unwrap_err();
        assert_eq!(early.to_string(), "C-19: funding has 0 confirmations, 1 are required");
        let effects = pair.channel(side).funding_confirmed(&right, 1).unwrap();
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Send(Msg::ChannelReady(_)))));
    }
}
