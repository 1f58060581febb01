//! Hazard: treasurers were voted out, and the only way to replace the hub stays with them (A-120 to A-122, T-340, N-247).

use std::path::Path;
use std::time::Duration;

use althing_governance::charter::Class;
use althing_node::store::Store;
use althing_regtest::story::{Actor, Assembly, Periods, audit, found_by};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};

use crate::light::switch;
use crate::second_verifier::second_verdict;
use crate::stage::with_assembly;
use crate::succession::{collect, free_port, hub_in, propose, run, seen, sign, utf8};
use crate::treasurers::{begin, over_the_hub};
use crate::treasury_life::{elect, with_class};

const PATIENCE: Duration = Duration::from_secs(60);

/// Members 0, 1 and 2 found it; 1, 2 and 3 are elected. Whom nobody elected, 0, carries nothing out any more; who signed for another hub
/// before the spare seal moved signs nothing again.
#[test]
fn the_spare_seal_goes_with_an_election() {
    with_assembly("moved-spare-seal", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, |charter| with_class(Class::ElectTreasurers, charter))?;
        begin(assembly, &founded, 1_000_000)?;
        let folder = assembly.data_dir.join("moved");
        std::fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
        let unmoved = links_file(assembly, &file("unmoved")?)?;
        ensure!(unmoved == 1, "version {unmoved}");

        assembly.narrator.step("an election; the spare seal still lies with those who were voted out");
        elect(assembly)?;
        with_whom(assembly, Some("treasury 1 of 2"))?;
        let (mut next, keys) = hub_in(assembly, "hub-next")?;
        let statement = file("statement")?;
        propose(&assembly.members[0], &keys, &statement)?;
        let signatures = [file("astrid")?, file("bjarni")?];
        for (member, out) in assembly.members.iter().zip(&signatures) {
            sign(member, &statement, out)?.succeeded()?;
        }
        let (certificate, early) = (file("certificate")?, file("early")?);
        collect(assembly, &statement, &signatures, &certificate)?.succeeded()?;
        run(&assembly.members[2], &["spend", &certificate, "--out", &early])?.succeeded()?;
        run(&assembly.members[0], &["cosign", &certificate, &early, "--out", &file("old-0")?, "--yes"])?.succeeded()?;

        assembly.narrator.step("the sweep takes it along, and again after a reorganisation");
        let opened = assembly.members[0].command(&["treasury", "session", "housekeeping", "--fee-rate", "2"])?;
        let id = opened["id"].as_str().context("an id")?.to_owned();
        ensure!(opened["check"]["verdict"] == "valid" && opened["needed"] == 2, "{opened}");
        over_the_hub(assembly, &id, &[0, 1])?;
        assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
        assembly.mine(1)?;
        with_whom(assembly, None)?;
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;
        with_whom(assembly, Some("treasury 1 of 2"))?;
        // Who has the session gives it to the network again (T-66).
        assembly.mine_until("the move in a block again", 10, || {
            let status = assembly.members[4].status()?;
            Ok(status.former_spare_seal.is_none().then_some(()))
        })?;
        with_whom(assembly, None)?;
        for actor in assembly.everybody() {
            let alarms = actor.status()?.alarms;
            ensure!(
                !alarms.iter().any(|alarm| alarm.contains("N-244") || alarm.contains("UNAUTHORISED")),
                "{alarms:?}"
            );
            let coins = actor.command(&["treasury", "utxos"])?["coins"].clone();
            let seals = coins.as_array().context("coins")?.iter().filter(|coin| coin["state"] == "spare seal");
            let generations: Vec<_> = seals.map(|coin| coin["generation"].clone()).collect();
            ensure!(generations == [serde_json::json!(2)], "{}: {coins}", actor.name());
        }

        assembly.narrator.step("a file with the links tells where it is; a former one cannot be told any more");
        let moved = links_file(assembly, &file("links")?)?;
        ensure!(moved == 5, "version {moved}");
        verified(assembly, &file("links")?, 0, "spare seal moved 1 times")?;
        verified(assembly, &file("unmoved")?, 2, "P-8: the spare seal")?;

        assembly.narrator.step("the hub is gone; the certificate from before holds, its link does not");
        assembly.hub.kill();
        let (link, one, other) = (file("link")?, file("link-1")?, file("link-2")?);
        let late = run(&assembly.members[1], &["cosign", &certificate, &early, "--out", &file("never")?, "--yes"])?;
        ensure!(late.code == Some(1) && late.stderr.contains("A-105"), "it spends what was moved: {late:?}");
        run(&assembly.members[0], &["spend", &certificate, "--out", &link])?.succeeded()?;
        let voted_out = run(&assembly.members[0], &["cosign", &certificate, &link, "--out", &file("no")?, "--yes"])?;
        ensure!(voted_out.code == Some(1) && voted_out.stderr.contains("no key of this folder"), "{voted_out:?}");
        run(&assembly.members[1], &["cosign", &certificate, &link, "--out", &one, "--yes"])?.succeeded()?;
        run(&assembly.members[3], &["cosign", &certificate, &link, "--out", &other, "--yes"])?.succeeded()?;
        run(&assembly.members[4], &["publish", &one, &other])?.succeeded()?;
        assembly.node.mine(6)?;
        seen(assembly)?;
        for member in &assembly.members {
            let judged = run(member, &["check", &certificate])?;
            ensure!(judged.code == Some(0) && judged.stdout.contains("succession is valid"), "{judged:?}");
        }
        let founding = utf8(&assembly.hub.data_dir().join("dao.json"))?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        run(&next, &["take-over", &certificate, "--dao", &founding, "--listen", &listen])?.succeeded()?;
        next.start()?;
        for member in &assembly.members {
            run(member, &["follow", &certificate, "--address", &listen, "--yes"])?.succeeded()?;
        }
        assembly.hub = next;
        assembly.mine(1)?;

        assembly.narrator.step("the new hub anchors, and all of it is shown offline");
        anchors_again(assembly)?;
        with_whom(assembly, None)?;
        ensure!(links_file(assembly, &file("after")?)? == 5, "a succession over a move");
        verified(assembly, &file("after")?, 0, "put another hub in")?;

        assembly.narrator.step("a light member reads all of it anew, and shows the same");
        turn(assembly, "on")?;
        assembly.mine(1)?;
        let status = assembly.members[2].status()?;
        ensure!(status.light.is_some() && status.former_spare_seal.is_none(), "{status:?}");
        ensure!(status.alarms.is_empty(), "{:?}", status.alarms);
        ensure!(links_file(assembly, &file("light")?)? == 5, "by a light member");
        verified(assembly, &file("light")?, 0, "put another hub in")?;
        turn(assembly, "off")?;
        assembly.mine(1)?;
        assembly.members[0].kill();
        assembly.members[0].start()?;
        assembly.settle()?;
        audit(assembly).map(drop)
    });
}

