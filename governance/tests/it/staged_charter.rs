//! Hazard: a charter that stages payments so that nobody can bring them back, or so that two nodes read it differently (G-120 to G-123).

use althing_governance::Canonical as _;
use althing_governance::charter::{Charter, Class, EXAMPLE_KEYS, Staging, check_change, diff, example_public_key};
use bitcoin::Network;
use bitcoin::secp256k1::PublicKey;

use crate::world::{charter, keypair};

fn key(n: u8) -> PublicKey {
    keypair(n).public_key()
}

fn staged() -> Charter {
    let keys = (80..=82).map(key).collect();
    let staging = Some(Staging { from_sat: 1_000_000, delay_blocks: 144, threshold: 2, keys });
    Charter { staging, ..charter() }
}

#[test]
fn one_charter_has_one_encoding() {
    let (plain, staged) = (charter(), staged());
    let (before, bytes) = (plain.to_bytes(), staged.to_bytes());
    assert_eq!((before[0], bytes[0]), (1, 3), "a charter without staging keeps its bytes");
    let (shared, rest) = bytes.split_at(before.len());
    assert_eq!(shared[1..], before[1..]);
    // Put together by hand: the weights of R-23, all zeros, then the fields of G-120.
    let rules = u32::try_from(plain.classes.len()).unwrap();
    let mut wanted = Vec::from(rules.to_be_bytes());
    wanted.extend(plain.classes.iter().flat_map(|_| 0u64.to_be_bytes()));
    wanted.extend(1_000_000u64.to_be_bytes());
    wanted.extend([0, 144, 0, 2]);
    wanted.extend(3u32.to_be_bytes());
    wanted.extend((80..=82).flat_map(|n| key(n).serialize()));
    assert_eq!(rest, wanted);
    assert_eq!(Charter::from_bytes(&bytes).unwrap(), staged);
    let mut both = staged.clone();
    both.classes[1].min_proposer_weight = 7;
    assert_eq!(Charter::from_bytes(&both.to_bytes()).unwrap(), both);
    let as_version = |version: u8| Charter::from_bytes(&[&[version], &bytes[1..]].concat()).unwrap_err().to_string();
    assert!(as_version(2).starts_with("R-23"), "{}", as_version(2));
    assert!(as_version(4).contains("charter version"));
    assert!(Charter::from_bytes(&bytes[..bytes.len() - 1]).is_err());

    let text = staged.to_toml().unwrap();
    assert!(text.contains("[staging]"), "{text}");
    assert_eq!(Charter::from_toml(&text).unwrap(), staged);
    assert!(!plain.to_toml().unwrap().contains("staging"), "off by default, and not written");
    assert!(Charter::from_toml(&text.replace("threshold = 2\nkeys", "treshold = 2\nkeys")).is_err());
}

#[test]
fn what_nobody_could_use_is_refused() {
    type Change = fn(&mut Staging);
    assert_eq!(staged().check(), []);
    let table: [(&str, &str, Change); 9] = [
        ("G-122", "staging.delay_blocks", |s| s.delay_blocks = 0),
        ("G-122", "staging.delay_blocks", |s| s.delay_blocks = 4321),
        ("G-122", "staging.threshold", |s| s.threshold = 0),
        ("G-122", "staging.threshold", |s| s.threshold = 4),
        ("G-122", "staging.keys", |s| s.keys = Vec::new()),
        ("G-122", "staging.keys", |s| s.keys = (70..86).map(key).collect()),
        ("G-122", "staging.keys[2]", |s| s.keys[2] = s.keys[0].negate(&bitcoin::secp256k1::Secp256k1::new())),
        ("G-122", "staging.keys[1]", |s| s.keys[1] = charter().treasurers[0].key),
        ("R-57", "staging.from_sat", |s| s.from_sat = u64::MAX),
    ];
    for (rule, field, change) in table {
        let mut c = staged();
        change(c.staging.as_mut().unwrap());
        let problems = c.check();
        assert!(problems.iter().any(|p| (p.rule, p.field.as_str()) == (rule, field)), "{rule} {field}: {problems:?}");
    }
    // Elsewhere than on regtest there is time to see it, and no example key.
    let mut c = staged();
    c.network = althing_governance::NetworkId::of(Network::Bitcoin);
    c.staging.as_mut().unwrap().delay_blocks = 5;
    c.staging.as_mut().unwrap().keys[0] = example_public_key(EXAMPLE_KEYS);
    let found: Vec<(&str, String)> = c.check().into_iter().map(|p| (p.rule, p.field)).collect();
    assert!(found.contains(&("G-122", "staging.delay_blocks".to_owned())), "{found:?}");
    assert!(found.contains(&("R-78", "staging.keys[0]".to_owned())), "{found:?}");
}

#[test]
fn a_rule_change_switches_it() {
    let (off, on) = (charter(), staged());
    for (old, new) in [(&off, &on), (&on, &off)] {
        assert_eq!(check_change(Class::RuleChange, old, new), []);
        assert!(diff(old, new).iter().any(|change| change.to_string().contains("staging")), "{:?}", diff(old, new));
        assert!(!check_change(Class::ElectTreasurers, old, new).is_empty());
    }
    let changed = |change: fn(&mut Staging)| {
        let mut new = on.clone();
        change(new.staging.as_mut().unwrap());
        check_change(Class::RuleChange, &on, &new).iter().map(|p| p.rule).collect::<Vec<_>>()
    };
    assert_eq!(changed(|s| s.delay_blocks *= 2), [""; 0]);
    assert_eq!(changed(|s| s.delay_blocks *= 3), ["R-103"]);
    assert_eq!(changed(|s| s.from_sat *= 3), ["R-103"]);
    assert_eq!(changed(|s| s.keys[0] = key(83)), [""; 0]);
    assert_eq!(changed(|s| s.threshold = 3), [""; 0]);
}

#[test]
fn it_is_told_with_what_it_cannot_do() {
    let words = staged().explain();
    for told in
        ["1000000 sat or more is staged", "rests 144 block(s)", "2 of 3 guardian(s)", "can also take what is staged"]
    {
        assert!(words.contains(told), "{told}: {words}");
    }
    assert!(words.contains(&key(81).to_string()), "{words}");
    assert!(charter().explain().contains("No payment is staged."));
}
