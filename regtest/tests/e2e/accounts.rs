//! What the log decides about money is done in the channels: deposits held, returned and forfeited, rewards and dues, exactly.

use althing_governance::charter::{Charter, Class, RewardShare};
use althing_node::api::{Choice, Reply, Request, Reward, WaitFor};
use althing_regtest::story::{Actor, Assembly, Periods, STAKES_SAT, enter, found_by, open_stakes};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::channel_ends::{PATIENCE, only_stake, stake_of};
use crate::stage::with_assembly;
use crate::told::{ask, refused};

pub(crate) const DEPOSIT_SAT: u64 = 5_000;
const POOL_SAT: u64 = 900;
const DUES_SAT: u64 = 200;

/// Blocks from the last ballot until an outcome is final, and as much again for a busy machine.
pub(crate) const DECIDED_WITHIN_BLOCKS: u32 = 90;

/// Blocks from the stakes until a final roll has them, and as much again.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

const ASTRID: usize = 0;
const BJARNI: usize = 1;

#[test]
fn deposits_rewards_and_dues_move_exactly_what_was_decided() {
    with_assembly("accounts", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, with_money)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        // Not `reach_roll`, which expects whole stakes: the first dues may be paid by then.
        assembly.mine_until("everybody on a roll", ON_ROLL_WITHIN_BLOCKS, || {
            let seen = assembly.members.iter().map(|member| member.has_seen(WaitFor::OnRoll));
            let seen = seen.collect::<Result<Vec<bool>>>()?;
            Ok(seen.iter().all(|seen| *seen).then_some(()))
        })?;

        let liked = with_deposit(assembly, ASTRID, "A dog for the booth")?;
        let disliked = with_deposit(assembly, BJARNI, "A cat for the lake")?;
        for member in [ASTRID, BJARNI] {
            held(assembly, member, true)?;
        }
        // A hold survives its node: it is in the channel, on both sides.
        assembly.members[ASTRID].kill();
        assembly.members[ASTRID].start()?;
        assembly.hub.kill();
        assembly.hub.start()?;
        assembly.settle()?;
        held(assembly, ASTRID, true)?;
        let said = refused(&assembly.members[ASTRID], &["channel", "withdraw", "494000", "--yes"])?;
        ensure!(said.contains("C-140") || said.contains("G-96"), "{said}");

        assembly.mine_until("the votes open", 20, || {
            Ok(assembly.members[ASTRID].has_seen(WaitFor::VotingOpen(disliked.clone()))?.then_some(()))
        })?;
        for (member, choice) in [(0, Choice::Yes), (1, Choice::Yes), (2, Choice::Yes)] {
            assembly.members[member].vote(&liked, choice, None)?;
        }
        for member in 0..5 {
            assembly.members[member].vote(&disliked, Choice::No, None)?;
        }
        for proposal in [&liked, &disliked] {
            assembly.mine_until("the outcome in a final epoch", DECIDED_WITHIN_BLOCKS, || {
                Ok(assembly.members[ASTRID].has_seen(WaitFor::Decided(proposal.clone()))?.then_some(()))
            })?;
        }
        let settled = assembly.mine_until("both deposits settled", DECIDED_WITHIN_BLOCKS, || {
            let states = deposits(&assembly.members[2])?;
            Ok(states.iter().all(|(_, state)| state != "held").then_some(states))
        })?;
        ensure!(settled.contains(&("Astrid".into(), "returned".into())), "{settled:?}");
        ensure!(settled.contains(&("Bjarni".into(), "forfeited".into())), "{settled:?}");
        assembly.mine(1)?;
        for member in [ASTRID, BJARNI] {
            held(assembly, member, false)?;
        }
        // Whoever voted has a share of the pool; in every channel all that was owed moved, and nothing else.
        let voters = rewards(&assembly.members[2])?.iter().map(|reward| reward.reward_sat).sum::<u64>();
        ensure!(voters > 0, "nobody was rewarded");
        exact(assembly)?;
        // Twice in a row: a restart of everybody pays nothing twice.
        assembly.stop()?;
        assembly.hub.start()?;
        for member in &mut assembly.members {
            member.start()?;
        }
        assembly.mine(2)?;
        exact(assembly)?;
        Ok(())
    });
}

