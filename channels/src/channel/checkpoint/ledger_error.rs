//! Why a change cannot be folded.

use bitcoin::OutPoint;

use super::ledger::AppPosition;
use crate::commitment::{AmountError, Side};
use crate::ids::HoldId;

/// A change that breaks a rule, with the values that break it. Its text begins with the number of the clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The other side alone may propose this.
    #[error("C-102: {what} cannot be proposed by the {proposer:?}")]
    Proposer {
        /// Which change.
        what: &'static str,
        /// Who proposed it.
        proposer: Side,
    },
    /// An order that was folded before, or is older than one that was.
    #[error("C-103: {what} has serial {serial}, the last one folded has {last}")]
    Serial {
        /// Which order.
        what: &'static str,
        /// Its serial.
        serial: u64,
        /// The newest one folded.
        last: u64,
    },
    /// The id is in use, or no further hold fits.
    #[error("C-103: no room for hold {id} beside {holds} others")]
    HoldTaken {
        /// The hold asked for.
        id: HoldId,
        /// How many there are.
        holds: usize,
    },
    /// There is no such hold.
    #[error("C-103: there is no hold {id}")]
    NoHold {
        /// The hold named.
        id: HoldId,
    },
    /// More is forfeited than is held.
    #[error("C-101: of hold {id}, {held_sat} sat, at most that can be forfeited, not {amount_sat} sat")]
    Forfeit {
        /// The hold named.
        id: HoldId,
        /// What would be forfeited.
        amount_sat: u64,
        /// What is held.
        held_sat: u64,
    },
    /// A promise is not signed by the side that it debits.
    #[error("C-103, C-104: signature of the {what} does not verify")]
    Signature {
        /// Which promise.
        what: &'static str,
    },
    /// The voucher's sum is settled already.
    #[error("C-104: voucher of {cumulative_sat} sat in all, {settled_sat} sat are settled")]
    Settled {
        /// The voucher's sum.
        cumulative_sat: u64,
        /// What is settled.
        settled_sat: u64,
    },
    /// More is promised than may be open at a time.
    #[error("C-104: {amount_sat} sat of vouchers are open, at most {cap_sat} sat may be")]
    VoucherCap {
        /// What would be open.
        amount_sat: u64,
        /// Half the reserve.
        cap_sat: u64,
    },
    /// Nothing would be moved.
    #[error("C-107: an amount is at least 1 sat, not 0 sat")]
    Nothing,
    /// The side cannot pay that.
    #[error("C-107: {side:?} has {spendable_sat} sat to spend of which {keep_sat} sat are kept, not {amount_sat} sat")]
    Spendable {
        /// Who would pay.
        side: Side,
        /// What would be paid.
        amount_sat: u64,
        /// Balance without holds.
        spendable_sat: u64,
        /// The reserve, where it binds.
        keep_sat: u64,
    },
    /// The lane would go back, or fork.
    #[error("C-108: lane position {proposed:?} does not extend {known:?}")]
    Lane {
        /// What is folded.
        known: AppPosition,
        /// What was proposed.
        proposed: AppPosition,
    },
    /// No commitment can express the balances.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A funding that is known already, or is not, or for which there is no room.
    #[error("C-140: funding {outpoint} cannot be added to or locked among the {in_force} in force")]
    Funding {
        /// The one named.
        outpoint: OutPoint,
        /// How many are in force.
        in_force: usize,
    },
}

impl LedgerError {
    /// Number of the clause, such as `C-107`.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Forfeit { .. } => "C-101",
            Self::Proposer { .. } => "C-102",
            Self::Serial { .. } | Self::HoldTaken { .. } | Self::NoHold { .. } | Self::Signature { .. } => "C-103",
            Self::Settled { .. } | Self::VoucherCap { .. } => "C-104",
            Self::Nothing | Self::Spendable { .. } => "C-107",
            Self::Lane { .. } => "C-108",
            Self::Amount(error) => error.rule(),
            Self::Funding { .. } => "C-140",
        }
    }
}
