//! What a directory holds beside the log: own entries with the hub's promises, links and blocks.

use althing_anchor::BlockHashes as _;
use althing_governance::TreeHash;
use althing_governance::codec::{Canonical, DecodeError, Reader};
use althing_governance::entry::{Entry, LaneHeader};
use althing_governance::epoch::EpochHeader;
use althing_governance::receipt::Receipt;
use althing_governance::signing::{Signed, verify_all};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{BlockHash, Transaction};

use crate::judge::Blocks;
use crate::ledger::Ledger;
use crate::store::{LinkRow, OutboxRow, Store};

/// A stored link.
pub(super) struct Link {
    pub(super) header: EpochHeader,
    pub(super) tx: Transaction,
}

/// The stored links from epoch 1 on; the log reaches as far as each of them commits.
pub(super) fn links(rows: &[LinkRow], ledger: &Ledger) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (epoch, row) in (1_u32..).zip(rows) {
        ensure!(row.epoch == epoch, "N-25: link {epoch}: not stored, though link {} is", row.epoch);
        let header =
            EpochHeader::from_bytes(&row.header).with_context(|| format!("N-25: link {epoch}: the stored header"))?;
        ensure!(header.epoch == epoch, "N-25: link {epoch}: the stored header is of epoch {}", header.epoch);
        let tx: Transaction =
            deserialize(&row.tx).with_context(|| format!("N-25: link {epoch}: the stored transaction"))?;
        let size = ledger.state().size();
        let headed = ledger.state().first_head_at(header.closing_height).is_some();
        // N-24
        ensure!(
            header.log_size <= size && headed,
            "N-24: entry {size}: link {epoch} on Bitcoin commits to {} entries up to a head at height {}, this log has {size}; it was cut",
            header.log_size,
            header.closing_height
        );
        links.push(Link { header, tx });
    }
    Ok(links)
}

/// What the hub promised to this member is in the log (N-23).
pub(super) fn check_own_entries(rows: &[OutboxRow], ledger: &Ledger) -> Result<()> {
    for row in rows {
        let (incarnation, sequence) = (row.incarnation, row.sequence);
        let place = || format!("N-23: own entry {sequence} of incarnation {incarnation}");
        let entry = Entry::from_bytes(&row.entry).with_context(place)?;
        check_own_entry(row, &entry, ledger).with_context(place)?;
        check_receipt(row, &entry, ledger).with_context(place)?;
    }
    Ok(())
}

fn check_own_entry(row: &OutboxRow, entry: &Entry, ledger: &Ledger) -> Result<()> {
    let lane = lane(entry)?;
    let (found, stored) = ((lane.incarnation, lane.sequence), (row.incarnation, row.sequence));
    ensure!(found == stored, "the entry is number {} of incarnation {}", found.1, found.0);
    let checks = entry.signature_checks(&ledger.state().hub_log_key());
    Ok(verify_all(&Secp256k1::verification_only(), &checks)?)
}

fn check_receipt(row: &OutboxRow, entry: &Entry, ledger: &Ledger) -> Result<()> {
    let Some(bytes) = &row.receipt else { return Ok(()) };
    let stored = StoredReceipt::decode(bytes).context("the stored receipt")?;
    let (receipt, position, params) = (&stored.receipt, stored.position, ledger.state().params());
    let key = ledger.hub_log_key_at(receipt.first_position);
    receipt.signature_check(&key, "the hub's receipt").verify(&Secp256k1::verification_only())?;
    ensure!(
        (receipt.network, receipt.dao) == (params.network, params.dao_id),
        "G-80: the receipt is of DAO {}, not of {}",
        receipt.dao,
        params.dao_id
    );
    receipt.verify_entry(&row.entry, position, &stored.path)?;
    let size = ledger.state().size();
    ensure!(receipt.log_size <= size, "entry {position}: promised by a receipt, the log ends at {size}");
    let id = entry.id();
    ensure!(
        ledger.position_of(&id) == Some(position),
        "entry {position}: the hub's receipt promises own entry {id} there, the log has another: proof of fraud"
    );
    Ok(())
}

