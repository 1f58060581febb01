//! Which key does what, as data: one table feeds the keyboard, the footer, the help page, the palette, the man page and the
//! tests. Settings can give other keys to a row of it; see [`remap`].

mod names;
pub mod remap;
mod table;

use std::borrow::Cow;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::Act;

pub use table::KEYMAP;

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Whatever is shown, also while typing.
    Always,
    /// Every screen, when no popup is open and nothing is typed.
    Screens,
    /// A screen with rows.
    List,
    /// A screen whose text scrolls.
    Text,
    /// A screen with rows about proposals.
    Opens,
    /// The list of proposals.
    Proposals,
    /// One proposal.
    Proposal,
    /// My ballots.
    Ballots,
    /// The treasury.
    Treasury,
    /// Its payments.
    Payments,
    /// Its signing sessions.
    Sessions,
    /// Its coins.
    Coins,
    /// My stake channels.
    Channels,
    /// The members.
    Members,
    /// The links.
    Chain,
    /// The audit.
    Audit,
    /// The node and its log.
    Operator,
    /// Typing a filter.
    Filter,
    /// Choosing one line of a ballot.
    Choose,
    /// Filling in a ballot with a value in each line.
    Fill,
    /// Filling in a ballot whose lines stand in an order.
    Rank,
    /// Typing the reason of a ballot.
    Reason,
    /// The review page before something irreversible.
    Review,
    /// The review page of what cannot be done.
    Refused,
    /// A field of a form.
    Field,
    /// A field of a form that names a file.
    File,
    /// Typing a text of several lines.
    Write,
    /// The command palette and other lists to pick from.
    Pick,
    /// The page "why is this true?".
    Why,
    /// QR codes, one after the other.
    Codes,
    /// The help page, and other pages that are only read.
    Page,
}

impl Context {
    /// All of them, in the order of the help page.
    pub const ALL: [Context; 31] = [
        Context::Screens,
        Context::List,
        Context::Text,
        Context::Opens,
        Context::Proposals,
        Context::Proposal,
        Context::Ballots,
        Context::Treasury,
        Context::Payments,
        Context::Sessions,
        Context::Coins,
        Context::Channels,
        Context::Members,
        Context::Chain,
        Context::Audit,
        Context::Operator,
        Context::Filter,
        Context::Choose,
        Context::Fill,
        Context::Rank,
        Context::Reason,
        Context::Field,
        Context::File,
        Context::Write,
        Context::Review,
        Context::Refused,
        Context::Pick,
        Context::Why,
        Context::Codes,
        Context::Page,
        Context::Always,
    ];

    /// Every combination in which contexts hold together, the innermost first. What is shadowed in one of them is a conflict.
    pub const STACKS: &'static [&'static [Context]] = &[
        &[Context::Proposal, Context::Screens, Context::Always],
        &[Context::Proposals, Context::Opens, Context::List, Context::Screens, Context::Always],
        &[Context::Opens, Context::List, Context::Screens, Context::Always],
        &[Context::Ballots, Context::Opens, Context::List, Context::Screens, Context::Always],
        &[Context::Payments, Context::Treasury, Context::List, Context::Screens, Context::Always],
        &[Context::Sessions, Context::Treasury, Context::List, Context::Screens, Context::Always],
        &[Context::Coins, Context::Treasury, Context::List, Context::Screens, Context::Always],
        &[Context::Treasury, Context::List, Context::Screens, Context::Always],
        &[Context::Treasury, Context::Text, Context::Screens, Context::Always],
        &[Context::Channels, Context::List, Context::Screens, Context::Always],
        &[Context::Members, Context::List, Context::Screens, Context::Always],
        &[Context::Chain, Context::List, Context::Screens, Context::Always],
        &[Context::Audit, Context::Text, Context::Screens, Context::Always],
        &[Context::Operator, Context::Text, Context::Screens, Context::Always],
        &[Context::Text, Context::Screens, Context::Always],
        &[Context::Filter, Context::Always],
        &[Context::Choose, Context::Always],
        &[Context::Fill, Context::Always],
        &[Context::Rank, Context::Always],
        &[Context::Reason, Context::Always],
        &[Context::Review, Context::Always],
        &[Context::Refused, Context::Always],
        &[Context::Field, Context::Always],
        &[Context::File, Context::Always],
        &[Context::Write, Context::Always],
        &[Context::Pick, Context::Always],
        &[Context::Why, Context::Always],
        &[Context::Codes, Context::Always],
        &[Context::Page, Context::Always],
        &[Context::Sessions, Context::Page, Context::Always],
        &[Context::Coins, Context::Page, Context::Always],
        &[Context::Channels, Context::Page, Context::Always],
        &[Context::Chain, Context::Page, Context::Always],
        &[Context::Members, Context::Page, Context::Always],
    ];

    /// Its heading on the help page.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Context::Always => "Always",
            Context::Screens => "On every screen",
            Context::List => "In a list",
            Context::Text => "On a page of text",
            Context::Opens => "In a list about proposals",
            Context::Proposals => "Proposals",
            Context::Proposal => "A proposal",
            Context::Ballots => "My ballots",
            Context::Treasury => "Treasury",
            Context::Payments => "Payments of the treasury",
            Context::Sessions => "Signing sessions",
            Context::Coins => "Coins of the treasury",
            Context::Channels => "Channels",
            Context::Members => "Members",
            Context::Chain => "Chain",
            Context::Audit => "Audit",
            Context::Operator => "Operator",
            Context::Filter => "While filtering",
            Context::Choose => "Casting a ballot",
            Context::Fill => "Filling in a ballot",
            Context::Rank => "Ranking on a ballot",
            Context::Reason => "The reason of a ballot",
            Context::Review => "The review page",
            Context::Refused => "The review page of what cannot be done",
            Context::Field => "A field of a form",
            Context::File => "A field that names a file",
            Context::Write => "Writing",
            Context::Pick => "The palette",
            Context::Why => "Why is this true?",
            Context::Codes => "QR codes, one after the other",
            Context::Page => "A page to read",
        }
    }

    /// Whether characters are typed here, so that none of them can be a command.
    #[must_use]
    pub fn takes_text(self) -> bool {
        matches!(
            self,
            Context::Filter
                | Context::Reason
                | Context::Review
                | Context::Write
                | Context::Field
                | Context::File
                | Context::Pick
        )
    }
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub KeyCode, pub KeyModifiers);

