//! The member's node: keeps its own verified copy of the log, speaks for the member, and shows how far everything is.

mod lane;
mod requests;
mod review;
mod speech;
mod splices;
mod sync;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use althing_channels::wire::{BackupData, Hello, PROTOCOL_VERSION};
use althing_channels::{DaoId, Msg, NetworkId};
use althing_governance::id::MemberId;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use self::lane::{InFlight, Op};
use self::sync::PendingLink;
use crate::chain::ChainEvent;
use crate::engine::{Answer, EngineHandle, Input, Role, Waiters};
use crate::peers::{PeerAddress, PeerEvent};
use crate::shell::Shell;
use crate::view::{self, Condition};

/// Starts the member's node of the data directory.
///
/// # Errors
/// As [`Shell::open`].
pub fn start(dir: &Path, password: &str) -> Result<EngineHandle> {
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("member", move |inputs: SyncSender<Input>| Member::open(&dir, &password, &inputs))
}

/// State of the member's engine.
pub struct Member {
    shell: Shell,
    me: MemberId,
    name: String,
    hub: PublicKey,
    /// Whether the hub is connected and was greeted.
    connected: bool,
    /// Size of the hub's log, as it last said.
    hub_size: u64,
    /// When the log was last asked for.
    fetched: Instant,
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
    stopping: bool,
}

impl Member {
    fn open(dir: &Path, password: &str, inputs: &SyncSender<Input>) -> Result<Self> {
        let from_peers = inputs.clone();
        let on_peer = move |event| {
            // The engine's queue is bounded; a full one holds the peer's socket back.
            let _ = from_peers.send(Input::Peer(event));
        };
        let shell = Shell::open(dir, password, None, inputs, on_peer)?;
        let address: PeerAddress = shell.dao.hub.parse()?;
        let me = MemberId::of(&shell.keys.vote().x_only_public_key().0);
        shell.peers.keep_connected(address.clone());
        let mut member = Self {
            me,
            name: crate::setup::member_name(dir)?,
            hub: address.node_id,
            connected: false,
            hub_size: 0,
            fetched: Instant::now(),
            halted: None,
            pending_links: BTreeMap::new(),
            queue: VecDeque::new(),
            in_flight: None,
            opening: BTreeMap::new(),
            closing: BTreeMap::new(),
            waiters: Waiters::default(),
            stopping: false,
            shell,
        };
        let news = member.shell.resume_channels()?;
        member.on_stake_news(news);
        member.resume_outbox()?;
        member.queue_missing_binds()?;
        Ok(member)
    }

    fn on_peer(&mut self, event: PeerEvent) -> Result<()> {
        match event {
            PeerEvent::Up(peer) if peer == self.hub => {
                self.say_hello();
                self.connected = true;
                self.shell.revision += 1;
                self.shell.alarms.remove("hub");
                let news = self.shell.reconnect_channels(&peer)?;
                self.on_stake_news(news);
                self.resend();
                self.shell.ask_for_backup(peer);
                self.shell.send_backup(peer)?;
                Ok(())
            }
            PeerEvent::Down(peer) if peer == self.hub => {
                self.connected = false;
                self.shell.revision += 1;
                Ok(())
            }
            PeerEvent::Message(peer, message) if peer == self.hub => self.on_message(*message),
            PeerEvent::Up(peer) | PeerEvent::Down(peer) | PeerEvent::Message(peer, _) => {
                tracing::debug!(%peer, "a peer that is not the hub");
                Ok(())
            }
        }
    }

    fn say_hello(&self) {
        let params = &self.shell.dao.params;
        let hello = Hello {
            dao: DaoId(params.dao_id.0),
            network: NetworkId(params.network.0),
            protocol: PROTOCOL_VERSION,
            vote_key: Some(self.me.0),
        };
        self.shell.peers.send(self.hub, Msg::Hello(hello));
    }

    fn on_message(&mut self, message: Msg) -> Result<()> {
        match message {
            Msg::LogSegment(message) => self.on_segment(&message.segment),
            Msg::LogEnd(end) => {
                self.hub_size = end.size;
                self.fetch_if_behind();
                Ok(())
            }
            Msg::LinkInfo(info) => self.on_link_info(&info),
            Msg::AppAck(ack) => self.on_ack(&ack),
            Msg::BackupStored(_) => Ok(()),
            Msg::BackupData(data) => self.on_backup(&data),
            Msg::AppNack(nack) => self.on_nack(&nack),
            Msg::PeerError(error) if error.channel.is_none() => {
                let text = format!("The hub refused something: {} {}", error.rule, error.detail);
                self.shell.alarms.insert("hub", text.clone());
                self.shell.revision += 1;
                for answer in std::mem::take(&mut self.opening).into_values() {
                    let _ = answer.try_send(Err(crate::api::ApiError::invalid(&error.rule, text.clone())));
                }
                Ok(())
            }
            other => self.on_stake_message(&other),
        }
    }

    fn on_backup(&mut self, data: &BackupData) -> Result<()> {
        let count = self.shell.restore_backup(self.me, data)?;
        if count > 0 {
            tracing::warn!(count, "stake channels were restored from the backup that the hub kept");
            // The hub said where its channels stand when this node knew of none; hello makes it say so again.
            self.say_hello();
            let news = self.shell.reconnect_channels(&self.hub)?;
            self.on_stake_news(news);
        }
        Ok(())
    }

    fn on_chain(&mut self, event: &ChainEvent) -> Result<()> {
        self.shell.on_chain(event)?;
        if let ChainEvent::Connected { at_tip: true, .. } | ChainEvent::CaughtUp = event {
            let news = self.shell.update_channels_from_chain()?;
            self.on_stake_news(news);
            self.shell.advance_monitors()?;
            let news = self.shell.settle_accounts()?;
            self.on_stake_news(news);
            self.retry_links()?;
            self.fetch_if_behind();
        }
        Ok(())
    }
}

impl Role for Member {
    fn handle(&mut self, input: Input) {
        match input {
            // A member's node has no intake: entries of others come in segments.
            Input::Intake(_) => {}
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
        let done = self.advance_lane();
        self.shell.settle_trouble("lane", done);
        view::settle(&mut self.waiters, &self.shell, Some(self.me));
    }

    fn tick(&mut self) {
        self.expire();
        self.refetch_if_quiet();
        self.commit();
    }

    fn stopping(&self) -> bool {
        self.stopping
    }
}
