//! From one charter to the next: what differs, and whether a vote may make it differ.
//!
//! The judge is always the charter in force, so that a guard cannot be lifted by the change it forbids. That a change is never
//! retroactive is the state's to keep: every proposal stays under the charter it was logged under.

mod fields;
mod steps;

use std::collections::BTreeMap;
use std::fmt;

use super::{Charter, Class, Problem};
use fields::{Field, Kind};

/// One field that differs between two charters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Which field, as `guards.cooldown_blocks` or `classes.spend[1].threshold`.
    pub path: String,
    /// Its value in the old charter; `None` when it was not there.
    pub old: Option<String>,
    /// Its value in the new charter; `None` when it is gone.
    pub new: Option<String>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absent = "(absent)";
        let (old, new) = (self.old.as_deref().unwrap_or(absent), self.new.as_deref().unwrap_or(absent));
        write!(f, "{}: {old} -> {new}", self.path)
    }
}

/// every field that differs, from parsed values, in the order of R-2; those that are only in `new` come last.
///
/// Rules are paired by their class and their place within it.
#[must_use]
pub fn diff(old: &Charter, new: &Charter) -> Vec<FieldChange> {
    let (before, after) = (fields::of(old), fields::of(new));
    let find = |fields: &[Field]| -> BTreeMap<String, String> {
        fields.iter().map(|field| (field.path.clone(), field.shown.clone())).collect()
    };
    let (values_before, values_after) = (find(&before), find(&after));
    let mut changes = Vec::new();
    for field in before {
        let now = values_after.get(&field.path);
        if now != Some(&field.shown) {
            changes.push(FieldChange { path: field.path, old: Some(field.shown), new: now.cloned() });
        }
    }
    let added = after.into_iter().filter(|field| !values_before.contains_key(&field.path));
    changes.extend(added.map(|field| FieldChange { path: field.path, old: None, new: Some(field.shown) }));
    changes
}

/// Every reason why a passed proposal of `class` may not put `new` in place of `old`; empty when it may.
///
/// Whether the change cuts the electorate too much is not known from charters alone; see [`changes_eligibility`].
#[must_use]
pub fn check_change(class: Class, old: &Charter, new: &Charter) -> Vec<Problem> {
    //
    let mut problems = new.check();
    let changes = diff(old, new);
    if changes.is_empty() {
        problems.push(problem("R-100", "charter", "is the one in force; nothing changes".into()));
    }
    let kinds: BTreeMap<String, Kind> =
        fields::of(old).into_iter().chain(fields::of(new)).map(|field| (field.path, field.kind)).collect();
    for change in &changes {
        //
        if let Some((rule, why)) = kinds.get(&change.path).and_then(|kind| forbidden(*kind, class)) {
            problems.push(problem(rule, &change.path, format!("{why}: {change}")));
        }
    }
    if class == Class::RuleChange {
        problems.extend(steps::check(old, new));
    }
    problems
}

/// Whether the change touches who is eligible or what a member weighs, so that it counts only after
/// `guards.eligibility_delay_epochs` and must not cut the eligible weight by more than `guards.electorate_shrink_bp`.
#[must_use]
pub fn changes_eligibility(old: &Charter, new: &Charter) -> bool {
    const PATHS: [&str; 5] =
        ["admission", "weight_rule", "per_member_cap", "guards.excluded_members", "dormant_after_epochs"];
    diff(old, new).iter().any(|change| PATHS.iter().any(|path| change.path.starts_with(path)))
}

/// Why a proposal of `class` may not touch a field of this kind, with the clause.
fn forbidden(kind: Kind, class: Class) -> Option<(&'static str, &'static str)> {
    match (kind, class) {
        (Kind::Identity, _) => Some(("R-101", "never changes")),
        // power over keys and coins is never a line among others in a change of rules.
        (Kind::Keys, Class::ReplaceKeys) | (Kind::Treasury, Class::ElectTreasurers) => None,
        (Kind::Keys, _) => Some(("R-102", "changes only by class replace_keys")),
        (Kind::Treasury, _) => Some(("R-102", "changes only by class elect_treasurers")),
        (Kind::Free | Kind::Number { .. } | Kind::Share { .. }, Class::RuleChange) => None,
        (Kind::Free | Kind::Number { .. } | Kind::Share { .. }, _) => {
            Some(("R-102", "changes only by class rule_change"))
        }
    }
}

fn problem(rule: &'static str, field: &str, what: String) -> Problem {
    Problem { rule, field: field.into(), what }
}
