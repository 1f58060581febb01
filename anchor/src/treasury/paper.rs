//! What treasurers tell each other about a transaction: signed, so that whoever carries it can neither change it nor make one up
//! (T-303 to T-306).

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{Keypair, Message, schnorr};
use bitcoin::{Txid, XOnlyPublicKey};
use thiserror::Error;

use super::fields::{read_payout, write_payout};
use crate::codec::{DecodeError, Reader, Writer};
use crate::curve::secp;

/// Longest paper in bytes: a PSBT of the largest size, and what is around it.
pub const MAX_PAPER_BYTES: usize = 8 * 1024 * 1024 + 1024;

/// Longest remark in a paper, in bytes.
pub const MAX_REMARK_BYTES: usize = 1024;

const VERSION: u8 = 1;
const ID_TAG: &[u8] = b"althing/treasury-paper/v1";
const SIGNATURE_TAG: &[u8] = b"althing/treasury-paper-signature/v1";
const HELLO_TAG: &[u8] = b"althing/treasurer-hello-signature/v1";

/// What a paper says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperBody {
    /// A transaction to be signed, with the proof that it was decided.
    Transaction(Psbt),
    /// Signatures for a transaction: a PSBT of which nothing else is taken.
    Signatures(Psbt),
    /// A remark.
    Comment(String),
    /// Why the author does not sign.
    Refusal(String),
    /// The author is there.
    Presence,
}

/// One thing that a treasurer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Network of the DAO.
    pub network: [u8; 32],
    /// The DAO.
    pub dao: [u8; 32],
    /// The treasurer's key, as the charter has it, x-only.
    pub author: XOnlyPublicKey,
    /// Height at which it was written.
    pub height: u32,
    /// The transaction it is about; all zero for [`PaperBody::Presence`].
    pub session: Txid,
    /// What it says.
    pub body: PaperBody,
}

/// A paper with its author's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPaper {
    /// What is said.
    pub paper: Paper,
    /// By its author.
    pub signature: schnorr::Signature,
}

/// Why bytes are no paper.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PaperError {
    /// They are longer than any paper.
    #[error("T-303: {bytes} bytes are too long for a paper, at most {MAX_PAPER_BYTES} are taken")]
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// They are not its canonical form.
    #[error("T-303: {0}")]
    Form(#[from] DecodeError),
    /// What it says is not of its kind.
    #[error("T-304: {problem}")]
    Body {
        /// What is wrong.
        problem: String,
    },
    /// The author did not sign it.
    #[error("T-305: treasurer {author} did not sign this paper")]
    Signature {
        /// The author that it names.
        author: Box<XOnlyPublicKey>,
    },
}

impl PaperBody {
    fn number(&self) -> u8 {
        match self {
            Self::Transaction(_) => 1,
            Self::Signatures(_) => 2,
            Self::Comment(_) => 3,
            Self::Refusal(_) => 4,
            Self::Presence => 5,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Transaction(psbt) | Self::Signatures(psbt) => psbt.serialize(),
            Self::Comment(text) | Self::Refusal(text) => text.clone().into_bytes(),
            Self::Presence => Vec::new(),
        }
    }

    fn read(number: u8, bytes: &[u8]) -> Result<Self, PaperError> {
        let body = |problem: String| PaperError::Body { problem };
        let psbt = || Psbt::deserialize(bytes).map_err(|error| body(format!("not a PSBT: {error}")));
        let text = || {
            let text = std::str::from_utf8(bytes).map_err(|error| body(format!("not UTF-8: {error}")))?;
            let fits = (1..=MAX_REMARK_BYTES).contains(&text.len());
            fits.then(|| text.to_owned())
                .ok_or_else(|| body(format!("a remark has 1 to {MAX_REMARK_BYTES} bytes, this has {}", text.len())))
        };
        match number {
            1 => Ok(Self::Transaction(psbt()?)),
            2 => Ok(Self::Signatures(psbt()?)),
            3 => Ok(Self::Comment(text()?)),
            4 => Ok(Self::Refusal(text()?)),
            5 if bytes.is_empty() => Ok(Self::Presence),
            5 => Err(body(format!("a presence says nothing, this has {} bytes", bytes.len()))),
            other => Err(body(format!("{other} is no kind of paper"))),
        }
    }
}

impl Paper {
    /// Signs it. `aux_rand` is 32 bytes of fresh entropy (BIP340).
    pub fn sign(self, author: &Keypair, aux_rand: &[u8; 32]) -> SignedPaper {
        let message = Message::from_digest(tagged(SIGNATURE_TAG, &self.encode()));
        SignedPaper { signature: secp().sign_schnorr_with_aux_rand(&message, author, aux_rand), paper: self }
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        writer.array(&self.network);
        writer.array(&self.dao);
        writer.array(&self.author.serialize());
        writer.u32(self.height);
        writer.array(self.session.as_byte_array());
        writer.u8(self.body.number());
        writer.bytes(&self.body.bytes());
        writer.finish()
    }
}

