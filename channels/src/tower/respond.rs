//! A tower's view of the chain: breaches found, and justice broadcast until it is buried. Clauses C-83 and C-84.

use std::collections::BTreeMap;

use bitcoin::{Amount, BlockHash, FeeRate, Transaction, Txid};
use lightning::impl_writeable_tlv_based;
use lightning::ln::msgs::DecodeError;
use lightning::util::ser::{Readable, Writeable};

use super::blob::{Hint, SealedJustice};
use crate::fees::{Bid, FeeMarket, StoredBid, fee, rate_limit};
use crate::ids::{DUST_SAT, MEMBER_CSV_BLOCKS};
use crate::monitor::{BlockId, FORGET_DEPTH, MonitorError};

/// First byte of an encoded tower's view.
const VERSION: u8 = 1;

/// A breach in the chain and what the tower does about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Height of the block with the breach.
    pub breach_height: u32,
    /// What every blob held that the breach opened; one of them is enough, but anybody may have given some of them.
    pub justice: Vec<Justice>,
}

/// A justice transaction that a breach opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Justice {
    /// As the victim signed it.
    pub transaction: Transaction,
    /// What it pays by itself, in satoshis.
    pub fee_sat: u64,
    /// Height of the block in which one of its inputs was spent, by itself, by the victim or by the cheat.
    pub ended_height: Option<u32>,
    /// The rate that it was last bumped to.
    bid: Option<StoredBid>,
}

/// A justice transaction that has to be in a block soon. Clause C-84.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressing {
    /// The justice.
    pub transaction: Transaction,
    /// What it pays by itself, in satoshis.
    pub fee_sat: u64,
    /// What it and its child together have to pay now; never less than before.
    pub rate: FeeRate,
}

impl Pressing {
    /// Whether the transaction pays too little by itself.
    pub fn needs_child(&self) -> bool {
        fee(self.rate, self.transaction.weight()).to_sat() > self.fee_sat
    }
}

impl_writeable_tlv_based!(Response, {
    (0, breach_height, required),
    (2, justice, required_vec),
});

impl_writeable_tlv_based!(Justice, {
    (0, transaction, required),
    (2, fee_sat, required),
    (3, ended_height, option),
    (5, bid, option),
});

/// Breaches that a tower has found, by the revoked commitment. A function of the chain and of the blobs held, but for the bids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TowerWatch {
    tip: BlockId,
    responses: BTreeMap<Txid, Response>,
}

impl_writeable_tlv_based!(TowerWatch, {
    (0, tip, required),
    (2, responses, required),
});

impl TowerWatch {
    /// A tower that has seen the chain up to `tip`.
    pub fn new(tip: BlockId) -> Self {
        Self { tip, responses: BTreeMap::new() }
    }

    /// The last block seen.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// Breaches found that are not forgotten.
    pub fn responses(&self) -> &BTreeMap<Txid, Response> {
        &self.responses
    }

