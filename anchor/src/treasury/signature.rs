//! Signatures of treasurers: verified on receipt, attributed to a key, put together (T-60 to T-64).

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::psbt::{Input, Output, Psbt};
use bitcoin::secp256k1::{Message, PublicKey, XOnlyPublicKey};
use bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Script, Sequence, Transaction, TxOut};
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::Semantic;
use miniscript::psbt::PsbtExt;
use thiserror::Error;

use super::descriptor::Treasury;
use super::explain::is_taproot;
use super::fields::{read_payout, write_payout};
use crate::curve::secp;

/// Most derivation hints that are read from one input or output.
const MAX_HINTS: usize = 32;

/// Which script of which treasury an output has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputOrigin {
    /// Index of the treasury among the generations.
    pub generation: usize,
    /// Derivation index.
    pub index: u32,
}

/// How far the signing of one generation's inputs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningStatus {
    /// Index of the treasury among the generations.
    pub generation: usize,
    /// Fewest further keys that have to sign; `None` when a wait that the transaction does not state is in the way.
    pub missing: Option<usize>,
    /// Keys, by their place in [`Treasury::keys`], that signed every input of this generation.
    pub signed: BTreeSet<usize>,
    /// Keys that signed some of them only.
    pub partly: BTreeSet<usize>,
}

impl SigningStatus {
    /// Whether enough keys signed.
    pub fn is_complete(&self) -> bool {
        self.missing == Some(0)
    }
}

/// Why signatures are not taken, or a transaction cannot be finished.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureRefusal {
    /// The signatures are for another transaction.
    #[error("T-62: the signatures are for transaction {theirs}, this session is about {ours}")]
    OtherTransaction {
        /// The session's.
        ours: bitcoin::Txid,
        /// The one signed.
        theirs: bitcoin::Txid,
    },
    /// What an input spends is not shown, or not the treasury's.
    #[error("T-60: input {input}: {problem}")]
    Input {
        /// Index of the input.
        input: usize,
        /// What is wrong.
        problem: String,
    },
    /// The payout beside a stage cannot be read.
    #[error("T-88: the payout cannot be read: {problem}")]
    Payout {
        /// The parser's message.
        problem: String,
    },
    /// A key that the treasury does not have.
    #[error("T-61: input {input} has a signature of key {key}, which is none of the treasury's")]
    ForeignKey {
        /// Index of the input.
        input: usize,
        /// The key.
        key: String,
    },
    /// A signature that does not verify.
    #[error("T-61: the signature of key {key} on input {input} is not good: {problem}")]
    Bad {
        /// Index of the input.
        input: usize,
        /// The key that it is said to be of.
        key: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Too few signatures, or a wait that is not over.
    #[error("T-64: the transaction is not complete: {reason}")]
    Incomplete {
        /// Of each input, what is missing.
        reason: String,
    },
}

/// Which output an input spends, as far as the PSBT shows it.
///
/// # Errors
/// What is missing or contradictory.
pub fn prevout_of(psbt: &Psbt, input: usize) -> Result<&TxOut, &'static str> {
    let (Some(fields), Some(txin)) = (psbt.inputs.get(input), psbt.unsigned_tx.input.get(input)) else {
        return Err("there is no such input");
    };
    let Some(transaction) = &fields.non_witness_utxo else {
        return fields.witness_utxo.as_ref().ok_or("neither the coin nor its transaction is there");
    };
    if transaction.compute_txid() != txin.previous_output.txid {
        return Err("the transaction shown has another id than the one spent");
    }
    let vout = usize::try_from(txin.previous_output.vout).unwrap_or(usize::MAX);
    let output = transaction.output.get(vout).ok_or("the transaction shown has no such output")?;
    match &fields.witness_utxo {
        Some(stated) if stated != output => Err("the amount or script stated is not that of the transaction shown"),
        _ => Ok(output),
    }
}

/// Where every input of a PSBT comes from.
///
/// # Errors
/// [`SignatureRefusal::Input`] for the first that is not the treasury's.
pub fn input_origins(psbt: &Psbt, generations: &[Treasury]) -> Result<Vec<InputOrigin>, SignatureRefusal> {
    (0..psbt.inputs.len())
        .map(|input| {
            let refuse = |problem: &str| SignatureRefusal::Input { input, problem: problem.to_owned() };
            let prevout = prevout_of(psbt, input).map_err(refuse)?;
            origin_of(prevout, &hints_of(&psbt.inputs[input]), generations)
                .ok_or_else(|| refuse("it is no coin of the treasury"))
        })
        .collect()
}

/// Where one input of a PSBT comes from; `None` when it is not shown or not the treasury's.
pub fn input_origin(psbt: &Psbt, input: usize, generations: &[Treasury]) -> Option<InputOrigin> {
    origin_of(prevout_of(psbt, input).ok()?, &hints_of(psbt.inputs.get(input)?), generations)
}

