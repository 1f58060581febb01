//! Terms and amounts that a channel must not have.

use althing_channels::wire::{AppEntry, OpenStake};
use althing_channels::{
    AmountError, Balances, Channel, ChannelId, ChannelParams, DaoId, MAX_CHECKPOINT_BYTES, Msg, NetworkId, OpeningId,
    Phase, Side, Violation, check_amounts,
};
use bitcoin::ScriptBuf;

use crate::pair::{Pair, STAKE_SAT, close_script, keys, params, terms};

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

#[test]
fn a_refused_checkpoint_ends_the_opening_on_both_sides() {
    let mut pair = Pair::new(Vec::new());
    while pair.phase(Side::Member) != Some(Phase::AwaitFundingSigned) {
        for side in [Side::Member, Side::Hub] {
            if let Some(msg) = pair.intercept(side) {
                pair.deliver(side.other(), &msg);
            }
        }
    }
    // The hub's shell does not like the checkpoint: drive the hub by hand.
    let Some(Msg::FundingCreated(mut created)) = pair.intercept(Side::Member) else { panic!("not sent") };
    created.checkpoint = vec![0; MAX_CHECKPOINT_BYTES + 1];
    pair.deliver(Side::Hub, &Msg::FundingCreated(created.clone()));
    let reason = "C-18: checkpoint has 4097 bytes, at most 4096 are allowed";
    assert_eq!(pair.failures, [(Side::Hub, reason.to_owned())]);
    let error = pair.intercept(Side::Hub).unwrap();

    // An error about another channel says nothing about this one.
    let Msg::PeerError(mut elsewhere) = error.clone() else { panic!("{error:?}") };
    elsewhere.channel = Some(ChannelId([0; 32]));
    pair.deliver(Side::Member, &Msg::PeerError(elsewhere));
    assert_eq!(pair.phase(Side::Member), Some(Phase::AwaitFundingSigned));

    pair.deliver(Side::Member, &error);
    assert_eq!(pair.phase(Side::Member), Some(Phase::Failed));
    assert_eq!(pair.channel(Side::Member).failure(), Some(format!("C-11: the peer refused: C-18: {reason}").as_str()));
    assert!(pair.intercept(Side::Member).is_none(), "an error is not answered with an error");
    assert!(!pair.funding_broadcast);
}

#[test]
fn what_was_sent_cannot_be_changed() {
    let mut pair = Pair::new(Vec::new());
    let Some(Msg::OpenStake(mut open)) = pair.intercept(Side::Member) else { panic!("not sent") };
    pair.deliver(Side::Hub, &Msg::OpenStake(open.clone()));
    open.params.member_sat += 1;
    pair.deliver(Side::Hub, &Msg::OpenStake(open));
    assert_eq!(pair.failures, [(Side::Hub, "C-14: open_stake was sent again with other content".to_owned())]);
}

#[test]
fn messages_of_other_lanes_do_no_harm() {
    let mut pair = Pair::new(Vec::new());
    pair.deliver(Side::Member, &AppEntry { sequence: 1, entry: Vec::new() }.into());
    assert_eq!(pair.refusals, [(Side::Member, "C-11: message 32801 is not for the Member".to_owned())]);
    assert_eq!(pair.phase(Side::Member), Some(Phase::AwaitAccept));
}

#[test]
fn close_pays_only_to_known_forms() {
    let mut pair = Pair::new(Vec::new());
    pair.run_until(Phase::Ready);
    for script in [ScriptBuf::new(), ScriptBuf::new_p2a(), ScriptBuf::new_op_return([0; 4])] {
        let session = pair.entropy.next();
        let refusal = pair.channel(Side::Member).close(script, session).unwrap_err();
        assert_eq!(refusal.rule(), "C-32");
    }
    assert_eq!(pair.phase(Side::Member), Some(Phase::Ready));
    pair.close(Side::Member);
    let session = pair.entropy.next();
    let refusal = pair.channel(Side::Member).close(close_script(Side::Hub), session).unwrap_err();
    assert_eq!(refusal.to_string(), "C-14: the close script was sent again with other content");
    pair.settle();
    let session = pair.entropy.next();
    let refusal = pair.channel(Side::Member).propose_close(STAKE_SAT + 1, session).unwrap_err();
    assert_eq!(refusal.to_string(), "C-31: fee 1000001 sat is more than the part of the Member, 1000000 sat");
    let session = pair.entropy.next();
    let refusal = pair.channel(Side::Member).propose_close(STAKE_SAT - 329, session).unwrap_err();
    assert_eq!(refusal.to_string(), "C-31: fee 999671 sat leaves no output of at least 330 sat");
}
