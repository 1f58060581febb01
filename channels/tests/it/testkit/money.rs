//! The shells' part of the money lane, and what an observer of both sides checks all the time.

use std::collections::BTreeMap;

use althing_channels::wire::{CheckpointProposal, CheckpointShown};
use althing_channels::{
    AppPosition, Change, ChannelError, CheckpointFacts, CheckpointReview, Division, Effect, Msg, PerSide, Side,
    SignedCheckpoint, tagged_hash,
};
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Transaction, TxOut, Txid};

use super::model::Model;
use super::pair::{Pair, STAKE_SAT, checkpoint_signature, funding_outpoint};

/// What the observer of a pair has seen.
#[derive(Default)]
pub(crate) struct Observed {
    /// The content proposed for each number; there is never another.
    pub(crate) proposals: BTreeMap<u64, (Side, CheckpointProposal)>,
    /// The model after each number, as far as it was asked for.
    pub(crate) models: Vec<Model>,
    /// Checkpoints that a side reported as signed by both.
    pub(crate) signed: BTreeMap<u64, SignedCheckpoint>,
    /// The highest number whose secret a side has ever given away, plus one.
    pub(crate) revealed: PerSide<u64>,
    /// The highest number for which a side has ever signed the peer's commitment.
    pub(crate) given: PerSide<u64>,
    /// Acknowledged entries of the member's lane.
    pub(crate) lane: u64,
    /// Whether states may be rolled back in this run.
    pub(crate) rollbacks: bool,
    pub(crate) behind: Vec<(Side, Effect)>,
    /// Whether the hub's disk was put back: it has forgotten what it gave away.
    pub(crate) put_back: bool,
    /// The newest checkpoint in the log, which the hub's shell compares.
    pub(crate) logged: u64,
    /// What announced splices spend, by their id.
    pub(crate) prevouts: Vec<(Txid, Vec<TxOut>)>,
    /// Splice transactions with the old funding's signature.
    pub(crate) spliced: Vec<Transaction>,
    /// What the chain took of all that spends a funding, and which funding it has left.
    pub(crate) spent: BTreeMap<OutPoint, Txid>,
    pub(crate) left: Option<OutPoint>,
    /// How many splices there were.
    pub(crate) splices: u64,
}

/// Any hash that follows from the number of entries.
pub(crate) fn lane_position(sequence: u64) -> AppPosition {
    AppPosition { incarnation: 1, sequence, head: tagged_hash("test/lane", &[&sequence.to_be_bytes()]) }
}

/// Stand-in for the governance core's checkpoint: any bytes that state the facts.
pub(crate) fn checkpoint_of(facts: &CheckpointFacts) -> Vec<u8> {
    let balances = facts.ledger.balances();
    let mut bytes = facts.number.to_be_bytes().to_vec();
    for (outpoint, commitments) in &facts.fundings {
        bytes.extend(outpoint.txid.to_byte_array());
        bytes.extend(commitments.member.to_byte_array());
        bytes.extend(commitments.hub.to_byte_array());
    }
    bytes.extend(balances.member_sat.to_be_bytes());
    bytes.extend(balances.hub_sat.to_be_bytes());
    bytes.extend(facts.ledger.app().sequence.to_be_bytes());
    bytes.extend(facts.ledger.app().head);
    bytes
}

impl Pair {
    /// A side proposes; the refusal, if it is refused.
    pub(crate) fn propose(&mut self, side: Side, changes: Vec<Change>, app: AppPosition) -> Result<(), ChannelError> {
        let facts = self.channel(side).next_checkpoint(&changes, app)?;
        self.propose_facts(side, changes, app, &facts)
    }

