//! The on-chain wallet: bdk over its own SQLite file, fed with the blocks that the node follows.

use std::path::Path;

use althing_channels::monitor::{Child, WalletCoin};
use anyhow::{Context, Result, bail, ensure};
use bdk_wallet::chain::BlockId;
use bdk_wallet::coin_selection::{BranchAndBoundCoinSelection, LargestFirstCoinSelection};
use bdk_wallet::rusqlite::Connection;
use bdk_wallet::signer::SignersContainer;
use bdk_wallet::{KeychainKind, PersistedWallet, SignOptions, Wallet as BdkWallet};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{
    Address, Amount, Block, BlockHash, FeeRate, Network, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxOut, Txid,
    Weight, Witness,
};

use crate::api::Balance;
use crate::chain::Bitcoind;
use crate::keys::Keys;

/// Name of the wallet's database in a data directory. Everything in it can be rebuilt from seed and chain.
pub const WALLET_FILE: &str = "wallet.db";

/// Witness of a Taproot key-path input: count, length and 64 bytes.
const KEY_PATH_WITNESS: Weight = Weight::from_wu(66);

/// How coins are chosen: without a draw, so that what is paid is what a review said before (N-204).
type Chooses = BranchAndBoundCoinSelection<LargestFirstCoinSelection>;

/// Bytes of a change output: value, length, and a Taproot script.
const CHANGE_BYTES: u64 = 8 + 1 + 34;

fn chooses() -> Chooses {
    BranchAndBoundCoinSelection::new(CHANGE_BYTES, LargestFirstCoinSelection)
}

/// The on-chain wallet of one node.
pub struct Wallet {
    wallet: PersistedWallet<Connection>,
    /// The database knows public descriptors only.
    signers: [SignersContainer; 2],
    connection: Connection,
}

impl Wallet {
    /// Opens the wallet in `dir`, creating it from the keys when it is not there.
    ///
    /// # Errors
    /// A wallet of other keys or another network, or I/O.
    pub fn open(dir: &Path, keys: &Keys) -> Result<Self> {
        let path = dir.join(WALLET_FILE);
        let mut connection = Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let [(external, external_keys), (internal, internal_keys)] = keys.wallet_descriptors()?;
        let secp = Secp256k1::new();
        let signers = [
            SignersContainer::build(external_keys, &external, &secp),
            SignersContainer::build(internal_keys, &internal, &secp),
        ];
        let loaded = BdkWallet::load()
            .descriptor(KeychainKind::External, Some(external.clone()))
            .descriptor(KeychainKind::Internal, Some(internal.clone()))
            .check_network(keys.network())
            .load_wallet(&mut connection)
            .with_context(|| format!("{} does not belong to these keys", path.display()))?;
        let wallet = match loaded {
            Some(wallet) => wallet,
            None => BdkWallet::create(external, internal)
                .network(keys.network())
                .create_wallet(&mut connection)
                .with_context(|| format!("creating {}", path.display()))?,
        };
        Ok(Self { wallet, signers, connection })
    }

    /// Adds a block on top of `below`. Blocks may be skipped before the first one.
    ///
    /// # Errors
    /// A block that does not connect, or I/O.
    pub fn connect(&mut self, height: u32, block: &Block, below: Option<(u32, BlockHash)>) -> Result<()> {
        let connected_to = match below {
            Some((height, hash)) => BlockId { height, hash },
            None => BlockId { height: 0, hash: self.wallet.local_chain().genesis_hash() },
        };
        if height == 0 {
            return Ok(());
        }
        self.wallet
            .apply_block_connected_to(block, height, connected_to)
            .with_context(|| format!("the wallet cannot connect block {height} to {}", connected_to.height))?;
        self.persist()
    }

    /// Reads all blocks that the wallet has not seen, for uses without a running node.
    ///
    /// # Errors
    /// When the source does not answer, or on I/O.
    pub fn catch_up(&mut self, bitcoind: &Bitcoind, birthday: u32) -> Result<()> {
        let mut below = self.wallet.latest_checkpoint();
        while below.height() > 0 && bitcoind.block_hash(below.height())? != Some(below.hash()) {
            below = below.prev().context("the wallet's chain has no genesis block")?;
        }
        let mut known = (below.height() > 0).then(|| (below.height(), below.hash()));
        let mut height = known.map_or(birthday.max(1), |(height, _)| height + 1);
        while let Some(hash) = bitcoind.block_hash(height)? {
            self.connect(height, &bitcoind.block(&hash)?, known)?;
            known = Some((height, hash));
            height += 1;
        }
        Ok(())
    }

