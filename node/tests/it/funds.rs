//! Hazard: a proof of funds that shows coins that are not there, some twice, or not all of them.

use althing_node::api::Funds;
use althing_node::treasury::funds::differences;
use althing_node::treasury::ownership::OwnershipReport;

fn coins(coins: &[(&str, u64)]) -> Vec<(String, u64)> {
    coins.iter().map(|(outpoint, sat)| ((*outpoint).to_owned(), *sat)).collect()
}

#[test]
fn what_is_shown_is_what_was_there() {
    let funds = Funds {
        epoch: 14,
        height: 276,
        message: String::new(),
        descriptor: String::new(),
        coins: coins(&[("aa:0", 5), ("aa:1", 7), ("bb:0", 5)]),
        psbt: String::new(),
    };
    type Case<'a> = (&'a [(&'a str, u64)], &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (&[("bb:0", 5), ("aa:0", 5), ("aa:1", 7)], &[]),
        (&[("aa:0", 5), ("aa:1", 7)], &["bb:0 with 5 sat was in"]),
        (&[("aa:0", 5), ("aa:1", 7), ("bb:0", 5), ("bb:0", 5)], &["bb:0 with 5 sat is shown"]),
        (&[("aa:0", 5), ("aa:1", 7), ("bb:0", 5), ("cc:0", 9)], &["cc:0 with 9 sat is shown"]),
        (&[("aa:0", 5), ("aa:1", 700), ("bb:0", 5)], &["aa:1 with 7 sat was in", "aa:1 with 700 sat is shown"]),
        (&[], &["aa:0 with 5", "aa:1 with 7", "bb:0 with 5"]),
    ];
    for (shown, expected) in cases {
        let report = OwnershipReport { keys: Vec::new(), is_complete: true, coins: coins(shown), total_sat: 0 };
        let found = differences(&funds, &report);
        assert_eq!(found.len(), expected.len(), "{shown:?}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with("T-83: ") && found.contains(expected), "{found}");
        }
    }
}
