//! The polls of a step: those over one roll that respect the same delegations share what does not depend on their ballots.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::poll::{Electors, electors, poll};
use super::{LedgerError, Step, locked_roll};
use crate::charter::Body;
use crate::delegation::{Electorate, View};
use crate::id::ProposalId;
use crate::parallel::Workers;
use crate::roll::Roll;
use crate::state::ProposalRecord;
use crate::tally::{Grounds, Poll, TallyError};
use crate::tree::SumOverlay;
use crate::voting::Count;

/// A vote that is to be counted.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) proposal: &'a ProposalRecord,
    /// Ballots up to here count.
    pub(crate) close: u32,
    /// The roll of the members.
    pub(crate) members: &'a Roll,
    pub(crate) stakes: Stakes,
}

/// Which stakes a roll counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stakes {
    /// Those of the snapshot.
    Snapshot,
    /// Those of them that are still locked when the epoch closes (G-37).
    Locked,
}

/// What came out for each body, in their order.
pub(crate) type Bodies<'a, R> = Vec<(Electors<'a>, Result<R, TallyError>)>;

/// What has been made ready so far, for as long as a step lasts.
#[derive(Default)]
pub(crate) struct StepPolls {
    grounds: Grounds<Key>,
    locked: BTreeMap<u32, (Arc<Roll>, Arc<Electorate>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Members, by the epoch of their roll.
    Members(u32, Stakes, Option<View>),
    /// Those who hold offices by the charter that a proposal keeps.
    Office(ProposalId, Body),
}

impl StepPolls {
    /// The totals of each vote.
    pub(crate) fn counts<'a>(
        &mut self,
        step: &Step<'a>,
        questions: &[Question<'a>],
    ) -> Result<Vec<Bodies<'a, Count>>, LedgerError> {
        self.ask(step, questions, |grounds, workers, polls| grounds.counts(workers, polls))
    }

    /// The ballot trees of each vote.
    pub(crate) fn trees<'a>(
        &mut self,
        step: &Step<'a>,
        questions: &[Question<'a>],
    ) -> Result<Vec<Bodies<'a, SumOverlay>>, LedgerError> {
        self.ask(step, questions, Grounds::trees)
    }

    /// The roll of a proposal's snapshot as far as its stakes are still locked.
    pub(crate) fn locked(&mut self, step: &Step<'_>, proposal: &ProposalRecord) -> Result<Arc<Roll>, LedgerError> {
        if let Some((roll, _)) = self.locked.get(&proposal.snapshot_epoch) {
            return Ok(Arc::clone(roll));
        }
        let roll = Arc::new(locked_roll(step, proposal)?);
        let electorate = Arc::new(electorate_of(&roll)?);
        self.locked.insert(proposal.snapshot_epoch, (Arc::clone(&roll), electorate));
        Ok(roll)
    }

    fn ask<'a, R>(
        &mut self,
        step: &Step<'a>,
        questions: &[Question<'a>],
        work: impl FnOnce(&mut Grounds<Key>, &dyn Workers, &[(Key, Poll<'_>)]) -> Vec<Result<R, TallyError>>,
    ) -> Result<Vec<Bodies<'a, R>>, LedgerError> {
        let bodies: Vec<Vec<Electors<'a>>> =
            questions.iter().map(|asked| electors(step.state, asked.proposal, asked.members)).collect();
        let mut polls: Vec<(Key, Poll<'_>)> = Vec::new();
        for (asked, bodies) in questions.iter().zip(&bodies) {
            for electors in bodies {
                polls.push(self.poll(step, asked, electors)?);
            }
        }
        let mut answers = work(&mut self.grounds, step.workers, &polls).into_iter();
        drop(polls);
        Ok(bodies.into_iter().map(|bodies| bodies.into_iter().zip(&mut answers).collect()).collect())
    }

    fn poll<'p>(
        &mut self,
        step: &Step<'p>,
        asked: &Question<'p>,
        electors: &'p Electors<'_>,
    ) -> Result<(Key, Poll<'p>), LedgerError> {
        let (proposal, epoch) = (asked.proposal, asked.proposal.snapshot_epoch);
        let poll = poll(step.state, proposal, electors.body, &electors.roll, step.cutoff(asked.close));
        let view = poll.delegations.as_ref().map(|delegations| delegations.view());
        let known = match asked.stakes {
            Stakes::Snapshot => step.state.electorate(epoch),
            Stakes::Locked => self.locked.get(&epoch).map(|(_, electorate)| electorate),
        };
        let (key, electorate) = match (electors.body, known) {
            (Body::Members, Some(known)) => (Key::Members(epoch, asked.stakes, view), Arc::clone(known)),
            (Body::Members, None) => return Err(LedgerError::RollMissing { epoch, proposal: proposal.id }),
            (body, _) => (Key::Office(proposal.id, body), Arc::new(electorate_of(&electors.roll)?)),
        };
        self.grounds.lay(key.clone(), &electorate, &poll);
        Ok((key, poll))
    }
}

fn electorate_of(roll: &Roll) -> Result<Electorate, TallyError> {
    Ok(Electorate::of_roll(roll)?)
}
