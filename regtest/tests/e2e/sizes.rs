//! What the transactions of a channel weigh on a real chain, beside what the design says. The sizes that towers make are in `tower`; those of
//! splices and moves in `splices` and `moved_hub`.

use althing_node::api::Stake;
use althing_regtest::story::Assembly;
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::OutPoint;

use crate::breaches::{DUES_SAT, copy_of, go_back, pay};
use crate::channel_ends::{PATIENCE, await_child, child_in_mempool, only_stake, raw, spender_in_mempool, with_stakes};
use crate::told::ask;

/// The member's lock, `MEMBER_CSV_BLOCKS`.
const MEMBER_LOCK: u32 = 144;

/// What the design counts, vB.
const OPEN: usize = 154;
const CLOSE_TOGETHER: usize = 154;
const COMMITMENT: usize = 167;
const CLOSE_ALONE: usize = 450;
const JUSTICE: usize = 111;

/// An output more: the coin for closing alone (docs/adr/0008).
const P2TR_OUTPUT: usize = 43;

#[test]
fn every_transaction_of_a_channel_has_the_size_of_the_design() {
    with_stakes("sizes", |assembly| {
        let stakes = assembly.members.iter().map(only_stake).collect::<Result<Vec<Stake>>>()?;
        let (together, alone, breach) = (0, 1, 2);

        let funding: OutPoint = stakes[together].funding_outpoint.as_deref().context("no funding")?.parse()?;
        let opening = raw(assembly, &funding.txid)?;
        ensure!(opening.input.len() == 1 && opening.output.len() == 3, "{opening:?}");
        told(assembly, "opening, with the coin for closing alone", opening.vsize(), OPEN + P2TR_OUTPUT)?;

        pay(assembly, together, &stakes[together])?;
        let channel = stakes[together].channel.as_str();
        ask(&assembly.members[together], &["channel", "close", channel, "--fee-sat", "300", "--yes"])?;
        let close = spender_in_mempool(assembly, &stakes[together])?;
        ensure!(close.output.len() == 2, "{close:?}");
        told(assembly, "close together", close.vsize(), CLOSE_TOGETHER)?;
        assembly.mine(1)?;

        let old = copy_of(&mut assembly.members[breach], "sizes-old")?;
        pay(assembly, breach, &stakes[breach])?;
        assembly.hub.kill();
        go_back(&mut assembly.members[breach], &old)?;
        ask(&assembly.members[breach], &["channel", "close", &stakes[breach].channel, "--force", "--newest", "--yes"])?;
        let revoked = spender_in_mempool(assembly, &stakes[breach])?;
        assembly.node.mine(1)?;
        assembly.hub.start()?;
        told(assembly, "justice", await_child(assembly, &revoked)?.vsize(), JUSTICE)?;
        assembly.members[breach].kill();
        assembly.node.mine(1)?;

        pay(assembly, alone, &stakes[alone])?;
        ask(&assembly.members[alone], &["channel", "close", &stakes[alone].channel, "--force", "--yes"])?;
        let commitment = spender_in_mempool(assembly, &stakes[alone])?;
        ensure!(commitment.output.iter().any(|output| output.value.to_sat() == DUES_SAT), "{commitment:?}");
        told(assembly, "commitment with both parts", commitment.vsize(), COMMITMENT)?;
        let child = await_child(assembly, &commitment)?;
        // The hub's part is out of the way before the member's may be swept.
        assembly.node.mine(MEMBER_LOCK)?;
        let sweep = wait_for("the sweep", PATIENCE, || match child_in_mempool(assembly, &commitment) {
            Ok(Some(sweep)) => Look::Ready(sweep),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let sizes = [commitment.vsize(), child.vsize(), sweep.vsize()];
        told(assembly, &format!("close alone in total, {sizes:?}"), sizes.iter().sum(), CLOSE_ALONE)
    });
}

fn told(assembly: &Assembly, what: &str, vsize: usize, design: usize) -> Result<()> {
    assembly.narrator.say(&format!("{what}: {vsize} vB"));
    ensure!(vsize == design, "{what}: {vsize} vB, the design has {design} vB");
    Ok(())
}
