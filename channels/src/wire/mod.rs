//! Messages between members and hub: LDK TLV streams in odd custom types (BOLT 1, BOLT 8). Clauses C-40 to C-42.
//!
//! Odd types may be ignored by a peer that does not know them. [`Msg::read`] is made for LDK's `CustomMessageReader`.

mod app;
mod channel;
mod checkpoint;
mod keep;
mod list;
mod operators;
mod splice;
mod treasurers;

pub use app::{
    AppAck, AppEntry, AppNack, DaoFetch, DaoInfo, Head, Hello, LinkInfo, LogEnd, LogFetch, LogSegment, PeerError,
};
pub use channel::{
    AcceptStake, ChannelReady, ClosingComplete, ClosingSig, CommitmentSigned, FundingCreated, FundingSigned, OpenStake,
    Shutdown,
};
pub use checkpoint::{
    CheckpointProposal, CheckpointRevoke, CheckpointShown, CheckpointSign, CheckpointTurn, FundingNonce,
    FundingSignature, GiveVoucher, LaneStatus, MAX_CHANGES, NewLife, NextNonces, Reestablish,
};
pub use keep::{
    BackupData, BackupFetch, BackupStore, BackupStored, LeaseClaim, LeaseGranted, PartOf, TowerStore, TowerStored,
};
pub use list::{HashList, List, MAX_PATH_HASHES};
pub use operators::{LinkNonce, LinkNonces, LinkOffer, LinkShare, MAX_OPERATOR_NONCES, OperatorHello, OperatorNonce};
pub use splice::{MAX_SPLICE_INPUTS, SpliceAck, SpliceInit, SpliceLocked, SpliceNonce, SpliceSign};
pub use treasurers::{MAX_PAPER_IDS, MAX_PAPER_PART, PaperFetch, PaperList, PaperPart, TreasurerHello};

use lightning::io;
use lightning::ln::msgs::DecodeError;
use lightning::ln::wire::Type;
use lightning::util::ser::{LengthLimitedRead, Readable, Writeable, Writer};

/// Largest payload of a message in bytes, without its two bytes of type. Clause C-41.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024;
/// Largest opaque log segment in bytes, so that its message keeps within [`MAX_MESSAGE_BYTES`].
pub const MAX_SEGMENT_BYTES: usize = MAX_MESSAGE_BYTES - 64;
/// Version of this protocol, sent in [`Hello`].
pub const PROTOCOL_VERSION: u16 = 1;

/// A message that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The payload is longer than [`MAX_MESSAGE_BYTES`].
    #[error("C-41: message {type_id} has {bytes} bytes; at most {MAX_MESSAGE_BYTES} are sent")]
    TooLong {
        /// The message type.
        type_id: u16,
        /// Its encoded length.
        bytes: usize,
    },
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident = $type_id:literal),* $(,)?) => {
        /// Any message between a member and the hub.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Msg {
            $($(#[$doc])* $name($name),)*
        }

        /// Every message type in use, ascending.
        pub const MESSAGE_TYPES: &[u16] = &[$($type_id),*];

        impl Msg {
            /// Reads one payload of type `type_id`.
            ///
            /// `Ok(None)` for a type this version does not know (to be ignored, C-40).
            ///
            /// # Errors
            /// `DecodeError::BadLengthDescriptor` for a payload past [`MAX_MESSAGE_BYTES`] or with bytes left over;
            /// LDK's other errors for a payload that is not the TLV stream of that type.
            pub fn read<R: LengthLimitedRead>(
                type_id: u16,
                reader: &mut R,
            ) -> Result<Option<Self>, DecodeError> {
                if !MESSAGE_TYPES.contains(&type_id) {
                    return Ok(None);
                }
                if reader.remaining_bytes() > MAX_MESSAGE_BYTES as u64 {
                    return Err(DecodeError::BadLengthDescriptor); // C-41
                }
                let msg = match type_id {
                    $($type_id => Self::$name(Readable::read(reader)?),)*
                    _ => return Ok(None),
                };
                if reader.remaining_bytes() > 0 {
                    return Err(DecodeError::BadLengthDescriptor); // C-42
                }
                Ok(Some(msg))
            }
        }

        impl Type for Msg {
            fn type_id(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $type_id,)*
                }
            }
        }

        impl Writeable for Msg {
            fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
                match self {
                    $(Self::$name(msg) => msg.write(writer),)*
                }
            }

            fn serialized_length(&self) -> usize {
                match self {
                    $(Self::$name(msg) => msg.serialized_length(),)*
                }
            }
        }

        $(impl From<$name> for Msg {
            fn from(msg: $name) -> Self {
                Self::$name(msg)
            }
        })*
    };
}

