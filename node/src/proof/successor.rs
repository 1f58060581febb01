//! Judging a succession in a proof file (docs/spec/40-proofs.md, P-330 to P-332).

use std::collections::BTreeMap;

use althing_anchor::{
    BlockHashes, ClaimedSuccession, Primary, Succession, SuccessionRules, Treasury, VerifiedLink, judge_succession,
};
use althing_governance::Charter;
use althing_governance::dao::DaoParams;
use althing_governance::epoch::EpochHeader;
use althing_governance::id::MemberId;
use althing_governance::state::Successor;
use bitcoin::OutPoint;

use super::bundle::SuccessionPart;
use super::verify::{Rejection, fail};

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

    /// with the weights that the file shows under the last header accepted.
    pub(super) fn check(
        &self,
        params: &DaoParams,
        header: &EpochHeader,
        link: &VerifiedLink,
        spare_seal: OutPoint,
        blocks: &impl BlockHashes,
        checked: &mut Vec<String>,
    ) -> Result<Succession, Rejection> {
        let rule = fail(format!("succession after epoch {}", header.epoch));
        let signatures = self.certificate.signatures();
        if signatures.len() != self.weights.len() {
            let (shown, signed) = (self.weights.len(), signatures.len());
            return Err(rule(format!("P-330: {shown} weights are shown for {signed} signers")));
        }
        let (mut roll, mut total) = (BTreeMap::new(), 0);
        for (signature, proof) in signatures.iter().zip(&self.weights) {
            let signer = MemberId::of(&signature.member);
            let shown = proof.verify(header, header.epoch, &signer).map_err(|error| rule(error.to_string()))?;
            roll.insert(signature.member, shown.weight);
            total = shown.total;
        }
        let script = Treasury::parse(&params.charter.treasury_descriptor)
            .and_then(|treasury| treasury.script_at(0))
            .map_err(|error| rule(error.to_string()))?;
        // Links are numbered by epoch here, as the statement does.
        let link = VerifiedLink { number: header.epoch, ..*link };
        let primary = Primary { dao: params.dao_id.0, links: &[link], spare_seal, spare_script: &script };
        let charter = &params.charter;
        let rules =
            SuccessionRules { final_depth: charter.final_depth, window_blocks: charter.succession_window_blocks };
        let claim = ClaimedSuccession { certificate: &self.certificate, evidence: &self.link };
        let found =
            judge_succession(&claim, &primary, &roll, total, rules, blocks).map_err(|error| rule(error.to_string()))?;
        checked.push(format!(
            "After epoch {} members with weight {} of {total} put another hub in ({}), by link {}. Whether the former hub had anchored more by then headers do not show.",
            header.epoch,
            found.weight(),
            found.hub_key(),
            found.link().txid
        ));
        Ok(found)
    }
}
