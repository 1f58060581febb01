//! Choices: from the words of each voting system to a ballot's fields, and back.

use althing_governance::entry::ProposalContent;
use althing_governance::voting::{BallotFault, System};

use crate::api::{ApiError, Choice, NONE, option_name};

/// The fields of the ballot that a choice on `content` means.
///
/// # Errors
/// `V-3` for words of another voting system, `V-4` for an option that is not there, `V-5` for one that is named twice, else the
/// clause of docs/spec/voting.md that the ballot breaks.
pub fn fields(content: &ProposalContent, choice: &Choice) -> Result<Vec<u16>, ApiError> {
    let (system, options) = (content.system, content.option_count());
    let fields = match (choice, system) {
        (Choice::Abstain, system) if system.has_options() => Vec::new(),
        (Choice::Abstain, _) => vec![0],
        (Choice::Yes, system) if !system.has_options() => vec![1],
        (Choice::No, system) if !system.has_options() => vec![2],
        (Choice::Veto, System::YesNoVeto) => vec![3],
        (Choice::Pick(option), System::SingleChoice) => vec![place(*option, options)?],
        (Choice::Rank(ranking), System::InstantRunoff | System::Schulze) => {
            if let Some(twice) = ranking.iter().enumerate().find(|(at, option)| ranking[..*at].contains(*option)) {
                return Err(named_twice(*twice.1));
            }
            ranking.iter().map(|option| place(*option, options)).collect::<Result<_, _>>()?
        }
        (Choice::Approve(approved), System::Approval) => {
            let values: Vec<(u16, u16)> = approved.iter().map(|option| (*option, 1)).collect();
            spread(&values, options)?
        }
        (Choice::Score(values), System::Score { .. })
        | (Choice::Split(values), System::Split)
        | (Choice::Credits(values), System::Quadratic { .. }) => spread(values, options)?,
        _ => {
            let message = format!("V-3: \"{choice}\" is no ballot by {}; {}", system.name(), usage(system));
            return Err(ApiError::invalid("V-3", message));
        }
    };
    system.validate(options, &fields).map_err(|fault| {
        let message = match fault {
            // In the numbers that people use, who count from 1.
            BallotFault::OutOfRange { index, found, min, max } if system.has_options() => {
                let option = u16::try_from(index).map_or(NONE, |index| number(index, options));
                format!("V-4: option {} gets {found}; must be {min} to {max}", option_name(option))
            }
            fault => fault.to_string(),
        };
        ApiError::invalid(message.split(':').next().unwrap_or("V-3"), message.clone())
    })?;
    Ok(fields)
}

/// The choice that a ballot's fields mean; `None` when they are no ballot of the system.
pub fn choice(content: &ProposalContent, fields: &[u16]) -> Option<Choice> {
    let (system, options) = (content.system, content.option_count());
    system.validate(options, fields).ok()?;
    let number = |index: u16| number(index, options);
    let named = || (0u16..).zip(fields).filter(|(_, value)| **value > 0).map(|(index, value)| (number(index), *value));
    Some(match system {
        System::YesNoAbstain | System::YesNoVeto | System::Optimistic => match fields {
            [1] => Choice::Yes,
            [2] => Choice::No,
            [3] => Choice::Veto,
            _ => Choice::Abstain,
        },
        _ if fields.is_empty() => Choice::Abstain,
        System::SingleChoice => Choice::Pick(number(*fields.first()?)),
        System::Approval => Choice::Approve(named().map(|(option, _)| option).collect()),
        System::Score { .. } => Choice::Score(named().collect()),
        System::InstantRunoff | System::Schulze => Choice::Rank(fields.iter().map(|index| number(*index)).collect()),
        System::Split => Choice::Split(named().collect()),
        System::Quadratic { .. } => Choice::Credits(named().collect()),
    })
}

/// How a ballot by a system is written.
fn usage(system: System) -> &'static str {
    match system {
        System::YesNoAbstain | System::Optimistic => "say yes, no or abstain",
        System::YesNoVeto => "say yes, no, abstain or veto",
        System::SingleChoice => "pick one option or none, or abstain",
        System::Approval => "approve any options, or abstain",
        System::Score { .. } => "score options, or abstain",
        System::InstantRunoff | System::Schulze => "rank options, best first, or abstain",
        System::Split => "split 10,000 parts over options, or abstain",
        System::Quadratic { .. } => "spend credits on options, or abstain",
    }
}

fn named_twice(option: u16) -> ApiError {
    ApiError::invalid("V-5", format!("V-5: option {} is named twice", option_name(option)))
}

/// The number by which people call the option at an index.
pub(super) fn number(index: u16, options: u16) -> u16 {
    if index < options { index + 1 } else { NONE }
}

/// The index of an option that people number from 1.
fn place(option: u16, options: u16) -> Result<u16, ApiError> {
    match option {
        NONE => Ok(options),
        number if number <= options => Ok(number - 1),
        number => Err(ApiError::invalid(
            "V-4",
            format!("V-4: there is no option {number}; options are numbered 1 to {options}, and none"),
        )),
    }
}

/// One field for each option, 0 where nothing is said.
fn spread(values: &[(u16, u16)], options: u16) -> Result<Vec<u16>, ApiError> {
    let mut fields = vec![None; usize::from(options) + 1];
    for (option, value) in values {
        let field = &mut fields[usize::from(place(*option, options)?)];
        if field.replace(*value).is_some() {
            return Err(named_twice(*option));
        }
    }
    Ok(fields.into_iter().map(Option::unwrap_or_default).collect())
}
