//! What a channel in use stores about its money. Clause C-61.

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;
use lightning::impl_writeable_tlv_based;

use super::change::Voucher;
use super::ledger::{Ledger, PerSide};
use super::secrets::PeerSecrets;
use super::splice::Splice;
use crate::commitment::Side;
use crate::musig::{PartialSignatureWithNonce, PublicNonce};
use crate::wire::{CheckpointProposal, FundingSignature, NextNonces};

/// The money of a channel in use.
///
/// `number` counts this side's commitments, `secrets.count()` the peer's: equal between rounds, at most one apart in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::channel) struct Money {
    /// Own newest commitment that the peer has signed; all before are revoked.
    pub(super) number: u64,
    /// Ledger of that number.
    pub(super) ledger: Ledger,
    /// The peer's signatures on it, one for each funding in force.
    pub(super) signatures: Vec<FundingSignature>,
    /// Counts rounds and yields; the member's while even (C-113).
    pub(super) turn: u64,
    /// The peer's revealed secrets.
    pub(super) secrets: PeerSecrets,
    /// Point of the peer's commitment `secrets.count()`, the oldest that is not revoked.
    pub(super) peer_point: PublicKey,
    /// Point and nonces of the peer's commitment after that.
    pub(super) peer_next: NextNonces,
    /// The checkpoint under way.
    pub(super) round: Option<Round>,
    /// The newest checkpoint with both signatures, after checkpoint 0.
    pub(super) signed: Option<SignedCheckpoint>,
    /// Each side's newest voucher.
    pub(super) vouchers: Vouchers,
    /// New fundings, announced or in force beside the first.
    pub(super) splices: Vec<Splice>,
    /// The peer has proved that this state is old: it is never broadcast (C-132).
    pub(in crate::channel) behind: bool,
}

impl_writeable_tlv_based!(Money, {
    (0, number, required),
    (2, ledger, required),
    (4, signatures, required_vec),
    (6, turn, required),
    (8, secrets, required),
    (10, peer_point, required),
    (12, peer_next, required),
    (13, round, option),
    (15, signed, option),
    (16, vouchers, required),
    (18, splices, required_vec),
    (20, behind, required),
});

/// Each side's newest voucher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::channel) struct Vouchers {
    member: Option<Voucher>,
    hub: Option<Voucher>,
}

impl_writeable_tlv_based!(Vouchers, {
    (1, member, option),
    (3, hub, option),
});

/// A checkpoint under way, stored before anything of it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::channel) struct Round {
    pub(super) proposer: Side,
    /// Number of the new commitments.
    pub(super) number: u64,
    pub(super) proposal: CheckpointProposal,
    /// Own signature on the checkpoint.
    pub(super) own_signature: [u8; 64],
    /// The peer's, once it is known.
    pub(super) peer_signature: Option<[u8; 64]>,
    /// Ledger of the number that this side does not hold: the new one for the proposer, the one before for the other.
    pub(super) other_ledger: Ledger,
}

impl_writeable_tlv_based!(Round, {
    (0, proposer, required),
    (2, number, required),
    (4, proposal, required),
    (6, own_signature, required),
    (7, peer_signature, option),
    (8, other_ledger, required),
});

/// A checkpoint with both sides' signatures; its contents are opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Its number.
    pub number: u64,
    /// Canonical bytes.
    pub bytes: Vec<u8>,
    /// The member's signature.
    pub member_signature: [u8; 64],
    /// The hub's signature.
    pub hub_signature: [u8; 64],
}

impl_writeable_tlv_based!(SignedCheckpoint, {
    (0, number, required),
    (2, bytes, required),
    (4, member_signature, required),
    (6, hub_signature, required),
});

