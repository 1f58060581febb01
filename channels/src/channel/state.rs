//! What a channel keeps on disk. Clause C-60.

use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, ScriptBuf, Transaction};
use lightning::impl_writeable_tlv_based;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable};

use super::Phase;
use super::checkpoint::{Ledger, Money};
use super::shown::Division;
use crate::commitment::{Balances, Side};
use crate::ids::{ChannelParams, OpeningId};
use crate::keys::ChannelPublicKeys;
use crate::life::{Life, are_in_order};
use crate::musig::{PartialSignatureWithNonce, PublicNonce};
use crate::wire::{FundingNonce, List, NextNonces};

/// First byte of an encoded channel.
const STATE_VERSION: u8 = 2;
/// The version before checkpoints: the same without their part.
const STATE_VERSION_OPENING: u8 = 1;

/// Stored bytes that are not a channel of this seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Written by a version this one does not know.
    #[error(
        "C-60: stored channel has version {version}, this software knows {STATE_VERSION_OPENING} and {STATE_VERSION}"
    )]
    Version {
        /// The version found.
        version: u8,
    },
    /// Marked as of the version before checkpoints, and has checkpoints.
    #[error("C-60: stored channel is marked version {STATE_VERSION_OPENING} and has parts of version {STATE_VERSION}")]
    Mixed,
    /// Not the encoding of a channel.
    #[error("C-60: stored channel cannot be read: {0:?}")]
    Decode(DecodeError),
    /// Bytes are left over.
    #[error("C-60: stored channel has {0} bytes too many")]
    Trailing(usize),
    /// The seed given is not the channel's.
    #[error("C-60: stored channel has funding key {stored}, the seed gives {derived}")]
    OtherSeed {
        /// Key in the stored state, hex.
        stored: String,
        /// Key of the seed, hex.
        derived: String,
    },
    /// A part that the phase needs is missing.
    #[error("C-60: stored channel in phase {phase:?} lacks {part}")]
    Incomplete {
        /// The stored phase.
        phase: Phase,
        /// What is missing.
        part: &'static str,
    },
}

/// Checkpoint 0 as exchanged in the opening; contents are opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningCheckpoint {
    /// Canonical bytes.
    pub bytes: Vec<u8>,
    /// The member's signature.
    pub member_signature: [u8; 64],
    /// The hub's signature, once given.
    pub hub_signature: Option<[u8; 64]>,
}

impl_writeable_tlv_based!(OpeningCheckpoint, {
    (0, bytes, required),
    (2, member_signature, required),
    (3, hub_signature, option),
});

/// What `channel_ready` announces for commitment 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextCommitment {
    pub(super) point: PublicKey,
    pub(super) nonce: PublicNonce,
}

impl_writeable_tlv_based!(NextCommitment, {
    (0, point, required),
    (2, nonce, required),
});

/// Record of the one signing of an own commitment: after it only `transaction` is ever broadcast (C-26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedCommitment {
    pub(super) number: u64,
    pub(super) sighash: [u8; 32],
    pub(super) peer_nonce: PublicNonce,
    pub(super) transaction: Transaction,
}

impl_writeable_tlv_based!(SignedCommitment, {
    (0, number, required),
    (2, sighash, required),
    (4, peer_nonce, required),
    (6, transaction, required),
});

/// Everything durable about a channel; no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) side: Side,
    pub(super) phase: Phase,
    pub(super) opening: OpeningId,
    pub(super) params: ChannelParams,
    pub(super) own: ChannelPublicKeys,
    pub(super) peer: Option<ChannelPublicKeys>,
    pub(super) funding: Option<OutPoint>,
    pub(super) checkpoint: Option<OpeningCheckpoint>,
    /// The peer's verification nonce for its commitment 0.
    pub(super) peer_nonce: Option<PublicNonce>,
    /// The peer's partial signature on our commitment 0.
    pub(super) peer_signature: Option<PartialSignatureWithNonce>,
    pub(super) funding_confirmed: bool,
    pub(super) ready_sent: bool,
    pub(super) peer_next: Option<NextCommitment>,
    pub(super) own_close_script: Option<ScriptBuf>,
    pub(super) peer_close_script: Option<ScriptBuf>,
    pub(super) close_fee_sat: Option<u64>,
    pub(super) close_tx: Option<Transaction>,
    pub(super) signed_commitment: Option<SignedCommitment>,
    /// Why the channel failed.
    pub(super) failure: Option<String>,
    /// Checkpoints; from the moment the channel is in use.
    pub(super) money: Option<Money>,
    /// The own number that a restore brought back (C-92).
    pub(super) restored: Option<u64>,
    /// Own commitments signed after the first, over fundings that confirmed in its place.
    pub(super) signed_later: Vec<SignedCommitment>,
    /// Member: the close under way funds a channel with another hub (C-300).
    pub(super) closes_into: Option<bool>,
    /// Own lives (C-152). The types of what is said of them are even: software that does not know them must not go on with the channel.
    pub(super) lives: Vec<Life>,
    /// The value of the life that begins as soon as it is known from which number on (C-153).
    pub(super) next_life: Option<[u8; 32]>,
    /// The first number of the life that began here since a restore.
    pub(super) own_from: Option<u64>,
    /// Hub that is behind: what a close together divides (C-162).
    pub(super) division: Option<Division>,
}

