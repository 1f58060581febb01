//! What members do about a hub: an entry goes onto Bitcoin and the hub has to log it; its fraud is proven to its own log. And the
//! hub notes a gate that the treasury made.

use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_node::api::WaitFor;
use althing_node::keys::hex;
use althing_regtest::story::{Actor, Assembly, fund_treasury, rogue};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::channel_ends::PATIENCE;
use crate::log_rows;
use crate::stage::with_members_on_roll;
use crate::told::{ask, refused_behind_review};

const ASTRID: usize = 0;
const GUDRUN: usize = 2;

#[test]
fn what_members_can_do_about_a_hub() {
    with_members_on_roll("recourse", |assembly| {
        a_gate_is_noted(assembly)?;
        a_ballot_is_forced(assembly)?;
        fraud_is_proven(assembly)
    });
}

fn a_gate_is_noted(assembly: &mut Assembly) -> Result<()> {
    assembly.narrator.step("the hub notes a gate that the treasury made");
    let before = gates(&assembly.members[ASTRID])?;
    let coin = fund_treasury(assembly, 20_000)?;
    assembly.mine(1)?;
    let (txid, vout) = (coin.txid.to_string(), coin.vout.to_string());
    let other = (1 - coin.vout.min(1)).to_string();
    for (arguments, says) in [
        (vec!["gates", "refill", &txid, "--output", &other], "is no output of the treasury"),
        (vec!["gates", "refill", &txid], "G-108"),
        (vec!["gates", "refill", "00", "--output", "0"], "is no transaction id"),
        (vec!["gates", "refill", &txid, "--output", &vout, "--output", &vout], "named twice"),
    ] {
        let said = refused_behind_review(&assembly.hub, &arguments)?;
        ensure!(said.contains(says), "{arguments:?}: {said}");
    }
    let by_member = refused_behind_review(&assembly.members[ASTRID], &["gates", "refill", &txid, "--output", &vout])?;
    ensure!(!by_member.is_empty(), "a member noted a gate");
    let said = ask(&assembly.hub, &["gates", "refill", &txid, "--output", &vout, "--yes"])?;
    ensure!(said["position"].is_u64(), "{said}");
    let again = refused_behind_review(&assembly.hub, &["gates", "refill", &txid, "--output", &vout])?;
    ensure!(again.contains("has a purpose already"), "{again}");
    assembly.mine(1)?;
    let after = gates(&assembly.members[ASTRID])?;
    ensure!(after.len() == before.len() + 1, "{after:?}");
    let newest = after.last().context("no gates")?;
    ensure!(
        newest["outpoint"] == coin.to_string() && newest["refilled"] == true && newest["state"] == "free",
        "{newest}"
    );
    Ok(())
}

