//! A treasury in common.

use super::{TemplateArguments, guardians, identity, treasurers};

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

[[classes]]
class = "text"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 2000 }}
systems = ["yes_no_abstain", "single_choice", "schulze", "split"]
deposit_sat = {deposit}
min_support_bp = 500

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
deposit_sat = {deposit}
min_support_bp = 500

[[classes]]
class = "spend"
max_amount_sat = 100000000
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6000 }}
quorum = {{ participation_bp = 4000 }}
distinct_voters_min = 3
systems = ["yes_no_abstain", "yes_no_veto"]
late_surge = true
deposit_sat = {deposit}
min_support_bp = 500

[[classes]]
class = "spend"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3
systems = ["yes_no_veto"]
late_surge = true
deposit_sat = {deposit}
min_support_bp = 500

[[classes]]
class = "rule_change"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 7500 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3
deposit_sat = {deposit}
min_support_bp = 500

[[classes]]
class = "elect_treasurers"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3

[[classes]]
class = "replace_keys"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3

[[classes]]
class = "confiscate"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 8500 }}
quorum = {{ participation_bp = 5000 }}
distinct_voters_min = 3

[[classes]]
class = "pause"
voting_blocks = {voting_blocks}
expiry_blocks = 432
threshold = "majority"
quorum = {{ participation_bp = 1000 }}
distinct_voters_min = 2
"#,
        identity = identity(a, "a co-operative treasury", &admission, r#""stake""#),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(10),
        reward_pool = a.min_stake_sat,
        dues = a.min_stake_sat / 1000,
        deposit = a.min_stake_sat / 10,
        voting_blocks = a.voting_blocks,
        veto_blocks = a.veto_blocks,
    )
}
