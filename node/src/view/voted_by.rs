//! How the charter lets proposals be voted on, for the forms in which they are written (N-200).

use althing_governance::charter::ClassRule;

use crate::api::VotedBy;

/// The ways to vote of all rules, by class.
pub(super) fn voted_by(rules: &[ClassRule]) -> Vec<VotedBy> {
    let mut found: Vec<VotedBy> = Vec::new();
    for rule in rules {
        let at = found.iter().position(|known| known.class == rule.class).unwrap_or_else(|| {
            found.push(VotedBy { class: rule.class, systems: Vec::new() });
            found.len() - 1
        });
        for system in &rule.systems {
            if !found[at].systems.contains(system) {
                found[at].systems.push(*system);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use althing_governance::charter::Class;
    use althing_governance::voting::System;

    use super::*;

    /// Two rules of one class by amount, and one of another.
    #[test]
    fn a_class_is_voted_on_as_any_of_its_rules_says() {
        let rule = |class, systems: &[System]| ClassRule { systems: systems.to_vec(), ..ClassRule::new(class) };
        let score = System::Score { max: 7 };
        let rules = [
            rule(Class::Spend, &[System::YesNoAbstain, score]),
            rule(Class::Text, &[System::Split]),
            rule(Class::Spend, &[System::YesNoAbstain, System::Optimistic]),
        ];
        assert_eq!(
            voted_by(&rules),
            [
                VotedBy { class: Class::Spend, systems: vec![System::YesNoAbstain, score, System::Optimistic] },
                VotedBy { class: Class::Text, systems: vec![System::Split] },
            ]
        );
    }
}
