//! Hazard: a hub that keeps a member's entry out of the log, and authorises payments as if there were none.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Entry};
use althing_governance::id::ProposalId;
use althing_governance::ledger::Fate;
use althing_node::forced;
use althing_node::ledger::{Ledger, LedgerError};
use bitcoin::hashes::Hash as _;
use bitcoin::{Amount, ScriptBuf, Transaction, TxOut, Txid};
use proptest::prelude::*;

use crate::chain::{Chain, input, transaction};
use crate::world::{World, charter, spend};

const DELAY_BLOCKS: u32 = 6;
/// The member whose ballot the hub keeps out.
const SILENCED: u8 = 6;

/// An open vote on a payment that passes without the silenced member.
fn voting() -> (World, ProposalId) {
    let mut charter = charter();
    charter.forced_entry_delay_blocks = DELAY_BLOCKS;
    // Time until the authorisation for the delay to pass.
    charter.classes.iter_mut().for_each(|rule| rule.veto_blocks = 12);
    let mut world = World::founded_under(charter);
    world.finish_epoch();
    let id = world.propose(1, spend("Nets", 5_000_000));
    world.block(vec![]);
    [1, 2, 3, 4].into_iter().for_each(|member| world.vote(member, id, Choice::Yes));
    (world, id)
}

/// Somebody's transaction that carries an entry.
fn carrier(entry: &Entry) -> Transaction {
    let output = TxOut { value: Amount::ZERO, script_pubkey: forced::script(&entry.to_bytes()).unwrap() };
    transaction(vec![input(Txid::from_byte_array([77; 32]), 0)], vec![output])
}

/// The ballot goes onto Bitcoin; the hub logs it before the head of that block, or never.
fn force(world: &mut World, id: ProposalId, logs: bool) -> Entry {
    let ballot = world.ballot(SILENCED, id, Choice::No);
    world.chain.mine(vec![carrier(&ballot)]);
    if logs {
        assert_eq!(world.ledger.state().loggable([&ballot]), [0]);
        world.append(&ballot).unwrap();
    }
    world.head();
    ballot
}

fn fate(ledger: &Ledger, id: ProposalId) -> Option<Fate> {
    ledger.state().ledger().standing(&id).map(|standing| standing.fate)
}

/// Somebody else's copy of the log, checked against these blocks.
fn replayed(world: &World, mut chain: Chain) -> Result<Ledger, LedgerError> {
    let mut ledger = Ledger::new(world.params().clone());
    world.segments.iter().try_for_each(|segment| ledger.append_segment(segment, &mut chain))?;
    Ok(ledger)
}

#[test]
fn a_header_without_the_entry_authorises_nothing() {
    for logs in [true, false] {
        let (mut world, id) = voting();
        let ballot = force(&mut world, id, logs);
        for _ in 0..8 {
            world.finish_epoch();
        }
        let missing = world.ledger.state().overdue_entries(world.ledger.state().size());
        let (expected, kept_out) = match logs {
            true => (Fate::Effective, vec![]),
            false => (Fate::Waiting, vec![ballot.id()]),
        };
        assert_eq!((fate(&world.ledger, id), missing), (Some(expected), kept_out), "logged: {logs}");
        let gates = world.ledger.gates_in_use().count();
        assert_eq!(gates, usize::from(logs));
        // Everybody who sees the same blocks finds the same.
        let other = replayed(&world, world.chain.clone()).unwrap();
        assert_eq!(fate(&other, id), Some(expected));
    }
}

#[test]
fn a_hub_that_shuts_its_eyes_is_refused_by_everybody() {
    let (mut world, id) = voting();
    force(&mut world, id, false);
    // It does not look at the entry; its headers authorise the payment.
    world.chain = world.chain.with_entries_hidden(true);
    world.ledger = replayed(&world, world.chain.clone()).unwrap();
    for _ in 0..8 {
        world.finish_epoch();
    }
    assert_eq!(fate(&world.ledger, id), Some(Fate::Effective));
    let refusal = replayed(&world, world.chain.with_entries_hidden(false)).err().unwrap();
    assert!(matches!(refusal, LedgerError::Invalid { kind: Some("anchored"), .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("G-60"), "{refusal}");
}

#[test]
fn what_is_no_entry_on_bitcoin_changes_nothing() {
    let (mut world, id) = voting();
    let ballot = world.ballot(SILENCED, id, Choice::No);
    let mut forged = ballot.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let scripts = [
        forced::script(&forged).unwrap(),
        forced::script(b"").unwrap(),
        forced::script(&[1, 5]).unwrap(),
        ScriptBuf::new_op_return(b"althing/entry/v0"),
        // A head is the hub's to say.
        forced::script(&world.log.iter().rev().find(|bytes| bytes[1] == 6).unwrap().clone()).unwrap(),
    ];
    let outputs = scripts.map(|script_pubkey| TxOut { value: Amount::ZERO, script_pubkey }).to_vec();
    world.block(vec![transaction(vec![input(Txid::from_byte_array([78; 32]), 0)], outputs)]);
    for _ in 0..8 {
        world.finish_epoch();
    }
    assert_eq!(fate(&world.ledger, id), Some(Fate::Effective));
}

proptest! {
    #[test]
    fn what_a_script_carries_is_what_was_put_in(entry in prop::collection::vec(any::<u8>(), 0..700)) {
        let script = forced::script(&entry).unwrap();
        prop_assert_eq!(forced::carried(&script), Some(entry.as_slice()));
        // One more byte behind it, and it is another script.
        let longer = ScriptBuf::from_bytes([script.as_bytes(), &[0x51]].concat());
        prop_assert_eq!(forced::carried(&longer), None);
    }

    #[test]
    fn any_script_can_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let script = ScriptBuf::from_bytes([vec![0x6a], bytes].concat());
        let _ = forced::carried(&script);
    }
}
