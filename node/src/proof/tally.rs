//! Judging the tally of a proposal and what it authorises (docs/spec/proofs.md, P-7, P-130).

use althing_governance::Charter;
use althing_governance::charter::{Body, ClassRule};
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Effect, Entry, LaneEntry, ProposalContent, Spend};
use althing_governance::epoch::{Authorisation, DecisionLeaf, EpochHeader, Stage, Totals};
use althing_governance::id::ProposalId;
use althing_governance::voting::{Count, Outcome, Rankings, Rule};
use bitcoin::{OutPoint, Txid};

use super::bundle::{PaymentPart, TallyPart};
use super::tallies::{BodyTotals, Tallies, check_bodies, outcome_of_bodies, totals_words};
use super::verify::{Rejection, check_snapshot, fail, logged};

/// A payment that a proof file shows to be authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPayment {
    /// The proposal.
    pub proposal: ProposalId,
    /// Which milestone of a budget, from 0; `None` for a spend.
    pub milestone: Option<u16>,
    /// Its title; untrusted text.
    pub title: String,
    /// What is paid, at which fee at most.
    pub spend: Spend,
    /// From when until when, and the hash of the intent.
    pub authorisation: Authorisation,
    /// The gate to be spent.
    pub gate: OutPoint,
    /// The transaction that paid it already, as the log says.
    pub paid_by: Option<Txid>,
}

/// Where a statement stands: under which header of which DAO, with the charters of all headers up to it.
pub(super) struct Place<'a> {
    pub(super) params: &'a DaoParams,
    pub(super) header: &'a EpochHeader,
    pub(super) charters: &'a [&'a Charter],
}

/// P-7: sums, quorum, outcome and authorisation. Returns the statement, and the payment that is authorised.
pub(super) fn check_tally(
    place: &Place<'_>,
    part: &TallyPart,
    checked: &mut Vec<String>,
    unchecked: &mut Vec<String>,
) -> Result<(String, Option<ShownPayment>), Rejection> {
    let rule = fail("tally");
    let (params, header) = (place.params, place.header);
    let Entry::Proposal(entry) = logged(params, header, &part.entry, "proposal")? else {
        return Err(rule("P-7: the entry is not a proposal".into()));
    };
    let entry: LaneEntry<ProposalContent> = entry;
    let content = &entry.body;
    let proposal = content.id(params.network, params.dao_id, entry.lane.member);
    let shown = part.tally.verify(header, &proposal)?;
    let Some(first) = shown.first().map(|body| &body.shown) else { return Err(rule("P-130: no totals".into())) };
    let (snapshot, stage) = (first.snapshot, first.stage);
    check_snapshot(header, snapshot)?;
    if !stage.is_final() {
        return Err(rule(format!("P-7: voting on proposal {proposal} had not closed in epoch {}", header.epoch)));
    }
    // The rules are those in force when the first version was logged, which is when its roll was chosen.
    let charter = usize::try_from(snapshot).ok().and_then(|epoch| place.charters.get(epoch.checked_sub(1)?));
    let class_rule =
        charter.and_then(|charter| Some((charter, charter.rule_for(content.class, content.amount_sat())?)));
    let Some((charter, (_, class_rule))) = class_rule else {
        return Err(rule(format!(
            "P-7: the charter has no rule for a {} proposal of {} sat",
            content.class.name(),
            content.amount_sat()
        )));
    };
    let decision = part.decision.verify(header, &proposal).map_err(|error| rule(error.to_string()))?;
    check_bodies(&shown, content, charter, class_rule)?;
    match part.tally {
        Tallies::Members(_) => unchecked.extend(check_outcome(content, class_rule, &first.totals, &decision)?),
        Tallies::Bodies(_) => check_together(content, class_rule, &shown, &decision)?,
    }
    // P-7: a header holds the tally of a vote that closed, or took effect, after the header before it, so this one decided it.
    let decided = match stage {
        Stage::Enacted => decision.enacted_epoch,
        Stage::Open | Stage::Closed => Some(decision.decided_epoch),
    };
    if decided != Some(header.epoch) {
        let (epoch, decided) = (header.epoch, decided.unwrap_or(0));
        return Err(rule(format!("P-7: the decision is of epoch {decided}, the vote closed in epoch {epoch}")));
    }
    check_authorisation(place, class_rule, content, proposal, &decision)?;
    checked.push(format!(
        "The proposal is entry {} of the log, signed by member {}.",
        part.entry.position, entry.lane.member
    ));
    for BodyTotals { body, shown } in &shown {
        checked.push(match body {
            Body::Members => {
                format!("Its sums are those of {} members of the roll of epoch {snapshot}.", shown.electorate)
            }
            office => format!(
                "{} {} have a vote each, by the charter of epoch {snapshot}; what they decided follows from their sums.",
                shown.electorate,
                office.name()
            ),
        });
    }
    checked.push(format!("The charter's rule: {}", class_rule.to_plain_sentence()));
    let authorised = match (decision.authorisation, decision.gate) {
        (Some(a), Some(gate)) => format!(
            " Authorised from height {} to {} for {} sat, spending gate {gate}.",
            // The last height that is allowed, as everywhere.
            a.height,
            a.expires_height.saturating_sub(1),
            a.amount_sat
        ),
        _ => String::new(),
    };
    let statement = format!(
        "Proposal {proposal} ({}): {}; {}.{authorised}",
        content.class.name(),
        outcome_words(content, decision.outcome),
        totals_words(&shown)
    );
    Ok((statement, shown_payment(content, proposal, None, &decision)))
}

