//! Who signed, by name.

use std::collections::BTreeSet;

use althing_anchor::SigningStatus;
use bitcoin::secp256k1::XOnlyPublicKey;

use crate::keys::hex;
use crate::shell::Shell;
use crate::treasury::key::Signer;
use crate::treasury::papers::{name_of, own_office};
use crate::treasury::policy::{holder, office_of};

pub(super) fn signer_names(shell: &Shell, status: &[SigningStatus]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for status in status {
        names.extend(status.signed.iter().map(|key| holder(shell, status.generation, *key)));
    }
    once(names)
}

/// T-322: as whom they are noted: by the keys of their offices.
pub(super) fn signer_authors(shell: &Shell, status: &[SigningStatus]) -> Vec<String> {
    let author = |generation: usize, key: usize| {
        let office = office_of(shell, generation, key);
        office.map_or_else(|| holder(shell, generation, key), |(_, office)| hex(&office.serialize()))
    };
    let signed = status.iter().flat_map(|status| status.signed.iter().map(|key| author(status.generation, *key)));
    once(signed.collect())
}

/// As whom this node's treasurer is noted.
pub(super) fn own_author(shell: &Shell) -> String {
    own_office(shell).map_or_else(|| own_name(shell, &Signer::new(&shell.keys)), |office| hex(&office.key()))
}

/// Who an author is, in words.
pub(super) fn author_name(shell: &Shell, author: &str) -> String {
    let key = author.parse::<XOnlyPublicKey>().ok();
    key.and_then(|key| name_of(shell, &key)).unwrap_or_else(|| author.to_owned())
}

/// Each name once, where it stands first: one treasurer's keys stand in several ways of spending.
pub(super) fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// This treasurer's name by the newest generation in which one of its keys stands.
fn own_name(shell: &Shell, signer: &Signer) -> String {
    let treasuries = shell.treasury.policies();
    for (generation, treasury) in treasuries.iter().enumerate().rev() {
        if let Some(key) = treasury.keys().iter().position(|key| signer.holds(key)) {
            return holder(shell, generation, key);
        }
    }
    "somebody without a key of the treasury".to_owned()
}