/// the second hub dies before anything is logged under it, and a third takes over the same log. Kept by who is killed meanwhile.
#[test]
fn two_successions_behind_one_size_of_the_log() {
    crate::stage::with_members_on_roll("same-size", |assembly| {
        let founding = utf8(&assembly.hub.data_dir().join("dao.json"))?;
        assembly.hub.kill();
        let size = assembly.members[0].status()?.log_size.to_string();
        let mut certificates: Vec<String> = Vec::new();
        for time in 1..=2 {
            assembly.narrator.step(&format!("another hub, time {time}"));
            let folder = assembly.data_dir.join(format!("same-{time}"));
            std::fs::create_dir_all(&folder)?;
            let (mut next, keys) = hub_in(assembly, &format!("hub-{time}"))?;
            let certificate = carry_out(assembly, &folder, &keys, &size)?;
            let listen = format!("127.0.0.1:{}", free_port()?);
            let mut take_over = vec!["take-over", &certificate, "--dao", &founding, "--listen", &listen];
            take_over.extend(certificates.iter().flat_map(|file: &String| ["--earlier", file]));
            run(&next, &take_over)?.succeeded()?;
            for member in &assembly.members {
                run(member, &["follow", &certificate, "--address", &listen, "--yes"])?.succeeded()?;
            }
            certificates.push(certificate);
            // The first of them never runs: nothing is logged between the two.
            for member in &mut assembly.members[..2] {
                member.kill();
                let kept = Store::open_read_only(member.data_dir())?.successions()?.len();
                ensure!(kept == certificates.len(), "{} keeps {kept} of {}", member.name(), certificates.len());
                member.start()?;
            }
            if time == 2 {
                next.start()?;
                assembly.hub = next;
            }
        }
        assembly.mine(1)?;
        anchors_again(assembly)?;
        let file = utf8(&assembly.data_dir.join("links.althing"))?;
        ensure!(links_file(assembly, &file)? == 2, "successions without a move");
        verified(assembly, &file, 0, "each spends the one before, but the first behind a succession")?;
        audit(assembly).map(drop)
    });
}

