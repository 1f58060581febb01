//! Which nonce signed what, over all restarts; and what is broadcast, checked with the library of the rest of the program.

use althing_channels::{Msg, Side, funding_script};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, Secp256k1, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::{Amount, Transaction, TxOut, XOnlyPublicKey};

use super::pair::{Pair, STAKE_SAT, funding_outpoint, keys};

impl Pair {
    pub(crate) fn watch_nonces(&mut self, side: Side, msg: &Msg) {
        let (nonce, signature) = match msg {
            Msg::FundingSigned(msg) => (msg.signature.nonce, msg.signature.signature),
            Msg::CommitmentSigned(msg) => (msg.signature.nonce, msg.signature.signature),
            Msg::ClosingComplete(msg) => (msg.signature.nonce, msg.signature.signature),
            Msg::SpliceNonce(msg) => {
                self.hub_splice_nonce = Some(msg.nonce.to_bytes());
                return;
            }
            Msg::SpliceSign(msg) => {
                let used = msg.nonce.map(|nonce| nonce.to_bytes()).or(self.hub_splice_nonce).unwrap();
                return self.note_nonce(used, msg.signature.to_bytes());
            }
            Msg::Shutdown(msg) => {
                // Without one in a move to another hub (C-300).
                match msg.nonce {
                    Some(nonce) => self.announced.insert(side, nonce.to_bytes()),
                    None => self.announced.remove(&side),
                };
                return;
            }
            Msg::ClosingSig(msg) => {
                let used = self.announced.insert(side, msg.next_nonce.to_bytes()).unwrap();
                return self.note_nonce(used, msg.signature.to_bytes());
            }
            _ => return,
        };
        self.note_nonce(nonce.to_bytes(), signature.to_bytes());
    }

    /// A nonce that made two different signatures gives away the key.
    pub(crate) fn note_nonce(&mut self, nonce: [u8; 66], signature: [u8; 32]) {
        let known = *self.nonce_uses.entry(nonce).or_insert(signature);
        assert_eq!(known, signature, "one nonce in two sessions");
    }

    /// A commitment that is broadcast: well signed, and over one funding never another (C-26).
    pub(crate) fn check_commitment(&mut self, side: Side, transaction: &Transaction) {
        let funding = transaction.input[0].previous_output;
        match self.spliced_output(funding) {
            Some(prevout) => check_spend_of(transaction, &prevout),
            None => check_spend(transaction),
        }
        let earlier = self.commitments.iter().filter(|(by, _)| *by == side).map(|(_, earlier)| earlier);
        for earlier in earlier.filter(|earlier| earlier.input[0].previous_output == funding) {
            assert_eq!(earlier, transaction, "the own commitment was signed twice");
        }
    }
}

/// Checks a key-path spend of the funding output with the library of the rest of the program.
pub(crate) fn check_spend(transaction: &Transaction) {
    let member = keys(Side::Member).public().funding;
    let hub = keys(Side::Hub).public().funding;
    let prevout = TxOut { value: Amount::from_sat(STAKE_SAT), script_pubkey: funding_script(&member, &hub) };
    assert_eq!(transaction.input[0].previous_output, funding_outpoint());
    check_spend_of(transaction, &prevout);
}

pub(super) fn check_spend_of(transaction: &Transaction, prevout: &TxOut) {
    assert_eq!(transaction.version.0, 3);
    assert_eq!(transaction.input.len(), 1);
    let sighash = SighashCache::new(transaction)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[prevout]), TapSighashType::Default)
        .unwrap();
    let signature = schnorr::Signature::from_slice(transaction.input[0].witness.nth(0).unwrap()).unwrap();
    let key = XOnlyPublicKey::from_slice(&prevout.script_pubkey.as_bytes()[2..]).unwrap();
    Secp256k1::new().verify_schnorr(&signature, &Message::from_digest(sighash.to_byte_array()), &key).unwrap();
}
