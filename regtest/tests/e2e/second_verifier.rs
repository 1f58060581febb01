//! What running nodes export is valid by a verifier that was written from the pages of docs/spec alone, and changed it is not.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::ots_client::installed;
use crate::stage::{scratch, told};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/second_verifier/verify.py");

/// What the second verifier says of a file, by a file of headers: exit status 0, 1 or 2.
pub(crate) fn second_verdict(file: &Path, headers: &Path) -> Output {
    let python = installed().with_file_name("python");
    Command::new(python).arg("-B").arg(SCRIPT).args([file, headers]).output().unwrap()
}

#[test]
fn every_exported_proof_is_valid_by_the_second_verifier() {
    let told = told();
    let judged = |file: &Path| second_verdict(file, &told.report.headers);
    let bundles = told.report.bundles.iter().map(|bundle| &bundle.file);
    let changed = scratch("second-verifier").join("changed.althing");
    for (file, place) in told.report.proofs.iter().chain(bundles).zip(1..) {
        let output = judged(file);
        assert_eq!(output.status.code(), Some(0), "{}: {output:?}", file.display());
        let mut bytes = fs::read(file).unwrap();
        let at = bytes.len() - place * 17;
        bytes[at] ^= 1;
        fs::write(&changed, bytes).unwrap();
        let output = judged(&changed);
        assert_eq!(output.status.code(), Some(1), "{}, byte {at} changed: {output:?}", file.display());
    }
}
