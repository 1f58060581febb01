//! Heads, final epochs and mined payments: what the hub says.

use super::super::LogState;
use super::super::refusal::{Refusal, invalid, not_now};
use bitcoin::OutPoint;

use crate::entry::{Anchored, Execution, GateRefill, HubFraud, LogHead};
use crate::epoch::EpochHeader;
use crate::id::HeaderHash;

impl LogState {
    pub(super) fn check_head(&self, head: &LogHead) -> Result<(), Refusal> {
        self.check_dao(head.network, head.dao)?;
        if head.size != self.size() {
            return invalid("G-30", format!("head has size {}, the log has {}", head.size, self.size()));
        }
        let root = self.root();
        if head.root != root {
            return invalid("G-30", format!("head has root {}, the log has {root}", head.root));
        }
        if let Some(tip) = self.tip_height()
            && head.tip_height <= tip
        {
            return invalid("G-30", format!("tip height {} is not above the last head's {tip}", head.tip_height));
        }
        Ok(())
    }

    pub(super) fn check_anchored(&self, a: &Anchored) -> Result<(), Refusal> {
        self.check_dao(a.network, a.dao)?;
        let header = &a.header;
        self.check_dao(header.network, header.dao)?;
        let (epoch, prev, prev_closing) = match self.newest_anchored() {
            Some(last) => (u64::from(last.header.epoch) + 1, last.header.hash(), last.header.closing_height),
            None => (1, HeaderHash([0; 32]), 0),
        };
        if u64::from(header.epoch) != epoch {
            return invalid("G-31", format!("epoch {} is anchored, next is {epoch}", header.epoch));
        }
        if header.prev_header != prev {
            return invalid("G-31", format!("previous header is {}, in the log it is {prev}", header.prev_header));
        }
        self.check_anchored_charter(header)?;
        if header.spare_seal != self.spare_seal() {
            let ours = self.spare_seal();
            return invalid("G-31", format!("spare seal is {}, the DAO's is {ours}", header.spare_seal));
        }
        self.check_anchored_heights(a, prev_closing)
    }

    /// G-99: what can be told from the log alone.
    pub(super) fn check_execution(&self, e: &Execution) -> Result<(), Refusal> {
        self.check_dao(e.network, e.dao)?;
        let Some(proposal) = self.proposals.get(&e.proposal) else {
            return invalid("G-99", format!("proposal {} is not in the log", e.proposal));
        };
        if !proposal.content.class.pays() {
            return invalid("G-99", format!("a proposal of class {} pays nothing", proposal.content.class.name()));
        }
        let is_same = |other: &Execution| (other.milestone, other.txid) == (e.milestone, e.txid);
        if proposal.executions.iter().any(|(_, other)| is_same(other)) {
            let (milestone, txid) = (e.milestone, e.txid);
            return invalid(
                "G-99",
                format!("payment {milestone} of proposal {} is noted as {txid} already", e.proposal),
            );
        }
        match self.tip_height() {
            Some(tip) if e.mined_height <= tip => Ok(()),
            tip => not_now("G-99", format!("mined at height {}, the log is at {}", e.mined_height, tip.unwrap_or(0))),
        }
    }

    /// G-108: what can be told from the log alone.
    pub(super) fn check_gate_refill(&self, e: &GateRefill) -> Result<(), Refusal> {
        self.check_dao(e.network, e.dao)?;
        let p = &self.params;
        let is_taken =
            |gate: &OutPoint| [p.first_seal, p.spare_seal, self.spare_seal()].contains(gate) || self.is_gate(gate);
        if let Some(gate) = e.gates().find(|gate| is_taken(gate) || self.outpoints.contains_key(gate)) {
            return invalid("G-108", format!("output {gate} has a purpose already"));
        }
        if let Some(gate) = e.retired.iter().find(|gate| !self.is_gate(gate)) {
            return invalid("G-108", format!("output {gate} is no gate"));
        }
        if let Some(gate) = e.retired.iter().find(|gate| self.retired_gates.contains_key(gate)) {
            return invalid("G-108", format!("gate {gate} was taken back before"));
        }
        match self.tip_height() {
            Some(tip) if e.mined_height <= tip => Ok(()),
            tip => not_now("G-108", format!("mined at height {}, the log is at {}", e.mined_height, tip.unwrap_or(0))),
        }
    }

    /// G-109: the proof holds by itself; here it only has to be about this hub, and new.
    pub(super) fn check_hub_fraud(&self, e: &HubFraud) -> Result<(), Refusal> {
        let (network, dao) = e.dao();
        self.check_dao(network, dao)?;
        let key = e.hub_log_key;
        if !self.charters.iter().any(|version| version.charter.hub_log_key == key) {
            return invalid("G-109", format!("{key} was never this hub's log key"));
        }
        // Whoever finds a key that was replaced must not be able to take the bond.
        let is_logged = self.heads.iter().any(|record| e.heads().contains(&&record.head));
        if key != self.hub_log_key() && !is_logged {
            return invalid("G-109", format!("{key} was replaced, and the log has none of the heads"));
        }
        match self.frauds.iter().any(|fraud| fraud.hub_log_key == key) {
            true => invalid("G-109", format!("fraud with key {key} was proven before")),
            false => Ok(()),
        }
    }

    /// G-31: the charter is the one in force, or one that a proposal puts in its place.
    fn check_anchored_charter(&self, header: &EpochHeader) -> Result<(), Refusal> {
        let in_force = self.version_in_force();
        let anchor_key = if header.charter == in_force.hash {
            in_force.charter.anchor_key
        } else if let Some(charter) = self.charter_candidates().find(|charter| charter.hash() == header.charter) {
            charter.anchor_key
        } else {
            let ours = in_force.hash;
            return invalid("G-31", format!("header names charter {}, in force is {ours}", header.charter));
        };
        if header.next_anchor_key != anchor_key {
            let theirs = header.next_anchor_key;
            return invalid("G-31", format!("next anchor key is {theirs}, the charter's is {anchor_key}"));
        }
        Ok(())
    }

    /// G-31: the header covers what the first head at its boundary covers, and its link is deep enough.
    fn check_anchored_heights(&self, a: &Anchored, prev_closing: u32) -> Result<(), Refusal> {
        let header = &a.header;
        let height = header.closing_height;
        if height <= prev_closing || self.params.charter.boundary_at_or_after(height) != Some(height) {
            return invalid("G-31", format!("closing height {height} is no boundary above {prev_closing}"));
        }
        let Some(closing) = self.first_head_at(height).map(|record| record.head) else {
            return not_now("G-31", format!("no head has reached the closing height {height}"));
        };
        if (header.log_size, header.log_root) != (closing.size, closing.root) {
            return invalid(
                "G-31",
                format!(
                    "header covers size {} root {}, the first head at height {height} has size {} root {}",
                    header.log_size, header.log_root, closing.size, closing.root
                ),
            );
        }
        if a.mined_height <= height {
            return invalid(
                "G-31",
                format!("mined at height {}, not above the closing height {height}", a.mined_height),
            );
        }
        let final_at = u64::from(a.mined_height) + u64::from(self.charter().final_depth);
        if u64::from(self.tip_height().unwrap_or(0)) + 1 < final_at {
            return not_now("G-31", format!("the link is final at height {}", final_at.saturating_sub(1)));
        }
        Ok(())
    }
}
