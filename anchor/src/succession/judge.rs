//! Whether a spender of the spare seal continues the chain, and which links it makes void.

use std::collections::BTreeMap;

use bitcoin::taproot::TapNodeHash;
use bitcoin::{Amount, OutPoint, ScriptBuf, TxOut, Txid, XOnlyPublicKey};
use thiserror::Error;

use super::certificate::{CertificateError, SuccessionCertificate};
use super::spare::SpareSeal;
use crate::chain::{ChainError, VerifiedLink, mined};
use crate::commitment::{Commitment, link_output_script};
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
    pub spare_seal: &'a SpareSeal,
    /// Scripts at index 0 of the treasuries that there were by that header, the oldest first: where the spare seal may have moved.
    pub treasuries: &'a [ScriptBuf],
}

/// A mined spender of the spare seal and the certificate that should be behind it.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedSuccession<'a> {
    /// The members' certificate.
    pub certificate: &'a SuccessionCertificate,
    /// What moved the spare seal from where the header names it to where the spender took it, in order.
    pub moves: &'a [LinkEvidence],
    /// The spender and where it is.
    pub evidence: &'a LinkEvidence,
}

/// A valid succession. Only [`judge_succession`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    link: VerifiedLink,
    hub_key: XOnlyPublicKey,
    anchor_key: XOnlyPublicKey,
    spare_seal: SpareSeal,
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
    /// What is said to have moved the spare seal did not.
    #[error(
        "A-121: transaction {txid} does not move the spare seal {spare_seal} to a newer treasury that a header up to link {last} put in force"
    )]
    NoMove {
        /// The transaction.
        txid: Txid,
        /// The spare seal before it.
        spare_seal: OutPoint,
        /// Number of the last link accepted.
        last: u32,
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
    pub fn spare_seal(&self) -> &SpareSeal {
        &self.spare_seal
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
    let named_seal = primary.spare_seal.outpoint;
    if statement.spare_seal != named_seal {
        return Err(SuccessionError::OtherSpareSeal { found: statement.spare_seal, expected: named_seal });
    }
    let named = |link: &&VerifiedLink| {
        (link.number, link.txid, link.commitment)
            == (statement.last_link, statement.last_txid, statement.last_commitment)
    };
    let unknown = SuccessionError::UnknownLink { number: statement.last_link, txid: statement.last_txid };
    let last = primary.links.iter().find(named).ok_or(unknown)?;
    //
    let weight = claim.certificate.weigh(roll, total)?;
    let number = last.number.saturating_add(1);
    let commitment = claim.certificate.commitment();
    //
    let mut spare_seal = primary.spare_seal.clone();
    for evidence in claim.moves {
        mined(number, commitment, evidence, blocks)?;
        spare_seal =
            spare_seal.moved_by(evidence.transaction(), primary.treasuries).ok_or(SuccessionError::NoMove {
                txid: evidence.txid(),
                spare_seal: spare_seal.outpoint,
                last: last.number,
            })?;
    }
    //
    let transaction = claim.evidence.transaction();
    verify_link(transaction, spare_seal.outpoint, statement.anchor_key, commitment).map_err(SuccessionError::Link)?;
    let kept = transaction.output.get(1);
    if !spare_seal.is_kept_by(transaction) || kept.is_none_or(|kept| kept.value < MIN_SEAL) {
        return Err(SuccessionError::NoSpareSeal);
    }
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
        spare_seal: SpareSeal { outpoint: OutPoint { txid: link.txid, vout: 1 }, script: spare_seal.script },
        weight,
        voided: u32::try_from(later.len()).unwrap_or(u32::MAX),
    })
}

/// Where mined transactions took a spare seal that were no successions, for who does not know the treasuries (P-166): each with the root
/// of the script tree that it took it to, if that is P2TR. `last` is the number of the last link accepted.
///
/// # Errors
/// [`SuccessionError`] of the first that is not mined, or took it nowhere.
pub fn spare_seal_after<'a>(
    spare_seal: SpareSeal,
    moves: impl IntoIterator<Item = (&'a LinkEvidence, Option<TapNodeHash>)>,
    last: u32,
    blocks: &impl BlockHashes,
) -> Result<SpareSeal, SuccessionError> {
    moves.into_iter().try_fold(spare_seal, |spare_seal, (evidence, root)| {
        mined(last.saturating_add(1), Commitment::new([0; 32]), evidence, blocks)?;
        let (txid, outpoint) = (evidence.txid(), spare_seal.outpoint);
        spare_seal.taken_by(evidence.transaction(), root).ok_or(SuccessionError::NoMove {
            txid,
            spare_seal: outpoint,
            last,
        })
    })
}

/// Of several valid successions of one DAO (over different spare seals, as one outpoint is spent once) the one mined
/// first counts; `None` of none.
pub fn first_succession(successions: &[Succession]) -> Option<&Succession> {
    successions.iter().min_by_key(|succession| (succession.link.height, succession.link.index))
}