/// Signed by members and treasurers about a log of that size, mined and final; the certificate.
fn carry_out(assembly: &Assembly, folder: &Path, keys: &serde_json::Value, size: &str) -> Result<String> {
    let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
    let (statement, certificate, link) = (file("statement")?, file("certificate")?, file("link")?);
    crate::succession::propose_with(&assembly.members[0], keys, &statement, &["--size", size])?.succeeded()?;
    let signatures = [file("astrid")?, file("bjarni")?];
    for (member, out) in assembly.members.iter().zip(&signatures) {
        sign(member, &statement, out)?.succeeded()?;
    }
    collect(assembly, &statement, &signatures, &certificate)?.succeeded()?;
    run(&assembly.members[2], &["spend", &certificate, "--out", &link])?.succeeded()?;
    let signed = [file("treasurer-0")?, file("treasurer-1")?];
    for (member, out) in assembly.members.iter().zip(&signed) {
        run(member, &["cosign", &certificate, &link, "--out", out, "--yes"])?.succeeded()?;
    }
    run(&assembly.members[4], &["publish", &signed[0], &signed[1]])?.succeeded()?;
    assembly.node.mine(6)?;
    seen(assembly)?;
    Ok(certificate)
}

/// The hub that was put in makes a link, which becomes final for everybody.
fn anchors_again(assembly: &Assembly) -> Result<()> {
    let epochs = assembly.hub.links()?.len();
    assembly.mine_until("a link of the new hub that is final for everybody", 40, || {
        for actor in assembly.everybody() {
            let links = actor.links()?;
            if !(links.len() > epochs && links[epochs].confirmations >= 6) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// N-247: what every node says of who has the spare seal.
fn with_whom(assembly: &Assembly, words: Option<&str>) -> Result<()> {
    for actor in assembly.everybody() {
        wait_for(&format!("{} to say who has the spare seal", actor.name()), PATIENCE, || match actor.status() {
            Ok(status) if is_said(status.former_spare_seal.as_deref(), words) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        printed(actor, words)?;
    }
    Ok(())
}

fn is_said(found: Option<&str>, words: Option<&str>) -> bool {
    match (found, words) {
        (Some(found), Some(words)) => found.contains("N-247") && found.contains(words),
        (found, words) => found.is_none() && words.is_none(),
    }
}

/// The same in what a person reads.
fn printed(actor: &Actor, words: Option<&str>) -> Result<()> {
    for command in [&["status"][..], &["treasury", "balance"]] {
        let ran = actor.cli().run(command)?;
        let is_right = words.map_or(!ran.stdout.contains("N-247"), |words| ran.stdout.contains(words));
        ensure!(is_right, "{}: {ran:?}", actor.name());
    }
    Ok(())
}

/// Makes the member that exports links a light one, or no light one any more.
fn turn(assembly: &mut Assembly, to: &str) -> Result<()> {
    assembly.members[2].stop()?;
    switch(&assembly.members[2], to)?;
    assembly.members[2].start()?;
    assembly.settle()
}

/// Writes every link to a file; the version of that.
fn links_file(assembly: &Assembly, file: &str) -> Result<u8> {
    assembly.members[2].cli().run(&["proof", "export", "--statement", "links", "--out", file])?.succeeded()?;
    std::fs::read(file)?.get(8).copied().context("a version")
}

/// The verdict on a file by a bitcoind, and that it says this; with headers alone it is believed (P-8).
fn verified(assembly: &Assembly, file: &str, code: i32, says: &str) -> Result<()> {
    let (url, cookie) = (assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?);
    let cli = assembly.members[3].cli();
    let asked = cli.run(&["verify", file, "--bitcoind", &url, "--cookie", &cookie])?;
    ensure!(asked.code == Some(code) && asked.stdout.contains(says), "{asked:?}");
    let headers = utf8(&assembly.data_dir.join("headers.bin"))?;
    cli.run(&["headers", "export", &headers, "--bitcoind", &url, "--cookie", &cookie])?.succeeded()?;
    let offline = cli.run(&["verify", file, "--headers", &headers])?;
    ensure!(offline.code == Some(0), "{offline:?}");
    let second = second_verdict(Path::new(file), Path::new(&headers));
    ensure!(second.status.success(), "{second:?}");
    Ok(())
}
