//! The state of a DAO: the replay of its log. Appending an entry and replaying the log give the same state.

mod record;
mod refusal;
mod rules;

use std::collections::BTreeMap;

use bitcoin::OutPoint;

pub use record::{AnchoredRecord, ChannelRecord, CommentRecord, HeadRecord, Lane, MemberRecord, ProposalRecord};
pub use refusal::Refusal;

use crate::charter::ClassRule;
use crate::codec::Canonical as _;
use crate::dao::DaoParams;
use crate::entry::{Ballot, Bind, Choice, Comment, Entry, LaneEntry, LaneHeader, LogHead, ProposalContent, entry_id};
use crate::id::{ChannelId, EntryId, MemberId, ProposalId, TreeHash};
use crate::lifecycle::{Phase, Schedule};
use crate::roll::{Roll, StakeClaim};
use crate::tally::{BallotRecord, Sums, tally};
use crate::tree::HistoryTree;

/// Everything the log says, indexed. Signatures are not checked here: see [`Entry::signature_checks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    params: DaoParams,
    tree: HistoryTree,
    heads: Vec<HeadRecord>,
    lanes: BTreeMap<MemberId, Lane>,
    members: BTreeMap<MemberId, MemberRecord>,
    channels: BTreeMap<ChannelId, ChannelRecord>,
    outpoints: BTreeMap<OutPoint, ChannelId>,
    proposals: BTreeMap<ProposalId, ProposalRecord>,
    /// Proposals that no head covers yet.
    unscheduled: Vec<ProposalId>,
    /// Which proposal each comment is on.
    comments: BTreeMap<EntryId, ProposalId>,
    anchored: Vec<AnchoredRecord>,
    rolls: BTreeMap<u32, Roll>,
}

impl LogState {
    /// The state of an empty log.
    #[must_use]
    pub fn new(params: DaoParams) -> Self {
        Self {
            params,
            tree: HistoryTree::new(),
            heads: Vec::new(),
            lanes: BTreeMap::new(),
            members: BTreeMap::new(),
            channels: BTreeMap::new(),
            outpoints: BTreeMap::new(),
            proposals: BTreeMap::new(),
            unscheduled: Vec::new(),
            comments: BTreeMap::new(),
            anchored: Vec::new(),
            rolls: BTreeMap::new(),
        }
    }

    /// The state after all of `entries`, from the first on.
    ///
    /// # Errors
    /// The position of the first entry refused, and why.
    pub fn replay(params: DaoParams, entries: impl IntoIterator<Item = Entry>) -> Result<Self, (u64, Refusal)> {
        let mut state = Self::new(params);
        for entry in entries {
            let position = state.size();
            state.apply(position, entry).map_err(|refusal| (position, refusal))?;
        }
        Ok(state)
    }

    /// Appends an entry at `position`, which must be the log's size. Returns the entry's id.
    ///
    /// # Errors
    /// As [`LogState::check`]; then nothing has changed.
    pub fn apply(&mut self, position: u64, entry: Entry) -> Result<EntryId, Refusal> {
        if position != self.size() {
            return refusal::invalid("G-20", format!("entry at position {position}, but the log has {}", self.size()));
        }
        let bytes = entry.to_bytes();
        Self::check_length(&bytes)?;
        self.check_rules(&entry)?;
        let id = entry_id(&bytes);
        if let Some(lane) = entry.lane() {
            self.advance_lane(lane, id);
        }
        match entry {
            Entry::Bind(e) => self.apply_bind(position, e.lane.member, e.body),
            Entry::Checkpoint(e) => {
                if let Some(channel) = self.channels.get_mut(&e.checkpoint.channel) {
                    channel.checkpoints.push((position, e.checkpoint));
                }
            }
            Entry::Proposal(e) => self.apply_proposal(position, id, e),
            Entry::Comment(e) => self.apply_comment(position, id, e),
            Entry::Ballot(e) => self.apply_ballot(position, id, &e),
            Entry::Head(e) => self.apply_head(id, e.statement),
            Entry::Anchored(e) => {
                let a = e.statement;
                self.anchored.push(AnchoredRecord {
                    position,
                    header: a.header,
                    link: a.link,
                    mined_height: a.mined_height,
                    mined_hash: a.mined_hash,
                });
            }
        }
        self.tree.push(&bytes);
        Ok(id)
    }

