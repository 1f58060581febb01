//! Every ballot on one proposal, kept small: a log has more of them than of anything else.

use std::collections::BTreeMap;

use crate::id::MemberId;
use crate::index::Index;

/// Every ballot on one proposal: about 45 bytes for each member who voted, and 18 for each ballot of one field.
///
/// More than 2^32 ballots on one proposal, or fields in them, are not kept; a log of them would take hundreds of gigabytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ballots {
    /// In the order of the log.
    kept: Vec<Kept>,
    /// The fields of all of them, one after the other.
    fields: Vec<u16>,
    /// Who voted.
    voters: Index<MemberId>,
    /// The newest of each of them, as an index of `kept`.
    newest: Vec<u32>,
    /// Positions of ballots that were one of two for the same place, with the positions of the proofs.
    void: BTreeMap<u64, u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    position: u64,
    /// Where its fields begin; they end where those of the next ballot begin.
    fields: u32,
    /// The ballot of the same member before this one, as an index of `kept`; [`NONE`] for the first.
    before: u32,
}

const NONE: u32 = u32::MAX;

/// A ballot in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BallotRecord<'a> {
    /// Its position.
    pub position: u64,
    /// The choice as the voting system reads it.
    pub fields: &'a [u16],
    /// Position of the proof that it was one of two for the same place; it is void for counts that include the proof.
    pub void_from: Option<u64>,
}

impl Ballots {
    /// No ballots.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next ballot of the log on this proposal; `position` is above those of all others.
    pub fn push(&mut self, member: MemberId, position: u64, fields: &[u16]) {
        let (Ok(number), Ok(start)) = (u32::try_from(self.kept.len()), u32::try_from(self.fields.len())) else {
            return;
        };
        if number == NONE {
            return;
        }
        let Some(voter) = self.voters.insert(member) else { return };
        if voter == self.newest.len() {
            self.newest.push(NONE);
        }
        let before = std::mem::replace(&mut self.newest[voter], number);
        self.kept.push(Kept { position, fields: start, before });
        self.fields.extend_from_slice(fields);
    }

    /// The ballot at `position` is void from the proof at `proof` on; the first proof stays.
    pub fn void(&mut self, position: u64, proof: u64) {
        if self.kept.binary_search_by_key(&position, |kept| kept.position).is_ok() {
            self.void.entry(position).or_insert(proof);
        }
    }

    /// Whether a member has cast any ballot, void or not.
    #[must_use]
    pub fn has_cast(&self, member: &MemberId) -> bool {
        self.voters.number(member).is_some()
    }

    /// As [`crate::index::Places::touch`] of a voter.
    pub(crate) fn touch(&self, member: &MemberId) -> u32 {
        self.voters.touch(member)
    }

    /// How many members have cast any ballot, void or not.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.newest.len()
    }

    /// The ballots of a member, the newest first.
    pub fn of<'a>(&'a self, member: &MemberId) -> impl Iterator<Item = BallotRecord<'a>> + use<'a> {
        let newest = self.voters.number(member).and_then(|voter| self.newest.get(voter));
        self.back_from(newest.copied().unwrap_or(NONE))
    }

    /// The ballot of a member that stands now: the newest that is not void.
    #[must_use]
    pub fn standing(&self, member: &MemberId) -> Option<BallotRecord<'_>> {
        self.of(member).find(|record| record.void_from.is_none())
    }

    /// The ballot of a member that counts among the entries below `cutoff`: the last one there (G-42) that is not void by then
    /// (G-98).
    #[must_use]
    pub fn counted(&self, member: &MemberId, cutoff: u64) -> Option<BallotRecord<'_>> {
        self.of(member).find(counts_below(cutoff))
    }

    /// For each member with one, in their order, the ballot that counts among the entries below `cutoff`.
    pub fn all_counted(&self, cutoff: u64) -> impl Iterator<Item = (MemberId, BallotRecord<'_>)> {
        let counted = move |number: u32| self.back_from(number).find(counts_below(cutoff));
        self.in_order().filter_map(move |(member, number)| Some((*member, counted(number)?)))
    }

    /// Members who cast a ballot, in their order, each with their ballots, the newest first.
    pub fn by_member(&self) -> impl Iterator<Item = (&MemberId, impl Iterator<Item = BallotRecord<'_>>)> {
        self.in_order().map(|(member, number)| (member, self.back_from(number)))
    }

    /// Members in their order, each with the newest ballot.
    fn in_order(&self) -> impl Iterator<Item = (&MemberId, u32)> {
        let mut all: Vec<(&MemberId, u32)> = self.voters.ids().iter().zip(self.newest.iter().copied()).collect();
        all.sort_unstable_by_key(|(member, _)| *member);
        all.into_iter()
    }

    fn back_from(&self, number: u32) -> impl Iterator<Item = BallotRecord<'_>> {
        let mut next = number;
        std::iter::from_fn(move || {
            let (record, before) = self.record(next)?;
            next = before;
            Some(record)
        })
    }

    fn record(&self, number: u32) -> Option<(BallotRecord<'_>, u32)> {
        let number = usize::try_from(number).ok()?;
        let kept = self.kept.get(number)?;
        let end = self.kept.get(number + 1).map_or(self.fields.len(), |next| next.fields as usize);
        let fields = self.fields.get(kept.fields as usize..end)?;
        let void_from = self.void.get(&kept.position).copied();
        Some((BallotRecord { position: kept.position, fields, void_from }, kept.before))
    }
}

