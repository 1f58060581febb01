//! A tower punishes while its client is away, member or hub; it was killed, the chain was reorganised, and the fees rose.

use std::net::TcpListener;

use althing_node::api::{Choice, Keeping, Reply, Request, TowerStatus, WaitFor};
use althing_node::setup::Initialised;
use althing_regtest::story::{Actor, Assembly, motions, propose, regtest_address};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::Amount;

use crate::breaches::{copy_of, go_back, pay};
use crate::channel_ends::{
    PATIENCE, await_child, balance, child_in_mempool, fund_actor, only_stake, raw, spender_in_mempool, with_stakes,
};
use crate::stage::scratch;

/// As the design counts them: what is taken by one key path into one output, with an anchor; and each input more.
const JUSTICE_WITH_ANCHOR_VB: usize = 124;
const KEY_PATH_INPUT_VB: usize = 58;

#[test]
fn a_tower_punishes_the_hub_while_the_member_is_offline() {
    with_stakes("tower", |assembly| {
        let mut tower = start_tower(assembly, "tower-folder")?;
        let address = status(&tower)?.address;
        let member = &mut assembly.members[0];
        member.stop()?;
        member.cli().run(&["tower", "add", &address])?.succeeded()?;
        member.start()?;
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let stake = only_stake(&assembly.members[0])?;

        // Votes and comments revoke nothing: no blob comes of them.
        let payee = assembly.members[4].wallet_address()?;
        let tabled = propose(assembly, motions(&payee))?;
        for proposal in &tabled {
            for choice in [Choice::Yes, Choice::No, Choice::Yes] {
                assembly.members[0].vote(&proposal.id, choice, None)?;
            }
        }
        ensure!(keeping(&assembly.members[0])?.blobs == 0 && status(&tower)?.blobs == 0, "a vote made a blob");

        // The first payment revokes a commitment in which the hub has nothing; the second one in which it has.
        pay(assembly, 0, &stake)?;
        ensure!(keeping(&assembly.members[0])?.blobs == 0, "there is nothing to take from commitment 0");
        let old = copy_of(&mut assembly.hub, "tower-hub-old")?;
        pay(assembly, 0, &stake)?;
        let kept = wait_for("the tower's receipt", PATIENCE, || match keeping(&assembly.members[0]) {
            Ok(kept) if kept.towers.first().is_some_and(|tower| tower.receipts == 1) => Look::Ready(kept),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(kept.blobs == 1 && kept.towers[0].connected && kept.towers[0].until_height > Some(50_000), "{kept:?}");
        let shown = assembly.members[0].cli().run(&["channel", "show", &stake.channel])?;
        shown.succeeded()?;
        ensure!(shown.stdout.contains("1 of 1 receipts") && shown.stdout.contains("is at the hub"), "{}", shown.stdout);

        // The member sleeps, the hub goes back, the tower is dead when it happens.
        let before = balance(&assembly.members[0])?.confirmed_sat;
        for member in &mut assembly.members {
            member.kill();
        }
        go_back(&mut assembly.hub, &old)?;
        assembly.hub.ask(Request::HubConfirm)?;
        assembly.hub.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let revoked = spender_in_mempool(assembly, &stake)?;
        tower.kill();
        assembly.node.mine(1)?;
        tower.start()?;
        let justice = await_child(assembly, &revoked)?;
        ensure!(justice.version.0 == 3 && justice.input.len() == 2, "the member's part and the hub's: {justice:?}");
        ensure!(justice.vsize() == JUSTICE_WITH_ANCHOR_VB + KEY_PATH_INPUT_VB, "{justice:?}");
        ensure!(justice.input.iter().all(|input| input.witness.len() == 1), "by key paths: {justice:?}");

        // Nobody mines it: it is pressed with a child over its anchor, more and more.
        assembly.node.mine_empty(40)?;
        settle(assembly, &tower)?;
        let first = rate_of_child(assembly, &justice)?;
        assembly.node.mine_empty(60)?;
        settle(assembly, &tower)?;
        let second = rate_of_child(assembly, &justice)?;
        ensure!(second > first && first > 2, "{first} then {second} sat/vB");

        // Killed again, and the block with justice is replaced by others without it.
        tower.kill();
        assembly.node.mine(1)?;
        tower.start()?;
        settle(assembly, &tower)?;
        ensure!(status(&tower)?.breaches[0].settled_height.is_some(), "{:?}", status(&tower)?);
        assembly.node.reorg_empty(1, 2)?;
        settle(assembly, &tower)?;
        ensure!(status(&tower)?.breaches[0].settled_height.is_none(), "{:?}", status(&tower)?);
        await_child(assembly, &revoked)?;
        assembly.node.mine(1)?;
        settle(assembly, &tower)?;
        let end = status(&tower)?;
        ensure!(end.breaches[0].settled_height.is_some() && end.alarms.is_empty(), "{end:?}");

        // The member wakes up to everything the channel held.
        assembly.members[0].start()?;
        wait_for("all coins of the channel", PATIENCE, || match balance(&assembly.members[0]) {
            Ok(balance) if balance.confirmed_sat >= before + stake.amount_sat - 5_000 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        tower.stop()
    });
}

/// The other way round: a hub that was given nothing but dues has a tower too.
#[test]
fn a_tower_punishes_a_member_while_the_hub_is_offline() {
    with_stakes("tower-of-hub", |assembly| {
        let mut tower = start_tower(assembly, "tower-of-hub-folder")?;
        let address = status(&tower)?.address;
        assembly.hub.stop()?;
        assembly.hub.cli().run(&["tower", "add", &address])?.succeeded()?;
        assembly.hub.start()?;
        assembly.settle()?;
        let stake = only_stake(&assembly.members[0])?;
        let old = copy_of(&mut assembly.members[0], "tower-member-old")?;
        pay(assembly, 0, &stake)?;
        wait_for("the blob at the tower", PATIENCE, || match status(&tower) {
            Ok(status) if status.blobs == 1 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;

        let before = balance(&assembly.hub)?.confirmed_sat;
        assembly.hub.kill();
        go_back(&mut assembly.members[0], &old)?;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: true })?;
        let revoked = spender_in_mempool(assembly, &stake)?;
        assembly.node.mine(1)?;
        let justice = await_child(assembly, &revoked)?;
        // The hub had nothing then: it takes what the member had.
        ensure!(justice.input.len() == 1 && justice.vsize() == JUSTICE_WITH_ANCHOR_VB, "{justice:?}");
        assembly.node.mine(1)?;
        settle(assembly, &tower)?;
        ensure!(status(&tower)?.breaches[0].settled_height.is_some(), "{:?}", status(&tower)?);
        assembly.hub.start()?;
        wait_for("the member's stake at the hub", PATIENCE, || match balance(&assembly.hub) {
            Ok(now) if now.confirmed_sat >= before + stake.amount_sat - 5_000 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}, {before} before")),
        })?;
        tower.stop()
    });
}

/// A tower with keys and a coin of its own.
pub(crate) fn start_tower(assembly: &Assembly, folder: &str) -> Result<Actor> {
    let data = scratch(folder).join("data");
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut tower = assembly.hub.neighbour("tower", &data, &["tower", "run", "--listen", &listen]);
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path that is not UTF-8")?;
    let made: Initialised =
        tower.cli().json(&["init", "--network", "regtest", "--bitcoind", &url, "--cookie", cookie])?;
    tower.start()?;
    ensure!(status(&tower)?.address.starts_with(&made.keys.node_id), "{:?}", status(&tower)?);
    let address = regtest_address(&tower.wallet_address()?)?;
    assembly.node.fund(&address, Amount::from_sat(100_000))?;
    settle(assembly, &tower)?;
    Ok(tower)
}

pub(crate) fn status(tower: &Actor) -> Result<TowerStatus> {
    match tower.ask(Request::Tower)? {
        Reply::Tower(status) => Ok(*status),
        other => bail!("not a tower's status: {other:?}"),
    }
}

fn settle(assembly: &Assembly, tower: &Actor) -> Result<()> {
    let tip = assembly.node.tip()?.height;
    tower.ask(Request::Wait { until: WaitFor::Height(tip), timeout_secs: 60 }).map(drop)
}

pub(crate) fn keeping(member: &Actor) -> Result<Keeping> {
    only_stake(member)?.keeping.map(|kept| *kept).context("nothing is said of how the channel is kept")
}

/// What justice and its child pay together, in sat/vB; waits for the child.
fn rate_of_child(assembly: &Assembly, justice: &bitcoin::Transaction) -> Result<u64> {
    let child = await_child(assembly, justice)?;
    ensure!(child.version.0 == 3 && child_in_mempool(assembly, &child)?.is_none(), "{child:?}");
    let mut value = 0;
    for input in &child.input {
        let parent = raw_anywhere(assembly, &input.previous_output.txid)?;
        value += parent.output[input.previous_output.vout as usize].value.to_sat();
    }
    let fee = value - child.output.iter().map(|output| output.value.to_sat()).sum::<u64>();
    Ok(fee / (child.vsize() as u64))
}

/// A transaction in the mempool, or one that pays the tower's wallet.
fn raw_anywhere(assembly: &Assembly, txid: &bitcoin::Txid) -> Result<bitcoin::Transaction> {
    if let Ok(tx) = raw(assembly, txid) {
        return Ok(tx);
    }
    for height in (0..=assembly.node.tip()?.height).rev() {
        let hash = assembly.node.call("getblockhash", &[serde_json::json!(height)])?;
        let found = assembly.node.call("getrawtransaction", &[serde_json::json!(txid), false.into(), hash]);
        if let Ok(hex) = found {
            return Ok(bitcoin::consensus::encode::deserialize_hex(hex.as_str().context("not hex")?)?);
        }
    }
    bail!("{txid} is nowhere")
}
