//! The calls this node makes to a bitcoind. Typed here rather than by a library, because only these few fields are read
//! and answers of other bitcoind versions with more fields are equally good.

use std::cell::RefCell;
use std::path::PathBuf;

use althing_channels::fees::FeeMarket;
use bdk_bitcoind_rpc::bitcoincore_rpc::{self, Auth, Client, RpcApi, jsonrpc};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How to reach a bitcoind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// `http://host:port`.
    pub url: String,
    /// Its cookie file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_file: Option<PathBuf>,
    /// User and password, where there is no cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_pass: Option<(String, String)>,
}

/// A bitcoind. The connection is made when it is first needed and anew after trouble: a restarted bitcoind has a new cookie.
pub struct Bitcoind {
    access: Access,
    client: RefCell<Option<Client>>,
}

/// Why a call to bitcoind failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BitcoindError {
    /// It cannot be reached, or is starting up.
    #[error("B-1: bitcoind at {url} does not answer: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// It answered with an error.
    #[error("B-2: bitcoind refused {method}: {message} (code {code})")]
    Refused {
        /// The call.
        method: String,
        /// Its error code.
        code: i32,
        /// Its words.
        message: String,
    },
    /// It answered something that is not of the documented form.
    #[error("B-3: bitcoind's answer to {method} is not of the expected form: {reason}")]
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
const FLOOR: FeeRate = FeeRate::from_sat_per_vb_u32(1);
/// Where the source has no estimates.
const ECONOMICAL: FeeRate = FeeRate::from_sat_per_vb_u32(2);
/// Where the source has no estimates.
const URGENT: FeeRate = FeeRate::from_sat_per_vb_u32(20);
/// Never more than this, whatever the source says.
const CAP: FeeRate = FeeRate::from_sat_per_vb_u32(500);

pub(super) type Result<T> = std::result::Result<T, BitcoindError>;

impl Bitcoind {
    /// Prepares a client; nothing is read or sent yet.
    pub fn new(access: &Access) -> Self {
        Self { access: access.clone(), client: RefCell::new(None) }
    }

