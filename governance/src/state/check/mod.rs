//! The rules of acceptance: one function per kind of entry. They ask the log and nothing else.

mod discussion;
mod funding;
mod hub;
mod offence;
mod proposal;
mod stake;
mod vote;

use super::refusal::{Refusal, invalid, not_now};
use super::{LogState, MemberRecord};
use crate::codec::Canonical as _;
use crate::entry::{Entry, LaneHeader, ProposalContent, lane_start};
use crate::id::{DaoId, MemberId, NetworkId};

impl LogState {
    /// Every rule but the signatures' and the electorate's, against the log as it is (G-20 to G-31, G-89 to G-99).
    ///
    /// # Errors
    /// [`Refusal`] naming the clause and the values.
    pub fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        Self::check_length(entry, entry.to_bytes().len())?;
        self.check_rules(entry)
    }

    /// Whether the author of a proposal or ballot has the weight that it takes, and a ballot still counts, as far as the rolls
    /// given tell (G-35). The hub refuses entries by this; the log stays valid with them, since they have no effect.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the roll is known and the member is not in it, or weighs less than R-23 asks for; when the vote has
    /// ended; and when a guardian speaks too late to be heard (G-95).
    pub fn check_electorate(&self, entry: &Entry) -> Result<(), Refusal> {
        if let Entry::GuardianAct(e) = entry {
            return self.check_heard(&e.body.proposal);
        }
        let (key, epoch, voted_on) = match entry {
            Entry::Proposal(e) => {
                let id = e.body.id(e.lane.network, e.lane.dao, e.lane.member);
                (e.lane.member, self.snapshot_for(&e.body.thread(id)), None)
            }
            Entry::Ballot(e) => {
                let proposal = self.proposals.get(&e.body.proposal);
                (e.lane.member, proposal.map(|proposal| proposal.snapshot_epoch), proposal)
            }
            _ => return Ok(()),
        };
        let Some((epoch, roll)) = epoch.and_then(|epoch| Some((epoch, self.electorate(epoch)?))) else { return Ok(()) };
        let member = self.member_of_key(&key);
        let weight = roll.seat(&member).map_or(0, |seat| roll.weight(seat));
        if weight == 0 && !self.holds_office(&member) {
            return invalid("G-35", format!("member {member} has no weight in the roll of epoch {epoch}"));
        }
        match entry {
            Entry::Proposal(e) => self.check_least_weight(&e.body, weight, epoch),
            _ => voted_on.map_or(Ok(()), |proposal| self.check_in_time(proposal)),
        }
    }

    /// an office does not stand in for weight here.
    fn check_least_weight(&self, content: &ProposalContent, weight: u128, epoch: u32) -> Result<(), Refusal> {
        let rule = self.charter().rule_for(content.class, content.amount_sat());
        let needed = rule.map_or(0, |(_, rule)| rule.min_proposer_weight);
        match u128::from(needed) > weight {
            true => {
                let class = content.class.name();
                let what = format!(
                    "its author weighs {weight} on the roll of epoch {epoch}, proposing in class {class} takes {needed}"
                );
                invalid("R-23", what)
            }
            false => Ok(()),
        }
    }

    pub(super) fn check_length(entry: &Entry, length: usize) -> Result<(), Refusal> {
        match (length, entry.kind().max_length()) {
            (length, max) if length > max => {
                invalid("G-20", format!("entry has {length} bytes, at most {max} are allowed"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn check_rules(&self, entry: &Entry) -> Result<(), Refusal> {
        match entry {
            Entry::Bind(e) => self.check_bind(e),
            Entry::Checkpoint(e) => self.check_checkpoint(&e.checkpoint),
            Entry::Proposal(e) => self.check_proposal(e),
            Entry::Comment(e) => self.check_comment(e),
            Entry::Ballot(e) => self.check_ballot(e),
            Entry::Head(e) => self.check_head(e),
            Entry::Anchored(e) => self.check_anchored(e),
            Entry::Delegation(e) => self.check_delegation(e),
            Entry::CommentVote(e) => self.check_comment_vote(e),
            Entry::AuthorUpdate(e) => self.check_author_update(e),
            Entry::Withdrawal(e) => self.check_withdrawal(e),
            Entry::KeyRotation(e) => self.check_key_rotation(&e.rotation),
            Entry::Invitation(e) => self.check_invitation(e),
            Entry::Acceptance(e) => self.check_acceptance(e),
            Entry::GuardianAct(e) => self.check_guardian_act(e),
            Entry::Equivocation(e) => self.check_equivocation(e),
            Entry::DepositHold(e) => self.check_deposit_hold(e),
            Entry::SeenNote(e) => self.check_seen_note(e),
            Entry::Execution(e) => self.check_execution(e),
            Entry::GateRefill(e) => self.check_gate_refill(e),
            Entry::HubFraud(e) => self.check_hub_fraud(e),
        }
    }

    pub(super) fn check_dao(&self, network: NetworkId, dao: DaoId) -> Result<(), Refusal> {
        if network != self.params.network {
            return invalid("G-20", format!("entry is for network {network}, this is {}", self.params.network));
        }
        if dao != self.params.dao_id {
            return invalid("G-20", format!("entry is for DAO {dao}, this is {}", self.params.dao_id));
        }
        Ok(())
    }

    /// Whether the key of a lane may speak, and where its lane is. Returns the member for whom it speaks.
    fn check_speaker(&self, lane: &LaneHeader) -> Result<MemberId, Refusal> {
        self.check_dao(lane.network, lane.dao)?;
        let member = self.member_of_key(&lane.member);
        let record = self.members.get(&member);
        self.check_key(lane, &member, record)?;
        if record.is_none() && !self.holds_office(&lane.member) {
            return invalid("G-21", format!("{} is no member: no bind entry names this vote key", lane.member));
        }
        self.check_lane(lane)?;
        Ok(member)
    }

    /// The key was not replaced (G-90), and its owner's rights are not suspended (G-98).
    fn check_key(&self, lane: &LaneHeader, member: &MemberId, record: Option<&MemberRecord>) -> Result<(), Refusal> {
        if record.is_some_and(|record| record.key != lane.member) {
            return invalid("G-90", format!("the vote key {} was replaced by another", lane.member));
        }
        let tip = self.tip_height().unwrap_or(0);
        match self.suspended_until(member, self.size()) {
            Some(end) if tip < end => not_now("G-98", format!("the member is suspended until height {end}")),
            _ => Ok(()),
        }
    }

    /// G-21: number and hash chain of the lane.
    pub(super) fn check_lane(&self, lane: &LaneHeader) -> Result<(), Refusal> {
        let (sequence, head) = match self.lanes.get(&lane.member) {
            Some(known) if lane.incarnation < known.incarnation => {
                return invalid(
                    "G-21",
                    format!("incarnation {} is over, the lane is at {}", lane.incarnation, known.incarnation),
                );
            }
            Some(known) if lane.incarnation == known.incarnation => (known.sequence, known.head),
            _ => (0, lane_start(lane.network, lane.dao, lane.member, lane.incarnation)),
        };
        if lane.sequence <= sequence {
            return invalid(
                "G-21",
                format!("sequence {} is in the log already, next is {}", lane.sequence, sequence + 1),
            );
        }
        if lane.sequence - 1 > sequence {
            return not_now("G-21", format!("sequence {} leaves a gap, next is {}", lane.sequence, sequence + 1));
        }
        if lane.prev_head != head {
            return invalid("G-21", format!("previous lane head is {}, in the log it is {head}", lane.prev_head));
        }
        Ok(())
    }
}
