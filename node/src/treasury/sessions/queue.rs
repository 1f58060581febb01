//! Which sessions go on, and which yield to another over the same coins (T-300 to T-302).

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{Candidate, queue, read_proof, worst_weight};
use bitcoin::{Amount, OutPoint};

use super::Answered;
use super::checker::Checker;
use super::names::own_author;
use super::rows::psbt_of;
use super::void::is_void;
use crate::judge::Verdict;
use crate::shell::Shell;
use crate::store::SessionRow;

/// The sessions that may be signed and are neither mined nor void, in their order.
pub(super) struct Queue {
    /// Of each session the one that it yields to.
    yields: BTreeMap<String, Option<String>>,
    /// Coins of the sessions that go on, with the session.
    taken: BTreeMap<OutPoint, String>,
    /// Of every coin all sessions that spend it, whatever became of them.
    spenders: BTreeMap<OutPoint, Vec<String>>,
}

/// The queue as this node knows it.
pub(super) fn queue_of(shell: &Shell) -> Answered<Queue> {
    Queue::of(shell, &Checker::new(shell), &shell.store.treasury_sessions()?)
}

impl Queue {
    /// The queue of all stored sessions. Those that this node's treasurer refused, and those that may not be signed, hold nothing (T-302).
    pub(super) fn of(shell: &Shell, checker: &Checker<'_>, rows: &[SessionRow]) -> Answered<Self> {
        let generations = shell.treasury.policies();
        let me = own_author(shell);
        let mut candidates = Vec::new();
        let mut found = Self { yields: BTreeMap::new(), taken: BTreeMap::new(), spenders: BTreeMap::new() };
        for row in rows {
            let psbt = psbt_of(row)?;
            let transaction = &psbt.unsigned_tx;
            let txid = transaction.compute_txid();
            let inputs: Vec<OutPoint> = transaction.input.iter().map(|txin| txin.previous_output).collect();
            for input in &inputs {
                found.spenders.entry(*input).or_default().push(row.id.clone());
            }
            let is_over = shell.treasury.is_mined_spend(&txid) || is_void(shell, transaction);
            if is_over || refusal_of(shell, &row.id, &me)?.is_some() {
                continue;
            }
            // What this node gave to the network is on its way, whatever became of the reasons for it.
            if row.final_tx.is_none() && checker.check(&psbt)?.verdict != Verdict::Valid {
                continue;
            }
            candidates.push(Candidate {
                txid,
                inputs,
                payments: read_proof(&psbt).bundles.len(),
                fee: psbt.fee().unwrap_or(Amount::ZERO),
                weight: worst_weight(&psbt, &generations).unwrap_or(transaction.weight()),
            });
        }
        for (candidate, yields_to) in candidates.iter().zip(queue(&candidates)) {
            let id = candidate.txid.to_string();
            if yields_to.is_none() {
                found.taken.extend(candidate.inputs.iter().map(|input| (*input, id.clone())));
            }
            found.yields.insert(id, yields_to.map(|txid| txid.to_string()));
        }
        Ok(found)
    }

    /// The other sessions that spend one of these coins.
    pub(super) fn rivals(&self, session: &str, coins: &BTreeSet<OutPoint>) -> BTreeSet<String> {
        let spending = coins.iter().filter_map(|coin| self.spenders.get(coin)).flatten();
        spending.filter(|other| *other != session).cloned().collect()
    }

    /// The session that this one yields to.
    pub(super) fn yields_to(&self, session: &str) -> Option<&str> {
        self.yields.get(session)?.as_deref()
    }

    /// Coins that are promised to a session that goes on.
    pub(super) fn into_taken(self) -> BTreeMap<OutPoint, String> {
        self.taken
    }
}

/// Why this treasurer refuses a session, if the last word about it is a refusal.
pub(super) fn refusal_of(shell: &Shell, session: &str, me: &str) -> Answered<Option<String>> {
    let remarks = shell.store.treasury_remarks(session)?;
    let last = remarks.into_iter().rfind(|remark| remark.author == me && remark.kind != "comment");
    Ok(last.filter(|remark| remark.kind == "refusal").map(|remark| remark.text))
}
