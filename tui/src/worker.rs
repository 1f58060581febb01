//! The threads that speak to the node and do errands, so that the drawing thread never waits.
//!
//! One polls for snapshots, one fetches what screens show besides, one carries out orders one after the other. All end when the
//! [`Worker`] is dropped and their current request, if any, is answered.

use std::io::Read as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use althing_node::api::{ApiError, Reply, Request, Service, TreasuryRequest};
use althing_node::treasury::text::{MAX_PSBT_BYTES, psbt_from, psbt_text};

use crate::app::{Command, Purpose, Report};
use crate::backend::AuditReport;
use crate::deeds::{Ran, Run};
use crate::settings::Settings;

/// Time between two questions for a newer snapshot.
pub const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Opens the service; done in the worker, since starting a node takes longer than a first picture may.
pub type Open = Box<dyn FnOnce() -> anyhow::Result<Arc<dyn Service>> + Send>;

/// Replays the whole log and says how far it is.
pub type Replay = Arc<dyn Fn(&mut dyn FnMut(u64, u64)) -> anyhow::Result<AuditReport> + Send + Sync>;

/// Runs a command in this process.
pub type Runner = Arc<dyn Fn(&Run) -> Ran + Send + Sync>;

/// What the worker can do without the node.
#[derive(Clone, Default)]
pub struct Errands {
    /// Replays the log.
    pub replay: Option<Replay>,
    /// Runs commands.
    pub run: Option<Runner>,
    /// Where the settings are kept.
    pub settings_file: Option<PathBuf>,
}

/// The running threads.
pub struct Worker {
    orders: Sender<(Purpose, Request)>,
    questions: Sender<(Purpose, Request)>,
    errands: Errands,
    report: Arc<dyn Fn(Report) + Send + Sync>,
    /// Dropped with the worker: that ends the polling.
    _polling: Sender<()>,
}

impl Worker {
    /// Starts the threads. `report` is called from them with everything that comes back.
    pub fn start(errands: Errands, open: Open, report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        let report: Arc<dyn Fn(Report) + Send + Sync> = Arc::new(report);
        let (orders, order_queue) = mpsc::channel();
        let (questions, question_queue) = mpsc::channel();
        let (polling, stop) = mpsc::channel();
        let told = Arc::clone(&report);
        thread::spawn(move || {
            let service = match caught(open) {
                Ok(Ok(service)) => service,
                Ok(Err(error)) => {
                    told(Report::NoSnapshot(error.into()));
                    return;
                }
                Err(error) => {
                    told(Report::NoSnapshot(error));
                    return;
                }
            };
            for queue in [order_queue, question_queue] {
                let (service, told) = (Arc::clone(&service), Arc::clone(&told));
                thread::spawn(move || carry_out(&*service, &queue, &*told));
            }
            poll(&*service, &stop, &*told);
        });
        Self { orders, questions, errands, report, _polling: polling }
    }

    /// Queues a command. Its answer comes as a report, unless the node could not be opened, which was reported.
    pub fn send(&self, command: Command) {
        match command {
            // The receivers are gone only when the node could not be opened.
            Command::Ask { purpose: purpose @ (Purpose::Desk | Purpose::Discussion), request } => {
                let _ = self.questions.send((purpose, request));
            }
            Command::Ask { purpose, request } => {
                let _ = self.orders.send((purpose, request));
            }
            Command::Replay => self.replay(),
            Command::Run(run) => self.run(*run),
            Command::TakePsbt(path) => self.take_psbt(path),
            Command::Names(folder) => {
                // A folder may be on a disk that is far away.
                let report = Arc::clone(&self.report);
                thread::spawn(move || report(Report::Names { names: crate::files::names(&folder), folder }));
            }
            Command::Write { path, text } => {
                let report = Arc::clone(&self.report);
                thread::spawn(move || {
                    let written = std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()));
                    report(Report::Written(written.map(|()| path).map_err(safe)));
                });
            }
            Command::Save(liking) => {
                let Some(file) = &self.errands.settings_file else { return };
                let kept = Settings::change(file, |settings| -> anyhow::Result<()> {
                    liking.put_into(settings);
                    Ok(())
                });
                (self.report)(match kept {
                    Ok(settings) => Report::Kept(Box::new(settings)),
                    Err(error) => Report::Written(Err(safe(format!("This holds now, but is not kept: {error:#}")))),
                });
            }
            // The terminal's own business.
            Command::Notify(_) | Command::Copy(_) => {}
        }
    }

    /// Reads a PSBT file, binary or base64, and gives it to the node.
    fn take_psbt(&self, path: PathBuf) {
        let (orders, report) = (self.orders.clone(), Arc::clone(&self.report));
        thread::spawn(move || match psbt_file(&path) {
            Ok(psbt) => {
                let request = Request::Treasury { about: TreasuryRequest::Import { psbt } };
                let _ = orders.send((Purpose::Session, request));
            }
            Err(error) => {
                let result = Err(ApiError::invalid("T-40", safe(format!("{}: {error:#}", path.display()))));
                report(Report::Answer { purpose: Purpose::Session, result });
            }
        });
    }

    /// Runs a command beside everything else: one may take as long as an audit.
    fn run(&self, run: Run) {
        let report = Arc::clone(&self.report);
        let Some(runner) = self.errands.run.clone() else {
            report(Report::Ran(Box::new(Ran::Failed("No command can be run from here.".to_owned()))));
            return;
        };
        thread::spawn(move || {
            let ran = caught(|| runner(&run)).unwrap_or_else(|error| Ran::Failed(safe(error.message)));
            report(Report::Ran(Box::new(ran)));
        });
    }

    fn replay(&self) {
        let report = Arc::clone(&self.report);
        let Some(replay) = self.errands.replay.clone() else {
            report(Report::Replayed(Err(ApiError::not_now("There is no log here to replay."))));
            return;
        };
        thread::spawn(move || {
            let mut tenths = None;
            let mut progress = |done: u64, total: u64| {
                // A hundred pictures are enough for any length.
                let now = done.saturating_mul(100).checked_div(total);
                if now != tenths {
                    tenths = now;
                    report(Report::Replaying { done, total });
                }
            };
            let result = caught(|| replay(&mut progress)).and_then(|result| result.map_err(ApiError::from));
            report(Report::Replayed(result));
        });
    }
}

/// A PSBT file as base64. What is longer than a PSBT can be is not read to its end.
fn psbt_file(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = MAX_PSBT_BYTES as u64 + 1;
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(psbt_text(&psbt_from(&bytes)?))
}

fn safe(text: String) -> String {
    crate::untrusted::Untrusted::new(&text).line()
}

/// Carries out requests until the worker is dropped.
fn carry_out(service: &dyn Service, queue: &Receiver<(Purpose, Request)>, report: &dyn Fn(Report)) {
    for (purpose, request) in queue {
        let result = caught(|| service.call(request)).and_then(|result| result);
        report(Report::Answer { purpose, result });
    }
}

/// Asks for snapshots until the worker is dropped.
fn poll(service: &dyn Service, stop: &Receiver<()>, report: &dyn Fn(Report)) {
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
