//! The check before a signature: honest transactions pass, and every attack is refused for its reason.

use std::collections::BTreeMap;

use althing_anchor::{
    GateState, INDEXES_IN_SIGHT, Passing, PsbtReason, PsbtUnknown, PsbtVerdict, SpendIntent, Treasury, TreasuryCoin,
    indexes_in_sight,
};
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, EcdsaSighashType, OutPoint, TxOut, Txid};
use proptest::prelude::*;

use crate::support::xpub;
use crate::treasury_world::{Chest, add_input, add_output, coin, foreign_coin, payee, sign, tr, wsh};

fn reasons(verdict: PsbtVerdict) -> Vec<PsbtReason> {
    match verdict {
        PsbtVerdict::Refuse(reasons) => reasons,
        other => panic!("not refused: {other:?}"),
    }
}

fn refused_by(chest: &Chest, psbt: &Psbt, rule: &str) -> Vec<PsbtReason> {
    let reasons = reasons(chest.check(psbt));
    assert!(reasons.iter().any(|reason| reason.rule() == rule), "{rule} is not among {reasons:?}");
    reasons
}

#[test]
fn honest_transactions_pass() {
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury);
        let psbt = chest.psbt();
        let PsbtVerdict::Accept(checked) = chest.check(&psbt) else { panic!("{:?}", chest.check(&psbt)) };
        assert_eq!(checked.paid, Amount::from_sat(90_000));
        assert_eq!(checked.paid + checked.change + checked.fee, psbt_in(&psbt));
        assert_eq!(chest.check(&sign(&psbt, &[2])), PsbtVerdict::Accept(checked), "also when somebody has signed");
    }
}

fn psbt_in(psbt: &Psbt) -> Amount {
    psbt.iter_funding_utxos().map(|output| output.unwrap().value).sum()
}

#[test]
fn outputs_are_those_decided() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[0].script_pubkey = payee(99);
    assert_eq!(refused_by(&chest, &psbt, "T-51").len(), 1, "a substituted payee");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[0].value += Amount::from_sat(1);
    psbt.unsigned_tx.output[2].value -= Amount::from_sat(1);
    assert_eq!(refused_by(&chest, &psbt, "T-51").len(), 1, "one satoshi more");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output.swap(0, 1);
    assert_eq!(refused_by(&chest, &psbt, "T-51").len(), 2, "another order");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output.truncate(1);
    psbt.outputs.truncate(1);
    let found = refused_by(&chest, &psbt, "T-51");
    assert!(matches!(found[0], PsbtReason::MissingOutput { vout: 1, .. }), "{found:?}");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[2].value -= Amount::from_sat(2_000);
    add_output(&mut psbt, 2_000, payee(99));
    let found = refused_by(&chest, &psbt, "T-52");
    assert!(matches!(found[0], PsbtReason::ForeignOutput { vout: 3, .. }), "an added output: {found:?}");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[2].script_pubkey = payee(99);
    let found = refused_by(&chest, &psbt, "T-52");
    assert!(matches!(found[0], PsbtReason::ForeignOutput { vout: 2, .. }), "foreign change: {found:?}");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[2].value -= Amount::from_sat(2_000);
    add_output(&mut psbt, 2_000, chest.generations[0].script_at(10).unwrap());
    let found = refused_by(&chest, &psbt, "T-52");
    assert_eq!(found, [PsbtReason::SecondChange { vout: 3 }]);
}

/// The change of an attacker looks like ours in every field but the script.
#[test]
fn foreign_change_with_our_derivation_paths_is_refused() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    let theirs =
        Treasury::parse(&format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", xpub(1), xpub(2), xpub(9))).unwrap();
    psbt.unsigned_tx.output[2].script_pubkey = theirs.script_at(9).unwrap();
    refused_by(&chest, &psbt, "T-52");
}

