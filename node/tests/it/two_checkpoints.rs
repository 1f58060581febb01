//! Hazard: a side of a channel that signs two states for one number and denies one of them; and one that signed one state only
//! and is accused.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Checkpoint, Entry};
use althing_node::proof::bundle::{Bundle, Statement};
use althing_node::proof::parts::{ChannelSide, TwoCheckpointsPart};

use crate::statements::{assert_refused, judged};
use crate::story::{Story, VOTER};
use crate::world::{AUX, LOG, keypair};

const STRANGER: u8 = 77;

/// A checkpoint of the log.
fn logged(story: &Story) -> Checkpoint {
    let entries = story.world.log.iter().map(|bytes| Entry::from_bytes(bytes).unwrap());
    let mut checkpoints = entries.filter_map(|entry| match entry {
        Entry::Checkpoint(signed) => Some(signed.checkpoint),
        _ => None,
    });
    checkpoints.nth(usize::from(VOTER) - 1).unwrap()
}

/// The same with more of the channel for the hub.
fn rival(one: &Checkpoint) -> Checkpoint {
    Checkpoint { member_sat: one.member_sat - 1000, hub_sat: one.hub_sat + 1000, ..one.clone() }
}

fn signed_by(story: &Story, side: ChannelSide, checkpoints: [(Checkpoint, u8); 2]) -> Bundle {
    let mut checkpoints = checkpoints.map(|(checkpoint, signer)| {
        let signature = checkpoint.sign(&story.world.secp, &keypair(signer), &AUX);
        (checkpoint, signature)
    });
    checkpoints.sort_by_key(|(checkpoint, _)| checkpoint.to_bytes());
    story.bundle(0, Statement::TwoCheckpoints(Box::new(TwoCheckpointsPart { side, checkpoints })))
}

/// What a side has signed twice.
pub(crate) fn of(story: &Story, side: ChannelSide) -> Bundle {
    let signer = match side {
        ChannelSide::Member => VOTER,
        ChannelSide::Hub => LOG,
    };
    let one = logged(story);
    signed_by(story, side, [(rival(&one), signer), (one, signer)])
}

#[test]
fn who_signed_one_state_cannot_be_accused() {
    let story = Story::told();
    let one = logged(&story);
    let accused = |side, other: Checkpoint, signers: [u8; 2]| {
        signed_by(&story, side, [(one.clone(), signers[0]), (other, signers[1])])
    };
    for (side, signer) in [(ChannelSide::Member, VOTER), (ChannelSide::Hub, LOG)] {
        // Twice the same, the next number, another channel, another DAO, and one that somebody else signed.
        assert_refused(&story, &accused(side, one.clone(), [signer; 2]), "P-400");
        let next = Checkpoint { number: one.number + 1, ..rival(&one) };
        assert_refused(&story, &accused(side, next, [signer; 2]), "P-400");
        let other = Checkpoint { channel: althing_governance::ChannelId([9; 32]), ..rival(&one) };
        assert_refused(&story, &accused(side, other, [signer; 2]), "P-400");
        let foreign = Checkpoint { dao: althing_governance::DaoId([9; 32]), ..rival(&one) };
        assert_refused(&story, &accused(side, foreign, [signer; 2]), "P-12");
        assert_refused(&story, &accused(side, rival(&one), [signer, STRANGER]), "P-400");
        // A member's signature is none of the hub's, nor the other way round.
        assert_refused(&story, &accused(side, rival(&one), [VOTER, LOG]), "P-400");
        // The order of the bytes.
        let mut swapped = accused(side, rival(&one), [signer; 2]);
        let Statement::TwoCheckpoints(part) = &mut swapped.statement else { unreachable!() };
        part.checkpoints.swap(0, 1);
        assert_refused(&story, &swapped, "P-400");
    }
    // A key that was replaced, in somebody else's hands, says nothing about who has the new one; nor the new one about the old.
    let by_other_key = Checkpoint { member: crate::world::member_id(STRANGER), ..rival(&one) };
    assert_refused(&story, &accused(ChannelSide::Member, by_other_key, [VOTER, STRANGER]), "P-400");
}

#[test]
fn both_sides_can_be_convicted() {
    let story = Story::told();
    for side in [ChannelSide::Member, ChannelSide::Hub] {
        let finding = judged(&story, &of(&story, side)).unwrap();
        assert!(finding.contains("signed two checkpoints of number 1"), "{finding}");
    }
}
