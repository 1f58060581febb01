//! What a stake rests on, output by output: the claimed funding output and those into which it was spliced (G-33, G-37).
//!
//! A splice adds coins to a channel or takes some out; the rest never moved. So a stake is a pile of layers: a splice that
//! adds puts a layer on top, one that takes out takes from the top. What lies below keeps its age and goes on counting.

use std::collections::BTreeMap;

use bitcoin::OutPoint;

use crate::roll::FundingFact;

/// Facts of one channel, from the claimed output to the newest into which it was spliced, heights ascending.
pub(crate) struct Lineage<'a>(Vec<&'a FundingFact>);

/// A stake as a pile: satoshis and the height since which they are locked, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layers(Vec<(u64, u32)>);

/// What became of a claimed output by some height (G-37).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// The member's coins went elsewhere.
    Released,
    /// They were spliced: height and satoshis of each output behind the first.
    Spliced(Vec<(u32, u64)>),
}

impl<'a> Lineage<'a> {
    /// The outputs of the channel claimed at `outpoint`, as far as they were mined at `height`.
    pub(crate) fn at(facts: &BTreeMap<OutPoint, &'a FundingFact>, outpoint: OutPoint, height: u32) -> Self {
        let successor = |fact: &&'a FundingFact| facts.get(&fact.successor?).copied();
        let chain = std::iter::successors(facts.get(&outpoint).copied(), successor);
        // No output comes after itself, whatever a caller says.
        Self(chain.take(facts.len()).take_while(|fact| fact.height <= height).collect())
    }

    pub(crate) fn outpoints(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.0.iter().map(|fact| fact.outpoint)
    }

    /// What counts of a balance at `height`: as much as every output since the newest one that is deep enough held (G-33).
    pub(crate) fn counted(&self, balance_sat: u64, height: u32, confirmations: u32) -> Option<Layers> {
        let newest = self.0.last()?;
        let deep = self.0.iter().rposition(|fact| fact.is_deep_at(height, confirmations))?;
        if newest.is_spent_at(height) {
            return None;
        }
        let mut layers = Layers::default();
        for (at, fact) in self.0.iter().enumerate().take(deep + 1) {
            let lasting = self.0[at..].iter().map(|later| later.value_sat).fold(balance_sat, u64::min);
            layers.grow_to(lasting, fact.height);
        }
        Some(layers)
    }

    /// What is left at `height` of what was locked earlier; `None` while the first output is the only one (G-37).
    pub(crate) fn left(&self, height: u32) -> Option<Left> {
        let newest = self.0.last()?;
        if newest.is_released_at(height) {
            return Some(Left::Released);
        }
        let later = self.0.get(1..).filter(|later| !later.is_empty())?;
        Some(Left::Spliced(later.iter().map(|fact| (fact.height, fact.value_sat)).collect()))
    }
}

impl Left {
    /// The most that is still there of what was locked at `height`: no output behind it holds less.
    pub(crate) fn of_locked_at(&self, height: u32) -> u64 {
        match self {
            Self::Released => 0,
            Self::Spliced(outputs) => {
                let behind = outputs.iter().filter(|(mined, _)| *mined > height);
                behind.map(|(_, value_sat)| *value_sat).fold(u64::MAX, u64::min)
            }
        }
    }
}

impl Layers {
    pub(crate) fn sat(&self) -> u64 {
        self.0.iter().fold(0, |sum, (sat, _)| sum.saturating_add(*sat))
    }

    /// Satoshis times age at `height`, no age above `cap_blocks`.
    pub(crate) fn aged(&self, height: u32, cap_blocks: u32) -> u128 {
        // Cannot saturate: satoshis have 51 bits, and blocks 32.
        let aged = self.0.iter().map(|(sat, since)| {
            let age = height.saturating_sub(*since).min(cap_blocks);
            u128::from(*sat) * u128::from(age)
        });
        aged.fold(0, u128::saturating_add)
    }

    /// The oldest `sat` of it.
    pub(crate) fn oldest(&self, sat: u64) -> Self {
        let mut kept = Self::default();
        for (of_layer, since) in &self.0 {
            kept.grow_to(kept.sat().saturating_add(*of_layer).min(sat), *since);
        }
        kept
    }

    fn grow_to(&mut self, sat: u64, since: u32) {
        let more = sat.saturating_sub(self.sat());
        if more > 0 {
            self.0.push((more, since));
        }
    }
}
