//! What a decision allows to be paid (T-20).

use bitcoin::{Amount, OutPoint, TxOut};

use super::stage::Stage;

/// One authorised payment, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendIntent {
    /// Hash of proposal and payment, as the decision states it.
    pub id: [u8; 32],
    /// The gate that its transaction has to spend: Bitcoin then lets it happen once.
    pub gate: OutPoint,
    /// The outputs, exactly these and in this order.
    pub outputs: Vec<TxOut>,
    /// Highest fee.
    pub fee_cap: Amount,
    /// First height at which it may be mined.
    pub from_height: u32,
    /// First height at which it may not be mined any more.
    pub expiry_height: u32,
    /// How it is staged, when the charter asks for that (T-86).
    pub stage: Option<Stage>,
}

impl SpendIntent {
    /// Sum of the outputs; `None` above the greatest amount there is.
    pub fn paid(&self) -> Option<Amount> {
        self.outputs.iter().try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value))
    }
}
