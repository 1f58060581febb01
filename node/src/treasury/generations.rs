//! The treasuries that a DAO had, as far as a charter's word makes one (T-7, T-21).

use std::collections::BTreeSet;

use althing_anchor::{MOST_INDEXES_IN_SIGHT, Treasury};
use althing_governance::Charter;
use bitcoin::ScriptBuf;

/// Descriptors of the treasuries by the charters that came into force in this order, the oldest first: the last is the present one.
///
/// A vote can put any text into a charter, and the log, which knows no miniscript, takes it. What is no treasury
/// changes none: else one slip of the pen would end the DAO on every node at once.
pub fn generations<'a>(charters: impl IntoIterator<Item = &'a Charter>) -> Vec<String> {
    let mut written: Vec<&String> = charters.into_iter().map(|charter| &charter.treasury_descriptor).collect();
    // Most changes leave the treasury as it is; this is asked with every block, and each text is parsed once.
    written.dedup();
    written.retain(|descriptor| Treasury::parse(descriptor).is_ok());
    written.dedup();
    written.into_iter().cloned().collect()
}

/// The scripts of a treasury on which gates may stand (G-108): all that T-110 ever lets anybody pay to.
pub(crate) fn scripts_of(treasury: &Treasury) -> BTreeSet<ScriptBuf> {
    let last = if treasury.is_ranged() { MOST_INDEXES_IN_SIGHT } else { 1 };
    (0..last).filter_map(|index| treasury.script_at(index).ok()).collect()
}
