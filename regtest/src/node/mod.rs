//! One bitcoind on regtest: starting, stopping, reaching it.

mod chain;
mod config;
mod funds;
mod inspect;
mod network;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi, jsonrpc};
use tempfile::TempDir;

pub use config::NodeConfig;
pub use inspect::{Inclusion, Tip};

use crate::Bitcoind;
use crate::error::Error;
use crate::miner::MinerKey;
use crate::process::{self, Process};
use crate::wait::{Look, wait_for};
use config::Ports;

/// A bitcoind of our own on regtest, reachable from this machine only.
///
/// Dropping it ends the process, also while a panic unwinds; if the whole test process is killed, the process ends
/// too. With a temporary data folder the chain is removed as well.
///
/// ```no_run
/// use althing_regtest::Node;
///
/// let node = Node::start()?;
/// node.mine(101)?;
/// assert_eq!(node.tip()?.height, 101);
/// # Ok::<(), althing_regtest::Error>(())
/// ```
#[derive(Debug)]
pub struct Node {
    bitcoind: Bitcoind,
    config: NodeConfig,
    ports: Ports,
    // Declared before the folder: fields drop in order, and the process must be gone before its files are.
    running: Option<Running>,
    data_dir: DataDir,
    miner: MinerKey,
    /// Held while the miner's coins are chosen and spent, so that two threads do not take the same.
    spending: Mutex<()>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    client: Client,
}

#[derive(Debug)]
enum DataDir {
    Temporary(TempDir),
    Kept(PathBuf),
}

const START_ATTEMPTS: u32 = 5;
const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Mining a hundred blocks takes a second, but machines that run many tests at once are slow.
const RPC_TIMEOUT: Duration = Duration::from_secs(120);

