//! An association of persons who know each other.

use super::{TemplateArguments, guardians, identity, treasurers};

/// An association: one member one vote, members by invitation or vote, treasurers confirm payments, rules change by two
/// thirds, and boards and treasurers are elected by ranking.
///
/// The result is a document to edit, not yet checked; give it to [`crate::Charter::from_toml`].
#[must_use]
pub fn association(a: &TemplateArguments) -> String {
    let admission = format!("{{ invite = {{ min_stake_sat = {}, max_open_per_member = 3 }} }}", a.min_stake_sat);
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
deposit_growth_bp = 10000
{guardians}
[delegation]
enabled = true
max_parts = 1

[discussion]
comments_per_epoch = 100
comment_votes_per_epoch = 1000
comment_bytes = 4096

# Resolutions; questions with several answers by approval or ranking.
[[classes]]
class = "text"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 2000 }}
systems = ["yes_no_abstain", "approval", "schulze"]

# Small payments: the members decide.
[[classes]]
class = "spend"
max_amount_sat = 10000000
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 2
late_surge = true

# Large ones: the treasurers agree as well.
[[classes]]
class = "spend"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}
distinct_voters_min = 3
late_surge = true
bodies = ["members", "treasurers"]

[[classes]]
class = "budget"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 52560
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}
distinct_voters_min = 3
late_surge = true

[[classes]]
class = "admit"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 2000 }}

[[classes]]
class = "expel"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}

[[classes]]
class = "rule_change"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}
distinct_voters_min = 3

[[classes]]
class = "elect_treasurers"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}
systems = ["yes_no_abstain", "instant_runoff", "schulze"]

[[classes]]
class = "replace_keys"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 4000 }}

# Stops all spending for a while; the treasurers alone can order it.
[[classes]]
class = "pause"
voting_blocks = {voting_blocks}
expiry_blocks = 432
threshold = "majority"
quorum = {{ participation_bp = 1000 }}
bodies = ["treasurers"]
"#,
        identity = identity(a, "an association", &admission, r#""one_member_one_vote""#),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(2),
        voting_blocks = a.voting_blocks,
        veto_blocks = a.veto_blocks,
    )
}
