//! Proof files that were changed.

use std::path::Path;

use althing_node::local::{Source, Verdict, verify};
use althing_regtest::story::{Cli, Ran};

use crate::stage::{Turn, scratch, told};

/// Proofs whose every byte is flipped. All others are flipped at one byte in [`STRIDE`].
const FLIPPED_EVERYWHERE: usize = 2;

/// Distance between flipped bytes; a prime, so that it falls in step with no field length.
const STRIDE: usize = 37;

/// Flips that go through the program as well; each starts a process.
const THROUGH_THE_PROGRAM: usize = 24;

#[test]
fn no_flipped_byte_leaves_a_proof_valid() {
    let told = told();
    let source = Source::Headers(told.report.headers.clone());
    // A ballot and a tally first.
    let statements = told.report.bundles.iter().map(|bundle| &bundle.file);
    let mut proofs: Vec<_> = told.report.proofs.iter().chain(statements).collect();
    proofs.sort_by_key(|path| !path.to_string_lossy().contains("proposal-1-tally"));
    for (number, path) in proofs.into_iter().enumerate() {
        let bundle = std::fs::read(path).unwrap();
        let untouched = verify(&bundle, None, &source);
        assert_eq!(untouched.verdict, Verdict::Valid, "{}: {untouched:?}", path.display());
        let stride = if number < FLIPPED_EVERYWHERE { 1 } else { STRIDE };
        for at in (0..bundle.len()).step_by(stride) {
            let mut flipped = bundle.clone();
            // Another bit from byte to byte, so that no position of a bit goes untested.
            flipped[at] ^= 1 << (at % 8);
            let report = verify(&flipped, None, &source);
            assert_ne!(report.verdict, Verdict::Valid, "{} with byte {at} flipped: {report:?}", path.display());
            assert!(report.reason.is_some_and(|reason| !reason.is_empty()), "{} byte {at}", path.display());
        }
    }
}

#[test]
fn the_program_refuses_what_was_flipped_cut_or_lengthened_and_says_why() {
    let told = told();
    let folder = scratch("tampered-proof");
    let bundle = std::fs::read(&told.report.proofs[0]).unwrap();
    let mut changed: Vec<(String, Vec<u8>)> = Vec::new();
    for at in (0..bundle.len()).step_by(bundle.len() / THROUGH_THE_PROGRAM + 1) {
        let mut flipped = bundle.clone();
        flipped[at] ^= 0x80;
        changed.push((format!("byte {at} flipped"), flipped));
    }
    for length in [0, 1, bundle.len() / 2, bundle.len() - 1] {
        changed.push((format!("cut to {length} bytes"), bundle[..length].to_vec()));
    }
    changed.push(("a byte appended".to_owned(), [bundle.as_slice(), &[0]].concat()));
    for (what, bytes) in changed {
        let path = folder.join("changed.althing");
        std::fs::write(&path, bytes).unwrap();
        let ran = verify_by_program(&told, &path);
        assert!(matches!(ran.code, Some(1 | 2)), "{what}: {ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.trim().is_empty() && !said.contains("panicked"), "{what}: {said}");
    }
}

#[test]
fn a_proof_of_another_chain_is_not_valid() {
    let told = told();
    // The same proof against headers in which the last link is not yet buried, then against none of its blocks.
    let headers = std::fs::read(&told.report.headers).unwrap();
    let folder = scratch("other-headers");
    let bundle = std::fs::read(&told.report.proofs[0]).unwrap();
    for blocks in [1, 50] {
        let path = folder.join(format!("{blocks}.bin"));
        std::fs::write(&path, &headers[..blocks * 80]).unwrap();
        let report = verify(&bundle, None, &Source::Headers(path));
        assert_ne!(report.verdict, Verdict::Valid, "{blocks} headers: {report:?}");
    }
    assert_ne!(verify(&bundle, None, &Source::None).verdict, Verdict::Valid);
}

fn verify_by_program(told: &Turn, proof: &Path) -> Ran {
    let cli: Cli = told.assembly.members[0].cli();
    let headers = told.report.headers.to_str().unwrap();
    cli.run(&["verify", proof.to_str().unwrap(), "--headers", headers]).unwrap()
}
