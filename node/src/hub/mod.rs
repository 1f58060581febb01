//! The hub: takes entries in, logs them durably, acknowledges them, signs a head per block and anchors each epoch.

mod asked;
mod batch;
mod behind;
mod bond;
mod debts;
mod entries;
mod epochs;
mod executions;
mod fees;
mod forced;
mod gates;
mod hearing;
mod keeping;
mod noted;
mod openings;
pub mod receipts;
mod serve;
mod shown;
mod signing;
mod start;
mod strangers;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

pub use self::start::start;
pub(crate) use self::start::{start_among, start_made_here};

use self::batch::Batch;
use self::behind::Behind;
use self::epochs::Links;
use self::keeping::Newness;
use self::openings::Openings;
use self::shown::Shown;
use self::signing::Signing;
use self::strangers::Strangers;
use crate::chain::ChainEvent;
use crate::engine::{Input, Role, Waiters};
use crate::intake::Intake;
use crate::peer_budget::PeerBudget;
use crate::peers::PeerId;
use crate::shell::Shell;
use crate::stakes::StakeNews;
use crate::view::{self, Condition};

/// How long the rest of a peer's line waits when something of it was refused: who asks on and on for what it cannot have is answered by the
/// clock, not by what the machine can do (N-98).
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// What a peer asked to be told. However often it asks between two commits, it is told once.
#[derive(Debug, Default, Clone, Copy)]
struct Wanted {
    greeting: bool,
    dao: bool,
    log_from: Option<u64>,
}

/// State of the hub's engine.
pub struct Hub {
    shell: Shell,
    intake: Intake,
    /// Messages of peers that wait for this engine.
    budget: Arc<PeerBudget>,
    /// The engine's own queue.
    inputs: SyncSender<Input>,
    /// Peers whose line is not empty yet; their next turn comes behind the commit.
    called: Vec<(bool, PublicKey)>,
    /// Whether an opening was handled since the last commit.
    has_opened: bool,
    openings: Openings,
    /// Connected peers without a channel here.
    strangers: Strangers,
    /// Peers of whom something was refused in their turn.
    refused: RefCell<BTreeSet<PublicKey>>,
    /// Those of them whose line is not empty yet, until the pause is over (N-98).
    paused: Vec<PublicKey>,
    /// When the last pause ended.
    resumed: Instant,
    /// Where operators of the anchor key are connected, by their keys.
    operators: BTreeMap<[u8; 33], PublicKey>,
    /// A link that waits for their signatures.
    signing: Option<Signing>,
    /// Batches of the intake that are handled but not committed.
    unsettled: usize,
    /// Peers that sent too many bad signatures (N-72).
    shut_out: BTreeSet<PublicKey>,
    /// Peers of which an entry went into the log (N-109).
    vouched: BTreeSet<PeerId>,
    links: Links,
    /// Whether this log is the newest there is (N-128).
    newness: Newness,
    /// Members whose folder is a copy (N-125), until they are gone.
    copies: BTreeSet<PublicKey>,
    /// Channels whose members have lost data.
    behind: Behind,
    /// What members of channels show that this hub's state is too old for, and its log does not have.
    shown: Shown,
    batch: Batch,
    /// Peers that said hello, with the vote key they named.
    members: BTreeMap<PeerId, Option<MemberId>>,
    /// What peers asked to be told; told once a batch, behind its commit.
    wanted: BTreeMap<PublicKey, Wanted>,
    waiters: Waiters<Condition>,
    /// A new tip may have brought decisions about money; acted on behind the commit.
    accounts_due: bool,
    stopping: bool,
}

impl Role for Hub {
    fn handle(&mut self, input: Input) {
        // After a failed reload the ledger in memory is not the log; nothing more is taken in.
        if self.stopping {
            return;
        }
        match input {
            Input::Peer(event) => self.on_peer(event),
            Input::Turn(peer) => {
                let turn = self.budget.turn(&peer, !self.has_opened);
                self.has_opened |= turn.opens;
                // What was refused outside of a turn, such as an entry, is not this line's.
                self.refused.borrow_mut().clear();
                turn.events.into_iter().for_each(|event| self.on_peer(event));
                let is_refused = self.refused.borrow().contains(&peer);
                match (turn.is_more, is_refused) {
                    (false, _) => {}
                    (true, false) => self.called.push((turn.opens, peer)),
                    (true, true) => self.paused.push(peer),
                }
            }
            Input::Intake(report) => self.on_intake(report),
            Input::Chain(event) => {
                let done = self.on_chain(&event);
                self.shell.settle_trouble("chain", done);
            }
            Input::Ask(request, answer) => self.on_request(request, answer),
        }
    }

