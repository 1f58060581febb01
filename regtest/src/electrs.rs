//! A real electrs over a [`Node`]: an Electrum server that this project did not write.
//!
//! It is used only where somebody has one: it links against RocksDB, which takes longer to build than everything else here together.

use std::ffi::OsString;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::Error;
use crate::node::Node;
use crate::process::{self, Process};
use crate::wait::{Look, wait_for};

const START_WITHIN: Duration = Duration::from_secs(60);

/// An electrs of our own, reachable from this machine only. Dropping it ends the process and removes its index.
#[derive(Debug)]
pub struct Electrs {
    // Before the folder: the process must be gone before its files are.
    process: Process,
    folder: TempDir,
    address: String,
}

impl Electrs {
    /// The electrs that the environment variable `ELECTRS_EXE` names.
    #[must_use]
    pub fn chosen() -> Option<PathBuf> {
        std::env::var_os("ELECTRS_EXE").filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// Starts `program` over a node and waits until it answers, which it does when it has all blocks.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Timeout`] with the end of its log.
    pub fn start(program: &Path, node: &Node) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("althing-electrs-").tempdir();
        let folder = folder.map_err(Error::io(&std::env::temp_dir()))?;
        let (serve, monitor) = free_ports().map_err(Error::io(folder.path()))?;
        let address = format!("127.0.0.1:{serve}");
        let log_file = folder.path().join("electrs.log");
        let log = File::create(&log_file).map_err(Error::io(&log_file))?;
        let text = |path: PathBuf| path.into_os_string();
        let arguments: Vec<OsString> = [
            ("--network", "regtest".into()),
            ("--db-dir", text(folder.path().join("db"))),
            ("--cookie-file", text(node.cookie_file())),
            ("--daemon-rpc-addr", node.rpc_url().trim_start_matches("http://").into()),
            ("--daemon-p2p-addr", node.p2p_address().into()),
            ("--electrum-rpc-addr", address.as_str().into()),
            ("--monitoring-addr", format!("127.0.0.1:{monitor}").into()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [OsString::from(name), value])
        .chain(["--skip-default-conf-files".into()])
        .collect();
        let process = Process::spawn(program, &arguments, &[], log)?;
        let mut electrs = Self { process, folder, address };
        electrs.wait_until_it_answers()?;
        Ok(electrs)
    }

    /// `host:port` of the Electrum protocol.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn wait_until_it_answers(&mut self) -> Result<(), Error> {
        let log = self.folder.path().join("electrs.log");
        let answered = wait_for("electrs to answer", START_WITHIN, || match self.process.ended() {
            // Looking on would not bring it back; the caller's first question fails and shows the log.
            Some(status) => Look::Ready(Err(format!("electrs ended with {status}"))),
            None => match TcpStream::connect(&self.address) {
                Ok(_) => Look::Ready(Ok(())),
                Err(error) => Look::NotYet(format!("{error}\n{}", process::log_tail(&log))),
            },
        })?;
        answered.map_err(|reason| Error::Start {
            program: "electrs",
            attempts: 1,
            reason,
            log: process::log_tail(&log),
        })
    }
}

/// Two ports free at this moment.
fn free_ports() -> std::io::Result<(u16, u16)> {
    // Both are held until both are known, or the system could give the same one twice.
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (one, other) = (listen()?, listen()?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}
