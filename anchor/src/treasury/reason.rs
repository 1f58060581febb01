//! Why a PSBT is refused, and what keeps a check from an answer (T-40 to T-56). Every reason is of its own kind and carries its values.

use bitcoin::absolute::LOCK_TIME_THRESHOLD;
use bitcoin::{Amount, OutPoint, Txid};
use thiserror::Error;

use super::descriptor::{INDEXES_IN_SIGHT, MOST_INDEXES_IN_SIGHT};
use super::housekeeping::HOUSEKEEPING_BLOCKS;

/// A reason to refuse a PSBT.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PsbtReason {
    /// No transaction can be read.
    #[error("T-40: not a PSBT: {reason}")]
    Form {
        /// The parser's message.
        reason: String,
    },
    /// It carries no proof, and nobody says whose treasury it is of.
    #[error(
        "T-41: there is no proof of a decision in it, and nothing else says whose treasury it is of; the founding file does (--dao)"
    )]
    NoProof,
    /// The proof it carries does not hold.
    #[error("T-41: the proof of payment {number} is refused: {reason}")]
    Proof {
        /// Which proof, from 1.
        number: usize,
        /// The rule and the values.
        reason: String,
    },
    /// The decision is in Bitcoin, but not deep enough.
    #[error("T-42: the decision is {depth} blocks deep, {needed} are needed")]
    Shallow {
        /// Depth of the link.
        depth: u32,
        /// Final depth of the charter.
        needed: u32,
    },
    /// It cannot be mined yet.
    #[error("T-43: it may be mined from height {from}, the next block is {next}")]
    NotYet {
        /// First height allowed.
        from: u32,
        /// Height of the next block.
        next: u32,
    },
    /// It is too late.
    #[error("T-43: the authorisation expired at height {expiry}, the next block is {next}")]
    Expired {
        /// First height not allowed any more.
        expiry: u32,
        /// Height of the next block.
        next: u32,
    },
    /// The payment was made already, by another transaction.
    #[error("T-44: this approval was used: gate {gate} is spent by {by}", by = by.map_or_else(|| "another transaction".to_owned(), |txid| txid.to_string()))]
    Replayed {
        /// The gate.
        gate: OutPoint,
        /// The transaction that spent it, where known.
        by: Option<Txid>,
    },
    /// The gate of a payment is not among the inputs.
    #[error("T-45: gate {gate} is not spent; without it the payment could be made twice")]
    MissingGate {
        /// The gate.
        gate: OutPoint,
    },
    /// An input whose amount and script are not shown.
    #[error("T-46: input {input} does not show what it spends: {problem}")]
    UnknownInput {
        /// Index of the input.
        input: usize,
        /// What is missing or differs.
        problem: &'static str,
    },
    /// An input that is not the treasury's.
    #[error("T-47: input {input}, {outpoint}, is no coin of the treasury")]
    ForeignInput {
        /// Index of the input.
        input: usize,
        /// What it spends.
        outpoint: OutPoint,
    },
    /// A coin of a treasury that was replaced.
    #[error("T-48: input {input} is of treasury generation {generation}, the present one is {current}")]
    FormerGeneration {
        /// Index of the input.
        input: usize,
        /// Its generation, from 1.
        generation: usize,
        /// The present generation.
        current: usize,
    },
    /// A coin that is set apart: the spare seal, or the gate of another payment.
    #[error("T-49: input {input}, {outpoint}, is set apart (a seal, or the gate of another payment)")]
    LockedInput {
        /// Index of the input.
        input: usize,
        /// What it spends.
        outpoint: OutPoint,
    },
    /// The spare seal is spent, and not moved to the present treasury as it may be.
    #[error("T-340: input {input} is the spare seal: {problem}")]
    SpareSeal {
        /// Index of the input.
        input: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A signature may cover less than the whole transaction.
    #[error(
        "T-50: input {input} asks for or has signature type {sighash}; only ALL (DEFAULT) covers the whole transaction"
    )]
    Sighash {
        /// Index of the input.
        input: usize,
        /// The type found.
        sighash: String,
    },
    /// An output differs from the decision.
    #[error("T-51: output {vout} is {found}, the decision says {wanted}")]
    ChangedOutput {
        /// Index of the output.
        vout: usize,
        /// What is there.
        found: String,
        /// What was decided.
        wanted: String,
    },
    /// An output of the decision is not there.
    #[error("T-51: output {vout} of the decision, {wanted}, is missing")]
    MissingOutput {
        /// Index of the output.
        vout: usize,
        /// What was decided.
        wanted: String,
    },
    /// An output beyond the decision that is not the treasury's.
    #[error("T-52: output {vout}, {found}, is neither decided nor the treasury's own")]
    ForeignOutput {
        /// Index of the output.
        vout: usize,
        /// What is there.
        found: String,
    },
    /// An output to a script of the treasury that nodes may not follow.
    #[error(
        "T-110: output {vout} goes to the treasury's script at index {index}, where nodes may not see it; it has to be below {below}"
    )]
    OutOfSight {
        /// Index of the output.
        vout: usize,
        /// Its derivation index.
        index: u32,
        /// The first index that is out of sight.
        below: u32,
    },
    /// More than one output goes back to the treasury.
    #[error("T-52: output {vout} is a second change output")]
    SecondChange {
        /// Index of the output.
        vout: usize,
    },
    /// More than one output of housekeeping is no new gate.
    #[error("T-52: output {vout} is the second that goes back to the treasury; beside one there may be at most 64 new gates of {} sat", gate.to_sat())]
    Crumb {
        /// Index of the output.
        vout: usize,
        /// What a gate holds.
        gate: Amount,
    },
    /// Change to a treasury that was replaced.
    #[error("T-48: output {vout} goes to treasury generation {generation}, the present one is {current}")]
    FormerChange {
        /// Index of the output.
        vout: usize,
        /// Its generation, from 1.
        generation: usize,
        /// The present generation.
        current: usize,
    },
    /// Too much goes to the miners.
    #[error("T-53: the fee is {} sat, at most {} sat are allowed", fee.to_sat(), cap.to_sat())]
    FeeAboveCap {
        /// The fee.
        fee: Amount,
        /// What is allowed.
        cap: Amount,
    },
    /// Too much goes to the miners by one housekeeping after another.
    #[error("T-332: it would cost {} sat, and other housekeeping {} sat within {HOUSEKEEPING_BLOCKS} blocks; together it may cost {} sat without a vote", cost.to_sat(), spent.to_sat(), budget.to_sat())]
    HousekeepingBudget {
        /// What this one costs.
        cost: Amount,
        /// What others cost, or may still cost, as far as that is known.
        spent: Amount,
        /// What all may cost.
        budget: Amount,
    },
    /// The outputs hold more than the inputs.
    #[error("T-53: the outputs hold {} sat, the inputs {} sat", outputs.to_sat(), inputs.to_sat())]
    NoFee {
        /// Sum of the outputs.
        outputs: Amount,
        /// Sum of the inputs.
        inputs: Amount,
    },
    /// The script shown for signing is not the coin's.
    #[error("T-54: input {input} shows another script than the coin has")]
    WrongScript {
        /// Index of the input.
        input: usize,
    },
    /// A hub's bond, which is not free.
    #[error("T-93: input {input} spends the hub's bond {outpoint}, which is held")]
    HeldBond {
        /// Index of the input.
        input: usize,
        /// The bond.
        outpoint: OutPoint,
    },
    /// A hub's bond that does not go back to it, or not alone and whole.
    #[error("T-93: it spends a hub's bond, which goes back alone, in one output, to script {back}")]
    BondElsewhere {
        /// The way back, hex.
        back: String,
    },
    /// The treasury's policy does not allow what the charter asks for.
    #[error("{reason}")]
    NotStageable {
        /// The rule (T-86) and what is in the way.
        reason: String,
    },
    /// Payments that are staged in different ways.
    #[error("T-88: payment {number} is staged otherwise than another of this transaction")]
    StagedOtherwise {
        /// Which, from 1.
        number: usize,
    },
    /// The first output is not where the money has to rest.
    #[error("T-88: output 0 is {found}; the charter asks that this payment rests in script {wanted} first")]
    StageOutput {
        /// What is there.
        found: String,
        /// The stage's script, hex.
        wanted: String,
    },
    /// The second transaction is missing.
    #[error(
        "T-88: the charter asks that this payment is staged, and no payout is beside it; staged money could then be kept back"
    )]
    NoPayout,
    /// The second transaction is not what it has to be.
    #[error("T-88: the payout {problem}")]
    BadPayout {
        /// What is wrong with it.
        problem: String,
    },
    /// A second transaction that nobody asked for.
    #[error("T-88: a payout is beside it, and nothing that it pays is staged")]
    StrayPayout,
    /// Staged coins come back alone.
    #[error("T-95: input {input}, {outpoint}, is no staged coin; what is staged comes back alone")]
    ReturnWithOthers {
        /// Index of the input.
        input: usize,
        /// What it spends.
        outpoint: OutPoint,
    },
    /// Something is spent twice.
    #[error("T-46: input {input} spends what another input spends")]
    DoubleInput {
        /// Index of the input.
        input: usize,
    },
    /// Two of its payments are one.
    #[error("T-44: payment {number} stands twice in it")]
    DoublePayment {
        /// Which proof, from 1.
        number: usize,
    },
    /// A signature that is there already is not good.
    #[error("T-55: {reason}")]
    Signature {
        /// Which, and what is wrong.
        reason: String,
    },
    /// The transaction cannot be mined before a time that has not come.
    #[error("T-56: its lock time {lock_time} is not a height below the next block")]
    LockTime {
        /// The lock time.
        lock_time: u32,
    },
}

