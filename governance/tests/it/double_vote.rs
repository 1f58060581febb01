//! Hazard: a vote that counts twice, or a change of mind that does not count.

use althing_governance::Entry;
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{Choice, Equivocation};
use althing_governance::tally::Sums;

use crate::world::{IntoEntry as _, World, member_id, text};

#[test]
fn the_last_ballot_counts_once() {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let id = world.open_vote(1, text("A new boat"));
    let live = |world: &World| Sums::of(world.state.proposals()[&id].live.as_ref().unwrap().count()).unwrap();
    let steps = [
        (1, Choice::Yes, Sums { yes: 5000, no: 0, abstain: 0, standing: 0, ballots: 1, weight: 10_000 }),
        (2, Choice::No, Sums { yes: 5000, no: 3000, abstain: 0, standing: 0, ballots: 2, weight: 10_000 }),
        (1, Choice::Yes, Sums { yes: 5000, no: 3000, abstain: 0, standing: 0, ballots: 2, weight: 10_000 }),
        (1, Choice::Abstain, Sums { yes: 0, no: 3000, abstain: 5000, standing: 0, ballots: 2, weight: 10_000 }),
        (3, Choice::Yes, Sums { yes: 2000, no: 3000, abstain: 5000, standing: 0, ballots: 3, weight: 10_000 }),
        (1, Choice::No, Sums { yes: 2000, no: 8000, abstain: 0, standing: 0, ballots: 3, weight: 10_000 }),
    ];
    for (member, choice, expected) in steps {
        world.vote(member, id, choice).unwrap();
        assert_eq!(live(&world), expected, "after {member} voted {choice:?}");
    }
}

#[test]
fn one_outpoint_bound_once_and_two_channels_of_one_member_are_one_voter() {
    let mut world = World::empty();
    world.join(1, 5000);
    let second = world.bind_for(1, 2, 4000);
    let funding = second.funding;
    world.say(1, second).unwrap();
    world.facts.push(althing_governance::FundingFact {
        outpoint: funding,
        value_sat: 4000,
        height: 50,
        spent_height: None,
        successor: None,
        released_height: None,
    });
    let checkpoint = world.checkpoint(1, funding, 4000);
    world.append(checkpoint).unwrap();
    world.finish_epoch();
    let id = world.open_vote(1, text("A new boat"));
    world.vote(1, id, Choice::Yes).unwrap();
    let expected = Sums { yes: 9000, no: 0, abstain: 0, standing: 0, ballots: 1, weight: 9000 };
    let live = world.state.proposals()[&id].live.as_ref().unwrap();
    assert_eq!(Sums::of(live.count()), Some(expected));
}

/// G-98, L-7: a proof makes void what stands in one place, and not what replaced it before.
#[test]
fn a_delegation_that_replaced_a_void_one_stands() {
    let to = |member| Delegation {
        scope: Scope::All,
        parts: vec![Part { to: member_id(member), share_bp: 10_000 }],
        expires_height: None,
    };
    for (is_replaced, no) in [(true, 5000), (false, 3000)] {
        let mut world = World::with_stakes(&[5000, 3000, 2000]);
        let [logged, hidden] = [to(2), to(1)].map(|delegation| world.sign(3, delegation).into_entry());
        world.append(logged.clone()).unwrap();
        if is_replaced {
            world.say(3, to(2)).unwrap();
        }
        let id = world.open_vote(1, text("A new boat"));
        world.append(Entry::Equivocation(Equivocation::new(logged, hidden).unwrap())).unwrap();
        world.vote(2, id, Choice::No).unwrap();
        let live = world.state.proposals()[&id].live.as_ref().unwrap().count().sums();
        assert_eq!(world.fate(id).count.sums(), [0, no, 0, 0, 1, 10_000], "replaced: {is_replaced}");
        assert_eq!(live, [0, no, 0, 0, 1, 10_000], "while it was open; replaced: {is_replaced}");
    }
}
