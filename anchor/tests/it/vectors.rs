//! `docs/spec/vectors/anchor.json` is what this code computes. `ALTHING_WRITE_VECTORS=1` rewrites it.

use std::path::Path;

use althing_anchor::{
    BlockHashes, HeaderChain, LinkBuilder, LinkEvidence, Treasury, commitment_leaf, leaf_control_block,
    link_output_script, verify_chain, verify_genesis,
};
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use bitcoin::taproot::LeafVersion;
use bitcoin::{FeeRate, Network, TapLeafHash};
use serde_json::{Value, json};

use crate::support::{CAP, Story, commitment, genesis_params, genesis_transaction, key, keypair, treasury_text};
use crate::vectors_extended;

#[test]
fn committed_vectors_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec/vectors/anchor.json");
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == text, "{} is not current; ALTHING_WRITE_VECTORS=1 rewrites it", path.display());
}

fn vectors() -> Value {
    json!({
        "about": "Hexadecimal throughout. Transaction ids, block hashes and outpoints are in E-9 byte order.",
        "commitment_output": [commitment_output(1, 2), commitment_output(3, 0xff), commitment_output(200, 0)],
        "treasury": treasury(),
        "genesis": genesis(),
        "link": link(),
        "chain": chain(),
        "refused_evidence": refused_evidence(),
        "operators": vectors_extended::operators_sign(),
        "link_shapes": vectors_extended::link_shapes(),
        "timestamps": vectors_extended::timestamps(),
        "succession": vectors_extended::succession(),
    })
}

fn commitment_output(n: u8, c: u8) -> Value {
    let leaf = commitment_leaf(key(n), commitment(c));
    json!({
        "anchor_key": key(n).serialize().to_lower_hex_string(),
        "commitment": commitment(c).to_string(),
        "leaf_script": leaf.to_hex_string(),
        "leaf_hash": TapLeafHash::from_script(&leaf, LeafVersion::TapScript).to_byte_array().to_lower_hex_string(),
        "output_script": link_output_script(key(n), commitment(c)).to_hex_string(),
        "control_block": leaf_control_block(key(n), commitment(c)).serialize().to_lower_hex_string(),
    })
}

fn treasury() -> Value {
    let treasury = Treasury::parse(&treasury_text()).unwrap();
    let scripts: Vec<String> = (0..3).map(|index| treasury.script_at(index).unwrap().to_hex_string()).collect();
    json!({
        "descriptor": treasury.to_string(),
        "threshold": treasury.threshold(),
        "keys": treasury.keys().len(),
        "scripts_at_0_1_2": scripts,
    })
}

fn genesis() -> Value {
    let params = genesis_params();
    let transaction = genesis_transaction(&params);
    let genesis = verify_genesis(&transaction, &params).unwrap();
    let outpoint = |outpoint: &bitcoin::OutPoint| {
        let mut bytes = outpoint.txid.to_byte_array().to_vec();
        bytes.extend(outpoint.vout.to_be_bytes());
        bytes.to_lower_hex_string()
    };
    json!({
        "anchor_key": params.anchor_key.serialize().to_lower_hex_string(),
        "founding_commitment": params.founding_commitment.to_string(),
        "treasury": params.treasury.to_string(),
        "seal_sat": params.seal.to_sat(),
        "spare_seal_sat": params.spare_seal.to_sat(),
        "gate_sat": params.gate.to_sat(),
        "gates": params.gates,
        "transaction": encode::serialize_hex(&transaction),
        "first_seal": outpoint(&genesis.first_seal.outpoint),
        "spare_seal": outpoint(&genesis.spare_seal),
        "gate_outpoints": genesis.gates.iter().map(outpoint).collect::<Vec<_>>(),
    })
}

