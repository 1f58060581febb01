//! Proposals in words.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::Treasury;
use althing_governance::charter::{ClassRule, Quorum, Threshold};
use althing_governance::entry::{Effect, GuardianVoice, Opinion, ProposalContent};
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::ledger::{Fate, Ledger, Standing};
use althing_governance::lifecycle::Phase;
use althing_governance::state::{CommentRecord, ProposalRecord};
use althing_governance::voting::{Measure, Outcome, System};

use super::bodies::Votes;
use super::hidden::Hidden;
use super::names::{find_proposal, name_of};
use super::{ballots, bodies, waiting};
use crate::api::{ApiError, Ballot, Comment, Proposal, ProposalHeights, ProposalOption, ProposalState, VoteFacts};
use crate::shell::Shell;

/// All proposals in the order of the log: the first is #1 (N-50).
pub(super) fn in_order(shell: &Shell) -> Vec<&ProposalRecord> {
    let mut records: Vec<&ProposalRecord> = shell.ledger.state().proposals().values().collect();
    records.sort_by_key(|record| record.position);
    records
}

/// All proposals with their numbers.
pub(crate) fn numbered(shell: &Shell) -> impl Iterator<Item = (usize, &ProposalRecord)> {
    (1..).zip(in_order(shell))
}

/// All proposals, newest first, without their comments.
pub(super) fn list(shell: &Shell, me: Option<MemberId>) -> Result<Vec<Proposal>, ApiError> {
    let mut own: BTreeMap<(String, bool), Ballot> = BTreeMap::new();
    for ballot in if me.is_some() { ballots::own(shell)? } else { Vec::new() } {
        // The newest that counts comes first.
        if ballot.too_late.is_some() {
            continue;
        }
        own.entry((ballot.proposal.clone(), ballot.as_treasurer)).or_insert(ballot);
    }
    let hidden = Hidden::load(shell)?;
    let records = in_order(shell);
    // By thread: a search through all proposals for each of them would grow with the square of their number.
    let mut threads: BTreeMap<ProposalId, Vec<ProposalId>> = BTreeMap::new();
    for record in &records {
        threads.entry(record.thread).or_default().push(record.id);
    }
    let mut proposals: Vec<Proposal> = (1..)
        .zip(records)
        .map(|(number, record)| {
            let versions = threads.get(&record.thread).map_or(&[][..], Vec::as_slice);
            let mut proposal = describe(shell, me, record, number, versions);
            proposal.vote.hidden = hidden.has_proposal(&record.id, &record.author);
            proposal.my_ballot = own.remove(&(proposal.id.clone(), false));
            if let Some(body) = &mut proposal.vote.treasurers {
                body.my_ballot = own.remove(&(proposal.id.clone(), true));
            }
            proposal
        })
        .collect();
    proposals.reverse();
    Ok(proposals)
}

/// One proposal with its discussion.
pub(super) fn one(shell: &Shell, me: Option<MemberId>, id: &str) -> Result<Proposal, ApiError> {
    let id = find_proposal(shell, id)?;
    let records = in_order(shell);
    let (number, record) = (1..)
        .zip(&records)
        .find(|(_, record)| record.id == id)
        .ok_or_else(|| ApiError::ours(format!("proposal {id} is gone")))?;
    let versions: Vec<ProposalId> =
        records.iter().filter(|other| other.thread == record.thread).map(|other| other.id).collect();
    let mut proposal = describe(shell, me, record, number, &versions);
    let hidden = Hidden::load(shell)?;
    proposal.vote.hidden = hidden.has_proposal(&record.id, &record.author);
    // Failures of the past may have raised it; for a list that would cost the square of its length.
    let (charter, content) = (shell.ledger.state().charter_of(record), &record.content);
    let ledger = shell.ledger.state().ledger();
    proposal.vote.deposit_sat =
        ledger.deposit_needed(shell.ledger.state(), charter, content, (&record.author, record.thread), record.position);
    proposal.vote.submissions = super::submissions::of(shell, record, &records);
    if me.is_some() {
        // The newest comes first.
        let (mut theirs, mut mine): (Vec<Ballot>, Vec<Ballot>) = ballots::own(shell)?
            .into_iter()
            .filter(|ballot| ballot.proposal == proposal.id && !ballot.replaced && ballot.too_late.is_none())
            .partition(|ballot| ballot.as_treasurer);
        proposal.my_ballot = mine.pop();
        if let Some(body) = &mut proposal.vote.treasurers {
            body.my_ballot = theirs.pop();
        }
    }
    let state = shell.ledger.state();
    let of =
        |record: &CommentRecord, wanted| record.opinions.values().filter(|opinion| **opinion == wanted).count() as u64;
    proposal.comments = record
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
            is_update: record.is_update,
            up: of(record, Opinion::Up),
            down: of(record, Opinion::Down),
            hidden: hidden.has_comment(&record.entry, &record.author),
        })
        .collect();
    Ok(proposal)
}

