//! Forms: fields of one line or one of several choices, and sometimes a text of several lines.

mod direct;
mod fields;
mod files;
mod order;
mod proposal;
mod systems;

use std::borrow::Cow;
use std::collections::BTreeMap;

use althing_node::api::VotedBy;
use ratatui_textarea::{TextArea, WrapMode};

pub use files::Files;
pub(super) use order::{said, stated};

use files::Names;

use crate::deeds::Secret;

/// Longest title in bytes, as the node takes it.
const MAX_TITLE_BYTES: usize = 120;

/// Longest comment in bytes, as the node takes it.
const MAX_COMMENT_BYTES: usize = 4096;

/// Longest proposal text in bytes, as the node takes it.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Longest line in a field, bytes: the descriptor of a large treasury, or all the milestones of a budget.
pub(super) const MAX_LINE_BYTES: usize = 8 * 1024;

/// Steps back that are remembered.
const MAX_UNDO: usize = 100;

/// Where delegated weight goes: on everything, on one topic, or on one class of proposals.
const SCOPES: [&str; 3] = ["everything", "tag", "class"];

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
    // The names in the folder of the field with the keyboard, once they were asked for.
    names: Option<Names>,
    undo: Vec<Vec<Field>>,
    redo: Vec<Vec<Field>>,
    // What was put into fields that the present choices do not show, by the option they belong to; 0 is the proposal. The texts
    // of several lines in the same way: 0 is the proposal's own, the others are charters.
    hidden: Vec<(usize, Field)>,
    hidden_bodies: BTreeMap<usize, TextArea<'static>>,
    body_of: usize,
    // The option to which the fields shown belong.
    option: usize,
    // The charter in force, as it came.
    in_force: String,
    // How it lets proposals be voted on, as far as it is known.
    voted_by: Vec<VotedBy>,
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
        /// What it usually costs, satoshis.
        fee_sat: u64,
        /// What weight is lost, in a sentence.
        lost: String,
    },
    /// A payment out of a stake channel.
    Pay {
        /// Its id.
        channel: String,
        /// What could be paid out of it now.
        spendable_sat: u64,
        /// What is being paid already.
        paying_sat: u64,
    },
    /// Coins of the wallet to an address.
    SendCoins,
    /// More stake in a channel.
    TopUp {
        /// Its id.
        channel: String,
    },
    /// Less stake in a channel.
    TakeOut {
        /// Its id.
        channel: String,
    },
    /// A copy of the backup of the channels.
    Backup,
    /// More fee for the link that waits.
    LinkBump,
    /// A timestamp of a link.
    Timestamp {
        /// Its epoch.
        epoch: u32,
    },
    /// The links in a file (P-160).
    LinkFile,
    /// A signing session for payments.
    SessionOpen {
        /// The payments to begin with.
        payments: String,
    },
    /// A signing session that moves the treasury's own coins.
    Housekeeping,
    /// Why one does not sign.
    SessionRefuse {
        /// Id of the session.
        session: String,
    },
    /// Something said about a session.
    SessionComment {
        /// Its id.
        session: String,
    },
    /// Another version of a session's transaction that pays more.
    SessionBump {
        /// Its id.
        session: String,
    },
    /// A session's PSBT in a file.
    SaveSession {
        /// Its id.
        session: String,
    },
    /// A PSBT from a file.
    TakeSession,
    /// A coin that shall not be chosen.
    Freeze {
        /// Its `txid:vout`.
        outpoint: String,
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
    /// What a page shows in a file.
    SavePage {
        /// What it shows.
        text: String,
    },
    /// The options of a command.
    Run {
        /// Which.
        path: &'static str,
    },
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
    /// Whether it names a file or folder, or several of them.
    pub file: Option<Files>,
}

/// What is in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldEntry {
    /// A line of text.
    Line(String),
    /// One of these.
    OneOf(Cow<'static, [&'static str]>, usize),
    /// A line that is never shown.
    Secret(Secret),
}

impl Field {
    fn line(label: &'static str, hint: &'static str, text: impl Into<String>) -> Self {
        Self { label, hint, entry: FieldEntry::Line(text.into()), file: None }
    }

    fn file(label: &'static str, hint: &'static str, text: impl Into<String>) -> Self {
        Self { file: Some(Files::One), ..Self::line(label, hint, text) }
    }

    fn one_of(label: &'static str, of: impl Into<Cow<'static, [&'static str]>>) -> Self {
        Self { label, hint: "←/→ change it", entry: FieldEntry::OneOf(of.into(), 0), file: None }
    }

    /// What is in it, as text.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.entry {
            FieldEntry::Line(line) | FieldEntry::Secret(Secret(line)) => line,
            FieldEntry::OneOf(of, at) => of.get(*at).copied().unwrap_or_default(),
        }
    }
}

