//! Which difficulty and time a header must have, from the headers before it.
//!
//! The rules are those of Bitcoin's consensus, including the special ones of the test networks (BIP94 for testnet4).

use bitcoin::block::Header;
use bitcoin::consensus::Params;
use bitcoin::{CompactTarget, Network};

/// Headers whose median time a new header must exceed.
const MEDIAN_SPAN: usize = 11;

/// Seconds that the first block of a period may lie before its predecessor, where BIP94 holds.
pub(crate) const MAX_TIMEWARP_SECS: u32 = 600;

/// What has to be remembered of a header chain to judge the next header; constant size.
#[derive(Clone, Debug)]
pub(crate) struct DifficultyRules {
    params: &'static Params,
    /// Times of the last headers, newest last, at most [`MEDIAN_SPAN`].
    recent_times: Vec<u32>,
    /// Newest header.
    last: Header,
    /// First header of the current difficulty period.
    period_first: Header,
    /// Newest difficulty that was not the test networks' exception.
    last_ordinary_bits: CompactTarget,
}

impl DifficultyRules {
    /// Starts after the network's first block.
    pub(crate) fn new(network: Network, genesis: &Header) -> Self {
        Self {
            params: network.params(),
            recent_times: vec![genesis.time],
            last: *genesis,
            period_first: *genesis,
            last_ordinary_bits: genesis.bits,
        }
    }

    /// Takes in the accepted header at `height`.
    pub(crate) fn push(&mut self, height: u32, header: &Header) {
        if self.recent_times.len() == MEDIAN_SPAN {
            self.recent_times.remove(0);
        }
        self.recent_times.push(header.time);
        let starts_period = self.starts_period(height);
        if starts_period {
            self.period_first = *header;
        }
        if starts_period || header.bits != self.limit() {
            self.last_ordinary_bits = header.bits;
        }
        self.last = *header;
    }

    /// Median of the last eleven times (fewer near the start): the next header's time must be greater.
    pub(crate) fn median_time(&self) -> u32 {
        let mut times = self.recent_times.clone();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// The earliest time that BIP94 allows at `height`, if it restricts it.
    pub(crate) fn timewarp_limit(&self, height: u32) -> Option<u32> {
        let restricted = self.enforces_bip94() && self.starts_period(height);
        restricted.then(|| self.last.time.saturating_sub(MAX_TIMEWARP_SECS))
    }

    /// The difficulty that a header at `height` with time `time` must state.
    pub(crate) fn required_bits(&self, height: u32, time: u32) -> CompactTarget {
        if self.starts_period(height) {
            return self.retarget();
        }
        // on the test networks a block more than twenty minutes late may be, and must be, an easy one.
        if self.params.allow_min_difficulty_blocks {
            let late =
                u64::from(time) > u64::from(self.last.time) + 2 * self.params.pow_target_spacing;
            return if late {
                self.limit()
            } else {
                self.last_ordinary_bits
            };
        }
        self.last.bits
    }

    fn retarget(&self) -> CompactTarget {
        // Consensus computes with signed numbers: a negative timespan counts as the shortest allowed.
        let timespan = self.last.time.saturating_sub(self.period_first.time);
        // BIP94 starts from the first block of the period, which cannot be an easy one.
        let bits = if self.enforces_bip94() {
            self.period_first.bits
        } else {
            self.last.bits
        };
        CompactTarget::from_next_work_required(bits, timespan.into(), self.params)
    }

    fn starts_period(&self, height: u32) -> bool {
        u64::from(height).is_multiple_of(self.params.difficulty_adjustment_interval())
    }

    fn limit(&self) -> CompactTarget {
        self.params.max_attainable_target.to_compact_lossy()
    }

    fn enforces_bip94(&self) -> bool {
        self.params.network == Network::Testnet4
    }
}
