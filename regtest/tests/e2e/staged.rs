//! Staged payments: signed once, paid out after the rest; brought back in time; too late; and what guardians and a treasurer can take.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use althing_anchor::{Stage, Treasury, TreasuryCoin, finalise, return_psbt};
use althing_governance::Charter;
use althing_governance::charter::Staging;
use althing_node::api::{ProposalState, WaitFor};
use althing_node::judge::Verdict;
use althing_node::keys::Keys;
use althing_node::treasury::key::Signer;
use althing_node::treasury::text::{psbt_from, psbt_text};
use althing_regtest::story::{
    Actor, Assembly, PASSWORD, Periods, authorise, await_executed, check_psbt, found_under, own_treasury, payee,
    regtest_address,
};
use anyhow::{Context as _, Result, ensure};
use bitcoin::psbt::Psbt;
use bitcoin::{Amount, FeeRate, OutPoint, Transaction, TxOut, Txid};
use serde_json::{Value, json};

use crate::stage::with_assembly;
use crate::treasurers::{alarm_names, await_session, begin, no_alarm, over_the_hub};
use crate::treasury::mined;

/// Rest of what is staged, in blocks.
const DELAY: u16 = 8;

/// Least payment that is staged.
const FROM_SAT: u64 = 40_000;

/// Two of three treasurers; the fourth and the fifth member are guardians, and both have to sign.
#[test]
fn staged_payments_rest_and_can_be_brought_back() {
    with_assembly("treasury-staged", |assembly| {
        let guardians = RefCell::new(Vec::new());
        let founded = found_under(
            assembly,
            Periods::SHORT,
            |assembly, members| {
                *guardians.borrow_mut() = members[3..5].iter().map(|keys| keys.treasury_key.clone()).collect();
                own_treasury(assembly, members)
            },
            |charter| staged(charter, &guardians.borrow()),
        )?;
        begin(assembly, &founded, 1_000_000)?;
        let folder = assembly.data_dir.join("psbt");
        std::fs::create_dir_all(&folder)?;
        paid_after_the_rest(assembly, &folder)?;
        brought_back_in_time(assembly)?;
        small_ones_are_paid_at_once(assembly)?;
        taken_by_those_who_can(assembly)
    });
}

fn staged(charter: Charter, guardians: &[String]) -> Charter {
    let keys = guardians.iter().map(|key| key.parse().unwrap()).collect();
    let staging = Staging { from_sat: FROM_SAT, delay_blocks: DELAY, threshold: 2, keys };
    Charter { staging: Some(staging), ..charter }
}

