//! Hazard: a flood of proposals by whoever weighs next to nothing; and a hub that lets a friend's through.

use althing_governance::charter::Class;
use althing_governance::codec::Canonical as _;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Choice, Effect, ProposalContent, RuleChange, Version};
use althing_governance::ledger::{AccountKind, Bar, Fate};
use althing_governance::voting::Outcome;
use althing_governance::{Charter, ProposalId, Refusal};

use crate::world::{IntoEntry as _, World, charter, member_id, spend, text};

const LEAST: u64 = 5000;

fn founded(stakes: &[u64]) -> World {
    World::founded(stakes, |charter| {
        charter.classes.iter_mut().for_each(|rule| rule.min_proposer_weight = LEAST);
    })
}

/// What a hub says to it.
fn by_the_hub(world: &World, author: u8, content: ProposalContent) -> Result<(), Refusal> {
    world.state.check_electorate(&world.sign(author, content).into_entry())
}

#[test]
fn who_weighs_too_little_is_told_the_figures() {
    let world = founded(&[LEAST, LEAST - 1, 90_000]);
    assert_eq!(by_the_hub(&world, 1, text("Enough")), Ok(()));
    let refusal = by_the_hub(&world, 2, text("One too few")).unwrap_err();
    assert_eq!(refusal.rule(), "R-23");
    for part in ["weighs 4999", "epoch 1", "class text takes 5000"] {
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    // Whoever is not there at all is told that.
    assert_eq!(by_the_hub(&world, 77, text("A stranger")).unwrap_err().rule(), "G-35");
    // A treasurer's office stands in for a place on the roll, not for weight.
    assert_eq!(by_the_hub(&world, 96, text("By office")).unwrap_err().rule(), "R-23");
    let free = World::founded(&[90_000], |_| {});
    assert_eq!(by_the_hub(&free, 96, text("By office")), Ok(()));
}

#[test]
fn the_rule_is_the_one_for_the_amount() {
    let mut charter = charter();
    charter.classes[2].min_proposer_weight = LEAST;
    let mut world = World::with_charter(charter);
    world.join(1, 2000);
    world.finish_epoch();
    assert_eq!(by_the_hub(&world, 1, text("Anybody")), Ok(()));
    assert_eq!(by_the_hub(&world, 1, spend("Little", 99_000)), Ok(()));
    assert_eq!(by_the_hub(&world, 1, spend("Much", 99_001)).unwrap_err().rule(), "R-23");
}

#[test]
fn what_others_lend_makes_nobody_heavier() {
    let mut world = founded(&[LEAST - 1, 90_000]);
    let parts = vec![Part { to: member_id(1), share_bp: 10_000 }];
    world.say(2, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
    assert_eq!(by_the_hub(&world, 1, text("With their weight")).unwrap_err().rule(), "R-23");
}

/// The snapshot of the first version counts for every version: what came later does not help, and what went does not hurt.
#[test]
fn the_weight_is_that_of_the_first_versions_snapshot() {
    let mut world = World::founded(&[LEAST, 3000], |charter| {
        charter.classes.iter_mut().for_each(|rule| (rule.review_blocks, rule.min_proposer_weight) = (60, LEAST));
    });
    let first = world.propose(1, text("First"));
    let taken = world.propose(2, text("A friend of the hub's"));
    let version = |title: &str, of: ProposalId| ProposalContent {
        version_of: Some(Version { thread: of, previous: of }),
        ..text(title)
    };
    let checkpoint = |world: &mut World, member: u8, sat: u64| {
        let funding = world.facts[usize::from(member) - 1].outpoint;
        let checkpoint = world.checkpoint(member, funding, sat);
        world.append(checkpoint).unwrap();
    };
    checkpoint(&mut world, 1, 2000);
    world.facts[1].value_sat = 9000;
    world.join(3, 9000);
    world.finish_epoch();
    assert_eq!(by_the_hub(&world, 1, version("First, better", first)), Ok(()));
    assert_eq!(by_the_hub(&world, 1, text("Another")).unwrap_err().rule(), "R-23");
    assert_eq!(by_the_hub(&world, 2, version("Still light", taken)).unwrap_err().rule(), "R-23");
    assert_eq!(by_the_hub(&world, 3, text("New and heavy")), Ok(()));
}

/// Whoever owns the hub, or has three friends, gets it logged (G-97, G-107). It has no effect, costs its author nothing, and bars
/// nobody else.
#[test]
fn a_hub_that_looks_away_gains_nothing() {
    let mut world = World::founded(&[LEAST - 1, 90_000, 20_000], |charter| {
        charter.classes.iter_mut().for_each(|rule| (rule.min_proposer_weight, rule.deposit_sat) = (LEAST, 1000));
        charter.guards.cooldown_blocks = 1000;
    });
    let bar = Some(Bar::LightAuthor { weight: u128::from(LEAST - 1), needed: LEAST });
    for (choice, outcome) in [(Choice::Yes, Outcome::Passed { option: None }), (Choice::No, Outcome::Rejected)] {
        let content = spend(&format!("To a friend, {choice:?}"), 20_000);
        world.hold(1, &content, 1000);
        let id = world.open_vote(1, content);
        world.vote(2, id, choice).unwrap();
        world.vote(3, id, Choice::Yes).unwrap();
        let standing = world.fate(id);
        assert_eq!((standing.bar, standing.fate, standing.outcome), (bar, Fate::Failed, outcome));
        assert!(standing.payments.is_empty());
        let entries = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
        let settled: Vec<(AccountKind, u64)> =
            entries.filter(|entry| entry.thread == Some(id)).map(|entry| (entry.kind, entry.sat)).collect();
        assert_eq!(settled, [(AccountKind::DepositReturned, 1000)]);
    }
    let content = spend("To a friend, No", 20_000);
    world.hold(2, &content, 1000);
    let id = world.open_vote(2, content);
    world.vote(2, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).bar, None, "the same by somebody who may");
}

/// A vote asks authors for more, and what was logged before keeps its rule.
#[test]
fn a_rule_change_asks_for_more_from_then_on() {
    let mut world = World::founded(&[1500, 90_000], |_| {});
    let before = world.state.charter().clone();
    let mut after = before.clone();
    after.classes.iter_mut().for_each(|rule| rule.min_proposer_weight = 2000);
    let change = RuleChange { replaces: before.hash(), charter: Box::new(after) };
    let change = ProposalContent::question(Class::RuleChange, "Weight", "", vec![Effect::RuleChange(change)]);
    let id = world.open_vote(1, change);
    world.vote(2, id, Choice::Yes).unwrap();
    let early = world.open_vote(1, spend("Early", 20_000));
    world.vote(2, early, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).fate, Fate::Effective);
    while world.state.charter().hash() == before.hash() {
        world.finish_epoch();
    }
    assert_eq!(by_the_hub(&world, 1, text("Late")).unwrap_err().rule(), "R-23");
    assert_eq!(world.fate(early).bar, None);
}

