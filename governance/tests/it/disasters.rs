//! Disasters that happened to other DAOs, each played on this log. It must fail because of a guard; where a charter may switch
//! that guard off, the control shows that the attack would then succeed.

use althing_governance::charter::{Body, Class, ClassRule, Guardians, Quorum, RewardShare, SpendingCap};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{
    Ballot, Choice, Effect, ElectTreasurers, GuardianAct, GuardianVoice, Pause, ProposalContent, RuleChange, Spend,
};
use althing_governance::ledger::{AccountKind, Bar, Fate, PaymentState};
use althing_governance::lifecycle::Phase;
use althing_governance::receipt::batch_tree;
use althing_governance::voting::Outcome;
use althing_governance::{Charter, LogState, ProposalId};

use crate::world::{World, charter, member_id, spend, text};

const PASSED: Outcome = Outcome::Passed { option: None };

/// A DAO with these stakes in its first roll, under the usual charter with a change.
fn founded(stakes: &[u64], change: impl FnOnce(&mut Charter)) -> World {
    let mut charter = charter();
    change(&mut charter);
    let mut world = World::with_charter(charter);
    for (member, stake) in (1..).zip(stakes) {
        world.join(member, *stake);
    }
    world.finish_epoch();
    world
}

/// The spending rules decide by a plain majority of a fifth.
fn easy_spending(charter: &mut Charter) {
    for rule in &mut charter.classes {
        (rule.quorum, rule.veto_blocks, rule.distinct_voters_min) = (Quorum::ParticipationBp(2000), 0, 0);
        rule.threshold = althing_governance::charter::Threshold::Majority;
    }
}

/// Beanstalk, 2022: a billion borrowed for one transaction passed and executed a proposal.
#[test]
fn beanstalk() {
    // Stake that comes after the snapshot has no weight, however much it is.
    let mut world = founded(&[5000, 4000], easy_spending);
    world.join(3, 1_000_000_000);
    let id = world.open_vote(3, spend("Emergency", 20_000));
    world.vote(3, id, Choice::Yes).unwrap();
    world.vote(1, id, Choice::No).unwrap();
    assert_eq!(world.fate(id).outcome, Outcome::NoQuorum);

    // Stake that was there, voted, and left before the enactment, counts no more; stake that stays does.
    for (leaves, expected) in [(true, Fate::Failed), (false, Fate::Effective)] {
        let mut world = founded(&[5000, 4000, 900_000], |charter| {
            easy_spending(charter);
            charter.classes[1].veto_blocks = 12;
        });
        let id = world.open_vote(3, spend("Emergency", 20_000));
        world.vote(3, id, Choice::Yes).unwrap();
        world.vote(1, id, Choice::No).unwrap();
        let close = world.state.proposals()[&id].schedule.unwrap().close;
        while world.state.ledger().closing_height() < close {
            world.finish_epoch();
        }
        let provisional = world.state.ledger().standing(&id).unwrap();
        assert_eq!((provisional.outcome, provisional.is_final), (PASSED, false));
        if leaves {
            world.facts[2].released_height = Some(close + 1);
        }
        assert_eq!(world.fate(id).fate, expected, "leaves: {leaves}");
    }
}

/// Beanstalk, 2022, the other half: the path for emergencies could do anything at once. Here it can pause and nothing else.
#[test]
fn beanstalk_emergency_commit() {
    let mut world = World::founded(&[100, 9000], |charter| {
        let rule = charter.classes.iter_mut().find(|rule| rule.class == Class::Pause).unwrap();
        rule.bodies = vec![Body::Founders];
    });
    // The founder alone decides on a pause. Whatever else is called one is refused.
    let pay = spend("", 20_000).options[0].effects.clone();
    let both = [vec![stop_spending()], pay.clone()].concat();
    for effects in [pay, both, Vec::new()] {
        let refused = world.say(1, ProposalContent::question(Class::Pause, "Emergency", "", effects)).unwrap_err();
        assert!(!refused.is_not_now(), "{refused:?}");
    }
    let id = world.open_vote(1, ProposalContent::question(Class::Pause, "Emergency", "", vec![stop_spending()]));
    world.vote(1, id, Choice::Yes).unwrap();
    let paused = world.fate(id);
    assert_eq!((paused.fate, paused.payments.len()), (Fate::Effective, 0));
    assert!(world.state.ledger().is_paused(Class::Spend, world.state.ledger().closing_height()));
}

