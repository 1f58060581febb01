//! The close of an epoch.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::BlockHash;

use super::{BallotRoot, EpochHeader, Stage, decision};
use crate::charter::{Body, Charter};
use crate::codec::Canonical as _;
use crate::hash::{tag, tagged_hash};
use crate::id::{HeaderHash, ProposalId};
use crate::ledger::{EpochBoundary, Ledger, LedgerError, Question, Stakes, Step, StepPolls, vote_end};
use crate::parallel::{Alone, Workers};
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};
use crate::tally::TallyError;
use crate::tree::{SumError, SumLeaf, SumOverlay, SumTree, TreePurpose};

/// A closed epoch: the header and every tree under it, for proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochClose {
    /// What goes on Bitcoin, by its hash.
    pub header: EpochHeader,
    /// T2 of every proposal whose voting began and had not closed before the last epoch, or which took effect in this one;
    /// of its first body.
    pub ballots: BTreeMap<ProposalId, SumOverlay>,
    /// The same of further bodies.
    pub body_ballots: BTreeMap<(ProposalId, Body), SumOverlay>,
    /// The tree of T2 roots.
    pub ballot_roots: SumTree,
    /// The roll tree of this epoch and of every snapshot in use.
    pub roll_trees: BTreeMap<u32, SumTree>,
    /// The roll trees of snapshots, as far as their stakes are still locked, for what took effect in this epoch.
    pub locked_rolls: BTreeMap<u32, SumTree>,
    /// T3.
    pub rolls: SumTree,
    /// T4.
    pub decisions: SumTree,
    /// What was decided up to and in this epoch.
    pub ledger: Ledger,
}

