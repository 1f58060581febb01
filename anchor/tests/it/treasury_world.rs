//! A treasury with coins, a gate and a payment, for the tests of its transactions.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{
    Bond, CheckFacts, GateState, InputOrigin, MinedSpend, PsbtVerdict, SpendIntent, SpendPlan, Treasury, TreasuryCoin,
    check_psbt,
};
use bitcoin::bip32::Xpriv;
use bitcoin::hashes::Hash;
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, Network, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxOut, Txid};

use crate::support::{input, secp, transaction, xpub};

pub(crate) const NUMS: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

pub(crate) fn xprv(n: u8) -> Xpriv {
    Xpriv::new_master(Network::Regtest, &[n; 32]).unwrap()
}

/// 2 of 3, P2WSH.
pub(crate) fn wsh() -> Treasury {
    Treasury::parse(&format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", xpub(1), xpub(2), xpub(3))).unwrap()
}

/// 3 of 5, P2TR, with a recovery by two of them after 10 blocks.
pub(crate) fn tr() -> Treasury {
    let keys = |branch: u8| (1..=5).map(|n| format!("{}/{branch}/*", xpub(n))).collect::<Vec<_>>().join(",");
    let text = format!("tr({NUMS},{{multi_a(3,{}),and_v(v:multi_a(2,{}),older(10))}})", keys(0), keys(1));
    Treasury::parse(&text).unwrap()
}

pub(crate) fn payee(n: u8) -> ScriptBuf {
    ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array([n; 32]))
}

/// A coin of `sat` at derivation index `index`, made by a transaction of its own.
pub(crate) fn coin(generations: &[Treasury], generation: usize, index: u32, sat: u64, salt: u8) -> TreasuryCoin {
    let script_pubkey = generations[generation].script_at(index).unwrap();
    let filler = TxOut { value: Amount::from_sat(999), script_pubkey: payee(200) };
    let outputs = vec![filler, TxOut { value: Amount::from_sat(sat), script_pubkey }];
    let made = transaction(vec![input(Txid::from_byte_array([salt; 32]), 0)], outputs);
    TreasuryCoin { outpoint: OutPoint { txid: made.compute_txid(), vout: 1 }, transaction: made, generation, index }
}

/// A treasury, what it holds, and a payment that was decided.
pub(crate) struct Chest {
    pub(crate) generations: Vec<Treasury>,
    pub(crate) gate: TreasuryCoin,
    pub(crate) other_gate: TreasuryCoin,
    pub(crate) seal: TreasuryCoin,
    pub(crate) coins: Vec<TreasuryCoin>,
    pub(crate) intent: SpendIntent,
    pub(crate) tip: Option<u32>,
    pub(crate) depth: Option<(u32, u32)>,
    pub(crate) gates: BTreeMap<OutPoint, GateState>,
    /// The coins that are there; `None`: nothing tells.
    pub(crate) made: Option<BTreeMap<OutPoint, TxOut>>,
    pub(crate) bonds: BTreeMap<OutPoint, Bond>,
    /// Stages of which coins may come back.
    pub(crate) stages: Vec<Treasury>,
    /// Scripts that nodes follow.
    pub(crate) in_sight: Option<u32>,
    /// What housekeeping has cost of late.
    pub(crate) housekeeping_spent: Option<Amount>,
    /// The oldest treasury that was present of late.
    pub(crate) lately: usize,
}

impl Chest {
    pub(crate) fn new(treasury: Treasury) -> Self {
        let generations = vec![treasury];
        let gate = coin(&generations, 0, 1, 1_000, 10);
        let other_gate = coin(&generations, 0, 2, 1_000, 11);
        let seal = coin(&generations, 0, 0, 10_000, 12);
        let coins = vec![coin(&generations, 0, 5, 60_000, 13), coin(&generations, 0, 6, 80_000, 14)];
        let output = |n: u8, sat: u64| TxOut { value: Amount::from_sat(sat), script_pubkey: payee(n) };
        let intent = SpendIntent {
            id: [7; 32],
            gate: gate.outpoint,
            outputs: vec![output(1, 50_000), output(2, 40_000)],
            fee_cap: Amount::from_sat(5_000),
            from_height: 100,
            expiry_height: 200,
            stage: None,
        };
        let gates = BTreeMap::from([(gate.outpoint, GateState::Unspent), (other_gate.outpoint, GateState::Unspent)]);
        let (tip, depth, bonds) = (Some(150), Some((6, 6)), BTreeMap::new());
        let (stages, made, housekeeping_spent) = (Vec::new(), None, Some(Amount::ZERO));
        let in_sight = Some(althing_anchor::indexes_in_sight(None));
        Self {
            generations,
            gate,
            other_gate,
            seal,
            coins,
            intent,
            tip,
            depth,
            gates,
            made,
            bonds,
            stages,
            in_sight,
            housekeeping_spent,
            lately: 0,
        }
    }

