//! Succession statements and certificates, and signers' pledges.
#![no_main]

use std::collections::BTreeMap;

use althing_anchor::{SealPledge, SuccessionCertificate, SuccessionStatement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = SuccessionStatement::decode(bytes) {
        assert_eq!(statement.encode(), bytes);
    }
    if let Ok(certificate) = SuccessionCertificate::decode(bytes) {
        assert_eq!(certificate.encode(), bytes);
        assert!(certificate.weigh(&BTreeMap::new(), 1).is_err());
    }
    if let Ok(pledge) = SealPledge::decode(bytes) {
        assert_eq!(pledge.encode(), bytes);
    }
});
