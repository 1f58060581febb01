//! Hazard: satoshis that are held too long, twice, or taken from the wrong one; pools that do not add up.

use std::collections::BTreeMap;

use althing_governance::MemberId;
use althing_governance::charter::{Class, ClassRule, RewardShare};
use althing_governance::entry::{
    Ballot, Checkpoint, Choice, Confiscate, DepositHold, Effect, Entry, ProposalContent, Request, Withdrawal,
};
use althing_governance::ledger::{AccountKind, Fate, rewards};
use althing_governance::state::{LEAST_SETTLEMENT_SAT, Refusal, SETTLE_WITHIN_BLOCKS, TreasuryDebt};
use althing_governance::voting::System;
use althing_governance::{ProposalId, dao};
use bitcoin::OutPoint;
use proptest::prelude::*;

use crate::world::{IntoEntry as _, World, charter, member_id, spend, text, txid};

use AccountKind::{DepositForfeited, DepositReturned};

/// Text needs 1000 sat, returned with the support of 40 percent of the roll.
fn founded() -> World {
    let mut charter = charter();
    charter.classes = [Class::Text, Class::Confiscate]
        .into_iter()
        .map(|class| ClassRule { voting_blocks: 6, veto_bp: 3334, ..ClassRule::new(class) })
        .collect();
    let rule = &mut charter.classes[0];
    (rule.deposit_sat, rule.min_support_bp, rule.review_blocks) = (1000, 4000, 6);
    rule.systems = vec![System::YesNoAbstain, System::YesNoVeto];
    let mut world = World::with_charter(charter);
    for (member, stake) in [(1, 4000), (2, 4000), (3, 2000)] {
        world.join(member, stake);
    }
    world.finish_epoch();
    world
}

fn propose(world: &mut World, content: ProposalContent) -> ProposalId {
    world.hold(1, &content, 1000);
    let id = world.propose(1, content);
    world.mine();
    let open = world.state.proposals()[&id].schedule.unwrap().open;
    world.mine_to(open);
    id
}

fn settled(world: &mut World, id: ProposalId) -> Vec<(AccountKind, u64)> {
    while world.state.ledger().standing(&id).is_none_or(|standing| standing.fate == Fate::Waiting) {
        world.finish_epoch();
    }
    world.assert_reproducible();
    let entries = world.state.ledger().accounts().iter().flat_map(|account| &account.entries);
    let deposits = entries.filter(|entry| entry.thread == Some(id));
    deposits.inspect(|entry| assert_eq!(entry.member, member_id(1))).map(|entry| (entry.kind, entry.sat)).collect()
}

#[test]
fn a_deposit_comes_back_unless_it_wasted_everybodys_time() {
    let veto = ProposalContent { system: System::YesNoVeto, ..text("Vetoed") };
    let table: [(&str, ProposalContent, [Option<u16>; 3], AccountKind); 5] = [
        ("passed", text("Passed"), [Some(1), Some(1), None], DepositReturned),
        ("lost with enough for it", text("Enough"), [Some(2), Some(1), Some(2)], DepositReturned),
        ("lost with less", text("Less"), [None, Some(2), Some(1)], DepositForfeited),
        ("nobody came", text("Nobody"), [None, None, None], DepositForfeited),
        ("vetoed though much supported", veto, [Some(1), Some(3), Some(1)], DepositForfeited),
    ];
    for (name, content, choices, expected) in table {
        let mut world = founded();
        let id = propose(&mut world, content);
        for (member, choice) in (1..).zip(choices) {
            if let Some(choice) = choice {
                world.say(member, Ballot { proposal: id, fields: vec![choice], reason: None }).unwrap();
            }
        }
        assert_eq!(settled(&mut world, id), [(expected, 1000)], "{name}");
    }
}

