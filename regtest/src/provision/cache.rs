//! The user's cache of built bitcoinds, safe against processes that ask at the same time or die in between.
//!
//! ```text
//! <cache>/<key>.lock     held while a build of this key runs
//! <cache>/<key>.build/   scratch of the build, kept until it succeeds so that the next attempt resumes it
//! <cache>/<key>/bin/     bitcoind, bitcoin-cli; appears complete, by one rename
//! ```

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::{Bitcoind, BuildBitcoind, Progress, ProvisionError};

/// `$XDG_CACHE_HOME/althing/bitcoind`, or the same under `~/.cache` (XDG Base Directory Specification: relative values
/// are to be ignored).
pub(super) fn default_folder() -> Result<PathBuf, ProvisionError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("althing").join("bitcoind"))
        .ok_or(ProvisionError::NoCacheFolder)
}

/// Gives the cached bitcoind of the builder's key, building it under the lock if it is not there yet.
pub(super) fn take_or_build(cache: &Path, builder: &impl BuildBitcoind) -> Result<Bitcoind, ProvisionError> {
    let key = builder.key();
    let finished = cache.join(&key);
    let executable = finished.join("bin").join("bitcoind");
    if executable.is_file() {
        return Bitcoind::at(&executable);
    }

    fs::create_dir_all(cache).map_err(ProvisionError::io(cache))?;
    let lock = lock(&cache.join(format!("{key}.lock")))?;
    // Somebody else may have finished it while we waited.
    if executable.is_file() {
        return Bitcoind::at(&executable);
    }

    let scratch = cache.join(format!("{key}.build"));
    fs::create_dir_all(&scratch).map_err(ProvisionError::io(&scratch))?;
    let built = builder.build(&scratch, &lock)?;

    let staging = cache.join(format!("{key}.staging"));
    remove_folder(&staging)?;
    let bin = staging.join("bin");
    fs::create_dir_all(&bin).map_err(ProvisionError::io(&bin))?;
    for name in ["bitcoind", "bitcoin-cli"] {
        let from = built.join(name);
        if from.is_file() {
            fs::copy(&from, bin.join(name)).map_err(ProvisionError::io(&from))?;
        }
    }
    // It must run before it is published: a cache that holds a broken program would never heal.
    Bitcoind::at(&bin.join("bitcoind"))?;
    remove_folder(&finished)?;
    fs::rename(&staging, &finished).map_err(ProvisionError::io(&finished))?;
    remove_folder(&scratch)?;
    Bitcoind::at(&executable)
}

/// Takes the exclusive lock, saying so if another process holds it. Closing the file releases it.
fn lock(path: &Path) -> Result<File, ProvisionError> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(ProvisionError::io(path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            Progress::new().line("another process is building bitcoind; waiting for it to finish");
        }
        Err(TryLockError::Error(source)) => {
            return Err(ProvisionError::Io { path: path.to_owned(), source });
        }
    }
    file.lock().map_err(ProvisionError::io(path))?;
    Ok(file)
}

fn remove_folder(path: &Path) -> Result<(), ProvisionError> {
    match fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ProvisionError::io(path)(error)),
    }
}
