//! Stakes that moved: a channel whose funding was spent into the funding of another channel of the same member (G-33).
//!
//! The log goes on having both claims. The stake counts once, by the balance of the channel that it is in now, and is as old as
//! in the channel it came from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;

use crate::layers::Lineage;
use crate::roll::{FundingFact, StakeClaim};

/// Which claims go on in which others at one height.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// Claims that go on elsewhere.
    left: BTreeSet<OutPoint>,
    /// By the claim that a stake is in now: the outpoint of the one that it came from.
    origins: BTreeMap<OutPoint, OutPoint>,
}

impl Moves {
    /// The moves that were mined at `height`.
    pub(crate) fn of(claims: &[StakeClaim], facts: &BTreeMap<OutPoint, &FundingFact>, height: u32) -> Self {
        let claimed: BTreeMap<OutPoint, _> = claims.iter().map(|claim| (claim.outpoint, claim.member)).collect();
        let mut moves = Self::default();
        // By the claim that a stake is in now: of those that came into it the one with the most outputs, then the least outpoint.
        let mut ways: BTreeMap<OutPoint, (usize, Reverse<OutPoint>)> = BTreeMap::new();
        for claim in claims {
            let outputs: Vec<OutPoint> = Lineage::at(facts, claim.outpoint, height).outpoints().collect();
            let is_own = |outpoint: &&OutPoint| claimed.get(outpoint) == Some(&claim.member);
            // The last one: a stake may move more than once.
            let Some(now) = outputs.iter().skip(1).rfind(is_own) else { continue };
            if *now == claim.outpoint {
                continue;
            }
            moves.left.insert(claim.outpoint);
            let way = (outputs.len(), Reverse(claim.outpoint));
            let longest = ways.entry(*now).or_insert(way);
            *longest = way.max(*longest);
        }
        moves.origins = ways.into_iter().map(|(now, (_, Reverse(from)))| (now, from)).collect();
        moves
    }

    /// Whether the stake of this claim is in another channel by now.
    pub(crate) fn has_left(&self, outpoint: &OutPoint) -> bool {
        self.left.contains(outpoint)
    }

    /// Where the stake of this claim came from; its own outpoint if from nowhere.
    pub(crate) fn origin(&self, outpoint: &OutPoint) -> OutPoint {
        self.origins.get(outpoint).copied().unwrap_or(*outpoint)
    }
}
