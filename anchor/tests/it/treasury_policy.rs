//! Descriptors that must not hold a treasury, and those that may.

use althing_anchor::{MAX_DESCRIPTOR_BYTES, Treasury, TreasuryError};
use bitcoin::bip32::Xpriv;
use bitcoin::secp256k1::PublicKey;
use bitcoin::{Network, ScriptBuf};

use proptest::prelude::*;

use crate::support::{keypair, secp, treasury, treasury_text, xpub};

const UNSPENDABLE: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

fn point(n: u8) -> PublicKey {
    keypair(n).public_key()
}

#[test]
fn two_of_three_is_read_and_derived() {
    let treasury = treasury();
    assert_eq!((treasury.threshold(), treasury.keys().len(), treasury.is_ranged()), (2, 3, true));
    assert_ne!(treasury.script_at(0), treasury.script_at(1));
    assert_eq!(treasury.script_at(1 << 31), Err(TreasuryError::IndexOutOfRange { index: 1 << 31 }));
    assert_eq!(Treasury::parse(&treasury.to_string()), Ok(treasury));
}

/// The script is computed by hand from BIP32, BIP67 and BIP383.
#[test]
fn script_is_sorted_multi_of_the_derived_keys() {
    let path = [0u32, 5].map(|n| bitcoin::bip32::ChildNumber::from_normal_idx(n).unwrap());
    let mut keys: Vec<_> = [1, 2, 3].map(|n| xpub(n).derive_pub(&secp(), &path).unwrap().public_key.serialize()).into();
    keys.sort();
    let mut script = vec![0x52];
    for key in keys {
        script.push(33);
        script.extend(key);
    }
    script.extend([0x53, 0xae]);
    assert_eq!(treasury().script_at(5).unwrap(), ScriptBuf::from_bytes(script).to_p2wsh());
}

#[test]
fn accepted_shapes() {
    let (a, b, c) = (point(1), point(2), point(3));
    let x = |n| keypair(n).x_only_public_key().0;
    let table = [
        ("multi", format!("wsh(multi(2,{a},{b},{c}))"), (2, 3)),
        ("all must sign", format!("wsh(sortedmulti(2,{a},{b}))"), (2, 2)),
        ("thresh of plain keys", format!("wsh(thresh(2,pk({a}),s:pk({b}),s:pk({c})))"), (2, 3)),
        ("recovery after a wait", format!("wsh(or_d(multi(2,{a},{b}),and_v(v:pk({c}),older(10))))"), (2, 3)),
        ("taproot script path", format!("tr({UNSPENDABLE},multi_a(2,{},{},{}))", x(1), x(2), x(3)), (2, 3)),
    ];
    for (name, text, expected) in table {
        let treasury = Treasury::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((treasury.threshold(), treasury.keys().len()), expected, "{name}");
        assert_eq!(treasury.script_at(0), treasury.script_at(1), "{name}: no wildcard");
        assert!(!treasury.is_ranged(), "{name}");
    }
}

#[test]
fn refused_shapes() {
    let (a, b, c) = (point(1), point(2), point(3));
    let xprv = Xpriv::new_master(Network::Regtest, &[1; 32]).unwrap();
    let many: String = (1..=16).map(|n| format!(",{}", point(n))).collect();
    let odd = xpub(1);
    let child = odd.derive_pub(&secp(), &[bitcoin::bip32::ChildNumber::from_normal_idx(0).unwrap()]).unwrap();
    let table = [
        ("T-1", "too long", " ".repeat(MAX_DESCRIPTOR_BYTES + 1)),
        ("T-1", "empty", String::new()),
        ("T-1", "garbage", "wsh(sortedmulti(2,".to_owned()),
        ("T-1", "wrong checksum", format!("wsh(sortedmulti(2,{a},{b}))#qqqqqqqq")),
        ("T-1", "private key", format!("wsh(sortedmulti(2,{xprv}/*,{b}))")),
        ("T-1", "threshold above keys", format!("wsh(sortedmulti(3,{a},{b}))")),
        ("T-1", "threshold zero", format!("wsh(sortedmulti(0,{a},{b}))")),
        ("T-2", "one key", format!("wpkh({a})")),
        ("T-2", "nested", format!("sh(wsh(sortedmulti(2,{a},{b})))")),
        ("T-2", "bare", format!("multi(2,{a},{b})")),
        ("T-2", "somebody's internal key", format!("tr({a},multi_a(2,{b},{c}))")),
        ("T-3", "no script path", format!("tr({UNSPENDABLE})")),
        ("T-3", "one of three", format!("wsh(sortedmulti(1,{a},{b},{c}))")),
        ("T-3", "one key in wsh", format!("wsh(pk({a}))")),
        ("T-3", "one key beside two", format!("wsh(or_d(multi(2,{a},{b}),pk({c})))")),
        ("T-3", "a wait until a date", format!("wsh(or_d(multi(2,{a},{b}),and_v(v:pk({c}),after(500))))")),
        ("T-3", "a wait by the clock", format!("wsh(or_d(multi(2,{a},{b}),and_v(v:pk({c}),older(4194305))))")),
        (
            "T-3",
            "a wait longer than the network knows",
            format!("wsh(or_d(multi(2,{a},{b}),and_v(v:pk({c}),older(65536))))"),
        ),
        ("T-3", "sixteen keys", format!("wsh(multi(2{many}))")),
        ("T-3", "one key twice", format!("wsh(sortedmulti(2,{a},{a},{b}))")),
        ("T-3", "one extended key twice", format!("wsh(sortedmulti(2,{odd}/*,{odd}/*,{b}))")),
        ("T-4", "too deep a path", format!("wsh(sortedmulti(2,{odd}{}/*,{b}))", "/0".repeat(255))),
        ("T-3", "one key under two spellings", format!("wsh(sortedmulti(2,{odd}/0/*,{child}/*,{b}))")),
        ("T-4", "hardened wildcard", format!("wsh(sortedmulti(2,{odd}/*h,{b}))")),
        ("T-4", "multipath", format!("wsh(sortedmulti(2,{odd}/<0;1>/*,{b}))")),
    ];
    for (rule, name, text) in table {
        let refusal = Treasury::parse(&text).expect_err(name).to_string();
        assert!(refusal.starts_with(rule), "{name}: {refusal}");
    }
}

