//! The treasury of a DAO: paid out only what was voted, checked by every signer's own machine, seen by every member.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use althing_anchor::{SpendPlan, Treasury, TreasuryCoin, finalise};
use althing_node::config::Config;
use althing_node::keys::Keys;
use althing_node::treasury::key::Signer;
use althing_node::treasury::text::{psbt_from, psbt_text};
use althing_regtest::story::{
    Assembly, PASSWORD, Periods, authorise, await_executed, carry_out, check_psbt, enter, found_with, fund_treasury,
    open_stakes, payee, reach_roll, regtest_address,
};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::consensus::encode::{deserialize, serialize_hex};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Sequence, Transaction, TxOut};
use serde_json::{Value, json};

use crate::channel_ends::PATIENCE;
use crate::stage::{with_assembly, with_members_on_roll};
use crate::treasurers::{alarm_names, no_alarm};

/// The whole way of a payment, and everything that must not happen on it.
#[test]
fn two_of_three_pay_what_was_voted_and_nothing_else() {
    with_members_on_roll("treasury", |assembly| {
        fund_treasury(assembly, 1_000_000)?;
        policy_agrees_with_core(assembly)?;
        let roof = payee(assembly)?;
        let proposal = authorise(assembly, "Mend the roof", &[(roof.clone(), 50_000)], 5_000)?;
        let folder = assembly.data_dir.join("psbt");
        std::fs::create_dir_all(&folder)?;
        let base = folder.join("first.psbt");
        let session = first_session(assembly, &proposal, &base)?;

        offline_check(assembly, &base)?;
        bybit_blind_signing(assembly, &base)?;
        robot(assembly, &base)?;
        freeze(assembly)?;
        // The session that is open keeps its coins at every treasurer; it is the one that is carried out.
        let other = assembly.members[0].cli().run(&["treasury", "session", "open", &proposal, "--json"])?;
        ensure!(other.code == Some(1) && other.stdout.contains("T-23"), "{other:?}");
        let spend = carry_out(assembly, &proposal, &session, &base)?;
        agrees_with_core(assembly, &spend.psbt, &roof)?;
        replay(assembly, &proposal, &base)?;
        await_executed(assembly, &proposal)?;
        for member in &assembly.members {
            let flows = member.treasury_flows()?;
            ensure!(
                flows.len() == 1 && flows[0].verdict == "decided" && flows[0].proposals == [proposal.clone()],
                "{flows:?}"
            );
        }
        no_alarm(assembly)?;
        several_at_once_replaced_and_killed(assembly)?;
        report_names_who_signed(assembly)?;
        proof_of_funds(assembly)?;
        colluding_treasurers(assembly)
    });
}

