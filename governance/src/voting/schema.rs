//! What a ballot may look like: one description for every voting system, after Vocdoni's ballot protocol.

use super::rule::ALL_BP;
use super::system::System;

/// Limits of a ballot's fields, derived from system and number of options (V-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BallotSchema {
    /// Fewest fields.
    pub fields_min: u16,
    /// Most fields, at most 64.
    pub fields_max: u16,
    /// Smallest value of a field.
    pub min: u16,
    /// Largest value of a field.
    pub max: u16,
    /// No value may come twice.
    pub unique: bool,
    /// Limit of the sum of all costs.
    pub cost: CostLimit,
    /// A value v costs v to the power of this.
    pub cost_exponent: u8,
    /// No fields at all is a ballot too, and means abstain (V-7).
    pub empty_abstains: bool,
}

/// Limit of the sum of a ballot's costs (V-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostLimit {
    /// None.
    Free,
    /// At most this.
    AtMost(u64),
    /// Exactly this.
    Exactly(u64),
}

/// Why fields are not a ballot of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BallotFault {
    /// Too few or too many fields.
    #[error("V-3: a ballot here has {min} to {max} fields, not {found}")]
    FieldCount {
        /// Fields found.
        found: usize,
        /// Fewest.
        min: u16,
        /// Most.
        max: u16,
    },
    /// A value outside its range, for instance an unknown option.
    #[error("V-4: field {index} is {found}; must be {min} to {max}")]
    OutOfRange {
        /// Which field, from 0.
        index: usize,
        /// Its value.
        found: u16,
        /// Smallest.
        min: u16,
        /// Largest.
        max: u16,
    },
    /// An option ranked twice.
    #[error("V-5: option {option} comes twice, in fields {first} and {second}")]
    Repeated {
        /// The option.
        option: u16,
        /// Field where it came first, from 0.
        first: usize,
        /// Field where it came again.
        second: usize,
    },
    /// Parts that do not make up the whole.
    #[error("V-6: the fields add up to {found}; must be exactly {wanted}")]
    NotExact {
        /// Their sum.
        found: u64,
        /// What it must be.
        wanted: u64,
    },
    /// More spent than there is.
    #[error("V-6: the fields cost {found}; the budget is {max}")]
    OverBudget {
        /// Sum of the costs.
        found: u64,
        /// Most allowed.
        max: u64,
    },
}

impl BallotSchema {
    /// The schema of `system` with `options` options of the proposal's own (V-3).
    pub(super) fn of(system: System, options: u16) -> Self {
        let all = options.saturating_add(1); // and "none of these"
        let base = Self {
            fields_min: all,
            fields_max: all,
            min: 0,
            max: 1,
            unique: false,
            cost: CostLimit::Free,
            cost_exponent: 1,
            empty_abstains: true,
        };
        match system {
            // A question has no options, so that "all" is one field.
            System::YesNoAbstain | System::Optimistic => Self { max: 2, empty_abstains: false, ..base },
            System::YesNoVeto => Self { max: 3, empty_abstains: false, ..base },
            System::SingleChoice => Self { fields_min: 1, fields_max: 1, max: options, ..base },
            System::Approval => base,
            System::Score { max } => Self { max, ..base },
            System::InstantRunoff | System::Schulze => Self { fields_min: 1, max: options, unique: true, ..base },
            System::Split => Self { max: ALL_BP, cost: CostLimit::Exactly(u64::from(ALL_BP)), ..base },
            System::Quadratic { credits } => {
                Self { max: system.unit(), cost: CostLimit::AtMost(u64::from(credits)), cost_exponent: 2, ..base }
            }
        }
    }

    /// Whether these fields fit (V-3 to V-7).
    ///
    /// # Errors
    /// The first [`BallotFault`], in the order of the clauses.
    pub fn validate(&self, fields: &[u16]) -> Result<(), BallotFault> {
        if fields.is_empty() && self.empty_abstains {
            return Ok(()); // V-7
        }
        if fields.len() < usize::from(self.fields_min) || fields.len() > usize::from(self.fields_max) {
            return Err(BallotFault::FieldCount { found: fields.len(), min: self.fields_min, max: self.fields_max });
        }
        for (index, &found) in fields.iter().enumerate() {
            if found < self.min || found > self.max {
                return Err(BallotFault::OutOfRange { index, found, min: self.min, max: self.max });
            }
        }
        if self.unique {
            no_repeats(fields)?;
        }
        self.within_budget(fields)
    }

    /// V-6. Cannot overflow: 64 squares of 16 bits are below 2^38.
    fn within_budget(&self, fields: &[u16]) -> Result<(), BallotFault> {
        let found = fields.iter().map(|value| u64::from(*value).pow(u32::from(self.cost_exponent))).sum();
        match self.cost {
            CostLimit::Exactly(wanted) if found != wanted => Err(BallotFault::NotExact { found, wanted }),
            CostLimit::AtMost(max) if found > max => Err(BallotFault::OverBudget { found, max }),
            _ => Ok(()),
        }
    }
}

/// V-5. At most 64 fields, so that comparing each with each is cheapest.
fn no_repeats(fields: &[u16]) -> Result<(), BallotFault> {
    for (second, option) in fields.iter().enumerate() {
        if let Some(first) = fields[..second].iter().position(|earlier| earlier == option) {
            return Err(BallotFault::Repeated { option: *option, first, second });
        }
    }
    Ok(())
}
