//! What a checkpoint may change, and the promises that let one side debit the other. Clauses C-101 to C-106.

use bitcoin::OutPoint;
use bitcoin::secp256k1::{Keypair, Message, PublicKey, schnorr};
use lightning::{impl_writeable_tlv_based, impl_writeable_tlv_based_enum};

use crate::commitment::Side;
use crate::ids::{ChannelId, HoldId, tagged_hash};
use crate::secp::secp;

/// One change of the ledger, folded by a checkpoint. Clause C-101.
///
/// A change credits the side that did not propose the checkpoint, or debits it by something it signed before; so whether
/// it is valid follows from both sides' common state alone, and nobody can say no to it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "a checkpoint has few changes")]
pub enum Change {
    /// The member, who proposes, pays the hub.
    Dues {
        /// Satoshis, at least 1.
        amount_sat: u64,
    },
    /// The hub, which proposes, pays the member.
    Reward {
        /// Satoshis, at least 1.
        amount_sat: u64,
    },
    /// A part of the member's balance becomes unspendable; it remains the member's balance and weight.
    Hold(SignedHold),
    /// The hub, which proposes, gives a hold back.
    HoldRelease {
        /// The hold.
        id: HoldId,
    },
    /// Of a hold so much goes to the hub; the rest is free again.
    HoldForfeit {
        /// The hold.
        id: HoldId,
        /// Satoshis, at least 1 and at most what is held.
        amount_sat: u64,
    },
    /// Settles a side's vouchers up to the one given.
    Voucher(Voucher),
    /// The member, who proposes, brings a larger funding output into force. Clause C-140.
    Deposit {
        /// The new funding output, announced by `splice_init`.
        funding: OutPoint,
        /// What it holds more than the first funding in force, in satoshis.
        amount_sat: u64,
    },
    /// The member, who proposes, brings a smaller funding output into force, and is paid by its transaction. Clause C-140.
    PayOut {
        /// The new funding output, announced by `splice_init`.
        funding: OutPoint,
        /// What it holds less than the first funding in force, in satoshis.
        amount_sat: u64,
    },
    /// A new funding output is the only one from now on. Clause C-144.
    FundingLocked {
        /// One of those in force.
        funding: OutPoint,
    },
}

impl_writeable_tlv_based_enum!(Change,
    (0, Dues) => { (0, amount_sat, required) },
    (1, Reward) => { (0, amount_sat, required) },
    (3, HoldRelease) => { (0, id, required) },
    (4, HoldForfeit) => { (0, id, required), (2, amount_sat, required) },
    (7, Deposit) => { (0, funding, required), (2, amount_sat, required) },
    (8, PayOut) => { (0, funding, required), (2, amount_sat, required) },
    (9, FundingLocked) => { (0, funding, required) },
    {2, Hold} => (),
    {5, Voucher} => (),
);

/// The member's order to hold a part of their balance. Clause C-103.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHold {
    /// Above that of every hold folded before, so that an order is folded once.
    pub serial: u64,
    /// What the hold is for.
    pub id: HoldId,
    /// Satoshis, at least 1.
    pub amount_sat: u64,
    /// BIP340, by the member's funding key.
    pub signature: [u8; 64],
}

impl_writeable_tlv_based!(SignedHold, {
    (0, serial, required),
    (2, id, required),
    (4, amount_sat, required),
    (6, signature, required),
});

/// A promise to pay: everything a side has promised since the channel was opened. Clause C-104.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Who pays.
    pub from: Side,
    /// Sum of all promises so far, in satoshis; a later voucher includes the earlier ones.
    pub cumulative_sat: u64,
    /// BIP340, by the payer's funding key.
    pub signature: [u8; 64],
}

impl_writeable_tlv_based!(Voucher, {
    (0, from, required),
    (2, cumulative_sat, required),
    (4, signature, required),
});

impl SignedHold {
    /// Signs an order; `key` is the member's funding key, `aux_rand` is BIP340's.
    pub fn sign(
        channel: ChannelId,
        serial: u64,
        id: HoldId,
        amount_sat: u64,
        key: &Keypair,
        aux_rand: [u8; 32],
    ) -> Self {
        let mut order = Self { serial, id, amount_sat, signature: [0; 64] };
        order.signature = sign(order.digest(channel), key, aux_rand);
        order
    }

    /// Whether `member` signed it for this channel.
    pub fn verify(&self, channel: ChannelId, member: &PublicKey) -> bool {
        verify(self.digest(channel), member, &self.signature)
    }

    fn digest(&self, channel: ChannelId) -> [u8; 32] {
        let parts: [&[u8]; 4] = [&channel.0, &self.serial.to_be_bytes(), &self.id.0, &self.amount_sat.to_be_bytes()];
        tagged_hash("althing/hold/v1", &parts)
    }
}

impl Voucher {
    /// Signs a voucher; `key` is the payer's funding key, `aux_rand` is BIP340's.
    pub fn sign(channel: ChannelId, from: Side, cumulative_sat: u64, key: &Keypair, aux_rand: [u8; 32]) -> Self {
        let mut voucher = Self { from, cumulative_sat, signature: [0; 64] };
        voucher.signature = sign(voucher.digest(channel), key, aux_rand);
        voucher
    }

    /// Whether `payer` signed it for this channel.
    pub fn verify(&self, channel: ChannelId, payer: &PublicKey) -> bool {
        verify(self.digest(channel), payer, &self.signature)
    }

    fn digest(&self, channel: ChannelId) -> [u8; 32] {
        let from = match self.from {
            Side::Member => 0u8,
            Side::Hub => 1,
        };
        tagged_hash("althing/voucher/v1", &[&channel.0, &[from], &self.cumulative_sat.to_be_bytes()])
    }
}

fn sign(digest: [u8; 32], key: &Keypair, aux_rand: [u8; 32]) -> [u8; 64] {
    *secp().sign_schnorr_with_aux_rand(&Message::from_digest(digest), key, &aux_rand).as_ref()
}

fn verify(digest: [u8; 32], key: &PublicKey, signature: &[u8; 64]) -> bool {
    let Ok(signature) = schnorr::Signature::from_slice(signature) else { return false };
    secp().verify_schnorr(&signature, &Message::from_digest(digest), &key.x_only_public_key().0).is_ok()
}
