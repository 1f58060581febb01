//! Proofs of the totals of a proposal that several bodies decide, or one that is an office (G-77).

use super::close::body_key;
use super::proof::{ballot_root, is_tree_of};
use super::{BallotProof, BallotStatement, EpochClose, EpochHeader, ProofError, TallyProof, TallyStatement, Totals};
use crate::charter::Body;
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::id::{MemberId, ProposalId};
use crate::tree::{SumOverlay, SumProof, SumRoot};

/// The totals of a proposal in one of its bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyProof {
    /// The members', and the roll that they are measured by.
    Members(TallyProof),
    /// Those of an office, whose roll is the charter's and stands in no tree.
    Office(Body, OfficeProof),
}

/// The totals of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeProof {
    /// Root of the proposal's ballot tree in this body: the totals.
    pub ballots: SumRoot,
    /// That root among all.
    pub ballots_root: SumProof,
}

impl EpochClose {
    /// Proof of the totals of `proposal` in each of the bodies of its rule; `None` when one is not there.
    #[must_use]
    pub fn prove_bodies(&self, proposal: &ProposalId, bodies: &[Body]) -> Option<Vec<BodyProof>> {
        let prove = |(place, body): (usize, &Body)| match body {
            Body::Members => self.prove_tally(proposal).map(BodyProof::Members),
            Body::Treasurers | Body::Founders => {
                let ballots = self.ballots_in(proposal, *body, place)?.root();
                let ballots_root = self.ballot_roots.prove(&tree_key(proposal, *body, place))?;
                Some(BodyProof::Office(*body, OfficeProof { ballots, ballots_root }))
            }
        };
        bodies.iter().enumerate().map(prove).collect()
    }

    /// Proof of how `member`'s ballot on `proposal` counts in the body that is number `place`, from 0, of the rule's; `None` when either
    /// is not there.
    #[must_use]
    pub fn prove_ballot_in(
        &self,
        proposal: &ProposalId,
        body: Body,
        place: usize,
        member: &MemberId,
    ) -> Option<BallotProof> {
        Some(BallotProof {
            ballot: self.ballots_in(proposal, body, place)?.prove(&member.0)?,
            root: self.ballot_roots.prove(&tree_key(proposal, body, place))?,
        })
    }

    fn ballots_in(&self, proposal: &ProposalId, body: Body, place: usize) -> Option<&SumOverlay> {
        match place {
            0 => self.ballots.get(proposal),
            _ => self.body_ballots.get(&(*proposal, body)),
        }
    }
}

impl BallotProof {
    /// As [`BallotProof::verify`], in the body that is number `place`, from 0, of the rule's.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify_in(
        &self,
        header: &EpochHeader,
        proposal: &ProposalId,
        body: Body,
        place: usize,
        member: &MemberId,
    ) -> Result<BallotStatement, ProofError> {
        self.verify_under(header, &tree_key(proposal, body, place), member)
    }
}

impl BodyProof {
    /// Whose totals.
    #[must_use]
    pub const fn body(&self) -> Body {
        match self {
            Self::Members(_) => Body::Members,
            Self::Office(body, _) => *body,
        }
    }

    /// Checks the proof under `header`, the body being number `place`, from 0, of the rule's, and returns what it shows. How many hold an
    /// office, the caller knows from the charter.
    ///
    /// # Errors
    /// [`ProofError`] naming the tree and the difference.
    pub fn verify(
        &self,
        header: &EpochHeader,
        proposal: &ProposalId,
        place: usize,
    ) -> Result<TallyStatement, ProofError> {
        let (body, proof) = match self {
            // where members are a body, they are the first.
            Self::Members(proof) => return proof.verify(header, proposal),
            Self::Office(body, proof) => (*body, proof),
        };
        let root = ballot_root(&proof.ballots_root, header, &tree_key(proposal, body, place))?;
        is_tree_of(&proof.ballots, &root, proposal)?;
        let count = proof.ballots.count;
        let totals = Totals::new(&root, &proof.ballots.sums, count)?;
        if totals.weight() != u128::from(count) {
            return Err(ProofError::Contradiction(format!(
                "{count} {} have {} votes together; one key has one",
                body.name(),
                totals.weight()
            )));
        }
        Ok(TallyStatement { totals, electorate: count, stage: root.stage, snapshot: root.snapshot })
    }
}

/// Key of a body's ballot tree among all (G-63).
fn tree_key(proposal: &ProposalId, body: Body, place: usize) -> [u8; 32] {
    match place {
        0 => proposal.0,
        _ => body_key(*proposal, body),
    }
}

impl Canonical for BodyProof {
    fn encode(&self, w: &mut Writer) {
        self.body().encode(w);
        match self {
            Self::Members(proof) => proof.encode(w),
            Self::Office(_, proof) => {
                proof.ballots.encode(w);
                proof.ballots_root.encode(w);
            }
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match Body::decode(r)? {
            Body::Members => Self::Members(Canonical::decode(r)?),
            office => {
                let (ballots, ballots_root) = (Canonical::decode(r)?, Canonical::decode(r)?);
                Self::Office(office, OfficeProof { ballots, ballots_root })
            }
        })
    }
}
