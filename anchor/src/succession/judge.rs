//! Whether a spender of the spare seal continues the chain, and which links it makes void.

use std::collections::BTreeMap;

use bitcoin::{Amount, OutPoint, Script, ScriptBuf, TxOut, Txid, XOnlyPublicKey};
use thiserror::Error;

use super::certificate::{CertificateError, SuccessionCertificate};
use crate::chain::{ChainError, VerifiedLink, mined};
use crate::commitment::link_output_script;
use crate::evidence::LinkEvidence;
use crate::fee::MIN_SEAL;
use crate::headers::BlockHashes;
use crate::link::{LinkError, verify_link};

/// The DAO's constants about succession.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionRules {
    /// Depth at which a link is final (the charter's).
    pub final_depth: u32,
    /// Most blocks from the first link made void to the succession. It gives the members time to sign while a rogue
    /// hub goes on, and bounds how much history an old roll can take back.
    pub window_blocks: u32,
}

/// The primary chain as it is known, and what its headers say.
#[derive(Clone, Copy, Debug)]
pub struct Primary<'a> {
    /// Id of the DAO.
    pub dao: [u8; 32],
    /// Genesis transaction and every valid primary link, in order; the later ones may become void.
    pub links: &'a [VerifiedLink],
    /// The spare seal named by the header of the last link accepted; by the genesis transaction for link 0.
    pub spare_seal: OutPoint,
    /// Script of that spare seal.
    pub spare_script: &'a Script,
}

/// A mined spender of the spare seal and the certificate that should be behind it.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedSuccession<'a> {
    /// The members' certificate.
    pub certificate: &'a SuccessionCertificate,
    /// The spender and where it is.
    pub evidence: &'a LinkEvidence,
}

/// A valid succession. Only [`judge_succession`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    link: VerifiedLink,
    hub_key: XOnlyPublicKey,
    anchor_key: XOnlyPublicKey,
    spare_seal: OutPoint,
    weight: u128,
    voided: u32,
}

/// Why a spender of the spare seal continues nothing. The primary chain then stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The certificate is not good enough.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate is of another DAO.
    #[error("A-104: the statement is of another DAO")]
    OtherDao,
    /// The statement names another spare seal than the last header accepted.
    #[error("A-104: the statement spends {found}, the spare seal is {expected}")]
    OtherSpareSeal {
        /// Outpoint of the statement.
        found: OutPoint,
        /// The spare seal.
        expected: OutPoint,
    },
    /// The primary chain has no such link.
    #[error("A-104: the statement goes on from link {number}, transaction {txid}, which is not on the primary chain")]
    UnknownLink {
        /// Number of the link.
        number: u32,
        /// Its transaction, as the statement says.
        txid: Txid,
    },
    /// The spender is no link for this certificate: other inputs, other commitment, other key.
    #[error("A-105: {0}")]
    Link(LinkError),
    /// The spender does not make a new spare seal.
    #[error("A-105: output 1 is no spare seal: it must pay at least {MIN_SEAL} to the script of the old one")]
    NoSpareSeal,
    /// The spender is not in the chain of blocks.
    #[error(transparent)]
    NotMined(#[from] ChainError),
    /// The link to go on from was not final when the spender was mined.
    #[error("A-106: link {number} was {depth} deep when the spare seal was spent, it must be {final_depth} deep")]
    NotFinal {
        /// Number of the link.
        number: u32,
        /// Its depth in the block before the spender's.
        depth: u32,
        /// The depth it must have.
        final_depth: u32,
    },
    /// It would take back a link that is too old.
    #[error("A-106: link {number} is {age} blocks older than the succession, at most {window} may be taken back")]
    TooLate {
        /// Number of the first link that would become void.
        number: u32,
        /// Blocks from it to the spender.
        age: u32,
        /// Most blocks allowed.
        window: u32,
    },
}

impl Succession {
    /// The succession link; the chain goes on from its output 0, see [`crate::LinkChain::resume`].
    pub fn link(&self) -> VerifiedLink {
        self.link
    }

    /// Key of the new hub.
    pub fn hub_key(&self) -> XOnlyPublicKey {
        self.hub_key
    }

