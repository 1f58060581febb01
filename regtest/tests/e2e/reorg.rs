//! Blocks are replaced: those that confirmed everybody's stake, those that hold links, and more than results are deep.

use althing_node::api::{Link, WaitFor};
use althing_regtest::story::{Actor, Assembly, Periods, STAKES_SAT, audit, enter, found, open_stakes, reach_roll};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::BlockHash;

use crate::stage;

/// Blocks within which an epoch closes and its link becomes final, and as much again.
const WITHIN_BLOCKS: u32 = 40;

/// The charter's.
const FINAL_DEPTH: u32 = 6;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

#[test]
fn stakes_whose_block_is_replaced_count_from_their_new_block() {
    stage::with_assembly("reorg", |assembly| {
        let founded = found(assembly, Periods::SHORT)?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        assembly.mine(1)?;
        // The funding transactions go back to the mempool, and a block of the new branch confirms them later.
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;
        for member in &assembly.members {
            let stakes = member.stakes()?;
            assert!(stakes.iter().all(|stake| stake.confirmations == 0), "{}: {stakes:?}", member.name());
        }
        reach_roll(assembly)?;
        for (member, stake_sat) in assembly.members.iter().zip(STAKES_SAT) {
            assert!(member.has_seen(WaitFor::OnRoll)?);
            assert_eq!(member.status()?.member.map(|member| member.stake_sat), Some(stake_sat));
        }
        Ok(())
    });
}

#[test]
fn up_to_the_final_depth_everybody_recovers_without_a_human() {
    with_few("reorgs", |assembly, late| {
        for depth in 1..=FINAL_DEPTH {
            assembly.narrator.step(&format!("{depth} blocks down to a link are replaced"));
            replace_link(assembly, depth)?;
        }
        assembly.narrator.step("six blocks are replaced while a link waits: the block at which its epoch closes stays");
        let waiting = link_with(assembly, 0)?;
        replace(assembly, FINAL_DEPTH)?;
        until_final(assembly, &waiting)?;
        assembly.narrator.step("five blocks, and at once one more");
        let link = link_with(assembly, FINAL_DEPTH)?;
        assembly.node.reorg_empty(FINAL_DEPTH - 1, FINAL_DEPTH)?;
        replace(assembly, 1)?;
        until_final(assembly, &link)?;

        assembly.narrator.step("six blocks are replaced while everybody sleeps");
        let link = link_with(assembly, FINAL_DEPTH)?;
        assembly.stop()?;
        assembly.node.reorg_empty(FINAL_DEPTH, FINAL_DEPTH + 1)?;
        let asleep = audited(assembly, &assembly.members[0])?;
        ensure!(asleep.0 == Some(2) && asleep.1.contains("N-26") && asleep.1.contains("audit again"), "{asleep:?}");
        ensure!(!asleep.1.contains("Some("), "{asleep:?}");
        for actor in std::iter::once(&mut assembly.hub).chain(&mut assembly.members) {
            actor.start()?;
        }
        assembly.settle()?;
        until_final(assembly, &link)?;
        agree(assembly, late)
    });
}

