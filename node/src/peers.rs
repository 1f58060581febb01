//! Encrypted peers: BOLT 8 by LDK's peer manager, carrying our own messages only.
//!
//! The engine's thread never touches a socket: news arrives as [`PeerEvent`]s through the callback given at the start,
//! and [`Peers::send`] only queues.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use althing_channels::wire::Msg;
use anyhow::{Context, Result};
use bitcoin::secp256k1::{Keypair, PublicKey, Secp256k1};
use lightning::ln::msgs::{DecodeError, ErrorAction, Init, LightningError};
use lightning::ln::peer_handler::{
    CustomMessageHandler, ErroringMessageHandler, IgnoringMessageHandler, MessageHandler, PeerManager,
};
use lightning::ln::wire::CustomMessageReader;
use lightning::sign::{KeysManager, NodeSigner, Recipient};
use lightning::types::features::{InitFeatures, NodeFeatures};
use lightning::util::logger::{Level, Logger, Record};
use lightning::util::ser::LengthLimitedRead;
use lightning_net_tokio::SocketDescriptor;
use rustix::process::{Resource, Rlimit};

/// News from the peers.
#[derive(Debug)]
pub enum PeerEvent {
    /// A peer finished the handshake.
    Up(PublicKey),
    /// A peer is gone.
    Down(PublicKey),
    /// A peer said something.
    Message(PublicKey, Box<Msg>),
}

/// Whether the connection on which a message came stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Keep,
    /// It ends; what the peer says on its next one is heard again.
    Disconnect,
}

impl From<()> for Verdict {
    fn from((): ()) -> Self {
        Self::Keep
    }
}

/// A peer as the key of a map that is looked into for every entry: in the order of its bytes in memory, which takes a tenth of
/// the time of the order of curve points (that one writes both out first). The order means nothing outside the process.
#[derive(Debug, Clone, Copy)]
pub struct PeerId(pub PublicKey);

impl Ord for PeerId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp_fast_unstable(&other.0)
    }
}

impl PartialOrd for PeerId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PeerId {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PeerId {}

/// Files that are kept for what this program opens itself: its database, the Bitcoin source, commands.
const OWN_FILES: usize = 256;

/// The running peer connections of this node. Dropping it ends them.
pub struct Peers {
    /// Peers in this process, who get their messages at once.
    neighbours: Option<Neighbours>,
    manager: Arc<Manager>,
    mailbox: Arc<Mailbox>,
    runtime: Option<tokio::runtime::Runtime>,
    wake: Arc<tokio::sync::Notify>,
    /// Peers that are connected to no more.
    left: Arc<Mutex<BTreeSet<PublicKey>>>,
    /// How calling a peer went last, where it did not come to a greeting.
    calls: Arc<Mutex<BTreeMap<PublicKey, Failed>>>,
}

/// A call of a peer that came to nothing.
#[derive(Debug, Clone, Copy)]
enum Failed {
    /// Nobody listened at its address.
    Absent,
    /// It took the connection and ended it before it greeted, each time since then.
    TurnedAway(Instant),
}

/// Takes a message for a peer in the same process; gives it back when the peer is not one.
pub type Neighbours = Box<dyn Fn(PublicKey, Msg) -> Option<Msg> + Send>;

/// Address of a hub: `node_id@host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// BOLT 8 node id.
    pub node_id: PublicKey,
    /// Where it listens.
    pub socket: SocketAddr,
}

impl std::str::FromStr for PeerAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (node_id, socket) =
            text.split_once('@').with_context(|| format!("N-2: {text:?} is not of the form node_id@host:port"))?;
        Ok(Self {
            node_id: node_id.parse().with_context(|| format!("N-2: {node_id:?} is not a compressed public key"))?,
            socket: socket.parse().with_context(|| format!("N-2: {socket:?} is not host:port with a numeric host"))?,
        })
    }
}

impl std::fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.node_id, self.socket)
    }
}

/// The BOLT 8 node id that belongs to a node seed.
pub fn node_id(node_seed: &[u8; 32]) -> PublicKey {
    // The times only feed ephemeral keys, which are not used here.
    let keys = KeysManager::new(node_seed, 0, 0, true);
    keys.get_node_id(Recipient::Node).expect("a keys manager knows its own node id")
}

/// The BOLT 8 key itself.
pub(crate) fn node_keypair(node_seed: &[u8; 32]) -> Keypair {
    let keys = KeysManager::new(node_seed, 0, 0, true);
    Keypair::from_secret_key(&Secp256k1::new(), &keys.get_node_secret_key())
}

