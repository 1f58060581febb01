//! Hazard: a vote whose end depends on when it was asked for, or that costs a count of all ballots with every head; a ballot that
//! the hub takes and nobody counts.

use althing_governance::ballots::Ballots;
use althing_governance::charter::{Body, Class, ClassRule, Quorum};
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Ballot, Choice, ProposalContent, ProposalOption};
use althing_governance::voting::{Count, Leader, System};
use althing_governance::{Charter, LogState, MemberId, ProposalId};
use proptest::prelude::*;

use crate::world::{EPOCH, IntoEntry as _, World, charter, member_id, text};

const MEMBERS: u8 = 6;

fn world(late_surge: bool) -> World {
    let mut charter: Charter = charter();
    let rule = ClassRule {
        voting_blocks: 18,
        quorum: Quorum::ParticipationBp(500),
        late_surge,
        final_ballots: !late_surge,
        early_decision: !late_surge,
        bodies: vec![Body::Members],
        systems: vec![System::YesNoAbstain, System::SingleChoice],
        ..ClassRule::new(Class::Text)
    };
    charter.classes = vec![rule];
    let mut world = World::with_charter(charter);
    (1..=MEMBERS).for_each(|member| world.join(member, 1000 * u64::from(member)));
    world.finish_epoch();
    world
}

/// Count of the ballots below a position, by hand: who delegates to whom is `to`, one step only.
fn count(world: &World, ballots: &Ballots, size: u64, to: &[(u8, u8, u64)]) -> Count {
    let roll = &world.rolls[0];
    let mut count = Count::new(System::YesNoAbstain, 0).unwrap();
    count.add_roll(roll.total()).unwrap();
    let voted: Vec<(MemberId, Vec<u16>)> =
        ballots.all_counted(size).map(|(member, record)| (member, record.fields.to_vec())).collect();
    for (member, fields) in &voted {
        let given = (1..=MEMBERS).filter(|from| {
            let newest = to.iter().rev().find(|(giver, _, position)| giver == from && *position < size);
            newest.is_some_and(|(_, taker, _)| member_id(*taker) == *member)
        });
        let silent = given.filter(|from| voted.iter().all(|(voter, _)| *voter != member_id(*from)));
        let weight: u128 = silent.map(|from| roll.weight(&member_id(from))).sum();
        count.add(fields, roll.weight(member) + weight).unwrap();
    }
    count
}

/// G-43 literally: every head of the last quarter up to the one that ends the vote, each with a count of its own.
fn surge(world: &World, id: ProposalId, to: &[(u8, u8, u64)]) -> u32 {
    let proposal = &world.state.proposals()[&id];
    let (schedule, rule) = (proposal.schedule.unwrap(), world.state.rule_of(proposal).unwrap().voting_rule());
    let quarter = (schedule.close - schedule.open).div_ceil(4);
    let heads: Vec<_> = world.state.heads().iter().map(|record| record.head).collect();
    let first = heads.iter().rposition(|head| head.tip_height < schedule.close - quarter).unwrap();
    let (mut end, mut leader): (u32, Option<Leader>) = (schedule.close, None);
    for head in &heads[first..] {
        if let Some(now) = count(world, &proposal.ballots, head.size, to).leading(&rule) {
            if leader.is_some_and(|before| before != now) && head.tip_height >= end - quarter {
                let extended = (head.tip_height + quarter).div_ceil(EPOCH) * EPOCH;
                end = extended.max(end).min(schedule.latest_close);
            }
            leader = Some(now);
        }
        if head.tip_height >= end {
            break;
        }
    }
    end
}

/// G-44 literally: the first boundary at which nobody who has not voted can change anything.
fn early(world: &World, id: ProposalId) -> u32 {
    let proposal = &world.state.proposals()[&id];
    let (schedule, rule) = (proposal.schedule.unwrap(), world.state.rule_of(proposal).unwrap().voting_rule());
    let boundaries = (schedule.open + 1..schedule.close).filter(|height| height % EPOCH == 0);
    let certain = boundaries.filter(|at| {
        let Some(record) = world.state.heads().iter().find(|record| record.head.tip_height >= *at) else {
            return false;
        };
        let own = count(world, &proposal.ballots, record.head.size, &[]);
        let voted: u128 =
            proposal.ballots.all_counted(record.head.size).map(|(member, _)| world.rolls[0].weight(&member)).sum();
        own.decided_early(&rule, own.weight() - voted)
    });
    certain.min().unwrap_or(schedule.close)
}

