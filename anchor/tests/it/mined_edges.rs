//! What was mined, at the edges of its judgement: the last fee that passes and the first that does not, and what a finding says
//! that left (T-70 to T-74, T-93).

use althing_anchor::{Bond, SpendFinding, Treasury};
use bitcoin::Amount;
use bitcoin::psbt::Psbt;

use crate::treasury_signing::{judge_mined, judge_transaction};
use crate::treasury_world::{Chest, add_input, coin, foreign_coin, payee, prevouts, tr, wsh};

/// Signers that are enough of [`tr`], whose signatures are all of one size: the weight of what they sign is known.
const SIGNERS: [u8; 3] = [1, 2, 5];

fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

fn unauthorised(finding: SpendFinding) -> (String, Amount) {
    match finding {
        SpendFinding::Unauthorised { reason, left, .. } => (reason, left),
        other => panic!("not an alarm: {other:?}"),
    }
}

/// The fee becomes `fee`, by what the output `vout` holds.
fn at_fee(psbt: &Psbt, vout: usize, fee: Amount) -> Psbt {
    let mut changed = psbt.clone();
    let output = &mut changed.unsigned_tx.output[vout].value;
    *output = *output + psbt.fee().unwrap() - fee;
    changed
}

/// T-72, by hand: 20 sat/vB are 5 for each unit of weight; 14 bytes and two units frame inputs and outputs at worst.
fn housekeeping_cap(chest: &Chest, psbt: &Psbt) -> Amount {
    let input = chest.generations[0].size().unwrap().input.to_wu();
    let outputs: u64 = psbt.unsigned_tx.output.iter().map(|output| output.weight().to_wu()).sum();
    sat(5 * (2 + 4 * 14 + input * psbt.inputs.len() as u64 + outputs))
}

/// What the check allows at the highest rate is no theft when it is mined, with the shortest signatures; and a satoshi more is refused before
/// a signature, and is unauthorised after it.
#[test]
fn what_the_check_accepts_at_the_highest_rate_is_housekeeping_when_mined() {
    for treasury in [wsh(), tr()] {
        for coins in [1, 2] {
            let mut chest = Chest::new(treasury.clone());
            chest.coins.truncate(coins);
            let psbt = sweep(&chest);
            let cap = housekeeping_cap(&chest, &psbt);
            let mut plan = chest.plan(&[]);
            (plan.required, plan.coins, plan.own_fee_cap) = (&chest.coins, &[], Amount::MAX_MONEY);
            plan.fee_rate = bitcoin::FeeRate::from_sat_per_vb_u32(20);
            assert_eq!(plan.build().unwrap().fee().unwrap(), cap, "as it is built");
            let at_cap = at_fee(&psbt, 0, cap);
            let checked = chest.check_paying(&at_cap, &[]);
            assert!(matches!(checked, althing_anchor::PsbtVerdict::Accept(_)), "{checked:?}");
            let mined = judge_mined(&chest, &at_cap, &[1, 2, 3], 150);
            assert_eq!(mined, SpendFinding::Housekeeping { fee: cap });
            let above = at_fee(&psbt, 0, cap + Amount::ONE_SAT);
            let refused = chest.check_paying(&above, &[]);
            assert!(matches!(refused, althing_anchor::PsbtVerdict::Refuse(_)), "{refused:?}");
            unauthorised(judge_mined(&chest, &above, &[1, 2, 3], 150));
        }
    }
}

fn sweep(chest: &Chest) -> Psbt {
    let mut plan = chest.plan(&[]);
    plan.required = &chest.coins;
    plan.coins = &[];
    plan.build().unwrap()
}

