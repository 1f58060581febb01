//! A close and a splice of one channel spend the same funding, so one of them ends the other (N-151). That the coins of a splice that can
//! never be mined are free again, the wallet sees by itself: it takes in what is mined against its transactions.

use althing_channels::{PendingSplice, Side, SpliceStage};
use bitcoin::{FeeRate, OutPoint};

use super::{StakeChannel, Stakes};
use crate::shell::Shell;

/// Size of a commitment and its child, vB.
const CLOSE_ALONE_VB: u64 = 320;

impl Stakes {
    /// Coins in splices, announced or signed, that can still be mined.
    pub(super) fn spliced_coins(&self) -> impl Iterator<Item = OutPoint> + '_ {
        let alive = self.iter().filter(|channel| channel.machine.side() == Side::Member);
        let transactions = alive.flat_map(|channel| self.living_splices(channel)).map(|splice| splice.transaction);
        transactions.flat_map(|tx| tx.input).map(|input| input.previous_output)
    }

    /// Splices that are announced or wait, of a channel that the chain does not show the end of: no other can be mined any more.
    pub(crate) fn living_splices(&self, channel: &StakeChannel) -> Vec<PendingSplice> {
        if self.end(channel.number).is_some() { Vec::new() } else { channel.pending_splices() }
    }
}

impl Shell {
    /// What a commitment has to pay beside the splices of its channel that wait in mempools: it takes their place there.
    pub(super) fn rate_beside_splices(&self, number: u32) -> FeeRate {
        let Some(channel) = self.stakes.channel(number) else { return FeeRate::ZERO };
        let signed = channel.pending_splices().into_iter().filter(|splice| splice.stage == SpliceStage::Signed);
        signed.map(|splice| outbidding(&splice)).max().unwrap_or(FeeRate::ZERO)
    }
}

/// A replacement pays 1 sat/vB of its own size more than what it replaces, and more for its size (BIP125).
fn outbidding(splice: &PendingSplice) -> FeeRate {
    let (fee_sat, vsize) = super::splicing::fee_of(splice);
    let per_vb = fee_sat.div_ceil(vsize.clamp(1, CLOSE_ALONE_VB));
    FeeRate::from_sat_per_vb(per_vb.saturating_add(1)).unwrap_or(FeeRate::MAX)
}
