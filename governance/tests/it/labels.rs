//! Hazard: two options that look the same on a screen, or one that looks like *none of these*.

use althing_governance::charter::Class;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{ProposalContent, ProposalOption};
use althing_governance::voting::System;

use crate::world::text;

/// What a decoder says of an approval vote with these options.
fn said(labels: &[&str]) -> Result<(), String> {
    let option = |label: &&str| ProposalOption { label: (*label).to_owned(), effects: Vec::new() };
    let options = labels.iter().map(option).collect();
    let content = ProposalContent { class: Class::Text, system: System::Approval, options, ..text("Roof") };
    ProposalContent::from_bytes(&content.to_bytes()).map(|read| assert_eq!(read, content)).map_err(|e| e.to_string())
}

#[test]
fn options_that_look_alike_are_one_too_many() {
    for honest in [["Slate", "Turf"], ["A B", "AB"], ["Café", "Cafe"], ["Straße", "Strasen"], ["屋根", "や ね"]] {
        assert_eq!(said(&honest), Ok(()), "{honest:?}");
    }
    for (labels, why) in [
        (["Slate", "slate"], "comes twice"),
        (["Café", "Cafe\u{301}"], "comes twice"),
        (["STRASSE", "straße"], "comes twice"),
        (["Slate", "Ｓｌａｔｅ"], "comes twice"),
        (["Office", "o\u{fb03}ce"], "comes twice"),
        (["tel", "\u{2121}"], "comes twice"),
        (["Slate", "None of these"], "every ballot has by itself"),
        (["Slate", "ＮＯＮＥ"], "every ballot has by itself"),
        (["Slate", "none of\u{a0}these"], "U+00A0"),
        (["Slate", "none\u{3000}of these"], "U+3000"),
        (["Slate", "Sla\u{2800}te"], "U+2800"),
        (["A B", "A  B"], "several blanks"),
    ] {
        let refusal = said(&labels).unwrap_err();
        assert!(refusal.contains("G-24") && refusal.contains(why), "{labels:?}: {refusal}");
    }
}
