//! Money for the work of others.

use super::{TemplateArguments, guardians, identity, treasurers};

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

[[classes]]
class = "text"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 1000 }}
systems = ["yes_no_abstain", "single_choice", "approval", {{ score = {{ max = 5 }} }}, "instant_runoff", "split"]
deposit_sat = {deposit}
min_support_bp = 300

# Small grants pass unless a tenth of all weight objects.
[[classes]]
class = "spend"
max_amount_sat = 1000000
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 1000 }}
distinct_voters_min = 2
systems = ["yes_no_abstain", "optimistic"]
oppose_bp = 1000
late_surge = true
deposit_sat = {deposit}
min_support_bp = 300

[[classes]]
class = "spend"
max_amount_sat = 20000000
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6000 }}
quorum = {{ participation_bp = 2000 }}
distinct_voters_min = 3
late_surge = true
deposit_sat = {deposit}
min_support_bp = 300

# Large grants come in milestones; a later vote stops what is left.
[[classes]]
class = "budget"
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 52560
threshold = {{ percent_bp = 6000 }}
quorum = {{ participation_bp = 2000 }}
distinct_voters_min = 3
late_surge = true
deposit_sat = {deposit}
min_support_bp = 300

# Asks for submissions. They are voted on at once, each by its own class; the best of those that pass is paid.
[[classes]]
class = "request"
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6000 }}
quorum = {{ participation_bp = 2000 }}
distinct_voters_min = 3
deposit_sat = {deposit}
min_support_bp = 300

[[classes]]
class = "rule_change"
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 3

[[classes]]
class = "elect_treasurers"
review_blocks = {review}
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 3

[[classes]]
class = "replace_keys"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 3

[[classes]]
class = "pause"
voting_blocks = {voting_blocks}
expiry_blocks = 432
threshold = "majority"
quorum = {{ participation_bp = 1000 }}
distinct_voters_min = 2
"#,
        // A stake of half a year weighs the most.
        identity = identity(a, "a DAO that gives grants", &admission, "{ stake_age = { cap_blocks = 26280 } }"),
        treasurers = treasurers(a),
        guardians = guardians(a),
        active_stake = a.min_stake_sat.saturating_mul(10),
        cooldown = a.voting_blocks.saturating_mul(2),
        deposit = a.min_stake_sat / 10,
        review = a.epoch_blocks,
        voting_blocks = a.voting_blocks,
        veto_blocks = a.veto_blocks,
    )
}