/// P-20: what was decided by the tally, and that the payment is authorised by the newest header.
pub(super) fn check_payment(
    place: &Place<'_>,
    newest: &EpochHeader,
    part: &PaymentPart,
    checked: &mut Vec<String>,
    unchecked: &mut Vec<String>,
) -> Result<(String, Option<ShownPayment>), Rejection> {
    let rule = fail("payment");
    let (statement, _) = check_tally(place, &part.tally, checked, unchecked)?;
    let Entry::Proposal(entry) = logged(place.params, place.header, &part.tally.entry, "proposal")? else {
        return Err(rule("P-20: the entry is not a proposal".into()));
    };
    let proposal = entry.body.id(place.params.network, place.params.dao_id, entry.lane.member);
    let decided = part.tally.decision.verify(place.header, &proposal).map_err(|error| rule(error.to_string()))?;
    let leaf = match part.milestone {
        Some(number) => part.payment.verify_milestone(newest, &proposal, number),
        None => part.payment.verify(newest, &proposal),
    };
    let leaf = leaf.map_err(|error| rule(error.to_string()))?;
    if (leaf.class, leaf.outcome, leaf.bar) != (entry.body.class, decided.outcome, 0) {
        return Err(rule(format!(
            "P-20: the payment is of class {} and outcome {}, the tally of class {} and outcome {}",
            leaf.class.name(),
            leaf.outcome.name(),
            entry.body.class.name(),
            decided.outcome.name()
        )));
    }
    let gate = leaf.gate.ok_or_else(|| rule("P-20: the payment has no gate".into()))?;
    if !place.params.gates.contains(&gate) {
        return Err(rule(format!("P-20: gate {gate} is none of the charter's gates")));
    }
    let payment = shown_payment(&entry.body, proposal, part.milestone, &leaf)
        .ok_or_else(|| rule(format!("P-20: what is authorised is no payment that proposal {proposal} asks for")))?;
    checked.push(format!(
        "By the header of epoch {} {} sat may leave the treasury from height {} to {}, spending gate {gate}.",
        newest.epoch,
        payment.authorisation.amount_sat,
        payment.authorisation.height,
        payment.authorisation.expires_height
    ));
    Ok((statement, Some(payment)))
}

/// What an authorised spend pays: all of it, or the first outputs that a spending cap left.
fn shown_payment(
    content: &ProposalContent,
    proposal: ProposalId,
    milestone: Option<u16>,
    decision: &DecisionLeaf,
) -> Option<ShownPayment> {
    let (authorisation, gate) = (decision.authorisation?, decision.gate?);
    let Outcome::Passed { option } = decision.outcome else { return None };
    let effects = content.effects(option);
    let spend = effects.iter().find_map(|effect| match (effect, milestone) {
        (Effect::Spend(spend), None) => Some(spend.clone()),
        (Effect::Budget(budget), Some(number)) => budget.payment(usize::from(number)),
        _ => None,
    })?;
    let count = part_of(&spend, proposal, &authorisation)?;
    let spend = Spend { outputs: spend.outputs[..count].to_vec(), ..spend.clone() };
    let (title, paid_by) = (content.title.clone(), decision.paid_by);
    Some(ShownPayment { proposal, milestone, title, spend, authorisation, gate, paid_by })
}

