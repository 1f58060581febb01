//! The hub is gone: members with more than half of the weight and the treasurers put another one in its place.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use althing_anchor::SuccessionStatement;
use althing_node::api::ProofStatement;
use althing_regtest::story::{Actor, Assembly, Ran, audit, conclude, export, motions, verify, vote_until_acknowledged};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, bail, ensure};
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::secp256k1::{Keypair, Secp256k1};
use serde_json::Value;

use crate::stage::with_members_on_roll;
use crate::stale_backup::wipe;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn members_and_treasurers_go_on_without_the_hub() {
    with_members_on_roll("succession", |assembly| {
        let (before, decided) = decided_before(assembly)?;
        assembly.narrator.step("the hub is gone; members sign for another one");
        assembly.hub.kill();
        let folder = assembly.data_dir.join("succession");
        std::fs::create_dir_all(&folder)?;
        let (mut next, next_keys) = next_hub(assembly)?;
        let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
        let (statement, rival) = (file("statement")?, file("rival")?);
        propose(&assembly.members[0], &next_keys, &statement)?;
        propose(&assembly.members[1], &assembly.members[3].cli().json(&["keys", "show"])?, &rival)?;

        // Njal alone has a fifteenth of the weight.
        let (few, enough) = (file("few")?, file("enough")?);
        let signatures: Vec<String> = (0..5).map(|i| file(&format!("signature-{i}"))).collect::<Result<_>>()?;
        sign(&assembly.members[4], &statement, &signatures[4])?.succeeded()?;
        let minority = collect(assembly, &statement, &signatures[4..], &few)?;
        ensure!(minority.code == Some(2) && minority.stdout.contains("A-103"), "{minority:?}");
        let link = file("link")?;
        not_on_the_roll(assembly, &statement, &next_keys, &signatures[4])?;
        let refused = run(&assembly.members[0], &["spend", &few, "--out", &link])?;
        ensure!(
            refused.code == Some(1) && refused.stderr.contains("A-103"),
            "treasurers cannot do it alone: {refused:?}"
        );

        // Astrid and Bjarni have 900,000 of 1,500,000.
        sign(&assembly.members[0], &statement, &signatures[0])?.succeeded()?;
        sign(&assembly.members[1], &statement, &signatures[1])?.succeeded()?;
        let two_faced = sign(&assembly.members[0], &rival, &file("never")?)?;
        ensure!(two_faced.code == Some(1) && two_faced.stderr.contains("A-107"), "{two_faced:?}");
        let both = [signatures[0].clone(), signatures[1].clone(), signatures[4].clone()];
        let majority = collect(assembly, &statement, &both, &enough)?;
        ensure!(majority.code == Some(0) && majority.stdout.contains("more than half"), "{majority:?}");

        assembly.narrator.step("the treasurers spend the spare seal into the certificate");
        run(&assembly.members[2], &["spend", &enough, "--out", &link])?.succeeded()?;
        let (one, other) = (file("link-1")?, file("link-2")?);
        run(&assembly.members[0], &["cosign", &enough, &link, "--out", &one, "--yes"])?.succeeded()?;
        let alone = run(&assembly.members[0], &["publish", &one])?;
        ensure!(alone.code == Some(2), "one treasurer suffices: {alone:?}");
        let swapped = run(&assembly.members[1], &["cosign", &few, &link, "--out", &other, "--yes"])?;
        ensure!(swapped.code == Some(1), "a treasurer signs for a minority: {swapped:?}");
        run(&assembly.members[1], &["cosign", &enough, &link, "--out", &other, "--yes"])?.succeeded()?;
        let none = run(&assembly.members[4], &["cosign", &enough, &link, "--out", &file("never")?, "--yes"])?;
        ensure!(none.code == Some(1) && none.stderr.contains("A-105"), "Njal is no treasurer: {none:?}");
        let early = run(&assembly.members[3], &["check", &enough])?;
        ensure!(early.code == Some(2), "it is not on Bitcoin yet: {early:?}");
        run(&assembly.members[4], &["publish", &one, &other])?.succeeded()?;
        assembly.node.mine(1)?;
        seen(assembly)?;
        for member in &assembly.members {
            told_of_spare_seal(member)?;
        }

        assembly.narrator.step("everybody judges the succession");
        for member in &assembly.members {
            let judged = run(member, &["check", &enough])?;
            ensure!(judged.code == Some(0) && judged.stdout.contains("succession is valid"), "{judged:?}");
            let never = run(member, &["check", &few])?;
            ensure!(never.code == Some(1), "a minority continued the chain: {never:?}");
        }
        let few_rivals = file("few-rivals")?;
        sign(&assembly.members[3], &rival, &file("rival-signature")?)?.succeeded()?;
        collect(assembly, &rival, &[file("rival-signature")?], &few_rivals)?;
        let lost = run(&assembly.members[3], &["check", &few_rivals])?;
        ensure!(lost.code == Some(1), "two rivals continued one chain: {lost:?}");

        assembly.narrator.step("a file of the former hub's links does not tell of it");
        let (url, cookie) = (assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?);
        let asked = assembly.members[3].cli().run(&["verify", &before, "--bitcoind", &url, "--cookie", &cookie])?;
        ensure!(asked.code == Some(2) && asked.stdout.contains("P-8: the spare seal"), "{asked:?}");
        let headers = file("headers.bin")?;
        let written = ["headers", "export", &headers, "--bitcoind", &url, "--cookie", &cookie];
        assembly.members[3].cli().run(&written)?.succeeded()?;
        let offline = assembly.members[3].cli().run(&["verify", &before, "--headers", &headers])?;
        let is_said = offline.stdout.contains("That no succession over the spare seal");
        ensure!(offline.code == Some(0) && is_said, "{offline:?}");

        assembly.narrator.step("a new hub takes over, and everybody follows it");
        let listen = format!("127.0.0.1:{}", free_port()?);
        let founding = utf8(&assembly.hub.data_dir().join("dao.json"))?;
        let follow =
            |member: &Actor, certificate: &str| run(member, &["follow", certificate, "--address", &listen, "--yes"]);
        let too_early = follow(&assembly.members[0], &enough)?;
        ensure!(too_early.code == Some(2) && too_early.stderr.contains("A-304"), "not final yet: {too_early:?}");
        assembly.node.mine(5)?;
        seen(assembly)?;
        let never = follow(&assembly.members[0], &few)?;
        ensure!(never.code == Some(1), "a member follows a minority: {never:?}");
        let former = Actor::neighbour(&assembly.hub, "former", assembly.hub.data_dir(), &["hub", "run"]);
        let not_its_keys = run(&former, &["take-over", &enough, "--dao", &founding, "--listen", &listen])?;
        ensure!(not_its_keys.code == Some(1) && not_its_keys.stderr.contains("A-305"), "{not_its_keys:?}");
        run(&next, &["take-over", &enough, "--dao", &founding, "--listen", &listen])?.succeeded()?;
        next.start()?;
        for member in &assembly.members {
            follow(member, &enough)?.succeeded()?;
        }
        let mut former = std::mem::replace(&mut assembly.hub, next);
        assembly.mine(1)?;

        assembly.narrator.step("a proposal passes under the new hub");
        let payee = assembly.members[4].wallet_address()?;
        let tabled = althing_regtest::story::propose(assembly, motions(&payee))?;
        for (i, member) in assembly.members.iter().enumerate() {
            for proposal in &tabled {
                for choice in proposal.motion.ballots[i] {
                    vote_until_acknowledged(member, &proposal.id, choice.clone())?;
                }
            }
        }
        // Somebody was away meanwhile, and comes back to the new hub by what it stored.
        assembly.members[3].kill();
        assembly.members[3].start()?;
        conclude(assembly, &tabled)?;
        let evidence = export(assembly, &tabled)?;
        verify(assembly, &evidence)?;

        assembly.narrator.step("what was decided before is shown again, with the succession behind it");
        let again = assembly.data_dir.join("again.althing");
        assembly.members[0].export_proof(&decided, ProofStatement::Tally, &again)?;
        let again = utf8(&again)?;
        let asked = assembly.members[3].cli().run(&["verify", &again, "--bitcoind", &url, "--cookie", &cookie])?;
        ensure!(asked.code == Some(0) && asked.stdout.contains("put another hub in"), "{asked:?}");
        assembly.members[3].cli().run(&written)?.succeeded()?;
        assembly.members[3].cli().run(&["verify", &again, "--headers", &headers])?.succeeded()?;

        assembly.narrator.step("the former hub comes back; what it signs is nobody's word");
        former.start()?;
        former.cli().run(&["hub", "confirm"])?;
        assembly.mine(2)?;
        told_of_spare_seal(&former)?;
        for member in &assembly.members {
            let health = member.cli().run(&["health"])?;
            ensure!(health.code == Some(0), "{health:?}");
        }
        former.kill();

        assembly.narrator.step("the new hub loses its disk, and its certificate with it");
        let entries = assembly.hub.status()?.log_size;
        assembly.hub.kill();
        wipe(assembly.hub.data_dir())?;
        assembly.hub.start()?;
        wait_for("the hub to ask for its certificate", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("althing succession take-over")) => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.hub.kill();
        run(&assembly.hub, &["take-over", &enough, "--dao", &founding, "--listen", &listen])?.succeeded()?;
        assembly.hub.start()?;
        wait_for("the hub to take its log back", PATIENCE, || match assembly.hub.status() {
            Ok(status) if status.log_size >= entries && !status.alarms.iter().any(|alarm| alarm.contains("N-128")) => {
                Look::Ready(())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
        assembly.mine(1)?;
        audit(assembly)?;
        Ok(())
    });
}

/// The tally of a text, in a file that bitcoind shows to be valid while the hub is there.
fn decided_before(assembly: &Assembly) -> Result<(String, String)> {
    let mut motions = motions(&assembly.members[4].wallet_address()?);
    motions.truncate(1);
    motions[0].draft.title = "Keep a second seal".to_owned();
    let tabled = althing_regtest::story::propose(assembly, motions)?;
    let [text] = tabled.as_slice() else { bail!("one proposal") };
    for (i, member) in assembly.members.iter().enumerate() {
        for choice in text.motion.ballots[i] {
            vote_until_acknowledged(member, &text.id, choice.clone())?;
        }
    }
    conclude(assembly, &tabled)?;
    let path = assembly.data_dir.join("before.althing");
    assembly.members[0].export_proof(&text.id, ProofStatement::Tally, &path)?;
    let (url, cookie) = (assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?);
    let path = utf8(&path)?;
    assembly.members[3].cli().run(&["verify", &path, "--bitcoind", &url, "--cookie", &cookie])?.succeeded()?;
    Ok((path, text.id.clone()))
}

/// who is not on the roll is told so before signing, and whoever collects learns whose signature makes the certificate void.
fn not_on_the_roll(assembly: &Assembly, statement: &str, keys: &Value, good: &str) -> Result<()> {
    let file = |name: &str| format!("{statement}-{name}");
    let early = file("early");
    propose_with(&assembly.members[0], keys, &early, &["--after", "1"])?.succeeded()?;
    let signed = sign(&assembly.members[2], &early, &file("early-signature"))?;
    ensure!(
        signed.code == Some(1) && signed.stderr.contains("A-103: this member is not on the roll of epoch 1"),
        "{signed:?}"
    );

    let read = Vec::<u8>::from_hex(std::fs::read_to_string(statement)?.trim())?;
    let stranger = Keypair::from_seckey_slice(&Secp256k1::new(), &[7; 32])?;
    let signature = SuccessionStatement::decode(&read)?.sign(&stranger, &[0; 32]);
    let key = stranger.x_only_public_key().0.serialize();
    let (theirs, certificate) = (file("theirs"), file("void"));
    std::fs::write(&theirs, [&key[..], &signature.serialize()].concat().to_lower_hex_string())?;
    let collected = collect(assembly, statement, &[good.to_owned(), theirs.clone()], &certificate)?;
    let says = |words: &str| collected.stderr.contains(words);
    ensure!(
        collected.code == Some(1) && says("A-103") && says(&theirs) && says(&key.to_lower_hex_string()),
        "{collected:?}"
    );
    ensure!(says("leave it out") && !Path::new(&certificate).exists(), "{collected:?}");
    Ok(())
}

/// N-244: the alarm, and health, name what spent it and who signed.
fn told_of_spare_seal(actor: &Actor) -> Result<()> {
    wait_for("an alarm about the spare seal", PATIENCE, || match actor.status() {
        Ok(status) if status.alarms.iter().any(|alarm| alarm.contains("N-244") && alarm.contains("Signed by")) => {
            Look::Ready(())
        }
        other => Look::NotYet(format!("{other:?}")),
    })?;
    let health = actor.cli().run(&["health"])?;
    ensure!(health.code == Some(2) && health.stdout.contains("N-244"), "{health:?}");
    Ok(())
}

/// A folder with keys for another hub.
pub(crate) fn next_hub(assembly: &Assembly) -> Result<(Actor, Value)> {
    hub_in(assembly, "next-hub")
}

pub(crate) fn hub_in(assembly: &Assembly, name: &str) -> Result<(Actor, Value)> {
    let next = assembly.hub.neighbour(name, &assembly.data_dir.join(name), &["hub", "run"]);
    let (url, cookie) = (assembly.node.rpc_url(), utf8(&assembly.node.cookie_file())?);
    let init = ["init", "--network", "regtest", "--bitcoind", &url, "--cookie", &cookie];
    next.cli().json::<Value>(&init)?;
    let keys = next.cli().json(&["keys", "show"])?;
    Ok((next, keys))
}

pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?.local_addr()?.port())
}

pub(crate) fn utf8(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).context("a path of UTF-8")
}

