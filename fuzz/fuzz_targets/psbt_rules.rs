//! An honest payment with bytes of its PSBT changed, against the rules themselves: what is accepted pays what was decided and
//! nobody else, out of coins of the treasury that are free, for a fee within the cap.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use althing_anchor::{
    CheckFacts, GateState, PsbtVerdict, SpendIntent, SpendPlan, Treasury, TreasuryCoin, check_psbt, prevout_of,
};
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{
    Amount, FeeRate, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, WScriptHash, absolute,
    transaction,
};
use libfuzzer_sys::fuzz_target;

const NUMS: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

struct World {
    generations: Vec<Treasury>,
    reserved: BTreeSet<OutPoint>,
    seal: OutPoint,
    intent: SpendIntent,
    honest: Vec<u8>,
}

fn key(number: u8) -> Xpriv {
    Xpriv::new_master(Network::Regtest, &[number; 32]).unwrap()
}

fn treasury(is_taproot: bool) -> Treasury {
    let secp = Secp256k1::new();
    let keys: Vec<String> = (1..=3).map(|number| format!("{}/0/*", Xpub::from_priv(&secp, &key(number)))).collect();
    let keys = keys.join(",");
    let text = if is_taproot { format!("tr({NUMS},multi_a(2,{keys}))") } else { format!("wsh(sortedmulti(2,{keys}))") };
    Treasury::parse(&text).unwrap()
}

fn coin(treasury: &Treasury, index: u32, sat: u64) -> TreasuryCoin {
    let salt = u8::try_from(index).unwrap();
    let input =
        TxIn { previous_output: OutPoint { txid: Txid::from_byte_array([salt; 32]), vout: 0 }, ..TxIn::default() };
    let output = TxOut { value: Amount::from_sat(sat), script_pubkey: treasury.script_at(index).unwrap() };
    let transaction = Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
    TreasuryCoin { outpoint, transaction, generation: 0, index }
}

impl World {
    fn new(is_taproot: bool) -> Self {
        let generations = vec![treasury(is_taproot)];
        let gate = coin(&generations[0], 1, 1_000);
        let seal = coin(&generations[0], 2, 10_000);
        let coins = [coin(&generations[0], 5, 60_000), coin(&generations[0], 6, 80_000)];
        let script_pubkey = ScriptBuf::new_p2wsh(&WScriptHash::from_byte_array([1; 32]));
        let intent = SpendIntent {
            id: [7; 32],
            gate: gate.outpoint,
            outputs: vec![TxOut { value: Amount::from_sat(90_000), script_pubkey }],
            fee_cap: Amount::from_sat(5_000),
            from_height: 100,
            expiry_height: 200,
            stage: None,
        };
        let reserved = [gate.outpoint, seal.outpoint].into_iter().collect();
        let plan = SpendPlan {
            generations: &generations,
            payments: &[(intent.clone(), gate)],
            own_outputs: &[],
            required: &[],
            coins: &coins,
            change_index: 9,
            fee_rate: FeeRate::from_sat_per_vb_u32(3),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            own_fee_cap: Amount::from_sat(3_000),
        };
        let mut psbt = plan.build().unwrap();
        psbt.sign(&key(1), &Secp256k1::new()).unwrap();
        Self { honest: psbt.serialize(), generations, reserved, seal: seal.outpoint, intent }
    }
}

fuzz_target!(|bytes: &[u8]| {
    static WORLDS: OnceLock<[World; 2]> = OnceLock::new();
    let worlds = WORLDS.get_or_init(|| [World::new(false), World::new(true)]);
    let Some((head, edits)) = bytes.split_first() else { return };
    let world = &worlds[usize::from(head & 1)];
    let mut file = world.honest.clone();
    // Each edit: where, and what stands there then.
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] = edit[2];
    }
    let Ok(psbt) = Psbt::deserialize(&file) else { return };
    let gates = BTreeMap::from([(world.intent.gate, GateState::Unspent)]);
    let facts = CheckFacts {
        generations: &world.generations,
        stages: &[],
        in_sight: Some(200),
        reserved: &world.reserved,
        spare_seal: Some(world.seal),
        bonds: &BTreeMap::new(),
        payments: std::slice::from_ref(&world.intent),
        depth: Some((6, 6)),
        tip: Some(150),
        coins: None,
        gates: &gates,
        new_gate: Amount::from_sat(1_000),
        housekeeping_rate: FeeRate::from_sat_per_vb_u32(20),
        housekeeping_spent: None,
    };
    match check_psbt(&psbt, &facts) {
        PsbtVerdict::Accept(checked) => accepted(world, &psbt, checked.fee),
        PsbtVerdict::Refuse(reasons) => assert!(file != world.honest, "the honest payment is refused: {reasons:?}"),
        PsbtVerdict::CannotTell(unknown) => panic!("everything is known: {unknown:?}"),
    }
});

fn accepted(world: &World, psbt: &Psbt, stated_fee: Amount) {
    let transaction = &psbt.unsigned_tx;
    let own = |script: &ScriptBuf| world.generations[0].index_of(script, []).is_some();
    assert_eq!(transaction.output[..1], world.intent.outputs[..], "the decided output");
    assert!(transaction.output.len() <= 2, "outputs: {}", transaction.output.len());
    assert!(transaction.output[1..].iter().all(|output| own(&output.script_pubkey)), "the rest goes back");
    let spent: BTreeSet<OutPoint> = transaction.input.iter().map(|input| input.previous_output).collect();
    assert_eq!(spent.len(), transaction.input.len(), "nothing is spent twice");
    assert!(spent.contains(&world.intent.gate), "the gate is spent");
    assert!(
        spent.iter().all(|spent| *spent == world.intent.gate || !world.reserved.contains(spent)),
        "what is set apart"
    );
    let mut inputs = Amount::ZERO;
    for input in 0..transaction.input.len() {
        let prevout = prevout_of(psbt, input).unwrap();
        assert!(own(&prevout.script_pubkey), "input {input} is the treasury's");
        inputs += prevout.value;
    }
    let outputs: Amount = transaction.output.iter().map(|output| output.value).sum();
    assert_eq!(inputs.checked_sub(outputs), Some(stated_fee), "the fee");
    assert!(stated_fee <= world.intent.fee_cap, "the cap");
}
