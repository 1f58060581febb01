//! The sums of a proposal in the terms of its voting system (V-33), for commands and screens alike.

use althing_node::api::{Body, BodyTally, ChoiceTally, Marks, Measure, Proposal, RunOffRound, Tally, option_name};

use crate::format::{parse_weight, percent, thousands, weight};

/// Weight that took part; `None` if the node's sums are not numbers.
#[must_use]
pub fn took_part(tally: &Tally) -> Option<u128> {
    let parts: &[&String] = match &tally.choice {
        Some(choice) => &[&choice.cast, &tally.abstain],
        None => &[&tally.yes, &tally.no, &tally.abstain],
    };
    parts.iter().try_fold(0u128, |sum, part| sum.checked_add(parse_weight(part)?))
}

/// The vetoes with what the rule asks of them (V-24): `20.0 % of the 1,000 cast; 33.33 % veto it`. `None` under any other system.
#[must_use]
pub fn veto(tally: &Tally) -> Option<String> {
    let veto = tally.veto.as_ref()?;
    let (weight, cast) = (parse_weight(&veto.weight)?, parse_weight(&veto.cast)?);
    let bp = u32::from(veto.needed_bp);
    let word = if veto.is_reached { "reached" } else { "not reached" };
    Some(format!(
        "{} of the {} cast yes or no; from {}.{:02} % on it is vetoed: {word}",
        percent(weight, cast),
        thousands(cast),
        bp / 100,
        bp % 100
    ))
}

/// The no of an optimistic vote with what the rule asks of it (V-25): `no is 12.0 % of all weight; from 15.00 % on it fails`. `None` under any
/// other system.
#[must_use]
pub fn objection(marks: &Marks, tally: &Tally) -> Option<String> {
    let bp = marks.oppose_bp?;
    let (no, total) = (parse_weight(&tally.no)?, parse_weight(&tally.total_weight)?);
    Some(format!("no is {} of all weight; from {}.{:02} % on it fails", percent(no, total), bp / 100, bp % 100))
}

/// What stops a vote that needs no majority, or more than one: as it stands, in so few words that an editor has room for them.
#[must_use]
pub fn stop(proposal: &Proposal) -> Option<String> {
    let tally = proposal.tally.as_ref()?;
    if let Some(words) = objection(&proposal.vote.marks, tally) {
        return Some(words);
    }
    let veto = tally.veto.as_ref()?;
    let (weight, cast, bp) = (parse_weight(&veto.weight)?, parse_weight(&veto.cast)?, veto.needed_bp);
    let share = percent(weight, cast);
    Some(format!("veto is {share} of yes and no; from {}.{:02} % on it stops", bp / 100, bp % 100))
}

/// What a quorum is measured by: one of yes by the roll without dormant members (G-46), one of who takes part by the roll
/// without what stands aside (L-18). `None` if the node's sums are not numbers.
#[must_use]
pub fn quorum_of(tally: &Tally, of_yes: bool) -> Option<u128> {
    let left_out = match of_yes {
        true => tally.dormant_weight.as_deref().map_or(Some(0), parse_weight)?,
        false => parse_weight(&tally.standing)?,
    };
    Some(parse_weight(&tally.total_weight)?.saturating_sub(left_out))
}

/// The weight that stands aside by delegations (L-18); `None` where none does.
#[must_use]
pub fn aside(tally: &Tally) -> Option<u128> {
    parse_weight(&tally.standing).filter(|weight| *weight > 0)
}

/// Basis points of a whole.
#[must_use]
pub fn part(bp: u16, whole: u128) -> u128 {
    // First divided, then multiplied: a roll near 2^128 must not overflow.
    let bp = u128::from(bp.min(10_000));
    whole / 10_000 * bp + whole % 10_000 * bp / 10_000
}

/// The weight that a quorum of yes of total leaves out of the roll (G-46); `None` where it leaves out none.
#[must_use]
pub fn dormant(tally: &Tally) -> Option<String> {
    let weight = parse_weight(tally.dormant_weight.as_deref()?)?;
    Some(format!("of the roll {} is left out here: its members were silent for long (G-46)", thousands(weight)))
}

