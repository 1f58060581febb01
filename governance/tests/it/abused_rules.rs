//! Hazard: rules that are kept to the letter and still let a few harm everybody: freeze the treasury, take deposits of others, be
//! paid for nothing, or decide with an electorate that is gone.

use althing_governance::charter::{Admission, Class, ClassRule, Quorum};
use althing_governance::delegation::{Delegation, Part, Scope, Tag, Topic};
use althing_governance::entry::{
    Acceptance, Ballot, Budget, Choice, Confiscate, DepositHold, Effect, Entry, Equivocation, Invitation, KeyRotation,
    LaneEntry, Milestone, ProposalContent, ProposalOption, RuleChange, SeenNote, Version,
};
use althing_governance::ledger::{AccountKind, Bar, Fate};
use althing_governance::signing::verify_all;
use althing_governance::state::UNUSED_HOLD_BLOCKS;
use althing_governance::voting::{Outcome, System, TieBreak};
use althing_governance::{Charter, MemberId, ProposalId, dao};
use bitcoin::{OutPoint, ScriptBuf};

use crate::world::{AUX, World, block_hash, hub, keypair, member_id, spend, text, txid};

use AccountKind::{DepositForfeited, DepositReturned};

fn rule_of(charter: &mut Charter, class: Class) -> &mut ClassRule {
    charter.classes.iter_mut().find(|rule| rule.class == class).unwrap()
}

fn channel(world: &World, member: u8) -> althing_governance::ChannelId {
    dao::channel_id(world.state.params().dao_id, OutPoint { txid: txid(member), vout: 0 })
}

/// The proof that a member signed two ballots for their next place.
fn equivocation(world: &World, member: u8) -> Entry {
    let ballot = |choice| Entry::Ballot(world.sign(member, Ballot::new(ProposalId([9; 32]), choice, None)));
    Entry::Equivocation(Equivocation::new(ballot(Choice::Yes), ballot(Choice::No)).unwrap())
}

/// What was settled of deposits for a thread.
fn deposits(world: &World, thread: ProposalId) -> Vec<(MemberId, AccountKind, u64)> {
    let entries = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
    entries.filter(|entry| entry.thread == Some(thread)).map(|entry| (entry.member, entry.kind, entry.sat)).collect()
}

#[test]
fn three_dust_members_freeze_nothing_with_seen_notes() {
    // Dust of 3 percent; one who has weight; one whose own lane went on.
    for (noters, goes_on, is_frozen) in [([3, 4, 5], false, false), ([1, 4, 5], false, true), ([1, 4, 5], true, false)]
    {
        let mut world = World::founded(&[60_000, 40_000, 1000, 1000, 1000], |c| c.forced_entry_delay_blocks = 6);
        let id = world.open_vote(1, spend("Nets", 5000));
        world.vote(1, id, Choice::Yes).unwrap();
        let hidden = world.sign(2, Ballot::new(id, Choice::No, None));
        let note = SeenNote::new(Entry::Ballot(hidden.clone()), world.height).unwrap();
        for member in noters {
            world.say(member, note.clone()).unwrap();
        }
        if goes_on {
            world.vote(2, id, Choice::Abstain).unwrap();
        }
        let close = world.state.proposals()[&id].schedule.unwrap().close;
        while world.state.ledger().closing_height() < close + 12 {
            world.finish_epoch();
        }
        let expected = if is_frozen { vec![hidden.id()] } else { Vec::new() };
        assert_eq!(world.state.overdue_entries(world.state.size()), expected, "{noters:?}");
        let fate = world.state.ledger().standing(&id).unwrap().fate;
        assert_eq!(fate, if is_frozen { Fate::Waiting } else { Fate::Effective }, "{noters:?}");
    }
}

#[test]
fn a_seen_note_shows_an_entry_that_the_log_could_take() {
    let mut world = World::founded(&[5000, 5000], |_| {});
    let id = world.open_vote(1, text("Shown"));
    let lane = world.state.next_lane_header(member_id(2), 1);
    let ballot = |lane, key: u8| {
        let entry = LaneEntry::sign(&world.secp, lane, Ballot::new(id, Choice::No, None), &keypair(key), &AUX);
        SeenNote::new(Entry::Ballot(entry), world.height).unwrap()
    };
    let forged = Entry::SeenNote(world.sign(1, ballot(lane, 1)));
    assert!(verify_all(&world.secp, &forged.signature_checks(&hub().x_only_public_key().0)).is_err());
    let mut gap = lane;
    gap.sequence += 1;
    let gap = ballot(gap, 2);
    let fits = ballot(lane, 2);
    assert_eq!(world.say(1, gap).unwrap_err().rule(), "G-21");
    let nested = Entry::SeenNote(world.sign(1, fits.clone()));
    assert!(SeenNote::new(nested, world.height).is_err());
    assert!(SeenNote::new(world.log[2].clone(), world.height).is_ok(), "a bind");
    world.say(1, fits).unwrap();
}