/// a charter that asks for nothing has the bytes that it had before there was anything to ask for.
#[test]
fn one_charter_has_one_encoding() {
    let plain = charter();
    let mut asking = plain.clone();
    asking.classes[1].min_proposer_weight = 7;
    let (before, bytes) = (plain.to_bytes(), asking.to_bytes());
    assert_eq!((before[0], bytes[0]), (1, 2));
    let (shared, weights) = bytes.split_at(before.len());
    assert_eq!(shared[1..], before[1..]);
    let sevens: Vec<u8> = [0u64, 7, 0].iter().flat_map(|weight| weight.to_be_bytes()).collect();
    assert_eq!(weights.strip_suffix(sevens.as_slice()).map(<[u8]>::len), Some(weights.len() - 24));
    assert_eq!(Charter::from_bytes(&bytes).unwrap(), asking);

    let refused = |change: fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        Charter::from_bytes(&bytes).unwrap_err().to_string()
    };
    // Nothing but zeros is a charter of version 1.
    let zeros = refused(|bytes| *bytes.iter_mut().rev().nth(8).unwrap() = 0);
    assert!(zeros.starts_with("R-23") && zeros.contains("all 0"), "{zeros}");
    let mut fewer = plain.clone();
    fewer.classes.pop();
    fewer.classes[1].min_proposer_weight = 7;
    let tail = fewer.to_bytes().split_off({
        let mut plain = fewer.clone();
        plain.classes[1].min_proposer_weight = 0;
        plain.to_bytes().len()
    });
    let two_for_three = [shared, tail.as_slice()].concat();
    let error = Charter::from_bytes(&two_for_three).unwrap_err().to_string();
    assert!(error.starts_with("R-23") && error.contains("are 2 for 3 rules"), "{error}");
    assert!(refused(|bytes| bytes[0] = 4).contains("charter version"));
    assert!(!refused(|bytes| bytes[0] = 1).is_empty(), "what follows the last field of version 1 is refused");
    assert!(!refused(|bytes| bytes.truncate(bytes.len() - 1)).is_empty());
}

#[test]
fn the_charter_says_it_in_words() {
    let mut asking = charter();
    let words = asking.explain();
    assert!(!words.contains("Whoever proposes it"), "{words}");
    asking.classes[1].min_proposer_weight = 7;
    let words = asking.explain();
    assert!(words.contains("Whoever proposes it weighs at least 7 on the roll by their own stake"), "{words}");
    assert!(asking.to_toml().unwrap().contains("min_proposer_weight = 7"));
    assert!(!charter().to_toml().unwrap().contains("min_proposer_weight"));
}
