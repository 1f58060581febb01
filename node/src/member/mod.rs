//! The member's node: keeps its own verified copy of the log, speaks for the member, and shows how far everything is.

mod bump;
mod children;
mod cosign;
mod freshness;
pub(crate) mod gossip;
mod hubs;
mod keeping;
mod lane;
mod light;
mod recourse;
mod replicate;
mod requests;
mod resend;
mod review;
mod speech;
mod splices;
mod successor;
mod sync;
mod treasurer;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use althing_channels::wire::{Hello, PROTOCOL_VERSION};
use althing_channels::{DaoId, Msg, NetworkId};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use self::cosign::Cosigning;
use self::freshness::Freshness;
pub(crate) use self::freshness::RIVAL;
use self::gossip::Gossip;
use self::hubs::OtherHubs;
use self::keeping::{COPY, Life};
use self::lane::{InFlight, Op};
use self::light::Reading;
use self::replicate::Replication;
use self::sync::PendingLink;
use crate::api::SpotCheck;
use crate::chain::ChainEvent;
use crate::engine::{Answer, EngineHandle, Input, Role, Waiters};
use crate::lease::Purpose;
use crate::peers::PeerEvent;
use crate::shell::Shell;
use crate::view::{self, Condition};

/// Stored entries that are looked at again with each final link.
const LOOKED_AT: u32 = 32;

/// Starts the member's node of the data directory.
///
/// # Errors
/// As [`Shell::open`].
pub fn start(dir: &Path, password: &str, purpose: Purpose) -> Result<EngineHandle> {
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("member", move |inputs: SyncSender<Input>| Member::open(&dir, &password, purpose, &inputs))
}

/// State of the member's engine.
pub struct Member {
    shell: Shell,
    me: MemberId,
    hub: PublicKey,
    /// Which life of its folder this node is in.
    life: Life,
    /// Whether the hub is connected and knows this node.
    connected: bool,
    /// Size of the hub's log, as it last said.
    hub_size: u64,
    /// When the log was last asked for.
    fetched: Instant,
    /// Where the log ended here when it was last asked for.
    fetched_from: Option<u64>,
    /// Why the log is not followed any further: the hub broke a rule.
    halted: Option<String>,
    /// Links whose headers wait for the log or the chain.
    pending_links: BTreeMap<u32, PendingLink>,
    /// Things to say that wait for the lane.
    queue: VecDeque<Op>,
    /// What was said and is not acknowledged.
    in_flight: Option<InFlight>,
    /// Callers that wait for a stake channel to get somewhere, by channel number.
    opening: BTreeMap<u32, Answer>,
    closing: BTreeMap<u32, Answer>,
    waiters: Waiters<Condition>,
    gossip: Gossip,
    replication: Replication,
    /// Hubs of channels that are not the log's.
    hubs: OtherHubs,
    freshness: Freshness,
    cosigning: Cosigning,
    /// The newest final epoch behind which stored entries were looked at again.
    looked_again: u32,
    reading: Reading,
    stopping: bool,
}

impl Member {
    fn open(dir: &Path, password: &str, purpose: Purpose, inputs: &SyncSender<Input>) -> Result<Self> {
        let from_peers = inputs.clone();
        let on_peer = move |event| {
            // The engine's queue is bounded; a full one holds the peer's socket back.
            let _ = from_peers.send(Input::Peer(event));
        };
        let listen = gossip::listen_address(dir)?;
        let mut shell = Shell::open(dir, password, purpose, listen, crate::api::Role::Member, inputs, on_peer)?;
        let life = Life::begin(&mut shell.store)?;
        shell.own_name = Some(crate::setup::member_name(dir)?);
        let address = shell.hub_address()?;
        let me = MemberId::of(&shell.keys.vote().x_only_public_key().0);
        match &life.refused {
            None => shell.peers.keep_connected(address.clone()),
            Some(text) => drop(shell.alarms.insert("copy", text.clone())),
        }
        let mut member = Self {
            me,
            hub: address.node_id,
            life,
            connected: false,
            hub_size: 0,
            fetched: Instant::now(),
            fetched_from: None,
            halted: None,
            pending_links: BTreeMap::new(),
            queue: VecDeque::new(),
            in_flight: None,
            opening: BTreeMap::new(),
            closing: BTreeMap::new(),
            waiters: Waiters::default(),
            gossip: Gossip::default(),
            replication: Replication::default(),
            hubs: OtherHubs::default(),
            freshness: Freshness::default(),
            cosigning: Cosigning::default(),
            looked_again: 0,
            reading: Reading::default(),
            stopping: false,
            shell,
        };
        member.note_how_far()?;
        let news = member.shell.resume_channels()?;
        member.on_stake_news(news);
        member.keep_as_settings_say()?;
        member.resume_outbox()?;
        member.queue_missing_binds()?;
        member.begin_gossip()?;
        member.call_other_hubs()?;
        Ok(member)
    }

