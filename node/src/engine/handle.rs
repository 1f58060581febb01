//! How the rest of the process reaches an engine.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::{Input, QUEUE};
use crate::api::{ApiError, Reply, Request, Service};

/// A running engine, as its callers see it.
pub struct EngineHandle {
    inputs: SyncSender<Input>,
    ended: std::sync::Arc<(Mutex<bool>, Condvar)>,
}

impl EngineHandle {
    /// Makes the queue, and starts a thread that builds the role and runs it. Returns when the role is built.
    ///
    /// # Errors
    /// Those of building the role.
    pub fn start<R: super::Role>(
        name: &str,
        build: impl FnOnce(SyncSender<Input>) -> anyhow::Result<R> + Send + 'static,
    ) -> anyhow::Result<Self> {
        let (inputs, queue): (SyncSender<Input>, Receiver<Input>) = sync_channel(QUEUE);
        let ended = std::sync::Arc::new((Mutex::new(false), Condvar::new()));
        let (built, is_built) = sync_channel::<anyhow::Result<()>>(1);
        let (for_role, signal) = (inputs.clone(), Ended(std::sync::Arc::clone(&ended)));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _signal = signal;
            match build(for_role) {
                Ok(role) => {
                    let _ = built.send(Ok(()));
                    super::run(role, queue);
                }
                Err(error) => {
                    let _ = built.send(Err(error));
                }
            }
        })?;
        is_built.recv().unwrap_or_else(|_| Err(anyhow::anyhow!("the node's thread ended while starting")))?;
        Ok(Self { inputs, ended })
    }

    /// Waits until the engine has stopped.
    pub fn wait_stopped(&self) {
        let (ended, changed) = &*self.ended;
        let mut guard = ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while !*guard {
            guard = changed.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Service for EngineHandle {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        let stopped = || ApiError::not_now("the node has stopped; what was acknowledged is kept");
        let patience = match &request {
            Request::Wait { timeout_secs, .. } => Duration::from_secs(timeout_secs.saturating_add(5)),
            // Opening and closing channels and casting ballots wait for the hub; the role itself answers earlier.
            _ => Duration::from_secs(90),
        };
        let (answer, reply) = sync_channel(1);
        self.inputs.send(Input::Ask(request, answer)).map_err(|_| stopped())?;
        match reply.recv_timeout(patience) {
            Ok(reply) => reply,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(stopped()),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                Err(ApiError::not_now("the node did not answer in time; look at its status before trying again"))
            }
        }
    }
}

/// Says that the engine's thread is over, also when it panicked.
struct Ended(std::sync::Arc<(Mutex<bool>, Condvar)>);

impl Drop for Ended {
    fn drop(&mut self) {
        let (ended, changed) = &*self.0;
        *ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        changed.notify_all();
    }
}
