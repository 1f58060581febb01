//! The rules of each class, by itself and beside the others.

use std::collections::BTreeSet;

use bitcoin::Amount;

use super::Problems;
use crate::charter::{ALL_BP, Body, Charter, Class, ClassRule, MAX_LIST};
use crate::voting::{MIN_OPTIONS, Quorum, System, Threshold};

/// The part of the spending cap that may pass in silence is one in so many.
const SILENT_SHARE: u64 = 10;

pub(super) fn check(charter: &Charter, p: &mut Problems) {
    p.length("classes", charter.classes.len(), 1, MAX_LIST);
    for class in Class::ALL {
        bands(charter, class, p);
    }
    for (i, rule) in charter.classes.iter().enumerate() {
        let at = |name: &str| format!("classes[{i}].{name}");
        periods(charter, rule, &at, p);
        shares(rule, &at, p);
        systems(charter, rule, &at, p);
        bodies(rule, &at, p);
        proposers(charter, rule, &at, p);
        // whoever may still change a ballot or take back a delegation must not find the vote over.
        if rule.early_decision && !rule.final_ballots {
            p.add("R-67", &at("early_decision"), "is true; must be false where final_ballots is false".into());
        }
    }
}

/// ascending bands, so that exactly one is the tightest; a class that does not pay has one rule for everything.
fn bands(charter: &Charter, class: Class, p: &mut Problems) {
    let mut last: Option<Option<u64>> = None;
    for (i, rule) in charter.classes.iter().enumerate().filter(|(_, rule)| rule.class == class) {
        let field = format!("classes[{i}].max_amount_sat");
        if let Some(sat) = rule.max_amount_sat {
            // R-68 is the case that matters most: a pause that moved an amount could pay.
            let clause = if class == Class::Pause { "R-68" } else { "R-64" };
            if !class.pays() {
                let what = format!("is {sat}; must be left out, since class {} moves no amount", class.name());
                p.add(clause, &field, what);
            }
            p.sat(&field, sat);
        }
        match (last, rule.max_amount_sat) {
            (None, _) => {}
            (Some(None), now) => {
                let is = now.map_or_else(|| "is left out".to_owned(), |sat| format!("is {sat}"));
                let what = format!(
                    "{is} behind a rule for class {} without it, which is for every amount; must stand before that rule and \
                     have an amount, or go",
                    class.name()
                );
                p.add("R-64", &field, what);
            }
            (Some(Some(before)), Some(now)) if now <= before => {
                let what = format!(
                    "is {now}; must be above {before}, which the rule for class {} before it has",
                    class.name()
                );
                p.add("R-64", &field, what);
            }
            (Some(Some(_)), _) => {}
        }
        last = Some(rule.max_amount_sat);
    }
}

fn periods(charter: &Charter, rule: &ClassRule, at: &dyn Fn(&str) -> String, p: &mut Problems) {
    p.period(&at("review_blocks"), rule.review_blocks, 0);
    p.period(&at("voting_blocks"), rule.voting_blocks, charter.least_period());
    p.period(&at("veto_blocks"), rule.veto_blocks, 0);
    p.period(&at("expiry_blocks"), rule.expiry_blocks, 1);
    // who could change the rules at once could change every rule at once.
    let least = u64::from(super::MIN_PERIOD_BLOCKS);
    if rule.class.changes_charter() && !charter.is_regtest() && u64::from(rule.veto_blocks) < least {
        let what =
            format!("is {}; must be at least {least} in class {} outside regtest", rule.veto_blocks, rule.class.name());
        p.add("R-62", &at("veto_blocks"), what);
    }
}

///
fn shares(rule: &ClassRule, at: &dyn Fn(&str) -> String, p: &mut Problems) {
    let (half, all) = (u64::from(ALL_BP / 2), u64::from(ALL_BP));
    if let Threshold::PercentBp(bp) = rule.threshold {
        p.within("R-63", &at("threshold.percent_bp"), bp, half + 1, all);
    }
    let (name, bp) = match rule.quorum {
        Quorum::ParticipationBp(bp) => ("quorum.participation_bp", bp),
        Quorum::YesOfTotalBp(bp) => ("quorum.yes_of_total_bp", bp),
    };
    p.within("R-63", &at(name), bp, 1, all);
    p.within("R-63", &at("veto_bp"), rule.veto_bp, 1, half);
    p.within("R-63", &at("oppose_bp"), rule.oppose_bp, 1, half);
}

