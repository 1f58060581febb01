//! Every command as something that the screens do too: its options are the fields of a form, its review is the review page, its
//! answer a page to read. The command line is the one description of all of them, so that no command can be without a form
//! (docs/spec/node.md, N-170).

mod outside;
mod run;

use std::any::TypeId;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::app::Files;
use crate::cli::Cli;
use crate::files;

pub use outside::OUTSIDE;
pub use run::{Asked, Ran, Run, Secret};

/// A command that the screens can run.
#[derive(Debug)]
pub struct Deed {
    /// Its words behind the name of the program.
    pub path: &'static str,
    /// What it does, in the first sentence of its help.
    pub about: &'static str,
    /// Its options, in the order of its help.
    pub options: Vec<DeedOption>,
    /// Whether it opens the keys itself, for which the password is needed.
    pub opens_keys: bool,
    /// A word that has to be typed first, and what it does; where the command itself asks for none.
    pub word: Option<(&'static str, &'static str)>,
}

/// An option of a command.
#[derive(Debug)]
pub struct DeedOption {
    /// Its name in the program.
    pub id: &'static str,
    /// What it is called in a form.
    pub label: &'static str,
    /// What to put in.
    pub hint: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// How it is given on the command line: by name, or by its place.
    pub long: Option<&'static str>,
    /// Whether it has to be given.
    pub needed: bool,
    /// Whether it names a file or folder, or several of them.
    pub file: Option<Files>,
}

/// What an option takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Takes {
    /// One value, or several, or it may stand alone; with what is usual.
    Value {
        /// What is usual; often nothing.
        usual: &'static str,
        /// Whether there may be several.
        several: bool,
        /// Whether the option may be given without it.
        may_stand_alone: bool,
    },
    /// One of these; the first of them unless another is usual. `–` gives none.
    OneOf {
        /// The choices.
        of: Vec<&'static str>,
        /// Which is usual.
        usual: usize,
    },
    /// Nothing: it is given or not.
    Nothing,
}

/// The choices of an option that takes nothing.
pub(crate) const SWITCH: [&str; 2] = ["no", "yes"];

/// What is chosen where an option is left out.
const LEFT_OUT: &str = "–";

/// What is typed to give an option that may stand alone without a value.
const ALONE: &str = "yes";

static DEEDS: LazyLock<Vec<Deed>> = LazyLock::new(|| {
    let mut command = Cli::command();
    command.build();
    let mut found = Vec::new();
    leaves(&command, "", &mut found);
    found
});

/// All of them, in the order of the help.
#[must_use]
pub fn all() -> &'static [Deed] {
    &DEEDS
}

/// The one of those words.
#[must_use]
pub fn named(path: &str) -> Option<&'static Deed> {
    DEEDS.iter().find(|deed| deed.path == path)
}

fn leaves(command: &Command, path: &str, found: &mut Vec<Deed>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
        if sub.has_subcommands() {
            leaves(sub, &path, found);
        } else if !is_outside(&path) {
            found.push(deed(sub, path));
        }
    }
}

/// Whether the screens have no place for it, or for the commands that it is one of.
#[must_use]
pub fn is_outside(path: &str) -> bool {
    let begins =
        |outside: &str| path.strip_prefix(outside).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    OUTSIDE.iter().any(|(outside, _)| begins(outside))
}

fn deed(command: &Command, path: String) -> Deed {
    let path = kept(path);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let is_own = |arg: &&Arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let word = outside::WORDS.iter().find(|(known, ..)| *known == path).map(|(_, word, does)| (*word, *does));
    Deed {
        path,
        about: kept(first_sentence(&about).to_owned()),
        options: command.get_arguments().filter(is_own).map(option).collect(),
        opens_keys: outside::OPEN_KEYS.contains(&path),
        word,
    }
}

fn option(arg: &Arg) -> DeedOption {
    let id = kept(arg.get_id().to_string());
    let takes = takes(arg);
    let mut hint = arg.get_help().map(ToString::to_string).unwrap_or_default().trim_end_matches('.').to_owned();
    match &takes {
        Takes::Value { several: true, .. } => hint.push_str("; several with commas"),
        Takes::Value { may_stand_alone: true, .. } => hint.push_str("; or: yes"),
        _ => {}
    }
    let mut label = id.replace('_', " ");
    if let Some(first) = label.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let several = matches!(takes, Takes::Value { several: true, .. });
    DeedOption {
        id,
        file: names_files(arg).then_some(if several { Files::Several } else { Files::One }),
        label: kept(label),
        hint: kept(hint),
        takes,
        long: arg.get_long().map(|long| kept(long.to_owned())),
        needed: arg.is_required_set(),
    }
}

