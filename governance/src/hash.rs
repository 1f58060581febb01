//! Tagged hashes (E-12, BIP340): one function for every hash that is not part of the log tree.

use bitcoin::hashes::{Hash, HashEngine, sha256};

/// `SHA256(SHA256(tag) || SHA256(tag) || parts...)`.
///
/// The parts are hashed one behind the other as if they were one byte string; callers make the boundaries unambiguous.
#[must_use]
pub fn tagged_hash(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let tag = sha256::Hash::hash(tag.as_bytes());
    let mut engine = sha256::Hash::engine();
    engine.input(tag.as_byte_array());
    engine.input(tag.as_byte_array());
    for part in parts {
        engine.input(part);
    }
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// A tag whose part of the hash is computed once, for trees that hash millions of nodes under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagPrefix(sha256::Midstate);

impl TagPrefix {
    /// Hashes `SHA256(tag) || SHA256(tag)`, which fills one block.
    #[must_use]
    pub const fn new(tag: &str) -> Self {
        Self(sha256::Midstate::hash_tag(tag.as_bytes()))
    }

    /// The same as [`tagged_hash`] of this tag.
    #[must_use]
    pub fn hash(self, parts: &[&[u8]]) -> [u8; 32] {
        let mut engine = sha256::HashEngine::from_midstate(self.0, 64);
        parts.iter().for_each(|part| engine.input(part));
        sha256::Hash::from_engine(engine).to_byte_array()
    }
}

/// Every tag in use, in one place so that no two purposes share one (G-3).
pub mod tag {
    /// Charter hash.
    pub const CHARTER: &str = "althing/charter/v1";
    /// What the first seal commits to.
    pub const FOUNDING: &str = "althing/founding/v1";
    /// DAO id.
    pub const DAO: &str = "althing/dao/v1";
    /// Stake channel id.
    pub const CHANNEL: &str = "althing/channel/v1";
    /// Entry id.
    pub const ENTRY: &str = "althing/entry/v1";
    /// Lane head after an entry.
    pub const LANE: &str = "althing/lane/v1";
    /// Lane head before the first entry.
    pub const LANE_START: &str = "althing/lane-start/v1";
    /// Proposal id.
    pub const PROPOSAL: &str = "althing/proposal/v1";
    /// Spend intent of an authorised proposal.
    pub const SPEND: &str = "althing/spend/v1";
    /// Key of the ballot tree of a body that decides beside the first.
    pub const BODY: &str = "althing/body/v1";
    /// Key of a milestone in the decision tree.
    pub const MILESTONE: &str = "althing/milestone/v1";
    /// What proposals with the same effect have in common.
    pub const EFFECT: &str = "althing/effect/v1";
    /// Epoch header hash, which is the commitment on Bitcoin.
    pub const EPOCH: &str = "althing/epoch/v1";
    /// Order of options that breaks a tie.
    pub const TIE: &str = "althing/tie/v1";
    /// Leaf of a sum tree.
    pub const SUM_LEAF: &str = "althing/sum-leaf/v1";
    /// Node of a sum tree.
    pub const SUM_NODE: &str = "althing/sum-node/v1";
    /// Root commitment of a sum tree.
    pub const SUM_ROOT: &str = "althing/sum-root/v1";
    /// Member signs a bind entry.
    pub const SIGN_BIND: &str = "althing/bind/v1";
    /// Funding key signs that it belongs to a vote key.
    pub const SIGN_BIND_FUNDING: &str = "althing/bind-funding/v1";
    /// Member and hub sign a channel checkpoint.
    pub const SIGN_CHECKPOINT: &str = "althing/ckpt/v1";
    /// Member signs a proposal entry. Not "proposal", which is the tag of the proposal id.
    pub const SIGN_PROPOSAL: &str = "althing/propose/v1";
    /// Member signs a comment entry.
    pub const SIGN_COMMENT: &str = "althing/comment/v1";
    /// Member signs a ballot entry.
    pub const SIGN_BALLOT: &str = "althing/ballot/v1";
    /// Member signs a delegation entry.
    pub const SIGN_DELEGATION: &str = "althing/delegate/v1";
    /// Member signs a vote on a comment.
    pub const SIGN_COMMENT_VOTE: &str = "althing/comment-vote/v1";
    /// Member signs an author update.
    pub const SIGN_AUTHOR_UPDATE: &str = "althing/author-update/v1";
    /// Member signs a withdrawal.
    pub const SIGN_WITHDRAWAL: &str = "althing/withdraw/v1";
    /// Funding key and new vote key sign a key rotation.
    pub const SIGN_KEY_ROTATION: &str = "althing/rotate-key/v1";
    /// Member signs an invitation.
    pub const SIGN_INVITATION: &str = "althing/invite/v1";
    /// Member signs an acceptance.
    pub const SIGN_ACCEPTANCE: &str = "althing/accept/v1";
    /// Guardian signs a guardian act.
    pub const SIGN_GUARDIAN_ACT: &str = "althing/guardian/v1";
    /// Member signs a deposit hold.
    pub const SIGN_DEPOSIT_HOLD: &str = "althing/hold/v1";
    /// Member signs a seen note.
    pub const SIGN_SEEN_NOTE: &str = "althing/seen/v1";
    /// Hub signs an execution entry.
    pub const SIGN_EXECUTION: &str = "althing/execution/v1";
    /// Hub signs a gate refill.
    pub const SIGN_GATE_REFILL: &str = "althing/gates/v1";
    /// Hub signs a log head.
    pub const SIGN_HEAD: &str = "althing/head/v1";
    /// Hub signs that an epoch header is anchored.
    pub const SIGN_ANCHORED: &str = "althing/anchored/v1";
    /// Hub signs a receipt.
    pub const SIGN_RECEIPT: &str = "althing/receipt/v1";
}
