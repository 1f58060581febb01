//! Instant run-off: rounds in which the weakest option drops out and its ballots move on (V-28).

use super::count::Rankings;
use super::outcome::Undecided;
use super::tie::TieBreak;

/// The option that more than half of the weight still in the race prefers, after as many rounds as it takes; `None` when
/// no ballot ranks anything.
///
/// # Errors
/// [`Undecided`] when the weakest are level and `tie` is not known.
pub(super) fn winner(rankings: &Rankings, options: u16, tie: Option<TieBreak>) -> Result<Option<u16>, Undecided> {
    let mut standing: Vec<u16> = (0..=options).collect();
    loop {
        let weights = first_preferences(rankings, options, &standing);
        let of = |option: &u16| weights[usize::from(*option)];
        // Options that nobody ranks first move no ballot when they go, so that their order does not matter.
        standing.retain(|option| of(option) > 0);
        let continuing: u128 = standing.iter().map(of).sum(); // fits: part of the weight that voted
        if let Some(winner) = standing.iter().find(|option| of(option) > continuing - of(option)) {
            return Ok(Some(*winner));
        }
        let Some(fewest) = standing.iter().map(of).min() else { return Ok(None) };
        let weakest: Vec<u16> = standing.iter().copied().filter(|option| of(option) == fewest).collect();
        let out = match (weakest.as_slice(), tie) {
            ([one], _) => *one,
            (several, Some(tie)) => tie.last(several).expect("some option is the weakest"),
            (_, None) => return Err(Undecided { tied: weakest }),
        };
        standing.retain(|option| *option != out);
    }
}

/// Weight of the ballots that rank `better` above `worse`; what is not listed is below all that is.
pub(super) fn preferring(rankings: &Rankings, better: u16, worse: u16) -> u128 {
    let prefers = |ranking: &[u16]| ranking.iter().find(|option| [better, worse].contains(option)) == Some(&better);
    rankings.iter().filter(|(ranking, _)| prefers(ranking)).map(|(_, weight)| *weight).sum()
}

/// Weight of each option among ballots that rank it above all others `standing`. A ballot that ranks none of them is
/// exhausted and counts for nothing any more.
fn first_preferences(rankings: &Rankings, options: u16, standing: &[u16]) -> Vec<u128> {
    let mut weights = vec![0; usize::from(options) + 1];
    for (ranking, weight) in rankings {
        if let Some(first) = ranking.iter().find(|option| standing.contains(option)) {
            weights[usize::from(*first)] += *weight; // fits: part of the weight that voted
        }
    }
    weights
}
