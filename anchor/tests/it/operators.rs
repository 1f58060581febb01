//! Several operators sign one link: strangers, contradictions, spoilers, a reused pledge. Oracle: the `musig2` crate.

use althing_anchor::{
    BuildError, Coin, FeeError, LinkBuilder, LinkShape, MAX_OPERATORS, NonceRound, OfferedLink, OperatorError,
    Operators, OtsForm, PartialSignature, PublicNonce, Seal, SealPledge, SessionEntropy, SessionError, UnsignedLink,
    is_operator_hello, sign_operator_hello,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{PublicKey, SecretKey};
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, TapNodeHash, Transaction, TxOut, Txid, Weight, XOnlyPublicKey};
use musig2::{AggNonce, BinaryEncoding, KeyAggContext, PubNonce, SecNonce};
use proptest::prelude::*;

use crate::support::{CAP, commitment, key, keypair, operators, signed_by_all};

fn seal(anchor_key: XOnlyPublicKey) -> Seal {
    Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(10_000),
        anchor_key,
        commitment: commitment(1),
    }
}

fn unsigned(numbers: &[u8], commits: u8, form: OtsForm) -> UnsignedLink {
    let seal = seal(operators(numbers).anchor_key());
    LinkBuilder::new(seal, key(9), commitment(commits)).ots(form).build(FeeRate::from_sat_per_vb_u32(1), CAP).unwrap()
}

fn begin(numbers: &[u8], own: u8, link: &UnsignedLink) -> Result<(NonceRound, PublicNonce), SessionError> {
    let entropy = SessionEntropy::new([0x40 + own; 32]).unwrap();
    NonceRound::begin(operators(numbers), link.clone(), &SealPledge::of(link), keypair(own), entropy)
}

fn public(n: u8) -> PublicKey {
    keypair(n).public_key()
}

#[test]
fn any_number_of_operators_signs_a_link_of_the_same_size() {
    for count in [2u8, 3, 5, 15] {
        let numbers: Vec<u8> = (1..=count).collect();
        let link = signed_by_all(&unsigned(&numbers, 2, OtsForm::Split), &numbers, 7);
        assert_eq!(link.transaction().vsize(), 111, "{count} operators");
        let reveal = signed_by_all(&unsigned(&numbers, 2, OtsForm::Reveal), &numbers, 7);
        assert_eq!(reveal.transaction().vsize(), 137, "{count} operators reveal the leaf");
    }
}

#[test]
fn the_order_of_the_operators_does_not_matter() {
    assert_eq!(operators(&[1, 2, 3]).anchor_key(), operators(&[3, 1, 2]).anchor_key());
    assert_ne!(operators(&[1, 2, 3]).anchor_key(), operators(&[1, 2]).anchor_key());
    let keys = |numbers: &[u8]| Operators::new(numbers.iter().map(|n| public(*n)).collect());
    assert_eq!(keys(&[1]), Err(OperatorError::Count { found: 1 }));
    let many: Vec<u8> = (1..=16).collect();
    assert_eq!(keys(&many), Err(OperatorError::Count { found: MAX_OPERATORS + 1 }));
    assert_eq!(keys(&[1, 2, 1]), Err(OperatorError::Repeated { key: Box::new(public(1)) }));
}

#[test]
fn only_operators_of_this_seal_take_part() {
    let link = unsigned(&[1, 2], 2, OtsForm::Split);
    let stranger = SessionError::NotAnOperator { key: Box::new(public(3)) };
    assert_eq!(begin(&[1, 2], 3, &link).err(), Some(stranger.clone()));
    let (mut round, nonce) = begin(&[1, 2], 1, &link).unwrap();
    assert_eq!(round.receive(&public(3), nonce), Err(stranger));
    let (found, expected) = (operators(&[1, 3]).anchor_key(), operators(&[1, 2]).anchor_key());
    let wrong = BuildError::WrongKey { found: Box::new(found), expected: Box::new(expected) };
    assert_eq!(begin(&[1, 3], 1, &link).err(), Some(wrong.into()));
}