    /// Proposes what `next_checkpoint` judged.
    pub(crate) fn propose_facts(
        &mut self,
        side: Side,
        changes: Vec<Change>,
        app: AppPosition,
        facts: &CheckpointFacts,
    ) -> Result<(), ChannelError> {
        let session = self.entropy.next();
        let bytes = checkpoint_of(facts);
        let signature = checkpoint_signature(side, &bytes);
        let effects = self.channel(side).propose_checkpoint(changes, app, bytes, signature, session)?;
        self.carry_out(side, effects);
        Ok(())
    }

    /// Proposes with the lane as far as it is acknowledged.
    pub(crate) fn pay(&mut self, side: Side, change: Change) -> Result<(), ChannelError> {
        let app = lane_position(self.observed.lane);
        self.propose(side, vec![change], app)
    }

    /// Gets the turn for a side, delivering what that takes.
    pub(crate) fn take_turn(&mut self, side: Side) {
        let effects = self.channel(side).ask_turn().unwrap();
        self.carry_out(side, effects);
        self.settle();
        assert!(self.channel(side).turn_is_own());
    }

    pub(crate) fn review(&mut self, side: Side, review: &CheckpointReview) {
        assert_eq!(review.checkpoint, checkpoint_of(&review.facts));
        assert_eq!(review.peer_signature, checkpoint_signature(side.other(), &review.checkpoint));
        let app = review.facts.ledger.app();
        assert!(app.sequence <= self.observed.lane && app == lane_position(app.sequence));
        if self.application_away == Some(side) {
            let effects = self.channel(side).refuse_checkpoint("the application does not answer").unwrap();
            return self.carry_out(side, effects);
        }
        let effects = match review.own_signature {
            Some(own) => {
                assert_eq!(own, checkpoint_signature(side, &review.checkpoint));
                self.channel(side).finish_checkpoint().unwrap()
            }
            None => {
                let session = self.entropy.next();
                let signature = checkpoint_signature(side, &review.checkpoint);
                self.channel(side).answer_checkpoint(signature, session).unwrap()
            }
        };
        self.carry_out(side, effects);
    }

    /// The hub's shell looks at what the member shows: both signatures, and that the log has nothing newer.
    pub(crate) fn judge_shown(&mut self, side: Side, shown: &CheckpointShown) {
        assert_eq!(side, Side::Hub);
        assert!(self.channel(side).is_behind());
        assert_eq!(shown.member_signature, checkpoint_signature(Side::Member, &shown.checkpoint));
        assert_eq!(shown.hub_signature, checkpoint_signature(Side::Hub, &shown.checkpoint));
        let division = self.division_of(shown);
        if self.application_away == Some(side) || shown.number < self.observed.logged {
            let effects = self.channel(side).refuse_shown("the log has a newer one");
            return self.carry_out(side, effects);
        }
        let on_chain = self.spliced_output(division.funding).filter(|_| self.observed.left == Some(division.funding));
        let on_chain_sat = on_chain.map(|output| output.value.to_sat());
        let session = self.entropy.next();
        let effects = self.channel(side).take_division(division, on_chain_sat, session).unwrap();
        self.carry_out(side, effects);
    }

    /// What a checkpoint as `checkpoint_of` makes it divides.
    pub(crate) fn division_of(&mut self, shown: &CheckpointShown) -> Division {
        let (number, bytes) = (shown.number, &shown.checkpoint);
        if number == 0 {
            return Division { number, funding: funding_outpoint(), member_sat: STAKE_SAT, hub_sat: 0 };
        }
        assert_eq!(bytes[..8], number.to_be_bytes());
        let mut fundings = self.channel(Side::Hub).fundings();
        fundings.extend(self.observed.left);
        let named = |funding: &&OutPoint| funding.txid.to_byte_array() == bytes[8..40];
        let funding = *fundings.iter().find(named).expect("a funding that the hub knows, or the chain has");
        let (_, rest) = bytes.split_at(bytes.len() - 56);
        let sat = |at: usize| u64::from_be_bytes(rest[at..at + 8].try_into().unwrap());
        Division { number, funding, member_sat: sat(0), hub_sat: sat(8) }
    }

