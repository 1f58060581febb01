//! Callers that wait for something to become true.

use std::time::{Duration, Instant};

use super::Answer;
use crate::api::{ApiError, Reply};

/// Nobody waits longer; a number near the largest would overflow the clock.
const PATIENCE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Callers with a condition of type `C`, each until its deadline.
#[derive(Debug)]
pub struct Waiters<C> {
    waiting: Vec<(C, Instant, Answer)>,
}

impl<C> Default for Waiters<C> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<C> Waiters<C> {
    /// Lets a caller wait.
    pub fn add(&mut self, condition: C, patience: Duration, answer: Answer) {
        self.waiting.push((condition, Instant::now() + patience.min(PATIENCE_MAX), answer));
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers everyone for whom `judge` has an answer, and everyone whose time is over with `late`.
    pub fn settle(
        &mut self,
        mut judge: impl FnMut(&C) -> Option<Result<Reply, ApiError>>,
        mut late: impl FnMut(&C) -> ApiError,
    ) {
        let now = Instant::now();
        self.waiting.retain(|(condition, deadline, answer)| {
            let verdict = match judge(condition) {
                Some(verdict) => verdict,
                None if now >= *deadline => Err(late(condition)),
                None => return true,
            };
            // The caller may have gone; then nobody wants the answer.
            let _ = answer.try_send(verdict);
            false
        });
    }
}
