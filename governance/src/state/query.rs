//! Questions to the state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::BlockHash;
use bitcoin::secp256k1::XOnlyPublicKey;

use super::{
    AnchoredRecord, ChannelRecord, CharterVersion, DropCause, EquivocationRecord, FraudRecord, HeadRecord, HoldRecord,
    InvitationRecord, Lane, LogState, MemberRecord, MissingFact, Noted, Place, ProposalRecord,
};
use crate::charter::{ALL_BP, Charter, ClassRule};
use crate::dao::DaoParams;
use crate::delegation::{Book, Electorate};
use crate::entry::{LaneHeader, ProposalContent};
use crate::id::{ChannelId, EntryId, MemberId, ProposalId, TreeHash};
use crate::id_map::IdMap;
use crate::ledger::{Ledger, LedgerError};
use crate::lifecycle::Phase;
use crate::long_list::LongList;
use crate::roll::Roll;
use crate::tree::HistoryTree;
use crate::voting::{TIE_DEPTH, TieBreak};

/// Fewest members whose seen notes force an entry into the log (G-97).
pub const SEEN_NOTES: usize = 3;
/// Share of the newest roll's weight that these members have more than, in basis points (G-97).
pub const SEEN_SHARE_BP: u16 = 1000;
/// Blocks after which a deposit is free again when no proposal used it: a week (G-96).
pub const UNUSED_HOLD_BLOCKS: u32 = 1008;

impl LogState {
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

    /// Position of an entry.
    #[must_use]
    pub fn position_of(&self, id: &EntryId) -> Option<u64> {
        self.positions.get(id)
    }

    /// The entry at a position.
    #[must_use]
    pub fn entry_at(&self, position: u64) -> Option<EntryId> {
        self.positions.at(position)
    }

    /// All entries, by position.
    #[must_use]
    pub const fn entries(&self) -> &LongList<EntryId> {
        self.positions.ids()
    }

    /// Members by id.
    #[must_use]
    pub fn members(&self) -> &IdMap<MemberId, MemberRecord> {
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
    pub fn proposals(&self) -> &IdMap<ProposalId, ProposalRecord> {
        &self.proposals
    }

    /// Newest version of the thread that began with `first`.
    #[must_use]
    pub fn newest_version(&self, first: &ProposalId) -> Option<&ProposalRecord> {
        self.proposals.get(self.threads.get(first)?)
    }

    /// Charters that are or were in force, the founding one first.
    #[must_use]
    pub fn charters(&self) -> &[CharterVersion] {
        &self.charters
    }

    /// The charter in force by the newest final epoch in the log.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.version_in_force().charter
    }

    /// The key whose signature log heads, receipts and checkpoints need now.
    #[must_use]
    pub fn hub_log_key(&self) -> XOnlyPublicKey {
        self.charter().hub_log_key
    }

    /// The charter whose rules a proposal keeps.
    #[must_use]
    pub fn charter_of(&self, proposal: &ProposalRecord) -> &Charter {
        self.charters.get(proposal.charter).map_or(&self.params.charter, |version| &version.charter)
    }

    /// The rule a proposal is decided by.
    #[must_use]
    pub fn rule_of(&self, proposal: &ProposalRecord) -> Option<&ClassRule> {
        self.charter_of(proposal).classes.get(usize::try_from(proposal.rule).ok()?)
    }

    /// Where a proposal stands at the newest head. Decided means: by a header that the log knows to be final.
    #[must_use]
    pub fn phase(&self, proposal: &ProposalRecord) -> Phase {
        match proposal.dropped.map(|dropped| dropped.cause) {
            Some(DropCause::Withdrawn | DropCause::Void) => return Phase::Withdrawn,
            Some(DropCause::Superseded { .. }) => return Phase::Superseded,
            None => {}
        }
        let (Some(schedule), Some(tip)) = (proposal.schedule, self.tip_height()) else {
            return Phase::Logged;
        };
        if let Some(standing) = self.ledger.standing(&proposal.id) {
            return standing.phase(proposal.content.class, tip);
        }
        let close = self.vote_end(proposal).unwrap_or(schedule.close);
        match tip {
            _ if tip < schedule.open => Phase::Review { opens_at: schedule.open },
            _ if tip < close => Phase::Voting { closes_at: close },
            _ => Phase::Closed,
        }
    }

