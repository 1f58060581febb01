//! What people paste or write into files: invitations, DAO files, proposals, lists of payments, treasuries of other programs, settings.
//! Nothing panics, and what an invitation says is what it is made from.
#![no_main]

use althing_tui::{invite, parts};
use althing_node::api::ProposalDraft;
use althing_node::dao::Dao;
use althing_node::treasury::exchange;
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match kind % 6 {
        0 => {
            let _ = Dao::from_json(&text);
        }
        1 => {
            let _ = toml::from_str::<ProposalDraft>(&text);
        }
        2 => {
            if let Ok(payments) = parts::payments(&text) {
                let lines: Vec<_> = payments.iter().map(|p| format!("{},{}", p.address, p.amount_sat)).collect();
                // An address may itself look like a remark, or like nothing.
                if lines.iter().all(|line| !line.starts_with(['#', ','])) {
                    assert_eq!(parts::payments(&lines.join("\n")).unwrap(), payments);
                }
            }
        }
        3 => {
            let _ = exchange::read(&text, Network::Regtest, None);
        }
        4 => {
            if let Ok(file) = invite::decode(&text) {
                let letters: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
                assert_eq!(invite::encode(&file).unwrap(), letters);
                let _ = Dao::from_json(&file);
            }
        }
        _ => {
            // Bytes as an invitation that reaches what is behind the letters.
            if let Ok(file) = invite::decode(&invite::letters(rest)) {
                assert_eq!(invite::encode(&file).unwrap(), invite::letters(rest));
            }
        }
    }
});
