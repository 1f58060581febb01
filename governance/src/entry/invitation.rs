//! Invitation and acceptance: how a member brings in another where the charter asks for it.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{EntryId, MemberId};

/// A member invites somebody (G-94).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The vote key invited.
    pub invitee: MemberId,
    /// From this height on it cannot be accepted.
    pub expires_height: u32,
}

/// Somebody accepts an invitation and is a member once the delay of G-38 is over (G-94).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptance {
    /// The invitation's entry.
    pub invitation: EntryId,
}

impl LaneBody for Invitation {
    const KIND: EntryKind = EntryKind::Invitation;
    const TAG: &'static str = tag::SIGN_INVITATION;
}

impl Canonical for Invitation {
    fn encode(&self, w: &mut Writer) {
        self.invitee.encode(w);
        w.u32(self.expires_height);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { invitee: Canonical::decode(r)?, expires_height: r.u32()? })
    }
}

impl LaneBody for Acceptance {
    const KIND: EntryKind = EntryKind::Acceptance;
    const TAG: &'static str = tag::SIGN_ACCEPTANCE;
}

impl Canonical for Acceptance {
    fn encode(&self, w: &mut Writer) {
        self.invitation.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { invitation: Canonical::decode(r)? })
    }
}
