//! Hazard: colours that say another thing than the letters, or that only one theme has: every screen with its styles.

use std::collections::BTreeMap;

use althing_tui::theme::{Theme, ThemeName};
use ratatui::buffer::Buffer;

use crate::dao::{AtTheKeyboard, text_of};
use crate::screens::SCREENS;

/// The ten screens, one proposal, and the popups that ask for something.
const SHOWN: [&str; 16] = [
    "home",
    "proposals",
    "proposal",
    "ballots",
    "treasury",
    "channels",
    "members",
    "chain",
    "audit",
    "learn",
    "operator",
    "choose",
    "review",
    "delegate",
    "session",
    "help",
];

/// Letters that stand for a style, in the order in which they are met.
const LETTERS: &[u8] = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Each row as it reads, under it a letter for the style of each cell, and what the letters stand for.
fn dump(buffer: &Buffer) -> String {
    let mut styles: BTreeMap<String, char> = BTreeMap::new();
    let mut names: Vec<(char, String)> = Vec::new();
    let width = usize::from(buffer.area.width);
    let mut out = String::new();
    for (text, row) in text_of(buffer).lines().zip(buffer.content.chunks(width)) {
        let mut signs = String::new();
        for cell in row {
            let name = format!("{:?} on {:?} {:?}", cell.fg, cell.bg, cell.modifier);
            let next = char::from(LETTERS[styles.len().min(LETTERS.len() - 1)]);
            let sign = *styles.entry(name.clone()).or_insert_with(|| {
                names.push((next, name));
                next
            });
            signs.push(sign);
        }
        out.push_str(&format!("{text}\n{}\n", signs.trim_end_matches('.')));
    }
    for (sign, name) in names {
        out.push_str(&format!("{sign} {name}\n"));
    }
    out
}

#[test]
fn every_screen_with_its_styles_in_dark_light_and_mono() {
    for name in SHOWN {
        let keys = SCREENS.iter().find(|(known, _)| *known == name).unwrap().1;
        let mut member = AtTheKeyboard::new();
        member.press(keys);
        for (theme_name, theme) in [
            ("dark", Theme::choose(ThemeName::Dark, false)),
            ("light", Theme::choose(ThemeName::Light, false)),
            ("mono", Theme::choose(ThemeName::Dark, true)),
        ] {
            let buffer = member.draw(theme);
            insta::assert_snapshot!(format!("{name}_{theme_name}"), dump(&buffer));
        }
    }
}
