//! Everything that a command can do, gathered: setting up, founding and joining, running a node, reaching a running one, judging.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

pub use crate::audit::{AuditReport, audit};
pub use crate::chain::Access;
pub use crate::judge::{Source, Verdict, VerifyReport, verify};
pub use crate::keys::PublicKeys;
pub use crate::setup::{
    CharterDiff, CharterReport, Founded, FoundingReview, InitOptions, Initialised, Joined, charter_check, charter_diff,
    found, found_review, init, join, public_keys,
};

use crate::api::{ApiError, Reply, Request, Service};
use crate::chain::Bitcoind;
use crate::control::{self, Remote};
use crate::dao::Dao;
use crate::engine::EngineHandle;
use crate::peers::PeerAddress;
use crate::{hub, member};

/// A node that runs in this process.
pub trait Node: Service {
    /// Waits until it has stopped.
    fn wait_stopped(&self);
}

struct Running(Arc<EngineHandle>);

impl Service for Running {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        self.0.call(request)
    }
}

impl Node for Running {
    fn wait_stopped(&self) {
        self.0.wait_stopped();
    }
}

/// Starts the hub of a data directory and its control socket. It listens where the founding file says, unless told otherwise.
///
/// # Errors
/// A directory in use or not set up, a wrong password, an address that cannot be listened on.
pub fn start_hub(dir: &Path, password: &str, listen: Option<&str>) -> Result<Box<dyn Node>> {
    let address: PeerAddress = Dao::load(dir)?.hub.parse()?;
    let listen = match listen {
        Some(text) => text.parse().with_context(|| format!("N-12: {text:?} is not host:port with a numeric host"))?,
        None => address.socket,
    };
    running(dir, hub::start(dir, password, listen)?)
}

/// Starts the member's node of a data directory and its control socket.
///
/// # Errors
/// As [`start_hub`].
pub fn start_member(dir: &Path, password: &str) -> Result<Box<dyn Node>> {
    running(dir, member::start(dir, password)?)
}

/// The node that runs in a data directory, in whatever process.
///
/// # Errors
/// When the directory does not exist.
pub fn attach(dir: &Path) -> Result<Option<Box<dyn Service>>> {
    Ok(Remote::find(dir)?.map(|remote| Box::new(remote) as Box<dyn Service>))
}

/// A commented charter to start from: association, cooperative, grants or starter.
///
/// # Errors
/// Another kind.
pub fn charter_template(kind: &str) -> Result<String> {
    crate::setup::template(kind)
}

/// Writes all block headers of a bitcoind to a file, 80 bytes each from the first block on. Returns the tip's height.
///
/// # Errors
/// When bitcoind does not answer, or on I/O.
pub fn export_headers(access: &Access, path: &Path) -> Result<u32> {
    let bitcoind = Bitcoind::new(access);
    let tip = bitcoind.height()?;
    let mut bytes = Vec::new();
    for height in 0..=tip {
        let hash = bitcoind.block_hash(height)?.with_context(|| format!("the chain became shorter than {height}"))?;
        let header = bitcoind.header(&hash)?;
        bytes.extend(bitcoin::consensus::encode::serialize(&header));
    }
    ensure!(bytes.len() as u64 == (u64::from(tip) + 1) * 80, "a header is not 80 bytes");
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    Ok(tip)
}

fn running(dir: &Path, handle: EngineHandle) -> Result<Box<dyn Node>> {
    let handle = Arc::new(handle);
    control::serve(dir, Arc::clone(&handle) as Arc<dyn Service>)?;
    Ok(Box::new(Running(handle)))
}
