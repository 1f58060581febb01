//! From a draft, as its author writes it, to the exact content that is proposed.

use althing_anchor::Treasury;
use althing_governance::Charter;
use althing_governance::charter::{Class, Treasurer, check_change};
use althing_governance::codec::DecodeError;
use althing_governance::delegation::Tag;
use althing_governance::entry::{
    Budget, Confiscate, Effect, ElectTreasurers, Milestone, Pause, ProposalContent, ProposalOption, ReplaceKeys,
    Request, RuleChange, Spend, SpendOutput, Version,
};
use althing_governance::id::{MemberId, ProposalId};
use althing_governance::ledger::{Bar, Fate, PaymentState, Standing};
use althing_governance::state::LogState;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, ScriptBuf};

use super::names::{expect_key, find_member, find_proposal};
use crate::api::{ApiError, DraftEffect, ProposalDraft};
use crate::shell::Shell;
use crate::treasury::stage_problem;

/// The content of a draft.
///
/// # Errors
/// The clause that the draft breaks: `G-26` for an address, `N-5x` for names, `R-x` for a charter, else the content's own form.
pub fn content(shell: &Shell, draft: ProposalDraft) -> Result<ProposalContent, ApiError> {
    let mut options = Vec::new();
    if draft.system.has_options() {
        if !draft.effects.is_empty() {
            let message = "G-24: effects of a choice belong to its options".to_owned();
            return Err(ApiError::invalid("G-24", message));
        }
        for option in draft.options {
            options.push(ProposalOption { label: option.label, effects: effects(shell, option.effects)? });
        }
    } else {
        if !draft.options.is_empty() {
            let message = format!("G-24: a question by {} has no options", draft.system.name());
            return Err(ApiError::invalid("G-24", message));
        }
        options.push(ProposalOption { label: String::new(), effects: effects(shell, draft.effects)? });
    }
    let first = options.iter().flat_map(|option| &option.effects).next();
    let mut tags = draft.tags.into_iter().map(Tag::new).collect::<Result<Vec<_>, _>>().map_err(form)?;
    tags.sort();
    let mut content = ProposalContent {
        class: draft.class.or(first.map(Effect::class)).unwrap_or(Class::Text),
        title: draft.title,
        body: draft.body,
        tags,
        system: draft.system,
        options,
        version_of: draft.version_of.map(|text| version_of(shell, &text)).transpose()?,
        request: draft.request.map(|text| find_proposal(shell, &text)).transpose()?,
    };
    expire_by_rule(shell, &mut content);
    content.check().map_err(form)?;
    content.options.iter().try_for_each(|option| can_take_effect(shell, &option.effects))?;
    Ok(content)
}

/// What the log would take and the members could pass, but what could never take effect as its author means it: better
/// refused before it is voted on.
fn can_take_effect(shell: &Shell, effects: &[Effect]) -> Result<(), ApiError> {
    let charter = shell.ledger.state().charter();
    for (place, effect) in effects.iter().enumerate() {
        if let Effect::Admit { member } | Effect::Expel { member } = effect
            && effects[..place].contains(effect)
        {
            return Err(ApiError::invalid("G-83", format!("G-83: member {member} is named twice")));
        }
        is_payable(effect)?;
        changes_something(shell, effect)?;
        // The log knows no script: it would take what nobody could ever be paid by.
        let after = effect.charter_after(charter);
        if let Some(problem) = after.as_ref().and_then(stage_problem) {
            return Err(ApiError::invalid("T-86", problem));
        }
        // A rule change is the log's own to refuse (G-85).
        if !matches!(effect, Effect::ElectTreasurers(_) | Effect::ReplaceKeys(_)) {
            continue;
        }
        if let Some(after) = after {
            if let Some(problem) = check_change(effect.class(), charter, &after).first() {
                return Err(ApiError::invalid("G-85", format!("G-85: it would lapse: {problem}")));
            }
            Treasury::parse(&after.treasury_descriptor).map_err(|error| ApiError::invalid("T-1", error.to_string()))?;
        }
    }
    Ok(())
}

