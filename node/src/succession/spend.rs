//! The treasurers' part of a succession: they spend the spare seal into the certificate, under whatever policy it lies.

use althing_anchor::{
    MIN_SEAL, SuccessionCertificate, SuccessionStatement, Treasury, TreasuryCoin, coins_psbt, succession_outputs,
};
use anyhow::Context as _;
use bdk_wallet::miniscript::psbt::PsbtExt as _;
use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};

use super::{bytes, weighed, words};
use crate::api::{ApiError, SuccessionAnswer};
use crate::keys::hex;
use crate::proof::created;
use crate::shell::Shell;
use crate::treasury::key::Signer;

/// What stays in a spare seal that pays the fee: a wallet can pay the next time.
const SPARE_SEAL: Amount = Amount::from_sat(1000);

/// The spare seal as a coin of the treasury.
pub(super) struct Spare {
    coin: TreasuryCoin,
    output: TxOut,
    treasury: Treasury,
}

impl Spare {
    /// Its script.
    pub(super) fn script(&self) -> ScriptBuf {
        self.output.script_pubkey.clone()
    }

    /// A PSBT of a transaction that spends it.
    fn psbt(&self, tx: Transaction) -> Result<Psbt, ApiError> {
        let psbt = coins_psbt(&self.treasury, tx, &[&self.coin]);
        psbt.map_err(|error| ApiError::invalid("A-105", format!("A-105: the spare seal cannot be spent: {error}")))
    }
}

/// The spare seal where it is now for who goes on as the statement says: at index 0 of a treasury that there was (T-6).
fn spare_seal(shell: &Shell, statement: &SuccessionStatement) -> Result<Spare, ApiError> {
    let outpoint = shell.spare_seal_behind(statement.spare_seal, statement.last_link)?.now.outpoint;
    let transaction = match outpoint.txid == shell.dao.params.first_seal.txid {
        true => shell.dao.genesis_tx.clone(),
        false => created(shell, outpoint)?.transaction().clone(),
    };
    let place = usize::try_from(outpoint.vout).unwrap_or(usize::MAX);
    let output = transaction.output.get(place).context("there is no such spare seal")?.clone();
    let mut generations = shell.treasury.treasuries().into_iter().enumerate();
    let owner = generations.find_map(|(generation, treasury)| {
        let index = treasury.index_of(&output.script_pubkey, [0])?;
        Some((generation, index, treasury))
    });
    let (generation, index, treasury) = owner.ok_or_else(|| {
        ApiError::invalid("A-105", format!("A-105: the spare seal {outpoint} has no script of a treasury known here"))
    })?;
    Ok(Spare { coin: TreasuryCoin { outpoint, transaction, generation, index }, output, treasury })
}

/// The transaction that treasurers have to sign: it spends the spare seal into the certificate. This node's wallet pays the fee,
/// so that the spare seal stays whole for the next time; where it cannot, the spare seal does.
pub(super) fn write(shell: &mut Shell, certificate: &str, fee_rate_sat_vb: u64) -> Result<SuccessionAnswer, ApiError> {
    let certificate = weighed(shell, certificate)?;
    let spare = spare_seal(shell, certificate.statement())?;
    let rate = FeeRate::from_sat_per_vb(fee_rate_sat_vb)
        .ok_or_else(|| ApiError::invalid("N-60", format!("N-60: {fee_rate_sat_vb} sat/vB is no fee rate")))?;
    let witness = spare.treasury.descriptor().max_weight_to_satisfy().map_err(anyhow::Error::from)?;
    // Enough for the next hub's first links; it tops the seal up from its wallet.
    let seal = spare.output.value.max(MIN_SEAL);
    let outputs = succession_outputs(&certificate, seal, spare.output.value, spare.script());
    let from = (spare.coin.outpoint, spare.output.clone(), witness);
    let promised = shell.stakes.promised_coins();
    let (psbt, how) = match shell.wallet.spend_beside(from, &outputs, rate, promised) {
        Ok((tx, prevouts)) => (beside(shell, &spare, &tx, &prevouts)?, "This node's wallet pays the fee.".to_owned()),
        Err(error) => {
            let Some(psbt) = alone(&certificate, &spare, rate, witness)? else {
                let message = format!(
                    "A-105: the spare seal holds {} sat, which does not pay a fee at {fee_rate_sat_vb} sat/vB and two seals, and this node's \
                     wallet does not either: {error:#}. Send it coins (althing wallet address)",
                    spare.output.value.to_sat()
                );
                return Err(ApiError { rule: Some("A-105".into()), ..ApiError::not_now(message) });
            };
            (psbt, format!("The spare seal pays the fee, since {error:#}."))
        }
    };
    let txid = psbt.unsigned_tx.compute_txid();
    let words = vec![format!("The succession link {txid} waits for the treasurers."), how];
    Ok(SuccessionAnswer { file: Some(hex(&psbt.serialize())), words, done: true })
}

