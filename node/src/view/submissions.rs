//! What answers a request for proposals, and until when (N-433).

use althing_governance::entry::Effect;
use althing_governance::lifecycle::Phase;
use althing_governance::state::ProposalRecord;

use super::proposals::proposal_state;
use crate::api::{Submission, Submissions};
use crate::shell::Shell;

/// The answers to a request; `None` where it is none. `all` are the proposals in the order of the log.
pub(super) fn of(shell: &Shell, request: &ProposalRecord, all: &[&ProposalRecord]) -> Option<Submissions> {
    let Some(Effect::Request(_)) = request.content.effects(None).first() else { return None };
    let state = shell.ledger.state();
    let until = state.submissions_end(&request.id);
    let is_answer = |record: &ProposalRecord| {
        record.content.request == Some(request.id) && !matches!(state.phase(record), Phase::Superseded)
    };
    let answers = (1u64..).zip(all).filter(|(_, record)| is_answer(record)).map(|(number, record)| Submission {
        id: record.id.to_string(),
        number,
        title: record.content.title.clone(),
        state: proposal_state(state.phase(record)),
        amount_sat: record.content.amount_sat(),
    });
    // The log takes answers to what failed as well (G-88), and none of them can come to anything.
    let may_pass = !matches!(
        state.phase(request),
        Phase::Withdrawn
            | Phase::Superseded
            | Phase::Barred
            | Phase::Rejected
            | Phase::NoQuorum
            | Phase::Tied
            | Phase::Vetoed
            | Phase::Lapsed
            | Phase::Expired
    );
    Some(Submissions {
        until,
        are_taken: may_pass && until.zip(state.tip_height()).is_some_and(|(end, tip)| tip < end),
        answers: answers.collect(),
    })
}