/// N-54: what would change nothing, or less than it says.
fn changes_something(shell: &Shell, effect: &Effect) -> Result<(), ApiError> {
    let state = shell.ledger.state();
    let message = match effect {
        // Where nobody is admitted by vote, G-16 says so.
        Effect::Admit { member }
            if state.charter().rule_for(Class::Admit, 0).is_some() && state.is_admitted(member) =>
        {
            format!("N-54: {member} is admitted already; a stake is all that a vote needs")
        }
        Effect::Pause(pause) if pause.blocks > state.charter().guards.pause_max_blocks => format!(
            "N-54: a pause of {} blocks; the charter lets one last {} blocks at most (G-87)",
            pause.blocks,
            state.charter().guards.pause_max_blocks
        ),
        Effect::StopBudget { proposal } => match state.ledger().standing(proposal) {
            Some(standing) if !has_open_payments(standing) => {
                format!("N-54: nothing of budget {proposal} is left to stop: {}", standing.fate.words())
            }
            _ => return Ok(()),
        },
        Effect::Confiscate(target) => match not_held(state, target) {
            Some(message) => message,
            None => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(ApiError::invalid("N-54", message))
}

/// What a confiscation could not take: of a deposit that was settled nothing, of any other no more than it is. That there is none at
/// all is the log's own to refuse (G-86).
fn not_held(state: &LogState, target: &Confiscate) -> Option<String> {
    let Confiscate { thread, member, amount_sat } = *target;
    let member = state.member_of_key(&member);
    if let Some(settlement) = state.ledger().settlement(&thread, &member) {
        let epoch = settlement.epoch;
        return Some(format!(
            "N-54: the deposit of {member} for {thread} was settled in epoch {epoch}; nothing of it is held"
        ));
    }
    let held_sat = state.deposit_sat(&thread, &member, state.size());
    let is_more = held_sat > 0 && amount_sat > held_sat;
    is_more.then(|| {
        format!("N-54: {amount_sat} sat are more than the {held_sat} sat that {member} holds for {thread} (G-86)")
    })
}

fn has_open_payments(budget: &Standing) -> bool {
    match budget.fate {
        Fate::Waiting => true,
        Fate::Effective => budget.payments.iter().any(|payment| payment.state == PaymentState::Waiting),
        _ => false,
    }
}

/// What may be proposed and hardly should without a second look.
pub(crate) fn warnings(shell: &Shell, content: &ProposalContent, author: &MemberId) -> Vec<String> {
    let state = shell.ledger.state();
    let forecast = state.ledger().forecast(state, content, author);
    let mut told: Vec<String> = forecast
        .and_then(|bar| match bar {
            Bar::Cooldown { .. } => Some(bar.to_string()),
            // Failures may have raised it, and a thread that is new has none yet.
            Bar::Deposit { needed_sat, held_sat, .. } => {
                Some(format!("it needs a deposit of {needed_sat} sat and has {held_sat} sat"))
            }
            _ => None,
        })
        .map(|why| format!("Proposed now it would have no effect, whatever the vote says (G-100): {why}."))
        .into_iter()
        .collect();
    if told.is_empty()
        && let Some(other) = state.ledger().undecided(state, content, author)
    {
        told.push(format!(
            "The vote on {:?}, which has something in common with it, ended at height {}, and no final epoch says yet what came of it. If it \
             failed, what is proposed now would have no effect for a while, and cost its deposit (G-100): wait for that epoch.",
            other.content.title,
            state.ended_at(other).unwrap_or(0)
        ));
    }
    if let Some(bar) = state.ledger().forecast_shrink(state, content, author) {
        told.push(format!("If it passed by today's roll it would have no effect (G-102): {bar}."));
    }
    for effect in content.options.iter().flat_map(|option| &option.effects) {
        match effect {
            Effect::Request(request) => told.extend(over_at_once(shell, content, request)),
            Effect::Spend(spend) => told
                .extend(fees_above(spend.fee_cap_sat, spend.outputs.iter().map(|output| u128::from(output.sat)).sum())),
            Effect::Budget(budget) => told.extend(fees_above(
                budget.fee_cap_sat,
                budget.milestones.iter().map(|milestone| u128::from(milestone.amount_sat)).min().unwrap_or(0),
            )),
            Effect::StopBudget { proposal } => told.extend(stops_the_whole(state, proposal)),
            Effect::Expel { member } if !state.is_admitted(member) => {
                told.push(format!("{member} is nobody who may vote: this keeps them from being so."));
            }
            Effect::ElectTreasurers(election) => told.extend(keys_apart(&election.descriptor, &election.treasurers)),
            _ => {}
        }
    }
    told
}

/// A stop that comes before the budget stops more than what is left of it.
fn stops_the_whole(state: &LogState, budget: &ProposalId) -> Option<String> {
    let stands = match state.ledger().standing(budget) {
        None => "is not decided yet",
        Some(standing) if standing.fate == Fate::Waiting => "has passed and did not take effect yet",
        Some(_) => return None,
    };
    Some(format!("Budget {budget} {stands}: if this takes effect first, the whole budget lapses (G-84)."))
}

/// Answers can come before a request took effect, but hardly anybody writes one before that is sure.
fn over_at_once(shell: &Shell, content: &ProposalContent, request: &Request) -> Option<String> {
    let charter = shell.ledger.state().charter();
    let (_, rule) = charter.rule_for(content.class, content.amount_sat())?;
    // Votes end at boundaries, and so do submissions (G-88).
    let end = rule.veto_blocks.saturating_add(request.submission_blocks).div_ceil(charter.epoch_blocks.max(1));
    let left = end.saturating_mul(charter.epoch_blocks).saturating_sub(rule.veto_blocks);
    (left <= charter.final_depth).then(|| {
        format!(
            "Submissions end {left} blocks after the request takes effect, before the epoch that says so can be final ({} blocks): \
             answers would have to come while it is still voted on (G-88).",
            charter.final_depth
        )
    })
}

fn fees_above(fee_cap_sat: u64, paid: u128) -> Option<String> {
    (u128::from(fee_cap_sat) > paid)
        .then(|| format!("Its fee cap of {fee_cap_sat} sat is more than the {paid} sat that one payment brings."))
}

/// T-4 lets the list of treasurers and the keys of the treasury differ; whoever proposes and whoever votes is told.
pub(crate) fn keys_apart(descriptor: &str, treasurers: &[Treasurer]) -> Vec<String> {
    let Ok(treasury) = Treasury::parse(descriptor) else { return Vec::new() };
    let holders = crate::treasury::policy::key_holders(&treasury, treasurers);
    let mut told = Vec::new();
    for (key, _) in treasury.keys().iter().zip(&holders).filter(|(_, holder)| holder.is_none()) {
        told.push(format!("Key {key} of the treasury is none of the treasurers named (T-4): ask whose it is."));
    }
    let idle = (0..treasurers.len()).filter(|place| !holders.contains(&Some(*place)));
    told.extend(idle.map(|place| {
        format!("Treasurer {:?} has no key of the treasury and cannot sign (T-4).", treasurers[place].name)
    }));
    told
}

/// N-54: what Bitcoin's nodes do not relay is never mined, so it cannot be paid.
fn is_payable(effect: &Effect) -> Result<(), ApiError> {
    let (payments, fee_cap_sat): (Vec<(&ScriptBuf, u64)>, u64) = match effect {
        Effect::Spend(spend) => {
            (spend.outputs.iter().map(|output| (&output.script, output.sat)).collect(), spend.fee_cap_sat)
        }
        Effect::Budget(budget) => {
            (budget.milestones.iter().map(|m| (&budget.payee, m.amount_sat)).collect(), budget.fee_cap_sat)
        }
        _ => return Ok(()),
    };
    if fee_cap_sat == 0 {
        let message =
            "N-54: with a fee cap of 0 sat it cannot be paid: nodes relay no payment without a fee".to_owned();
        return Err(ApiError::invalid("N-54", message));
    }
    for (script, sat) in payments {
        let least = script.minimal_non_dust().to_sat();
        if sat < least {
            let message = format!(
                "N-54: {sat} sat to {} cannot be paid: nodes relay no such output below {least} sat",
                script.to_hex_string()
            );
            return Err(ApiError::invalid("N-54", message));
        }
    }
    Ok(())
}

/// A form that is broken, under the clause that names it.
fn form(error: DecodeError) -> ApiError {
    let message = error.to_string();
    let rule = message.split(':').next().filter(|rule| rule.contains('-')).unwrap_or("G-25").to_owned();
    ApiError::invalid(&rule, message)
}

fn version_of(shell: &Shell, text: &str) -> Result<Version, ApiError> {
    let id = find_proposal(shell, text)?;
    let thread = shell.ledger.state().proposals().get(&id).map_or(id, |record| record.thread);
    Ok(Version { thread, previous: id })
}

/// The charter's own limit for that amount; a shorter one could be asked for, a longer one would not count.
fn expire_by_rule(shell: &Shell, content: &mut ProposalContent) {
    let rule = shell.ledger.state().charter().rule_for(content.class, content.amount_sat());
    let blocks = rule.map_or(1, |(_, rule)| rule.expiry_blocks);
    for effect in content.options.iter_mut().flat_map(|option| &mut option.effects) {
        match effect {
            Effect::Spend(spend) => spend.expiry_blocks = blocks,
            Effect::Budget(budget) => budget.expiry_blocks = blocks,
            _ => {}
        }
    }
}

fn effects(shell: &Shell, drafts: Vec<DraftEffect>) -> Result<Vec<Effect>, ApiError> {
    drafts.into_iter().map(|draft| effect(shell, draft)).collect()
}

fn effect(shell: &Shell, draft: DraftEffect) -> Result<Effect, ApiError> {
    Ok(match draft {
        DraftEffect::Spend { outputs, fee_cap_sat } => {
            let pay = |o: &crate::api::DraftOutput| {
                Ok::<_, ApiError>(SpendOutput { script: script(shell, &o.address)?, sat: o.amount_sat })
            };
            let outputs = outputs.iter().map(pay).collect::<Result<_, _>>()?;
            Effect::Spend(Spend { outputs, fee_cap_sat, expiry_blocks: 1 })
        }
        DraftEffect::Budget { payee, milestones, fee_cap_sat } => Effect::Budget(Budget {
            payee: script(shell, &payee)?,
            milestones: milestones
                .into_iter()
                .map(|m| Milestone {
                    description: m.description,
                    amount_sat: m.amount_sat,
                    after_blocks: m.after_blocks,
                })
                .collect(),
            fee_cap_sat,
            expiry_blocks: 1,
        }),
        DraftEffect::StopBudget { proposal } => Effect::StopBudget { proposal: find_proposal(shell, &proposal)? },
        DraftEffect::RuleChange { charter } => Effect::RuleChange(RuleChange {
            replaces: shell.ledger.state().charter().hash(),
            charter: Box::new(charter_from(&charter)?),
        }),
        DraftEffect::Admit { member } => {
            let member = find_member(shell, &member)?;
            expect_key(&member)?;
            Effect::Admit { member }
        }
        DraftEffect::Expel { member } => Effect::Expel { member: find_member(shell, &member)? },
        DraftEffect::ElectTreasurers { descriptor, treasurers } => {
            let treasurers = treasurers.into_iter().map(|t| Ok(Treasurer { key: key("G-85", &t.key)?, name: t.name }));
            Effect::ElectTreasurers(ElectTreasurers {
                descriptor,
                treasurers: treasurers.collect::<Result<_, ApiError>>()?,
            })
        }
        DraftEffect::ReplaceKeys { hub_node_key, hub_log_key, anchor_key } => Effect::ReplaceKeys(ReplaceKeys {
            hub_node_key: hub_node_key.map(|text| key("G-85", &text)).transpose()?,
            hub_log_key: hub_log_key.map(|text| key("G-85", &text)).transpose()?,
            anchor_key: anchor_key.map(|text| key("G-85", &text)).transpose()?,
        }),
        DraftEffect::Confiscate { proposal, member, amount_sat } => {
            let id = find_proposal(shell, &proposal)?;
            let thread = shell.ledger.state().proposals().get(&id).map_or(id, |record| record.thread);
            Effect::Confiscate(Confiscate { thread, member: find_member(shell, &member)?, amount_sat })
        }
        DraftEffect::Pause { blocks, mut classes } => {
            classes.sort();
            Effect::Pause(Pause { blocks, classes })
        }
        DraftEffect::Request { submission_blocks, budget_cap_sat } => {
            Effect::Request(Request { submission_blocks, budget_cap_sat })
        }
    })
}

fn script(shell: &Shell, text: &str) -> Result<ScriptBuf, ApiError> {
    let network = shell.dao.network();
    let address: Address<NetworkUnchecked> = text.parse().map_err(|error| {
        ApiError::invalid(
            "G-26",
            format!("{text:?} is not a Bitcoin address; a letter of it may be wrong or missing ({error})"),
        )
    })?;
    let address = address.require_network(network).map_err(|_| {
        ApiError::invalid("G-26", format!("address {text} is not one of {network}, this DAO's network"))
    })?;
    Ok(address.script_pubkey())
}

fn charter_from(toml: &str) -> Result<Charter, ApiError> {
    Charter::from_toml(toml).map_err(|error| {
        let message = error.to_string();
        // The first clause that the text names; a document that cannot be read at all names none.
        let rule = message.split([' ', ':', '(']).find(|word| word.starts_with("R-")).unwrap_or("R-1").to_owned();
        ApiError::invalid(&rule, message)
    })
}

fn key<K: std::str::FromStr<Err: std::fmt::Display>>(rule: &str, text: &str) -> Result<K, ApiError> {
    text.parse().map_err(|error| ApiError::invalid(rule, format!("{rule}: {text:?} is no key: {error}")))
}
