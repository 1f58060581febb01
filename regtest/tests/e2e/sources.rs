//! Other servers in the place of a bitcoind: a member's node lives by an Esplora server, proofs are judged by an Electrum server.

use althing_node::api::{Choice, ProofStatement, ProposalDraft, WaitFor};
use althing_node::chain::Access;
use althing_node::config::Config;
use althing_regtest::{Electrs, Loopback};
use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::stage::{told, with_members_on_roll};

#[test]
fn a_member_lives_by_an_esplora_server() {
    with_members_on_roll("sources", |assembly| {
        let esplora = Loopback::esplora(&assembly.node)?;
        let electrum = Loopback::electrum(&assembly.node)?;
        let (by_http, by_lines) =
            (format!("esplora+http://{}", esplora.address()), format!("electrum+tcp://{}", electrum.address()));
        let member = &mut assembly.members[1];
        member.stop()?;
        let mut config = Config::load(member.data_dir())?;
        config.bitcoind = Access { url: by_http.clone(), cookie_file: None, user_pass: None };
        config.save(member.data_dir())?;
        member.start()?;
        assembly.mine(2)?;
        // Blocks that go and come are followed as with a bitcoind.
        assembly.node.reorg_empty(1, 2)?;
        assembly.settle()?;

        let draft = ProposalDraft::question("Buy a second boat", "The first one leaks.", Vec::new());
        let proposal = assembly.members[1].propose(draft)?.id;
        assembly.mine_until("the vote open", 30, || {
            Ok(assembly.members[1].has_seen(WaitFor::VotingOpen(proposal.clone()))?.then_some(()))
        })?;
        for member in &assembly.members {
            member.vote(&proposal, Choice::Yes, None)?;
        }
        assembly.mine_until("the outcome final", 60, || {
            Ok(assembly.members[1].has_seen(WaitFor::Decided(proposal.clone()))?.then_some(()))
        })?;
        let file = assembly.data_dir.join("ballot.althing");
        assembly.members[1].export_proof(&proposal, ProofStatement::Ballot { member: None, body: None }, &file)?;
        let file = file.to_str().context("a path")?;
        let cli = assembly.members[2].cli();
        for source in [&by_http, &by_lines] {
            let judged: Value = cli.json(&["verify", file, "--bitcoind", source])?;
            ensure!(judged["verdict"] == "valid", "by {source}: {judged}");
        }
        // Headers that an Electrum server gives are a headers file.
        let headers = assembly.data_dir.join("headers-electrum.bin");
        let headers = headers.to_str().context("a path")?;
        cli.run(&["headers", "export", headers, "--bitcoind", &by_lines])?.succeeded()?;
        let judged: Value = cli.json(&["verify", file, "--headers", headers])?;
        ensure!(judged["verdict"] == "valid", "{judged}");
        // A node needs blocks, and a server that is not there is no verdict.
        let scratch = assembly.data_dir.join("no-blocks");
        let refused = cli.of(&scratch).run(&["init", "--network", "signet", "--bitcoind", &by_lines])?;
        ensure!(refused.code != Some(0) && refused.stderr.contains("regtest"), "{refused:?}");
        let away = cli.run(&["verify", file, "--bitcoind", "esplora+http://127.0.0.1:1"])?;
        ensure!(away.code == Some(2), "{away:?}");
        assembly.stop()?;
        let audit: Value = assembly.members[1].cli().json(&["audit", "--bitcoind", &by_http])?;
        ensure!(audit["verdict"] == "valid", "{audit}");
        Ok(())
    });
}

/// The Electrum server of the tests above is ours and says what we expect; this one says what electrs says.
#[test]
#[ignore = "needs an electrs, which takes long to build: `just electrs` builds it and runs this"]
fn a_real_electrs_judges_every_proof() {
    let told = told();
    let program = Electrs::chosen().expect("ELECTRS_EXE names no program");
    let electrs = Electrs::start(&program, &told.assembly.node).unwrap();
    let source = format!("electrum+tcp://{}", electrs.address());
    let cli = told.assembly.members[2].cli();
    let headers = told.assembly.data_dir.join("headers-electrs.bin");
    cli.run(&["headers", "export", headers.to_str().unwrap(), "--bitcoind", &source]).unwrap().succeeded().unwrap();
    let (from_electrs, from_bitcoind) = (std::fs::read(headers).unwrap(), std::fs::read(&told.report.headers).unwrap());
    assert!(from_electrs.starts_with(&from_bitcoind), "electrs gives other headers than bitcoind did");

    let bundles = told.report.bundles.iter().map(|bundle| &bundle.file);
    for file in told.report.proofs.iter().chain(bundles) {
        let judged: Value = cli.json(&["verify", file.to_str().unwrap(), "--bitcoind", &source]).unwrap();
        assert_eq!(judged["verdict"], "valid", "{}: {judged}", file.display());
    }
}