/// Two of three treasurers show what the treasury had when an epoch closed; a member who is none of them checks it.
fn proof_of_funds(assembly: &Assembly) -> Result<()> {
    let last = assembly.members.last().context("a member")?;
    let folder = assembly.data_dir.join("funds");
    std::fs::create_dir_all(&folder)?;
    let base = folder.join("funds.psbt");
    let open = ["treasury", "ownership", "open", "--funds", "--out", path(&base)?];
    let opened = last.command(&open)?;
    let epoch = opened["epoch"].as_u64().context("an epoch")?;
    let funds = format!("--funds={epoch}");
    let mut signed = Vec::new();
    for treasurer in 1..=2 {
        let out = folder.join(format!("funds-{treasurer}.psbt"));
        let sign = ["treasury", "ownership", "sign", path(&base)?, &funds, "--out", path(&out)?];
        assembly.members[treasurer].command(&sign)?;
        signed.push(path(&out)?.to_owned());
    }
    let check = |files: &[&str], funds: &str| {
        last.cli().run(&[&["treasury", "ownership", "check", funds, "--json"], files].concat())
    };
    // Robots do the same by themselves, once for each epoch.
    let robots = folder.join("robots");
    std::fs::create_dir_all(&robots)?;
    let newest = || last.cli().run(&["treasury", "ownership", "newest", path(&robots)?, "--json"]);
    // A member's node tells what is in the folder, judged by its own chain (T-85).
    let mut settings = Config::load(last.data_dir())?;
    settings.funds_folder = Some(robots.clone());
    settings.save(last.data_dir())?;
    let told = || Ok::<_, anyhow::Error>(last.command(&["treasury", "balance"])?["proof"].clone());
    ensure!(told()?.is_null(), "a proof of no files: {}", told()?);
    for treasurer in 1..=2 {
        let look = ["treasurer", "--robot", "--once", "--funds", path(&robots)?];
        let first = assembly.members[treasurer].command(&look)?;
        let again = assembly.members[treasurer].command(&look)?;
        ensure!(first["funds"] == true && again["funds"] == false, "{first} {again}");
        let shown: serde_json::Value = serde_json::from_str(&newest()?.stdout)?;
        ensure!(shown["holds"] == (treasurer == 2) && shown["epoch"] == epoch, "{treasurer}: {shown}");
        let told = told()?;
        let signed = told["signed"].as_array().map_or(0, Vec::len);
        let is_proof = told["lacks"] == json!([]);
        ensure!(told["epoch"] == epoch && signed == treasurer && is_proof == (treasurer == 2), "{treasurer}: {told}");
        ensure!(told["total_sat"] == shown["total_sat"], "{told} {shown}");
        let report = last.cli().run(&["report", "--format", "csv"])?.stdout;
        ensure!(report.contains("Proofs of funds") == is_proof, "{treasurer}: {report}");
    }
    std::fs::write(robots.join(format!("funds-{}-later.psbt", epoch + 1)), "")?;
    let later = newest()?;
    ensure!(later.code != Some(0) && later.stdout.contains("T-"), "an epoch that is not final: {later:?}");
    ensure!(told()?["epoch"] == epoch, "what is not final is told: {}", told()?);
    // What is no PSBT makes the newest none, and the one that holds is told.
    std::fs::write(robots.join(format!("funds-{}-damaged.psbt", epoch - 1)), "no PSBT")?;
    ensure!(told()?["epoch"] == epoch && told()?["lacks"] == json!([]), "{}", told()?);
    std::fs::write(robots.join(format!("funds-{epoch}-damaged.psbt")), "no PSBT")?;
    let damaged = told()?;
    ensure!(damaged["epoch"] == epoch && damaged["lacks"].to_string().contains("T-40"), "{damaged}");

    let both = check(&[&signed[0], &signed[1]], &funds)?;
    let shown: serde_json::Value = serde_json::from_str(&both.stdout)?;
    ensure!(both.code == Some(0) && shown["holds"] == true && shown["differences"] == json!([]), "{both:?}");
    // A million was given; three payments have left since.
    ensure!(shown["total_sat"].as_u64().is_some_and(|sat| (800_000..1_100_000).contains(&sat)), "{both:?}");

    let one = check(&[&signed[0]], &funds)?;
    let shown: serde_json::Value = serde_json::from_str(&one.stdout)?;
    ensure!(one.code == Some(1) && shown["is_complete"] == false, "one of two was enough: {one:?}");
    // Another epoch's header is another message.
    let other = check(&[&signed[0], &signed[1]], &format!("--funds={}", epoch - 1))?;
    ensure!(other.code == Some(1) && !other.stdout.contains("\"holds\":true"), "{other:?}");
    let unknown = check(&[&signed[0]], "--funds=4000000")?;
    ensure!(unknown.code != Some(0) && unknown.stdout.contains("T-83"), "{unknown:?}");
    // The same header signed for without its coins shows none of them.
    let bare = folder.join("bare.psbt");
    let header = opened["message"].as_str().context("a message")?;
    last.command(&["treasury", "ownership", "open", "--message", header, "--out", path(&bare)?])?;
    let none = check(&[path(&bare)?], &funds)?;
    ensure!(none.code == Some(1) && none.stdout.contains("is not shown"), "{none:?}");
    Ok(())
}

