//! Hazard: a member who has another vote key by now is somebody else for whoever names them; and coins that left are counted
//! because their owner lost the vote.

use althing_governance::charter::{Body, Class, Guardians, Treasurer};
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{
    Ballot, Choice, Effect, Entry, Equivocation, GuardianAct, GuardianVoice, KeyRotation, LaneEntry, LaneHeader,
    ProposalContent,
};
use althing_governance::ledger::Fate;
use althing_governance::voting::Outcome;
use althing_governance::{Charter, ProposalId, dao};
use bitcoin::OutPoint;

use crate::world::{AUX, IntoEntry as _, World, keypair, member_id, spend, text, txid};

fn founded(stakes: &[u64], change: impl FnOnce(&mut Charter)) -> World {
    World::founded(stakes, |charter| {
        charter.guards.electorate_shrink_bp = 5000;
        change(charter);
    })
}

/// Member `member` signs with key `new` from now on.
fn rotate(world: &mut World, member: u8, old: u8, new: u8) {
    let p = world.state.params();
    let rotation = KeyRotation {
        network: p.network,
        dao: p.dao_id,
        old_key: member_id(old),
        new_key: member_id(new),
        channel: dao::channel_id(p.dao_id, OutPoint { txid: txid(member), vout: 0 }),
        member_funding_key: keypair(100 + member).public_key(),
    };
    let signed = rotation.sign(&world.secp, &keypair(100 + member), &keypair(new), &AUX);
    world.append(Entry::KeyRotation(signed)).unwrap();
}

#[test]
fn an_expulsion_reaches_the_member_behind_the_key() {
    // Named by the first key, or by the one they use; a key that becomes theirs later named nobody.
    for (named, rotated_before, is_out) in [(3, true, true), (33, true, true), (33, false, false)] {
        let mut world = founded(&[60_000, 50_000, 10_000], |_| {});
        if rotated_before {
            rotate(&mut world, 3, 3, 33);
        }
        let expel = Effect::Expel { member: member_id(named) };
        let id = world.open_vote(1, ProposalContent::question(Class::Expel, "Out", "", vec![expel]));
        world.vote(1, id, Choice::Yes).unwrap();
        if !rotated_before {
            rotate(&mut world, 3, 3, 33);
        }
        assert_eq!(world.fate(id).fate, Fate::Effective);
        (0..4).for_each(|_| world.finish_epoch());
        let weight = world.rolls.last().unwrap().weight(&member_id(3));
        assert_eq!(weight, if is_out { 0 } else { 10_000 }, "named {named}, rotated before: {rotated_before}");
        world.assert_reproducible();
    }
}

#[test]
fn a_guardian_with_a_new_key_is_the_same_guardian_and_one_only() {
    let mut world = founded(&[60_000, 50_000, 10_000], |charter| {
        charter.guardians = Guardians { members: vec![member_id(2), member_id(3)], threshold: 2, delay_blocks: 0 };
        charter.classes.iter_mut().for_each(|rule| rule.veto_blocks = 12);
    });
    let id = world.open_vote(1, spend("Nets", 5000));
    let veto = || GuardianAct { proposal: id, act: GuardianVoice::Veto };
    world.vote(1, id, Choice::Yes).unwrap();
    world.say(3, veto()).unwrap();
    rotate(&mut world, 3, 3, 33);
    world.say(33, veto()).unwrap();
    world.finish_epoch();
    // One guardian with two keys is no two.
    assert_eq!(world.fate(id).fate, Fate::Effective);
    let id = world.open_vote(1, spend("More nets", 5000));
    let veto = || GuardianAct { proposal: id, act: GuardianVoice::Veto };
    world.vote(1, id, Choice::Yes).unwrap();
    world.say(33, veto()).unwrap();
    world.say(2, veto()).unwrap();
    assert_eq!(world.fate(id).fate, Fate::Vetoed);
}

#[test]
fn a_treasurer_who_is_listed_by_a_newer_key_decides() {
    let mut world = founded(&[60_000, 50_000, 10_000], |charter| {
        charter.treasurers = vec![Treasurer { name: "Bera".into(), key: keypair(3).public_key() }];
        let rule = charter.classes.iter_mut().find(|rule| rule.class == Class::Spend).unwrap();
        rule.bodies = vec![Body::Members, Body::Treasurers];
    });
    rotate(&mut world, 3, 3, 33);
    let id = world.open_vote(1, spend("Nets", 5000));
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(33, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).outcome, Outcome::Passed { option: None });
}

#[test]
fn a_delegation_names_the_member() {
    let mut world = founded(&[60_000, 50_000, 10_000], |_| {});
    rotate(&mut world, 3, 3, 33);
    let to = |number| Delegation {
        scope: Scope::All,
        parts: vec![Part { to: member_id(number), share_bp: 10_000 }],
        expires_height: None,
    };
    assert_eq!(world.say(1, to(33)).unwrap_err().rule(), "L-5");
    world.say(1, to(3)).unwrap();
}

