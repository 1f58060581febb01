//! Terminals too small, or very large: no panic, and the words that are needed.

use althing_tui::screen::render;
use althing_tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::dao::AtTheKeyboard;

#[test]
fn no_size_panics_on_any_screen() {
    let keys = [
        "1",
        "2",
        "2j<enter>",
        "2jv",
        "2jvy<enter>vote",
        "2n",
        "2j<enter>c",
        "3",
        "3w<enter>",
        "4",
        "5",
        "5o",
        "5a",
        "6",
        "6d",
        "7",
        "7<enter>",
        "8",
        "9",
        "0",
        "?",
        ":",
        ":vo",
        "2/x",
    ];
    for keys in keys {
        let mut member = AtTheKeyboard::new();
        member.press(keys);
        for width in [1, 2, 10, 39, 40, 41, 59, 75, 76, 200] {
            for height in [1, 2, 5, 11, 12, 13, 17, 80] {
                member.size = (width, height);
                member.text();
            }
        }
    }
}

#[test]
fn a_small_terminal_says_what_is_missing() {
    let mut member = AtTheKeyboard::new();
    member.size = (30, 8);
    let text = member.text().replace('\n', " ");
    assert!(text.contains("Althing needs 40 x 12"), "{text}");
}

/// At the end of a list of so many proposals.
fn before_proposals(count: usize) -> AtTheKeyboard {
    let mut seen = crate::dao::snapshot();
    let one = seen.proposals[1].clone();
    seen.proposals = (0..count)
        .map(|n| {
            let mut p = one.clone();
            p.id = format!("{n:064x}");
            p
        })
        .collect();
    let mut member = AtTheKeyboard::seeing(seen);
    member.press("2G");
    member
}

#[test]
fn only_the_rows_on_the_screen_are_made() {
    let mut member = before_proposals(20_000);
    assert!(member.text().contains("Proposals (20000)"), "{}", member.text());
    assert!((10..=24).contains(&member.rows_made), "{} rows made for 24 lines", member.rows_made);
}

#[test]
fn the_selected_row_is_on_the_screen_and_has_the_cursor() {
    let mut seen = crate::dao::snapshot();
    let one = seen.proposals[1].clone();
    seen.proposals = (0..100)
        .map(|n| {
            let mut p = one.clone();
            (p.id, p.title) = (format!("{n:064x}"), format!("title {n:03}"));
            p
        })
        .collect();
    let mut member = AtTheKeyboard::seeing(seen);
    member.press("2");
    for (keys, selected) in [("", 0), ("G", 99), ("k", 98), ("b", 88), (" ", 98), ("g", 0), ("jjj", 3)] {
        member.press(keys);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal
            .draw(|frame| {
                render(frame, &member.app, Theme::mono());
            })
            .unwrap();
        let cursor = terminal.get_cursor_position().unwrap();
        let text = crate::dao::text_of(terminal.backend().buffer());
        let row = text.lines().nth(usize::from(cursor.y)).unwrap();
        assert!(row.contains(&format!("title {selected:03}")), "{keys}: {row}");
    }
}

/// Before a proposal with so many long comments, each an answer to the one before.
fn before_comments(count: usize) -> AtTheKeyboard {
    let mut flooded = crate::dao::discussion();
    let one = flooded.comments[0].clone();
    let text = "pay \u{441}\u{200b} the fl\u{301}ood of w\u{f6}rds ".repeat(120);
    flooded.comments = (0..count)
        .map(|n| {
            let mut comment = one.clone();
            comment.id = format!("{n:064x}");
            comment.parent = (n > 0).then(|| format!("{:064x}", n - 1));
            comment.text.clone_from(&text);
            comment
        })
        .collect();
    let mut member = AtTheKeyboard::new();
    member.press("2j<enter>");
    member.app.discussion = Some(Box::new(flooded));
    member
}

#[test]
fn a_flood_of_comments_does_not_hold_the_screen() {
    let mut member = before_comments(5_000);
    // What is laid out is bounded, however many there are.
    let lines = |member: &mut AtTheKeyboard| {
        member.text();
        member.app.scroll_limit
    };
    assert_eq!(lines(&mut member), lines(&mut before_comments(125)), "forty times as many comments are no more lines");
    // The newest are there, and it says that others are not.
    member.size = (80, 60);
    let text = member.text();
    assert!(text.contains("4,966 comments earlier"), "{text}");
}
