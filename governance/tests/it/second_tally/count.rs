//! When a vote ends and what it comes to (G-42 to G-53, G-106, V-40, V-41).

use althing_governance::charter::{Body, Quorum};
use althing_governance::ledger::Standing;
use althing_governance::voting::{Outcome, Rule, System};
use althing_governance::{LogState, MemberId};

use super::roll::Weights;
use super::told::{Motion, Told, size};
use crate::naive_delegation::{ABSTAIN, Edges, naive_flow};
use crate::voting_oracle::Election;
use crate::world::block_hash;

/// What a vote comes to.
pub(crate) struct Decision {
    pub(crate) end: u32,
    /// The first epoch that can tell.
    pub(crate) epoch: u32,
    pub(crate) outcome: Outcome,
    /// The first body's ballots and the weights behind them.
    pub(crate) election: Election,
    pub(crate) dormant: u128,
    pub(crate) is_by_lot: bool,
}

impl Told<'_> {
    /// What the epochs so far decided of it.
    pub(crate) fn decision(&self, motion: &Motion<'_>) -> Option<Decision> {
        let end = self.end(motion);
        let cutoff = self.size_at(end)?;
        if self.is_dropped(motion, cutoff) {
            return None;
        }
        for (epoch, closing) in (1..).zip(&self.closings).filter(|(_, closing)| **closing >= end) {
            if let Some(outcome) = self.outcome(motion, end, cutoff, *closing, None) {
                let (election, dormant) = self.election(motion, motion.rule.bodies[0], end, cutoff, None);
                let is_by_lot = self.outcome(motion, end, cutoff, end, None).is_none();
                return Some(Decision { end, epoch, outcome, election, dormant, is_by_lot });
            }
        }
        None
    }

    /// What the epoch that closes at `closing` makes of what passed: the same ballots with what is still locked.
    pub(crate) fn again(&self, motion: &Motion<'_>, first: &Decision, closing: u32) -> Option<Outcome> {
        let cutoff = self.size_at(first.end)?;
        let again = self.outcome(motion, first.end, cutoff, closing, Some(closing))?;
        match again {
            Outcome::Passed { .. } if again != first.outcome => Some(Outcome::Rejected),
            _ => Some(again),
        }
    }

    /// The sums of its first body at enactment, when an epoch closes at `closing`.
    pub(crate) fn sums_again(&self, motion: &Motion<'_>, first: &Decision, closing: u32) -> Vec<u128> {
        let cutoff = self.size_at(first.end).unwrap();
        self.election(motion, motion.rule.bodies[0], first.end, cutoff, Some(closing)).0.sums()
    }

    /// Where others than the members decide, what each body said; and what it is said to have said by now, which an office is
    /// counted for apart (G-45).
    pub(crate) fn compare_bodies(
        &self,
        state: &LogState,
        motion: &Motion<'_>,
        standing: &Standing,
        end: u32,
        at: &str,
    ) {
        let cutoff = self.size_at(end).unwrap();
        let by_now = state.bodies_so_far(&state.proposals()[&motion.id]);
        if motion.rule.bodies == [Body::Members] {
            assert!(standing.bodies.is_empty(), "{at}: the members alone decide");
            return;
        }
        let bodies: Vec<Body> = standing.bodies.iter().map(|one| one.body).collect();
        assert_eq!(bodies, motion.rule.bodies, "{at}: bodies");
        for (one, now) in standing.bodies.iter().zip(&by_now) {
            let (election, _) = self.election(motion, one.body, end, cutoff, None);
            assert_eq!(one.count.sums(), election.sums(), "{at}: sums of {}", one.body.name());
            assert_eq!(
                (now.body, now.count.sums()),
                (one.body, election.sums()),
                "{at}: sums of {} by now",
                one.body.name()
            );
        }
    }

    /// What all bodies decide together (G-45), as far as an epoch that closes at `closing` knows (G-53).
    fn outcome(
        &self,
        motion: &Motion<'_>,
        end: u32,
        cutoff: usize,
        closing: u32,
        locked_at: Option<u32>,
    ) -> Option<Outcome> {
        let mut outcomes = Vec::new();
        for body in &motion.rule.bodies {
            let (mut election, dormant) = self.election(motion, *body, end, cutoff, locked_at);
            election.absent -= dormant;
            outcomes.push(election.by_hand(closing >= end + 6)?);
        }
        match outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Passed { .. })) {
            Some(failed) => Some(*failed),
            None if outcomes.iter().any(|other| *other != outcomes[0]) => Some(Outcome::Rejected),
            None => Some(outcomes[0]),
        }
    }

    /// A body's vote over the entries below `cutoff`, and the weight that sleeps (G-46).
    fn election(
        &self,
        motion: &Motion<'_>,
        body: Body,
        end: u32,
        cutoff: usize,
        locked_at: Option<u32>,
    ) -> (Election, u128) {
        let weights = self.electors(motion, body, locked_at);
        let is_members = body == Body::Members;
        let mut election = self.cast(motion, &weights, cutoff, is_members);
        election.block.copy_from_slice(bitcoin::hashes::Hash::as_byte_array(&block_hash(end + 6)));
        let mut dormant = 0;
        if !is_members {
            election.rule.distinct_voters_min = 0;
        } else if matches!(motion.rule.quorum, Quorum::YesOfTotalBp(_)) {
            let is_silent = |member: &MemberId| {
                self.ballot(motion, *member, cutoff).is_none() && self.delegation(motion, *member, cutoff).is_empty()
            };
            let asleep = weights.iter().filter(|(member, _)| is_silent(member) && self.is_dormant(**member, cutoff));
            dormant = asleep.map(|(_, weight)| weight).sum();
        }
        (election, dormant)
    }

    /// Ballots below `cutoff` with the weights behind them, by the order of members.
    fn cast(&self, motion: &Motion<'_>, weights: &Weights, cutoff: usize, delegating: bool) -> Election {
        let members: Vec<MemberId> = weights.keys().copied().collect();
        let seat = |member: MemberId| members.iter().position(|other| *other == member).map(|at| at as u32);
        let own: Vec<u64> = weights.values().map(|weight| u64::try_from(*weight).unwrap()).collect();
        let ballots: Vec<Option<&[u16]>> = members.iter().map(|m| self.ballot(motion, *m, cutoff)).collect();
        let voters: Vec<u32> = (0..).zip(&ballots).filter(|(_, ballot)| ballot.is_some()).map(|(at, _)| at).collect();
        let to = |member: &MemberId| -> Edges {
            let parts = if delegating { self.delegation(motion, *member, cutoff) } else { &[] };
            let receiver = |to: MemberId| if to == MemberId([0; 32]) { Some(ABSTAIN) } else { seat(to) };
            parts.iter().map(|part| (receiver(part.to), part.share_bp)).collect()
        };
        let edges: Vec<Edges> = members.iter().map(to).collect();
        let flow = naive_flow(&own, &edges, &voters);
        let standing: u128 = flow.abstained.iter().sum();
        let votes: Vec<(Vec<u16>, u128)> = ballots
            .iter()
            .zip(flow.received)
            .filter_map(|(ballot, weight)| Some((ballot.as_ref()?.to_vec(), weight)))
            .collect();
        let class = motion.rule;
        Election {
            system: motion.content.system,
            options: if motion.content.system.has_options() { motion.content.options.len() as u16 } else { 0 },
            absent: weights.values().sum::<u128>() - standing - votes.iter().map(|(_, weight)| weight).sum::<u128>(),
            standing,
            votes,
            rule: Rule {
                threshold: class.threshold,
                quorum: class.quorum,
                distinct_voters_min: class.distinct_voters_min,
                veto_bp: class.veto_bp,
                oppose_bp: class.oppose_bp,
            },
            block: [0; 32],
        }
    }

    /// What the voters of the first body weigh by themselves.
    pub(crate) fn voting_weight(&self, motion: &Motion<'_>, end: u32) -> Weights {
        let mut weights = self.electors(motion, motion.rule.bodies[0], None);
        let cutoff = self.size_at(end).unwrap();
        weights.retain(|member, _| self.ballot(motion, *member, cutoff).is_some());
        weights
    }

    fn is_dormant(&self, member: MemberId, below: usize) -> bool {
        let silence = self.charter.dormant_after_epochs * self.charter.epoch_blocks;
        let now = self.height_of_size(below);
        let spoke = |at: usize| {
            let is_own = self.log[at].lane().is_some_and(|lane| lane.member == member);
            is_own && self.height_of(at).is_some_and(|height| height + silence >= now)
        };
        silence > 0 && !(0..below).any(spoke)
    }

    /// The height at which voting ends (G-43, G-44).
    pub(crate) fn end(&self, motion: &Motion<'_>) -> u32 {
        let rule = motion.rule;
        if rule.early_decision && rule.final_ballots && rule.bodies == [Body::Members] {
            let weights = self.electors(motion, Body::Members, None);
            let mut at = self.boundary(motion.open + 1);
            while at < motion.close {
                let certain = |cutoff| is_certain(&self.cast(motion, &weights, cutoff, false));
                if self.size_at(at).is_some_and(certain) {
                    return at;
                }
                at += self.charter.epoch_blocks;
            }
        }
        if rule.late_surge { self.end_after_surges(motion) } else { motion.close }
    }

    fn end_after_surges(&self, motion: &Motion<'_>) -> u32 {
        let weights = self.electors(motion, Body::Members, None);
        let quarter = (motion.close - motion.open).div_ceil(4);
        let mut end = motion.close;
        let mut known: Option<Outcome> = None;
        let before = self.heads().filter(|head| head.tip_height < motion.close - quarter).last();
        let from = before.map_or(0, |head| head.tip_height);
        for head in self.heads().filter(|head| head.tip_height >= from) {
            // Who leads is told by the outcome so far, and all ways to fail are one.
            let so_far = self.cast(motion, &weights, size(head), true).by_hand(false);
            let leads = so_far.map(|outcome| if outcome.has_passed() { outcome } else { Outcome::Rejected });
            if known.is_some() && leads.is_some() && known != leads && head.tip_height >= end - quarter {
                end = self.boundary(head.tip_height + quarter).clamp(end, motion.latest_close);
            }
            known = leads.or(known);
            if head.tip_height >= end {
                break;
            }
        }
        end
    }
}

