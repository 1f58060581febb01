//! Hazard: a vote that opens, closes, or pays at another height than everybody thinks.

use althing_governance::entry::Choice;
use althing_governance::lifecycle::{Phase, Schedule};

use crate::world::{World, charter, spend, text};

#[test]
fn schedules() {
    // review, voting, veto, logged at -> open, close, authorised, expires (epochs of 6, spend expires after 100)
    let table = [
        (0, 6, 0, 102, [102, 108, 108, 208]),
        (0, 6, 0, 103, [103, 114, 114, 214]),
        (0, 7, 12, 102, [102, 114, 126, 226]),
        (1, 6, 5, 102, [108, 114, 119, 219]),
        (6, 6, 0, 102, [108, 114, 114, 214]),
        (7, 1, 0, 102, [114, 120, 120, 220]),
        (0, 1, 0, 0, [0, 6, 6, 106]),
        (0, 6, 0, u32::MAX, [u32::MAX; 4]),
        (u32::MAX, u32::MAX, u32::MAX, 1, [u32::MAX; 4]),
    ];
    for (review, voting, veto, logged, expected) in table {
        let charter = charter();
        let mut rule = charter.classes[1].clone();
        (rule.review_blocks, rule.voting_blocks, rule.veto_blocks) = (review, voting, veto);
        let s = Schedule::new(&charter, &rule, &spend("Nets", 5), logged);
        assert_eq!([s.open, s.close, s.authorised_at, s.expires_at], expected, "{review} {voting} {veto} at {logged}");
        assert_eq!(s.logged, logged);
    }
    // The class limits a spend that asks for longer.
    let charter = charter();
    let mut rule = charter.classes[1].clone();
    rule.expiry_blocks = 10;
    assert_eq!(Schedule::new(&charter, &rule, &spend("Nets", 5), 102).expires_at, 118);
}

#[test]
fn phases_at_each_height() {
    let mut world = World::with_charter({
        let mut charter = charter();
        for rule in &mut charter.classes {
            (rule.review_blocks, rule.veto_blocks, rule.expiry_blocks) = (6, 6, 12);
        }
        charter
    });
    world.join(1, 5000);
    world.finish_epoch();
    let (nets, boat) = (world.propose(1, spend("Nets", 5000)), world.propose(1, text("A new boat")));
    world.mine();
    let s = world.state.proposals()[&nets].schedule.unwrap();
    assert_eq!([s.close - s.open, s.authorised_at - s.close, s.expires_at - s.authorised_at], [6, 6, 12]);
    let (mut of_nets, mut of_boat) = (Vec::new(), Vec::new());
    while world.height < s.expires_at + 6 {
        let tip = world.height;
        for (id, phases) in [(nets, &mut of_nets), (boat, &mut of_boat)] {
            let proposal = &world.state.proposals()[&id];
            let phase = world.state.phase(proposal);
            let is_open = matches!(phase, Phase::Voting { .. });
            assert_eq!(proposal.schedule.unwrap().is_open(tip), is_open, "at {tip}");
            if let Some(left) = phase.blocks_left(tip) {
                assert!(left > 0 || phase.name() == "passed", "{phase:?} at {tip}");
            }
            if phases.last() != Some(&phase.name()) {
                phases.push(phase.name());
            }
        }
        if tip == s.open {
            world.vote(1, nets, Choice::Yes).unwrap();
            world.vote(1, boat, Choice::Yes).unwrap();
        }
        if tip + 3 >= (tip / 6 + 1) * 6 && tip + 1 >= s.close - 1 {
            world.finish_epoch();
        } else {
            world.mine();
        }
    }
    assert_eq!(of_nets, ["review", "voting", "passed", "authorised", "expired"]);
    // A text has nothing to authorise.
    assert_eq!(of_boat, ["review", "voting", "passed"]);
}

#[test]
fn an_outcome_shows_only_once_its_header_is_final() {
    let mut world = World::with_stakes(&[5000]);
    let id = world.propose(1, text("A new boat"));
    let phase = |world: &World| world.state.phase(&world.state.proposals()[&id]).name();
    assert_eq!(phase(&world), "logged");
    world.mine();
    world.vote(1, id, Choice::Yes).unwrap();
    assert_eq!(phase(&world), "voting");
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    world.mine_to(close - 6);
    let header = world.close_epoch();
    assert_eq!((header.closing_height, phase(&world)), (close, "closed"));
    // The link is mined and final two blocks later; only then the outcome is told.
    world.mine_to(close + 2);
    assert_eq!(phase(&world), "closed");
    let anchored = world.anchored(header, close + 1);
    world.note_anchored(anchored);
    assert_eq!(phase(&world), "passed");
}

#[test]
fn an_entry_has_the_height_of_the_first_head_that_covers_it() {
    let mut world = World::with_stakes(&[5000]);
    let position = world.state.size();
    world.propose(1, text("A new boat"));
    assert_eq!(world.state.entry_height(position), None);
    world.mine();
    let height = world.height;
    world.mine();
    assert_eq!(world.state.entry_height(position), Some(height));
    // A head does not cover itself.
    assert_eq!(world.state.entry_height(position + 1), Some(height + 1));
}
