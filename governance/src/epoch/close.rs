//! The close of an epoch.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{BlockHash, OutPoint};

use super::{Authorisation, DecisionLeaf, EpochHeader};
use crate::charter::Charter;
use crate::codec::{Canonical as _, Writer};
use crate::entry::Effect;
use crate::id::{HeaderHash, ProposalId};
use crate::lifecycle::Schedule;
use crate::roll::Roll;
use crate::state::{LogState, ProposalRecord};
use crate::tally::{Outcome, ballot_tree};
use crate::tree::{SumError, SumLeaf, SumTree, TreePurpose};

/// A closed epoch: the header and every tree under it, for proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochClose {
    /// What goes on Bitcoin, by its hash.
    pub header: EpochHeader,
    /// T2 of every proposal whose voting began and had not closed before the last epoch.
    pub ballots: BTreeMap<ProposalId, SumTree>,
    /// The tree of T2 roots.
    pub ballot_roots: SumTree,
    /// The roll tree of this epoch and of every snapshot in use.
    pub roll_trees: BTreeMap<u32, SumTree>,
    /// T3.
    pub rolls: SumTree,
    /// T4.
    pub decisions: SumTree,
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
    let (epoch, prev_header, prev_closing) = next_epoch(headers)?;
    let params = state.params();
    if closing_height <= prev_closing || params.charter.boundary_at_or_after(closing_height) != Some(closing_height) {
        let epoch_blocks = params.charter.epoch_blocks;
        return Err(CloseError::Height { height: closing_height, epoch_blocks, previous: prev_closing });
    }
    let covering = state.first_head_at(closing_height).ok_or(CloseError::NotYet { height: closing_height })?.head;

    let covered: Vec<(&ProposalRecord, Schedule)> = state
        .proposals()
        .values()
        .filter(|proposal| proposal.position < covering.size)
        .filter_map(|proposal| proposal.schedule.map(|schedule| (proposal, schedule)))
        .collect();

    let mut ballots = BTreeMap::new();
    let mut root_leaves = Vec::new();
    let mut snapshots = BTreeSet::new();
    for (proposal, schedule) in covered.iter().filter(|(_, s)| s.open <= closing_height && s.close > prev_closing) {
        let tree = ballot_tree(roll_of(state, proposal)?, &proposal.ballots, cutoff(state, schedule, covering.size))?;
        let is_final = schedule.close <= closing_height;
        root_leaves.push(SumLeaf {
            key: proposal.id.0,
            value: root_value(&tree.commitment(), Some(is_final)),
            sums: Vec::new(),
        });
        snapshots.insert(proposal.snapshot_epoch);
        ballots.insert(proposal.id, tree);
    }
    let ballot_roots = SumTree::build(TreePurpose::BallotRoots, root_leaves)?;

    let mut roll_trees = BTreeMap::from([(epoch, roll.tree()?)]);
    for snapshot in snapshots {
        if let Some(roll) = state.roll(snapshot) {
            roll_trees.insert(snapshot, roll.tree()?);
        }
    }
    let rolls =
        SumTree::build(TreePurpose::Rolls, roll_trees.iter().map(|(epoch, tree)| roll_leaf(*epoch, tree)).collect())?;
    let closings: Vec<u32> = headers.iter().map(|h| h.closing_height).chain([closing_height]).collect();
    let decisions = decide(state, &covered, &closings)?;

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
        charter: params.charter_hash,
        next_anchor_key: params.charter.anchor_key,
        spare_seal: params.spare_seal,
        closing_height,
        closing_hash,
    };
    Ok(EpochClose { header, ballots, ballot_roots, roll_trees, rolls, decisions })
}

/// The boundary at which the next epoch can close when the chain's tip is at `tip_height`: the newest one that is final
/// and above `previous`, the closing height of the epoch before (0 before the first). Boundaries may be passed over, a
/// header may not (G-62).
#[must_use]
pub fn due_boundary(charter: &Charter, previous: u32, tip_height: u32) -> Option<u32> {
    let final_height = tip_height.checked_add(1)?.checked_sub(charter.final_depth)?;
    let boundary = final_height - final_height.checked_rem(charter.epoch_blocks)?;
    (boundary > previous).then_some(boundary)
}

