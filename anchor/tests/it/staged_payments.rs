//! Hazard: money that rests goes elsewhere than was decided, or cannot be brought back in time (T-86 to T-96).

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{
    CheckFacts, InputOrigin, MinedSpend, PsbtReason, PsbtVerdict, SpendFinding, SpendIntent, Stage, Treasury,
    TreasuryCoin, check_psbt, finalise, finalise_payout, judge_spend, judge_staged, merge_signatures, read_payout,
    return_psbt, signatures_only, verify_signatures, write_payout,
};
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_CHECKSIGADD, OP_CSV, OP_NUMEQUAL, OP_NUMEQUALVERIFY};
use bitcoin::psbt::Psbt;
use bitcoin::script::Builder;
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};
use bitcoin::taproot::TaprootBuilder;
use bitcoin::{Amount, FeeRate, OutPoint, PrivateKey, Script, ScriptBuf, Sequence, Transaction, TxOut, Txid};
use miniscript::psbt::PsbtExt as _;
use proptest::prelude::*;

use crate::support::{key, keypair, secp, xpub};
use crate::treasury_world::{Chest, NUMS, add_output, coin, payee, prevouts, sign, tr, wsh, xprv};

/// Rest of the stages here, in blocks.
const DELAY: u16 = 12;

fn guardian(n: u8) -> PublicKey {
    keypair(100 + n).public_key()
}

/// Two of three guardians.
fn stage() -> Stage {
    Stage { delay_blocks: DELAY, threshold: 2, guardians: (1..=3).map(guardian).collect() }
}

/// A chest whose payment is staged.
pub(crate) fn chest(treasury: Treasury) -> Chest {
    let mut chest = Chest::new(treasury);
    chest.intent.stage = Some(stage());
    chest.stages = vec![policy(&chest)];
    chest
}

pub(crate) fn policy(chest: &Chest) -> Treasury {
    stage().policy(chest.generations.last().unwrap()).unwrap()
}

/// The treasuries, and behind them the stage.
fn policies(chest: &Chest) -> Vec<Treasury> {
    chest.generations.iter().cloned().chain([policy(chest)]).collect()
}

pub(crate) fn payout(psbt: &Psbt) -> Psbt {
    read_payout(psbt).unwrap().unwrap()
}

fn sign_guardians(psbt: &mut Psbt, guardians: &[u8]) {
    let keys: BTreeMap<XOnlyPublicKey, PrivateKey> = guardians
        .iter()
        .map(|n| (key(100 + n), PrivateKey::new(keypair(100 + n).secret_key(), bitcoin::NetworkKind::Test)))
        .collect();
    let _ = psbt.sign(&keys, &secp());
}

/// Signs the stage and its payout with the keys of these treasurers.
fn sign_both(psbt: &Psbt, by: &[u8]) -> Psbt {
    let mut signed = sign(psbt, by);
    write_payout(&mut signed, &sign(&payout(psbt), by));
    signed
}

/// What rests after an honest stage.
pub(crate) fn staged_coin(chest: &Chest) -> TreasuryCoin {
    let transaction = chest.psbt().unsigned_tx;
    TreasuryCoin {
        outpoint: OutPoint { txid: transaction.compute_txid(), vout: 0 },
        transaction,
        generation: 0,
        index: 0,
    }
}

pub(crate) fn return_of(chest: &Chest) -> Psbt {
    let treasury = chest.generations.last().unwrap();
    return_psbt(&[(staged_coin(chest), policy(chest))], treasury, 30, FeeRate::from_sat_per_vb_u32(3)).unwrap()
}

