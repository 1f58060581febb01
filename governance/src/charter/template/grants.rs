//! Money for the work of others.

use super::rules::{rule, tables};
use super::{TemplateArguments, guardians, identity, treasurers};
use crate::charter::Threshold::{Majority, PercentBp};
use crate::charter::{Class, ClassRule, Quorum};
use crate::voting::System;

/// A DAO that gives grants: anybody may stake, weight grows with the age of a stake, most members delegate by topic, requests
/// for proposals end in a run-off, and grants are paid by milestone and can be stopped.
///
/// The result is a document to edit, not yet checked; give it to [`crate::Charter::from_toml`].
#[must_use]
pub fn grants(a: &TemplateArguments) -> String {
    let admission = format!("{{ open = {{ min_stake_sat = {} }} }}", a.min_stake_sat);
    format!(
        r#"{identity}
dormant_after_epochs = 13
equivocation_suspension_epochs = 4
{treasurers}
[guards]
# About a month.
spending_cap = {{ window_blocks = 4320, max_sat = 50000000 }}
active_stake_min_sat = {active_stake}
cooldown_blocks = {cooldown}
deposit_growth_bp = 10000
{guardians}
[delegation]
enabled = true
max_parts = 16

[discussion]
comments_per_epoch = 200
comment_votes_per_epoch = 2000
comment_bytes = 4096
{rules}"#,
        // A stake of half a year weighs the most.
        identity = identity(a, "a DAO that gives grants", &admission, "{ stake_age = { cap_blocks = 26280 } }"),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(10),
        cooldown = a.voting_blocks.saturating_mul(2),
        rules = rules(a),
    )
}

fn rules(a: &TemplateArguments) -> String {
    let by = |class, threshold, quorum_bp| rule(a, class, threshold, Quorum::ParticipationBp(quorum_bp));
    let deposited = |rule| ClassRule { deposit_sat: a.min_stake_sat / 10, min_support_bp: 300, ..rule };
    let reviewed = |class, threshold, quorum_bp, distinct_voters_min| ClassRule {
        review_blocks: a.epoch_blocks,
        veto_blocks: a.veto_blocks,
        // Whoever turns the vote at its end gives the others time to see it.
        late_surge: true,
        distinct_voters_min,
        ..by(class, threshold, quorum_bp)
    };
    let choices = vec![
        System::YesNoAbstain,
        System::SingleChoice,
        System::Approval,
        System::Score { max: 5 },
        System::InstantRunoff,
        System::Split,
    ];
    tables([
        ("", deposited(ClassRule { systems: choices, ..by(Class::Text, Majority, 1000) })),
        (
            "Small grants pass unless a tenth of all weight objects.",
            deposited(ClassRule {
                max_amount_sat: Some(1_000_000),
                systems: vec![System::YesNoAbstain, System::Optimistic],
                ..reviewed(Class::Spend, Majority, 1000, 2)
            }),
        ),
        (
            "",
            deposited(ClassRule {
                max_amount_sat: Some(20_000_000),
                ..reviewed(Class::Spend, PercentBp(6000), 2000, 3)
            }),
        ),
        (
            "Large grants come in milestones; a later vote stops what is left.",
            deposited(ClassRule { expiry_blocks: 52_560, ..reviewed(Class::Budget, PercentBp(6000), 2000, 3) }),
        ),
        (
            "Asks for submissions. They are voted on at once, each by its own class; the best of those that pass is paid.",
            deposited(reviewed(Class::Request, PercentBp(6000), 2000, 3)),
        ),
        ("", reviewed(Class::RuleChange, PercentBp(6667), 3000, 3)),
        ("", reviewed(Class::ElectTreasurers, PercentBp(6667), 3000, 3)),
        // Keys that are lost or stolen cannot wait for a discussion.
        ("", ClassRule { review_blocks: 0, ..reviewed(Class::ReplaceKeys, PercentBp(6667), 3000, 3) }),
        ("", ClassRule { expiry_blocks: 432, distinct_voters_min: 2, ..by(Class::Pause, Majority, 1000) }),
    ])
}
