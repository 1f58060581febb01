//! One by one against in batches: ratios, taken alternately in one process over the same signatures.
//!
//! `cargo run --release -p althing-batch --example batch_bench [rounds [text]]` measures the rows whose name has the text.
//! A ratio says how many times less computing time a batch takes than libsecp256k1 one by one. Every round measures each
//! subject once; the table shows minimum, median and maximum over the rounds. Machines are noisy: compare ratios of one
//! run, never times of two.

#![allow(clippy::print_stdout, reason = "it is a report")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark reads the clock and starts threads"
)]
#![allow(clippy::unwrap_used, reason = "its own valid signatures")]

use std::time::Instant;

use althing_batch::{Item, KeyCache, Lanes, Verifier};
use secp256k1::{Keypair, SecretKey, XOnlyPublicKey, schnorr};

/// Signatures measured at a time, whatever the batch size.
const SIGNATURES: usize = 4096;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    println!("{SIGNATURES} signatures, {rounds} rounds; fastest lanes: {:?}", Lanes::detect());
    println!("{:<58} {:>6} {:>6} {:>6}   us each", "less time than one by one, key parsed", "min", "median", "max");
    for per_key in [1, 4, 16] {
        let votes = Votes::new(per_key);
        for size in [64, 256, 1024, 4096] {
            for lanes in all_lanes() {
                votes.report_batches(rounds, size, lanes);
            }
        }
    }
    let votes = Votes::new(1);
    for every in [1000, 300, 100, 30, 10] {
        for lanes in all_lanes() {
            votes.report_invalid(rounds, lanes, every);
        }
    }
    for lanes in all_lanes() {
        votes.report_threads(rounds, lanes);
    }
}

fn all_lanes() -> Vec<Lanes> {
    let mut all = vec![Lanes::portable()];
    all.extend((Lanes::detect() != Lanes::portable()).then(Lanes::detect));
    all
}

/// Valid signatures over messages of 32 bytes, those of one key side by side.
struct Votes {
    per_key: usize,
    keys: Vec<[u8; 32]>,
    messages: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
}

