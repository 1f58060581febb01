//! What screens show besides the snapshot: asked for when a screen is opened, and again when something changed.

use althing_node::api::{
    Curve, CurveOf, Delegations, Deposit, Proposal, Reply, ReportFormat, Request, Reward, Role, Why,
};

use super::{App, Command, Purpose, ReportView, Screen};

/// Answers that stay until newer ones come.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// My delegations.
    pub delegations: Option<Delegations>,
    /// Where my weight goes on the open proposal.
    pub routes: Option<Delegations>,
    /// Everybody's deposits.
    pub deposits: Option<Vec<Deposit>>,
    /// My rewards and dues.
    pub rewards: Option<Vec<Reward>>,
    /// The curve of the open proposal or channel.
    pub curve: Option<Curve>,
    /// The transparency report.
    pub report: Option<ReportView>,
    /// Why there is none.
    pub no_report: Option<String>,
    /// The steps of the page "why is this true?".
    pub why: Option<Why>,
    /// The version before the open proposal.
    pub before: Option<Box<Proposal>>,
}

impl App {
    /// What the screen shown wants to know besides the snapshot.
    #[must_use]
    pub(super) fn wants(&self) -> Vec<Command> {
        let ask = |request| Command::Ask { purpose: Purpose::Desk, request };
        let is_member = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.status.role == Role::Member);
        let mut wants = Vec::new();
        match self.screen {
            Screen::Proposal => {
                if let Some(id) = &self.open {
                    let request = Request::Proposal { id: id.clone() };
                    wants.push(Command::Ask { purpose: Purpose::Discussion, request });
                    wants.push(ask(Request::Curve { of: CurveOf::Tally { proposal: id.clone() } }));
                    if is_member {
                        wants.push(ask(Request::Delegations { proposal: Some(id.clone()) }));
                    }
                }
            }
            Screen::Channels if is_member => {
                wants.push(ask(Request::Rewards));
                let places = self.places();
                let stakes = self.snapshot.iter().flat_map(|snapshot| &snapshot.stakes).collect::<Vec<_>>();
                let stake = places.get(self.selections.stakes).and_then(|place| stakes.get(*place));
                if let Some(stake) = stake.filter(|stake| !stake.channel.is_empty()) {
                    wants.push(ask(Request::Curve { of: CurveOf::Channel { channel: stake.channel.clone() } }));
                }
            }
            Screen::Members if is_member => wants.push(ask(Request::Delegations { proposal: None })),
            Screen::Treasury => wants.push(ask(Request::Deposits)),
            Screen::Audit | Screen::Operator => {
                wants.push(ask(Request::Report { from: None, to: None, format: ReportFormat::Json }));
            }
            _ => {}
        }
        wants
    }

    /// Keeps an answer where the screens look for it; says whether it was one of those.
    pub(super) fn keep(&mut self, reply: Reply) -> bool {
        match reply {
            Reply::Delegations(found) if found.carried.is_some() => self.desk.routes = Some(*found),
            Reply::Delegations(found) => self.desk.delegations = Some(*found),
            Reply::Deposits { deposits } => self.desk.deposits = Some(deposits),
            Reply::Rewards { rewards } => self.desk.rewards = Some(rewards),
            Reply::Curve(curve) => self.desk.curve = Some(curve),
            Reply::Text { text } => match ReportView::parse(&text) {
                Ok(report) => (self.desk.report, self.desk.no_report) = (Some(report), None),
                Err(problem) => self.desk.no_report = Some(problem),
            },
            _ => return false,
        }
        true
    }
}
