//! Building the next link and what replaces or pays for a stuck one.

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut, Weight, XOnlyPublicKey};
use thiserror::Error;

use crate::coin::{Coin, input};
use crate::commitment::{Commitment, link_output_script};
use crate::fee::{FeeError, INCREMENTAL_RELAY_RATE, fee_of, link_fee_of, value_after_fee};
use crate::link_signing::UnsignedLink;
use crate::seal::Seal;
use crate::shape::{BUMP_OUTPUT_VALUE, LinkShape, OtsForm};

/// Most wallet coins that one link takes in.
pub const MAX_TOP_UP_COINS: usize = 5;

/// Why a link cannot be built or signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The fee cannot or must not be paid.
    #[error(transparent)]
    Fee(#[from] FeeError),
    /// The key offered for signing is not the seal's anchor key.
    #[error("A-8: the seal is held by anchor key {expected}, the key offered is {found}")]
    WrongKey {
        /// Public part of the key offered.
        found: Box<XOnlyPublicKey>,
        /// The seal's anchor key.
        expected: Box<XOnlyPublicKey>,
    },
    /// A signature made elsewhere does not verify.
    #[error("A-8: the signature does not verify under the key that spends the seal")]
    BadSignature,
    /// Two versions of one link spend different seals.
    #[error("A-10: the link spends {found}, the version before it {expected}")]
    OtherSeal {
        /// Seal of the link.
        found: OutPoint,
        /// Seal of the version before it.
        expected: OutPoint,
    },
    /// Two versions of one link commit to different things, or name different next keys.
    #[error("A-10: a replacement has the same output 0: its script is {found:x}, was {expected:x}")]
    OtherCommitment {
        /// Script of the link's output 0.
        found: ScriptBuf,
        /// Script of the version before it.
        expected: ScriptBuf,
    },
    /// The transaction to replace spends a coin whose value is not known here.
    #[error("A-76: the version to replace spends {coin}, which is not among the coins given")]
    UnknownCoin {
        /// The coin.
        coin: OutPoint,
    },
    /// The replacement pays too little for nodes to relay it.
    #[error("A-76: a replacement has to pay {needed}, this one pays {fee}")]
    ReplacementTooCheap {
        /// What it pays.
        fee: Amount,
        /// What it has to pay.
        needed: Amount,
    },
    /// A link that another operator built is not what this one would build.
    #[error(
        "A-311: the link offered is {}, with its seal, key, commitment and fee it would be {}",
        hex(found),
        hex(expected)
    )]
    NotTheLink {
        /// What was offered.
        found: Box<Transaction>,
        /// What it would be.
        expected: Box<Transaction>,
    },
    /// Too many wallet coins.
    #[error("A-78: {found} coins, at most {MAX_TOP_UP_COINS}")]
    TooManyCoins {
        /// How many were given.
        found: usize,
    },
}

/// A transaction in the mempool that a child pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unconfirmed {
    /// What it pays itself.
    pub fee: Amount,
    /// What it weighs.
    pub weight: Weight,
}

/// Describes the next link: which seal it spends, what it commits to, and its shape.
#[derive(Clone, Debug)]
pub struct LinkBuilder {
    seal: Seal,
    anchor_key: XOnlyPublicKey,
    commitment: Commitment,
    shape: LinkShape,
    form: OtsForm,
    coins: Vec<Coin>,
}

impl LinkBuilder {
    /// A link that spends `seal` and commits to `commitment`; `anchor_key` is the internal key of its output 0 and
    /// will have to sign the link after this one. It is [`LinkShape::Plain`] and [`OtsForm::Split`].
    pub fn new(seal: Seal, anchor_key: XOnlyPublicKey, commitment: Commitment) -> Self {
        let (shape, form) = (LinkShape::default(), OtsForm::default());
        Self { seal, anchor_key, commitment, shape, form, coins: vec![] }
    }

    /// The same link in another shape.
    #[must_use]
    pub fn shape(mut self, shape: LinkShape) -> Self {
        self.shape = shape;
        self
    }

    /// The same link with another OpenTimestamps form.
    #[must_use]
    pub fn ots(mut self, form: OtsForm) -> Self {
        self.form = form;
        self
    }

    /// The same link with a wallet's coins as inputs 1 and up; what they hold goes into the new seal.
    #[must_use]
    pub fn top_up(mut self, coins: Vec<Coin>) -> Self {
        self.coins = coins;
        self
    }

    /// Weight of the link once it is signed.
    pub fn weight(&self) -> Weight {
        self.shape.weight(self.form) + self.coins.iter().map(Coin::input_weight).sum()
    }

    /// Builds the unsigned transaction at `fee_rate`, which must not be above `cap`.
    ///
    /// # Errors
    /// [`BuildError::Fee`] when the rate is above the cap or the seal cannot pay; [`BuildError::TooManyCoins`].
    pub fn build(&self, fee_rate: FeeRate, cap: FeeRate) -> Result<UnsignedLink, BuildError> {
        self.with_fee(link_fee_of(self.weight(), fee_rate, cap)?)
    }

