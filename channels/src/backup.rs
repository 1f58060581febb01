//! The encrypted copy of a member's channels that the hub keeps, and the member a second time. Clauses C-90 to C-94.
//!
//! C-94: a member gives the hub the newest one before each message with which the hub could go beyond the last.

use bitcoin::secp256k1::PublicKey;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use lightning::impl_writeable_tlv_based;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable};
use zeroize::Zeroize;

use crate::ids::tagged_hash;
use crate::wire::{List, PartOf};

/// Longest sealed backup in bytes: [`MAX_BACKED_UP`] channels of [`MAX_STATE_BYTES`], and what surrounds them. One channel takes at most
/// 16 KiB as a rule (C-86).
pub const MAX_BACKUP_BYTES: usize = 1024 * 1024;
/// Most channels in one backup.
pub const MAX_BACKED_UP: usize = 16;
/// Longest state of one channel in a backup; no channel grows beyond it, whatever is under way in it (C-91).
pub const MAX_STATE_BYTES: usize = 60 * 1024;
/// What one message carries of a backup; what is not longer goes in one.
pub const PART_BYTES: usize = 30 * 1024;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + 8 + NONCE_BYTES;

/// Key of a node's backups; the shell derives it from the seed words. Wiped when dropped, never printed.
pub struct BackupKey([u8; 32]);

/// All channels of a member at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Grows with every backup of this node; of two, the higher is the newer.
    pub counter: u64,
    /// The channels.
    pub channels: Vec<BackedUpChannel>,
}

/// One channel of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUpChannel {
    /// Index of the channel's seed.
    pub index: u32,
    /// Key of the peer in BOLT 8.
    pub peer: PublicKey,
    /// [`Channel::encode_backup`](crate::Channel::encode_backup): nothing with which a commitment could be broadcast.
    pub state: Vec<u8>,
    /// Number of its own newest commitment.
    pub number: u64,
}

impl_writeable_tlv_based!(BackedUpChannel, {
    (0, index, required),
    (2, peer, required),
    (4, state, required),
    (6, number, required),
});

/// Why a backup is not made or not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It would be longer than the hub must keep.
    #[error("C-90: a backup of {bytes} bytes, at most {MAX_BACKUP_BYTES} are kept")]
    Size {
        /// Its length.
        bytes: usize,
    },
    /// More channels than one backup holds.
    #[error("C-91: a backup of {channels} channels, at most {MAX_BACKED_UP} are held")]
    Channels {
        /// How many there are.
        channels: usize,
    },
    /// A channel that no state can have become.
    #[error("C-91: channel {index} has {bytes} bytes of state, a backup holds at most {MAX_STATE_BYTES} of each")]
    State {
        /// Index of the channel.
        index: u32,
        /// How long its state is.
        bytes: usize,
    },
    /// A part of a backup that does not go on where the part before ended.
    #[error("C-90: part {part} of {parts} with {bytes} bytes is not the part that comes next")]
    Part {
        /// Which part, from 0.
        part: u16,
        /// Of how many.
        parts: u16,
        /// How long it is.
        bytes: usize,
    },
    /// Written by a version this one does not know.
    #[error("C-91: the backup has version {version}, this software knows {VERSION}")]
    Version {
        /// The version found.
        version: u8,
    },
    /// Of other seed words, or changed since it was made.
    #[error("C-91: the backup does not open with these seed words, or was changed")]
    Sealed,
    /// What was in it is no list of channels.
    #[error("C-91: the backup cannot be read: {0:?}")]
    Decode(DecodeError),
    /// The log shows that the channel went on after the backup.
    #[error("C-93: the backup has channel {index} at {number}, its newest checkpoint in the log is {logged}")]
    Stale {
        /// Index of the channel.
        index: u32,
        /// Number in the backup.
        number: u64,
        /// Number in the log.
        logged: u64,
    },
}

impl BackupKey {
    /// Takes 32 bytes derived from the seed words for this alone.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&tagged_hash("althing/backup-key/v1", &[&self.0]).into())
    }
}

