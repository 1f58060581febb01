//! A laptop is lost: what comes back from a backup goes on with its peer, and never puts an old state on the chain.

use althing_channels::backup::{
    BackedUpChannel, Backup, BackupError, BackupKey, Gathering, MAX_BACKUP_BYTES, MAX_STATE_BYTES, PART_BYTES,
    counter_of, parts_of,
};
use althing_channels::wire::{BackupStore, MAX_MESSAGE_BYTES, PartOf};
use althing_channels::{Change, Channel, ChannelError, Effect, HoldId, MAX_HOLDS, Msg, Phase, Side, Violation};
use lightning::util::ser::Writeable;
use proptest::prelude::*;

use crate::pair::{Pair, keys};

fn pay(pair: &mut Pair, amount_sat: u64) {
    pair.take_turn(Side::Member);
    pair.pay(Side::Member, Change::Dues { amount_sat }).unwrap();
    pair.settle();
}

fn backup(pair: &mut Pair, counter: u64) -> Backup {
    let channel = pair.channel(Side::Member);
    let state = channel.encode_backup().unwrap();
    let number = channel.number();
    let peer = keys(Side::Hub).public().payment;
    Backup { counter, channels: vec![BackedUpChannel { index: 4, peer, state, number }] }
}

#[test]
fn comes_back_from_seed_and_blob_and_goes_on() {
    let mut pair = Pair::in_use();
    pay(&mut pair, 10_000);
    let key = BackupKey::new([1; 32]);
    let sealed = backup(&mut pair, 3).seal(&key, [2; 24]).unwrap();
    assert_eq!(counter_of(&sealed), Ok(3));
    let opened = Backup::open(&sealed, &key).unwrap();
    assert_eq!(opened, backup(&mut pair, 3));

    *pair.stored(Side::Member) = Some(opened.channels[0].state.clone());
    pair.crash(Side::Member);
    pair.reconnect();
    pair.settle();
    assert_eq!(pair.channel(Side::Member).restored_number(), Some(1));
    pay(&mut pair, 5_000);
    pair.check_against_model();
    // What was made after the restore can be broadcast.
    pair.force_close(Side::Member);
    assert_eq!(pair.commitments.len(), 1);
}

/// C-94: with what the hub was given before each message, a disk may be lost behind any message of a round.
#[test]
fn a_disk_may_be_lost_behind_any_message() {
    let places = [Side::Member, Side::Hub].map(|proposer| (0..).take_while(|at| lose_disk(proposer, *at)).count());
    // A round is four messages, whoever begins: sign; revoke and sign; revoke (C-105).
    assert_eq!(places, [4, 4]);
}

/// Loses the member's disk behind the message `at` of a round; `false` when the round has fewer.
fn lose_disk(proposer: Side, at: usize) -> bool {
    let mut pair = Pair::in_use();
    pay(&mut pair, 40_000);
    pair.take_turn(proposer);
    pair.settle();
    let copy = |pair: &mut Pair| pair.channel(Side::Member).encode_backup().unwrap();
    let mut at_hub = copy(&mut pair);
    let change = match proposer {
        Side::Member => Change::Dues { amount_sat: 5_000 },
        Side::Hub => Change::Reward { amount_sat: 5_000 },
    };
    pair.pay(proposer, change).unwrap();
    let mut made = copy(&mut pair);
    let mut outgoing = std::collections::VecDeque::new();
    // What the hub got: a message that is lost with the disk gave nothing away.
    let (mut revealed, mut given) = (*pair.observed.revealed.of(Side::Member), *pair.observed.given.of(Side::Member));
    for step in 0.. {
        while let Some(msg) = pair.intercept(Side::Member) {
            outgoing.push_back((msg, made.clone()));
        }
        if let Some((msg, sent_before)) = outgoing.pop_front() {
            if matches!(msg, Msg::CheckpointSign(_) | Msg::CheckpointRevoke(_)) {
                at_hub = sent_before;
            }
            match &msg {
                Msg::CheckpointRevoke(msg) => revealed = msg.number + 1,
                Msg::CheckpointSign(msg) => given = msg.number,
                _ => {}
            }
            pair.deliver(Side::Hub, &msg);
        } else if let Some(msg) = pair.intercept(Side::Hub) {
            pair.deliver(Side::Member, &msg);
            made = copy(&mut pair);
        } else {
            return false;
        }
        if step == at {
            break;
        }
    }
    *pair.stored(Side::Member) = Some(at_hub);
    (pair.observed.revealed.member, pair.observed.given.member) = (revealed, given);
    pair.crash(Side::Member);
    pair.reconnect();
    pair.settle();
    for side in [Side::Member, Side::Hub] {
        assert!(!pair.channel(side).is_behind(), "{proposer:?} {at} {side:?}");
    }
    pay(&mut pair, 1_000);
    pair.check_against_model();
    true
}

