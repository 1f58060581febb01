//! Treasurers' papers, which come from a folder, a hub or by hand.
#![no_main]

use althing_anchor::SignedPaper;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = SignedPaper::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
    }
});
