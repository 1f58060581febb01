//! Payments of the treasury that were mined: the hub notes each in the log once its block is deeper than final (G-99, T-75, A-98).

use althing_governance::entry::{Entry, Execution};
use althing_governance::signing::Statement as _;
use anyhow::Result;
use bitcoin::hashes::Hash as _;
use bitcoin::{BlockHash, Transaction};

use super::Hub;
use crate::facts::outpoint_bytes;
use crate::treasury::{AuthorisedPayment, authorised, executed};

impl Hub {
    /// Notes payments whose transaction is deeper than results are final. What nobody decided is never noted.
    pub(super) fn log_executions(&mut self) -> Result<()> {
        let final_depth = self.shell.ledger.state().charter().final_depth;
        for payment in authorised(&self.shell).into_iter().filter(|payment| payment.paid_by.is_none()) {
            let noted = self.shell.ledger.state().proposals().get(&payment.proposal);
            if noted.is_some_and(|record| record.executions.iter().any(|(_, note)| note.milestone == payment.milestone))
            {
                continue;
            }
            let Some(execution) = self.execution_of(&payment, final_depth)? else { continue };
            let signed = execution.sign(&self.shell.secp, &self.shell.log_key()?, &self.shell.aux_rand()?);
            self.log_own(Entry::Execution(signed)).map(drop)?;
        }
        Ok(())
    }

    fn execution_of(&self, payment: &AuthorisedPayment, final_depth: u32) -> Result<Option<Execution>> {
        let Some(row) = self.shell.store.fact(&outpoint_bytes(&payment.intent.gate))? else { return Ok(None) };
        let Some((height, tx, _)) = row.spent else { return Ok(None) };
        let is_settled = |height: u32| (self.shell.tip_height() + 1).saturating_sub(height) > final_depth;
        if !is_settled(height) {
            return Ok(None);
        }
        let transaction: Transaction = bitcoin::consensus::deserialize(&tx)?;
        // G-124: of a staged payment it is the payout that pays.
        let paid = executed(&self.shell, &transaction.compute_txid());
        let Some((txid, height, left_sat)) = paid.filter(|(_, height, _)| is_settled(*height)) else { return Ok(None) };
        let Some(block) = self.shell.store.block(height)? else { return Ok(None) };
        let params = self.shell.ledger.state().params();
        // Of a transaction for several decisions each note has its own outputs; the fee stands with the first.
        let paid = payment.intent.paid().map_or(0, bitcoin::Amount::to_sat);
        let gates_before = transaction.input.iter().take_while(|txin| txin.previous_output != payment.intent.gate);
        let is_first = !authorised(&self.shell)
            .iter()
            .any(|other| gates_before.clone().any(|txin| txin.previous_output == other.intent.gate));
        let others: u64 = authorised(&self.shell)
            .iter()
            .filter(|other| {
                other.intent.gate != payment.intent.gate
                    && transaction.input.iter().any(|txin| txin.previous_output == other.intent.gate)
            })
            .filter_map(|other| other.intent.paid())
            .map(bitcoin::Amount::to_sat)
            .fold(0, u64::saturating_add);
        let amount_sat = if is_first { left_sat.saturating_sub(others) } else { paid };
        Ok(Some(Execution {
            network: params.network,
            dao: params.dao_id,
            proposal: payment.proposal,
            milestone: payment.milestone,
            txid,
            mined_height: height,
            mined_hash: BlockHash::from_byte_array(block.hash),
            amount_sat,
        }))
    }
}
