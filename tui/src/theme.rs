//! Colours and emphasis, by meaning. No meaning is carried by colour alone: a word or a sign always says the same.
//!
//! Every theme but mono brings its own background, since a contrast can only be promised between two known colours; the tests
//! compute it for each pair that is drawn.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

/// Styles by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// What everything is drawn on.
    pub ground: Style,
    /// Ordinary text.
    pub text: Style,
    /// What matters less: units, labels, hints.
    pub dim: Style,
    /// Titles and the name of the program.
    pub title: Style,
    /// Borders.
    pub border: Style,
    /// Borders of what has the focus.
    pub focus: Style,
    /// Met, passed, final.
    pub good: Style,
    /// Not met, rejected, broken.
    pub bad: Style,
    /// Wants attention.
    pub warn: Style,
    /// The row under the cursor.
    pub selected: Style,
    /// Keys in the footer.
    pub key: Style,
}

/// The colours of a theme, by number in the 256 of xterm.
struct Palette {
    ground: u8,
    text: u8,
    dim: u8,
    border: u8,
    focus: u8,
    good: u8,
    bad: u8,
    warn: u8,
    selected: u8,
    /// Text on the selected row, where it needs another colour.
    on_selected: Option<u8>,
}

impl Palette {
    fn theme(&self) -> Theme {
        let fg = |index: u8| Style::new().fg(Color::Indexed(index));
        let selected = Style::new().bg(Color::Indexed(self.selected)).add_modifier(Modifier::BOLD);
        Theme {
            ground: fg(self.text).bg(Color::Indexed(self.ground)),
            text: fg(self.text),
            dim: fg(self.dim),
            title: fg(self.text).add_modifier(Modifier::BOLD),
            border: fg(self.border),
            focus: fg(self.focus),
            good: fg(self.good),
            bad: fg(self.bad).add_modifier(Modifier::BOLD),
            warn: fg(self.warn),
            selected: self.on_selected.map_or(selected, |index| selected.fg(Color::Indexed(index))),
            key: fg(self.warn),
        }
    }
}

impl Theme {
    /// For dark terminals. Blue and orange rather than green and red, which many cannot tell apart.
    #[must_use]
    pub fn dark() -> Self {
        Palette {
            ground: 234,
            text: 253,
            dim: 249,
            border: 245,
            focus: 75,
            good: 75,
            bad: 209,
            warn: 221,
            selected: 237,
            on_selected: None,
        }
        .theme()
    }

    /// For light terminals.
    #[must_use]
    pub fn light() -> Self {
        Palette {
            ground: 255,
            text: 234,
            dim: 239,
            border: 243,
            focus: 25,
            good: 25,
            bad: 124,
            warn: 58,
            selected: 253,
            on_selected: None,
        }
        .theme()
    }

    /// As much contrast as there is.
    #[must_use]
    pub fn contrast() -> Self {
        Palette {
            ground: 16,
            text: 231,
            dim: 253,
            border: 231,
            focus: 226,
            good: 51,
            bad: 215,
            warn: 226,
            selected: 231,
            on_selected: Some(16),
        }
        .theme()
    }

    /// Colours that people with any of the usual kinds of colour blindness tell apart, after Okabe and Ito.
    #[must_use]
    pub fn blind() -> Self {
        Palette {
            ground: 233,
            text: 254,
            dim: 250,
            border: 245,
            focus: 117,
            good: 74,
            bad: 208,
            warn: 227,
            selected: 237,
            on_selected: None,
        }
        .theme()
    }

    /// No colour at all: emphasis only.
    #[must_use]
    pub fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            ground: plain,
            text: plain,
            dim: plain.add_modifier(Modifier::DIM),
            title: bold,
            border: plain.add_modifier(Modifier::DIM),
            focus: bold,
            good: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            warn: bold,
            selected: plain.add_modifier(Modifier::REVERSED),
            key: bold,
        }
    }

    /// The theme of that name, or mono if `NO_COLOR` asks for it (<https://no-color.org>).
    #[must_use]
    pub fn choose(name: ThemeName, no_color: bool) -> Self {
        match name {
            _ if no_color => Self::mono(),
            ThemeName::Dark => Self::dark(),
            ThemeName::Light => Self::light(),
            ThemeName::Contrast => Self::contrast(),
            ThemeName::Blind => Self::blind(),
            ThemeName::Mono => Self::mono(),
        }
    }
}

/// The themes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeName {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// As much contrast as there is.
    Contrast,
    /// For the colour-blind.
    Blind,
    /// Without colour.
    Mono,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [ThemeName; 5] =
        [ThemeName::Dark, ThemeName::Light, ThemeName::Contrast, ThemeName::Blind, ThemeName::Mono];

    /// The one after this.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|name| *name == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Its name in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            ThemeName::Dark => "dark",
            ThemeName::Light => "light",
            ThemeName::Contrast => "high contrast",
            ThemeName::Blind => "colour-blind safe",
            ThemeName::Mono => "without colour",
        }
    }
}

/// Red, green and blue of a colour of the 256; `None` for the terminal's own, which nobody knows.
#[must_use]
pub fn rgb(colour: Color) -> Option<(u8, u8, u8)> {
    Some(match colour {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(index @ 16..=231) => {
            // The 6 x 6 x 6 cube of xterm's palette.
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            (level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        Color::Indexed(index @ 232..=255) => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
        _ => return None,
    })
}
