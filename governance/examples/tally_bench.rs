//! What a final tally costs, on two threads: `cargo run --release -p althing-governance --example tally_bench`
//!
//! Two tables. *Many proposals*: a roll of a million members, 200,000 of whom delegate, and 1,000 proposals among which the
//! ballots are spread; the threads take proposals. The flow of weight without any ballot is the same for all of them
//! ([`Basin`]), so that of each proposal only what its voters change is counted ([`Live`]): *base* is this and the tree of the
//! roll. *One proposal*: everybody on the roll votes or delegates on the same one; the threads take shards of its members and
//! exchange delegated weight.
//!
//! `--only many|one` prints one table, `--ballots N` one line with N ballots, `--10m` the lines with ten million too (the
//! ballot tree of the one proposal is left out there: it would take several gigabytes).
//!
//! Signatures are not part of it: they were checked when the ballots came in. Trees have the five sums of yes, no and abstain
//! and values as long as those of real ballot trees (G-76). The lines say whether two threads got the roots of one.
//!
//! Times are the processor time of all threads (Linux, to 10 ms) divided by two: what two cores take that do nothing else. Only
//! *wall* is a clock on the wall, with whatever else the machine was doing.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures time and prints it"
)]

mod measuring;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use althing_governance::MemberId;
use althing_governance::delegation::{Basin, EdgeList, Electorate, Flow, Graph, Live, Resolver, Seat};
use althing_governance::parallel::{Fragments, Parcel, Shards, TallyShard};
use althing_governance::tree::{SumFragment, SumLeaf, SumOverlay, SumTree, TreePurpose};
use althing_governance::voting::{Count, System};

use measuring::{Random, cpu_ticks};

const THREADS: usize = 2;
const PROPOSALS: usize = 1_000;
const ROLL: usize = 1_000_000;
const DELEGATIONS: usize = 200_000;
const PURPOSE: TreePurpose = TreePurpose::Ballots { sums: 5 };
/// What a ballot may say: abstain, yes, no.
const CHOICES: [[u16; 1]; 3] = [[0], [1], [2]];

type Ballots = Vec<(Seat, &'static [u16])>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let only = value("--only").map(String::as_str);
    let mut sizes = vec![100_000, 1_000_000];
    if arguments.iter().any(|a| a == "--10m") {
        sizes.push(10_000_000);
    }
    if let Some(ballots) = value("--ballots") {
        sizes = vec![ballots.parse().unwrap()];
    }
    if only != Some("one") {
        many_proposals(&sizes);
    }
    if only != Some("many") {
        one_proposal(&sizes);
    }
}

fn many_proposals(sizes: &[usize]) {
    println!("many proposals: {PROPOSALS}, roll {ROLL}, delegations {DELEGATIONS}, threads {THREADS}");
    println!(
        "{:>10} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}  roots",
        "ballots", "base s", "count s", "tree s", "wall s", "count ns", "all ns"
    );
    for &ballots in sizes {
        let mut random = Random(ballots as u64 | 1);
        let graph = graph(ROLL, DELEGATIONS, &mut random);
        let polls: Vec<Ballots> = (0..PROPOSALS).map(|_| poll(&graph, ballots / PROPOSALS, &mut random)).collect();
        let stopwatch = Stopwatch::start();
        // Leaves of members without a ballot are the same for all proposals of one roll and topic.
        let base = Arc::new(tree_of(&graph, &Shards::new(ROLL, THREADS), |seat| leaf(&graph, seat, None, 0)));
        let basin = Basin::new(graph);
        // It is made when it is first looked at.
        let _ = Live::new().received(&basin, Seat(0));
        let base_time = stopwatch.stop();
        let run = |threads| {
            in_threads(threads, polls.len(), |n| {
                let graph = basin.graph();
                let mut clock = Clock::default();
                let (count, live) = clock.first(|| count_live(&basin, &polls[n]));
                let root = clock.second(|| {
                    let mut overlay = SumOverlay::new(Arc::clone(&base));
                    let leaves =
                        polls[n].iter().map(|(seat, f)| leaf(graph, *seat, Some(f), live.received(&basin, *seat)));
                    overlay.replace(leaves).unwrap();
                    overlay.root()
                });
                assert_eq!(root.sums, count.sums(), "the root's sums are the tally");
                (root.hash, clock)
            })
        };
        let stopwatch = Stopwatch::start();
        let results = run(THREADS);
        let polls_time = stopwatch.stop();
        let (counting, trees): (Duration, Duration) = results
            .iter()
            .fold((Duration::ZERO, Duration::ZERO), |sum, (_, clock)| (sum.0 + clock.first, sum.1 + clock.second));
        // Now and then the whole resolver is asked whether it agrees.
        let mut resolver = Resolver::new(ROLL);
        let mut agrees = true;
        for poll in polls.iter().step_by(PROPOSALS / 5) {
            agrees &= count_live(&basin, poll).0 == count(basin.graph(), &mut resolver, poll).0;
        }
        let sample = |results: &[([u8; 32], Clock)]| results.iter().map(|(hash, _)| *hash).collect::<Vec<_>>();
        let same = agrees && sample(&run(1)) == sample(&results);
        let share = |part: Duration| polls_time.cpu * part.as_secs_f64() / (counting + trees).as_secs_f64();
        println!(
            "{ballots:>10} {:>8.2} {:>9.2} {:>9.2} {:>9.2} {:>9.0} {:>9.0}  {}",
            base_time.cpu,
            share(counting),
            share(trees),
            base_time.wall + polls_time.wall,
            share(counting) * 1e9 / ballots as f64,
            (base_time.cpu + polls_time.cpu) * 1e9 / ballots as f64,
            if same { "same" } else { "DIFFERENT" },
        );
    }
}

