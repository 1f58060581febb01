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
            let late = u64::from(time) > u64::from(self.last.time) + 2 * self.params.pow_target_spacing;
            return if late { self.limit() } else { self.last_ordinary_bits };
        }
        self.last.bits
    }

    fn retarget(&self) -> CompactTarget {
        // Consensus computes with signed numbers: a negative timespan counts as the shortest allowed.
        let timespan = self.last.time.saturating_sub(self.period_first.time);
        // BIP94 starts from the first block of the period, which cannot be an easy one.
        let bits = if self.enforces_bip94() { self.period_first.bits } else { self.last.bits };
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

#[cfg(test)]
mod tests {
    use bitcoin::blockdata::constants::genesis_block;

    use super::*;

    /// Rules of a chain of which only the first and the last header of a period matter.
    fn period(network: Network, start: u32, first: (u32, u32), last: (u32, u32)) -> DifficultyRules {
        let mut header = genesis_block(network).header;
        let mut rules = DifficultyRules::new(network, &header);
        for (height, (time, bits)) in [(start, first), (start + 2015, last)] {
            header.time = time;
            header.bits = CompactTarget::from_consensus(bits);
            rules.push(height, &header);
        }
        rules
    }

    fn bits_at(rules: &DifficultyRules, height: u32, time: u32) -> u32 {
        rules.required_bits(height, time).to_consensus()
    }

    /// Blocks of mainnet and signet; the mainnet ones are those of Bitcoin Core's pow_tests.
    #[test]
    fn retargets_as_the_networks_did() {
        let table = [
            (
                "block 32256, the first change",
                Network::Bitcoin,
                30_240,
                1_261_130_161,
                1_262_152_739,
                0x1d00_ffff,
                0x1d00_d86a,
            ),
            (
                "block 2016, held at the limit",
                Network::Bitcoin,
                0,
                1_231_006_505,
                1_233_061_996,
                0x1d00_ffff,
                0x1d00_ffff,
            ),
            (
                "block 68544, held at a quarter",
                Network::Bitcoin,
                66_528,
                1_279_008_237,
                1_279_297_671,
                0x1c05_a3f4,
                0x1c01_68fd,
            ),
            ("held at four times", Network::Bitcoin, 44_352, 1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd),
            ("signet 2016", Network::Signet, 0, 1_598_918_400, 1_599_332_177, 503_543_726, 503_394_215),
            ("signet 4032", Network::Signet, 2_016, 1_599_332_844, 1_600_591_200, 503_394_215, 503_397_348),
        ];
        for (name, network, start, first, last, bits, expected) in table {
            let rules = period(network, start, (first, bits), (last, bits));
            assert_eq!(bits_at(&rules, start + 2016, last + 600), expected, "{name}");
            assert_eq!(bits_at(&rules, start + 2015, last + 600), bits, "{name}: only at the boundary");
            assert_eq!(bits_at(&rules, start + 2017, last + 600), bits, "{name}: only at the boundary");
        }
    }

    #[test]
    fn a_period_that_runs_backwards_counts_as_the_shortest() {
        let rules = period(Network::Bitcoin, 66_528, (1_279_297_671, 0x1c05_a3f4), (1_279_008_237, 0x1c05_a3f4));
        assert_eq!(bits_at(&rules, 68_544, 1_279_297_672), 0x1c01_68fd);
    }

    #[test]
    fn late_blocks_are_easy_on_test_networks_only() {
        let (hard, easy) = (0x1c05_a3f4, 0x1d00_ffff);
        for network in [Network::Testnet, Network::Testnet4] {
            let rules = period(network, 4_032, (1_000_000, hard), (2_000_000, hard));
            assert_eq!(bits_at(&rules, 6_050, 2_000_000 + 1_200), hard);
            assert_eq!(bits_at(&rules, 6_050, 2_000_000 + 1_201), easy);
            // After an easy block the difficulty is that of the last ordinary one.
            let rules = period(network, 4_032, (1_000_000, hard), (2_000_000, easy));
            assert_eq!(bits_at(&rules, 6_050, 2_000_001), hard);
        }
        let rules = period(Network::Bitcoin, 4_032, (1_000_000, hard), (2_000_000, hard));
        assert_eq!(bits_at(&rules, 6_050, 9_000_000), hard);
    }

    /// The first block of a period sets its ordinary difficulty, even where that is the easiest.
    #[test]
    fn a_period_may_be_easy_throughout() {
        let (hard, easy) = (0x1c05_a3f4, 0x1d00_ffff);
        let mut rules = period(Network::Testnet4, 4_032, (1_000_000, hard), (2_000_000, hard));
        let mut header = genesis_block(Network::Testnet4).header;
        header.time = 2_000_001;
        header.bits = CompactTarget::from_consensus(easy);
        rules.push(6_048, &header);
        assert_eq!(bits_at(&rules, 6_049, 2_000_002), easy);
    }

    /// BIP94: an easy last block does not throw the difficulty away; on testnet3 it does.
    #[test]
    fn testnet4_retargets_from_the_first_block() {
        let (hard, easy) = (0x1c05_a3f4, 0x1d00_ffff);
        let timespan = 14 * 24 * 60 * 60;
        let rules = period(Network::Testnet4, 4_032, (1_000_000, hard), (1_000_000 + timespan, easy));
        assert_eq!(bits_at(&rules, 6_048, 3_000_000), hard);
        let rules = period(Network::Testnet, 4_032, (1_000_000, hard), (1_000_000 + timespan, easy));
        assert_eq!(bits_at(&rules, 6_048, 3_000_000), easy);
    }

    #[test]
    fn timewarp_is_limited_on_testnet4() {
        let rules = period(Network::Testnet4, 4_032, (1_000_000, 0x1d00_ffff), (2_000_000, 0x1d00_ffff));
        assert_eq!(rules.timewarp_limit(6_048), Some(2_000_000 - 600));
        assert_eq!(rules.timewarp_limit(6_049), None);
        let rules = period(Network::Bitcoin, 4_032, (1_000_000, 0x1d00_ffff), (2_000_000, 0x1d00_ffff));
        assert_eq!(rules.timewarp_limit(6_048), None);
    }

    #[test]
    fn median_of_few_and_of_eleven() {
        let mut header = genesis_block(Network::Regtest).header;
        header.time = 5;
        let mut rules = DifficultyRules::new(Network::Regtest, &header);
        let mut medians = vec![rules.median_time()];
        for (height, time) in [9, 1, 7, 3, 8, 2, 6, 4, 10, 11, 12, 13].into_iter().enumerate() {
            header.time = time;
            rules.push(height as u32 + 1, &header);
            medians.push(rules.median_time());
        }
        // Upper median while the count is even, as in Bitcoin Core.
        assert_eq!(medians, [5, 9, 5, 7, 5, 7, 5, 6, 5, 6, 6, 7, 7]);
    }
}
