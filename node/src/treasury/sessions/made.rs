//! Whether a coin that a session spends is there (T-111).

use std::cell::RefCell;
use std::collections::BTreeMap;

use althing_anchor::finalise;
use bitcoin::consensus::encode::deserialize;
use bitcoin::{OutPoint, Transaction, TxOut, Txid};

use super::rows::{psbt_of, session_row};
use super::void::is_void;
use crate::shell::Shell;

/// Longest line of transactions that are signed and in no block yet, each spending the one before.
pub(super) const MAX_LINE: u32 = 8;

/// What this node knows of coins: by its chain and by what it gave to the network; else by sessions that are signed completely, which whoever
/// has one can have mined. Else the child of a payment that another treasurer broadcast (T-27) could not be signed.
pub(super) struct Promises<'a> {
    shell: &'a Shell,
    made: BTreeMap<OutPoint, TxOut>,
    /// Sessions that were looked at: finishing one executes its scripts.
    seen: RefCell<BTreeMap<Txid, Option<Transaction>>>,
}

impl<'a> Promises<'a> {
    pub(super) fn new(shell: &'a Shell) -> Self {
        Self { shell, made: shell.treasury.made(), seen: RefCell::default() }
    }

    /// The output, if it is there.
    pub(super) fn coin(&self, outpoint: &OutPoint) -> Option<TxOut> {
        self.within(outpoint, MAX_LINE)
    }

    fn within(&self, outpoint: &OutPoint, line: u32) -> Option<TxOut> {
        if let Some(made) = self.made.get(outpoint) {
            return Some(made.clone());
        }
        let line = line.checked_sub(1)?;
        let seen = self.seen.borrow().get(&outpoint.txid).cloned();
        let promised = seen.unwrap_or_else(|| {
            let found = self.finished(outpoint.txid, line);
            self.seen.borrow_mut().insert(outpoint.txid, found.clone());
            found
        })?;
        promised.output.get(usize::try_from(outpoint.vout).ok()?).cloned()
    }

    fn finished(&self, txid: Txid, line: u32) -> Option<Transaction> {
        let row = session_row(self.shell, &txid.to_string()).ok()??;
        let transaction = match &row.final_tx {
            Some(bytes) => deserialize(bytes).ok()?,
            None => finalise(&psbt_of(&row).ok()?, &self.shell.treasury.policies()).ok()?,
        };
        let is_there = |outpoint: &OutPoint| self.within(outpoint, line).is_some();
        let inputs = || transaction.input.iter().map(|txin| txin.previous_output);
        (!is_void(self.shell, &transaction) && inputs().all(|outpoint| is_there(&outpoint))).then_some(transaction)
    }
}
