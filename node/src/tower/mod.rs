//! A watchtower: keeps sealed justice for clients, looks for its breaches in every block, and punishes them while the client sleeps.
//!
//! It has a folder and keys of its own, knows no DAO, and learns nothing of a channel before there is a breach (C-80 to C-85, N-120).
//! A client's blob is on disk before its receipt is signed; view and blocks are one transaction, so a kill at any moment loses nothing.

mod keep;

pub use keep::{Limits, TOWER_FILE};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use althing_channels::monitor::{BlockId, WalletCoin, bump_paying, reserve_per_close};
use althing_channels::tower::{BlobError, Hint, MAX_BLOB_BYTES, Pressing, SealedJustice, TowerReceipt, TowerWatch};
use althing_channels::wire::{Hello, LeaseClaim, LeaseGranted, PROTOCOL_VERSION, PeerError, TowerStored};
use althing_channels::{Msg, NetworkId};
use anyhow::{Context, Result};
use bitcoin::secp256k1::{Keypair, PublicKey};
use bitcoin::{Block, BlockHash, Txid};

use self::keep::Keep;
use crate::api::{ApiError, Reply, Request, TowerBreach, TowerStatus, WaitFor};
use crate::chain::{Access, Bitcoind, ChainEvent, Follower};
use crate::config::Config;
use crate::engine::{Answer, EngineHandle, Input, Role, Waiters};
use crate::keys::{Keys, entropy};
use crate::lease::{Lease, Purpose};
use crate::peers::{PeerAddress, PeerEvent, Peers};
use crate::setup::parse_network;
use crate::wallet::Wallet;

/// Shortest time between two starts of the chain follower.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Starts the tower of a folder.
///
/// # Errors
/// A folder in use or not set up, a wrong password, a damaged store, an address that cannot be listened on.
pub fn start(dir: &Path, password: &str, purpose: Purpose, listen: SocketAddr, limits: Limits) -> Result<EngineHandle> {
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("tower", move |inputs: SyncSender<Input>| {
        Tower::open(&dir, &password, purpose, listen, limits, inputs)
    })
}

/// State of the tower's engine.
struct Tower {
    keep: Keep,
    /// `None` before the first block.
    watch: Option<TowerWatch>,
    wallet: Wallet,
    bitcoind: Bitcoind,
    peers: Peers,
    /// By its BOLT 8 key, under which clients know it, the tower signs receipts too (C-82).
    key: Keypair,
    address: PeerAddress,
    network: NetworkId,
    limits: Limits,
    /// Clients that said hello.
    greeted: BTreeSet<PublicKey>,
    /// Clients that said on this connection which life of their folder they are in.
    claimed: BTreeSet<PublicKey>,
    /// Blobs that wait for the commit of the batch.
    offered: Vec<(PublicKey, SealedJustice)>,
    /// The wallet's coin in the child of each justice.
    coins: BTreeMap<Txid, WalletCoin>,
    alarms: BTreeMap<&'static str, String>,
    following: Following,
    waiters: Waiters<u32>,
    stopping: bool,
    _lease: Lease,
}

struct Following {
    access: Access,
    inputs: SyncSender<Input>,
    birthday: u32,
    follower: Option<Follower>,
    started: Instant,
}

impl Following {
    fn start(&mut self, network: bitcoin::Network, keep: &Keep) -> Result<()> {
        let inputs = self.inputs.clone();
        let sink = move |event| inputs.send(Input::Chain(event)).is_ok();
        let known = keep.blocks()?;
        // Blocks below those remembered are buried for good.
        let birthday = known.first().map_or(self.birthday, |(height, _)| *height);
        self.follower = Some(Follower::start(self.access.clone(), network, known, birthday, sink));
        self.started = Instant::now();
        Ok(())
    }
}

impl Tower {
    fn open(
        dir: &Path,
        password: &str,
        purpose: Purpose,
        listen: SocketAddr,
        limits: Limits,
        inputs: SyncSender<Input>,
    ) -> Result<Self> {
        let lease = Lease::take(dir, purpose)?;
        let config = Config::load(dir)?;
        let keys = Keys::open(dir, password)?;
        let network = parse_network(&config.network)?;
        let keep = Keep::open(dir)?;
        let watch = keep.watch()?;
        let wallet = Wallet::open(dir, &keys)?;
        let from_peers = inputs.clone();
        let peers = Peers::start(&keys.node_seed(), Some(listen), move |event| {
            if let Some(event) = of_interest(event) {
                // Nobody listens any more when the tower has stopped.
                let _ = from_peers.send(Input::Peer(event));
            }
        })?;
        let key = keys.node();
        let mut following = Following {
            access: config.bitcoind.clone(),
            inputs,
            birthday: config.birthday.max(1),
            follower: None,
            started: Instant::now(),
        };
        following.start(network, &keep)?;
        Ok(Self {
            keep,
            watch,
            wallet,
            bitcoind: Bitcoind::new(&config.bitcoind),
            peers,
            address: PeerAddress { node_id: key.public_key(), socket: listen },
            key,
            network: NetworkId(althing_governance::id::NetworkId::of(network).0),
            limits,
            greeted: BTreeSet::new(),
            claimed: BTreeSet::new(),
            offered: Vec::new(),
            coins: BTreeMap::new(),
            alarms: BTreeMap::new(),
            following,
            waiters: Waiters::default(),
            stopping: false,
            _lease: lease,
        })
    }