/// The script of T-86 put together by hand, byte by byte, with the library's tree of leaves.
fn by_hand(stage: &Stage, k: usize, keys: &[XOnlyPublicKey]) -> ScriptBuf {
    let multi = |builder: Builder, keys: &[XOnlyPublicKey], k: usize| {
        let added = keys.iter().enumerate().fold(builder, |builder, (place, key)| {
            let op = if place == 0 { OP_CHECKSIG } else { OP_CHECKSIGADD };
            builder.push_x_only_key(key).push_opcode(op)
        });
        added.push_int(i64::try_from(k).unwrap())
    };
    let guardians: Vec<XOnlyPublicKey> = stage.guardians.iter().map(|key| key.x_only_public_key().0).collect();
    let payout = multi(Builder::new(), keys, k).push_opcode(OP_NUMEQUALVERIFY);
    let payout = payout.push_int(i64::from(stage.delay_blocks)).push_opcode(OP_CSV).into_script();
    let back = multi(Builder::new(), &guardians, stage.threshold).push_opcode(OP_NUMEQUALVERIFY);
    let back = multi(back, keys, 1).push_opcode(OP_NUMEQUAL).into_script();
    let tree = TaprootBuilder::new().add_leaf(1, payout).unwrap().add_leaf(1, back).unwrap();
    let spend = tree.finalize(&secp(), NUMS.parse().unwrap()).unwrap();
    ScriptBuf::new_p2tr_tweaked(spend.output_key())
}

#[test]
fn the_script_is_the_one_written_down() {
    let at_zero = |treasury: &Treasury, count: usize| -> Vec<XOnlyPublicKey> {
        treasury.public_keys_at(0).unwrap()[..count].iter().map(|key| key.x_only_public_key().0).collect()
    };
    // Of a treasury with a recovery the ordinary way counts: its first five keys.
    for (treasury, k, n) in [(wsh(), 2, 3), (tr(), 3, 5)] {
        let keys = at_zero(&treasury, n);
        assert_eq!(stage().policy(&treasury).unwrap().script_at(0).unwrap(), by_hand(&stage(), k, &keys), "{treasury}");
        assert_eq!(
            stage().policy(&treasury).unwrap().script_at(7).unwrap(),
            by_hand(&stage(), k, &keys),
            "one for all"
        );
    }
    for wait in [1, 16, 17, 144, 4320] {
        let stage = Stage { delay_blocks: wait, ..stage() };
        assert_eq!(
            stage.policy(&wsh()).unwrap().script_at(0).unwrap(),
            by_hand(&stage, 2, &at_zero(&wsh(), 3)),
            "{wait}"
        );
    }
}

#[test]
fn what_cannot_be_staged() {
    let refused = |stage: &Stage, text: &str| {
        let treasury = Treasury::parse(text).unwrap();
        stage.policy(&treasury).unwrap_err().to_string()
    };
    let (a, b, c) = (xpub(1), xpub(2), xpub(3));
    let either = format!("wsh(andor(pk({a}/0/*),pk({b}/0/*),and_v(v:pk({c}/0/*),pk({b}/1/*))))");
    assert!(refused(&stage(), &either).starts_with("T-86"), "{}", refused(&stage(), &either));
    let own = keypair(9).public_key();
    let with_guardian = format!("wsh(sortedmulti(2,{},{own}))", keypair(8).public_key());
    let stage = Stage { guardians: vec![own], threshold: 1, ..stage() };
    let reason = refused(&stage, &with_guardian);
    assert!(reason.contains("T-86") || reason.contains("T-3"), "a guardian who is a treasurer: {reason}");
}

#[test]
fn a_pair_is_accepted_signed_and_finished_together() {
    for (treasury, by) in [(wsh(), vec![1u8, 3]), (tr(), vec![1, 2, 5])] {
        let chest = chest(treasury);
        let psbt = chest.psbt();
        let PsbtVerdict::Accept(checked) = chest.check(&psbt) else { panic!("{:?}", chest.check(&psbt)) };
        assert_eq!(checked.paid, Amount::from_sat(90_000));
        let held: Amount = psbt.iter_funding_utxos().map(|output| output.unwrap().value).sum();
        assert_eq!(checked.paid + checked.change + checked.fee, held, "both fees, and what the payout's anchor holds");
        assert!(checked.fee <= chest.intent.fee_cap, "{checked:?}");

        // Signatures of each come by themselves, as between treasurers.
        let mut together = psbt.clone();
        for (number, n) in by.iter().enumerate() {
            let bare = signatures_only(&sign_both(&psbt, &[*n]));
            let status = merge_signatures(&mut together, &bare, &policies(&chest)).unwrap();
            assert_eq!(status.len(), 2, "the stage and the payout");
            let missing = by.len() - number - 1;
            assert!(status.iter().all(|status| status.missing == Some(missing)), "{status:?}");
        }
        assert!(matches!(chest.check(&together), PsbtVerdict::Accept(_)));
        let first = finalise(&together, &policies(&chest)).unwrap();
        let second = finalise_payout(&together, &policies(&chest)).unwrap().unwrap();
        assert_eq!(second.input[0].previous_output, OutPoint { txid: first.compute_txid(), vout: 0 });
        assert_eq!(second.input[0].sequence, Sequence::from_height(DELAY));
        assert_eq!((second.version.0, &second.output[..2]), (3, &chest.intent.outputs[..]));
        assert_eq!((second.output.len(), second.output[2].script_pubkey == ScriptBuf::new_p2a()), (3, true));

        // T-89: no stage without its payout.
        let mut half = sign(&psbt, &by);
        write_payout(&mut half, &payout(&psbt));
        assert!(finalise(&half, &policies(&chest)).unwrap_err().to_string().starts_with("T-64"));
    }
}

