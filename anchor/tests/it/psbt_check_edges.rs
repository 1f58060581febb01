//! The check before a signature at its edges: the last value that passes and the first that does not, each field that a hostile
//! file may set, and what tells where a script comes from.

use althing_anchor::{
    INDEXES_IN_SIGHT, InputOrigin, PsbtProof, PsbtReason, PsbtVerdict, SignatureRefusal, Treasury, finalise,
    input_origin, output_origin, read_proof, signers_of, verify_signatures, write_proof,
};
use bitcoin::psbt::Psbt;
use bitcoin::psbt::raw::ProprietaryKey;
use bitcoin::{Amount, Sequence, TapSighashType, Transaction, absolute};

use crate::treasury_world::{Chest, add_output, coin, payee, prevouts, sign, tr, wsh};

/// Further than a script is looked for of which nothing else is known.
const FAR: u32 = 5_000;

fn is_accepted(chest: &Chest, psbt: &Psbt) -> bool {
    matches!(chest.check(psbt), PsbtVerdict::Accept(_))
}

fn reasons(chest: &Chest, psbt: &Psbt) -> Vec<PsbtReason> {
    match chest.check(psbt) {
        PsbtVerdict::Refuse(reasons) => reasons,
        other => panic!("not refused: {other:?}"),
    }
}

/// T-40: no inputs, no outputs, or fields for others than there are.
#[test]
fn a_psbt_has_the_parts_that_its_transaction_has() {
    let chest = Chest::new(wsh());
    let misshapen = |change: &dyn Fn(&mut Psbt)| {
        let mut psbt = chest.psbt();
        change(&mut psbt);
        let form = |reason: &PsbtReason| match reason {
            PsbtReason::Form { reason } => Some(reason.clone()),
            _ => None,
        };
        reasons(&chest, &psbt).iter().find_map(form)
    };
    let empty = Some("it has no inputs or no outputs".to_owned());
    let parts = Some("its parts are not as many as the transaction's".to_owned());
    assert_eq!(misshapen(&|psbt| (psbt.unsigned_tx.input, psbt.inputs) = (vec![], vec![])), empty);
    assert_eq!(misshapen(&|psbt| (psbt.unsigned_tx.output, psbt.outputs) = (vec![], vec![])), empty);
    assert_eq!(misshapen(&|psbt| psbt.inputs.push(psbt.inputs[0].clone())), parts);
    assert_eq!(misshapen(&|psbt| psbt.outputs.push(psbt.outputs[0].clone())), parts);
}

/// T-56, of next block 151.
#[test]
fn a_lock_time_is_a_height_that_has_come() {
    let chest = Chest::new(wsh());
    let locked = |lock_time: u32| {
        let mut psbt = chest.psbt();
        psbt.unsigned_tx.lock_time = absolute::LockTime::from_consensus(lock_time);
        psbt
    };
    for lock_time in [0, 1, 150] {
        assert!(is_accepted(&chest, &locked(lock_time)), "{lock_time}");
    }
    for lock_time in [151, 499_999_999, 500_000_000, u32::MAX] {
        assert_eq!(reasons(&chest, &locked(lock_time)), [PsbtReason::LockTime { lock_time }]);
    }
}

/// T-53: the cap itself may be paid.
#[test]
fn a_fee_may_reach_its_cap() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    let PsbtVerdict::Accept(checked) = chest.check(&psbt) else { panic!("the honest payment") };
    let cap = chest.intent.fee_cap;
    psbt.unsigned_tx.output[2].value -= cap - checked.fee;
    assert!(is_accepted(&chest, &psbt));
    psbt.unsigned_tx.output[2].value -= Amount::ONE_SAT;
    assert_eq!(reasons(&chest, &psbt), [PsbtReason::FeeAboveCap { fee: cap + Amount::ONE_SAT, cap }]);
}

/// T-51: what is there and what was decided stand in the reason, so that a treasurer can see the difference.
#[test]
fn a_changed_output_is_told_in_values() {
    let chest = Chest::new(wsh());
    let mut psbt = chest.psbt();
    psbt.unsigned_tx.output[0].script_pubkey = payee(99);
    let (found, wanted) = (payee(99).to_hex_string(), payee(1).to_hex_string());
    let expected = PsbtReason::ChangedOutput {
        vout: 0,
        found: format!("50000 sat to script {found}"),
        wanted: format!("50000 sat to script {wanted}"),
    };
    assert_eq!(reasons(&chest, &psbt), [expected]);
}