/// What [`list`] and [`one`] say of a proposal; `versions` are those of its thread in the order of the log.
fn describe(
    shell: &Shell,
    me: Option<MemberId>,
    record: &ProposalRecord,
    number: u64,
    versions: &[ProposalId],
) -> Proposal {
    let state = shell.ledger.state();
    let phase = state.phase(record);
    let rule = state.rule_of(record);
    let is_final = !matches!(phase, Phase::Logged | Phase::Review { .. } | Phase::Voting { .. } | Phase::Closed);
    let votes = bodies::all(shell, me, record, is_final);
    Proposal {
        id: record.id.to_string(),
        number,
        class: record.content.class.name().to_owned(),
        title: record.content.title.clone(),
        body: record.content.body.clone(),
        author: record.author.to_string(),
        author_name: name_of(shell, &record.author),
        effects: {
            let mut effects = record.content.sentences_against(state.charter_of(record), shell.dao.network());
            effects.extend(super::persons::sentences(shell, state.charter_of(record), &record.content));
            effects.extend(no_treasury(&record.content));
            effects.extend(keys_apart(&record.content));
            effects
        },
        state: proposal_state(phase),
        position: record.position,
        heights: record.schedule.map(|schedule| ProposalHeights {
            entry_height: schedule.logged,
            open_height: schedule.open,
            close_height: schedule.close,
        }),
        snapshot_epoch: record.snapshot_epoch,
        // Where several bodies decide, the first's are the proposal's (G-63).
        tally: votes.now.first().map(|first| first.tally.clone()),
        threshold: rule.map(|rule| threshold_sentence(rule, record.content.system)).unwrap_or_default(),
        quorum: rule.map(|rule| quorum_sentence(rule, record.content.system)).unwrap_or_default(),
        my_ballot: None,
        comment_count: record.comments.len() as u64,
        comments: Vec::new(),
        gate: gate(shell, record),
        vote: vote_facts(shell, record, versions, votes),
    }
}

/// What members have to know before they elect treasurers who are not those of the keys (T-4).
fn keys_apart(content: &ProposalContent) -> Vec<String> {
    let effects = content.options.iter().flat_map(|option| &option.effects);
    let told = effects.filter_map(|effect| match effect {
        Effect::ElectTreasurers(election) => Some(super::draft::keys_apart(&election.descriptor, &election.treasurers)),
        _ => None,
    });
    told.flatten().collect()
}

/// What members have to know before they elect what is no treasury (T-7).
fn no_treasury(content: &ProposalContent) -> Vec<String> {
    let effects = content.options.iter().flat_map(|option| &option.effects);
    let elections = effects.filter_map(|effect| match effect {
        Effect::ElectTreasurers(election) => Treasury::parse(&election.descriptor).err(),
        _ => None,
    });
    elections.map(|error| format!("That is no treasury ({error}): the present one stays (T-7).")).collect()
}

/// What the newest recomputed epoch decided; it may not be final.
pub(super) fn newest_standing<'a>(shell: &'a Shell, id: &ProposalId) -> Option<&'a Standing> {
    newest_ledger(shell, id)?.standing(id)
}

/// The ledger of the newest recomputed epoch that decided a proposal.
pub(super) fn newest_ledger<'a>(shell: &'a Shell, id: &ProposalId) -> Option<&'a Ledger> {
    let newest = shell.ledger.headers().last().and_then(|header| shell.ledger.close_of(header.epoch));
    let ledgers = newest.map(|close| &close.ledger).into_iter().chain([shell.ledger.state().ledger()]);
    ledgers.into_iter().find(|ledger| ledger.standing(id).is_some())
}

/// The gate that the newest recomputed epoch assigns to a passed payment.
fn gate(shell: &Shell, record: &ProposalRecord) -> Option<String> {
    let standing = newest_standing(shell, &record.id)?;
    standing.payments.iter().find_map(|payment| payment.gate).map(|gate| gate.to_string())
}

