//! Log segments as the hub sends them and the store keeps them.
#![no_main]

use althing_governance::Canonical as _;
use althing_node::store::Segment;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(segment) = Segment::from_bytes(bytes) {
        assert_eq!(segment.to_bytes(), bytes);
    }
});
