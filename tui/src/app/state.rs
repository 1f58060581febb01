//! The state of the application.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use althing_node::api::{Link, Proposal, Role, Snapshot, Stake};
use ratatui::layout::Rect;

use super::ballot::Choose;
use super::form::Form;
use super::lesson::Lesson;
use super::order::Review;
use super::pick::Pick;
use super::treasury::Section;
use super::{Act, Desk, Need, Screen, needs, treasury};
use crate::backend::AuditReport;
use crate::deeds::Run;
use crate::fuzzy;
use crate::keymap::{Context, Keymap};
use crate::settings::Settings;
use crate::untrusted::Untrusted;

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
    /// What screens show besides the snapshot.
    pub desk: Desk,
    /// The last thing that happened, in a line.
    pub notice: Option<Notice>,
    /// Drafts put aside, the newest last.
    pub aside: Vec<Form>,
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

    /// Where the keyboard is, the innermost first.
    #[must_use]
    pub fn contexts(&self) -> &'static [Context] {
        self.contexts_of(self.popups.last())
    }

    /// Where the keyboard was before the help was opened.
    #[must_use]
    pub fn contexts_below_help(&self) -> &'static [Context] {
        let is_help = |popup: &&Popup| matches!(popup, Popup::Page { page: Page::Help, .. });
        self.contexts_of(self.popups.iter().rev().find(|popup| !is_help(popup)))
    }

    fn contexts_of(&self, popup: Option<&Popup>) -> &'static [Context] {
        match popup {
            Some(Popup::Page { page: Page::Session(_), .. }) => &[Context::Sessions, Context::Page, Context::Always],
            Some(Popup::Page { page: Page::Coin(_), .. }) => &[Context::Coins, Context::Page, Context::Always],
            Some(Popup::Page { page: Page::Channel(_), .. }) => &[Context::Channels, Context::Page, Context::Always],
            Some(Popup::Page { page: Page::Member(_), .. }) => &[Context::Members, Context::Page, Context::Always],
            Some(Popup::Page { page: Page::Link(_), .. }) => &[Context::Chain, Context::Page, Context::Always],
            Some(Popup::Page { .. }) => &[Context::Page, Context::Always],
            Some(Popup::Why { .. }) => &[Context::Why, Context::Always],
            Some(Popup::Pick(_)) => &[Context::Pick, Context::Always],
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() && choose.is_one_of() => {
                &[Context::Choose, Context::Always]
            }
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() && choose.system.is_ranked() => {
                &[Context::Rank, Context::Always]
            }
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() => &[Context::Fill, Context::Always],
            Some(Popup::Choose(_)) => &[Context::Reason, Context::Always],
            Some(Popup::Review(review)) if review.is_refused() => &[Context::Refused, Context::Always],
            Some(Popup::Review(_)) => &[Context::Review, Context::Always],
            Some(Popup::Form(form)) if form.on_body() => &[Context::Write, Context::Always],
            Some(Popup::Form(_)) => &[Context::Field, Context::Always],
            None if self.filtering => &[Context::Filter, Context::Always],
            None => self.screen_contexts(),
        }
    }

    /// Where the keyboard is when no popup is open and nothing is typed.
    #[must_use]
    pub fn screen_contexts(&self) -> &'static [Context] {
        Self::contexts_in(self.screen, self.section)
    }

    /// Where it is on a screen, and on that part of the treasury's.
    #[must_use]
    pub fn contexts_in(screen: Screen, section: Section) -> &'static [Context] {
        match screen {
            Screen::Proposal => &[Context::Proposal, Context::Screens, Context::Always],
            Screen::Proposals => {
                &[Context::Proposals, Context::Opens, Context::List, Context::Screens, Context::Always]
            }
            Screen::Home => &[Context::Opens, Context::List, Context::Screens, Context::Always],
            Screen::Treasury => match section {
                Section::Payments => {
                    &[Context::Payments, Context::Treasury, Context::List, Context::Screens, Context::Always]
                }
                Section::Sessions => {
                    &[Context::Sessions, Context::Treasury, Context::List, Context::Screens, Context::Always]
                }
                Section::Coins => {
                    &[Context::Coins, Context::Treasury, Context::List, Context::Screens, Context::Always]
                }
                Section::Budgets | Section::Flows => {
                    &[Context::Treasury, Context::List, Context::Screens, Context::Always]
                }
                Section::Policy => &[Context::Treasury, Context::Text, Context::Screens, Context::Always],
            },
            Screen::Ballots => &[Context::Ballots, Context::Opens, Context::List, Context::Screens, Context::Always],
            Screen::Channels => &[Context::Channels, Context::List, Context::Screens, Context::Always],
            Screen::Members => &[Context::Members, Context::List, Context::Screens, Context::Always],
            Screen::Chain => &[Context::Chain, Context::List, Context::Screens, Context::Always],
            Screen::Audit => &[Context::Audit, Context::Text, Context::Screens, Context::Always],
            Screen::Operator => &[Context::Operator, Context::Text, Context::Screens, Context::Always],
            Screen::Learn => &[Context::Text, Context::Screens, Context::Always],
        }
    }

    /// Whether keys without a meaning are typed into something.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        self.contexts()[0].takes_text()
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
        let needed = self.snapshot.as_deref().map(|snapshot| needs(snapshot, sessions, treasury));
        self.needed = needed.unwrap_or_default();
    }

    /// The filter of the screen shown.
    #[must_use]
    pub fn filter(&self) -> &str {
        self.filters.get(&self.screen).map_or("", String::as_str)
    }

    /// The proposals that pass the filter of their screen, without one newest first.
    #[must_use]
    pub fn listed(&self) -> Vec<&Proposal> {
        let proposals = self.snapshot.as_deref().map(|snapshot| &snapshot.proposals);
        let places = self.places_of(Screen::Proposals);
        places.into_iter().filter_map(|place| proposals?.get(place)).collect()
    }

    /// The places, in the snapshot's own order, of the rows on the screen that pass its filter; best match first.
    #[must_use]
    pub fn places(&self) -> Vec<usize> {
        self.places_of(self.screen)
    }

    fn places_of(&self, screen: Screen) -> Vec<usize> {
        let filter = self.filters.get(&screen).map_or("", String::as_str);
        let (known, places) = &self.looked;
        if !filter.is_empty() && *known == self.looking(screen, filter) {
            return places.clone();
        }
        let all = self.rows_of(screen);
        if filter.trim().is_empty() {
            return all;
        }
        let texts = self.texts_of(screen, &all);
        fuzzy::search(filter, &texts).into_iter().map(|found| all[found]).collect()
    }

    /// For what rows are worked out.
    fn looking(&self, screen: Screen, filter: &str) -> Looked {
        let revision = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.revision);
        (screen, self.section, filter.to_owned(), revision, self.desk.came)
    }

    /// The places of all rows, in the order of the screen.
    fn rows_of(&self, screen: Screen) -> Vec<usize> {
        let Some(snapshot) = self.snapshot.as_deref() else { return Vec::new() };
        let count = self.all_rows(screen);
        let is_hidden = |place: usize| match screen {
            Screen::Proposals => snapshot.proposals.get(place).is_some_and(|proposal| proposal.vote.hidden),
            _ => false,
        };
        let mut all: Vec<usize> = (0..count).filter(|place| !is_hidden(*place)).collect();
        if screen == Screen::Chain {
            // Links stand newest first.
            all.reverse();
        }
        all
    }

    /// What is looked through of the rows at those places.
    fn texts_of(&self, screen: Screen, places: &[usize]) -> Vec<String> {
        let Some(snapshot) = self.snapshot.as_deref() else { return Vec::new() };
        let payments = if screen == Screen::Treasury { treasury(snapshot) } else { Vec::new() };
        let text = |place: &usize| match screen {
            Screen::Home => self.needed[*place].text.clone(),
            Screen::Proposals => searched(&snapshot.proposals[*place]),
            Screen::Ballots => {
                let ballot = &snapshot.ballots[*place];
                format!("{} {}", Untrusted::new(&ballot.title), ballot.choice)
            }
            Screen::Treasury if self.section == Section::Payments => {
                format!("{} {}", payments[*place].stage.words(), searched(payments[*place].proposal))
            }
            Screen::Treasury => self.searched_of_treasury(*place),
            Screen::Channels => {
                let stake = &self.stakes()[*place];
                format!("{} {}", stake.channel, stake.state)
            }
            Screen::Members => {
                let member = &snapshot.members[*place];
                format!("{} {}", Untrusted::new(&member.name), Untrusted::new(&member.vote_key))
            }
            Screen::Chain => {
                let link = &snapshot.links[*place];
                format!("epoch {} {} {}", link.epoch, link.txid, link.state)
            }
            Screen::Proposal | Screen::Audit | Screen::Learn | Screen::Operator => String::new(),
        };
        places.iter().map(text).collect()
    }

    /// Remembers the rows while a filter is set, so that a frame does not search again, and what they say, so that the next
    /// letter only searches.
    pub(super) fn remember_rows(&mut self) {
        let wanted = self.looking(self.screen, self.filter());
        if wanted.2.trim().is_empty() || self.looked.0 == wanted {
            return;
        }
        let rows = self.looking(self.screen, "");
        let said = self.said.take().filter(|(known, ..)| *known == rows).unwrap_or_else(|| {
            let all = self.rows_of(self.screen);
            let texts = self.texts_of(self.screen, &all);
            (rows, all, texts)
        });
        let (_, all, texts) = self.said.insert(said);
        let places = fuzzy::search(&wanted.2, texts).into_iter().map(|found| all[found]).collect();
        self.looked = (wanted, places);
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

    /// Rows of the list on the screen.
    #[must_use]
    pub fn row_count(&self) -> usize {
        if self.filter().is_empty() && self.screen != Screen::Proposals {
            self.all_rows(self.screen)
        } else {
            self.places().len()
        }
    }

    fn all_rows(&self, screen: Screen) -> usize {
        let Some(snapshot) = self.snapshot.as_deref() else { return 0 };
        match screen {
            Screen::Home => self.needs().len(),
            Screen::Proposals => snapshot.proposals.len(),
            Screen::Ballots => snapshot.ballots.len(),
            Screen::Treasury => match self.section {
                Section::Payments => treasury(snapshot).len(),
                Section::Sessions => self.desk.sessions.as_ref().map_or(0, Vec::len),
                Section::Budgets => self.desk.treasury.as_deref().map_or(0, |found| found.budgets.len()),
                Section::Coins => self.desk.coins.as_ref().map_or(0, Vec::len),
                Section::Flows => self.desk.flows.as_ref().map_or(0, Vec::len),
                Section::Policy => 0,
            },
            Screen::Channels => self.stakes().len(),
            Screen::Members => snapshot.members.len(),
            Screen::Chain => snapshot.links.len(),
            Screen::Proposal | Screen::Audit | Screen::Learn | Screen::Operator => 0,
        }
    }

    /// The selected row of the list on the screen.
    pub fn selected_mut(&mut self) -> &mut usize {
        match self.screen {
            Screen::Home => &mut self.selections.needs,
            Screen::Ballots => &mut self.selections.ballots,
            Screen::Treasury => &mut self.selections.treasury[self.section as usize],
            Screen::Channels => &mut self.selections.stakes,
            Screen::Members => &mut self.selections.members,
            Screen::Chain => &mut self.selections.links,
            _ => &mut self.selections.proposals,
        }
    }

    /// The selected row of the list on the screen, by its place in the snapshot.
    #[must_use]
    pub fn selected_place(&self) -> Option<usize> {
        let mut copy = self.selections;
        let row = match self.screen {
            Screen::Home => &mut copy.needs,
            Screen::Ballots => &mut copy.ballots,
            Screen::Treasury => &mut copy.treasury[self.section as usize],
            Screen::Channels => &mut copy.stakes,
            Screen::Members => &mut copy.members,
            Screen::Chain => &mut copy.links,
            _ => &mut copy.proposals,
        };
        self.places().get(*row).copied()
    }
}