#[test]
fn an_offender_loses_no_deposit_but_their_own() {
    let mut world = World::founded(&[5000, 5000, 5000], |charter| rule_of(charter, Class::Text).deposit_sat = 1000);
    let content = text("Well meant");
    world.hold(1, &content, 1000);
    let id = content.id(world.state.params().network, world.state.params().dao_id, member_id(1));
    let channel = channel(&world, 3);
    world.say(3, DepositHold { thread: id, channel, amount_sat: 1 }).unwrap();
    assert_eq!(world.open_vote(1, content), id);
    let proof = equivocation(&world, 3);
    world.append(proof).unwrap();
    world.vote(1, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).fate, Fate::Effective);
    let expected = [(member_id(3), DepositForfeited, 1), (member_id(1), DepositReturned, 1000)];
    assert_eq!(deposits(&world, id), expected);
}

#[test]
fn a_confiscation_settles_nobody_elses_deposit() {
    let mut world = World::founded(&[5000, 5000, 5000], |charter| {
        let rule = rule_of(charter, Class::Text);
        (rule.deposit_sat, rule.review_blocks) = (1000, 12);
    });
    let content = text("Slow");
    world.hold(1, &content, 1000);
    let id = content.id(world.state.params().network, world.state.params().dao_id, member_id(1));
    let channel = channel(&world, 3);
    world.say(3, DepositHold { thread: id, channel, amount_sat: 5 }).unwrap();
    world.open_vote(1, content);
    let target = Confiscate { thread: id, member: member_id(3), amount_sat: 5 };
    let take = ProposalContent::question(Class::Confiscate, "Take it", "", vec![Effect::Confiscate(target)]);
    let taken = world.open_vote(2, take);
    world.vote(2, taken, Choice::Yes).unwrap();
    assert_eq!(world.fate(taken).fate, Fate::Effective);
    world.fate(id);
    let expected = [(member_id(3), DepositForfeited, 5), (member_id(1), DepositReturned, 1000)];
    assert_eq!(deposits(&world, id), expected);
}

#[test]
fn a_replaced_key_proves_nothing_by_what_was_never_logged() {
    let mut world = World::founded(&[5000, 5000, 5000], |_| {});
    let p = world.state.params();
    let rotation = KeyRotation {
        network: p.network,
        dao: p.dao_id,
        old_key: member_id(3),
        new_key: member_id(33),
        channel: channel(&world, 3),
        member_funding_key: keypair(103).public_key(),
    };
    let by_thief = equivocation(&world, 3);
    world.append(Entry::KeyRotation(rotation.sign(&world.secp, &keypair(103), &keypair(33), &AUX))).unwrap();
    assert_eq!(world.append(by_thief).unwrap_err().rule(), "G-98");
}

#[test]
fn copies_of_the_offence_void_what_the_log_has() {
    let mut world = World::founded(&[5000, 5000, 5000], |_| {});
    let id = world.open_vote(1, text("Copied"));
    let lane = world.state.next_lane_header(member_id(3), 1);
    let ballot = |choice, aux| {
        Entry::Ballot(LaneEntry::sign(&world.secp, lane, Ballot::new(id, choice, None), &keypair(3), &aux))
    };
    let (logged, copy, other) = (ballot(Choice::Yes, AUX), ballot(Choice::Yes, [8; 32]), ballot(Choice::No, AUX));
    assert_ne!(logged.id(), copy.id());
    world.append(logged).unwrap();
    world.append(Entry::Equivocation(Equivocation::new(copy, other).unwrap())).unwrap();
    let sums = world.state.proposals()[&id].live.clone().unwrap().count().sums();
    assert_eq!(sums, [0, 0, 0, 0, 0, 15_000]);
}

