//! Which key does what, as data: the same table feeds the keyboard, the footer, the help page and the tests.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::{Act, Screen};

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// Whatever is shown, also while typing.
    Always,
    /// Every screen, when no popup is open and nothing is typed.
    Screens,
    /// A screen with rows.
    List,
    /// A screen with rows about proposals.
    Opens,
    /// The list of proposals.
    Proposals,
    /// One proposal.
    Proposal,
    /// Typing a filter.
    Filter,
    /// Choosing one line of a ballot.
    Choose,
    /// Filling in a ballot with a value in each line.
    Fill,
    /// Typing the reason of a ballot.
    Reason,
    /// The review page before something irreversible.
    Review,
    /// Typing a comment or a proposal.
    Write,
    /// The help page.
    Help,
}

impl Context {
    /// All of them, in the order of the help page.
    pub const ALL: [Context; 13] = [
        Context::Screens,
        Context::List,
        Context::Opens,
        Context::Proposals,
        Context::Proposal,
        Context::Filter,
        Context::Choose,
        Context::Fill,
        Context::Reason,
        Context::Review,
        Context::Write,
        Context::Help,
        Context::Always,
    ];

    /// Its heading on the help page.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Context::Always => "Always",
            Context::Screens => "On every screen",
            Context::List => "In a list",
            Context::Opens => "In a list about proposals",
            Context::Proposals => "Proposals",
            Context::Proposal => "A proposal",
            Context::Filter => "While filtering",
            Context::Choose => "Casting a ballot",
            Context::Fill => "Filling in a ballot",
            Context::Reason => "The reason of a ballot",
            Context::Review => "The review page",
            Context::Write => "Writing",
            Context::Help => "This page",
        }
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

    /// How the key is called in the footer and the help.
    #[must_use]
    pub fn name(&self) -> String {
        let base = match self.0 {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::PageUp => "page up".to_owned(),
            KeyCode::PageDown => "page down".to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        if self.1.contains(KeyModifiers::CONTROL) { format!("ctrl-{base}") } else { base }
    }
}

/// Keys, what they do and where.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where it holds.
    pub context: Context,
    /// Any of these keys.
    pub keys: &'static [Key],
    /// What it does.
    pub act: Act,
    /// The same in words, for the help page.
    pub help: &'static str,
    /// One or two words for the footer; `None` keeps it off the footer.
    pub footer: Option<&'static str>,
}

/// A character key.
const fn ch(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::NONE)
}

/// A named key.
const fn code(code: KeyCode) -> Key {
    Key(code, KeyModifiers::NONE)
}

