//! What a deposit forfeits the hub owes the treasury, and pays by itself; who waits for it in vain is told.

use althing_node::api::{HubDebt, Reply, Request};
use althing_regtest::story::{Actor, Assembly, Periods, enter, found_by, open_stakes, reach_roll};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::Transaction;

use crate::accounts::{DECIDED_WITHIN_BLOCKS, DEPOSIT_SAT, deposits, with_deposit, with_deposits};
use crate::channel_ends::{fund_actor, only_stake};
use crate::stage::with_assembly;
use crate::told::{ask, refused};

/// Blocks within which a hub has to pay (G-110).
const SETTLE_WITHIN_BLOCKS: u32 = 144;

const BJARNI: usize = 1;

#[test]
fn a_forfeited_deposit_reaches_the_treasury() {
    with_assembly("debts", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, with_deposits)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let founded_at = assembly.node.tip()?.height;
        ensure!(debts(&assembly.members[0])?.is_empty(), "something is owed before anything is forfeited");
        with_deposit(assembly, BJARNI, "A cat for the lake")?;
        assembly.mine_until("the deposit forfeited", 2 * DECIDED_WITHIN_BLOCKS, || {
            let settled = deposits(&assembly.members[0])?;
            Ok(settled.contains(&("Bjarni".into(), "forfeited".into())).then_some(()))
        })?;
        // Owed is what the hub collected, and no sooner.
        assembly
            .mine_until("the deposit collected", 6, || Ok((!debts(&assembly.members[0])?.is_empty()).then_some(())))?;
        // The head of the next block tells since when; nobody mines the payment.
        assembly.node.mine_empty(1)?;
        assembly.settle()?;
        let debt = owed(assembly)?;
        ensure!((debt.collected_sat, debt.owed_sat, debt.is_overdue) == (DEPOSIT_SAT, DEPOSIT_SAT, false), "{debt:?}");
        let due = debt.due_height.context("it is not due")?;

        // Nobody mines the payment. The hub is started anew meanwhile, and goes on with the one that it made.
        assembly.node.mine_empty(due.saturating_sub(assembly.node.tip()?.height))?;
        assembly.hub.kill();
        assembly.hub.start()?;
        assembly.settle()?;
        ensure!(!owed(assembly)?.is_overdue, "overdue at the last height that is in time");
        alarmed(assembly, false)?;
        assembly.node.mine_empty(1)?;
        assembly.settle()?;
        ensure!(owed(assembly)?.is_overdue, "not overdue {SETTLE_WITHIN_BLOCKS} blocks later");
        alarmed(assembly, true)?;

        assembly.mine_until("the debt paid", 3, || Ok((owed(assembly)?.owed_sat == 0).then_some(())))?;
        let debt = owed(assembly)?;
        ensure!((debt.paid_sat, debt.due_height, debt.is_overdue) == (DEPOSIT_SAT, None, false), "{debt:?}");
        alarmed(assembly, false)?;
        let settlements = settlements(assembly, founded_at)?;
        let [settlement] = settlements.as_slice() else { bail!("paid more than once: {settlements:?}") };
        ensure!(settlement.output.first().is_some_and(|paid| paid.value.to_sat() == DEPOSIT_SAT), "{settlement:?}");
        // What a reorganisation takes back is sent again.
        assembly.node.reorg(1, 2)?;
        assembly.mine(1)?;
        ensure!(owed(assembly)?.owed_sat == 0, "after a reorganisation: {:?}", owed(assembly)?);
        Ok(())
    });
}

/// C-36, G-110: the deposit does not go along in a close together; alone nothing can stop it, and then the hub owes nothing.
#[test]
fn who_leaves_alone_takes_the_deposit_along() {
    with_assembly("deposit-taken", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, with_deposits)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        with_deposit(assembly, BJARNI, "A cat for the lake")?;
        let bjarni = &assembly.members[BJARNI];
        let stake = only_stake(bjarni)?;
        let together = refused(bjarni, &["channel", "close", &stake.channel, "--yes"])?;
        ensure!(together.contains("C-36") && together.contains("or alone"), "{together}");
        fund_actor(assembly, bjarni, 100_000)?;
        ask(bjarni, &["channel", "close", &stake.channel, "--force", "--yes"])?;
        assembly.mine_until("the deposit forfeited", 2 * DECIDED_WITHIN_BLOCKS, || {
            let settled = deposits(&assembly.members[0])?;
            Ok(settled.contains(&("Bjarni".into(), "forfeited".into())).then_some(()))
        })?;
        assembly.mine(3)?;
        assembly.settle()?;
        ensure!(debts(&assembly.hub)?.is_empty(), "the hub owes what it never had: {:?}", debts(&assembly.hub)?);
        Ok(())
    });
}

/// What the hub owes, as everybody has it.
fn owed(assembly: &Assembly) -> Result<HubDebt> {
    let of_hub = debts(&assembly.hub)?;
    for member in &assembly.members {
        let seen = debts(member)?;
        ensure!(seen == of_hub, "{} has {seen:?}, the hub {of_hub:?}", member.name());
    }
    of_hub.into_iter().next().context("nothing is owed")
}

fn debts(actor: &Actor) -> Result<Vec<HubDebt>> {
    match actor.ask(Request::Deposits)? {
        Reply::Deposits { debts, .. } => Ok(debts),
        other => bail!("not deposits: {other:?}"),
    }
}

fn alarmed(assembly: &Assembly, is_alarmed: bool) -> Result<()> {
    for member in &assembly.members {
        let alarms = member.status()?.alarms;
        ensure!(
            alarms.iter().any(|alarm| alarm.starts_with("G-110")) == is_alarmed,
            "{}: {alarms:?}, expected an alarm: {is_alarmed}",
            member.name()
        );
    }
    Ok(())
}

/// Mined transactions with the mark, from a height on.
fn settlements(assembly: &Assembly, from: u32) -> Result<Vec<Transaction>> {
    let mark = b"althing/settle/v1";
    let mut found = Vec::new();
    for height in from..=assembly.node.tip()?.height {
        let block = assembly.node.block(&assembly.node.block_hash(height)?)?;
        found.extend(block.txdata.into_iter().filter(|tx| {
            let scripts = tx.output.iter().map(|output| output.script_pubkey.as_bytes());
            scripts.into_iter().any(|script| script.windows(mark.len()).any(|part| part == mark))
        }));
    }
    Ok(found)
}
