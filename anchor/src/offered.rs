//! A link that another operator built, and what has to hold of it before anybody else signs it.

use bitcoin::{Amount, FeeRate, Transaction, TxOut, Weight, XOnlyPublicKey};

use crate::coin::Coin;
use crate::commitment::Commitment;
use crate::link_builder::{BuildError, LinkBuilder};
use crate::link_signing::UnsignedLink;
use crate::seal::Seal;
use crate::shape::{LinkShape, OtsForm};

/// Weight of the lightest witness that spends a wallet's coin: a P2TR key spend.
const LEAST_SATISFACTION: Weight = Weight::from_wu(66);

/// A link without witness, as it came from somebody else. Nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedLink {
    /// The transaction.
    pub transaction: Transaction,
    /// The outputs that its inputs from the second on spend. A wrong one makes the signature worthless (BIP341).
    pub coins: Vec<TxOut>,
    /// Whether the seal is to be spent by its leaf.
    pub reveal: bool,
}

impl OfferedLink {
    /// The form of a link that was built here, to be offered to other operators.
    pub fn of(link: &UnsignedLink) -> Self {
        Self {
            transaction: link.transaction().clone(),
            coins: link.spent_outputs().iter().skip(1).cloned().collect(),
            reveal: link.key_tweak().is_none(),
        }
    }

    /// The link of this seal, key and commitment with what was offered of shape, form, coins and fee. Whatever else is in
    /// the transaction, another output or less in the seal than the fee accounts for, makes it another one.
    ///
    /// # Errors
    /// [`BuildError::NotTheLink`]; [`BuildError::Fee`] when it pays more than `cap`; [`BuildError::TooManyCoins`].
    pub fn rebuild(
        &self,
        seal: Seal,
        anchor_key: XOnlyPublicKey,
        commitment: Commitment,
        cap: FeeRate,
    ) -> Result<UnsignedLink, BuildError> {
        let Self { transaction: offered, coins, reveal } = self;
        let inputs = offered.input.iter().skip(1);
        let coins = inputs.zip(coins).map(|(input, output)| Coin {
            outpoint: input.previous_output,
            output: output.clone(),
            satisfaction: LEAST_SATISFACTION,
        });
        let shape = if offered.version.0 == 3 { LinkShape::Anchored } else { LinkShape::Plain };
        let has_op_return = offered.output.iter().any(|output| output.script_pubkey.is_op_return());
        let form = match (reveal, has_op_return) {
            (true, _) => OtsForm::Reveal,
            (false, true) => OtsForm::OpReturn,
            (false, false) => OtsForm::Split,
        };
        let builder = LinkBuilder::new(seal, anchor_key, commitment).shape(shape).ots(form).top_up(coins.collect());
        let value = offered.output.first().map_or(Amount::ZERO, |output| output.value);
        let link = builder.build_with_value(value, cap)?;
        if link.transaction() == offered {
            return Ok(link);
        }
        let (found, expected) = (Box::new(offered.clone()), Box::new(link.transaction().clone()));
        Err(BuildError::NotTheLink { found, expected })
    }
}
