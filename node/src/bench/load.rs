//! The load generator: signed votes into a running hub, at a rate that does not wait for the hub (open loop), and what came back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use althing_channels::wire::{AppAck, AppEntry, Hello, PROTOCOL_VERSION};
use althing_channels::{DaoId, Msg, NetworkId};
use althing_governance::codec::Canonical as _;
use althing_governance::id::TreeHash;
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::{PublicKey, Secp256k1};
use serde::{Deserialize, Serialize};

use super::cpu::{self, CpuTime};
use super::desk::{Desk, Sent};
use super::strangers::Strangers;
use super::votes::Vote;
use super::world::{PASSWORD, World, key};
use crate::api::{ApiError, Reply, Request, Service as _};
use crate::engine::EngineHandle;
use crate::hub;
use crate::peers::{PeerAddress, PeerEvent, Peers, node_id};

/// Votes of one peer that may wait for an answer: as many as the hub lets wait (N-71).
const WINDOW: usize = crate::intake::PEER_ENTRIES;

/// Shortest sleep of the load generator.
const NAP: Duration = Duration::from_micros(500);

/// Longest wait for answers behind the last vote.
const PATIENCE: Duration = Duration::from_secs(60);

/// How votes get to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// By the door behind the sockets: everything but the transport.
    InProcess,
    /// Over BOLT 8 connections on the loopback, whose other ends compute on the same cores.
    Loopback,
}

/// Who sends forged votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forgers {
    /// One peer that sends nothing else, another one in each run.
    One,
    /// Peers never heard of before, each with one vote.
    Newcomers,
}

/// How a run goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Votes a second; as many as the hub takes when there is none.
    pub rate: Option<f64>,
    /// Forged votes sent beside each vote, 0 or more.
    pub forged: f64,
    /// By whom.
    pub forgers: Forgers,
}

impl Pace {
    /// As fast as the hub takes votes, all of them valid.
    pub const FULL: Self = Self { rate: None, forged: 0.0, forgers: Forgers::One };

    /// So many votes a second, all of them valid.
    pub const fn rate(rate: f64) -> Self {
        Self { rate: Some(rate), ..Self::FULL }
    }
}

/// What a run showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoadReport {
    /// Votes sent that are valid. Each has one signature.
    pub votes: u64,
    /// Votes that got a receipt.
    pub receipted: u64,
    /// Forged votes sent beside them.
    pub forged: u64,
    /// Of those, how many were refused.
    pub refused: u64,
    /// Any other refusal, by its words.
    pub troubles: std::collections::BTreeMap<String, u64>,
    /// From the first vote to the last receipt.
    pub seconds: f64,
    /// Votes with a receipt per second: signed, checked, ordered, durable, under a Merkle root, receipted.
    pub votes_per_second: f64,
    /// Signatures checked per second, forged ones included.
    pub signatures_per_second: f64,
    /// Milliseconds from when a vote was due to its receipt.
    pub latency: Latency,
    /// Receipts that were checked behind the run: signature, path and bytes of the vote.
    pub receipts_checked: u64,
    /// Seconds of computing time by thread.
    pub cpu: CpuTime,
}

/// Milliseconds that votes waited for their receipts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them waited at most so long.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// A hub with its log, and peers to it.
pub struct Session {
    handle: EngineHandle,
    line: Line,
    desk: Arc<Desk>,
    peers: Vec<PublicKey>,
    strangers: Strangers,
    hello: Hello,
    log_key: bitcoin::secp256k1::XOnlyPublicKey,
}

enum Line {
    Door(Box<dyn Fn(PeerEvent) + Send + Sync>),
    Sockets { hub: PublicKey, nodes: Vec<Peers> },
}

