//! What moved in the treasury on Bitcoin, for the report: what came in, what left, and whose keys signed for it (F-6).

use std::collections::BTreeSet;

use althing_anchor::{Treasury, signers_of};
use althing_governance::report::Flow;
use bitcoin::{Transaction, TxOut, Txid};

use super::policy::holder;
use crate::shell::Shell;

/// The mined transactions that concern the treasury, by height. What goes back into it has not moved.
pub fn movements(shell: &Shell) -> Vec<Flow> {
    let generations = shell.treasury.treasuries();
    let mined = shell.treasury.mined();
    let mut flows: Vec<Flow> = mined
        .iter()
        .map(|(txid, (height, transaction))| movement(shell, &generations, *txid, *height, transaction))
        .collect();
    flows.sort_by_key(|flow| (flow.height, flow.txid));
    flows
}

pub(super) fn movement(
    shell: &Shell,
    generations: &[Treasury],
    txid: Txid,
    height: u32,
    transaction: &Transaction,
) -> Flow {
    let owner = |output: &TxOut| shell.treasury.owner_of(&output.script_pubkey);
    let prevouts: Vec<Option<TxOut>> =
        transaction.input.iter().map(|txin| shell.treasury.output(&txin.previous_output)).collect();
    let spent = sum(prevouts.iter().flatten().filter(|output| owner(output).is_some()));
    let kept = sum(transaction.output.iter().filter(|output| owner(output).is_some()));
    let mut signers = BTreeSet::new();
    for (input, prevout) in prevouts.iter().enumerate() {
        let Some(origin) = prevout.as_ref().and_then(owner) else { continue };
        let by = signers_of(transaction, input, &prevouts, &origin, generations);
        signers.extend(by.into_iter().map(|key| holder(shell, origin.generation, key)));
    }
    Flow {
        txid,
        height,
        in_sat: kept.saturating_sub(spent),
        out_sat: spent.saturating_sub(kept),
        signers: signers.into_iter().collect(),
    }
}

fn sum<'a>(outputs: impl Iterator<Item = &'a TxOut>) -> u64 {
    outputs.fold(0, |sum, output| sum.saturating_add(output.value.to_sat()))
}