impl Key {
    /// Whether a press is this key. Shift is part of the character, so it is not compared.
    #[must_use]
    pub fn is(&self, event: &KeyEvent) -> bool {
        self.0 == event.code && event.modifiers.difference(KeyModifiers::SHIFT) == self.1
    }
}

/// Keys, what they do and where.
#[derive(Debug, Clone)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// Any of these keys.
    pub keys: Cow<'static, [Key]>,
    /// What it does.
    pub act: Act,
    /// The same in words, for the help page.
    pub help: &'static str,
    /// One or two words for the footer; `None` keeps it off the footer.
    pub footer: Option<&'static str>,
}

impl Binding {
    /// Its keys by their names, the ten digits as one.
    #[must_use]
    pub fn names(&self) -> String {
        let digit = |key: &Key| matches!(key, Key(KeyCode::Char('0'..='9'), KeyModifiers::NONE));
        let all_digits = self.keys.iter().filter(|key| digit(key)).count() == 10;
        let others = self.keys.iter().filter(|key| !(all_digits && digit(key))).map(Key::name);
        let names: Vec<String> = all_digits.then(|| "0–9".to_owned()).into_iter().chain(others).collect();
        names.join(", ")
    }
}

/// The keys as they are set here: the table, with the member's own keys in it.
#[derive(Debug, Clone)]
pub struct Keymap(Vec<Binding>);

impl Default for Keymap {
    fn default() -> Self {
        Self(KEYMAP.to_vec())
    }
}

impl Keymap {
    /// All bindings.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.0
    }

    /// The bindings of a context.
    pub fn of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.0.iter().filter(move |binding| binding.context == context)
    }

    /// What a key press does in these contexts, the first context first.
    #[must_use]
    pub fn lookup(&self, contexts: &[Context], event: &KeyEvent) -> Option<Act> {
        contexts
            .iter()
            .flat_map(|context| self.of(*context))
            .find(|binding| binding.keys.iter().any(|key| key.is(event)))
            .map(|binding| binding.act)
    }

    /// The bindings that the footer shows in these contexts.
    pub fn footer<'a>(&'a self, contexts: &'a [Context]) -> impl Iterator<Item = (&'a Binding, &'static str)> {
        contexts
            .iter()
            .flat_map(|context| self.of(*context))
            .filter_map(|binding| binding.footer.map(|words| (binding, words)))
    }

    /// The first key of an act in these contexts, by its name.
    #[must_use]
    pub fn key_of(&self, contexts: &[Context], act: Act) -> Option<String> {
        let mut bindings = contexts.iter().flat_map(|context| self.of(*context));
        bindings.find(|binding| binding.act == act).and_then(|binding| binding.keys.first()).map(Key::name)
    }
}
