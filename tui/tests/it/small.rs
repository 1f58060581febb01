//! Hazard: a small terminal shows another number than there is, because the first digits of it had no room; or hides a sign that has to stand.

use std::collections::BTreeSet;

use althing_tui::theme::Theme;
use althing_tui::widget::{Column, Pen, Rows, list};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;

use crate::dao::{AtTheKeyboard, snapshot, text_of};
use crate::screens::SCREENS;

/// Every number that stands alone, with the word behind it where one follows at once; `None` where that word was cut.
fn numbers(text: &str) -> BTreeSet<(String, Option<String>)> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        // Columns and panels stand at least two blanks or a frame apart.
        for part in line.split(['│', '┃', '║', '█', '▏', '░', '▒', '┆']).flat_map(|part| part.split("  "))
        {
            let words: Vec<&str> = part.split(' ').filter(|word| !word.is_empty()).collect();
            for (index, word) in words.iter().enumerate() {
                let number = word.trim_matches(['(', ')', ',', '.', ';', ':', '#']);
                let is_number = number.starts_with(|c: char| c.is_ascii_digit())
                    && number.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.');
                if !is_number || word.ends_with('…') {
                    continue;
                }
                let next = words.get(index + 1).filter(|next| !next.ends_with('…') && word.ends_with(number));
                found.insert((number.to_owned(), next.map(|next| (*next).to_owned())));
            }
        }
    }
    found
}

/// Of what a wide terminal shows, a small one shows less, but nothing else.
#[test]
fn a_small_screen_shows_no_other_numbers_than_a_wide_one() {
    for (name, keys) in SCREENS {
        let shown = |size: (u16, u16)| {
            let mut member = AtTheKeyboard::new();
            member.size = size;
            member.press(keys).text()
        };
        let wide = shown((220, 90));
        // Words may be broken between lines: there the number alone is looked for.
        let known = numbers(&wide);
        let alone: BTreeSet<&str> = known.iter().map(|(number, _)| number.as_str()).collect();
        for size in [(80, 24), (40, 12)] {
            let small = shown(size);
            for (number, next) in numbers(&small) {
                let is_known = match &next {
                    Some(next) if NUMBERED.contains(&next.trim_end_matches(['.', ',', ';'])) => {
                        known.iter().any(|(known, word)| {
                            *known == number && word.as_ref().is_some_and(|word| word.starts_with(next.as_str()))
                        })
                    }
                    _ => alone.contains(number.as_str()),
                };
                assert!(is_known, "{name} at {size:?} shows {number} {next:?}\n{small}\n{wide}");
            }
        }
    }
}

/// What stands behind a number in a column.
const NUMBERED: [&str; 4] = ["blocks", "sat", "block", "of"];

/// A list of one word column and number columns, drawn so wide.
fn drawn(width: u16, rows: &[Vec<u64>], fixed: u16) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let columns: Vec<Column> = std::iter::once(Column::words("name", Constraint::Fill(1)))
        .chain((0..count).map(|index| Column::number("n", fixed).goes(u8::try_from(index % 3).unwrap())))
        .collect();
    let row = |index: usize| {
        let numbers = rows[index].iter().map(|number| Line::from(number.to_string()));
        std::iter::once(Line::from("a name that is longer than its column")).chain(numbers).collect()
    };
    let mut terminal = Terminal::new(TestBackend::new(width, 12)).unwrap();
    terminal
        .draw(|frame| {
            let area = Rect::new(0, 0, width, 12);
            let mut pen = Pen { frame, theme: Theme::mono(), scroll_limit: 0, hits: Vec::new(), rows_made: 0 };
            list(&mut pen, area, &columns, &Rows { count: rows.len(), selected: 0, row: &row, empty: "" });
        })
        .unwrap();
    text_of(terminal.backend().buffer())
}

proptest! {
    /// Whatever the numbers and the room: a number is whole or not there.
    #[test]
    fn no_number_of_a_list_is_cut(
        rows in (1usize..6).prop_flat_map(|columns| {
            prop::collection::vec(prop::collection::vec(100u64..u64::MAX, columns), 1..8)
        }),
        width in 12u16..120,
        fixed in 2u16..24,
    ) {
        let whole: BTreeSet<String> = rows.iter().flatten().map(u64::to_string).collect();
        for word in drawn(width, &rows, fixed).split_whitespace() {
            if word.starts_with(|c: char| c.is_ascii_digit()) {
                prop_assert!(whole.contains(word), "{word} of {whole:?}");
            }
        }
    }
}

/// Whoever looks at screens that order nothing has to see so at any time, also beside a long message.
#[test]
fn the_sign_of_read_only_screens_is_whole_at_every_size() {
    for size in [(40, 12), (60, 20), (80, 24), (120, 40)] {
        for (keys, pending) in [("1", 0), ("1", 2), ("2jv", 0), ("5o", 0)] {
            let mut seen = snapshot();
            seen.status.log_size = 1_234_567_890;
            let mut member = AtTheKeyboard::seeing(seen);
            member.size = size;
            member.app.readonly = true;
            member.press(keys);
            member.app.pending = pending;
            let text = member.text();
            assert!(text.contains(" read only ·"), "{size:?} {keys}\n{text}");
        }
    }
}

/// A new member's screens say at 80x24 all that is verified, and at 40x12 the most of it in whole words.
#[test]
fn what_is_verified_is_said_in_whole_parts() {
    let line = |size, log_size, head_height, final_epoch| {
        let mut seen = snapshot();
        seen.status = althing_node::api::Status { log_size, head_height, final_epoch, ..seen.status };
        let mut member = AtTheKeyboard::seeing(seen);
        member.size = size;
        let text = member.text();
        text.trim_end().lines().rev().nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(line((80, 24), 0, None, None), "verified here: 0 log entries, tip 1,212, no epoch final");
    assert_eq!(line((40, 12), 1_208, Some(1_212), Some(7)), "verified: 1,208 log entries");
    let whole = "verified here: 1,208 log entries, head at 1,212 of tip 1,212, epoch 7 final";
    assert_eq!(line((80, 24), 1_208, Some(1_212), Some(7)), whole);
    assert_eq!(line((70, 24), 1_208, Some(1_212), Some(7)), "verified here: 1,208 log entries, epoch 7 final");
}