/// Two decisions in one transaction; it is replaced by one that pays more; a treasurer's node is killed in between.
fn several_at_once_replaced_and_killed(assembly: &mut Assembly) -> Result<()> {
    let payee = payee(assembly)?;
    let nets = authorise(assembly, "New nets", &[(payee.clone(), 20_000)], 9_000)?;
    let oars = authorise(assembly, "New oars", &[(payee, 30_000)], 9_000)?;
    let slow = assembly.data_dir.join("slow.psbt");
    let open = ["treasury", "session", "open", &nets, &oars, "--fee-rate", "2", "--out", path(&slow)?];
    let opened = assembly.members[0].command(&open)?;
    let first = opened["id"].as_str().context("an id")?.to_owned();
    assembly.members[0].command(&["treasury", "session", "comment", &first, "Both before winter."])?;
    assembly.members[0].command(&["treasury", "session", "sign", &first, "--yes"])?;
    assembly.members[0].kill();
    assembly.members[0].start()?;
    assembly.settle()?;
    let kept = assembly.members[0].command(&["treasury", "session", "show", &first])?;
    ensure!(kept["signed"] == json!(["Astrid"]) && kept["needed"] == 1, "after kill -9: {kept}");
    // Bjarni hears of the rest when it is over.
    assembly.members[1].kill();
    sign_and_combine(assembly, &slow, &[2])?;
    core_would_take(assembly, &first)?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &first, "--yes"])?;

    // T-335: a child that pays for it, and that is nothing any more once the replacement is mined.
    let child = ["treasury", "session", "child", &first, "--fee-rate", "9"];
    let child = assembly.members[0].command(&child)?["id"].as_str().context("an id")?.to_owned();

    let fast = assembly.data_dir.join("fast.psbt");
    let bump = ["treasury", "session", "bump", &first, "--fee-rate", "12", "--out", path(&fast)?];
    let second = assembly.members[0].command(&bump)?;
    ensure!(second["conflicts"] == json!([first]), "{second}");
    let second = second["id"].as_str().context("an id")?.to_owned();
    sign_and_combine(assembly, &fast, &[0, 2])?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &second, "--yes"])?;
    assembly.node.mine(1)?;
    assembly.members[1].start()?;
    assembly.settle()?;
    let sessions = assembly.members[0].command(&["treasury", "session", "list"])?["sessions"].clone();
    let state =
        |id: &str| sessions.as_array().and_then(|all| all.iter().find(|s| s["id"] == id)).map(|s| s["state"].clone());
    ensure!(state(&first) == Some(json!("void")) && state(&second) == Some(json!("mined")), "{sessions}");
    let dead = sessions.as_array().and_then(|all| all.iter().find(|s| s["id"] == json!(child))).context("the child")?;
    ensure!(dead["state"] == "void" && dead["void_by"] == json!(second) && dead["waits_for_me"] == false, "{dead}");
    await_executed(assembly, &nets)?;
    await_executed(assembly, &oars)?;
    let flows = assembly.members[4].treasury_flows()?;
    let both = flows.last().context("a flow")?;
    ensure!(both.txid == second && both.verdict == "decided" && both.proposals.len() == 2, "{flows:?}");
    let accused = assembly.members[1].status()?.alarms;
    ensure!(accused.iter().all(|alarm| !alarm.contains("refused here")), "T-310: {accused:?}");
    labels_for_others(assembly, &second)
}

/// T-67: a payment is labelled by itself; a colleague who lost the labels, or never had them, reads the file.
fn labels_for_others(assembly: &Assembly, paid: &str) -> Result<()> {
    let [ours, theirs, odd] =
        ["labels.jsonl", "labels-read.jsonl", "labels-odd.jsonl"].map(|name| assembly.data_dir.join(name));
    assembly.members[0].command(&["treasury", "labels", "export", path(&ours)?])?;
    let labels = std::fs::read_to_string(&ours)?;
    ensure!(labels.contains(paid) && labels.contains("New nets; New oars"), "{labels}");
    // Nobody labelled anything at this member, who is no treasurer.
    let reader = &assembly.members[3];
    reader.command(&["treasury", "labels", "export", path(&theirs)?])?;
    ensure!(!std::fs::read_to_string(&theirs)?.contains(paid), "labels of whom?");
    let read = reader.command(&["treasury", "labels", "import", path(&ours)?])?;
    ensure!(read["labels"] == labels.lines().count(), "{read}: {labels}");
    reader.command(&["treasury", "labels", "export", path(&theirs)?])?;
    ensure!(std::fs::read_to_string(&theirs)? == labels, "read otherwise");
    std::fs::write(&odd, format!("{labels}no label\n"))?;
    let refused = reader.cli().run(&["treasury", "labels", "import", path(&odd)?, "--json"])?;
    let named = format!("T-67: line {} is no label", labels.lines().count() + 1);
    ensure!(refused.code == Some(1) && refused.stdout.contains(&named), "{refused:?}");
    Ok(())
}

