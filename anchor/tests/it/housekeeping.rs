//! Hazard: whoever may sign housekeeping makes one after the other, until the treasury is with the miners (T-331, T-332).

use althing_anchor::{
    Passing, PsbtReason, PsbtUnknown, PsbtVerdict, Treasury, TreasuryCoin, housekeeping_budget, housekeeping_cost,
    mined_housekeeping_cost,
};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint};
use proptest::prelude::*;

use crate::staged_payments;
use crate::treasury_world::{Chest, add_output, coin, prevouts, tr, wsh};

/// As [`Chest::check_paying`] has it.
const RATE: FeeRate = FeeRate::from_sat_per_vb_u32(20);

fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

/// Housekeeping of these coins, at that rate.
fn tidy(chest: &Chest, coins: &[TreasuryCoin], rate: FeeRate) -> Psbt {
    let mut plan = chest.plan(&[]);
    (plan.required, plan.coins, plan.fee_rate, plan.own_fee_cap) = (coins, &[], rate, Amount::MAX_MONEY);
    plan.build().unwrap()
}

/// The same judged when it is mined.
fn mined_cost(chest: &Chest, psbt: &Psbt) -> Amount {
    chest.judging(&psbt.unsigned_tx, &prevouts(psbt), 150, |spend| mined_housekeeping_cost(spend, RATE))
}

/// What an input of the treasury weighs at worst, at the highest rate.
fn input_fee(treasury: &Treasury) -> Amount {
    althing_anchor::fee_at(treasury.size().unwrap().input, RATE)
}

#[test]
fn the_budget_is_four_thousand_virtual_bytes() {
    assert_eq!(housekeeping_budget(RATE), sat(80_000));
    assert_eq!(housekeeping_budget(FeeRate::from_sat_per_vb_u32(1)), sat(4_000));
}

/// T-332, to the satoshi; one that no budget would do for is refused whatever is known.
#[test]
fn one_after_the_other_is_refused_in_the_end() {
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        let psbt = tidy(&chest, &chest.coins, FeeRate::from_sat_per_vb_u32(3));
        let (cost, budget) = (psbt.fee().unwrap(), housekeeping_budget(RATE));
        assert_eq!(
            housekeeping_cost(&psbt, &chest.generations, RATE),
            Some(cost),
            "coins of the present treasury bring nothing"
        );
        assert_eq!(mined_cost(&chest, &psbt), cost);
        chest.housekeeping_spent = Some(budget - cost);
        assert!(
            matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)),
            "{:?}",
            chest.check_paying(&psbt, &[])
        );
        let spent = budget - cost + Amount::ONE_SAT;
        chest.housekeeping_spent = Some(spent);
        let reason = PsbtReason::HousekeepingBudget { cost, spent, budget };
        assert_eq!((reason.rule().as_str(), reason.passing()), ("T-332", Passing::Blocks));
        assert_eq!(chest.check_paying(&psbt, &[]), PsbtVerdict::Refuse(vec![reason]));
        chest.housekeeping_spent = None;
        let unknown = PsbtUnknown::HousekeepingSpent { cost, budget };
        assert_eq!(chest.check_paying(&psbt, &[]), PsbtVerdict::CannotTell(vec![unknown]));
    }
}

/// 60 coins at the highest rate are more than two weeks pay for: no block makes that better.
#[test]
fn what_no_two_weeks_pay_for_is_refused_by_itself() {
    let mut chest = Chest::new(wsh());
    let coins: Vec<TreasuryCoin> = (0..60).map(|n| coin(&chest.generations, 0, 5, 60_000, 100 + n)).collect();
    let psbt = tidy(&chest, &coins, RATE);
    let (cost, budget) = (psbt.fee().unwrap(), housekeeping_budget(RATE));
    assert!(cost > budget);
    for spent in [None, Some(Amount::ZERO)] {
        chest.housekeeping_spent = spent;
        let reason = PsbtReason::HousekeepingBudget { cost, spent: Amount::ZERO, budget };
        assert_eq!(reason.passing(), Passing::News);
        assert_eq!(chest.check_paying(&psbt, &[]), PsbtVerdict::Refuse(vec![reason]));
    }
    let exact = PsbtReason::HousekeepingBudget { cost: budget, spent: Amount::ONE_SAT, budget };
    assert_eq!(exact.passing(), Passing::Blocks);
}

/// T-331: coins of a former treasury come home once. Each brings what its input costs, and no more than it holds.
#[test]
fn a_sweep_costs_what_its_coins_do_not_bring() {
    let mut chest = Chest::new(wsh());
    chest.generations.push(tr());
    let former: Vec<TreasuryCoin> = (0..60).map(|n| coin(&chest.generations, 0, 5, 60_000, 100 + n)).collect();
    let each = input_fee(&chest.generations[0]);
    let psbt = tidy(&chest, &former, RATE);
    let fee = psbt.fee().unwrap();
    assert!(fee > housekeeping_budget(RATE), "more than two weeks of anything else");
    let cost = fee - each * 60;
    assert_eq!(housekeeping_cost(&psbt, &chest.generations, RATE), Some(cost));
    assert_eq!(mined_cost(&chest, &psbt), cost);
    assert!(cost > Amount::ZERO && cost < sat(2_000), "what is not the coins', such as the output: {cost}");
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&psbt, &[]));

    // Dust that somebody sends to a former treasury pays for nothing but itself.
    let dust = coin(&chest.generations, 0, 6, 330, 90);
    let present = coin(&chest.generations, 1, 6, 500_000, 91);
    let psbt = tidy(&chest, &[dust, present], RATE);
    let cost = psbt.fee().unwrap() - sat(330);
    assert_eq!(housekeeping_cost(&psbt, &chest.generations, RATE), Some(cost));
    assert_eq!(mined_cost(&chest, &psbt), cost);

    // At the lowest rate its coins bring more than they cost, and nothing needs to be known.
    let psbt = tidy(&chest, &former, FeeRate::BROADCAST_MIN);
    chest.housekeeping_spent = None;
    assert_eq!(housekeeping_cost(&psbt, &chest.generations, RATE), Some(Amount::ZERO));
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)));

    // Back into the former treasury nothing comes home, whatever later treasuries there are.
    let mut back = tidy(&chest, &former[..2], RATE);
    back.unsigned_tx.output[0].script_pubkey = chest.generations[0].script_at(9).unwrap();
    assert_eq!(mined_cost(&chest, &back), back.fee().unwrap());
}

