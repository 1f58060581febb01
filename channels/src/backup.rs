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
use crate::wire::List;

/// Longest sealed backup in bytes.
pub const MAX_BACKUP_BYTES: usize = 16 * 1024;
/// Most channels in one backup.
pub const MAX_BACKED_UP: usize = 16;

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
    #[error("C-90: a backup of {channels} channels, at most {MAX_BACKED_UP} are held")]
    Channels {
        /// How many there are.
        channels: usize,
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
    /// [`BackupError::Size`] or [`BackupError::Channels`] (C-90).
    pub fn seal(&self, key: &BackupKey, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, BackupError> {
        let channels = self.channels.len();
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
