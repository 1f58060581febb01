//! Hazard: a hub that anchors something else than its log gives, on Bitcoin, with links that are perfectly good.
//!
//! Proof files show only what they hold; some of these lies pass there (see `forged`). Nobody who replays the log takes
//! them: the `anchored` entry is refused, naming the field, and with it everything the hub says afterwards.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Anchored, Choice, Entry};
use althing_governance::epoch::EpochClose;
use althing_governance::id::TreeHash;
use althing_governance::state::STALE_HEADS;
use althing_governance::tally::{BallotLeaf, Outcome};
use althing_node::ledger::LedgerError;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Txid};

use crate::forger::{forge_ballots, forge_decision, forge_roll, reweigh};
use crate::story::{DECIDING, Story, VOTER};
use crate::world::{MEMBERS, member_id};

/// Anchors a changed close; the replay must refuse the entry with this in the message and stay as it was.
#[track_caller]
fn refused(name: &str, meaning: &str, change: impl FnOnce(&Story, &mut EpochClose)) {
    let (mut story, entry) = Story::told_with(change);
    let before = story.world.ledger.state().clone();
    let error = story.world.append(&entry).expect_err(name);
    assert!(matches!(error, LedgerError::Invalid { kind: Some("anchored"), .. }), "{name}: {error:?}");
    let message = error.to_string();
    assert!(message.contains(meaning) && message.contains(&format!("entry {}", before.size())), "{name}: {message}");
    assert_eq!(*story.world.ledger.state(), before, "{name}");
}

#[test]
fn the_honest_one_is_taken() {
    let (mut story, entry) = Story::told_with(|_, _| {});
    story.world.append(&entry).unwrap();
    assert_eq!(story.world.ledger.state().anchored().len() as u32, DECIDING);
}

/// Tips may become stale behind an honest hub; a day of them in a row may not.
#[test]
fn heads_of_made_up_blocks_are_refused() {
    let (mut story, entry) = Story::told_with(|_, _| {});
    story.world.append(&entry).unwrap();
    let world = &mut story.world;
    let day = u32::try_from(STALE_HEADS).unwrap();
    for number in 1..=day {
        world.chain.mine(Vec::new());
        let head = world.head_of(BlockHash::from_byte_array([0x5a; 32]));
        match world.append(&head) {
            Ok(()) => assert!(number < day, "{number} in a row"),
            Err(error) => {
                assert!(matches!(error, LedgerError::Invalid { kind: Some("head"), .. }), "{error:?}");
                let (message, found) = (error.to_string(), world.chain.hash(world.chain.height()));
                assert!(message.contains("G-30") && message.contains(&found.to_string()), "{message}");
                assert_eq!(number, day);
            }
        }
    }
}

#[test]
fn every_wrong_tree_is_named() {
    let voter = member_id(VOTER).0;
    refused("sums", "ballots_root", |story, close| {
        forge_ballots(close, story.text, true, |leaf| leaf.sums.swap(0, 1));
        forge_decision(close, story.text, |decision| decision.outcome = Outcome::Passed { option: None });
    });
    refused("a ballot left out", "ballots_root", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                leaf.value = BallotLeaf::None.to_bytes();
                leaf.sums[..5].fill(0);
            }
        });
    });
    refused("an earlier ballot", "ballots_root", |story, close| {
        let state = story.world.ledger.state();
        let first = state.proposals()[&story.text].ballots.of(&member_id(VOTER)).last().unwrap();
        assert_eq!(first.fields, [Choice::No.field()]);
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                let mut ballot = BallotLeaf::from_bytes(&leaf.value).unwrap();
                let BallotLeaf::Own(counted) = &mut ballot else { unreachable!() };
                (counted.position, counted.entry) = (first.position, state.entry_at(first.position).unwrap());
                counted.fields = first.fields.to_vec();
                leaf.value = ballot.to_bytes();
                leaf.sums.swap(0, 1);
            }
        });
    });
    refused("a final tally called open", "ballots_root", |story, close| {
        forge_ballots(close, story.spend, false, |_| {});
    });
    refused("a weight, in tally and roll alike", "rolls_root", |story, close| {
        forge_ballots(close, story.text, true, |leaf| {
            if leaf.key == voter {
                reweigh(leaf, 600_000);
            }
        });
        forge_roll(close, 1, |leaf| {
            if leaf.key == voter {
                leaf.sums = vec![600_000];
            }
        });
    });
    refused("next epoch's roll", "rolls_root", |_, close| {
        forge_roll(close, DECIDING, |leaf| leaf.sums[0] += 1);
    });
    refused("an outcome", "decisions_root", |story, close| {
        forge_decision(close, story.text, |decision| decision.outcome = Outcome::Passed { option: None });
    });
    refused("an amount", "decisions_root", |story, close| {
        forge_decision(close, story.spend, |decision| decision.authorisation.as_mut().unwrap().amount_sat += 1);
    });
    refused("a gate of its own choice", "decisions_root", |story, close| {
        let last = *story.world.params().gates.last().unwrap();
        forge_decision(close, story.spend, |decision| decision.gate = Some(last));
    });
    refused("an authorisation withheld", "decisions_root", |story, close| {
        forge_decision(close, story.spend, |decision| (decision.gate, decision.authorisation) = (None, None));
    });
}

