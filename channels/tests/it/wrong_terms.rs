//! Terms and amounts that a channel must not have.

use althing_channels::wire::OpenStake;
use althing_channels::{
    AmountError, Balances, Channel, ChannelParams, DaoId, NetworkId, OpeningId, Side, Violation, check_amounts,
};

use crate::pair::{keys, params, terms};

fn proposal(params: ChannelParams) -> OpenStake {
    OpenStake { opening: OpeningId([3; 32]), params, keys: *keys(Side::Member).public() }
}

#[test]
fn hub_refuses_other_terms() {
    let zeros = "00".repeat(32);
    let sevens = "07".repeat(32);
    let eights = "08".repeat(32);
    let table = [
        (
            ChannelParams { network: NetworkId([0; 32]), ..params() },
            format!("C-10: network is {zeros}, must be {sevens}"),
        ),
        (ChannelParams { dao: DaoId([0; 32]), ..params() }, format!("C-10: dao is {zeros}, must be {eights}")),
        (ChannelParams { member_csv_blocks: 1, ..params() }, "C-10: member_csv_blocks is 1, must be 144".to_owned()),
        (ChannelParams { hub_csv_blocks: 1009, ..params() }, "C-10: hub_csv_blocks is 1009, must be 1008".to_owned()),
        (
            ChannelParams { member_sat: 9_999, ..params() },
            "C-10: member_sat is 9999, must be 10000 to 10000000".to_owned(),
        ),
        (
            ChannelParams { member_sat: u64::MAX, ..params() },
            format!("C-10: member_sat is {}, must be 10000 to 10000000", u64::MAX),
        ),
        (ChannelParams { hub_sat: 1, ..params() }, "C-10: hub_sat is 1, must be 0".to_owned()),
    ];
    for (params, expected) in table {
        let refusal = Channel::hub_accept(keys(Side::Hub), &proposal(params), &terms()).unwrap_err();
        assert_eq!(refusal.to_string(), expected);
        assert_eq!(refusal.rule(), "C-10");
    }
    assert!(Channel::hub_accept(keys(Side::Hub), &proposal(params()), &terms()).is_ok());
}

#[test]
fn hub_refuses_its_own_key() {
    let mut same = proposal(params());
    same.keys.funding = keys(Side::Hub).public().funding;
    let refusal = Channel::hub_accept(keys(Side::Hub), &same, &terms()).unwrap_err();
    assert!(matches!(refusal, Violation::SameFundingKey { .. }));
    assert_eq!(refusal.rule(), "C-12");
}

#[test]
fn member_refuses_amounts_before_anything_is_sent() {
    for (member_sat, rule) in [(0, "C-23"), (329, "C-23"), (u64::MAX, "C-10"), (2_100_000_000_000_001, "C-10")] {
        let params = ChannelParams { member_sat, ..params() };
        let refusal = Channel::member_open(keys(Side::Member), OpeningId([3; 32]), params).unwrap_err();
        assert_eq!(refusal.rule(), rule, "{member_sat}");
    }
}

#[test]
fn dust_goes_to_the_anchor_up_to_its_cap() {
    let params = params();
    let split = |hub_sat| check_amounts(&params, Balances { member_sat: 1_000_000 - hub_sat, hub_sat });
    assert_eq!(split(0), Ok(0));
    assert_eq!(split(1), Ok(1));
    assert_eq!(split(240), Ok(240));
    assert_eq!(split(241), Err(AmountError::Dust { trimmed_sat: 241 }));
    assert_eq!(split(329), Err(AmountError::Dust { trimmed_sat: 329 }));
    assert_eq!(split(330), Ok(0));
    assert_eq!(split(1_000_000), Ok(0));
    let unequal = Balances { member_sat: 999_999, hub_sat: 0 };
    assert_eq!(
        check_amounts(&params, unequal),
        Err(AmountError::Sum { member_sat: 999_999, hub_sat: 0, capacity_sat: 1_000_000 })
    );
    let overflow = Balances { member_sat: u64::MAX, hub_sat: 1_000_001 };
    assert!(matches!(check_amounts(&params, overflow), Err(AmountError::Sum { .. })));
}
