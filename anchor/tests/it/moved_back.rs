//! Hazard: treasurers who were voted out still have the keys of the former treasury, and whoever can sign for the present one moves its coins
//! there; nothing leaves "the treasury" (T-336). So too coins that are apart: spare seals, bonds, gates.

use std::collections::BTreeSet;

use althing_anchor::{
    Bond, PsbtReason, PsbtVerdict, SpendFinding, Treasury, TreasuryCoin, coins_psbt, finalise, judge_spend,
    judge_staged,
};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxOut};
use proptest::prelude::*;

use crate::staged_payments;
use crate::support::{input, transaction, xpub};
use crate::treasury_world::{Chest, add_output, coin, payee, prevouts, sign, wsh};

const RATE: FeeRate = FeeRate::from_sat_per_vb_u32(20);

fn sat(sat: u64) -> Amount {
    Amount::from_sat(sat)
}

/// Two of three, of whom nobody is a treasurer of another such treasury.
fn of_three(first: u8) -> Treasury {
    let keys = (first..first + 3).map(|n| format!("{}/0/*", xpub(n))).collect::<Vec<_>>().join(",");
    Treasury::parse(&format!("wsh(sortedmulti(2,{keys}))")).unwrap()
}

/// Which key is the first of the treasury `letter`, which may be elected again.
fn first_key(letter: u8) -> u8 {
    1 + 3 * letter
}

/// A DAO whose treasuries were these, in this order.
fn history(letters: &[u8]) -> Chest {
    let mut chest = Chest::new(of_three(first_key(letters[0])));
    chest.generations = letters.iter().map(|letter| of_three(first_key(*letter))).collect();
    chest
}

/// A transaction of these coins and outputs, signed by the first two keys of every treasury.
fn signed(chest: &Chest, coins: &[TreasuryCoin], outputs: Vec<TxOut>) -> (Psbt, Transaction) {
    let inputs = coins.iter().map(|coin| input(coin.outpoint.txid, coin.outpoint.vout)).collect();
    let mut unsigned = transaction(inputs, outputs);
    unsigned.input.iter_mut().for_each(|txin| txin.sequence = Sequence::ENABLE_RBF_NO_LOCKTIME);
    let mut psbt = Psbt::from_unsigned_tx(unsigned).unwrap();
    for (at, coin) in coins.iter().enumerate() {
        let one = coins_psbt(&chest.generations[coin.generation], psbt.unsigned_tx.clone(), &[coin]).unwrap();
        psbt.inputs[at] = one.inputs[at].clone();
    }
    let thieves: Vec<u8> = (0..4).flat_map(|letter| [first_key(letter), first_key(letter) + 1]).collect();
    let finished = finalise(&sign(&psbt, &thieves), &chest.generations).unwrap();
    (psbt, finished)
}

fn judged(chest: &Chest, coins: &[TreasuryCoin], outputs: Vec<TxOut>) -> SpendFinding {
    let (psbt, transaction) = signed(chest, coins, outputs);
    let gates = BTreeSet::from([chest.gate.outpoint, chest.other_gate.outpoint]);
    let decided = |gate: &OutPoint| (*gate == chest.gate.outpoint).then(|| chest.intent.clone());
    chest.judging(&transaction, &prevouts(&psbt), 150, |spend| judge_spend(spend, &gates, decided, RATE))
}

fn to(chest: &Chest, generation: usize, index: u32, value: u64) -> TxOut {
    TxOut { value: sat(value), script_pubkey: chest.generations[generation].script_at(index).unwrap() }
}

/// What is an alarm: why, what left, and whose keys.
fn alarm(finding: SpendFinding) -> (String, u64, BTreeSet<(usize, usize)>) {
    match finding {
        SpendFinding::Unauthorised { reason, left, signers } => (reason, left.to_sat(), signers),
        other => panic!("not an alarm: {other:?}"),
    }
}