/// N-131: nobody is asked for a deposit for what is refused for good.
#[test]
fn the_deposit_is_the_last_thing_that_is_asked_for() {
    let mut charter = charter();
    charter.classes = [Class::Request, Class::Spend, Class::Confiscate]
        .into_iter()
        .map(|class| ClassRule { voting_blocks: 6, ..ClassRule::new(class) })
        .collect();
    charter.classes[1].deposit_sat = 1000;
    charter.classes[2].deposit_sat = 1000;
    let mut world = World::with_charter(charter);
    (1..=3).for_each(|member| world.join(member, 4000));
    world.finish_epoch();
    let call = Effect::Request(Request { submission_blocks: 60, budget_cap_sat: 5000 });
    let request = world.propose(1, ProposalContent::question(Class::Request, "A boat", "", vec![call]));
    world.mine();
    let answer = |sat| ProposalContent { request: Some(request), ..spend("Mine", sat) };
    let refused = |world: &World, content: &ProposalContent| {
        world.state.check(&world.sign(2, content.clone()).into_entry()).unwrap_err()
    };
    let none_held = refused(&world, &answer(4000));
    assert!(none_held.is_not_now() && none_held.rule() == "G-96", "{none_held}");
    let theirs = Confiscate { thread: request, member: member_id(1), amount_sat: 1 };
    for (content, rule) in [
        (answer(9000), "G-88"),
        (ProposalContent { system: System::Approval, ..spend("By no system", 4000) }, "G-24"),
        (ProposalContent { system: System::YesNoVeto, ..answer(4000) }, "R-21"),
        (ProposalContent { request: Some(ProposalId([9; 32])), ..spend("To nobody", 4000) }, "G-88"),
        (ProposalContent::question(Class::Confiscate, "Take it", "", vec![Effect::Confiscate(theirs)]), "G-86"),
    ] {
        let refusal = refused(&world, &content);
        assert_eq!((refusal.rule(), refusal.is_not_now()), (rule, false), "{refusal}");
    }
}

/// A checkpoint of member 1's channel by which the hub has so much of what was forfeited; the position that it gets.
fn collect(world: &mut World, forfeited_sat: u64) -> Result<u64, Refusal> {
    let entry = world.checkpoint(1, OutPoint { txid: txid(1), vout: 0 }, 4000 - forfeited_sat);
    let Entry::Checkpoint(signed) = entry else { panic!("a checkpoint") };
    let checkpoint = Checkpoint { forfeited_sat, hub_sat: forfeited_sat, ..signed.checkpoint };
    let position = world.state.size();
    world.append(world.sign_checkpoint(1, checkpoint)).map(|_| position)
}

#[test]
fn what_was_collected_is_owed_until_it_is_paid() {
    let mut world = founded();
    let owed = |world: &World, paid: u64| world.state.treasury_debts(&BTreeMap::from([(0, paid)]));
    let mut collected = Vec::new();
    for (sum, title) in [(1000, "Nobody"), (2000, "Nobody again")] {
        let id = propose(&mut world, text(title));
        assert_eq!(settled(&mut world, id), [(DepositForfeited, 1000)]);
        // The hub has nothing of it yet, and who never lets it have it costs the hub nothing.
        assert_eq!(owed(&world, 0).first().map_or(0, |debt| debt.collected_sat), sum - 1000);
        collected.push(collect(&mut world, sum).unwrap());
        world.mine();
    }
    let since: Vec<u32> = collected.iter().map(|position| world.state.entry_height(*position).unwrap()).collect();
    assert!(since[0] < since[1]);
    let debt = TreasuryDebt { office: 0, collected_sat: 2000, paid_sat: 0, since_height: Some(since[0]) };
    assert_eq!(owed(&world, 0), [debt]);
    let last = since[0] + SETTLE_WITHIN_BLOCKS;
    assert!(!debt.is_overdue(last) && debt.is_overdue(last + 1));
    // What is paid counts against what was owed first; a rest that is too small to pay is never overdue.
    let table = [
        (1, 1999, Some(since[1])),
        (1000, 1000, Some(since[1])),
        (2000 - LEAST_SETTLEMENT_SAT + 1, LEAST_SETTLEMENT_SAT - 1, None),
        (2000, 0, None),
        (u64::MAX, 0, None),
    ];
    for (paid_sat, left, since_height) in table {
        assert_eq!(owed(&world, paid_sat), [TreasuryDebt { paid_sat, since_height, ..debt }], "{paid_sat} paid");
        assert_eq!(owed(&world, paid_sat)[0].owed_sat(), left, "{paid_sat} paid");
    }
    // Another hub's payments are not this one's.
    assert_eq!(world.state.treasury_debts(&BTreeMap::from([(1, 2000)])), [debt]);
    // What was collected does not become less.
    assert_eq!(collect(&mut world, 1999).unwrap_err().rule(), "G-23");
}

