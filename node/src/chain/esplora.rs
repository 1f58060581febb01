//! An Esplora server over HTTP in the place of a bitcoind. It is believed for what only a full node knows: which chain is best, what is
//! unspent, what fees are. Blocks are checked against the hash asked for.

use althing_channels::fees::FeeMarket;
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use esplora_client::{BlockingClient, Builder, Error, convert_fee_rate};

use super::source::{BitcoindError, CAP, ECONOMICAL, FLOOR, LinkMarket, Result, Source, URGENT};

/// How long one answer may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// A client; it keeps no connection.
pub(super) struct Esplora {
    url: String,
    client: BlockingClient,
}

impl Esplora {
    /// `url` is for messages, `server` is asked.
    pub(super) fn new(url: &str, server: &str) -> Self {
        let client = Builder::new(server.trim_end_matches('/')).timeout(PATIENCE).build_blocking();
        Self { url: url.to_owned(), client }
    }

    fn explain(&self, method: &str, error: Error) -> BitcoindError {
        match error {
            Error::HttpResponse { status, message } => {
                // As bitcoind numbers what it does not have.
                let code = if status == 404 { NOT_FOUND } else { i32::from(status) };
                BitcoindError::Refused { method: method.to_owned(), code, message }
            }
            Error::BitReq(error) => BitcoindError::Unreachable { url: self.url.clone(), reason: error.to_string() },
            other => BitcoindError::Form { method: method.to_owned(), reason: other.to_string() },
        }
    }

    fn ask<T>(&self, method: &str, answer: std::result::Result<T, Error>) -> Result<T> {
        answer.map_err(|error| self.explain(method, error))
    }
}

/// What the server does not know.
const NOT_FOUND: i32 = -5;

/// `None` of what the server does not know.
fn known<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(BitcoindError::Refused { code: NOT_FOUND, .. }) => Ok(None),
        other => other.map(Some),
    }
}

impl Source for Esplora {
    fn network(&self) -> Result<Network> {
        super::electrum::network_of(self.ask("block-height/0", self.client.get_block_hash(0))?)
    }

    fn best_block(&self) -> Result<BlockHash> {
        self.ask("blocks/tip/hash", self.client.get_tip_hash())
    }

    fn height(&self) -> Result<u32> {
        self.ask("blocks/tip/height", self.client.get_height())
    }

    fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        known(self.ask("block-height", self.client.get_block_hash(height)))
    }

    fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
        let status = known(self.ask("block status", self.client.get_block_status(hash)))?;
        Ok(status.filter(|status| status.in_best_chain).and_then(|status| status.height))
    }

    fn block(&self, hash: &BlockHash) -> Result<Block> {
        let method = format!("block {hash}");
        let form = |reason: &str| BitcoindError::Form { method: method.clone(), reason: reason.to_owned() };
        let block = self.ask(&method, self.client.get_block_by_hash(hash))?;
        let block = block.ok_or_else(|| form("the server does not have it"))?;
        if block.block_hash() != *hash || !block.check_merkle_root() {
            return Err(form("B-361: it is another block than the one asked for"));
        }
        Ok(block)
    }

    fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        let method = format!("header {hash}");
        let header = self.ask(&method, self.client.get_header_by_hash(hash))?;
        if header.block_hash() != *hash {
            let reason = "B-361: it is another header than the one asked for".to_owned();
            return Err(BitcoindError::Form { method, reason });
        }
        Ok(header)
    }

    fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>> {
        let Some(tx) = self.ask("tx", self.client.get_tx_info(&outpoint.txid))? else { return Ok(None) };
        let Some(mined) = tx.status.block_height else { return Ok(None) };
        if tx.vout.len() <= outpoint.vout as usize {
            return Ok(None);
        }
        let spent = self.ask("outspend", self.client.get_output_status(&outpoint.txid, outpoint.vout.into()))?;
        // As for bitcoind, a spending in the mempool does not count.
        let is_spent = spent.is_some_and(|spent| spent.spent && spent.status.is_some_and(|status| status.confirmed));
        Ok((!is_spent).then_some(self.height()?.saturating_add(1).saturating_sub(mined)))
    }

    fn in_mempool(&self, txid: &Txid) -> Result<bool> {
        let tx = self.ask("tx", self.client.get_tx_info(txid))?;
        Ok(tx.is_some_and(|tx| !tx.status.confirmed))
    }

    fn submit(&self, tx: &Transaction) -> Result<Txid> {
        match self.ask("tx", self.client.broadcast(tx)) {
            Err(BitcoindError::Refused { message, .. }) if super::bitcoind::is_known(&message) => Ok(tx.compute_txid()),
            // The server forwards bitcoind's words, not its numbers.
            Err(BitcoindError::Refused { message, .. }) if message.contains("already in") => Ok(tx.compute_txid()),
            other => other,
        }
    }

    fn submit_package(&self, package: &[Transaction]) -> Result<()> {
        let answer = self.ask("txs/package", self.client.submit_package(package, None, None))?;
        if answer.package_msg == "success" {
            return Ok(());
        }
        let reasons: Vec<String> = answer.tx_results.values().filter_map(|result| result.error.clone()).collect();
        if !reasons.is_empty() && reasons.iter().all(|reason| super::bitcoind::is_known(reason)) {
            return Ok(());
        }
        let message = format!("{} ({})", answer.package_msg, reasons.join(", "));
        Err(BitcoindError::Refused { method: "txs/package".to_owned(), code: -26, message })
    }

    fn fee_market(&self) -> FeeMarket {
        let estimates = self.client.get_fee_estimates().unwrap_or_default();
        let estimate = |blocks: usize| convert_fee_rate(blocks, estimates.clone());
        let economical = estimate(144).unwrap_or(ECONOMICAL).max(FLOOR);
        FeeMarket { floor: FLOOR, economical, urgent: estimate(2).unwrap_or(URGENT).max(economical), cap: CAP }
    }

    fn link_market(&self, target_blocks: u16) -> LinkMarket {
        let estimates = self.client.get_fee_estimates().unwrap_or_default();
        let estimate = convert_fee_rate(usize::from(target_blocks), estimates);
        // Esplora does not tell what the mempool takes at least.
        LinkMarket { estimate, mempool_minimum: FeeRate::BROADCAST_MIN }
    }

    fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>> {
        let tx = self.ask("tx", self.client.get_tx_info(txid))?;
        Ok(tx.filter(|tx| !tx.status.confirmed).map(|tx| tx.fee))
    }
}
