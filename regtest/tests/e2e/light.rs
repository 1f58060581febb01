//! A light member: votes, is killed, reads the log anew, and proves its own ballot when the hub is gone (N-220 to N-225).

use std::path::Path;
use std::time::Duration;

use althing_node::api::{Choice, ProofStatement, Request, Status};
use althing_node::store::DATABASE_FILE;
use althing_regtest::story::{
    Actor, Assembly, Periods, Ran, conclude, enter, found, motions, open_stakes, propose, reach_roll,
    vote_until_acknowledged,
};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags};

use crate::log_rows;
use crate::stage::with_assembly;
use crate::stale_backup::wipe;

const PATIENCE: Duration = Duration::from_secs(60);

/// Who is light from the first start on, and who becomes so with a log that is there.
const FROM_THE_START: usize = 4;
const LATER: usize = 3;

#[test]
fn a_light_member_votes_and_proves_its_ballot_without_the_hub() {
    with_assembly("light", |assembly| {
        let founded = found(assembly, Periods::SHORT)?;
        switch(&assembly.members[FROM_THE_START], "on")?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        assembly.members[LATER].stop()?;
        let refused = assembly.members[LATER].cli().run(&["light", "on"])?;
        ensure!(refused.code == Some(2) && refused.stderr.contains("cannot give a hub"), "{refused:?}");
        switch(&assembly.members[LATER], "on")?;
        assembly.members[LATER].start()?;
        ensure!(rows(&assembly.members[LATER], "segment")? == 0, "the log is still here");

        let payee = assembly.members[0].wallet_address()?;
        let tabled = propose(assembly, motions(&payee))?;
        for i in [FROM_THE_START, LATER] {
            for proposal in &tabled {
                for choice in proposal.motion.ballots[i] {
                    vote_until_acknowledged(&assembly.members[i], &proposal.id, choice.clone())?;
                }
            }
        }
        assembly.settle()?;
        assembly.narrator.step("the store of a light member does not grow with the votes of others");
        let before = held(assembly)?;
        let full_before = log_rows::read(assembly.members[0].data_dir()).len();
        for (i, member) in assembly.members.iter().enumerate().take(LATER) {
            for proposal in &tabled {
                for choice in proposal.motion.ballots[i] {
                    vote_until_acknowledged(member, &proposal.id, choice.clone())?;
                }
            }
        }
        let size = assembly.hub.status()?.log_size;
        for i in [FROM_THE_START, LATER] {
            reads_up_to(&assembly.members[i], size)?;
        }
        ensure!(held(assembly)? == before, "{:?} after {before:?}", held(assembly)?);
        ensure!(log_rows::read(assembly.members[0].data_dir()).len() > full_before, "a full member keeps the votes");

        assembly.narrator.step("killed and started again, it reads the log anew and sees the result");
        for i in [FROM_THE_START, LATER] {
            assembly.members[i].kill();
            assembly.members[i].start()?;
        }
        conclude(assembly, &tabled)?;
        let id = tabled.iter().find(|tabled| !tabled.motion.ballots[FROM_THE_START].is_empty());
        let id = id.context("it voted")?.id.clone();

        assembly.narrator.step("the hub is gone; the light member starts with what it holds");
        let headers = headers(assembly)?;
        assembly.hub.kill();
        for i in [FROM_THE_START, LATER] {
            assembly.members[i].kill();
            assembly.members[i].start()?;
            let member = &assembly.members[i];
            let status: Status = member.status()?;
            let light = status.light.context("it does not say that it is light")?;
            ensure!(light.reads_anew && light.read == 0 && light.at_least >= size, "{light:?}");
            ensure!(status.alarms.len() == 1 && status.alarms[0].contains("N-221"), "{:?}", status.alarms);
            let shown = member.cli().run(&["light", "show"])?;
            ensure!(shown.code == Some(0) && shown.stdout.contains("checked by proof"), "{shown:?}");
            let refusal = format!("{:#}", member.vote(&id, Choice::No, None).unwrap_err());
            ensure!(refusal.contains("N-221"), "it signs without knowing its lane: {refusal}");
            for (name, statement) in
                [("ballot", ProofStatement::Ballot { member: None, body: None }), ("tally", ProofStatement::Tally)]
            {
                let file = assembly.data_dir.join(format!("light-{i}-{name}.althing"));
                let file = member.export_proof(&id, statement, &file)?;
                assembly.members[1].cli().run(&["verify", text(&file)?, "--headers", &headers])?.succeeded()?;
            }
            let audit = audit(assembly, member)?;
            ensure!(audit.code == Some(2) && audit.stderr.contains("N-223"), "{audit:?}");
        }

        assembly.narrator.step("a hub without its disk does not take a light member's word for an empty log");
        wipe(assembly.hub.data_dir())?;
        for i in 0..LATER {
            assembly.members[i].kill();
        }
        assembly.hub.start()?;
        wait_for("the hub to be told", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-225")) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        let confirmed = assembly.hub.ask(Request::HubConfirm);
        ensure!(format!("{:#}", confirmed.unwrap_err()).contains("N-128"), "it begins a second log");
        assembly.members[0].start()?;
        wait_for("the hub's log to be whole", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.log_size >= size && !status.alarms.iter().any(|a| a.contains("N-128")) => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
        for i in [FROM_THE_START, LATER] {
            reads_up_to(&assembly.members[i], size)?;
            // What was logged while the vote was concluded is behind that.
            wait_for("nothing to be missing", PATIENCE, || match assembly.members[i].status() {
                Ok(status) if !status.alarms.iter().any(|alarm| alarm.contains("N-2")) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
        }

        assembly.narrator.step("switched off, it fetches the whole log again");
        assembly.members[LATER].stop()?;
        switch(&assembly.members[LATER], "off")?;
        assembly.members[LATER].start()?;
        let size = assembly.hub.status()?.log_size;
        wait_for("the whole log", PATIENCE, || {
            match log_rows::entries(&log_rows::read(assembly.members[LATER].data_dir())).len() as u64 {
                found if found >= size => Look::Ready(()),
                found => Look::NotYet(format!("{found} of {size}")),
            }
        })?;
        assembly.members[LATER].stop()?;
        let audit = audit(assembly, &assembly.members[LATER])?;
        ensure!(audit.code == Some(0), "{audit:?}");
        Ok(())
    });
}

pub(crate) fn switch(member: &Actor, to: &str) -> Result<()> {
    member.cli().run(&["light", to, "--yes"])?.succeeded()
}

fn reads_up_to(member: &Actor, size: u64) -> Result<()> {
    wait_for("the log at a light member", PATIENCE, || match member.status() {
        Ok(status) if status.log_size >= size => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

/// Rows that light members keep, by member and table.
fn held(assembly: &Assembly) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for i in [FROM_THE_START, LATER] {
        for table in ["segment", "held_entry", "held_epoch", "held_proof", "outbox", "link"] {
            found.push(rows(&assembly.members[i], table)?);
        }
    }
    Ok(found)
}

fn rows(member: &Actor, table: &str) -> Result<u64> {
    let path = member.data_dir().join(DATABASE_FILE);
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Ok(database.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))?)
}

fn headers(assembly: &Assembly) -> Result<String> {
    let file = assembly.data_dir.join("headers.bin");
    let file = text(&file)?.to_owned();
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let export = ["headers", "export", &file, "--bitcoind", &url, "--cookie", text(&cookie)?];
    assembly.members[0].cli().run(&export)?.succeeded()?;
    Ok(file)
}

fn audit(assembly: &Assembly, member: &Actor) -> Result<Ran> {
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    member.cli().run(&["audit", "--bitcoind", &url, "--cookie", text(&cookie)?])
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path of UTF-8")
}
