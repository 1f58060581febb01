//! Hazard: an answer to a request that is kept alive for longer than it waited, or that has expired when its turn comes (G-88).

use althing_governance::charter::{Class, Guardians};
use althing_governance::entry::{
    Budget, Choice, Effect, GuardianAct, GuardianVoice, Milestone, Pause, ProposalContent, Request,
};
use althing_governance::ledger::{Fate, Standing};
use althing_governance::{ProposalId, ledger::Payment};
use bitcoin::ScriptBuf;

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
    // The veto was heard behind it.
    assert_eq!((race.standing(race.better).fate, race.standing(race.other).fate), (Fate::Vetoed, Fate::Waiting));
    race.close_at(due + DELAY + EPOCH);
    let paid = race.standing(race.other);
    assert_eq!(paid.fate, Fate::Effective);
    assert_eq!(expiry(&paid.payments[0]), (due, due + DELAY + TERM));
    race.world.assert_reproducible();
}

/// Of a budget what was due while it waited has all of its time before it, and what was not has no more.
#[test]
fn milestones_are_put_off_from_where_they_were_due() {
    let mut race = Race::run(budget("In parts"));
    let due = race.close + EPOCH;
    race.close_at(due + 5 * EPOCH);
    race.veto_the_better_one();
    race.close_at(due + DELAY + EPOCH);
    let paid = race.standing(race.other).payments.clone();
    assert_eq!(expiry(&paid[0]), (due, due + DELAY + TERM), "it was due, and waited");
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
