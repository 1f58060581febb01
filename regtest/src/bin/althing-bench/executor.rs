//! A tally by an optimistic executor in the style of Block-STM (Gelashvili et al., PPoPP 2023), against one by shards.
//!
//! Votes are sums, so they need no such executor: this is what it costs to have one. The reference follows the paper: versions in
//! memory, tasks of execution and validation in the order of the block, estimates where a vote is executed anew, waiting for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::summary::Summary;
use crate::{Plan, goals};

const THREADS: usize = 2;
const PROPOSALS: usize = 8;
/// Votes of a block, as of a batch of the hub.
const BLOCK: usize = 2048;
const VOTERS: usize = 1 << 16;
const CHOICES: usize = 3;

/// A vote as an executor sees it: checked, and by number.
#[derive(Clone, Copy)]
struct Vote {
    voter: usize,
    proposal: usize,
    choice: u8,
}

/// What a vote reads and writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    /// Votes counted for a choice.
    Total(usize, u8),
    /// The choice of a voter, plus one.
    Ballot(usize, usize),
}

pub(crate) fn measure(plan: &Plan, summary: &mut Summary) -> Result<()> {
    let votes: Vec<Vote> = (0..plan.size(64, 24) * BLOCK)
        .map(|i| Vote { voter: i * 7919 % VOTERS, proposal: i % PROPOSALS, choice: (i % CHOICES) as u8 })
        .collect();
    let expected = one_thread(&votes);
    let (mut ratios, mut rates, mut executions) = (vec![], vec![], vec![]);
    for _ in 0..plan.rounds {
        let (shards, by_shards) = timed(|| sharded(&votes));
        let (optimistic, (by_executor, executed)) = timed(|| optimistic(&votes));
        ensure!(by_shards == expected && by_executor == expected, "an executor counts wrong");
        ratios.push(optimistic / shards);
        rates.push(votes.len() as f64 / optimistic * 1e-6);
        executions.push(executed as f64 / votes.len() as f64);
    }
    summary.put(&goals::EXECUTOR, ratios);
    summary.put(&goals::EXECUTOR_RATE, rates);
    summary.put(&goals::EXECUTOR_ABORTS, executions);
    Ok(())
}

type Totals = [[u64; CHOICES]; PROPOSALS];

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed().as_secs_f64(), value)
}

fn one_thread(votes: &[Vote]) -> Totals {
    let (mut totals, mut ballots) = (Totals::default(), vec![[0u8; PROPOSALS]; VOTERS]);
    votes.iter().for_each(|vote| count(&mut totals, &mut ballots[vote.voter][vote.proposal], *vote));
    totals
}

fn count(totals: &mut Totals, ballot: &mut u8, vote: Vote) {
    if let Some(before) = ballot.checked_sub(1) {
        totals[vote.proposal][usize::from(before)] -= 1;
    }
    totals[vote.proposal][usize::from(vote.choice)] += 1;
    *ballot = vote.choice + 1;
}

/// Each thread counts its own voters, in the order of the log; totals are added up.
fn sharded(votes: &[Vote]) -> Totals {
    let share = VOTERS / THREADS;
    let parts: Vec<Totals> = std::thread::scope(|scope| {
        let shard = |number: usize| {
            let own = number * share..(number + 1) * share;
            let (mut totals, mut ballots) = (Totals::default(), vec![[0u8; PROPOSALS]; share]);
            for vote in votes.iter().filter(|vote| own.contains(&vote.voter)) {
                count(&mut totals, &mut ballots[vote.voter - own.start][vote.proposal], *vote);
            }
            totals
        };
        let running: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || shard(number))).collect();
        running.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut totals = Totals::default();
    for part in parts {
        totals.iter_mut().flatten().zip(part.iter().flatten()).for_each(|(sum, add)| *sum += add);
    }
    totals
}

/// Block by block on all threads; also how many times votes were executed.
fn optimistic(votes: &[Vote]) -> (Totals, usize) {
    let mut state: HashMap<Place, u64> = HashMap::new();
    let mut executed = 0;
    for block in votes.chunks(BLOCK) {
        let run = Block::new(block, &state);
        std::thread::scope(|scope| {
            (1..THREADS).for_each(|_| drop(scope.spawn(|| run.work())));
            run.work();
        });
        executed += run.executions.load(Ordering::Relaxed);
        let newest =
            run.memory.shards.into_iter().flat_map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner));
        for (place, versions) in newest {
            if let Some((_, Version::Value(_, value))) = versions.last_key_value() {
                state.insert(place, *value);
            }
        }
    }
    let mut totals = Totals::default();
    for (place, value) in state {
        if let Place::Total(proposal, choice) = place {
            totals[proposal][usize::from(choice)] = value;
        }
    }
    (totals, executed)
}

#[derive(Clone, Copy)]
enum Version {
    /// Written by the vote's incarnation.
    Value(usize, u64),
    /// To be written again by a vote that is executed anew.
    Estimate,
}

/// Who wrote what was read: a vote and its incarnation, or nobody of this block.
type Source = Option<(usize, usize)>;

