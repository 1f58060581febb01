//! The life of one link after it is signed, as a state machine without I/O.
//!
//! The caller reports what it sees of the chain and carries out the effects it gets back. State is a plain value;
//! [`LinkTracker::encode`] makes it survive a restart.

use bitcoin::{BlockHash, OutPoint, Transaction, Txid};
use thiserror::Error;

/// Most versions of one link (the first and its fee replacements) that a tracker follows.
pub const MAX_VERSIONS: usize = 32;

/// A block by height and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// Height, the network's first block being 0.
    pub height: u32,
    /// Hash of the header.
    pub hash: BlockHash,
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Signed, not yet handed to the network.
    Built,
    /// Handed to the network, not yet seen there.
    Broadcast,
    /// In a mempool.
    Seen,
    /// In a block, not yet deep enough.
    Mined {
        /// The block.
        block: BlockId,
        /// Which version was mined.
        txid: Txid,
    },
    /// Deep enough to count for good.
    Final {
        /// The block.
        block: BlockId,
        /// Which version was mined.
        txid: Txid,
    },
    /// Something happened that must not; a human has to look. Left only when the block that showed it leaves the best chain.
    Halted(HaltReason),
}

/// Why a tracker stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HaltReason {
    /// Another transaction spent the seal.
    #[error("A-65: transaction {txid} in block {} at height {} spent the seal and is not this link", block.hash, block.height)]
    SealSpentElsewhere {
        /// The block with that transaction.
        block: BlockId,
        /// The transaction.
        txid: Txid,
    },
}

/// What the caller saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEvent {
    /// The caller wants the link sent.
    Submit,
    /// A version of the link is in the mempool.
    SeenInMempool,
    /// No version of the link is in the mempool (evicted, or the node restarted).
    MissingFromMempool,
    /// A better-paying version of the link was signed: same seal, same output 0 script.
    Replaced(Transaction),
    /// The network refused the version that was sent: this earlier one is in the mempool.
    Kept(Txid),
    /// A block was added to the best chain.
    BlockConnected {
        /// The block.
        block: BlockId,
        /// Hash of the block before it.
        previous: BlockHash,
        /// The transaction of this block that spends the seal, if there is one.
        seal_spender: Option<Txid>,
    },
    /// The newest block was taken off the best chain.
    BlockDisconnected {
        /// The block.
        block: BlockId,
        /// Hash of the block before it, now the newest.
        previous: BlockHash,
    },
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this transaction. It is always a signed version as it was given, never a new one.
    Broadcast(Transaction),
    /// The link counts for good.
    BecameFinal {
        /// The block it is in.
        block: BlockId,
        /// Which version was mined.
        txid: Txid,
    },
    /// The link was final, and its block was disconnected: tell the operator. The same link is sent again.
    Undone {
        /// The block that held it.
        block: BlockId,
    },
    /// Stop anchoring and tell the operator.
    Halt(HaltReason),
}

/// A state and what to do on entering it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transition {
    /// The tracker after the event. Store it before carrying out the effects; a broadcast lost in a crash comes back
    /// with the next [`ChainEvent::MissingFromMempool`].
    pub next: LinkTracker,
    /// What to do, in order.
    pub effects: Vec<Effect>,
}

/// An event that does not fit the state: the caller's view has a gap.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrackerError {
    /// A transaction that is no version of this link: it spends something else at input 0 or has another output 0.
    #[error(
        "A-10: transaction {txid} is no version of the link that spends {seal}: seal and output 0 script must stay the same"
    )]
    NotAVersion {
        /// The transaction.
        txid: Txid,
        /// The seal.
        seal: OutPoint,
    },
    /// A transaction without input or output, or a final depth of zero, cannot be tracked.
    #[error("A-60: cannot track this link: {reason}")]
    NotALink {
        /// What is missing.
        reason: &'static str,
    },
    /// More than [`MAX_VERSIONS`] versions.
    #[error("A-10: more than {MAX_VERSIONS} versions of one link")]
    TooManyVersions,
    /// A replacement came after the link was mined.
    #[error("A-10: the link is already mined and cannot be replaced")]
    AlreadyMined,
    /// The connected block does not follow the tip.
    #[error("A-62: block {} at height {} does not follow the tip {} at height {}", block.hash, block.height, tip.hash, tip.height)]
    NotOnTip {
        /// The block reported.
        block: BlockId,
        /// The newest block known.
        tip: BlockId,
    },
    /// The disconnected block is not the tip.
    #[error("A-62: block {} at height {} is not the tip {} at height {}", block.hash, block.height, tip.hash, tip.height)]
    NotTheTip {
        /// The block reported.
        block: BlockId,
        /// The newest block known.
        tip: BlockId,
    },
    /// The seal is reported spent a second time in the same chain.
    #[error("A-62: the seal is reported spent by {txid}, though the link is already mined in this chain")]
    SpentTwice {
        /// The second spender.
        txid: Txid,
    },
}

