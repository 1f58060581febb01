//! What is measured, and what is wanted of it: the goals of the design, one row each, and what they are compared with.

/// A measure before it is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) floor: Option<f64>,
    pub(crate) goal: Option<f64>,
    /// Whether less is better.
    pub(crate) less: bool,
}

const fn more(group: &'static str, name: &'static str, unit: &'static str, floor: f64, goal: f64) -> Goal {
    Goal { group, name, unit, floor: Some(floor), goal: Some(goal), less: false }
}

const fn less(group: &'static str, name: &'static str, unit: &'static str, floor: f64, goal: f64) -> Goal {
    Goal { group, name, unit, floor: Some(floor), goal: Some(goal), less: true }
}

const fn shown(group: &'static str, name: &'static str, unit: &'static str) -> Goal {
    Goal { group, name, unit, floor: None, goal: None, less: false }
}

pub(crate) const END_TO_END: Goal = more(
    "pipeline",
    "end to end: signed -> checked -> ordered -> fsync'd -> rooted -> receipted, 2 cores",
    "votes/s",
    80_000.0,
    100_000.0,
);
pub(crate) const END_TO_END_SIGNATURES: Goal = shown("pipeline", "end to end, signatures checked", "signatures/s");
pub(crate) const CHANNEL_TRAFFIC: Goal = shown("pipeline", "end to end, 16 votes of a key side by side", "votes/s");
pub(crate) const STRONG: Goal =
    more("pipeline", "against a strong SQLite group-commit server doing one-by-one checks", "x", 1.5, 2.0);
pub(crate) const STRONG_RATE: Goal = shown("pipeline", "strong SQLite group-commit server", "votes/s");
pub(crate) const NAIVE: Goal = shown("pipeline", "against a naive server with one insert for each vote", "x");
pub(crate) const NAIVE_RATE: Goal = shown("pipeline", "naive SQLite server, one insert for each vote", "votes/s");
pub(crate) const SHARE: Goal = less("pipeline", "share of CPU outside signature checking", "%", 20.0, 10.0);
pub(crate) const SHARE_OF_ONE: Goal =
    less("pipeline", "the same beside a check one by one (ADR 0015)", "%", 20.0, 10.0);
pub(crate) const OUTSIDE: Goal = shown("pipeline", "CPU of a vote outside signature checking", "us");
pub(crate) const INSIDE: Goal = shown("pipeline", "CPU of a vote in signature checking", "us");
pub(crate) const HOT: Goal = more("pipeline", "one hot proposal vs 1,000 proposals", "x", 0.9, 1.0);
pub(crate) const BATCH: Goal =
    more("signatures", "batch check / one-by-one libsecp256k1, 4096 distinct keys", "x", 1.6, 1.8);
pub(crate) const BATCH_WIDE: Goal = Goal { goal: Some(3.0), ..BATCH };
pub(crate) const BATCH_PORTABLE: Goal =
    more("signatures", "batch check / one-by-one libsecp256k1, 4096 distinct keys, portable arithmetic", "x", 1.6, 1.8);
pub(crate) const COALESCED: Goal = more("signatures", "the same, >= 16 signatures per key", "x", 3.0, 5.0);
pub(crate) const ONE_BY_ONE: Goal = shown("signatures", "libsecp256k1 one by one, key parsed", "us");
pub(crate) const BATCH_EACH: Goal = shown("signatures", "batch of 4096 distinct keys, each", "us");
pub(crate) const VERIFY_THREADS: Goal = shown("signatures", "2 threads / 1 thread, signature checking alone", "x");
pub(crate) const THREADS: Goal = more("threads", "2 threads / 1 thread", "x", 1.7, 1.9);
pub(crate) const P50_LOADED: Goal = less("latency", "p50 / p99 receipt latency at 80% load", "ms (p50)", 60.0, 30.0);
pub(crate) const P99_LOADED: Goal = less("latency", "p50 / p99 receipt latency at 80% load", "ms (p99)", 200.0, 80.0);
pub(crate) const P50_LOW: Goal = less("latency", "p50 at low load on loopback", "ms", 10.0, 5.0);
pub(crate) const P99_LOW: Goal = shown("latency", "p99 at low load on loopback", "ms");
pub(crate) const P50_MEMBER: Goal =
    less("member", "p50 from the order of a vote at a member's node to the stored receipt", "ms", 10.0, 5.0);