/// What a body says by its sums, in a line: `treasurers: yes 2, no 1, abstain 0, of 3; so far it rejects`.
#[must_use]
pub fn body(body: &BodyTally) -> String {
    let tally = &body.tally;
    let mut line = format!(
        "{}: yes {}, no {}, abstain {}, of {}; {} of {} voted",
        body.body.name(),
        weight(&tally.yes),
        weight(&tally.no),
        weight(&tally.abstain),
        weight(&tally.total_weight),
        thousands(u128::from(tally.ballots)),
        thousands(u128::from(body.voters)),
    );
    if let Some(veto) = &tally.veto {
        line.push_str(&format!(", veto {}", weight(&veto.weight)));
    }
    if let Some(aside) = aside(tally) {
        line.push_str(&format!(", {} stands aside", thousands(aside)));
    }
    if let Some(dormant) = dormant(tally) {
        line.push_str(&format!("; {dormant}"));
    }
    if let Some(outcome) = &body.outcome {
        let when = if tally.is_final { "by itself" } else { "so far" };
        line.push_str(&format!("; {when}: {}", outcome.replace('_', " ")));
    }
    line
}

/// What kind of sums a proposal's are (V-34).
#[must_use]
pub fn kind(proposal: &Proposal, tally: &Tally) -> String {
    let kind = if tally.is_final { "final sums" } else { "sums so far" };
    match proposal.vote.at_close.is_empty() {
        true => kind.to_owned(),
        false => format!("{kind}, counted again with the stakes still locked"),
    }
}

/// The sums of the close, where they are not the proposal's any more (V-34):
/// `at the close: members: yes 5, no 4, abstain 0, of 12; 3 of 5 voted; by itself: passed`.
#[must_use]
pub fn at_close(proposal: &Proposal) -> Vec<String> {
    let mut lines: Vec<String> =
        proposal.vote.at_close.iter().map(|one| format!("at the close: {}", body(one))).collect();
    let choice = proposal.tally.as_ref().and_then(|tally| tally.choice.as_ref());
    let figures: Vec<String> = (1u16..)
        .zip(&proposal.vote.options)
        .filter_map(|(number, option)| {
            let number = if usize::from(number) < proposal.vote.options.len() { number } else { 0 };
            let sum = parse_weight(option.sum_at_close.as_deref()?)?;
            Some(format!("{} {} {}", option_name(number), thousands(sum), unit(choice?.measure, sum)))
        })
        .collect();
    if !figures.is_empty() {
        lines.push(format!("at the close, by option: {}", figures.join(", ")));
    }
    lines
}

/// Whether a ballot of this node's member counts in one of the bodies that decide (N-130). A treasury key casts another one.
#[must_use]
pub fn counts_mine(proposal: &Proposal) -> bool {
    let bodies = &proposal.vote.bodies;
    bodies.is_empty() || bodies.iter().any(|body| body.i_am_one && body.body != Body::Treasurers)
}

/// Whether it is decided by others than the members, beside them or alone, and how that is told above their sums.
#[must_use]
pub fn bodies_heading(proposal: &Proposal) -> Option<String> {
    let names: Vec<&str> = proposal.vote.bodies.iter().map(|body| body.body.name()).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("the {one} alone decide")),
        several => Some(format!("the {} decide, each by itself", several.join(" and the "))),
    }
}

/// Who is ahead in a choice, and by what: `2` and `mean 3.88`, for lists. `None` for a question and without sums.
#[must_use]
pub fn lead(proposal: &Proposal) -> Option<(String, String)> {
    let tally = proposal.tally.as_ref()?;
    let choice = tally.choice.as_ref()?;
    let first = match &choice.ahead[..] {
        [] => return Some(("–".to_owned(), "no votes".to_owned())),
        [one] => *one,
        several => return Some((names(several), "level".to_owned())),
    };
    let index = place(first, proposal);
    let figure = proposal.vote.options.get(index).and_then(|option| parse_weight(option.sum.as_deref()?)).unwrap_or(0);
    let by = match choice.measure {
        Measure::Weight => percent(figure, parse_weight(&tally.total_weight)?),
        Measure::Points | Measure::Votes => format!("mean {}", choice.means.get(index)?),
        Measure::FirstPlaces => format!("round {}", choice.rounds.len()),
        Measure::PairsWon => format!("beats {figure} of {}", proposal.vote.options.len().saturating_sub(1)),
    };
    Some((option_name(first), by))
}

