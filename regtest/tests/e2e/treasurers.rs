//! What tests of the treasury share: a treasury with money in it, treasurers who sign, and members who see no alarm.

use std::time::Duration;

use althing_node::setup::Founded;
use althing_regtest::story::{Actor, Assembly, enter, fund_treasury, open_stakes, reach_roll};
use althing_regtest::{Look, wait_for};
use anyhow::{Context as _, Result, ensure};
use bitcoin::Txid;
use serde_json::Value;

/// How long a paper may take to everybody on a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// A founded DAO goes on until its members can vote and its treasury has money.
pub(crate) fn begin(assembly: &mut Assembly, founded: &Founded, sat: u64) -> Result<()> {
    enter(assembly, founded)?;
    open_stakes(assembly)?;
    reach_roll(assembly)?;
    fund_treasury(assembly, sat).map(drop)
}

/// These members sign a session one after the other, each at their own node; the first of all has all signatures then.
pub(crate) fn over_the_hub(assembly: &Assembly, id: &str, members: &[usize]) -> Result<()> {
    let with = |least: usize| move |session: &Value| session["signed"].as_array().is_some_and(|s| s.len() >= least);
    for (known, number) in members.iter().enumerate() {
        let member = &assembly.members[*number];
        await_session(member, id, "with the signatures before", with(known))?;
        member.command(&["treasury", "session", "sign", id, "--yes"])?;
    }
    await_session(&assembly.members[0], id, "with all signatures", with(members.len())).map(drop)
}

/// Waits until a session is so at a treasurer's node, and gives it.
pub(crate) fn await_session(actor: &Actor, id: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
    let look = || match actor.cli().run(&["treasury", "session", "show", id, "--json"]) {
        Ok(ran) if ran.code == Some(0) => match serde_json::from_str::<Value>(&ran.stdout) {
            Ok(session) if is_it(&session) => Look::Ready(session),
            other => Look::NotYet(format!("{other:?}")),
        },
        other => Look::NotYet(format!("{other:?}")),
    };
    Ok(wait_for(&format!("session {id} {what} at {}", actor.name()), WITHIN, look)?)
}

/// Nobody's node shows an unauthorised spend.
pub(crate) fn no_alarm(assembly: &Assembly) -> Result<()> {
    for actor in assembly.everybody() {
        let alarms = actor.status()?.alarms;
        ensure!(alarms.iter().all(|alarm| !alarm.contains("UNAUTHORISED")), "{}: {alarms:?}", actor.name());
    }
    Ok(())
}

/// Everybody's node shows this spend as unauthorised, with those who signed it and nobody else.
pub(crate) fn alarm_names(assembly: &Assembly, theft: &Txid, signers: &[&str], others: &[&str]) -> Result<()> {
    for actor in assembly.everybody() {
        let alarms = actor.status()?.alarms;
        let alarm = alarms.iter().find(|alarm| alarm.contains("UNAUTHORISED") && alarm.contains(&theft.to_string()));
        let alarm = alarm.with_context(|| format!("{}: {alarms:?}", actor.name()))?;
        let named = signers.iter().all(|name| alarm.contains(name)) && !others.iter().any(|name| alarm.contains(name));
        ensure!(named, "{} says {alarm}", actor.name());
    }
    Ok(())
}