impl Peers {
    /// Starts listening (if an address is given) and handling peers; `sink` gets the news, must not block, and says of a message whether
    /// its connection stands.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no entropy.
    pub fn start<V: Into<Verdict>>(
        node_seed: &[u8; 32],
        listen: Option<SocketAddr>,
        sink: impl Fn(PeerEvent) -> V + Send + Sync + 'static,
    ) -> Result<Self> {
        let sink = move |event| sink(event).into();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let signer = Arc::new(KeysManager::new(node_seed, now.as_secs(), now.subsec_nanos(), true));
        let mailbox = Arc::new(Mailbox { outgoing: Mutex::default(), greeted: Mutex::default(), sink: Box::new(sink) });
        let manager = Arc::new(PeerManager::new(
            MessageHandler {
                chan_handler: Arc::new(ErroringMessageHandler::new()),
                route_handler: Arc::new(IgnoringMessageHandler {}),
                onion_message_handler: Arc::new(IgnoringMessageHandler {}),
                custom_message_handler: Arc::clone(&mailbox),
                send_only_message_handler: Arc::new(IgnoringMessageHandler {}),
            },
            u32::try_from(now.as_secs()).unwrap_or(u32::MAX),
            &crate::keys::entropy::<32>()?,
            Arc::new(TracingLogger),
            signer,
        ));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("peers")
            .enable_all()
            .build()
            .context("starting the network runtime")?;
        let wake = Arc::new(tokio::sync::Notify::new());
        let peers = Self {
            neighbours: None,
            manager,
            mailbox,
            runtime: Some(runtime),
            wake,
            left: Arc::default(),
            calls: Arc::default(),
        };
        peers.spawn_pump();
        if let Some(address) = listen {
            peers.spawn_listener(address)?;
        }
        Ok(peers)
    }

    /// Queues a message for a peer. It is dropped when the peer is gone: the lanes re-send after a reconnect.
    pub fn send(&self, to: PublicKey, message: Msg) {
        let message = match &self.neighbours {
            Some(neighbours) => match neighbours(to, message) {
                Some(message) => message,
                None => return,
            },
            None => message,
        };
        // An oversize message cannot be refused later: LDK would end the connection.
        let message = match message.checked() {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%to, %error, "a message of this node's own is too large");
                return;
            }
        };
        self.mailbox.outgoing.lock().expect("no holder panics").push_back((to, message));
        self.wake.notify_one();
    }

    /// From now on messages for peers in this process go to them directly. What they say comes in by the door of the role.
    pub fn meet(&mut self, neighbours: Neighbours) {
        self.neighbours = Some(neighbours);
    }

    /// Keeps a connection to the address until it is left: reconnects after a loss, waiting 0.2 s at first and 10 s at most.
    pub fn keep_connected(&self, address: PeerAddress) {
        let (manager, mailbox) = (Arc::clone(&self.manager), Arc::clone(&self.mailbox));
        let (left, calls) = (Arc::clone(&self.left), Arc::clone(&self.calls));
        self.runtime().spawn(async move {
            let mut pause = Duration::from_millis(200);
            while !left.lock().expect("no holder panics").contains(&address.node_id) {
                let failed = match connect(address.socket).await {
                    Ok(stream) => {
                        mailbox.greeted().remove(&address.node_id);
                        listens(&mut calls.lock().expect("no holder panics"), &address.node_id);
                        lightning_net_tokio::setup_outbound(Arc::clone(&manager), address.node_id, stream).await;
                        match mailbox.greeted().contains(&address.node_id) {
                            true => {
                                pause = Duration::from_millis(200);
                                None
                            }
                            false => Some(Failed::TurnedAway(Instant::now())),
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%address, %error, "no connection");
                        (error.kind() == std::io::ErrorKind::ConnectionRefused).then_some(Failed::Absent)
                    }
                };
                note_call(&mut calls.lock().expect("no holder panics"), address.node_id, failed);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        });
    }

    /// Whether nobody listened at this peer's address when it was last called.
    pub fn is_absent(&self, peer: &PublicKey) -> bool {
        matches!(self.calls.lock().expect("no holder panics").get(peer), Some(Failed::Absent))
    }

    /// For how long this peer has taken every connection and ended it before it greeted; LDK does so while another program with this
    /// node's key is connected to it.
    pub fn turned_away_for(&self, peer: &PublicKey) -> Option<Duration> {
        match self.calls.lock().expect("no holder panics").get(peer) {
            Some(Failed::TurnedAway(since)) => Some(since.elapsed()),
            _ => None,
        }
    }

    /// Ends the connection to a peer, and makes no new one: another program with these keys may have it.
    pub fn leave(&self, peer: PublicKey) {
        self.left.lock().expect("no holder panics").insert(peer);
        self.disconnect(peer);
    }

    /// Ends the connection to a peer that broke the protocol.
    pub fn disconnect(&self, peer: PublicKey) {
        self.manager.disconnect_by_node_id(peer);
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.as_ref().expect("the runtime lives until drop")
    }

    /// LDK polls for outgoing messages; without this call a queued message would wait for the next incoming one.
    fn spawn_pump(&self) {
        let (manager, wake) = (Arc::clone(&self.manager), Arc::clone(&self.wake));
        self.runtime().spawn(async move {
            loop {
                wake.notified().await;
                manager.process_events();
            }
        });
        let manager = Arc::clone(&self.manager);
        self.runtime().spawn(async move {
            loop {
                // BOLT 1 ping; finds dead connections.
                tokio::time::sleep(Duration::from_secs(10)).await;
                manager.timer_tick_occurred();
            }
        });
    }

    fn spawn_listener(&self, address: SocketAddr) -> Result<()> {
        let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
        listener.set_nonblocking(true)?;
        let manager = Arc::clone(&self.manager);
        let _entered = self.runtime().enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let room = Arc::new(tokio::sync::Semaphore::new(most_connections()));
        self.runtime().spawn(async move {
            // Never closed. Who has not shaken hands within two ticks of the manager's timer makes room again.
            while let Ok(place) = Arc::clone(&room).acquire_owned().await {
                match listener.accept().await.and_then(|(stream, _)| prompt(stream)) {
                    Ok(stream) => {
                        let manager = Arc::clone(&manager);
                        tokio::spawn(async move {
                            lightning_net_tokio::setup_inbound(manager, stream).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        // Out of file descriptors, say: accepting again at once would spin.
                        tracing::warn!(%error, "accepting a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(())
    }
}

/// Somebody listens at a peer's address.
fn listens(calls: &mut BTreeMap<PublicKey, Failed>, peer: &PublicKey) {
    if matches!(calls.get(peer), Some(Failed::Absent)) {
        calls.remove(peer);
    }
}

fn note_call(calls: &mut BTreeMap<PublicKey, Failed>, peer: PublicKey, failed: Option<Failed>) {
    match (failed, calls.get(&peer)) {
        (None, _) => drop(calls.remove(&peer)),
        // It counts from the first of them.
        (Some(Failed::TurnedAway(_)), Some(Failed::TurnedAway(_))) => {}
        (Some(failed), _) => drop(calls.insert(peer, failed)),
    }
}

/// Connections that are taken from outside: as many files as the system lets this program open, but those of its own (N-230).
fn most_connections() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            limit.current
        }
    };
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(tokio::sync::Semaphore::MAX_PERMITS);
    files.saturating_sub(OWN_FILES).clamp(OWN_FILES, tokio::sync::Semaphore::MAX_PERMITS)
}

/// A connection, within ten seconds.
async fn connect(address: SocketAddr) -> std::io::Result<std::net::TcpStream> {
    let connecting = tokio::net::TcpStream::connect(address);
    let stream = tokio::time::timeout(Duration::from_secs(10), connecting).await.map_err(std::io::Error::from)??;
    prompt(stream)
}

/// The same connection, which sends at once what is small: a receipt behind another message would wait until the peer has
/// acknowledged that one, which it does with its next vote or after tens of milliseconds (RFC 896, RFC 1122 section 4.2.3.2).
fn prompt(stream: tokio::net::TcpStream) -> std::io::Result<std::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.into_std()
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.manager.process_events();
        self.manager.disconnect_all_peers();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(500));
        }
    }
}

type Manager = PeerManager<
    SocketDescriptor,
    Arc<ErroringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<TracingLogger>,
    Arc<Mailbox>,
    Arc<KeysManager>,
    Arc<IgnoringMessageHandler>,
>;

/// Where LDK and the engine exchange messages.
struct Mailbox {
    outgoing: Mutex<VecDeque<(PublicKey, Msg)>>,
    /// Peers that greeted since they were last called.
    greeted: Mutex<BTreeSet<PublicKey>>,
    sink: Box<dyn Fn(PeerEvent) -> Verdict + Send + Sync>,
}

impl Mailbox {
    fn greeted(&self) -> std::sync::MutexGuard<'_, BTreeSet<PublicKey>> {
        self.greeted.lock().expect("no holder panics")
    }
}

