//! All generations of the treasury, followed block by block in step with the node's own tables.

use std::collections::{BTreeMap, BTreeSet};

use althing_anchor::{InputOrigin, Treasury};
use anyhow::{Context, Result};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::{Block, BlockHash, Network, OutPoint, Script, Transaction, TxOut, Txid};

use super::stages::{StagedCoin, stage_at, staged_coins};
use super::wallet::TreasuryWallet;
use crate::chain::Bitcoind;
use crate::facts::include;
use crate::store::{SpendRow, Store, Writer};

/// The watch-only wallets of the treasury and what was spent out of it.
pub struct Desk {
    network: Network,
    wallets: Vec<TreasuryWallet>,
    /// Scripts in which staged payments rest (T-86).
    stages: Vec<Treasury>,
    spends: Vec<SpendRow>,
    /// The same by what they are asked for, so that a question about one coin does not read them all.
    mined: Mined,
}

/// What blocks spent of the treasury.
#[derive(Default)]
struct Mined {
    heights: BTreeMap<Txid, u32>,
    spenders: BTreeMap<OutPoint, Txid>,
}

impl Mined {
    fn of(spends: &[SpendRow]) -> Self {
        let mut mined = Self::default();
        for row in spends {
            let Ok(transaction) = deserialize::<Transaction>(&row.tx) else { continue };
            let txid = transaction.compute_txid();
            mined.heights.insert(txid, row.height);
            mined.spenders.extend(transaction.input.iter().map(|txin| (txin.previous_output, txid)));
        }
        mined
    }
}

/// What one block changes, to be stored in the block's own transaction.
#[derive(Debug, Default)]
pub struct DeskStep {
    changes: Vec<(u32, u64, Vec<u8>)>,
    spends: Vec<SpendRow>,
}

impl Desk {
    /// Opens the wallets of these descriptors; what they missed is read from bitcoind. Without an answer the rest waits for the next
    /// block: a node starts also while its Bitcoin source is away.
    ///
    /// # Errors
    /// A damaged store.
    pub fn open(
        store: &mut Store,
        bitcoind: &Bitcoind,
        network: Network,
        birthday: u32,
        descriptors: &[String],
    ) -> Result<Self> {
        let spends = store.treasury_spends()?;
        let mined = Mined::of(&spends);
        let mut desk = Self { network, wallets: Vec::new(), stages: Vec::new(), spends, mined };
        if let Err(error) = desk.sync_generations(store, bitcoind, birthday, descriptors) {
            tracing::warn!(error = format!("{error:#}"), "the treasury's coins are read later");
        }
        Ok(desk)
    }

    /// Adds wallets for descriptors that are new, and reads the blocks that they missed.
    ///
    /// # Errors
    /// A descriptor that is no treasury, a damaged store, or no answer from bitcoind.
    pub fn sync_generations(
        &mut self,
        store: &mut Store,
        bitcoind: &Bitcoind,
        birthday: u32,
        descriptors: &[String],
    ) -> Result<()> {
        for descriptor in descriptors.iter().skip(self.wallets.len()) {
            let generation = self.wallets.len();
            let treasury = Treasury::parse(descriptor).context("the charter's treasury descriptor")?;
            let number = u32::try_from(generation).context("generation")?;
            let stored = store.treasury_changes(number)?;
            let mut wallet = TreasuryWallet::open(generation, treasury, self.network, &stored)?;
            let tip = store.tip()?.map_or(0, |row| row.height);
            let hash_at = |height: u32| -> Result<Option<BlockHash>> {
                use bitcoin::hashes::Hash as _;
                Ok(store.block(height)?.map(|row| BlockHash::from_byte_array(row.hash)))
            };
            let mut known = wallet.common(hash_at)?;
            let mut missed = Vec::new();
            let first = known.map_or(birthday.max(1), |(height, _)| height + 1);
            for height in first..=tip {
                let Some(hash) = bitcoind.block_hash(height)? else { break };
                let block = bitcoind.block(&hash)?;
                wallet.connect(height, &block, known)?;
                missed.extend(self.spends_in(std::slice::from_ref(&wallet), height, &block));
                known = Some((height, hash));
            }
            let changes = wallet.take_changes()?;
            self.wallets.push(wallet);
            store.write(|writer| {
                if let Some((at, changes)) = &changes {
                    writer.add_treasury_changes(number, *at, changes)?;
                }
                missed.iter().try_for_each(|row| writer.put_treasury_spend(row))
            })?;
            self.remember(&missed);
        }
        Ok(())
    }

