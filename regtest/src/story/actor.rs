//! One party of the story: a data directory, the process that serves it, and its control socket.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::Duration;

use althing_node::api::{Reply, Request, Service as _};
use althing_node::control::Remote;
use anyhow::{Context, Result, anyhow, bail};

use super::cli::{Cli, PASSWORD};
use crate::error::Error;
use crate::process::{Process, log_tail};
use crate::program::Program;
use crate::wait::{Look, wait_for};

/// How long a process may take from its start until it answers: it unseals its keys and replays its log.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// How long it may take to stop in good order.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// A hub or a member, running in a process of its own.
///
/// Dropping it kills the process; the process also ends when ours is killed.
#[derive(Debug)]
pub struct Actor {
    name: String,
    program: Program,
    data_dir: PathBuf,
    command: Vec<String>,
    process: Option<Process>,
    /// Whether it is refused as a copy, and follows no log (N-125).
    is_copy: bool,
}

impl Actor {
    /// The hub in `data_dir`. Nothing runs yet.
    #[must_use]
    pub fn hub(program: &Program, data_dir: &Path) -> Self {
        Self::new("hub", program, data_dir, &["hub", "run"])
    }

    /// The member `name` in `data_dir`. Nothing runs yet.
    #[must_use]
    pub fn member(name: &str, program: &Program, data_dir: &Path) -> Self {
        Self::new(name, program, data_dir, &["member", "run"])
    }

    /// Another party with the same program, in `data_dir`. Nothing runs yet.
    #[must_use]
    pub fn neighbour(&self, name: &str, data_dir: &Path, command: &[&str]) -> Self {
        Self::new(name, &self.program, data_dir, command)
    }

    fn new(name: &str, program: &Program, data_dir: &Path, command: &[&str]) -> Self {
        let (name, program, data_dir) = (name.to_owned(), program.clone(), data_dir.to_owned());
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        Self { name, program, data_dir, command, process: None, is_copy: false }
    }

    /// The name it goes by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its folder is a copy that the hub refuses: nobody waits for it to follow the log (N-125).
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Says so.
    pub fn set_copy(&mut self, is_copy: bool) {
        self.is_copy = is_copy;
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Commands for its data directory.
    #[must_use]
    pub fn cli(&self) -> Cli {
        Cli::new(&self.program, &self.data_dir)
    }

    /// Starts the process and waits until it answers.
    ///
    /// # Errors
    /// When it ends, or does not answer within a minute; with the end of its log.
    pub fn start(&mut self) -> Result<()> {
        let log_path = self.log_path();
        let log = OpenOptions::new().create(true).append(true).open(&log_path).map_err(Error::io(&log_path))?;
        let mut arguments: Vec<OsString> = self.command.iter().map(OsString::from).collect();
        arguments.extend([OsString::from("--data"), self.data_dir.clone().into()]);
        // The log is what a failure message can show, so it says more than a person would want.
        let filter = std::env::var("ALTHING_LOG").unwrap_or_else(|_| "info".to_owned());
        let environment = [("ALTHING_PASSWORD", PASSWORD), ("ALTHING_LOG", filter.as_str())];
        let process = Process::spawn(self.program.path(), &arguments, &environment, log)?;
        let process = self.process.insert(process);
        let data_dir = &self.data_dir;
        wait_for(&format!("{} to answer", self.name), ANSWER_WITHIN, || {
            if let Some(status) = process.ended() {
                return Look::Ready(Err(anyhow!("it ended with {status}")));
            }
            match Remote::find(data_dir) {
                Ok(Some(_)) => Look::Ready(Ok(())),
                Ok(None) => Look::NotYet("no control socket".to_owned()),
                Err(error) => Look::NotYet(format!("{error:#}")),
            }
        })
        .map_err(anyhow::Error::from)
        .and_then(|started| started)
        .with_context(|| format!("{} did not start:\n{}", self.name, self.log_tail()))
    }

    /// Kills the process as a power cut would: no chance to write or say anything.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks the process to stop in good order and waits for its end.
    ///
    /// # Errors
    /// When it had to be killed after half a minute.
    pub fn stop(&mut self) -> Result<()> {
        let Some(process) = self.process.take() else {
            return Ok(());
        };
        self.ask(Request::Stop)?;
        if !process.wait_or_kill(STOP_WITHIN) {
            bail!("{} did not stop within {STOP_WITHIN:?}:\n{}", self.name, self.log_tail());
        }
        Ok(())
    }

    /// The end of what the process printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        log_tail(&self.log_path())
    }

    /// The file with what the process printed.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.data_dir.with_extension("log")
    }

    /// Asks the running node.
    ///
    /// # Errors
    /// Its refusal, or that it does not run.
    pub fn ask(&self, request: Request) -> Result<Reply> {
        let remote = Remote::find(&self.data_dir)?.with_context(|| format!("{} does not run", self.name))?;
        remote.call(request).map_err(anyhow::Error::from)
    }
}
