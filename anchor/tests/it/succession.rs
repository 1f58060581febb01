//! The hub is gone, or goes rogue: members and treasurers together go on, and neither can alone.

use std::collections::BTreeMap;

use althing_anchor::{
    CertificateError, ClaimedLink, ClaimedSuccession, LinkBuilder, LinkChain, LinkError, LinkEvidence, Primary, Seal,
    SpareSeal, Succession, SuccessionCertificate, SuccessionError, SuccessionRules, SuccessionSignature,
    SuccessionStatement, VerifiedLink, first_succession, judge_succession, signs_rivals, succession_outputs,
    verify_chain,
};
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, XOnlyPublicKey};
use proptest::prelude::*;

use crate::support::{CAP, Story, commitment, input, key, keypair, signed, transaction, treasury};

const DAO: [u8; 32] = [0xda; 32];
const RULES: SuccessionRules = SuccessionRules { final_depth: 3, window_blocks: 10 };
/// Member and weight; 100 in all.
pub(crate) const ROLL: [(u8, u128); 5] = [(41, 30), (42, 20), (43, 20), (44, 20), (45, 10)];

fn roll() -> BTreeMap<XOnlyPublicKey, u128> {
    ROLL.iter().map(|(n, weight)| (key(*n), *weight)).collect()
}

pub(crate) fn spare_script() -> ScriptBuf {
    treasury().script_at(0).unwrap()
}

/// A statement that goes on from link `number` of the story.
pub(crate) fn statement(story: &Story, number: u32) -> SuccessionStatement {
    let last = verified(story)[number as usize];
    SuccessionStatement {
        dao: DAO,
        last_link: number,
        last_txid: last.txid,
        last_commitment: last.commitment,
        spare_seal: story.genesis.spare_seal,
        hub_key: key(60),
        hub_node_key: keypair(62).public_key(),
        anchor_key: key(61),
        log_size: 77,
        log_root: [0x77; 32],
    }
}

pub(crate) fn certificate(statement: SuccessionStatement, members: &[u8]) -> SuccessionCertificate {
    let mut certificate = SuccessionCertificate::new(statement);
    for n in members {
        let signature = statement.sign(&keypair(*n), &[3; 32]);
        certificate.add(SuccessionSignature { member: key(*n), signature }).unwrap();
    }
    certificate
}

/// What the treasurers sign.
pub(crate) fn spender(certificate: &SuccessionCertificate) -> Transaction {
    let spare = certificate.statement().spare_seal;
    let outputs = succession_outputs(certificate, Amount::from_sat(5_000), Amount::from_sat(1_000), spare_script());
    transaction(vec![input(spare.txid, spare.vout)], outputs.to_vec())
}

fn verified(story: &Story) -> Vec<VerifiedLink> {
    verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &story.sim.chain, 1).unwrap().links
}

pub(crate) fn mined(story: &mut Story, transaction: &Transaction) -> LinkEvidence {
    story.sim.mine(vec![transaction.clone()]);
    story.sim.evidence(transaction)
}

fn judge(
    story: &Story,
    certificate: &SuccessionCertificate,
    evidence: &LinkEvidence,
) -> Result<Succession, SuccessionError> {
    judge_over(story, certificate, &[], evidence, &[spare_script()])
}

/// The same where the spare seal moved before, by treasuries with these scripts.
pub(crate) fn judge_over(
    story: &Story,
    certificate: &SuccessionCertificate,
    moves: &[LinkEvidence],
    evidence: &LinkEvidence,
    treasuries: &[ScriptBuf],
) -> Result<Succession, SuccessionError> {
    let links = verified(story);
    let spare_seal = &SpareSeal { outpoint: story.genesis.spare_seal, script: spare_script() };
    let primary = Primary { dao: DAO, links: &links, spare_seal, treasuries };
    let claim = ClaimedSuccession { certificate, moves, evidence };
    judge_succession(&claim, &primary, &roll(), 100, RULES, &story.sim.chain)
}

/// The hub's next primary link, mined.
fn hub_goes_on(story: &mut Story, number: u8) {
    let link = signed(story.seal, 10 + number, 11 + number, commitment(number), 2);
    let evidence = mined(story, link.transaction());
    story.links.push((commitment(number), key(11 + number), evidence));
    story.seal = link.seal();
}

