//! How long a vote waits for its receipt.

use althing_node::bench::{Pace, Scale, Way};
use anyhow::Result;

use crate::pipeline::{Bench, MEMBERS, PEERS};
use crate::summary::Summary;
use crate::{Plan, goals};

/// Votes a second that are little to do.
const LOW: f64 = 200.0;

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let scale = Scale { members: MEMBERS, proposals: 1000 };
    let mut hub = Bench::start(scale, PEERS, Way::InProcess)?;
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        // What the hub does at most is measured right before: the machine has better and worse minutes.
        let votes = hub.voting.sign(plan.size(400_000, 100_000), plan.cores);
        let most = hub.run(&votes, Pace::FULL)?.votes_per_second;
        // For about four seconds; two when quick.
        let count = (most * 0.8) as usize * plan.size(4, 2);
        let votes = hub.voting.sign(count, plan.cores);
        let report = hub.run(&votes, Pace::rate(most * 0.8))?;
        p50.push(report.latency.p50);
        p99.push(report.latency.p99);
    }
    hub.session.close()?;
    summary.put(&goals::P50_LOADED, p50);
    summary.put(&goals::P99_LOADED, p99);

    let mut hub = Bench::start(Scale { members: 100, proposals: 10 }, 2, Way::Loopback)?;
    let (mut p50, mut p99, mut rate) = (Vec::new(), Vec::new(), Vec::new());
    // All of these first: what peers have still to be sent of a full run is no low load.
    for _ in 0..plan.rounds {
        let votes = hub.voting.sign(plan.size(2000, 600), plan.cores);
        let report = hub.run(&votes, Pace::rate(LOW))?;
        p50.push(report.latency.p50);
        p99.push(report.latency.p99);
    }
    for _ in 0..plan.rounds {
        let votes = hub.voting.sign(plan.size(100_000, 20_000), plan.cores);
        rate.push(hub.run(&votes, Pace::FULL)?.votes_per_second);
    }
    hub.session.close()?;
    summary.put(&goals::P50_LOW, p50);
    summary.put(&goals::P99_LOW, p99);
    summary.put(&goals::LOOPBACK, rate);
    Ok(())
}
