//! A channel that has lived long, and ends when blocks are full: a thousand checkpoints, rounds of fees, a spike of fees.

use althing_governance::Entry;
use althing_node::api::Request;
use althing_regtest::{Look, wait_for};
use anyhow::{Context, ensure};

use crate::channel_ends::{
    PATIENCE, await_child, balance, child_in_mempool, fund_actor, only_stake, paid, spender, spender_in_mempool,
    with_stakes,
};
use crate::log_rows;

const CHECKPOINTS: u64 = 1_000;

#[test]
fn a_thousand_checkpoints_and_two_rounds_of_fees() {
    with_stakes("thousand", |assembly| {
        let before = only_stake(&assembly.members[0])?;
        let member = &assembly.members[0];
        let channel = || before.channel.clone();
        let mut expected = before.amount_sat;
        for round in 0..CHECKPOINTS {
            // The hub's part begins above dust; then satoshis go to and fro.
            let (payer, amount_sat) = match round {
                0 => (member, 20_000),
                _ if round % 2 == 1 => (&assembly.hub, 7),
                _ => (member, 9),
            };
            expected = if payer.name() == "hub" { expected + amount_sat } else { expected - amount_sat };
            payer.ask(Request::ChannelPay { channel: channel(), amount_sat })?;
            for side in [member, &assembly.hub] {
                wait_for("the checkpoint", PATIENCE, || {
                    let stakes = side.stakes().unwrap_or_default();
                    let found =
                        stakes.iter().find(|stake| stake.channel == before.channel).map(|stake| stake.amount_sat);
                    if found == Some(expected) {
                        Look::Ready(())
                    } else {
                        Look::NotYet(format!("{found:?} of {expected}"))
                    }
                })?;
            }
        }
        assembly.mine(1)?;
        let log = log_rows::entries(&log_rows::read(assembly.members[4].data_dir()));
        let logged = log.iter().filter(|(_, entry)| match entry {
            Entry::Checkpoint(signed) => signed.checkpoint.channel.to_string() == before.channel,
            _ => false,
        });
        ensure!(logged.count() as u64 > CHECKPOINTS, "every checkpoint is in everybody's log");

        let home = balance(member)?.confirmed_sat;
        let mut last = None;
        for fee_sat in [300, 600, 900] {
            member.ask(Request::StakeClose { channel: channel(), fee_sat })?;
            let whole = before.amount_sat;
            let close = wait_for("the close with that fee", PATIENCE, || match spender(assembly, &before) {
                Ok(Some(tx)) if paid(&tx) == whole - fee_sat => Look::Ready(tx),
                other => Look::NotYet(format!("{other:?}")),
            })?;
            ensure!(close.version.0 == 3 && close.output.len() == 2 && close.vsize() == 154, "{close:?}");
            last = Some(close);
        }
        assembly.mine(1)?;
        let close = last.context("no close")?;
        ensure!(assembly.node.inclusion(&close.compute_txid())?.is_some(), "the last round did not confirm");
        let came = balance(&assembly.members[0])?.confirmed_sat - home;
        ensure!(came == expected - 900, "{came} sat came home, {} were the member's", expected - 900);
        Ok(())
    });
}

#[test]
fn a_close_alone_is_bumped_while_blocks_are_full() {
    with_stakes("fee-spike", |assembly| {
        let stake = only_stake(&assembly.members[0])?;
        fund_actor(assembly, &assembly.members[0], 90_000)?;
        assembly.members[0].ask(Request::StakeForceClose { channel: stake.channel.clone(), newest: false })?;
        let commitment = spender_in_mempool(assembly, &stake)?;
        // Whatever coins it spends.
        let fee_of = |child: &bitcoin::Transaction| -> anyhow::Result<u64> {
            let entry = assembly.node.call("getmempoolentry", &[serde_json::json!(child.compute_txid())])?;
            let fee = entry["fees"]["base"].as_f64().context("a fee in bitcoin")?;
            Ok(bitcoin::Amount::from_btc(fee)?.to_sat())
        };
        let mut fees = vec![fee_of(&await_child(assembly, &commitment)?)?];
        // Nobody mines it: as if every block were full of what pays more.
        let address = assembly.members[1].wallet_address()?;
        for _ in 0..140 {
            assembly.node.call("generateblock", &[serde_json::json!(address), serde_json::json!([])])?;
            assembly.settle()?;
            if let Some(child) = child_in_mempool(assembly, &commitment)? {
                let fee = fee_of(&child)?;
                if fees.last() != Some(&fee) {
                    fees.push(fee);
                }
            }
        }
        ensure!(fees.len() > 3, "the child was never replaced: {fees:?}");
        ensure!(fees.is_sorted(), "a rate fell: {fees:?}");
        assembly.mine(1)?;
        ensure!(assembly.node.inclusion(&commitment.compute_txid())?.is_some(), "the commitment did not confirm");
        Ok(())
    });
}