fn vote_facts(shell: &Shell, record: &ProposalRecord, versions: &[ProposalId], votes: Votes) -> VoteFacts {
    let state = shell.ledger.state();
    let has_offices = state.rule_of(record).is_some_and(ClassRule::has_offices);
    let standing = newest_standing(shell, &record.id);
    let (ends_at, planned) = (state.vote_end(record), record.schedule);
    // What a vote was put off by, its effect is as well (G-43), and what ends early takes effect earlier (G-44).
    let planned = planned
        .zip(state.rule_of(record))
        .map(|(schedule, rule)| schedule.after_close(rule, &record.content, ends_at.unwrap_or(schedule.close)));
    // Each act once: a guardian who says it again is counted once (G-95).
    let mut asked = BTreeSet::new();
    let acts =
        record.guardian_acts.iter().filter(|(_, member, act)| asked.insert((*member, *act == GuardianVoice::Veto)));
    let guardians: Vec<String> = acts
        .map(|(_, member, act)| {
            let asked = match act {
                GuardianVoice::Delay => "a delay",
                GuardianVoice::Veto => "a veto",
            };
            format!("Guardian {member} asks for {asked}.")
        })
        .collect();
    VoteFacts {
        system: record.content.system,
        options: options(shell, record, standing),
        tags: record.content.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
        versions: versions.iter().map(ToString::to_string).collect(),
        request: record.content.request.map(|request| request.to_string()),
        submissions: None,
        ends_at,
        charter: state.charters().get(record.charter).map(|version| version.hash.to_string()).unwrap_or_default(),
        authorised_at: standing.map(|s| s.authorised_at).or(planned.map(|(authorised_at, _)| authorised_at)),
        expires_at: waiting::expiry(shell, &record.id).or(planned.map(|(_, expires_at)| expires_at)),
        deposit_sat: state.rule_of(record).map_or(0, |rule| rule.deposit_sat),
        decision: standing.map(|standing| {
            let taken = super::confiscated::sentences(shell, record, standing);
            [vec![decision_sentence(shell, &record.id, standing)], taken].concat().join(" ")
        }),
        payments: waiting::payments(shell, &record.id),
        held_back: waiting::held_back(shell, &record.id),
        guardians,
        hidden: false,
        marks: state.rule_of(record).map(|rule| super::insight::marks(rule, record.content.system)).unwrap_or_default(),
        bodies: if has_offices { votes.now } else { Vec::new() },
        at_close: votes.at_close,
        treasurers: ballots::treasurers(shell, record),
    }
}

fn options(shell: &Shell, record: &ProposalRecord, standing: Option<&Standing>) -> Vec<ProposalOption> {
    if !record.content.system.has_options() {
        return Vec::new();
    }
    let count = bodies::totals(shell, record);
    let again = standing.filter(|standing| standing.again.is_some());
    let at_close = again.map(|standing| standing.at_close().count);
    let won = standing.and_then(|standing| match standing.outcome {
        Outcome::Passed { option } => option,
        _ => None,
    });
    let labels = record.content.options.iter().map(|option| option.label.clone());
    let all = (0u16..).zip(labels.chain(["none of these".to_owned()]));
    all.map(|(index, label)| ProposalOption {
        label,
        sum: count.as_ref().map(|count| count.figure(index).to_string()),
        sum_at_close: at_close.map(|count| count.figure(index).to_string()),
        won: won == Some(index),
    })
    .collect()
}

fn decision_sentence(shell: &Shell, id: &ProposalId, standing: &Standing) -> String {
    let outcome = standing.outcome.name();
    let said = match (standing.enacted_epoch, standing.fate) {
        // What failed takes no effect, and is not counted again.
        (None, Fate::Failed) => format!("says {outcome}"),
        (None, _) => format!("says {outcome}, provisional until it takes effect"),
        (Some(epoch), _) if standing.announced == standing.outcome => {
            format!("says {outcome}, counted again in epoch {epoch}")
        }
        // Stakes have left since (G-106).
        (Some(epoch), _) => {
            let words = |outcome| match outcome {
                Outcome::Passed { option: Some(option) } => format!("passed with option {}", u32::from(option) + 1),
                other => other.name().to_owned(),
            };
            let (before, now) = (words(standing.announced), words(standing.outcome));
            format!("said {before}; counted again with the stakes still locked, in epoch {epoch}, it is {now}")
        }
    };
    let fate = match (standing.bar, standing.fate) {
        (Some(bar), _) => format!("a guard bars it: {bar}"),
        (None, Fate::Failed) => "nothing happens".to_owned(),
        (None, Fate::Waiting) => waiting::for_effect(shell, id, standing),
        (None, Fate::Vetoed) => "the guardians stopped it".to_owned(),
        (None, Fate::Lapsed) => "something else came first".to_owned(),
        (None, Fate::Expired) => "it did not take effect in time".to_owned(),
        (None, Fate::Effective) => "it took effect".to_owned(),
    };
    let (epoch, height) = (standing.decided_epoch, standing.closed_at);
    let dormant = match standing.dormant_weight {
        0 => String::new(),
        weight => format!(" The quorum leaves out the weight {weight} of members who were silent for long (G-46)."),
    };
    // N-206: what the proposal's state says is of final epochs alone.
    let settled = shell.ledger.state().ledger();
    let newest = newest_ledger(shell, id).map_or(0, Ledger::epochs);
    let open = match settled.standing(id).is_some_and(|settled| settled.as_told() == standing.as_told()) {
        true => String::new(),
        false => format!(" That is by epoch {newest}, which is not final yet."),
    };
    format!("Voting ended at height {height}; epoch {epoch} {said}; {fate}.{dormant}{open}")
}

