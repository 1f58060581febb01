//! What happens in the world: three proposals, votes with changes of mind, epochs, and proofs of the outcome.

use althing_governance::Charter;
use althing_governance::entry::{Choice, Entry};
use althing_governance::epoch::EpochClose;
use althing_governance::id::ProposalId;
use althing_node::proof::Bundle;
use althing_node::proof::bundle::{BallotPart, EpochPart, LoggedEntry, Statement, SuccessionPart, TallyPart};
use althing_node::proof::tallies::Tallies;

use crate::world::{World, member_id, spend, text};

/// The member whose ballot is proven; they change their mind twice.
pub(crate) const VOTER: u8 = 3;
/// Satoshis that the spend asks for, without the fee.
pub(crate) const AMOUNT: u64 = 5_000_000;
/// The epoch in which the votes are decided.
pub(crate) const DECIDING: u32 = 3;

/// A world with three proposals that were voted on; epoch 2 saw the votes open.
pub(crate) struct Story {
    pub(crate) world: World,
    /// Rejected.
    pub(crate) text: ProposalId,
    /// Passed, and authorised at once.
    pub(crate) spend: ProposalId,
    /// Without quorum.
    pub(crate) ignored: ProposalId,
}

impl Story {
    /// All ballots are cast, the deciding epoch is not closed.
    pub(crate) fn voted() -> Self {
        Self::voted_in(World::founded())
    }

    fn voted_in(mut world: World) -> Self {
        world.finish_epoch();
        let proposals = [
            world.propose(1, text("A new boat")),
            world.propose(2, spend("Nets", AMOUNT)),
            world.propose(5, spend("Harbour", 50_000_000)),
        ];
        let [text, spend, ignored] = proposals;
        world.block(vec![]);
        world.vote(VOTER, text, Choice::No);
        for (member, choice) in [(1, Choice::Yes), (2, Choice::Abstain), (4, Choice::No), (5, Choice::No)] {
            world.vote(member, text, choice);
        }
        for (member, choice) in [(1, Choice::Yes), (2, Choice::Yes), (4, Choice::Yes), (6, Choice::No)] {
            world.vote(member, spend, choice);
        }
        world.vote(1, ignored, Choice::Yes);
        world.vote(VOTER, text, Choice::Abstain);
        world.finish_epoch();
        world.vote(VOTER, text, Choice::Yes);
        world.vote(VOTER, spend, Choice::Yes);
        Self { world, text, spend, ignored }
    }

    /// Decided, anchored, final and logged.
    pub(crate) fn told() -> Self {
        Self::voted().decided()
    }

    /// The same in a DAO with a charter of the caller's.
    pub(crate) fn told_under(charter: Charter) -> Self {
        Self::voted_in(World::founded_under(charter)).decided()
    }

    pub(crate) fn decided(mut self) -> Self {
        self.world.finish_epoch();
        self.world.block(vec![]);
        assert_eq!(self.world.closes.len() as u32, DECIDING);
        self
    }

    /// As [`Self::told`], but the hub anchors what it likes; also the entry that states it, not logged.
    pub(crate) fn told_with(change: impl FnOnce(&Self, &mut EpochClose)) -> (Self, Entry) {
        let mut story = Self::voted();
        let mut close = story.world.close();
        change(&story, &mut close);
        let entry = story.world.anchor(close);
        (story, entry)
    }

    pub(crate) fn close(&self, epoch: u32) -> &EpochClose {
        &self.world.closes[epoch as usize - 1]
    }

    /// What short files are judged with: the links up to `epoch` (P-160).
    pub(crate) fn links(&self, epoch: u32) -> Bundle {
        self.bundle(epoch, Statement::Links)
    }

    /// Proof that the voter's ballot on the text is counted, under `epoch`.
    pub(crate) fn ballot_bundle(&self, epoch: u32) -> Bundle {
        let close = self.close(epoch);
        let record = &self.world.ledger.state().proposals()[&self.text];
        let member = member_id(VOTER);
        let counted = record.ballots.counted(&member, close.header.log_size).unwrap();
        self.bundle(
            epoch,
            Statement::Ballot(Box::new(BallotPart {
                entry: self.logged(counted.position, close.header.log_size),
                counted: close.prove_ballot(&self.text, &member).unwrap(),
                snapshot: record.snapshot_epoch,
                weight: close.prove_weight(record.snapshot_epoch, &member).unwrap(),
            })),
        )
    }

    /// Proof of a proposal's tally and decision.
    pub(crate) fn tally_bundle(&self, proposal: ProposalId) -> Bundle {
        let close = self.close(DECIDING);
        let record = &self.world.ledger.state().proposals()[&proposal];
        self.bundle(
            DECIDING,
            Statement::Tally(Box::new(TallyPart {
                entry: self.logged(record.position, close.header.log_size),
                tally: self.tallies(DECIDING, &proposal),
                decision: close.prove_decision(&proposal).unwrap(),
            })),
        )
    }

    /// The totals of a proposal, by its bodies where its rule has others than the members.
    pub(crate) fn tallies(&self, epoch: u32, proposal: &ProposalId) -> Tallies {
        let (close, state) = (self.close(epoch), self.world.ledger.state());
        let rule = state.rule_of(&state.proposals()[proposal]).unwrap();
        match rule.has_offices() {
            false => Tallies::Members(Box::new(close.prove_tally(proposal).unwrap())),
            true => Tallies::Bodies(close.prove_bodies(proposal, &rule.bodies).unwrap()),
        }
    }

    /// Successions behind the epochs up to `last`.
    fn successions(&self, last: u32) -> Vec<SuccessionPart> {
        let known = self.world.successions.iter();
        known.filter(|part| part.certificate.statement().last_link <= last).cloned().collect()
    }

    pub(crate) fn logged(&self, position: u64, size: u64) -> LoggedEntry {
        let path = self.world.ledger.state().tree().inclusion_proof(position, size).unwrap();
        LoggedEntry { position, bytes: self.world.log[position as usize].clone(), path }
    }

    pub(crate) fn bundle(&self, epoch: u32, statement: Statement) -> Bundle {
        let epochs = self.world.closes.iter().zip(&self.world.links).take(epoch as usize);
        Bundle {
            charter: self.world.params().charter.clone(),
            changes: Vec::new(),
            successions: self.successions(epoch),
            moves: Vec::new(),
            genesis: self.world.chain.evidence(self.world.params().first_seal.txid),
            epochs: epochs
                .map(|(close, link)| EpochPart { header: close.header, link: self.world.chain.evidence(*link) })
                .collect(),
            behind: Vec::new(),
            statement,
        }
    }
}
