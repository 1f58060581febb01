//! The sums of a vote, of each body that decides it (G-45), and who has a vote in which.

use althing_governance::charter::{Body, ClassRule};
use althing_governance::id::MemberId;
use althing_governance::ledger::Counted;
use althing_governance::state::{BodyVote, ProposalRecord};
use althing_governance::tally::Sums;
use althing_governance::voting::{Count, Outcome, System, TieBreak};

use super::proposals::newest_standing;
use super::workings::workings;
use crate::api::{ApiError, BodyTally, Tally, VetoTally};
use crate::shell::Shell;
use crate::speaker::Voice;

/// The bodies that decide a proposal with their sums, in the order of the rule.
#[derive(Debug, Default)]
pub(super) struct Votes {
    /// As last counted, else as they stand; a body is left out while its roll is not known.
    pub(super) now: Vec<BodyTally>,
    /// As at the close, where the count at enactment came to other sums (V-34); else empty.
    pub(super) at_close: Vec<BodyTally>,
}

/// What each body that decides a proposal says.
pub(super) fn all(shell: &Shell, me: Option<MemberId>, record: &ProposalRecord, is_final: bool) -> Votes {
    let state = shell.ledger.state();
    let Some(rule) = state.rule_of(record) else { return Votes::default() };
    let Some(standing) = newest_standing(shell, &record.id) else {
        let so_far = state.bodies_so_far(record);
        let told = |vote: &BodyVote| told(shell, me, record, rule, vote, None, is_final);
        return Votes { now: so_far.iter().map(told).collect(), at_close: Vec::new() };
    };
    // What was decided stays, whatever else the log says by now.
    let decided = |counted: Counted<'_>, is_final: bool| -> Vec<BodyTally> {
        let tie = state.tie_break(counted.closed_at);
        let one = |body: Body, count: &Count| {
            let voters = state.voters_in(record, body).unwrap_or(0);
            // Only members are dormant.
            let dormant_weight = if body == Body::Members { counted.dormant_weight } else { 0 };
            let vote = BodyVote { body, voters, count: count.clone(), dormant_weight };
            told(shell, me, record, rule, &vote, tie, is_final)
        };
        match counted.bodies {
            [] => vec![one(Body::Members, counted.count)],
            bodies => bodies.iter().map(|said| one(said.body, &said.count)).collect(),
        }
    };
    let at_close = decided(standing.at_close(), is_final);
    match standing.counted_again() {
        None => Votes { now: at_close, at_close: Vec::new() },
        Some(again) => {
            // An epoch that is not final yet may be the one that counted again.
            let is_settled = state.ledger().standing(&record.id).is_some_and(|settled| settled.enacted_epoch.is_some());
            Votes { now: decided(again, is_final && is_settled), at_close }
        }
    }
}

/// The bodies as they would stand with a ballot of a member.
pub(super) fn with_ballot(shell: &Shell, me: MemberId, record: &ProposalRecord, fields: &[u16]) -> Vec<BodyTally> {
    let state = shell.ledger.state();
    let Some(rule) = state.rule_of(record) else { return Vec::new() };
    let bodies = state.bodies_with(record, Some((&me, fields)));
    bodies.iter().map(|vote| told(shell, Some(me), record, rule, vote, None, false)).collect()
}

/// The totals of a proposal, which are its first body's: as last counted, else as they stand.
pub(super) fn totals(shell: &Shell, record: &ProposalRecord) -> Option<Count> {
    let state = shell.ledger.state();
    let decided = newest_standing(shell, &record.id)
        .map(|standing| standing.counted_again().unwrap_or_else(|| standing.at_close()).count.clone());
    decided.or_else(|| Some(state.bodies_so_far(record).into_iter().next()?.count))
}

/// N-130: a ballot that no body of the proposal counts decides nothing, and is not signed. `None` where it counts, or where nobody can
/// tell yet.
pub(crate) fn counts_nowhere(shell: &Shell, record: &ProposalRecord, me: &MemberId) -> Option<ApiError> {
    let state = shell.ledger.state();
    let rule = state.rule_of(record)?;
    let votes = |body: &Body| state.votes_in(record, *body, me);
    if !rule.bodies.iter().all(|body| votes(body) == Some(false)) {
        return None;
    }
    let (id, epoch) = (record.id, record.snapshot_epoch);
    if !rule.has_offices() && !state.holds_office(me) {
        let message = format!(
            "G-35: this member is not on the roll of epoch {epoch}, from which this proposal takes its weights"
        );
        return Some(ApiError::invalid("G-35", message));
    }
    let names: Vec<&str> = rule.bodies.iter().map(|body| body.name()).collect();
    let mut message = format!(
        "N-130: this ballot would decide nothing: of proposal {id} the {} decide (G-45), and by this vote key you are none of them",
        names.join(" and the ")
    );
    if rule.bodies.contains(&Body::Members) {
        message.push_str(&format!(" on the roll of epoch {epoch}"));
    }
    if super::ballots::treasurers(shell, record).is_some_and(|body| body.i_am_one) {
        message.push_str("; your treasury key is a treasurer's: vote --as-treasurer, or V on the screens");
    }
    Some(ApiError::invalid("N-130", message))
}

