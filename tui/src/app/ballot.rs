//! The ballot being filled in, for every voting system.

use std::cmp::Ordering;

use althing_node::api::{Ballot, Choice, NONE, Proposal, Request, Saying, System};

use super::Act;
use super::order::{Does, Order};
use crate::format::thousands;

/// Parts of a split that one key press moves.
const SPLIT_STEP: u16 = 500;

/// Parts of a whole split (V-6).
const WHOLE: u16 = 10_000;

/// A ballot being filled in. Rows are what can be chosen, then the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choose {
    /// Id of the proposal.
    pub proposal: String,
    /// Whether the treasury key casts it, in the treasurers' own vote.
    pub as_treasurer: bool,
    /// How it is voted on.
    pub system: System,
    /// What each row before the reason is called: untrusted text, but for the words of a question.
    pub labels: Vec<String>,
    /// Number of the option in each row, by the order shown on the proposal; only rankings move rows.
    pub options: Vec<u16>,
    /// The row with the keyboard; behind the labels comes the reason.
    pub row: usize,
    /// The row chosen, where one is: none before the member chose one, so that nothing is cast by going on.
    pub choice: Option<usize>,
    /// What is said of each row, where something is: a mark, a grade, parts, votes. A grade of 0 is said too (V-7).
    pub values: Vec<Option<u16>>,
    /// The public reason, may be empty.
    pub reason: String,
    /// Digits of a number that is being typed into the row; 0 when none is.
    typed: usize,
    undo: Vec<Marks>,
    redo: Vec<Marks>,
}

/// What was said of the rows, and how they stood.
type Marks = (Vec<String>, Vec<u16>, Vec<Option<u16>>, Option<usize>);

impl Choose {
    /// An empty ballot of the member on a proposal, on the choice made before if there is one.
    #[must_use]
    pub fn new(proposal: &Proposal) -> Self {
        Self::beginning_with(proposal, false, proposal.my_ballot.as_ref())
    }

    /// The same of the treasury key, where the treasurers decide as a body of their own.
    #[must_use]
    pub fn of_treasurer(proposal: &Proposal) -> Self {
        let before = proposal.vote.treasurers.as_ref().and_then(|body| body.my_ballot.as_ref());
        Self::beginning_with(proposal, true, before)
    }

    fn beginning_with(proposal: &Proposal, as_treasurer: bool, before: Option<&Ballot>) -> Self {
        let system = proposal.vote.system;
        let (mut labels, mut options): (Vec<String>, Vec<u16>) = (Vec::new(), Vec::new());
        if system.has_options() {
            let count = u16::try_from(proposal.vote.options.len()).unwrap_or(u16::MAX);
            for (number, option) in (1..).zip(&proposal.vote.options) {
                labels.push(option.label.clone());
                options.push(if number == count { NONE } else { number });
            }
            labels.push("abstain".to_owned());
        } else {
            labels.extend(["yes", "no", "abstain"].map(str::to_owned));
            if system == System::YesNoVeto {
                labels.push("no with veto".to_owned());
            }
        }
        let values = vec![None; options.len()];
        let mut choose = Self {
            proposal: proposal.id.clone(),
            as_treasurer,
            system,
            labels,
            options,
            row: 0,
            choice: None,
            values,
            reason: String::new(),
            typed: 0,
            undo: Vec::new(),
            redo: Vec::new(),
        };
        if let Some(ballot) = before {
            choose.take_up(&ballot.choice);
        }
        choose
    }

