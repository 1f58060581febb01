//! Counting again at enactment: the same ballots with the stakes that are still locked (G-37).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decide::{Verdict, verdict};
use super::{Fate, LedgerError, Question, Recount, Stakes, Standing, Step, StepPolls};
use crate::id::ProposalId;
use crate::roll::Roll;
use crate::state::ProposalRecord;
use crate::voting::Outcome;

/// What came out for each proposal; `None` while a tie waits for its block.
pub(super) type Verdicts = BTreeMap<ProposalId, Result<Option<Verdict>, LedgerError>>;

/// Counts proposals again whose votes ended at these heights, together.
pub(super) fn count_again(
    step: &Step<'_>,
    polls: &mut StepPolls,
    asked: &[(&ProposalRecord, u32)],
) -> Result<Verdicts, LedgerError> {
    let locked = asked.iter().map(|(proposal, _)| polls.locked(step, proposal));
    let locked: Vec<Arc<Roll>> = locked.collect::<Result<_, _>>()?;
    let question = |((proposal, close), members)| Question { proposal, close, members, stakes: Stakes::Locked };
    let questions: Vec<Question<'_>> =
        asked.iter().copied().zip(locked.iter().map(Arc::as_ref)).map(question).collect();
    let counted = polls.counts(step, &questions)?;
    let judged = questions.iter().zip(counted);
    Ok(judged.map(|(question, bodies)| (question.proposal.id, verdict(step, question, bodies))).collect())
}

/// The roll of a proposal's snapshot without the stakes that had gone elsewhere when the epoch closed (G-37).
pub(crate) fn locked_roll(step: &Step<'_>, proposal: &ProposalRecord) -> Result<Roll, LedgerError> {
    let epoch = proposal.snapshot_epoch;
    let missing = LedgerError::RollMissing { epoch, proposal: proposal.id };
    let roll = step.state.roll(epoch).ok_or(missing)?;
    let snapshot = step.state.anchored().iter().find(|record| record.header.epoch == epoch);
    let charter =
        snapshot.map_or(&step.state.params().charter, |record| step.state.roll_charter(record.header.log_size));
    Ok(roll.still_locked(charter, step.roll))
}

impl Standing {
    /// Takes over the count at enactment. Only what passed can change, and only to its disadvantage.
    pub(super) fn take_again(&mut self, epoch: u32, again: Verdict) {
        self.is_final = true;
        self.enacted_epoch = Some(epoch);
        if again.outcome != self.outcome {
            self.fate = Fate::Failed;
            self.outcome = match again.outcome {
                // Another option than the one announced must not win by others leaving.
                Outcome::Passed { .. } => Outcome::Rejected,
                failed => failed,
            };
        }
        let Verdict { bodies, dormant_weight, .. } = again;
        let Some(count) = bodies.first().map(|first| first.count.clone()) else { return };
        let bodies = if self.bodies.is_empty() { Vec::new() } else { bodies };
        let same = (&count, &bodies, dormant_weight) == (&self.count, &self.bodies, self.dormant_weight);
        self.again = (!same).then_some(Recount { count, bodies, dormant_weight });
    }
}
