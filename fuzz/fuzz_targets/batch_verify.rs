//! Batches of signatures, spoiled in any way: the verdicts are those of libsecp256k1 one by one.
//!
//! The input is a list of changes (5 bytes each) to a batch of valid signatures; valid ones cannot be guessed.
#![no_main]

use std::sync::LazyLock;

use althing_batch::arith::Scalar;
use althing_batch::{Item, KeyCache, Lanes, Verifier};
use libfuzzer_sys::fuzz_target;
use secp256k1::{Keypair, SecretKey, XOnlyPublicKey, schnorr};

/// Key, signature and message of 32 bytes.
#[derive(Clone, Copy)]
struct Vote([u8; 128]);

static VALID: LazyLock<Vec<Vote>> = LazyLock::new(|| (0..200).map(valid).collect());

/// Signatures of 10 members.
fn valid(number: u8) -> Vote {
    let secret = SecretKey::from_secret_bytes([number % 10 + 1; 32]).expect("below n");
    let keypair = Keypair::from_secret_key(&secret);
    let mut bytes = [number; 128];
    bytes[..32].copy_from_slice(&keypair.x_only_public_key().0.to_byte_array());
    bytes[32..96].copy_from_slice(&schnorr::sign_with_aux_rand(&[number; 32], &keypair, &[0; 32]).to_byte_array());
    Vote(bytes)
}

/// One change: what, where, and by how much.
fn change(batch: &mut [Vote], &[what, at, other, byte, value]: &[u8; 5]) {
    let (at, other) = (usize::from(at) % batch.len(), usize::from(other) % batch.len());
    let s = |vote: &Vote| Scalar::from_be_bytes(&vote.0[64..96].try_into().expect("32 bytes"));
    match what % 6 {
        0 => batch[at].0[usize::from(byte) % 128] = value,
        1 => batch[at] = batch[other],
        // A 32-byte field of one becomes that of the other.
        2 => {
            let field = usize::from(byte) % 4 * 32..usize::from(byte) % 4 * 32 + 32;
            let bytes = batch[other].0;
            batch[at].0[field.clone()].copy_from_slice(&bytes[field]);
        }
        // A pair that cancels: s + value and s - value.
        3 => {
            let difference = Scalar::from(u128::from(value));
            if let (Some(first), Some(second)) = (s(&batch[at]), s(&batch[other])) {
                batch[at].0[64..96].copy_from_slice(&(first + difference).to_be_bytes());
                batch[other].0[64..96].copy_from_slice(&(second - difference).to_be_bytes());
            }
        }
        4 => {
            if let Some(s) = s(&batch[at]) {
                batch[at].0[64..96].copy_from_slice(&(-s).to_be_bytes());
            }
        }
        _ => batch[at].0[usize::from(byte) % 4 * 32..][..32].fill(value),
    }
}

fn is_valid(item: &Item<'_>) -> bool {
    let signature = schnorr::Signature::from_byte_array(item.signature);
    XOnlyPublicKey::from_byte_array(item.key).is_ok_and(|key| schnorr::verify(&signature, item.message, &key).is_ok())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&count, changes)) = bytes.split_first() else { return };
    // Mostly small; a large batch with many changes is checked in another way, each signature for itself.
    let count = if count < 240 { 12 + usize::from(count) % 33 } else { VALID.len() };
    let mut batch = VALID[..count].to_vec();
    changes.as_chunks::<5>().0.iter().take(64).for_each(|bytes| change(&mut batch, bytes));
    let items: Vec<_> = batch
        .iter()
        .map(|Vote(bytes)| Item {
            key: bytes[..32].try_into().expect("32 bytes"),
            signature: bytes[32..96].try_into().expect("64 bytes"),
            message: &bytes[96..],
        })
        .collect();
    let expected: Vec<_> = (0..items.len()).filter(|&i| !is_valid(&items[i])).collect();
    for lanes in [Lanes::portable(), Lanes::detect()] {
        let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(8));
        assert_eq!(verifier.check(&items).invalid, expected);
        assert_eq!(verifier.disagreement(), None);
    }
});
