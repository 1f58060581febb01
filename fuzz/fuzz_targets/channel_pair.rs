//! Both sides of a channel, by the first byte in use or being opened: the bytes are actions of the shells, the wire and fate. What may not happen (a lost
//! balance, a nonce in two sessions, two candidates of one number, an unexpected end) panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../channels/tests/it/testkit/mod.rs"]
mod testkit;

use testkit::driver::Driver;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut driver = if first % 2 == 0 { Driver::new() } else { Driver::unopened() };
    driver.run(&mut rest.iter(), 5_000);
    driver.come_to_rest();
});
