//! Forms: fields of one line or one of several choices, and sometimes a text of several lines.

use althing_node::api::{
    Class, DelegatePart, DelegateScope, DraftEffect, DraftOption, DraftOutput, ProofStatement, ProposalDraft, Request,
    Saying, System,
};
use ratatui_textarea::{TextArea, WrapMode};

use super::order::Order;
use crate::format::{grouped, sats, thousands};

/// Longest title in bytes, as the node takes it.
const MAX_TITLE_BYTES: usize = 120;

/// Longest comment in bytes, as the node takes it.
const MAX_COMMENT_BYTES: usize = 4096;

/// Longest proposal text in bytes, as the node takes it.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Longest line in a field, bytes.
pub(super) const MAX_LINE_BYTES: usize = 480;

/// Steps back that are remembered.
const MAX_UNDO: usize = 100;

/// The ways to vote that a form offers.
const SYSTEMS: [&str; 9] = [
    "yes/no/abstain",
    "yes/no with veto",
    "single choice",
    "approval",
    "score 0-5",
    "instant run-off",
    "Schulze",
    "split",
    "quadratic, 100 credits",
];

/// Where delegated weight goes: on everything, or on one class.
const SCOPES: [&str; 2] = ["everything", "tag"];

/// A form.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is about.
    pub kind: FormKind,
    /// The fields above the text.
    pub fields: Vec<Field>,
    /// The text of several lines, where there is one.
    pub body: Option<TextArea<'static>>,
    /// The field with the keyboard; behind the fields comes the text.
    pub at: usize,
    /// What is wrong with it.
    pub problem: Option<String>,
    undo: Vec<Vec<Field>>,
    redo: Vec<Vec<Field>>,
}

/// What a form is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormKind {
    /// A comment on the proposal of that id, answering one of its comments or none.
    Comment {
        /// Id of the proposal.
        proposal: String,
        /// Id of the comment answered.
        parent: Option<String>,
    },
    /// A remark of the author on the proposal of that id.
    Remark {
        /// Id of the proposal.
        proposal: String,
    },
    /// A proposal.
    Proposal,
    /// A delegation.
    Delegate,
    /// The end of a delegation.
    Revoke,
    /// A new stake channel.
    StakeOpen,
    /// The end of a stake channel.
    StakeClose {
        /// Its id.
        channel: String,
        /// What is in it, satoshis.
        amount_sat: u64,
    },
    /// A payment out of a stake channel.
    Pay {
        /// Its id.
        channel: String,
    },
    /// An invitation.
    Invite,
    /// The voice of a guardian.
    Guard {
        /// Id of the proposal.
        proposal: String,
    },
    /// A deposit.
    Deposit {
        /// Id of the proposal's first version.
        thread: String,
    },
    /// A proof file.
    Export {
        /// Id of the proposal.
        proposal: String,
    },
    /// The report in a file.
    SaveReport,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is called.
    pub label: &'static str,
    /// What to put in, in a few words.
    pub hint: &'static str,
    /// What is in it.
    pub entry: FieldEntry,
}

/// What is in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldEntry {
    /// A line of text.
    Line(String),
    /// One of these.
    OneOf(&'static [&'static str], usize),
}

impl Field {
    fn line(label: &'static str, hint: &'static str, text: impl Into<String>) -> Self {
        Self { label, hint, entry: FieldEntry::Line(text.into()) }
    }

    fn one_of(label: &'static str, of: &'static [&'static str]) -> Self {
        Self { label, hint: "←/→ change it", entry: FieldEntry::OneOf(of, 0) }
    }

    /// What is in it, as text.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.entry {
            FieldEntry::Line(line) => line,
            FieldEntry::OneOf(of, at) => of.get(*at).copied().unwrap_or_default(),
        }
    }
}

