//! A revoked commitment appears on the chain: whoever broadcast it loses everything.

use althing_channels::fees::FeeMarket;
use althing_channels::monitor::{Action, ClaimKind, ClaimState, Monitor, SpendKind, Stage};
use althing_channels::{Breach, JusticeError, JusticeTo, Side};
use bitcoin::{FeeRate, ScriptBuf};

use crate::ended::{Ended, LIVE, block, check_key_paths, justice_to, mine, prevouts};

const SIDES: [Side; 2] = [Side::Member, Side::Hub];

pub(crate) fn market() -> FeeMarket {
    let rate = FeeRate::from_sat_per_vb_u32;
    FeeMarket { floor: rate(1), economical: rate(2), urgent: rate(20), cap: rate(500) }
}

#[test]
fn either_side_takes_everything_of_every_revoked_number() {
    for side in SIDES {
        let ended = Ended::new(side);
        for number in 0..LIVE {
            let revoked = ended.commitment(side.other(), number);
            let justice = ended.justice(number);
            assert_eq!(justice.version.0, 3);
            assert_eq!(justice.input.len(), 2);
            assert_eq!(justice.output[0].value.to_sat(), 1_000_000 - 500);
            check_key_paths(&justice, &prevouts(&justice, &[&revoked]));
        }
    }
}

#[test]
fn with_an_anchor_anybody_can_pay_more() {
    let ended = Ended::new(Side::Member);
    let revoked = ended.commitment(Side::Hub, 2);
    for anchor_sat in [0, 240] {
        let to = JusticeTo { anchor_sat: Some(anchor_sat), ..justice_to(Side::Member) };
        let justice = ended.breach(2).justice(&ended.keys, &to).unwrap();
        assert_eq!(justice.output[1].script_pubkey, ScriptBuf::new_p2a());
        assert_eq!(justice.output[1].value.to_sat(), anchor_sat);
        assert_eq!(justice.output[0].value.to_sat(), 1_000_000 - 500 - anchor_sat);
        check_key_paths(&justice, &prevouts(&justice, &[&revoked]));
    }
}

#[test]
fn what_cannot_be_punished_is_refused() {
    let ended = Ended::new(Side::Member);
    let secret = |number| ended.peer_keys.per_commitment_secret(number);
    let find = |number, revoked: &_| Breach::find(&ended.keys, ended.context(), Side::Member, secret(number), revoked);
    // The secret of another number, the own commitment, a close.
    assert_eq!(find(2, &ended.commitment(Side::Hub, 3)), Err(JusticeError::NothingRevoked));
    assert_eq!(find(2, &ended.commitment(Side::Member, 2)), Err(JusticeError::NothingRevoked));
    assert_eq!(find(2, &ended.close(200)), Err(JusticeError::NothingRevoked));

    let breach = ended.breach(2);
    let to = |fee_sat, anchor_sat| JusticeTo { fee_sat, anchor_sat, ..justice_to(Side::Member) };
    for fee_sat in [1_000_000 - 329, u64::MAX] {
        let refusal = breach.justice(&ended.keys, &to(fee_sat, None));
        assert_eq!(refusal, Err(JusticeError::Fee { fee_sat, value_sat: 1_000_000 }));
    }
    let refusal = breach.justice(&ended.keys, &to(1, Some(241)));
    assert_eq!(refusal, Err(JusticeError::Anchor { anchor_sat: 241 }));
    let outpoints: Vec<_> = breach.outpoints().collect();
    let nothing = outpoints.into_iter().fold(breach, Breach::without);
    assert_eq!(nothing.justice(&ended.keys, &to(1, None)), Err(JusticeError::NothingLeft));
}

#[test]
fn the_monitor_punishes_until_it_is_in_the_chain() {
    for side in SIDES {
        let ended = Ended::new(side);
        let csv_blocks = if side == Side::Member { 1008 } else { 144 };
        let revoked = ended.commitment(side.other(), 3);
        let mut monitor = Monitor::new(block(0, 100));
        assert!(mine(&mut monitor, &ended, &[&revoked]));
        let end = monitor.end(&ended.watch()).unwrap();
        assert_eq!(end.kind, SpendKind::PeerRevoked { number: 3 });
        assert!(end.claims.iter().any(|claim| claim.kind == ClaimKind::Revoked { deadline: 101 + csv_blocks }));

        let mut rates = Vec::new();
        for _ in 0..csv_blocks {
            let actions = monitor.actions(&ended.watch(), &market());
            let [Action::Justice { breach, rate, deadline }] = actions.as_slice() else { panic!("{actions:?}") };
            assert_eq!(*deadline, 101 + csv_blocks);
            assert_eq!(*breach, ended.breach(3));
            rates.push(*rate);
            mine(&mut monitor, &ended, &[]);
        }
        assert!(rates.is_sorted(), "a rate fell");
        assert!(rates[0] <= FeeRate::from_sat_per_vb_u32(3));
        assert!(*rates.last().unwrap() >= FeeRate::from_sat_per_vb_u32(450), "the last block before the deadline");

        mine(&mut monitor, &ended, &[&ended.justice(3)]);
        assert_eq!(monitor.actions(&ended.watch(), &market()), []);
        for _ in 0..99 {
            assert_eq!(monitor.end(&ended.watch()).unwrap().stage(monitor.tip().height), Stage::Final);
            mine(&mut monitor, &ended, &[]);
        }
        let end = monitor.end(&ended.watch()).unwrap();
        assert_eq!((end.stage(monitor.tip().height), end.lost_sat()), (Stage::Done, 0));
    }
}

#[test]
fn what_the_cheat_takes_after_its_lock_is_counted_as_lost_and_the_rest_is_still_taken() {
    let ended = Ended::new(Side::Hub);
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&ended.commitment(Side::Member, 1)]);
    mine(&mut monitor, &ended, &[&ended.sweep_local(Side::Member, 1)]);
    let end = monitor.end(&ended.watch()).unwrap();
    assert_eq!(end.lost_sat(), 600_000);
    let actions = monitor.actions(&ended.watch(), &market());
    let [Action::Justice { breach, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(breach.value_sat(), 400_000);
}

#[test]
fn own_part_taken_first_leaves_the_revoked_part_to_take() {
    let ended = Ended::new(Side::Hub);
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&ended.commitment(Side::Member, 1), &ended.sweep_remote(Side::Hub, 1)]);
    let actions = monitor.actions(&ended.watch(), &market());
    let [Action::Justice { breach, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!(breach.value_sat(), 600_000);
    let taken = |claim: &&althing_channels::monitor::Claim| matches!(claim.state, ClaimState::Taken { .. });
    assert_eq!(monitor.end(&ended.watch()).unwrap().claims.iter().filter(taken).count(), 1);
}
