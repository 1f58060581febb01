//! What was final and is not any more, and a chain of links that has ended (docs/spec/node.md, N-240 to N-242): the log notes it, Bitcoin
//! has it no longer. Hub and member look alike, with every tip.

use althing_anchor::{Commitment, SealVerdict, judge_seal_spend};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::EpochHeader;
use anyhow::{Context as _, Result};
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, OutPoint, Transaction, Txid};

use crate::api::ApiError;
use crate::chain_view::decode_evidence;
use crate::facts::outpoint_bytes;
use crate::proof::StoredBlocks;
use crate::shell::Shell;

/// Subject of the alarm.
const ANCHORING: &str = "anchoring";

/// The first epoch whose link is not where it should be.
pub(crate) struct Undone {
    pub(crate) epoch: u32,
    pub(crate) state: State,
}

/// What became of it.
pub(crate) enum State {
    /// It was final and is in no block.
    InNoBlock(Txid),
    /// It was final and is in another block, not yet as deep.
    MinedAgain { txid: Txid, height: u32, depth: u32 },
    /// The block at which its epoch closes is not in the best chain any more.
    CloseReplaced { height: u32, named: BlockHash, found: Option<BlockHash> },
    /// Something that is no link spent the seal.
    SealSpent { txid: Txid, height: u32, why: String },
}

/// The first thing that is wrong with the links by this node's chain; `None` while all is well.
///
/// # Errors
/// On I/O, or when something stored is malformed.
pub(crate) fn undone(shell: &Shell) -> Result<Option<Undone>, ApiError> {
    let state = shell.ledger.state();
    let final_depth = state.charter().final_depth;
    let mut seal = state.params().first_seal;
    let found = |epoch, state| Ok(Some(Undone { epoch, state }));
    for record in state.anchored() {
        let epoch = record.header.epoch;
        if let Some(gone) = close_replaced(shell, &record.header)? {
            return found(epoch, gone);
        }
        let Some(spend) = spender(shell, seal)? else { return found(epoch, State::InNoBlock(record.link)) };
        // Another version of the link is looked at; the one that is noted was.
        if spend.txid != record.link
            && let Some(spent) = judged(shell, seal, Some(&record.header), &spend)?
        {
            return found(epoch, spent);
        }
        let depth = shell.tip_height().saturating_add(1).saturating_sub(spend.height);
        if depth < final_depth {
            return found(epoch, State::MinedAgain { txid: spend.txid, height: spend.height, depth });
        }
        seal = shell.ledger.seal_after(epoch, spend.txid);
    }
    let noted = state.newest_anchored().map_or(0, |record| record.header.epoch);
    let mut epoch = noted + 1;
    for row in shell.store.links()?.into_iter().filter(|row| row.epoch > noted) {
        let header = EpochHeader::from_bytes(&row.header).context("a stored epoch header")?;
        if let Some(gone) = close_replaced(shell, &header)? {
            return found(header.epoch, gone);
        }
        // A log that is read anew, or was set aside, has not come to the other hub yet; the stored headers are that hub's.
        if shell.ledger.awaits_succession_behind(epoch - 1) {
            return Ok(None);
        }
        let Some(spend) = spender(shell, seal)? else { return Ok(None) };
        if let Some(spent) = judged(shell, seal, Some(&header), &spend)? {
            return found(header.epoch, spent);
        }
        seal = shell.ledger.seal_after(header.epoch, spend.txid);
        epoch = header.epoch + 1;
    }
    if shell.ledger.awaits_succession_behind(epoch - 1) {
        return Ok(None);
    }
    // Of a seal that was spent while no header is known, only what can be no link at all accuses now; for the rest N-83 waits.
    match spender(shell, seal)?.filter(|spend| !may_be_a_link(&spend.tx, seal)) {
        Some(spend) => Ok(judged(shell, seal, None, &spend)?.map(|state| Undone { epoch, state })),
        None => Ok(None),
    }
}

impl Shell {
    /// Tells a person when a final link is undone or the chain of links has ended, and sends links that are in no block again (N-240, N-242).
    ///
    /// # Errors
    /// On I/O, or when something stored is malformed.
    pub(crate) fn watch_anchoring(&mut self) -> Result<()> {
        let found = undone(self)?;
        if let Some(Undone { epoch, state: State::InNoBlock(_) }) = &found {
            self.send_links_again(*epoch)?;
        }
        let words = found.map(|found| found.words());
        if self.alarms.get(ANCHORING) != words.as_ref() {
            match words {
                Some(words) => {
                    tracing::error!("{words}");
                    self.alarms.insert(ANCHORING, words);
                }
                None => {
                    tracing::info!("every link stands again");
                    self.alarms.remove(ANCHORING);
                }
            }
            self.revision += 1;
        }
        Ok(())
    }

