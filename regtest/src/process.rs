//! A process that cannot outlive its owner.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::Error;
use crate::wait::{Look, wait_for};

/// A running program. Dropping it kills the process and waits for its end.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    leash: Option<ChildStdin>,
}

/// The shell becomes the program by `exec`, so our child's id is the program's. Before that it leaves a watchdog behind that
/// reads a pipe whose other end only we hold: the pipe ends without a line exactly when we die without having released
/// it, however we die. (A test killed by SIGKILL runs no destructor, and a program left behind keeps ports and files.)
const SCRIPT: &str = r#"
exec 3<&0
( if read -r _ <&3; then exit 0; fi; kill -KILL "$$" ) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"#;

impl Process {
    /// Starts `program` with `environment` added to ours; what it prints goes to `output`.
    pub(crate) fn spawn(
        program: &Path,
        arguments: &[OsString],
        environment: &[(&str, &str)],
        output: File,
    ) -> Result<Self, Error> {
        let errors = output.try_clone().map_err(Error::io(program))?;
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(Error::io(&PathBuf::from("sh")))?;
        let leash = child.stdin.take();
        Ok(Self { child, leash })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        if status.is_some() {
            self.release();
        }
        status
    }

    /// Waits for it to end by itself; kills it at the deadline. Tells whether it ended by itself.
    pub(crate) fn wait_or_kill(mut self, within: Duration) -> bool {
        let wait = wait_for("the process to end", within, || match self.ended() {
            Some(_) => Look::Ready(()),
            None => Look::NotYet("still running".to_owned()),
        });
        wait.is_ok()
    }

    /// Sends the watchdog away. Only after the process is dead, or about to be killed by us: its id may then be reused.
    fn release(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            // Fails if the watchdog is gone already, which is what is wanted.
            let _ = leash.write_all(b"\n");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.leash.is_some() {
            let _ = self.child.kill();
            self.release();
            let _ = self.child.wait();
        }
    }
}

/// The end of a log file, for failure messages.
pub(crate) fn log_tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
