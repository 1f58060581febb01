//! What the screens show and what may be done next, as plain data: no terminal, no node, no clock in here.
//!
//! An [`Action`] changes the [`App`] and may give [`Command`]s, which the worker carries out; answers come back as actions.

mod advice;
mod ballot;
mod contexts;
mod desk;
mod form;
pub mod lesson;
mod needs;
mod order;
mod pick;
mod possible;
mod report;
mod rows;
mod run;
mod state;
mod treasury;
mod update;

pub use ballot::Choose;
pub use desk::Desk;
pub use form::{Field, FieldEntry, Files, Form, FormKind};
pub(crate) use needs::start_again;
pub use needs::{Need, Urgency, needs};
pub use order::{Does, Effects, Order, Review, ReviewStep};
pub use pick::{Pick, PickItem, PickOf, Picked, SAME};
pub use report::{ReportChart, ReportSection, ReportView};
pub use state::{App, Hit, Notice, Page, Popup, Progress, Selections};
pub use treasury::{Authorisation, Section, Stage, is_paid, treasury};
pub(crate) use update::lost_weight;
pub use update::{CASTING_WORD, update};

use std::path::PathBuf;

use althing_node::api::{ApiError, Reply, Request};
use ratatui::crossterm::event::KeyEvent;

use crate::backend::AuditReport;
use crate::deeds::{Ran, Run};
use crate::settings::{Liking, Settings};

/// The screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
    /// What decisions allow to be paid, and what was paid.
    Treasury,
    /// My stake channels.
    Channels,
    /// The members, and to whom weight is handed on.
    Members,
    /// The links on Bitcoin.
    Chain,
    /// Alarms, the transparency report, and the replay of the log.
    Audit,
    /// What the words mean and how to do things.
    Learn,
    /// How the node and its log are doing.
    Operator,
}

impl Screen {
    /// The screens with a tab, in the order of the tabs.
    pub const TABS: [Screen; 10] = [
        Screen::Home,
        Screen::Proposals,
        Screen::Ballots,
        Screen::Treasury,
        Screen::Channels,
        Screen::Members,
        Screen::Chain,
        Screen::Audit,
        Screen::Learn,
        Screen::Operator,
    ];

