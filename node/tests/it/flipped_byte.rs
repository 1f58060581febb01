//! Hazard: a proof file damaged or doctored in transit. No byte of it is free: each is committed to, or compared.

use althing_anchor::HeaderChain;
use althing_governance::codec::Canonical as _;
use althing_node::proof::verify;
use bitcoin::Network;

use crate::story::{DECIDING, Story};

/// Both kinds of proof file, named, and the headers to judge them by.
fn files() -> (HeaderChain, Vec<(&'static str, Vec<u8>)>) {
    let story = Story::told();
    let headers = HeaderChain::from_bytes(Network::Regtest, &story.world.chain.header_bytes()).unwrap();
    let files = vec![
        ("ballot", story.ballot_bundle(DECIDING).to_bytes()),
        ("tally", story.tally_bundle(story.spend).to_bytes()),
    ];
    for (name, file) in &files {
        verify(file, &headers).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    (headers, files)
}

#[test]
fn every_byte_of_a_ballot_proof_counts() {
    flip_all(0);
}

#[test]
fn every_byte_of_a_tally_proof_counts() {
    flip_all(1);
}

fn flip_all(which: usize) {
    let (headers, files) = files();
    let (name, file) = &files[which];
    let mut changed = file.clone();
    let mut accepted = Vec::new();
    for at in 0..file.len() {
        for flip in [0x01, 0x80] {
            changed[at] ^= flip;
            if let Ok(finding) = verify(&changed, &headers) {
                accepted.push(format!("{name}, byte {at} of {}, flip {flip:#x}: {}", file.len(), finding.statement));
            }
            changed[at] ^= flip;
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
}

#[test]
fn nothing_can_be_cut_off_or_added() {
    let (headers, files) = files();
    for (name, file) in files {
        for length in 0..file.len() {
            assert!(verify(&file[..length], &headers).is_err(), "{name} cut to {length} bytes");
        }
        for tail in [vec![0], vec![1], file.clone()] {
            let longer = [file.as_slice(), &tail].concat();
            assert!(verify(&longer, &headers).is_err(), "{name} with {} bytes more", tail.len());
        }
        assert!(verify(&[&[0], file.as_slice()].concat(), &headers).is_err(), "{name} with a byte before");
    }
}

#[test]
fn headers_that_are_too_short_or_of_another_chain_prove_nothing() {
    let (headers, files) = files();
    let story = Story::told();
    let bytes = story.world.chain.header_bytes();
    // The deciding link is in block 20: without that block the file shows nothing, with it alone it is only not final.
    for blocks in [1, 7, 13, 19, 20] {
        let short = HeaderChain::from_bytes(Network::Regtest, &bytes[..80 * blocks]).unwrap();
        for (name, file) in &files {
            let refusal = verify(file, &short).unwrap_err().to_string();
            assert!(refusal.contains("no block"), "{name} with {blocks} headers: {refusal}");
        }
    }
    let enough = HeaderChain::from_bytes(Network::Regtest, &bytes[..80 * 21]).unwrap();
    let finding = verify(&files[0].1, &enough).unwrap();
    assert_eq!((finding.depth, finding.final_depth), (1, 2));
    assert!(verify(&files[0].1, &headers).unwrap().depth > 1);
    let other = HeaderChain::new(Network::Signet);
    assert!(verify(&files[0].1, &other).is_err());
}
