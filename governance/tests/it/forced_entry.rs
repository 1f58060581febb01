//! Hazard: a hub that keeps an entry out of the log for ever, and a stranger who stops everything with an entry that nobody
//! could log.

use althing_governance::entry::{Ballot, Choice, Comment, Entry, Equivocation, KeyRotation, SeenNote};
use althing_governance::ledger::Fate;
use althing_governance::{EntryId, ProposalId, dao};
use bitcoin::OutPoint;

use crate::world::{AUX, IntoEntry as _, World, charter, keypair, member_id, spend, txid};

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
    // Kept out; logged after all; the member went on without it.
    for (logged, goes_on, expected) in
        [(false, false, Fate::Waiting), (true, false, Fate::Effective), (false, true, Fate::Effective)]
    {
        let (mut world, id) = voting();
        let ballot = world.sign(2, Ballot::new(id, Choice::Abstain, None)).into_entry();
        world.state.see_on_bitcoin(ballot.clone(), world.height + 1).unwrap();
        // In a block, and final.
        (0..2).for_each(|_| world.mine());
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
    assert_eq!(world.state.see_on_bitcoin(late, world.height - 1).unwrap_err().rule(), "G-107");
    (0..2).for_each(|_| world.mine());
    assert_eq!(fate_after_all(&mut world, id), Fate::Effective);
    assert!(world.state.members().contains_key(&member_id(2)));
}

/// Member 2 would speak with key `new`.
fn rotation(world: &World, new: u8) -> Entry {
    let p = world.state.params();
    let rotation = KeyRotation {
        network: p.network,
        dao: p.dao_id,
        old_key: member_id(2),
        new_key: member_id(new),
        channel: dao::channel_id(p.dao_id, OutPoint { txid: txid(2), vout: 0 }),
        member_funding_key: keypair(102).public_key(),
    };
    Entry::KeyRotation(rotation.sign(&world.secp, &keypair(102), &keypair(new), &AUX))
}

/// Proofs that member 2 equivocated, about one place.
fn proofs(world: &World, id: ProposalId) -> [Entry; 2] {
    let ballot = |choice| world.sign(2, Ballot::new(id, choice, None)).into_entry();
    let proof = |other| Entry::Equivocation(Equivocation::new(ballot(Choice::Yes), ballot(other)).unwrap());
    [proof(Choice::No), proof(Choice::Abstain)]
}

#[test]
fn of_two_that_exclude_each_other_one_is_forced() {
    // A member that could force both would stop everything for ever: no log has both.
    let pairs: [fn(&World, ProposalId) -> [Entry; 2]; 3] = [
        |world, _| [rotation(world, 22), rotation(world, 23)],
        proofs,
        |world, id| [Choice::Yes, Choice::No].map(|choice| world.sign(2, Ballot::new(id, choice, None)).into_entry()),
    ];
    for pair in pairs {
        for is_same_block in [true, false] {
            let (mut world, id) = voting();
            let [one, other] = pair(&world, id);
            world.state.see_on_bitcoin(one.clone(), world.height + 1).unwrap();
            world.state.see_on_bitcoin(other.clone(), world.height + if is_same_block { 1 } else { 2 }).unwrap();
            (0..3).for_each(|_| world.mine());
            if is_same_block {
                world.mine_to(world.height + 6);
                assert_eq!(world.state.overdue_entries(world.state.size()), [one.id()], "the first in the chain");
                continue;
            }
            // Kept out for two blocks, in which the other was forced as well; then one is logged, and the other is moot.
            world.append(one.clone()).unwrap();
            assert_eq!(fate_after_all(&mut world, id), Fate::Effective);
            assert_eq!(world.state.overdue_entries(world.state.size()), []);
        }
    }
}

#[test]
fn a_key_that_was_replaced_holds_nothing_up() {
    for by_notes in [false, true] {
        let mut charter = charter();
        charter.forced_entry_delay_blocks = 6;
        charter.classes[1].veto_blocks = 12;
        let mut world = World::with_charter(charter);
        (1..=5).for_each(|member| world.join(member, 5000));
        world.finish_epoch();
        let id = world.open_vote(1, spend("Nets", 5000));
        (1..=5).filter(|member| *member != 2).for_each(|member| {
            world.vote(member, id, Choice::Yes).unwrap();
        });
        let ballot = world.sign(2, Ballot::new(id, Choice::Abstain, None)).into_entry();
        match by_notes {
            true => (3..=5).for_each(|member| {
                let note = SeenNote::new(ballot.clone(), world.height).unwrap();
                world.say(member, note).unwrap();
            }),
            false => world.state.see_on_bitcoin(ballot.clone(), world.height + 1).unwrap(),
        }
        (0..2).for_each(|_| world.mine());
        // From here on nobody can log what the old key signed.
        let entry = rotation(&world, 22);
        world.append(entry).unwrap();
        assert_eq!(world.append(ballot).unwrap_err().rule(), "G-90");
        assert_eq!(fate_after_all(&mut world, id), Fate::Effective, "by notes: {by_notes}");
    }
}

#[test]
fn what_rests_on_another_forced_entry_is_forced_too() {
    let (mut world, id) = voting();
    let first = world.sign(2, Ballot::new(id, Choice::Yes, None)).into_entry();
    // A copy of the world that has the first: so the second can be signed.
    let before = world.state.clone();
    world.state.apply(world.state.size(), first.clone()).unwrap();
    let second = world.sign(2, Comment { proposal: id, parent: None, text: "Aye.".into() }).into_entry();
    world.state = before;
    assert_eq!(world.state.loggable([&second, &first]), [1], "the order is the chain's");
    assert_eq!(world.state.loggable([&first, &second]), [0, 1]);
    for entry in [&first, &second] {
        world.state.see_on_bitcoin(entry.clone(), world.height + 1).unwrap();
    }
    let mined = world.height + 1;
    world.mine_to(mined + 6);
    let mut expected = vec![first.id(), second.id()];
    expected.sort_unstable();
    assert_eq!(world.state.overdue_entries(world.state.size()), expected);
    // Due at the height at which the delay is over, and no block before.
    let size = world.state.first_head_at(mined + 5).unwrap().head.size;
    assert_eq!(world.state.overdue_entries(size), []);
}

#[test]
fn each_block_is_weighed_once() {
    let (mut world, _) = voting();
    let tip = world.height;
    // A block is final with one more on top of it here.
    assert_eq!(world.state.heights_to_weigh(tip), None);
    assert_eq!(world.state.heights_to_weigh(tip + 1), Some((tip, tip)));
    assert_eq!(world.state.heights_to_weigh(tip + 5), Some((tip, tip + 4)));
    world.mine_without_heads(tip + 4);
    assert_eq!(world.state.heights_to_weigh(world.height + 1), Some((tip + 5, tip + 5)));
    assert_eq!(World::empty().state.heights_to_weigh(100), Some((0, 99)));
}
