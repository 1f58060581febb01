//! What has to be broadcast now: every block anew, at rates that never fall. Clauses C-73 and C-76.

use bitcoin::{Amount, FeeRate, OutPoint, Transaction, TxOut, Weight};

use super::Monitor;
use super::claim::{Claim, ClaimKind, ClaimState, End};
use super::recognise::{SpendKind, Watch};
use super::reserve::rate_with_fee;
use crate::commitment::{CommitmentContext, Side};
use crate::fees::{Bid, FeeMarket, rate_limit};
use crate::ids::DUST_SAT;
use crate::justice::Breach;
use crate::scripts::to_remote_script;

/// Blocks within which an own commitment should confirm: the rate of its child rises toward that.
pub const CONFIRM_WITHIN_BLOCKS: u32 = 144;

/// Weight of a sweep of an own `to_local` into one P2TR output.
const SWEEP_TO_LOCAL: Weight = Weight::from_wu(519);
/// Weight of a transaction with one key-path input and one P2TR output.
const SWEEP_TO_REMOTE: Weight = Weight::from_wu(444);
/// Weight of a child of the peer's commitment that spends its anchor and own `to_remote` into one P2TR output.
const TO_REMOTE_CHILD: Weight = Weight::from_wu(612);
/// Weight of each further key-path input.
const KEY_PATH_INPUT: Weight = Weight::from_wu(230);

/// A transaction to be broadcast (again). The shell builds it with its own scripts and coins at the rate given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "few actions exist at a time")]
pub enum Action {
    /// `submitpackage [commitment, child]`, the child built by [`bump_child`](super::bump_child) at `rate` for the package.
    Broadcast {
        /// Own signed commitment, the same for ever (C-26).
        commitment: Transaction,
        /// Rate of both together.
        rate: FeeRate,
    },
    /// `submitpackage [commitment, child]` of the peer's commitment that waits, the child built by
    /// [`to_remote_child`](super::to_remote_child) at `rate` for the package.
    BumpPeer {
        /// The peer's commitment.
        commitment: Transaction,
        /// Rate of both together.
        rate: FeeRate,
    },
    /// Take own `to_local` with [`sweep_to_local`](crate::sweep_to_local), at `rate`.
    SweepDelayed {
        /// Number of the own commitment.
        number: u64,
        /// The commitment.
        commitment: Transaction,
        /// The output.
        claim: Claim,
        /// Rate of the sweep.
        rate: FeeRate,
    },
    /// Take own `to_remote` with [`sweep_to_remote`](crate::sweep_to_remote), at `rate`.
    SweepToRemote {
        /// The peer's commitment.
        commitment: Transaction,
        /// The output.
        claim: Claim,
        /// Rate of the sweep.
        rate: FeeRate,
    },
    /// Take everything that is left of a revoked commitment with [`Breach::justice`], at `rate`.
    Justice {
        /// What can be taken.
        breach: Breach,
        /// Rate of the justice transaction.
        rate: FeeRate,
        /// The first block in which the peer could take its part.
        deadline: u32,
    },
}

impl Monitor {
    /// What has to be broadcast now that the tip is the last block; nothing once it is in the chain.
    ///
    /// Called at every new tip: each call repeats what is not confirmed, so that nothing depends on any mempool remembering it.
    pub fn actions(&mut self, watch: &Watch<'_>, market: &FeeMarket) -> Vec<Action> {
        match self.end(watch) {
            None => self.broadcast(watch, market).into_iter().collect(),
            Some(end) => self.claim_actions(watch, market, &end),
        }
    }

    /// What to do about a transaction in a mempool that spends a funding: the peer's commitment is brought into a block with own
    /// `to_remote` (C-305). Called at every new tip while it waits there.
    pub fn bump_waiting(&mut self, watch: &Watch<'_>, waiting: &Transaction, market: &FeeMarket) -> Option<Action> {
        if watch.signed_commitment.is_some() || self.end(watch).is_some() {
            return None;
        }
        let spent = waiting.input.first()?.previous_output;
        let context = watch.fundings.iter().find(|context| context.funding == spent)?;
        if !matches!(watch.recognise(context, waiting), SpendKind::PeerCommitment { .. }) {
            return None;
        }
        let script = to_remote_script(&watch.keys.public().payment);
        let (vout, output) = (0u32..).zip(&waiting.output).find(|(_, output)| output.script_pubkey == script)?;
        let subject = OutPoint { txid: waiting.compute_txid(), vout };
        let since = self.bids.get(&subject).map_or(self.tip.height, |bid| bid.since);
        let left = blocks_left(since.saturating_add(CONFIRM_WITHIN_BLOCKS), self.tip.height);
        let most = Amount::from_sat(output.value.to_sat() / 2);
        let weight = Weight::from_wu(waiting.weight().to_wu().saturating_add(TO_REMOTE_CHILD.to_wu()));
        let limit = rate_limit(most, weight).min(market.cap);
        if limit < market.floor {
            return None;
        }
        let rate = self.bid(subject, market, Some(left), limit);
        Some(Action::BumpPeer { commitment: waiting.clone(), rate })
    }

    /// Whether a rate was bid for anything.
    pub fn has_bids(&self) -> bool {
        !self.bids.is_empty()
    }

