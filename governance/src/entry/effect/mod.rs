//! What a passed proposal does, as data. Nothing outside these values ever takes effect.

mod budget;
mod keys;
mod members;
mod pause;
mod sentences;
mod spend;

pub use budget::{Budget, MAX_DESCRIPTION, MAX_MILESTONES, Milestone};
pub use keys::{ElectTreasurers, ReplaceKeys, RuleChange};
pub use members::Confiscate;
pub use pause::{Pause, Request};
pub use spend::{MAX_FEE_CAP_SAT, MAX_OUTPUTS, MAX_SCRIPT, Spend, SpendOutput};

use bitcoin::Amount;

use crate::charter::{Charter, Class};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{MemberId, ProposalId};

/// Most effects of one option (G-83).
pub const MAX_EFFECTS: usize = 16;

/// One thing that happens when a proposal passes (G-83).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Pays out of the treasury at once.
    Spend(Spend),
    /// Pays out of the treasury in milestones.
    Budget(Budget),
    /// Ends a budget: milestones not yet authorised are never paid.
    StopBudget {
        /// The proposal whose budget ends.
        proposal: ProposalId,
    },
    /// Puts another charter in force.
    RuleChange(RuleChange),
    /// Makes somebody a member who may vote.
    Admit {
        /// Their vote key.
        member: MemberId,
    },
    /// Takes a member's vote away.
    Expel {
        /// Who.
        member: MemberId,
    },
    /// Replaces treasury descriptor and treasurers.
    ElectTreasurers(ElectTreasurers),
    /// Replaces keys of the hub.
    ReplaceKeys(ReplaceKeys),
    /// Forfeits a deposit that is held.
    Confiscate(Confiscate),
    /// Holds back authorisations for a time; can never pay.
    Pause(Pause),
    /// Asks for competing proposals, of which one wins.
    Request(Request),
}

impl Effect {
    /// The only class whose proposals may have this effect (G-83): privileges cannot hide among payments.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Spend(_) => Class::Spend,
            Self::Budget(_) | Self::StopBudget { .. } => Class::Budget,
            Self::RuleChange(_) => Class::RuleChange,
            Self::Admit { .. } => Class::Admit,
            Self::Expel { .. } => Class::Expel,
            Self::ElectTreasurers(_) => Class::ElectTreasurers,
            Self::ReplaceKeys(_) => Class::ReplaceKeys,
            Self::Confiscate(_) => Class::Confiscate,
            Self::Pause(_) => Class::Pause,
            Self::Request(_) => Class::Request,
        }
    }

    /// Satoshis that may leave the treasury by it, fees included; `None` on overflow.
    #[must_use]
    pub fn amount_sat(&self) -> Option<u64> {
        match self {
            Self::Spend(spend) => spend.amount_sat(),
            Self::Budget(budget) => budget.amount_sat(),
            Self::Request(request) => Some(request.budget_cap_sat),
            _ => Some(0),
        }
    }

    /// The charter that is in force once this took effect on `charter`; `None` when it does not change it, or names
    /// another predecessor.
    #[must_use]
    pub fn charter_after(&self, charter: &Charter) -> Option<Charter> {
        match self {
            Self::RuleChange(change) if change.replaces == charter.hash() => Some((*change.charter).clone()),
            Self::ElectTreasurers(election) => Some(Charter {
                treasury_descriptor: election.descriptor.clone(),
                treasurers: election.treasurers.clone(),
                ..charter.clone()
            }),
            Self::ReplaceKeys(keys) => Some(Charter {
                hub_node_key: keys.hub_node_key.unwrap_or(charter.hub_node_key),
                hub_log_key: keys.hub_log_key.unwrap_or(charter.hub_log_key),
                anchor_key: keys.anchor_key.unwrap_or(charter.anchor_key),
                ..charter.clone()
            }),
            _ => None,
        }
    }

    /// The rules of the effect by itself.
    ///
    /// # Errors
    /// [`DecodeError`] naming clause, field and value.
    pub fn check(&self) -> Result<(), DecodeError> {
        match self {
            Self::Spend(spend) => spend.check()?,
            Self::Budget(budget) => budget.check()?,
            Self::ElectTreasurers(election) => election.check()?,
            Self::ReplaceKeys(keys) => keys.check()?,
            Self::Confiscate(confiscate) => confiscate.check()?,
            Self::Pause(pause) => pause.check()?,
            Self::Request(request) => request.check()?,
            Self::RuleChange(_) | Self::StopBudget { .. } | Self::Admit { .. } | Self::Expel { .. } => {}
        }
        match self.amount_sat() {
            Some(sum) if sum <= Amount::MAX_MONEY.to_sat() => Ok(()),
            _ => Err(rule("G-24", "amount", "payments and fees are more than 21 million bitcoin".into())),
        }
    }

    /// How many of its kind one option may have (G-83).
    pub(super) const fn most(&self) -> usize {
        match self {
            Self::Admit { .. } | Self::Expel { .. } | Self::Confiscate(_) => MAX_EFFECTS,
            _ => 1,
        }
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Spend(_) => 1,
            Self::Budget(_) => 2,
            Self::StopBudget { .. } => 3,
            Self::RuleChange(_) => 4,
            Self::Admit { .. } => 5,
            Self::Expel { .. } => 6,
            Self::ElectTreasurers(_) => 7,
            Self::ReplaceKeys(_) => 8,
            Self::Confiscate(_) => 9,
            Self::Pause(_) => 10,
            Self::Request(_) => 11,
        }
    }
}

impl Canonical for Effect {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.number());
        match self {
            Self::Spend(spend) => spend.encode(w),
            Self::Budget(budget) => budget.encode(w),
            Self::StopBudget { proposal } => proposal.encode(w),
            Self::RuleChange(change) => change.encode(w),
            Self::Admit { member } | Self::Expel { member } => member.encode(w),
            Self::ElectTreasurers(election) => election.encode(w),
            Self::ReplaceKeys(keys) => keys.encode(w),
            Self::Confiscate(confiscate) => confiscate.encode(w),
            Self::Pause(pause) => pause.encode(w),
            Self::Request(request) => request.encode(w),
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let effect = match r.u8()? {
            1 => Self::Spend(Canonical::decode(r)?),
            2 => Self::Budget(Canonical::decode(r)?),
            3 => Self::StopBudget { proposal: Canonical::decode(r)? },
            4 => Self::RuleChange(Canonical::decode(r)?),
            5 => Self::Admit { member: Canonical::decode(r)? },
            6 => Self::Expel { member: Canonical::decode(r)? },
            7 => Self::ElectTreasurers(Canonical::decode(r)?),
            8 => Self::ReplaceKeys(Canonical::decode(r)?),
            9 => Self::Confiscate(Canonical::decode(r)?),
            10 => Self::Pause(Canonical::decode(r)?),
            11 => Self::Request(Canonical::decode(r)?),
            found => return Err(DecodeError::UnknownVariant { field: "effect", found }),
        };
        effect.check()?;
        Ok(effect)
    }
}

fn rule(rule: &'static str, field: &'static str, problem: String) -> DecodeError {
    DecodeError::Rule { rule, field, problem }
}
