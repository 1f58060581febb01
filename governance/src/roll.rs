//! The roll: who may vote with how much weight, a pure function of log and chain.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::OutPoint;
use bitcoin::secp256k1::PublicKey;

use crate::charter::{Charter, WeightRule};
use crate::id::{ChannelId, MemberId};
use crate::layers::{Layers, Left, Lineage};
use crate::moves::Moves;
use crate::parallel::{self, Alone, Workers};
use crate::tree::{SumError, SumLeaf, SumTree, TreePurpose};

/// What the log says about one channel; the chain has to confirm it (G-32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakeClaim {
    /// Whose stake.
    pub member: MemberId,
    /// In which channel.
    pub channel: ChannelId,
    /// Its funding output.
    pub outpoint: OutPoint,
    /// The member's key in it.
    pub member_funding_key: PublicKey,
    /// The hub's key in it.
    pub hub_funding_key: PublicKey,
    /// The member's balance in the newest checkpoint, 0 without one.
    pub member_sat: u64,
}

/// What the chain says about one claimed funding output, or one into which it was spliced. The shell makes one only if the
/// output exists and its script is the MuSig2 output of the claim's two keys; a claim without a fact weighs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingFact {
    /// The output.
    pub outpoint: OutPoint,
    /// Its value in satoshis.
    pub value_sat: u64,
    /// Height of the block that holds it.
    pub height: u32,
    /// Height of the block that spends it, if one does.
    pub spent_height: Option<u32>,
    /// The funding output of the same two keys that the spending transaction made, the first of several: the channel goes on
    /// there after a splice. Without one, the first that is claimed by the same member: the stake moved to another hub. There
    /// is a fact about it too.
    pub successor: Option<OutPoint>,
    /// Height of the block in which the member's own coins of this output went elsewhere: neither to a successor funding
    /// output of theirs nor to their own output of its close, as long as that is unspent. `None` while they did not, so that
    /// a hub cannot erase a dissenter by closing the channel (G-37).
    pub released_height: Option<u32>,
}

/// Members and weights of one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roll {
    entries: BTreeMap<MemberId, RollEntry>,
    total: u128,
    /// What each member's weight rests on; empty for rolls that were not computed from claims.
    parts: BTreeMap<MemberId, Vec<StakePart>>,
    /// What had become by the closing height of the outputs that moved on (G-37).
    left: BTreeMap<OutPoint, Left>,
    closing_height: u32,
}

/// One claim in a member's stake.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StakePart {
    outpoint: OutPoint,
    layers: Layers,
}

/// One member of a roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollEntry {
    /// Counted stake in satoshis.
    pub stake_sat: u64,
    /// Weight by the charter's rule, at least 1.
    pub weight: u128,
}

impl Roll {
    /// The roll at `closing_height` (G-33). `claims` are those of the log up to the header's size.
    #[must_use]
    pub fn compute(charter: &Charter, claims: &[StakeClaim], facts: &[FundingFact], closing_height: u32) -> Self {
        let facts: BTreeMap<OutPoint, &FundingFact> = facts.iter().map(|fact| (fact.outpoint, fact)).collect();
        let mut counted = BTreeSet::new();
        let mut parts: BTreeMap<MemberId, Vec<StakePart>> = BTreeMap::new();
        // Of every known output, not only of those that count now: whoever is suspended may have voted, and then left (G-37).
        let left = |outpoint: &OutPoint| Lineage::at(&facts, *outpoint, closing_height).left(closing_height);
        let left = facts.keys().filter_map(|outpoint| Some((*outpoint, left(outpoint)?))).collect();
        let moves = Moves::of(claims, &facts, closing_height);
        for claim in claims.iter().filter(|claim| !moves.has_left(&claim.outpoint)) {
            let outpoint = moves.origin(&claim.outpoint);
            let lineage = Lineage::at(&facts, outpoint, closing_height);
            let layers = lineage.counted(claim.member_sat, closing_height, charter.stake_confirmations);
            // G-33: one outpoint's value counts once, whoever claims it.
            let Some(layers) = layers.filter(|_| lineage.outpoints().all(|known| !counted.contains(&known))) else {
                continue;
            };
            counted.extend(lineage.outpoints());
            parts.entry(claim.member).or_default().push(StakePart { outpoint, layers });
        }
        Self { left, ..Self::from_parts(charter, parts, closing_height) }
    }

    /// This roll without the stakes that had left their members by the closing height of `later` (G-37). `charter` is the
    /// one this roll was computed by.
    #[must_use]
    pub fn still_locked(&self, charter: &Charter, later: &Self) -> Self {
        if self.parts.is_empty() {
            return self.clone();
        }
        let mut parts = self.parts.clone();
        for part in parts.values_mut().flatten() {
            if let Some(left) = later.left.get(&part.outpoint) {
                part.layers = part.layers.oldest(left.of_locked_at(self.closing_height));
            }
        }
        Self::from_parts(charter, parts, self.closing_height)
    }