/// G-96: what was forfeited and the hub does not have yet is held as before: neither paid away nor used for another deposit.
#[test]
fn what_was_forfeited_is_held_until_it_is_collected() {
    let mut world = founded();
    let id = propose(&mut world, text("Nobody"));
    let channel = world.state.holds()[0].channel;
    assert_eq!((settled(&mut world, id), world.state.held_sat(&channel)), (vec![(DepositForfeited, 1000)], 1000));
    let p = world.state.params();
    let thread = text("Next").id(p.network, p.dao_id, member_id(1));
    let hold = |amount_sat| DepositHold { thread, channel, amount_sat };
    assert_eq!(world.say(1, hold(2001)).unwrap_err().rule(), "G-96");
    let kept = OutPoint { txid: txid(1), vout: 0 };
    let paid_away = world.checkpoint(1, kept, 999);
    assert_eq!(world.append(paid_away).unwrap_err().rule(), "G-96");
    collect(&mut world, 1000).unwrap();
    assert_eq!(world.state.held_sat(&channel), 0);
    world.say(1, hold(2000)).unwrap();
}

#[test]
fn what_is_held_is_there_and_stays_there() {
    let mut world = founded();
    let content = text("Held");
    assert!(world.say(1, content.clone()).unwrap_err().is_not_now(), "without a hold");
    let p = world.state.params();
    let thread = content.id(p.network, p.dao_id, member_id(1));
    let funding = |member| OutPoint { txid: txid(member), vout: 0 };
    let channel = |member| dao::channel_id(p.dao_id, funding(member));
    let hold = |member, amount_sat| DepositHold { thread, channel: channel(member), amount_sat };
    // The reserve of C-107, 1000 sat of 4000, cannot be held.
    let (too_much, of_another, most) = (hold(1, 3001), hold(2, 1000), hold(1, 3000));
    assert_eq!(world.say(1, too_much).unwrap_err().rule(), "G-96");
    assert_eq!(world.say(1, of_another).unwrap_err().rule(), "G-96");
    world.say(1, most).unwrap();
    assert_eq!(world.say(1, DepositHold { amount_sat: 1, ..most }).unwrap_err().rule(), "G-96");
    // The channel cannot pay it away.
    let spent = world.checkpoint(1, funding(1), 2999);
    assert_eq!(world.append(spent).unwrap_err().rule(), "G-96");
    let kept = world.checkpoint(1, funding(1), 3000);
    world.append(kept).unwrap();
    // Taken back under review, it is free again.
    let id = world.propose(1, content);
    world.mine();
    world.say(1, Withdrawal { proposal: id }).unwrap();
    world.finish_epoch();
    let entries = &world.state.ledger().accounts().last().unwrap().entries;
    assert_eq!(entries.iter().map(|e| (e.kind, e.sat)).collect::<Vec<_>>(), [(DepositReturned, 3000)]);
}