/// T-54: neither a redeem script nor a key path signature, whatever else is in order.
#[test]
fn fields_that_no_coin_of_a_treasury_has_are_refused() {
    let chest = Chest::new(wsh());
    let mut redeemed = chest.psbt();
    redeemed.inputs[1].redeem_script = Some(payee(1));
    assert_eq!(reasons(&chest, &redeemed), [PsbtReason::WrongScript { input: 1 }]);

    let leaf_signed = sign(&Chest::new(tr()).psbt(), &[1]);
    let mut signature = *leaf_signed.inputs[0].tap_script_sigs.values().next().unwrap();
    signature.sighash_type = TapSighashType::Default;
    for chest in [Chest::new(wsh()), Chest::new(tr())] {
        let mut by_key_path = chest.psbt();
        by_key_path.inputs[1].tap_key_sig = Some(signature);
        assert_eq!(reasons(&chest, &by_key_path), [PsbtReason::WrongScript { input: 1 }]);
        let refusal = verify_signatures(&by_key_path, &chest.generations);
        let is_taproot = chest.generations[0] == tr();
        assert_eq!(matches!(refusal, Err(SignatureRefusal::Input { input: 1, .. })), is_taproot, "{refusal:?}");
    }
}

/// T-55.
#[test]
fn a_signature_of_something_else_is_refused() {
    for treasury in [wsh(), tr()] {
        let chest = Chest::new(treasury);
        let mut other = chest.psbt();
        other.unsigned_tx.output[2].value -= Amount::ONE_SAT;
        let other = sign(&other, &[1]);
        let mut psbt = chest.psbt();
        psbt.inputs[1].partial_sigs = other.inputs[1].partial_sigs.clone();
        psbt.inputs[1].tap_script_sigs = other.inputs[1].tap_script_sigs.clone();
        let found = reasons(&chest, &psbt);
        assert!(matches!(&found[..], [PsbtReason::Signature { reason }] if reason.starts_with("T-61")), "{found:?}");
    }
}

/// T-48: a sweep takes what former treasuries hold into the present one, in as many outputs as it likes, and into no other.
#[test]
fn housekeeping_sweeps_former_treasuries() {
    let mut chest = Chest::new(wsh());
    let moved = std::mem::take(&mut chest.coins);
    chest.generations.push(tr());
    let mut plan = chest.plan(&[]);
    plan.required = &moved;
    let mut psbt = plan.build().unwrap();
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&psbt, &[]));
    psbt.unsigned_tx.output[0].value -= Amount::from_sat(1_000);
    add_output(&mut psbt, 1_000, chest.generations[1].script_at(10).unwrap());
    assert!(matches!(chest.check_paying(&psbt, &[]), PsbtVerdict::Accept(_)), "{:?}", chest.check_paying(&psbt, &[]));
    psbt.unsigned_tx.output[1].script_pubkey = chest.generations[0].script_at(10).unwrap();
    let PsbtVerdict::Refuse(found) = chest.check_paying(&psbt, &[]) else { panic!("it went back") };
    assert_eq!(found, [PsbtReason::FormerChange { vout: 1, generation: 1, current: 2 }]);
}

/// T-47: the index is taken from the key origins where it is far, and the script is what counts. Change is in sight (T-110).
#[test]
fn coins_and_change_of_far_indexes_are_found_by_their_key_origins() {
    for treasury in [wsh(), tr()] {
        let mut chest = Chest::new(treasury);
        chest.coins = vec![coin(&chest.generations, 0, FAR, 200_000, 40)];
        let payments = [(chest.intent.clone(), chest.gate.clone())];
        let mut plan = chest.plan(&payments);
        plan.change_index = INDEXES_IN_SIGHT - 1;
        let psbt = plan.build().unwrap();
        assert!(is_accepted(&chest, &psbt), "{:?}", chest.check(&psbt));
        let at = |index| Some(InputOrigin { generation: 0, index });
        let generations = &chest.generations;
        assert_eq!(input_origin(&psbt, 0, generations), at(1), "the gate");
        assert_eq!(input_origin(&psbt, 1, generations), at(FAR));
        assert_eq!(output_origin(&psbt, 2, generations), at(INDEXES_IN_SIGHT - 1));
        assert_eq!((input_origin(&psbt, 2, generations), output_origin(&psbt, 0, generations)), (None, None));
        assert_eq!(output_origin(&psbt, 3, generations), None, "there is none");

        let mut bare = psbt.clone();
        bare.inputs[1].bip32_derivation.clear();
        bare.inputs[1].tap_key_origins.clear();
        bare.outputs[2] = bitcoin::psbt::Output::default();
        let found: Vec<String> = reasons(&chest, &bare).iter().map(PsbtReason::rule).collect();
        assert_eq!(found, ["T-47", "T-52"], "nothing says where to look");
    }
}

