//! Instant run-off: rounds in which the weakest option drops out and its ballots move on (V-28).

use super::count::Rankings;
use super::outcome::Undecided;
use super::tie::TieBreak;

/// An instant run-off from its first round to its end (V-28). It is what decides, and not a picture of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOff {
    /// The rounds; at least one.
    pub rounds: Vec<Round>,
    /// How the last one ended.
    pub end: RunOffEnd,
}

/// One round of an instant run-off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Options that still stand, ascending, each with the weight that counts for it in this round.
    pub standing: Vec<(u16, u128)>,
    /// Weight of the ballots that rank none of them.
    pub exhausted: u128,
    /// Options that fall behind this round, ascending; none behind the last.
    pub fallen: Vec<u16>,
    /// Who gets the weight of the fallen in the next round; the rest of it is exhausted there.
    pub transfers: Vec<(u16, u128)>,
}

/// How an instant run-off ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOffEnd {
    /// More than half of the weight that still counted was for this option.
    Elected(u16),
    /// No ballot ranks anything.
    Nobody,
    /// These are level with the least weight, and the block that says which of them falls is not known (V-31).
    Level(Vec<u16>),
}

impl RunOff {
    /// Runs it over all options, "none of these" included.
    pub(super) fn of(rankings: &Rankings, options: u16, tie: Option<TieBreak>) -> Self {
        let cast: u128 = rankings.values().sum(); // fits: the weight that voted does
        let mut standing: Vec<u16> = (0..=options).collect();
        let mut rounds: Vec<Round> = Vec::new();
        loop {
            let weights = first_preferences(rankings, options, &standing);
            let round = Round::of(&standing, &weights, cast);
            if let Some(before) = rounds.last_mut() {
                before.transfers = before.gains(&round);
            }
            let continuing = cast - round.exhausted;
            let of = |option: &u16| weights[usize::from(*option)];
            rounds.push(round);
            if let Some(winner) = standing.iter().find(|option| of(option) > continuing - of(option)) {
                return Self { rounds, end: RunOffEnd::Elected(*winner) };
            }
            // Options that nobody ranks first move no ballot when they go, so that their order does not matter.
            let all = standing.clone();
            standing.retain(|option| of(option) > 0);
            let Some(fewest) = standing.iter().map(of).min() else {
                return Self { rounds, end: RunOffEnd::Nobody };
            };
            let weakest: Vec<u16> = standing.iter().copied().filter(|option| of(option) == fewest).collect();
            let out = match (weakest.as_slice(), tie) {
                ([one], _) => *one,
                (several, Some(tie)) => tie.last(several).expect("some option is the weakest"),
                (_, None) => return Self { rounds, end: RunOffEnd::Level(weakest) },
            };
            standing.retain(|option| *option != out);
            if let Some(round) = rounds.last_mut() {
                round.fallen = all.into_iter().filter(|option| !standing.contains(option)).collect();
            }
        }
    }

    /// The option that is elected; `None` when no ballot ranks anything.
    ///
    /// # Errors
    /// [`Undecided`] when the weakest are level and no block says which of them falls.
    pub(super) fn winner(self) -> Result<Option<u16>, Undecided> {
        match self.end {
            RunOffEnd::Elected(winner) => Ok(Some(winner)),
            RunOffEnd::Nobody => Ok(None),
            RunOffEnd::Level(tied) => Err(Undecided { tied }),
        }
    }
}

impl Round {
    fn of(standing: &[u16], weights: &[u128], cast: u128) -> Self {
        let standing: Vec<(u16, u128)> =
            standing.iter().map(|option| (*option, weights[usize::from(*option)])).collect();
        let continuing: u128 = standing.iter().map(|(_, weight)| *weight).sum(); // fits: part of the weight that voted
        Self { standing, exhausted: cast - continuing, fallen: Vec::new(), transfers: Vec::new() }
    }

    /// What each option has more in the round behind this one. One option with weight falls, so all of it is that option's.
    fn gains(&self, next: &Self) -> Vec<(u16, u128)> {
        let before =
            |option: u16| self.standing.iter().find(|(other, _)| *other == option).map_or(0, |(_, weight)| *weight);
        let gains = next.standing.iter().map(|(option, weight)| (*option, weight - before(*option)));
        gains.filter(|(_, gain)| *gain > 0).collect()
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
