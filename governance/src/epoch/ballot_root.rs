//! What the header's tree of ballot trees says of one of them.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::voting::System;

/// Value of a leaf in the tree of ballot trees (G-63): everything that it takes to read the tree's sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BallotRoot {
    /// Commitment of the ballot tree.
    pub commitment: [u8; 32],
    /// How far the vote is.
    pub stage: Stage,
    /// How it is voted on, and so what the sums are.
    pub system: System,
    /// Options of the proposal's own; 0 for a question.
    pub options: u16,
    /// Epoch of the roll.
    pub snapshot: u32,
}

/// How far a vote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Ballots are still taken.
    Open,
    /// Closed; what passed is provisional.
    Closed,
    /// Counted again with the stakes that were still locked when this epoch closed.
    Enacted,
}

impl Stage {
    /// Whether voting had closed.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Enacted)
    }
}

impl Canonical for BallotRoot {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&self.commitment);
        w.u8(match self.stage {
            Stage::Open => 0,
            Stage::Closed => 1,
            Stage::Enacted => 2,
        });
        self.system.encode(w);
        w.u16(self.options);
        w.u32(self.snapshot);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let root = Self {
            commitment: r.fixed()?,
            stage: match r.u8()? {
                0 => Stage::Open,
                1 => Stage::Closed,
                2 => Stage::Enacted,
                found => return Err(DecodeError::UnknownVariant { field: "stage", found }),
            },
            system: Canonical::decode(r)?,
            options: r.u16()?,
            snapshot: r.u32()?,
        };
        root.system.check(root.options).map_err(|fault| fault.of_field("options"))?;
        Ok(root)
    }
}