    /// Confirmed and pending balance.
    pub fn balance(&self) -> Balance {
        let balance = self.wallet.balance();
        Balance {
            confirmed_sat: balance.confirmed.to_sat(),
            pending_sat: (balance.immature + balance.trusted_pending + balance.untrusted_pending).to_sat(),
        }
    }

    /// A receiving address that was never shown.
    ///
    /// # Errors
    /// On I/O.
    pub fn fresh_address(&mut self) -> Result<Address> {
        let address = self.wallet.reveal_next_address(KeychainKind::External).address;
        self.persist()?;
        Ok(address)
    }

    /// Builds and signs a transaction with exactly these outputs first and in this order, then change. Coins that are `promised` to
    /// other transactions are left alone.
    ///
    /// # Errors
    /// Too little confirmed money (the amounts are named), or I/O.
    pub fn pay(
        &mut self,
        outputs: &[(ScriptBuf, Amount)],
        fee_rate: FeeRate,
        promised: Vec<OutPoint>,
    ) -> Result<Transaction> {
        // What the library adds up without looking.
        let sum = outputs.iter().try_fold(Amount::ZERO, |sum, (_, amount)| sum.checked_add(*amount));
        if sum.is_none_or(|sum| sum > Amount::MAX_MONEY) {
            return Err(crate::api::ApiError::invalid("W-7", "W-7: these amounts are more than there can be").into());
        }
        let mut builder = self.wallet.build_tx().coin_selection(chooses());
        builder
            .ordering(bdk_wallet::TxOrdering::Untouched)
            .fee_rate(fee_rate)
            .exclude_unconfirmed()
            .unspendable(promised)
            .set_recipients(outputs.to_vec());
        let psbt: Psbt = builder.finish().map_err(|error| {
            anyhow::Error::new(crate::api::ApiError::not_now(format!(
                "W-1: the wallet cannot pay {} sat in {} outputs at {} sat/vB: {error}; confirmed balance {} sat",
                outputs.iter().map(|(_, amount)| amount.to_sat()).sum::<u64>(),
                outputs.len(),
                fee_rate.to_sat_per_vb_ceil(),
                self.wallet.balance().confirmed.to_sat(),
            )))
        })?;
        self.sign_whole(psbt)
    }

    /// Builds and signs a transaction of all confirmed coins, but those that are `promised`, to one script.
    ///
    /// # Errors
    /// Too little confirmed money for its own fee, or I/O.
    pub fn pay_all(&mut self, to: ScriptBuf, fee_rate: FeeRate, promised: Vec<OutPoint>) -> Result<Transaction> {
        let mut builder = self.wallet.build_tx();
        builder.fee_rate(fee_rate).exclude_unconfirmed().unspendable(promised).drain_wallet().drain_to(to);
        let psbt: Psbt = builder.finish().map_err(|error| {
            anyhow::Error::new(crate::api::ApiError::not_now(format!(
                "W-1: the wallet cannot pay all it has at {} sat/vB: {error}; confirmed balance {} sat",
                fee_rate.to_sat_per_vb_ceil(),
                self.wallet.balance().confirmed.to_sat(),
            )))
        })?;
        self.sign_whole(psbt)
    }

    /// What a transaction over coins of this wallet pays as its fee.
    ///
    /// # Errors
    /// Coins that are not known here.
    pub fn fee_of(&self, tx: &Transaction) -> Result<Amount> {
        self.wallet.calculate_fee(tx).context("W-2: the wallet does not know what it spends")
    }

    /// Signs a transaction that spends coins of this wallet only.
    fn sign_whole(&mut self, mut psbt: Psbt) -> Result<Transaction> {
        let [external, internal] = &self.signers;
        let finished = self.wallet.sign_with_signers(&mut psbt, &[external, internal], SignOptions::default())?;
        if !finished {
            bail!("W-2: the wallet could not sign all inputs of its own transaction");
        }
        let tx = psbt.extract_tx().context("W-3: the wallet's transaction pays an absurd fee")?;
        self.persist()?;
        Ok(tx)
    }

