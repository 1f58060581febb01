//! Looking again at what a node has stored, a little with each final link (docs/spec/node.md, N-362).

use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_governance::receipt::batch_tree;
use althing_governance::signing::verify_all;
use althing_governance::tree::leaf_hash;
use anyhow::Result;
use bitcoin::secp256k1::Secp256k1;

use super::random::chosen;
use crate::ledger::Ledger;
use crate::store::Store;

/// Checks `count` entries in the store against the log that was verified in memory: their bytes, their signatures, and the hub's
/// receipts for them. The block of the newest final link chooses them. Gives the first difference in words, if there is one.
///
/// # Errors
/// On I/O.
pub fn spot_check(store: &Store, ledger: &Ledger, count: u32) -> Result<Option<String>> {
    let state = ledger.state();
    let Some(newest) = state.newest_anchored() else { return Ok(None) };
    let secp = Secp256k1::verification_only();
    for position in chosen(&newest.mined_hash, count, newest.header.log_size) {
        let differs = |what: &str| Ok(Some(format!("N-362: entry {position} as it is stored here: {what}")));
        let segment = match store.segments_from(position, 1) {
            Ok(segments) => segments.into_iter().next().filter(|segment| segment.first_position <= position),
            Err(error) => return differs(&format!("{error:#}")),
        };
        let Some(segment) = segment else { return differs("it is missing") };
        let index = usize::try_from(position - segment.first_position)?;
        let Some(bytes) = segment.entries.get(index) else { return differs("it is not in its batch") };
        if state.tree().leaf(position) != Some(leaf_hash(bytes)) {
            return differs("it is not the one that was verified");
        }
        let key = ledger.hub_log_key_at(position);
        let receipt = &segment.receipt.statement;
        let root = batch_tree(segment.entries.iter().map(Vec::as_slice)).root();
        if receipt.batch_root != root {
            return differs("the hub's receipt is for other entries");
        }
        let mut checks = match Entry::from_bytes(bytes) {
            Ok(entry) => entry.signature_checks(&key),
            Err(error) => return differs(&error.to_string()),
        };
        checks
            .push(segment.receipt.signature_check(&ledger.hub_log_key_at(segment.first_position), "the hub's receipt"));
        if let Err(error) = verify_all(&secp, &checks) {
            return differs(&error.to_string());
        }
    }
    Ok(None)
}
