//! From words to a command; and what is no number, in words that somebody can act on.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory as _, Error, FromArgMatches as _};

use super::args::Cli;

/// All satoshis that there can be.
const MOST_SAT: u64 = 2_100_000_000_000_000;

/// Reads a command.
///
/// # Errors
/// What the words are not; also the help that was asked for.
pub(super) fn parse(args: &[OsString]) -> Result<Cli, Error> {
    let mut command = with_negatives(Cli::command());
    let matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A number below zero is a value that is out of its range, and no option that does not exist.
fn with_negatives(command: Command) -> Command {
    let args = command.mut_args(|arg| match arg.get_action().takes_values() {
        true => arg.allow_negative_numbers(true),
        false => arg,
    });
    args.mut_subcommands(with_negatives)
}

/// What the error says, without the word `error`.
pub(super) fn words(error: &Error) -> String {
    if let Some(message) = no_number(error) {
        return message;
    }
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
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
