//! An association of persons who know each other.

use super::rules::{rule, tables};
use super::{TemplateArguments, guardians, identity, treasurers};
use crate::charter::Threshold::{Majority, PercentBp};
use crate::charter::{Body, Class, ClassRule, Quorum};
use crate::voting::System;

/// An association: one member one vote, members by vote, treasurers confirm payments, rules change by two
/// thirds, and boards and treasurers are elected by ranking.
///
/// The result is a document to edit, not yet checked; give it to [`crate::Charter::from_toml`].
#[must_use]
pub fn association(a: &TemplateArguments) -> String {
    let admission = format!("{{ vote = {{ min_stake_sat = {} }} }}", a.min_stake_sat);
    format!(
        r#"{identity}
# A member without an entry for a year (52 epochs of a week) leaves the count of all weight until their next one.
dormant_after_epochs = 52
equivocation_suspension_epochs = 4
{treasurers}
[guards]
# About a month.
spending_cap = {{ window_blocks = 4320, max_sat = 100000000 }}
active_stake_min_sat = {active_stake}
cooldown_blocks = {voting_blocks}
# At most this share of all weight, in basis points, is taken by an expulsion or a rule change: of fewer than ten members nobody
# can be expelled.
electorate_shrink_bp = 1000
deposit_growth_bp = 10000
{guardians}
[delegation]
enabled = true
max_parts = 1

[discussion]
comments_per_epoch = 100
comment_votes_per_epoch = 1000
comment_bytes = 4096
{rules}"#,
        identity = identity(a, "an association", &admission, r#""one_member_one_vote""#),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(2),
        voting_blocks = a.voting_blocks,
        rules = rules(a),
    )
}

fn rules(a: &TemplateArguments) -> String {
    let by = |class, threshold, quorum_bp| rule(a, class, threshold, Quorum::ParticipationBp(quorum_bp));
    let guarded =
        |class, threshold, quorum_bp| ClassRule { veto_blocks: a.veto_blocks, ..by(class, threshold, quorum_bp) };
    // Two thirds of at least two fifths. Whoever turns the vote at its end gives the others time to see it.
    let grave = |class| ClassRule { late_surge: true, ..guarded(class, PercentBp(6667), 4000) };
    let payment = |distinct_voters_min, rule| ClassRule { distinct_voters_min, late_surge: true, ..rule };
    tables([
        (
            "Resolutions; questions with several answers by approval or ranking.",
            ClassRule {
                systems: vec![System::YesNoAbstain, System::Approval, System::Schulze],
                ..by(Class::Text, Majority, 2000)
            },
        ),
        (
            "Small payments: the members decide.",
            ClassRule { max_amount_sat: Some(10_000_000), ..payment(2, guarded(Class::Spend, Majority, 3000)) },
        ),
        (
            "Large ones: the treasurers agree as well.",
            ClassRule { bodies: vec![Body::Members, Body::Treasurers], ..payment(3, grave(Class::Spend)) },
        ),
        ("", ClassRule { expiry_blocks: 52_560, ..payment(3, grave(Class::Budget)) }),
        ("", by(Class::Admit, Majority, 2000)),
        ("", grave(Class::Expel)),
        ("", ClassRule { distinct_voters_min: 3, ..grave(Class::RuleChange) }),
        (
            "",
            ClassRule {
                systems: vec![System::YesNoAbstain, System::InstantRunoff, System::Schulze],
                ..grave(Class::ElectTreasurers)
            },
        ),
        ("", grave(Class::ReplaceKeys)),
        (
            "Stops all spending for a while; the treasurers alone can order it.",
            ClassRule { expiry_blocks: 432, bodies: vec![Body::Treasurers], ..by(Class::Pause, Majority, 1000) },
        ),
    ])
}
