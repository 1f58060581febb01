//! Colours and emphasis, by meaning. No meaning is carried by colour alone: a word or a sign always says the same.

use ratatui::style::{Color, Modifier, Style};

/// Styles by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
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

impl Theme {
    /// For dark terminals. Blue and orange rather than green and red, which many cannot tell apart.
    #[must_use]
    pub fn dark() -> Self {
        let plain = Style::new();
        Self {
            text: plain,
            dim: plain.fg(Color::Indexed(246)),
            title: plain.fg(Color::Indexed(255)).add_modifier(Modifier::BOLD),
            border: plain.fg(Color::Indexed(240)),
            focus: plain.fg(Color::Indexed(75)),
            good: plain.fg(Color::Indexed(75)),
            bad: plain.fg(Color::Indexed(209)).add_modifier(Modifier::BOLD),
            warn: plain.fg(Color::Indexed(221)),
            selected: plain.bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            key: plain.fg(Color::Indexed(221)),
        }
    }

    /// For light terminals.
    #[must_use]
    pub fn light() -> Self {
        let plain = Style::new();
        Self {
            text: plain,
            dim: plain.fg(Color::Indexed(242)),
            title: plain.fg(Color::Indexed(232)).add_modifier(Modifier::BOLD),
            border: plain.fg(Color::Indexed(247)),
            focus: plain.fg(Color::Indexed(25)),
            good: plain.fg(Color::Indexed(25)),
            bad: plain.fg(Color::Indexed(130)).add_modifier(Modifier::BOLD),
            warn: plain.fg(Color::Indexed(94)),
            selected: plain.bg(Color::Indexed(254)).add_modifier(Modifier::BOLD),
            key: plain.fg(Color::Indexed(94)),
        }
    }

    /// No colour at all: emphasis only.
    #[must_use]
    pub fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
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
            ThemeName::Mono => Self::mono(),
        }
    }
}

/// The themes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ThemeName {
    /// For dark terminals.
    #[default]
    Dark,
    /// For light terminals.
    Light,
    /// Without colour.
    Mono,
}