#[test]
fn a_restored_commitment_is_never_broadcast() {
    let mut pair = Pair::in_use();
    pay(&mut pair, 10_000);
    let state = backup(&mut pair, 3).channels[0].state.clone();
    let mut restored = Channel::decode(&state, keys(Side::Member)).unwrap();
    let refusal = restored.force_close().unwrap_err();
    assert_eq!(refusal, ChannelError::Invalid(Violation::Restored { number: 1 }));
    assert_eq!(restored.phase(), Phase::Ready);
    // Not even by software that does not know the rule: what completes a signature is not there.
    let whole = pair.channel(Side::Member).encode();
    assert_eq!(whole.len() + 10, state.len(), "only the mark is added");
    assert_ne!(whole[..whole.len()], state[..whole.len()]);
}

#[test]
fn an_old_backup_never_acts_and_the_log_shows_it() {
    let mut pair = Pair::in_use();
    pay(&mut pair, 10_000);
    let old = backup(&mut pair, 3).channels[0].clone();
    pay(&mut pair, 10_000);
    let logged = pair.channel(Side::Hub).number();
    assert_eq!(old.check_against_log(logged), Err(BackupError::Stale { index: 4, number: 1, logged: 2 }));
    assert_eq!(old.check_against_log(1), Ok(()));

    // Also against a hub that pretends to be where the old backup is: what both signed in the log is enough.
    let mut alone = Channel::decode(&old.state, keys(Side::Member)).unwrap();
    assert_eq!(alone.judge_by_log(1), []);
    let effects = alone.judge_by_log(logged);
    assert!(
        matches!(effects.as_slice(), [Effect::Persist, Effect::Send(Msg::PeerError(error)), Effect::Behind] if error.rule == "C-93")
    );
    assert_eq!(alone.force_close().unwrap_err(), ChannelError::Invalid(Violation::Behind));
    assert!(Channel::decode(&alone.encode(), keys(Side::Member)).unwrap().is_behind(), "it is stored");

    pair.finds_itself_behind(Some(old.state));
    assert_eq!(pair.commitments.len(), 0);
}

#[test]
fn states_not_worth_keeping_are_not_kept() {
    let mut pair = Pair::new(Vec::new());
    assert_eq!(pair.channel(Side::Member).encode_backup(), None);
    pair.run_until(Phase::Ready);
    pair.close(Side::Member);
    pair.settle();
    assert!(pair.channel(Side::Member).encode_backup().is_some());
    pair.run_until(Phase::Closed);
    assert_eq!(pair.channel(Side::Member).encode_backup(), None);
    // A force close is the last thing ever signed.
    let mut pair = Pair::in_use();
    pair.force_close(Side::Member);
    assert_eq!(pair.channel(Side::Member).encode_backup(), Some(pair.channel(Side::Member).encode()));
}

#[test]
fn refusals_name_what_is_wrong() {
    let mut pair = Pair::in_use();
    let (key, other) = (BackupKey::new([1; 32]), BackupKey::new([2; 32]));
    let whole = backup(&mut pair, 3);
    let sealed = whole.seal(&key, [2; 24]).unwrap();
    assert_eq!(Backup::open(&sealed, &other), Err(BackupError::Sealed));
    assert_eq!(Backup::open(&[], &key), Err(BackupError::Sealed));
    assert_eq!(Backup::open(&sealed[..20], &key), Err(BackupError::Sealed));
    let mut changed = sealed.clone();
    changed[8] += 1;
    assert_eq!(counter_of(&changed), Ok(4));
    assert_eq!(Backup::open(&changed, &key), Err(BackupError::Sealed), "a counter cannot be raised");
    changed[0] = 2;
    assert_eq!(Backup::open(&changed, &key), Err(BackupError::Version { version: 2 }));
    let bytes = MAX_BACKUP_BYTES + 1;
    assert_eq!(counter_of(&vec![1; bytes]), Err(BackupError::Size { bytes }));
    let many = |count| Backup { counter: 1, channels: vec![whole.channels[0].clone(); count] };
    assert_eq!(many(17).seal(&key, [2; 24]), Err(BackupError::Channels { channels: 17 }));
    assert!(many(16).seal(&key, [2; 24]).is_ok());
    let mut long = many(1);
    long.channels[0].state = vec![0; MAX_STATE_BYTES + 1];
    assert_eq!(long.seal(&key, [2; 24]), Err(BackupError::State { index: 4, bytes: MAX_STATE_BYTES + 1 }));
}

