//! BOLT 3's own vectors, against the keys, scripts and numbers that commitments are built from.

use althing_channels::{
    Balances, ChannelKeys, ChannelSeed, CommitmentContext, CommitmentTx, MAX_COMMITMENT_NUMBER, Side, ToLocal,
    tagged_hash,
};
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::FromHex;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};

use crate::pair::{funding_outpoint, keys, params};

/// BOLT 3's `generate_from_seed`, written from its text.
fn generate_from_seed(seed: [u8; 32], index: u64) -> [u8; 32] {
    let mut value = seed;
    for bit in (0..48).rev().filter(|bit| index >> bit & 1 == 1) {
        value[bit / 8] ^= 1 << (bit % 8);
        value = sha256::Hash::hash(&value).to_byte_array();
    }
    value
}

fn bytes(hex: &str) -> [u8; 32] {
    <[u8; 32]>::from_hex(hex).unwrap()
}

fn point(hex: &str) -> PublicKey {
    hex.parse().unwrap()
}

// Appendix D.
#[test]
fn per_commitment_secrets() {
    for (seed, index, secret) in [
        (0x00, 281_474_976_710_655, "02a40c85b6f28da08dfdbe0926c53fab2de6d28c10301f8f7c4073d5e42e3148"),
        (0xff, 281_474_976_710_655, "7cc854b54e3e0dcdb010d7a3fee464a9687be6e8db3be6854c475621e007a5dc"),
        (0xff, 0xaaa_aaaa_aaaa, "56f4008fb007ca9acf0e15b054d5c9fd12ee06cea347914ddbaed70d1c13a528"),
        (0xff, 0x5555_5555_5555, "9015daaeb06dba4ccc05b91b2f73bd54405f2be9f217fbacd3c5ac2e62327d31"),
        (0x01, 1, "915c75942a26bb3a433a8ce2cb0427c29ec6c1775cfc78328b57f6ba7bfeaa9c"),
    ] {
        assert_eq!(generate_from_seed([seed; 32], index), bytes(secret));
    }
    let seed = [9; 32];
    let own = ChannelKeys::new(ChannelSeed::new(seed));
    let chain = tagged_hash("althing/channel-shachain/v1", &[&seed]);
    for number in [0, 1, 2, 1_000_000, MAX_COMMITMENT_NUMBER] {
        let expected = generate_from_seed(chain, MAX_COMMITMENT_NUMBER - number);
        assert_eq!(own.per_commitment_secret(number).secret_bytes(), expected);
    }
}

// Appendix E: both basepoints of the vector are the same key.
#[test]
fn keys_of_a_commitment() {
    let base = point("036d6caac248af96f6afa7f904f550253a0f3ef3f5aa2fe6838a95b216691468e2");
    let commitment = point("025f7117a78150fe2ef97db7cfc83bd57b2e2c0d0dd25eaf467a4a1c2a45ce1486");
    let secp = Secp256k1::new();
    let secret = |hex| PublicKey::from_secret_key(&secp, &SecretKey::from_slice(&bytes(hex)).unwrap());
    assert_eq!(secret("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), base);
    assert_eq!(secret("1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"), commitment);
    let delayed = point("0235f2dbfaa89b57ec7b055afe29849ef7ddfeb1cefdb9ebdc43f5494984db29e5");
    let revocation = point("02916e326636d19c33f13e8c0c3a03dd157f332f3e99c317c141dd865eb01f8ff0");
    let to_local = ToLocal::new(&commitment, &base, &base, 144);
    assert_eq!(to_local.spend_info().internal_key(), revocation.x_only_public_key().0);
    assert_eq!(to_local.leaf().as_bytes()[1..33], delayed.x_only_public_key().0.serialize());
    assert_eq!(secret("d09ffff62ddb2297ab000cc85bcb4283fdeb6aa052affbc9dddcf33b61078110"), revocation);
    assert_eq!(secret("cbced912d3b21bf196a766651e436aff192362621ce317704ea2f75d87e7be0f"), delayed);
}

// Appendix C: the opener's and the other side's payment basepoint, number 42.
#[test]
fn obscured_numbers() {
    let (mut member, mut hub) = (*keys(Side::Member).public(), *keys(Side::Hub).public());
    member.payment = point("034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa");
    hub.payment = point("032c0b7cf95324a07d05398b240174dc0c2be444d96b159aa6c7f7b1e668680991");
    let context = CommitmentContext::new(params(), member, hub, funding_outpoint());
    let balances = Balances { member_sat: 1_000_000, hub_sat: 0 };
    for side in [Side::Member, Side::Hub] {
        let built = CommitmentTx::build(&context, side, 42, &member.first_point, balances).unwrap();
        let transaction = built.transaction();
        let low = u64::from(transaction.lock_time.to_consensus_u32() & 0xff_ffff);
        let high = u64::from(transaction.input[0].sequence.0 & 0xff_ffff);
        assert_eq!(high << 24 | low, 0x2bb0_3852_1914 ^ 42);
        assert_eq!(transaction.lock_time.to_consensus_u32(), 542_251_326);
    }
}
