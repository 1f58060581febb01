//! Proofs under one epoch header: a ballot as counted, a weight, a decision.

use super::close::{epoch_key, locked_key};
use super::{BallotRoot, DecisionLeaf, EpochClose, EpochHeader, Stage, Totals};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{MemberId, ProposalId};
use crate::tally::BallotLeaf;
use crate::tree::{SumError, SumLeaf, SumProof, SumRoot, TreePurpose};

/// How a member's ballot counted: their leaf in T2, and T2's root in the header (G-77).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotProof {
    /// The member's leaf in the proposal's ballot tree.
    pub ballot: SumProof,
    /// That tree's root among all.
    pub root: SumProof,
}

/// What a [`BallotProof`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotStatement {
    /// The ballot counted, or none.
    pub leaf: BallotLeaf,
    /// The member's weight.
    pub weight: u128,
    /// The proposal's totals under this header.
    pub totals: Totals,
    /// Members in the roll.
    pub electorate: u64,
    /// How far the vote was.
    pub stage: Stage,
    /// Epoch of the roll of the members, whose charter is the proposal's.
    pub snapshot: u32,
}

/// A member's weight in the roll of an epoch (G-77).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollProof {
    /// The member's leaf in the roll.
    pub member: SumProof,
    /// That roll's root in T3.
    pub root: SumProof,
}

/// What a [`RollProof`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollStatement {
    /// The member's weight; above 0.
    pub weight: u128,
    /// Weight of the whole roll.
    pub total: u128,
    /// Members in the roll.
    pub electorate: u64,
}

/// The decision on a proposal (G-77).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionProof {
    /// The proposal's leaf in T4.
    pub decision: SumProof,
}

/// The totals of a proposal and the roll they are measured by (G-77).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyProof {
    /// Root of the proposal's ballot tree: the totals.
    pub ballots: SumRoot,
    /// That root among all.
    pub ballots_root: SumProof,
    /// Root of the roll: the whole weight.
    pub roll: SumRoot,
    /// That root in T3.
    pub roll_root: SumProof,
}

/// What a [`TallyProof`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyStatement {
    /// The proposal's totals under this header.
    pub totals: Totals,
    /// Members in the roll.
    pub electorate: u64,
    /// How far the vote was.
    pub stage: Stage,
    /// Epoch of the roll of the members.
    pub snapshot: u32,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A path does not hold.
    #[error("{tree}: {error}")]
    Path {
        /// In which tree.
        tree: &'static str,
        /// Why.
        error: SumError,
    },
    /// A leaf's value has no meaning.
    #[error("{tree}: {error}")]
    Value {
        /// In which tree.
        tree: &'static str,
        /// Why.
        error: DecodeError,
    },
    /// Sums or value of a leaf contradict each other.
    #[error("G-77: {0}")]
    Contradiction(String),
}

impl EpochClose {
    /// Proof of how `member`'s ballot on `proposal` counts; `None` when either is not there.
    #[must_use]
    pub fn prove_ballot(&self, proposal: &ProposalId, member: &MemberId) -> Option<BallotProof> {
        Some(BallotProof {
            ballot: self.ballots.get(proposal)?.prove(&member.0)?,
            root: self.ballot_roots.prove(&proposal.0)?,
        })
    }

    /// Proof of `member`'s weight in the roll of `epoch`; `None` when either is not there.
    #[must_use]
    pub fn prove_weight(&self, epoch: u32, member: &MemberId) -> Option<RollProof> {
        Some(RollProof {
            member: self.roll_trees.get(&epoch)?.prove(&member.0)?,
            root: self.rolls.prove(&epoch_key(epoch))?,
        })
    }

    /// Proof of the totals of `proposal` and of the roll they are measured by; `None` when the proposal is not there.
    #[must_use]
    pub fn prove_tally(&self, proposal: &ProposalId) -> Option<TallyProof> {
        let ballots_root = self.ballot_roots.prove(&proposal.0)?;
        let root = BallotRoot::from_bytes(&ballots_root.leaf.value).ok()?;
        let trees = if root.stage == Stage::Enacted { &self.locked_rolls } else { &self.roll_trees };
        Some(TallyProof {
            ballots: self.ballots.get(proposal)?.root(),
            ballots_root,
            roll: trees.get(&root.snapshot)?.root(),
            roll_root: self.rolls.prove(&roll_key(&root, self.header.closing_height))?,
        })
    }

    /// Proof of the decision on `proposal`; `None` when it is not decided.
    #[must_use]
    pub fn prove_decision(&self, proposal: &ProposalId) -> Option<DecisionProof> {
        Some(DecisionProof { decision: self.decisions.prove(&proposal.0)? })
    }

