//! A peer that sends messages longer than any may be (C-41). The project's own sender refuses to, so it has one of its own.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use althing_node::peers::PeerAddress;
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;
use lightning::io;
use lightning::ln::msgs::{DecodeError, Init, LightningError};
use lightning::ln::peer_handler::{
    CustomMessageHandler, ErroringMessageHandler, IgnoringMessageHandler, MessageHandler, PeerManager,
};
use lightning::ln::wire::{CustomMessageReader, Type};
use lightning::sign::KeysManager;
use lightning::types::features::{InitFeatures, NodeFeatures};
use lightning::util::logger::{Logger, Record};
use lightning::util::ser::{LengthLimitedRead, Writeable, Writer};
use lightning_net_tokio::SocketDescriptor;

/// Of a type that the hub knows, and near the most that BOLT 8 can carry.
const TYPE: u16 = 32845;
const BYTES: usize = 60_000;

/// Sends one after another, for each of which it is disconnected, until it is dropped.
pub(crate) struct Oversize(Option<tokio::runtime::Runtime>);

impl Oversize {
    /// Begins; returns once the hub has ended the first connection. `count` counts these.
    pub(crate) fn begin(
        seed: &[u8; 32],
        hub: &PeerAddress,
        count: Arc<AtomicUsize>,
        patience: Duration,
    ) -> Result<Self> {
        let speaker = Arc::new(Speaker(Mutex::new(Vec::new())));
        let manager: Arc<Manager> = Arc::new(PeerManager::new(
            MessageHandler {
                chan_handler: Arc::new(ErroringMessageHandler::new()),
                route_handler: Arc::new(IgnoringMessageHandler {}),
                onion_message_handler: Arc::new(IgnoringMessageHandler {}),
                custom_message_handler: speaker,
                send_only_message_handler: Arc::new(IgnoringMessageHandler {}),
            },
            0,
            seed,
            Arc::new(Silent),
            Arc::new(KeysManager::new(seed, 0, 0, true)),
        ));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (first, is_first) = std::sync::mpsc::channel();
        let (node_id, socket) = (hub.node_id, hub.socket);
        runtime.spawn(async move {
            loop {
                if let Some(closed) = lightning_net_tokio::connect_outbound(Arc::clone(&manager), node_id, socket).await
                {
                    closed.await;
                    count.fetch_add(1, Ordering::Relaxed);
                    let _ = first.send(());
                }
            }
        });
        is_first.recv_timeout(patience).context("a message that is too long does not end the connection")?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Oversize {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::from_millis(500));
        }
    }
}

type Manager = PeerManager<
    SocketDescriptor,
    Arc<ErroringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<IgnoringMessageHandler>,
    Arc<Silent>,
    Arc<Speaker>,
    Arc<KeysManager>,
    Arc<IgnoringMessageHandler>,
>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct TooLong;

impl Type for TooLong {
    fn type_id(&self) -> u16 {
        TYPE
    }
}

impl Writeable for TooLong {
    fn write<W: Writer>(&self, writer: &mut W) -> Result<(), io::Error> {
        writer.write_all(&[0x5a; BYTES])
    }
}

/// Whom the next message is for: everybody who has just been met.
struct Speaker(Mutex<Vec<PublicKey>>);

impl CustomMessageReader for Speaker {
    type CustomMessage = TooLong;

    fn read<R: LengthLimitedRead>(&self, _: u16, _: &mut R) -> Result<Option<TooLong>, DecodeError> {
        Ok(None)
    }
}

impl CustomMessageHandler for Speaker {
    fn handle_custom_message(&self, _: TooLong, _: PublicKey) -> Result<(), LightningError> {
        Ok(())
    }

    fn get_and_clear_pending_msg(&self) -> Vec<(PublicKey, TooLong)> {
        self.0.lock().unwrap().drain(..).map(|peer| (peer, TooLong)).collect()
    }

    fn peer_disconnected(&self, _: PublicKey) {}

    fn peer_connected(&self, peer: PublicKey, _: &Init, _: bool) -> Result<(), ()> {
        self.0.lock().unwrap().push(peer);
        Ok(())
    }

    fn provided_node_features(&self) -> NodeFeatures {
        NodeFeatures::empty()
    }

    fn provided_init_features(&self, _: PublicKey) -> InitFeatures {
        InitFeatures::empty()
    }
}

struct Silent;

impl Logger for Silent {
    fn log(&self, _: Record) {}
}