/// Signed in one session, checked as a pair; the payout is sent by itself, and a return that was signed in time is too late then.
fn paid_after_the_rest(assembly: &mut Assembly, folder: &Path) -> Result<()> {
    let roof = payee(assembly)?;
    let proposal = authorise(assembly, "Mend the roof", &[(roof.clone(), 50_000)], 9_000)?;
    let base = folder.join("pair.psbt");
    let open = ["treasury", "session", "open", &proposal, "--fee-rate", "3", "--out", path(&base)?];
    let opened = assembly.members[0].command(&open)?;
    let id = text(&opened["id"])?;
    let roles: Vec<&str> =
        opened["check"]["outputs"].as_array().context("outputs")?.iter().filter_map(|o| o["role"].as_str()).collect();
    ensure!(roles == ["staged", "treasury", "decided", "fee"], "{roles:?}");
    let told = text(&opened["check"]["stage"])?;
    ensure!(told.contains("8 block(s)") && told.contains("They could also take them"), "{told}");
    the_pair_is_checked(assembly, &base)?;

    assembly.members[0].command(&["treasury", "session", "sign", &id, "--yes"])?;
    let early = assembly.members[0].cli().run(&["treasury", "session", "broadcast", &id, "--yes", "--json"])?;
    ensure!(early.code == Some(2) && early.stdout.contains("T-64: 1 more signature(s) needed"), "{early:?}");
    by_files(assembly, &id, folder)?;
    let sent = assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    ensure!(sent["state"] == "broadcast", "{sent}");
    assembly.mine(1)?;
    let from = assembly.node.tip()?.height + u32::from(DELAY);
    for member in &assembly.members[..3] {
        let session = await_session(member, &id, "staged", |session| session["state"] == "staged")?;
        ensure!(session["payout_height"] == from, "{session}");
    }
    let balance = assembly.members[4].command(&["treasury", "balance"])?;
    ensure!(balance["staged"][0]["from_height"] == from && balance["staged"][0]["stage"] == id.as_str(), "{balance}");
    ensure!(state_of(&balance, &proposal)? == "staged", "{balance}");
    ensure!(verdicts(assembly)? == [["staged"]; 5], "{:?}", verdicts(assembly)?);
    let early = assembly.members[1].cli().run(&["treasury", "session", "broadcast", &id, "--yes", "--json"])?;
    ensure!(early.code == Some(2) && early.stdout.contains("not rested long enough"), "{early:?}");

    let rests = refused_child(&assembly.members[1], &id, "12")?;
    ensure!(rests.contains("T-100") && rests.contains(&format!("from height {from} on")), "{rests}");
    // Signed in time, and not sent.
    let back = signed_return(assembly, &id, by_hand)?;
    let payout = psbt_from(&std::fs::read(&base)?)?;
    let payout = althing_anchor::read_payout(&payout).ok().flatten().context("a payout")?.unsigned_tx;
    // Whoever sent the stage may be gone: any treasurer's node sends the payout.
    assembly.members[0].kill();
    for _ in 1..DELAY {
        assembly.node.mine(1)?;
        let tip = assembly.node.tip()?.height;
        for actor in std::iter::once(&assembly.hub).chain(&assembly.members[1..]) {
            actor.wait(WaitFor::Height(tip), 90)?;
        }
    }
    assembly.node.wait_mempool(&payout.compute_txid(), Duration::from_secs(60))?;
    let child = a_child_pays(assembly, &id, &payout)?;
    assembly.node.mine(1)?;
    assembly.members[0].start()?;
    assembly.settle()?;
    ensure!(verdicts(assembly)? == [["staged", "decided"]; 5], "{:?}", verdicts(assembly)?);
    let paid = assembly.node.call("gettxout", &[json!(payout.compute_txid().to_string()), json!(0)])?;
    ensure!(paid["value"] == 0.0005 && paid["confirmations"] == 1, "the payee has {paid}");
    await_executed(assembly, &proposal)?;
    let rest = assembly.node.call("gettxout", &[json!(child), json!(0)])?;
    ensure!(rest["confirmations"].is_u64(), "the child is in a block: {rest}");
    for member in &assembly.members[..3] {
        let over = refused_child(member, &id, "12")?;
        ensure!(over.contains("T-100") && over.contains("was mined at height"), "{over}");
    }

    let late = assembly.members[3].cli().run(&["treasury", "session", "return", &id, "--json"])?;
    ensure!(late.code == Some(1) && late.stdout.contains("T-95") && late.stdout.contains("too late"), "{late:?}");
    let late = assembly.members[3].cli().run(&["treasury", "session", "broadcast", &back, "--yes", "--json"])?;
    ensure!(late.code == Some(1), "{late:?}");
    let void = assembly.members[3].command(&["treasury", "session", "show", &back])?;
    ensure!(void["state"] == "void", "{void}");
    no_alarm(assembly)
}

/// The second treasurer's signer knows nothing of pairs: it gets two files and gives two back.
fn by_files(assembly: &Assembly, id: &str, folder: &Path) -> Result<()> {
    let (stage, payout) = (folder.join("stage.psbt"), folder.join("payout.psbt"));
    let first = &assembly.members[0];
    first.command(&["treasury", "session", "show", id, "--out", path(&stage)?])?;
    first.command(&["treasury", "session", "show", id, "--payout", "--out", path(&payout)?])?;
    let keys = Keys::open(assembly.members[1].data_dir(), PASSWORD)?;
    for (file, other) in [(&stage, &payout), (&payout, &stage)] {
        let mut psbt = psbt_from(&std::fs::read(file)?)?;
        psbt.proprietary.clear();
        Signer::new(&keys).sign(&mut psbt)?;
        std::fs::write(file, psbt_text(&psbt))?;
        let session = first.command(&["treasury", "session", "combine", path(file)?])?;
        // Whoever signed one of the two has not signed the payment.
        let signed = if other == &payout { json!(["Astrid"]) } else { json!(["Astrid", "Bjarni"]) };
        ensure!(session["signed"] == signed, "{session}");
    }
    let complete = |session: &Value| session["state"] == "complete";
    await_session(&assembly.members[1], id, "complete at everybody", complete).map(drop)
}

