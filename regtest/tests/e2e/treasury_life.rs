//! A treasury through the years: nine keys, an election, gates that run out and are made anew, vetoes, payouts from a file, a stuck
//! payment that its child pays for.

use std::path::Path;
use std::str::FromStr as _;

use althing_anchor::{SpendPlan, Treasury, TreasuryCoin, finalise};
use althing_governance::Charter;
use althing_governance::charter::{Class, ClassRule, Guardians, Quorum};
use althing_node::api::{Choice, DraftEffect, DraftTreasurer, ProposalDraft, ProposalState, WaitFor};
use althing_node::keys::Keys;
use althing_node::treasury::key::Signer;
use althing_node::treasury::text::{psbt_from, psbt_text};
use althing_node::treasury::ur;
use althing_regtest::story::{
    Assembly, PASSWORD, Periods, authorise, await_authorised, await_executed, check_psbt, found_by, found_under, payee,
};
use anyhow::{Context as _, Result, ensure};
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxOut};
use serde_json::json;

use crate::stage::with_assembly;
use crate::treasurers::{alarm_names, await_session, begin, no_alarm, over_the_hub};
use crate::treasury::mined;

/// Blocks until a vote has its effect, at most.
const WITHIN_BLOCKS: u32 = 90;

/// Five of nine keys pay; the members elect three others; the old ones sweep, taking the gates back; the new ones pay through a new gate.
#[test]
fn five_of_nine_and_their_successors() {
    with_assembly("treasury-nine", |assembly| {
        let mut outside = Vec::new();
        let founded = found_under(
            assembly,
            Periods::SHORT,
            |assembly, members| {
                let mut keys: Vec<String> = members.iter().map(|keys| keys.treasury_key.clone()).collect();
                outside = (6..=9).map(|number| outsider(assembly, number)).collect::<Result<_>>()?;
                keys.extend(outside.iter().map(|keys: &Keys| keys.treasury().public_key().to_string()));
                // The charter names those who have a node; the others sign by files.
                let named = keys[..5].to_vec();
                Ok((format!("wsh(sortedmulti(5,{}))", keys.join(",")), named))
            },
            |charter| with_class(Class::ElectTreasurers, charter),
        )?;
        begin(assembly, &founded, 1_000_000)?;
        let folder = assembly.data_dir.join("psbt");
        std::fs::create_dir_all(&folder)?;

        let roof = authorise(assembly, "Mend the roof", &[(payee(assembly)?, 50_000)], 20_000)?;
        let opened = assembly.members[0].command(&["treasury", "session", "open", &roof, "--fee-rate", "3"])?;
        let id = opened["id"].as_str().context("an id")?.to_owned();
        ensure!(opened["needed"] == 5, "{opened}");
        // Four over the hub, the fifth by QR codes of a signer who knows nothing of us.
        over_the_hub(assembly, &id, &[0, 1, 2, 3])?;
        by_camera(assembly, &id, &outside[0], &folder.join("sixth.psbt"))?;
        let sent = assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
        ensure!(sent["signed"].as_array().is_some_and(|signed| signed.len() == 5), "{sent}");
        assembly.mine(1)?;
        await_executed(assembly, &roof)?;

        let late = open_before_the_election(assembly)?;
        elect(assembly)?;
        waits_for_nobody(assembly, &late)?;
        sweep(assembly, &outside[1..])?;
        // Through the first of the new gates, and through another.
        for title in ["New nets", "More nets"] {
            pay_with_the_new_keys(assembly, title, &folder)?;
        }
        for member in &assembly.members {
            let verdicts: Vec<String> = member.treasury_flows()?.into_iter().map(|flow| flow.verdict).collect();
            ensure!(
                verdicts == ["decided", "housekeeping", "decided", "decided"],
                "{} finds {verdicts:?}",
                member.name()
            );
        }
        no_alarm(assembly)?;
        moved_to_the_former_treasury(assembly)
    });
}

/// A payment that is authorised and signed by one of five when the treasury is elected anew.
fn open_before_the_election(assembly: &Assembly) -> Result<String> {
    let late = authorise(assembly, "A late boat", &[(payee(assembly)?, 30_000)], 20_000)?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", &late, "--fee-rate", "3"])?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    for treasurer in &assembly.members[1..3] {
        await_session(treasurer, &id, "waiting", |session| session["waits_for_me"] == true)?;
    }
    assembly.members[0].command(&["treasury", "session", "sign", &id, "--yes"])?;
    Ok(id)
}

