//! Hazard: bytes from a stranger. No input panics, and no value has two byte forms.

use std::fmt::Debug;

use althing_governance::entry::{Choice, Comment, Entry};
use althing_governance::epoch::{BallotProof, DecisionLeaf, DecisionProof, RollProof};
use althing_governance::receipt::Receipt;
use althing_governance::signing::{Signed, Statement as _};
use althing_governance::tally::BallotLeaf;
use althing_governance::tree::{SumAbsence, SumProof};
use althing_governance::{Canonical, Charter, DecodeError, EpochHeader, TreeHash};
use proptest::prelude::*;

use crate::every_entry::every_entry;
use crate::world::{AUX, World, block_hash, charter, hub, member_id, spend, text};

/// Accepts only the one byte form.
fn one_form<T: Canonical + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes, "{value:?} has a second byte form");
    }
}

fn every_type(bytes: &[u8]) {
    one_form::<Entry>(bytes);
    one_form::<Charter>(bytes);
    one_form::<EpochHeader>(bytes);
    one_form::<Signed<Receipt>>(bytes);
    one_form::<SumProof>(bytes);
    one_form::<SumAbsence>(bytes);
    one_form::<BallotProof>(bytes);
    one_form::<RollProof>(bytes);
    one_form::<DecisionProof>(bytes);
    one_form::<DecisionLeaf>(bytes);
    one_form::<BallotLeaf>(bytes);
}

/// One of everything, from a small story.
fn samples() -> Vec<Vec<u8>> {
    let mut world = World::with_stakes(&[5000, 3000]);
    let first = world.open_vote(1, text("A new boat"));
    world.open_vote(2, spend("Nets", 20_000));
    let comment = world.say(2, Comment { proposal: first, parent: None, text: "Aye.".into() }).unwrap();
    world.say(1, Comment { proposal: first, parent: Some(comment), text: "Nay.".into() }).unwrap();
    world.vote(1, first, Choice::Yes).unwrap();
    let reasoned = althing_governance::entry::Ballot::new(first, Choice::No, Some("Too dear.".into()));
    world.say(2, reasoned).unwrap();
    world.finish_epoch();
    world.finish_epoch();
    let closed = world.closes.last().unwrap();
    let p = world.state.params();
    let receipt = Receipt {
        network: p.network,
        dao: p.dao_id,
        first_position: 3,
        count: 2,
        batch_root: TreeHash([1; 32]),
        log_size: 5,
        log_root: TreeHash([2; 32]),
        tip_height: 9,
        tip_hash: block_hash(9),
        anchored_by_height: 20,
    };
    let mut out: Vec<Vec<u8>> = world.log.iter().map(Canonical::to_bytes).collect();
    out.extend(every_entry(&world).iter().map(Canonical::to_bytes));
    out.push(charter().to_bytes());
    out.push(closed.header.to_bytes());
    out.push(receipt.sign(&world.secp, &hub(), &AUX).to_bytes());
    out.push(closed.prove_ballot(&first, &member_id(1)).unwrap().to_bytes());
    out.push(closed.prove_weight(1, &member_id(2)).unwrap().to_bytes());
    out.push(closed.prove_decision(&first).unwrap().to_bytes());
    out.push(closed.decisions.prove_absence(&[9; 32]).unwrap().to_bytes());
    out
}

#[test]
fn samples_decode_and_every_truncation_or_extension_is_refused() {
    for sample in samples() {
        let long = [sample.clone(), vec![0]].concat();
        every_type(&sample);
        if Entry::from_bytes(&sample).is_ok() {
            assert_eq!(Entry::from_bytes(&long), Err(DecodeError::TrailingBytes { count: 1 }));
            for cut in 0..sample.len() {
                assert!(Entry::from_bytes(&sample[..cut]).is_err(), "cut at {cut}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_an_entry_breaks_decoding_or_a_signature() {
    let key = hub().x_only_public_key().0;
    let secp = bitcoin::secp256k1::Secp256k1::verification_only();
    for sample in samples().iter().filter(|s| Entry::from_bytes(s).is_ok()).step_by(3) {
        for at in 0..sample.len() {
            let mut changed = sample.clone();
            changed[at] ^= 0x10;
            if let Ok(entry) = Entry::from_bytes(&changed) {
                let checks = entry.signature_checks(&key);
                assert!(althing_governance::signing::verify_all(&secp, &checks).is_err(), "byte {at} of {entry:?}");
            }
        }
    }
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // Comment with a text of "4 GiB": refused by its limit; fields "64 of them" without bytes: input ends.
    let head = [&[1u8, 4][..], &[0; 32 * 3 + 4 + 8 + 32 + 32], &[0], &u32::MAX.to_be_bytes()].concat();
    assert!(matches!(Entry::from_bytes(&head), Err(DecodeError::TooLong { found: 4_294_967_295, .. })));
}

#[test]
fn unknown_versions_kinds_and_options_are_refused() {
    let sample = samples().remove(0);
    for (at, field) in [(0, "version"), (1, "entry kind")] {
        for byte in [0, 22, 255] {
            let mut changed = sample.clone();
            changed[at] = byte;
            let expected = DecodeError::UnknownVariant { field, found: byte };
            assert_eq!(Entry::from_bytes(&changed), Err(expected));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 1u8..8) {
        every_type(&bytes);
        every_type(&[&[1, kind], bytes.as_slice()].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn mutated_samples(at in any::<usize>(), byte in any::<u8>(), insert in any::<bool>()) {
        for mut sample in SAMPLES.with(Clone::clone) {
            let at = at % sample.len();
            if insert {
                sample.insert(at, byte);
            } else {
                sample[at] = byte;
            }
            every_type(&sample);
        }
    }
}

thread_local! {
    static SAMPLES: Vec<Vec<u8>> = samples();
}
