//! Hazard: guards that a little change walks around: another title, an output of dust, two copies at once, several small
//! expulsions, a rule for weights, a race that nobody can win.

use althing_governance::charter::{Admission, Body, Class, ClassRule, Guardians, Quorum, RewardShare, WeightRule};
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{
    Budget, Choice, Effect, GuardianAct, GuardianVoice, Milestone, Pause, ProposalContent, ProposalOption, Request,
    RuleChange, SpendOutput,
};
use althing_governance::ledger::{AccountKind, Bar, Fate, Standing};
use althing_governance::voting::{Outcome, System};
use althing_governance::{Charter, ProposalId};
use bitcoin::ScriptBuf;

use crate::world::{IntoEntry as _, World, member_id, spend, text};

fn founded(stakes: &[u64], change: impl FnOnce(&mut Charter)) -> World {
    World::founded(stakes, |charter| {
        charter.gates = 8;
        change(charter);
    })
}

fn rule_of(charter: &mut Charter, class: Class) -> &mut ClassRule {
    charter.classes.iter_mut().find(|rule| rule.class == class).unwrap()
}

/// The first `count` members vote for it.
fn agree(world: &mut World, count: u8, id: ProposalId) {
    for member in 1..=count {
        world.vote(member, id, Choice::Yes).unwrap();
    }
}

fn outputs(content: &mut ProposalContent) -> &mut Vec<SpendOutput> {
    let Effect::Spend(spend) = &mut content.options[0].effects[0] else { unreachable!("it is a spend") };
    &mut spend.outputs
}

fn dust(byte: u8, sat: u64) -> SpendOutput {
    SpendOutput { script: ScriptBuf::from_bytes(vec![byte; 3]), sat }
}

fn is_cooling(standing: &Standing) -> bool {
    matches!(standing.bar, Some(Bar::Cooldown { .. }))
}

/// Fails `first` by the votes of member 2, then passes `second` with those of everybody.
fn again(first: ProposalContent, second: ProposalContent, authors: [u8; 2], heard: bool) -> Standing {
    let mut world = founded(&[40_000, 60_000, 10_000], |charter| charter.guards.cooldown_blocks = 1000);
    let id = world.open_vote(authors[0], first);
    if heard {
        world.vote(1, id, Choice::Yes).unwrap();
    }
    world.vote(2, id, Choice::No).unwrap();
    assert_eq!(world.fate(id).fate, Fate::Failed);
    let id = world.open_vote(authors[1], second);
    agree(&mut world, 3, id);
    world.fate(id)
}

#[test]
fn a_failed_payment_comes_back_in_no_disguise() {
    let mut with_dust = spend("Nets!", 20_000);
    outputs(&mut with_dust).push(dust(0x51, 600));
    let Effect::Spend(paid) = spend("", 1).options[0].effects[0].clone() else { unreachable!("it is a spend") };
    let budget = Budget {
        payee: paid.outputs[0].script.clone(),
        milestones: vec![Milestone { description: "All at once".into(), amount_sat: 20_000, after_blocks: 0 }],
        fee_cap_sat: 10,
        expiry_blocks: 60,
    };
    let fresh_budget = Budget { payee: dust(0x53, 1).script, ..budget.clone() };
    let fresh_budget = ProposalContent::question(Class::Budget, "Work", "", vec![Effect::Budget(fresh_budget)]);
    let in_milestones = ProposalContent::question(Class::Budget, "Work", "", vec![Effect::Budget(budget)]);
    let mut to_another = spend("Nets", 20_000);
    outputs(&mut to_another)[0] = dust(0x52, 20_000);
    let nets = || spend("Nets", 20_000);
    for (name, second, authors, heard, bars) in [
        ("a dust output", with_dust.clone(), [1, 1], true, true),
        ("milestones", in_milestones, [1, 1], true, true),
        ("another author, when it was voted down", with_dust, [1, 3], true, true),
        ("another author, when nobody looked", nets(), [3, 1], false, false),
        ("one's own, when nobody looked", spend("Once more", 20_000), [3, 3], false, true),
        ("a fresh address", to_another.clone(), [1, 1], true, true),
        ("a fresh address in a budget", fresh_budget, [1, 1], true, true),
        ("a fresh address of another author", to_another, [1, 3], true, false),
    ] {
        let standing = again(nets(), second, authors, heard);
        assert_eq!(is_cooling(&standing), bars, "{name}: {:?}", standing.bar);
    }
    // Whoever pays everybody dust makes them no payees.
    let mut to_all = spend("To me", 20_000);
    outputs(&mut to_all).push(dust(0x52, 600));
    let mut legitimate = spend("To them", 1);
    outputs(&mut legitimate)[0] = dust(0x52, 20_000);
    assert!(!is_cooling(&again(to_all, legitimate, [1, 3], true)));
    // Words of one author; another letter does not help.
    assert!(is_cooling(&again(text("Motion"), text("Motion."), [1, 1], true)));
    assert!(!is_cooling(&again(text("Motion"), text("Motion"), [1, 3], true)));
}