/// T-334: behind the election it is refused by T-48 and waits for nobody; a robot says so once, and everybody hears it.
fn waits_for_nobody(assembly: &Assembly, id: &str) -> Result<()> {
    let refused = |session: &serde_json::Value| session["check"]["verdict"] == "invalid";
    for treasurer in &assembly.members[1..3] {
        let seen = await_session(treasurer, id, "refused by the check", refused)?;
        ensure!(seen["waits_for_me"] == false && seen["check"]["reasons"].to_string().contains("T-48"), "{seen}");
    }
    let listed = assembly.members[1].cli().run(&["treasury", "session", "list"])?;
    ensure!(
        listed.stdout.contains("refused by this node (T-48)") && !listed.stdout.contains("waits for you"),
        "{listed:?}"
    );
    let robot = |member: usize| assembly.members[member].cli().run(&["treasurer", "--robot", "--once"]);
    let first = robot(2)?;
    ensure!(first.stdout.contains("0 signed, 1 refused"), "{first:?}");
    ensure!(first.stderr.contains(&format!("{id}: refused: this must not be signed: T-48")), "{first:?}");
    let again = robot(2)?;
    ensure!(again.stdout.contains("0 signed, 0 refused") && !again.stderr.contains("T-48"), "{again:?}");
    let told = |session: &serde_json::Value| session["remarks"].to_string().contains("T-48");
    await_session(&assembly.members[1], id, "refused by the robot", told)?;
    Ok(())
}

/// T-336: two of the new treasurers move a coin to the treasury that they came after. Their own machines do not sign it, and every
/// member's node tells it as a theft with their names.
fn moved_to_the_former_treasury(assembly: &Assembly) -> Result<()> {
    let balance = assembly.members[0].command(&["treasury", "balance"])?;
    let treasuries = balance["generations"].as_array().context("generations")?.iter();
    let treasuries = treasuries.map(|of| Ok(Treasury::parse(of["descriptor"].as_str().context("a descriptor")?)?));
    let treasuries = treasuries.collect::<Result<Vec<Treasury>>>()?;
    let coins = assembly.members[0].command(&["treasury", "utxos"])?["coins"].clone();
    let is_large = |coin: &&serde_json::Value| {
        coin["state"] == "free" && coin["generation"] == 2 && coin["sat"].as_u64() > Some(500_000)
    };
    let coin = coins.as_array().and_then(|coins| coins.iter().find(is_large).cloned());
    let coin = coin.with_context(|| format!("no coin in {coins}"))?;
    let outpoint = OutPoint::from_str(coin["outpoint"].as_str().context("an outpoint")?)?;
    let index = u32::try_from(coin["index"].as_u64().context("an index")?)?;
    let taken = TreasuryCoin { outpoint, transaction: mined(assembly, &outpoint)?, generation: 1, index };
    let sat = coin["sat"].as_u64().context("a value")?;
    let plan = SpendPlan {
        generations: &treasuries,
        payments: &[],
        own_outputs: &[TxOut { value: Amount::from_sat(sat - 1_000), script_pubkey: treasuries[0].script_at(0)? }],
        required: &[taken],
        coins: &[],
        change_index: 0,
        fee_rate: FeeRate::from_sat_per_vb_u32(2),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        own_fee_cap: Amount::from_sat(2_000),
    };
    let mut psbt = plan.build()?;
    let file = assembly.data_dir.join("moved-back.psbt");
    std::fs::write(&file, psbt_text(&psbt))?;
    let machine = assembly.members[1].cli().run(&["treasury", "session", "sign", path(&file)?, "--yes", "--json"])?;
    ensure!(machine.code == Some(1) && machine.stdout.contains("T-48"), "{machine:?}");
    for thief in &assembly.members[1..3] {
        Signer::new(&Keys::open(thief.data_dir(), PASSWORD)?).sign(&mut psbt)?;
    }
    let theft = finalise(&psbt, &treasuries)?;
    assembly.node.broadcast(&theft)?;
    assembly.mine(1)?;
    alarm_names(
        assembly,
        &theft.compute_txid(),
        &["Bjarni", "Gudrun", &format!("{} sat to", sat - 1_000), "a former treasury"],
        &["Astrid", "Hallgerd"],
    )?;
    proven_to_anybody(assembly, &theft, sat)
}