/// Whoever is suspended after the vote and takes their coins is counted again without them, as anybody else.
#[test]
fn coins_that_left_weigh_nothing_though_their_owner_is_suspended() {
    for leaves in [true, false] {
        let mut world = founded(&[30_000, 20_000, 60_000], |charter| {
            charter.classes.iter_mut().for_each(|rule| rule.veto_blocks = 12);
        });
        let id = world.open_vote(1, spend("To me", 5000));
        world.vote(3, id, Choice::Yes).unwrap();
        world.vote(1, id, Choice::No).unwrap();
        let close = world.state.proposals()[&id].schedule.unwrap().close;
        world.mine_to(close);
        let other = world.open_vote(1, text("Later"));
        let ballot = |choice| world.sign(3, Ballot::new(other, choice, None)).into_entry();
        let proof = Equivocation::new(ballot(Choice::Yes), ballot(Choice::No)).unwrap();
        world.append(Entry::Equivocation(proof)).unwrap();
        if leaves {
            world.facts[2].released_height = Some(close + 2);
        }
        let outcome = world.fate(id).fate;
        assert_eq!(outcome, if leaves { Fate::Failed } else { Fate::Effective });
        assert_eq!(world.rolls.last().unwrap().weight(&member_id(3)), 0, "suspended");
    }
}

/// What member 3 says by a key for a place of their lane, whatever the log has there.
fn ballot_at(world: &World, key: u8, lane: LaneHeader, on: ProposalId, choice: Choice) -> Entry {
    let lane = LaneHeader { member: member_id(key), ..lane };
    LaneEntry::sign(&world.secp, lane, Ballot::new(on, choice, None), &keypair(key), &AUX).into_entry()
}

#[test]
fn an_offence_under_the_old_key_is_the_members_whose_later_ballot_stands() {
    let mut world = founded(&[60_000, 50_000, 10_000], |_| {});
    let id = world.open_vote(1, text("Before and after"));
    let lane = world.state.next_lane_header(member_id(3), 1);
    let [logged, other] = [Choice::Yes, Choice::No].map(|choice| ballot_at(&world, 3, lane, id, choice));
    world.append(logged.clone()).unwrap();
    rotate(&mut world, 3, 3, 33);
    let sums = |world: &World| world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums(&world), [10_000, 0, 0, 0, 1, 120_000], "the ballot by the old key counts on");
    let proof = Equivocation::new(logged, other).unwrap();
    let mut voted = world.state.clone();
    world.append(Entry::Equivocation(proof.clone())).unwrap();
    assert_eq!(sums(&world), [0, 0, 0, 0, 0, 120_000], "void");
    // The member waits, whichever key they speak by.
    assert_eq!(world.vote(33, id, Choice::No).unwrap_err().rule(), "G-98");
    assert_eq!(world.append(Entry::Equivocation(proof.clone())).unwrap_err().rule(), "G-98", "proven once");
    // What the new key said before the proof is another place.
    let later = LaneEntry::sign(
        &world.secp,
        voted.next_lane_header(member_id(33), 1),
        Ballot::new(id, Choice::No, None),
        &keypair(33),
        &AUX,
    );
    voted.apply(voted.size(), later.into_entry()).unwrap();
    voted.apply(voted.size(), Entry::Equivocation(proof)).unwrap();
    assert_eq!(voted.proposals()[&id].live.clone().unwrap().count().sums(), [0, 10_000, 0, 0, 1, 120_000]);
}

#[test]
fn two_keys_at_one_number_are_no_offence() {
    let mut world = founded(&[60_000, 50_000, 10_000], |_| {});
    let id = world.open_vote(1, text("Whose"));
    let lane = world.state.next_lane_header(member_id(3), 1);
    let by = |world: &World, key, choice| ballot_at(world, key, lane, id, choice);
    // Whoever found the old key says something else at the number at which it was replaced, or at the next.
    rotate(&mut world, 3, 3, 33);
    let after = world.state.next_lane_header(member_id(33), 1);
    assert_eq!(after.sequence, lane.sequence + 1, "the rotation has the number");
    assert!(Equivocation::new(by(&world, 3, Choice::Yes), by(&world, 33, Choice::No)).is_err());
    world.vote(33, id, Choice::Yes).unwrap();
    let stolen = [Choice::Yes, Choice::No].map(|choice| ballot_at(&world, 3, after, id, choice));
    for (one, other) in
        [(by(&world, 3, Choice::Yes), by(&world, 3, Choice::No)), (stolen[0].clone(), stolen[1].clone())]
    {
        let proof = Entry::Equivocation(Equivocation::new(one, other).unwrap());
        assert_eq!(world.append(proof).unwrap_err().rule(), "G-98");
    }
    let sums = world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums, [10_000, 0, 0, 0, 1, 120_000]);
}

#[test]
fn a_new_key_that_signs_twice_for_an_old_number_voids_nothing_of_the_old_key() {
    let mut world = founded(&[60_000, 50_000, 10_000], |_| {});
    let id = world.open_vote(1, text("Once said"));
    let lane = world.state.next_lane_header(member_id(3), 1);
    world.vote(3, id, Choice::Yes).unwrap();
    rotate(&mut world, 3, 3, 33);
    let [one, other] = [Choice::No, Choice::Abstain].map(|choice| ballot_at(&world, 33, lane, id, choice));
    world.append(Entry::Equivocation(Equivocation::new(one, other).unwrap())).unwrap();
    let sums = world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums, [10_000, 0, 0, 0, 1, 120_000], "the place is the key's (G-98)");
    assert_eq!(world.vote(33, id, Choice::No).unwrap_err().rule(), "G-98", "the offence is the member's");
}
