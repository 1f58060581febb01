//! What housekeeping costs: the part of its fee that could be paid again and again, and how much of that may be (T-331, T-332).
//!
//! Nobody votes on housekeeping, and whoever may sign it could make one after the other until the treasury is with the miners. Only what
//! cannot be done again needs no limit: a coin of a former treasury comes home once.

use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, TxOut, Weight};

use super::build::fee_at;
use super::descriptor::Treasury;
use super::judge::MinedSpend;
use super::signature::{hints_of, origin_of, output_hints, prevout_of};

/// Over how many blocks housekeeping is added up: two weeks (T-332).
pub const HOUSEKEEPING_BLOCKS: u32 = 2016;

/// What the budget pays for at the charter's highest rate: the most gates that one transaction makes, which is 2,800 virtual bytes, and some
/// children that pay for a parent.
const BUDGET_VBYTES: u64 = 4_000;

/// T-332: what housekeeping may cost within [`HOUSEKEEPING_BLOCKS`] blocks; `rate` is the highest that the charter allows.
pub fn housekeeping_budget(rate: FeeRate) -> Amount {
    fee_at(Weight::from_vb(BUDGET_VBYTES).unwrap_or(Weight::MAX), rate)
}

/// T-331: what counts of a PSBT's fee. `None` when it is no housekeeping: an input or an output is not the treasury's. (A return of what was
/// staged spends no coin of the treasury, and a bond goes elsewhere.)
pub fn housekeeping_cost(psbt: &Psbt, generations: &[Treasury], rate: FeeRate) -> Option<Amount> {
    let mut coins = Vec::new();
    for (input, fields) in psbt.inputs.iter().enumerate() {
        let coin = prevout_of(psbt, input).ok()?;
        coins.push((coin, origin_of(coin, &hints_of(fields), generations)?.generation));
    }
    let outputs = &psbt.unsigned_tx.output;
    for (output, fields) in outputs.iter().zip(&psbt.outputs) {
        origin_of(output, &output_hints(fields), generations)?;
    }
    Some(cost(&coins, outputs, generations, generations.len().saturating_sub(1), rate))
}

/// T-331: the same of what was mined as housekeeping. The present treasury was then the newest that it went to.
pub fn mined_housekeeping_cost(spend: &MinedSpend<'_>, rate: FeeRate) -> Amount {
    let generation = |output: &TxOut| Some((spend.owner)(&output.script_pubkey)?.generation);
    let coins: Vec<(&TxOut, usize)> =
        spend.prevouts.iter().flatten().filter_map(|coin| Some((coin, generation(coin)?))).collect();
    let outputs = &spend.transaction.output;
    let present = outputs.iter().filter_map(generation).max().unwrap_or(0);
    cost(&coins, outputs, spend.generations, present, rate)
}

/// The fee, less what coins of former treasuries bring for themselves: what their inputs weigh at worst, at the highest rate. None brings more
/// than it holds, so that dust which somebody pays to a former treasury burns with nothing but itself.
fn cost(
    coins: &[(&TxOut, usize)],
    outputs: &[TxOut],
    generations: &[Treasury],
    present: usize,
    rate: FeeRate,
) -> Amount {
    let inputs = coins.iter().map(|(coin, _)| coin.value).fold(Amount::ZERO, saturating);
    let outputs = outputs.iter().map(|output| output.value).fold(Amount::ZERO, saturating);
    let fee = inputs.checked_sub(outputs).unwrap_or(Amount::ZERO);
    let brings = |(coin, generation): &(&TxOut, usize)| {
        let weight = generations.get(*generation)?.input_weight().ok()?;
        (*generation < present).then(|| coin.value.min(fee_at(weight, rate)))
    };
    let brought = coins.iter().filter_map(brings).fold(Amount::ZERO, saturating);
    fee.checked_sub(brought).unwrap_or(Amount::ZERO)
}

fn saturating(sum: Amount, more: Amount) -> Amount {
    sum.checked_add(more).unwrap_or(Amount::MAX)
}