    /// Proof of what became of a milestone of `budget`, counted from 0; `None` when it is not there.
    #[must_use]
    pub fn prove_milestone(&self, budget: &ProposalId, milestone: u16) -> Option<DecisionProof> {
        let key = DecisionLeaf::milestone_key(*budget, milestone);
        Some(DecisionProof { decision: self.decisions.prove(&key)? })
    }
}

impl BallotProof {
    /// Checks the proof under `header` and returns what it shows.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(
        &self,
        header: &EpochHeader,
        proposal: &ProposalId,
        member: &MemberId,
    ) -> Result<BallotStatement, ProofError> {
        self.verify_under(header, &proposal.0, member)
    }

    /// As [`BallotProof::verify`], for the ballot tree that stands under `key` among all (G-63).
    pub(super) fn verify_under(
        &self,
        header: &EpochHeader,
        key: &[u8; 32],
        member: &MemberId,
    ) -> Result<BallotStatement, ProofError> {
        let root = ballot_root(&self.root, header, key)?;
        let purpose = TreePurpose::Ballots { sums: self.ballot.leaf.sums.len() };
        let t2 = self.ballot.verify(purpose, &member.0, &root.commitment).map_err(path("ballots"))?;
        let totals = Totals::new(&root, &t2.sums, t2.count)?;
        let leaf = BallotLeaf::from_bytes(&self.ballot.leaf.value)
            .map_err(|error| ProofError::Value { tree: "ballots", error })?;
        let weight = check_leaf_sums(&root, &leaf, &self.ballot.leaf)?;
        Ok(BallotStatement { leaf, weight, totals, electorate: t2.count, stage: root.stage, snapshot: root.snapshot })
    }
}

impl RollProof {
    /// Checks the proof under `header` and returns what it shows.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(&self, header: &EpochHeader, epoch: u32, member: &MemberId) -> Result<RollStatement, ProofError> {
        let roll = self.member.root(TreePurpose::Roll).map_err(path("roll"))?;
        let commitment = roll.commitment(TreePurpose::Roll);
        self.member.verify(TreePurpose::Roll, &member.0, &commitment).map_err(path("roll"))?;
        self.root.verify(TreePurpose::Rolls, &epoch_key(epoch), &header.rolls_root).map_err(path("rolls"))?;
        if self.root.leaf.value != commitment {
            return Err(ProofError::Contradiction(format!("header holds another roll for epoch {epoch}")));
        }
        if !self.member.leaf.value.is_empty() {
            return Err(ProofError::Contradiction("a leaf of a roll has no value".into()));
        }
        match (self.member.leaf.sums.first(), roll.sums.first()) {
            (Some(weight), Some(total)) if *weight > 0 => {
                Ok(RollStatement { weight: *weight, total: *total, electorate: roll.count })
            }
            _ => Err(ProofError::Contradiction(format!("member {member} has no weight in the roll of epoch {epoch}"))),
        }
    }
}

impl TallyProof {
    /// Checks the proof under `header` and returns what it shows.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(&self, header: &EpochHeader, proposal: &ProposalId) -> Result<TallyStatement, ProofError> {
        let root = ballot_root(&self.ballots_root, header, &proposal.0)?;
        is_tree_of(&self.ballots, &root, proposal)?;
        let key = roll_key(&root, header.closing_height);
        self.roll_root.verify(TreePurpose::Rolls, &key, &header.rolls_root).map_err(path("rolls"))?;
        if self.roll_root.leaf.value != self.roll.commitment(TreePurpose::Roll) {
            let epoch = root.snapshot;
            return Err(ProofError::Contradiction(format!("header holds another roll for epoch {epoch}")));
        }
        let totals = Totals::new(&root, &self.ballots.sums, self.ballots.count)?;
        if self.roll.sums != [totals.weight()] || self.roll.count != self.ballots.count {
            return Err(ProofError::Contradiction(format!(
                "the ballot tree has {} members of weight {}, the roll of epoch {} has {} of weight {:?}",
                self.ballots.count,
                totals.weight(),
                root.snapshot,
                self.roll.count,
                self.roll.sums
            )));
        }
        Ok(TallyStatement { totals, electorate: self.ballots.count, stage: root.stage, snapshot: root.snapshot })
    }
}

