//! The verified log: entries go in only after every rule, signature and chain fact was checked by this node itself.
//!
//! Hub, member and auditor use this same code; they differ only in where the entries and the facts about Bitcoin come from.

mod notes;

use std::collections::BTreeMap;

use althing_anchor::{LinkEvidence, SuccessionCertificate};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::DaoParams;
use althing_governance::entry::{Digests, Entry, EntryKind, LogHead};
use althing_governance::epoch::{self, CloseError, EpochClose, EpochHeader};
use althing_governance::id::{EntryId, MemberId, TreeHash};
use althing_governance::ledger::LedgerError as DecisionError;
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::roll::{FundingFact, Roll, StakeClaim};
use althing_governance::signing::{Signed, verify_all};
use althing_governance::state::{LogState, MissingFact, Refusal};
use althing_governance::tree::HistoryTree;
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::{Secp256k1, VerifyOnly, XOnlyPublicKey};
use bitcoin::{BlockHash, OutPoint};

use crate::forced;
use crate::intake::Examined;
use crate::store::Segment;
use crate::threads::Threads;

/// Facts about Bitcoin that the log's rules need. An error means that the source cannot tell now.
pub trait ChainView {
    /// Hash of the block at a height of the best chain; `None` above the tip.
    ///
    /// # Errors
    /// When the source does not answer.
    fn block_hash(&mut self, height: u32) -> Result<Option<BlockHash>>;

    /// Height of the best block.
    ///
    /// # Errors
    /// When the source does not answer.
    fn tip_height(&mut self) -> Result<u32>;

    /// The funding output of a claimed stake, if it is on chain and has exactly the script of the two keys claimed, and the
    /// outputs into which it was spliced. `others` are the outpoints of the same member's other claims: into one of them the stake
    /// may have moved (G-33).
    ///
    /// # Errors
    /// When the source does not answer.
    fn funding(&mut self, claim: &StakeClaim, others: &[OutPoint]) -> Result<Vec<FundingFact>>;

    /// The transaction that spent a seal, with its inclusion in the best chain; `None` while it is unspent.
    ///
    /// # Errors
    /// When the source does not answer.
    fn spender_of_seal(&mut self, seal: OutPoint) -> Result<Option<LinkEvidence>>;

    /// The transaction that has this output, with its inclusion in the best chain; `None` while it is in no block.
    ///
    /// # Errors
    /// When the source does not answer.
    fn creator(&mut self, outpoint: OutPoint) -> Result<Option<LinkEvidence>>;

    /// Entries that blocks of the best chain from height `first` to `last` carry (G-107), with the height of each, in the order
    /// of the chain. What cannot be forced may be left out.
    ///
    /// # Errors
    /// When the source does not answer.
    fn entries_on_bitcoin(&mut self, first: u32, last: u32) -> Result<Vec<(u32, Vec<u8>)>>;

    /// Whether the entries asked about were judged by this node before: then a reorganisation takes nothing of it back.
    fn judged_before(&self) -> bool {
        false
    }
}

/// Why an entry or a segment was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It breaks a rule. Whoever logged it is at fault.
    #[error("entry {position}{}: {reason}", kind.map(|kind| format!(" ({kind})")).unwrap_or_default())]
    Invalid {
        /// Its position in the log.
        position: u64,
        /// What kind of entry it is, if it could be read.
        kind: Option<&'static str>,
        /// The rule and the values.
        reason: String,
    },
    /// It may be fine later: the chain is behind, or the rule says so.
    #[error("entry {position}: not yet: {reason}")]
    NotYet {
        /// Its position in the log.
        position: u64,
        /// What is missing.
        reason: String,
    },
    /// This node's own trouble.
    #[error(transparent)]
    Ours(#[from] anyhow::Error),
}

impl LedgerError {
    pub(crate) fn invalid(position: u64, kind: Option<&'static str>, reason: impl ToString) -> Self {
        Self::Invalid { position, kind, reason: reason.to_string() }
    }

