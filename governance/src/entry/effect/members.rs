//! Effects on single members.

use super::rule;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{MemberId, ProposalId};

/// Forfeits a deposit that is held, up to what was signed for it (G-86).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confiscate {
    /// The first version of the proposal for which it is held.
    pub thread: ProposalId,
    /// Who holds it.
    pub member: MemberId,
    /// Satoshis, at least 1; what is above the deposit has no effect.
    pub amount_sat: u64,
}

impl Confiscate {
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        match self.amount_sat {
            0 => Err(rule("G-86", "confiscated amount", "is 0 sat".into())),
            _ => Ok(()),
        }
    }
}

impl Canonical for Confiscate {
    fn encode(&self, w: &mut Writer) {
        self.thread.encode(w);
        self.member.encode(w);
        w.u64(self.amount_sat);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { thread: Canonical::decode(r)?, member: Canonical::decode(r)?, amount_sat: r.u64()? })
    }
}
