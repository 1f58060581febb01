//! What a tower has stored of the chain.
#![no_main]

use althing_channels::tower::TowerWatch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(watch) = TowerWatch::decode(bytes) {
        // Fields that a later version may add are left out, so the bytes may differ; what they say may not.
        assert_eq!(TowerWatch::decode(&watch.encode_versioned()), Ok(watch));
    }
});
