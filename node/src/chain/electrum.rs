//! An Electrum server in the place of a bitcoind, as far as its protocol goes: headers, and giving transactions to the network. It has no
//! whole blocks, so no node can follow the chain by it; proof files are judged by its headers, which are checked as a file of them is.

use std::cell::RefCell;
use std::collections::BTreeMap;

use althing_channels::fees::FeeMarket;
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use serde_json::{Value, json};

use super::socket::{LineError, Lines};
use super::source::{BitcoindError, CAP, ECONOMICAL, FLOOR, LinkMarket, Result, Source, URGENT};

/// Headers asked for at once: a period of the difficulty, as servers give them.
const HEADERS_AT_ONCE: u32 = 2016;

/// A client, connected when it is first needed.
pub(super) struct Electrum {
    url: String,
    server: String,
    client: RefCell<Option<Lines>>,
    /// Heights of the headers that were read.
    heights: RefCell<BTreeMap<BlockHash, u32>>,
}

impl Electrum {
    /// `url` is for messages, `server` is asked.
    pub(super) fn new(url: &str, server: &str) -> Self {
        let (url, server) = (url.to_owned(), server.to_owned());
        Self { url, server, client: RefCell::new(None), heights: RefCell::default() }
    }

    fn ask(&self, method: &str, params: &Value) -> Result<Value> {
        let mut slot = self.client.borrow_mut();
        let mut client = match slot.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        match client.call(method, params) {
            Ok(answer) => {
                *slot = Some(client);
                Ok(answer)
            }
            Err(LineError::Refused(message)) => {
                *slot = Some(client);
                Err(BitcoindError::Refused { method: method.to_owned(), code: -1, message })
            }
            Err(LineError::Broken(reason)) => Err(self.unreachable(reason)),
        }
    }

    /// The protocol begins with the versions that each side speaks.
    fn connect(&self) -> Result<Lines> {
        let Some(address) = self.server.strip_prefix("tcp://") else {
            let reason =
                format!("B-363: {} is not tcp://host:port; TLS is left to a tunnel on this machine", self.server);
            return Err(self.unreachable(reason));
        };
        let mut lines = Lines::connect(address).map_err(|reason| self.unreachable(reason))?;
        match lines.call("server.version", &json!(["althing", "1.4"])) {
            Ok(_) => Ok(lines),
            Err(LineError::Refused(reason) | LineError::Broken(reason)) => Err(self.unreachable(reason)),
        }
    }

    fn unreachable(&self, reason: String) -> BitcoindError {
        BitcoindError::Unreachable { url: self.url.clone(), reason }
    }

    /// Height and header of the tip.
    fn tip(&self) -> Result<(u32, bitcoin::block::Header)> {
        let method = "blockchain.headers.subscribe";
        let tip = self.ask(method, &json!([]))?;
        let height = tip["height"].as_u64().and_then(|height| u32::try_from(height).ok());
        Ok((height.ok_or_else(|| form(method, "no height"))?, header(method, &tip["hex"])?))
    }

    fn has_none<T>(&self, method: &str) -> Result<T> {
        let message =
            "B-362: an Electrum server has no whole blocks; a node needs a bitcoind or an Esplora server".to_owned();
        Err(BitcoindError::Refused { method: method.to_owned(), code: -32601, message })
    }

    fn header_at(&self, height: u32) -> Result<bitcoin::block::Header> {
        let method = "blockchain.block.header";
        let header = header(method, &self.ask(method, &json!([height]))?)?;
        self.heights.borrow_mut().insert(header.block_hash(), height);
        Ok(header)
    }

    fn height_of(&self, hash: &BlockHash) -> Result<u32> {
        if let Some(height) = self.heights.borrow().get(hash) {
            return Ok(*height);
        }
        let reason = format!("block {hash} was not named by its height before");
        Err(BitcoindError::Form { method: "blockchain.block.header".to_owned(), reason })
    }
}

impl Source for Electrum {
    fn network(&self) -> Result<Network> {
        network_of(self.header_at(0)?.block_hash())
    }

    fn best_block(&self) -> Result<BlockHash> {
        Ok(self.tip()?.1.block_hash())
    }

    fn height(&self) -> Result<u32> {
        Ok(self.tip()?.0)
    }

    fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        if height > self.height()? {
            return Ok(None);
        }
        self.header_at(height).map(|header| Some(header.block_hash()))
    }

    fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
        let height = self.height_of(hash)?;
        Ok((self.block_hash(height)? == Some(*hash)).then_some(height))
    }

    fn block(&self, _: &BlockHash) -> Result<Block> {
        self.has_none("block")
    }

    fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        self.header_at(self.height_of(hash)?)
    }

    fn headers(&self, first: u32) -> Result<Vec<bitcoin::block::Header>> {
        if first > self.height()? {
            return Ok(Vec::new());
        }
        let method = "blockchain.block.headers";
        let answer = self.ask(method, &json!([first, HEADERS_AT_ONCE]))?;
        let hex = answer["hex"].as_str().unwrap_or_default();
        let bytes = crate::keys::unhex(hex).map_err(|error| form(method, error))?;
        let read = |bytes: &[u8]| bitcoin::consensus::deserialize(bytes).map_err(|error| form(method, error));
        match bytes.len() % 80 {
            0 if !bytes.is_empty() => bytes.chunks(80).map(read).collect(),
            _ => Err(form(method, format!("{} bytes are no headers", bytes.len()))),
        }
    }

    fn unspent_confirmations(&self, _: &OutPoint) -> Result<Option<u32>> {
        self.has_none("output")
    }

    fn in_mempool(&self, _: &Txid) -> Result<bool> {
        self.has_none("mempool")
    }

    fn waiting(&self, _: &Txid) -> Result<Option<Transaction>> {
        self.has_none("mempool")
    }

    fn spenders_waiting(&self, _: &[OutPoint]) -> Result<Vec<Transaction>> {
        self.has_none("mempool")
    }

    fn submit(&self, tx: &Transaction) -> Result<Txid> {
        let hex = bitcoin::consensus::encode::serialize_hex(tx);
        self.ask("blockchain.transaction.broadcast", &json!([hex])).map(|_| tx.compute_txid())
    }

    fn submit_package(&self, _: &[Transaction]) -> Result<()> {
        self.has_none("package")
    }

    fn fee_market(&self) -> FeeMarket {
        FeeMarket { floor: FLOOR, economical: ECONOMICAL, urgent: URGENT, cap: CAP }
    }

    fn link_market(&self, _: u16) -> LinkMarket {
        LinkMarket { estimate: None, mempool_minimum: FeeRate::BROADCAST_MIN }
    }

    fn mempool_fee(&self, _: &Txid) -> Result<Option<Amount>> {
        self.has_none("mempool")
    }
}

fn header(method: &str, hex: &Value) -> Result<bitcoin::block::Header> {
    let hex = hex.as_str().ok_or_else(|| form(method, "no header"))?;
    bitcoin::consensus::encode::deserialize_hex(hex).map_err(|error| form(method, error))
}

fn form(method: &str, reason: impl ToString) -> BitcoindError {
    BitcoindError::Form { method: method.to_owned(), reason: reason.to_string() }
}

/// The network whose first block this is.
pub(super) fn network_of(genesis: BlockHash) -> Result<Network> {
    let networks = [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest];
    let is_it = |network: &Network| bitcoin::blockdata::constants::genesis_block(*network).block_hash() == genesis;
    networks.into_iter().find(is_it).ok_or_else(|| BitcoindError::Form {
        method: "first block".to_owned(),
        reason: format!("{genesis} is the first block of no network known here"),
    })
}
