//! The treasuries that a DAO had, as far as a charter's word makes one (T-7, T-21).

use std::collections::BTreeSet;

use althing_anchor::{HOUSEKEEPING_BLOCKS, MOST_INDEXES_IN_SIGHT, Treasury};
use althing_governance::Charter;
use bitcoin::ScriptBuf;

use crate::shell::Shell;

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

/// When a generation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tenure {
    /// Closing height of the epoch whose header put its charter in force: nobody signed for it before.
    pub(super) since_height: u32,
    /// Height of the log's word that this header is final (G-30), by which everybody knows; `None` while no head covers it. A hub may be silent
    /// for long after the epoch closed.
    pub(super) told_height: Option<u32>,
}

/// When each of the generations came, in their order.
pub(super) fn tenures(shell: &Shell) -> Vec<Tenure> {
    let state = shell.ledger.state();
    let mut tenures = Vec::new();
    for (number, version) in state.charters().iter().enumerate() {
        let so_far = state.charters()[..=number].iter().map(|version| &version.charter);
        let tenure = Tenure { since_height: version.since_height, told_height: state.entry_height(version.position) };
        tenures.resize(generations(so_far).len().max(tenures.len()), tenure);
    }
    tenures
}

/// How many generations there were when a block of that height came.
pub(super) fn by_then(tenures: &[Tenure], height: u32) -> usize {
    tenures.iter().take_while(|tenure| tenure.since_height <= height).count()
}

/// T-72: the oldest generation that was the present one within two weeks of blocks before that height, as far as anybody could know.
pub(super) fn lately(tenures: &[Tenure], height: u32) -> usize {
    let is_long_ago =
        |tenure: &&Tenure| tenure.told_height.is_some_and(|told| told.saturating_add(HOUSEKEEPING_BLOCKS) <= height);
    tenures.iter().skip(1).take_while(is_long_ago).count()
}

/// The scripts of a treasury on which gates may stand (G-108): all that T-110 ever lets anybody pay to.
pub(crate) fn scripts_of(treasury: &Treasury) -> BTreeSet<ScriptBuf> {
    scripts_in_order(treasury).collect()
}

/// The same, by their derivation index.
pub(crate) fn scripts_in_order(treasury: &Treasury) -> impl Iterator<Item = ScriptBuf> + '_ {
    let last = if treasury.is_ranged() { MOST_INDEXES_IN_SIGHT } else { 1 };
    (0..last).map_while(|index| treasury.script_at(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-72: for two weeks after the log said so what was signed for the former treasury may still be mined.
    #[test]
    fn a_treasury_comes_at_once_and_goes_two_weeks_later() {
        let tenure = |since_height, told_height| Tenure { since_height, told_height };
        let tenures = [tenure(0, Some(1)), tenure(100, Some(140)), tenure(5_000, None)];
        assert_eq!([0, 99, 100, 4_999, 5_000].map(|height| by_then(&tenures, height)), [1, 1, 2, 2, 3]);
        let last = 140 + HOUSEKEEPING_BLOCKS;
        assert_eq!([0, 140, last - 1, last, 100_000].map(|height| lately(&tenures, height)), [0, 0, 0, 1, 1]);
    }
}
