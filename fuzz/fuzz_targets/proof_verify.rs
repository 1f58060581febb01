//! Proof files from strangers. Nothing made up holds on a chain of one block.
#![no_main]

use althing_anchor::HeaderChain;
use althing_governance::Canonical as _;
use althing_node::proof::{Bundle, verify};
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let framed = [b"ALTHING\x00\x01", bytes].concat();
    for file in [bytes, &framed] {
        assert!(verify(file, &HeaderChain::new(Network::Regtest)).is_err());
        if let Ok(bundle) = Bundle::from_bytes(file) {
            assert_eq!(bundle.to_bytes(), file);
        }
    }
});
