//! Hazard: a decision that is another than the votes, or that has another effect. From ballots to the decision tree, for every
//! system, class and body.

use althing_governance::charter::{Body, Class, ClassRule, DelegationLimits, Guardians, Quorum, Threshold};
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{
    Ballot, Budget, Choice, Effect, Entry, Equivocation, Execution, GuardianAct, GuardianVoice, KeyRotation, LaneEntry,
    Milestone, Pause, ProposalContent, ProposalOption, Request, SeenNote, Version, Withdrawal,
};
use althing_governance::epoch::{DecisionLeaf, Stage};
use althing_governance::ledger::{AccountKind, BodyStanding, Fate, PaymentState, Standing, together};
use althing_governance::report::{Facts, Value, collect};
use althing_governance::signing::Statement as _;
use althing_governance::state::{BodyVote, VotePart};
use althing_governance::voting::{Outcome, System, TieBreak};
use althing_governance::{Charter, EntryId, ProposalId, dao};
use bitcoin::{OutPoint, ScriptBuf};

use crate::world::{AUX, World, block_hash, charter, hub, keypair, member_id, spend, text, txid};

const PASSED: Outcome = Outcome::Passed { option: None };

/// Ten members of stake 1000 each, and every class under an easy rule.
fn all_classes(change: impl FnOnce(&mut Charter)) -> World {
    let mut charter = charter();
    charter.classes = Class::ALL
        .into_iter()
        .map(|class| ClassRule {
            voting_blocks: 6,
            expiry_blocks: 60,
            quorum: Quorum::ParticipationBp(1000),
            threshold: Threshold::Majority,
            systems: vec![
                System::YesNoAbstain,
                System::YesNoVeto,
                System::SingleChoice,
                System::Approval,
                System::Score { max: 5 },
                System::InstantRunoff,
                System::Schulze,
                System::Split,
                System::Quadratic { credits: 100 },
                System::Optimistic,
            ],
            ..ClassRule::new(class)
        })
        .collect();
    charter.gates = 8;
    charter.delegation = DelegationLimits { enabled: true, ..DelegationLimits::default() };
    change(&mut charter);
    let mut world = World::with_charter(charter);
    (1..=10).for_each(|member| world.join(member, 1000));
    world.finish_epoch();
    world
}

fn standing(world: &World, id: ProposalId) -> Option<Standing> {
    world.state.ledger().standing(&id).cloned()
}

fn fate(world: &mut World, id: ProposalId) -> Standing {
    for _ in 0..14 {
        match standing(world, id) {
            Some(standing) if standing.fate != Fate::Waiting => {
                world.assert_reproducible();
                return standing;
            }
            _ => world.finish_epoch(),
        }
    }
    unreachable!("nothing was decided");
}

fn ask(class: Class, effect: Effect) -> ProposalContent {
    ProposalContent::question(class, "Question", "", vec![effect])
}

/// A proposal that everybody passes, and what became of it.
fn pass(world: &mut World, content: ProposalContent) -> (ProposalId, Standing) {
    let id = world.open_vote(1, content);
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(2, id, Choice::Yes).unwrap();
    let standing = fate(world, id);
    (id, standing)
}

fn options(system: System) -> ProposalContent {
    let pay = |sat| spend("", sat).options[0].effects.clone();
    let option = |label: &str, effects| ProposalOption { label: label.into(), effects };
    let options = vec![option("boat", pay(5000)), option("nets", pay(7000)), option("nothing", Vec::new())];
    ProposalContent { system, options, ..spend("What to buy", 1) }
}

#[test]
fn every_system_pays_the_option_that_won() {
    let table: [(System, [&[u16]; 3]); 7] = [
        (System::SingleChoice, [&[1], &[1], &[0]]),
        (System::Approval, [&[1, 1, 0, 0], &[0, 1, 0, 0], &[1, 0, 0, 0]]),
        (System::Score { max: 5 }, [&[0, 5, 0, 0], &[2, 5, 0, 1], &[5, 0, 0, 0]]),
        (System::InstantRunoff, [&[1, 0], &[2, 1], &[1]]),
        (System::Schulze, [&[1, 0], &[1], &[0, 1]]),
        (System::Split, [&[0, 10_000, 0, 0], &[4000, 6000, 0, 0], &[10_000, 0, 0, 0]]),
        (System::Quadratic { credits: 100 }, [&[0, 10, 0, 0], &[6, 8, 0, 0], &[3, 0, 0, 0]]),
    ];
    for (system, ballots) in table {
        let mut world = all_classes(|_| {});
        let id = world.open_vote(1, options(system));
        for (member, fields) in (1..).zip(ballots) {
            world.say(member, Ballot { proposal: id, fields: fields.to_vec(), reason: None }).unwrap();
        }
        let live = world.state.proposals()[&id].live.clone().unwrap();
        let standing = fate(&mut world, id);
        assert_eq!(standing.outcome, Outcome::Passed { option: Some(1) }, "{}", system.name());
        assert_eq!(&standing.count, live.count(), "{}", system.name());
        assert_eq!(standing.payments[0].authorisation.unwrap().amount_sat, 8000, "{}", system.name());
        // The tree carries the same sums, and each member's leaf proves their part of them.
        let deciding = &world.closes[usize::try_from(standing.decided_epoch).unwrap() - 1];
        let proof = deciding.prove_ballot(&id, &member_id(2)).unwrap();
        let shown = proof.verify(&deciding.header, &id, &member_id(2)).unwrap();
        assert_eq!((shown.totals.sums, shown.stage), (standing.count.sums(), Stage::Enacted), "{}", system.name());
        assert_eq!(shown.leaf.ballot().unwrap().fields, ballots[1]);
        deciding.prove_tally(&id).unwrap().verify(&deciding.header, &id).unwrap();
    }
}

