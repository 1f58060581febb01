//! Charters that a person writes: whose fault it is when one cannot be used.

use althing_node::api::{ApiError, ErrorKind};
use althing_node::local::{charter_check, charter_diff, charter_template};

fn fault(error: anyhow::Error) -> ApiError {
    ApiError::from(error)
}

#[test]
fn what_is_no_charter_is_its_authors_fault_and_names_the_rule() {
    let sound = charter_template("cooperative").unwrap();
    for (old, new) in [(sound.as_str(), "x"), ("x", sound.as_str())] {
        let error = fault(charter_diff(old, new).unwrap_err());
        assert_eq!((error.kind, error.rule.as_deref()), (ErrorKind::Invalid, Some("R-1")), "{error:?}");
    }
    let error = fault(charter_template("nosuch").unwrap_err());
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("\"nosuch\"") && error.message.contains("cooperative"), "{error:?}");
    for (broken, value) in [("x", "line 1 (x)"), ("", "version")] {
        let problems = charter_check(broken).problems.join("; ");
        assert!(problems.contains("R-1") && problems.contains(value), "{problems}");
    }
}

#[test]
fn what_is_allowed_but_unwise_is_told_beside_the_problems() {
    let sound = charter_template("cooperative").unwrap();
    let fewer: String =
        sound.lines().filter(|line| !line.starts_with("spending_cap")).map(|line| format!("{line}\n")).collect();
    for (charter, advised) in [(&sound, false), (&fewer, true)] {
        let report = charter_check(charter);
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        assert_eq!(report.advice.iter().any(|advice| advice.contains("R-80")), advised, "{:?}", report.advice);
    }
}
