//! Rules a charter must obey beyond being well formed, and advice on what is allowed but unwise.

mod advice;
mod classes;
mod identity;
mod members;
mod money;

use std::fmt;

use bitcoin::{Amount, Network};

use super::Charter;
use crate::text::misleads;

pub use advice::Advice;
pub use money::MAX_PAUSE_BLOCKS;

/// Longest period of any kind in blocks, a year: nothing can be voted into a future that nobody sees.
pub const MAX_PERIOD_BLOCKS: u32 = 52_560;
/// Lower bound of voting periods and of the veto windows of R-62 in blocks, outside regtest.
pub(super) const MIN_PERIOD_BLOCKS: u32 = 6;

/// One rule that a charter, or a change of charter, breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Clause of the specification.
    pub rule: &'static str,
    /// Which field.
    pub field: String,
    /// What is wrong, with the value.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.field, self.rule, self.what)
    }
}

impl Charter {
    /// Every rule this charter breaks; empty when it is usable (R-50 to R-79, G-122).
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems(Vec::new());
        identity::check(self, &mut problems);
        members::check(self, &mut problems);
        money::check(self, &mut problems);
        classes::check(self, &mut problems);
        problems.0
    }

    fn is_regtest(&self) -> bool {
        self.bitcoin_network() == Some(Network::Regtest)
    }

    /// Least blocks of a period that must leave people time: on regtest mining is free and 1 suffices.
    fn least_period(&self) -> u64 {
        if self.is_regtest() { 1 } else { u64::from(MIN_PERIOD_BLOCKS) }
    }
}

/// Problems found so far.
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, rule: &'static str, field: &str, what: String) {
        self.0.push(Problem { rule, field: field.into(), what });
    }

    fn within(&mut self, rule: &'static str, field: &str, value: impl Into<u64>, least: u64, most: u64) {
        let value = value.into();
        if value < least || value > most {
            self.add(rule, field, format!("is {value}; must be {least} to {most}"));
        }
    }

    fn period(&mut self, field: &str, blocks: u32, least: u64) {
        self.within("R-61", field, blocks, least, u64::from(MAX_PERIOD_BLOCKS));
    }

    fn sat(&mut self, field: &str, sat: u64) {
        self.within("R-57", field, sat, 0, Amount::MAX_MONEY.to_sat());
    }

    fn length(&mut self, field: &str, found: usize, least: usize, most: usize) {
        if found < least || found > most {
            self.add("R-50", field, format!("has length {found}; must be {least} to {most}"));
        }
    }

    fn text(&mut self, field: &str, text: &str, most: usize) {
        self.length(field, text.len(), 1, most);
        if let Some(c) = text.chars().find(|c| misleads(*c)) {
            let what =
                format!("contains the control or invisible character U+{:04X}; must be plain text", u32::from(c));
            self.add("R-50", field, what);
        }
    }
}
