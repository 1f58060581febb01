//! A laptop is lost: what comes back from a backup goes on with its peer, and never puts an old state on the chain.

use althing_channels::backup::{BackedUpChannel, Backup, BackupError, BackupKey, MAX_BACKUP_BYTES, counter_of};
use althing_channels::{Change, Channel, ChannelError, Phase, Side, Violation};
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

    pair.observed.rollbacks = true;
    *pair.stored(Side::Member) = Some(old.state);
    pair.crash(Side::Member);
    pair.reconnect();
    pair.settle();
    assert!(pair.channel(Side::Member).is_behind());
    assert!(pair.channel(Side::Member).force_close().is_err());
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
    assert!(matches!(many(16).seal(&key, [2; 24]), Err(BackupError::Size { .. })));
    assert!(many(3).seal(&key, [2; 24]).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Backup::open(&bytes, &BackupKey::new([1; 32])).is_err());
        let _ = counter_of(&bytes);
    }
}