impl Form {
    /// An empty form.
    #[must_use]
    pub fn new(kind: FormKind) -> Self {
        let fields = match &kind {
            FormKind::Comment { .. } | FormKind::Remark { .. } => Vec::new(),
            FormKind::Proposal => vec![
                Field::line("Title", "one line, at most 120 bytes", ""),
                Field::one_of("Vote by", &SYSTEMS),
                Field::line("Options", "of a choice: one; another; a third", ""),
                Field::line("Tags", "words, with commas; or none", ""),
                Field::line("Pay to", "an address, for a payment; or none", ""),
                Field::line("Amount", "satoshis; of a payment", ""),
                Field::line("Fee up to", "satoshis; of a payment", ""),
                Field::line("Version of", "number of the proposal it replaces; or none", ""),
            ],
            FormKind::Delegate => vec![
                Field::line("To", "a name or vote key; several: name=3, other=1", ""),
                Field::one_of("On", &SCOPES),
                Field::line("Tag", "which, if on a tag", ""),
                Field::line("Until", "height at which it ends; or none", ""),
            ],
            FormKind::Revoke => {
                vec![Field::one_of("On", &SCOPES), Field::line("Tag", "which, if on a tag", "")]
            }
            FormKind::StakeOpen => vec![
                Field::line("Amount", "satoshis to lock", ""),
                Field::line("Fee rate", "satoshis per virtual byte", "2"),
            ],
            FormKind::StakeClose { .. } => vec![Field::line("Fee", "satoshis, out of your part", "500")],
            FormKind::Pay { .. } => vec![Field::line("Amount", "satoshis that go to the hub", "")],
            FormKind::Invite => vec![
                Field::line("Vote key", "of the person invited, 64 hex digits", ""),
                Field::line("Until", "height at which the invitation ends", ""),
            ],
            FormKind::Guard { .. } => vec![Field::one_of("Voice", &["delay it", "stop it for good"])],
            FormKind::Deposit { .. } => vec![Field::line("Amount", "satoshis to hold", "")],
            FormKind::Export { .. } => vec![
                Field::one_of("Prove", &["my ballot is counted", "the sums and the outcome"]),
                Field::line("File", "where to write it", "proof.althing"),
            ],
            FormKind::SaveReport => {
                vec![Field::line("File", "where to write it; .md, .html, .csv or .json", "report.html")]
            }
        };
        let has_body = matches!(kind, FormKind::Comment { .. } | FormKind::Remark { .. } | FormKind::Proposal);
        let body = has_body.then(|| {
            let mut body = TextArea::default();
            body.set_wrap_mode(WrapMode::WordOrGlyph);
            body
        });
        Self { kind, fields, body, at: 0, problem: None, undo: Vec::new(), redo: Vec::new() }
    }

    /// With a text in the first field of a line.
    #[must_use]
    pub fn beginning_with(mut self, text: &str) -> Self {
        if let Some(Field { entry: FieldEntry::Line(line), .. }) = self.fields.first_mut() {
            text.clone_into(line);
        }
        self
    }

    /// Whether the text of several lines has the keyboard.
    #[must_use]
    pub fn on_body(&self) -> bool {
        self.at >= self.fields.len() && self.body.is_some()
    }