    /// Its name on the tab.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Screen::Home => "Home",
            Screen::Proposals | Screen::Proposal => "Proposals",
            Screen::Ballots => "Ballots",
            Screen::Treasury => "Treasury",
            Screen::Channels => "Channels",
            Screen::Members => "Members",
            Screen::Chain => "Chain",
            Screen::Audit => "Audit",
            Screen::Learn => "Learn",
            Screen::Operator => "Operator",
        }
    }

    /// Its place among the tabs; a proposal belongs to the proposals.
    #[must_use]
    pub fn tab(self) -> usize {
        let shown = if self == Screen::Proposal { Screen::Proposals } else { self };
        Self::TABS.iter().position(|tab| *tab == shown).unwrap_or(0)
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
    /// To the tab before, or the field before.
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
    /// Begin to cast the ballot of the treasury key.
    VoteAsTreasurer,
    /// Begin a comment.
    Comment,
    /// Begin an answer to the marked comment.
    Reply,
    /// Mark the next comment.
    NextComment,
    /// Mark the comment before.
    PreviousComment,
    /// Approve of the marked comment.
    Agree,
    /// Disapprove of the marked comment.
    Disagree,
    /// Begin a remark of the author.
    Remark,
    /// Begin a proposal.
    Propose,
    /// Take a proposal back.
    Withdraw,
    /// Speak as a guardian.
    Guard,
    /// Hold a deposit.
    Deposit,
    /// Hide something on this machine, or show it again.
    Hide,
    /// The difference to the version before.
    Diff,
    /// Why it is true, step by step.
    Why,
    /// Write a proof file.
    Export,
    /// Open a stake channel.
    StakeOpen,
    /// Close a stake channel.
    StakeClose,
    /// Close a stake channel alone.
    ForceClose,
    /// Pay out of a channel.
    Pay,
    /// A receiving address.
    Address,
    /// Send coins of the wallet.
    SendCoins,
    /// Put more into a stake channel.
    TopUp,
    /// Take something out of a stake channel.
    TakeOut,
    /// Write a backup of the channels to a file.
    Backup,
    /// To the next part of the treasury.
    NextSection,
    /// To the part before.
    PreviousSection,
    /// To that part of the treasury.
    Part(Section),
    /// Open a signing session for a payment.
    SessionOpen,
    /// Open a signing session that moves the treasury's own coins.
    Housekeeping,
    /// Sign a session.
    Sign,
    /// Say why one does not sign.
    Refuse,
    /// Say something about a session.
    SessionComment,
    /// Broadcast what has enough signatures.
    Broadcast,
    /// Pay more: another version of a session's transaction, or of a link.
    Bump,
    /// Write the PSBT of a session to a file.
    SaveSession,
    /// Take a PSBT in from a file.
    TakeSession,
    /// Freeze a coin, or thaw it.
    Freeze,
    /// A receiving address of the treasury.
    TreasuryAddress,
    /// Write a timestamp of a link.
    Timestamp,
    /// Write the links to a file, for short proof files.
    LinkFile,
    /// Hand weight on.
    Delegate,
    /// Take a delegation back.
    Revoke,
    /// Invite somebody.
    Invite,
    /// Replace the vote key.
    RotateKey,
    /// Replay the whole log.
    Replay,
    /// Write the report to a file.
    SaveReport,
    /// Run that command, by a form of its options.
    Run(&'static str),
    /// The help page.
    Help,
    /// The command palette.
    Palette,
    /// The list of other DAOs.
    Folders,
    /// The next theme.
    Theme,
    /// Bell on or off.
    Bell,
    /// Motion on or off.
    Motion,
    /// Mouse on or off.
    Mouse,
    /// Undo.
    Undo,
    /// Redo.
    Redo,
    /// Take that row of a choice.
    Choose(usize),
    /// Mark the row, or take the mark back.
    Mark,
    /// A digit of the row's number.
    Number,
    /// Give the row more.
    More,
    /// Give the row less.
    Less,
    /// Move the row of a ranking up.
    Raise,
    /// Move the row of a ranking down.
    Lower,
    /// Complete the name of a file.
    Complete,
    /// Copy what the page shows.
    Copy,
    /// Write what the page shows to a file.
    SavePage,
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
    /// A click of the mouse on a cell.
    Click {
        /// Column from the left, from 0.
        x: u16,
        /// Row from the top, from 0.
        y: u16,
    },
    /// The wheel of the mouse.
    Wheel {
        /// Toward the user.
        down: bool,
    },
    /// Time went by while something is under way.
    Tick,
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
    /// How far the replay of the log is.
    Replaying {
        /// Entries done.
        done: u64,
        /// Entries in all.
        total: u64,
    },
    /// The end of the replay.
    Replayed(Result<AuditReport, ApiError>),
    /// What came of a command.
    Ran(Box<Ran>),
    /// The settings as their file has them, now that something of them was kept.
    Kept(Box<Settings>),
    /// Something written to a file here, or why not.
    Written(Result<PathBuf, String>),
    /// The names in a folder, or why there are none.
    Names {
        /// The folder, as it was typed.
        folder: String,
        /// Names, those of folders with a `/` at their end.
        names: Result<Vec<String>, String>,
    },
}

/// Why something was asked: tells what to do with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The discussion of the open proposal.
    Discussion,
    /// The effects on the review page.
    Review,
    /// What was reviewed.
    Order,
    /// Something said at once, which can be taken back.
    Say,
    /// What a screen shows besides the snapshot.
    Desk,
    /// The version before, for the difference.
    Diff,
    /// The steps of "why is this true?".
    Why,
    /// A receiving address.
    Address,
    /// The report, to be written to a file.
    SaveReport,
    /// Something done about a session, which is then shown.
    Session,
    /// The session's PSBT, to be written to a file.
    SaveSession,
    /// The charter in force, to be changed in a form.
    Charter,
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
    /// Replay and check the whole log.
    Replay,
    /// Run a command in this process.
    Run(Box<Run>),
    /// Something new needs the member.
    Notify(String),
    /// Give a text to the terminal's clipboard.
    Copy(String),
    /// Write a text to a file.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        text: String,
    },
    /// Read a PSBT from a file and give it to the node.
    TakePsbt(PathBuf),
    /// Look what is in a folder, named as it was typed.
    Names(String),
    /// Keep what is liked otherwise from now on.
    Save(Liking),
}
