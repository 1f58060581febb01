//! The calls this node makes to a bitcoind over RPC. Typed here rather than by a library, because only these few fields are read
//! and answers of other bitcoind versions with more fields are equally good.

use std::cell::RefCell;

use althing_channels::fees::FeeMarket;
use bdk_bitcoind_rpc::bitcoincore_rpc::{self, Auth, Client, RpcApi, jsonrpc};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Amount, Block, BlockHash, FeeRate, Network, OutPoint, Transaction, Txid};
use serde::Deserialize;
use serde_json::{Value, json};

use super::source::{Access, BitcoindError, CAP, ECONOMICAL, FLOOR, LinkMarket, Result, Source, URGENT, payable};

/// A bitcoind. The connection is made when it is first needed and anew after trouble: a restarted bitcoind has a new cookie.
pub(super) struct Rpc {
    access: Access,
    client: RefCell<Option<Client>>,
}

impl Rpc {
    /// Prepares a client; nothing is read or sent yet.
    pub(super) fn new(access: &Access) -> Self {
        Self { access: access.clone(), client: RefCell::new(None) }
    }

    fn field<T: serde::de::DeserializeOwned>(&self, method: &str, args: &[Value], name: &str) -> Result<T> {
        let mut answer: Value = self.call(method, args)?;
        serde_json::from_value(answer[name].take())
            .map_err(|e| BitcoindError::Form { method: method.to_owned(), reason: format!("field {name}: {e}") })
    }

