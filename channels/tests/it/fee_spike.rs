//! Fees rise and fall while a transaction waits: what is paid only rises, up to the cap.

use althing_channels::fees::{Bid, FeeMarket, PRESSING_BLOCKS, RELAXED_BLOCKS, REPLACEMENT_STEP, fee, rate_limit};
use bitcoin::{Amount, FeeRate, Weight};
use proptest::prelude::*;

fn kwu(rate: u64) -> FeeRate {
    FeeRate::from_sat_per_kwu(rate)
}

fn market() -> impl Strategy<Value = FeeMarket> {
    (250u64..1000, 250u64..50_000, 250u64..200_000).prop_map(|(floor, economical, urgent)| FeeMarket {
        floor: kwu(floor),
        economical: kwu(economical),
        urgent: kwu(urgent),
        cap: kwu(100_000),
    })
}

proptest! {
    #[test]
    fn never_falls_never_passes_the_cap_and_every_raise_replaces(
        markets in prop::collection::vec(market(), 1..300),
        limit in 1_000u64..200_000,
    ) {
        let mut bid: Option<Bid> = None;
        let deadline = 100 + markets.len() as u32;
        for (height, market) in (100u32..).zip(&markets) {
            let next = Bid::next(bid, market, Some(deadline - height), kwu(limit), height);
            prop_assert!(next.rate <= market.cap.min(kwu(limit)));
            prop_assert_eq!(next.since, 100);
            if let Some(bid) = bid {
                let raise = next.rate.to_sat_per_kwu() - bid.rate.to_sat_per_kwu();
                prop_assert!(raise == 0 || raise >= REPLACEMENT_STEP.to_sat_per_kwu());
            }
            bid = Some(next);
        }
    }

    #[test]
    fn rises_toward_the_deadline(market in market()) {
        let rates: Vec<FeeRate> = (0..=RELAXED_BLOCKS + 5).rev().map(|left| market.rate(Some(left))).collect();
        prop_assert!(rates.is_sorted());
        prop_assert_eq!(market.rate(Some(0)), market.cap);
        prop_assert_eq!(market.rate(None), rates[0]);
        prop_assert!(market.rate(Some(PRESSING_BLOCKS)) >= market.urgent.min(market.cap));
    }

    #[test]
    fn a_limit_is_kept(most in 0u64..10_000_000, weight in 1u64..400_000) {
        let (most, weight) = (Amount::from_sat(most), Weight::from_wu(weight));
        prop_assert!(fee(rate_limit(most, weight), weight) <= most);
    }
}

#[test]
fn extreme_numbers_do_not_overflow() {
    let huge = FeeMarket { floor: kwu(1), economical: kwu(1), urgent: FeeRate::MAX, cap: FeeRate::MAX };
    let bid = Bid::next(None, &huge, Some(0), FeeRate::MAX, u32::MAX);
    assert_eq!(bid.rate, FeeRate::MAX);
    assert_eq!(Bid::next(Some(bid), &huge, Some(0), FeeRate::MAX, 0), bid);
    assert_eq!(fee(FeeRate::MAX, Weight::MAX), Amount::MAX_MONEY);
    assert_eq!(rate_limit(Amount::MAX_MONEY, Weight::ZERO), FeeRate::MAX);
}
