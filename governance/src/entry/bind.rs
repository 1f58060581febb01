//! Bind: a stake channel belongs to a vote key.

use bitcoin::OutPoint;
use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1, Signing, schnorr};

use super::{EntryKind, LaneBody, LaneHeader};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::dao::channel_id;
use crate::hash::tag;
use crate::id::{ChannelId, DaoId, MemberId, NetworkId};
use crate::signing::{SignatureCheck, sign};

/// Longest member name in bytes.
pub const MAX_MEMBER_NAME: usize = 32;

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

impl Bind {
    /// A bind with its cross-signature made by the funding key.
    #[expect(clippy::too_many_arguments, reason = "every one is a field of the entry or needed to sign it")]
    pub fn sign_funding<C: Signing>(
        secp: &Secp256k1<C>,
        network: NetworkId,
        dao: DaoId,
        member: MemberId,
        name: String,
        funding: OutPoint,
        funding_key: &Keypair,
        hub_funding_key: PublicKey,
        value_sat: u64,
        aux_rand: &[u8; 32],
    ) -> Self {
        let channel = channel_id(dao, funding);
        let bytes = funding_bytes(network, dao, member, channel, funding);
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
        let bytes = funding_bytes(lane.network, lane.dao, lane.member, self.channel, self.funding);
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
        Ok(Self {
            name: r.text("member name", MAX_MEMBER_NAME)?,
            channel: Canonical::decode(r)?,
            funding: r.outpoint()?,
            member_funding_key: r.public_key("member_funding_key")?,
            hub_funding_key: r.public_key("hub_funding_key")?,
            value_sat: r.u64()?,
            funding_signature: r.signature()?,
        })
    }
}

fn funding_bytes(network: NetworkId, dao: DaoId, member: MemberId, channel: ChannelId, funding: OutPoint) -> Vec<u8> {
    let mut w = Writer::new();
    network.encode(&mut w);
    dao.encode(&mut w);
    member.encode(&mut w);
    channel.encode(&mut w);
    w.outpoint(&funding);
    w.into_bytes()
}
