//! Hazard: a delegation that divides more than there is, names a receiver twice, or has two byte forms.

use althing_governance::charter::Class;
use althing_governance::delegation::{Delegation, MAX_PARTS, Part, Scope, Tag};
use althing_governance::{Canonical as _, MemberId};

fn member(n: u8) -> MemberId {
    MemberId([n; 32])
}

fn parts(shares: &[(u8, u16)]) -> Vec<Part> {
    shares.iter().map(|&(to, share_bp)| Part { to: member(to), share_bp }).collect()
}

fn whole(shares: &[(u8, u16)]) -> Delegation {
    Delegation { scope: Scope::All, parts: parts(shares), expires_height: None }
}

#[test]
fn one_byte_form() {
    let even: Vec<(u8, u16)> = (1..=16).map(|n| (n, 625)).collect();
    for delegation in [
        whole(&[(1, 10_000)]),
        whole(&[(1, 1), (2, 9_999)]),
        whole(&even),
        whole(&[]),
        Delegation { scope: Scope::Class(Class::Spend), expires_height: Some(1), ..whole(&[(7, 10_000)]) },
        Delegation {
            scope: Scope::Tag(Tag::new("fish-2026").unwrap()),
            expires_height: Some(u32::MAX),
            ..whole(&[(7, 10_000)])
        },
    ] {
        delegation.check().unwrap();
        let bytes = delegation.to_bytes();
        assert_eq!(Delegation::from_bytes(&bytes).unwrap(), delegation);
        assert!(Delegation::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}

#[test]
fn refused_with_rule_and_value() {
    let many: Vec<(u8, u16)> = (1..=17).map(|n| (n, if n == 17 { 400 } else { 600 })).collect();
    assert_eq!(many.len(), MAX_PARTS + 1);
    for (delegation, rule, value) in [
        (whole(&many), "E-3/E-4", "17"),
        (whole(&[(1, 9_999)]), "L-2", "9999"),
        (whole(&[(1, 10_000), (2, 1)]), "L-2", "10001"),
        (whole(&[(1, 65_535), (2, 10_001)]), "L-2", "75536"),
        (whole(&[(1, 0), (2, 10_000)]), "L-2", "is 0"),
        (whole(&[(1, 5_000), (1, 5_000)]), "L-2", "0101 comes twice"),
        (whole(&[(2, 5_000), (1, 5_000)]), "L-2", "0101 stands behind 0202"),
        (Delegation { expires_height: Some(0), ..whole(&[(1, 10_000)]) }, "L-3", "is 0"),
        (Delegation { expires_height: Some(77), ..whole(&[]) }, "L-3", "77"),
    ] {
        let error = delegation.check().unwrap_err();
        assert_eq!(
            Delegation::from_bytes(&delegation.to_bytes()),
            Err(error.clone()),
            "decoding applies the same rule"
        );
        let text = error.to_string();
        assert!(text.contains(rule) && text.contains(value), "{text}");
    }
}

#[test]
fn nobody_delegates_to_themselves() {
    let delegation = whole(&[(1, 5_000), (2, 5_000)]);
    delegation.check_by(&member(3)).unwrap();
    for own in [1, 2] {
        assert!(delegation.check_by(&member(own)).unwrap_err().to_string().starts_with("L-5"));
    }
}

#[test]
fn tags() {
    for good in ["a", "0", "fish", "fish-and-chips", "a--b", &"x".repeat(32)] {
        assert_eq!(Tag::new(good).unwrap().as_str(), good);
    }
    for (bad, rule) in [
        ("", "E-3"),
        (&*"x".repeat(33), "E-3"),
        ("Fish", "L-4"),
        ("fish chips", "L-4"),
        ("-a", "L-4"),
        ("a-", "L-4"),
        ("-", "L-4"),
        ("fi\u{202e}sh", "L-4"),
        ("fi\nsh", "L-4"),
        ("f\u{456}sh", "L-4"),
    ] {
        let error = Tag::new(bad).unwrap_err().to_string();
        assert!(error.starts_with(rule), "{error}");
        assert!(!error.contains('\u{202e}') && !error.contains('\n'), "{error:?}");
    }
}