/// By its number: nobody reads the rest in a log.
impl core::fmt::Debug for SignedCheckpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SignedCheckpoint").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Money {
    /// Satoshis held, in the ledger in force or the one of the round under way, whichever is more.
    pub(in crate::channel) fn held_sat(&self) -> u64 {
        let under_way = self.round.as_ref().map_or(0, |round| round.other_ledger.held_sat());
        self.ledger.held_sat().max(under_way)
    }

    /// The money of a channel that comes into use: number 0 on both sides, the member's turn.
    pub(in crate::channel) fn opening(
        ledger: Ledger,
        signature: PartialSignatureWithNonce,
        peer_point: PublicKey,
        peer_next: NextNonces,
    ) -> Self {
        let funding = ledger.fundings()[0].outpoint;
        Self {
            number: 0,
            ledger,
            signatures: vec![FundingSignature { funding, signature }],
            turn: 0,
            secrets: PeerSecrets::new(),
            peer_point,
            peer_next,
            round: None,
            signed: None,
            vouchers: Vouchers::default(),
            splices: Vec::new(),
            behind: false,
        }
    }

    /// Who may propose the next checkpoint. C-113.
    pub(super) fn holder(&self) -> Side {
        if self.turn.is_multiple_of(2) { Side::Member } else { Side::Hub }
    }

    /// The own newest commitment over the funding that this side sees confirmed: number, funding and peer's signature.
    pub(in crate::channel) fn own_signature(&self) -> (u64, OutPoint, PartialSignatureWithNonce) {
        let confirmed = |known: &&FundingSignature| self.splice(known.funding).is_some_and(Splice::is_confirmed);
        // A round stores one signature for each funding, and there is always a funding (`is_sound`).
        let FundingSignature { funding, signature } =
            *self.signatures.iter().find(confirmed).unwrap_or(&self.signatures[0]);
        (self.number, funding, signature)
    }

    /// Puts `blank` in the place of every signature of the peer on the own newest commitment.
    pub(in crate::channel) fn replace_signatures(&mut self, blank: PartialSignatureWithNonce) {
        for known in &mut self.signatures {
            known.signature = blank;
        }
    }

    /// Ledger of the own newest commitment.
    pub(in crate::channel) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every funding on which the peer's commitment `number` stands, with its ledger.
    pub(in crate::channel) fn standing(&self, number: u64) -> impl Iterator<Item = (&Ledger, OutPoint)> {
        let ledger = self.ledger_of(number).into_iter();
        ledger.flat_map(|ledger| ledger.fundings().iter().map(move |funding| (ledger, funding.outpoint)))
    }

    /// The peer's nonce for its commitment after the oldest one that is not revoked.
    pub(super) fn peer_nonce(&self, funding: OutPoint) -> Option<PublicNonce> {
        let next = self.peer_next.nonces.items().iter().find(|known| known.funding == funding);
        // The first nonce for a new funding came with its announcement (C-142).
        next.map(|known| known.nonce).or_else(|| self.splice(funding)?.peer_nonce)
    }

    /// The highest number of the peer's commitments that this side has signed.
    pub(in crate::channel) fn signed_number(&self) -> u64 {
        self.round.as_ref().map_or(self.number, |round| round.number)
    }

    /// Ledger of a commitment that the peer may still broadcast unpunished.
    pub(super) fn ledger_of(&self, number: u64) -> Option<&Ledger> {
        if number == self.number {
            return Some(&self.ledger);
        }
        let round = self.round.as_ref()?;
        let other = if self.number == round.number { round.number.checked_sub(1)? } else { round.number };
        (number == other).then_some(&round.other_ledger)
    }

    /// The checkpoints that both sides signed: of the round under way, and the newest before it.
    pub(in crate::channel) fn both_signed(&self, own: Side) -> (Option<SignedCheckpoint>, Option<&SignedCheckpoint>) {
        (self.round.as_ref().and_then(|round| round.signed(own)), self.signed.as_ref())
    }

    /// Whether the parts fit together; for what was read from a disk.
    pub(in crate::channel) fn is_sound(&self, own: Side) -> bool {
        let complete = |ledger: &Ledger, signatures: &[FundingSignature]| {
            ledger.is_sound()
                && ledger.fundings().iter().map(|funding| funding.outpoint).eq(signatures.iter().map(|s| s.funding))
        };
        let (number, revoked) = (self.number, self.secrets.count());
        let in_step = match &self.round {
            None => number == revoked,
            Some(round) => {
                round.other_ledger.is_sound()
                    && if round.proposer == own {
                        Some(round.number) == number.checked_add(1) && (revoked == number || revoked == round.number)
                    } else {
                        round.number == number && Some(revoked) == number.checked_sub(1)
                    }
            }
        };
        in_step
            && self.secrets.is_sound()
            && self.splices.iter().all(Splice::is_sound)
            && complete(&self.ledger, &self.signatures)
    }
}

impl Vouchers {
    pub(super) fn of(&self, side: Side) -> Option<Voucher> {
        match side {
            Side::Member => self.member,
            Side::Hub => self.hub,
        }
    }

    pub(super) fn replace(&mut self, voucher: Voucher) {
        match voucher.from {
            Side::Member => self.member = Some(voucher),
            Side::Hub => self.hub = Some(voucher),
        }
    }

    /// Sum of a side's vouchers in satoshis, settled or not.
    pub(super) fn issued_sat(&self, side: Side) -> u64 {
        self.of(side).map_or(0, |voucher| voucher.cumulative_sat)
    }
}

impl Round {
    pub(super) fn signed(&self, own: Side) -> Option<SignedCheckpoint> {
        let pair = PerSide { member: self.own_signature, hub: self.peer_signature? };
        let (member_signature, hub_signature) = match own {
            Side::Member => (pair.member, pair.hub),
            Side::Hub => (pair.hub, pair.member),
        };
        Some(SignedCheckpoint {
            number: self.number,
            bytes: self.proposal.checkpoint.clone(),
            member_signature,
            hub_signature,
        })
    }
}
