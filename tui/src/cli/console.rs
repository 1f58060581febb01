//! Where commands read and write: answers to the standard output, everything else to the standard error.

use std::io::{BufRead, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use althing_node::api::Reading;
use serde::Serialize;
use serde_json::{Value, json};

use super::failure::{CANNOT_TELL, Failure, OK};
use crate::deeds::Asked;
use crate::text::{counted, wrap};
use crate::untrusted::{Untrusted, escape_json};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Words,
    /// One JSON value.
    Json,
    /// One `name: value` a line.
    Plain,
}

/// The three streams of a command, and the way to ask for a password.
pub struct Console<'a> {
    /// The format of the answer.
    pub format: Format,
    /// The standard input.
    pub input: &'a mut dyn BufRead,
    /// The standard output.
    pub out: &'a mut dyn Write,
    /// The standard error.
    pub err: &'a mut dyn Write,
    /// Whether the standard error is a file, in which everything stays that is said there (N-202).
    pub err_is_kept: bool,
    /// Whether nothing may be changed (N-90).
    pub readonly: bool,
    /// Asks for a password without showing it.
    pub ask_password: &'a mut dyn FnMut(&str) -> anyhow::Result<String>,
    /// How far the log goes that is answered from, where that may not be all (N-425).
    pub may_be_old: Option<Reading>,
    /// Where the screens read what a command asks before something irreversible; `None` asks here.
    pub screens: Option<&'a mut OnScreens>,
}

/// A command that the screens run: what was agreed to on their review page, and what it asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnScreens {
    /// What was read and typed for already.
    pub agreed: Option<Asked>,
    /// What it asks before it goes on.
    pub asks: Option<Asked>,
    /// Columns and rows of their terminal.
    pub size: (u16, u16),
    /// What it shows as QR codes, one after the other (T-330).
    pub codes: Vec<String>,
}