    fn on_peer(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Up(_) => {}
            PeerEvent::Down(peer) => {
                self.greeted.remove(&peer);
                self.claimed.remove(&peer);
            }
            PeerEvent::Message(peer, message) => match *message {
                Msg::Hello(hello) => self.on_hello(peer, &hello),
                Msg::TowerStore(_) if !self.greeted.contains(&peer) => self.refuse(peer, "N-30", "say hello first"),
                // A life is stored: once for each connection is enough.
                Msg::LeaseClaim(claim) if self.greeted.contains(&peer) && self.claimed.insert(peer) => {
                    self.on_lease_claim(peer, &claim);
                }
                Msg::TowerStore(store) => {
                    self.offered.push((peer, SealedJustice { hint: Hint(store.hint), blob: store.blob }));
                }
                _ => {}
            },
        }
    }

    fn on_hello(&mut self, peer: PublicKey, hello: &Hello) {
        if hello.network != self.network {
            let detail = format!("this tower watches network {}, you are on {}", self.network, hello.network);
            self.refuse(peer, "N-31", &detail);
        } else if hello.protocol != PROTOCOL_VERSION {
            let detail = format!("this tower speaks protocol {PROTOCOL_VERSION}, you speak {}", hello.protocol);
            self.refuse(peer, "N-32", &detail);
        } else if !self.limits.only.is_empty() && !self.limits.only.contains(&peer) {
            self.refuse(peer, "N-121", "this tower works for clients it knows");
        } else {
            self.greeted.insert(peer);
        }
    }

    /// N-260: a tower remembers which life of a client's folder was the last, and says so to an earlier one.
    fn on_lease_claim(&mut self, peer: PublicKey, claim: &LeaseClaim) {
        let limits = self.limits.clone();
        match self.keep.write(|step| step.claim(&peer, claim, &limits)) {
            Ok(Ok(counter)) => {
                self.peers.send(peer, Msg::LeaseGranted(LeaseGranted { counter, token: claim.token }));
            }
            Ok(Err(last)) => {
                let detail =
                    format!("N-125: the folder is in its life {}, this tower knows life {last}.", claim.counter);
                self.refuse(peer, "N-125", &detail);
            }
            Err(error) => tracing::error!(%peer, error = format!("{error:#}"), "the life of a client is not stored"),
        }
    }

    fn refuse(&self, peer: PublicKey, rule: &str, detail: &str) {
        tracing::info!(%peer, rule, detail, "refused");
        self.peers.send(peer, Msg::PeerError(PeerError::new(rule, detail, None)));
    }

    /// Stores what was offered in one transaction, then signs the receipts (C-82).
    fn take_offered(&mut self) -> Result<()> {
        let Some(from_height) = self.watch.as_ref().map(|watch| watch.tip().height) else {
            // Without a tip no promise can be made; the clients offer again.
            self.offered.clear();
            return Ok(());
        };
        let offered = std::mem::take(&mut self.offered);
        let limits = self.limits.clone();
        let taken = self.keep.write(|step| {
            let mut taken = Vec::new();
            for (client, sealed) in offered {
                let bytes = sealed.blob.len();
                let until = match bytes {
                    1..=MAX_BLOB_BYTES => step.take(&client, &sealed, from_height, &limits)?,
                    _ => Err(BlobError::Length { bytes }.to_string()),
                };
                taken.push((client, sealed, until));
            }
            Ok(taken)
        })?;
        for (client, sealed, until) in taken {
            match until {
                Ok(until) => {
                    let receipt = TowerReceipt::sign(&self.key, self.network, &sealed, from_height, until, entropy()?);
                    let TowerReceipt { blob, from_height, until_height, signature, .. } = receipt;
                    let stored = TowerStored { blob, from_height, until_height, signature };
                    self.peers.send(client, Msg::TowerStored(stored));
                }
                Err(why) => self.refuse(client, &why.chars().take_while(|c| *c != ':').collect::<String>(), &why),
            }
        }
        Ok(())
    }

    fn on_chain(&mut self, event: &ChainEvent) -> Result<()> {
        match event {
            ChainEvent::Connected { height, hash, block, at_tip } => {
                let follows = self.watch.as_ref().is_none_or(|watch| {
                    (watch.tip().height.saturating_add(1), watch.tip().hash) == (*height, block.header.prev_blockhash)
                });
                let connected = if follows { self.connect(*height, *hash, block) } else { Ok(()) };
                // As in the shell: what could not be stored leaves a gap; follow anew behind what is stored.
                if (!follows || connected.is_err()) && self.following.started.elapsed() > RESTART_PAUSE {
                    self.following.start(self.wallet.network(), &self.keep)?;
                }
                connected?;
                if *at_tip { self.punish() } else { Ok(()) }
            }
            ChainEvent::DisconnectedFrom { height } => {
                let below = height.saturating_sub(1);
                let hash = self.keep.block(below)?.with_context(|| format!("block {below} is not remembered"))?;
                let mut watch = self.watch.clone().context("no block is known yet")?;
                watch.disconnect_to(BlockId { height: below, hash })?;
                self.keep.write(|step| step.disconnect(*height, &watch))?;
                self.watch = Some(watch);
                Ok(())
            }
            ChainEvent::CaughtUp => self.punish(),
            ChainEvent::Trouble(reason) => {
                let words =
                    format!("The Bitcoin source has stopped answering: {reason}. Breaches are not seen meanwhile.");
                self.alarms.insert("bitcoind", words);
                Ok(())
            }
            ChainEvent::Recovered => {
                self.alarms.remove("bitcoind");
                Ok(())
            }
        }
    }

    fn connect(&mut self, height: u32, hash: BlockHash, block: &Block) -> Result<()> {
        let (below, prev) = (height.saturating_sub(1), block.header.prev_blockhash);
        let known = self.keep.block(below)?.map(|hash| (below, hash));
        // The wallet first: repeated after a crash it does no harm, skipped it would.
        self.wallet.connect(height, block, known)?;
        let before = || TowerWatch::new(BlockId { height: below, hash: prev });
        let mut watch = self.watch.clone().unwrap_or_else(before);
        let trouble = RefCell::new(Ok(()));
        let held = |hint: &Hint| {
            self.keep.blobs(hint).unwrap_or_else(|error| {
                *trouble.borrow_mut() = Err(error);
                Vec::new()
            })
        };
        watch.apply_block(BlockId { height, hash }, prev, &block.txdata, held)?;
        trouble.into_inner()?;
        let found = watch.responses().values().filter(|response| response.breach_height == height).count();
        if found > 0 {
            tracing::warn!(height, found, "a revoked commitment is in the chain");
        }
        self.keep.write(|step| step.connect(height, hash, &watch))?;
        self.watch = Some(watch);
        Ok(())
    }

    /// Broadcasts justice for every breach that is not settled, each bumped by a child over its anchor where it pays too little.
    fn punish(&mut self) -> Result<()> {
        let Some(watch) = &self.watch else { return Ok(()) };
        if watch.broadcasts().next().is_none() {
            self.coins.clear();
            self.alarms.remove("breach");
            self.alarms.remove("reserve");
            return Ok(());
        }
        let market = self.bitcoind.fee_market();
        let mut watch = watch.clone();
        let pressing = watch.press(&market);
        // Before anything is broadcast: a rate that was bid is never forgotten (C-76).
        self.keep.write(|step| step.put_watch(&watch))?;
        self.watch = Some(watch);
        self.coins.retain(|txid, _| pressing.iter().any(|p| p.transaction.compute_txid() == *txid));
        let words = format!("{} justice transactions wait for a block.", pressing.len());
        self.alarms.insert("breach", words);
        for pressing in pressing {
            let txid = pressing.transaction.compute_txid();
            if let Err(error) = self.broadcast(&pressing) {
                // Of several blobs for one breach only one can win, and a blob may hold anything that somebody gave.
                tracing::warn!(%txid, error = format!("{error:#}"), "justice was not taken; tried again with the next block");
            }
        }
        Ok(())
    }

    fn broadcast(&mut self, pressing: &Pressing) -> Result<()> {
        let alone = self.bitcoind.submit(&pressing.transaction);
        let txid = pressing.transaction.compute_txid();
        tracing::info!(%txid, taken = alone.is_ok(), rate = %pressing.rate, "justice");
        if !pressing.needs_child() {
            return Ok(alone.map(drop)?);
        }
        let least = reserve_per_close(pressing.rate);
        let others: Vec<_> = self.coins.iter().filter(|(of, _)| **of != txid).map(|(_, coin)| coin.outpoint).collect();
        let held = self.coins.get(&txid).filter(|coin| coin.output.value >= least).cloned();
        let free = || {
            let coins = self.wallet.confirmed_coins(&others);
            coins.into_iter().filter(|coin| coin.output.value >= least).min_by_key(|coin| coin.output.value)
        };
        let Some(coin) = held.or_else(free) else {
            let words = format!(
                "W-4: no confirmed coin of at least {} sat is free to bump justice to {}; send some to this tower's wallet.",
                least.to_sat(),
                pressing.rate
            );
            self.alarms.insert("reserve", words);
            return Ok(alone.map(drop)?);
        };
        self.alarms.remove("reserve");
        self.coins.insert(txid, coin.clone());
        let change = self.wallet.unused_script()?;
        let child = bump_paying(&pressing.transaction, pressing.fee_sat, &[coin], &change, pressing.rate)?;
        let child = self.wallet.sign_child(child)?;
        self.bitcoind.submit_package(&[pressing.transaction.clone(), child])?;
        Ok(())
    }

    fn on_request(&mut self, request: Request, answer: Answer) {
        let reply = match request {
            Request::Stop => {
                self.stopping = true;
                self.following.follower = None;
                Ok(Reply::Done)
            }
            Request::Wait { until: WaitFor::Height(height), timeout_secs } => {
                return self.waiters.add(height, Duration::from_secs(timeout_secs), answer);
            }
            Request::Tower => self.status().map(|status| Reply::Tower(Box::new(status))).map_err(ApiError::from),
            Request::WalletAddress => self
                .wallet
                .fresh_address()
                .map(|address| Reply::Address { address: address.to_string() })
                .map_err(ApiError::from),
            Request::WalletBalance => Ok(Reply::Balance(self.wallet.balance())),
            _ => Err(ApiError::invalid("N-39", "this is a tower; ask a member's node for that")),
        };
        // The caller may have gone; then nobody wants the answer.
        let _ = answer.try_send(reply);
    }

    fn status(&self) -> Result<TowerStatus> {
        let sums = self.keep.sums()?;
        let responses = self.watch.iter().flat_map(|watch| watch.responses());
        let breaches = responses.map(|(txid, response)| TowerBreach {
            commitment: txid.to_string(),
            height: response.breach_height,
            justice: response.justice.iter().map(|justice| justice.transaction.compute_txid().to_string()).collect(),
            settled_height: response.justice.iter().filter_map(|justice| justice.ended_height).max(),
        });
        Ok(TowerStatus {
            address: self.address.to_string(),
            network: self.wallet.network().to_core_arg().to_owned(),
            tip_height: self.watch.as_ref().map_or(0, |watch| watch.tip().height),
            clients: sums.clients,
            blobs: sums.blobs,
            bytes: sums.bytes,
            breaches: breaches.collect(),
            balance: self.wallet.balance(),
            alarms: self.alarms.values().cloned().collect(),
        })
    }

    fn settle_trouble(&mut self, subject: &'static str, done: Result<()>) {
        match done {
            Ok(()) => drop(self.alarms.remove(subject)),
            Err(error) => {
                tracing::error!(subject, error = format!("{error:#}"), "trouble");
                self.alarms.insert(subject, format!("{error:#}"));
            }
        }
    }
}