fn takes(arg: &Arg) -> Takes {
    if !arg.get_action().takes_values() {
        return Takes::Nothing;
    }
    let usual = arg.get_default_values().first().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        let mut of: Vec<&str> = possible.iter().map(|value| kept(value.get_name().to_owned())).collect();
        if usual.is_empty() && !arg.is_required_set() {
            of.insert(0, LEFT_OUT);
        }
        let usual = of.iter().position(|value| *value == usual).unwrap_or(0);
        return Takes::OneOf { of, usual };
    }
    let range = arg.get_num_args();
    Takes::Value {
        usual: kept(usual),
        several: matches!(arg.get_action(), ArgAction::Append) || range.is_some_and(|range| range.max_values() > 1),
        may_stand_alone: range.is_some_and(|range| range.min_values() == 0),
    }
}

/// Whether it takes the name of a file or folder: by its type, or by what it is called in the help.
fn names_files(arg: &Arg) -> bool {
    let is_path = arg.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let is_called = |name: &clap::builder::Str| matches!(name.as_str(), "FILE" | "DIR");
    is_path || arg.get_value_names().unwrap_or_default().iter().any(is_called)
}

/// What a command does, without what it is beside that and the exit codes of the command line.
fn first_sentence(about: &str) -> &str {
    let ends = [". ", ": exit ", "; again later"];
    ends.iter().fold(about, |text, end| text.split(end).next().unwrap_or(text)).trim_end_matches('.')
}

/// The commands are described once and for as long as the program runs.
fn kept(text: String) -> &'static str {
    text.leak()
}

impl Deed {
    /// The command line that what was put in makes, without the name of the program.
    ///
    /// # Errors
    /// What is missing or cannot be read, in a sentence.
    pub fn arguments<'a>(&self, put_in: impl Fn(&str) -> &'a str) -> Result<Vec<String>, String> {
        let (mut named, mut placed) = (Vec::new(), Vec::new());
        for option in &self.options {
            let value = put_in(option.label).trim();
            if option.needed && value.is_empty() {
                return Err(format!("{}: something has to be there.", option.label));
            }
            let values = match &option.takes {
                Takes::Nothing => {
                    named.extend(option.long.filter(|_| value == SWITCH[1]).map(|long| format!("--{long}")));
                    continue;
                }
                Takes::OneOf { .. } if value == LEFT_OUT => continue,
                Takes::Value { several: true, .. } => several(value)?,
                Takes::Value { may_stand_alone: true, .. } if value == ALONE => {
                    named.extend(option.long.map(|long| format!("--{long}")));
                    continue;
                }
                _ if value.is_empty() => continue,
                _ => vec![value.to_owned()],
            };
            let values = match option.file {
                Some(_) => values.into_iter().map(|value| files::expanded(&value)).collect(),
                None => values,
            };
            match option.long {
                Some(long) => named.extend(values.iter().map(|value| format!("--{long}={value}"))),
                None => placed.extend(values),
            }
        }
        let mut line: Vec<String> = self.path.split(' ').map(str::to_owned).chain(named).collect();
        if !placed.is_empty() {
            // What begins with a hyphen is a value all the same.
            line.push("--".to_owned());
            line.extend(placed);
        }
        Ok(line)
    }
}

/// Values with commas or blanks between them; what is in double quotes is one value.
fn several(text: &str) -> Result<Vec<String>, String> {
    let (mut values, mut value, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' | ' ' if !quoted => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    if quoted {
        return Err(format!("{text:?} has a quote that does not end."));
    }
    values.push(value);
    values.retain(|value| !value.is_empty());
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_where_the_command_line_wants_them() {
        let deed = named("tower add").unwrap();
        assert_eq!(deed.arguments(|_| "02ab@h:1").unwrap(), ["tower", "add", "--", "02ab@h:1"]);
        assert_eq!(deed.arguments(|_| "").unwrap_err(), "Address: something has to be there.");
        let migrate = named("channel migrate").unwrap();
        let put = |label: &str| match label {
            "To" => "03ab@h:2",
            "Fee rate" => "7",
            "Alone" => "yes",
            _ => "no",
        };
        let line = migrate.arguments(|label| if label == "Channel" { "" } else { put(label) }).unwrap();
        assert_eq!(line, ["channel", "migrate", "--to=03ab@h:2", "--fee-rate=7", "--alone"]);
    }

    #[test]
    fn several_values_and_their_quotes() {
        assert_eq!(several("a, b  \"c d\"").unwrap(), ["a", "b", "c d"]);
        assert!(several("\"a").is_err());
        assert_eq!(several(" ").unwrap(), [""; 0]);
    }
}
