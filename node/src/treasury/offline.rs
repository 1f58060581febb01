//! The check of a PSBT file without a running node: block hashes and gates from a source that the caller names.

use althing_anchor::{BlockHashes, GateState, prevout_of, read_proof};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, Network, OutPoint};

use super::check::{CheckReport, Coins, KnownTreasury, check};
use super::text::psbt_from;
use crate::dao::Dao;
use crate::judge::{Blocks, Source, Verdict};
use crate::proof;

/// What the caller says of the gates, where the source does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedGates {
    /// Nothing.
    Unknown,
    /// They are unspent.
    Unspent,
    /// They are spent.
    Spent,
}

/// Judges a PSBT file by a source of block hashes. `dao` names the treasury otherwise than by the proof; `housekeeping_spent_sat` is what
/// the caller says that housekeeping has cost of late (T-332).
pub fn check_file(
    file: &[u8],
    source: &Source,
    gates: StatedGates,
    dao: Option<&Dao>,
    housekeeping_spent_sat: Option<u64>,
) -> CheckReport {
    let housekeeping_spent = housekeeping_spent_sat.map(Amount::from_sat);
    let known = dao.map(KnownTreasury::founding);
    let known = match known.transpose() {
        Ok(known) => known.map(|known| KnownTreasury { housekeeping_spent, ..known }),
        Err(error) => return cannot_tell(format!("the founding file: {error:#}")),
    };
    let network = dao.map(Dao::network).or_else(|| network_of(file));
    let opened = network.map(|network| Blocks::open(source, network));
    let (blocks, why) = match opened {
        Some(Ok(blocks)) => (Some(blocks), None),
        Some(Err(refusal)) => (None, Some(refusal.reason)),
        None => (None, None),
    };
    let gate_state = |gate: &OutPoint| match (gates, &blocks) {
        (StatedGates::Unspent, _) => Some(GateState::Unspent),
        (StatedGates::Spent, _) => Some(GateState::Spent(None)),
        (StatedGates::Unknown, Some(Blocks::Bitcoind(asked))) => match asked.bitcoind.unspent_confirmations(gate) {
            Ok(Some(_)) => Some(GateState::Unspent),
            Ok(None) => Some(GateState::Spent(None)),
            Err(_) => None,
        },
        (StatedGates::Unknown, _) => None,
    };
    let hashes = blocks.as_ref().map(|blocks| blocks as &dyn BlockHashes);
    // T-111: as the file shows it, where a block has it and none has spent it.
    let coin = |psbt: &Psbt, input: usize| {
        let Some(Blocks::Bitcoind(asked)) = &blocks else { return None };
        let outpoint = psbt.unsigned_tx.input.get(input)?.previous_output;
        let is_there = matches!(asked.bitcoind.unspent_confirmations(&outpoint), Ok(Some(_)));
        prevout_of(psbt, input).ok().filter(|_| is_there).cloned()
    };
    let asks = matches!(blocks, Some(Blocks::Bitcoind(_)));
    let coins: Option<&Coins<'_>> = if asks { Some(&coin) } else { None };
    let mut report = check(file, hashes, &gate_state, coins, known.as_ref());
    if let Some(trouble) = blocks.as_ref().and_then(Blocks::trouble) {
        return cannot_tell(trouble);
    }
    report.unknown.extend(why.filter(|_| report.verdict == Verdict::CannotTell));
    report
}

/// Network of the first proof in the file.
fn network_of(file: &[u8]) -> Option<Network> {
    let carried = read_proof(&psbt_from(file).ok()?);
    proof::decode(carried.bundles.first()?).ok().map(|(_, network)| network)
}

fn cannot_tell(reason: String) -> CheckReport {
    CheckReport {
        verdict: Verdict::CannotTell,
        txid: None,
        sentences: Vec::new(),
        stage: None,
        reasons: Vec::new(),
        passing: None,
        unknown: vec![reason],
        proposals: Vec::new(),
        payments: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        fee_sat: None,
        change_sat: None,
    }
}
