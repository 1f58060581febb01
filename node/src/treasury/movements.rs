//! What moved in the treasury on Bitcoin, for the report: what came in, what left, and whose keys signed for it (F-6).

use std::collections::BTreeSet;

use althing_anchor::{Treasury, signers_of};
use althing_governance::report::Flow;
use bitcoin::{Transaction, TxOut, Txid};

use super::generations::{by_then, tenures};
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
    let there = by_then(&tenures(shell), height);
    let owner = |output: &TxOut| shell.treasury.owner_of(&output.script_pubkey);
    let then = |output: &TxOut| Some(shell.treasury.owner_among(there, &output.script_pubkey)?.generation);
    let prevouts: Vec<Option<TxOut>> =
        transaction.input.iter().map(|txin| shell.treasury.output(&txin.previous_output)).collect();
    let spent: Vec<&TxOut> = prevouts.iter().flatten().filter(|output| owner(output).is_some()).collect();
    let kept = kept(&spent, &transaction.output, |output| owner(output).is_some(), then);
    let spent = sum(spent.into_iter());
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

/// F-6: what came in or went back. What others pay to any treasury came in; what coins of the treasury pay goes back as T-336 has it, to none that is
/// older than the newest of which a coin is spent. So the report and the alarm say the same of what left.
fn kept(
    spent: &[&TxOut],
    outputs: &[TxOut],
    is_own: impl Fn(&TxOut) -> bool,
    then: impl Fn(&TxOut) -> Option<usize>,
) -> u64 {
    let newest = spent.iter().filter_map(|output| then(output)).max();
    let is_kept = |output: &&TxOut| match newest {
        Some(newest) => then(output).is_some_and(|generation| generation >= newest),
        None => is_own(output),
    };
    sum(outputs.iter().filter(is_kept))
}

fn sum<'a>(outputs: impl Iterator<Item = &'a TxOut>) -> u64 {
    outputs.fold(0, |sum, output| sum.saturating_add(output.value.to_sat()))
}

#[cfg(test)]
mod tests {
    use bitcoin::{Amount, ScriptBuf};

    use super::*;

    /// Output of this many satoshis to a treasury by its number, or to nobody's.
    fn to(treasury: u8, sat: u64) -> TxOut {
        TxOut { value: Amount::from_sat(sat), script_pubkey: ScriptBuf::from_bytes(vec![treasury]) }
    }

    /// Three treasuries, of which there were two by then.
    fn kept_of(spent: &[TxOut], outputs: &[TxOut]) -> u64 {
        let number = |output: &TxOut| usize::from(output.script_pubkey.as_bytes()[0]);
        let spent: Vec<&TxOut> = spent.iter().collect();
        kept(&spent, outputs, |output| number(output) < 3, |output| Some(number(output)).filter(|number| *number < 2))
    }

    #[test]
    fn what_goes_to_a_former_treasury_is_not_kept() {
        assert_eq!(kept_of(&[to(1, 90)], &[to(0, 80), to(1, 5), to(7, 1)]), 5, "stolen, but for the change");
        assert_eq!(kept_of(&[to(0, 50), to(1, 90)], &[to(0, 80), to(1, 40)]), 40);
        assert_eq!(kept_of(&[to(0, 90)], &[to(0, 40), to(1, 40)]), 80, "swept");
        assert_eq!(kept_of(&[to(1, 90)], &[to(2, 80)]), 0, "nobody had elected it yet");
        assert_eq!(kept_of(&[], &[to(0, 1), to(1, 2), to(2, 4), to(7, 8)]), 7, "given");
        assert_eq!(kept_of(&[to(2, 90)], &[to(2, 80)]), 80, "their own before the election");
    }
}
