//! How something came to be what it is: sums as the ballots came, balances as the checkpoints came.

use althing_governance::charter::{Body, ClassRule, Quorum, Threshold};
use althing_governance::id::MemberId;
use althing_governance::state::ProposalRecord;
use althing_governance::voting::{Count, Measure, System};

use super::names::find_proposal;
use super::reading::perhaps_later;
use crate::api::{ApiError, Curve, CurveOf, CurvePoint, Marks};
use crate::shell::Shell;

/// Points of a curve at most; more heights than that are thinned out, the last always kept.
const MAX_POINTS: usize = 240;

/// A curve.
///
/// # Errors
/// Something that is not there.
pub(super) fn curve(shell: &Shell, of: &CurveOf) -> Result<Curve, ApiError> {
    let mut curve = match of {
        CurveOf::Tally { proposal } => {
            tally(shell, &shell.ledger.state().proposals()[&find_proposal(shell, proposal)?])
        }
        CurveOf::Channel { channel } => balances(shell, channel)?,
    };
    thin(&mut curve.points);
    Ok(curve)
}

/// The sums after each ballot. Every ballot weighs what it carries now, so the last point is the tally as it stands.
fn tally(shell: &Shell, record: &ProposalRecord) -> Curve {
    let state = shell.ledger.state();
    let mut curve = Curve {
        labels: labels(record),
        unit: record.content.system.measure().name().to_owned(),
        note: "Each ballot is drawn with the weight that it carries now, delegations included.".to_owned(),
        points: Vec::new(),
    };
    let Some(roll) = state.roll(record.snapshot_epoch) else { return curve };
    let Ok(mut count) = Count::new(record.content.system, record.content.option_count()) else { return curve };
    // The curve is that of the proposal's totals, which are its first body's.
    let body = state.rule_of(record).and_then(|rule| rule.bodies.first().copied()).unwrap_or(Body::Members);
    let carried = |member: &MemberId| {
        if body != Body::Members {
            return u128::from(state.votes_in(record, body, member) == Some(true));
        }
        let own = roll.weight(member);
        record.live.as_ref().map_or(own, |live| live.carried(member, own))
    };
    let mut ballots: Vec<(u64, &MemberId, &[u16])> = Vec::new();
    let cutoff = state.vote_cutoff(record).unwrap_or(u64::MAX);
    for (member, records) in record.ballots.by_member() {
        let valid = records.filter(|ballot| ballot.void_from.is_none() && ballot.position < cutoff);
        ballots.extend(valid.map(|ballot| (ballot.position, member, ballot.fields)));
    }
    ballots.sort_by_key(|(position, ..)| *position);
    let mut standing: std::collections::BTreeMap<&MemberId, &[u16]> = std::collections::BTreeMap::new();
    for (position, member, fields) in ballots {
        let Some(height) = state.entry_height(position) else { break };
        let weight = carried(member);
        if let Some(before) = standing.insert(member, fields)
            && count.remove(before, weight).is_err()
        {
            break;
        }
        if count.add(fields, weight).is_err() {
            break;
        }
        let values = parts(&count, &curve.labels);
        push(&mut curve.points, CurvePoint { height, values });
    }
    curve
}

/// The balances that both sides signed, oldest first.
fn balances(shell: &Shell, channel: &str) -> Result<Curve, ApiError> {
    let typed = channel.trim().to_ascii_lowercase();
    if !(4..=64).contains(&typed.len()) || !typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message =
            format!("N-61: a stake channel is named by 4 to 64 hexadecimal digits of its id, not by {channel:?}");
        return Err(ApiError::invalid("N-61", message));
    }
    let named = |id: &str| id.starts_with(&typed);
    let channels = shell.ledger.state().channels();
    let mut found = channels.iter().filter(|(id, _)| named(&id.to_string()));
    let record = match (found.next(), found.next()) {
        (Some((_, record)), None) => record,
        (None, _) => {
            let message = format!("N-61: no stake channel that is bound in the log has the id {channel}");
            // One of this folder that waits for its confirmations is bound by and by.
            return match shell.stakes.named(&typed) {
                Ok(_) => Err(ApiError::not_now(format!("{message} yet"))),
                Err(_) => perhaps_later(shell, Err(ApiError::invalid("N-61", message))),
            };
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("N-61", format!("N-61: more than one stake channel begins with {channel}")));
        }
    };
    let mut points = Vec::new();
    for (_, checkpoint) in &record.checkpoints {
        let values = vec![checkpoint.member_sat.to_string(), checkpoint.hub_sat.to_string()];
        push(&mut points, CurvePoint { height: checkpoint.tip_height, values });
    }
    Ok(Curve {
        labels: vec!["member".to_owned(), "hub".to_owned()],
        unit: "sat".to_owned(),
        note: "Checkpoints in the log, each signed by both sides.".to_owned(),
        points,
    })
}

/// Where a rule stands on the bars.
pub(super) fn marks(rule: &ClassRule, system: System) -> Marks {
    if system == System::Optimistic {
        return Marks { oppose_bp: Some(rule.oppose_bp), ..Marks::default() };
    }
    let (quorum_bp, quorum_of_yes) = match rule.quorum {
        Quorum::ParticipationBp(bp) => (bp, false),
        Quorum::YesOfTotalBp(bp) => (bp, true),
    };
    let threshold_bp = match rule.threshold {
        Threshold::Majority => 5_000,
        Threshold::PercentBp(bp) => bp,
    };
    Marks { threshold_bp: Some(threshold_bp), quorum_bp: Some(quorum_bp), quorum_of_yes, oppose_bp: None }
}

/// A later value of a height replaces the earlier one.
fn push(points: &mut Vec<CurvePoint>, point: CurvePoint) {
    match points.last_mut() {
        Some(last) if last.height >= point.height => last.values = point.values,
        _ => points.push(point),
    }
}

fn labels(record: &ProposalRecord) -> Vec<String> {
    let system = record.content.system;
    let options = (1..=record.content.option_count()).map(|number| number.to_string()).chain(["none".to_owned()]);
    match system.measure() {
        _ if !system.has_options() => ["yes", "no", "abstain"].map(str::to_owned).into(),
        Measure::Weight | Measure::FirstPlaces => options.chain(["abstain".to_owned()]).collect(),
        // What abstains is weight, and has no place among these.
        Measure::Points | Measure::Votes | Measure::PairsWon => options.collect(),
    }
}

/// One value for each label.
fn parts(count: &Count, labels: &[String]) -> Vec<String> {
    let sums = althing_governance::tally::Sums::of(count);
    let value = |(index, label): (u16, &String)| match (label.as_str(), &sums) {
        ("yes", Some(sums)) => sums.yes,
        ("no", Some(sums)) => sums.no,
        ("abstain", _) => count.abstained(),
        _ => count.figure(index),
    };
    (0u16..).zip(labels).map(|pair| value(pair).to_string()).collect()
}

fn thin(points: &mut Vec<CurvePoint>) {
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let mut index = 0;
    points.retain(|_| {
        let keep = index % step == 0 || index == last;
        index += 1;
        keep
    });
}