#[test]
fn a_rule_change_with_a_field_more_is_the_same() {
    let change = |fields: fn(&mut Charter)| {
        let world = founded(&[40_000, 60_000, 10_000], |charter| charter.guards.cooldown_blocks = 1000);
        let before = world.state.charter().clone();
        let mut after = before.clone();
        fields(&mut after);
        let change = RuleChange { replaces: before.hash(), charter: Box::new(after) };
        ProposalContent::question(Class::RuleChange, "Rules", "", vec![Effect::RuleChange(change)])
    };
    let longer = || change(|after| after.guards.cooldown_blocks = 700);
    let and_more = change(|after| {
        after.guards.cooldown_blocks = 701;
        after.discussion.comments_per_epoch += 1;
    });
    let other = change(|after| after.discussion.comments_per_epoch += 1);
    assert!(is_cooling(&again(longer(), and_more.clone(), [1, 1], true)));
    // Others are barred by the same value only.
    assert!(!is_cooling(&again(longer(), and_more, [1, 3], true)));
    assert!(is_cooling(&again(longer(), longer(), [1, 3], true)));
    assert!(!is_cooling(&again(longer(), other, [1, 1], true)));
}

/// Ten copies at once are ten tries: those that fail bar the rest.
#[test]
fn copies_at_once_do_not_escape_the_cooldown() {
    for cooldown in [0, 1000] {
        let mut world = founded(&[40_000, 60_000], |charter| charter.guards.cooldown_blocks = cooldown);
        let copies: Vec<ProposalId> = (0..3).map(|n| world.propose(1, spend(&format!("Copy {n}"), 20_000))).collect();
        world.mine();
        world.vote(2, copies[0], Choice::No).unwrap();
        for id in &copies {
            world.vote(1, *id, Choice::Yes).unwrap();
        }
        let fates: Vec<Fate> = copies.iter().map(|id| world.fate(*id).fate).collect();
        // Member 2 overlooked two of them.
        let expected = if cooldown == 0 { Fate::Effective } else { Fate::Failed };
        assert_eq!(fates, [Fate::Failed, expected, expected], "cool-down {cooldown}");
    }
}

/// Hazard: a deposit is lost for what a vote bars that has ended and is not decided.
#[test]
fn between_its_end_and_its_epoch_a_vote_is_told_of() {
    let mut world = founded(&[40_000, 60_000], |charter| charter.guards.cooldown_blocks = 1000);
    let again = ProposalContent { body: "Again".into(), ..spend("Nets", 20_000) };
    let id = world.open_vote(1, spend("Nets", 20_000));
    world.vote(2, id, Choice::No).unwrap();
    let told = |world: &World, content: &ProposalContent| {
        world.state.ledger().undecided(&world.state, content, &member_id(1)).map(|other| other.id)
    };
    assert_eq!(told(&world, &again), None, "its vote is open");
    while world.state.ended_at(&world.state.proposals()[&id]).is_none() {
        world.mine();
    }
    assert_eq!(world.state.ledger().forecast(&world.state, &again, &member_id(1)), None, "no epoch decided it");
    assert_eq!((told(&world, &again), told(&world, &text("Another"))), (Some(id), None));
    assert_eq!(world.fate(id).fate, Fate::Failed);
    assert_eq!(told(&world, &again), None);
    assert!(world.state.ledger().forecast(&world.state, &again, &member_id(1)).is_some());
}

