//! Sessions that no block can ever have: another mined transaction has spent what they need (T-66, T-335).

use bitcoin::{OutPoint, Transaction, Txid};

use super::made::MAX_LINE;
use super::rows::{psbt_of, session_row};
use crate::shell::Shell;

/// Whether a block has another transaction in its place.
pub(in crate::treasury) fn is_void(shell: &Shell, transaction: &Transaction) -> bool {
    overtaken_by(shell, transaction).is_some()
}

/// The mined transaction that spends one of its coins; or one of what makes its coins: the child of a payment that was replaced spends
/// what is never made.
pub(super) fn overtaken_by(shell: &Shell, transaction: &Transaction) -> Option<Txid> {
    let mined = |outpoint: &OutPoint| shell.treasury.mined_spender(outpoint);
    let maker = |txid: &Txid| unmined(shell, txid);
    overtaken(transaction, &mined, &maker, MAX_LINE)
}

fn overtaken(
    transaction: &Transaction,
    mined: &dyn Fn(&OutPoint) -> Option<Txid>,
    maker: &dyn Fn(&Txid) -> Option<Transaction>,
    line: u32,
) -> Option<Txid> {
    let own = transaction.compute_txid();
    let spent = || transaction.input.iter().map(|txin| txin.previous_output);
    let rival = spent().find_map(|outpoint| mined(&outpoint).filter(|by| *by != own));
    let deeper = line.checked_sub(1)?;
    rival.or_else(|| spent().find_map(|outpoint| overtaken(&maker(&outpoint.txid)?, mined, maker, deeper)))
}

/// A transaction that spends the treasury's coins and that no block has: a session, or what this node gave to the network.
fn unmined(shell: &Shell, txid: &Txid) -> Option<Transaction> {
    if shell.treasury.is_mined_spend(txid) {
        return None;
    }
    let session = session_row(shell, &txid.to_string()).ok().flatten();
    let stored = session.and_then(|row| psbt_of(&row).ok()).map(|psbt| psbt.unsigned_tx);
    stored.or_else(|| shell.treasury.transaction(txid))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bitcoin::absolute::LockTime;
    use bitcoin::hashes::Hash;
    use bitcoin::transaction::Version;
    use bitcoin::{Amount, ScriptBuf, TxIn, TxOut};

    use super::*;

    fn spending(coins: &[OutPoint], sat: u64) -> Transaction {
        let input = coins.iter().map(|coin| TxIn { previous_output: *coin, ..TxIn::default() }).collect();
        let output = vec![TxOut { value: Amount::from_sat(sat), script_pubkey: ScriptBuf::new() }];
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
    }

    fn first_of(transaction: &Transaction) -> OutPoint {
        OutPoint { txid: transaction.compute_txid(), vout: 0 }
    }

    /// T-335: a payment was replaced, and so its child, and the child's child, can never be mined. Those of the replacement can.
    #[test]
    fn a_child_of_what_was_replaced_is_void() {
        let coin = OutPoint { txid: Txid::from_byte_array([7; 32]), vout: 1 };
        let (payment, replacement) = (spending(&[coin], 900), spending(&[coin], 800));
        let child = spending(&[first_of(&payment)], 700);
        let grandchild = spending(&[OutPoint { vout: 3, ..coin }, first_of(&child)], 600);
        let other = spending(&[first_of(&replacement)], 500);
        let all = [&payment, &replacement, &child, &grandchild, &other];
        let known: BTreeMap<Txid, Transaction> = all.iter().map(|tx| (tx.compute_txid(), (*tx).clone())).collect();
        let judge = |mined_tx: Option<&Transaction>, transaction: &Transaction| {
            let by = mined_tx.map(Transaction::compute_txid);
            let mined = |outpoint: &OutPoint| by.filter(|_| *outpoint == coin);
            let maker = |txid: &Txid| known.get(txid).filter(|_| Some(*txid) != by).cloned();
            overtaken(transaction, &mined, &maker, MAX_LINE)
        };
        for transaction in all {
            assert_eq!(judge(None, transaction), None, "no block has any of them");
        }
        let by = Some(replacement.compute_txid());
        for transaction in [&payment, &child, &grandchild] {
            assert_eq!(judge(Some(&replacement), transaction), by);
        }
        for transaction in [&replacement, &other] {
            assert_eq!(judge(Some(&replacement), transaction), None);
        }
        assert_eq!(judge(Some(&payment), &grandchild), None);
        // A line that somebody made to be followed for ever is followed so far.
        let mut line = vec![payment.clone()];
        for _ in 0..2 * MAX_LINE {
            line.push(spending(&[first_of(line.last().unwrap())], 100));
        }
        let known: BTreeMap<Txid, Transaction> = line.iter().map(|tx| (tx.compute_txid(), tx.clone())).collect();
        let far = overtaken(
            line.last().unwrap(),
            &|outpoint| by.filter(|_| *outpoint == coin),
            &|txid| known.get(txid).cloned(),
            MAX_LINE,
        );
        assert_eq!(far, None);
    }
}