/// Values by place and vote.
struct Memory {
    shards: Vec<Mutex<HashMap<Place, BTreeMap<usize, Version>>>>,
}

enum ReadError {
    /// This vote has to be executed first.
    Waits(usize),
}

impl Memory {
    const SHARDS: usize = 64;

    fn shard(&self, place: Place) -> MutexGuard<'_, HashMap<Place, BTreeMap<usize, Version>>> {
        let number = match place {
            Place::Total(proposal, choice) => proposal * CHOICES + usize::from(choice),
            Place::Ballot(voter, _) => voter,
        };
        lock(&self.shards[number % Self::SHARDS])
    }

    /// The newest version below a vote.
    fn read(&self, place: Place, below: usize) -> Result<Option<(Source, u64)>, ReadError> {
        match self.shard(place).get(&place).and_then(|versions| versions.range(..below).next_back()) {
            Some((vote, Version::Value(incarnation, value))) => Ok(Some((Some((*vote, *incarnation)), *value))),
            Some((vote, Version::Estimate)) => Err(ReadError::Waits(*vote)),
            None => Ok(None),
        }
    }

    fn write(&self, place: Place, vote: usize, version: Version) {
        self.shard(place).entry(place).or_default().insert(vote, version);
    }

    fn remove(&self, place: Place, vote: usize) {
        if let Some(versions) = self.shard(place).get_mut(&place) {
            versions.remove(&vote);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Ready,
    Executing,
    Executed,
    Aborting,
}

/// A vote under way.
struct Slot {
    status: Mutex<(usize, Status)>,
    /// What it read and wrote in its last incarnation.
    reads: Mutex<Vec<(Place, Source)>>,
    writes: Mutex<Vec<Place>>,
    /// Votes that wait for it.
    waiting: Mutex<Vec<usize>>,
}

enum Task {
    Execute(usize, usize),
    Validate(usize, usize),
}

struct Block<'a> {
    votes: &'a [Vote],
    before: &'a HashMap<Place, u64>,
    memory: Memory,
    slots: Vec<Slot>,
    execution: AtomicUsize,
    validation: AtomicUsize,
    decreased: AtomicUsize,
    active: AtomicUsize,
    done: AtomicBool,
    executions: AtomicUsize,
}

impl<'a> Block<'a> {
    fn new(votes: &'a [Vote], before: &'a HashMap<Place, u64>) -> Self {
        let slot = || Slot {
            status: Mutex::new((0, Status::Ready)),
            reads: Mutex::default(),
            writes: Mutex::default(),
            waiting: Mutex::default(),
        };
        Self {
            votes,
            before,
            memory: Memory { shards: (0..Memory::SHARDS).map(|_| Mutex::default()).collect() },
            slots: votes.iter().map(|_| slot()).collect(),
            execution: AtomicUsize::new(0),
            validation: AtomicUsize::new(0),
            decreased: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            done: AtomicBool::new(false),
            executions: AtomicUsize::new(0),
        }
    }

    fn work(&self) {
        let mut task = None;
        while !self.done.load(Ordering::SeqCst) {
            task = match task {
                Some(Task::Execute(vote, incarnation)) => self.execute(vote, incarnation),
                Some(Task::Validate(vote, incarnation)) => self.validate(vote, incarnation),
                None => self.next_task(),
            };
        }
    }

