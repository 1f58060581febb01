//! Sums and ballots in words.

use althing_governance::entry::Choice;
use althing_governance::epoch::Totals;
use althing_governance::voting::Measure;

/// Sums in words: of a question by their names, of a choice by option from 1.
pub(super) fn sums_words(totals: &Totals) -> String {
    if let Some(sums) = totals.question() {
        // V-24: no holds the vetoes, of which a rule asks by themselves.
        let veto = totals.count().and_then(|count| count.vetoes());
        let veto = veto.map_or_else(String::new, |veto| format!(" (of it veto {veto})"));
        return format!("yes {}, no {}{veto}, abstain {}{}", sums.yes, sums.no, sums.abstain, aside(totals));
    }
    // V-11: cast, abstain, standing, ballots and weight follow.
    let parts = totals.sums.len().saturating_sub(5);
    let parts: Vec<String> = totals.sums[..parts].iter().map(u128::to_string).collect();
    // V-33; a Schulze vote's sums are the matrix that its pairs are won by.
    let what = match totals.system.measure() {
        Measure::PairsWon => "preferences by pairs",
        measure => measure.name(),
    };
    format!("{what} {}, abstain {}{}", parts.join(" "), totals.abstained(), aside(totals))
}

/// What stands aside (L-18), where something does.
fn aside(totals: &Totals) -> String {
    match totals.standing() {
        0 => String::new(),
        weight => format!(", {weight} stands aside"),
    }
}

pub(super) fn ballot_words(totals: &Totals, fields: &[u16]) -> String {
    match (totals.system.has_options(), Choice::from_fields(fields)) {
        (false, Some(Choice::Yes)) => "yes".to_owned(),
        (false, Some(Choice::No)) => "no".to_owned(),
        (false, Some(Choice::Abstain)) => "abstain".to_owned(),
        (false, Some(Choice::Veto)) => "no with veto".to_owned(),
        _ => format!("{} {fields:?}", totals.system.name()),
    }
}

#[cfg(test)]
mod tests {
    use althing_governance::voting::System;

    use super::*;

    /// V-11: each sum by its own name, whatever follows the parts; who stands aside is told where somebody does.
    #[test]
    fn each_sum_is_told_by_its_name() {
        let cast = |system: System| [vec![500, 0, 700], vec![1200; usize::from(system.has_options())]].concat();
        let table = [
            (System::YesNoVeto, 0, "yes 500, no 700 (of it veto 700), abstain 40"),
            (System::SingleChoice, 2, "weight 500 0 700, abstain 40"),
            (System::Score { max: 3 }, 2, "points 500 0 700, abstain 40"),
        ];
        for (system, options, told) in table {
            for (standing, aside) in [(0, ""), (60, ", 60 stands aside")] {
                let sums = [cast(system), vec![40, standing, 3, 2000]].concat();
                let totals = Totals { system, options, sums };
                assert_eq!(sums_words(&totals), format!("{told}{aside}"));
            }
        }
    }
}