impl Session {
    /// Starts the hub of a world and connects `peers` peers to it.
    ///
    /// # Errors
    /// As [`hub::start`], or when a peer is not greeted.
    pub fn open(world: &World, peers: usize, way: Way) -> Result<Self> {
        ensure!(peers > 0, "votes come from peers");
        let secp = Secp256k1::new();
        let seeds: Vec<_> = (0..peers).map(|number| key(&secp, "peer", number as u32).secret_bytes()).collect();
        let ids: Vec<PublicKey> = seeds.iter().map(node_id).collect();
        let desk = Arc::new(Desk::new(&ids));
        let (handle, line) = match way {
            Way::InProcess => {
                let hears = Arc::clone(&desk);
                let neighbours = Box::new(move |peer, message| hears.hear(peer, message));
                let (handle, door) = hub::start_among(&world.dir, PASSWORD, None, neighbours)?;
                (handle, Line::Door(Box::new(door)))
            }
            Way::Loopback => {
                let address = free_address()?;
                let handle = hub::start_made_here(&world.dir, PASSWORD, address)?;
                let hub = world.dao.params.charter.hub_node_key;
                let nodes = seeds.iter().zip(&ids).map(|(seed, id)| connect(seed, *id, hub, address, &desk));
                (handle, Line::Sockets { hub, nodes: nodes.collect::<Result<_>>()? })
            }
        };
        let log_key = world.dao.params.charter.hub_log_key;
        let hello = Hello {
            dao: DaoId(world.dao.params.dao_id.0),
            network: NetworkId(world.dao.params.network.0),
            protocol: PROTOCOL_VERSION,
            vote_key: None,
        };
        let session = Self { handle, line, desk, peers: ids, strangers: Strangers::default(), hello, log_key };
        session.greet()?;
        Ok(session)
    }

    /// Makes the keys of so many newcomers before they are needed: that takes time of this machine which is not the hub's.
    pub fn prepare_newcomers(&mut self, count: usize) {
        self.strangers.prepare(count);
    }

    /// Shows every receipt of the runs to come to `witness` as it arrives, with the number of its vote in the run. Only the first
    /// witness is kept.
    pub fn show_receipts(&self, witness: impl Fn(u64, &AppAck) + Send + Sync + 'static) {
        // A second one is the caller's mistake, and harmless.
        let _ = self.desk.witness.set(Box::new(witness));
    }

