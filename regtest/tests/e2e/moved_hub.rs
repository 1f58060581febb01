//! The members choose another hub: stakes move to it, with the old hub in one transaction and without it by a close alone, through
//! kills on every side, and are always counted once.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use althing_node::api::{Choice, Stake, WaitFor};
use althing_regtest::story::{Actor, Assembly, Cli, STAKES_SAT};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::channel_ends::{PATIENCE, fund_actor, only_stake, spender_in_mempool};
use crate::splices::audit;
use crate::stage::with_members_on_roll;
use crate::told::{ask, refused};

/// Blocks until a change of keys is in force, or a decision final, and as much again for a busy machine.
const WITHIN_BLOCKS: u32 = 90;

/// Index of who moves with the old hub, and of who moves without it.
const BJARNI: usize = 1;
const GUDRUN: usize = 2;

/// 5 sat/vB for a close with one output.
const FEE_SAT: u64 = 5 * 111;

/// The lock on a member's part after a close alone, and the depth at which what came home is staked again.
const LOCK_BLOCKS: u32 = 144;
const DEEP: u32 = 6;

#[test]
fn stakes_move_to_another_hub_and_count_once() {
    with_members_on_roll("moved-hub", |assembly| {
        let (mut next, address) = hub_beside(assembly)?;
        choose(assembly, &next)?;
        let before = only_stake(&assembly.members[BJARNI])?;
        let member = &assembly.members[BJARNI];
        let wrong = refused(member, &["channel", "migrate", "--to", "nobody", "--yes"])?;
        ensure!(wrong.contains("N-2"), "{wrong}");
        let same: Value = serde_json::from_str(&std::fs::read_to_string(member.data_dir().join("dao.json"))?)?;
        let same = same["hub"].as_str().context("no hub")?.to_owned();
        let wrong = refused(member, &["channel", "migrate", "--to", &same, "--yes"])?;
        ensure!(wrong.contains("C-300"), "{wrong}");
        let review = member.cli().run(&["channel", "migrate", "--to", &address])?;
        let moved_sat = before.amount_sat - FEE_SAT;
        ensure!(
            review.code != Some(0) && review.stderr.replace(',', "").contains(&format!("Moves {moved_sat} sat")),
            "no review: {review:?}"
        );

        // An order to a hub that does not answer is answered, leaves no channel in the list, and can be taken back.
        let told: Stake = serde_json::from_value(ask(member, &["channel", "migrate", "--to", &address, "--yes"])?)?;
        ensure!(told.state == "ready", "{told:?}");
        let moving = told.detail.as_ref().and_then(|detail| detail.migration.clone()).context("no move")?;
        ensure!(moving.step == "agreeing" && moving.words.contains("has not answered yet"), "{moving:?}");
        ensure!(member.stakes()?.len() == 1, "a channel that is none: {:?}", member.stakes()?);
        let back: Stake = serde_json::from_value(ask(member, &["channel", "migrate", "--cancel"])?)?;
        ensure!(back.detail.is_some_and(|detail| detail.migration.is_none()) && member.stakes()?.len() == 1);
        let again = refused(member, &["channel", "migrate", "--cancel"])?;
        ensure!(again.contains("C-303"), "{again}");

        // Ordered while the other hub is down; then everybody dies in turn, later and later in the exchange.
        let order = |cli: Cli, address: String| {
            std::thread::spawn(move || cli.run(&["channel", "migrate", "--to", &address, "--yes", "--json"]))
        };
        let ordered = order(member.cli(), address.clone());
        wait_for("the order to be stored", PATIENCE, || match step(&assembly.members[BJARNI], &before.channel) {
            Ok(step) if step == "agreeing" => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        next.start()?;
        for millis in [60, 120, 240, 480, 960] {
            std::thread::sleep(Duration::from_millis(millis));
            match millis {
                60 | 480 => {
                    assembly.members[BJARNI].kill();
                    assembly.members[BJARNI].start()?;
                }
                120 => {
                    next.kill();
                    next.start()?;
                }
                _ => {
                    assembly.hub.kill();
                    assembly.hub.start()?;
                }
            }
        }
        let _ = ordered.join();
        let moved = spender_in_mempool(assembly, &before)?;
        ensure!(moved.version.0 == 3 && moved.vsize() == 111, "{moved:?}");
        ensure!(moved.output[0].value.to_sat() == moved_sat, "{moved:?}");
        // Another close would pay into an output that nobody has a commitment over.
        wait_for("another close to be refused", PATIENCE, || {
            match refused(&assembly.members[BJARNI], &["stake", "close", &before.channel, "--yes"]) {
                Ok(said) if said.contains("C-14") => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            }
        })?;

        assembly.narrator.step("everybody follows the new hub");
        follow(assembly, &address)?;
        std::mem::swap(&mut assembly.hub, &mut next);
        let mut old = next;
        let funding = format!("{}:0", moved.compute_txid());
        wait_for("the stake to be bound before it is mined", PATIENCE, || {
            let members = assembly.members[GUDRUN].members();
            match members.as_ref().map(|all| all.iter().any(|one| one.funding_outpoints.contains(&funding))) {
                Ok(true) => Look::Ready(()),
                _ => Look::NotYet(format!("{members:?}")),
            }
        })?;
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&moved.compute_txid())?.is_some(), "the move is not mined");
        let proposal = ask(&assembly.members[0], &["propose", "text", "--title", "As before", "--yes"])?;
        let proposal = proposal["id"].as_str().context("no id")?.to_owned();
        let opened = || Ok(assembly.members[BJARNI].has_seen(WaitFor::VotingOpen(proposal.clone()))?.then_some(()));
        assembly.mine_until("the vote open", 20, opened)?;
        assembly.members[BJARNI].vote(&proposal, Choice::Yes, None)?;
        // At every roll the stake is there, once.
        assembly.mine_until("the vote decided", WITHIN_BLOCKS, || {
            for actor in assembly.everybody() {
                weighs(actor, &[STAKES_SAT[BJARNI], moved_sat])?;
            }
            Ok(assembly.members[GUDRUN].has_seen(WaitFor::Decided(proposal.clone()))?.then_some(()))
        })?;
        let tally = assembly.members[GUDRUN].proposal(&proposal)?.tally.context("no tally")?;
        ensure!([STAKES_SAT[BJARNI], moved_sat].map(|sat| sat.to_string()).contains(&tally.yes), "{tally:?}");
        weighs(&assembly.members[GUDRUN], &[moved_sat])?;
        let shown = ask(&assembly.members[BJARNI], &["channel", "show", &before.channel])?;
        ensure!(shown["detail"]["migration"]["step"] == "done", "{shown}");
        let new = shown["detail"]["migration"]["channel"].as_str().context("no channel")?.to_owned();
        ask(&assembly.members[BJARNI], &["channel", "pay", &new, "10000", "--yes"])?;

        assembly.narrator.step("the old hub is gone; a member leaves it alone and stakes with the new one");
        old.kill();
        fund_actor(assembly, &assembly.members[GUDRUN], 50_000)?;
        let left = only_stake(&assembly.members[GUDRUN])?;
        ask(&assembly.members[GUDRUN], &["channel", "migrate", "--to", &address, "--alone", "--yes"])?;
        spender_in_mempool(assembly, &left)?;
        assembly.mine(1)?;
        assembly.members[GUDRUN].kill();
        assembly.members[GUDRUN].start()?;
        assembly.settle()?;
        assembly.node.mine(LOCK_BLOCKS)?;
        assembly.settle()?;
        let opened = || {
            let stakes = assembly.members[GUDRUN].stakes()?;
            Ok(stakes.into_iter().find(|stake| stake.state == "ready" && stake.channel != left.channel))
        };
        let again = assembly.mine_until("the stake with the new hub", 3 * DEEP + 6, opened)?;
        ensure!(again.amount_sat == left.amount_sat, "{again:?}");
        ensure!(step(&assembly.members[GUDRUN], &left.channel)? == "done");
        audit(assembly)
    });
}

