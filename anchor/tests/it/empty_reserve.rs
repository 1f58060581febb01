//! The seal runs dry: the forecast says so long before, and agrees with what building allows.

use althing_anchor::{LinkBuilder, LinkShape, OtsForm, Reserve, ReserveAlarm, Seal};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, FeeRate, OutPoint, Txid};

use crate::support::{commitment, key};

fn rate(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

fn reserve(sat: u64) -> Reserve {
    let (shape, form) = (LinkShape::Plain, OtsForm::Split);
    Reserve { seal: Amount::from_sat(sat), shape, form, epoch_blocks: 144 }
}

#[test]
fn the_forecast_is_what_building_allows_in_every_shape() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        for form in [OtsForm::Split, OtsForm::OpReturn, OtsForm::Reveal] {
            for sat in [0, 330, 900, 1_000, 5_000, 20_000] {
                let outpoint = OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 };
                let (value, commitment) = (Amount::from_sat(sat), commitment(1));
                let mut seal = Seal { outpoint, value, anchor_key: key(1), commitment };
                let mut built = 0;
                let next = |seal| LinkBuilder::new(seal, key(1), commitment).shape(shape).ots(form);
                while let Ok(link) = next(seal).build(rate(3), rate(3)) {
                    seal.value = link.transaction().output[0].value;
                    built += 1;
                }
                let reserve = Reserve { seal: value, shape, form, epoch_blocks: 6 };
                let forecast = reserve.forecast(rate(3), rate(3), 1_000);
                assert_eq!(
                    (forecast.links, forecast.blocks),
                    (Some(built), Some(built * 6)),
                    "{shape:?} {form:?} {sat}"
                );
            }
        }
    }
}

#[test]
fn the_alarm_rises_as_the_reserve_falls() {
    // 111 sat a link at 1 sat/vB, 100 links at 144 blocks in the horizon, 11,100 sat a link at the cap.
    let horizon = 100 * 144;
    let alarm = |sat| reserve(sat).forecast(rate(1), rate(100), horizon).alarm;
    assert_eq!(alarm(330 + 110), ReserveAlarm::Empty);
    assert_eq!(alarm(330 + 111), ReserveAlarm::Urgent);
    // A hundred links, but none at the cap is left by then.
    assert_eq!(alarm(330 + 100 * 111 - 1), ReserveAlarm::Urgent);
    assert_eq!(alarm(330 + 100 * 111), ReserveAlarm::Calm);
    let cheap_cap = |links: u64| reserve(330 + links * 111).forecast(rate(1), rate(2), horizon).alarm;
    assert_eq!(
        [24, 25, 99, 100].map(cheap_cap),
        [ReserveAlarm::Urgent, ReserveAlarm::Low, ReserveAlarm::Low, ReserveAlarm::Calm]
    );
    let free = reserve(0).forecast(FeeRate::ZERO, FeeRate::ZERO, horizon);
    assert_eq!((free.links, free.blocks, free.alarm), (None, None, ReserveAlarm::Calm));
}
