//! Signatures: attributed to a key, refused when they are not good, enough of them make a transaction; recovery after its wait.

use std::collections::BTreeSet;

use althing_anchor::{
    InputOrigin, PlanError, Recovery, ScriptKind, SignatureRefusal, SpendFinding, Treasury, TreasuryTemplate,
    compile_policy, finalise, judge_spend, merge_signatures, signers_of, verify_signatures,
};
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxOut};
use proptest::prelude::*;

use crate::support::{secp, xpub};
use crate::treasury_world::{Chest, coin, payee, prevouts, sign, tr, wsh, xprv};

#[test]
fn signatures_are_attributed_and_make_a_transaction() {
    for (treasury, by) in [(wsh(), vec![3u8, 1]), (tr(), vec![5, 2, 4])] {
        let chest = Chest::new(treasury);
        let base = chest.psbt();
        let mut ours = base.clone();
        for (number, n) in by.iter().enumerate() {
            let refusal = finalise(&ours, &chest.generations).unwrap_err();
            assert!(matches!(refusal, SignatureRefusal::Incomplete { .. }), "{refusal}");
            let status = merge_signatures(&mut ours, &sign(&base, &[*n]), &chest.generations).unwrap();
            assert_eq!(status.len(), 1);
            assert!(status[0].signed.contains(&usize::from(*n - 1)), "{status:?}");
            assert_eq!(status[0].is_complete(), number + 1 == by.len());
        }
        let transaction = finalise(&ours, &chest.generations).unwrap();
        let expected: BTreeSet<usize> = by.iter().map(|n| usize::from(*n - 1)).collect();
        for input in 0..transaction.input.len() {
            let index = if input == 0 { 1 } else { [6, 5][input - 1] };
            let origin = InputOrigin { generation: 0, index };
            let named = signers_of(&transaction, input, &prevouts(&base), &origin, &chest.generations);
            assert_eq!(named, expected, "input {input}");
            // Coins that are not those of the inputs tell no signature of P2TR; the places in the witness do.
            let too_many = [prevouts(&base), vec![prevouts(&base)[0].clone()]].concat();
            assert_eq!(signers_of(&transaction, input, &too_many, &origin, &chest.generations), expected);
        }
    }
}

#[test]
fn five_of_nine() {
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let keys: Vec<String> = (1..=9).map(|n| xpub(n).to_string()).collect();
        let template = TreasuryTemplate { kind, threshold: 5, keys, recoveries: Vec::new() };
        let chest = Chest::new(template.treasury().unwrap());
        let base = chest.psbt();
        let four = sign(&base, &[9, 2, 4, 7]);
        assert_eq!(verify_signatures(&four, &chest.generations).unwrap()[0].missing, Some(1));
        assert!(finalise(&four, &chest.generations).is_err());
        let transaction = finalise(&sign(&four, &[5]), &chest.generations).unwrap();
        let bound = chest.generations[0].size().unwrap().input * transaction.input.len() as u64;
        assert!(transaction.weight() < bound + bitcoin::Weight::from_wu(1_000));
    }
}

#[test]
fn signatures_that_are_not_good_are_refused() {
    let chest = Chest::new(wsh());
    let base = chest.psbt();
    let signed = sign(&base, &[1]);

    let mut moved = base.clone();
    moved.inputs[0].partial_sigs = signed.inputs[1].partial_sigs.clone();
    let mut ours = base.clone();
    let refusal = merge_signatures(&mut ours, &moved, &chest.generations).unwrap_err();
    assert!(matches!(refusal, SignatureRefusal::ForeignKey { input: 0, .. }), "{refusal}");
    assert_eq!(ours, base, "nothing was taken");

    let mut wrong = signed.clone();
    let key = *signed.inputs[0].partial_sigs.keys().next().unwrap();
    let other = *sign(&base, &[2]).inputs[0].partial_sigs.values().next().unwrap();
    wrong.inputs[0].partial_sigs.insert(key, other);
    let refusal = merge_signatures(&mut ours, &wrong, &chest.generations).unwrap_err();
    assert!(matches!(refusal, SignatureRefusal::Bad { input: 0, .. }), "{refusal}");

    let mut other = chest.psbt();
    other.unsigned_tx.output[0].script_pubkey = payee(77);
    let refusal = merge_signatures(&mut ours, &sign(&other, &[1]), &chest.generations).unwrap_err();
    assert!(matches!(refusal, SignatureRefusal::OtherTransaction { .. }), "{refusal}");

    let stranger = sign(&base, &[9]);
    assert_eq!(verify_signatures(&stranger, &chest.generations).unwrap()[0].signed.len(), 0, "a stranger cannot sign");
}