    fn call<T: serde::de::DeserializeOwned>(&self, method: &str, args: &[Value]) -> Result<T> {
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
            (Some(file), _) => {
                // Of a file that is missing the client says no more than that one is.
                std::fs::metadata(file).map_err(|error| {
                    let file = file.display();
                    self.unreachable(format!(
                        "its cookie file {file} (Bitcoin Core has one only while it runs): {error}"
                    ))
                })?;
                Auth::CookieFile(file.clone())
            }
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

/// What came of a package, by bitcoind's own answer.
pub(super) fn package_taken(answer: &Value) -> Result<()> {
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

/// Whether a refusal says that the transaction, or one that differs in its witness only, is in the mempool or a block.
pub(super) fn is_known(reason: &str) -> bool {
    ["txn-already-in-mempool", "txn-already-known", "txn-same-nonwitness-data-in-mempool"]
        .iter()
        .any(|known| reason.contains(known))
}

/// bitcoind gives BTC per 1000 vB as a decimal number.
fn from_btc_per_kvb(rate: f64) -> Option<FeeRate> {
    let amount = bitcoin::Amount::from_btc((rate * 1e8).ceil() / 1e8).ok()?;
    payable(FeeRate::from_sat_per_kwu(amount.to_sat().div_ceil(4)))
}

impl Source for Rpc {
    fn network(&self) -> Result<Network> {
        let chain = self.field::<String>("getblockchaininfo", &[], "chain")?;
        Network::from_core_arg(&chain)
            .map_err(|e| BitcoindError::Form { method: "getblockchaininfo".into(), reason: format!("{chain}: {e}") })
    }

    fn best_block(&self) -> Result<BlockHash> {
        self.call("getbestblockhash", &[])
    }

    fn height(&self) -> Result<u32> {
        self.call("getblockcount", &[])
    }

    fn block_hash(&self, height: u32) -> Result<Option<BlockHash>> {
        match self.call("getblockhash", &[json!(height)]) {
            Err(BitcoindError::Refused { code: -8, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    fn height_in_best_chain(&self, hash: &BlockHash) -> Result<Option<u32>> {
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

    fn block(&self, hash: &BlockHash) -> Result<Block> {
        let hex: String = self.call("getblock", &[json!(hash), json!(0)])?;
        deserialize_hex(&hex)
            .map_err(|e| BitcoindError::Form { method: format!("getblock {hash}"), reason: e.to_string() })
    }

    fn header(&self, hash: &BlockHash) -> Result<bitcoin::block::Header> {
        let hex: String = self.call("getblockheader", &[json!(hash), json!(false)])?;
        deserialize_hex(&hex)
            .map_err(|e| BitcoindError::Form { method: format!("getblockheader {hash}"), reason: e.to_string() })
    }

    fn unspent_confirmations(&self, outpoint: &OutPoint) -> Result<Option<u32>> {
        #[derive(Deserialize)]
        struct Output {
            confirmations: u32,
        }
        let args = [json!(outpoint.txid), json!(outpoint.vout), json!(false)];
        Ok(self.call::<Option<Output>>("gettxout", &args)?.map(|output| output.confirmations))
    }

    fn in_mempool(&self, txid: &Txid) -> Result<bool> {
        match self.call::<Value>("getmempoolentry", &[json!(txid)]) {
            Ok(_) => Ok(true),
            Err(BitcoindError::Refused { code: -5, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn waiting(&self, txid: &Txid) -> Result<Option<Transaction>> {
        if !self.in_mempool(txid)? {
            return Ok(None);
        }
        let hex: String = match self.call("getrawtransaction", &[json!(txid)]) {
            Err(BitcoindError::Refused { code: -5, .. }) => return Ok(None),
            other => other?,
        };
        Ok(deserialize_hex(&hex).ok())
    }

    fn spenders_waiting(&self, outpoints: &[OutPoint]) -> Result<Vec<Transaction>> {
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

    fn submit(&self, tx: &Transaction) -> Result<Txid> {
        match self.call::<Txid>("sendrawtransaction", &[json!(serialize_hex(tx))]) {
            // RPC_VERIFY_ALREADY_IN_UTXO_SET
            Err(BitcoindError::Refused { code: -27, .. }) => Ok(tx.compute_txid()),
            Err(BitcoindError::Refused { message, .. }) if is_known(&message) => Ok(tx.compute_txid()),
            other => other,
        }
    }

    fn submit_package(&self, package: &[Transaction]) -> Result<()> {
        let hex: Vec<String> = package.iter().map(serialize_hex).collect();
        package_taken(&self.call("submitpackage", &[json!(hex)])?)
    }

    fn fee_market(&self) -> FeeMarket {
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

    fn link_market(&self, target_blocks: u16) -> LinkMarket {
        #[derive(Deserialize)]
        struct Estimate {
            feerate: Option<f64>,
        }
        let estimate = self.call::<Estimate>("estimatesmartfee", &[json!(target_blocks)]).ok();
        let minimum = self.field::<f64>("getmempoolinfo", &[], "mempoolminfee").ok().and_then(from_btc_per_kvb);
        LinkMarket {
            estimate: estimate.and_then(|estimate| from_btc_per_kvb(estimate.feerate?)),
            mempool_minimum: minimum.unwrap_or(FeeRate::BROADCAST_MIN),
        }
    }

    fn mempool_fee(&self, txid: &Txid) -> Result<Option<Amount>> {
        #[derive(Deserialize)]
        struct Entry {
            fees: Fees,
        }
        #[derive(Deserialize)]
        struct Fees {
            base: f64,
        }
        match self.call::<Entry>("getmempoolentry", &[json!(txid)]) {
            Ok(entry) => Amount::from_btc(entry.fees.base).map(Some).map_err(|error| BitcoindError::Form {
                method: "getmempoolentry".to_owned(),
                reason: format!("fee {}: {error}", entry.fees.base),
            }),
            Err(BitcoindError::Refused { code: -5, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::from_btc_per_kvb;

    #[test]
    fn what_nobody_can_pay_is_no_rate() {
        assert_eq!(from_btc_per_kvb(0.000_010_01).map(|rate| rate.to_sat_per_kwu()), Some(251));
        assert!(from_btc_per_kvb(1.0).is_some());
        for none in [1.001, 1e9, 1e30, f64::INFINITY, f64::NAN, -1.0] {
            assert_eq!(from_btc_per_kvb(none), None, "{none}");
        }
    }
}