fn one_proposal(sizes: &[usize]) {
    println!("one proposal: everybody votes but a fifth, who delegate; threads {THREADS}");
    println!(
        "{:>10} {:>9} {:>9} {:>9} {:>9} {:>9}  sums and roots",
        "ballots", "count s", "tree s", "wall s", "count ns", "all ns"
    );
    for &ballots in sizes {
        let mut random = Random(ballots as u64 | 1);
        let roll = ballots + ballots / 5;
        let graph = graph(roll, ballots / 5, &mut random);
        // Whoever delegates does not vote: so many as there are delegations.
        let cast: Ballots = graph
            .electorate()
            .seats()
            .filter(|seat| graph.edges(*seat).is_empty())
            .map(|seat| (seat, &CHOICES[random.below(3)][..]))
            .collect();
        let stopwatch = Stopwatch::start();
        let (count_two, shards) = count_in_shards(&graph, &cast, THREADS);
        let counting = stopwatch.stop();
        let mut resolver = Resolver::new(roll);
        let (count_one, flow) = count(&graph, &mut resolver, &cast);
        let mut same = count_two == count_one;
        let (mut tree_time, with_tree) = (Times::default(), ballots <= 2_000_000);
        if with_tree {
            let mut fields: Vec<Option<&[u16]>> = vec![None; roll];
            cast.iter().for_each(|(seat, choice)| fields[seat.index()] = Some(choice));
            let stopwatch = Stopwatch::start();
            let tree =
                tree_of(&graph, &shards, |seat| leaf(&graph, seat, fields[seat.index()], flow.received(&graph, seat)));
            tree_time = stopwatch.stop();
            same &= tree.root().sums == count_one.sums();
            let leaves = graph.electorate().seats();
            let leaves = leaves.map(|s| leaf(&graph, s, fields[s.index()], flow.received(&graph, s))).collect();
            same &= SumTree::build(PURPOSE, leaves).unwrap().root() == tree.root();
        }
        let tree_column = if with_tree { format!("{:.2}", tree_time.cpu) } else { "-".into() };
        println!(
            "{ballots:>10} {:>9.3} {tree_column:>9} {:>9.2} {:>9.0} {:>9.0}  {}",
            counting.cpu,
            counting.wall + tree_time.wall,
            counting.cpu * 1e9 / ballots as f64,
            (counting.cpu + tree_time.cpu) * 1e9 / ballots as f64,
            if same { "same" } else { "DIFFERENT" },
        );
    }
}

/// The sums of one poll, and the flow behind them.
fn count<'r>(graph: &Graph, resolver: &'r mut Resolver, ballots: &Ballots) -> (Count, &'r Flow) {
    let flow = resolver.resolve(graph, ballots.iter().map(|(seat, _)| *seat));
    let mut count = Count::new(System::YesNoAbstain, 0).unwrap();
    count.add_roll(graph.electorate().total()).unwrap();
    for (seat, fields) in ballots {
        count.add(fields, flow.received(graph, *seat)).unwrap();
    }
    (count, flow)
}

/// The same, by letting the voters into what flows without them.
fn count_live(basin: &Basin, ballots: &Ballots) -> (Count, Live) {
    let mut live = Live::new();
    for (seat, _) in ballots {
        live.set_votes(basin, *seat, true);
    }
    let mut count = Count::new(System::YesNoAbstain, 0).unwrap();
    count.add_roll(basin.graph().electorate().total()).unwrap();
    for (seat, fields) in ballots {
        count.add(fields, live.received(basin, *seat)).unwrap();
    }
    (count, live)
}