    /// Gives the roll of an epoch, computed by [`Roll::compute`] from this log and the chain. Live totals of the
    /// proposals that use it begin with this.
    pub fn set_roll(&mut self, epoch: u32, roll: Roll) {
        for proposal in self.proposals.values_mut().filter(|p| p.snapshot_epoch == epoch) {
            proposal.live = Some(tally(&roll, &proposal.ballots, u64::MAX));
        }
        self.rolls.insert(epoch, roll);
    }

    /// The DAO's constants.
    #[must_use]
    pub fn params(&self) -> &DaoParams {
        &self.params
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// T1, for roots and proofs.
    #[must_use]
    pub fn tree(&self) -> &HistoryTree {
        &self.tree
    }

    /// RFC 9162 root over the whole log.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Heads in the log, oldest first.
    #[must_use]
    pub fn heads(&self) -> &[HeadRecord] {
        &self.heads
    }

    /// Tip height of the newest head in the log: what time it is.
    #[must_use]
    pub fn tip_height(&self) -> Option<u32> {
        self.heads.last().map(|record| record.head.tip_height)
    }

    /// The first head whose tip is at least `height`.
    #[must_use]
    pub fn first_head_at(&self, height: u32) -> Option<&HeadRecord> {
        self.heads.get(self.heads.partition_point(|record| record.head.tip_height < height))
    }

    /// The first head that covers `position`.
    #[must_use]
    pub fn first_head_covering(&self, position: u64) -> Option<&HeadRecord> {
        self.heads.get(self.heads.partition_point(|record| record.head.size <= position))
    }

    /// Height of an entry: the tip height of the first head that covers it (G-30). `None` before there is one.
    #[must_use]
    pub fn entry_height(&self, position: u64) -> Option<u32> {
        self.first_head_covering(position).map(|record| record.head.tip_height)
    }

    /// Members by id.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<MemberId, MemberRecord> {
        &self.members
    }

    /// A member's lane.
    #[must_use]
    pub fn lane(&self, member: &MemberId) -> Option<&Lane> {
        self.lanes.get(member)
    }

    /// Where a member's next entry goes. A restored device passes an `incarnation` above the log's.
    #[must_use]
    pub fn next_lane_header(&self, member: MemberId, incarnation: u32) -> LaneHeader {
        let (network, dao) = (self.params.network, self.params.dao_id);
        let (sequence, prev_head) = match self.lanes.get(&member) {
            Some(lane) if lane.incarnation == incarnation => (lane.sequence.saturating_add(1), lane.head),
            _ => (1, crate::entry::lane_start(network, dao, member, incarnation)),
        };
        LaneHeader { network, dao, member, incarnation, sequence, prev_head }
    }

    /// Bound channels by id.
    #[must_use]
    pub fn channels(&self) -> &BTreeMap<ChannelId, ChannelRecord> {
        &self.channels
    }

    /// Proposals by id.
    #[must_use]
    pub fn proposals(&self) -> &BTreeMap<ProposalId, ProposalRecord> {
        &self.proposals
    }

    /// The rule a proposal is decided by.
    #[must_use]
    pub fn rule_of(&self, proposal: &ProposalRecord) -> Option<&ClassRule> {
        self.params.charter.classes.get(usize::try_from(proposal.rule).ok()?)
    }

    /// Where a proposal stands at the newest head. Decided means: by a header that the log knows to be final.
    #[must_use]
    pub fn phase(&self, proposal: &ProposalRecord) -> Phase {
        let (Some(schedule), Some(tip)) = (proposal.schedule, self.tip_height()) else {
            return Phase::Logged;
        };
        let decided = self.newest_anchored().is_some_and(|a| a.header.closing_height >= schedule.close);
        let outcome = match (proposal.live, self.rule_of(proposal)) {
            (Some(sums), Some(rule)) if decided => Some(sums.outcome(rule)),
            _ => None,
        };
        schedule.phase(tip, &proposal.content.effect, outcome)
    }

    /// Final epochs in the log, oldest first.
    #[must_use]
    pub fn anchored(&self) -> &[AnchoredRecord] {
        &self.anchored
    }

    /// The newest final epoch in the log.
    #[must_use]
    pub fn newest_anchored(&self) -> Option<&AnchoredRecord> {
        self.anchored.last()
    }

