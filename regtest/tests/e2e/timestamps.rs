//! What the program exports as an OpenTimestamps file is accepted by the released client.

use std::collections::BTreeSet;

use crate::ots_client::{judged, verify};
use crate::stage::{scratch, told};

#[test]
fn the_released_client_accepts_what_the_program_exported() {
    let told = told();
    let kinds: BTreeSet<&str> = told.report.ots.iter().map(|ots| ots.kind.as_str()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["opreturn", "reveal", "split"]);
    for ots in &told.report.ots {
        let option = if ots.kind == "split" { "-d" } else { "-f" };
        let (accepted, said) = judged(&verify(&told.assembly.node, &[option, &ots.of], &ots.file));
        assert!(accepted, "{ots:?}: {said}");
    }
}

#[test]
fn the_released_client_refuses_what_was_not_stamped() {
    let told = told();
    let other = scratch("not-stamped").join("other");
    std::fs::write(&other, "another ballot").unwrap();
    for ots in &told.report.ots {
        let other = [other.to_str().unwrap(), &"66".repeat(32)];
        let arguments = if ots.kind == "split" { ["-d", other[1]] } else { ["-f", other[0]] };
        let (accepted, said) = judged(&verify(&told.assembly.node, &arguments, &ots.file));
        assert!(!accepted, "{ots:?}: {said}");
    }
}
