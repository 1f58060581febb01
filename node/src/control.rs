//! The control socket: how commands reach a node that runs in another process.
//!
//! A Unix socket in the data directory, for its owner only. One JSON document a line: a [`Request`] in, and
//! `{"ok": Reply}` or `{"error": ApiError}` out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, Reply, Request, Service};

/// Longest request or reply line; a proposal is at most about 24 KiB, a snapshot grows with the number of proposals.
const LINE_MAX: u64 = 64 * 1024 * 1024;

/// Address of the control socket of a data directory. It lies in the system's temporary folder under a name made from the
/// directory's path, because the path of a Unix socket may be no longer than 107 bytes.
fn socket_path(dir: &Path) -> Result<PathBuf> {
    let inside = dir.join("control.sock");
    if inside.as_os_str().len() <= 100 {
        return Ok(inside);
    }
    let full = dir.canonicalize().with_context(|| format!("{} does not exist", dir.display()))?;
    let name = crate::keys::hex(
        &althing_governance::hash::tagged_hash("althing/control/v1", &[full.as_os_str().as_encoded_bytes()])[..8],
    );
    Ok(std::env::temp_dir().join(format!("althing-{name}.sock")))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Reply),
    Error(ApiError),
}

/// Answers requests on the control socket of `dir` from now on, each connection in its own thread. The caller holds the lease of
/// `dir`, so a socket that lies there is a dead one.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(dir: &Path, service: Arc<dyn Service>) -> Result<()> {
    let path = socket_path(dir)?;
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("removing the dead socket {}", path.display()))?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("listening on {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    std::thread::Builder::new().name("control".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let service = Arc::clone(&service);
            let spawned = std::thread::Builder::new().name("control-peer".into()).spawn(move || {
                if let Err(error) = answer(&stream, service.as_ref()) {
                    tracing::debug!(%error, "control connection ended");
                }
            });
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for a control connection");
            }
        }
    })?;
    Ok(())
}

/// A node in another process.
pub struct Remote {
    path: PathBuf,
}

impl Remote {
    /// The node that runs in `dir`, if one does.
    ///
    /// # Errors
    /// When `dir` does not exist.
    pub fn find(dir: &Path) -> Result<Option<Self>> {
        let path = socket_path(dir)?;
        Ok(UnixStream::connect(&path).is_ok().then_some(Self { path }))
    }

    fn ask(&self, request: &Request) -> Result<Answer> {
        let mut stream = UnixStream::connect(&self.path)
            .with_context(|| format!("N-8: the node at {} is gone", self.path.display()))?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        BufReader::new(std::io::Read::take(&stream, LINE_MAX)).read_until(b'\n', &mut answer)?;
        ensure!(!answer.is_empty(), "N-8: the node stopped before it answered; what was acknowledged is kept");
        serde_json::from_slice(&answer).context("the node's answer is not of this program's form")
    }
}

impl Service for Remote {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        match self.ask(&request)? {
            Answer::Ok(reply) => Ok(reply),
            Answer::Error(error) => Err(error),
        }
    }
}

fn answer(stream: &UnixStream, service: &dyn Service) -> Result<()> {
    let mut reader = BufReader::new(std::io::Read::take(stream, LINE_MAX));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let answer = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => match service.call(request) {
                Ok(reply) => Answer::Ok(reply),
                Err(error) => Answer::Error(error),
            },
            Err(error) => Answer::Error(ApiError::invalid("N-9", format!("not a request: {error}"))),
        };
        let mut bytes = serde_json::to_vec(&answer)?;
        bytes.push(b'\n');
        (&*stream).write_all(&bytes)?;
        line.clear();
        reader.get_mut().set_limit(LINE_MAX);
    }
    Ok(())
}