    /// The roll of an epoch, if it was given.
    #[must_use]
    pub fn roll(&self, epoch: u32) -> Option<&Roll> {
        self.rolls.get(&epoch)
    }

    /// What the first `size` entries claim as stake, by channel id (G-32).
    #[must_use]
    pub fn stake_claims(&self, size: u64) -> Vec<StakeClaim> {
        self.channels
            .iter()
            .filter(|(_, record)| record.position < size)
            .map(|(channel, record)| {
                let known = record.checkpoints.partition_point(|(position, _)| *position < size);
                StakeClaim {
                    member: record.member,
                    channel: *channel,
                    outpoint: record.bind.funding,
                    member_funding_key: record.bind.member_funding_key,
                    hub_funding_key: record.bind.hub_funding_key,
                    member_sat: record.checkpoints[..known].last().map_or(0, |(_, c)| c.member_sat),
                }
            })
            .collect()
    }

    fn advance_lane(&mut self, lane: &LaneHeader, id: EntryId) {
        let advanced = Lane { incarnation: lane.incarnation, sequence: lane.sequence, head: lane.head_after(id) };
        self.lanes.insert(lane.member, advanced);
    }

    fn apply_bind(&mut self, position: u64, member: MemberId, bind: Bind) {
        let record = self.members.entry(member).or_insert_with(|| MemberRecord {
            name: String::new(),
            joined: position,
            channels: Vec::new(),
        });
        record.name.clone_from(&bind.name);
        record.channels.push(bind.channel);
        self.outpoints.insert(bind.funding, bind.channel);
        self.channels.insert(bind.channel, ChannelRecord { member, position, bind, checkpoints: Vec::new() });
    }

    fn apply_proposal(&mut self, position: u64, entry: EntryId, e: LaneEntry<ProposalContent>) {
        let author = e.lane.member;
        let id = e.body.id(self.params.network, self.params.dao_id, author);
        // Both were established by `check`.
        let snapshot_epoch = self.newest_anchored().map_or(0, |a| a.header.epoch);
        let rule = self.params.charter.rule_for(e.body.class, e.body.amount_sat()).map_or(0, |(index, _)| index);
        let live = self.rolls.get(&snapshot_epoch).map(|roll| Sums { weight: roll.total(), ..Sums::default() });
        self.unscheduled.push(id);
        self.proposals.insert(
            id,
            ProposalRecord {
                id,
                author,
                position,
                entry,
                content: e.body,
                rule,
                snapshot_epoch,
                schedule: None,
                ballots: BTreeMap::new(),
                live,
                comments: Vec::new(),
            },
        );
    }

    fn apply_comment(&mut self, position: u64, entry: EntryId, e: LaneEntry<Comment>) {
        self.comments.insert(entry, e.body.proposal);
        if let Some(proposal) = self.proposals.get_mut(&e.body.proposal) {
            let (author, parent, text) = (e.lane.member, e.body.parent, e.body.text);
            proposal.comments.push(CommentRecord { entry, position, author, parent, text });
        }
    }

    fn apply_ballot(&mut self, position: u64, entry: EntryId, e: &LaneEntry<Ballot>) {
        let (Some(choice), Some(proposal)) =
            (Choice::from_fields(&e.body.fields), self.proposals.get_mut(&e.body.proposal))
        else {
            return;
        };
        let records = proposal.ballots.entry(e.lane.member).or_default();
        // The live totals move by one ballot: the old one out, the new one in.
        if let (Some(live), Some(roll)) = (&mut proposal.live, self.rolls.get(&proposal.snapshot_epoch)) {
            let weight = roll.weight(&e.lane.member);
            if let Some(before) = records.last() {
                live.remove(before.choice, weight);
            }
            live.add(choice, weight);
        }
        records.push(BallotRecord { position, entry, choice });
    }

    fn apply_head(&mut self, entry: EntryId, head: LogHead) {
        self.heads.push(HeadRecord { head, entry });
        let charter = &self.params.charter;
        for id in self.unscheduled.drain(..) {
            let Some(proposal) = self.proposals.get_mut(&id) else { continue };
            let rule = charter.classes.get(proposal.rule as usize);
            proposal.schedule = rule.map(|rule| Schedule::new(charter, rule, &proposal.content, head.tip_height));
        }
    }
}
