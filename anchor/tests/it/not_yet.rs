//! Hazard: a node that is behind takes "not yet" for "no" (T-102).

use althing_anchor::{Passing, PsbtReason, PsbtVerdict};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, Txid};

use crate::treasury_world::{Chest, tr, wsh};

fn words() -> String {
    "so".to_owned()
}

/// Every reason, and what takes it away.
fn all() -> Vec<(Passing, PsbtReason)> {
    use Passing::{Blocks, Never, News};
    let (outpoint, txid) = (OutPoint::null(), Txid::all_zeros());
    let (found, wanted, reason) = (words(), words(), words());
    let fee = Amount::ONE_SAT;
    vec![
        (Blocks, PsbtReason::Shallow { depth: 5, needed: 6 }),
        (Blocks, PsbtReason::NotYet { from: 101, next: 100 }),
        (Blocks, PsbtReason::LockTime { lock_time: 499_999_999 }),
        (Never, PsbtReason::LockTime { lock_time: 500_000_000 }),
        (News, PsbtReason::NoProof),
        (News, PsbtReason::Proof { number: 1, reason: words() }),
        (News, PsbtReason::Replayed { gate: outpoint, by: Some(txid) }),
        (News, PsbtReason::ForeignInput { input: 0, outpoint }),
        (News, PsbtReason::LockedInput { input: 0, outpoint }),
        (News, PsbtReason::SpareSeal { input: 0, problem: "so" }),
        (News, PsbtReason::ForeignOutput { vout: 0, found: words() }),
        (News, PsbtReason::Crumb { vout: 1, gate: fee }),
        (News, PsbtReason::FeeAboveCap { fee, cap: fee }),
        (News, PsbtReason::OutOfSight { vout: 0, index: 999, below: 200 }),
        (News, PsbtReason::HousekeepingBudget { cost: fee, spent: fee, budget: Amount::ZERO }),
        (Blocks, PsbtReason::HousekeepingBudget { cost: fee, spent: fee, budget: fee }),
        (News, PsbtReason::HeldBond { input: 0, outpoint }),
        (News, PsbtReason::BondElsewhere { back: words() }),
        (News, PsbtReason::NotStageable { reason }),
        (News, PsbtReason::StagedOtherwise { number: 1 }),
        (News, PsbtReason::StageOutput { found: words(), wanted: words() }),
        (News, PsbtReason::NoPayout),
        (News, PsbtReason::BadPayout { problem: words() }),
        (News, PsbtReason::StrayPayout),
        (News, PsbtReason::ReturnWithOthers { input: 0, outpoint }),
        (Never, PsbtReason::Form { reason: words() }),
        (Never, PsbtReason::Expired { expiry: 100, next: 100 }),
        (Never, PsbtReason::MissingGate { gate: outpoint }),
        (Never, PsbtReason::UnknownInput { input: 0, problem: "so" }),
        (Never, PsbtReason::FormerGeneration { input: 0, generation: 1, current: 2 }),
        (Never, PsbtReason::Sighash { input: 0, sighash: words() }),
        (Never, PsbtReason::ChangedOutput { vout: 0, found, wanted }),
        (Never, PsbtReason::MissingOutput { vout: 0, wanted: words() }),
        (Never, PsbtReason::OutOfSight { vout: 0, index: 1000, below: 200 }),
        (Never, PsbtReason::SecondChange { vout: 0 }),
        (Never, PsbtReason::FormerChange { vout: 0, generation: 1, current: 2 }),
        (Never, PsbtReason::NoFee { outputs: fee, inputs: fee }),
        (Never, PsbtReason::WrongScript { input: 0 }),
        (Never, PsbtReason::DoubleInput { input: 0 }),
        (Never, PsbtReason::DoublePayment { number: 1 }),
        (Never, PsbtReason::Signature { reason: words() }),
    ]
}

#[test]
fn every_reason_says_what_takes_it_away() {
    for (wanted, reason) in all() {
        assert_eq!(reason.passing(), wanted, "{reason}");
    }
    // Of several reasons the one that lasts counts.
    assert!(Passing::Never < Passing::News && Passing::News < Passing::Blocks);
}

/// A check one block too early gives reasons that pass, and the same check a block later none.
#[test]
fn what_is_too_early_passes_with_blocks() {
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        chest.intent.from_height = 150;
        let psbt = chest.psbt();
        (chest.tip, chest.depth) = (Some(148), Some((5, 6)));
        let PsbtVerdict::Refuse(reasons) = chest.check(&psbt) else { panic!("it is too early") };
        assert_eq!(reasons.iter().map(PsbtReason::rule).collect::<Vec<_>>(), ["T-42", "T-43"]);
        assert_eq!(reasons.iter().map(PsbtReason::passing).min(), Some(Passing::Blocks));
        (chest.tip, chest.depth) = (Some(149), Some((6, 6)));
        assert!(matches!(chest.check(&psbt), PsbtVerdict::Accept(_)));
    }
}