    fn on_peer(&mut self, event: PeerEvent) -> Result<()> {
        if self.shell.on_tower_event(&event)? {
            return match event {
                PeerEvent::Up(tower) => {
                    self.claim_at_tower(tower);
                    Ok(())
                }
                PeerEvent::Message(_, message) => match *message {
                    Msg::LeaseGranted(granted) => self.on_lease_at_tower(&granted),
                    _ => Ok(()),
                },
                PeerEvent::Down(_) => Ok(()),
            };
        }
        match event {
            PeerEvent::Up(peer) if peer == self.hub => {
                self.claim_lease();
                Ok(())
            }
            PeerEvent::Down(peer) if peer == self.hub => {
                self.shell.papers.forget(&peer);
                self.shell.forget_arriving_backup(&peer);
                self.shell.forget_asked_backup();
                self.give_up_on_hubs_backup();
                self.connected = false;
                self.shell.revision += 1;
                Ok(())
            }
            PeerEvent::Message(peer, message) if peer == self.hub => self.on_message(*message),
            PeerEvent::Up(peer) if self.is_other_hub(&peer) => {
                self.greet_other_hub(peer);
                Ok(())
            }
            PeerEvent::Down(peer) if self.is_other_hub(&peer) => {
                self.forget_other_hub(&peer);
                Ok(())
            }
            PeerEvent::Message(peer, message) if self.is_other_hub(&peer) => self.on_other_hub(peer, *message),
            PeerEvent::Up(peer) => {
                self.on_friend(peer);
                Ok(())
            }
            PeerEvent::Down(peer) => {
                self.forget_friend(peer);
                Ok(())
            }
            PeerEvent::Message(peer, message) => self.on_friend_message(peer, *message),
        }
    }

    /// The hub is connected and knows this node.
    fn on_hub_ready(&mut self) -> Result<()> {
        self.connected = true;
        self.freshness.was_reached = true;
        self.shell.revision += 1;
        self.shell.alarms.remove("hub");
        self.show_log_end()?;
        self.shell.ask_for_untouched(self.hub);
        self.take_up_channels()?;
        self.resend();
        self.shell.forget_sent_backup();
        self.join_treasurers_if_current()?;
        self.join_operators()?;
        self.shell.send_backup(self.hub)
    }

    fn say_hello(&self) {
        self.say_hello_to(self.hub);
    }

    fn say_hello_to(&self, peer: PublicKey) {
        let params = &self.shell.dao.params;
        let hello = Hello {
            dao: DaoId(params.dao_id.0),
            network: NetworkId(params.network.0),
            protocol: PROTOCOL_VERSION,
            vote_key: Some(self.me.0),
        };
        self.shell.peers.send(peer, Msg::Hello(hello));
    }

    fn on_message(&mut self, message: Msg) -> Result<()> {
        if self.shell.on_paper_message(self.hub, &message)? {
            return Ok(());
        }
        match message {
            Msg::LogSegment(message) => self.on_segment(&message.segment),
            Msg::LogEnd(end) => {
                self.life.greeted = true;
                self.hub_size = end.size;
                self.fetch_on();
                self.on_head(&end.head)
            }
            Msg::LinkInfo(info) => self.on_link_info(&info),
            Msg::LinkOffer(offer) => self.on_link_offer(offer),
            Msg::LinkNonces(nonces) => self.on_link_nonces(&nonces),
            Msg::AppAck(ack) => self.on_ack(&ack),
            Msg::LogFetch(fetch) => self.give_log_back(&fetch),
            Msg::LeaseGranted(granted) => self.on_lease_granted(&granted),
            Msg::BackupStored(stored) => {
                self.shell.on_backup_stored(&stored);
                Ok(())
            }
            Msg::BackupData(data) => self.on_backup(&data),
            Msg::AppNack(nack) => self.on_nack(&nack),
            Msg::PeerError(error) if error.rule == COPY => self.on_copy(&error.detail),
            Msg::PeerError(error) if error.channel.is_none() => {
                let rule = if error.detail.starts_with(&error.rule) { "" } else { error.rule.as_str() };
                let text = format!("The hub refused something: {}", format!("{rule} {}", error.detail).trim());
                self.shell.alarms.insert("hub", text.clone());
                self.shell.revision += 1;
                for answer in std::mem::take(&mut self.opening).into_values() {
                    let _ = answer.try_send(Err(crate::api::ApiError::invalid(&error.rule, text.clone())));
                }
                Ok(())
            }
            // What is said about channels before the hub knows this life is said again after it.
            other if self.life.answers() => self.on_stake_message(self.hub, &other),
            _ => Ok(()),
        }
    }

