//! The log of the binary: to the standard error, by `ALTHING_LOG`, and silent while the screens have the terminal.

use std::io::{Write, stderr};

use tracing_subscriber::EnvFilter;

/// Starts logging. `ALTHING_LOG` filters as `RUST_LOG` usually does; errors only when unset.
pub fn start() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_env("ALTHING_LOG"))
        .with_writer(|| BesideTheScreens)
        .init();
}

/// Writes to the standard error unless the screens are open.
struct BesideTheScreens;

impl Write for BesideTheScreens {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if crate::terminal::is_open() {
            return Ok(bytes.len());
        }
        stderr().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        stderr().flush()
    }
}