/// What is signed is what Core would take into its mempool, at the fee and size that are ours.
fn core_would_take(assembly: &Assembly, session: &str) -> Result<()> {
    let shown = assembly.members[0].command(&["treasury", "session", "show", session])?;
    let psbt = psbt_from(shown["psbt"].as_str().context("a PSBT")?.as_bytes())?;
    let finished = finalise(&psbt, std::slice::from_ref(&treasury(assembly)?))?;
    let taken = assembly.node.test_accept(std::slice::from_ref(&finished))?[0].clone();
    let fee = Amount::from_btc(taken["fees"]["base"].as_f64().with_context(|| taken.to_string())?)?;
    ensure!(taken["allowed"] == true && taken["txid"] == session, "{taken}");
    ensure!(fee == psbt.fee()? && taken["vsize"] == finished.vsize(), "{taken}");
    Ok(())
}

/// The report of a member who is no treasurer: what came in, and the first payment with the two who signed it.
fn report_names_who_signed(assembly: &Assembly) -> Result<()> {
    let member = &assembly.members[4];
    let paid = member.treasury_flows()?.first().context("a flow")?.clone();
    let report = member.command(&["report", "--format", "json"])?;
    let sections = report["sections"].as_array().context("sections")?;
    let treasury = sections.iter().find(|section| section["title"] == "Treasury").context("no treasury")?;
    let tables = treasury["tables"].as_array().context("tables")?;
    let movements = tables.iter().find(|table| table["columns"][0] == "transaction").context("no movements")?;
    let rows: Vec<String> = movements["rows"].as_array().context("rows")?.iter().map(Value::to_string).collect();
    ensure!(rows.iter().any(|row| row.contains("1000000")), "what came in is not in {rows:?}");
    let row = rows.iter().find(|row| row.contains(&paid.txid)).with_context(|| format!("no payment in {rows:?}"))?;
    let signed = ["Astrid", "Bjarni", "Gudrun"].into_iter().filter(|name| row.contains(name)).count();
    ensure!(row.contains(&paid.left_sat.to_string()) && signed == 2, "{row}");
    Ok(())
}

fn first_session(assembly: &Assembly, proposal: &str, base: &Path) -> Result<String> {
    let third = &assembly.members[2];
    // By its number, as a treasurer reads it from the screen (N-50).
    let number = format!("#{}", third.proposal(proposal)?.number);
    let opened = third.command(&["treasury", "session", "open", &number, "--fee-rate", "2", "--out", path(base)?])?;
    ensure!(opened["check"]["verdict"] == "valid", "{opened}");
    ensure!(opened["needed"] == 2 && opened["missing"].as_array().is_some_and(|m| m.len() == 3), "{opened}");
    Ok(opened["id"].as_str().context("an id")?.to_owned())
}

/// Core reads our descriptor and derives our addresses.
fn policy_agrees_with_core(assembly: &Assembly) -> Result<()> {
    let overview = assembly.members[1].command(&["treasury", "policy"])?;
    let descriptor = overview["policy"]["descriptor"].as_str().context("a descriptor")?;
    let info = assembly.node.call("getdescriptorinfo", &[json!(descriptor)])?;
    ensure!(info["descriptor"] == descriptor, "{info}");
    let derived = assembly.node.call("deriveaddresses", &[json!(descriptor)])?;
    ensure!(derived[0] == overview["policy"]["addresses"][0], "{derived} {overview}");
    ensure!(overview["free_sat"] == 1_000_000, "{overview}");
    let said = overview["policy"]["sentences"][0].as_str().unwrap_or_default();
    ensure!(said == "At any time: 2 of (Astrid, Bjarni, Gudrun).", "{said}");
    Ok(())
}