    /// Follows what rests in these stages too; where money was put into a new one before, its blocks are read again.
    ///
    /// # Errors
    /// A damaged store, or no answer from bitcoind.
    pub fn follow_stages(&mut self, store: &mut Store, bitcoind: &Bitcoind, stages: Vec<Treasury>) -> Result<()> {
        if stages == self.stages {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.stages, stages);
        let caught_up = self.catch_up(store, bitcoind, &before);
        if caught_up.is_err() {
            self.stages = before;
        }
        caught_up
    }

    fn catch_up(&mut self, store: &mut Store, bitcoind: &Bitcoind, before: &[Treasury]) -> Result<()> {
        let tip = store.tip()?.map_or(0, |row| row.height);
        let known = staged_coins(before, &self.spends);
        let missed = staged_coins(&self.stages, &self.spends);
        let missed = missed.iter().filter(|(outpoint, coin)| !known.contains_key(outpoint) && coin.spent.is_none());
        let Some(first) = missed.map(|(_, coin)| coin.height).min() else { return Ok(()) };
        for height in first..=tip {
            let Some(hash) = bitcoind.block_hash(height)? else { break };
            let rows = self.spends_in(&[], height, &bitcoind.block(&hash)?);
            store.write(|writer| rows.iter().try_for_each(|row| writer.put_treasury_spend(row)))?;
            self.remember(&rows);
        }
        Ok(())
    }

    /// How many generations there are.
    pub fn generations(&self) -> usize {
        self.wallets.len()
    }

    /// The treasuries that there were; the last is the present one.
    pub fn treasuries(&self) -> Vec<Treasury> {
        self.wallets.iter().map(|wallet| wallet.treasury.clone()).collect()
    }

    /// Scripts in which staged payments rest, as policies.
    pub fn stages(&self) -> &[Treasury] {
        &self.stages
    }

    /// All policies whose coins can be spent: the treasuries in their order, and behind them the stages.
    pub fn policies(&self) -> Vec<Treasury> {
        self.wallets.iter().map(|wallet| &wallet.treasury).chain(&self.stages).cloned().collect()
    }

    /// What rests, or rested, in a stage.
    pub(super) fn staged(&self) -> BTreeMap<OutPoint, StagedCoin> {
        staged_coins(&self.stages, &self.spends)
    }

