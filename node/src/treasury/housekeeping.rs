//! What housekeeping has cost of late and may still cost (T-331, T-332), and what everybody is told of it (T-77, T-333).

use std::collections::BTreeSet;

use althing_anchor::{
    HOUSEKEEPING_BLOCKS, SigningStatus, Treasury, housekeeping_budget, housekeeping_cost, read_proof, verify_signatures,
};
use anyhow::{Context as _, Result};
use bitcoin::consensus::encode::deserialize;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, Txid};

use super::flows::{Flow, flows};
use super::intents::housekeeping_rate;
use super::key::Signer;
use super::movements::movement;
use super::sessions::is_void;
use crate::api::HousekeepingView;
use crate::shell::Shell;

/// Less than this is not told, however small the treasury (T-77).
const LEAST_COST_TOLD_SAT: u64 = 10_000;

/// Housekeeping that was mined, and what this node's treasurer signed or enough others did, so that a block may have it any time.
pub(super) struct Housekeeping {
    tip: u32,
    mined: Vec<Mined>,
    signed: Vec<Signed>,
}

struct Mined {
    txid: String,
    height: u32,
    cost: Amount,
}

struct Signed {
    txid: Txid,
    inputs: BTreeSet<OutPoint>,
    cost: Amount,
}

impl Housekeeping {
    /// What this node knows of it.
    ///
    /// # Errors
    /// A damaged store.
    pub(super) fn known(shell: &Shell) -> Result<Self> {
        let mined = flows(shell).into_iter().filter(is_housekeeping).map(|flow| Mined {
            txid: flow.txid,
            height: flow.height,
            cost: Amount::from_sat(flow.counted_sat),
        });
        let (generations, policies) = (shell.treasury.treasuries(), shell.treasury.policies());
        let (signer, rate) = (Signer::new(&shell.keys), rate(shell));
        let mut signed = Vec::new();
        for row in shell.store.treasury_sessions()? {
            let psbt = Psbt::deserialize(&row.psbt).with_context(|| format!("session {} in the store", row.id))?;
            let transaction = &psbt.unsigned_tx;
            let txid = transaction.compute_txid();
            let is_over = shell.treasury.is_mined_spend(&txid) || is_void(shell, transaction);
            if is_over || !read_proof(&psbt).bundles.is_empty() {
                continue;
            }
            let Some(cost) = housekeeping_cost(&psbt, &generations, rate) else { continue };
            let status = verify_signatures(&psbt, &policies).unwrap_or_default();
            if row.final_tx.is_some() || is_complete(&status) || has_signed(&status, &policies, &signer) {
                let inputs = transaction.input.iter().map(|txin| txin.previous_output).collect();
                signed.push(Signed { txid, inputs, cost });
            }
        }
        Ok(Self { tip: shell.tip_height(), mined: mined.collect(), signed })
    }

    /// T-332: what all of it costs but this transaction itself, and but what can never be mined beside it.
    pub(super) fn beside(&self, transaction: &Transaction) -> Amount {
        let txid = transaction.compute_txid();
        let own = txid.to_string();
        // Of one that is mined itself only what was there before says whether it should have been.
        let own_height = self.mined.iter().find(|mined| mined.txid == own).map(|mined| mined.height);
        let below = own_height.unwrap_or(u32::MAX);
        let since = own_height.unwrap_or(self.tip.saturating_add(1)).saturating_sub(HOUSEKEEPING_BLOCKS + 1);
        let mined = self.mined.iter().filter(|mined| mined.height > since && mined.height < below);
        let shares =
            |signed: &&Signed| transaction.input.iter().any(|txin| signed.inputs.contains(&txin.previous_output));
        let is_other = |signed: &&Signed| own_height.is_none() && signed.txid != txid && !shares(signed);
        let signed = self.signed.iter().filter(is_other).map(|signed| signed.cost);
        mined.map(|mined| mined.cost).chain(signed).fold(Amount::ZERO, saturating)
    }

    fn all(&self) -> Amount {
        let since = self.tip.saturating_sub(HOUSEKEEPING_BLOCKS);
        let mined = self.mined.iter().filter(|mined| mined.height > since).map(|mined| mined.cost);
        mined.chain(self.signed.iter().map(|signed| signed.cost)).fold(Amount::ZERO, saturating)
    }
}

