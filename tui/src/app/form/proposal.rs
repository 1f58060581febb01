//! A proposal as the form has it: its fields follow from what it is about and how it is voted on.

use althing_node::api::{Class, DraftEffect, DraftOption, DraftOutput, ProposalDraft, System};
use ratatui_textarea::TextArea;

use super::order::{amount, number};
use super::{Field, FieldEntry, Form, FormKind, MAX_BODY_BYTES, MAX_TITLE_BYTES, several_lines};
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

/// The way to vote that a form begins with.
pub(super) const YES_NO: &str = "yes/no/abstain";
const VETO: &str = "yes/no with veto";
const OPTIMISTIC: &str = "optimistic";
const SINGLE: &str = "single choice";
const APPROVAL: &str = "approval";
const SCORE: &str = "score";
const RUNOFF: &str = "instant run-off";
const SCHULZE: &str = "Schulze";
const SPLIT: &str = "split";
const QUADRATIC: &str = "quadratic";

/// The ways to vote on a question or a payment.
const SYSTEMS: [&str; 10] = [YES_NO, VETO, OPTIMISTIC, SINGLE, APPROVAL, SCORE, RUNOFF, SCHULZE, SPLIT, QUADRATIC];

/// The ways to vote on what has no alternatives.
const ANSWERS: [&str; 3] = [YES_NO, VETO, OPTIMISTIC];

/// The fields of a proposal that is about that and voted on so, empty.
pub(super) fn fields(about: &str, system: &str) -> Vec<Field> {
    let systems: &'static [&'static str] = if has_choices(about) { &SYSTEMS } else { &ANSWERS };
    let mut fields = vec![
        Field::line("Title", "one line, at most 120 bytes", ""),
        Field::one_of("About", &ABOUT),
        Field::one_of("Vote by", systems),
    ];
    for (field, choice) in fields[1..].iter_mut().zip([about, system]) {
        if let FieldEntry::OneOf(of, at) = &mut field.entry {
            *at = of.iter().position(|known| *known == choice).unwrap_or(0);
        }
    }
    if has_choices(about) && chooses(system) {
        fields.push(Field::line("Options", "one; another; a third", ""));
    }
    match system {
        SCORE if has_choices(about) => fields.push(Field::line("Grades up to", "the highest grade", "5")),
        QUADRATIC if has_choices(about) => fields.push(Field::line("Credits", "of every member", "100")),
        _ => {}
    }
    fields.extend(effect_fields(about, has_choices(about) && chooses(system)));
    fields.push(Field::line("Tags", "words, with commas; or none", ""));
    fields.push(Field::line("Version of", "number of the proposal it replaces; or none", ""));
    fields.push(Field::line("Answers", "number of the call for proposals it answers; or none", ""));
    fields
}

/// The fields of what happens if it passes.
fn effect_fields(about: &str, by_option: bool) -> Vec<Field> {
    let line = |label, hint| Field::line(label, hint, "");
    match about {
        PAYMENT if by_option => vec![
            line("Pay to", "address=satoshis, and=more; for the second option; nothing for the third"),
            line("Fee up to", "satoshis, of each payment"),
        ],
        PAYMENT => vec![
            line("Pay to", "an address; several: address=satoshis, another=satoshis"),
            line("Amount", "satoshis, for one address"),
            line("Fee up to", "satoshis"),
        ],
        BUDGET => vec![
            line("Pay to", "the address that every milestone pays"),
            line("Milestones", "satoshis@blocks=what for; more@later blocks=what else"),
            line("Fee up to", "satoshis, of each payment"),
        ],
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
            line("Member", "who holds it: name or vote key"),
            line("Amount", "satoshis"),
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
fn has_choices(about: &str) -> bool {
    matches!(about, QUESTION | PAYMENT)
}

/// Whether members choose among options, by the words for the way to vote.
fn chooses(system: &str) -> bool {
    !ANSWERS.contains(&system)
}

impl Form {
    /// Shows the fields that its choices ask for. What was put into the others is kept, and comes back with them.
    pub(super) fn fit(&mut self) {
        let here = self.fields.get(self.at).map(|field| field.label);
        let (about, system) = (self.get("About").to_owned(), self.get("Vote by").to_owned());
        let mut fields = fields(&about, &system);
        for field in std::mem::take(&mut self.fields) {
            self.hidden.retain(|kept| kept.label != field.label);
            self.hidden.push(field);
        }
        for field in &mut fields {
            if let (FieldEntry::Line(line), Some(Field { entry: FieldEntry::Line(kept), .. })) =
                (&mut field.entry, self.hidden.iter().find(|kept| kept.label == field.label))
            {
                line.clone_from(kept);
            }
        }
        self.fields = fields;
        let place = here.and_then(|label| self.fields.iter().position(|field| field.label == label));
        self.go(place.unwrap_or(self.at));
        self.fit_body();
    }

    /// Other rules are written as a whole charter, so the text of several lines is another one.
    pub(super) fn fit_body(&mut self) {
        let writes_rules = self.kind == FormKind::Proposal && self.about(RULES);
        if let Some(body) = self.body.as_mut().filter(|_| self.writes_rules != writes_rules) {
            std::mem::swap(body, &mut self.hidden_body);
            self.writes_rules = writes_rules;
        }
    }

    fn about(&self, what: &str) -> bool {
        self.get("About") == what
    }

    /// Whether the text of several lines is a charter.
    #[must_use]
    pub fn is_charter(&self) -> bool {
        self.writes_rules
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
        }
    }

    /// The proposal.
    pub(super) fn draft(&self) -> Result<ProposalDraft, String> {
        let title = self.get("Title").to_owned();
        let body = if self.is_charter() { self.get("Why").to_owned() } else { self.text() };
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

    fn system(&self) -> Result<System, String> {
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

    fn class(&self) -> Class {
        match self.get("About") {
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

    /// The options, each with the payment that stands in its place.
    fn options(&self) -> Result<Vec<DraftOption>, String> {
        let labels = self.listed("Options", ';');
        if labels.len() < 2 {
            return Err("A choice needs two options at least, with ; between them.".to_owned());
        }
        let mut options: Vec<DraftOption> =
            labels.into_iter().map(|label| DraftOption { label, effects: Vec::new() }).collect();
        if self.about(PAYMENT) {
            let groups: Vec<&str> = self.get("Pay to").split(';').map(str::trim).collect();
            if groups.len() > options.len() {
                return Err(format!(
                    "{} groups of payments, with ; between them, for {} options.",
                    groups.len(),
                    options.len()
                ));
            }
            for (option, group) in options.iter_mut().zip(groups).filter(|(_, group)| !group.is_empty()) {
                option.effects.push(self.spend(payments(group)?)?);
            }
            if options.iter().all(|option| option.effects.is_empty()) {
                return Err("Pay to: no option pays anything; choose a question instead.".to_owned());
            }
        }
        Ok(options)
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
