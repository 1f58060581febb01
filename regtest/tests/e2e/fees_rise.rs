//! Transactions that wait: a close alone is bumped to its deadline, the peer's commitment by whoever wants its part, a splice is
//! replaced.

use althing_node::api::Request;
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::{ScriptBuf, Transaction, TxOut};
use serde_json::json;

use crate::channel_ends::{
    PATIENCE, await_child, balance, child_in_mempool, fund_actor, only_stake, paid, raw, spender, spender_in_mempool,
    with_stakes,
};
use crate::many_channels::KEPT_SAT;
use crate::told::{ask, refused};

/// Blocks in which a commitment should confirm.
const DEADLINE_BLOCKS: u32 = 144;

/// Rates where the source has no estimates, sat/vB.
const URGENT: u64 = 20;
const CAP: u64 = 500;

#[test]
fn a_close_alone_is_bumped_every_block_and_never_lowered() {
    with_stakes("bumped-close", |assembly| {
        let stake = only_stake(&assembly.members[0])?;
        fund_actor(assembly, &assembly.members[0], 300_000)?;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        let mut rates = vec![rate(assembly, &commitment, &await_child(assembly, &commitment)?)?];
        for round in 1..=12 {
            // Nobody mines it: its rate rises, whatever the estimates say.
            empty_blocks(assembly, &assembly.members[0], DEADLINE_BLOCKS / 12)?;
            if round == 6 {
                assembly.members[0].kill();
                assembly.members[0].start()?;
            }
            let last = *rates.last().context("a first rate")?;
            let raised = wait_for("a higher rate", PATIENCE, || match waiting_rate(assembly, &commitment) {
                Ok(rate) if rate > last => Look::Ready(rate),
                other => Look::NotYet(format!("{other:?} after {last}")),
            })?;
            rates.push(raised);
        }
        ensure!(rates.is_sorted() && rates[0] < URGENT, "{rates:?}");
        let pressing = rates[rates.len() - 2];
        ensure!(pressing >= URGENT - 2 && rates.last().is_some_and(|last| *last > CAP / 2), "{rates:?}");
        assembly.narrator.say(&format!("sat/vB every 12 blocks: {rates:?}"));
        assembly.node.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment is not mined");
        Ok(())
    });
}

