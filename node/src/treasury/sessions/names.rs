//! Who signed, by name.

use std::collections::BTreeSet;

use althing_anchor::SigningStatus;

use crate::shell::Shell;
use crate::treasury::key::Signer;
use crate::treasury::policy::holder;

pub(super) fn signer_names(shell: &Shell, status: &[SigningStatus]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for status in status {
        names.extend(status.signed.iter().map(|key| holder(shell, status.generation, *key)));
    }
    once(names)
}

/// Each name once, where it stands first: one treasurer's keys stand in several ways of spending.
pub(super) fn once(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// This treasurer's name by the newest generation in which one of its keys stands.
pub(super) fn own_name(shell: &Shell, signer: &Signer) -> String {
    let treasuries = shell.treasury.policies();
    for (generation, treasury) in treasuries.iter().enumerate().rev() {
        if let Some(key) = treasury.keys().iter().position(|key| signer.holds(key)) {
            return holder(shell, generation, key);
        }
    }
    "somebody without a key of the treasury".to_owned()
}