    fn for_good(self) -> Self {
        match self {
            Self::NotYet { position, reason } => Self::invalid(position, None, reason),
            other => other,
        }
    }
}

/// The log as this node has verified it.
pub struct Ledger {
    state: LogState,
    secp: Secp256k1<VerifyOnly>,
    /// Epochs recomputed here; the newest few may not be final yet.
    closes: BTreeMap<u32, (EpochClose, Roll)>,
    /// The newest head with its signature.
    newest_head: Option<Signed<LogHead>>,
    /// Certificates of successions that the log has not reached, by the size that it then has.
    pub(crate) expected: Vec<SuccessionCertificate>,
}

impl Ledger {
    /// An empty log.
    pub fn new(params: DaoParams) -> Self {
        Self {
            state: LogState::new(params),
            secp: Secp256k1::verification_only(),
            closes: BTreeMap::new(),
            newest_head: None,
            expected: Vec::new(),
        }
    }

    /// The state that the log gives.
    pub fn state(&self) -> &LogState {
        &self.state
    }

    /// For what is not told by an entry.
    pub(crate) fn state_mut(&mut self) -> &mut LogState {
        &mut self.state
    }

    /// Position of an entry.
    pub fn position_of(&self, id: &EntryId) -> Option<u64> {
        self.state.position_of(id)
    }

    /// The newest head in the log, with its signature.
    pub fn newest_head(&self) -> Option<&Signed<LogHead>> {
        self.newest_head.as_ref()
    }

    /// Gates of payments that may be or were made.
    pub fn gates_in_use(&self) -> impl Iterator<Item = OutPoint> {
        self.state.ledger().standings().values().flat_map(|s| &s.payments).filter_map(|payment| payment.gate)
    }

    /// The key by which receipts for entries at a position are signed: that of the charter then in force.
    pub fn hub_log_key_at(&self, position: u64) -> XOnlyPublicKey {
        self.state.charter_at(position).hub_log_key
    }

    /// An epoch that was recomputed here.
    pub fn close_of(&self, epoch: u32) -> Option<&EpochClose> {
        self.closes.get(&epoch).map(|(close, _)| close)
    }

    /// Decodes an entry and checks its signatures and every rule that does not need the chain.
    ///
    /// # Errors
    /// [`LedgerError`] with the position it would have had.
    pub fn examine(&self, bytes: &[u8]) -> Result<Entry, LedgerError> {
        let position = self.state.size();
        let entry = Entry::from_bytes(bytes).map_err(|error| LedgerError::invalid(position, None, error))?;
        let kind = kind_name(&entry);
        // The rules come first: they cost less than a signature.
        self.state.check(&entry).map_err(|refusal| refused(position, kind, refusal))?;
        let checks = entry.signature_checks(&self.state.hub_log_key());
        verify_all(&self.secp, &checks).map_err(|error| LedgerError::invalid(position, Some(kind), error))?;
        Ok(entry)
    }

    /// Every rule that does not need the chain; signatures were checked elsewhere.
    ///
    /// # Errors
    /// [`LedgerError`] with the position it would have had.
    pub fn check_rules(&self, entry: &Entry) -> Result<(), LedgerError> {
        self.state.check(entry).map_err(|refusal| refused(self.state.size(), kind_name(entry), refusal))
    }

    /// Whether the author has a say in it: what a hub asks beside the rules before it takes an entry in.
    ///
    /// # Errors
    /// [`LedgerError`] with the position it would have had.
    pub fn check_electorate(&self, entry: &Entry) -> Result<(), LedgerError> {
        self.state.check_electorate(entry).map_err(|refusal| refused(self.state.size(), kind_name(entry), refusal))
    }

