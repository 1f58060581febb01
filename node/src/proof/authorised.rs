//! Judging what was authorised, who did not vote, and spends that were not authorised (docs/spec/proofs.md, P-10, P-11, P-15).

use std::collections::BTreeSet;

use althing_anchor::{
    AllowedSpend, BlockHashes, GateVerdict, LinkEvidence, Treasury, UnauthorisedReason, judge_gate_spend,
};
use althing_governance::Charter;
use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Effect, Entry, ProposalContent, Spend};
use althing_governance::epoch::{Authorisation, DecisionLeaf, EpochHeader};
use althing_governance::id::ProposalId;
use althing_governance::tree::{SumTree, TreePurpose};
use althing_governance::voting::Outcome;
use bitcoin::{Amount, ScriptBuf, TxOut};

use super::bundle::LoggedEntry;
use super::parts::{AuthorisedPart, DidNotVotePart, SpendPart};
use super::verify::{Rejection, check_counted_by, check_snapshot, fail, logged};
use crate::treasury::{scripts_of, stage_policies};

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

/// P-15: a gate was spent, and no decision allows it.
pub(super) fn check_unauthorised(
    params: &DaoParams,
    charters: &[&Charter],
    header: &EpochHeader,
    part: &SpendPart,
    blocks: &impl BlockHashes,
    checked: &mut Vec<String>,
) -> Result<String, Rejection> {
    let rule = fail("spend");
    let gate = part.gate;
    if !params.gates.contains(&gate) {
        return Err(rule(format!("P-15: {gate} is none of the gates")));
    }
    let height = part.spending.inclusion().height();
    if header.closing_height < height {
        return Err(rule(format!(
            "P-15: the gate was spent at height {height}, the last epoch of the file closed at {}: a decision may be missing",
            header.closing_height
        )));
    }
    // With every leaf of the tree, one that is not there does not exist.
    let tree =
        SumTree::build(TreePurpose::Decisions, part.decisions.clone()).map_err(|error| rule(error.to_string()))?;
    if tree.leaves() != part.decisions || tree.commitment() != header.decisions_root {
        return Err(rule(format!("P-15: these are not the decisions of epoch {}", header.epoch)));
    }
    checked.push(format!("These are all {} decisions of epoch {}.", part.decisions.len(), header.epoch));
    let assigned = assigned_to(part)?;
    let allowed = match (&assigned, &part.proposal) {
        (None, None) if is_kept(params, charters, &part.spending) => {
            let txid = part.spending.txid();
            return Err(rule(format!(
                "P-15: transaction {txid} takes the gate back into the treasury, as housekeeping may (T-72)"
            )));
        }
        (None, None) => None,
        (Some((key, leaf, authorisation)), Some(entry)) => {
            let (content, proposal) = proposal_of(params, header, entry)?;
            let milestone = milestone_of(&content, proposal, key)
                .ok_or_else(|| rule(format!("P-15: the gate was not assigned to proposal {proposal}")))?;
            let spend = part_of(&content, proposal, milestone, leaf.outcome, authorisation)
                .ok_or_else(|| rule("P-15: what is authorised is no part of what was proposed".into()))?;
            checked.push(format!("The gate was assigned to proposal {proposal}."));
            let is_in_time = (authorisation.height..authorisation.expires_height).contains(&height);
            if is_in_time && is_staged(params, charters, &spend, part) {
                let txid = part.spending.txid();
                return Err(rule(format!(
                    "P-145: transaction {txid} stages what was decided, as a charter of the file asks"
                )));
            }
            Some(allowed(&spend, authorisation, &part.spending))
        }
        _ => {
            return Err(rule("P-15: the proposal that the gate was assigned to, and no other, has to be shown".into()));
        }
    };
    let verdict = judge_gate_spend(gate, allowed.as_ref(), &part.spending, blocks)
        .map_err(|error| rule(format!("P-15: {error}")))?;
    let txid = part.spending.txid();
    match verdict {
        GateVerdict::Unrelated => Err(rule(format!("P-15: transaction {txid} does not spend gate {gate}"))),
        GateVerdict::Allowed => Err(rule(format!("P-15: transaction {txid} is what the decision allows"))),
        GateVerdict::Unauthorised(reason) => {
            checked.push(format!("Transaction {txid} is in the block at height {height}."));
            let why = match reason {
                UnauthorisedReason::NoDecision => "no decision had been given this gate".to_owned(),
                UnauthorisedReason::WrongHeight { height } => format!("height {height} is outside its window"),
                UnauthorisedReason::WrongOutput { vout } => format!("output {vout} is not the decision's"),
                other => format!("{other:?}"),
            };
            Ok(format!("Unauthorised spend: transaction {txid} spent gate {gate} of the treasury; {why}."))
        }
    }
}

