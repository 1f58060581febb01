//! A hub's bond is spent by its own rule only: the honest return passes, and every other use is refused (T-93).

use althing_anchor::{Bond, PsbtReason, PsbtUnknown, PsbtVerdict, SpendFinding, Treasury, TreasuryCoin};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, OutPoint, ScriptBuf};

use crate::treasury_signing::judge_mined;
use crate::treasury_world::{Chest, add_output, coin, payee, tr, wsh};

const BOND_SAT: u64 = 500_000;

/// A treasury with a bond that is free or held, and the transaction that returns it.
fn bonded(treasury: Treasury, is_free: Option<bool>) -> (Chest, TreasuryCoin, Psbt) {
    let mut chest = Chest::new(treasury);
    let bond = coin(&chest.generations, 0, 8, BOND_SAT, 30);
    chest.bonds.insert(bond.outpoint, Bond { back: way_back(), is_free });
    let psbt = returning(&chest, std::slice::from_ref(&bond), way_back());
    (chest, bond, psbt)
}

fn way_back() -> ScriptBuf {
    payee(77)
}

fn returning(chest: &Chest, bonds: &[TreasuryCoin], to: ScriptBuf) -> Psbt {
    let mut plan = chest.plan(&[]);
    (plan.coins, plan.required) = (&[], bonds);
    let mut psbt = plan.build().unwrap();
    psbt.unsigned_tx.output[0].script_pubkey = to;
    psbt.outputs[0] = bitcoin::psbt::Output::default();
    psbt
}

fn refused(chest: &Chest, psbt: &Psbt) -> Vec<PsbtReason> {
    match chest.check_paying(psbt, &[]) {
        PsbtVerdict::Refuse(reasons) => reasons,
        other => panic!("not refused: {other:?}"),
    }
}

fn unauthorised(chest: &Chest, psbt: &Psbt) -> String {
    match judge_mined(chest, psbt, &[1, 2, 3], 150) {
        SpendFinding::Unauthorised { reason, signers, .. } => {
            assert!(!signers.is_empty(), "whoever signed it is named");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_free_bond_goes_back_whole_but_for_the_fee() {
    for treasury in [wsh(), tr()] {
        let (chest, _, psbt) = bonded(treasury, Some(true));
        let PsbtVerdict::Accept(checked) = chest.check_paying(&psbt, &[]) else {
            panic!("{:?}", chest.check_paying(&psbt, &[]))
        };
        assert_eq!(checked.paid + checked.fee, Amount::from_sat(BOND_SAT));
        assert_eq!(checked.change, Amount::ZERO);
        let found = judge_mined(&chest, &psbt, &[1, 2, 3], 150);
        assert_eq!(found, SpendFinding::BondReturned { left: Amount::from_sat(BOND_SAT) });
    }
}

#[test]
fn a_held_bond_does_not_go_back_early() {
    let (chest, bond, psbt) = bonded(wsh(), Some(false));
    let found = refused(&chest, &psbt);
    assert_eq!(found, [PsbtReason::HeldBond { input: 0, outpoint: bond.outpoint }]);
    assert!(unauthorised(&chest, &psbt).contains("which is held"));
}

#[test]
fn without_the_log_it_cannot_be_told() {
    let (chest, bond, psbt) = bonded(wsh(), None);
    let unknown = PsbtVerdict::CannotTell(vec![PsbtUnknown::Bond { outpoint: bond.outpoint }]);
    assert_eq!(chest.check_paying(&psbt, &[]), unknown);
    // What is wrong in any case is refused all the same.
    let elsewhere = returning(&chest, &[bond], payee(78));
    assert!(matches!(refused(&chest, &elsewhere)[..], [PsbtReason::BondElsewhere { .. }, ..]));
}

#[test]
fn a_bond_goes_nowhere_else() {
    let (mut chest, bond, honest) = bonded(wsh(), Some(true));
    let elsewhere = PsbtReason::BondElsewhere { back: way_back().to_hex_string() };
    let own = chest.generations[0].script_at(9).unwrap();
    let other = coin(&chest.generations, 0, 11, BOND_SAT, 31);
    chest.bonds.insert(other.outpoint, Bond { back: payee(79), is_free: Some(true) });
    let mut split = honest.clone();
    split.unsigned_tx.output[0].value -= Amount::from_sat(1_000);
    add_output(&mut split, 1_000, payee(78));
    let with_coin = returning(&chest, &[bond.clone(), chest.coins[0].clone()], way_back());
    let stolen = [
        ("to another payee", returning(&chest, std::slice::from_ref(&bond), payee(78))),
        ("into the treasury, as housekeeping", returning(&chest, std::slice::from_ref(&bond), own)),
        ("in two outputs", split),
        ("with a coin of the treasury", with_coin),
        ("with the bond of another hub", returning(&chest, &[bond.clone(), other], way_back())),
    ];
    for (what, psbt) in stolen {
        assert!(refused(&chest, &psbt).contains(&elsewhere), "{what}: {:?}", refused(&chest, &psbt));
        assert!(unauthorised(&chest, &psbt).contains("goes back alone"), "{what}");
    }
    // Beside a payment that was decided, as one of its coins.
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let mut plan = chest.plan(&payments);
    plan.required = std::slice::from_ref(&bond);
    let paying = plan.build().unwrap();
    let PsbtVerdict::Refuse(reasons) = chest.check(&paying) else { panic!("not refused") };
    assert!(reasons.contains(&elsewhere), "{reasons:?}");
    assert!(unauthorised(&chest, &paying).contains("goes back alone"));
}

#[test]
fn what_goes_back_is_not_eaten_by_the_fee() {
    let (chest, _, mut psbt) = bonded(wsh(), Some(true));
    psbt.unsigned_tx.output[0].value = Amount::from_sat(BOND_SAT / 2);
    assert!(matches!(refused(&chest, &psbt)[..], [PsbtReason::FeeAboveCap { .. }]));
    assert!(unauthorised(&chest, &psbt).contains("at a fee of"));
}

/// A bond that was taken is no bond any more: it is a coin like any other.
#[test]
fn a_taken_bond_is_the_treasurys() {
    let (mut chest, bond, _) = bonded(wsh(), Some(false));
    chest.bonds.remove(&bond.outpoint);
    let own = chest.generations[0].script_at(9).unwrap();
    let tidy = returning(&chest, std::slice::from_ref(&bond), own);
    assert!(matches!(chest.check_paying(&tidy, &[]), PsbtVerdict::Accept(_)));
    assert!(matches!(judge_mined(&chest, &tidy, &[1, 2, 3], 150), SpendFinding::Housekeeping { .. }));
    let back: OutPoint = bond.outpoint;
    let returned = returning(&chest, &[bond], way_back());
    assert!(matches!(refused(&chest, &returned)[..], [PsbtReason::ForeignOutput { .. }]), "{back} does not go back");
}
