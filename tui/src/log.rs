//! The log of the binary: to the standard error, by `ALTHING_LOG`, and silent while the screens have the terminal.
//!
//! What others wrote ends up in log lines and panics too, so both go through [`crate::untrusted`] like everything else.

use std::io::{Write, stderr};

use tracing_subscriber::EnvFilter;

use crate::untrusted::Untrusted;

/// Starts logging. `ALTHING_LOG` filters as `RUST_LOG` usually does; errors only when unset.
pub fn start() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_env("ALTHING_LOG"))
        // Colours are escapes, and escapes do not pass.
        .with_ansi(false)
        .with_writer(|| BesideTheScreens)
        .init();
    catch_panics();
}

/// Panics are told like log lines: harmlessly.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| tell_panic(&info.to_string())));
}

/// Tells a panic on the standard error, one safe line after the other.
pub fn tell_panic(panic: &str) {
    for line in Untrusted::new(panic).lines() {
        let _ = writeln!(stderr(), "{line}");
    }
}

/// Tells a person who waits something on the standard error; nothing while the screens are open.
pub fn say(words: &str) {
    let mut out = BesideTheScreens;
    let _ = writeln!(out, "{words}");
}

/// Bytes of a log as they may be written to a terminal: by lines, every other dangerous character a visible mark.
#[must_use]
pub fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    Untrusted::new(&text).lines().join("\n")
}

/// Writes to the standard error unless the screens are open.
struct BesideTheScreens;

impl Write for BesideTheScreens {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if crate::terminal::is_open() {
            return Ok(bytes.len());
        }
        stderr().write_all(harmless(bytes).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        stderr().flush()
    }
}
