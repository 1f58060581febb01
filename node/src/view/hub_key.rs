//! A hub key in force by which nothing is signed: it was given to somebody who does not run the hub (N-78).

use crate::shell::Shell;

/// Blocks behind the newest head within which a hub that has its key signs the next one, whatever is slow.
const LATE_BLOCKS: u32 = 3;

/// What is to be said when the log key in force came with a vote and no head by it did (N-132); `None` while all is well.
pub(crate) fn silent_key(shell: &Shell) -> Option<String> {
    let state = shell.ledger.state();
    let key = state.hub_log_key();
    let since = state.charters().windows(2).rev().find_map(|pair| {
        let [before, after] = pair else { return None };
        (before.charter.hub_log_key != after.charter.hub_log_key).then_some(after)
    })?;
    let newest = state.heads().last()?.head;
    // After a succession the key is the new hub's, and that one is waited for elsewhere.
    if since.charter.hub_log_key != key || newest.size >= since.position {
        return None;
    }
    let behind = shell.tip_height().saturating_sub(newest.tip_height);
    (behind > LATE_BLOCKS).then(|| {
        format!(
            "N-132: the hub signs nothing any more. The charter in force since height {} names the log key {key}, and no head by that key has \
             come; the newest is of height {}, {behind} blocks ago. A hub that was given a key which is not its own cannot go on (N-78).",
            since.since_height, newest.tip_height
        )
    })
}
