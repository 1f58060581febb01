//! The official vectors of BIP327 and BIP341 against what this crate signs and builds with: libsecp256k1's MuSig2 as `musig.rs` calls it,
//! rust-bitcoin's Taproot as `scripts.rs` does. Where a vector gives secrets that libsecp256k1 does not read, the oracle of
//! `musig_oracle` signs, and libsecp256k1 checks the signature.
//!
//! Not here: messages that have not 32 bytes, which libsecp256k1 does not sign, and DeterministicSign, which nobody here uses.

use althing_channels::{FundingAggregate, PublicNonce, funding_script};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hashes::Hash as _;
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::key::{TapTweak as _, TweakedPublicKey};
use bitcoin::secp256k1::{Keypair, Message, PublicKey, Secp256k1, SecretKey, XOnlyPublicKey, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::{LeafVersion, TaprootBuilder};
use bitcoin::{Address, Amount, KnownHrp, ScriptBuf, TapNodeHash, TapTweakHash, Transaction, TxOut};
use musig2::{AggNonce, BinaryEncoding as _, KeyAggContext, SecNonce};
use secp_musig::musig;
use serde_json::Value;

fn bip327() -> Value {
    serde_json::from_str(include_str!("../vectors/bip327.json")).unwrap()
}

fn bip341() -> Value {
    serde_json::from_str(include_str!("../vectors/bip341.json")).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    Vec::from_hex(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex(value).try_into().unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn keys(case: &Value) -> Option<Vec<secp_musig::PublicKey>> {
    list(&case["keys"]).iter().map(|key| secp_musig::PublicKey::from_slice(&hex(key)).ok()).collect()
}

/// As `FundingAggregate` aggregates, with the tweaks of the vector.
fn cache(case: &Value) -> Option<musig::KeyAggCache> {
    let keys = keys(case)?;
    let mut cache = musig::KeyAggCache::new(&keys.iter().collect::<Vec<_>>());
    for tweak in case["tweaks"].as_array().into_iter().flatten() {
        let scalar = secp_musig::Scalar::from_be_bytes(array(&tweak["tweak"])).ok()?;
        match tweak["is_xonly"].as_bool().unwrap() {
            true => cache.pubkey_xonly_tweak_add(&scalar).ok()?,
            false => cache.pubkey_ec_tweak_add(&scalar).ok()?,
        };
    }
    Some(cache)
}

fn nonces(case: &Value) -> Option<Vec<musig::PublicNonce>> {
    list(&case["nonces"]).iter().map(|nonce| musig::PublicNonce::from_byte_array(&array(nonce)).ok()).collect()
}

fn sum(nonces: &[musig::PublicNonce]) -> musig::AggregatedNonce {
    musig::AggregatedNonce::new(&nonces.iter().collect::<Vec<_>>())
}

#[test]
fn bip327_keys_are_sorted_and_aggregated() {
    let vectors = bip327();
    let mut sorted: Vec<[u8; 33]> = list(&vectors["key_sort"]["keys"]).iter().map(array).collect();
    sorted.sort_unstable();
    let expected: Vec<[u8; 33]> = list(&vectors["key_sort"]["sorted"]).iter().map(array).collect();
    assert_eq!(sorted, expected);
    for case in list(&vectors["key_agg"]) {
        assert_eq!(cache(case).unwrap().agg_pk().to_byte_array(), array(&case["expected"]), "{case}");
    }
    for case in list(&vectors["key_agg_refused"]) {
        assert!(cache(case).is_none(), "{case}");
    }
    // What this crate aggregates is the two of them in the order of KeySort.
    let [one, other] = [0, 1].map(|at| PublicKey::from_slice(&expected[at]).unwrap());
    let pair = serde_json::json!({ "keys": [expected[0].to_lower_hex_string(), expected[1].to_lower_hex_string()] });
    let internal = cache(&pair).unwrap().agg_pk().to_byte_array();
    for aggregate in [FundingAggregate::new(&one, &other), FundingAggregate::new(&other, &one)] {
        assert_eq!(aggregate.internal_key().serialize(), internal);
    }
}

#[test]
fn bip327_nonces() {
    let vectors = bip327();
    for case in list(&vectors["nonce_agg"]) {
        assert_eq!(sum(&nonces(case).unwrap()).serialize(), array(&case["expected"]), "{case}");
    }
    for case in list(&vectors["nonce_agg_refused"]) {
        assert!(nonces(case).is_none(), "{case}");
        let ours = list(&case["nonces"]).iter().map(|nonce| PublicNonce::from_bytes(&array(nonce)));
        assert!(ours.collect::<Option<Vec<_>>>().is_none(), "{case}");
    }
    for case in list(&vectors["nonce_gen"]) {
        let expected: [u8; 66] = array(&case["expected_pubnonce"]);
        let made: [u8; 66] = match case["sk"].as_str() {
            // libsecp256k1 takes the aggregate key of a cache only, and that of the vector is of no keys.
            Some(_) => {
                let (msg, extra) = (hex(&case["msg"]), hex(&case["extra_in"]));
                let aggregated = PublicKey::from_slice(&[&[2], hex(&case["aggpk"]).as_slice()].concat()).unwrap();
                let secret = SecretKey::from_slice(&hex(&case["sk"])).unwrap();
                let nonce = SecNonce::build_with_seckey(array(&case["rand"]), secret).with_message(&msg);
                nonce.with_aggregated_pubkey(aggregated).with_extra_input(&extra).build().public_nonce().to_bytes()
            }
            None => {
                let rand = musig::SessionSecretRand::assume_uniformly_random(array(&case["rand"]));
                let key = secp_musig::PublicKey::from_slice(&hex(&case["pk"])).unwrap();
                musig::new_nonce_pair(rand, None, None, key, None, None).1.serialize()
            }
        };
        assert_eq!(made, expected, "{case}");
    }
}

#[test]
fn bip327_partial_signatures() {
    let (vectors, mut checked) = (bip327(), 0);
    for case in list(&vectors["sign"]) {
        let (msg, signer) = (hex(&case["msg"]), case["signer"].as_u64().unwrap() as usize);
        let expected: [u8; 32] = array(&case["expected"]);
        let keys_of_oracle = list(&case["keys"]).iter().map(|key| PublicKey::from_slice(&hex(key)).unwrap());
        let mut context = KeyAggContext::new(keys_of_oracle).unwrap();
        for tweak in list(&case["tweaks"]) {
            let scalar = SecretKey::from_slice(&hex(&tweak["tweak"])).unwrap();
            context = context.with_tweak(scalar, tweak["is_xonly"].as_bool().unwrap()).unwrap();
        }
        let secret = SecretKey::from_slice(&hex(&case["sk"])).unwrap();
        let (secnonce, aggnonce) =
            (SecNonce::from_bytes(&hex(&case["secnonce"])), AggNonce::from_bytes(&hex(&case["aggnonce"])));
        let signed: musig2::PartialSignature =
            musig2::sign_partial(&context, secret, secnonce.unwrap(), &aggnonce.unwrap(), &msg).unwrap();
        assert_eq!(signed.serialize(), expected, "{case}");

        let Ok(msg) = <[u8; 32]>::try_from(msg) else { continue };
        let (cache, nonces) = (cache(case).unwrap(), nonces(case).unwrap());
        let aggregated = sum(&nonces);
        assert_eq!(aggregated.serialize(), array(&case["aggnonce"]), "{case}");
        let session = musig::Session::new(&cache, aggregated, &msg);
        let part = musig::PartialSignature::from_byte_array(&expected).unwrap();
        assert!(session.partial_verify(&cache, &part, &nonces[signer], keys(case).unwrap()[signer]), "{case}");
        checked += 1;
    }
    assert_eq!(checked, 9, "of BIP327's 11 that are signed, two have no 32 bytes to sign");
    for case in list(&vectors["verify_refused"]) {
        let signer = case["signer"].as_u64().unwrap() as usize;
        let parts = (cache(case), nonces(case), musig::PartialSignature::from_byte_array(&array(&case["sig"])).ok());
        let (Some(cache), Some(nonces), Some(part)) = parts else { continue };
        let session = musig::Session::new(&cache, sum(&nonces), &array(&case["msg"]));
        assert!(!session.partial_verify(&cache, &part, &nonces[signer], keys(case).unwrap()[signer]), "{case}");
    }
}

#[test]
fn bip327_signatures_are_aggregated() {
    for case in list(&bip327()["sig_agg"]) {
        let (cache, nonces) = (cache(case).unwrap(), nonces(case).unwrap());
        let aggregated = sum(&nonces);
        assert_eq!(aggregated.serialize(), array(&case["aggnonce"]), "{case}");
        let session = musig::Session::new(&cache, aggregated, &array(&case["msg"]));
        let parts: Vec<musig::PartialSignature> = list(&case["psigs"])
            .iter()
            .map(|part| musig::PartialSignature::from_byte_array(&array(part)).unwrap())
            .collect();
        let full = session.partial_sig_agg(&parts.iter().collect::<Vec<_>>()).assume_valid().to_byte_array();
        assert_eq!(full, array::<64>(&case["expected"]), "{case}");
        let key = XOnlyPublicKey::from_slice(&cache.agg_pk().to_byte_array()).unwrap();
        let signature = schnorr::Signature::from_slice(&full).unwrap();
        Secp256k1::new().verify_schnorr(&signature, &Message::from_digest(array(&case["msg"])), &key).unwrap();
    }
}

#[test]
fn bip341_outputs() {
    let (secp, vectors) = (Secp256k1::new(), bip341());
    for case in list(&vectors["outputs"]) {
        let internal = XOnlyPublicKey::from_slice(&hex(&case["internal_key"])).unwrap();
        let mut leaves = Vec::new();
        collect_leaves(&case["tree"], 0, &mut leaves);
        let mut builder = TaprootBuilder::new();
        for (depth, script, version) in &leaves {
            builder = builder.add_leaf_with_ver(*depth, script.clone(), *version).unwrap();
        }
        let (root, output_key) = if leaves.is_empty() {
            // C-5, C-21: no tree, but a tweak.
            let key = internal.public_key(bitcoin::secp256k1::Parity::Even);
            assert_eq!(althing_channels::to_remote_script(&key).to_bytes(), hex(&case["script"]), "{case}");
            (None, internal.tap_tweak(&secp, None).0)
        } else {
            let info = builder.finalize(&secp, internal).unwrap();
            let blocks =
                leaves.iter().map(|(_, script, version)| info.control_block(&(script.clone(), *version)).unwrap());
            let expected: Vec<Vec<u8>> = list(&case["control_blocks"]).iter().map(hex).collect();
            assert_eq!(blocks.map(|block| block.serialize()).collect::<Vec<_>>(), expected, "{case}");
            let hashes = leaves.iter().map(|(_, script, version)| TapNodeHash::from_script(script, *version));
            let expected: Vec<Vec<u8>> = list(&case["leaf_hashes"]).iter().map(hex).collect();
            assert_eq!(hashes.map(|hash| hash.to_byte_array().to_vec()).collect::<Vec<_>>(), expected, "{case}");
            (info.merkle_root(), info.output_key())
        };
        assert_eq!(
            root.map(|root| root.to_byte_array().to_lower_hex_string()).as_deref(),
            case["merkle_root"].as_str()
        );
        assert_eq!(TapTweakHash::from_key_and_tweak(internal, root).to_byte_array(), array(&case["tweak"]), "{case}");
        assert_eq!(output_key.to_x_only_public_key().serialize(), array(&case["output_key"]), "{case}");
        let script =
            ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(output_key.to_x_only_public_key()));
        assert_eq!(script.to_bytes(), hex(&case["script"]), "{case}");
        assert_eq!(Address::p2tr_tweaked(output_key, KnownHrp::Mainnet).to_string(), case["address"].as_str().unwrap());
    }
    // C-5 by the same way: the aggregate of two keys with the tweak of no tree.
    let [a, b] = [[1; 32], [2; 32]].map(|secret| SecretKey::from_slice(&secret).unwrap().public_key(&secp));
    let aggregate = FundingAggregate::new(&a, &b);
    assert_eq!(ScriptBuf::new_p2tr(&secp, aggregate.internal_key(), None), funding_script(&a, &b));
}

fn collect_leaves(tree: &Value, depth: u8, leaves: &mut Vec<(u8, ScriptBuf, LeafVersion)>) {
    match tree {
        Value::Array(branches) => branches.iter().for_each(|branch| collect_leaves(branch, depth + 1, leaves)),
        Value::Object(leaf) => {
            let version = LeafVersion::from_consensus(leaf["leafVersion"].as_u64().unwrap() as u8).unwrap();
            leaves.push((depth, ScriptBuf::from_bytes(hex(&leaf["script"])), version));
        }
        _ => {}
    }
}

#[test]
fn bip341_key_path_spends() {
    let (secp, vectors) = (Secp256k1::new(), bip341());
    let spend = &vectors["spend"];
    let tx: Transaction = deserialize_hex(spend["unsigned_tx"].as_str().unwrap()).unwrap();
    let spent: Vec<TxOut> = list(&spend["spent"])
        .iter()
        .map(|output| TxOut {
            value: Amount::from_sat(output["sat"].as_u64().unwrap()),
            script_pubkey: ScriptBuf::from_bytes(hex(&output["script"])),
        })
        .collect();
    for case in list(&spend["inputs"]) {
        let keypair = Keypair::from_seckey_slice(&secp, &hex(&case["secret"])).unwrap();
        let internal = keypair.x_only_public_key().0;
        assert_eq!(internal.serialize(), array(&case["internal_key"]), "{case}");
        let root = case["merkle_root"].as_str().map(|_| TapNodeHash::from_byte_array(array(&case["merkle_root"])));
        assert_eq!(TapTweakHash::from_key_and_tweak(internal, root).to_byte_array(), array(&case["tweak"]), "{case}");
        let tweaked = keypair.tap_tweak(&secp, root).to_keypair();
        assert_eq!(tweaked.secret_bytes(), array(&case["tweaked_secret"]), "{case}");
        let (at, kind) = (case["input"].as_u64().unwrap() as usize, case["hash_type"].as_u64().unwrap() as u8);
        let kind = TapSighashType::from_consensus_u8(kind).unwrap();
        let sighash =
            SighashCache::new(&tx).taproot_key_spend_signature_hash(at, &Prevouts::All(&spent), kind).unwrap();
        assert_eq!(sighash.to_byte_array(), array(&case["sighash"]), "{case}");
        let signature =
            secp.sign_schnorr_with_aux_rand(&Message::from_digest(sighash.to_byte_array()), &tweaked, &[0; 32]);
        let signed = bitcoin::taproot::Signature { signature, sighash_type: kind }.to_vec();
        assert_eq!(signed, hex(&case["witness"]), "{case}");
    }
}
