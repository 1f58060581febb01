//! Hazard: words that some eyes cannot read, or two meanings that some eyes cannot tell apart.

use std::collections::BTreeSet;

use althing_tui::theme::{Theme, ThemeName, rgb};
use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};

use crate::dao::AtTheKeyboard;
use crate::every_popup::MORE;
use crate::screens::SCREENS;

/// Relative luminance (WCAG 2.2), 0 to 1.
fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
    let [r, g, b] = linear((r, g, b));
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn linear((r, g, b): (u8, u8, u8)) -> [f64; 3] {
    [r, g, b].map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

/// Contrast ratio (WCAG 2.2), 1 to 21.
fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(rgb(a).unwrap()), luminance(rgb(b).unwrap()));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Every style that words are written in, with its name.
fn words(theme: &Theme) -> [(&'static str, Style); 8] {
    [
        ("text", theme.text),
        ("dim", theme.dim),
        ("title", theme.title),
        ("focus", theme.focus),
        ("good", theme.good),
        ("bad", theme.bad),
        ("warn", theme.warn),
        ("key", theme.key),
    ]
}

#[test]
fn the_formula_agrees_with_known_pairs() {
    // WCAG's own: black on white is 21, and #767676 on white is the grey that just passes.
    assert!((contrast(Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)) - 21.0).abs() < 0.01);
    assert!((contrast(Color::Rgb(0x76, 0x76, 0x76), Color::Rgb(255, 255, 255)) - 4.54).abs() < 0.01);
}

#[test]
fn every_word_of_every_theme_can_be_read() {
    for name in ThemeName::ALL.into_iter().filter(|name| *name != ThemeName::Mono) {
        let theme = Theme::choose(name, false);
        let ground = theme.ground.bg.unwrap();
        let least = if name == ThemeName::Contrast { 7.0 } else { 4.5 };
        for (word, style) in words(&theme) {
            let ratio = contrast(style.fg.unwrap(), ground);
            assert!(ratio >= least, "{name:?}: {word} has {ratio:.2}, needs {least}");
            // The selected row lays its background under the words, and its own colour over them if it has one.
            let over = theme.selected.fg.or(style.fg).unwrap();
            let ratio = contrast(over, theme.selected.bg.unwrap());
            assert!(ratio >= 4.5, "{name:?}: {word} on the selected row has {ratio:.2}, needs 4.5");
        }
        // Lines and borders are not read (WCAG 1.4.11).
        let ratio = contrast(theme.border.fg.unwrap(), ground);
        assert!(ratio >= 3.0, "{name:?}: borders have {ratio:.2}, need 3");
    }
}

/// Whether a cell shows lines or areas rather than words: frames, bars, marks of a QR code.
fn is_drawing(cell: &Cell) -> bool {
    cell.symbol().chars().all(|c| matches!(c, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '·'))
}

/// The pairs of colours as they are drawn, not as they are meant to be: every cell of every screen and popup in every theme.
#[test]
fn every_cell_that_is_drawn_can_be_read() {
    let mut unread = BTreeSet::new();
    for (name, keys) in SCREENS.into_iter().chain(MORE) {
        let mut member = AtTheKeyboard::new();
        member.size = (120, 40);
        member.press(keys);
        for theme in ThemeName::ALL {
            let buffer = member.draw(Theme::choose(theme, false));
            for cell in buffer.content.iter().filter(|cell| !cell.symbol().trim().is_empty()) {
                if theme == ThemeName::Mono {
                    assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}: mono has a colour");
                    continue;
                }
                // How dim or hidden a terminal draws it nobody knows.
                assert!(!cell.modifier.intersects(Modifier::DIM | Modifier::HIDDEN), "{theme:?} {name}: {cell:?}");
                // Exchanged by REVERSED, the two have the same ratio.
                let ratio = contrast(cell.fg, cell.bg);
                let least = match (is_drawing(cell), theme) {
                    (true, _) => 3.0,
                    (false, ThemeName::Contrast) => 7.0,
                    (false, _) => 4.5,
                };
                if ratio < least {
                    let (fg, bg) = (cell.fg, cell.bg);
                    unread.insert(format!("{theme:?} {name}: {fg} on {bg} has {ratio:.2}, needs {least}"));
                }
            }
        }
    }
    assert!(unread.is_empty(), "{unread:#?}");
}

/// How a colour looks to somebody without red, or without green, receptors: Viénot, Brettel and Mollon, "Digital video colourmaps
/// for checking the legibility of displays by dichromats", 1999, in linear light.
fn seen_by(colour: Color, matrix: [[f64; 3]; 3]) -> [f64; 3] {
    let light = linear(rgb(colour).unwrap());
    matrix.map(|row| row.iter().zip(light).map(|(weight, value)| weight * value).sum())
}

const PROTANOPE: [[f64; 3]; 3] = [[0.112_38, 0.887_62, 0.0], [0.112_38, 0.887_62, 0.0], [0.004_01, -0.004_01, 1.0]];
const DEUTERANOPE: [[f64; 3]; 3] = [[0.292_75, 0.707_25, 0.0], [0.292_75, 0.707_25, 0.0], [-0.022_34, 0.022_34, 1.0]];

#[test]
fn the_theme_for_the_colour_blind_keeps_its_meanings_apart() {
    for name in [ThemeName::Blind, ThemeName::Dark] {
        let theme = Theme::choose(name, false);
        let meanings = [("good", theme.good), ("bad", theme.bad), ("warn", theme.warn)];
        for matrix in [PROTANOPE, DEUTERANOPE] {
            for (index, (one, a)) in meanings.iter().enumerate() {
                for (other, b) in &meanings[index + 1..] {
                    let (a, b) = (seen_by(a.fg.unwrap(), matrix), seen_by(b.fg.unwrap(), matrix));
                    let apart: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                    assert!(apart > 0.15, "{name:?}: {one} and {other} are {apart:.2} apart");
                }
            }
        }
    }
}

#[test]
fn no_color_wins_over_every_theme() {
    for name in ThemeName::ALL {
        assert_eq!(Theme::choose(name, true), Theme::mono());
    }
}
