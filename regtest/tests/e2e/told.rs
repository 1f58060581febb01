//! What a command told: an answer that was awaited, or a refusal that was.

use althing_regtest::story::Actor;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The answer of a command that must succeed, as JSON.
pub(crate) fn ask(actor: &Actor, command: &[&str]) -> Result<Value> {
    actor.cli().json(command).with_context(|| format!("{}: {command:?}", actor.name()))
}

/// What a command says that must be refused.
pub(crate) fn refused(actor: &Actor, command: &[&str]) -> Result<String> {
    let ran = actor.cli().run(&[command, &["--json"]].concat())?;
    ensure!(ran.code.is_some_and(|code| code == 1 || code == 2), "{command:?}: {ran:?}");
    Ok(ran.stdout)
}

/// The same for a command whose review was agreed to.
pub(crate) fn refused_behind_review(actor: &Actor, command: &[&str]) -> Result<String> {
    refused(actor, &[command, &["--yes"]].concat())
}
