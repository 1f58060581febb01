//! Hazard: a wrong outcome, by whatever part between the log and the decision.
//!
//! A second tally of whole DAOs, naive on purpose: for every vote it reads the log again from the first entry on, and it takes
//! nothing from the library but the entries, the charter and the types of rules and outcomes. Rolls, cutoffs, delegations,
//! sums, ends of votes, ties and outcomes must be those that the machine comes to.

mod count;
mod dao;
mod roll;
mod told;

use std::collections::BTreeMap;

use althing_governance::voting::{Outcome, Rankings, System};

use crate::world::World;
use count::Decision;
use dao::play;
use told::Told;

/// DAOs in the normal run. Another number of them by one variable, and the number of the first, from which everything in it is
/// drawn, by the other one.
const DAOS: u64 = 300;
const DAOS_VARIABLE: &str = "ALTHING_TALLY_DAOS";
const FIRST_VARIABLE: &str = "ALTHING_TALLY_FIRST";

#[test]
fn a_second_tally_agrees_on_random_daos() {
    #[allow(clippy::disallowed_methods, reason = "the switch of this one test")]
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let (first, daos) = (number(FIRST_VARIABLE).unwrap_or(0), number(DAOS_VARIABLE).unwrap_or(DAOS));
    let mut seen = Tallies::default();
    for number in first..first + daos {
        seen.note("DAOs");
        compare(number, &play(number), &mut seen);
    }
    report(&seen);
    if daos >= DAOS {
        assert_everything_was_seen(&seen);
    }
}

/// Every vote of a DAO.
fn compare(number: u64, world: &World, seen: &mut Tallies) {
    let told = Told::of(world);
    let mut decided = 0;
    for motion in told.motions() {
        let at = format!("DAO {number}, motion at position {}, {:?}", motion.position, motion.content.system);
        let standing = world.state.ledger().standing(&motion.id);
        let Some(decision) = told.decision(&motion) else {
            assert!(standing.is_none(), "{at}: the machine alone decided: {standing:?}");
            continue;
        };
        decided += 1;
        let standing = standing.unwrap_or_else(|| panic!("{at}: the machine has not decided"));
        let Decision { end, epoch, outcome, ref election, dormant, .. } = decision;
        assert_eq!(standing.count.sums(), election.sums(), "{at}: sums");
        assert_eq!(*standing.count.rankings(), rankings(&decision), "{at}: rankings");
        assert_eq!((standing.closed_at, standing.decided_epoch), (end, epoch), "{at}: end and epoch");
        assert_eq!((standing.announced, standing.dormant_weight), (outcome, dormant), "{at}: outcome, dormant weight");
        told.compare_bodies(&world.state, &motion, standing, end, &at);
        let last = match standing.enacted_epoch {
            Some(enacted) => told.again(&motion, &decision, told.closings[enacted as usize - 1]),
            None => Some(outcome),
        };
        if let Some(enacted) = standing.enacted_epoch {
            let counted = standing.counted_again().unwrap_or_else(|| standing.at_close());
            let sums = told.sums_again(&motion, &decision, told.closings[enacted as usize - 1]);
            assert_eq!(counted.count.sums(), sums, "{at}: sums with what was still locked");
        }
        assert_eq!(Some(standing.outcome), last, "{at}: outcome with what was still locked");
        let proposal = &world.state.proposals()[&motion.id];
        let cutoff = told.size_at(end).unwrap();
        let mut too_late = false;
        for (member, ballots) in proposal.ballots.by_member() {
            let counted = world.state.counted_ballot(proposal, member).map(|ballot| ballot.fields);
            assert_eq!(counted, told.ballot(&motion, *member, cutoff), "{at}: the ballot of {member} that counts");
            too_late |= ballots.into_iter().any(|ballot| ballot.position >= cutoff as u64);
        }
        seen.note("votes");
        seen.note(format!("{} {}", motion.content.system.name(), outcome.name()));
        let own: u128 = told.voting_weight(&motion, end).values().sum();
        let carried = election.votes.iter().map(|(_, weight)| weight).sum::<u128>();
        for (what, is_so) in [
            ("with delegated weight", carried > own),
            ("with a standing abstention", election.standing > 0),
            ("with a ballot too late", too_late),
            ("ended late", end > motion.close),
            ("ended early", end < motion.close),
            ("decided by lot", decision.is_by_lot),
            ("failed when counted again", last != Some(outcome)),
            ("with dormant weight", dormant > 0),
            ("of several bodies", motion.rule.bodies.len() > 1),
        ] {
            if is_so {
                seen.note(what);
            }
        }
    }
    assert_eq!(world.state.ledger().standings().len(), decided, "DAO {number}: votes decided");
}

fn rankings(decision: &Decision) -> Rankings {
    let mut rankings = Rankings::new();
    let listed = decision.election.votes.iter().filter(|(fields, weight)| !fields.is_empty() && *weight > 0);
    for (fields, weight) in listed.filter(|_| decision.election.system == System::InstantRunoff) {
        *rankings.entry(fields.clone()).or_default() += weight;
    }
    rankings
}

/// The DAOs are no proof of anything that never happens in them.
fn assert_everything_was_seen(seen: &Tallies) {
    let choices = ["single_choice", "approval", "score", "instant_runoff", "schulze", "split", "quadratic"];
    let fails = [Outcome::Rejected, Outcome::NoQuorum];
    let passes = Outcome::Passed { option: None };
    let pairs = choices.into_iter().chain(["yes_no_abstain", "yes_no_veto", "optimistic"]);
    let mut wanted: Vec<String> =
        pairs.flat_map(|system| fails.iter().chain([&passes]).map(move |o| format!("{system} {}", o.name()))).collect();
    wanted.extend(["yes_no_abstain tied", "yes_no_veto tied", "yes_no_veto vetoed"].map(String::from));
    wanted.extend(["ended late", "ended early", "decided by lot", "failed when counted again"].map(String::from));
    wanted.extend(["with dormant weight", "of several bodies", "with delegated weight"].map(String::from));
    wanted.extend(["with a standing abstention", "with a ballot too late"].map(String::from));
    let missing: Vec<&String> = wanted.iter().filter(|what| !seen.0.contains_key(*what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}

#[expect(clippy::print_stdout, reason = "the figures of a long run are what it is for")]
fn report(seen: &Tallies) {
    seen.0.iter().for_each(|(what, times)| println!("{times:>9} {what}"));
}

/// How often something happened.
#[derive(Default)]
struct Tallies(BTreeMap<String, usize>);

impl Tallies {
    fn note(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}
