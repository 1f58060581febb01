//! The Bitcoin source: what this node asks of whoever shows it Bitcoin, whichever kind of server that is (B-360).

use std::path::PathBuf;

use althing_anchor::FeeMarket as LinkFees;
use althing_channels::fees::FeeMarket;
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use serde::{Deserialize, Serialize};

use super::bitcoind::Rpc;
use super::electrum::Electrum;
use super::esplora::Esplora;

/// What links have to pay.
pub(super) type LinkMarket = LinkFees;

/// How to reach a Bitcoin source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// `http://host:port` of a bitcoind's RPC, `esplora+http://host:port/api` or `esplora+https://…` of an Esplora server,
    /// `electrum+tcp://host:port` of an Electrum server.
    pub url: String,
    /// The bitcoind's cookie file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_file: Option<PathBuf>,
    /// User and password, where there is no cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_pass: Option<(String, String)>,
}

/// Why a question to the Bitcoin source failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BitcoindError {
    /// It cannot be reached, or is starting up.
    #[error("B-1: the Bitcoin source at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// It answered with an error.
    #[error("B-2: the Bitcoin source refused {method}: {message} (code {code})")]
    Refused {
        /// The call.
        method: String,
        /// Its error code.
        code: i32,
        /// Its words.
        message: String,
    },
    /// It answered something that is not of the documented form.
    #[error("B-3: the Bitcoin source's answer to {method} is not of the expected form: {reason}")]
    Form {
        /// The call.
        method: String,
        /// What is wrong.
        reason: String,
    },
}

/// Why a transaction was not taken.
pub type SubmitError = BitcoindError;

/// Least rate that is relayed by default.
pub(super) const FLOOR: FeeRate = FeeRate::from_sat_per_vb_u32(1);
/// Where the source has no estimates.
pub(super) const ECONOMICAL: FeeRate = FeeRate::from_sat_per_vb_u32(2);
/// Where the source has no estimates.
pub(super) const URGENT: FeeRate = FeeRate::from_sat_per_vb_u32(20);
/// Never more than this, whatever the source says.
pub(super) const CAP: FeeRate = FeeRate::from_sat_per_vb_u32(500);

/// What no network ever asked: a source that says more is wrong, and sums with it would not fit into their numbers (B-364).
const MOST: FeeRate = FeeRate::from_sat_per_vb_u32(100_000);

/// The rate, if it is one that can be paid.
pub(super) fn payable(rate: FeeRate) -> Option<FeeRate> {
    (rate <= MOST).then_some(rate)
}

/// Headers asked for one after the other.
const HEADERS_AT_ONCE: u32 = 2016;

/// An answer, or why there is none.
pub(super) type Result<T> = std::result::Result<T, BitcoindError>;

/// What every kind of source can be asked.
pub trait Source: Send {
    /// The network it runs on.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn network(&self) -> Result<Network>;

    /// Hash of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn best_block(&self) -> Result<BlockHash>;

    /// Height of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn height(&self) -> Result<u32>;

    /// Hash of the block at a height of the best chain; `None` above the tip.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn block_hash(&self, height: u32) -> Result<Option<BlockHash>>;

    /// Height of a block in the best chain; `None` if it is stale or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>>;

    /// A block with its transactions.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn block(&self, hash: &BlockHash) -> Result<Block>;

    /// The 80-byte header of a block, as hex decoded to bytes.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header>;

    /// Headers of the best chain from a height on, as many as are given at once; none above the tip.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn headers(&self, first: u32) -> Result<Vec<bitcoin::block::Header>> {
        let mut headers = Vec::new();
        for height in first..first.saturating_add(HEADERS_AT_ONCE) {
            let Some(hash) = self.block_hash(height)? else { break };
            headers.push(self.header(&hash)?);
        }
        Ok(headers)
    }

    /// Confirmations of an output that is unspent in the best chain (the mempool is left aside); `None` if it is spent or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>>;

    /// Whether a transaction is in the mempool.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn in_mempool(&self, txid: &Txid) -> Result<bool>;

    /// A transaction that waits in the mempool; `None` when it does not.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn waiting(&self, txid: &Txid) -> Result<Option<Transaction>>;

    /// Transactions in the mempool that spend any of these outputs.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn spenders_waiting(&self, outpoints: &[OutPoint]) -> Result<Vec<Transaction>>;

    /// Gives a transaction to the network. One that is already in the mempool or in a block counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with the source's reason, or no answer.
    fn submit(&self, tx: &Transaction) -> Result<Txid>;

    /// Gives a parent and its child to the network together: the parent may pay nothing (BIP431). What is in the mempool or in
    /// a block already counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with the source's reason, or no answer.
    fn submit_package(&self, package: &[Transaction]) -> Result<()>;

    /// Fee rates as this source sees them now; modest ones where it has no estimates, as on regtest.
    fn fee_market(&self) -> FeeMarket;

    /// What a link that should be mined within `target_blocks` has to pay, as this source sees it now.
    fn link_market(&self, target_blocks: u16) -> LinkMarket;

    /// What a transaction in the mempool pays; `None` when it is not there.
    ///
    /// # Errors
    /// [`BitcoindError`].
    fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>>;
}

