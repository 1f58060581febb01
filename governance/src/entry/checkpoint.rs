//! Checkpoint: member and hub state together what is whose in a channel.

use bitcoin::secp256k1::{Keypair, Secp256k1, Signing, XOnlyPublicKey, schnorr};
use bitcoin::{BlockHash, OutPoint, Txid};

use super::EntryKind;
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_length};
use crate::hash::tag;
use crate::id::{ChannelId, DaoId, LaneHead, MemberId, NetworkId};
use crate::signing::{SignatureCheck, read_prefix, sign};

/// Most fundings a checkpoint names (more than one only during a splice).
pub const MAX_FUNDINGS: usize = 8;

/// A mutually signed statement of a channel's balances (G-23). The newest in the log decides the member's stake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Network of the DAO.
    pub network: NetworkId,
    /// The DAO.
    pub dao: DaoId,
    /// The channel.
    pub channel: ChannelId,
    /// Its member.
    pub member: MemberId,
    /// Counts the channel's checkpoints upward; gaps are allowed.
    pub number: u64,
    /// Funding outputs the channel may stand on, 1 to 8, the bound one first.
    pub fundings: Vec<CheckpointFunding>,
    /// Height of the chain tip both saw.
    pub tip_height: u32,
    /// Its hash.
    pub tip_hash: BlockHash,
    /// The member's balance in satoshis: their stake.
    pub member_sat: u64,
    /// The hub's balance in satoshis.
    pub hub_sat: u64,
    /// What deposits forfeited and the hub has in this channel by now, in satoshis, however it spent it (G-110).
    pub forfeited_sat: u64,
    /// The member's incarnation.
    pub incarnation: u32,
    /// Entries in the member's lane so far.
    pub sequence: u64,
    /// Head of the member's lane.
    pub head: LaneHead,
}

/// One funding output a channel stands on, with both sides' commitment transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointFunding {
    /// The funding output.
    pub outpoint: OutPoint,
    /// The commitment transaction that the member can publish.
    pub member_commitment: Txid,
    /// The commitment transaction that the hub can publish.
    pub hub_commitment: Txid,
}

/// A checkpoint with both signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What both signed.
    pub checkpoint: Checkpoint,
    /// By the vote key.
    pub member_signature: schnorr::Signature,
    /// By the hub's log key.
    pub hub_signature: schnorr::Signature,
}

impl Checkpoint {
    /// One side's signature; both sides sign the same bytes.
    pub fn sign<C: Signing>(&self, secp: &Secp256k1<C>, key: &Keypair, aux_rand: &[u8; 32]) -> schnorr::Signature {
        sign(secp, tag::SIGN_CHECKPOINT, &self.signed_bytes(), key, aux_rand)
    }

    /// Exactly the bytes that are signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u8(1);
        w.u8(EntryKind::Checkpoint as u8);
        self.encode(&mut w);
        w.into_bytes()
    }

    /// The check of one side's signature, before the other has signed.
    #[must_use]
    pub fn signature_check(&self, what: &'static str, key: [u8; 32], signature: schnorr::Signature) -> SignatureCheck {
        SignatureCheck::new(what, key, tag::SIGN_CHECKPOINT, &self.signed_bytes(), signature)
    }
}

impl SignedCheckpoint {
    /// The member's and the hub's signature.
    #[must_use]
    pub fn signature_checks(&self, hub_log_key: &XOnlyPublicKey) -> [SignatureCheck; 2] {
        let c = &self.checkpoint;
        [
            c.signature_check("checkpoint, member", c.member.0, self.member_signature),
            c.signature_check("checkpoint, hub", hub_log_key.serialize(), self.hub_signature),
        ]
    }
}

impl Canonical for SignedCheckpoint {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&self.checkpoint.signed_bytes());
        w.signature(&self.member_signature);
        w.signature(&self.hub_signature);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        read_prefix(r, &[1, EntryKind::Checkpoint as u8])?;
        Ok(Self { checkpoint: Canonical::decode(r)?, member_signature: r.signature()?, hub_signature: r.signature()? })
    }
}

impl Canonical for Checkpoint {
    fn encode(&self, w: &mut Writer) {
        self.network.encode(w);
        self.dao.encode(w);
        self.channel.encode(w);
        self.member.encode(w);
        w.u64(self.number);
        w.list(&self.fundings);
        w.u32(self.tip_height);
        w.block_hash(&self.tip_hash);
        w.u64(self.member_sat);
        w.u64(self.hub_sat);
        w.u64(self.forfeited_sat);
        w.u32(self.incarnation);
        w.u64(self.sequence);
        self.head.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Canonical::decode(r)?,
            dao: Canonical::decode(r)?,
            channel: Canonical::decode(r)?,
            member: Canonical::decode(r)?,
            number: r.u64()?,
            fundings: {
                let fundings: Vec<CheckpointFunding> = r.list("checkpoint fundings", MAX_FUNDINGS)?;
                check_length("checkpoint fundings", fundings.len(), 1, MAX_FUNDINGS)?;
                fundings
            },
            tip_height: r.u32()?,
            tip_hash: r.block_hash()?,
            member_sat: r.u64()?,
            hub_sat: r.u64()?,
            forfeited_sat: r.u64()?,
            incarnation: r.u32()?,
            sequence: r.u64()?,
            head: Canonical::decode(r)?,
        })
    }
}

impl Canonical for CheckpointFunding {
    fn encode(&self, w: &mut Writer) {
        w.outpoint(&self.outpoint);
        w.txid(&self.member_commitment);
        w.txid(&self.hub_commitment);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { outpoint: r.outpoint()?, member_commitment: r.txid()?, hub_commitment: r.txid()? })
    }
}
