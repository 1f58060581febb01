//! Hazard: something is called by what only its program knows it by: a folder for a DAO, a theme that is not in force, digits in a row.

use std::path::PathBuf;
use std::process::Command;

use althing_node::api::{
    AnchorReply, LinkReserve, LostBallot, Proposal, ProposalOption, ProposalState, Reply, Submission, Submissions,
    System, TreasuryReply, TreasuryRequest, Why, WhyState, WhyStep,
};

use crate::dao::{AtTheKeyboard, discussion, history, id, why};
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

#[test]
fn counts_and_credits_stand_in_thousands() {
    let mut seen = crate::dao::snapshot();
    seen.proposals[1].vote.system = System::Quadratic { credits: 10_000 };
    let option = |label: &str| ProposalOption { label: label.to_owned(), sum: None, sum_at_close: None, won: false };
    seen.proposals[1].vote.options = ["Lake", "none of these"].map(option).into();
    let mut member = AtTheKeyboard::seeing(seen);
    let text = member.press("2jv40").text();
    assert!(text.contains("costs 1,600 of 10,000 credits"), "{text}");
    let treasury = crate::treasury_data::answer(&TreasuryRequest::Overview).unwrap();
    let Reply::Treasury { reply: TreasuryReply::Overview(mut overview) } = treasury else { panic!("another answer") };
    overview.treasurers[0].heard_height = Some(98_765);
    overview.generations[1].since_height = 123_456;
    let told = Reply::Treasury { reply: TreasuryReply::Overview(overview) };
    let said = althing(Stage::running().answer(Ok(told)), "treasury balance", "").out;
    assert!(said.contains("height 98,765") && said.contains("from height 123,456"), "{said}");
}

/// Whoever signed twice did vote; to call that an absence is to hide the offence.
#[test]
fn a_ballot_that_does_not_count_is_not_told_as_none() {
    let mut told = history(&id(103));
    for (vote, lost) in told.votes.iter_mut().zip([None, Some(LostBallot::TooLate), Some(LostBallot::Void)]) {
        (vote.choice, vote.lost) = (None, lost);
    }
    let stage = Stage::running().answer(Ok(Reply::MemberHistory(Box::new(told))));
    let said = althing(stage, "history member Guðrún", "").out;
    let line =
        |title: &str| said.lines().find(|line| line.contains(title)).unwrap_or_else(|| panic!("{said}")).to_owned();
    // What is still open nobody has missed.
    assert!(line("Buy two disks").contains("has not voted yet"), "{said}");
    assert!(said.contains("; one of the others is still open."), "{said}");
    assert!(line("Adopt the code").contains("too late: the vote had ended (G-42)"), "{said}");
    assert!(line("Paint the boat").contains("void: two ballots were signed for one place (G-98)"), "{said}");
}

/// A request without its answers and its window leaves everybody to search the list for them (N-433).
#[test]
fn a_request_tells_its_answers_and_until_when_they_are_taken() {
    let answer = |number: u64, title: &str| Submission {
        id: id(number as u8),
        number,
        title: title.to_owned(),
        state: ProposalState::Review,
        amount_sat: 25_000,
    };
    let told = |until, are_taken, answers| {
        let mut request = discussion();
        request.vote.submissions = Some(Submissions { until, are_taken, answers });
        request
    };
    let shown = |request: Proposal| althing(Stage::running().showing(request), "proposal show 4", "").out;
    let open = told(Some(1_300), true, vec![answer(5, "Turf \u{202e}"), answer(7, "Tiles")]);
    let text = shown(open.clone());
    for wanted in ["2 answers yet; taken below height 1,300", "#5 Turf ⟦U+202E⟧", "25,000 sat, review", "#7 Tiles"]
    {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(shown(told(Some(1_300), false, Vec::new())).contains("no answer; none is taken any more"), "{text}");
    assert!(shown(told(None, false, Vec::new())).contains("when a signed head covers the request"), "{text}");
    // The same on the screen, once it was asked for.
    let mut member = AtTheKeyboard::new();
    member.size = (120, 60);
    member.press("2j<enter>");
    let id = member.app.open_proposal().unwrap().id.clone();
    member.app.discussion = Some(Box::new(Proposal { id, ..open }));
    let text = member.text();
    assert!(text.contains("Answers to this request") && text.contains("#7 Tiles"), "{text}");
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

/// "If it passes" above what failed long ago is read as if it still could.
#[test]
fn what_is_over_is_not_told_as_if_it_could_still_pass() {
    for (state, heading) in [
        (ProposalState::Voting, "If it passes"),
        (ProposalState::Rejected, "What it would have done"),
        (ProposalState::Authorised, "It passed; what follows"),
        (ProposalState::Executed, "What it did"),
    ] {
        let mut seen = crate::dao::snapshot();
        seen.proposals[1].state = state;
        let told = seen.proposals[1].clone();
        let text = AtTheKeyboard::seeing(seen).press("2j<enter>").text();
        assert!(text.contains(heading), "{heading}\n{text}");
        let said = althing(Stage::running().showing(told), "proposal show 4", "").out;
        assert!(said.contains(&format!("{}:", heading.to_lowercase())), "{heading}\n{said}");
    }
}

/// A fee that a form put in is a number of what?
#[test]
fn a_number_in_a_form_says_what_it_counts() {
    let text = AtTheKeyboard::new().press("5c").text();
    let line = text.lines().find(|line| line.contains("▸Fee")).unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("308") && line.contains("satoshis"), "{line}");
}

/// What is left to give was the part of the line that was cut off.
#[test]
fn what_is_left_of_a_split_is_seen_in_80_columns() {
    let mut seen = crate::dao::snapshot();
    seen.proposals[1].vote.system = System::Split;
    let option = |label: &str| ProposalOption { label: label.to_owned(), sum: None, sum_at_close: None, won: false };
    seen.proposals[1].vote.options = ["Lake", "none of these"].map(option).into();
    let mut member = AtTheKeyboard::seeing(seen);
    let text = member.press("2jv1098").text();
    assert!(text.contains("1,098 of 10,000 parts; space gives the other 8,902"), "{text}");
    assert!(text.contains(" 1,098    1  Lake"), "{text}");
    let text = member.press("<enter>").text();
    assert!(text.contains("This is no ballot yet: 1,098 of 10,000 parts; space gives the other 8,902"), "{text}");
}

/// A text pays nothing: nothing of it is executed, and nothing expires.
#[test]
fn a_text_is_not_told_to_expire() {
    let said = |class: &str| {
        let mut told = discussion();
        told.class = class.to_owned();
        (told.vote.authorised_at, told.vote.expires_at) = (Some(1_236), Some(5_556));
        althing(Stage::running().showing(told), "proposal show 4", "").out
    };
    let text = said("text");
    assert!(text.contains("effect     from height 1,236\n") && !text.contains("5,556"), "{text}");
    assert!(said("spend").contains("from height 1,236; what is not executed expires at 5,556"), "{}", said("spend"));
}