    /// Sends the votes and waits for the answers to all of them.
    ///
    /// # Errors
    /// When answers do not come, or a receipt does not hold.
    pub fn run(&mut self, votes: &[Vote], pace: Pace) -> Result<LoadReport> {
        ensure!(pace.forged == 0.0 || matches!(self.line, Line::Door(_)), "forged votes are sent in process");
        self.desk.take();
        let before = cpu::by_thread();
        let began = self.desk.now();
        let mut forged = 0u64;
        for (number, vote) in (0u64..).zip(votes) {
            let due = match pace.rate {
                Some(rate) => began + (number as f64 / rate * 1e9) as u64,
                None => self.desk.now(),
            };
            self.wait_until(due);
            let peer = vote.voter as usize % self.peers.len();
            self.send(self.peers[peer], Some(peer), Sent { vote: number, sequence: vote.sequence, due }, vote);
            while (forged as f64) < pace.forged * (number + 1) as f64 && self.forge(pace.forgers, vote) {
                forged += 1;
            }
        }
        self.strangers.end_run(pace.forgers);
        let deadline = Instant::now() + PATIENCE;
        while self.desk.open() > 0 {
            ensure!(Instant::now() < deadline, "{} votes have no answer", self.desk.open());
            std::thread::sleep(Duration::from_micros(200));
        }
        let seconds = (self.desk.now() - began) as f64 * 1e-9;
        let cpu = cpu::between(&before, &cpu::by_thread());
        let came = self.desk.take();
        for (number, ack) in &came.samples {
            let vote = &votes[usize::try_from(*number)?];
            self.check_receipt(vote, ack).with_context(|| format!("the receipt of vote {number}"))?;
        }
        let ms = |quantile: f64| came.latency.value_at_quantile(quantile) as f64 * 1e-6;
        Ok(LoadReport {
            votes: votes.len() as u64,
            receipted: came.receipted,
            forged,
            refused: came.refused,
            troubles: came.troubles,
            seconds,
            votes_per_second: came.receipted as f64 / seconds,
            signatures_per_second: (came.receipted + came.refused) as f64 / seconds,
            latency: Latency { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), p999: ms(0.999), max: ms(1.0) },
            receipts_checked: came.samples.len() as u64,
            cpu,
        })
    }

    /// Asks the hub as its screens do.
    ///
    /// # Errors
    /// Its refusal.
    pub fn ask(&self, request: Request) -> Result<Reply, ApiError> {
        self.handle.call(request)
    }

    /// Stops the hub; what it acknowledged stays in its directory.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn close(self) -> Result<()> {
        let Self { handle, line, .. } = self;
        handle.call(Request::Stop).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        handle.wait_stopped();
        drop(line);
        Ok(())
    }

    fn greet(&self) -> Result<()> {
        self.peers
            .iter()
            .for_each(|peer| self.knock(PeerEvent::Message(*peer, Box::new(Msg::Hello(self.hello.clone())))));
        let deadline = Instant::now() + PATIENCE;
        let mut said = Instant::now() - Duration::from_secs(1);
        while self.desk.greeted() < self.peers.len() {
            ensure!(Instant::now() < deadline, "the hub greets only {} peers", self.desk.greeted());
            if let Line::Sockets { hub, nodes } = &self.line
                && said.elapsed() > Duration::from_millis(500)
            {
                // Before the handshake is over a message goes nowhere.
                nodes.iter().for_each(|node| node.send(*hub, Msg::Hello(self.hello.clone())));
                said = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Sleeps at least [`NAP`], so that waiting takes no computing time from the hub on the same cores. Votes leave in small crowds
    /// then, and each one's latency still counts from when it was due.
    fn wait_until(&self, due: u64) {
        let left = due.saturating_sub(self.desk.now());
        if left > 0 {
            std::thread::sleep(Duration::from_nanos(left).max(NAP));
        }
    }

    fn send(&self, from: PublicKey, node: Option<usize>, sent: Sent, vote: &Vote) {
        while !self.desk.expect(&from, sent, WINDOW) {
            std::thread::sleep(Duration::from_micros(100));
        }
        let entry = Msg::AppEntry(AppEntry { sequence: vote.sequence, entry: vote.bytes.clone() });
        match (&self.line, node) {
            (Line::Door(door), _) => door(PeerEvent::Message(from, Box::new(entry))),
            (Line::Sockets { hub, nodes }, Some(node)) => nodes[node].send(*hub, entry),
            (Line::Sockets { .. }, None) => {}
        }
    }

    /// Sends a forgery of this vote, unless no forger was greeted yet; a forger waits for nothing else. Newcomers leave when they have their answer.
    fn forge(&mut self, forgers: Forgers, vote: &Vote) -> bool {
        let (coming, speaker) = self.strangers.next(forgers, &self.desk);
        for stranger in coming {
            self.knock(PeerEvent::Message(stranger, Box::new(Msg::Hello(self.hello.clone()))));
        }
        if forgers == Forgers::Newcomers {
            self.desk.answered().into_iter().for_each(|stranger| self.knock(PeerEvent::Down(stranger)));
        }
        let Some(speaker) = speaker else { return false };
        let Vote { sequence, bytes, .. } = vote.forged();
        self.knock(PeerEvent::Message(speaker, Box::new(Msg::AppEntry(AppEntry { sequence, entry: bytes }))));
        true
    }

    /// By the door, if there is one.
    fn knock(&self, event: PeerEvent) {
        if let Line::Door(door) = &self.line {
            door(event);
        }
    }

    fn check_receipt(&self, vote: &Vote, ack: &AppAck) -> Result<()> {
        let signed = Signed::<Receipt>::from_bytes(&ack.receipt)?;
        signed.signature_check(&self.log_key, "receipt").verify(&Secp256k1::verification_only())?;
        let path: Vec<TreeHash> = ack.path.hashes().iter().map(|hash| TreeHash(*hash)).collect();
        Ok(signed.statement.verify_entry(&vote.bytes, ack.position, &path)?)
    }
}

fn connect(seed: &[u8; 32], id: PublicKey, hub: PublicKey, socket: SocketAddr, desk: &Arc<Desk>) -> Result<Peers> {
    let hears = Arc::clone(desk);
    let node = Peers::start(seed, None, move |event| {
        if let PeerEvent::Message(_, message) = event {
            hears.hear(id, *message);
        }
    })?;
    node.keep_connected(PeerAddress { node_id: hub, socket });
    Ok(node)
}

/// An address on the loopback that nobody listens on right now.
fn free_address() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?)
}
