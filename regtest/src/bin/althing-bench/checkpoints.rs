//! Checkpoints of channels: the node's own benchmark of them, run as it stands.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::summary::Summary;
use crate::{Plan, goals};

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let seconds = plan.size(10, 3).to_string();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut rates = Vec::new();
    for _ in 0..plan.rounds {
        let output = Command::new(&cargo)
            .args([
                "run",
                "--release",
                "--quiet",
                "-p",
                "althing-node",
                "--example",
                "checkpoint_bench",
                "--",
                &seconds,
            ])
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("starting cargo")?;
        ensure!(output.status.success(), "checkpoint_bench failed");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        rates.push(hub_rate(&text).with_context(|| format!("checkpoint_bench said {text:?}"))?);
    }
    summary.put(&goals::CHECKPOINTS, rates);
    Ok(())
}

/// The rate of the hub, from the lines of JSON that the benchmark prints.
fn hub_rate(text: &str) -> Option<f64> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["checkpoints_per_second_of_the_hub"].as_f64()).next_back()
}