/// T-110: change far out is the treasury's by its script, and lost to everybody who follows it.
#[test]
fn what_goes_back_stays_in_sight() {
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury);
        let to = |index: u32, payments: &[(SpendIntent, TreasuryCoin)]| {
            let mut plan = chest.plan(payments);
            plan.change_index = index;
            plan.build().unwrap()
        };
        let payment = [(chest.intent.clone(), chest.gate.clone())];
        assert!(matches!(chest.check(&to(INDEXES_IN_SIGHT - 1, &payment)), PsbtVerdict::Accept(_)));
        for index in [INDEXES_IN_SIGHT, 1_000_000, (1 << 31) - 1] {
            let found = reasons(chest.check(&to(index, &payment)));
            assert_eq!(found, [PsbtReason::OutOfSight { vout: 2, index, below: INDEXES_IN_SIGHT }]);
            // Housekeeping, whose outputs are all the treasury's.
            let mut plan = chest.plan(&[]);
            (plan.change_index, plan.required, plan.coins) = (index, &chest.coins, &[]);
            let found = reasons(chest.check_paying(&plan.build().unwrap(), &[]));
            assert_eq!(found, [PsbtReason::OutOfSight { vout: 0, index, below: INDEXES_IN_SIGHT }]);
        }
    }
}

/// T-110: where more scripts were used more are followed, up to where gates are looked for; who does not know cannot tell.
#[test]
fn a_treasury_that_used_many_scripts_goes_further() {
    let sights = [None, Some(0), Some(199), Some(798), Some(799), Some(5_000), Some(u32::MAX)].map(indexes_in_sight);
    assert_eq!(sights, [200, 201, 400, 999, 1000, 1000, 1000]);
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        let to = |chest: &Chest, index: u32| {
            let payment = [(chest.intent.clone(), chest.gate.clone())];
            let mut plan = chest.plan(&payment);
            plan.change_index = index;
            plan.build().unwrap()
        };
        chest.in_sight = Some(400);
        assert!(matches!(chest.check(&to(&chest, 399)), PsbtVerdict::Accept(_)));
        let beyond = PsbtReason::OutOfSight { vout: 2, index: 400, below: 400 };
        assert_eq!(beyond.passing(), Passing::News);
        assert_eq!(reasons(chest.check(&to(&chest, 400))), [beyond]);
        chest.in_sight = None;
        assert!(matches!(chest.check(&to(&chest, 199)), PsbtVerdict::Accept(_)));
        for index in [200, 999] {
            let unknown = PsbtUnknown::Sight { vout: 2, index };
            assert_eq!(chest.check(&to(&chest, index)), PsbtVerdict::CannotTell(vec![unknown]));
        }
        let never = PsbtReason::OutOfSight { vout: 2, index: 1000, below: 200 };
        assert_eq!(never.passing(), Passing::Never);
        assert_eq!(reasons(chest.check(&to(&chest, 1000))), [never]);
    }
}

/// As many gates as one housekeeping may make, beside the change, have their paths shown (T-25), so that the check knows them.
#[test]
fn many_gates_are_made_at_once() {
    let chest = Chest::new(wsh());
    let gate = |index: u32| TxOut {
        value: Amount::from_sat(1_000),
        script_pubkey: chest.generations[0].script_at(index).unwrap(),
    };
    let gates: Vec<TxOut> = (101..165).map(gate).collect();
    let mut plan = chest.plan(&[]);
    (plan.own_outputs, plan.change_index, plan.own_fee_cap) = (&gates, 100, Amount::from_sat(50_000));
    let psbt = plan.build().unwrap();
    assert_eq!(psbt.unsigned_tx.output.len(), 65);
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&psbt, &[]));
}

#[test]
fn fees_have_a_cap() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[2].value -= Amount::from_sat(4_000);
    assert!(matches!(refused_by(&chest, &psbt, "T-53")[..], [PsbtReason::FeeAboveCap { .. }]), "fee siphon");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output.pop();
    psbt.outputs.pop();
    refused_by(&chest, &psbt, "T-53");

    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[2].value += Amount::from_sat(50_000);
    assert!(matches!(refused_by(&chest, &psbt, "T-53")[..], [PsbtReason::NoFee { .. }]));

    // The amount is understated, so that the fee looks small: the transaction that made the coin tells.
    let mut psbt = chest.psbt();
    psbt.inputs[1].witness_utxo.as_mut().unwrap().value -= Amount::from_sat(10_000);
    refused_by(&chest, &psbt, "T-46");
    psbt.inputs[1].non_witness_utxo = None;
    refused_by(&chest, &psbt, "T-46");
}