/// Two treasurers' signatures of days ago, and a fee that is too low by now: one of them pays for it from a wallet of their own, and once more.
fn a_child_pays(assembly: &mut Assembly, id: &str, payout: &Transaction) -> Result<String> {
    let payer = &assembly.members[1];
    let no_more = refused_child(payer, id, "1")?;
    ensure!(no_more.contains("T-100") && no_more.contains("1 sat/vB is not more"), "{no_more}");
    let above = refused_child(payer, id, "900")?;
    ensure!(above.contains("A-79") && above.contains("above the cap"), "{above}");
    let unreviewed = payer.cli().run(&["treasury", "session", "child", id, "--fee-rate", "12"])?;
    ensure!(unreviewed.code != Some(0) && unreviewed.stderr.contains("nothing of the treasury"), "{unreviewed:?}");
    let txid = payout.compute_txid();
    let anchor = json!({ "txid": txid.to_string(), "vout": payout.output.len() - 1 });
    let mut before: Option<String> = None;
    for rate in ["12", "20"] {
        if let Some(before) = &before {
            forgotten_by_all(assembly, &txid, &before.parse()?)?;
        }
        let payer = &assembly.members[1];
        let child = payer.command(&["treasury", "session", "child", &id[..8], "--fee-rate", rate, "--yes"])?;
        ensure!(child["payout"] == txid.to_string(), "{child}");
        let child = text(&child["txid"])?;
        let entry = assembly.node.call("getmempoolentry", &[json!(child)])?;
        // Core counts sizes here, each rounded up; fees go by weight.
        let weight = |txid: &str| -> Result<u64> {
            assembly.node.call("getmempoolentry", &[json!(txid)])?["weight"].as_u64().context("a weight")
        };
        let weight = weight(&child)? + weight(&txid.to_string())?;
        let fees = Amount::from_btc(entry["fees"]["ancestor"].as_f64().context("fees")?)?.to_sat();
        let wanted = rate.parse::<u64>()? * weight;
        ensure!(entry["ancestorcount"] == 2 && (wanted..wanted + weight).contains(&(fees * 4)), "{entry}");
        let raw = assembly.node.call("getrawtransaction", &[json!(child), json!(1)])?;
        let spent = &raw["vin"][0];
        ensure!(json!({ "txid": spent["txid"], "vout": spent["vout"] }) == anchor && raw["version"] == 3, "{raw}");
        ensure!(before.as_ref() != Some(&child), "the second one replaces the first");
        before = Some(child);
    }
    let pool = assembly.node.call("getmempoolentry", &[json!(txid.to_string())])?;
    ensure!(pool["descendantcount"] == 2, "one child is left: {pool}");
    before.context("a child")
}

/// T-103: the payer's node is killed and every mempool is empty; the child, which only the payer has, goes out again by itself.
fn forgotten_by_all(assembly: &mut Assembly, payout: &Txid, child: &Txid) -> Result<()> {
    assembly.members[1].kill();
    assembly.node.stop()?;
    std::fs::remove_file(assembly.node.data_dir().join("regtest/mempool.dat"))?;
    assembly.node.restart()?;
    ensure!(!assembly.node.mempool()?.contains(child), "its mempool is empty");
    assembly.members[1].start()?;
    assembly.node.wait_mempool(child, Duration::from_secs(60))?;
    ensure!(assembly.node.mempool()?.contains(payout), "with what it pays for");
    Ok(())
}

