//! A proposal as the form has it: its fields follow from what it is about and how it is voted on.

use std::borrow::Cow;

use althing_node::api::{Class, DraftEffect, DraftOption, DraftOutput, ProposalDraft, VotedBy};
use ratatui_textarea::TextArea;

use super::order::{amount, number};
use super::systems::{QUADRATIC, SCORE, chooses};
use super::{Field, FieldEntry, Form, FormKind, MAX_BODY_BYTES, MAX_TITLE_BYTES, several_lines, systems};
use crate::parts;
use crate::untrusted::is_showable;

/// A decision in words.
pub(super) const QUESTION: &str = "a question";
const PAYMENT: &str = "a payment";
const BUDGET: &str = "a budget";
const STOP_BUDGET: &str = "the end of a budget";
const RULES: &str = "other rules";
const ADMIT: &str = "a new member";
const EXPEL: &str = "the end of a membership";
const ELECT: &str = "other treasurers";
const KEYS: &str = "other keys of the hub";
const CONFISCATE: &str = "a deposit taken";
const PAUSE: &str = "a pause";
const REQUEST: &str = "a call for proposals";

/// What a proposal can be about.
const ABOUT: [&str; 12] =
    [QUESTION, PAYMENT, BUDGET, STOP_BUDGET, RULES, ADMIT, EXPEL, ELECT, KEYS, CONFISCATE, PAUSE, REQUEST];

/// The option whose effects the fields show.
const OF_OPTION: &str = "Of option";

/// The numbers of options, as many as a proposal can have (V-2).
const NUMBERS: [&str; 62] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
    "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39",
    "40", "41", "42", "43", "44", "45", "46", "47", "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58",
    "59", "60", "61", "62",
];

/// Fields that belong to the proposal; the others belong to one of its options.
const OF_ALL: [&str; 10] =
    ["Title", "About", "Vote by", "Options", "Grades up to", "Credits", OF_OPTION, "Tags", "Version of", "Answers"];

/// The fields of a proposal that is about that and voted on so, as far as the charter allows it; empty, of its options those of one.
pub(super) fn fields(about: &str, system: &str, voted_by: &[VotedBy]) -> Vec<Field> {
    let systems = systems::offered(about, voted_by);
    let system = systems::fitting(&systems, system);
    let by_option = has_choices(about) && chooses(system);
    let mut fields = vec![
        Field::line("Title", "one line, at most 120 bytes", ""),
        Field::one_of("About", ABOUT.as_slice()),
        Field::one_of("Vote by", systems),
    ];
    for (field, choice) in fields[1..].iter_mut().zip([about, system]) {
        if let FieldEntry::OneOf(of, at) = &mut field.entry {
            *at = of.iter().position(|known| *known == choice).unwrap_or(0);
        }
    }
    if by_option {
        fields.push(Field::line("Options", "one; another; a third", ""));
    }
    let scale = || systems::scale(about, system, voted_by);
    match system {
        SCORE if by_option => fields.push(Field::line("Grades up to", "the highest grade", scale())),
        QUADRATIC if by_option => fields.push(Field::line("Credits", "of every member", scale())),
        _ => {}
    }
    if by_option && about != QUESTION {
        fields.push(Field::one_of(OF_OPTION, &NUMBERS[..1]));
    }
    fields.extend(effect_fields(about, by_option));
    fields.push(Field::line("Tags", "words, with commas; or none", ""));
    fields.push(Field::line("Version of", "number of the proposal it replaces; or none", ""));
    fields.push(Field::line("Answers", "number of the call for proposals it answers; or none", ""));
    fields
}

/// The fields of what happens if it passes.
fn effect_fields(about: &str, by_option: bool) -> Vec<Field> {
    let line = |label, hint| Field::line(label, hint, "");
    match about {
        PAYMENT => vec![
            line("Pay to", "an address; several: address=satoshis, another=satoshis"),
            line("Amount", "satoshis, for one address"),
            line("Fee up to", "satoshis"),
        ],
        BUDGET => {
            let mut fields = vec![
                line("Pay to", "the address that every milestone pays"),
                line("Milestones", "satoshis@blocks=what for; more@later blocks=what else"),
                line("Fee up to", "satoshis, of each payment"),
            ];
            if by_option {
                fields.push(line("Budget", "number of one that ends instead; or none"));
            }
            fields
        }
        STOP_BUDGET => vec![line("Budget", "number of the proposal, like #3")],
        RULES => vec![line("Why", "the text of the proposal; the whole new charter is below")],
        ADMIT => vec![line("Members", "vote keys, with commas")],
        EXPEL => vec![line("Members", "names or vote keys, with commas")],
        ELECT => vec![
            line("Descriptor", "output descriptor of the new treasury; althing treasury policy writes one"),
            line("Treasurers", "name=key, another=key"),
        ],
        KEYS => vec![
            line("Hub node", "the hub's new node key; or none"),
            line("Hub log", "the hub's new log key; or none"),
            line("Anchor", "the new anchor key; or none"),
        ],
        CONFISCATE => vec![
            line("Deposit for", "number of the proposal for which it is held"),
            line("Member", "who holds it: name or vote key; several: name=satoshis, #4/other=satoshis"),
            line("Amount", "satoshis, of one member"),
        ],
        PAUSE => vec![
            line("Blocks", "for how many blocks authorisations wait"),
            line("Classes", "of which classes, with commas, such as spend, budget"),
        ],
        REQUEST => vec![
            line("Taken for", "blocks in which proposals are taken"),
            line("Up to", "satoshis that one of them may move"),
        ],
        _ => Vec::new(),
    }
}

