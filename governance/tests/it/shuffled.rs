//! Workers that do everything in another order each time, on two threads or on none.

use std::sync::Mutex;

use althing_governance::parallel::{Piece, Workers};

/// Divides everything into so many shards, and runs the pieces in some order, on two threads or on none.
pub(crate) struct Shuffled {
    shards: usize,
    random: Mutex<u64>,
    threads: bool,
}

impl Shuffled {
    pub(crate) fn new(shards: usize, seed: u64, threads: bool) -> Self {
        Self { shards, random: Mutex::new(seed | 1), threads }
    }

    fn below(&self, n: usize) -> usize {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        (*random % n as u64) as usize
    }
}

impl Workers for Shuffled {
    fn shards(&self, _: usize) -> usize {
        self.shards
    }

    fn run<'p>(&self, mut pieces: Vec<Piece<'p>>) {
        for i in (1..pieces.len()).rev() {
            pieces.swap(i, self.below(i + 1));
        }
        let other = if self.threads { pieces.split_off(pieces.len() / 2) } else { Vec::new() };
        std::thread::scope(|scope| {
            scope.spawn(|| other.into_iter().for_each(|piece| piece()));
            pieces.into_iter().for_each(|piece| piece());
        });
    }
}
