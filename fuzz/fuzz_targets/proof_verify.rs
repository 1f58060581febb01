//! Proof files from strangers. Nothing made up holds on a chain of one block.
#![no_main]

use althing_anchor::HeaderChain;
use althing_governance::Canonical as _;
use althing_node::proof::{Bundle, verify};
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // P-330, P-334: files in which another hub came have versions of their own.
    let framed = [1, 2, 3].map(|version| [b"ALTHING\x00".as_slice(), &[version], bytes].concat());
    for file in framed.iter().map(Vec::as_slice).chain([bytes]) {
        assert!(verify(file, &HeaderChain::new(Network::Regtest)).is_err());
        if let Ok(bundle) = Bundle::from_bytes(file) {
            assert_eq!(bundle.to_bytes(), file);
        }
    }
});