    /// The height at which the vote on a proposal ends as far as the log and the roll tell by now: extended by a late
    /// surge (G-43), or cut short because nothing can change the outcome any more (G-44). `None` before a head covers it.
    #[must_use]
    pub fn vote_end(&self, proposal: &ProposalRecord) -> Option<u32> {
        crate::ledger::vote_end(self, proposal)
    }

    /// What was decided in the final epochs of the log, as far as their rolls were given.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every delegation in the log.
    #[must_use]
    pub fn delegations(&self) -> &Book {
        &self.delegations
    }

    /// Delegations below this position count for a proposal of which ballots below `cutoff` count: where ballots are
    /// final, those logged before voting opened (G-44).
    #[must_use]
    pub fn delegation_cutoff(&self, proposal: &ProposalRecord, cutoff: u64) -> u64 {
        let frozen = self.rule_of(proposal).is_some_and(|rule| rule.final_ballots);
        let open = proposal.schedule.filter(|_| frozen).and_then(|schedule| self.first_head_at(schedule.open));
        open.map_or(cutoff, |record| record.head.size.min(cutoff))
    }

    /// The id that `content` would have if its author proposed it now: it is made with the vote key that speaks for them (G-25).
    #[must_use]
    pub fn id_if_said(&self, content: &ProposalContent, author: &MemberId) -> ProposalId {
        let key = self.members.get(author).map_or(*author, |record| record.key);
        content.id(self.params.network, self.params.dao_id, key)
    }

    /// Invitations by their entry.
    #[must_use]
    pub fn invitations(&self) -> &BTreeMap<EntryId, InvitationRecord> {
        &self.invitations
    }

    /// Deposits held, in the order of the log.
    #[must_use]
    pub fn holds(&self) -> &[HoldRecord] {
        &self.holds
    }

    /// Proven equivocations, in the order of the log.
    #[must_use]
    pub fn equivocations(&self) -> &[EquivocationRecord] {
        &self.equivocations
    }

    /// The hash of the block at a height, if it was given. What a head says of it is the hub's word, and decides nothing.
    pub(crate) fn given_block_hash(&self, height: u32) -> Option<BlockHash> {
        self.block_hashes.get(&height).copied()
    }

    /// What breaks the ties of a vote that ended at this height (V-30), if the block was given.
    #[must_use]
    pub fn tie_break(&self, closed_at: u32) -> Option<TieBreak> {
        self.given_block_hash(closed_at.saturating_add(TIE_DEPTH)).map(TieBreak::new)
    }

    /// The fact that the ledger waits for before it can decide an epoch that is final: a block for [`LogState::set_block_hash`],
    /// or a roll for [`LogState::set_roll`]. `None` when it waits for nothing.
    #[must_use]
    pub fn missing_fact(&self) -> Option<MissingFact> {
        let next = self.anchored.get(self.ledger.epochs())?.header;
        let Some((roll, _)) = self.rolls.get(&next.epoch) else {
            return Some(MissingFact::Roll { epoch: next.epoch });
        };
        match self.ledger.clone().close_epoch(self, &next.boundary(), roll) {
            Err(LedgerError::BlockHashMissing { height, .. }) => Some(MissingFact::Block { height }),
            Err(LedgerError::RollMissing { epoch, .. }) => Some(MissingFact::Roll { epoch }),
            _ => None,
        }
    }

