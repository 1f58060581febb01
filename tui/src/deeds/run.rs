//! A command that the screens run, and what comes of it.

use std::fmt;

use crate::settings::Settings;

/// What a command asks before something irreversible: its effects, and the word to type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Heading of the page.
    pub title: String,
    /// What it does, in sentences.
    pub effects: Vec<String>,
    /// The word.
    pub word: String,
}

/// A command to run in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub path: &'static str,
    /// The command line without the name of the program.
    pub line: Vec<String>,
    /// What was read on its review page, and typed for.
    pub agreed: Option<Asked>,
    /// The password of the keys, where the command opens them.
    pub password: Secret,
    /// Columns and rows of the terminal, for what it draws.
    pub size: (u16, u16),
}

/// What came of it.
#[derive(Debug, Clone)]
pub enum Ran {
    /// It does something that cannot be taken back, and asks first.
    Asks(Asked),
    /// It is done.
    Done {
        /// Its exit code: 0 unless it judged something.
        code: u8,
        /// Its answer; safe to show.
        lines: Vec<String>,
        /// What it shows as QR codes, one after the other.
        codes: Vec<String>,
        /// The settings as they are since, where it changed them.
        settings: Option<Box<Settings>>,
    },
    /// It was not done, for that reason; safe to show.
    Failed(String),
}

/// Something that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(…)" })
    }
}
