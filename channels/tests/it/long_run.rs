//! Ten million random steps of both sides; by hand: `cargo test -p althing-channels --release -- --ignored --nocapture`.
//!
//! `ALTHING_STEPS` sets how many, `ALTHING_SEED` the first seed: a run that was stopped is continued at the seed it printed.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a clock and switches, of this one test")]

use std::time::Instant;

use crate::testkit::driver::{Driver, Seeded, Seen};

/// Steps before a channel is left to rest and compared; also what one seed stands for.
const STEPS_PER_SEED: usize = 20_000;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

#[test]
#[ignore = "takes an hour"]
#[allow(clippy::print_stderr, reason = "progress, and the seed to continue at")]
fn ten_million_steps() {
    let steps = setting("ALTHING_STEPS", 10_000_000);
    let first = setting("ALTHING_SEED", 0);
    let (begin, mut seen) = (Instant::now(), Seen::default());
    for (done, seed) in (1..=steps.div_ceil(STEPS_PER_SEED)).zip(first..) {
        let mut driver = if seed % 2 == 0 { Driver::new() } else { Driver::unopened() };
        driver.run(&mut Seeded(seed as u64), STEPS_PER_SEED);
        driver.come_to_rest();
        seen.add(driver.seen);
        if done == 1 || done % 10 == 0 {
            let (steps, seconds) = (done * STEPS_PER_SEED, begin.elapsed().as_secs_f64());
            let rate = steps as f64 / seconds;
            eprintln!("{steps} steps, {seen:?}, {rate:.0} steps/s; next seed {}", seed + 1);
        }
    }
}
