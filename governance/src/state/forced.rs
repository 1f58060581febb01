//! Entries that somebody put on Bitcoin because the hub would not take them (G-107).

use super::LogState;
use super::record::{Forced, Place};
use super::refusal::{Refusal, invalid};
use crate::entry::{Entry, EntryKind};
use crate::id::EntryId;

impl LogState {
    /// Gives the fact that `entry` is in a block of the best chain at `height`; the caller has checked its signatures. To be
    /// given before the first head by which that block is final, and in the order of the chain: that head weighs whether the
    /// log could have taken it, so that everybody judges alike, and no reorganisation makes them differ.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the log has weighed that height, or for a kind that nobody can force (G-107).
    pub fn see_on_bitcoin(&mut self, entry: Entry, height: u32) -> Result<(), Refusal> {
        let weighed = self.tip_height().filter(|tip| height.saturating_add(self.blocks_on_top()) <= *tip);
        if let Some(tip) = weighed {
            return invalid("G-107", format!("the log is at height {tip}, block {height} has to be told before"));
        }
        if !can_be_forced(entry.kind()) {
            return invalid("G-107", format!("nobody can force a {}", entry.kind().name()));
        }
        self.upcoming_forced.push((height, entry));
        Ok(())
    }

    /// The heights of the blocks that a head of `tip_height` weighs, first and last: those that it makes final. `None` when there
    /// are none.
    #[must_use]
    pub fn heights_to_weigh(&self, tip_height: u32) -> Option<(u32, u32)> {
        let last = tip_height.checked_sub(self.blocks_on_top())?;
        let weighed = self.tip_height().and_then(|tip| tip.checked_sub(self.blocks_on_top()));
        let first = weighed.map_or(0, |weighed| weighed.saturating_add(1));
        (first <= last).then_some((first, last))
    }

    /// Those of `entries` that the log does not have and could take now, one after the other in this order, by their indices. A
    /// hub that logs these at once has logged everything that is forced by then.
    #[must_use]
    pub fn loggable<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Vec<usize> {
        // Two entries that exclude each other are not both forced: no log could have both. So each is asked about with those
        // before it in the log; what comes in is rare, so the state is copied only when there is such a one.
        let (mut ahead, mut found) = (None::<Self>, Vec::new());
        for (index, entry) in entries.into_iter().enumerate() {
            let state = ahead.as_ref().unwrap_or(self);
            if state.positions.contains(&entry.id()) || state.check(entry).is_err() {
                continue;
            }
            found.push(index);
            let ahead = ahead.get_or_insert_with(|| self.clone());
            let applied = ahead.apply(ahead.size(), entry.clone());
            debug_assert!(applied.is_ok(), "it was checked: {applied:?}");
        }
        found
    }

    /// A head of `tip_height` is about to be applied: what the blocks hold that are final by it, and the log could take now, is
    /// forced.
    pub(super) fn weigh_forced(&mut self, tip_height: u32) {
        let upcoming = std::mem::take(&mut self.upcoming_forced);
        let on_top = self.blocks_on_top();
        let (mut reached, later): (Vec<(u32, Entry)>, Vec<_>) =
            upcoming.into_iter().partition(|(height, _)| height.saturating_add(on_top) <= tip_height);
        self.upcoming_forced = later;
        reached.sort_by_key(|(height, _)| *height);
        for index in self.loggable(reached.iter().map(|(_, entry)| entry)) {
            let Some((height, entry)) = reached.get(index) else { continue };
            self.forced.entry(entry.id()).or_insert(Forced { place: Place::of(entry), height: *height });
        }
    }

    /// Entries put on Bitcoin so long ago, `size` entries in, that a header without them authorises nothing.
    pub(super) fn overdue_forced(&self, size: u64, height: u32, delay: u32) -> impl Iterator<Item = EntryId> + '_ {
        // Before the block is final nobody knows that it holds the entry.
        let delay = delay.max(self.blocks_on_top());
        let overdue = self.forced.iter().filter(move |(id, forced)| {
            let is_missing = self.positions.get(id).is_none_or(|position| position >= size);
            let is_taken = forced.place.is_some_and(|place| self.is_taken(place, size));
            forced.height.saturating_add(delay) <= height && is_missing && !is_taken
        });
        overdue.map(|(id, _)| *id)
    }

    /// Blocks on top of one that is final; the number never changes.
    fn blocks_on_top(&self) -> u32 {
        self.params.charter.final_depth.saturating_sub(1)
    }
}

/// What a member can say alone. A bind and a checkpoint need the hub's part in a channel, and what only the hub says nobody
/// can say in its place.
#[must_use]
pub fn can_be_forced(kind: EntryKind) -> bool {
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
