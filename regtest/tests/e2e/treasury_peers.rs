//! Treasurers who never exchange a file: sessions, signatures, remarks and refusals over the hub, which can neither change nor invent
//! any of them.

use std::path::Path;

use althing_anchor::{Paper, PaperBody, SignedPaper, prevout_of, read_proof, write_proof};
use althing_governance::codec::Canonical as _;
use althing_node::keys::Keys;
use althing_node::proof::Bundle;
use althing_node::store::DATABASE_FILE;
use althing_node::treasury::text::psbt_from;
use althing_regtest::story::{Actor, Assembly, PASSWORD, authorise, await_executed, fund_treasury, payee};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::psbt::Psbt;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Transaction, TxIn, Txid};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::stage::with_members_on_roll;
use crate::treasurers::{WITHIN, await_session};

#[test]
fn treasurers_sign_over_the_hub() {
    with_members_on_roll("treasury-peers", |assembly| {
        fund_treasury(assembly, 1_000_000)?;
        let roof = authorise(assembly, "Mend the roof", &[(payee(assembly)?, 50_000)], 9_000)?;
        two_sign_at_once(assembly, &roof)?;
        let boats = authorise(assembly, "New boats", &[(payee(assembly)?, 60_000)], 9_000)?;
        two_open_at_once(assembly, &boats)?;
        let nets = authorise(assembly, "New nets", &[(payee(assembly)?, 70_000)], 9_000)?;
        bybit_blind_signing(assembly, &nets)?;
        let oars = authorise(assembly, "New oars", &[(payee(assembly)?, 40_000)], 9_000)?;
        hostile_copies_are_in_nobodys_way(assembly, &oars)?;
        a_silent_treasurer_is_missed(assembly)
    });
}

/// Remarks and refusals carry their author's name; two signatures made in the same moment meet.
fn two_sign_at_once(assembly: &Assembly, proposal: &str) -> Result<()> {
    let [astrid, bjarni, gudrun, hallgerd, _] = assembly.members.as_slice() else { anyhow::bail!("five members") };
    let opened = astrid.command(&["treasury", "session", "open", proposal, "--fee-rate", "2"])?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    for treasurer in [bjarni, gudrun] {
        let seen = await_session(treasurer, &id, "to come", |_| true)?;
        ensure!(seen["check"]["verdict"] == "valid" && seen["waits_for_me"] == true, "{seen}");
        ensure!(seen["title"] == "Mend the roof" && seen["check"]["outputs"][0]["role"] == "decided", "{seen}");
    }
    gudrun.command(&["treasury", "session", "refuse", &id, "The invoice is not there yet."])?;
    bjarni.command(&["treasury", "session", "comment", &id, "It came by post."])?;
    let both = |session: &Value| session["remarks"].as_array().is_some_and(|remarks| remarks.len() == 2);
    let heard = await_session(astrid, &id, "with remark and refusal", both)?;
    let gudruns = heard["signers"].as_array().and_then(|all| all.iter().find(|signer| signer["holder"] == "Gudrun"));
    ensure!(gudruns.is_some_and(|signer| signer["refused"] == "The invoice is not there yet."), "{heard}");
    let by = |kind: &str| heard["remarks"].as_array().and_then(|all| all.iter().find(|r| r["kind"] == kind).cloned());
    ensure!(by("comment").is_some_and(|remark| remark["author"] == "Bjarni"), "{heard}");

    let signed = |number: usize, member: &Actor| match number {
        0 | 1 => member.command(&["treasury", "session", "sign", &id, "--yes"]).map(drop),
        _ => Ok(()),
    };
    assembly.at_once(signed)?;
    for treasurer in [astrid, bjarni, gudrun] {
        let complete = await_session(treasurer, &id, "complete", |session| session["state"] == "complete")?;
        ensure!(complete["signed"] == json!(["Astrid", "Bjarni"]) && complete["needed"] == 0, "{complete}");
    }
    // Who holds no key hears nothing of it before it is on Bitcoin.
    ensure!(hallgerd.command(&["treasury", "session", "list"])?["sessions"] == json!([]), "a member without a key");
    gudrun.command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    await_executed(assembly, proposal)?;
    let heard = astrid.command(&["treasury", "balance"])?["treasurers"].clone();
    let all = heard.as_array().is_some_and(|all| all.len() == 3 && all.iter().all(|t| t["heard_height"].is_u64()));
    ensure!(all, "{heard}");
    Ok(())
}

