//! Bind: a stake channel belongs to a vote key.

use bitcoin::OutPoint;
use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1, Signing, schnorr};

use super::text::check_name;
use super::{EntryKind, LaneBody, LaneHeader};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::dao::channel_id;
use crate::hash::tag;
use crate::id::ChannelId;
use crate::signing::{SignatureCheck, sign};

/// Longest member name in bytes.
pub const MAX_MEMBER_NAME: usize = 32;

/// Whether a bind may carry this name (G-82).
///
/// # Errors
/// [`DecodeError`] naming the character, or the length.
pub fn check_member_name(name: &str) -> Result<(), DecodeError> {
    check_name("member name", name, 0, MAX_MEMBER_NAME)
}

/// Ties a stake channel to the vote key in whose lane it stands (G-22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// What the member is called, at most 32 bytes; may be empty. Not unique: the vote key is the identity.
    pub name: String,
    /// Must be the hash of DAO and funding outpoint.
    pub channel: ChannelId,
    /// The channel's funding output.
    pub funding: OutPoint,
    /// The member's key in the funding output.
    pub member_funding_key: PublicKey,
    /// The hub's key in the funding output.
    pub hub_funding_key: PublicKey,
    /// Value of the funding output in satoshis.
    pub value_sat: u64,
    /// By `member_funding_key` (x-only): this channel belongs to this vote key.
    pub funding_signature: schnorr::Signature,
}

/// What a member knows of a channel when binding it; the rest of a [`Bind`] follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindTerms {
    /// What the member is called, at most 32 bytes.
    pub name: String,
    /// The channel's funding output.
    pub funding: OutPoint,
    /// The hub's key in it.
    pub hub_funding_key: PublicKey,
    /// Its value in satoshis.
    pub value_sat: u64,
}

impl Bind {
    /// A bind for `lane`'s member with its cross-signature made by `funding_key`, the member's key in the funding output.
    /// `aux_rand` is BIP340's auxiliary randomness.
    pub fn sign_funding<C: Signing>(
        secp: &Secp256k1<C>,
        lane: &LaneHeader,
        terms: BindTerms,
        funding_key: &Keypair,
        aux_rand: &[u8; 32],
    ) -> Self {
        let BindTerms { name, funding, hub_funding_key, value_sat } = terms;
        let channel = channel_id(lane.dao, funding);
        let bytes = funding_bytes(lane, channel, funding);
        Self {
            name,
            channel,
            funding,
            member_funding_key: funding_key.public_key(),
            hub_funding_key,
            value_sat,
            funding_signature: sign(secp, tag::SIGN_BIND_FUNDING, &bytes, funding_key, aux_rand),
        }
    }

    /// The check that the funding key agreed to this vote key.
    #[must_use]
    pub fn funding_signature_check(&self, lane: &LaneHeader) -> SignatureCheck {
        let bytes = funding_bytes(lane, self.channel, self.funding);
        let key = self.member_funding_key.x_only_public_key().0.serialize();
        SignatureCheck::new("funding key of a bind", key, tag::SIGN_BIND_FUNDING, &bytes, self.funding_signature)
    }
}

impl LaneBody for Bind {
    const KIND: EntryKind = EntryKind::Bind;
    const TAG: &'static str = tag::SIGN_BIND;
}

impl Canonical for Bind {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.name);
        self.channel.encode(w);
        w.outpoint(&self.funding);
        w.public_key(&self.member_funding_key);
        w.public_key(&self.hub_funding_key);
        w.u64(self.value_sat);
        w.signature(&self.funding_signature);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = r.text("member name", MAX_MEMBER_NAME)?;
        check_member_name(&name)?;
        Ok(Self {
            name,
            channel: Canonical::decode(r)?,
            funding: r.outpoint()?,
            member_funding_key: r.public_key("member_funding_key")?,
            hub_funding_key: r.public_key("hub_funding_key")?,
            value_sat: r.u64()?,
            funding_signature: r.signature()?,
        })
    }
}

fn funding_bytes(lane: &LaneHeader, channel: ChannelId, funding: OutPoint) -> Vec<u8> {
    let mut w = Writer::new();
    lane.network.encode(&mut w);
    lane.dao.encode(&mut w);
    lane.member.encode(&mut w);
    channel.encode(&mut w);
    w.outpoint(&funding);
    w.into_bytes()
}
