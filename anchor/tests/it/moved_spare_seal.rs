//! Hazard: treasurers were voted out, and the key to a succession stays with them, or goes with them (A-120 to A-122, T-340, T-341).

use althing_anchor::{
    LEAST_SPARE_SEAL, LinkEvidence, PsbtVerdict, SpareSeal, SpendFinding, Succession, SuccessionError, TreasuryCoin,
    spare_seal_after, succession_outputs,
};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut};
use proptest::prelude::*;

use crate::succession::{certificate, judge_over, mined, spare_script, statement};
use crate::support::{Story, input, key, transaction};
use crate::treasury_signing::judge_mined;
use crate::treasury_world::{Chest, coin, payee, tr, wsh};

/// The founding treasury's script and those of three that were elected, the oldest first.
fn treasuries() -> Vec<ScriptBuf> {
    [vec![spare_script()], (0..3).map(|n| payee(100 + n)).collect()].concat()
}

fn at(outpoint: OutPoint, script: &ScriptBuf) -> SpareSeal {
    SpareSeal { outpoint, script: script.clone() }
}

/// What former treasurers sign: the spare seal to this script.
fn moving(from: OutPoint, to: &ScriptBuf, sat: u64) -> Transaction {
    let output = TxOut { value: Amount::from_sat(sat), script_pubkey: to.clone() };
    transaction(vec![input(from.txid, from.vout)], vec![output])
}

/// A succession behind link 3 over a spare seal that moved to each of these treasuries in turn; `known` of them were in force by that link.
fn succeed_over(stops: &[usize], known: usize) -> Result<Succession, SuccessionError> {
    let (mut story, all) = (Story::with_links(3), treasuries());
    let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
    let (mut now, mut script, mut moves) = (story.genesis.spare_seal, all[0].clone(), Vec::<LinkEvidence>::new());
    for stop in stops {
        let tx = moving(now, &all[*stop], 2_000);
        (now, script) = (OutPoint { txid: tx.compute_txid(), vout: 0 }, all[*stop].clone());
        moves.push(mined(&mut story, &tx));
    }
    let outputs = succession_outputs(&certificate, Amount::from_sat(900), Amount::from_sat(1_000), script);
    let evidence = mined(&mut story, &transaction(vec![input(now.txid, now.vout)], outputs.to_vec()));
    judge_over(&story, &certificate, &moves, &evidence, &all[..known])
}

/// the members signed before it moved; the certificate holds all the same, and the next spare seal is with the elected.
#[test]
fn a_succession_goes_over_the_spare_seal_where_it_is() {
    for stops in [vec![1], vec![1, 2, 3], vec![3]] {
        let script = &treasuries()[*stops.last().unwrap()];
        let found = succeed_over(&stops, 4).unwrap_or_else(|error| panic!("{stops:?}: {error}"));
        assert_eq!((&found.spare_seal().script, found.hub_key()), (script, key(60)), "{stops:?}");
    }
}

/// not over a spare seal that lies with treasurers whose election is taken back, nor back to who was voted out.
#[test]
fn nobody_goes_on_over_a_move_to_whom_nobody_elected() {
    for (what, stops, known) in [
        ("not in force", vec![1], 1),
        ("back", vec![2, 1], 4),
        ("to the same", vec![1, 1], 4),
        ("later", vec![1, 3], 3),
    ] {
        let refused = succeed_over(&stops, known);
        assert!(matches!(refused, Err(SuccessionError::NoMove { last: 3, .. })), "{what}: {refused:?}");
    }
}

/// the old output counts until a move is mined, and not any more behind one.
#[test]
fn of_a_spare_seal_that_moved_the_old_place_counts_no_more() {
    let (mut story, all) = (Story::with_links(3), treasuries());
    let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
    let link = crate::succession::spender(&certificate);
    let evidence = mined(&mut story, &link);
    assert!(judge_over(&story, &certificate, &[], &evidence, &all).is_ok(), "a treasury was elected, nothing moved");
    let tx = moving(story.genesis.spare_seal, &all[1], 2_000);
    let moved = mined(&mut story, &tx);
    let refused = judge_over(&story, &certificate, &[moved], &evidence, &all);
    assert!(matches!(refused, Err(SuccessionError::Link(_))), "it spends what was the spare seal: {refused:?}");
}

