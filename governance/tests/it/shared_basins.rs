//! Hazard: open votes share what delegations say, and one is changed by a delegation that does not hold for it, or misses one
//! that does. At any time each vote's live totals are those counted from scratch from the book.

use std::sync::Arc;

use althing_governance::charter::Class;
use althing_governance::delegation::{Delegation, Electorate, Graph, Part, Scope, Tag, Topic, resolve};
use althing_governance::entry::{Choice, ProposalContent};
use althing_governance::voting::Count;
use althing_governance::{LogState, MemberId, ProposalId};
use proptest::prelude::*;

use crate::world::{World, member_id, spend, text};

const STAKES: [u64; 6] = [5000, 3000, 2000, 1500, 4000, 70];

/// Texts are open for longer than spends, and their delegations freeze when they open.
fn world() -> World {
    World::founded(&STAKES, |charter| {
        for rule in &mut charter.classes {
            rule.voting_blocks = 24;
        }
        let text = charter.classes.iter_mut().find(|rule| rule.class == Class::Text).unwrap();
        (text.voting_blocks, text.final_ballots) = (36, true);
    })
}

fn motion(number: usize, what: u8) -> ProposalContent {
    let title = format!("Motion {number}");
    let content = if what.is_multiple_of(2) { text(&title) } else { spend(&title, 1000) };
    let tags = [vec![], vec!["boats"], vec!["nets"], vec!["boats", "nets"]][usize::from(what / 2 % 4)].clone();
    ProposalContent { tags: tags.into_iter().map(|tag| Tag::new(tag).unwrap()).collect(), ..content }
}

fn delegation(world: &World, from: u8, what: u8) -> Delegation {
    let to = 1 + (from + what % 5) % 6;
    let tag = |tag| Scope::Tag(Tag::new(tag).unwrap());
    let scopes = [Scope::All, Scope::All, Scope::Class(Class::Spend), tag("boats"), tag("nets")];
    let (parts, expires) = match what % 7 {
        0 => (Vec::new(), None),
        1 => (vec![(to, 10_000)], Some(world.height + u32::from(what % 40))),
        2 if to != 6 && from != 6 => (vec![(to.min(6), 3_333), (6, 6_667)], None),
        _ => (vec![(to, 10_000)], None),
    };
    let mut parts: Vec<Part> = parts.into_iter().map(|(to, share_bp)| Part { to: member_id(to), share_bp }).collect();
    if let Some(part) = parts.first_mut().filter(|_| what.is_multiple_of(3)) {
        part.to = Part::ABSTAIN;
    }
    Delegation { scope: scopes[usize::from(what / 7 % 5)].clone(), parts, expires_height: expires }
}

/// The sums of a vote's standing ballots by a graph made anew, for those whose totals are followed.
fn fresh(state: &LogState, id: &ProposalId) -> Option<Vec<u128>> {
    let proposal = &state.proposals()[id];
    let (schedule, roll) = (proposal.schedule?, state.roll(proposal.snapshot_epoch)?);
    if state.tip_height()? >= schedule.latest_close {
        return None;
    }
    let topic = Topic { class: proposal.content.class, tags: proposal.content.tags.clone() };
    let cutoff = state.delegation_cutoff(proposal, u64::MAX);
    let electorate = Arc::new(Electorate::of_roll(roll).unwrap());
    let graph = Graph::of_book(electorate, state.delegations(), &topic, cutoff, schedule.close);
    let seat = |member: &MemberId| graph.electorate().seat(member);
    let ballots = || (1..=6).filter_map(|n| Some((member_id(n), proposal.ballots.standing(&member_id(n))?)));
    let flow = resolve(&graph, ballots().filter_map(|(member, _)| seat(&member)));
    let mut count = Count::new(proposal.content.system, proposal.content.option_count()).unwrap();
    count.add_roll(roll.total()).unwrap();
    count.add_standing(flow.abstained()).unwrap();
    for (member, record) in ballots() {
        count.add(record.fields, seat(&member).map_or(0, |seat| flow.received(&graph, seat))).unwrap();
    }
    Some(count.sums())
}

/// Plays; returns how many comparisons there were.
fn play(acts: &[(u8, u8, u8)]) -> usize {
    let (mut world, mut ids, mut compared) = (world(), Vec::new(), 0);
    for (number, (kind, who, what)) in acts.iter().enumerate() {
        let member = 1 + who % 6;
        match kind % 8 {
            0 | 1 => ids.push(world.propose(member, motion(number, *what))),
            2 | 3 => world.mine(),
            4 | 5 => {
                let said = delegation(&world, member, *what);
                // Some name themselves or are over already: the log refuses those.
                let _ = world.say(member, said);
            }
            _ => {
                let choice = [Choice::Yes, Choice::No, Choice::Abstain][usize::from(what % 3)];
                if let Some(id) = ids.iter().rev().nth(usize::from(what / 3 % 6)) {
                    let _ = world.vote(member, *id, choice);
                }
            }
        }
        for id in &ids {
            if let Some(expected) = fresh(&world.state, id) {
                let live = world.state.proposals()[id].live.as_ref().unwrap();
                assert_eq!(live.count().sums(), expected, "{number}: {}", world.state.proposals()[id].content.title);
                compared += 1;
            }
        }
    }
    compared
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn each_vote_follows_its_own_delegations(acts in proptest::collection::vec(any::<(u8, u8, u8)>(), 60..120)) {
        prop_assert!(play(&acts) > 100);
    }
}