/// What stood in the log beside a failure is barred only where it asks the same for no less.
#[test]
fn other_proposals_beside_a_failed_one_are_not_barred() {
    let to = |byte: u8, sat: u64| {
        let mut content = spend("Nets", sat);
        outputs(&mut content)[0] = dust(byte, sat);
        content
    };
    let expel_two = || expel(&[2]);
    for (name, failed, beside, authors, bars) in [
        ("another payee nobody paid before", to(0x51, 20_000), to(0x52, 20_000), [1, 1], false),
        ("other words", text("Motion"), text("Another"), [1, 1], false),
        ("the same payee for less", to(0x51, 20_000), to(0x51, 19_999), [1, 1], false),
        ("the same payee for as much, under another title", to(0x51, 20_000), to(0x51, 20_000), [1, 1], true),
        ("the same payee for more", to(0x51, 20_000), to(0x51, 20_001), [1, 1], true),
        ("the same payee for more, by somebody else", to(0x51, 20_000), to(0x51, 20_001), [1, 3], false),
        ("the same member", expel_two(), ProposalContent { title: "Away".into(), ..expel_two() }, [1, 1], true),
    ] {
        for after_its_end in [false, true] {
            let mut world = founded(&[40_000, 60_000, 10_000], |charter| {
                charter.guards.cooldown_blocks = 1000;
                charter.guards.electorate_shrink_bp = 5000;
            });
            let first = world.propose(authors[0], ProposalContent { body: "First".into(), ..failed.clone() });
            let early = (!after_its_end).then(|| world.propose(authors[1], beside.clone()));
            world.mine();
            world.vote(1, first, Choice::Yes).unwrap();
            world.vote(2, first, Choice::No).unwrap();
            early.into_iter().for_each(|id| agree(&mut world, 3, id));
            assert_eq!(world.fate(first).fate, Fate::Failed, "{name}");
            let forecast = world.state.ledger().forecast(&world.state, &beside, &member_id(authors[1]));
            let second = early.unwrap_or_else(|| {
                let id = world.open_vote(authors[1], beside.clone());
                agree(&mut world, 3, id);
                id
            });
            let standing = world.fate(second);
            // Afterwards every one of them comes from who failed, or is about the same.
            assert_eq!(
                is_cooling(&standing),
                bars || after_its_end,
                "{name}, after: {after_its_end}: {:?}",
                standing.bar
            );
            if after_its_end {
                // G-100: what an author is told before is what happens.
                assert_eq!(forecast, standing.bar, "{name}");
                let words = standing.bar.unwrap().to_string();
                let expected = match name {
                    "another payee nobody paid before" => "goes to somebody whom no vote ever paid",
                    "other words" => "nothing but words tells them apart",
                    _ => "the same failed before, by ",
                };
                assert!(words.contains(expected) && words.contains("below height"), "{name}: {words}");
            }
        }
    }
}

/// What its author is told before it is proposed.
fn foretold(world: &World, content: &ProposalContent) -> Option<Bar> {
    world.state.ledger().forecast_shrink(&world.state, content, &member_id(1))
}

fn expel(members: &[u8]) -> ProposalContent {
    let effects = members.iter().map(|member| Effect::Expel { member: member_id(*member) }).collect();
    ProposalContent::question(Class::Expel, "Out", "", effects)
}