impl CustomMessageReader for Mailbox {
    type CustomMessage = Msg;

    fn read<R: LengthLimitedRead>(&self, message_type: u16, buffer: &mut R) -> Result<Option<Msg>, DecodeError> {
        Msg::read(message_type, buffer)
    }
}

impl CustomMessageHandler for Mailbox {
    fn handle_custom_message(&self, message: Msg, from: PublicKey) -> Result<(), LightningError> {
        match (self.sink)(PeerEvent::Message(from, Box::new(message))) {
            Verdict::Keep => Ok(()),
            Verdict::Disconnect => Err(LightningError {
                err: "N-98: it sends faster than it is answered".to_owned(),
                action: ErrorAction::DisconnectPeer { msg: None },
            }),
        }
    }

    fn get_and_clear_pending_msg(&self) -> Vec<(PublicKey, Msg)> {
        self.outgoing.lock().expect("no holder panics").drain(..).collect()
    }

    fn peer_disconnected(&self, peer: PublicKey) {
        (self.sink)(PeerEvent::Down(peer));
    }

    fn peer_connected(&self, peer: PublicKey, _: &Init, _inbound: bool) -> Result<(), ()> {
        self.greeted().insert(peer);
        (self.sink)(PeerEvent::Up(peer));
        Ok(())
    }

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        InitFeatures::empty()
    }
}

struct TracingLogger;

impl Logger for TracingLogger {
    fn log(&self, record: Record) {
        match record.level {
            Level::Error => tracing::error!(target: "ldk", "{}", record.args),
            Level::Warn => tracing::warn!(target: "ldk", "{}", record.args),
            Level::Info => tracing::debug!(target: "ldk", "{}", record.args),
            _ => tracing::trace!(target: "ldk", "{}", record.args),
        }
    }
}