/// P-146: once the epoch is final any member writes a file that shows it to whoever has block headers; the report tells what left.
fn proven_to_anybody(assembly: &Assembly, theft: &Transaction, sat: u64) -> Result<()> {
    let (out, named) = (assembly.data_dir.join("moved-back.althing"), theft.compute_txid().to_string());
    let export =
        ["proof", "export", "--statement", "unauthorised-spend", "--transaction", &named, "--out", path(&out)?];
    let member = assembly.members[3].cli();
    let early = member.run(&export)?;
    ensure!(early.code != Some(0) && early.stderr.contains("no final epoch closed at height"), "{early:?}");
    assembly.mine_until("a file about the theft", WITHIN_BLOCKS, || {
        Ok((member.run(&export)?.code == Some(0)).then_some(()))
    })?;
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let seen =
        assembly.members[4].cli().run(&["verify", path(&out)?, "--bitcoind", &url, "--cookie", path(&cookie)?])?;
    let change: u64 = theft.output[1..].iter().map(|output| output.value.to_sat()).sum();
    let (left, moved) = (sat - change, theft.output[0].value.to_sat());
    let words = format!(
        "at least {left} sat out of the treasury; no decision allows output 0 of {moved} sat to a former treasury"
    );
    ensure!(seen.stdout.contains(&words), "{seen:?}");
    let report = assembly.members[2].command(&["report", "--format", "json"])?;
    let sections = report["sections"].as_array().context("sections")?;
    let tables = sections.iter().filter_map(|section| section["tables"].as_array()).flatten();
    let movements =
        tables.filter(|table| table["columns"][0] == "transaction").filter_map(|table| table["rows"].as_array());
    let row = movements.flatten().map(serde_json::Value::to_string).find(|row| row.contains(&named));
    let row = row.with_context(|| format!("the theft is not in {report}"))?;
    ensure!(row.contains(&left.to_string()), "not {left} in {row}");
    Ok(())
}

/// A class more, decided by the same vote as everything else.
pub(crate) fn with_class(class: Class, mut charter: Charter) -> Charter {
    let quorum = Quorum::ParticipationBp(2000);
    charter.classes.push(ClassRule { voting_blocks: 6, expiry_blocks: 144, quorum, ..ClassRule::new(class) });
    charter.classes.sort_by_key(|rule| rule.class);
    charter
}

/// Keys in a folder that no node runs in.
fn outsider(assembly: &Assembly, number: u32) -> Result<Keys> {
    let folder = assembly.data_dir.join(format!("outsider-{number}"));
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let init = ["init", "--network", "regtest", "--bitcoind", &url, "--cookie", path(&cookie)?];
    assembly.hub.cli().of(&folder).run(&init)?.succeeded()?;
    Keys::open(&folder, PASSWORD)
}

/// A signer with a camera gets codes and gives codes back.
fn by_camera(assembly: &Assembly, id: &str, keys: &Keys, file: &Path) -> Result<()> {
    let shown = assembly.members[0].command(&["treasury", "session", "qr", id])?;
    let parts: Vec<&str> =
        shown["parts"].as_array().context("parts")?.iter().filter_map(|part| part.as_str()).collect();
    // A camera begins anywhere, and QR codes are in capital letters.
    let seen: Vec<String> = parts.iter().rev().map(|part| part.to_uppercase()).collect();
    let mut psbt = psbt_from(seen.join("\n").as_bytes())?;
    ensure!(parts.len() > 1 && psbt.proprietary.is_empty(), "{} parts", parts.len());
    Signer::new(keys).sign(&mut psbt)?;
    std::fs::write(file, ur::parts(&psbt.serialize(), 150)?.join("\n"))?;
    assembly.members[0].command(&["treasury", "session", "combine", path(file)?]).map(drop)
}

/// A signer elsewhere gets the file and gives it back.
fn by_file(assembly: &Assembly, id: &str, keys: &Keys, file: &Path) -> Result<()> {
    assembly.members[0].command(&["treasury", "session", "show", id, "--out", path(file)?])?;
    let mut psbt = psbt_from(&std::fs::read(file)?)?;
    Signer::new(keys).sign(&mut psbt)?;
    std::fs::write(file, psbt_text(&psbt))?;
    assembly.members[0].command(&["treasury", "session", "combine", path(file)?]).map(drop)
}

