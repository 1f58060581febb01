//! The genesis transaction is exactly what the charter asks for.

use althing_anchor::{GenesisError, GenesisParams, LinkError, genesis_outputs, verify_genesis};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, Transaction, Txid};

use crate::support::{commitment, genesis_params, genesis_transaction, key, treasury};

#[test]
fn outputs_stand_in_order() {
    let params = genesis_params();
    let outputs = genesis_outputs(&params).unwrap();
    let values: Vec<u64> = outputs.iter().map(|output| output.value.to_sat()).collect();
    assert_eq!(values, [100_000, 10_000, 1_000, 1_000, 1_000]);
    for (vout, output) in outputs.iter().enumerate().skip(1) {
        assert_eq!(output.script_pubkey, treasury().script_at(vout as u32 - 1).unwrap());
    }
    let transaction = genesis_transaction(&params);
    let genesis = verify_genesis(&transaction, &params).unwrap();
    let outpoint = |vout| OutPoint { txid: transaction.compute_txid(), vout };
    assert_eq!(genesis.first_seal.outpoint, outpoint(0));
    assert_eq!(genesis.first_seal.output(), transaction.output[0]);
    assert_eq!(genesis.spare_seal, outpoint(1));
    assert_eq!(genesis.gates, [outpoint(2), outpoint(3), outpoint(4)]);
}

type Edit = fn(&mut Transaction);

#[test]
fn every_difference_is_named() {
    let params = genesis_params();
    let table: [(&str, &str, Edit); 9] = [
        ("A-12", "a gate missing", |tx| tx.output.truncate(4)),
        ("A-12", "seal worth less", |tx| tx.output[0].value = Amount::from_sat(99_999)),
        ("A-12", "gate worth more", |tx| tx.output[3].value = Amount::from_sat(1_001)),
        ("A-12", "spare seal worth less", |tx| tx.output[1].value = Amount::from_sat(9_999)),
        ("A-12", "no seal", |tx| drop(tx.output.remove(0))),
        ("T-6", "gates swapped", |tx| tx.output.swap(2, 3)),
        ("T-6", "spare seal to somebody", |tx| tx.output[1].script_pubkey = tx.output[5].script_pubkey.clone()),
        ("A-12", "coinbase", |tx| tx.input[0].previous_output = OutPoint::null()),
        ("A-12", "nothing", |tx| tx.output.clear()),
    ];
    for (rule, name, edit) in table {
        let mut transaction = genesis_transaction(&params);
        edit(&mut transaction);
        let refusal = verify_genesis(&transaction, &params).expect_err(name).to_string();
        assert!(refusal.starts_with(rule), "{name}: {refusal}");
    }
}

#[test]
fn another_charter_is_another_genesis() {
    let transaction = genesis_transaction(&genesis_params());
    let with = |edit: fn(&mut GenesisParams)| {
        let mut params = genesis_params();
        edit(&mut params);
        verify_genesis(&transaction, &params).unwrap_err()
    };
    let seal = |error| matches!(error, GenesisError::FirstSeal(LinkError::DoesNotOpen { .. }));
    assert!(seal(with(|params| params.founding_commitment = commitment(1))));
    assert!(seal(with(|params| params.anchor_key = key(12))));
    let more = with(|params| params.gates = 5);
    assert_eq!(more, GenesisError::TooFewOutputs { found: 6, expected: 7 });
    // With one gate more the change output stands where the gate should be.
    assert!(matches!(with(|params| params.gates = 4), GenesisError::NotTreasury { vout: 5, .. }));
}

#[test]
fn impossible_charters_are_refused() {
    let with = |edit: fn(&mut GenesisParams)| {
        let mut params = genesis_params();
        edit(&mut params);
        genesis_outputs(&params).unwrap_err()
    };
    assert_eq!(with(|params| params.gates = 0), GenesisError::GateCount { gates: 0 });
    assert_eq!(with(|params| params.gates = 17), GenesisError::GateCount { gates: 17 });
    let dust = Amount::from_sat(330);
    for (name, error) in [
        ("the first seal", with(|params| params.seal = Amount::from_sat(329))),
        ("the spare seal", with(|params| params.spare_seal = Amount::from_sat(329))),
        ("a gate", with(|params| params.gate = Amount::from_sat(329))),
    ] {
        assert_eq!(error, GenesisError::Dust { output: name, value: Amount::from_sat(329), dust });
    }
}

#[test]
fn the_seal_is_bound_to_its_transaction() {
    let params = genesis_params();
    let mut other = genesis_transaction(&params);
    other.input[0].previous_output.txid = Txid::from_byte_array([8; 32]);
    let one = verify_genesis(&genesis_transaction(&params), &params).unwrap();
    assert_ne!(verify_genesis(&other, &params).unwrap().first_seal.outpoint, one.first_seal.outpoint);
}
