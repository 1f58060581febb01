//! Hazard: an entry that the log must not take. Each refusal names its clause and changes nothing.

use althing_governance::charter::{Class, Treasurer};
use althing_governance::entry::{
    Ballot, Choice, Comment, Effect, ElectTreasurers, Entry, LaneEntry, Pause, ProposalContent, Spend, lane_start,
};
use althing_governance::signing::{Statement as _, verify_all};
use althing_governance::{
    Canonical as _, DaoId, EntryId, LaneHead, LogState, NetworkId, ProposalId, Refusal, TreeHash,
};
use bitcoin::{Network, ScriptBuf};

use crate::world::{AUX, IntoEntry as _, World, hub, keypair, member_id, spend, text};

/// The world with a vote in progress.
fn voting() -> (World, ProposalId) {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let proposal = world.open_vote(1, text("A new boat"));
    (world, proposal)
}

fn assert_refused(world: &World, entry: &Entry, rule: &str, not_now: bool, hint: &str) {
    let before = world.state.clone();
    let refusal = world.state.check(entry).expect_err(hint);
    assert_eq!((refusal.rule(), refusal.is_not_now()), (rule, not_now), "{hint}: {refusal}");
    assert!(refusal.to_string().contains(hint), "{refusal:?} should say {hint:?}");
    let mut state = world.state.clone();
    assert_eq!(state.apply(state.size(), entry.clone()), Err(refusal));
    assert!(state == before, "{hint}: a refused entry changed the state");
}

fn ballot(world: &World, proposal: ProposalId) -> LaneEntry<Ballot> {
    world.sign(2, Ballot::new(proposal, Choice::Yes, None))
}

#[test]
fn the_honest_ballot_is_taken() {
    let (mut world, proposal) = voting();
    let entry = ballot(&world, proposal).into_entry();
    world.append(entry).unwrap();
}

#[test]
fn ballot_of_another_network_or_dao() {
    let (world, proposal) = voting();
    let mut e = ballot(&world, proposal);
    e.lane.network = NetworkId::of(Network::Bitcoin);
    assert_refused(&world, &Entry::Ballot(e.clone()), "G-20", false, "network");
    let mut e = ballot(&world, proposal);
    e.lane.dao = DaoId([3; 32]);
    assert_refused(&world, &Entry::Ballot(e), "G-20", false, "DAO");
}

#[test]
fn a_ballot_moved_to_another_dao_has_no_valid_signature() {
    let (world, proposal) = voting();
    let secp = &world.secp;
    let key = hub().x_only_public_key().0;
    let honest = ballot(&world, proposal);
    verify_all(secp, &honest.clone().into_entry().signature_checks(&key)).unwrap();
    let mut moved = honest.clone();
    moved.lane.dao = DaoId([3; 32]);
    verify_all(secp, &moved.into_entry().signature_checks(&key)).unwrap_err();
    let mut changed = honest;
    changed.body.fields = vec![2];
    verify_all(secp, &changed.into_entry().signature_checks(&key)).unwrap_err();
}

#[test]
fn unknown_member() {
    let (world, proposal) = voting();
    let e = world.sign(9, Ballot::new(proposal, Choice::Yes, None));
    assert_refused(&world, &e.into_entry(), "G-21", false, "is no member");
}

#[test]
fn replayed_gapped_and_rechained_ballots() {
    let (mut world, proposal) = voting();
    let replayed = ballot(&world, proposal);
    world.append(replayed.clone().into_entry()).unwrap();
    assert_refused(&world, &replayed.into_entry(), "G-21", false, "is in the log already");

    let mut gap = ballot(&world, proposal);
    gap.lane.sequence += 1;
    assert_refused(&world, &gap.into_entry(), "G-21", true, "leaves a gap");

    let mut other_past = ballot(&world, proposal);
    other_past.lane.prev_head = LaneHead([1; 32]);
    assert_refused(&world, &other_past.into_entry(), "G-21", false, "previous lane head");

    let mut zero = ballot(&world, proposal);
    zero.lane.sequence = 0;
    assert_refused(&world, &zero.into_entry(), "G-21", false, "is in the log already");
}

#[test]
fn an_older_incarnation_after_a_restore() {
    let (mut world, proposal) = voting();
    let old = ballot(&world, proposal);
    let lane = world.state.next_lane_header(member_id(2), 2);
    let p = world.state.params();
    assert_eq!((lane.sequence, lane.prev_head), (1, lane_start(p.network, p.dao_id, member_id(2), 2)));
    let restored = LaneEntry::sign(&world.secp, lane, Ballot::new(proposal, Choice::No, None), &keypair(2), &AUX);
    world.append(restored.into_entry()).unwrap();
    assert_refused(&world, &old.into_entry(), "G-21", false, "incarnation 1 is over");
}