/// What of its budget housekeeping has used.
///
/// # Errors
/// A damaged store.
pub(super) fn view(shell: &Shell) -> Result<HousekeepingView> {
    let spent_sat = Housekeeping::known(shell)?.all().to_sat();
    Ok(HousekeepingView {
        spent_sat,
        budget_sat: housekeeping_budget(rate(shell)).to_sat(),
        blocks: HOUSEKEEPING_BLOCKS,
    })
}

/// What every member's node tells of housekeeping, which nobody votes on and whose fees go to miners.
pub(super) fn alarms(shell: &Shell, flows: &[Flow]) -> Vec<String> {
    let tip = shell.tip_height();
    let coins = shell.treasury.wallets().iter().flat_map(|wallet| wallet.unspent());
    let holds_sat = coins.fold(0, |sum, coin| u64::saturating_add(sum, coin.txout.value.to_sat()));
    let budget_sat = housekeeping_budget(rate(shell)).to_sat();
    let over = over_budget(flows, tip, budget_sat).map(|text| {
        let recent = flows.iter().filter(|flow| is_recent(flow, tip));
        let names: BTreeSet<String> = recent.flat_map(|flow| signers(shell, flow)).collect();
        let names: Vec<String> = names.into_iter().collect();
        format!(
            "{text} They were signed by {}.",
            if names.is_empty() { "nobody that can be named".to_owned() } else { names.join(", ") }
        )
    });
    over.into_iter().chain(costly(flows, tip, holds_sat)).collect()
}

/// T-333: no machine that obeys T-332 signs so much.
fn over_budget(flows: &[Flow], tip: u32, budget_sat: u64) -> Option<String> {
    let recent = || flows.iter().filter(|flow| is_recent(flow, tip) && flow.counted_sat > 0);
    let sum_sat = recent().fold(0u64, |sum, flow| sum.saturating_add(flow.counted_sat));
    (sum_sat > budget_sat).then(|| {
        let ids: Vec<&str> = recent().map(|flow| flow.txid.as_str()).collect();
        format!(
            "T-333: HOUSEKEEPING ABOVE ITS BUDGET: {sum_sat} sat of the treasury went to fees within {HOUSEKEEPING_BLOCKS} blocks where at most \
             {budget_sat} sat may without a vote, in the transactions {}.",
            ids.join(", ")
        )
    })
}

/// T-77: nobody votes on housekeeping, and its fees go to miners; who makes much of it is to be seen.
fn costly(flows: &[Flow], tip: u32, holds_sat: u64) -> Option<String> {
    let recent = flows.iter().filter(|flow| is_recent(flow, tip));
    let (count, sum_sat) = recent.fold((0u32, 0u64), |(n, sum), flow| (n + 1, sum.saturating_add(flow.left_sat)));
    let most_sat = (holds_sat.saturating_add(sum_sat) / 100).max(LEAST_COST_TOLD_SAT);
    (sum_sat > most_sat).then(|| {
        format!(
            "T-77: housekeeping of the treasury, which nobody votes on, cost {sum_sat} sat of fees within {HOUSEKEEPING_BLOCKS} blocks, in {count} \
             transactions (`althing treasury flows`); that is more than {most_sat} sat, a hundredth of what it had. Ask the treasurers what for."
        )
    })
}

fn is_housekeeping(flow: &Flow) -> bool {
    flow.verdict == "housekeeping"
}

fn is_recent(flow: &Flow, tip: u32) -> bool {
    is_housekeeping(flow) && flow.height > tip.saturating_sub(HOUSEKEEPING_BLOCKS)
}

/// Who signed a mined transaction, by name.
fn signers(shell: &Shell, flow: &Flow) -> Vec<String> {
    let row = shell.treasury.spends().iter().find(|row| row.txid == flow.txid);
    let Some(transaction) = row.and_then(|row| deserialize::<Transaction>(&row.tx).ok()) else { return Vec::new() };
    let txid = transaction.compute_txid();
    movement(shell, &shell.treasury.treasuries(), txid, flow.height, &transaction).signers
}

fn rate(shell: &Shell) -> FeeRate {
    housekeeping_rate(shell.ledger.state().charter().max_link_fee_rate_sat_vb)
}

fn is_complete(status: &[SigningStatus]) -> bool {
    !status.is_empty() && status.iter().all(SigningStatus::is_complete)
}

fn has_signed(status: &[SigningStatus], policies: &[Treasury], signer: &Signer) -> bool {
    status.iter().any(|status| {
        let keys = policies.get(status.generation).map(Treasury::keys).unwrap_or_default();
        status.signed.iter().chain(&status.partly).any(|place| keys.get(*place).is_some_and(|key| signer.holds(key)))
    })
}