/// With coins of the wallet, which signs its inputs now: they hold for this transaction alone.
fn beside(shell: &Shell, spare: &Spare, tx: &Transaction, prevouts: &[TxOut]) -> Result<Psbt, ApiError> {
    let mut psbt = spare.psbt(tx.clone())?;
    // The treasurers' witness is not there yet; anything in its place leaves the input to them.
    let mut signed = tx.clone();
    signed.input[0].witness = Witness::from_slice(&[[0u8; 1]]);
    let signed = shell.wallet.sign_own_inputs(&signed, prevouts)?;
    for ((input, prevout), signed) in psbt.inputs.iter_mut().zip(prevouts).zip(&signed.input).skip(1) {
        input.witness_utxo = Some(prevout.clone());
        input.final_script_witness = Some(signed.witness.clone());
    }
    Ok(psbt)
}

/// Of the spare seal alone; `None` where it holds too little.
fn alone(
    certificate: &SuccessionCertificate,
    spare: &Spare,
    rate: FeeRate,
    witness: Weight,
) -> Result<Option<Psbt>, ApiError> {
    let input = TxIn {
        previous_output: spare.coin.outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    let output = succession_outputs(certificate, MIN_SEAL, SPARE_SEAL, spare.script());
    let mut tx =
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input: vec![input], output: output.into() };
    let fee = (tx.weight() + witness).to_vbytes_ceil().checked_mul(rate.to_sat_per_vb_ceil()).map(Amount::from_sat);
    let rest = fee.and_then(|fee| spare.output.value.checked_sub(fee)).and_then(|rest| rest.checked_sub(SPARE_SEAL));
    let Some(rest) = rest.filter(|rest| *rest >= MIN_SEAL) else { return Ok(None) };
    tx.output[0].value = rest;
    spare.psbt(tx).map(Some)
}

/// Signs it as this treasurer, if it is what the certificate asks for.
pub(super) fn cosign(
    shell: &Shell,
    certificate: &str,
    psbt: &str,
    only_review: bool,
) -> Result<SuccessionAnswer, ApiError> {
    let certificate = weighed(shell, certificate)?;
    let statement = certificate.statement();
    let spare = spare_seal(shell, statement)?;
    let file = decode(psbt)?;
    let tx = &file.unsigned_tx;
    let asked = asked(tx, &certificate, &spare).ok_or_else(|| {
        ApiError::invalid("A-105", "A-105: the transaction is not the one that the certificate asks for")
    })?;
    let mut words = words(statement);
    words.push(match asked.fee {
        Some(fee) => format!("The link pays a fee of {} sat out of the spare seal.", fee.to_sat()),
        None => "Whoever wrote the link pays its fee.".to_owned(),
    });
    words.push(format!("The new spare seal holds {} sat.", asked.spare_seal.to_sat()));
    // Of the treasury's own input only what is known here is signed.
    let mut signed = spare.psbt(tx.clone())?;
    for (input, theirs) in signed.inputs.iter_mut().zip(&file.inputs).skip(1) {
        input.witness_utxo.clone_from(&theirs.witness_utxo);
        input.final_script_witness.clone_from(&theirs.final_script_witness);
    }
    Signer::new(&shell.keys).sign(&mut signed).map_err(|_| {
        let outpoint = spare.coin.outpoint;
        let message = format!("A-105: no key of this folder is among those that spend the spare seal {outpoint}");
        ApiError::invalid("A-105", message)
    })?;
    if only_review {
        return Ok(SuccessionAnswer { file: None, words, done: false });
    }
    words.push("Signed as a treasurer.".to_owned());
    Ok(SuccessionAnswer { file: Some(hex(&signed.serialize())), words, done: true })
}