#[test]
fn a_move_is_exactly_what_the_rule_says() {
    let all = treasuries();
    let from = Story::with_links(1).genesis.spare_seal;
    let seal = at(from, &all[0]);
    let moved = |change: &dyn Fn(&mut Transaction)| {
        let mut tx = moving(from, &all[1], 330);
        change(&mut tx);
        seal.moved_by(&tx, &all).map(|next| next.script)
    };
    let output = |script: &ScriptBuf| TxOut { value: Amount::from_sat(700), script_pubkey: script.clone() };
    let other = input(bitcoin::hashes::Hash::all_zeros(), 3);
    assert_eq!(moved(&|_| {}), Some(all[1].clone()));
    assert_eq!(moved(&|tx| tx.input.push(other.clone())), Some(all[1].clone()), "with other coins");
    assert_eq!(moved(&|tx| tx.output.push(output(&all[3]))), Some(all[1].clone()), "with other outputs");
    assert_eq!(moved(&|tx| tx.input.insert(0, other.clone())), None, "not at input 0");
    assert_eq!(moved(&|tx| tx.output.insert(0, output(&payee(9)))), None, "not at output 0");
    assert_eq!(moved(&|tx| tx.output[0].value = Amount::from_sat(329)), None, "too little");
    assert_eq!(moved(&|tx| tx.output[0].script_pubkey = payee(9)), None, "elsewhere");
    assert_eq!(moved(&|tx| tx.output[0].script_pubkey = all[0].clone()), None, "nowhere");
    assert_eq!(moved(&|tx| tx.output.push(output(&all[0]))), None, "what a succession looks like");
    assert_eq!(moved(&|tx| tx.output.clear()), None, "nothing");
    assert_eq!(moved(&|tx| tx.input.clear()), None, "of nothing");
    // A treasury that comes back is newer than the one between.
    let again = [all[0].clone(), all[1].clone(), all[0].clone()];
    assert!(at(from, &all[1]).moved_by(&moving(from, &all[0], 700), &again).is_some());
    assert!(at(from, &all[1]).moved_by(&moving(from, &all[0], 700), &again[..2]).is_none());
}

proptest! {
    /// Whatever is spent into whatever: a spare seal never goes back, and what moved it is shown to whoever does not know the treasuries.
    #[test]
    fn it_goes_from_elected_to_elected(stops in prop::collection::vec(0usize..4, 1..8)) {
        let all = treasuries();
        let (mut place, mut seal) = (0, at(Story::with_links(1).genesis.spare_seal, &all[0]));
        for stop in stops {
            let tx = moving(seal.outpoint, &all[stop], 1_000);
            let next = seal.moved_by(&tx, &all);
            prop_assert_eq!(next.is_some(), stop > place);
            if let Some(next) = next {
                let taken = seal.taken_by(&tx, None);
                prop_assert_eq!(taken.as_ref(), Some(&next));
                prop_assert!(!seal.is_kept_by(&tx));
                (place, seal) = (stop, next);
            }
        }
    }
}