/// Two links with different commitments for one seal: the second is never signed, whoever asks.
#[test]
fn a_pledge_allows_one_commitment_for_a_seal() {
    let (first, second) = (unsigned(&[1, 2], 2, OtsForm::Split), unsigned(&[1, 2], 3, OtsForm::Split));
    let stored = SealPledge::decode(&SealPledge::of(&first).encode()).unwrap();
    assert_eq!(stored.check(&first), Ok(()));
    let entropy = SessionEntropy::new([1; 32]).unwrap();
    let refused = NonceRound::begin(operators(&[1, 2]), second.clone(), &stored, keypair(1), entropy);
    let (found, expected) =
        (second.transaction().output[0].script_pubkey.clone(), first.transaction().output[0].script_pubkey.clone());
    assert_eq!(refused.err(), Some(BuildError::OtherCommitment { found, expected }.into()));
    let mut elsewhere = seal(operators(&[1, 2]).anchor_key());
    elsewhere.outpoint.vout = 1;
    let elsewhere = LinkBuilder::new(elsewhere, key(9), commitment(2)).build(FeeRate::ZERO, CAP).unwrap();
    assert!(matches!(stored.check(&elsewhere), Err(BuildError::OtherSeal { .. })));
}

#[test]
fn a_stored_pledge_has_one_byte_form() {
    let bytes = SealPledge::of(&unsigned(&[1, 2], 2, OtsForm::Split)).encode();
    for end in 0..bytes.len() {
        assert!(SealPledge::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    for (name, at, value) in [("version", 0, 2), ("script", 37, 0)] {
        let mut bad = bytes.clone();
        bad[at] = value;
        assert!(SealPledge::decode(&bad).is_err(), "{name}");
    }
    assert!(SealPledge::decode(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn one_value_per_operator_and_round() {
    let link = unsigned(&[1, 2, 3], 2, OtsForm::Split);
    let (mut one, first) = begin(&[1, 2, 3], 1, &link).unwrap();
    let (_, second) = begin(&[1, 2, 3], 2, &link).unwrap();
    one.receive(&public(2), second).unwrap();
    one.receive(&public(2), second).unwrap();
    let contradiction = Err(SessionError::Contradiction { operator: Box::new(public(2)) });
    assert_eq!(one.receive(&public(2), first), contradiction);
    assert!(!one.is_complete());
    let missing = SessionError::Incomplete { missing: 1, first: Box::new(public(3)) };
    assert_eq!(one.sign().err(), Some(missing));
}

#[test]
fn a_bad_share_is_blamed_on_its_sender() {
    let link = unsigned(&[1, 2, 3], 2, OtsForm::Split);
    let mut rounds: Vec<_> = [1, 2, 3].map(|n| begin(&[1, 2, 3], n, &link).unwrap()).into();
    let nonces: Vec<_> = rounds.iter().map(|(_, nonce)| *nonce).collect();
    for (round, _) in &mut rounds {
        for (n, nonce) in [1, 2, 3].iter().zip(&nonces) {
            round.receive(&public(*n), *nonce).unwrap();
        }
    }
    let mut rounds: Vec<_> = rounds.into_iter().map(|(round, _)| round.sign().unwrap()).collect();
    let (second, third) = (rounds[1].1, rounds[2].1);
    let one = &mut rounds[0].0;
    // Somebody else's share, and a share with a bit flipped.
    assert_eq!(one.receive(&public(2), third), Err(SessionError::BadShare { operator: Box::new(public(2)) }));
    let mut bytes = second.to_bytes();
    bytes[31] ^= 1;
    let flipped = PartialSignature::from_bytes(&bytes).unwrap();
    assert_eq!(one.receive(&public(2), flipped), Err(SessionError::BadShare { operator: Box::new(public(2)) }));
    // Nothing of that is kept.
    one.receive(&public(2), second).unwrap();
    one.receive(&public(3), third).unwrap();
    assert!(one.is_complete());
}

/// The last to speak chooses the nonce that cancels the others': the sum is the point at infinity (BIP327 has a rule).
#[test]
fn a_nonce_that_cancels_ours_is_harmless() {
    let link = unsigned(&[1, 2], 2, OtsForm::Split);
    let (mut round, own) = begin(&[1, 2], 1, &link).unwrap();
    let mut bytes = own.to_bytes();
    bytes[0] ^= 1;
    bytes[33] ^= 1;
    round.receive(&public(2), PublicNonce::from_bytes(&bytes).unwrap()).unwrap();
    let (mut round, share) = round.sign().unwrap();
    assert!(round.receive(&public(2), share).is_err());
}

#[test]
fn entropy_is_checked_and_never_alone_decides_a_nonce() {
    assert!(SessionEntropy::new([0; 32]).is_err());
    // The same entropy by mistake for two versions of a link: the nonces differ.
    let (slow, fast) = (unsigned(&[1, 2], 2, OtsForm::Split), unsigned(&[1, 2], 2, OtsForm::OpReturn));
    assert_ne!(begin(&[1, 2], 1, &slow).unwrap().1, begin(&[1, 2], 1, &fast).unwrap().1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Operator 1 runs this code, operator 2 and 3 run `musig2`: one signature, and both count the same keys.
    #[test]
    fn signs_together_with_another_implementation(seeds: [[u8; 32]; 2], commits: u8) {
        let link = unsigned(&[1, 2, 3], commits, OtsForm::Split);
        let message: [u8; 32] = *link.sighash().as_ref();
        let leaf = althing_anchor::commitment_leaf(link.seal().anchor_key, link.seal().commitment);
        let root = TapNodeHash::from_script(&leaf, bitcoin::taproot::LeafVersion::TapScript).to_byte_array();
        let plain = KeyAggContext::new(operators(&[1, 2, 3]).keys().to_vec()).unwrap();
        let untweaked: PublicKey = plain.aggregated_pubkey();
        prop_assert_eq!(untweaked.x_only_public_key().0, operators(&[1, 2, 3]).anchor_key());
        let context = plain.with_taproot_tweak(&root).unwrap();

        let (mut ours, our_nonce) = begin(&[1, 2, 3], 1, &link).unwrap();
        let secret = |n: u8| SecretKey::from_slice(&[n; 32]).unwrap();
        let theirs = [2u8, 3].map(|n| {
            SecNonce::build_with_seckey(seeds[usize::from(n) - 2], secret(n)).with_message(&message).build()
        });
        let mut public_nonces = vec![PubNonce::from_bytes(&our_nonce.to_bytes()).unwrap()];
        for (n, nonce) in [2, 3].iter().zip(&theirs) {
            public_nonces.push(nonce.public_nonce());
            let nonce = PublicNonce::from_bytes(&nonce.public_nonce().to_bytes()).unwrap();
            ours.receive(&public(*n), nonce).unwrap();
        }
        let aggregate = AggNonce::sum(public_nonces);
        let (mut ours, our_share) = ours.sign().unwrap();
        let mut shares = vec![musig2::PartialSignature::from_slice(&our_share.to_bytes()).unwrap()];
        for (n, nonce) in [2, 3].into_iter().zip(theirs) {
            let share: musig2::PartialSignature =
                musig2::sign_partial(&context, secret(n), nonce, &aggregate, message).unwrap();
            ours.receive(&public(n), PartialSignature::from_bytes(&share.serialize()).unwrap()).unwrap();
            shares.push(share);
        }
        let link = ours.finish().unwrap();
        let oracle: musig2::CompactSignature =
            musig2::aggregate_partial_signatures(&context, &aggregate, shares, message).unwrap();
        prop_assert_eq!(&link.transaction().input[0].witness[0], &oracle.serialize()[..]);
    }
}

/// what is offered is rebuilt, and nothing else is signed.
#[test]
fn an_offered_link_is_the_one_that_would_be_built_here() {
    let coin = Coin {
        outpoint: OutPoint { txid: Txid::from_byte_array([6; 32]), vout: 1 },
        output: TxOut { value: Amount::from_sat(7_000), script_pubkey: ScriptBuf::new_p2tr_tweaked(tweaked(key(8))) },
        satisfaction: Weight::from_wu(66),
    };
    let seal = seal(operators(&[1, 2]).anchor_key());
    let rebuild = |offered: &OfferedLink| offered.rebuild(seal, key(9), commitment(2), CAP);
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        for form in [OtsForm::Split, OtsForm::OpReturn, OtsForm::Reveal] {
            for coins in [vec![], vec![coin.clone()]] {
                let builder = LinkBuilder::new(seal, key(9), commitment(2)).shape(shape).ots(form).top_up(coins);
                let link = builder.build(FeeRate::from_sat_per_vb_u32(3), CAP).unwrap();
                let offered = OfferedLink::of(&link);
                let again = rebuild(&offered).unwrap();
                assert_eq!((again.transaction(), again.fee()), (link.transaction(), link.fee()));
                assert_eq!(again.sighash(), link.sighash());
                for (what, change) in changes() {
                    let mut other = offered.clone();
                    change(&mut other.transaction);
                    let refused = rebuild(&other).err();
                    let is_refused = matches!(refused, Some(BuildError::NotTheLink { .. } | BuildError::Fee(_)));
                    assert!(is_refused, "{what}, {shape:?}, {form:?}: {refused:?}");
                }
            }
        }
    }
    let link = LinkBuilder::new(seal, key(9), commitment(2)).build(FeeRate::from_sat_per_vb_u32(3), CAP).unwrap();
    let (low, fee) = (FeeRate::from_sat_per_vb_u32(1), link.fee());
    let too_dear = OfferedLink::of(&link).rebuild(seal, key(9), commitment(2), low);
    assert!(
        matches!(too_dear, Err(BuildError::Fee(FeeError::AboveCap { .. }))),
        "{fee} at most 1 sat/vB: {too_dear:?}"
    );
}

fn tweaked(key: XOnlyPublicKey) -> bitcoin::key::TweakedPublicKey {
    bitcoin::key::TweakedPublicKey::dangerous_assume_tweaked(key)
}

type Change = fn(&mut Transaction);

/// What a hub could slip in.
fn changes() -> [(&'static str, Change); 7] {
    [
        ("an output of its own, at the seal's expense", |tx| {
            let output =
                TxOut { value: Amount::from_sat(1000), script_pubkey: ScriptBuf::new_p2tr_tweaked(tweaked(key(8))) };
            tx.output[0].value -= output.value;
            tx.output.push(output);
        }),
        ("more than goes in", |tx| tx.output[0].value = Amount::from_sat(30_000)),
        ("another commitment", |tx| {
            tx.output[0].script_pubkey =
                unsigned(&[1, 2], 3, OtsForm::Split).transaction().output[0].script_pubkey.clone();
        }),
        ("another seal", |tx| tx.input[0].previous_output.vout = 1),
        ("another sequence", |tx| tx.input[0].sequence = bitcoin::Sequence::MAX),
        ("a lock time", |tx| tx.lock_time = bitcoin::absolute::LockTime::from_consensus(1)),
        ("a version that nodes do not relay", |tx| tx.version = bitcoin::transaction::Version(9)),
    ]
}

#[test]
fn an_operators_hello_is_for_one_connection() {
    let (dao, nodes) = (([1; 32], [2; 32]), ([3; 33], [4; 33]));
    let signature = sign_operator_hello(&keypair(1), dao, nodes, &[7; 32]);
    assert!(is_operator_hello(&public(1), dao, nodes, &signature));
    assert!(!is_operator_hello(&public(2), dao, nodes, &signature));
    for other in [([9; 33], [4; 33]), ([3; 33], [9; 33]), ([4; 33], [3; 33])] {
        assert!(!is_operator_hello(&public(1), dao, other, &signature));
    }
    for other in [([9; 32], [2; 32]), ([1; 32], [9; 32]), ([2; 32], [1; 32])] {
        assert!(!is_operator_hello(&public(1), other, nodes, &signature));
    }
}