/// Offline: accepted with everything known, no answer without tip or gate.
fn offline_check(assembly: &Assembly, base: &Path) -> Result<()> {
    let member = &assembly.members[3];
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let bitcoind = ["--bitcoind", &url, "--cookie", path(&cookie)?];
    let headers = assembly.data_dir.join("tip.headers");
    assembly.node.export_headers(&headers)?;
    let headers = ["--headers", path(&headers)?];
    let (code, report) = check_psbt(member, base, &bitcoind)?;
    ensure!(code == Some(0), "{report:?}");
    let (code, report) = check_psbt(member, base, &[headers.as_slice(), &["--gate", "unspent"]].concat())?;
    ensure!(code == Some(0), "{report:?}");
    for cannot in [headers.to_vec(), vec!["--gate", "unspent"], vec![]] {
        let (code, report) = check_psbt(member, base, &cannot)?;
        ensure!(code == Some(2) && !report.unknown.is_empty(), "{cannot:?}: {report:?}");
    }
    let (code, report) = check_psbt(member, base, &[headers.as_slice(), &["--gate", "spent"]].concat())?;
    ensure!(code == Some(1) && report.reasons[0].rule == "T-44", "{report:?}");
    Ok(())
}

/// A hub, or whoever carries the file, puts another payee into it. Every treasurer's machine refuses by itself.
fn bybit_blind_signing(assembly: &Assembly, base: &Path) -> Result<()> {
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let bitcoind = ["--bitcoind", &url, "--cookie", path(&cookie)?];
    let honest = psbt_from(&std::fs::read(base)?)?;
    let thief = ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_str(&"66".repeat(32))?);
    type Change = Box<dyn Fn(&mut Psbt)>;
    let script = thief.clone();
    let changes: Vec<(&str, &str, Change)> = vec![
        ("payee", "T-51", Box::new(move |psbt| psbt.unsigned_tx.output[0].script_pubkey = script.clone())),
        ("amount", "T-51", Box::new(|psbt| psbt.unsigned_tx.output[0].value += Amount::from_sat(1))),
        ("change", "T-52", Box::new(move |psbt| psbt.unsigned_tx.output[1].script_pubkey = thief.clone())),
        ("fee", "T-53", Box::new(|psbt| psbt.unsigned_tx.output[1].value -= Amount::from_sat(9_000))),
        (
            "sighash",
            "T-50",
            Box::new(|psbt| psbt.inputs[1].sighash_type = Some(bitcoin::EcdsaSighashType::None.into())),
        ),
        (
            "no gate",
            "T-45",
            Box::new(|psbt| {
                psbt.unsigned_tx.input.remove(0);
                psbt.inputs.remove(0);
            }),
        ),
        ("no proof", "T-41", Box::new(|psbt| psbt.proprietary.clear())),
        (
            "proof",
            "T-41",
            Box::new(|psbt| {
                let bundle = psbt.proprietary.values_mut().max_by_key(|bytes| bytes.len()).expect("a proof");
                let middle = bundle.len() / 2;
                bundle[middle] ^= 1;
            }),
        ),
    ];
    let victim = &assembly.members[1];
    for (name, rule, change) in changes {
        let mut forged = honest.clone();
        change(&mut forged);
        let file = base.with_file_name(format!("forged-{}.psbt", name.replace(' ', "-")));
        std::fs::write(&file, psbt_text(&forged))?;
        let (code, report) = check_psbt(victim, &file, &bitcoind)?;
        ensure!(code == Some(1), "{name}: {report:?}");
        ensure!(report.reasons.iter().any(|reason| reason.rule == rule), "{name}: {rule} is not in {report:?}");
        let ran = victim.cli().run(&["treasury", "session", "sign", path(&file)?, "--yes", "--json"])?;
        ensure!(ran.code == Some(1), "{name}: {ran:?}");
    }
    Ok(())
}

/// The robot signs the honest file and refuses the forged ones, each refusal with its reason in a log.
fn robot(assembly: &Assembly, base: &Path) -> Result<()> {
    let inbox = assembly.data_dir.join("inbox");
    std::fs::create_dir_all(&inbox)?;
    for entry in std::fs::read_dir(base.parent().context("a folder")?)? {
        let file = entry?.path();
        std::fs::copy(&file, inbox.join(file.file_name().context("a name")?))?;
    }
    let done = assembly.members[2].command(&["treasurer", "--robot", "--inbox", path(&inbox)?, "--once"])?;
    ensure!(done["signed"] == 1 && done["refused"] == 8, "{done}");
    let signed = psbt_from(&std::fs::read(inbox.join("first.signed.psbt"))?)?;
    ensure!(signed.inputs.iter().all(|input| input.partial_sigs.len() == 1), "one signature on each input");
    let log = std::fs::read_to_string(inbox.join("refusals.jsonl"))?;
    let rules: Vec<String> = log
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["rule"].as_str().unwrap_or_default().to_owned()))
        .collect::<Result<_>>()?;
    ensure!(rules.len() == 8 && rules.iter().all(|rule| rule.starts_with("T-")), "{log}");
    Ok(())
}

