//! Hazard: a vote that opens, closes, or pays at another height than everybody thinks.

use althing_governance::entry::Choice;
use althing_governance::lifecycle::{Phase, Schedule};
use althing_governance::tally::Outcome;

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
    let schedule = Schedule { logged: 102, open: 108, close: 114, authorised_at: 120, expires_at: 220 };
    let table = [
        (102, None, Phase::Review { opens_at: 108 }, Some(6)),
        (107, None, Phase::Review { opens_at: 108 }, Some(1)),
        (108, None, Phase::Voting { closes_at: 114 }, Some(6)),
        (113, Some(Outcome::Passed), Phase::Voting { closes_at: 114 }, Some(1)),
        (114, None, Phase::Closed, None),
        (300, None, Phase::Closed, None),
        (114, Some(Outcome::Rejected), Phase::Rejected, None),
        (114, Some(Outcome::NoQuorum), Phase::NoQuorum, None),
        (114, Some(Outcome::Tied), Phase::Tied, None),
        (114, Some(Outcome::Passed), Phase::Passed { authorised_at: 120 }, Some(6)),
        (119, Some(Outcome::Passed), Phase::Passed { authorised_at: 120 }, Some(1)),
        (120, Some(Outcome::Passed), Phase::Authorised { expires_at: 220 }, Some(100)),
        (219, Some(Outcome::Passed), Phase::Authorised { expires_at: 220 }, Some(1)),
        (220, Some(Outcome::Passed), Phase::Expired, None),
    ];
    for (tip, outcome, phase, left) in table {
        assert_eq!(schedule.phase(tip, &spend("Nets", 5).effect, outcome), phase, "at {tip}");
        assert_eq!(phase.blocks_left(tip), left, "at {tip}");
        assert_eq!(schedule.is_open(tip), matches!(phase, Phase::Voting { .. }), "at {tip}");
    }
    // A text has nothing to authorise.
    let passed = schedule.phase(300, &text("A new boat").effect, Some(Outcome::Passed));
    assert_eq!(passed, Phase::Passed { authorised_at: 120 });
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