    fn execute(&self, number: usize, incarnation: usize) -> Option<Task> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let mut reads = Vec::with_capacity(3);
        match self.run(number, &mut reads) {
            Err(ReadError::Waits(blocker)) => {
                if self.wait_for(number, blocker) {
                    None
                } else {
                    Some(Task::Execute(number, incarnation))
                }
            }
            Ok(writes) => {
                let slot = &self.slots[number];
                for (place, value) in &writes {
                    self.memory.write(*place, number, Version::Value(incarnation, *value));
                }
                let places: Vec<Place> = writes.iter().map(|(place, _)| *place).collect();
                let old = std::mem::replace(&mut *lock(&slot.writes), places.clone());
                let wrote_new = places.iter().any(|place| !old.contains(place));
                old.iter().filter(|place| !places.contains(place)).for_each(|place| self.memory.remove(*place, number));
                *lock(&slot.reads) = reads;
                self.finish_execution(number, incarnation, wrote_new)
            }
        }
    }

    /// The vote itself: one ballot replaces another.
    fn run(&self, number: usize, reads: &mut Vec<(Place, Source)>) -> Result<Vec<(Place, u64)>, ReadError> {
        let Vote { voter, proposal, choice } = self.votes[number];
        let mut read = |place: Place| -> Result<u64, ReadError> {
            let (source, value) = match self.memory.read(place, number)? {
                Some(found) => found,
                None => (None, self.before.get(&place).copied().unwrap_or(0)),
            };
            reads.push((place, source));
            Ok(value)
        };
        let ballot = Place::Ballot(voter, proposal);
        let before = read(ballot)?;
        let mut writes = vec![(ballot, u64::from(choice) + 1)];
        if before != u64::from(choice) + 1 {
            let total = Place::Total(proposal, choice);
            writes.push((total, read(total)? + 1));
            if let Some(other) = before.checked_sub(1) {
                let total = Place::Total(proposal, other as u8);
                writes.push((total, read(total)?.saturating_sub(1)));
            }
        }
        Ok(writes)
    }

    fn validate(&self, number: usize, incarnation: usize) -> Option<Task> {
        let slot = &self.slots[number];
        let reads = lock(&slot.reads).clone();
        let is_same = |(place, source): &(Place, Source)| match self.memory.read(*place, number) {
            Ok(found) => found.and_then(|(source, _)| source) == *source,
            Err(ReadError::Waits(_)) => false,
        };
        let aborted = !reads.iter().all(is_same) && self.try_abort(number, incarnation);
        if aborted {
            for place in lock(&slot.writes).iter() {
                self.memory.write(*place, number, Version::Estimate);
            }
        }
        self.finish_validation(number, aborted)
    }

    fn next_task(&self) -> Option<Task> {
        if self.validation.load(Ordering::SeqCst) < self.execution.load(Ordering::SeqCst) {
            self.next_to_validate()
        } else {
            self.next_to_execute()
        }
    }

    fn next_to_execute(&self) -> Option<Task> {
        if self.execution.load(Ordering::SeqCst) >= self.votes.len() {
            self.check_done();
            return None;
        }
        self.active.fetch_add(1, Ordering::SeqCst);
        let number = self.execution.fetch_add(1, Ordering::SeqCst);
        self.try_start(number).map(|incarnation| Task::Execute(number, incarnation))
    }

    fn next_to_validate(&self) -> Option<Task> {
        if self.validation.load(Ordering::SeqCst) >= self.votes.len() {
            self.check_done();
            return None;
        }
        self.active.fetch_add(1, Ordering::SeqCst);
        let number = self.validation.fetch_add(1, Ordering::SeqCst);
        if let Some(slot) = self.slots.get(number)
            && let (incarnation, Status::Executed) = *lock(&slot.status)
        {
            return Some(Task::Validate(number, incarnation));
        }
        self.active.fetch_sub(1, Ordering::SeqCst);
        None
    }

    fn try_start(&self, number: usize) -> Option<usize> {
        if let Some(slot) = self.slots.get(number) {
            let mut status = lock(&slot.status);
            if status.1 == Status::Ready {
                status.1 = Status::Executing;
                return Some(status.0);
            }
        }
        self.active.fetch_sub(1, Ordering::SeqCst);
        None
    }

    /// Whether the vote now waits for another; not when that was executed in the meantime.
    fn wait_for(&self, number: usize, blocker: usize) -> bool {
        let mut waiting = lock(&self.slots[blocker].waiting);
        if lock(&self.slots[blocker].status).1 == Status::Executed {
            return false;
        }
        lock(&self.slots[number].status).1 = Status::Aborting;
        waiting.push(number);
        drop(waiting);
        self.active.fetch_sub(1, Ordering::SeqCst);
        true
    }

    fn set_ready(&self, number: usize) {
        let mut status = lock(&self.slots[number].status);
        *status = (status.0 + 1, Status::Ready);
    }

    fn finish_execution(&self, number: usize, incarnation: usize, wrote_new: bool) -> Option<Task> {
        lock(&self.slots[number].status).1 = Status::Executed;
        let waiting = std::mem::take(&mut *lock(&self.slots[number].waiting));
        waiting.iter().for_each(|waiter| self.set_ready(*waiter));
        if let Some(first) = waiting.iter().min() {
            self.decrease(&self.execution, *first);
        }
        if self.validation.load(Ordering::SeqCst) > number {
            if !wrote_new {
                return Some(Task::Validate(number, incarnation));
            }
            self.decrease(&self.validation, number);
        }
        self.active.fetch_sub(1, Ordering::SeqCst);
        None
    }

    fn try_abort(&self, number: usize, incarnation: usize) -> bool {
        let mut status = lock(&self.slots[number].status);
        let can = *status == (incarnation, Status::Executed);
        if can {
            status.1 = Status::Aborting;
        }
        can
    }

    fn finish_validation(&self, number: usize, aborted: bool) -> Option<Task> {
        if aborted {
            self.set_ready(number);
            self.decrease(&self.validation, number + 1);
            if self.execution.load(Ordering::SeqCst) > number {
                // Without a start the task is off the account already.
                return self.try_start(number).map(|incarnation| Task::Execute(number, incarnation));
            }
        }
        self.active.fetch_sub(1, Ordering::SeqCst);
        None
    }

    fn decrease(&self, index: &AtomicUsize, to: usize) {
        index.fetch_min(to, Ordering::SeqCst);
        self.decreased.fetch_add(1, Ordering::SeqCst);
    }

    fn check_done(&self) {
        let decreased = self.decreased.load(Ordering::SeqCst);
        let (execution, validation) = (self.execution.load(Ordering::SeqCst), self.validation.load(Ordering::SeqCst));
        if execution.min(validation) >= self.votes.len()
            && self.active.load(Ordering::SeqCst) == 0
            && decreased == self.decreased.load(Ordering::SeqCst)
        {
            self.done.store(true, Ordering::SeqCst);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
