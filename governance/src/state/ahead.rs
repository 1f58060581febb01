//! What the next entries will be checked by and added to, read a little before their turn.
//!
//! A ballot looks up some twenty things that lie anywhere in memory, most of them by what it found just before. One ballot after
//! the other waits for each of them; asked for many ballots side by side, the processor waits for all at once.

use std::hint::black_box;

use super::LogState;
use super::record::ProposalRecord;
use crate::entry::{Ballot, Entry, LaneEntry};
use crate::id::EntryId;

/// Entries looked at side by side: about as many reads as a processor keeps in flight.
const ABREAST: usize = 16;

impl LogState {
    /// To be called with entries that are about to be checked and applied, in small groups. It changes nothing and promises
    /// nothing but that the next calls wait less for memory.
    pub fn look_ahead<'a>(&self, next: impl IntoIterator<Item = (EntryId, &'a Entry)>) {
        let mut ballots = next.into_iter().filter_map(|(id, entry)| match entry {
            Entry::Ballot(ballot) => Some((id, ballot)),
            _ => None,
        });
        loop {
            let mut group = [None; ABREAST];
            group.iter_mut().zip(&mut ballots).for_each(|(place, ballot)| *place = Some(ballot));
            if group[0].is_none() {
                return;
            }
            self.look_at(&group);
        }
    }

    /// Each step reads for all what the step before it found.
    fn look_at(&self, group: &[Option<(EntryId, &LaneEntry<Ballot>)>; ABREAST]) {
        let group = || group.iter().flatten();
        let mut read = 0u64;
        for (id, ballot) in group() {
            let key = &ballot.lane.member;
            read ^= u64::from(self.positions.touch(id) ^ self.lanes.touch(key) ^ self.members.touch(key));
            read ^= u64::from(self.proposals.touch(&ballot.body.proposal));
        }
        let mut proposals: [Option<&ProposalRecord>; ABREAST] = [None; ABREAST];
        for ((id, ballot), proposal) in group().zip(&mut proposals) {
            let key = &ballot.lane.member;
            *proposal = self.proposals.get(&ballot.body.proposal);
            read ^= self.positions.get(id).unwrap_or(0) ^ self.members.get(key).map_or(0, |member| member.joined);
            read ^= self.lanes.get(key).map_or(0, |lane| lane.sequence);
        }
        for ((_, ballot), proposal) in group().zip(&proposals) {
            let Some(proposal) = proposal else { continue };
            let member = self.member_of_key(&ballot.lane.member);
            read ^= u64::from(proposal.ballots.touch(&member)) ^ self.lanes.touch_ends(&member);
            if let Some(electorate) = self.electorate(proposal.snapshot_epoch) {
                read ^= u64::from(electorate.touch(&member));
            }
        }
        for ((_, ballot), proposal) in group().zip(&proposals) {
            let Some(proposal) = proposal else { continue };
            let member = self.member_of_key(&ballot.lane.member);
            let standing = proposal.ballots.standing(&member);
            read ^= standing.and_then(|record| record.fields.first()).map_or(0, |field| u64::from(*field));
            if let Some(electorate) = self.electorate(proposal.snapshot_epoch) {
                read ^= electorate.seat(&member).map_or(0, |seat| electorate.weight(seat) as u64);
            }
        }
        black_box(read);
    }
}
