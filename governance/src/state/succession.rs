//! Another hub in the place of one that is gone: what Bitcoin and the members' certificate said, as the
//! caller found it.

use bitcoin::OutPoint;
use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};

use super::refusal::{Refusal, invalid};
use super::{CharterVersion, LogState};
use crate::charter::Charter;

/// A hub that a succession put in, and what it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// The last epoch of the hub before; at least 1. Whatever that hub anchored after it is void.
    pub after_epoch: u32,
    /// The new hub's node key.
    pub hub_node_key: PublicKey,
    /// Its log key.
    pub hub_log_key: XOnlyPublicKey,
    /// Its anchor key.
    pub anchor_key: XOnlyPublicKey,
    /// The new spare seal.
    pub spare_seal: OutPoint,
}

/// A succession that the log has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuccessorRecord {
    /// Entries that the log had; the one at this position is the first of the new hub.
    pub position: u64,
    /// Who.
    pub successor: Successor,
}

impl Successor {
    /// The charter in force with the keys of this hub in it.
    #[must_use]
    pub fn charter_after(&self, charter: &Charter) -> Charter {
        Charter {
            hub_node_key: self.hub_node_key,
            hub_log_key: self.hub_log_key,
            anchor_key: self.anchor_key,
            ..charter.clone()
        }
    }
}

impl LogState {
    /// Puts another hub in place from the next entry on. That the certificate holds and is carried out on Bitcoin is the
    /// caller's to check.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the newest final epoch in the log is not the one that it goes on from.
    pub fn succeed(&mut self, successor: Successor) -> Result<(), Refusal> {
        let newest = self.newest_anchored().map_or(0, |record| record.header.epoch);
        if newest == 0 || newest != successor.after_epoch {
            return invalid(
                "A-301",
                format!(
                    "the succession goes on from epoch {}, the newest final one in the log is {newest}",
                    successor.after_epoch
                ),
            );
        }
        let since_height = self.newest_anchored().map_or(0, |record| record.header.closing_height);
        let charter = successor.charter_after(self.charter());
        let position = self.size();
        self.charters.push(CharterVersion {
            hash: charter.hash(),
            charter,
            since_height,
            // In force for the entry at `position` already.
            position: position.saturating_sub(1),
        });
        self.successors.push(SuccessorRecord { position, successor });
        Ok(())
    }

    /// Successions that the log has reached, in order.
    #[must_use]
    pub fn successors(&self) -> &[SuccessorRecord] {
        &self.successors
    }

    /// The hub that was put in behind an epoch, if one was; of several the last.
    #[must_use]
    pub fn successor_after(&self, epoch: u32) -> Option<&Successor> {
        self.successors.iter().map(|record| &record.successor).rfind(|successor| successor.after_epoch == epoch)
    }

    /// The spare seal now.
    #[must_use]
    pub fn spare_seal(&self) -> OutPoint {
        self.spare_seal_of(u32::MAX)
    }

    /// Every spare seal that the log names: the first, and those of successions. Where an election moved it the chain tells.
    pub fn spare_seals(&self) -> impl Iterator<Item = OutPoint> {
        std::iter::once(self.params.spare_seal).chain(self.successors.iter().map(|record| record.successor.spare_seal))
    }

    /// The spare seal that the header of an epoch names.
    #[must_use]
    pub fn spare_seal_of(&self, epoch: u32) -> OutPoint {
        let before = self.successors.iter().rfind(|record| record.successor.after_epoch < epoch);
        before.map_or(self.params.spare_seal, |record| record.successor.spare_seal)
    }
}