#[test]
fn a_few_cannot_expel_the_rest() {
    let attack_under = |shrink_bp: u16, stakes: &[u64], expulsions: &[&[u8]]| -> Vec<Option<Bar>> {
        let mut world = founded(stakes, |charter| charter.guards.electorate_shrink_bp = shrink_bp);
        let forecast = foretold(&world, &expel(expulsions[0]));
        let ids: Vec<ProposalId> = expulsions.iter().map(|members| world.propose(1, expel(members))).collect();
        world.mine();
        for id in &ids {
            world.vote(1, *id, Choice::Yes).unwrap();
        }
        let bars: Vec<Option<Bar>> = ids.iter().map(|id| world.fate(*id).bar).collect();
        assert_eq!(forecast, bars[0], "what is told before it is proposed");
        bars
    };
    let attack = |stakes: &[u64], expulsions: &[&[u8]]| attack_under(1000, stakes, expulsions);
    let lost = |lost, of| Some(Bar::ElectorateShrink { lost, of });
    // A third of the weight; a tenth is allowed. However few they are, nobody above it goes.
    assert_eq!(attack(&[55_000, 45_000], &[&[2]]), [lost(45_000, 100_000)]);
    assert_eq!(attack(&[60_000, 30_000, 10_000], &[&[2]]), [lost(30_000, 100_000)]);
    assert_eq!(attack(&[50_000, 35_000, 15_000], &[&[2]]), [lost(35_000, 100_000)]);
    // What a charter allows is its founders' to say, and its own words tell it.
    assert_eq!(attack_under(4500, &[55_000, 45_000], &[&[2]]), [None]);
    assert_eq!(attack_under(4499, &[55_000, 45_000], &[&[2]]), [lost(45_000, 100_000)]);
    let mut told = crate::world::charter();
    told.guards.electorate_shrink_bp = 4499;
    assert!(told.explain().contains("more than 44.99 % of all weight"), "{}", told.explain());
    assert!(told.explain().contains("whoever weighs more than that cannot be expelled"), "{}", told.explain());
    assert_eq!(attack(&[90_000, 5000, 5000], &[&[2, 3]]), [None], "a tenth");
    // Slices of the same: what passed before counts.
    let slices = attack(&[60_000, 8000, 8000, 8000, 8000, 8000], &[&[2], &[3], &[4]]);
    assert_eq!(slices, [None, lost(16_000, 100_000), lost(16_000, 100_000)]);
}

fn rules(before: &Charter, change: impl FnOnce(&mut Charter)) -> ProposalContent {
    let mut after = before.clone();
    change(&mut after);
    let change = RuleChange { replaces: before.hash(), charter: Box::new(after) };
    ProposalContent::question(Class::RuleChange, "Weights", "", vec![Effect::RuleChange(change)])
}

#[test]
fn a_rule_for_weights_takes_no_more_than_an_expulsion_may() {
    let attack = |change: fn(&mut Charter)| {
        let mut world = founded(&[80_000, 10_000, 10_000], |charter| {
            charter.admission = Admission::Vote { min_stake_sat: 1000 };
            charter.founders = vec![member_id(1), member_id(2), member_id(3)];
        });
        let content = rules(world.state.charter(), change);
        let forecast = foretold(&world, &content);
        let id = world.open_vote(1, content);
        agree(&mut world, 3, id);
        let bar = world.fate(id).bar;
        assert_eq!(forecast, bar, "what is told before it is proposed");
        bar
    };
    let barred = |lost| Some(Bar::ElectorateShrink { lost, of: 100_000 });
    // From 80 percent to a third.
    assert_eq!(attack(|after| after.weight_rule = WeightRule::OneMemberOneVote), barred(46_667));
    assert_eq!(attack(|after| after.per_member_cap = Some(10_000)), barred(46_667));
    // From 80 to 77.8 percent.
    assert_eq!(attack(|after| after.per_member_cap = Some(70_000)), None);
    assert_eq!(attack(|after| after.discussion.comments_per_epoch += 1), None);
}

/// First whoever opposes is provoked into an equivocation or loses a key, then the rules forget them.
#[test]
fn whoever_is_suspended_has_a_vote_to_lose() {
    let mut world = founded(&[80_000, 5000, 15_000], |charter| {
        charter.admission = Admission::Invite { min_stake_sat: 1000, max_open_per_member: 5 };
        charter.founders = vec![member_id(1), member_id(2)];
        charter.equivocation_suspension_epochs = 20;
    });
    let invitation = althing_governance::entry::Invitation { invitee: member_id(3), expires_height: 1000 };
    let invitation = world.say(1, invitation).unwrap();
    world.say(3, althing_governance::entry::Acceptance { invitation }).unwrap();
    (0..3).for_each(|_| world.finish_epoch());
    let before = world.state.charter().clone();
    let content = rules(&before, |after| after.admission = Admission::Vote { min_stake_sat: 1000 });
    let id = world.open_vote(1, content);
    let ballot = |choice| {
        use crate::world::IntoEntry as _;
        world.sign(3, althing_governance::entry::Ballot::new(id, choice, None)).into_entry()
    };
    let proof = althing_governance::entry::Equivocation::new(ballot(Choice::Yes), ballot(Choice::No)).unwrap();
    world.append(althing_governance::Entry::Equivocation(proof)).unwrap();
    world.vote(1, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).bar, Some(Bar::ElectorateShrink { lost: 15_000, of: 100_000 }));
}