/// Curve and Mochi, 2021: bought votes directed a stream of payments. A committee could stop it, and only that.
#[test]
fn curve_mochi() {
    for stops in [false, true] {
        let mut world = World::founded(&[100, 9000], |charter| {
            let rule = charter.classes.iter_mut().find(|rule| rule.class == Class::Pause).unwrap();
            rule.bodies = vec![Body::Founders];
        });
        let bought = world.propose(2, spend("Liquidity", 50_000));
        let stop = ProposalContent::question(Class::Pause, "Emergency", "", vec![stop_spending()]);
        let stop = stops.then(|| world.propose(1, stop));
        world.mine();
        world.vote(2, bought, Choice::Yes).unwrap();
        if let Some(stop) = stop {
            world.vote(1, stop, Choice::Yes).unwrap();
        }
        let close = world.state.proposals()[&bought].schedule.unwrap().close;
        // While the committee's pause lasts nothing is paid, however the vote went; it is not its to say for how long.
        while world.state.ledger().closing_height() < close + 60 {
            world.finish_epoch();
        }
        let standing = world.state.ledger().standing(&bought).unwrap();
        assert_eq!(standing.outcome, PASSED);
        let expected = if stops { PaymentState::Waiting } else { PaymentState::Authorised };
        assert_eq!((standing.payments[0].state, standing.payments[0].authorisation.is_none()), (expected, stops));
    }
}

fn stop_spending() -> Effect {
    Effect::Pause(Pause { blocks: 144, classes: vec![Class::Spend] })
}

/// Build Finance, 2022: one address took the treasury in a quiet hour, at its second try.
#[test]
fn build_finance() {
    let stakes = [600, 9400];
    let attack = |change: fn(&mut Charter)| {
        let mut world = founded(&stakes, |charter| {
            charter.admission = althing_governance::charter::Admission::Open { min_stake_sat: 1 };
            easy_spending(charter);
            change(charter);
        });
        let first = world.open_vote(1, spend("Take it", 20_000));
        world.vote(1, first, Choice::Yes).unwrap();
        world.vote(2, first, Choice::No).unwrap();
        assert_ne!(world.fate(first).outcome, PASSED);
        // Nobody looks the second time. Another amount does not make it another proposal.
        let second = world.open_vote(1, spend("Take it after all", 20_001));
        world.vote(1, second, Choice::Yes).unwrap();
        world.fate(second)
    };
    // A quorum that fits what is at stake.
    let by_quorum = attack(|_| {});
    assert_eq!(by_quorum.outcome, Outcome::NoQuorum);
    // Even without one, the same cannot be proposed again and again.
    let by_cooldown = attack(|charter| {
        charter.classes[1].quorum = Quorum::ParticipationBp(1);
        charter.guards.cooldown_blocks = 100;
    });
    assert!(matches!(by_cooldown.bar, Some(Bar::Cooldown { .. })), "{by_cooldown:?}");
    let unguarded = attack(|charter| charter.classes[1].quorum = Quorum::ParticipationBp(1));
    assert_eq!(unguarded.fate, Fate::Effective);
}

