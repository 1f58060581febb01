//! Telling a waiting person, on standard error, what is going on.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Prints lines with the time since the start, and knows the step the story is at.
#[derive(Debug)]
pub struct Narrator {
    started: Instant,
    step: Mutex<String>,
}

impl Narrator {
    /// Starts the clock.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), step: Mutex::new("starting".to_owned()) }
    }

    /// Begins a step; a failure from now on is a failure of this step.
    pub fn step(&self, name: &str) {
        // Nothing is left half done when a thread panics here, so a poisoned lock is still good.
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = name.to_owned();
        self.line(&format!("== {name}"));
    }

    /// Tells a detail of the step.
    pub fn say(&self, text: &str) {
        self.line(&format!("   {text}"));
    }

    /// The step begun last.
    #[must_use]
    pub fn current_step(&self) -> String {
        self.step.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn line(&self, text: &str) {
        let secs = self.started.elapsed().as_secs();
        // Written to the stream itself, past the capture of the test harness. A closed standard error is no reason to
        // fail, so the result is dropped.
        let _ = writeln!(std::io::stderr(), "[{:>2}:{:02}] {text}", secs / 60, secs % 60);
    }
}

impl Default for Narrator {
    fn default() -> Self {
        Self::new()
    }
}
