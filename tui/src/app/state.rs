//! The state of the application.

use althing_node::api::{BallotReview, Choice, Proposal, Snapshot};
use ratatui_textarea::TextArea;

use super::ballot::Choose;
use super::{Need, Screen, needs};
use crate::keymap::Context;
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
    /// Words that a proposal must contain to be listed.
    pub filter: String,
    /// Whether the filter is being typed.
    pub filtering: bool,
    /// Id of the proposal that is open.
    pub open: Option<String>,
    /// The open proposal with its discussion, once it came.
    pub discussion: Option<Box<Proposal>>,
    /// First line shown of the open proposal.
    pub scroll: u16,
    /// How far the text now shown can be scrolled; the drawing says so.
    pub scroll_limit: u16,
    /// The last thing that happened, in a line.
    pub notice: Option<Notice>,
    /// Whether to leave.
    pub leaving: bool,
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
    /// The keys, and what the words mean.
    Help {
        /// First line shown.
        scroll: u16,
    },
    /// The ballot being filled in.
    Choose(Box<Choose>),
    /// The last page before a ballot is cast.
    Review(Box<Review>),
    /// A comment or a proposal being written.
    Write(Box<Write>),
}

/// The review page of a ballot.
#[derive(Debug, Clone)]
pub struct Review {
    /// Id of the proposal.
    pub proposal: String,
    /// The choice.
    pub choice: Choice,
    /// The public reason.
    pub reason: Option<String>,
    /// How far it is.
    pub step: ReviewStep,
    /// The word typed so far.
    pub typed: String,
    /// First line shown.
    pub scroll: u16,
    /// Why it was not done.
    pub problem: Option<String>,
}

/// How far a review is.
#[derive(Debug, Clone)]
pub enum ReviewStep {
    /// The node is working out the effects.
    Asking,
    /// The effects are on the page.
    Ready(Box<BallotReview>),
    /// The ballot was given to the node; no answer yet.
    Sending(Box<BallotReview>),
}

/// A text being written.
#[derive(Debug, Clone)]
pub struct Write {
    /// What it will be.
    pub kind: WriteKind,
    /// The title line of a proposal.
    pub title: String,
    /// The text.
    pub body: TextArea<'static>,
    /// Whether the title has the keyboard.
    pub on_title: bool,
    /// Whether it was given to the node.
    pub sending: bool,
    /// What is wrong with it, or what the node said against it.
    pub problem: Option<String>,
}

/// What a text being written will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteKind {
    /// A comment on the proposal of that id.
    Comment {
        /// Id of the proposal.
        proposal: String,
    },
    /// A text proposal.
    Proposal,
}

impl App {
    /// The application before anything is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the keyboard is, the innermost first.
    #[must_use]
    pub fn contexts(&self) -> &'static [Context] {
        match self.popups.last() {
            Some(Popup::Help { .. }) => &[Context::Help, Context::Always],
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() && choose.is_one_of() => {
                &[Context::Choose, Context::Always]
            }
            Some(Popup::Choose(choose)) if choose.row < choose.reason_row() => &[Context::Fill, Context::Always],
            Some(Popup::Choose(_)) => &[Context::Reason, Context::Always],
            Some(Popup::Review(_)) => &[Context::Review, Context::Always],
            Some(Popup::Write(_)) => &[Context::Write, Context::Always],
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
            Screen::Home | Screen::Ballots => &[Context::Opens, Context::List, Context::Screens, Context::Always],
            Screen::Chain | Screen::Members | Screen::Stake => &[Context::List, Context::Screens, Context::Always],
        }
    }

    /// Whether keys without a meaning are typed into something.
    #[must_use]
    pub fn takes_text(&self) -> bool {
        matches!(self.contexts()[0], Context::Filter | Context::Reason | Context::Review | Context::Write)
    }

    /// What needs me now.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        self.snapshot.as_deref().map(needs).unwrap_or_default()
    }

    /// The proposals that pass the filter, newest first.
    #[must_use]
    pub fn listed(&self) -> Vec<&Proposal> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let passes = |proposal: &&Proposal| {
            if proposal.vote.hidden {
                return false;
            }
            // Without a filter nothing is looked at: there may be many thousands.
            words.is_empty() || {
                let text = searched(proposal);
                words.iter().all(|word| text.contains(word))
            }
        };
        self.snapshot.iter().flat_map(|snapshot| &snapshot.proposals).filter(passes).collect()
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
        let snapshot = self.snapshot.as_deref();
        match self.screen {
            Screen::Home => self.needs().len(),
            Screen::Proposals => self.listed().len(),
            Screen::Proposal => 0,
            Screen::Ballots => snapshot.map_or(0, |s| s.ballots.len()),
            Screen::Chain => snapshot.map_or(0, |s| s.links.len()),
            Screen::Members => snapshot.map_or(0, |s| s.members.len()),
            Screen::Stake => snapshot.map_or(0, |s| s.stakes.len()),
        }
    }

    /// The selected row of the list on the screen.
    pub fn selected_mut(&mut self) -> &mut usize {
        match self.screen {
            Screen::Home => &mut self.selections.needs,
            Screen::Proposals | Screen::Proposal => &mut self.selections.proposals,
            Screen::Ballots => &mut self.selections.ballots,
            Screen::Chain => &mut self.selections.links,
            Screen::Members => &mut self.selections.members,
            Screen::Stake => &mut self.selections.stakes,
        }
    }
}

/// What the filter looks at.
fn searched(proposal: &Proposal) -> String {
    format!(
        "#{} {} {} {} {}",
        proposal.number,
        proposal.class,
        crate::words::state(proposal.state),
        Untrusted::new(&proposal.title),
        Untrusted::new(&proposal.author_name),
    )
    .to_lowercase()
}