#[test]
fn several_payments_rest_together_if_they_rest_alike() {
    let chest = chest(wsh());
    let mut second = SpendIntent { gate: chest.other_gate.outpoint, id: [8; 32], ..chest.intent.clone() };
    second.outputs.truncate(1);
    second.outputs[0].value = Amount::from_sat(20_000);
    second.stage = None;
    let payments = [(chest.intent.clone(), chest.gate.clone()), (second.clone(), chest.other_gate.clone())];
    let psbt = chest.plan(&payments).build().unwrap();
    assert_eq!(payout(&psbt).unsigned_tx.output.len(), 4, "three decided, and the anchor");
    let both = [chest.intent.clone(), second.clone()];
    assert!(matches!(chest.check_paying(&psbt, &both), PsbtVerdict::Accept(_)));
    second.stage = Some(Stage { delay_blocks: DELAY + 1, ..stage() });
    let other = [payments[0].clone(), (second.clone(), chest.other_gate.clone())];
    assert!(chest.plan(&other).build().unwrap_err().to_string().starts_with("T-87"));
    let found = chest.check_paying(&psbt, &[chest.intent.clone(), second]);
    let PsbtVerdict::Refuse(reasons) = found else { panic!("{found:?}") };
    assert!(reasons.contains(&PsbtReason::StagedOtherwise { number: 2 }), "{reasons:?}");
}

