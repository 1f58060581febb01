//! Children of this member's wallet that pay for what others signed: built, kept and sent again until a block settles it (T-103).

use althing_anchor::{BumpChild, BumpError, Coin};
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, Txid};

use super::Member;
use crate::api::ApiError;
use crate::chain::BitcoindError;
use crate::shell::unix_time;
use crate::store::FeeChild;

/// Most coins that one child spends: more would be too heavy for relay before long.
const COINS_MAX: usize = 8;

/// What pays.
pub(super) struct Child {
    pub(super) txid: Txid,
    pub(super) fee: Amount,
}

/// What became of a child.
enum Standing {
    /// No block has what it pays for.
    WithParent,
    /// A block has what it pays for, and not the child.
    Alone,
    /// Mined, so deep.
    Mined(u32),
    /// A block has something else that spends what it, or its parent, spends.
    Overtaken,
}

impl Member {
    /// A child with coins of this wallet, which goes to the network together with what it pays for.
    pub(super) fn pay_for(
        &mut self,
        parent: &Transaction,
        paid: Amount,
        rate: FeeRate,
        cap: FeeRate,
        only_review: bool,
    ) -> Result<Child, ApiError> {
        let before = self.shell.store.fee_child(&parent.compute_txid())?.map(|row| row.child);
        let refund = self.shell.wallet.unused_script()?;
        let coins = self.free_coins(before.as_ref());
        let child = fewest(&coins, parent, paid, &refund, rate, cap).map_err(|error| match error {
            BumpError::NoCoins | BumpError::TooFewCoins { .. } | BumpError::TooHeavy { .. } => {
                let held: u64 = coins.iter().map(|coin| coin.output.value.to_sat()).sum();
                ApiError::not_now(format!("{error}; this wallet has {held} sat confirmed and free"))
            }
            other => ApiError::invalid("A-79", other.to_string()),
        })?;
        let spent: Vec<_> = child.inputs.iter().filter_map(|input| input.witness_utxo.clone()).collect();
        let signed = self.shell.wallet.sign_own_inputs(&child.unsigned_tx, &spent)?;
        let held: Amount = spent.iter().map(|output| output.value).sum();
        let out: Amount = signed.output.iter().map(|output| output.value).sum();
        let found = Child { txid: signed.compute_txid(), fee: held.checked_sub(out).unwrap_or(Amount::ZERO) };
        if only_review {
            return Ok(found);
        }
        self.send_child(FeeChild { parent: parent.clone(), child: signed }, before)?;
        self.shell.revision += 1;
        Ok(found)
    }

    /// T-103: stored, then known to the wallet, then given to the network. After a kill in between it goes out by itself, and its coins are
    /// in no second payment.
    fn send_child(&mut self, row: FeeChild, before: Option<Transaction>) -> Result<(), ApiError> {
        self.shell.store.write(|writer| writer.put_fee_child(&row))?;
        self.shell.wallet.note_broadcast(&row.child, unix_time())?;
        // What it pays for may have been refused alone, or be in the mempool already.
        match self.shell.bitcoind.submit_package(&[row.parent.clone(), row.child.clone()]) {
            Ok(()) => Ok(()),
            Err(refused @ BitcoindError::Refused { .. }) => {
                let parent = row.parent.compute_txid();
                self.shell.wallet.let_go([row.child.compute_txid()], unix_time())?;
                match before {
                    Some(child) => self.shell.store.write(|writer| writer.put_fee_child(&FeeChild { child, ..row }))?,
                    None => self.shell.store.write(|writer| writer.forget_fee_child(&parent))?,
                }
                Err(ApiError::not_now(refused.to_string()))
            }
            Err(error) => {
                tracing::warn!(%error, "a child that pays for a transaction waits for the Bitcoin source");
                Ok(())
            }
        }
    }

