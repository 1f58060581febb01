//! Links as OpenTimestamps files, which the released clients check against any Bitcoin node.

use std::path::{Path, PathBuf};

use althing_anchor::{
    Commitment, LinkEvidence, OtsPath, Seal, TimestampFile, op_return_timestamp, reveal_timestamp, split_timestamp,
};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use althing_governance::hash::tag;
use althing_governance::id::MemberId;
use anyhow::Context as _;
use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{Amount, OutPoint, Transaction};

use crate::api::{ApiError, Timestamp, TimestampKind, TimestampOf};
use crate::chain_view::decode_evidence;
use crate::facts::outpoint_bytes;
use crate::keys::hex;
use crate::proof;
use crate::shell::Shell;
use crate::view::{find_member, find_proposal};

/// Ending of the timestamp's file name; the stamped file has the name without it, as clients expect.
const ENDING: &str = "ots";

/// Writes the timestamp of a link, or of what is under it, to `path`, and the stamped file beside it.
///
/// # Errors
/// When the link is not mined or has not the form asked for, when what is to be stamped is not under it, or on I/O.
pub fn export(
    shell: &Shell,
    me: Option<MemberId>,
    epoch: u32,
    kind: TimestampKind,
    of: &TimestampOf,
    path: &Path,
) -> Result<Timestamp, ApiError> {
    let link = Link::of(shell, epoch)?;
    let stamped_path = stamped_path(path)?;
    if kind == TimestampKind::Split {
        if *of != TimestampOf::Header {
            let words = "A-94: the split form stamps the output key of a link and nothing else; an entry or a ballot is stamped by --kind opreturn or --kind reveal";
            return Err(ApiError::invalid("A-94", words));
        }
        let file = split_timestamp(&link.evidence).map_err(refused)?;
        let key =
            link.evidence.transaction().output.first().map(|output| output.script_pubkey.as_bytes()[2..].to_vec());
        proof::write(path, &file.encode())?;
        return Ok(Timestamp {
            path: path.to_owned(),
            stamped: None,
            digest: hex(&key.unwrap_or_default()),
            kind,
            of: format!("the output key of link {epoch}"),
            link: link.evidence.txid().to_string(),
            height: link.evidence.inclusion().height(),
        });
    }
    let stamp = Stamp::of(shell, me, &link.header, of)?;
    let digest = sha256::Hash::hash(&stamp.content).to_byte_array();
    let commitment = link.commitment();
    let (file, carrier, height) = match kind {
        TimestampKind::Opreturn => {
            let file = op_return_timestamp(digest, stamp.path, commitment, &link.evidence).map_err(refused)?;
            (file, link.evidence.txid(), link.evidence.inclusion().height())
        }
        _ => revealed(shell, &link, digest, stamp.path)?,
    };
    proof::write(&stamped_path, &stamp.content)?;
    proof::write(path, &file.encode())?;
    Ok(Timestamp {
        path: path.to_owned(),
        stamped: Some(stamped_path),
        digest: hex(&digest),
        kind,
        of: stamp.words,
        link: carrier.to_string(),
        height,
    })
}

/// A mined link, and the header that it commits to.
struct Link {
    header: EpochHeader,
    evidence: LinkEvidence,
}

impl Link {
    fn of(shell: &Shell, epoch: u32) -> Result<Self, ApiError> {
        let header = *shell.ledger.headers().find(|header| header.epoch == epoch).ok_or_else(|| {
            let newest = shell.ledger.headers().last().map_or(0, |header| header.epoch);
            ApiError::invalid("A-94", format!("A-94: there is no link {epoch}; the newest known here is {newest}"))
        })?;
        let mined = crate::view::mined_chain(shell)?;
        let index = usize::try_from(epoch).unwrap_or(usize::MAX).wrapping_sub(1);
        let (tx, _) = mined.get(index).ok_or_else(|| {
            ApiError::not_now(format!("A-94: link {epoch} is not mined yet; a timestamp needs its block"))
        })?;
        let evidence = proof::created(shell, OutPoint { txid: tx.compute_txid(), vout: 0 })?;
        Ok(Self { header, evidence })
    }

    fn commitment(&self) -> Commitment {
        Commitment::new(*self.header.hash().as_bytes())
    }
}

/// A file, and the way from its hash to the commitment of a link.
struct Stamp {
    content: Vec<u8>,
    path: OtsPath,
    words: String,
}

impl Stamp {
    fn of(shell: &Shell, me: Option<MemberId>, header: &EpochHeader, of: &TimestampOf) -> Result<Self, ApiError> {
        let position = match of {
            TimestampOf::Header => return Ok(Self::header(header)),
            TimestampOf::Entry { position } => *position,
            TimestampOf::Ballot { proposal, member } => {
                ballot_position(shell, me, header, proposal, member.as_deref())?
            }
        };
        Self::entry(shell, header, position)
    }

