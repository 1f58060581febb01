//! Group commit: what the channels of one batch store goes to the disk in one transaction, and only then their messages go out.
//!
//! A hub has hundreds of channels and one disk; a transaction for each step of each would make them wait for one another. The order
//! that C-61 asks for stays: nothing leaves before what it follows from is durable. A member's node stores each step by itself.

use std::collections::BTreeMap;

use althing_channels::Msg;
use anyhow::Result;
use bitcoin::secp256k1::PublicKey;

use super::Stakes;
use crate::shell::Shell;
use crate::store::ChannelRow;

/// What the channels of the batch under way have to store, and to say behind that.
#[derive(Default)]
pub(super) struct Group {
    /// Whether steps are gathered at all.
    gathers: bool,
    rows: BTreeMap<u32, ChannelRow>,
    sends: Vec<Gathered>,
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
        self.group.rows.remove(&number);
        self.group.sends.retain(|(of, ..)| *of != number);
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
        let rows = std::mem::take(&mut self.stakes.group.rows);
        let sends = std::mem::take(&mut self.stakes.group.sends);
        if !rows.is_empty()
            && let Err(error) = self.store.write(|writer| rows.values().try_for_each(|row| writer.put_channel(row)))
        {
            rows.keys().try_for_each(|number| self.restore_channel(*number))?;
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
        let row = self.channel(number)?.row();
        self.stakes.name(number);
        if self.stakes.group.gathers {
            self.stakes.group.rows.insert(number, row);
            return Ok(());
        }
        self.store.write(|writer| writer.put_channel(&row))
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
