//! Author update: what a proposal's author tells everybody later.

use super::text::check_lines;
use super::{EntryKind, LaneBody, MAX_COMMENT};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::ProposalId;

/// A remark of the author that is marked as such (G-92). It changes nothing that is voted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorUpdate {
    /// On which proposal.
    pub proposal: ProposalId,
    /// 1 to 4096 bytes.
    pub text: String,
}

impl LaneBody for AuthorUpdate {
    const KIND: EntryKind = EntryKind::AuthorUpdate;
    const TAG: &'static str = tag::SIGN_AUTHOR_UPDATE;
}

impl Canonical for AuthorUpdate {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        w.text(&self.text);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let update = Self { proposal: Canonical::decode(r)?, text: r.text("author update", MAX_COMMENT)? };
        check_lines("author update", &update.text, 1, MAX_COMMENT)?;
        Ok(update)
    }
}
