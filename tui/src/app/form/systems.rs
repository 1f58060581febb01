//! The ways to vote that the form of a proposal offers: those of the charter in force for what it is about (N-200).

use std::borrow::Cow;

use althing_node::api::{Class, System, VotedBy};

use super::Form;
use super::order::number;
use super::proposal::{class_of, has_choices};

/// The way to vote that a form begins with.
pub(super) const YES_NO: &str = "yes/no/abstain";
const VETO: &str = "yes/no with veto";
const OPTIMISTIC: &str = "optimistic";
const SINGLE: &str = "single choice";
const APPROVAL: &str = "approval";
pub(super) const SCORE: &str = "score";
const RUNOFF: &str = "instant run-off";
const SCHULZE: &str = "Schulze";
const SPLIT: &str = "split";
pub(super) const QUADRATIC: &str = "quadratic";

/// The ways to vote on everything but a call for proposals.
const SYSTEMS: [&str; 10] = [YES_NO, VETO, OPTIMISTIC, SINGLE, APPROVAL, SCORE, RUNOFF, SCHULZE, SPLIT, QUADRATIC];

/// The ways to vote on what has no alternatives.
const ANSWERS: [&str; 3] = [YES_NO, VETO, OPTIMISTIC];

/// Whether members choose among options, by the words for the way to vote.
pub(super) fn chooses(system: &str) -> bool {
    !ANSWERS.contains(&system)
}

/// The ways to vote that are offered for that: the charter's, or all where its rules are not known or there is none of the class.
pub(super) fn offered(about: &str, voted_by: &[VotedBy]) -> Cow<'static, [&'static str]> {
    let possible = possible(about);
    match allowed(about, voted_by).map(|allowed| keep(possible, allowed)) {
        Some(kept) if !kept.is_empty() => Cow::Owned(kept),
        _ => Cow::Borrowed(possible),
    }
}

/// That way to vote where it is offered, else the first that is.
pub(super) fn fitting(offered: &[&'static str], system: &str) -> &'static str {
    let wanted = offered.iter().find(|known| **known == system);
    wanted.or(offered.first()).copied().unwrap_or(YES_NO)
}

/// The highest grade, or the credits, that the charter asks for; a usual number where it does not say.
pub(super) fn scale(about: &str, system: &str, voted_by: &[VotedBy]) -> String {
    let said = allowed(about, voted_by).and_then(|allowed| {
        allowed.iter().find_map(|known| match *known {
            System::Score { max } if system == SCORE => Some(u32::from(max)),
            System::Quadratic { credits } if system == QUADRATIC => Some(credits),
            _ => None,
        })
    });
    said.unwrap_or(if system == SCORE { 5 } else { 100 }).to_string()
}

/// What the charter says of that choice, where it says anything.
pub(super) fn beside(label: &str, about: &str, voted_by: &[VotedBy]) -> Option<&'static str> {
    match (label, allowed(about, voted_by)) {
        _ if voted_by.is_empty() => None,
        ("About", None) => Some("the charter has no rule for it (G-16)"),
        ("Vote by", Some(allowed)) if keep(possible(about), allowed).is_empty() => {
            Some("none of these is in the charter (R-21)")
        }
        ("Vote by", Some(allowed)) if keep(possible(about), allowed).len() < possible(about).len() => {
            Some("as the charter allows (R-21)")
        }
        _ => None,
    }
}

fn possible(about: &str) -> &'static [&'static str] {
    if has_choices(about) { &SYSTEMS } else { &ANSWERS }
}

fn keep(possible: &[&'static str], allowed: &[System]) -> Vec<&'static str> {
    possible.iter().copied().filter(|name| allowed.iter().any(|system| words(*system) == *name)).collect()
}

fn allowed<'a>(about: &str, voted_by: &'a [VotedBy]) -> Option<&'a [System]> {
    let class: Class = class_of(about);
    voted_by.iter().find(|rule| rule.class == class).map(|rule| rule.systems.as_slice())
}

fn words(system: System) -> &'static str {
    match system {
        System::YesNoAbstain => YES_NO,
        System::YesNoVeto => VETO,
        System::Optimistic => OPTIMISTIC,
        System::SingleChoice => SINGLE,
        System::Approval => APPROVAL,
        System::Score { .. } => SCORE,
        System::InstantRunoff => RUNOFF,
        System::Schulze => SCHULZE,
        System::Split => SPLIT,
        System::Quadratic { .. } => QUADRATIC,
    }
}

impl Form {
    /// The way to vote that is chosen.
    pub(super) fn system(&self) -> Result<System, String> {
        Ok(match self.get("Vote by") {
            VETO => System::YesNoVeto,
            OPTIMISTIC => System::Optimistic,
            SINGLE => System::SingleChoice,
            APPROVAL => System::Approval,
            SCORE => System::Score { max: number(self.get("Grades up to"), "a highest grade")? },
            RUNOFF => System::InstantRunoff,
            SCHULZE => System::Schulze,
            SPLIT => System::Split,
            QUADRATIC => System::Quadratic { credits: number(self.get("Credits"), "a number of credits")? },
            _ => System::YesNoAbstain,
        })
    }
}
