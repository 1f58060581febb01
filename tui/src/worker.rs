//! The threads that speak to the node, so that the drawing thread never waits.
//!
//! One polls for snapshots, the other carries out commands one after the other. Both end when the [`Worker`] is dropped
//! and their current request, if any, is answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use althing_node::api::{ApiError, Reply, Request, Service};

use crate::app::{Command, Report};

/// Time between two questions for a newer snapshot.
pub const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Opens the service; done in the worker, since starting a node takes longer than a first picture may.
pub type Open = Box<dyn FnOnce() -> anyhow::Result<Arc<dyn Service>> + Send>;

/// The running threads.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
    /// Dropped with the worker: that ends the polling.
    _polling: Sender<()>,
}

impl Worker {
    /// Starts the threads. `report` is called from them with everything that comes back.
    pub fn start(open: Open, report: impl Fn(Report) + Send + Clone + 'static) -> Self {
        let (commands, command_queue) = mpsc::channel();
        let (polling, stop) = mpsc::channel();
        thread::spawn(move || {
            let service = match caught(open) {
                Ok(Ok(service)) => service,
                Ok(Err(error)) => {
                    report(Report::NoSnapshot(error.into()));
                    return;
                }
                Err(error) => {
                    report(Report::NoSnapshot(error));
                    return;
                }
            };
            let (ordered, ordered_report) = (Arc::clone(&service), report.clone());
            thread::spawn(move || carry_out(&*ordered, &command_queue, &ordered_report));
            poll(&*service, &stop, &report);
        });
        Self { commands, _polling: polling }
    }

    /// Queues a command. Its answer comes as a report, unless the node could not be opened, which was reported.
    pub fn send(&self, command: Command) {
        // The receiver is gone only when the node could not be opened.
        let _ = self.commands.send(command);
    }
}

/// Carries out commands until the worker is dropped.
fn carry_out(service: &dyn Service, queue: &Receiver<Command>, report: &impl Fn(Report)) {
    for Command::Ask { purpose, request } in queue {
        let result = caught(|| service.call(request)).and_then(|result| result);
        report(Report::Answer { purpose, result });
    }
}

/// Asks for snapshots until the worker is dropped.
fn poll(service: &dyn Service, stop: &Receiver<()>, report: &impl Fn(Report)) {
    let mut since = 0;
    loop {
        match caught(|| service.call(Request::Snapshot { since })).and_then(|result| result) {
            Ok(Reply::Snapshot(snapshot)) => {
                since = snapshot.revision;
                report(Report::Snapshot(snapshot));
            }
            Ok(_) => {}
            Err(error) => {
                // After trouble the screens want a snapshot again, changed or not: it clears the message.
                since = 0;
                report(Report::NoSnapshot(error));
            }
        }
        match stop.recv_timeout(POLL_INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Runs something of the node. A panic in there is trouble to be shown, not a screen that stands still.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, ApiError> {
    // The service is used again only through its own locks, which a panic poisons.
    std::panic::catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| ApiError::ours("The node broke off inside a request; leave the screens to see where."))
}
