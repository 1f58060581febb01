//! Lists to pick from by a few letters: every command, every proposal, other DAOs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use althing_node::api::InvitationView;

use super::{Act, App, Screen, Section};
use crate::deeds;
use crate::format::thousands;
use crate::fuzzy;
use crate::text::tail;
use crate::untrusted::Untrusted;

/// Rows that are looked at and kept; nobody reads more.
const MAX_SHOWN: usize = 200;

/// Acts whose own form has every option of a command: one row in the palette does for both.
pub const SAME: [(Act, &str); 5] = [
    (Act::Invite, "invite"),
    (Act::RotateKey, "rotate-key"),
    (Act::Address, "wallet address"),
    (Act::StakeOpen, "stake open"),
    (Act::SendCoins, "wallet send"),
];

/// A list to pick from.
#[derive(Debug, Clone)]
pub struct Pick {
    /// What is picked.
    pub of: PickOf,
    /// Letters typed so far.
    pub typed: String,
    /// The row with the keyboard, among those that match.
    pub row: usize,
    items: Vec<PickItem>,
    shown: Vec<usize>,
}

/// What is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickOf {
    /// A command, a screen or a proposal.
    Command,
    /// A data folder.
    Folder,
    /// An invitation to accept.
    Invitation,
}

/// A row.
#[derive(Debug, Clone)]
pub struct PickItem {
    /// What it is called; safe to show.
    pub name: String,
    /// The key that does the same, or where it is.
    pub beside: String,
    /// What it may be looked for by, beside the name: what the command line and the settings call it.
    pub also: String,
    /// What happens.
    pub picked: Picked,
}

/// Columns for the end of a folder's name.
const FOLDER_COLUMNS: usize = 26;

/// What happens when a row is picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// That act.
    Act(Act),
    /// That act on another screen, or another part of the treasury's.
    There(Screen, Section, Act),
    /// That proposal is opened, by its id.
    Proposal(String),
    /// That data folder is opened.
    Folder(PathBuf),
    /// That invitation is accepted, by its id.
    Invitation(String),
}

impl Pick {
    /// Every act of this screen, every screen, every act of the others, every proposal.
    #[must_use]
    pub fn command(app: &App) -> Self {
        let mut items = Vec::new();
        let mut known: Vec<Act> = Vec::new();
        for context in app.screen_contexts() {
            for binding in app.keymap.of(*context) {
                if moves_only(binding.act) || known.contains(&binding.act) {
                    continue;
                }
                known.push(binding.act);
                let beside = binding.keys.first().map(crate::keymap::Key::name).unwrap_or_default();
                let name = match binding.act {
                    Act::Go(screen) => format!("go to {}", screen.title()),
                    _ => binding.help.to_owned(),
                };
                items.push(PickItem { name, beside, also: words_of(binding.act), picked: Picked::Act(binding.act) });
            }
        }
        for (act, name) in [
            (Act::Bell, "bell on or off when something new needs me"),
            (Act::Motion, "reduced motion on or off"),
            (Act::Mouse, "mouse on or off, from the next start on"),
            (Act::Propose, "write a proposal"),
            (Act::Delegate, "hand my weight on"),
            (Act::Revoke, "take a delegation back"),
            (Act::StakeOpen, "lock bitcoin in a stake channel"),
            (Act::Address, "a fresh address of my wallet, as text and QR code"),
            (Act::SendCoins, "send coins of my wallet to an address"),
            (Act::Invite, "invite somebody"),
            (Act::Housekeeping, "move the treasury's own coins: consolidate, sweep"),
            (Act::TreasuryAddress, "a fresh address of the treasury, as text and QR code"),
            (Act::TakeSession, "take a PSBT in from a file"),
            (Act::Backup, "write a backup of the channels to a file"),
            (Act::Bump, "pay more for the link that waits"),
            (Act::RotateKey, "replace my vote key"),
            (Act::Replay, "replay and check the whole log now"),
            (Act::SaveReport, "write the report to a file"),
        ] {
            if !known.contains(&act) {
                known.push(act);
                items.push(PickItem {
                    name: name.to_owned(),
                    beside: String::new(),
                    also: words_of(act),
                    picked: Picked::Act(act),
                });
            }
        }
        for (screen, section) in rooms() {
            for binding in App::contexts_in(screen, section).iter().flat_map(|context| app.keymap.of(*context)) {
                if moves_only(binding.act) || known.contains(&binding.act) {
                    continue;
                }
                known.push(binding.act);
                let room = if screen == Screen::Treasury { section.title() } else { screen.title() };
                items.push(PickItem {
                    name: binding.help.to_owned(),
                    beside: format!("on {room}"),
                    also: words_of(binding.act),
                    picked: Picked::There(screen, section, binding.act),
                });
            }
        }
        for deed in deeds::all() {
            // Also where a form of another make does the same: this one has every option.
            let act = Act::Run(deed.path);
            let is_there = SAME.iter().any(|(same, path)| *path == deed.path && known.contains(same));
            if !known.contains(&act) && !is_there {
                let (name, beside) = (deed.about.to_owned(), deed.path.to_owned());
                items.push(PickItem { name, beside, also: deed.path.to_owned(), picked: Picked::Act(act) });
            }
        }
        for section in Section::ALL {
            let name = format!("treasury: {}", section.title().to_lowercase());
            let (act, also) = (Act::Part(section), String::new());
            items.push(PickItem { name, beside: String::new(), also, picked: Picked::Act(act) });
        }
        for proposal in app.snapshot.iter().flat_map(|snapshot| &snapshot.proposals).filter(|p| !p.vote.hidden) {
            items.push(PickItem {
                name: format!("#{} {}", proposal.number, Untrusted::new(&proposal.title)),
                beside: crate::words::state(proposal.state).to_owned(),
                also: String::new(),
                picked: Picked::Proposal(proposal.id.clone()),
            });
        }
        Self::new(PickOf::Command, items)
    }