/// The number of an option with what it is: `3,500,000 points, mean 3.88`.
#[must_use]
pub fn figure(proposal: &Proposal, index: usize) -> String {
    let sum = proposal.vote.options.get(index).and_then(|option| parse_weight(option.sum.as_deref()?));
    let (Some(sum), Some(choice)) = (sum, proposal.tally.as_ref().and_then(|tally| tally.choice.as_ref())) else {
        return "–".to_owned();
    };
    let mut words = format!("{} {}", thousands(sum), unit(choice.measure, sum));
    if let Some(mean) = choice.means.get(index) {
        words.push_str(&format!(", mean {mean}"));
    }
    words
}

/// What led there: the rounds of an instant run-off, the pairs of a Schulze vote; nothing under other systems.
#[must_use]
pub fn workings(proposal: &Proposal) -> Vec<String> {
    let Some(choice) = proposal.tally.as_ref().and_then(|tally| tally.choice.as_ref()) else { return Vec::new() };
    let mut lines: Vec<String> = (0..choice.rounds.len()).map(|index| round(choice, index)).collect();
    let options = choice.pairs.len();
    for one in 0..options {
        lines.extend((one + 1..options).filter_map(|other| duel(choice, one, other)));
    }
    lines
}

fn unit(measure: Measure, count: u128) -> &'static str {
    match (measure, count) {
        (Measure::Weight, _) => "weight",
        (Measure::Points, 1) => "point",
        (Measure::FirstPlaces, _) => "in first places",
        (Measure::PairsWon, 1) => "pair won",
        _ => measure.name(),
    }
}

/// Where an option stands among those of a proposal, "none of these" last.
fn place(option: u16, proposal: &Proposal) -> usize {
    usize::from(option).checked_sub(1).unwrap_or(proposal.vote.options.len().saturating_sub(1))
}

fn names(options: &[u16]) -> String {
    options.iter().map(|option| option_name(*option)).collect::<Vec<_>>().join(", ")
}

/// `round 1: 1 has 500,000, 2 has 400,000, 3 has 300,000; none, 3 out: 300,000 to 2`.
fn round(choice: &ChoiceTally, index: usize) -> String {
    let RunOffRound { standing, exhausted, fallen, transfers } = &choice.rounds[index];
    let has: Vec<String> =
        standing.iter().map(|one| format!("{} has {}", option_name(one.option), weight(&one.weight))).collect();
    let mut line = format!("round {}: {}", index + 1, has.join(", "));
    if exhausted != "0" {
        line.push_str(&format!(", {} exhausted", weight(exhausted)));
    }
    let Some(next) = choice.rounds.get(index + 1) else {
        match &choice.ahead[..] {
            [one] => line.push_str(&format!("; {} has more than half", option_name(*one))),
            several => line.push_str(&format!("; {} are level with the least", names(several))),
        }
        return line;
    };
    let mut to: Vec<String> =
        transfers.iter().map(|one| format!("{} to {}", weight(&one.weight), option_name(one.option))).collect();
    let lost = parse_weight(&next.exhausted).unwrap_or(0).saturating_sub(parse_weight(exhausted).unwrap_or(0));
    if lost > 0 {
        to.push(format!("{} to nobody", thousands(lost)));
    }
    line.push_str(&format!("; out: {}", names(fallen)));
    if !to.is_empty() {
        line.push_str(&format!(", {}", to.join(", ")));
    }
    line
}

/// `2 beats 1: 700,000 to 500,000; strongest paths 700,000 to 500,000`.
fn duel(choice: &ChoiceTally, one: usize, other: usize) -> Option<String> {
    let options = choice.pairs.len();
    let at = |matrix: &[Vec<String>], row: usize, column: usize| parse_weight(matrix.get(row)?.get(column)?);
    let (won, lost) = (at(&choice.pairs, one, other)?, at(&choice.pairs, other, one)?);
    let (one, other, won, lost) = if lost > won { (other, one, lost, won) } else { (one, other, won, lost) };
    let (there, back) = (at(&choice.strengths, one, other)?, at(&choice.strengths, other, one)?);
    let name = |index: usize| if index + 1 == options { "none".to_owned() } else { (index + 1).to_string() };
    let beats = if won == lost { "is level with" } else { "beats" };
    Some(format!(
        "{} {beats} {}: {} to {}; strongest paths {} to {}",
        name(one),
        name(other),
        thousands(won),
        thousands(lost),
        thousands(there),
        thousands(back)
    ))
}
