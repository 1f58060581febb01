//! The shells' part of splicing: a wallet with coins of nobody, and a chain that takes one of several transactions.

use althing_channels::{ChannelError, Phase, Side, funding_output, tagged_hash};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Message, Secp256k1, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, XOnlyPublicKey};

use super::money::lane_position;
use super::pair::{Pair, close_script};

const WALLET_SAT: u64 = 10_000_000;

impl Pair {
    /// The member announces a splice that changes the funding by so many satoshis.
    pub(crate) fn announce(&mut self, delta_sat: i64) -> Result<(), ChannelError> {
        let (transaction, prevouts) = self.splice_transaction(delta_sat);
        let effects = self.channel(Side::Member).announce_splice(transaction, prevouts, 0)?;
        self.carry_out(Side::Member, effects);
        Ok(())
    }

    /// A transaction from the funding and a coin to a new funding and change, and what it spends.
    pub(crate) fn splice_transaction(&mut self, delta_sat: i64) -> (Transaction, Vec<TxOut>) {
        self.observed.splices += 1;
        let context = self.channel(Side::Member).context().unwrap();
        let from = funding_output(&context);
        let coin = Txid::from_byte_array(tagged_hash("test/coin", &[&self.observed.splices.to_be_bytes()]));
        let coin = OutPoint { txid: coin, vout: 7 };
        let script = close_script(Side::Member);
        let prevouts = vec![TxOut { value: Amount::from_sat(WALLET_SAT), script_pubkey: script.clone() }, from.clone()];
        let to_sat = from.value.to_sat().saturating_add_signed(delta_sat);
        let change_sat = WALLET_SAT.saturating_add_signed(-delta_sat) - 1_000;
        let input = |previous_output| TxIn {
            previous_output,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input(coin), input(context.funding)],
            output: vec![
                TxOut { value: Amount::from_sat(to_sat), script_pubkey: from.script_pubkey },
                TxOut { value: Amount::from_sat(change_sat), script_pubkey: script },
            ],
        };
        let known = &mut self.observed.prevouts;
        known.push((transaction.compute_txid(), prevouts.clone()));
        // Those before are of fundings that are spent since long.
        known.drain(..known.len().saturating_sub(4_096));
        (transaction, prevouts)
    }

    /// Whoever has the turn proposes what a splice needs.
    pub(crate) fn splice_on(&mut self, side: Side) {
        if let Some(change) = self.channel(side).due_splice_change() {
            let app = lane_position(self.observed.lane);
            let _ = self.propose(side, vec![change], app);
        }
    }

    /// Checks the old funding's signature. Both sides have commitments over the new one by now, even after a crash; unless one has
    /// seen another splice of the same funding confirmed and locked, so that this one can never be.
    pub(crate) fn note_splice(&mut self, transaction: Transaction) {
        let funding = OutPoint { txid: transaction.compute_txid(), vout: 0 };
        let announced = self.observed.prevouts.iter().rfind(|(txid, _)| *txid == funding.txid);
        let (at, prevouts) = (1, announced.expect("it was announced").1.clone());
        let from = prevouts[at].clone();
        let sighash = SighashCache::new(&transaction)
            .taproot_key_spend_signature_hash(at, &Prevouts::All(&prevouts), TapSighashType::Default)
            .unwrap();
        let signature = schnorr::Signature::from_slice(transaction.input[at].witness.nth(0).unwrap()).unwrap();
        let key = XOnlyPublicKey::from_slice(&from.script_pubkey.as_bytes()[2..]).unwrap();
        Secp256k1::new().verify_schnorr(&signature, &Message::from_digest(sighash.to_byte_array()), &key).unwrap();
        for side in [Side::Member, Side::Hub] {
            let stored = self.restored(side).unwrap();
            let is_over = stored.funding() != Some(transaction.input[at].previous_output);
            assert!(is_over || stored.fundings().contains(&funding), "no commitment over a signed splice");
        }
        let known = &mut self.observed.spliced;
        if !known.contains(&transaction) {
            known.push(transaction);
            // Those before are of fundings that are spent since long.
            known.drain(..known.len().saturating_sub(16));
        }
    }

    /// An output of a signed splice.
    pub(crate) fn spliced_output(&self, outpoint: OutPoint) -> Option<TxOut> {
        let splice = self.observed.spliced.iter().find(|tx| tx.compute_txid() == outpoint.txid)?;
        splice.output.get(outpoint.vout as usize).cloned()
    }

    /// The chain takes a signed splice of the present funding, and one side sees it.
    pub(crate) fn confirm_splice(&mut self, side: Side) {
        let phase = self.phase(side);
        if !matches!(phase, Some(Phase::Ready | Phase::Closing | Phase::ForceClosing)) {
            return;
        }
        let Some(base) = self.channel(side).funding() else { return };
        let spends = |tx: &&Transaction| tx.input.iter().any(|input| input.previous_output == base);
        let candidates: Vec<Transaction> = self.observed.spliced.iter().filter(spends).cloned().collect();
        // The first that was looked at is mined; the others can never be, nor can any when the channel was left.
        let mined = match self.observed.spent.get(&base) {
            Some(txid) => candidates.iter().find(|tx| tx.compute_txid() == *txid),
            None => candidates.last(),
        };
        let Some(mined) = mined else { return };
        let funding = OutPoint { txid: mined.compute_txid(), vout: 0 };
        if self.observed.spent.insert(base, funding.txid).is_none() {
            self.observed.left = Some(funding);
        }
        let output = mined.output[0].clone();
        if let Ok(effects) = self.channel(side).splice_confirmed(funding, &output, 1) {
            self.carry_out(side, effects);
        }
    }
}