    /// Builds a replacement for `earlier`, a version of the same link that is stuck.
    ///
    /// # Errors
    /// As [`LinkBuilder::build`]; [`BuildError::OtherSeal`] and [`BuildError::OtherCommitment`] when it would be
    /// another link, for a replacement never changes what is committed to; [`BuildError::UnknownCoin`] and
    /// [`BuildError::ReplacementTooCheap`] when nodes would not relay it.
    pub fn build_replacement(
        &self,
        earlier: &Transaction,
        fee_rate: FeeRate,
        cap: FeeRate,
    ) -> Result<UnsignedLink, BuildError> {
        let link = self.build(fee_rate, cap)?;
        //
        let none = OutPoint::null();
        let expected = earlier.input.first().map_or(none, |input| input.previous_output);
        if self.seal.outpoint != expected {
            return Err(BuildError::OtherSeal { found: self.seal.outpoint, expected });
        }
        let expected = earlier.output.first().map_or_else(ScriptBuf::new, |output| output.script_pubkey.clone());
        let found = &link.transaction().output[0].script_pubkey;
        if *found != expected {
            return Err(BuildError::OtherCommitment { found: found.clone(), expected });
        }
        // A-76, rules 3 and 4 of BIP125
        let step = fee_of(self.weight(), INCREMENTAL_RELAY_RATE);
        let needed = self.fee_of_earlier(earlier)?.checked_add(step).unwrap_or(Amount::MAX_MONEY);
        if link.fee() < needed {
            return Err(BuildError::ReplacementTooCheap { fee: link.fee(), needed });
        }
        Ok(link)
    }

    /// Builds a link that spends the seal of `parent`, a link still in the mempool, and pays for both so that together
    /// they have `fee_rate`.
    ///
    /// # Errors
    /// As [`LinkBuilder::build`].
    pub fn build_over(&self, parent: Unconfirmed, fee_rate: FeeRate, cap: FeeRate) -> Result<UnsignedLink, BuildError> {
        let own = link_fee_of(self.weight(), fee_rate, cap)?;
        self.with_fee(child_fee(parent, self.weight(), fee_rate).max(own))
    }

    /// Builds the unsigned transaction whose output 0 holds `value`; what the seal and the coins hold more is the fee, which
    /// must not be above `cap`.
    ///
    /// # Errors
    /// As [`LinkBuilder::build`].
    pub(crate) fn build_with_value(&self, value: Amount, cap: FeeRate) -> Result<UnsignedLink, BuildError> {
        let kept = value.checked_add(self.shape.side_outputs()).unwrap_or(Amount::MAX_MONEY);
        let fee = self.held().checked_sub(kept).unwrap_or(Amount::ZERO);
        let most = fee_of(self.weight(), cap);
        if fee > most {
            let rate = FeeRate::from_sat_per_kwu(fee.to_sat().saturating_mul(1000) / self.weight().to_wu());
            return Err(FeeError::AboveCap { rate, cap }.into());
        }
        self.with_fee(fee)
    }

    fn with_fee(&self, fee: Amount) -> Result<UnsignedLink, BuildError> {
        if self.coins.len() > MAX_TOP_UP_COINS {
            return Err(BuildError::TooManyCoins { found: self.coins.len() });
        }
        let spending = fee.checked_add(self.shape.side_outputs()).unwrap_or(Amount::MAX_MONEY);
        let value = value_after_fee(self.held(), spending)?;
        //
        let mut output = vec![TxOut { value, script_pubkey: link_output_script(self.anchor_key, self.commitment) }];
        //
        let version = match self.shape {
            LinkShape::Plain => Version::TWO,
            LinkShape::Anchored => {
                output.push(TxOut { value: BUMP_OUTPUT_VALUE, script_pubkey: ScriptBuf::new_p2a() });
                Version(3)
            }
        };
        //
        if self.form == OtsForm::OpReturn {
            let script_pubkey = ScriptBuf::new_op_return(self.commitment.to_bytes());
            output.push(TxOut { value: Amount::ZERO, script_pubkey });
        }
        let seal_and_coins = std::iter::once(self.seal.outpoint).chain(self.coins.iter().map(|coin| coin.outpoint));
        let input = seal_and_coins.map(input).collect();
        let spent = std::iter::once(self.seal.output()).chain(self.coins.iter().map(|coin| coin.output.clone()));
        let transaction = Transaction { version, lock_time: LockTime::ZERO, input, output };
        let reveal = self.form == OtsForm::Reveal;
        Ok(UnsignedLink::new(transaction, spent.collect(), fee, reveal, self.seal, self.anchor_key, self.commitment))
    }

    /// What goes in: seal and coins.
    fn held(&self) -> Amount {
        let coins = self.coins.iter().map(|coin| coin.output.value);
        coins.fold(self.seal.value, |sum, value| sum.checked_add(value).unwrap_or(Amount::MAX_MONEY))
    }

    fn fee_of_earlier(&self, earlier: &Transaction) -> Result<Amount, BuildError> {
        let mut held = self.seal.value;
        for input in earlier.input.iter().skip(1) {
            let coin = input.previous_output;
            let known = self.coins.iter().find(|known| known.outpoint == coin);
            let value = known.ok_or(BuildError::UnknownCoin { coin })?.output.value;
            held = held.checked_add(value).unwrap_or(Amount::MAX_MONEY);
        }
        let paid = earlier
            .output
            .iter()
            .fold(Amount::ZERO, |sum, output| sum.checked_add(output.value).unwrap_or(Amount::MAX_MONEY));
        Ok(held.checked_sub(paid).unwrap_or(Amount::ZERO))
    }
}

fn hex(transaction: &Transaction) -> String {
    bitcoin::consensus::encode::serialize_hex(transaction)
}

/// What a child of `weight` has to pay for parent and child together to have `rate`.
pub(crate) fn child_fee(parent: Unconfirmed, weight: Weight, rate: FeeRate) -> Amount {
    let both = parent.weight.checked_add(weight).unwrap_or(Weight::MAX);
    fee_of(both, rate).checked_sub(parent.fee).unwrap_or(Amount::ZERO)
}