impl Votes {
    fn new(per_key: usize) -> Self {
        let mut votes = Self { per_key, keys: vec![], messages: vec![], signatures: vec![] };
        for i in 0..SIGNATURES {
            let mut secret = [1; 32];
            secret[..8].copy_from_slice(&((i / per_key) as u64).to_be_bytes());
            let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes(secret).unwrap());
            let mut message = [3; 32];
            message[..8].copy_from_slice(&(i as u64).to_be_bytes());
            votes.keys.push(keypair.x_only_public_key().0.to_byte_array());
            votes.messages.push(message);
            votes.signatures.push(schnorr::sign_with_aux_rand(&message, &keypair, &[0; 32]).to_byte_array());
        }
        votes
    }

    fn items(&self) -> Vec<Item<'_>> {
        (0..SIGNATURES)
            .map(|i| Item { key: self.keys[i], message: &self.messages[i], signature: self.signatures[i] })
            .collect()
    }

    /// Batches of `size` with `lanes`, keys unknown and known, against one by one with keys parsed and kept.
    fn report_batches(&self, rounds: usize, size: usize, lanes: Lanes) {
        let what = format!("{lanes:?}, batches of {size}, {} per key", self.per_key);
        if !is_wanted(&what) {
            return;
        }
        let items = self.items();
        let parsed: Vec<_> = self.keys.iter().map(|key| XOnlyPublicKey::from_byte_array(*key).unwrap()).collect();
        let mut warm = Verifier::with(lanes, KeyCache::with_capacity(4 * SIGNATURES));
        check(&mut warm, &items, size);
        let (mut ratios, mut cached_ratios, mut times, mut cached_times) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let single = cpu_time(|| items.iter().for_each(|item| assert!(parses_and_is_valid(item))));
            let batch = cpu_time(|| check(&mut Verifier::with(lanes, KeyCache::with_capacity(0)), &items, size));
            let single_cached =
                cpu_time(|| items.iter().zip(&parsed).for_each(|(item, key)| assert!(is_valid(item, key))));
            let batch_cached = cpu_time(|| check(&mut warm, &items, size));
            ratios.push(single / batch);
            cached_ratios.push(single_cached / batch_cached);
            times.push(batch);
            cached_times.push(batch_cached);
        }
        print_row(&what, &mut ratios, &mut times);
        print_row(&format!("{what}, both with keys cached"), &mut cached_ratios, &mut cached_times);
    }

    /// Batches of 1024 in which one of `every` signatures is invalid, and the ones before were so too, against one by one.
    fn report_invalid(&self, rounds: usize, lanes: Lanes, every: usize) {
        let what = format!("{lanes:?}, batches of 1024, 1 of {every} invalid");
        if !is_wanted(&what) {
            return;
        }
        let mut items = self.items();
        items.iter_mut().skip(every / 2).step_by(every).for_each(|item| item.signature[40] ^= 1);
        let (mut ratios, mut times) = (vec![], vec![]);
        for _ in 0..rounds {
            let count_invalid = || items.iter().filter(|item| !parses_and_is_valid(item)).count();
            let (mut invalid, mut found) = (0, 0);
            let single = cpu_time(|| invalid = count_invalid());
            let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(0));
            let mut check = || items.chunks(1024).map(|batch| verifier.check(batch).invalid.len()).sum();
            let _: usize = check();
            let batch = cpu_time(|| found = check());
            assert_eq!(found, invalid);
            ratios.push(single / batch);
            times.push(batch);
        }
        print_row(&what, &mut ratios, &mut times);
    }

    /// Two threads with a verifier each against one. By computing time of the slower thread, so that other work on the
    /// machine does not count, but what the two cost each other does.
    fn report_threads(&self, rounds: usize, lanes: Lanes) {
        let what = format!("{lanes:?}, batches of 1024, 2 threads against 1");
        if !is_wanted(&what) {
            return;
        }
        let items = self.items();
        let work = |times: usize| {
            let mut verifier = Verifier::with(lanes, KeyCache::with_capacity(0));
            cpu_time(|| (0..times).for_each(|_| check(&mut verifier, &items, 1024)))
        };
        let (mut ratios, mut times) = (vec![], vec![]);
        for _ in 0..rounds {
            let one = work(8);
            let two = std::thread::scope(|scope| {
                let threads = [scope.spawn(|| work(4)), scope.spawn(|| work(4))];
                threads.map(|thread| thread.join().unwrap()).into_iter().fold(0.0, f64::max)
            });
            ratios.push(one / two);
            times.push(two / 8.0);
        }
        print_row(&what, &mut ratios, &mut times);
    }
}

/// Whether the second argument, if there is one, occurs in the name of a row.
fn is_wanted(what: &str) -> bool {
    std::env::args().nth(2).is_none_or(|text| what.contains(&text))
}

fn parses_and_is_valid(item: &Item<'_>) -> bool {
    XOnlyPublicKey::from_byte_array(item.key).is_ok_and(|key| is_valid(item, &key))
}

fn is_valid(item: &Item<'_>, key: &XOnlyPublicKey) -> bool {
    schnorr::verify(&schnorr::Signature::from_byte_array(item.signature), item.message, key).is_ok()
}

fn check(verifier: &mut Verifier, items: &[Item<'_>], size: usize) {
    assert!(items.chunks(size).all(|batch| verifier.check(batch).is_all_valid()));
    assert_eq!(verifier.disagreement(), None);
}

/// Seconds that this thread computed, where the system tells (Linux); else seconds that passed.
fn cpu_time(work: impl FnOnce()) -> f64 {
    let before = computed();
    let passed = time(work);
    before.zip(computed()).map_or(passed, |(before, after)| after - before)
}

/// Seconds that this thread has computed so far.
fn computed() -> Option<f64> {
    // Yielding makes the scheduler bring its account up to date.
    std::thread::yield_now();
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(account.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
}

/// Seconds that passed.
fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn print_row(what: &str, ratios: &mut [f64], times: &mut [f64]) {
    ratios.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    let micros = times[middle] / SIGNATURES as f64 * 1e6;
    println!("{what:<58} {:>6.2} {:>6.2} {:>6.2} {micros:>9.2}", ratios[0], ratios[middle], ratios[ratios.len() - 1]);
}