/// Who else decides than the members, in a sentence; `None` where the members alone do.
pub(crate) fn bodies_sentence(rule: &ClassRule) -> Option<String> {
    if !rule.has_offices() {
        return None;
    }
    let names: Vec<&str> = rule.bodies.iter().map(|body| body.name()).collect();
    let named = names.join(" and the ");
    Some(match rule.bodies.as_slice() {
        [_] => format!("The {named} alone decide it, one key one vote; the members' ballots count for nothing (G-45)."),
        bodies => {
            let all = if bodies.len() == 2 { "both have" } else { "all have" };
            let members = if bodies.contains(&Body::Members) { "" } else { "; the members' ballots count for nothing" };
            format!(
                "The {named} decide it, each by itself, and {all} to agree; an office by one key one vote (G-45){members}."
            )
        }
    })
}

fn told(
    shell: &Shell,
    me: Option<MemberId>,
    record: &ProposalRecord,
    rule: &ClassRule,
    vote: &BodyVote,
    tie: Option<TieBreak>,
    is_final: bool,
) -> BodyTally {
    let state = shell.ledger.state();
    let BodyVote { body, voters, .. } = vote;
    let me = match body {
        Body::Treasurers => Some(MemberId::of(&shell.key_of(Voice::Treasurer).x_only_public_key().0)),
        Body::Members | Body::Founders => me,
    };
    let (tally, outcome) = tally(vote, rule, tie, is_final);
    let i_am_one = me.is_some_and(|me| state.votes_in(record, *body, &me) == Some(true));
    BodyTally { body: *body, voters: *voters, i_am_one, tally, outcome }
}

/// Totals in the words of the API, and what they come to. Of a choice, yes and no are those of V-26 for the option that is ahead.
/// `tie` is what breaks its ties (V-30), known only when it has ended.
fn tally(vote: &BodyVote, rule: &ClassRule, tie: Option<TieBreak>, is_final: bool) -> (Tally, Option<String>) {
    let BodyVote { body, count, dormant_weight, .. } = vote;
    let voting_rule = rule.voting_rule_of(*body);
    let question = Sums::of(count);
    let (yes, no) = match &question {
        Some(sums) => (sums.yes, sums.no),
        None => {
            let own = count.ahead(tie).into_iter().find(|option| *option < count.options());
            let best = || (0..count.options()).max_by_key(|option| (count.figure(*option), std::cmp::Reverse(*option)));
            own.or_else(best).map_or((0, 0), |option| count.against_none(option))
        }
    };
    let outcome = count.without_roll(*dormant_weight).outcome(&voting_rule, tie);
    let reached_quorum = outcome != Ok(Outcome::NoQuorum);
    let tally = Tally {
        yes: yes.to_string(),
        no: no.to_string(),
        abstain: count.abstained().to_string(),
        standing: count.standing().to_string(),
        ballots: u64::try_from(count.ballots()).unwrap_or(u64::MAX),
        total_weight: count.weight().to_string(),
        dormant_weight: (*dormant_weight > 0).then(|| dormant_weight.to_string()),
        quorum_met: reached_quorum,
        threshold_met: match count.system() {
            System::YesNoAbstain => rule.threshold.is_met(yes, no),
            System::YesNoVeto => rule.threshold.is_met(yes, no) && outcome != Ok(Outcome::Vetoed),
            // While a tie waits for its block, somebody has won.
            _ => outcome.as_ref().map_or(true, |outcome| outcome.has_passed()),
        },
        is_final,
        choice: workings(count, tie),
        veto: count.vetoes().map(|weight| VetoTally {
            weight: weight.to_string(),
            cast: count.cast().to_string(),
            needed_bp: voting_rule.veto_bp,
            is_reached: count.is_vetoed(&voting_rule),
        }),
    };
    (tally, outcome.ok().map(|outcome| outcome.name().to_owned()))
}

#[cfg(test)]
mod tests {
    use althing_governance::charter::{Class, Quorum};

    use super::*;

    /// L-18: what stands aside is told beside what abstains, and a quorum of participation is that of the others.
    #[test]
    fn who_stands_aside_is_told_and_left_out_of_the_quorum() {
        let rule = ClassRule { quorum: Quorum::ParticipationBp(5000), ..ClassRule::new(Class::Text) };
        for (standing, is_met) in [(79, false), (80, true)] {
            let mut count = Count::new(System::YesNoAbstain, 0).unwrap();
            count.add(&[1], 7).unwrap();
            count.add(&[0], 3).unwrap();
            count.add_standing(standing).unwrap();
            count.add_roll(100).unwrap();
            let vote = BodyVote { body: Body::Members, count, voters: 9, dormant_weight: 0 };
            let (told, outcome) = tally(&vote, &rule, None, false);
            let json = serde_json::to_value(&told).unwrap();
            assert_eq!((&json["abstain"], &json["standing"]), (&"3".into(), &standing.to_string().into()));
            let words = if is_met { "passed" } else { "no_quorum" };
            assert_eq!((told.quorum_met, outcome.as_deref()), (is_met, Some(words)));
        }
    }
}
