//! Any bytes as a PSBT file: the check answers, and never accepts what carries no proof.
#![no_main]

use althing_node::judge::{Source, Verdict};
use althing_node::treasury::offline::{StatedGates, check_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let report = check_file(bytes, &Source::None, StatedGates::Unspent, None, None);
    assert_ne!(report.verdict, Verdict::Valid, "without block hashes nothing is proven");
});