/// A cap on what leaves in a period takes effect in part, output by output.
#[test]
fn build_finance_would_have_got_no_more_than_the_cap() {
    for (max_sat, outputs) in [(None, 3), (Some(41_000), 2), (Some(40_999), 1), (Some(21_000), 1), (Some(20_999), 0)] {
        let mut world = founded(&[5000], |charter| {
            easy_spending(charter);
            charter.guards.spending_cap = max_sat.map(|max_sat| SpendingCap { window_blocks: 1000, max_sat });
        });
        let mut content = spend("Take it", 20_000);
        let [Effect::Spend(spend)] = &mut content.options[0].effects[..] else { unreachable!("it is a spend") };
        spend.outputs = vec![spend.outputs[0].clone(); 3];
        let id = world.open_vote(1, content);
        world.vote(1, id, Choice::Yes).unwrap();
        let payment = world.fate(id).payments[0].clone();
        match payment.authorisation {
            Some(a) => {
                assert_eq!(payment.spend.outputs.len(), outputs, "{max_sat:?}");
                assert_eq!(a.amount_sat, 20_000 * outputs as u64 + 1000);
                assert_eq!(a.intent, payment.spend.intent_hash(id));
            }
            None => assert_eq!((outputs, payment.state), (0, PaymentState::Waiting), "{max_sat:?}"),
        }
    }
}

/// Tornado Cash, 2023: the proposal named an address, and what stood there was exchanged after the vote.
#[test]
fn tornado_cash() {
    let mut world = founded(&[5000], easy_spending);
    let harmless = spend("Logs as before", 20_000);
    let mut swapped = harmless.clone();
    let [Effect::Spend(payment)] = &mut swapped.options[0].effects[..] else { unreachable!("it is a spend") };
    payment.outputs[0].script = bitcoin::ScriptBuf::from_bytes(vec![0x51]);
    let swapped_spend: Spend = payment.clone();
    // The same words, another effect: another proposal, for which nobody voted.
    let id = world.open_vote(1, harmless);
    let other = world.propose(1, swapped);
    assert_ne!(id, other);
    world.vote(1, id, Choice::Yes).unwrap();
    let standing = world.fate(id);
    let authorised = standing.payments[0].authorisation.unwrap();
    assert_ne!(authorised.intent, swapped_spend.intent_hash(id));
    assert_eq!(world.state.ledger().standing(&other).map(|s| s.fate), Some(Fate::Failed));
    // What was executed cannot grant votes either: the roll is of stakes alone.
    assert_eq!(world.rolls.last().unwrap().total(), 5000);
}

/// Compound 289, 2024: the votes that decided came in the last hours of a weekend.
#[test]
fn compound_289() {
    // `before`: blocks from the attack to the close. A ballot of the last block comes below the head that reaches the close.
    let attack = |late_surge: bool, before: u32| {
        let mut world = founded(&[3000, 4000, 6000], |charter| {
            easy_spending(charter);
            (charter.classes[1].voting_blocks, charter.classes[1].late_surge) = (24, late_surge);
        });
        let id = world.open_vote(2, spend("Into our vault", 20_000));
        world.vote(1, id, Choice::No).unwrap();
        let schedule = world.state.proposals()[&id].schedule.unwrap();
        world.mine_to(schedule.close - before);
        world.vote(2, id, Choice::Yes).unwrap();
        world.mine_to(schedule.close);
        // Whoever sees it on Monday can still say no, but not for ever.
        let answer = world.vote(3, id, Choice::No);
        assert_eq!(answer.is_ok(), late_surge, "{answer:?}");
        assert!(schedule.latest_close <= schedule.open + 2 * (schedule.close - schedule.open));
        world.fate(id)
    };
    for before in [6, 3, 1] {
        assert_eq!(attack(true, before).outcome, Outcome::Rejected, "{before}");
        assert_eq!(attack(false, before).fate, Fate::Effective, "{before}");
    }
}