/// C-90: what is longer than a message goes in parts, and only the parts of one backup, in their order, make one.
#[test]
fn a_long_backup_goes_in_parts() {
    let mut pair = Pair::in_use();
    let short = backup(&mut pair, 3).seal(&BackupKey::new([1; 32]), [2; 24]).unwrap();
    assert_eq!(parts_of(&short), [(None, short.clone())]);
    assert_eq!(Gathering::default().take(None, &short), Ok(Some(short)));

    let long: Vec<u8> = (0..MAX_BACKUP_BYTES).map(|at| at as u8).collect();
    let parts = parts_of(&long);
    assert_eq!(parts.len(), MAX_BACKUP_BYTES.div_ceil(PART_BYTES));
    for (part, sealed) in &parts {
        let message = Msg::from(BackupStore { sealed: sealed.clone(), part: *part });
        let bytes = message.encode().len();
        assert!(bytes <= MAX_MESSAGE_BYTES, "C-41: {bytes} bytes");
    }
    let mut gathering = Gathering::default();
    // A part that was begun and not finished is forgotten by the next part 0.
    assert_eq!(gathering.take(parts[0].0, &parts[0].1), Ok(None));
    let (last, before) = parts.split_last().unwrap();
    for (place, bytes) in before {
        assert_eq!(gathering.take(*place, bytes), Ok(None));
    }
    assert_eq!(gathering.take(last.0, &last.1), Ok(Some(long)));
}

/// C-86: what a member has as a rule, one channel, is kept in 16 KiB, however full the channel is; only splices that are themselves long
/// take more.
#[test]
fn the_backup_of_one_channel_has_at_most_16_kib() {
    const DESIGN_BYTES: usize = 16 * 1024;
    let mut pair = Pair::in_use();
    pay(&mut pair, 40_000);
    let bytes = |pair: &mut Pair| backup(pair, 3).seal(&BackupKey::new([1; 32]), [2; 24]).unwrap().len();
    let plain = bytes(&mut pair);
    assert!(plain < DESIGN_BYTES / 2, "{plain} bytes");
    for at in 1..=MAX_HOLDS {
        pair.take_turn(Side::Member);
        let id = HoldId([u8::try_from(at).unwrap(); 32]);
        let order = pair.channel(Side::Member).order_hold(at as u64, id, 1_000, [0; 32]).unwrap();
        pair.pay(Side::Member, Change::Hold(order)).unwrap();
        pair.settle();
    }
    let held = bytes(&mut pair);
    // A top-up, and a replacement of it at a higher fee.
    for added in [50_000, 50_000] {
        pair.take_turn(Side::Member);
        pair.announce(added).unwrap();
        pair.settle();
    }
    assert_eq!(pair.channel(Side::Member).fundings().len(), 3);
    let spliced = bytes(&mut pair);
    assert!(plain < held && held < spliced && spliced <= DESIGN_BYTES, "{plain}, {held}, {spliced} bytes");
}

#[test]
fn parts_that_make_no_backup_are_refused() {
    let full = vec![0; PART_BYTES];
    let most = u16::try_from(MAX_BACKUP_BYTES.div_ceil(PART_BYTES)).unwrap();
    let place = |part, parts| Some(PartOf { part, parts });
    for (first, then, bytes) in [
        (None, place(1, 3), full.len()),        // without part 0
        (place(0, 3), place(2, 3), 1),          // a gap
        (place(0, 3), place(1, 4), full.len()), // of another backup
        (place(0, 3), place(1, 3), 1),          // short, and not the last
        (place(0, 2), place(1, 2), 0),          // the last one is empty
        (place(0, 2), place(1, 2), full.len() + 1),
        (None, place(0, 1), 1), // one part alone has no number
        (None, place(0, 0), 1),
        (None, place(3, 2), 1),
        (None, place(0, most + 1), full.len()), // longer than any backup
    ] {
        let mut gathering = Gathering::default();
        if let Some(first) = first {
            assert_eq!(gathering.take(Some(first), &full), Ok(None));
        }
        let PartOf { part, parts } = then.unwrap();
        let refusal = gathering.take(then, &vec![0; bytes]);
        assert_eq!(refusal, Err(BackupError::Part { part, parts, bytes }), "{first:?} {then:?}");
    }
    let bytes = PART_BYTES + 1;
    assert_eq!(Gathering::default().take(None, &vec![0; bytes]), Err(BackupError::Size { bytes }));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Backup::open(&bytes, &BackupKey::new([1; 32])).is_err());
        let _ = counter_of(&bytes);
    }
}