/// F-9: a run-off is told round by round, as the tie block broke it; grades with their mean.
#[test]
fn a_report_tells_choices_in_their_own_terms() {
    let mut world = all_classes(|_| {});
    let ask = |world: &mut World, system, ballots: &[(u8, &[u16])]| {
        // Each by another author: two alike would be one.
        let id = world.open_vote(ballots.len() as u8, options(system));
        for (member, fields) in ballots {
            world.say(*member, Ballot { proposal: id, fields: fields.to_vec(), reason: None }).unwrap();
        }
        let standing = fate(world, id);
        (id, standing)
    };
    // The boat has 2, the nets 2, nothing 3: of the two that are level one falls, and names the other next.
    let ballots: [(u8, &[u16]); 7] =
        [(1, &[0, 1]), (2, &[0, 1]), (3, &[1, 0]), (4, &[1, 0]), (5, &[2]), (6, &[2]), (7, &[2])];
    let (rounds, standing) = ask(&mut world, System::InstantRunoff, &ballots);
    let tie = TieBreak::new(block_hash(standing.closed_at + 6));
    let falls = tie.last(&[0, 1]).unwrap();
    let (graded, _) =
        ask(&mut world, System::Score { max: 5 }, &[(1, &[5, 2, 0, 0]), (2, &[2, 5, 0, 0]), (3, &[0, 1, 0, 0])]);
    // Five each way, and everybody in a circle: boat over nets, nets over nothing, nothing over boat.
    let ballots: [(u8, &[u16]); 9] = [
        (1, &[0, 1, 2]),
        (2, &[0, 1, 2]),
        (3, &[0, 1, 2]),
        (4, &[0, 1, 2]),
        (5, &[1, 2, 0]),
        (6, &[1, 2, 0]),
        (7, &[1, 2, 0]),
        (8, &[2, 0, 1]),
        (9, &[2, 0, 1]),
    ];
    let (circled, _) = ask(&mut world, System::Schulze, &ballots);
    let (plain, newest) = ask(&mut world, System::Schulze, &[(1, &[1, 0]), (2, &[1, 0])]);
    let last = newest.decided_epoch;
    let report = collect(&world.state, 1, last, &Facts::default());
    let table = |title: &str, id: ProposalId| -> Vec<Vec<String>> {
        let found = report.sections[0].tables.iter().find(|table| table.title == title).unwrap();
        let of = found.rows.iter().map(|row| row.values.iter().map(Value::plain).collect::<Vec<_>>());
        let of = of.filter(|row| row[0] == id.to_string());
        // Nothing was counted again: nobody's stake has left.
        of.inspect(|row| assert_eq!(row[1], "at the close")).map(|row| row[2..].to_vec()).collect()
    };
    let labels = ["boat", "nets", "nothing", "none of these"];
    let (stays, mark) = (1 - falls, |option: u16| if option == falls { "falls" } else { "" });
    let rows = |rows: &[[&str; 4]]| rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect::<Vec<_>>();
    let expected = [
        ["1", labels[0], "2000", mark(0)],
        ["1", labels[1], "2000", mark(1)],
        ["1", labels[2], "3000", ""],
        ["1", labels[3], "0", "falls"],
        // Both ballots of the one that fell go to the other.
        ["2", labels[usize::from(stays)], "4000", ""],
        ["2", labels[2], "3000", ""],
    ];
    assert_eq!(table("Rounds of run-offs", rounds), rows(&expected));
    assert_eq!(standing.outcome, Outcome::Passed { option: Some(stays) });
    // 7000 and 8000 points by 3000 of weight: 2.33 and 2.66.
    let points = |label, sum, mean| [label, sum, "points", mean];
    let expected = [
        points(labels[0], "7000", "233"),
        points(labels[1], "8000", "266"),
        points(labels[2], "0", "0"),
        points(labels[3], "0", "0"),
    ];
    assert_eq!(table("Choices", graded), rows(&expected));
    let words = "option 1 beats option 2 (6000 to 3000), option 2 beats option 3 (7000 to 2000), option 3 beats option 1 \
                 (5000 to 4000): in this circle the strongest paths decide, and no win alone (V-29)";
    assert_eq!(table("Circles of Schulze votes", circled), [[words]]);
    assert_eq!(table("Circles of Schulze votes", plain), Vec::<Vec<String>>::new());
    let pairs = table("Pairs of Schulze votes", circled);
    assert_eq!(
        (pairs.len(), pairs[1].clone()),
        (6, ["boat", "nothing", "4000", "5000", "6000", "5000"].map(String::from).into())
    );
}

#[test]
fn none_of_these_wins_and_nothing_happens() {
    let mut world = all_classes(|_| {});
    let id = world.open_vote(1, options(System::SingleChoice));
    for (member, option) in [(1, 3), (2, 3), (3, 1)] {
        world.say(member, Ballot { proposal: id, fields: vec![option], reason: None }).unwrap();
    }
    let standing = fate(&mut world, id);
    assert_eq!((standing.outcome, standing.payments.len()), (Outcome::Rejected, 0));
}