/// Bjarni, Gudrun and Hallgerd are elected, with extended keys: two of them are enough.
pub(crate) fn elect(assembly: &Assembly) -> Result<()> {
    let mut command: Vec<String> =
        ["treasury", "policy", "--network", "regtest", "--threshold", "2"].map(str::to_owned).into();
    let mut treasurers = Vec::new();
    for member in &assembly.members[1..4] {
        let key = member.command(&["treasury", "key"])?["bip48"].as_str().context("a key")?.to_owned();
        let extended: bitcoin::bip32::Xpub = key.rsplit(']').next().unwrap_or_default().parse()?;
        treasurers.push(DraftTreasurer { name: member.name().to_owned(), key: extended.public_key.to_string() });
        command.extend(["--key".to_owned(), key]);
    }
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let descriptor = assembly.members[0].command(&command)?["descriptor"].as_str().context("a descriptor")?.to_owned();
    let effects = vec![DraftEffect::ElectTreasurers { descriptor: descriptor.clone(), treasurers }];
    let election =
        assembly.members[0].propose(ProposalDraft::question("New treasurers", "Fewer are enough.", effects))?;
    vote(assembly, &election.id)?;
    assembly.mine_until("the new treasury in force", WITHIN_BLOCKS, || {
        for member in &assembly.members {
            let balance = member.command(&["treasury", "balance"])?;
            if balance["generation"] != 2 || balance["policy"]["descriptor"] != descriptor.as_str() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })?;
    let balance = assembly.members[4].command(&["treasury", "balance"])?;
    let former = balance["former_sat"].as_u64().context("a sum")?;
    ensure!(former > 900_000 && balance["free_sat"] == 0, "{balance}");
    ensure!(balance["generations"][0]["sat"].as_u64() >= Some(former), "{balance}");
    Ok(())
}

/// The old treasurers move everything on: the money, and the gates that no decision has. No vote, no alarm.
fn sweep(assembly: &Assembly, outside: &[Keys]) -> Result<()> {
    let gates = |assembly: &Assembly, generation: u64| -> Result<usize> {
        let coins = assembly.members[0].command(&["treasury", "utxos"])?["coins"].clone();
        let is_gate = |coin: &&serde_json::Value| coin["state"] == "gate" && coin["generation"] == generation;
        Ok(coins.as_array().context("coins")?.iter().filter(is_gate).count())
    };
    ensure!(gates(assembly, 1)? == 3 && gates(assembly, 2)? == 0, "three of four gates are left");
    let opened = assembly.members[0].command(&["treasury", "session", "housekeeping", "--fee-rate", "2"])?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    ensure!(opened["check"]["verdict"] == "valid" && opened["needed"] == 5, "{opened}");
    over_the_hub(assembly, &id, &[0, 4])?;
    for (number, keys) in outside.iter().enumerate() {
        by_file(assembly, &id, keys, &assembly.data_dir.join(format!("sweep-{number}.psbt")))?;
    }
    assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    assembly.mine_until("the refill in the log", WITHIN_BLOCKS, || Ok((gates(assembly, 2)? == 2).then_some(())))?;
    ensure!(gates(assembly, 1)? == 1, "of the old gates that of the late boat is left");
    let balance = assembly.members[2].command(&["treasury", "balance"])?;
    ensure!(balance["former_sat"] == 0 && balance["free_sat"].as_u64() > Some(900_000), "{balance}");
    Ok(())
}

/// The next decision has a gate that the genesis transaction knows nothing of; the file proves where it comes from.
fn pay_with_the_new_keys(assembly: &Assembly, title: &str, folder: &Path) -> Result<()> {
    let nets = authorise(assembly, title, &[(payee(assembly)?, 70_000)], 9_000)?;
    let file = folder.join("nets.psbt");
    let open = ["treasury", "session", "open", &nets, "--fee-rate", "2", "--out", path(&file)?];
    let opened = assembly.members[1].command(&open)?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    ensure!(opened["check"]["verdict"] == "valid" && opened["needed"] == 2, "{opened}");
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let (code, report) = check_psbt(&assembly.members[4], &file, &["--bitcoind", &url, "--cookie", path(&cookie)?])?;
    ensure!(code == Some(0), "offline: {report:?}");
    // Whoever has the founding file alone learns of the election from the proof.
    let dao = assembly.members[4].data_dir().join("dao.json");
    let given = ["--bitcoind", &url, "--cookie", path(&cookie)?, "--dao", path(&dao)?];
    let (code, report) = check_psbt(&assembly.members[4], &file, &given)?;
    ensure!(code == Some(0), "offline, by the founding file: {report:?}");
    for number in [1, 3] {
        let member = &assembly.members[number];
        await_session(member, &id, "to come", |_| true)?;
        member.command(&["treasury", "session", "sign", &id, "--yes"])?;
    }
    await_session(&assembly.members[2], &id, "complete", |s| s["state"] == "complete")?;
    assembly.members[2].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    await_executed(assembly, &nets)
}

/// Guardians stop a payment before it is authorised, and cannot afterwards; a file of payouts is paid; a child pays for a stuck payment.
#[test]
fn vetoes_payouts_and_a_child_that_pays() {
    with_assembly("treasury-payouts", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, |mut charter| {
            let mut guardians: Vec<_> = charter.founders.iter().take(3).copied().collect();
            guardians.sort();
            charter.guardians = Guardians { members: guardians, threshold: 2, delay_blocks: 0 };
            charter
        })?;
        begin(assembly, &founded, 1_000_000)?;
        let payouts = payouts(assembly)?;
        vetoed(assembly)?;
        // Authorised by now: the guardians come too late, and it is paid.
        let late = assembly.members[0].cli().run(&["guardian", "veto", &payouts, "--yes", "--json"])?;
        ensure!(late.code.is_some_and(|code| code != 0) && late.stdout.contains("G-95"), "{late:?}");
        stuck_and_paid_for(assembly, &payouts)
    });
}