/// V-40, of ballots without delegations.
fn is_certain(own: &Election) -> bool {
    let (now, rest) = (own.by_hand(false), own.absent);
    if rest == 0 {
        return now.is_some();
    }
    if own.system.is_ranked() || matches!(now, None | Some(Outcome::Tied)) {
        return false;
    }
    let side = |field: u16| own.votes.iter().filter(|(f, _)| f[..] == [field]).map(|(_, weight)| weight).sum::<u128>();
    let (yes, no) = (side(1), side(2) + side(3));
    let is_question = matches!(own.system, System::YesNoAbstain | System::YesNoVeto);
    if is_question && matches!(now, Some(Outcome::Passed { .. } | Outcome::Rejected)) && yes.abs_diff(no) <= rest {
        return false;
    }
    let most = match own.system {
        System::Split => 10_000,
        System::Score { max } => max,
        System::Quadratic { credits } => {
            (0u16..).take_while(|votes| u32::from(*votes).pow(2) <= credits).last().unwrap()
        }
        _ => 1,
    };
    let all_on = |option: u16| (0..=own.options).map(|other| if other == option { most } else { 0 }).collect();
    let ballots: Vec<Vec<u16>> = match own.system {
        System::YesNoAbstain | System::Optimistic => vec![vec![1], vec![2]],
        System::YesNoVeto => vec![vec![1], vec![2], vec![3]],
        System::SingleChoice => (0..=own.options).map(|option| vec![option]).collect(),
        _ => (0..=own.options).map(all_on).collect(),
    };
    ballots.into_iter().all(|fields| {
        let mut later = own.clone();
        // As many voters as the weight has units; more than a hundred make no difference to any rule here.
        let few = rest.min(100);
        later.votes.extend((1..few).map(|_| (fields.clone(), 1)));
        later.votes.push((fields, rest - (few - 1)));
        later.absent = 0;
        later.by_hand(false) == now
    })
}
