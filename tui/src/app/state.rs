//! The state of the application.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use althing_node::api::{Link, Proposal, Snapshot};
use ratatui::layout::Rect;

use super::ballot::Choose;
use super::form::Form;
use super::lesson::Lesson;
use super::order::Review;
use super::pick::Pick;
use super::{Act, Desk, Need, Screen, needs, treasury};
use crate::backend::AuditReport;
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
    /// Needs that were told already.
    pub(super) told: Option<BTreeSet<String>>,
    /// The rows of the list on the screen that pass its filter, and for what they were worked out.
    pub(super) looked: (Looked, Vec<usize>),
}

/// Screen, filter and revision.
pub(super) type Looked = (Screen, String, u64);

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
    /// Among the payments.
    pub payments: usize,
    /// Among the links, newest first.
    pub links: usize,
    /// Among the members.
    pub members: usize,
    /// Among my stake channels.
    pub stakes: usize,
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
    Address(String),
    /// What changed between two versions of a proposal, a line each; safe to show.
    Diff(Vec<String>),
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

    /// Where the keyboard is, the innermost first.
    #[must_use]
    pub fn contexts(&self) -> &'static [Context] {
        match self.popups.last() {
            Some(Popup::Page { .. }) => &[Context::Page, Context::Always],
            Some(Popup::Why { .. }) => &[Context::Why, Context::Always],
            Some(Popup::Pick(_)) => &[Context::Pick, Context::Always],
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() && choose.is_one_of() => {
                &[Context::Choose, Context::Always]
            }
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() => &[Context::Fill, Context::Always],
            Some(Popup::Choose(_)) => &[Context::Reason, Context::Always],
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
        match self.screen {
            Screen::Proposal => &[Context::Proposal, Context::Screens, Context::Always],
            Screen::Proposals => {
                &[Context::Proposals, Context::Opens, Context::List, Context::Screens, Context::Always]
            }
            Screen::Home | Screen::Treasury => &[Context::Opens, Context::List, Context::Screens, Context::Always],
            Screen::Ballots => &[Context::Ballots, Context::Opens, Context::List, Context::Screens, Context::Always],
            Screen::Channels => &[Context::Channels, Context::List, Context::Screens, Context::Always],
            Screen::Members => &[Context::Members, Context::List, Context::Screens, Context::Always],
            Screen::Chain => &[Context::Chain, Context::List, Context::Screens, Context::Always],
            Screen::Audit => &[Context::Audit, Context::Text, Context::Screens, Context::Always],
            Screen::Learn | Screen::Operator => &[Context::Text, Context::Screens, Context::Always],
        }
    }

    /// Whether keys without a meaning are typed into something.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        self.contexts()[0].takes_text()
    }

    /// What needs me now.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        self.snapshot.as_deref().map(needs).unwrap_or_default()
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
        let revision = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.revision);
        let filter = self.filters.get(&screen).map_or("", String::as_str);
        let (known, places) = &self.looked;
        if known.0 == screen && known.1 == filter && known.2 == revision && !filter.is_empty() {
            return places.clone();
        }
        self.look(screen, filter)
    }

    /// Works the rows out afresh.
    fn look(&self, screen: Screen, filter: &str) -> Vec<usize> {
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
        if filter.trim().is_empty() {
            return all;
        }
        let needs = if screen == Screen::Home { self.needs() } else { Vec::new() };
        let payments = if screen == Screen::Treasury { treasury(snapshot) } else { Vec::new() };
        let text = |place: &usize| match screen {
            Screen::Home => needs[*place].text.clone(),
            Screen::Proposals => searched(&snapshot.proposals[*place]),
            Screen::Ballots => {
                let ballot = &snapshot.ballots[*place];
                format!("{} {}", Untrusted::new(&ballot.title), ballot.choice)
            }
            Screen::Treasury => {
                format!("{} {}", payments[*place].stage.words(), searched(payments[*place].proposal))
            }
            Screen::Channels => {
                let stake = &snapshot.stakes[*place];
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
        fuzzy::search(filter, all.iter().map(text)).into_iter().map(|found| all[found]).collect()
    }

    /// Remembers the rows while a filter is set, so that a frame does not search again.
    pub(super) fn remember_rows(&mut self) {
        let filter = self.filter().to_owned();
        let revision = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.revision);
        let wanted = (self.screen, filter, revision);
        if !wanted.1.is_empty() && self.looked.0 != wanted {
            let places = self.look(wanted.0, &wanted.1);
            self.looked = (wanted, places);
        }
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
            Screen::Treasury => treasury(snapshot).len(),
            Screen::Channels => snapshot.stakes.len(),
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
            Screen::Treasury => &mut self.selections.payments,
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
            Screen::Treasury => &mut copy.payments,
            Screen::Channels => &mut copy.stakes,
            Screen::Members => &mut copy.members,
            Screen::Chain => &mut copy.links,
            _ => &mut copy.proposals,
        };
        self.places().get(*row).copied()
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