/// G-43 is asked for by a class; one that may only end early (G-44) is put off by nobody.
#[test]
fn a_lead_lost_late_puts_off_only_where_the_class_says_so() {
    for late_surge in [true, false] {
        let mut world = world(late_surge);
        let id = world.open_vote(1, text("When"));
        let schedule = world.state.proposals()[&id].schedule.unwrap();
        world.vote(5, id, Choice::Yes).unwrap();
        world.mine_to(schedule.close - 3);
        world.vote(6, id, Choice::No).unwrap();
        world.mine_to(schedule.latest_close + 1);
        let end = world.state.vote_end(&world.state.proposals()[&id]).unwrap();
        assert_eq!(end > schedule.close, late_surge, "it ended at {end}, its close is {}", schedule.close);
    }
}

/// G-43: the first head of the last quarter finds the options level; whoever led before has lost the lead to nobody yet.
#[test]
fn a_lead_is_remembered_while_options_are_level() {
    let mut world = world(true);
    let option = |label: &str| ProposalOption { label: label.into(), effects: Vec::new() };
    let options = vec![option("A pier"), option("A boat")];
    let id = world.open_vote(1, ProposalContent { system: System::SingleChoice, options, ..text("Build") });
    let schedule = world.state.proposals()[&id].schedule.unwrap();
    let quarter = (schedule.close - schedule.open).div_ceil(4);
    let vote = |world: &mut World, member, option| {
        world.say(member, Ballot { proposal: id, fields: vec![option], reason: None }).unwrap();
    };
    vote(&mut world, 5, 0);
    world.mine_to(schedule.close - quarter - 1);
    // 5,000 against 4,000 and 1,000.
    vote(&mut world, 4, 1);
    vote(&mut world, 1, 1);
    world.mine_to(schedule.close - 2);
    vote(&mut world, 2, 1);
    world.mine_to(schedule.latest_close + 1);
    let end = world.state.vote_end(&world.state.proposals()[&id]).unwrap();
    assert!(end > schedule.close, "it ended at {end}, its close is {}", schedule.close);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn an_end_is_what_a_count_at_every_head_says(
        late_surge in any::<bool>(),
        acts in proptest::collection::vec((0u32..3, 1..=MEMBERS, 0u8..4, 1..=MEMBERS), 1..40),
    ) {
        let mut world = world(late_surge);
        let id = world.open_vote(1, text("When"));
        let mut delegations = Vec::new();
        // Where a ballot is in the log, and whether the hub takes it by G-35.
        let mut taken = Vec::new();
        for (blocks, member, what, to) in acts {
            match what {
                3 => {
                    // No chains: whoever receives gives nothing on.
                    let (member, to) = (member % 3 + 4, to % 3 + 1);
                    let parts = vec![Part { to: member_id(to), share_bp: 10_000 }];
                    delegations.push((member, to, world.state.size()));
                    world.say(member, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
                }
                choice => {
                    let choice = [Choice::Yes, Choice::No, Choice::Abstain][usize::from(choice)];
                    let ballot = world.sign(member, Ballot::new(id, choice, None)).into_entry();
                    let hub = world.state.check_electorate(&ballot);
                    // Closed, or final: refused, and nothing changes.
                    if world.append(ballot).is_ok() {
                        taken.push((world.state.size() - 1, hub));
                    }
                }
            }
            (0..blocks).for_each(|_| world.mine());
        }
        let schedule = world.state.proposals()[&id].schedule.unwrap();
        world.mine_to(schedule.latest_close.max(world.height) + 1);
        let found = world.state.vote_end(&world.state.proposals()[&id]).unwrap();
        let expected = if late_surge { surge(&world, id, &delegations) } else { early(&world, id) };
        prop_assert_eq!(found, expected);
        // Whoever learns the roll only at the end comes to the same.
        let mut other = LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
        other.set_roll(1, world.rolls[0].clone());
        prop_assert_eq!(other.vote_end(&other.proposals()[&id]), Some(expected));
        prop_assert_eq!(&other, &world.state);
        // G-35: the hub takes what counts, and nothing else.
        let cutoff = world.state.heads().iter().find(|record| record.head.tip_height >= expected).unwrap().head.size;
        for (position, hub) in taken {
            prop_assert_eq!(hub.is_ok(), position < cutoff, "{:?} at {}, the vote ended at {}", hub, position, expected);
            if let Err(refusal) = hub {
                let words = refusal.to_string();
                prop_assert!(words.contains(&format!("G-35: the vote ended at height {expected}")), "{}", words);
            }
        }
        // What lies behind the end all the same changes no total.
        let proposal = &world.state.proposals()[&id];
        // With final ballots delegations are frozen, and all of these came later (G-44).
        let followed = if late_surge { &delegations[..] } else { &[] };
        prop_assert_eq!(proposal.live.as_ref().unwrap().count(), &count(&world, &proposal.ballots, cutoff, followed));
        for member in (1..=MEMBERS).map(member_id) {
            let position = |record: althing_governance::ballots::BallotRecord<'_>| record.position;
            let counted = world.state.counted_ballot(proposal, &member).map(position);
            prop_assert_eq!(counted, proposal.ballots.of(&member).map(position).find(|at| *at < cutoff));
        }
    }
}
