//! Vectors of the treasury, for `docs/spec/vectors/treasury.json`.

use althing_anchor::{
    Paper, PaperBody, Recovery, ScriptKind, TreasuryTemplate, finalise, ownership_psbt, sign_treasurer_hello,
    write_proof,
};
use bitcoin::Txid;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use bitcoin::secp256k1::Keypair;
use serde_json::{Value, json};

use crate::support::{secp, xpub};
use crate::treasury_world::{Chest, sign, tr, wsh, xprv};

#[test]
fn committed_treasury_vectors_are_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/treasury.json");
    let computed = format!("{:#}\n", vectors());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(path, &computed).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(computed == committed, "vectors differ from {path}; ALTHING_WRITE_VECTORS=1 rewrites them");
}

fn vectors() -> Value {
    json!({
        "note": "Treasurer n's BIP32 seed is the byte n, 32 times, on regtest. All hex is in the order of serialisation.",
        "policies": [policy(ScriptKind::Wsh, 0), policy(ScriptKind::Tr, 0), policy(ScriptKind::Wsh, 10), policy(ScriptKind::Tr, 10)],
        "papers": papers(),
        "payments": [payment("P2WSH, 2 of 3", &Chest::new(wsh()), &[1, 3]), payment("P2TR, 3 of 5", &Chest::new(tr()), &[1, 2, 5])],
    })
}

/// Treasurer 1 says a thing of each short kind with zero bytes for `aux_rand`.
fn papers() -> Vec<Value> {
    let author = Keypair::from_secret_key(&secp(), &xprv(1).private_key);
    let paper = |session: [u8; 32], body: PaperBody| {
        let key = author.x_only_public_key().0;
        let session = Txid::from_byte_array(session);
        let paper = Paper { network: [1; 32], dao: [2; 32], author: key, height: 100, session, body };
        let signed = paper.sign(&author, &[0; 32]);
        json!({ "bytes": signed.encode().to_lower_hex_string(), "id": signed.id().to_lower_hex_string() })
    };
    let hello = sign_treasurer_hello(&author, ([1; 32], [2; 32]), ([3; 33], [4; 33]), &[0; 32]);
    vec![
        paper([5; 32], PaperBody::Comment("Both before winter.".to_owned())),
        paper([5; 32], PaperBody::Refusal("Not yet.".to_owned())),
        paper([0; 32], PaperBody::Presence),
        json!({ "hello": hello.serialize().to_lower_hex_string() }),
    ]
}

fn policy(kind: ScriptKind, after_blocks: u16) -> Value {
    let keys: Vec<String> = (1..=3).map(|n| xpub(n).to_string()).collect();
    let recoveries: Vec<Recovery> =
        (after_blocks > 0).then_some(Recovery { after_blocks, threshold: 1, keys: None }).into_iter().collect();
    let treasury = TreasuryTemplate { kind, threshold: 2, keys, recoveries }.treasury().unwrap();
    let size = treasury.size().unwrap();
    json!({
        "template": { "taproot": kind == ScriptKind::Tr, "threshold": 2, "recovery_after_blocks": after_blocks },
        "descriptor": treasury.to_string(),
        "script_0": treasury.script_at(0).unwrap().to_hex_string(),
        "script_7": treasury.script_at(7).unwrap().to_hex_string(),
        "sentences": treasury.paths(|key| format!("key {}", key + 1)).into_iter().map(|p| p.sentence).collect::<Vec<_>>(),
        "input_weight_at_worst": size.input.to_wu(),
        "one_in_two_out_vbytes_at_worst": size.one_in_two_out_vbytes,
    })
}

fn payment(name: &str, chest: &Chest, by: &[u8]) -> Value {
    let mut psbt = chest.psbt();
    let proof = althing_anchor::PsbtProof { bundles: vec![b"proof file".to_vec()], note: Some("a note".to_owned()) };
    write_proof(&mut psbt, &proof);
    let signed = sign(&psbt, by);
    let claim = ownership_psbt(&chest.generations[0], b"a message", 0, &[]).unwrap();
    json!({
        "name": name,
        "descriptor": chest.generations[0].to_string(),
        "outputs": chest.intent.outputs.iter().map(serialize_hex).collect::<Vec<_>>(),
        "fee_cap_sat": chest.intent.fee_cap.to_sat(),
        "gate": chest.gate.outpoint.to_string(),
        "psbt": psbt.serialize().to_lower_hex_string(),
        "unsigned_tx": serialize_hex(&psbt.unsigned_tx),
        "signed_by": by,
        "transaction_id": finalise(&signed, &chest.generations).unwrap().compute_txid().to_string(),
        "ownership_transaction_id": claim.unsigned_tx.compute_txid().to_string(),
    })
}