#[test]
fn signatures_cover_everything() {
    let all = [0x02u32, 0x03, 0x80, 0x81, 0x82, 0x83, 0x41];
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury);
        for kind in all {
            let mut psbt = chest.psbt();
            psbt.inputs[1].sighash_type = Some(bitcoin::psbt::PsbtSighashType::from_u32(kind));
            assert!(
                matches!(refused_by(&chest, &psbt, "T-50")[..], [PsbtReason::Sighash { input: 1, .. }]),
                "{kind:#x}"
            );
        }
        let mut psbt = chest.psbt();
        psbt.inputs[0].sighash_type = Some(EcdsaSighashType::All.into());
        assert!(matches!(chest.check(&psbt), PsbtVerdict::Accept(_)));
    }
    // A signature that is there already, of a type that leaves the outputs open.
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.inputs[1].sighash_type = Some(EcdsaSighashType::NonePlusAnyoneCanPay.into());
    let mut psbt = sign(&psbt, &[1]);
    psbt.inputs[1].sighash_type = None;
    refused_by(&chest, &psbt, "T-50");
}

#[test]
fn the_gate_is_spent_once() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.input.remove(0);
    psbt.inputs.remove(0);
    psbt.unsigned_tx.output[2].value -= Amount::from_sat(1_000);
    assert!(matches!(refused_by(&chest, &psbt, "T-45")[..], [PsbtReason::MissingGate { .. }]));

    let by = Some(Txid::from_byte_array([1; 32]));
    for by in [None, by] {
        let mut spent = Chest::new(wsh());
        spent.gates.insert(spent.gate.outpoint, GateState::Spent(by));
        let found = refused_by(&spent, &spent.psbt(), "T-44");
        assert_eq!(found, [PsbtReason::Replayed { gate: spent.gate.outpoint, by }]);
    }
    let mut own = Chest::new(wsh());
    let psbt = own.psbt();
    own.gates.insert(own.gate.outpoint, GateState::Spent(Some(psbt.unsigned_tx.compute_txid())));
    assert!(matches!(own.check(&psbt), PsbtVerdict::Accept(_)), "the same transaction, broadcast already");

    let twice = [chest.intent.clone(), chest.intent.clone()];
    let found = reasons(chest.check_paying(&chest.psbt(), &twice));
    assert!(found.contains(&PsbtReason::DoublePayment { number: 2 }), "{found:?}");
}

#[test]
fn only_free_coins_of_the_treasury_are_spent() {
    let chest = Chest::new(wsh());
    for (what, locked) in [("gate of another payment", &chest.other_gate), ("spare seal", &chest.seal)] {
        let mut psbt = chest.psbt();
        add_input(&mut psbt, locked);
        psbt.unsigned_tx.output[2].value += locked.output().unwrap().value;
        let found = refused_by(&chest, &psbt, "T-49");
        assert!(matches!(found[..], [PsbtReason::LockedInput { .. }]), "{what}: {found:?}");
    }
    let mut psbt = chest.psbt();
    add_input(&mut psbt, &foreign_coin(5_000));
    psbt.unsigned_tx.output[2].value += Amount::from_sat(5_000);
    refused_by(&chest, &psbt, "T-47");

    let mut psbt = chest.psbt();
    let again = (psbt.unsigned_tx.input[1].clone(), psbt.inputs[1].clone());
    psbt.unsigned_tx.input.push(again.0);
    psbt.inputs.push(again.1);
    let found = reasons(chest.check(&psbt));
    assert!(found.iter().any(|reason| matches!(reason, PsbtReason::DoubleInput { .. })), "{found:?}");

    let mut psbt = chest.psbt();
    psbt.inputs[1].witness_script = Some(payee(3));
    refused_by(&chest, &psbt, "T-54");
}

/// T-111: a transaction that spends a coin which nobody made can never be mined, and is in the way of those that can.
#[test]
fn an_invented_coin_is_not_signed_for() {
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        let psbt = chest.psbt();
        let made = |coin: &TreasuryCoin| (coin.outpoint, coin.output().unwrap().clone());
        let all: BTreeMap<OutPoint, TxOut> = chest.coins.iter().chain([&chest.gate]).map(made).collect();
        chest.made = Some(all.clone());
        assert!(matches!(chest.check(&psbt), PsbtVerdict::Accept(_)));
        for spent in psbt.unsigned_tx.input.iter().map(|txin| txin.previous_output) {
            // The state of a gate is known otherwise (T-44).
            let is_gate = spent == chest.gate.outpoint;
            let mut known = all.clone();
            known.remove(&spent);
            chest.made = Some(known);
            match (chest.check(&psbt), is_gate) {
                (found, true) => assert!(matches!(found, PsbtVerdict::Accept(_)), "{found:?}"),
                (found, false) => {
                    assert_eq!(found, PsbtVerdict::CannotTell(vec![PsbtUnknown::Coin { outpoint: spent }]));
                }
            }
            // It is there, with another amount: a signature over what is shown would be good for nothing.
            let mut known = all.clone();
            known.get_mut(&spent).unwrap().value += Amount::ONE_SAT;
            chest.made = Some(known);
            refused_by(&chest, &psbt, "T-46");
        }
    }
}

