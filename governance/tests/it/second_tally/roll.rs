//! Who may vote with how much weight, by log and chain (G-32 to G-38), for outputs that are neither spliced nor moved.

use std::collections::BTreeMap;

use althing_governance::MemberId;
use althing_governance::charter::{Admission, Body, WeightRule};
use althing_governance::entry::Entry;

use super::told::{Motion, Told};

/// Weights by member; nobody has weight 0.
pub(crate) type Weights = BTreeMap<MemberId, u128>;

impl Told<'_> {
    /// Who decides a proposal as one of its bodies (G-45): members as of its snapshot, without what had left at height
    /// `locked_at` if that is given.
    pub(crate) fn electors(&self, motion: &Motion<'_>, body: Body, locked_at: Option<u32>) -> Weights {
        let key = |key: bitcoin::secp256k1::PublicKey| MemberId::of(&key.x_only_public_key().0);
        match body {
            Body::Members => self.roll(motion.snapshot, locked_at),
            Body::Treasurers => self.charter.treasurers.iter().map(|treasurer| (key(treasurer.key), 1)).collect(),
            Body::Founders => self.charter.founders.iter().map(|founder| (*founder, 1)).collect(),
        }
    }

    fn roll(&self, epoch: u32, locked_at: Option<u32>) -> Weights {
        let closing = self.closings[epoch as usize - 1];
        let below = self.size_at(closing).unwrap();
        let mut weights = Weights::new();
        for entry in &self.log[..below] {
            if let Entry::Bind(e) = entry
                && self.may_vote(e.lane.member, below)
                && !weights.contains_key(&e.lane.member)
            {
                weights.insert(e.lane.member, self.weight(e.lane.member, below, closing, locked_at));
            }
        }
        weights.retain(|_, weight| *weight > 0);
        weights
    }

    fn weight(&self, member: MemberId, below: usize, closing: u32, locked_at: Option<u32>) -> u128 {
        let (mut stake, mut aged) = (0u64, 0u128);
        for entry in &self.log[..below] {
            let Entry::Bind(bind) = entry else { continue };
            let Some(fact) = self.facts.iter().find(|fact| fact.outpoint == bind.body.funding) else { continue };
            let is_deep = fact.height + self.charter.stake_confirmations <= closing + 1;
            let is_spent = fact.spent_height.is_some_and(|spent| spent <= closing);
            let has_left = locked_at.zip(fact.released_height).is_some_and(|(height, left)| left <= height);
            if bind.lane.member != member || !is_deep || is_spent || has_left {
                continue;
            }
            let balance = self.log[..below].iter().rev().find_map(|entry| match entry {
                Entry::Checkpoint(e) if e.checkpoint.channel == bind.body.channel => Some(e.checkpoint.member_sat),
                _ => None,
            });
            let counted = balance.unwrap_or(0).min(fact.value_sat);
            stake += counted;
            if let WeightRule::StakeAge { cap_blocks } = self.charter.weight_rule {
                aged += u128::from(counted) * u128::from((closing - fact.height).min(cap_blocks));
            }
        }
        let min_stake_sat = match self.charter.admission {
            Admission::Open { min_stake_sat } | Admission::Vote { min_stake_sat } => min_stake_sat,
            other => unreachable!("no DAO here admits by {other:?}"),
        };
        if stake < min_stake_sat {
            return 0;
        }
        let weight = match self.charter.weight_rule {
            WeightRule::Stake => u128::from(stake),
            WeightRule::OneMemberOneVote => 1,
            WeightRule::SqrtStake => (0u64..).take_while(|root| root * root <= stake).last().unwrap().into(),
            WeightRule::StakeAge { .. } => aged,
            other => unreachable!("no DAO here weighs by {other:?}"),
        };
        self.charter.per_member_cap.map_or(weight, |cap| weight.min(cap.into()))
    }

    /// G-38, for DAOs that never admitted or expelled anybody.
    fn may_vote(&self, member: MemberId, below: usize) -> bool {
        let is_in = matches!(self.charter.admission, Admission::Open { .. }) || self.charter.founders.contains(&member);
        let term = self.charter.equivocation_suspension_epochs * self.charter.epoch_blocks;
        let is_suspended = (0..below).any(|at| match &self.log[at] {
            Entry::Equivocation(proof) if proof.member() == member => {
                self.height_of(at).unwrap() + term > self.height_of_size(below)
            }
            _ => false,
        });
        is_in && !is_suspended && !self.charter.guards.excluded_members.contains(&member)
    }
}