fn saturating(sum: Amount, more: Amount) -> Amount {
    sum.checked_add(more).unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests {
    use bitcoin::TxIn;
    use bitcoin::absolute::LockTime;
    use bitcoin::hashes::Hash;
    use bitcoin::transaction::Version;

    use super::*;

    fn housekeeping(height: u32, left_sat: u64) -> Flow {
        Flow {
            txid: height.to_string(),
            height,
            verdict: "housekeeping".to_owned(),
            left_sat,
            counted_sat: left_sat / 2,
            proposals: Vec::new(),
            reason: None,
            signers: Vec::new(),
            signer_keys: Vec::new(),
        }
    }

    /// A hundredth of what was there, within two weeks; the smallest sums are nobody's business, and payments are decided.
    #[test]
    fn much_housekeeping_is_told() {
        let many: Vec<Flow> = (1..=10).map(|n| housekeeping(10_000 + n, 10_000)).collect();
        let told = |flows: &[Flow], tip, holds_sat| costly(flows, tip, holds_sat).is_some();
        assert!(told(&many, 10_010, 9_899_999) && !told(&many, 10_010, 9_900_000), "a hundredth");
        assert!(told(&many, 10_010, 0) && !told(&many[..1], 10_010, 0), "the least");
        assert!(told(&many, 12_024, 200_000) && !told(&many, 12_025, 200_000), "two weeks");
        let paid: Vec<Flow> = many.iter().map(|flow| Flow { verdict: "decided".to_owned(), ..flow.clone() }).collect();
        assert!(!told(&paid, 10_010, 0));
    }

    /// T-333: what counts, within two weeks, to the satoshi; and the transactions are named.
    #[test]
    fn housekeeping_above_its_budget_is_told() {
        let many: Vec<Flow> = (1..=4).map(|n| housekeeping(10_000 + n, 2_000)).collect();
        let told = |flows: &[Flow], tip, budget_sat| over_budget(flows, tip, budget_sat);
        assert!(told(&many, 10_010, 4_000).is_none());
        let text = told(&many, 10_010, 3_999).unwrap();
        assert!(text.contains("4000 sat") && text.contains("10001, 10002, 10003, 10004"), "{text}");
        assert!(
            told(&many, 10_001 + 2015, 3_999).is_some() && told(&many, 10_001 + 2016, 3_999).is_none(),
            "two weeks"
        );
        let paid: Vec<Flow> = many.iter().map(|flow| Flow { verdict: "decided".to_owned(), ..flow.clone() }).collect();
        assert!(told(&paid, 10_010, 0).is_none());
    }

    fn spending(coins: &[u8]) -> Transaction {
        let input = |n: &u8| TxIn {
            previous_output: OutPoint { txid: Txid::from_byte_array([*n; 32]), vout: 0 },
            ..TxIn::default()
        };
        let input = coins.iter().map(input).collect();
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output: Vec::new() }
    }

    /// T-332: blocks of two weeks and what is signed; not itself, and nothing twice that shares a coin with it.
    #[test]
    fn what_can_be_mined_beside_it_counts() {
        let mined = |transaction: &Transaction, height: u32, sat: u64| Mined {
            txid: transaction.compute_txid().to_string(),
            height,
            cost: Amount::from_sat(sat),
        };
        let signed = |transaction: &Transaction, sat: u64| Signed {
            txid: transaction.compute_txid(),
            inputs: transaction.input.iter().map(|txin| txin.previous_output).collect(),
            cost: Amount::from_sat(sat),
        };
        let (first, second, third) = (spending(&[1]), spending(&[2]), spending(&[3]));
        let known = Housekeeping {
            tip: 5_000,
            mined: vec![mined(&first, 2_984, 1), mined(&second, 2_985, 10), mined(&third, 5_000, 100)],
            signed: vec![signed(&spending(&[4]), 1_000), signed(&spending(&[5, 6]), 10_000)],
        };
        let beside = |coins: &[u8]| known.beside(&spending(coins)).to_sat();
        assert_eq!(beside(&[9]), 11_110, "all but what was mined too long ago");
        assert_eq!(beside(&[4]), 10_110, "itself");
        assert_eq!(beside(&[4, 9]), 10_110, "a replacement");
        assert_eq!(beside(&[6]), 1_110, "one of its coins");
        assert_eq!(beside(&[3]), 11, "when it is mined itself: what was mined before");
        assert_eq!(beside(&[2]), 1);
        assert_eq!(known.all().to_sat(), 11_110);
    }
}
