//! The mined spender of a seal or a gate, judged from the transaction and its block alone.

use althing_anchor::{
    AllowedSpend, ChainError, GateVerdict, LinkEvidence, SealVerdict, UnauthorisedReason, judge_gate_spend,
    judge_seal_spend,
};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};

use crate::support::{Sim, Story, commitment, input, key, stranger, transaction, treasury};

fn mined(sim: &mut Sim, transaction: &Transaction) -> LinkEvidence {
    sim.mine(vec![transaction.clone()]);
    sim.evidence(transaction)
}

#[test]
fn a_link_for_a_known_header_is_told_from_a_diversion() {
    let mut story = Story::with_links(2);
    let seal = story.genesis.first_seal.outpoint;
    let link = story.links[0].2.clone();
    let headers = [(key(50), commitment(50)), (key(12), commitment(1))];
    let judge = |headers, evidence: &LinkEvidence, story: &Story| {
        judge_seal_spend(seal, headers, evidence, &story.sim.chain).unwrap()
    };
    let next = OutPoint { txid: link.txid(), vout: 0 };
    let expected = SealVerdict::NextLink { commitment: commitment(1), seal: next };
    assert_eq!(judge(&headers, &link, &story), expected);
    // The header is withheld, or there is none.
    let diverted = judge(&headers[..1], &link, &story);
    assert!(matches!(diverted, SealVerdict::SpentElsewhere { txid, reason: Some(_) } if txid == link.txid()));
    assert_eq!(judge(&[], &link, &story), SealVerdict::SpentElsewhere { txid: link.txid(), reason: None });
    // The seal at another input than the first makes no link either.
    let mut hidden = link.transaction().clone();
    hidden.input.insert(0, input(Txid::from_byte_array([8; 32]), 0));
    let evidence = mined(&mut story.sim, &hidden);
    assert!(matches!(judge(&headers, &evidence, &story), SealVerdict::SpentElsewhere { .. }));
    let evidence = mined(&mut story.sim, &stranger(9));
    assert_eq!(judge(&headers, &evidence, &story), SealVerdict::Unrelated);
}

#[test]
fn what_is_not_mined_accuses_nobody() {
    let story = Story::with_links(2);
    let (seal, evidence) = (story.genesis.first_seal.outpoint, &story.links[0].2);
    let refused = judge_seal_spend(seal, &[], evidence, &Sim::new().chain);
    assert!(matches!(refused, Err(ChainError::NotInChain { .. })));
    let gate = OutPoint { txid: evidence.transaction().input[0].previous_output.txid, vout: 0 };
    assert!(judge_gate_spend(gate, None, evidence, &Sim::new().chain).is_err());
}

#[test]
fn a_gate_is_spent_as_decided_or_not() {
    let gate = OutPoint { txid: Txid::from_byte_array([6; 32]), vout: 2 };
    let script = |index| treasury().script_at(index).unwrap();
    let pay = |sat, n| TxOut { value: Amount::from_sat(sat), script_pubkey: bitcoin::ScriptBuf::from_bytes(vec![n]) };
    let change = TxOut { value: Amount::from_sat(900), script_pubkey: script(1) };
    let decided = vec![pay(500, 0x51), pay(600, 0x52)];
    let (from_height, treasury) = (10, vec![script(0), script(1)]);
    let allowed = AllowedSpend { outputs: decided.clone(), from_height, expiry_height: 20, treasury };
    let judge = |height: u32, allowed: Option<&AllowedSpend>, outputs: Vec<TxOut>| {
        let mut sim = Sim::new();
        sim.mine_empty(height - 1);
        let evidence = mined(&mut sim, &transaction(vec![input(Txid::all_zeros(), 1), input(gate.txid, 2)], outputs));
        judge_gate_spend(gate, allowed, &evidence, &sim.chain).unwrap()
    };
    let with = |outputs: &[TxOut]| [&decided[..], outputs].concat();
    use UnauthorisedReason::{ExtraOutput, NoDecision, WrongHeight, WrongOutput};
    let unauthorised = GateVerdict::Unauthorised;
    assert_eq!(judge(10, Some(&allowed), decided.clone()), GateVerdict::Allowed);
    assert_eq!(judge(19, Some(&allowed), with(std::slice::from_ref(&change))), GateVerdict::Allowed);
    assert_eq!(judge(9, Some(&allowed), decided.clone()), unauthorised(WrongHeight { height: 9 }));
    assert_eq!(judge(20, Some(&allowed), decided.clone()), unauthorised(WrongHeight { height: 20 }));
    assert_eq!(judge(10, None, decided.clone()), unauthorised(NoDecision));
    assert_eq!(judge(10, Some(&allowed), decided[..1].to_vec()), unauthorised(WrongOutput { vout: 1 }));
    let swapped = vec![decided[1].clone(), decided[0].clone()];
    assert_eq!(judge(10, Some(&allowed), swapped), unauthorised(WrongOutput { vout: 0 }));
    let stolen = with(&[change, pay(1, 0x53)]);
    assert_eq!(judge(10, Some(&allowed), stolen), unauthorised(ExtraOutput { vout: 3 }));
    let mut sim = Sim::new();
    let unrelated = mined(&mut sim, &stranger(1));
    assert_eq!(judge_gate_spend(gate, None, &unrelated, &sim.chain), Ok(GateVerdict::Unrelated));
}