    /// Judges what a block has, by a node that knows the treasuries as wallets do.
    pub(crate) fn judging<T>(
        &self,
        transaction: &Transaction,
        prevouts: &[Option<TxOut>],
        height: u32,
        judge: impl FnOnce(&MinedSpend<'_>) -> T,
    ) -> T {
        let owner = |script: &Script| {
            self.generations.iter().enumerate().rev().find_map(|(generation, treasury)| {
                Some(InputOrigin { generation, index: treasury.index_of(script, [])? })
            })
        };
        let spare_seals = BTreeSet::from([self.seal.outpoint]);
        judge(&MinedSpend {
            transaction,
            height,
            prevouts,
            generations: &self.generations,
            lately: self.lately,
            spare_seals: &spare_seals,
            bonds: &self.bonds,
            owner: &owner,
        })
    }

    pub(crate) fn plan<'a>(&'a self, payments: &'a [(SpendIntent, TreasuryCoin)]) -> SpendPlan<'a> {
        SpendPlan {
            generations: &self.generations,
            payments,
            own_outputs: &[],
            required: &[],
            coins: &self.coins,
            change_index: 9,
            fee_rate: FeeRate::from_sat_per_vb_u32(3),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            own_fee_cap: Amount::from_sat(3_000),
        }
    }

    /// The honest transaction.
    pub(crate) fn psbt(&self) -> Psbt {
        self.plan(&[(self.intent.clone(), self.gate.clone())]).build().unwrap()
    }

    pub(crate) fn check(&self, psbt: &Psbt) -> PsbtVerdict {
        self.check_paying(psbt, std::slice::from_ref(&self.intent))
    }

    pub(crate) fn check_paying(&self, psbt: &Psbt, payments: &[SpendIntent]) -> PsbtVerdict {
        let reserved: BTreeSet<OutPoint> =
            [self.gate.outpoint, self.other_gate.outpoint, self.seal.outpoint].into_iter().collect();
        let facts = CheckFacts {
            generations: &self.generations,
            stages: &self.stages,
            in_sight: self.in_sight,
            spare_seal: Some(self.seal.outpoint),
            reserved: &reserved,
            bonds: &self.bonds,
            payments,
            depth: self.depth,
            tip: self.tip,
            coins: self.made.as_ref(),
            gates: &self.gates,
            new_gate: Amount::from_sat(1_000),
            housekeeping_rate: FeeRate::from_sat_per_vb_u32(20),
            housekeeping_spent: self.housekeeping_spent,
        };
        check_psbt(psbt, &facts)
    }
}

/// Signs with the keys of these treasurers.
pub(crate) fn sign(psbt: &Psbt, by: &[u8]) -> Psbt {
    let mut signed = psbt.clone();
    for n in by {
        let _ = signed.sign(&xprv(*n), &secp());
    }
    signed
}

/// The outputs that a transaction spends, as a member's node knows them.
pub(crate) fn prevouts(psbt: &Psbt) -> Vec<Option<TxOut>> {
    (0..psbt.inputs.len()).map(|at| althing_anchor::prevout_of(psbt, at).ok().cloned()).collect()
}

/// Makes an input for a coin, as a hostile wallet would fill it in.
pub(crate) fn add_input(psbt: &mut Psbt, coin: &TreasuryCoin) {
    psbt.unsigned_tx.input.push(input(coin.outpoint.txid, coin.outpoint.vout));
    psbt.inputs.push(bitcoin::psbt::Input {
        witness_utxo: coin.output().cloned(),
        non_witness_utxo: Some(coin.transaction.clone()),
        ..Default::default()
    });
}

pub(crate) fn add_output(psbt: &mut Psbt, sat: u64, script_pubkey: ScriptBuf) {
    psbt.unsigned_tx.output.push(TxOut { value: Amount::from_sat(sat), script_pubkey });
    psbt.outputs.push(bitcoin::psbt::Output::default());
}

/// A transaction that pays nobody the treasury knows.
pub(crate) fn foreign_coin(sat: u64) -> TreasuryCoin {
    let made: Transaction = transaction(
        vec![input(Txid::from_byte_array([66; 32]), 0)],
        vec![TxOut { value: Amount::from_sat(sat), script_pubkey: payee(66) }],
    );
    TreasuryCoin {
        outpoint: OutPoint { txid: made.compute_txid(), vout: 0 },
        transaction: made,
        generation: 0,
        index: 0,
    }
}
