//! Judging a succession in a proof file (docs/spec/proofs.md, P-330 to P-332).

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{
    BlockHashes, ClaimedSuccession, LinkEvidence, Primary, SpareSeal, Succession, SuccessionRules, VerifiedLink,
    judge_succession, spare_seal_after,
};
use althing_governance::Charter;
use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::Entry;
use althing_governance::epoch::EpochHeader;
use althing_governance::id::{MemberId, TreeHash};
use althing_governance::signing::verify_all;
use althing_governance::state::Successor;
use althing_governance::tree::{leaf_hash, verify_inclusion};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{OutPoint, ScriptBuf};

use super::bundle::{LoggedEntry, SuccessionPart};
use super::verify::{Rejection, fail};

/// What a succession in a file goes on from.
#[derive(Clone, Copy)]
pub(super) struct Behind<'a> {
    /// The last header accepted.
    pub(super) header: &'a EpochHeader,
    /// Its link.
    pub(super) link: &'a VerifiedLink,
    /// The spare seal that it names.
    pub(super) spare_seal: &'a SpareSeal,
    /// Scripts at index 0 of the treasuries by the headers up to it, the oldest first.
    pub(super) treasuries: &'a [ScriptBuf],
}

impl SuccessionPart {
    /// Size of the log that the new hub took over.
    pub(super) fn log_size(&self) -> u64 {
        self.certificate.statement().log_size
    }

    /// The spare seal that it makes.
    pub(super) fn spare_seal(&self) -> OutPoint {
        OutPoint { txid: self.link.txid(), vout: 1 }
    }

    /// The charter in force with the keys of the new hub in it.
    pub(super) fn charter_after(&self, charter: &Charter) -> Charter {
        let statement = self.certificate.statement();
        let successor = Successor {
            after_epoch: statement.last_link,
            hub_node_key: statement.hub_node_key,
            hub_log_key: statement.hub_key,
            anchor_key: statement.anchor_key,
            spare_seal: self.spare_seal(),
        };
        successor.charter_after(charter)
    }

    /// For which members the signers' keys speak that came by rotation, in the log that the statement takes over (P-334).
    fn speakers(&self, params: &DaoParams) -> Result<BTreeMap<MemberId, MemberId>, String> {
        let statement = self.certificate.statement();
        let signers: BTreeSet<MemberId> =
            self.certificate.signatures().iter().map(|signature| MemberId::of(&signature.member)).collect();
        let secp = Secp256k1::verification_only();
        let mut speakers = BTreeMap::new();
        let mut next = 0;
        for LoggedEntry { position, bytes, path } in &self.rotations {
            let wrong = |what: &str| format!("P-334: entry {position} is no replacement of a signer's key: {what}");
            if *position < next {
                return Err(wrong("it stands behind a later one"));
            }
            next = position.saturating_add(1);
            verify_inclusion(leaf_hash(bytes), *position, statement.log_size, path, TreeHash(statement.log_root))
                .map_err(|error| wrong(&error.to_string()))?;
            let entry = Entry::from_bytes(bytes).map_err(|error| wrong(&error.to_string()))?;
            let Entry::KeyRotation(signed) = entry else { return Err(wrong("it is of another kind")) };
            let rotation = signed.rotation;
            if (rotation.network, rotation.dao) != (params.network, params.dao_id) {
                return Err(wrong("it is of another DAO"));
            }
            verify_all(&secp, &signed.signature_checks()).map_err(|error| wrong(&error.to_string()))?;
            if signers.contains(&rotation.old_key) {
                return Err(format!("A-103: vote key {} signed and had been replaced", rotation.old_key));
            }
            let member = speakers.remove(&rotation.old_key).unwrap_or(rotation.old_key);
            speakers.insert(rotation.new_key, member);
        }
        match speakers.keys().find(|key| !signers.contains(*key)) {
            Some(key) => Err(format!("P-334: vote key {key} signed nothing")),
            None => Ok(speakers),
        }
    }

    /// with the weights that the file shows under the last header accepted.
    pub(super) fn check(
        &self,
        params: &DaoParams,
        behind: &Behind<'_>,
        blocks: &impl BlockHashes,
        checked: &mut Vec<String>,
    ) -> Result<Succession, Rejection> {
        let Behind { header, link, spare_seal, treasuries } = *behind;
        let rule = fail(format!("succession after epoch {}", header.epoch));
        let signatures = self.certificate.signatures();
        if signatures.len() != self.weights.len() {
            let (shown, signed) = (self.weights.len(), signatures.len());
            return Err(rule(format!("P-330: {shown} weights are shown for {signed} signers")));
        }
        let speakers = self.speakers(params).map_err(&rule)?;
        let (mut roll, mut total) = (BTreeMap::new(), 0);
        for (signature, proof) in signatures.iter().zip(&self.weights) {
            let key = MemberId::of(&signature.member);
            let signer = speakers.get(&key).copied().unwrap_or(key);
            let shown = proof.verify(header, header.epoch, &signer).map_err(|error| rule(error.to_string()))?;
            roll.insert(signature.member, shown.weight);
            total = shown.total;
        }
        // P-166: what the file shows beside a move is true too, so that no byte of it can be changed unnoticed.
        let shown = self.moves.iter().map(|moved| (&moved.evidence, moved.root));
        spare_seal_after(spare_seal.clone(), shown, header.epoch, blocks).map_err(|error| rule(error.to_string()))?;
        let moves: Vec<LinkEvidence> = self.moves.iter().map(|moved| moved.evidence.clone()).collect();
        // Links are numbered by epoch here, as the statement does.
        let link = VerifiedLink { number: header.epoch, ..*link };
        let primary = Primary { dao: params.dao_id.0, links: &[link], spare_seal, treasuries };
        let charter = &params.charter;
        let rules =
            SuccessionRules { final_depth: charter.final_depth, window_blocks: charter.succession_window_blocks };
        let claim = ClaimedSuccession { certificate: &self.certificate, moves: &moves, evidence: &self.link };
        let found =
            judge_succession(&claim, &primary, &roll, total, rules, blocks).map_err(|error| rule(error.to_string()))?;
        checked.push(format!(
            "After epoch {} members with weight {} of {total} put another hub in ({}), by link {}. Whether the former hub had anchored more by then headers do not show, nor the file whether more of the signers' keys had been replaced.",
            header.epoch,
            found.weight(),
            found.hub_key(),
            found.link().txid
        ));
        Ok(found)
    }
}