    /// Builds, and does not sign, a transaction from `from` (the output `funding`, which is not the wallet's) and confirmed coins to
    /// `to`, its output 0, and change. Returns with it the outputs that it spends, in the order of its inputs.
    ///
    /// # Errors
    /// Too little confirmed money (the amounts are named), or I/O.
    pub fn splice_in(
        &mut self,
        (funding, from): (OutPoint, TxOut),
        to: TxOut,
        fee_rate: FeeRate,
        promised: Vec<OutPoint>,
    ) -> Result<(Transaction, Vec<TxOut>)> {
        self.spend_beside((funding, from, KEY_PATH_WITNESS), &[to], fee_rate, promised)
    }

    /// The same from any output that is not the wallet's, with the weight of what its owners put into the witness, to `to` as the first
    /// outputs.
    ///
    /// # Errors
    /// As [`Self::splice_in`].
    pub fn spend_beside(
        &mut self,
        (outpoint, from, witness): (OutPoint, TxOut, Weight),
        to: &[TxOut],
        fee_rate: FeeRate,
        promised: Vec<OutPoint>,
    ) -> Result<(Transaction, Vec<TxOut>)> {
        let foreign = bitcoin::psbt::Input { witness_utxo: Some(from.clone()), ..Default::default() };
        let mut builder = self.wallet.build_tx().coin_selection(chooses());
        builder
            .ordering(bdk_wallet::TxOrdering::Untouched)
            .fee_rate(fee_rate)
            .exclude_unconfirmed()
            .unspendable(promised)
            // Who signs the other input, of P2WSH say, has the transaction that made it; here its output is enough.
            .only_witness_utxo()
            .add_foreign_utxo_with_sequence(outpoint, foreign, witness, Sequence::ENABLE_RBF_NO_LOCKTIME)
            .map_err(|error| anyhow::anyhow!("W-5: output {outpoint} cannot be spent: {error}"))?
            .set_recipients(to.iter().map(|to| (to.script_pubkey.clone(), to.value)).collect());
        let psbt: Psbt = builder.finish().map_err(|error| {
            anyhow::Error::new(crate::api::ApiError::not_now(format!(
                "W-1: the wallet cannot add {} sat and the fee at {} sat/vB: {error}; confirmed balance {} sat",
                to.iter().map(|to| to.value.to_sat()).sum::<u64>().saturating_sub(from.value.to_sat()),
                fee_rate.to_sat_per_vb_ceil(),
                self.wallet.balance().confirmed.to_sat(),
            )))
        })?;
        self.persist()?;
        let prevouts: Option<Vec<TxOut>> = psbt.inputs.iter().map(|input| input.witness_utxo.clone()).collect();
        Ok((psbt.unsigned_tx, prevouts.context("W-2: the wallet does not know what it spends")?))
    }

    /// Signs the wallet's inputs of a transaction whose other inputs have their witnesses already.
    ///
    /// # Errors
    /// Inputs that are neither signed nor this wallet's.
    pub fn sign_rest(&self, transaction: &Transaction, prevouts: &[TxOut]) -> Result<Transaction> {
        let mut bare = transaction.clone();
        bare.input.iter_mut().for_each(|input| input.witness.clear());
        let mut psbt = Psbt::from_unsigned_tx(bare).context("W-2: a transaction with script signatures")?;
        for ((input, signed), prevout) in psbt.inputs.iter_mut().zip(&transaction.input).zip(prevouts) {
            input.witness_utxo = Some(prevout.clone());
            if !signed.witness.is_empty() {
                input.final_script_witness = Some(signed.witness.clone());
            }
        }
        let options = SignOptions { trust_witness_utxo: true, ..SignOptions::default() };
        let [external, internal] = &self.signers;
        self.wallet.sign_with_signers(&mut psbt, &[external, internal], options)?;
        ensure!(
            psbt.inputs.iter().all(|input| input.final_script_witness.is_some()),
            "W-2: the wallet could not sign all its inputs"
        );
        Ok(psbt.extract_tx_unchecked_fee_rate())
    }

    /// Confirmed coins that are not promised to other transactions.
    pub fn confirmed_coins(&self, promised: &[OutPoint]) -> Vec<WalletCoin> {
        self.wallet
            .list_unspent()
            .filter(|coin| coin.chain_position.is_confirmed() && !promised.contains(&coin.outpoint))
            .map(|coin| WalletCoin { outpoint: coin.outpoint, output: coin.txout, witness_weight: KEY_PATH_WITNESS })
            .collect()
    }

