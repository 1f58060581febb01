//! What the members sign.

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::{Keypair, Message, PublicKey, schnorr};
use bitcoin::{OutPoint, Txid, XOnlyPublicKey};

use crate::codec::{DecodeError, Reader, Writer};
use crate::commitment::Commitment;
use crate::curve::secp;

/// Version of the encoding.
const VERSION: u8 = 1;

/// Tag of the members' signatures (E-13).
const SIGNATURE_TAG: &[u8] = b"althing/succession-signature/v1";

/// A change of the hub that the old hub takes no part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionStatement {
    /// Id of the DAO.
    pub dao: [u8; 32],
    /// Number of the last link that the members accept; 0 is the genesis transaction.
    pub last_link: u32,
    /// Transaction id of that link.
    pub last_txid: Txid,
    /// What that link commits to: the hash of the last header accepted.
    pub last_commitment: Commitment,
    /// The spare seal that is spent, as that header names it.
    pub spare_seal: OutPoint,
    /// Log key of the new hub.
    pub hub_key: XOnlyPublicKey,
    /// Node key of the new hub: who is met under whatever address it has.
    pub hub_node_key: PublicKey,
    /// Anchor key of the succession link's output 0.
    pub anchor_key: XOnlyPublicKey,
    /// Entries of the log that stay; the next one is the new hub's.
    pub log_size: u64,
    /// Root of the log over these entries.
    pub log_root: [u8; 32],
}

impl SuccessionStatement {
    /// Signs as a member. `aux_rand` is 32 bytes of fresh entropy (BIP340).
    pub fn sign(&self, member: &Keypair, aux_rand: &[u8; 32]) -> schnorr::Signature {
        secp().sign_schnorr_with_aux_rand(&self.message(), member, aux_rand)
    }

    /// Whether `signature` is the member's.
    pub fn is_signed_by(&self, member: &XOnlyPublicKey, signature: &schnorr::Signature) -> bool {
        secp().verify_schnorr(signature, &self.message(), member).is_ok()
    }

    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }

    /// Reads what [`SuccessionStatement::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let statement = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(statement)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u8(VERSION);
        writer.array(&self.dao);
        writer.u32(self.last_link);
        writer.array(self.last_txid.as_byte_array());
        writer.array(&self.last_commitment.to_bytes());
        writer.array(self.spare_seal.txid.as_byte_array());
        writer.u32(self.spare_seal.vout);
        writer.array(&self.hub_key.serialize());
        writer.array(&self.hub_node_key.serialize());
        writer.array(&self.anchor_key.serialize());
        writer.u64(self.log_size);
        writer.array(&self.log_root);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.version(VERSION)?;
        Ok(Self {
            dao: reader.array("dao")?,
            last_link: reader.u32("last link")?,
            last_txid: Txid::from_byte_array(reader.array("last transaction id")?),
            last_commitment: Commitment::new(reader.array("last commitment")?),
            spare_seal: OutPoint {
                txid: Txid::from_byte_array(reader.array("spare seal")?),
                vout: reader.u32("spare seal")?,
            },
            hub_key: key(reader, "hub key")?,
            hub_node_key: node_key(reader)?,
            anchor_key: key(reader, "anchor key")?,
            log_size: reader.u64("log size")?,
            log_root: reader.array("log root")?,
        })
    }

    /// E-13
    fn message(&self) -> Message {
        Message::from_digest(tagged_hash(SIGNATURE_TAG, &self.encode()))
    }
}

impl SuccessionStatement {
    /// Whether one who signs this and `other` says two things of one spare seal. Where only the log differs up to which the
    /// same hub goes on, both are true of whoever has the longer one.
    #[must_use]
    pub fn is_rival_of(&self, other: &Self) -> bool {
        let of_this_log = Self { log_size: self.log_size, log_root: self.log_root, ..*other };
        (self.dao, self.spare_seal) == (other.dao, other.spare_seal) && *self != of_this_log
    }
}

/// Whether `member` signed two rival statements: portable proof against the member, since at most one of them can be
/// carried out.
pub fn signs_rivals(
    member: &XOnlyPublicKey,
    one: (&SuccessionStatement, &schnorr::Signature),
    other: (&SuccessionStatement, &schnorr::Signature),
) -> bool {
    one.0.is_rival_of(other.0) && one.0.is_signed_by(member, one.1) && other.0.is_signed_by(member, other.1)
}

/// E-12
pub(super) fn tagged_hash(tag: &[u8], bytes: &[u8]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag).to_byte_array();
    let mut engine = sha256::Hash::engine();
    engine.input(&tag);
    engine.input(&tag);
    engine.input(bytes);
    sha256::Hash::from_engine(engine).to_byte_array()
}

pub(super) fn key(reader: &mut Reader<'_>, field: &'static str) -> Result<XOnlyPublicKey, DecodeError> {
    let bytes: [u8; 32] = reader.array(field)?;
    let not_a_key = DecodeError::NotAllowed { field, value: bytes[0].into() };
    XOnlyPublicKey::from_slice(&bytes).map_err(|_| not_a_key)
}

fn node_key(reader: &mut Reader<'_>) -> Result<PublicKey, DecodeError> {
    let bytes: [u8; 33] = reader.array("hub node key")?;
    let not_a_key = DecodeError::NotAllowed { field: "hub node key", value: bytes[0].into() };
    PublicKey::from_slice(&bytes).map_err(|_| not_a_key)
}
