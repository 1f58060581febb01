//! Commands that the screens run: the same ones, in this process, with their review on the screens' own page (N-171).

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::Global;
use super::console::{Console, Format, OnScreens};
use super::failure::Failure;
use super::{dispatch, parse};
use crate::backend::Backend;
use crate::deeds::{Ran, Run};
use crate::settings::{self, Settings};
use crate::untrusted::Untrusted;
use crate::worker::Runner;

/// Lines of an answer that are kept; nobody reads more on a page.
const MAX_LINES: usize = 20_000;

/// What runs commands for the screens of that folder.
pub(super) fn runner(data: PathBuf, global: &Global, backend: Arc<dyn Backend>) -> Runner {
    let global = Global { data: Some(data), json: false, plain: false, yes: false, ..global.clone() };
    Arc::new(move |run: &Run| carry_out(run, &global, &backend))
}

/// Runs one command.
pub fn carry_out(run: &Run, global: &Global, backend: &Arc<dyn Backend>) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut screens = OnScreens { agreed: run.agreed.clone(), size: run.size, ..OnScreens::default() };
    let mut console = Console {
        format: Format::Words,
        input: &mut std::io::empty(),
        out: &mut out,
        err: &mut err,
        err_is_kept: false,
        readonly: global.readonly,
        ask_password: &mut |_| match run.password.0.as_str() {
            "" => anyhow::bail!("This opens the keys: put the password in."),
            password => Ok(password.to_owned()),
        },
        may_be_old: None,
        screens: Some(&mut screens),
    };
    let line = ["althing".to_owned()].into_iter().chain(run.line.iter().cloned());
    let line: Vec<OsString> = line.map(OsString::from).collect();
    let result = parse::parse(&line).map_err(|error| parse::failure(&error)).and_then(|mut cli| {
        cli.global = global.clone();
        dispatch::dispatch(cli, backend, &mut console)
    });
    match (result, screens.asks.take()) {
        (_, Some(asks)) => Ran::Asks(asks),
        (Ok(code), None) => {
            // What is said beside the answer is read with it.
            let said = lines(&out).into_iter().chain(lines(&err)).collect();
            Ran::Done { code, lines: said, codes: screens.codes, settings: changed_settings(run.path) }
        }
        (Err(failure), None) => Ran::Failed(words(&failure)),
    }
}

/// What a command wrote, safe to show.
fn lines(out: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(out);
    text.lines().take(MAX_LINES).map(|line| Untrusted::new(line).line()).collect()
}

/// Why it was not done. How a command line is written does not help in a form.
fn words(failure: &Failure) -> String {
    let message = failure.0.message.split("\n\nUsage").next().unwrap_or_default();
    let text = Untrusted::new(message.trim()).lines().join(" ");
    match &failure.0.rule {
        Some(rule) if !failure.0.message.contains(rule.as_str()) => format!("{text} ({})", Untrusted::new(rule)),
        _ => text,
    }
}

/// Screens that are open keep the settings in memory: what a command wrote is read again, else they would write over it.
fn changed_settings(path: &str) -> Option<Box<Settings>> {
    let file = settings::file().filter(|_| path.starts_with("settings "))?;
    Settings::load(&file).ok().map(Box::new)
}
