//! What members may do and get in one epoch: rewards and dues, delegation, discussion.

use crate::codec::{Canonical, DecodeError, Reader, Writer};

/// Most parts of one delegation (L-1).
pub const MAX_DELEGATION_PARTS: u16 = 16;
/// Longest comment in bytes that any charter allows.
pub const MAX_COMMENT_BYTES: u32 = 4096;

/// Participation rewards and dues. The pool is fixed per epoch and so cannot grow with the number of proposals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rewards {
    /// Satoshis shared each epoch among the members who voted in it; 0 for no rewards.
    pub pool_sat_per_epoch: u64,
    /// How the pool is shared.
    pub share: RewardShare,
    /// Satoshis that every member of the roll owes per epoch; 0 for no dues.
    pub dues_sat_per_epoch: u64,
}

/// How a pool is shared among those who voted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardShare {
    /// The same for everybody.
    #[default]
    Equal,
    /// In proportion to weight.
    ByWeight,
}

/// Whether and how members may let others vote for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelegationLimits {
    /// Whether delegations are accepted at all.
    pub enabled: bool,
    /// Most members among whom one delegation divides its weight, 1 to [`MAX_DELEGATION_PARTS`].
    pub max_parts: u16,
}

/// Limits on discussion, per member and epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscussionLimits {
    /// Most comments of one member in one epoch; 0 for no discussion.
    pub comments_per_epoch: u32,
    /// Most votes on comments of one member in one epoch.
    pub comment_votes_per_epoch: u32,
    /// Longest comment in bytes, 1 to [`MAX_COMMENT_BYTES`].
    pub comment_bytes: u32,
}

impl Default for DelegationLimits {
    fn default() -> Self {
        Self { enabled: false, max_parts: MAX_DELEGATION_PARTS }
    }
}

impl Default for DiscussionLimits {
    fn default() -> Self {
        Self { comments_per_epoch: 100, comment_votes_per_epoch: 1000, comment_bytes: MAX_COMMENT_BYTES }
    }
}

impl Canonical for Rewards {
    fn encode(&self, w: &mut Writer) {
        w.u64(self.pool_sat_per_epoch);
        w.u8(match self.share {
            RewardShare::Equal => 0,
            RewardShare::ByWeight => 1,
        });
        w.u64(self.dues_sat_per_epoch);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            pool_sat_per_epoch: r.u64()?,
            share: match r.u8()? {
                0 => RewardShare::Equal,
                1 => RewardShare::ByWeight,
                found => return Err(DecodeError::UnknownVariant { field: "rewards.share", found }),
            },
            dues_sat_per_epoch: r.u64()?,
        })
    }
}

impl Canonical for DelegationLimits {
    fn encode(&self, w: &mut Writer) {
        w.bool(self.enabled);
        w.u16(self.max_parts);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { enabled: r.bool("delegation.enabled")?, max_parts: r.u16()? })
    }
}

impl Canonical for DiscussionLimits {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.comments_per_epoch);
        w.u32(self.comment_votes_per_epoch);
        w.u32(self.comment_bytes);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { comments_per_epoch: r.u32()?, comment_votes_per_epoch: r.u32()?, comment_bytes: r.u32()? })
    }
}