/// Everything that a hub, or whoever carries the file, could change of a pair, each with the reason that names it.
#[test]
fn changed_pairs_are_refused() {
    type Change = fn(&Chest, &mut Psbt);
    fn with_payout(psbt: &mut Psbt, change: impl FnOnce(&mut Psbt)) {
        let mut changed = payout(psbt);
        change(&mut changed);
        write_payout(psbt, &changed);
    }
    let table: [(&str, &str, Change); 22] = [
        ("no payout", "no payout is beside it", |_, psbt| psbt.proprietary.clear()),
        ("a payout that is none", "cannot be read", |_, psbt| {
            psbt.proprietary.values_mut().for_each(|bytes| bytes.truncate(9));
        }),
        ("paid without rest", "rests in script", |chest, psbt| {
            psbt.unsigned_tx.output[0] = chest.intent.outputs[0].clone();
        }),
        ("a stage of other guardians", "rests in script", |chest, psbt| {
            let theirs = Stage { guardians: vec![guardian(7), guardian(8)], ..stage() };
            psbt.unsigned_tx.output[0].script_pubkey =
                theirs.policy(&chest.generations[0]).unwrap().script_at(0).unwrap();
        }),
        ("a stage with one guardian less", "rests in script", |chest, psbt| {
            let theirs = Stage { threshold: 1, ..stage() };
            psbt.unsigned_tx.output[0].script_pubkey =
                theirs.policy(&chest.generations[0]).unwrap().script_at(0).unwrap();
        }),
        ("a shorter rest in the script", "rests in script", |chest, psbt| {
            let theirs = Stage { delay_blocks: 1, ..stage() };
            psbt.unsigned_tx.output[0].script_pubkey =
                theirs.policy(&chest.generations[0]).unwrap().script_at(0).unwrap();
        }),
        ("a changed stage with the old payout", "output 0 of the stage", |_, psbt| {
            psbt.unsigned_tx.output[1].value -= Amount::from_sat(1);
        }),
        ("more to rest than there is to pay", "output 0 of the stage", |_, psbt| {
            psbt.unsigned_tx.output[0].value += Amount::from_sat(4_000);
            psbt.unsigned_tx.output[1].value -= Amount::from_sat(4_000);
        }),
        ("another payee", "pays in output 0", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.output[0].script_pubkey = payee(99));
        }),
        ("one satoshi more", "pays in output 1", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.output[1].value += Amount::ONE_SAT);
        }),
        ("another order", "pays in output 0", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.output.swap(0, 1));
        }),
        ("an output less", "pays in output 2", |_, psbt| {
            with_payout(psbt, |payout| {
                payout.unsigned_tx.output.pop();
                payout.outputs.pop();
            });
        }),
        ("an output more", "pays in output 3", |_, psbt| {
            with_payout(psbt, |payout| add_output(payout, 330, payee(99)));
        }),
        ("an anchor that somebody owns", "pays in output 2", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.output[2].script_pubkey = payee(99));
        }),
        ("a payout that need not rest", "states a rest", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.input[0].sequence = Sequence::ENABLE_RBF_NO_LOCKTIME);
        }),
        ("a payout that rests longer", "states a rest", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.input[0].sequence = Sequence::from_height(DELAY + 1));
        }),
        ("a payout that nobody can speed up", "version 2", |_, psbt| {
            with_payout(psbt, |payout| payout.unsigned_tx.version = bitcoin::transaction::Version::TWO);
        }),
        ("a payout for a far day", "lock time", |_, psbt| {
            with_payout(psbt, |payout| {
                payout.unsigned_tx.lock_time = bitcoin::absolute::LockTime::from_height(900_000).unwrap();
            });
        }),
        ("a payout of something else", "output 0 of the stage", |_, psbt| {
            with_payout(psbt, |payout| {
                payout.unsigned_tx.input[0].previous_output = OutPoint { txid: Txid::all_zeros(), vout: 0 };
            });
        }),
        ("an understated amount", "shows", |_, psbt| {
            with_payout(psbt, |payout| payout.inputs[0].witness_utxo.as_mut().unwrap().value -= Amount::ONE_SAT);
        }),
        ("no amount", "does not show", |_, psbt| with_payout(psbt, |payout| payout.inputs[0].witness_utxo = None)),
        ("a signature over less", "signature type", |_, psbt| {
            with_payout(psbt, |payout| {
                payout.inputs[0].sighash_type = Some(bitcoin::TapSighashType::SinglePlusAnyoneCanPay.into());
            });
        }),
    ];
    for treasury in [wsh(), tr()] {
        let chest = chest(treasury);
        for (what, reason, change) in &table {
            let mut psbt = chest.psbt();
            change(&chest, &mut psbt);
            let found = chest.check(&psbt);
            let PsbtVerdict::Refuse(reasons) = &found else { panic!("{what}: {found:?}") };
            let named = reasons.iter().any(|found| found.rule() == "T-88" && found.to_string().contains(reason));
            assert!(named, "{what}: {reason:?} is not among {reasons:?}");
        }
    }
}