#[test]
fn a_tie_waits_for_the_block_six_above_the_close() {
    let mut world = all_classes(|_| {});
    let id = world.open_vote(1, options(System::SingleChoice));
    for (member, option) in [(1, 0), (2, 1)] {
        world.say(member, Ballot { proposal: id, fields: vec![option], reason: None }).unwrap();
    }
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    while world.headers.last().unwrap().closing_height < close {
        world.close_epoch();
    }
    let closed = world.closes.last().unwrap();
    assert!(closed.ballots.contains_key(&id));
    assert!(closed.ledger.standing(&id).is_none(), "undecided until the block is there");
    let decided = world.close_epoch().epoch;
    let closed = world.closes.last().unwrap();
    let winner = TieBreak::new(block_hash(close + 6)).first(&[0, 1]);
    let standing = closed.ledger.standing(&id).unwrap();
    assert_eq!((standing.outcome, standing.decided_epoch), (Outcome::Passed { option: winner }, decided));
    world.assert_reproducible();
}

#[test]
fn delegated_weight_is_in_the_outcome_and_in_the_tree() {
    let mut world = all_classes(|_| {});
    let to = |member: u8| Part { to: member_id(member), share_bp: 10_000 };
    let delegation = |part| Delegation { scope: Scope::All, parts: vec![part], expires_height: None };
    for (from, via) in [(3, 4), (4, 5), (5, 2), (6, 7), (7, 6)] {
        world.say(from, delegation(to(via))).unwrap();
    }
    let id = world.open_vote(1, text("With delegations"));
    world.vote(2, id, Choice::No).unwrap();
    world.vote(1, id, Choice::Yes).unwrap();
    let live = |world: &World| world.state.proposals()[&id].live.clone().unwrap().count().sums();
    // 3 and 4 and 5 speak through 2; 6 and 7 name each other and so nobody.
    assert_eq!(live(&world), [1000, 4000, 0, 0, 2, 10_000]);
    // What a ballot would do is known before it is cast: 4's weight, and 3's with it, leave the ballot of 2 (L-16).
    let would = |world: &World, by: u8, choice: Choice| {
        let proposal = &world.state.proposals()[&id];
        let fields = Ballot::new(id, choice, None).fields;
        let live = proposal.live.as_ref().unwrap();
        live.count_with(&member_id(by), 1000, &fields, &proposal.ballots).unwrap().sums()
    };
    assert_eq!(would(&world, 4, Choice::Yes), [3000, 2000, 0, 0, 3, 10_000]);
    assert_eq!(would(&world, 2, Choice::Yes), [5000, 0, 0, 0, 2, 10_000], "in the place of the one that stands");
    assert_eq!(would(&world, 8, Choice::Abstain), [1000, 4000, 1000, 0, 3, 10_000]);
    assert_eq!(live(&world), [1000, 4000, 0, 0, 2, 10_000], "nothing was cast");
    let proposal = &world.state.proposals()[&id];
    let tally = proposal.live.as_ref().unwrap();
    assert!(tally.count_with(&member_id(4), 1000, &[9, 9], &proposal.ballots).is_err());
    // An own ballot overrides, a revocation too, both at once in the live totals.
    world.vote(4, id, Choice::Yes).unwrap();
    assert_eq!(live(&world), [3000, 2000, 0, 0, 3, 10_000]);
    world.say(3, Delegation { scope: Scope::All, parts: Vec::new(), expires_height: None }).unwrap();
    assert_eq!(live(&world), [2000, 2000, 0, 0, 3, 10_000]);
    let tag_free = Delegation { scope: Scope::Class(Class::Spend), parts: vec![to(1)], expires_height: None };
    world.say(3, tag_free).unwrap();
    assert_eq!(live(&world), [2000, 2000, 0, 0, 3, 10_000], "another class");
    world.say(8, delegation(to(4))).unwrap();
    assert_eq!(live(&world), [3000, 2000, 0, 0, 3, 10_000]);
    let expected = live(&world);
    let standing = fate(&mut world, id);
    assert_eq!((standing.outcome, standing.count.sums()), (PASSED, expected.clone()));
    let closed = &world.closes[usize::try_from(standing.decided_epoch).unwrap() - 1];
    assert_eq!(closed.ballots[&id].root().sums, expected);
    let shown = closed.prove_ballot(&id, &member_id(4)).unwrap().verify(&closed.header, &id, &member_id(4)).unwrap();
    assert_eq!((shown.weight, shown.leaf.ballot().unwrap().weight), (1000, 2000));
    let silent = closed.prove_ballot(&id, &member_id(8)).unwrap().verify(&closed.header, &id, &member_id(8)).unwrap();
    assert!(matches!(silent.leaf, althing_governance::tally::BallotLeaf::Delegated { .. }));
}

