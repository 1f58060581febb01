//! What was decided and how many voted.

use super::Period;
use crate::charter::Body;
use crate::ledger::{Counted, Fate, Standing};
use crate::report::concentration::share_bp;
use crate::report::{ReportTree, Row, Section, Unit, Value};
use crate::state::ProposalRecord;
use crate::tally::Sums;
use crate::voting::{Count, Duels, Outcome};

impl Period<'_> {
    pub(super) fn decisions(&self) -> Section {
        let decided = self.decided();
        let passed = decided.iter().filter(|(_, standing)| standing.as_of(self.last).0.has_passed()).count();
        let rows = decided.iter().map(|(proposal, standing)| {
            let (outcome, fate) = standing.as_of(self.last);
            Row {
                values: vec![
                    Value::Words(proposal.id.to_string()),
                    Value::Quoted(proposal.content.title.clone()),
                    Value::Words(proposal.content.class.name().to_owned()),
                    Value::Words(proposal.content.system.name().to_owned()),
                    Value::Words(outcome.name().to_owned()),
                    winner(proposal, outcome),
                    Value::Words(what_then(standing, fate)),
                ],
                evidence: self.tally(ReportTree::Decisions, self.last, proposal),
            }
        });
        Section::new(
            "Decisions",
            "Votes that were decided by an epoch of this period, and what had followed when its last epoch closed.",
        )
        .figure("decided", Value::Number(decided.len() as u128), self.replayed())
        .figure("passed", Value::Number(passed as u128), self.replayed())
        .table("Decisions", &["proposal", "title", "class", "system", "outcome", "option", "then"], rows.collect())
        .table(
            "Questions",
            &[
                "proposal",
                "counted",
                "body",
                "yes",
                "no",
                "of the no veto",
                "vetoed from",
                "abstain",
                "aside",
                "of",
                "says",
            ],
            self.questions(&decided),
        )
        .table(
            "Choices",
            &["proposal", "counted", "option", "number", "is", "mean, hundredths"],
            self.choices(&decided),
        )
        .table(
            "Rounds of run-offs",
            &["proposal", "counted", "round", "option", "weight", "falls"],
            self.rounds(&decided),
        )
        .table(
            "Pairs of Schulze votes",
            &[
                "proposal",
                "counted",
                "option",
                "against",
                "prefer it",
                "prefer the other",
                "strongest path",
                "path back",
            ],
            self.pairs(&decided),
        )
        .table("Circles of Schulze votes", &["proposal", "counted", "in words"], self.circles(&decided))
    }

    /// F-12: the sums of every question, of each body that decided it.
    fn questions(&self, decided: &[(&ProposalRecord, &Standing)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (proposal, when, counted) in self.counts(decided) {
            let veto_bp = self.state.rule_of(proposal).map(|rule| rule.veto_bp);
            let mut told = |body: Body, count: &Count, outcome: Outcome| {
                let Some(sums) = Sums::of(count) else { return };
                let veto = count.vetoes();
                rows.push(Row {
                    values: vec![
                        Value::Words(proposal.id.to_string()),
                        Value::Words(when.to_owned()),
                        Value::Words(body.name().to_owned()),
                        Value::Number(sums.yes),
                        Value::Number(sums.no),
                        veto.map_or(Value::None, Value::Number),
                        veto.and(veto_bp).map_or(Value::None, |bp| Value::Share(u32::from(bp))),
                        Value::Number(sums.abstain),
                        Value::Number(sums.standing),
                        Value::Number(sums.weight),
                        Value::Words(outcome.name().to_owned()),
                    ],
                    evidence: self.tally(ReportTree::Ballots, counted.epoch, proposal),
                });
            };
            match counted.bodies {
                [] => told(Body::Members, counted.count, counted.outcome),
                bodies => bodies.iter().for_each(|one| told(one.body, &one.count, one.outcome)),
            }
        }
        rows
    }

    /// F-9: the number of every option of a choice.
    fn choices(&self, decided: &[(&ProposalRecord, &Standing)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (proposal, when, counted) in self.counts(decided) {
            if !proposal.content.system.has_options() {
                continue;
            }
            let count = counted.count;
            rows.extend((0..=count.options()).map(|option| Row {
                values: vec![
                    Value::Words(proposal.id.to_string()),
                    Value::Words(when.to_owned()),
                    label(proposal, option),
                    Value::Number(count.figure(option)),
                    Value::Words(count.system().measure().name().to_owned()),
                    count.mean_hundredths(option).map_or(Value::None, Value::Number),
                ],
                evidence: self.tally(ReportTree::Ballots, counted.epoch, proposal),
            }));
        }
        rows
    }

    /// F-9: every round of an instant run-off.
    fn rounds(&self, decided: &[(&ProposalRecord, &Standing)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (proposal, when, counted) in self.counts(decided) {
            let tie = self.state.tie_break(counted.closed_at);
            let Some(run_off) = counted.count.run_off(tie) else { continue };
            for (number, round) in (1u128..).zip(&run_off.rounds) {
                rows.extend(round.standing.iter().map(|(option, weight)| Row {
                    values: vec![
                        Value::Words(proposal.id.to_string()),
                        Value::Words(when.to_owned()),
                        Value::Number(number),
                        label(proposal, *option),
                        Value::Number(*weight),
                        Value::Words(if round.fallen.contains(option) { "falls" } else { "" }.to_owned()),
                    ],
                    evidence: self.tally(ReportTree::Ballots, counted.epoch, proposal),
                }));
            }
        }
        rows
    }

    /// F-9: every pair of options of a Schulze vote, with the paths that decide.
    fn pairs(&self, decided: &[(&ProposalRecord, &Standing)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (proposal, when, counted) in self.counts(decided) {
            let Some(duels) = counted.count.duels() else { continue };
            let options = counted.count.options();
            let pairs = (0..=options).flat_map(|one| (one + 1..=options).map(move |other| (one, other)));
            rows.extend(pairs.map(|(one, other)| Row {
                values: vec![
                    Value::Words(proposal.id.to_string()),
                    Value::Words(when.to_owned()),
                    label(proposal, one),
                    label(proposal, other),
                    Value::Number(duels.preferring(one, other)),
                    Value::Number(duels.preferring(other, one)),
                    Value::Number(duels.strength(one, other)),
                    Value::Number(duels.strength(other, one)),
                ],
                evidence: self.tally(ReportTree::Ballots, counted.epoch, proposal),
            }));
        }
        rows
    }

    /// F-9: where no option beats all others, which beat each other in a circle.
    fn circles(&self, decided: &[(&ProposalRecord, &Standing)]) -> Vec<Row> {
        let mut rows = Vec::new();
        for (proposal, when, counted) in self.counts(decided) {
            let Some(words) = counted.count.duels().and_then(|duels| circle_words(&duels, counted.count.options()))
            else {
                continue;
            };
            rows.push(Row {
                values: vec![Value::Words(proposal.id.to_string()), Value::Words(when.to_owned()), Value::Words(words)],
                evidence: self.tally(ReportTree::Ballots, counted.epoch, proposal),
            });
        }
        rows
    }

    /// V-34: every count that epochs up to the last made: at the close, and at enactment where it came to other sums.
    fn counts<'b>(
        &self,
        decided: &[(&'b ProposalRecord, &'b Standing)],
    ) -> Vec<(&'b ProposalRecord, &'static str, Counted<'b>)> {
        let mut counts = Vec::new();
        for (proposal, standing) in decided.iter().copied() {
            counts.push((proposal, "at the close", standing.at_close()));
            let again = standing.counted_again().filter(|again| again.epoch <= self.last);
            counts.extend(again.map(|again| (proposal, "at enactment", again)));
        }
        counts
    }

    pub(super) fn turnout(&self) -> Section {
        let mut bars = Vec::new();
        let mut rows = Vec::new();
        for (proposal, standing) in self.decided() {
            let count = &standing.count;
            let voted = count.cast().saturating_add(count.abstained());
            let share = share_bp(voted, count.weight()).unwrap_or(0);
            bars.push((proposal.content.title.clone(), u128::from(share)));
            rows.push(Row {
                values: vec![
                    Value::Words(proposal.id.to_string()),
                    Value::Number(count.ballots()),
                    Value::Number(voted),
                    Value::Number(count.standing()),
                    Value::Number(count.weight()),
                    Value::Share(share),
                ],
                evidence: self.tally(ReportTree::Ballots, standing.decided_epoch, proposal),
            });
        }
        Section::new(
            "Turnout",
            "Weight that voted or was delegated to somebody who voted, of the whole roll; beside it what stands aside by delegations.",
        )
        .table("Turnout", &["proposal", "ballots", "weight that voted", "aside", "weight of the roll", "turnout"], rows)
        .chart("Turnout by vote", Unit::Share, bars)
    }
}

fn winner(proposal: &ProposalRecord, outcome: Outcome) -> Value {
    match outcome {
        Outcome::Passed { option: Some(option) } => label(proposal, option),
        _ => Value::None,
    }
}

/// A circle of wins in words, by the numbers of options; `None` where the option that is ahead is in none.
fn circle_words(duels: &Duels, options: u16) -> Option<String> {
    let circle = duels.circle();
    let last = *circle.last()?;
    let name = |option: u16| match option == options {
        true => "none of these".to_owned(),
        false => format!("option {}", u32::from(option) + 1),
    };
    let wins: Vec<(u16, u16)> =
        std::iter::once(last).chain(circle.iter().copied()).zip(circle.iter().copied()).collect();
    let (back, on) = wins.split_first()?;
    let told = |(one, other): &(u16, u16)| {
        format!(
            "{} beats {} ({} to {})",
            name(*one),
            name(*other),
            duels.preferring(*one, *other),
            duels.preferring(*other, *one)
        )
    };
    let told: Vec<String> = on.iter().chain([back]).map(told).collect();
    Some(format!("{}: in this circle the strongest paths decide, and no win alone (V-29)", told.join(", ")))
}

/// What an option is called.
fn label(proposal: &ProposalRecord, option: u16) -> Value {
    match proposal.content.options.get(usize::from(option)) {
        Some(option) => Value::Quoted(option.label.clone()),
        None => Value::Words("none of these".to_owned()),
    }
}

fn what_then(standing: &Standing, fate: Fate) -> String {
    standing.bar.map_or_else(|| fate.words().to_owned(), |bar| format!("barred: {bar}"))
}
