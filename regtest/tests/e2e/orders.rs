//! Hazard: what was ordered and answered is forgotten with the program, or done twice; and nobody says why it was not done (N-150).

use althing_node::api::Stake;
use althing_regtest::story::Actor;
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};

use crate::channel_ends::{PATIENCE, only_stake, with_stakes};
use crate::told::{ask, refused};

const BJARNI: usize = 1;

#[test]
fn an_order_outlives_the_program_and_so_does_its_refusal() {
    with_stakes("orders", |assembly| {
        let before = only_stake(&assembly.members[BJARNI])?;
        assembly.hub.kill();
        // Two rounds: in one of them the turn is away.
        let mut wanted = before.amount_sat;
        let mut waited = 0;
        for amount_sat in [1_000, 2_000] {
            ordered(&assembly.members[BJARNI], &before, amount_sat)?;
            assembly.members[BJARNI].kill();
            assembly.members[BJARNI].start()?;
            let words = only_stake(&assembly.members[BJARNI])?.words;
            // With the turn here it is proposed, and stored as that, before the program ends.
            waited += usize::from(words.contains(&format!("{amount_sat} sat are paid with the next checkpoint")));
            assembly.hub.start()?;
            wanted -= amount_sat;
            for actor in [&assembly.members[BJARNI], &assembly.hub] {
                wait_for("the payment", PATIENCE, || match of(actor, &before) {
                    Ok(stake) if stake.amount_sat == wanted && !stake.words.contains("next checkpoint") => {
                        Look::Ready(())
                    }
                    other => Look::NotYet(format!("{} has {other:?}, wanted {wanted}", actor.name())),
                })?;
            }
            assembly.members[BJARNI].kill();
            assembly.members[BJARNI].start()?;
            assembly.settle()?;
            ensure!(only_stake(&assembly.members[BJARNI])?.amount_sat == wanted, "paid twice");
            assembly.hub.kill();
        }
        ensure!(waited > 0, "no order waited for its turn");
        // What nobody can fold any more is told now, and behind a restart.
        ordered(&assembly.members[BJARNI], &before, 3_000)?;
        ask(&assembly.members[BJARNI], &["channel", "close", &before.channel, "--force", "--yes"])?;
        told(&assembly.members[BJARNI])?;
        assembly.members[BJARNI].kill();
        assembly.members[BJARNI].start()?;
        told(&assembly.members[BJARNI])?;
        let late = refused(&assembly.members[BJARNI], &["channel", "pay", &before.channel, "1", "--yes"])?;
        ensure!(late.contains("C-101"), "{late}");
        Ok(())
    });
}

fn ordered(member: &Actor, stake: &Stake, amount_sat: u64) -> Result<()> {
    ask(member, &["channel", "pay", &stake.channel, &amount_sat.to_string(), "--yes"]).map(drop)
}

fn told(member: &Actor) -> Result<()> {
    let words = only_stake(member)?.words;
    ensure!(words.contains("A payment of 3000 sat was refused") && words.contains("C-115"), "{words}");
    let alarms = member.status()?.alarms;
    ensure!(alarms.iter().any(|alarm| alarm.contains("A payment of 3000 sat was refused")), "{alarms:?}");
    Ok(())
}

fn of(actor: &Actor, stake: &Stake) -> Result<Stake> {
    actor.stakes()?.into_iter().find(|found| found.channel == stake.channel).context("no such channel")
}
