//! What invalid signatures cost those who send valid ones.

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use althing_node::bench::{Forgers, Pace, Scale, Way};
use anyhow::{Result, ensure};

use crate::goals::Goal;
use crate::pipeline::{Bench, MEMBERS, PART, PEERS, seconds};
use crate::signatures::{Signatures, computing};
use crate::summary::Summary;
use crate::{Plan, goals};

/// Signatures of one run of the checker.
const SIGNATURES: usize = 32 * PART;

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    checker(plan, summary)?;
    let scale = Scale { members: MEMBERS, proposals: 1000 };
    let votes_each = plan.size(300_000, 80_000);
    let mut hub = Bench::start(scale, PEERS, Way::InProcess)?;
    let mut kept = Vec::new();
    for _ in 0..plan.rounds {
        let votes = hub.voting.sign(votes_each, plan.cores);
        let (clean, ..) = seconds(plan, || hub.run(&votes, Pace::FULL))?;
        let votes = hub.voting.sign(votes_each, plan.cores);
        // 0.01 of them, and some to spare.
        hub.session.prepare_newcomers(votes_each / 90);
        let pace = Pace { rate: None, forged: 0.01, forgers: Forgers::Newcomers };
        let (dirty, ..) = seconds(plan, || hub.run(&votes, pace))?;
        kept.push(clean / dirty * 100.0);
    }
    hub.session.close()?;
    summary.put(&goals::INVALID_END, kept);

    let mut flooded = Vec::new();
    // A minute of flood is what the row is about.
    let flood = if plan.quick { Goal { unit: "x (3 s)", ..goals::FLOOD } } else { goals::FLOOD };
    let mut hub = Bench::start(Scale { members: 2000, proposals: 100 }, PEERS, Way::InProcess)?;
    let rate = summary.median(&goals::END_TO_END).unwrap_or(100_000.0) * 0.4;
    let calm = Pace::rate(rate);
    // As many forged votes as valid ones.
    let flooding = Pace { rate: Some(rate), forged: 1.0, forgers: Forgers::One };
    for turn in 0..plan.size(12, 3) {
        let mut p99 = |pace| -> Result<f64> {
            let votes = hub.voting.sign(rate as usize * plan.size(5, 1), plan.cores);
            Ok(hub.run(&votes, pace)?.latency.p99)
        };
        // Each goes first as often as the other: the log grows meanwhile, and the machine has its moods.
        flooded.push(if turn % 2 == 0 {
            let before = p99(calm)?;
            p99(flooding)? / before
        } else {
            let with = p99(flooding)?;
            with / p99(calm)?
        });
    }
    hub.session.close()?;
    summary.put(&flood, flooded);
    Ok(())
}

/// The checker alone, with one of a hundred invalid among all others: worse than the hub lets it come.
fn checker(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let signatures = Signatures::new(SIGNATURES, 1)?;
    let clean = signatures.items();
    let mut dirty = signatures.items();
    // One in a hundred, each time at another place.
    dirty
        .iter_mut()
        .enumerate()
        .filter(|(i, _)| i % 100 == i / 100 * 37 % 100)
        .for_each(|(_, item)| item.signature[40] ^= 1);
    let check = |items: &[Item<'_>]| {
        let mut verifier = Verifier::with(Lanes::detect(), KeyCache::with_capacity(0));
        let mut invalid = 0;
        let seconds = computing(|| invalid = items.chunks(PART).map(|part| verifier.check(part).invalid.len()).sum());
        (seconds, invalid)
    };
    let mut kept = Vec::new();
    for _ in 0..plan.rounds {
        let ((clean, none), (dirty, found)) = (check(&clean), check(&dirty));
        ensure!(none == 0 && found >= SIGNATURES / 101, "{none} and {found} invalid signatures were found");
        kept.push(clean / dirty * 100.0);
    }
    summary.put(&goals::INVALID, kept);
    Ok(())
}