/// L-17, L-18: without a ballot of one's own one's weight stands aside, and what was handed to one with it, until one votes, takes it
/// back, or it expires.
#[test]
fn who_stands_aside_does_so_until_its_owner_says_otherwise() {
    let mut world = all_classes(|_| {});
    let abstaining =
        |scope, expires_height| Delegation { scope, parts: vec![Part::abstaining(10_000)], expires_height };
    let to = |member: u8| Part { to: member_id(member), share_bp: 10_000 };
    world.say(3, abstaining(Scope::All, None)).unwrap();
    world.say(4, abstaining(Scope::Class(Class::Text), None)).unwrap();
    world.say(5, Delegation { scope: Scope::All, parts: vec![to(4)], expires_height: None }).unwrap();
    world.say(6, abstaining(Scope::Class(Class::Spend), None)).unwrap();
    let split = vec![Part::abstaining(2500), Part { to: member_id(1), share_bp: 7500 }];
    world.say(7, Delegation { scope: Scope::All, parts: split, expires_height: None }).unwrap();
    world.say(8, abstaining(Scope::All, Some(world.height + 1))).unwrap();
    let id = world.open_vote(1, text("With abstentions"));
    let live = |world: &World| world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(live(&world), [0, 0, 0, 3250, 0, 10_000], "3, 4 with 5, and a quarter of 7");
    world.vote(1, id, Choice::Yes).unwrap();
    assert_eq!(live(&world), [1750, 0, 0, 3250, 1, 10_000]);
    let would = |world: &World, by: u8| {
        let proposal = &world.state.proposals()[&id];
        let fields = Ballot::new(id, Choice::No, None).fields;
        proposal.live.as_ref().unwrap().count_with(&member_id(by), 1000, &fields, &proposal.ballots).unwrap().sums()
    };
    assert_eq!(would(&world, 4), [1750, 2000, 0, 1250, 2, 10_000], "no unit of weight is shown twice (L-16)");
    world.vote(4, id, Choice::No).unwrap();
    assert_eq!(live(&world), [1750, 2000, 0, 1250, 2, 10_000]);
    world.say(3, Delegation { scope: Scope::All, parts: Vec::new(), expires_height: None }).unwrap();
    assert_eq!(live(&world), [1750, 2000, 0, 250, 2, 10_000]);
    world.say(2, abstaining(Scope::All, None)).unwrap();
    let expected = live(&world);
    assert_eq!(expected, [1750, 2000, 0, 1250, 2, 10_000]);
    let standing = fate(&mut world, id);
    assert_eq!((standing.outcome, standing.count.sums()), (Outcome::Rejected, expected.clone()));
    let closed = &world.closes[usize::try_from(standing.decided_epoch).unwrap() - 1];
    assert_eq!(closed.ballots[&id].root().sums, expected);
    let shown = closed.prove_ballot(&id, &member_id(7)).unwrap().verify(&closed.header, &id, &member_id(7)).unwrap();
    assert!(matches!(shown.leaf, althing_governance::tally::BallotLeaf::Abstained { weight: 250, .. }));
    assert_eq!((shown.weight, shown.totals.standing(), shown.totals.ballots()), (1000, 1250, 2));
    world.assert_reproducible();
}