/// Why an epoch cannot be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The height is not a boundary above the last one.
    #[error("G-62: {height} is not a multiple of {epoch_blocks} above {previous}")]
    Height {
        /// Height given.
        height: u32,
        /// The charter's epoch length.
        epoch_blocks: u32,
        /// Closing height of the epoch before, 0 before the first.
        previous: u32,
    },
    /// The earlier headers are not a chain from epoch 1.
    #[error("G-62: header of epoch {epoch} does not follow the one before it")]
    BrokenChain {
        /// Its epoch.
        epoch: u32,
    },
    /// The log has no head of that height yet.
    #[error("G-62: no head in the log has reached the closing height {height}")]
    NotYet {
        /// The closing height.
        height: u32,
    },
    /// A roll was not given to the state.
    #[error("G-62: the roll of epoch {epoch} is missing; proposal {proposal} is decided by it")]
    RollMissing {
        /// Whose roll.
        epoch: u32,
        /// Who needs it.
        proposal: ProposalId,
    },
    /// The roll of an earlier epoch was not given to the state.
    #[error("G-62: the roll of epoch {epoch} is missing; its decisions are built on")]
    EpochRollMissing {
        /// Whose roll.
        epoch: u32,
    },
    /// The votes cannot be decided.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Ballots cannot be counted.
    #[error(transparent)]
    Tally(#[from] TallyError),
    /// A tree cannot be built.
    #[error(transparent)]
    Tree(#[from] SumError),
}

/// Closes the epoch after `headers` (all earlier ones, from epoch 1) at the boundary `closing_height`, whose block is
/// `closing_hash`. `roll` is this epoch's, computed from [`LogState::stake_claims`] at the size of the first head with a
/// tip of at least `closing_height`; the rolls of snapshots in use come from the state. A function of log prefix, rolls
/// and arguments: later entries change nothing (G-62).
///
/// # Errors
/// [`CloseError`]; [`CloseError::NotYet`] passes with time.
pub fn close(
    state: &LogState,
    headers: &[EpochHeader],
    closing_height: u32,
    closing_hash: BlockHash,
    roll: &Roll,
) -> Result<EpochClose, CloseError> {
    close_by(&Alone, state, headers, closing_height, closing_hash, roll)
}

/// As [`close`], bit for bit (L-14), votes being counted and trees made side by side.
///
/// # Errors
/// As [`close`].
pub fn close_by(
    workers: &dyn Workers,
    state: &LogState,
    headers: &[EpochHeader],
    closing_height: u32,
    closing_hash: BlockHash,
    roll: &Roll,
) -> Result<EpochClose, CloseError> {
    let (epoch, prev_header, prev_closing) = next_epoch(headers)?;
    let params = state.params();
    let charter = &params.charter;
    if closing_height <= prev_closing || charter.boundary_at_or_after(closing_height) != Some(closing_height) {
        let epoch_blocks = charter.epoch_blocks;
        return Err(CloseError::Height { height: closing_height, epoch_blocks, previous: prev_closing });
    }
    let covering = state.first_head_at(closing_height).ok_or(CloseError::NotYet { height: closing_height })?.head;
    let boundary = EpochBoundary { epoch, closing_height, log_size: covering.size };
    let mut ledger = ledger_before(state, headers)?;
    let step = Step { workers, state, boundary, roll };
    let mut polls = StepPolls::default();
    ledger.close_step(&step, &mut polls)?;

    let votes = votes(&step, &mut polls, &ledger, prev_closing)?;
    let ballot_roots = SumTree::build(TreePurpose::BallotRoots, votes.roots)?;
    let mut roll_trees = BTreeMap::from([(epoch, roll.tree_by(workers)?)]);
    for snapshot in votes.snapshots {
        if let Some(roll) = state.roll(snapshot) {
            roll_trees.insert(snapshot, roll.tree_by(workers)?);
        }
    }
    let mut roll_leaves: Vec<SumLeaf> =
        roll_trees.iter().map(|(epoch, tree)| roll_leaf(epoch_key(*epoch), tree)).collect();
    roll_leaves.extend(
        votes.locked_rolls.iter().map(|(snapshot, tree)| roll_leaf(locked_key(*snapshot, closing_height), tree)),
    );
    let rolls = SumTree::build(TreePurpose::Rolls, roll_leaves)?;
    let decisions = SumTree::build(TreePurpose::Decisions, decision::leaves(state, &ledger))?;

    let charter = ledger.charter(state);
    let header = EpochHeader {
        network: params.network,
        dao: params.dao_id,
        epoch,
        prev_header,
        log_size: covering.size,
        log_root: covering.root,
        ballots_root: ballot_roots.commitment(),
        rolls_root: rolls.commitment(),
        decisions_root: decisions.commitment(),
        charter: charter.hash(),
        next_anchor_key: charter.anchor_key,
        spare_seal: state.spare_seal_of(epoch),
        closing_height,
        closing_hash,
    };
    Ok(EpochClose {
        header,
        ballots: votes.ballots,
        body_ballots: votes.body_ballots,
        ballot_roots,
        roll_trees,
        locked_rolls: votes.locked_rolls,
        rolls,
        decisions,
        ledger,
    })
}

/// The boundary at which the next epoch can close when the chain's tip is at `tip_height`: the newest one that is deeper than
/// final, so that a reorganisation from which everybody recovers leaves its block, and above `previous`, the closing
/// height of the epoch before (0 before the first). Boundaries may be passed over, a header may not (G-62).
#[must_use]
pub fn due_boundary(charter: &Charter, previous: u32, tip_height: u32) -> Option<u32> {
    let deeper_than_final = tip_height.checked_sub(charter.final_depth)?;
    let boundary = deeper_than_final - deeper_than_final.checked_rem(charter.epoch_blocks)?;
    (boundary > previous).then_some(boundary)
}

/// Key of an epoch in T3: 32 bytes, big-endian.
pub(super) fn epoch_key(epoch: u32) -> [u8; 32] {
    let mut key = [0; 32];
    key[28..].copy_from_slice(&epoch.to_be_bytes());
    key
}

/// Key of a roll in T3 as far as its stakes were still locked at `height` (G-63).
pub(super) fn locked_key(epoch: u32, height: u32) -> [u8; 32] {
    let mut key = epoch_key(epoch);
    key[24..28].copy_from_slice(&height.to_be_bytes());
    key
}

/// Key of the ballot tree of a body beside the first (G-63).
pub(super) fn body_key(proposal: ProposalId, body: Body) -> [u8; 32] {
    tagged_hash(tag::BODY, &[&proposal.0, &[body.number()]])
}

/// The ledger after all of `headers`: the state's own, carried on or, for an epoch long past, begun anew.
fn ledger_before(state: &LogState, headers: &[EpochHeader]) -> Result<Ledger, CloseError> {
    let known = state.ledger();
    let mut ledger = if known.epochs() <= headers.len() { known.clone() } else { Ledger::new() };
    for header in &headers[ledger.epochs()..] {
        let epoch = header.epoch;
        let roll = state.roll(epoch).ok_or(CloseError::EpochRollMissing { epoch })?;
        ledger.close_epoch(state, &header.boundary(), roll)?;
    }
    Ok(ledger)
}

/// Trees of the votes of an epoch.
#[derive(Default)]
struct Votes {
    ballots: BTreeMap<ProposalId, SumOverlay>,
    body_ballots: BTreeMap<(ProposalId, Body), SumOverlay>,
    roots: Vec<SumLeaf>,
    snapshots: BTreeSet<u32>,
    locked_rolls: BTreeMap<u32, SumTree>,
}

/// T2 of every vote that was open in this epoch, and of every one that took effect in it (G-63).
fn votes(step: &Step<'_>, polls: &mut StepPolls, ledger: &Ledger, prev_closing: u32) -> Result<Votes, CloseError> {
    let open = open_votes(step, ledger, prev_closing)?;
    let mut votes = Votes::default();
    let mut locked: BTreeMap<u32, Arc<Roll>> = BTreeMap::new();
    for vote in open.iter().filter(|vote| vote.stage == Stage::Enacted) {
        let (snapshot, roll) = (vote.proposal.snapshot_epoch, polls.locked(step, vote.proposal)?);
        if let Entry::Vacant(vacant) = votes.locked_rolls.entry(snapshot) {
            vacant.insert(roll.tree_by(step.workers)?);
        }
        locked.insert(snapshot, roll);
    }
    let questions: Vec<Question<'_>> = open.iter().map(|vote| vote.question(&locked)).collect();
    for (vote, bodies) in open.iter().zip(polls.trees(step, &questions)?) {
        votes.snapshots.insert(vote.proposal.snapshot_epoch);
        for (index, (electors, tree)) in bodies.into_iter().enumerate() {
            votes.add(vote, index == 0, electors.body, tree?);
        }
    }
    Ok(votes)
}

fn open_votes<'a>(step: &Step<'a>, ledger: &Ledger, prev_closing: u32) -> Result<Vec<OpenVote<'a>>, CloseError> {
    let (state, boundary) = (step.state, step.boundary);
    let mut open = Vec::new();
    for proposal in state.proposals().values().filter(|proposal| proposal.position < boundary.log_size) {
        let Some(schedule) = proposal.schedule.filter(|s| s.open <= boundary.closing_height) else { continue };
        let standing = ledger.standing(&proposal.id);
        let dropped = proposal.dropped.is_some_and(|dropped| dropped.position < boundary.log_size);
        if dropped && standing.is_none() {
            continue;
        }
        let end = standing.map_or_else(|| vote_end(state, proposal).unwrap_or(schedule.close), |s| s.closed_at);
        let stage = match standing.and_then(|standing| standing.enacted_epoch) {
            Some(enacted) if enacted == boundary.epoch => Stage::Enacted,
            _ if end <= prev_closing => continue,
            _ if end <= boundary.closing_height => Stage::Closed,
            _ => Stage::Open,
        };
        let missing = CloseError::RollMissing { epoch: proposal.snapshot_epoch, proposal: proposal.id };
        let roll = state.roll(proposal.snapshot_epoch).ok_or(missing)?;
        open.push(OpenVote { proposal, roll, end, stage });
    }
    Ok(open)
}

