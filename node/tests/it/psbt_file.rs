//! A PSBT file with its proof: accepted when everything holds; any change of the proof is refused.

use althing_anchor::{GateState, PsbtProof, SpendPlan, Treasury, TreasuryCoin, prevout_of, write_proof};
use althing_governance::codec::Canonical as _;
use althing_governance::id::DaoId;
use althing_node::judge::Verdict;
use althing_node::proof::bundle::{PaymentPart, Statement};
use althing_node::proof::{Bundle, verify};
use althing_node::treasury::check::{CheckReport, Coins, KnownTreasury, check_parsed};
use bitcoin::absolute::LockTime;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxOut};

use crate::story::{DECIDING, Story};

/// A story whose spend is authorised and final, and the honest transaction that pays it.
struct Ready {
    story: Story,
    psbt: Psbt,
}

fn payment_bundle(story: &Story) -> Bundle {
    let mut bundle = story.tally_bundle(story.spend);
    let Statement::Tally(tally) = bundle.statement else { unreachable!() };
    let payment = story.world.closes[DECIDING as usize - 1].prove_decision(&story.spend).unwrap();
    let part = PaymentPart { decided: DECIDING, tally: *tally, milestone: None, payment };
    bundle.statement = Statement::Payment(Box::new(part));
    bundle
}

fn ready() -> Ready {
    let mut story = Story::told();
    let bytes = payment_bundle(&story).to_bytes();
    let finding = verify(&bytes, &story.world.chain).unwrap();
    for _ in finding.depth..finding.final_depth {
        story.world.block(vec![]);
    }
    let shown = finding.payment.expect("an authorised payment");
    let params = story.world.params();
    let generations = [Treasury::parse(&params.charter.treasury_descriptor).unwrap()];
    let place = params.gates.iter().position(|gate| *gate == shown.gate).unwrap();
    let genesis = story.world.chain.evidence(shown.gate.txid).transaction().clone();
    let gate = TreasuryCoin { outpoint: shown.gate, transaction: genesis, generation: 0, index: place as u32 + 1 };
    let script_pubkey = generations[0].script_at(20).unwrap();
    let made = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![bitcoin::TxIn {
            previous_output: OutPoint { txid: shown.gate.txid, vout: 0 },
            ..Default::default()
        }],
        output: vec![TxOut { value: Amount::from_sat(10_000_000), script_pubkey }],
    };
    let outpoint = OutPoint { txid: made.compute_txid(), vout: 0 };
    let coin = TreasuryCoin { outpoint, transaction: made, generation: 0, index: 20 };
    let outputs = shown.spend.outputs.iter();
    let intent = althing_anchor::SpendIntent {
        id: shown.authorisation.intent,
        gate: shown.gate,
        outputs: outputs
            .map(|output| TxOut { value: Amount::from_sat(output.sat), script_pubkey: output.script.clone() })
            .collect(),
        fee_cap: Amount::from_sat(shown.spend.fee_cap_sat),
        from_height: shown.authorisation.height,
        expiry_height: shown.authorisation.expires_height,
        stage: None,
    };
    let plan = SpendPlan {
        generations: &generations,
        payments: &[(intent, gate)],
        own_outputs: &[],
        required: &[],
        coins: &[coin],
        change_index: 21,
        fee_rate: FeeRate::BROADCAST_MIN,
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        own_fee_cap: Amount::ZERO,
    };
    let mut psbt = plan.build().unwrap();
    write_proof(&mut psbt, &PsbtProof { bundles: vec![bytes], note: None });
    Ready { story, psbt }
}

impl Ready {
    fn check(&self, psbt: &Psbt, known: Option<&KnownTreasury>) -> CheckReport {
        check_parsed(psbt, Some(&self.story.world.chain), &|_| Some(GateState::Unspent), None, known)
    }

    fn with(&self, bundle: &[u8]) -> Psbt {
        let mut psbt = self.psbt.clone();
        write_proof(&mut psbt, &PsbtProof { bundles: vec![bundle.to_vec()], note: None });
        psbt
    }

    #[track_caller]
    fn refused(&self, bundle: &Bundle, reason: &str) {
        let report = self.check(&self.with(&bundle.to_bytes()), None);
        assert_eq!(report.verdict, Verdict::Invalid, "{report:?}");
        let found = report.reasons.iter().any(|line| line.rule == "T-41" && line.text.contains(reason));
        assert!(found, "{reason:?} is not in {:?}", report.reasons);
    }
}

