//! Log entries: one byte form each; rules and signature checks answer for whatever decodes.
#![no_main]

use althing_governance::{Canonical as _, Entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
        let key = bitcoin::key::UntweakedPublicKey::from_slice(&[2; 32]).expect("2 repeated is on the curve");
        let _ = entry.signature_checks(&key);
        let _ = (entry.id(), entry.kind(), entry.lane().copied());
    }
});
