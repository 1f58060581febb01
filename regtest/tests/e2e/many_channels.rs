//! A member with as many channels as a backup holds (C-91): each goes on, comes back and ends like a single one.

use althing_node::api::{BackupInfo, Request, Stake};
use althing_node::keys::Keys;
use althing_node::store::DATABASE_FILE;
use althing_node::wallet::Wallet;
use althing_regtest::story::{Actor, Assembly, PASSWORD, regtest_address};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};
use bitcoin::hex::DisplayHex as _;
use bitcoin::{Amount, FeeRate};

use crate::channel_ends::{
    PATIENCE, await_child, balance, fund_actor, only_stake, spender, spender_in_mempool, with_stakes,
};
use crate::stale_backup::wipe;
use crate::told::{ask, refused};

/// As C-91 has it.
const MOST: usize = 16;
/// What one message holds of a backup (C-90).
const PART_BYTES: u64 = 30 * 1024;
const BJARNI: usize = 1;
/// What stays for closing one channel alone (C-77) where the source has no estimates: 320 vB at 50 sat/vB, and 330 sat.
pub(crate) const KEPT_SAT: u64 = 16_330;

#[test]
fn sixteen_channels_pay_come_back_from_a_backup_and_close() {
    with_stakes("sixteen-channels", |assembly| {
        let opened = open_up_to(assembly, MOST)?;
        let before = balance(&assembly.members[BJARNI])?;
        let refusal = refused(&assembly.members[BJARNI], &["stake", "open", "20000", "--yes"])?;
        ensure!(refusal.contains("C-91") && refusal.contains("16 stake channels"), "{refusal}");
        ensure!(balance(&assembly.members[BJARNI])? == before, "the refused opening spent something");
        // The first, the fifth and the last: the order is that in which they were opened.
        let paying = [0, 4, MOST - 1].map(|at| opened[at].clone());
        for stake in &paying {
            pay(&assembly.members[BJARNI], stake, 1_000)?;
        }
        let copy = assembly.members[BJARNI].data_dir().join("copy");
        let copy = copy.to_str().context("a path")?.to_owned();
        let written: BackupInfo = serde_json::from_value(ask(&assembly.members[BJARNI], &["backup", "write", &copy])?)?;
        ensure!(written.channels.len() == MOST && written.bytes > PART_BYTES, "{written:?}");
        lose_databases(assembly)?;
        let backs = wait_for("the channels to come back", PATIENCE, || match assembly.members[BJARNI].stakes() {
            Ok(backs) if backs.len() == MOST && backs.iter().all(|back| back.state == "ready") => Look::Ready(backs),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        for stake in &paying {
            let back = backs.iter().find(|back| back.channel == stake.channel).context("a channel is missing")?;
            ensure!(back.amount_sat == stake.amount_sat - 1_000, "{back:?}");
        }
        assembly.settle()?;
        pay(&assembly.members[BJARNI], &paying[1], 2_000)?;
        ask(&assembly.members[BJARNI], &["channel", "close", &paying[1].channel, "--yes"])?;
        spender_in_mempool(assembly, &paying[1])?;
        Ok(())
    });
}

/// Opens channels until there are so many, and gives them in their order.
fn open_up_to(assembly: &Assembly, count: usize) -> Result<Vec<Stake>> {
    let member = &assembly.members[BJARNI];
    let address = regtest_address(&member.wallet_address()?)?;
    for _ in member.stakes()?.len()..count {
        assembly.node.pay(&address, Amount::from_sat(60_000))?;
    }
    assembly.mine(1)?;
    while member.stakes()?.len() < count {
        ask(member, &["stake", "open", "20000", "--yes"])?;
        assembly.mine(1)?;
    }
    Ok(wait_for("all to be in use", PATIENCE, || match member.stakes() {
        Ok(stakes) if stakes.iter().all(|stake| stake.state == "ready") => Look::Ready(stakes),
        other => Look::NotYet(format!("{other:?}")),
    })?)
}

fn pay(member: &Actor, stake: &Stake, amount_sat: u64) -> Result<()> {
    let amount = |member: &Actor| -> Result<u64> {
        let stakes = member.stakes()?;
        Ok(stakes.iter().find(|now| now.channel == stake.channel).context("the channel is gone")?.amount_sat)
    };
    let before = amount(member)?;
    ask(member, &["channel", "pay", &stake.channel, &amount_sat.to_string(), "--yes"])?;
    wait_for("the checkpoint", PATIENCE, || match amount(member) {
        Ok(now) if now == before - amount_sat => Look::Ready(()),
        other => Look::NotYet(format!("{other:?}")),
    })?;
    Ok(())
}

fn lose_databases(assembly: &mut Assembly) -> Result<()> {
    assembly.members[BJARNI].kill();
    wipe(assembly.members[BJARNI].data_dir())?;
    assembly.members[BJARNI].start()
}

/// C-107: what breaks the rule is refused at once, whoever has the turn.
#[test]
fn a_payment_that_breaks_its_rule_is_refused_while_the_turn_is_away() {
    with_stakes("wrong-payments", |assembly| {
        let member = &assembly.members[BJARNI];
        let stake = only_stake(member)?;
        // A round gives the turn to the hub.
        pay(member, &stake, 1_000)?;
        let told = only_stake(member)?;
        let most_sat = told.detail.context("a channel in full")?.spendable_sat;
        // No command says 0, and the node takes it from nobody else.
        let nothing = refused(member, &["channel", "pay", &stake.channel, "0", "--yes"])?;
        ensure!(nothing.contains("N-64"), "{nothing}");
        let nothing = Request::ChannelPay { channel: stake.channel.clone(), amount_sat: 0 };
        let nothing = format!("{:#}", member.ask(nothing).unwrap_err());
        ensure!(nothing.contains("C-107") && nothing.contains("at least 1 sat"), "{nothing}");
        for (amount_sat, words) in [(told.amount_sat, "are kept"), (most_sat + 1, "are kept")] {
            let refusal = refused(member, &["channel", "pay", &stake.channel, &amount_sat.to_string(), "--yes"])?;
            ensure!(refusal.contains("C-107") && refusal.contains(words), "{refusal}");
        }
        pay(member, &stake, most_sat)
    });
}

/// N-35, C-11: what the hub refused to open is not opened later, unasked.
#[test]
fn a_refused_opening_ends() {
    with_stakes("refused-opening", |assembly| {
        for _ in 0..6 {
            fund_actor(assembly, &assembly.members[BJARNI], 60_000)?;
        }
        for _ in 0..4 {
            ask(&assembly.members[BJARNI], &["stake", "open", "12000", "--yes"])?;
        }
        let refusal = refused(&assembly.members[BJARNI], &["stake", "open", "12000", "--yes"])?;
        ensure!(refusal.contains("N-35") && refusal.contains("4 openings of yours"), "{refusal}");
        assembly.mine(6)?;
        for _ in 0..2 {
            assembly.members[BJARNI].kill();
            assembly.members[BJARNI].start()?;
            assembly.settle()?;
            assembly.mine(1)?;
        }
        let mut states: Vec<_> = assembly.members[BJARNI].stakes()?.into_iter().map(|stake| stake.state).collect();
        states.sort();
        ensure!(states == ["failed", "ready", "ready", "ready", "ready", "ready"], "{states:?}");
        Ok(())
    });
}

/// A file that is no backup is refused at once, without a hub, and before a life of the folder begins (N-125).
#[test]
fn a_damaged_backup_is_refused_before_anything_begins() {
    with_stakes("damaged-backup", |assembly| {
        let folder = assembly.members[BJARNI].data_dir().to_owned();
        let (copy, damaged) = (folder.join("copy"), folder.join("damaged"));
        let path = |file: &std::path::Path| file.to_str().map(str::to_owned).context("a path");
        for own in ["keys.json", DATABASE_FILE, "wallet.db"] {
            let file = folder.join(own);
            let before = std::fs::metadata(&file)?.len();
            let refusal = refused(&assembly.members[BJARNI], &["backup", "write", &path(&file)?])?;
            ensure!(refusal.contains("N-123") && std::fs::metadata(&file)?.len() >= before, "{refusal}");
        }
        // Twice: an older backup is replaced.
        for _ in 0..2 {
            ask(&assembly.members[BJARNI], &["backup", "write", &path(&copy)?])?;
        }
        let mut bytes = std::fs::read(&copy)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&damaged, &bytes)?;
        let garbage = folder.join("garbage");
        std::fs::write(&garbage, b"no backup at all")?;
        let lives = |folder: &std::path::Path| -> Result<Option<Vec<u8>>> {
            let database = rusqlite::Connection::open(folder.join(DATABASE_FILE))?;
            Ok(database.query_row("SELECT value FROM meta WHERE name = 'lease'", [], |row| row.get(0)).ok())
        };
        let refuse = |member: &Actor| -> Result<()> {
            for file in [&damaged, &garbage] {
                let refusal = refused(member, &["restore", "--backup", &path(file)?])?;
                ensure!(refusal.contains("C-91"), "{refusal}");
            }
            let endless = refused(member, &["backup", "inspect", "/dev/zero"])?;
            ensure!(endless.contains("C-90"), "{endless}");
            Ok(())
        };
        // The node judges for itself what a caller hands it.
        for bytes in [&bytes[..], &bytes[..middle], &[][..]] {
            let asked = assembly.members[BJARNI].ask(Request::Restore { sealed: Some(bytes.to_lower_hex_string()) });
            let refusal = format!("{:#}", asked.unwrap_err());
            ensure!(refusal.contains("C-91"), "{refusal}");
        }
        let asked = assembly.members[BJARNI].ask(Request::Restore { sealed: Some("no hex".to_owned()) });
        ensure!(format!("{:#}", asked.unwrap_err()).contains("C-91"));
        // While the node runs, and while none does.
        refuse(&assembly.members[BJARNI])?;
        assembly.members[BJARNI].stop()?;
        assembly.hub.stop()?;
        let before = lives(&folder)?;
        refuse(&assembly.members[BJARNI])?;
        ensure!(
            before.is_some() && lives(&folder)? == before,
            "a life of the folder was begun for a file that is none"
        );
        assembly.hub.start()?;
        wipe(&folder)?;
        assembly.members[BJARNI].start()?;
        assembly.settle()?;
        // The node has taken the hub's backup up by itself: that is what restore says then.
        let restored = ask(&assembly.members[BJARNI], &["restore", "--backup", &path(&copy)?])?;
        let said = restored["sentences"].to_string();
        ensure!(said.contains("is back at checkpoint") && !said.contains("left alone"), "{restored}");
        // What the emptied folder has to read again goes by itself; a bind that the log has long had is no refusal.
        wait_for("no alarm any more", PATIENCE, || match assembly.members[BJARNI].status() {
            Ok(status) if status.alarms.is_empty() => Look::Ready(()),
            other => Look::NotYet(format!("{:?}", other.map(|status| status.alarms))),
        })?;
        // Once the channel has gone on, an answer to the same words is no refusal either.
        let channel = assembly.members[BJARNI].stakes()?[0].channel.clone();
        ask(&assembly.members[BJARNI], &["channel", "pay", &channel, "1000", "--yes"])?;
        let again = ask(&assembly.members[BJARNI], &["restore", "--backup", &path(&copy)?])?["sentences"].to_string();
        ensure!(again.contains("has gone on since") && !again.contains("left alone"), "{again}");
        Ok(())
    });
}

/// C-77: whatever the wallet pays for, each channel can be closed alone.
#[test]
fn the_wallet_keeps_a_coin_for_closing_each_channel_alone() {
    with_stakes("reserve", |assembly| {
        let member = &assembly.members[BJARNI];
        let has_sat = balance(member)?.confirmed_sat;
        let refusal = refused(member, &["channel", "topup", &(has_sat - 2_000).to_string(), "--yes"])?;
        ensure!(refusal.contains("C-77") && refusal.contains(&has_sat.to_string()), "{refusal}");
        ensure!(balance(member)?.confirmed_sat == has_sat);
        // As much as goes: what is left pays for the close at once, and nothing more has to come in.
        ask(member, &["channel", "topup", &(has_sat - KEPT_SAT - 1_000).to_string(), "--yes"])?;
        assembly.mine(6)?;
        let stake = wait_for("the top-up to be the only funding", PATIENCE, || match member.stakes() {
            Ok(stakes) if stakes[0].detail.as_ref().is_some_and(|detail| detail.splices.is_empty()) => {
                Look::Ready(stakes[0].clone())
            }
            other => Look::NotYet(format!("{other:?}")),
        })?;
        // One coin is left, and a second channel needs another: the opening makes it.
        fund_actor(assembly, member, 60_000)?;
        ask(member, &["stake", "open", "30000", "--yes"])?;
        assembly.mine(6)?;
        let second = wait_for("the second channel", PATIENCE, || match member.stakes() {
            Ok(stakes) if stakes.len() == 2 && stakes[1].state == "ready" => Look::Ready(stakes[1].clone()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        for stake in [&stake, &second] {
            ask(member, &["channel", "close", &stake.channel, "--force", "--yes"])?;
        }
        for stake in [&stake, &second] {
            spender_in_mempool(assembly, stake)?;
        }
        Ok(())
    });
}

/// W-4: a commitment without a coin for its child is not sent, which the answer, the channel and the alarms say until one is there.
#[test]
fn a_close_alone_without_a_coin_says_so_and_goes_out_with_the_next_coin() {
    with_stakes("no-coin", |assembly| {
        let stake = only_stake(&assembly.members[BJARNI])?;
        empty_wallet(assembly)?;
        let member = &assembly.members[BJARNI];
        let told: Stake =
            serde_json::from_value(ask(member, &["channel", "close", &stake.channel, "--force", "--yes"])?)?;
        ensure!(told.state == "closing" && told.words.contains("W-4"), "{told:?}");
        ensure!(only_stake(member)?.words.contains("W-4"));
        let alarms = member.status()?.alarms;
        ensure!(alarms.iter().any(|alarm| alarm.starts_with("W-4")), "{alarms:?}");
        ensure!(spender(assembly, &stake)?.is_none(), "a commitment without a fee is in the mempool");
        // A coin that pays little is better than none: 1,000 sat are too few for the rate wanted.
        fund_actor(assembly, member, 1_000)?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        let child = await_child(assembly, &commitment)?;
        ensure!(child.output[0].value.to_sat() < 700, "{child:?}");
        ensure!(!only_stake(member)?.words.contains("W-4"));
        let alarms = member.status()?.alarms;
        ensure!(!alarms.iter().any(|alarm| alarm.starts_with("W-4")), "{alarms:?}");
        Ok(())
    });
}

/// As by another program with the same words: the node itself keeps a coin.
fn empty_wallet(assembly: &mut Assembly) -> Result<()> {
    assembly.members[BJARNI].stop()?;
    let folder = assembly.members[BJARNI].data_dir().to_owned();
    let mut wallet = Wallet::open(&folder, &Keys::open(&folder, PASSWORD)?)?;
    let elsewhere = regtest_address(&assembly.hub.wallet_address()?)?.script_pubkey();
    let has_sat = wallet.balance().confirmed_sat;
    // What is too little to come back as change goes to the miner.
    let rate = FeeRate::from_sat_per_vb_u32(1);
    let tx = wallet.pay(&[(elsewhere, Amount::from_sat(has_sat - 300))], rate, Vec::new())?;
    ensure!(tx.output.len() == 1, "{tx:?}");
    drop(wallet);
    let hex = bitcoin::consensus::encode::serialize_hex(&tx);
    assembly.node.call("sendrawtransaction", &[serde_json::json!(hex)])?;
    assembly.node.mine(1)?;
    assembly.members[BJARNI].start()?;
    assembly.settle()
}
