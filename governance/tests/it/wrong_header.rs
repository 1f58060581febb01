//! Hazard: an epoch header that is not what the log says; and proofs under the right one that show something else.

use althing_governance::charter::Class;
use althing_governance::entry::Choice;
use althing_governance::epoch::{CloseError, RollStatement, close, due_boundary};
use althing_governance::lifecycle::Phase;
use althing_governance::tally::{Outcome, Sums};
use althing_governance::{Canonical as _, EpochHeader, LogState, ProposalId};

use crate::world::{World, block_hash, charter, member_id, spend, text};

struct Story {
    world: World,
    text: ProposalId,
    small: ProposalId,
    large: ProposalId,
}

/// Three votes: a text that is rejected, a small and a large spend that pass; closed by one epoch.
fn story() -> Story {
    let mut world = World::with_stakes(&[5000, 3000, 2000]);
    let text = world.propose(1, text("A new boat"));
    let small = world.propose(2, spend("Nets", 20_000));
    let large = world.propose(3, spend("Harbour", 5_000_000));
    world.mine();
    for (member, choices) in [(1, [Choice::No, Choice::Yes, Choice::Yes]), (2, [Choice::Yes, Choice::No, Choice::Yes])]
    {
        for (proposal, choice) in [text, small, large].into_iter().zip(choices) {
            world.vote(member, proposal, choice).unwrap();
        }
    }
    Story { world, text, small, large }
}

fn close_past(world: &mut World, height: u32) {
    while world.height < height {
        world.finish_epoch();
    }
}

#[test]
fn decisions_gates_and_authorisations_over_epochs() {
    let Story { mut world, text, small, large } = story();
    let schedule = world.state.proposals()[&large].schedule.unwrap();
    assert_eq!(schedule.authorised_at, schedule.close + 12);
    close_past(&mut world, schedule.close);
    let deciding = world.headers.iter().position(|h| h.closing_height >= schedule.close).unwrap();
    let closed = world.closes[deciding].clone();
    let leaf = |closed: &althing_governance::EpochClose, id: &ProposalId| {
        closed.prove_decision(id).unwrap().verify(&closed.header, id).unwrap()
    };

    let rejected = leaf(&closed, &text);
    assert_eq!((rejected.outcome, rejected.class, rejected.gate), (Outcome::Rejected, Class::Text, None));
    assert_eq!(rejected.decided_epoch, closed.header.epoch);
    assert!(rejected.authorisation.is_none());

    // Gates go out with authorisations, so that what a guardian stops takes none.
    let gates = world.state.params().gates.clone();
    for (id, gate) in [(small, Some(gates[0])), (large, None)] {
        let decided = leaf(&closed, &id);
        assert_eq!((decided.outcome, decided.gate), (Outcome::Passed { option: None }, gate));
    }
    // Without a veto window the small one is authorised at once, the large one is not.
    let authorised = leaf(&closed, &small).authorisation.unwrap();
    assert_eq!((authorised.amount_sat, authorised.height), (21_000, schedule.close));
    assert_eq!(authorised.expires_height, schedule.close + 100);
    assert!(leaf(&closed, &large).authorisation.is_none());
    assert_eq!(closed.decisions.root().sums, [21_000]);

    close_past(&mut world, schedule.authorised_at);
    let later = world.closes.last().unwrap().clone();
    let decided = leaf(&later, &large);
    assert_eq!(decided.decided_epoch, closed.header.epoch);
    assert_eq!((decided.authorisation.unwrap().amount_sat, decided.gate), (5_001_000, Some(gates[1])));
    assert_eq!(later.decisions.root().sums, [21_000 + 5_001_000]);
    assert_eq!(leaf(&later, &small), leaf(&closed, &small));
    let record = &world.state.proposals()[&large];
    assert_eq!(world.state.phase(record), Phase::Authorised { expires_at: schedule.expires_at });

    // A third spend finds no gate and is never authorised.
    let third = world.open_vote(1, spend("Rope", 1000));
    world.vote(1, third, Choice::Yes).unwrap();
    let close = world.state.proposals()[&third].schedule.unwrap().close;
    close_past(&mut world, close + 1);
    let decided = leaf(world.closes.last().unwrap(), &third);
    assert_eq!((decided.outcome, decided.gate, decided.authorisation), (Outcome::Passed { option: None }, None, None));
}

