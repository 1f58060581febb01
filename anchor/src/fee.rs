//! What a link costs and how many more a seal can pay for.

use bitcoin::{Amount, FeeRate, Weight};
use thiserror::Error;

/// Weight of a link with one input (key path, default sighash) and one output.
pub const LINK_WEIGHT: Weight = Weight::from_wu(444);

/// Virtual size of such a link in vB, whatever it commits to and however many signers are behind the key.
pub const LINK_VSIZE: u64 = 111;

/// Least value of a link output: the dust limit of a P2TR output at the default relay rate.
pub const MIN_SEAL: Amount = Amount::from_sat(330);

/// What a replacement has to pay on top, for its own size (BIP125 rule 4): 1 sat/vB, the default of nodes so far.
pub const INCREMENTAL_RELAY_RATE: FeeRate = FeeRate::BROADCAST_MIN;

/// Why no fee can be paid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FeeError {
    /// The wanted rate is above the DAO's cap.
    #[error("A-9: fee rate of {} sat/kwu is above the cap of {} sat/kwu", rate.to_sat_per_kwu(), cap.to_sat_per_kwu())]
    AboveCap {
        /// Rate that was asked for.
        rate: FeeRate,
        /// Highest rate allowed.
        cap: FeeRate,
    },
    /// After the fee the output would be worth less than [`MIN_SEAL`].
    #[error("A-9: seal exhausted: it holds {value}, the fee is {fee}, and {MIN_SEAL} must remain")]
    SealExhausted {
        /// What the seal holds.
        value: Amount,
        /// Fee of the link.
        fee: Amount,
    },
}

/// Fee of a one-input one-output link at `rate`, rounded up to a whole satoshi.
///
/// # Errors
/// [`FeeError::AboveCap`] when `rate` is above `cap`.
pub fn link_fee(rate: FeeRate, cap: FeeRate) -> Result<Amount, FeeError> {
    link_fee_of(LINK_WEIGHT, rate, cap)
}

/// The same for a link of another weight.
pub(crate) fn link_fee_of(weight: Weight, rate: FeeRate, cap: FeeRate) -> Result<Amount, FeeError> {
    if rate > cap {
        return Err(FeeError::AboveCap { rate, cap });
    }
    Ok(fee_of(weight, rate))
}

/// Fee of `weight` at `rate`, rounded up; a rate too large to multiply costs more than any seal holds.
pub(crate) fn fee_of(weight: Weight, rate: FeeRate) -> Amount {
    rate.fee_wu(weight).unwrap_or(Amount::MAX_MONEY)
}

/// What is left in a seal of `value` after `fee`.
///
/// # Errors
/// [`FeeError::SealExhausted`] when less than [`MIN_SEAL`] would remain.
pub(crate) fn value_after_fee(value: Amount, fee: Amount) -> Result<Amount, FeeError> {
    let exhausted = FeeError::SealExhausted { value, fee };
    value.checked_sub(fee).filter(|rest| *rest >= MIN_SEAL).ok_or(exhausted)
}

/// How many more links a seal of `value` can pay for at a constant `rate`; `None` when links are free.
pub fn links_affordable(value: Amount, rate: FeeRate) -> Option<u64> {
    let fee = fee_of(LINK_WEIGHT, rate).to_sat();
    value.to_sat().saturating_sub(MIN_SEAL.to_sat()).checked_div(fee)
}
