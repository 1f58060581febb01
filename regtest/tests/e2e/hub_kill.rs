//! The hub is killed at any moment: what it acknowledged is in its log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use althing_governance::Entry;
use althing_node::api::{Ballot, BallotPath, Choice};
use althing_regtest::story::{Actor, Assembly, at_once, motions, propose};
use althing_regtest::{Look, wait_for};
use anyhow::{Context, Result, ensure};

use crate::channel_ends::{only_stake, spender};
use crate::{breaches, log_rows, stage};

const KILLS: u32 = 20;

/// Longest time the hub lives between two kills, from when it answers.
const LIFE_MILLIS: u64 = 800;

/// Longest wait for what is on its way when everybody runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ballots acknowledged so far: member and sequence in its lane, and the position that was promised.
type Acknowledged = Mutex<BTreeMap<(String, u64), u64>>;

#[test]
fn no_acknowledged_ballot_is_lost_in_twenty_kills() {
    stage::with_members_on_roll("hub-kill", |assembly| {
        let payee = assembly.members[4].wallet_address()?;
        let tabled = propose(assembly, motions(&payee))?;
        let proposals: Vec<String> = tabled.into_iter().map(|proposal| proposal.id).collect();
        kill_during_votes(assembly, &proposals)
    });
}

fn kill_during_votes(assembly: &mut Assembly, proposals: &[String]) -> Result<()> {
    let mut random = Random::seeded();
    assembly.narrator.step(&format!("{KILLS} kills at random moments, ALTHING_TEST_SEED={}", random.seed));
    let keys =
        assembly.members.iter().map(|m| m.status()?.vote_key.context("no vote key")).collect::<Result<Vec<_>>>()?;
    let acknowledged = Acknowledged::default();
    let over = AtomicBool::new(false);
    let Assembly { hub, members, .. } = assembly;
    std::thread::scope(|scope| -> Result<()> {
        let voting = scope.spawn(|| {
            at_once(members, |i, member| {
                let mut round = i;
                while !over.load(Ordering::Relaxed) {
                    cast(member, &proposals[round % proposals.len()], round, &keys[i], &acknowledged);
                    round += 1;
                }
                Ok(())
            })
        });
        let killed = (0..KILLS).try_for_each(|kill| {
            // On a busy machine a life may be too short for any ballot: every other one has at least one.
            if kill % 2 == 1 {
                let before = acknowledged.lock().unwrap().len();
                wait_for("a ballot of this life", PATIENCE, || match acknowledged.lock().unwrap().len() {
                    len if len > before => Look::Ready(()),
                    len => Look::NotYet(format!("{len} ballots")),
                })?;
            }
            // Not a wait for anything: the moment of the kill is the input of this test.
            std::thread::sleep(Duration::from_millis(random.below(LIFE_MILLIS)));
            hub.kill();
            let promised = acknowledged.lock().unwrap().clone();
            check_log(hub.data_dir(), &promised).with_context(|| format!("after kill {kill}"))?;
            hub.start()
        });
        over.store(true, Ordering::Relaxed);
        voting.join().unwrap()?;
        killed
    })?;

    // What was on its way at the last kill is taken first; the head of the next block then covers it.
    for member in &assembly.members {
        wait_for("the ballots on their way", PATIENCE, || match member.ballots() {
            Ok(ballots) if ballots.iter().all(|ballot| ballot.position.is_some()) => Look::Ready(()),
            other => Look::NotYet(format!("{other:?}")),
        })?;
    }
    // Everybody has the same log, and every ballot of every member got into it, also those that were on their way when
    // the hub died.
    assembly.mine(1)?;
    let promised = acknowledged.into_inner().unwrap();
    assembly.narrator.say(&format!("{} ballots acknowledged", promised.len()));
    ensure!(
        promised.len() >= KILLS as usize / 2,
        "only {} ballots were acknowledged; the test tried too little",
        promised.len()
    );
    for actor in assembly.everybody() {
        check_log(actor.data_dir(), &promised).with_context(|| actor.name().to_owned())?;
    }
    for member in &assembly.members {
        for ballot in member.ballots()? {
            let logged = !matches!(ballot.path, BallotPath::Stored | BallotPath::Promised { .. });
            ensure!(logged, "{} still waits for {ballot:?}", member.name());
        }
    }
    no_outage_ended_a_channel(assembly)
}

/// An outage of what takes ballots is none of the money: every channel is in use, on the chain too, and pays on (C-50 to C-54).
fn no_outage_ended_a_channel(assembly: &Assembly) -> Result<()> {
    let stakes = assembly.members.iter().map(only_stake).collect::<Result<Vec<_>>>()?;
    for (member, stake) in assembly.members.iter().zip(&stakes) {
        ensure!(stake.state == "ready", "{}: {stake:?}", member.name());
        ensure!(spender(assembly, stake)?.is_none(), "{}: the outage closed the channel", member.name());
    }
    breaches::pay(assembly, 0, &stakes[0])
}

/// Casts one ballot; an outage of the hub is what this test makes, so a refusal is only not counted.
fn cast(member: &Actor, proposal: &str, round: usize, key: &str, acknowledged: &Acknowledged) {
    let choice = [Choice::Yes, Choice::No, Choice::Abstain][round % 3].clone();
    if let Ok(Ballot { sequence, position: Some(position), .. }) = member.vote(proposal, choice, None) {
        acknowledged.lock().unwrap().insert((key.to_owned(), sequence), position);
    }
}

/// Every promised ballot lies in the database at its position.
fn check_log(data_dir: &Path, promised: &BTreeMap<(String, u64), u64>) -> Result<()> {
    let log = log_rows::entries(&log_rows::read(data_dir));
    let logged: BTreeMap<(String, u64), u64> = log
        .into_iter()
        .filter_map(|(position, entry)| match entry {
            Entry::Ballot(ballot) => Some(((ballot.lane.member.to_string(), ballot.lane.sequence), position)),
            _ => None,
        })
        .collect();
    for (ballot, position) in promised {
        let found = logged.get(ballot);
        ensure!(
            found == Some(position),
            "ballot {ballot:?} was promised position {position}, the log has it at {found:?}"
        );
    }
    Ok(())
}

/// Numbers that repeat with their seed (xorshift64, Marsaglia 2003).
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// From `ALTHING_TEST_SEED`, else from the clock.
    fn seeded() -> Self {
        let given = std::env::var("ALTHING_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        Self { seed, state: seed | 1 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound
    }
}