    /// N-362: with each final link some stored entries are looked at again.
    fn look_again(&mut self) -> Result<()> {
        let newest = self.shell.ledger.state().newest_anchored().map_or(0, |record| record.header.epoch);
        // A light member has no stored log to look at again (N-220).
        if newest <= self.looked_again || self.shell.store.is_light() {
            return Ok(());
        }
        self.looked_again = newest;
        let difference = crate::audit::spot_check(&self.shell.store, &self.shell.ledger, LOOKED_AT)?;
        let anchored = self.shell.ledger.state().newest_anchored();
        self.shell.spot_check = anchored.map(|record| SpotCheck {
            epoch: record.header.epoch,
            block: record.mined_hash.to_string(),
            entries: LOOKED_AT,
            difference: difference.clone(),
        });
        self.shell.revision += 1;
        match difference {
            Some(difference) => {
                tracing::error!("{difference}");
                self.shell.alarms.insert("audit", difference);
            }
            None => drop(self.shell.alarms.remove("audit")),
        }
        Ok(())
    }

    fn on_chain(&mut self, event: &ChainEvent) -> Result<()> {
        self.shell.on_chain(event)?;
        self.freshness.on_chain(event);
        self.shell.succeed_if_due()?;
        if let ChainEvent::Connected { at_tip: true, .. } | ChainEvent::CaughtUp = event {
            let news = self.shell.update_channels_from_chain()?;
            self.on_stake_news(news);
            self.shell.advance_monitors()?;
            if !self.shell.store.reads_anew() {
                let news = self.shell.settle_accounts()?;
                self.on_stake_news(news);
            }
            self.retry_links()?;
            self.shell.watch_anchoring()?;
            let reads_on = self.shell.store.reads_anew() || self.shell.store.log_size()? < self.hub_size;
            self.shell.watch_spare_seal(reads_on)?;
            self.cosign_if_possible()?;
            self.fetch_if_behind();
            crate::treasury::rebroadcast(&mut self.shell);
            self.shell.send_again();
            self.send_children_again()?;
            self.shell.settle_papers()?;
            self.join_treasurers_if_current()?;
            self.gossip_on()?;
            self.judge_data()?;
            if !self.shell.store.reads_anew() {
                self.judge_hub_key();
                crate::forced::watch_kept_out(&mut self.shell);
            }
            self.look_again()?;
            self.hold_what_is_final()?;
        }
        Ok(())
    }
}

impl Role for Member {
    fn handle(&mut self, input: Input) {
        match input {
            // A member's node has no intake and no lines: entries of others come in segments, and its peers are few.
            Input::Intake(_) | Input::Turn(_) => {}
            Input::Peer(event) => {
                let done = self.on_peer(event);
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
        let done = self.advance_moves();
        self.shell.settle_trouble("moves", done);
        let done = self.advance_lane();
        self.shell.settle_trouble("lane", done);
        let done = self.shell.settle_towers();
        self.shell.settle_trouble("towers", done);
        view::settle(&mut self.waiters, &self.shell, Some(self.me));
    }

    fn tick(&mut self) {
        self.expire();
        self.refetch_if_quiet();
        self.tell_turned_away();
        let done = self.ask_friends();
        self.shell.settle_trouble("peers", done);
        let done = self.judge_missing_data();
        self.shell.settle_trouble("availability", done);
        let done = self.resume_restored();
        self.shell.settle_trouble("restored", done);
        self.bring_backup_up_to_date();
        self.commit();
    }

    fn stopping(&self) -> bool {
        self.stopping
    }
}