    /// What the same stakes would weigh under another charter, of the members that `keeps` picks (G-102).
    #[must_use]
    pub(crate) fn reweighed(&self, charter: &Charter, keeps: impl Fn(&MemberId) -> bool) -> Self {
        let parts = self.parts.iter().filter(|(member, _)| keeps(member));
        Self::from_parts(charter, parts.map(|(member, held)| (*member, held.clone())).collect(), self.closing_height)
    }

    fn from_parts(charter: &Charter, parts: BTreeMap<MemberId, Vec<StakePart>>, closing_height: u32) -> Self {
        let min_stake_sat = charter.admission.min_stake_sat();
        let age_cap = match charter.weight_rule {
            WeightRule::StakeAge { cap_blocks } => cap_blocks,
            _ => 0,
        };
        // Cannot saturate: satoshis have 51 bits, and blocks 32.
        let sums = parts.iter().map(|(member, held)| {
            let stake_sat = held.iter().fold(0u64, |sum, part| sum.saturating_add(part.layers.sat()));
            let aged = held.iter().map(|part| part.layers.aged(closing_height, age_cap));
            (*member, stake_sat, aged.fold(0u128, u128::saturating_add))
        });
        let eligible = sums.filter(|(_, stake_sat, _)| *stake_sat >= min_stake_sat);
        let weighed = eligible.map(|(member, stake_sat, aged)| (member, stake_sat, charter.weight(stake_sat, aged)));
        Self { parts: parts.clone(), closing_height, ..Self::from_stakes(weighed) }
    }

    /// A roll of given members, stakes and weights; members without weight are left out.
    #[must_use]
    pub fn from_stakes(stakes: impl IntoIterator<Item = (MemberId, u64, u128)>) -> Self {
        let entries: BTreeMap<MemberId, RollEntry> = stakes
            .into_iter()
            .filter(|(_, _, weight)| *weight > 0)
            .map(|(member, stake_sat, weight)| (member, RollEntry { stake_sat, weight }))
            .collect();
        // Saturation is out of reach: a weight is at most 2^64 and there are fewer than 2^64 members.
        let total = entries.values().fold(0u128, |sum, entry| sum.saturating_add(entry.weight));
        Self { entries, total, ..Self::default() }
    }

    /// Members by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&MemberId, &RollEntry)> {
        self.entries.iter()
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody has weight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Weight of a member; 0 when not in the roll.
    #[must_use]
    pub fn weight(&self, member: &MemberId) -> u128 {
        self.entries.get(member).map_or(0, |entry| entry.weight)
    }

    /// Stake and weight of a member.
    #[must_use]
    pub fn entry(&self, member: &MemberId) -> Option<&RollEntry> {
        self.entries.get(member)
    }

    /// Whether the member's coins had left what was claimed by that output at the closing height (G-37).
    #[must_use]
    pub fn is_released(&self, outpoint: &OutPoint) -> bool {
        matches!(self.left.get(outpoint), Some(Left::Released))
    }

    /// Sum of the counted stakes in satoshis of the members that `counts` picks.
    #[must_use]
    pub fn stake_sat(&self, counts: impl Fn(&MemberId) -> bool) -> u64 {
        let picked = self.entries.iter().filter(|(member, _)| counts(member));
        picked.fold(0, |sum, (_, entry)| sum.saturating_add(entry.stake_sat))
    }

    /// Sum of all weights.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.total
    }

    /// The roll tree: key member, no value, sum weight (G-75).
    ///
    /// # Errors
    /// [`SumError::Overflow`] when the weights do not fit 128 bits.
    pub fn tree(&self) -> Result<SumTree, SumError> {
        self.tree_by(&Alone)
    }

    /// The same tree, its shards hashed side by side (L-14).
    ///
    /// # Errors
    /// As [`Roll::tree`].
    pub fn tree_by(&self, workers: &dyn Workers) -> Result<SumTree, SumError> {
        let members: Vec<(&MemberId, &RollEntry)> = self.entries.iter().collect();
        let leaf = |index: usize| {
            let (member, entry) = members[index];
            Ok(SumLeaf { key: member.0, value: Vec::new(), sums: vec![entry.weight] })
        };
        parallel::tree(workers, TreePurpose::Roll, members.len(), leaf)
    }
}

impl FundingFact {
    /// Whether the output has that many confirmations at `height`.
    #[must_use]
    pub fn is_deep_at(&self, height: u32, confirmations: u32) -> bool {
        u64::from(self.height) + u64::from(confirmations) <= u64::from(height) + 1
    }

    /// Whether the output is spent at `height`.
    #[must_use]
    pub fn is_spent_at(&self, height: u32) -> bool {
        self.spent_height.is_some_and(|spent| spent <= height)
    }

    /// Whether the member's coins had gone elsewhere by `height` (G-37).
    #[must_use]
    pub fn is_released_at(&self, height: u32) -> bool {
        self.released_height.is_some_and(|released| released <= height)
    }
}
