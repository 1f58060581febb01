//! The story with a person in it: the screens of one member, while blocks are mined on a timer and the others go on voting.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use althing_node::api::Choice;
use anyhow::{Context, Result, ensure};

use super::assembly::{Assembly, MEMBER_NAMES};
use super::cli::PASSWORD;
use super::decide::{Tabled, propose};
use super::found::Periods;
use super::guests::{open_door, welcome};
use super::motions::motions;
use super::narrator::Narrator;
use super::treasury::fund_treasury;
use super::{explain, found_and_join, payee};
use crate::program::Program;

/// The person is this member.
const PERSON: usize = 0;

/// Members from this one on have voted when the person comes.
const EARLY: usize = 3;

/// Time between blocks: slow enough to read, fast enough to see an epoch close.
const BLOCK_EVERY: Duration = Duration::from_secs(4);

/// Founds a DAO, puts proposals into the log, and opens the screens of the first member, with the tutorial if `learn`; returns when
/// they are closed.
///
/// # Errors
/// Names the step that failed, with the ends of all logs.
pub fn play(data_dir: &Path, learn: bool) -> Result<PathBuf> {
    let mut assembly = Assembly::gather(data_dir, Narrator::new())?;
    match play_in(&mut assembly, learn).and_then(|()| assembly.stop()) {
        Ok(()) => Ok(assembly.data_dir.clone()),
        Err(error) => Err(explain(&assembly, error)),
    }
}

fn play_in(assembly: &mut Assembly, learn: bool) -> Result<()> {
    found_and_join(assembly, if learn { Periods::UNHURRIED } else { Periods::LEISURELY })?;
    assembly.narrator.step("paying into the treasury");
    fund_treasury(assembly, 500_000)?;
    let payee = payee(assembly)?;
    let tabled = propose(assembly, motions(&payee))?;
    cast_first_ballots(assembly, &tabled)?;

    open_door(&assembly.data_dir, &assembly.node)?;
    assembly.narrator.say("`cargo demo -- --join` in another terminal lets you in as one more member");
    assembly.narrator.step("opening the screens of the first member; q leaves");
    let program = Program::locate_or_build()?;
    let assembly = &*assembly;
    let tabled = tabled.as_slice();
    let (leave, left) = channel::<()>();
    std::thread::scope(|scope| {
        let clock = scope.spawn(move || keep_time(assembly, tabled, &left));
        let screens = show_screens(&program, assembly.members[PERSON].data_dir(), learn);
        drop(leave);
        let kept = clock.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        screens.and(kept)
    })
}

/// Some have voted already when the person comes.
fn cast_first_ballots(assembly: &Assembly, tabled: &[Tabled]) -> Result<()> {
    for proposal in tabled {
        for (member, ballots) in assembly.members.iter().zip(proposal.motion.ballots).skip(EARLY) {
            if let Some(choice) = ballots.first() {
                member.vote(&proposal.id, choice.clone(), Some("As we said at the last assembly."))?;
            }
        }
    }
    assembly.mine(1)
}

fn show_screens(program: &Program, data_dir: &Path, learn: bool) -> Result<()> {
    let status = Command::new(program.path())
        .arg("tui")
        .arg("--data")
        .arg(data_dir)
        .args(learn.then_some("--learn"))
        .env("ALTHING_PASSWORD", PASSWORD)
        .status()
        .with_context(|| format!("starting {}", program.path().display()))?;
    ensure!(status.success(), "the screens ended with {status}");
    Ok(())
}

/// Mines a block every few seconds, and lets one of the other members vote now and then, until the person has left.
fn keep_time(assembly: &Assembly, tabled: &[Tabled], left: &Receiver<()>) -> Result<()> {
    let mut ballots = later_ballots(tabled).into_iter();
    let mut blocks = 0_u32;
    let mut welcomed = BTreeSet::new();
    while left.recv_timeout(BLOCK_EVERY) == Err(RecvTimeoutError::Timeout) {
        // Before the block, so that it has what they are given.
        welcome(&assembly.data_dir, &assembly.node, &mut welcomed)?;
        assembly.node.mine(1)?;
        blocks += 1;
        if blocks.is_multiple_of(3)
            && let Some((member, proposal, choice)) = ballots.next()
        {
            // A refusal, for instance because the person let the vote run out, is no reason to end the show.
            let _ = assembly.members[member].vote(proposal, choice, None);
        }
    }
    Ok(())
}

/// What the other members still have to say, in the order they say it.
fn later_ballots(tabled: &[Tabled]) -> Vec<(usize, &str, Choice)> {
    let others = (0..MEMBER_NAMES.len()).filter(|member| *member != PERSON);
    let of_member = |member: usize| {
        tabled.iter().flat_map(move |proposal| {
            let ballots = proposal.motion.ballots[member];
            ballots
                .iter()
                .skip(usize::from(member >= EARLY))
                .map(move |choice| (member, proposal.id.as_str(), choice.clone()))
        })
    };
    others.flat_map(of_member).collect()
}