/// Key of an epoch in T3: 32 bytes, big-endian.
pub(super) fn epoch_key(epoch: u32) -> [u8; 32] {
    let mut key = [0; 32];
    key[28..].copy_from_slice(&epoch.to_be_bytes());
    key
}

/// Value of a leaf that holds another tree's commitment; the flag says whether a T2 is final.
pub(super) fn root_value(commitment: &[u8; 32], is_final: Option<bool>) -> Vec<u8> {
    let mut w = Writer::new();
    w.fixed(commitment);
    if let Some(is_final) = is_final {
        w.u8(u8::from(is_final));
    }
    w.into_bytes()
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

fn roll_of<'a>(state: &'a LogState, proposal: &ProposalRecord) -> Result<&'a Roll, CloseError> {
    let epoch = proposal.snapshot_epoch;
    state.roll(epoch).ok_or(CloseError::RollMissing { epoch, proposal: proposal.id })
}

/// G-42: ballots count up to the head that closed the vote, in an open vote up to this epoch's head.
fn cutoff(state: &LogState, schedule: &Schedule, log_size: u64) -> u64 {
    state.first_head_at(schedule.close).map_or(log_size, |record| record.head.size.min(log_size))
}

fn roll_leaf(epoch: u32, tree: &SumTree) -> SumLeaf {
    SumLeaf { key: epoch_key(epoch), value: root_value(&tree.commitment(), None), sums: Vec::new() }
}

/// T4 (G-64): every proposal ever closed. `closings` are the closing heights of all epochs up to this one.
fn decide(state: &LogState, covered: &[(&ProposalRecord, Schedule)], closings: &[u32]) -> Result<SumTree, CloseError> {
    let closing_height = closings.last().copied().unwrap_or(0);
    let mut closed: Vec<_> = covered.iter().filter(|(_, schedule)| schedule.close <= closing_height).collect();
    // By close, then id: later epochs only append to this order, so a gate once assigned stays.
    closed.sort_by_key(|(proposal, schedule)| (schedule.close, proposal.id));
    let mut gates = state.params().gates.iter().copied();
    let mut leaves = Vec::new();
    for (proposal, schedule) in closed {
        let before = closings.partition_point(|height| *height < schedule.close);
        let outcome = outcome_of(state, proposal)?;
        let leaf = decision(proposal, schedule, outcome, before, closing_height, &mut gates);
        let amount = leaf.authorisation.map_or(0, |a| u128::from(a.amount_sat));
        leaves.push(SumLeaf { key: proposal.id.0, value: leaf.to_bytes(), sums: vec![amount] });
    }
    Ok(SumTree::build(TreePurpose::Decisions, leaves)?)
}

/// The totals of a closed vote are the live ones: no ballot is accepted after the close (G-41).
fn outcome_of(state: &LogState, proposal: &ProposalRecord) -> Result<Outcome, CloseError> {
    let missing = CloseError::RollMissing { epoch: proposal.snapshot_epoch, proposal: proposal.id };
    let sums = proposal.live.ok_or(missing)?;
    // A proposal without a rule was never accepted.
    Ok(state.rule_of(proposal).map_or(Outcome::Rejected, |rule| sums.outcome(rule)))
}

fn decision(
    proposal: &ProposalRecord,
    schedule: &Schedule,
    outcome: Outcome,
    epochs_before: usize,
    closing_height: u32,
    gates: &mut impl Iterator<Item = OutPoint>,
) -> DecisionLeaf {
    let spend = match &proposal.content.effect {
        Effect::Spend(spend) if outcome == Outcome::Passed => Some(spend),
        _ => None,
    };
    let gate = spend.and_then(|_| gates.next());
    let authorisation = match (spend, gate) {
        (Some(spend), Some(_)) if schedule.authorised_at <= closing_height => Some(Authorisation {
            height: schedule.authorised_at,
            expires_height: schedule.expires_at,
            amount_sat: proposal.content.amount_sat(),
            intent: spend.intent_hash(proposal.id),
        }),
        _ => None,
    };
    let decided_epoch = u32::try_from(epochs_before).unwrap_or(u32::MAX).saturating_add(1);
    DecisionLeaf { outcome, class: proposal.content.class, decided_epoch, gate, authorisation }
}
