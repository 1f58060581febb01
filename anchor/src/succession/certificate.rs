//! The statement with the members' signatures, and how much weight stands behind it.

use std::collections::BTreeMap;

use bitcoin::XOnlyPublicKey;
use bitcoin::secp256k1::schnorr;
use thiserror::Error;

use super::statement::{SuccessionStatement, key, tagged_hash};
use crate::codec::{DecodeError, Reader, Writer};
use crate::commitment::Commitment;

/// Most signatures in one certificate.
pub const MAX_SUCCESSION_SIGNERS: usize = 1 << 20;

/// Tag of the certificate's hash (E-12).
const TAG: &[u8] = b"althing/succession/v1";

/// A member's signature under the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionSignature {
    /// Who signs.
    pub member: XOnlyPublicKey,
    /// The signature.
    pub signature: schnorr::Signature,
}

/// A statement and signatures under it, ordered by key, each key once. Any member can collect them, without a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessionCertificate {
    statement: SuccessionStatement,
    signatures: Vec<SuccessionSignature>,
}

/// Why a certificate carries no succession.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A signature does not verify.
    #[error("A-102: the signature of member {member} does not verify")]
    BadSignature {
        /// The member.
        member: Box<XOnlyPublicKey>,
    },
    /// A signer who is not in the roll of the last header.
    #[error("A-103: {member} is not in the roll of the last header")]
    NotAMember {
        /// The key.
        member: Box<XOnlyPublicKey>,
    },
    /// The weight behind it is not more than half.
    #[error("A-103: weight {weight} of {total} stands behind it, which is not more than half")]
    Minority {
        /// Weight of the signers.
        weight: u128,
        /// Weight of the whole roll.
        total: u128,
    },
    /// The weights given are more than their total: the roll is not what it is said to be.
    #[error("A-103: the signers have more weight than the roll's total of {total}")]
    RollTooHeavy {
        /// Weight of the whole roll.
        total: u128,
    },
    /// More than [`MAX_SUCCESSION_SIGNERS`] signatures.
    #[error("A-102: more than {MAX_SUCCESSION_SIGNERS} signatures")]
    TooMany,
}

impl SuccessionCertificate {
    /// A certificate without signatures.
    pub fn new(statement: SuccessionStatement) -> Self {
        Self { statement, signatures: vec![] }
    }

    /// The statement.
    pub fn statement(&self) -> &SuccessionStatement {
        &self.statement
    }

    /// The signatures, ordered by key.
    pub fn signatures(&self) -> &[SuccessionSignature] {
        &self.signatures
    }

    /// Adds a signature; one of a member who has signed already changes nothing.
    ///
    /// # Errors
    /// [`CertificateError::BadSignature`], [`CertificateError::TooMany`]; the certificate stays as it was.
    pub fn add(&mut self, added: SuccessionSignature) -> Result<(), CertificateError> {
        self.check_signature(&added)?;
        let place = self.signatures.binary_search_by_key(&added.member.serialize(), |kept| kept.member.serialize());
        let Err(place) = place else { return Ok(()) };
        if self.signatures.len() >= MAX_SUCCESSION_SIGNERS {
            return Err(CertificateError::TooMany);
        }
        self.signatures.insert(place, added);
        Ok(())
    }

    /// Checks every signature, and that the signers have more than half of `total`, the weight of the roll of the last
    /// header accepted. `roll` holds the weight of at least every signer, proven elsewhere; gives the weight.
    ///
    /// # Errors
    /// [`CertificateError`] naming the first rule broken.
    pub fn weigh(&self, roll: &BTreeMap<XOnlyPublicKey, u128>, total: u128) -> Result<u128, CertificateError> {
        let mut weight = 0u128;
        for signature in &self.signatures {
            let not_a_member = CertificateError::NotAMember { member: Box::new(signature.member) };
            let added = roll.get(&signature.member).ok_or(not_a_member)?;
            self.check_signature(signature)?;
            let sum = weight.checked_add(*added).filter(|sum| *sum <= total);
            weight = sum.ok_or(CertificateError::RollTooHeavy { total })?;
        }
        // more than half, without doubling, which could overflow.
        if weight > total - weight { Ok(weight) } else { Err(CertificateError::Minority { weight, total }) }
    }

    /// What the succession link commits to: statement and signatures, so that what carried it is fixed on the chain
    /// and cannot be collected afterwards.
    pub fn commitment(&self) -> Commitment {
        Commitment::new(tagged_hash(TAG, &self.encode()))
    }

    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.statement.write(&mut writer);
        writer.count(self.signatures.len());
        for signature in &self.signatures {
            writer.array(&signature.member.serialize());
            writer.array(&signature.signature.serialize());
        }
        writer.finish()
    }

    /// Reads what [`SuccessionCertificate::encode`] wrote. The signatures are not verified yet.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not the canonical form; in particular when keys are not in strictly rising order.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let statement = SuccessionStatement::read(&mut reader)?;
        let count = reader.count("signatures", MAX_SUCCESSION_SIGNERS)?;
        let mut signatures: Vec<SuccessionSignature> = vec![];
        for index in 0..count {
            let member = key(&mut reader, "member")?;
            let signature: [u8; 64] = reader.array("signature")?;
            let signature = schnorr::Signature::from_slice(&signature).expect("any 64 bytes have a signature's form");
            //
            if signatures.last().is_some_and(|last| last.member.serialize() >= member.serialize()) {
                return Err(DecodeError::NotAllowed { field: "order of members", value: index as u64 });
            }
            signatures.push(SuccessionSignature { member, signature });
        }
        reader.finish()?;
        Ok(Self { statement, signatures })
    }

    fn check_signature(&self, signature: &SuccessionSignature) -> Result<(), CertificateError> {
        if self.statement.is_signed_by(&signature.member, &signature.signature) {
            Ok(())
        } else {
            Err(CertificateError::BadSignature { member: Box::new(signature.member) })
        }
    }
}