/// What the program says to somebody who wants to pay for a payout that cannot be paid for.
fn refused_child(member: &Actor, id: &str, rate: &str) -> Result<String> {
    let ran = member.cli().run(&["treasury", "session", "child", id, "--fee-rate", rate, "--yes", "--json"])?;
    ensure!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
    Ok(ran.stdout)
}

/// `psbt check` sees both transactions: the honest pair passes, and what a hub could change of the second one does not.
fn the_pair_is_checked(assembly: &Assembly, base: &Path) -> Result<()> {
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let source = ["--bitcoind", &url, "--cookie", path(&cookie)?];
    let (code, report) = check_psbt(&assembly.hub, base, &source)?;
    ensure!(code == Some(0) && report.verdict == Verdict::Valid, "{report:?}");
    ensure!(report.sentences.iter().any(|line| line.contains("Payout, output 0: 50000 sat")), "{report:?}");
    let honest = psbt_from(&std::fs::read(base)?)?;
    let stolen = regtest_address(&assembly.hub.wallet_address()?)?.script_pubkey();
    let changed = |change: &dyn Fn(&mut Psbt)| -> Result<std::path::PathBuf> {
        let mut psbt = honest.clone();
        change(&mut psbt);
        let file = base.with_extension("changed.psbt");
        std::fs::write(&file, psbt_text(&psbt))?;
        Ok(file)
    };
    let with_payout = |change: &dyn Fn(&mut Psbt)| {
        changed(&|psbt| {
            let mut payout = althing_anchor::read_payout(psbt).unwrap().unwrap();
            change(&mut payout);
            althing_anchor::write_payout(psbt, &payout);
        })
    };
    let files = [
        ("another payee", with_payout(&|payout| payout.unsigned_tx.output[0].script_pubkey = stolen.clone())?),
        ("without the rest", with_payout(&|payout| payout.unsigned_tx.input[0].sequence = bitcoin::Sequence::MAX)?),
    ];
    for (what, file) in &files {
        let (code, report) = check_psbt(&assembly.hub, file, &source)?;
        ensure!(code == Some(1) && report.reasons.iter().any(|line| line.rule == "T-88"), "{what}: {report:?}");
        // A treasurer's node does not sign it either, whatever is typed.
        let sign = ["treasury", "session", "sign", path(file)?, "--yes", "--json"];
        let refused = assembly.members[1].cli().run(&sign)?;
        ensure!(refused.code == Some(1) && refused.stdout.contains("T-88"), "{what}: {refused:?}");
    }
    Ok(())
}

/// Both guardians and one treasurer, a robot, bring it back; nothing is paid out then, and the money is the treasury's again.
fn brought_back_in_time(assembly: &mut Assembly) -> Result<()> {
    let proposal = authorise(assembly, "A second roof", &[(payee(assembly)?, 60_000)], 9_000)?;
    let before = assembly.members[0].command(&["treasury", "balance"])?["free_sat"].as_u64().context("a sum")?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", &proposal, "--fee-rate", "3"])?;
    let id = text(&opened["id"])?;
    two_sign(assembly, &id)?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    let back = signed_return(assembly, &id, |robot, session| by_robot(assembly, robot, session))?;
    let sent = assembly.members[3].command(&["treasury", "session", "broadcast", &back, "--yes"])?;
    ensure!(sent["state"] == "broadcast", "{sent}");
    assembly.mine(1)?;
    let session = await_session(&assembly.members[1], &id, "returned", |session| session["state"] == "returned")?;
    ensure!(session["height"] == assembly.node.tip()?.height, "{session}");
    // The rest is over, and nothing happens.
    assembly.mine(u32::from(DELAY) + 1)?;
    ensure!(verdicts(assembly)? == [["staged", "decided", "staged", "returned"]; 5], "{:?}", verdicts(assembly)?);
    let balance = assembly.members[2].command(&["treasury", "balance"])?;
    let after = balance["free_sat"].as_u64().context("a sum")?;
    ensure!(before - 9_000 < after && after < before + 10_000, "{before} before, {after} after");
    ensure!(balance["staged"] == json!([]) && state_of(&balance, &proposal)? == "returned", "{balance}");
    ensure!(assembly.members[0].proposal(&proposal)?.state != ProposalState::Executed, "it was not paid");
    // The approval is used up.
    let again = assembly.members[0].cli().run(&["treasury", "session", "open", &proposal, "--json"])?;
    ensure!(again.code == Some(1), "{again:?}");
    no_alarm(assembly)
}