#[test]
fn recovery_needs_its_wait() {
    let chest = Chest::new(tr());
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let mut plan = chest.plan(&payments);
    let early = sign(&plan.build().unwrap(), &[1, 2]);
    assert!(matches!(finalise(&early, &chest.generations), Err(SignatureRefusal::Incomplete { .. })));
    plan.sequence = Sequence::from_height(10);
    let rested = sign(&plan.build().unwrap(), &[1, 2]);
    let transaction = finalise(&rested, &chest.generations).unwrap();
    assert!(transaction.input.iter().all(|txin| txin.sequence == Sequence::from_height(10)));
}

#[test]
fn templates_compile_and_are_explained() {
    let keys: Vec<String> = (1..=5).map(|n| xpub(n).to_string()).collect();
    let template =
        |kind, recoveries: Vec<Recovery>| TreasuryTemplate { kind, threshold: 3, keys: keys.clone(), recoveries };
    let recovery = |threshold, after_blocks| Recovery { after_blocks, threshold, keys: None };
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let plain = template(kind, Vec::new()).treasury().unwrap();
        assert_eq!((plain.threshold(), plain.keys().len()), (3, 5));
        let name = |key: usize| format!("T{key}");
        assert_eq!(plain.paths(name)[0].sentence, "At any time: 3 of (T0, T1, T2, T3, T4).");
        let recovered = template(kind, vec![recovery(2, 4320), recovery(1, 13_140)]).treasury().unwrap();
        let paths = recovered.paths(name);
        let waits: Vec<(u32, usize)> = paths.iter().map(|path| (path.after_blocks, path.threshold)).collect();
        assert_eq!(waits, [(0, 3), (4320, 2), (13_140, 1)], "{paths:?}");
        assert!(
            paths[1].sentence.starts_with("Once a coin has rested 4320 blocks (about 30 days): 2 of ("),
            "{paths:?}"
        );
        assert_eq!(recovered.threshold(), 3);
    }
    let guardian = format!("and(pk({}/0/*),thresh(2,pk({}/0/*),pk({}/0/*)))", xpub(9), xpub(1), xpub(2));
    let treasury = compile_policy(ScriptKind::Wsh, &guardian).unwrap();
    assert_eq!((treasury.threshold(), treasury.keys().len()), (3, 3));
    for (rule, text) in [
        ("T-10", "thresh(2,pk(".to_owned()),
        ("T-3", format!("or(pk({}/0/*),and(pk({}/0/*),older(10)))", xpub(1), xpub(2))),
        ("T-3", format!("and(thresh(2,pk({}/0/*),pk({}/0/*)),after(500))", xpub(1), xpub(2))),
    ] {
        let refusal = compile_policy(ScriptKind::Wsh, &text).unwrap_err().to_string();
        assert!(refusal.starts_with(rule), "{text}: {refusal}");
    }
}

/// T-11: a plain key, and an extended key with a path behind it, sign as they are.
#[test]
fn only_an_extended_key_without_a_path_gets_one() {
    let plain: Vec<String> = (1..=3).map(|n| xprv(n).private_key.public_key(&secp()).to_string()).collect();
    let with_path: Vec<String> = (1..=3).map(|n| format!("[d34db33f/48']{}/7/*", xpub(n))).collect();
    let without: Vec<String> = (1..=3).map(|n| format!(" [d34db33f/48']{} ", xpub(n))).collect();
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let of = |keys: &[String]| {
            let template = TreasuryTemplate { kind, threshold: 2, keys: keys.to_vec(), recoveries: Vec::new() };
            template.treasury().unwrap().keys().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(of(&plain), plain);
        assert_eq!(of(&with_path), with_path);
        assert!(of(&without).iter().all(|key| key.ends_with("/0/*") && key.starts_with("[d34db33f/48']")));
    }
}

