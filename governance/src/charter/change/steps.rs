//! How far one rule change may go.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{self, Field, Kind};
use super::problem;
use crate::charter::{ALL_BP, Charter, Class, ClassRule, Problem};
use crate::voting::{Quorum, Threshold};

/// Every step that is too long.
pub(super) fn check(old: &Charter, new: &Charter) -> Vec<Problem> {
    let steps = Steps::of(old);
    let not_of_rules = |field: &Field| !field.path.starts_with("classes.");
    let before = fields::of(old).into_iter().filter(not_of_rules);
    let after = fields::of(new).into_iter().filter(not_of_rules);
    let mut problems = steps.compare(before, after);
    // the one guard that an absent value lifts.
    if old.guards.spending_cap.is_some() && new.guards.spending_cap.is_none() {
        problems.push(problem(
            "R-107",
            "guards.spending_cap",
            "cannot be taken away, only changed step by step".into(),
        ));
    }
    if old.rule_for(Class::RuleChange, 0).is_some() && new.rule_for(Class::RuleChange, 0).is_none() {
        problems.push(problem(
            "R-108",
            "classes",
            "lose the rule of class rule_change; nothing could change again".into(),
        ));
    }
    for class in Class::ALL {
        for problem in steps.compare_class(class, old, new) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    problems
}

/// The longest steps that the charter in force allows.
struct Steps {
    /// For numbers, in parts of 10,000.
    number_bp: u32,
    /// For shares of the votes, in parts of 10,000.
    share_bp: u32,
}

impl Steps {
    fn of(charter: &Charter) -> Self {
        Self { number_bp: charter.guards.step_limit_factor_bp, share_bp: charter.guards.threshold_step_factor_bp }
    }

    /// Fields that are in both lists.
    fn compare(&self, before: impl IntoIterator<Item = Field>, after: impl IntoIterator<Item = Field>) -> Vec<Problem> {
        let before: BTreeMap<String, Kind> = before.into_iter().map(|field| (field.path, field.kind)).collect();
        after
            .into_iter()
            .filter_map(|field| {
                let (rule, factor_bp, old, new, base) = match (before.get(&field.path)?, field.kind) {
                    (Kind::Number { value: old, .. }, Kind::Number { value: new, base }) => {
                        ("R-103", self.number_bp, *old, new, base)
                    }
                    (Kind::Share { value: old, .. }, Kind::Share { value: new, base }) => {
                        ("R-104", self.share_bp, *old, new, base)
                    }
                    _ => return None,
                };
                let (least, most) = reach(old, base, factor_bp);
                let what = || format!("goes from {old} to {new}; one change reaches {least} to {most}");
                (!(least..=most).contains(&new)).then(|| problem(rule, &field.path, what()))
            })
            .collect()
    }

    /// for every amount, the new rule is within reach of a rule that held for about that amount. Rules are compared by
    /// what they apply to and not by their place in the list, so that no new band slips between two old ones.
    fn compare_class(&self, class: Class, old: &Charter, new: &Charter) -> Vec<Problem> {
        let mut problems = Vec::new();
        for amount in self.amounts(class, old, new) {
            let Some((index, rule)) = new.rule_for(class, amount) else { continue };
            let near = [amount, self.scaled_down(amount), self.scaled_up(amount)];
            let candidates: Vec<Vec<Problem>> = near
                .into_iter()
                .filter_map(|near| old.rule_for(class, near))
                .map(|(_, before)| self.compare_rules(before, rule, index, new))
                .collect();
            if candidates.is_empty() {
                problems.extend(unprecedented(old, rule, index));
            } else if candidates.iter().all(|found| !found.is_empty()) {
                problems.extend(candidates.into_iter().next().unwrap_or_default());
            }
        }
        problems
    }

    fn compare_rules(&self, before: &ClassRule, after: &ClassRule, index: u32, new: &Charter) -> Vec<Problem> {
        let prefix = format!("classes[{index}].");
        self.compare(fields::of_rule(before, new, &prefix), fields::of_rule(after, new, &prefix))
    }

    /// Amounts of which each stands for all between it and the next: around every limit of a band, scaled both ways.
    fn amounts(&self, class: Class, old: &Charter, new: &Charter) -> BTreeSet<u64> {
        let mut amounts = BTreeSet::from([0]);
        let rules = old.classes.iter().chain(&new.classes).filter(|rule| rule.class == class);
        for limit in rules.filter_map(|rule| rule.max_amount_sat) {
            for near in [limit, self.scaled_down(limit), self.scaled_up(limit)] {
                amounts.extend([near.saturating_sub(1), near, near.saturating_add(1), near.saturating_add(2)]);
            }
        }
        amounts
    }

    fn scaled_up(&self, amount: u64) -> u64 {
        let scaled = u128::from(amount) * u128::from(self.number_bp) / u128::from(ALL_BP);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    fn scaled_down(&self, amount: u64) -> u64 {
        let scaled = u128::from(amount) * u128::from(ALL_BP) / u128::from(self.number_bp.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// Least and greatest value that one change reaches: by the factor, and always by one.
fn reach(old: u64, base: u64, factor_bp: u32) -> (u64, u64) {
    let (one, factor) = (u128::from(ALL_BP), u128::from(factor_bp.max(1)));
    let least = (u128::from(old) * one / factor).min(u128::from(old.saturating_sub(1)));
    let start = if old == 0 { base } else { old };
    let most = (u128::from(start) * factor / one).max(u128::from(old) + 1);
    (u64::try_from(least).unwrap_or(u64::MAX), u64::try_from(most).unwrap_or(u64::MAX))
}

/// what could not be proposed before must be as hard as the change that makes it possible; only resolutions need not.
fn unprecedented(old: &Charter, rule: &ClassRule, index: u32) -> Vec<Problem> {
    let Some((_, model)) = old.rule_for(Class::RuleChange, 0) else { return Vec::new() };
    if rule.class == Class::Text {
        return Vec::new();
    }
    let pairs = [
        ("threshold", u64::from(threshold_bp(rule)), u64::from(threshold_bp(model))),
        ("quorum", u64::from(quorum_bp(rule)), u64::from(quorum_bp(model))),
        ("voting_blocks", u64::from(rule.voting_blocks), u64::from(model.voting_blocks)),
        ("veto_blocks", u64::from(rule.veto_blocks), u64::from(model.veto_blocks)),
        ("distinct_voters_min", u64::from(rule.distinct_voters_min), u64::from(model.distinct_voters_min)),
    ];
    pairs
        .into_iter()
        .filter(|(_, value, least)| value < least)
        .map(|(name, value, least)| {
            let class = rule.class.name();
            let what =
                format!("is {value} for a class {class} that is new; must be at least {least} as of rule_change");
            problem("R-106", &format!("classes[{index}].{name}"), what)
        })
        .collect()
}

/// Yes among yes and no, in basis points; a majority counts as one more than half.
fn threshold_bp(rule: &ClassRule) -> u16 {
    match rule.threshold {
        Threshold::Majority => ALL_BP / 2 + 1,
        Threshold::PercentBp(bp) => bp,
    }
}

fn quorum_bp(rule: &ClassRule) -> u16 {
    let (Quorum::ParticipationBp(bp) | Quorum::YesOfTotalBp(bp)) = rule.quorum;
    bp
}
