//! Hazard: whoever carries what treasurers say to each other changes it, or makes something up.

use althing_anchor::{
    MAX_PAPER_BYTES, MAX_REMARK_BYTES, Paper, PaperBody, PaperError, SignedPaper, is_treasurer_hello, merge_signatures,
    sign_treasurer_hello, signatures_only, verify_signatures,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::Keypair;
use bitcoin::{Amount, Txid};

use crate::support::secp;
use crate::treasury_world::{Chest, payee, sign, tr, wsh, xprv};

const AUX: [u8; 32] = [3; 32];

fn keypair(n: u8) -> Keypair {
    Keypair::from_secret_key(&secp(), &xprv(n).private_key)
}

fn paper(author: &Keypair, session: Txid, body: PaperBody) -> Paper {
    let author = author.x_only_public_key().0;
    Paper { network: [1; 32], dao: [2; 32], author, height: 100, session, body }
}

fn all_kinds() -> Vec<SignedPaper> {
    let psbt = Chest::new(wsh()).psbt();
    let id = psbt.unsigned_tx.compute_txid();
    let signatures = signatures_only(&sign(&psbt, &[2]));
    let bodies = [
        PaperBody::Transaction(psbt),
        PaperBody::Signatures(signatures),
        PaperBody::Comment("Both before winter.".to_owned()),
        PaperBody::Refusal("The invoice is not there yet.".to_owned()),
    ];
    let mut papers: Vec<SignedPaper> =
        bodies.into_iter().map(|body| paper(&keypair(2), id, body).sign(&keypair(2), &AUX)).collect();
    papers.push(paper(&keypair(2), Txid::all_zeros(), PaperBody::Presence).sign(&keypair(2), &AUX));
    papers
}

#[test]
fn every_kind_comes_back_and_no_changed_byte_does() {
    for signed in all_kinds() {
        let bytes = signed.encode();
        assert_eq!(SignedPaper::decode(&bytes).unwrap(), signed);
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 150) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(SignedPaper::decode(&changed).is_err(), "byte {at} of {}", bytes.len());
        }
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            assert!(SignedPaper::decode(&bytes[..cut]).is_err());
        }
        assert!(SignedPaper::decode(&[&bytes[..], &[0]].concat()).is_err());
        // Signed again it is the same paper.
        let again = signed.paper.clone().sign(&keypair(2), &[9; 32]);
        assert_ne!(again.signature, signed.signature);
        assert_eq!(again.id(), signed.id());
    }
}

/// A hub that puts another payee into the transaction cannot sign for the treasurer.
#[test]
fn a_substituted_transaction_is_nobodys() {
    let psbt = Chest::new(wsh()).psbt();
    let honest = paper(&keypair(1), psbt.unsigned_tx.compute_txid(), PaperBody::Transaction(psbt.clone()));
    let mut forged = psbt;
    forged.unsigned_tx.output[0].script_pubkey = payee(66);
    let id = forged.unsigned_tx.compute_txid();
    let genuine = honest.clone().sign(&keypair(1), &AUX);
    let body = PaperBody::Transaction(forged);
    let with_old_signature = SignedPaper {
        paper: Paper { session: id, body: body.clone(), ..honest.clone() },
        signature: genuine.signature,
    };
    let refused = SignedPaper::decode(&with_old_signature.encode()).unwrap_err();
    assert!(matches!(refused, PaperError::Signature { .. }), "{refused}");
    let other_id = SignedPaper { paper: Paper { body, ..honest.clone() }, signature: genuine.signature };
    assert!(matches!(SignedPaper::decode(&other_id.encode()), Err(PaperError::Body { .. })));
    // By a key of its own it can: but that is no treasurer's.
    let by_hub = SignedPaper { paper: honest.clone(), ..honest.sign(&keypair(9), &AUX) };
    assert!(matches!(SignedPaper::decode(&by_hub.encode()), Err(PaperError::Signature { .. })));
}

