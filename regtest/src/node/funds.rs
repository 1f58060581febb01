//! Coins for tests: the miner of a node pays from what it mined.

use std::sync::PoisonError;

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Address, Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use serde_json::{Value, json};

use super::Node;
use crate::error::Error;

/// Blocks until a coinbase can be spent (consensus rule `COINBASE_MATURITY`).
const COINBASE_MATURITY: u32 = 100;

/// Fees of the miner's payments: above the floor of every bitcoind we accept (1 sat/vB before 30).
const FEE_RATE: FeeRate = FeeRate::from_sat_per_vb_u32(2);

/// Change smaller than this is left to the fee; above every dust limit.
const SMALLEST_CHANGE: Amount = Amount::from_sat(1_000);

impl Node {
    /// Pays `amount` to `address` and mines one block to confirm it; gives the new coin.
    ///
    /// The first payment mines about 100 blocks, as coins must be that old before they can be spent.
    ///
    /// # Errors
    /// As [`Node::pay_outputs`].
    pub fn fund(&self, address: &Address, amount: Amount) -> Result<OutPoint, Error> {
        let coin = self.pay(address, amount)?;
        self.mine(1)?;
        Ok(coin)
    }

    /// Pays `amount` to `address` and leaves the transaction in the mempool; gives the new coin.
    ///
    /// # Errors
    /// As [`Node::pay_outputs`].
    pub fn pay(&self, address: &Address, amount: Amount) -> Result<OutPoint, Error> {
        let output = TxOut { value: amount, script_pubkey: address.script_pubkey() };
        let transaction = self.pay_outputs(vec![output])?;
        Ok(OutPoint { txid: transaction.compute_txid(), vout: 0 })
    }

    /// Makes a transaction with these outputs first, in this order, and change last if there is any; signs it, hands it
    /// to the node and returns it. Mines blocks first where the miner has too little to spend.
    ///
    /// # Errors
    /// [`Error::Funds`] if the subsidy has become too small for it, [`Error::Rpc`], [`Error::Stopped`].
    pub fn pay_outputs(&self, outputs: Vec<TxOut>) -> Result<Transaction, Error> {
        // Nothing is left half done when a thread panics here, so a poisoned lock is still good.
        let _spending = self.spending.lock().unwrap_or_else(PoisonError::into_inner);
        // The first coin matures after 100 blocks and each further block brings another, so twice is enough for any
        // amount that a hundred coins can pay.
        for mined in [COINBASE_MATURITY + 1, COINBASE_MATURITY] {
            match self.try_pay(&outputs) {
                Err(Error::Funds { .. }) => self.mine(mined)?,
                done => return done,
            };
        }
        self.try_pay(&outputs)
    }

    /// The miner's address: [`Node::mine`] pays to it.
    #[must_use]
    pub fn miner_address(&self) -> Address {
        self.miner.address(0)
    }

    fn try_pay(&self, outputs: &[TxOut]) -> Result<Transaction, Error> {
        let paid: Amount = outputs.iter().map(|output| output.value).sum();
        let mut transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: Vec::new(),
            output: outputs.to_vec(),
        };
        transaction.output.push(TxOut { value: Amount::ZERO, script_pubkey: self.miner_address().script_pubkey() });
        let mut spent: Vec<TxOut> = Vec::new();
        let mut wanted = paid;
        let mut available = Amount::ZERO;
        for (outpoint, coin) in self.miner_coins()? {
            available += coin.value;
            spent.push(coin);
            transaction.input.push(TxIn {
                previous_output: outpoint,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                // As large as the signature that will be here, so that the weight is right.
                witness: Witness::from_slice(&[[0; 64]]),
            });
            let fee = FEE_RATE * transaction.weight();
            wanted = paid + fee;
            if available < wanted {
                continue;
            }
            let change = available - wanted;
            if change < SMALLEST_CHANGE {
                transaction.output.pop();
            } else if let Some(last) = transaction.output.last_mut() {
                last.value = change;
            }
            self.miner.sign(&mut transaction, &spent);
            self.broadcast(&transaction)?;
            return Ok(transaction);
        }
        Err(Error::Funds { wanted, available })
    }

    /// The miner's coins that a transaction may spend now, the largest first.
    fn miner_coins(&self) -> Result<Vec<(OutPoint, TxOut)>, Error> {
        const CALL: &str = "scantxoutset";
        let script = self.miner_address().script_pubkey();
        let scan = self.call(CALL, &[json!("start"), json!([format!("raw({})", script.to_hex_string())])])?;
        let (Some(height), Some(unspents)) = (scan["height"].as_u64(), scan["unspents"].as_array()) else {
            return Err(Error::answer(CALL, &scan));
        };
        let mut coins = Vec::new();
        for entry in unspents {
            let coin = parse_coin(entry, &script).ok_or_else(|| Error::answer(CALL, entry))?;
            let mature = entry["coinbase"] != true
                || entry["height"].as_u64().is_some_and(|h| h + u64::from(COINBASE_MATURITY) <= height + 1);
            if mature {
                coins.push(coin);
            }
        }
        coins.sort_by_key(|(outpoint, coin)| (std::cmp::Reverse(coin.value), *outpoint));
        self.without_spent_in_mempool(coins)
    }

    /// Leaves out the coins that transactions in the mempool spend; a scan of the chain's coins does not know of these.
    fn without_spent_in_mempool(&self, coins: Vec<(OutPoint, TxOut)>) -> Result<Vec<(OutPoint, TxOut)>, Error> {
        const CALL: &str = "gettxspendingprevout";
        if coins.is_empty() {
            return Ok(coins);
        }
        let question: Vec<Value> =
            coins.iter().map(|(coin, _)| json!({ "txid": coin.txid.to_string(), "vout": coin.vout })).collect();
        let answer = self.call(CALL, &[json!(question)])?;
        // One entry per coin, in the order of the question.
        let entries = answer.as_array().filter(|entries| entries.len() == coins.len());
        let entries = entries.ok_or_else(|| Error::answer(CALL, &answer))?;
        let unspent = |entry: &Value| entry["spendingtxid"].is_null();
        Ok(coins.into_iter().zip(entries).filter(|(_, entry)| unspent(entry)).map(|(coin, _)| coin).collect())
    }
}

/// Reads one entry of the answer of `scantxoutset`.
fn parse_coin(entry: &Value, script: &ScriptBuf) -> Option<(OutPoint, TxOut)> {
    let txid = entry["txid"].as_str()?.parse().ok()?;
    let vout = u32::try_from(entry["vout"].as_u64()?).ok()?;
    let value = Amount::from_btc(entry["amount"].as_f64()?).ok()?;
    Some((OutPoint { txid, vout }, TxOut { value, script_pubkey: script.clone() }))
}
