//! One by one against in batches: ratios, taken alternately in one process over the same signatures.
//!
//! `cargo run --release -p althing-batch --example batch_bench [rounds]`. A ratio says how much less time a batch takes than
//! libsecp256k1 one by one; every round measures each subject once, the table shows minimum, median and maximum over the
//! rounds. Machines are noisy: compare ratios of one run, never times of two.

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
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(7);
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
    for lanes in all_lanes() {
        votes.report_threads(rounds, lanes);
    }
}

fn all_lanes() -> Vec<Lanes> {
    let mut all = vec![Lanes::portable()];
    all.extend((Lanes::detect() != Lanes::portable()).then(Lanes::detect));
    all
}

/// Valid signatures over messages of 32 bytes, the keys of neighbours different.
struct Votes {
    per_key: usize,
    keys: Vec<[u8; 32]>,
    messages: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
}

impl Votes {
    fn new(per_key: usize) -> Self {
        let mut votes = Self { per_key, keys: vec![], messages: vec![], signatures: vec![] };
        let members = SIGNATURES / per_key;
        for i in 0..SIGNATURES {
            let mut secret = [1; 32];
            secret[..8].copy_from_slice(&((i % members) as u64).to_be_bytes());
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
        let items = self.items();
        let parsed: Vec<_> = self.keys.iter().map(|key| XOnlyPublicKey::from_byte_array(*key).unwrap()).collect();
        let mut warm = Verifier::with(lanes, KeyCache::with_capacity(4 * SIGNATURES));
        check(&mut warm, &items, size);
        let (mut ratios, mut cached_ratios, mut times, mut cached_times) = (vec![], vec![], vec![], vec![]);
        for _ in 0..rounds {
            let single = time(|| {
                items
                    .iter()
                    .for_each(|item| assert!(is_valid(item, &XOnlyPublicKey::from_byte_array(item.key).unwrap())))
            });
            let batch = time(|| check(&mut Verifier::with(lanes, KeyCache::with_capacity(0)), &items, size));
            let single_cached = time(|| items.iter().zip(&parsed).for_each(|(item, key)| assert!(is_valid(item, key))));
            let batch_cached = time(|| check(&mut warm, &items, size));
            ratios.push(single / batch);
            cached_ratios.push(single_cached / batch_cached);
            times.push(batch);
            cached_times.push(batch_cached);
        }
        let what = format!("{lanes:?}, batches of {size}, {} per key", self.per_key);
        print_row(&what, &mut ratios, &mut times);
        print_row(&format!("{what}, both with keys cached"), &mut cached_ratios, &mut cached_times);
    }

    /// Two threads with a verifier each against one.
    fn report_threads(&self, rounds: usize, lanes: Lanes) {
        let items = self.items();
        let (mut ratios, mut times) = (vec![], vec![]);
        for _ in 0..rounds {
            let work = |items: &[Item<'_>]| check(&mut Verifier::with(lanes, KeyCache::with_capacity(0)), items, 1024);
            let one = time(|| (0..4).for_each(|_| work(&items)));
            let two = time(|| {
                std::thread::scope(|scope| {
                    for _ in 0..2 {
                        scope.spawn(|| (0..2).for_each(|_| work(&items)));
                    }
                });
            });
            ratios.push(one / two);
            times.push(two / 4.0);
        }
        print_row(&format!("{lanes:?}, batches of 1024, 2 threads against 1"), &mut ratios, &mut times);
    }
}

fn is_valid(item: &Item<'_>, key: &XOnlyPublicKey) -> bool {
    schnorr::verify(&schnorr::Signature::from_byte_array(item.signature), item.message, key).is_ok()
}

fn check(verifier: &mut Verifier, items: &[Item<'_>], size: usize) {
    assert!(items.chunks(size).all(|batch| verifier.check(batch).is_all_valid()));
    assert_eq!(verifier.disagreement(), None);
}

/// Seconds.
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