impl Node {
    /// Finds or builds bitcoind and starts it on an empty chain in a temporary folder.
    ///
    /// # Errors
    /// [`Error::Provision`], [`Error::Start`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(NodeConfig::default())
    }

    /// Starts a node as configured; a data folder with a chain in it is continued.
    ///
    /// # Errors
    /// [`Error::Provision`], [`Error::Start`] (with the end of the log), [`Error::Io`].
    pub fn start_with(config: NodeConfig) -> Result<Self, Error> {
        let bitcoind = match &config.bitcoind {
            Some(bitcoind) => bitcoind.clone(),
            None => Bitcoind::locate_or_build()?,
        };
        let data_dir = match &config.data_dir {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(Error::io(folder))?;
                DataDir::Kept(folder.canonicalize().map_err(Error::io(folder))?)
            }
            None => {
                let folder = tempfile::Builder::new().prefix("althing-regtest-").tempdir();
                DataDir::Temporary(folder.map_err(Error::io(&std::env::temp_dir()))?)
            }
        };
        let miner = MinerKey::of_folder(data_dir.path(), config.miner_seed)?;
        let mut node =
            Self { bitcoind, config, ports: Ports::free()?, running: None, data_dir, miner, spending: Mutex::new(()) };
        node.launch()?;
        Ok(node)
    }

    /// Stops bitcoind in good order; the chain stays. Does nothing if it is stopped.
    ///
    /// # Errors
    /// [`Error::Rpc`] if it does not take the order, [`Error::Timeout`] if it had to be killed after a minute.
    pub fn stop(&mut self) -> Result<(), Error> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        running.client.stop().map_err(Error::rpc("stop"))?;
        if running.process.wait_or_kill(STOP_WITHIN) {
            return Ok(());
        }
        Err(Error::Timeout(crate::error::WaitTimeout {
            what: "bitcoind to stop".to_owned(),
            waited: STOP_WITHIN,
            last_seen: self.log_tail(),
        }))
    }

    /// Kills bitcoind as a power cut would. Does nothing if it is stopped.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Stops it if it runs, and starts it again on the same chain and ports (other ports, should these be taken).
    ///
    /// The RPC cookie changes: clients made from [`Node::cookie_file`] before are refused from now on.
    ///
    /// # Errors
    /// As [`Node::stop`] and [`Node::start_with`].
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    /// Whether the process is alive.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.process.ended().is_none())
    }

    /// The process id of bitcoind.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn process_id(&self) -> Result<u32, Error> {
        self.running.as_ref().map(|running| running.process.id()).ok_or(Error::Stopped)
    }

    /// The program this node runs.
    #[must_use]
    pub fn bitcoind(&self) -> &Bitcoind {
        &self.bitcoind
    }

    /// A client for calls that have no method here; it stays valid until the node is stopped.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn rpc(&self) -> Result<&Client, Error> {
        self.running.as_ref().map(|running| &running.client).ok_or(Error::Stopped)
    }

    /// Where RPC is served, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rpc)
    }

    /// The file with the user and password of this run.
    #[must_use]
    pub fn cookie_file(&self) -> PathBuf {
        self.chain_dir().join(".cookie")
    }

    /// Where peers connect, such as `127.0.0.1:40124`.
    #[must_use]
    pub fn p2p_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.p2p)
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// The end of bitcoind's log, for failure messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        process::log_tail(&self.chain_dir().join("debug.log"))
    }

    /// Any RPC by name, with the answer as JSON.
    ///
    /// # Errors
    /// [`Error::Rpc`], [`Error::Stopped`].
    pub fn call(&self, method: &'static str, arguments: &[serde_json::Value]) -> Result<serde_json::Value, Error> {
        self.rpc()?.call(method, arguments).map_err(Error::rpc(method))
    }

    fn chain_dir(&self) -> PathBuf {
        self.data_dir().join("regtest")
    }

    fn launch(&mut self) -> Result<(), Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.launch_once()? {
                Ok(running) => {
                    self.running = Some(running);
                    return Ok(());
                }
                Err(reason) if attempts >= START_ATTEMPTS => {
                    return Err(Error::Start { program: "bitcoind", attempts, reason, log: self.log_tail() });
                }
                // Most likely a port was taken between finding it free and binding it.
                Err(_) => self.ports = Ports::free()?,
            }
        }
    }

    /// The inner error is one that other ports may cure.
    fn launch_once(&self) -> Result<Result<Running, String>, Error> {
        let cookie = self.cookie_file();
        match fs::remove_file(&cookie) {
            // A cookie left by a killed bitcoind must not be taken for that of the new one.
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(&cookie)(error)),
        }
        let output = self.data_dir().join("bitcoind.out");
        let arguments = config::arguments(&self.config, self.data_dir(), self.ports);
        let mut process =
            Process::spawn(self.bitcoind.path(), &arguments, &[], File::create(&output).map_err(Error::io(&output))?)?;
        let url = self.rpc_url();
        let answer = wait_for("bitcoind to answer", START_WITHIN, || {
            if let Some(status) = process.ended() {
                return Look::Ready(Err(format!("{status}: {}", process::log_tail(&output))));
            }
            match client(&url, &cookie).and_then(|c| c.get_block_count().map(|_| c)) {
                Ok(client) => Look::Ready(Ok(client)),
                Err(error) => Look::NotYet(error.to_string()),
            }
        })?;
        Ok(answer.map(|client| Running { process, client }))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A chain that is kept should be left in good order; one that is thrown away can just be killed.
        if matches!(self.data_dir, DataDir::Kept(_)) && !std::thread::panicking() {
            let _ = self.stop();
        }
    }
}

impl DataDir {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// One connection per call: a kept one would be closed by bitcoind while a test is busy elsewhere.
fn client(url: &str, cookie: &Path) -> Result<Client, bdk_bitcoind_rpc::bitcoincore_rpc::Error> {
    let (user, password) = Auth::CookieFile(cookie.to_owned()).get_user_pass()?;
    let transport = jsonrpc::minreq_http::Builder::new()
        .timeout(RPC_TIMEOUT)
        .url(url)
        .map_err(|error| jsonrpc::Error::Transport(Box::new(error)))?
        .basic_auth(user.unwrap_or_default(), password)
        .build();
    Ok(Client::from_jsonrpc(jsonrpc::Client::with_transport(transport)))
}
