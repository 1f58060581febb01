//! Proof files from strangers. Nothing made up holds on a chain of one block.
#![no_main]

use althing_anchor::HeaderChain;
use althing_governance::Canonical as _;
use althing_node::proof::{Bundle, ShortFile, verify, verify_short};
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // P-330, P-334: files in which another hub came have versions of their own; so have short files (P-161).
    let framed = [1, 2, 3, 4].map(|version| [b"ALTHING\x00".as_slice(), &[version], bytes].concat());
    let chain = HeaderChain::new(Network::Regtest);
    for file in framed.iter().map(Vec::as_slice).chain([bytes]) {
        assert!(verify(file, &chain).is_err());
        if let Ok(bundle) = Bundle::from_bytes(file) {
            assert_eq!(bundle.to_bytes(), file);
            if let Some(short) = bundle.shortened() {
                let short = short.to_bytes();
                assert!(ShortFile::from_bytes(&short).is_ok());
                assert!(verify_short(&short, file, &chain).is_err());
            }
        }
        if let Ok(short) = ShortFile::from_bytes(file) {
            assert_eq!(short.to_bytes(), file);
        }
    }
    // A short file and its links, one behind the other.
    let [at, rest @ ..] = bytes else { return };
    let (short, links) = rest.split_at(rest.len() * usize::from(*at) / 255);
    assert!(verify_short(short, links, &chain).is_err());
});