fn counts_below(cutoff: u64) -> impl Fn(&BallotRecord<'_>) -> bool {
    move |record| record.position < cutoff && record.void_from.is_none_or(|proof| proof >= cutoff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Who, what, and after how many further entries a proof makes it void.
    type Vote = (u8, Vec<u16>, Option<u8>);

    proptest! {
        #[test]
        fn it_tells_what_a_list_tells(
            votes in prop::collection::vec((0u8..6, prop::collection::vec(0u16..9, 0..4), prop::option::of(0u8..9)), 0..40),
            cutoff in 0u64..140,
        ) {
            let votes: Vec<(u64, Vote)> = (0u64..).step_by(3).zip(votes).collect();
            let proof = |position: u64, void: &Option<u8>| void.map(|after| position + u64::from(after));
            let mut ballots = Ballots::new();
            for (position, (who, fields, _)) in &votes {
                ballots.push(MemberId([*who; 32]), *position, fields);
            }
            for (position, (.., void)) in &votes {
                proof(*position, void).into_iter().for_each(|proof| ballots.void(*position, proof));
                // Later proofs and other positions change nothing.
                proof(*position, void).into_iter().for_each(|proof| ballots.void(*position, proof + 1));
                ballots.void(position + 1, 0);
            }
            let record = |(position, (_, fields, void)): &'_ (u64, Vote)| (*position, fields.clone(), proof(*position, void));
            for who in 0..7 {
                let member = MemberId([who; 32]);
                let own: Vec<_> = votes.iter().rev().filter(|(_, vote)| vote.0 == who).map(record).collect();
                let of: Vec<_> = ballots.of(&member).map(|b| (b.position, b.fields.to_vec(), b.void_from)).collect();
                prop_assert_eq!(&of, &own);
                prop_assert_eq!(ballots.has_cast(&member), !own.is_empty());
                let position = |found: Option<BallotRecord<'_>>| found.map(|record| record.position);
                let standing = own.iter().find(|(.., void)| void.is_none()).map(|(position, ..)| *position);
                prop_assert_eq!(position(ballots.standing(&member)), standing);
                let counts = |b: &&(u64, Vec<u16>, Option<u64>)| b.0 < cutoff && b.2.is_none_or(|proof| proof >= cutoff);
                let counted = own.iter().find(counts).map(|(position, ..)| *position);
                prop_assert_eq!(position(ballots.counted(&member, cutoff)), counted);
                let among_all = ballots.all_counted(cutoff).find(|(of, _)| *of == member).map(|(_, record)| record);
                prop_assert_eq!(position(among_all), counted);
            }
            let voters: std::collections::BTreeSet<u8> = votes.iter().map(|(_, (who, ..))| *who).collect();
            prop_assert_eq!(ballots.voters(), voters.len());
            let members: Vec<MemberId> = ballots.by_member().map(|(member, _)| *member).collect();
            prop_assert!(members.is_sorted() && ballots.all_counted(cutoff).all(|(member, _)| members.contains(&member)));
        }
    }
}