fn freeze(assembly: &Assembly) -> Result<()> {
    let first = &assembly.members[0];
    let coins = first.command(&["treasury", "utxos"])?["coins"].clone();
    let coin = coins[0]["outpoint"].as_str().context("a coin")?;
    first.command(&["treasury", "freeze", coin, "--reason", "under dispute"])?;
    let after = first.command(&["treasury", "balance"])?;
    ensure!(after["frozen_sat"] == 1_000_000 && after["free_sat"] == 0, "{after}");
    first.command(&["treasury", "thaw", coin])?;
    ensure!(first.command(&["treasury", "balance"])?["free_sat"] == 1_000_000, "thawed");
    Ok(())
}

/// Core decodes our PSBT as we do, finalises it to the same transaction, and has it in its chain.
fn agrees_with_core(assembly: &Assembly, psbt: &str, payee: &str) -> Result<()> {
    let ours = psbt_from(psbt.as_bytes())?;
    let decoded = assembly.node.call("decodepsbt", &[json!(psbt)])?;
    let fee = Amount::from_btc(decoded["fee"].as_f64().context("a fee")?)?;
    ensure!(fee == ours.fee()?, "{fee} in {decoded}");
    ensure!(decoded["tx"]["txid"] == ours.unsigned_tx.compute_txid().to_string(), "{decoded}");
    ensure!(decoded["tx"]["vout"][0]["scriptPubKey"]["address"] == payee, "{decoded}");
    let treasury = treasury(assembly)?;
    let finished = finalise(&ours, std::slice::from_ref(&treasury))?;
    let by_core = assembly.node.call("finalizepsbt", &[json!(psbt)])?;
    ensure!(by_core["complete"] == true && by_core["hex"] == serialize_hex(&finished), "{by_core}");
    Ok(())
}

/// The approval is used up: neither a new session nor the old file passes.
fn replay(assembly: &Assembly, proposal: &str, base: &Path) -> Result<()> {
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let (code, report) = check_psbt(&assembly.members[4], base, &["--bitcoind", &url, "--cookie", path(&cookie)?])?;
    ensure!(code == Some(1) && report.reasons.iter().any(|reason| reason.rule == "T-44"), "{report:?}");
    let ran = assembly.members[1].cli().run(&["treasury", "session", "open", proposal, "--json"])?;
    ensure!(ran.code.is_some_and(|code| code != 0), "a second session for a gate that is spent: {ran:?}");
    Ok(())
}

