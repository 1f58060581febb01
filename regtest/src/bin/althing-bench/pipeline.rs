//! The whole way of a vote, against servers that do less.

use std::time::Instant;

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_governance::signing::SignatureCheck;
use althing_node::bench::{LoadReport, Pace, Scale, Session, Vote, Voting, Way, World, cpu};
use anyhow::{Context, Result, ensure};

use crate::signatures::{computing, is_valid as is_signed};
use crate::summary::Summary;
use crate::{Plan, goals, servers};

/// Members of the DAO that votes here: more than a batch has votes, so that its keys are distinct.
pub(crate) const MEMBERS: u32 = 10_000;

/// Peers through which their votes come.
pub(crate) const PEERS: usize = 8;

/// Signatures that the hub checks at a time.
pub(crate) const PART: usize = 2048;

/// A hub in a folder of its own.
pub(crate) struct Bench {
    pub(crate) voting: Voting,
    pub(crate) session: Session,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn start(scale: Scale, peers: usize, way: Way) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let world = World::found(&folder.path().join("hub"), scale, &mut |what| eprintln!("   making {what}"))?;
        let voting = Voting::of(&world);
        let session = Session::open(&world, peers, way)?;
        Ok(Self { voting, session, _folder: folder })
    }

    pub(crate) fn run(&mut self, votes: &[Vote], pace: Pace) -> Result<LoadReport> {
        let report = self.session.run(votes, pace)?;
        ensure!(report.troubles.is_empty(), "the hub refused valid votes: {:?}", report.troubles);
        ensure!(report.receipted == report.votes, "{} of {} votes have a receipt", report.receipted, report.votes);
        Ok(report)
    }
}

/// Seconds that count, and those of computing, for what `work` does on all cores.
pub(crate) fn seconds<T>(plan: &Plan, work: impl FnOnce() -> Result<T>) -> Result<(f64, f64, T)> {
    let (before, start) = (cpu::of_process().unwrap_or(0.0), Instant::now());
    let value = work()?;
    let (passed, computed) = (start.elapsed().as_secs_f64(), cpu::of_process().unwrap_or(0.0) - before);
    Ok((if plan.busy { computed / plan.cores as f64 } else { passed }, computed, value))
}

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let (many, few) = (plan.size(400_000, 100_000), plan.size(20_000, 4_000));
    let mut hub = Bench::start(Scale { members: MEMBERS, proposals: 1000 }, PEERS, Way::InProcess)?;
    let mut hot = Bench::start(Scale { members: MEMBERS, proposals: 1 }, PEERS, Way::InProcess)?;
    let mut rows: [Vec<f64>; 11] = Default::default();
    // The first run fills caches of keys, here and there.
    let warm = hub.voting.sign(MEMBERS as usize, plan.cores);
    hub.run(&warm, Pace::FULL)?;
    let warm = hot.voting.sign(MEMBERS as usize, plan.cores);
    hot.run(&warm, Pace::FULL)?;
    for _ in 0..plan.rounds {
        let votes = hub.voting.sign(many, plan.cores);
        let own = cpu::of_thread().unwrap_or(0.0);
        let (passed, computed, _) = seconds(plan, || hub.run(&votes, Pace::FULL))?;
        // What the sender computed is not the hub's.
        let computed = computed - (cpu::of_thread().unwrap_or(0.0) - own);
        let rate = many as f64 / passed;
        let folder = tempfile::tempdir()?;
        let (passed, _, ()) = seconds(plan, || servers::strong(folder.path(), &votes, plan.cores))?;
        let strong = many as f64 / passed;
        let folder = tempfile::tempdir()?;
        // One thread: nothing to share between cores.
        let start = Instant::now();
        servers::naive(folder.path(), &votes[..few])?;
        let naive = few as f64 / start.elapsed().as_secs_f64();
        let (inside, one_by_one) = checking(&votes)?;
        let each = computed / many as f64 * 1e6;
        let same = hot.voting.sign(many, plan.cores);
        let (passed, _, _) = seconds(plan, || hot.run(&same, Pace::FULL))?;
        let one_proposal = many as f64 / passed;
        let turns = hub.voting.sign_in_turns(many / 16 * 16, plan.cores, 16);
        let (passed, _, _) = seconds(plan, || hub.run(&turns, Pace::FULL))?;
        let traffic = turns.len() as f64 / passed;
        let values = [
            rate,
            rate / strong,
            strong,
            rate / naive,
            naive,
            (1.0 - inside / each) * 100.0,
            (each - inside) / (each - inside + one_by_one) * 100.0,
            each - inside,
            inside,
            one_proposal / rate,
            traffic,
        ];
        rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
    }
    hub.session.close()?;
    hot.session.close()?;
    let [rate, against_strong, strong, against_naive, naive, share, share_of_one, outside, inside, hot, traffic] = rows;
    summary.put(&goals::END_TO_END_SIGNATURES, rate.clone());
    summary.put(&goals::END_TO_END, rate);
    summary.put(&goals::STRONG, against_strong);
    summary.put(&goals::STRONG_RATE, strong);
    summary.put(&goals::NAIVE, against_naive);
    summary.put(&goals::NAIVE_RATE, naive);
    summary.put(&goals::SHARE, share);
    summary.put(&goals::SHARE_OF_ONE, share_of_one);
    summary.put(&goals::OUTSIDE, outside);
    summary.put(&goals::INSIDE, inside);
    summary.put(&goals::HOT, hot);
    summary.put(&goals::CHANNEL_TRAFFIC, traffic);
    Ok(())
}

