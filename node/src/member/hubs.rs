//! Hubs besides the one that keeps the log: one that a stake moves to, or one that it has not left yet (N-330).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use althing_channels::{Msg, Phase};
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::Member;
use super::keeping::COPY;
use crate::api::{ApiError, Reply, SayReview};
use crate::engine::Answer;
use crate::keys::hex;
use crate::peers::PeerAddress;
use crate::stakes::{MigrationOrder, subject};

/// How long a signed move spreads before the log's hub is asked to bind what it funds.
const SPREADS_WITHIN: Duration = Duration::from_secs(5);

/// How long an order to move waits for the other hub before it is answered with where it stands.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What is known of other hubs on their connections.
#[derive(Default)]
pub(super) struct OtherHubs {
    /// Those that a connection is kept to.
    called: BTreeSet<PublicKey>,
    /// Those that know this life of the folder.
    granted: BTreeSet<PublicKey>,
    /// Channels that a signed move funds, and since when; `None` once their bind was said, before they are mined (N-331).
    moved: BTreeMap<u32, Option<Instant>>,
    /// Orders to move whose caller waits, and since when.
    ordered: BTreeMap<u32, Instant>,
}

impl Member {
    /// Whether a channel of this member is with that peer, or moves to it, and it is not the log's hub.
    pub(super) fn is_other_hub(&self, peer: &PublicKey) -> bool {
        *peer != self.hub && self.other_hubs().contains(peer)
    }

    /// Connects to all of them whose address is known. The log's hub is remembered: the log may get another one.
    ///
    /// # Errors
    /// On I/O, or a damaged store.
    pub(super) fn call_other_hubs(&mut self) -> Result<()> {
        let log_hub: PeerAddress = self.shell.dao.hub.parse()?;
        self.remember_address(&log_hub)?;
        for peer in self.other_hubs() {
            if self.hubs.called.contains(&peer) || peer == self.hub {
                continue;
            }
            let Some(stored) = self.shell.store.meta(&address_of(&peer))? else {
                tracing::warn!(%peer, "no address of this hub is known");
                continue;
            };
            let text = String::from_utf8(stored).context("a stored address of a hub")?;
            self.shell.peers.keep_connected(text.parse()?);
            self.hubs.called.insert(peer);
        }
        Ok(())
    }

    /// Another hub is connected: says which life this is, and hello.
    pub(super) fn greet_other_hub(&mut self, peer: PublicKey) {
        self.hubs.granted.remove(&peer);
        self.shell.peers.send(peer, Msg::LeaseClaim(self.life.claim()));
        self.say_hello_to(peer);
    }

    /// Goes on with channels of other hubs that waited for the log to be read anew.
    pub(super) fn take_up_other_channels(&mut self) -> Result<()> {
        for peer in self.hubs.granted.clone() {
            let news = self.shell.reconnect_channels(&peer)?;
            self.on_stake_news(news);
        }
        Ok(())
    }

    /// Another hub is gone.
    pub(super) fn forget_other_hub(&mut self, peer: &PublicKey) {
        self.hubs.granted.remove(peer);
    }

    /// Another hub says something: about channels, or it wants to see the log, without which it opens none (N-128).
    pub(super) fn on_other_hub(&mut self, peer: PublicKey, message: Msg) -> Result<()> {
        match message {
            Msg::LeaseGranted(granted) if granted.token == self.life.claim().token => {
                if self.hubs.granted.insert(peer) {
                    self.show_log_end_to(peer)?;
                    if !self.shell.store.reads_anew() {
                        let news = self.shell.reconnect_channels(&peer)?;
                        self.on_stake_news(news);
                    }
                }
                Ok(())
            }
            Msg::LogFetch(fetch) => self.give_log_to(peer, &fetch),
            Msg::LogEnd(end) => self.on_head(&end.head),
            Msg::BackupStored(stored) => {
                self.shell.on_backup_stored(&stored);
                Ok(())
            }
            Msg::PeerError(error) if error.rule == COPY || error.channel.is_none() => {
                let text = format!("The hub {peer} refused something: {} {}", error.rule, error.detail);
                self.shell.alarms.insert("hub besides", text);
                self.shell.revision += 1;
                Ok(())
            }
            other if subject(&other).is_some() => {
                match self.hubs.granted.contains(&peer) && self.life.answers_others() && !self.shell.store.reads_anew()
                {
                    true => self.on_stake_message(peer, &other),
                    false => Ok(()),
                }
            }
            other => self.on_friend_message(peer, other),
        }
    }