/// P-130: what the bodies say, each by its sums, gives the outcome that the decision states.
fn check_together(
    content: &ProposalContent,
    class_rule: &ClassRule,
    shown: &[BodyTotals],
    decision: &DecisionLeaf,
) -> Result<(), Rejection> {
    check_class(content, decision)?;
    let given = outcome_of_bodies(shown, class_rule, decision.dormant_weight);
    if given == Some(decision.outcome) {
        return Ok(());
    }
    let given = given.map_or_else(|| "no outcome".to_owned(), |outcome| outcome_words(content, outcome));
    Err(fail("tally")(format!(
        "P-130: the decision is {}, the sums of the bodies give {given}",
        outcome_words(content, decision.outcome)
    )))
}

fn check_class(content: &ProposalContent, decision: &DecisionLeaf) -> Result<(), Rejection> {
    if decision.class == content.class {
        return Ok(());
    }
    let (found, wanted) = (decision.class.name(), content.class.name());
    Err(fail("tally")(format!("P-7: the decision is for class {found}, the proposal is of class {wanted}")))
}

/// P-7: the rule applied to the sums gives the outcome that the decision states. Returns what of it the sums do not show.
fn check_outcome(
    content: &ProposalContent,
    class_rule: &ClassRule,
    totals: &Totals,
    decision: &DecisionLeaf,
) -> Result<Option<String>, Rejection> {
    let rule = fail("tally");
    check_class(content, decision)?;
    let mut sums = totals.sums.clone();
    if let Some(weight) = sums.last_mut() {
        *weight = weight.checked_sub(decision.dormant_weight).ok_or_else(|| {
            rule(format!("P-7: dormant weight {} is above the roll's {weight}", decision.dormant_weight))
        })?;
    }
    let (stated, voting_rule) = (decision.outcome, class_rule.voting_rule());
    let open = match Count::from_sums(totals.system, totals.options, &sums) {
        Ok(count) => agrees(content, &count, &voting_rule, stated),
        Err(_) => runoff_agrees(content, &voting_rule, totals, &sums, stated),
    };
    open.map_err(|given| {
        rule(format!(
            "P-7: the decision is {} for class {}, the sums give {given} for class {}",
            outcome_words(content, stated),
            decision.class.name(),
            content.class.name()
        ))
    })
}

/// What sums leave open of an outcome that agrees with them; else what they give.
fn agrees(content: &ProposalContent, count: &Count, rule: &Rule, stated: Outcome) -> Result<Option<String>, String> {
    match count.outcome(rule, None) {
        Ok(outcome) if outcome == stated => Ok(None),
        Ok(outcome) => Err(outcome_words(content, outcome)),
        Err(undecided) if undecided.tied.iter().any(|option| count.judge(*option, rule) == stated) => {
            let level = options_words(content, &undecided.tied);
            Ok(Some(format!(
                "Level are {level}: which of them won hangs on a block (V-30) that this file does not name."
            )))
        }
        Err(undecided) => Err(undecided.to_string()),
    }
}

/// The same of an instant run-off, whose outcome needs the ballots (V-15), by its first places.
fn runoff_agrees(
    content: &ProposalContent,
    rule: &Rule,
    totals: &Totals,
    sums: &[u128],
    stated: Outcome,
) -> Result<Option<String>, String> {
    let places = (0u16..).zip(sums.iter().copied()).take(usize::from(totals.options) + 1);
    let rankings: Rankings =
        places.filter(|(_, weight)| *weight > 0).map(|(first, weight)| (vec![first], weight)).collect();
    let count = Count::from_parts(totals.system, totals.options, sums, rankings).map_err(|error| error.to_string())?;
    let winner = (0..=totals.options).find(|option| count.figure(*option) > count.cast() / 2);
    let none = totals.options;
    let (given, may_be) = match winner {
        _ if !count.reaches_turnout(rule) => (outcome_words(content, Outcome::NoQuorum), stated == Outcome::NoQuorum),
        Some(winner) if winner == none => (outcome_words(content, Outcome::Rejected), stated == Outcome::Rejected),
        winner => {
            let is_winner = |option: u16| option < none && winner.is_none_or(|winner| winner == option);
            let may_be = match stated {
                Outcome::Passed { option } => option.is_some_and(is_winner),
                other => matches!(other, Outcome::Rejected | Outcome::NoQuorum),
            };
            let won = winner.map_or_else(|| "an option".to_owned(), |winner| options_words(content, &[winner]));
            let given = format!("no other outcome than that {won} passes, is rejected or has no quorum");
            let open = match winner {
                Some(_) => "What stands against the option with more than half of the first places",
                None => "Who won",
            };
            let open = format!("{open} follows from the ballots of the run-off, which are not in this file (V-15).");
            return may_be.then_some(Some(open)).ok_or(given);
        }
    };
    may_be.then_some(None).ok_or(given)
}

