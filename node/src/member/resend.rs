//! When an entry goes to the hub again (N-71). Time is the caller's, so that nobody waits for half a minute to see it.

use std::time::{Duration, Instant};

/// Pause before an entry that the hub could not take just now is sent again.
const REFUSED: Duration = Duration::from_millis(500);

/// After so long without an answer it is sent again, whatever became of it.
const UNANSWERED: Duration = Duration::from_secs(30);

/// What is known of the sending of one entry.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Resend {
    /// When it is sent again; `None` before it was sent at all, which a connection does.
    at: Option<Instant>,
}

impl Resend {
    /// It was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.at = Some(now + UNANSWERED);
    }

    /// The hub said that it cannot take it now.
    pub(super) fn refused(&mut self, now: Instant) {
        self.at = Some(now + REFUSED);
    }

    /// Whether it is to be sent again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| now >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends whenever it is due, looked at every `step`, for `whole`; the times of sending.
    fn sendings(resend: &mut Resend, begin: Instant, step: Duration, whole: Duration) -> Vec<Duration> {
        let mut sent = Vec::new();
        let mut now = begin;
        while now < begin + whole {
            if resend.is_due(now) {
                sent.push(now - begin);
                resend.sent(now);
            }
            now += step;
        }
        sent
    }

    /// N-71: what nobody answers after thirty seconds, and again after thirty; what was refused after half a second.
    #[test]
    fn what_nobody_answers_is_sent_again_after_thirty_seconds() {
        let begin = Instant::now();
        let (step, seconds) = (Duration::from_millis(100), Duration::from_secs);
        let mut resend = Resend::default();
        assert_eq!(sendings(&mut resend, begin, step, seconds(100)), [], "nothing was sent yet");
        resend.sent(begin);
        assert_eq!(sendings(&mut resend, begin, step, seconds(100)), [seconds(30), seconds(60), seconds(90)]);
        let mut resend = Resend::default();
        resend.sent(begin);
        assert!(!resend.is_due(begin + seconds(30) - Duration::from_nanos(1)) && resend.is_due(begin + seconds(30)));
        resend.refused(begin);
        let after = [Duration::from_millis(500), Duration::from_millis(30_500)];
        assert_eq!(sendings(&mut resend, begin, step, seconds(60)), after);
    }
}
