//! Weights that differ from the specification's, or that leave out a byte of the batch.

use althing_batch::{Verifier, Weights};
use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::hex::DisplayHex as _;
use serde_json::{Value, json};

use crate::votes::{Vote, items, refused_one_by_one, vote, votes};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/vectors/batch.json");

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/batch.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn generate() -> Value {
    let mut batch = vec![vote(1, b""), vote(2, b"yes"), vote(2, &[0x99; 100])];
    batch.extend(votes(6, 2));
    // A wrong signature, and an item that is not well-formed but hashed all the same.
    batch[4].signature[63] ^= 1;
    batch[7].signature[32..].fill(0xff);
    let batches = [&batch[..0], &batch[..1], &batch[..]];
    json!({
        "about": "Vectors of docs/spec/batch.md: items in order, seed (S-3), weights (S-4), indices of invalid items (S-6). Bytes and weights in hex.",
        "batches": batches.map(|batch| json!({
            "items": batch.iter().map(|vote| json!({
                "key": vote.key.to_lower_hex_string(),
                "message": vote.message.to_lower_hex_string(),
                "signature": vote.signature.to_lower_hex_string(),
            })).collect::<Vec<_>>(),
            "seed": Weights::of(&items(batch)).seed().to_lower_hex_string(),
            "weights": Weights::of(&items(batch)).expand(batch.len()).iter().map(|w| format!("{w:032x}")).collect::<Vec<_>>(),
            "invalid": Verifier::new().check(&items(batch)).invalid,
        })),
    })
}

/// S-3 and S-4 read literally.
fn weights_as_written(batch: &[Vote]) -> Vec<u128> {
    let tagged = |tag: &str, message: Vec<u8>| {
        let tag = sha256::Hash::hash(tag.as_bytes()).to_byte_array();
        sha256::Hash::hash(&[&tag[..], &tag, &message].concat()).to_byte_array()
    };
    let mut list = (batch.len() as u32).to_be_bytes().to_vec();
    for vote in batch {
        list.extend(vote.signature);
        list.extend(vote.key);
        list.extend((vote.message.len() as u32).to_be_bytes());
        list.extend(&vote.message);
    }
    let seed = tagged("althing/batch-weights/v1", list);
    let weight = |i: usize| {
        let hash = tagged("althing/batch-weight/v1", [&seed[..], &((i / 2) as u32).to_be_bytes()].concat());
        let at = i % 2 * 16;
        u128::from_be_bytes(hash[at..at + 16].try_into().unwrap())
    };
    (0..batch.len()).map(|i| if i == 0 { 1 } else { weight(i) }).collect()
}

#[test]
fn weights_are_those_of_the_specification() {
    for count in [0, 1, 2, 3, 8, 33] {
        let batch = votes(count, 3);
        assert_eq!(Weights::of(&items(&batch)).expand(count), weights_as_written(&batch));
    }
}

/// Every byte of every item changes every weight but the first.
#[test]
fn weights_depend_on_every_byte() {
    let batch = votes(4, 4);
    let before = Weights::of(&items(&batch)).expand(4);
    for at in 0..4 {
        for byte in 0..128 {
            let mut changed = batch.clone();
            match byte {
                0..32 => changed[at].key[byte] ^= 1,
                32..96 => changed[at].signature[byte - 32] ^= 1,
                _ => changed[at].message[byte - 96] ^= 1,
            }
            let after = Weights::of(&items(&changed)).expand(4);
            assert!(before.iter().zip(&after).skip(1).all(|(a, b)| a != b), "byte {byte} of item {at}");
        }
    }
}

/// Bytes moved from one message to the next are another batch.
#[test]
fn weights_depend_on_where_messages_end() {
    let mut batch = vec![vote(1, b"ab"), vote(1, b"c")];
    let before = Weights::of(&items(&batch)).expand(2);
    batch[0].message = b"a".to_vec();
    batch[1].message = b"bc".to_vec();
    assert_ne!(Weights::of(&items(&batch)).expand(2), before);
    assert_eq!(refused_one_by_one(&batch), [0, 1]);
}