/// Texts need a deposit and some support; who votes is rewarded, and everybody owes dues.
fn with_money(charter: Charter) -> Charter {
    let mut charter = with_deposits(charter);
    charter.rewards.share = RewardShare::ByWeight;
    (charter.rewards.pool_sat_per_epoch, charter.rewards.dues_sat_per_epoch) = (POOL_SAT, DUES_SAT);
    charter
}

/// Texts need a deposit and some support.
pub(crate) fn with_deposits(mut charter: Charter) -> Charter {
    for rule in charter.classes.iter_mut().filter(|rule| rule.class == Class::Text) {
        (rule.deposit_sat, rule.min_support_bp) = (DEPOSIT_SAT, 1000);
    }
    charter
}

/// Holds the deposit and proposes.
pub(crate) fn with_deposit(assembly: &Assembly, member: usize, title: &str) -> Result<String> {
    let actor = &assembly.members[member];
    let draft = ["propose", "text", "--title", title];
    let check: Value = serde_json::from_str(&refused(actor, &[draft.as_slice(), &["--check"]].concat())?)?;
    ensure!(check["deposit_sat"] == DEPOSIT_SAT, "{check}");
    let thread = check["thread"].as_str().context("no thread")?;
    ask(actor, &["deposit", "hold", thread, &DEPOSIT_SAT.to_string(), "--yes"])?;
    assembly.mine(1)?;
    let tabled = ask(actor, &draft)?;
    tabled["id"].as_str().map(str::to_owned).context("no id")
}

/// Whether the deposit is held in the channel, as both sides have it.
fn held(assembly: &Assembly, member: usize, is_held: bool) -> Result<()> {
    let channel = only_stake(&assembly.members[member])?.channel;
    let words = format!("{DEPOSIT_SAT} sat of it are held as deposits");
    for actor in [&assembly.members[member], &assembly.hub] {
        wait_for("the hold", PATIENCE, || match stake_of(actor, &channel) {
            Ok(stake) if stake.words.contains(&words) == is_held => Look::Ready(()),
            other => Look::NotYet(format!("{} has {other:?}", actor.name())),
        })?;
    }
    Ok(())
}

/// Mines until every balance is what is left of the stake, plus the rewards and less the dues of the final epochs, on both sides.
fn exact(assembly: &Assembly) -> Result<()> {
    let mut seen = String::new();
    let found = assembly.mine_until("exact balances", 2 * Periods::SHORT.epoch_blocks, || {
        seen.clear();
        for (member, stake_sat) in assembly.members.iter().zip(STAKES_SAT) {
            let lost = if member.name() == "Bjarni" { DEPOSIT_SAT } else { 0 };
            let due = rewards(member)?;
            let rewarded: u64 = due.iter().map(|epoch| epoch.reward_sat).sum();
            let owed: u64 = due.iter().map(|epoch| epoch.dues_sat).sum();
            ensure!(owed > 0, "no dues");
            let channel = only_stake(member)?.channel;
            for side in [member, &assembly.hub] {
                let amount = stake_of(side, &channel)?.amount_sat;
                if amount != stake_sat - lost + rewarded - owed {
                    seen = format!("{seen} {}: {amount} of {stake_sat}-{lost}+{rewarded}-{owed};", side.name());
                }
            }
        }
        Ok(seen.is_empty().then_some(()))
    });
    found.with_context(|| format!("the last look found{seen}"))
}

fn rewards(actor: &Actor) -> Result<Vec<Reward>> {
    match actor.ask(Request::Rewards)? {
        Reply::Rewards { rewards } => Ok(rewards),
        other => bail!("not rewards: {other:?}"),
    }
}

pub(crate) fn deposits(actor: &Actor) -> Result<Vec<(String, String)>> {
    match actor.ask(Request::Deposits)? {
        Reply::Deposits { deposits, .. } => Ok(deposits.into_iter().map(|d| (d.member_name, d.state)).collect()),
        other => bail!("not deposits: {other:?}"),
    }
}