impl SignedPaper {
    /// T-303: what a paper is known by. The signature is not in it, so that signing again makes no other paper.
    pub fn id(&self) -> [u8; 32] {
        tagged(ID_TAG, &self.paper.encode())
    }

    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.paper.encode();
        bytes.extend_from_slice(self.signature.as_ref());
        bytes
    }

    /// Reads a paper and verifies its author's signature. Whether the author is a treasurer is the caller's to know.
    ///
    /// # Errors
    /// [`PaperError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, PaperError> {
        if bytes.len() > MAX_PAPER_BYTES {
            return Err(PaperError::TooLong { bytes: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let (network, dao) = (reader.array("network")?, reader.array("dao")?);
        let author: [u8; 32] = reader.array("author")?;
        let not_a_key = DecodeError::NotAllowed { field: "author", value: author[0].into() };
        let author = XOnlyPublicKey::from_slice(&author).map_err(|_| not_a_key)?;
        let height = reader.u32("height")?;
        let session = Txid::from_byte_array(reader.array("session")?);
        let number = reader.u8("kind")?;
        let body = PaperBody::read(number, reader.bytes("body", MAX_PAPER_BYTES)?)?;
        let signature: [u8; 64] = reader.array("signature")?;
        reader.finish()?;
        let paper = Paper { network, dao, author, height, session, body };
        let about = match &paper.body {
            PaperBody::Transaction(psbt) | PaperBody::Signatures(psbt) => psbt.unsigned_tx.compute_txid(),
            PaperBody::Presence => Txid::all_zeros(),
            PaperBody::Comment(_) | PaperBody::Refusal(_) => session,
        };
        if about != session {
            return Err(PaperError::Body { problem: format!("it is about {about} and says {session}") });
        }
        // A PSBT can be spelled in several ways; the one that was signed is the one that is kept.
        let signed_bytes = &bytes[..bytes.len() - signature.len()];
        if paper.encode() != signed_bytes {
            return Err(PaperError::Body {
                problem: "its PSBT is not in the form in which it is written here".to_owned(),
            });
        }
        let unsigned = PaperError::Signature { author: Box::new(author) };
        let Ok(signature) = schnorr::Signature::from_slice(&signature) else { return Err(unsigned) };
        let message = Message::from_digest(tagged(SIGNATURE_TAG, signed_bytes));
        match secp().verify_schnorr(&signature, &message, &author) {
            Ok(()) => Ok(Self { paper, signature }),
            Err(_) => Err(unsigned),
        }
    }
}

/// T-306: what a treasurer signs so that the hub hands it papers on this connection: network, DAO, and the BOLT 8 keys of both ends.
pub fn sign_treasurer_hello(
    treasurer: &Keypair,
    (network, dao): ([u8; 32], [u8; 32]),
    (own_node, hub_node): ([u8; 33], [u8; 33]),
    aux_rand: &[u8; 32],
) -> schnorr::Signature {
    let message = hello_message((network, dao), (own_node, hub_node));
    secp().sign_schnorr_with_aux_rand(&message, treasurer, aux_rand)
}

/// Whether the treasurer with this key says hello from a node.
pub fn is_treasurer_hello(
    treasurer: &XOnlyPublicKey,
    dao: ([u8; 32], [u8; 32]),
    nodes: ([u8; 33], [u8; 33]),
    signature: &schnorr::Signature,
) -> bool {
    secp().verify_schnorr(signature, &hello_message(dao, nodes), treasurer).is_ok()
}

/// T-304: a PSBT with the signatures of another one and nothing else of it.
pub fn signatures_only(psbt: &Psbt) -> Psbt {
    let mut bare = without_the_rest(psbt);
    if let Ok(Some(payout)) = read_payout(psbt) {
        // A payout has none of its own: what a peer sends may be nested as deep as it likes.
        write_payout(&mut bare, &without_the_rest(&payout));
    }
    bare
}

fn without_the_rest(psbt: &Psbt) -> Psbt {
    let mut bare = psbt.clone();
    bare.proprietary.clear();
    bare.unknown.clear();
    bare.xpub.clear();
    for (own, input) in bare.inputs.iter_mut().zip(&psbt.inputs) {
        *own = bitcoin::psbt::Input {
            partial_sigs: input.partial_sigs.clone(),
            tap_script_sigs: input.tap_script_sigs.clone(),
            ..Default::default()
        };
    }
    bare.outputs.iter_mut().for_each(|output| *output = bitcoin::psbt::Output::default());
    bare
}

fn hello_message((network, dao): ([u8; 32], [u8; 32]), (own_node, hub_node): ([u8; 33], [u8; 33])) -> Message {
    let mut writer = Writer::default();
    writer.u8(VERSION);
    writer.array(&network);
    writer.array(&dao);
    writer.array(&own_node);
    writer.array(&hub_node);
    Message::from_digest(tagged(HELLO_TAG, &writer.finish()))
}

/// E-12
fn tagged(tag: &[u8], bytes: &[u8]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag).to_byte_array();
    let mut engine = sha256::Hash::engine();
    for part in [&tag[..], &tag, bytes] {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}
