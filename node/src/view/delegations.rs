//! Where the member's weight goes, and what others delegated to them.

use std::sync::Arc;

use althing_governance::delegation::{Electorate, Graph, Route, RouteEndKind, Scope, Topic};
use althing_governance::id::MemberId;
use althing_governance::lifecycle::Phase;
use althing_governance::state::ProposalRecord;

use super::names::{find_proposal, name_of};
use crate::api::{ApiError, DelegatedPart, DelegatedVote, Delegations, MyDelegation, WeightRoute};
use crate::shell::Shell;

/// The member's delegations, and where their weight goes: on a proposal, or on every open vote.
pub(super) fn mine(shell: &Shell, me: Option<MemberId>, proposal: Option<&str>) -> Result<Delegations, ApiError> {
    let me = me.ok_or_else(|| ApiError::invalid("N-39", "this is a hub; ask a member's node for that"))?;
    let state = shell.ledger.state();
    let height = state.tip_height().unwrap_or(0);
    let mine = state.delegations().of_member(&me, u64::MAX, height).map(|(scope, record)| MyDelegation {
        scope: match scope {
            Scope::All => "all".to_owned(),
            other => other.to_string(),
        },
        to: record
            .parts()
            .iter()
            .map(|part| match part.abstains() {
                true => (String::new(), String::new(), part),
                false => (part.to.to_string(), name_of(shell, &part.to), part),
            })
            .map(|(member, name, part)| DelegatedPart { member, name, abstains: part.abstains(), parts: part.share_bp })
            .collect(),
        until: record.expires_height(),
        position: record.position,
    });
    let mut found =
        Delegations { mine: mine.collect(), routes: Vec::new(), carried: None, has_voted: false, votes: Vec::new() };
    let own = |record: &ProposalRecord| state.roll(record.snapshot_epoch).map_or(0, |roll| roll.weight(&me));
    match proposal {
        Some(text) => {
            let id = find_proposal(shell, text)?;
            let record = &state.proposals()[&id];
            found.has_voted = votes(shell, record, &me);
            found.carried = Some(carried(shell, record, &me, own(record)).to_string());
            found.routes = routes(shell, record, &me);
        }
        None => {
            let mut records: Vec<&ProposalRecord> = state.proposals().values().collect();
            records.sort_by_key(|record| record.position);
            let open = (1..).zip(records).filter(|(_, r)| matches!(state.phase(r), Phase::Voting { .. }));
            found.votes = open
                .map(|(number, record)| DelegatedVote {
                    proposal: record.id.to_string(),
                    number,
                    title: record.content.title.clone(),
                    has_voted: votes(shell, record, &me),
                    carried: carried(shell, record, &me, own(record)).to_string(),
                    routes: routes(shell, record, &me),
                })
                .collect();
        }
    }
    Ok(found)
}

/// Weight with which a ballot of `me` is counted, or would be: their own, and what others delegate to them.
pub(super) fn carried(shell: &Shell, record: &ProposalRecord, me: &MemberId, own: u128) -> u128 {
    if votes(shell, record, me) {
        return record.live.as_ref().map_or(own, |live| live.carried(me, own));
    }
    let Some(graph) = graph(shell, record) else { return own };
    let Some(seat) = graph.electorate().seat(me) else { return own };
    let voters = graph.electorate().seats().filter(|other| votes(shell, record, &graph.electorate().member(*other)));
    let flow = althing_governance::delegation::resolve(&graph, voters.chain([seat]));
    flow.received(&graph, seat)
}

fn routes(shell: &Shell, record: &ProposalRecord, me: &MemberId) -> Vec<WeightRoute> {
    let Some(graph) = graph(shell, record) else { return Vec::new() };
    let Some(seat) = graph.electorate().seat(me) else { return Vec::new() };
    let route = Route::of(&graph, seat, |seat| votes(shell, record, &graph.electorate().member(seat)));
    let ends = route.ends.iter().map(|end| {
        let member = graph.electorate().member(end.seat);
        WeightRoute {
            member: member.to_string(),
            name: name_of(shell, &member),
            weight: end.weight.to_string(),
            steps: u16::try_from(end.steps).unwrap_or(u16::MAX),
            words: match end.kind {
                RouteEndKind::Ballot => "is cast with this member's ballot",
                RouteEndKind::Abstention => "abstains, as this member's delegation says",
                RouteEndKind::NoDelegation => "is not cast: this member neither voted nor delegated",
                RouteEndKind::TooManySteps => "is not cast: it went over 8 delegations, or in a circle",
                RouteEndKind::OutsideRoll => "is not cast: it was delegated to somebody who is not on the roll",
            }
            .to_owned(),
        }
    });
    ends.collect()
}

fn votes(shell: &Shell, record: &ProposalRecord, member: &MemberId) -> bool {
    shell.ledger.state().counted_ballot(record, member).is_some()
}

/// The delegations that count for a proposal; `None` where nobody can delegate, or the roll is not known.
fn graph(shell: &Shell, record: &ProposalRecord) -> Option<Graph> {
    let state = shell.ledger.state();
    let (roll, schedule) = state.roll(record.snapshot_epoch).zip(record.schedule)?;
    if !state.charter_of(record).delegation.enabled {
        return None;
    }
    let electorate = Arc::new(Electorate::of_roll(roll).ok()?);
    let topic = Topic { class: record.content.class, tags: record.content.tags.clone() };
    let cutoff = state.delegation_cutoff(record, u64::MAX);
    Some(Graph::of_book(electorate, state.delegations(), &topic, cutoff, schedule.close))
}
