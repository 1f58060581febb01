//! What the intake says of entries is what one-by-one checks say, whatever stands beside them. N-70 to N-73.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Ballot, Choice, Entry, LaneEntry, entry_id};
use althing_governance::id::ProposalId;
use althing_node::intake::{Arrived, Door, Examiner, Finding, Intake, Offered, PEER_ENTRIES, Report, STRIKES_MAX};
use bitcoin::secp256k1::{PublicKey, Secp256k1, schnorr};
use proptest::prelude::*;

use crate::world::{AUX, World, keypair, member_id};

/// Nothing here takes longer than a batch; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn peer(number: u8) -> PublicKey {
    keypair(number).public_key()
}

fn ballot(world: &World, member: u8, number: u8) -> LaneEntry<Ballot> {
    let lane = world.ledger.state().next_lane_header(member_id(member), u32::from(number));
    let body = Ballot::new(ProposalId([number; 32]), Choice::Yes, None);
    LaneEntry::sign(&Secp256k1::new(), lane, body, &keypair(member), &AUX)
}

fn offered(from: u8, bytes: Vec<u8>) -> Offered {
    Offered { peer: peer(from), sequence: 7, bytes }
}

/// What can be wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Malformed,
    /// A bit of s.
    Bit,
    /// The signature of the entry before it.
    Swapped,
    /// Two entries whose errors cancel in an unweighted sum.
    Pair,
    Stranger,
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::Malformed),
        1 => Just(Fault::Bit),
        1 => Just(Fault::Swapped),
        1 => Just(Fault::Pair),
        1 => Just(Fault::Stranger),
    ];
    prop::collection::vec(fault, 1..150)
}

/// s of a signature moved by one, up or down: valid bytes, another number.
fn moved(signature: &schnorr::Signature, up: bool) -> schnorr::Signature {
    let mut bytes = signature.serialize();
    let last = bytes[63];
    bytes[63] = if up { last.wrapping_add(1) } else { last.wrapping_sub(1) };
    schnorr::Signature::from_slice(&bytes).unwrap()
}

const STRANGER: u8 = 6;

fn batch(world: &World, faults: &[Fault]) -> Vec<Offered> {
    let mut before = None;
    let mut up = false;
    let mut batch = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        let member = if *fault == Fault::Stranger { STRANGER } else { 1 + (index % 4) as u8 };
        let mut entry = ballot(world, member, index as u8);
        let signature = entry.signature;
        match fault {
            Fault::Bit => entry.signature = moved(&signature, true),
            Fault::Pair => {
                up = !up;
                entry.signature = moved(&signature, up);
            }
            Fault::Swapped => entry.signature = before.unwrap_or(moved(&signature, false)),
            _ => {}
        }
        before = Some(signature);
        let mut bytes = Entry::Ballot(entry).to_bytes();
        if *fault == Fault::Malformed {
            bytes.push(0);
        }
        batch.push(offered(member, bytes));
    }
    batch
}

