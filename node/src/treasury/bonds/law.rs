//! Which bonds are held, free or taken at a height: pure, from what the log and the blocks say by then (T-91, T-92).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bitcoin::{OutPoint, ScriptBuf};

/// Blocks within which a hub brings its bond, from the head on that shows it is asked for (T-94).
pub(super) const BRING_WITHIN_BLOCKS: u32 = 144;

/// A bond as the blocks have it (T-90).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MadeBond {
    pub(super) outpoint: OutPoint,
    pub(super) sat: u64,
    pub(super) office: u32,
    pub(super) made_height: u32,
    /// Index of its treasury among the generations.
    pub(super) generation: usize,
    pub(super) back: ScriptBuf,
    /// Height of the block that spends it.
    pub(super) spent_height: Option<u32>,
}

/// What an office's fraud cost it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forfeit {
    pub(super) office: u32,
    pub(super) sat: u64,
    /// From this height on.
    pub(super) height: u32,
}

/// What the charter asks for from a height on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) height: u32,
    pub(super) bond_sat: u64,
    /// Blocks for which the bond of a former hub is held, since its fraud may still be proven.
    pub(super) window_blocks: u32,
    /// How many treasuries there are by then.
    pub(super) generations: usize,
}

/// What a bond is at some height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Free,
    Taken,
}

/// Everything that the states follow from.
#[derive(Debug, Clone, Default)]
pub(in crate::treasury) struct Bonds {
    pub(super) made: Vec<MadeBond>,
    /// In the order of their heights.
    pub(super) forfeits: Vec<Forfeit>,
    /// Heights at which offices ended, by office.
    pub(super) ended: Vec<u32>,
    /// In the order of their heights; the first is the founding charter's.
    pub(super) terms: Vec<Terms>,
}

impl Bonds {
    /// The bonds that a block at this height could spend, and what each is.
    pub(super) fn states(&self, height: u32) -> BTreeMap<OutPoint, State> {
        let taken = self.taken(height);
        let mut states = BTreeMap::new();
        let Some(terms) = self.terms_at(height) else { return states };
        let mut standing: BTreeMap<u32, u64> = BTreeMap::new();
        for bond in self.ordered(|bond| bond.made_height <= height && bond.spent_height.is_none_or(|at| at >= height)) {
            let state = match self.ended_height(bond.office, height) {
                _ if taken.contains(&bond.outpoint) => State::Taken,
                Some(ended) if ended.saturating_add(terms.window_blocks) <= height => State::Free,
                Some(_) => State::Held,
                None => {
                    let sum = standing.entry(bond.office).or_default();
                    let is_enough = *sum >= terms.bond_sat;
                    *sum = sum.saturating_add(bond.sat);
                    if is_enough { State::Free } else { State::Held }
                }
            };
            states.insert(bond.outpoint, state);
        }
        states
    }

    /// What an office has in the treasury in force that was not taken: T-94 counts nothing else.
    pub(super) fn brought(&self, office: u32, height: u32) -> u64 {
        let Some(present) = self.terms_at(height).map(|terms| terms.generations.saturating_sub(1)) else { return 0 };
        let states = self.states(height);
        let counted = self.made.iter().filter(|bond| bond.office == office && bond.generation == present);
        let standing = counted.filter(|bond| states.get(&bond.outpoint).is_some_and(|state| *state != State::Taken));
        standing.fold(0, |sum, bond| sum.saturating_add(bond.sat))
    }

    /// Height from which on the office is asked for its bond as it stands now; `None` before the first head.
    pub(super) fn asked_since(&self, office: u32, height: u32) -> Option<u32> {
        let now = self.terms_at(height)?;
        let known = self.terms.iter().filter(|terms| terms.height <= height);
        let same = |terms: &&Terms| terms.bond_sat == now.bond_sat && terms.generations == now.generations;
        let run = known.rev().take_while(same).last()?.height;
        let began = office.checked_sub(1).and_then(|before| self.ended_height(before, height)).unwrap_or(0);
        let own = self.forfeits.iter().filter(|forfeit| forfeit.office == office && forfeit.height <= height);
        let lost = own.map(|forfeit| forfeit.height).max().unwrap_or(0);
        Some(run.max(began).max(lost))
    }

    pub(super) fn terms_at(&self, height: u32) -> Option<&Terms> {
        self.terms.iter().rfind(|terms| terms.height <= height)
    }

    /// T-91: each forfeit takes of what was there and not taken yet, until it is reached.
    fn taken(&self, height: u32) -> BTreeSet<OutPoint> {
        let mut taken = BTreeSet::new();
        for forfeit in self.forfeits.iter().filter(|forfeit| forfeit.height <= height) {
            let was_there = |bond: &MadeBond| {
                bond.office == forfeit.office
                    && bond.made_height <= forfeit.height
                    && bond.spent_height.is_none_or(|at| at > forfeit.height)
            };
            let mut sum = 0u64;
            for bond in self.ordered(was_there) {
                if sum >= forfeit.sat {
                    break;
                }
                if taken.insert(bond.outpoint) {
                    sum = sum.saturating_add(bond.sat);
                }
            }
        }
        taken
    }

