//! Hazard: an answer to a request that is kept alive for longer than it waited, or that has expired when its turn comes (G-88).

use althing_governance::charter::{Class, Guardians};
use althing_governance::entry::{
    Budget, Choice, Effect, GuardianAct, GuardianVoice, Milestone, Pause, ProposalContent, Request,
};
use althing_governance::ledger::{Fate, Standing};
use althing_governance::{ProposalId, ledger::Payment};
use bitcoin::ScriptBuf;
use proptest::prelude::*;

use crate::world::{EPOCH, World, spend};

const DELAY: u32 = 6 * EPOCH;
/// How long what was authorised may wait.
const TERM: u32 = 2 * EPOCH;

/// Two answers that passed: the better one, which guardians put off, and one that waits behind it.
struct Race {
    world: World,
    better: ProposalId,
    other: ProposalId,
    /// When both votes ended.
    close: u32,
}

impl Race {
    fn run(other: ProposalContent) -> Self {
        let mut world = World::founded(&[5000, 4000], |charter| {
            charter.guards.pause_max_blocks = DELAY;
            charter.guardians =
                Guardians { members: [1, 2].map(crate::world::member_id).into(), threshold: 2, delay_blocks: DELAY };
            charter
                .classes
                .iter_mut()
                .for_each(|rule| rule.veto_blocks = if rule.class == Class::Pause { 0 } else { EPOCH });
        });
        let ask = Effect::Request(Request { submission_blocks: EPOCH, budget_cap_sat: 50_000 });
        let request = world.open_vote(1, ProposalContent::question(Class::Request, "Who builds?", "", vec![ask]));
        world.vote(1, request, Choice::Yes).unwrap();
        let answer = |content: ProposalContent| ProposalContent { request: Some(request), ..content };
        let better = world.propose(1, answer(short_lived("Of stone")));
        let other = world.propose(2, answer(other));
        world.mine();
        let schedule = world.state.proposals()[&other].schedule.unwrap();
        while world.height < schedule.open {
            world.finish_epoch();
        }
        for member in [1, 2] {
            world.vote(member, better, Choice::Yes).unwrap();
        }
        world.vote(1, other, Choice::Yes).unwrap();
        world.vote(2, other, Choice::Abstain).unwrap();
        for member in [1, 2] {
            world.say(member, act(better, GuardianVoice::Delay)).unwrap();
        }
        Self { world, better, other, close: schedule.close }
    }

    fn close_at(&mut self, height: u32) {
        while self.world.state.ledger().closing_height() < height {
            self.world.finish_epoch();
        }
        assert_eq!(self.world.state.ledger().closing_height(), height);
    }

    fn standing(&self, id: ProposalId) -> &Standing {
        self.world.state.ledger().standing(&id).unwrap()
    }

    fn veto_the_better_one(&mut self) {
        let better = self.better;
        for member in [1, 2] {
            self.world.say(member, act(better, GuardianVoice::Veto)).unwrap();
        }
    }
}

fn act(proposal: ProposalId, act: GuardianVoice) -> GuardianAct {
    GuardianAct { proposal, act }
}

fn short_lived(title: &str) -> ProposalContent {
    let mut content = spend(title, 5000);
    let Some(Effect::Spend(spend)) = content.options[0].effects.first_mut() else { panic!("it pays") };
    spend.expiry_blocks = TERM;
    content
}

fn budget(title: &str) -> ProposalContent {
    let milestone = |what: &str, after_blocks| Milestone { description: what.into(), amount_sat: 5000, after_blocks };
    let budget = Budget {
        payee: ScriptBuf::from_bytes([vec![0x51, 0x20], vec![0x42; 32]].concat()),
        milestones: vec![milestone("keel", 0), milestone("mast", DELAY + EPOCH)],
        fee_cap_sat: 500,
        expiry_blocks: TERM,
    };
    ProposalContent::question(Class::Budget, title, "", vec![Effect::Budget(budget)])
}

fn expiry(payment: &Payment) -> (u32, u32) {
    (payment.due_at, payment.authorisation.map_or(payment.expires_at, |given| given.expires_height))
}

