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
        for amount_sat in [1_000, 2_000] {
            ordered(&assembly.members[BJARNI], &before, amount_sat)?;
            assembly.members[BJARNI].kill();
            assembly.members[BJARNI].start()?;
            // Whether it waits for its turn, or is proposed already and waits for the hub.
            under_way(&assembly.members[BJARNI], &before, amount_sat)?;
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

/// A payment that no checkpoint of both has is told everywhere, and the review of another one reckons with it.
fn under_way(member: &Actor, stake: &Stake, amount_sat: u64) -> Result<()> {
    let told = of(member, stake)?;
    let detail = told.detail.context("no detail")?;
    ensure!(told.words.contains(&format!("{amount_sat} sat of yours are being paid to the hub")), "{}", told.words);
    ensure!(detail.paying_sat == amount_sat && member.status()?.paying_sat == amount_sat, "{detail:?}");
    let left = told.amount_sat - amount_sat - detail.reserve_sat;
    ensure!(detail.spendable_sat == left, "{left} sat could be paid: {detail:?}");
    let review = member.cli().run(&["channel", "pay", &stake.channel, &(left + 1).to_string()])?;
    for part in ["are being paid already", "only", "C-107"] {
        ensure!(review.code != Some(0) && review.stderr.contains(part), "{part}: {review:?}");
    }
    let refusal = refused(member, &["channel", "pay", &stake.channel, &(left + 1).to_string(), "--yes"])?;
    ensure!(refusal.contains("C-107"), "{refusal}");
    Ok(())
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
