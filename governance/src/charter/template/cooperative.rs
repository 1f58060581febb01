//! A treasury in common.

use super::rules::{rule, tables};
use super::{TemplateArguments, guardians, identity, treasurers};
use crate::charter::Threshold::{Majority, PercentBp};
use crate::charter::{Class, ClassRule, Quorum};
use crate::voting::System;

/// A co-operative treasury: anybody may stake, weight by stake, three bands of payments, a spending cap, deposits against
/// spam, dues that pay for participation.
///
/// The result is a document to edit, not yet checked; give it to [`crate::Charter::from_toml`].
#[must_use]
pub fn cooperative(a: &TemplateArguments) -> String {
    let admission = format!("{{ open = {{ min_stake_sat = {} }} }}", a.min_stake_sat);
    format!(
        r#"{identity}
dormant_after_epochs = 26
equivocation_suspension_epochs = 4
{treasurers}
[guards]
# About a month.
spending_cap = {{ window_blocks = 4320, max_sat = 100000000 }}
active_stake_min_sat = {active_stake}
cooldown_blocks = {voting_blocks}
deposit_growth_bp = 10000
{guardians}
# A fixed pool per epoch, whatever the number of proposals; dues pay for it.
[rewards]
pool_sat_per_epoch = {reward_pool}
share = "by_weight"
dues_sat_per_epoch = {dues}

[delegation]
enabled = true
{rules}"#,
        identity = identity(a, "a co-operative treasury", &admission, r#""stake""#),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(10),
        reward_pool = a.min_stake_sat,
        dues = a.min_stake_sat / 1000,
        voting_blocks = a.voting_blocks,
        rules = rules(a),
    )
}

fn rules(a: &TemplateArguments) -> String {
    use Quorum::{ParticipationBp, YesOfTotalBp};
    let deposited = |rule| ClassRule { deposit_sat: a.min_stake_sat / 10, min_support_bp: 500, ..rule };
    let guarded = |class, threshold, quorum, distinct_voters_min| ClassRule {
        veto_blocks: a.veto_blocks,
        // Whoever turns the vote at its end gives the others time to see it.
        late_surge: true,
        distinct_voters_min,
        ..rule(a, class, threshold, quorum)
    };
    let payment = |max_amount_sat, threshold, quorum, distinct_voters_min| {
        let rule = guarded(Class::Spend, threshold, quorum, distinct_voters_min);
        deposited(ClassRule { max_amount_sat, ..rule })
    };
    let with_systems = |systems: &[System], rule| ClassRule { systems: systems.to_vec(), ..rule };
    let choices = [System::YesNoAbstain, System::SingleChoice, System::Schulze, System::Split];
    let rules = [
        with_systems(&choices, deposited(rule(a, Class::Text, Majority, ParticipationBp(2000)))),
        payment(Some(10_000_000), Majority, ParticipationBp(3000), 2),
        with_systems(
            &[System::YesNoAbstain, System::YesNoVeto],
            payment(Some(100_000_000), PercentBp(6000), ParticipationBp(4000), 3),
        ),
        with_systems(&[System::YesNoVeto], payment(None, PercentBp(6667), YesOfTotalBp(3000), 3)),
        deposited(guarded(Class::RuleChange, PercentBp(7500), YesOfTotalBp(3000), 3)),
        guarded(Class::ElectTreasurers, PercentBp(6667), YesOfTotalBp(3000), 3),
        guarded(Class::ReplaceKeys, PercentBp(6667), YesOfTotalBp(3000), 3),
        guarded(Class::Confiscate, PercentBp(8500), ParticipationBp(5000), 3),
        ClassRule {
            expiry_blocks: 432,
            distinct_voters_min: 2,
            ..rule(a, Class::Pause, Majority, ParticipationBp(1000))
        },
    ];
    tables(rules.map(|rule| ("", rule)))
}
