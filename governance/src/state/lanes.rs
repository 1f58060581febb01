//! What the log has of each vote key's lane: where it stands, and where its entries are.

use super::record::Run;
use super::{EntryId, Lane, MemberId};
use crate::entry::LaneHeader;
use crate::index::Index;

/// The lanes of all vote keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lanes {
    keys: Index<MemberId>,
    tracks: Vec<Track>,
}

/// What one vote key said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Track {
    lane: Option<Lane>,
    /// Positions by incarnation, ascending: an incarnation that is over has no further entry (G-21).
    runs: Vec<(u32, Run)>,
    /// Positions of all entries of the member who is named by this key, also of those that other keys signed since.
    spoken: Vec<u64>,
}

impl Lanes {
    /// Where the lane of a key stands; `None` before its first entry.
    pub(super) fn get(&self, key: &MemberId) -> Option<&Lane> {
        self.track(key)?.lane.as_ref()
    }

    /// The lane of a key goes on from here.
    pub(super) fn hand_over(&mut self, key: MemberId, lane: Lane) {
        if let Some(track) = self.track_mut(key) {
            track.lane = Some(lane);
        }
    }

    /// The entry of `member` at `position` is the next in this lane.
    pub(super) fn advance(&mut self, header: &LaneHeader, member: MemberId, position: u64, id: EntryId) {
        let lane = Lane { incarnation: header.incarnation, sequence: header.sequence, head: header.head_after(id) };
        if let Some(track) = self.track_mut(header.member) {
            track.lane = Some(lane);
            if track.runs.last().is_none_or(|(incarnation, _)| *incarnation != header.incarnation) {
                track.runs.push((header.incarnation, Run::from(header.sequence)));
            }
            if let Some((_, run)) = track.runs.last_mut() {
                run.push(position);
            }
            if member == header.member {
                track.spoken.push(position);
                return;
            }
        }
        if let Some(track) = self.track_mut(member) {
            track.spoken.push(position);
        }
    }

    /// Positions of a member's own entries, ascending.
    pub(super) fn spoken(&self, member: &MemberId) -> &[u64] {
        self.track(member).map_or(&[], |track| &track.spoken)
    }

    /// Position of what stands at a place in a lane.
    pub(super) fn placed(&self, key: &MemberId, incarnation: u32, sequence: u64) -> Option<u64> {
        let mut runs = self.track(key)?.runs.iter();
        runs.find(|(of, _)| *of == incarnation).and_then(|(_, run)| run.at(sequence))
    }

    /// Where incarnations above this one began.
    pub(super) fn later_begins(&self, key: &MemberId, incarnation: u32) -> impl Iterator<Item = u64> {
        let runs = self.track(key).map_or(&[][..], |track| &track.runs);
        runs.iter().filter(move |(of, _)| *of > incarnation).filter_map(|(_, run)| run.begins())
    }

    /// As [`crate::index::Places::touch`].
    pub(super) fn touch(&self, key: &MemberId) -> u32 {
        self.keys.touch(key)
    }

    /// Reads the ends to which the next entry of a key is added. The number keeps the reads from being left out.
    pub(super) fn touch_ends(&self, key: &MemberId) -> u64 {
        let Some(track) = self.track(key) else { return 0 };
        let last = track.runs.last().map_or(0, |(_, run)| run.touch_end());
        last ^ track.spoken.last().copied().unwrap_or(0)
    }

    fn track(&self, key: &MemberId) -> Option<&Track> {
        self.tracks.get(self.keys.number(key)?)
    }

    fn track_mut(&mut self, key: MemberId) -> Option<&mut Track> {
        let number = self.keys.insert(key)?;
        if number == self.tracks.len() {
            self.tracks.push(Track::default());
        }
        self.tracks.get_mut(number)
    }
}
