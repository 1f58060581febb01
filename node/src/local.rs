//! Everything that a command can do, gathered: setting up, founding and joining, running a node, reaching a running one, judging.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

pub use crate::audit::{AuditReport, audit};
pub use crate::chain::Access;
pub use crate::judge::{Source, Verdict, VerifyReport, verify};
pub use crate::keys::PublicKeys;
pub use crate::lease::Purpose;
pub use crate::setup::{
    CharterDiff, CharterReport, Founded, FoundingReview, InitOptions, Initialised, Joined, charter_check, charter_diff,
    expect_source, found, found_review, init, join, public_keys,
};

use crate::api::{ApiError, Reply, Request, Service};
use crate::chain::Bitcoind;
use crate::config::Config;
use crate::control::{self, Answering, Remote};
use crate::dao::{DAO_FILE, Dao};
use crate::engine::EngineHandle;
use crate::peers::PeerAddress;
use crate::{hub, member, tower};

/// A node that runs in this process.
pub trait Node: Service {
    /// Waits until it has stopped.
    fn wait_stopped(&self);
}

struct Running {
    engine: Arc<EngineHandle>,
    answering: Answering,
}

impl Service for Running {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        self.engine.call(request)
    }
}

impl Node for Running {
    fn wait_stopped(&self) {
        self.engine.wait_stopped();
        self.answering.wait_done();
    }
}

/// Starts the hub of a data directory and its control socket. It listens where the founding file says, unless told otherwise.
///
/// # Errors
/// A directory in use or not set up, a wrong password, an address that cannot be listened on.
pub fn start_hub(dir: &Path, password: &str, purpose: Purpose, listen: Option<&str>) -> Result<Box<dyn Node>> {
    let address: PeerAddress = Dao::load(dir)?.hub.parse()?;
    let listen = match listen {
        Some(text) => text.parse().with_context(|| format!("N-12: {text:?} is not host:port with a numeric host"))?,
        None => address.socket,
    };
    running(dir, hub::start(dir, password, purpose, listen)?)
}

/// Starts the member's node of a data directory and its control socket.
///
/// # Errors
/// As [`start_hub`].
pub fn start_member(dir: &Path, password: &str, purpose: Purpose) -> Result<Box<dyn Node>> {
    running(dir, member::start(dir, password, purpose)?)
}

/// What clients may make a tower keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TowerLimits {
    /// Most clients.
    pub clients: u32,
    /// Most blobs of one client.
    pub blobs_per_client: u64,
    /// Most bytes of one client's blobs.
    pub bytes_per_client: u64,
    /// Blocks that a blob is kept for.
    pub keep_blocks: u32,
    /// Node ids of the only clients; everybody when empty.
    pub only: Vec<String>,
}

/// Starts the watchtower of a folder and its control socket.
///
/// # Errors
/// A folder in use or not set up, a wrong password, an address that cannot be listened on, a node id that is none.
pub fn start_tower(
    dir: &Path,
    password: &str,
    purpose: Purpose,
    listen: &str,
    limits: &TowerLimits,
) -> Result<Box<dyn Node>> {
    let listen = listen
        .parse()
        .map_err(|_| ApiError::invalid("N-12", format!("N-12: {listen:?} is not host:port with a numeric host")))?;
    let node_id = |text: &String| {
        let wrong = || ApiError::invalid("N-2", format!("N-2: {text:?} is not a compressed public key"));
        text.parse().map_err(|_| anyhow::Error::from(wrong()))
    };
    let limits = tower::Limits {
        clients: limits.clients,
        blobs_per_client: limits.blobs_per_client,
        bytes_per_client: limits.bytes_per_client,
        keep_blocks: limits.keep_blocks,
        only: limits.only.iter().map(node_id).collect::<Result<_>>()?,
        ..tower::Limits::default()
    };
    if dir.join(DAO_FILE).exists() {
        let why = format!(
            "N-152: {} is the folder of a DAO's node; a tower has a folder and keys of its own (`althing init`)",
            dir.display()
        );
        return Err(ApiError::invalid("N-152", why).into());
    }
    running(dir, tower::start(dir, password, purpose, listen, limits)?)
}

