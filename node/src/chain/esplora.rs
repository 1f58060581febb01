//! An Esplora server over HTTP in the place of a bitcoind. It is believed for what only a full node knows: which chain is best, what is
//! unspent, what fees are. Blocks are checked against the hash asked for.

use std::collections::BTreeMap;

use althing_channels::fees::FeeMarket;
use bitcoin::consensus::encode::{deserialize, deserialize_hex, serialize_hex};
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::socket::Http;
use super::source::{BitcoindError, CAP, ECONOMICAL, FLOOR, LinkMarket, Result, Source, URGENT, payable};

/// A client; it keeps no connection.
pub(super) struct Esplora {
    url: String,
    http: std::result::Result<Http, String>,
}

/// What is read of a transaction.
#[derive(Deserialize)]
struct Shown {
    status: Status,
    vout: Vec<Value>,
    fee: u64,
}

#[derive(Deserialize)]
struct Status {
    confirmed: bool,
    block_height: Option<u32>,
}

#[derive(Deserialize)]
struct Spent {
    spent: bool,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Place {
    in_best_chain: bool,
    height: Option<u32>,
}

impl Esplora {
    /// `url` is for messages, `server` is asked.
    pub(super) fn new(url: &str, server: &str) -> Self {
        Self { url: url.to_owned(), http: Http::new(server) }
    }

    /// The body of an answer; `None` of what the server does not have.
    fn fetch(&self, method: &str, path: &str, body: &str) -> Result<Option<Vec<u8>>> {
        let unreachable = |reason: String| BitcoindError::Unreachable { url: self.url.clone(), reason };
        let http = self.http.as_ref().map_err(|reason| unreachable(reason.clone()))?;
        match http.ask(method, path, body).map_err(unreachable)? {
            (200..=299, body) => Ok(Some(body)),
            (404, _) if method == "GET" => Ok(None),
            (status @ 500..=599, _) => Err(unreachable(format!("HTTP status {status}"))),
            (status, body) => {
                let message = String::from_utf8_lossy(&body).into_owned();
                Err(BitcoindError::Refused { method: path.to_owned(), code: i32::from(status), message })
            }
        }
    }

    fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.fetch("GET", path, "")
    }

    fn text(&self, path: &str) -> Result<Option<String>> {
        let body = self.get(path)?;
        body.map(|body| String::from_utf8(body).map_err(|error| form(path, error))).transpose()
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let body = self.get(path)?;
        body.map(|body| serde_json::from_slice(&body).map_err(|error| form(path, error))).transpose()
    }

    fn shown(&self, txid: &Txid) -> Result<Option<Shown>> {
        self.json(&format!("/tx/{txid}"))
    }

    /// Estimates by the number of blocks, sat/vB.
    fn estimates(&self) -> BTreeMap<u16, f64> {
        let found = self.json::<BTreeMap<String, f64>>("/fee-estimates").ok().flatten().unwrap_or_default();
        found.into_iter().filter_map(|(blocks, rate)| Some((blocks.parse().ok()?, rate))).collect()
    }
}

/// The estimate for the largest number of blocks that is not above the one asked for.
fn estimate(estimates: &BTreeMap<u16, f64>, blocks: u16) -> Option<FeeRate> {
    let (_, rate) = estimates.range(..=blocks).next_back()?;
    // Per 1000 weight units, rounded up; what is no rate at all is none.
    let rate = (rate.is_finite() && *rate > 0.0).then(|| FeeRate::from_sat_per_kwu((rate * 250.0).ceil() as u64));
    rate.and_then(payable)
}

fn form(method: &str, reason: impl ToString) -> BitcoindError {
    BitcoindError::Form { method: method.to_owned(), reason: reason.to_string() }
}

fn missing(method: &str) -> BitcoindError {
    form(method, "the server does not have it")
}

impl Source for Esplora {
    fn network(&self) -> Result<Network> {
        super::electrum::network_of(self.block_hash(0)?.ok_or_else(|| missing("first block"))?)
    }

    fn best_block(&self) -> Result<BlockHash> {
        let path = "/blocks/tip/hash";
        let text = self.text(path)?.ok_or_else(|| missing(path))?;
        text.trim().parse().map_err(|error| form(path, error))
    }

    fn height(&self) -> Result<u32> {
        let path = "/blocks/tip/height";
        let text = self.text(path)?.ok_or_else(|| missing(path))?;
        text.trim().parse().map_err(|error| form(path, error))
    }

    fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        let path = format!("/block-height/{height}");
        self.text(&path)?.map(|text| text.trim().parse().map_err(|error| form(&path, error))).transpose()
    }

    fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
        let place: Option<Place> = self.json(&format!("/block/{hash}/status"))?;
        Ok(place.filter(|place| place.in_best_chain).and_then(|place| place.height))
    }

    fn block(&self, hash: &BlockHash) -> Result<Block> {
        let path = format!("/block/{hash}/raw");
        let bytes = self.get(&path)?.ok_or_else(|| missing(&path))?;
        let block: Block = deserialize(&bytes).map_err(|error| form(&path, error))?;
        if block.block_hash() != *hash || !block.check_merkle_root() {
            return Err(form(&path, "B-361: it is another block than the one asked for"));
        }
        Ok(block)
    }

    fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        let path = format!("/block/{hash}/header");
        let text = self.text(&path)?.ok_or_else(|| missing(&path))?;
        let header: bitcoin::block::Header = deserialize_hex(text.trim()).map_err(|error| form(&path, error))?;
        if header.block_hash() != *hash {
            return Err(form(&path, "B-361: it is another header than the one asked for"));
        }
        Ok(header)
    }

    fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>> {
        let Some(tx) = self.shown(&outpoint.txid)? else { return Ok(None) };
        let Some(mined) = tx.status.block_height.filter(|_| tx.status.confirmed) else { return Ok(None) };
        if tx.vout.len() <= outpoint.vout as usize {
            return Ok(None);
        }
        let spent: Option<Spent> = self.json(&format!("/tx/{}/outspend/{}", outpoint.txid, outpoint.vout))?;
        // As for bitcoind, a spending in the mempool does not count.
        let is_spent = spent.is_some_and(|spent| spent.spent && spent.status.is_some_and(|status| status.confirmed));
        Ok((!is_spent).then_some(self.height()?.saturating_add(1).saturating_sub(mined)))
    }

    fn in_mempool(&self, txid: &Txid) -> Result<bool> {
        Ok(self.shown(txid)?.is_some_and(|tx| !tx.status.confirmed))
    }

    fn waiting(&self, txid: &Txid) -> Result<Option<Transaction>> {
        if !self.in_mempool(txid)? {
            return Ok(None);
        }
        let path = format!("/tx/{txid}/hex");
        let hex = self.text(&path)?;
        hex.map(|hex| deserialize_hex(hex.trim()).map_err(|error| form(&path, error))).transpose()
    }

    fn spenders_waiting(&self, outpoints: &[OutPoint]) -> Result<Vec<Transaction>> {
        #[derive(Deserialize)]
        struct Spent {
            txid: Option<Txid>,
        }
        let mut found = Vec::new();
        for outpoint in outpoints {
            let spent: Option<Spent> = self.json(&format!("/tx/{}/outspend/{}", outpoint.txid, outpoint.vout))?;
            if let Some(txid) = spent.and_then(|spent| spent.txid) {
                found.extend(self.waiting(&txid)?);
            }
        }
        Ok(found)
    }

    fn submit(&self, tx: &Transaction) -> Result<Txid> {
        match self.fetch("POST", "/tx", &serialize_hex(tx)) {
            Ok(_) => Ok(tx.compute_txid()),
            // The server forwards bitcoind's words, not its numbers.
            Err(BitcoindError::Refused { message, .. })
                if super::bitcoind::is_known(&message) || message.contains("already in") =>
            {
                Ok(tx.compute_txid())
            }
            Err(error) => Err(error),
        }
    }

    fn submit_package(&self, package: &[Transaction]) -> Result<()> {
        let path = "/txs/package";
        let hex: Vec<String> = package.iter().map(serialize_hex).collect();
        let body = self.fetch("POST", path, &Value::from(hex).to_string())?.unwrap_or_default();
        super::bitcoind::package_taken(&serde_json::from_slice(&body).map_err(|error| form(path, error))?)
    }

    fn fee_market(&self) -> FeeMarket {
        let estimates = self.estimates();
        let economical = estimate(&estimates, 144).unwrap_or(ECONOMICAL).max(FLOOR);
        FeeMarket {
            floor: FLOOR,
            economical,
            urgent: estimate(&estimates, 2).unwrap_or(URGENT).max(economical),
            cap: CAP,
        }
    }

    fn link_market(&self, target_blocks: u16) -> LinkMarket {
        // Esplora does not tell what the mempool takes at least.
        LinkMarket { estimate: estimate(&self.estimates(), target_blocks), mempool_minimum: FeeRate::BROADCAST_MIN }
    }

    fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>> {
        Ok(self.shown(txid)?.filter(|tx| !tx.status.confirmed).map(|tx| Amount::from_sat(tx.fee)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_pay_is_no_estimate() {
        let said = |rate: f64| estimate(&BTreeMap::from([(2, rate)]), 6).map(FeeRate::to_sat_per_kwu);
        assert_eq!(said(12.5), Some(3_125));
        assert_eq!(said(0.001), Some(1));
        assert_eq!(said(100_000.0), Some(25_000_000));
        for none in [100_000.1, 1e30, f64::MAX, f64::INFINITY, f64::NAN, 0.0, -1.0] {
            assert_eq!(said(none), None, "{none}");
        }
    }
}