#[test]
fn delegated_weight_decides_nothing_early() {
    let mut world = World::founded(&[1000; 10], |charter| {
        let rule = rule_of(charter, Class::Text);
        (rule.voting_blocks, rule.final_ballots, rule.early_decision) = (24, true, true);
    });
    for member in 2..=6 {
        let parts = vec![Part { to: member_id(1), share_bp: 10_000 }];
        world.say(member, Delegation { scope: Scope::All, parts, expires_height: None }).unwrap();
    }
    let id = world.open_vote(1, text("In your name"));
    world.vote(1, id, Choice::Yes).unwrap();
    (0..7).for_each(|_| world.mine());
    for member in 2..=6 {
        world.vote(member, id, Choice::No).unwrap();
    }
    let standing = world.fate(id);
    assert_eq!((standing.outcome, standing.count.sums()), (Outcome::Rejected, vec![1000, 5000, 0, 0, 6, 10_000]));
}

#[test]
fn a_budget_that_was_stopped_before_it_began_never_pays() {
    let mut world = World::founded(&[5000, 5000], |charter| {
        let stops = rule_of(charter, Class::Budget);
        let budgets = ClassRule { veto_blocks: 24, ..stops.clone() };
        stops.max_amount_sat = Some(100);
        charter.classes.push(budgets);
    });
    let budget = Budget {
        payee: ScriptBuf::from_bytes(vec![0x51]),
        milestones: vec![Milestone { description: "Work".into(), amount_sat: 5000, after_blocks: 0 }],
        fee_cap_sat: 10,
        expiry_blocks: 60,
    };
    let ask = |effect| ProposalContent::question(Class::Budget, "Budget", "", vec![effect]);
    let id = world.open_vote(1, ask(Effect::Budget(budget)));
    world.vote(1, id, Choice::Yes).unwrap();
    let stop = world.open_vote(2, ask(Effect::StopBudget { proposal: id }));
    world.vote(2, stop, Choice::Yes).unwrap();
    assert_eq!(world.fate(stop).fate, Fate::Effective);
    assert_eq!(world.state.ledger().standing(&id).unwrap().fate, Fate::Waiting);
    let stopped = world.fate(id);
    assert_eq!((stopped.fate, stopped.payments.len()), (Fate::Lapsed, 0));
}

#[test]
fn a_recount_that_ties_has_no_effect_until_its_block_is_there() {
    let mut world =
        World::founded(&[2000; 3], |charter| rule_of(charter, Class::Spend).systems = vec![System::SingleChoice]);
    let pay =
        |label: &str, sat| ProposalOption { label: label.into(), effects: spend("", sat).options[0].effects.clone() };
    let options = vec![pay("boat", 5000), pay("nets", 7000)];
    let id = world.open_vote(1, ProposalContent { system: System::SingleChoice, options, ..spend("What to buy", 1) });
    for (member, option) in [(1, 0), (2, 0), (3, 1)] {
        world.say(member, Ballot { proposal: id, fields: vec![option], reason: None }).unwrap();
    }
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    world.facts[1].released_height = Some(close);
    while world.headers.last().unwrap().closing_height < close {
        world.close_epoch();
    }
    let after = |world: &World| world.closes.last().unwrap().ledger.standing(&id).unwrap().clone();
    assert_eq!(after(&world).outcome, Outcome::Passed { option: Some(0) });
    assert_eq!((after(&world).fate, after(&world).payments.len()), (Fate::Waiting, 0));
    world.close_epoch();
    let stays = TieBreak::new(block_hash(close + 6)).first(&[0, 1]) == Some(0);
    assert_eq!(after(&world).fate, if stays { Fate::Effective } else { Fate::Failed });
    world.assert_reproducible();
}

#[test]
fn versions_do_not_keep_an_old_electorate_for_ever() {
    let mut world = World::founded(&[5000, 5000], |charter| rule_of(charter, Class::Text).review_blocks = 12);
    let first = world.open_vote(1, text("Version 0"));
    let end = world.state.proposals()[&first].schedule.unwrap().open + 12;
    let mut previous = first;
    for number in 1..10 {
        (0..6).for_each(|_| world.mine());
        let content = ProposalContent {
            version_of: Some(Version { thread: first, previous }),
            ..text(&format!("Version {number}"))
        };
        if world.height >= end {
            assert_eq!(world.say(1, content).unwrap_err().rule(), "G-89");
            return;
        }
        previous = world.propose(1, content);
    }
    unreachable!("every version was taken");
}

