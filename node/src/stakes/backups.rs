//! Backups of a member's channels: the hub keeps the newest, and gives it back to whoever has the seed words (C-90 to C-93).

use althing_channels::backup::{BackedUpChannel, Backup, counter_of};
use althing_channels::wire::{BackupData, BackupFetch, BackupStore, BackupStored};
use althing_channels::{Channel, Msg, Side};
use althing_governance::id::MemberId;
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::PublicKey;

use super::{StakeChannel, channel_keys};
use crate::keys::{entropy, hex};
use crate::shell::Shell;
use crate::store::{INCARNATION, Store};

/// Name under which the counter of the newest own backup is stored.
const COUNTER: &str = "backup_counter";

impl Shell {
    /// Member: gives the hub a backup of all channels as they now are. Sent again after every reconnect.
    ///
    /// # Errors
    /// More channels than a backup holds, or I/O.
    pub fn send_backup(&mut self, hub: PublicKey) -> Result<()> {
        let channels: Vec<BackedUpChannel> = self
            .stakes
            .iter()
            .filter(|channel| channel.machine.side() == Side::Member)
            .filter_map(|channel| {
                Some(BackedUpChannel {
                    index: channel.number,
                    peer: channel.peer,
                    state: channel.machine.encode_backup()?,
                    number: channel.machine.number(),
                })
            })
            .collect();
        if channels.is_empty() {
            return Ok(());
        }
        let counter = stored_counter(&self.store, COUNTER)?.saturating_add(1);
        // Before it is sent: two backups never have one counter.
        self.store.write(|writer| writer.set_meta(COUNTER, &counter.to_be_bytes()))?;
        let sealed = Backup { counter, channels }.seal(&self.keys.backup(), entropy()?)?;
        self.peers.send(hub, Msg::BackupStore(BackupStore { sealed }));
        Ok(())
    }

    /// Hub: keeps a member's backup when it is newer than the one held.
    ///
    /// # Errors
    /// A backup that is too long or of another version, or I/O.
    pub fn keep_backup(&mut self, member: PublicKey, store: &BackupStore) -> Result<()> {
        // Only those with a channel here may make this node remember anything.
        ensure!(self.stakes.iter().any(|channel| channel.peer == member), "C-90: {member} has no stake channel here");
        let name = backup_of(&member);
        let given = counter_of(&store.sealed)?;
        let held = self.store.meta(&name)?.map_or(Ok(None), |sealed| counter_of(&sealed).map(Some))?;
        if held < Some(given) {
            self.store.write(|writer| writer.set_meta(&name, &store.sealed))?;
        }
        let counter = held.map_or(given, |held| held.max(given));
        self.peers.send(member, Msg::BackupStored(BackupStored { counter }));
        Ok(())
    }

    /// Hub: gives a member its backup back.
    ///
    /// # Errors
    /// On I/O.
    pub fn give_backup(&mut self, member: PublicKey) -> Result<()> {
        let sealed = self.store.meta(&backup_of(&member))?;
        self.peers.send(member, Msg::BackupData(BackupData { sealed }));
        Ok(())
    }

    /// Member: asks for the backup when this folder has never had a channel: the seed words may have.
    pub fn ask_for_backup(&self, hub: PublicKey) {
        if self.stakes.iter().next().is_none() {
            self.peers.send(hub, Msg::BackupFetch(BackupFetch {}));
        }
    }

    /// Member: takes channels up from a backup. Nothing of it is ever broadcast; the channels go on when the hub shows that it is
    /// where they are (C-92). The lane starts anew, since entries may have been signed after the backup.
    ///
    /// # Errors
    /// A backup of other seed words or damaged, or I/O. A folder that has channels is left as it is.
    pub fn restore_backup(&mut self, member: MemberId, data: &BackupData) -> Result<usize> {
        let Some(sealed) = &data.sealed else { return Ok(0) };
        if self.stakes.iter().next().is_some() {
            return Ok(0);
        }
        let backup = Backup::open(sealed, &self.keys.backup())?;
        let mut restored = Vec::new();
        for channel in &backup.channels {
            let machine = Channel::decode(&channel.state, channel_keys(&self.keys, channel.index))
                .with_context(|| format!("stake channel {} in the backup", channel.index))?;
            restored.push(StakeChannel::new(channel.index, channel.peer, member, machine));
        }
        // Heights only grow, and nobody restores twice within a block: an incarnation that was never used.
        let incarnation = self.tip_height().max(1);
        let rows: Vec<_> = restored.iter().map(StakeChannel::row).collect();
        self.store.write(|writer| {
            for row in &rows {
                writer.put_channel(row)?;
            }
            writer.set_meta(COUNTER, &backup.counter.to_be_bytes())?;
            writer.set_meta(INCARNATION, &incarnation.to_be_bytes())
        })?;
        let count = restored.len();
        for channel in restored {
            self.stakes.insert(channel);
        }
        self.rebuild_watch()?;
        self.revision += 1;
        Ok(count)
    }

    /// C-93: the log shows channels that went on after the backup they came from.
    pub(super) fn check_restored(&mut self) {
        let logged = self.ledger.state().channels();
        let stale = self.stakes.iter().find_map(|channel| {
            channel.machine.restored_number()?;
            let record = logged.get(&althing_governance::ChannelId(channel.machine.id()?.0))?;
            let (number, newest) = (channel.machine.number(), record.checkpoints.last()?.1.number);
            (newest > number).then(|| {
                format!("C-93: stake channel {} was restored at checkpoint {number}, the log has {newest}. Nothing of it is broadcast; ask the hub to close it.", channel.number)
            })
        });
        match stale {
            Some(words) => drop(self.alarms.insert("restore", words)),
            None => drop(self.alarms.remove("restore")),
        }
    }
}

fn backup_of(member: &PublicKey) -> String {
    format!("backup/{}", hex(&member.serialize()))
}

fn stored_counter(store: &Store, name: &str) -> Result<u64> {
    match store.meta(name)? {
        None => Ok(0),
        Some(bytes) => Ok(u64::from_be_bytes(bytes.as_slice().try_into().context("the stored backup counter")?)),
    }
}
