//! The command line: everything the screens do, and founding, joining, running, verifying.
//!
//! A command first looks for a node that runs on the data folder; without one it starts a member's node for its own time.

mod about;
mod anchor;
mod anchor_args;
mod args;
mod backup;
mod bench;
mod channel;
mod channel_args;
mod check_args;
mod console;
mod current;
mod dispatch;
mod failure;
mod invited;
mod light;
mod local;
mod looks;
mod newest;
mod node;
mod onboarding;
mod parse;
mod password;
mod propose_args;
mod recourse;
mod review;
mod say;
mod say_args;
pub mod screens;
mod setup_args;
mod show;
mod show_governance;
mod succession;
mod tiles;
mod tower;
mod treasury;
mod vote_args;
mod wait_args;

pub use args::{Cli, Global};
pub use console::{Console, Format, OnScreens};
pub use failure::{CANNOT_TELL, Failure, INVALID, MEANINGS, OK, OURS};
pub(crate) use newest::WORD as NEWEST;
pub use password::{ask as ask_password, data_folder};

use std::ffi::OsString;
use std::sync::Arc;

use crate::backend::Backend;

/// Runs one command and gives the exit code: see [`Cli`] for what each means.
pub fn run(args: &[OsString], backend: &Arc<dyn Backend>, console: &mut Console<'_>) -> u8 {
    // Of these, 1 says that what was looked at is invalid: trouble on the way there is another answer.
    let is_check = parse::is_check(args);
    let cli = match parse::parse(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // Options could not be read, so this one is looked for by hand.
            let wants_json = args.iter().any(|arg| arg == "--json");
            console.format = if wants_json { Format::Json } else { Format::Words };
            return failure::of_check(console.fail(&parse::failure(&error)), is_check);
        }
        Err(help) => {
            console.text(&help.render().to_string());
            return OK;
        }
    };
    console.format = match (cli.global.json, cli.global.plain) {
        (true, _) => Format::Json,
        (false, true) => Format::Plain,
        (false, false) => Format::Words,
    };
    match dispatch::dispatch(cli, backend, console) {
        Ok(code) => code,
        Err(failure) => failure::of_check(console.fail(&failure), is_check),
    }
}
