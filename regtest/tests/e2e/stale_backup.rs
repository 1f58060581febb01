//! Backups that are old, or lost altogether: the stake comes home, and nothing old is broadcast.

use std::path::Path;

use althing_node::api::{BackupInfo, Choice, Reply, Request, Restored, Stake};
use althing_node::store::DATABASE_FILE;
use althing_regtest::story::{Actor, Assembly, motions, propose};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};
use bitcoin::Transaction;

use crate::breaches::{DUES_SAT, pay};
use crate::channel_ends::{
    PATIENCE, await_child, balance, fund_actor, only_stake, spender_in_mempool, stake_of, with_stakes,
};
use crate::stage::scratch;
use crate::tower::keeping;

#[test]
fn an_old_backup_does_not_lose_the_stake_and_seed_words_alone_bring_it_home() {
    with_stakes("stale-backup", |assembly| {
        fund_actor(assembly, &assembly.hub, 50_000)?;
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let stakes = [only_stake(&assembly.members[1])?, only_stake(&assembly.members[2])?];
        pay(assembly, 1, &stakes[0])?;
        let file = scratch("stale-backup-file").join("channels.backup");
        let path = file.to_str().context("a path that is not UTF-8")?;
        let written: BackupInfo = answer(&assembly.members[1], &["backup", "write", path])?;
        ensure!(written.channels.len() == 1 && written.channels[0].number == 1, "{written:?}");
        let inspected: BackupInfo = answer(&assembly.members[1], &["backup", "inspect", path])?;
        ensure!(inspected.channels == written.channels && inspected.counter == written.counter, "{inspected:?}");
        pay(assembly, 1, &stakes[0])?;
        pay(assembly, 2, &stakes[1])?;
        wait_for("the newest backup to be at the hub", PATIENCE, || match keeping(&assembly.members[1]) {
            Ok(kept) if kept.backup_held.is_some() && kept.backup_held == kept.backup_newest => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;

        // Both members lose their disks, and the hub is one that keeps no backups.
        for member in [1, 2] {
            assembly.members[member].kill();
            wipe(assembly.members[member].data_dir())?;
        }
        assembly.hub.stop()?;
        let database = rusqlite::Connection::open(assembly.hub.data_dir().join(DATABASE_FILE))?;
        ensure!(database.execute("DELETE FROM meta WHERE name LIKE 'backup/%'", [])? == 5, "a backup for each member");
        drop(database);
        assembly.hub.start()?;
        for member in [1, 2] {
            assembly.members[member].start()?;
        }

        // The one with an old copy learns from the hub that it is old, and from nothing else can it be hurt.
        let restored: Restored = answer(&assembly.members[1], &["restore", "--backup", path])?;
        ensure!(restored.channels == 1 && restored.source.as_deref() == Some("file"), "{restored:?}");
        let refusal =
            assembly.members[1].ask(Request::StakeForceClose { channel: stakes[0].channel.clone(), newest: false });
        let refusal = format!("{:#}", refusal.unwrap_err());
        ensure!(refusal.contains("C-92") || refusal.contains("C-132"), "{refusal}");
        let before = balance(&assembly.members[1])?.confirmed_sat;
        let close = spender_in_mempool(assembly, &stakes[0])?;
        ensure!(
            pays_at_once(&close, stakes[0].amount_sat - 2 * DUES_SAT),
            "the hub's commitment, of the newest state: {close:?}"
        );
        assembly.mine(1)?;
        comes_home(assembly, 1, &close, before + stakes[0].amount_sat - 2 * DUES_SAT)?;

        // The one with nothing but the words: the hub closes, as its operator was asked to.
        ensure!(assembly.members[2].stakes()?.is_empty(), "it remembers something");
        let before = balance(&assembly.members[2])?.confirmed_sat;
        // It was restarted since that member could show anything, so its operator has to answer for the folder.
        let refusal = assembly.hub.ask(Request::StakeForceClose { channel: stakes[1].channel.clone(), newest: false });
        let refusal = format!("{:#}", refusal.unwrap_err());
        ensure!(refusal.contains("N-332"), "{refusal}");
        assembly.hub.ask(Request::HubConfirm)?;
        assembly.hub.ask(Request::StakeForceClose { channel: stakes[1].channel.clone(), newest: false })?;
        let close = spender_in_mempool(assembly, &stakes[1])?;
        assembly.mine(1)?;
        comes_home(assembly, 2, &close, before + stakes[1].amount_sat - DUES_SAT)
    });
}

/// C-92: a copy that was taken up while the hub was away gives way to what the hub holds, and the channel goes on.
#[test]
fn what_the_hub_holds_takes_the_place_of_an_older_copy_taken_up_without_it() {
    with_stakes("copy-first", |assembly| {
        let stake = only_stake(&assembly.members[1])?;
        pay(assembly, 1, &stake)?;
        let file = scratch("copy-first-file").join("channels.backup");
        let path = file.to_str().context("a path that is not UTF-8")?;
        let written: BackupInfo = answer(&assembly.members[1], &["backup", "write", path])?;
        ensure!(written.channels[0].number == 1, "{written:?}");
        pay(assembly, 1, &stake)?;
        let paid_twice = stake.amount_sat - 2 * DUES_SAT;
        await_at_hub(assembly, &stake, paid_twice)?;
        assembly.members[1].kill();
        wipe(assembly.members[1].data_dir())?;
        assembly.hub.stop()?;
        assembly.members[1].start()?;
        let restored: Restored = answer(&assembly.members[1], &["restore", "--backup", path])?;
        ensure!(restored.channels == 1 && restored.source.as_deref() == Some("file"), "{restored:?}");
        ensure!(only_stake(&assembly.members[1])?.amount_sat == stake.amount_sat - DUES_SAT, "the older state");
        assembly.hub.start()?;
        wait_for("the newer state", PATIENCE, || match only_stake(&assembly.members[1]) {
            Ok(back) if back.state == "ready" && back.amount_sat == paid_twice => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.mine(1)?;
        pay_again(assembly, 1)?;
        // What a folder that had nothing has not heard of yet comes by itself.
        wait_for("no alarm any more", PATIENCE, || match assembly.members[1].ask(Request::Status) {
            Ok(Reply::Status(status)) if status.alarms.is_empty() => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        // C-156: the payment behind the restore was made with secrets that nobody has who gave a backup, so closing alone takes no word.
        let before = balance(&assembly.members[1])?.confirmed_sat;
        let own_sat = only_stake(&assembly.members[1])?.amount_sat;
        assembly.hub.kill();
        assembly.members[1].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let close = spender_in_mempool(assembly, &stake)?;
        await_child(assembly, &close)?;
        assembly.node.mine(145)?; // the member's lock
        wait_for("the stake at home", PATIENCE, || {
            if let Err(error) = assembly.node.mine(1) {
                return Look::NotYet(format!("{error:#}"));
            }
            match balance(&assembly.members[1]) {
                Ok(now) if now.confirmed_sat + 20_000 > before + own_sat => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            }
        })?;
        Ok(())
    });
}

#[test]
fn seed_words_and_backup_go_on_voting_and_paying_with_every_message_lost_in_between() {
    with_stakes("restore", |assembly| {
        let payee = assembly.members[4].wallet_address()?;
        let tabled = propose(assembly, motions(&payee))?;
        let stake = only_stake(&assembly.members[1])?;
        assembly.members[1].vote(&tabled[0].id, Choice::No, None)?;
        for lives in 1..=3u64 {
            // The disk is lost right behind the payment's last message, whichever that was.
            let wanted = stake.amount_sat - lives * DUES_SAT;
            assembly.members[1].ask(Request::ChannelPay { channel: stake.channel.clone(), amount_sat: DUES_SAT })?;
            if lives < 3 {
                await_at_hub(assembly, &stake, wanted)?;
            }
            assembly.members[1].kill();
            wipe(assembly.members[1].data_dir())?;
            // Heights make incarnations; two losses within one block are one too many for anybody.
            assembly.node.mine(1)?;
            assembly.members[1].start()?;
            wait_for("the channel to come back", PATIENCE, || match only_stake(&assembly.members[1]) {
                Ok(back) if back.state == "ready" && (back.amount_sat == wanted || lives == 3) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            assembly.settle()?;
            let choice = if lives % 2 == 0 { Choice::No } else { Choice::Yes };
            let ballot = assembly.members[1].vote(&tabled[0].id, choice.clone(), None)?;
            ensure!(ballot.choice == choice && ballot.position.is_some(), "{ballot:?}");
        }
        pay_again(assembly, 1)?;
        // What was withheld from a folder that had nothing is there again, without another block.
        wait_for("no alarm any more", PATIENCE, || match assembly.members[1].ask(Request::Status) {
            Ok(Reply::Status(status)) if status.alarms.is_empty() => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

/// The last message of a payment has arrived: nothing is said again later, which would be newer than any backup (C-92).
fn await_at_hub(assembly: &Assembly, stake: &Stake, amount_sat: u64) -> Result<()> {
    wait_for("the hub's new balance", PATIENCE, || match stake_of(&assembly.hub, &stake.channel) {
        Ok(now) if now.amount_sat == amount_sat => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

fn pay_again(assembly: &Assembly, member: usize) -> Result<()> {
    let stake = only_stake(&assembly.members[member])?;
    pay(assembly, member, &stake)
}

/// The databases go; what the words, the charter and the machine give back stays.
pub(crate) fn wipe(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind.to_string_lossy().starts_with("db")) {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn answer<T: serde::de::DeserializeOwned>(actor: &Actor, arguments: &[&str]) -> Result<T> {
    actor.cli().json(arguments)
}

fn pays_at_once(commitment: &Transaction, amount_sat: u64) -> bool {
    commitment.output.iter().any(|output| output.value.to_sat() == amount_sat)
}

fn comes_home(assembly: &Assembly, member: usize, close: &Transaction, least_sat: u64) -> Result<()> {
    await_child(assembly, close)?;
    assembly.mine(1)?;
    wait_for("the stake at home", PATIENCE, || match balance(&assembly.members[member]) {
        Ok(balance) if balance.confirmed_sat + 2_000 >= least_sat => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}, wanted {least_sat}")),
    })?;
    Ok(())
}