    /// How many outputs of at least that value a transaction pays to this wallet.
    pub fn coins_in(&self, tx: &Transaction, least: Amount) -> usize {
        let is_own = |output: &&TxOut| output.value >= least && self.wallet.is_mine(output.script_pubkey.clone());
        tx.output.iter().filter(is_own).count()
    }

    /// A script of this wallet for what it pays itself; the same until it is paid to.
    ///
    /// # Errors
    /// On I/O.
    pub fn unused_change_script(&mut self) -> Result<ScriptBuf> {
        let script = self.wallet.next_unused_address(KeychainKind::Internal).address.script_pubkey();
        self.persist()?;
        Ok(script)
    }

    /// A script of this wallet that has not been paid to yet; the same until it is.
    ///
    /// # Errors
    /// On I/O.
    pub fn unused_script(&mut self) -> Result<ScriptBuf> {
        let script = self.wallet.next_unused_address(KeychainKind::External).address.script_pubkey();
        self.persist()?;
        Ok(script)
    }

    /// Signs the wallet's inputs of a child; its first input is an anchor, which needs no signature.
    ///
    /// # Errors
    /// Inputs that are not this wallet's.
    pub fn sign_child(&self, child: Child) -> Result<Transaction> {
        let mut psbt = Psbt::from_unsigned_tx(child.transaction).context("W-2: a child that is signed already")?;
        for (input, prevout) in psbt.inputs.iter_mut().zip(child.prevouts) {
            input.witness_utxo = Some(prevout);
        }
        // An anchor is spent with an empty witness (BIP433): final as it is.
        psbt.inputs[0].final_script_witness = Some(Witness::new());
        let options = SignOptions { trust_witness_utxo: true, ..SignOptions::default() };
        let [external, internal] = &self.signers;
        self.wallet.sign_with_signers(&mut psbt, &[external, internal], options)?;
        let signed = psbt.inputs.iter().skip(1).all(|input| input.final_script_witness.is_some());
        ensure!(signed, "W-2: the wallet could not sign all inputs of its own child");
        Ok(psbt.extract_tx_unchecked_fee_rate())
    }

    /// Signs the wallet's inputs of a transaction whose other inputs have their witness; `prevouts` are what it spends, by input.
    ///
    /// # Errors
    /// Inputs without witness that are not this wallet's.
    pub fn sign_own_inputs(&self, transaction: &Transaction, prevouts: &[TxOut]) -> Result<Transaction> {
        let mut unsigned = transaction.clone();
        let witnesses: Vec<Witness> =
            unsigned.input.iter_mut().map(|input| std::mem::take(&mut input.witness)).collect();
        let mut psbt = Psbt::from_unsigned_tx(unsigned).context("W-2: a transaction with script signatures")?;
        for ((input, prevout), witness) in psbt.inputs.iter_mut().zip(prevouts).zip(witnesses) {
            input.witness_utxo = Some(prevout.clone());
            // An anchor is spent with an empty witness (BIP433).
            let is_final = !witness.is_empty() || prevout.script_pubkey == ScriptBuf::new_p2a();
            input.final_script_witness = is_final.then_some(witness);
        }
        let options = SignOptions { trust_witness_utxo: true, ..SignOptions::default() };
        let [external, internal] = &self.signers;
        self.wallet.sign_with_signers(&mut psbt, &[external, internal], options)?;
        let signed = psbt.inputs.iter().all(|input| input.final_script_witness.is_some());
        ensure!(signed, "W-2: the wallet could not sign all inputs of its own");
        Ok(psbt.extract_tx_unchecked_fee_rate())
    }

    /// A coin of this wallet, spent or not.
    pub fn coin(&self, outpoint: &OutPoint) -> Option<WalletCoin> {
        let found = self.wallet.list_output().find(|coin| coin.outpoint == *outpoint);
        found.map(|coin| WalletCoin { outpoint: coin.outpoint, output: coin.txout, witness_weight: KEY_PATH_WITNESS })
    }

    /// Remembers a transaction that was given to the network, so that its coins are not used twice.
    ///
    /// # Errors
    /// On I/O.
    pub fn note_broadcast(&mut self, tx: &Transaction, now_secs: u64) -> Result<()> {
        self.wallet.apply_unconfirmed_txs([(tx.clone(), now_secs)]);
        self.persist()
    }

    /// Height of the block that has a transaction of this wallet.
    pub fn confirmed_at(&self, txid: &Txid) -> Option<u32> {
        self.wallet.get_tx(*txid)?.chain_position.confirmation_height_upper_bound()
    }

