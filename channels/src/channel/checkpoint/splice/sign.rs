//! The signature of the old funding on the splice transaction, once commitments over the new one exist. Clause C-143.

use bitcoin::secp256k1::schnorr;
use bitcoin::{OutPoint, Transaction};

use super::Splice;
use crate::channel::{Channel, ChannelError, Effect, Violation, Wait};
use crate::commitment::{CommitmentContext, Side, key_spend_witness};
use crate::musig::{PartialSignatureWithNonce, PublicNonce, SecretNonce, SessionSecret};
use crate::wire::{Msg, SpliceNonce, SpliceSign};

/// What a side has in memory for the one signature under way; lost with a restart, after which the hub begins again.
pub(in crate::channel) enum SpliceSession {
    /// Hub: the nonce announced for a new funding.
    Announced(OutPoint, SecretNonce),
    /// Member: its signature, and the hub's nonce.
    Signed(OutPoint, PartialSignatureWithNonce, PublicNonce),
}

impl Channel {
    /// Hub: the nonce for the newest splice in force. Only the member knows whether it has the signature already.
    pub(in crate::channel) fn splice_nonce(&mut self, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        let money = self.money()?;
        let waits = |splice: &&Splice| !splice.own_locked && money.is_in_force(splice.funding);
        let next = money.splices.iter().rfind(waits).filter(|_| money.round.is_none());
        let (Some(splice), Side::Hub) = (next, self.state.side) else {
            return Ok(Vec::new());
        };
        let funding = splice.funding;
        let context = self.old_context()?;
        let nonce = context.aggregate().fresh_nonce(&self.keys.funding_secret(), session);
        let public = nonce.public();
        self.splicing = Some(SpliceSession::Announced(funding, nonce));
        let msg = SpliceNonce { channel: self.channel_id()?, funding, nonce: public };
        Ok(vec![Effect::Send(Msg::SpliceNonce(msg))])
    }

    pub(in crate::channel) fn on_splice_nonce(
        &mut self,
        msg: &SpliceNonce,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("splice_nonce")?;
        let (context, sighash) = self.splice_session(msg.funding, "splice_nonce")?;
        if self.money()?.splice(msg.funding).is_some_and(|splice| splice.signature.is_some()) {
            return Ok(Vec::new());
        }
        let own = match &self.splicing {
            // C-14: the hub's answer fits one signature of this side; a repeated nonce is answered with the same.
            Some(SpliceSession::Signed(funding, own, nonce)) if (*funding, *nonce) == (msg.funding, msg.nonce) => *own,
            _ => context.aggregate().sign_fresh(&self.keys.funding_secret(), session, &msg.nonce, sighash),
        };
        self.splicing = Some(SpliceSession::Signed(msg.funding, own, msg.nonce));
        let (signature, nonce) = (own.signature, Some(own.nonce));
        let answer = SpliceSign { channel: msg.channel, funding: msg.funding, signature, nonce };
        Ok(vec![Effect::Send(Msg::SpliceSign(answer))])
    }

    pub(in crate::channel) fn on_splice_sign(&mut self, msg: &SpliceSign) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        self.expect_in_use("splice_sign")?;
        let (context, sighash) = self.splice_session(msg.funding, "splice_sign")?;
        let aggregate = context.aggregate();
        let wrong = Violation::PartialSignature { what: "the splice" };
        let known = self.money()?.splice(msg.funding).is_some_and(|splice| splice.signature.is_some());
        if known && msg.nonce.is_none() {
            return Ok(Vec::new()); // C-14: the answer again
        }
        // Checked before anything is taken: an answer to another nonce leaves the session for the right one (C-17, C-33).
        let (signer, peer, public) = match (&self.splicing, msg.nonce) {
            (Some(SpliceSession::Announced(funding, nonce)), Some(peer_nonce)) if *funding == msg.funding => {
                let peer = PartialSignatureWithNonce { signature: msg.signature, nonce: peer_nonce };
                (context.member.funding, peer, nonce.public())
            }
            (Some(SpliceSession::Signed(funding, own, nonce)), None) if *funding == msg.funding => {
                (context.hub.funding, PartialSignatureWithNonce { signature: msg.signature, nonce: *nonce }, own.nonce)
            }
            _ => return Err(Wait::SpliceNonce.into()),
        };
        if !aggregate.verify_partial(&signer, &peer, &public, sighash) {
            return Err(wrong.into());
        }
        let (own, answer) = match self.splicing.take() {
            // C-15: taken, so that the nonce does not enter a second signature.
            Some(SpliceSession::Announced(_, nonce)) => {
                let signature = aggregate.sign(&self.keys.funding_secret(), nonce, &peer.nonce, sighash);
                let own = PartialSignatureWithNonce { signature, nonce: public };
                (own, Some(SpliceSign { signature, nonce: None, ..*msg }))
            }
            Some(SpliceSession::Signed(_, own, _)) => (own, None),
            None => return Err(Wait::SpliceNonce.into()),
        };
        let full = aggregate.aggregate(&own, &peer, sighash).ok_or(wrong)?;
        let money = self.money_mut()?;
        let old = money.ledger.fundings()[0].outpoint;
        let splice = money.splice_mut(msg.funding).ok_or(Wait::SpliceNonce)?;
        splice.signature = Some(full.serialize());
        let signed = splice.signed(old);
        let mut effects = vec![Effect::Persist];
        effects.extend(answer.map(|answer| Effect::Send(Msg::SpliceSign(answer))));
        effects.extend(signed.map(Effect::SpliceSigned));
        Ok(effects)
    }

    // C-143: nothing of it is signed before the own commitment over the new funding is stored.
    fn splice_session(
        &self,
        funding: OutPoint,
        step: &'static str,
    ) -> Result<(CommitmentContext, [u8; 32]), ChannelError> {
        let money = self.money()?;
        let old = money.ledger.fundings()[0].outpoint;
        let in_force = money.is_in_force(funding) && funding != old;
        let sighash = money.splice(funding).filter(|_| in_force).and_then(|splice| splice.sighash(old));
        Ok((self.old_context()?, sighash.ok_or_else(|| self.wait(step))?))
    }

    fn old_context(&self) -> Result<CommitmentContext, ChannelError> {
        self.context().ok_or_else(|| self.wait("signing a splice"))
    }
}

impl Splice {
    /// The transaction with the old funding's witness; the wallet adds those of the other inputs.
    pub(super) fn signed(&self, old: OutPoint) -> Option<Transaction> {
        let signature = schnorr::Signature::from_slice(&self.signature?).ok()?;
        let mut transaction = self.transaction.clone();
        let input = transaction.input.iter_mut().find(|input| input.previous_output == old)?;
        input.witness = key_spend_witness(&signature);
        Some(transaction)
    }
}
