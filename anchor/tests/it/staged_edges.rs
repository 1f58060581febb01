//! Staged payments in a block, at the edges of their judgement: what has to rest, and what bringing it back may cost (T-95, T-96).

use std::collections::BTreeMap;

use althing_anchor::{PlanError, SpendFinding, judge_staged, return_psbt};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate};

use crate::staged_payments::{chest, payout, policy, return_of, staged_coin, with_spend};
use crate::treasury_signing::judge_transaction;
use crate::treasury_world::{Chest, add_input, add_output, coin, foreign_coin, payee, prevouts, tr, wsh};

fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

/// What the second transaction of a staged payment was. Whoever signed it is told elsewhere.
fn judged(chest: &Chest, psbt: &Psbt) -> SpendFinding {
    with_spend(chest, psbt, &psbt.unsigned_tx, |spend| {
        let staged = BTreeMap::from([(staged_coin(chest).outpoint, chest.generations.len())]);
        judge_staged(&spend, &staged, 0, std::slice::from_ref(&chest.intent), FeeRate::from_sat_per_vb_u32(20))
    })
}

fn unauthorised(finding: SpendFinding) -> (String, Amount) {
    match finding {
        SpendFinding::Unauthorised { reason, left, .. } => (reason, left),
        other => panic!("not an alarm: {other:?}"),
    }
}

/// A change of -1 is the last that is refused below, and +1 the first above.
#[test]
fn what_rests_is_no_less_than_was_decided_and_no_more_than_the_cap_allows() {
    let chest = chest(wsh());
    let rests = |rests: u64, back_less: i64| {
        let mut psbt = chest.psbt();
        psbt.unsigned_tx.output[0].value = sat(rests);
        let back = &mut psbt.unsigned_tx.output[1].value;
        *back = sat(back.to_sat().checked_add_signed(-back_less).unwrap());
        judge_transaction(&chest, &psbt.unsigned_tx, &prevouts(&psbt), 150)
    };
    let honest = chest.psbt();
    let resting = honest.unsigned_tx.output[0].value.to_sat();
    let left = resting + honest.fee().unwrap().to_sat();
    let staged = |fee| SpendFinding::Staged { ids: vec![[7; 32]], fee: sat(fee) };
    assert_eq!(rests(90_000, 0), staged(left - 90_000));
    assert!(unauthorised(rests(89_999, 0)).0.starts_with("89999 sat rest"));
    let spare = 95_000 - i64::try_from(left).unwrap();
    assert_eq!(rests(resting, spare), staged(95_000 - resting));
    let (reason, lost) = unauthorised(rests(resting, spare + 1));
    assert_eq!((reason.contains("at most"), lost), (true, sat(95_001)), "{reason}");
}

#[test]
fn bringing_back_may_cost_what_housekeeping_may() {
    for treasury in [wsh(), tr()] {
        let chest = chest(treasury);
        let honest = return_of(&chest);
        // 20 sat/vB are 5 for each unit of weight; 14 bytes and two units frame the stage's input at worst and the output.
        let input = policy(&chest).size().unwrap().input.to_wu();
        let cap = sat(5 * (2 + 4 * 14 + input + honest.unsigned_tx.output[0].weight().to_wu()));
        let at_fee = |fee: Amount| {
            let mut psbt = honest.clone();
            psbt.unsigned_tx.output[0].value = psbt.unsigned_tx.output[0].value + honest.fee().unwrap() - fee;
            judged(&chest, &psbt)
        };
        assert_eq!(at_fee(cap), SpendFinding::Returned { fee: cap });
        let (reason, left) = unauthorised(at_fee(cap + Amount::ONE_SAT));
        assert!(reason.starts_with("what was staged came back at a fee of"), "{reason}");
        assert_eq!(left, cap + Amount::ONE_SAT);
    }
}

/// T-95: with a coin of the treasury beside it, or with anybody's.
#[test]
fn what_is_brought_back_is_not_mixed() {
    let chest = chest(wsh());
    let fee = return_of(&chest).fee().unwrap();
    for (coin, own) in [(chest.coins[0].clone(), 60_000), (foreign_coin(60_000), 0)] {
        let mut psbt = return_of(&chest);
        add_input(&mut psbt, &coin);
        let (reason, left) = unauthorised(judged(&chest, &psbt));
        assert_eq!(reason, "it spends what was staged together with other coins");
        assert_eq!(left, fee + sat(own), "of the treasury's");
    }
}

#[test]
fn a_payout_is_alone_and_pays_nobody_else() {
    let chest = chest(wsh());
    let honest = payout(&chest.psbt());
    let resting = chest.psbt().unsigned_tx.output[0].value;
    let decided = SpendFinding::Decided { ids: vec![[7; 32]], left: resting };
    assert_eq!(judged(&chest, &honest), decided);
    let mut bare = honest.clone();
    bare.unsigned_tx.output.pop();
    assert_eq!(judged(&chest, &bare), decided, "the anchor is for whoever waits");
    let mut beside = honest.clone();
    add_output(&mut beside, 330, payee(99));
    let mut mixed = honest.clone();
    add_input(&mut mixed, &chest.coins[0]);
    for (what, psbt) in [("one more output", beside), ("one more input", mixed)] {
        let (reason, _) = unauthorised(judged(&chest, &psbt));
        assert_eq!(reason, "it spends what was staged, and output 0 is neither decided nor the treasury's", "{what}");
    }
}

/// Three sat/vB of the weight at worst, by hand: a P2WSH output has 43 bytes, pay-to-anchor 13.
#[test]
fn both_ways_out_pay_for_their_weight_at_worst() {
    for treasury in [wsh(), tr()] {
        let chest = chest(treasury);
        let input = chest.stages[0].size().unwrap().input.to_wu();
        let fee = |bytes: u64| sat((3 * (4 * bytes + 2 + input)).div_ceil(4));
        let psbt = chest.psbt();
        let anchor = payout(&psbt).unsigned_tx.output[2].value;
        // Version, lock time, a byte for one input and three for how many outputs.
        let frame = 4 + 4 + 1 + 3;
        assert_eq!(psbt.unsigned_tx.output[0].value, sat(90_000) + anchor + fee(frame + 43 + 43 + 13));
        let back = chest.generations[0].script_at(30).unwrap().len() as u64;
        assert_eq!(return_of(&chest).fee().unwrap(), fee(frame + 8 + 1 + back));
    }
}

#[test]
fn what_is_not_worth_bringing_back_stays() {
    let chest = chest(wsh());
    let fee = return_of(&chest).fee().unwrap();
    let of = |value: Amount| {
        let made = coin(&chest.stages, 0, 0, value.to_sat(), 3);
        let coins = [(made, chest.stages[0].clone())];
        return_psbt(&coins, &chest.generations[0], 30, FeeRate::from_sat_per_vb_u32(3))
    };
    let least = fee + sat(330);
    assert_eq!(of(least).unwrap().unsigned_tx.output[0].value, sat(330));
    let available = least - Amount::ONE_SAT;
    assert_eq!(of(available), Err(PlanError::TooLittle { wanted: fee, available }));
    let none = return_psbt(&[], &chest.generations[0], 30, FeeRate::from_sat_per_vb_u32(3));
    assert_eq!(none, Err(PlanError::Nothing));
}
