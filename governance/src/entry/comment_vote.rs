//! Comment vote: a member approves of a comment, or disapproves.

use super::{EntryKind, LaneBody};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::tag;
use crate::id::EntryId;

/// A vote on a comment (G-91). The member's last one counts; it has no weight and decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentVote {
    /// Which comment.
    pub comment: EntryId,
    /// What the member thinks of it.
    pub opinion: Opinion,
}

/// What a member thinks of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opinion {
    /// Nothing; takes back an earlier vote.
    None,
    /// Approves.
    Up,
    /// Disapproves.
    Down,
}

impl LaneBody for CommentVote {
    const KIND: EntryKind = EntryKind::CommentVote;
    const TAG: &'static str = tag::SIGN_COMMENT_VOTE;
}

impl Canonical for CommentVote {
    fn encode(&self, w: &mut Writer) {
        self.comment.encode(w);
        w.u8(match self.opinion {
            Opinion::None => 0,
            Opinion::Up => 1,
            Opinion::Down => 2,
        });
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let comment = Canonical::decode(r)?;
        let opinion = match r.u8()? {
            0 => Opinion::None,
            1 => Opinion::Up,
            2 => Opinion::Down,
            found => return Err(DecodeError::UnknownVariant { field: "opinion", found }),
        };
        Ok(Self { comment, opinion })
    }
}
