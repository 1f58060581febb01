//! Labels from other wallets (BIP329). Nothing panics, and what is read is written so that it reads as the same.
#![no_main]

use althing_tui::labels;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(found) = labels::read(&text) {
        assert!(found.len() <= text.lines().count());
        assert!(found.iter().all(|(kind, ..)| ["tx", "addr", "output"].contains(&kind.as_str())));
        assert_eq!(labels::read(&labels::write(&found)), Ok(found));
    }
    // The bytes as the parts of one label, whatever stands in them.
    let mut parts = text.splitn(2, '\n').map(str::to_owned);
    let label = ("tx".to_owned(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let file = labels::write(std::slice::from_ref(&label));
    assert_eq!((file.lines().count(), labels::read(&file)), (1, Ok(vec![label])));
});
