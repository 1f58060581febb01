//! Hazard: a stake whose checkpoints the log refuses since its member speaks with another key; and a lane that goes back, which
//! no channel folds (C-108).

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Checkpoint, Comment, Entry, KeyRotation, LaneEntry, next_lane_head};
use althing_governance::{ProposalId, dao};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{AUX, IntoEntry as _, World, keypair, member_id, text, txid};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The next entry of the lane.
    Say,
    /// The first of an incarnation so far above.
    Restore(u32),
    /// Another key from here on.
    Rotate,
    Checkpoint,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Say),
        1 => prop_oneof![1..4u32, Just(u32::MAX)].prop_map(Step::Restore),
        1 => Just(Step::Rotate),
        2 => Just(Step::Checkpoint),
    ]
}

/// Member 1 with a stake, by whichever key they use.
struct Owner {
    world: World,
    proposal: ProposalId,
    key: u8,
    /// Keys used before.
    retired: Vec<u8>,
    /// Every place of the lane so far: incarnation, sequence.
    places: Vec<(u32, u64)>,
}

impl Owner {
    fn new() -> Self {
        let mut world = World::with_stakes(&[5000, 4000]);
        let proposal = world.propose(2, text("Talk"));
        let mut owner = Self { world, proposal, key: 1, retired: Vec::new(), places: Vec::new() };
        owner.places.push(owner.place());
        owner
    }

    fn place(&self) -> (u32, u64) {
        let lane = self.world.state.lane(&member_id(self.key)).unwrap();
        (lane.incarnation, lane.sequence)
    }

    fn funding() -> OutPoint {
        OutPoint { txid: txid(1), vout: 0 }
    }

    fn say(&mut self, incarnation: u32) {
        let lane = self.world.state.next_lane_header(member_id(self.key), incarnation);
        let comment = Comment { proposal: self.proposal, parent: None, text: "Aye.".into() };
        let entry = LaneEntry::sign(&self.world.secp, lane, comment, &keypair(self.key), &AUX);
        self.world.append(entry.into_entry()).unwrap();
    }

    fn rotate(&mut self) {
        let p = self.world.state.params();
        let new = 30 + u8::try_from(self.retired.len()).unwrap();
        let rotation = KeyRotation {
            network: p.network,
            dao: p.dao_id,
            old_key: member_id(self.key),
            new_key: member_id(new),
            channel: dao::channel_id(p.dao_id, Self::funding()),
            member_funding_key: keypair(101).public_key(),
        };
        let signed = rotation.sign(&self.world.secp, &keypair(101), &keypair(new), &AUX);
        let before = *self.world.state.lane(&member_id(self.key)).unwrap();
        let id = self.world.append(Entry::KeyRotation(signed)).unwrap();
        let after = *self.world.state.lane(&member_id(new)).unwrap();
        assert_eq!((after.incarnation, after.sequence), (before.incarnation, before.sequence + 1));
        assert_eq!(after.head, next_lane_head(before.head, id), "the chain goes on through the rotation");
        self.retired.push(std::mem::replace(&mut self.key, new));
    }

    /// What a checkpoint at a place says, signed by a key.
    fn checkpoint(&mut self, by: u8, place: Option<(u32, u64)>) -> Entry {
        let Entry::Checkpoint(newest) = self.world.checkpoint(self.key, Self::funding(), 5000) else { unreachable!() };
        let (incarnation, sequence) = place.unwrap_or((newest.checkpoint.incarnation, newest.checkpoint.sequence));
        let checkpoint = Checkpoint { member: member_id(by), incarnation, sequence, ..newest.checkpoint };
        self.world.sign_checkpoint(by, checkpoint)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Say => self.say(self.place().0),
            Step::Restore(above) => self.say(self.place().0.saturating_add(above)),
            Step::Rotate => self.rotate(),
            Step::Checkpoint => {
                // By a key that is replaced it is refused, by the one in force it is taken, whichever place so far it names.
                if let Some(retired) = self.retired.last().copied() {
                    let old = self.checkpoint(retired, None);
                    assert_eq!(self.world.append(old).unwrap_err().rule(), "G-23");
                }
                for place in self.places.clone() {
                    let entry = self.checkpoint(self.key, Some(place));
                    if Some(&place) != self.places.last() {
                        assert_eq!(self.world.state.check(&entry), Ok(()), "{place:?}");
                    }
                }
                let entry = self.checkpoint(self.key, None);
                self.world.append(entry).unwrap();
            }
        }
        self.places.push(self.place());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_lane_goes_on_and_never_back_whatever_key_speaks(steps in prop::collection::vec(step(), 1..24)) {
        let mut owner = Owner::new();
        for step in steps {
            let before = owner.place();
            owner.step(step);
            match step {
                Step::Checkpoint => prop_assert_eq!(owner.place(), before),
                _ => prop_assert!(owner.place() > before, "{:?} after {:?}", owner.place(), before),
            }
        }
        // Whoever replays the log gets the same lanes.
        let replayed = althing_governance::LogState::replay(owner.world.state.params().clone(), owner.world.log.clone());
        let (replayed, key) = (replayed.unwrap(), member_id(owner.key));
        prop_assert_eq!(replayed.lane(&key), owner.world.state.lane(&key));
    }
}

#[test]
fn the_new_key_signs_the_next_number_and_no_other() {
    let mut owner = Owner::new();
    owner.say(1);
    owner.rotate();
    let (incarnation, sequence) = owner.place();
    let next = owner.world.state.next_lane_header(member_id(owner.key), incarnation);
    assert_eq!(next.sequence, sequence + 1);
    let comment = Comment { proposal: owner.proposal, parent: None, text: "Aye.".into() };
    let mut signed = |lane| {
        let entry = LaneEntry::sign(&owner.world.secp, lane, comment.clone(), &keypair(owner.key), &AUX).into_entry();
        owner.world.append(Entry::from_bytes(&entry.to_bytes()).unwrap()).map_err(|refusal| refusal.rule())
    };
    // Numbers that stand under the old key, the rotation's own, an incarnation that is over, and another chain.
    let mut low = next;
    for taken in 1..=sequence {
        low.sequence = taken;
        assert_eq!(signed(low).unwrap_err(), "G-21");
    }
    let mut over = next;
    over.incarnation = 0;
    assert_eq!(signed(over).unwrap_err(), "G-21");
    let mut apart = next;
    apart.prev_head = next_lane_head(next.prev_head, althing_governance::EntryId([9; 32]));
    assert_eq!(signed(apart).unwrap_err(), "G-21");
    signed(next).unwrap();
    let after = owner.world.state.next_lane_header(member_id(owner.key), incarnation);
    assert_eq!(after.sequence, sequence + 2);
}