/// Synthetify, 2023: nobody was left to see ten proposals, of which one took everything.
#[test]
fn synthetify() {
    let attack = |active_stake_min_sat| {
        let mut world = founded(&[2000, 8000], |charter| {
            easy_spending(charter);
            charter.dormant_after_epochs = 2;
            charter.guards.active_stake_min_sat = active_stake_min_sat;
        });
        // Everybody sleeps but the one.
        (0..6).for_each(|_| world.finish_epoch());
        let id = world.open_vote(1, spend("Nothing to see", 20_000));
        world.vote(1, id, Choice::Yes).unwrap();
        world.fate(id)
    };
    let barred = attack(5000);
    assert_eq!(barred.bar, Some(Bar::InactiveStake { active_sat: 2000, needed_sat: 5000 }));
    assert_eq!((barred.outcome, barred.fate), (PASSED, Fate::Failed));
    assert_eq!(attack(2000).fate, Fate::Effective);

    // R-30, G-101: what counts is who was awake when the vote opened; whoever wakes for the vote changes nothing, and their ballot is taken.
    let mut world = founded(&[2000, 8000], |charter| {
        easy_spending(charter);
        charter.dormant_after_epochs = 2;
        charter.guards.active_stake_min_sat = 5000;
    });
    (0..6).for_each(|_| world.finish_epoch());
    let id = world.open_vote(1, spend("Nothing to see", 20_000));
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(2, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).bar, Some(Bar::InactiveStake { active_sat: 2000, needed_sat: 5000 }));
    let id = world.open_vote(1, spend("Now they look", 20_000));
    world.vote(1, id, Choice::Yes).unwrap();
    assert_eq!(world.fate(id).bar, None);
}

/// BOOM DAO, 2025: a rule change took the vote from nearly everybody, and the two who kept it took the rest.
#[test]
fn boom_dao() {
    let attack = |electorate_shrink_bp: u16, raised: u64| {
        let mut world = founded(&[1500, 1600, 20_000], |charter| {
            easy_spending(charter);
            charter.classes.push(ClassRule { voting_blocks: 6, ..ClassRule::new(Class::RuleChange) });
            charter.guards.electorate_shrink_bp = electorate_shrink_bp;
        });
        let before = world.state.charter().clone();
        let mut after = before.clone();
        after.admission = althing_governance::charter::Admission::Open { min_stake_sat: raised };
        let change = RuleChange { replaces: before.hash(), charter: Box::new(after) };
        let content =
            ProposalContent::question(Class::RuleChange, "Serious members", "", vec![Effect::RuleChange(change)]);
        match world.say(3, content.clone()) {
            Err(refusal) => Err(refusal),
            Ok(_) => {
                let p = world.state.params();
                let id = content.id(p.network, p.dao_id, member_id(3));
                world.mine();
                world.vote(3, id, Choice::Yes).unwrap();
                let standing = world.fate(id);
                world.finish_epoch();
                Ok((standing, world))
            }
        }
    };
    // A step too long is refused before anybody votes.
    assert_eq!(attack(1000, 54_000).err().unwrap().rule(), "G-85");
    // A step of the allowed length that would take the vote from 13 percent of the weight, is barred.
    let (barred, world) = attack(1000, 2000).unwrap();
    assert_eq!(barred.bar, Some(Bar::ElectorateShrink { lost: 3100, of: 23_100 }));
    assert_eq!(world.state.charter(), &world.state.params().charter);
    // A charter that allows it gets it, one cycle later and never for what is open.
    let (passed, world) = attack(2000, 2000).unwrap();
    assert_eq!(passed.fate, Fate::Effective);
    assert_eq!(world.state.charter().admission.min_stake_sat(), 2000);
    let header = world.headers.last().unwrap();
    assert_eq!(header.charter, world.state.charter().hash());
}