/// The last that is accepted and the first that is not: length, number of keys, depth of derivation.
#[test]
fn limits_of_a_descriptor() {
    let length = MAX_DESCRIPTOR_BYTES + 1;
    assert_eq!(Treasury::parse(&" ".repeat(length)), Err(TreasuryError::TooLong { length }));
    let longest = Treasury::parse(&" ".repeat(MAX_DESCRIPTOR_BYTES));
    assert!(matches!(longest, Err(TreasuryError::Malformed { .. })), "{longest:?}");

    let of = |count: u8| {
        let keys: String = (1..=count).map(|n| format!(",{}", keypair(n).x_only_public_key().0)).collect();
        Treasury::parse(&format!("tr({UNSPENDABLE},multi_a(2{keys}))"))
    };
    assert_eq!(of(15).map(|treasury| treasury.keys().len()), Ok(15));
    assert_eq!(of(16), Err(TreasuryError::BadThreshold { threshold: 2, keys: 16 }));

    let child = xpub(1).derive_pub(&secp(), &[bitcoin::bip32::ChildNumber::from_normal_idx(0).unwrap()]).unwrap();
    for (key, deepest) in [(xpub(1), 254), (child, 253)] {
        let with = |steps| Treasury::parse(&format!("wsh(sortedmulti(2,{key}{}/*,{}))", "/0".repeat(steps), point(2)));
        assert!(with(deepest).is_ok_and(|treasury| treasury.script_at(7).is_ok()), "{deepest} steps");
        let refusal = with(deepest + 1);
        assert!(matches!(refusal, Err(TreasuryError::BadKey { .. })), "{refusal:?}");
    }
}

/// The network takes the lowest 16 bits of a wait (BIP68): `older(65546)` would say 456 days and be over after 10 blocks.
#[test]
fn a_wait_is_what_the_network_makes_of_it() {
    let keys: String = (1..=2).map(|n| format!(",{}", point(n))).collect();
    let later: String = (3..=4).map(|n| format!(",{}", point(n))).collect();
    let with =
        |blocks: u32| Treasury::parse(&format!("wsh(or_d(multi(2{keys}),and_v(v:multi(2{later}),older({blocks}))))"));
    for blocks in [1, 65_535] {
        let paths = with(blocks).unwrap().paths(|key| key.to_string());
        assert_eq!(paths.iter().map(|path| path.after_blocks).collect::<Vec<_>>(), [0, blocks]);
    }
    for blocks in [65_536, 65_546, (1 << 22) - 1] {
        let refusal = with(blocks).unwrap_err();
        assert!(matches!(refusal, TreasuryError::NotKeysAndWaits { .. }), "{blocks}: {refusal}");
    }
    assert!(matches!(with(0), Err(TreasuryError::Malformed { .. })));
}

#[test]
fn a_treasury_is_shown_as_its_descriptor() {
    let treasury = treasury();
    assert_eq!(format!("{treasury:?}"), format!("Treasury({treasury})"));
    let refusal = Treasury::parse(&format!("wpkh({})", point(1))).unwrap_err();
    assert_eq!(refusal, TreasuryError::WrongType { found: "wpkh".to_owned() });
}

#[test]
fn spelling_of_the_network_does_not_matter() {
    let main = |n| {
        let mut key = xpub(n);
        key.network = bitcoin::NetworkKind::Main;
        key
    };
    let text = format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", main(1), main(2), main(3));
    assert_ne!(text, treasury_text());
    assert_eq!(Treasury::parse(&text).unwrap().script_at(3), treasury().script_at(3));
    assert_eq!(treasury().spelled_for(bitcoin::NetworkKind::Main), text);
    assert_eq!(treasury().spelled_for(bitcoin::NetworkKind::Test), treasury_text());
}

proptest! {
    /// A charter is written by strangers: no descriptor text may panic, neither on reading nor on deriving.
    #[test]
    fn no_text_panics(at: prop::sample::Index, cut: prop::sample::Index, insert in "[\\PC]{0,6}|/\\*h?|'|<0;1>|tr\\(|multi_a") {
        let text = treasury_text();
        let (at, cut) = (at.index(text.len()), cut.index(text.len()));
        let (at, cut) = (at.min(cut), at.max(cut));
        for text in [format!("{}{insert}{}", &text[..at], &text[cut..]), format!("{}{insert}{}", &text[..cut], &text[cut..])] {
            if let Ok(treasury) = Treasury::parse(&text) {
                let _ = treasury.script_at(0);
                let _ = treasury.script_at(u32::MAX);
            }
        }
    }
}

/// What is asked often is looked up, and a copy knows no more and no less than what it was made from.
#[test]
fn a_script_is_found_at_its_index_with_hints_and_without() {
    let treasury = treasury();
    let copy = treasury.clone();
    for index in [0, 1, 63, 64, 1_000] {
        let script = treasury.script_at(index).unwrap();
        for treasury in [&treasury, &copy] {
            assert_eq!(treasury.index_of(&script, []), (index < 64).then_some(index), "{index} without a hint");
            assert_eq!(treasury.index_of(&script, [7, index]), Some(index), "{index} with one");
        }
    }
    assert_eq!(treasury, self::treasury());
}
