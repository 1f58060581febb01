//! Whose keys signed what a block holds (T-74): nobody has to be believed, the witness tells.

use std::collections::BTreeSet;

use bitcoin::secp256k1::{PublicKey, XOnlyPublicKey};
use bitcoin::taproot::{self, LeafVersion, TapLeafHash};
use bitcoin::{Script, Transaction, TxOut, ecdsa};

use super::descriptor::Treasury;
use super::explain::is_taproot;
use super::signature::{InputOrigin, place_of, tap_message, wsh_message};
use crate::curve::secp;

/// The keys that signed an input of a mined transaction, by their place in [`Treasury::keys`]. Other inputs' outputs are
/// needed for P2TR only; where one is missing, which a thief can see to, those are named whose place in the witness is not empty.
pub fn signers_of(
    transaction: &Transaction,
    input: usize,
    prevouts: &[Option<TxOut>],
    origin: &InputOrigin,
    generations: &[Treasury],
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let (Some(treasury), Some(txin)) = (generations.get(origin.generation), transaction.input.get(input)) else {
        return found;
    };
    let (Ok(keys), Some(Some(prevout))) = (treasury.public_keys_at(origin.index), prevouts.get(input)) else {
        return found;
    };
    let items: Vec<&[u8]> = txin.witness.iter().collect();
    if is_taproot(treasury.descriptor()) {
        let all: Option<Vec<&TxOut>> = prevouts.iter().map(Option::as_ref).collect();
        let Some(leaf) = txin.witness.taproot_leaf_script().filter(|leaf| leaf.version == LeafVersion::TapScript)
        else {
            return found;
        };
        let Some(all) = all.filter(|all| all.len() == transaction.input.len()) else {
            return by_witness(&items, leaf.script, &keys);
        };
        let leaf = TapLeafHash::from_script(leaf.script, LeafVersion::TapScript);
        for item in items {
            let Ok(signature) = taproot::Signature::from_slice(item) else { continue };
            let Some(message) = tap_message(transaction, input, &all, leaf, signature.sighash_type) else { continue };
            found.extend(keys.iter().position(|key| {
                let key = key.x_only_public_key().0;
                secp().verify_schnorr(&signature.signature, &message, &key).is_ok()
            }));
        }
        return found;
    }
    let Some(script) = items.last() else { return found };
    for item in &items {
        let Ok(signature) = ecdsa::Signature::from_slice(item) else { continue };
        let Some(message) =
            wsh_message(transaction, input, Script::from_bytes(script), prevout, signature.sighash_type)
        else {
            continue;
        };
        found.extend(keys.iter().position(|key| secp().verify_ecdsa(&message, &signature.signature, key).is_ok()));
    }
    found
}

/// Keys of a leaf whose signature in a mined witness is not empty: BIP342 lets no block hold one that is not good. Only of leaves that
/// check every key in turn, as `multi_a` does; else which element is whose is not told by its place.
fn by_witness(items: &[&[u8]], leaf: &Script, keys: &[PublicKey]) -> BTreeSet<usize> {
    let pushes =
        leaf.instructions().flatten().filter_map(|step| step.push_bytes().map(|bytes| bytes.as_bytes().to_vec()));
    let checked: Vec<XOnlyPublicKey> = pushes.filter_map(|bytes| XOnlyPublicKey::from_slice(&bytes).ok()).collect();
    let Some(given) = items.len().checked_sub(2).and_then(|count| items.get(..count)) else { return BTreeSet::new() };
    if given.len() != checked.len() {
        return BTreeSet::new();
    }
    // The first key of the script takes the topmost element.
    let signed = checked.iter().zip(given.iter().rev()).filter(|(_, signature)| !signature.is_empty());
    signed.filter_map(|(key, _)| place_of(keys, key)).collect()
}