/// The towers that watch for a folder, after one was added (`true`) or removed.
///
/// # Errors
/// A folder that is not set up, or an address that is none.
pub fn towers(dir: &Path, change: Option<(&str, bool)>) -> Result<Vec<String>> {
    let Some((address, add)) = change else { return Ok(Config::load(dir)?.towers) };
    // Judged before anything else: a wrong address is wrong whether or not a node runs here.
    let tower = match add {
        true => {
            let judged = address.parse::<PeerAddress>();
            judged.map_err(|error| ApiError::of_message("N-2", format!("{error:#}")))?.to_string()
        }
        false => String::new(),
    };
    Config::change(dir, |config| {
        let is_known = |known: &String| known == address || known.split('@').next() == Some(address);
        if !add && !config.towers.iter().any(is_known) {
            let why = format!("N-123: no tower {address} watches for this folder");
            return Err(ApiError::invalid("N-123", why).into());
        }
        if add {
            let same = |known: &String| known.split('@').next() == tower.split('@').next();
            config.towers.retain(|known| !same(known));
            config.towers.push(tower);
        } else {
            config.towers.retain(|known| !is_known(known));
        }
        Ok(config.towers.clone())
    })
}

/// Names the file that a second copy of the member's backup is kept in.
///
/// # Errors
/// A folder that is not set up, or a file inside it.
pub fn backup_keep(dir: &Path, file: Option<&Path>) -> Result<()> {
    if let Some(file) = file {
        judge_backup_file(dir, file)?;
    }
    Config::change(dir, |config| {
        config.backup_file = file.map(Path::to_owned);
        Ok(())
    })
}

/// Whether the node of a folder keeps own entries and proofs only from its next start on, after a change if there is one (N-220).
///
/// # Errors
/// A folder that is not set up, or one of a hub.
pub fn light(dir: &Path, change: Option<bool>) -> Result<bool> {
    let Some(light) = change else { return Ok(Config::load(dir)?.light) };
    if light && dir.join(DAO_FILE).exists() && crate::setup::member_name(dir).is_err() {
        let why = format!("N-220: {} is a hub's folder; the hub is who keeps the log", dir.display());
        return Err(ApiError::invalid("N-220", why).into());
    }
    Config::change(dir, |config| {
        config.light = light;
        Ok(light)
    })
}

/// N-123: a file for the second copy that can be written, outside the folder. An existing one is left as it is.
fn judge_backup_file(dir: &Path, file: &Path) -> Result<()> {
    let wrong = |why: String| Err(ApiError::invalid("N-123", format!("N-123: {why}")).into());
    let folder = match file.parent().map(Path::canonicalize) {
        Some(Ok(folder)) if file.file_name().is_some() => folder,
        _ => return wrong(format!("{} is in no folder that exists", file.display())),
    };
    if Some(&folder) == dir.canonicalize().ok().as_ref() {
        return wrong("a copy of the backup in the folder itself is lost with it; name a file elsewhere".to_owned());
    }
    if file.is_dir() {
        return wrong(format!("{} is a folder; name a file", file.display()));
    }
    // As the node replaces it: a file beside it, which takes its place.
    match tempfile_beside(file) {
        Ok(()) => Ok(()),
        Err(error) => wrong(format!("{} cannot be written: {error}", file.display())),
    }
}

fn tempfile_beside(file: &Path) -> std::io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    std::fs::File::create(&part)?;
    std::fs::remove_file(&part)
}

/// The node that runs in a data directory, in whatever process.
///
/// # Errors
/// When the directory does not exist.
pub fn attach(dir: &Path) -> Result<Option<Box<dyn Service>>> {
    Ok(Remote::find(dir)?.map(|remote| Box::new(remote) as Box<dyn Service>))
}

/// A commented charter to start from: association, cooperative, grants or starter, with periods that suit the network: regtest,
/// signet, testnet4 or bitcoin.
///
/// # Errors
/// Another kind or network.
pub fn charter_template(kind: &str, network: &str) -> Result<String> {
    crate::setup::template(kind, network)
}

/// Writes all block headers of a bitcoind to a file, 80 bytes each from the first block on. Returns the tip's height.
///
/// # Errors
/// When bitcoind does not answer, or on I/O.
pub fn export_headers(access: &Access, path: &Path) -> Result<u32> {
    let bitcoind = Bitcoind::new(access);
    let bytes = bitcoind.header_file()?;
    let count = u32::try_from(bytes.len() / 80).context("headers")?;
    let tip = count.checked_sub(1).context("the source has no headers")?;
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    Ok(tip)
}

fn running(dir: &Path, handle: EngineHandle) -> Result<Box<dyn Node>> {
    let handle = Arc::new(handle);
    let answering = control::serve(dir, Arc::clone(&handle) as Arc<dyn Service>)?;
    Ok(Box::new(Running { engine: handle, answering }))
}
