//! Hazard: something is called by what only its program knows it by: a folder for a DAO, a theme that is not in force, digits in a row.

use std::path::PathBuf;
use std::process::Command;

use althing_node::api::{AnchorReply, LinkReserve, Reply, Why, WhyState, WhyStep};

use crate::dao::{AtTheKeyboard, discussion, why};
use crate::stage::{Stage, althing};

#[test]
fn other_daos_are_told_by_their_names() {
    let mut member = AtTheKeyboard::new();
    let folders = ["/home/b/lake", "/home/b/some/very/long/way/to/a/folder/of/boats", "/home/b/new"].map(PathBuf::from);
    member.app.folder = Some(folders[0].clone());
    member.app.settings.folders = folders.to_vec();
    let names = ["Association of the Lake", "Boats \u{202e}"].map(str::to_owned);
    member.app.dao_names = folders.iter().cloned().zip(names).collect();
    let text = member.press("@").text();
    let row =
        |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} not in\n{text}"));
    assert!(row("Association of the Lake").contains("open now"), "{text}");
    assert!(row("Boats ⟦U+202E⟧").contains("/to/a/folder/of/boats"), "{text}");
    // One that cannot be read is told by its folder.
    assert!(row("/home/b/new").contains("/home/b/new"), "{text}");
    // It is found by either.
    let text = member.press("boats").text();
    assert!(text.contains("Boats") && !text.contains("of the Lake"), "{text}");
}

#[test]
fn a_theme_without_colours_is_not_told_as_one() {
    let mut member = AtTheKeyboard::new();
    member.app.no_color = true;
    let text = member.press("T").text();
    assert!(text.contains("✓ Theme: light, where NO_COLOR is not set."), "{text}");
    let shown = |no_color: &str| {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_althing"))
            .env("ALTHING_SETTINGS", folder.path().join("terminal.toml"))
            .env("NO_COLOR", no_color)
            .args(["settings", "show"])
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    assert!(shown("1").contains("# NO_COLOR is set: the screens have no colours here, whatever the theme."));
    assert!(!shown("").contains("NO_COLOR"));
}

#[test]
fn numbers_stand_in_thousands_in_what_is_shown_and_proven() {
    let mut proposal = discussion();
    proposal.effects = vec!["The treasury pays 50000 sat, and its fee is at most 5000 sat.".to_owned()];
    let shown = althing(Stage::running().showing(proposal), "proposal show 4", "").out;
    assert!(shown.contains("pays 50,000 sat, and its fee is at most 5,000 sat"), "{shown}");

    let step = WhyStep {
        name: "count".to_owned(),
        state: WhyState::Holds,
        sentence: "Its link is 12345 blocks deep.".to_owned(),
        values: [
            ("title", "2026"),
            ("log size", "123456"),
            ("checked", "Sums of 5000 members."),
            ("hash", &"ab".repeat(32)),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
    };
    let statement = "Proposal 7c05: passed; yes 500000, no 300000 of total weight 1500000, 4 ballots.".to_owned();
    let told = Why { statement, steps: vec![step], ..why("") };
    let stage = Stage::running().answer(Ok(Reply::Why(Box::new(told.clone()))));
    let shown = althing(stage, "why 4 --sums", "").out;
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    member.press("2j<enter>w<enter>");
    member.app.desk.why = Some(told);
    for text in [shown, member.text()] {
        for wanted in [
            "yes 500,000, no 300,000 of total weight 1,500,000, 4 ballots.",
            "Its link is 12,345 blocks deep.",
            "log size: 123,456",
            "checked: Sums of 5,000 members.",
            // What somebody wrote is not a number, whatever it looks like.
            "title: 2026",
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
    }
}

/// What cannot be told is no difference; and a reader is told what is missing.
#[test]
fn an_audit_without_a_source_says_how_to_name_one() {
    let said = althing(Stage::running(), "audit", "").out;
    assert!(said.contains("--own") && said.contains("--headers FILE"), "{said}");
    assert!(!althing(Stage::running(), "audit --bitcoind http://127.0.0.1:1", "").out.contains("--headers FILE"));
}

/// The hub's alarm about its reserve and the answer about the reserve are one sentence, which stood there twice.
#[test]
fn health_says_once_how_the_reserve_is() {
    let mut status = crate::dao::snapshot().status;
    let low = LinkReserve {
        words: "A-82: the reserve of the links is low: it pays for 1234 links.".to_owned(),
        ..crate::treasury_data::reserve()
    };
    status.alarms = vec![low.words.clone(), "B-1: nobody listens".to_owned()];
    let health = AnchorReply::Health {
        fraud: Vec::new(),
        unavailable: Vec::new(),
        silent_key: None,
        undone: None,
        source: None,
        copy: None,
        alarms: status.alarms.clone(),
    };
    let stage = Stage::running()
        .answer(Ok(Reply::Status(Box::new(status))))
        .answer(Ok(Reply::Anchoring(AnchorReply::Reserve(low))))
        .answer(Ok(Reply::Anchoring(health)));
    let said = althing(stage, "health", "").out;
    assert_eq!(said.matches("A-82").count(), 1, "{said}");
    assert!(said.contains("✗ A-82: the reserve of the links is low: it pays for 1,234 links."), "{said}");
    assert!(said.contains("✗ B-1: nobody listens"), "{said}");
}