    fn ended_height(&self, office: u32, height: u32) -> Option<u32> {
        let ended = self.ended.get(usize::try_from(office).ok()?).copied()?;
        (ended <= height).then_some(ended)
    }

    /// T-91: of the newest treasury first, then the oldest first.
    fn ordered(&self, is_meant: impl Fn(&MadeBond) -> bool) -> Vec<&MadeBond> {
        let mut bonds: Vec<&MadeBond> = self.made.iter().filter(|bond| is_meant(bond)).collect();
        bonds.sort_by_key(|bond| (Reverse(bond.generation), bond.made_height, bond.outpoint));
        bonds
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::Txid;
    use bitcoin::hashes::Hash as _;

    use super::*;

    fn bond(n: u8, sat: u64, made_height: u32) -> MadeBond {
        let outpoint = OutPoint { txid: Txid::from_byte_array([n; 32]), vout: 0 };
        MadeBond { outpoint, sat, office: 0, made_height, generation: 0, back: ScriptBuf::new(), spent_height: None }
    }

    fn terms(height: u32, bond_sat: u64, generations: usize) -> Terms {
        Terms { height, bond_sat, window_blocks: 20, generations }
    }

    fn world(made: Vec<MadeBond>) -> Bonds {
        Bonds { made, terms: vec![terms(1, 1000, 1)], ..Bonds::default() }
    }

    fn states(bonds: &Bonds, height: u32) -> Vec<State> {
        bonds.states(height).into_values().collect()
    }

    #[test]
    fn what_the_charter_asks_for_is_held_and_the_rest_is_free() {
        let bonds = world(vec![bond(1, 600, 10), bond(2, 600, 11), bond(3, 5, 12)]);
        assert_eq!(states(&bonds, 9), []);
        assert_eq!(states(&bonds, 11), [State::Held, State::Held]);
        assert_eq!(states(&bonds, 12), [State::Held, State::Held, State::Free]);
        let lowered = Bonds { terms: vec![terms(1, 1000, 1), terms(30, 600, 1), terms(40, 0, 1)], ..bonds };
        assert_eq!(states(&lowered, 29), [State::Held, State::Held, State::Free]);
        assert_eq!(states(&lowered, 30), [State::Held, State::Free, State::Free]);
        assert_eq!(states(&lowered, 40), [State::Free; 3]);
    }

    #[test]
    fn a_bond_goes_when_a_newer_one_stands_in_the_new_treasury() {
        let mut newer = bond(2, 1000, 60);
        newer.generation = 1;
        let mut bonds = world(vec![bond(1, 1000, 10), newer]);
        bonds.terms.push(terms(50, 1000, 2));
        assert_eq!(states(&bonds, 59), [State::Held]);
        assert_eq!((bonds.brought(0, 49), bonds.brought(0, 50), bonds.brought(0, 60)), (1000, 0, 1000));
        assert_eq!((bonds.asked_since(0, 49), bonds.asked_since(0, 60)), (Some(1), Some(50)));
        assert_eq!(states(&bonds, 60), [State::Free, State::Held]);
    }

    #[test]
    fn a_former_hub_gets_it_back_after_the_window() {
        let mut bonds = world(vec![bond(1, 1000, 10)]);
        bonds.ended = vec![100];
        assert_eq!(states(&bonds, 99), [State::Held]);
        assert_eq!(states(&bonds, 119), [State::Held]);
        assert_eq!(states(&bonds, 120), [State::Free]);
        assert_eq!((bonds.brought(1, 120), bonds.asked_since(1, 120)), (0, Some(100)), "the new hub brings its own");
    }

    #[test]
    fn fraud_takes_it_also_after_the_office() {
        let mut bonds = world(vec![bond(1, 700, 10), bond(2, 700, 11), bond(3, 700, 12), bond(4, 700, 31)]);
        bonds.forfeits = vec![Forfeit { office: 0, sat: 1000, height: 30 }];
        assert_eq!(states(&bonds, 29), [State::Held, State::Held, State::Free]);
        assert_eq!(states(&bonds, 30), [State::Taken, State::Taken, State::Held], "until it is reached");
        assert_eq!(
            states(&bonds, 31),
            [State::Taken, State::Taken, State::Held, State::Held],
            "nothing that came later"
        );
        assert_eq!((bonds.brought(0, 31), bonds.asked_since(0, 31)), (1400, Some(30)));
        bonds.ended = vec![20];
        assert_eq!(states(&bonds, 40), [State::Taken, State::Taken, State::Free, State::Free]);
        // Another office's fraud takes nothing of this one.
        bonds.forfeits[0].office = 1;
        assert_eq!(states(&bonds, 40), [State::Free; 4]);
    }

    #[test]
    fn what_was_returned_is_not_taken_later() {
        let mut bonds = world(vec![bond(1, 1000, 10), bond(2, 1000, 11)]);
        bonds.made[0].spent_height = Some(15);
        bonds.forfeits = vec![Forfeit { office: 0, sat: 1000, height: 30 }];
        assert_eq!(states(&bonds, 15), [State::Held, State::Free], "as the block that spends it finds it");
        assert_eq!(states(&bonds, 16), [State::Held]);
        assert_eq!(states(&bonds, 30), [State::Taken]);
    }
}