/// T-61: how many are missing depends on the rest that the transaction states.
#[test]
fn a_recovery_that_has_rested_asks_for_fewer() {
    let chest = Chest::new(tr());
    let payments = [(chest.intent.clone(), chest.gate.clone())];
    let missing = |sequence: Sequence, by: &[u8]| {
        let mut plan = chest.plan(&payments);
        plan.sequence = sequence;
        let psbt = sign(&plan.build().unwrap(), by);
        verify_signatures(&psbt, &chest.generations).unwrap()[0].missing
    };
    assert_eq!(missing(Sequence::ENABLE_RBF_NO_LOCKTIME, &[1, 2]), Some(1));
    assert_eq!(missing(Sequence::from_height(9), &[1, 2]), Some(1));
    assert_eq!(missing(Sequence::from_height(10), &[1]), Some(1));
    for rested in [10, 11] {
        assert_eq!(missing(Sequence::from_height(rested), &[1, 2]), Some(0), "{rested}");
    }
    assert_eq!(missing(Sequence::from_512_second_intervals(10), &[1, 2]), Some(1), "a rest in seconds is another");
}

/// A script that is not run as tapscript was not satisfied by anybody's signature.
#[test]
fn nobody_signed_a_leaf_of_another_version() {
    let chest = Chest::new(tr());
    let psbt = sign(&chest.psbt(), &[1, 2, 5]);
    let prevouts = prevouts(&psbt);
    let mut transaction = finalise(&psbt, &chest.generations).unwrap();
    let origin = input_origin(&psbt, 0, &chest.generations).unwrap();
    let signers = |transaction: &Transaction| signers_of(transaction, 0, &prevouts, &origin, &chest.generations);
    assert_eq!(signers(&transaction), [0, 1, 4].into());
    let mut items = transaction.input[0].witness.to_vec();
    items.last_mut().unwrap()[0] += 2;
    transaction.input[0].witness = items.into();
    assert_eq!(signers(&transaction), [].into());
}

/// T-30: the fields of others stay, ours are replaced as a whole.
#[test]
fn a_proof_replaces_the_one_before_and_nothing_else() {
    let mut psbt = Chest::new(wsh()).psbt();
    let of = |prefix: &[u8], subtype| ProprietaryKey { prefix: prefix.to_vec(), subtype, key: Vec::new() };
    psbt.proprietary.insert(of(b"other", 0), vec![1]);
    assert_eq!(read_proof(&psbt), PsbtProof::default(), "another's field is no proof");
    let long = PsbtProof { bundles: vec![vec![1], vec![2]], note: Some("rent".to_owned()) };
    write_proof(&mut psbt, &long);
    assert_eq!(read_proof(&psbt), long);
    let short = PsbtProof { bundles: vec![vec![3]], note: None };
    write_proof(&mut psbt, &short);
    assert_eq!(read_proof(&psbt), short);
    assert_eq!(psbt.proprietary.get(&of(b"other", 0)), Some(&vec![1]));
    psbt.proprietary.insert(of(b"althing", 7), vec![4]);
    assert_eq!(read_proof(&psbt), short, "a field that is not known yet");
}

/// The threshold that decides how many must sign is the descriptor's own.
#[test]
fn generations_are_told_apart() {
    let chest = Chest::new(wsh());
    let signed = sign(&chest.psbt(), &[1]);
    let strangers: [Treasury; 1] = [tr()];
    let refusal = verify_signatures(&signed, &strangers).unwrap_err();
    assert!(matches!(refusal, SignatureRefusal::Input { input: 0, .. }), "{refusal}");
    assert_eq!(input_origin(&signed, 0, &strangers), None);
    let both = [tr(), wsh()];
    assert_eq!(input_origin(&signed, 0, &both), Some(InputOrigin { generation: 1, index: 1 }));
    assert_eq!(verify_signatures(&signed, &both).unwrap()[0].generation, 1);
}
