//! How far the log is read here, and what that means for what is not found in it (N-425).

use crate::api::{ApiError, ErrorKind, ReadState, Reading};
use crate::shell::Shell;

impl Shell {
    /// How far the log is read here.
    pub(crate) fn reading(&self) -> Reading {
        let state = self.ledger.state();
        let (read, hub_entries) = self.behind.unwrap_or((ReadState::Whole, Some(state.size())));
        Reading { entries: state.size(), height: state.tip_height(), hub_entries, state: read }
    }
}

impl Shell {
    /// Whether the hub refuses this folder as a copy (N-125): what it does not have then is nobody's fault, and what it has is old.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.behind, Some((ReadState::Refused, _)))
    }
}

/// N-425: what is not in a log that may go on is not refused for good.
pub(super) fn perhaps_later<T>(shell: &Shell, found: Result<T, ApiError>) -> Result<T, ApiError> {
    found.map_err(|error| {
        let reading = shell.reading();
        if error.kind != ErrorKind::Invalid || reading.is_whole() {
            return error;
        }
        ApiError { kind: ErrorKind::NotNow, message: format!("{}. {}", error.message, reading.words()), ..error }
    })
}