    /// T-103: with every block, what no block has yet. What was overtaken gives its coins back.
    pub(super) fn send_children_again(&mut self) -> anyhow::Result<()> {
        let final_depth = self.shell.ledger.state().charter().final_depth;
        for row in self.shell.store.fee_children()? {
            let (parent, child) = (row.parent.compute_txid(), row.child.compute_txid());
            let standing = match self.standing_of(&row) {
                Ok(standing) => standing,
                Err(error) => {
                    tracing::debug!(%error, %child, "what became of a child is asked with the next block");
                    continue;
                }
            };
            let sent = match standing {
                Standing::Mined(depth) if depth < final_depth => continue,
                Standing::Mined(_) => {
                    self.shell.store.write(|writer| writer.forget_fee_child(&parent))?;
                    continue;
                }
                Standing::Overtaken => {
                    self.shell.wallet.let_go([child], unix_time())?;
                    self.shell.store.write(|writer| writer.forget_fee_child(&parent))?;
                    self.shell.revision += 1;
                    continue;
                }
                Standing::Alone => self.shell.bitcoind.submit(&row.child).map(drop),
                Standing::WithParent => self.shell.bitcoind.submit_package(&[row.parent, row.child.clone()]),
            };
            // After a kill the wallet may not know it yet.
            if self.shell.wallet.unconfirmed().iter().all(|known| known.compute_txid() != child) {
                self.shell.wallet.note_broadcast(&row.child, unix_time())?;
            }
            if let Err(error) = sent {
                tracing::debug!(%error, %child, "a child was not taken again");
            }
        }
        Ok(())
    }

    fn standing_of(&self, row: &FeeChild) -> Result<Standing, BitcoindError> {
        if let Some(height) = self.shell.wallet.confirmed_at(&row.child.compute_txid()) {
            return Ok(Standing::Mined(self.shell.tip_height().saturating_add(1).saturating_sub(height)));
        }
        let is_unspent = |outpoint: &OutPoint| Ok(self.shell.bitcoind.unspent_confirmations(outpoint)?.is_some());
        let all = |tx: &Transaction| {
            tx.input.iter().try_fold(true, |so_far, input| Ok(so_far && is_unspent(&input.previous_output)?))
        };
        Ok(match (all(&row.parent)?, all(&row.child)?) {
            (true, _) => Standing::WithParent,
            (false, true) => Standing::Alone,
            (false, false) => Standing::Overtaken,
        })
    }

    /// Confirmed coins but those that stay for closing channels alone (C-77), and those of the child that this one replaces; the largest first.
    fn free_coins(&self, before: Option<&Transaction>) -> Vec<Coin> {
        let kept = self.shell.coins_for_closing();
        let mut coins = self.shell.wallet.confirmed_coins(&[self.shell.stakes.promised_coins(), kept].concat());
        let again = before.into_iter().flat_map(|child| child.input.iter().skip(1));
        coins.extend(again.filter_map(|input| self.shell.wallet.coin(&input.previous_output)));
        coins.sort_by_key(|coin| std::cmp::Reverse(coin.output.value));
        coins.dedup_by_key(|coin| coin.outpoint);
        coins.truncate(COINS_MAX);
        let coin = |coin: althing_channels::monitor::WalletCoin| Coin {
            outpoint: coin.outpoint,
            output: coin.output,
            satisfaction: coin.witness_weight,
        };
        coins.into_iter().map(coin).collect()
    }
}

/// A child with as few of the coins as pay for it.
fn fewest(
    coins: &[Coin],
    parent: &Transaction,
    paid: Amount,
    refund: &ScriptBuf,
    rate: FeeRate,
    cap: FeeRate,
) -> Result<bitcoin::Psbt, BumpError> {
    let mut last = Err(BumpError::NoCoins);
    for count in 1..=coins.len() {
        last = BumpChild::new(parent.clone(), paid, coins[..count].to_vec(), refund.clone()).build(rate, cap);
        if !matches!(last, Err(BumpError::TooFewCoins { .. })) {
            break;
        }
    }
    last
}
