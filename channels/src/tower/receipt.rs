//! A tower's signed promise. Clause C-82.

use bitcoin::secp256k1::{Keypair, Message, XOnlyPublicKey, schnorr};

use super::blob::SealedJustice;
use crate::ids::{NetworkId, tagged_hash};
use crate::secp::secp;

/// A tower's word that it holds a blob and looks for its commitment from a height on.
///
/// With the blob, the commitment in the chain and the absence of its justice it proves that the tower broke its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TowerReceipt {
    /// Network the tower watches.
    pub network: NetworkId,
    /// [`SealedJustice::digest`] of the blob.
    pub blob: [u8; 32],
    /// Height of the tower's tip when it took the blob.
    pub from_height: u32,
    /// Height up to which the tower keeps it.
    pub until_height: u32,
    /// The tower's BIP340 signature.
    pub signature: [u8; 64],
}

/// Why a receipt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// It is for another blob or network.
    #[error("C-82: the receipt is for another blob or network")]
    Other,
    /// The tower did not sign it.
    #[error("C-82: the receipt is not signed by the tower {tower}")]
    Signature {
        /// The tower's key.
        tower: XOnlyPublicKey,
    },
}

impl TowerReceipt {
    /// Signs the receipt for a blob that is stored durably.
    pub fn sign(
        tower: &Keypair,
        network: NetworkId,
        justice: &SealedJustice,
        from_height: u32,
        until_height: u32,
        aux_rand: [u8; 32],
    ) -> Self {
        let blob = justice.digest();
        let digest = digest(network, &blob, from_height, until_height);
        let signature = secp().sign_schnorr_with_aux_rand(&Message::from_digest(digest), tower, &aux_rand).serialize();
        Self { network, blob, from_height, until_height, signature }
    }

    /// Checks that `tower` promised to hold this blob.
    ///
    /// # Errors
    /// [`ReceiptError`] naming C-82.
    pub fn verify(
        &self,
        tower: &XOnlyPublicKey,
        network: NetworkId,
        justice: &SealedJustice,
    ) -> Result<(), ReceiptError> {
        if self.blob != justice.digest() || self.network != network {
            return Err(ReceiptError::Other);
        }
        let digest = digest(self.network, &self.blob, self.from_height, self.until_height);
        schnorr::Signature::from_slice(&self.signature)
            .and_then(|signature| secp().verify_schnorr(&signature, &Message::from_digest(digest), tower))
            .map_err(|_| ReceiptError::Signature { tower: *tower })
    }
}

fn digest(network: NetworkId, blob: &[u8; 32], from_height: u32, until_height: u32) -> [u8; 32] {
    let heights = [from_height.to_be_bytes(), until_height.to_be_bytes()].concat();
    tagged_hash("althing/tower-receipt/v1", &[&network.0, blob, &heights])
}