    /// N-242: whoever has a link with its witness can bring it back, each behind the one that it spends.
    fn send_links_again(&self, first: u32) -> Result<()> {
        for row in self.store.links()?.into_iter().filter(|row| row.epoch >= first) {
            let tx: Transaction = bitcoin::consensus::deserialize(&row.tx).context("a stored link")?;
            let has_witness = tx.input.iter().all(|input| !input.witness.is_empty());
            if has_witness && !self.bitcoind.in_mempool(&tx.compute_txid())? {
                match self.bitcoind.submit(&tx) {
                    Ok(txid) => tracing::info!(epoch = row.epoch, %txid, "a link that was undone is sent again"),
                    Err(error) => tracing::warn!(epoch = row.epoch, %error, "a link that was undone is not taken"),
                }
            }
        }
        Ok(())
    }
}

impl Undone {
    /// What happened, and what to do.
    pub(crate) fn words(&self) -> String {
        let epoch = self.epoch;
        let by_itself = "Nothing further is anchored, and nobody should pay or act on what was decided since, until the same link is final again; then this ends by itself.";
        match &self.state {
            State::InNoBlock(txid) => format!(
                "A-64: a reorganisation of the Bitcoin chain took the block of link {epoch} away, which was final. Link {txid} is in no block now; \
                 this node sends the same transaction again with every block. {by_itself}"
            ),
            State::MinedAgain { txid, height, depth } => format!(
                "A-64: a reorganisation of the Bitcoin chain took the block of link {epoch} away, which was final. Link {txid} is in the block at \
                 height {height} now, {depth} deep. {by_itself}"
            ),
            State::CloseReplaced { height, named, found } => {
                let found = found.map_or_else(|| "none".to_owned(), |found| format!("block {found}"));
                format!(
                    "A-97: anchoring has stopped. Epoch {epoch} closes with block {named} at height {height}, and a reorganisation deeper than the \
                     final depth took that block out of the Bitcoin chain, which has {found} there now. If the chain comes back to it, this ends by itself. \
                     Else {}",
                    go_on(epoch)
                )
            }
            State::SealSpent { txid, height, why } => format!(
                "A-111: anchoring by this hub is over. Transaction {txid} at height {height} spent the seal of link {epoch} and is no link: {why} \
                 Nothing that this hub signs from epoch {epoch} on can become final. If a reorganisation takes that transaction back, this ends by itself. \
                 Else {}",
                go_on(epoch)
            ),
        }
    }
}

/// The remedy that needs no hub.
fn go_on(epoch: u32) -> String {
    let last = epoch.saturating_sub(1);
    format!(
        "members with more than half of the weight and the treasurers go on with another hub, or the same one with new keys, over the spare seal, behind \
         link {last}: `althing succession propose --after {last}` begins it. Until then keep your folder; stakes come home as always."
    )
}

/// whether the block that a header names is gone.
fn close_replaced(shell: &Shell, header: &EpochHeader) -> Result<Option<State>, ApiError> {
    let (height, named) = (header.closing_height, header.closing_hash);
    // Of blocks before this node began to follow the chain nothing is known.
    if shell.store.first_block()?.is_none_or(|first| height < first.height) {
        return Ok(None);
    }
    let found = shell.store.block(height)?.map(|row| BlockHash::from_byte_array(row.hash));
    Ok((found != Some(named)).then_some(State::CloseReplaced { height, named, found }))
}

/// What spent an output.
struct Spend {
    tx: Transaction,
    txid: Txid,
    height: u32,
    inclusion: Vec<u8>,
}

fn spender(shell: &Shell, seal: OutPoint) -> Result<Option<Spend>, ApiError> {
    let Some((height, tx, inclusion)) = shell.store.fact(&outpoint_bytes(&seal))?.and_then(|row| row.spent) else {
        return Ok(None);
    };
    let tx: Transaction = bitcoin::consensus::deserialize(&tx).context("a stored transaction")?;
    Ok(Some(Spend { txid: tx.compute_txid(), tx, height, inclusion }))
}

/// what the spender of a seal is, for the header that is known for it; `None` when it is the link.
fn judged(
    shell: &Shell,
    seal: OutPoint,
    header: Option<&EpochHeader>,
    spend: &Spend,
) -> Result<Option<State>, ApiError> {
    let evidence = decode_evidence(&bitcoin::consensus::encode::serialize(&spend.tx), &spend.inclusion)?;
    let header = header.map(|header| (shell.ledger.link_key(header.epoch), Commitment::new(*header.hash().as_bytes())));
    let verdict = judge_seal_spend(seal, header.as_slice(), &evidence, &StoredBlocks(&shell.store))
        .context("the spender of a seal is in this node's chain")?;
    Ok(match verdict {
        SealVerdict::SpentElsewhere { txid, reason } => Some(State::SealSpent {
            txid,
            height: spend.height,
            why: reason.map_or_else(|| "no header can open its output 0.".to_owned(), |reason| format!("{reason}.")),
        }),
        SealVerdict::NextLink { .. } | SealVerdict::Unrelated => None,
    })
}

/// whether some header could open it.
pub(crate) fn may_be_a_link(tx: &Transaction, seal: OutPoint) -> bool {
    tx.input.first().is_some_and(|input| input.previous_output == seal)
        && tx.output.first().is_some_and(|output| output.script_pubkey.is_p2tr())
}