/// Whether it may be about several things of which one is chosen.
pub(super) fn has_choices(about: &str) -> bool {
    about != REQUEST
}

/// The class of what has no options, by the words for what it is about.
pub(super) fn class_of(about: &str) -> Class {
    match about {
        PAYMENT => Class::Spend,
        BUDGET | STOP_BUDGET => Class::Budget,
        RULES => Class::RuleChange,
        ADMIT => Class::Admit,
        EXPEL => Class::Expel,
        ELECT => Class::ElectTreasurers,
        KEYS => Class::ReplaceKeys,
        CONFISCATE => Class::Confiscate,
        PAUSE => Class::Pause,
        REQUEST => Class::Request,
        _ => Class::Text,
    }
}

impl Form {
    /// Shows the fields that its choices ask for. What was put into the others is kept, and comes back with them.
    pub(super) fn fit(&mut self) {
        let here = self.fields.get(self.at).map(|field| field.label);
        let (about, system) = (self.get("About").to_owned(), self.get("Vote by").to_owned());
        let system = systems::fitting(&systems::offered(&about, &self.voted_by), &system);
        let mut fields = fields(&about, system, &self.voted_by);
        let options = self.count_options();
        let next = if chooses(system) { self.option_shown().min(options) } else { 1 };
        self.put_away();
        self.option = next;
        for field in &mut fields {
            let of = self.option_of(field.label);
            match &mut field.entry {
                FieldEntry::OneOf(numbers, at) if field.label == OF_OPTION => {
                    (*numbers, *at) = (Cow::Borrowed(&NUMBERS[..options]), next - 1);
                }
                FieldEntry::OneOf(..) | FieldEntry::Secret(_) => {}
                FieldEntry::Line(line) => {
                    let kept = self.hidden.iter().find(|(option, kept)| *option == of && kept.label == field.label);
                    if let Some((_, Field { entry: FieldEntry::Line(kept), .. })) = kept {
                        line.clone_from(kept);
                    }
                }
            }
        }
        self.fields = fields;
        let place = here.and_then(|label| self.fields.iter().position(|field| field.label == label));
        self.go(place.unwrap_or(self.at));
        self.fit_body();
    }

    /// Keeps what is in the fields shown, of the option to which they belong.
    pub(super) fn put_away(&mut self) {
        for field in std::mem::take(&mut self.fields) {
            let of = self.option_of(field.label);
            self.hidden.retain(|(option, kept)| *option != of || kept.label != field.label);
            self.hidden.push((of, field));
        }
    }

    /// The option to which a field belongs; 0 is the proposal itself.
    fn option_of(&self, label: &str) -> usize {
        if OF_ALL.contains(&label) || label == "Why" { 0 } else { self.option }
    }

    /// The option that is chosen to be shown; where there is no choice, the only one.
    pub(super) fn option_shown(&self) -> usize {
        self.get(OF_OPTION).parse().unwrap_or(1)
    }

    /// As many numbers of options to choose from as there are options by now.
    pub(super) fn number_options(&mut self) {
        let count = self.count_options();
        let field = self.fields.iter_mut().find(|field| field.label == OF_OPTION);
        if let Some(Field { entry: FieldEntry::OneOf(numbers, at), .. }) = field {
            *numbers = Cow::Borrowed(&NUMBERS[..count]);
            *at = (*at).min(count - 1);
        }
    }

    fn count_options(&self) -> usize {
        self.listed("Options", ';').len().clamp(1, NUMBERS.len())
    }

