//! A member loses everything but the seed words: the channel goes on without being closed.

use althing_node::api::{Reply, Request};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, bail, ensure};

use crate::channel_ends::{PATIENCE, only_stake, stake_of, with_stakes};

#[test]
fn seed_words_and_the_hubs_backup_bring_a_channel_back() {
    with_stakes("lost-laptop", |assembly| {
        let stake = only_stake(&assembly.members[1])?;
        pay(assembly, 30_000)?;
        // The folder is gone but for what the seed words give back: keys, the Bitcoin source, the founding file.
        assembly.members[1].kill();
        let folder = assembly.members[1].data_dir().to_owned();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind.to_string_lossy().starts_with("db")) {
                std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        assembly.members[1].start()?;
        let back = wait_for("the channel to come back", PATIENCE, || match only_stake(&assembly.members[1]) {
            Ok(back) if back.state == "ready" => Look::Ready(back),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        ensure!(back.channel == stake.channel && back.amount_sat == stake.amount_sat - 30_000, "{back:?}");
        // What came out of a backup is never broadcast, until there is something newer.
        let refusal =
            assembly.members[1].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false });
        ensure!(format!("{:#}", refusal.unwrap_err()).contains("C-92"));
        assembly.settle()?;
        pay(assembly, 10_000)?;
        match assembly.members[1].ask(Request::Status)? {
            Reply::Status(status) => ensure!(status.alarms.is_empty(), "{:?}", status.alarms),
            other => bail!("not a status: {other:?}"),
        }
        Ok(())
    });
}

fn pay(assembly: &althing_regtest::story::Assembly, amount_sat: u64) -> Result<()> {
    let member = &assembly.members[1];
    let before = only_stake(member)?;
    member.ask(Request::ChannelPay { channel: before.channel.clone(), amount_sat })?;
    // The hub has it with the last message of the round: nothing is said again later, which would be newer than any backup (C-92).
    for side in [member, &assembly.hub] {
        wait_for("the checkpoint", PATIENCE, || match stake_of(side, &before.channel) {
            Ok(now) if now.amount_sat == before.amount_sat - amount_sat => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    Ok(())
}