/// What can take a reason away again (T-102). Of several reasons the least counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passing {
    /// Nothing: the file itself is wrong, or it is too late.
    Never,
    /// News: whoever put it forward may have a longer chain or log than this node.
    News,
    /// Blocks: it is too early.
    Blocks,
}

impl PsbtReason {
    /// Number of the rule, such as `T-51`.
    pub fn rule(&self) -> String {
        let text = self.to_string();
        text.split(':').next().unwrap_or_default().to_owned()
    }

    /// What can take it away again.
    pub fn passing(&self) -> Passing {
        match self {
            Self::Shallow { .. } | Self::NotYet { .. } => Passing::Blocks,
            Self::LockTime { lock_time } if *lock_time < LOCK_TIME_THRESHOLD => Passing::Blocks,
            // What was mined two weeks ago counts no more.
            Self::HousekeepingBudget { cost, budget, .. } if cost <= budget => Passing::Blocks,
            // A node that is behind has not seen what was paid to.
            Self::OutOfSight { index, .. } if *index >= MOST_INDEXES_IN_SIGHT => Passing::Never,
            Self::HousekeepingBudget { .. }
            | Self::OutOfSight { .. }
            | Self::NoProof
            | Self::Proof { .. }
            | Self::Replayed { .. }
            | Self::ForeignInput { .. }
            | Self::LockedInput { .. }
            | Self::SpareSeal { .. }
            | Self::ForeignOutput { .. }
            | Self::Crumb { .. }
            | Self::FeeAboveCap { .. }
            | Self::HeldBond { .. }
            | Self::BondElsewhere { .. }
            | Self::NotStageable { .. }
            | Self::StagedOtherwise { .. }
            | Self::StageOutput { .. }
            | Self::NoPayout
            | Self::BadPayout { .. }
            | Self::StrayPayout
            | Self::ReturnWithOthers { .. } => Passing::News,
            Self::Form { .. }
            | Self::Expired { .. }
            | Self::MissingGate { .. }
            | Self::UnknownInput { .. }
            | Self::FormerGeneration { .. }
            | Self::Sighash { .. }
            | Self::ChangedOutput { .. }
            | Self::MissingOutput { .. }
            | Self::SecondChange { .. }
            | Self::FormerChange { .. }
            | Self::NoFee { .. }
            | Self::WrongScript { .. }
            | Self::DoubleInput { .. }
            | Self::DoublePayment { .. }
            | Self::Signature { .. }
            | Self::LockTime { .. } => Passing::Never,
        }
    }
}

