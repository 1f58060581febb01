//! Proposals in words.

use althing_governance::charter::{ClassRule, Quorum, Threshold};
use althing_governance::entry::Choice as LogChoice;
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::lifecycle::Phase;
use althing_governance::state::ProposalRecord;
use althing_governance::tally::Sums;

use super::ballots;
use crate::api::{ApiError, Choice, Comment, Proposal, ProposalHeights, ProposalState, Tally};
use crate::shell::Shell;

/// All proposals, newest first, without their comments.
pub(super) fn list(shell: &Shell, me: Option<MemberId>) -> Result<Vec<Proposal>, ApiError> {
    let own = if me.is_some() { ballots::own(shell)? } else { Vec::new() };
    let mut records: Vec<&ProposalRecord> = shell.ledger.state().proposals().values().collect();
    records.sort_by_key(|record| record.position);
    let mut proposals: Vec<Proposal> = (1..)
        .zip(records)
        .map(|(number, record)| {
            let mut proposal = describe(shell, record, number);
            proposal.my_ballot = own.iter().find(|ballot| ballot.proposal == proposal.id).cloned();
            proposal
        })
        .collect();
    proposals.reverse();
    Ok(proposals)
}

/// One proposal with its discussion.
pub(super) fn one(shell: &Shell, me: Option<MemberId>, id: &str) -> Result<Proposal, ApiError> {
    let id = find_proposal(shell, id)?;
    let wanted = id.to_string();
    let mut proposal = list(shell, me)?
        .into_iter()
        .find(|proposal| proposal.id == wanted)
        .ok_or_else(|| ApiError::ours(format!("proposal {id} is gone")))?;
    let state = shell.ledger.state();
    proposal.comments = state.proposals()[&id]
        .comments
        .iter()
        .map(|record| Comment {
            id: record.entry.to_string(),
            parent: record.parent.map(|parent| parent.to_string()),
            author: record.author.to_string(),
            author_name: name_of(shell, &record.author),
            text: record.text.clone(),
            position: record.position,
            height: state.entry_height(record.position),
        })
        .collect();
    Ok(proposal)
}

/// The proposal that a person means: by its number in the log (`#3`), or by its id or an unambiguous beginning of it.
///
/// # Errors
/// `N-50` for text that is neither, `N-51` when none or several are meant.
pub fn find_proposal(shell: &Shell, text: &str) -> Result<ProposalId, ApiError> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(number) = text.strip_prefix('#') {
        return by_number(shell, number);
    }
    if text.len() < 4 || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!(
            "a proposal is named by its number, like #3, or by 4 to 64 hexadecimal digits of its id, not by {text:?}"
        );
        return Err(ApiError::invalid("N-50", message));
    }
    let found: Vec<ProposalId> =
        shell.ledger.state().proposals().keys().filter(|id| id.to_string().starts_with(&text)).copied().collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(ApiError::invalid("N-51", format!("no proposal in the log begins with {text}"))),
        several => {
            Err(ApiError::invalid("N-51", format!("{} proposals begin with {text}; give more digits", several.len())))
        }
    }
}

/// Numbers count the proposals in the order of the log, from 1: the log only grows, so they never change.
fn by_number(shell: &Shell, digits: &str) -> Result<ProposalId, ApiError> {
    let mut records: Vec<&ProposalRecord> = shell.ledger.state().proposals().values().collect();
    records.sort_by_key(|record| record.position);
    let number: usize = digits.parse().map_err(|_| {
        ApiError::invalid("N-50", format!("#{digits} is not the number of a proposal, which is like #3"))
    })?;
    let found = number.checked_sub(1).and_then(|index| records.get(index));
    found.map(|record| record.id).ok_or_else(|| {
        ApiError::invalid("N-51", format!("there is no proposal #{digits}; the log has {}", records.len()))
    })
}

/// The log's form of a choice.
pub fn parse_choice(choice: Choice) -> LogChoice {
    match choice {
        Choice::Yes => LogChoice::Yes,
        Choice::No => LogChoice::No,
        Choice::Abstain => LogChoice::Abstain,
    }
}

