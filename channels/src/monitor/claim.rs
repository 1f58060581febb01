//! How a channel ended on the chain, and what of it belongs to this side. Clauses C-73 and C-75.

use bitcoin::{OutPoint, Transaction, TxOut, Txid};

use super::recognise::{SpendKind, Watch};
use super::{Monitor, Spend};
use crate::commitment::{CommitmentContext, Side};
use crate::justice::Breach;
use crate::scripts::to_remote_script;

/// Confirmations after which the end of a channel counts as final.
pub const FINAL_DEPTH: u32 = 6;
/// Confirmations of the last spend of interest after which a channel needs no monitor any more.
pub const FORGET_DEPTH: u32 = 100;

/// How a channel ended, as the chain shows it at the tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The funding output that was spent.
    pub funding: OutPoint,
    /// The transaction that spent it.
    pub txid: Txid,
    /// What that is.
    pub kind: SpendKind,
    /// Height of its block.
    pub height: u32,
    /// Confirmations at the tip; at least 1.
    pub confirmations: u32,
    /// Outputs that are this side's, in the order of the transaction.
    pub claims: Vec<Claim>,
}

/// How far the end of a channel has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Confirmed, and may still be undone by a reorganisation.
    Confirmed,
    /// [`FINAL_DEPTH`] deep; there are coins still to be taken, or taken not as deep.
    Final,
    /// Everything that could be taken is, [`FORGET_DEPTH`] deep: the monitor can be dropped.
    Done,
}

/// An output of the ending transaction that is this side's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The output.
    pub outpoint: OutPoint,
    /// Its value and script.
    pub output: TxOut,
    /// What it takes to spend it.
    pub kind: ClaimKind,
    /// Whether it was spent.
    pub state: ClaimState,
}

/// What it takes to spend an output. Clause C-73.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Own `to_local`: a block of this height is the first that can hold the sweep.
    Delayed {
        /// Height of that block.
        matures: u32,
    },
    /// Own `to_remote`: at once.
    ToRemote,
    /// The peer's revoked `to_local`: at once, and before the peer's own lock ends.
    Revoked {
        /// The first block in which the peer could take it.
        deadline: u32,
    },
}

/// Whether an output was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Not in the chain.
    Open,
    /// By this side, or for it by a tower.
    Taken {
        /// By this transaction.
        txid: Txid,
        /// Height of its block.
        height: u32,
    },
    /// By the peer.
    Lost {
        /// By this transaction.
        txid: Txid,
        /// Height of its block.
        height: u32,
    },
}

impl End {
    /// How far it has come.
    pub fn stage(&self, tip_height: u32) -> Stage {
        let deepest = self.claims.iter().try_fold(self.height, |latest, claim| match claim.state {
            ClaimState::Open => None,
            ClaimState::Taken { height, .. } | ClaimState::Lost { height, .. } => Some(latest.max(height)),
        });
        if self.confirmations < FINAL_DEPTH {
            Stage::Confirmed
        } else if deepest.is_some_and(|height| depth(height, tip_height) >= FORGET_DEPTH) {
            Stage::Done
        } else {
            Stage::Final
        }
    }

    /// Satoshis that the peer took although they were this side's.
    pub fn lost_sat(&self) -> u64 {
        let lost = self.claims.iter().filter(|claim| matches!(claim.state, ClaimState::Lost { .. }));
        lost.map(|claim| claim.output.value.to_sat()).fold(0, u64::saturating_add)
    }
}

impl Monitor {
    /// How the channel ended; `None` while a funding in force is unspent.
    ///
    /// A splice ends nothing: the funding that it creates is watched as the old one was.
    pub fn end(&self, watch: &Watch<'_>) -> Option<End> {
        let found = watch.fundings.iter().find_map(|context| {
            let spend = self.spends.get(&context.funding)?;
            let kind = watch.recognise(context, &spend.transaction);
            (kind != SpendKind::Splice).then_some((context, spend, kind))
        });
        let (context, spend, kind) = found?;
        Some(End {
            funding: context.funding,
            txid: spend.transaction.compute_txid(),
            kind,
            height: spend.height,
            confirmations: depth(spend.height, self.tip.height),
            claims: self.claims(watch, context, spend, kind),
        })
    }

