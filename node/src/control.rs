//! The control socket: how commands reach a node that runs in another process.
//!
//! A Unix socket in the data directory, for its owner only. One JSON document a line: a [`Request`] in, and
//! `{"ok": Reply}` or `{"error": ApiError}` out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

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

/// Longest wait for whoever asked to read the answer, once the node has stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The requests that are being answered.
#[derive(Clone, Default)]
pub struct Answering(Arc<(Mutex<usize>, Condvar)>);

/// Answers requests on the control socket of `dir` from now on, each connection in its own thread. The caller holds the lease of
/// `dir`, so a socket that lies there is a dead one.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(dir: &Path, service: Arc<dyn Service>) -> Result<Answering> {
    let path = socket_path(dir)?;
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("removing the dead socket {}", path.display()))?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("listening on {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let answering = Answering::default();
    let under_way = answering.clone();
    std::thread::Builder::new().name("control".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let (service, under_way) = (Arc::clone(&service), under_way.clone());
            let spawned = std::thread::Builder::new().name("control-peer".into()).spawn(move || {
                if let Err(error) = answer(&stream, service.as_ref(), &under_way) {
                    tracing::debug!(%error, "control connection ended");
                }
            });
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for a control connection");
            }
        }
    })?;
    Ok(answering)
}

impl Answering {
    /// Waits, for some seconds at most, until every request that was taken has its answer. Else the process could end before it told
    /// whoever asked it to stop that it did.
    pub fn wait_done(&self) {
        let (count, changed) = &*self.0;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = changed.wait_timeout_while(count, LAST_ANSWERS, |count| *count > 0);
    }

    fn begin(&self) -> UnderWay<'_> {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        UnderWay(self)
    }
}

/// One request that is being answered.
struct UnderWay<'a>(&'a Answering);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let (count, changed) = &*self.0.0;
        *count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        changed.notify_all();
    }
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

fn answer(stream: &UnixStream, service: &dyn Service, answering: &Answering) -> Result<()> {
    let mut reader = BufReader::new(std::io::Read::take(stream, LINE_MAX));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let _under_way = answering.begin();
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    /// Answers when it is let.
    struct Slow(Mutex<Receiver<()>>);

    impl Service for Slow {
        fn call(&self, _: Request) -> Result<Reply, ApiError> {
            let _ = self.0.lock().unwrap().recv();
            Ok(Reply::Done)
        }
    }

    #[test]
    fn a_node_that_stops_waits_for_its_last_answer() {
        let dir = tempfile::tempdir().unwrap();
        let (let_go, gate) = sync_channel(0);
        let answering = serve(dir.path(), Arc::new(Slow(Mutex::new(gate)))).unwrap();
        let remote = Remote::find(dir.path()).unwrap().unwrap();
        let asker = std::thread::spawn(move || remote.call(Request::Stop));
        while *answering.0.0.lock().unwrap() == 0 {
            std::thread::yield_now();
        }
        let (told, hears) = sync_channel(1);
        let waiting = answering.clone();
        std::thread::spawn(move || {
            waiting.wait_done();
            let _ = told.send(());
        });
        assert!(hears.recv_timeout(Duration::from_millis(50)).is_err(), "an answer is under way");
        let_go.send(()).unwrap();
        assert!(matches!(asker.join().unwrap(), Ok(Reply::Done)));
        hears.recv_timeout(LAST_ANSWERS).unwrap();
    }
}
