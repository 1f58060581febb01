//! What the benchmarks of the tally share: processor time, and numbers to measure with.

/// Processor time of this process in hundredths of a second, in user and system mode (proc(5)); 0 where it is not told.
pub(crate) fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15; the second, a name in parentheses, may contain spaces.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Numbers that are the same in every run (xorshift64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// Mostly from the first twentieth.
    pub(crate) fn popular(&mut self, n: usize) -> usize {
        if self.below(4) == 0 { self.below(n) } else { self.below((n / 20).max(1)) }
    }
}