#[test]
fn every_wrong_field_of_the_header_is_named() {
    refused("log root", "header covers size", |_, close| close.header.log_root = TreeHash([5; 32]));
    refused("log size", "header covers size", |_, close| close.header.log_size -= 1);
    refused("closing block", "closing_hash", |_, close| {
        close.header.closing_hash = BlockHash::from_byte_array([5; 32])
    });
    refused("closing height", "no boundary above", |_, close| close.header.closing_height = 17);
    refused("closing height before", "no boundary above", |_, close| close.header.closing_height = 12);
    refused("number", "epoch 4 is anchored, next is 3", |_, close| close.header.epoch = 4);
    refused("number of the epoch before", "epoch 2 is anchored, next is 3", |_, close| close.header.epoch = 2);
    refused("previous header", "previous header is", |_, close| close.header.prev_header.0[0] ^= 1);
    refused("charter", "header names charter", |_, close| close.header.charter.0[0] ^= 1);
    refused("DAO", "G-20: entry is for DAO", |_, close| close.header.dao.0[0] ^= 1);
    refused("spare seal", "spare seal is", |_, close| close.header.spare_seal.vout = 0);
    refused("anchor key", "next anchor key is", |_, close| {
        close.header.next_anchor_key = crate::world::keypair(50).x_only_public_key().0;
    });
}

/// The header is right, what is said about its link is not.
#[test]
fn links_that_are_not_as_stated() {
    let (mut story, entry) = Story::told_with(|_, _| {});
    let Entry::Anchored(honest) = entry.clone() else { unreachable!() };
    let honest = honest.statement;
    let world = &mut story.world;
    let mut refuse = |name: &str, meaning: &str, anchored: Anchored| {
        let entry = world.sign_statement(anchored);
        let message = world.append(&entry).expect_err(name).to_string();
        assert!(message.contains(meaning), "{name}: {message}");
    };
    refuse("link", "A-51: the log says link", Anchored { link: Txid::from_byte_array([5; 32]), ..honest.clone() });
    refuse(
        "block",
        "A-51: the log says",
        Anchored { mined_hash: BlockHash::from_byte_array([5; 32]), ..honest.clone() },
    );
    let below = honest.mined_height - 1;
    refuse("height", "A-51: the log says", Anchored { mined_height: below, ..honest.clone() });
    refuse("height below the close", "G-31: mined at height", Anchored { mined_height: 18, ..honest.clone() });
    refuse("not final yet", "not yet: G-31", Anchored { mined_height: honest.mined_height + 1, ..honest });
    story.world.append(&entry).unwrap();
}

/// The log says that an epoch is anchored, Bitcoin does not: the seal is unspent, or its spender commits to another header.
#[test]
fn a_link_that_does_not_exist_or_commits_to_something_else() {
    let mut story = Story::voted();
    let close = story.world.close();
    let block = story.world.chain.height() + 1;
    story.world.blocks_to(block + 2);
    let entry = story.world.sign_anchored(close.header, Txid::from_byte_array([5; 32]), block);
    let message = story.world.append(&entry).unwrap_err().to_string();
    assert!(message.contains("A-1: the seal") && message.contains("is unspent"), "{message}");

    // Bitcoin got a header with one tree changed; the log tells the right one.
    let (mut story, _) = Story::told_with(|story, close| {
        forge_decision(close, story.text, |decision| decision.outcome = Outcome::Passed { option: None });
    });
    let (epoch, boundary) = (DECIDING, story.world.closes[2].header.closing_height);
    let hash = story.world.chain.hash(boundary);
    let right = story.world.ledger.close_epoch(epoch, boundary, hash, &mut story.world.chain).unwrap().header;
    let entry = story.world.sign_anchored(right, *story.world.links.last().unwrap(), boundary + 2);
    let message = story.world.append(&entry).unwrap_err().to_string();
    assert!(message.contains("the link of epoch 3: A-6"), "{message}");
}

/// A header that a hub announces, not yet logged, is checked alike, and a wrong one leaves no trace in the ledger.
#[test]
fn an_announced_header_that_is_wrong_leaves_no_trace() {
    let mut story = Story::voted();
    let right = story.world.close().header;
    let world = &mut story.world;
    let known: Vec<_> = world.ledger.headers().copied().collect();
    for epoch in [1, 2, 4, 7, u32::MAX] {
        let wrong = althing_governance::EpochHeader { epoch, ..right };
        let size = world.ledger.state().size();
        assert!(world.ledger.check_header(size, &wrong, &mut world.chain).is_err(), "epoch {epoch}");
        assert_eq!(world.ledger.headers().copied().collect::<Vec<_>>(), known, "epoch {epoch}");
    }
    let size = world.ledger.state().size();
    world.ledger.check_header(size, &right, &mut world.chain).unwrap();
    assert!(known.contains(&right));
}

#[test]
fn stakes_that_are_not_on_chain_weigh_nothing() {
    let Story { world, .. } = Story::told();
    let roll = world.ledger.state().roll(1).unwrap();
    assert_eq!(roll.len(), usize::from(MEMBERS));
    // The same log on a chain without the fundings gives another roll, so the first anchored entry is refused.
    let mut ledger = althing_node::ledger::Ledger::new(world.params().clone());
    let mut chain = world.chain.with_stakes_hidden();
    let error = world.segments.iter().try_for_each(|segment| ledger.append_segment(segment, &mut chain)).unwrap_err();
    assert!(error.to_string().contains("(anchored): G-60: the header of epoch 1"), "{error}");
    assert!(error.to_string().contains("rolls_root"), "{error}");
}
