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

    /// The request breaks the rule that the message begins with, or else `rule`.
    pub fn of_message(rule: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind: ErrorKind::Invalid, rule: rule_of(&message).or_else(|| Some(rule.to_owned())), message }
    }

    /// Not possible now, by the rule that the message begins with, if it does.
    pub fn not_now(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind: ErrorKind::NotNow, rule: rule_of(&message), message }
    }

    /// Trouble of this node, named by the rule that the message begins with, if it does.
    pub fn ours(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind: ErrorKind::Ours, rule: rule_of(&message), message }
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<ApiError>() {
            Ok(api) => api,
            Err(other) => Self::ours(format!("{other:#}")),
        }
    }
}

/// The rule that a message begins with: `N-1` of `N-1: the folder is in use`.
fn rule_of(message: &str) -> Option<String> {
    let (rule, _) = message.split_once(": ")?;
    let (letters, number) = rule.split_once('-')?;
    let is_rule = (1..=2).contains(&letters.len())
        && letters.bytes().all(|b| b.is_ascii_uppercase())
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit());
    is_rule.then(|| rule.to_owned())
}

/// The first clause that a message names, such as `G-41` in `entry 5 (ballot): G-41: …`, for machines.
pub(crate) fn clause_in(message: &str) -> Option<&str> {
    message.split([' ', ':', '(', ')', ',', ';']).find(|word| {
        word.split_once('-').is_some_and(|(page, number)| {
            page.len() == 1
                && page.chars().all(|c| c.is_ascii_uppercase())
                && number.starts_with(|c: char| c.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clause_is_found_whatever_stands_beside_it() {
        for message in ["entry 5 (ballot): G-41: no", "classes (R-41)", "no (G-41, G-42)", "it is G-41; no"] {
            let clause = clause_in(message);
            assert!(matches!(clause, Some("G-41" | "R-41")), "{message}: {clause:?}");
        }
        assert_eq!(clause_in("nothing said"), None);
    }

    #[test]
    fn an_error_names_its_rule_wherever_it_comes_from() {
        let rule = |message: &str| ApiError::from(anyhow::anyhow!("{message}")).rule;
        assert_eq!(rule("N-1: /data is in use by process 7"), Some("N-1".to_owned()));
        for none in ["reading /data: no such file", "N-1", "n-1: x", "N-: x", "-1: x", "ABC-1: x", "N-1x: y"] {
            assert_eq!(rule(none), None, "{none}");
        }
        assert_eq!(ApiError::not_now("P-8: it is not decided yet").rule, Some("P-8".to_owned()));
        assert_eq!(ApiError::not_now("the hub is not reachable").rule, None);
        let mended = anyhow::Error::from(ApiError::invalid("K-6", "K-6: wrong password")).context("opening");
        assert_eq!(ApiError::from(mended).kind, ErrorKind::Invalid);
    }
}