    pub(crate) fn note_signed(&mut self, checkpoint: SignedCheckpoint) {
        let known = self.observed.signed.entry(checkpoint.number).or_insert_with(|| checkpoint.clone());
        assert_eq!(*known, checkpoint, "two checkpoints of one number");
    }

    /// Looks at a money-lane message on its way out.
    pub(crate) fn watch_money(&mut self, side: Side, msg: &Msg) {
        match msg {
            Msg::CheckpointSign(msg) => {
                if let Some(proposal) = &msg.proposal {
                    let entry = (side, proposal.clone());
                    let known = self.observed.proposals.entry(msg.number).or_insert_with(|| entry.clone());
                    assert_eq!(*known, entry, "two candidates for one number");
                }
                raise(&mut self.observed.given, side, msg.number);
                for signature in msg.signatures.items() {
                    self.note_nonce(signature.signature.nonce.to_bytes(), signature.signature.signature.to_bytes());
                }
            }
            Msg::CheckpointRevoke(msg) => {
                raise(&mut self.observed.revealed, side, msg.number + 1);
                self.check_stored(side);
            }
            _ => {}
        }
    }

    /// What a side would have after a crash now is never behind what it has given away.
    pub(crate) fn check_stored(&mut self, side: Side) {
        if self.observed.rollbacks || (self.observed.put_back && side == Side::Hub) {
            return;
        }
        let (revealed, given) = (*self.observed.revealed.of(side), *self.observed.given.of(side));
        let Some(stored) = self.restored(side) else { return };
        assert!(stored.number() >= revealed, "a revoked commitment could be broadcast");
        assert!(stored.peer_numbers().1 >= given, "a signature was forgotten");
    }

    /// The reference model after the checkpoints up to `number`.
    pub(crate) fn model(&mut self, number: u64) -> Model {
        let Observed { models, proposals, .. } = &mut self.observed;
        if models.is_empty() {
            models.push(Model::new(STAKE_SAT, 0));
        }
        for next in models.len() as u64..=number {
            let (proposer, proposal) = &proposals[&next];
            let after = models[next as usize - 1].after(*proposer, proposal.changes.items(), proposal.app);
            models.push(after.expect("only valid ones are sent"));
        }
        models[number as usize].clone()
    }

    /// Both sides are at one number, with the model's balances, holds and head.
    pub(crate) fn check_against_model(&mut self) {
        let number = self.channel(Side::Member).number();
        assert_eq!(self.channel(Side::Hub).number(), number);
        let model = self.model(number);
        let refused = self.refusals.last().cloned();
        for side in [Side::Member, Side::Hub] {
            let channel = self.channel(side);
            assert!(channel.peer_numbers() == (number, number), "{side:?} is in a round, last refused: {refused:?}");
            let ledger = channel.ledger().unwrap();
            let balances = ledger.balances();
            assert_eq!(i128::from(balances.member_sat), model.member_sat);
            assert_eq!(i128::from(balances.hub_sat), model.hub_sat);
            assert_eq!(i128::from(ledger.held_sat()), model.held_sat());
            assert_eq!(i128::from(ledger.forfeited_sat()), model.forfeited_sat);
            assert!(model.app.is_none_or(|app| app == ledger.app()));
            for (at, payer) in [Side::Member, Side::Hub].into_iter().enumerate() {
                assert_eq!(i128::from(ledger.settled_sat(payer)), model.settled_sat[at]);
            }
        }
        let member = self.channel(Side::Member).ledger().unwrap().clone();
        assert_eq!(&member, self.channel(Side::Hub).ledger().unwrap());
    }
}

fn raise(value: &mut PerSide<u64>, side: Side, to: u64) {
    let slot = match side {
        Side::Member => &mut value.member,
        Side::Hub => &mut value.hub,
    };
    *slot = (*slot).max(to);
}
