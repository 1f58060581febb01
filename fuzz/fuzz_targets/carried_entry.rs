//! An output script that may carry an entry, as every block brings them: nothing panics, and what is carried can be put in again.

#![no_main]

use althing_node::forced::{carried, forceable, script};
use bitcoin::Script;
use bitcoin::secp256k1::Secp256k1;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let secp = Secp256k1::verification_only();
    let _ = carried(Script::from_bytes(bytes));
    if let Ok(made) = script(bytes) {
        assert_eq!(carried(&made), Some(bytes));
        let _ = forceable(&secp, bytes);
    }
});
