//! Plans of a payment at their edges: dust, caps, what is left for change, how many coins, coins that are not what they say
//! (T-22 to T-27).

use althing_anchor::{PlanError, child_pays_for_parent, finalise, replacement_floor};
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, TxOut, Txid, Weight};

use crate::treasury_world::{Chest, coin, sign, tr, wsh};

/// Least value of the outputs here: all of them are P2WSH.
const DUST: u64 = 330;

fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

fn build(chest: &Chest) -> Result<Psbt, PlanError> {
    chest.plan(&[(chest.intent.clone(), chest.gate.clone())]).build()
}

#[test]
fn no_output_is_dust() {
    let mut chest = Chest::new(wsh());
    chest.intent.outputs[1].value = sat(DUST);
    assert!(build(&chest).is_ok());
    chest.intent.outputs[1].value = sat(DUST - 1);
    assert_eq!(build(&chest), Err(PlanError::Dust { vout: 1, value: sat(DUST - 1) }));
    let own = |value| [TxOut { value: sat(value), script_pubkey: chest.generations[0].script_at(10).unwrap() }];
    let with = |own: &[TxOut]| {
        let mut plan = chest.plan(&[]);
        plan.own_outputs = own;
        plan.build()
    };
    assert!(with(&own(DUST)).is_ok());
    assert_eq!(with(&own(DUST - 1)), Err(PlanError::Dust { vout: 0, value: sat(DUST - 1) }));
}

/// The fee of a plan with change, its input the gate and one coin. The cap is out of the way.
fn fee_with_change() -> (Chest, Amount) {
    let mut chest = Chest::new(wsh());
    chest.coins = vec![coin(&chest.generations, 0, 5, 200_000, 13)];
    chest.intent.fee_cap = sat(100_000);
    let fee = build(&chest).unwrap().fee().unwrap();
    (chest, fee)
}

/// T-25: what is left becomes change from the dust limit on; below it goes to the miners, if the cap allows that.
#[test]
fn change_begins_at_the_dust_limit() {
    let (mut chest, fee) = fee_with_change();
    let needed = 90_000 + fee.to_sat() - 1_000;
    let mut with = |coin_sat: u64, cap: u64| {
        chest.coins = vec![coin(&chest.generations, 0, 5, coin_sat, 13)];
        chest.intent.fee_cap = sat(cap);
        build(&chest)
    };
    let smallest = with(needed + DUST, fee.to_sat()).unwrap();
    assert_eq!((smallest.unsigned_tx.output.len(), smallest.unsigned_tx.output[2].value), (3, sat(DUST)));
    let above = with(needed + DUST, fee.to_sat() - 1).unwrap_err();
    assert_eq!(above, PlanError::FeeAboveCap { fee, cap: fee - Amount::ONE_SAT });
    let lost = fee.to_sat() + DUST - 1;
    let without = with(needed + DUST - 1, lost).unwrap();
    assert_eq!((without.unsigned_tx.output.len(), without.fee().unwrap()), (2, sat(lost)));
    let above = with(needed + DUST - 1, lost - 1).unwrap_err();
    assert!(matches!(above, PlanError::TooLittle { .. }), "{above}");
}

/// T-25: without change the least fee is that of a transaction without a change output.
#[test]
fn coins_that_just_reach_make_no_change() {
    let (mut chest, fee) = fee_with_change();
    // A P2WSH output: eight bytes of value, one of length, 34 of script; at 3 sat/vB.
    let bare = fee.to_sat() - 3 * 43;
    let mut with = |coin_sat: u64, cap: u64| {
        chest.coins = vec![coin(&chest.generations, 0, 5, coin_sat, 13)];
        chest.intent.fee_cap = sat(cap);
        build(&chest)
    };
    let exact = with(90_000 + bare - 1_000, bare).unwrap();
    assert_eq!((exact.unsigned_tx.output.len(), exact.fee().unwrap()), (2, sat(bare)));
    let above = with(90_000 + bare - 1_000, bare - 1).unwrap_err();
    assert_eq!(above, PlanError::FeeAboveCap { fee: sat(bare), cap: sat(bare - 1) });
    let short = with(90_000 + bare - 1_001, bare).unwrap_err();
    assert_eq!(short, PlanError::TooLittle { wanted: sat(90_000) + fee, available: sat(90_000 + bare - 1) });
}

