//! The members give the hub other keys while it runs: it signs with them from then on, after a restart too, and everybody follows.

use althing_node::api::WaitFor;
use althing_regtest::story::Assembly;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

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