/// Something that has to be known for an answer and is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PsbtUnknown {
    /// Nothing says how far the chain is.
    #[error("T-57: the tip of the chain is not known, so expiry and depth cannot be told")]
    Tip,
    /// Nothing says whether a gate was spent.
    #[error("T-57: whether gate {gate} is unspent is not known")]
    Gate {
        /// The gate.
        gate: OutPoint,
    },
    /// Nothing says how many scripts of the treasury were used.
    #[error(
        "T-110: output {vout} goes to the treasury's script at index {index}; whether nodes follow it, from index {INDEXES_IN_SIGHT} on, is not known here"
    )]
    Sight {
        /// Index of the output.
        vout: usize,
        /// Its derivation index.
        index: u32,
    },
    /// Nothing says what housekeeping has cost of late.
    #[error("T-332: it would cost {} sat; what other housekeeping has cost within {HOUSEKEEPING_BLOCKS} blocks is not known here, and together it may cost {} sat", cost.to_sat(), budget.to_sat())]
    HousekeepingSpent {
        /// What this one costs.
        cost: Amount,
        /// What all may cost.
        budget: Amount,
    },
    /// Nothing says that a coin was ever made.
    #[error("T-111: coin {outpoint} is not known here; a session that spends what is not there can never be mined")]
    Coin {
        /// What is spent.
        outpoint: OutPoint,
    },
    /// Nothing says whether a hub's bond is free.
    #[error("T-57: whether the hub's bond {outpoint} is free to go back is in the log, which is not known here")]
    Bond {
        /// The bond.
        outpoint: OutPoint,
    },
    /// The blocks that the proof rests on are not known.
    #[error("T-57: the proof of payment {number} cannot be judged: {reason}")]
    Proof {
        /// Which proof, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
}