#[test]
fn coins_moved_to_a_former_treasury_are_stolen() {
    let chest = history(&[0, 1]);
    let coins = [coin(&chest.generations, 1, 5, 90_000, 20)];
    let (reason, left, signers) = alarm(judged(&chest, &coins, vec![to(&chest, 0, 7, 89_000)]));
    assert!(reason.contains("output 0 of 89000 sat to a former treasury"), "{reason}");
    assert_eq!(
        (left, signers),
        (90_000, BTreeSet::from([(1, 0), (1, 1)])),
        "all of it left, by keys of the present one"
    );
    // A part of it only.
    let split = vec![to(&chest, 1, 7, 50_000), to(&chest, 0, 7, 39_000)];
    let (reason, left, _) = alarm(judged(&chest, &coins, split));
    assert!(reason.contains("output 1 of 39000 sat to a former treasury") && left == 40_000, "{left}: {reason}");
    // Beside coins that come home.
    let both = [coin(&chest.generations, 0, 5, 90_000, 21), coins[0].clone()];
    let (_, left, signers) = alarm(judged(&chest, &both, vec![to(&chest, 0, 7, 90_000), to(&chest, 1, 7, 89_000)]));
    assert_eq!((left, signers.len()), (91_000, 4));
    // Home, and within each treasury, nothing is stolen.
    for (from, where_to) in [(0, 1), (1, 1), (0, 0)] {
        let coins = [coin(&chest.generations, from, 5, 90_000, 22)];
        let found = judged(&chest, &coins, vec![to(&chest, where_to, 7, 89_000)]);
        assert_eq!(found, SpendFinding::Housekeeping { fee: sat(1_000) }, "from {from} to {where_to}");
    }
}

/// T-72: what was signed before an election may be mined behind it, and not weeks later.
#[test]
fn former_coins_stay_no_longer_than_what_was_signed_before() {
    let mut chest = history(&[0, 1]);
    let former = [coin(&chest.generations, 0, 5, 90_000, 20)];
    assert!(matches!(judged(&chest, &former, vec![to(&chest, 0, 7, 89_000)]), SpendFinding::Housekeeping { .. }));
    chest.lately = 1;
    let (reason, left, signers) = alarm(judged(&chest, &former, vec![to(&chest, 0, 7, 89_000)]));
    assert!(reason.contains("to a former treasury"), "{reason}");
    assert_eq!((left, signers), (1_000, BTreeSet::from([(0, 0), (0, 1)])), "no more than the fee left");
    assert!(matches!(judged(&chest, &former, vec![to(&chest, 1, 7, 89_000)]), SpendFinding::Housekeeping { .. }));
}

/// The change of a decided payment: behind an election it goes where it was to go when it was signed, and not back.
#[test]
fn change_does_not_go_back_to_a_former_treasury() {
    let mut chest = history(&[0, 1]);
    chest.lately = 1;
    let pay = |chest: &Chest, from: usize, change: usize| {
        let coins = [chest.gate.clone(), coin(&chest.generations, from, 5, 200_000, 30)];
        let mut outputs = chest.intent.outputs.clone();
        outputs.push(to(chest, change, 9, 108_000));
        judged(chest, &coins, outputs)
    };
    for (from, change) in [(1, 1), (0, 0), (0, 1)] {
        let SpendFinding::Decided { left, .. } = pay(&chest, from, change) else { panic!("{from} {change}") };
        assert_eq!(left, sat(93_000));
    }
    let (reason, left, signers) = alarm(pay(&chest, 1, 0));
    assert_eq!(reason, "output 2 pays 108000 sat to a former treasury");
    assert_eq!((left, signers), (201_000, BTreeSet::from([(0, 0), (0, 1), (1, 0), (1, 1)])));
    // What members decided to pay there was decided.
    chest.intent.outputs[0].script_pubkey = chest.generations[0].script_at(30).unwrap();
    assert!(matches!(pay(&chest, 1, 1), SpendFinding::Decided { .. }));
}

/// T-96: neither the stage, nor its change, nor what comes back from it.
#[test]
fn staged_money_does_not_go_back_to_a_former_treasury() {
    let mut chest = staged_payments::chest(of_three(1));
    chest.generations.push(of_three(4));
    let stage = chest.intent.stage.clone().unwrap();
    let rests = |of: usize| stage.policy(&chest.generations[of]).unwrap().script_at(0).unwrap();
    let put = |of: usize, change: usize| {
        let coins = [chest.gate.clone(), coin(&chest.generations, 1, 5, 200_000, 30)];
        let rest = TxOut { value: sat(91_000), script_pubkey: rests(of) };
        judged(&chest, &coins, vec![rest, to(&chest, change, 9, 109_000)])
    };
    assert!(matches!(put(1, 1), SpendFinding::Staged { .. }), "{:?}", put(1, 1));
    let (reason, ..) = alarm(put(0, 1));
    assert!(reason.contains("where the charter asks"), "a stage of former keys: {reason}");
    let (reason, left, _) = alarm(put(1, 0));
    assert!(reason.contains("output 1") && reason.contains("a former treasury"), "{reason}");
    assert_eq!(left, 201_000);

    // A return of what was staged out of the present treasury.
    let staged = TxOut { value: sat(91_000), script_pubkey: rests(1) };
    let outpoint = OutPoint { txid: chest.gate.outpoint.txid, vout: 9 };
    let back = |from: usize, lately: usize, into: usize| {
        let spending = transaction(vec![input(outpoint.txid, 9)], vec![to(&chest, into, 9, 90_000)]);
        let places = std::collections::BTreeMap::from([(outpoint, 2)]);
        let policies: Vec<Treasury> =
            chest.generations.iter().cloned().chain([stage.policy(&chest.generations[1]).unwrap()]).collect();
        chest.judging(&spending, &[Some(staged.clone())], 170, |spend| {
            let spend = althing_anchor::MinedSpend { generations: &policies, lately, ..*spend };
            judge_staged(&spend, &places, from, std::slice::from_ref(&chest.intent), RATE)
        })
    };
    assert_eq!(back(1, 0, 1), SpendFinding::Returned { fee: sat(1_000) });
    assert_eq!(back(0, 0, 0), SpendFinding::Returned { fee: sat(1_000) }, "to where it came from");
    for (from, lately) in [(1, 0), (0, 1)] {
        let (reason, ..) = alarm(back(from, lately, 0));
        assert!(reason.contains("neither decided nor the treasury's"), "{reason}");
    }
    assert_eq!(alarm(back(1, 0, 0)).1, 91_000, "all of it left");
}