/// A recovery by one key of its own is that key, and no recovery asks for more keys than there are.
#[test]
fn a_recovery_by_one_key() {
    let keys: Vec<String> = (1..=3).map(|n| xpub(n).to_string()).collect();
    for kind in [ScriptKind::Wsh, ScriptKind::Tr] {
        let template = |threshold| TreasuryTemplate {
            kind,
            threshold: 2,
            keys: keys.clone(),
            recoveries: vec![Recovery { after_blocks: 10, threshold, keys: Some(vec![xpub(9).to_string()]) }],
        };
        let treasury = template(1).treasury().unwrap();
        let paths = treasury.paths(|key| format!("T{key}"));
        // The place of a key differs with the shape of the script.
        assert!(paths[1].sentence.contains("hours): T") && !paths[1].sentence.contains(" of "), "{paths:?}");
        let written = format!(
            "or(99@thresh(2,pk({}/0/*),pk({}/0/*),pk({}/0/*)),1@and(pk({}/0/*),older(10)))",
            xpub(1),
            xpub(2),
            xpub(3),
            xpub(9)
        );
        assert_eq!(treasury.to_string(), compile_policy(kind, &written).unwrap().to_string());
        assert!(template(2).treasury().is_err(), "2 of 1 key");
    }
}

/// T-10: a policy may have 4096 bytes. What is longer is refused for its length, whatever else is wrong with it.
#[test]
fn a_policy_has_a_length() {
    for (bytes, is_too_long) in [(4095, false), (4096, false), (4097, true), (4098, true)] {
        let refusal = compile_policy(ScriptKind::Wsh, &"a".repeat(bytes)).unwrap_err().to_string();
        assert_eq!(refusal.contains("at most 4096 are allowed"), is_too_long, "{bytes}: {refusal}");
    }
}

#[test]
fn plans_that_cannot_be() {
    let mut chest = Chest::new(wsh());
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let mut plan = chest.plan(&payments);
    plan.fee_rate = FeeRate::from_sat_per_vb_u32(500);
    assert!(matches!(plan.build(), Err(PlanError::FeeAboveCap { .. })));
    chest.coins.truncate(1);
    assert!(matches!(chest.plan(&payments).build(), Err(PlanError::TooLittle { .. })));
    let twice = [payments[0].clone(), payments[0].clone()];
    chest.coins = vec![coin(&chest.generations, 0, 7, 500_000, 20)];
    assert!(matches!(chest.plan(&twice).build(), Err(PlanError::Twice { .. })));
    assert!(matches!(chest.plan(&[]).build(), Ok(_) | Err(_)), "never panics");
}

fn judge(chest: &Chest, change: impl FnOnce(&mut bitcoin::psbt::Psbt), by: &[u8], height: u32) -> SpendFinding {
    let mut psbt = chest.psbt();
    change(&mut psbt);
    judge_mined(chest, &psbt, by, height)
}

pub(crate) fn judge_mined(chest: &Chest, psbt: &bitcoin::psbt::Psbt, by: &[u8], height: u32) -> SpendFinding {
    let transaction = finalise(&sign(psbt, by), &chest.generations).unwrap();
    judge_transaction(chest, &transaction, &prevouts(psbt), height)
}

pub(crate) fn judge_transaction(
    chest: &Chest,
    transaction: &Transaction,
    prevouts: &[Option<TxOut>],
    height: u32,
) -> SpendFinding {
    let gates = BTreeSet::from([chest.gate.outpoint, chest.other_gate.outpoint]);
    let decided = |gate: &OutPoint| (*gate == chest.gate.outpoint).then(|| chest.intent.clone());
    let rate = FeeRate::from_sat_per_vb_u32(20);
    chest.judging(transaction, prevouts, height, |spend| judge_spend(spend, &gates, decided, rate))
}