/// P-166: the root of a script tree shows P2TR; nothing else does, and a link is never taken for a move.
#[test]
fn what_is_shown_of_a_move_is_true() {
    let from = Story::with_links(1).genesis.spare_seal;
    let (seal, home) = (at(from, &spare_script()), tr());
    let tx = moving(from, &home.script_at(0).unwrap(), 700);
    let root = home.tree_root_at(0).unwrap();
    assert!(root.is_some() && seal.taken_by(&tx, root).is_some());
    assert!(seal.taken_by(&tx, None).is_none() && seal.taken_by(&tx, home.tree_root_at(1).unwrap()).is_none());
    let (hashed, story) = (moving(from, &payee(7), 700), Story::with_links(3));
    assert!(seal.taken_by(&hashed, None).is_some() && seal.taken_by(&hashed, root).is_none());
    assert_eq!(wsh().tree_root_at(0).unwrap(), None);
    let link = crate::succession::spender(&certificate(statement(&story, 3), &[41]));
    let mut alone = link.clone();
    alone.output.truncate(1);
    assert!(
        [&link, &alone].into_iter().all(|tx| seal.taken_by(tx, None).is_none() && seal.taken_by(tx, root).is_none())
    );
}

/// P-166: each in its block, one behind the other.
#[test]
fn moves_are_followed_through_blocks() {
    let (mut story, all) = (Story::with_links(3), treasuries());
    let seal = at(story.genesis.spare_seal, &all[0]);
    let first = moving(seal.outpoint, &all[2], 2_000);
    let second = moving(OutPoint { txid: first.compute_txid(), vout: 0 }, &all[1], 1_000);
    let moves = [mined(&mut story, &first), mined(&mut story, &second)];
    let follow = |story: &Story, moves: &[&LinkEvidence]| {
        let shown = moves.iter().map(|evidence| (*evidence, None));
        spare_seal_after(seal.clone(), shown, 3, &story.sim.chain).map(|seal| seal.outpoint.txid)
    };
    assert_eq!(follow(&story, &[&moves[0], &moves[1]]).unwrap(), second.compute_txid());
    assert!(matches!(follow(&story, &[&moves[1], &moves[0]]), Err(SuccessionError::NoMove { .. })));
    let elsewhere = Story::with_links(3);
    assert!(matches!(follow(&elsewhere, &[&moves[0]]), Err(SuccessionError::NotMined(_))), "in no block");
}

/// The founding treasury with its spare seal, and the one that was elected.
fn elected() -> Chest {
    let mut chest = Chest::new(wsh());
    chest.generations.push(tr());
    chest
}

/// What a sweep of the former treasury is.
fn sweep(chest: &Chest, coins: &[TreasuryCoin], seal_sat: u64) -> Psbt {
    let required = [vec![chest.seal.clone()], coins.to_vec()].concat();
    let script_pubkey = chest.generations[1].script_at(0).unwrap();
    let own_outputs = [TxOut { value: Amount::from_sat(seal_sat), script_pubkey }];
    let mut plan = chest.plan(&[]);
    plan.required = &required;
    plan.coins = &[];
    if coins.is_empty() {
        plan.change_index = 0;
    } else {
        plan.own_outputs = &own_outputs;
    }
    plan.build().unwrap()
}

