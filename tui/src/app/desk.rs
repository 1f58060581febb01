//! What screens show besides the snapshot: asked for when a screen is opened, and again when something changed.

use althing_node::api::{
    AnchorReply, AnchorRequest, CoinView, Curve, CurveOf, Delegations, Deposit, Flow, HubDebt, InvitationState,
    InvitationView, LinkReserve, MemberHistory, Proposal, Reply, ReportFormat, Request, Reward, Role, SessionView,
    Stake, TreasuryOverview, TreasuryReply, TreasuryRequest, Why,
};

use super::treasury::Section;
use super::{App, Command, Page, Popup, Purpose, ReportView, Screen};

/// Answers that stay until newer ones come.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// My delegations.
    pub delegations: Option<Delegations>,
    /// Where my weight goes on the open proposal.
    pub routes: Option<Delegations>,
    /// Everybody's deposits.
    pub deposits: Option<Vec<Deposit>>,
    /// What hubs owe the treasury of those that were forfeited.
    pub debts: Vec<HubDebt>,
    /// A hub's channels with all members.
    pub stakes: Option<Vec<Stake>>,
    /// My rewards and dues.
    pub rewards: Option<Vec<Reward>>,
    /// The curve of the open proposal or channel.
    pub curve: Option<Curve>,
    /// Invitations of this node's member, and for them.
    pub invitations: Vec<InvitationView>,
    /// What a member did.
    pub history: Option<Box<MemberHistory>>,
    /// The transparency report.
    pub report: Option<ReportView>,
    /// Why there is none.
    pub no_report: Option<String>,
    /// The steps of the page "why is this true?".
    pub why: Option<Why>,
    /// The version before the open proposal.
    pub before: Option<Box<Proposal>>,
    /// Balances, policy and payments of the treasury.
    pub treasury: Option<Box<TreasuryOverview>>,
    /// Why there are none.
    pub no_treasury: Option<String>,
    /// Its coins, the largest first.
    pub coins: Option<Vec<CoinView>>,
    /// Its sessions, the newest first.
    pub sessions: Option<Vec<SessionView>>,
    /// The session that is open, with its PSBT.
    pub session: Option<Box<SessionView>>,
    /// What left it, the newest first.
    pub flows: Option<Vec<Flow>>,
    /// How long the seal pays for links.
    pub reserve: Option<LinkReserve>,
    /// Whether the sessions were asked for between blocks, and have not come.
    pub(super) asked_of_treasurers: bool,
    /// Counts what came.
    pub(super) came: u64,
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
            Screen::Channels => {
                wants.push(ask(if is_member { Request::Rewards } else { Request::Stakes }));
                let places = self.places();
                let stake = places.get(self.selections.stakes).and_then(|place| self.stakes().get(*place));
                if let Some(stake) = stake.filter(|stake| !stake.channel.is_empty()) {
                    wants.push(ask(Request::Curve { of: CurveOf::Channel { channel: stake.channel.clone() } }));
                }
            }
            // Somebody may have put a transaction forward since the last block.
            Screen::Home => wants.extend(self.of_treasurers()),
            Screen::Members if is_member => {
                wants.extend([Request::Delegations { proposal: None }, Request::Invitations].map(ask));
            }
            Screen::Treasury => {
                wants.push(ask(Request::Deposits));
                wants.push(ask(of_treasury(TreasuryRequest::Overview)));
                match self.section {
                    Section::Sessions => wants.push(ask(of_treasury(TreasuryRequest::Sessions))),
                    Section::Coins => wants.push(ask(of_treasury(TreasuryRequest::Coins))),
                    Section::Flows => wants.push(ask(of_treasury(TreasuryRequest::Flows))),
                    Section::Payments | Section::Budgets | Section::Policy => {}
                }
            }
            Screen::Chain => {
                wants.push(ask(Request::Anchoring(AnchorRequest::Reserve)));
                wants.push(ask(Request::Report { from: None, to: None, format: ReportFormat::Json }));
            }
            Screen::Audit | Screen::Operator => {
                if !is_member {
                    // A hub has the channels of all members; they are too many for every snapshot.
                    wants.push(ask(Request::Stakes));
                }
                wants.push(ask(Request::Report { from: None, to: None, format: ReportFormat::Json }));
            }
            _ => {}
        }
        let fills_in = self.popups.iter().any(|popup| matches!(popup, Popup::Choose(_)));
        if fills_in && is_member && !matches!(self.screen, Screen::Proposal | Screen::Members) {
            // What the ballot would carry, where no proposal is open.
            wants.push(ask(Request::Delegations { proposal: None }));
        }
        let about_a_spend = |popup: &Popup| match popup {
            Popup::Page { page: Page::Need(need), .. } => need.text.contains("SPEND"),
            _ => false,
        };
        if self.popups.iter().any(about_a_spend) {
            // The names behind an alarm.
            wants.push(ask(of_treasury(TreasuryRequest::Flows)));
        }
        if let Some(member) = self.open_member() {
            wants.push(ask(Request::MemberHistory { member: member.to_owned() }));
        }
        if let Some(session) = self.open_session() {
            wants.push(ask(of_treasury(TreasuryRequest::Session { session: session.to_owned() })));
        }
        wants
    }

    /// Whether this node's member hands weight on, as far as it was asked.
    #[must_use]
    pub fn delegates(&self) -> bool {
        [&self.desk.delegations, &self.desk.routes].into_iter().flatten().any(|found| !found.mine.is_empty())
    }

    /// The invitations that this node's member can accept, the one that lasts longest first.
    pub(super) fn open_invitations(&self) -> impl Iterator<Item = &InvitationView> {
        let is_open = |one: &&InvitationView| one.mine && one.state == InvitationState::Open;
        self.desk.invitations.iter().filter(is_open)
    }

    /// Asks for the invitations of a member; a hub has none.
    #[must_use]
    pub(super) fn of_invitations(&self) -> Option<Command> {
        let is_member = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.status.role == Role::Member);
        is_member.then_some(Command::Ask { purpose: Purpose::Desk, request: Request::Invitations })
    }

    /// What may be asked of a treasurer: signatures, and payments that nobody has begun.
    #[must_use]
    pub(super) fn of_treasurers(&self) -> [Command; 2] {
        [TreasuryRequest::Sessions, TreasuryRequest::Overview]
            .map(|about| Command::Ask { purpose: Purpose::Desk, request: of_treasury(about) })
    }

    /// Whether this node has a key of the treasury, as far as was told.
    #[must_use]
    fn is_treasurer(&self) -> bool {
        let treasurers = self.desk.treasury.iter().flat_map(|treasury| &treasury.treasurers);
        treasurers.into_iter().any(|treasurer| treasurer.is_me)
    }

    /// What a treasurer's screens ask with every snapshot: a colleague's paper comes between blocks. Never again before the
    /// answer has come, which takes the node a check of every session.
    #[must_use]
    pub(super) fn between_blocks(&mut self) -> Vec<Command> {
        if self.desk.asked_of_treasurers || !self.is_treasurer() {
            return Vec::new();
        }
        self.desk.asked_of_treasurers = true;
        self.of_treasurers().into()
    }

    /// Vote key of the member whose page is open.
    #[must_use]
    pub fn open_member(&self) -> Option<&str> {
        self.popups.iter().rev().find_map(|popup| match popup {
            Popup::Page { page: Page::Member(key), .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// Id of the session whose page is open.
    #[must_use]
    pub fn open_session(&self) -> Option<&str> {
        self.popups.iter().rev().find_map(|popup| match popup {
            Popup::Page { page: Page::Session(id), .. } => Some(id.as_str()),
            _ => None,
        })
    }

    /// Keeps an answer where the screens look for it; says whether it was one of those.
    pub(super) fn keep(&mut self, reply: Reply) -> bool {
        self.desk.came = self.desk.came.wrapping_add(1);
        match reply {
            Reply::Treasury { reply } => {
                let kept = self.keep_treasury(reply);
                self.look_for_needs();
                return kept;
            }
            Reply::Anchoring(AnchorReply::Reserve(reserve)) => self.desk.reserve = Some(reserve),
            Reply::Delegations(found) if found.carried.is_some() => self.desk.routes = Some(*found),
            Reply::Delegations(found) => self.desk.delegations = Some(*found),
            Reply::Deposits { deposits, debts } => {
                (self.desk.deposits, self.desk.debts) = (Some(deposits), debts);
            }
            Reply::Stakes { stakes } => self.desk.stakes = Some(stakes),
            Reply::Rewards { rewards } => self.desk.rewards = Some(rewards),
            Reply::Curve(curve) => self.desk.curve = Some(curve),
            Reply::Invitations { invitations } => {
                self.desk.invitations = invitations;
                self.look_for_needs();
            }
            Reply::MemberHistory(found) => self.desk.history = Some(found),
            Reply::Text { text } => match ReportView::parse(&text) {
                Ok(report) => (self.desk.report, self.desk.no_report) = (Some(report), None),
                Err(problem) => self.desk.no_report = Some(problem),
            },
            _ => return false,
        }
        true
    }

    fn keep_treasury(&mut self, reply: TreasuryReply) -> bool {
        let desk = &mut self.desk;
        match reply {
            TreasuryReply::Overview(found) => (desk.treasury, desk.no_treasury) = (Some(found), None),
            TreasuryReply::Coins { coins } => {
                self.selections.keep_within(Section::Coins, coins.len());
                desk.coins = Some(coins);
            }
            TreasuryReply::Sessions { mut sessions } => {
                // The node tells the oldest first.
                sessions.reverse();
                self.selections.keep_within(Section::Sessions, sessions.len());
                desk.sessions = Some(sessions);
                desk.asked_of_treasurers = false;
            }
            TreasuryReply::Flows { mut flows } => {
                flows.reverse();
                self.selections.keep_within(Section::Flows, flows.len());
                desk.flows = Some(flows);
            }
            TreasuryReply::Session(session) => desk.session = Some(session),
            _ => return false,
        }
        true
    }
}

/// A question or an order about the treasury.
pub(super) fn of_treasury(about: TreasuryRequest) -> Request {
    Request::Treasury { about }
}