/// T-72: a gate that no decision has goes back into the treasury, or it is an alarm.
#[test]
fn a_gate_without_a_decision_may_be_taken_back_and_go_nowhere_else() {
    let mut chest = Chest::new(wsh());
    let mut moved = std::mem::take(&mut chest.coins);
    moved.push(chest.other_gate.clone());
    let mut plan = chest.plan(&[]);
    plan.required = &moved;
    let back = plan.build().unwrap();
    let found = judge_mined(&chest, &back, &[1, 3], 150);
    assert!(matches!(found, SpendFinding::Housekeeping { .. }), "{found:?}");
    let gone = |change: &dyn Fn(&mut bitcoin::psbt::Psbt)| {
        let mut psbt = back.clone();
        change(&mut psbt);
        match judge_mined(&chest, &psbt, &[1, 3], 150) {
            SpendFinding::Unauthorised { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    };
    for change in [
        (&|psbt: &mut bitcoin::psbt::Psbt| psbt.unsigned_tx.output[0].script_pubkey = payee(50)) as &dyn Fn(&mut _),
        &|psbt: &mut bitcoin::psbt::Psbt| psbt.unsigned_tx.output[0].value = Amount::from_sat(20_000),
    ] {
        let reason = gone(change);
        assert!(reason.contains(&chest.other_gate.outpoint.to_string()), "{reason}");
    }
    // Nor beside a payment that was decided.
    let mut chest = Chest::new(wsh());
    chest.coins.push(chest.other_gate.clone());
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let gate = [chest.other_gate.clone()];
    let mut plan = chest.plan(&payments);
    plan.required = &gate;
    let found = judge_mined(&chest, &plan.build().unwrap(), &[1, 3], 150);
    assert!(matches!(found, SpendFinding::Unauthorised { .. }), "{found:?}");
}

#[test]
fn what_nobody_decided_names_its_signers() {
    for (treasury, by) in [(wsh(), vec![1u8, 3]), (tr(), vec![1, 2, 5])] {
        let chest = Chest::new(treasury);
        let found = judge(&chest, |_| {}, &by, 150);
        assert!(matches!(found, SpendFinding::Decided { ref ids, .. } if ids == &[[7; 32]]), "{found:?}");
        for (height, change) in [
            (
                150,
                Box::new(|psbt: &mut bitcoin::psbt::Psbt| psbt.unsigned_tx.output[0].script_pubkey = payee(50))
                    as Box<dyn FnOnce(&mut _)>,
            ),
            (150, Box::new(|psbt: &mut bitcoin::psbt::Psbt| psbt.unsigned_tx.output[2].script_pubkey = payee(50))),
            (
                150,
                Box::new(|psbt: &mut bitcoin::psbt::Psbt| psbt.unsigned_tx.output[2].value -= Amount::from_sat(9_000)),
            ),
            (99, Box::new(|_: &mut bitcoin::psbt::Psbt| {})),
            (200, Box::new(|_: &mut bitcoin::psbt::Psbt| {})),
        ] {
            let SpendFinding::Unauthorised { signers, .. } = judge(&chest, change, &by, height) else {
                panic!("at {height} it passed for decided")
            };
            let expected: BTreeSet<(usize, usize)> = by.iter().map(|n| (0, usize::from(*n - 1))).collect();
            assert_eq!(signers, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Nothing is lost and nothing appears: inputs are outputs and fee; and the fee pays the rate asked for, whatever the
    /// signatures weigh.
    #[test]
    fn plans_balance(
        sats in prop::collection::vec(1_000u64..100_000, 1..6),
        paid in 600u64..80_000,
        rate in 1u32..20,
        taproot in any::<bool>(),
    ) {
        let mut chest = Chest::new(if taproot { tr() } else { wsh() });
        chest.intent.outputs.truncate(1);
        chest.intent.outputs[0].value = Amount::from_sat(paid);
        chest.intent.fee_cap = Amount::from_sat(100_000);
        let coins = sats.iter().zip(20u8..).map(|(sat, n)| coin(&chest.generations, 0, u32::from(n), *sat, n));
        chest.coins = coins.collect();
        let payments = [(chest.intent.clone(), chest.gate.clone())];
        let mut plan = chest.plan(&payments);
        plan.fee_rate = FeeRate::from_sat_per_vb_u32(rate);
        let all: u64 = sats.iter().sum::<u64>() + 1_000;
        match plan.build() {
            Ok(psbt) => {
                let fee = psbt.fee().unwrap();
                let by: &[u8] = if taproot { &[1, 2, 3] } else { &[1, 2] };
                let transaction = finalise(&sign(&psbt, by), &chest.generations).unwrap();
                let least = FeeRate::from_sat_per_vb_u32(rate).fee_wu(transaction.weight()).unwrap();
                prop_assert!(fee >= least, "{fee} below {least}");
                let verdict = chest.check(&psbt);
                prop_assert!(matches!(verdict, althing_anchor::PsbtVerdict::Accept(_)), "{verdict:?}");
            }
            Err(PlanError::TooLittle { wanted, available }) => {
                prop_assert_eq!(available.to_sat(), all);
                prop_assert!(wanted > available || wanted.to_sat() + 330 > available.to_sat());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// The written form is read back as the same treasury, on every network's spelling.
    #[test]
    fn a_treasury_is_its_text(threshold in 2usize..5, taproot in any::<bool>()) {
        let keys: Vec<String> = (1..=5).map(|n| xpub(n).to_string()).collect();
        let kind = if taproot { ScriptKind::Tr } else { ScriptKind::Wsh };
        let treasury = TreasuryTemplate { kind, threshold, keys, recoveries: Vec::new() }.treasury().unwrap();
        prop_assert_eq!(&Treasury::parse(&treasury.to_string()).unwrap(), &treasury);
        let main = Treasury::parse(&treasury.spelled_for(bitcoin::NetworkKind::Main)).unwrap();
        prop_assert_eq!(main.script_at(3), treasury.script_at(3));
    }
}

#[test]
fn ownership_is_shown_without_moving_anything() {
    for (treasury, by) in [(wsh(), &[1u8, 3][..]), (tr(), &[1, 2, 5][..])] {
        let chest = Chest::new(treasury);
        let message = b"epoch 7";
        let base = althing_anchor::ownership_psbt(&chest.generations[0], message, 0, &chest.coins).unwrap();
        let none = althing_anchor::check_ownership(&base, &chest.generations[0], message).unwrap();
        assert!(none.signed.is_empty() && !none.is_complete && none.coins.len() == 2);
        let signed = sign(&base, by);
        let proof = althing_anchor::check_ownership(&signed, &chest.generations[0], message).unwrap();
        let places: BTreeSet<usize> = by.iter().map(|n| usize::from(*n - 1)).collect();
        assert!(proof.signed.is_superset(&places), "{:?}", proof.signed);
        assert!(proof.is_complete);
        let other = althing_anchor::check_ownership(&signed, &chest.generations[0], b"epoch 8").unwrap_err();
        assert!(other.to_string().contains("another message"), "{other}");
        let payment = althing_anchor::check_ownership(&chest.psbt(), &chest.generations[0], message).unwrap_err();
        assert!(payment.to_string().contains("BIP322"), "{payment}");
    }
}

/// The hash and transaction ids of BIP322's own test vectors, by a plain script: the form is theirs.
#[test]
fn the_challenge_is_that_of_bip322() {
    let chest = Chest::new(wsh());
    let psbt = althing_anchor::ownership_psbt(&chest.generations[0], b"Hello World", 0, &[]).unwrap();
    let to_spend = psbt.inputs[0].non_witness_utxo.as_ref().unwrap();
    assert_eq!(
        to_spend.input[0].script_sig.to_hex_string(),
        "0020f0eb03b1a75ac6d9847f55c624a99169b5dccba2a31f5b23bea77ba270de0a7a"
    );
    assert_eq!((to_spend.version.0, psbt.unsigned_tx.version.0), (0, 0));
    assert_eq!(psbt.unsigned_tx.output[0].script_pubkey.to_hex_string(), "6a");
}
