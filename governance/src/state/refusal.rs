//! Why an entry is not accepted.

/// An entry that the log cannot take (as it is, or yet). Nothing changed by refusing it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It breaks a rule and will never be acceptable at this place; its sender is at fault.
    #[error("{rule}: {what}")]
    Invalid {
        /// Clause of the specification.
        rule: &'static str,
        /// What is wrong, with the values.
        what: String,
    },
    /// It may become acceptable when the log has moved on.
    #[error("{rule}: not now: {what}")]
    NotNow {
        /// Clause of the specification.
        rule: &'static str,
        /// What it waits for, with the values.
        what: String,
    },
}

impl Refusal {
    /// The clause, such as `G-21`.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Invalid { rule, .. } | Self::NotNow { rule, .. } => rule,
        }
    }

    /// Whether it is [`Refusal::NotNow`].
    #[must_use]
    pub fn is_not_now(&self) -> bool {
        matches!(self, Self::NotNow { .. })
    }
}

pub(super) fn invalid<T>(rule: &'static str, what: String) -> Result<T, Refusal> {
    Err(Refusal::Invalid { rule, what })
}

pub(super) fn not_now<T>(rule: &'static str, what: String) -> Result<T, Refusal> {
    Err(Refusal::NotNow { rule, what })
}