#[test]
fn its_expiry_is_put_off_by_what_it_waited() {
    let mut race = Race::run(short_lived("Of turf"));
    let due = race.close + EPOCH;
    // The time of the better one is put off; the other one's has come long before, and it waits.
    for waited in (EPOCH..=5 * EPOCH).step_by(EPOCH as usize) {
        race.close_at(due + waited);
        let waiting = race.standing(race.other);
        assert_eq!((waiting.fate, waiting.expiry()), (Fate::Waiting, due + waited + TERM), "after {waited} blocks");
    }
    race.veto_the_better_one();
    race.close_at(due + DELAY);
    // The veto is heard before anybody's turn.
    assert_eq!((race.standing(race.better).fate, race.standing(race.other).fate), (Fate::Vetoed, Fate::Effective));
    let paid = race.standing(race.other);
    assert_eq!(expiry(&paid.payments[0]), (due, due + DELAY - EPOCH + TERM));
    race.world.assert_reproducible();
}

/// Of a budget what was due while it waited has all of its time before it, and what was not has no more.
#[test]
fn milestones_are_put_off_from_where_they_were_due() {
    let mut race = Race::run(budget("In parts"));
    let due = race.close + EPOCH;
    race.close_at(due + 5 * EPOCH);
    race.veto_the_better_one();
    race.close_at(due + DELAY);
    let paid = race.standing(race.other).payments.clone();
    assert_eq!(expiry(&paid[0]), (due, due + DELAY - EPOCH + TERM), "it was due, and waited");
    assert!(paid[0].authorisation.is_some(), "it did not expire while it waited");
    let later = due + DELAY + EPOCH;
    assert_eq!(expiry(&paid[1]), (later, later + TERM), "it was not due yet");
    race.world.assert_reproducible();
}

/// Heights in a pause in which it waited for others anyhow do not count twice.
#[test]
fn a_pause_while_it_waits_counts_once() {
    let mut race = Race::run(short_lived("Of turf"));
    let due = race.close + EPOCH;
    race.close_at(due);
    let pause = Effect::Pause(Pause { blocks: DELAY, classes: vec![Class::Spend] });
    let pause = race.world.open_vote(1, ProposalContent::question(Class::Pause, "Wait", "", vec![pause]));
    race.world.vote(1, pause, Choice::Yes).unwrap();
    race.close_at(due + 5 * EPOCH);
    race.veto_the_better_one();
    race.close_at(due + DELAY);
    let from = race.world.state.ledger().pauses()[0].from;
    assert!(from < due + 5 * EPOCH && race.standing(race.other).fate == Fate::Waiting, "paused from {from} on");
    race.close_at(from + DELAY);
    let paid = race.standing(race.other);
    // All but the first blocks in which the better one stood before it, and all of the pause behind that.
    assert_eq!(expiry(&paid.payments[0]), (due, from + DELAY + TERM));
    assert!(paid.payments[0].authorisation.is_some());
    race.world.assert_reproducible();
}

/// What comes over one of several answers, in epochs from the close of their votes on.
#[derive(Debug, Clone)]
struct Luck {
    /// Guardians put it off.
    is_delayed: bool,
    vetoed: Option<u32>,
    /// Whoever said yes to it spends their stake.
    left: Option<u32>,
}

/// What became of an answer, at which closing height, and when its payment expires.
type Told = (Fate, u32, Option<u32>);

/// Answers by ascending lead, as G-88, G-95 and G-106 say it.
fn naive(close: u32, luck: &[Luck]) -> Vec<Told> {
    let height = |epochs: Option<u32>| epochs.map(|epochs| close + epochs * EPOCH);
    let authorised = |of: &Luck| close + EPOCH + if of.is_delayed { DELAY } else { 0 };
    let mut told: Vec<Told> = vec![(Fate::Waiting, close, None); luck.len()];
    let mut behind = vec![0; luck.len()];
    for now in (1..=EPOCHS).map(|epochs| close + epochs * EPOCH) {
        for (told, of) in told.iter_mut().zip(luck).filter(|(told, _)| told.0 == Fate::Waiting) {
            if height(of.vetoed).is_some_and(|at| at <= now && at <= authorised(of)) {
                *told = (Fate::Vetoed, now, None);
            }
        }
        while let Some(best) = told.iter().rposition(|told| told.0 == Fate::Waiting) {
            if authorised(&luck[best]) > now {
                break;
            }
            if height(luck[best].left).is_some_and(|at| at <= now) {
                told[best] = (Fate::Failed, now, None);
                continue;
            }
            told[best] = (Fate::Effective, now, Some(authorised(&luck[best]).max(behind[best]) + TERM));
            told.iter_mut().filter(|told| told.0 == Fate::Waiting).for_each(|told| *told = (Fate::Lapsed, now, None));
        }
        let best = told.iter().rposition(|told| told.0 == Fate::Waiting);
        (0..best.unwrap_or(0)).for_each(|one| behind[one] = now);
    }
    told
}

