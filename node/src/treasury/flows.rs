//! What left the treasury: decided, housekeeping, or an alarm that names the keys that signed.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{Bond, MinedSpend, SpendFinding, SpendIntent, judge_spend, judge_staged, mined_housekeeping_cost};
use bitcoin::consensus::encode::deserialize;
use bitcoin::{OutPoint, Transaction, TxOut, Txid};
use serde::{Deserialize, Serialize};

use super::generations::{Tenure, by_then, lately, tenures};
use super::intents::{authorised, housekeeping_rate};
use super::stages::StagedCoin;
use crate::keys::hex;
use crate::shell::Shell;

/// One mined transaction that spent coins of the treasury.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// The transaction.
    pub txid: String,
    /// Height of its block.
    pub height: u32,
    /// `decided`, `staged`, `returned`, `housekeeping`, `spare_seal`, `bond_returned`, `unauthorised` or, while the log is behind, `pending`.
    pub verdict: String,
    /// What left the treasury, fee included.
    pub left_sat: u64,
    /// Of housekeeping: how much of its fee counts for the budget (T-331).
    #[serde(default)]
    pub counted_sat: u64,
    /// Proposals that it pays, hex.
    pub proposals: Vec<String>,
    /// Why it is not authorised.
    pub reason: Option<String>,
    /// Who signed what nobody decided: names where the charter has them, else the key.
    pub signers: Vec<String>,
    /// The same by key expression of the descriptor.
    pub signer_keys: Vec<String>,
}

/// Every spend of the treasury, judged by the log as this node has verified it.
pub(super) fn flows(shell: &Shell) -> Vec<Flow> {
    if shell.treasury.spends().is_empty() {
        return Vec::new();
    }
    let payments = authorised(shell);
    let by_gate: BTreeMap<OutPoint, SpendIntent> =
        payments.iter().map(|payment| (payment.intent.gate, payment.intent.clone())).collect();
    let mut gates: BTreeSet<OutPoint> = shell.ledger.state().all_gates().collect();
    gates.extend(by_gate.keys());
    let head = shell.ledger.state().tip_height().unwrap_or(0);
    let bonds = super::bonds::collected(shell);
    let staged = shell.treasury.staged();
    let tenures = tenures(shell);
    let spare_seals = shell.spare_seals().unwrap_or_default().into_iter().collect();
    let known =
        Known { by_gate: &by_gate, gates: &gates, spare_seals: &spare_seals, tenures: &tenures, staged: &staged };
    let mut found = Vec::new();
    for row in shell.treasury.spends() {
        let Ok(transaction) = deserialize::<Transaction>(&row.tx) else { continue };
        // What the next treasurers do with coins of theirs before they are elected is not the members' money.
        if !known.is_of_treasury(shell, &transaction, row.height) {
            continue;
        }
        let mut flow = Flow {
            txid: row.txid.clone(),
            height: row.height,
            verdict: "pending".to_owned(),
            left_sat: 0,
            counted_sat: 0,
            proposals: Vec::new(),
            reason: None,
            signers: Vec::new(),
            signer_keys: Vec::new(),
        };
        let bonds = super::bonds::bonds_at(&bonds, row.height);
        judge(shell, &transaction, &known, &bonds, &mut flow);
        flow.proposals = payments
            .iter()
            .filter(|payment| flow.proposals.contains(&hex(&payment.intent.id)))
            .map(|payment| payment.proposal.to_string())
            .collect();
        // Before the head of its block the log may not hold the decision yet.
        if row.height > head && flow.verdict == "unauthorised" {
            flow.verdict = "pending".to_owned();
        }
        found.push(flow);
    }
    found
}

/// Spends that nobody decided, in sentences; and those that nobody can judge for want of a head (T-76).
pub(super) fn alarms(shell: &Shell) -> Vec<String> {
    let (head, tip) = (shell.ledger.state().tip_height().unwrap_or(0), shell.tip_height());
    let flows = flows(shell);
    let mut told: Vec<String> = flows.iter().filter_map(|flow| alarm(flow, head, tip)).collect();
    told.extend(super::housekeeping::alarms(shell, &flows));
    told
}

