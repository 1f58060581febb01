//! How many proofs of a roll, of a ballot tree and of the log are made and checked in a second, and how large they are: a JSON line each.
//!
//! `cargo run --release -p althing-governance --example proof_bench -- 10 20 24` gives the sizes as powers of two.

#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use althing_governance::Canonical as _;
use althing_governance::tree::{HistoryTree, SumLeaf, SumTree, TreePurpose, leaf_hash, verify_inclusion};

/// How long each line is measured for.
const MEASURED: Duration = Duration::from_secs(1);

/// Ballot trees above this take more memory than most machines have to spare.
const LARGEST_BALLOTS: u32 = 21;

/// Sums of a yes/no/abstain ballot tree (V-11).
const BALLOT_SUMS: usize = 6;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut powers: Vec<u32> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    if powers.is_empty() {
        powers = vec![10, 20];
    }
    for power in powers {
        sums("roll", TreePurpose::Roll, power, 0, 1)?;
        if power <= LARGEST_BALLOTS {
            sums("ballots", TreePurpose::Ballots { sums: BALLOT_SUMS }, power, 63, BALLOT_SUMS)?;
        }
        log(power)?;
    }
    Ok(())
}

fn sums(
    tree: &str,
    purpose: TreePurpose,
    power: u32,
    value: usize,
    sums: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let count = 1u64 << power;
    let leaf = |n: u64| SumLeaf { key: key(n), value: vec![1; value], sums: vec![1; sums] };
    let start = Instant::now();
    let built = SumTree::build(purpose, (0..count).map(leaf).collect())?;
    let build_ms = start.elapsed().as_millis();
    let commitment = built.commitment();
    let mut n = 0;
    let made = rate(|| {
        n = (n + 7919) % count;
        built.prove(&key(n)).is_some()
    });
    let proof = built.prove(&key(count / 3)).ok_or("a leaf is missing")?;
    let checked = rate(|| proof.verify(purpose, &key(count / 3), &commitment).is_ok());
    report(tree, count, build_ms, proof.to_bytes().len(), made, checked);
    Ok(())
}

fn log(power: u32) -> Result<(), Box<dyn std::error::Error>> {
    let count = 1u64 << power;
    let start = Instant::now();
    let tree = HistoryTree::from_leaf_hashes((0..count).map(|n| leaf_hash(&n.to_be_bytes())));
    let (build_ms, root) = (start.elapsed().as_millis(), tree.root());
    let mut n = 0;
    let made = rate(|| {
        n = (n + 7919) % count;
        tree.inclusion_proof(n, count).is_some()
    });
    let position = count / 3;
    let path = tree.inclusion_proof(position, count).ok_or("a leaf is missing")?;
    let leaf = leaf_hash(&position.to_be_bytes());
    let checked = rate(|| verify_inclusion(leaf, position, count, &path, root).is_ok());
    report("log", count, build_ms, path.len() * 32, made, checked);
    Ok(())
}

fn report(tree: &str, leaves: u64, build_ms: u128, bytes: usize, made: f64, checked: f64) {
    println!(
        "{{\"tree\":\"{tree}\",\"leaves\":{leaves},\"build_ms\":{build_ms},\"proof_bytes\":{bytes},\"made_per_s\":{made:.0},\"checked_per_s\":{checked:.0}}}"
    );
}

fn key(n: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    key
}

fn rate(mut once: impl FnMut() -> bool) -> f64 {
    let (start, mut done) = (Instant::now(), 0u32);
    while start.elapsed() < MEASURED {
        assert!(black_box(once()));
        done += 1;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}
