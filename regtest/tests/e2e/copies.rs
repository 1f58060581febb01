//! Two copies of one member's folder: the later one is refused, by this machine or by the hub.

use std::time::{Duration, Instant};

use althing_node::api::Request;
use althing_node::lease::{Lease, Purpose};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, ensure};

use crate::breaches::{copy_folder, copy_of, go_back};
use crate::channel_ends::{PATIENCE, only_stake, with_stakes};
use crate::stage::scratch;

#[test]
fn of_two_copies_of_a_live_database_the_second_is_refused() {
    with_stakes("copies", |assembly| {
        let stake = only_stake(&assembly.members[3])?;
        // Beside the original it does not even start.
        let old = copy_of(&mut assembly.members[3], "copies-old")?;
        let beside = scratch("copies-beside");
        copy_folder(&old, &beside)?;
        let mut copy = assembly.members[3].neighbour("copy", &beside, &["member", "run"]);
        let error = format!("{:#}", copy.start().unwrap_err());
        let home = assembly.members[3].data_dir().to_str().context("a path that is not UTF-8")?;
        ensure!(error.contains("N-124") && error.contains(home), "{error}");
        drop(copy);

        // In the original's place, as if it came from another machine: the hub knows that the original went on.
        go_back(&mut assembly.members[3], &old)?;
        let alarms = wait_for("the refusal", PATIENCE, || match assembly.members[3].status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-125")) => Look::Ready(status.alarms),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(alarms.iter().any(|alarm| alarm.contains("seed words")), "{alarms:?}");
        let pay = Request::ChannelPay { channel: stake.channel.clone(), amount_sat: 1_000 };
        for order in [pay, Request::StakeForceClose { channel: stake.channel.clone(), newest: false }] {
            let refusal = format!("{:#}", assembly.members[3].ask(order).unwrap_err());
            ensure!(refusal.contains("N-125"), "{refusal}");
        }
        let before = assembly.members[3].status()?.tip_height;
        // The hub has one connection with each key: the copy leaves it to the folder that lives.
        wait_for("the copy to leave", PATIENCE, || match assembly.members[3].status() {
            Ok(status) if !status.hub_connected => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.node.mine(1)?;
        wait_for("the block", PATIENCE, || match assembly.members[3].status() {
            Ok(status) if status.tip_height > before => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(!assembly.members[3].status()?.hub_connected, "the copy came again");

        // Epochs later it accuses nobody of what it is not given, and says of its stake only what it knows (N-429).
        for _ in 0..20 {
            assembly.node.mine(1)?;
            let tip = assembly.node.tip()?.height;
            wait_for("the hub to go on", PATIENCE, || match assembly.hub.status() {
                Ok(status) if status.head_height == Some(tip) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        }
        let tip = assembly.node.tip()?.height;
        let status = wait_for("the copy to see the blocks", PATIENCE, || match assembly.members[3].status() {
            Ok(status) if status.tip_height == tip => Look::Ready(status),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(
            !status.alarms.iter().any(|alarm| alarm.contains("withheld") || alarm.contains("T-76")),
            "{:?}",
            status.alarms
        );
        let links = assembly.members[3].cli().run(&["links"])?;
        ensure!(!links.stdout.contains("unavailable") && links.stderr.contains("N-125"), "{links:?}");
        let health = assembly.members[3].cli().run(&["health"])?;
        ensure!(health.code == Some(2) && !health.stdout.contains("withheld"), "{health:?}");
        let listed = assembly.members[3].cli().run(&["stake", "list"])?;
        ensure!(listed.stdout.contains("N-125") && !listed.stdout.contains("and count."), "{listed:?}");

        // Also when nobody is there to ask: what the copy would broadcast is revoked.
        assembly.members[3].kill();
        assembly.hub.stop()?;
        assembly.members[3].start()?;
        let alone = Request::StakeForceClose { channel: stake.channel.clone(), newest: false };
        let refusal = format!("{:#}", assembly.members[3].ask(alone).unwrap_err());
        ensure!(refusal.contains("N-125"), "{refusal}");
        let status = assembly.members[3].status()?;
        ensure!(status.alarms.iter().any(|alarm| alarm.contains("N-125")), "{:?}", status.alarms);
        assembly.hub.start()?;

        // What is always right are the words and the hub's backup.
        assembly.members[3].kill();
        crate::stale_backup::wipe(assembly.members[3].data_dir())?;
        assembly.members[3].set_copy(false);
        assembly.members[3].start()?;
        wait_for("the channel to come back", PATIENCE, || match only_stake(&assembly.members[3]) {
            Ok(back) if back.state == "ready" && back.channel == stake.channel => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let stake = only_stake(&assembly.members[3])?;
        crate::breaches::pay(assembly, 3, &stake)
    });
}

/// N-443: the hub has one connection with each key, and the living folder has it; an old one that is turned away learns why.
#[test]
fn an_old_folder_beside_the_living_one_is_not_told_that_the_hub_is_gone() {
    with_stakes("copies-rival", |assembly| {
        let stake = only_stake(&assembly.members[3])?;
        let old = copy_of(&mut assembly.members[3], "copies-rival-old")?;
        assembly.members[3].kill();
        crate::stale_backup::wipe(assembly.members[3].data_dir())?;
        assembly.members[3].start()?;
        wait_for("the channel to come back", PATIENCE, || match only_stake(&assembly.members[3]) {
            Ok(back) if back.state == "ready" && back.channel == stake.channel => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let mut lost = assembly.members[3].neighbour("lost", &old, &["member", "run"]);
        lost.start()?;
        wait_for("what the hub does", PATIENCE, || match lost.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-443")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let health = lost.cli().run(&["health"])?;
        ensure!(health.code == Some(2) && health.stdout.contains("N-443"), "{health:?}");
        let review = lost.cli().run(&["channel", "close", &stake.channel, "--force"])?;
        ensure!(format!("{review:?}").contains("N-443"), "{review:?}");
        ensure!(assembly.members[3].status()?.alarms.is_empty(), "the living folder is accused");
        // When the living one is gone for a while the hub tells the old one what it is.
        assembly.members[3].kill();
        wait_for("the refusal", PATIENCE, || match lost.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-125")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(!lost.status()?.alarms.iter().any(|alarm| alarm.contains("N-443")), "{:?}", lost.status()?.alarms);
        lost.kill();
        assembly.members[3].start()
    });
}

/// N-1, in programs: a start waits for a command that holds the folder, up to its patience, and beside another program it ends at once.
#[test]
fn a_start_waits_for_a_command_and_for_no_program() {
    with_stakes("lease-race", |assembly| {
        let member = &mut assembly.members[3];
        let folder = member.data_dir().to_owned();
        // Beside a program that runs.
        let second = member.cli().run(&["member", "run"])?;
        let error = second.stderr;
        ensure!(second.code != Some(0) && error.contains("N-1") && error.contains("althing stop"), "{error}");
        member.status()?;

        // A command that ends.
        member.stop()?;
        let (command, begun) = (Lease::take(&folder, Purpose::Command)?, Instant::now());
        let held = Duration::from_secs(4);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(held);
                drop(command);
            });
            member.start()
        })?;
        ensure!(begun.elapsed() >= held, "it did not wait");
        member.status()?;

        // One that does not.
        member.stop()?;
        let (command, begun) = (Lease::take(&folder, Purpose::Command)?, Instant::now());
        let error = format!("{:#}", member.start().unwrap_err());
        ensure!(error.contains("N-1") && error.contains("under way"), "{error}");
        ensure!(begun.elapsed() >= WAITS_AT_MOST, "it waited {:?}", begun.elapsed());
        drop(command);
        member.start()
    });
}

/// How long a start waits for a command (N-1).
const WAITS_AT_MOST: Duration = Duration::from_secs(10);