#[test]
fn the_honest_file_may_be_signed() {
    let ready = ready();
    let report = ready.check(&ready.psbt, None);
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    assert_eq!(report.proposals, [ready.story.spend.to_string()]);
    let nobody = check_parsed(&ready.psbt, Some(&ready.story.world.chain), &|_| None, None, None);
    assert_eq!(nobody.verdict, Verdict::CannotTell, "{nobody:?}");
    let nowhere = check_parsed(&ready.psbt, None, &|_| Some(GateState::Unspent), None, None);
    assert_eq!(nowhere.verdict, Verdict::CannotTell, "{nowhere:?}");
}

/// T-111: without anything that tells, it says that coins were not looked for; where something does, a coin that is not there is no yes.
#[test]
fn a_coin_that_nobody_made_cannot_be_told() {
    let ready = ready();
    let said = |report: &CheckReport| report.sentences.iter().any(|line| line.contains("T-111"));
    let unseen = ready.check(&ready.psbt, None);
    assert!(unseen.verdict == Verdict::Valid && said(&unseen), "{unseen:?}");
    let unspent = |_: &OutPoint| Some(GateState::Unspent);
    let asked =
        |coins: &Coins<'_>| check_parsed(&ready.psbt, Some(&ready.story.world.chain), &unspent, Some(coins), None);
    let there = asked(&|psbt, input| prevout_of(psbt, input).ok().cloned());
    assert!(there.verdict == Verdict::Valid && !said(&there), "{there:?}");
    let invented = asked(&|_, _| None);
    assert_eq!(invented.verdict, Verdict::CannotTell, "{invented:?}");
    assert!(invented.unknown.len() == 1 && invented.unknown[0].starts_with("T-111"), "{invented:?}");
}

#[test]
fn no_changed_bit_of_the_proof_is_believed() {
    let ready = ready();
    let honest = payment_bundle(&ready.story).to_bytes();
    // A stride that is coprime to every field's length meets all parts of the file.
    for at in (0..honest.len()).step_by(37) {
        let mut changed = honest.clone();
        changed[at] ^= 1 << (at % 8);
        let report = ready.check(&ready.with(&changed), None);
        assert_ne!(report.verdict, Verdict::Valid, "byte {at}");
    }
    let cut = ready.check(&ready.with(&honest[..honest.len() - 1]), None);
    assert_eq!(cut.verdict, Verdict::Invalid);
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let ready = ready();
    let with = |change: fn(&mut PaymentPart)| {
        let mut bundle = payment_bundle(&ready.story);
        let Statement::Payment(part) = &mut bundle.statement else { unreachable!() };
        change(part);
        bundle
    };
    ready.refused(&with(|part| part.decided = 0), "P-20");
    ready.refused(&with(|part| part.decided += 1), "P-20");
    ready.refused(&with(|part| part.decided -= 1), "");
    ready.refused(&with(|part| part.milestone = Some(0)), "");
    ready.refused(&ready.story.tally_bundle(ready.story.text), "no authorised payment");
    ready.refused(&ready.story.ballot_bundle(DECIDING), "no authorised payment");
    // The older form shows the same payment.
    let older = ready.check(&ready.with(&ready.story.tally_bundle(ready.story.spend).to_bytes()), None);
    assert_eq!(older.verdict, Verdict::Valid, "{older:?}");
}

/// Another DAO may have the same treasury keys, and its members may vote as they like.
/// What the treasurer's node knows of the treasury of the story.
fn known(ready: &Ready) -> KnownTreasury {
    let params = ready.story.world.params();
    KnownTreasury {
        spare_seal: None,
        dao: params.dao_id,
        network: bitcoin::Network::Regtest,
        generations: vec![Treasury::parse(&params.charter.treasury_descriptor).unwrap()],
        stages: Vec::new(),
        in_sight: None,
        rules: None,
        reserved: Default::default(),
        bonds: None,
        retirable: Default::default(),
        new_gate: Amount::from_sat(1_000),
        housekeeping_rate: FeeRate::from_sat_per_vb_u32(10),
        housekeeping_spent: None,
    }
}

#[test]
fn another_dao_decides_nothing_here() {
    let ready = ready();
    let mut known = known(&ready);
    assert_eq!(ready.check(&ready.psbt, Some(&known)).verdict, Verdict::Valid);
    known.dao = DaoId([9; 32]);
    let report = ready.check(&ready.psbt, Some(&known));
    assert!(report.reasons.iter().any(|line| line.text.contains("it is of DAO")), "{report:?}");
}

