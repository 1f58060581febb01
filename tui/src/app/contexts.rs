//! Where the keyboard is, which decides what keys mean.

use super::{App, Page, Popup, Screen, Section};
use crate::keymap::Context;

impl App {
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
            Some(Popup::Page { page: Page::Codes { .. }, .. }) => &[Context::Codes, Context::Always],
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
            Some(Popup::Form(form)) if form.on_file() => &[Context::File, Context::Always],
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
}
