//! Pauses: what they hold back, and for how long the expiry of what they hold back is put off.

use super::Ledger;
use crate::charter::Class;

/// Heights between which proposals of some classes are not authorised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseWindow {
    /// From this height on.
    pub from: u32,
    /// Until below this height.
    pub until: u32,
    /// Which classes.
    pub classes: Vec<Class>,
}

impl Ledger {
    /// Pauses ordered so far.
    #[must_use]
    pub fn pauses(&self) -> &[PauseWindow] {
        &self.pauses
    }

    /// Whether authorisations of a class are held back at a height (G-87).
    #[must_use]
    pub fn is_paused(&self, class: Class, height: u32) -> bool {
        self.pauses.iter().any(|p| (p.from..p.until).contains(&height) && p.classes.contains(&class))
    }

    /// Up to which height authorisations of a class are held back at a height, one pause after the other; `None` where none is.
    pub(super) fn paused_until(&self, class: Class, height: u32) -> Option<u32> {
        let holds = |pause: &&PauseWindow, height: u32| {
            (pause.from..pause.until).contains(&height) && pause.classes.contains(&class)
        };
        let next = |height: u32| self.pauses.iter().find(|pause| holds(pause, height)).map(|pause| pause.until);
        std::iter::successors(next(height), |until| next(*until)).last()
    }

    /// By how many blocks the expiry of something of a class that could have gone on from `from` on is put off at `height`:
    /// heights in pauses, each once, and at most `most` (G-87). So one pause only delays; it takes another vote to let a
    /// payment expire, and no row of pauses keeps one alive for ever.
    pub(super) fn put_off(&self, class: Class, from: u32, height: u32, most: u32) -> u32 {
        // No pause has held back what was not due when an epoch closed: its heights are those that P-7 gives.
        if from > self.closing_height {
            return 0;
        }
        let of_class = self.pauses.iter().filter(|pause| pause.classes.contains(&class));
        let mut spans: Vec<(u32, u32)> =
            of_class.map(|pause| (pause.from.max(from), pause.until.min(height))).collect();
        spans.sort_unstable();
        let (mut paused, mut counted_to) = (0u32, from);
        for (start, end) in spans {
            paused = paused.saturating_add(end.saturating_sub(start.max(counted_to)));
            counted_to = counted_to.max(end);
        }
        paused.min(most)
    }
}
