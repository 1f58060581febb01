//! Rules as tables of a document, with a comment above those that need one.

use std::fmt::Write as _;

use serde::Serialize;

use super::TemplateArguments;
use crate::charter::{Class, ClassRule, Quorum, Threshold};
use crate::voting::System;

/// A rule by which something is voted on for the template's period, and has no veto window.
pub(super) fn rule(a: &TemplateArguments, class: Class, threshold: Threshold, quorum: Quorum) -> ClassRule {
    ClassRule { voting_blocks: a.voting_blocks, threshold, quorum, ..ClassRule::new(class) }
}

/// One table per rule, in order; each with what stands above it, which may be empty.
pub(super) fn tables(rules: impl IntoIterator<Item = (&'static str, ClassRule)>) -> String {
    let mut out = String::new();
    for (about, rule) in rules {
        out.push('\n');
        for line in about.lines() {
            line_of(&mut out, format_args!("# {line}"));
        }
        table(&mut out, &rule);
    }
    out
}

/// Every field that does not have its default, and those that a reader looks for first.
fn table(out: &mut String, rule: &ClassRule) {
    let usual = ClassRule::new(rule.class);
    line_of(out, format_args!("[[classes]]"));
    field(out, "class", true, &rule.class);
    field(out, "max_amount_sat", rule.max_amount_sat.is_some(), &rule.max_amount_sat.unwrap_or_default());
    field(out, "review_blocks", rule.review_blocks != usual.review_blocks, &rule.review_blocks);
    field(out, "voting_blocks", true, &rule.voting_blocks);
    // Where an effect may be worth stopping, also that there is no time for it.
    let is_weighty = !matches!(rule.class, Class::Text | Class::Admit | Class::Pause);
    field(out, "veto_blocks", is_weighty || rule.veto_blocks > 0, &rule.veto_blocks);
    field(out, "expiry_blocks", true, &rule.expiry_blocks);
    field(out, "threshold", true, &rule.threshold);
    field(out, "quorum", true, &rule.quorum);
    field(out, "distinct_voters_min", rule.distinct_voters_min != usual.distinct_voters_min, &rule.distinct_voters_min);
    field(out, "systems", rule.systems != usual.systems, &rule.systems);
    field(out, "veto_bp", rule.veto_bp != usual.veto_bp, &rule.veto_bp);
    let is_opposed = rule.allows(System::Optimistic) || rule.oppose_bp != usual.oppose_bp;
    field(out, "oppose_bp", is_opposed, &rule.oppose_bp);
    field(out, "final_ballots", rule.final_ballots, &rule.final_ballots);
    field(out, "early_decision", rule.early_decision, &rule.early_decision);
    field(out, "late_surge", rule.late_surge, &rule.late_surge);
    field(out, "deposit_sat", rule.deposit_sat != usual.deposit_sat, &rule.deposit_sat);
    field(out, "min_support_bp", rule.min_support_bp != usual.min_support_bp, &rule.min_support_bp);
    field(out, "min_proposer_weight", rule.min_proposer_weight > 0, &rule.min_proposer_weight);
    field(out, "bodies", rule.bodies != usual.bodies, &rule.bodies);
}

fn field(out: &mut String, name: &str, is_shown: bool, value: &impl Serialize) {
    if is_shown {
        // Cannot fail for the fields of a rule: amounts fit TOML's 63 bits, as R-57 has it.
        let value = toml::Value::try_from(value).map_or_else(|_| String::new(), |value| value.to_string());
        line_of(out, format_args!("{name} = {value}"));
    }
}

fn line_of(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("a String takes all text");
}
