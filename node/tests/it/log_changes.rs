//! Hazard: a log that was changed after the fact, by somebody in between or by the hub itself.
//!
//! A member who was there before holds the newest signed head and final links; what is served later must lead to them.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Entry, LogHead};
use althing_governance::signing::Statement as _;
use althing_node::ledger::{Ledger, LedgerError};
use althing_node::store::Segment;

use crate::story::Story;
use crate::world::{AUX, World, keypair};

/// Replays segments and says what was refused.
fn replay(world: &mut World, segments: &[Segment]) -> Result<Ledger, LedgerError> {
    let mut ledger = Ledger::new(world.params().clone());
    for segment in segments {
        ledger.append_segment(segment, &mut world.chain)?;
    }
    Ok(ledger)
}

#[track_caller]
fn refused(name: &str, world: &mut World, segments: &[Segment], meaning: &str) {
    let Err(error) = replay(world, segments) else { panic!("{name}: accepted") };
    let message = error.to_string();
    assert!(matches!(error, LedgerError::Invalid { .. }), "{name}: {message}");
    assert!(message.contains(meaning), "{name}: {message}");
}

/// Index of the segment that holds several ballots, and of the first ballot in it.
fn ballots(world: &World) -> (usize, usize) {
    let kinds = |segment: &Segment| -> Vec<bool> {
        segment.entries.iter().map(|bytes| matches!(Entry::from_bytes(bytes), Ok(Entry::Ballot(_)))).collect()
    };
    let at = world.segments.iter().position(|segment| kinds(segment).iter().filter(|is| **is).count() > 3).unwrap();
    (at, kinds(&world.segments[at]).iter().position(|is| *is).unwrap())
}

type Change = fn(&mut Vec<Vec<u8>>, usize);

/// What somebody can do to the entries of a segment; the second argument is the place of its first ballot.
const CHANGES: [(&str, Change); 8] = [
    ("altered", |entries, at| {
        let last = entries[at].len() - 100;
        entries[at][last] ^= 1;
    }),
    ("signature altered", |entries, at| *entries[at].last_mut().unwrap() ^= 1),
    ("removed", |entries, at| drop(entries.remove(at))),
    ("doubled", |entries, at| entries.insert(at, entries[at].clone())),
    ("swapped", |entries, at| entries.swap(at, at + 4)),
    ("reordered", |entries, _| entries.reverse()),
    ("cut", |entries, at| entries.truncate(at + 1)),
    ("emptied entry", |entries, at| entries[at].clear()),
];

#[test]
fn nobody_but_the_hub_can_change_a_segment() {
    let Story { mut world, .. } = Story::told();
    let (segment, ballot) = ballots(&world);
    let first = world.segments[segment].first_position;
    for (name, change) in CHANGES {
        let mut segments = world.segments.clone();
        change(&mut segments[segment].entries, ballot);
        // With the hub's receipt for what was there: the changed entry is named; a missing one shows where its lane goes on; when each
        // entry is good by itself, the segment is named.
        let named = match name {
            "removed" | "doubled" => "(ballot): G-21".to_owned(),
            // Two lanes, each still in order: the next head shows it.
            "swapped" => "(head): G-30: head has root".to_owned(),
            "cut" => format!("entry {first}: G-80"),
            "reordered" => format!("entry {first} "),
            _ => format!("entry {}", first + ballot as u64),
        };
        refused(name, &mut world, &segments, &named);
        // With a receipt for what is there now, by another key.
        let entries = segments[segment].entries.clone();
        let log = [&world.log[..first as usize], &entries].concat();
        segments[segment].receipt = world.receipt(first, &entries, &log, 50);
        refused(name, &mut world, &segments, &format!("entry {first}: E-13: receipt"));
    }
}

/// The hub signs whatever it serves; the entries themselves and the heads behind them give it away.
#[test]
fn the_hub_itself_cannot_change_a_segment() {
    let Story { mut world, .. } = Story::told();
    let (segment, ballot) = ballots(&world);
    let first = world.segments[segment].first_position;
    // Which entry is named, counted from the segment's first, and why.
    let meanings = [
        (0, "G-29: proposal"),
        (0, "E-13: ballot entry: signature by key"),
        // The same member's next entry.
        (9, "G-21: not now: sequence 3 leaves a gap"),
        (1, "G-21: sequence 2 is in the log already"),
        // The head after them covers another order.
        (11, "G-30: head has root"),
        (0, "G-30: head has size"),
        (1, "G-30: head has size"),
        (0, "E-7: input ends early"),
    ];
    for ((name, change), (place, meaning)) in CHANGES.into_iter().zip(meanings) {
        let mut entries = world.segments[segment].entries.clone();
        change(&mut entries, ballot);
        let segments = resigned(&world, segment, entries);
        let Err(error) = replay(&mut world, &segments) else { panic!("{name}: accepted") };
        let LedgerError::Invalid { position, reason, .. } = error else { panic!("{name}: {error}") };
        assert!(position == first + place && reason.contains(meaning), "{name}: entry {position}: {reason}");
    }
}

