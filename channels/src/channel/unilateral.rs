//! Leaving alone, and the end of a channel. Clauses C-26 and C-34.

use bitcoin::Txid;

use super::state::SignedCommitment;
use super::{Channel, ChannelError, Effect, FundingSpend, Phase, Violation};
use crate::commitment::Side;
use crate::musig::PartialSignatureWithNonce;

impl Channel {
    /// Signs own commitment 0, once in the life of the channel, and asks for its broadcast; later calls give the same
    /// transaction again (C-26). Nothing else is signed afterwards.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) before the peer's signature is here or after the channel has ended.
    pub fn force_close(&mut self) -> Result<Vec<Effect>, ChannelError> {
        let phase = self.state.phase;
        if let (Phase::ForceClosing, Some(signed)) = (phase, &self.state.signed_commitment) {
            return Ok(vec![Effect::BroadcastCommitment(signed.transaction.clone())]);
        }
        if !matches!(phase, Phase::AwaitConfirmation | Phase::Ready | Phase::Closing) {
            return Err(self.wait("force closing"));
        }
        let signed = self.sign_own_commitment()?;
        let transaction = signed.transaction.clone();
        self.state.signed_commitment = Some(signed);
        self.state.phase = Phase::ForceClosing;
        self.closing_nonce = None;
        Ok(vec![Effect::Persist, Effect::BroadcastCommitment(transaction)])
    }

    /// `txid` spends the funding output and is buried deep enough for the shell to forget the channel.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) before there is a funding output.
    pub fn funding_spent(&mut self, txid: Txid) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase < Phase::AwaitCommitmentSigned || self.state.phase == Phase::Failed {
            return Err(self.wait("closing for good"));
        }
        let spend = self.classify(txid)?;
        self.state.phase = Phase::Closed;
        self.closing_nonce = None;
        Ok(vec![Effect::Persist, Effect::Closed { txid, spend }])
    }

    fn sign_own_commitment(&self) -> Result<SignedCommitment, ChannelError> {
        let context = self.funded_context()?;
        let peer = self.state.peer_signature.ok_or_else(|| self.wait("signing the own commitment"))?;
        let commitment = self.first_commitment(&context, self.state.side)?;
        let sighash = commitment.sighash();
        let aggregate = self.aggregate(&context);
        // The message and the peer's nonce are the stored ones, so signing again after a crash repeats the same session.
        let nonce = self.verification_nonce(&context, 0);
        let public = nonce.public();
        let signature = aggregate.sign(&self.keys.funding_secret(), nonce, &peer.nonce, sighash);
        let own = PartialSignatureWithNonce { signature, nonce: public };
        let full = aggregate
            .aggregate(&own, &peer, sighash)
            .ok_or(Violation::PartialSignature { what: "the own commitment 0" })?;
        Ok(SignedCommitment { number: 0, sighash, peer_nonce: peer.nonce, transaction: commitment.into_signed(&full) })
    }

    fn classify(&self, txid: Txid) -> Result<FundingSpend, ChannelError> {
        let context = self.funded_context()?;
        let (own, peer) = (self.state.side, self.state.side.other());
        let close = self.state.close_tx.as_ref().map(|transaction| transaction.compute_txid());
        let is = |side: Side| Ok::<_, ChannelError>(self.first_commitment(&context, side)?.txid() == txid);
        Ok(if close == Some(txid) {
            FundingSpend::CooperativeClose
        } else if is(own)? {
            FundingSpend::OwnCommitment
        } else if is(peer)? {
            FundingSpend::PeerCommitment
        } else {
            FundingSpend::Other
        })
    }
}