    /// Bytes to store; they hold no secret.
    pub fn encode_versioned(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.encode());
        bytes
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`MonitorError::Decode`] when they are damaged or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, MonitorError> {
        let (version, mut rest) = bytes.split_first().ok_or(MonitorError::Decode(DecodeError::ShortRead))?;
        if *version != VERSION {
            return Err(MonitorError::Decode(DecodeError::UnknownVersion));
        }
        let watch = Readable::read(&mut rest).map_err(MonitorError::Decode)?;
        if rest.is_empty() { Ok(watch) } else { Err(MonitorError::Decode(DecodeError::InvalidValue)) }
    }

    /// The next block, whole; `held` gives every blob of a hint.
    ///
    /// # Errors
    /// [`MonitorError::NotNext`] when the block does not follow the tip; nothing has changed then.
    pub fn apply_block<'a>(
        &mut self,
        block: BlockId,
        prev: BlockHash,
        transactions: impl IntoIterator<Item = &'a Transaction>,
        held: impl Fn(&Hint) -> Vec<SealedJustice>,
    ) -> Result<(), MonitorError> {
        if prev != self.tip.hash || Some(block.height) != self.tip.height.checked_add(1) {
            return Err(MonitorError::NotNext { block, prev, tip: self.tip });
        }
        self.tip = block;
        for transaction in transactions {
            self.note_spends(transaction, block.height);
            let txid = transaction.compute_txid();
            // A blob that does not open is somebody else's with the same hint, or somebody's nonsense.
            let opened = held(&Hint::of(txid)).into_iter().filter_map(|sealed| sealed.open(transaction).ok());
            let justice: Vec<Justice> = opened.map(|justice| Justice::new(justice, transaction)).collect();
            if !justice.is_empty() {
                self.responses.insert(txid, Response { breach_height: block.height, justice });
            }
        }
        let buried = |justice: &Justice| {
            justice
                .ended_height
                .is_some_and(|height| block.height.saturating_add(1).saturating_sub(height) >= FORGET_DEPTH)
        };
        self.responses.retain(|_, response| !response.justice.iter().all(buried));
        Ok(())
    }

    /// Blocks above `tip` are no longer in the chain.
    ///
    /// # Errors
    /// [`MonitorError::NotBelow`] when `tip` is above the last block seen; nothing has changed then.
    pub fn disconnect_to(&mut self, tip: BlockId) -> Result<(), MonitorError> {
        if tip.height > self.tip.height {
            return Err(MonitorError::NotBelow { to: tip.height, from: self.tip.height });
        }
        self.tip = tip;
        self.responses.retain(|_, response| response.breach_height <= tip.height);
        for justice in self.responses.values_mut().flat_map(|response| &mut response.justice) {
            justice.ended_height = justice.ended_height.filter(|height| *height <= tip.height);
        }
        Ok(())
    }

    /// What to broadcast now; said again at every tip until an input of it is spent (C-84).
    pub fn broadcasts(&self) -> impl Iterator<Item = &Transaction> {
        let open = self.responses.values().flat_map(|response| &response.justice);
        open.filter(|justice| justice.ended_height.is_none()).map(|justice| &justice.transaction)
    }

    /// The same with what each has to pay at this tip; changes what [`TowerWatch::encode_versioned`] gives, so store that first.
    ///
    /// A tower does not know the lock of the cheat, so it presses as if that were the shortest in use.
    pub fn press(&mut self, market: &FeeMarket) -> Vec<Pressing> {
        let tip_height = self.tip.height;
        let mut pressing = Vec::new();
        for response in self.responses.values_mut() {
            let deadline = response.breach_height.saturating_add(u32::from(MEMBER_CSV_BLOCKS));
            let left = deadline.saturating_sub(tip_height.saturating_add(1));
            for justice in response.justice.iter_mut().filter(|justice| justice.ended_height.is_none()) {
                let value = justice.transaction.output.iter().map(|output| output.value).sum::<Amount>();
                let most = Amount::from_sat(value.to_sat().saturating_sub(DUST_SAT));
                let limit = rate_limit(most, justice.transaction.weight());
                let bid = Bid::next(justice.bid.map(Bid::from), market, Some(left), limit, tip_height);
                justice.bid = Some(bid.into());
                let Justice { transaction, fee_sat, .. } = justice.clone();
                pressing.push(Pressing { transaction, fee_sat, rate: bid.rate });
            }
        }
        pressing
    }

    fn note_spends(&mut self, transaction: &Transaction, height: u32) {
        let spent = || transaction.input.iter().map(|input| input.previous_output);
        let breaches: std::collections::BTreeSet<Txid> = spent().map(|outpoint| outpoint.txid).collect();
        for txid in breaches {
            let Some(response) = self.responses.get_mut(&txid) else { continue };
            // Each for itself: somebody else's blob for this commitment, which spends less of it, must not end the work on
            // the victim's. The victim may take its own part first; that ends the joint justice, which is no longer valid.
            for justice in &mut response.justice {
                if justice
                    .transaction
                    .input
                    .iter()
                    .any(|input| spent().any(|outpoint| outpoint == input.previous_output))
                {
                    justice.ended_height.get_or_insert(height);
                }
            }
        }
    }
}

impl Justice {
    fn new(transaction: Transaction, breach: &Transaction) -> Self {
        let taken = transaction.input.iter().filter_map(|input| {
            breach.output.get(usize::try_from(input.previous_output.vout).ok()?).map(|output| output.value.to_sat())
        });
        let taken = taken.fold(0, u64::saturating_add);
        let paid = transaction.output.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add);
        Self { transaction, fee_sat: taken.saturating_sub(paid), ended_height: None, bid: None }
    }
}