#[test]
fn the_fee_of_a_payment_may_reach_its_cap() {
    let chest = Chest::new(wsh());
    let judge = |fee| judge_mined(&chest, &at_fee(&chest.psbt(), 2, fee), &[1, 3], 150);
    let cap = chest.intent.fee_cap;
    assert_eq!(judge(cap), SpendFinding::Decided { ids: vec![[7; 32]], left: sat(95_000) });
    let (reason, left) = unauthorised(judge(cap + Amount::ONE_SAT));
    assert_eq!((reason.contains("the decision allows"), left), (true, sat(95_001)), "{reason}");
    let last = judge_mined(&chest, &chest.psbt(), &[1, 3], 199);
    assert!(matches!(last, SpendFinding::Decided { .. }), "{last:?}");
    let first = judge_mined(&chest, &chest.psbt(), &[1, 3], 100);
    assert!(matches!(first, SpendFinding::Decided { .. }), "{first:?}");
}

#[test]
fn what_a_payment_pays_beside_the_decision_is_told_by_its_output() {
    let chest = Chest::new(wsh());
    let reason = |change: &dyn Fn(&mut Psbt)| {
        let mut psbt = chest.psbt();
        change(&mut psbt);
        unauthorised(judge_mined(&chest, &psbt, &[1, 3], 150)).0
    };
    let second = reason(&|psbt| psbt.unsigned_tx.output[1].value += Amount::ONE_SAT);
    assert!(second.starts_with("output 1 is not the decided 40000 sat"), "{second}");
    let behind = reason(&|psbt| psbt.unsigned_tx.output[2].script_pubkey = payee(50));
    assert!(behind.starts_with("output 2 pays "), "{behind}");
}

#[test]
fn the_fee_of_housekeeping_may_reach_its_cap() {
    for chest in [Chest::new(tr()), one_coin(tr())] {
        let psbt = sweep(&chest);
        let cap = housekeeping_cap(&chest, &psbt);
        let judge = |fee| judge_mined(&chest, &at_fee(&psbt, 0, fee), &SIGNERS, 150);
        assert_eq!(judge(cap), SpendFinding::Housekeeping { fee: cap });
        let (reason, left) = unauthorised(judge(cap + Amount::ONE_SAT));
        assert_eq!(left, cap + Amount::ONE_SAT, "{reason}");
        let mut gone = psbt.clone();
        gone.unsigned_tx.output[0].script_pubkey = payee(50);
        let (reason, left) = unauthorised(judge_mined(&chest, &gone, &SIGNERS, 150));
        assert!(reason.starts_with("no decision allows output 0"), "{reason}");
        assert_eq!(left, gone.iter_funding_utxos().map(|output| output.unwrap().value).sum());
    }
}

fn one_coin(treasury: Treasury) -> Chest {
    let mut chest = Chest::new(treasury);
    chest.coins.truncate(1);
    chest
}

#[test]
fn the_fee_of_a_bond_may_reach_its_cap() {
    let mut chest = Chest::new(tr());
    let bond = coin(&chest.generations, 0, 8, 500_000, 30);
    chest.bonds.insert(bond.outpoint, Bond { back: payee(77), is_free: Some(true) });
    chest.coins = vec![bond];
    let mut psbt = sweep(&chest);
    psbt.unsigned_tx.output[0].script_pubkey = payee(77);
    let cap = housekeeping_cap(&chest, &psbt);
    let judge = |fee| judge_mined(&chest, &at_fee(&psbt, 0, fee), &SIGNERS, 150);
    assert_eq!(judge(cap), SpendFinding::BondReturned { left: sat(500_000) });
    let (reason, left) = unauthorised(judge(cap + Amount::ONE_SAT));
    assert!(reason.starts_with("a bond went back at a fee of"), "{reason}");
    assert_eq!(left, sat(500_000), "nothing of it stays in the treasury");
}

/// What the treasury lost is counted of its own coins, whoever else pays into the same transaction.
#[test]
fn coins_of_others_are_not_what_left() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    add_input(&mut psbt, &foreign_coin(70_000));
    let found = judge_transaction(&chest, &psbt.unsigned_tx, &prevouts(&psbt), 150);
    let SpendFinding::Decided { left, .. } = found else { panic!("{found:?}") };
    assert_eq!(left, sat(90_000) + chest.psbt().fee().unwrap());
}