/// A transaction that a certificate asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// What the spare seal pays, where it stands alone.
    fee: Option<Amount>,
    /// What the new one holds.
    spare_seal: Amount,
}

/// whether a treasurer signs this.
fn asked(tx: &Transaction, certificate: &SuccessionCertificate, seal: &Spare) -> Option<Asked> {
    let spare = &seal.output;
    let value = |vout: usize| tx.output.get(vout).map_or(Amount::ZERO, |output| output.value);
    let wanted = succession_outputs(certificate, value(0), value(1), spare.script_pubkey.clone());
    let kept = value(0).checked_add(value(1)).unwrap_or(Amount::MAX);
    // Whoever adds coins may take change, and nothing of the spare seal: a stated amount of theirs need not be true.
    let is_alone = tx.input.len() == 1 && tx.output.len() == wanted.len();
    let is_it = tx.output.starts_with(&wanted)
        && tx.input.first().is_some_and(|input| input.previous_output == seal.coin.outpoint)
        && value(1) >= MIN_SEAL
        && (is_alone || kept >= spare.value);
    let fee = spare.value.checked_sub(kept).filter(|_| is_alone);
    is_it.then_some(Asked { fee, spare_seal: value(1) })
}

/// Puts the treasurers' signatures together and broadcasts the link.
pub(super) fn publish(shell: &Shell, psbts: &[String]) -> Result<SuccessionAnswer, ApiError> {
    let mut parts = psbts.iter().map(|psbt| decode(psbt));
    let mut psbt =
        parts.next().ok_or_else(|| ApiError::invalid("A-105", "A-105: no signed transaction is given"))??;
    for part in parts {
        psbt.combine(part?).map_err(|error| ApiError::invalid("A-105", format!("A-105: {error}")))?;
    }
    psbt.finalize_inp_mut(&Secp256k1::verification_only(), 0).map_err(|error| {
        let message =
            format!("A-105: fewer treasurers have signed than the policy of the spare seal asks for: {error}");
        ApiError { rule: Some("A-105".into()), ..ApiError::not_now(message) }
    })?;
    let tx = psbt.extract_tx_unchecked_fee_rate();
    let txid = shell.bitcoind.submit(&tx).map_err(|error| ApiError::not_now(error.to_string()))?;
    Ok(SuccessionAnswer { file: None, words: vec![format!("The succession link {txid} is broadcast.")], done: true })
}

fn decode(text: &str) -> Result<Psbt, ApiError> {
    Psbt::deserialize(&bytes(text)?).map_err(|error| ApiError::invalid("A-105", format!("A-105: no PSBT: {error}")))
}

#[cfg(test)]
mod tests {
    use althing_anchor::Commitment;
    use bitcoin::hashes::Hash as _;
    use bitcoin::secp256k1::{Keypair, PublicKey};
    use bitcoin::{OutPoint, Txid};

    use super::*;

    fn key(number: u8) -> PublicKey {
        Keypair::from_seckey_slice(&Secp256k1::new(), &[number; 32]).unwrap().public_key()
    }

    /// A spare seal of two treasurers, and a certificate over it.
    fn staged(sat: u64) -> (Spare, SuccessionCertificate) {
        let descriptor = format!("wsh(sortedmulti(2,{},{}))", key(1), key(2));
        let treasury = Treasury::parse(&descriptor).unwrap();
        let output = TxOut { value: Amount::from_sat(sat), script_pubkey: treasury.script_at(0).unwrap() };
        let transaction = transaction(&[OutPoint::null()], vec![output.clone()]);
        let outpoint = OutPoint { txid: transaction.compute_txid(), vout: 0 };
        let certificate = SuccessionCertificate::new(SuccessionStatement {
            dao: [1; 32],
            last_link: 3,
            last_txid: Txid::all_zeros(),
            last_commitment: Commitment::new([2; 32]),
            spare_seal: outpoint,
            hub_key: key(3).x_only_public_key().0,
            hub_node_key: key(4),
            anchor_key: key(5).x_only_public_key().0,
            log_size: 9,
            log_root: [3; 32],
        });
        (Spare { coin: TreasuryCoin { outpoint, transaction, generation: 0, index: 0 }, output, treasury }, certificate)
    }