/// Lazy Summer, 2026: a right to everything hid among twelve calls, for a few dollars' worth of votes.
#[test]
fn lazy_summer() {
    // A privilege cannot hide in a payment: its class is its own.
    let mut hidden = spend("Maintenance", 20_000);
    let treasurers = charter().treasurers;
    let election = ElectTreasurers { descriptor: "tr(mine)".into(), treasurers };
    hidden.options[0].effects.push(Effect::ElectTreasurers(election));
    let refused = ProposalContent::from_bytes(&hidden.to_bytes()).unwrap_err().to_string();
    assert!(refused.contains("G-83"), "{refused}");

    // And guardians, who can do nothing else, stop it within the veto window.
    for (vetoes, expected) in [(2, Fate::Vetoed), (1, Fate::Effective)] {
        let mut world = founded(&[5000, 1000, 1000], |charter| {
            easy_spending(charter);
            charter.classes[1].veto_blocks = 12;
            let members = vec![member_id(2), member_id(3)];
            charter.guardians = Guardians { members, threshold: 2, delay_blocks: 0 };
        });
        let id = world.open_vote(1, spend("Maintenance", 20_000));
        world.vote(1, id, Choice::Yes).unwrap();
        let close = world.state.proposals()[&id].schedule.unwrap().close;
        world.mine_to(close + 1);
        for guardian in 2..2 + vetoes {
            world.say(guardian, GuardianAct { proposal: id, act: GuardianVoice::Veto }).unwrap();
        }
        assert!(world.say(1, GuardianAct { proposal: id, act: GuardianVoice::Veto }).is_err());
        assert_eq!(world.fate(id).fate, expected, "{vetoes} vetoes");
    }
}

/// Bisq until 2026: a voter's own claim of merit was added to the weight.
#[test]
fn bisq_merit() {
    let mut world = founded(&[5000, 9000], easy_spending);
    let id = world.open_vote(1, text("Merit"));
    // Nothing that a ballot says changes what it weighs.
    let claim = "weight=18446744073709551615".repeat(30);
    let ballot = Ballot { proposal: id, fields: vec![1], reason: Some(claim) };
    world.say(1, ballot).unwrap();
    let live = world.state.proposals()[&id].live.clone().unwrap();
    assert_eq!((live.count().parts(), live.count().weight()), (&[5000, 0][..], 14_000));
    for fields in [vec![1, 5000], vec![u16::MAX], vec![1, 1], vec![]] {
        let ballot = Ballot { proposal: id, fields, reason: None };
        assert_eq!(world.say(1, ballot).unwrap_err().rule(), "G-29");
    }
    // A balance above the funding output counts as the output, and below the least of the charter not at all.
    for (value_sat, weighs) in [(4000, 4000), (100, 0)] {
        world.facts[0].value_sat = value_sat;
        world.finish_epoch();
        assert_eq!(world.rolls.last().unwrap().weight(&member_id(1)), weighs);
    }
}

/// Bisq: votes were void because voters had seen different sets of them, or did not come back to reveal.
#[test]
fn bisq_data_view() {
    let play = |order: [u8; 3]| {
        let mut world = founded(&[5000, 3000, 2000], easy_spending);
        let id = world.open_vote(1, text("Same for all"));
        for member in order {
            // Each votes once and is never seen again.
            world.vote(member, id, if member == 2 { Choice::No } else { Choice::Yes }).unwrap();
        }
        let standing = world.fate(id);
        (standing.outcome, standing.count.sums(), world)
    };
    let (outcome, sums, world) = play([1, 2, 3]);
    let (again, sums_again, _) = play([3, 1, 2]);
    assert_eq!((outcome, &sums), (PASSED, &sums_again));
    assert_eq!(again, PASSED);
    // Whoever replays the log has the same view, to the last bit.
    let mut other = LogState::replay(world.state.params().clone(), world.log.clone()).unwrap();
    for (epoch, roll) in (1..).zip(&world.rolls) {
        other.set_roll(epoch, roll.clone());
    }
    assert_eq!(other, world.state);
}

/// Helios: two voters got the same receipt, so that one ballot could be exchanged.
#[test]
fn helios_clash() {
    let mut world = founded(&[5000, 3000], easy_spending);
    let id = world.open_vote(1, text("Clash"));
    let first = world.state.size();
    let ours = world.vote(1, id, Choice::Yes).unwrap();
    let theirs = world.vote(2, id, Choice::Yes).unwrap();
    assert_ne!(ours, theirs, "an entry names its voter and their count");
    let bytes: Vec<Vec<u8>> =
        world.log[usize::try_from(first).unwrap()..].iter().map(althing_governance::Entry::to_bytes).collect();
    let batch = batch_tree(bytes.iter().map(Vec::as_slice));
    // A path leads to one entry only: the other does not fit at its place.
    let path = batch.inclusion_proof(0, 2).unwrap();
    let fits = |entry: &[u8]| {
        let leaf = althing_governance::tree::leaf_hash(entry);
        althing_governance::tree::verify_inclusion(leaf, 0, 2, &path, batch.root()).is_ok()
    };
    assert!(fits(&bytes[0]));
    assert!(!fits(&bytes[1]));
}

