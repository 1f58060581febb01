//! Group commit (N-99): what the channels of one batch store goes to the disk in one transaction, and only then their messages go out.
//!
//! A hub has hundreds of channels and one disk; a transaction for each step of each would make them wait for one another. The order
//! that C-61 asks for stays: nothing leaves before what it follows from is durable. A member's node stores each step by itself.

use std::collections::BTreeMap;

use althing_channels::{Msg, Side};
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Stakes;
use super::backups::COUNTER;
use crate::shell::Shell;
use crate::store::{BlobRow, ChannelRow};

/// What the channels of the batch under way have to store, and to say behind that.
#[derive(Default)]
pub(super) struct Group {
    /// Whether steps are gathered at all.
    gathers: bool,
    steps: BTreeMap<u32, Step>,
    sends: Vec<Gathered>,
}

/// What one channel has to store.
struct Step {
    row: ChannelRow,
    side: Side,
    /// For towers: what punishes the commitments that were revoked.
    blobs: Vec<BlobRow>,
}

/// A message of a channel, by the channel's number, that waits for its batch.
pub(crate) type Gathered = (u32, PublicKey, Msg);

impl Stakes {
    /// From now on steps are gathered until [`Shell::commit_channels`].
    pub(crate) fn gather(&mut self) {
        self.group.gathers = true;
    }

    /// What was gathered of a channel is not to happen.
    pub(super) fn drop_gathered(&mut self, number: u32) {
        self.group.steps.remove(&number);
        self.group.sends.retain(|(of, ..)| *of != number);
    }

    /// The same of a channel that is forgotten; its peer still hears why.
    pub(super) fn drop_all_but_errors(&mut self, number: u32) {
        self.group.steps.remove(&number);
        self.group.sends.retain(|(of, _, message)| *of != number || matches!(message, Msg::PeerError(_)));
    }
}

impl Shell {
    /// Makes durable what the channels of this batch stored, in one transaction, and sends what waited for it.
    ///
    /// # Errors
    /// On I/O; the channels are then as they were last stored, and nothing of theirs was sent.
    pub fn commit_channels(&mut self) -> Result<()> {
        let sends = self.store_channels()?;
        self.send_gathered(sends);
        Ok(())
    }

    /// The first half of it: what is returned may be sent now, or behind something else that should arrive before.
    ///
    /// # Errors
    /// On I/O; the channels are then as they were last stored.
    pub(crate) fn store_channels(&mut self) -> Result<Vec<Gathered>> {
        let steps = std::mem::take(&mut self.stakes.group.steps);
        let sends = std::mem::take(&mut self.stakes.group.sends);
        if !steps.is_empty()
            && let Err(error) = self.store_steps(steps.values())
        {
            steps.keys().try_for_each(|number| self.restore_channel(*number))?;
            return Err(error);
        }
        Ok(sends)
    }

    /// The second half.
    pub(crate) fn send_gathered(&self, sends: Vec<Gathered>) {
        for (_, peer, message) in sends {
            self.peers.send(peer, message);
        }
    }

    /// Stores a channel, at once or with its batch.
    pub(super) fn persist_channel(&mut self, number: u32) -> Result<()> {
        self.persist_with(number, Vec::new())
    }

    /// Stores a channel with the blobs of what it revoked, at once or with its batch.
    pub(super) fn persist_with(&mut self, number: u32, blobs: Vec<BlobRow>) -> Result<()> {
        let channel = self.channel(number)?;
        let mut step = Step { row: channel.row(), side: channel.machine.side(), blobs };
        self.stakes.name(number);
        if !self.stakes.group.gathers {
            return self.store_steps([&step]);
        }
        if let Some(before) = self.stakes.group.steps.remove(&number) {
            step.blobs.splice(..0, before.blobs);
        }
        self.stakes.group.steps.insert(number, step);
        Ok(())
    }

    /// Stores steps with what belongs to them: blobs for towers, the counter of the member's next backup, and at a hub the backups
    /// that members gave it just before.
    fn store_steps<'a>(&mut self, steps: impl IntoIterator<Item = &'a Step>) -> Result<()> {
        let steps: Vec<&Step> = steps.into_iter().collect();
        let is_member = steps.iter().any(|step| step.side == Side::Member);
        let seals = steps.iter().any(|step| !step.blobs.is_empty());
        let counter = is_member.then(|| self.backups.next_counter());
        let Self { store, backups, .. } = self;
        store.write(|writer| {
            for step in steps {
                writer.put_channel(&step.row)?;
                writer.put_blobs(&step.blobs)?;
            }
            counter.map_or(Ok(()), |counter| writer.set_meta(COUNTER, &counter.to_be_bytes()))?;
            backups.given().try_for_each(|(name, sealed)| writer.set_meta(&name, sealed))
        })?;
        if let Some(counter) = counter {
            self.backups.counted(counter);
        }
        self.backups_stored();
        // C-85: not before it is stored, and not later: with a batch nothing of it was there when its channel was asked.
        if seals { self.offer_blobs() } else { Ok(()) }
    }

    /// Sends a message of a channel, behind what it follows from.
    pub(super) fn send_of_channel(&mut self, number: u32, message: Msg) -> Result<()> {
        let peer = self.channel(number)?.peer;
        if self.stakes.group.gathers {
            self.stakes.group.sends.push((number, peer, message));
        } else {
            self.peers.send(peer, message);
        }
        Ok(())
    }
}
