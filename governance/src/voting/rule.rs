//! What a class of proposals demands of a vote.

use super::share::product_at_least;
use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Basis points of the whole.
pub const ALL_BP: u16 = 10_000;

/// What it takes to pass (V-20). The charter builds it from the rule of a proposal's class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Share of the votes that passes.
    pub threshold: Threshold,
    /// Turnout without which nothing passes.
    pub quorum: Quorum,
    /// Least number of members who voted; 0 for no such rule.
    pub distinct_voters_min: u32,
    /// Share of the weight cast, in basis points, at which vetoes reject; only for [`super::System::YesNoVeto`].
    pub veto_bp: u16,
    /// Share of the roll, in basis points, whose opposition rejects; only for [`super::System::Optimistic`].
    pub oppose_bp: u16,
}

/// Share of yes among yes and no that passes (V-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// More than half.
    Majority,
    /// At least this many basis points, 5001 to 10000.
    PercentBp(u16),
}

/// Turnout without which nothing passes (V-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// Yes and abstain together are at least this many basis points of the roll without what stands aside (L-18). Votes against do
    /// not count toward it, so that voting no cannot help a proposal pass. With options: all weight that voted.
    ParticipationBp(u16),
    /// Yes alone, or the winning option's weight, is at least this many basis points of the roll.
    YesOfTotalBp(u16),
}

impl Threshold {
    /// Whether `yes` against `no` is enough; never without any yes (V-22).
    #[must_use]
    pub fn is_met(self, yes: u128, no: u128) -> bool {
        match self {
            Self::Majority => yes > no,
            // yes / (yes + no) >= bp / 10000, rearranged so that no sum can overflow.
            Self::PercentBp(bp) => ALL_BP
                .checked_sub(bp)
                .is_some_and(|rest| yes > 0 && product_at_least(yes, u64::from(rest), no, u64::from(bp))),
        }
    }
}

/// `part / whole >= bp / 10000`, exact.
pub(crate) fn share_at_least(part: u128, whole: u128, bp: u16) -> bool {
    product_at_least(part, u64::from(ALL_BP), whole, u64::from(bp))
}

impl Canonical for Threshold {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Majority => w.u8(0),
            Self::PercentBp(bp) => {
                w.u8(1);
                w.u16(*bp);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Majority),
            1 => Ok(Self::PercentBp(r.u16()?)),
            found => Err(DecodeError::UnknownVariant { field: "threshold", found }),
        }
    }
}

impl Canonical for Quorum {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::ParticipationBp(bp) => {
                w.u8(0);
                w.u16(*bp);
            }
            Self::YesOfTotalBp(bp) => {
                w.u8(1);
                w.u16(*bp);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::ParticipationBp(r.u16()?)),
            1 => Ok(Self::YesOfTotalBp(r.u16()?)),
            found => Err(DecodeError::UnknownVariant { field: "quorum", found }),
        }
    }
}