    /// What stands beside a field: the name of the option whose effects are shown, or what the charter says of the choice.
    #[must_use]
    pub fn beside(&self, label: &str) -> Option<String> {
        if self.kind == FormKind::Proposal
            && let Some(words) = systems::beside(label, self.get("About"), &self.voted_by)
        {
            return Some(words.to_owned());
        }
        let named = self.listed("Options", ';').into_iter().nth(self.option_shown().checked_sub(1)?);
        named.filter(|_| label == OF_OPTION)
    }

    /// Other rules are written as a whole charter, one for each option, so the text of several lines is another one.
    pub(super) fn fit_body(&mut self) {
        let wanted = if self.kind == FormKind::Proposal && self.about(RULES) { self.option } else { 0 };
        if let Some(body) = self.body.as_mut().filter(|_| self.body_of != wanted) {
            let text = self.hidden_bodies.remove(&wanted).unwrap_or_else(|| several_lines(""));
            self.hidden_bodies.insert(self.body_of, std::mem::replace(body, text));
            self.body_of = wanted;
        }
    }

    fn about(&self, what: &str) -> bool {
        self.get("About") == what
    }

    /// Whether the text of several lines is a charter.
    #[must_use]
    pub fn is_charter(&self) -> bool {
        self.body_of != 0
    }

    /// Whether it waits for the charter in force, which is then changed by hand.
    #[must_use]
    pub fn wants_charter(&self) -> bool {
        self.is_charter() && self.body.as_ref().is_some_and(TextArea::is_empty)
    }

    /// The charter in force, to be changed. Others wrote it: a text that cannot be shown as it is cannot be changed here
    /// either, since a part of it would be read otherwise than it is.
    pub fn take_charter(&mut self, charter: &str) {
        if charter.chars().any(|c| c != '\n' && !is_showable(c)) {
            self.problem = Some(
                "The charter in force has invisible characters; althing propose rule-change takes a new one from a file."
                    .to_owned(),
            );
        } else if self.wants_charter() {
            self.body = Some(several_lines(charter));
            self.in_force = self.text();
        }
    }

    /// The proposal.
    pub(super) fn draft(&self) -> Result<ProposalDraft, String> {
        let title = self.get("Title").to_owned();
        let body = if self.about(RULES) { self.get("Why").to_owned() } else { self.text() };
        if title.is_empty() {
            return Err("The title is empty.".to_owned());
        }
        if title.len() > MAX_TITLE_BYTES {
            return Err(format!("The title has {} bytes, at most {MAX_TITLE_BYTES} are allowed.", title.len()));
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(format!("The text has {} bytes, at most {MAX_BODY_BYTES} are allowed.", body.len()));
        }
        let mut draft = ProposalDraft::question(title, body, Vec::new());
        draft.tags = self.listed("Tags", ',');
        draft.version_of = self.given("Version of");
        draft.request = self.given("Answers");
        draft.system = self.system()?;
        if draft.system.has_options() {
            draft.options = self.options()?;
        } else {
            draft.effects = self.effects()?;
            draft.class = Some(self.class());
        }
        Ok(draft)
    }

    fn class(&self) -> Class {
        class_of(self.get("About"))
    }

    /// The options, each with what its own fields say.
    fn options(&self) -> Result<Vec<DraftOption>, String> {
        let labels = self.listed("Options", ';');
        if labels.len() < 2 {
            return Err("A choice needs two options at least, with ; between them.".to_owned());
        }
        if labels.len() > NUMBERS.len() {
            return Err(format!("{} options; at most {} are allowed (V-2).", labels.len(), NUMBERS.len()));
        }
        let mut options = Vec::with_capacity(labels.len());
        for (number, label) in (1..).zip(labels) {
            let page = self.page_of(number);
            let effects = match page.does_something() {
                true => page.effects().map_err(|problem| format!("Option {number}: {problem}"))?,
                false => Vec::new(),
            };
            options.push(DraftOption { label, effects });
        }
        if !self.about(QUESTION) && options.iter().all(|option| option.effects.is_empty()) {
            return Err("No option does anything; choose a question instead.".to_owned());
        }
        Ok(options)
    }

    /// The form with the fields of that option.
    fn page_of(&self, number: usize) -> Self {
        let mut page = self.clone();
        page.number_options();
        let field = page.fields.iter_mut().find(|field| field.label == OF_OPTION);
        if let Some(Field { entry: FieldEntry::OneOf(_, at), .. }) = field {
            *at = number - 1;
        }
        page.fit();
        page
    }

    /// Whether the option shown has anything in its own fields; the charter in force as it is changes nothing.
    fn does_something(&self) -> bool {
        if self.is_charter() {
            let text = self.text();
            return !text.is_empty() && text != self.in_force;
        }
        self.fields.iter().any(|field| self.option_of(field.label) > 0 && !field.text().trim().is_empty())
    }