fn alarm(flow: &Flow, head: u32, tip: u32) -> Option<String> {
    let by = if flow.signers.is_empty() { "nobody that can be named".to_owned() } else { flow.signers.join(", ") };
    let Flow { txid, height, left_sat, .. } = flow;
    match flow.verdict.as_str() {
        "unauthorised" => Some(format!(
            "UNAUTHORISED SPEND of {left_sat} sat of the treasury: transaction {txid} at height {height} was signed by {by}; {}.",
            flow.reason.as_deref().unwrap_or_default()
        )),
        // A hub has a head for each block within seconds; one that has none a block later may have reasons.
        "pending" if *height < tip => Some(format!(
            "T-76: {left_sat} sat left the treasury in transaction {txid} at height {height}, signed by {by}; the log here knows of no such \
             decision and has no head above height {head}, so nobody can say yet whether it was decided."
        )),
        _ => None,
    }
}

/// Housekeeping that was mined, by transaction.
pub fn housekeeping(shell: &Shell) -> Vec<Flow> {
    flows(shell).into_iter().filter(|flow| flow.verdict == "housekeeping").collect()
}

/// If a transaction pays what was decided: its id, its height, and what left the treasury.
///
/// Of a staged payment `txid` is the stage, and the answer is about its payout (G-124): its id, its height, and what left with both.
pub fn executed(shell: &Shell, txid: &Txid) -> Option<(Txid, u32, u64)> {
    let flows = flows(shell);
    let flow_of = |txid: &Txid| flows.iter().find(|flow| flow.txid == txid.to_string());
    let flow = flow_of(txid)?;
    match flow.verdict.as_str() {
        "decided" => Some((*txid, flow.height, flow.left_sat)),
        "staged" => {
            let staged = shell.treasury.staged().remove(&OutPoint { txid: *txid, vout: 0 })?;
            let (payout, height) = staged.spent?;
            let payout = payout.compute_txid();
            let paid = flow_of(&payout).filter(|paid| paid.verdict == "decided")?;
            Some((payout, height, flow.left_sat.saturating_add(paid.left_sat)))
        }
        _ => None,
    }
}

/// Transactions, without witness, that made the coins of the treasury which one of that height spends, in the order of its inputs; at most
/// `most`, those of the newest treasuries before others, for they say where nothing goes back to (T-336).
pub(crate) fn sources(shell: &Shell, spending: &Transaction, height: u32, most: usize) -> Vec<Transaction> {
    let tenures = tenures(shell);
    let there = by_then(&tenures, height);
    let mut newest: BTreeMap<Txid, (usize, usize)> = BTreeMap::new();
    for (at, txin) in spending.input.iter().enumerate() {
        let spent = txin.previous_output;
        let output = shell.treasury.output(&spent);
        let Some(origin) = output.and_then(|output| shell.treasury.owner_among(there, &output.script_pubkey)) else {
            continue;
        };
        let (_, generation) = newest.entry(spent.txid).or_insert((at, origin.generation));
        *generation = origin.generation.max(*generation);
    }
    let mut chosen: Vec<(Txid, (usize, usize))> = newest.into_iter().collect();
    chosen.sort_by_key(|(_, (at, generation))| (std::cmp::Reverse(*generation), *at));
    chosen.truncate(most);
    chosen.sort_by_key(|(_, (at, _))| *at);
    let made = chosen.into_iter().filter_map(|(txid, _)| shell.treasury.transaction(&txid));
    let stripped = |mut transaction: Transaction| {
        transaction.input.iter_mut().for_each(|txin| txin.witness.clear());
        transaction
    };
    made.map(stripped).collect()
}

/// What a spend is judged by.
struct Known<'a> {
    by_gate: &'a BTreeMap<OutPoint, SpendIntent>,
    gates: &'a BTreeSet<OutPoint>,
    spare_seals: &'a BTreeSet<OutPoint>,
    tenures: &'a [Tenure],
    staged: &'a BTreeMap<OutPoint, StagedCoin>,
}

impl Known<'_> {
    /// Whether a block of that height spends coins of a treasury that there was by then, or what was staged.
    fn is_of_treasury(&self, shell: &Shell, transaction: &Transaction, height: u32) -> bool {
        let there = by_then(self.tenures, height);
        transaction.input.iter().map(|txin| &txin.previous_output).any(|spent| {
            self.staged.contains_key(spent)
                || shell
                    .treasury
                    .output(spent)
                    .is_some_and(|coin| shell.treasury.owner_among(there, &coin.script_pubkey).is_some())
        })
    }

    /// The newest treasury whose coins a stage transaction put to rest.
    fn staged_from(&self, shell: &Shell, staged: &StagedCoin) -> usize {
        let there = by_then(self.tenures, staged.height);
        let spent =
            staged.coin.transaction.input.iter().filter_map(|txin| shell.treasury.output(&txin.previous_output));
        let origins = spent.filter_map(|coin| shell.treasury.owner_among(there, &coin.script_pubkey));
        origins.map(|origin| origin.generation).max().unwrap_or(0)
    }

    /// What a stage transaction was to pay, in the order of the gates that it spends.
    fn staged_intents(&self, stage: &Transaction) -> Vec<SpendIntent> {
        stage.input.iter().filter_map(|txin| self.by_gate.get(&txin.previous_output)).cloned().collect()
    }
}