fn small_ones_are_paid_at_once(assembly: &mut Assembly) -> Result<()> {
    let proposal = authorise(assembly, "Nails", &[(payee(assembly)?, 20_000)], 9_000)?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", &proposal, "--fee-rate", "3"])?;
    ensure!(opened["check"]["outputs"][0]["role"] == "decided" && opened["check"]["stage"].is_null(), "{opened}");
    let id = text(&opened["id"])?;
    two_sign(assembly, &id)?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    await_executed(assembly, &proposal)
}

/// The honest limit: guardians and a treasurer can take what rests, and within a block every node says who did.
fn taken_by_those_who_can(assembly: &mut Assembly) -> Result<()> {
    let proposal = authorise(assembly, "A third roof", &[(payee(assembly)?, 70_000)], 9_000)?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", &proposal, "--fee-rate", "3"])?;
    let id = text(&opened["id"])?;
    two_sign(assembly, &id)?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    let outpoint = OutPoint { txid: id.parse()?, vout: 0 };
    let stage = mined(assembly, &outpoint)?;
    let keys: Vec<Keys> =
        assembly.members.iter().map(|member| Keys::open(member.data_dir(), PASSWORD)).collect::<Result<_>>()?;
    let treasury = assembly.members[0].command(&["treasury", "policy"])?["policy"]["descriptor"].clone();
    let treasury = Treasury::parse(treasury.as_str().context("a descriptor")?)?;
    let guardians = keys[3..5].iter().map(|keys| keys.treasury().public_key()).collect();
    let policy = Stage { delay_blocks: DELAY, threshold: 2, guardians }.policy(&treasury)?;
    let coin = TreasuryCoin { outpoint, transaction: stage, generation: 0, index: 0 };
    let mut psbt = return_psbt(&[(coin, policy.clone())], &treasury, 0, FeeRate::from_sat_per_vb_u32(3))?;
    let to = regtest_address(&assembly.members[4].wallet_address()?)?.script_pubkey();
    psbt.unsigned_tx.output[0] = TxOut { script_pubkey: to, ..psbt.unsigned_tx.output[0].clone() };
    // Their own nodes would refuse it.
    let file = assembly.data_dir.join("theft.psbt");
    std::fs::write(&file, psbt_text(&psbt))?;
    let refused = assembly.members[3].cli().run(&["treasury", "session", "sign", path(&file)?, "--yes", "--json"])?;
    ensure!(refused.code == Some(1) && refused.stdout.contains("T-52"), "{refused:?}");
    for number in [2, 3, 4] {
        Signer::new(&keys[number]).sign(&mut psbt)?;
    }
    let theft = finalise(&psbt, &[policy])?;
    assembly.node.broadcast(&theft)?;
    assembly.mine(1)?;
    let signers = ["Gudrun", "guardian 1", "guardian 2"];
    alarm_names(assembly, &theft.compute_txid(), &signers, &["Astrid", "Bjarni"])?;
    let session = await_session(&assembly.members[0], &id, "taken", |session| session["state"] == "taken")?;
    ensure!(session["height"] == assembly.node.tip()?.height, "{session}");
    Ok(())
}

/// The first two treasurers sign a session, each at their own node.
fn two_sign(assembly: &Assembly, id: &str) -> Result<()> {
    over_the_hub(assembly, id, &[0, 1])?;
    let complete = |session: &Value| session["state"] == "complete" && session["signed"] == json!(["Astrid", "Bjarni"]);
    await_session(&assembly.members[0], id, "complete", complete).map(drop)
}