/// The hub is away while a member votes; the ballot comes by Bitcoin alone, and its lane goes on.
fn a_ballot_is_forced(assembly: &mut Assembly) -> Result<()> {
    assembly.narrator.step("a ballot is put on Bitcoin");
    let nothing = refused_behind_review(&assembly.members[GUDRUN], &["force", "last"])?;
    ensure!(nothing.contains("nothing of yours waits"), "{nothing}");
    let tabled = ask(&assembly.members[ASTRID], &["propose", "text", "--title", "A louder horn"])?;
    let id = tabled["id"].as_str().context("no id")?.to_owned();
    assembly.mine_until("the vote open", 20, || {
        Ok(assembly.members[GUDRUN].has_seen(WaitFor::VotingOpen(id.clone()))?.then_some(()))
    })?;
    assembly.hub.stop()?;
    let gudrun = &assembly.members[GUDRUN];
    let cast = ask(gudrun, &["vote", &id, "yes", "--yes"])?;
    ensure!(cast["position"].is_null(), "{cast}");
    for (entry, says) in [("00", "E-"), ("later", "G-107"), (id.as_str(), "is no entry of yours")] {
        let said = refused_behind_review(gudrun, &["force", entry])?;
        ensure!(said.contains(says) || said.contains("G-20"), "{entry}: {said}");
    }
    let looked = gudrun.cli().run(&["force", "last", "--fee-rate", "3"])?;
    ensure!(looked.code != Some(0) && looked.stderr.contains("goes onto Bitcoin"), "no review: {looked:?}");
    let forced = ask(gudrun, &["force", "last", "--fee-rate", "3", "--yes"])?;
    let (fee, vsize) = (forced["fee_sat"].as_u64().unwrap_or(0), forced["vsize"].as_u64().unwrap_or(1));
    ensure!(forced["kind"] == "ballot entry" && forced["txid"].is_string() && fee >= 3 * vsize, "{forced}");
    let entry = forced["entry"].as_str().context("no entry")?.to_owned();
    let again = refused_behind_review(gudrun, &["force", "last"])?;
    ensure!(again.contains("waits for a block already"), "{again}");
    // What others need to note it, or to force it themselves: the whole entry.
    let whole = assembly.data_dir.join("ballot.hex");
    let whole = whole.to_str().context("a path")?;
    let written = ask(gudrun, &["force", "last", "--out", whole])?;
    ensure!(written["entry"] == entry.as_str(), "{written}");
    let bytes = std::fs::read_to_string(whole)?;
    ensure!(bytes.trim() == written["bytes"].as_str().unwrap_or_default(), "{bytes}");
    assembly.node.mine(1)?;
    let mined = || refused_behind_review(&assembly.members[GUDRUN], &["force", "last"]);
    wait_for("the entry in a block", PATIENCE, || match mined() {
        Ok(said) if said.contains("is on Bitcoin already") => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    let others = refused_behind_review(&assembly.members[ASTRID], &["force", whole])?;
    ensure!(others.contains("is on Bitcoin already"), "{others}");
    // Only Bitcoin has it from here on.
    assembly.members[GUDRUN].kill();
    assembly.hub.start()?;
    wait_for("the ballot in somebody else's log", PATIENCE, || {
        let log = log_rows::entries(&log_rows::read(assembly.members[ASTRID].data_dir()));
        match log.iter().any(|(_, logged)| logged.id().to_string() == entry) {
            true => Look::Ready(()),
            false => Look::NotYet(format!("{} entries", log.len())),
        }
    })?;
    assembly.members[GUDRUN].start()?;
    assembly.mine(1)?;
    let tally = assembly.members[ASTRID].proposal(&id)?.tally.context("no sums")?;
    ensure!(tally.ballots == 1 && tally.yes == "300000", "{tally:?}");
    let changed = ask(&assembly.members[GUDRUN], &["vote", &id, "no", "--yes"])?;
    ensure!(changed["position"].is_u64(), "the lane does not go on: {changed}");
    let logged = refused_behind_review(&assembly.members[GUDRUN], &["force", &entry])?;
    ensure!(logged.contains("is in the log"), "{logged}");
    // The blocks say nothing else: an audit that reads them agrees.
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let cookie = cookie.to_str().context("a path")?;
    let audited = ask(&assembly.members[ASTRID], &["audit", "--bitcoind", &url, "--cookie", cookie])?;
    ensure!(audited["verdict"] == "valid", "{audited}");
    Ok(())
}

/// Two heads of the hub for one place: a proof file, and then a proof in the log, once.
fn fraud_is_proven(assembly: &mut Assembly) -> Result<()> {
    assembly.narrator.step("the hub's fraud is proven to its log");
    let [_, other] = rogue::two_heads(assembly)?;
    let heads = assembly.data_dir.join("heads.hex");
    std::fs::write(&heads, hex(&other.to_bytes()))?;
    let (heads, file) = (utf8(&heads)?, utf8(&assembly.data_dir.join("fraud.althing"))?);
    let member = &assembly.members[ASTRID];
    ask(member, &["proof", "export", "--statement", "head-fraud", "--evidence", &heads, "--out", &file])?;
    let none = refused_behind_review(member, &["fraud", &heads])?;
    ensure!(none.contains("G-109"), "{none}");
    let said = ask(member, &["fraud", &file, "--yes"])?;
    ensure!(said["position"].is_u64(), "{said}");
    let again = refused_behind_review(member, &["fraud", &file])?;
    ensure!(again.contains("G-109") && again.contains("proven before"), "{again}");
    assembly.mine(1)?;
    let log = log_rows::entries(&log_rows::read(assembly.members[GUDRUN].data_dir()));
    ensure!(log.iter().any(|(_, entry)| matches!(entry, Entry::HubFraud(_))), "the proof is not in the log");
    Ok(())
}

fn gates(actor: &Actor) -> Result<Vec<Value>> {
    Ok(ask(actor, &["gates", "list"])?["gates"].as_array().context("no gates")?.clone())
}

fn utf8(path: &std::path::Path) -> Result<String> {
    path.to_str().map(str::to_owned).context("a path")
}
