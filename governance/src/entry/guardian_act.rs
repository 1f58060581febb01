//! Guardian act: a guardian's voice against a passed proposal.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::ProposalId;

/// A guardian asks that a passed proposal be put off or stopped (G-95). That is all a guardian can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardianAct {
    /// Which proposal.
    pub proposal: ProposalId,
    /// What the guardian asks for.
    pub act: GuardianVoice,
}

/// What a guardian can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardianVoice {
    /// Put its authorisation off by the charter's delay, once.
    Delay,
    /// Never authorise it.
    Veto,
}

impl LaneBody for GuardianAct {
    const KIND: EntryKind = EntryKind::GuardianAct;
    const TAG: &'static str = tag::SIGN_GUARDIAN_ACT;
}

impl Canonical for GuardianAct {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        w.u8(match self.act {
            GuardianVoice::Delay => 0,
            GuardianVoice::Veto => 1,
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let proposal = Canonical::decode(r)?;
        let act = match r.u8()? {
            0 => GuardianVoice::Delay,
            1 => GuardianVoice::Veto,
            found => return Err(DecodeError::UnknownVariant { field: "guardian act", found }),
        };
        Ok(Self { proposal, act })
    }
}