fn judge(
    shell: &Shell,
    transaction: &Transaction,
    known: &Known<'_>,
    bonds: &BTreeMap<OutPoint, Bond>,
    flow: &mut Flow,
) {
    let charter = shell.ledger.state().charter();
    let prevouts: Vec<Option<TxOut>> =
        transaction.input.iter().map(|txin| output_of(shell, known.staged, &txin.previous_output)).collect();
    let generations = shell.treasury.policies();
    let treasuries = shell.treasury.treasuries();
    let there = by_then(known.tenures, flow.height).min(treasuries.len());
    let owner = |script: &bitcoin::Script| shell.treasury.owner_among(there, script);
    let spend = MinedSpend {
        transaction,
        height: flow.height,
        prevouts: &prevouts,
        generations: &treasuries[..there],
        lately: lately(known.tenures, flow.height),
        spare_seals: known.spare_seals,
        bonds,
        owner: &owner,
    };
    let rate = housekeeping_rate(charter.max_link_fee_rate_sat_vb);
    let decided = |gate: &OutPoint| known.by_gate.get(gate).cloned();
    let mut rested = transaction.input.iter().filter_map(|txin| known.staged.get(&txin.previous_output)).peekable();
    let finding = match rested.peek().copied() {
        Some(first) => {
            let staged_from = rested.map(|coin| known.staged_from(shell, coin)).max().unwrap_or(0);
            let place = |coin: &StagedCoin| treasuries.len() + coin.stage;
            let staged = known.staged.iter().map(|(outpoint, coin)| (*outpoint, place(coin))).collect();
            let intents = known.staged_intents(&first.coin.transaction);
            judge_staged(&MinedSpend { generations: &generations, ..spend }, &staged, staged_from, &intents, rate)
        }
        None => judge_spend(&spend, known.gates, decided, rate),
    };
    match finding {
        SpendFinding::Decided { ids, left } => {
            flow.verdict = "decided".to_owned();
            flow.left_sat = left.to_sat();
            flow.proposals = ids.iter().map(|id| hex(id)).collect();
        }
        SpendFinding::Staged { ids, fee } => {
            flow.verdict = "staged".to_owned();
            flow.left_sat = fee.to_sat();
            flow.proposals = ids.iter().map(|id| hex(id)).collect();
        }
        SpendFinding::Returned { fee } => {
            flow.verdict = "returned".to_owned();
            flow.left_sat = fee.to_sat();
        }
        SpendFinding::Housekeeping { fee } => {
            flow.verdict = "housekeeping".to_owned();
            flow.left_sat = fee.to_sat();
            flow.counted_sat = mined_housekeeping_cost(&spend, rate).to_sat();
        }
        SpendFinding::SpareSeal => flow.verdict = "spare_seal".to_owned(),
        SpendFinding::BondReturned { left } => {
            flow.verdict = "bond_returned".to_owned();
            flow.left_sat = left.to_sat();
        }
        SpendFinding::Unauthorised { reason, left, signers } => {
            flow.verdict = "unauthorised".to_owned();
            flow.left_sat = left.to_sat();
            flow.reason = Some(reason);
            for (generation, key) in signers {
                let Some(expression) = generations.get(generation).and_then(|t| t.keys().get(key)) else { continue };
                flow.signers.push(super::policy::holder(shell, generation, key));
                flow.signer_keys.push(expression.to_string());
            }
        }
        _ => {}
    }
}

/// An output of the treasury, or one that was staged.
fn output_of(shell: &Shell, staged: &BTreeMap<OutPoint, StagedCoin>, outpoint: &OutPoint) -> Option<TxOut> {
    let rests = || staged.get(outpoint)?.coin.output().cloned();
    shell.treasury.output(outpoint).or_else(rests)
}