impl DecisionProof {
    /// Checks the proof under `header` and returns the decision.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(&self, header: &EpochHeader, proposal: &ProposalId) -> Result<DecisionLeaf, ProofError> {
        self.verify_key(header, &proposal.0)
    }

    /// Checks the proof of a milestone of `budget`, counted from 0, under `header`.
    ///
    /// # Errors
    /// As [`DecisionProof::verify`].
    pub fn verify_milestone(
        &self,
        header: &EpochHeader,
        budget: &ProposalId,
        milestone: u16,
    ) -> Result<DecisionLeaf, ProofError> {
        self.verify_key(header, &DecisionLeaf::milestone_key(*budget, milestone))
    }

    fn verify_key(&self, header: &EpochHeader, key: &[u8; 32]) -> Result<DecisionLeaf, ProofError> {
        self.decision.verify(TreePurpose::Decisions, key, &header.decisions_root).map_err(path("decisions"))?;
        let leaf = DecisionLeaf::from_bytes(&self.decision.leaf.value)
            .map_err(|error| ProofError::Value { tree: "decisions", error })?;
        let amount = leaf.authorisation.map_or(0, |a| u128::from(a.amount_sat));
        if self.decision.leaf.sums != [amount] {
            let sums = &self.decision.leaf.sums;
            return Err(ProofError::Contradiction(format!("leaf authorises {amount} sat, but sums to {sums:?}")));
        }
        Ok(leaf)
    }
}

/// What the header says of a proposal's ballot tree.
pub(super) fn ballot_root(proof: &SumProof, header: &EpochHeader, key: &[u8; 32]) -> Result<BallotRoot, ProofError> {
    proof.verify(TreePurpose::BallotRoots, key, &header.ballots_root).map_err(path("ballot roots"))?;
    BallotRoot::from_bytes(&proof.leaf.value).map_err(|error| ProofError::Value { tree: "ballot roots", error })
}

/// A ballot tree's commitment data is that of the tree that the header names.
pub(super) fn is_tree_of(ballots: &SumRoot, root: &BallotRoot, proposal: &ProposalId) -> Result<(), ProofError> {
    if ballots.commitment(TreePurpose::Ballots { sums: ballots.sums.len() }) == root.commitment {
        return Ok(());
    }
    Err(ProofError::Contradiction(format!("header holds another ballot tree for proposal {proposal}")))
}

/// Key of the roll that a ballot tree is measured by.
fn roll_key(root: &BallotRoot, closing_height: u32) -> [u8; 32] {
    match root.stage {
        Stage::Enacted => locked_key(root.snapshot, closing_height),
        Stage::Open | Stage::Closed => epoch_key(root.snapshot),
    }
}

/// A leaf's sums must be its ballot times the weight it carries, or a forger could count a no as a yes. Returns the member's
/// own weight.
fn check_leaf_sums(root: &BallotRoot, leaf: &BallotLeaf, stated: &SumLeaf) -> Result<u128, ProofError> {
    let own = stated.sums.last().copied().unwrap_or(0);
    // Nobody takes weight from a ballot that is cast.
    if let Some(ballot) = leaf.ballot().filter(|ballot| ballot.weight < own) {
        let carried = ballot.weight;
        return Err(ProofError::Contradiction(format!("a ballot of weight {own} is counted with {carried}")));
    }
    let expected = leaf
        .sums(root.system, root.options, own)
        .map_err(|error| ProofError::Contradiction(format!("the leaf's ballot cannot be counted: {error}")))?;
    if expected == stated.sums {
        return Ok(own);
    }
    let sums = &stated.sums;
    Err(ProofError::Contradiction(format!("leaf sums {sums:?} are not its ballot times its weight {expected:?}")))
}

fn path(tree: &'static str) -> impl Fn(SumError) -> ProofError {
    move |error| ProofError::Path { tree, error }
}

impl Canonical for BallotProof {
    fn encode(&self, w: &mut Writer) {
        self.ballot.encode(w);
        self.root.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { ballot: Canonical::decode(r)?, root: Canonical::decode(r)? })
    }
}

impl Canonical for TallyProof {
    fn encode(&self, w: &mut Writer) {
        self.ballots.encode(w);
        self.ballots_root.encode(w);
        self.roll.encode(w);
        self.roll_root.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            ballots: Canonical::decode(r)?,
            ballots_root: Canonical::decode(r)?,
            roll: Canonical::decode(r)?,
            roll_root: Canonical::decode(r)?,
        })
    }
}

impl Canonical for RollProof {
    fn encode(&self, w: &mut Writer) {
        self.member.encode(w);
        self.root.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { member: Canonical::decode(r)?, root: Canonical::decode(r)? })
    }
}

impl Canonical for DecisionProof {
    fn encode(&self, w: &mut Writer) {
        self.decision.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { decision: Canonical::decode(r)? })
    }
}