    /// Internal key of the output of an epoch's link: the one named by the header before it, or by a succession behind that;
    /// the charter's for epoch 1.
    pub fn link_key(&self, epoch: u32) -> XOnlyPublicKey {
        if let Some(successor) = self.state.successor_after(epoch.saturating_sub(1)) {
            return successor.anchor_key;
        }
        let before = self.headers().take_while(|header| header.epoch < epoch).last();
        before.map_or(self.state.params().charter.anchor_key, |header| header.next_anchor_key)
    }

    /// Appends an entry whose signatures were checked, by [`Self::examine`] or by the intake.
    ///
    /// # Errors
    /// [`LedgerError`]; the log is then unchanged.
    pub fn append(&mut self, entry: Entry, chain: &mut dyn ChainView) -> Result<EntryId, LedgerError> {
        let digests = Digests::of(&entry.to_bytes());
        self.append_known(entry, digests, chain)
    }

    /// As [`Self::append`] of an entry with these digests.
    ///
    /// # Errors
    /// [`LedgerError`]; the log is then unchanged.
    pub fn append_known(
        &mut self,
        entry: Entry,
        digests: Digests,
        chain: &mut dyn ChainView,
    ) -> Result<EntryId, LedgerError> {
        let position = self.state.size();
        let kind = kind_name(&entry);
        let (mut newly_final, mut head) = (None, None);
        match &entry {
            Entry::Anchored(anchored) => {
                self.check_anchored(position, &anchored.statement, chain)?;
                let epoch = anchored.statement.header.epoch;
                if let Some((close, _)) = self.closes.get(&epoch) {
                    self.state.set_decided(close);
                }
                newly_final = Some(epoch);
            }
            Entry::Head(signed) => {
                notes::check_clock(position, signed, chain)?;
                self.check_head_block(position, signed, chain)?;
                self.check_rules(&entry)?;
                self.read_bitcoin(signed.tip_height, chain)?;
                head = Some(signed.clone());
            }
            Entry::Execution(signed) => self.check_execution(position, signed, chain)?,
            Entry::GateRefill(signed) => self.check_gate_refill(position, signed, chain)?,
            _ => {}
        }
        let id =
            self.state.apply_known(position, entry, digests).map_err(|refusal| refused(position, kind, refusal))?;
        self.newest_head = head.or(self.newest_head.take());
        if let Some(epoch) = newly_final
            && let Some((_, roll)) = self.closes.get(&epoch)
        {
            self.state.set_roll(epoch, roll.clone());
        }
        self.give_missing_blocks(chain)?;
        Ok(id)
    }

    /// G-107: what stands on Bitcoin in the blocks that a head of this height makes final is given to the rules before it.
    fn read_bitcoin(&mut self, tip_height: u32, chain: &mut dyn ChainView) -> Result<()> {
        let Some((first, last)) = self.state.heights_to_weigh(tip_height) else { return Ok(()) };
        for (height, bytes) in chain.entries_on_bitcoin(first, last)? {
            match forced::forceable(&self.secp, &bytes) {
                Ok(entry) => self.state.see_on_bitcoin(entry, height).context("G-107: the blocks of a new head")?,
                Err(error) => tracing::debug!(height, %error, "what stands on Bitcoin cannot be forced"),
            }
        }
        Ok(())
    }

    /// V-30: blocks that break ties are Bitcoin's to tell; the log's decisions go on once they are known.
    fn give_missing_blocks(&mut self, chain: &mut dyn ChainView) -> Result<()> {
        while let Some(MissingFact::Block { height }) = self.state.missing_fact() {
            let Some(hash) = chain.block_hash(height)? else { return Ok(()) };
            self.state.set_block_hash(height, hash);
        }
        Ok(())
    }

