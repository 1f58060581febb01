//! A watch-only wallet for one generation of the treasury: bdk in memory, its changes in the node's own database.

use althing_anchor::{INDEXES_IN_SIGHT, Treasury, TreasuryCoin, indexes_in_sight};
use anyhow::{Context, Result};
use bdk_wallet::chain::{BlockId, Merge};
use bdk_wallet::{ChangeSet, KeychainKind, LocalOutput, Wallet};
use bitcoin::blockdata::constants::COINBASE_MATURITY;
use bitcoin::{Block, BlockHash, Network, NetworkKind, OutPoint, Script, Transaction, TxOut, Txid};

/// Scripts that are looked for beyond the last one known to be used, and so those at the first indexes in any case (T-110).
const LOOKAHEAD: u32 = INDEXES_IN_SIGHT;

/// One generation's wallet.
pub(super) struct TreasuryWallet {
    pub(super) generation: usize,
    pub(super) treasury: Treasury,
    wallet: Wallet,
    /// Number of the next change to be stored.
    next_change: u64,
}

impl TreasuryWallet {
    /// The wallet as it is stored, or a new one.
    ///
    /// # Errors
    /// Stored changes of another descriptor, or malformed ones.
    pub(super) fn open(generation: usize, treasury: Treasury, network: Network, stored: &[Vec<u8>]) -> Result<Self> {
        let descriptor = treasury.spelled_for(NetworkKind::from(network));
        let mut changes = ChangeSet::default();
        for bytes in stored {
            changes.merge(serde_json::from_slice(bytes).context("a stored change of the treasury's wallet")?);
        }
        let loaded = Wallet::load()
            .descriptor(KeychainKind::External, Some(descriptor.clone()))
            .check_network(network)
            .lookahead(LOOKAHEAD)
            .load_wallet_no_persist(changes)
            .context("the stored wallet of the treasury is of another descriptor")?;
        let wallet = match loaded {
            Some(wallet) => wallet,
            None => Wallet::create_single(descriptor)
                .network(network)
                .lookahead(LOOKAHEAD)
                .create_wallet_no_persist()
                .context("making a wallet of the treasury's descriptor")?,
        };
        Ok(Self { generation, treasury, wallet, next_change: stored.len() as u64 })
    }

    /// Height up to which it knows the chain, and the hash there; `None` before the first block.
    pub(super) fn tip(&self) -> Option<(u32, BlockHash)> {
        let tip = self.wallet.latest_checkpoint();
        (tip.height() > 0).then(|| (tip.height(), tip.hash()))
    }

    /// The highest block that it and `same` agree on.
    pub(super) fn common(
        &self,
        mut same: impl FnMut(u32) -> Result<Option<BlockHash>>,
    ) -> Result<Option<(u32, BlockHash)>> {
        let mut below = self.wallet.latest_checkpoint();
        while below.height() > 0 {
            if same(below.height())? == Some(below.hash()) {
                return Ok(Some((below.height(), below.hash())));
            }
            match below.prev() {
                Some(previous) => below = previous,
                None => break,
            }
        }
        Ok(None)
    }

    /// Adds a block on top of `below`.
    ///
    /// # Errors
    /// A block that does not connect.
    pub(super) fn connect(&mut self, height: u32, block: &Block, below: Option<(u32, BlockHash)>) -> Result<()> {
        if height == 0 {
            return Ok(());
        }
        let connected_to = match below {
            Some((height, hash)) => BlockId { height, hash },
            None => BlockId { height: 0, hash: self.wallet.local_chain().genesis_hash() },
        };
        self.wallet
            .apply_block_connected_to(block, height, connected_to)
            .with_context(|| format!("the treasury's wallet cannot connect block {height} to {}", connected_to.height))
    }

    /// Changes since the last call, to be stored under their number.
    ///
    /// # Errors
    /// Never for what bdk makes; its serialisation allows one.
    pub(super) fn take_changes(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        let Some(changes) = self.wallet.take_staged() else { return Ok(None) };
        let number = self.next_change;
        self.next_change += 1;
        Ok(Some((number, serde_json::to_vec(&changes)?)))
    }

    /// The derivation index of a script of this treasury.
    pub(super) fn index_of(&self, script: &Script) -> Option<u32> {
        let index = self.wallet.derivation_of_spk(script.to_owned())?.1;
        Some(if self.treasury.is_ranged() { index } else { 0 })
    }

    /// The output, if it is this treasury's.
    pub(super) fn own_output(&self, outpoint: &OutPoint) -> Option<TxOut> {
        let output = self.any_output(outpoint)?;
        self.index_of(&output.script_pubkey).map(|_| output)
    }

