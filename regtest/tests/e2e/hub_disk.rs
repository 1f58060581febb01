//! The hub's disk is lost, or an old copy of it put back: it takes its log back from the members before it signs anything.

use althing_node::api::{Choice, Request};
use althing_regtest::story::{Assembly, motions, propose};
use althing_regtest::{Look, wait_for};
use anyhow::{Result, ensure};

use crate::breaches::{DUES_SAT, copy_of, go_back, pay};
use crate::channel_ends::{PATIENCE, await_child, balance, fund_actor, only_stake, spender_in_mempool, with_stakes};
use crate::log_rows;
use crate::stale_backup::wipe;

#[test]
fn a_hub_with_an_empty_disk_takes_its_log_back_and_goes_on_with_it() {
    with_stakes("hub-disk", |assembly| {
        let payee = assembly.members[4].wallet_address()?;
        let tabled = propose(assembly, motions(&payee))?;
        for member in &assembly.members {
            member.vote(&tabled[0].id, Choice::Yes, None)?;
        }
        let stake = only_stake(&assembly.members[0])?;
        fund_actor(assembly, &assembly.members[0], 50_000)?;
        pay(assembly, 0, &stake)?;
        assembly.mine(1)?;
        let links = assembly.hub.links()?.len();
        assembly.hub.kill();
        let log = log_rows::entries(&log_rows::read(assembly.members[1].data_dir()));
        wipe(assembly.hub.data_dir())?;

        assembly.hub.start()?;
        whole_again(assembly, log.len())?;
        let back = log_rows::entries(&log_rows::read(assembly.hub.data_dir()));
        ensure!(back.len() >= log.len() && back[..log.len()] == log[..], "the hub has another log");
        ensure!(assembly.hub.links()?.len() >= links, "links are missing");

        // It goes on where it was: heads, entries, epochs and links, and nobody finds a second log.
        assembly.mine(1)?;
        assembly.members[2].vote(&tabled[0].id, Choice::No, None)?;
        let epochs = assembly.hub.links()?.len();
        assembly.mine(14)?;
        ensure!(assembly.hub.links()?.len() > epochs, "no new link in two epochs");
        for member in &assembly.members {
            let status = member.status()?;
            ensure!(!status.alarms.iter().any(|alarm| alarm.contains("breaks a rule")), "{:?}", status.alarms);
        }

        // It knows nothing of its channels. A member closes alone; the hub's part comes home by the seed alone.
        // N-33: which is lost is said, with what to do, and nothing is paid that could not be carried out.
        let halted = wait_for("the lost channel to be told", PATIENCE, || match only_stake(&assembly.members[0]) {
            Ok(stake) if stake.state == "halted" => Look::Ready(stake),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(halted.words.contains("does not know stake channel") && halted.words.contains("--force"), "{halted:?}");
        let refusal =
            assembly.members[0].ask(Request::ChannelPay { channel: stake.channel.clone(), amount_sat: DUES_SAT });
        let refusal = format!("{:#}", refusal.unwrap_err());
        ensure!(refusal.contains("N-33"), "{refusal}");
        let before = balance(&assembly.hub)?.confirmed_sat;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let close = spender_in_mempool(assembly, &stake)?;
        assembly.mine(1)?;
        await_child(assembly, &close)?;
        assembly.mine(1)?;
        let after = balance(&assembly.hub)?.confirmed_sat;
        ensure!(after + 2_000 > before + DUES_SAT, "{after} after {before}");
        Ok(())
    });
}

#[test]
fn a_hub_with_an_old_disk_signs_nothing_and_broadcasts_nothing_old() {
    with_stakes("hub-old-disk", |assembly| {
        fund_actor(assembly, &assembly.hub, 50_000)?;
        let stakes = [only_stake(&assembly.members[0])?, only_stake(&assembly.members[1])?];
        pay(assembly, 0, &stakes[0])?;
        let old = copy_of(&mut assembly.hub, "hub-disk-old")?;
        pay(assembly, 0, &stakes[0])?;
        assembly.mine(2)?;
        for member in &mut assembly.members {
            member.kill();
        }
        go_back(&mut assembly.hub, &old)?;
        let refusal = assembly.hub.ask(Request::StakeForceClose { channel: stakes[0].channel.clone(), newest: false });
        let refusal = format!("{:#}", refusal.unwrap_err());
        ensure!(refusal.contains("N-128"), "{refusal}");
        let size = assembly.hub.status()?.log_size;
        assembly.node.mine(1)?;
        wait_for("the block at the hub", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.tip_height == assembly.node.tip().unwrap().height => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(assembly.hub.status()?.log_size == size, "it signed a head over an old log");

        for member in &mut assembly.members {
            member.start()?;
        }
        let log = log_rows::entries(&log_rows::read(assembly.members[1].data_dir())).len();
        whole_again(assembly, log)?;
        assembly.mine(1)?;
        // The channel that went on is dead on the hub's side; the others live.
        let refusal = assembly.hub.ask(Request::StakeForceClose { channel: stakes[0].channel.clone(), newest: false });
        let refusal = format!("{:#}", refusal.unwrap_err());
        ensure!(refusal.contains("C-132"), "{refusal}");
        pay(assembly, 1, &stakes[1])?;
        for member in &assembly.members {
            let status = member.status()?;
            ensure!(!status.alarms.iter().any(|alarm| alarm.contains("breaks a rule")), "{:?}", status.alarms);
        }
        Ok(())
    });
}

pub(crate) fn whole_again(assembly: &Assembly, entries: usize) -> Result<()> {
    wait_for("the hub's log to be whole", PATIENCE, || match assembly.hub.status() {
        Ok(status)
            if status.log_size >= entries as u64 && !status.alarms.iter().any(|alarm| alarm.contains("N-128")) =>
        {
            Look::Ready(())
        }
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}