    /// Checks a segment against the hub's receipt for it and appends all its entries.
    ///
    /// # Errors
    /// [`LedgerError`]. Entries before the offending one were appended; the caller drops the ledger, or goes on from the size
    /// it has now when the error is [`LedgerError::NotYet`].
    pub fn append_segment(&mut self, segment: &Segment, chain: &mut dyn ChainView) -> Result<(), LedgerError> {
        self.succeed_if_due(chain)?;
        let first = segment.first_position;
        let done = self.state.size().saturating_sub(first);
        if self.state.size() < first || done > segment.entries.len() as u64 {
            let size = self.state.size();
            return Err(LedgerError::invalid(
                first,
                None,
                format!("N-20: a segment begins at {first}, the log has {size}"),
            ));
        }
        self.check_receipt(segment)?;
        self.append_unexamined(segment, done, chain)?;
        self.check_end(segment)?;
        self.succeed_if_due(chain)
    }

    /// As [`Self::append_segment`] of a segment that was examined before; gives it back.
    ///
    /// # Errors
    /// As [`Self::append_segment`].
    pub fn append_examined(&mut self, examined: Examined, chain: &mut dyn ChainView) -> Result<Segment, LedgerError> {
        let Examined { segment, hub_log_key, entries } = examined;
        let is_next = segment.first_position == self.state.size() && hub_log_key == self.state.hub_log_key();
        let Some(entries) = entries.filter(|_| is_next) else {
            self.append_segment(&segment, chain)?;
            return Ok(segment);
        };
        let leaves = entries.iter().map(|(_, digests)| digests.leaf);
        self.check_receipt_content(&segment, HistoryTree::from_leaf_hashes(leaves).root())?;
        let first = segment.first_position;
        self.state.look_ahead(entries.iter().map(|(entry, digests)| (digests.id, entry)));
        for (index, (entry, digests)) in (0u64..).zip(entries) {
            if self.state.hub_log_key() != hub_log_key {
                // The hub has another key from here on.
                self.append_unexamined(&segment, index, chain)?;
                break;
            }
            debug_assert_eq!(self.state.size(), first + index);
            match entry {
                // What the log does not allow yet, nothing will; only the chain may be behind.
                Entry::Head(_) | Entry::Anchored(_) | Entry::Execution(_) | Entry::GateRefill(_) => {
                    self.check_rules(&entry).map_err(LedgerError::for_good)?;
                    self.append_known(entry, digests, chain)?;
                }
                entry => drop(self.append_known(entry, digests, chain).map_err(LedgerError::for_good)?),
            }
        }
        self.check_end(&segment)?;
        self.succeed_if_due(chain)?;
        Ok(segment)
    }

    /// The entries of a segment from index `done` on, each with all its checks.
    fn append_unexamined(
        &mut self,
        segment: &Segment,
        done: u64,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        for bytes in segment.entries.iter().skip(usize::try_from(done).unwrap_or(usize::MAX)) {
            // What the entries before it do not allow yet, nothing will: they are all there. Only the chain may be behind.
            let entry = self.examine(bytes).map_err(LedgerError::for_good)?;
            self.append(entry, chain)?;
        }
        Ok(())
    }

    /// N-21: the log is then as the receipt says.
    fn check_end(&self, segment: &Segment) -> Result<(), LedgerError> {
        let receipt = &segment.receipt.statement;
        if receipt.log_root != self.state.root() || receipt.log_size != self.state.size() {
            let (size, root) = (self.state.size(), self.state.root());
            let reason = format!(
                "N-21: the receipt says that the log then has {} entries and root {}, it has {size} and root {root}",
                receipt.log_size, receipt.log_root
            );
            return Err(LedgerError::invalid(segment.end() - 1, None, reason));
        }
        Ok(())
    }

    /// Closes an epoch at a height: recomputes roll, tallies, decisions and header from the log and the chain.
    ///
    /// # Errors
    /// When the log has no head at that height yet, or the source does not answer.
    pub fn close_epoch(
        &mut self,
        epoch: u32,
        closing_height: u32,
        closing_hash: BlockHash,
        chain: &mut dyn ChainView,
    ) -> Result<&EpochClose> {
        let closed = self.recompute(epoch, closing_height, closing_hash, chain)?;
        self.remember(epoch, closed);
        Ok(&self.closes[&epoch].0)
    }