#[test]
fn fees_of_both_are_under_the_cap_and_the_payout_has_its_own() {
    let chest = chest(wsh());
    // As much as the caps allow goes into the payout's fee, and a satoshi more.
    let honest = chest.psbt();
    let PsbtVerdict::Accept(checked) = chest.check(&honest) else { panic!("refused") };
    let spare = chest.intent.fee_cap - checked.fee;
    let moved = |sat: i64| {
        let mut psbt = honest.clone();
        let mut shift = |vout: usize, sat: i64| {
            let value = psbt.unsigned_tx.output[vout].value.to_sat().checked_add_signed(sat).unwrap();
            psbt.unsigned_tx.output[vout].value = Amount::from_sat(value);
        };
        shift(0, sat);
        shift(1, -sat);
        let mut payout = payout(&honest);
        payout.unsigned_tx.input[0].previous_output.txid = psbt.unsigned_tx.compute_txid();
        payout.inputs[0].witness_utxo = Some(psbt.unsigned_tx.output[0].clone());
        write_payout(&mut psbt, &payout);
        chest.check(&psbt)
    };
    let spare = i64::try_from(spare.to_sat()).unwrap();
    assert!(matches!(moved(spare), PsbtVerdict::Accept(_)), "{:?}", moved(spare));
    let PsbtVerdict::Refuse(found) = moved(spare + 1) else { panic!("above the cap") };
    assert!(matches!(found[..], [PsbtReason::FeeAboveCap { .. }]), "{found:?}");
    // 3 sat/vB were planned; a third of it is 1 sat/vB, and below that nobody relays it.
    let PsbtVerdict::Refuse(found) = moved(-700) else { panic!("no fee") };
    assert!(found.iter().any(|reason| reason.to_string().contains("too little is left")), "{found:?}");
    // A plan above the caps is refused before anybody signs it.
    let payments = [(SpendIntent { fee_cap: Amount::from_sat(300), ..chest.intent.clone() }, chest.gate.clone())];
    assert!(chest.plan(&payments).build().unwrap_err().to_string().starts_with("T-24"));
}

#[test]
fn a_payout_where_nothing_is_staged_is_refused() {
    let staged = chest(wsh());
    let plain = Chest::new(wsh());
    let mut psbt = plain.psbt();
    write_payout(&mut psbt, &payout(&staged.psbt()));
    let found = plain.check(&psbt);
    assert_eq!(found, PsbtVerdict::Refuse(vec![PsbtReason::StrayPayout]));
    // And the pair where the charter asks for none.
    assert!(matches!(plain.check(&staged.psbt()), PsbtVerdict::Refuse(_)));
}

#[test]
fn bad_signatures_on_the_payout_are_refused() {
    let chest = chest(wsh());
    let mut psbt = chest.psbt();
    let mut bad = sign(&payout(&psbt), &[1]);
    let first = bad.inputs[0].tap_script_sigs.keys().next().copied().unwrap();
    let other = sign(&payout(&psbt), &[2]);
    let signature = *other.inputs[0].tap_script_sigs.values().next().unwrap();
    bad.inputs[0].tap_script_sigs.insert(first, signature);
    write_payout(&mut psbt, &bad);
    let PsbtVerdict::Refuse(found) = chest.check(&psbt) else { panic!("accepted") };
    assert!(matches!(found[..], [PsbtReason::Signature { .. }]), "{found:?}");
    let mut ours = chest.psbt();
    assert!(merge_signatures(&mut ours, &signatures_only(&psbt), &policies(&chest)).is_err());
    assert_eq!(ours, chest.psbt(), "nothing was taken");
    // Signatures for the payout of another stage.
    let mut elsewhere = chest.psbt();
    let mut foreign = payout(&elsewhere);
    foreign.unsigned_tx.output[0].script_pubkey = payee(99);
    write_payout(&mut elsewhere, &foreign);
    let refused = merge_signatures(&mut ours, &elsewhere, &policies(&chest)).unwrap_err();
    assert!(refused.to_string().starts_with("T-62"), "{refused}");
}