    /// The DAOs known here, each by its name, with the end of its data folder: there may be two folders of one DAO.
    #[must_use]
    pub fn folder(folders: &[PathBuf], here: Option<&Path>, names: &BTreeMap<PathBuf, String>) -> Self {
        let item = |folder: &PathBuf| {
            let path = Untrusted::new(&folder.display().to_string()).line();
            let open = if Some(folder.as_path()) == here { "open now" } else { "" };
            let (name, beside) = match names.get(folder) {
                Some(name) if open.is_empty() => (Untrusted::new(name).line(), tail(&path, FOLDER_COLUMNS)),
                Some(name) => (Untrusted::new(name).line(), open.to_owned()),
                None => (path.clone(), open.to_owned()),
            };
            PickItem { name, beside, also: path, picked: Picked::Folder(folder.clone()) }
        };
        Self::new(PickOf::Folder, folders.iter().map(item).collect())
    }

    /// The invitations that can be accepted.
    #[must_use]
    pub fn invitation(app: &App) -> Self {
        let item = |one: &InvitationView| PickItem {
            name: format!("{} invites you", Untrusted::new(&one.by_name).line()),
            beside: format!("until height {}", thousands(u128::from(one.until))),
            also: one.by.clone(),
            picked: Picked::Invitation(one.id.clone()),
        };
        Self::new(PickOf::Invitation, app.open_invitations().map(item).collect())
    }

    fn new(of: PickOf, items: Vec<PickItem>) -> Self {
        let mut pick = Self { of, typed: String::new(), row: 0, items, shown: Vec::new() };
        pick.search();
        pick
    }

    /// All rows, whatever is typed.
    #[must_use]
    pub fn items(&self) -> &[PickItem] {
        &self.items
    }

    /// The rows that match, best first.
    pub fn shown(&self) -> impl Iterator<Item = &PickItem> {
        self.shown.iter().filter_map(|place| self.items.get(*place))
    }

    /// How many match.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// The row with the keyboard.
    #[must_use]
    pub fn picked(&self) -> Option<&Picked> {
        self.items.get(*self.shown.get(self.row)?).map(|item| &item.picked)
    }

    /// Looks again after what was typed changed.
    pub(super) fn search(&mut self) {
        let mut found =
            fuzzy::search(&self.typed, self.items.iter().map(|item| format!("{} {}", item.name, item.also)));
        found.truncate(MAX_SHOWN);
        self.shown = found;
        self.row = 0;
    }
}

/// Every screen, and every part of the treasury's.
fn rooms() -> impl Iterator<Item = (Screen, Section)> {
    let parts = Section::ALL.into_iter().map(|section| (Screen::Treasury, section));
    let others = Screen::TABS.into_iter().chain([Screen::Proposal]).map(|screen| (screen, Section::Payments));
    parts.chain(others.filter(|(screen, _)| *screen != Screen::Treasury))
}

/// What an act may be looked for by: its name as words, and the command that does the same.
fn words_of(act: Act) -> String {
    let command = SAME.iter().find(|(same, _)| *same == act).map(|(_, path)| *path);
    match act {
        Act::Run(path) => path.to_owned(),
        act => [act.name().replace('-', " ").as_str(), command.unwrap_or_default()].join(" ").trim_end().to_owned(),
    }
}

/// Moving about is no command.
fn moves_only(act: Act) -> bool {
    matches!(
        act,
        Act::Down
            | Act::Up
            | Act::PageDown
            | Act::PageUp
            | Act::First
            | Act::Last
            | Act::NextScreen
            | Act::PreviousScreen
    ) || matches!(act, Act::Palette | Act::Go(Screen::Proposal))
}