/// A request that passed, and its answers, each with the votes of the first so many members.
struct Race {
    world: World,
    answers: Vec<ProposalId>,
}

impl Race {
    fn run(votes: &[u8], change: impl FnOnce(&mut Charter), content: impl Fn(usize) -> ProposalContent) -> Self {
        let mut world = founded(&[1000; 6], change);
        let request = Request { submission_blocks: 6, budget_cap_sat: 50_000 };
        let ask = ProposalContent::question(Class::Request, "Who builds it", "", vec![Effect::Request(request)]);
        let id = world.open_vote(1, ask);
        agree(&mut world, 4, id);
        let answers: Vec<ProposalId> = (0..votes.len())
            .map(|n| {
                let author = u8::try_from(n).unwrap() + 1;
                world.propose(author, ProposalContent { request: Some(id), ..content(n) })
            })
            .collect();
        world.mine();
        let open = world.state.proposals()[&answers[0]].schedule.unwrap().open;
        while world.height < open {
            world.finish_epoch();
        }
        for (answer, votes) in answers.iter().zip(votes) {
            agree(&mut world, *votes, *answer);
        }
        Self { world, answers }
    }

    fn fates(&mut self) -> Vec<Fate> {
        self.answers.clone().into_iter().map(|id| self.world.fate(id).fate).collect()
    }
}

#[test]
fn a_rival_with_a_longer_vote_does_not_outlast_the_others() {
    let longer = |charter: &mut Charter| {
        rule_of(charter, Class::Budget).voting_blocks = 48;
        rule_of(charter, Class::Spend).expiry_blocks = 12;
    };
    let content = |n: usize| match n {
        0 => spend("In one piece", 10_000),
        _ => {
            let milestone = Milestone { description: "Work".into(), amount_sat: 9000, after_blocks: 0 };
            let payee = ScriptBuf::from_bytes(vec![0x53]);
            let budget = Budget { payee, milestones: vec![milestone], fee_cap_sat: 10, expiry_blocks: 60 };
            ProposalContent::question(Class::Budget, "In parts", "", vec![Effect::Budget(budget)])
        }
    };
    let mut race = Race::run(&[4, 1], longer, content);
    let closes: Vec<u32> =
        race.answers.iter().map(|id| race.world.state.proposals()[id].schedule.unwrap().close).collect();
    assert_eq!(closes[0], closes[1], "they are compared with each other");
    assert_eq!(race.fates(), [Fate::Effective, Fate::Lapsed]);
}

#[test]
fn a_leader_that_is_stopped_leaves_the_field() {
    let content = |n: usize| {
        let mut content = spend(&format!("Answer {n}"), 10_000 + n as u64);
        outputs(&mut content)[0].script = ScriptBuf::from_bytes(vec![0x51 + n as u8; 2]);
        content
    };
    let guarded = |charter: &mut Charter| {
        let rule = rule_of(charter, Class::Spend);
        (rule.veto_blocks, rule.expiry_blocks) = (12, 6);
        charter.guardians = Guardians { members: vec![member_id(6)], threshold: 1, delay_blocks: 0 };
    };
    let mut race = Race::run(&[3, 4, 2], guarded, content);
    let best = race.answers[1];
    race.world.say(6, GuardianAct { proposal: best, act: GuardianVoice::Veto }).unwrap();
    assert_eq!(race.fates(), [Fate::Effective, Fate::Vetoed, Fate::Lapsed]);
    // The stakes of the leader's voters are gone at the enactment; the next best takes effect, though its own time would be over.
    let mut race = Race::run(&[3, 4, 2], guarded, content);
    let close = race.world.state.proposals()[&race.answers[1]].schedule.unwrap().close;
    for member in 1..4 {
        race.world.facts[member].released_height = Some(close + 1);
    }
    let fates = race.fates();
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Effective).count(), 1, "{fates:?}");
}