/// Two of three parts are due at once and one is paid; a vote stops the third. What is left is proven each time, from a file and without a node.
#[test]
fn a_budget_is_paid_in_parts_until_a_vote_stops_it() {
    with_assembly("treasury-budget", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, |charter| with_class(Class::Budget, charter))?;
        begin(assembly, &founded, 500_000)?;
        let to = payee(assembly)?;
        let parts = ["30000@0=Timber", "20000@0=Turf", "10000@5000=Paint"];
        let mut budget = vec!["propose", "budget", "--title", "Roof", "--to", &to, "--fee-cap", "5000", "--yes"];
        budget.extend(parts.iter().flat_map(|part| ["--milestone", part]));
        let roof = passed(assembly, &budget)?;
        await_authorised(assembly, &roof)?;
        let left = left_of(assembly, &roof)?;
        ensure!(left.contains("0 sat paid, 50000 sat authorised and not paid, 10000 sat to come"), "{left}");

        // The first milestone, by the number of the proposal (N-50).
        let timber = format!("#{}/1", assembly.members[0].proposal(&roof)?.number);
        let txid = two_sign(assembly, &["open", &timber, "--fee-rate", "2"])?;
        ensure!(txid.len() == 64, "{txid}");
        assembly.mine(1)?;
        assembly.mine_until("the first part noted as paid", WITHIN_BLOCKS, || {
            Ok(left_of(assembly, &roof)?.contains("30000 sat paid, 20000 sat authorised and not paid").then_some(()))
        })?;
        let stop = ["propose", "stop-budget", "--title", "No paint", "--budget", &roof, "--yes"];
        passed(assembly, &stop)?;
        let gone = "10000 sat that will not be paid. 20000 sat are left.";
        assembly.mine_until("the rest stopped", WITHIN_BLOCKS, || {
            Ok(left_of(assembly, &roof)?.contains(gone).then_some(()))
        })?;
        // What a vote stopped is not waited for: exit code 1.
        let paint = format!("{roof}/3");
        let open = assembly.members[0].cli().run(&["treasury", "session", "open", &paint, "--json"])?;
        ensure!(open.code == Some(1) && open.stdout.contains("a later vote stopped it"), "{open:?}");
        Ok(())
    });
}

/// Proposes and lets everybody say yes; gives the id.
fn passed(assembly: &Assembly, propose: &[&str]) -> Result<String> {
    let proposed = assembly.members[2].command(propose)?;
    let id = proposed["id"].as_str().with_context(|| proposed.to_string())?.to_owned();
    vote(assembly, &id)?;
    Ok(id)
}

/// What a proof file says of a budget to somebody who has the block headers alone.
fn left_of(assembly: &Assembly, budget: &str) -> Result<String> {
    let (file, headers) = (assembly.data_dir.join("left.althing"), assembly.data_dir.join("headers.bin"));
    let member = &assembly.members[4];
    member.command(&["proof", "export", budget, "--statement", "budget", "--out", path(&file)?])?;
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    member.command(&["headers", "export", path(&headers)?, "--bitcoind", &url, "--cookie", path(&cookie)?])?;
    let verified = member.command(&["verify", path(&file)?, "--headers", path(&headers)?])?;
    Ok(verified["statement"].as_str().with_context(|| verified.to_string())?.to_owned())
}