/// Treasurers who were elected again have the present treasury, whatever else it was before.
#[test]
fn a_treasury_that_is_elected_again_is_no_former_one() {
    let away = history(&[0, 1]);
    let coins = [coin(&away.generations, 0, 5, 90_000, 20)];
    let outputs = vec![to(&away, 1, 7, 89_000)];
    assert!(matches!(judged(&away, &coins, outputs.clone()), SpendFinding::Housekeeping { .. }), "swept to the second");
    let again = history(&[0, 1, 0]);
    let (reason, ..) = alarm(judged(&again, &coins, outputs));
    assert!(reason.contains("a former treasury"), "the second is the former one now: {reason}");
    let home = [coin(&again.generations, 1, 5, 90_000, 20)];
    assert!(matches!(judged(&again, &home, vec![to(&again, 2, 7, 89_000)]), SpendFinding::Housekeeping { .. }));
}

/// T-73: k treasurers who spend the spare seal keep what it held where it was, or are told of.
#[test]
fn what_a_spare_seal_held_stays_in_the_seals() {
    let chest = Chest::new(wsh());
    let spend = |first: u64, second: u64, beside: &[u64], more: &[TreasuryCoin]| {
        let mut outputs = vec![TxOut { value: sat(first), script_pubkey: payee(70) }, to(&chest, 0, 0, second)];
        outputs.extend(beside.iter().map(|value| TxOut { value: sat(*value), script_pubkey: payee(71) }));
        let mut spent = transaction(vec![input(chest.seal.outpoint.txid, chest.seal.outpoint.vout)], outputs);
        let mut prevouts = vec![chest.seal.output().cloned()];
        for coin in more {
            spent.input.push(input(coin.outpoint.txid, coin.outpoint.vout));
            prevouts.push(coin.output().cloned());
        }
        chest.judging(&spent, &prevouts, 150, |spend| judge_spend(spend, &BTreeSet::new(), |_| None, RATE))
    };
    let wallet = crate::treasury_world::foreign_coin(50_000);
    let moved = SpendFinding::SpareSeal;
    assert_eq!(spend(5_000, 4_000, &[], &[]), moved, "alone it pays its fee");
    assert_eq!(
        spend(5_000, 5_000, &[40_000], std::slice::from_ref(&wallet)),
        moved,
        "a wallet pays, and takes its change"
    );
    assert_eq!(spend(6_000, 4_500, &[], std::slice::from_ref(&wallet)), moved);
    for taken in [
        spend(4_999, 5_000, &[40_000], std::slice::from_ref(&wallet)),
        spend(4_999, 5_000, &[], std::slice::from_ref(&wallet)),
        spend(330, 330, &[9_000], &[]),
    ] {
        let (reason, ..) = alarm(taken);
        assert!(reason.contains("the spare seal"), "{reason}");
    }
}