/// The Bitcoin source of this node: a bitcoind, or another server that is reached in its place.
pub struct Bitcoind(Box<dyn Source>);

impl Access {
    /// Whether it is an Electrum server, which has no blocks (B-362).
    pub(crate) fn has_headers_only(&self) -> bool {
        self.url.starts_with("electrum+")
    }
}

impl Bitcoind {
    /// Prepares a client of the kind that the address names; nothing is read or sent yet.
    pub fn new(access: &Access) -> Self {
        match access.url.split_once('+') {
            Some(("esplora", url)) => Self(Box::new(Esplora::new(&access.url, url))),
            Some(("electrum", url)) => Self(Box::new(Electrum::new(&access.url, url))),
            _ => Self(Box::new(Rpc::new(access))),
        }
    }

    /// The network it runs on.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn network(&self) -> Result<Network> {
        self.0.network()
    }

    /// Hash of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn best_block(&self) -> Result<BlockHash> {
        self.0.best_block()
    }

    /// Height of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn height(&self) -> Result<u32> {
        self.0.height()
    }

    /// Hash of the block at a height of the best chain; `None` above the tip.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        self.0.block_hash(height)
    }

    /// Height of a block in the best chain; `None` if it is stale or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
        self.0.height_in_best_chain(hash)
    }

    /// A block with its transactions.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn block(&self, hash: &BlockHash) -> Result<Block> {
        self.0.block(hash)
    }

    /// The 80-byte header of a block, as hex decoded to bytes.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        self.0.header(hash)
    }

    /// All headers of the best chain, as a file of them is.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn header_file(&self) -> Result<Vec<u8>> {
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let first = u32::try_from(bytes.len() / 80).unwrap_or(u32::MAX);
            let headers = self.0.headers(first)?;
            if headers.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(headers.iter().flat_map(bitcoin::consensus::encode::serialize));
        }
    }

    /// Confirmations of an output that is unspent in the best chain (the mempool is left aside); `None` if it is spent or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>> {
        self.0.unspent_confirmations(outpoint)
    }

    /// Whether a transaction is in the mempool.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn in_mempool(&self, txid: &Txid) -> Result<bool> {
        self.0.in_mempool(txid)
    }

    /// A transaction that waits in the mempool; `None` when it does not.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn waiting(&self, txid: &Txid) -> Result<Option<Transaction>> {
        self.0.waiting(txid)
    }

    /// Transactions in the mempool that spend any of these outputs.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn spenders_waiting(&self, outpoints: &[OutPoint]) -> Result<Vec<Transaction>> {
        self.0.spenders_waiting(outpoints)
    }

    /// Gives a transaction to the network. One that is already in the mempool or in a block counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with the source's reason, or no answer.
    pub fn submit(&self, tx: &Transaction) -> Result<Txid> {
        self.0.submit(tx)
    }

    /// Gives a parent and its child to the network together: the parent may pay nothing (BIP431). What is in the mempool or in
    /// a block already counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with the source's reason, or no answer.
    pub fn submit_package(&self, package: &[Transaction]) -> Result<()> {
        self.0.submit_package(package)
    }

    /// Fee rates as this source sees them now; modest ones where it has no estimates, as on regtest.
    pub fn fee_market(&self) -> FeeMarket {
        self.0.fee_market()
    }

    /// What a link that should be mined within `target_blocks` has to pay, as this source sees it now.
    pub fn link_market(&self, target_blocks: u16) -> LinkMarket {
        self.0.link_market(target_blocks)
    }

    /// What a transaction in the mempool pays; `None` when it is not there.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>> {
        self.0.mempool_fee(txid)
    }
}