#[test]
fn a_charter_that_forgets_the_invited_takes_their_vote() {
    let min_stake_sat = 1000;
    let mut world = World::founded(&[5000, 5000, 5000], |charter| {
        charter.admission = Admission::Invite { min_stake_sat, max_open_per_member: 2 };
        charter.guards.electorate_shrink_bp = 1000;
        let kept = [Class::Text, Class::Spend, Class::RuleChange, Class::Admit];
        charter.classes.retain(|rule| kept.contains(&rule.class));
        charter.classes.iter_mut().for_each(|rule| rule.quorum = Quorum::ParticipationBp(2000));
    });
    let invited = world.say(1, Invitation { invitee: member_id(2), expires_height: 1000 }).unwrap();
    world.say(2, Acceptance { invitation: invited }).unwrap();
    (0..3).for_each(|_| world.finish_epoch());
    let before = world.state.charter().clone();
    let after = Charter { admission: Admission::Vote { min_stake_sat }, ..before.clone() };
    let change = RuleChange { replaces: before.hash(), charter: Box::new(after) };
    let effects = vec![Effect::RuleChange(change)];
    let id = world.open_vote(1, ProposalContent::question(Class::RuleChange, "Only by vote", "", effects));
    world.vote(1, id, Choice::Yes).unwrap();
    // Member 3 never had a vote to lose.
    assert_eq!(world.fate(id).bar, Some(Bar::ElectorateShrink { lost: 5000, of: 10_000 }));
}

#[test]
fn a_delegation_touches_only_what_it_is_about() {
    let tag = |text: &str| Tag::new(text).unwrap();
    let topic = Topic { class: Class::Spend, tags: vec![tag("boats")] };
    let scopes = [Scope::All, Scope::Class(Class::Spend), Scope::Tag(tag("boats"))];
    assert!(scopes.iter().all(|scope| topic.is_in(scope)));
    assert!(!topic.is_in(&Scope::Class(Class::Text)) && !topic.is_in(&Scope::Tag(tag("nets"))));
}

#[test]
fn a_failure_of_somebody_else_costs_no_deposit() {
    for (second, kind) in [(1, DepositReturned), (2, DepositForfeited)] {
        let mut world = World::founded(&[50_000, 50_000], |charter| {
            charter.guards.cooldown_blocks = 1000;
            (charter.guards.deposit_growth_bp, rule_of(charter, Class::Spend).deposit_sat) = (5000, 1000);
        });
        let mut fail = |author: u8, body: &str| {
            let content = ProposalContent { body: body.into(), ..spend("Popular", 5000) };
            world.hold(author, &content, 1000);
            let id = world.open_vote(author, content);
            world.vote(1, id, Choice::No).unwrap();
            world.vote(2, id, Choice::Yes).unwrap();
            (world.fate(id).bar, deposits(&world, id).pop().unwrap().1)
        };
        assert_eq!(fail(2, "First").0, None);
        let (bar, settled) = fail(second, "Again");
        assert!(matches!(bar, Some(Bar::Cooldown { is_own, .. }) if is_own == (second == 2)), "{bar:?}");
        assert_eq!(settled, kind);
    }
}

#[test]
fn a_hold_that_ended_is_no_deposit() {
    let mut world = World::founded(&[5000, 5000], |charter| rule_of(charter, Class::Text).deposit_sat = 1000);
    let content = text("Late");
    world.hold(1, &content, 1000);
    world.mine();
    let held = world.height;
    world.mine_to(held + UNUSED_HOLD_BLOCKS);
    let refused = world.say(1, content.clone()).unwrap_err();
    assert!(refused.is_not_now() && refused.rule() == "G-96", "{refused:?}");
    world.hold(1, &content, 1000);
    world.open_vote(1, content);
}

#[test]
fn voting_on_what_nobody_takes_up_earns_nothing() {
    for (stake, paid) in [(500, 0), (5000, 1001)] {
        let mut world = World::founded(&[stake, 9500], |charter| {
            charter.admission = Admission::Open { min_stake_sat: 1 };
            charter.rewards.pool_sat_per_epoch = 1001;
        });
        let id = world.open_vote(1, text("Me again"));
        world.vote(1, id, Choice::Yes).unwrap();
        world.fate(id);
        let accounts = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
        assert_eq!(accounts.map(|entry| entry.sat).sum::<u64>(), paid, "with {stake} sat");
    }
}
