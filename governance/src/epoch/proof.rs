//! Proofs under one epoch header: a ballot as counted, a weight, a decision.

use super::close::{epoch_key, root_value};
use super::{DecisionLeaf, EpochClose, EpochHeader};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{MemberId, ProposalId};
use crate::tally::{BallotLeaf, Sums};
use crate::tree::{SumError, SumProof, SumRoot, TreePurpose};

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
    pub totals: Sums,
    /// Members in the roll.
    pub electorate: u64,
    /// Whether voting had closed.
    pub is_final: bool,
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
    /// Epoch of the roll.
    pub snapshot: u32,
    /// Root of that roll: the whole weight.
    pub roll: SumRoot,
    /// That root in T3.
    pub roll_root: SumProof,
}

/// What a [`TallyProof`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TallyStatement {
    /// The proposal's totals under this header.
    pub totals: Sums,
    /// Members in the roll.
    pub electorate: u64,
    /// Whether voting had closed.
    pub is_final: bool,
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

    /// Proof of the totals of `proposal` and of the roll of `snapshot`; `None` when either is not there.
    #[must_use]
    pub fn prove_tally(&self, proposal: &ProposalId, snapshot: u32) -> Option<TallyProof> {
        Some(TallyProof {
            ballots: self.ballots.get(proposal)?.root(),
            ballots_root: self.ballot_roots.prove(&proposal.0)?,
            snapshot,
            roll: self.roll_trees.get(&snapshot)?.root(),
            roll_root: self.rolls.prove(&epoch_key(snapshot))?,
        })
    }

    /// Proof of the decision on `proposal`; `None` when it is not decided.
    #[must_use]
    pub fn prove_decision(&self, proposal: &ProposalId) -> Option<DecisionProof> {
        Some(DecisionProof { decision: self.decisions.prove(&proposal.0)? })
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
        let t2 = self.ballot.root(TreePurpose::Ballots).map_err(path("ballots"))?;
        self.ballot
            .verify(TreePurpose::Ballots, &member.0, &t2.commitment(TreePurpose::Ballots))
            .map_err(path("ballots"))?;
        self.root.verify(TreePurpose::BallotRoots, &proposal.0, &header.ballots_root).map_err(path("ballot roots"))?;
        let commitment = t2.commitment(TreePurpose::Ballots);
        let is_final = tree_flag(&self.root, &commitment, proposal)?;
        let leaf = BallotLeaf::from_bytes(&self.ballot.leaf.value)
            .map_err(|error| ProofError::Value { tree: "ballots", error })?;
        let own = Sums::from_slice(&self.ballot.leaf.sums);
        let totals = Sums::from_slice(&t2.sums);
        let (Some(own), Some(totals)) = (own, totals) else {
            return Err(ProofError::Contradiction("a ballot tree has five sums".into()));
        };
        check_leaf_sums(&leaf, &own)?;
        check_totals(&totals, t2.count)?;
        Ok(BallotStatement { leaf, weight: own.weight, totals, electorate: t2.count, is_final })
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
        if self.root.leaf.value != root_value(&commitment, None) {
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
        self.ballots_root
            .verify(TreePurpose::BallotRoots, &proposal.0, &header.ballots_root)
            .map_err(path("ballot roots"))?;
        let is_final = tree_flag(&self.ballots_root, &self.ballots.commitment(TreePurpose::Ballots), proposal)?;
        self.roll_root
            .verify(TreePurpose::Rolls, &epoch_key(self.snapshot), &header.rolls_root)
            .map_err(path("rolls"))?;
        if self.roll_root.leaf.value != root_value(&self.roll.commitment(TreePurpose::Roll), None) {
            return Err(ProofError::Contradiction(format!("header holds another roll for epoch {}", self.snapshot)));
        }
        let totals = Sums::from_slice(&self.ballots.sums)
            .ok_or_else(|| ProofError::Contradiction("a ballot tree has five sums".into()))?;
        check_totals(&totals, self.ballots.count)?;
        if self.roll.sums != [totals.weight] || self.roll.count != self.ballots.count {
            return Err(ProofError::Contradiction(format!(
                "the ballot tree has {} members of weight {}, the roll of epoch {} has {} of weight {:?}",
                self.ballots.count, totals.weight, self.snapshot, self.roll.count, self.roll.sums
            )));
        }
        Ok(TallyStatement { totals, electorate: self.ballots.count, is_final })
    }
}

impl DecisionProof {
    /// Checks the proof under `header` and returns the decision.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(&self, header: &EpochHeader, proposal: &ProposalId) -> Result<DecisionLeaf, ProofError> {
        self.decision.verify(TreePurpose::Decisions, &proposal.0, &header.decisions_root).map_err(path("decisions"))?;
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

/// No more weight can have voted than there is, and no more members.
fn check_totals(totals: &Sums, electorate: u64) -> Result<(), ProofError> {
    let voted = [totals.yes, totals.no, totals.abstain].into_iter().try_fold(0u128, u128::checked_add);
    if voted.is_some_and(|voted| voted <= totals.weight) && totals.ballots <= u128::from(electorate) {
        return Ok(());
    }
    Err(ProofError::Contradiction(format!("totals {totals:?} of {electorate} members exceed the roll")))
}

/// Whether the T2 that a leaf of the tree of roots holds is final.
fn tree_flag(root: &SumProof, commitment: &[u8; 32], proposal: &ProposalId) -> Result<bool, ProofError> {
    [false, true]
        .into_iter()
        .find(|flag| root.leaf.value == root_value(commitment, Some(*flag)))
        .ok_or_else(|| ProofError::Contradiction(format!("header holds another ballot tree for proposal {proposal}")))
}

/// A leaf's sums must be its ballot times its weight, or a forger could count a no as a yes.
fn check_leaf_sums(leaf: &BallotLeaf, own: &Sums) -> Result<(), ProofError> {
    use crate::entry::Choice;
    let mut expected = Sums { weight: own.weight, ..Sums::default() };
    if let Some(ballot) = &leaf.ballot {
        let choice = Choice::from_fields(&ballot.fields)
            .ok_or_else(|| ProofError::Contradiction(format!("fields {:?} are no choice", ballot.fields)))?;
        expected.add(choice, own.weight);
    }
    if expected == *own {
        return Ok(());
    }
    Err(ProofError::Contradiction(format!("leaf sums {own:?} are not its ballot times its weight {expected:?}")))
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
        w.u32(self.snapshot);
        self.roll.encode(w);
        self.roll_root.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            ballots: Canonical::decode(r)?,
            ballots_root: Canonical::decode(r)?,
            snapshot: r.u32()?,
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