#[test]
fn deeper_ones_halt_with_a_word_for_everybody_and_end_by_themselves() {
    with_few("deep-reorgs", |assembly, late| {
        assembly.narrator.step("a final link is undone, one block deeper than final");
        let link = link_with(assembly, FINAL_DEPTH + 1)?;
        replace(assembly, FINAL_DEPTH + 1)?;
        told(assembly, "A-64")?;
        for actor in assembly.everybody() {
            let found = link_of(actor, &link)?;
            ensure!(found.state == "undone" && found.txid == link.txid, "{}: {found:?}", actor.name());
            let health = actor.cli().run(&["health"])?;
            ensure!(health.code == Some(2) && health.stdout.contains("A-64"), "{}: {health:?}", actor.name());
        }
        assembly.narrator.step("hub and a member are killed and started again meanwhile");
        let epochs = assembly.hub.links()?.len();
        assembly.hub.kill();
        assembly.members[0].kill();
        assembly.hub.start()?;
        assembly.members[0].start()?;
        // Mined again, and not final: nothing is built behind it yet.
        assembly.mine(FINAL_DEPTH - 1)?;
        told(assembly, "A-64")?;
        ensure!(assembly.hub.links()?.len() == epochs, "{:?}", assembly.hub.links()?);
        until_final(assembly, &link)?;
        calm(assembly)?;

        assembly.narrator.step("the block at which an epoch closes is replaced, while everybody sleeps");
        let waiting = link_with(assembly, 0)?;
        assembly.stop()?;
        let branch = assembly.node.reorg_empty(FINAL_DEPTH + 1, FINAL_DEPTH + 2)?;
        for actor in std::iter::once(&mut assembly.hub).chain(&mut assembly.members) {
            actor.start()?;
        }
        assembly.settle()?;
        told(assembly, "A-97")?;
        told(assembly, "althing succession propose")?;
        assembly.mine(2)?;
        told(assembly, "A-97")?;

        assembly.narrator.step("the chain comes back to it");
        come_back(assembly, &branch)?;
        until_final(assembly, &waiting)?;
        calm(assembly)?;
        agree(assembly, late)
    });
}

/// N-246: with the block at which an epoch closes the stakes of that epoch go too. Whoever starts then can, and waits; a hub says what to do.
#[test]
fn who_starts_again_when_stakes_are_gone_says_so_and_waits() {
    with_few("undone-stakes", |assembly, late| {
        let link = link_with(assembly, FINAL_DEPTH + 2)?;
        let depth = assembly.members[0].stakes()?.iter().map(|stake| stake.confirmations).max().context("a stake")?;
        let before = assembly.members[0].status()?;
        assembly.narrator.step(&format!("{depth} blocks are replaced: stakes, and everything that counted them"));
        let branch = replace(assembly, depth)?;
        assembly.narrator.step("a member and the hub are killed and started again");
        assembly.members[0].kill();
        assembly.hub.kill();
        assembly.members[0].start()?;
        let status = assembly.members[0].status()?;
        ensure!(status.log_size < before.log_size, "{status:?}");
        ensure!(status.alarms.iter().any(|alarm| alarm.contains("A-64") || alarm.contains("A-97")), "{status:?}");
        let refused = assembly.hub.start().err().map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(refused.contains("N-246") && refused.contains("althing succession propose"), "{refused}");
        // And once more: what was set aside stays aside.
        assembly.members[0].kill();
        assembly.members[0].start()?;

        assembly.narrator.step("the chain comes back");
        let tip = assembly.node.tip()?.height;
        assembly.node.invalidate(branch.first().context("a block")?)?;
        let below = assembly.node.tip()?.height;
        assembly.node.mine(tip + 1 - below)?;
        assembly.hub.start()?;
        assembly.settle()?;
        until_final(assembly, &link)?;
        calm(assembly)?;
        ensure!(assembly.members[0].status()?.log_size >= before.log_size, "it read the rest again");
        agree(assembly, late)
    });
}

/// A hub and two members on the roll, and a third that joins later.
fn with_few(name: &str, act: impl FnOnce(&mut Assembly, Actor) -> Result<()>) {
    stage::with_assembly(name, |assembly| {
        let founded = found(assembly, Periods::SHORT)?;
        let late = assembly.members.remove(2);
        assembly.members.truncate(2);
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        assembly.mine_until("both members on the roll", WITHIN_BLOCKS, || {
            let on_roll = assembly.members.iter().map(|member| member.has_seen(WaitFor::OnRoll));
            Ok(on_roll.collect::<Result<Vec<_>>>()?.into_iter().all(|seen| seen).then_some(()))
        })?;
        act(assembly, late)
    });
}

/// Mines until a link is so deep, takes so many blocks away, and waits until it is final for everybody.
fn replace_link(assembly: &Assembly, depth: u32) -> Result<()> {
    let link = link_with(assembly, depth)?;
    replace(assembly, depth)?;
    for actor in assembly.everybody() {
        let found = link_of(actor, &link)?;
        ensure!(found.confirmations == 0 && found.txid == link.txid, "{} sees {found:?}", actor.name());
    }
    until_final(assembly, &link)?;
    calm(assembly)
}