    /// Transactions of this wallet that no block has.
    pub fn unconfirmed(&self) -> Vec<Transaction> {
        let known = self.wallet.transactions().filter(|known| !known.chain_position.is_confirmed());
        known.map(|known| (*known.tx_node.tx).clone()).collect()
    }

    /// Those of them that spend coins of this wallet alone.
    pub fn own_unconfirmed(&self) -> Vec<Transaction> {
        let is_own = |tx: &Transaction| tx.input.iter().all(|input| self.coin(&input.previous_output).is_some());
        self.unconfirmed().into_iter().filter(is_own).collect()
    }

    /// What a transaction pays that spends coins of this wallet only.
    ///
    /// # Errors
    /// Coins that are not known here.
    pub fn fee_rate_of(&self, tx: &Transaction) -> Result<FeeRate> {
        self.wallet.calculate_fee_rate(tx).context("W-2: the wallet does not know what it spends")
    }

    /// One of this wallet's transactions that wait, with the same outputs but for the change, over the same coins and more if it
    /// takes them, signed, that pays this rate. It is not given to the network.
    ///
    /// # Errors
    /// A transaction that cannot be replaced, or too little money.
    pub fn raise(&mut self, txid: Txid, fee_rate: FeeRate) -> Result<Transaction> {
        let mut builder = self.wallet.build_fee_bump(txid).context("W-6: the transaction cannot be replaced")?;
        builder.ordering(bdk_wallet::TxOrdering::Untouched).fee_rate(fee_rate).exclude_unconfirmed();
        let psbt = builder.finish().context("W-6: the transaction cannot pay more")?;
        self.sign_whole(psbt)
    }

    /// Forgets transactions that were given to the network and are to be replaced: their coins can be used for what replaces them. One that
    /// is mined all the same is known again by its block.
    ///
    /// # Errors
    /// On I/O.
    pub fn let_go(&mut self, txids: impl IntoIterator<Item = Txid>, now_secs: u64) -> Result<()> {
        self.wallet.apply_evicted_txs(txids.into_iter().map(|txid| (txid, now_secs)));
        self.persist()
    }

    /// The network of the wallet.
    pub fn network(&self) -> Network {
        self.wallet.network()
    }

    fn persist(&mut self) -> Result<()> {
        self.wallet.persist(&mut self.connection).context("storing the wallet")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::block::{Header, Version};
    use bitcoin::hashes::Hash as _;
    use bitcoin::{CompactTarget, TxIn, TxMerkleNode, absolute, transaction};

    use super::*;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    /// A wallet with coins of those amounts in its first block.
    fn with_coins(dir: &Path, sats: impl Iterator<Item = u64>) -> Wallet {
        let (keys, _) = Keys::create(dir, Network::Regtest, "horse", Some(WORDS)).unwrap();
        let mut wallet = Wallet::open(dir, &keys).unwrap();
        let output = |sat| TxOut {
            value: Amount::from_sat(sat),
            script_pubkey: wallet.fresh_address().unwrap().script_pubkey(),
        };
        let spent = TxIn { previous_output: OutPoint::new(Txid::all_zeros(), 7), ..TxIn::default() };
        let tx = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![spent],
            output: sats.map(output).collect(),
        };
        let header = Header {
            version: Version::TWO,
            prev_blockhash: wallet.wallet.local_chain().genesis_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: 1,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        };
        wallet.connect(1, &Block { header, txdata: vec![tx] }, None).unwrap();
        wallet
    }

    /// A review and what is then sent are built one after the other (N-204).
    #[test]
    fn what_is_sent_costs_what_was_reviewed() {
        let dir = tempfile::tempdir().unwrap();
        let mut wallet = with_coins(dir.path(), (1..=12).map(|n| n * 10_000 + n));
        let to = wallet.fresh_address().unwrap().script_pubkey();
        for amount_sat in [9_000, 55_000, 200_000, 400_000] {
            let fees: std::collections::BTreeSet<Amount> = (0..30)
                .map(|_| {
                    let rate = FeeRate::from_sat_per_vb(3).unwrap();
                    let tx = wallet.pay(&[(to.clone(), Amount::from_sat(amount_sat))], rate, Vec::new()).unwrap();
                    wallet.fee_of(&tx).unwrap()
                })
                .collect();
            assert_eq!(fees.len(), 1, "{amount_sat} sat cost {fees:?}");
        }
    }
}
