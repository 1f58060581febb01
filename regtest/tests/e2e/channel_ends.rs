//! What tests of channel ends share: stakes to close, coins to pay with, and looks into the mempool.

use std::time::Duration;

use althing_node::api::{Balance, Reply, Request, Stake};
use althing_regtest::story::{Actor, Assembly, Periods, enter, found, open_stakes, reach_roll, regtest_address};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result};
use bitcoin::{Amount, OutPoint, Transaction, Txid, consensus};

use crate::stage;

/// Longest wait for what a node does by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `act` with an assembly of its own whose members' stakes are on the roll.
pub(crate) fn with_stakes(name: &str, act: impl FnOnce(&mut Assembly) -> Result<()>) {
    stage::with_assembly(name, |assembly| {
        stakes_on_roll(assembly)?;
        act(assembly)
    });
}

/// Founds a DAO, and waits until the stake of each member is on the roll.
pub(crate) fn stakes_on_roll(assembly: &mut Assembly) -> Result<()> {
    let founded = found(assembly, Periods::SHORT)?;
    enter(assembly, &founded)?;
    open_stakes(assembly)?;
    reach_roll(assembly)
}

/// The first stake channel of a member.
pub(crate) fn only_stake(member: &Actor) -> Result<Stake> {
    member.stakes()?.into_iter().next().context("no stake")
}

/// The stake channel of that id, as one side has it.
pub(crate) fn stake_of(actor: &Actor, channel: &str) -> Result<Stake> {
    actor.stakes()?.into_iter().find(|stake| stake.channel == channel).context("no such channel")
}

/// The on-chain wallet.
pub(crate) fn balance(actor: &Actor) -> Result<Balance> {
    match actor.ask(Request::WalletBalance)? {
        Reply::Balance(balance) => Ok(balance),
        other => anyhow::bail!("not a balance: {other:?}"),
    }
}

/// Puts a confirmed coin into a wallet.
pub(crate) fn fund_actor(assembly: &Assembly, actor: &Actor, amount_sat: u64) -> Result<()> {
    let address = regtest_address(&actor.wallet_address()?)?;
    assembly.node.fund(&address, Amount::from_sat(amount_sat))?;
    assembly.settle()
}

fn outpoint(stake: &Stake) -> Result<OutPoint> {
    Ok(stake.funding_outpoint.as_deref().context("no funding")?.parse()?)
}

/// The transaction in the mempool that spends the funding.
pub(crate) fn spender(assembly: &Assembly, stake: &Stake) -> Result<Option<Transaction>> {
    let funding = outpoint(stake)?;
    for txid in assembly.node.mempool()? {
        let tx = raw(assembly, &txid)?;
        if tx.input.iter().any(|input| input.previous_output == funding) {
            return Ok(Some(tx));
        }
    }
    Ok(None)
}

/// The same, waiting for it.
pub(crate) fn spender_in_mempool(assembly: &Assembly, stake: &Stake) -> Result<Transaction> {
    Ok(wait_for("a spend of the funding in the mempool", PATIENCE, || match spender(assembly, stake) {
        Ok(Some(tx)) => Look::Ready(tx),
        other => Look::NotYet(format!("{other:?}")),
    })?)
}

/// The transaction in the mempool that spends an output of `parent`; the hub's links are there too.
pub(crate) fn child_in_mempool(assembly: &Assembly, parent: &Transaction) -> Result<Option<Transaction>> {
    let txid = parent.compute_txid();
    for candidate in assembly.node.mempool()? {
        let tx = raw(assembly, &candidate)?;
        if tx.input.iter().any(|input| input.previous_output.txid == txid) {
            return Ok(Some(tx));
        }
    }
    Ok(None)
}

/// The same, waiting for it.
pub(crate) fn await_child(assembly: &Assembly, parent: &Transaction) -> Result<Transaction> {
    Ok(wait_for("a spend of the commitment in the mempool", PATIENCE, || match child_in_mempool(assembly, parent) {
        Ok(Some(tx)) => Look::Ready(tx),
        other => Look::NotYet(format!("{other:?}")),
    })?)
}

/// A transaction in the mempool.
pub(crate) fn raw(assembly: &Assembly, txid: &Txid) -> Result<Transaction> {
    let hex = assembly.node.call("getrawtransaction", &[serde_json::json!(txid)])?;
    Ok(consensus::encode::deserialize_hex(hex.as_str().context("not a hex string")?)?)
}

/// Sum of the outputs.
pub(crate) fn paid(tx: &Transaction) -> u64 {
    tx.output.iter().map(|output| output.value.to_sat()).sum()
}
