//! Proof files and files of headers that are not what they should be: each gets a clear answer, and the exit status that fits.

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_node::judge::{Source, Verdict, verify};
use althing_node::proof::Bundle;
use bitcoin::Network;
use bitcoin::consensus::encode::serialize;

use crate::story::{DECIDING, Story};
use crate::world::{World, charter_for};

/// What is wrong, the file, the blocks, the answer, and what it must say.
type Row = (&'static str, Vec<u8>, Vec<u8>, Verdict, &'static str);

#[test]
fn every_bad_file_gets_a_clear_answer() {
    let story = Story::told();
    let good = story.ballot_bundle(DECIDING);
    let (proof, headers) = (good.to_bytes(), story.world.chain.header_bytes());
    let foreign = World::founded_under(charter_for("Other Fishers"));
    let other_genesis = Bundle { genesis: foreign.chain.evidence(foreign.params().first_seal.txid), ..good.clone() };
    let other_charter = Bundle { charter: charter_for("Other Fishers"), ..good.clone() };
    let mut mainnet = good.charter.clone();
    mainnet.network = althing_governance::id::NetworkId::of(Network::Bitcoin);
    let wrong_network = Bundle { charter: mainnet, ..good.clone() };
    let version = |found: u8| {
        let mut bytes = proof.clone();
        bytes[8] = found;
        bytes
    };
    let mainnet_headers = serialize(&bitcoin::blockdata::constants::genesis_block(Network::Bitcoin).header);
    let with = |extra: &[u8]| [&proof[..], extra].concat();
    let (invalid, cannot_tell) = (Verdict::Invalid, Verdict::CannotTell);
    let rows: Vec<Row> = vec![
        ("nothing", Vec::new(), headers.clone(), invalid, "not a proof file"),
        ("a text", b"Dear treasurers".to_vec(), headers.clone(), invalid, "this is not an Althing proof file"),
        (
            "the founding file",
            story.world.dao.to_json().into_bytes(),
            headers.clone(),
            invalid,
            "this is not an Althing proof file",
        ),
        ("headers in its place", headers.clone(), headers.clone(), invalid, "this is not an Althing proof file"),
        ("the two swapped", headers.clone(), proof.clone(), invalid, "this is not an Althing proof file"),
        ("only its first bytes", proof[..8].to_vec(), headers.clone(), invalid, "not a proof file"),
        ("half of it", proof[..proof.len() / 2].to_vec(), headers.clone(), invalid, "not a proof file"),
        ("its last byte missing", proof[..proof.len() - 1].to_vec(), headers.clone(), invalid, "not a proof file"),
        ("a byte more", with(&[0]), headers.clone(), invalid, "not a proof file"),
        ("twice", with(&proof), headers.clone(), invalid, "not a proof file"),
        ("version 0", version(0), headers.clone(), invalid, "proof file version 0 is not known"),
        ("a future version", version(7), headers.clone(), cannot_tell, "P-60: this is a proof file of version 7"),
        ("a future version in another form", [&proof[..8], &[9, 9]].concat(), headers.clone(), cannot_tell, "P-60"),
        ("another version of this program's", version(2), headers.clone(), invalid, "not a proof file"),
        ("a version with replaced keys", version(3), headers.clone(), invalid, "not a proof file"),
        ("a version with moves", version(5), headers.clone(), invalid, "not a proof file"),
        ("its newest version", version(6), headers.clone(), invalid, "not a proof file"),
        ("another DAO's genesis", other_genesis.to_bytes(), headers.clone(), invalid, "founding"),
        ("another DAO's charter", other_charter.to_bytes(), headers.clone(), invalid, "founding"),
        ("another network's charter", wrong_network.to_bytes(), headers.clone(), cannot_tell, "the headers"),
        ("headers of another network", proof.clone(), mainnet_headers, cannot_tell, "the headers"),
        ("no headers", proof.clone(), Vec::new(), cannot_tell, "the headers"),
        (
            "headers cut in the middle of one",
            proof.clone(),
            headers[..headers.len() - 1].to_vec(),
            cannot_tell,
            "the headers",
        ),
        (
            "headers that end too early",
            proof.clone(),
            headers[..80 * 5].to_vec(),
            cannot_tell,
            "P-8: the blocks given end",
        ),
        ("a proof in place of headers", proof.clone(), proof.clone(), cannot_tell, "the headers"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, file, headers, verdict, words) in rows {
        let path = folder.path().join("headers.bin");
        std::fs::write(&path, headers).unwrap();
        let report = verify(&file, None, &Source::Headers(path));
        let reason = report.reason.unwrap_or_default();
        assert_eq!(report.verdict, verdict, "{what}: {reason}");
        assert!(reason.contains(words), "{what}: {reason}");
        assert!(report.statement.is_empty(), "{what}: {}", report.statement);
    }
    let missing = verify(&proof, None, &Source::Headers(folder.path().join("nowhere")));
    assert_eq!(missing.verdict, Verdict::CannotTell);
    assert!(missing.reason.unwrap().contains("nowhere"));
    assert_eq!(verify(&proof, None, &Source::Headers(Path::new("/").into())).verdict, Verdict::CannotTell);
    assert_eq!(verify(&proof, None, &Source::None).verdict, Verdict::CannotTell);
    let path = folder.path().join("headers.bin");
    std::fs::write(&path, &headers).unwrap();
    assert_eq!(verify(&proof, None, &Source::Headers(path)).verdict, Verdict::Valid);
}