#[test]
fn remarks_have_a_length_and_presence_has_none() {
    let id = Txid::from_byte_array([5; 32]);
    for (text, fits) in [("", false), ("x", true)] {
        let signed = paper(&keypair(1), id, PaperBody::Comment(text.to_owned())).sign(&keypair(1), &AUX);
        assert_eq!(SignedPaper::decode(&signed.encode()).is_ok(), fits, "{text:?}");
    }
    for (length, fits) in [(MAX_REMARK_BYTES, true), (MAX_REMARK_BYTES + 1, false)] {
        let signed = paper(&keypair(1), id, PaperBody::Refusal("a".repeat(length))).sign(&keypair(1), &AUX);
        assert_eq!(SignedPaper::decode(&signed.encode()).is_ok(), fits, "{length}");
    }
    let about = paper(&keypair(1), id, PaperBody::Presence).sign(&keypair(1), &AUX);
    assert!(matches!(SignedPaper::decode(&about.encode()), Err(PaperError::Body { .. })));
}

/// T-304: whoever says that they are there says nothing else; that is seen before the signature.
#[test]
fn a_presence_has_no_body() {
    let mut bytes = paper(&keypair(1), Txid::all_zeros(), PaperBody::Presence).sign(&keypair(1), &AUX).encode();
    // The length of the body, before the signature's 64 bytes, is the last of the fixed parts.
    let at = bytes.len() - 64;
    assert_eq!(bytes[at - 1], 0);
    bytes[at - 1] = 1;
    bytes.insert(at, b'x');
    let refused = SignedPaper::decode(&bytes).unwrap_err().to_string();
    assert!(refused.contains("a presence says nothing, this has 1 bytes"), "{refused}");
}

/// T-303
#[test]
fn a_paper_has_eight_mebibytes_and_one_kibibyte_at_most() {
    assert_eq!(MAX_PAPER_BYTES, 8_389_632);
    let too_long = |length: usize| matches!(SignedPaper::decode(&vec![0; length]), Err(PaperError::TooLong { .. }));
    let lengths = [MAX_PAPER_BYTES - 1, MAX_PAPER_BYTES, MAX_PAPER_BYTES + 1, MAX_PAPER_BYTES + 2];
    assert_eq!(lengths.map(too_long), [false, false, true, true]);
}

/// T-304: amounts, scripts and proofs of whoever signs are not taken; the signatures are, and count.
#[test]
fn signatures_travel_alone() {
    for (treasury, by) in [(wsh(), 2u8), (tr(), 3)] {
        let chest = Chest::new(treasury);
        let mut ours = chest.psbt();
        let mut theirs = sign(&ours, &[by]);
        theirs.inputs[0].witness_utxo.as_mut().unwrap().value = Amount::from_sat(1);
        let bare = signatures_only(&theirs);
        assert!(bare.inputs.iter().all(|input| input.witness_utxo.is_none() && input.witness_script.is_none()));
        assert!(bare.serialize().len() < ours.serialize().len());
        let status = merge_signatures(&mut ours, &bare, &chest.generations).unwrap();
        assert_eq!(status, verify_signatures(&sign(&chest.psbt(), &[by]), &chest.generations).unwrap());
        assert!(!status[0].signed.is_empty());
    }
}

#[test]
fn a_hello_is_for_one_connection() {
    let (dao, nodes) = (([1; 32], [2; 32]), ([3; 33], [4; 33]));
    let signature = sign_treasurer_hello(&keypair(1), dao, nodes, &AUX);
    let key = keypair(1).x_only_public_key().0;
    assert!(is_treasurer_hello(&key, dao, nodes, &signature));
    assert!(!is_treasurer_hello(&key, ([1; 32], [9; 32]), nodes, &signature));
    assert!(!is_treasurer_hello(&key, ([9; 32], [2; 32]), nodes, &signature));
    assert!(!is_treasurer_hello(&key, dao, ([9; 33], [4; 33]), &signature));
    assert!(!is_treasurer_hello(&key, dao, ([3; 33], [9; 33]), &signature));
    assert!(!is_treasurer_hello(&keypair(2).x_only_public_key().0, dao, nodes, &signature));
}
