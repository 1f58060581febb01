//! What entries and headers say of Bitcoin, checked against this node's chain: heads, links that are final, payments, gates.
//!
//! A block that was named can leave the best chain later; A-97 says what holds then.

use althing_anchor::{Commitment, LinkEvidence, Treasury, verify_link};
use althing_governance::entry::{Anchored, Execution, GateRefill, LogHead};
use althing_governance::epoch::EpochHeader;
use althing_governance::state::Mined;
use anyhow::{Context, Result};
use bitcoin::{BlockHash, OutPoint, Script};

use std::collections::BTreeMap;

use super::{ChainView, Ledger, LedgerError, refused};
use crate::treasury::{generations, scripts_of};

/// Where a block stands that was named when it was in the best chain.
enum Named {
    /// In the best chain, or made up: what is said of it is judged by the best chain.
    Told,
    /// The log shows that a reorganisation took it away.
    Replaced,
}

impl Ledger {
    /// The hash by which an epoch is recomputed: that of the block at its closing height.
    ///
    /// # Errors
    /// [`LedgerError::NotYet`] above the tip, and where a reorganisation took away the block that the header names.
    pub(super) fn closing_hash(
        &self,
        position: u64,
        header: &EpochHeader,
        chain: &mut dyn ChainView,
    ) -> Result<BlockHash, LedgerError> {
        let height = header.closing_height;
        let found = chain.block_hash(height)?;
        if let Some(found) = found.filter(|found| *found == header.closing_hash) {
            return Ok(found);
        }
        // who judged it before keeps it.
        if chain.judged_before() {
            return Ok(header.closing_hash);
        }
        let Some(found) = found else {
            let reason = format!("this node's chain has no block {height} yet");
            return Err(LedgerError::NotYet { position, reason });
        };
        match self.named(height, header.closing_hash, chain)? {
            Named::Told => Ok(found),
            Named::Replaced => Err(LedgerError::NotYet {
                position,
                reason: format!(
                    "A-97: epoch {} closes with block {} at height {height}, which a reorganisation took out of the best chain; block {found} is there now",
                    header.epoch, header.closing_hash
                ),
            }),
        }
    }

    /// An `anchored` entry is right when the header is what this log gives and the link that commits to it is final.
    pub(super) fn check_anchored(
        &mut self,
        position: u64,
        anchored: &Anchored,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        self.check_header(position, &anchored.header, chain)?;
        let invalid = |reason: String| LedgerError::invalid(position, Some("anchored"), reason);
        let epoch = anchored.header.epoch;
        let final_depth = self.state.charter().final_depth;
        let tip = chain.tip_height()?;
        if tip.saturating_add(1) < anchored.mined_height.saturating_add(final_depth) {
            let reason = format!(
                "the link of epoch {epoch} at height {} is not final at this node's tip {tip}",
                anchored.mined_height
            );
            return Err(LedgerError::NotYet { position, reason });
        }
        let named = self.named(anchored.mined_height, anchored.mined_hash, chain)?;
        if matches!(named, Named::Replaced) && chain.judged_before() {
            return Ok(());
        }
        let (seal, evidence) = self.spent_newest_seal(chain)?;
        let Some(evidence) = evidence else {
            return Err(match named {
                Named::Told => invalid(format!(
                    "A-1: the seal {seal} is unspent, though the log says that epoch {epoch} is anchored"
                )),
                Named::Replaced => in_no_block(position, &format!("the link of epoch {epoch}"), anchored.mined_height),
            });
        };
        let commitment = Commitment::new(*anchored.header.hash().as_bytes());
        verify_link(evidence.transaction(), seal, self.link_key(epoch), commitment)
            .map_err(|error| invalid(format!("the link of epoch {epoch}: {error}")))?;
        let inclusion = evidence.inclusion();
        let found = (evidence.txid(), inclusion.height(), inclusion.block_hash());
        match named {
            Named::Told if found != (anchored.link, anchored.mined_height, anchored.mined_hash) => {
                Err(invalid(format!(
                    "A-51: the log says link {} in block {} at {}, Bitcoin says {} in block {} at {}",
                    anchored.link, anchored.mined_hash, anchored.mined_height, found.0, found.2, found.1
                )))
            }
            Named::Told => Ok(()),
            Named::Replaced => self.expect_final_again(position, &evidence, chain),
        }
    }