/// C-77: what the wallet keeps pays for a spike; it holds nothing else.
#[test]
fn a_close_alone_goes_through_a_spike_with_what_was_kept_for_it() {
    with_stakes("spike", |assembly| {
        let member = &assembly.members[1];
        let has_sat = balance(member)?.confirmed_sat;
        ask(member, &["channel", "topup", &(has_sat - KEPT_SAT - 1_000).to_string(), "--yes"])?;
        assembly.mine(7)?;
        // And what the top-up did not need for its fee.
        let left = balance(member)?.confirmed_sat;
        ensure!((KEPT_SAT..KEPT_SAT + 1_000).contains(&left), "{left}");
        let stake = only_stake(member)?;
        ask(member, &["channel", "close", &stake.channel, "--force", "--yes"])?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        let mut last = rate(assembly, &commitment, &await_child(assembly, &commitment)?)?;
        ensure!(last < URGENT, "{last}");
        // What is asked for rises to what the kept coin was made for, and stays there: more than twice the urgent rate of the day it was made.
        for _ in 0..DEADLINE_BLOCKS / 12 {
            empty_blocks(assembly, member, 12)?;
            let now = waiting_rate(assembly, &commitment)?;
            ensure!(now >= last, "{now} after {last}");
            last = now;
        }
        wait_for("all that the coin can pay", PATIENCE, || match waiting_rate(assembly, &commitment) {
            Ok(rate) if rate >= 49 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.node.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment is not mined");
        Ok(())
    });
}

#[test]
fn a_member_brings_the_hubs_commitment_into_a_block() {
    with_stakes("bumped-peer", |assembly| {
        let stake = only_stake(&assembly.members[1])?;
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let before = balance(&assembly.members[1])?;
        assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        let hubs = await_child(assembly, &commitment)?;
        let bid = rate(assembly, &commitment, &hubs)?;
        // The hub bids low and is gone.
        assembly.hub.kill();
        let of_member =
            |child: &Transaction| child.input.iter().all(|i| i.previous_output.txid == commitment.compute_txid());
        ensure!(!of_member(&hubs), "{hubs:?}");
        let mut blocks = 0;
        let child = loop {
            ensure!(blocks < DEADLINE_BLOCKS, "the member never bumped it");
            empty_blocks(assembly, &assembly.members[1], 4)?;
            blocks += 4;
            match child_in_mempool(assembly, &commitment)? {
                Some(child) if of_member(&child) => break child,
                _ => {}
            }
        };
        let first = rate(assembly, &commitment, &child)?;
        ensure!(first > bid, "{first} after {bid}: {child:?}");
        empty_blocks(assembly, &assembly.members[1], 40)?;
        wait_for("a raise", PATIENCE, || match waiting_rate(assembly, &commitment) {
            Ok(rate) if rate > first => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.node.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment is not mined");
        seen(assembly, &assembly.members[1])?;
        wait_for("the stake at home", PATIENCE, || match balance(&assembly.members[1]) {
            Ok(now) if now.confirmed_sat > before.confirmed_sat + stake.amount_sat / 2 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

#[test]
fn a_splice_that_is_stuck_is_replaced() {
    with_stakes("bumped-splice", |assembly| {
        let member = 1;
        let before = only_stake(&assembly.members[member])?;
        let none = refused(&assembly.members[member], &["channel", "bump", "--fee-rate", "9", "--yes"])?;
        ensure!(none.contains("C-306"), "{none}");
        let mut amount_sat = before.amount_sat;
        // More than half leaves: the one that waits and the one in its place never leave both.
        for (order, changed) in [(["topup", "50000"], 50_000i64), (["withdraw", "300000"], -300_000)] {
            let stake = only_stake(&assembly.members[member])?;
            ask(&assembly.members[member], &["channel", order[0], order[1], "--fee-rate", "1", "--yes"])?;
            let slow = spender_in_mempool(assembly, &stake)?;
            empty_blocks(assembly, &assembly.members[member], 1)?;
            let low = refused(&assembly.members[member], &["channel", "bump", "--fee-rate", "1", "--yes"])?;
            ensure!(low.contains("C-306"), "{low}");
            let asked = assembly.members[member].cli().run(&["channel", "bump", "--fee-rate", "12"])?;
            ensure!(asked.code != Some(0) && asked.stderr.contains("place of the one that waits"), "{asked:?}");
            ask(&assembly.members[member], &["channel", "bump", "--fee-rate", "12", "--yes"])?;
            let fast = wait_for("the replacement", PATIENCE, || match spender(assembly, &stake) {
                Ok(Some(tx)) if tx.compute_txid() != slow.compute_txid() => Look::Ready(tx),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            ensure!(raw(assembly, &slow.compute_txid()).is_err(), "the first one is still there");
            // Both die between the two, and both come back.
            assembly.members[member].kill();
            assembly.hub.kill();
            assembly.hub.start()?;
            assembly.members[member].start()?;
            assembly.mine(1)?;
            ensure!(assembly.node.inclusion(&fast.compute_txid())?.is_some(), "the replacement is not mined");
            assembly.mine(6)?;
            amount_sat = amount_sat.checked_add_signed(changed).context("an amount")?;
            for actor in [&assembly.members[member], &assembly.hub] {
                wait_for("the new balance over one funding", PATIENCE, || {
                    let found = actor.stakes().map(|all| all.into_iter().find(|one| one.channel == before.channel));
                    match found {
                        Ok(Some(now)) if now.amount_sat == amount_sat && !now.words.contains("blocks deep") => {
                            Look::Ready(())
                        }
                        other => Look::NotYet(format!("{} has {other:?}", actor.name())),
                    }
                })?;
            }
        }
        ask(&assembly.members[member], &["channel", "pay", &before.channel, "5000", "--yes"])?;
        Ok(())
    });
}

/// Blocks with nothing in them; waits until the member has seen them.
fn empty_blocks(assembly: &Assembly, member: &Actor, blocks: u32) -> Result<()> {
    assembly.node.mine_empty(blocks)?;
    seen(assembly, member)
}

fn seen(assembly: &Assembly, member: &Actor) -> Result<()> {
    let tip = assembly.node.tip()?.height;
    wait_for("the member to see the tip", PATIENCE, || match member.status() {
        Ok(status) if status.tip_height == tip => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

/// What parent and child pay together, sat/vB rounded down; the commitment itself pays nothing.
fn rate(assembly: &Assembly, commitment: &Transaction, child: &Transaction) -> Result<u64> {
    let mut spent = 0;
    for input in &child.input {
        let parent = input.previous_output;
        let output: TxOut = if parent.txid == commitment.compute_txid() {
            commitment.output[parent.vout as usize].clone()
        } else {
            let known = assembly.node.call("gettxout", &[json!(parent.txid), json!(parent.vout), json!(false)])?;
            let sat = known["value"].as_f64().context("a coin that is not there")? * 1e8;
            TxOut { value: bitcoin::Amount::from_sat(sat.round() as u64), script_pubkey: ScriptBuf::new() }
        };
        spent += output.value.to_sat();
    }
    let size = u64::try_from(commitment.vsize() + child.vsize())?;
    Ok(spent.saturating_sub(paid(child)) / size)
}

fn waiting_rate(assembly: &Assembly, commitment: &Transaction) -> Result<u64> {
    let child = child_in_mempool(assembly, commitment)?.context("no child")?;
    rate(assembly, commitment, &child)
}
