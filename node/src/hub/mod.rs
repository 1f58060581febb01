//! The hub: takes entries in, logs them durably, acknowledges them, signs a head per block and anchors each epoch.

mod batch;
mod behind;
mod bond;
mod debts;
mod epochs;
mod executions;
mod fees;
mod forced;
mod gates;
mod keeping;
mod noted;
pub mod receipts;
mod serve;
mod signing;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use althing_channels::wire::{AppEntry, AppNack, Hello, PROTOCOL_VERSION, PeerError};
use althing_channels::{
    Channel, ChannelId, DaoId, HUB_CSV_BLOCKS, HubTerms, MAX_MONEY_SAT, MEMBER_CSV_BLOCKS, Msg, NetworkId, Phase,
};
use althing_governance::Charter;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Bind, Digests, Entry, entry_id};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use self::batch::{Batch, Origin};
use self::behind::Behind;
use self::epochs::Links;
use self::keeping::Newness;
use self::signing::Signing;
use crate::api::{AnchorReply, AnchorRequest, ApiError, GateRequest, Reply, Request, Role as ApiRole, TreasuryRequest};
use crate::chain::ChainEvent;
use crate::dao::Dao;
use crate::engine::{Answer, EngineHandle, Input, Role, Waiters};
use crate::intake::{Arrived, Door, Finding, Intake, Offered, PEER_BYTES, PEER_ENTRIES, Report, STRIKES_MAX, Turned};
use crate::ledger::LedgerError;
use crate::peer_budget::{Admitted, PeerBudget};
use crate::peers::{Neighbours, PeerEvent, PeerId, Verdict};
use crate::shell::Shell;
use crate::stakes::{StakeChannel, StakeNews, Subject, channel_keys, subject};
use crate::view::{self, Condition};

/// Openings that one peer may have under way: what a stranger can make the hub remember for nothing.
const UNFUNDED_MAX: usize = 4;

/// Openings that all peers together may have under way.
const UNFUNDED_ALL_MAX: usize = 1024;

/// Openings that one peer may begin between two blocks. Each is signed for and stored, and one that is funded takes a block.
const OPENINGS_A_BLOCK: usize = 16;

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

/// Starts the hub of the data directory.
///
/// # Errors
/// As [`Shell::open`].
pub fn start(dir: &Path, password: &str, listen: SocketAddr) -> Result<EngineHandle> {
    start_with(dir, password, Some(listen), None, Newness::unknown())
}

/// Starts a hub whose data directory this program has just made: nobody can have more of its log.
///
/// # Errors
/// As [`Shell::open`].
pub(crate) fn start_made_here(dir: &Path, password: &str, listen: SocketAddr) -> Result<EngineHandle> {
    start_with(dir, password, Some(listen), None, Newness::certain())
}

/// Starts a hub as [`start_made_here`] with peers in the same process, who get their messages by `neighbours` and speak by the
/// door returned.
///
/// # Errors
/// As [`Shell::open`].
pub(crate) fn start_among(
    dir: &Path,
    password: &str,
    listen: Option<SocketAddr>,
    neighbours: Neighbours,
) -> Result<(EngineHandle, impl Fn(PeerEvent) + Send + Sync + 'static)> {
    let (said, door) = std::sync::mpsc::sync_channel(1);
    let handle = start_with(dir, password, listen, Some((neighbours, said)), Newness::certain())?;
    Ok((handle, door.recv()?))
}

/// How peers in the same process hear, and where to hand the door by which they speak.
type Company = (Neighbours, SyncSender<Box<dyn Fn(PeerEvent) + Send + Sync>>);

