//! A disk that was put back does not know what came behind it: a splice that was mined since, or a channel that was opened since. The other
//! side closes alone, over what this side does not know, and this side's part comes home by the seed all the same (C-93).

use althing_node::api::{Request, Stake};
use althing_node::store::DATABASE_FILE;
use althing_regtest::story::{Actor, Assembly};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::Transaction;

use crate::breaches::{DUES_SAT, copy_of, go_back};
use crate::channel_ends::{
    PATIENCE, await_child, balance, fund_actor, only_stake, spender_in_mempool, stake_of, with_stakes,
};
use crate::hub_disk::whole_again;
use crate::log_rows;
use crate::stage::scratch;
use crate::stale_backup::wipe;
use crate::told::ask;

/// Whose channel is spliced, and who opens one more.
const BJARNI: usize = 1;
const GUDRUN: usize = 2;
const ADDED_SAT: u64 = 50_000;
/// Blocks until a splice is the only funding.
const LOCKED_AT: u32 = 6;
/// The member's lock.
const LOCK_BLOCKS: u32 = 144;
/// What fees may take of a part that comes home, and of the hub's wallet for its links meanwhile.
const FEES_SAT: u64 = 4_000;

#[test]
fn a_hub_that_forgot_a_splice_and_a_channel_takes_its_parts_by_the_seed() {
    with_stakes("hub-forgot", |assembly| {
        let old = copy_of(&mut assembly.hub, "hub-forgot-old")?;
        assembly.settle()?;
        let spliced = spliced(assembly)?;
        let opened = opened(assembly)?;
        for (member, stake) in [(BJARNI, &spliced), (GUDRUN, &opened)] {
            pay(assembly, member, stake)?;
        }
        assembly.mine(1)?;
        let log = log_rows::entries(&log_rows::read(assembly.members[3].data_dir())).len();
        go_back(&mut assembly.hub, &old)?;
        whole_again(assembly, log)?;
        assembly.mine(1)?;

        for (member, stake) in [(BJARNI, &spliced), (GUDRUN, &opened)] {
            let actor = &assembly.members[member];
            wait_for("the member to be told", PATIENCE, || match stake_of(actor, &stake.channel) {
                Ok(now) if now.state == "halted" => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            let (hub_had, member_had) = (balance(&assembly.hub)?.confirmed_sat, balance(actor)?.confirmed_sat);
            actor.ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
            let close = spender_in_mempool(assembly, &stake_of(actor, &stake.channel)?)?;
            ensure!(pays(&close, DUES_SAT) && pays(&close, stake.amount_sat - DUES_SAT), "{close:?}");
            assembly.mine(1)?;
            await_child(assembly, &close)?;
            assembly.mine(1)?;
            at_home(&assembly.hub, hub_had + DUES_SAT)?;
            // And the member's own, behind its lock.
            assembly.node.mine(LOCK_BLOCKS)?;
            assembly.settle()?;
            assembly.mine(1)?;
            at_home(actor, member_had + stake.amount_sat - DUES_SAT)?;
        }
        Ok(())
    });
}

#[test]
fn a_member_that_forgot_a_splice_has_its_part_of_the_hubs_close() {
    with_stakes("member-forgot", |assembly| {
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let file = scratch("member-forgot-file").join("channels.backup");
        let path = file.to_str().context("a path that is not UTF-8")?;
        ask(&assembly.members[BJARNI], &["backup", "write", path])?;
        let spliced = spliced(assembly)?;
        pay(assembly, BJARNI, &spliced)?;
        assembly.mine(1)?;

        // The disk is lost, and the hub is one that keeps no backups: all there is, is a copy from before the splice.
        assembly.members[BJARNI].kill();
        wipe(assembly.members[BJARNI].data_dir())?;
        assembly.hub.stop()?;
        let database = rusqlite::Connection::open(assembly.hub.data_dir().join(DATABASE_FILE))?;
        ensure!(database.execute("DELETE FROM meta WHERE name LIKE 'backup/%'", [])? == 5, "a backup for each member");
        drop(database);
        assembly.hub.start()?;
        assembly.members[BJARNI].start()?;
        ask(&assembly.members[BJARNI], &["restore", "--backup", path])?;
        let had = balance(&assembly.members[BJARNI])?.confirmed_sat;
        let close = spender_in_mempool(assembly, &spliced)?;
        ensure!(pays(&close, DUES_SAT) && pays(&close, spliced.amount_sat - DUES_SAT), "{close:?}");
        assembly.mine(1)?;
        await_child(assembly, &close)?;
        assembly.mine(1)?;
        at_home(&assembly.members[BJARNI], had + spliced.amount_sat - DUES_SAT)
    });
}

/// C-162: nobody can close alone, and what both divide is the splice that the hub sees on the chain.
#[test]
fn a_hub_that_forgot_a_splice_and_a_member_out_of_a_backup_close_together() {
    with_stakes("both-forgot", |assembly| {
        let file = scratch("both-forgot-file").join("channels.backup");
        let member = &mut assembly.members[BJARNI];
        member.stop()?;
        member.cli().run(&["backup", "keep", file.to_str().context("a path that is not UTF-8")?])?.succeeded()?;
        member.start()?;
        assembly.settle()?;
        let old = copy_of(&mut assembly.hub, "both-forgot-old")?;
        assembly.settle()?;
        let spliced = spliced(assembly)?;
        pay(assembly, BJARNI, &spliced)?;
        assembly.mine(1)?;
        assembly.members[BJARNI].kill();
        go_back(&mut assembly.hub, &old)?;
        wipe(assembly.members[BJARNI].data_dir())?;
        assembly.members[BJARNI].start()?;
        let newest = spliced.amount_sat - DUES_SAT;
        wait_for("the newest state", PATIENCE, || match only_stake(&assembly.members[BJARNI]) {
            Ok(back) if back.amount_sat == newest => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        for (actor, rule) in [(&assembly.members[BJARNI], "C-133"), (&assembly.hub, "C-132")] {
            wait_for(rule, PATIENCE, || match actor.status() {
                Ok(status) if status.alarms.iter().any(|alarm| alarm.contains(rule)) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        }
        let had = balance(&assembly.members[BJARNI])?.confirmed_sat;
        ask(&assembly.members[BJARNI], &["channel", "close", &spliced.channel, "--fee-sat", "400", "--yes"])?;
        let close = spender_in_mempool(assembly, &spliced)?;
        ensure!(pays(&close, DUES_SAT) && pays(&close, newest - 400), "{close:?}");
        assembly.node.mine(1)?;
        at_home(&assembly.members[BJARNI], had + newest)?;
        // The hub sees its end in a funding of which it only knows from the chain.
        assembly.node.mine(LOCKED_AT)?;
        wait_for("the end at the hub", PATIENCE, || match stake_of(&assembly.hub, &spliced.channel) {
            Ok(now) if now.state == "closed" => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

/// Bjarni's channel, in a funding that is larger and the only one.
fn spliced(assembly: &Assembly) -> Result<Stake> {
    let member = &assembly.members[BJARNI];
    let before = only_stake(member)?;
    wait_for("the hub's connection", PATIENCE, || match member.status() {
        Ok(status) if status.hub_connected => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    ask(member, &["channel", "topup", &ADDED_SAT.to_string(), "--yes"])?;
    spender_in_mempool(assembly, &before)?;
    assembly.mine(1 + LOCKED_AT)?;
    both_have(assembly, member, &before, before.amount_sat + ADDED_SAT)
}

/// One more channel of Gudrun's.
fn opened(assembly: &Assembly) -> Result<Stake> {
    let member = &assembly.members[GUDRUN];
    let known = only_stake(member)?.channel;
    fund_actor(assembly, member, 150_000)?;
    ask(member, &["stake", "open", "100000", "--yes"])?;
    assembly.mine(1)?;
    let stakes = member.stakes()?;
    let opened = stakes.into_iter().find(|stake| stake.channel != known).context("no second channel")?;
    both_have(assembly, member, &opened, 100_000)
}

fn pay(assembly: &Assembly, member: usize, stake: &Stake) -> Result<()> {
    let member = &assembly.members[member];
    member.ask(Request::ChannelPay { channel: stake.channel.clone(), amount_sat: DUES_SAT })?;
    both_have(assembly, member, stake, stake.amount_sat - DUES_SAT).map(drop)
}

fn both_have(assembly: &Assembly, member: &Actor, stake: &Stake, amount_sat: u64) -> Result<Stake> {
    for actor in [&assembly.hub, member] {
        wait_for("the new balance", PATIENCE, || match stake_of(actor, &stake.channel) {
            Ok(now) if now.state == "ready" && now.amount_sat == amount_sat && !now.words.contains("blocks deep") => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    stake_of(member, &stake.channel)
}

fn pays(close: &Transaction, amount_sat: u64) -> bool {
    close.output.iter().any(|output| output.value.to_sat() == amount_sat)
}

fn at_home(actor: &Actor, least_sat: u64) -> Result<()> {
    wait_for("the part at home", PATIENCE, || match balance(actor) {
        Ok(balance) if balance.confirmed_sat + FEES_SAT >= least_sat => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}, wanted {least_sat}")),
    })?;
    Ok(())
}