#[test]
fn members_and_treasurers_go_on_without_the_hub() {
    let mut story = Story::with_links(3);
    let certificate = certificate(statement(&story, 3), &[41, 42, 45]);
    let spender = spender(&certificate);
    let evidence = mined(&mut story, &spender);
    let succession = judge(&story, &certificate, &evidence).unwrap();
    assert_eq!((succession.weight(), succession.voided(), succession.link().number), (60, 0, 4));
    assert_eq!((succession.hub_key(), succession.anchor_key()), (key(60), key(61)));
    assert_eq!(succession.spare_seal().outpoint, OutPoint { txid: spender.compute_txid(), vout: 1 });

    // The new hub anchors the next epoch, and the chain is one.
    let seal = Seal {
        outpoint: succession.link().outpoint(),
        value: spender.output[0].value,
        anchor_key: succession.anchor_key(),
        commitment: certificate.commitment(),
    };
    let rate = FeeRate::from_sat_per_vb_u32(2);
    let next = LinkBuilder::new(seal, key(62), commitment(9)).build(rate, CAP).unwrap();
    let next = next.sign(&keypair(61), &[7; 32]).unwrap();
    let evidence = mined(&mut story, next.transaction());
    let mut chain = LinkChain::resume(succession.link());
    let claim = ClaimedLink { commitment: commitment(9), anchor_key: key(62), evidence: &evidence };
    assert_eq!(chain.extend(&claim, &story.sim.chain).unwrap().number, 5);
}

#[test]
fn what_a_rogue_hub_adds_is_void() {
    let mut story = Story::with_links(3);
    let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
    hub_goes_on(&mut story, 4);
    hub_goes_on(&mut story, 5);
    let spender = spender(&certificate);
    let evidence = mined(&mut story, &spender);
    hub_goes_on(&mut story, 6);
    let succession = judge(&story, &certificate, &evidence).unwrap();
    assert_eq!(succession.voided(), 3);
    let kept: Vec<u32> =
        verified(&story).iter().filter(|link| succession.leaves(link)).map(|link| link.number).collect();
    assert_eq!(kept, [0, 1, 2, 3]);
}

#[test]
fn a_minority_and_treasurers_alone_go_nowhere() {
    let table: [(&str, &[u8], CertificateError); 4] = [
        ("treasurers without members", &[], CertificateError::Minority { weight: 0, total: 100 }),
        ("exactly half", &[41, 42], CertificateError::Minority { weight: 50, total: 100 }),
        ("a minority", &[43, 44, 45], CertificateError::Minority { weight: 50, total: 100 }),
        ("a stranger", &[41, 42, 43, 70], CertificateError::NotAMember { member: Box::new(key(70)) }),
    ];
    for (name, members, error) in table {
        let mut story = Story::with_links(3);
        let certificate = certificate(statement(&story, 3), members);
        let evidence = mined(&mut story, &spender(&certificate));
        assert_eq!(judge(&story, &certificate, &evidence), Err(error.into()), "{name}");
        // The primary chain is as it was.
        assert_eq!(verified(&story).len(), 4);
    }
}

/// What carried the succession is committed to on the chain: signatures collected afterwards do not heal it.
#[test]
fn signatures_cannot_be_added_afterwards() {
    let mut story = Story::with_links(3);
    let early = certificate(statement(&story, 3), &[41]);
    let evidence = mined(&mut story, &spender(&early));
    let late = certificate(statement(&story, 3), &[41, 42, 43]);
    let refused = judge(&story, &late, &evidence);
    assert!(matches!(refused, Err(SuccessionError::Link(LinkError::DoesNotOpen { .. }))), "{refused:?}");
}

/// The spare seal is spent once: of two rival certificates the one on the chain counts, the other never can.
#[test]
fn of_two_rivals_the_mined_one_counts() {
    let mut story = Story::with_links(3);
    let ours = statement(&story, 3);
    let theirs = SuccessionStatement { hub_key: key(80), ..ours };
    let (won, lost) = (certificate(ours, &[41, 42, 43]), certificate(theirs, &[41, 44, 45]));
    let evidence = mined(&mut story, &spender(&won));
    assert!(judge(&story, &won, &evidence).is_ok());
    assert!(matches!(judge(&story, &lost, &evidence), Err(SuccessionError::Link(_))));
    // Member 41 signed both, and that is provable; the others did not.
    let signature = |certificate: &SuccessionCertificate, n: u8| {
        certificate.signatures().iter().find(|signature| signature.member == key(n)).unwrap().signature
    };
    let (a, b) = (signature(&won, 41), signature(&lost, 41));
    assert!(signs_rivals(&key(41), (&ours, &a), (&theirs, &b)));
    assert!(!signs_rivals(&key(41), (&ours, &a), (&ours, &a)), "the same twice");
    let shorter = SuccessionStatement { log_size: ours.log_size - 1, log_root: [7; 32], ..ours };
    let again = shorter.sign(&keypair(41), &[0; 32]);
    assert!(!signs_rivals(&key(41), (&ours, &a), (&shorter, &again)), "the same hub behind less of the log");
    assert!(signs_rivals(&key(41), (&shorter, &again), (&theirs, &b)));
    assert!(!signs_rivals(&key(42), (&ours, &signature(&won, 42)), (&theirs, &b)));
    let elsewhere = SuccessionStatement { spare_seal: OutPoint { vout: 9, ..ours.spare_seal }, ..theirs };
    let other = elsewhere.sign(&keypair(41), &[0; 32]);
    assert!(!signs_rivals(&key(41), (&ours, &a), (&elsewhere, &other)), "another spare seal");
}