/// Follows one link until it is final, and afterwards watches that it stays so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTracker {
    pub(crate) final_depth: u32,
    /// Signed versions, the one that is sent last; never empty, all with an input and an output.
    pub(crate) versions: Vec<Transaction>,
    pub(crate) tip: BlockId,
    pub(crate) state: LinkState,
}

impl LinkTracker {
    /// Starts to follow the signed link `transaction`. `tip` is the newest block now, and must not hold the link;
    /// `final_depth` is at least 1.
    ///
    /// # Errors
    /// [`TrackerError::NotALink`].
    pub fn new(transaction: Transaction, tip: BlockId, final_depth: u32) -> Result<Self, TrackerError> {
        let tracker = Self { final_depth, versions: vec![transaction], tip, state: LinkState::Built };
        tracker.check()?;
        Ok(tracker)
    }

    /// How far the link is.
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// The newest block reported.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// The output whose spending has to be reported.
    pub fn seal(&self) -> OutPoint {
        self.versions[0].input[0].previous_output
    }

    /// The version that is sent: the newest, or after a reorganisation the one that was mined before, or the one that the network kept.
    pub fn transaction(&self) -> &Transaction {
        self.versions.last().expect("a tracker has a version")
    }

    /// The version that is in a block, else the one that is sent.
    pub fn counted(&self) -> &Transaction {
        let mined = match self.state {
            LinkState::Mined { txid, .. } | LinkState::Final { txid, .. } => Some(txid),
            _ => None,
        };
        let found = self.versions.iter().find(|version| Some(version.compute_txid()) == mined);
        found.unwrap_or_else(|| self.transaction())
    }

    /// Every signed version; the last is the one that is sent.
    pub fn versions(&self) -> &[Transaction] {
        &self.versions
    }

    /// Confirmations: 0 until mined, 1 in the newest block.
    pub fn depth(&self) -> u32 {
        match self.state {
            LinkState::Mined { block, .. } | LinkState::Final { block, .. } => {
                self.tip.height.saturating_add(1).saturating_sub(block.height)
            }
            _ => 0,
        }
    }

