//! The state of the application.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use althing_node::api::{Link, Proposal, Role, Snapshot, Stake};
use ratatui::layout::Rect;

use super::ballot::Choose;
use super::form::Form;
use super::lesson::Lesson;
use super::needs::{is_gone, not_current};
use super::order::Review;
use super::pick::Pick;
use super::treasury::Section;
use super::{Act, Desk, Need, Screen, needs};
use crate::backend::AuditReport;
use crate::deeds::Run;
use crate::keymap::Keymap;
use crate::settings::Settings;

/// Everything that decides what is drawn.
#[derive(Debug, Clone, Default)]
pub struct App {
    /// What the node showed last; `None` until the first answer.
    pub snapshot: Option<Box<Snapshot>>,
    /// Why there is no newer snapshot, if the last try failed.
    pub trouble: Option<String>,
    /// The screen shown.
    pub screen: Screen,
    /// The part of the treasury that is shown.
    pub section: Section,
    /// The screens to go back to.
    pub back: Vec<Screen>,
    /// What lies over the screen; the last one has the keyboard.
    pub popups: Vec<Popup>,
    /// The row of each list.
    pub selections: Selections,
    /// What is listed on each screen where something was typed to filter it.
    pub filters: BTreeMap<Screen, String>,
    /// Whether the filter is being typed.
    pub filtering: bool,
    /// Id of the proposal that is open.
    pub open: Option<String>,
    /// The open proposal with its discussion, once it came.
    pub discussion: Option<Box<Proposal>>,
    /// Id of the comment that is marked.
    pub comment: Option<String>,
    /// First line shown of the text on the screen.
    pub scroll: u16,
    /// How far the text now shown can be scrolled; the drawing says so.
    pub scroll_limit: u16,
    /// Columns and rows of the terminal, as they were drawn last.
    pub size: (u16, u16),
    /// What screens show besides the snapshot.
    pub desk: Desk,
    /// The last thing that happened, in a line.
    pub notice: Option<Notice>,
    /// Drafts put aside, forms and ballots, the newest last.
    pub aside: Vec<Popup>,
    /// The keys.
    pub keymap: Keymap,
    /// How the member likes it.
    pub settings: Settings,
    /// Whether the terminal asked for no colour.
    pub no_color: bool,
    /// Whether nothing can be ordered, only looked at.
    pub readonly: bool,
    /// The data folder that is open.
    pub folder: Option<PathBuf>,
    /// Other folders that the screens showed since they were opened.
    pub visited: Vec<PathBuf>,
    /// What the DAOs of the folders known here are called, where that is known: untrusted text.
    pub dao_names: BTreeMap<PathBuf, String>,
    /// The folder to open instead, once the screens are left.
    pub switch_to: Option<PathBuf>,
    /// The tutorial, if it runs.
    pub lesson: Option<Lesson>,
    /// The command that is being run.
    pub running: Option<Run>,
    /// The replay of the log under way.
    pub progress: Option<Progress>,
    /// How the last replay ended.
    pub replayed: Option<Result<AuditReport, String>>,
    /// Requests that are not answered yet, but for snapshots and what fills the screens.
    pub pending: usize,
    /// Counts the ticks while something is under way.
    pub beat: u64,
    /// Tip height and size of the log at each snapshot since the start, oldest first.
    pub growth: Vec<(u32, u64)>,
    /// What a click on a part of the picture means; the drawing says so.
    pub hits: Vec<(Rect, Hit)>,
    /// Whether to leave.
    pub leaving: bool,
    /// What needs me now, as it was worked out last.
    pub(super) needed: Vec<Need>,
    /// Needs that were told already.
    pub(super) told: Option<BTreeSet<String>>,
    /// The rows of the list on the screen that pass its filter, and for what they were worked out.
    pub(super) looked: (Looked, Vec<usize>),
    /// What the rows say that are searched, with their places.
    pub(super) said: Option<(Looked, Vec<usize>, Vec<String>)>,
}