/// L-18: whoever abstains by delegation can still vote, so that nothing is certain because of it.
#[test]
fn a_standing_abstention_ends_no_vote_early() {
    let mut world = all_classes(|charter| {
        let rule = &mut charter.classes[0];
        (rule.voting_blocks, rule.final_ballots, rule.early_decision) = (24, true, true);
    });
    for member in 2..=6 {
        let parts = vec![Part::abstaining(10_000)];
        world.say(member, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
    }
    let id = world.open_vote(1, text("Nothing certain"));
    let nominal = world.state.proposals()[&id].schedule.unwrap().close;
    for member in [1, 7, 8, 9] {
        world.vote(member, id, Choice::Yes).unwrap();
    }
    let standing = fate(&mut world, id);
    assert_eq!((standing.outcome, standing.closed_at), (PASSED, nominal));
    assert_eq!(standing.count.sums(), [4000, 0, 0, 5000, 4, 10_000]);
}

#[test]
fn final_ballots_end_early_and_freeze_delegations() {
    let mut world = all_classes(|charter| {
        let rule = &mut charter.classes[0];
        (rule.voting_blocks, rule.final_ballots, rule.early_decision) = (24, true, true);
    });
    let id = world.open_vote(1, text("Early"));
    let nominal = world.state.proposals()[&id].schedule.unwrap().close;
    for member in 1..=6 {
        world.vote(member, id, Choice::Yes).unwrap();
    }
    assert_eq!(world.vote(1, id, Choice::No).unwrap_err().rule(), "G-44");
    let parts = vec![Part { to: member_id(1), share_bp: 10_000 }];
    world.say(7, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
    let standing = fate(&mut world, id);
    assert!(standing.closed_at < nominal, "{} of {nominal}", standing.closed_at);
    assert_eq!(standing.count.sums(), [6000, 0, 0, 0, 6, 10_000], "the delegation came after the opening");
    assert_eq!(world.state.phase(&world.state.proposals()[&id]).name(), "passed");
}

#[test]
fn every_body_has_to_agree() {
    for (treasurer, expected) in
        [(Some(Choice::Yes), PASSED), (Some(Choice::No), Outcome::NoQuorum), (None, Outcome::NoQuorum)]
    {
        let mut world = all_classes(|charter| charter.classes[1].bodies = vec![Body::Members, Body::Treasurers]);
        let id = world.open_vote(1, spend("Nets", 5000));
        world.vote(1, id, Choice::Yes).unwrap();
        world.vote(2, id, Choice::Yes).unwrap();
        if let Some(choice) = treasurer {
            // Key 96 is the treasurer's and has no stake.
            world.vote(96, id, choice).unwrap();
        }
        let standing = fate(&mut world, id);
        assert_eq!(standing.outcome, expected, "{treasurer:?}");
        let closed = &world.closes[usize::try_from(standing.decided_epoch).unwrap() - 1];
        assert_eq!(closed.body_ballots[&(id, Body::Treasurers)].leaves().len(), 1);
        // What each body said is kept, can be shown, and is what the decision follows from.
        let said = |body: &BodyStanding| (body.body, body.count.sums(), body.outcome);
        let office = |yes, no| vec![yes, no, 0, 0, yes + no, 1];
        let treasurers = match treasurer {
            Some(Choice::Yes) => (Body::Treasurers, office(1, 0), PASSED),
            Some(_) => (Body::Treasurers, office(0, 1), Outcome::NoQuorum),
            None => (Body::Treasurers, office(0, 0), Outcome::NoQuorum),
        };
        let wanted = [(Body::Members, vec![2000, 0, 0, 0, 2, 10_000], PASSED), treasurers];
        assert_eq!(standing.bodies.iter().map(said).collect::<Vec<_>>(), wanted);
        let outcomes: Vec<Outcome> = standing.bodies.iter().map(|body| body.outcome).collect();
        assert_eq!(together(&outcomes), Some(standing.outcome));
        let proofs = closed.prove_bodies(&id, &[Body::Members, Body::Treasurers]).unwrap();
        for (place, proof) in proofs.iter().enumerate() {
            let shown = proof.verify(&closed.header, &id, place).unwrap();
            assert_eq!((proof.body(), shown.totals.sums), (wanted[place].0, wanted[place].1.clone()));
        }
        // The totals of one body are not those of another.
        proofs[1].verify(&closed.header, &id, 0).unwrap_err();
    }
}

/// What a body says is told while it votes, and what it would say with one ballot more; and only who is in a body has a vote in it.
#[test]
fn bodies_are_counted_as_they_vote() {
    let mut world = all_classes(|charter| charter.classes[1].bodies = vec![Body::Members, Body::Treasurers]);
    let id = world.open_vote(1, spend("Nets", 5000));
    let sums = |votes: Vec<BodyVote>| -> Vec<(Body, u64, Vec<u128>)> {
        votes.into_iter().map(|vote| (vote.body, vote.voters, vote.count.sums())).collect()
    };
    let both = |members: [u128; 3], treasurers: [u128; 3]| {
        let [yes, no, ballots] = members;
        let [by_yes, by_no, by_ballots] = treasurers;
        vec![
            (Body::Members, 10, vec![yes, no, 0, 0, ballots, 10_000]),
            (Body::Treasurers, 1, vec![by_yes, by_no, 0, 0, by_ballots, 1]),
        ]
    };
    let seen = |world: &World| sums(world.state.bodies_so_far(&world.state.proposals()[&id]));
    assert_eq!(seen(&world), both([0, 0, 0], [0, 0, 0]));
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(96, id, Choice::No).unwrap();
    assert_eq!(seen(&world), both([1000, 0, 1], [0, 1, 1]));
    // Who is in none of the bodies was not absent.
    let part = |member| world.state.part_in(&world.state.proposals()[&id], &member_id(member));
    assert_eq!((part(2), part(77)), (Some(VotePart::Silent), None));
    assert!(matches!(part(96), Some(VotePart::Counted(_))), "the treasurer's, in the treasurers' vote");
    let state = &world.state;
    let proposal = &state.proposals()[&id];
    let after = |member, field| sums(state.bodies_with(proposal, Some((&member_id(member), &[field]))));
    assert_eq!(after(96, 1), both([1000, 0, 1], [1, 0, 1]), "the treasurer's other mind");
    assert_eq!(after(2, 2), both([1000, 1000, 2], [0, 1, 1]), "a member is no treasurer");
    assert_eq!(after(55, 1), seen(&world), "who is in no body changes nothing");
    let votes = |body, member| state.votes_in(proposal, body, &member_id(member));
    assert_eq!([votes(Body::Members, 1), votes(Body::Treasurers, 1)], [Some(true), Some(false)]);
    assert_eq!([votes(Body::Members, 96), votes(Body::Treasurers, 96)], [Some(false), Some(true)]);
    assert_eq!(state.voters_in(proposal, Body::Treasurers), Some(1));
}

/// V-24: the vetoes are told apart from the no that they are part of, and with the share that they reach or not.
#[test]
fn vetoes_are_told_apart() {
    for (vetoes, is_reached, expected) in [(1, false, PASSED), (2, true, Outcome::Vetoed)] {
        let mut world = all_classes(|charter| charter.classes[0].veto_bp = 4000);
        let id = world.open_vote(1, ProposalContent { system: System::YesNoVeto, ..text("A wall") });
        for member in 1..=5 {
            let field = if member <= vetoes { 3 } else { 1 };
            world.say(member, Ballot { proposal: id, fields: vec![field], reason: None }).unwrap();
        }
        let count = fate(&mut world, id).count;
        let rule = world.state.rule_of(&world.state.proposals()[&id]).unwrap().voting_rule();
        assert_eq!((count.vetoes(), count.is_vetoed(&rule)), (Some(u128::from(vetoes) * 1000), is_reached));
        assert_eq!(count.outcome(&rule, None), Ok(expected));
    }
    let mut world = all_classes(|_| {});
    let id = world.open_vote(1, text("A fence"));
    world.vote(1, id, Choice::No).unwrap();
    assert_eq!(fate(&mut world, id).count.vetoes(), None);
}

/// G-45: what one of them does not pass comes to what that one says, also where the others pass different options.
#[test]
fn bodies_that_disagree() {
    let option = |label: &str| ProposalOption { label: label.into(), effects: Vec::new() };
    for (founder, treasurer, expected) in [
        (0, Some(0), Outcome::Passed { option: Some(0) }),
        (1, Some(0), Outcome::Rejected),
        (1, Some(1), Outcome::Rejected),
        (0, Some(1), Outcome::Rejected),
        (0, None, Outcome::NoQuorum),
        (1, None, Outcome::NoQuorum),
    ] {
        let mut world = all_classes(|charter| {
            charter.classes[0].bodies = vec![Body::Members, Body::Founders, Body::Treasurers];
            charter.founders = vec![member_id(2)];
        });
        let options = vec![option("A pier"), option("A boat")];
        let content = ProposalContent { system: System::SingleChoice, options, ..text("Build") };
        let id = world.open_vote(1, content);
        let votes = [(1, Some(0)), (3, Some(0)), (2, Some(founder)), (96, treasurer)];
        for (member, choice) in votes.into_iter().filter_map(|(member, choice)| Some((member, choice?))) {
            world.say(member, Ballot { proposal: id, fields: vec![choice], reason: None }).unwrap();
        }
        assert_eq!(fate(&mut world, id).outcome, expected, "founder {founder}, treasurer {treasurer:?}");
    }
}

#[test]
fn versions_are_reviewed_and_only_the_newest_is_voted_on() {
    let mut world = all_classes(|charter| charter.classes[0].review_blocks = 6);
    let first = world.open_vote(1, text("A boat"));
    let version = |previous, title: &str| ProposalContent {
        version_of: Some(Version { thread: first, previous }),
        ..text(title)
    };
    assert_eq!(world.say(2, version(first, "Not yours")).unwrap_err().rule(), "G-89");
    let second = world.propose(1, version(first, "A better boat"));
    assert_eq!(world.say(1, version(first, "A branch")).unwrap_err().rule(), "G-89");
    world.mine();
    let opens = world.state.proposals()[&second].schedule.unwrap().open;
    world.mine_to(opens);
    assert_eq!(world.vote(1, first, Choice::Yes).unwrap_err().rule(), "G-29");
    assert_eq!(world.say(1, version(second, "Too late")).unwrap_err().rule(), "G-89");
    assert_eq!(world.say(1, Withdrawal { proposal: second }).unwrap_err().rule(), "G-93");
    world.vote(1, second, Choice::Yes).unwrap();
    assert_eq!(fate(&mut world, second).outcome, PASSED);
    assert_eq!(standing(&world, first), None);
    assert_eq!(world.state.phase(&world.state.proposals()[&first]).name(), "superseded");
}

#[test]
fn a_budget_pays_by_milestone_until_it_is_stopped() {
    let mut world = all_classes(|_| {});
    let milestone = |amount_sat, after_blocks| Milestone { description: "Work".into(), amount_sat, after_blocks };
    let budget = Budget {
        payee: ScriptBuf::from_bytes(vec![0x51]),
        milestones: vec![milestone(1000, 0), milestone(2000, 6), milestone(3000, 600)],
        fee_cap_sat: 10,
        expiry_blocks: 60,
    };
    let (id, standing) = pass(&mut world, ask(Class::Budget, Effect::Budget(budget)));
    assert_eq!(standing.payments[0].state, PaymentState::Authorised);
    (0..3).for_each(|_| world.finish_epoch());
    let stop = Effect::StopBudget { proposal: id };
    let (_, stopped) = pass(&mut world, ask(Class::Budget, stop));
    assert_eq!(stopped.fate, Fate::Effective);
    let states: Vec<PaymentState> =
        world.state.ledger().standing(&id).unwrap().payments.iter().map(|p| p.state).collect();
    assert_eq!(states, [PaymentState::Authorised, PaymentState::Authorised, PaymentState::Stopped]);

    // Mined, it is noted; each milestone has a leaf of its own.
    let p = world.state.params();
    let execution = Execution {
        network: p.network,
        dao: p.dao_id,
        proposal: id,
        milestone: 1,
        txid: txid(77),
        mined_height: world.height,
        mined_hash: block_hash(world.height),
        amount_sat: 2005,
    };
    world.append(Entry::Execution(execution.sign(&world.secp, &hub(), &AUX))).unwrap();
    world.finish_epoch();
    let closed = world.closes.last().unwrap();
    let leaf = |index| -> DecisionLeaf {
        let proof = closed.prove_milestone(&id, index).unwrap();
        proof.verify_milestone(&closed.header, &id, index).unwrap()
    };
    assert_eq!(leaf(1).paid_by, Some(txid(77)));
    assert_eq!(leaf(0).authorisation.unwrap().amount_sat, 1010);
    assert_eq!(leaf(2).authorisation, None);
}

#[test]
fn one_answer_to_a_request_wins() {
    let mut world = all_classes(|_| {});
    let request = Request { submission_blocks: 12, budget_cap_sat: 50_000 };
    let id = world.open_vote(1, ask(Class::Request, Effect::Request(request)));
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(2, id, Choice::Yes).unwrap();
    let answer = |title: &str, sat| ProposalContent { request: Some(id), ..spend(title, sat) };
    assert_eq!(world.say(3, answer("Too dear", 60_000)).unwrap_err().rule(), "G-88");
    let offers = [world.propose(3, answer("Cheap", 10_000)), world.propose(4, answer("Good", 20_000))];
    world.mine();
    let opens: Vec<u32> = offers.iter().map(|o| world.state.proposals()[o].schedule.unwrap().open).collect();
    assert_eq!(opens[0], opens[1]);
    while world.height < opens[0] {
        world.finish_epoch();
    }
    assert_eq!(world.say(5, answer("Late", 1000)).unwrap_err().rule(), "G-88");
    world.vote(1, offers[0], Choice::Yes).unwrap();
    for member in 1..=3 {
        world.vote(member, offers[1], Choice::Yes).unwrap();
    }
    let (cheap, good) = (fate(&mut world, offers[0]), fate(&mut world, offers[1]));
    assert_eq!((cheap.outcome, cheap.fate), (PASSED, Fate::Lapsed));
    assert_eq!((good.outcome, good.fate), (PASSED, Fate::Effective));
}

#[test]
fn a_pause_delays_and_never_pays() {
    let mut world = all_classes(|charter| charter.guards.pause_max_blocks = 24);
    let pause = Pause { blocks: 1000, classes: vec![Class::Spend] };
    let (_, paused) = pass(&mut world, ask(Class::Pause, Effect::Pause(pause)));
    assert_eq!((paused.fate, paused.payments.len()), (Fate::Effective, 0));
    let until = world.state.ledger().pauses()[0].until;
    assert_eq!(until, world.state.ledger().pauses()[0].from + 24, "at most what the charter allows");
    let (_, paid) = pass(&mut world, spend("Nets", 5000));
    let enacted = paid.enacted_epoch.unwrap();
    assert!(world.headers[usize::try_from(enacted).unwrap() - 1].closing_height >= until);
}

#[test]
fn guardians_delay_once() {
    let mut world = all_classes(|charter| {
        charter.classes[1].veto_blocks = 12;
        charter.guardians = Guardians { members: vec![member_id(9)], threshold: 1, delay_blocks: 18 };
    });
    let id = world.open_vote(1, spend("Nets", 5000));
    world.vote(1, id, Choice::Yes).unwrap();
    world.say(9, GuardianAct { proposal: id, act: GuardianVoice::Delay }).unwrap();
    let schedule = world.state.proposals()[&id].schedule.unwrap();
    let standing = fate(&mut world, id);
    assert_eq!(standing.authorised_at, schedule.authorised_at + 18);
    assert_eq!(standing.fate, Fate::Effective);
    // What took effect nobody stops: the guardian is told, instead of being heard without any effect.
    let late = world.say(9, GuardianAct { proposal: id, act: GuardianVoice::Veto }).unwrap_err();
    assert_eq!(late.rule(), "G-95");
    assert!(late.to_string().contains("in effect"), "{late}");
}

/// Hazard: a guardian is thanked for a veto that nobody hears.
#[test]
fn a_guardian_who_is_too_late_is_told() {
    for delayed in [false, true] {
        let mut world = all_classes(|charter| {
            charter.classes[1].veto_blocks = 12;
            charter.guardians = Guardians { members: vec![member_id(9)], threshold: 1, delay_blocks: 18 };
        });
        let id = world.open_vote(1, spend("Nets", 5000));
        world.vote(1, id, Choice::Yes).unwrap();
        let veto = |world: &World| {
            let act = GuardianAct { proposal: id, act: GuardianVoice::Veto };
            world.state.check_electorate(&crate::world::IntoEntry::into_entry(world.sign(9, act)))
        };
        if delayed {
            world.say(9, GuardianAct { proposal: id, act: GuardianVoice::Delay }).unwrap();
        }
        let schedule = world.state.proposals()[&id].schedule.unwrap();
        let until = schedule.authorised_at + if delayed { 18 } else { 0 };
        while world.height < until {
            assert_eq!(veto(&world), Ok(()), "at {}", world.height);
            world.mine();
        }
        let late = veto(&world).unwrap_err();
        assert_eq!(late.rule(), "G-95");
        assert!(late.to_string().contains(&format!("below height {until}")), "{late}");
    }
    let mut world = all_classes(|charter| {
        charter.guardians = Guardians { members: vec![member_id(9)], threshold: 1, delay_blocks: 18 };
    });
    let id = world.propose(1, spend("Nets", 5000));
    world.say(1, althing_governance::entry::Withdrawal { proposal: id }).unwrap();
    let act =
        crate::world::IntoEntry::into_entry(world.sign(9, GuardianAct { proposal: id, act: GuardianVoice::Veto }));
    assert_eq!(world.state.check_electorate(&act).unwrap_err().rule(), "G-95");
}

#[test]
fn a_member_speaks_with_a_new_key_and_the_old_one_is_silent() {
    let mut world = all_classes(|_| {});
    let id = world.open_vote(1, text("Rotated"));
    world.vote(3, id, Choice::No).unwrap();
    let p = world.state.params();
    let funding = OutPoint { txid: txid(3), vout: 0 };
    let rotation = KeyRotation {
        network: p.network,
        dao: p.dao_id,
        old_key: member_id(3),
        new_key: member_id(33),
        channel: dao::channel_id(p.dao_id, funding),
        member_funding_key: keypair(103).public_key(),
    };
    let stolen = KeyRotation { member_funding_key: keypair(44).public_key(), ..rotation };
    let forged = Entry::KeyRotation(stolen.sign(&world.secp, &keypair(44), &keypair(33), &AUX));
    assert_eq!(world.append(forged).unwrap_err().rule(), "G-90");
    world.append(Entry::KeyRotation(rotation.sign(&world.secp, &keypair(103), &keypair(33), &AUX))).unwrap();
    assert_eq!(world.vote(3, id, Choice::No).unwrap_err().rule(), "G-90");
    // The new key changes the member's ballot; the weight stays one member's.
    world.vote(33, id, Choice::Yes).unwrap();
    let sums = world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums, [1000, 0, 0, 0, 1, 10_000]);
    world.finish_epoch();
    assert_eq!(world.rolls.last().unwrap().weight(&member_id(3)), 1000, "rolls name the member, not the key");
    assert_eq!(world.rolls.last().unwrap().weight(&member_id(33)), 0);
    // G-25: the id is told beforehand as the log will have it.
    let told = world.state.id_if_said(&text("By the new key"), &member_id(3));
    assert_eq!(world.propose(33, text("By the new key")), told);
}

#[test]
fn two_entries_for_one_place_void_both() {
    let mut world = all_classes(|charter| charter.equivocation_suspension_epochs = 5);
    let content = text("Deposit");
    world.hold(3, &content, 400);
    let id = world.open_vote(1, text("Equivocated"));
    let lane = world.state.next_lane_header(member_id(3), 1);
    let ballot = |choice| LaneEntry::sign(&world.secp, lane, Ballot::new(id, choice, None), &keypair(3), &AUX);
    let (logged, hidden) = (Entry::Ballot(ballot(Choice::Yes)), Entry::Ballot(ballot(Choice::No)));
    world.vote(1, id, Choice::No).unwrap();
    world.append(logged.clone()).unwrap();
    assert!(Equivocation::new(logged.clone(), logged.clone()).is_err(), "saying the same twice is no offence");
    let proof = Equivocation::new(hidden, logged).unwrap();
    world.append(Entry::Equivocation(proof.clone())).unwrap();
    assert_eq!(world.append(Entry::Equivocation(proof)).unwrap_err().rule(), "G-98");
    let sums = world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums, [0, 1000, 0, 0, 1, 10_000]);
    assert_eq!(world.vote(3, id, Choice::Yes).unwrap_err().rule(), "G-98");
    let part = |member| world.state.part_in(&world.state.proposals()[&id], &member_id(member));
    assert_eq!((part(3), part(4)), (Some(VotePart::Void), Some(VotePart::Silent)));
    assert!(matches!(part(1), Some(VotePart::Counted(_))));
    // With the void yes it would be a tie; without, nobody is for it.
    assert_eq!(fate(&mut world, id).outcome, Outcome::NoQuorum);
    assert_eq!(world.rolls.last().unwrap().weight(&member_id(3)), 0, "suspended");
    let taken = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
    let taken: Vec<_> = taken.filter(|entry| entry.kind == AccountKind::DepositForfeited).collect();
    assert_eq!((taken.len(), taken[0].sat, taken[0].member), (1, 400, member_id(3)));
}