/// Which of the treasury's scripts an output of a PSBT has; `None` when it is another's.
pub fn output_origin(psbt: &Psbt, vout: usize, generations: &[Treasury]) -> Option<InputOrigin> {
    let hints = psbt.outputs.get(vout).map(output_hints).unwrap_or_default();
    origin_of(psbt.unsigned_tx.output.get(vout)?, &hints, generations)
}

/// Verifies every signature in a PSBT, and in the payout beside it, and says which keys they are of.
///
/// `generations` are all policies whose coins may be spent: the treasuries that there were, and the stages (T-86).
///
/// # Errors
/// [`SignatureRefusal`] for the first that is not good.
pub fn verify_signatures(psbt: &Psbt, generations: &[Treasury]) -> Result<Vec<SigningStatus>, SignatureRefusal> {
    let mut found = verify_one(psbt, generations)?;
    if let Some(payout) = payout_of(psbt)? {
        found.extend(verify_one(&payout, generations)?);
    }
    Ok(found)
}

/// The payout beside a stage transaction (T-87).
fn payout_of(psbt: &Psbt) -> Result<Option<Psbt>, SignatureRefusal> {
    read_payout(psbt).map_err(|error| SignatureRefusal::Payout { problem: error })
}

fn verify_one(psbt: &Psbt, generations: &[Treasury]) -> Result<Vec<SigningStatus>, SignatureRefusal> {
    let origins = input_origins(psbt, generations)?;
    let mut prevouts = Vec::new();
    for input in 0..psbt.inputs.len() {
        let refuse = |problem: &str| SignatureRefusal::Input { input, problem: problem.to_owned() };
        prevouts.push(prevout_of(psbt, input).map_err(refuse)?);
    }
    let mut signed: BTreeMap<usize, Vec<BTreeSet<usize>>> = BTreeMap::new();
    let mut missing: BTreeMap<usize, Option<usize>> = BTreeMap::new();
    for (input, origin) in origins.iter().enumerate() {
        let keys = input_keys(input, origin, generations)?;
        let taproot = is_taproot(generations[origin.generation].descriptor());
        let by = match taproot {
            true => taproot_signers(psbt, input, &prevouts, &keys)?,
            false => ecdsa_signers(psbt, input, prevouts[input], origin, generations, &keys)?,
        };
        let treasury = &generations[origin.generation];
        let rest = psbt.unsigned_tx.input.get(input).map_or(0, |txin| rest_of(txin.sequence));
        let of_input = further_keys(
            treasury.condition(),
            &|key| treasury.keys().iter().position(|own| own == key).is_some_and(|place| by.contains(&place)),
            rest,
        );
        let before = missing.entry(origin.generation).or_insert(Some(0));
        *before = before.and_then(|before| Some(before.max(of_input?)));
        signed.entry(origin.generation).or_default().push(by);
    }
    Ok(signed
        .into_iter()
        .map(|(generation, inputs)| {
            let any: BTreeSet<usize> = inputs.iter().flatten().copied().collect();
            let all = |key: &usize| inputs.iter().all(|input| input.contains(key));
            let (signed, partly) = any.into_iter().partition(all);
            let missing = missing.get(&generation).copied().flatten();
            SigningStatus { generation, missing, signed, partly }
        })
        .collect())
}

/// Takes the signatures of `theirs` into `ours`, each verified first. Nothing else of `theirs` is taken.
///
/// # Errors
/// [`SignatureRefusal`]; `ours` is then as it was.
pub fn merge_signatures(
    ours: &mut Psbt,
    theirs: &Psbt,
    generations: &[Treasury],
) -> Result<Vec<SigningStatus>, SignatureRefusal> {
    let (mut merged, own) = (ours.clone(), payout_of(ours)?);
    // A signer that knows nothing of pairs signs the payout as a file of its own.
    let is_payout = own.as_ref().is_some_and(|own| own.unsigned_tx.compute_txid() == theirs.unsigned_tx.compute_txid());
    if !is_payout {
        take_signatures(&mut merged, theirs)?;
    }
    let other = if is_payout { Some(theirs.clone()) } else { payout_of(theirs)? };
    if let (Some(mut own), Some(other)) = (own, other) {
        take_signatures(&mut own, &other)?;
        write_payout(&mut merged, &own);
    }
    let status = verify_signatures(&merged, generations)?;
    *ours = merged;
    Ok(status)
}