/// All segments with one replaced, every receipt from there on made anew with the hub's key.
fn resigned(world: &World, at: usize, entries: Vec<Vec<u8>>) -> Vec<Segment> {
    let mut segments = world.segments.clone();
    segments[at].entries = entries;
    let mut log = Vec::new();
    for segment in &mut segments {
        segment.first_position = log.len() as u64;
        log.extend(segment.entries.iter().cloned());
        segment.receipt = world.hub_receipt(segment.first_position, &segment.entries, &log);
    }
    segments
}

/// The hub drops a ballot and makes all heads anew. The log is then consistent; only Bitcoin knows better.
#[test]
fn a_log_rewritten_from_end_to_end_is_not_the_one_on_bitcoin() {
    let Story { mut world, text, .. } = Story::told();
    let mut rewritten = Ledger::new(world.params().clone());
    let mut dropped = false;
    let mut refusal = None;
    for bytes in world.log.clone() {
        let entry = match Entry::from_bytes(&bytes).unwrap() {
            Entry::Ballot(ballot) if !dropped && ballot.lane.member == crate::world::member_id(6) => {
                dropped = true;
                continue;
            }
            Entry::Head(head) => {
                let (size, root) = (rewritten.state().size(), rewritten.state().root());
                Entry::Head(LogHead { size, root, ..head.statement }.sign(&world.secp, &keypair(98), &AUX))
            }
            other => other,
        };
        if let Err(error) = rewritten.append(entry, &mut world.chain) {
            refusal = Some(error.to_string());
            break;
        }
    }
    assert!(dropped && rewritten.state().proposals().contains_key(&text));
    let refusal = refusal.expect("epoch 2 was anchored with that ballot");
    assert!(refusal.contains("(anchored)") && refusal.contains("log_size is 37, but recomputed it is 36"), "{refusal}");
}

#[test]
fn segments_as_a_whole() {
    let Story { mut world, .. } = Story::told();
    let whole = world.segments.clone();
    let (at, _) = ballots(&world);
    let first = whole[at].first_position;
    let after = whole[at].end();

    let removed = [&whole[..at], &whole[at + 1..]].concat();
    refused("removed", &mut world, &removed, &format!("N-20: a segment begins at {after}, the log has {first}"));
    let mut swapped = whole.clone();
    swapped.swap(at, at + 1);
    refused("swapped", &mut world, &swapped, &format!("N-20: a segment begins at {after}, the log has {first}"));
    let reordered: Vec<Segment> = whole.iter().rev().cloned().collect();
    refused("reordered", &mut world, &reordered, "the log has 0");
    let mut moved = whole.clone();
    moved[at].first_position += 1;
    refused("moved", &mut world, &moved, &format!("N-20: a segment begins at {}, the log has {first}", first + 1));
    let mut crossed = whole.clone();
    crossed[at].receipt = whole[at + 1].receipt.clone();
    refused("receipt of another segment", &mut world, &crossed, "G-80: the receipt is for");

    // A receipt for these very entries that promises another log.
    let mut promised = whole.clone();
    let receipt = world.hub_receipt(first, &whole[at].entries, &world.log);
    promised[at].receipt = receipt;
    refused("receipt over another log", &mut world, &promised, &format!("entry {}: N-21", after - 1));

    // Twice the newest one: nothing new, nothing lost, as after a connection that broke.
    let mut doubled = whole.clone();
    doubled.insert(at, whole[at].clone());
    match replay(&mut world, &doubled) {
        Ok(ledger) => assert_eq!(ledger.state(), world.ledger.state()),
        Err(error) => assert!(error.to_string().contains("N-2"), "{error}"),
    }
}

/// A receipt of another DAO or network is no receipt here.
#[test]
fn receipts_of_other_daos() {
    let Story { mut world, .. } = Story::told();
    let mut segments = world.segments.clone();
    let mut receipt = segments[0].receipt.statement;
    receipt.dao.0[0] ^= 1;
    segments[0].receipt = receipt.sign(&world.secp, &keypair(98), &AUX);
    refused("other DAO", &mut world, &segments, "G-80: the receipt is of DAO");
}

/// Cut off at the end, a log is a true log of an earlier time. Whoever knows the newest head or link sees it.
#[test]
fn a_cut_tail_ends_before_the_newest_head() {
    let Story { mut world, .. } = Story::told();
    let whole = world.segments.clone();
    let newest = world.ledger.newest_head().unwrap().clone();
    for kept in 1..whole.len() {
        let cut = replay(&mut world, &whole[..kept]).unwrap();
        assert_ne!(cut.newest_head(), Some(&newest), "{kept} segments");
        assert!(cut.newest_head().unwrap().size < newest.size);
    }
    assert_eq!(replay(&mut world, &whole).unwrap().newest_head(), Some(&newest));
}

/// Entries of one DAO's lane do not fit elsewhere, and a vote after the close is none.
#[test]
fn entries_out_of_time() {
    let Story { mut world, text, .. } = Story::told();
    let late = world.ballot(2, text, Choice::Yes);
    let error = world.append(&late).unwrap_err().to_string();
    assert!(error.contains("(ballot)") && error.contains("G-41: voting closed at height 18"), "{error}");
    // Old entries again, each refused by its own rule.
    for bytes in world.log.clone() {
        let entry = Entry::from_bytes(&bytes).unwrap();
        assert!(world.append(&entry).is_err(), "{entry:?}");
    }
}
