//! A succession in the verified log: judged where the log has reached it, by the log and the chain alone.

use std::collections::BTreeMap;

use althing_anchor::{
    BlockHashes, ClaimedSuccession, Commitment, Primary, SuccessionCertificate, SuccessionRules, SuccessionStatement,
    VerifiedLink, judge_succession,
};
use althing_governance::id::MemberId;
use althing_governance::roll::Roll;
use althing_governance::state::{LogState, Successor};
use anyhow::Context as _;
use bitcoin::secp256k1::XOnlyPublicKey;
use bitcoin::{BlockHash, OutPoint, Txid};

use super::seal::treasuries_up_to;
use crate::ledger::{ChainView, Ledger, LedgerError};

impl Ledger {
    /// Another hub takes the log over where a certificate says; judged when the log is that long.
    pub fn expect_succession(&mut self, certificate: SuccessionCertificate) {
        self.expected.push(certificate);
        self.expected.sort_by_key(|certificate| certificate.statement().log_size);
    }

    /// Whether a succession is to come: until then nobody may log anything.
    pub fn awaits_succession(&self) -> bool {
        !self.expected.is_empty()
    }

    /// The output that the link behind an epoch's spends: output 0 of that link, or of the succession behind it.
    pub fn seal_after(&self, epoch: u32, link: Txid) -> OutPoint {
        let successor = self.state().successor_after(epoch);
        OutPoint { txid: successor.map_or(link, |successor| successor.spare_seal.txid), vout: 0 }
    }

    /// Whether a succession that is known stands behind this epoch, and the log is not read up to it: what then spends the former hub's
    /// seal proves nothing, and the next link does not spend it.
    pub fn awaits_succession_behind(&self, epoch: u32) -> bool {
        self.expected.iter().any(|certificate| certificate.statement().last_link == epoch)
    }

    /// Goes over to the new hub if the log has just the entries that the next certificate names.
    ///
    /// # Errors
    /// [`LedgerError::NotYet`] until the succession is final on this node's chain; [`LedgerError::Invalid`] when it is none.
    pub fn succeed_if_due(&mut self, chain: &mut dyn ChainView) -> Result<(), LedgerError> {
        while let Some(first) = self.expected.first() {
            let position = self.state().size();
            if position < first.statement().log_size {
                return Ok(());
            }
            // of several behind one size each goes on over the spare seal that the one before it made.
            let spare_seal = self.state().spare_seal();
            let is_next =
                |statement: &SuccessionStatement| (statement.log_size, statement.spare_seal) == (position, spare_seal);
            let at = self.expected.iter().position(|certificate| is_next(certificate.statement())).unwrap_or(0);
            let successor = self.judge_due(&self.expected[at], chain)?;
            self.expected.remove(at);
            self.state_mut().succeed(successor).map_err(|refusal| LedgerError::invalid(position, None, refusal))?;
        }
        Ok(())
    }

    fn judge_due(
        &self,
        certificate: &SuccessionCertificate,
        chain: &mut dyn ChainView,
    ) -> Result<Successor, LedgerError> {
        let state = self.state();
        let (position, statement) = (state.size(), certificate.statement());
        let invalid = |reason: String| LedgerError::invalid(position, Some("succession"), reason);
        let (size, root) = (statement.log_size, statement.log_root);
        if position != size || state.root().0 != root {
            return Err(invalid(format!(
                "A-300: the members signed for a log of {size} entries with another root than the one here, which has {position}"
            )));
        }
        let last = state.newest_anchored().filter(|record| record.header.epoch == statement.last_link);
        let last = last.ok_or_else(|| {
            invalid(format!("A-301: epoch {} is not the newest final one of this log", statement.last_link))
        })?;
        let unspent = |outpoint: OutPoint| LedgerError::NotYet {
            position,
            reason: format!("A-105: the spare seal {outpoint} is unspent as far as is known here"),
        };
        let followed =
            self.followed_spare_seal(statement.last_link, chain)?.ok_or_else(|| unspent(state.spare_seal()))?;
        let evidence = followed.spent.ok_or_else(|| unspent(followed.now.outpoint))?;
        let (height, tip) = (evidence.inclusion().height(), chain.tip_height()?);
        let final_depth = state.charter().final_depth;
        if tip.saturating_add(1) < height.saturating_add(final_depth) {
            let reason = format!("A-304: the succession at height {height} is not {final_depth} deep at the tip {tip}");
            return Err(LedgerError::NotYet { position, reason });
        }
        let primary = Primary {
            dao: state.params().dao_id.0,
            links: &[VerifiedLink {
                number: last.header.epoch,
                txid: last.link,
                commitment: Commitment::new(*last.header.hash().as_bytes()),
                height: last.mined_height,
                block_hash: last.mined_hash,
                // Order within a block is not what is judged here: the succession comes blocks later.
                index: 0,
            }],
            spare_seal: &followed.named,
            treasuries: &treasuries_up_to(state, statement.last_link),
        };
        let roll = state.roll(statement.last_link).context("the roll of the last epoch accepted")?;
        let (roll, total) = weights(roll, state, size);
        let mut blocks = TheseBlocks { hashes: BTreeMap::new(), tip };
        for mined in followed.moves.iter().chain([&evidence]) {
            let height = mined.inclusion().height();
            blocks.hashes.extend(chain.block_hash(height)?.map(|hash| (height, hash)));
        }
        let charter = state.charter();
        let rules = SuccessionRules { final_depth, window_blocks: charter.succession_window_blocks };
        let claim = ClaimedSuccession { certificate, moves: &followed.moves, evidence: &evidence };
        let found = judge_succession(&claim, &primary, &roll, total, rules, &blocks)
            .map_err(|error| invalid(format!("A-110: this continues nothing: {error}")))?;
        Ok(Successor {
            after_epoch: statement.last_link,
            hub_node_key: statement.hub_node_key,
            hub_log_key: found.hub_key(),
            anchor_key: found.anchor_key(),
            spare_seal: found.spare_seal().outpoint,
        })
    }
}

/// The weights of a roll by the keys that speak for its members in a log of `size` entries, as the anchor core asks for them,
/// and their sum: a key that was stolen and replaced there has no say any more.
pub(crate) fn weights(roll: &Roll, state: &LogState, size: u64) -> (BTreeMap<XOnlyPublicKey, u128>, u128) {
    let speaking: BTreeMap<MemberId, MemberId> =
        state.rotations(size).into_iter().map(|(_, member, key)| (member, key)).collect();
    let weight = |(id, entry): (&MemberId, &althing_governance::roll::RollEntry)| {
        Some((speaking.get(id).unwrap_or(id).key()?, entry.weight))
    };
    (roll.iter().filter_map(weight).collect(), roll.total())
}

/// The blocks that the succession, and what moved the spare seal before it, are in.
struct TheseBlocks {
    hashes: BTreeMap<u32, BlockHash>,
    tip: u32,
}

impl BlockHashes for TheseBlocks {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.hashes.get(&height).copied()
    }

    fn tip_height(&self) -> u32 {
        self.tip
    }
}