    /// G-99: a payment is noted when a transaction in the best chain has spent its gate.
    pub(super) fn check_execution(
        &self,
        position: u64,
        execution: &Execution,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        let standing = self.state.ledger().standing(&execution.proposal);
        let payment = standing.and_then(|standing| standing.payments.get(usize::from(execution.milestone)));
        let Some(gate) = payment.and_then(|payment| payment.gate) else {
            let (milestone, proposal) = (execution.milestone, execution.proposal);
            let reason = format!("G-99: payment {milestone} of proposal {proposal} has no gate");
            return Err(LedgerError::invalid(position, Some("execution"), reason));
        };
        let place = (execution.mined_height, execution.mined_hash);
        let named = self.named(place.0, place.1, chain)?;
        if matches!(named, Named::Replaced) && chain.judged_before() {
            return Ok(());
        }
        let Some(evidence) = chain.spender_of_seal(gate)? else {
            if matches!(named, Named::Replaced) {
                return Err(in_no_block(position, &format!("payment {}", execution.txid), place.0));
            }
            let reason = format!("G-99: the gate {gate} is unspent as far as this node's chain shows");
            return Err(LedgerError::NotYet { position, reason });
        };
        // G-124: of a staged payment the gate's spender is the stage; what pays comes behind it.
        let payout = match execution.txid == evidence.txid() {
            true => None,
            false => chain.creator(OutPoint { txid: execution.txid, vout: 0 })?,
        };
        let paid = payout.as_ref().unwrap_or(&evidence);
        let stage = payout.as_ref().map(|_| evidence.transaction());
        let judged =
            self.state.check_execution_by(execution, &self.mined(position, paid, place, &named, chain)?, stage);
        judged.map_err(|refusal| refused(position, "execution", refusal))
    }

    /// G-108: the treasury's own transaction, in the best chain.
    ///
    /// # Errors
    /// [`LedgerError`] with what differs.
    pub fn check_gate_refill(
        &self,
        position: u64,
        refill: &GateRefill,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        let place = (refill.mined_height, refill.mined_hash);
        let named = self.named(place.0, place.1, chain)?;
        if matches!(named, Named::Replaced) && chain.judged_before() {
            return Ok(());
        }
        let mut evidence = None;
        // Each is kept and followed from here on: a payment is seen by the gate that it spends (T-75).
        for gate in refill.gates() {
            evidence = chain.creator(gate)?;
        }
        if let (None, Some(gate)) = (refill.created.first(), refill.retired.first()) {
            evidence = chain.spender_of_seal(*gate)?;
        }
        let Some(evidence) = evidence else {
            let reason = format!("G-108: transaction {} is in no block that this node knows", refill.txid);
            return Err(LedgerError::NotYet { position, reason });
        };
        // T-340: it lies under the treasury as gates do, and may hold as much.
        if let Some(spare) = self.followed_spare_seal(u32::MAX, chain)?
            && let Some(gate) = refill.gates().find(|gate| spare.outpoints().any(|outpoint| outpoint == *gate))
        {
            return Err(LedgerError::invalid(
                position,
                Some("gate refill"),
                format!("G-108: {gate} is the spare seal"),
            ));
        }
        let treasuries = generations(self.state.charters().iter().map(|version| &version.charter));
        let treasury = treasuries.last().context("a DAO is founded with a treasury")?;
        let treasury = Treasury::parse(treasury).map_err(anyhow::Error::from)?;
        let scripts = scripts_of(&treasury);
        let is_treasurys = |script: &Script| scripts.contains(script);
        let mined = self.mined(position, &evidence, place, &named, chain)?;
        let judged = self.state.check_refill_by(refill, &mined, is_treasurys);
        judged.map_err(|refusal| refused(position, "gate refill", refusal))
    }

