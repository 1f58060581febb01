//! Charters that a person writes: whose fault it is when one cannot be used.

use althing_governance::charter::{EXAMPLE_KEYS, example_key};
use althing_node::api::{ApiError, ErrorKind};
use althing_node::local::{charter_check, charter_diff, charter_template};
use bitcoin::secp256k1::{Secp256k1, SecretKey};

fn fault(error: anyhow::Error) -> ApiError {
    ApiError::from(error)
}

#[test]
fn what_is_no_charter_is_its_authors_fault_and_names_the_rule() {
    let sound = charter_template("cooperative", "regtest").unwrap();
    for (old, new) in [(sound.as_str(), "x"), ("x", sound.as_str())] {
        let error = fault(charter_diff(old, new).unwrap_err());
        assert_eq!((error.kind, error.rule.as_deref()), (ErrorKind::Invalid, Some("R-1")), "{error:?}");
    }
    let error = fault(charter_template("nosuch", "regtest").unwrap_err());
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("\"nosuch\"") && error.message.contains("cooperative"), "{error:?}");
    for (broken, value) in [("x", "line 1 (x)"), ("", "version")] {
        let problems = charter_check(broken).problems.join("; ");
        assert!(problems.contains("R-1") && problems.contains(value), "{problems}");
    }
}

#[test]
fn what_is_allowed_but_unwise_is_told_beside_the_problems() {
    let sound = charter_template("cooperative", "regtest").unwrap();
    let fewer: String =
        sound.lines().filter(|line| !line.starts_with("spending_cap")).map(|line| format!("{line}\n")).collect();
    for (charter, advised) in [(&sound, false), (&fewer, true)] {
        let report = charter_check(charter);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        assert_eq!(report.advice.iter().any(|advice| advice.contains("R-80")), advised, "{:?}", report.advice);
    }
}

/// A founder on a real network replaces keys, and nothing else is in the way.
#[test]
fn a_template_for_a_network_lacks_nothing_but_keys() {
    let error = fault(charter_template("starter", "testnet3").unwrap_err());
    assert_eq!((error.kind, error.rule.as_deref()), (ErrorKind::Invalid, Some("R-51")), "{error:?}");
    assert!(error.message.contains("\"testnet3\"") && error.message.contains("testnet4"), "{error:?}");
    for kind in ["association", "cooperative", "grants", "starter"] {
        let test = charter_template(kind, "regtest").unwrap();
        assert!(charter_check(&test).problems.is_empty(), "{kind}");
        // What is nobody's is named there too, though nothing refuses it.
        let first = |document: &str| document.lines().next().unwrap_or_default().split(": ").nth(1).map(str::to_owned);
        assert_eq!(first(&test), first(&charter_template(kind, "signet").unwrap()), "{kind}");
        assert!(test.starts_with("# Put your own") && test.contains("regtest alone takes them"), "{kind}");
        for network in ["signet", "testnet4", "bitcoin"] {
            let document = charter_template(kind, network).unwrap();
            let problems = charter_check(&document).problems;
            assert!(!problems.is_empty(), "{kind} for {network}");
            let first = document.lines().next().unwrap_or_default();
            for problem in &problems {
                let (field, rest) = problem.split_once(" (").unwrap();
                assert!(rest.starts_with("R-78)") && first.contains(field), "{kind} for {network}: {problem}; {first}");
            }
            // With other keys in their places it is a charter, and advice is not about its periods.
            let own: String = document.lines().map(|line| format!("{}\n", with_own_keys(line))).collect();
            let report = charter_check(&own);
            assert!(report.problems.is_empty(), "{kind} for {network}: {:?}", report.problems);
            let of_periods = |advice: &&String| ["R-88", "R-91"].iter().any(|rule| advice.contains(rule));
            assert_eq!(report.advice.iter().find(of_periods), None, "{kind} for {network}");
        }
    }
}

/// The line with a key of its own for every example key in it.
fn with_own_keys(line: &str) -> String {
    let secp = Secp256k1::new();
    (1..=EXAMPLE_KEYS).fold(line.to_owned(), |line, number| {
        let own = SecretKey::from_slice(&[number; 32]).unwrap().x_only_public_key(&secp).0;
        line.replace(&example_key(number).to_string(), &own.to_string())
    })
}

/// The descriptor is no sentence: who may spend is told with it, by the names that the charter gives the keys.
#[test]
fn the_treasury_is_told_in_words() {
    let told = charter_check(&charter_template("cooperative", "regtest").unwrap()).sentences;
    let ways: Vec<&String> = told.iter().filter(|sentence| sentence.starts_with("The treasury is spent so.")).collect();
    let expected = "The treasury is spent so. At any time: 2 of (first treasurer, second treasurer, third treasurer).";
    assert_eq!(ways, [expected], "{told:?}");
}