#[test]
fn the_present_treasury_pays_and_gets_the_change() {
    let mut chest = Chest::new(wsh());
    let honest = chest.psbt();
    chest.generations.push(tr());
    let found = reasons(chest.check(&honest));
    assert!(
        found.iter().any(|reason| matches!(reason, PsbtReason::FormerGeneration { generation: 1, current: 2, .. }))
    );
    assert!(found.iter().any(|reason| matches!(reason, PsbtReason::FormerChange { generation: 1, current: 2, .. })));

    // A gate stays where it was made; the money and the change are the present treasury's.
    let coins = vec![coin(&chest.generations, 1, 5, 200_000, 40)];
    chest.coins = coins;
    assert!(matches!(chest.check(&chest.psbt()), PsbtVerdict::Accept(_)), "{:?}", chest.check(&chest.psbt()));
}

#[test]
fn heights_and_depth() {
    let at = |tip: u32| Chest { tip: Some(tip), ..Chest::new(wsh()) };
    assert!(matches!(at(98).check(&at(98).psbt()), PsbtVerdict::Refuse(_)));
    assert!(matches!(at(99).check(&at(99).psbt()), PsbtVerdict::Accept(_)));
    assert!(matches!(at(198).check(&at(198).psbt()), PsbtVerdict::Accept(_)));
    let found = reasons(at(199).check(&at(199).psbt()));
    assert_eq!(found, [PsbtReason::Expired { expiry: 200, next: 200 }]);
    let shallow = Chest { depth: Some((5, 6)), ..Chest::new(wsh()) };
    assert_eq!(reasons(shallow.check(&shallow.psbt())), [PsbtReason::Shallow { depth: 5, needed: 6 }]);
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.lock_time = bitcoin::absolute::LockTime::from_height(400_000).unwrap();
    refused_by(&chest, &psbt, "T-56");
}

#[test]
fn what_is_not_known_is_no_answer() {
    let unknown = |chest: &Chest| match chest.check(&chest.psbt()) {
        PsbtVerdict::CannotTell(unknown) => unknown,
        other => panic!("{other:?}"),
    };
    let chest = Chest { tip: None, ..Chest::new(wsh()) };
    assert_eq!(unknown(&chest), [PsbtUnknown::Tip]);
    let mut chest = Chest::new(wsh());
    chest.gates.clear();
    assert_eq!(unknown(&chest), [PsbtUnknown::Gate { gate: chest.gate.outpoint }]);
    // A reason to refuse outweighs it.
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[0].value += Amount::from_sat(1);
    assert!(matches!(chest.check(&psbt), PsbtVerdict::Refuse(_)));
}

#[test]
fn housekeeping_goes_to_the_treasury_only() {
    let mut chest = Chest::new(wsh());
    let moved = std::mem::take(&mut chest.coins);
    let mut plan = chest.plan(&[]);
    plan.required = &moved;
    let psbt = plan.build().unwrap();
    assert_eq!(psbt.unsigned_tx.output.len(), 1);
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&psbt, &[]));
    let mut out = psbt.clone();
    out.unsigned_tx.output[0].script_pubkey = payee(9);
    assert!(matches!(reasons(chest.check_paying(&out, &[]))[..], [PsbtReason::ForeignOutput { .. }]));
    let mut siphon = psbt.clone();
    siphon.unsigned_tx.output[0].value = Amount::from_sat(20_000);
    let found = reasons(chest.check_paying(&siphon, &[]));
    assert!(matches!(found[..], [PsbtReason::FeeAboveCap { .. }, PsbtReason::HousekeepingBudget { .. }]), "{found:?}");
    // A fee as it should be, for the last of many.
    chest.housekeeping_spent = Some(Amount::from_sat(79_500));
    assert!(matches!(reasons(chest.check_paying(&psbt, &[]))[..], [PsbtReason::HousekeepingBudget { .. }]));
    chest.housekeeping_spent = Some(Amount::ZERO);
    let mut gate = psbt;
    add_input(&mut gate, &chest.other_gate);
    assert!(matches!(reasons(chest.check_paying(&gate, &[]))[..], [PsbtReason::LockedInput { .. }]));
}