/// A statement for a hub with these keys.
pub(crate) fn propose(author: &Actor, keys: &Value, out: &str) -> Result<()> {
    propose_with(author, keys, out, &[])?.succeeded()
}

/// The same with further options.
pub(crate) fn propose_with(author: &Actor, keys: &Value, out: &str, more: &[&str]) -> Result<Ran> {
    let key = |name: &str| keys[name].as_str().with_context(|| format!("no {name} in {keys}"));
    let (log, anchor, node) = (key("log_key")?, key("anchor_key")?, key("node_id")?);
    let named = ["propose", "--hub-log-key", log, "--anchor-key", anchor, "--node-id", node, "--out", out];
    run(author, &[&named, more].concat())
}

pub(crate) fn sign(member: &Actor, statement: &str, out: &str) -> Result<Ran> {
    run(member, &["sign", statement, "--out", out, "--yes"])
}

pub(crate) fn collect(assembly: &Assembly, statement: &str, signatures: &[String], out: &str) -> Result<Ran> {
    let mut command = vec!["collect", statement];
    command.extend(signatures.iter().map(String::as_str));
    command.extend(["--out", out]);
    run(&assembly.members[2], &command)
}

pub(crate) fn run(actor: &Actor, command: &[&str]) -> Result<Ran> {
    actor.cli().run(&[&["succession"], command].concat())
}

/// Waits until every member has seen the tip; there is no hub to sign a head for it.
pub(crate) fn seen(assembly: &Assembly) -> Result<()> {
    let tip = assembly.node.tip()?.height;
    for member in &assembly.members {
        wait_for("the members to see the block", PATIENCE, || match member.status() {
            Ok(status) if status.tip_height >= tip => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    Ok(())
}
