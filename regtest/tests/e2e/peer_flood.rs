//! Hazard: a peer that floods, sends what is too long, or does not read makes honest peers wait. Round trips of honest peers through the
//! hub and its disk, over real sockets, in turns: alone, beside as many busy members as there are abusers, and beside abusers. Programs that
//! compute wait for one another on any machine, so the bound is on what an abuser costs others more than a busy member does, never on a time.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use althing_channels::wire::{BackupStore, Hello, LogFetch, OpenStake, PROTOCOL_VERSION};
use althing_channels::{
    Channel, ChannelKeys, ChannelParams, ChannelSeed, DaoId, Effect, HUB_CSV_BLOCKS, MEMBER_CSV_BLOCKS, Msg, NetworkId,
    OpeningId,
};
use althing_node::dao::Dao;
use althing_node::keys::Keys;
use althing_node::peer_budget::{PEER_MESSAGES, PEER_TURN};
use althing_node::peers::{PeerAddress, PeerEvent, Peers};
use althing_regtest::story::{Assembly, PASSWORD};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::secp256k1::PublicKey;

use crate::channel_ends::{PATIENCE, stakes_on_roll};
use crate::oversize::Oversize;
use crate::stage::alone_with_assembly;

/// The median round trip beside abusers is at most so many times the one beside busy members.
///
/// Not less, though the turns are taken one after another and medians compared: the abusers, the hub and the honest peers compute on the same two cores
/// here, and what three programs that do nothing but send cost the others there is no matter of the hub's. What the hub itself does for abusers before an
/// honest message is counted, without a clock and exactly, by `node::peer_flood`: a message waits for at most a fixed number of messages of each other peer.
const RATIO_MAX: u32 = 5;

/// Turns, and round trips of each honest peer in each: alone, beside busy members, and beside abusers.
const TURNS: usize = 5;
const ROUND_TRIPS: usize = 15;

/// Round trips of each honest peer after which nothing that an abuser left in the hub waits for the engine: each is a commit, and the hub
/// handles so many messages of each peer between two commits (N-98).
const SETTLED_AFTER: usize = PEER_MESSAGES / PEER_TURN;

/// Abusers at a time, and busy members.
const ABUSERS: u8 = 3;

/// Messages of one abuser that are under way at any time: nearly what the hub keeps of one peer, and not so much that it ends the connection.
const UNDER_WAY: usize = PEER_MESSAGES * 3 / 4;

/// More than a hub handles while they arrive.
const OVERFLOW: usize = 64 * PEER_MESSAGES;

#[test]
fn abuse_leaves_the_round_trips_of_others_as_they_are() {
    alone_with_assembly("peer-flood", |assembly| {
        stakes_on_roll(assembly)?;
        for member in &mut assembly.members {
            member.stop()?;
        }
        let hub = Hub::of(assembly)?;
        let mut honest = [Honest::new(assembly, &hub, 0)?, Honest::new(assembly, &hub, 1)?];
        type Kind<'a> = (&'a str, fn(&Hub, u8) -> Result<Company>);
        let kinds: [Kind<'_>; 3] =
            [("unfunded opens", unfunded_opens), ("oversize messages", oversize_messages), ("slow peers", slow_peers)];
        for (what, begin) in kinds {
            let [mut alone, mut beside_members, mut beside_abusers] = [Vec::new(), Vec::new(), Vec::new()];
            for turn in 0..TURNS {
                alone.extend(round_trips(&mut honest, ROUND_TRIPS)?);
                let members = busy_members(assembly, &hub)?;
                beside_members.extend(round_trips(&mut honest, ROUND_TRIPS)?);
                drop(members);
                let abusers = begin(&hub, u8::try_from(turn)?)?;
                beside_abusers.extend(round_trips(&mut honest, ROUND_TRIPS)?);
                ensure!(abusers.done() > 0, "{what}: the abuse did nothing");
                drop(abusers);
                round_trips(&mut honest, SETTLED_AFTER)?;
            }
            let [alone, beside_members, beside_abusers] = [alone, beside_members, beside_abusers].map(median);
            let told = format!(
                "{what}: median {alone:?} alone, {beside_members:?} beside members, {beside_abusers:?} beside abusers"
            );
            assembly.narrator.say(&told);
            ensure!(beside_abusers <= beside_members * RATIO_MAX, "{told}: above {RATIO_MAX} times");
        }
        who_does_not_wait_is_disconnected(&hub)?;
        round_trips(&mut honest, 1).map(drop)
    });
}