/// T-52: outputs beyond one and the new gates are weight that the fee cap would grow with.
#[test]
fn housekeeping_makes_no_crumbs() {
    let mut chest = Chest::new(wsh());
    let moved = std::mem::take(&mut chest.coins);
    let mut plan = chest.plan(&[]);
    plan.required = &moved;
    let honest = plan.build().unwrap();
    let with = |more: &[u64]| {
        let mut psbt = honest.clone();
        for sat in more {
            psbt.unsigned_tx.output[0].value -= Amount::from_sat(*sat);
            add_output(&mut psbt, *sat, chest.generations[0].script_at(10).unwrap());
        }
        chest.check_paying(&psbt, &[])
    };
    assert!(matches!(with(&[1_000; 64]), PsbtVerdict::Accept(_)));
    let crumb = |vout: usize| PsbtReason::Crumb { vout, gate: Amount::from_sat(1_000) };
    assert_eq!(reasons(with(&[999])), [crumb(1)]);
    assert_eq!(reasons(with(&[1_000, 330, 330])), [crumb(2), crumb(3)]);
    assert_eq!(reasons(with(&[1_000; 65])), [crumb(65)]);
}

#[test]
fn several_payments_in_one() {
    let chest = Chest::new(wsh());
    let mut second = chest.intent.clone();
    (second.gate, second.id) = (chest.other_gate.outpoint, [8; 32]);
    second.outputs.truncate(1);
    second.outputs[0].value = Amount::from_sat(20_000);
    let payments = [(chest.intent.clone(), chest.gate.clone()), (second.clone(), chest.other_gate.clone())];
    let psbt = chest.plan(&payments).build().unwrap();
    let both = [chest.intent.clone(), second];
    assert!(matches!(chest.check_paying(&psbt, &both), PsbtVerdict::Accept(_)));
    // With one of the two approvals the other's gate is locked and its output foreign.
    let found = reasons(chest.check(&psbt));
    assert!(found.iter().any(|reason| matches!(reason, PsbtReason::LockedInput { .. })), "{found:?}");
    assert!(found.iter().any(|reason| matches!(reason, PsbtReason::ForeignOutput { .. })), "{found:?}");
}

proptest! {
    // Each case makes and judges a transaction on unoptimised code.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever one thing is changed in what a signature covers, the check does not accept it as the same payment, unless what
    /// changed is only the sequence, or how much goes back within the fee cap.
    #[test]
    fn no_other_payment_is_accepted(vout in 0usize..2, sat in 0u64..200_000, script in 0u8..4, extra in any::<bool>()) {
        let chest = Chest::new(wsh());
        let mut psbt = chest.psbt();
        let honest = psbt.unsigned_tx.clone();
        psbt.unsigned_tx.output[vout].value = Amount::from_sat(sat);
        psbt.unsigned_tx.output[vout].script_pubkey = payee(script);
        if extra {
            add_output(&mut psbt, 1_000, payee(script));
        }
        let accepted = matches!(chest.check(&psbt), PsbtVerdict::Accept(_));
        prop_assert_eq!(accepted, psbt.unsigned_tx == honest);
    }

    /// Any bytes: the check never panics, and accepts nothing that does not pay exactly what was decided.
    #[test]
    fn changed_bytes_pay_nobody_else(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let chest = Chest::new(wsh());
        let honest = sign(&chest.psbt(), &[1]);
        let mut bytes = honest.serialize();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(psbt) = Psbt::deserialize(&bytes)
            && let PsbtVerdict::Accept(_) = chest.check(&psbt)
        {
            prop_assert_eq!(&psbt.unsigned_tx.output[..2], &chest.intent.outputs[..]);
            let fee = psbt_in(&psbt).checked_sub(psbt.unsigned_tx.output.iter().map(|o| o.value).sum());
            prop_assert!(fee.is_some_and(|fee| fee <= chest.intent.fee_cap));
        }
    }
}