    /// The preimage of the header's tagged hash.
    fn header(header: &EpochHeader) -> Self {
        let tag = sha256::Hash::hash(tag::EPOCH.as_bytes()).to_byte_array();
        let content = [&tag[..], &tag, &header.to_bytes()].concat();
        Self { content, path: OtsPath::new(), words: format!("the header of epoch {}", header.epoch) }
    }

    /// The preimage of a leaf of the log tree (RFC 9162).
    fn entry(shell: &Shell, header: &EpochHeader, position: u64) -> Result<Self, ApiError> {
        let outside = || {
            let size = header.log_size;
            ApiError::invalid(
                "A-95",
                format!("A-95: entry {position} is not among the {size} under link {}", header.epoch),
            )
        };
        if position >= header.log_size {
            return Err(outside());
        }
        let logged = proof::logged(shell, position, header.log_size)?;
        let content = [&[0][..], &logged.bytes].concat();
        let mut path = OtsPath::new();
        let sides = sides(position, header.log_size);
        for (sibling, is_left) in logged.path.iter().zip(sides) {
            path = path.log_node(&sibling.0, is_left);
        }
        let tag = sha256::Hash::hash(tag::EPOCH.as_bytes()).to_byte_array();
        let bytes = header.to_bytes();
        let at = bytes.windows(32).position(|window| window == header.log_root.0).context("the root in the header")?;
        let path = path.wrap(&bytes[..at], &bytes[at + 32..]).tagged_hash(&tag);
        Ok(Self { content, path, words: format!("entry {position} of the log") })
    }
}

/// Position of the ballot of a member that counts under the header.
fn ballot_position(
    shell: &Shell,
    me: Option<MemberId>,
    header: &EpochHeader,
    proposal: &str,
    member: Option<&str>,
) -> Result<u64, ApiError> {
    let id = find_proposal(shell, proposal)?;
    let member = match member {
        Some(text) => find_member(shell, text)?,
        None => me.ok_or_else(|| ApiError::invalid("N-53", "name the member whose ballot is to be stamped"))?,
    };
    let mut ballots = shell.ledger.state().proposals()[&id].ballots.of(&member);
    ballots.find(|ballot| ballot.position < header.log_size).map(|ballot| ballot.position).ok_or_else(|| {
        ApiError::invalid("A-95", format!("A-95: {member} has no ballot on {id} under link {}", header.epoch))
    })
}

/// Whether each sibling on the way up from a leaf is the left child (RFC 9162, 2.1.3.2).
fn sides(position: u64, size: u64) -> Vec<bool> {
    let (mut node, mut last) = (position, size.saturating_sub(1));
    let mut sides = Vec::new();
    while last > 0 {
        if node & 1 == 1 {
            sides.push(true);
        } else if node < last {
            sides.push(false);
        }
        node >>= 1;
        last >>= 1;
    }
    sides
}

/// By the link after this one, which shows this one's leaf in its witness; the Bitcoin source is asked for its block.
fn revealed(
    shell: &Shell,
    link: &Link,
    digest: [u8; 32],
    to_commitment: OtsPath,
) -> Result<(TimestampFile, bitcoin::Txid, u32), ApiError> {
    let epoch = link.header.epoch;
    let output = link.evidence.transaction().output.first().map_or(Amount::ZERO, |output| output.value);
    let outpoint = OutPoint { txid: link.evidence.txid(), vout: 0 };
    let seal =
        Seal { outpoint, value: output, anchor_key: shell.ledger.link_key(epoch), commitment: link.commitment() };
    let spent = shell.store.fact(&outpoint_bytes(&outpoint))?.and_then(|row| row.spent);
    let (height, tx, inclusion) = spent.ok_or_else(|| {
        ApiError::not_now(format!("A-96: the link after epoch {epoch}, which may show its leaf, is not mined yet"))
    })?;
    let next: Transaction = decode_evidence(&tx, &inclusion)?.transaction().clone();
    let hash = shell.bitcoind.block_hash(height).map_err(anyhow::Error::from)?;
    let hash = hash.with_context(|| format!("the Bitcoin source has no block {height}"))?;
    let block = shell.bitcoind.block(&hash).map_err(anyhow::Error::from)?;
    let txid = next.compute_txid();
    let file = reveal_timestamp(digest, to_commitment, &seal, txid, &block, height).map_err(refused)?;
    Ok((file, txid, height))
}

fn stamped_path(path: &Path) -> Result<PathBuf, ApiError> {
    let has_ending = path.extension().is_some_and(|ending| ending == ENDING);
    has_ending
        .then(|| path.with_extension(""))
        .ok_or_else(|| ApiError::invalid("A-95", format!("A-95: {} has to end in .{ENDING}", path.display())))
}

fn refused(error: althing_anchor::ExportError) -> ApiError {
    ApiError::invalid("A-94", error.to_string())
}