    /// Anchor key that signs the next link.
    pub fn anchor_key(&self) -> XOnlyPublicKey {
        self.anchor_key
    }

    /// The new spare seal.
    pub fn spare_seal(&self) -> OutPoint {
        self.spare_seal
    }

    /// Weight of the members behind it.
    pub fn weight(&self) -> u128 {
        self.weight
    }

    /// How many of the known primary links became void.
    pub fn voided(&self) -> u32 {
        self.voided
    }

    /// Whether a primary link still counts beside this succession.
    pub fn leaves(&self, primary: &VerifiedLink) -> bool {
        primary.number < self.link.number
    }
}

/// The outputs that a succession link begins with: the new seal, and a new spare seal under the old one's script.
///
/// The treasurers spend the spare seal at input 0 into these; a wallet's inputs and change may follow.
pub fn succession_outputs(
    certificate: &SuccessionCertificate,
    seal: Amount,
    spare_seal: Amount,
    spare_script: ScriptBuf,
) -> [TxOut; 2] {
    let script = link_output_script(certificate.statement().anchor_key, certificate.commitment());
    [TxOut { value: seal, script_pubkey: script }, TxOut { value: spare_seal, script_pubkey: spare_script }]
}

/// Judges a spender of the spare seal. `roll` and `total` are those of the header of the last link accepted.
///
/// # Errors
/// [`SuccessionError`] naming the first rule broken; then nothing is continued and nothing void.
pub fn judge_succession(
    claim: &ClaimedSuccession<'_>,
    primary: &Primary<'_>,
    roll: &BTreeMap<XOnlyPublicKey, u128>,
    total: u128,
    rules: SuccessionRules,
    blocks: &impl BlockHashes,
) -> Result<Succession, SuccessionError> {
    let statement = claim.certificate.statement();
    //
    if statement.dao != primary.dao {
        return Err(SuccessionError::OtherDao);
    }
    if statement.spare_seal != primary.spare_seal {
        return Err(SuccessionError::OtherSpareSeal { found: statement.spare_seal, expected: primary.spare_seal });
    }
    let named = |link: &&VerifiedLink| {
        (link.number, link.txid, link.commitment)
            == (statement.last_link, statement.last_txid, statement.last_commitment)
    };
    let unknown = SuccessionError::UnknownLink { number: statement.last_link, txid: statement.last_txid };
    let last = primary.links.iter().find(named).ok_or(unknown)?;
    //
    let weight = claim.certificate.weigh(roll, total)?;
    //
    let transaction = claim.evidence.transaction();
    let commitment = claim.certificate.commitment();
    verify_link(transaction, statement.spare_seal, statement.anchor_key, commitment).map_err(SuccessionError::Link)?;
    let spare = transaction.output.get(1);
    if !spare.is_some_and(|spare| spare.script_pubkey == *primary.spare_script && spare.value >= MIN_SEAL) {
        return Err(SuccessionError::NoSpareSeal);
    }
    let number = last.number.saturating_add(1);
    let link = mined(number, commitment, claim.evidence, blocks)?;
    //
    let depth = link.height.saturating_sub(last.height);
    if depth < rules.final_depth {
        return Err(SuccessionError::NotFinal { number: last.number, depth, final_depth: rules.final_depth });
    }
    let later: Vec<&VerifiedLink> = primary.links.iter().filter(|other| other.number > last.number).collect();
    let oldest = later.iter().map(|other| other.height).min().unwrap_or(link.height);
    let age = link.height.saturating_sub(oldest);
    if age > rules.window_blocks {
        return Err(SuccessionError::TooLate { number, age, window: rules.window_blocks });
    }
    Ok(Succession {
        link,
        hub_key: statement.hub_key,
        anchor_key: statement.anchor_key,
        spare_seal: OutPoint { txid: link.txid, vout: 1 },
        weight,
        voided: u32::try_from(later.len()).unwrap_or(u32::MAX),
    })
}

/// Of several valid successions of one DAO (over different spare seals, as one outpoint is spent once) the one mined
/// first counts; `None` of none.
pub fn first_succession(successions: &[Succession]) -> Option<&Succession> {
    successions.iter().min_by_key(|succession| (succession.link.height, succession.link.index))
}
