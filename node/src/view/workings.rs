//! How a choice stands, in the words of the API (V-33).

use althing_governance::voting::{Count, Duels, TieBreak};

use super::choice::number;
use crate::api::{ChoiceTally, OptionWeight, RunOffRound};

/// What led to the outcome of a choice; `None` for a question.
pub(super) fn workings(count: &Count, tie: Option<TieBreak>) -> Option<ChoiceTally> {
    if !count.system().has_options() {
        return None;
    }
    let all = 0..=count.options();
    let numbered = |option: &u16| number(*option, count.options());
    let weighed =
        |(option, weight): &(u16, u128)| OptionWeight { option: numbered(option), weight: weight.to_string() };
    let means = all.clone().filter_map(|option| count.mean_hundredths(option));
    let rounds = count.run_off(tie).map_or_else(Vec::new, |run_off| run_off.rounds);
    let matrix = |of: fn(&Duels, u16, u16) -> u128| -> Vec<Vec<String>> {
        let Some(duels) = count.duels() else { return Vec::new() };
        let row = |row: u16| all.clone().map(|column| of(&duels, row, column).to_string()).collect();
        all.clone().map(row).collect()
    };
    Some(ChoiceTally {
        measure: count.system().measure(),
        cast: count.cast().to_string(),
        ahead: count.ahead(tie).iter().map(numbered).collect(),
        means: means.map(|mean| format!("{}.{:02}", mean / 100, mean % 100)).collect(),
        // Without a vote there is nothing to run off.
        rounds: if count.cast() == 0 { Vec::new() } else { rounds }
            .iter()
            .map(|round| RunOffRound {
                standing: round.standing.iter().map(weighed).collect(),
                exhausted: round.exhausted.to_string(),
                fallen: round.fallen.iter().map(numbered).collect(),
                transfers: round.transfers.iter().map(weighed).collect(),
            })
            .collect(),
        pairs: matrix(Duels::preferring),
        strengths: matrix(Duels::strength),
    })
}
