//! Finding a bitcoind on this machine, or building one from source.
//!
//! Tried in this order: the environment variable `BITCOIND_EXE`; every `bitcoind` on `PATH` that is new enough; the
//! user's cache folder; a build from source into that folder. The source of Bitcoin Core comes through cargo, as the
//! content of a crate pinned by version and checksum, so it works wherever building this project works.

mod build;
mod cache;
mod error;
mod prerequisites;
mod progress;
mod source;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

pub use build::{BuildBitcoind, CoreFromSource};
pub use error::ProvisionError;
pub use progress::Progress;

use crate::version::Version;
use crate::wait::{Look, wait_for};

/// A bitcoind that was run and reported a version new enough for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitcoind {
    path: PathBuf,
    version: Version,
    banner: String,
}

impl Bitcoind {
    /// Finds or builds a bitcoind for this process; the first success is remembered.
    ///
    /// A first build takes minutes; progress goes to standard error, past the capture of the test harness.
    ///
    /// # Errors
    /// [`ProvisionError`]; the message tells what to install or to unset.
    pub fn locate_or_build() -> Result<Self, ProvisionError> {
        static FOUND: Mutex<Option<Bitcoind>> = Mutex::new(None);
        // A panic elsewhere cannot leave the remembered value half written, so a poisoned lock is still good.
        let mut found = FOUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bitcoind) = found.as_ref() {
            return Ok(bitcoind.clone());
        }
        let bitcoind = Provisioner::from_environment()?.locate_or_build()?;
        Ok(found.insert(bitcoind).clone())
    }

    /// Runs `path --version` and checks the answer.
    ///
    /// # Errors
    /// [`ProvisionError::NotBitcoind`] if it cannot be run or is something else, [`ProvisionError::TooOld`] below
    /// [`Version::MINIMUM`].
    pub fn at(path: &Path) -> Result<Self, ProvisionError> {
        let not_bitcoind = |reason: String| ProvisionError::NotBitcoind { path: path.to_owned(), reason };
        let output = version_output(path).map_err(|error| not_bitcoind(error.to_string()))?;
        if !output.status.success() {
            return Err(not_bitcoind(format!("ended with {}", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let banner = text.lines().next().unwrap_or_default().trim().to_owned();
        let version = Version::from_banner(&banner).ok_or_else(|| not_bitcoind(format!("printed {banner:?}")))?;
        if version < Version::MINIMUM {
            return Err(ProvisionError::TooOld { path: path.to_owned(), found: version, minimum: Version::MINIMUM });
        }
        Ok(Self { path: path.to_owned(), version, banner })
    }

    /// Where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where `bitcoin-cli` is, if it lies beside the daemon.
    #[must_use]
    pub fn cli(&self) -> Option<PathBuf> {
        let cli = self.path.with_file_name("bitcoin-cli");
        cli.is_file().then_some(cli)
    }

    /// The version it reported.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The first line of `bitcoind --version`, for logs and reports.
    #[must_use]
    pub fn banner(&self) -> &str {
        &self.banner
    }
}

/// Where to look, where to keep a build, and how to make one.
///
/// [`Bitcoind::locate_or_build`] uses [`Provisioner::from_environment`]; outside projects may fill the fields
/// themselves, for instance to keep the cache inside their own target folder.
#[derive(Debug)]
pub struct Provisioner<B = CoreFromSource> {
    /// A bitcoind chosen by hand (`BITCOIND_EXE`): used or refused, never passed over.
    pub chosen: Option<PathBuf>,
    /// Folders to search, in the format of `PATH`.
    pub search_path: Option<OsString>,
    /// Folder that keeps builds, shared by all projects of this user.
    pub cache: PathBuf,
    /// How to make one when none is found.
    pub builder: B,
}

impl Provisioner {
    /// Reads `BITCOIND_EXE`, `PATH`, `XDG_CACHE_HOME` and `HOME`.
    ///
    /// # Errors
    /// [`ProvisionError::NoCacheFolder`] if neither of the last two is an absolute path.
    pub fn from_environment() -> Result<Self, ProvisionError> {
        Ok(Self {
            chosen: std::env::var_os("BITCOIND_EXE").filter(|v| !v.is_empty()).map(PathBuf::from),
            search_path: std::env::var_os("PATH"),
            cache: cache::default_folder()?,
            builder: CoreFromSource::default(),
        })
    }
}

impl<B: BuildBitcoind> Provisioner<B> {
    /// Goes through the places in order; builds at most once per cache folder, however many processes ask at once.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub fn locate_or_build(&self) -> Result<Bitcoind, ProvisionError> {
        if let Some(path) = &self.chosen {
            return Bitcoind::at(path)
                .map_err(|error| ProvisionError::ChosenExecutable { path: path.clone(), reason: error.to_string() });
        }
        if let Some(bitcoind) = self.on_search_path() {
            return Ok(bitcoind);
        }
        cache::take_or_build(&self.cache, &self.builder)
    }

    fn on_search_path(&self) -> Option<Bitcoind> {
        let folders = self.search_path.as_ref()?;
        std::env::split_paths(folders)
            .map(|folder| folder.join("bitcoind"))
            .filter(|candidate| candidate.is_file())
            .find_map(|candidate| match Bitcoind::at(&candidate) {
                Ok(bitcoind) => Some(bitcoind),
                Err(error) => {
                    Progress::new().line(&format!("passing over {error}"));
                    None
                }
            })
    }
}

/// Runs `path --version`.
///
/// A program written a moment ago may be "busy": if another thread of this process started a child in that moment,
/// the child holds the file open for writing until its own `exec`. That passes within milliseconds.
fn version_output(path: &Path) -> std::io::Result<Output> {
    let attempt = || Command::new(path).arg("--version").stdin(Stdio::null()).output();
    let look = || match attempt() {
        Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => Look::NotYet(error.to_string()),
        done => Look::Ready(done),
    };
    wait_for("the program to be free", Duration::from_secs(5), look).unwrap_or_else(|_| attempt())
}
