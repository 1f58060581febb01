//! Why something was not done, and whose fault that is.

use serde::{Deserialize, Serialize};

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// The rule that refuses, such as `G-31`, if one does.
    pub rule: Option<String>,
    /// What is wrong, with the values, in a sentence.
    pub message: String,
}

/// Whose fault an error is, and whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request breaks a rule; it will not do better later.
    Invalid,
    /// Not possible now; nothing was lost, try again later.
    NotNow,
    /// This node's own trouble: disk, Bitcoin source, network.
    Ours,
}

impl ApiError {
    /// The request breaks `rule`.
    pub fn invalid(rule: &str, message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, rule: Some(rule.to_owned()), message: message.into() }
    }

    /// Not possible now.
    pub fn not_now(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NotNow, rule: None, message: message.into() }
    }

    /// Trouble of this node.
    pub fn ours(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Ours, rule: None, message: message.into() }
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<ApiError>() {
            Ok(api) => api,
            Err(other) => ApiError::ours(format!("{other:#}")),
        }
    }
}