    /// The mined transaction that spends a coin of the treasury, or a coin beside one.
    pub(super) fn mined_spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.mined.spenders.get(outpoint).copied()
    }

    /// Whether a block has a transaction that spends coins of the treasury.
    pub(super) fn is_mined_spend(&self, txid: &Txid) -> bool {
        self.mined.heights.contains_key(txid)
    }

    /// The transaction that spends an output of the treasury, mined or given to the network, or one that was staged.
    pub(super) fn spender_of(&self, outpoint: &OutPoint) -> Option<Txid> {
        let by_wallet = self.wallets.iter().find_map(|wallet| wallet.spender_of(outpoint));
        by_wallet.or_else(|| Some(self.staged().get(outpoint)?.spent.as_ref()?.0.compute_txid()))
    }

    /// Takes in a block.
    ///
    /// # Errors
    /// A block that does not connect.
    pub fn connect(&mut self, height: u32, block: &Block, below: Option<(u32, BlockHash)>) -> Result<DeskStep> {
        let mut step = DeskStep::default();
        for wallet in &mut self.wallets {
            // Blocks may be skipped before the first one only.
            let below = if wallet.tip().is_none() { None } else { below };
            wallet.connect(height, block, below)?;
            if let Some((number, changes)) = wallet.take_changes()? {
                step.changes.push((u32::try_from(wallet.generation)?, number, changes));
            }
        }
        step.spends = self.spends_in(&self.wallets, height, block);
        Ok(step)
    }

    /// Takes over what is stored.
    pub fn stored(&mut self, step: &DeskStep) {
        self.remember(&step.spends);
    }

    /// Forgets the spends of blocks from a height on.
    pub fn disconnect_from(&mut self, height: u32) {
        self.spends.retain(|row| row.height < height);
        self.mined = Mined::of(&self.spends);
    }

    /// Mined spends, the oldest first.
    pub fn spends(&self) -> &[SpendRow] {
        &self.spends
    }

    /// Which script of which generation a script is; the newest where several have it.
    pub fn owner_of(&self, script: &Script) -> Option<InputOrigin> {
        self.owner_among(self.wallets.len(), script)
    }

    /// The same among the first so many generations.
    pub(super) fn owner_among(&self, generations: usize, script: &Script) -> Option<InputOrigin> {
        self.wallets.iter().take(generations).rev().find_map(|wallet| {
            let index = wallet.index_of(script)?;
            Some(InputOrigin { generation: wallet.generation, index })
        })
    }

    /// An output of a transaction that concerns the treasury.
    pub fn output(&self, outpoint: &OutPoint) -> Option<TxOut> {
        self.wallets.iter().find_map(|wallet| wallet.any_output(outpoint))
    }

    /// T-111: the coins of the treasury, and those that rest in a stage, spent or not, which a block has or this node gave to the network.
    pub(super) fn made(&self) -> BTreeMap<OutPoint, TxOut> {
        let staged =
            self.staged().into_iter().filter_map(|(outpoint, coin)| Some((outpoint, coin.coin.output()?.clone())));
        self.wallets.iter().flat_map(TreasuryWallet::made).chain(staged).collect()
    }

    /// A transaction that concerns the treasury.
    pub fn transaction(&self, txid: &Txid) -> Option<Transaction> {
        self.wallets.iter().find_map(|wallet| wallet.transaction(txid))
    }

    /// Height at which a transaction of the treasury was mined.
    pub fn confirmed_at(&self, txid: &Txid) -> Option<u32> {
        // A payout concerns no coin of the treasury any more.
        let spend = self.mined.heights.get(txid).copied();
        spend.or_else(|| self.wallets.iter().find_map(|wallet| wallet.confirmed_at(txid)))
    }

    /// Mined transactions that concern the treasury, and the heights of their blocks.
    pub fn mined(&self) -> BTreeMap<Txid, (u32, Transaction)> {
        self.wallets.iter().flat_map(TreasuryWallet::mined).collect()
    }

    /// T-110: below which index every node follows the scripts of the present treasury, by the blocks up to that height.
    pub(super) fn in_sight(&self, settled: u32) -> Option<u32> {
        self.wallets.last().map(|wallet| wallet.in_sight(settled))
    }

    pub(super) fn wallets(&self) -> &[TreasuryWallet] {
        &self.wallets
    }

    pub(super) fn wallets_mut(&mut self) -> &mut [TreasuryWallet] {
        &mut self.wallets
    }

    /// Stores what a wallet changed outside of blocks.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn persist(&mut self, store: &mut Store) -> Result<()> {
        let mut step = DeskStep::default();
        for wallet in &mut self.wallets {
            if let Some((number, changes)) = wallet.take_changes()? {
                step.changes.push((u32::try_from(wallet.generation)?, number, changes));
            }
        }
        store.write(|writer| writer.put_treasury_step(&step))
    }

    /// Transactions of a block that spend coins of these wallets, which know the block already, or what rests in a stage.
    fn spends_in(&self, wallets: &[TreasuryWallet], height: u32, block: &Block) -> Vec<SpendRow> {
        let is_own = |outpoint: &OutPoint| wallets.iter().any(|wallet| wallet.own_output(outpoint).is_some());
        let mut staged: BTreeSet<OutPoint> = self.staged().into_keys().collect();
        let mut rows = Vec::new();
        let mut txids = Vec::new();
        for (at, tx) in block.txdata.iter().enumerate() {
            let outpoints = || tx.input.iter().map(|txin| txin.previous_output);
            let is_ours = outpoints().any(|outpoint| is_own(&outpoint));
            if !is_ours && !outpoints().any(|outpoint| staged.contains(&outpoint)) {
                continue;
            }
            let txid = tx.compute_txid();
            // What is staged can be brought back in the same block.
            if tx.output.first().is_some_and(|output| stage_at(&self.stages, &output.script_pubkey).is_some()) {
                staged.insert(OutPoint { txid, vout: 0 });
            }
            if txids.is_empty() {
                txids = block.txdata.iter().map(Transaction::compute_txid).collect();
            }
            let inclusion = include(height, block, &txids, at).map(|inclusion| inclusion.encode());
            rows.push(SpendRow { txid: txid.to_string(), height, tx: serialize(tx), inclusion });
        }
        rows
    }

    fn remember(&mut self, rows: &[SpendRow]) {
        if rows.is_empty() {
            return;
        }
        for row in rows {
            if !self.spends.iter().any(|known| known.txid == row.txid) {
                self.spends.push(row.clone());
            }
        }
        self.mined = Mined::of(&self.spends);
        self.spends.sort_by(|a, b| (a.height, &a.txid).cmp(&(b.height, &b.txid)));
    }
}

impl Writer<'_> {
    /// Stores what a block changed of the treasury.
    ///
    /// # Errors
    /// On I/O.
    pub fn put_treasury_step(&self, step: &DeskStep) -> Result<()> {
        for (generation, number, changes) in &step.changes {
            self.add_treasury_changes(*generation, *number, changes)?;
        }
        step.spends.iter().try_for_each(|row| self.put_treasury_spend(row))
    }
}
