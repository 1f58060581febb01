//! The smallest charter that is useful.

use super::rules::{rule, tables};
use super::{TemplateArguments, identity, treasurers};
use crate::charter::Threshold::{Majority, PercentBp};
use crate::charter::{Class, ClassRule, Quorum};

/// The smallest charter that is useful: open admission, weight by stake, resolutions by majority, spends in two bands by
/// majority and two thirds, and no guard beyond the defaults. For a first try and for tests.
///
/// The result is a document to edit, not yet checked; give it to [`crate::Charter::from_toml`].
#[must_use]
pub fn starter(a: &TemplateArguments) -> String {
    let admission = format!("{{ open = {{ min_stake_sat = {} }} }}", a.min_stake_sat);
    format!(
        r#"{identity}{treasurers}
[delegation]
enabled = true
{rules}"#,
        identity = identity(a, "a DAO that starts small", &admission, r#""stake""#),
        treasurers = treasurers(a),
        rules = rules(a),
    )
}

fn rules(a: &TemplateArguments) -> String {
    use Quorum::{ParticipationBp, YesOfTotalBp};
    let payment = |max_amount_sat, threshold, quorum, distinct_voters_min| ClassRule {
        max_amount_sat,
        veto_blocks: a.veto_blocks,
        distinct_voters_min,
        ..rule(a, Class::Spend, threshold, quorum)
    };
    let rules = [
        rule(a, Class::Text, Majority, ParticipationBp(2000)),
        payment(Some(10_000_000), Majority, ParticipationBp(3000), 2),
        payment(None, PercentBp(6667), YesOfTotalBp(3000), 3),
    ];
    tables(rules.map(|rule| ("", rule)))
}