    /// Whether no other link may be signed yet: one unconfirmed link at a time.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.state, LinkState::Built | LinkState::Broadcast | LinkState::Seen)
    }

    /// The state after `event`, with what to do. `self` is unchanged.
    ///
    /// # Errors
    /// [`TrackerError`] when the event does not fit; the caller's view then has a gap that it must fill.
    pub fn apply(&self, event: ChainEvent) -> Result<Transition, TrackerError> {
        let mut next = self.clone();
        // Nothing else moves a halted tracker than that block going; it still follows the tip so that its reports stay true.
        let halted = matches!(self.state, LinkState::Halted(_));
        let effects = match event {
            ChainEvent::BlockConnected { block, previous, seal_spender } => {
                next.move_tip_up(block, previous)?;
                if halted { vec![] } else { next.connected(block, seal_spender)? }
            }
            ChainEvent::BlockDisconnected { block, previous } => {
                next.move_tip_down(block, previous)?;
                next.disconnected(block)
            }
            ChainEvent::Replaced(transaction) => next.replaced(transaction)?,
            ChainEvent::Submit if self.state == LinkState::Built => next.broadcast(),
            ChainEvent::SeenInMempool if self.is_unconfirmed() => {
                next.state = LinkState::Seen;
                vec![]
            }
            //
            ChainEvent::MissingFromMempool if matches!(self.state, LinkState::Broadcast | LinkState::Seen) => {
                next.broadcast()
            }
            // the refused version stays known, as somebody may have it.
            ChainEvent::Kept(txid) if self.is_unconfirmed() && self.has_version(txid) => {
                next.prefer(txid);
                next.state = LinkState::Seen;
                vec![]
            }
            // Late news about a mempool says nothing about a link that is in a block.
            ChainEvent::Submit | ChainEvent::SeenInMempool | ChainEvent::MissingFromMempool | ChainEvent::Kept(_) => {
                vec![]
            }
        };
        Ok(Transition { next, effects })
    }

    /// what every version must have.
    pub(crate) fn check(&self) -> Result<(), TrackerError> {
        if self.final_depth == 0 {
            return Err(TrackerError::NotALink { reason: "the final depth is zero" });
        }
        if self.versions.len() > MAX_VERSIONS {
            return Err(TrackerError::TooManyVersions);
        }
        let first = self.versions.first().ok_or(TrackerError::NotALink { reason: "there is no transaction" })?;
        let input = first.input.first().ok_or(TrackerError::NotALink { reason: "there is no input 0" })?;
        let output = first.output.first().ok_or(TrackerError::NotALink { reason: "there is no output 0" })?;
        for version in &self.versions {
            let same_seal = version.input.first().is_some_and(|other| other.previous_output == input.previous_output);
            let same_script = version.output.first().is_some_and(|other| other.script_pubkey == output.script_pubkey);
            if !(same_seal && same_script) {
                return Err(TrackerError::NotAVersion { txid: version.compute_txid(), seal: input.previous_output });
            }
        }
        Ok(())
    }

    fn move_tip_up(&mut self, block: BlockId, previous: BlockHash) -> Result<(), TrackerError> {
        if self.tip.height.checked_add(1) != Some(block.height) || self.tip.hash != previous {
            return Err(TrackerError::NotOnTip { block, tip: self.tip });
        }
        self.tip = block;
        Ok(())
    }

    fn move_tip_down(&mut self, block: BlockId, previous: BlockHash) -> Result<(), TrackerError> {
        let below = block.height.checked_sub(1).filter(|_| block == self.tip);
        let height = below.ok_or(TrackerError::NotTheTip { block, tip: self.tip })?;
        self.tip = BlockId { height, hash: previous };
        Ok(())
    }

    fn connected(&mut self, block: BlockId, seal_spender: Option<Txid>) -> Result<Vec<Effect>, TrackerError> {
        if let Some(txid) = seal_spender {
            if !self.is_unconfirmed() {
                return Err(TrackerError::SpentTwice { txid });
            }
            //
            if !self.has_version(txid) {
                return Ok(self.halt(HaltReason::SealSpentElsewhere { block, txid }));
            }
            self.state = LinkState::Mined { block, txid };
        }
        match self.state {
            LinkState::Mined { block, txid } if self.depth() >= self.final_depth => {
                self.state = LinkState::Final { block, txid };
                Ok(vec![Effect::BecameFinal { block, txid }])
            }
            _ => Ok(vec![]),
        }
    }

    fn disconnected(&mut self, removed: BlockId) -> Vec<Effect> {
        match self.state {
            // the same signed transaction again; what was built on it must not lose its input.
            LinkState::Mined { block, txid } if block == removed => {
                self.prefer(txid);
                self.broadcast()
            }
            // what counted is gone, and the same transaction brings it back; another one would be another history.
            LinkState::Final { block, txid } if block == removed => {
                self.prefer(txid);
                [vec![Effect::Undone { block }], self.broadcast()].concat()
            }
            // the seal is unspent again.
            LinkState::Halted(HaltReason::SealSpentElsewhere { block, .. }) if block == removed => self.broadcast(),
            _ => vec![],
        }
    }

    fn replaced(&mut self, transaction: Transaction) -> Result<Vec<Effect>, TrackerError> {
        if !self.is_unconfirmed() {
            return Err(TrackerError::AlreadyMined);
        }
        // One that was refused and is signed anew is no further version.
        let txid = transaction.compute_txid();
        self.versions.retain(|version| version.compute_txid() != txid);
        self.versions.push(transaction);
        self.check()?;
        Ok(if self.state == LinkState::Built { vec![] } else { self.broadcast() })
    }

    fn has_version(&self, txid: Txid) -> bool {
        self.versions.iter().any(|version| version.compute_txid() == txid)
    }

    /// Makes this version the one that is sent.
    fn prefer(&mut self, txid: Txid) {
        if let Some(at) = self.versions.iter().position(|version| version.compute_txid() == txid) {
            let preferred = self.versions.remove(at);
            self.versions.push(preferred);
        }
    }

    fn broadcast(&mut self) -> Vec<Effect> {
        self.state = LinkState::Broadcast;
        vec![Effect::Broadcast(self.transaction().clone())]
    }

    fn halt(&mut self, reason: HaltReason) -> Vec<Effect> {
        self.state = LinkState::Halted(reason);
        vec![Effect::Halt(reason)]
    }
}
