//! Proposal: what is to be decided, and exactly what happens if it passes.

use super::effect::Effect;
use super::text::{check_line, check_lines, check_name};
use super::{EntryKind, LaneBody};
use crate::charter::Class;
use crate::codec::{Canonical, DecodeError, Reader, Writer, check_ascending, check_length};
use crate::delegation::Tag;
use crate::hash::{tag, tagged_hash};
use crate::id::{DaoId, MemberId, NetworkId, ProposalId};
use crate::text;
use crate::voting::{MAX_OPTIONS, System};

/// Longest title in bytes.
pub const MAX_TITLE: usize = 120;
/// Longest body in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Most tags of a proposal.
pub const MAX_TAGS: usize = 8;
/// Longest label of an option in bytes.
pub const MAX_LABEL: usize = 120;
/// What every ballot has beside the options, in small letters.
const RESERVED_LABELS: [&str; 3] = ["none of these", "none", "abstain"];

/// The exact content that is voted on (G-24). Its hash is the proposal's id; an edit is another proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalContent {
    /// Class; decides the rules together with the amount. Every effect is of this class.
    pub class: Class,
    /// 1 to 120 bytes.
    pub title: String,
    /// At most 16 KiB.
    pub body: String,
    /// Topics, at most 8, ascending. Delegations may name them.
    pub tags: Vec<Tag>,
    /// How it is voted on.
    pub system: System,
    /// What members choose among; a question has exactly one option, without label, whose effects a yes brings about.
    pub options: Vec<ProposalOption>,
    /// Of which earlier proposal this is a new version; `None` for a first version.
    pub version_of: Option<Version>,
    /// The request for proposals that this answers.
    pub request: Option<ProposalId>,
}

/// One option of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalOption {
    /// What it is called; empty in a question, else 1 to 120 bytes and unlike every other.
    pub label: String,
    /// What happens if it wins; at most 16 effects of one kind.
    pub effects: Vec<Effect>,
}

/// The place of a version among the versions of a proposal (G-89).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The first version, which names the thread.
    pub thread: ProposalId,
    /// The version that this one replaces.
    pub previous: ProposalId,
}

impl ProposalContent {
    /// A question with one list of effects under yes/no/abstain: the plain case.
    #[must_use]
    pub fn question(class: Class, title: impl Into<String>, body: impl Into<String>, effects: Vec<Effect>) -> Self {
        Self {
            class,
            title: title.into(),
            body: body.into(),
            tags: Vec::new(),
            system: System::YesNoAbstain,
            options: vec![ProposalOption { label: String::new(), effects }],
            version_of: None,
            request: None,
        }
    }

    /// The id under which `author` proposes this (G-25).
    #[must_use]
    pub fn id(&self, network: NetworkId, dao: DaoId, author: MemberId) -> ProposalId {
        ProposalId(tagged_hash(tag::PROPOSAL, &[&network.0, &dao.0, &author.0, &self.to_bytes()]))
    }

    /// The thread it belongs to when its own id is `id`: the first version's.
    #[must_use]
    pub fn thread(&self, id: ProposalId) -> ProposalId {
        self.version_of.map_or(id, |version| version.thread)
    }

    /// Options as a counter of ballots numbers them: 0 for a question (V-2).
    #[must_use]
    pub fn option_count(&self) -> u16 {
        match self.system.has_options() {
            // Saturation cannot be reached: `check` bounds the options by 62.
            true => u16::try_from(self.options.len()).unwrap_or(u16::MAX),
            false => 0,
        }
    }

    /// What happens when `option` wins; of a question, when it passes (`None`).
    #[must_use]
    pub fn effects(&self, option: Option<u16>) -> &[Effect] {
        self.options.get(usize::from(option.unwrap_or(0))).map_or(&[], |option| &option.effects)
    }

    /// Most satoshis that may leave the treasury by any of its options, fees included. 0 for text.
    #[must_use]
    pub fn amount_sat(&self) -> u64 {
        // Saturation cannot be reached: `check` bounds every effect, and one that pays stands alone.
        let amount = |effect: &Effect| effect.amount_sat().unwrap_or(u64::MAX);
        let option_sat = |option: &ProposalOption| option.effects.iter().map(amount).fold(0, u64::saturating_add);
        self.options.iter().map(option_sat).max().unwrap_or(0)
    }