    /// Recomputes the epoch of a header that somebody claims and compares.
    ///
    /// # Errors
    /// [`LedgerError`] naming the field that differs.
    pub fn check_header(
        &mut self,
        position: u64,
        header: &EpochHeader,
        chain: &mut dyn ChainView,
    ) -> Result<(), LedgerError> {
        let known = self.closes.get(&header.epoch).is_some_and(|(close, _)| close.header == *header);
        if known {
            return Ok(());
        }
        let height = header.closing_height;
        let hash = self.closing_hash(position, header, chain)?;
        if self.state.first_head_at(height).is_none() {
            return Err(LedgerError::NotYet { position, reason: format!("no signed head at height {height} yet") });
        }
        let closed = self.recompute(header.epoch, height, hash, chain)?;
        match closed.0.header.difference(header) {
            None => {
                self.remember(header.epoch, closed);
                Ok(())
            }
            // who judged it before cannot any more, when what blocks said of stakes went with them.
            Some(difference) if chain.judged_before() && chain.block_hash(height)? != Some(header.closing_hash) => {
                Err(LedgerError::NotYet {
                    position,
                    reason: format!(
                        "A-97: a reorganisation took away block {} at height {height}, with which epoch {} closes, and what Bitcoin said of stakes \
                 with it: {difference}",
                        header.closing_hash, header.epoch
                    ),
                })
            }
            Some(difference) => {
                let reason =
                    format!("G-60: the header of epoch {} is not what the log gives: {difference}", header.epoch);
                Err(LedgerError::invalid(position, Some("anchored"), reason))
            }
        }
    }

    /// Headers of all epochs known, from epoch 1: the final ones in the log, then those recomputed here.
    pub fn headers(&self) -> impl Iterator<Item = &EpochHeader> {
        let anchored = self.state.anchored();
        let newest = anchored.last().map_or(0, |record| record.header.epoch);
        let closed = self.closes.range(newest + 1..).map(|(_, (close, _))| &close.header);
        anchored.iter().map(|record| &record.header).chain(closed)
    }

    /// The seal that the next link spends, by the final epochs in the log.
    pub fn newest_final_seal(&self) -> OutPoint {
        match self.state.newest_anchored() {
            Some(anchored) => self.seal_after(anchored.header.epoch, anchored.link),
            None => self.state.params().first_seal,
        }
    }

