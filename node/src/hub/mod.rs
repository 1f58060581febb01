//! The hub: takes entries in, logs them durably, acknowledges them, signs a head per block and anchors each epoch.

mod batch;
mod epochs;
mod serve;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::SyncSender;

use althing_channels::wire::{AppNack, Hello, PROTOCOL_VERSION, PeerError};
use althing_channels::{
    Channel, ChannelId, DaoId, HUB_CSV_BLOCKS, HubTerms, MAX_MONEY_SAT, MEMBER_CSV_BLOCKS, Msg, NetworkId, Phase,
};
use althing_governance::charter::Admission;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Bind, Entry};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use self::batch::{Batch, Origin};
use self::epochs::Links;
use crate::api::{ApiError, Reply, Request, Role as ApiRole};
use crate::chain::ChainEvent;
use crate::engine::{Answer, EngineHandle, Input, Role, Waiters};
use crate::ledger::LedgerError;
use crate::peers::PeerEvent;
use crate::shell::Shell;
use crate::stakes::{StakeChannel, StakeNews, Subject, channel_keys, subject};
use crate::view::{self, Condition};

/// Openings that one peer may have under way: what a stranger can make the hub remember for nothing.
const UNFUNDED_MAX: usize = 4;

/// Openings that all peers together may have under way.
const UNFUNDED_ALL_MAX: usize = 1024;

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
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("hub", move |inputs: SyncSender<Input>| {
        let shell = Shell::open(&dir, &password, Some(listen), &inputs)?;
        let links = Links::load(&shell)?;
        let mut hub = Hub {
            shell,
            links,
            batch: Batch::default(),
            members: BTreeMap::new(),
            wanted: BTreeMap::new(),
            waiters: Waiters::default(),
            stopping: false,
        };
        let news = hub.shell.resume_channels()?;
        hub.on_stake_news(&news);
        hub.log_missing_checkpoints();
        Ok(hub)
    })
}

/// State of the hub's engine.
pub struct Hub {
    shell: Shell,
    links: Links,
    batch: Batch,
    /// Peers that said hello, with the vote key they named.
    members: BTreeMap<PublicKey, Option<MemberId>>,
    /// What peers asked to be told; told once a batch, behind its commit.
    wanted: BTreeMap<PublicKey, Wanted>,
    waiters: Waiters<Condition>,
    stopping: bool,
}

impl Role for Hub {
    fn handle(&mut self, input: Input) {
        // After a failed reload the ledger in memory is not the log; nothing more is taken in.
        if self.stopping {
            return;
        }
        match input {
            Input::Peer(PeerEvent::Up(_)) => {}
            Input::Peer(PeerEvent::Down(peer)) => {
                self.members.remove(&peer);
                self.wanted.remove(&peer);
            }
            Input::Peer(PeerEvent::Message(peer, message)) => {
                let done = self.on_message(peer, *message);
                self.shell.settle_trouble("peers", done);
            }
            Input::Chain(event) => {
                let done = self.on_chain(&event);
                self.shell.settle_trouble("chain", done);
            }
            Input::Ask(request, answer) => self.on_request(request, answer),
        }
    }

    fn commit(&mut self) {
        self.commit_batch();
        let done = self.tell_wanted();
        self.shell.settle_trouble("peers", done);
        let Self { waiters, shell, .. } = self;
        view::settle(waiters, shell, None);
    }

    fn tick(&mut self) {
        let Self { waiters, shell, .. } = self;
        view::settle(waiters, shell, None);
    }

    fn stopping(&self) -> bool {
        self.stopping
    }
}

