//! Whoever has the hub's anchor key spends the seal elsewhere: nothing that the hub signs from then on counts, and the DAO goes on.

use std::time::Duration;

use althing_regtest::story::{Actor, audit, rogue};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};

use crate::stage::with_members_on_roll;
use crate::succession::{collect, free_port, next_hub, propose, run, seen, sign, utf8};

const PATIENCE: Duration = Duration::from_secs(60);

/// Blocks within which an epoch closes and its link becomes final, and as much again.
const WITHIN_BLOCKS: u32 = 60;

#[test]
fn members_are_told_and_go_on_over_the_spare_seal() {
    with_members_on_roll("diverted-seal", |assembly| {
        let link = assembly.mine_until("a link in the newest block", WITHIN_BLOCKS, || {
            Ok(assembly.hub.links()?.pop().filter(|link| link.confirmations == 1))
        })?;
        assembly.narrator.step("the seal goes elsewhere");
        let thief = rogue::divert_seal(assembly)?.compute_txid().to_string();
        assembly.mine(1)?;
        for actor in assembly.everybody() {
            let words = told(actor, "A-111")?;
            let last = format!("althing succession propose --after {}", link.epoch);
            ensure!(words.contains(&thief) && words.contains(&last), "{}: {words}", actor.name());
            let health = actor.cli().run(&["health"])?;
            ensure!(health.code == Some(2), "{}: {health:?}", actor.name());
        }
        // The hub goes on signing heads, and anchors nothing more.
        assembly.mine(14)?;
        for actor in assembly.everybody() {
            let (links, status) = (actor.links()?, actor.status()?);
            // N-243: by now it is as deep as a link that counts, and no data is missing to it.
            let states: Vec<&str> = links.iter().filter(|link| link.txid == thief).map(|link| &*link.state).collect();
            ensure!(states == ["diverted"], "{}: {states:?}", actor.name());
            let health = actor.cli().run(&["health"])?;
            ensure!(!health.stdout.contains("withheld"), "{}: {health:?}", actor.name());
            let of_the_log = links.iter().filter(|link| link.verified).count();
            ensure!(
                of_the_log == link.epoch as usize && status.final_epoch == Some(link.epoch),
                "{}: {links:?} {status:?}",
                actor.name()
            );
        }

        assembly.narrator.step("members and treasurers put another hub in its place");
        assembly.hub.kill();
        let folder = assembly.data_dir.join("succession");
        std::fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name).to_str().map(str::to_owned).context("a path");
        let (statement, certificate, spend) = (file("statement")?, file("certificate")?, file("spend")?);
        let (mut next, keys) = next_hub(assembly)?;
        propose(&assembly.members[0], &keys, &statement)?;
        let signatures = [file("signature-0")?, file("signature-1")?];
        for (member, signature) in assembly.members.iter().zip(&signatures) {
            sign(member, &statement, signature)?.succeeded()?;
        }
        collect(assembly, &statement, &signatures, &certificate)?.succeeded()?;
        run(&assembly.members[2], &["spend", &certificate, "--out", &spend])?.succeeded()?;
        let cosigned = [file("cosigned-0")?, file("cosigned-1")?];
        for (treasurer, out) in assembly.members.iter().zip(&cosigned) {
            run(treasurer, &["cosign", &certificate, &spend, "--out", out, "--yes"])?.succeeded()?;
        }
        run(&assembly.members[4], &["publish", &cosigned[0], &cosigned[1]])?.succeeded()?;
        assembly.node.mine(6)?;
        seen(assembly)?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let founding = utf8(&assembly.hub.data_dir().join("dao.json"))?;
        run(&next, &["take-over", &certificate, "--dao", &founding, "--listen", &listen])?.succeeded()?;
        next.start()?;
        for member in &assembly.members {
            let channel = member.stakes()?.first().context("no stake")?.channel.chars().take(8).collect::<String>();
            let followed = run(member, &["follow", &certificate, "--address", &listen, "--yes"])?;
            // Channels stay where they are until their member says: move, or close.
            let close = format!("althing channel close {channel}");
            ensure!(
                followed.code == Some(0)
                    && followed.stdout.contains("althing channel migrate")
                    && followed.stdout.contains(&close),
                "{followed:?}"
            );
        }
        drop(std::mem::replace(&mut assembly.hub, next));
        assembly.mine_until("an epoch of the new hub final for everybody", WITHIN_BLOCKS, || {
            for member in &assembly.members {
                if member.status()?.final_epoch <= Some(link.epoch) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })?;
        for actor in assembly.everybody() {
            let alarms = actor.status()?.alarms;
            ensure!(!alarms.iter().any(|alarm| alarm.contains("A-111")), "{}: {alarms:?}", actor.name());
        }

        assembly.narrator.step("a member leaves the former hub by the command that it was told");
        let leaver = &assembly.members[4];
        let channel = leaver.stakes()?.first().context("no stake")?.channel.clone();
        // Nobody is left to show where the channel stands (C-150).
        leaver.cli().run(&["channel", "close", &channel, "--force", "--newest", "--yes"])?.succeeded()?;
        assembly.mine(1)?;
        let stake = leaver.stakes()?.into_iter().find(|stake| stake.channel == channel).context("the stake")?;
        ensure!(stake.state != "ready" && stake.closing_txid.is_some(), "{stake:?}");
        audit(assembly).map(drop)
    });
}

/// The alarm with these words.
fn told(actor: &Actor, words: &str) -> Result<String> {
    wait_for(&format!("{} to be told of {words}", actor.name()), PATIENCE, || match actor.status() {
        Ok(status) => match status.alarms.iter().find(|alarm| alarm.contains(words)) {
            Some(alarm) => Look::Ready(Ok(alarm.clone())),
            None => Look::NotYet(format!("{status:?}")),
        },
        Err(error) => Look::NotYet(format!("{error:#}")),
    })?
}
