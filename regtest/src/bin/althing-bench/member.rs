//! What a member waits for: from the order of a vote, given to the own node, to the hub's receipt, stored by that node.
//!
//! A whole DAO on regtest, its hub and members in processes of their own, over BOLT 8 on the loopback. Both sides write to their disks
//! before they say anything.

use std::time::Instant;

use althing_node::api::Choice;
use althing_regtest::story::{Assembly, Narrator, Periods, explain, found_and_join, motions, payee, propose};
use anyhow::{Context, Result};

use crate::summary::Summary;
use crate::{Plan, goals};

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut assembly = Assembly::gather(folder.path(), Narrator::new())?;
    let (p50, p99) = votes(plan, &mut assembly).map_err(|error| explain(&assembly, error))?;
    summary.put(&goals::P50_MEMBER, p50);
    summary.put(&goals::P99_MEMBER, p99);
    Ok(())
}

fn votes(plan: &Plan, assembly: &mut Assembly) -> Result<(Vec<f64>, Vec<f64>)> {
    found_and_join(assembly, Periods::SHORT)?;
    let tabled = propose(assembly, motions(&payee(assembly)?))?;
    let proposal = &tabled.first().context("a proposal")?.id;
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let mut took = Vec::new();
        for choice in [Choice::Yes, Choice::No].into_iter().cycle().take(plan.size(500, 200)) {
            let begun = Instant::now();
            assembly.members[0].vote(proposal, choice, None)?;
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        took.sort_by(f64::total_cmp);
        let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)];
        p50.push(at(50));
        p99.push(at(99));
    }
    Ok((p50, p99))
}
