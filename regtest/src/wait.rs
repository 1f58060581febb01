//! Waiting for a condition instead of sleeping and hoping.

use std::time::{Duration, Instant};

use crate::error::WaitTimeout;

/// What one look at a condition found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It holds, and this came of it.
    Ready(T),
    /// It does not hold yet; this is what was seen instead, for the failure message.
    NotYet(String),
}

/// Looks again and again until `look` is ready, at growing intervals of 5 to 200 milliseconds.
///
/// `what` completes the sentence "waited 10s for ...". The last look is taken after the deadline, so a machine that was
/// busy does not fail a condition that has come true meanwhile.
///
/// # Errors
/// [`WaitTimeout`] with the last thing seen.
///
/// ```
/// use althing_regtest::{Look, wait_for};
/// use std::time::Duration;
///
/// let mut polls = 0;
/// let seen = wait_for("three polls", Duration::from_secs(5), || {
///     polls += 1;
///     if polls >= 3 { Look::Ready(polls) } else { Look::NotYet(format!("{polls} polls")) }
/// });
/// assert_eq!(seen.unwrap(), 3);
/// ```
pub fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Look<T>) -> Result<T, WaitTimeout> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        let late = started.elapsed() >= within;
        match look() {
            Look::Ready(value) => return Ok(value),
            Look::NotYet(last_seen) if late => {
                return Err(WaitTimeout { what: what.to_owned(), waited: started.elapsed(), last_seen });
            }
            Look::NotYet(_) => {}
        }
        std::thread::sleep(pause.min(within.saturating_sub(started.elapsed())));
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, wait_for};
    use std::time::Duration;

    #[test]
    fn failure_tells_what_was_seen_last() {
        let mut count = 0;
        let error = wait_for("a miracle", Duration::from_millis(20), || {
            count += 1;
            Look::<()>::NotYet(format!("look {count}"))
        })
        .unwrap_err();
        assert_eq!(error.last_seen, format!("look {count}"));
        assert!(error.to_string().contains("for a miracle; last seen: look"), "{error}");
        assert!(count > 1);
    }
}