/// The weight at worst: signatures are at most so much smaller.
#[test]
fn the_fee_is_that_of_the_weight_at_worst() {
    for (treasury, by) in [(wsh(), vec![1u8, 3]), (tr(), vec![1, 2, 5])] {
        let chest = Chest::new(treasury);
        let psbt = chest.psbt();
        let weight = finalise(&sign(&psbt, &by), &chest.generations).unwrap().weight();
        // Three sat/vB; three bytes of counts are allowed for, and one stands there.
        let least = (weight.to_wu() * 3).div_ceil(4);
        let spare = psbt.fee().unwrap().to_sat() - least;
        assert!(spare <= 3 * 4 + 3 * 3 * psbt.inputs.len() as u64, "{spare} sat more than {least}");
    }
}

#[test]
fn nothing_to_do_is_told_from_too_little() {
    let mut chest = Chest::new(wsh());
    let mut empty = chest.plan(&[]);
    empty.coins = &[];
    assert_eq!(empty.build(), Err(PlanError::Nothing));
    let mut nobody = chest.plan(&[]);
    nobody.generations = &[];
    assert_eq!(nobody.build(), Err(PlanError::Nothing));
    // A coin that is worth less than moving it.
    chest.coins = vec![coin(&chest.generations, 0, 5, 500, 13)];
    let poor = chest.plan(&[]).build().unwrap_err();
    assert!(matches!(poor, PlanError::TooLittle { available, .. } if available == sat(500)), "{poor}");
}

/// Without a payment the plan's own cap counts.
#[test]
fn housekeeping_has_a_cap_of_its_own() {
    let chest = Chest::new(wsh());
    let with = |cap: Amount| {
        let mut plan = chest.plan(&[]);
        (plan.required, plan.coins, plan.own_fee_cap) = (&chest.coins, &[], cap);
        plan.build()
    };
    let fee = with(sat(10_000)).unwrap().fee().unwrap();
    assert_eq!(with(fee).unwrap().fee().unwrap(), fee);
    let cap = fee - Amount::ONE_SAT;
    assert_eq!(with(cap), Err(PlanError::FeeAboveCap { fee, cap }));
}

/// The largest coin first, so that few are spent; of equal ones always the same.
#[test]
fn coins_are_taken_from_the_largest_on() {
    let mut chest = Chest::new(wsh());
    let of = |sat, salt| coin(&chest.generations, 0, u32::from(salt), sat, salt);
    let (small, large, equal) = (of(95_000, 20), of(100_000, 21), of(100_000, 22));
    let first = large.outpoint.min(equal.outpoint);
    for coins in [[small.clone(), large.clone(), equal.clone()], [equal, small, large]] {
        chest.coins = coins.to_vec();
        let inputs = build(&chest).unwrap().unsigned_tx.input;
        assert_eq!(inputs.iter().map(|input| input.previous_output).collect::<Vec<_>>(), [chest.gate.outpoint, first]);
    }
}

/// No more than 200 coins are spent at once.
#[test]
fn two_hundred_coins_are_the_most() {
    let mut chest = Chest::new(wsh());
    chest.intent.fee_cap = sat(1_000_000);
    let rich = coin(&chest.generations, 0, 5, 900_000, 250);
    let small: Vec<_> = (0..199u8).map(|salt| coin(&chest.generations, 0, 6, 400, salt)).collect();
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let with = |count: usize| {
        let mut plan = chest.plan(&payments);
        (plan.required, plan.coins) = (&small[..count], std::slice::from_ref(&rich));
        plan.build().map(|psbt| psbt.inputs.len())
    };
    assert_eq!(with(198), Ok(200));
    assert!(matches!(with(199), Err(PlanError::TooLittle { .. })));
}

