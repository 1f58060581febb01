//! Hazard: a choice that is counted as another, or taken although the voting system does not know it.

use althing_governance::charter::Class;
use althing_governance::entry::{ProposalContent, ProposalOption};
use althing_governance::voting::System;
use althing_node::api::{Choice, NONE};
use althing_node::view::{ballot_choice, ballot_fields};

/// A proposal on which is voted by a system, with three options where there are any.
fn proposal(system: System) -> ProposalContent {
    let mut content = ProposalContent::question(Class::Text, "Where to meet", "", Vec::new());
    content.system = system;
    if system.has_options() {
        let option = |label: &str| ProposalOption { label: label.to_owned(), effects: Vec::new() };
        content.options = ["Lake", "Booth", "Hill"].map(option).into();
    }
    content
}

#[test]
fn every_choice_has_its_fields_and_comes_back() {
    let table: [(System, Choice, &[u16]); 17] = [
        (System::YesNoAbstain, Choice::Abstain, &[0]),
        (System::YesNoAbstain, Choice::Yes, &[1]),
        (System::YesNoAbstain, Choice::No, &[2]),
        (System::YesNoVeto, Choice::Veto, &[3]),
        (System::Optimistic, Choice::No, &[2]),
        (System::SingleChoice, Choice::Pick(2), &[1]),
        (System::SingleChoice, Choice::Pick(NONE), &[3]),
        (System::SingleChoice, Choice::Abstain, &[]),
        (System::Approval, Choice::Approve(vec![1, 3]), &[1, 0, 1, 0]),
        (System::Approval, Choice::Approve(Vec::new()), &[0, 0, 0, 0]),
        (System::Approval, Choice::Abstain, &[]),
        (System::Score { max: 5 }, Choice::Score(vec![(2, 5), (NONE, 1)]), &[0, 5, 0, 1]),
        (System::InstantRunoff, Choice::Rank(vec![2, NONE, 1]), &[1, 3, 0]),
        (System::Schulze, Choice::Rank(vec![3]), &[2]),
        (System::Split, Choice::Split(vec![(1, 6000), (3, 4000)]), &[6000, 0, 4000, 0]),
        (System::Quadratic { credits: 10 }, Choice::Credits(vec![(1, 3), (2, 1)]), &[3, 1, 0, 0]),
        (System::Quadratic { credits: 10 }, Choice::Abstain, &[]),
    ];
    for (system, choice, fields) in table {
        let content = proposal(system);
        assert_eq!(ballot_fields(&content, &choice).unwrap(), fields, "{} {choice}", system.name());
        assert_eq!(ballot_choice(&content, fields), Some(choice), "{}", system.name());
    }
}

#[test]
fn what_is_no_ballot_of_the_system_names_the_rule_and_the_value() {
    let quadratic = System::Quadratic { credits: 10 };
    let table = [
        (System::YesNoAbstain, Choice::Veto, "V-3", "veto"),
        (System::YesNoAbstain, Choice::Pick(1), "V-3", "say yes, no or abstain"),
        (System::Approval, Choice::Yes, "V-3", "approval"),
        (System::Schulze, Choice::Approve(vec![1]), "V-3", "rank options"),
        (System::SingleChoice, Choice::Pick(4), "V-4", "4"),
        (System::Approval, Choice::Approve(vec![1, 1]), "V-5", "1"),
        (System::Approval, Choice::Approve(vec![u16::MAX]), "V-4", "65535"),
        (System::InstantRunoff, Choice::Rank(vec![2, 2]), "V-5", "option 2 is named twice"),
        (System::Schulze, Choice::Rank(vec![NONE, 1, NONE]), "V-5", "option none is named twice"),
        (System::InstantRunoff, Choice::Rank(Vec::new()), "", ""),
        (System::Score { max: 5 }, Choice::Score(vec![(1, 6)]), "V-4", "option 1 gets 6; must be 0 to 5"),
        (System::Split, Choice::Split(vec![(1, 9999)]), "V-6", "9999"),
        (System::Split, Choice::Split(vec![(1, 5000), (1, 5000)]), "V-5", "1"),
        (System::Split, Choice::Split(vec![(NONE, u16::MAX)]), "V-4", "option none gets 65535"),
        (quadratic, Choice::Credits(vec![(1, 3), (2, 2)]), "V-6", "13"),
        (quadratic, Choice::Credits(vec![(1, 4)]), "V-4", "4"),
    ];
    for (system, choice, rule, value) in table {
        match ballot_fields(&proposal(system), &choice) {
            // An empty ranking is the empty list, which abstains (V-7).
            Ok(fields) => assert!(rule.is_empty() && fields.is_empty(), "{} took {choice}", system.name()),
            Err(error) => {
                assert_eq!(error.rule.as_deref(), Some(rule), "{error:?}");
                assert!(error.message.contains(value), "{error:?}");
            }
        }
    }
}
