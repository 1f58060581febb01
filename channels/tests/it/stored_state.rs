//! What is stored comes back whole, or is refused with words.

use althing_channels::{Channel, ChannelKeys, ChannelSeed, Phase, Side, StateError};
use lightning::util::ser::{BigSize, Readable, Writeable};
use proptest::prelude::*;

use crate::pair::{Pair, keys};

fn stored(phase: Phase) -> Vec<u8> {
    let mut pair = Pair::new(Vec::new());
    if phase != Phase::AwaitAccept {
        pair.run_until(Phase::Ready);
    }
    if phase == Phase::Closed {
        pair.close(Side::Member);
        pair.run_until(Phase::Closed);
    }
    if phase == Phase::ForceClosing {
        pair.force_close(Side::Member);
    }
    pair.channel(Side::Member).encode()
}

const PHASES: [Phase; 4] = [Phase::AwaitAccept, Phase::Ready, Phase::Closed, Phase::ForceClosing];

#[test]
fn comes_back_whole() {
    for phase in PHASES {
        let bytes = stored(phase);
        let channel = Channel::decode(&bytes, keys(Side::Member)).unwrap();
        assert_eq!(channel.phase(), phase);
        assert_eq!(channel.encode(), bytes);
    }
}

/// A state as software of version 1 wrote it: without the record of the money lane.
fn before_checkpoints(bytes: &[u8]) -> Vec<u8> {
    let mut stream = &bytes[1..];
    let BigSize(_) = Readable::read(&mut stream).unwrap();
    let mut records = Vec::new();
    while !stream.is_empty() {
        let from = stream;
        let (BigSize(kind), BigSize(length)) =
            (Readable::read(&mut stream).unwrap(), Readable::read(&mut stream).unwrap());
        stream = &stream[length as usize..];
        if kind < 35 {
            records.extend(&from[..from.len() - stream.len()]);
        }
    }
    let length = BigSize(records.len() as u64).encode();
    [vec![1], length, records].concat()
}

#[test]
fn a_channel_from_before_checkpoints_begins_at_number_0() {
    let mut pair = Pair::in_use();
    let fresh = pair.channel(Side::Member).encode();
    let channel = Channel::decode(&before_checkpoints(&fresh), keys(Side::Member)).unwrap();
    assert_eq!((channel.phase(), channel.number()), (Phase::Ready, 0));
    assert_eq!(channel.encode(), fresh);
    let mut mixed = fresh;
    mixed[0] = 1;
    assert_eq!(Channel::decode(&mixed, keys(Side::Member)).unwrap_err(), StateError::Mixed);
}

#[test]
fn can_be_held_by_a_thread_of_the_shell() {
    fn assert_send<T: Send>() {}
    assert_send::<Channel>();
}

#[test]
fn holds_no_secret() {
    let bytes = stored(Phase::ForceClosing);
    let own = keys(Side::Member);
    let secrets = [
        own.funding_secret(),
        own.revocation_secret(),
        own.delayed_secret(),
        own.payment_secret(),
        own.per_commitment_secret(0),
        own.per_commitment_secret(1),
    ];
    for secret in secrets {
        assert!(!bytes.windows(32).any(|window| window == secret.secret_bytes()));
    }
}

#[test]
fn refusals_name_what_is_wrong() {
    let bytes = stored(Phase::Ready);
    let other = ChannelKeys::new(ChannelSeed::new([99; 32]));
    assert!(matches!(Channel::decode(&bytes, other), Err(StateError::OtherSeed { .. })));
    let mut newer = bytes.clone();
    newer[0] = 3;
    let refusal = Channel::decode(&newer, keys(Side::Member)).unwrap_err();
    assert_eq!(refusal.to_string(), "C-60: stored channel has version 3, this software knows 1 and 2");
    let longer = [bytes.clone(), vec![0]].concat();
    assert_eq!(Channel::decode(&longer, keys(Side::Member)).unwrap_err(), StateError::Trailing(1));
    for length in 0..bytes.len() {
        assert!(Channel::decode(&bytes[..length], keys(Side::Member)).is_err(), "cut at {length}");
    }
}

proptest! {
    #[test]
    fn altered_bytes_never_panic(which in 0..PHASES.len(), at in any::<prop::sample::Index>(), value: u8) {
        thread_local! {
            static STORED: Vec<Vec<u8>> = PHASES.map(stored).to_vec();
        }
        let mut bytes = STORED.with(|stored| stored[which].clone());
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(mut channel) = Channel::decode(&bytes, keys(Side::Member)) {
            let session = crate::pair::Entropy::default().next();
            let _ = channel.resume();
            let _ = channel.on_reconnect(session);
            let _ = channel.force_close();
        }
    }
}