    /// G-30: heads of blocks that are not in the best chain, a day of them in a row, are made up.
    pub(super) fn check_head_block(
        &self,
        position: u64,
        head: &LogHead,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        let Some(found) = chain.block_hash(head.tip_height)?.filter(|found| *found != head.tip_hash) else {
            return Ok(());
        };
        let mut blocks = BTreeMap::from([(head.tip_height, found)]);
        for height in self.state.heights_behind() {
            blocks.extend(chain.block_hash(height)?.map(|hash| (height, hash)));
        }
        let judged = self.state.check_head_block(head, &blocks);
        judged.map_err(|refusal| refused(position, "head", refusal))
    }

    /// what the log shows of a block that is named: a hub that names one that never was would have to sign its head too.
    fn named(&self, height: u32, hash: BlockHash, chain: &mut dyn ChainView) -> Result<Named> {
        if chain.block_hash(height)? == Some(hash) {
            return Ok(Named::Told);
        }
        let Some(head) = self.state.first_head_at(height).map(|record| record.head) else { return Ok(Named::Told) };
        Ok(match chain.block_hash(head.tip_height)? == Some(head.tip_hash) {
            true => Named::Told,
            false => Named::Replaced,
        })
    }

    /// The newest seal by the final epochs in the log, and what spent it. Where a reorganisation brought another version of a link
    /// than the log notes, the seals are followed on the chain (N-87).
    fn spent_newest_seal(&self, chain: &mut dyn ChainView) -> Result<(OutPoint, Option<LinkEvidence>)> {
        let noted = self.newest_final_seal();
        if let Some(evidence) = chain.spender_of_seal(noted)? {
            return Ok((noted, Some(evidence)));
        }
        let mut seal = self.state.params().first_seal;
        for record in self.state.anchored() {
            let Some(evidence) = chain.spender_of_seal(seal)? else { return Ok((noted, None)) };
            seal = self.seal_after(record.header.epoch, evidence.txid());
        }
        Ok((seal, chain.spender_of_seal(seal)?))
    }

    /// What evidence says of a transaction, as the core asks for it: at the place that was noted if that was replaced.
    fn mined<'a>(
        &self,
        position: u64,
        evidence: &'a LinkEvidence,
        (height, block): (u32, BlockHash),
        named: &Named,
        chain: &mut dyn ChainView,
    ) -> Result<Mined<'a>, LedgerError> {
        if matches!(named, Named::Replaced) {
            self.expect_final_again(position, evidence, chain)?;
            return Ok(Mined { tx: evidence.transaction(), height, block });
        }
        let inclusion = evidence.inclusion();
        Ok(Mined { tx: evidence.transaction(), height: inclusion.height(), block: inclusion.block_hash() })
    }

    fn expect_final_again(
        &self,
        position: u64,
        evidence: &LinkEvidence,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        let (height, tip) = (evidence.inclusion().height(), chain.tip_height()?);
        if tip.saturating_add(1) >= height.saturating_add(self.state.charter().final_depth) {
            return Ok(());
        }
        Err(LedgerError::NotYet {
            position,
            reason: format!(
                "A-97: a reorganisation moved transaction {} to height {height}, where it is not final at this node's tip {tip}",
                evidence.txid()
            ),
        })
    }
}

fn in_no_block(position: u64, what: &str, height: u32) -> LedgerError {
    let reason =
        format!("A-97: a reorganisation took away the block at height {height} that had {what}; it is in no block now");
    LedgerError::NotYet { position, reason }
}

/// G-30: a head cannot be of a block that does not exist yet; else the hub could close a vote early by setting the clock ahead.
pub(super) fn check_clock(position: u64, head: &LogHead, chain: &mut dyn ChainView) -> Result<(), LedgerError> {
    let tip = chain.tip_height()?;
    if head.tip_height <= tip {
        return Ok(());
    }
    Err(LedgerError::NotYet {
        position,
        reason: format!("G-30: the head is of height {}, this node's chain ends at {tip}", head.tip_height),
    })
}
