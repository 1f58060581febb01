//! Hazard: a ballot that says what its system does not know. Every limit at its edge, and what the error says.

use althing_governance::Canonical;
use althing_governance::voting::{BallotFault, CostLimit, Outcome, Quorum, System, Threshold};
use proptest::prelude::*;

use BallotFault::{FieldCount, NotExact, OutOfRange, OverBudget, Repeated};

/// Ballots of a system with two options, good and bad.
#[test]
fn edges() {
    let score = System::Score { max: 9 };
    let quadratic = System::Quadratic { credits: 10 };
    let count = |found, min, max| Err(FieldCount { found, min, max });
    let range = |index, found, min, max| Err(OutOfRange { index, found, min, max });
    let table: [(System, &[u16], Result<(), BallotFault>); 49] = [
        (System::YesNoAbstain, &[0], Ok(())),
        (System::YesNoAbstain, &[1], Ok(())),
        (System::YesNoAbstain, &[2], Ok(())),
        (System::YesNoAbstain, &[3], range(0, 3, 0, 2)),
        (System::YesNoAbstain, &[], count(0, 1, 1)),
        (System::YesNoAbstain, &[1, 1], count(2, 1, 1)),
        (System::YesNoVeto, &[3], Ok(())),
        (System::YesNoVeto, &[4], range(0, 4, 0, 3)),
        (System::YesNoVeto, &[], count(0, 1, 1)),
        (System::Optimistic, &[2], Ok(())),
        (System::Optimistic, &[3], range(0, 3, 0, 2)),
        (System::Optimistic, &[], count(0, 1, 1)),
        (System::SingleChoice, &[], Ok(())),
        (System::SingleChoice, &[0], Ok(())),
        (System::SingleChoice, &[2], Ok(())), // none of these
        (System::SingleChoice, &[3], range(0, 3, 0, 2)),
        (System::SingleChoice, &[0, 1], count(2, 1, 1)),
        (System::Approval, &[], Ok(())),
        (System::Approval, &[0, 0, 0], Ok(())),
        (System::Approval, &[1, 1, 1], Ok(())),
        (System::Approval, &[1, 1], count(2, 3, 3)),
        (System::Approval, &[1, 1, 1, 1], count(4, 3, 3)),
        (System::Approval, &[0, 2, 0], range(1, 2, 0, 1)),
        (score, &[], Ok(())),
        (score, &[9, 0, 9], Ok(())),
        (score, &[9, 9], count(2, 3, 3)),
        (score, &[0, 0, 10], range(2, 10, 0, 9)),
        (System::InstantRunoff, &[], Ok(())),
        (System::InstantRunoff, &[2], Ok(())),
        (System::InstantRunoff, &[2, 0, 1], Ok(())),
        (System::InstantRunoff, &[0, 3], range(1, 3, 0, 2)),
        (System::InstantRunoff, &[0, 1, 0], Err(Repeated { option: 0, first: 0, second: 2 })),
        (System::InstantRunoff, &[0, 1, 2, 0], count(4, 1, 3)),
        (System::Schulze, &[], Ok(())),
        (System::Schulze, &[1, 2], Ok(())),
        (System::Schulze, &[1, 1], Err(Repeated { option: 1, first: 0, second: 1 })),
        (System::Schulze, &[3], range(0, 3, 0, 2)),
        (System::Schulze, &[0, 1, 2, 2], count(4, 1, 3)),
        (System::Split, &[], Ok(())),
        (System::Split, &[10_000, 0, 0], Ok(())),
        (System::Split, &[3333, 3333, 3334], Ok(())),
        (System::Split, &[3333, 3333, 3333], Err(NotExact { found: 9999, wanted: 10_000 })),
        (System::Split, &[3333, 3334, 3334], Err(NotExact { found: 10_001, wanted: 10_000 })),
        (System::Split, &[10_001, 0, 0], range(0, 10_001, 0, 10_000)),
        (System::Split, &[5000, 5000], count(2, 3, 3)),
        (quadratic, &[3, 1, 0], Ok(())), // 9 + 1 + 0
        (quadratic, &[3, 1, 1], Err(OverBudget { found: 11, max: 10 })),
        (quadratic, &[4, 0, 0], range(0, 4, 0, 3)),
        (quadratic, &[0, 0], count(2, 3, 3)),
    ];
    for (system, fields, expected) in table {
        let options = if system.has_options() { 2 } else { 0 };
        assert_eq!(system.validate(options, fields), expected, "{} {fields:?}", system.name());
    }
}

#[test]
fn the_largest_of_everything() {
    let most = System::Quadratic { credits: u32::MAX };
    let mut fields = vec![0; 63];
    fields[62] = u16::MAX;
    assert_eq!(most.validate(62, &fields), Ok(()));
    fields[0] = u16::MAX;
    assert_eq!(most.validate(62, &fields), Err(OverBudget { found: 8_589_672_450, max: 4_294_967_295 }));
    assert_eq!(System::Score { max: u16::MAX }.validate(62, &[u16::MAX; 63]), Ok(()));
    let everybody: Vec<u16> = (0..=62).rev().collect();
    assert_eq!(System::InstantRunoff.validate(62, &everybody), Ok(()));
}

