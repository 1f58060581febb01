//! What Esplora and Electrum servers answer; the first byte chooses how it comes. Nothing panics, and what is cut short is no answer.
#![no_main]

use althing_node::chain::answer::{Said, http, line};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => {
            if let Some((status, body)) = http(rest) {
                assert!(rest.ends_with(&body));
                said_again(status, &body);
            }
        }
        1 => said_again(200, rest),
        2 => {
            let _ = line(&String::from_utf8_lossy(rest), 1);
        }
        _ => {
            // The bytes as the result, and as the reason why there is none.
            let Ok(value) = serde_json::from_slice::<Value>(rest) else { return };
            let answer = |name: &str| format!("{{\"id\":1,\"{name}\":{value}}}");
            // Written and read again a number may be another, and what is nested deeply too deep.
            let Ok(read) = serde_json::from_str::<Value>(&answer("result")) else { return };
            assert_eq!(line(&answer("result"), 1), Ok(Said::Result(read["result"].clone())));
            assert_eq!(line(&answer("result"), 2), Ok(Said::Other));
            assert_eq!(matches!(line(&answer("error"), 1), Ok(Said::Refusal(_))), !value.is_null());
        }
    }
});

/// With its length before it an answer is what it was, and nothing of it can be missing.
fn said_again(status: u16, body: &[u8]) {
    let head = format!("HTTP/1.1 {status} Word\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body].concat();
    assert_eq!(http(&answer), Some((status, body.to_vec())));
    assert_eq!(http(&answer[..answer.len() - 1]), None);
}