/// A vote that has a T2 in this epoch.
#[derive(Clone, Copy)]
struct OpenVote<'a> {
    proposal: &'a ProposalRecord,
    /// The roll of its snapshot.
    roll: &'a Roll,
    end: u32,
    stage: Stage,
}

impl<'a> OpenVote<'a> {
    fn question(&self, locked: &'a BTreeMap<u32, Arc<Roll>>) -> Question<'a> {
        let Self { proposal, roll, end: close, stage } = *self;
        match locked.get(&proposal.snapshot_epoch).filter(|_| stage == Stage::Enacted) {
            Some(roll) => Question { proposal, close, members: roll, stakes: Stakes::Locked },
            None => Question { proposal, close, members: roll, stakes: Stakes::Snapshot },
        }
    }
}

impl Votes {
    fn add(&mut self, vote: &OpenVote<'_>, is_first: bool, body: Body, tree: SumOverlay) {
        let (id, content) = (vote.proposal.id, &vote.proposal.content);
        let root = BallotRoot {
            commitment: tree.commitment(),
            stage: vote.stage,
            system: content.system,
            options: content.option_count(),
            snapshot: vote.proposal.snapshot_epoch,
        };
        let key = if is_first { id.0 } else { body_key(id, body) };
        self.roots.push(SumLeaf { key, value: root.to_bytes(), sums: Vec::new() });
        if is_first {
            self.ballots.insert(id, tree);
        } else {
            self.body_ballots.insert((id, body), tree);
        }
    }
}

fn next_epoch(headers: &[EpochHeader]) -> Result<(u32, HeaderHash, u32), CloseError> {
    let mut next = (1, HeaderHash([0; 32]), 0);
    for header in headers {
        let (epoch, prev_header, prev_closing) = next;
        if header.epoch != epoch || header.prev_header != prev_header || header.closing_height <= prev_closing {
            return Err(CloseError::BrokenChain { epoch: header.epoch });
        }
        let after = epoch.checked_add(1).ok_or(CloseError::BrokenChain { epoch })?;
        next = (after, header.hash(), header.closing_height);
    }
    Ok(next)
}

fn roll_leaf(key: [u8; 32], tree: &SumTree) -> SumLeaf {
    SumLeaf { key, value: tree.commitment().to_vec(), sums: Vec::new() }
}
