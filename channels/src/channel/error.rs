//! Why a step of a channel is refused: the peer broke a rule, or it is not the time.

use super::Phase;
use crate::close::CloseError;
use crate::commitment::{AmountError, Side};
use crate::ids::ChannelId;

/// A refused step. The state is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// A rule was broken; repeating it does not help.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// The step may be possible later.
    #[error(transparent)]
    NotNow(#[from] Wait),
}

impl ChannelError {
    /// Number of the clause, such as `C-12`.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Invalid(violation) => violation.rule(),
            Self::NotNow(wait) => wait.rule(),
        }
    }
}

/// A broken rule, with the values that broke it. Its text begins with the number of the clause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A term of the channel is not what this side requires.
    #[error("C-10: {term} is {proposed}, must be {required}")]
    Terms {
        /// Which term.
        term: &'static str,
        /// What was proposed.
        proposed: String,
        /// What is required.
        required: String,
    },
    /// Amounts that no commitment can express.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A message that this side never receives, or one about nothing that is under way.
    #[error("C-11: message {type_id} is not for the {side:?}")]
    Message {
        /// Its wire type.
        type_id: u16,
        /// This side.
        side: Side,
    },
    /// Both sides use one funding key.
    #[error("C-12: both sides have the funding key {key}")]
    SameFundingKey {
        /// The key, hex.
        key: String,
    },
    /// The message names another channel or opening.
    #[error("C-13: message is about {named}, this is {expected}")]
    OtherChannel {
        /// What the message names.
        named: ChannelId,
        /// This channel (or opening).
        expected: ChannelId,
    },
    /// Something that was sent before came again with other content.
    #[error("C-14: {what} was sent again with other content")]
    Changed {
        /// Which thing.
        what: &'static str,
    },
    /// A partial signature does not verify.
    #[error("C-17: partial signature on {what} does not verify")]
    PartialSignature {
        /// What it should sign.
        what: &'static str,
    },
    /// Checkpoint 0 is longer than allowed.
    #[error("C-18: checkpoint has {bytes} bytes, at most {max} are allowed")]
    CheckpointSize {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The shell refused checkpoint 0 or the peer's signature on it.
    #[error("C-18: checkpoint 0 refused: {detail}")]
    Checkpoint {
        /// The shell's reason.
        detail: String,
    },
    /// The chain shows another output at the funding outpoint.
    #[error("C-19: funding output is {found_sat} sat to {found_script}, must be {wanted_sat} sat to {wanted_script}")]
    FundingOutput {
        /// Value on chain.
        found_sat: u64,
        /// Script on chain, hex.
        found_script: String,
        /// Value agreed.
        wanted_sat: u64,
        /// Script of both funding keys, hex.
        wanted_script: String,
    },
    /// A close that cannot be built.
    #[error(transparent)]
    Close(#[from] CloseError),
    /// A fee below one already signed.
    #[error("C-31: fee {fee_sat} sat is below {signed_sat} sat, which was already signed")]
    FeeLowered {
        /// The fee asked for.
        fee_sat: u64,
        /// The fee signed before.
        signed_sat: u64,
    },
    /// A close script of a form that is not allowed.
    #[error("C-32: close script {script} is not P2WPKH, P2WSH or P2TR")]
    CloseScript {
        /// The script, hex.
        script: String,
    },
    /// The hub's shutdown has no nonce.
    #[error("C-33: the hub's shutdown carries no nonce")]
    NonceMissing,
    /// The peer reports a refusal of its own.
    #[error("C-11: the peer refused: {rule}: {detail}")]
    PeerRefused {
        /// The clause the peer names; untrusted text.
        rule: String,
        /// The peer's words; untrusted text.
        detail: String,
    },
    /// This side gave up before anything was broadcast.
    #[error("C-11: opening was abandoned: {detail}")]
    Abandoned {
        /// Why.
        detail: String,
    },
}

impl Violation {
    /// Number of the clause, such as `C-12`.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Terms { .. } => "C-10",
            Self::Amount(AmountError::Dust { .. }) => "C-22",
            Self::Amount(AmountError::Sum { .. } | AmountError::NoOutput) => "C-23",
            Self::Amount(AmountError::Number { .. }) => "C-24",
            Self::Amount(AmountError::TooLarge { .. }) => "C-10",
            Self::Message { .. } | Self::PeerRefused { .. } | Self::Abandoned { .. } => "C-11",
            Self::SameFundingKey { .. } => "C-12",
            Self::OtherChannel { .. } => "C-13",
            Self::Changed { .. } => "C-14",
            Self::PartialSignature { .. } => "C-17",
            Self::CheckpointSize { .. } | Self::Checkpoint { .. } => "C-18",
            Self::FundingOutput { .. } => "C-19",
            Self::Close(_) | Self::FeeLowered { .. } => "C-31",
            Self::CloseScript { .. } => "C-32",
            Self::NonceMissing => "C-33",
        }
    }

    pub(super) fn is_of_this_channel(&self) -> bool {
        !matches!(self, Self::Message { .. } | Self::OtherChannel { .. })
    }
}

/// A step that does not fit the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wait {
    /// The channel is in another phase.
    #[error("C-11: {step} is not possible in phase {phase:?}")]
    Phase {
        /// What was tried.
        step: &'static str,
        /// Where the channel is.
        phase: Phase,
    },
    /// The funding is not deep enough.
    #[error("C-19: funding has {confirmations} confirmations, {required} are required")]
    Confirmations {
        /// As seen now.
        confirmations: u32,
        /// As required.
        required: u32,
    },
    /// The nonce for the next close round is gone (restart) or in use; a new shutdown brings a new one.
    #[error("C-33: no closing nonce is at hand")]
    ClosingNonce,
}

impl Wait {
    /// Number of the clause.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Phase { .. } => "C-11",
            Self::Confirmations { .. } => "C-19",
            Self::ClosingNonce => "C-33",
        }
    }
}
