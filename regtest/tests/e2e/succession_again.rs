//! Hazard: the treasury lies under another policy than two of three plain keys, fees are high, or it is the second time; and the members
//! cannot replace their hub.

use althing_regtest::story::{Assembly, Periods, enter, found_with, open_stakes, reach_roll};
use anyhow::{Context as _, Result, ensure};

use crate::stage::with_assembly;
use crate::succession::{collect, free_port, hub_in, propose, run, seen, sign, utf8};
use crate::treasury::taproot;

/// More than the spare seal could pay.
const FEE_RATE: &str = "60";

/// three of five extended keys in P2TR, at a high fee rate, twice.
#[test]
fn any_policy_can_spend_the_spare_seal_and_again() {
    with_assembly("succession-again", |assembly| {
        let founded = found_with(assembly, Periods::SHORT, |assembly, _| taproot(assembly))?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let founding = utf8(&assembly.hub.data_dir().join("dao.json"))?;
        let mut earlier = Vec::new();
        for time in 1..=2 {
            assembly.narrator.step(&format!("the hub is gone, time {time}"));
            assembly.hub.kill();
            let folder = assembly.data_dir.join(format!("succession-{time}"));
            std::fs::create_dir_all(&folder)?;
            let (mut next, keys) = hub_in(assembly, &format!("hub-{time}"))?;
            let certificate = carry_out(assembly, &folder, &keys)?;
            let listen = format!("127.0.0.1:{}", free_port()?);
            let mut take_over = vec!["take-over", &certificate, "--dao", &founding, "--listen", &listen];
            take_over.extend(earlier.iter().flat_map(|file: &String| ["--earlier", file]));
            run(&next, &take_over)?.succeeded()?;
            earlier.push(certificate.clone());
            next.start()?;
            for member in &assembly.members {
                run(member, &["follow", &certificate, "--address", &listen, "--yes"])?.succeeded()?;
            }
            assembly.hub = next;
            assembly.mine(1)?;
        }
        Ok(())
    });
}

/// Signed by members and treasurers, mined and final; the certificate.
fn carry_out(assembly: &Assembly, folder: &std::path::Path, keys: &serde_json::Value) -> Result<String> {
    let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
    let (statement, certificate, link) = (file("statement")?, file("certificate")?, file("link")?);
    propose(&assembly.members[0], keys, &statement)?;
    let signatures = [file("astrid")?, file("bjarni")?];
    for (member, out) in assembly.members.iter().zip(&signatures) {
        sign(member, &statement, out)?.succeeded()?;
    }
    collect(assembly, &statement, &signatures, &certificate)?.succeeded()?;
    let written = run(&assembly.members[2], &["spend", &certificate, "--fee-rate", FEE_RATE, "--out", &link])?;
    ensure!(written.code == Some(0) && written.stdout.contains("wallet pays the fee"), "{written:?}");
    let mut signed = Vec::new();
    for (number, place) in [0, 3, 4].into_iter().enumerate() {
        if number == 2 {
            let files: Vec<&str> = signed.iter().map(String::as_str).collect();
            let few = run(&assembly.members[1], &[&["publish"], &files[..]].concat())?;
            ensure!(few.code == Some(2) && few.stderr.contains("fewer treasurers have signed"), "{few:?}");
        }
        let out = file(&format!("treasurer-{place}"))?;
        run(&assembly.members[place], &["cosign", &certificate, &link, "--out", &out, "--yes"])?.succeeded()?;
        signed.push(out);
    }
    let files: Vec<&str> = signed.iter().map(String::as_str).collect();
    run(&assembly.members[1], &[&["publish"], &files[..]].concat())?.succeeded()?;
    assembly.node.mine(6)?;
    seen(assembly)?;
    let judged = run(&assembly.members[4], &["check", &certificate])?;
    ensure!(judged.code == Some(0) && judged.stdout.contains("succession is valid"), "{judged:?}");
    Ok(certificate)
}