    /// The outputs that can be taken of a revoked commitment and are not spent; `None` when there are none.
    pub(super) fn breach(&self, watch: &Watch<'_>, end: &End) -> Option<Breach> {
        let SpendKind::PeerRevoked { number } = end.kind else { return None };
        let context = watch.fundings.iter().find(|context| context.funding == end.funding)?;
        let revoked = &self.spends.get(&end.funding)?.transaction;
        let breach =
            Breach::find(watch.keys, context, watch.side, watch.secrets.revoked_secret(number)?, revoked).ok()?;
        let spent = end.claims.iter().filter(|claim| claim.state != ClaimState::Open);
        let left = spent.fold(breach, |breach, claim| breach.without(claim.outpoint));
        (left.outpoints().count() > 0).then_some(left)
    }

    fn claims(&self, watch: &Watch<'_>, context: &CommitmentContext, spend: &Spend, kind: SpendKind) -> Vec<Claim> {
        match kind {
            SpendKind::OwnCommitment { number } | SpendKind::OwnRevoked { number } => {
                let to_locals = watch.own_to_locals(context, number);
                let matures = spend.height.saturating_add(u32::from(csv_blocks(context, watch.side)));
                self.outputs(&spend.transaction, |_, output| {
                    to_locals.contains(&output.script_pubkey).then_some(ClaimKind::Delayed { matures })
                })
            }
            SpendKind::PeerCommitment { .. } | SpendKind::PeerAhead { .. } => {
                self.outputs(&spend.transaction, |_, output| to_remote(watch, output))
            }
            SpendKind::PeerRevoked { number } => {
                let secret = watch.secrets.revoked_secret(number);
                let revoked = secret
                    .and_then(|secret| Breach::find(watch.keys, context, watch.side, secret, &spend.transaction).ok());
                let deadline = spend.height.saturating_add(u32::from(csv_blocks(context, watch.side.other())));
                let opened: Vec<OutPoint> = revoked.iter().flat_map(Breach::outpoints).collect();
                self.outputs(&spend.transaction, |outpoint, output| {
                    to_remote(watch, output)
                        .or_else(|| opened.contains(&outpoint).then_some(ClaimKind::Revoked { deadline }))
                })
            }
            // Both sides agreed on where the coins went, or nothing is known about them.
            SpendKind::CooperativeClose | SpendKind::Splice | SpendKind::Unknown => Vec::new(),
        }
    }

    fn outputs(&self, transaction: &Transaction, kind: impl Fn(OutPoint, &TxOut) -> Option<ClaimKind>) -> Vec<Claim> {
        let txid = transaction.compute_txid();
        (0u32..)
            .zip(&transaction.output)
            .filter_map(|(vout, output)| {
                let outpoint = OutPoint { txid, vout };
                let kind = kind(outpoint, output)?;
                Some(Claim { outpoint, output: output.clone(), kind, state: self.state_of(outpoint, kind) })
            })
            .collect()
    }

    fn state_of(&self, outpoint: OutPoint, kind: ClaimKind) -> ClaimState {
        let Some(spend) = self.spends.get(&outpoint) else { return ClaimState::Open };
        let (txid, height) = (spend.transaction.compute_txid(), spend.height);
        let by_key_path =
            spend.transaction.input.iter().any(|input| input.previous_output == outpoint && input.witness.len() == 1);
        // C-20: the key path of a to_local is for the one who holds the revocation key, the leaf for its owner.
        let own = match kind {
            ClaimKind::ToRemote => true,
            ClaimKind::Revoked { .. } => by_key_path,
            ClaimKind::Delayed { .. } => !by_key_path,
        };
        if own { ClaimState::Taken { txid, height } } else { ClaimState::Lost { txid, height } }
    }
}

/// Confirmations of what is in the block at `height`.
fn depth(height: u32, tip_height: u32) -> u32 {
    tip_height.saturating_add(1).saturating_sub(height)
}

fn csv_blocks(context: &CommitmentContext, broadcaster: Side) -> u16 {
    match broadcaster {
        Side::Member => context.params.member_csv_blocks,
        Side::Hub => context.params.hub_csv_blocks,
    }
}

fn to_remote(watch: &Watch<'_>, output: &TxOut) -> Option<ClaimKind> {
    (output.script_pubkey == to_remote_script(&watch.keys.public().payment)).then_some(ClaimKind::ToRemote)
}