impl_writeable_tlv_based!(State, {
    (0, side, required),
    (2, phase, required),
    (4, opening, required),
    (6, params, required),
    (8, own, required),
    (9, peer, option),
    (11, funding, option),
    (13, checkpoint, option),
    (15, peer_nonce, option),
    (17, peer_signature, option),
    (18, funding_confirmed, required),
    (20, ready_sent, required),
    (21, peer_next, option),
    (23, own_close_script, option),
    (25, peer_close_script, option),
    (27, close_fee_sat, option),
    (29, close_tx, option),
    (31, signed_commitment, option),
    (33, failure, option),
    (35, money, option),
    (37, restored, option),
    (39, signed_later, optional_vec),
    (41, closes_into, option),
    (42, lives, optional_vec),
    (44, next_life, option),
    (46, own_from, option),
    (47, division, option),
});

impl State {
    pub(super) fn encode_versioned(&self) -> Vec<u8> {
        let mut bytes = vec![STATE_VERSION];
        bytes.extend(self.encode());
        bytes
    }

    pub(super) fn decode_versioned(bytes: &[u8]) -> Result<Self, StateError> {
        let (version, mut rest) = bytes.split_first().ok_or(StateError::Decode(DecodeError::ShortRead))?;
        if !matches!(*version, STATE_VERSION_OPENING | STATE_VERSION) {
            return Err(StateError::Version { version: *version });
        }
        let mut state: Self = Readable::read(&mut rest).map_err(StateError::Decode)?;
        if !rest.is_empty() {
            return Err(StateError::Trailing(rest.len()));
        }
        if *version == STATE_VERSION_OPENING {
            if state.money.is_some() {
                return Err(StateError::Mixed); // to begin at number 0 again would be to go back to what is revoked
            }
            if matches!(state.phase, Phase::Ready | Phase::Closing) {
                state.begin_money();
            }
        }
        state.check_complete()?;
        Ok(state)
    }

    /// Both sides are at commitment 0 and know each other's next: the money lane begins.
    pub(super) fn begin_money(&mut self) {
        let (Some(funding), Some(peer), Some(signature), Some(next)) =
            (self.funding, self.peer, self.peer_signature, self.peer_next)
        else {
            return; // damaged; said by `check_complete`
        };
        let balances = Balances { member_sat: self.params.member_sat, hub_sat: self.params.hub_sat };
        let nonces = List::new(vec![FundingNonce { funding, nonce: next.nonce }]).unwrap_or_default();
        let peer_next = NextNonces { point: next.point, nonces };
        self.money = Some(Money::opening(Ledger::opening(funding, balances), signature, peer.first_point, peer_next));
    }

    // A state whose phase promises a part it does not have is damaged; better said on loading than when money moves.
    fn check_complete(&self) -> Result<(), StateError> {
        let phase = self.phase;
        let needs = |present: bool, part: &'static str| {
            if present { Ok(()) } else { Err(StateError::Incomplete { phase, part }) }
        };
        if phase == Phase::Failed || phase == Phase::AwaitAccept {
            return Ok(());
        }
        needs(self.peer.is_some(), "the peer's keys")?;
        if matches!(phase, Phase::AwaitFundingTx | Phase::AwaitFundingCreated) {
            return Ok(());
        }
        needs(self.funding.is_some(), "the funding outpoint")?;
        needs(self.checkpoint.is_some(), "checkpoint 0")?;
        if phase == Phase::AwaitFundingSigned {
            return Ok(());
        }
        needs(self.peer_nonce.is_some(), "the peer's nonce")?;
        let hub_unsigned =
            self.side == Side::Hub && matches!(phase, Phase::CheckpointReview | Phase::AwaitCommitmentSigned);
        if !hub_unsigned && phase != Phase::Closed {
            needs(self.peer_signature.is_some(), "the peer's signature on commitment 0")?;
        }
        if matches!(phase, Phase::Ready | Phase::Closing) {
            needs(self.money.is_some(), "the money lane")?;
        }
        let sound = self.money.as_ref().is_none_or(|money| money.is_sound(self.side));
        needs(sound, "a money lane whose parts fit together")?;
        needs(are_in_order(&self.lives), "lives in their order")?;
        if phase == Phase::ForceClosing {
            needs(self.signed_commitment.is_some(), "the signed commitment")?;
        }
        Ok(())
    }
}

macro_rules! byte_enum {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl Writeable for $name {
            fn write<W: lightning::util::ser::Writer>(
                &self,
                writer: &mut W,
            ) -> Result<(), lightning::io::Error> {
                let number: u8 = match self { $(Self::$variant => $number,)* };
                number.write(writer)
            }
        }

        impl Readable for $name {
            fn read<R: lightning::io::Read>(reader: &mut R) -> Result<Self, DecodeError> {
                match <u8 as Readable>::read(reader)? {
                    $($number => Ok(Self::$variant),)*
                    _ => Err(DecodeError::InvalidValue),
                }
            }
        }
    };
}

byte_enum!(Side { Member = 0, Hub = 1 });
byte_enum!(Phase {
    AwaitAccept = 0,
    AwaitFundingTx = 1,
    AwaitFundingCreated = 2,
    AwaitFundingSigned = 3,
    CheckpointReview = 4,
    AwaitCommitmentSigned = 5,
    AwaitConfirmation = 6,
    Ready = 7,
    Closing = 8,
    ForceClosing = 9,
    Closed = 10,
    Failed = 11,
});