fn names(arrived: &[Arrived]) -> Vec<&'static str> {
    arrived
        .iter()
        .map(|arrived| match arrived.finding {
            Finding::Signed(_) => "signed",
            Finding::Stranger(_) => "stranger",
            Finding::Malformed(_) => "malformed",
            Finding::Forged(_) => "forged",
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_batch_finds_what_one_by_one_finds(faults in faults(), cores in 1usize..4) {
        let world = World::founded();
        let examiner = Examiner::new(world.params().charter.hub_log_key, cores);
        examiner.know((1..=9).filter(|number| *number != STRANGER).map(member_id));
        let batch = batch(&world, &faults);
        let alone = examiner.examine_one_by_one(batch.clone());
        let together = examiner.examine(batch.clone());
        let expected: Vec<&str> = faults
            .iter()
            .map(|fault| match fault {
                Fault::None => "signed",
                Fault::Malformed => "malformed",
                Fault::Stranger => "stranger",
                Fault::Bit | Fault::Swapped | Fault::Pair => "forged",
            })
            .collect();
        prop_assert_eq!(names(&alone), expected.clone());
        prop_assert_eq!(names(&together), expected);
        for (arrived, offered) in together.iter().zip(&batch) {
            prop_assert_eq!(&arrived.offered, offered);
            prop_assert_eq!(arrived.digests.id, entry_id(&offered.bytes));
        }
        prop_assert_eq!(examiner.disagreement(), None);
    }
}

fn started(world: &World) -> (Intake, Door, Receiver<Report>) {
    let (reports, inbox) = sync_channel(64);
    let intake = Intake::start(world.params().charter.hub_log_key, 2, move |report| reports.send(report).is_ok());
    let intake = intake.unwrap();
    intake.know((1..=4).map(member_id));
    let door = intake.door();
    (intake, door, inbox)
}

#[test]
fn a_lone_entry_waits_for_nobody() {
    let world = World::founded();
    let (_intake, door, inbox) = started(&world);
    door.offer(offered(1, Entry::Ballot(ballot(&world, 1, 1)).to_bytes())).unwrap();
    let Report::Batch(arrived) = inbox.recv_timeout(PATIENCE).unwrap() else { panic!("a batch") };
    assert_eq!(names(&arrived), ["signed"]);
}

#[test]
fn a_flood_of_bad_signatures_shuts_out_its_sender_alone() {
    let world = World::founded();
    let (intake, door, inbox) = started(&world);
    let mut forged = ballot(&world, 2, 1);
    forged.signature = moved(&forged.signature, true);
    let forged = Entry::Ballot(forged).to_bytes();
    let honest = Entry::Ballot(ballot(&world, 1, 1)).to_bytes();
    let (mut signed, mut offered_honest, mut shut_out) = (0, 0, None);
    while shut_out.is_none() || signed < offered_honest {
        if shut_out.is_none() {
            assert!(offered_honest < 100 * STRIKES_MAX, "the flood is never stopped");
            // Refused from the moment it is judged, which may be before the report is read.
            let _ = door.offer(offered(2, forged.clone()));
            door.offer(offered(1, honest.clone())).unwrap();
            offered_honest += 1;
        }
        match inbox.recv_timeout(PATIENCE).expect("every honest entry comes through") {
            Report::Batch(arrived) => {
                signed += names(&arrived).iter().filter(|name| **name == "signed").count() as u32;
                intake.settled();
            }
            Report::Misbehaving(who) => shut_out = Some(who),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shut_out, Some(peer(2)));
    assert_eq!(signed, offered_honest);
    assert!(door.offer(offered(2, honest.clone())).is_err(), "also what is well signed");
    door.offer(offered(1, honest)).unwrap();
}

#[test]
fn a_slow_engine_holds_its_peers_back_and_nothing_else() {
    let world = World::founded();
    let (intake, door, inbox) = started(&world);
    let bytes = Entry::Ballot(ballot(&world, 1, 1)).to_bytes();
    // Nobody settles: two batches are handed out, the rest waits where it was offered.
    let mut taken = 0;
    while door.offer(offered(1, bytes.clone())).is_ok() {
        taken += 1;
        assert!(taken < 10 * PEER_ENTRIES, "the queue has no end");
    }
    door.offer(offered(3, bytes)).expect("another peer has its own queue");
    let mut handed_out = 0;
    while let Ok(report) = inbox.recv_timeout(Duration::from_millis(300)) {
        let Report::Batch(arrived) = report else { panic!("{report:?}") };
        handed_out += arrived.len();
    }
    assert!(handed_out < taken, "{handed_out} of {taken}");
    while handed_out < taken + 1 {
        intake.settled();
        match inbox.recv_timeout(PATIENCE) {
            Ok(Report::Batch(arrived)) => handed_out += arrived.len(),
            other => panic!("{handed_out} of {taken} and one more: {other:?}"),
        }
    }
    assert_eq!(handed_out, taken + 1);
}
