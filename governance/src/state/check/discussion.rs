//! Comments, votes on them, author updates and invitations.

use super::super::LogState;
use super::super::refusal::{Refusal, invalid, not_now};
use crate::charter::Admission;
use crate::entry::{Acceptance, AuthorUpdate, Comment, CommentVote, Invitation, LaneEntry};
use crate::id::{MemberId, ProposalId};

impl LogState {
    pub(super) fn check_comment(&self, e: &LaneEntry<Comment>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        self.check_discussed("G-28", &e.body.proposal)?;
        if let Some(parent) = e.body.parent
            && self.comments.get(&parent).is_none_or(|(proposal, _)| *proposal != e.body.proposal)
        {
            return invalid("G-28", format!("{parent} is no comment on proposal {}", e.body.proposal));
        }
        self.check_talk(&member, &e.body.text)
    }

    pub(super) fn check_author_update(&self, e: &LaneEntry<AuthorUpdate>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        self.check_discussed("G-92", &e.body.proposal)?;
        if self.proposals.get(&e.body.proposal).is_none_or(|proposal| proposal.author != member) {
            return invalid("G-92", format!("{member} is not the author of proposal {}", e.body.proposal));
        }
        self.check_talk(&member, &e.body.text)
    }

    pub(super) fn check_comment_vote(&self, e: &LaneEntry<CommentVote>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        if !self.comments.contains_key(&e.body.comment) {
            return invalid("G-91", format!("{} is no comment", e.body.comment));
        }
        let limit = self.charter().discussion.comment_votes_per_epoch;
        match self.talk.get(&(member, self.talk_epoch())) {
            Some(talk) if talk.votes >= limit => {
                not_now("G-91", format!("{member} voted on {} comments in this epoch, at most {limit}", talk.votes))
            }
            _ if limit == 0 => not_now("G-91", "the charter allows no votes on comments".into()),
            _ => Ok(()),
        }
    }

    pub(super) fn check_invitation(&self, e: &LaneEntry<Invitation>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let Admission::Invite { max_open_per_member, .. } = self.charter().admission else {
            return invalid("G-94", "the charter does not admit by invitation".into());
        };
        let tip = self.tip_height().unwrap_or(0);
        if e.body.expires_height <= tip {
            return invalid("G-94", format!("it expires at height {}, the log is at {tip}", e.body.expires_height));
        }
        let mine = self.invitations.values().filter(|invitation| invitation.by == member);
        let open = mine.filter(|invitation| invitation.accepted.is_none() && tip < invitation.expires_height).count();
        match open >= usize::from(max_open_per_member) {
            true => not_now("G-94", format!("{member} has {open} open invitations, at most {max_open_per_member}")),
            false => Ok(()),
        }
    }

    pub(super) fn check_acceptance(&self, e: &LaneEntry<Acceptance>) -> Result<(), Refusal> {
        let member = self.check_speaker(&e.lane)?;
        let tip = self.tip_height().unwrap_or(0);
        match self.invitations.get(&e.body.invitation) {
            Some(invitation) if self.member_of_key(&invitation.invitee) != member => {
                invalid("G-94", format!("the invitation is for {}, not {member}", invitation.invitee))
            }
            Some(invitation) if invitation.accepted.is_some() => {
                invalid("G-94", format!("invitation {} was accepted before", e.body.invitation))
            }
            Some(invitation) if tip >= invitation.expires_height => {
                let end = invitation.expires_height;
                invalid("G-94", format!("the invitation expired at height {end}, the log is at {tip}"))
            }
            Some(_) => Ok(()),
            None => invalid("G-94", format!("{} is no invitation", e.body.invitation)),
        }
    }

    /// Epoch for limits on discussion: epoch lengths that the log's height has passed.
    pub(in crate::state) fn talk_epoch(&self) -> u32 {
        self.tip_height().unwrap_or(0).checked_div(self.charter().epoch_blocks).unwrap_or(0)
    }

    fn check_discussed(&self, rule: &'static str, proposal: &ProposalId) -> Result<(), Refusal> {
        match self.proposals.contains_key(proposal) {
            true => Ok(()),
            false => invalid(rule, format!("proposal {proposal} is not in the log")),
        }
    }

    /// how much and how long.
    fn check_talk(&self, member: &MemberId, text: &str) -> Result<(), Refusal> {
        let limits = &self.charter().discussion;
        let longest = usize::try_from(limits.comment_bytes).unwrap_or(usize::MAX);
        if text.len() > longest {
            return invalid("R-42", format!("the comment has {} bytes, the charter allows {longest}", text.len()));
        }
        let said = self.talk.get(&(*member, self.talk_epoch())).map_or(0, |talk| talk.comments);
        match said >= limits.comments_per_epoch {
            true => {
                let most = limits.comments_per_epoch;
                not_now("R-42", format!("{member} made {said} comments in this epoch, at most {most}"))
            }
            false => Ok(()),
        }
    }
}
