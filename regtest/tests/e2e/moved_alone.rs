//! A stake that leaves its hub alone for one that does not answer: the order goes elsewhere, or is taken back, also when the coins are home.

use althing_node::api::{MigrationState, Stake};
use althing_regtest::story::{Actor, Assembly};
use anyhow::{Context as _, Result, ensure};

use crate::channel_ends::{balance, fund_actor, only_stake, spender_in_mempool, with_stakes};
use crate::told::{ask, refused};

/// The member's lock, and the depth at which what came home is staked again.
const LOCK_BLOCKS: u32 = 144;
const DEEP: u32 = 6;

/// Hubs that nobody runs: the generator of the curve and its double.
const NOBODY: &str = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798@127.0.0.1:9";
const NOBODY_ELSE: &str = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5@127.0.0.1:9";

#[test]
fn an_order_to_a_hub_that_does_not_answer_is_changed_and_taken_back() {
    with_stakes("moved-alone", |assembly| {
        let member = &assembly.members[0];
        fund_actor(assembly, member, 50_000)?;
        let stake = only_stake(member)?;
        ask(member, &["channel", "migrate", "--to", NOBODY, "--alone", "--yes"])?;
        spender_in_mempool(assembly, &stake)?;
        let same = refused(member, &["channel", "migrate", "--to", NOBODY, "--alone", "--yes"])?;
        ensure!(same.contains("C-303") && same.contains("to that hub already"), "{same}");
        assembly.mine(1)?;
        assembly.node.mine(LOCK_BLOCKS)?;
        assembly.settle()?;
        assembly.mine_until("the coins at home", DEEP, || {
            let home = balance(member)?.confirmed_sat;
            Ok((home > stake.amount_sat).then_some(()))
        })?;
        assembly.mine(DEEP)?;
        let home = balance(member)?;

        // Without naming the channel: it is the only one that moves.
        let moving = moving(member)?.context("no move")?;
        ensure!((moving.to.as_str(), moving.step.as_str()) == (NOBODY, "sweeping"), "{moving:?}");
        let told: Stake =
            serde_json::from_value(ask(member, &["channel", "migrate", "--to", NOBODY_ELSE, "--alone", "--yes"])?)?;
        let moving_on = told.detail.and_then(|detail| detail.migration).context("no move")?;
        ensure!(moving_on.to == NOBODY_ELSE, "{moving_on:?}");
        ask(member, &["channel", "migrate", "--cancel"])?;
        ensure!(self::moving(member)?.is_none());
        assembly.mine(1)?;
        ensure!(balance(member)?.confirmed_sat == home.confirmed_sat, "{:?}, {home:?}", balance(member)?);
        no_channel_but(assembly, &stake)
    });
}

fn moving(member: &Actor) -> Result<Option<MigrationState>> {
    Ok(only_stake(member)?.detail.and_then(|detail| detail.migration))
}

fn no_channel_but(assembly: &Assembly, stake: &Stake) -> Result<()> {
    let stakes = assembly.members[0].stakes()?;
    ensure!(stakes.len() == 1 && stakes[0].channel == stake.channel, "{stakes:?}");
    Ok(())
}
