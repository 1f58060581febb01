//! Commitment transactions: what either side can put on chain alone. Clauses C-20 to C-25.

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{PublicKey, schnorr};
use bitcoin::sighash::{Prevouts, SighashCache, TapSighashType};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use lightning::impl_writeable_tlv_based;
use lightning::ln::chan_utils::get_commitment_transaction_number_obscure_factor;

use crate::ids::{ChannelParams, DUST_SAT, MAX_MONEY_SAT, P2A_MAX_SAT};
use crate::keys::{ChannelPublicKeys, MAX_COMMITMENT_NUMBER};
use crate::musig::FundingAggregate;
use crate::scripts::{ToLocal, anchor_script, to_remote_script};

/// One of the two sides of a channel. Clause C-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The member: funds the channel and pays for closing it.
    Member,
    /// The hub.
    Hub,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Member => Self::Hub,
            Self::Hub => Self::Member,
        }
    }
}

/// What every commitment over one funding output shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitmentContext {
    /// Agreed amounts and locks; the amounts fix the funding output's value.
    pub params: ChannelParams,
    /// The member's public keys.
    pub member: ChannelPublicKeys,
    /// The hub's public keys.
    pub hub: ChannelPublicKeys,
    /// The funding output that is spent.
    pub funding: OutPoint,
    /// Of both funding keys; kept, because every commitment and every signature needs it.
    aggregate: FundingAggregate,
}

impl CommitmentContext {
    /// Of both sides' keys, over a funding output.
    pub fn new(params: ChannelParams, member: ChannelPublicKeys, hub: ChannelPublicKeys, funding: OutPoint) -> Self {
        Self { params, member, hub, funding, aggregate: FundingAggregate::new(&member.funding, &hub.funding) }
    }

    /// The same over another funding output.
    #[must_use]
    pub fn over(self, funding: OutPoint) -> Self {
        Self { funding, ..self }
    }

    /// The key of the funding output, with which both sign together.
    pub fn aggregate(&self) -> &FundingAggregate {
        &self.aggregate
    }
}

/// How the funding value is divided at one commitment number, in satoshis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// The member's part.
    pub member_sat: u64,
    /// The hub's part.
    pub hub_sat: u64,
}

impl_writeable_tlv_based!(Balances, {
    (0, member_sat, required),
    (2, hub_sat, required),
});

/// Why amounts cannot be written as a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The parts do not add up to the funding value.
    #[error("C-23: {member_sat} + {hub_sat} sat is not the funding value {capacity_sat} sat")]
    Sum {
        /// The member's part.
        member_sat: u64,
        /// The hub's part.
        hub_sat: u64,
        /// What the funding output holds.
        capacity_sat: u64,
    },
    /// Outputs too small to stand alone exceed what the anchor may take in.
    #[error("C-22: {trimmed_sat} sat in outputs below {DUST_SAT} sat; the anchor takes at most {P2A_MAX_SAT} sat")]
    Dust {
        /// Sum of the outputs that would be left out.
        trimmed_sat: u64,
    },
    /// Neither side has an output.
    #[error("C-23: no side has an output of at least {DUST_SAT} sat")]
    NoOutput,
    /// The two parts are more bitcoin than there is.
    #[error("C-10: {member_sat} + {hub_sat} sat is more than all bitcoin")]
    TooLarge {
        /// The member's part.
        member_sat: u64,
        /// The hub's part.
        hub_sat: u64,
    },
    /// The commitment number does not fit 48 bits.
    #[error("C-24: commitment number {number} is above {MAX_COMMITMENT_NUMBER}")]
    Number {
        /// The number asked for.
        number: u64,
    },
}

impl AmountError {
    /// Number of the clause, such as `C-22`.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Dust { .. } => "C-22",
            Self::Sum { .. } | Self::NoOutput => "C-23",
            Self::Number { .. } => "C-24",
            Self::TooLarge { .. } => "C-10",
        }
    }
}

/// An unsigned commitment transaction and what is needed to sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentTx {
    transaction: Transaction,
    sighash: [u8; 32],
}

impl CommitmentTx {
    /// Builds commitment `number` that `broadcaster` can publish.
    ///
    /// `point` is the broadcaster's per-commitment point of that number.
    ///
    /// # Errors
    /// [`AmountError`] when the balances break C-22 or C-23, or the number C-24.
    pub fn build(
        context: &CommitmentContext,
        broadcaster: Side,
        number: u64,
        point: &PublicKey,
        balances: Balances,
    ) -> Result<Self, AmountError> {
        let anchor_sat = check_amounts(&context.params, balances)?;
        if number > MAX_COMMITMENT_NUMBER {
            return Err(AmountError::Number { number }); // C-24
        }
        let transaction = Transaction {
            version: Version::non_standard(3), // C-25: TRUC (BIP431), so that a package can always be relayed
            lock_time: lock_time(context, number),
            input: vec![TxIn {
                previous_output: context.funding,
                script_sig: ScriptBuf::new(),
                sequence: sequence(context, number),
                witness: Witness::new(),
            }],
            output: outputs(context, broadcaster, point, balances, anchor_sat),
        };
        let sighash = key_spend_sighash(&transaction, &funding_output(context));
        Ok(Self { transaction, sighash })
    }

    /// The transaction without witness.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Its transaction id; the witness does not change it.
    pub fn txid(&self) -> Txid {
        self.transaction.compute_txid()
    }

    /// BIP341 key-path message, SIGHASH_DEFAULT.
    pub fn sighash(&self) -> [u8; 32] {
        self.sighash
    }

    /// The transaction with its witness.
    pub fn into_signed(mut self, signature: &schnorr::Signature) -> Transaction {
        self.transaction.input[0].witness = key_spend_witness(signature);
        self.transaction
    }
}

