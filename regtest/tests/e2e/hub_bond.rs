//! A hub's bond on Bitcoin: asked for, brought, held, given back when it is free, taken after fraud, and an alarm whenever it is not so.

use althing_governance::charter::Charter;
use althing_governance::codec::Canonical as _;
use althing_node::api::{BondView, SessionView};
use althing_node::keys::hex;
use althing_regtest::story::{
    Actor, Assembly, Periods, enter, found_by, open_stakes, reach_roll, regtest_address, rogue,
};
use anyhow::{Context as _, Result, ensure};
use bitcoin::script::PushBytesBuf;
use bitcoin::{Amount, ScriptBuf, TxOut};

use crate::stage::with_assembly;

const BOND_SAT: u64 = 150_000;

/// Blocks within which it has to be there (T-94), and some.
const OVERDUE_AFTER_BLOCKS: u32 = 150;

/// Blocks until an entry is in a final epoch, and as much again for a busy machine.
const FINAL_WITHIN_BLOCKS: u32 = 40;

#[test]
fn a_bond_is_brought_held_returned_and_taken() {
    with_assembly("hub-bond", |assembly| {
        let founded = found_by(assembly, Periods::SHORT, |charter| Charter { hub_bond_sat: BOND_SAT, ..charter })?;
        enter(assembly, &founded)?;
        open_stakes(assembly)?;
        reach_roll(assembly)?;
        let wallet = regtest_address(&assembly.hub.wallet_address()?)?;
        assembly.node.fund(&wallet, Amount::from_sat(1_000_000))?;
        assembly.node.mine_empty(OVERDUE_AFTER_BLOCKS)?;
        assembly.settle()?;
        alarmed(assembly, true)?;

        assembly.hub.command(&["treasury", "bond", "--bring", "--yes"])?;
        assembly.mine(1)?;
        alarmed(assembly, false)?;
        let own = only(assembly, "held")?;
        let again = assembly.hub.cli().run(&["treasury", "bond", "--bring", "--yes", "--json"])?;
        ensure!(again.code != Some(0) && again.stdout.contains("nothing is missing"), "{again:?}");
        let early = assembly.members[0].cli().run(&["treasury", "bond", "--give-back", "--json"])?;
        ensure!(early.code != Some(0) && early.stdout.contains("T-93"), "{early:?}");
        returned(assembly)?;
        taken(assembly, &own)
    });
}

/// More than the charter asks for is free: it goes back by two signatures, without a vote and without an alarm.
fn returned(assembly: &Assembly) -> Result<()> {
    let treasury = assembly.members[0].command(&["treasury", "address"])?;
    let treasury = regtest_address(treasury["address"].as_str().context("an address")?)?.script_pubkey();
    let home = assembly.node.miner_address().script_pubkey();
    let dao = assembly.members[0].status()?.dao_id;
    let mut mark = PushBytesBuf::new();
    mark.extend_from_slice(b"althing/bond/v1")?;
    mark.extend_from_slice(dao.parse::<althing_governance::DaoId>().map_err(anyhow::Error::msg)?.0.as_slice())?;
    mark.extend_from_slice(&0u32.to_be_bytes())?;
    let output = |sat, script_pubkey| TxOut { value: Amount::from_sat(sat), script_pubkey };
    let made = assembly.node.pay_outputs(vec![
        output(70_000, treasury),
        output(0, ScriptBuf::new_op_return(mark)),
        output(1_000, home.clone()),
    ])?;
    assembly.mine(1)?;
    let bond = format!("{}:0", made.compute_txid());
    let coins = view(&assembly.members[1])?.coins;
    let free: Vec<_> = coins.iter().filter(|coin| coin.state == "free").map(|coin| coin.outpoint.clone()).collect();
    ensure!(free == [bond.clone()], "{coins:?}");

    let session = assembly.members[0].command(&["treasury", "bond", "--give-back"])?;
    let session: SessionView = serde_json::from_value(session)?;
    for treasurer in [0, 1] {
        assembly.mine_until("the session at the treasurer", 3, || {
            let known = assembly.members[treasurer].cli().run(&["treasury", "session", "show", &session.id])?;
            Ok((known.code == Some(0)).then_some(()))
        })?;
        assembly.members[treasurer].command(&["treasury", "session", "sign", &session.id, "--yes"])?;
    }
    assembly.mine_until("both signatures at one node", 3, || {
        let ran = assembly.members[1].cli().run(&["treasury", "session", "broadcast", &session.id, "--yes"])?;
        Ok((ran.code == Some(0)).then_some(()))
    })?;
    assembly.mine(1)?;
    for member in &assembly.members {
        let flows = member.treasury_flows()?;
        ensure!(flows.len() == 1 && flows[0].verdict == "bond_returned" && flows[0].left_sat == 70_000, "{flows:?}");
        ensure!(member.status()?.alarms.iter().all(|alarm| !alarm.contains("UNAUTHORISED")), "a false alarm");
    }
    only(assembly, "held").map(drop)
}

