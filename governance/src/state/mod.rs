//! The state of a DAO: the replay of its log. Appending an entry and replaying the log give the same state.

mod ahead;
mod apply;
mod bodies;
mod check;
mod endings;
mod facts;
mod forced;
mod holds;
mod index;
mod lanes;
mod live;
mod members;
mod owed;
mod part;
mod query;
mod record;
mod refusal;
mod succession;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{BlockHash, OutPoint};

pub use bodies::BodyVote;
pub use facts::{Mined, STALE_HEADS};
pub use forced::can_be_forced;
pub use holds::HoldFate;
use index::EntryIndex;
use lanes::Lanes;
pub use live::LiveTally;
pub(crate) use live::topic;
pub(crate) use members::vote_key;
pub use owed::{LEAST_SETTLEMENT_SAT, SETTLE_WITHIN_BLOCKS, TreasuryDebt};
pub use part::VotePart;
pub use query::{SEEN_NOTES, SEEN_SHARE_BP, UNUSED_HOLD_BLOCKS};
pub use record::{
    AnchoredRecord, ChannelRecord, CharterVersion, CommentRecord, DropCause, Dropped, EquivocationRecord, FraudRecord,
    HeadRecord, HoldRecord, InvitationRecord, Lane, MemberRecord, ProposalRecord,
};
use record::{Forced, Noted, Place, Said};
pub use refusal::Refusal;
pub use succession::{Successor, SuccessorRecord};

use crate::codec::Canonical as _;
use crate::dao::DaoParams;
use crate::delegation::{Book, Electorate};
use crate::entry::{Digests, Entry};
use crate::epoch::EpochClose;
use crate::id::{ChannelId, EntryId, HeaderHash, MemberId, ProposalId};
use crate::id_map::IdMap;
use crate::ledger::Ledger;
use crate::roll::Roll;
use crate::tree::HistoryTree;

/// Everything the log says, indexed. Signatures are not checked here: see [`Entry::signature_checks`].
///
/// Which entries are accepted follows from the log alone. What was decided follows from log and rolls, and is in the
/// [`Ledger`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    params: DaoParams,
    tree: HistoryTree,
    heads: Vec<HeadRecord>,
    lanes: Lanes,
    members: IdMap<MemberId, MemberRecord>,
    /// Vote keys that came by rotation, for whom they speak or spoke, and the positions of the rotations.
    rotated_keys: BTreeMap<MemberId, (MemberId, u64)>,
    /// Vote keys that were replaced, and the positions of the rotations.
    retired_keys: BTreeMap<MemberId, u64>,
    channels: BTreeMap<ChannelId, ChannelRecord>,
    outpoints: BTreeMap<OutPoint, ChannelId>,
    invitations: BTreeMap<EntryId, InvitationRecord>,
    proposals: IdMap<ProposalId, ProposalRecord>,
    /// Newest version of each thread.
    threads: BTreeMap<ProposalId, ProposalId>,
    /// Proposals that no head covers yet.
    unscheduled: Vec<ProposalId>,
    /// Proposals with heights whose vote is not over for good; what each head looks at.
    open: BTreeSet<ProposalId>,
    delegations: Book,
    /// Which proposal each comment is on, and its place there.
    comments: BTreeMap<EntryId, (ProposalId, usize)>,
    /// Comments and votes on comments of each member in each epoch.
    talk: BTreeMap<(MemberId, u32), Talk>,
    holds: Vec<HoldRecord>,
    /// Which of the holds are of a channel, and which are a member's for a thread.
    holds_of_channel: BTreeMap<ChannelId, Vec<usize>>,
    holds_for_thread: BTreeMap<(ProposalId, MemberId), Vec<usize>>,
    /// What hubs collected of forfeited deposits, in the order of the log.
    collected: Vec<owed::Collected>,
    equivocations: Vec<EquivocationRecord>,
    /// Places in lanes that a proof was logged for, and its position.
    proven: BTreeMap<(MemberId, u32, u64), u64>,
    /// Entries that members have seen.
    seen: BTreeMap<EntryId, Noted>,
    /// Positions of all entries.
    positions: EntryIndex,
    /// What entries said that a proof of equivocation can make void, ballots aside.
    said: BTreeMap<EntryId, Said>,
    /// Gates that refills made, and those that they took back, with the positions of the refills.
    refilled_gates: Vec<(u64, OutPoint)>,
    retired_gates: BTreeMap<OutPoint, u64>,
    frauds: Vec<FraudRecord>,
    /// Entries found on Bitcoin that no head has weighed, and those that were weighed and are forced.
    upcoming_forced: Vec<(u32, Entry)>,
    forced: BTreeMap<EntryId, Forced>,
    anchored: Vec<AnchoredRecord>,
    charters: Vec<CharterVersion>,
    successors: Vec<SuccessorRecord>,
    rolls: Rolls,
    block_hashes: BTreeMap<u32, BlockHash>,
    ledger: Ledger,
    /// What an epoch that is not final yet decides, by its header.
    decided: Option<(HeaderHash, Ledger)>,
}

/// The rolls given so far, by epoch.
type Rolls = BTreeMap<u32, (Roll, Arc<Electorate>)>;