#[test]
fn ballots_out_of_time() {
    let mut world = World::with_stakes(&[5000, 3000]);
    let proposal = world.propose(1, text("A new boat"));
    assert_refused(&world, &ballot(&world, proposal).into_entry(), "G-41", true, "no head covers");
    world.mine();
    world.vote(2, proposal, Choice::Yes).unwrap();
    let close = world.state.proposals()[&proposal].schedule.unwrap().close;
    world.mine_to(close - 1);
    world.vote(2, proposal, Choice::No).unwrap();
    world.mine();
    assert_refused(&world, &ballot(&world, proposal).into_entry(), "G-41", false, "voting closed at height");
}

#[test]
fn ballots_during_review() {
    let mut charter = crate::world::charter();
    charter.classes[0].review_blocks = 4;
    let mut world = World::with_charter(charter);
    world.join(1, 5000);
    world.join(2, 5000);
    world.finish_epoch();
    let proposal = world.open_vote(1, text("A new boat"));
    let schedule = world.state.proposals()[&proposal].schedule.unwrap();
    assert_eq!(schedule.open % crate::world::EPOCH, 0);
    assert!(schedule.open >= schedule.logged + 4);
    assert_refused(&world, &ballot(&world, proposal).into_entry(), "G-41", true, "voting opens at height");
    world.mine_to(schedule.open - 1);
    assert_refused(&world, &ballot(&world, proposal).into_entry(), "G-41", true, "voting opens at height");
    world.mine();
    world.vote(2, proposal, Choice::Yes).unwrap();
}

#[test]
fn ballots_that_mean_nothing() {
    let (world, proposal) = voting();
    for fields in [vec![], vec![3], vec![1, 1]] {
        let e = world.sign(2, Ballot { proposal, fields, reason: None });
        assert_refused(&world, &e.into_entry(), "G-29", false, "V-");
    }
    let e = world.sign(2, Ballot::new(ProposalId([5; 32]), Choice::Yes, None));
    assert_refused(&world, &e.into_entry(), "G-29", false, "is not in the log");
}

#[test]
fn a_ballot_of_somebody_without_weight_is_refused_by_the_hub_and_weighs_nothing() {
    let (mut world, proposal) = voting();
    world.join(4, 900_000);
    let e = world.sign(4, Ballot::new(proposal, Choice::No, None)).into_entry();
    let refusal = world.state.check_electorate(&e).unwrap_err();
    assert_eq!(refusal.rule(), "G-35");
    let before = world.state.proposals()[&proposal].live.clone();
    world.append(e).unwrap();
    assert_eq!(world.state.proposals()[&proposal].live, before);
}

#[test]
fn comments_on_nothing() {
    let (mut world, proposal) = voting();
    let comment = |proposal, parent| Comment { proposal, parent, text: "Aye.".into() };
    let e = world.sign(2, comment(ProposalId([5; 32]), None));
    assert_refused(&world, &e.into_entry(), "G-28", false, "is not in the log");
    let e = world.sign(2, comment(proposal, Some(EntryId([5; 32]))));
    assert_refused(&world, &e.into_entry(), "G-28", false, "is no comment");
    let first = world.say(2, comment(proposal, None)).unwrap();
    world.say(3, comment(proposal, Some(first))).unwrap();
    let other = world.propose(1, text("Another"));
    let e = world.sign(2, comment(other, Some(first)));
    assert_refused(&world, &e.into_entry(), "G-28", false, "is no comment");
}

#[test]
fn proposals_without_snapshot_rule_or_novelty() {
    let mut young = World::empty();
    young.join(1, 5000);
    let e = young.sign(1, text("Too early"));
    assert_refused(&young, &e.into_entry(), "G-27", true, "no epoch is final");

    let (mut world, _) = voting();
    let e = world.sign(1, text("A new boat"));
    assert_refused(&world, &e.into_entry(), "G-25", false, "is in the log already");
    world.propose(2, text("A new boat"));

    let mut charter = crate::world::charter();
    charter.classes.retain(|rule| rule.max_amount_sat.is_some() || rule.class.name() == "text");
    let mut capped = World::with_charter(charter);
    capped.join(1, 5000);
    capped.finish_epoch();
    let e = capped.sign(1, spend("Too much", 100_000));
    assert_refused(&capped, &e.into_entry(), "G-16", false, "101000 sat");
    capped.propose(1, spend("Just right", 99_000));
}

