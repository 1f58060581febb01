//! Paying for a transaction that is stuck, from a member's own wallet: for a link, for the payout of a staged payment (T-100).

use bitcoin::{Amount, FeeRate, OutPoint, Transaction};

use super::Member;
use crate::api::{ApiError, Bump, PayoutChild};
use crate::config::Config;
use crate::facts::outpoint_bytes;
use crate::outlay::expect_fee_rate;
use crate::treasury::waiting_payout;
use crate::view;

impl Member {
    /// Pays for the newest link with a child that spends its pay-to-anchor output.
    pub(super) fn bump(&mut self, rate_sat_vb: Option<u64>, only_review: bool) -> Result<Bump, ApiError> {
        let (epoch, link) = self.waiting_link()?;
        let txid = link.compute_txid();
        let paid = self.paid_by(&link)?;
        let cap = self.link_rate_cap();
        let rate = match rate_sat_vb {
            Some(rate) => expect_fee_rate(rate)?,
            None => self.usual_rate(paid, &link)?.min(cap),
        };
        let child = self.pay_for(&link, paid, rate, cap, only_review)?;
        Ok(Bump {
            epoch,
            link: txid.to_string(),
            paid_sat: paid.to_sat(),
            fee_sat: child.fee.to_sat(),
            fee_rate_sat_vb: rate.to_sat_per_vb_ceil(),
            is_replacement: false,
            txid: child.txid.to_string(),
        })
    }

    /// Pays for the payout of a staged payment in the same way.
    pub(super) fn pay_for_payout(
        &mut self,
        session: &str,
        rate_sat_vb: u64,
        only_review: bool,
    ) -> Result<PayoutChild, ApiError> {
        let (payout, paid) = waiting_payout(&self.shell, session)?;
        let cap = self.link_rate_cap();
        let rate = expect_fee_rate(rate_sat_vb)?;
        if rate.fee_wu(payout.weight()).is_some_and(|fee| fee <= paid) {
            let message = format!(
                "T-100: there is nothing to pay for: the payout pays {} sat for {} vB by itself, {rate_sat_vb} sat/vB is not more",
                paid.to_sat(),
                payout.weight().to_vbytes_ceil()
            );
            return Err(ApiError::invalid("T-100", message));
        }
        let child = self.pay_for(&payout, paid, rate, cap, only_review)?;
        Ok(PayoutChild {
            payout: payout.compute_txid().to_string(),
            paid_sat: paid.to_sat(),
            fee_sat: child.fee.to_sat(),
            fee_rate_sat_vb: rate.to_sat_per_vb_ceil(),
            txid: child.txid.to_string(),
        })
    }

    fn link_rate_cap(&self) -> FeeRate {
        let charter = self.shell.ledger.state().charter();
        FeeRate::from_sat_per_vb(charter.max_link_fee_rate_sat_vb).unwrap_or(FeeRate::MAX)
    }

    /// The newest link, as the hub announced it and this node checked it, if no block has it.
    fn waiting_link(&self) -> Result<(u32, Transaction), ApiError> {
        let mined = view::mined_chain(&self.shell)?.len();
        let rows = self.shell.store.links()?;
        let row = rows.get(mined).ok_or_else(|| ApiError::not_now("A-79: no link waits for its first confirmation"))?;
        let link = bitcoin::consensus::deserialize(&row.tx).map_err(|error| ApiError::ours(error.to_string()))?;
        Ok((row.epoch, link))
    }

    /// What the link pays: as the mempool says, else what its seal holds more than its outputs.
    fn paid_by(&self, link: &Transaction) -> Result<Amount, ApiError> {
        if let Some(fee) = self.shell.bitcoind.mempool_fee(&link.compute_txid()).map_err(anyhow::Error::from)? {
            return Ok(fee);
        }
        let seal = link.input.first().map_or_else(OutPoint::null, |input| input.previous_output);
        let held = self.shell.store.fact(&outpoint_bytes(&seal))?.map_or(0, |row| row.value_sat);
        let out: Amount = link.output.iter().map(|output| output.value).sum();
        Ok(Amount::from_sat(held).checked_sub(out).unwrap_or(Amount::ZERO))
    }

    /// What seems to be needed, and half as much again as is paid now at least.
    fn usual_rate(&self, paid: Amount, link: &Transaction) -> Result<FeeRate, ApiError> {
        let settings = Config::load(&self.shell.dir)?.links;
        let market = self.shell.bitcoind.link_market(settings.target_blocks);
        let present = paid.to_sat().saturating_mul(1000) / link.weight().to_wu().max(1);
        let raised = FeeRate::from_sat_per_kwu(present.saturating_mul(3) / 2);
        let floor = FeeRate::from_sat_per_vb(settings.floor_sat_vb).unwrap_or(FeeRate::BROADCAST_MIN);
        Ok(market.estimate.unwrap_or(floor).max(market.mempool_minimum).max(raised))
    }
}
