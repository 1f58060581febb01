//! Charters as text and as bytes; a charter that passes has one byte form and can say itself in words.
#![no_main]

use althing_governance::{Canonical as _, Charter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(charter) = Charter::from_bytes(bytes) {
        assert_eq!(charter.to_bytes(), bytes);
        let _ = charter.check();
        let _ = charter.to_plain_sentences();
        let _ = althing_node::dao::genesis_params(&charter);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(charter) = Charter::from_toml(text)
    {
        assert_eq!(Charter::from_bytes(&charter.to_bytes()).expect("its own bytes"), charter);
        let _ = charter.to_plain_sentences();
    }
});
