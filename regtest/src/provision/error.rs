//! What can go wrong between "I need a bitcoind" and having one.

use std::path::{Path, PathBuf};

use crate::version::Version;

/// Why no usable bitcoind could be found or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// `BITCOIND_EXE` was set by hand but does not name a usable bitcoind; nothing else is tried, because
    /// silently testing against another program than the one asked for would mislead.
    #[error("BITCOIND_EXE={}: {reason}", path.display())]
    ChosenExecutable {
        /// The value of the variable.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A program did not report a version that could be understood.
    #[error("{} --version: {reason}", path.display())]
    NotBitcoind {
        /// The program asked.
        path: PathBuf,
        /// What it did instead.
        reason: String,
    },
    /// A bitcoind older than the rules this project relies on (TRUC, pay-to-anchor, package submission).
    #[error("{} is version {found}, at least {minimum} is needed", path.display())]
    TooOld {
        /// The program asked.
        path: PathBuf,
        /// What it reported.
        found: Version,
        /// What is required.
        minimum: Version,
    },
    /// Tools or libraries of the system that a build needs are absent, and could not be installed.
    #[error("building bitcoind needs {}; run: {command}", missing.join(", "))]
    MissingPackages {
        /// What was looked for and not found.
        missing: Vec<&'static str>,
        /// The one command that installs all of it.
        command: String,
    },
    /// There is neither `XDG_CACHE_HOME` nor `HOME` to keep the build in.
    #[error("no cache folder: set XDG_CACHE_HOME or HOME to an absolute path")]
    NoCacheFolder,
    /// A step of the build ended with an error.
    #[error("{step} failed: {reason}")]
    Step {
        /// What was being done.
        step: &'static str,
        /// The last lines it printed.
        reason: String,
    },
    /// A file operation of ours failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl ProvisionError {
    /// For `map_err` on a file operation at `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