#[test]
fn a_header_is_a_function_of_the_prefix() {
    let Story { mut world, .. } = story();
    let header = world.close_epoch();
    let boundary = header.closing_height;
    let earlier = world.headers[..world.headers.len() - 1].to_vec();
    let roll = world.rolls.last().unwrap().clone();
    // More votes, blocks and members later.
    let open = world.state.proposals().keys().copied().find(|id| {
        let schedule = world.state.proposals()[id].schedule.unwrap();
        schedule.is_open(world.height)
    });
    if let Some(open) = open {
        world.vote(1, open, Choice::Abstain).unwrap();
    }
    world.join(7, 50_000);
    world.mine_to(boundary + 9);
    let again = close(&world.state, &earlier, boundary, block_hash(boundary), &roll).unwrap();
    assert_eq!(again.header, header);
    // And of a replay.
    let mut replayed = LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
    replayed.set_roll(1, world.rolls[0].clone());
    assert_eq!(close(&replayed, &earlier, boundary, block_hash(boundary), &roll).unwrap().header, header);
}

#[test]
fn a_dropped_or_changed_ballot_gives_another_header() {
    let headers: Vec<EpochHeader> = (0..3)
        .map(|variant| {
            let Story { mut world, text, .. } = story();
            match variant {
                0 => {}
                1 => drop(world.vote(3, text, Choice::Yes).unwrap()),
                _ => drop(world.vote(3, text, Choice::No).unwrap()),
            }
            world.close_epoch()
        })
        .collect();
    let fields = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| headers[a].difference(&headers[b]).unwrap().field);
    assert_eq!(fields, ["log_size", "log_size", "log_root"]);
    assert_ne!(headers[1].ballots_root, headers[2].ballots_root);
    assert_eq!(headers[0].difference(&headers[0]), None);
}

#[test]
fn a_ballot_tree_is_committed_from_open_to_close_and_final_once() {
    let Story { mut world, text, .. } = story();
    let schedule = world.state.proposals()[&text].schedule.unwrap();
    close_past(&mut world, schedule.close + 12);
    let mut finals = 0;
    for closed in &world.closes {
        let height = closed.header.closing_height;
        let before = closed.header.epoch.checked_sub(2).map_or(0, |i| world.headers[i as usize].closing_height);
        let due = schedule.open <= height && schedule.close > before;
        assert_eq!(closed.ballots.contains_key(&text), due, "at {height}");
        assert_eq!(closed.prove_decision(&text).is_some(), schedule.close <= height, "at {height}");
        if due {
            let proof = closed.prove_ballot(&text, &member_id(1)).unwrap();
            let shown = proof.verify(&closed.header, &text, &member_id(1)).unwrap();
            assert_eq!(shown.stage.is_final(), schedule.close <= height);
            finals += u32::from(shown.stage.is_final());
            // The roll it was counted with is under the same header.
            closed.prove_weight(1, &member_id(1)).unwrap().verify(&closed.header, 1, &member_id(1)).unwrap();
        }
    }
    assert_eq!(finals, 1);
}

#[test]
fn a_close_on_the_boundary_of_the_epoch_before_is_over() {
    let mut world = World::with_stakes(&[5000]);
    let id = world.open_vote(1, text("A new boat"));
    let schedule = world.state.proposals()[&id].schedule.unwrap();
    world.mine_to(schedule.close - 6);
    let header = world.close_epoch();
    assert_eq!(header.closing_height, schedule.close);
    assert!(world.closes.last().unwrap().ballots.contains_key(&id));
    world.close_epoch();
    assert!(world.closes.last().unwrap().ballots.is_empty());
}

#[test]
fn the_first_differing_field_is_named() {
    let Story { mut world, .. } = story();
    let ours = world.close_epoch();
    type Change = fn(&mut EpochHeader);
    let table: [(&str, Change); 10] = [
        ("network", |h| h.network.0[0] ^= 1),
        ("dao", |h| h.dao.0[0] ^= 1),
        ("epoch", |h| h.epoch += 1),
        ("prev_header", |h| h.prev_header.0[0] ^= 1),
        ("log_root", |h| h.log_root.0[0] ^= 1),
        ("ballots_root", |h| h.ballots_root[0] ^= 1),
        ("rolls_root", |h| h.rolls_root[0] ^= 1),
        ("decisions_root", |h| h.decisions_root[0] ^= 1),
        ("closing_height", |h| h.closing_height += 6),
        ("spare_seal", |h| h.spare_seal.vout += 1),
    ];
    for (field, change) in table {
        let mut theirs = ours;
        change(&mut theirs);
        assert_eq!(ours.difference(&theirs).unwrap().field, field);
        assert_ne!(ours.hash(), theirs.hash());
    }
}