    /// Whether anything was put in that would be missed.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        let fresh = Self::new(self.kind.clone());
        self.fields != fresh.fields || self.body.as_ref().is_some_and(|body| !body.is_empty())
    }

    /// What is put in, under that label.
    #[must_use]
    pub fn get(&self, label: &str) -> &str {
        self.fields.iter().find(|field| field.label == label).map_or("", |field| field.text().trim())
    }

    /// Moves the keyboard to the next field or the one before; says whether there was one.
    pub fn step(&mut self, forward: bool) -> bool {
        let places = self.fields.len() + usize::from(self.body.is_some());
        let before = self.at;
        self.at = if forward { (self.at + 1).min(places.saturating_sub(1)) } else { self.at.saturating_sub(1) };
        self.at != before
    }

    /// Moves the keyboard to a field.
    pub fn go(&mut self, place: usize) {
        self.at = place.min((self.fields.len() + usize::from(self.body.is_some())).saturating_sub(1));
    }

    /// The next choice of the field, or the one before.
    pub fn change(&mut self, more: bool) {
        self.remember();
        if let Some(Field { entry: FieldEntry::OneOf(of, at), .. }) = self.fields.get_mut(self.at) {
            *at = if more { (*at + 1) % of.len() } else { (*at + of.len() - 1) % of.len() };
        }
    }

    /// The line with the keyboard, about to be changed.
    pub fn line_mut(&mut self) -> Option<&mut String> {
        if !matches!(self.fields.get(self.at)?.entry, FieldEntry::Line(_)) {
            return None;
        }
        self.remember();
        match &mut self.fields[self.at].entry {
            FieldEntry::Line(line) => Some(line),
            FieldEntry::OneOf(..) => None,
        }
    }

    /// Takes the last change back, or makes it again.
    pub fn travel(&mut self, back: bool) {
        if self.on_body() {
            if let Some(body) = &mut self.body {
                if back {
                    body.undo()
                } else {
                    body.redo()
                };
            }
            return;
        }
        let (from, to) = if back { (&mut self.undo, &mut self.redo) } else { (&mut self.redo, &mut self.undo) };
        if let Some(fields) = from.pop() {
            to.push(std::mem::replace(&mut self.fields, fields));
        }
    }

    fn remember(&mut self) {
        self.redo.clear();
        if self.undo.len() == MAX_UNDO {
            self.undo.remove(0);
        }
        self.undo.push(self.fields.clone());
    }

    /// The text of several lines.
    fn text(&self) -> String {
        self.body.as_ref().map(|body| body.lines().join("\n").trim_end().to_owned()).unwrap_or_default()
    }

    /// What it asks for.
    ///
    /// # Errors
    /// What is wrong with it, with the values.
    pub fn order(&self) -> Result<Order, String> {
        match &self.kind {
            FormKind::Comment { proposal, parent } => {
                let text = self.said("comment")?;
                let request =
                    Request::Comment { proposal: proposal.clone(), parent: parent.clone(), text: text.clone() };
                Ok(stated("Comment", request, "comment", public_text("comment", &text)).with_text(text))
            }
            FormKind::Remark { proposal } => {
                let text = self.said("remark")?;
                let saying = Saying::Update { proposal: proposal.clone(), text: text.clone() };
                Ok(said("Add a remark as the author", saying, "remark").with_text(text))
            }
            FormKind::Proposal => {
                let draft = self.draft()?;
                Ok(Order {
                    title: "Put a proposal into the log".to_owned(),
                    request: Request::Propose { draft: draft.clone() },
                    word: "propose",
                    effects_from: Some(Request::ProposalReview { draft: draft.clone() }),
                    effects: vec!["A proposal is public and permanent.".to_owned()],
                    text: Some(draft.body),
                })
            }
            FormKind::Delegate => {
                let until = self.get("Until");
                let until = if until.is_empty() { None } else { Some(number(until, "a height")?) };
                let saying = Saying::Delegate { to: self.receivers()?, scope: self.scope()?, until };
                Ok(said("Hand my weight on", saying, "delegate"))
            }
            FormKind::Revoke => {
                let saying = Saying::Delegate { to: Vec::new(), scope: self.scope()?, until: None };
                Ok(said("Take a delegation back", saying, "revoke"))
            }
            FormKind::StakeOpen => {
                let amount_sat: u64 = amount(self.get("Amount"))?;
                let fee_rate_sat_vb: u64 = number(self.get("Fee rate"), "a fee rate from 1 to 1000")?;
                let effects = vec![
                    format!("Locks {} in a Taproot channel with the hub. They stay yours.", sats(amount_sat)),
                    format!("Pays the funding transaction's fee at {fee_rate_sat_vb} sat/vB besides."),
                    "The amount, your vote key and your name become public to the DAO.".to_owned(),
                    "It counts as stake after its confirmations, from the next roll on.".to_owned(),
                ];
                let request = Request::StakeOpen { amount_sat, fee_rate_sat_vb };
                Ok(stated("Open a stake channel", request, "stake", effects))
            }
            FormKind::StakeClose { channel, amount_sat } => {
                let fee_sat: u64 = amount(self.get("Fee"))?;
                let effects = vec![
                    format!("Closes the channel {} that holds {}.", grouped(channel), sats(*amount_sat)),
                    format!("The closing transaction costs {}, out of your output.", sats(fee_sat)),
                    format!(
                        "At most {} return to your wallet, less what the channel owes.",
                        sats(amount_sat.saturating_sub(fee_sat))
                    ),
                    "The weight of this stake is lost from the next roll on.".to_owned(),
                ];
                let request = Request::StakeClose { channel: channel.clone(), fee_sat };
                Ok(stated("Close a stake channel", request, "close", effects))
            }
            FormKind::Pay { channel } => {
                let amount_sat = amount(self.get("Amount"))?;
                let effects = vec![
                    format!("Gives {} of the channel {} to the hub.", sats(amount_sat), grouped(channel)),
                    "It cannot be taken back, and your stake is that much smaller.".to_owned(),
                    "The new balances are signed by both sides and become public to the DAO.".to_owned(),
                ];
                let request = Request::ChannelPay { channel: channel.clone(), amount_sat };
                Ok(stated("Pay out of a channel", request, "pay", effects))
            }
            FormKind::Invite => {
                let saying = Saying::Invite {
                    member: self.get("Vote key").to_owned(),
                    until: number(self.get("Until"), "a height")?,
                };
                Ok(said("Invite a member", saying, "invite"))
            }
            FormKind::Guard { proposal } => {
                let veto = self.get("Voice") == "stop it for good";
                Ok(said("Speak as a guardian", Saying::Guard { proposal: proposal.clone(), veto }, "guard"))
            }
            FormKind::Deposit { thread } => {
                let saying = Saying::HoldDeposit { thread: thread.clone(), amount_sat: amount(self.get("Amount"))? };
                Ok(said("Hold a deposit", saying, "hold"))
            }
            FormKind::Export { .. } | FormKind::SaveReport => Err("This is written at once.".to_owned()),
        }
    }

    /// The proof file that is asked for.
    pub(super) fn export(&self, proposal: &str) -> Result<Request, String> {
        let file = self.get("File");
        if file.is_empty() {
            return Err("The file needs a name.".to_owned());
        }
        let statement = match self.get("Prove") {
            "my ballot is counted" => ProofStatement::Ballot { member: None },
            _ => ProofStatement::Tally,
        };
        // The node that writes the file may run in another folder.
        let path = std::path::absolute(file).map_err(|error| format!("{file:?} is no path: {error}"))?;
        Ok(Request::ProofExport { proposal: proposal.to_owned(), statement, path })
    }

    fn said(&self, what: &str) -> Result<String, String> {
        let text = self.text();
        match text.len() {
            0 => Err(format!("The {what} is empty.")),
            bytes if bytes > MAX_COMMENT_BYTES => {
                Err(format!("The {what} has {bytes} bytes, at most {MAX_COMMENT_BYTES} are allowed."))
            }
            _ => Ok(text),
        }
    }

    fn receivers(&self) -> Result<Vec<DelegatePart>, String> {
        let parts = self.get("To").split(',').map(str::trim).filter(|part| !part.is_empty());
        let receivers: Result<Vec<DelegatePart>, String> = parts
            .map(|part| match part.rsplit_once('=') {
                Some((member, parts)) => Ok(DelegatePart {
                    member: member.trim().to_owned(),
                    parts: number(parts.trim(), "a number of parts")?,
                }),
                None => Ok(DelegatePart { member: part.to_owned(), parts: 1 }),
            })
            .collect();
        match receivers {
            Ok(receivers) if receivers.is_empty() => Err("Say to whom.".to_owned()),
            other => other,
        }
    }

    fn scope(&self) -> Result<DelegateScope, String> {
        match (self.get("On"), self.get("Tag")) {
            ("tag", "") => Err("Say on which tag.".to_owned()),
            ("tag", tag) => Ok(DelegateScope::Tag(tag.to_owned())),
            _ => Ok(DelegateScope::All),
        }
    }

    fn draft(&self) -> Result<ProposalDraft, String> {
        let (title, body) = (self.get("Title").to_owned(), self.text());
        if title.is_empty() {
            return Err("The title is empty.".to_owned());
        }
        if title.len() > MAX_TITLE_BYTES {
            return Err(format!("The title has {} bytes, at most {MAX_TITLE_BYTES} are allowed.", title.len()));
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(format!("The text has {} bytes, at most {MAX_BODY_BYTES} are allowed.", body.len()));
        }
        let mut effects = Vec::new();
        if !self.get("Pay to").is_empty() {
            effects.push(DraftEffect::Spend {
                outputs: vec![DraftOutput {
                    address: self.get("Pay to").to_owned(),
                    amount_sat: amount(self.get("Amount"))?,
                }],
                fee_cap_sat: amount(self.get("Fee up to"))?,
            });
        } else if !self.get("Amount").is_empty() {
            return Err("There is an amount, and no address to pay it to.".to_owned());
        }
        let mut draft = ProposalDraft::question(title, body, Vec::new());
        draft.tags =
            self.get("Tags").split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        draft.version_of = Some(self.get("Version of").to_owned()).filter(|version| !version.is_empty());
        draft.system = match SYSTEMS.iter().position(|name| *name == self.get("Vote by")) {
            Some(1) => System::YesNoVeto,
            Some(2) => System::SingleChoice,
            Some(3) => System::Approval,
            Some(4) => System::Score { max: 5 },
            Some(5) => System::InstantRunoff,
            Some(6) => System::Schulze,
            Some(7) => System::Split,
            Some(8) => System::Quadratic { credits: 100 },
            _ => System::YesNoAbstain,
        };
        let labels: Vec<&str> =
            self.get("Options").split(';').map(str::trim).filter(|label| !label.is_empty()).collect();
        if draft.system.has_options() {
            if labels.len() < 2 {
                return Err("A choice needs two options at least, with ; between them.".to_owned());
            }
            // A payment goes with the first option: what comes with others is written in a proposal file.
            let mut payment = effects.into_iter();
            draft.options = labels
                .into_iter()
                .map(|label| DraftOption { label: label.to_owned(), effects: payment.next().into_iter().collect() })
                .collect();
        } else {
            if !labels.is_empty() {
                return Err("Options need a way to vote that chooses among them.".to_owned());
            }
            draft.class = if effects.is_empty() { Some(Class::Text) } else { None };
            draft.effects = effects;
        }
        Ok(draft)
    }
}

impl Order {
    fn with_text(mut self, text: String) -> Self {
        self.text = Some(text);
        self
    }
}

/// An order whose effects are known here.
pub(super) fn stated(title: &str, request: Request, word: &'static str, effects: Vec<String>) -> Order {
    Order { title: title.to_owned(), request, word, effects_from: None, effects, text: None }
}

/// Something said in the log, whose effects the node knows.
pub(super) fn said(title: &str, saying: Saying, word: &'static str) -> Order {
    Order {
        title: title.to_owned(),
        request: Request::Say { saying: saying.clone() },
        word,
        effects_from: Some(Request::SayReview { saying }),
        effects: Vec::new(),
        text: None,
    }
}

fn public_text(what: &str, text: &str) -> Vec<String> {
    vec![
        format!("Puts a {what} of {} bytes into the log, signed with your vote key.", thousands(text.len() as u128)),
        "It is public to the DAO under your name, and permanent: it can be answered, not deleted.".to_owned(),
    ]
}

fn amount(text: &str) -> Result<u64, String> {
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
    match plain.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is not a number of satoshis.")),
        Ok(sat) => Ok(sat),
    }
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not {what}."))
}