    fn commit(&mut self) {
        let stored = self.shell.store_channels();
        // Members get the log before the checkpoints that rest on it.
        self.commit_batch();
        let sent = stored.map(|sends| self.shell.send_gathered(sends));
        self.shell.settle_trouble("channels", sent);
        for _ in 0..std::mem::take(&mut self.unsettled) {
            self.intake.settled();
        }
        let done = self.tell_wanted();
        self.shell.settle_trouble("peers", done);
        self.settle_accounts();
        self.commit_channels();
        let done = self.shell.settle_backups().and_then(|()| self.shell.settle_towers());
        self.shell.settle_trouble("keeping", done);
        // A full queue brings the engine here again soon.
        self.has_opened = false;
        // Who had to wait with an opening comes before who had one.
        self.called.sort_by_key(|(has_opened, _)| *has_opened);
        self.called.retain(|(_, peer)| self.inputs.try_send(Input::Turn(*peer)).is_err());
        let Self { waiters, shell, .. } = self;
        view::settle(waiters, shell, None);
    }

    fn tick(&mut self) {
        if self.resumed.elapsed() >= REFUSED_PAUSE {
            self.resumed = Instant::now();
            self.paused.retain(|peer| self.inputs.try_send(Input::Turn(*peer)).is_err());
        }
        // What waited until the log was known to be the newest is answered now, also when no input follows.
        if !self.newness.is_sure() {
            let done = self.weigh();
            self.shell.signs_nothing = !self.newness.is_sure();
            self.shell.settle_trouble("chain", done);
            return self.commit();
        }
        let Self { waiters, shell, .. } = self;
        view::settle(waiters, shell, None);
    }

    fn stopping(&self) -> bool {
        self.stopping
    }
}

impl Hub {
    /// What the channels of the batch stored becomes durable, then their messages go out.
    fn commit_channels(&mut self) {
        let done = self.shell.commit_channels();
        self.shell.settle_trouble("channels", done);
    }

    /// What the durable log decided about money is proposed in the channels; members have the log up to there by now.
    fn settle_accounts(&mut self) {
        if !std::mem::take(&mut self.accounts_due) || self.stopping {
            return;
        }
        match self.shell.settle_accounts() {
            Ok(news) => self.on_stake_news(&news),
            Err(error) => self.shell.trouble("accounts", &error),
        }
    }

    fn on_stake_news(&mut self, news: &[StakeNews]) {
        for news in news {
            tracing::info!(?news, "stake channel");
            match news {
                // What is not logged now is logged when the log is known to be the newest.
                StakeNews::Checkpointed(_, signed) if self.newness.is_sure() => self.log_checkpoint(signed),
                StakeNews::PeerBehind(number) => self.close_for(*number),
                StakeNews::Shown(number, shown) => {
                    let done = self.on_checkpoint_shown(*number, shown);
                    self.shell.settle_trouble("checkpoints shown", done);
                }
                StakeNews::Failed(number, _) => {
                    let done = self.shell.forget_opening(*number);
                    self.shell.settle_trouble("openings", done);
                }
                _ => {}
            }
        }
    }

    fn on_chain(&mut self, event: &ChainEvent) -> Result<()> {
        if let ChainEvent::DisconnectedFrom { height } = event {
            self.links.disconnect(&mut self.shell, *height)?;
        }
        self.shell.on_chain(event)?;
        self.shell.succeed_if_due()?;
        let at_tip = match event {
            ChainEvent::Connected { at_tip, .. } => *at_tip,
            ChainEvent::CaughtUp => true,
            _ => return Ok(()),
        };
        self.advance_links()?;
        if at_tip {
            let news = self.shell.update_channels_from_chain()?;
            self.on_stake_news(&news);
            self.shell.watch_anchoring()?;
            self.shell.watch_spare_seal(false)?;
            self.shell.advance_monitors()?;
            self.close_for_those_behind();
            self.advance_at_tip()?;
            crate::forced::watch_kept_out(&mut self.shell);
            self.accounts_due = true;
            self.end_old_openings()?;
        }
        Ok(())
    }

    /// What the hub signs with every block.
    fn advance_at_tip(&mut self) -> Result<()> {
        if !self.newness.is_sure() {
            return Ok(());
        }
        self.log_final_epochs()?;
        let noted = self.log_executions();
        self.shell.settle_trouble("executions", noted);
        let noted = self.log_refills();
        self.shell.settle_trouble("refills", noted);
        let forced = self.log_forced();
        self.shell.settle_trouble("forced", forced);
        self.sign_head()?;
        self.close_epoch_if_due()?;
        crate::treasury::rebroadcast(&mut self.shell);
        self.shell.send_again();
        let paid = self.pay_treasury();
        self.shell.settle_trouble("debt to the treasury", paid);
        self.shell.settle_papers()?;
        self.watch_reserve()
    }
}
