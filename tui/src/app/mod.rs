//! What the screens show and what may be done next, as plain data: no terminal, no node, no clock in here.
//!
//! An [`Action`] changes the [`App`] and may give [`Command`]s, which the worker carries out; answers come back as actions.

mod ballot;
mod needs;
mod state;
mod update;

pub use ballot::Choose;
pub use needs::{Need, Urgency, needs};
pub use state::{App, Notice, Popup, Review, ReviewStep, Selections, Write, WriteKind};
pub use update::{CASTING_WORD, update};

use althing_node::api::{ApiError, Reply, Request};
use ratatui::crossterm::event::KeyEvent;

/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// What needs me now, and how the node is.
    #[default]
    Home,
    /// The list of proposals.
    Proposals,
    /// One proposal.
    Proposal,
    /// My ballots on their way to finality.
    Ballots,
    /// The links on Bitcoin.
    Chain,
    /// The members.
    Members,
    /// My stake channels.
    Stake,
}

impl Screen {
    /// The screens with a tab, in the order of the tabs.
    pub const TABS: [Screen; 6] =
        [Screen::Home, Screen::Proposals, Screen::Ballots, Screen::Chain, Screen::Members, Screen::Stake];

    /// Its name on the tab.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Screen::Home => "Home",
            Screen::Proposals | Screen::Proposal => "Proposals",
            Screen::Ballots => "My ballots",
            Screen::Chain => "Chain",
            Screen::Members => "Members",
            Screen::Stake => "Stake",
        }
    }

    /// Its place among the tabs; a proposal belongs to the proposals.
    #[must_use]
    pub fn tab(self) -> usize {
        match self {
            Screen::Home => 0,
            Screen::Proposals | Screen::Proposal => 1,
            Screen::Ballots => 2,
            Screen::Chain => 3,
            Screen::Members => 4,
            Screen::Stake => 5,
        }
    }
}

/// What a key can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Leave the program.
    Quit,
    /// Close the popup, undo the filter, or go to the screen before.
    Back,
    /// To that screen.
    Go(Screen),
    /// To the next tab, or the next field of a form.
    NextScreen,
    /// To the tab before.
    PreviousScreen,
    /// One row or line down.
    Down,
    /// One row or line up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// The first row.
    First,
    /// The last row.
    Last,
    /// Open what the row is about.
    Open,
    /// Begin to type a filter.
    Filter,
    /// Begin to cast a ballot.
    Vote,
    /// Begin a comment.
    Comment,
    /// Begin a proposal.
    Propose,
    /// The help page.
    Help,
    /// Take that row of a choice.
    Choose(usize),
    /// Mark the row, or take the mark back.
    Mark,
    /// Give the row more.
    More,
    /// Give the row less.
    Less,
    /// Move the row of a ranking up.
    Raise,
    /// Move the row of a ranking down.
    Lower,
    /// Go on, send, or do it.
    Confirm,
}

/// Anything that changes the application.
#[derive(Debug, Clone)]
pub enum Action {
    /// A key with a meaning.
    Act(Act),
    /// A key that types into what is being written.
    Type(KeyEvent),
    /// Text pasted into the terminal.
    Paste(String),
    /// An answer to [`Command::Ask`], or news that nobody asked for.
    Report(Report),
}

/// What the worker brings back.
#[derive(Debug, Clone)]
pub enum Report {
    /// The newest snapshot.
    Snapshot(Box<althing_node::api::Snapshot>),
    /// The node did not give a snapshot.
    NoSnapshot(ApiError),
    /// The answer to a request.
    Answer {
        /// Why it was asked.
        purpose: Purpose,
        /// The node's answer.
        result: Result<Reply, ApiError>,
    },
}

/// Why something was asked: tells what to do with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The discussion of the open proposal.
    Discussion,
    /// The review page of a ballot.
    Review,
    /// The ballot itself.
    Cast,
    /// A comment or a proposal that was written.
    Publish,
}

/// Something for the worker to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Ask the node and bring back the answer.
    Ask {
        /// Why.
        purpose: Purpose,
        /// What.
        request: Request,
    },
}