/// Spare seals named by different headers can both be spent; the first in the chain counts.
#[test]
fn of_two_spare_seals_the_first_spent_counts() {
    let mut story = Story::with_links(3);
    let first = certificate(statement(&story, 3), &[41, 42, 43]);
    let evidence = mined(&mut story, &spender(&first));
    let first = judge(&story, &first, &evidence).unwrap();
    let newer = OutPoint { vout: 7, ..story.genesis.spare_seal };
    let second = certificate(SuccessionStatement { spare_seal: newer, ..statement(&story, 3) }, &[41, 42, 43]);
    let evidence = mined(&mut story, &spender(&second));
    let (links, script) = (verified(&story), spare_script());
    let spare_seal = &SpareSeal { outpoint: newer, script: script.clone() };
    let primary = Primary { dao: DAO, links: &links, spare_seal, treasuries: &[script] };
    let claim = ClaimedSuccession { certificate: &second, moves: &[], evidence: &evidence };
    let second = judge_succession(&claim, &primary, &roll(), 100, RULES, &story.sim.chain).unwrap();
    assert_eq!(first_succession(&[second, first.clone()]), Some(&first));
    assert_eq!(first_succession(&[]), None);
}

#[test]
fn only_a_final_link_is_gone_on_from() {
    let mut story = Story::with_links(3);
    hub_goes_on(&mut story, 4);
    let certificate = certificate(statement(&story, 4), &[41, 42, 43]);
    let spender = spender(&certificate);
    story.sim.mine_empty(1);
    let evidence = mined(&mut story, &spender);
    let refused = judge(&story, &certificate, &evidence);
    assert_eq!(refused, Err(SuccessionError::NotFinal { number: 4, depth: 2, final_depth: 3 }));
}

#[test]
fn an_old_roll_does_not_take_history_back() {
    for (blocks, allowed) in [(8, true), (9, false)] {
        let mut story = Story::with_links(3);
        let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
        hub_goes_on(&mut story, 4);
        hub_goes_on(&mut story, 5);
        story.sim.mine_empty(blocks);
        let evidence = mined(&mut story, &spender(&certificate));
        let verdict = judge(&story, &certificate, &evidence);
        let refused = Err(SuccessionError::TooLate { number: 4, age: blocks + 2, window: 10 });
        assert!(if allowed { verdict.is_ok() } else { verdict == refused }, "{verdict:?}");
    }
    // A hub that is silent for long takes nothing away from the members.
    let mut story = Story::with_links(3);
    let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
    story.sim.mine_empty(50);
    let evidence = mined(&mut story, &spender(&certificate));
    assert!(judge(&story, &certificate, &evidence).is_ok());
}

#[test]
fn statements_about_something_else_are_refused_by_name() {
    let good = statement(&Story::with_links(3), 3);
    let (other_spare, txid) = (OutPoint { vout: 0, ..good.spare_seal }, good.last_txid);
    let table = [
        ("another DAO", SuccessionStatement { dao: [1; 32], ..good }, SuccessionError::OtherDao),
        (
            "another spare seal",
            SuccessionStatement { spare_seal: other_spare, ..good },
            SuccessionError::OtherSpareSeal { found: other_spare, expected: good.spare_seal },
        ),
        (
            "another number",
            SuccessionStatement { last_link: 2, ..good },
            SuccessionError::UnknownLink { number: 2, txid },
        ),
        (
            "another header",
            SuccessionStatement { last_commitment: commitment(99), ..good },
            SuccessionError::UnknownLink { number: 3, txid },
        ),
    ];
    for (name, statement, error) in table {
        let mut story = Story::with_links(3);
        let certificate = certificate(statement, &[41, 42, 43]);
        let evidence = mined(&mut story, &spender(&certificate));
        assert_eq!(judge(&story, &certificate, &evidence), Err(error), "{name}");
    }
}