fn link() -> Value {
    let seal = Story::with_links(0).seal;
    let unsigned = LinkBuilder::new(seal, key(12), commitment(1)).build(FeeRate::from_sat_per_vb_u32(2), CAP).unwrap();
    let sighash = unsigned.sighash();
    let signed = unsigned.clone().sign(&keypair(11), &[7; 32]).unwrap();
    json!({
        "seal_outpoint_txid": seal.outpoint.txid.to_byte_array().to_lower_hex_string(),
        "seal_value_sat": seal.value.to_sat(),
        "seal_secret_key": ([11u8; 32].to_lower_hex_string()),
        "seal_commitment": seal.commitment.to_string(),
        "anchor_key": key(12).serialize().to_lower_hex_string(),
        "commitment": commitment(1).to_string(),
        "fee_rate_sat_per_vb": 2,
        "unsigned_transaction": encode::serialize_hex(unsigned.transaction()),
        "txid": unsigned.transaction().compute_txid().to_byte_array().to_lower_hex_string(),
        "sighash": sighash.as_ref().to_lower_hex_string(),
        "aux_rand": ([7u8; 32].to_lower_hex_string()),
        "signed_transaction": encode::serialize_hex(signed.transaction()),
        "vsize": signed.transaction().vsize(),
    })
}

fn chain() -> Value {
    let story = Story::with_links(2);
    let headers = story.sim.header_bytes();
    let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
    let verified = verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &chain, 4).unwrap();
    let links: Vec<Value> = story
        .links
        .iter()
        .zip(&verified.links[1..])
        .map(|((commitment, anchor_key, evidence), link)| {
            json!({
                "commitment": commitment.to_string(),
                "anchor_key": anchor_key.serialize().to_lower_hex_string(),
                "evidence": evidence.encode().to_lower_hex_string(),
                "height": link.height,
                "index": link.index,
                "depth": link.depth(verified.tip_height),
            })
        })
        .collect();
    json!({
        "network": "regtest",
        "headers": headers.to_lower_hex_string(),
        "tip_height": chain.tip_height(),
        "work": format!("{:x}", chain.work()),
        "genesis_evidence": story.genesis_evidence.encode().to_lower_hex_string(),
        "links": links,
        "final_depth": 4,
        "final_links": verified.final_links,
    })
}

/// Evidence of link 1 above with one change each, and the clause that refuses it.
fn refused_evidence() -> Value {
    let story = Story::with_links(2);
    let good = story.links[0].2.encode();
    let mut cases = vec![];
    let mut case = |name: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        let (clause, _) = refusal(&story, &bytes).split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        cases.push(json!({ "name": name, "evidence": bytes.to_lower_hex_string(), "clause": clause }));
    };
    let siblings = story.links[0].2.inclusion().siblings().len() * 32;
    let end = good.len();
    case("unknown version", &|bytes| bytes[0] = 2);
    case("byte left over", &|bytes| bytes.push(0));
    case("last byte missing", &|bytes| bytes.truncate(end - 1));
    case("seal", &|bytes| bytes[5 + 5] ^= 1);
    case("output key", &|bytes| bytes[5 + 4 + 1 + 41 + 1 + 8 + 3] ^= 1);
    case("output value", &|bytes| bytes[5 + 4 + 1 + 41 + 1] ^= 1);
    case("height", &|bytes| bytes[end - siblings - 9] ^= 1);
    case("index", &|bytes| bytes[end - siblings - 5] ^= 1);
    case("index beyond the branch", &|bytes| bytes[end - siblings - 8] = 1);
    case("sibling", &|bytes| bytes[end - 1] ^= 1);
    case("header time", &|bytes| bytes[end - siblings - 12 - 12] ^= 1);
    Value::Array(cases)
}

fn refusal(story: &Story, bytes: &[u8]) -> String {
    let evidence = match LinkEvidence::decode(bytes) {
        Ok(evidence) => evidence,
        Err(error) => return error.to_string(),
    };
    let mut claims = story.claims();
    claims[0].evidence = &evidence;
    let error = verify_chain(&story.genesis, &story.genesis_evidence, &claims, &story.sim.chain, 1).unwrap_err();
    error.to_string().replacen("link 1: ", "", 1)
}
