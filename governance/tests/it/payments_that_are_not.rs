//! Hazard: a note of a payment that was not made, not allowed yet, or made to another; and a treasury that has used its gates up.

use althing_governance::charter::Class;
use althing_governance::entry::{Choice, Effect, Entry, Execution, GateRefill, ProposalContent};
use althing_governance::ledger::{Fate, Payment, PaymentState};
use althing_governance::signing::Statement as _;
use althing_governance::state::Mined;
use althing_governance::{ProposalId, Refusal};
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use crate::world::{AUX, World, block_hash, charter, hub, spend, txid};

const GATE_SAT: u64 = 10_000;

fn world(gates: u8) -> World {
    let mut charter = charter();
    charter.gates = gates;
    charter.classes.retain(|rule| rule.class != Class::Spend || rule.max_amount_sat.is_some());
    let mut world = World::with_charter(charter);
    (1..=2).for_each(|member| world.join(member, 5000));
    world.finish_epoch();
    world
}

/// Spends of as many satoshis as their number times 1000, passed at once.
fn passed(world: &mut World, count: u64) -> Vec<ProposalId> {
    let ids: Vec<ProposalId> = (1..=count).map(|n| world.propose(1, spend(&format!("Net {n}"), n * 1000))).collect();
    world.mine();
    for id in &ids {
        world.vote(1, *id, Choice::Yes).unwrap();
    }
    while world.state.ledger().standing(&ids[0]).is_none_or(|standing| standing.fate != Fate::Effective) {
        world.finish_epoch();
    }
    ids
}

fn payment(world: &World, id: ProposalId) -> Payment {
    world.state.ledger().standing(&id).unwrap().payments[0].clone()
}

fn transaction(inputs: &[OutPoint], outputs: &[(ScriptBuf, u64)]) -> Transaction {
    let input = |previous_output| TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let output = |(script_pubkey, sat): &(ScriptBuf, u64)| TxOut {
        value: Amount::from_sat(*sat),
        script_pubkey: script_pubkey.clone(),
    };
    Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: inputs.iter().map(|o| input(*o)).collect(),
        output: outputs.iter().map(output).collect(),
    }
}

fn paid(payment: &Payment) -> (ScriptBuf, u64) {
    (payment.spend.outputs[0].script.clone(), payment.spend.outputs[0].sat)
}

fn change() -> (ScriptBuf, u64) {
    (ScriptBuf::from_bytes(vec![0x51]), 77_000)
}

/// The note of a transaction mined in the newest block.
fn note(world: &World, id: ProposalId, tx: &Transaction, amount_sat: u64) -> Execution {
    let p = world.state.params();
    Execution {
        network: p.network,
        dao: p.dao_id,
        proposal: id,
        milestone: 0,
        txid: tx.compute_txid(),
        mined_height: world.height,
        mined_hash: block_hash(world.height),
        amount_sat,
    }
}

fn judge(world: &World, e: &Execution, tx: &Transaction) -> Result<(), Refusal> {
    judge_through(world, e, tx, None)
}

fn judge_through(world: &World, e: &Execution, tx: &Transaction, stage: Option<&Transaction>) -> Result<(), Refusal> {
    let mined = Mined { tx, height: e.mined_height, block: block_hash(e.mined_height) };
    world.state.check_execution_by(e, &mined, stage)
}

fn log(world: &mut World, e: Execution) -> Result<(), &'static str> {
    let signed = e.sign(&world.secp, &hub(), &AUX);
    world.append(Entry::Execution(signed)).map(drop).map_err(|refusal| refusal.rule())
}

#[test]
fn a_note_is_believed_only_of_exactly_the_payment() {
    let mut world = world(2);
    let id = passed(&mut world, 1)[0];
    let payment = payment(&world, id);
    let gate = payment.gate.unwrap();
    let good = transaction(&[gate], &[paid(&payment), change()]);
    assert_eq!(judge(&world, &note(&world, id, &good, 1500), &good), Ok(()));
    let (script, sat) = paid(&payment);
    let other = OutPoint { txid: txid(66), vout: 1 };
    let bad = [
        ("another gate", transaction(&[other], &[paid(&payment)]), 1500),
        ("less", transaction(&[gate], &[(script.clone(), sat - 1)]), 1500),
        ("more", transaction(&[gate], &[(script, sat + 1)]), 1500),
        ("somebody else", transaction(&[gate], &[change()]), 1500),
        ("an amount above what is authorised", good.clone(), 2001),
        ("an amount below what is paid", good.clone(), 999),
    ];
    for (name, tx, amount_sat) in bad {
        let refused = judge(&world, &note(&world, id, &tx, amount_sat), &tx).unwrap_err();
        assert!(refused.rule() == "G-99" && !refused.is_not_now(), "{name}: {refused}");
    }
    // Another block than Bitcoin's, and one from before the authorisation.
    let told = note(&world, id, &good, 1500);
    let elsewhere = Mined { tx: &good, height: told.mined_height, block: block_hash(9) };
    assert!(world.state.check_execution_by(&told, &elsewhere, None).is_err());
    let early = payment.authorised_height.unwrap();
    let early = Execution { mined_height: early, mined_hash: block_hash(early), ..told };
    assert!(judge(&world, &early, &good).is_err());
}