/// T-62: only of the same transaction.
fn take_signatures(ours: &mut Psbt, theirs: &Psbt) -> Result<(), SignatureRefusal> {
    let ids = (ours.unsigned_tx.compute_txid(), theirs.unsigned_tx.compute_txid());
    if ids.0 != ids.1 {
        return Err(SignatureRefusal::OtherTransaction { ours: ids.0, theirs: ids.1 });
    }
    for (input, fields) in ours.inputs.iter_mut().zip(&theirs.inputs) {
        let ecdsa = fields.partial_sigs.iter().map(|(key, signature)| (*key, *signature));
        input.partial_sigs.extend(ecdsa);
        input.tap_script_sigs.extend(fields.tap_script_sigs.iter().map(|(key, signature)| (*key, *signature)));
    }
    Ok(())
}

/// T-89: the finished payout of a stage transaction; `None` when there is none beside it.
///
/// # Errors
/// [`SignatureRefusal`], what is missing.
pub fn finalise_payout(psbt: &Psbt, generations: &[Treasury]) -> Result<Option<Transaction>, SignatureRefusal> {
    payout_of(psbt)?.map(|payout| finalise_one(&payout, generations)).transpose()
}

/// Puts the signatures into witnesses; the transaction can be broadcast. Of a staged payment it is the stage, which is not
/// finished before its payout: what rests would else hang on the good will of those who have not signed yet (T-89).
///
/// # Errors
/// [`SignatureRefusal`], what is missing.
pub fn finalise(psbt: &Psbt, generations: &[Treasury]) -> Result<Transaction, SignatureRefusal> {
    finalise_payout(psbt, generations)?;
    finalise_one(psbt, generations)
}