#[test]
fn what_members_have_seen_and_the_hub_keeps_out_stops_every_authorisation() {
    let mut world = all_classes(|charter| charter.forced_entry_delay_blocks = 6);
    let id = world.open_vote(1, spend("Nets", 5000));
    world.vote(1, id, Choice::Yes).unwrap();
    let hidden = world.sign(2, Ballot::new(id, Choice::No, None));
    let missing: EntryId = hidden.id();
    let note = SeenNote::new(Entry::Ballot(hidden), world.height).unwrap();
    assert_eq!(world.say(2, note.clone()).unwrap_err().rule(), "G-97", "the author has no place for it");
    for member in 3..=5 {
        world.say(member, note.clone()).unwrap();
    }
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    while world.state.ledger().closing_height() < close + 6 {
        world.finish_epoch();
    }
    assert_eq!(world.state.overdue_entries(world.state.size()), [missing]);
    assert_eq!(standing(&world, id).unwrap().fate, Fate::Waiting);
}

#[test]
fn dormant_weight_leaves_the_quorum_and_comes_back() {
    let vote = |speaks: bool| {
        let mut world = all_classes(|charter| {
            charter.dormant_after_epochs = 3;
            charter.classes[0].quorum = Quorum::YesOfTotalBp(5000);
        });
        (0..8).for_each(|_| world.finish_epoch());
        let id = world.open_vote(1, text("Who is awake"));
        for member in 1..=3 {
            world.vote(member, id, Choice::Yes).unwrap();
        }
        if speaks {
            // Four more say anything at all and count again.
            for member in 4..=7 {
                let comment = althing_governance::entry::Comment { proposal: id, parent: None, text: "Aye.".into() };
                world.say(member, comment).unwrap();
            }
        }
        // As it would be if it closed now (N-205); who casts a ballot now is awake.
        let so_far = |world: &World| world.state.bodies_so_far(&world.state.proposals()[&id])[0].dormant_weight;
        let proposal = &world.state.proposals()[&id];
        let cast = world.state.bodies_with(proposal, Some((&member_id(10), &[1])))[0].dormant_weight;
        let running = so_far(&world);
        let standing = fate(&mut world, id);
        assert_eq!((running, cast, so_far(&world)), (standing.dormant_weight, running - 1000, running));
        (standing.outcome, standing.dormant_weight)
    };
    assert_eq!(vote(false), (PASSED, 7000));
    assert_eq!(vote(true), (Outcome::NoQuorum, 3000));
}