/// Control and a character.
const fn ctrl(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// One row of the table.
const fn bind(
    context: Context,
    keys: &'static [Key],
    act: Act,
    help: &'static str,
    footer: Option<&'static str>,
) -> Binding {
    Binding { context, keys, act, help, footer }
}

/// The table.
pub const KEYMAP: &[Binding] = &[
    bind(Context::Always, &[ctrl('c')], Act::Quit, "leave Althing", None),
    bind(Context::Proposal, &[ch('v')], Act::Vote, "cast or change my ballot", Some("vote")),
    bind(Context::Proposal, &[ch('c')], Act::Comment, "write a comment", Some("comment")),
    bind(Context::Proposal, &[ch('j'), code(KeyCode::Down)], Act::Down, "scroll down", None),
    bind(Context::Proposal, &[ch('k'), code(KeyCode::Up)], Act::Up, "scroll up", None),
    bind(Context::Proposal, &[ch(' '), code(KeyCode::PageDown)], Act::PageDown, "a page down", Some("page")),
    bind(Context::Proposal, &[ch('b'), code(KeyCode::PageUp)], Act::PageUp, "a page up", None),
    bind(Context::Proposals, &[ch('/')], Act::Filter, "show only what contains some words", Some("filter")),
    bind(Context::Proposals, &[ch('v')], Act::Vote, "cast or change my ballot", Some("vote")),
    bind(Context::Proposals, &[ch('n')], Act::Propose, "write a text proposal", Some("new")),
    bind(Context::Opens, &[code(KeyCode::Enter), ch('l')], Act::Open, "open the proposal", Some("open")),
    bind(Context::List, &[ch('j'), code(KeyCode::Down)], Act::Down, "next row", None),
    bind(Context::List, &[ch('k'), code(KeyCode::Up)], Act::Up, "previous row", None),
    bind(Context::List, &[ch(' '), code(KeyCode::PageDown)], Act::PageDown, "ten rows down", None),
    bind(Context::List, &[ch('b'), code(KeyCode::PageUp)], Act::PageUp, "ten rows up", None),
    bind(Context::List, &[ch('g'), code(KeyCode::Home)], Act::First, "first row", None),
    bind(Context::List, &[ch('G'), code(KeyCode::End)], Act::Last, "last row", None),
    bind(Context::Screens, &[ch('1')], Act::Go(Screen::Home), "Home", None),
    bind(Context::Screens, &[ch('2')], Act::Go(Screen::Proposals), "Proposals", None),
    bind(Context::Screens, &[ch('3')], Act::Go(Screen::Ballots), "My ballots", None),
    bind(Context::Screens, &[ch('4')], Act::Go(Screen::Chain), "Chain", None),
    bind(Context::Screens, &[ch('5')], Act::Go(Screen::Members), "Members", None),
    bind(Context::Screens, &[ch('6')], Act::Go(Screen::Stake), "Stake", None),
    bind(Context::Screens, &[code(KeyCode::Tab)], Act::NextScreen, "next screen", Some("next screen")),
    bind(Context::Screens, &[code(KeyCode::BackTab)], Act::PreviousScreen, "previous screen", None),
    bind(Context::Screens, &[code(KeyCode::Esc), ch('h')], Act::Back, "back", Some("back")),
    bind(Context::Screens, &[ch('?')], Act::Help, "this help", Some("help")),
    bind(Context::Screens, &[ch('q')], Act::Quit, "leave Althing", Some("quit")),
    bind(Context::Filter, &[code(KeyCode::Enter)], Act::Confirm, "keep the filter", Some("keep")),
    bind(Context::Filter, &[code(KeyCode::Esc)], Act::Back, "show all again", Some("show all")),
    bind(Context::Choose, &[ch('y')], Act::Choose(0), "yes", Some("yes")),
    bind(Context::Choose, &[ch('n')], Act::Choose(1), "no", Some("no")),
    bind(Context::Choose, &[ch('a')], Act::Choose(2), "abstain", Some("abstain")),
    bind(Context::Choose, &[ch('j'), code(KeyCode::Down), code(KeyCode::Tab)], Act::Down, "next line", None),
    bind(Context::Choose, &[ch('k'), code(KeyCode::Up)], Act::Up, "previous line", None),
    bind(Context::Choose, &[code(KeyCode::Enter)], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Choose, &[code(KeyCode::Esc)], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Fill, &[ch('j'), code(KeyCode::Down), code(KeyCode::Tab)], Act::Down, "next line", None),
    bind(Context::Fill, &[ch('k'), code(KeyCode::Up)], Act::Up, "previous line", None),
    bind(Context::Fill, &[ch(' ')], Act::Mark, "mark this line, or take the mark back", Some("mark")),
    bind(Context::Fill, &[ch('+'), ch('l'), code(KeyCode::Right)], Act::More, "give this line more", Some("more")),
    bind(Context::Fill, &[ch('-'), ch('h'), code(KeyCode::Left)], Act::Less, "give this line less", Some("less")),
    bind(Context::Fill, &[ch('K'), ch('u')], Act::Raise, "move this line of a ranking up", Some("up")),
    bind(Context::Fill, &[ch('J'), ch('d')], Act::Lower, "move this line of a ranking down", Some("down")),
    bind(Context::Fill, &[code(KeyCode::Enter)], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Fill, &[code(KeyCode::Esc)], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Reason, &[code(KeyCode::Up)], Act::Up, "back to the choices", Some("choices")),
    bind(Context::Reason, &[code(KeyCode::Enter)], Act::Confirm, "go on to the review page", Some("review")),
    bind(Context::Reason, &[code(KeyCode::Esc)], Act::Back, "do not vote", Some("cancel")),
    bind(Context::Review, &[code(KeyCode::Enter)], Act::Confirm, "do it, once the word is typed", Some("do it")),
    bind(Context::Review, &[code(KeyCode::Down)], Act::Down, "scroll down", Some("scroll")),
    bind(Context::Review, &[code(KeyCode::Up)], Act::Up, "scroll up", None),
    bind(Context::Review, &[code(KeyCode::Esc)], Act::Back, "do nothing", Some("cancel")),
    bind(Context::Write, &[ctrl('s')], Act::Confirm, "publish", Some("publish")),
    bind(Context::Write, &[code(KeyCode::Tab)], Act::NextScreen, "next field", Some("next field")),
    bind(Context::Write, &[code(KeyCode::Esc)], Act::Back, "throw away", Some("cancel")),
    bind(Context::Help, &[ch('j'), code(KeyCode::Down)], Act::Down, "scroll down", Some("scroll")),
    bind(Context::Help, &[ch('k'), code(KeyCode::Up)], Act::Up, "scroll up", None),
    bind(Context::Help, &[code(KeyCode::Esc), ch('q'), ch('?')], Act::Back, "close", Some("close")),
];

/// What a key press does in these contexts, the first context first.
#[must_use]
pub fn lookup(contexts: &[Context], event: &KeyEvent) -> Option<Act> {
    contexts
        .iter()
        .flat_map(|context| KEYMAP.iter().filter(move |b| b.context == *context))
        .find(|b| b.keys.iter().any(|key| key.is(event)))
        .map(|b| b.act)
}

/// The bindings that the footer shows in these contexts.
pub fn footer(contexts: &[Context]) -> impl Iterator<Item = (&'static Binding, &'static str)> {
    contexts
        .iter()
        .flat_map(|context| KEYMAP.iter().filter(move |b| b.context == *context))
        .filter_map(|b| b.footer.map(|words| (b, words)))
}