/// A guardian opens a return of what a session staged; both sign it, and then the third treasurer, in one way or another.
fn signed_return(assembly: &Assembly, stage: &str, third: impl FnOnce(&Actor, &Value) -> Result<()>) -> Result<String> {
    let open = ["treasury", "session", "return", &stage[..8], "--fee-rate", "3"];
    let opened = assembly.members[3].command(&open)?;
    let id = text(&opened["id"])?;
    ensure!(opened["check"]["verdict"] == "valid" && opened["check"]["inputs"][0]["role"] == "staged", "{opened}");
    let with = |least: usize| move |session: &Value| session["signed"].as_array().is_some_and(|s| s.len() >= least);
    for (before, guardian) in assembly.members[3..5].iter().enumerate() {
        await_session(guardian, &id, "with the signatures before", with(before))?;
        guardian.command(&["treasury", "session", "sign", &id, "--yes"])?;
    }
    let seen = await_session(&assembly.members[2], &id, "with the guardians' signatures", with(2))?;
    third(&assembly.members[2], &seen)?;
    let complete = |session: &Value| session["state"] == "complete";
    let session = await_session(&assembly.members[3], &id, "complete", complete)?;
    let names: Vec<&str> = session["signed"].as_array().context("names")?.iter().filter_map(Value::as_str).collect();
    ensure!(names == ["Gudrun", "guardian 1", "guardian 2"], "{session}");
    Ok(id)
}

fn by_hand(treasurer: &Actor, session: &Value) -> Result<()> {
    treasurer.command(&["treasury", "session", "sign", &text(&session["id"])?, "--yes"]).map(drop)
}

/// A robot signs the return, and not one that goes elsewhere (T-101).
fn by_robot(assembly: &Assembly, robot: &Actor, session: &Value) -> Result<()> {
    let inbox = assembly.data_dir.join("returns");
    std::fs::create_dir_all(&inbox)?;
    let mut elsewhere = psbt_from(text(&session["psbt"])?.as_bytes())?;
    elsewhere.unsigned_tx.output[0].script_pubkey =
        regtest_address(&assembly.members[4].wallet_address()?)?.script_pubkey();
    let unsigned = Psbt::from_unsigned_tx(elsewhere.unsigned_tx.clone())?;
    for (changed, kept) in elsewhere.outputs.iter_mut().zip(unsigned.outputs) {
        *changed = kept;
    }
    for input in &mut elsewhere.inputs {
        input.tap_script_sigs.clear();
    }
    std::fs::write(inbox.join("elsewhere.psbt"), psbt_text(&elsewhere))?;
    let done = robot.command(&["treasurer", "--robot", "--inbox", path(&inbox)?, "--once"])?;
    ensure!(done == json!({ "signed": 0, "refused": 1, "funds": false }), "{done}");
    let log = std::fs::read_to_string(inbox.join("refusals.jsonl"))?;
    let noted: Value = serde_json::from_str(log.trim())?;
    ensure!(noted["file"] == "elsewhere.psbt" && noted["rule"] == "T-52", "{log}");
    ensure!(text(&noted["reason"])?.contains("T-52: output 0"), "{log}");
    ensure!(!inbox.join("elsewhere.signed.psbt").exists(), "nothing is signed");
    // Nothing else waits for this treasurer, and nobody asked: the honest one is signed.
    let done = robot.command(&["treasurer", "--robot", "--once"])?;
    ensure!(done == json!({ "signed": 1, "refused": 0, "funds": false }), "{done}");
    let again = robot.command(&["treasurer", "--robot", "--once"])?;
    ensure!(again == json!({ "signed": 0, "refused": 0, "funds": false }), "{again}");
    Ok(())
}

/// What every member's node makes of each transaction, the oldest first.
fn verdicts(assembly: &Assembly) -> Result<Vec<Vec<String>>> {
    let of = |member: &Actor| -> Result<Vec<String>> {
        Ok(member.treasury_flows()?.into_iter().map(|flow| flow.verdict).collect())
    };
    assembly.members.iter().map(of).collect()
}

fn state_of(balance: &Value, proposal: &str) -> Result<String> {
    let payments = balance["payments"].as_array().context("payments")?;
    let found = payments.iter().find(|payment| payment["proposal"] == proposal).context("the payment")?;
    text(&found["state"])
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("{value} is no text"))?.to_owned())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("UTF-8")
}
