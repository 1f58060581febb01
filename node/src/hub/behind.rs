//! Members that lost data can only take what this side's commitment pays them, so the hub closes for them (N-127), within a budget.

use std::collections::{BTreeSet, VecDeque};

use althing_channels::Phase;

use super::Hub;

/// Closes for members that are behind in [`BUDGET_BLOCKS`]: each costs the hub 320 vB (N-333).
const CLOSES_MAX: usize = 8;
/// Blocks that the budget is for.
const BUDGET_BLOCKS: u32 = 144;

/// Channels whose members said or proved that their state is old.
#[derive(Default)]
pub(super) struct Behind {
    /// Not closed yet, oldest channel first.
    waiting: BTreeSet<u32>,
    /// Heights of the closes in the budget's time.
    closed: VecDeque<u32>,
}

impl Hub {
    /// A member is behind.
    pub(super) fn close_for(&mut self, number: u32) {
        self.behind.waiting.insert(number);
        self.close_for_those_behind();
    }

    /// Closes for those who wait, as far as the budget goes. Called at every tip too.
    pub(super) fn close_for_those_behind(&mut self) {
        if !self.newness.is_sure() {
            return;
        }
        let tip = self.shell.tip_height();
        self.behind.closed.retain(|height| tip.saturating_sub(*height) < BUDGET_BLOCKS);
        for number in self.behind.waiting.clone() {
            let channel = self.shell.stakes.channel(number);
            let is_open =
                channel.is_some_and(|channel| matches!(channel.machine.phase(), Phase::Ready | Phase::Closing));
            if !is_open {
                self.behind.waiting.remove(&number);
                continue;
            }
            if let Err(refusal) = self.expect_shown(number) {
                tracing::warn!(number, refusal = refusal.message, "a member says that its state is old");
                continue;
            }
            if self.behind.closed.len() >= CLOSES_MAX {
                tracing::warn!(number, "N-333: closes for members that lost data are enough for now; this one waits");
                return;
            }
            self.behind.waiting.remove(&number);
            match self.shell.close_alone(number) {
                Ok(news) => {
                    self.behind.closed.push_back(tip);
                    tracing::warn!(number, ?news, "closing for a member that lost its state");
                }
                Err(error) => tracing::warn!(number, %error, "a member that lost its state asks to close"),
            }
        }
    }
}