/// Screen, part of the treasury, filter, revision of the snapshot, and how much came besides.
pub(super) type Looked = (Screen, Section, String, u64, u64);

/// What a click means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// That act.
    Act(Act),
    /// That row of the list with the keyboard; a second click opens it.
    Row(usize),
}

/// How far something long is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// In all; 0 until known.
    pub total: u64,
}

/// The selected row of each list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selections {
    /// Among what needs me.
    pub needs: usize,
    /// Among the proposals that pass the filter.
    pub proposals: usize,
    /// Among my ballots.
    pub ballots: usize,
    /// Among the rows of each part of the treasury.
    pub treasury: [usize; Section::ALL.len()],
    /// Among the links, newest first.
    pub links: usize,
    /// Among the members.
    pub members: usize,
    /// Among my stake channels.
    pub stakes: usize,
}

impl Selections {
    /// Keeps the row of a part of the treasury within that many rows.
    pub(super) fn keep_within(&mut self, section: Section, rows: usize) {
        let row = &mut self.treasury[section as usize];
        *row = (*row).min(rows.saturating_sub(1));
    }
}

/// Something that happened, in a line at the foot of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whether it went wrong.
    pub is_trouble: bool,
    /// What happened; safe to show.
    pub text: String,
    /// Whether a block came since.
    pub is_old: bool,
}

impl Notice {
    /// Something that happened now.
    pub fn new(is_trouble: bool, text: impl Into<String>) -> Self {
        Self { is_trouble, text: text.into(), is_old: false }
    }
}

/// What lies over a screen.
#[derive(Debug, Clone)]
pub enum Popup {
    /// The ballot being filled in.
    Choose(Box<Choose>),
    /// The last page before something irreversible.
    Review(Box<Review>),
    /// A form being filled in.
    Form(Box<Form>),
    /// A list to pick from.
    Pick(Box<Pick>),
    /// Why is this true?
    Why {
        /// The step with the keyboard.
        at: usize,
        /// Steps that are open.
        open: BTreeSet<usize>,
    },
    /// A page to read.
    Page {
        /// What it shows.
        page: Page,
        /// First line shown.
        scroll: u16,
    },
}

/// A page to read.
#[derive(Debug, Clone)]
pub enum Page {
    /// The keys, and what the words mean.
    Help,
    /// A link in full.
    Link(Box<Link>),
    /// A receiving address.
    Address {
        /// The address.
        address: String,
        /// Whether it is the treasury's; else this wallet's.
        treasury: bool,
    },
    /// What needs the member, in full.
    Need(Box<Need>),
    /// The session of that id.
    Session(String),
    /// A coin of the treasury: its `txid:vout`.
    Coin(String),
    /// What left the treasury by that transaction.
    Flow(String),
    /// The stake channel of that id.
    Channel(String),
    /// What the member of that vote key did.
    Member(String),
    /// What changed between two versions of a proposal, a line each; safe to show.
    Diff(Vec<String>),
    /// QR codes, one after the other.
    Codes {
        /// What they are of.
        title: String,
        /// What each says.
        codes: Vec<String>,
        /// The one that is shown.
        at: usize,
        /// Whether the next one comes by itself.
        moves: bool,
    },
    /// What a command answered.
    Told {
        /// What it does.
        title: String,
        /// Its answer, a line each; safe to show.
        lines: Vec<String>,
        /// Its exit code.
        code: u8,
    },
}

