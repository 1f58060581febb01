//! Several operators behind one anchor key: which sets of them this node's settings name, and its own place in them.

use std::path::Path;

use althing_anchor::Operators;
use anyhow::{Context, Result};
use bitcoin::secp256k1::{Keypair, PublicKey, XOnlyPublicKey};

use crate::api::{ApiError, OperatorSet, OperatorStatus, OperatorView};
use crate::config::Config;
use crate::keys::{Keys, REPLACEMENTS};
use crate::shell::Shell;

/// Names of the alarms about signatures of operators that are missing, and about such as were refused or are wrong.
pub(crate) const MISSING: &str = "operators";
pub(crate) const REFUSED: &str = "operators' refusals";

/// Name of the stored epoch header that this operator pledged its newest signature to.
pub(crate) const PLEDGED: &str = "pledged_header";

/// Who signs the link that spends a seal.
pub(crate) enum Holder {
    /// This hub alone.
    Alone(Keypair),
    /// All of these together, of whom this node is one.
    Together(Operators, Keypair),
}

/// Who holds an anchor key.
///
/// # Errors
/// N-78 when it is neither a key of this seed nor that of operators of whom this seed is one, or settings that are malformed.
pub(crate) fn holder(shell: &Shell, anchor_key: &XOnlyPublicKey) -> Result<Holder> {
    let config = Config::load(&shell.dir)?;
    match own_place(&config, &shell.keys, anchor_key)? {
        Some((operators, own)) => Ok(Holder::Together(operators, own)),
        None => shell.keys.anchor_for(anchor_key).map(Holder::Alone),
    }
}

/// The operators whose anchor key this is, and this seed's key among them.
///
/// # Errors
/// When the settings are malformed.
pub(crate) fn own_place(
    config: &Config,
    keys: &Keys,
    anchor_key: &XOnlyPublicKey,
) -> Result<Option<(Operators, Keypair)>> {
    let found = sets(config)?.into_iter().find(|operators| operators.anchor_key() == *anchor_key);
    Ok(found.and_then(|operators| own_key(keys, &operators).map(|own| (operators, own))))
}

/// This seed's key among some operators.
pub(crate) fn own_key(keys: &Keys, operators: &Operators) -> Option<Keypair> {
    (0..REPLACEMENTS).map(|number| keys.anchor_number(number)).find(|own| operators.keys().contains(&own.public_key()))
}

/// Every set that this node's settings name, and what waits or was refused. Of the others `is_connected` tells, who is; a node
/// always has itself.
///
/// # Errors
/// When the settings are malformed.
pub(crate) fn view(
    shell: &Shell,
    next_epoch: u32,
    is_connected: impl Fn(&PublicKey) -> Option<bool>,
) -> Result<OperatorView> {
    let in_force = shell.ledger.link_key(next_epoch);
    let words: Vec<&str> =
        [MISSING, REFUSED].iter().filter_map(|name| shell.alarms.get(name)).map(String::as_str).collect();
    let waits = (!words.is_empty()).then(|| words.join(" "));
    let mut view = OperatorView { sets: Vec::new(), waits };
    for set in sets(&Config::load(&shell.dir)?)? {
        let own = own_key(&shell.keys, &set).map(|own| own.public_key());
        let status = |key: &PublicKey| {
            let is_own = own.as_ref() == Some(key);
            let is_connected = if is_own { Some(true) } else { is_connected(key) };
            OperatorStatus { key: key.to_string(), is_own, is_connected }
        };
        view.sets.push(OperatorSet {
            anchor_key: set.anchor_key().to_string(),
            in_force: set.anchor_key() == in_force,
            operators: set.keys().iter().map(status).collect(),
        });
    }
    Ok(view)
}

/// Every set of operators that the settings name.
///
/// # Errors
/// N-424 when one of them is none.
pub fn sets(config: &Config) -> Result<Vec<Operators>> {
    config.operators.iter().map(|keys| parse(keys)).collect()
}

/// Adds a set to a folder's settings; the same one again changes nothing. Says which anchor key it makes, in sentences.
///
/// # Errors
/// Keys that are none, a set without a key of this seed, or I/O.
pub fn add(dir: &Path, password: &str, keys: &[String]) -> Result<Vec<String>> {
    let operators = parse(keys)?;
    let own = own_key(&Keys::open(dir, password)?, &operators).ok_or_else(|| {
        ApiError::invalid("N-424", "N-424: none of these is an operator key of this seed; `althing keys` shows it")
    })?;
    Config::change(dir, |config| {
        if !sets(config)?.contains(&operators) {
            config.operators.push(operators.keys().iter().map(PublicKey::to_string).collect());
        }
        Ok(())
    })?;
    Ok(vec![
        format!("These {} operators sign every link together; yours is {}.", operators.keys().len(), own.public_key()),
        format!(
            "Their anchor key is {}: the charter's `anchor_key`, or that of a vote to replace it.",
            operators.anchor_key()
        ),
        "Without one of them there are no more links: a succession then puts in another hub.".to_owned(),
        "A node that runs takes this up when it is started again.".to_owned(),
    ])
}

fn parse(keys: &[String]) -> Result<Operators> {
    let invalid = |reason: String| ApiError::invalid("N-424", format!("N-424: {reason}"));
    let keys: Vec<PublicKey> = keys
        .iter()
        .map(|text| text.parse().map_err(|_| invalid(format!("{text:?} is not a compressed public key"))))
        .collect::<Result<_, _>>()?;
    Operators::new(keys).map_err(|error| invalid(error.to_string())).context("operators")
}
