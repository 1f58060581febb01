//! Transactions are as small as the design says.

use althing_channels::monitor::{bump_child, to_remote_child};
use althing_channels::{
    Balances, CloseScripts, CloseTx, CommitmentContext, CommitmentTx, JusticeTo, Side, funding_output,
};
use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::schnorr::Signature;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

use crate::ended::{Ended, LIVE, justice_to};
use crate::many_closes::coin;
use crate::pair::{close_script, funding_outpoint, keys, params};

fn context(member_sat: u64, hub_sat: u64) -> CommitmentContext {
    let mut params = params();
    (params.member_sat, params.hub_sat) = (member_sat, hub_sat);
    CommitmentContext::new(params, *keys(Side::Member).public(), *keys(Side::Hub).public(), funding_outpoint())
}

fn any_signature() -> Signature {
    Signature::from_slice(&[1; 64]).unwrap()
}

fn commitment(member_sat: u64, hub_sat: u64, broadcaster: Side) -> Transaction {
    let context = context(member_sat, hub_sat);
    let point = keys(broadcaster).per_commitment_point(0);
    let balances = Balances { member_sat, hub_sat };
    CommitmentTx::build(&context, broadcaster, 0, &point, balances).unwrap().into_signed(&any_signature())
}

fn close(member_sat: u64, hub_sat: u64) -> Transaction {
    let context = context(member_sat, hub_sat);
    let scripts = CloseScripts { member: close_script(Side::Member), hub: close_script(Side::Hub) };
    let balances = Balances { member_sat, hub_sat };
    CloseTx::build(context.funding, &funding_output(&context), balances, &scripts, Side::Member, 154)
        .unwrap()
        .into_signed(&any_signature())
}

#[test]
fn commitment_with_both_outputs() {
    for side in [Side::Member, Side::Hub] {
        let transaction = commitment(600_000, 400_000, side);
        assert_eq!(transaction.weight().to_wu(), 668);
        assert_eq!(transaction.vsize(), 167);
        assert_eq!(transaction.output.len(), 3);
        // Zero fee: the whole funding is in the outputs.
        let sum: Amount = transaction.output.iter().map(|output| output.value).sum();
        assert_eq!(sum.to_sat(), 1_000_000);
    }
}

#[test]
fn commitment_with_one_output() {
    let transaction = commitment(1_000_000, 0, Side::Member);
    assert_eq!(transaction.vsize(), 124);
    assert_eq!(transaction.output[0].value.to_sat(), 0);
    assert_eq!(transaction.output[0].script_pubkey, ScriptBuf::new_p2a());
    let trimmed = commitment(999_760, 240, Side::Member);
    assert_eq!(trimmed.vsize(), 124);
    assert_eq!(trimmed.output[0].value.to_sat(), 240);
}

#[test]
fn cooperative_close() {
    assert_eq!(close(600_000, 400_000).vsize(), 154);
    // What the other side can attach is small and gives way: a version 2 transaction could be held back by a large child.
    assert_eq!(close(600_000, 400_000).version, Version::non_standard(3));
    assert_eq!(close(1_000_000, 0).vsize(), 111);
    // What is too small for an output goes to the fee.
    assert_eq!(close(999_671, 329).output.len(), 1);
    assert_eq!(close(999_670, 330).output.len(), 2);
}

#[test]
fn open_with_one_input_and_change() {
    let funding = funding_output(&context(1_000_000, 0));
    assert_eq!(spend(vec![funding.clone(), funding], Witness::from_slice(&[[1; 64]])).vsize(), 154);
}

#[test]
fn justice() {
    let alone = |anchor_sat| {
        let ended = Ended::new(Side::Member);
        let breach = ended.breach(2);
        let own = breach.outpoints().last().unwrap();
        let to = JusticeTo { anchor_sat, ..justice_to(Side::Member) };
        (
            breach.clone().without(own).justice(&ended.keys, &to).unwrap().vsize(),
            breach.justice(&ended.keys, &to).unwrap().vsize(),
        )
    };
    // Of the revoked output alone, and together with the own one.
    assert_eq!(alone(None), (111, 169));
    assert_eq!(alone(Some(240)), (124, 182));
}

#[test]
fn force_close_in_total() {
    let ended = Ended::new(Side::Member);
    let commitment = ended.commitment(Side::Member, LIVE);
    let rate = FeeRate::from_sat_per_vb_u32(5);
    let coin = coin(1, 100_000);
    let mut child = bump_child(&commitment, &[coin], &close_script(Side::Member), rate).unwrap().transaction;
    child.input[1].witness = Witness::from_slice(&[[1; 64]]);
    let sweep = ended.sweep_local(Side::Member, LIVE);
    assert_eq!((commitment.vsize(), child.vsize(), sweep.vsize()), (167, 153, 130));
    assert_eq!(commitment.vsize() + child.vsize() + sweep.vsize(), 450);
    // Of the peer's commitment the own part pays for both and comes home in the same child.
    let peers = ended.commitment(Side::Hub, LIVE);
    let child = to_remote_child(&ended.keys, &peers, &close_script(Side::Member), rate, [7; 32]).unwrap();
    assert_eq!(peers.vsize() + child.vsize(), 320);
}

fn spend(output: Vec<TxOut>, witness: Witness) -> Transaction {
    Transaction {
        version: Version::non_standard(3),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::default(),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ZERO,
            witness,
        }],
        output,
    }
}
