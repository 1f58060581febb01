//! What Bitcoin says about entries of the hub: the facts are the caller's, the judgement is here.

use std::collections::BTreeMap;

use bitcoin::{BlockHash, OutPoint, Script, Transaction};

use super::LogState;
use super::refusal::{Refusal, invalid, not_now};
use crate::entry::{Execution, GateRefill, LogHead, SpendOutput};
use crate::ledger::{Payment, PaymentState};

/// A transaction of the best chain, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Mined<'a> {
    /// The transaction; its witness does not matter.
    pub tx: &'a Transaction,
    /// Height of its block.
    pub height: u32,
    /// Hash of its block.
    pub block: BlockHash,
}

/// Heads in a row that name no block of the best chain, of which the last is refused: about a day of blocks (G-30).
pub const STALE_HEADS: usize = 144;

impl LogState {
    /// G-30: the block that a head names is in the best chain. `blocks` has the hashes at the head's height and at those of the
    /// heads before it, as far as the caller knows them ([`LogState::heights_behind`]).
    ///
    /// A tip can become stale after an honest hub signed it, and the log keeps that head, also behind several reorganisations one after
    /// another. A head's block decides nothing, so the bound is wide: it only ends a log that names no chain at all.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when this head and so many before it name blocks that are not in the best chain.
    pub fn check_head_block(&self, head: &LogHead, blocks: &BTreeMap<u32, BlockHash>) -> Result<(), Refusal> {
        let is_off = |head: &LogHead| blocks.get(&head.tip_height).is_some_and(|block| *block != head.tip_hash);
        let run = self.heads.iter().rev().map(|record| &record.head).take_while(|head| is_off(head)).count();
        let Some(block) = blocks.get(&head.tip_height).filter(|_| is_off(head)) else { return Ok(()) };
        match run + 1 >= STALE_HEADS {
            true => invalid(
                "G-30",
                format!(
                    "the head names block {} at height {}, the best chain has {block}; it is the last of {} heads in a row \
                     beside the best chain, and fewer than {STALE_HEADS} can become stale",
                    head.tip_hash,
                    head.tip_height,
                    run + 1
                ),
            ),
            false => Ok(()),
        }
    }

    /// Heights of whose blocks [`LogState::check_head_block`] wants the hashes, for a head that names another block than the
    /// best chain has.
    #[must_use]
    pub fn heights_behind(&self) -> Vec<u32> {
        self.heads.iter().rev().take(STALE_HEADS).map(|record| record.head.tip_height).collect()
    }

    /// G-99: the transaction that a note names is the payment: authorised before, through its gate, of exactly its outputs.
    ///
    /// # Errors
    /// [`Refusal::NotNow`] before the payment is authorised in a final epoch; [`Refusal::Invalid`] with what differs.
    pub fn check_execution_by(
        &self,
        e: &Execution,
        mined: &Mined<'_>,
        stage: Option<&Transaction>,
    ) -> Result<(), Refusal> {
        let what = || format!("payment {} of proposal {}", e.milestone, e.proposal);
        let payment = |e: &Execution| -> Option<&Payment> {
            self.ledger().standing(&e.proposal)?.payments.get(usize::from(e.milestone))
        };
        let authorised = payment(e).and_then(|p| Some((p, p.gate?, p.authorisation?, p.authorised_height?)));
        let Some((payment_, gate, authorisation, since)) = authorised else {
            return not_now("G-99", format!("{} is not authorised in a final epoch", what()));
        };
        let (found, told) =
            ((mined.tx.compute_txid(), mined.height, mined.block), (e.txid, e.mined_height, e.mined_hash));
        if found != told {
            return invalid(
                "G-99",
                format!(
                    "the note says transaction {} in block {} at {}, Bitcoin says {} in block {} at {}",
                    told.0, told.2, told.1, found.0, found.2, found.1
                ),
            );
        }
        if matches!(payment_.state, PaymentState::Executed { .. }) {
            return invalid("G-99", format!("{} was executed before", what()));
        }
        if e.mined_height <= since {
            let height = e.mined_height;
            return invalid("G-99", format!("{} was authorised at {since}, the transaction is of {height}", what()));
        }
        // G-124: a payout spends the output of the stage transaction, and that the gate.
        let through = |stage: &Transaction| {
            let staged = OutPoint { txid: stage.compute_txid(), vout: 0 };
            spends(stage, &gate) && spends(mined.tx, &staged)
        };
        if !spends(mined.tx, &gate) && !stage.is_some_and(through) {
            return invalid("G-99", format!("transaction {} does not spend the gate {gate}", e.txid));
        }
        // Several payments may share a transaction, but not an output.
        let notes = self.proposals().values().flat_map(|proposal| &proposal.executions).map(|(_, other)| other);
        let others = notes.filter(|other| other.txid == e.txid).filter_map(payment);
        let wanted = others.chain([payment_]).flat_map(|payment| &payment.spend.outputs);
        if let Some(output) = first_unpaid(mined.tx, wanted) {
            let script = output.script.to_hex_string();
            return invalid("G-99", format!("transaction {} does not pay {} sat to {script}", e.txid, output.sat));
        }
        let least = payment_.spend.outputs.iter().fold(0u64, |sum, output| sum.saturating_add(output.sat));
        match (least..=authorisation.amount_sat).contains(&e.amount_sat) {
            true => Ok(()),
            false => invalid(
                "G-99",
                format!("{} sat are noted, between {least} and {} may leave", e.amount_sat, authorisation.amount_sat),
            ),
        }
    }

