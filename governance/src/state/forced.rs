//! Entries that somebody put on Bitcoin because the hub would not take them (G-107).

use super::LogState;
use super::record::Forced;
use super::refusal::{Refusal, invalid};
use crate::entry::{Entry, EntryKind};
use crate::id::EntryId;

impl LogState {
    /// Gives the fact that `entry` is in a block of the best chain at `height`; the caller has checked its signatures. To be
    /// given before the first head that reaches that height is applied, by which it is judged whether the log could have taken
    /// it: so that everybody judges alike.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the log is beyond that height, or for a kind that nobody can force (G-107).
    pub fn see_on_bitcoin(&mut self, entry: Entry, height: u32) -> Result<(), Refusal> {
        if self.tip_height().is_some_and(|tip| tip >= height) {
            let tip = self.tip_height().unwrap_or(0);
            return invalid("G-107", format!("the log is at height {tip}, block {height} has to be told before"));
        }
        if !can_be_forced(entry.kind()) {
            return invalid("G-107", format!("nobody can force a {}", entry.kind().name()));
        }
        self.upcoming_forced.push((height, entry));
        Ok(())
    }

    /// A head of `tip_height` is about to be applied: what blocks up to there hold, and the log could take now, is forced.
    pub(super) fn weigh_forced(&mut self, tip_height: u32) {
        let upcoming = std::mem::take(&mut self.upcoming_forced);
        let (reached, later) = upcoming.into_iter().partition(|(height, _)| *height <= tip_height);
        self.upcoming_forced = later;
        let reached: Vec<(u32, Entry)> = reached;
        for (height, entry) in reached {
            let id = entry.id();
            if self.positions.contains(&id) || self.check(&entry).is_err() {
                continue;
            }
            let place = entry.lane().map(|lane| (lane.member, lane.incarnation, lane.sequence));
            let forced = self.forced.entry(id).or_insert(Forced { place, height });
            forced.height = forced.height.min(height);
        }
    }

    /// Entries put on Bitcoin so long ago, `size` entries in, that a header without them authorises nothing.
    pub(super) fn overdue_forced(&self, size: u64, height: u32, delay: u32) -> impl Iterator<Item = EntryId> + '_ {
        let overdue = self.forced.iter().filter(move |(id, forced)| {
            let is_missing = self.positions.get(id).is_none_or(|position| position >= size);
            let is_passed = forced.place.is_some_and(|place| self.is_passed(place, size));
            forced.height.saturating_add(delay) <= height && is_missing && !is_passed
        });
        overdue.map(|(id, _)| *id)
    }
}

/// What a member can say alone. A bind and a checkpoint need the hub's part in a channel, and what only the hub says nobody
/// can say in its place.
fn can_be_forced(kind: EntryKind) -> bool {
    !matches!(
        kind,
        EntryKind::Bind
            | EntryKind::Checkpoint
            | EntryKind::Head
            | EntryKind::Anchored
            | EntryKind::Execution
            | EntryKind::GateRefill
            | EntryKind::SeenNote
    )
}
