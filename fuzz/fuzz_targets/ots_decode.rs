//! OpenTimestamps files.
#![no_main]

use althing_anchor::TimestampFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = TimestampFile::decode(bytes) {
        assert_eq!(file.encode(), bytes);
        assert!(!file.attestations().expect("checked while decoding").is_empty());
    }
});
