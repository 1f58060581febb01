//! Proofs under an epoch header: the first byte chooses the kind. None that was made up holds under a header nobody made.
#![no_main]

use std::sync::LazyLock;

use althing_governance::charter::Body;
use althing_governance::epoch::{BallotProof, BodyProof, DecisionProof, RollProof, TallyProof};
use althing_governance::id::{CharterHash, DaoId, HeaderHash, MemberId, NetworkId, ProposalId, TreeHash};
use althing_governance::{Canonical, EpochHeader};
use bitcoin::hashes::Hash as _;
use bitcoin::key::UntweakedPublicKey;
use bitcoin::{BlockHash, Network, OutPoint};
use libfuzzer_sys::fuzz_target;

static HEADER: LazyLock<EpochHeader> = LazyLock::new(|| EpochHeader {
    network: NetworkId::of(Network::Regtest),
    dao: DaoId([1; 32]),
    epoch: 3,
    prev_header: HeaderHash([2; 32]),
    log_size: 100,
    log_root: TreeHash([3; 32]),
    ballots_root: [4; 32],
    rolls_root: [5; 32],
    decisions_root: [6; 32],
    charter: CharterHash([7; 32]),
    next_anchor_key: UntweakedPublicKey::from_slice(&[2; 32]).expect("2 repeated is on the curve"),
    spare_seal: OutPoint::null(),
    closing_height: 18,
    closing_hash: BlockHash::from_byte_array([8; 32]),
});

fuzz_target!(|bytes: &[u8]| {
    let [choice, proof @ ..] = bytes else { return };
    let (header, proposal, member) = (&*HEADER, ProposalId([1; 32]), MemberId([2; 32]));
    match choice % 5 {
        0 => {
            if let Ok(found) = BallotProof::from_bytes(proof) {
                assert_eq!(found.to_bytes(), proof);
                assert!(found.verify(header, &proposal, &member).is_err());
                assert!(found.verify_in(header, &proposal, Body::Treasurers, 1, &member).is_err());
            }
        }
        1 => {
            if let Ok(found) = RollProof::from_bytes(proof) {
                assert_eq!(found.to_bytes(), proof);
                assert!(found.verify(header, 1, &member).is_err());
            }
        }
        2 => {
            if let Ok(found) = TallyProof::from_bytes(proof) {
                assert_eq!(found.to_bytes(), proof);
                assert!(found.verify(header, &proposal).is_err());
            }
        }
        3 => {
            if let Ok(found) = BodyProof::from_bytes(proof) {
                assert_eq!(found.to_bytes(), proof);
                assert!(found.verify(header, &proposal, 0).is_err() && found.verify(header, &proposal, 1).is_err());
            }
        }
        _ => {
            if let Ok(found) = DecisionProof::from_bytes(proof) {
                assert_eq!(found.to_bytes(), proof);
                assert!(found.verify(header, &proposal).is_err());
            }
        }
    }
});
