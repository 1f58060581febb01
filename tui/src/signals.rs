//! The polite ways in which an operating system asks a program to end.

use std::io;

use tokio::runtime::Runtime;

/// Listens for Ctrl-C, a request to terminate, and the end of the terminal, from the moment it is made.
#[derive(Debug)]
pub struct Signals {
    runtime: Runtime,
    #[cfg(unix)]
    kinds: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// # Errors
    /// If signals cannot be listened for.
    pub fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        #[cfg(unix)]
        let kinds = {
            use tokio::signal::unix::{SignalKind, signal};
            let _entered = runtime.enter();
            [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]
        };
        Ok(Self {
            runtime,
            #[cfg(unix)]
            kinds,
        })
    }

    /// Waits for the first of them, also one that came before.
    ///
    /// # Errors
    /// If signals cannot be listened for.
    pub fn wait(self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let [mut interrupt, mut terminate, mut hang_up] = self.kinds;
            self.runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
            });
            Ok(())
        }
        #[cfg(not(unix))]
        {
            self.runtime.block_on(tokio::signal::ctrl_c())
        }
    }
}
