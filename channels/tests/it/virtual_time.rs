//! Days of two peers in virtual time: latency, outages, crashes and blocks by a seed, compared with the reference model.

use althing_channels::Side;

use crate::testkit::clock::{HOUR, MINUTE, Millis, Pace, SECOND, World};

const CALM: Pace = Pace { latency: (50, 50), wish: 100 * HOUR, splice: None, cut: None, crash: None, outage: MINUTE };

const STORMY: Pace = Pace {
    latency: (20, 2_000),
    wish: 20 * SECOND,
    splice: Some(20 * MINUTE),
    cut: Some(4 * MINUTE),
    crash: Some(7 * MINUTE),
    outage: 30 * SECOND,
};

#[test]
fn a_checkpoint_takes_a_round_trip_and_a_half() {
    let one_way: Millis = 50;
    let mut world = World::new(1, CALM);
    world.run_until(SECOND);
    assert_eq!(world.pay_and_time(Side::Member, 20_000), [2 * one_way, 3 * one_way]);
    world.run_until(world.now + SECOND);
    assert_eq!(world.pay_and_time(Side::Hub, 5_000), [2 * one_way, 3 * one_way]);
}

#[test]
fn a_seed_tells_one_story() {
    let run = |seed| {
        let mut world = World::new(seed, STORMY);
        world.run_until(HOUR);
        (world.trace, world.events)
    };
    let first = run(5);
    assert!(first.1 > 300, "an hour of {} events", first.1);
    assert_eq!(first, run(5));
    assert_ne!(first.0, run(6).0);
}

#[test]
fn stormy_hours_come_to_rest() {
    let mut checkpoints = 0;
    for seed in 0..4 {
        let mut world = World::new(seed, STORMY);
        world.run_until(HOUR);
        world.driver.come_to_rest();
        checkpoints += world.driver.pair.observed.proposals.len();
    }
    assert!(checkpoints > 40, "{checkpoints} checkpoints in four hours");
}
