//! Transactions with their Merkle branches.
#![no_main]

use althing_anchor::{LinkEvidence, TxInclusion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(evidence) = LinkEvidence::decode(bytes) {
        assert_eq!(evidence.encode(), bytes);
        let _ = evidence.verify();
    }
    if let Ok(inclusion) = TxInclusion::decode(bytes) {
        assert_eq!(inclusion.encode(), bytes);
    }
});