#[test]
fn a_request_is_a_question() {
    let mut world = founded(&[5000], |charter| {
        rule_of(charter, Class::Request).systems = vec![System::SingleChoice];
    });
    let request = || Effect::Request(Request { submission_blocks: 6, budget_cap_sat: 50_000 });
    let option = |label: &str| ProposalOption { label: label.into(), effects: vec![request()] };
    let content = ProposalContent::question(Class::Request, "Which", "", vec![request()]);
    let options = vec![option("boat"), option("nets")];
    let content = ProposalContent { system: System::SingleChoice, options, ..content };
    assert_eq!(world.say(1, content).unwrap_err().rule(), "G-88");
}

#[test]
fn a_request_asks_for_no_longer_than_a_year() {
    let mut world = World::founded(&[5000], |_| {});
    let ask = |submission_blocks| {
        let request = Request { submission_blocks, budget_cap_sat: 1 };
        ProposalContent::question(Class::Request, "Who builds it", "", vec![Effect::Request(request)])
    };
    for blocks in [0, 52_561, u32::MAX] {
        let refused = world.say(1, ask(blocks)).unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("G-88") && message.contains(&format!("is {blocks}; must be 1 to 52560")), "{message}");
    }
    world.say(1, ask(1)).unwrap();
    world.say(1, ask(52_560)).unwrap();
}

/// A payment of `sats` to different addresses, `first` being the byte of the first.
fn divided(first: u8, sats: &[u64]) -> ProposalContent {
    let mut content = spend("In parts", 1);
    *outputs(&mut content) = (first..).zip(sats).map(|(byte, sat)| dust(byte, *sat)).collect();
    content
}

#[test]
fn a_payment_in_many_parts_has_payees() {
    // Eleven equal parts, of which only one comes back, by another author.
    let parts = [1_000; 11];
    for byte in [0x60, 0x65, 0x6a] {
        assert!(is_cooling(&again(divided(0x60, &parts), divided(byte, &[5000]), [1, 3], true)), "{byte}");
    }
    assert!(!is_cooling(&again(divided(0x60, &parts), divided(0x6b, &[5000]), [1, 3], true)));
    // Who shares a tenth is no payee; who gets more than what is left of it is one.
    let uneven = [10_000, 8_000, 1_000, 1_000];
    for (byte, bars) in [(0x60, true), (0x61, true), (0x62, false), (0x63, false)] {
        let standing = again(divided(0x60, &uneven), divided(byte, &[5000]), [1, 3], true);
        assert_eq!(is_cooling(&standing), bars, "{byte}: {:?}", standing.bar);
    }
    assert!(is_cooling(&again(divided(0x60, &[9_000, 1_001]), divided(0x61, &[5000]), [1, 3], true)));
}

#[test]
fn whom_the_members_paid_before_is_not_who_was_refused() {
    for paid_sats in [vec![8000], vec![8000, 600]] {
        let mut world = founded(&[40_000, 60_000, 10_000], |charter| charter.guards.cooldown_blocks = 1000);
        let paid = world.open_vote(1, divided(0x60, &paid_sats));
        agree(&mut world, 3, paid);
        assert_eq!(world.fate(paid).fate, Fate::Effective);
        let failed = world.open_vote(1, divided(0x70, &[5000]));
        world.vote(1, failed, Choice::Yes).unwrap();
        world.vote(2, failed, Choice::No).unwrap();
        assert_eq!(world.fate(failed).fate, Fate::Failed);
        let known = world.open_vote(1, divided(0x60, &[4000]));
        // Dust made nobody known.
        let dusted = world.open_vote(1, divided(0x61, &[4000]));
        for id in [known, dusted] {
            agree(&mut world, 3, id);
        }
        assert!(!is_cooling(&world.fate(known)));
        assert!(is_cooling(&world.fate(dusted)));
    }
}