pub(super) fn proposal_state(phase: Phase) -> ProposalState {
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
        Phase::Withdrawn => ProposalState::Withdrawn,
        Phase::Superseded => ProposalState::Superseded,
        Phase::Barred => ProposalState::Barred,
        Phase::Vetoed => ProposalState::Vetoed,
        Phase::Executed => ProposalState::Executed,
        Phase::Lapsed => ProposalState::Lapsed,
        _ => ProposalState::Closed,
    }
}

/// What it takes to pass, in a sentence.
pub fn threshold_sentence(rule: &ClassRule, system: System) -> String {
    let (more, least) = match system.measure() {
        _ if !system.has_options() => ("more yes than no", "of yes and no is yes"),
        Measure::FirstPlaces | Measure::PairsWon => (
            "more weight prefers the winner to none of these than the other way round",
            "of the weight that prefers the winner or none of these to the other prefers the winner",
        ),
        _ => (
            "more for the winner than for none of these",
            "of what is for the winner or none of these is for the winner",
        ),
    };
    let share = match rule.threshold {
        Threshold::Majority => more.to_owned(),
        Threshold::PercentBp(bp) => format!("at least {} {least}", percent(bp)),
    };
    match system {
        System::Optimistic => format!("it passes unless {} of all weight is against", percent(rule.oppose_bp)),
        System::YesNoVeto => {
            format!("{share}, and less than {} of the weight cast is a veto", percent(rule.veto_bp))
        }
        _ => share,
    }
}

/// What participation is measured by (V-21, L-18).
const NOT_ASIDE: &str = "the weight that does not stand aside";

/// How many have to take part, in a sentence.
pub fn quorum_sentence(rule: &ClassRule, system: System) -> String {
    if system == System::Optimistic {
        return "none: who says nothing lets it pass".to_owned();
    }
    let mut sentence = match (rule.quorum, system.measure()) {
        (Quorum::ParticipationBp(bp), _) if system.has_options() => {
            format!("at least {} of {NOT_ASIDE} takes part, without what is for none of these", percent(bp))
        }
        (Quorum::ParticipationBp(bp), _) => format!("yes and abstain together at least {} of {NOT_ASIDE}", percent(bp)),
        (Quorum::YesOfTotalBp(bp), Measure::Points | Measure::Votes) => {
            format!("the winner has at least {} of what all weight could give", percent(bp))
        }
        (Quorum::YesOfTotalBp(bp), _) if system.has_options() => {
            format!("the winner has at least {} of all weight", percent(bp))
        }
        (Quorum::YesOfTotalBp(bp), _) => format!("yes at least {} of all weight", percent(bp)),
    };
    if rule.distinct_voters_min > 0 {
        sentence.push_str(&format!(", and at least {} members vote", rule.distinct_voters_min));
    }
    sentence
}

/// Basis points in percent.
fn percent(bp: u16) -> String {
    format!("{}.{:02} %", bp / 100, bp % 100)
}

#[cfg(test)]
mod tests {
    use althing_governance::charter::Class;

    use super::*;

    #[test]
    fn what_it_takes_is_told_by_the_system() {
        let rule = ClassRule { oppose_bp: 1500, veto_bp: 3333, distinct_voters_min: 2, ..ClassRule::new(Class::Text) };
        let told = |system| (threshold_sentence(&rule, system), quorum_sentence(&rule, system));
        let (threshold, quorum) = told(System::Optimistic);
        assert_eq!(threshold, "it passes unless 15.00 % of all weight is against");
        assert!(quorum.starts_with("none") && !quorum.contains("members vote"), "{quorum}");
        let (threshold, quorum) = told(System::YesNoVeto);
        assert!(threshold.ends_with("and less than 33.33 % of the weight cast is a veto"), "{threshold}");
        assert!(quorum.contains("at least 2 members vote"), "{quorum}");
        assert!(!told(System::YesNoAbstain).0.contains("veto"));
        let (threshold, quorum) = told(System::Score { max: 5 });
        assert_eq!(threshold, "more for the winner than for none of these");
        assert!(
            quorum.contains("of the weight that does not stand aside takes part, without what is for none"),
            "{quorum}"
        );
        let of_total = ClassRule { quorum: Quorum::YesOfTotalBp(2000), ..rule.clone() };
        assert!(!quorum_sentence(&of_total, System::YesNoAbstain).contains("aside"));
        assert_eq!(told(System::Schulze).0, "more weight prefers the winner to none of these than the other way round");
    }
}
