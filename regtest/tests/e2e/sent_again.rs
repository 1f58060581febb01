//! Hazard: a payment that the wallet has promised is in nobody's mempool any more.

use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, ensure};
use bitcoin::Txid;

use crate::channel_ends::{PATIENCE, with_stakes};
use crate::told::ask;

const BJARNI: usize = 1;

/// W-7: told to a Bitcoin source that is away, and by a program that is killed then.
#[test]
fn what_the_wallet_has_sent_is_sent_again_with_every_block() {
    with_stakes("sent-again", |assembly| {
        let elsewhere = assembly.hub.wallet_address()?;
        for is_killed in [false, true] {
            assembly.node.stop()?;
            let send = ["wallet", "send", "--to", &elsewhere, "--amount-sat", "9000", "--fee-rate", "3", "--yes"];
            let sent = ask(&assembly.members[BJARNI], &send)?;
            let txid: Txid = sent["txid"].as_str().context("no txid")?.parse()?;
            if is_killed {
                assembly.members[BJARNI].kill();
            }
            assembly.node.restart()?;
            ensure!(!assembly.node.mempool()?.contains(&txid), "it was never told");
            if is_killed {
                assembly.members[BJARNI].start()?;
            } else {
                assembly.node.mine(1)?;
            }
            wait_for("the payment in the mempool", PATIENCE, || match assembly.node.mempool() {
                Ok(waiting) if waiting.contains(&txid) => Look::Ready(()),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            assembly.node.mine(1)?;
            ensure!(assembly.node.inclusion(&txid)?.is_some(), "the payment is not mined");
        }
        Ok(())
    });
}
