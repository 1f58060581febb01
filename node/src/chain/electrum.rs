//! An Electrum server in the place of a bitcoind, as far as its protocol goes: headers, and giving transactions to the network. It has no
//! whole blocks, so no node can follow the chain by it; proof files are judged by its headers, which are checked as a file of them is.

use std::cell::RefCell;
use std::collections::BTreeMap;

use althing_channels::fees::FeeMarket;
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use electrum_client::{Client, ConfigBuilder, ElectrumApi as _, Error};

use super::source::{BitcoindError, CAP, ECONOMICAL, FLOOR, LinkMarket, Result, Source, URGENT};

/// Headers asked for at once: a period of the difficulty, as servers give them.
const HEADERS_AT_ONCE: usize = 2016;

/// A client, connected when it is first needed.
pub(super) struct Electrum {
    url: String,
    server: String,
    client: RefCell<Option<Client>>,
    /// Heights of the headers that were read.
    heights: RefCell<BTreeMap<BlockHash, u32>>,
}

impl Electrum {
    /// `url` is for messages, `server` is asked.
    pub(super) fn new(url: &str, server: &str) -> Self {
        let (url, server) = (url.to_owned(), server.to_owned());
        Self { url, server, client: RefCell::new(None), heights: RefCell::default() }
    }

    fn ask<T>(&self, method: &str, question: impl FnOnce(&Client) -> std::result::Result<T, Error>) -> Result<T> {
        let mut slot = self.client.borrow_mut();
        let client = match slot.take() {
            Some(client) => client,
            None => {
                let config = ConfigBuilder::new().timeout(Some(std::time::Duration::from_secs(30))).build();
                Client::from_config(&self.server, config).map_err(|error| self.unreachable(&error))?
            }
        };
        match question(&client) {
            Ok(answer) => {
                *slot = Some(client);
                Ok(answer)
            }
            Err(Error::Protocol(value)) => {
                *slot = Some(client);
                Err(BitcoindError::Refused { method: method.to_owned(), code: -1, message: value.to_string() })
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    fn unreachable(&self, error: &Error) -> BitcoindError {
        BitcoindError::Unreachable { url: self.url.clone(), reason: error.to_string() }
    }

    fn has_none<T>(&self, method: &str) -> Result<T> {
        let message =
            "B-362: an Electrum server has no whole blocks; a node needs a bitcoind or an Esplora server".to_owned();
        Err(BitcoindError::Refused { method: method.to_owned(), code: -32601, message })
    }

    fn header_at(&self, height: u32) -> Result<bitcoin::block::Header> {
        let header = self.ask("blockchain.block.header", |client| client.block_header(height as usize))?;
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
        let tip = self.ask("blockchain.headers.subscribe", Client::block_headers_subscribe)?;
        Ok(tip.header.block_hash())
    }

    fn height(&self) -> Result<u32> {
        let tip = self.ask("blockchain.headers.subscribe", Client::block_headers_subscribe)?;
        u32::try_from(tip.height).map_err(|error| BitcoindError::Form {
            method: "blockchain.headers.subscribe".to_owned(),
            reason: error.to_string(),
        })
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
        let answer =
            self.ask("blockchain.block.headers", |client| client.block_headers(first as usize, HEADERS_AT_ONCE))?;
        Ok(answer.headers)
    }

    fn unspent_confirmations(&self, _: &OutPoint) -> Result<Option<u32>> {
        self.has_none("output")
    }

    fn in_mempool(&self, _: &Txid) -> Result<bool> {
        self.has_none("mempool")
    }

    fn submit(&self, tx: &Transaction) -> Result<Txid> {
        self.ask("blockchain.transaction.broadcast", |client| client.transaction_broadcast(tx))
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

/// The network whose first block this is.
pub(super) fn network_of(genesis: BlockHash) -> Result<Network> {
    let networks = [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest];
    let is_it = |network: &Network| bitcoin::blockdata::constants::genesis_block(*network).block_hash() == genesis;
    networks.into_iter().find(is_it).ok_or_else(|| BitcoindError::Form {
        method: "first block".to_owned(),
        reason: format!("{genesis} is the first block of no network known here"),
    })
}
