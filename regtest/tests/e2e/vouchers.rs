//! A voucher that is given by order: paid at once, told until it is folded, and folded by the other side with the next block (N-261).

use althing_regtest::story::Actor;
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};

use crate::channel_ends::{PATIENCE, only_stake, stake_of, with_stakes};
use crate::told::{ask, refused};

const GIVEN_SAT: u64 = 1_500;

#[test]
fn a_voucher_given_by_order_is_folded_by_the_other_side() {
    with_stakes("vouchers", |assembly| {
        let before = only_stake(&assembly.members[1])?;
        let amount = GIVEN_SAT.to_string();
        ask(&assembly.members[1], &["channel", "pay", &before.channel, &amount, "--voucher", "--yes"])?;
        ensure!(paying(&assembly.members[1], &before.channel)? == GIVEN_SAT, "not told");
        // What is promised is not promised again, nor spent otherwise; at most half the reserve of 4,000 sat.
        let over = refused(&assembly.members[1], &["channel", "pay", &before.channel, "501", "--voucher", "--yes"])?;
        ensure!(over.contains("C-104"), "{over}");
        // It outlives both, and no step of theirs folds it twice.
        assembly.members[1].kill();
        assembly.hub.kill();
        assembly.hub.start()?;
        assembly.members[1].start()?;
        let folded = before.amount_sat - GIVEN_SAT;
        assembly.mine(1)?;
        for actor in [&assembly.members[1], &assembly.hub] {
            wait_for("the voucher to be folded", PATIENCE, || match stake_of(actor, &before.channel) {
                Ok(stake) if stake.amount_sat == folded => Look::Ready(()),
                other => Look::NotYet(format!("{} has {other:?}", actor.name())),
            })?;
        }
        assembly.mine(2)?;
        ensure!(only_stake(&assembly.members[1])?.amount_sat == folded, "folded twice");
        ensure!(paying(&assembly.members[1], &before.channel)? == 0, "told when it is over");
        // The hub gives one the other way round.
        ask(&assembly.hub, &["channel", "pay", &before.channel, "400", "--voucher", "--yes"])?;
        assembly.mine(1)?;
        wait_for("the hub's voucher to be folded", PATIENCE, || match only_stake(&assembly.members[1]) {
            Ok(stake) if stake.amount_sat == folded + 400 => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
        Ok(())
    });
}

fn paying(member: &Actor, channel: &str) -> Result<u64> {
    Ok(stake_of(member, channel)?.detail.context("no detail")?.paying_sat)
}
