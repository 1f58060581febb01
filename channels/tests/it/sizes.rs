//! Transactions are as small as the design says.

use althing_channels::{
    Balances, CloseScripts, CloseTx, CommitmentContext, CommitmentTx, Side, ToLocal, funding_output,
};
use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::schnorr::Signature;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};

use crate::pair::{close_script, funding_outpoint, keys, params};

fn context(member_sat: u64, hub_sat: u64) -> CommitmentContext {
    let mut params = params();
    (params.member_sat, params.hub_sat) = (member_sat, hub_sat);
    CommitmentContext {
        params,
        member: *keys(Side::Member).public(),
        hub: *keys(Side::Hub).public(),
        funding: funding_outpoint(),
    }
}

fn any_signature() -> Signature {
    Signature::from_slice(&[1; 64]).unwrap()
}

fn commitment(member_sat: u64, hub_sat: u64, broadcaster: Side) -> Transaction {
    let context = context(member_sat, hub_sat);
    let point = keys(broadcaster).per_commitment_point(0);
    let balances = Balances { member_sat, hub_sat };
    CommitmentTx::build(&context, broadcaster, 0, &point, balances).unwrap().into_signed(&any_signature())
}

fn close(member_sat: u64, hub_sat: u64) -> Transaction {
    let context = context(member_sat, hub_sat);
    let scripts = CloseScripts { member: close_script(Side::Member), hub: close_script(Side::Hub) };
    let balances = Balances { member_sat, hub_sat };
    CloseTx::build(context.funding, &funding_output(&context), balances, &scripts, 154)
        .unwrap()
        .into_signed(&any_signature())
}

#[test]
fn commitment_with_both_outputs() {
    for side in [Side::Member, Side::Hub] {
        let transaction = commitment(600_000, 400_000, side);
        assert_eq!(transaction.weight().to_wu(), 668);
        assert_eq!(transaction.vsize(), 167);
        assert_eq!(transaction.output.len(), 3);
        // Zero fee: the whole funding is in the outputs.
        let sum: Amount = transaction.output.iter().map(|output| output.value).sum();
        assert_eq!(sum.to_sat(), 1_000_000);
    }
}

#[test]
fn commitment_with_one_output() {
    let transaction = commitment(1_000_000, 0, Side::Member);
    assert_eq!(transaction.vsize(), 124);
    assert_eq!(transaction.output[0].value.to_sat(), 0);
    assert_eq!(transaction.output[0].script_pubkey, ScriptBuf::new_p2a());
    let trimmed = commitment(999_760, 240, Side::Member);
    assert_eq!(trimmed.vsize(), 124);
    assert_eq!(trimmed.output[0].value.to_sat(), 240);
}

#[test]
fn cooperative_close() {
    assert_eq!(close(600_000, 400_000).vsize(), 154);
    assert_eq!(close(1_000_000, 0).vsize(), 111);
    // What is too small for an output goes to the fee.
    assert_eq!(close(999_671, 329).output.len(), 1);
    assert_eq!(close(999_670, 330).output.len(), 2);
}

#[test]
fn open_with_one_input_and_change() {
    let funding = funding_output(&context(1_000_000, 0));
    assert_eq!(spend(vec![funding.clone(), funding], Witness::from_slice(&[[1; 64]])).vsize(), 154);
}

#[test]
fn sweep_and_justice_of_to_local() {
    let own = keys(Side::Member);
    let peer = keys(Side::Hub);
    let to_local = ToLocal::new(
        &own.per_commitment_point(0),
        &own.public().delayed_basepoint,
        &peer.public().revocation_basepoint,
        144,
    );
    let output = vec![TxOut { value: Amount::from_sat(1_000), script_pubkey: to_local.script_pubkey() }];
    let mut sweep = Witness::from_slice(&[[1u8; 64]]);
    sweep.push(to_local.leaf());
    sweep.push(to_local.control_block().serialize());
    assert_eq!(spend(output.clone(), sweep).vsize(), 130);
    assert_eq!(spend(output, Witness::from_slice(&[[1; 64]])).vsize(), 111);
    // Force close in total: commitment, the child that pays for it (153), and the sweep.
    assert_eq!(commitment(600_000, 400_000, Side::Member).vsize() + 153 + 130, 450);
}

fn spend(output: Vec<TxOut>, witness: Witness) -> Transaction {
    Transaction {
        version: Version::non_standard(3),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::default(),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ZERO,
            witness,
        }],
        output,
    }
}