/// A receipt as the outbox keeps it: the signed receipt, the entry's position, count and hashes of its path in the batch.
struct StoredReceipt {
    receipt: Signed<Receipt>,
    position: u64,
    path: Vec<TreeHash>,
}

impl StoredReceipt {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let receipt = Canonical::decode(&mut r)?;
        let position = r.u64()?;
        let path = r.list("hashes of a receipt's path", MAX_PATH)?;
        r.finish()?;
        Ok(Self { receipt, position, path })
    }
}

/// No path in a tree of at most 2^64 leaves is longer.
const MAX_PATH: usize = 64;

fn lane(entry: &Entry) -> Result<&LaneHeader> {
    entry.lane().context("it is not a lane entry")
}

/// The stored blocks follow each other without a gap, and are those of the chain given (N-26).
pub(super) fn check_blocks(store: &Store, blocks: &Blocks, fork: Option<u32>) -> Result<()> {
    let mut below: Option<(u32, BlockHash)> = None;
    for (height, hash) in store.block_hashes()? {
        let hash = BlockHash::from_byte_array(hash);
        let expected = below.map_or(height, |(below, _)| below.saturating_add(1));
        ensure!(height == expected, "N-26: block {expected}: not stored, though block {height} is");
        let row = store.block(height)?.with_context(|| format!("N-26: block {height}"))?;
        let header: Header =
            deserialize(&row.header).with_context(|| format!("N-26: block {height}: the stored header"))?;
        let hashed = header.block_hash();
        ensure!(hashed == hash, "N-26: block {height}: the stored hash is {hash}, the header's is {hashed}");
        if let Some((_, before)) = below {
            let named = header.prev_blockhash;
            ensure!(
                named == before,
                "N-26: block {height}: the stored header names block {named} before it, stored is {before}"
            );
        }
        below = Some((height, hash));
        if height <= blocks.tip_height() && blocks.hash_at(height) != Some(hash) {
            if let Some(fork) = fork.filter(|fork| height >= *fork) {
                return Err(OffChain::of(blocks, fork, height, hash)).context("the blocks stored here");
            }
            bail!("N-26: block {height}: stored is {hash}, the chain has {}", in_words(blocks.hash_at(height)));
        }
    }
    Ok(())
}

/// The lowest height from which on every stored block is beside the chain given: the chain was reorganised and no node followed it here.
/// `None` also where single blocks differ: that is damage.
pub(super) fn fork(store: &Store, blocks: &Blocks) -> Result<Option<u32>> {
    let stored = store.block_hashes()?.into_iter().filter(|(height, _)| *height <= blocks.tip_height());
    let beside =
        stored.map(|(height, hash)| (height, blocks.hash_at(height) != Some(BlockHash::from_byte_array(hash))));
    let mut fork = None;
    for (height, is_beside) in beside {
        match is_beside {
            true => fork = fork.or(Some(height)),
            false => fork = None,
        }
    }
    Ok(fork)
}

/// What is stored here is of a branch that the chain given has left: nobody can tell before a node has followed the chain.
#[derive(Debug, thiserror::Error)]
#[error("block {height}: stored is {stored}, the chain has {found}; {}", follow_first(*fork))]
pub(super) struct OffChain {
    fork: u32,
    height: u32,
    stored: BlockHash,
    found: String,
}

/// Whether an error is of that kind.
pub(super) fn is_off_chain(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<OffChain>())
}

/// What to do where the stored blocks have left the chain from a height on.
pub(super) fn follow_first(fork: u32) -> String {
    format!(
        "N-26: from height {fork} on the blocks stored here are beside the chain. It was reorganised while no node followed it here: start the \
         node, let it follow the chain, and audit again"
    )
}

impl OffChain {
    pub(super) fn of(blocks: &Blocks, fork: u32, height: u32, stored: BlockHash) -> Self {
        Self { fork, height, stored, found: in_words(blocks.hash_at(height)) }
    }
}

/// The block that a chain has at a height.
pub(super) fn in_words(hash: Option<BlockHash>) -> String {
    hash.map_or_else(|| "none there".to_owned(), |hash| hash.to_string())
}
