//! Published test vectors of what others keep: tower blobs and receipts, backups. `docs/spec/vectors/keeping.json`.

use std::path::Path;

use althing_channels::backup::{BackedUpChannel, Backup, BackupKey};
use althing_channels::tower::{Hint, TowerReceipt, TowerTerms, seal_justice};
use althing_channels::wire::{
    BackupData, BackupFetch, BackupStore, BackupStored, LeaseClaim, LeaseGranted, PartOf, TowerStore, TowerStored,
};
use althing_channels::{Msg, NetworkId, Side};
use bitcoin::FeeRate;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use bitcoin::secp256k1::{Keypair, Secp256k1, SecretKey};
use lightning::ln::wire::Type;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ended::{BALANCES, Ended};
use crate::pair::{close_script, keys};

fn towers() -> Vec<Value> {
    let secp = Secp256k1::new();
    let tower = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[3; 32]).unwrap());
    let network = NetworkId([7; 32]);
    [Side::Member, Side::Hub]
        .into_iter()
        .map(|side| {
            let ended = Ended::new(side);
            let revoked = ended.commitment(side.other(), 2);
            let terms =
                TowerTerms { script: close_script(side), rate: FeeRate::from_sat_per_vb_u32(10), aux_rand: [0; 32] };
            let sealed = seal_justice(&ended.watch(), ended.context(), 2, BALANCES, &terms, [9; 24]).unwrap();
            assert_eq!(sealed.hint, Hint::of(revoked.compute_txid()));
            let receipt = TowerReceipt::sign(&tower, network, &sealed, 100, 52_660, [0; 32]);
            json!({
                "victim": format!("{side:?}").to_lowercase(),
                "revoked_commitment": serialize_hex(&revoked),
                "txid_bytes": revoked.compute_txid().to_byte_array().to_lower_hex_string(),
                "hint": sealed.hint.0.to_lower_hex_string(),
                "justice": serialize_hex(&sealed.open(&revoked).unwrap()),
                "blob": sealed.blob.to_lower_hex_string(),
                "blob_digest": sealed.digest().to_lower_hex_string(),
                "receipt": {
                    "tower": tower.x_only_public_key().0.to_string(),
                    "network": network.to_string(),
                    "from_height": receipt.from_height,
                    "until_height": receipt.until_height,
                    "signature": receipt.signature.to_lower_hex_string(),
                },
            })
        })
        .collect()
}

fn backup() -> Value {
    let channel =
        |index: u32| BackedUpChannel { index, peer: keys(Side::Hub).public().payment, state: vec![5; 40], number: 7 };
    let backup = Backup { counter: 12, channels: vec![channel(0), channel(3)] };
    let sealed = backup.seal(&BackupKey::new([4; 32]), [8; 24]).unwrap();
    assert_eq!(Backup::open(&sealed, &BackupKey::new([4; 32])).unwrap(), backup);
    json!({
        "secret": "04".repeat(32),
        "counter": backup.counter,
        "channels": backup.channels.iter().map(|channel| json!({
            "index": channel.index,
            "peer": channel.peer.to_string(),
            "state": channel.state.to_lower_hex_string(),
            "number": channel.number,
        })).collect::<Vec<_>>(),
        "sealed": sealed.to_lower_hex_string(),
    })
}

fn messages() -> Vec<Msg> {
    vec![
        TowerStore { hint: [1; 16], blob: vec![2; 30] }.into(),
        TowerStored { blob: [3; 32], from_height: 100, until_height: 52_660, signature: [4; 64] }.into(),
        BackupStore { sealed: vec![1; 40], part: None }.into(),
        BackupStore { sealed: vec![1; 40], part: Some(PartOf { part: 2, parts: 3 }) }.into(),
        BackupStored { counter: 12 }.into(),
        BackupFetch {}.into(),
        BackupData { sealed: None, part: None }.into(),
        BackupData { sealed: Some(vec![1; 40]), part: None }.into(),
        BackupData { sealed: Some(vec![1; 40]), part: Some(PartOf { part: 2, parts: 3 }) }.into(),
        LeaseClaim { counter: 0, token: [6; 32] }.into(),
        LeaseGranted { counter: 4, token: [6; 32] }.into(),
    ]
}

#[test]
fn published_vectors_are_current() {
    let message =
        |msg: &Msg| json!({ "type": msg.type_id(), "payload": msg.to_payload().unwrap().to_lower_hex_string() });
    let vectors = json!({
        "towers": towers(),
        "backup": backup(),
        "messages": messages().iter().map(message).collect::<Vec<_>>(),
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec/vectors/keeping.json");
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    #[allow(clippy::disallowed_methods, reason = "the switch of this one test")]
    if std::env::var("ALTHING_WRITE_VECTORS").is_ok() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(published == text, "docs/spec/vectors/keeping.json is not what the code computes");
}

#[test]
fn messages_survive_the_wire_and_nothing_shorter_or_longer_is_taken() {
    for msg in messages() {
        let payload = msg.to_payload().unwrap();
        assert_eq!(Msg::read(msg.type_id(), &mut payload.as_slice()).unwrap(), Some(msg.clone()));
        for length in 0..payload.len() {
            assert!(Msg::read(msg.type_id(), &mut &payload[..length]).is_err(), "{msg:?} cut at {length}");
        }
    }
}

proptest! {
    #[test]
    fn no_stored_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(althing_channels::tower::TowerWatch::decode(&bytes).is_err());
    }
}