/// Member 1, with more than a quorum, only abstains; whoever is alone beside that is not the members' voice.
#[test]
fn who_only_abstains_has_not_said_no_and_not_earned_anybody_a_reward() {
    let mut world = fifth_with_rewards();
    let unseen = world.open_vote(3, spend("Nobody looks", 4_000));
    world.vote(1, unseen, Choice::Abstain).unwrap();
    assert_eq!(world.fate(unseen).outcome, Outcome::Rejected, "the abstention makes the quorum");
    let alone = world.open_vote(3, text("I alone"));
    world.vote(1, alone, Choice::Abstain).unwrap();
    world.vote(3, alone, Choice::Yes).unwrap();
    assert_eq!(world.fate(alone).outcome, Outcome::Passed { option: None });
    assert_eq!(rewards(&world), 0);
    // What the others then do together is barred by nothing, and is rewarded.
    let wanted = world.open_vote(2, spend("Somebody looks", 4_000));
    agree(&mut world, 3, wanted);
    assert_eq!(world.fate(wanted).bar, None);
    assert_eq!(rewards(&world), 9_001);
}

/// L-18: who stands aside makes no quorum of what nobody looked at, and keeps nobody from theirs; what few then decide among
/// themselves is rewarded no more than before (G-105).
#[test]
fn who_stands_aside_makes_no_quorum_and_prevents_none() {
    let mut world = fifth_with_rewards();
    world.say(1, aside()).unwrap();
    let unseen = world.open_vote(3, spend("Nobody looks", 4_000));
    assert_eq!(world.fate(unseen).outcome, Outcome::NoQuorum);
    let alone = world.open_vote(3, text("Boats"));
    world.vote(3, alone, Choice::Yes).unwrap();
    assert_eq!(world.fate(alone).outcome, Outcome::NoQuorum, "10,000 of 70,000");
    world.say(2, aside()).unwrap();
    let alone = world.open_vote(1, text("Quays"));
    world.vote(3, alone, Choice::Yes).unwrap();
    let standing = world.fate(alone);
    assert_eq!((standing.outcome, standing.count.standing()), (Outcome::Passed { option: None }, 100_000));
    assert_eq!((standing.bar, standing.fate), (None, Fate::Effective), "10,000 of 10,000");
    assert_eq!(rewards(&world), 0);
    // Whoever stood aside can vote at any time, and is then in what the quorum is measured by.
    let both = world.open_vote(1, text("Bridges"));
    world.vote(3, both, Choice::Yes).unwrap();
    world.vote(2, both, Choice::No).unwrap();
    assert_eq!(world.fate(both).outcome, Outcome::NoQuorum);
}

fn aside() -> Delegation {
    Delegation { scope: Scope::All, parts: vec![Part::abstaining(10_000)], expires_height: None }
}

/// Members of 40,000, 60,000 and 10,000, a quorum of a fifth everywhere, and 9,001 sat to those who vote.
fn fifth_with_rewards() -> World {
    founded(&[40_000, 60_000, 10_000], |charter| {
        charter.guards.cooldown_blocks = 1000;
        (charter.rewards.pool_sat_per_epoch, charter.rewards.share) = (9_001, RewardShare::ByWeight);
        for rule in &mut charter.classes {
            rule.quorum = Quorum::ParticipationBp(2000);
        }
    })
}

fn rewards(world: &World) -> u64 {
    let entries = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
    entries.filter(|entry| entry.kind == AccountKind::Reward).map(|entry| entry.sat).sum()
}

/// G-87: treasurers who may order a pause alone cannot hold back their own election.
#[test]
fn who_pauses_without_the_members_pauses_payments_only() {
    for (bodies, is_refused) in
        [(vec![Body::Treasurers], true), (vec![Body::Founders], true), (vec![Body::Members], false)]
    {
        let world =
            founded(&[40_000, 60_000, 10_000], |charter| rule_of(charter, Class::Pause).bodies = bodies.clone());
        for class in Class::ALL.into_iter().filter(|class| *class != Class::Pause) {
            let effect = Effect::Pause(Pause { blocks: 10, classes: vec![class] });
            let content = ProposalContent::question(Class::Pause, "Wait", "", vec![effect]);
            let judged = world.state.check(&world.sign(1, content).into_entry());
            let expected = (is_refused && !class.pays()).then_some("G-87");
            assert_eq!(judged.err().map(|refusal| refusal.rule()), expected, "{bodies:?}, {class}");
        }
    }
}