#[test]
fn what_rests_comes_back_to_the_treasury_and_nowhere_else() {
    let chest = chest(wsh());
    let check = |psbt: &Psbt| chest.check_paying(psbt, &[]);
    let psbt = return_of(&chest);
    assert!(matches!(check(&psbt), PsbtVerdict::Accept(_)), "{:?}", check(&psbt));
    let named = |psbt: &Psbt, rule: &str| {
        let PsbtVerdict::Refuse(reasons) = check(psbt) else { panic!("{rule}: accepted") };
        assert!(reasons.iter().any(|reason| reason.rule() == rule), "{rule} is not among {reasons:?}");
    };
    let mut gone = psbt.clone();
    gone.unsigned_tx.output[0].script_pubkey = payee(9);
    named(&gone, "T-52");
    let mut siphoned = psbt.clone();
    siphoned.unsigned_tx.output[0].value = Amount::from_sat(20_000);
    named(&siphoned, "T-53");
    let mut mixed = psbt.clone();
    crate::treasury_world::add_input(&mut mixed, &chest.coins[0]);
    named(&mixed, "T-95");
    let mut narrow = psbt.clone();
    narrow.inputs[0].sighash_type = Some(bitcoin::TapSighashType::None.into());
    named(&narrow, "T-50");
    // A payment cannot spend what rests.
    let mut beside = chest.psbt();
    crate::treasury_world::add_input(&mut beside, &staged_coin(&chest));
    let PsbtVerdict::Refuse(reasons) = chest.check(&beside) else { panic!("accepted") };
    assert!(reasons.iter().any(|reason| reason.rule() == "T-47"), "{reasons:?}");
    // Where no charter stages anything the coin is nobody's.
    let unknown = Chest { stages: Vec::new(), ..Chest::new(wsh()) };
    let PsbtVerdict::Refuse(reasons) = unknown.check_paying(&psbt, &[]) else { panic!("accepted") };
    assert!(reasons.iter().any(|reason| reason.rule() == "T-47"), "{reasons:?}");

    // Two of three guardians and one of three treasurers, no less.
    let mut signed = psbt.clone();
    sign_guardians(&mut signed, &[1, 3]);
    assert!(finalise(&signed, &policies(&chest)).is_err(), "guardians alone");
    assert_eq!(verify_signatures(&signed, &policies(&chest)).unwrap()[0].missing, Some(1));
    let signed = sign(&signed, &[2]);
    assert_eq!(verify_signatures(&signed, &policies(&chest)).unwrap()[0].missing, Some(0));
    assert!(finalise(&signed, &policies(&chest)).is_ok());
    assert!(finalise(&sign(&psbt, &[1, 2, 3]), &policies(&chest)).is_err(), "treasurers alone");
}

/// Judges a transaction that spent what rested.
fn judged(chest: &Chest, psbt: &Psbt) -> SpendFinding {
    let transaction = finalise(psbt, &policies(chest)).unwrap();
    with_spend(chest, psbt, &transaction, |spend| {
        let staged = BTreeMap::from([(staged_coin(chest).outpoint, chest.generations.len())]);
        judge_staged(&spend, &staged, 0, std::slice::from_ref(&chest.intent), FeeRate::from_sat_per_vb_u32(20))
    })
}

