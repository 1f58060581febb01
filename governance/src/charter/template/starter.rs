//! The smallest charter that is useful.

use super::{TemplateArguments, identity, treasurers};

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

[[classes]]
class = "text"
voting_blocks = {voting_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 2000 }}

[[classes]]
class = "spend"
max_amount_sat = 10000000
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = "majority"
quorum = {{ participation_bp = 3000 }}
distinct_voters_min = 2

[[classes]]
class = "spend"
voting_blocks = {voting_blocks}
veto_blocks = {veto_blocks}
expiry_blocks = 4320
threshold = {{ percent_bp = 6667 }}
quorum = {{ yes_of_total_bp = 3000 }}
distinct_voters_min = 3
"#,
        identity = identity(a, "a DAO that starts small", &admission, r#""stake""#),
        treasurers = treasurers(a),
        voting_blocks = a.voting_blocks,
        veto_blocks = a.veto_blocks,
    )
}
