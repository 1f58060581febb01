//! Who may become a member, and what a member weighs.

use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Who may become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Admission {
    /// Anybody with at least this stake.
    Open {
        /// Smallest stake in satoshis that weighs anything, at least 1.
        min_stake_sat: u64,
    },
    /// The founders, and whom a proposal of class admit took in.
    Vote {
        /// As in [`Admission::Open`].
        min_stake_sat: u64,
    },
    /// The founders, whom a member invited, and whom a proposal of class admit took in.
    Invite {
        /// As in [`Admission::Open`].
        min_stake_sat: u64,
        /// Most invitations of one member that nobody has accepted yet, at least 1.
        max_open_per_member: u16,
    },
}

/// How stake becomes weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum WeightRule {
    /// One per satoshi.
    Stake,
    /// One per member.
    OneMemberOneVote,
    /// The integer square root of the satoshis.
    SqrtStake,
    /// Satoshis times blocks since their funding output was mined.
    StakeAge {
        /// Age in blocks above which an output weighs no more, at least 1.
        cap_blocks: u32,
    },
}

impl Admission {
    /// Smallest stake in satoshis that weighs anything.
    #[must_use]
    pub const fn min_stake_sat(&self) -> u64 {
        match *self {
            Self::Open { min_stake_sat } | Self::Vote { min_stake_sat } | Self::Invite { min_stake_sat, .. } => {
                min_stake_sat
            }
        }
    }

    /// Whether a stake alone makes a member, so that one person can be several.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

impl WeightRule {
    /// Its name in charters and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stake => "stake",
            Self::OneMemberOneVote => "one_member_one_vote",
            Self::SqrtStake => "sqrt_stake",
            Self::StakeAge { .. } => "stake_age",
        }
    }
}

impl Canonical for Admission {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Open { min_stake_sat } => {
                w.u8(0);
                w.u64(*min_stake_sat);
            }
            Self::Vote { min_stake_sat } => {
                w.u8(1);
                w.u64(*min_stake_sat);
            }
            Self::Invite { min_stake_sat, max_open_per_member } => {
                w.u8(2);
                w.u64(*min_stake_sat);
                w.u16(*max_open_per_member);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Open { min_stake_sat: r.u64()? }),
            1 => Ok(Self::Vote { min_stake_sat: r.u64()? }),
            2 => Ok(Self::Invite { min_stake_sat: r.u64()?, max_open_per_member: r.u16()? }),
            found => Err(DecodeError::UnknownVariant { field: "admission", found }),
        }
    }
}

impl Canonical for WeightRule {
    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Stake => w.u8(0),
            Self::OneMemberOneVote => w.u8(1),
            Self::SqrtStake => w.u8(2),
            Self::StakeAge { cap_blocks } => {
                w.u8(3);
                w.u32(*cap_blocks);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match r.u8()? {
            0 => Ok(Self::Stake),
            1 => Ok(Self::OneMemberOneVote),
            2 => Ok(Self::SqrtStake),
            3 => Ok(Self::StakeAge { cap_blocks: r.u32()? }),
            found => Err(DecodeError::UnknownVariant { field: "weight_rule", found }),
        }
    }
}
