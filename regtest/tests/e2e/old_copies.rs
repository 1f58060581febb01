//! Old copies of a member's folder that meet no hub: what they would broadcast is revoked, so nothing goes out unasked, and nothing at all
//! where something knows better (C-150, C-151).

use std::path::{Path, PathBuf};

use althing_node::api::{BackupInfo, Request, Stake};
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::breaches::{DUES_SAT, copy_of, go_back, pay};
use crate::channel_ends::{PATIENCE, balance, only_stake, spender, spender_in_mempool, with_stakes};
use crate::stage::scratch;
use crate::told::refused;
use crate::tower::{start_tower, status};

/// Members of the test: one with nothing but the folder, one with a second copy of its backup, one with a watchtower.
const BARE: usize = 0;
const COPIED: usize = 1;
const WATCHED: usize = 2;

#[test]
fn an_old_copy_without_a_hub_loses_nothing_unasked() {
    with_stakes("old-copies", |assembly| {
        let mut tower = start_tower(assembly, "old-copies-tower")?;
        let address = status(&tower)?.address;
        let file = scratch("old-copies-file").join("channels.backup");
        let path = file.to_str().context("a path that is not UTF-8")?;
        for (member, arguments) in [(COPIED, ["backup", "keep", path]), (WATCHED, ["tower", "add", &address])] {
            assembly.members[member].stop()?;
            assembly.members[member].cli().run(&arguments)?.succeeded()?;
            assembly.members[member].start()?;
        }
        assembly.settle()?;
        let mut old = Vec::new();
        for member in [BARE, COPIED, WATCHED] {
            old.push(copy_of(&mut assembly.members[member], &format!("old-copies-{member}"))?);
        }
        assembly.settle()?;
        let stakes = [BARE, COPIED, WATCHED].map(|member| only_stake(&assembly.members[member]));
        let stakes = stakes.into_iter().collect::<Result<Vec<_>>>()?;
        for (member, stake) in stakes.iter().enumerate() {
            pay(assembly, member, stake)?;
        }
        assembly.hub.kill();
        for (member, old) in old.iter().enumerate() {
            go_back(&mut assembly.members[member], old)?;
        }

        // Nobody tells this one that it is old: it does nothing by itself, and `--yes` is no word about that.
        let member = &assembly.members[BARE];
        let channel = stakes[BARE].channel.clone();
        let held = refused(member, &["channel", "close", &channel, "--force", "--yes"])?;
        for part in ["C-150", "has not shown", "all of the", "blocks ago", "--newest"] {
            ensure!(held.contains(part), "{part}: {held}");
        }
        let other = format!("02{}@127.0.0.1:9", "aa".repeat(32));
        let held = refused(member, &["channel", "migrate", "--to", &other, "--alone", "--yes"])?;
        ensure!(held.contains("C-150"), "{held}");
        let order = Request::StakeForceClose { channel: channel.clone(), newest: false };
        let held = format!("{:#}", member.ask(order).unwrap_err());
        ensure!(held.contains("C-150"), "{held}");
        // Who is asked for the word `close alone` alone has not answered.
        let reviewed = member.cli().run(&["channel", "close", &channel, "--force"])?;
        ensure!(reviewed.code != Some(0) && reviewed.stderr.contains("Type newest"), "{reviewed:?}");
        ensure!(only_stake(member)?.state == "ready");

        // These are told, and do nothing whatever is typed.
        never(assembly, COPIED, &stakes[COPIED].channel, &["the second copy", path])?;
        wait_for("the tower's word", PATIENCE, || match assembly.members[WATCHED].status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-125")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        never(assembly, WATCHED, &stakes[WATCHED].channel, &["the watchtower", &address])?;
        for stake in &stakes {
            ensure!(spender(assembly, stake)?.is_none(), "{} is being closed", stake.channel);
        }

        // Nothing is lost: the newest state comes back by the words.
        assembly.hub.start()?;
        let member = &mut assembly.members[BARE];
        member.kill();
        crate::stale_backup::wipe(member.data_dir())?;
        member.set_copy(false);
        member.start()?;
        let newest = stakes[BARE].amount_sat - DUES_SAT;
        wait_for("the channel to come back", PATIENCE, || match only_stake(&assembly.members[BARE]) {
            Ok(back) if back.state == "ready" && back.amount_sat == newest => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        tower.stop()
    });
}

/// C-150, where the folder is the only one: who answers for it leaves without the hub, as ever.
#[test]
fn who_answers_for_the_only_folder_leaves_without_the_hub() {
    with_stakes("only-folder", |assembly| {
        let stake = only_stake(&assembly.members[BARE])?;
        pay(assembly, BARE, &stake)?;
        assembly.hub.kill();
        assembly.members[BARE].stop()?;
        assembly.members[BARE].set_copy(true);
        assembly.members[BARE].start()?;
        let order = Request::StakeForceClose { channel: stake.channel.clone(), newest: false };
        let held = format!("{:#}", assembly.members[BARE].ask(order).unwrap_err());
        ensure!(held.contains("C-150"), "{held}");
        let arguments = ["channel", "close", &stake.channel, "--force", "--newest", "--yes"];
        assembly.members[BARE].cli().run(&arguments)?.succeeded()?;
        let close = crate::channel_ends::spender_in_mempool(assembly, &stake)?;
        ensure!(close.output.iter().any(|output| output.value.to_sat() == stake.amount_sat - DUES_SAT), "{close:?}");
        Ok(())
    });
}

/// C-151: a hub that was put back itself takes the old state for the newest, and goes on with it. The second copy still knows better, and
/// is not written over (N-123).
#[test]
fn a_hub_that_takes_an_old_state_for_the_newest_proves_nothing() {
    with_stakes("taken-for-newest", |assembly| {
        let (stake, file) = with_second_copy(assembly, "taken-for-newest-file")?;
        let path = file.to_str().context("a path that is not UTF-8")?.to_owned();
        let hub = copy_of(&mut assembly.hub, "taken-for-newest-hub")?;
        let old = copy_of(&mut assembly.members[COPIED], "taken-for-newest-member")?;
        assembly.settle()?;
        paid_twice(assembly, &stake)?;
        let kept = std::fs::read(&file)?;
        put_hub_back(assembly, &hub)?;
        go_back(&mut assembly.members[COPIED], &old)?;
        // A payment takes a connection on which both have shown where they are.
        wait_for("both to go on from the old state", PATIENCE, || match pay(assembly, COPIED, &stake) {
            Ok(()) => Look::Ready(()),
            Err(error) => Look::NotYet(format!("{error:#}")),
        })?;
        never(assembly, COPIED, &stake.channel, &["the second copy", &path])?;
        ensure!(std::fs::read(&file)? == kept, "the newer copy was written over");
        let alarms = assembly.members[COPIED].status()?.alarms;
        ensure!(alarms.iter().any(|alarm| alarm.contains("N-123") && alarm.contains(&path)), "{alarms:?}");
        Ok(())
    });
}

/// N-123: a folder that comes back by itself asks the hub, and takes up the member's own copy where that is newer.
#[test]
fn a_folder_that_comes_back_by_itself_takes_the_newer_second_copy() {
    with_stakes("own-copy-newer", |assembly| {
        let (stake, file) = with_second_copy(assembly, "own-copy-newer-file")?;
        let hub = copy_of(&mut assembly.hub, "own-copy-newer-hub")?;
        assembly.settle()?;
        paid_twice(assembly, &stake)?;
        put_hub_back_to(assembly, &hub, |actor| pays_nothing(actor, &stake, "N-128"))?;
        crate::stale_backup::wipe(assembly.members[COPIED].data_dir())?;
        assembly.members[COPIED].set_copy(false);
        assembly.members[COPIED].start()?;
        let newest = stake.amount_sat - 2 * DUES_SAT;
        wait_for("the newest state", PATIENCE, || match only_stake(&assembly.members[COPIED]) {
            Ok(back) if back.amount_sat == newest => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let inspected =
            assembly.members[COPIED].cli().json::<BackupInfo>(&["backup", "inspect", &file.to_string_lossy()])?;
        ensure!(inspected.channels[0].number == 2, "{inspected:?}");

        // The hub is behind, and nobody's log has what was paid: nothing more is paid (C-132, C-133) …
        for (actor, rule) in [(&assembly.hub, "C-132"), (&assembly.members[COPIED], "C-133")] {
            wait_for(rule, PATIENCE, || match actor.status() {
                Ok(status) if status.alarms.iter().any(|alarm| alarm.contains(rule)) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            pays_nothing(actor, &stake, rule)?;
        }
        // … the member has nothing that it could broadcast, and the hub divides by what it is shown only by the operator's order (N-336).
        let alone = Request::StakeForceClose { channel: stake.channel.clone(), newest: true };
        let refusal = format!("{:#}", assembly.members[COPIED].ask(alone).unwrap_err());
        ensure!(refusal.contains("C-92"), "{refusal}");
        let together = Request::StakeClose { channel: stake.channel.clone(), fee_sat: CLOSE_FEE_SAT };
        let refusal = format!("{:#}", assembly.members[COPIED].ask(together.clone()).unwrap_err());
        ensure!(refusal.contains("C-164"), "{refusal}");
        let alarms = assembly.hub.status()?.alarms;
        ensure!(alarms.iter().any(|alarm| alarm.contains("N-336") && alarm.contains("checkpoint 2")), "{alarms:?}");
        ensure!(spender(assembly, &stake)?.is_none(), "it is being closed unasked");
        let alone = Request::StakeForceClose { channel: stake.channel.clone(), newest: false };
        let refusal = format!("{:#}", assembly.hub.ask(alone).unwrap_err());
        ensure!(refusal.contains("C-132"), "{refusal}");
        assembly.hub.ask(together)?;
        comes_home_together(assembly, &stake, newest)
    });
}

/// C-160 to C-165: the hub's disk was put back, and the member's was lost; the log that the others give back to the hub has the newest
/// checkpoint, so nobody has to answer for anything.
#[test]
fn a_hub_that_was_put_back_and_a_member_out_of_a_backup_close_together() {
    with_stakes("both-lost", |assembly| {
        let (stake, _) = with_second_copy(assembly, "both-lost-file")?;
        let hub = copy_of(&mut assembly.hub, "both-lost-hub")?;
        assembly.settle()?;
        paid_twice(assembly, &stake)?;
        assembly.mine(1)?;
        assembly.settle()?;
        assembly.members[COPIED].kill();
        go_back(&mut assembly.hub, &hub)?;
        crate::stale_backup::wipe(assembly.members[COPIED].data_dir())?;
        assembly.members[COPIED].start()?;
        let newest = stake.amount_sat - 2 * DUES_SAT;
        wait_for("the newest state", PATIENCE, || match only_stake(&assembly.members[COPIED]) {
            Ok(back) if back.amount_sat == newest => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        wait_for("the word that the hub is behind", PATIENCE, || match assembly.members[COPIED].status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("C-133")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        wait_for("the hub to know that its log is whole", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("C-132")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let fee = CLOSE_FEE_SAT.to_string();
        let arguments = ["channel", "close", &stake.channel, "--fee-sat", &fee, "--yes"];
        assembly.members[COPIED].cli().run(&arguments)?.succeeded()?;
        comes_home_together(assembly, &stake, newest)
    });
}

const CLOSE_FEE_SAT: u64 = 400;

/// A close together divides by the newest checkpoint, and is mined.
fn comes_home_together(assembly: &Assembly, stake: &Stake, newest: u64) -> Result<()> {
    let before = balance(&assembly.members[COPIED])?.confirmed_sat;
    let close = spender_in_mempool(assembly, stake)?;
    let mut paid: Vec<u64> = close.output.iter().map(|output| output.value.to_sat()).collect();
    paid.sort_unstable();
    ensure!(paid == [2 * DUES_SAT, newest - CLOSE_FEE_SAT], "{close:?}");
    // Some do not run: nobody waits for all of them.
    assembly.node.mine(1)?;
    wait_for("the stake at home", PATIENCE, || match balance(&assembly.members[COPIED]) {
        Ok(now) if now.confirmed_sat == before + newest - CLOSE_FEE_SAT => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

/// A payment by order is refused by this rule, and nothing of it is kept.
fn pays_nothing(actor: &Actor, stake: &Stake, rule: &str) -> Result<()> {
    let channel = stake.channel.clone();
    let orders = [
        Request::ChannelPay { channel: channel.clone(), amount_sat: 1_000 },
        Request::ChannelVoucher { channel: channel.clone(), amount_sat: 1_000 },
    ];
    for order in orders {
        let refusal = format!("{:#}", actor.ask(order).unwrap_err());
        ensure!(refusal.contains(rule), "{refusal}");
    }
    let shown = actor.stakes()?.into_iter().find(|stake| stake.channel == channel).context("the channel")?;
    ensure!(shown.detail.as_ref().is_some_and(|detail| detail.paying_sat == 0), "{shown:?}");
    Ok(())
}

/// The stake of a member who keeps a second copy of the backup in this file.
fn with_second_copy(assembly: &mut Assembly, name: &str) -> Result<(Stake, PathBuf)> {
    let file = scratch(name).join("channels.backup");
    let member = &mut assembly.members[COPIED];
    member.stop()?;
    member.cli().run(&["backup", "keep", file.to_str().context("a path that is not UTF-8")?])?.succeeded()?;
    member.start()?;
    assembly.settle()?;
    Ok((only_stake(&assembly.members[COPIED])?, file))
}

fn paid_twice(assembly: &Assembly, stake: &Stake) -> Result<()> {
    (0..2).try_for_each(|_| pay(assembly, COPIED, stake))
}

/// The hub's operator puts it back to an old folder and says that there is nothing newer; nobody runs who could show more.
fn put_hub_back(assembly: &mut Assembly, old: &Path) -> Result<()> {
    put_hub_back_to(assembly, old, |_| Ok(()))
}

/// The same; `before` looks at the hub while it does not know whether its log is the newest.
fn put_hub_back_to(assembly: &mut Assembly, old: &Path, before: impl FnOnce(&Actor) -> Result<()>) -> Result<()> {
    assembly.members.iter_mut().try_for_each(Actor::stop)?;
    go_back(&mut assembly.hub, old)?;
    before(&assembly.hub)?;
    assembly.hub.ask(Request::HubConfirm)?;
    Ok(())
}

/// C-151: refused, also when the person answers for the folder.
fn never(assembly: &Assembly, member: usize, channel: &str, parts: &[&str]) -> Result<()> {
    let order = Request::StakeForceClose { channel: channel.to_owned(), newest: true };
    let refusal = format!("{:#}", assembly.members[member].ask(order).unwrap_err());
    ensure!(refusal.contains("C-151") && parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    ensure!(only_stake(&assembly.members[member])?.state == "ready");
    Ok(())
}
