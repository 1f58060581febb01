//! A treasury's policy for people: addresses, sentences, sizes, and who holds which key.

use althing_anchor::{Recovery, ScriptKind, Treasury, TreasuryTemplate, compile_policy};
use althing_governance::Charter;
use althing_governance::charter::Treasurer;
use anyhow::{Context, Result, bail};
use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{Address, Network};
use serde::{Deserialize, Serialize};

use crate::shell::Shell;

/// Most addresses shown at once.
const MAX_ADDRESSES: u32 = 100;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// A descriptor as it is.
    Descriptor(String),
    /// A policy to be compiled: `or(99@thresh(2,pk(A),pk(B)),1@and(pk(C),older(4320)))`.
    Policy {
        /// Whether to P2TR instead of P2WSH.
        taproot: bool,
        /// The policy.
        text: String,
    },
    /// k of n keys with recoveries.
    Template {
        /// Whether to P2TR instead of P2WSH.
        taproot: bool,
        /// k.
        threshold: usize,
        /// The keys.
        keys: Vec<String>,
        /// Recoveries: threshold, blocks of waiting, keys (none: the treasury's own).
        recoveries: Vec<(usize, u16, Vec<String>)>,
    },
}

/// A policy in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// The descriptor with its checksum.
    pub descriptor: String,
    /// Who can spend when, a sentence each.
    pub sentences: Vec<String>,
    /// The keys with their holders.
    pub keys: Vec<KeyView>,
    /// Size of a transaction with one input and two outputs at worst, vB.
    pub one_in_two_out_vbytes: u64,
    /// Weight of one more input at worst.
    pub input_weight: u64,
    /// The first addresses.
    pub addresses: Vec<String>,
}

/// One key of a treasury.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// As the descriptor has it.
    pub key: String,
    /// Its holder's name, or `key n`.
    pub holder: String,
}

/// Makes the treasury that is asked for.
///
/// # Errors
/// What the core refuses, with the rule.
pub fn treasury(source: &PolicySource) -> Result<Treasury> {
    let kind = |taproot: bool| if taproot { ScriptKind::Tr } else { ScriptKind::Wsh };
    Ok(match source {
        PolicySource::Descriptor(text) => Treasury::parse(text.trim())?,
        PolicySource::Policy { taproot, text } => compile_policy(kind(*taproot), text.trim())?,
        PolicySource::Template { taproot, threshold, keys, recoveries } => TreasuryTemplate {
            kind: kind(*taproot),
            threshold: *threshold,
            keys: keys.clone(),
            recoveries: recoveries
                .iter()
                .map(|(threshold, after_blocks, keys)| Recovery {
                    threshold: *threshold,
                    after_blocks: *after_blocks,
                    keys: (!keys.is_empty()).then(|| keys.clone()),
                })
                .collect(),
        }
        .treasury()?,
    })
}

/// A policy in words; `charter` names the holders of its keys.
///
/// # Errors
/// An address that the network does not have, which does not occur.
pub fn view(treasury: &Treasury, network: Network, count: u32, charter: Option<&Charter>) -> Result<PolicyView> {
    if count > MAX_ADDRESSES {
        bail!("T-13: at most {MAX_ADDRESSES} addresses are shown at once");
    }
    let name = |key: usize| holder_in(charter, treasury, key);
    let sentences = ways_to_spend(treasury, charter);
    let size = treasury.size()?;
    let count = if treasury.is_ranged() { count } else { count.min(1) };
    let addresses = (0..count)
        .map(|index| {
            let script = treasury.script_at(index)?;
            Ok(Address::from_script(&script, network).context("an address")?.to_string())
        })
        .collect::<Result<_>>()?;
    Ok(PolicyView {
        descriptor: treasury.to_string(),
        sentences,
        keys: (0..treasury.keys().len())
            .map(|key| KeyView { key: treasury.keys()[key].to_string(), holder: name(key) })
            .collect(),
        one_in_two_out_vbytes: size.one_in_two_out_vbytes,
        input_weight: size.input.to_wu(),
        addresses,
    })
}

/// Every way to spend, a sentence each; `charter` names the holders of the keys (T-13).
pub(crate) fn ways_to_spend(treasury: &Treasury, charter: Option<&Charter>) -> Vec<String> {
    let paths = treasury.paths(|key| holder_in(charter, treasury, key));
    paths.into_iter().map(|path| path.sentence).collect()
}

/// Who holds a key of a generation: a name of the newest charter that had it as treasury, else the key itself.
pub(super) fn holder(shell: &Shell, generation: usize, key: usize) -> String {
    if let Some((name, office)) = office_of(shell, generation, key) {
        return called(shell, name, &office);
    }
    match shell.treasury.treasuries().get(generation) {
        Some(treasury) => format!("key {}", number_of(treasury, key)),
        None => format!("key {}", key + 1),
    }
}

/// Name and office key of who holds a key of a generation, by the newest charter that had it as treasury.
pub(super) fn office_of(shell: &Shell, generation: usize, key: usize) -> Option<(String, XOnlyPublicKey)> {
    let treasuries = shell.treasury.treasuries();
    let mut charters = shell.ledger.state().charters().iter().rev().map(|version| &version.charter);
    let Some(treasury) = treasuries.get(generation) else {
        let stage = shell.treasury.stages().get(generation.saturating_sub(treasuries.len()))?;
        return stage_holder(stage, charters, key);
    };
    let is_its = |charter: &&Charter| Treasury::parse(&charter.treasury_descriptor).is_ok_and(|own| own == *treasury);
    let charter = charters.find(is_its)?;
    let treasurer = charter.treasurers.get(key_holder(treasury, &charter.treasurers, key)?)?;
    Some((treasurer.name.clone(), treasurer.key.x_only_public_key().0))
}