    fn recompute(
        &mut self,
        epoch: u32,
        closing_height: u32,
        closing_hash: BlockHash,
        chain: &mut dyn ChainView,
    ) -> Result<(EpochClose, Roll)> {
        let head = self.state.first_head_at(closing_height).context("no head covers that height yet")?;
        let mut facts = Vec::new();
        let claims = self.state.stake_claims(head.head.size);
        let mut of_member: BTreeMap<MemberId, Vec<OutPoint>> = BTreeMap::new();
        for claim in &claims {
            of_member.entry(claim.member).or_default().push(claim.outpoint);
        }
        for claim in &claims {
            let own = of_member.get(&claim.member).map_or(&[][..], Vec::as_slice);
            let others: Vec<OutPoint> = own.iter().filter(|outpoint| **outpoint != claim.outpoint).copied().collect();
            facts.extend(chain.funding(claim, &others)?);
        }
        let roll = self.state.roll_at(&facts, closing_height).context("no head covers that height yet")?;
        let earlier: Vec<EpochHeader> = self.headers().take_while(|header| header.epoch < epoch).copied().collect();
        let workers = Threads::of_this_machine();
        loop {
            match epoch::close_by(&workers, &self.state, &earlier, closing_height, closing_hash, &roll) {
                Ok(close) => {
                    let found = close.header.epoch;
                    ensure!(found == epoch, "epoch {found} comes next, not epoch {epoch}: earlier headers are missing");
                    return Ok((close, roll));
                }
                // V-30: no head in the log is of just the block that breaks a tie, so Bitcoin is asked.
                Err(CloseError::Ledger(DecisionError::BlockHashMissing { height, proposal })) => {
                    let hash = chain.block_hash(height)?.with_context(|| {
                        format!("block {height}, which breaks a tie in proposal {proposal}, is not known here")
                    })?;
                    self.state.set_block_hash(height, hash);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next epoch is built on this one's roll, whether or not its link is final by then.
    fn remember(&mut self, epoch: u32, closed: (EpochClose, Roll)) {
        self.state.set_roll(epoch, closed.1.clone());
        self.closes.insert(epoch, closed);
    }

    /// The first entry of a segment that is not acceptable behind those before it, if one can be named without the chain.
    fn first_bad_entry(&self, segment: &Segment) -> Option<LedgerError> {
        let mut state = self.state.clone();
        for (position, bytes) in (segment.first_position..).zip(&segment.entries) {
            let entry = match Entry::from_bytes(bytes) {
                Ok(entry) => entry,
                Err(error) => return Some(LedgerError::invalid(position, None, error)),
            };
            let kind = kind_name(&entry);
            let checks = entry.signature_checks(&state.hub_log_key());
            if let Err(error) = verify_all(&self.secp, &checks) {
                return Some(LedgerError::invalid(position, Some(kind), error));
            }
            if let Err(refusal) = state.apply(position, entry) {
                return Some(LedgerError::invalid(position, Some(kind), refusal));
            }
        }
        None
    }

    fn check_receipt(&self, segment: &Segment) -> Result<(), LedgerError> {
        let first = segment.first_position;
        let signed: &Signed<Receipt> = &segment.receipt;
        let invalid = |reason: String| LedgerError::invalid(first, None, reason);
        let check = signed.signature_check(&self.hub_log_key_at(first), "receipt");
        check.verify(&self.secp).map_err(|error| invalid(error.to_string()))?;
        self.check_receipt_content(segment, batch_tree(segment.entries.iter().map(Vec::as_slice)).root())
    }

    /// What the receipt says of a segment whose entries have this root.
    fn check_receipt_content(&self, segment: &Segment, root: TreeHash) -> Result<(), LedgerError> {
        let first = segment.first_position;
        let invalid = |reason: String| LedgerError::invalid(first, None, reason);
        let params = self.state.params();
        let receipt = &segment.receipt.statement;
        if (receipt.network, receipt.dao) != (params.network, params.dao_id) {
            return Err(invalid(format!("G-80: the receipt is of DAO {}, not of {}", receipt.dao, params.dao_id)));
        }
        let found = (first, segment.entries.len() as u64, root);
        let stated = (receipt.first_position, u64::from(receipt.count), receipt.batch_root);
        if found != stated {
            // The receipt covers many entries; the first that breaks a rule of its own is the better answer.
            if self.state.size() == first
                && let Some(culprit) = self.first_bad_entry(segment)
            {
                return Err(culprit);
            }
            return Err(invalid(format!(
                "G-80: the receipt is for {} entries from {} with root {}, the segment has {} from {} with root {}",
                stated.1, stated.0, stated.2, found.1, found.0, found.2
            )));
        }
        Ok(())
    }
}

fn kind_name(entry: &Entry) -> &'static str {
    match entry.kind() {
        EntryKind::Bind => "bind",
        EntryKind::Checkpoint => "checkpoint",
        EntryKind::Proposal => "proposal",
        EntryKind::Comment => "comment",
        EntryKind::Ballot => "ballot",
        EntryKind::Head => "head",
        EntryKind::Anchored => "anchored",
        other => other.name(),
    }
}

fn refused(position: u64, kind: &'static str, refusal: Refusal) -> LedgerError {
    match refusal {
        Refusal::Invalid { .. } => LedgerError::invalid(position, Some(kind), refusal),
        _ => LedgerError::NotYet { position, reason: refusal.to_string() },
    }
}
