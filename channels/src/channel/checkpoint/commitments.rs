//! Both sides' commitments of a number over every funding in force: built, signed and verified. Clauses C-110 and C-141.

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;

use super::ledger::Ledger;
use super::money::Money;
use crate::channel::{Channel, ChannelError, CommitmentTxids, Violation};
use crate::commitment::{CommitmentContext, CommitmentTx, Side};
use crate::musig::SessionSecret;
use crate::wire::{FundingNonce, FundingSignature, List, NextNonces};

/// A commitment number's facts, which its checkpoint states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFacts {
    /// The number.
    pub number: u64,
    /// Both sides' commitments over every funding in force, the confirmed one first.
    pub fundings: Vec<(OutPoint, CommitmentTxids)>,
    /// Balances, holds and lane position.
    pub ledger: Ledger,
}

impl Channel {
    pub(super) fn facts(&self, number: u64, ledger: &Ledger) -> Result<CheckpointFacts, ChannelError> {
        let fundings = ledger
            .fundings()
            .iter()
            .map(|funding| {
                let (_, member) = self.commitment_in(ledger, funding.outpoint, Side::Member, number)?;
                let (_, hub) = self.commitment_in(ledger, funding.outpoint, Side::Hub, number)?;
                Ok((funding.outpoint, CommitmentTxids { member: member.txid(), hub: hub.txid() }))
            })
            .collect::<Result<_, ChannelError>>()?;
        Ok(CheckpointFacts { number, fundings, ledger: ledger.clone() })
    }

    /// Signs the peer's commitment `number` over every funding; each signature has a nonce of its own.
    pub(super) fn sign_peer(
        &self,
        number: u64,
        ledger: &Ledger,
        session: SessionSecret,
    ) -> Result<Vec<FundingSignature>, ChannelError> {
        let money = self.money()?;
        let sessions = session.split(ledger.fundings().len());
        ledger
            .fundings()
            .iter()
            .zip(sessions)
            .map(|(funding, session)| {
                let funding = funding.outpoint;
                let (context, commitment) = self.commitment_in(ledger, funding, self.state.side.other(), number)?;
                let nonce = money.peer_nonce(funding).ok_or(Violation::NonceOf { funding })?;
                let secret = self.keys.funding_secret();
                let signature = context.aggregate().sign_fresh(&secret, session, &nonce, commitment.sighash());
                Ok(FundingSignature { funding, signature })
            })
            .collect()
    }

    /// Verifies the peer's signatures on own commitment `number`, one for each funding in force and in their order.
    pub(super) fn verify_own(
        &self,
        number: u64,
        ledger: &Ledger,
        signatures: &[FundingSignature],
    ) -> Result<(), ChannelError> {
        let named = signatures.iter().map(|signature| signature.funding);
        if !ledger.fundings().iter().map(|funding| funding.outpoint).eq(named) {
            return Err(Violation::FundingSet { number }.into()); // C-141
        }
        for FundingSignature { funding, signature } in signatures {
            let (context, commitment) = self.commitment_in(ledger, *funding, self.state.side, number)?;
            let own_nonce = self.verification_nonce(&context, number).public();
            let signer = match self.state.side {
                Side::Member => &context.hub.funding,
                Side::Hub => &context.member.funding,
            };
            if !context.aggregate().verify_partial(signer, signature, &own_nonce, commitment.sighash()) {
                return Err(Violation::PartialSignature { what: "the own commitment" }.into()); // C-17
            }
        }
        Ok(())
    }

    /// What the peer needs to sign own commitment `number`.
    pub(super) fn next_nonces(&self, number: u64, ledger: &Ledger) -> Result<NextNonces, ChannelError> {
        let nonces = ledger
            .fundings()
            .iter()
            .map(|funding| {
                let context = self.context_in(ledger, funding.outpoint)?;
                let nonce = self.verification_nonce(&context, number).public();
                Ok(FundingNonce { funding: funding.outpoint, nonce })
            })
            .collect::<Result<Vec<_>, ChannelError>>()?;
        let nonces = List::new(nonces).ok_or(Violation::FundingSet { number })?;
        Ok(NextNonces { point: self.keys.per_commitment_point(number), nonces })
    }

    /// Commitment `number` of a side; the peer's only while it is not revoked.
    pub(in crate::channel) fn commitment_in(
        &self,
        ledger: &Ledger,
        funding: OutPoint,
        broadcaster: Side,
        number: u64,
    ) -> Result<(CommitmentContext, CommitmentTx), ChannelError> {
        let context = self.context_in(ledger, funding)?;
        let point = self.point_of(broadcaster, number)?;
        let balances = ledger.balances_over(funding).ok_or(Violation::FundingSet { number })?;
        let commitment =
            CommitmentTx::build(&context, broadcaster, number, &point, balances).map_err(Violation::Amount)?;
        Ok((context, commitment))
    }

    pub(in crate::channel) fn money(&self) -> Result<&Money, ChannelError> {
        self.state.money.as_ref().ok_or_else(|| self.wait("the money lane"))
    }

    pub(super) fn money_mut(&mut self) -> Result<&mut Money, ChannelError> {
        let wait = self.wait("the money lane");
        self.state.money.as_mut().ok_or(wait)
    }

    // The amounts of the terms are those over this funding: only their sum, the value spent, plays a part.
    pub(super) fn context_in(&self, ledger: &Ledger, funding: OutPoint) -> Result<CommitmentContext, ChannelError> {
        let mut context = self.context_over(funding)?;
        let balances = ledger.balances_over(funding).ok_or(Violation::FundingUnknown { funding })?;
        (context.params.member_sat, context.params.hub_sat) = (balances.member_sat, balances.hub_sat);
        Ok(context)
    }

    fn point_of(&self, side: Side, number: u64) -> Result<PublicKey, ChannelError> {
        if side == self.state.side {
            return Ok(self.keys.per_commitment_point(number));
        }
        let money = self.money()?;
        let oldest = money.secrets.count();
        if number == oldest {
            Ok(money.peer_point)
        } else if Some(number) == oldest.checked_add(1) {
            Ok(money.peer_next.point)
        } else {
            Err(Violation::Number { number, expected: oldest }.into())
        }
    }
}