fn start_with(
    dir: &Path,
    password: &str,
    listen: Option<SocketAddr>,
    company: Option<Company>,
    newness: Newness,
) -> Result<EngineHandle> {
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("hub", move |inputs: SyncSender<Input>| {
        let intake = start_intake(&Dao::load(&dir)?, inputs.clone())?;
        let budget = Arc::new(PeerBudget::default());
        let on_peer = doorkeeper(intake.door(), Arc::clone(&budget), inputs.clone());
        let mut shell = Shell::open(&dir, &password, listen, &inputs, on_peer)?;
        if let Some((neighbours, door)) = company {
            shell.peers.meet(neighbours);
            // Who speaks by this door has no connection that could end.
            let keeper = doorkeeper(intake.door(), Arc::clone(&budget), inputs.clone());
            door.send(Box::new(move |event| {
                let _ = keeper(event);
            }))?;
        }
        intake.know(shell.ledger.state().members().values().map(|member| member.key));
        intake.know(offices(shell.ledger.state().charter()));
        intake.use_hub_log_key(shell.ledger.state().hub_log_key());
        let links = Links::load(&shell)?;
        shell.stakes.gather();
        let mut hub = Hub {
            shell,
            intake,
            budget,
            inputs,
            called: Vec::new(),
            has_opened: false,
            openings: BTreeMap::new(),
            refused: RefCell::default(),
            paused: Vec::new(),
            resumed: Instant::now(),
            operators: BTreeMap::new(),
            signing: None,
            unsettled: 0,
            shut_out: BTreeSet::new(),
            vouched: BTreeSet::new(),
            links,
            newness,
            copies: BTreeSet::new(),
            behind: Behind::default(),
            batch: Batch::default(),
            members: BTreeMap::new(),
            wanted: BTreeMap::new(),
            waiters: Waiters::default(),
            accounts_due: true,
            stopping: false,
        };
        let news = hub.shell.resume_channels()?;
        hub.on_stake_news(&news);
        hub.commit_channels();
        Ok(hub)
    })
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
    /// Openings that peers began since the newest block.
    openings: BTreeMap<PeerId, usize>,
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
    fn on_peer(&mut self, event: PeerEvent) {
        let done = self.shell.on_tower_event(&event);
        let is_of_tower = matches!(done, Ok(true));
        self.shell.settle_trouble("towers", done.map(drop));
        if is_of_tower {
            return;
        }
        match event {
            PeerEvent::Up(_) => {}
            PeerEvent::Down(peer) => {
                self.copies.remove(&peer);
                self.newness.forget(&peer);
                self.shell.papers.forget(&peer);
                self.shell.forget_arriving_backup(&peer);
                self.forget_operator(&peer);
                self.members.remove(&PeerId(peer));
                self.wanted.remove(&peer);
            }
            PeerEvent::Message(peer, message) => {
                let done = self.on_message(peer, *message);
                self.shell.settle_trouble("peers", done);
            }
        }
    }

    fn on_message(&mut self, peer: PublicKey, message: Msg) -> Result<()> {
        match &message {
            Msg::LeaseClaim(claim) => return self.on_lease_claim(peer, claim),
            // A copy may read like anybody, and say nothing.
            other if self.copies.contains(&peer) && !reads(other) => return Ok(()),
            Msg::Hello(hello) => return self.on_hello(peer, hello),
            _ => {}
        }
        if !self.members.contains_key(&PeerId(peer)) {
            self.refuse_peer(peer, "N-30", "say hello first");
            return Ok(());
        }
        if self.shell.on_paper_message(peer, &message)? || self.on_operator_message(peer, &message)? {
            return Ok(());
        }
        match message {
            Msg::LogFetch(fetch) => {
                self.wanted.entry(peer).or_default().log_from = Some(fetch.from_position);
                Ok(())
            }
            Msg::DaoFetch(_) => {
                self.wanted.entry(peer).or_default().dao = true;
                Ok(())
            }
            Msg::BackupStore(store) => {
                if let Err(error) = self.shell.keep_backup(peer, &store) {
                    self.refuse_peer(peer, "C-90", &format!("{error:#}"));
                }
                Ok(())
            }
            Msg::BackupFetch(_) => self.shell.give_backup(peer),
            Msg::LogEnd(end) => self.on_log_end(peer, &end),
            Msg::LogSegment(message) => self.on_segment_back(peer, &message.segment),
            Msg::LinkInfo(info) => {
                self.newness.note_link(info);
                Ok(())
            }
            // Judged by the log, so not before that is the newest.
            other if !self.newness.is_sure() => {
                self.newness.defer(peer, other);
                Ok(())
            }
            other => self.on_stake_message(peer, &other),
        }
    }

    fn on_hello(&mut self, peer: PublicKey, hello: &Hello) -> Result<()> {
        let ours = (DaoId(self.shell.dao.params.dao_id.0), NetworkId(self.shell.dao.params.network.0));
        if (hello.dao, hello.network) != ours {
            self.refuse_peer(
                peer,
                "N-31",
                &format!(
                    "this hub serves DAO {} on network {}, you asked for DAO {} on {}",
                    ours.0, ours.1, hello.dao, hello.network
                ),
            );
            return Ok(());
        }
        if self.shut_out.contains(&peer) {
            self.refuse_peer(peer, "N-72", "too many of your entries had bad signatures");
            self.shell.peers.disconnect(peer);
            return Ok(());
        }
        if hello.protocol != PROTOCOL_VERSION {
            self.refuse_peer(
                peer,
                "N-32",
                &format!("this hub speaks protocol {PROTOCOL_VERSION}, you speak {}", hello.protocol),
            );
            return Ok(());
        }
        self.members.insert(PeerId(peer), hello.vote_key.map(MemberId));
        self.wanted.entry(peer).or_default().greeting = true;
        if self.copies.contains(&peer) {
            return Ok(());
        }
        let news = self.shell.reconnect_channels(&peer)?;
        self.on_stake_news(&news);
        Ok(())
    }

    pub(super) fn on_stake_message(&mut self, peer: PublicKey, message: &Msg) -> Result<()> {
        let known = match subject(message) {
            Some(Subject::Channel(id)) => self.shell.stakes.by_id(id),
            Some(Subject::Opening(opening)) => self.shell.stakes.by_opening(&peer, opening),
            None => return Ok(()),
        };
        let number = match known {
            Some(channel) if channel.peer == peer => channel.number,
            Some(_) => {
                self.refuse_peer(peer, "N-33", "that channel is another member's");
                return Ok(());
            }
            None => {
                let Msg::OpenStake(proposal) = message else {
                    self.refuse_peer(peer, "N-33", "that channel is not known here");
                    return Ok(());
                };
                return self.accept_stake(peer, proposal);
            }
        };
        let news = self.shell.on_channel_message(number, message)?;
        self.on_stake_news(&news);
        // The funding may have been mined while the last message was on its way.
        let news = self.shell.update_channel_from_chain(number)?;
        self.on_stake_news(&news);
        Ok(())
    }

    fn accept_stake(&mut self, peer: PublicKey, proposal: &althing_channels::wire::OpenStake) -> Result<()> {
        if let Err(refusal) = self.expect_newest() {
            self.refuse_peer(peer, "N-128", &refusal.message);
            return Ok(());
        }
        let Some(Some(member)) = self.members.get(&PeerId(peer)).copied() else {
            self.refuse_peer(peer, "N-34", "name a vote key in hello before opening a stake channel");
            return Ok(());
        };
        let begun = self.openings.entry(PeerId(peer)).or_default();
        if *begun >= OPENINGS_A_BLOCK {
            let why = format!("{OPENINGS_A_BLOCK} openings of yours began since the newest block; try after the next");
            self.refuse_peer(peer, "N-35", &why);
            return Ok(());
        }
        *begun += 1;
        // An opening that the hub never heard the end of makes room for a new one.
        let unheard = self.shell.stakes.oldest_without_funding(&peer);
        if let Some(number) = unheard.filter(|_| self.shell.stakes.unfunded_of(Some(&peer)) >= UNFUNDED_MAX) {
            let effects = self.shell.machine(number)?.abandon("N-35: a newer opening of this peer takes its place")?;
            let news = self.shell.carry_out(number, effects)?;
            self.on_stake_news(&news);
            // However many openings a peer begins, it leaves no more behind than it may have under way.
            self.shell.forget_opening(number)?;
        }
        if self.shell.stakes.unfunded_of(Some(&peer)) >= UNFUNDED_MAX {
            self.refuse_peer(peer, "N-35", &format!("{UNFUNDED_MAX} openings of yours are not funded yet"));
            return Ok(());
        }
        if self.shell.stakes.unfunded_of(None) >= UNFUNDED_ALL_MAX {
            self.refuse_peer(
                peer,
                "N-35",
                &format!("{UNFUNDED_ALL_MAX} openings of all members are not funded yet; try later"),
            );
            return Ok(());
        }
        let params = &self.shell.dao.params;
        let min_stake_sat = self.shell.ledger.state().charter().admission.min_stake_sat().max(1);
        let terms = HubTerms {
            network: NetworkId(params.network.0),
            dao: DaoId(params.dao_id.0),
            min_stake_sat,
            max_stake_sat: MAX_MONEY_SAT,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let number = self.shell.fresh_number()?;
        match Channel::hub_accept(channel_keys(&self.shell.keys, number), proposal, &terms) {
            Ok((machine, effects)) => {
                self.shell.stakes.insert(StakeChannel::new(number, peer, member, machine));
                let news = self.shell.carry_out(number, effects)?;
                self.on_stake_news(&news);
            }
            Err(violation) => {
                let about = Some(proposal.opening.provisional_channel());
                let error = PeerError::new(violation.rule(), &violation.to_string(), about);
                self.shell.peers.send(peer, Msg::PeerError(error));
            }
        }
        Ok(())
    }

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
                _ => {}
            }
        }
    }

    fn on_intake(&mut self, report: Report) {
        match report {
            Report::Batch(arrived) => self.on_arrived(arrived),
            Report::Crowded(offered) => {
                let detail = format!("N-71: {PEER_ENTRIES} entries or {PEER_BYTES} bytes of yours wait already");
                let id = entry_id(&offered.bytes);
                let origin = Origin { peer: offered.peer, sequence: offered.sequence, id };
                self.refuse_entry(origin, "N-71".into(), detail, true);
            }
            Report::Fault(found) => {
                let error = anyhow::anyhow!("checking signatures in batches went wrong once and is off now: {found}");
                self.shell.trouble("intake", &error);
            }
            Report::Misbehaving(peer) => {
                self.shut_out.insert(peer);
                self.refuse_peer(peer, "N-72", &format!("{STRIKES_MAX} of your entries had bad signatures"));
                self.shell.peers.disconnect(peer);
            }
        }
    }

    /// Entries of members, examined by the intake.
    fn on_arrived(&mut self, arrived: Vec<Arrived>) {
        for Arrived { offered, digests, finding } in arrived {
            let (peer, id) = (offered.peer, digests.id);
            if self.copies.contains(&peer) {
                continue;
            }
            if !self.members.contains_key(&PeerId(peer)) {
                self.refuse_peer(peer, "N-30", "say hello first");
            } else if !self.acknowledge_again(peer, &id) {
                let origin = Origin { peer, sequence: offered.sequence, id };
                if let Err(refusal) = self.expect_newest() {
                    self.refuse_entry(origin, "N-128".into(), refusal.message, true);
                    continue;
                }
                let taken = self.take_in(origin, offered.bytes, digests, finding);
                if taken.is_ok() && self.vouched.insert(PeerId(peer)) {
                    self.intake.vouch(peer);
                }
                self.answer_refusal(origin, taken);
            }
        }
        self.unsettled += 1;
    }

    fn take_in(
        &mut self,
        origin: Origin,
        bytes: Vec<u8>,
        digests: Digests,
        finding: Finding,
    ) -> Result<(), LedgerError> {
        let position = self.shell.ledger.state().size();
        let entry = match finding {
            Finding::Signed(entry) => *entry,
            // Its bind may have come in the meantime.
            Finding::Stranger(_) => self.shell.ledger.examine(&bytes)?,
            Finding::Malformed(reason) | Finding::Forged(reason) => {
                return Err(LedgerError::Invalid { position, kind: None, reason });
            }
        };
        let follow_up = match &entry {
            Entry::Bind(bind) => {
                // The rules first: what the log refuses needs no look at channels.
                self.shell.ledger.check_rules(&entry)?;
                Some((bind.lane.member, self.checkpoint_for(origin.peer, &bind.body)?))
            }
            // What only the hub says comes from the hub.
            Entry::Head(_) | Entry::Anchored(_) | Entry::Checkpoint(_) | Entry::Execution(_) | Entry::GateRefill(_) => {
                let reason = "N-36: heads, anchors, checkpoints and notes of payments come from the hub".into();
                return Err(LedgerError::Invalid { position, kind: None, reason });
            }
            Entry::SeenNote(_) => return self.take_in_note(entry, bytes, origin),
            _ => None,
        };
        self.shell.ledger.check_electorate(&entry)?;
        let new_key = match &entry {
            Entry::KeyRotation(signed) => Some(signed.rotation.new_key),
            _ => None,
        };
        self.log_entry(entry, bytes, digests, Some(origin))?;
        self.intake.know(new_key);
        if let Some((member, checkpoint)) = follow_up {
            self.intake.know([member]);
            self.say(checkpoint.to_bytes())?;
        }
        Ok(())
    }

    /// Logs an entry of the hub's own.
    fn say(&mut self, bytes: Vec<u8>) -> Result<(), LedgerError> {
        let entry = self.shell.ledger.examine(&bytes)?;
        let digests = Digests::of(&bytes);
        self.log_entry(entry, bytes, digests, None)
    }

    fn log_entry(
        &mut self,
        entry: Entry,
        bytes: Vec<u8>,
        digests: Digests,
        origin: Option<Origin>,
    ) -> Result<(), LedgerError> {
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        ledger.append_known(entry, digests, &mut chain)?;
        self.shell.workload.came();
        self.batch.push(bytes, origin);
        Ok(())
    }

    /// What the intake knows of the charter: who may speak without a stake, and which key is the hub's (N-78).
    fn follow_charter(&self) {
        let charter = self.shell.ledger.state().charter();
        self.intake.know(offices(charter));
        self.intake.use_hub_log_key(charter.hub_log_key);
    }

    fn answer_refusal(&self, origin: Origin, taken: Result<(), LedgerError>) {
        let Err(error) = taken else { return };
        let detail = error.to_string();
        self.refuse_entry(origin, rule_of(&detail), detail, !matches!(error, LedgerError::Invalid { .. }));
    }

    fn refuse_entry(&self, origin: Origin, rule: String, detail: String, transient: bool) {
        let Origin { peer, sequence, id } = origin;
        self.shell.peers.send(peer, Msg::AppNack(AppNack { sequence, entry: id.0, rule, detail, transient }));
    }

    /// A stake is bound when its channel with this hub is in use; checkpoint 0 then goes into the log behind it.
    fn checkpoint_for(&self, peer: PublicKey, bind: &Bind) -> Result<Entry, LedgerError> {
        let position = self.shell.ledger.state().size();
        let invalid = |reason: String| LedgerError::Invalid { position, kind: Some("bind"), reason };
        let Some(channel) = self.shell.stakes.by_id(ChannelId(bind.channel.0)) else {
            return Err(invalid(format!("N-37: this hub has no stake channel {}", bind.channel)));
        };
        if channel.peer != peer {
            return Err(invalid(format!("N-33: stake channel {} is another member's", bind.channel)));
        }
        match channel.machine.phase() {
            // N-331: a stake that moves here is bound before it is mined, so that no roll misses it.
            Phase::AwaitConfirmation if self.moves_here(channel, bind).map_err(LedgerError::Ours)? => {}
            phase if phase < Phase::Ready => {
                let reason = format!("C-19: stake channel {} is not confirmed yet", bind.channel);
                return Err(LedgerError::NotYet { position, reason });
            }
            phase if phase > Phase::Ready => {
                return Err(invalid(format!("N-37: stake channel {} is being closed", bind.channel)));
            }
            _ => {}
        }
        match self.shell.opening_checkpoint(channel.number) {
            Ok(Some(signed)) => self.shell.signed_now(signed).map(Entry::Checkpoint).map_err(LedgerError::Ours),
            Ok(None) => {
                Err(invalid(format!("N-38: stake channel {} has no checkpoint signed by both sides", bind.channel)))
            }
            Err(error) => Err(invalid(format!("N-38: {error:#}"))),
        }
    }

    /// Whether the funding of a new channel waits to be mined and spends that of another channel which is bound to its member.
    fn moves_here(&self, channel: &StakeChannel, bind: &Bind) -> Result<bool> {
        let Some(waiting) = self.shell.bitcoind.waiting(&bind.funding.txid)? else { return Ok(false) };
        let state = self.shell.ledger.state();
        let spent: BTreeSet<_> = waiting.input.iter().map(|input| input.previous_output).collect();
        let own = state.channels().values().filter(|record| record.member == channel.member);
        let mut fundings = own.flat_map(|record| {
            let spliced = record.checkpoints.last().map(|(_, checkpoint)| &checkpoint.fundings);
            std::iter::once(record.bind.funding).chain(spliced.into_iter().flatten().map(|funding| funding.outpoint))
        });
        Ok(fundings.any(|funding| spent.contains(&funding)))
    }

    /// A checkpoint of a channel that is bound goes into the log.
    fn log_checkpoint(&mut self, signed: &althing_channels::SignedCheckpoint) {
        let logged = self.shell.checkpoint_entry(signed).and_then(|bytes| Ok(self.say(bytes)?));
        self.shell.settle_trouble("checkpoint", logged);
    }

    /// Logs checkpoints that were signed and not logged when the program ended.
    fn log_missing_checkpoints(&mut self) {
        let channels = self.shell.ledger.state().channels();
        let missing: Vec<_> = self
            .shell
            .stakes
            .iter()
            .filter_map(|channel| {
                let signed = channel.machine.signed_checkpoint()?;
                let record = channels.get(&althing_governance::ChannelId(channel.machine.id()?.0))?;
                let logged = record.checkpoints.last().map(|(_, newest)| newest.number);
                (logged < Some(signed.number)).then(|| signed.clone())
            })
            .collect();
        for signed in missing {
            self.log_checkpoint(&signed);
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
            self.shell.advance_monitors()?;
            self.close_for_those_behind();
            self.advance_at_tip()?;
            crate::forced::watch_kept_out(&mut self.shell);
            self.accounts_due = true;
            self.openings.clear();
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
        crate::treasury::rebroadcast(&self.shell);
        self.shell.send_again();
        let paid = self.pay_treasury();
        self.shell.settle_trouble("debt to the treasury", paid);
        self.shell.settle_papers()?;
        self.watch_reserve()
    }

    fn on_request(&mut self, request: Request, answer: Answer) {
        let reply = match request {
            Request::Stop => {
                self.stopping = true;
                self.shell.stop();
                Ok(Reply::Done)
            }
            Request::Wait { until, timeout_secs } => {
                return match Condition::parse(&until) {
                    Ok(condition) => self.waiters.add(condition, std::time::Duration::from_secs(timeout_secs), answer),
                    Err(error) => drop(answer.try_send(Err(error))),
                };
            }
            Request::HubConfirm => self.confirm_newest(),
            Request::Gates(GateRequest::Refill { txid, outputs, only_review }) => {
                self.refill(&txid, outputs, only_review)
            }
            Request::StakeClose { channel, fee_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.close_together(number, fee_sat))
            }
            Request::StakeForceClose { channel } => {
                let named = self.shell.stakes.named(&channel).map(|channel| channel.number);
                let shown = named.and_then(|number| self.expect_newest().and_then(|()| self.expect_shown(number)));
                shown.and_then(|()| self.act_on_stake(&channel, Shell::close_alone))
            }
            Request::ChannelPay { channel, amount_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.pay_in_channel(number, amount_sat))
            }
            Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb, only_review }) => {
                self.bump(fee_rate_sat_vb, only_review).map(|bump| Reply::Anchoring(AnchorReply::Bump(bump)))
            }
            Request::Anchoring(AnchorRequest::Operators) => {
                self.operator_view().map(|view| Reply::Anchoring(AnchorReply::Operators(view))).map_err(ApiError::from)
            }
            Request::Treasury { about: TreasuryRequest::BringBond { only_review } } => {
                self.bring_bond(only_review).map(|reply| Reply::Treasury { reply })
            }
            other => match view::answer(&mut self.shell, ApiRole::Hub, None, true, &other) {
                Some(reply) => reply,
                None => Err(ApiError::invalid("N-39", "this is a hub; ask a member's node for that")),
            },
        };
        // The caller may have gone; then nobody wants the answer.
        let _ = answer.try_send(reply);
    }

    fn act_on_stake(
        &mut self,
        id: &str,
        act: impl FnOnce(&mut Shell, u32) -> Result<Vec<StakeNews>, ApiError>,
    ) -> Result<Reply, ApiError> {
        self.expect_newest()?;
        let number = self.shell.stakes.named(id)?.number;
        let news = act(&mut self.shell, number)?;
        self.on_stake_news(&news);
        self.shell.commit_channels()?;
        let channel = self.shell.stakes.named(id)?;
        Ok(Reply::Stake(view::stake(&self.shell, channel)))
    }

    fn refuse_peer(&self, peer: PublicKey, rule: &str, detail: &str) {
        self.refused.borrow_mut().insert(peer);
        // Not louder: whoever wants to could fill the disk with it.
        tracing::debug!(%peer, rule, detail, "refused");
        self.shell.peers.send(peer, Msg::PeerError(PeerError::new(rule, detail, None)));
    }
}