/// Empty blocks in the place of the newest, one more than before; everybody follows.
fn replace(assembly: &Assembly, depth: u32) -> Result<Vec<BlockHash>> {
    let branch = assembly.node.reorg_empty(depth, depth + 1)?;
    assembly.settle()?;
    Ok(branch)
}

/// A link that has just so many confirmations.
fn link_with(assembly: &Assembly, confirmations: u32) -> Result<Link> {
    assembly.mine_until(&format!("a link {confirmations} deep"), WITHIN_BLOCKS, || {
        Ok(assembly.hub.links()?.into_iter().find(|link| link.confirmations == confirmations))
    })
}

fn link_of(actor: &Actor, link: &Link) -> Result<Link> {
    let found = actor.links()?.into_iter().find(|other| other.epoch == link.epoch);
    found.with_context(|| format!("{} does not know the link of epoch {}", actor.name(), link.epoch))
}

/// The same link is final for everybody, as is the log's note of it.
fn until_final(assembly: &Assembly, link: &Link) -> Result<()> {
    assembly.mine_until("the same link final for everybody", WITHIN_BLOCKS, || {
        for actor in assembly.everybody() {
            let found = link_of(actor, link)?;
            ensure!(found.commitment == link.commitment, "{}: {found:?} is not {link:?}", actor.name());
            if found.state != "final" || actor.status()?.final_epoch < Some(link.epoch) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// Everybody is told, the hub's operator and members alike.
fn told(assembly: &Assembly, words: &str) -> Result<()> {
    for actor in assembly.everybody() {
        wait_for(&format!("{} to be told of {words}", actor.name()), PATIENCE, || match actor.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains(words)) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    Ok(())
}

fn calm(assembly: &Assembly) -> Result<()> {
    for actor in assembly.everybody() {
        let alarms = actor.status()?.alarms;
        let about =
            |alarm: &String| ["A-64", "A-65", "A-97", "A-111", "log breaks"].iter().any(|rule| alarm.contains(rule));
        ensure!(!alarms.iter().any(about), "{}: {alarms:?}", actor.name());
    }
    Ok(())
}

/// The old branch is the best chain again, and grows until everybody has followed it.
fn come_back(assembly: &Assembly, branch: &[BlockHash]) -> Result<()> {
    let tip = assembly.node.tip()?.height;
    assembly.node.invalidate(branch.first().context("a block")?)?;
    // Heads never go back, so the hub signs none before the branch is longer.
    let below = assembly.node.tip()?.height;
    assembly.node.mine(tip + 1 - below)?;
    assembly.settle()
}

/// Somebody who joins now, and every audit, come to the same.
fn agree(assembly: &mut Assembly, mut late: Actor) -> Result<()> {
    assembly.narrator.step("somebody joins who saw none of it; everybody agrees");
    let founding = assembly.hub.data_dir().join("dao.json");
    let name = late.name().to_owned();
    late.cli().run(&["dao", "join", founding.to_str().context("a path")?, "--name", &name])?.succeeded()?;
    late.start()?;
    assembly.members.push(late);
    assembly.mine(1)?;
    let links = assembly.hub.links()?;
    for member in &assembly.members {
        let (ours, theirs) = (assembly.hub.status()?, member.status()?);
        ensure!(
            (ours.log_size, ours.final_epoch) == (theirs.log_size, theirs.final_epoch),
            "{}: {theirs:?} is not {ours:?}",
            member.name()
        );
        let commitments = |links: &[Link]| links.iter().map(|link| link.commitment.clone()).collect::<Vec<_>>();
        ensure!(commitments(&member.links()?) == commitments(&links), "{} has other links", member.name());
    }
    audit(assembly).map(drop)
}

fn audited(assembly: &Assembly, actor: &Actor) -> Result<(Option<i32>, String)> {
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let ran = actor.cli().run(&["audit", "--bitcoind", &url, "--cookie", cookie.to_str().context("a path")?])?;
    Ok((ran.code, ran.stdout + &ran.stderr))
}
