//! Hazard: a vote by somebody who is no member, or no vote for somebody who is.

use althing_governance::charter::{Admission, Class, ClassRule, Treasurer};
use althing_governance::entry::{
    Acceptance, Choice, Comment, CommentVote, Effect, ElectTreasurers, Entry, Invitation, Opinion, ProposalContent,
    ReplaceKeys,
};
use althing_governance::ledger::Fate;
use althing_governance::signing::Statement as _;
use althing_governance::{Charter, ProposalId};

use crate::world::{AUX, World, charter, keypair, member_id, text};

fn founded(admission: Admission, change: impl FnOnce(&mut Charter)) -> World {
    let mut charter = charter();
    charter.admission = admission;
    charter.classes =
        Class::ALL.into_iter().map(|class| ClassRule { voting_blocks: 6, ..ClassRule::new(class) }).collect();
    change(&mut charter);
    let mut world = World::with_charter(charter);
    (1..=3).for_each(|member| world.join(member, 5000));
    world.finish_epoch();
    world
}

fn pass(world: &mut World, effect: Effect) -> ProposalId {
    let content = ProposalContent::question(effect.class(), "Question", "", vec![effect]);
    let id = world.open_vote(1, content);
    world.vote(1, id, Choice::Yes).unwrap();
    while world.state.ledger().standing(&id).is_none_or(|standing| standing.fate == Fate::Waiting) {
        world.finish_epoch();
    }
    id
}

fn voters(world: &World) -> Vec<u8> {
    let roll = world.rolls.last().unwrap();
    (1..=9).filter(|member| roll.weight(&member_id(*member)) > 0).collect()
}

#[test]
fn only_founders_and_the_admitted_vote_and_each_change_comes_one_cycle_later() {
    let mut world =
        founded(Admission::Vote { min_stake_sat: 1000 }, |charter| charter.guards.electorate_shrink_bp = 5000);
    assert_eq!(voters(&world), [1], "a stake alone admits nobody");
    pass(&mut world, Effect::Admit { member: member_id(3) });
    let effective = world.state.ledger().closing_height();
    assert_eq!(voters(&world), [1], "not in the roll of the epoch that decides it");
    while world.headers.last().unwrap().closing_height <= effective + 6 {
        world.finish_epoch();
    }
    assert_eq!(voters(&world), [1, 3]);
    pass(&mut world, Effect::Expel { member: member_id(3) });
    (0..3).for_each(|_| world.finish_epoch());
    assert_eq!(voters(&world), [1]);
    world.assert_reproducible();
}

#[test]
fn an_invitation_admits_whom_it_names_if_a_member_made_it() {
    let mut world = founded(Admission::Invite { min_stake_sat: 1000, max_open_per_member: 1 }, |_| {});
    let invitation = |invitee, expires_height| Invitation { invitee: member_id(invitee), expires_height };
    assert_eq!(world.say(1, invitation(2, world.height)).unwrap_err().rule(), "G-94");
    let first = world.say(1, invitation(2, 1000)).unwrap();
    assert!(world.say(1, invitation(3, 1000)).unwrap_err().is_not_now(), "one open at a time");
    assert_eq!(world.say(3, Acceptance { invitation: first }).unwrap_err().rule(), "G-94");
    // A stranger can invite, but admits nobody by it.
    let worthless = world.say(3, invitation(3, 1000)).unwrap();
    world.say(3, Acceptance { invitation: worthless }).unwrap();
    world.say(2, Acceptance { invitation: first }).unwrap();
    assert_eq!(world.say(2, Acceptance { invitation: first }).unwrap_err().rule(), "G-94");
    // G-38: the others have an epoch to see who comes, as before an admission by vote.
    (0..2).for_each(|_| {
        assert_eq!(voters(&world), [1]);
        world.finish_epoch();
    });
    assert_eq!(voters(&world), [1, 2]);
}