/// G-124: a staged payment is paid by a transaction that spends output 0 of the one that spent the gate, and by no other.
#[test]
fn a_payout_comes_out_of_the_stage_of_its_gate() {
    let mut world = world(2);
    let id = passed(&mut world, 1)[0];
    let payment = payment(&world, id);
    let (gate, elsewhere) = (payment.gate.unwrap(), OutPoint { txid: txid(66), vout: 1 });
    let output = |tx: &Transaction, vout| OutPoint { txid: tx.compute_txid(), vout };
    let stage = transaction(&[gate], &[change(), change()]);
    let other = transaction(&[elsewhere], &[change(), change()]);
    let payout = |from: OutPoint| transaction(&[from], &[paid(&payment)]);
    let good = payout(output(&stage, 0));
    assert_eq!(judge_through(&world, &note(&world, id, &good, 1500), &good, Some(&stage)), Ok(()));
    let bad = [
        ("no stage", good.clone(), None),
        ("a stage that did not spend the gate", payout(output(&other, 0)), Some(&other)),
        ("another stage than it spends", good.clone(), Some(&other)),
        ("the change of the stage", payout(output(&stage, 1)), Some(&stage)),
        ("not what was decided", transaction(&[output(&stage, 0)], &[change()]), Some(&stage)),
    ];
    for (name, tx, stage) in bad {
        let refused = judge_through(&world, &note(&world, id, &tx, 1500), &tx, stage).unwrap_err();
        assert!(refused.rule() == "G-99" && !refused.is_not_now(), "{name}: {refused}");
    }
}

#[test]
fn a_note_before_the_authorisation_counts_for_nothing_and_stands_in_nobodys_way() {
    let mut world = world(2);
    let id = world.open_vote(1, spend("Net", 1000));
    world.vote(1, id, Choice::Yes).unwrap();
    // A hub that hides a theft behind a payment to come.
    let theft = transaction(&[OutPoint { txid: txid(66), vout: 0 }], &[change()]);
    let early = note(&world, id, &theft, 1500);
    assert!(judge(&world, &early, &theft).unwrap_err().is_not_now());
    log(&mut world, early).unwrap();
    assert_eq!(log(&mut world, early), Err("G-99"));
    (0..6).for_each(|_| world.finish_epoch());
    assert_eq!(payment(&world, id).state, PaymentState::Authorised);
    let tx = transaction(&[payment(&world, id).gate.unwrap()], &[paid(&payment(&world, id))]);
    let real = note(&world, id, &tx, 1500);
    assert_eq!(judge(&world, &real, &tx), Ok(()));
    log(&mut world, real).unwrap();
    (0..2).for_each(|_| world.finish_epoch());
    let expected = PaymentState::Executed { txid: tx.compute_txid(), height: real.mined_height, amount_sat: 1500 };
    assert_eq!(payment(&world, id).state, expected);
    world.assert_reproducible();
}

/// Two approvals of the same, and one output for both.
#[test]
fn one_output_pays_one_payment() {
    for outputs in [1, 2] {
        let mut world = world(2);
        let ids = [1, 2].map(|n| world.propose(1, ProposalContent { title: format!("Net {n}"), ..spend("", 1000) }));
        world.mine();
        for id in ids {
            world.vote(1, id, Choice::Yes).unwrap();
        }
        (0..6).for_each(|_| world.finish_epoch());
        let [one, two] = ids.map(|id| payment(&world, id));
        let paid = [change(), paid(&one), paid(&two)];
        let tx = transaction(&[one.gate.unwrap(), two.gate.unwrap()], &paid[..=outputs]);
        let first = note(&world, ids[0], &tx, 1500);
        assert_eq!(judge(&world, &first, &tx), Ok(()));
        log(&mut world, first).unwrap();
        let second = note(&world, ids[1], &tx, 1500);
        assert_eq!(judge(&world, &second, &tx).is_ok(), outputs == 2, "{outputs} outputs");
    }
}