/// What the ledger needs to know of chain or roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingFact {
    /// Hash of a block that breaks a tie.
    Block {
        /// Its height.
        height: u32,
    },
    /// Roll of an epoch.
    Roll {
        /// Its number.
        epoch: u32,
    },
}

/// How much a member said in an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Talk {
    comments: u32,
    votes: u32,
}

impl LogState {
    /// The state of an empty log.
    #[must_use]
    pub fn new(params: DaoParams) -> Self {
        let founding =
            CharterVersion { charter: params.charter.clone(), hash: params.charter_hash, since_height: 0, position: 0 };
        Self {
            params,
            tree: HistoryTree::new(),
            heads: Vec::new(),
            lanes: Lanes::default(),
            members: IdMap::default(),
            rotated_keys: BTreeMap::new(),
            retired_keys: BTreeMap::new(),
            channels: BTreeMap::new(),
            outpoints: BTreeMap::new(),
            invitations: BTreeMap::new(),
            proposals: IdMap::default(),
            threads: BTreeMap::new(),
            unscheduled: Vec::new(),
            open: BTreeSet::new(),
            delegations: Book::new(),
            comments: BTreeMap::new(),
            talk: BTreeMap::new(),
            holds: Vec::new(),
            collected: Vec::new(),
            holds_of_channel: BTreeMap::new(),
            holds_for_thread: BTreeMap::new(),
            equivocations: Vec::new(),
            proven: BTreeMap::new(),
            seen: BTreeMap::new(),
            positions: EntryIndex::new(),
            said: BTreeMap::new(),
            refilled_gates: Vec::new(),
            retired_gates: BTreeMap::new(),
            frauds: Vec::new(),
            upcoming_forced: Vec::new(),
            forced: BTreeMap::new(),
            anchored: Vec::new(),
            charters: vec![founding],
            successors: Vec::new(),
            rolls: BTreeMap::new(),
            block_hashes: BTreeMap::new(),
            ledger: Ledger::new(),
            decided: None,
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
        let digests = Digests::of(&entry.to_bytes());
        self.apply_known(position, entry, digests)
    }

    /// As [`Self::apply`] of an entry with these `digests`, for which the caller vouches: they cost more than the rest.
    ///
    /// # Errors
    /// As [`LogState::check`]; then nothing has changed.
    pub fn apply_known(&mut self, position: u64, entry: Entry, digests: Digests) -> Result<EntryId, Refusal> {
        if position != self.size() {
            return refusal::invalid("G-20", format!("entry at position {position}, but the log has {}", self.size()));
        }
        let Digests { id, leaf, length } = digests;
        Self::check_length(&entry, length)?;
        self.check_rules(&entry)?;
        if let Some(lane) = entry.lane() {
            self.advance_lane(lane, Said::of(&entry), position, id);
        }
        self.positions.push(id);
        // Only heads and final epochs bring decisions nearer.
        let is_clock = matches!(entry, Entry::Head(_) | Entry::Anchored(_));
        self.apply_checked(position, id, entry);
        self.tree.push_hash(leaf);
        if is_clock {
            self.advance_ledger();
        }
        Ok(id)
    }

    /// Gives the roll of an epoch, computed by [`LogState::roll_at`] from this log and the chain. Live totals of the
    /// proposals that use it begin with this.
    pub fn set_roll(&mut self, epoch: u32, roll: Roll) {
        // Weights that do not fit 128 bits make no electorate; nothing is decided by such a roll.
        let Ok(electorate) = Electorate::of_roll(&roll) else { return };
        self.rolls.insert(epoch, (roll, Arc::new(electorate)));
        let affected: Vec<ProposalId> =
            self.proposals.values().filter(|p| p.snapshot_epoch == epoch).map(|p| p.id).collect();
        for id in &affected {
            // Its end tells which entries the live totals are of.
            self.recount_ending(id);
            self.start_live(id);
        }
        self.advance_ledger();
    }

    /// Gives the hash of a block of the best chain, to break a tie (V-30). Which one is wanted tell
    /// [`LogState::missing_fact`] and [`crate::ledger::LedgerError::BlockHashMissing`].
    pub fn set_block_hash(&mut self, height: u32, hash: BlockHash) {
        self.block_hashes.insert(height, hash);
        self.advance_ledger();
    }

    /// Gives an epoch as it was closed from this log. Once its header is final the ledger takes over what it decided, and no
    /// vote is counted for that another time.
    pub fn set_decided(&mut self, close: &EpochClose) {
        self.decided = Some((close.header.hash(), close.ledger.clone()));
    }

    /// Decides every final epoch for which the facts are there.
    fn advance_ledger(&mut self) {
        while let Some(next) = self.anchored.get(self.ledger.epochs()).map(|record| record.header) {
            let Some((roll, _)) = self.rolls.get(&next.epoch) else { return };
            // G-62: what a close decides follows from the log and the rolls that its header commits to.
            if let Some((_, ledger)) = self.decided.take_if(|(header, _)| *header == next.hash()) {
                self.ledger = ledger;
                continue;
            }
            let mut ledger = self.ledger.clone();
            if ledger.close_epoch(self, &next.boundary(), roll).is_err() {
                return; // a fact is missing: `missing_fact` tells which
            }
            self.ledger = ledger;
        }
    }
}