/// Four payees from a file, one vote, one transaction.
fn payouts(assembly: &Assembly) -> Result<String> {
    let file = assembly.data_dir.join("payouts.csv");
    let mut lines = "# stipends\n".to_owned();
    for (number, member) in assembly.members[1..].iter().enumerate() {
        lines.push_str(&format!("{},{}\n", member.wallet_address()?, 10_000 + number));
    }
    std::fs::write(&file, lines)?;
    let propose = ["propose", "spend", "--title", "Stipends", "--csv", path(&file)?, "--fee-cap", "9000", "--yes"];
    let proposed = assembly.members[2].command(&propose)?;
    let id = proposed["id"].as_str().with_context(|| proposed.to_string())?.to_owned();
    vote(assembly, &id)?;
    await_authorised(assembly, &id)?;
    Ok(id)
}

fn vetoed(assembly: &Assembly) -> Result<()> {
    let outputs = vec![althing_node::api::DraftOutput { address: payee(assembly)?, amount_sat: 40_000 }];
    let effects = vec![DraftEffect::Spend { outputs, fee_cap_sat: 5_000 }];
    let tower = assembly.members[2].propose(ProposalDraft::question("A tower", "High.", effects))?;
    vote(assembly, &tower.id)?;
    for guardian in &assembly.members[..2] {
        guardian.command(&["guardian", "veto", &tower.id, "--yes"])?;
    }
    assembly.mine_until("the veto", WITHIN_BLOCKS, || {
        Ok((assembly.members[4].proposal(&tower.id)?.state == ProposalState::Vetoed).then_some(()))
    })?;
    let ran = assembly.members[0].cli().run(&["treasury", "session", "open", &tower.id, "--json"])?;
    ensure!(ran.code.is_some_and(|code| code != 0) && ran.stdout.contains("T-22"), "{ran:?}");
    Ok(())
}

/// The payment is broadcast at the lowest rate; its child brings both to ten.
fn stuck_and_paid_for(assembly: &Assembly, proposal: &str) -> Result<()> {
    let parent = two_sign(assembly, &["open", proposal, "--fee-rate", "1"])?;
    let child = two_sign(assembly, &["child", &parent, "--fee-rate", "10"])?;
    let entry = assembly.node.call("getmempoolentry", &[json!(child)])?;
    let fees = entry["fees"]["ancestor"].as_f64().context("fees")? * 1e8;
    let rate = fees / entry["ancestorsize"].as_f64().context("a size")?;
    ensure!(entry["ancestorcount"] == 2 && (10.0..11.5).contains(&rate), "{rate} sat/vB: {entry}");
    assembly.mine(1)?;
    for id in [&parent, &child] {
        let mined = |session: &serde_json::Value| session["state"] == "mined";
        await_session(&assembly.members[1], id, "mined", mined)?;
    }
    await_executed(assembly, proposal)?;
    let flows = assembly.members[3].treasury_flows()?;
    let verdicts: Vec<&str> = flows.iter().map(|flow| flow.verdict.as_str()).collect();
    ensure!(verdicts.contains(&"decided") && verdicts.contains(&"housekeeping") && verdicts.len() == 2, "{flows:?}");
    Ok(())
}

/// The first treasurer opens, both sign, the second broadcasts; gives the transaction's id.
fn two_sign(assembly: &Assembly, what: &[&str]) -> Result<String> {
    let opened = assembly.members[0].command(&[&["treasury", "session"], what].concat())?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    over_the_hub(assembly, &id, &[0, 1])?;
    assembly.members[0].command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    Ok(id)
}

/// Everybody says yes once the vote is open.
fn vote(assembly: &Assembly, proposal: &str) -> Result<()> {
    assembly.mine(1)?;
    assembly.mine_until("voting to open", WITHIN_BLOCKS, || {
        let open = assembly.members[0].has_seen(WaitFor::VotingOpen(proposal.to_owned()))?;
        Ok(open.then_some(()))
    })?;
    assembly.at_once(|_, member| member.vote(proposal, Choice::Yes, None).map(drop)).map(drop)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
