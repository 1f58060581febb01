//! What waits until this node has read Bitcoin and the hub's log to their ends, and what is only told after a while.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Member;
use crate::api::ReadState;
use crate::chain::ChainEvent;
use crate::view;

/// Subject of the alarm about withheld data.
const DATA: &str = "data";

/// Subject of the alarm about a hub key by which nothing is signed.
const HUB_KEY: &str = "hub key";

/// For so long data may be missing before a person is told: that of a node which starts is on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// For so long after the start of a node its hub may be about to answer.
const CALLING: Duration = Duration::from_secs(12);

/// For so long when nobody listens at its address: it may be about to start.
const CALLING_NOBODY: Duration = Duration::from_secs(3);

/// Between two looks for missing data while no block comes.
const AGAIN: Duration = Duration::from_secs(1);

/// How far this node has read.
#[derive(Debug)]
pub(super) struct Freshness {
    begun: Instant,
    /// Whether the hub has answered since the start.
    pub(super) was_reached: bool,
    /// Whether the chain was read to its end since the start.
    at_tip: bool,
    missing: Option<Missing>,
}

/// How long a hub turns a folder away before a person hears of it: the hub takes about so long to notice a connection that was cut (N-443).
const TURNED_AWAY: Duration = Duration::from_secs(30);

/// The alarm about that.
pub(crate) const RIVAL: &str = "rival";

const RIVAL_WORDS: &str = "N-443: The hub answers and ends each connection of this folder at once, as it does while another folder with these keys is \
     connected. Use only the newest of the two: what an older one closes alone, the hub may take.";

impl Default for Freshness {
    fn default() -> Self {
        Self { begun: Instant::now(), was_reached: false, at_tip: false, missing: None }
    }
}

/// Data of a final link that is not here (N-83).
#[derive(Debug, Clone, Copy)]
struct Missing {
    since: Instant,
    judged: Instant,
}

impl Freshness {
    pub(super) fn on_chain(&mut self, event: &ChainEvent) {
        self.at_tip |= matches!(event, ChainEvent::Connected { at_tip: true, .. } | ChainEvent::CaughtUp);
    }
}

impl Member {
    /// N-425: whoever asks is told how far what is answered goes.
    pub(super) fn note_how_far(&mut self) -> Result<()> {
        let heard = (self.connected && self.life.greeted).then_some(self.hub_size);
        let calling = if self.shell.peers.is_absent(&self.hub) { CALLING_NOBODY } else { CALLING };
        let state = if self.life.refused.is_some() {
            Some(ReadState::Refused)
        } else if self.halted.is_some() {
            Some(ReadState::Halted)
        } else {
            match heard {
                None if !self.freshness.was_reached && self.freshness.begun.elapsed() < calling => {
                    Some(ReadState::Calling)
                }
                None => Some(ReadState::NoHub),
                Some(_) if self.shell.store.reads_anew() => Some(ReadState::Behind),
                Some(size) if self.shell.store.log_size()? < size => Some(ReadState::Behind),
                Some(_) if !self.freshness.at_tip => Some(ReadState::ChainBehind),
                Some(_) => None,
            }
        };
        let behind = state.map(|state| (state, heard));
        self.shell.revision += u64::from(self.shell.behind != behind);
        self.shell.behind = behind;
        Ok(())
    }

    /// N-443: what the hub does while another folder with these keys is connected is not silence, and no reason to close alone.
    pub(super) fn tell_turned_away(&mut self) {
        let turned_away = self.shell.peers.turned_away_for(&self.hub).is_some_and(|time| time >= TURNED_AWAY);
        let told = self.shell.alarms.contains_key(RIVAL);
        if turned_away && !self.connected && !told {
            self.shell.alarms.insert(RIVAL, RIVAL_WORDS.to_owned());
        } else if told && (self.connected || !turned_away) {
            self.shell.alarms.remove(RIVAL);
        } else {
            return;
        }
        self.shell.revision += 1;
    }

    /// T-306, T-309: whether a paper is too new or its author a treasurer can only be judged with the chain and the log read.
    pub(super) fn join_treasurers_if_current(&mut self) -> Result<()> {
        let is_read = self.shell.store.log_size()? >= self.hub_size && !self.shell.store.reads_anew();
        if self.connected && self.freshness.at_tip && is_read {
            self.shell.keep_joined(self.hub)?;
        }
        Ok(())
    }

    /// Tells a person when the data of a header that is on Bitcoin is not here (N-83).
    pub(super) fn judge_data(&mut self) -> Result<()> {
        let now = Instant::now();
        // What a light member's node reads anew is on its way as long as something comes, and of a hub that is away N-221 tells.
        if self.shell.store.reads_anew() && (!self.connected || self.reading.goes_on(PATIENCE)) {
            self.freshness.missing = None;
            self.shell.revision += u64::from(self.shell.alarms.remove(DATA).is_some());
            return Ok(());
        }
        let told = match view::withheld(&self.shell)?.into_iter().next() {
            None => {
                self.freshness.missing = None;
                self.shell.alarms.remove(DATA).is_some()
            }
            Some(first) => {
                let since = self.freshness.missing.map_or(now, |missing| missing.since);
                self.freshness.missing = Some(Missing { since, judged: now });
                let is_due = now.duration_since(since) >= PATIENCE;
                is_due && self.shell.alarms.insert(DATA, first.words.clone()).as_ref() != Some(&first.words)
            }
        };
        self.shell.revision += u64::from(told);
        Ok(())
    }

    /// Tells a person when the members gave the hub a key by which nothing is signed (N-132).
    pub(super) fn judge_hub_key(&mut self) {
        let words = view::silent_key(&self.shell);
        if self.shell.alarms.get(HUB_KEY) != words.as_ref() {
            match words {
                Some(words) => drop(self.shell.alarms.insert(HUB_KEY, words)),
                None => drop(self.shell.alarms.remove(HUB_KEY)),
            }
            self.shell.revision += 1;
        }
    }

    /// Missing data is looked for between blocks too: an alarm neither waits for the next one nor stands until then.
    pub(super) fn judge_missing_data(&mut self) -> Result<()> {
        match self.freshness.missing {
            Some(missing) if missing.judged.elapsed() >= AGAIN => self.judge_data(),
            _ => Ok(()),
        }
    }
}