    /// The rules of the content by itself (G-24, G-82, G-83); decoding applies them.
    ///
    /// # Errors
    /// [`DecodeError`] naming clause, field and value.
    pub fn check(&self) -> Result<(), DecodeError> {
        check_line("proposal title", &self.title, 1, MAX_TITLE)?;
        if self.title.trim().is_empty() {
            return Err(rule("G-24", "proposal title", "is blank".into()));
        }
        check_lines("proposal body", &self.body, 0, MAX_BODY)?;
        check_length("proposal tags", self.tags.len(), 0, MAX_TAGS)?;
        check_ascending("G-24", "proposal tags", &self.tags, |tag| tag)?;
        if self.system.has_options() {
            self.check_options()?;
        } else {
            self.check_question()?;
        }
        self.options.iter().try_for_each(|option| self.check_effects(&option.effects))
    }

    fn check_question(&self) -> Result<(), DecodeError> {
        let [option] = self.options.as_slice() else {
            let problem = format!("are {}; a question under {} has one", self.options.len(), self.system.name());
            return Err(rule("G-24", "options", problem));
        };
        if !option.label.is_empty() {
            return Err(rule("G-24", "option label", format!("is {:?}; a question's is empty", option.label)));
        }
        // G-83: whoever passes a question does something by it; text, nothing.
        match (self.class, option.effects.is_empty()) {
            (Class::Text, true) | (_, false) => Ok(()),
            (class, true) => Err(rule("G-83", "effects", format!("are none, but the class is {}", class.name()))),
        }
    }

    fn check_options(&self) -> Result<(), DecodeError> {
        self.system.check(self.option_count()).map_err(|fault| fault.of_field("options"))?;
        for (index, option) in self.options.iter().enumerate() {
            let label = &option.label;
            check_name("option label", label, 1, MAX_LABEL)?;
            if label.trim() != label {
                return Err(rule("G-24", "option label", format!("{label:?} begins or ends with a blank")));
            }
            if let Some(blank) = text::odd_blank(label) {
                let problem = format!("{label:?} has {blank}, which looks like a single blank");
                return Err(rule("G-24", "option label", problem));
            }
            let folded = text::folded(label);
            if RESERVED_LABELS.contains(&folded.as_str()) {
                return Err(rule("G-24", "option label", format!("{label:?} is what every ballot has by itself")));
            }
            if self.options[..index].iter().any(|other| text::folded(&other.label) == folded) {
                return Err(rule("G-24", "option label", format!("{label:?} comes twice")));
            }
        }
        Ok(())
    }

    fn check_effects(&self, effects: &[Effect]) -> Result<(), DecodeError> {
        let Some(first) = effects.first() else { return Ok(()) };
        for effect in effects {
            effect.check()?;
            if effect.class() != self.class {
                let (class, own) = (effect.class().name(), self.class.name());
                return Err(rule("G-83", "effect", format!("is of class {class}, the proposal of class {own}")));
            }
        }
        match effects.len() {
            count if count > first.most() => {
                Err(rule("G-83", "effects", format!("are {count}; an option has at most {} of them", first.most())))
            }
            _ => Ok(()),
        }
    }
}

impl LaneBody for ProposalContent {
    const KIND: EntryKind = EntryKind::Proposal;
    const TAG: &'static str = tag::SIGN_PROPOSAL;
}

impl Canonical for ProposalContent {
    fn encode(&self, w: &mut Writer) {
        w.u8(1);
        self.class.encode(w);
        w.text(&self.title);
        w.text(&self.body);
        w.list(&self.tags);
        self.system.encode(w);
        w.list(&self.options);
        w.option(self.version_of, |w, version| {
            version.thread.encode(w);
            version.previous.encode(w);
        });
        w.option(self.request, |w, request| request.encode(w));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.version("proposal version")?;
        let content = Self {
            class: Canonical::decode(r)?,
            title: r.text("proposal title", MAX_TITLE)?,
            body: r.text("proposal body", MAX_BODY)?,
            tags: r.list("proposal tags", MAX_TAGS)?,
            system: Canonical::decode(r)?,
            options: r.list("options", usize::from(MAX_OPTIONS))?,
            version_of: r.option("version", |r| {
                Ok(Version { thread: Canonical::decode(r)?, previous: Canonical::decode(r)? })
            })?,
            request: r.option("request", Canonical::decode)?,
        };
        content.check()?;
        Ok(content)
    }
}

impl Canonical for ProposalOption {
    fn encode(&self, w: &mut Writer) {
        w.text(&self.label);
        w.list(&self.effects);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { label: r.text("option label", MAX_LABEL)?, effects: r.list("effects", super::effect::MAX_EFFECTS)? })
    }
}

fn rule(rule: &'static str, field: &'static str, problem: String) -> DecodeError {
    DecodeError::Rule { rule, field, problem }
}