const EPOCHS: u32 = 10;

/// As the machine does it; `order` is that of the answers in the log.
fn played(luck: &[Luck], order: &[usize]) -> (u32, Vec<Told>) {
    // Members 1, 2, ... each say yes to one of them; 8 and 9 are the guardians.
    let mut world = World::founded(&[3000, 3500, 4000, 4500], |charter| {
        charter.guardians =
            Guardians { members: [8, 9].map(crate::world::member_id).into(), threshold: 2, delay_blocks: DELAY };
        charter.classes.iter_mut().for_each(|rule| rule.veto_blocks = EPOCH);
    });
    let ask = Effect::Request(Request { submission_blocks: EPOCH, budget_cap_sat: 50_000 });
    let request = world.open_vote(1, ProposalContent::question(Class::Request, "Who builds?", "", vec![ask]));
    for member in 1..=4 {
        world.vote(member, request, Choice::Yes).unwrap();
    }
    let mut ids = vec![request; luck.len()];
    for place in order.iter().copied().filter(|place| *place < luck.len()) {
        let content = ProposalContent { request: Some(request), ..short_lived(&format!("Of {place} stones")) };
        ids[place] = world.propose(1, content);
    }
    world.mine();
    let schedule = world.state.proposals()[&ids[0]].schedule.unwrap();
    while world.height < schedule.open {
        world.finish_epoch();
    }
    let member = |place: usize| 1 + u8::try_from(place).unwrap();
    for (place, (id, of)) in ids.iter().zip(luck).enumerate() {
        world.vote(member(place), *id, Choice::Yes).unwrap();
        for guardian in [8, 9].into_iter().filter(|_| of.is_delayed) {
            world.say(guardian, act(*id, GuardianVoice::Delay)).unwrap();
        }
    }
    while world.state.ledger().closing_height() < schedule.close {
        world.finish_epoch();
    }
    for epochs in 1..=EPOCHS {
        for (place, (id, of)) in ids.iter().zip(luck).enumerate() {
            for guardian in [8, 9].into_iter().filter(|_| of.vetoed == Some(epochs)) {
                // Too late for some.
                let _ = world.say(guardian, act(*id, GuardianVoice::Veto));
            }
            if of.left == Some(epochs) {
                world.facts[place].released_height = Some(schedule.close + epochs * EPOCH);
            }
        }
        world.finish_epoch();
    }
    world.assert_reproducible();
    let told = |id: &ProposalId| {
        let standing = world.state.ledger().standing(id).unwrap();
        let at = world.headers[standing.fate_epoch as usize - 1].closing_height;
        (standing.fate, at, standing.payments.first().map(|payment| payment.expires_at))
    };
    (schedule.close, ids.iter().map(told).collect())
}

fn luck() -> impl Strategy<Value = Luck> {
    let epochs = || prop::option::of(1..9u32);
    (any::<bool>(), epochs(), epochs()).prop_map(|(is_delayed, vetoed, left)| Luck { is_delayed, vetoed, left })
}

proptest! {
    // Each case signs a whole log.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_next_best_has_its_turn_in_the_epoch_that_ends_the_better_one(
        luck in prop::collection::vec(luck(), 2..5),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
    ) {
        let (close, told) = played(&luck, &order);
        prop_assert_eq!(told, naive(close, &luck));
    }
}

/// Whatever their order in the log: three in a row that fail when they are counted again, and the fourth.
#[test]
fn nobody_waits_for_what_has_failed() {
    let fails = |_| Luck { is_delayed: false, vetoed: None, left: Some(1) };
    let mut luck: Vec<Luck> = (0..4).map(fails).collect();
    luck[0].left = None;
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let (close, told) = played(&luck, &order);
        let failed = (Fate::Failed, close + EPOCH, None);
        let paid = (Fate::Effective, close + EPOCH, Some(close + EPOCH + TERM));
        assert_eq!(told, [paid, failed, failed, failed], "{order:?}");
    }
}