#[test]
fn the_spender_makes_a_new_spare_seal_and_is_mined() {
    type Edit = fn(&mut Transaction);
    let edits: [(&str, Edit); 3] = [
        ("no second output", |spender| spender.output.truncate(1)),
        ("another script", |spender| spender.output[1].script_pubkey = ScriptBuf::new()),
        ("dust", |spender| spender.output[1].value = Amount::from_sat(329)),
    ];
    for (name, edit) in edits {
        let mut story = Story::with_links(3);
        let certificate = certificate(statement(&story, 3), &[41, 42, 43]);
        let mut spender = spender(&certificate);
        edit(&mut spender);
        let evidence = mined(&mut story, &spender);
        assert_eq!(judge(&story, &certificate, &evidence), Err(SuccessionError::NoSpareSeal), "{name}");
    }
    let mut elsewhere = Story::with_links(3);
    let certificate = certificate(statement(&elsewhere, 3), &[41, 42, 43]);
    elsewhere.sim.mine_empty(1);
    let evidence = mined(&mut elsewhere, &spender(&certificate));
    let refused = judge(&Story::with_links(3), &certificate, &evidence);
    assert!(matches!(refused, Err(SuccessionError::NotMined(_))), "{refused:?}");
}

#[test]
fn a_certificate_has_one_byte_form() {
    let story = Story::with_links(3);
    let bytes = certificate(statement(&story, 3), &[41, 42, 43]).encode();
    assert_eq!(bytes.len(), 274 + 4 + 3 * 96);
    assert_eq!(certificate(statement(&story, 3), &[43, 41, 42, 41]).encode(), bytes, "the order of collecting");
    let decoded = SuccessionCertificate::decode(&bytes).unwrap();
    assert_eq!(decoded.encode(), bytes);
    assert_eq!(decoded.weigh(&roll(), 100), Ok(70));
    for end in 0..bytes.len() {
        assert!(SuccessionCertificate::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let entry = |n: usize| bytes[278 + n * 96..278 + (n + 1) * 96].to_vec();
    for (name, order) in [("swapped", [1, 0, 2]), ("twice", [0, 0, 1])] {
        let bad = [&bytes[..278], &order.map(entry).concat()].concat();
        assert!(SuccessionCertificate::decode(&bad).is_err(), "{name}");
    }
    // A count that claims more than is there allocates nothing and is refused.
    let mut bad = bytes.clone();
    bad[274..278].copy_from_slice(&[0, 0x10, 0, 0]);
    assert!(SuccessionCertificate::decode(&bad).is_err());
}

#[test]
fn weights_cannot_overflow_or_exceed_the_roll() {
    let story = Story::with_links(3);
    let certificate = certificate(statement(&story, 3), &[41, 42]);
    let heavy: BTreeMap<_, _> = [(key(41), u128::MAX), (key(42), u128::MAX)].into();
    let too_heavy = CertificateError::RollTooHeavy { total: u128::MAX };
    assert_eq!(certificate.weigh(&heavy, u128::MAX), Err(too_heavy));
    assert_eq!(certificate.weigh(&roll(), 49), Err(CertificateError::RollTooHeavy { total: 49 }));
    assert_eq!(certificate.weigh(&roll(), 99), Ok(50));
}

#[test]
fn a_bad_signature_is_refused_when_added_and_when_read() {
    let story = Story::with_links(3);
    let good = statement(&story, 3);
    let mut whole = certificate(good, &[41]);
    let other = SuccessionStatement { last_link: 2, ..good }.sign(&keypair(42), &[0; 32]);
    let bad = CertificateError::BadSignature { member: Box::new(key(42)) };
    assert_eq!(whole.add(SuccessionSignature { member: key(42), signature: other }), Err(bad));
    let mut bytes = whole.encode();
    *bytes.last_mut().unwrap() ^= 1;
    let read = SuccessionCertificate::decode(&bytes).unwrap();
    let bad = CertificateError::BadSignature { member: Box::new(key(41)) };
    assert_eq!(read.weigh(&roll(), 40), Err(bad));
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = SuccessionStatement::decode(&bytes);
        let _ = SuccessionCertificate::decode(&bytes);
    }

    /// Whoever signs: valid exactly with more than half of the weight.
    #[test]
    fn more_than_half_decides(chosen: [bool; 5]) {
        let story = Story::with_links(0);
        let members: Vec<u8> = ROLL.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|((n, _), _)| *n).collect();
        let weight: u128 = ROLL.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|((_, weight), _)| *weight).sum();
        let verdict = certificate(statement(&story, 0), &members).weigh(&roll(), 100);
        prop_assert_eq!(verdict.is_ok(), weight * 2 > 100);
    }
}
