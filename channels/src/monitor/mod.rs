//! Watching a channel's fundings on the chain: what spent them, what there is to take, and what has to be broadcast now.
//!
//! A [`Monitor`] holds what the chain shows and nothing else, so that a reorganisation undoes exactly what its blocks did;
//! only the [`Bid`]s outlive their blocks. What the channel knows (keys, revealed secrets, the signed commitment) is given to
//! each question as a [`Watch`]. Clauses C-71 to C-75.
//!
//! The shell's loop: every block through [`Monitor::apply_block`] (or [`Monitor::disconnect_to`]); at the tip
//! [`Monitor::actions`], storing [`Monitor::encode`] before it carries them out.

mod action;
mod child;
mod claim;
mod recognise;
mod reserve;

pub use action::{Action, CONFIRM_WITHIN_BLOCKS, rate_for_closing};
pub use child::{Child, ChildError, TRUC_CHILD_MAX_VSIZE, WalletCoin, bump_child, bump_paying, to_remote_child};
pub use claim::{Claim, ClaimKind, ClaimState, End, FINAL_DEPTH, FORGET_DEPTH, Stage};
pub use recognise::{CloseOutputs, RevokedSecrets, SpendKind, Watch, commitment_number};
pub use reserve::{CoinForClosing, Need, assign_coins, fee_for_closing, rate_with, reserve_per_close};

use std::collections::BTreeMap;

use bitcoin::{BlockHash, OutPoint, Transaction};
use lightning::impl_writeable_tlv_based;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable};

use crate::fees::{Bid, StoredBid};
use crate::scripts::anchor_script;

/// First byte of an encoded monitor.
const MONITOR_VERSION: u8 = 1;

/// A block by height and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

impl_writeable_tlv_based!(BlockId, {
    (0, height, required),
    (2, hash, required),
});

/// A transaction in the chain that spends something watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Height of its block.
    pub height: u32,
    /// The whole transaction.
    pub transaction: Transaction,
}

impl_writeable_tlv_based!(Spend, {
    (0, height, required),
    (2, transaction, required),
});

/// Why a block or stored bytes are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// The block does not follow the tip.
    #[error("C-71: block {} at {} builds on {prev}, the tip is {} at {}", block.hash, block.height, tip.hash, tip.height)]
    NotNext {
        /// The block given.
        block: BlockId,
        /// What it builds on.
        prev: BlockHash,
        /// Where the monitor is.
        tip: BlockId,
    },
    /// A disconnection cannot lead upward.
    #[error("C-75: cannot go back to height {to} from height {from}")]
    NotBelow {
        /// The height to go back to.
        to: u32,
        /// Height of the tip.
        from: u32,
    },
    /// Stored bytes that are not a monitor of this version.
    #[error("C-60: stored monitor cannot be read: {0:?}")]
    Decode(DecodeError),
}

/// What the chain shows about one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    tip: BlockId,
    /// By what was spent: fundings, and outputs of what spent a funding.
    spends: BTreeMap<OutPoint, Spend>,
    /// By the first outpoint spent by the transaction bid for.
    bids: BTreeMap<OutPoint, Bid>,
}

impl Monitor {
    /// A monitor that has seen the chain up to `tip`; no funding of the channel may be below it.
    pub fn new(tip: BlockId) -> Self {
        Self { tip, spends: BTreeMap::new(), bids: BTreeMap::new() }
    }

    /// The last block seen.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// What the chain shows spent, by what was spent.
    pub fn spends(&self) -> &BTreeMap<OutPoint, Spend> {
        &self.spends
    }

    /// The next block. `transactions` may be all of the block's or only those that concern the channel, in their order.
    ///
    /// `fundings` are the outpoints of all fundings in force, and of those that may still come back with a reorganisation.
    /// Returns whether anything watched was spent.
    ///
    /// # Errors
    /// [`MonitorError::NotNext`] when the block does not follow the tip; nothing has changed then.
    pub fn apply_block<'a>(
        &mut self,
        block: BlockId,
        prev: BlockHash,
        transactions: impl IntoIterator<Item = &'a Transaction>,
        fundings: &[OutPoint],
    ) -> Result<bool, MonitorError> {
        if prev != self.tip.hash || Some(block.height) != self.tip.height.checked_add(1) {
            return Err(MonitorError::NotNext { block, prev, tip: self.tip });
        }
        let mut changed = false;
        for transaction in transactions {
            for input in &transaction.input {
                let outpoint = input.previous_output;
                if fundings.contains(&outpoint) || self.follows(&outpoint, fundings) {
                    let spend = Spend { height: block.height, transaction: transaction.clone() };
                    changed |= self.spends.insert(outpoint, spend).is_none();
                }
            }
        }
        self.tip = block;
        Ok(changed)
    }

    /// Blocks above `tip` are no longer in the chain: what they showed is forgotten (C-75).
    ///
    /// # Errors
    /// [`MonitorError::NotBelow`] when `tip` is above the monitor's tip; nothing has changed then.
    pub fn disconnect_to(&mut self, tip: BlockId) -> Result<(), MonitorError> {
        if tip.height > self.tip.height {
            return Err(MonitorError::NotBelow { to: tip.height, from: self.tip.height });
        }
        self.spends.retain(|_, spend| spend.height <= tip.height);
        self.tip = tip;
        Ok(())
    }

    /// Bytes to store; they hold no secret.
    pub fn encode(&self) -> Vec<u8> {
        let bids: BTreeMap<OutPoint, StoredBid> =
            self.bids.iter().map(|(outpoint, bid)| (*outpoint, (*bid).into())).collect();
        let mut bytes = vec![MONITOR_VERSION];
        bytes.extend(StoredMonitor { tip: self.tip, spends: self.spends.clone(), bids }.encode());
        bytes
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`MonitorError::Decode`] when they are damaged or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, MonitorError> {
        let (version, mut rest) = bytes.split_first().ok_or(MonitorError::Decode(DecodeError::ShortRead))?;
        if *version != MONITOR_VERSION {
            return Err(MonitorError::Decode(DecodeError::UnknownVersion));
        }
        let stored: StoredMonitor = Readable::read(&mut rest).map_err(MonitorError::Decode)?;
        if !rest.is_empty() {
            return Err(MonitorError::Decode(DecodeError::InvalidValue));
        }
        let bids = stored.bids.into_iter().map(|(outpoint, bid)| (outpoint, bid.into())).collect();
        Ok(Self { tip: stored.tip, spends: stored.spends, bids })
    }

    /// Outputs of whatever spent a funding are followed too; the anchor is anybody's and says nothing.
    fn follows(&self, outpoint: &OutPoint, fundings: &[OutPoint]) -> bool {
        fundings.iter().filter_map(|funding| self.spends.get(funding)).any(|spend| {
            spend.transaction.compute_txid() == outpoint.txid
                && spend
                    .transaction
                    .output
                    .get(outpoint.vout as usize)
                    .is_some_and(|output| output.script_pubkey != anchor_script())
        })
    }
}

/// A monitor as stored.
struct StoredMonitor {
    tip: BlockId,
    spends: BTreeMap<OutPoint, Spend>,
    bids: BTreeMap<OutPoint, StoredBid>,
}

impl_writeable_tlv_based!(StoredMonitor, {
    (0, tip, required),
    (2, spends, required),
    (4, bids, required),
});
