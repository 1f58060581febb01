//! Everything of the governance core that is decoded by itself: the first byte chooses the type. One byte form each, and what
//! decodes can be asked anything.
#![no_main]

use std::fmt::Debug;

use althing_governance::delegation::Delegation;
use althing_governance::entry::{
    Acceptance, AuthorUpdate, Ballot, CommentVote, DepositHold, Effect, GuardianAct, Invitation, LogHead,
    ProposalContent, SeenNote, SignedKeyRotation, Withdrawal,
};
use althing_governance::epoch::{BallotRoot, DecisionLeaf};
use althing_governance::receipt::Receipt;
use althing_governance::signing::{Signed, Statement as _};
use althing_governance::tally::BallotLeaf;
use althing_governance::tree::{SumAbsence, SumLeaf, SumProof, SumRoot, TreePurpose};
use althing_governance::{Canonical, EpochHeader};
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;

const PURPOSES: [TreePurpose; 5] = [
    TreePurpose::Ballots { sums: 5 },
    TreePurpose::BallotRoots,
    TreePurpose::Roll,
    TreePurpose::Rolls,
    TreePurpose::Decisions,
];

fn read<T: Canonical + Debug + PartialEq>(bytes: &[u8]) -> Option<T> {
    let value = T::from_bytes(bytes).ok()?;
    assert_eq!(value.to_bytes(), bytes, "{value:?} has a second byte form");
    Some(value)
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, bytes @ ..] = bytes else { return };
    match choice % 20 {
        0 => {
            if let Some(effect) = read::<Effect>(bytes) {
                let _ = (effect.check(), effect.amount_sat(), effect.class());
                let _ = effect.sentences(Network::Regtest);
            }
        }
        1 => {
            if let Some(content) = read::<ProposalContent>(bytes) {
                let _ = (content.check(), content.amount_sat(), content.option_count());
                let _ = content.sentences(Network::Bitcoin);
            }
        }
        2 => {
            if let Some(header) = read::<EpochHeader>(bytes) {
                assert_eq!(header.difference(&header), None);
                let _ = header.hash();
            }
        }
        3 => {
            if let Some(receipt) = read::<Signed<Receipt>>(bytes) {
                let _ = receipt.verify_entry(bytes, receipt.first_position, &[]);
            }
        }
        4 => {
            if let Some(head) = read::<Signed<LogHead>>(bytes) {
                let _ = head.signed_bytes();
            }
        }
        5 => {
            if let Some(delegation) = read::<Delegation>(bytes) {
                let _ = (delegation.check(), delegation.is_revocation());
            }
        }
        6 => {
            if let Some(proof) = read::<SumProof>(bytes) {
                for purpose in PURPOSES {
                    assert!(proof.verify(purpose, &proof.leaf.key, &[7; 32]).is_err());
                }
            }
        }
        7 => {
            if let Some(absence) = read::<SumAbsence>(bytes) {
                for purpose in PURPOSES {
                    assert!(absence.verify(purpose, &[8; 32], &[7; 32]).is_err());
                }
            }
        }
        8 => drop(read::<SumRoot>(bytes)),
        9 => drop(read::<SumLeaf>(bytes)),
        10 => drop(read::<BallotRoot>(bytes)),
        11 => drop(read::<DecisionLeaf>(bytes)),
        12 => drop(read::<BallotLeaf>(bytes)),
        13 => drop(read::<Ballot>(bytes)),
        14 => drop(read::<CommentVote>(bytes)),
        15 => drop(read::<AuthorUpdate>(bytes)),
        16 => drop((read::<Withdrawal>(bytes), read::<Acceptance>(bytes))),
        17 => drop((read::<Invitation>(bytes), read::<GuardianAct>(bytes), read::<DepositHold>(bytes))),
        18 => drop(read::<SeenNote>(bytes)),
        _ => drop(read::<SignedKeyRotation>(bytes)),
    }
});