fn systems(charter: &Charter, rule: &ClassRule, at: &dyn Fn(&str) -> String, p: &mut Problems) {
    let field = at("systems");
    if rule.systems.is_empty() {
        p.add("R-65", &field, "has length 0; must name at least one voting system".into());
    }
    let mut seen = BTreeSet::new();
    for system in &rule.systems {
        let name = system.name();
        //
        if !seen.insert(system.number()) {
            p.add("R-65", &field, format!("has {name} twice; must name each once"));
        }
        if let Err(fault) = system.check(if system.has_options() { MIN_OPTIONS } else { 0 }) {
            p.add("R-65", &field, fault.to_string());
        }
        // what passes in silence must be small; and these classes ask one question.
        if *system == System::Optimistic
            && let Some(why) = too_much_for_silence(charter, rule)
        {
            p.add("R-66", &field, why);
        }
        if system.has_options() && asks_one_question(rule.class) {
            p.add("R-66", &field, format!("has {name}; class {} asks one question, so its systems must be without options: yes_no_abstain, yes_no_veto", rule.class.name()));
        }
    }
}

/// why a rule must not let things pass that nobody voted on. What is small is measured by what may leave the treasury
/// at all.
fn too_much_for_silence(charter: &Charter, rule: &ClassRule) -> Option<String> {
    if rule.class == Class::Text {
        return None;
    }
    let Some(limit) = rule.max_amount_sat else {
        return Some(format!(
            "has optimistic; must be without it in class {} where max_amount_sat limits nothing",
            rule.class.name()
        ));
    };
    let Some(cap) = charter.guards.spending_cap else {
        return Some(
            "has optimistic in a class that pays; must be without it where guards.spending_cap limits nothing"
                .to_owned(),
        );
    };
    let most = cap.max_sat / SILENT_SHARE;
    if limit > most {
        return Some(format!(
            "has optimistic up to max_amount_sat {limit}; must be at most {most}, a tenth of guards.spending_cap.max_sat"
        ));
    }
    (charter.guards.active_stake_min_sat == 0)
        .then(|| "has optimistic in a class that pays; guards.active_stake_min_sat is 0, must be at least 1".to_owned())
}

///
fn bodies(rule: &ClassRule, at: &dyn Fn(&str) -> String, p: &mut Problems) {
    let distinct: BTreeSet<Body> = rule.bodies.iter().copied().collect();
    if distinct.len() != rule.bodies.len() {
        p.add("R-76", &at("bodies"), format!("is {}; must name each body once", names(&rule.bodies)));
    }
    // Treasurers and founders may stop things among themselves, and nothing else.
    if rule.bodies.is_empty() || (rule.class != Class::Pause && !distinct.contains(&Body::Members)) {
        let what = match rule.class {
            Class::Pause => "has length 0; must name members, treasurers or founders".to_owned(),
            class => format!("is {}; must have members in class {}", names(&rule.bodies), class.name()),
        };
        p.add("R-76", &at("bodies"), what);
    }
    // Their totals are the proposal's own in the trees (G-63), so that what proves a member's ballot is the same everywhere.
    if rule.bodies.iter().skip(1).any(|body| *body == Body::Members) {
        p.add("R-76", &at("bodies"), format!("is {}; must have members first", names(&rule.bodies)));
    }
    // Bodies beside the members answer one question, one key one vote.
    if rule.bodies.iter().any(|body| *body != Body::Members) && rule.systems.iter().any(|system| system.has_options()) {
        let what = format!("is {}; must be members alone where systems have options", names(&rule.bodies));
        p.add("R-76", &at("bodies"), what);
    }
}

/// Bodies as a charter names them.
fn names(bodies: &[Body]) -> String {
    format!("[{}]", bodies.iter().map(|body| body.name()).collect::<Vec<_>>().join(", "))
}

/// a weight that no stake can have would close a class for ever, that of rule changes with it.
fn proposers(charter: &Charter, rule: &ClassRule, at: &dyn Fn(&str) -> String, p: &mut Problems) {
    // The largest integer of a TOML document.
    let most = charter.greatest_weight(Amount::MAX_MONEY.to_sat()).min(u128::from(i64::MAX.cast_unsigned()));
    let asked = rule.min_proposer_weight;
    if u128::from(asked) > most {
        let what = format!("is {asked}; must be at most {most}, the most that anybody can weigh here");
        p.add("R-79", &at("min_proposer_weight"), what);
    }
}

/// Classes whose effect is one named thing, so that options make no sense.
const fn asks_one_question(class: Class) -> bool {
    matches!(
        class,
        Class::RuleChange
            | Class::Admit
            | Class::Expel
            | Class::ReplaceKeys
            | Class::Confiscate
            | Class::Pause
            | Class::Request
    )
}