impl Form {
    /// An empty form.
    #[must_use]
    pub fn new(kind: FormKind) -> Self {
        let fields = fields::of(&kind);
        let has_body = matches!(kind, FormKind::Comment { .. } | FormKind::Remark { .. } | FormKind::Proposal);
        let body = has_body.then(|| several_lines(""));
        Self {
            kind,
            fields,
            body,
            at: 0,
            problem: None,
            names: None,
            undo: Vec::new(),
            redo: Vec::new(),
            hidden: Vec::new(),
            hidden_bodies: BTreeMap::new(),
            body_of: 0,
            option: 1,
            in_force: String::new(),
            voted_by: Vec::new(),
        }
    }

    /// An empty form of a proposal, which offers what the charter allows.
    #[must_use]
    pub fn of_proposal(voted_by: &[VotedBy]) -> Self {
        let mut form = Self { voted_by: voted_by.to_vec(), ..Self::new(FormKind::Proposal) };
        form.fit();
        form
    }

    /// With a text in the first field of a line.
    #[must_use]
    pub fn beginning_with(mut self, text: &str) -> Self {
        if let Some(Field { entry: FieldEntry::Line(line), .. }) = self.fields.first_mut() {
            text.clone_into(line);
        }
        self
    }

    /// Puts a text into a field, or chooses it there.
    pub(in crate::app) fn put_in(&mut self, label: &str, text: &str) {
        match self.fields.iter_mut().find(|field| field.label == label).map(|field| &mut field.entry) {
            Some(FieldEntry::Line(line)) => text.clone_into(line),
            Some(FieldEntry::OneOf(of, at)) => *at = of.iter().position(|choice| *choice == text).unwrap_or(*at),
            Some(FieldEntry::Secret(_)) | None => {}
        }
    }

    /// The first field of a line that is empty, where the typing begins; else the first of all.
    pub(in crate::app) fn first_empty(&self) -> usize {
        let is_empty = |field: &Field| matches!(&field.entry, FieldEntry::Line(line) if line.is_empty());
        self.fields.iter().position(is_empty).unwrap_or(0)
    }

    /// Forgets what is never shown.
    pub(in crate::app) fn forget_secrets(&mut self) {
        for field in &mut self.fields {
            if let FieldEntry::Secret(secret) = &mut field.entry {
                secret.0.clear();
            }
        }
    }

    /// Whether the text of several lines has the keyboard.
    #[must_use]
    pub fn on_body(&self) -> bool {
        self.at >= self.fields.len() && self.body.is_some()
    }

    /// Whether anything was put in that would be missed.
    #[must_use]
    pub fn is_worth_keeping(&self) -> bool {
        let fresh = match self.kind {
            FormKind::Proposal => Self::of_proposal(&self.voted_by),
            _ => Self::new(self.kind.clone()),
        };
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
        self.names = None;
        self.at = if forward { (self.at + 1).min(places.saturating_sub(1)) } else { self.at.saturating_sub(1) };
        self.at != before
    }

    /// Moves the keyboard to a field.
    pub fn go(&mut self, place: usize) {
        self.names = None;
        self.at = place.min((self.fields.len() + usize::from(self.body.is_some())).saturating_sub(1));
    }

    /// The next choice of the field, or the one before.
    pub fn change(&mut self, more: bool) {
        self.number_options();
        self.remember();
        if let Some(Field { entry: FieldEntry::OneOf(of, at), .. }) = self.fields.get_mut(self.at) {
            *at = if more { (*at + 1) % of.len() } else { (*at + of.len() - 1) % of.len() };
        }
        if self.kind == FormKind::Proposal {
            self.fit();
        }
    }

    /// The line with the keyboard, about to be changed.
    pub fn line_mut(&mut self) -> Option<&mut String> {
        match self.fields.get(self.at)?.entry {
            FieldEntry::Line(_) => self.remember(),
            // What is never shown is kept nowhere else.
            FieldEntry::Secret(_) => {}
            FieldEntry::OneOf(..) => return None,
        }
        match &mut self.fields[self.at].entry {
            FieldEntry::Line(line) | FieldEntry::Secret(Secret(line)) => Some(line),
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
            to.push(self.fields.clone());
            self.put_away();
            self.fields = fields;
            self.option = self.option_shown();
            self.go(self.at);
            self.fit_body();
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
}

/// A text of several lines.
fn several_lines(text: &str) -> TextArea<'static> {
    let mut area = TextArea::from(text.lines());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area
}
