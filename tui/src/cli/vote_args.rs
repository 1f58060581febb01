//! `vote`: a ballot of every voting system on the command line.

use althing_node::api::{Choice, NONE};
use clap::{ArgGroup, Args, ValueEnum};

use super::failure::Failure;

/// `vote`. Options are numbered from 1 in the order shown; `none` is "none of these".
#[derive(Debug, Args)]
#[command(
    override_usage = "althing vote [OPTIONS] <PROPOSAL> <CHOICE|--pick ..|--approve ..|--score ..|--rank ..|--split ..|--credits ..>"
)]
#[command(group(ArgGroup::new("ballot").required(true).args(["choice", "pick", "approve", "score", "rank", "split", "credits"])))]
pub struct Vote {
    /// The proposal: its number, like '#3', or its id or the first digits of it.
    pub proposal: String,
    /// The choice on a question; `abstain` also where there are options.
    pub choice: Option<ChoiceArg>,
    /// One option, like 2 or none; single choice.
    #[arg(long, value_name = "OPTION")]
    pub pick: Option<String>,
    /// Every acceptable option, like 1,3; approval.
    #[arg(long, value_name = "OPTIONS")]
    pub approve: Option<String>,
    /// Grades, like 1=5,2=0; score.
    #[arg(long, value_name = "OPTION=GRADE,..")]
    pub score: Option<String>,
    /// Options, best first, like 2,1,none; instant run-off and Schulze.
    #[arg(long, value_name = "OPTIONS")]
    pub rank: Option<String>,
    /// Parts of 10,000, like 1=6000,2=4000; split.
    #[arg(long, value_name = "OPTION=PARTS,..")]
    pub split: Option<String>,
    /// Votes bought at the price of their squares, like 1=3,2=1; quadratic.
    #[arg(long, value_name = "OPTION=VOTES,..")]
    pub credits: Option<String>,
    /// A public reason.
    #[arg(long)]
    pub reason: Option<String>,
    /// Cast the ballot of my treasury key, where the treasurers decide as a body of their own.
    #[arg(long)]
    pub as_treasurer: bool,
}

/// A choice on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChoiceArg {
    /// For the proposal.
    Yes,
    /// Against it.
    No,
    /// Neither.
    Abstain,
    /// Against it, and more than that.
    Veto,
}

impl Vote {
    /// The choice that the options make.
    ///
    /// # Errors
    /// A number that is none, under the clause V-4; no option at all, under V-3.
    pub(super) fn choice(&self) -> Result<Choice, Failure> {
        let choice = self.read()?;
        choice.expect_named()?;
        Ok(choice)
    }

    fn read(&self) -> Result<Choice, Failure> {
        if let Some(choice) = self.choice {
            return Ok(match choice {
                ChoiceArg::Yes => Choice::Yes,
                ChoiceArg::No => Choice::No,
                ChoiceArg::Abstain => Choice::Abstain,
                ChoiceArg::Veto => Choice::Veto,
            });
        }
        if let Some(text) = &self.pick {
            return Ok(Choice::Pick(option(text.trim())?));
        }
        if let Some(text) = &self.approve {
            return Ok(Choice::Approve(all(text, option)?));
        }
        if let Some(text) = &self.score {
            return Ok(Choice::Score(all(text, value)?));
        }
        if let Some(text) = &self.rank {
            return Ok(Choice::Rank(all(text, option)?));
        }
        if let Some(text) = &self.split {
            return Ok(Choice::Split(all(text, value)?));
        }
        let credits = self.credits.as_ref().ok_or_else(|| Failure::usage("No choice is given."))?;
        Ok(Choice::Credits(all(credits, value)?))
    }
}

fn all<T>(text: &str, read: fn(&str) -> Result<T, Failure>) -> Result<Vec<T>, Failure> {
    list(text).map(read).collect()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn option(text: &str) -> Result<u16, Failure> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(NONE);
    }
    match text.parse() {
        Ok(NONE) | Err(_) => Err(Failure::rule(
            "V-4",
            format!("V-4: {text:?} is no option; options are numbered from 1, and `none` is none of these"),
        )),
        Ok(number) => Ok(number),
    }
}

fn value(text: &str) -> Result<(u16, u16), Failure> {
    let (left, right) =
        text.split_once('=').ok_or_else(|| Failure::rule("V-4", format!("V-4: {text:?} is not OPTION=NUMBER")))?;
    let number = right
        .trim()
        .parse()
        .map_err(|_| Failure::rule("V-4", format!("V-4: {right:?} is not a number from 0 to 65535")))?;
    Ok((option(left.trim())?, number))
}
