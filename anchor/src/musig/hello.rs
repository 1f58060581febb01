//! How an operator's node shows the hub that the key is its own.

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::secp256k1::{Keypair, Message, PublicKey, schnorr};

use crate::codec::Writer;
use crate::curve::secp;

const VERSION: u8 = 1;
const TAG: &[u8] = b"althing/operator-hello-signature/v1";

/// What an operator signs so that the hub lets it take part on this connection: network, DAO, and the BOLT 8 keys of both ends.
pub fn sign_operator_hello(
    operator: &Keypair,
    dao: ([u8; 32], [u8; 32]),
    nodes: ([u8; 33], [u8; 33]),
    aux_rand: &[u8; 32],
) -> schnorr::Signature {
    secp().sign_schnorr_with_aux_rand(&message(dao, nodes), operator, aux_rand)
}

/// Whether the operator with this key says hello from a node.
pub fn is_operator_hello(
    operator: &PublicKey,
    dao: ([u8; 32], [u8; 32]),
    nodes: ([u8; 33], [u8; 33]),
    signature: &schnorr::Signature,
) -> bool {
    secp().verify_schnorr(signature, &message(dao, nodes), &operator.x_only_public_key().0).is_ok()
}

fn message((network, dao): ([u8; 32], [u8; 32]), (own_node, hub_node): ([u8; 33], [u8; 33])) -> Message {
    let mut writer = Writer::default();
    writer.u8(VERSION);
    writer.array(&network);
    writer.array(&dao);
    writer.array(&own_node);
    writer.array(&hub_node);
    // E-12
    let tag = sha256::Hash::hash(TAG).to_byte_array();
    let mut engine = sha256::Hash::engine();
    for part in [&tag[..], &tag, &writer.finish()] {
        engine.input(part);
    }
    Message::from_digest(sha256::Hash::from_engine(engine).to_byte_array())
}