// N-98: what comes beyond its line ends a peer's connection.
fn who_does_not_wait_is_disconnected(hub: &Hub) -> Result<()> {
    let met = hub.meet(&[0x7f; 32], [7; 32], |_| {})?;
    for _ in 0..OVERFLOW {
        met.peers.send(hub.address.node_id, Msg::LogFetch(LogFetch { from_position: u64::MAX }));
    }
    loop {
        let heard =
            met.heard.recv_timeout(PATIENCE).context("a peer that does not wait for answers is still connected")?;
        if let Some(PeerEvent::Down(_)) = heard {
            return Ok(());
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn round_trips(honest: &mut [Honest], count: usize) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..count {
        for peer in honest.iter_mut() {
            times.push(peer.round_trip()?);
        }
    }
    Ok(times)
}

/// Whom everybody speaks to.
struct Hub {
    address: PeerAddress,
    dao: DaoId,
    network: NetworkId,
}

impl Hub {
    fn of(assembly: &Assembly) -> Result<Self> {
        let dao = Dao::load(assembly.hub.data_dir())?;
        let (address, params) = (dao.hub.parse()?, dao.params);
        Ok(Self { address, dao: DaoId(params.dao_id.0), network: NetworkId(params.network.0) })
    }

    fn hello(&self, vote_key: [u8; 32]) -> Msg {
        Msg::Hello(Hello { dao: self.dao, network: self.network, protocol: PROTOCOL_VERSION, vote_key: Some(vote_key) })
    }

    /// Connects and says hello; what comes is handed to `sink` first.
    fn meet(
        &self,
        node_seed: &[u8; 32],
        vote_key: [u8; 32],
        sink: impl Fn(&PeerEvent) + Send + Sync + 'static,
    ) -> Result<Met> {
        let (say, heard) = channel();
        let said = say.clone();
        let peers = Peers::start(node_seed, None, move |event| {
            sink(&event);
            let _ = said.send(Some(event));
        })?;
        peers.keep_connected(self.address.clone());
        match heard.recv_timeout(PATIENCE) {
            Ok(Some(PeerEvent::Up(_))) => {}
            other => bail!("the hub does not answer: {other:?}"),
        }
        peers.send(self.address.node_id, self.hello(vote_key));
        Ok(Met { peers, heard, say })
    }
}

/// A connection to the hub, and what came over it; nothing more comes behind `None`.
struct Met {
    peers: Peers,
    heard: Receiver<Option<PeerEvent>>,
    say: Sender<Option<PeerEvent>>,
}

/// A member who gives the hub one backup after another, each of which has to be on its disk before it answers.
struct Honest {
    met: Met,
    hub: PublicKey,
    counter: u64,
}

impl Honest {
    fn new(assembly: &Assembly, hub: &Hub, member: usize) -> Result<Self> {
        let keys = Keys::open(assembly.members[member].data_dir(), PASSWORD)?;
        let vote_key = keys.vote().x_only_public_key().0.serialize();
        let met = hub.meet(&keys.node_seed(), vote_key, |_| {})?;
        // Above every backup that the member has given before, also in a turn before.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self { met, hub: hub.address.node_id, counter: u64::try_from(since_1970.as_micros())? })
    }

    fn round_trip(&mut self) -> Result<Duration> {
        self.counter += 1;
        let sealed = [[1].as_slice(), &self.counter.to_be_bytes(), &[0x5a; 256]].concat();
        let begun = Instant::now();
        self.met.peers.send(self.hub, Msg::BackupStore(BackupStore { sealed, part: None }));
        loop {
            match self.met.heard.recv_timeout(PATIENCE).context("no answer to an honest peer")? {
                Some(PeerEvent::Message(_, message)) => match *message {
                    Msg::BackupStored(stored) if stored.counter == self.counter => return Ok(begun.elapsed()),
                    _ => {}
                },
                Some(PeerEvent::Down(_)) => bail!("an honest peer was disconnected"),
                Some(PeerEvent::Up(_)) | None => {}
            }
        }
    }
}

/// What others do until it is dropped.
struct Company {
    /// Answers that it got, or attempts that it made.
    count: Arc<AtomicUsize>,
    _ends: Vec<Box<dyn std::any::Any>>,
}

impl Company {
    fn done(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// The other members each give the hub one backup after another, and wait for each.
fn busy_members(assembly: &Assembly, hub: &Hub) -> Result<Company> {
    let count = Arc::new(AtomicUsize::new(0));
    let mut ends: Vec<Box<dyn std::any::Any>> = Vec::new();
    for member in 2..2 + usize::from(ABUSERS) {
        let mut peer = Honest::new(assembly, hub, member)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (ends_now, count) = (Arc::clone(&is_over), Arc::clone(&count));
        let say = peer.met.say.clone();
        let thread = std::thread::spawn(move || {
            while !ends_now.load(Ordering::Relaxed) && peer.round_trip().is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        ends.push(Box::new(Speaker { say, is_over, thread: Some(thread) }));
    }
    Ok(Company { count, _ends: ends })
}

/// Strangers open one channel after another and fund none.
fn unfunded_opens(hub: &Hub, turn: u8) -> Result<Company> {
    let count = Arc::new(AtomicUsize::new(0));
    let mut ends: Vec<Box<dyn std::any::Any>> = Vec::new();
    for abuser in 0..ABUSERS {
        let Met { peers, heard, say } = hub.meet(&[0x80 + 8 * turn + abuser; 32], [7; 32], |_| {})?;
        let (to, count) = (hub.address.node_id, Arc::clone(&count));
        let params = ChannelParams {
            network: hub.network,
            dao: hub.dao,
            member_sat: 50_000,
            hub_sat: 0,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let keys = ChannelKeys::new(ChannelSeed::new([9; 32]));
        let (_, effects) = Channel::member_open(keys, OpeningId([0; 32]), params)?;
        let proposal = effects.into_iter().find_map(|effect| match effect {
            Effect::Send(Msg::OpenStake(proposal)) => Some(proposal),
            _ => None,
        });
        let proposal = proposal.context("an opening begins with a proposal")?;
        let (first, is_first) = channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends_now = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut opened = 0u64;
            let mut open = |times: usize| {
                for _ in 0..times {
                    opened += 1;
                    let mut opening = [0; 32];
                    opening[..8].copy_from_slice(&opened.to_be_bytes());
                    peers.send(to, Msg::OpenStake(OpenStake { opening: OpeningId(opening), ..proposal.clone() }));
                }
            };
            open(UNDER_WAY);
            while let Ok(Some(event)) = heard.recv() {
                // What has come meanwhile is not answered any more.
                if ends_now.load(Ordering::Relaxed) {
                    break;
                }
                // An opening is accepted, or refused because there were too many.
                if let PeerEvent::Message(_, message) = event
                    && matches!(*message, Msg::AcceptStake(_) | Msg::PeerError(_))
                {
                    count.fetch_add(1, Ordering::Relaxed);
                    let _ = first.send(());
                    open(1);
                }
            }
        });
        is_first.recv_timeout(PATIENCE).context("no opening was accepted")?;
        ends.push(Box::new(Speaker { say, is_over, thread: Some(thread) }));
    }
    Ok(Company { count, _ends: ends })
}

/// A thread that speaks with the hub, to its end.
struct Speaker {
    say: Sender<Option<PeerEvent>>,
    is_over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.say.send(None);
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// Strangers send messages that are longer than any may be, for which they are disconnected, and come back.
fn oversize_messages(hub: &Hub, turn: u8) -> Result<Company> {
    let count = Arc::new(AtomicUsize::new(0));
    let mut ends: Vec<Box<dyn std::any::Any>> = Vec::new();
    for abuser in 0..ABUSERS {
        let seed = [0x40 + 8 * turn + abuser; 32];
        ends.push(Box::new(Oversize::begin(&seed, &hub.address, Arc::clone(&count), PATIENCE)?));
    }
    Ok(Company { count, _ends: ends })
}

/// Strangers ask for the log again and again and read nothing; others begin a handshake and never end it.
fn slow_peers(hub: &Hub, turn: u8) -> Result<Company> {
    let count = Arc::new(AtomicUsize::new(0));
    let mut ends: Vec<Box<dyn std::any::Any>> = Vec::new();
    for _ in 0..16 * ABUSERS {
        let mut stream = TcpStream::connect(hub.address.socket)?;
        // The first of the 50 bytes of act one.
        std::io::Write::write_all(&mut stream, &[0, 2, 3])?;
        ends.push(Box::new(stream));
    }
    for abuser in 0..ABUSERS {
        let gate = Gate::default();
        let (held, count) = (gate.clone(), Arc::clone(&count));
        let (first, is_first) = channel();
        let sink = move |event: &PeerEvent| {
            // LDK reads nothing more from a peer before this returns.
            if let PeerEvent::Message(..) = event {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = first.send(());
                held.wait();
            }
        };
        let met = hub.meet(&[0xc0 + 8 * turn + abuser; 32], [7; 32], sink)?;
        for _ in 0..UNDER_WAY {
            met.peers.send(hub.address.node_id, Msg::LogFetch(LogFetch { from_position: 0 }));
        }
        is_first.recv_timeout(PATIENCE).context("the hub says nothing to a slow peer")?;
        // In this order: the gate opens before the connection ends.
        ends.push(Box::new((Opener(gate), met)));
    }
    Ok(Company { count, _ends: ends })
}

/// Closed until it is opened for ever.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (open, changed) = &*self.0;
        let mut is_open = open.lock().unwrap();
        while !*is_open {
            is_open = changed.wait(is_open).unwrap();
        }
    }
}

/// Opens a gate when it goes.
struct Opener(Gate);

impl Drop for Opener {
    fn drop(&mut self) {
        *self.0.0.0.lock().unwrap() = true;
        self.0.0.1.notify_all();
    }
}