    /// Moves a channel to another hub, or only says what that would do.
    pub(super) fn migrate(
        &mut self,
        id: &str,
        order: &MigrationOrder,
        review: bool,
        answer: &Answer,
    ) -> Result<Option<Reply>, ApiError> {
        let channel = self.shell.stakes.named(id)?;
        let (number, peer) = (channel.number, channel.peer);
        if review {
            let mut sentences = self.shell.review_migration(number, order)?;
            if !order.alone && !self.is_reachable(&peer) {
                sentences.push(format!(
                    "The hub {peer} is not reachable now; the move waits for it. --alone goes without it."
                ));
            }
            if !self.is_reachable(&order.to.node_id) {
                sentences.push(format!(
                    "The hub {} is called first. Until it answers nothing is begun, and --cancel takes the order back.",
                    order.to
                ));
            }
            return Ok(Some(Reply::SayReview(SayReview { sentences, refusal: None })));
        }
        self.remember_address(&order.to)?;
        let Self { shell, hub, connected, hubs, .. } = self;
        let is_reached = |peer: &PublicKey| if peer == hub { *connected } else { hubs.granted.contains(peer) };
        let news = shell.order_migration(number, order, &is_reached)?;
        self.closing.insert(number, answer.clone());
        self.hubs.ordered.insert(number, Instant::now());
        self.call_other_hubs()?;
        self.on_stake_news(news);
        Ok(None)
    }

    /// Takes an order to move back, before both hubs sign.
    pub(super) fn cancel_migration(&mut self, id: &str) -> Result<Option<Reply>, ApiError> {
        let number = self.shell.stakes.named(id)?.number;
        self.shell.cancel_migration(number)?;
        self.hubs.ordered.remove(&number);
        if let Some(answer) = self.closing.remove(&number) {
            let _ = answer.try_send(Err(ApiError::not_now("C-303: the move was taken back")));
        }
        let channel = self.shell.stakes.named(id)?;
        Ok(Some(Reply::Stake(crate::view::stake(&self.shell, channel))))
    }

    /// Whoever ordered a move that waits for somebody is told where it stands; it goes on by itself.
    fn answer_waiting_moves(&mut self) {
        let (closing, now) = (&self.closing, Instant::now());
        self.hubs.ordered.retain(|number, _| closing.contains_key(number));
        let late = |since: &Instant| now.duration_since(*since) >= ANSWERED_WITHIN;
        let late: Vec<u32> =
            self.hubs.ordered.iter().filter(|(_, since)| late(since)).map(|(number, _)| *number).collect();
        for number in late {
            self.hubs.ordered.remove(&number);
            if let Some(answer) = self.closing.remove(&number) {
                self.answer_stake(number, &answer);
            }
        }
    }

    /// Goes on with moves to other hubs. Called after every batch of inputs.
    pub(super) fn advance_moves(&mut self) -> Result<()> {
        let Self { shell, hub, connected, hubs, .. } = self;
        let is_reached = |peer: &PublicKey| if peer == hub { *connected } else { hubs.granted.contains(peer) };
        let news = shell.advance_migrations(&is_reached)?;
        self.on_stake_news(news);
        self.answer_waiting_moves();
        let now = Instant::now();
        let waits = |number: u32| {
            let channel = self.shell.stakes.channel(number);
            let waits = channel
                .is_some_and(|channel| channel.machine.phase() == Phase::AwaitConfirmation && channel.peer == self.hub);
            waits && self.shell.stakes.has_moved(number) && !self.is_bound(number)
        };
        let successors: Vec<u32> = self.shell.stakes.migrations().filter_map(|row| row.successor).collect();
        for number in successors.into_iter().filter(|number| waits(*number)).collect::<Vec<_>>() {
            let since = self.hubs.moved.entry(number).or_insert(Some(now));
            // Once: if it is not taken, it is bound when it is confirmed.
            if since.is_some_and(|since| now.duration_since(since) >= SPREADS_WITHIN) {
                *since = None;
                self.queue_bind(number);
            }
        }
        Ok(())
    }

    /// Whether a peer of ours that has to sign is connected.
    fn is_reachable(&self, peer: &PublicKey) -> bool {
        if *peer == self.hub { self.connected } else { self.hubs.granted.contains(peer) }
    }

    fn other_hubs(&self) -> BTreeSet<PublicKey> {
        let lives = |phase: Phase| !matches!(phase, Phase::Closed | Phase::Failed);
        let of_channels = self.shell.stakes.iter().filter(|channel| lives(channel.machine.phase()));
        let targets = self.shell.stakes.migrations().filter_map(|row| row.target.parse::<PeerAddress>().ok());
        of_channels
            .map(|channel| channel.peer)
            .chain(targets.map(|to| to.node_id))
            .filter(|peer| *peer != self.hub)
            .collect()
    }

    fn remember_address(&mut self, address: &PeerAddress) -> Result<()> {
        let (name, text) = (address_of(&address.node_id), address.to_string());
        if self.shell.store.meta(&name)?.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        self.shell.store.write(|writer| writer.set_meta(&name, text.as_bytes()))
    }
}

/// Name under which the address of a hub is stored.
fn address_of(peer: &PublicKey) -> String {
    format!("hub/{}", hex(&peer.serialize()))
}
