//! How a hub comes up: its intake, the door for its peers, and what its folder says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use althing_channels::Msg;
use althing_channels::wire::AppEntry;
use anyhow::Result;

use super::Hub;
use super::batch::Batch;
use super::behind::Behind;
use super::entries::offices;
use super::epochs::Links;
use super::keeping::Newness;
use super::openings::Openings;
use super::shown::Shown;
use super::strangers::Strangers;
use crate::dao::Dao;
use crate::engine::{EngineHandle, Input, Waiters};
use crate::intake::{Door, Intake, Offered, Report, Turned};
use crate::lease::Purpose;
use crate::peer_budget::{Admitted, PeerBudget};
use crate::peers::{Neighbours, PeerEvent, Verdict};
use crate::shell::Shell;

/// Starts the hub of the data directory.
///
/// # Errors
/// As [`Shell::open`].
pub fn start(dir: &Path, password: &str, purpose: Purpose, listen: SocketAddr) -> Result<EngineHandle> {
    start_with(dir, password, purpose, Some(listen), None, Newness::unknown())
}

/// Starts a hub whose data directory this program has just made: nobody can have more of its log.
///
/// # Errors
/// As [`Shell::open`].
pub(crate) fn start_made_here(dir: &Path, password: &str, listen: SocketAddr) -> Result<EngineHandle> {
    start_with(dir, password, Purpose::quiet(), Some(listen), None, Newness::certain())
}

/// Starts a hub as [`start_made_here`] with peers in the same process, who get their messages by `neighbours` and speak by the
/// door returned.
///
/// # Errors
/// As [`Shell::open`].
pub(crate) fn start_among(
    dir: &Path,
    password: &str,
    listen: Option<SocketAddr>,
    neighbours: Neighbours,
) -> Result<(EngineHandle, impl Fn(PeerEvent) + Send + Sync + 'static)> {
    let (said, door) = std::sync::mpsc::sync_channel(1);
    let handle = start_with(dir, password, Purpose::quiet(), listen, Some((neighbours, said)), Newness::certain())?;
    Ok((handle, door.recv()?))
}

/// How peers in the same process hear, and where to hand the door by which they speak.
type Company = (Neighbours, SyncSender<Box<dyn Fn(PeerEvent) + Send + Sync>>);

fn start_with(
    dir: &Path,
    password: &str,
    purpose: Purpose,
    listen: Option<SocketAddr>,
    company: Option<Company>,
    newness: Newness,
) -> Result<EngineHandle> {
    let (dir, password) = (dir.to_owned(), password.to_owned());
    EngineHandle::start("hub", move |inputs: SyncSender<Input>| {
        let intake = start_intake(&Dao::load(&dir)?, inputs.clone())?;
        let budget = Arc::new(PeerBudget::default());
        let on_peer = doorkeeper(intake.door(), Arc::clone(&budget), inputs.clone());
        let mut shell = Shell::open(&dir, &password, purpose, listen, crate::api::Role::Hub, &inputs, on_peer)?;
        if let Some((neighbours, door)) = company {
            shell.peers.meet(neighbours);
            // Who speaks by this door has no connection that could end.
            let keeper = doorkeeper(intake.door(), Arc::clone(&budget), inputs.clone());
            door.send(Box::new(move |event| {
                let _ = keeper(event);
            }))?;
        }
        intake.know(shell.ledger.state().members().values().map(|member| member.key));
        intake.know(offices(shell.ledger.state().charter()));
        intake.use_hub_log_key(shell.ledger.state().hub_log_key());
        let links = Links::load(&shell)?;
        shell.stakes.gather();
        let mut hub = Hub {
            shell,
            intake,
            budget,
            inputs,
            called: Vec::new(),
            has_opened: false,
            openings: Openings::default(),
            strangers: Strangers::default(),
            refused: RefCell::default(),
            paused: Vec::new(),
            resumed: Instant::now(),
            operators: BTreeMap::new(),
            signing: None,
            unsettled: 0,
            shut_out: BTreeSet::new(),
            vouched: BTreeSet::new(),
            links,
            newness,
            copies: BTreeSet::new(),
            behind: Behind::default(),
            shown: Shown::default(),
            batch: Batch::default(),
            members: BTreeMap::new(),
            wanted: BTreeMap::new(),
            waiters: Waiters::default(),
            accounts_due: true,
            stopping: false,
        };
        let news = hub.shell.resume_channels()?;
        hub.on_stake_news(&news);
        hub.commit_channels();
        Ok(hub)
    })
}

fn start_intake(dao: &Dao, inputs: SyncSender<Input>) -> Result<Intake> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let report = move |report| inputs.send(Input::Intake(report)).is_ok();
    Ok(Intake::start(dao.params.charter.hub_log_key, cores, report)?)
}

/// Leads entries to the intake and everything else to the engine, whose bounded queue holds a peer's socket back when it is full.
fn doorkeeper(
    door: Door,
    budget: Arc<PeerBudget>,
    inputs: SyncSender<Input>,
) -> impl Fn(PeerEvent) -> Verdict + Send + Sync + 'static {
    move |event| {
        let event = match event {
            PeerEvent::Message(peer, message) => match *message {
                Msg::AppEntry(AppEntry { sequence, entry }) => {
                    if let Err(Turned::Crowded(offered)) = door.offer(Offered { peer, sequence, bytes: entry }) {
                        // Nobody listens any more when the hub has stopped.
                        let _ = inputs.send(Input::Intake(Report::Crowded(offered)));
                    }
                    return Verdict::Keep;
                }
                other => PeerEvent::Message(peer, Box::new(other)),
            },
            PeerEvent::Down(peer) => {
                door.forget(&peer);
                PeerEvent::Down(peer)
            }
            up => up,
        };
        let (PeerEvent::Up(peer) | PeerEvent::Down(peer) | PeerEvent::Message(peer, _)) = event;
        match budget.admit(event) {
            Admitted::Call => drop(inputs.send(Input::Turn(peer))),
            Admitted::Waits => {}
            Admitted::Dropped => {
                // Once for a connection: LDK takes nothing more from it.
                tracing::warn!(%peer, "N-98: a peer sends faster than it is answered; it is disconnected");
                return Verdict::Disconnect;
            }
        }
        Verdict::Keep
    }
}