    /// G-108: the transaction that a refill names makes these gates and takes those back. `is_treasurys` tells whether a script
    /// is the treasury's.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with what differs.
    pub fn check_refill_by(
        &self,
        e: &GateRefill,
        mined: &Mined<'_>,
        is_treasurys: impl Fn(&Script) -> bool,
    ) -> Result<(), Refusal> {
        let found = (mined.tx.compute_txid(), mined.height, mined.block);
        if found != (e.txid, e.mined_height, e.mined_hash) {
            return invalid(
                "G-108",
                format!("the note says {} at {}, Bitcoin says {} at {}", e.txid, e.mined_height, found.0, found.1),
            );
        }
        let gate_sat = self.params().charter.gate_sat;
        for gate in e.gates() {
            let output = usize::try_from(gate.vout).ok().and_then(|vout| mined.tx.output.get(vout));
            let is_good = output.is_some_and(|o| o.value.to_sat() >= gate_sat && is_treasurys(&o.script_pubkey));
            if !is_good {
                return invalid("G-108", format!("{gate} is no output of the treasury of at least {gate_sat} sat"));
            }
        }
        let given: Vec<OutPoint> = self.ledger().gates_given().copied().collect();
        let spent = mined.tx.input.iter().map(|input| input.previous_output);
        let mut retired: Vec<OutPoint> =
            spent.filter(|o| self.is_gate(o) && !self.retired_gates.contains_key(o) && !given.contains(o)).collect();
        retired.sort_unstable();
        match retired == e.retired {
            true => Ok(()),
            false => invalid("G-108", format!("the transaction takes {retired:?} back, the note says {:?}", e.retired)),
        }
    }

    /// Whether an output is or was a gate.
    #[must_use]
    pub fn is_gate(&self, outpoint: &OutPoint) -> bool {
        self.params.gates.contains(outpoint) || self.refilled_gates.iter().any(|(_, gate)| gate == outpoint)
    }

    /// Whether a gate was taken back (G-108).
    #[must_use]
    pub fn is_retired_gate(&self, outpoint: &OutPoint) -> bool {
        self.retired_gates.contains_key(outpoint)
    }

    /// Every gate that there is or was, those of the genesis transaction first.
    pub fn all_gates(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.params.gates.iter().copied().chain(self.refilled_gates.iter().map(|(_, gate)| *gate))
    }

    /// Position of the refill that made a gate (G-108); `None` for one of the genesis transaction, and for no gate.
    #[must_use]
    pub fn refill_of(&self, gate: &OutPoint) -> Option<u64> {
        self.refilled_gates.iter().find(|(_, refilled)| refilled == gate).map(|(position, _)| *position)
    }

    /// Gates by the first `size` entries, the first to be given out first, without those that were taken back (G-108).
    pub fn gates(&self, size: u64) -> impl Iterator<Item = OutPoint> + '_ {
        let refilled = self.refilled_gates.iter().filter(move |(position, _)| *position < size).map(|(_, gate)| *gate);
        let all = self.params.gates.iter().copied().chain(refilled);
        all.filter(move |gate| self.retired_gates.get(gate).is_none_or(|position| *position >= size))
    }
}

fn spends(tx: &Transaction, outpoint: &OutPoint) -> bool {
    tx.input.iter().any(|input| input.previous_output == *outpoint)
}

/// The first of these outputs that the transaction does not have, each of its own counting for one of them.
fn first_unpaid<'a>(tx: &Transaction, wanted: impl Iterator<Item = &'a SpendOutput>) -> Option<&'a SpendOutput> {
    let mut left: Vec<(&Script, u64)> =
        tx.output.iter().map(|output| (output.script_pubkey.as_script(), output.value.to_sat())).collect();
    wanted.into_iter().find(|output| {
        let same = left.iter().position(|(script, sat)| (*script, *sat) == (output.script.as_script(), output.sat));
        match same {
            Some(place) => {
                left.swap_remove(place);
                false
            }
            None => true,
        }
    })
}