/// Two sessions over one gate: every machine prefers the same, nobody has to ask, and the robot knows too.
fn two_open_at_once(assembly: &Assembly, proposal: &str) -> Result<()> {
    let treasurers = &assembly.members[..3];
    let opened = assembly.at_once(|number, member| match number {
        0 => member.command(&["treasury", "session", "open", proposal, "--fee-rate", "2"]).map(Some),
        1 => member.command(&["treasury", "session", "open", proposal, "--fee-rate", "5"]).map(Some),
        _ => Ok(None),
    })?;
    let id = |number: usize| -> Result<String> {
        let session = opened[number].as_ref().context("a session")?;
        Ok(session["id"].as_str().context("an id")?.to_owned())
    };
    let (slow, fast) = (id(0)?, id(1)?);
    for treasurer in treasurers {
        await_session(treasurer, &slow, "yielding", |session| session["yields_to"] == fast.as_str())?;
        await_session(treasurer, &fast, "going on", |session| session["yields_to"].is_null())?;
    }
    let ran = treasurers[0].cli().run(&["treasury", "session", "sign", &slow, "--yes", "--json"])?;
    ensure!(ran.code != Some(0) && ran.stdout.contains("T-301"), "{ran:?}");
    let robot = treasurers[2].command(&["treasurer", "--robot", "--once"])?;
    ensure!(robot == json!({ "signed": 1, "refused": 0, "funds": false }), "{robot}");
    treasurers[0].command(&["treasury", "session", "sign", &fast, "--yes"])?;
    await_session(&treasurers[1], &fast, "complete", |session| session["state"] == "complete")?;
    treasurers[1].command(&["treasury", "session", "broadcast", &fast, "--yes"])?;
    assembly.mine(1)?;
    for treasurer in treasurers {
        await_session(treasurer, &slow, "void", |session| session["state"] == "void")?;
        await_session(treasurer, &fast, "mined", |session| session["state"] == "mined")?;
    }
    await_executed(assembly, proposal)
}

/// The hub puts another payee into what a treasurer said; and a treasurer puts forward what nobody decided. Nothing of the one is
/// taken, the other is refused, and both are named. What was honest goes on.
fn bybit_blind_signing(assembly: &mut Assembly, proposal: &str) -> Result<()> {
    assembly.members[2].stop()?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", proposal, "--fee-rate", "2"])?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    let honest = psbt_from(opened["psbt"].as_str().context("a PSBT")?.as_bytes())?;
    await_session(&assembly.members[1], &id, "to come", |_| true)?;
    let mut forged = honest;
    forged.unsigned_tx.output[0].script_pubkey =
        bitcoin::ScriptBuf::new_p2tr_tweaked(bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(
            Keys::open(assembly.hub.data_dir(), PASSWORD)?.vote().x_only_public_key().0,
        ));
    let forged_id = forged.unsigned_tx.compute_txid().to_string();
    assembly.hub.stop()?;
    let database = assembly.hub.data_dir().join(DATABASE_FILE);
    let kept = substitute(&database, &id, &forged)?;
    assembly.hub.start()?;
    assembly.members[2].start()?;
    let gudrun = &assembly.members[2];
    await_alarm(gudrun, "no treasurer signed")?;
    let sessions = gudrun.command(&["treasury", "session", "list"])?;
    ensure!(!sessions.to_string().contains(&forged_id), "{sessions}");

    // A treasurer's own word, well signed, for the same theft.
    assembly.hub.stop()?;
    let thief = Keys::open(assembly.members[1].data_dir(), PASSWORD)?.treasury();
    restore(&database, &kept)?;
    let params = {
        let genuine = SignedPaper::decode(&kept.bytes)?;
        (genuine.paper.network, genuine.paper.dao, genuine.paper.height)
    };
    let paper = Paper {
        network: params.0,
        dao: params.1,
        author: thief.x_only_public_key().0,
        height: params.2,
        session: forged.unsigned_tx.compute_txid(),
        body: PaperBody::Transaction(forged),
    };
    insert(&database, &paper.sign(&thief, &[7; 32]))?;
    assembly.hub.start()?;
    for victim in [0, 2] {
        let alarm = await_alarm(&assembly.members[victim], "put forward")?;
        ensure!(alarm.contains("Bjarni") && alarm.contains("T-51") && alarm.contains(&forged_id), "{alarm}");
        let sessions = assembly.members[victim].command(&["treasury", "session", "list"])?;
        ensure!(!sessions["sessions"].to_string().contains(&forged_id), "{sessions}");
        let papers = assembly.members[victim].command(&["treasury", "session", "papers"])?["papers"].clone();
        let refused = papers.as_array().and_then(|all| all.iter().find(|paper| paper["state"] == "refused"));
        ensure!(refused.is_some_and(|paper| paper["author"] == "Bjarni"), "{papers}");
    }
    // The honest session reached the treasurer who was away, and is paid.
    let gudrun = &assembly.members[2];
    await_session(gudrun, &id, "to come", |_| true)?;
    gudrun.command(&["treasury", "session", "sign", &id, "--yes"])?;
    assembly.members[0].command(&["treasury", "session", "sign", &id, "--yes"])?;
    await_session(gudrun, &id, "complete", |session| session["state"] == "complete")?;
    gudrun.command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    await_executed(assembly, proposal)
}

