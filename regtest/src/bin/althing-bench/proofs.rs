//! Inclusion proofs in a log of 2^24 entries.

use althing_governance::id::TreeHash;
use althing_governance::tree::{HistoryTree, verify_inclusion};
use anyhow::{Context, Result};

use crate::signatures::computing;
use crate::summary::Summary;
use crate::{Plan, goals};

const LEAVES: u64 = 1 << 24;

/// Proofs checked at a time.
const PROOFS: u64 = 4096;

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let leaf = |number: u64| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        TreeHash(hash)
    };
    let mut tree = HistoryTree::new();
    let build = computing(|| (0..LEAVES).for_each(|number| tree.push_hash(leaf(number))));
    let root = tree.root();
    // An odd number, so that all sides of the tree are asked for.
    let asked: Vec<u64> = (0..PROOFS).map(|number| number * 0x9e37_79b1 % LEAVES).collect();
    let mut sizes = Vec::new();
    let mut paths = Vec::new();
    for position in &asked {
        let path = tree.inclusion_proof(*position, LEAVES).context("the position is in the tree")?;
        sizes.push((path.len() * 32) as f64);
        paths.push(path);
    }
    let mut checks = Vec::new();
    for _ in 0..plan.rounds {
        let mut outcome = Ok(());
        let seconds = computing(|| {
            outcome = asked
                .iter()
                .zip(&paths)
                .try_for_each(|(position, path)| verify_inclusion(leaf(*position), *position, LEAVES, path, root));
        });
        outcome?;
        checks.push(seconds * 1e6 / PROOFS as f64);
    }
    summary.put(&goals::PROOF_SIZE, sizes);
    summary.put(&goals::PROOF_CHECK, checks);
    summary.put(&goals::TREE, vec![LEAVES as f64 / build * 1e-6]);
    Ok(())
}