impl App {
    /// The application before anything is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a member's settings.
    ///
    /// # Errors
    /// If their keys are in conflict.
    pub fn with(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self { keymap: settings.keymap()?, settings, ..Self::default() })
    }

    /// Settings that were changed outside of the screens; keys in conflict leave the ones before.
    pub(super) fn take_settings(&mut self, settings: Settings) {
        if let Ok(keymap) = settings.keymap() {
            self.keymap = keymap;
        }
        self.settings = settings;
    }

    /// What else is in the file now that something of these screens was kept there. What a person at the screens chose, also by the
    /// command line, stays as it is (N-440).
    pub(super) fn take_the_rest(&mut self, kept: Settings) {
        let Settings { theme, mouse, reduced_motion, bell, .. } = self.settings;
        self.take_settings(Settings { theme, mouse, reduced_motion, bell, ..kept });
    }

    /// Whether something on the screen moves by itself.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        let codes = matches!(self.popups.last(), Some(Popup::Page { page: Page::Codes { moves: true, .. }, .. }));
        (self.pending > 0 || codes) && !self.settings.reduced_motion
    }

    /// The stake channels: a member's own, a hub's all.
    #[must_use]
    pub fn stakes(&self) -> &[Stake] {
        let Some(snapshot) = self.snapshot.as_deref() else { return &[] };
        // A hub has the channels of all members; they are too many for every snapshot.
        match snapshot.status.role {
            Role::Member => &snapshot.stakes,
            Role::Hub => self.desk.stakes.as_deref().unwrap_or(&snapshot.stakes),
        }
    }

    /// What needs me now.
    #[must_use]
    pub fn needs(&self) -> &[Need] {
        &self.needed
    }

    /// Works out what needs me now, once for each snapshot and answer: a picture asks for it several times, and there may be a
    /// need for each of thousands of votes.
    pub(super) fn look_for_needs(&mut self) {
        let sessions = self.desk.sessions.as_deref().unwrap_or_default();
        let treasury = self.desk.treasury.as_deref();
        let invitations = &self.desk.invitations;
        let needed = self.snapshot.as_deref().map(|snapshot| needs(snapshot, sessions, treasury, invitations));
        self.needed = needed.unwrap_or_default();
        if let Some(trouble) = self.trouble.as_deref().filter(|_| self.snapshot.is_some()) {
            self.needed.insert(0, not_current(trouble, self.is_hub()));
        }
    }

    /// Whether the node that these screens show has stopped (N-8).
    #[must_use]
    pub fn is_node_gone(&self) -> bool {
        self.trouble.as_deref().is_some_and(is_gone)
    }

    /// The proposal of that id as the newest snapshot has it.
    #[must_use]
    pub fn proposal(&self, id: &str) -> Option<&Proposal> {
        self.snapshot.iter().flat_map(|snapshot| &snapshot.proposals).find(|proposal| proposal.id == id)
    }

    /// The open proposal: the newest sums, else what came with the discussion.
    #[must_use]
    pub fn open_proposal(&self) -> Option<&Proposal> {
        let id = self.open.as_deref()?;
        self.proposal(id).or_else(|| self.discussion.as_deref().filter(|p| p.id == id))
    }

    /// The session that the keyboard is on: the one whose page is open, else the selected row.
    #[must_use]
    pub fn session_here(&self) -> Option<&althing_node::api::SessionView> {
        if let Some(id) = self.open_session() {
            // The list knows it before its page has come.
            let listed = || self.desk.sessions.as_ref()?.iter().find(|session| session.id == id);
            return self.desk.session.as_deref().filter(|session| session.id == id).or_else(listed);
        }
        let place = self.selected_place().filter(|_| self.section == Section::Sessions)?;
        self.desk.sessions.as_ref()?.get(place)
    }

    /// The coin that the keyboard is on.
    #[must_use]
    pub fn coin_here(&self) -> Option<&althing_node::api::CoinView> {
        let coins = self.desk.coins.as_ref()?;
        if let Some(Popup::Page { page: Page::Coin(outpoint), .. }) = self.popups.last() {
            return coins.iter().find(|coin| coin.outpoint == *outpoint);
        }
        coins.get(self.selected_place().filter(|_| self.section == Section::Coins)?)
    }
}
