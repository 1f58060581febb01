//! The password of the keys, and the folder they are in.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use crate::backend::Backend;

/// Times that a question is asked when the answers are wrong.
pub(super) const TRIES: usize = 3;

/// Asks on the terminal; what is typed is not shown.
///
/// # Errors
/// If there is no terminal, or the question was broken off.
pub fn ask(prompt: &str) -> anyhow::Result<String> {
    use std::io::{IsTerminal, Write};
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password on: use --password-file or ALTHING_PASSWORD");
    }
    let mut err = std::io::stderr();
    write!(err, "{prompt}: ")?;
    err.flush()?;
    enable_raw_mode().context("the terminal cannot hide what is typed")?;
    let typed = read_hidden();
    disable_raw_mode().context("the terminal cannot be restored")?;
    writeln!(err)?;
    typed
}

/// The data folder: as given, else `althing` in the user's data folder (XDG base directories).
///
/// # Errors
/// If neither is known.
pub fn data_folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(data) = &global.data {
        // What is told about files in it must hold in every folder.
        return Ok(std::path::absolute(data).map_err(anyhow::Error::from)?);
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("althing"))
        .ok_or_else(|| Failure::usage("Neither --data, ALTHING_DATA, XDG_DATA_HOME nor HOME says where the data is."))
}

/// Screens are drawn on a terminal, and typed on one.
pub(super) fn expect_terminal(what: &str) -> Result<(), Failure> {
    use std::io::IsTerminal;
    let is_read = std::io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok();
    if std::io::stdout().is_terminal() && is_read {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{what} needs a terminal, and this is none: run the same command in a terminal window, without a pipe or a file \
         behind it. Nothing was begun."
    )))
}

/// What is asked of a folder without keys is asked of the wrong folder, mostly.
pub(super) fn expect_keys(data: &std::path::Path, backend: &dyn Backend) -> Result<(), Failure> {
    if backend.has_keys(data) {
        return Ok(());
    }
    Err(Failure::rule(
        "N-10",
        format!(
            "N-10: {} has no keys. `althing join INVITATION` makes them and brings you into a DAO, `althing init` makes \
             them alone; another folder is named with --data or ALTHING_DATA.",
            data.display()
        ),
    ))
}

/// The password: from the file, the environment, or asked for. Nobody is asked for the password of keys that are not there.
pub(super) fn password(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<String, Failure> {
    expect_keys(&data_folder(global)?, backend)?;
    if let Some(known) = known(global)? {
        return Ok(known);
    }
    Ok((console.ask_password)("Password")?)
}

/// The password that opens the keys that are there; typed wrong, it is asked for again.
pub(super) fn opening_password(
    global: &Global,
    data: &std::path::Path,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    for attempt in 1..=TRIES {
        let password = password(global, backend, console)?;
        match backend.public_keys(data, &password, 0).map_err(Failure::from) {
            Ok(_) => return Ok(password),
            Err(wrong) if attempt < TRIES && wrong.0.rule.as_deref() == Some("K-6") && is_asked_for(global) => {
                console.note("✗ That is not the password of these keys.");
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(Failure::usage("No password opened the keys."))
}

/// A password for new keys: asked for twice.
pub(super) fn new_password(global: &Global, console: &mut Console<'_>) -> Result<String, Failure> {
    if let Some(known) = known(global)? {
        return Ok(known);
    }
    let first = (console.ask_password)("New password")?;
    if first != (console.ask_password)("Once more")? {
        return Err(Failure::usage("The two passwords differ; nothing was done."));
    }
    Ok(first)
}

/// Whether the password has to be typed.
pub(super) fn is_asked_for(global: &Global) -> bool {
    global.password_file.is_none() && std::env::var_os("ALTHING_PASSWORD").is_none()
}

/// The password that need not be asked for.
fn known(global: &Global) -> Result<Option<String>, Failure> {
    if let Some(file) = &global.password_file {
        return Ok(Some(first_line(file)?));
    }
    match std::env::var("ALTHING_PASSWORD") {
        Ok(password) => Ok(Some(password)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::usage("ALTHING_PASSWORD is not UTF-8.")),
    }
}

/// The first line of a file, without its end.
pub(super) fn first_line(file: &std::path::Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads keys up to enter.
fn read_hidden() -> anyhow::Result<String> {
    let mut typed = String::new();
    loop {
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Enter => return Ok(typed),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Esc => bail!("the question for the password was broken off"),
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                bail!("the question for the password was broken off");
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => typed.clear(),
            KeyCode::Char(c) => typed.push(c),
            _ => {}
        }
    }
}
