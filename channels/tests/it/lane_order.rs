//! Entries of the app lane arrive once and in order, whatever is lost.

use std::collections::BTreeMap;

use althing_channels::lane::{
    Arrival, LANE_WINDOW, LaneError, LaneReceiver, LaneSender, MAX_ENTRY_BYTES, PendingEntry,
};
use althing_channels::tagged_hash;
use lightning::util::ser::{Readable, Writeable};
use proptest::prelude::*;

const START: [u8; 32] = [0; 32];

fn head_after(head: [u8; 32], entry: &[u8]) -> [u8; 32] {
    tagged_hash("test/lane", &[&head, entry])
}

fn push(lane: &mut LaneSender, entry: Vec<u8>) -> Result<(), LaneError> {
    let (sequence, head) = lane.last();
    lane.push(PendingEntry { sequence: sequence + 1, head: head_after(head, &entry), entry })
}

#[test]
fn refusals_name_their_clause() {
    let mut lane = LaneSender::new(0, START);
    let entry = |sequence| PendingEntry { sequence, head: [1; 32], entry: vec![1] };
    assert_eq!(lane.push(entry(0)), Err(LaneError::Sequence { sequence: 0, expected: 1 }));
    assert_eq!(lane.push(entry(2)), Err(LaneError::Sequence { sequence: 2, expected: 1 }));
    let long = PendingEntry { entry: vec![0; MAX_ENTRY_BYTES + 1], ..entry(1) };
    assert_eq!(lane.push(long), Err(LaneError::EntrySize { bytes: MAX_ENTRY_BYTES + 1 }));
    for _ in 0..LANE_WINDOW {
        push(&mut lane, vec![1]).unwrap();
    }
    let full = push(&mut lane, vec![1]).unwrap_err();
    assert_eq!(full, LaneError::WindowFull { unacked: 64 });
    assert!(full.is_transient());
    assert_eq!(lane.acknowledge(65, START), Err(LaneError::AckAhead { up_to: 65, last_sent: 64 }));
    assert_eq!(lane.acknowledge(3, START), Err(LaneError::AckHead { up_to: 3 }));
    let third = lane.pending().nth(2).unwrap().head;
    assert_eq!(lane.acknowledge(3, third), Ok(3));
    assert_eq!(lane.acknowledge(3, third), Ok(0));
    assert_eq!(lane.acknowledge(2, START), Ok(0));
    assert_eq!(lane.acknowledge(3, START), Err(LaneError::AckHead { up_to: 3 }));
    assert_eq!(lane.withdraw_from(60).len(), 5);
    assert_eq!(lane.last().0, 59);
    assert_eq!(lane.acked(), (3, third));
}

#[test]
fn the_receiver_takes_only_the_next() {
    let mut lane = LaneReceiver::new(2, START);
    assert_eq!(lane.receive(0), Err(LaneError::Sequence { sequence: 0, expected: 3 }));
    assert_eq!(lane.receive(1), Ok(Arrival::Acknowledged));
    assert_eq!(lane.receive(4), Err(LaneError::Sequence { sequence: 4, expected: 3 }));
    assert_eq!(lane.receive(3), Ok(Arrival::Next));
    assert_eq!(lane.receive(3), Ok(Arrival::InProgress));
    assert_eq!(lane.logged(4, START), Err(LaneError::AckAhead { up_to: 4, last_sent: 3 }));
    lane.forget_unlogged();
    assert_eq!(lane.receive(3), Ok(Arrival::Next));
    assert_eq!(lane.logged(3, [1; 32]), Ok(()));
    assert_eq!(lane.durable(), (3, [1; 32]));
    for sequence in 4..4 + LANE_WINDOW {
        assert_eq!(lane.receive(sequence), Ok(Arrival::Next));
    }
    assert_eq!(lane.receive(4 + LANE_WINDOW), Err(LaneError::WindowFull { unacked: 64 }));
    let mut last = LaneReceiver::new(u64::MAX, START);
    assert!(last.receive(0).is_err());
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Deliver,
    Log,
    Ack,
    Reconnect,
    MemberRestart,
    HubRestart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Push),
        6 => Just(Step::Deliver),
        3 => Just(Step::Log),
        3 => Just(Step::Ack),
        1 => Just(Step::Reconnect),
        1 => Just(Step::MemberRestart),
        1 => Just(Step::HubRestart),
    ]
}

fn restarted<T: Readable + Writeable>(lane: &T) -> T {
    T::read(&mut lane.encode().as_slice()).unwrap()
}

proptest! {
    // The hub's log is always a prefix of what the member wrote, without gap or double.
    #[test]
    fn log_is_a_prefix_of_what_was_written(steps in prop::collection::vec(step(), 0..300)) {
        let mut sender = LaneSender::new(0, START);
        let mut receiver = LaneReceiver::new(0, START);
        let mut written: BTreeMap<u64, PendingEntry> = BTreeMap::new();
        let mut log: Vec<PendingEntry> = Vec::new();
        let mut checked: Vec<PendingEntry> = Vec::new();
        let mut wire: Vec<PendingEntry> = Vec::new();
        for step in steps {
            let mut resend = false;
            match step {
                Step::Push(byte) => {
                    if push(&mut sender, vec![byte]).is_ok() {
                        let pending = sender.pending().last().unwrap().clone();
                        prop_assert!(written.insert(pending.sequence, pending.clone()).is_none());
                        wire.push(pending);
                    }
                }
                Step::Deliver if !wire.is_empty() => {
                    let pending = wire.remove(0);
                    if receiver.receive(pending.sequence) == Ok(Arrival::Next) {
                        checked.push(pending);
                    }
                }
                Step::Log => {
                    log.append(&mut checked);
                    if let Some(last) = log.last() {
                        receiver.logged(last.sequence, last.head).unwrap();
                    }
                }
                Step::Ack => {
                    let (up_to, head) = receiver.durable();
                    sender.acknowledge(up_to, head).unwrap();
                }
                Step::Reconnect => resend = true,
                Step::MemberRestart => {
                    sender = restarted(&sender);
                    resend = true;
                }
                Step::HubRestart => {
                    receiver = restarted(&receiver);
                    resend = true;
                }
                Step::Deliver => {}
            }
            if resend {
                receiver.forget_unlogged();
                checked.clear();
                wire = sender.pending().cloned().collect();
            }
            for (index, entry) in log.iter().enumerate() {
                prop_assert_eq!(entry.sequence, index as u64 + 1);
                prop_assert_eq!(entry, &written[&entry.sequence]);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_lane_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = LaneSender::read(&mut bytes.as_slice());
        let _ = LaneReceiver::read(&mut bytes.as_slice());
    }
}