/// The same by shards, one thread each.
fn count_in_shards(graph: &Graph, ballots: &Ballots, threads: usize) -> (Count, Shards) {
    let shards = Shards::new(graph.electorate().len(), threads);
    let inboxes: Vec<Mutex<Vec<Parcel>>> = (0..threads).map(|_| Mutex::default()).collect();
    let barrier = Barrier::new(threads);
    let counts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for shard in 0..threads {
            let (inboxes, barrier, counts) = (&inboxes, &barrier, &counts);
            scope.spawn(move || {
                let mut part = TallyShard::new(graph, shards, shard, ballots.iter().copied());
                for _ in 0..althing_governance::delegation::MAX_STEPS {
                    for (to, parcel) in part.send().into_iter().enumerate() {
                        inboxes[to].lock().unwrap().push(parcel);
                    }
                    barrier.wait();
                    let parcels = std::mem::take(&mut *inboxes[shard].lock().unwrap());
                    part.receive(&parcels);
                    // Nobody sends for the next step while somebody still reads for this one.
                    barrier.wait();
                }
                counts.lock().unwrap().push(part.count(System::YesNoAbstain, 0).unwrap());
            });
        }
    });
    let mut counts = counts.into_inner().unwrap().into_iter();
    let mut total = counts.next().unwrap();
    counts.for_each(|count| total.merge(&count).unwrap());
    (total, shards)
}

/// A tree whose parts are hashed by one thread each.
fn tree_of(graph: &Graph, shards: &Shards, leaf: impl Fn(Seat) -> SumLeaf + Sync) -> SumTree {
    let fragments = Mutex::new(Fragments::new(PURPOSE));
    let seats: Vec<Seat> = graph.electorate().seats().collect();
    std::thread::scope(|scope| {
        for shard in 0..shards.count() {
            let (fragments, leaf, seats) = (&fragments, &leaf, &seats);
            scope.spawn(move || {
                let range = shards.range(shard);
                let leaves = seats[range.clone()].iter().map(|seat| leaf(*seat)).collect();
                let part = SumFragment::hash(PURPOSE, range.start, leaves).unwrap();
                fragments.lock().unwrap().insert(part).unwrap();
            });
        }
    });
    fragments.into_inner().unwrap().finish().unwrap()
}

/// Does `jobs` jobs, the threads taking the next one each; results by job.
fn in_threads<R: Send>(threads: usize, jobs: usize, job: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((0..jobs).map(|_| None).collect::<Vec<Option<R>>>());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= jobs {
                        break;
                    }
                    let result = job(n);
                    results.lock().unwrap()[n] = Some(result);
                }
            });
        }
    });
    results.into_inner().unwrap().into_iter().map(Option::unwrap).collect()
}

/// A leaf with a value as long as those of G-76.
fn leaf(graph: &Graph, seat: Seat, fields: Option<&[u16]>, received: u128) -> SumLeaf {
    let own = graph.electorate().weight(seat);
    let (length, sums) = match fields {
        Some([choice]) => {
            let weight_if = |field: u16| if *choice == field { received } else { 0 };
            (63, [weight_if(1), weight_if(2), weight_if(0), 1, own])
        }
        _ if graph.edges(seat).is_empty() => (1, [0, 0, 0, 0, own]),
        _ => (33, [0, 0, 0, 0, own]),
    };
    SumLeaf { key: graph.electorate().member(seat).0, value: vec![length; usize::from(length)], sums: sums.to_vec() }
}

/// Members with weights up to a million, `delegations` of whom divide theirs between two; the receivers are mostly few.
fn graph(roll: usize, delegations: usize, random: &mut Random) -> Graph {
    let members = (0..roll as u64).map(|n| {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&n.to_be_bytes());
        (MemberId(id), 1 + random.below(1_000_000) as u128)
    });
    let mut graph = Graph::new(Arc::new(Electorate::new(members.collect::<Vec<_>>()).unwrap()));
    let step = roll / delegations;
    for n in 0..delegations {
        let share = 1 + random.below(9_999) as u16;
        let mut receiver = || Some(Seat(random.popular(roll) as u32));
        graph.set(Seat((n * step) as u32), &EdgeList::new([(receiver(), share), (receiver(), 10_000 - share)]));
    }
    graph
}

/// So many different members' ballots; half of the voters are among those to whom others delegate.
fn poll(graph: &Graph, ballots: usize, random: &mut Random) -> Ballots {
    let roll = graph.electorate().len();
    let mut voters = std::collections::BTreeSet::new();
    while voters.len() < ballots {
        voters.insert(if random.below(2) == 0 { random.popular(roll) } else { random.below(roll) });
    }
    voters.into_iter().map(|seat| (Seat(seat as u32), &CHOICES[random.below(3)][..])).collect()
}

struct Stopwatch {
    start: Instant,
    ticks: u64,
}

/// Seconds.
#[derive(Clone, Copy, Default)]
struct Times {
    /// Processor time of all threads, divided by the number of threads.
    cpu: f64,
    wall: f64,
}

impl Stopwatch {
    fn start() -> Self {
        Self { start: Instant::now(), ticks: cpu_ticks() }
    }

    fn stop(&self) -> Times {
        let cpu = (cpu_ticks() - self.ticks) as f64 / 100.0 / THREADS as f64;
        Times { cpu, wall: self.start.elapsed().as_secs_f64() }
    }
}

/// How a job's time divides.
#[derive(Clone, Copy, Default)]
struct Clock {
    first: Duration,
    second: Duration,
}

impl Clock {
    fn first<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.first += start.elapsed();
        result
    }

    fn second<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.second += start.elapsed();
        result
    }
}