impl App {
    /// What the filter looks at on the parts of the treasury that are not in the snapshot.
    fn searched_of_treasury(&self, place: usize) -> String {
        let desk = &self.desk;
        match self.section {
            Section::Sessions => desk.sessions.iter().flatten().nth(place).map(|session| {
                let names = [session.signed.join(" "), session.missing.join(" ")].join(" ");
                format!(
                    "{} {} {} {}",
                    session.id,
                    session.state,
                    Untrusted::new(&session.title),
                    Untrusted::new(&names)
                )
            }),
            Section::Coins => desk.coins.iter().flatten().nth(place).map(|coin| {
                let label = coin.label.as_deref().unwrap_or_default();
                format!("{} {} {} {}", coin.outpoint, coin.state, coin.sat, Untrusted::new(label))
            }),
            Section::Flows => desk.flows.iter().flatten().nth(place).map(|flow| {
                format!("{} {} {} {}", flow.txid, flow.verdict, flow.height, Untrusted::new(&flow.signers.join(" ")))
            }),
            Section::Budgets => desk
                .treasury
                .iter()
                .flat_map(|found| &found.budgets)
                .nth(place)
                .map(|budget| format!("{} {}", Untrusted::new(&budget.title), Untrusted::new(&budget.payee))),
            Section::Payments | Section::Policy => None,
        }
        .unwrap_or_default()
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

/// What the filter looks at.
fn searched(proposal: &Proposal) -> String {
    format!(
        "#{} {} {} {} {} {}",
        proposal.number,
        proposal.class,
        crate::words::state(proposal.state),
        Untrusted::new(&proposal.title),
        Untrusted::new(&proposal.author_name),
        Untrusted::new(&proposal.vote.tags.join(" ")),
    )
}
