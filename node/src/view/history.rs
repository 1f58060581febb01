//! What a member did: for whoever thinks of handing weight on to them (docs/spec/node.md, N-174).

use althing_governance::charter::Body;
use althing_governance::codec::Canonical as _;
use althing_governance::delegation::Scope;
use althing_governance::entry::Entry;
use althing_governance::id::MemberId;
use althing_governance::state::{ProposalRecord, VotePart};

use super::choice::choice as choice_of;
use super::delegations::carried;
use super::names::{find_member, name_of};
use super::proposals::{in_order, proposal_state};
use crate::api::{ApiError, CastBefore, HandedOn, LostBallot, MemberHistory};
use crate::shell::Shell;

/// Votes that are told, the newest first.
const MAX_VOTES: usize = 200;

/// What the member of that name or key did.
pub(super) fn of(shell: &Shell, member: &str) -> Result<MemberHistory, ApiError> {
    let id = find_member(shell, member)?;
    let records: Vec<(u64, &ProposalRecord)> = (1..).zip(in_order(shell)).collect();
    let began = |(number, record): &(u64, &ProposalRecord)| vote(shell, *number, record, &id);
    let mut votes: Vec<CastBefore> = records.iter().rev().filter_map(began).collect();
    let own = records.iter().filter(|(_, record)| record.author == id).count();
    let comments = records.iter().flat_map(|(_, record)| &record.comments).filter(|said| said.author == id).count();
    let (could_vote, voted) = (votes.len() as u64, votes.iter().filter(|vote| vote.choice.is_some()).count() as u64);
    votes.truncate(MAX_VOTES);
    for vote in &mut votes {
        let record = records.iter().find(|(number, _)| *number == vote.number).map(|(_, record)| *record);
        // What is in the log alone is read for those that are told.
        vote.reason = record.map(|record| reason(shell, record, &id)).transpose()?.flatten();
    }
    Ok(MemberHistory {
        member: id.to_string(),
        name: name_of(shell, &id),
        could_vote,
        voted,
        votes,
        proposed: own as u64,
        comments: comments as u64,
        receives: receives(shell, &id),
    })
}

/// What the member said on a proposal whose vote has begun; nothing where no body that decides it counts them.
fn vote(shell: &Shell, number: u64, record: &ProposalRecord, member: &MemberId) -> Option<CastBefore> {
    use crate::api::ProposalState as S;
    let state = shell.ledger.state();
    let part = state.part_in(record, member)?;
    let by_members = state.rule_of(record).is_none_or(|rule| rule.bodies.contains(&Body::Members));
    // In an office one key has one vote (G-45).
    let of_roll = || state.roll(record.snapshot_epoch).map_or(0, |roll| roll.weight(member));
    let weight = if by_members { of_roll() } else { 1 };
    let stands = proposal_state(state.phase(record));
    if matches!(stands, S::Logged | S::Review | S::Withdrawn | S::Superseded) {
        return None;
    }
    let (ballot, lost) = match part {
        VotePart::Counted(ballot) => (Some(ballot), None),
        VotePart::Void => (None, Some(LostBallot::Void)),
        VotePart::TooLate => (None, Some(LostBallot::TooLate)),
        VotePart::Silent => (None, None),
    };
    let counted_with = || if by_members { carried(shell, record, member, weight) } else { weight };
    Some(CastBefore {
        proposal: record.id.to_string(),
        number,
        title: record.content.title.clone(),
        state: stands,
        choice: ballot.and_then(|ballot| choice_of(&record.content, ballot.fields)),
        lost,
        reason: None,
        weight: weight.to_string(),
        carried: ballot.map(|_| counted_with().to_string()),
    })
}

/// The public reason of the ballot that counts.
fn reason(shell: &Shell, record: &ProposalRecord, member: &MemberId) -> Result<Option<String>, ApiError> {
    let Some(ballot) = shell.ledger.state().counted_ballot(record, member) else { return Ok(None) };
    // N-223: reasons of others are not kept by a light member.
    let Some(bytes) = shell.store.entry_at(ballot.position)? else { return Ok(None) };
    match Entry::from_bytes(&bytes).map_err(|error| ApiError::ours(error.to_string()))? {
        Entry::Ballot(ballot) => Ok(ballot.body.reason),
        _ => Err(ApiError::ours("the stored log has another entry in a ballot's place")),
    }
}

/// Who hands weight on to the member now.
fn receives(shell: &Shell, member: &MemberId) -> Vec<HandedOn> {
    let state = shell.ledger.state();
    let height = state.tip_height().unwrap_or(0);
    let mut found = Vec::new();
    for giver in state.members().keys() {
        for (scope, record) in state.delegations().of_member(giver, u64::MAX, height) {
            let parts = record.parts().iter().filter(|part| !part.abstains() && part.to == *member);
            found.extend(parts.map(|part| HandedOn {
                member: giver.to_string(),
                name: name_of(shell, giver),
                scope: if *scope == Scope::All { "everything".to_owned() } else { scope.to_string() },
                share_bp: part.share_bp,
                until: record.expires_height(),
            }));
        }
    }
    found
}
