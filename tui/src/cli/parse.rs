//! From words to a command; and what is no number, in words that somebody can act on.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::num::{IntErrorKind, ParseIntError};

use althing_node::api::ApiError;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, Error, FromArgMatches as _};

use super::args::Cli;
use super::failure::Failure;

/// All satoshis that there can be.
pub(super) const MOST_SAT: u64 = 2_100_000_000_000_000;

/// Reads a command.
///
/// # Errors
/// What the words are not; also the help that was asked for.
pub(super) fn parse(args: &[OsString]) -> Result<Cli, Error> {
    let mut command = with_negatives(Cli::command());
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Whether the words name a command whose exit code is a verdict on what it looks at.
pub(super) fn is_check(args: &[OsString]) -> bool {
    let command = Cli::command();
    let named = args.iter().skip(1).filter_map(|word| command.find_subcommand(word)).next();
    named.is_some_and(|found| matches!(found.get_name(), "verify" | "audit"))
}

/// Reads a value that a rule of the log is about; what is none is refused by that rule.
pub(super) fn by<T>(
    rule: &'static str,
    read: fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: 'static,
{
    move |text| read(text).map_err(|problem| format!("{rule}: {problem}"))
}

/// The same, with the names that completions offer for it.
pub(super) fn named<T>(
    rule: &'static str,
    names: fn() -> Vec<&'static str>,
    read: fn(&str) -> Result<T, String>,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    Named { names, read: by(rule, read) }
}

/// A reader, and the names that it reads.
#[derive(Clone)]
struct Named<P> {
    names: fn() -> Vec<&'static str>,
    read: P,
}

impl<P: TypedValueParser> TypedValueParser for Named<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, Error> {
        self.read.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.names)().into_iter().map(PossibleValue::new)))
    }
}

/// Reads a switch of the environment (N-427): empty is as if it were not there.
pub(super) fn switch(name: &'static str) -> impl Fn(&str) -> Result<bool, String> + Clone + Send + Sync + 'static {
    move |text| match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!("{name} must be 1, true, yes or on, or else 0, false, no or off")),
    }
}

/// A number below zero is a value that is out of its range, and no option that does not exist.
fn with_negatives(command: Command) -> Command {
    let args = command.mut_args(|arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    });
    args.mut_subcommands(with_negatives)
}

/// What the words are not, with the rule and the value: N-64, or the one that whoever read the value began its words with.
pub(super) fn failure(error: &Error) -> Failure {
    let words = no_number(error).unwrap_or_else(|| {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        match error.kind() {
            // The whole text is the help of what was begun, and no error by itself.
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                format!("N-64: a word is missing: one of the commands below says what to do.\n\n{text}")
            }
            _ => text.to_owned(),
        }
    });
    let because = error.source().map(ToString::to_string).unwrap_or_default();
    let rule = Failure::usage(because).0.rule;
    Failure(ApiError { rule, ..Failure::usage(words).0 })
}

/// The library's own words for it name neither what is wanted nor a range.
fn no_number(error: &Error) -> Option<String> {
    let fault = error.source()?.downcast_ref::<ParseIntError>()?;
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (value, arg) = (context(ContextKind::InvalidValue)?, context(ContextKind::InvalidArg)?);
    let is_money = arg.to_uppercase().contains("SAT") && !arg.to_uppercase().contains("VB");
    let wanted = match (is_money, fault.kind()) {
        (true, _) => format!("a whole number of satoshis from 0 to {MOST_SAT}"),
        (false, IntErrorKind::PosOverflow) => format!("a whole number of at most {}", u64::MAX),
        (false, _) => "a whole number from 0 on".to_owned(),
    };
    Some(format!("invalid value '{value}' for '{arg}': must be {wanted}"))
}