/// Whether a message only asks for what is public.
fn reads(message: &Msg) -> bool {
    matches!(message, Msg::Hello(_) | Msg::LogFetch(_) | Msg::DaoFetch(_))
}

/// Vote keys that may speak without a stake (G-21).
fn offices(charter: &Charter) -> Vec<MemberId> {
    let treasurers = charter.treasurers.iter().map(|treasurer| MemberId::of(&treasurer.key.x_only_public_key().0));
    let others = charter.founders.iter().chain(&charter.guardians.members).copied();
    treasurers.chain(others).collect()
}

fn start_intake(dao: &Dao, inputs: SyncSender<Input>) -> Result<Intake> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let report = move |report| inputs.send(Input::Intake(report)).is_ok();
    Ok(Intake::start(dao.params.charter.hub_log_key, cores, report)?)
}

/// Leads entries to the intake and everything else to the engine, whose bounded queue holds a peer's socket back when it is full.
fn doorkeeper(
    door: Door,
    budget: Arc<PeerBudget>,
    inputs: SyncSender<Input>,
) -> impl Fn(PeerEvent) -> Verdict + Send + Sync + 'static {
    move |event| {
        let event = match event {
            PeerEvent::Message(peer, message) => match *message {
                Msg::AppEntry(AppEntry { sequence, entry }) => {
                    if let Err(Turned::Crowded(offered)) = door.offer(Offered { peer, sequence, bytes: entry }) {
                        // Nobody listens any more when the hub has stopped.
                        let _ = inputs.send(Input::Intake(Report::Crowded(offered)));
                    }
                    return Verdict::Keep;
                }
                other => PeerEvent::Message(peer, Box::new(other)),
            },
            PeerEvent::Down(peer) => {
                door.forget(&peer);
                PeerEvent::Down(peer)
            }
            up => up,
        };
        let (PeerEvent::Up(peer) | PeerEvent::Down(peer) | PeerEvent::Message(peer, _)) = event;
        match budget.admit(event) {
            Admitted::Call => drop(inputs.send(Input::Turn(peer))),
            Admitted::Waits => {}
            Admitted::Dropped => {
                // Once for a connection: LDK takes nothing more from it.
                tracing::warn!(%peer, "N-98: a peer sends faster than it is answered; it is disconnected");
                return Verdict::Disconnect;
            }
        }
        Verdict::Keep
    }
}

/// The clause at the start of a message such as `entry 5 (ballot): G-41: …`, for machines.
fn rule_of(message: &str) -> String {
    message
        .split([' ', ':', '(', ')', ',', ';'])
        .find(|word| {
            word.split_once('-').is_some_and(|(page, number)| {
                page.len() == 1
                    && page.chars().all(|c| c.is_ascii_uppercase())
                    && number.starts_with(|c: char| c.is_ascii_digit())
            })
        })
        .unwrap_or("N-40")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::rule_of;

    #[test]
    fn the_clause_is_found_whatever_stands_beside_it() {
        for message in ["entry 5 (ballot): G-41: no", "classes (R-41)", "no (G-41, G-42)", "it is G-41; no"] {
            assert!(matches!(rule_of(message).as_str(), "G-41" | "R-41"), "{message}: {}", rule_of(message));
        }
        assert_eq!(rule_of("nothing said"), "N-40");
    }
}