messages! {
    /// First message after BOLT 8's init.
    Hello = 32769,
    /// A refusal in words.
    PeerError = 32771,
    /// Member asks to open a stake channel.
    OpenStake = 32773,
    /// Hub accepts.
    AcceptStake = 32775,
    /// Member names the funding output.
    FundingCreated = 32777,
    /// Hub signs the member's commitment 0.
    FundingSigned = 32779,
    /// Member signs the hub's commitment 0.
    CommitmentSigned = 32781,
    /// Funding is confirmed as seen by the sender.
    ChannelReady = 32783,
    /// Sender wants to close.
    Shutdown = 32785,
    /// Member proposes and signs a close.
    ClosingComplete = 32787,
    /// Hub signs the proposed close.
    ClosingSig = 32789,
    /// Signs a checkpoint and the peer's commitments of its number.
    CheckpointSign = 32791,
    /// Revokes the commitment before.
    CheckpointRevoke = 32793,
    /// Asks for the turn, or gives it.
    CheckpointTurn = 32795,
    /// Where the sender stands, after a reconnect.
    Reestablish = 32797,
    /// A promise to pay.
    GiveVoucher = 32799,
    /// A governance entry.
    AppEntry = 32801,
    /// Acknowledgement and receipt of entries.
    AppAck = 32803,
    /// Refusal of an entry.
    AppNack = 32805,
    /// Member announces a splice transaction.
    SpliceInit = 32807,
    /// Hub agrees to it.
    SpliceAck = 32809,
    /// Hub's nonce for its signature on it.
    SpliceNonce = 32811,
    /// A side's signature on it.
    SpliceSign = 32813,
    /// The new funding is confirmed as seen by the sender.
    SpliceLocked = 32815,
    /// Asks for log entries.
    LogFetch = 32817,
    /// Consecutive log entries.
    LogSegment = 32819,
    /// There is no more log now.
    LogEnd = 32821,
    /// A signed log head.
    Head = 32823,
    /// Asks for the founding file.
    DaoFetch = 32825,
    /// A part of the founding file.
    DaoInfo = 32827,
    /// An epoch's header and link.
    LinkInfo = 32829,
    /// Gives a tower a sealed justice transaction.
    TowerStore = 32841,
    /// The tower's receipt.
    TowerStored = 32843,
    /// Gives the hub a sealed backup.
    BackupStore = 32845,
    /// The hub keeps it.
    BackupStored = 32847,
    /// Asks for the own backup.
    BackupFetch = 32849,
    /// The own backup.
    BackupData = 32851,
    /// Which life of its database the sender is in.
    LeaseClaim = 32861,
    /// The hub knows of no later one.
    LeaseGranted = 32863,
    /// A treasurer wants to hear the others.
    TreasurerHello = 32871,
    /// Papers of treasurers that the sender holds.
    PaperList = 32873,
    /// Asks for a paper.
    PaperFetch = 32875,
    /// A part of a paper.
    PaperPart = 32877,
    /// An operator of the anchor key wants to sign links.
    OperatorHello = 32881,
    /// A link to be signed.
    LinkOffer = 32883,
    /// An operator's nonce for it.
    LinkNonce = 32885,
    /// Everybody's nonce for it.
    LinkNonces = 32887,
    /// An operator's share of its signature.
    LinkShare = 32889,
    /// The newest checkpoint, to a hub that is behind.
    CheckpointShown = 32891,
}

impl Msg {
    /// Checks the length before the message is queued; LDK has no way to refuse it later.
    ///
    /// # Errors
    /// [`WireError::TooLong`] past [`MAX_MESSAGE_BYTES`] (C-41).
    pub fn checked(self) -> Result<Self, WireError> {
        let bytes = self.serialized_length();
        if bytes > MAX_MESSAGE_BYTES {
            return Err(WireError::TooLong { type_id: self.type_id(), bytes }); // C-41
        }
        Ok(self)
    }

    /// Payload bytes of a message that passes [`Msg::checked`].
    ///
    /// # Errors
    /// [`WireError::TooLong`] past [`MAX_MESSAGE_BYTES`] (C-41).
    pub fn to_payload(&self) -> Result<Vec<u8>, WireError> {
        let bytes = self.encode();
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(WireError::TooLong { type_id: self.type_id(), bytes: bytes.len() }); // C-41
        }
        Ok(bytes)
    }
}