/// T-49: the spare seal and the gates of other payments stay where they are, whoever knows of them: the proof, the founding file or the
/// log. Housekeeping may take back the gates that the log lets go (T-320), a payment none.
#[test]
fn what_is_set_apart_is_not_spent() {
    let ready = ready();
    let params = ready.story.world.params();
    let treasury = Treasury::parse(&params.charter.treasury_descriptor).unwrap();
    let genesis = ready.story.world.chain.evidence(params.spare_seal.txid).transaction().clone();
    let own = ready.psbt.unsigned_tx.input[0].previous_output;
    let other = *params.gates.iter().find(|gate| **gate != own).unwrap();
    let apart = [("the spare seal", params.spare_seal), ("another gate", other)];
    let with_input = |psbt: &Psbt, outpoint: OutPoint| {
        let mut psbt = psbt.clone();
        psbt.unsigned_tx.input.push(bitcoin::TxIn { previous_output: outpoint, ..Default::default() });
        let spent = genesis.output[outpoint.vout as usize].clone();
        let (witness_utxo, non_witness_utxo) = (Some(spent), Some(genesis.clone()));
        psbt.inputs.push(bitcoin::psbt::Input { witness_utxo, non_witness_utxo, ..Default::default() });
        psbt
    };
    let known = |reserved: &[OutPoint], retirable: &[OutPoint]| KnownTreasury {
        spare_seal: None,
        dao: params.dao_id,
        network: bitcoin::Network::Regtest,
        generations: vec![treasury.clone()],
        stages: Vec::new(),
        in_sight: None,
        rules: None,
        reserved: reserved.iter().copied().collect(),
        bonds: Some(Default::default()),
        retirable: retirable.iter().copied().collect(),
        new_gate: Amount::from_sat(1_000),
        housekeeping_rate: FeeRate::from_sat_per_vb_u32(10),
        housekeeping_spent: None,
    };
    let locked = |report: &CheckReport| report.reasons.iter().filter(|line| line.rule == "T-49").count();
    let all = [params.spare_seal, own, other];
    for (what, outpoint) in apart {
        let psbt = with_input(&ready.psbt, outpoint);
        for known in [None, Some(known(&all, &[])), Some(known(&all, &all))] {
            let report = ready.check(&psbt, known.as_ref());
            assert_eq!((report.verdict, locked(&report)), (Verdict::Invalid, 1), "{what}: {report:?}");
            assert_eq!(report.inputs.last().map(|input| input.role.as_str()), Some("set apart"), "{what}");
        }
    }
    // The gate of the payment itself is no other's.
    assert_eq!(locked(&ready.check(&ready.psbt, Some(&known(&all, &[])))), 0);
    // Housekeeping, which carries no proof.
    let mut moved = ready.psbt.clone();
    moved.proprietary.clear();
    moved.unsigned_tx.input.remove(0);
    moved.inputs.remove(0);
    moved.unsigned_tx.output = vec![moved.unsigned_tx.output.pop().unwrap()];
    moved.outputs = vec![moved.outputs.pop().unwrap()];
    for (what, outpoint) in apart {
        let psbt = with_input(&moved, outpoint);
        assert_eq!(locked(&ready.check(&psbt, Some(&known(&all, &[])))), 1, "{what}");
        assert_eq!(locked(&ready.check(&psbt, Some(&known(&all, &[outpoint])))), 0, "{what} let go by the log");
    }
    assert_eq!(locked(&ready.check(&moved, Some(&known(&all, &[])))), 0, "a coin");
}

/// T-332: whoever checks without a node says what housekeeping has cost of late, or it cannot be told.
#[test]
fn housekeeping_has_a_budget() {
    let ready = ready();
    let mut moved = ready.psbt.clone();
    moved.proprietary.clear();
    moved.unsigned_tx.input.remove(0);
    moved.inputs.remove(0);
    let spent = prevout_of(&moved, 0).unwrap().value;
    moved.unsigned_tx.output = vec![moved.unsigned_tx.output.pop().unwrap()];
    moved.outputs = vec![moved.outputs.pop().unwrap()];
    moved.unsigned_tx.output[0].value = spent - Amount::from_sat(400);
    let known = |sat: Option<u64>| KnownTreasury { housekeeping_spent: sat.map(Amount::from_sat), ..known(&ready) };
    // Without the founding file nothing says whose it is, and no payment is named that there is not.
    let strange = ready.check(&moved, None).reasons;
    assert!(strange.len() == 1 && strange[0].text.starts_with("T-41: there is no proof of a decision"), "{strange:?}");
    let check = |sat: Option<u64>| ready.check(&moved, Some(&known(sat)));
    let untold = check(None);
    assert_eq!(untold.verdict, Verdict::CannotTell, "{untold:?}");
    assert!(untold.unknown.len() == 1 && untold.unknown[0].starts_with("T-332"), "{untold:?}");
    assert_eq!(check(Some(39_600)).verdict, Verdict::Valid, "{:?}", check(Some(39_600)));
    let refused = check(Some(39_601));
    let rules: Vec<&str> = refused.reasons.iter().map(|line| line.rule.as_str()).collect();
    assert_eq!((refused.verdict, rules), (Verdict::Invalid, vec!["T-332"]), "{refused:?}");
}