/// The funding output as it must stand on chain.
///
/// A sum beyond all bitcoin never gets here: [`ChannelParams::capacity_sat`] is checked when a channel is opened.
pub fn funding_output(context: &CommitmentContext) -> TxOut {
    let ChannelParams { member_sat, hub_sat, .. } = context.params;
    TxOut {
        value: Amount::from_sat(member_sat.saturating_add(hub_sat)),
        script_pubkey: context.aggregate.script_pubkey(),
    }
}

/// Checks balances against the funding value and the dust rules; returns the value of the anchor output.
///
/// # Errors
/// [`AmountError`] naming C-10, C-22 or C-23.
pub fn check_amounts(params: &ChannelParams, balances: Balances) -> Result<u64, AmountError> {
    let Balances { member_sat, hub_sat } = balances;
    let capacity_sat = params
        .capacity_sat()
        .ok_or(AmountError::TooLarge { member_sat: params.member_sat, hub_sat: params.hub_sat })?;
    if member_sat.checked_add(hub_sat) != Some(capacity_sat) {
        return Err(AmountError::Sum { member_sat, hub_sat, capacity_sat }); // C-23
    }
    check_balances(balances)
}

/// Checks the dust rules alone; returns the value of the anchor output.
///
/// # Errors
/// [`AmountError`] naming C-10, C-22 or C-23.
pub(crate) fn check_balances(balances: Balances) -> Result<u64, AmountError> {
    let Balances { member_sat, hub_sat } = balances;
    if member_sat.checked_add(hub_sat).is_none_or(|sum| sum > MAX_MONEY_SAT) {
        return Err(AmountError::TooLarge { member_sat, hub_sat }); // C-10
    }
    if member_sat < DUST_SAT && hub_sat < DUST_SAT {
        return Err(AmountError::NoOutput); // C-23
    }
    // At most one side is below the dust limit here, so this sum cannot overflow.
    let trimmed_sat = [member_sat, hub_sat].into_iter().filter(|part| *part < DUST_SAT).sum();
    if trimmed_sat > P2A_MAX_SAT {
        return Err(AmountError::Dust { trimmed_sat }); // C-22
    }
    Ok(trimmed_sat)
}

/// BIP341 message of a key-path spend of `prevout` by the only input of `transaction`, SIGHASH_DEFAULT.
pub(crate) fn key_spend_sighash(transaction: &Transaction, prevout: &TxOut) -> [u8; 32] {
    SighashCache::new(transaction)
        .taproot_key_spend_signature_hash(0, &Prevouts::All(&[prevout]), TapSighashType::Default)
        .expect("the transaction has one input and its only previous output is given")
        .to_byte_array()
}

/// BIP341 message of a key-path spend of input `at`, SIGHASH_DEFAULT; `None` when `prevouts` do not fit the inputs.
pub(crate) fn key_spend_sighash_of(transaction: &Transaction, at: usize, prevouts: &[TxOut]) -> Option<[u8; 32]> {
    SighashCache::new(transaction)
        .taproot_key_spend_signature_hash(at, &Prevouts::All(prevouts), TapSighashType::Default)
        .ok()
        .map(|sighash| sighash.to_byte_array())
}

/// Witness of a key-path spend: the 64-byte signature alone, which means SIGHASH_DEFAULT.
pub(crate) fn key_spend_witness(signature: &schnorr::Signature) -> Witness {
    Witness::from_slice(&[signature.serialize()])
}

/// BIP69: by value, then by script.
pub(crate) fn sort_outputs(outputs: &mut [TxOut]) {
    outputs.sort_by(|a, b| (a.value, a.script_pubkey.as_bytes()).cmp(&(b.value, b.script_pubkey.as_bytes())));
}

fn outputs(
    context: &CommitmentContext,
    broadcaster: Side,
    point: &PublicKey,
    balances: Balances,
    anchor_sat: u64,
) -> Vec<TxOut> {
    let Balances { member_sat, hub_sat } = balances;
    let (own, other, csv_blocks, to_local_sat, to_remote_sat) = match broadcaster {
        Side::Member => (&context.member, &context.hub, context.params.member_csv_blocks, member_sat, hub_sat),
        Side::Hub => (&context.hub, &context.member, context.params.hub_csv_blocks, hub_sat, member_sat),
    };
    // C-22: the anchor is always there, so that anybody can pay for the zero-fee commitment.
    let mut outputs = vec![TxOut { value: Amount::from_sat(anchor_sat), script_pubkey: anchor_script() }];
    if to_local_sat >= DUST_SAT {
        let to_local = ToLocal::new(point, &own.delayed_basepoint, &other.revocation_basepoint, csv_blocks);
        outputs.push(TxOut { value: Amount::from_sat(to_local_sat), script_pubkey: to_local.script_pubkey() });
    }
    if to_remote_sat >= DUST_SAT {
        outputs.push(TxOut { value: Amount::from_sat(to_remote_sat), script_pubkey: to_remote_script(&other.payment) });
    }
    sort_outputs(&mut outputs);
    outputs
}

// C-24, BOLT 3: the number is hidden from everybody but the two sides.
fn obscured(context: &CommitmentContext, number: u64) -> u64 {
    number ^ get_commitment_transaction_number_obscure_factor(&context.member.payment, &context.hub.payment, true)
}

fn lock_time(context: &CommitmentContext, number: u64) -> LockTime {
    let low = (obscured(context, number) & 0xff_ffff) as u32;
    LockTime::from_consensus(0x2000_0000 | low)
}

fn sequence(context: &CommitmentContext, number: u64) -> Sequence {
    let high = ((obscured(context, number) >> 24) & 0xff_ffff) as u32;
    Sequence(0x8000_0000 | high)
}
