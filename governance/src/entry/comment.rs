//! Comment: discussion of a proposal.

use super::text::check_lines;
use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::{EntryId, ProposalId};

/// Longest comment in bytes.
pub const MAX_COMMENT: usize = 4096;

/// A remark on a proposal, or an answer to another remark on it (G-28).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// On which proposal.
    pub proposal: ProposalId,
    /// The comment answered, on the same proposal.
    pub parent: Option<EntryId>,
    /// 1 to 4096 bytes. Untrusted.
    pub text: String,
}

impl LaneBody for Comment {
    const KIND: EntryKind = EntryKind::Comment;
    const TAG: &'static str = tag::SIGN_COMMENT;
}

impl Canonical for Comment {
    fn encode(&self, w: &mut Writer) {
        self.proposal.encode(w);
        w.option(self.parent, |w, parent| parent.encode(w));
        w.text(&self.text);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let proposal = Canonical::decode(r)?;
        let parent = r.option("parent comment", Canonical::decode)?;
        let text = r.text("comment", MAX_COMMENT)?;
        check_lines("comment", &text, 1, MAX_COMMENT)?;
        Ok(Self { proposal, parent, text })
    }
}