/// Another hub of this DAO in a folder of its own, and its address. It does not run yet.
fn hub_beside(assembly: &Assembly) -> Result<(Actor, String)> {
    let folder = assembly.data_dir.join("hub-next");
    let next = assembly.hub.neighbour("the next hub", &folder, &["hub", "run"]);
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    let made = ask(&next, &["init", "--network", "regtest", "--bitcoind", &url, "--cookie", cookie])?;
    let node_id = made["keys"]["node_id"].as_str().or_else(|| made["node_id"].as_str()).context("no node id")?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let address = format!("{node_id}@127.0.0.1:{port}");
    std::fs::copy(assembly.hub.data_dir().join("dao.json"), folder.join("dao.json"))?;
    readdress(&next, &address)?;
    Ok((next, address))
}

/// The members give the DAO the keys of that hub. When they are in force the present hub signs nothing more for the log.
fn choose(assembly: &Assembly, next: &Actor) -> Result<()> {
    let keys = ask(next, &["keys", "show"])?;
    let key = |name: &str| keys[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {keys}"));
    let (log_key, anchor_key) = (key("log_key")?, key("anchor_key")?);
    let command = [
        "propose",
        "replace-keys",
        "--title",
        "Another hub",
        "--hub-log-key",
        &log_key,
        "--anchor-key",
        &anchor_key,
        "--yes",
    ];
    let change = ask(&assembly.members[0], &command)?["id"].as_str().context("no id")?.to_owned();
    assembly.mine(1)?;
    for member in [0, 1, 3] {
        ask(&assembly.members[member], &["vote", &change, "yes", "--yes"])?;
    }
    let in_force = |member: &Actor| -> Result<bool> {
        let charter = ask(member, &["charter", "show"])?;
        Ok(charter["text"].as_str().is_some_and(|text| text.contains(&log_key)))
    };
    for _ in 0..WITHIN_BLOCKS {
        assembly.node.mine(1)?;
        let tip = assembly.node.tip()?.height;
        // With the keys in force there is no head for the tip: that is awaited only before.
        for member in &assembly.members {
            wait_for("the tip, or the new keys", PATIENCE, || match member.status() {
                Ok(status) if status.head_height >= Some(tip) => Look::Ready(()),
                other => match in_force(member) {
                    Ok(true) => Look::Ready(()),
                    _ => Look::NotYet(format!("{} has {other:?}", member.name())),
                },
            })?;
        }
        if in_force(&assembly.members[BJARNI])? {
            return Ok(());
        }
    }
    anyhow::bail!("the keys are not in force after {WITHIN_BLOCKS} blocks")
}

/// Everybody's folder names that hub from now on.
fn follow(assembly: &mut Assembly, address: &str) -> Result<()> {
    for member in &mut assembly.members {
        member.stop()?;
        readdress(member, address)?;
        member.start()?;
    }
    Ok(())
}

fn readdress(actor: &Actor, address: &str) -> Result<()> {
    let path = actor.data_dir().join("dao.json");
    let mut dao: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    dao["hub"] = Value::from(address);
    Ok(std::fs::write(&path, serde_json::to_string_pretty(&dao)?)?)
}

/// How far the move of a channel has come.
fn step(actor: &Actor, channel: &str) -> Result<String> {
    let stake = actor.stakes()?.into_iter().find(|stake| stake.channel == channel).context("no such channel")?;
    let migration = stake.detail.and_then(|detail| detail.migration).context("it does not move")?;
    Ok(migration.step)
}

fn weighs(actor: &Actor, allowed: &[u64]) -> Result<()> {
    let members = actor.members()?;
    let bjarni = members.iter().find(|member| member.name == "Bjarni").context("no Bjarni")?;
    let found: u64 = bjarni.weight.as_deref().context("the stake fell off the roll")?.parse()?;
    ensure!(allowed.contains(&found), "{} has Bjarni with {found}, not one of {allowed:?}", actor.name());
    Ok(())
}