#[test]
fn errors_name_clause_and_value() {
    let said = |system: System, options, fields: &[u16]| system.validate(options, fields).unwrap_err().to_string();
    assert_eq!(said(System::Approval, 2, &[1]), "V-3: a ballot here has 3 to 3 fields, not 1");
    assert_eq!(said(System::SingleChoice, 2, &[7]), "V-4: field 0 is 7; must be 0 to 2");
    assert_eq!(said(System::Schulze, 3, &[1, 0, 1]), "V-5: option 1 comes twice, in fields 0 and 2");
    assert_eq!(said(System::Split, 2, &[1, 0, 1]), "V-6: the fields add up to 2; must be exactly 10000");
    assert_eq!(said(System::Quadratic { credits: 8 }, 2, &[2, 2, 1]), "V-6: the fields cost 9; the budget is 8");
}

#[test]
fn schemas_as_numbers() {
    let of = |system: System, options| {
        let s = system.schema(options);
        (s.fields_min, s.fields_max, s.min, s.max, s.unique, s.cost, s.cost_exponent, s.empty_abstains)
    };
    assert_eq!(of(System::YesNoAbstain, 0), (1, 1, 0, 2, false, CostLimit::Free, 1, false));
    assert_eq!(of(System::Schulze, 15), (1, 16, 0, 15, true, CostLimit::Free, 1, true));
    assert_eq!(of(System::Split, 3), (4, 4, 0, 10_000, false, CostLimit::Exactly(10_000), 1, true));
    assert_eq!(of(System::Quadratic { credits: 99 }, 2), (3, 3, 0, 9, false, CostLimit::AtMost(99), 2, true));
}

#[test]
fn byte_forms() {
    let systems: [(System, &[u8]); 10] = [
        (System::YesNoAbstain, &[0]),
        (System::YesNoVeto, &[1]),
        (System::SingleChoice, &[2]),
        (System::Approval, &[3]),
        (System::Score { max: 258 }, &[4, 1, 2]),
        (System::InstantRunoff, &[5]),
        (System::Schulze, &[6]),
        (System::Split, &[7]),
        (System::Quadratic { credits: 258 }, &[8, 0, 0, 1, 2]),
        (System::Optimistic, &[9]),
    ];
    for (system, bytes) in systems {
        assert_eq!(system.to_bytes(), bytes);
        assert_eq!(System::from_bytes(bytes), Ok(system));
    }
    for (bad, said) in [
        (&[10][..], "E-5/E-6/E-8: voting system has no variant 10"),
        (&[4, 0, 0], "V-1: voting system: score with max 0 lets no ballot say anything; must be at least 1"),
        (
            &[8, 0, 0, 0, 0],
            "V-1: voting system: quadratic with credits 0 lets no ballot say anything; must be at least 1",
        ),
    ] {
        assert_eq!(System::from_bytes(bad).unwrap_err().to_string(), said);
    }
    let outcomes: [(Outcome, &[u8], &str); 6] = [
        (Outcome::Passed { option: None }, &[1, 0], "passed"),
        (Outcome::Passed { option: Some(258) }, &[1, 1, 1, 2], "passed"),
        (Outcome::Rejected, &[2], "rejected"),
        (Outcome::NoQuorum, &[3], "no_quorum"),
        (Outcome::Tied, &[4], "tied"),
        (Outcome::Vetoed, &[5], "vetoed"),
    ];
    for (outcome, bytes, name) in outcomes {
        assert_eq!(outcome.to_bytes(), bytes);
        assert_eq!(Outcome::from_bytes(bytes), Ok(outcome));
        assert_eq!((outcome.name(), outcome.has_passed()), (name, name == "passed"));
    }
    assert_eq!(Threshold::PercentBp(258).to_bytes(), [1, 1, 2]);
    assert_eq!(Quorum::ParticipationBp(258).to_bytes(), [0, 1, 2]);
    assert_eq!(Quorum::YesOfTotalBp(258).to_bytes(), [1, 1, 2]);
}

proptest! {
    #[test]
    fn bytes_from_a_stranger(bytes in proptest::collection::vec(0u8..12, 0..7)) {
        fn one_form<T: Canonical>(bytes: &[u8]) -> bool {
            T::from_bytes(bytes).is_ok_and(|value| value.to_bytes() != bytes)
        }
        prop_assert!(!one_form::<System>(&bytes) && !one_form::<Outcome>(&bytes));
        prop_assert!(!one_form::<Threshold>(&bytes) && !one_form::<Quorum>(&bytes));
    }

    #[test]
    fn fields_from_a_stranger(number in 0u8..10, parameter in 1u16.., options in 0u16..=62, fields in proptest::collection::vec(any::<u16>(), 0..70)) {
        let bytes = match number {
            4 => [&[4][..], &parameter.to_be_bytes()].concat(),
            8 => [&[8, 0, 0][..], &parameter.to_be_bytes()].concat(),
            _ => vec![number],
        };
        let system = System::from_bytes(&bytes).unwrap();
        if let Ok(mut count) = althing_governance::voting::Count::new(system, options) {
            prop_assert_eq!(count.add(&fields, 1).is_ok(), system.validate(options, &fields).is_ok());
        }
    }
}