    /// The network it runs on.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn network(&self) -> Result<Network> {
        let chain = self.field::<String>("getblockchaininfo", &[], "chain")?;
        Network::from_core_arg(&chain)
            .map_err(|e| BitcoindError::Form { method: "getblockchaininfo".into(), reason: format!("{chain}: {e}") })
    }

    /// Hash of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn best_block(&self) -> Result<BlockHash> {
        self.call("getbestblockhash", &[])
    }

    /// Height of the best block.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn height(&self) -> Result<u32> {
        self.call("getblockcount", &[])
    }

    /// Hash of the block at a height of the best chain; `None` above the tip.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        match self.call("getblockhash", &[json!(height)]) {
            Err(BitcoindError::Refused { code: -8, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Height of a block in the best chain; `None` if it is stale or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
        #[derive(Deserialize)]
        struct Header {
            confirmations: i64,
            height: u32,
        }
        match self.call::<Header>("getblockheader", &[json!(hash)]) {
            Ok(header) => Ok((header.confirmations > 0).then_some(header.height)),
            Err(BitcoindError::Refused { code: -5, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A block with its transactions.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn block(&self, hash: &BlockHash) -> Result<Block> {
        let hex: String = self.call("getblock", &[json!(hash), json!(0)])?;
        deserialize_hex(&hex)
            .map_err(|e| BitcoindError::Form { method: format!("getblock {hash}"), reason: e.to_string() })
    }

    /// The 80-byte header of a block, as hex decoded to bytes.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        let hex: String = self.call("getblockheader", &[json!(hash), json!(false)])?;
        deserialize_hex(&hex)
            .map_err(|e| BitcoindError::Form { method: format!("getblockheader {hash}"), reason: e.to_string() })
    }

    /// Confirmations of an output that is unspent in the best chain (the mempool is left aside); `None` if it is spent or unknown.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>> {
        #[derive(Deserialize)]
        struct Output {
            confirmations: u32,
        }
        let args = [json!(outpoint.txid), json!(outpoint.vout), json!(false)];
        Ok(self.call::<Option<Output>>("gettxout", &args)?.map(|output| output.confirmations))
    }

    /// Whether a transaction is in the mempool.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn in_mempool(&self, txid: &Txid) -> Result<bool> {
        match self.call::<Value>("getmempoolentry", &[json!(txid)]) {
            Ok(_) => Ok(true),
            Err(BitcoindError::Refused { code: -5, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A transaction that waits in the mempool; `None` when it does not.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn waiting(&self, txid: &Txid) -> Result<Option<Transaction>> {
        if !self.in_mempool(txid)? {
            return Ok(None);
        }
        let hex: String = match self.call("getrawtransaction", &[json!(txid)]) {
            Err(BitcoindError::Refused { code: -5, .. }) => return Ok(None),
            other => other?,
        };
        Ok(bitcoin::consensus::encode::deserialize_hex(&hex).ok())
    }

    /// Transactions in the mempool that spend any of these outputs.
    ///
    /// # Errors
    /// [`BitcoindError`].
    pub fn spenders_waiting(&self, outpoints: &[OutPoint]) -> Result<Vec<Transaction>> {
        #[derive(Deserialize)]
        struct Spent {
            spendingtxid: Option<Txid>,
        }
        let mut found = Vec::new();
        for some in outpoints.chunks(1000) {
            let asked: Vec<Value> =
                some.iter().map(|outpoint| json!({ "txid": outpoint.txid, "vout": outpoint.vout })).collect();
            let spent: Vec<Spent> = self.call("gettxspendingprevout", &[json!(asked)])?;
            for txid in spent.into_iter().filter_map(|spent| spent.spendingtxid) {
                found.extend(self.waiting(&txid)?);
            }
        }
        Ok(found)
    }

    /// Gives a transaction to the network. One that is already in the mempool or in a block counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with bitcoind's reason, or no answer.
    pub fn submit(&self, tx: &Transaction) -> Result<Txid> {
        match self.call::<Txid>("sendrawtransaction", &[json!(serialize_hex(tx))]) {
            // RPC_VERIFY_ALREADY_IN_UTXO_SET
            Err(BitcoindError::Refused { code: -27, .. }) => Ok(tx.compute_txid()),
            Err(BitcoindError::Refused { message, .. }) if is_known(&message) => Ok(tx.compute_txid()),
            other => other,
        }
    }

    /// Gives a parent and its child to the network together: the parent may pay nothing (BIP431). What is in the mempool or in
    /// a block already counts as taken.
    ///
    /// # Errors
    /// [`BitcoindError::Refused`] with bitcoind's reason, or no answer.
    pub fn submit_package(&self, package: &[Transaction]) -> Result<()> {
        let hex: Vec<String> = package.iter().map(serialize_hex).collect();
        let answer: Value = self.call("submitpackage", &[json!(hex)])?;
        if answer["package_msg"] == "success" {
            return Ok(());
        }
        let reasons: Vec<String> = answer["tx-results"]
            .as_object()
            .into_iter()
            .flat_map(|results| results.values())
            .filter_map(|result| result["error"].as_str().map(str::to_owned))
            .collect();
        // The parent was mined or is there already, and the child with it.
        if !reasons.is_empty() && reasons.iter().all(|reason| is_known(reason)) {
            return Ok(());
        }
        let message = format!("{} ({})", answer["package_msg"].as_str().unwrap_or("no reason"), reasons.join(", "));
        Err(BitcoindError::Refused { method: "submitpackage".to_owned(), code: -26, message })
    }

    /// Fee rates as this source sees them now; modest ones where it has no estimates, as on regtest.
    pub fn fee_market(&self) -> FeeMarket {
        #[derive(Deserialize)]
        struct Estimate {
            feerate: Option<f64>,
        }
        let estimate = |blocks: u32| {
            let estimate = self.call::<Estimate>("estimatesmartfee", &[json!(blocks)]).ok()?;
            from_btc_per_kvb(estimate.feerate?)
        };
        let floor = self.field::<f64>("getmempoolinfo", &[], "mempoolminfee").ok().and_then(from_btc_per_kvb);
        let floor = floor.unwrap_or(FLOOR).max(FLOOR);
        let economical = estimate(144).unwrap_or(ECONOMICAL).max(floor);
        FeeMarket { floor, economical, urgent: estimate(2).unwrap_or(URGENT).max(economical), cap: CAP }
    }

    pub(super) fn field<T: serde::de::DeserializeOwned>(&self, method: &str, args: &[Value], name: &str) -> Result<T> {
        let mut answer: Value = self.call(method, args)?;
        serde_json::from_value(answer[name].take())
            .map_err(|e| BitcoindError::Form { method: method.to_owned(), reason: format!("field {name}: {e}") })
    }

    pub(super) fn call<T: serde::de::DeserializeOwned>(&self, method: &str, args: &[Value]) -> Result<T> {
        let had_client = self.client.borrow().is_some();
        match self.call_once(method, args) {
            // A kept connection may be stale or its cookie old; a new one tells.
            Err(BitcoindError::Unreachable { .. }) if had_client => self.call_once(method, args),
            other => other,
        }
    }

    fn call_once<T: serde::de::DeserializeOwned>(&self, method: &str, args: &[Value]) -> Result<T> {
        let mut slot = self.client.borrow_mut();
        let client = match slot.take() {
            Some(client) => client,
            None => self.connect()?,
        };
        let result = client.call(method, args).map_err(|error| self.explain(method, error));
        if !matches!(result, Err(BitcoindError::Unreachable { .. })) {
            *slot = Some(client);
        }
        result
    }

    fn connect(&self) -> Result<Client> {
        let auth = match (&self.access.cookie_file, &self.access.user_pass) {
            (Some(file), _) => Auth::CookieFile(file.clone()),
            (None, Some((user, pass))) => Auth::UserPass(user.clone(), pass.clone()),
            (None, None) => Auth::None,
        };
        Client::new(&self.access.url, auth).map_err(|error| self.unreachable(error.to_string()))
    }

    fn explain(&self, method: &str, error: bitcoincore_rpc::Error) -> BitcoindError {
        match error {
            // Still warming up: not a refusal of the call.
            bitcoincore_rpc::Error::JsonRpc(jsonrpc::Error::Rpc(e)) if e.code == -28 => self.unreachable(e.message),
            bitcoincore_rpc::Error::JsonRpc(jsonrpc::Error::Rpc(e)) => {
                BitcoindError::Refused { method: method.to_owned(), code: e.code, message: e.message }
            }
            bitcoincore_rpc::Error::JsonRpc(jsonrpc::Error::Json(e)) | bitcoincore_rpc::Error::Json(e) => {
                BitcoindError::Form { method: method.to_owned(), reason: e.to_string() }
            }
            other => self.unreachable(other.to_string()),
        }
    }

    fn unreachable(&self, reason: String) -> BitcoindError {
        BitcoindError::Unreachable { url: self.access.url.clone(), reason }
    }
}

/// Whether a refusal says that the transaction, or one that differs in its witness only, is in the mempool or a block.
fn is_known(reason: &str) -> bool {
    ["txn-already-in-mempool", "txn-already-known", "txn-same-nonwitness-data-in-mempool"]
        .iter()
        .any(|known| reason.contains(known))
}

/// bitcoind gives BTC per 1000 vB as a decimal number.
pub(super) fn from_btc_per_kvb(rate: f64) -> Option<FeeRate> {
    let amount = bitcoin::Amount::from_btc((rate * 1e8).ceil() / 1e8).ok()?;
    Some(FeeRate::from_sat_per_kwu(amount.to_sat().div_ceil(4)))
}