fn options_words(content: &ProposalContent, options: &[u16]) -> String {
    let label = |option: &u16| match content.options.get(usize::from(*option)) {
        Some(named) => format!("option {} ({:?})", u32::from(*option) + 1, named.label),
        None => "none of these".to_owned(),
    };
    options.iter().map(label).collect::<Vec<_>>().join(" and ")
}

/// P-7: who may pay what, through which gate, from when until when.
fn check_authorisation(
    place: &Place<'_>,
    class_rule: &ClassRule,
    content: &ProposalContent,
    proposal: ProposalId,
    decision: &DecisionLeaf,
) -> Result<(), Rejection> {
    let rule = fail("decision");
    let option = match decision.outcome {
        Outcome::Passed { option } => Some(option),
        _ => None,
    };
    let spend = option.and_then(|option| {
        content.effects(option).iter().find_map(|effect| match effect {
            Effect::Spend(spend) => Some(spend),
            _ => None,
        })
    });
    match (spend, decision.authorisation, decision.gate) {
        (_, None, None) => Ok(()),
        (Some(_), Some(_), Some(gate)) if !place.params.gates.contains(&gate) => {
            Err(rule(format!("P-7: gate {gate} is none of the charter's gates")))
        }
        (Some(spend), Some(a), Some(_)) => {
            if !is_part(spend, proposal, &a) || a.height > place.header.closing_height {
                return Err(rule(format!(
                    "P-7: authorised are {} sat from height {}, the proposal is for {} sat and the epoch closed at {}",
                    a.amount_sat,
                    a.height,
                    spend.amount_sat().unwrap_or(u64::MAX),
                    place.header.closing_height
                )));
            }
            check_authorised_heights(place, class_rule, spend, &a)
        }
        _ => Err(rule(format!("P-7: a {} proposal cannot have this authorisation or gate", content.class.name()))),
    }
}

/// Whether an authorisation is for the spend, or for the first of its outputs where a spending cap left no more (G-103).
fn is_part(spend: &Spend, proposal: ProposalId, authorisation: &Authorisation) -> bool {
    part_of(spend, proposal, authorisation).is_some()
}

/// How many of the spend's outputs the authorisation is for.
fn part_of(spend: &Spend, proposal: ProposalId, authorisation: &Authorisation) -> Option<usize> {
    (1..=spend.outputs.len()).rev().find(|&count| {
        let part = Spend { outputs: spend.outputs[..count].to_vec(), ..spend.clone() };
        part.amount_sat() == Some(authorisation.amount_sat) && part.intent_hash(proposal) == authorisation.intent
    })
}

/// P-7: it was due by the end of this epoch, and expires as proposal and charter say, put off by no more than the time that it was
/// kept waiting: by a pause (G-87), a tie (V-31), answers before it (G-88) or an entry left out (G-107).
fn check_authorised_heights(
    place: &Place<'_>,
    class_rule: &ClassRule,
    spend: &Spend,
    authorisation: &Authorisation,
) -> Result<(), Rejection> {
    let rule = fail("decision");
    let (height, closing) = (authorisation.height, place.header.closing_height);
    let close = height.checked_sub(class_rule.veto_blocks);
    // Guardians may have put it off by a number of blocks that is no boundary's.
    let put_off = place.charters.iter().any(|charter| !charter.guardians.members.is_empty());
    let on_boundary =
        close.is_some_and(|close| place.params.charter.boundary_at_or_after(close) == Some(close) || put_off);
    let Some(waited) = closing.checked_sub(height).filter(|_| on_boundary) else {
        return Err(rule(format!(
            "P-7: authorised from height {height} after {} blocks of veto, but the vote closed at a boundary and took effect at {closing} at the latest",
            class_rule.veto_blocks
        )));
    };
    let expires = height.saturating_add(spend.expiry_blocks.min(class_rule.expiry_blocks));
    let latest = expires.saturating_add(waited);
    if !(expires..=latest).contains(&authorisation.expires_height) {
        return Err(rule(format!(
            "P-7: the authorisation expires at height {}, the proposal and the charter give {expires}, and {waited} more at most",
            authorisation.expires_height
        )));
    }
    Ok(())
}

fn outcome_words(content: &ProposalContent, outcome: Outcome) -> String {
    match outcome {
        Outcome::Passed { option: Some(option) } => {
            format!("passed with {}", options_words(content, &[option]))
        }
        other => other.name().to_owned(),
    }
}
