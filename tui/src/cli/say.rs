//! Commands that say something in the log: what it does is shown before, and what the rules refuse is told before that.

use std::path::Path;

use althing_node::api::{
    ApiError, ErrorKind, Proposal, ProposalDraft, ProposalReview, Refused, Reply, ReportFormat, Request, Saying,
};

use super::args::{Global, Report};
use super::console::{Console, Format};
use super::failure::{CANNOT_TELL, Failure, INVALID, OK};
use super::node::{Caller, other_kind};
use super::{local, review, show};
use crate::backend::Backend;
use crate::format::sats;
use crate::untrusted::Untrusted;

/// Whether something cannot be taken back, so that a person has to look at it first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Weighty {
    /// It is said at once.
    No,
    /// Heading of the review page, and the word to type.
    Yes(&'static str, &'static str),
}

/// Says something.
pub(super) fn say(
    saying: Saying,
    weighty: Weighty,
    global: &Global,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    Caller::connect(global, backend, console)?.say(saying, weighty, console)
}

impl Caller {
    /// Puts a proposal into the log, after a review when anything follows from it; or only says what it would do.
    pub(super) fn propose(
        &self,
        draft: ProposalDraft,
        only_check: bool,
        console: &mut Console<'_>,
    ) -> Result<u8, Failure> {
        let reply = self.call(Request::ProposalReview { draft: draft.clone() })?;
        let Reply::ProposalReview(effects) = &reply else { return Err(other_kind()) };
        if only_check {
            console.answer(&reply, || show::reply(&reply))?;
            return Ok(match &effects.refusal {
                None => OK,
                Some(refused) if refused.transient => CANNOT_TELL,
                Some(_) => INVALID,
            });
        }
        permitted(effects.refusal.as_ref())?;
        if effects.class != "text" || !effects.warnings.is_empty() {
            let title = format!("Propose: {}", effects.class);
            review::confirm(console, &title, &lines(effects), "propose", self.assume_yes)?;
        }
        let reply = self.call(Request::Propose { draft })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Puts another vote key in the place of mine.
    pub(super) fn rotate_key(&self, console: &mut Console<'_>) -> Result<u8, Failure> {
        let effects = [
            "The next vote key of this folder's seed speaks for you from now on.".to_owned(),
            "The old one no longer does. Stake, ballots and deposits stay yours.".to_owned(),
            "It is signed by the key of your stake, and cannot be taken back.".to_owned(),
        ];
        review::confirm(console, "Replace my vote key", &effects, "rotate", self.assume_yes)?;
        let reply = self.call(Request::RotateKey)?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// Logs a proof of equivocation.
    pub(super) fn equivocation(&self, file: &Path, console: &mut Console<'_>) -> Result<u8, Failure> {
        let text = local::read_file(file)?;
        let mut entries = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
        let (Some(one), Some(other), None) = (entries.next(), entries.next(), entries.next()) else {
            let message = format!("G-98: {} must hold two entries, hex or ids, one a line", file.display());
            return Err(Failure::rule("G-98", message));
        };
        let reply = self.call(Request::Equivocation { entries: [one, other] })?;
        console.answer(&reply, || show::reply(&reply))
    }

    /// What differs between two versions of a proposal.
    pub(super) fn proposal_diff(&self, old: &str, new: &str, console: &mut Console<'_>) -> Result<u8, Failure> {
        let (old, new) = (self.proposal(old)?, self.proposal(new)?);
        let changes = differences(&old, &new);
        let value = serde_json::json!({ "old": old.id, "new": new.id, "changes": changes });
        console.answer(&value, || match changes.is_empty() {
            true => vec!["They say the same.".to_owned()],
            false => changes.iter().map(|change| Untrusted::new(change).line()).collect(),
        })
    }

    /// The transparency report, printed or written to a file.
    pub(super) fn report(&self, report: &Report, console: &mut Console<'_>) -> Result<u8, Failure> {
        let format: ReportFormat = match (report.format, console.format) {
            (Some(format), _) => format.into(),
            (None, Format::Words) => ReportFormat::Markdown,
            (None, Format::Json | Format::Plain) => ReportFormat::Json,
        };
        let request = Request::Report { from: report.from, to: report.to, format };
        let Reply::Text { text } = self.call(request)? else { return Err(other_kind()) };
        match &report.out {
            Some(file) => {
                std::fs::write(file, &text).map_err(|error| anyhow::anyhow!("writing {}: {error}", file.display()))?;
                let value = serde_json::json!({ "path": file, "bytes": text.len() });
                console.answer(&value, || vec![format!("{} written, {} bytes", file.display(), text.len())])
            }
            // Every form but the data is harmless already, and the data is for machines.
            None => match (console.format, format) {
                (Format::Plain, ReportFormat::Json) => {
                    let value: serde_json::Value = serde_json::from_str(&text).map_err(anyhow::Error::from)?;
                    console.answer(&value, Vec::new)
                }
                _ => console.page(&text, format == ReportFormat::Json),
            },
        }
    }

    pub(super) fn say(&self, saying: Saying, weighty: Weighty, console: &mut Console<'_>) -> Result<u8, Failure> {
        let Reply::SayReview(effects) = self.call(Request::SayReview { saying: saying.clone() })? else {
            return Err(other_kind());
        };
        permitted(effects.refusal.as_ref())?;
        if let Weighty::Yes(title, word) = weighty {
            review::confirm(console, title, &effects.sentences, word, self.assume_yes)?;
        }
        let reply = self.call(Request::Say { saying })?;
        console.answer(&reply, || show::reply(&reply))
    }

    fn proposal(&self, id: &str) -> Result<Proposal, Failure> {
        match self.call(Request::Proposal { id: id.to_owned() })? {
            Reply::Proposal(proposal) => Ok(*proposal),
            _ => Err(other_kind()),
        }
    }
}

/// What the rules refuse is refused before anybody has to look at it.
pub(super) fn permitted(refusal: Option<&Refused>) -> Result<(), Failure> {
    let Some(refusal) = refusal else { return Ok(()) };
    let kind = if refusal.transient { ErrorKind::NotNow } else { ErrorKind::Invalid };
    let rule = (!refusal.rule.is_empty()).then(|| refusal.rule.clone());
    Err(Failure(ApiError { kind, rule, message: refusal.message.clone() }))
}

fn lines(effects: &ProposalReview) -> Vec<String> {
    let mut lines = vec![format!("Title: {}", effects.title)];
    lines.extend(show::numbered(effects.options.iter().map(String::as_str)));
    lines.extend(effects.effects.iter().cloned());
    lines.extend(effects.rules.iter().cloned());
    lines.extend(effects.warnings.iter().map(|warning| format!("Think again: {warning}")));
    if effects.deposit_sat > 0 {
        lines.push(format!("You hold {} as a deposit.", sats(effects.deposit_sat)));
    }
    lines.push("A proposal is public and permanent.".to_owned());
    lines
}

/// What differs, a line each, old before new.
fn differences(old: &Proposal, new: &Proposal) -> Vec<String> {
    let mut changes = Vec::new();
    let mut field = |name: &str, old: String, new: String| {
        if old != new {
            changes.push(format!("{name}: {old} becomes {new}"));
        }
    };
    field("title", old.title.clone(), new.title.clone());
    field("class", old.class.clone(), new.class.clone());
    field("system", old.vote.system.name().to_owned(), new.vote.system.name().to_owned());
    field("tags", old.vote.tags.join(", "), new.vote.tags.join(", "));
    let labels = |p: &Proposal| p.vote.options.iter().map(|o| o.label.clone()).collect::<Vec<_>>().join(", ");
    field("options", labels(old), labels(new));
    for (name, old, new) in [
        ("effect", lines_of(&old.effects.join("\n")), lines_of(&new.effects.join("\n"))),
        ("text", lines_of(&old.body), lines_of(&new.body)),
    ] {
        changes.extend(old.iter().filter(|line| !new.contains(line)).map(|line| format!("{name} - {line}")));
        changes.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("{name} + {line}")));
    }
    changes
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