/// What is apart in the present treasury and what is not decided: each is refused before it is signed, and told when it is mined.
#[test]
fn no_coin_of_any_kind_goes_to_a_former_treasury() {
    let mut chest = history(&[0, 1]);
    let bond = coin(&chest.generations, 1, 8, 90_000, 30);
    let free_bond = coin(&chest.generations, 1, 8, 90_000, 31);
    chest.bonds.insert(bond.outpoint, Bond { back: payee(77), is_free: Some(false) });
    chest.bonds.insert(free_bond.outpoint, Bond { back: payee(77), is_free: Some(true) });
    chest.seal = coin(&chest.generations, 1, 0, 90_000, 32);
    chest.other_gate = coin(&chest.generations, 1, 2, 90_000, 33);
    let plain = coin(&chest.generations, 1, 5, 90_000, 34);
    let kinds =
        [("T-48", &plain), ("T-93", &bond), ("T-93", &free_bond), ("T-49", &chest.seal), ("T-49", &chest.other_gate)];
    for (rule, spent) in kinds {
        let outputs = vec![to(&chest, 0, 7, 89_000)];
        let (psbt, _) = signed(&chest, std::slice::from_ref(spent), outputs.clone());
        let PsbtVerdict::Refuse(reasons) = chest.check_paying(&psbt, &[]) else { panic!("{rule}: accepted") };
        assert!(reasons.iter().any(|reason| reason.rule() == rule), "{rule}: {reasons:?}");
        let former = PsbtReason::FormerChange { vout: 0, generation: 1, current: 2 };
        assert!(rule == "T-93" || reasons.contains(&former), "{rule}: {reasons:?}");
        let (_, left, signers) = alarm(judged(&chest, std::slice::from_ref(spent), outputs));
        assert_eq!((left, signers), (90_000, BTreeSet::from([(1, 0), (1, 1)])), "{rule}");
    }
    // A stranger's script that looks like a former one's in everything but the script.
    let mut psbt = signed(&chest, std::slice::from_ref(&plain), vec![to(&chest, 1, 7, 89_000)]).0;
    add_output(&mut psbt, 500, chest.generations[0].script_at(7).unwrap());
    let found = chest.check_paying(&psbt, &[]);
    let PsbtVerdict::Refuse(reasons) = found else { panic!("{found:?}") };
    assert!(reasons.contains(&PsbtReason::FormerChange { vout: 1, generation: 1, current: 2 }), "{reasons:?}");
}

proptest! {
    // Each case signs a transaction with eight keys.
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever treasuries there were, also several times, and whatever enough keys of each sign: what nobody decided is housekeeping if and only
    /// if every output is of a treasury that is not older than any that it spends a coin of, nor than those that were present of late; and
    /// if it is not, all that did not stay or come home is told as gone, with just the keys of the treasuries whose coins went. The oracle asks
    /// for letters alone, no script and no policy.
    #[test]
    fn what_nobody_decided_comes_home_or_is_told(
        letters in prop::collection::vec(0u8..4, 1..5),
        spent in prop::collection::vec((0u8..4, 20_000u64..60_000), 1..4),
        paid in prop::collection::vec((0u8..5, 1u32..30), 1..4),
        lately in 0usize..3,
    ) {
        let mut letters = letters;
        letters.dedup();
        let mut chest = history(&letters);
        chest.lately = lately.min(letters.len() - 1);
        // The newest treasury of a letter; nobody's letter is a stranger.
        let newest = |letter: u8| letters.iter().rposition(|there| *there == letter);
        let coins: Vec<TreasuryCoin> = spent.iter().zip(40u8..).filter_map(|((letter, value), salt)| {
            Some(coin(&chest.generations, newest(*letter)?, 5 + u32::from(salt), *value, salt))
        }).collect();
        prop_assume!(!coins.is_empty());
        let values: u64 = coins.iter().map(|coin| coin.output().unwrap().value.to_sat()).sum();
        let each = (values - 1_000) / u64::try_from(paid.len()).unwrap();
        let script = |(letter, index): &(u8, u32)| -> ScriptBuf {
            newest(*letter).map_or_else(|| payee(80), |of| chest.generations[of].script_at(*index).unwrap())
        };
        let outputs = paid.iter().map(|to| TxOut { value: sat(each), script_pubkey: script(to) }).collect();
        let found = judged(&chest, &coins, outputs);

        let from = coins.iter().map(|coin| coin.generation).max().unwrap();
        let is_home = |oldest: usize| move |of: Option<usize>| of.is_some_and(|of| of >= oldest);
        let owners: Vec<Option<usize>> = paid.iter().map(|(letter, _)| newest(*letter)).collect();
        let should_pass = owners.iter().copied().all(is_home(from.max(chest.lately)));
        match found {
            SpendFinding::Housekeeping { fee } => {
                prop_assert!(should_pass, "{:?} to {:?}", coins.iter().map(|c| c.generation).collect::<Vec<_>>(), owners);
                prop_assert_eq!(fee.to_sat(), values - each * u64::try_from(paid.len()).unwrap());
            }
            SpendFinding::Unauthorised { left, signers, .. } => {
                prop_assert!(!should_pass);
                let stayed = owners.iter().copied().filter(|of| is_home(from)(*of)).count();
                prop_assert_eq!(left.to_sat(), values - each * u64::try_from(stayed).unwrap());
                let keys: BTreeSet<(usize, usize)> =
                    coins.iter().flat_map(|coin| [(coin.generation, 0), (coin.generation, 1)]).collect();
                prop_assert_eq!(signers, keys);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