#[test]
fn proposals_that_make_no_sense() {
    let (world, _) = voting();
    type Change = fn(&mut ProposalContent);
    fn output(content: &mut ProposalContent) -> &mut Spend {
        match &mut content.options[0].effects[..] {
            [Effect::Spend(spend)] => spend,
            _ => unreachable!("the table starts from a spend"),
        }
    }
    let table: [(&str, Change); 13] = [
        ("proposal title", |c| c.title = String::new()),
        ("proposal title", |c| c.title = "x".repeat(121)),
        ("proposal body", |c| c.body = "x".repeat(16_385)),
        ("the proposal of class text", |c| c.class = Class::Text),
        ("effects: are none", |c| c.options[0].effects.clear()),
        ("spend outputs", |c| output(c).outputs.clear()),
        ("is 0 sat", |c| output(c).outputs[0].sat = 0),
        ("output script", |c| output(c).outputs[0].script = ScriptBuf::new()),
        ("expiry_blocks", |c| output(c).expiry_blocks = 0),
        ("21 million", |c| output(c).outputs[0].sat = 2_100_000_000_000_000),
        ("21 million", |c| output(c).outputs[0].sat = u64::MAX),
        ("fee_cap_sat: is 100000001 sat; must be at most 100000000", |c| output(c).fee_cap_sat = 100_000_001),
        ("fee_cap_sat: is 18446744073709551615 sat", |c| output(c).fee_cap_sat = u64::MAX),
    ];
    for (hint, change) in table {
        let mut content = spend("Nets", 20_000);
        change(&mut content);
        let error = ProposalContent::from_bytes(&content.to_bytes()).unwrap_err();
        assert!(error.to_string().contains(hint), "{error}");
        assert_refused(&world, &world.sign(1, content).into_entry(), "G-24", false, hint);
    }
}

/// Effects without sense, each under the rule that it breaks.
#[test]
fn effects_that_nobody_can_mean() {
    let (world, _) = voting();
    let treasurer = |name: &str, n: u8| Treasurer { name: name.into(), key: keypair(n).public_key() };
    let elect = |treasurers| Effect::ElectTreasurers(ElectTreasurers { descriptor: "wsh(pk(A))".into(), treasurers });
    let pause = |blocks| Effect::Pause(Pause { blocks, classes: vec![Class::Spend] });
    for (effect, rule, hint) in [
        (elect(vec![treasurer("Ása", 90), treasurer("ása", 91)]), "R-52", "treasurer name: \"ása\" is two treasurers'"),
        (elect(vec![treasurer("Ása", 90), treasurer("Una", 90)]), "R-52", "treasurer key: 0"),
        (pause(0), "G-87", "pause blocks: is 0; must be 1 to 4320"),
        (pause(4321), "G-87", "pause blocks: is 4321; must be 1 to 4320"),
        (pause(u32::MAX), "G-87", "is 4294967295"),
    ] {
        let content = ProposalContent::question(effect.class(), "Odd", "", vec![effect]);
        let error = ProposalContent::from_bytes(&content.to_bytes()).unwrap_err().to_string();
        assert!(error.contains(rule) && error.contains(hint), "{error}");
        assert_refused(&world, &world.sign(1, content).into_entry(), "G-24", false, hint);
    }
    elect(vec![treasurer("Ása", 90), treasurer("Una", 91)]).check().unwrap();
    pause(4320).check().unwrap();
}

#[test]
fn effects_are_told_from_the_data() {
    let sentences = spend("Gift to charity", 20_000).sentences(Network::Regtest).join("\n");
    for part in
        ["pays 20000 sat to address bcrt1p", "fee is at most 1000 sat", "At most 21000 sat leave", "within 100 blocks"]
    {
        assert!(sentences.contains(part), "{part:?} in {sentences}");
    }
    assert!(!sentences.contains("charity"));
    let mut odd = spend("Odd", 5);
    if let [Effect::Spend(s)] = &mut odd.options[0].effects[..] {
        s.outputs[0].script = ScriptBuf::from_bytes(vec![0x51]);
    }
    assert!(odd.sentences(Network::Regtest)[0].contains("the script 51"));
}

#[test]
fn binds_that_are_not_theirs() {
    let (world, _) = voting();
    let mut wrong_id = world.bind(4, 1000);
    wrong_id.channel.0[0] ^= 1;
    assert_refused(&world, &world.sign(4, wrong_id).into_entry(), "G-22", false, "from the outpoint it is");
    let taken = world.bind(1, 1000);
    assert_refused(&world, &world.sign(4, taken).into_entry(), "G-22", false, "is bound already");

    // A funding key that signed for another vote key.
    let stolen = world.sign(4, world.bind(5, 1000)).into_entry();
    let checks = stolen.signature_checks(&hub().x_only_public_key().0);
    checks[0].verify(&world.secp).unwrap();
    let error = checks[1].verify(&world.secp).unwrap_err();
    assert_eq!(error.what, "funding key of a bind");
}