/// Two treasurers take the money together. Nobody can stop them; within one block every member's node names them.
fn colluding_treasurers(assembly: &mut Assembly) -> Result<()> {
    let coins = assembly.members[0].command(&["treasury", "utxos"])?["coins"].clone();
    let coin = coins.as_array().and_then(|coins| coins.iter().find(|coin| coin["state"] == "free").cloned());
    let coin = coin.with_context(|| format!("no free coin in {coins}"))?;
    let outpoint = OutPoint::from_str(coin["outpoint"].as_str().context("an outpoint")?)?;
    let sat = coin["sat"].as_u64().context("a value")?;
    let treasury = treasury(assembly)?;
    let stolen = TxOut {
        value: Amount::from_sat(sat - 1_000),
        script_pubkey: regtest_address(&assembly.members[1].wallet_address()?)?.script_pubkey(),
    };
    let taken = TreasuryCoin { outpoint, transaction: mined(assembly, &outpoint)?, generation: 0, index: 0 };
    let plan = SpendPlan {
        generations: std::slice::from_ref(&treasury),
        payments: &[],
        own_outputs: &[stolen],
        required: &[taken],
        coins: &[],
        change_index: 0,
        fee_rate: FeeRate::from_sat_per_vb_u32(2),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        own_fee_cap: Amount::from_sat(2_000),
    };
    let mut psbt = plan.build()?;
    for thief in &assembly.members[..2] {
        Signer::new(&Keys::open(thief.data_dir(), PASSWORD)?).sign(&mut psbt)?;
    }
    let theft = finalise(&psbt, std::slice::from_ref(&treasury))?;
    let accepted = assembly.node.test_accept(std::slice::from_ref(&theft))?;
    ensure!(accepted[0]["allowed"] == true, "{accepted}");
    // A hub that is gone, or is theirs, signs no head behind it: that hides nothing (T-76).
    assembly.hub.kill();
    assembly.node.broadcast(&theft)?;
    assembly.node.mine(2)?;
    for member in &assembly.members {
        let told = format!("sat left the treasury in transaction {}", theft.compute_txid());
        let alarm = wait_for("the alarm without a hub", PATIENCE, || match member.status() {
            Ok(status) => match status.alarms.iter().find(|alarm| alarm.starts_with("T-76") && alarm.contains(&told)) {
                Some(alarm) => Look::Ready(alarm.clone()),
                None => Look::NotYet(format!("{:?}", status.alarms)),
            },
            Err(error) => Look::NotYet(format!("{error:?}")),
        })?;
        ensure!(alarm.contains("Astrid, Bjarni;"), "{} says {alarm}", member.name());
    }
    assembly.hub.start()?;
    assembly.mine(1)?;
    alarm_names(assembly, &theft.compute_txid(), &["Astrid", "Bjarni"], &["Gudrun"])
}

/// Five keys, three of which sign; after a rest of ten blocks two are enough. Keys are tried before the founding, and the
/// recovery is drilled.
#[test]
fn three_of_five_taproot_with_a_recovery() {
    with_assembly("treasury-taproot", |assembly| {
        let founded = found_with(assembly, Periods::SHORT, |assembly, _| taproot(assembly))?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let names = ["Astrid", "Bjarni", "Gudrun", "Hallgerd", "Njal"].join(", ");
        let policy = assembly.members[4].command(&["treasury", "policy"])?["policy"].clone();
        let sentences = [
            format!("At any time: 3 of ({names})."),
            format!("Once a coin has rested 10 blocks (about 2 hours): 2 of ({names})."),
        ];
        ensure!(policy["sentences"] == json!(sentences), "{policy}");
        fund_treasury(assembly, 1_000_000)?;
        let folder = assembly.data_dir.join("psbt");
        std::fs::create_dir_all(&folder)?;

        let proposal = authorise(assembly, "Mend the roof", &[(payee(assembly)?, 50_000)], 9_000)?;
        let base = folder.join("three.psbt");
        let opened = assembly.members[0].command(&[
            "treasury",
            "session",
            "open",
            &proposal,
            "--fee-rate",
            "3",
            "--out",
            path(&base)?,
        ])?;
        let id = opened["id"].as_str().context("an id")?.to_owned();
        sign_and_combine(assembly, &base, &[1, 3, 4])?;
        let sent = assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
        ensure!(sent["signed"] == json!(["Bjarni", "Hallgerd", "Njal"]), "{sent}");
        assembly.mine(1)?;
        await_executed(assembly, &proposal)?;

        recover(assembly, &folder.join("two.psbt"))?;
        for member in &assembly.members {
            let verdicts: Vec<String> = member.treasury_flows()?.into_iter().map(|flow| flow.verdict).collect();
            ensure!(verdicts == ["decided", "housekeeping"], "{} finds {verdicts:?}", member.name());
        }
        Ok(())
    });
}