fn finalise_one(psbt: &Psbt, generations: &[Treasury]) -> Result<Transaction, SignatureRefusal> {
    verify_one(psbt, generations)?;
    let incomplete = |reason: String| SignatureRefusal::Incomplete { reason };
    let mut psbt = psbt.clone();
    psbt.finalize_mut(secp())
        .map_err(|errors| incomplete(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    psbt.extract(secp()).map_err(|error| incomplete(error.to_string()))
}

/// The treasury and derivation index of an output; the newest generation that has its script.
pub(super) fn origin_of(output: &TxOut, hints: &[u32], generations: &[Treasury]) -> Option<InputOrigin> {
    generations.iter().enumerate().rev().find_map(|(generation, treasury)| {
        let index = treasury.index_of(&output.script_pubkey, hints.iter().copied())?;
        Some(InputOrigin { generation, index })
    })
}

/// Derivation indexes that an input's key origins name. They are hints: what counts is the script.
pub(super) fn hints_of(input: &Input) -> Vec<u32> {
    let ecdsa = input.bip32_derivation.values().map(|(_, path)| path);
    last_steps(ecdsa.chain(input.tap_key_origins.values().map(|(_, (_, path))| path)))
}

/// The same for an output.
pub(super) fn output_hints(output: &Output) -> Vec<u32> {
    let ecdsa = output.bip32_derivation.values().map(|(_, path)| path);
    last_steps(ecdsa.chain(output.tap_key_origins.values().map(|(_, (_, path))| path)))
}

/// T-50: a signature type, asked for or present, that covers less than the whole transaction.
pub(super) fn sighash_problem(input: &Input) -> Option<String> {
    // 0 is DEFAULT, which exists for P2TR and covers everything, as 1, ALL, does.
    let covers_all = |number: u32| number <= 1;
    let asked = input.sighash_type.map(bitcoin::psbt::PsbtSighashType::to_u32).filter(|asked| !covers_all(*asked));
    if let Some(asked) = asked {
        return Some(format!("{asked:#04x}"));
    }
    let ecdsa = input.partial_sigs.values().map(|signature| signature.sighash_type);
    if let Some(other) = ecdsa.into_iter().find(|kind| *kind != EcdsaSighashType::All) {
        return Some(other.to_string());
    }
    let schnorr = input.tap_script_sigs.values().chain(&input.tap_key_sig).map(|signature| signature.sighash_type);
    let whole = [TapSighashType::Default, TapSighashType::All];
    schnorr.into_iter().find(|kind| !whole.contains(kind)).map(|kind| kind.to_string())
}

/// Blocks of rest that a sequence states (BIP68).
fn rest_of(sequence: Sequence) -> u32 {
    match sequence.to_relative_lock_time() {
        Some(bitcoin::relative::LockTime::Blocks(blocks)) => u32::from(blocks.value()),
        _ => 0,
    }
}

/// The fewest keys that have to sign beside those that did; `None` when only a longer rest would do.
fn further_keys(
    condition: &Semantic<DescriptorPublicKey>,
    has_signed: &impl Fn(&DescriptorPublicKey) -> bool,
    rest: u32,
) -> Option<usize> {
    match condition {
        Semantic::Key(key) => Some(usize::from(!has_signed(key))),
        Semantic::Older(wait) => (wait.to_consensus_u32() <= rest).then_some(0),
        Semantic::Thresh(threshold) => {
            let mut costs: Vec<usize> =
                threshold.iter().filter_map(|item| further_keys(item, has_signed, rest)).collect();
            costs.sort_unstable();
            (costs.len() >= threshold.k()).then(|| costs.iter().take(threshold.k()).sum())
        }
        _ => None,
    }
}

fn last_steps<'a>(paths: impl Iterator<Item = &'a bitcoin::bip32::DerivationPath>) -> Vec<u32> {
    let mut hints = BTreeSet::new();
    for path in paths.take(MAX_HINTS) {
        if let Some(bitcoin::bip32::ChildNumber::Normal { index }) = path.into_iter().last() {
            hints.insert(*index);
        }
    }
    hints.into_iter().collect()
}

fn input_keys(
    input: usize,
    origin: &InputOrigin,
    generations: &[Treasury],
) -> Result<Vec<PublicKey>, SignatureRefusal> {
    generations[origin.generation]
        .public_keys_at(origin.index)
        .map_err(|error| SignatureRefusal::Input { input, problem: error.to_string() })
}

fn ecdsa_signers(
    psbt: &Psbt,
    input: usize,
    prevout: &TxOut,
    origin: &InputOrigin,
    generations: &[Treasury],
    keys: &[PublicKey],
) -> Result<BTreeSet<usize>, SignatureRefusal> {
    let definite = generations[origin.generation].at(origin.index);
    let script = definite.ok().and_then(|definite| definite.explicit_script().ok());
    let script = script.ok_or_else(|| SignatureRefusal::Input { input, problem: "it has no script".to_owned() })?;
    let mut signers = BTreeSet::new();
    for (key, signature) in &psbt.inputs[input].partial_sigs {
        let place = keys.iter().position(|own| *own == key.inner);
        let place = place.ok_or_else(|| SignatureRefusal::ForeignKey { input, key: key.to_string() })?;
        let bad = |problem| SignatureRefusal::Bad { input, key: key.to_string(), problem };
        if signature.sighash_type != EcdsaSighashType::All {
            return Err(bad("it does not cover the whole transaction"));
        }
        let message = wsh_message(&psbt.unsigned_tx, input, &script, prevout, signature.sighash_type);
        let message = message.ok_or_else(|| bad("there is nothing to sign"))?;
        let good = secp().verify_ecdsa(&message, &signature.signature, &key.inner).is_ok();
        if !good {
            return Err(bad("it is not by this key for this transaction"));
        }
        signers.insert(place);
    }
    Ok(signers)
}

fn taproot_signers(
    psbt: &Psbt,
    input: usize,
    prevouts: &[&TxOut],
    keys: &[PublicKey],
) -> Result<BTreeSet<usize>, SignatureRefusal> {
    let mut signers = BTreeSet::new();
    if psbt.inputs[input].tap_key_sig.is_some() {
        let problem = "a key path signature, but nobody has that key".to_owned();
        return Err(SignatureRefusal::Input { input, problem });
    }
    for ((key, leaf), signature) in &psbt.inputs[input].tap_script_sigs {
        let place = place_of(keys, key);
        let place = place.ok_or_else(|| SignatureRefusal::ForeignKey { input, key: key.to_string() })?;
        let bad = |problem| SignatureRefusal::Bad { input, key: key.to_string(), problem };
        if !matches!(signature.sighash_type, TapSighashType::Default | TapSighashType::All) {
            return Err(bad("it does not cover the whole transaction"));
        }
        let message = tap_message(&psbt.unsigned_tx, input, prevouts, *leaf, signature.sighash_type);
        let message = message.ok_or_else(|| bad("there is nothing to sign"))?;
        if secp().verify_schnorr(&signature.signature, &message, key).is_err() {
            return Err(bad("it is not by this key for this transaction"));
        }
        signers.insert(place);
    }
    Ok(signers)
}

pub(super) fn place_of(keys: &[PublicKey], key: &XOnlyPublicKey) -> Option<usize> {
    keys.iter().position(|own| own.x_only_public_key().0 == *key)
}

pub(super) fn wsh_message(
    transaction: &Transaction,
    input: usize,
    script: &Script,
    prevout: &TxOut,
    kind: EcdsaSighashType,
) -> Option<Message> {
    let mut cache = SighashCache::new(transaction);
    cache.p2wsh_signature_hash(input, script, prevout.value, kind).ok().map(Message::from)
}

pub(super) fn tap_message(
    transaction: &Transaction,
    input: usize,
    prevouts: &[&TxOut],
    leaf: TapLeafHash,
    kind: TapSighashType,
) -> Option<Message> {
    let mut cache = SighashCache::new(transaction);
    let hash = cache.taproot_script_spend_signature_hash(input, &Prevouts::All(prevouts), leaf, kind);
    hash.ok().map(Message::from)
}