/// Two heads for one place take it. Until then two treasurers who spend it are named.
fn taken(assembly: &Assembly, own: &str) -> Result<()> {
    let [_, other] = rogue::two_heads(assembly)?;
    let heads = assembly.data_dir.join("heads.hex");
    std::fs::write(&heads, hex(&other.to_bytes()))?;
    let file = assembly.data_dir.join("fraud.althing");
    let (heads, file) = (heads.to_str().context("a path")?, file.to_str().context("a path")?);
    let member = &assembly.members[0];
    member.command(&["proof", "export", "--statement", "head-fraud", "--evidence", heads, "--out", file])?;
    member.command(&["fraud", file, "--yes"])?;
    assembly.mine_until("the bond taken", FINAL_WITHIN_BLOCKS, || {
        let coins = view(&assembly.members[1])?.coins;
        Ok(coins.iter().any(|coin| coin.outpoint == own && coin.state == "taken").then_some(()))
    })?;
    let coins = member.command(&["treasury", "utxos"])?["coins"].clone();
    let coin = coins.as_array().and_then(|coins| coins.iter().find(|coin| coin["outpoint"] == own)).cloned();
    ensure!(coin.as_ref().is_some_and(|coin| coin["state"] == "free"), "{coin:?}");

    // The hub owes it anew, and it is stolen while it is held.
    assembly.hub.command(&["treasury", "bond", "--bring", "--yes"])?;
    assembly.mine(1)?;
    let bonds = view(member)?.coins;
    let held = bonds.iter().find(|coin| coin.state == "held").context("no bond is held")?.outpoint.clone();
    rogue::unauthorised_spend(assembly, &held)?;
    assembly.mine(1)?;
    for member in &assembly.members {
        let flows = member.treasury_flows()?;
        let theft = flows.iter().find(|flow| flow.verdict == "unauthorised").context("no alarm")?;
        ensure!(theft.reason.as_deref().is_some_and(|reason| reason.contains("which is held")), "{theft:?}");
        ensure!(theft.signers.len() == 2, "{theft:?}");
    }
    Ok(())
}

fn view(actor: &Actor) -> Result<BondView> {
    serde_json::from_value(actor.command(&["treasury", "bond"])?).context("the hub's bond")
}

/// The one bond that there is, in this state on every node.
fn only(assembly: &Assembly, state: &str) -> Result<String> {
    let bonds = view(&assembly.hub)?;
    for member in &assembly.members {
        ensure!(view(member)? == bonds, "{}: {:?}, the hub {bonds:?}", member.name(), view(member)?);
    }
    let [coin] = bonds.coins.as_slice() else { anyhow::bail!("not one bond: {bonds:?}") };
    ensure!(coin.state == state && coin.sat == BOND_SAT && bonds.missing_sat == 0, "{bonds:?}");
    Ok(coin.outpoint.clone())
}

fn alarmed(assembly: &Assembly, is_alarmed: bool) -> Result<()> {
    for actor in assembly.everybody() {
        let alarms = actor.status()?.alarms;
        ensure!(alarms.iter().any(|alarm| alarm.starts_with("T-94")) == is_alarmed, "{}: {alarms:?}", actor.name());
    }
    Ok(())
}
