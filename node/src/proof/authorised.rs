//! Judging what was authorised, and who did not vote (docs/spec/proofs.md, P-10, P-11).

use althing_governance::dao::DaoParams;
use althing_governance::entry::{Effect, Entry, ProposalContent, Spend};
use althing_governance::epoch::{Authorisation, DecisionLeaf, EpochHeader};
use althing_governance::id::ProposalId;
use althing_governance::voting::Outcome;

use super::bundle::LoggedEntry;
use super::parts::{AuthorisedPart, DidNotVotePart};
use super::verify::{Rejection, check_counted_by, check_snapshot, fail, logged};

/// P-10: a spend, or a milestone of a budget, is authorised.
pub(super) fn check_authorised(
    params: &DaoParams,
    header: &EpochHeader,
    part: &AuthorisedPart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("decision");
    let (content, proposal) = proposal_of(params, header, &part.entry)?;
    let decision = match part.milestone {
        None => part.decision.verify(header, &proposal),
        Some(milestone) => part.decision.verify_milestone(header, &proposal, milestone),
    }
    .map_err(|error| rule(error.to_string()))?;
    let (Some(authorisation), Some(gate)) = (decision.authorisation, decision.gate) else {
        return Err(rule(format!("P-10: proposal {proposal} was not authorised in epoch {}", header.epoch)));
    };
    if decision.class != content.class || !params.gates.contains(&gate) {
        return Err(rule(format!(
            "P-10: the decision is of class {} with gate {gate}, the proposal of class {}",
            decision.class.name(),
            content.class.name()
        )));
    }
    let spend = part_of(&content, proposal, part.milestone, decision.outcome, &authorisation)
        .ok_or_else(|| rule("P-10: what is authorised is no part of what was proposed".into()))?;
    checked.push(format!("The proposal is entry {} of the log.", part.entry.position));
    checked.push(format!("Its decision is in the decision tree of epoch {}.", header.epoch));
    checked.push("Outputs, order, fee cap and expiry are those that were voted on.".to_owned());
    let outputs: Vec<String> =
        spend.outputs.iter().map(|output| format!("{} sat to script {:x}", output.sat, output.script)).collect();
    let what = part.milestone.map_or_else(String::new, |milestone| format!(", milestone {},", milestone + 1));
    let paid = decision.paid_by.map_or_else(String::new, |txid| format!(" It was paid by {txid}."));
    Ok(format!(
        "Proposal {proposal}{what} is authorised from height {} to below {} for at most {} sat, spending gate {gate}: {}.{paid}",
        authorisation.height,
        authorisation.expires_height,
        authorisation.amount_sat,
        outputs.join(", ")
    ))
}

/// P-11: a member with weight did not vote.
pub(super) fn check_did_not_vote(
    header: &EpochHeader,
    part: &DidNotVotePart,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("ballot");
    let (proposal, member) = (&part.proposal, &part.member);
    let counted = part.counted.verify(header, proposal, member).map_err(|error| rule(error.to_string()))?;
    if let Some(ballot) = counted.leaf.ballot() {
        return Err(rule(format!("P-11: member {member} voted, with entry {}", ballot.entry)));
    }
    if !counted.stage.is_final() {
        return Err(rule(format!("P-11: voting on proposal {proposal} had not closed in epoch {}", header.epoch)));
    }
    check_snapshot(header, part.snapshot)?;
    check_counted_by(part.snapshot, counted.snapshot)?;
    let roll = part.weight.verify(header, part.snapshot, member).map_err(|error| rule(error.to_string()))?;
    checked.push(format!("Member {member} has a leaf without ballot in the final tally of proposal {proposal}."));
    checked.push(format!("Their weight on the roll of epoch {} was {} of {}.", part.snapshot, roll.weight, roll.total));
    let handed_on = match &counted.leaf {
        althing_governance::tally::BallotLeaf::Delegated { entry } => {
            format!("; the weight went where delegation {entry} sent it")
        }
        althing_governance::tally::BallotLeaf::Abstained { entry, weight } => {
            format!("; the weight went where delegation {entry} sent it, and {weight} abstained by it")
        }
        _ => String::new(),
    };
    Ok(format!("Member {member} did not vote on proposal {proposal}{handed_on}."))
}

/// `Some(None)` for the proposal itself, `Some(Some(i))` for its milestone i.
#[allow(clippy::option_option, reason = "no milestone and no match are different")]
pub(super) fn milestone_of(content: &ProposalContent, proposal: ProposalId, key: &[u8; 32]) -> Option<Option<u16>> {
    if *key == proposal.0 {
        return Some(None);
    }
    let count = content.effects(None).iter().filter_map(|effect| match effect {
        Effect::Budget(budget) => u16::try_from(budget.milestones.len()).ok(),
        _ => None,
    });
    let milestones = 0..count.max().unwrap_or(0);
    milestones.map(Some).find(|i| i.is_some_and(|i| DecisionLeaf::milestone_key(proposal, i) == *key))
}

/// The part of what was proposed that is authorised: all of it, or its first outputs where a spending cap left no more (G-103).
pub(super) fn part_of(
    content: &ProposalContent,
    proposal: ProposalId,
    milestone: Option<u16>,
    outcome: Outcome,
    authorisation: &Authorisation,
) -> Option<Spend> {
    let Outcome::Passed { option } = outcome else { return None };
    let spend = content.effects(option).iter().find_map(|effect| match (effect, milestone) {
        (Effect::Spend(spend), None) => Some(spend.clone()),
        (Effect::Budget(budget), Some(milestone)) => budget.payment(usize::from(milestone)),
        _ => None,
    })?;
    (1..=spend.outputs.len()).rev().find_map(|count| {
        let part = Spend { outputs: spend.outputs[..count].to_vec(), ..spend.clone() };
        let is_it =
            part.amount_sat() == Some(authorisation.amount_sat) && part.intent_hash(proposal) == authorisation.intent;
        is_it.then_some(part)
    })
}

/// The proposal of an entry, and its id.
pub(super) fn proposal_of(
    params: &DaoParams,
    header: &EpochHeader,
    entry: &LoggedEntry,
) -> Result<(ProposalContent, ProposalId), Rejection> {
    let Entry::Proposal(entry) = logged(params, header, entry, "proposal")? else {
        return Err(fail("proposal")("P-10: the entry is not a proposal".into()));
    };
    let id = entry.body.id(params.network, params.dao_id, entry.lane.member);
    Ok((entry.body, id))
}