impl Role for Tower {
    fn handle(&mut self, input: Input) {
        match input {
            Input::Intake(_) | Input::Turn(_) => {}
            Input::Peer(event) => self.on_peer(event),
            Input::Chain(event) => {
                let done = self.on_chain(&event);
                self.settle_trouble("chain", done);
            }
            Input::Ask(request, answer) => self.on_request(request, answer),
        }
    }

    fn commit(&mut self) {
        if !self.offered.is_empty() {
            let done = self.take_offered();
            self.settle_trouble("store", done);
        }
        let tip = self.watch.as_ref().map_or(0, |watch| watch.tip().height);
        let late = |height: &u32| ApiError::not_now(format!("height {height} is not reached; the tip is {tip}"));
        self.waiters.settle(|height| (tip >= *height).then_some(Ok(Reply::Done)), late);
    }

    fn tick(&mut self) {
        self.commit();
    }

    fn stopping(&self) -> bool {
        self.stopping
    }
}

/// What a tower listens to. The rest never reaches its queue, and of an oversize blob only that it was one (C-81).
fn of_interest(event: PeerEvent) -> Option<PeerEvent> {
    let PeerEvent::Message(peer, message) = event else { return Some(event) };
    match *message {
        Msg::TowerStore(mut store) => {
            if store.blob.len() > MAX_BLOB_BYTES {
                store.blob = Vec::new();
            }
            Some(PeerEvent::Message(peer, Box::new(Msg::TowerStore(store))))
        }
        Msg::Hello(_) | Msg::LeaseClaim(_) => Some(PeerEvent::Message(peer, message)),
        _ => None,
    }
}
