//! A member's lane: their entries, numbered and hash-chained, so that none can be dropped, replayed or reordered unseen.

use bitcoin::secp256k1::{Keypair, Secp256k1, Signing, schnorr};

use super::{EntryKind, entry_id};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::{TagPrefix, tag, tagged_hash};
use crate::id::{DaoId, EntryId, LaneHead, MemberId, NetworkId};
use crate::signing::{SignatureCheck, read_prefix, sign};

/// What a member may say in their lane.
pub trait LaneBody: Canonical {
    /// Kind byte of the entry.
    const KIND: EntryKind;
    /// Tag of the member's signature.
    const TAG: &'static str;
}

/// The place of an entry: which DAO, whose lane, and where in it (G-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneHeader {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The member, by vote key.
    pub member: MemberId,
    /// Counts restores and new devices; a greater one starts the lane afresh.
    pub incarnation: u32,
    /// 1 for the first entry of an incarnation, then one more each.
    pub sequence: u64,
    /// Head of the lane before this entry.
    pub prev_head: LaneHead,
}

/// An entry in a member's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEntry<B> {
    /// Where in the lane.
    pub lane: LaneHeader,
    /// What is said.
    pub body: B,
    /// Signature by the vote key over everything before it.
    pub signature: schnorr::Signature,
}

impl<B: LaneBody> LaneEntry<B> {
    /// Signs `body` at `lane` with the member's vote key. `aux_rand` is BIP340's auxiliary randomness.
    pub fn sign<C: Signing>(
        secp: &Secp256k1<C>,
        lane: LaneHeader,
        body: B,
        key: &Keypair,
        aux_rand: &[u8; 32],
    ) -> Self {
        let signature = sign(secp, B::TAG, &signed_bytes(&lane, &body), key, aux_rand);
        Self { lane, body, signature }
    }

    /// The check that the member signed this.
    #[must_use]
    pub fn signature_check(&self, what: &'static str) -> SignatureCheck {
        let message = const { TagPrefix::new(B::TAG) }.hash(&[&signed_bytes(&self.lane, &self.body)]);
        SignatureCheck { what, key: self.lane.member.0, message, signature: self.signature }
    }

    /// Hash that names this entry (G-20).
    #[must_use]
    pub fn id(&self) -> EntryId {
        entry_id(&self.to_bytes())
    }
}

impl LaneHeader {
    /// Head of the lane once the entry `id` at this place is in it (G-21).
    #[must_use]
    pub fn head_after(&self, id: EntryId) -> LaneHead {
        next_lane_head(self.prev_head, id)
    }
}

/// Head of an empty lane (G-21).
#[must_use]
pub fn lane_start(network: NetworkId, dao: DaoId, member: MemberId, incarnation: u32) -> LaneHead {
    LaneHead(tagged_hash(tag::LANE_START, &[&network.0, &dao.0, &member.0, &incarnation.to_be_bytes()]))
}

/// Head of a lane after one more entry (G-21).
#[must_use]
pub fn next_lane_head(head: LaneHead, entry: EntryId) -> LaneHead {
    const PREFIX: TagPrefix = TagPrefix::new(tag::LANE);
    LaneHead(PREFIX.hash(&[&head.0, &entry.0]))
}

impl Canonical for LaneHeader {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        self.member.encode(w);
        w.u32(self.incarnation);
        w.u64(self.sequence);
        self.prev_head.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            member: Canonical::decode(r)?,
            incarnation: r.u32()?,
            sequence: r.u64()?,
            prev_head: Canonical::decode(r)?,
        })
    }
}

impl<B: LaneBody> Canonical for LaneEntry<B> {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&signed_bytes(&self.lane, &self.body));
        w.signature(&self.signature);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, &[1, B::KIND as u8])?;
        Ok(Self { lane: Canonical::decode(r)?, body: B::decode(r)?, signature: r.signature()? })
    }
}

fn signed_bytes<B: LaneBody>(lane: &LaneHeader, body: &B) -> Vec<u8> {
    // Ballots fit without growing.
    let mut w = Writer::with_capacity(256);
    w.u8(1);
    w.u8(B::KIND as u8);
    lane.encode(&mut w);
    body.encode(&mut w);
    w.into_bytes()
}