#[test]
fn coins_that_are_not_what_they_say_are_refused() {
    let chest = Chest::new(wsh());
    let with = |change: &dyn Fn(&mut althing_anchor::TreasuryCoin)| {
        let mut bad = chest.coins[0].clone();
        change(&mut bad);
        let mut plan = chest.plan(&[]);
        plan.required = std::slice::from_ref(&bad);
        match plan.build() {
            Err(PlanError::BadCoin { outpoint, reason }) => (outpoint == bad.outpoint, reason),
            other => panic!("{other:?}"),
        }
    };
    let told = |reason: &str| (true, reason.to_owned());
    let stranger = Txid::from_byte_array([77; 32]);
    assert_eq!(with(&|coin| coin.outpoint.txid = stranger), told("its transaction has another id"));
    assert_eq!(with(&|coin| coin.outpoint.vout = 2), told("its transaction has no such output"));
    assert_eq!(with(&|coin| coin.generation = 1), told("its treasury is not known"));
    assert_eq!(with(&|coin| coin.index += 1), told("its script is not the treasury's at that index"));
}

/// Outputs to the treasury itself have the indexes that follow the change's, and all of them say where they come from.
#[test]
fn own_outputs_say_where_they_come_from() {
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury);
        let far = 5_000;
        let own =
            |index: u32| TxOut { value: sat(1_000), script_pubkey: chest.generations[0].script_at(index).unwrap() };
        let outputs = [own(far + 1), own(far + 2)];
        let mut plan = chest.plan(&[]);
        (plan.own_outputs, plan.change_index) = (&outputs, far);
        let psbt = plan.build().unwrap();
        let found: Vec<Option<u32>> = (0..3)
            .map(|vout| althing_anchor::output_origin(&psbt, vout, &chest.generations).map(|origin| origin.index))
            .collect();
        assert_eq!(found, [Some(far + 1), Some(far + 2), Some(far)]);
    }
}

/// What was decided is not said to be the treasury's, even where it is: a wallet would call it change.
#[test]
fn decided_outputs_are_no_change() {
    let mut chest = Chest::new(wsh());
    chest.intent.outputs[0].script_pubkey = chest.generations[0].script_at(3).unwrap();
    let psbt = build(&chest).unwrap();
    assert_eq!(psbt.outputs[0], bitcoin::psbt::Output::default());
    assert_ne!(psbt.outputs[2], bitcoin::psbt::Output::default());
}

#[test]
fn amounts_above_all_there_is_are_refused() {
    let mut chest = Chest::new(wsh());
    chest.intent.outputs[0].value = Amount::MAX_MONEY;
    assert_eq!(build(&chest), Err(PlanError::Overflow));
    chest.intent.outputs.truncate(1);
    assert!(matches!(build(&chest), Err(PlanError::TooLittle { .. })));
}

/// T-27, of numbers that can be reckoned in the head: 400 units of weight are 100 vB.
#[test]
fn what_a_replacement_and_a_child_pay() {
    let weight = Weight::from_wu(400);
    assert_eq!(replacement_floor(sat(1_000), weight), sat(1_100));
    assert_eq!(replacement_floor(Amount::MAX, weight), Amount::MAX_MONEY);
    let rate = FeeRate::from_sat_per_vb_u32(5);
    let child = Weight::from_wu(600);
    assert_eq!(child_pays_for_parent(weight, sat(100), child, rate), sat(250 * 5 - 100));
    assert_eq!(child_pays_for_parent(weight, sat(1_100), child, rate), sat(150), "1 sat/vB of its own at least");
    assert_eq!(child_pays_for_parent(weight, sat(9_000), child, rate), sat(150));
}
