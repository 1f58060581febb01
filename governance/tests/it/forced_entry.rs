//! Hazard: a hub that keeps an entry out of the log for ever, and a stranger who stops everything with an entry that nobody
//! could log.

use althing_governance::entry::{Ballot, Choice, Comment, Entry};
use althing_governance::ledger::Fate;
use althing_governance::{EntryId, ProposalId};

use crate::world::{IntoEntry as _, World, charter, member_id, spend};

/// Two members, an open vote on a spend, and forced entries due after six blocks.
fn voting() -> (World, ProposalId) {
    let mut charter = charter();
    charter.forced_entry_delay_blocks = 6;
    charter.classes[1].veto_blocks = 12;
    let mut world = World::with_charter(charter);
    (1..=2).for_each(|member| world.join(member, 5000));
    world.finish_epoch();
    let id = world.open_vote(1, spend("Nets", 5000));
    world.vote(1, id, Choice::Yes).unwrap();
    (world, id)
}

fn fate_after_all(world: &mut World, id: ProposalId) -> Fate {
    let authorised = world.state.proposals()[&id].schedule.unwrap().authorised_at;
    while world.state.ledger().closing_height() < authorised + 12 {
        world.finish_epoch();
    }
    world.assert_reproducible();
    world.state.ledger().standing(&id).unwrap().fate
}

#[test]
fn what_is_on_bitcoin_and_not_in_the_log_stops_every_authorisation() {
    // Kept out; logged after all; the member went on without it; on Bitcoin too late for the delay of any header here.
    for (logged, goes_on, expected) in
        [(false, false, Fate::Waiting), (true, false, Fate::Effective), (false, true, Fate::Effective)]
    {
        let (mut world, id) = voting();
        let ballot = world.sign(2, Ballot::new(id, Choice::Abstain, None)).into_entry();
        world.state.see_on_bitcoin(ballot.clone(), world.height + 1).unwrap();
        world.mine();
        if logged {
            world.append(ballot.clone()).unwrap();
        }
        if goes_on {
            world.vote(2, id, Choice::Yes).unwrap();
        }
        assert_eq!(fate_after_all(&mut world, id), expected, "logged {logged}, goes on {goes_on}");
        let missing: Vec<EntryId> = if expected == Fate::Waiting { vec![ballot.id()] } else { Vec::new() };
        assert_eq!(world.state.overdue_entries(world.state.size()), missing);
    }
}

#[test]
fn garbage_on_bitcoin_stops_nothing() {
    let (mut world, id) = voting();
    let comment = || Comment { proposal: id, parent: None, text: "Aye.".into() };
    // Of nobody; with a gap; of a proposal that is not there.
    let of_nobody = world.sign(77, comment()).into_entry();
    let mut gap = world.sign(2, comment());
    gap.lane.sequence += 1;
    let astray = world.sign(2, Comment { proposal: ProposalId([9; 32]), ..comment() }).into_entry();
    for entry in [of_nobody, Entry::Comment(gap), astray] {
        world.state.see_on_bitcoin(entry, world.height + 1).unwrap();
    }
    // What needs the hub's part, or is only the hub's to say, cannot be forced at all.
    let bind = world.sign(2, world.bind(9, 5000)).into_entry();
    assert_eq!(world.state.see_on_bitcoin(bind, world.height + 1).unwrap_err().rule(), "G-107");
    let late = world.sign(2, comment()).into_entry();
    assert_eq!(world.state.see_on_bitcoin(late, world.height).unwrap_err().rule(), "G-107");
    world.mine();
    assert_eq!(fate_after_all(&mut world, id), Fate::Effective);
    assert!(world.state.members().contains_key(&member_id(2)));
}
