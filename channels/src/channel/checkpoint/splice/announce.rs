//! The announcement of a splice transaction. Clause C-142.

use bitcoin::{OutPoint, Transaction, TxOut};

use super::Splice;
use crate::channel::{Channel, ChannelError, Effect, Phase, Violation, Wait};
use crate::commitment::{Side, funding_output};
use crate::musig::PublicNonce;
use crate::wire::{List, Msg, SpliceAck, SpliceInit};

/// What a member announces together: transactions that wait and what they spend, in bytes as stored. With more its channel would not
/// fit into a backup (C-91).
pub const MAX_WAITING_SPLICES_BYTES: usize = 20 * 1024;

/// Longest splice transaction in bytes, without witnesses. Clause C-142.
pub const MAX_SPLICE_BYTES: usize = 16 * 1024;

impl Channel {
    /// Member: announces a transaction that spends the funding into a larger or smaller one, at output `vout`.
    ///
    /// `transaction` has no witnesses; `prevouts` are the outputs it spends, in the order of its inputs. The turn must be
    /// this side's. When the hub agrees, [`Effect::SpliceAgreed`] brings the change to propose.
    ///
    /// # Errors
    /// [`Violation::Splice`] naming what is wrong with the transaction (C-142); [`Wait`] when it is not the time.
    pub fn announce_splice(
        &mut self,
        transaction: Transaction,
        prevouts: Vec<TxOut>,
        vout: u32,
    ) -> Result<Vec<Effect>, ChannelError> {
        if self.state.side != Side::Member || self.state.phase != Phase::Ready || !self.turn_is_own() {
            return Err(self.wait("announcing a splice"));
        }
        let money = self.money()?;
        if money.splices.iter().any(|splice| splice.signature.is_none() && money.is_in_force(splice.funding)) {
            return Err(Wait::SpliceNonce.into()); // C-143: one at a time is signed; C-306: what is signed can be replaced
        }
        let splice = self.check_splice(transaction, prevouts, vout, None)?;
        let waiting = money.splices.iter().filter(|known| money.is_in_force(known.funding)).chain([&splice]);
        let bytes = waiting.map(Splice::stored_bytes).sum();
        if bytes > MAX_WAITING_SPLICES_BYTES {
            return Err(Violation::WaitingSplices { bytes }.into());
        }
        self.keep_splice(splice)?;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.splice_init()?);
        Ok(effects)
    }

    pub(in crate::channel) fn on_splice_init(&mut self, msg: &SpliceInit) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase != Phase::Ready {
            return Err(self.wait("splice_init"));
        }
        let splice =
            self.check_splice(msg.transaction.clone(), msg.prevouts.items().to_vec(), msg.vout, Some(msg.nonce))?;
        let money = self.money()?;
        if money.round.is_some() || self.proposal.is_some() || msg.number != splice.number {
            return Err(Wait::Round { step: "splice_init", number: msg.number }.into());
        }
        let funding = splice.funding;
        self.keep_splice(splice)?;
        // C-61: both agree before the checkpoint; after a restart too.
        let ack = SpliceAck { channel: msg.channel, funding, nonce: self.first_nonce(funding, msg.number)? };
        Ok(vec![Effect::Persist, Effect::Send(Msg::SpliceAck(ack))])
    }

    pub(in crate::channel) fn on_splice_ack(&mut self, msg: &SpliceAck) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        let money = self.money_mut()?;
        let announced = money.announced().is_some_and(|splice| splice.funding == msg.funding);
        let idle = money.round.is_none();
        let Some(splice) = money.splice_mut(msg.funding).filter(|_| announced && idle) else {
            return Ok(Vec::new()); // the checkpoint is made already, or another one came first
        };
        if splice.peer_nonce.is_some_and(|known| known != msg.nonce) {
            return Err(Violation::Changed { what: "splice_ack" }.into()); // C-14
        }
        splice.peer_nonce = Some(msg.nonce);
        let change = splice.change();
        Ok(vec![Effect::Persist, Effect::SpliceAgreed { change }])
    }

    /// The announcement under way, as after a reconnect.
    pub(super) fn splice_init(&self) -> Result<Option<Effect>, ChannelError> {
        let money = self.money()?;
        match money.announced().filter(|_| money.round.is_none()) {
            Some(splice) => self.splice_init_of(splice),
            None => Ok(None),
        }
    }

    /// C-145: the announcement that the round under way folds, for a hub that has not taken that round: it may know another one as
    /// the newest, and would refuse this round for ever.
    pub(in crate::channel::checkpoint) fn splice_init_of_round(&self) -> Result<Option<Effect>, ChannelError> {
        let money = self.money()?;
        let folded = |splice: &Splice| {
            let changes = money.round.as_ref().map(|round| round.proposal.changes.items());
            changes.is_some_and(|changes| changes.contains(&splice.change()))
        };
        match money.announced().filter(|splice| folded(splice)) {
            Some(splice) => self.splice_init_of(splice),
            None => Ok(None),
        }
    }

    fn splice_init_of(&self, splice: &Splice) -> Result<Option<Effect>, ChannelError> {
        if self.state.side != Side::Member {
            return Ok(None);
        }
        let number = splice.number;
        let prevouts = List::new(splice.prevouts.clone()).ok_or(Violation::Splice { what: "too many inputs" })?;
        Ok(Some(Effect::Send(Msg::SpliceInit(SpliceInit {
            channel: self.channel_id()?,
            number,
            transaction: splice.transaction.clone(),
            prevouts,
            vout: splice.funding.vout,
            nonce: self.first_nonce(splice.funding, number)?,
        }))))
    }

    // One announcement at a time, and what is agreed is not changed for the same transaction.
    fn keep_splice(&mut self, splice: Splice) -> Result<(), ChannelError> {
        let money = self.money_mut()?;
        if money.is_in_force(splice.funding) {
            return Err(Violation::Splice { what: "its output is in force already" }.into());
        }
        let in_force: Vec<OutPoint> = money.ledger.fundings().iter().map(|funding| funding.outpoint).collect();
        money.splices.retain(|known| in_force.contains(&known.funding));
        money.splices.push(splice);
        Ok(())
    }

    // C-142
    fn check_splice(
        &self,
        transaction: Transaction,
        prevouts: Vec<TxOut>,
        vout: u32,
        peer_nonce: Option<PublicNonce>,
    ) -> Result<Splice, ChannelError> {
        let wrong = |what| Violation::Splice { what };
        let money = self.money()?;
        let old = money.ledger.fundings()[0].outpoint;
        let context = self.context().ok_or_else(|| self.wait("checking a splice"))?;
        let (from, number) = (funding_output(&context), money.number.saturating_add(1));
        let spends = transaction.input.iter().zip(&prevouts).filter(|(input, _)| input.previous_output == old);
        let bare = transaction.input.iter().all(|input| input.witness.is_empty() && input.script_sig.is_empty());
        if !bare || transaction.total_size() > MAX_SPLICE_BYTES {
            return Err(wrong("it is signed or too long").into());
        }
        if prevouts.len() != transaction.input.len() || prevouts.len() > crate::wire::MAX_SPLICE_INPUTS {
            return Err(wrong("its inputs and what they spend differ in number").into());
        }
        if spends.map(|(_, prevout)| prevout).ne([&from]) {
            return Err(wrong("it does not spend the funding once").into());
        }
        let to = transaction.output.get(vout as usize).ok_or(wrong("it has no such output"))?;
        if to.script_pubkey != from.script_pubkey {
            return Err(wrong("its output is not to both funding keys").into());
        }
        let (old_sat, new_sat) = (from.value.to_sat(), to.value.to_sat());
        if old_sat == new_sat {
            return Err(wrong("it changes nothing").into());
        }
        Ok(Splice {
            funding: OutPoint { txid: transaction.compute_txid(), vout },
            added_sat: new_sat.saturating_sub(old_sat),
            removed_sat: old_sat.saturating_sub(new_sat),
            number,
            transaction,
            prevouts,
            peer_nonce,
            signature: None,
            own_locked: false,
            peer_locked: false,
        })
    }

    fn first_nonce(&self, funding: OutPoint, number: u64) -> Result<PublicNonce, ChannelError> {
        let context = self.context_over(funding)?;
        Ok(self.verification_nonce(&context, number).public())
    }
}