#[test]
fn epochs_that_cannot_close() {
    let Story { mut world, text, .. } = story();
    let header = world.close_epoch();
    let (state, headers) = (&world.state, &world.headers);
    let roll = &world.rolls[0];
    let hash = block_hash(0);
    for height in [header.closing_height, header.closing_height - 6, header.closing_height + 1, 0] {
        assert!(matches!(close(state, headers, height, hash, roll), Err(CloseError::Height { .. })), "{height}");
    }
    let future = header.closing_height + 6;
    assert_eq!(close(state, headers, future, hash, roll), Err(CloseError::NotYet { height: future }));
    assert!(matches!(close(state, &headers[1..], future, hash, roll), Err(CloseError::BrokenChain { epoch: 2 })));
    let blind = LogState::replay(state.params().clone(), world.log.clone()).unwrap();
    let error = close(&blind, &headers[..1], header.closing_height, hash, roll).unwrap_err();
    assert!(matches!(error, CloseError::EpochRollMissing { epoch: 1 }), "{error}");
    assert_eq!(state.phase(&state.proposals()[&text]).name(), "voting");
}

#[test]
fn a_late_epoch_may_pass_over_boundaries() {
    let c = charter(); // epochs of 6 blocks, final at depth 2
    let table = [(0, 0, None), (0, 7, None), (0, 8, Some(6)), (6, 13, None), (6, 14, Some(12)), (6, 40, Some(36))];
    for (previous, tip, expected) in table {
        assert_eq!(due_boundary(&c, previous, tip), expected, "after {previous} at {tip}");
    }
    assert_eq!(due_boundary(&c, 0, u32::MAX), Some(u32::MAX - 2 - (u32::MAX - 2) % 6));
}

#[test]
fn a_ballot_proof_shows_the_ballot_and_nothing_else() {
    let Story { mut world, text, small, .. } = story();
    let header = world.close_epoch();
    let closed = world.closes.last().unwrap();
    let proof = closed.prove_ballot(&text, &member_id(1)).unwrap();
    let shown = proof.verify(&header, &text, &member_id(1)).unwrap();
    assert_eq!((shown.weight, shown.electorate, shown.stage.is_final()), (5000, 3, false));
    let expected = Sums { yes: 3000, no: 5000, abstain: 0, standing: 0, ballots: 2, weight: 10_000 };
    assert_eq!(shown.totals.question(), Some(expected));
    assert_eq!(shown.leaf.ballot().unwrap().fields, [Choice::No.field()]);

    // Member 3 did not vote, and that is shown too.
    let silent = closed.prove_ballot(&text, &member_id(3)).unwrap();
    assert_eq!(silent.verify(&header, &text, &member_id(3)).unwrap().leaf.ballot(), None);

    proof.verify(&header, &small, &member_id(1)).unwrap_err();
    proof.verify(&header, &text, &member_id(2)).unwrap_err();
    proof.verify(&world.headers[0], &text, &member_id(1)).unwrap_err();
    // The right ballot tree under another proposal's root.
    let mut crossed = proof.clone();
    crossed.root = closed.prove_ballot(&small, &member_id(1)).unwrap().root;
    crossed.verify(&header, &small, &member_id(1)).unwrap_err();

    let bytes = proof.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(forged) = althing_governance::epoch::BallotProof::from_bytes(&changed) {
            assert!(forged.verify(&header, &text, &member_id(1)).is_err(), "byte {at}");
        }
    }
}

#[test]
fn a_roll_proof_shows_the_weight() {
    let Story { mut world, .. } = story();
    let header = world.close_epoch();
    let closed = world.closes.last().unwrap();
    let proof = closed.prove_weight(1, &member_id(2)).unwrap();
    assert_eq!(
        proof.verify(&header, 1, &member_id(2)),
        Ok(RollStatement { weight: 3000, total: 10_000, electorate: 3 })
    );
    proof.verify(&header, 2, &member_id(2)).unwrap_err();
    proof.verify(&header, 1, &member_id(1)).unwrap_err();
    assert!(closed.prove_weight(1, &member_id(9)).is_none());
    let absent = closed.roll_trees[&1].prove_absence(&member_id(9).0).unwrap();
    let commitment = closed.roll_trees[&1].commitment();
    absent.verify(althing_governance::tree::TreePurpose::Roll, &member_id(9).0, &commitment).unwrap();
}