/// What was decided, what comes back from a stage and what goes back to a hub have caps of their own.
#[test]
fn only_housekeeping_is_counted() {
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        chest.housekeeping_spent = None;
        let psbt = chest.psbt();
        assert!(matches!(chest.check(&psbt), PsbtVerdict::Accept(_)));
        assert_eq!(housekeeping_cost(&psbt, &chest.generations, RATE), None, "an output is not the treasury's");
        chest.housekeeping_spent = Some(Amount::MAX_MONEY);
        assert!(matches!(chest.check(&psbt), PsbtVerdict::Accept(_)));
    }
    let mut chest = staged_payments::chest(wsh());
    chest.housekeeping_spent = None;
    let back = staged_payments::return_of(&chest);
    assert!(matches!(chest.check_paying(&back, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&back, &[]));
}

/// A payment to the treasury itself was decided, and its fee with it.
#[test]
fn a_payment_to_the_treasury_is_no_housekeeping() {
    let mut chest = Chest::new(wsh());
    for (index, output) in (20..).zip(&mut chest.intent.outputs) {
        output.script_pubkey = chest.generations[0].script_at(index).unwrap();
    }
    chest.housekeeping_spent = None;
    assert!(matches!(chest.check(&chest.psbt()), PsbtVerdict::Accept(_)), "{:?}", chest.check(&chest.psbt()));
}

proptest! {
    // Each case makes and judges dozens of transactions on unoptimised code.
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever housekeeping treasurers think of, within two weeks no more goes to the miners than the budget and, once for each coin of
    /// a former treasury, what it brings for itself.
    #[test]
    fn two_weeks_of_housekeeping_have_a_price(
        former in prop::collection::vec(330u64..30_000, 0..4),
        steps in prop::collection::vec((any::<u8>(), 1u32..=20, 0usize..8), 20..60),
    ) {
        let mut chest = Chest::new(wsh());
        chest.generations.push(tr());
        let brought = |sat: &u64| input_fee(&chest.generations[0]).min(Amount::from_sat(*sat));
        let most = former.iter().map(brought).sum::<Amount>() + housekeeping_budget(RATE);
        let mut coins: Vec<TreasuryCoin> =
            (50..).zip(&former).map(|(salt, sat)| coin(&chest.generations, 0, 5, *sat, salt)).collect();
        coins.extend((150..154).map(|salt| coin(&chest.generations, 1, 6, 2_000_000, salt)));
        let (mut lost, mut accepted) = (Amount::ZERO, 0);
        for (chosen, rate, gates) in steps {
            let (spent, rest): (Vec<_>, Vec<_>) =
                coins.iter().cloned().enumerate().partition(|(place, _)| chosen >> (place % 8) & 1 == 1);
            let spent: Vec<TreasuryCoin> = spent.into_iter().map(|(_, coin)| coin).collect();
            let mut plan = chest.plan(&[]);
            (plan.required, plan.coins, plan.own_fee_cap) = (&spent, &[], Amount::MAX_MONEY);
            plan.fee_rate = FeeRate::from_sat_per_vb_u32(rate);
            let Ok(mut psbt) = plan.build() else { continue };
            // New gates, to be moved again as if they were small coins.
            for index in 0..gates {
                let script = chest.generations[1].script_at(10 + u32::try_from(index).unwrap()).unwrap();
                let first = &mut psbt.unsigned_tx.output[0].value;
                let Some(left) = first.checked_sub(Amount::from_sat(1_000)).filter(|left| *left > Amount::from_sat(1_000)) else { break };
                *first = left;
                add_output(&mut psbt, 1_000, script);
            }
            if !matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)) {
                continue;
            }
            let cost = housekeeping_cost(&psbt, &chest.generations, RATE).unwrap();
            prop_assert_eq!(mined_cost(&chest, &psbt), cost);
            chest.housekeeping_spent = chest.housekeeping_spent.map(|spent| spent + cost);
            lost += psbt.fee().unwrap();
            accepted += 1;
            prop_assert!(lost <= most, "{} of at most {}", lost, most);
            let (transaction, txid) = (psbt.unsigned_tx.clone(), psbt.unsigned_tx.compute_txid());
            coins = rest.into_iter().map(|(_, coin)| coin).collect();
            coins.extend((0..).zip(&transaction.output).map(|(vout, output)| TreasuryCoin {
                outpoint: OutPoint { txid, vout },
                transaction: transaction.clone(),
                generation: 1,
                index: chest.generations[1].index_of(&output.script_pubkey, []).unwrap(),
            }));
        }
        prop_assert!(accepted > 0);
    }
}