/// Internet Computer, 2022: proposals of no use paid their voters, so somebody made one every day.
#[test]
fn nns_spam() {
    let rewards = |proposals: usize| {
        let mut world = founded(&[5000, 3000], |charter| {
            easy_spending(charter);
            (charter.rewards.pool_sat_per_epoch, charter.rewards.share) = (1001, RewardShare::ByWeight);
            assert_eq!(charter.check(), []);
        });
        let ids: Vec<ProposalId> = (0..proposals).map(|n| world.propose(1, text(&format!("Motion {n}")))).collect();
        world.mine();
        for id in &ids {
            world.vote(1, *id, Choice::Yes).unwrap();
            world.vote(2, *id, Choice::Yes).unwrap();
        }
        world.fate(ids[0]);
        let accounts = world.state.ledger().accounts();
        let paid = accounts.iter().flat_map(|account| &account.entries).filter(|e| e.kind == AccountKind::Reward);
        paid.map(|entry| entry.sat).sum::<u64>()
    };
    assert_eq!((rewards(1), rewards(5)), (1001, 1001));

    // And every motion that fails makes the next one dearer.
    let mut world = founded(&[20_000, 65_000], |charter| {
        easy_spending(charter);
        (charter.classes[0].deposit_sat, charter.classes[0].min_support_bp) = (1000, 2500);
        charter.guards.deposit_growth_bp = 5000;
        assert_eq!(charter.check(), []);
    });
    for (needed, held) in [(1000, 1000), (1500, 1000), (2250, 2250)] {
        let content = text(&format!("Motion of {held} and {needed}"));
        world.hold(1, &content, held);
        let id = world.open_vote(1, content);
        world.vote(1, id, Choice::Yes).unwrap();
        world.vote(2, id, Choice::No).unwrap();
        let standing = world.fate(id);
        let expected = (held < needed).then_some(Bar::Deposit { needed_sat: needed, held_sat: held, is_own: true });
        assert_eq!(standing.bar, expected);
        let entry = *world.state.ledger().accounts().last().unwrap().entries.last().unwrap();
        // 23.5 percent support it, the charter asks for 25, the most that it may: the deposit is gone.
        assert_eq!((entry.kind, entry.sat, entry.member), (AccountKind::DepositForfeited, held, member_id(1)));
    }
}

/// The DAO, 2016: whoever voted no helped the proposal to its quorum.
#[test]
fn the_dao_quorum() {
    let vote = |second: Option<Choice>| {
        let mut world = founded(&[1500, 1400, 7100], easy_spending);
        let id = world.open_vote(1, text("Fifteen percent"));
        world.vote(1, id, Choice::Yes).unwrap();
        if let Some(choice) = second {
            world.vote(2, id, choice).unwrap();
        }
        world.fate(id).outcome
    };
    assert_eq!(vote(None), Outcome::NoQuorum);
    assert_eq!(vote(Some(Choice::No)), Outcome::NoQuorum, "no must not help");
    assert_eq!(vote(Some(Choice::Abstain)), PASSED, "who wants to be counted as present abstains");
}

/// Any of these ends in a phase that says so.
#[test]
fn what_was_barred_says_so() {
    let mut world = founded(&[2000, 8000], |charter| {
        easy_spending(charter);
        charter.guards.active_stake_min_sat = 1_000_000;
    });
    let id = world.open_vote(1, spend("Nothing to see", 20_000));
    world.vote(1, id, Choice::Yes).unwrap();
    world.fate(id);
    assert_eq!(world.state.phase(&world.state.proposals()[&id]), Phase::Barred);
}