/// A treasurer sends, before the honest paper comes, the same transaction with a proof that nobody can judge (T-112), and one for the same
/// gate that spends a coin which was never made (T-111). The robot signs the honest session all the same.
fn hostile_copies_are_in_nobodys_way(assembly: &mut Assembly, proposal: &str) -> Result<()> {
    assembly.hub.stop()?;
    let opened = assembly.members[0].command(&["treasury", "session", "open", proposal, "--fee-rate", "2"])?;
    let id = opened["id"].as_str().context("an id")?.to_owned();
    let honest = psbt_from(opened["psbt"].as_str().context("a PSBT")?.as_bytes())?;
    assembly.members[0].stop()?;

    let mut copy = honest.clone();
    let mut proof = read_proof(&copy);
    let mut bundle = Bundle::from_bytes(&proof.bundles[0])?;
    bundle.epochs.last_mut().context("an epoch")?.header.closing_height = 1_000_000;
    proof.bundles[0] = bundle.to_bytes();
    write_proof(&mut copy, &proof);

    let mut invented = honest;
    let coin = prevout_of(&invented, 1).map_err(anyhow::Error::msg)?.clone();
    let nowhere = OutPoint { txid: Txid::from_byte_array([7; 32]), vout: 0 };
    let made = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output: nowhere, ..TxIn::default() }],
        output: vec![coin],
    };
    invented.unsigned_tx.input[1].previous_output = OutPoint { txid: made.compute_txid(), vout: 0 };
    invented.inputs[1].non_witness_utxo = Some(made);
    // It pays more, and so stood before the honest one.
    invented.unsigned_tx.output.last_mut().context("the change")?.value -= Amount::from_sat(3_000);
    let invented_id = invented.unsigned_tx.compute_txid().to_string();

    let thief = Keys::open(assembly.members[1].data_dir(), PASSWORD)?.treasury();
    let database = assembly.hub.data_dir().join(DATABASE_FILE);
    let tip = assembly.node.tip()?.height;
    let like = genuine_paper(&database)?;
    for hostile in [copy, invented] {
        let paper = Paper {
            author: thief.x_only_public_key().0,
            height: tip,
            session: hostile.unsigned_tx.compute_txid(),
            body: PaperBody::Transaction(hostile),
            ..like.clone()
        };
        insert(&database, &paper.sign(&thief, &[8; 32]))?;
    }
    assembly.hub.start()?;
    for hostile in [&id, &invented_id] {
        let untold = |session: &Value| session["check"]["verdict"] == "cannot_tell";
        let seen = await_session(&assembly.members[2], hostile, "that cannot be told", untold)?;
        ensure!(seen["yields_to"].is_null(), "{seen}");
    }
    assembly.members[0].start()?;
    let gudrun = &assembly.members[2];
    let valid = |session: &Value| session["check"]["verdict"] == "valid" && session["yields_to"].is_null();
    await_session(gudrun, &id, "with the honest proof", valid)?;
    let robot = gudrun.command(&["treasurer", "--robot", "--once"])?;
    ensure!(robot == json!({ "signed": 1, "refused": 0, "funds": false }), "{robot}");
    assembly.members[0].command(&["treasury", "session", "sign", &id, "--yes"])?;
    await_session(gudrun, &id, "complete", |session| session["state"] == "complete")?;
    gudrun.command(&["treasury", "session", "broadcast", &id, "--yes"])?;
    assembly.mine(1)?;
    await_executed(assembly, proposal)
}

