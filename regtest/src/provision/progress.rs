//! Telling a waiting person what a long build is doing.

use std::io::Write;
use std::time::Instant;

/// Prints lines to standard error, and percentages at most once per step of five.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    last_percent: Option<u8>,
}

impl Progress {
    /// Starts the clock shown with the percentages.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now(), last_percent: None }
    }

    /// Prints one line.
    pub fn line(&self, text: &str) {
        // Written to the stream itself: the test harness captures `eprintln!` and would show it only after the wait.
        // A closed standard error is no reason to fail a build, so the result is dropped.
        let _ = writeln!(std::io::stderr(), "althing-regtest: {text}");
    }

    /// Looks for the percentage in one line of output of `make` or `ninja` and prints it if it moved enough.
    pub(crate) fn observe(&mut self, output_line: &str) {
        let Some(percent) = percent_of(output_line) else {
            return;
        };
        let step = percent / 5;
        if self.last_percent.is_none_or(|last| step > last / 5) {
            self.last_percent = Some(percent);
            let secs = self.started.elapsed().as_secs();
            self.line(&format!("building bitcoind {percent:>3}% ({}m{:02}s)", secs / 60, secs % 60));
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads `[ 42%] ...` (make) or `[12/345] ...` (ninja).
fn percent_of(line: &str) -> Option<u8> {
    let (inside, _) = line.strip_prefix('[')?.split_once(']')?;
    let percent = if let Some(number) = inside.trim().strip_suffix('%') {
        number.trim().parse::<u64>().ok()?
    } else {
        let (done, all) = inside.split_once('/')?;
        let (done, all) = (done.trim().parse::<u64>().ok()?, all.trim().parse::<u64>().ok()?);
        done.checked_mul(100)?.checked_div(all)?
    };
    u8::try_from(percent).ok().filter(|p| *p <= 100)
}

#[cfg(test)]
mod tests {
    use super::percent_of;

    #[test]
    fn reads_make_and_ninja_and_nothing_else() {
        let table = [
            ("[  7%] Building CXX object a.cpp.o", Some(7)),
            ("[100%] Linking", Some(100)),
            ("[12/48] Building CXX object a.cpp.o", Some(25)),
            ("[1/0] odd", None),
            ("[300%] odd", None),
            ("warning: [ 7%]", None),
            ("[", None),
        ];
        for (line, expected) in table {
            assert_eq!(percent_of(line), expected, "{line:?}");
        }
    }
}
