//! A node that is slow, silent or broken must not hold the screens.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use althing_node::api::{ApiError, ErrorKind, Reply, Request, Service};
use althing_tui::app::{Command, Purpose, Report};
use althing_tui::worker::{Errands, Worker};

use crate::dao::{Script, snapshot};

/// Longest wait for something that must come.
const DEADLINE: Duration = Duration::from_secs(20);

/// Answers snapshots at once, and everything else only when told.
struct Slow {
    inner: Script,
    go: Mutex<Receiver<()>>,
}

impl Service for Slow {
    fn call(&self, request: Request) -> Result<Reply, ApiError> {
        if !matches!(request, Request::Snapshot { .. }) {
            self.go.lock().unwrap().recv().unwrap();
        }
        self.inner.call(request)
    }
}

#[test]
fn snapshots_come_while_an_order_takes_its_time() {
    let (go, wait) = channel();
    let slow = Arc::new(Slow { inner: Script::default(), go: Mutex::new(wait) });
    let (send, reports) = channel();
    let service: Arc<dyn Service> = slow.clone();
    let worker =
        Worker::start(Errands::default(), Box::new(move || Ok(service)), move |report| send.send(report).unwrap_or(()));
    let begin = Instant::now();
    worker.send(Command::Ask { purpose: Purpose::Order, request: Request::Ballots });
    assert!(begin.elapsed() < Duration::from_secs(1), "sending waits for the answer");
    match reports.recv_timeout(DEADLINE).unwrap() {
        Report::Snapshot(seen) => assert_eq!(*seen, snapshot()),
        other => panic!("{other:?}"),
    }
    // Two more polls while the order still waits.
    let polls = || {
        let asked = slow.inner.asked.lock().unwrap();
        asked.iter().filter(|r| matches!(r, Request::Snapshot { .. })).count()
    };
    while polls() < 3 {
        assert!(begin.elapsed() < DEADLINE, "the polling stands still");
        std::thread::yield_now();
    }
    go.send(()).unwrap();
    match reports.recv_timeout(DEADLINE).unwrap() {
        Report::Answer { purpose: Purpose::Order, result: Err(error) } => {
            assert_eq!(error, ApiError::not_now("nothing in the script"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_that_does_not_open_is_reported() {
    let (send, reports) = channel();
    let worker = Worker::start(
        Errands::default(),
        Box::new(|| Err(ApiError::ours("the seed file is not readable").into())),
        move |report| send.send(report).unwrap_or(()),
    );
    match reports.recv_timeout(DEADLINE).unwrap() {
        Report::NoSnapshot(error) => assert_eq!(error, ApiError::ours("the seed file is not readable")),
        other => panic!("{other:?}"),
    }
    worker.send(Command::Ask { purpose: Purpose::Order, request: Request::Ballots });
}

/// Panics in every request.
struct Broken;

impl Service for Broken {
    fn call(&self, _: Request) -> Result<Reply, ApiError> {
        panic!("planted")
    }
}

#[test]
fn a_node_that_panics_is_reported_and_the_worker_goes_on() {
    let (send, reports) = channel();
    let worker = Worker::start(Errands::default(), Box::new(|| Ok(Arc::new(Broken))), move |report| {
        send.send(report).unwrap_or(());
    });
    worker.send(Command::Ask { purpose: Purpose::Order, request: Request::Ballots });
    let (mut snapshots, mut answers) = (0, 0);
    while snapshots < 2 || answers < 1 {
        match reports.recv_timeout(DEADLINE).unwrap() {
            Report::NoSnapshot(error) => {
                assert_eq!(error.kind, ErrorKind::Ours);
                snapshots += 1;
            }
            Report::Answer { purpose: Purpose::Order, result: Err(_) } => answers += 1,
            other => panic!("{other:?}"),
        }
    }
}