    fn transaction(inputs: &[OutPoint], output: Vec<TxOut>) -> Transaction {
        let spending = |previous_output: &OutPoint| TxIn { previous_output: *previous_output, ..TxIn::default() };
        let input = inputs.iter().map(spending).collect();
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
    }

    /// nobody takes of the spare seal by a coin beside it.
    #[test]
    fn a_treasurer_signs_what_the_certificate_asks_for_and_nothing_that_takes_of_the_spare_seal() {
        let (spare, certificate) = staged(10_000);
        let seal = spare.coin.outpoint;
        let coin = OutPoint { txid: Txid::all_zeros(), vout: 7 };
        let change = TxOut { value: Amount::from_sat(5_000), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
        let link = |first: u64, second: u64| {
            succession_outputs(&certificate, Amount::from_sat(first), Amount::from_sat(second), spare.script()).to_vec()
        };
        let judged =
            |inputs: &[OutPoint], outputs: Vec<TxOut>| asked(&transaction(inputs, outputs), &certificate, &spare);
        let with_change = |outputs: Vec<TxOut>| [outputs, vec![change.clone()]].concat();
        let signed = |fee: Option<u64>, kept: u64| {
            Some(Asked { fee: fee.map(Amount::from_sat), spare_seal: Amount::from_sat(kept) })
        };
        assert_eq!(judged(&[seal], link(8_000, 1_000)), signed(Some(1_000), 1_000), "alone, it pays the fee");
        assert_eq!(judged(&[seal, coin], with_change(link(330, 10_000))), signed(None, 10_000), "a wallet pays");
        assert_eq!(judged(&[seal, coin], link(9_000, 1_000)), signed(None, 1_000), "to the satoshi");
        assert_eq!(judged(&[seal, coin], with_change(link(8_999, 1_000))), None, "a siphon by a coin and its change");
        assert_eq!(judged(&[seal, coin], link(8_999, 1_000)), None, "a siphon by a coin");
        assert_eq!(judged(&[seal], with_change(link(4_000, 1_000))), None, "a siphon by a third output");
        assert_eq!(judged(&[seal], link(8_000, 329)), None, "no new spare seal");
        assert_eq!(judged(&[coin, seal], link(8_000, 1_000)), None, "not at input 0");
        assert_eq!(judged(&[], link(8_000, 1_000)), None, "no input");
        assert_eq!(judged(&[seal], link(8_000, 1_000)[..1].to_vec()), None, "one output");
        let mut turned = link(8_000, 1_000);
        turned.swap(0, 1);
        assert_eq!(judged(&[seal], turned), None, "another order");
        let (_, other) = staged(9_999);
        let others =
            succession_outputs(&other, Amount::from_sat(8_000), Amount::from_sat(1_000), spare.script()).to_vec();
        assert_eq!(judged(&[seal], others), None, "another certificate");
    }

    /// A spare seal that stands alone pays the fee that was asked for and keeps what a wallet can add to; a poorer one is left as it is.
    #[test]
    fn a_spare_seal_alone_pays_for_itself_or_not_at_all() {
        let rate = FeeRate::from_sat_per_vb(5).unwrap();
        let made = |sat: u64| {
            let (spare, certificate) = staged(sat);
            let witness = spare.treasury.descriptor().max_weight_to_satisfy().unwrap();
            let psbt = alone(&certificate, &spare, rate, witness).unwrap();
            let judged = psbt.as_ref().map(|psbt| asked(&psbt.unsigned_tx, &certificate, &spare).unwrap());
            let size = psbt.as_ref().map(|psbt| (psbt.unsigned_tx.weight() + witness).to_vbytes_ceil());
            (psbt, judged, size)
        };
        let (psbt, judged, size) = made(100_000);
        let (fee, psbt) = (5 * size.unwrap(), psbt.unwrap());
        assert_eq!(judged, Some(Asked { fee: Some(Amount::from_sat(fee)), spare_seal: SPARE_SEAL }));
        assert_eq!(psbt.unsigned_tx.output[0].value.to_sat(), 100_000 - fee - SPARE_SEAL.to_sat());
        let least = fee + SPARE_SEAL.to_sat() + MIN_SEAL.to_sat();
        assert_eq!(made(least).0.unwrap().unsigned_tx.output[0].value, MIN_SEAL);
        for sat in [least - 1, SPARE_SEAL.to_sat(), 0] {
            assert_eq!(made(sat).0, None, "{sat}");
        }
    }
}