fn refused(chest: &Chest, psbt: &Psbt) -> Vec<String> {
    match chest.check_paying(psbt, &[]) {
        PsbtVerdict::Refuse(reasons) => reasons.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// T-340, T-341: whole with the rest, or alone and less its fee; signed by former treasurers, and housekeeping when it is mined.
#[test]
fn a_sweep_takes_the_spare_seal_to_the_present_treasury() {
    let chest = elected();
    for psbt in [sweep(&chest, &chest.coins, 10_000), sweep(&chest, &[], 0)] {
        let PsbtVerdict::Accept(found) = chest.check_paying(&psbt, &[]) else {
            panic!("{:?}", refused(&chest, &psbt));
        };
        let mined = judge_mined(&chest, &psbt, &[1, 3], 150);
        assert_eq!(mined, SpendFinding::Housekeeping { fee: found.fee });
        assert_eq!(psbt.unsigned_tx.output[0].script_pubkey, chest.generations[1].script_at(0).unwrap());
    }
    // It may hold what a gate does and is none: there may be 64 beside it and one that goes back.
    let mut gate = elected();
    gate.seal = coin(&gate.generations, 0, 0, 1_000, 12);
    assert!(refused(&gate, &sweep(&gate, &gate.coins, 1_000)).is_empty());
}

#[test]
fn any_other_spending_of_the_spare_seal_is_refused_and_named() {
    let chest = elected();
    let told = |what: &str, chest: &Chest, psbt: &Psbt| {
        let reasons = refused(chest, psbt);
        assert!(
            reasons.iter().any(|reason| reason.starts_with("T-340") || reason.starts_with("T-49")),
            "{what}: {reasons:?}"
        );
    };
    told("a satoshi less", &chest, &sweep(&chest, &chest.coins, 9_999));
    let present = Chest::new(wsh());
    let mut stays = present.plan(&[]);
    stays.required = std::slice::from_ref(&present.seal);
    stays.change_index = 0;
    told("under the present treasury", &present, &stays.build().unwrap());
    type Change = fn(&mut Psbt);
    let changes: [(&str, Change); 3] = [
        ("at another input", |psbt| {
            psbt.unsigned_tx.input.swap(0, 1);
            psbt.inputs.swap(0, 1);
        }),
        ("at another output", |psbt| {
            psbt.unsigned_tx.output.swap(0, 1);
            psbt.outputs.swap(0, 1);
        }),
        ("at another index", |psbt| psbt.unsigned_tx.output[0].script_pubkey = tr().script_at(3).unwrap()),
    ];
    for (what, change) in changes {
        let mut psbt = sweep(&chest, &chest.coins, 10_000);
        change(&mut psbt);
        told(what, &chest, &psbt);
        let found = judge_mined(&chest, &psbt, &[1, 3], 150);
        assert!(
            matches!(&found, SpendFinding::Unauthorised { reason, .. } if reason.contains("spare seal")),
            "{what}: {found:?}"
        );
    }
    // It pays its own fee where it is the one coin of one output, and not where it is only one of both.
    let mut divided = sweep(&chest, &[], 0);
    let rest = divided.unsigned_tx.output[0].value - LEAST_SPARE_SEAL;
    divided.unsigned_tx.output[0].value = LEAST_SPARE_SEAL;
    divided.unsigned_tx.output.push(TxOut { value: rest, script_pubkey: tr().script_at(3).unwrap() });
    divided.outputs.push(Default::default());
    told("divided over two outputs", &chest, &divided);
    let mut merged = sweep(&chest, &chest.coins, 9_999);
    merged.unsigned_tx.output.truncate(1);
    merged.outputs.truncate(1);
    told("a satoshi less, with all the rest as the fee", &chest, &merged);
    // Beside it one output goes back, as in any housekeeping.
    let mut crumbs = sweep(&chest, &chest.coins, 10_000);
    let half = crumbs.unsigned_tx.output[1].value / 2;
    crumbs.unsigned_tx.output[1].value -= half;
    crumbs.unsigned_tx.output.push(TxOut { value: half, script_pubkey: tr().script_at(4).unwrap() });
    crumbs.outputs.push(Default::default());
    let reasons = refused(&chest, &crumbs);
    assert!(reasons.len() == 1 && reasons[0].starts_with("T-52: output 2"), "{reasons:?}");
    let mut poor = elected();
    poor.seal = coin(&poor.generations, 0, 0, 1_000, 12);
    let psbt = sweep(&poor, &[], 0);
    assert!(psbt.unsigned_tx.output[0].value < LEAST_SPARE_SEAL);
    told("what pays for itself until nothing is left", &poor, &psbt);
    // With a payment it stays where it is.
    let mut psbt = sweep(&chest, std::slice::from_ref(&chest.gate), 10_000);
    psbt.unsigned_tx.output.splice(0..0, chest.intent.outputs.clone());
    let PsbtVerdict::Refuse(reasons) = chest.check(&psbt) else { panic!("a payment took the spare seal along") };
    assert!(reasons.iter().any(|reason| reason.to_string().starts_with("T-49")), "{reasons:?}");
}
