//! Vectors of operators, shapes, timestamps and succession, for `docs/spec/vectors/anchor.json`.

use althing_anchor::{
    LinkBuilder, LinkShape, NonceRound, OtsForm, OtsPath, Seal, SealPledge, SessionEntropy, op_return_timestamp,
    reveal_timestamp, split_timestamp,
};
use bitcoin::consensus::encode;
use bitcoin::hashes::Hash;
use bitcoin::hex::DisplayHex;
use bitcoin::{FeeRate, OutPoint};
use serde_json::{Value, json};

use crate::support::{CAP, Story, commitment, key, keypair, operators};
use crate::{ots_files, succession};

fn outpoint(outpoint: &OutPoint) -> String {
    [&outpoint.txid.to_byte_array()[..], &outpoint.vout.to_be_bytes()].concat().to_lower_hex_string()
}

/// One link signed by three operators, key path and leaf.
pub(crate) fn operators_sign() -> Value {
    let numbers = [1, 2, 3];
    let set = operators(&numbers);
    let sessions: Vec<Value> = [OtsForm::Split, OtsForm::Reveal].map(session).into();
    json!({
        "secret_keys": numbers.map(|n: u8| [n; 32].to_lower_hex_string()),
        "sorted_keys": set.keys().iter().map(|key| key.serialize().to_lower_hex_string()).collect::<Vec<_>>(),
        "anchor_key": set.anchor_key().serialize().to_lower_hex_string(),
        "sessions": sessions,
    })
}

fn session(form: OtsForm) -> Value {
    let numbers = [1u8, 2, 3];
    let seal = Seal { anchor_key: operators(&numbers).anchor_key(), ..ots_files::seal() };
    let builder = LinkBuilder::new(seal, key(9), commitment(2)).ots(form);
    let unsigned = builder.build(FeeRate::from_sat_per_vb_u32(2), CAP).unwrap();
    let begin = |n: u8| {
        let entropy = SessionEntropy::new([0x80 + n; 32]).unwrap();
        NonceRound::begin(operators(&numbers), unsigned.clone(), &SealPledge::of(&unsigned), keypair(n), entropy)
    };
    let mut rounds: Vec<_> = numbers.map(|n| begin(n).unwrap()).into();
    let nonces: Vec<_> = rounds.iter().map(|(_, nonce)| *nonce).collect();
    for (round, _) in &mut rounds {
        numbers.iter().zip(&nonces).for_each(|(n, nonce)| round.receive(&keypair(*n).public_key(), *nonce).unwrap());
    }
    let mut rounds: Vec<_> = rounds.into_iter().map(|(round, _)| round.sign().unwrap()).collect();
    let shares: Vec<_> = rounds.iter().map(|(_, share)| *share).collect();
    let (mut first, _) = rounds.remove(0);
    numbers.iter().zip(&shares).for_each(|(n, share)| first.receive(&keypair(*n).public_key(), *share).unwrap());
    let link = first.finish().unwrap();
    json!({
        "spends": if form == OtsForm::Reveal { "leaf" } else { "key path" },
        "seal_outpoint": outpoint(&seal.outpoint),
        "seal_value_sat": seal.value.to_sat(),
        "seal_commitment": seal.commitment.to_string(),
        "sighash": unsigned.sighash().as_ref().to_lower_hex_string(),
        "pledge": SealPledge::of(&unsigned).encode().to_lower_hex_string(),
        "entropy": numbers.map(|n| [0x80 + n; 32].to_lower_hex_string()),
        "public_nonces": nonces.iter().map(|nonce| nonce.to_bytes().to_lower_hex_string()).collect::<Vec<_>>(),
        "shares": shares.iter().map(|share| share.to_bytes().to_lower_hex_string()).collect::<Vec<_>>(),
        "signed_transaction": encode::serialize_hex(link.transaction()),
    })
}

/// The same link in every shape and form.
pub(crate) fn link_shapes() -> Value {
    let mut shapes = vec![];
    for (shape, shape_name) in [(LinkShape::Plain, "plain"), (LinkShape::Anchored, "anchored")] {
        for (form, form_name) in
            [(OtsForm::Split, "split"), (OtsForm::OpReturn, "op_return"), (OtsForm::Reveal, "reveal")]
        {
            let link = ots_files::link(shape, form);
            shapes.push(json!({
                "shape": shape_name,
                "form": form_name,
                "fee_sat": link.fee().to_sat(),
                "weight": link.transaction().weight().to_wu(),
                "signed_transaction": encode::serialize_hex(link.transaction()),
            }));
        }
    }
    json!({ "seal_secret_key": ([1u8; 32].to_lower_hex_string()), "fee_rate_sat_per_vb": 1, "links": shapes })
}

/// One file of each form, for the links of [`link_shapes`] in a block of their own.
pub(crate) fn timestamps() -> Value {
    let link = |form| ots_files::link(LinkShape::Plain, form).transaction().clone();
    let mined = |form| ots_files::block(&link(form), 2, 5);
    let evidence = |form| ots_files::evidence(&link(form), &mined(form));
    let file = |name: &str, form, timestamp: althing_anchor::TimestampFile| {
        json!({
            "form": name,
            "block": encode::serialize_hex(&mined(form)),
            "height": ots_files::HEIGHT,
            "file_hash": timestamp.digest().to_lower_hex_string(),
            "ots": timestamp.encode().to_lower_hex_string(),
        })
    };
    let copied = op_return_timestamp([2; 32], OtsPath::new(), commitment(2), &evidence(OtsForm::OpReturn)).unwrap();
    let (reveal, block) = (link(OtsForm::Reveal).compute_txid(), mined(OtsForm::Reveal));
    let reveal =
        reveal_timestamp([1; 32], OtsPath::new(), &ots_files::seal(), reveal, &block, ots_files::HEIGHT).unwrap();
    json!([
        file("split", OtsForm::Split, split_timestamp(&evidence(OtsForm::Split)).unwrap()),
        file("op_return", OtsForm::OpReturn, copied),
        file("reveal", OtsForm::Reveal, reveal),
    ])
}

/// A succession after link 2 of the chain in these vectors.
pub(crate) fn succession() -> Value {
    let story = Story::with_links(2);
    let statement = succession::statement(&story, 2);
    let certificate = succession::certificate(statement, &[41, 42, 43]);
    let spender = succession::spender(&certificate);
    json!({
        "roll": succession::ROLL.map(|(n, weight)| json!([key(n).serialize().to_lower_hex_string(), weight as u64])),
        "signers_secret_keys": ([41u8, 42, 43].map(|n| [n; 32].to_lower_hex_string())),
        "aux_rand": ([3u8; 32].to_lower_hex_string()),
        "statement": statement.encode().to_lower_hex_string(),
        "certificate": certificate.encode().to_lower_hex_string(),
        "commitment": certificate.commitment().to_string(),
        "weight": 70,
        "total_weight": 100,
        "spare_seal": outpoint(&statement.spare_seal),
        "succession_transaction_unsigned": encode::serialize_hex(&spender),
    })
}
