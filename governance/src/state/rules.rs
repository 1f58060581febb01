//! The rules of acceptance: one function per kind of entry.

use super::LogState;
use super::refusal::{Refusal, invalid, not_now};
use crate::codec::Canonical as _;
use crate::dao::channel_id;
use crate::entry::{
    Anchored, Ballot, Bind, Checkpoint, Choice, Comment, Entry, LaneEntry, LaneHeader, LogHead, MAX_ENTRY,
    ProposalContent, lane_start,
};
use crate::id::{DaoId, HeaderHash, NetworkId};

impl LogState {
    /// Every rule but the signatures' and the electorate's, against the log as it is (G-20 to G-31).
    ///
    /// # Errors
    /// [`Refusal`] naming the clause and the values.
    pub fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        Self::check_length(&entry.to_bytes())?;
        self.check_rules(entry)
    }

    pub(super) fn check_length(bytes: &[u8]) -> Result<(), Refusal> {
        match bytes.len() {
            length if length > MAX_ENTRY => {
                invalid("G-20", format!("entry has {length} bytes, at most {MAX_ENTRY} are allowed"))
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
        }
    }

    /// Whether the author of a proposal or ballot has weight, as far as the rolls given tell (G-35). The hub refuses
    /// entries by this; the log stays valid with them, since they weigh nothing.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the roll is known and the member is not in it.
    pub fn check_electorate(&self, entry: &Entry) -> Result<(), Refusal> {
        let (member, epoch) = match entry {
            Entry::Proposal(e) => (e.lane.member, self.newest_anchored().map(|a| a.header.epoch)),
            Entry::Ballot(e) => (e.lane.member, self.proposals.get(&e.body.proposal).map(|p| p.snapshot_epoch)),
            _ => return Ok(()),
        };
        match epoch.and_then(|epoch| self.rolls.get(&epoch).map(|roll| (epoch, roll))) {
            Some((epoch, roll)) if roll.weight(&member) == 0 => {
                invalid("G-35", format!("member {member} has no weight in the roll of epoch {epoch}"))
            }
            _ => Ok(()),
        }
    }

    fn check_dao(&self, network: NetworkId, dao: DaoId) -> Result<(), Refusal> {
        if network != self.params.network {
            return invalid("G-20", format!("entry is for network {network}, this is {}", self.params.network));
        }
        if dao != self.params.dao_id {
            return invalid("G-20", format!("entry is for DAO {dao}, this is {}", self.params.dao_id));
        }
        Ok(())
    }

    fn check_known_member(&self, lane: &LaneHeader) -> Result<(), Refusal> {
        self.check_dao(lane.network, lane.dao)?;
        if !self.members.contains_key(&lane.member) {
            return invalid("G-21", format!("{} is no member: no bind entry names this vote key", lane.member));
        }
        self.check_lane(lane)
    }

    /// G-21: number and hash chain of the lane.
    fn check_lane(&self, lane: &LaneHeader) -> Result<(), Refusal> {
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

    fn check_bind(&self, e: &LaneEntry<Bind>) -> Result<(), Refusal> {
        self.check_dao(e.lane.network, e.lane.dao)?;
        self.check_lane(&e.lane)?;
        let bind = &e.body;
        let expected = channel_id(e.lane.dao, bind.funding);
        if bind.channel != expected {
            return invalid("G-22", format!("channel id is {}, from the outpoint it is {expected}", bind.channel));
        }
        if self.outpoints.contains_key(&bind.funding) {
            return invalid("G-22", format!("outpoint {} is bound already", bind.funding));
        }
        Ok(())
    }

    fn check_checkpoint(&self, c: &Checkpoint) -> Result<(), Refusal> {
        self.check_dao(c.network, c.dao)?;
        let Some(channel) = self.channels.get(&c.channel) else {
            return invalid("G-23", format!("channel {} is not bound", c.channel));
        };
        if channel.member != c.member {
            return invalid("G-23", format!("channel {} is bound to {}, not {}", c.channel, channel.member, c.member));
        }
        if let Some((_, newest)) = channel.checkpoints.last()
            && c.number <= newest.number
        {
            return invalid("G-23", format!("checkpoint {} is not newer than {}", c.number, newest.number));
        }
        if c.fundings.first().is_none_or(|first| first.outpoint != channel.bind.funding) {
            return invalid("G-23", format!("the first funding is not the bound outpoint {}", channel.bind.funding));
        }
        match c.member_sat.checked_add(c.hub_sat) {
            Some(sum) if sum <= channel.bind.value_sat => {}
            _ => {
                let (member, hub, value) = (c.member_sat, c.hub_sat, channel.bind.value_sat);
                return invalid("G-23", format!("balances {member} + {hub} sat are more than the {value} sat funded"));
            }
        }
        self.check_checkpoint_lane(c)
    }

    /// G-23: a checkpoint repeats the lane's state; where the log knows that state, it must be the same.
    fn check_checkpoint_lane(&self, c: &Checkpoint) -> Result<(), Refusal> {
        let Some(lane) = self.lanes.get(&c.member) else {
            return invalid("G-23", format!("member {} has no lane", c.member));
        };
        let start = lane_start(c.network, c.dao, c.member, c.incarnation);
        if c.sequence == 0 {
            // A restored device may sign a checkpoint before its first entry.
            return if c.head == start {
                Ok(())
            } else {
                invalid("G-23", format!("lane head is {}, of an empty lane it is {start}", c.head))
            };
        }
        let (there, here) = ((c.incarnation, c.sequence), (lane.incarnation, lane.sequence));
        if there > here {
            return not_now("G-23", format!("lane is said to be at {there:?}, in the log it is at {here:?}"));
        }
        if there == here && c.head != lane.head {
            return invalid("G-23", format!("lane head is {}, in the log it is {}", c.head, lane.head));
        }
        Ok(())
    }

    fn check_proposal(&self, e: &LaneEntry<ProposalContent>) -> Result<(), Refusal> {
        self.check_known_member(&e.lane)?;
        if let Err(error) = e.body.check() {
            return invalid("G-24", error.to_string());
        }
        let id = e.body.id(e.lane.network, e.lane.dao, e.lane.member);
        if self.proposals.contains_key(&id) {
            return invalid("G-25", format!("proposal {id} is in the log already"));
        }
        let amount = e.body.amount_sat();
        if self.params.charter.rule_for(e.body.class, amount).is_none() {
            let class = e.body.class.name();
            return invalid("G-16", format!("the charter has no rule for class {class} with {amount} sat"));
        }
        // G-27: the electorate is a snapshot older than the proposal, so that nobody can buy in for it.
        if self.anchored.is_empty() {
            return not_now("G-27", "no epoch is final yet, so there is no roll to vote with".into());
        }
        Ok(())
    }

    fn check_comment(&self, e: &LaneEntry<Comment>) -> Result<(), Refusal> {
        self.check_known_member(&e.lane)?;
        if !self.proposals.contains_key(&e.body.proposal) {
            return invalid("G-28", format!("proposal {} is not in the log", e.body.proposal));
        }
        if let Some(parent) = e.body.parent
            && self.comments.get(&parent) != Some(&e.body.proposal)
        {
            return invalid("G-28", format!("{parent} is no comment on proposal {}", e.body.proposal));
        }
        Ok(())
    }

    fn check_ballot(&self, e: &LaneEntry<Ballot>) -> Result<(), Refusal> {
        self.check_known_member(&e.lane)?;
        let Some(proposal) = self.proposals.get(&e.body.proposal) else {
            return invalid("G-29", format!("proposal {} is not in the log", e.body.proposal));
        };
        if Choice::from_fields(&e.body.fields).is_none() {
            let fields = &e.body.fields;
            return invalid("G-29", format!("fields are {fields:?}, must be one of [0] abstain, [1] yes, [2] no"));
        }
        // G-41: open and closed are told by heads in the log before this entry, so that everybody agrees.
        match (proposal.schedule, self.tip_height()) {
            (Some(schedule), Some(tip)) if tip >= schedule.close => {
                invalid("G-41", format!("voting closed at height {}, the log is at {tip}", schedule.close))
            }
            (Some(schedule), Some(tip)) if tip < schedule.open => {
                not_now("G-41", format!("voting opens at height {}, the log is at {tip}", schedule.open))
            }
            (Some(_), Some(_)) => Ok(()),
            _ => not_now("G-41", "voting is not open: no head covers the proposal yet".into()),
        }
    }

    fn check_head(&self, head: &LogHead) -> Result<(), Refusal> {
        self.check_dao(head.network, head.dao)?;
        if head.size != self.size() {
            return invalid("G-30", format!("head has size {}, the log has {}", head.size, self.size()));
        }
        let root = self.root();
        if head.root != root {
            return invalid("G-30", format!("head has root {}, the log has {root}", head.root));
        }
        if let Some(tip) = self.tip_height()
            && head.tip_height <= tip
        {
            return invalid("G-30", format!("tip height {} is not above the last head's {tip}", head.tip_height));
        }
        Ok(())
    }

    fn check_anchored(&self, a: &Anchored) -> Result<(), Refusal> {
        self.check_dao(a.network, a.dao)?;
        let header = &a.header;
        self.check_dao(header.network, header.dao)?;
        let (epoch, prev, prev_closing) = match self.newest_anchored() {
            Some(last) => (u64::from(last.header.epoch) + 1, last.header.hash(), last.header.closing_height),
            None => (1, HeaderHash([0; 32]), 0),
        };
        if u64::from(header.epoch) != epoch {
            return invalid("G-31", format!("epoch {} is anchored, next is {epoch}", header.epoch));
        }
        if header.prev_header != prev {
            return invalid("G-31", format!("previous header is {}, in the log it is {prev}", header.prev_header));
        }
        if header.charter != self.params.charter_hash {
            let ours = self.params.charter_hash;
            return invalid("G-31", format!("header names charter {}, in force is {ours}", header.charter));
        }
        if header.next_anchor_key != self.params.charter.anchor_key {
            let ours = self.params.charter.anchor_key;
            return invalid("G-31", format!("next anchor key is {}, the charter's is {ours}", header.next_anchor_key));
        }
        if header.spare_seal != self.params.spare_seal {
            let ours = self.params.spare_seal;
            return invalid("G-31", format!("spare seal is {}, the DAO's is {ours}", header.spare_seal));
        }
        self.check_anchored_heights(a, prev_closing)
    }

    /// G-31: the header covers what the first head at its boundary covers, and its link is deep enough.
    fn check_anchored_heights(&self, a: &Anchored, prev_closing: u32) -> Result<(), Refusal> {
        let header = &a.header;
        let height = header.closing_height;
        if height <= prev_closing || self.params.charter.boundary_at_or_after(height) != Some(height) {
            return invalid("G-31", format!("closing height {height} is no boundary above {prev_closing}"));
        }
        let Some(closing) = self.first_head_at(height).map(|record| record.head) else {
            return not_now("G-31", format!("no head has reached the closing height {height}"));
        };
        if (header.log_size, header.log_root) != (closing.size, closing.root) {
            return invalid(
                "G-31",
                format!(
                    "header covers size {} root {}, the first head at height {height} has size {} root {}",
                    header.log_size, header.log_root, closing.size, closing.root
                ),
            );
        }
        if a.mined_height <= height {
            return invalid(
                "G-31",
                format!("mined at height {}, not above the closing height {height}", a.mined_height),
            );
        }
        let final_at = u64::from(a.mined_height) + u64::from(self.params.charter.final_depth);
        if u64::from(self.tip_height().unwrap_or(0)) + 1 < final_at {
            return not_now("G-31", format!("the link is final at height {}", final_at.saturating_sub(1)));
        }
        Ok(())
    }
}
