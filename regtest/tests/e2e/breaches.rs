//! A side puts a revoked commitment on the chain: it loses everything, whichever side it is.

use std::path::{Path, PathBuf};

use althing_node::api::{Request, Stake};
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::channel_ends::{PATIENCE, await_child, balance, fund_actor, only_stake, spender_in_mempool, with_stakes};
use crate::stage::scratch;

pub(crate) const DUES_SAT: u64 = 40_000;

#[test]
fn a_member_that_goes_back_loses_its_stake_to_the_hub() {
    with_stakes("member-breach", |assembly| {
        fund_actor(assembly, &assembly.members[0], 50_000)?;
        let stake = only_stake(&assembly.members[0])?;
        let old = copy_of(&mut assembly.members[0], "member-breach-old")?;
        pay(assembly, 0, &stake)?;
        // The old state comes back from a copy that nobody should have made, and finds no hub to tell it so; who has it says that it is the newest.
        assembly.hub.kill();
        go_back(&mut assembly.members[0], &old)?;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: true })?;
        let revoked = spender_in_mempool(assembly, &stake)?;
        assembly.node.mine(1)?;
        assembly.hub.start()?;
        let justice = await_child(assembly, &revoked)?;
        ensure!(justice.version.0 == 3 && justice.input.iter().all(|input| input.witness.len() == 1), "{justice:?}");
        assembly.node.mine(1)?;
        assembly.settle()?;
        ensure!(balance(&assembly.hub)?.confirmed_sat >= stake.amount_sat - 5_000, "the hub has not got everything");
        Ok(())
    });
}

#[test]
fn a_hub_that_goes_back_loses_its_part_to_the_member() {
    with_stakes("hub-breach", |assembly| {
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let stake = only_stake(&assembly.members[0])?;
        pay(assembly, 0, &stake)?;
        let old = copy_of(&mut assembly.hub, "hub-breach-old")?;
        pay(assembly, 0, &stake)?;
        let before = balance(&assembly.members[0])?.confirmed_sat;
        for member in &mut assembly.members {
            member.kill();
        }
        go_back(&mut assembly.hub, &old)?;
        // With nobody there to show more of the log, a dishonest operator says that there is no more.
        assembly.hub.ask(Request::HubConfirm)?;
        assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let revoked = spender_in_mempool(assembly, &stake)?;
        assembly.node.mine(1)?;
        assembly.members[0].start()?;
        let justice = await_child(assembly, &revoked)?;
        ensure!(justice.input.len() == 2, "the member's part and the hub's: {justice:?}");
        assembly.node.mine(1)?;
        wait_for("all coins of the channel", PATIENCE, || match balance(&assembly.members[0]) {
            Ok(balance) if balance.confirmed_sat >= before + stake.amount_sat - 5_000 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

/// Dues, until both sides have the new balances.
pub(crate) fn pay(assembly: &Assembly, member: usize, stake: &Stake) -> Result<()> {
    let member = &assembly.members[member];
    let wanted = only_stake(member)?.amount_sat - DUES_SAT;
    member.ask(Request::ChannelPay { channel: stake.channel.clone(), amount_sat: DUES_SAT })?;
    for actor in [member, &assembly.hub] {
        wait_for("the checkpoint", PATIENCE, || match actor.stakes() {
            Ok(stakes) if stakes.iter().any(|s| s.channel == stake.channel && s.amount_sat == wanted) => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    Ok(())
}

/// A copy of a stopped actor's folder, which runs on afterwards.
pub(crate) fn copy_of(actor: &mut Actor, name: &str) -> Result<PathBuf> {
    actor.stop()?;
    let copy = scratch(name);
    copy_folder(actor.data_dir(), &copy)?;
    actor.start()?;
    Ok(copy)
}

/// The actor runs with the old folder from now on.
pub(crate) fn go_back(actor: &mut Actor, old: &Path) -> Result<()> {
    actor.kill();
    std::fs::remove_dir_all(actor.data_dir())?;
    std::fs::create_dir_all(actor.data_dir())?;
    copy_folder(old, actor.data_dir())?;
    actor.set_copy(actor.name() != "hub");
    actor.start()
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        // Sockets and locks are not state.
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
