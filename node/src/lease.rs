//! Single-writer lease on a data directory, and which life of it another program knows.
//!
//! Two programs on one database would sign two different things for one sequence number. The lease is an advisory lock that
//! the operating system drops with the process, so a killed node never leaves a stale one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use althing_channels::wire::LeaseClaim;
use anyhow::{Context, Result, bail};

/// How long a program waits for a command that holds the data directory (N-1).
const PATIENCE: Duration = Duration::from_secs(10);
/// After how much of it the person is told what is waited for.
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// Who took the lock a moment ago may not have written yet who it is; what an earlier one left is not taken for it.
const WRITTEN_AFTER: Duration = Duration::from_millis(300);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Held for as long as this process may write to the data directory.
#[derive(Debug)]
pub struct Lease {
    _file: File,
}

/// What a data directory is taken for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// One command, which ends by itself.
    Command,
    /// A program that runs until it is stopped. It waits for a command that holds the directory.
    Program {
        /// Tells the person what is waited for.
        say: fn(&str),
    },
}

impl Purpose {
    /// A program that tells nobody what it waits for.
    #[must_use]
    pub fn quiet() -> Self {
        Self::Program { say: |_| {} }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Command => COMMAND,
            Self::Program { .. } => "program",
        }
    }
}

const COMMAND: &str = "command";

impl Lease {
    /// Takes the lease of `dir`. N-1: a program waits for a command that holds it; for another program nobody waits.
    ///
    /// # Errors
    /// When another process holds it (its process id is named), or on I/O.
    pub fn take(dir: &Path, purpose: Purpose) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
        let path = dir.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        let began = Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("locking {}", path.display()));
                }
            }
            let holder = Holder::read(&mut file);
            let waited = began.elapsed();
            let patience = if holder.is_command { PATIENCE } else { WRITTEN_AFTER };
            let say = match purpose {
                Purpose::Program { say } if waited < patience => say,
                _ => bail!("N-1: {} is in use by {}", dir.display(), holder.refusal()),
            };
            if waited >= TOLD_AFTER && !told {
                told = true;
                let most = PATIENCE.as_secs();
                say(&format!(
                    "{} is in use by a command that is under way, process {}; the start waits for its end, for at most {most} s.",
                    dir.display(),
                    holder.process
                ));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{} {}", std::process::id(), purpose.word())?;
        file.flush()?;
        Ok(Self { _file: file })
    }
}

/// Who wrote that it holds a data directory.
struct Holder {
    process: String,
    is_command: bool,
}

impl Holder {
    fn read(file: &mut File) -> Self {
        let mut text = String::new();
        let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
        let mut words = text.split_whitespace();
        let process = words.next().unwrap_or("unknown").to_owned();
        // Programs from before commands were told apart wrote their number alone.
        Self { process, is_command: words.next() == Some(COMMAND) }
    }

    fn refusal(&self) -> String {
        let process = &self.process;
        if self.is_command {
            format!("a command that is under way, process {process}; try again when it has ended")
        } else {
            format!(
                "process {process}; one node writes to a data directory. If it has only just started, try again: it answers commands soon. What wants the folder for itself needs it stopped first, with `althing stop`"
            )
        }
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
        for second in [Purpose::quiet(), Purpose::Command] {
            let first = Lease::take(dir.path(), Purpose::quiet()).unwrap();
            let began = Instant::now();
            let error = Lease::take(dir.path(), second).unwrap_err().to_string();
            assert!(began.elapsed() < Duration::from_secs(2), "for a program nobody waits");
            let process = std::process::id().to_string();
            assert!(error.contains("N-1") && error.contains(&process) && error.contains("althing stop"), "{error}");
            drop(first);
            Lease::take(dir.path(), Purpose::quiet()).unwrap();
        }
    }

    /// N-1: a command that happens to be under way keeps no program from starting.
    #[test]
    fn a_program_waits_for_a_command_and_says_so() {
        static TOLD: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
        let dir = tempfile::tempdir().unwrap();
        let command = Lease::take(dir.path(), Purpose::Command).unwrap();
        let error = Lease::take(dir.path(), Purpose::Command).unwrap_err().to_string();
        assert!(error.contains("N-1") && error.contains("under way"), "{error}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(TOLD_AFTER + Duration::from_millis(500));
                drop(command);
            });
            let say = |words: &str| TOLD.lock().unwrap().push(words.to_owned());
            let _program = Lease::take(dir.path(), Purpose::Program { say }).unwrap();
            let error = Lease::take(dir.path(), Purpose::quiet()).unwrap_err().to_string();
            assert!(error.contains("althing stop"), "{error}");
        });
        let told = TOLD.lock().unwrap();
        assert!(told.len() == 1 && told[0].contains(&std::process::id().to_string()), "{told:?}");
    }
}