/// Sums in the words of the API.
pub(super) fn tally(sums: &Sums, rule: &ClassRule, is_final: bool) -> Tally {
    Tally {
        yes: sums.yes.to_string(),
        no: sums.no.to_string(),
        abstain: sums.abstain.to_string(),
        ballots: u64::try_from(sums.ballots).unwrap_or(u64::MAX),
        total_weight: sums.weight.to_string(),
        quorum_met: sums.reaches_quorum(rule),
        threshold_met: sums.reaches_threshold(rule),
        is_final,
    }
}

pub(super) fn name_of(shell: &Shell, member: &MemberId) -> String {
    shell.ledger.state().members().get(member).map(|record| record.name.clone()).unwrap_or_default()
}

fn describe(shell: &Shell, record: &ProposalRecord, number: u64) -> Proposal {
    let state = shell.ledger.state();
    let phase = state.phase(record);
    let rule = state.rule_of(record);
    let is_final = !matches!(phase, Phase::Logged | Phase::Review { .. } | Phase::Voting { .. } | Phase::Closed);
    Proposal {
        id: record.id.to_string(),
        number,
        class: record.content.class.name().to_owned(),
        title: record.content.title.clone(),
        body: record.content.body.clone(),
        author: record.author.to_string(),
        author_name: name_of(shell, &record.author),
        effects: record.content.sentences(shell.dao.network()),
        state: proposal_state(phase),
        position: record.position,
        heights: record.schedule.map(|schedule| ProposalHeights {
            entry_height: schedule.logged,
            open_height: schedule.open,
            close_height: schedule.close,
        }),
        snapshot_epoch: record.snapshot_epoch,
        tally: record.live.as_ref().zip(rule).map(|(sums, rule)| tally(sums, rule, is_final)),
        threshold: rule.map(threshold_sentence).unwrap_or_default(),
        quorum: rule.map(quorum_sentence).unwrap_or_default(),
        my_ballot: None,
        comment_count: record.comments.len() as u64,
        comments: Vec::new(),
        gate: gate(shell, record),
    }
}

/// The gate that the newest recomputed epoch assigns to a passed spend.
fn gate(shell: &Shell, record: &ProposalRecord) -> Option<String> {
    use althing_governance::codec::Canonical as _;
    use althing_governance::epoch::DecisionLeaf;
    let newest = shell.ledger.headers().last()?.epoch;
    let leaf = shell.ledger.close_of(newest)?.decisions.leaf(&record.id.0)?;
    DecisionLeaf::from_bytes(&leaf.value).ok()?.gate.map(|gate| gate.to_string())
}

fn proposal_state(phase: Phase) -> ProposalState {
    match phase {
        Phase::Logged => ProposalState::Logged,
        Phase::Review { .. } => ProposalState::Review,
        Phase::Voting { .. } => ProposalState::Voting,
        Phase::Passed { .. } => ProposalState::Passed,
        Phase::Rejected => ProposalState::Rejected,
        Phase::NoQuorum => ProposalState::NoQuorum,
        Phase::Tied => ProposalState::Tied,
        Phase::Authorised { .. } => ProposalState::Authorised,
        Phase::Expired => ProposalState::Expired,
        _ => ProposalState::Closed,
    }
}

fn threshold_sentence(rule: &ClassRule) -> String {
    match rule.threshold {
        Threshold::Majority => "more yes than no".to_owned(),
        Threshold::PercentBp(bp) => format!("at least {}.{:02} % of yes and no is yes", bp / 100, bp % 100),
    }
}

fn quorum_sentence(rule: &ClassRule) -> String {
    let mut sentence = match rule.quorum {
        Quorum::ParticipationBp(bp) => {
            format!("yes and abstain together at least {}.{:02} % of all weight", bp / 100, bp % 100)
        }
        Quorum::YesOfTotalBp(bp) => format!("yes at least {}.{:02} % of all weight", bp / 100, bp % 100),
    };
    if rule.distinct_voters_min > 0 {
        sentence.push_str(&format!(", and at least {} members vote", rule.distinct_voters_min));
    }
    sentence
}