fn refill(world: &World, tx: &Transaction, created: Vec<u32>, retired: Vec<OutPoint>) -> GateRefill {
    let p = world.state.params();
    GateRefill {
        network: p.network,
        dao: p.dao_id,
        txid: tx.compute_txid(),
        mined_height: world.height,
        mined_hash: block_hash(world.height),
        created,
        retired,
    }
}

fn log_refill(world: &mut World, refill: GateRefill) -> Result<(), &'static str> {
    let signed = refill.sign(&world.secp, &hub(), &AUX);
    world.append(Entry::GateRefill(signed)).map(drop).map_err(|refusal| refusal.rule())
}

fn gates(world: &World, ids: &[ProposalId]) -> Vec<Option<OutPoint>> {
    ids.iter().map(|id| payment(world, *id).gate).collect()
}

#[test]
fn a_refill_lets_what_waits_for_a_gate_be_paid() {
    let mut world = world(1);
    let ids = passed(&mut world, 3);
    let first = world.state.params().gates[0];
    assert_eq!(gates(&world, &ids), [Some(first), None, None]);
    let treasury = ScriptBuf::from_bytes(vec![0x51]);
    let tx = transaction(&[OutPoint { txid: txid(66), vout: 3 }], &vec![(treasury, GATE_SAT); 4]);
    let made = refill(&world, &tx, vec![1, 3], Vec::new());
    log_refill(&mut world, made.clone()).unwrap();
    assert_eq!(log_refill(&mut world, made), Err("G-108"), "each output once");
    world.finish_epoch();
    world.finish_epoch();
    let gate = |vout| Some(OutPoint { txid: tx.compute_txid(), vout });
    assert_eq!(gates(&world, &ids), [Some(first), gate(1), gate(3)]);
    world.assert_reproducible();
}

#[test]
fn a_gate_that_was_taken_back_is_given_to_nobody() {
    let mut world = world(3);
    let all = world.state.params().gates.clone();
    let treasury = ScriptBuf::from_bytes(vec![0x51]);
    let tx = transaction(&[all[0], all[1]], &[(treasury, GATE_SAT)]);
    let swept = refill(&world, &tx, vec![0], vec![all[0], all[1]]);
    log_refill(&mut world, swept.clone()).unwrap();
    let again = GateRefill { created: Vec::new(), retired: vec![all[1]], ..swept.clone() };
    assert_eq!(log_refill(&mut world, again), Err("G-108"));
    let unknown = GateRefill { created: Vec::new(), retired: vec![OutPoint { txid: txid(5), vout: 9 }], ..swept };
    assert_eq!(log_refill(&mut world, unknown), Err("G-108"));
    let ids = passed(&mut world, 2);
    assert_eq!(gates(&world, &ids), [Some(all[2]), Some(OutPoint { txid: tx.compute_txid(), vout: 0 })]);
}

#[test]
fn a_refill_is_believed_only_of_outputs_of_the_treasury() {
    let mut world = world(2);
    let ids = passed(&mut world, 1);
    let given = payment(&world, ids[0]).gate.unwrap();
    let free = world.state.params().gates[1];
    let treasury = ScriptBuf::from_bytes(vec![0x51]);
    let elsewhere = ScriptBuf::from_bytes(vec![0x52]);
    let tx = transaction(
        &[free, given],
        &[(treasury.clone(), GATE_SAT), (treasury.clone(), GATE_SAT - 1), (elsewhere, GATE_SAT)],
    );
    let judge = |created: Vec<u32>, retired: Vec<OutPoint>| {
        let e = refill(&world, &tx, created, retired);
        let mined = Mined { tx: &tx, height: e.mined_height, block: e.mined_hash };
        world.state.check_refill_by(&e, &mined, |script| *script == *treasury.as_script()).map_err(|r| r.rule())
    };
    // The gate that a payment has is the payment's, and is not taken back.
    assert_eq!(judge(vec![0], vec![free]), Ok(()));
    for (created, retired) in
        [(vec![1], vec![free]), (vec![2], vec![free]), (vec![9], vec![free]), (vec![0], vec![]), (vec![0], vec![given])]
    {
        assert_eq!(judge(created, retired), Err("G-108"));
    }
    let e = GateRefill { txid: Txid::all_zeros(), ..refill(&world, &tx, vec![0], vec![free]) };
    let mined = Mined { tx: &tx, height: e.mined_height, block: e.mined_hash };
    assert!(world.state.check_refill_by(&e, &mined, |_| true).is_err());
    assert!(matches!(spend("", 1).options[0].effects[0], Effect::Spend(_)));
}
