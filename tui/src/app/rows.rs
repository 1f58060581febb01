//! The rows of the list on the screen: which pass its filter, and which is selected.

use althing_node::api::Proposal;

use super::state::Looked;
use super::{App, Screen, Section, treasury};
use crate::fuzzy;
use crate::untrusted::Untrusted;

impl App {
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

    /// Rows of the list on the screen.
    #[must_use]
    pub fn row_count(&self) -> usize {
        if self.filter().is_empty() && self.screen != Screen::Proposals {
            self.all_rows(self.screen)
        } else {
            self.places().len()
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