/// The dead-man alarm, and its end.
fn a_silent_treasurer_is_missed(assembly: &mut Assembly) -> Result<()> {
    assembly.members[2].stop()?;
    // 14 epochs of 6 blocks (T-313), and one to notice.
    assembly.node.mine(14 * 6 + 7)?;
    let tip = assembly.node.tip()?.height;
    for actor in [&assembly.hub, &assembly.members[0], &assembly.members[1]] {
        actor.wait(althing_node::api::WaitFor::Height(tip), 120)?;
        // The others' words for the new epochs are on their way.
        await_alarm(actor, "T-313: treasurers not heard for 14 epochs: Gudrun (heard last at height ")?;
    }
    assembly.members[2].start()?;
    assembly.mine(1)?;
    assembly.mine(1)?;
    let over = || match assembly.members[0].status() {
        Ok(status) if status.alarms.iter().all(|alarm| !alarm.contains("T-313")) => Look::Ready(()),
        Ok(status) => Look::NotYet(format!("{:?}", status.alarms)),
        Err(error) => Look::NotYet(format!("{error:#}")),
    };
    Ok(wait_for("the alarm to end", WITHIN, over)?)
}

/// A row of the hub's table of papers.
struct Kept {
    id: Vec<u8>,
    bytes: Vec<u8>,
}

/// Puts another transaction into the paper that opened a session, under the old signature: once under the paper's own id, once as
/// a paper of its own. Gives what was there.
fn substitute(database: &Path, session: &str, forged: &Psbt) -> Result<Kept> {
    let connection = Connection::open(database)?;
    let sql = "SELECT id, bytes FROM treasury_paper WHERE session = ?1 AND kind = 'transaction'";
    let kept = connection.query_row(sql, [session], |row| Ok(Kept { id: row.get(0)?, bytes: row.get(1)? }))?;
    let genuine = SignedPaper::decode(&kept.bytes)?;
    let (session, body) = (forged.unsigned_tx.compute_txid(), PaperBody::Transaction(forged.clone()));
    let changed = SignedPaper { paper: Paper { session, body, ..genuine.paper.clone() }, signature: genuine.signature };
    connection.execute("UPDATE treasury_paper SET bytes = ?2 WHERE id = ?1", params![kept.id, changed.encode()])?;
    drop(connection);
    insert(database, &changed)?;
    Ok(kept)
}

/// A paper that a treasurer signed; this test has put others into the table under signatures that are not their own.
fn genuine_paper(database: &Path) -> Result<Paper> {
    let connection = Connection::open(database)?;
    let mut held = connection.prepare("SELECT bytes FROM treasury_paper WHERE kind = 'transaction'")?;
    let rows = held.query_map([], |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.iter().find_map(|bytes| SignedPaper::decode(bytes).ok()).context("no genuine paper is kept")?.paper)
}

/// The hub thinks better of it.
fn restore(database: &Path, kept: &Kept) -> Result<()> {
    let connection = Connection::open(database)?;
    connection.execute("UPDATE treasury_paper SET bytes = ?2 WHERE id = ?1", params![kept.id, kept.bytes])?;
    Ok(())
}

fn insert(database: &Path, signed: &SignedPaper) -> Result<()> {
    let paper = &signed.paper;
    let author = paper.author.serialize();
    Connection::open(database)?.execute(
        "INSERT INTO treasury_paper VALUES (?1, ?2, ?3, 'transaction', ?4, ?5, 'held', '')",
        params![signed.id(), author, paper.session.to_string(), paper.height, signed.encode()],
    )?;
    Ok(())
}

fn await_alarm(actor: &Actor, text: &str) -> Result<String> {
    let look = || match actor.status() {
        Ok(status) => match status.alarms.iter().find(|alarm| alarm.contains(text)) {
            Some(alarm) => Look::Ready(alarm.clone()),
            None => Look::NotYet(format!("{:?}", status.alarms)),
        },
        Err(error) => Look::NotYet(format!("{error:#}")),
    };
    Ok(wait_for(&format!("an alarm with {text:?} at {}", actor.name()), WITHIN, look)?)
}
