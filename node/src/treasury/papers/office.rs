//! Who is a treasurer, here and elsewhere, and when each was heard last.

use anyhow::Result;
use bitcoin::secp256k1::{Keypair, XOnlyPublicKey};

use super::SILENT_EPOCHS;
use crate::api::{PaperView, TreasurerView};
use crate::keys::hex;
use crate::shell::Shell;
use crate::treasury::key::Signer;
use crate::treasury::policy::{called, guardian_name};

/// Name of the alarm about treasurers that are not heard.
const SILENT: &str = "treasurers";

/// The treasurer at this node.
pub(in crate::treasury) struct Office {
    /// The key by which the charter knows it.
    pub(in crate::treasury) keypair: Keypair,
    /// Whether the charter in force names it.
    pub(in crate::treasury) is_present: bool,
}

impl Office {
    /// The key, x-only.
    pub(in crate::treasury) fn key(&self) -> [u8; 32] {
        self.keypair.x_only_public_key().0.serialize()
    }
}

/// The treasurer at this node, or the guardian of staged payments (T-98), by the newest charter that names one of its keys.
pub(in crate::treasury) fn own_office(shell: &Shell) -> Option<Office> {
    let signer = Signer::new(&shell.keys);
    let versions = shell.ledger.state().charters();
    for (age, version) in versions.iter().rev().enumerate() {
        let guardians = version.charter.staging.iter().flat_map(|staging| &staging.keys);
        let treasurers = version.charter.treasurers.iter().map(|treasurer| &treasurer.key);
        for key in treasurers.chain(guardians) {
            if let Some(keypair) = signer.office_key(&key.x_only_public_key().0) {
                return Some(Office { keypair, is_present: age == 0 });
            }
        }
    }
    None
}

/// T-305: the name of a treasurer of any charter that was in force, the newest first: whoever left office still signs the sweep.
/// T-98: guardians of staged payments take part too; they bring back what rests.
pub(in crate::treasury) fn name_of(shell: &Shell, key: &XOnlyPublicKey) -> Option<String> {
    let name = shell.ledger.state().charters().iter().rev().find_map(|version| {
        let is_its = |own: &bitcoin::secp256k1::PublicKey| own.x_only_public_key().0 == *key;
        let treasurer = version.charter.treasurers.iter().find(|treasurer| is_its(&treasurer.key));
        let guardian = || Some(guardian_name(version.charter.staging.as_ref()?.keys.iter().position(is_its)?));
        treasurer.map(|treasurer| treasurer.name.clone()).or_else(guardian)
    })?;
    Some(called(shell, name, key))
}

/// Treasurers of the charter in force, and when each was heard.
pub(in crate::treasury) fn treasurer_views(shell: &Shell) -> Result<Vec<TreasurerView>> {
    let heard = shell.store.treasurers_heard()?;
    let own = own_office(shell).map(|office| office.key());
    let charter = shell.ledger.state().charter();
    let limit = charter.epoch_blocks.saturating_mul(SILENT_EPOCHS);
    let views = charter.treasurers.iter().map(|treasurer| {
        let key = treasurer.key.x_only_public_key().0.serialize();
        let heard_height = heard.get(&key).copied();
        TreasurerView {
            name: treasurer.name.clone(),
            key: hex(&key),
            is_me: own == Some(key),
            heard_height,
            is_silent: heard_height.is_some_and(|height| shell.tip_height().saturating_sub(height) > limit),
        }
    });
    Ok(views.collect())
}

/// Every paper that is here.
pub(in crate::treasury) fn paper_views(shell: &Shell) -> Result<Vec<PaperView>> {
    let author = |key: &[u8; 32]| {
        let name = XOnlyPublicKey::from_slice(key).ok().and_then(|key| name_of(shell, &key));
        name.unwrap_or_else(|| hex(key))
    };
    let views = shell.store.papers()?.into_iter().map(|row| PaperView {
        id: hex(&row.id),
        author: author(&row.author),
        kind: row.kind,
        session: row.session,
        height: row.height,
        state: row.state,
        note: row.note,
    });
    Ok(views.collect())
}

/// T-313: the dead-man alarm. Who was never heard may use an outside signer, so nothing follows from that.
pub(super) fn watch_silence(shell: &mut Shell) -> Result<()> {
    let silent: Vec<String> = treasurer_views(shell)?
        .into_iter()
        .filter(|treasurer| treasurer.is_silent && !treasurer.is_me)
        .map(|treasurer| format!("{} (heard last at height {})", treasurer.name, treasurer.heard_height.unwrap_or(0)))
        .collect();
    let before = shell.alarms.remove(SILENT);
    if !silent.is_empty() {
        let text = format!(
            "T-313: treasurers not heard for {SILENT_EPOCHS} epochs: {}. If a key is lost, elect others before too few are left.",
            silent.join(", ")
        );
        shell.alarms.insert(SILENT, text);
    }
    if before.as_ref() != shell.alarms.get(SILENT) {
        shell.revision += 1;
    }
    Ok(())
}
