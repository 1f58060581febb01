//! How long the seal can pay for links.

use bitcoin::{Amount, FeeRate};

use crate::fee::{MIN_SEAL, fee_of};
use crate::shape::{LinkShape, OtsForm};

/// What links are paid from and how often one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Value of the newest seal.
    pub seal: Amount,
    /// Shape of the links.
    pub shape: LinkShape,
    /// Timestamp form of the links.
    pub form: OtsForm,
    /// Blocks from one link to the next.
    pub epoch_blocks: u32,
}

/// What a reserve lasts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveForecast {
    /// Links it pays at the rate asked about; `None` when links cost nothing.
    pub links: Option<u64>,
    /// Links it pays at the cap; `None` when links cost nothing.
    pub links_at_cap: Option<u64>,
    /// Blocks until it is used up at the rate asked about; `None` for never.
    pub blocks: Option<u64>,
    /// How urgent a top-up is.
    pub alarm: ReserveAlarm,
}

/// How urgent a top-up of the seal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReserveAlarm {
    /// It lasts for the horizon.
    Calm,
    /// It is used up within the horizon.
    Low,
    /// It is used up within a quarter of the horizon, or one fee spike up to the cap away.
    Urgent,
    /// It cannot pay the next link.
    Empty,
}

impl Reserve {
    /// What the reserve lasts for at a constant `rate`, looking `horizon_blocks` ahead.
    pub fn forecast(&self, rate: FeeRate, cap: FeeRate, horizon_blocks: u32) -> ReserveForecast {
        let (links, links_at_cap) = (self.links(rate), self.links(cap.max(rate)));
        let blocks = links.map(|links| links.saturating_mul(self.epoch_blocks.into()));
        let within = |horizon: u32| blocks.is_some_and(|blocks| blocks < horizon.into());
        //
        let alarm = if links == Some(0) {
            ReserveAlarm::Empty
        } else if links_at_cap == Some(0) || within(horizon_blocks / 4) {
            ReserveAlarm::Urgent
        } else if within(horizon_blocks) {
            ReserveAlarm::Low
        } else {
            ReserveAlarm::Calm
        };
        ReserveForecast { links, links_at_cap, blocks, alarm }
    }

    fn links(&self, rate: FeeRate) -> Option<u64> {
        let fee = fee_of(self.shape.weight(self.form), rate);
        let cost = fee.to_sat().saturating_add(self.shape.side_outputs().to_sat());
        self.seal.to_sat().saturating_sub(MIN_SEAL.to_sat()).checked_div(cost)
    }
}
