//! Backups of channels and what is in them, and what a node stores of a channel; the first byte chooses. The hub that keeps a backup cannot
//! make one: here it can, so that bytes reach what is behind the seal.
#![no_main]

use std::sync::OnceLock;

use althing_channels::backup::{
    BackedUpChannel, Backup, BackupKey, Gathering, MAX_BACKUP_BYTES, PART_BYTES, counter_of, parts_of,
};
use althing_channels::monitor::Monitor;
use althing_channels::wire::PartOf;
use althing_channels::{Channel, Side, tagged_hash};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use libfuzzer_sys::fuzz_target;

#[path = "../../channels/tests/it/testkit/mod.rs"]
mod testkit;

use testkit::pair::{Pair, keys};

const KEY: [u8; 32] = [7; 32];
const NONCE: [u8; 24] = [9; 24];
/// Version, counter and nonce.
const HEAD: usize = 1 + 8 + 24;

/// A member's channel in use.
struct Honest {
    /// As its node stores it.
    stored: Vec<u8>,
    /// As its backup has it, with all that is around it behind the seal.
    backed_up: Vec<u8>,
}

impl Honest {
    fn new() -> Self {
        let mut pair = Pair::in_use();
        let channel = pair.channel(Side::Member);
        let (stored, number) = (channel.encode(), channel.number());
        let state = channel.encode_backup().expect("it is in use");
        let peer = keys(Side::Hub).public().payment;
        let backup = Backup { counter: 3, channels: vec![BackedUpChannel { index: 4, peer, state, number }] };
        let sealed = backup.seal(&BackupKey::new(KEY), NONCE).expect("one channel");
        let payload = Payload { msg: &sealed[HEAD..], aad: &sealed[..9] };
        let backed_up = cipher().decrypt(&XNonce::from(NONCE), payload).expect("its own seal");
        Self { stored, backed_up }
    }
}

fn cipher() -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&tagged_hash("althing/backup-key/v1", &[&KEY]).into())
}

/// A backup that has these bytes where the channels should be.
fn sealed(plain: &[u8]) -> Vec<u8> {
    let head = [[1].as_slice(), &3u64.to_be_bytes()].concat();
    let cipher = cipher().encrypt(&XNonce::from(NONCE), Payload { msg: plain, aad: &head }).expect("short enough");
    [head.as_slice(), &NONCE, &cipher].concat()
}

/// Each edit: where, and what stands there then.
fn edited(honest: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    let honest = HONEST.get_or_init(Honest::new);
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 7 {
        0 => {
            let _ = counter_of(rest);
            assert!(Backup::open(rest, &BackupKey::new(KEY)).is_err(), "sealed by nobody");
        }
        1 => opened(rest),
        2 => opened(&edited(&honest.backed_up, rest)),
        3 => state(rest),
        4 => state(&edited(&honest.stored, rest)),
        5 => {
            if let Ok(monitor) = Monitor::decode(rest) {
                assert_eq!(Monitor::decode(&monitor.encode()).as_ref(), Ok(&monitor));
            }
        }
        _ => parts(rest),
    }
});

fn opened(plain: &[u8]) {
    let key = BackupKey::new(KEY);
    let Ok(backup) = Backup::open(&sealed(plain), &key) else { return };
    if let Ok(again) = backup.seal(&key, NONCE) {
        assert_eq!(Backup::open(&again, &key).as_ref(), Ok(&backup));
    }
    for channel in &backup.channels {
        state(&channel.state);
        let _ = channel.check_against_log(9);
    }
}

/// What is read of a channel is stored so that it reads as the same.
fn state(bytes: &[u8]) {
    if let Ok(channel) = Channel::decode(bytes, keys(Side::Member)) {
        let stored = channel.encode();
        let again = Channel::decode(&stored, keys(Side::Member)).expect("its own bytes");
        assert_eq!(again.encode(), stored);
    }
}

/// Parts in any order and number, three bytes each: nothing longer than a backup is gathered. Then the parts of a backup, which make it again.
fn parts(bytes: &[u8]) {
    let mut gathering = Gathering::default();
    for part in bytes.chunks_exact(3) {
        let place = (part[1] != 0).then_some(PartOf { part: part[0].into(), parts: part[1].into() });
        let length = if part[2] % 4 == 0 { part[2].into() } else { PART_BYTES };
        if let Ok(Some(whole)) = gathering.take(place, &vec![part[2]; length]) {
            assert!(whole.len() < MAX_BACKUP_BYTES + PART_BYTES);
        }
    }
    let mut whole = bytes.repeat(PART_BYTES / 4);
    whole.truncate(MAX_BACKUP_BYTES);
    let mut gathered = Ok(None);
    for (place, part) in parts_of(&whole) {
        assert_eq!(gathered, Ok(None));
        gathered = gathering.take(place, &part);
    }
    assert_eq!(gathered, Ok((!whole.is_empty()).then_some(whole)));
}
