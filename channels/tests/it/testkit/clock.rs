//! Virtual time: a pair in a world where messages take milliseconds, blocks minutes and outages hours, all by a seed.
//!
//! Nothing waits: the clock jumps to whatever is due next. Events of one moment happen in the order in which they were planned,
//! so that a seed tells one story, however fast the machine is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use althing_channels::{Change, Phase, Side, tagged_hash};

use super::driver::{Bytes, Driver, Seeded};

/// Milliseconds.
pub(crate) type Millis = u64;

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The next message of a side arrives, if the connection it was sent on still stands.
    Arrival(Side, u64),
    /// A shell wants something.
    Wish(Side),
    /// A block is found; both see it.
    Block,
    /// The member wants more or less in its channel.
    Splice,
    /// The connection breaks.
    Cut,
    /// A side crashes and comes back.
    Crash(Side),
    /// Both are connected again.
    Reconnect,
}

/// How long things take on average, and how often they happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Shortest and longest way of a message.
    pub(crate) latency: (Millis, Millis),
    pub(crate) wish: Millis,
    pub(crate) splice: Option<Millis>,
    pub(crate) cut: Option<Millis>,
    pub(crate) crash: Option<Millis>,
    pub(crate) outage: Millis,
}

/// The world of one seed.
pub(crate) struct World {
    pub(crate) driver: Driver,
    pub(crate) now: Millis,
    seed: Seeded,
    pace: Pace,
    queue: BinaryHeap<Reverse<(Millis, u64, Event)>>,
    planned: u64,
    /// Counts connections; what was sent on an earlier one does not arrive.
    connection: u64,
    /// Arrivals planned on this connection, and when the last of them is: nothing overtakes.
    on_the_way: [(usize, Millis); 2],
    /// Hash over every event and both states after it.
    pub(crate) trace: [u8; 32],
    pub(crate) events: u64,
}

impl World {
    pub(crate) fn new(seed: u64, pace: Pace) -> Self {
        let mut world = Self {
            driver: Driver::new(),
            now: 0,
            seed: Seeded(seed),
            pace,
            queue: BinaryHeap::new(),
            planned: 0,
            connection: 0,
            on_the_way: [(0, 0); 2],
            trace: [0; 32],
            events: 0,
        };
        for side in [Side::Member, Side::Hub] {
            world.plan_about(pace.wish, Event::Wish(side));
        }
        world.plan_about(10 * MINUTE, Event::Block);
        for (every, event) in
            [(pace.splice, Event::Splice), (pace.cut, Event::Cut), (pace.crash, Event::Crash(Side::Hub))]
        {
            if let Some(every) = every {
                world.plan_about(every, event);
            }
        }
        world
    }

    /// Lets time pass until `end`.
    pub(crate) fn run_until(&mut self, end: Millis) {
        while let Some(Reverse((due, _, event))) = self.queue.peek().copied() {
            if due > end {
                break;
            }
            self.queue.pop();
            self.now = due;
            self.happen(event);
            self.note(event);
            self.plan_arrivals();
        }
        self.now = end;
    }

    /// A side pays; the moment at which each side had finished the checkpoint, beginning with the payer.
    pub(crate) fn pay_and_time(&mut self, payer: Side, amount_sat: u64) -> [Millis; 2] {
        let begin = self.now;
        let number = self.driver.pair.channel(payer).number() + 1;
        let change = match payer {
            Side::Member => Change::Dues { amount_sat },
            Side::Hub => Change::Reward { amount_sat },
        };
        self.driver.pair.pay(payer, change).unwrap();
        self.plan_arrivals();
        let mut finished = [None; 2];
        while finished.contains(&None) {
            let Reverse((due, _, _)) = *self.queue.peek().expect("the round is under way");
            self.run_until(due);
            for (slot, side) in finished.iter_mut().zip([payer, payer.other()]) {
                let channel = self.driver.pair.channel(side);
                if slot.is_none() && channel.number() == number && channel.peer_numbers() == (number, number) {
                    *slot = Some(self.now - begin);
                }
            }
        }
        finished.map(|at| at.unwrap())
    }

    fn happen(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Arrival(side, connection) => {
                if connection == self.connection {
                    self.on_the_way[side as usize].0 -= 1;
                    self.driver.pair.deliver_from(side);
                }
            }
            Event::Wish(side) => {
                self.driver.wish(side, &mut self.seed);
                self.plan_about(self.pace.wish, event);
            }
            Event::Block => {
                for side in [Side::Member, Side::Hub] {
                    self.driver.pair.confirm_splice(side);
                }
                self.plan_about(10 * MINUTE, event);
            }
            Event::Splice => {
                self.driver.announce(&mut self.seed);
                self.plan_about(self.pace.splice.unwrap_or(HOUR), event);
            }
            Event::Cut => {
                self.driver.pair.cut();
                self.break_connection();
                self.plan_about(self.pace.cut.unwrap_or(HOUR), event);
            }
            Event::Crash(side) => {
                self.driver.pair.crash(side);
                self.break_connection();
                self.plan_about(self.pace.crash.unwrap_or(HOUR), Event::Crash(side.other()));
            }
            Event::Reconnect => {
                self.break_connection_quietly();
                self.driver.pair.reconnect();
            }
        }
    }

    fn break_connection(&mut self) {
        self.break_connection_quietly();
        self.plan_about(self.pace.outage, Event::Reconnect);
    }

    fn break_connection_quietly(&mut self) {
        self.connection += 1;
        self.on_the_way = [(0, self.now); 2];
    }

    /// What was sent since the last event is on its way now.
    fn plan_arrivals(&mut self) {
        for side in [Side::Member, Side::Hub] {
            let waiting = self.driver.pair.waiting(side);
            while self.on_the_way[side as usize].0 < waiting {
                let (least, most) = self.pace.latency;
                let way = least + self.number() % (most - least + 1);
                let (count, last) = self.on_the_way[side as usize];
                let due = (self.now + way).max(last);
                self.on_the_way[side as usize] = (count + 1, due);
                self.plan(due, Event::Arrival(side, self.connection));
            }
        }
    }

    /// Between half and one and a half times as late.
    fn plan_about(&mut self, mean: Millis, event: Event) {
        let late = mean / 2 + self.number() % (mean + 1);
        self.plan(self.now + late, event);
    }

    fn plan(&mut self, due: Millis, event: Event) {
        self.planned += 1;
        self.queue.push(Reverse((due, self.planned, event)));
    }

    fn number(&mut self) -> u64 {
        (0..4).fold(0, |number, _| number << 8 | u64::from(self.seed.next().unwrap()))
    }

    fn note(&mut self, event: Event) {
        let states = [Side::Member, Side::Hub].map(|side| {
            let channel = self.driver.pair.channel(side);
            assert_eq!(channel.phase(), Phase::Ready, "an unexpected end at {}", self.now);
            channel.encode()
        });
        let event = format!("{} {event:?}", self.now);
        self.trace = tagged_hash("test/trace", &[&self.trace, event.as_bytes(), &states[0], &states[1]]);
    }
}
