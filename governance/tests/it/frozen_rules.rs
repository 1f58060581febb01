//! Hazard: rules that change while a vote is open, so that what was to be rejected passes, or the other way round (G-27).

use althing_governance::charter::{Charter, Class, ClassRule, Quorum};
use althing_governance::entry::{Choice, Effect, ProposalContent, RuleChange};
use althing_governance::ledger::Fate;
use althing_governance::voting::Outcome;

use crate::world::{EPOCH, World, text};

fn rule_of(charter: &mut Charter, class: Class) -> &mut ClassRule {
    charter.classes.iter_mut().find(|rule| rule.class == class).unwrap()
}

/// Member 1 with 11 percent votes yes on a question that stays open for six epochs, while everybody changes the quorum.
fn run(before_bp: u16, after_bp: u16) -> [Outcome; 2] {
    let mut world = World::founded(&[1100, 8900], |charter| {
        let rule = rule_of(charter, Class::Text);
        (rule.voting_blocks, rule.quorum) = (6 * EPOCH, Quorum::ParticipationBp(before_bp));
    });
    let open = world.open_vote(1, text("Begun under the old rules"));
    world.vote(1, open, Choice::Yes).unwrap();
    let (schedule, rule) = {
        let proposal = &world.state.proposals()[&open];
        (proposal.schedule, world.state.rule_of(proposal).cloned())
    };
    let before = world.state.charter().clone();
    let mut after = before.clone();
    let changed = rule_of(&mut after, Class::Text);
    (changed.quorum, changed.voting_blocks) = (Quorum::ParticipationBp(after_bp), 7 * EPOCH);
    let change = RuleChange { replaces: before.hash(), charter: Box::new(after.clone()) };
    let change = ProposalContent::question(Class::RuleChange, "Quorum", "", vec![Effect::RuleChange(change)]);
    let change = world.open_vote(2, change);
    for member in [1, 2] {
        world.vote(member, change, Choice::Yes).unwrap();
    }
    assert_eq!(world.fate(change).fate, Fate::Effective);
    assert_eq!(world.state.charter(), &after, "the rules have changed");
    let proposal = &world.state.proposals()[&open];
    assert!(world.height < schedule.unwrap().close, "the vote is still open");
    assert_eq!((proposal.schedule, world.state.rule_of(proposal).cloned()), (schedule, rule));

    let next = world.open_vote(1, text("Begun under the new rules"));
    world.vote(1, next, Choice::Yes).unwrap();
    let blocks = |id| {
        let schedule = world.state.proposals()[id].schedule.unwrap();
        (schedule.close - schedule.open) / EPOCH
    };
    assert!(blocks(&next) > blocks(&open));
    [open, next].map(|id| world.fate(id).outcome)
}

#[test]
fn an_open_vote_is_decided_by_the_rules_it_began_under() {
    let passed = Outcome::Passed { option: None };
    assert_eq!(run(1000, 1200), [passed, Outcome::NoQuorum]);
    assert_eq!(run(1200, 1000), [Outcome::NoQuorum, passed]);
}