    /// Entries that enough members have seen, or that somebody put on Bitcoin, and that the log still does not have, `size`
    /// entries in, though it could (G-97, G-107).
    /// A header over them authorises nothing.
    #[must_use]
    pub fn overdue_entries(&self, size: u64) -> Vec<EntryId> {
        let newest = self.anchored[..self.anchored.partition_point(|record| record.position < size)].last();
        let roll = newest.and_then(|record| self.roll(record.header.epoch));
        let (height, delay) = (self.height_of_size(size), self.charter_at(size).forced_entry_delay_blocks);
        let is_overdue = |noted: &Noted| {
            let deciding = roll.and_then(|roll| deciding_note(noted, roll));
            let deciding = deciding.and_then(|position| self.entry_height(position));
            deciding.is_some_and(|seen| seen.saturating_add(delay) <= height)
        };
        let missing = |entry: &EntryId| self.positions.get(entry).is_none_or(|position| position >= size);
        let overdue = self.seen.iter().filter(|(entry, noted)| {
            missing(entry) && is_overdue(noted) && !noted.place.is_some_and(|place| self.is_taken(place, size))
        });
        let noted: BTreeSet<EntryId> = overdue.map(|(entry, _)| *entry).collect();
        noted.into_iter().chain(self.overdue_forced(size, height, delay)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Position of a note that shows an entry (G-97).
    #[must_use]
    pub fn note_of(&self, entry: &EntryId) -> Option<u64> {
        self.seen.get(entry)?.by.values().copied().min()
    }

    /// Proofs of the hub's fraud, in the order of the log.
    #[must_use]
    pub fn frauds(&self) -> &[FraudRecord] {
        &self.frauds
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

    /// The epoch whose roll a proposal of a thread takes when it is logged now: the first version's, else the newest final one
    /// (G-27).
    pub(crate) fn snapshot_for(&self, thread: &ProposalId) -> Option<u32> {
        let first = self.proposals.get(thread).map(|first| first.snapshot_epoch);
        first.or_else(|| self.newest_anchored().map(|anchored| anchored.header.epoch))
    }

    /// The roll of an epoch, if it was given.
    #[must_use]
    pub fn roll(&self, epoch: u32) -> Option<&Roll> {
        self.rolls.get(&epoch).map(|(roll, _)| roll)
    }

    /// The same by seat.
    pub(crate) fn electorate(&self, epoch: u32) -> Option<&Arc<Electorate>> {
        self.rolls.get(&epoch).map(|(_, electorate)| electorate)
    }

    pub(crate) fn version_in_force(&self) -> &CharterVersion {
        self.charters.last().expect("the founding charter is always there")
    }

    /// The charter in force at a position: by the newest final epoch logged before it, or by a succession.
    #[must_use]
    pub fn charter_at(&self, position: u64) -> &Charter {
        let version = self.charters.iter().rev().find(|version| version.position < position);
        version.map_or(&self.params.charter, |version| &version.charter)
    }

    /// Whether the log, `size` entries in, has something else in an entry's place, so that nobody can log the entry any more:
    /// one kept out for good would stop everything for ever, though nobody keeps it out now (G-97).
    pub(super) fn is_taken(&self, place: Place, size: u64) -> bool {
        let is_past = |position: Option<u64>| position.is_some_and(|position| position < size);
        let is_replaced = |key: &MemberId| is_past(self.retired_keys.get(key).copied());
        match place {
            // Its member signed another one for the place, began a new incarnation, or speaks with another key.
            Place::Lane(key, incarnation, sequence) => {
                is_past(self.placed((key, incarnation, sequence)))
                    || is_replaced(&key)
                    || self.lanes.later_begins(&key, incarnation).any(|begin| is_past(Some(begin)))
            }
            Place::Checkpoint(channel, number, key) => {
                let known = self.channels.get(&channel).map_or(&[][..], |record| &record.checkpoints);
                let newer = known.iter().rev().take_while(|(_, checkpoint)| checkpoint.number >= number);
                is_replaced(&key) || newer.last().is_some_and(|(position, _)| *position < size)
            }
            Place::Rotation(old_key) => is_replaced(&old_key),
            Place::Equivocation(key, incarnation, sequence) => {
                is_past(self.proven.get(&(key, incarnation, sequence)).copied())
            }
            Place::Fraud(key) => {
                is_past(self.frauds.iter().find(|fraud| fraud.hub_log_key == key).map(|fraud| fraud.position))
            }
        }
    }

    /// Position of what stands at a place in a lane.
    pub(super) fn placed(&self, (key, incarnation, sequence): (MemberId, u32, u64)) -> Option<u64> {
        self.lanes.placed(&key, incarnation, sequence)
    }

    /// Satoshis that `author` holds for a thread by entries before `position`, as far as they were still held when its first
    /// version came (G-96).
    #[must_use]
    pub fn deposit_sat(&self, thread: &ProposalId, author: &MemberId, position: u64) -> u64 {
        let held =
            self.holds_for(thread, author).filter(|hold| hold.position < position && !self.has_lapsed(hold, position));
        held.fold(0, |sum, hold| sum.saturating_add(hold.amount_sat))
    }

    /// Deposits of a member for a thread, in the order of the log.
    pub(crate) fn holds_for(&self, thread: &ProposalId, member: &MemberId) -> impl Iterator<Item = &HoldRecord> {
        self.indexed_holds(self.holds_for_thread.get(&(*thread, *member)))
    }

    /// Who holds a deposit for a thread among the first `size` entries, ascending.
    pub(crate) fn holders(&self, thread: &ProposalId, size: u64) -> impl Iterator<Item = MemberId> {
        let range = (*thread, MemberId([0; 32]))..=(*thread, MemberId([255; 32]));
        let by_member = self.holds_for_thread.range(range);
        let covered = by_member.filter(move |(_, places)| self.indexed_holds(Some(places)).any(|h| h.position < size));
        covered.map(|((_, member), _)| *member)
    }

    /// Deposits of a channel, in the order of the log.
    pub(super) fn holds_of(&self, channel: &ChannelId) -> impl Iterator<Item = &HoldRecord> {
        self.indexed_holds(self.holds_of_channel.get(channel))
    }

    fn indexed_holds<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a HoldRecord> {
        places.into_iter().flatten().filter_map(|place| self.holds.get(*place))
    }

    /// Whether a hold was free again, for want of a proposal, before the first version of its thread came, `size`
    /// entries in (G-96). What may be spent since is no deposit.
    pub(crate) fn has_lapsed(&self, hold: &HoldRecord, size: u64) -> bool {
        let used = self.proposals.get(&hold.thread).map_or(size, |first| first.position.min(size));
        let end = self.entry_height(hold.position).map(|held| held.saturating_add(UNUSED_HOLD_BLOCKS));
        hold.position < used && end.is_some_and(|end| end <= self.height_of_size(used))
    }

    pub(super) fn is_held(&self, hold: &HoldRecord, tip: u32) -> bool {
        if self.has_lapsed(hold, self.size()) {
            return false;
        }
        let schedule = self.newest_version(&hold.thread).map(|proposal| proposal.schedule);
        match schedule {
            Some(Some(schedule)) => {
                let margin = schedule.latest_close.saturating_sub(schedule.close);
                tip < schedule.authorised_at.saturating_add(margin)
            }
            // G-96: a hold for a proposal that never comes ends by itself, by lapsing.
            Some(None) | None => true,
        }
    }
}

/// Position of the note with which the members who noted an entry are enough, in number and in weight (G-97). Who weighs
/// nothing counts for nothing: a key costs nothing.
fn deciding_note(noted: &Noted, roll: &Roll) -> Option<u64> {
    let weighed = noted.by.iter().map(|(member, position)| (*position, roll.weight(member)));
    let mut notes: Vec<(u64, u128)> = weighed.filter(|(_, weight)| *weight > 0).collect();
    notes.sort_unstable();
    let needed = share_of(roll.total(), SEEN_SHARE_BP);
    let mut sum = 0u128;
    (1..).zip(notes).find_map(|(count, (position, weight))| {
        sum = sum.saturating_add(weight);
        (count >= SEEN_NOTES && sum > needed).then_some(position)
    })
}

/// A share of a weight, rounded down, without leaving 128 bits.
fn share_of(weight: u128, bp: u16) -> u128 {
    let (all, bp) = (u128::from(ALL_BP), u128::from(bp));
    weight / all * bp + weight % all * bp / all
}
