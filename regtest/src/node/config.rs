//! How a node is started.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use crate::Bitcoind;
use crate::error::Error;

/// Choices for [`Node::start_with`](crate::Node::start_with); the default suits most tests.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NodeConfig {
    /// The program; `None` finds or builds one.
    pub bitcoind: Option<Bitcoind>,
    /// Folder for the chain, made if absent and kept afterwards; `None` takes a temporary one, removed at the end.
    pub data_dir: Option<PathBuf>,
    /// Seed of the miner's key. `None` draws one per data folder: two nodes must not mine for the same key, or blocks
    /// they mine apart within the same second would be the same block.
    pub miner_seed: Option<u64>,
    /// Build BIP157 block filters and serve them to peers.
    pub block_filters: bool,
    /// Further arguments of bitcoind, such as `-datacarriersize=83`; they come last and so win.
    pub extra_args: Vec<OsString>,
}

impl NodeConfig {
    /// Keeps the chain in `folder`, which outlives the node; a second node started there continues it.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Uses this program.
    #[must_use]
    pub fn bitcoind(mut self, bitcoind: Bitcoind) -> Self {
        self.bitcoind = Some(bitcoind);
        self
    }

    /// Fixes the miner's key, so that addresses and coins repeat from run to run.
    #[must_use]
    pub fn miner_seed(mut self, seed: u64) -> Self {
        self.miner_seed = Some(seed);
        self
    }

    /// Adds one argument of bitcoind.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.extra_args.push(argument.into());
        self
    }

    /// Builds and serves BIP157 block filters.
    #[must_use]
    pub fn block_filters(mut self) -> Self {
        self.block_filters = true;
        self
    }
}

/// The two ports of a node, on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) rpc: u16,
    pub(super) p2p: u16,
}

impl Ports {
    /// Two ports free at this moment. Somebody may take one before bitcoind does; starting then fails and is repeated.
    pub(super) fn free() -> Result<Self, Error> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let pair = || {
            // Both are held until both are known, or the system could give the same one twice.
            let (rpc, p2p) = (listen()?, listen()?);
            Ok(Self { rpc: port(&rpc)?, p2p: port(&p2p)? })
        };
        pair().map_err(Error::io(Path::new("127.0.0.1:0")))
    }
}

/// The command line of bitcoind.
pub(super) fn arguments(config: &NodeConfig, data_dir: &Path, ports: Ports) -> Vec<OsString> {
    let mut folder = OsString::from("-datadir=");
    folder.push(data_dir);
    let mut arguments = vec![folder];
    arguments.extend(
        [
            "-regtest",
            "-server=1",
            "-txindex=1",
            "-printtoconsole=0",
            "-rpcworkqueue=256",
            "-dbcache=16",
            // Nothing leaves or enters the machine: loopback only, no discovery, no connection we did not ask for.
            "-listen=1",
            "-listenonion=0",
            "-i2pacceptincoming=0",
            "-discover=0",
            "-natpmp=0",
            "-dnsseed=0",
            "-fixedseeds=0",
            "-connect=0",
            "-rpcbind=127.0.0.1",
            "-rpcallowip=127.0.0.1",
            // Peers are our own: announce transactions at once, and never ban for a branch we declared invalid.
            "-whitelist=noban,in,out@127.0.0.1",
        ]
        .map(OsString::from),
    );
    arguments.push(format!("-bind=127.0.0.1:{}", ports.p2p).into());
    arguments.push(format!("-rpcport={}", ports.rpc).into());
    if config.block_filters {
        arguments.extend(["-blockfilterindex=1", "-peerblockfilters=1"].map(OsString::from));
    }
    arguments.extend(config.extra_args.iter().cloned());
    arguments
}
