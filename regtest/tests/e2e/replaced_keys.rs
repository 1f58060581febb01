//! The members give the hub other keys while it runs: it signs with them from then on, after a restart too, and everybody follows. A key
//! that it has not ends its signing, and everybody is told.

use althing_node::api::WaitFor;
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::channel_ends::PATIENCE;
use crate::stage::with_members_on_roll;
use crate::told::ask;

/// Blocks from the last ballot until a change is in force, and as much again for a busy machine.
const IN_FORCE_WITHIN_BLOCKS: u32 = 90;

#[test]
fn a_running_hub_signs_with_the_keys_that_the_members_chose() {
    with_members_on_roll("replaced-keys", |assembly| {
        let next = ask(&assembly.hub, &["keys", "show", "--replacement", "1"])?;
        let (log_key, anchor_key) = (text(&next["log_key"])?, text(&next["anchor_key"])?);
        let before = text(&ask(&assembly.hub, &["keys", "show"])?["log_key"])?;
        ensure!(before != log_key, "the replacement is the key itself");
        let command = [
            "propose",
            "replace-keys",
            "--title",
            "Fresh keys",
            "--hub-log-key",
            &log_key,
            "--anchor-key",
            &anchor_key,
            "--yes",
        ];
        let change = text(&ask(&assembly.members[0], &command)?["id"])?;
        assembly.mine(1)?;
        decide(assembly, &change)?;
        let in_force = || {
            let charter = text(&ask(&assembly.members[3], &["charter", "show"])?["text"])?;
            Ok((charter.contains(&log_key) && charter.contains(&anchor_key)).then_some(()))
        };
        assembly.mine_until("the new keys in force", IN_FORCE_WITHIN_BLOCKS, in_force)?;
        // Receipts, heads and links by the new keys: something is said, decided and anchored.
        let motion = text(&ask(&assembly.members[1], &["propose", "text", "--title", "As before", "--yes"])?["id"])?;
        assembly.mine(1)?;
        decide(assembly, &motion)?;
        Ok(())
    });
}

/// The generator of the curve, which is none of the hub's keys.
const NOT_THE_HUBS: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// Blocks behind the newest head within which nobody calls a hub silent (N-132).
const LATE_BLOCKS: u32 = 3;

#[test]
fn a_log_key_that_was_given_away_is_told_by_everybody() {
    with_members_on_roll("given-away-key", |assembly| {
        let command = ["propose", "replace-keys", "--title", "Somebody's key", "--hub-log-key", NOT_THE_HUBS, "--yes"];
        let change = text(&ask(&assembly.members[0], &command)?["id"])?;
        assembly.mine(1)?;
        for member in &assembly.members[..3] {
            ask(member, &["vote", &change, "yes", "--yes"])?;
        }
        let in_force = |actor: &Actor| -> Result<bool> {
            Ok(text(&ask(actor, &["charter", "show"])?["text"])?.contains(NOT_THE_HUBS))
        };
        for _ in 0..IN_FORCE_WITHIN_BLOCKS {
            if in_force(&assembly.members[4])? {
                break;
            }
            // From the block on by which the key is in force the hub signs nothing, and nobody waits for its head.
            let tip = one_block(assembly)?;
            wait_for("the head of it, or the key in force", PATIENCE, || {
                all(&assembly.members, |actor| Ok(actor.status()?.head_height == Some(tip) || in_force(actor)?))
            })?;
        }
        let member = &assembly.members[4];
        ensure!(in_force(member)?, "the key is not in force");
        let newest = member.status()?.head_height.context("no head")?;
        // So far a slow hub looks the same.
        let quiet = member.cli().run(&["health", "--json"])?;
        ensure!(quiet.code == Some(0) && !quiet.stdout.contains("N-132"), "{quiet:?}");
        for _ in 0..=LATE_BLOCKS {
            one_block(assembly)?;
        }
        let is_told = |actor: &Actor| -> Result<bool> {
            let told = actor.cli().run(&["health", "--json"])?;
            Ok(told.code == Some(2) && told.stdout.contains("N-132"))
        };
        wait_for("the alarm", PATIENCE, || all(&assembly.members, is_told))?;
        let alarms = ask(member, &["status"])?["alarms"].to_string();
        ensure!(alarms.contains("N-132") && alarms.contains(NOT_THE_HUBS), "{alarms}");
        ensure!(alarms.contains(&format!("the newest is of height {newest}")), "{alarms}");
        // The alarm stands when a member comes back.
        assembly.members[4].kill();
        assembly.members[4].start()?;
        wait_for("the alarm behind a restart", PATIENCE, || all(&assembly.members[4..], is_told))?;
        Ok(())
    });
}

/// A block that everybody has seen, whatever the hub signs. Gives its height.
fn one_block(assembly: &Assembly) -> Result<u32> {
    assembly.node.mine(1)?;
    let tip = assembly.node.tip()?.height;
    wait_for("everybody at the tip", PATIENCE, || {
        all(&assembly.members, |actor| Ok(actor.status()?.tip_height == tip))
    })?;
    Ok(tip)
}

/// Whether something holds of all of them.
fn all(actors: &[Actor], holds: impl Fn(&Actor) -> Result<bool>) -> Look<()> {
    for actor in actors {
        match holds(actor) {
            Ok(true) => {}
            other => return Look::NotYet(format!("{}: {other:?}", actor.name())),
        }
    }
    Look::Ready(())
}

/// Three members vote for it, and its outcome becomes final with everybody.
fn decide(assembly: &Assembly, proposal: &str) -> Result<()> {
    for member in &assembly.members[..3] {
        ask(member, &["vote", proposal, "yes", "--yes"])?;
    }
    assembly.mine(1)?;
    for member in &assembly.members {
        assembly.mine_until("the outcome in a final epoch", IN_FORCE_WITHIN_BLOCKS, || {
            Ok(member.has_seen(WaitFor::Decided(proposal.to_owned()))?.then_some(()))
        })?;
    }
    Ok(())
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text in {value}"))
}