/// Hazard: one member brings in own keys, these bring in more, and all of them outvote the others before anybody looks.
#[test]
fn whoever_brings_in_own_keys_waits_before_each_of_them_votes() {
    let mut world = founded(Admission::Invite { min_stake_sat: 1000, max_open_per_member: 5 }, |charter| {
        charter.guards.eligibility_delay_epochs = 2;
    });
    let mut bring = |by: u8, who: u8| {
        let invitation = world.say(by, Invitation { invitee: member_id(who), expires_height: 10_000 }).unwrap();
        world.say(who, Acceptance { invitation }).unwrap();
        let mut epochs = 0;
        while !voters(&world).contains(&who) {
            world.finish_epoch();
            epochs += 1;
        }
        epochs
    };
    assert_eq!([bring(1, 2), bring(2, 3)], [3, 3]);
}

#[test]
fn declared_stakes_of_treasury_and_hub_have_no_weight() {
    let world = founded(Admission::Open { min_stake_sat: 1000 }, |charter| {
        charter.guards.excluded_members = vec![member_id(2)];
    });
    assert_eq!(voters(&world), [1, 3]);
}

#[test]
fn who_talks_too_much_waits_for_the_next_epoch() {
    let mut world = founded(Admission::Open { min_stake_sat: 1000 }, |charter| {
        (charter.discussion.comments_per_epoch, charter.discussion.comment_votes_per_epoch) = (2, 1);
        charter.discussion.comment_bytes = 5;
    });
    let id = world.open_vote(1, text("Talk"));
    let comment = |text: &str| Comment { proposal: id, parent: None, text: text.into() };
    assert_eq!(world.say(2, comment("longer")).unwrap_err().rule(), "R-42");
    let first = world.say(2, comment("short")).unwrap();
    world.say(2, comment("Aye.")).unwrap();
    assert!(world.say(2, comment("Nay.")).unwrap_err().is_not_now());
    world.say(3, comment("Me.")).unwrap();
    world.say(3, CommentVote { comment: first, opinion: Opinion::Up }).unwrap();
    assert!(world.say(3, CommentVote { comment: first, opinion: Opinion::Down }).unwrap_err().is_not_now());
    let opinions = world.state.proposals()[&id].comments[0].opinions.clone();
    assert_eq!(opinions.into_iter().collect::<Vec<_>>(), [(member_id(3), Opinion::Up)]);
    (0..6).for_each(|_| world.mine());
    world.say(2, comment("Nay.")).unwrap();
}

#[test]
fn treasurers_and_keys_are_replaced_in_the_charter_that_headers_name() {
    let mut world = founded(Admission::Open { min_stake_sat: 1000 }, |_| {});
    let founding = world.state.charter().hash();
    let treasurers = vec![Treasurer { name: "Bera".into(), key: keypair(95).public_key() }];
    let election = ElectTreasurers { descriptor: "tr(another)".into(), treasurers };
    let id = pass(&mut world, Effect::ElectTreasurers(election));
    assert_eq!(world.state.ledger().standing(&id).unwrap().fate, Fate::Effective);
    assert_eq!(world.state.charter().treasury_descriptor, "tr(another)");
    assert_ne!(world.headers.last().unwrap().charter, founding);

    // With another log key the hub signs with the new one from the entry on that makes it final.
    let log_key = keypair(94).x_only_public_key().0;
    let keys = ReplaceKeys { hub_node_key: None, hub_log_key: Some(log_key), anchor_key: None };
    let content = ProposalContent::question(Class::ReplaceKeys, "Keys", "", vec![Effect::ReplaceKeys(keys)]);
    let id = world.open_vote(1, content);
    world.vote(1, id, Choice::Yes).unwrap();
    while world.state.hub_log_key() != log_key {
        world.finish_epoch();
    }
    world.height += 1;
    let head = Entry::Head(world.log_head().sign(&world.secp, &keypair(94), &AUX));
    world.append(head).unwrap();
}
