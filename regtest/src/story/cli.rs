//! Running the commands of `althing` as a person or a script would.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

use crate::program::Program;
use crate::wait::{Look, wait_for};

/// The password of every key in a story. It guards regtest coins only.
pub const PASSWORD: &str = "only for regtest";

/// Longest time a command may take: founding scans the chain, an audit replays it.
const COMMAND_WITHIN: Duration = Duration::from_secs(180);

/// Commands for one data directory.
#[derive(Debug, Clone)]
pub struct Cli {
    program: Program,
    data_dir: PathBuf,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The arguments, for messages.
    pub command: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Cli {
    /// Commands of `program` for the node whose data directory is `data_dir`.
    #[must_use]
    pub fn new(program: &Program, data_dir: &Path) -> Self {
        Self { program: program.clone(), data_dir: data_dir.to_owned() }
    }

    /// The same program for another data directory.
    #[must_use]
    pub fn of(&self, data_dir: &Path) -> Self {
        Self::new(&self.program, data_dir)
    }

    /// Runs `althing --data DIR ARGUMENTS...` to its end, whatever that is.
    ///
    /// # Errors
    /// When it cannot be started, or does not end within three minutes.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let command = format!("althing {}", arguments.join(" "));
        // Into files: a pipe that nobody reads would block a command that has much to say.
        let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut child = Command::new(self.program.path())
            .args(arguments)
            .arg("--data")
            .arg(&self.data_dir)
            .env("ALTHING_PASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(stdout.try_clone()?)
            .stderr(stderr.try_clone()?)
            .spawn()
            .with_context(|| format!("starting {}", self.program.path().display()))?;
        let ended = wait_for(&command, COMMAND_WITHIN, || match child.try_wait() {
            Ok(Some(status)) => Look::Ready(Ok(status)),
            Ok(None) => Look::NotYet("still running".to_owned()),
            Err(error) => Look::Ready(Err(error)),
        });
        let status: ExitStatus = match ended {
            Ok(status) => status?,
            Err(timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                bail!("{timeout}; it said: {}", text(&mut stderr)?);
            }
        };
        Ok(Ran { command, code: status.code(), stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
    }

    /// Runs a command with `--json` that must succeed, and reads its answer.
    ///
    /// # Errors
    /// As [`Cli::run`]; an exit code other than 0; an answer of another form.
    pub fn json<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T> {
        let ran = self.run(&[arguments, &["--json"]].concat())?;
        ran.succeeded()?;
        serde_json::from_str(&ran.stdout).with_context(|| format!("{} answered {}", ran.command, ran.stdout))
    }
}

impl Ran {
    /// An error with all it said, unless the exit code is 0.
    ///
    /// # Errors
    /// On any other exit code, and on a signal.
    pub fn succeeded(&self) -> Result<()> {
        match self.code {
            Some(0) => Ok(()),
            code => {
                let code = code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
                bail!("{} ended with {code}: {} {}", self.command, self.stdout.trim(), self.stderr.trim())
            }
        }
    }
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
