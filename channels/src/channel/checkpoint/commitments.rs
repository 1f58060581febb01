//! Both sides' commitments of a number over every funding in force: built, signed and verified. Clauses C-110 and C-141.

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;

use super::ledger::Ledger;
use super::money::Money;
use crate::channel::{Channel, ChannelError, CommitmentTxids, Violation};
use crate::commitment::{CommitmentContext, CommitmentTx, Side};
use crate::keys::ChannelKeys;
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

/// Both sides' commitments of a number over one funding. Each costs half a dozen multiplications on the curve, so a round builds them
/// once.
pub(in crate::channel) struct Commitments {
    context: CommitmentContext,
    member: CommitmentTx,
    hub: CommitmentTx,
}

impl Commitments {
    fn of(&self, side: Side) -> &CommitmentTx {
        match side {
            Side::Member => &self.member,
            Side::Hub => &self.hub,
        }
    }
}

/// The facts of a number with this ledger, whose commitments are `built`.
pub(super) fn facts(number: u64, ledger: &Ledger, built: &[Commitments]) -> CheckpointFacts {
    let of = |built: &Commitments| {
        let txids = CommitmentTxids { member: built.member.txid(), hub: built.hub.txid() };
        (built.context.funding, txids)
    };
    CheckpointFacts { number, fundings: built.iter().map(of).collect(), ledger: ledger.clone() }
}

impl Channel {
    /// Both sides' commitments of a number over every funding in force, in their order.
    pub(super) fn commitments(&self, number: u64, ledger: &Ledger) -> Result<Vec<Commitments>, ChannelError> {
        let over = |funding: OutPoint| {
            let (context, member) = self.commitment_in(ledger, funding, Side::Member, number)?;
            let (_, hub) = self.commitment_in(ledger, funding, Side::Hub, number)?;
            Ok(Commitments { context, member, hub })
        };
        ledger.fundings().iter().map(|funding| over(funding.outpoint)).collect()
    }

    /// Signs the peer's commitments; each signature has a nonce of its own.
    pub(super) fn sign_peer(
        &self,
        built: &[Commitments],
        session: SessionSecret,
    ) -> Result<Vec<FundingSignature>, ChannelError> {
        let money = self.money()?;
        let peer = self.state.side.other();
        let secret = self.keys.funding_secret();
        let sign = |(built, session): (&Commitments, SessionSecret)| {
            let funding = built.context.funding;
            let nonce = money.peer_nonce(funding).ok_or(Violation::NonceOf { funding })?;
            let signature = built.context.aggregate().sign_fresh(&secret, session, &nonce, built.of(peer).sighash());
            Ok(FundingSignature { funding, signature })
        };
        built.iter().zip(session.split(built.len())).map(sign).collect()
    }

    /// Verifies the peer's signatures on the own commitments of `number`, one for each funding in force and in their order.
    pub(super) fn verify_own(
        &self,
        number: u64,
        built: &[Commitments],
        signatures: &[FundingSignature],
    ) -> Result<(), ChannelError> {
        let side = self.state.side;
        if !built.iter().map(|built| built.context.funding).eq(signatures.iter().map(|signature| signature.funding)) {
            return Err(Violation::FundingSet { number }.into()); // C-141
        }
        for (built, FundingSignature { signature, .. }) in built.iter().zip(signatures) {
            let context = &built.context;
            let own_nonce = self.verification_nonce(context, number).public();
            let signer = match side {
                Side::Member => &context.hub.funding,
                Side::Hub => &context.member.funding,
            };
            if !context.aggregate().verify_partial(signer, signature, &own_nonce, built.of(side).sighash()) {
                return Err(Violation::PartialSignature { what: "the own commitment" }.into()); // C-17
            }
        }
        Ok(())
    }

    /// What the peer needs to sign own commitment `number`.
    pub(super) fn next_nonces(&self, number: u64, ledger: &Ledger) -> Result<NextNonces, ChannelError> {
        self.next_nonces_of(&self.keys, number, ledger)
    }

    /// The same with keys of other lives.
    pub(super) fn next_nonces_of(
        &self,
        keys: &ChannelKeys,
        number: u64,
        ledger: &Ledger,
    ) -> Result<NextNonces, ChannelError> {
        let (secret, life) = (keys.funding_secret(), keys.life_of(number));
        let nonces = ledger
            .fundings()
            .iter()
            .map(|funding| {
                let context = self.context_in(ledger, funding.outpoint)?;
                let txid = funding.outpoint.txid;
                let nonce = context.aggregate().verification_nonce(&secret, txid, number, life).public();
                Ok(FundingNonce { funding: funding.outpoint, nonce })
            })
            .collect::<Result<Vec<_>, ChannelError>>()?;
        let nonces = List::new(nonces).ok_or(Violation::FundingSet { number })?;
        Ok(NextNonces { point: keys.per_commitment_point(number), nonces })
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
