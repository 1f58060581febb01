//! Deposit hold: satoshis that a member may not spend until a proposal is decided.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{ChannelId, ProposalId};

/// A hold on part of the member's balance for a proposal (G-96). The satoshis stay the member's and keep their weight; they
/// may be forfeited up to this amount and no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositHold {
    /// The first version of the proposal, whose id the author knows before it is logged.
    pub thread: ProposalId,
    /// The channel in which the satoshis are.
    pub channel: ChannelId,
    /// How many, at least 1.
    pub amount_sat: u64,
}

impl LaneBody for DepositHold {
    const KIND: EntryKind = EntryKind::DepositHold;
    const TAG: &'static str = tag::SIGN_DEPOSIT_HOLD;
}

impl Canonical for DepositHold {
    fn encode(&self, w: &mut Writer) {
        self.thread.encode(w);
        self.channel.encode(w);
        w.u64(self.amount_sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let hold = Self { thread: Canonical::decode(r)?, channel: Canonical::decode(r)?, amount_sat: r.u64()? };
        match hold.amount_sat {
            0 => Err(DecodeError::Rule { rule: "G-96", field: "amount_sat", problem: "is 0".into() }),
            _ => Ok(hold),
        }
    }
}