    /// This treasury's outputs, spent or not, where nothing has taken the place of the transaction that made them.
    pub(super) fn made(&self) -> impl Iterator<Item = (OutPoint, TxOut)> + '_ {
        self.wallet.list_output().map(|output| (output.outpoint, output.txout))
    }

    /// An output of a transaction that the wallet knows.
    pub(super) fn any_output(&self, outpoint: &OutPoint) -> Option<TxOut> {
        let transaction = self.transaction(&outpoint.txid)?;
        transaction.output.get(usize::try_from(outpoint.vout).ok()?).cloned()
    }

    /// A transaction that concerns this treasury.
    pub(super) fn transaction(&self, txid: &Txid) -> Option<Transaction> {
        self.wallet.tx_graph().get_tx(*txid).map(|transaction| (*transaction).clone())
    }

    /// Whether a transaction is confirmed, and at which height.
    pub(super) fn confirmed_at(&self, txid: &Txid) -> Option<u32> {
        let known = self.wallet.get_tx(*txid)?;
        known.chain_position.confirmation_height_upper_bound()
    }

    /// Transactions in blocks, with their heights.
    pub(super) fn mined(&self) -> impl Iterator<Item = (Txid, (u32, Transaction))> + '_ {
        self.wallet.transactions().filter_map(|known| {
            let height = known.chain_position.confirmation_height_upper_bound()?;
            Some((known.tx_node.txid, (height, (*known.tx_node.tx).clone())))
        })
    }

    /// Unspent outputs.
    pub(super) fn unspent(&self) -> impl Iterator<Item = LocalOutput> + '_ {
        self.wallet.list_unspent()
    }

    /// Whether a coin is in a block, and the next block may spend it: what a block made for its miner it may not for 100 blocks.
    pub(super) fn is_ripe(&self, coin: &LocalOutput, tip: u32) -> bool {
        let made = self.wallet.tx_graph().get_tx(coin.outpoint.txid);
        let is_coinbase = made.is_some_and(|transaction| transaction.is_coinbase());
        let height = coin.chain_position.is_confirmed().then(|| coin.chain_position.confirmation_height_upper_bound());
        height.flatten().is_some_and(|height| is_ripe(is_coinbase, height, tip))
    }

    /// The transaction that spends an output of this treasury, mined or given to the network.
    pub(super) fn spender_of(&self, outpoint: &OutPoint) -> Option<Txid> {
        let by = self.wallet.list_output().find(|output| output.outpoint == *outpoint && output.is_spent)?;
        let graph = self.wallet.tx_graph();
        let spenders = graph.outspends(by.outpoint);
        spenders.iter().find(|txid| self.wallet.get_tx(**txid).is_some()).copied()
    }

    /// A coin as the core wants it.
    pub(super) fn coin(&self, outpoint: &OutPoint) -> Option<TreasuryCoin> {
        let transaction = self.transaction(&outpoint.txid)?;
        let output = transaction.output.get(usize::try_from(outpoint.vout).ok()?)?;
        let index = self.index_of(&output.script_pubkey)?;
        Some(TreasuryCoin { outpoint: *outpoint, transaction, generation: self.generation, index })
    }

    /// T-110: below which index every node follows the scripts, by the blocks up to that height: a reorganisation could take away what newer
    /// ones paid to.
    pub(super) fn in_sight(&self, settled: u32) -> u32 {
        let mined = self.wallet.list_output().filter(|output| {
            output.chain_position.confirmation_height_upper_bound().is_some_and(|height| height <= settled)
        });
        indexes_in_sight(mined.map(|output| output.derivation_index).max())
    }

    /// T-110: the lowest index from `least` on to which nothing was paid yet, with room for `more` behind it that other nodes follow.
    pub(super) fn fresh_index(&self, least: u32, more: u32, settled: u32) -> u32 {
        if !self.treasury.is_ranged() {
            return 0;
        }
        let end = self.in_sight(settled).saturating_sub(more).max(1);
        let is_fresh = |index: &u32| !self.wallet.spk_index().is_used(KeychainKind::External, *index);
        (least..end).find(is_fresh).unwrap_or(least.min(end - 1))
    }

    /// Remembers a transaction that was given to the network.
    pub(super) fn note_broadcast(&mut self, transaction: &Transaction, now_secs: u64) {
        self.wallet.apply_unconfirmed_txs([(transaction.clone(), now_secs)]);
    }
}

fn is_ripe(is_coinbase: bool, height: u32, tip: u32) -> bool {
    !is_coinbase || tip.saturating_add(1).saturating_sub(height) >= COINBASE_MATURITY
}

#[cfg(test)]
mod tests {
    use bitcoin::absolute::LockTime;
    use bitcoin::transaction::Version;
    use bitcoin::{Amount, TxIn};