#[test]
fn checkpoints_that_lie() {
    let mut world = World::with_stakes(&[5000, 3000]);
    let funding = world.bind(1, 5000).funding;
    let Entry::Checkpoint(honest) = world.checkpoint(1, funding, 4000) else { unreachable!() };
    let honest = honest.checkpoint;
    type Change = fn(&mut althing_governance::entry::Checkpoint);
    let table: [(&str, bool, Change); 9] = [
        ("is not bound", false, |c| c.channel.0[0] ^= 1),
        ("is bound to", false, |c| c.member = member_id(2)),
        ("is not newer", false, |c| c.number = 1),
        ("the first funding", false, |c| c.fundings[0].outpoint.vout = 7),
        ("are more than", false, |c| c.hub_sat = 1001),
        ("are too much", false, |c| c.hub_sat = u64::MAX),
        ("in the log it is at", true, |c| c.sequence += 1),
        ("lane head is", false, |c| c.head = LaneHead([1; 32])),
        ("of an empty lane it is", false, |c| c.sequence = 0),
    ];
    for (hint, not_now, change) in table {
        let mut c = honest.clone();
        change(&mut c);
        let entry = world.sign_checkpoint(1, c);
        assert_refused(&world, &entry, "G-23", not_now, hint);
    }
    let entry = world.sign_checkpoint(1, honest.clone());
    world.append(entry).unwrap();
    // Both must sign.
    let Entry::Checkpoint(mut forged) = world.sign_checkpoint(1, honest) else { unreachable!() };
    forged.member_signature = forged.hub_signature;
    verify_all(&world.secp, &Entry::Checkpoint(forged).signature_checks(&hub().x_only_public_key().0)).unwrap_err();
}

#[test]
fn heads_that_lie() {
    let (world, _) = voting();
    let mut next = world.log_head();
    next.tip_height += 1;
    type Change = fn(&mut althing_governance::entry::LogHead);
    let table: [(&str, Change); 4] = [
        ("head has size", |h| h.size -= 1),
        ("head has root", |h| h.root = TreeHash([1; 32])),
        ("is not above", |h| h.tip_height -= 1),
        ("is not above", |h| h.tip_height = 1),
    ];
    for (hint, change) in table {
        let mut head = next;
        change(&mut head);
        assert_refused(&world, &Entry::Head(head.sign(&world.secp, &hub(), &AUX)), "G-30", false, hint);
    }
    let forged = Entry::Head(next.sign(&world.secp, &keypair(5), &AUX));
    verify_all(&world.secp, &forged.signature_checks(&hub().x_only_public_key().0)).unwrap_err();
}

#[test]
fn entries_out_of_place_or_too_large() {
    let (world, proposal) = voting();
    let mut state = world.state.clone();
    let entry = ballot(&world, proposal).into_entry();
    let error = state.apply(state.size() + 1, entry.clone()).unwrap_err();
    assert!(matches!(error, Refusal::Invalid { rule: "G-20", .. }), "{error}");

    let mut large = spend("Large", 1);
    if let [Effect::Spend(s)] = &mut large.options[0].effects[..] {
        s.outputs[0].script = bitcoin::ScriptBuf::from_bytes(vec![0x6a; 520]);
        s.outputs = vec![s.outputs[0].clone(); 100];
    }
    let entry = world.sign(1, large).into_entry();
    assert!(Entry::from_bytes(&entry.to_bytes()).is_err());
    assert_refused(&world, &entry, "G-20", false, "bytes");
}

#[test]
fn replay_gives_the_same_state_and_names_the_bad_entry() {
    let (mut world, proposal) = voting();
    world.vote(1, proposal, Choice::Yes).unwrap();
    world.vote(2, proposal, Choice::No).unwrap();
    world.finish_epoch();
    let params = world.state.params().clone();
    let bytes: Vec<Vec<u8>> = world.log.iter().map(Entry::to_bytes).collect();
    let decode = |bytes: &[Vec<u8>]| -> Vec<Entry> { bytes.iter().map(|b| Entry::from_bytes(b).unwrap()).collect() };
    let mut replayed = LogState::replay(params.clone(), decode(&bytes)).unwrap();
    for (epoch, roll) in (1..).zip(&world.rolls) {
        replayed.set_roll(epoch, roll.clone());
    }
    assert!(replayed == world.state);

    // An entry removed, doubled or swapped is found at the latest at the next head.
    for at in 0..bytes.len() - 1 {
        let (mut removed, mut doubled, mut swapped) = (bytes.clone(), bytes.clone(), bytes.clone());
        removed.remove(at);
        doubled.insert(at, bytes[at].clone());
        swapped.swap(at, at + 1);
        for (what, log) in [("removed", removed), ("doubled", doubled), ("swapped", swapped)] {
            let error = LogState::replay(params.clone(), decode(&log));
            assert!(error.is_err(), "entry {at} {what}");
        }
    }
}