#[test]
fn a_confiscation_takes_no_more_than_was_signed() {
    let mut world = founded();
    let id = propose(&mut world, text("Held"));
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    let target = Confiscate { thread: id, member: member_id(1), amount_sat: 600 };
    assert_eq!(
        world.say(2, take(Confiscate { member: member_id(2), ..target })).unwrap_err().rule(),
        "G-86",
        "who holds nothing loses nothing"
    );
    let confiscation = world.propose(2, take(target));
    world.mine();
    for member in [2, 3] {
        world.vote(member, confiscation, Choice::Yes).unwrap();
    }
    let ends = world.state.proposals()[&confiscation].schedule.unwrap().close;
    let deposits = settled(&mut world, id);
    match ends <= close {
        // In one epoch it comes before the return.
        true => assert_eq!(deposits, [(DepositForfeited, 600), (DepositReturned, 400)]),
        false => assert_eq!(deposits.iter().map(|(_, sat)| sat).sum::<u64>(), 1000, "settled once: {deposits:?}"),
    }
}

fn take(confiscate: Confiscate) -> ProposalContent {
    ProposalContent::question(Class::Confiscate, "Take it", "", vec![Effect::Confiscate(confiscate)])
}

#[test]
fn dues_are_told_for_every_epoch() {
    let mut charter = charter();
    charter.rewards.dues_sat_per_epoch = 70;
    let mut world = World::with_charter(charter);
    world.join(1, 5000);
    world.finish_epoch();
    world.finish_epoch();
    let dues: Vec<(u32, u64)> = world.state.ledger().accounts().iter().map(|a| (a.epoch, a.dues_sat)).collect();
    assert_eq!(dues, [(1, 70), (2, 70)]);
}

proptest! {
    #[test]
    fn a_pool_is_shared_to_the_last_satoshi(
        pool in 0u64..=2_100_000_000_000_000, weights in proptest::collection::vec(1u128..=1 << 90, 1..40),
        by_weight in any::<bool>(),
    ) {
        let voters: BTreeMap<MemberId, u128> =
            (0u8..).zip(&weights).map(|(number, weight)| (MemberId([number; 32]), *weight)).collect();
        let share = if by_weight { RewardShare::ByWeight } else { RewardShare::Equal };
        let shares = rewards(pool, share, &voters);
        prop_assert_eq!(shares.iter().map(|(_, sat)| sat).sum::<u64>(), pool);
        let total: f64 = weights.iter().map(|weight| *weight as f64).sum();
        for (member, sat) in shares {
            let due = match share {
                RewardShare::Equal => pool as f64 / weights.len() as f64,
                RewardShare::ByWeight => pool as f64 * (voters[&member] as f64 / total),
            };
            prop_assert!((sat as f64 - due).abs() <= 2.0 + due * 1e-9, "{} of {}", sat, due);
        }
        prop_assert_eq!(rewards(pool, share, &BTreeMap::new()), vec![]);
    }
}

#[test]
fn a_hold_that_nothing_asks_for_is_refused() {
    let mut world = founded();
    let content = text("Boats");
    world.hold(1, &content, 1000);
    let id = world.propose(1, content.clone());
    world.mine();
    // A version that comes while it is reviewed may need more.
    world.hold(1, &content, 10);
    let refused = |world: &mut World, thread: ProposalId| {
        let channel = dao::channel_id(world.state.params().dao_id, OutPoint { txid: txid(1), vout: 0 });
        world.say(1, DepositHold { thread, channel, amount_sat: 10 }).unwrap_err()
    };
    let open = world.state.proposals()[&id].schedule.unwrap().open;
    world.mine_to(open - 1);
    world.hold(1, &content, 10);
    world.mine();
    let opened = refused(&mut world, id);
    assert_eq!((opened.rule(), opened.is_not_now()), ("G-96", false), "{opened:?}");
    assert!(opened.to_string().contains(&format!("opened at height {open}")), "{opened}");
    settled(&mut world, id);
    assert_eq!(refused(&mut world, id).rule(), "G-96");

    let content = text("Nets");
    world.hold(1, &content, 1000);
    let id = world.propose(1, content);
    world.say(1, Withdrawal { proposal: id }).unwrap();
    let withdrawn = refused(&mut world, id);
    assert!(withdrawn.to_string().contains("was withdrawn"), "{withdrawn}");
}