impl Drop for BackupKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Backup {
    /// Seals the backup; `nonce` is fresh randomness. The counter stays readable, so that a hub can refuse an older one.
    ///
    /// # Errors
    /// [`BackupError::Channels`] or [`BackupError::State`] (C-91).
    pub fn seal(&self, key: &BackupKey, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, BackupError> {
        let channels = self.channels.len();
        if let Some(long) = self.channels.iter().find(|channel| channel.state.len() > MAX_STATE_BYTES) {
            return Err(BackupError::State { index: long.index, bytes: long.state.len() });
        }
        let list: List<BackedUpChannel, MAX_BACKED_UP> =
            List::new(self.channels.clone()).ok_or(BackupError::Channels { channels })?;
        let mut sealed = vec![VERSION];
        sealed.extend(self.counter.to_be_bytes());
        sealed.extend(nonce);
        let plain = list.encode();
        let payload = Payload { msg: &plain, aad: &sealed[..9] };
        let cipher = key.cipher().encrypt(&XNonce::from(nonce), payload);
        sealed.extend(cipher.map_err(|_| BackupError::Size { bytes: plain.len() })?);
        let bytes = sealed.len();
        if bytes > MAX_BACKUP_BYTES { Err(BackupError::Size { bytes }) } else { Ok(sealed) }
    }

    /// Opens a sealed backup.
    ///
    /// # Errors
    /// [`BackupError`] naming C-90 or C-91.
    pub fn open(sealed: &[u8], key: &BackupKey) -> Result<Self, BackupError> {
        let counter = counter_of(sealed)?;
        let (header, cipher) = sealed.split_at_checked(HEADER_BYTES).ok_or(BackupError::Sealed)?;
        let nonce: [u8; NONCE_BYTES] = header[9..].try_into().map_err(|_| BackupError::Sealed)?;
        let payload = Payload { msg: cipher, aad: &header[..9] };
        let plain = key.cipher().decrypt(&XNonce::from(nonce), payload).map_err(|_| BackupError::Sealed)?;
        let mut rest = plain.as_slice();
        let list: List<BackedUpChannel, MAX_BACKED_UP> = Readable::read(&mut rest).map_err(BackupError::Decode)?;
        if !rest.is_empty() {
            return Err(BackupError::Decode(DecodeError::InvalidValue));
        }
        Ok(Self { counter, channels: list.items().to_vec() })
    }
}

impl BackedUpChannel {
    /// Whether the log shows nothing of this channel that the backup does not know. `logged` is the highest number among its
    /// checkpoints in the anchored log, which the hub cannot roll back (C-93).
    ///
    /// # Errors
    /// [`BackupError::Stale`]: with a state that old the member waits, and takes its `to_remote` after the hub's close.
    pub fn check_against_log(&self, logged: u64) -> Result<(), BackupError> {
        if logged > self.number {
            return Err(BackupError::Stale { index: self.index, number: self.number, logged });
        }
        Ok(())
    }
}

/// The counter of a sealed backup, which needs no key: a hub keeps the highest.
///
/// # Errors
/// [`BackupError`] when it is too long, too short or of another version.
pub fn counter_of(sealed: &[u8]) -> Result<u64, BackupError> {
    let bytes = sealed.len();
    if bytes > MAX_BACKUP_BYTES {
        return Err(BackupError::Size { bytes });
    }
    let (version, rest) = sealed.split_first().ok_or(BackupError::Sealed)?;
    if *version != VERSION {
        return Err(BackupError::Version { version: *version });
    }
    let (counter, _) = rest.split_first_chunk::<8>().ok_or(BackupError::Sealed)?;
    Ok(u64::from_be_bytes(*counter))
}

/// A sealed backup as messages carry it: each part with its place, which one part alone does not need (C-90).
pub fn parts_of(sealed: &[u8]) -> Vec<(Option<PartOf>, Vec<u8>)> {
    let chunks = sealed.chunks(PART_BYTES);
    let parts = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
    let place = |part: u16| (parts > 1).then_some(PartOf { part, parts });
    (0..).zip(chunks).map(|(part, bytes)| (place(part), bytes.to_vec())).collect()
}

/// The parts of one backup while they arrive, in their order. A peer can make this side keep no more than one backup.
#[derive(Debug, Default)]
pub struct Gathering {
    parts: u16,
    next: u16,
    bytes: Vec<u8>,
}

impl Gathering {
    /// Takes what came; the whole backup once it is there. Part 0 begins anew.
    ///
    /// # Errors
    /// [`BackupError::Part`] for what does not follow; what came before is forgotten then.
    pub fn take(&mut self, place: Option<PartOf>, bytes: &[u8]) -> Result<Option<Vec<u8>>, BackupError> {
        let before = std::mem::take(self);
        let Some(PartOf { part, parts }) = place else {
            let is_short = bytes.len() <= PART_BYTES;
            return if is_short { Ok(Some(bytes.to_vec())) } else { Err(BackupError::Size { bytes: bytes.len() }) };
        };
        let before = if part == 0 { Self { parts, ..Self::default() } } else { before };
        let is_last = u32::from(part) + 1 == u32::from(parts);
        let is_full = if is_last { (1..=PART_BYTES).contains(&bytes.len()) } else { bytes.len() == PART_BYTES };
        let most = MAX_BACKUP_BYTES.div_ceil(PART_BYTES);
        let follows = part < parts && (part, parts) == (before.next, before.parts);
        if !follows || !is_full || parts < 2 || usize::from(parts) > most {
            return Err(BackupError::Part { part, parts, bytes: bytes.len() });
        }
        let bytes = [before.bytes.as_slice(), bytes].concat();
        if is_last {
            return Ok(Some(bytes));
        }
        *self = Self { parts, next: part + 1, bytes };
        Ok(None)
    }
}