    /// What happens if it passes.
    fn effects(&self) -> Result<Vec<DraftEffect>, String> {
        let effect = match self.get("About") {
            PAYMENT => {
                let to = self.needed("Pay to")?;
                let outputs = match self.get("Amount") {
                    "" => payments(to)?,
                    text if to.contains('=') => {
                        return Err(format!("Amount: the addresses have amounts of their own already, beside {text}."));
                    }
                    text => vec![DraftOutput { address: to.to_owned(), amount_sat: amount(text)? }],
                };
                self.spend(outputs)?
            }
            BUDGET if self.given("Budget").is_some() => {
                if ["Pay to", "Milestones", "Fee up to"].iter().any(|label| self.given(label).is_some()) {
                    return Err("Budget: one that ends instead, beside one that begins.".to_owned());
                }
                DraftEffect::StopBudget { proposal: self.needed("Budget")?.to_owned() }
            }
            BUDGET => DraftEffect::Budget {
                payee: self.needed("Pay to")?.to_owned(),
                milestones: self.each("Milestones", ';', parts::milestone)?,
                fee_cap_sat: amount(self.get("Fee up to"))?,
            },
            STOP_BUDGET => DraftEffect::StopBudget { proposal: self.needed("Budget")?.to_owned() },
            RULES => match self.text() {
                charter if charter.is_empty() => {
                    return Err("The charter is empty: the one in force is not here yet.".to_owned());
                }
                charter => DraftEffect::RuleChange { charter: charter + "\n" },
            },
            ADMIT => return self.each("Members", ',', |member| Ok(DraftEffect::Admit { member: member.to_owned() })),
            EXPEL => return self.each("Members", ',', |member| Ok(DraftEffect::Expel { member: member.to_owned() })),
            ELECT => DraftEffect::ElectTreasurers {
                descriptor: self.needed("Descriptor")?.to_owned(),
                treasurers: self.each("Treasurers", ',', parts::treasurer)?,
            },
            KEYS => {
                let [hub_node_key, hub_log_key, anchor_key] =
                    ["Hub node", "Hub log", "Anchor"].map(|label| self.given(label));
                if hub_node_key.is_none() && hub_log_key.is_none() && anchor_key.is_none() {
                    return Err("At least one key has to be there.".to_owned());
                }
                DraftEffect::ReplaceKeys { hub_node_key, hub_log_key, anchor_key }
            }
            CONFISCATE if self.get("Member").contains('=') => {
                if let Some(amount) = self.given("Amount") {
                    return Err(format!("Amount: the members have amounts of their own already, beside {amount}."));
                }
                let thread = self.given("Deposit for");
                return self.each("Member", ',', |part| parts::deposit(part, thread.as_deref()));
            }
            CONFISCATE => DraftEffect::Confiscate {
                proposal: self.needed("Deposit for")?.to_owned(),
                member: self.needed("Member")?.to_owned(),
                amount_sat: amount(self.get("Amount"))?,
            },
            PAUSE => DraftEffect::Pause {
                blocks: number(self.get("Blocks"), "a number of blocks")?,
                classes: self.each("Classes", ',', parts::class)?,
            },
            REQUEST => DraftEffect::Request {
                submission_blocks: number(self.get("Taken for"), "a number of blocks")?,
                budget_cap_sat: amount(self.get("Up to"))?,
            },
            _ => return Ok(Vec::new()),
        };
        Ok(vec![effect])
    }

    fn spend(&self, outputs: Vec<DraftOutput>) -> Result<DraftEffect, String> {
        Ok(DraftEffect::Spend { outputs, fee_cap_sat: amount(self.get("Fee up to"))? })
    }

    /// What is put in under that label, if anything.
    fn given(&self, label: &str) -> Option<String> {
        Some(self.get(label).to_owned()).filter(|text| !text.is_empty())
    }

    /// The parts of a line, without empty ones.
    fn listed(&self, label: &str, between: char) -> Vec<String> {
        self.get(label).split(between).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The parts of a line, each read; at least one.
    fn each<T>(
        &self,
        label: &'static str,
        between: char,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        self.needed(label)?;
        let wrong = |problem| format!("{label}: {problem}.");
        self.listed(label, between).iter().map(|part| read(part).map_err(wrong)).collect()
    }
}

/// Addresses with their amounts, and commas between them.
fn payments(text: &str) -> Result<Vec<DraftOutput>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| parts::payment(part).map_err(|problem| format!("Pay to: {problem}."))).collect()
}
