//! Treasurers who would send the treasury to the miners by one housekeeping after another: their machines do not sign it, and those who do
//! without their machines are told of everywhere (T-331 to T-333).

use std::str::FromStr as _;

use althing_anchor::{SpendPlan, Treasury, TreasuryCoin, finalise};
use althing_node::keys::Keys;
use althing_node::treasury::key::Signer;
use althing_regtest::story::{Assembly, PASSWORD, check_psbt};
use anyhow::{Context as _, Result, ensure};
use bitcoin::{Amount, FeeRate, OutPoint, Sequence, Transaction, TxOut};

use crate::stage::with_members_on_roll;
use crate::treasurers::{no_alarm, over_the_hub};
use crate::treasury::mined;

/// What the template's charter allows: 50 sat/vB for 4,000 vB.
const BUDGET_SAT: u64 = 200_000;

#[test]
fn housekeeping_ends_where_its_budget_does() {
    with_members_on_roll("housekeeping", |assembly| {
        althing_regtest::story::fund_treasury(assembly, 3_000_000)?;
        let tidy = |rate: &'static str| ["treasury", "session", "housekeeping", "--gates", "60", "--fee-rate", rate];
        let first = &assembly.members[0];
        let opened = first.command(&tidy("50"))?;
        let (id, fee) =
            (opened["id"].as_str().context("an id")?.to_owned(), opened["fee_sat"].as_u64().context("a fee")?);
        ensure!(opened["check"]["verdict"] == "valid" && fee > BUDGET_SAT / 2 && fee < BUDGET_SAT, "{opened}");
        ensure!(spent(assembly, 0)? == 0, "nothing is signed yet");
        over_the_hub(assembly, &id, &[0, 1])?;
        // Signed is as good as spent, for whoever signed it.
        ensure!(
            spent(assembly, 0)? == fee && spent(assembly, 1)? == fee,
            "{} {}",
            spent(assembly, 0)?,
            spent(assembly, 1)?
        );
        let shown = first.command(&["treasury", "session", "show", &id])?;
        ensure!(shown["check"]["verdict"] == "valid", "it does not count against itself: {shown}");
        first.command(&["treasury", "session", "broadcast", &id, "--yes"])?;
        assembly.mine(1)?;
        ensure!(spent(assembly, 2)? == fee, "a block counts for everybody");

        let again = first.cli().run(&[&tidy("50")[..], &["--json"]].concat())?;
        ensure!(again.code != Some(0) && again.stdout.contains("T-332"), "{again:?}");
        offline(assembly, fee)?;
        no_alarm(assembly)?;
        let burnt = burn(assembly)?;
        for actor in assembly.everybody() {
            let alarms = actor.status()?.alarms;
            let alarm = alarms.iter().find(|alarm| alarm.starts_with("T-333") && alarm.contains(&burnt));
            let alarm = alarm.with_context(|| format!("{}: {alarms:?}", actor.name()))?;
            let named = ["Astrid", "Bjarni"].iter().all(|name| alarm.contains(name)) && !alarm.contains("Gudrun");
            ensure!(named && alarm.contains(&id), "{} says {alarm}", actor.name());
        }
        Ok(())
    });
}

/// What a member's node knows of it.
fn spent(assembly: &Assembly, member: usize) -> Result<u64> {
    let balance = assembly.members[member].command(&["treasury", "balance"])?;
    ensure!(balance["housekeeping"]["budget_sat"] == BUDGET_SAT, "{balance}");
    balance["housekeeping"]["spent_sat"].as_u64().with_context(|| balance.to_string())
}

/// Without a node whoever checks has to say what was spent.
fn offline(assembly: &Assembly, spent_sat: u64) -> Result<()> {
    let file = assembly.data_dir.join("tidy.psbt");
    let name = file.to_str().context("UTF-8")?;
    let opened =
        assembly.members[0].command(&["treasury", "session", "housekeeping", "--fee-rate", "1", "--out", name])?;
    let fee = opened["fee_sat"].as_u64().context("a fee")?;
    let (url, cookie) = (assembly.node.rpc_url(), assembly.node.cookie_file());
    let dao = dao_file(assembly)?;
    let given = ["--bitcoind", &url, "--cookie", cookie.to_str().context("UTF-8")?, "--dao", &dao];
    let member = &assembly.members[3];
    let (code, report) = check_psbt(member, &file, &given)?;
    ensure!(code == Some(2) && report.unknown[0].starts_with("T-332"), "{report:?}");
    let (code, report) =
        check_psbt(member, &file, &[&given[..], &["--housekeeping-cost", &spent_sat.to_string()]].concat())?;
    ensure!(code == Some(0), "{report:?}");
    let most = (BUDGET_SAT - fee + 1).to_string();
    let (code, report) = check_psbt(member, &file, &[&given[..], &["--housekeeping-cost", &most]].concat())?;
    ensure!(code == Some(1) && report.reasons[0].rule == "T-332", "{report:?}");
    Ok(())
}

fn dao_file(assembly: &Assembly) -> Result<String> {
    Ok(assembly.members[3].data_dir().join("dao.json").to_str().context("UTF-8")?.to_owned())
}

/// Two treasurers sign what their machines refuse, and a block has it. Gives its id.
fn burn(assembly: &Assembly) -> Result<String> {
    let coins = assembly.members[0].command(&["treasury", "utxos"])?["coins"].clone();
    let is_free = |coin: &&serde_json::Value| coin["generation"] == 1 && coin["sat"].as_u64() > Some(1_000_000);
    let coin = coins.as_array().and_then(|coins| coins.iter().find(is_free).cloned());
    let coin = coin.with_context(|| format!("no coin in {coins}"))?;
    let outpoint = OutPoint::from_str(coin["outpoint"].as_str().context("an outpoint")?)?;
    let policy = assembly.members[0].command(&["treasury", "policy"])?;
    let treasury = Treasury::parse(policy["policy"]["descriptor"].as_str().context("a descriptor")?)?;
    let index = u32::try_from(coin["index"].as_u64().context("an index")?)?;
    let taken = TreasuryCoin { outpoint, transaction: mined(assembly, &outpoint)?, generation: 0, index };
    let gates = (0..60).map(|_| Ok(TxOut { value: Amount::from_sat(10_000), script_pubkey: treasury.script_at(0)? }));
    let gates = gates.collect::<Result<Vec<_>>>()?;
    let plan = SpendPlan {
        generations: std::slice::from_ref(&treasury),
        payments: &[],
        own_outputs: &gates,
        required: &[taken],
        coins: &[],
        change_index: 0,
        fee_rate: FeeRate::from_sat_per_vb_u32(45),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        own_fee_cap: Amount::MAX_MONEY,
    };
    let mut psbt = plan.build()?;
    for thief in &assembly.members[..2] {
        Signer::new(&Keys::open(thief.data_dir(), PASSWORD)?).sign(&mut psbt)?;
    }
    let transaction: Transaction = finalise(&psbt, std::slice::from_ref(&treasury))?;
    assembly.node.broadcast(&transaction)?;
    assembly.mine(1)?;
    Ok(transaction.compute_txid().to_string())
}
