//! Failures and exit codes.

use althing_node::api::{ApiError, ErrorKind};

use crate::backend::Verdict;

/// Done; of a check: valid.
pub const OK: u8 = 0;

/// The request breaks a rule; of a check: invalid.
pub const INVALID: u8 = 1;

/// Not possible now, nothing was lost; of a check: cannot tell.
pub const CANNOT_TELL: u8 = 2;

/// Trouble of this machine.
pub const OURS: u8 = 3;

/// What each exit code means; no other is ever given, and none will change its meaning.
pub const MEANINGS: [(u8, &str); 4] = [
    (OK, "Done. Of a check: valid."),
    (INVALID, "The request breaks a rule; it will not do better later. Of a check: invalid."),
    (CANNOT_TELL, "Not possible now, nothing was lost, try again later. Of a check: it cannot be told."),
    (OURS, "Trouble of this machine: disk, Bitcoin source, network."),
];

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub ApiError);

impl Failure {
    /// The command line makes no sense (N-64), or breaks the rule that the message begins with.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self(ApiError::of_message("N-64", message))
    }

    /// The request breaks `rule`.
    pub(super) fn rule(rule: &str, message: impl Into<String>) -> Self {
        Self(ApiError::invalid(rule, message))
    }

    /// Not possible now; nothing was lost.
    pub(super) fn not_now(message: impl Into<String>) -> Self {
        Self(ApiError::not_now(message))
    }

    /// The typed word did not come.
    pub(super) fn declined(word: &str) -> Self {
        Self::not_now(format!("Nothing was done: the word {word} was not typed."))
    }

    /// The exit code that says whose fault it is.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self.0.kind {
            ErrorKind::Invalid => INVALID,
            ErrorKind::NotNow => CANNOT_TELL,
            ErrorKind::Ours => OURS,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(error.into())
    }
}

/// The exit code of a failure that is no verdict, where 1 would be read as one (N-64).
pub(super) fn of_check(code: u8, is_check: bool) -> u8 {
    if is_check && code == INVALID { CANNOT_TELL } else { code }
}

/// The exit code of a check.
pub(super) fn verdict_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Valid => OK,
        Verdict::Invalid => INVALID,
        Verdict::CannotTell => CANNOT_TELL,
    }
}
