//! Proof files that were changed.

use std::path::Path;

use althing_node::local::{Source, Verdict, verify};
use althing_regtest::story::{Cli, Ran};
use bitcoin::hex::FromHex as _;

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

/// P-167: a proof of a DAO that somebody else founded is valid, and not what was asked for.
#[test]
fn a_proof_about_another_dao_is_refused_where_the_own_one_is_named() {
    let told = told();
    let folder = scratch("other-dao");
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/spec/vectors/proofs.json")).unwrap();
    let write = |name: &str, hex: &serde_json::Value| {
        let path = folder.join(name);
        std::fs::write(&path, Vec::<u8>::from_hex(hex.as_str().unwrap()).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let proofs = &vectors["proofs"];
    let (foreign, blocks) = (write("foreign", &proofs["files"][0]["file"]), write("blocks", &proofs["headers"]));
    let cli: Cli = told.assembly.members[0].cli();
    let ours = told.assembly.members[0].data_dir().join("dao.json");
    let ours = ours.to_str().unwrap();
    let verified = |arguments: &[&str]| cli.run(&[&["verify"], arguments].concat()).unwrap();
    assert_eq!(verified(&[&foreign, "--headers", &blocks]).code, Some(0));
    let refused = verified(&[&foreign, "--headers", &blocks, "--dao", ours]);
    assert!(refused.code == Some(1) && refused.stdout.contains("P-167"), "{refused:?}");
    let own =
        [told.report.proofs[0].to_str().unwrap(), "--headers", told.report.headers.to_str().unwrap(), "--dao", ours];
    assert_eq!(verified(&own).code, Some(0));
    let no_dao = verified(&[&foreign, "--headers", &blocks, "--dao", &foreign]);
    assert!(no_dao.code.is_some_and(|code| code != 0) && !no_dao.stderr.contains("panicked"), "{no_dao:?}");
}

/// P-161 to P-163 by the commands of a member.
#[test]
fn a_short_proof_needs_links_and_says_with_them_what_the_whole_one_says() {
    let told = told();
    let folder = scratch("short-proof");
    let cli: Cli = told.assembly.members[0].cli();
    let headers = told.report.headers.to_str().unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (whole, short, links) = (file("whole"), file("short"), file("links"));
    cli.run(&["proof", "export", "#1", "--tally", "--out", &whole]).unwrap().succeeded().unwrap();
    cli.run(&["proof", "export", "#1", "--tally", "--short", "--out", &short]).unwrap().succeeded().unwrap();
    cli.run(&["proof", "export", "--statement", "links", "--out", &links]).unwrap().succeeded().unwrap();
    let size = |path: &str| std::fs::metadata(path).unwrap().len();
    assert!(size(&short) < size(&whole) && size(&short) <= 6 * 1024, "{} and {}", size(&short), size(&whole));
    let verified = |arguments: &[&str]| cli.run(&[&["verify", "--headers", headers], arguments].concat()).unwrap();
    let (by_whole, by_short) = (verified(&[&whole]), verified(&[&short, "--links", &links]));
    assert_eq!((by_short.code, &by_short.stdout), (Some(0), &by_whole.stdout), "{by_short:?}");
    // Any whole file has its links.
    assert_eq!(verified(&[&short, "--links", &whole]).stdout, by_whole.stdout);
    let missing = verified(&[&short]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.stdout.contains("--links") && missing.stdout.contains("--statement links"), "{missing:?}");
    assert_eq!(verified(&[&short, "--links", &short]).code, Some(2));
    let mut broken = std::fs::read(&short).unwrap();
    *broken.last_mut().unwrap() ^= 1;
    std::fs::write(file("broken"), broken).unwrap();
    assert_eq!(verified(&[&file("broken"), "--links", &links]).code, Some(1));
}

fn verify_by_program(told: &Turn, proof: &Path) -> Ran {
    let cli: Cli = told.assembly.members[0].cli();
    let headers = told.report.headers.to_str().unwrap();
    cli.run(&["verify", proof.to_str().unwrap(), "--headers", headers]).unwrap()
}
