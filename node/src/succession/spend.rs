//! The treasurers' part of a succession: they spend the spare seal into the certificate, under whatever policy it lies.

use althing_anchor::{MIN_SEAL, SuccessionCertificate, Treasury, TreasuryCoin, coins_psbt, succession_outputs};
use anyhow::Context as _;
use bdk_wallet::miniscript::psbt::PsbtExt as _;
use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness};

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

/// The spare seal: at index 0 of a treasury that there was (T-6).
pub(super) fn spare_seal(shell: &Shell, outpoint: OutPoint) -> Result<Spare, ApiError> {
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
    let spare = spare_seal(shell, certificate.statement().spare_seal)?;
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
    let spare = spare_seal(shell, statement.spare_seal)?;
    let file = decode(psbt)?;
    let tx = &file.unsigned_tx;
    let value = |vout: usize| tx.output.get(vout).map_or(Amount::ZERO, |output| output.value);
    let wanted = succession_outputs(&certificate, value(0), value(1), spare.script());
    let kept = value(0).checked_add(value(1)).unwrap_or(Amount::MAX);
    // Whoever adds coins may take change, and nothing of the spare seal: a stated amount of theirs need not be true.
    let is_alone = tx.input.len() == 1 && tx.output.len() == wanted.len();
    let is_it = tx.output.starts_with(&wanted)
        && tx.input.first().is_some_and(|input| input.previous_output == statement.spare_seal)
        && value(1) >= MIN_SEAL
        && (is_alone || kept >= spare.output.value);
    if !is_it {
        return Err(ApiError::invalid("A-105", "A-105: the transaction is not the one that the certificate asks for"));
    }
    let mut words = words(statement);
    words.push(match spare.output.value.checked_sub(kept).filter(|_| is_alone) {
        Some(fee) => format!("The link pays a fee of {} sat out of the spare seal.", fee.to_sat()),
        None => "Whoever wrote the link pays its fee.".to_owned(),
    });
    words.push(format!("The new spare seal holds {} sat.", value(1).to_sat()));
    // Of the treasury's own input only what is known here is signed.
    let mut signed = spare.psbt(tx.clone())?;
    for (input, theirs) in signed.inputs.iter_mut().zip(&file.inputs).skip(1) {
        input.witness_utxo.clone_from(&theirs.witness_utxo);
        input.final_script_witness.clone_from(&theirs.final_script_witness);
    }
    Signer::new(&shell.keys).sign(&mut signed).map_err(|_| {
        let outpoint = statement.spare_seal;
        let message = format!("A-105: no key of this folder is among those that spend the spare seal {outpoint}");
        ApiError::invalid("A-105", message)
    })?;
    if only_review {
        return Ok(SuccessionAnswer { file: None, words, done: false });
    }
    words.push("Signed as a treasurer.".to_owned());
    Ok(SuccessionAnswer { file: Some(hex(&signed.serialize())), words, done: true })
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
