//! Leaving alone, and the end of a channel. Clauses C-26 and C-34.

use bitcoin::{Transaction, Txid};

use super::state::SignedCommitment;
use super::{Channel, ChannelError, Effect, FundingSpend, Phase, Violation};
use crate::commitment::{CommitmentContext, CommitmentTx};
use crate::musig::PartialSignatureWithNonce;

impl Channel {
    /// Signs the own newest commitment over the confirmed funding, once, and asks for its broadcast; later calls give the same
    /// transaction again (C-26). Nothing else is signed afterwards, except over another funding that confirms in its place. Whether this state may be that of an
    /// old copy, which no state tells of itself, the shell finds out before (C-150, C-151).
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) before the peer's signature is here or after the channel has ended;
    /// [`Violation::Behind`] when the peer has proved that this state is old (C-132); [`Violation::Restored`] after a restore,
    /// until there is a newer commitment (C-92).
    pub fn force_close(&mut self) -> Result<Vec<Effect>, ChannelError> {
        let phase = self.state.phase;
        if !matches!(phase, Phase::AwaitConfirmation | Phase::Ready | Phase::Closing | Phase::ForceClosing) {
            return Err(self.wait("force closing"));
        }
        self.expect_current()?; // C-132
        let funding = self.own_commitment()?.0.funding;
        let known = self.state.signed_commitment.iter().chain(&self.state.signed_later);
        let over =
            |signed: &&SignedCommitment| signed.transaction.input.iter().any(|input| input.previous_output == funding);
        if let Some(signed) = known.clone().find(over) {
            return Ok(vec![Effect::BroadcastCommitment(signed.transaction.clone())]);
        }
        self.expect_made_here()?; // C-92
        let signed = self.sign_own_commitment()?;
        let transaction = signed.transaction.clone();
        match &mut self.state.signed_commitment {
            // C-145: a splice confirmed after the old funding's commitment was signed.
            Some(_) => self.state.signed_later.push(signed),
            first => *first = Some(signed),
        }
        self.state.phase = Phase::ForceClosing;
        (self.closing_nonce, self.proposal, self.answer, self.splicing) = (None, None, None, None);
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
        let (context, number, commitment, peer) = self.own_commitment()?;
        let sighash = commitment.sighash();
        let aggregate = context.aggregate();
        // The message and the peer's nonce are the stored ones, so signing again after a crash repeats the same session.
        let nonce = self.verification_nonce(&context, number);
        let public = nonce.public();
        let signature = aggregate.sign(&self.keys.funding_secret(), nonce, &peer.nonce, sighash);
        let own = PartialSignatureWithNonce { signature, nonce: public };
        let full = aggregate
            .aggregate(&own, &peer, sighash)
            .ok_or(Violation::PartialSignature { what: "the own commitment" })?;
        Ok(SignedCommitment { number, sighash, peer_nonce: peer.nonce, transaction: commitment.into_signed(&full) })
    }

    // C-114: the newest one that the peer has signed; every earlier one is revoked.
    fn own_commitment(
        &self,
    ) -> Result<(CommitmentContext, u64, CommitmentTx, PartialSignatureWithNonce), ChannelError> {
        let side = self.state.side;
        let Some(money) = &self.state.money else {
            let context = self.funded_context()?;
            let commitment = self.first_commitment(&context, side)?;
            let peer = self.state.peer_signature.ok_or_else(|| self.wait("signing the own commitment"))?;
            return Ok((context, 0, commitment, peer));
        };
        let (number, funding, peer) = money.own_signature();
        let (context, commitment) = self.commitment_in(money.ledger(), funding, side, number)?;
        Ok((context, number, commitment, peer))
    }

    fn classify(&self, txid: Txid) -> Result<FundingSpend, ChannelError> {
        let close = self.state.close_tx.as_ref().map(Transaction::compute_txid);
        let own = match self.own_commitment() {
            Ok((_, _, commitment, _)) => Some(commitment.txid()),
            // Before the peer has signed it, nobody can have broadcast it.
            Err(ChannelError::NotNow(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(if close == Some(txid) {
            FundingSpend::CooperativeClose
        } else if own == Some(txid) {
            FundingSpend::OwnCommitment
        } else if self.peer_commitments()?.contains(&txid) {
            FundingSpend::PeerCommitment
        } else {
            FundingSpend::Other
        })
    }

    // Those that the peer may broadcast and that are not revoked: up to two numbers over each funding.
    fn peer_commitments(&self) -> Result<Vec<Txid>, ChannelError> {
        let peer = self.state.side.other();
        let Some(money) = &self.state.money else {
            return Ok(vec![self.first_commitment(&self.funded_context()?, peer)?.txid()]);
        };
        let mut txids = Vec::new();
        let (oldest, newest) = self.peer_numbers();
        for number in oldest..=newest {
            for (ledger, funding) in money.standing(number) {
                txids.push(self.commitment_in(ledger, funding, peer, number)?.1.txid());
            }
        }
        Ok(txids)
    }
}