    fn broadcast(&mut self, watch: &Watch<'_>, market: &FeeMarket) -> Option<Action> {
        let commitment = watch.signed_commitment?.clone();
        let funding = commitment.input.first()?.previous_output;
        let since = self.bids.get(&funding).map_or(self.tip.height, |bid| bid.since);
        let left = blocks_left(since.saturating_add(CONFIRM_WITHIN_BLOCKS), self.tip.height);
        let context = watch.fundings.iter().find(|context| context.funding == funding)?;
        let rate = self.bid(funding, market, Some(left), most_for_closing(watch.side, context, &commitment, market));
        Some(Action::Broadcast { commitment, rate })
    }

    fn claim_actions(&mut self, watch: &Watch<'_>, market: &FeeMarket, end: &End) -> Vec<Action> {
        let Some(spend) = self.spends.get(&end.funding) else { return Vec::new() };
        let commitment = spend.transaction.clone();
        if let Some(breach) = self.breach(watch, end) {
            return vec![self.justice(market, end, breach)];
        }
        let open: Vec<Claim> = end.claims.iter().filter(|claim| claim.state == ClaimState::Open).cloned().collect();
        open.into_iter().filter_map(|claim| self.sweep(watch, market, &commitment, end, claim)).collect()
    }

    fn justice(&mut self, market: &FeeMarket, end: &End, breach: Breach) -> Action {
        let deadlines = end.claims.iter().filter_map(|claim| match (claim.kind, claim.state) {
            (ClaimKind::Revoked { deadline }, ClaimState::Open) => Some(deadline),
            _ => None,
        });
        // Once the revoked part is gone, only the own part is left and nothing presses.
        let deadline = deadlines.min().unwrap_or(u32::MAX);
        let inputs: Vec<OutPoint> = breach.outpoints().collect();
        let further = u64::try_from(inputs.len().saturating_sub(1)).unwrap_or(u64::MAX);
        let weight =
            Weight::from_wu(SWEEP_TO_REMOTE.to_wu().saturating_add(KEY_PATH_INPUT.to_wu().saturating_mul(further)));
        // All of it may go to miners before it goes to a cheat.
        let most = Amount::from_sat(breach.value_sat().saturating_sub(DUST_SAT));
        let left = blocks_left(deadline, self.tip.height);
        let rate = self.bid(inputs[0], market, Some(left), rate_limit(most, weight));
        Action::Justice { breach, rate, deadline }
    }

    fn sweep(
        &mut self,
        watch: &Watch<'_>,
        market: &FeeMarket,
        commitment: &Transaction,
        end: &End,
        claim: Claim,
    ) -> Option<Action> {
        let weight = match claim.kind {
            ClaimKind::Delayed { matures } if matures > self.tip.height.saturating_add(1) => return None,
            ClaimKind::Delayed { .. } => SWEEP_TO_LOCAL,
            ClaimKind::ToRemote | ClaimKind::Revoked { .. } => SWEEP_TO_REMOTE,
        };
        // Nothing presses and nobody else can take it, so a sweep never costs more than half of what it brings home.
        let limit = rate_limit(Amount::from_sat(claim.output.value.to_sat() / 2), weight);
        if limit < market.floor {
            return None;
        }
        let rate = self.bid(claim.outpoint, market, None, limit);
        let commitment = commitment.clone();
        match claim.kind {
            ClaimKind::ToRemote => Some(Action::SweepToRemote { commitment, claim, rate }),
            ClaimKind::Delayed { .. } => {
                let context = watch.fundings.iter().find(|context| context.funding == end.funding)?;
                let number = super::commitment_number(context, &commitment)?;
                Some(Action::SweepDelayed { number, commitment, claim, rate })
            }
            ClaimKind::Revoked { .. } => None,
        }
    }

    fn bid(&mut self, subject: OutPoint, market: &FeeMarket, left: Option<u32>, limit: FeeRate) -> FeeRate {
        let bid = Bid::next(self.bids.get(&subject).copied(), market, left, limit, self.tip.height);
        self.bids.insert(subject, bid);
        bid.rate
    }
}

/// The highest rate at which an own commitment is brought into a block: nobody cheats while it waits, so it costs at most half of the
/// own part, or what is urgent where that is little (C-76).
fn most_for_closing(side: Side, context: &CommitmentContext, commitment: &Transaction, market: &FeeMarket) -> FeeRate {
    let peer = match side {
        Side::Member => &context.hub,
        Side::Hub => &context.member,
    };
    let is_peers = |output: &&TxOut| output.script_pubkey == to_remote_script(&peer.payment);
    let sum = |sum: u64, output: &TxOut| sum.saturating_add(output.value.to_sat());
    let peers_sat = commitment.output.iter().filter(is_peers).fold(0, sum);
    let own_sat = commitment.output.iter().fold(0, sum).saturating_sub(peers_sat);
    rate_for_closing(Amount::from_sat(own_sat), market)
}

/// The highest rate at which a channel whose own part is `own` is closed alone. Clause C-76.
pub fn rate_for_closing(own: Amount, market: &FeeMarket) -> FeeRate {
    rate_with_fee(own / 2).max(market.urgent).min(market.cap)
}

/// Blocks that may still be mined before the one at `deadline`.
fn blocks_left(deadline: u32, tip_height: u32) -> u32 {
    deadline.saturating_sub(tip_height.saturating_add(1))
}
