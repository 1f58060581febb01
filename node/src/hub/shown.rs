//! A hub that came back with an old disk, and members that show it how their channels stand (C-160 to C-165, N-336).

use std::collections::BTreeMap;

use althing_channels::Phase;
use althing_channels::wire::CheckpointShown;
use anyhow::Result;

use super::Hub;
use crate::api::{ApiError, Reply};
use crate::view;

/// Name of the alarm.
const ALARM: &str = "shown";

/// Checkpoints that members showed and the log does not bear out, by channel; in memory, since they are shown on every connection.
pub(super) type Shown = BTreeMap<u32, CheckpointShown>;

impl Hub {
    /// C-163: taken at once where the log has it; else the operator orders the close of that channel, or nobody does (N-336).
    pub(super) fn on_checkpoint_shown(&mut self, number: u32, shown: &CheckpointShown) -> Result<()> {
        let news = match self.shell.judge_shown(number, shown) {
            Ok((division, None)) => {
                self.shown.remove(&number);
                self.shell.take_division(number, division)?
            }
            Ok((division, Some(doubt))) => {
                let name = self.shell.stakes.channel(number).and_then(|channel| channel.machine.id());
                let name = name.map(|id| id.to_string()).unwrap_or_default();
                let words = format!(
                    "N-336: this hub's state of stake channel {name} is old. Its member shows checkpoint {} with both signatures, by which {} sat are the \
                     member's and {} sat the hub's; {doubt}. Who lost the newest state cannot know whether there is a newer one: to divide the channel by \
                     what is shown, order its close (althing channel close {}).",
                    division.number,
                    division.member_sat,
                    division.hub_sat,
                    name.get(..8).unwrap_or(&name)
                );
                self.shell.alarms.insert(ALARM, words);
                self.shell.revision += 1;
                self.shown.insert(number, shown.clone());
                self.shell.refuse_shown(number, &format!("{doubt}; it waits for the hub's operator (N-336)"))?
            }
            Err(why) => self.shell.refuse_shown(number, &format!("{why:#}"))?,
        };
        self.on_stake_news(&news);
        Ok(())
    }

    /// N-336: the operator orders the close of a channel whose member showed what the log does not bear out. `None` where there is no such
    /// channel: then it is closed like any other.
    pub(super) fn close_by_what_is_shown(&mut self, id: &str) -> Option<Result<Reply, ApiError>> {
        let number = self.shell.stakes.named(id).ok()?.number;
        let shown = self.shown.remove(&number)?;
        Some(self.divide_by(number, &shown).and_then(|()| {
            let channel = self.shell.stakes.named(id)?;
            Ok(Reply::Stake(view::stake(&self.shell, channel)))
        }))
    }

    fn divide_by(&mut self, number: u32, shown: &CheckpointShown) -> Result<(), ApiError> {
        self.expect_newest()?; // N-128
        let (division, _) = self
            .shell
            .judge_shown(number, shown)
            .map_err(|error| ApiError::invalid("C-163", format!("C-163: {error:#}")))?;
        let mut news = self.shell.take_division(number, division)?;
        if self.shell.stakes.channel(number).is_some_and(|channel| channel.machine.phase() == Phase::Ready) {
            news.extend(self.shell.begin_divided_close(number)?);
        }
        if self.shown.is_empty() {
            self.shell.alarms.remove(ALARM);
        }
        self.on_stake_news(&news);
        self.shell.commit_channels()?;
        Ok(())
    }
}