/// Microseconds of computing for the signature of one of these votes: in parts as the hub checks them, keys known as there, and
/// one by one with libsecp256k1.
fn checking(votes: &[Vote]) -> Result<(f64, f64)> {
    let checks: Vec<SignatureCheck> =
        votes.iter().take(8 * PART).map(|vote| check(&vote.bytes)).collect::<Result<_>>()?;
    let items: Vec<Item<'_>> = checks
        .iter()
        .map(|check| Item { key: check.key, message: &check.message, signature: check.signature.serialize() })
        .collect();
    let mut verifier = Verifier::with(Lanes::detect(), KeyCache::with_capacity(1 << 17));
    let mut all = || items.chunks(PART).all(|part| verifier.check(part).is_all_valid());
    ensure!(all(), "a vote is not valid");
    let mut is_valid = true;
    let seconds = computing(|| is_valid = all());
    ensure!(is_valid, "a vote is not valid");
    let few = &items[..PART.min(items.len())];
    let one_by_one = computing(|| is_valid = few.iter().all(is_signed));
    ensure!(is_valid, "a vote is not valid");
    Ok((seconds / items.len() as f64 * 1e6, one_by_one / few.len() as f64 * 1e6))
}

fn check(bytes: &[u8]) -> Result<SignatureCheck> {
    Entry::from_bytes(bytes)?.lane_signature_check().context("a vote has a signature")
}

/// The whole of it on one core and on two, in processes of their own that are held to them.
pub(crate) fn measure_threads(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let votes = plan.size(300_000, 60_000);
    let run = |cores: &str| -> Result<f64> {
        let task = format!("{{\"kind\":\"rate\",\"votes\":{votes},\"busy\":{}}}", plan.busy);
        let program = std::env::current_exe()?;
        let output = std::process::Command::new("taskset")
            .args(["--cpu-list", cores])
            .arg(program)
            .args(["--child", &task])
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("starting taskset, which holds a process to some cores")?;
        ensure!(output.status.success(), "the run on cores {cores} failed");
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    };
    let mut ratios = Vec::new();
    for _ in 0..plan.rounds {
        ratios.push(run("0,1")? / run("0")?);
    }
    summary.put(&goals::THREADS, ratios);
    Ok(())
}