/// The descriptor of five extended keys, each of which has signed for it; and the treasurers' keys.
pub(crate) fn taproot(assembly: &Assembly) -> Result<(String, Vec<String>)> {
    let mut command: Vec<String> =
        ["treasury", "policy", "--network", "regtest", "--taproot", "--threshold", "3", "--recovery", "2@10"]
            .map(str::to_owned)
            .into();
    let mut treasurers = Vec::new();
    for member in &assembly.members {
        let key = member.command(&["treasury", "key"])?["bip87"].as_str().context("a key")?.to_owned();
        let extended = bitcoin::bip32::Xpub::from_str(key.rsplit(']').next().unwrap_or_default())?;
        treasurers.push(extended.public_key.to_string());
        command.extend(["--key".to_owned(), key]);
    }
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let policy = assembly.members[0].command(&command)?;
    let descriptor = policy["descriptor"].as_str().context("a descriptor")?.to_owned();
    let base = assembly.data_dir.join("setup.psbt");
    let what = ["--descriptor", descriptor.as_str()];
    assembly.members[0].command(&[&["treasury", "ownership", "open", "--out", path(&base)?], &what[..]].concat())?;
    let mut signed = Vec::new();
    for (number, member) in assembly.members.iter().enumerate() {
        let out = assembly.data_dir.join(format!("setup-{number}.psbt"));
        member
            .command(&[&["treasury", "ownership", "sign", path(&base)?, "--out", path(&out)?], &what[..]].concat())?;
        signed.push(path(&out)?.to_owned());
    }
    let files: Vec<&str> = signed.iter().map(String::as_str).collect();
    let all = [&["treasury", "ownership", "check"], &files[..], &what[..]].concat();
    let report = assembly.members[0].command(&all)?;
    ensure!(report["is_complete"] == true, "{report}");
    let missing = [&["treasury", "ownership", "check"], &files[..4], &what[..]].concat();
    ensure!(assembly.members[0].cli().run(&missing)?.code == Some(1), "a key that did not sign went unnoticed");
    Ok((descriptor, treasurers))
}

/// Two treasurers move everything to themselves as treasury once the coins have rested; before, Bitcoin refuses it.
fn recover(assembly: &Assembly, base: &Path) -> Result<()> {
    let first = &assembly.members[0];
    let command = ["treasury", "session", "housekeeping", "--fee-rate", "3", "--recovery", "10", "--out", path(base)?];
    let opened = first.command(&command)?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    ensure!(opened["needed"] == 2, "{opened}");
    sign_and_combine(assembly, base, &[2, 3])?;
    let shown = first.command(&["treasury", "session", "show", &id])?;
    ensure!(shown["state"] == "complete" && shown["needed"] == 0, "{shown}");
    // The change of the payment may not have rested yet; then the refusal says from which height on it has.
    for _ in 0..12 {
        let ran = first.cli().run(&["treasury", "session", "broadcast", &id, "--yes", "--json"])?;
        let told = ran.stdout.split("from height ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
        let next = assembly.node.tip()?.height + 1;
        if ran.code == Some(0) {
            break;
        }
        ensure!(ran.stdout.contains("non-BIP68-final") && told.is_some_and(|from| from > next), "{ran:?}, next {next}");
        assembly.mine(told.map_or(1, |from| from - next))?;
    }
    assembly.mine(1)?;
    let shown = first.command(&["treasury", "session", "show", &id])?;
    ensure!(shown["state"] == "mined", "{shown}");
    Ok(())
}

/// These members sign a file each; the first member takes the signatures in.
fn sign_and_combine(assembly: &Assembly, base: &Path, signers: &[usize]) -> Result<()> {
    for number in signers {
        let signed = base.with_extension(format!("{number}.psbt"));
        let sign = ["treasury", "session", "sign", path(base)?, "--out", path(&signed)?, "--yes"];
        assembly.members[*number].command(&sign)?;
        assembly.members[0].command(&["treasury", "session", "combine", path(&signed)?])?;
    }
    Ok(())
}

fn treasury(assembly: &Assembly) -> Result<Treasury> {
    let overview = assembly.members[0].command(&["treasury", "policy"])?;
    Ok(Treasury::parse(overview["policy"]["descriptor"].as_str().context("a descriptor")?)?)
}

/// A mined transaction, by looking through the newest blocks.
pub(crate) fn mined(assembly: &Assembly, outpoint: &OutPoint) -> Result<Transaction> {
    let tip = assembly.node.tip()?.height;
    for height in (0..=tip).rev() {
        let block = assembly.node.block(&assembly.node.block_hash(height)?)?;
        if let Some(found) = block.txdata.iter().find(|tx| tx.compute_txid() == outpoint.txid) {
            return Ok(deserialize(&bitcoin::consensus::serialize(found))?);
        }
    }
    anyhow::bail!("no block has {outpoint}")
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", PathBuf::from(path).display()))
}
