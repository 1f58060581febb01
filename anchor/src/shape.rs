//! Forms that a link may have, and what each weighs.

use bitcoin::{Amount, FeeRate, Weight};

use crate::fee::{FeeError, LINK_WEIGHT, link_fee_of};

/// Value of a pay-to-anchor output: the dust limit of its script at the default relay rate.
pub const BUMP_OUTPUT_VALUE: Amount = Amount::from_sat(240);

/// Weight of a pay-to-anchor output: value 8, length 1, script 4 bytes.
const BUMP_OUTPUT_WEIGHT: Weight = Weight::from_wu(13 * 4);

/// Weight of an OP_RETURN output with 32 bytes: value 8, length 1, script 34 bytes.
const OP_RETURN_WEIGHT: Weight = Weight::from_wu(43 * 4);

/// What the witness of a leaf spend has more than that of a key spend: the 68-byte leaf and the 33-byte control
/// block, each with a length byte.
const REVEAL_WEIGHT: Weight = Weight::from_wu(1 + 68 + 1 + 33);

/// Who can pay more for a stuck link. A constant of the charter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkShape {
    /// Version 2, link output only: the operators replace it or pay with the next link.
    #[default]
    Plain,
    /// Version 3 (BIP431) with a pay-to-anchor output of [`BUMP_OUTPUT_VALUE`]: anybody can pay for it with a child.
    Anchored,
}

/// How much of a link can be exported as an ordinary OpenTimestamps file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtsForm {
    /// From the output key on; the step from the commitment to the output key is checked apart.
    #[default]
    Split,
    /// From the commitment on: the link repeats it in an OP_RETURN output.
    OpReturn,
    /// From the commitment of the link *before* on: this link spends the seal by its leaf and so shows that in its
    /// witness, which the block commits to (BIP141).
    Reveal,
}

impl LinkShape {
    /// Weight of a signed link of this shape, one input.
    pub fn weight(self, form: OtsForm) -> Weight {
        let shape = match self {
            Self::Plain => Weight::ZERO,
            Self::Anchored => BUMP_OUTPUT_WEIGHT,
        };
        let form = match form {
            OtsForm::Split => Weight::ZERO,
            OtsForm::OpReturn => OP_RETURN_WEIGHT,
            OtsForm::Reveal => REVEAL_WEIGHT,
        };
        LINK_WEIGHT + shape + form
    }

    /// What a link of this shape takes out of the seal besides its fee.
    pub fn side_outputs(self) -> Amount {
        match self {
            Self::Plain => Amount::ZERO,
            Self::Anchored => BUMP_OUTPUT_VALUE,
        }
    }

    /// What one link takes out of the seal at `rate`: fee, rounded up, and side outputs.
    ///
    /// # Errors
    /// [`FeeError::AboveCap`] when `rate` is above `cap`.
    pub fn cost(self, form: OtsForm, rate: FeeRate, cap: FeeRate) -> Result<Amount, FeeError> {
        Ok(link_fee_of(self.weight(form), rate, cap)?.checked_add(self.side_outputs()).unwrap_or(Amount::MAX_MONEY))
    }
}