impl Hub {
    fn on_message(&mut self, peer: PublicKey, message: Msg) -> Result<()> {
        if let Msg::Hello(hello) = &message {
            return self.on_hello(peer, hello);
        }
        if !self.members.contains_key(&peer) {
            self.refuse_peer(peer, "N-30", "say hello first");
            return Ok(());
        }
        match message {
            Msg::AppEntry(entry) => {
                self.on_entry(Some(peer), entry.sequence, entry.entry);
                Ok(())
            }
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
        if hello.protocol != PROTOCOL_VERSION {
            self.refuse_peer(
                peer,
                "N-32",
                &format!("this hub speaks protocol {PROTOCOL_VERSION}, you speak {}", hello.protocol),
            );
            return Ok(());
        }
        self.members.insert(peer, hello.vote_key.map(MemberId));
        self.wanted.entry(peer).or_default().greeting = true;
        let news = self.shell.reconnect_channels(&peer)?;
        self.on_stake_news(&news);
        Ok(())
    }

    fn on_stake_message(&mut self, peer: PublicKey, message: &Msg) -> Result<()> {
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
        let news = self.shell.update_channels_from_chain()?;
        self.on_stake_news(&news);
        Ok(())
    }

    fn accept_stake(&mut self, peer: PublicKey, proposal: &althing_channels::wire::OpenStake) -> Result<()> {
        let Some(Some(member)) = self.members.get(&peer).copied() else {
            self.refuse_peer(peer, "N-34", "name a vote key in hello before opening a stake channel");
            return Ok(());
        };
        // An opening that the hub never heard the end of makes room for a new one.
        let unheard = self.shell.stakes.oldest_without_funding(&peer);
        if let Some(number) = unheard.filter(|_| self.shell.stakes.unfunded_of(Some(&peer)) >= UNFUNDED_MAX) {
            let effects = self.shell.machine(number)?.abandon("N-35: a newer opening of this peer takes its place")?;
            let news = self.shell.carry_out(number, effects)?;
            self.on_stake_news(&news);
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
        #[allow(unreachable_patterns)] // admission rules are added with time
        let min_stake_sat = match &params.charter.admission {
            Admission::Open { min_stake_sat } => *min_stake_sat,
            _ => 1,
        };
        let terms = HubTerms {
            network: NetworkId(params.network.0),
            dao: DaoId(params.dao_id.0),
            min_stake_sat,
            max_stake_sat: MAX_MONEY_SAT,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let number = self.shell.stakes.next_number();
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

    fn on_stake_news(&mut self, news: &[StakeNews]) {
        for news in news {
            tracing::info!(?news, "stake channel");
            if let StakeNews::Checkpointed(_, signed) = news {
                self.log_checkpoint(signed);
            }
        }
    }

    /// An entry for the log, from a peer or from this hub itself.
    fn on_entry(&mut self, peer: Option<PublicKey>, sequence: u64, bytes: Vec<u8>) {
        if let Some(peer) = peer
            && self.acknowledge_again(peer, &bytes)
        {
            return;
        }
        let entry = althing_governance::entry::entry_id(&bytes).0;
        let nack = |hub: &Self, rule: String, detail: String, transient| {
            if let Some(peer) = peer {
                hub.shell.peers.send(peer, Msg::AppNack(AppNack { sequence, entry, rule, detail, transient }));
            }
        };
        let entry = match self.shell.ledger.admit(&bytes) {
            Ok(entry) => entry,
            Err(error) => {
                let transient = !matches!(error, LedgerError::Invalid { .. });
                return nack(self, rule_of(&error.to_string()), error.to_string(), transient);
            }
        };
        let follow_up = match &entry {
            Entry::Bind(bind) => match self.checkpoint_for(peer, &bind.body) {
                Ok(checkpoint) => Some(checkpoint),
                Err((error, transient)) => return nack(self, rule_of(&error), error, transient),
            },
            // What only the hub says comes from the hub.
            Entry::Head(_) | Entry::Anchored(_) | Entry::Checkpoint(_) if peer.is_some() => {
                return nack(
                    self,
                    "N-36".into(),
                    "N-36: heads, anchors and checkpoints come from the hub".into(),
                    false,
                );
            }
            _ => None,
        };
        let origin = peer.zip(entry.lane().copied()).map(|(peer, lane)| Origin { peer, lane });
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.append(entry, &mut chain) {
            Ok(_) => self.batch.push(bytes, origin),
            Err(error) => {
                let transient = !matches!(error, LedgerError::Invalid { .. });
                return nack(self, rule_of(&error.to_string()), error.to_string(), transient);
            }
        }
        if let Some(checkpoint) = follow_up {
            self.on_entry(None, 0, checkpoint);
        }
    }

    /// A stake is bound when its channel with this hub is in use; checkpoint 0 then goes into the log behind it. A refusal says
    /// whether trying again may help.
    fn checkpoint_for(&self, peer: Option<PublicKey>, bind: &Bind) -> Result<Vec<u8>, (String, bool)> {
        let channel = self
            .shell
            .stakes
            .by_id(ChannelId(bind.channel.0))
            .ok_or_else(|| (format!("N-37: this hub has no stake channel {}", bind.channel), false))?;
        if Some(channel.peer) != peer {
            return Err((format!("N-33: stake channel {} is another member's", bind.channel), false));
        }
        if channel.machine.phase() < Phase::Ready {
            return Err((format!("C-19: stake channel {} is not confirmed yet", bind.channel), true));
        }
        if channel.machine.phase() > Phase::Ready {
            return Err((format!("N-37: stake channel {} is being closed", bind.channel), false));
        }
        match self.shell.opening_checkpoint(channel.number) {
            Ok(Some(signed)) => Ok(Entry::Checkpoint(signed).to_bytes()),
            Ok(None) => {
                Err((format!("N-38: stake channel {} has no checkpoint signed by both sides", bind.channel), false))
            }
            Err(error) => Err((format!("N-38: {error:#}"), false)),
        }
    }

    /// A checkpoint of a channel that is bound goes into the log.
    fn log_checkpoint(&mut self, signed: &althing_channels::SignedCheckpoint) {
        match Shell::checkpoint_entry(signed) {
            Ok(bytes) => self.on_entry(None, 0, bytes),
            Err(error) => self.shell.trouble("checkpoint", &error),
        }
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
            self.log_final_epochs()?;
            self.sign_head()?;
            self.close_epoch_if_due()?;
        }
        Ok(())
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
            Request::StakeClose { channel, fee_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.close_together(number, fee_sat))
            }
            Request::StakeForceClose { channel } => self.act_on_stake(&channel, Shell::close_alone),
            Request::ChannelPay { channel, amount_sat } => {
                self.act_on_stake(&channel, |shell, number| shell.pay_in_channel(number, amount_sat))
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
        let number = self.shell.stakes.named(id)?.number;
        let news = act(&mut self.shell, number)?;
        self.on_stake_news(&news);
        let channel = self.shell.stakes.named(id)?;
        Ok(Reply::Stake(view::stake(&self.shell, channel)))
    }

    fn refuse_peer(&self, peer: PublicKey, rule: &str, detail: &str) {
        tracing::info!(%peer, rule, detail, "refused");
        self.shell.peers.send(peer, Msg::PeerError(PeerError::new(rule, detail, None)));
    }
}

/// The clause at the start of a message such as `entry 5 (ballot): G-41: …`, for machines.
fn rule_of(message: &str) -> String {
    message
        .split([' ', ':', '('])
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