/// Whether every output goes to a treasury of the charters in the file.
fn is_kept(params: &DaoParams, charters: &[&Charter], spending: &LinkEvidence) -> bool {
    let mut texts: Vec<&str> = vec![&params.charter.treasury_descriptor];
    texts.extend(charters.iter().map(|charter| charter.treasury_descriptor.as_str()));
    texts.dedup();
    let treasuries = texts.into_iter().filter_map(|text| Treasury::parse(text).ok());
    let scripts: BTreeSet<ScriptBuf> = treasuries.flat_map(|treasury| scripts_of(&treasury)).collect();
    spending.transaction().output.iter().all(|output| scripts.contains(&output.script_pubkey))
}

/// P-145: whether what spends the gate puts the payment to rest where a charter of the file asks that it is staged.
fn is_staged(params: &DaoParams, charters: &[&Charter], spend: &Spend, part: &SpendPart) -> bool {
    let paid_sat = spend.outputs.iter().fold(0u64, |sum, output| sum.saturating_add(output.sat));
    let all: Vec<&Charter> = std::iter::once(&params.charter).chain(charters.iter().copied()).collect();
    let treasuries: Vec<Treasury> =
        all.iter().filter_map(|charter| Treasury::parse(&charter.treasury_descriptor).ok()).collect();
    let asks = |charter: &&&Charter| charter.staging.as_ref().is_some_and(|staging| paid_sat >= staging.from_sat);
    let stages = stage_policies(&treasuries, all.iter().filter(asks).copied());
    let scripts: Vec<ScriptBuf> = stages.iter().filter_map(|stage| stage.script_at(0).ok()).collect();
    let first = part.spending.transaction().output.first();
    first.is_some_and(|output| scripts.contains(&output.script_pubkey) && output.value.to_sat() >= paid_sat)
}

/// The leaf that the gate is assigned to: its key, decision and authorisation.
fn assigned_to(part: &SpendPart) -> Result<Option<([u8; 32], DecisionLeaf, Authorisation)>, Rejection> {
    for leaf in &part.decisions {
        let decision = DecisionLeaf::from_bytes(&leaf.value).map_err(|error| fail("spend")(error.to_string()))?;
        if let (Some(gate), Some(authorisation)) = (decision.gate, decision.authorisation)
            && gate == part.gate
        {
            return Ok(Some((leaf.key, decision, authorisation)));
        }
    }
    Ok(None)
}

/// `Some(None)` for the proposal itself, `Some(Some(i))` for its milestone i.
#[allow(clippy::option_option, reason = "no milestone and no match are different")]
fn milestone_of(content: &ProposalContent, proposal: ProposalId, key: &[u8; 32]) -> Option<Option<u16>> {
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

/// What the decision allows. Scripts of the treasury are not told apart here, so further outputs are not held against anybody.
fn allowed(spend: &Spend, authorisation: &Authorisation, spending: &althing_anchor::LinkEvidence) -> AllowedSpend {
    let outputs = spend.outputs.iter();
    AllowedSpend {
        outputs: outputs
            .map(|output| TxOut { value: Amount::from_sat(output.sat), script_pubkey: output.script.clone() })
            .collect(),
        from_height: authorisation.height,
        expiry_height: authorisation.expires_height,
        treasury: spending.transaction().output.iter().map(|output| output.script_pubkey.clone()).collect(),
    }
}

/// The part of what was proposed that is authorised: all of it, or its first outputs where a spending cap left no more (G-103).
fn part_of(
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
