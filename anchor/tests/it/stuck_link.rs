//! A link that pays too little is replaced or paid for, and always commits to the same.

use althing_anchor::{BuildError, FeeError, LinkBuilder, LinkShape, Seal, Unconfirmed};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, FeeRate, OutPoint, Txid};

use crate::support::{CAP, commitment, input, key, keypair, signed};

fn seal() -> Seal {
    Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(100_000),
        anchor_key: key(1),
        commitment: commitment(1),
    }
}

fn rate(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

#[test]
fn a_replacement_pays_for_the_version_before_and_for_itself() {
    let stuck = signed(seal(), 1, 2, commitment(2), 5);
    let builder = LinkBuilder::new(seal(), key(2), commitment(2));
    let replace = |fee_rate| builder.build_replacement(stuck.transaction(), fee_rate, CAP);
    let better = replace(rate(6)).unwrap();
    assert_eq!(better.fee(), Amount::from_sat(666));
    assert_eq!(better.transaction().output[0].script_pubkey, stuck.transaction().output[0].script_pubkey);
    let (fee, needed) = (Amount::from_sat(555), Amount::from_sat(666));
    assert_eq!(replace(rate(5)).err(), Some(BuildError::ReplacementTooCheap { fee, needed }));
    let above = FeeError::AboveCap { rate: rate(101), cap: CAP };
    assert_eq!(replace(rate(101)).err(), Some(above.into()));
}

#[test]
fn a_replacement_never_commits_to_something_else() {
    let stuck = signed(seal(), 1, 2, commitment(2), 5);
    let table = [("another commitment", key(2), commitment(3)), ("another next key", key(3), commitment(2))];
    for (name, anchor_key, commits) in table {
        let refused =
            LinkBuilder::new(seal(), anchor_key, commits).build_replacement(stuck.transaction(), rate(50), CAP);
        assert!(matches!(refused, Err(BuildError::OtherCommitment { .. })), "{name}: {refused:?}");
    }
    let elsewhere = Seal { outpoint: OutPoint { vout: 1, ..seal().outpoint }, ..seal() };
    let refused =
        LinkBuilder::new(elsewhere, key(2), commitment(2)).build_replacement(stuck.transaction(), rate(50), CAP);
    let (found, expected) = (elsewhere.outpoint, seal().outpoint);
    assert_eq!(refused.err(), Some(BuildError::OtherSeal { found, expected }));
}

#[test]
fn what_the_version_before_paid_must_be_known() {
    let mut stuck = signed(seal(), 1, 2, commitment(2), 5).transaction().clone();
    stuck.input.push(input(Txid::from_byte_array([8; 32]), 3));
    let refused = LinkBuilder::new(seal(), key(2), commitment(2)).build_replacement(&stuck, rate(50), CAP);
    assert_eq!(refused.err(), Some(BuildError::UnknownCoin { coin: stuck.input[1].previous_output }));
}

#[test]
fn the_next_link_pays_for_a_stuck_one() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        let first = LinkBuilder::new(seal(), key(2), commitment(2)).shape(shape);
        let stuck = first.build(rate(1), CAP).unwrap().sign(&keypair(1), &[7; 32]).unwrap();
        let parent = Unconfirmed { fee: stuck.fee(), weight: stuck.transaction().weight() };
        let next = LinkBuilder::new(stuck.seal(), key(3), commitment(3)).shape(shape);
        let child = next.build_over(parent, rate(20), CAP).unwrap().sign(&keypair(2), &[7; 32]).unwrap();
        let both = parent.weight + child.transaction().weight();
        assert_eq!(parent.fee + child.fee(), rate(20).fee_wu(both).unwrap());
        assert_eq!(child.transaction().version, stuck.transaction().version);
    }
}

#[test]
fn a_child_never_pays_less_than_its_own_way() {
    let parent = Unconfirmed { fee: Amount::from_sat(50_000), weight: althing_anchor::LINK_WEIGHT };
    let child = LinkBuilder::new(seal(), key(2), commitment(2)).build_over(parent, rate(2), CAP).unwrap();
    assert_eq!(child.fee(), Amount::from_sat(222));
}