pub(crate) fn with_spend<T>(
    chest: &Chest,
    psbt: &Psbt,
    transaction: &Transaction,
    judge: impl FnOnce(MinedSpend<'_>) -> T,
) -> T {
    let prevouts = prevouts(psbt);
    let owner = |script: &Script| {
        let index = chest.generations[0].index_of(script, [])?;
        Some(InputOrigin { generation: 0, index })
    };
    let generations = policies(chest);
    judge(MinedSpend {
        transaction,
        height: 150,
        prevouts: &prevouts,
        generations: &generations,
        lately: 0,
        spare_seals: &BTreeSet::from([chest.seal.outpoint]),
        bonds: &chest.bonds,
        owner: &owner,
    })
}

#[test]
fn what_was_mined_is_told_by_what_it_is() {
    for (treasury, by) in [(wsh(), vec![1u8, 3]), (tr(), vec![1, 2, 5])] {
        let chest = chest(treasury);
        let stage_of = |psbt: &Psbt, height: u32, by: &[u8]| {
            let mut alone = sign(psbt, by);
            alone.proprietary.clear();
            let transaction = finalise(&alone, &chest.generations).unwrap();
            with_spend(&chest, psbt, &transaction, |spend| {
                let spend = MinedSpend { height, generations: &chest.generations, ..spend };
                let gates = BTreeSet::from([chest.gate.outpoint, chest.other_gate.outpoint]);
                let decided = |gate: &OutPoint| (*gate == chest.gate.outpoint).then(|| chest.intent.clone());
                judge_spend(&spend, &gates, decided, FeeRate::from_sat_per_vb_u32(20))
            })
        };
        let reason = |finding: SpendFinding| match finding {
            SpendFinding::Unauthorised { reason, signers, .. } => (reason, signers.len()),
            other => panic!("{other:?}"),
        };
        let psbt = chest.psbt();
        let SpendFinding::Staged { ids, fee } = stage_of(&psbt, 150, &by) else { panic!("not staged") };
        assert_eq!((ids, fee), (vec![[7; 32]], psbt.fee().unwrap()));
        assert!(reason(stage_of(&psbt, 200, &by)).0.contains("height 200"));
        // What should have rested and did not.
        let direct = Chest { stages: Vec::new(), ..Chest::new(chest.generations[0].clone()) }.psbt();
        let (why, signers) = reason(stage_of(&direct, 150, &by));
        assert!(why.contains("rests first") && signers == by.len(), "{why}");
        let mut less = psbt.clone();
        less.unsigned_tx.output[0].value = Amount::from_sat(89_999);
        assert!(reason(stage_of(&less, 150, &by)).0.contains("rest"));
        let mut more = psbt.clone();
        more.unsigned_tx.output[1].value -= Amount::from_sat(9_000);
        assert!(reason(stage_of(&more, 150, &by)).0.contains("rest"));
        let mut beside = psbt.clone();
        beside.unsigned_tx.output[1].script_pubkey = payee(50);
        assert!(reason(stage_of(&beside, 150, &by)).0.contains("output 1"));

        let paid = judged(&chest, &sign(&payout(&psbt), &by));
        assert!(matches!(&paid, SpendFinding::Decided { ids, .. } if *ids == [[7; 32]]), "{paid:?}");
        let mut back = return_of(&chest);
        sign_guardians(&mut back, &[1, 2]);
        let back = sign(&back, &[1]);
        let fee = back.fee().unwrap();
        let found = judged(&chest, &back);
        assert_eq!(found, SpendFinding::Returned { fee });

        // The honest limit: they can take it, and everybody sees who did.
        let mut taken = return_of(&chest);
        taken.unsigned_tx.output[0].script_pubkey = payee(66);
        sign_guardians(&mut taken, &[2, 3]);
        let taken = sign(&taken, &[1]);
        let SpendFinding::Unauthorised { signers, left, .. } = judged(&chest, &taken) else { panic!("not told") };
        assert_eq!(left, staged_coin(&chest).output().unwrap().value);
        let keys = policy(&chest).public_keys_at(0).unwrap();
        let own: BTreeSet<PublicKey> = signers.iter().map(|(_, place)| keys[*place]).collect();
        let first = keys[0];
        assert_eq!(own, BTreeSet::from([first, guardian(2), guardian(3)]));
        // An input that nobody here knows beside it hides no name.
        let mut hidden = return_of(&chest);
        hidden.unsigned_tx.output[0].script_pubkey = payee(66);
        crate::treasury_world::add_input(&mut hidden, &crate::treasury_world::foreign_coin(5_000));
        hidden.inputs[1].non_witness_utxo = None;
        sign_guardians(&mut hidden, &[1, 3]);
        let hidden = sign(&hidden, &[2]);
        let mut mined = hidden.unsigned_tx.clone();
        let mut alone = hidden.clone();
        alone.finalize_inp_mut(&secp(), 0).unwrap();
        mined.input[0].witness = alone.inputs[0].final_script_witness.clone().unwrap();
        let found = with_spend(&chest, &hidden, &mined, |spend| {
            let prevouts = [spend.prevouts[0].clone(), None];
            let staged = BTreeMap::from([(staged_coin(&chest).outpoint, chest.generations.len())]);
            let spend = MinedSpend { prevouts: &prevouts, ..spend };
            judge_staged(&spend, &staged, 0, std::slice::from_ref(&chest.intent), FeeRate::from_sat_per_vb_u32(20))
        });
        let SpendFinding::Unauthorised { signers, .. } = found else { panic!("{found:?}") };
        let own: BTreeSet<PublicKey> = signers.iter().map(|(_, place)| keys[*place]).collect();
        assert_eq!(own, BTreeSet::from([keys[1], guardian(1), guardian(3)]));
        // Or burn it as a fee.
        let mut burned = return_of(&chest);
        burned.unsigned_tx.output[0].value = Amount::from_sat(1_000);
        sign_guardians(&mut burned, &[2, 3]);
        assert!(matches!(judged(&chest, &sign(&burned, &[1])), SpendFinding::Unauthorised { .. }));
        // Treasurers who pay another once it has rested.
        let mut other = payout(&psbt);
        other.unsigned_tx.output[0].script_pubkey = payee(66);
        let SpendFinding::Unauthorised { signers, .. } = judged(&chest, &sign(&other, &by)) else { panic!("not told") };
        assert_eq!(signers.len(), by.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Who can spend when: "k treasurers after the rest, or g guardians and a treasurer", whatever else is offered. The oracle counts,
    /// the finished transaction is executed by miniscript's interpreter (T-64).
    #[test]
    fn nobody_else_can_spend_what_rests(
        n in 2usize..=4, k in 1usize..=3, m in 1usize..=3, g in 1usize..=3, delay in 1u16..=200,
        rest in 0u16..=220, treasurers in 0u8..16, guardians in 0u8..8,
    ) {
        let (k, g) = (1 + k.min(n - 1), g.min(m));
        let keys = (1..=n).map(|i| format!("{}/0/*", xpub(u8::try_from(i).unwrap()))).collect::<Vec<_>>().join(",");
        let treasury = Treasury::parse(&format!("wsh(multi({k},{keys}))")).unwrap();
        let stage = Stage {
            delay_blocks: delay,
            threshold: g,
            guardians: (1..=m).map(|i| guardian(u8::try_from(i).unwrap())).collect(),
        };
        let policy = stage.policy(&treasury).unwrap();
        let made = coin(std::slice::from_ref(&policy), 0, 0, 50_000, 3);
        let spending = Transaction {
            version: bitcoin::transaction::Version::TWO,
            lock_time: bitcoin::absolute::LockTime::ZERO,
            input: vec![bitcoin::TxIn {
                previous_output: made.outpoint,
                sequence: Sequence::from_height(rest),
                ..Default::default()
            }],
            output: vec![TxOut { value: Amount::from_sat(40_000), script_pubkey: payee(1) }],
        };
        let mut psbt = Psbt::from_unsigned_tx(spending).unwrap();
        psbt.inputs[0].witness_utxo = made.output().cloned();
        // Both leaves are offered to every key, as a hostile hub would.
        psbt.update_input_with_descriptor(0, &policy.descriptor().at_derivation_index(0).unwrap()).unwrap();
        let signing: Vec<u8> = (0..n).filter(|i| treasurers >> i & 1 == 1).map(|i| u8::try_from(i).unwrap() + 1).collect();
        let watching: Vec<u8> = (0..m).filter(|i| guardians >> i & 1 == 1).map(|i| u8::try_from(i).unwrap() + 1).collect();
        for n in &signing {
            let _ = psbt.sign(&xprv(*n), &secp());
        }
        sign_guardians(&mut psbt, &watching);
        let may = (signing.len() >= k && rest >= delay) || (watching.len() >= g && !signing.is_empty());
        let policies = [policy];
        prop_assert_eq!(finalise(&psbt, &policies).is_ok(), may, "{:?} {:?}", signing, watching);
        let status = verify_signatures(&psbt, &policies).unwrap();
        prop_assert_eq!(status[0].missing == Some(0), may);
    }
}

/// The check's facts are those of a charter: with another stage in force the same pair is refused.
#[test]
fn the_rules_of_another_charter_do_not_do() {
    let chest = chest(wsh());
    let psbt = chest.psbt();
    let facts = |intent: SpendIntent| {
        let reserved = BTreeSet::from([chest.gate.outpoint]);
        let facts = CheckFacts {
            spare_seal: None,
            generations: &chest.generations,
            stages: &chest.stages,
            in_sight: chest.in_sight,
            reserved: &reserved,
            bonds: &chest.bonds,
            payments: &[intent],
            depth: chest.depth,
            tip: chest.tip,
            coins: None,
            gates: &chest.gates,
            new_gate: Amount::from_sat(1_000),
            housekeeping_rate: FeeRate::from_sat_per_vb_u32(20),
            housekeeping_spent: None,
        };
        check_psbt(&psbt, &facts)
    };
    assert!(matches!(facts(chest.intent.clone()), PsbtVerdict::Accept(_)));
    let longer = Some(Stage { delay_blocks: DELAY + 1, ..stage() });
    assert!(matches!(facts(SpendIntent { stage: longer, ..chest.intent.clone() }), PsbtVerdict::Refuse(_)));
}
