//! Joining: the members verify the founding file, lock their stakes and come onto the roll.

use althing_node::api::WaitFor;
use althing_node::setup::{Founded, Joined};
use anyhow::{Context, Result, ensure};
use bitcoin::Amount;

use super::assembly::Assembly;
use super::found::{regtest_address, utf8};

/// What each member stakes: all different, so that a mistaken weight shows in a sum.
pub const STAKES_SAT: [u64; 5] = [500_000, 400_000, 300_000, 200_000, 100_000];

/// What a member gets beyond the stake, for fees.
const SPARE_SAT: u64 = 100_000;

/// Blocks from the stakes until the roll with them must be final: six confirmations, up to an epoch until the next
/// close, six until the link, six on top of it, and as much again for a busy machine.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

/// Starts the hub, and lets five members join and start.
///
/// # Errors
/// When a command or a node refuses.
pub fn enter(assembly: &mut Assembly, founded: &Founded) -> Result<()> {
    assembly.narrator.step("starting the hub; five members join");
    assembly.hub.start()?;
    let dao_file = utf8(&founded.dao_file)?;
    for member in &mut assembly.members {
        let name = member.name().to_owned();
        let joined: Joined = member.cli().json(&["dao", "join", &dao_file, "--name", &name])?;
        ensure!(joined.dao_id == founded.dao_id, "{name} joined DAO {}, founded was {}", joined.dao_id, founded.dao_id);
        member.start()?;
    }
    Ok(())
}

/// Funds the members, and lets all of them open a stake at once; the funding transactions are in the mempool afterwards.
///
/// # Errors
/// When a node refuses.
pub fn open_stakes(assembly: &Assembly) -> Result<()> {
    assembly.narrator.step("five stakes of different amounts, opened at once");
    for (member, stake_sat) in assembly.members.iter().zip(STAKES_SAT) {
        let address = regtest_address(&member.wallet_address()?)?;
        assembly.node.pay(&address, Amount::from_sat(stake_sat + SPARE_SAT))?;
    }
    assembly.mine(1)?;
    let stakes = assembly.at_once(|i, member| member.open_stake(STAKES_SAT[i]))?;
    for (member, stake) in assembly.members.iter().zip(&stakes) {
        let outpoint = stake.funding_outpoint.as_deref().unwrap_or("not known yet");
        assembly.narrator.say(&format!("{} locks {} sat in {outpoint}", member.name(), stake.amount_sat));
    }
    Ok(())
}

/// Mines until every stake counts, and sees that everybody has computed the same weights.
///
/// # Errors
/// When a member is not on the roll in time, or a weight is wrong.
pub fn reach_roll(assembly: &Assembly) -> Result<()> {
    assembly.narrator.step("mining until every stake is on the roll of a final epoch");
    assembly.mine_until("every member on the roll of a final epoch", ON_ROLL_WITHIN_BLOCKS, || {
        for member in &assembly.members {
            if !member.has_seen(WaitFor::OnRoll)? {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })?;
    check_roll(assembly)
}

/// Every member has computed the same roll, with everybody's stake as the weight.
fn check_roll(assembly: &Assembly) -> Result<()> {
    for actor in assembly.everybody() {
        let members = actor.members()?;
        for (name, stake_sat) in super::assembly::MEMBER_NAMES.iter().zip(STAKES_SAT) {
            let found = members.iter().find(|member| member.name == *name);
            let found = found.with_context(|| format!("{} does not know member {name}", actor.name()))?;
            ensure!(
                found.weight.as_deref() == Some(&stake_sat.to_string()) && found.stake_sat == stake_sat,
                "at {}, {name} has stake {} and weight {:?}, staked were {stake_sat} sat",
                actor.name(),
                found.stake_sat,
                found.weight
            );
        }
    }
    Ok(())
}