/// T-322: a name, and the key beside it where a newer charter gives the name to another one: who left office, or has a stolen key, does not
/// speak as who came after.
pub(super) fn called(shell: &Shell, name: String, key: &XOnlyPublicKey) -> String {
    let charters = shell.ledger.state().charters().iter().rev().map(|version| &version.charter);
    called_by(name, key, charters.map(names))
}

/// The same by the names and keys of charters, the newest first: the first that has the name says whose it is.
fn called_by(
    name: String,
    key: &XOnlyPublicKey,
    charters: impl Iterator<Item = Vec<(String, XOnlyPublicKey)>>,
) -> String {
    let of_name = |names: Vec<(String, XOnlyPublicKey)>| {
        names.into_iter().filter(|(own, _)| *own == name).map(|(_, key)| key).collect::<Vec<_>>()
    };
    let holders = charters.map(of_name).find(|keys| !keys.is_empty()).unwrap_or_default();
    match holders.contains(key) {
        true => name,
        false => format!("{name} (former key {})", &key.to_string()[..8]),
    }
}

/// Whoever signs by a charter, by name.
fn names(charter: &Charter) -> Vec<(String, XOnlyPublicKey)> {
    let treasurers = charter.treasurers.iter().map(|treasurer| (treasurer.name.clone(), treasurer.key));
    let guardians = charter.staging.iter().flat_map(|staging| &staging.keys).enumerate();
    let all = treasurers.chain(guardians.map(|(place, key)| (guardian_name(place), *key)));
    all.map(|(name, key)| (name, key.x_only_public_key().0)).collect()
}

/// Who holds a key of a stage: a treasurer, or a guardian by the place in a charter's list, the newest first.
fn stage_holder<'a>(
    stage: &Treasury,
    charters: impl Iterator<Item = &'a Charter>,
    key: usize,
) -> Option<(String, XOnlyPublicKey)> {
    let own = stage.public_keys_at(0).ok()?.get(key)?.x_only_public_key().0;
    charters.into_iter().find_map(|charter| {
        if let Some(place) = key_holder(stage, &charter.treasurers, key) {
            let treasurer = charter.treasurers.get(place)?;
            return Some((treasurer.name.clone(), treasurer.key.x_only_public_key().0));
        }
        let place = charter.staging.as_ref()?.keys.iter().position(|key| key.x_only_public_key().0 == own)?;
        Some((guardian_name(place), own))
    })
}

/// What a guardian of staged payments is called: the charter gives them no names.
pub(crate) fn guardian_name(place: usize) -> String {
    format!("guardian {}", place + 1)
}

/// The name of who holds a key, by the charter.
fn holder_in(charter: Option<&Charter>, treasury: &Treasury, key: usize) -> String {
    let found = charter.and_then(|charter| {
        let place = key_holder(treasury, &charter.treasurers, key)?;
        charter.treasurers.get(place)
    });
    found.map_or_else(|| format!("key {}", number_of(treasury, key)), |treasurer| treasurer.name.clone())
}

/// For each key of a treasury the place of the treasurer whose it is.
pub(crate) fn key_holders(treasury: &Treasury, treasurers: &[Treasurer]) -> Vec<Option<usize>> {
    (0..treasury.keys().len()).map(|key| key_holder(treasury, treasurers, key)).collect()
}

/// T-61: the treasurer whose key is the plain key, or the extended key, of that place in the descriptor.
fn key_holder(treasury: &Treasury, treasurers: &[Treasurer], key: usize) -> Option<usize> {
    use bdk_wallet::miniscript::DescriptorPublicKey as Key;
    let first = treasury.public_keys_at(0).ok()?.get(key)?.x_only_public_key().0;
    let extended = match treasury.keys().get(key)? {
        Key::XPub(xpub) => Some(xpub.xkey.public_key.x_only_public_key().0),
        _ => None,
    };
    treasurers.iter().position(|treasurer| {
        let x_only = treasurer.key.x_only_public_key().0;
        first == x_only || extended == Some(x_only)
    })
}

/// Number of a key, from 1, where the branches of one extended key count as one.
fn number_of(treasury: &Treasury, key: usize) -> usize {
    use bdk_wallet::miniscript::DescriptorPublicKey as Key;
    let without_path = |key: &Key| match key {
        Key::XPub(xpub) => xpub.xkey.to_string(),
        other => other.to_string(),
    };
    let mut different: Vec<String> = Vec::new();
    for own in treasury.keys().iter().take(key + 1).map(without_path) {
        if !different.contains(&own) {
            different.push(own);
        }
    }
    let wanted = treasury.keys().get(key).map(without_path);
    different.iter().position(|own| Some(own) == wanted.as_ref()).map_or(key + 1, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-322: whoever had the name before is told apart, and whoever has it is not; a name that nobody has any more stays with who had it last.
    #[test]
    fn a_former_key_does_not_speak_as_who_came_after() {
        let key = |text: &str| text.parse::<XOnlyPublicKey>().unwrap();
        let first = key("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
        let second = key("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
        let names =
            |list: &[(&str, XOnlyPublicKey)]| list.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect();
        let charters: [Vec<(String, XOnlyPublicKey)>; 2] =
            [names(&[("Bjarni", second)]), names(&[("Bjarni", first), ("Astrid", second)])];
        let called = |name: &str, key| called_by(name.to_owned(), key, charters.iter().cloned());
        assert_eq!(called("Bjarni", &second), "Bjarni");
        assert_eq!(called("Bjarni", &first), "Bjarni (former key 79be667e)");
        assert_eq!(called("Astrid", &second), "Astrid");
        assert_eq!(called("Nobody", &first), "Nobody (former key 79be667e)");
    }
}