    use super::*;

    /// BIP32, test vector 1.
    const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";

    fn wallet() -> TreasuryWallet {
        let branch = |n: u8| format!("{XPUB}/{n}/*");
        let text = format!("wsh(sortedmulti(2,{},{},{}))", branch(0), branch(1), branch(2));
        TreasuryWallet::open(0, Treasury::parse(&text).unwrap(), Network::Regtest, &[]).unwrap()
    }

    #[test]
    fn what_a_block_made_for_its_miner_rests_for_a_hundred() {
        assert!(is_ripe(false, 500, 500));
        let ripe = |tip| is_ripe(true, 500, tip);
        assert_eq!([499, 500, 598, 599, 600].map(ripe), [false, false, false, true, true]);
    }

    /// T-110: what the check lets go back is seen by a node to whose treasury nothing was ever paid.
    #[test]
    fn everything_in_sight_is_followed_from_the_beginning() {
        let mut wallet = wallet();
        let script = |wallet: &TreasuryWallet, index: u32| wallet.treasury.script_at(index).unwrap();
        for index in 0..INDEXES_IN_SIGHT {
            assert_eq!(wallet.index_of(&script(&wallet, index)), Some(index));
        }
        assert_eq!((wallet.fresh_index(3, 0, 9), wallet.fresh_index(3, 64, 9)), (3, 3));
        // Paid to from index 3 to 135, and at 199.
        let paid = (3..136).chain([199]);
        let output = |index| TxOut { value: Amount::from_sat(1_000), script_pubkey: script(&wallet, index) };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output: OutPoint { txid: somebody(1), vout: 0 }, ..TxIn::default() }],
            output: paid.map(output).collect(),
        };
        wallet.note_broadcast(&transaction, 1);
        assert_eq!(wallet.fresh_index(3, 0, 9), 136);
        // 64 more behind it would be out of sight: the first ones serve again.
        assert_eq!(wallet.fresh_index(3, 64, 9), 3);
    }

    /// A transaction that nobody here knows.
    fn somebody(number: u32) -> Txid {
        use bitcoin::hashes::Hash as _;
        Txid::hash(&number.to_be_bytes())
    }

    /// A block on top of the genesis block, or of `below`, that pays to these indexes.
    fn pay(
        wallet: &mut TreasuryWallet,
        height: u32,
        indexes: std::ops::Range<u32>,
        below: Option<(u32, BlockHash)>,
    ) -> BlockHash {
        let script = |index: u32| wallet.treasury.script_at(index).unwrap();
        let outputs = indexes.map(|index| TxOut { value: Amount::from_sat(1_000), script_pubkey: script(index) });
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output: OutPoint { txid: somebody(height), vout: 0 }, ..TxIn::default() }],
            output: outputs.collect(),
        };
        let mut block = bitcoin::constants::genesis_block(Network::Regtest);
        block.header.prev_blockhash = below.map_or_else(|| block.block_hash(), |(_, hash)| hash);
        block.header.nonce = height;
        block.txdata = vec![transaction];
        wallet.connect(height, &block, below).unwrap();
        block.block_hash()
    }

    /// T-110: when all first addresses are used others follow, once a block that nothing takes away has the use; also after a restart.
    #[test]
    fn a_treasury_that_used_two_hundred_addresses_has_more() {
        let mut wallet = wallet();
        let mut hash = pay(&mut wallet, 1, 0..200, None);
        assert_eq!((wallet.in_sight(0), wallet.fresh_index(3, 0, 0)), (200, 3), "it may be taken away again");
        assert_eq!((wallet.in_sight(1), wallet.fresh_index(3, 0, 1), wallet.fresh_index(3, 64, 1)), (400, 200, 200));
        let (_, stored) = wallet.take_changes().unwrap().unwrap();
        let again = TreasuryWallet::open(0, wallet.treasury.clone(), Network::Regtest, &[stored]).unwrap();
        for (index, is_seen) in [(399, true), (400, false)] {
            let script = wallet.treasury.script_at(index).unwrap();
            assert_eq!(
                (wallet.index_of(&script), again.index_of(&script)),
                (is_seen.then_some(index), is_seen.then_some(index))
            );
        }
        assert_eq!(again.in_sight(1), 400);
        for (height, first) in [(2, 200), (3, 400), (4, 600), (5, 800)] {
            hash = pay(&mut wallet, height, first..first + 200, Some((height - 1, hash)));
        }
        // Gates are looked for below it: from then on addresses serve again.
        assert_eq!((wallet.in_sight(5), wallet.fresh_index(3, 0, 5)), (1000, 3));
    }
}
