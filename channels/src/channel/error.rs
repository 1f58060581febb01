//! Why a step of a channel is refused: the peer broke a rule, or it is not the time.

use bitcoin::OutPoint;

use super::{LedgerError, MAX_WAITING_SPLICES_BYTES, Phase};
use crate::close::{CLOSE_RAISE_SAT, CloseError};
use crate::commitment::{AmountError, Side};
use crate::ids::ChannelId;
use crate::wire::MAX_CHANGES;

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
    /// A close that would not replace the one already signed.
    #[error("C-35: a fee of {fee_sat} sat is not {CLOSE_RAISE_SAT} sat above the {signed_sat} sat already signed")]
    FeeLowered {
        /// What miners would get.
        fee_sat: u64,
        /// What they get of the close signed before.
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
    /// A change that cannot be folded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Too many changes for one checkpoint.
    #[error("C-101: {count} changes, at most {MAX_CHANGES} go into one checkpoint")]
    Changes {
        /// How many.
        count: usize,
    },
    /// A commitment number that cannot be meant.
    #[error("C-110: commitment number {number}, expected about {expected}")]
    Number {
        /// The number named.
        number: u64,
        /// Where this side stands.
        expected: u64,
    },
    /// The shell refused a checkpoint or the peer's signature on it.
    #[error("C-110: checkpoint refused: {detail}")]
    CheckpointRefused {
        /// The shell's reason.
        detail: String,
    },
    /// A secret is not the one of its number.
    #[error("C-112: the secret of commitment {number} is not the one announced")]
    Secret {
        /// The number.
        number: u64,
    },
    /// The peer proposed out of turn, or counts turns that never were.
    #[error("C-113: turn {turn} is not the peer's")]
    Turn {
        /// The turn.
        turn: u64,
    },
    /// This side's state is old, as the peer has proved.
    #[error("C-132: this side's state is old and is never broadcast; please close the channel")]
    Behind,
    /// Signatures or nonces are not for the fundings in force, in their order.
    #[error("C-141: the fundings named for commitment {number} are not those in force")]
    FundingSet {
        /// The number.
        number: u64,
    },
    /// A funding is not in force.
    #[error("C-141: funding {funding} is not in force")]
    FundingUnknown {
        /// The outpoint.
        funding: OutPoint,
    },
    /// The peer has announced no nonce for a funding.
    #[error("C-141: no nonce is known for funding {funding}")]
    NonceOf {
        /// The outpoint.
        funding: OutPoint,
    },
    /// A splice transaction that cannot be agreed to.
    #[error("C-142: splice transaction: {what}")]
    Splice {
        /// What is wrong with it.
        what: &'static str,
    },
    /// So many splices wait that the channel would not fit into a backup with another one.
    #[error(
        "C-91: splices that wait would have {bytes} bytes, at most {MAX_WAITING_SPLICES_BYTES} fit into a backup; one of them has to be mined first"
    )]
    WaitingSplices {
        /// Their transactions and what these spend, in bytes.
        bytes: usize,
    },
    /// A checkpoint brings a funding into force, or locks one, without both sides' agreement.
    #[error("C-142, C-144: both sides have not agreed to what the checkpoint does with funding {funding}")]
    NotAgreed {
        /// The outpoint.
        funding: OutPoint,
    },
    /// The newest commitment came out of a backup.
    #[error("C-92: commitment {number} was restored from a backup and is never broadcast")]
    Restored {
        /// Its number.
        number: u64,
    },
    /// The log has a newer checkpoint than this side knows.
    #[error("C-93: this side has commitment {number}, the log has checkpoint {logged}; please close the channel")]
    Stale {
        /// Its newest commitment.
        number: u64,
        /// Number of the newest checkpoint in the log.
        logged: u64,
    },
    /// A checkpoint is shown to a side whose state nobody has proved to be old.
    #[error("C-162: checkpoint {number} is shown, and the state here is not known to be old")]
    NotBehind {
        /// Its number.
        number: u64,
    },
    /// An older checkpoint is shown than is known here.
    #[error("C-162: checkpoint {number} is shown, and number {known} is known here")]
    ShownOld {
        /// Its number.
        number: u64,
        /// The newest one known.
        known: u64,
    },
    /// What is shown divides something else than the funding is worth.
    #[error("C-162: the checkpoint divides {shown_sat} sat, the funding has {funding_sat} sat")]
    ShownSum {
        /// Sum of its balances.
        shown_sat: u64,
        /// Value of the funding.
        funding_sat: u64,
    },
    /// The shell refused a checkpoint that was shown.
    #[error("C-163: the checkpoint shown is refused: {detail}")]
    ShownRefused {
        /// The shell's reason.
        detail: String,
    },
    /// The two sides do not settle from which number on a life counts.
    #[error("C-154: a life that begins with number {first} does not fit commitment {number}")]
    Life {
        /// The first number of the life, as the peer says.
        first: u64,
        /// The newest commitment of the side that begins it.
        number: u64,
    },
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
            Self::Amount(error) => error.rule(),
            Self::Message { .. } | Self::PeerRefused { .. } | Self::Abandoned { .. } => "C-11",
            Self::SameFundingKey { .. } => "C-12",
            Self::OtherChannel { .. } => "C-13",
            Self::Changed { .. } => "C-14",
            Self::PartialSignature { .. } => "C-17",
            Self::CheckpointSize { .. } | Self::Checkpoint { .. } => "C-18",
            Self::FundingOutput { .. } => "C-19",
            Self::Close(_) => "C-31",
            Self::CloseScript { .. } => "C-32",
            Self::NonceMissing => "C-33",
            Self::WaitingSplices { .. } => "C-91",
            Self::Restored { .. } => "C-92",
            Self::Stale { .. } => "C-93",
            Self::Life { .. } => "C-154",
            Self::NotBehind { .. } | Self::ShownOld { .. } | Self::ShownSum { .. } => "C-162",
            Self::ShownRefused { .. } => "C-163",
            Self::FeeLowered { .. } => "C-35",
            Self::Ledger(error) => error.rule(),
            Self::Changes { .. } => "C-101",
            Self::Number { .. } | Self::CheckpointRefused { .. } => "C-110",
            Self::Secret { .. } => "C-112",
            Self::Turn { .. } => "C-113",
            Self::Behind => "C-132",
            Self::Splice { .. } | Self::NotAgreed { .. } => "C-142",
            Self::FundingSet { .. } | Self::FundingUnknown { .. } | Self::NonceOf { .. } => "C-141",
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
    /// The round is not at this step.
    #[error("C-110: {step} of number {number} does not fit the round under way")]
    Round {
        /// What was tried.
        step: &'static str,
        /// Its commitment number.
        number: u64,
    },
    /// It is the other side's turn.
    #[error("C-113: turn {turn} is the peer's, or its proposal is being checked")]
    Turn {
        /// The turn under way.
        turn: u64,
    },
    /// The nonce for the signature on a splice is gone (restart) or used; a reconnect brings a new one.
    #[error("C-143: no nonce for the splice is at hand")]
    SpliceNonce,
    /// Deposits are held in the channel: a close would divide what is not decided yet.
    #[error(
        "C-36: {held_sat} sat are held in the channel as deposits; it can be closed together once they are settled, or alone"
    )]
    Holds {
        /// Satoshis held, of the ledger in force or the one under way.
        held_sat: u64,
    },
    /// The hub is behind, and has taken no checkpoint of the member's.
    #[error(
        "C-164: this side's state is old, and it has taken no newer checkpoint by which the channel could be divided"
    )]
    Division,
    /// The peer has not said yet where it stands.
    #[error("C-130: the peer has not reestablished the channel")]
    Reestablish,
}

impl Wait {
    /// Number of the clause.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Phase { .. } => "C-11",
            Self::Confirmations { .. } => "C-19",
            Self::ClosingNonce => "C-33",
            Self::Round { .. } => "C-110",
            Self::Turn { .. } => "C-113",
            Self::SpliceNonce => "C-143",
            Self::Holds { .. } => "C-36",
            Self::Division => "C-164",
            Self::Reestablish => "C-130",
        }
    }
}