impl Console<'_> {
    /// Writes the answer: `words` for people, else `value`.
    ///
    /// # Errors
    /// If the value cannot be turned into JSON.
    pub fn answer(&mut self, value: &impl Serialize, words: impl FnOnce() -> Vec<String>) -> Result<u8, Failure> {
        match self.format {
            Format::Words => {
                for line in words() {
                    self.text(&line);
                }
            }
            Format::Json => {
                let json = match self.may_be_old {
                    Some(_) => serde_json::to_string_pretty(&self.dated(value)?),
                    // In the order of its fields.
                    None => serde_json::to_string_pretty(value),
                };
                let json = json.map_err(anyhow::Error::from)?;
                self.text(&escape_json(&json));
            }
            Format::Plain => {
                let value = self.dated(value)?;
                let mut lines = Vec::new();
                flatten("", &value, &mut lines);
                for line in lines {
                    self.text(&line);
                }
            }
        }
        Ok(OK)
    }

    /// An answer, with how far the log goes that it is from where that may not be all.
    fn dated(&self, value: &impl Serialize) -> Result<Value, Failure> {
        let mut value = serde_json::to_value(value).map_err(anyhow::Error::from)?;
        if let (Some(reading), Value::Object(fields)) = (&self.may_be_old, &mut value) {
            fields.insert("may_be_old".to_owned(), serde_json::to_value(reading).map_err(anyhow::Error::from)?);
        }
        Ok(value)
    }

    /// Writes a text that is for people or for another program; where one JSON value is asked for and it is none, in one.
    ///
    /// # Errors
    /// If the text cannot be turned into JSON.
    pub fn page(&mut self, text: &str, is_json: bool) -> Result<u8, Failure> {
        if self.format == Format::Json && !is_json {
            return self.answer(&json!({ "text": text }), Vec::new);
        }
        self.text(text);
        Ok(OK)
    }

    /// Refuses to show what must be in no file, where it would get into one.
    ///
    /// # Errors
    /// That the standard error is a file.
    pub(super) fn expect_forgetful(&self, what: &str) -> Result<(), Failure> {
        if !self.err_is_kept {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "N-202: the standard error goes to a file, and {what} would stay in it. Run the same command without 2>."
        )))
    }

    /// Says what went wrong and gives the exit code.
    pub fn fail(&mut self, failure: &Failure) -> u8 {
        match self.format {
            Format::Json => {
                let value = json!({ "error": failure.0 });
                self.text(&escape_json(&value.to_string()));
            }
            Format::Words | Format::Plain => {
                let lines = Untrusted::new(&failure.0.message).lines();
                let message: Vec<String> = lines.iter().map(|line| counted(line)).collect();
                let rule = match &failure.0.rule {
                    Some(rule) if !failure.0.message.contains(rule.as_str()) => format!(" ({})", Untrusted::new(rule)),
                    _ => String::new(),
                };
                self.note(&format!("error: {}{rule}", message.join("\n")));
            }
        }
        failure.code()
    }

    /// Writes a line to the standard output. It must be safe to show.
    pub fn text(&mut self, line: &str) {
        // A closed pipe is the reader's choice (`| head`), not a failure of the command.
        let _ = writeln!(self.out, "{}", line.trim_end_matches('\n'));
        let _ = self.out.flush();
    }

    /// Shows something on a page of its own that the terminal forgets afterwards, where the standard error is a terminal; also when a
    /// signal ends the program while the page is there.
    ///
    /// # Errors
    /// What `show` fails with.
    pub fn hide_after(&mut self, show: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        use std::io::IsTerminal as _;
        let forgets = std::io::stderr().is_terminal();
        if forgets {
            forget_when_interrupted();
            PAGE_IS_SHOWN.store(true, Ordering::SeqCst);
            let _ = self.err.write_all(b"\x1b[?1049h\x1b[2J\x1b[H").and_then(|()| self.err.flush());
        }
        let shown = show(self);
        if forgets {
            let _ = self.err.write_all(LEAVE_PAGE).and_then(|()| self.err.flush());
            PAGE_IS_SHOWN.store(false, Ordering::SeqCst);
        }
        shown
    }

    /// Columns and rows that a picture may have in the terminal that the standard error goes to, or on a page of the screens; `None`
    /// without a terminal.
    pub(super) fn room(&self) -> Option<(usize, usize)> {
        use std::io::IsTerminal as _;
        let size = std::io::stderr().is_terminal().then(ratatui::crossterm::terminal::size)?.ok()?;
        let (columns, rows) = (usize::from(size.0), usize::from(size.1));
        // The page has a frame, and what surrounds every screen; a terminal has the line where the next command is typed.
        Some(match self.screens {
            Some(_) => (columns.saturating_sub(4), rows.saturating_sub(6)),
            None => (columns, rows.saturating_sub(2)),
        })
    }

    /// Writes a sentence to the standard error, broken between words where that is a terminal: one breaks it anywhere. It must be safe
    /// to show.
    pub fn say(&mut self, sentence: &str) {
        match self.columns() {
            Some(columns) => wrap(sentence, columns).iter().for_each(|line| self.note(line)),
            None => self.note(sentence),
        }
    }

    /// Columns of the terminal that the standard error goes to.
    pub(super) fn columns(&self) -> Option<usize> {
        use std::io::IsTerminal as _;
        let size = std::io::stderr().is_terminal().then(ratatui::crossterm::terminal::size)?.ok()?;
        Some(usize::from(size.0).max(20))
    }

    /// Writes a line to the standard error. It must be safe to show.
    pub fn note(&mut self, line: &str) {
        let _ = writeln!(self.err, "{line}");
    }
}

/// Empties the page, and goes back to what the terminal showed before it.
const LEAVE_PAGE: &[u8] = b"\x1b[2J\x1b[?1049l";

/// What is said where the page was left by a signal.
const BROKEN_OFF: &[u8] = b"Broken off; nothing is lost. The same command goes on where this one stopped.\n";

static PAGE_IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// From now on a signal that ends the program takes the page away first.
fn forget_when_interrupted() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(signals) = crate::signals::Signals::listen() else { return };
        std::thread::spawn(|| {
            if signals.wait().is_ok() {
                if PAGE_IS_SHOWN.load(Ordering::SeqCst) {
                    let _ = std::io::stderr().write_all(LEAVE_PAGE);
                    let _ = std::io::stderr().write_all(BROKEN_OFF);
                }
                std::process::exit(i32::from(CANNOT_TELL));
            }
        });
    });
}

/// One `name: value` for each leaf, names joined by dots, list items numbered from 1.
fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    let inner = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&inner(key), value, lines);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&inner(&(index + 1).to_string()), value, lines);
            }
        }
        Value::Null => {}
        Value::String(text) => lines.push(format!("{name}: {}", Untrusted::new(text))),
        other => lines.push(format!("{name}: {other}")),
    }
}