    /// Whether something was written or marked that would be missed; a row that is chosen is chosen again at once.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        !self.reason.trim().is_empty() || !self.undo.is_empty()
    }

    /// The row of the reason.
    #[must_use]
    pub fn reason_row(&self) -> usize {
        self.labels.len()
    }

    /// Whether one row is chosen and no more: questions and single choice.
    #[must_use]
    pub fn is_one_of(&self) -> bool {
        !self.system.has_options() || self.system == System::SingleChoice
    }

    /// Whether the chosen row says to abstain.
    #[must_use]
    pub fn abstains(&self) -> bool {
        let is_last = self.choice.is_some_and(|row| row + 1 == self.labels.len());
        self.system.has_options() && is_last && (self.is_one_of() || self.is_empty())
    }

    /// The choice as it stands.
    #[must_use]
    pub fn choice(&self) -> Choice {
        let said = || self.options.iter().zip(&self.values).filter_map(|(option, value)| Some((*option, (*value)?)));
        // Who says nothing of an option gives it 0 (V-12), so it is named only where all that is said is 0.
        let named = || {
            let above: Vec<(u16, u16)> = said().filter(|(_, value)| *value > 0).collect();
            if above.is_empty() { said().collect() } else { above }
        };
        match self.system {
            System::YesNoAbstain | System::YesNoVeto | System::Optimistic => match self.choice {
                Some(0) => Choice::Yes,
                Some(1) => Choice::No,
                Some(3) => Choice::Veto,
                _ => Choice::Abstain,
            },
            _ if self.abstains() => Choice::Abstain,
            System::SingleChoice => {
                Choice::Pick(self.choice.and_then(|row| self.options.get(row)).copied().unwrap_or(NONE))
            }
            System::Approval => Choice::Approve(named().into_iter().map(|(option, _)| option).collect()),
            System::InstantRunoff | System::Schulze => {
                Choice::Rank(named().into_iter().map(|(option, _)| option).collect())
            }
            System::Score { .. } => Choice::Score(named()),
            System::Split => Choice::Split(named()),
            System::Quadratic { .. } => Choice::Credits(named()),
        }
    }

    /// Moves to the next row.
    pub fn down(&mut self) {
        self.typed = 0;
        self.row = (self.row + 1).min(self.reason_row());
        self.follow();
    }

    /// Moves to the row before; from the reason of a question to its choice.
    pub fn up(&mut self) {
        self.typed = 0;
        self.row = match self.row == self.reason_row() && self.is_one_of() {
            true => self.choice.unwrap_or_else(|| self.reason_row().saturating_sub(1)),
            false => self.row.saturating_sub(1),
        };
        self.follow();
    }

    /// Goes to the reason; what is chosen stays chosen.
    pub fn to_reason(&mut self) {
        self.row = self.reason_row();
    }

    /// Goes to a row.
    pub fn go(&mut self, row: usize) {
        self.typed = 0;
        self.row = row.min(self.reason_row().saturating_sub(1));
        self.follow();
    }

    /// The page that says what this ballot does.
    #[must_use]
    pub fn order(&self) -> Order {
        let (proposal, choice, reason) = (self.proposal.clone(), self.choice(), self.reason.trim());
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        let (title, request, review) = if self.as_treasurer {
            let saying = Saying::VoteAsTreasurer { proposal, choice, reason };
            ("Cast this ballot as a treasurer", Request::Say { saying: saying.clone() }, Request::SayReview { saying })
        } else {
            let asked = (proposal.clone(), choice.clone(), reason.clone());
            let review = Request::BallotReview { proposal: asked.0, choice: asked.1, reason: asked.2 };
            ("Cast this ballot", Request::Vote { proposal, choice, reason }, review)
        };
        Order {
            title: title.to_owned(),
            does: Does::Ask(request),
            word: super::CASTING_WORD.into(),
            effects_from: Some(review),
            effects: Vec::new(),
            text: None,
        }
    }

    /// Takes the last change of the marks back, or makes it again.
    pub fn travel(&mut self, back: bool) {
        self.typed = 0;
        let now = self.marks();
        let (from, to) = if back { (&mut self.undo, &mut self.redo) } else { (&mut self.redo, &mut self.undo) };
        if let Some((labels, options, values, choice)) = from.pop() {
            to.push(now);
            (self.labels, self.options, self.values, self.choice) = (labels, options, values, choice);
        }
    }

    fn marks(&self) -> Marks {
        (self.labels.clone(), self.options.clone(), self.values.clone(), self.choice)
    }

    fn remember(&mut self) {
        self.typed = 0;
        self.redo.clear();
        self.undo.push(self.marks());
    }

    /// Whether that act changes anything of the row with the keyboard.
    #[must_use]
    pub fn takes(&self, act: Act) -> bool {
        let is_option = self.row < self.values.len();
        match (act, self.system) {
            (Act::Mark, System::Score { .. } | System::Quadratic { .. }) => !is_option,
            (Act::More | Act::Less | Act::Number, _) => is_option && self.takes_numbers(),
            (Act::Choose(3), system) => system == System::YesNoVeto,
            // Keys for yes, no and abstain: rows of options have other words.
            (Act::Choose(_), system) => !system.has_options(),
            _ => true,
        }
    }

    /// Marks the row, or takes its mark back; in a split the row gets what is left, or gives all back where nothing is.
    pub fn mark(&mut self) {
        self.remember();
        if self.is_one_of() {
            return self.follow();
        }
        let given: u32 = self.numbers().sum();
        let Some(value) = self.values.get_mut(self.row) else {
            if self.row < self.reason_row() {
                self.values.fill(None);
                self.choice = Some(self.row);
            }
            return;
        };
        // Whoever says something of a row does not abstain any more, also when it is taken back.
        self.choice = None;
        match self.system {
            System::Approval | System::InstantRunoff | System::Schulze => {
                *value = if value.is_none() { Some(1) } else { None };
            }
            System::Split => {
                let given: u16 = given.try_into().unwrap_or(WHOLE);
                *value = if given < WHOLE { Some(value.unwrap_or(0) + (WHOLE - given)) } else { None };
            }
            _ => return,
        }
        self.keep_ranked_above();
    }

    /// A click on a row: where lines are marked it marks the line as the space bar does, else it only goes there. In a ranking a
    /// line that is ranked is gone to first, since it may be meant to be moved.
    pub fn click(&mut self, row: usize) {
        let was_here = self.row == row;
        self.go(row);
        let is_abstaining = self.row >= self.values.len();
        let marks = match self.system {
            System::Approval => true,
            System::InstantRunoff | System::Schulze => was_here || self.values.get(self.row) == Some(&None),
            _ => false,
        };
        if !self.is_one_of() && (marks || is_abstaining) {
            self.mark();
        }
    }

    /// Whether rows of options take numbers.
    #[must_use]
    pub fn takes_numbers(&self) -> bool {
        self.most().is_some()
    }

    /// The greatest number that a row takes (V-4), where rows take numbers.
    fn most(&self) -> Option<u16> {
        match self.system {
            System::Score { max } => Some(max),
            System::Split => Some(WHOLE),
            System::Quadratic { credits } => Some(u16::try_from(credits.isqrt()).unwrap_or(u16::MAX)),
            _ => None,
        }
    }

    /// Gives the row more, or less.
    pub fn change(&mut self, more: bool) {
        let Some(most) = self.most() else { return };
        self.remember();
        let step = if self.system == System::Split { SPLIT_STEP } else { 1 };
        if let Some(value) = self.values.get_mut(self.row) {
            self.choice = None;
            let now = value.unwrap_or(0);
            *value = Some(if more { now.saturating_add(step).min(most) } else { now.saturating_sub(step) });
        }
    }

    /// Types a digit of the row's number: the first one begins a new number.
    ///
    /// # Errors
    /// The greatest number that the row takes, where this would be a greater one; it stays as it was.
    pub fn digit(&mut self, digit: u16) -> Result<(), String> {
        let Some(most) = self.most().filter(|_| self.row < self.values.len()) else { return Ok(()) };
        // A number that has all its digits is followed by another one.
        let places = most.to_string().len();
        let typed = if self.typed < places { self.typed } else { 0 };
        let before = if typed > 0 { self.values[self.row].unwrap_or(0) } else { 0 };
        let Some(number) =
            before.checked_mul(10).and_then(|tens| tens.checked_add(digit)).filter(|number| *number <= most)
        else {
            return Err(format!("At most {} here (V-4).", thousands(u128::from(most))));
        };
        if typed == 0 {
            self.remember();
        }
        self.choice = None;
        (self.values[self.row], self.typed) = (Some(number), typed + 1);
        Ok(())
    }

    /// Takes the last digit of the row's number back; with the last one of all nothing is said of the row.
    pub fn erase(&mut self) {
        if !self.takes_numbers() || self.row >= self.values.len() {
            return;
        }
        self.remember();
        let left = Some(self.values[self.row].unwrap_or(0) / 10).filter(|left| *left > 0);
        (self.values[self.row], self.typed) = (left, left.map_or(0, |left| left.to_string().len()));
    }

    /// What is said of the rows in numbers.
    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.values.iter().flatten().map(|value| u32::from(*value))
    }

    /// Moves the row of a ranking up or down, with the keyboard on it.
    pub fn shift(&mut self, up: bool) {
        self.remember();
        let other = if up { self.row.checked_sub(1) } else { Some(self.row + 1) };
        let Some(other) = other.filter(|_| self.system.is_ranked()) else { return };
        if self.row < self.options.len() && other < self.options.len() {
            self.labels.swap(self.row, other);
            self.options.swap(self.row, other);
            self.values.swap(self.row, other);
            self.row = other;
            self.keep_ranked_above();
        }
    }

    /// What stands for a row's value.
    #[must_use]
    pub fn sign(&self, row: usize) -> String {
        let Some(value) = self.values.get(row).filter(|_| !self.is_one_of()) else {
            let chosen = self.choice == Some(row) && (self.is_one_of() || self.abstains());
            return if chosen { "(•)" } else { "( )" }.to_owned();
        };
        match self.system {
            System::Approval => if value.is_some() { "[x]" } else { "[ ]" }.to_owned(),
            System::InstantRunoff | System::Schulze if value.is_some() => format!("{:>2}.", row + 1),
            System::InstantRunoff | System::Schulze => " – ".to_owned(),
            // Nothing said is not a 0 that is said: with zeros alone a ballot takes part, with nothing it is none (V-7, N-426).
            System::Score { .. } | System::Quadratic { .. } if value.is_none() => "     –".to_owned(),
            _ => format!("{:>6}", thousands(u128::from(value.unwrap_or(0)))),
        }
    }

    /// The live sum and what it has to be, where there is one.
    #[must_use]
    pub fn sum(&self) -> Option<String> {
        match self.system {
            System::Split => {
                let sum: u32 = self.numbers().sum();
                let whole = u32::from(WHOLE);
                let order = sum.cmp(&whole);
                let (left, over) = (whole.saturating_sub(sum), sum.saturating_sub(whole));
                let [sum, whole, left, over] = [sum, whole, left, over].map(|parts| thousands(u128::from(parts)));
                Some(match order {
                    Ordering::Less => {
                        format!("{sum} of {whole} parts; space gives the other {left}")
                    }
                    Ordering::Equal => format!("{sum} of {whole} parts given"),
                    Ordering::Greater => format!("{sum} of {whole} parts given: {over} too many"),
                })
            }
            System::Quadratic { credits } => {
                let cost: u64 = self.numbers().map(|value| u64::from(value).pow(2)).sum();
                let over = cost.saturating_sub(u64::from(credits));
                let [cost, credits, over_by] =
                    [cost, u64::from(credits), over].map(|count| thousands(u128::from(count)));
                let over = if over > 0 { format!(": {over_by} too many") } else { String::new() };
                Some(format!("costs {cost} of {credits} credits{over}"))
            }
            System::Score { max } => Some(format!("grades from 0 to {max}; a line without one counts as 0")),
            _ => None,
        }
    }

    /// Why this is no ballot yet (N-211): nothing is chosen, a split that is not whole, more credits than there are.
    #[must_use]
    pub fn unfinished(&self) -> Option<String> {
        if self.is_one_of() && self.choice.is_none() {
            let keys = match self.system {
                System::YesNoVeto => "y, n, a or v chooses, or ",
                system if system.has_options() => "",
                _ => "y, n or a chooses, or ",
            };
            return Some(format!("nothing is chosen; {keys}space chooses the line that the keyboard is on"));
        }
        if let Err(empty) = self.choice().expect_named() {
            return Some(empty.message);
        }
        let values = || self.numbers().map(u64::from);
        let is_whole = match self.system {
            System::Split => self.abstains() || values().sum::<u64>() == u64::from(WHOLE),
            System::Quadratic { credits } => values().map(|value| value.pow(2)).sum::<u64>() <= u64::from(credits),
            _ => true,
        };
        if is_whole { None } else { self.sum() }
    }

    fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }

    fn follow(&mut self) {
        if self.is_one_of() && self.row < self.reason_row() {
            self.choice = Some(self.row);
        }
    }

    /// Ranked rows stand above those that are not, in their order.
    fn keep_ranked_above(&mut self) {
        if !self.system.is_ranked() {
            return;
        }
        let own = self.options.get(self.row).copied();
        let mut rows: Vec<(u16, String, Option<u16>)> = (0..self.options.len())
            .map(|row| (self.options[row], self.labels[row].clone(), self.values[row]))
            .collect();
        rows.sort_by_key(|(_, _, value)| value.is_none());
        for (row, (option, label, value)) in rows.into_iter().enumerate() {
            (self.options[row], self.values[row]) = (option, value);
            self.labels[row] = label;
        }
        if let Some(row) = own.and_then(|own| self.options.iter().position(|option| *option == own)) {
            self.row = row;
        }
    }

    fn take_up(&mut self, choice: &Choice) {
        let place = |options: &[u16], option: u16| options.iter().position(|known| *known == option);
        match choice {
            Choice::Yes => self.choice = Some(0),
            Choice::No => self.choice = Some(1),
            Choice::Abstain if self.system.has_options() => self.choice = Some(self.labels.len().saturating_sub(1)),
            Choice::Abstain => self.choice = Some(2),
            Choice::Veto => self.choice = Some(3),
            Choice::Pick(option) => self.choice = place(&self.options, *option),
            Choice::Approve(options) => {
                for option in options {
                    self.set(*option, 1);
                }
            }
            Choice::Rank(ranking) => {
                for (row, option) in ranking.iter().enumerate() {
                    if let Some(found) = place(&self.options, *option).filter(|found| row <= *found) {
                        self.labels[row..=found].rotate_right(1);
                        self.options[row..=found].rotate_right(1);
                        self.values[row] = Some(1);
                    }
                }
            }
            // Zeros alone, as the log has them.
            Choice::Score(none) | Choice::Credits(none) if none.is_empty() => self.values.fill(Some(0)),
            Choice::Score(values) | Choice::Split(values) | Choice::Credits(values) => {
                for (option, value) in values {
                    self.set(*option, *value);
                }
            }
        }
        self.row = self.choice.filter(|_| self.is_one_of()).unwrap_or(0);
    }

    fn set(&mut self, option: u16, value: u16) {
        if let Some(row) = self.options.iter().position(|known| *known == option) {
            self.values[row] = Some(value);
        }
    }
}
