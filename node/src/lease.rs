//! Single-writer lease on a data directory, and which life of it another program knows.
//!
//! Two programs on one database would sign two different things for one sequence number. The lease is an advisory lock that
//! the operating system drops with the process, so a killed node never leaves a stale one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use althing_channels::wire::LeaseClaim;
use anyhow::{Context, Result, bail};

/// Held for as long as this process may write to the data directory.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the lease of `dir`.
    ///
    /// # Errors
    /// When another process holds it (its process id is named), or on I/O.
    pub fn take(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                bail!(
                    "N-1: {} is in use by process {}; one node writes to a data directory. For this it is stopped first, with `althing stop`",
                    dir.display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        file.flush()?;
        Ok(Self { _file: file })
    }
}

/// C-95: the counter under which whoever knew `known` knows a life from now on that says `claim` of itself; `None` of an earlier life, or
/// of another that counted as far.
pub(crate) fn life_of(known: Option<&LeaseClaim>, claim: &LeaseClaim) -> Option<u64> {
    match known {
        // Made anew from the seed words.
        Some(last) if claim.counter == 0 && last.token != claim.token => Some(last.counter.saturating_add(1)),
        Some(last) if claim.counter == 0 => Some(last.counter),
        Some(last) if claim.counter < last.counter || (claim.counter == last.counter && last.token != claim.token) => {
            None
        }
        _ => Some(claim.counter.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lease::take(dir.path()).unwrap();
        let error = Lease::take(dir.path()).unwrap_err().to_string();
        assert!(error.contains("N-1") && error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Lease::take(dir.path()).unwrap();
    }
}