pub(crate) const P99_MEMBER: Goal =
    shown("member", "p99 from the order of a vote at a member's node to the stored receipt", "ms");
pub(crate) const LOOPBACK: Goal =
    shown("latency", "over BOLT 8 on the loopback, both ends on the same cores", "votes/s");
pub(crate) const INVALID: Goal = more("invalid", "throughput kept with 1% invalid signatures", "%", 35.0, 45.0);
pub(crate) const INVALID_END: Goal =
    more("invalid", "throughput kept end to end with 1% invalid signatures, each from a new peer", "%", 35.0, 45.0);
pub(crate) const FLOOD: Goal =
    less("invalid", "honest p99 while one peer floods with invalid signatures / without", "x", 2.0, 1.2);
pub(crate) const COST_GROWTH: Goal = less("growth", "cost per vote, 10M votes vs 100k votes", "x", 1.3, 1.15);
pub(crate) const COST_GROWTH_1M: Goal = less("growth", "cost per vote, 1M votes vs 100k votes", "x", 1.3, 1.15);
pub(crate) const MEMORY: Goal = less("growth", "memory per 1M votes beyond the log", "MB", 250.0, 40.0);
pub(crate) const AUDIT: Goal = more("growth", "full audit (recheck everything)", "x ingest speed", 1.0, 2.0);
pub(crate) const AUDIT_RATE: Goal = shown("growth", "full audit", "votes/s");
pub(crate) const AUDIT_MEMORY: Goal = shown("growth", "memory of a full audit per 1M votes, the log included", "MB");
pub(crate) const START_UP: Goal = shown("growth", "start-up, every signature checked again, per 1M entries", "s");
pub(crate) const DISK: Goal = shown("growth", "disk per vote", "B");
pub(crate) const MEMBERS: Goal = less("growth", "cost per vote, 100,000 members vs 1,000", "x", 1.3, 1.15);
pub(crate) const PROPOSALS: Goal = less("growth", "cost per vote, 10,000 proposals vs 1", "x", 1.3, 1.15);
pub(crate) const PROOF_SIZE: Goal = less("proofs", "proof at 2^24 leaves: size / check", "B", 1024.0, 800.0);
pub(crate) const PROOF_CHECK: Goal = less("proofs", "proof at 2^24 leaves: size / check", "us", 10.0, 4.0);
pub(crate) const TREE: Goal = shown("proofs", "leaves appended to the log tree", "M/s");
pub(crate) const CHECKPOINTS: Goal = more("checkpoints", "checkpoints per hub", "1/s", 500.0, 1000.0);
pub(crate) const EXECUTOR: Goal =
    more("executor", "tally of 8 hot proposals: shards / Block-STM-style executor, 2 threads", "x", 3.0, 5.0);
pub(crate) const EXECUTOR_RATE: Goal = shown("executor", "Block-STM-style executor, 8 hot proposals", "M votes/s");
pub(crate) const EXECUTOR_ABORTS: Goal = shown("executor", "Block-STM-style executor, executions of a vote", "times");

/// Everything that can be measured.
pub(crate) const ALL: &[Goal] = &[
    END_TO_END,
    END_TO_END_SIGNATURES,
    CHANNEL_TRAFFIC,
    BATCH,
    BATCH_PORTABLE,
    COALESCED,
    ONE_BY_ONE,
    BATCH_EACH,
    VERIFY_THREADS,
    THREADS,
    STRONG,
    STRONG_RATE,
    NAIVE,
    NAIVE_RATE,
    SHARE,
    SHARE_OF_ONE,
    OUTSIDE,
    INSIDE,
    HOT,
    P50_LOADED,
    P99_LOADED,
    P50_LOW,
    P99_LOW,
    LOOPBACK,
    P50_MEMBER,
    P99_MEMBER,
    INVALID,
    INVALID_END,
    FLOOD,
    COST_GROWTH,
    COST_GROWTH_1M,
    MEMORY,
    AUDIT,
    AUDIT_RATE,
    AUDIT_MEMORY,
    START_UP,
    DISK,
    MEMBERS,
    PROPOSALS,
    PROOF_SIZE,
    PROOF_CHECK,
    TREE,
    CHECKPOINTS,
    EXECUTOR,
    EXECUTOR_RATE,
    EXECUTOR_ABORTS,
];

/// Whether a group has a measure with this in its name.
pub(crate) fn is_in(group: &str, wanted: &str) -> bool {
    ALL.iter().any(|goal| goal.group == group && goal.name.contains(wanted))
}
