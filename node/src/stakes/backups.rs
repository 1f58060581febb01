//! Backups of a member's channels: the hub keeps the newest, the member a second copy, and both give it back to whoever has the
//! seed words (C-90 to C-94).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use althing_channels::backup::{BackedUpChannel, Backup, BackupError, Gathering, MAX_BACKED_UP, counter_of, parts_of};
use althing_channels::wire::{BackupData, BackupFetch, BackupStore, BackupStored};
use althing_channels::{Channel, Msg, Phase, Side};
use althing_governance::ChannelId;
use althing_governance::id::MemberId;
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::PublicKey;

use super::{StakeChannel, StakeNews, channel_keys};
use crate::api::{ApiError, BackupChannel, BackupInfo, Keeping, Restored};
use crate::keys::{Keys, entropy, hex};
use crate::shell::Shell;
use crate::speaker::TREASURERS_FIRST;
use crate::store::{INCARNATION, Store, TREASURERS_INCARNATION};

/// Longest backup in bytes (C-90).
pub const MAX_BACKUP_BYTES: u64 = althing_channels::backup::MAX_BACKUP_BYTES as u64;

/// Name under which the counter of the newest own backup is stored.
pub(super) const COUNTER: &str = "backup_counter";

/// What is known about backups, in memory.
#[derive(Default)]
pub struct Backups {
    /// Member: counter of the newest own backup; grows with every stored change of a channel.
    counter: u64,
    /// Member: what was sent on this connection.
    sent: Option<u64>,
    /// Member: what the hub last said it holds, and when.
    held: Option<(u64, Instant)>,
    /// Member: the second copy.
    pub file: Option<PathBuf>,
    /// Hub: given by members, to be stored with the next durable step.
    given: BTreeMap<PublicKey, Vec<u8>>,
    /// Member: the hub was asked for the backup that it holds, and has not answered on this connection.
    awaited: bool,
    /// Of which a part has arrived, by who gives it: at most one of each, and of nobody without a channel here.
    arriving: BTreeMap<PublicKey, Gathering>,
}

impl Backups {
    /// As stored.
    ///
    /// # Errors
    /// On I/O.
    pub fn load(store: &Store, file: Option<PathBuf>) -> Result<Self> {
        Ok(Self { counter: stored_counter(store, COUNTER)?, file, ..Self::default() })
    }

    /// Counter that the next stored change of a member's channel has.
    pub(super) fn next_counter(&self) -> u64 {
        self.counter.saturating_add(1)
    }

    /// A change was stored under that counter.
    pub(super) fn counted(&mut self, counter: u64) {
        self.counter = counter;
    }

    /// Member: whether the hub may still give something newer than what came out of a backup.
    pub fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// Backups of members that the next durable step takes along.
    pub(super) fn given(&self) -> impl Iterator<Item = (String, &[u8])> {
        self.given.iter().map(|(member, sealed)| (backup_of(member), sealed.as_slice()))
    }
}

impl Shell {
    /// Member: gives the hub a backup of all channels as they now are, and writes the second copy. Called before every message that
    /// lets the hub go on (C-94), and after every reconnect.
    ///
    /// # Errors
    /// More channels than a backup holds, or I/O.
    pub fn send_backup(&mut self, hub: PublicKey) -> Result<()> {
        if self.backups.sent == Some(self.backups.counter) {
            return Ok(());
        }
        let Some(sealed) = self.sealed_backup()? else { return Ok(()) };
        if let Some(file) = self.backups.file.clone() {
            let written = self.expect_no_newer(&file).and_then(|()| write_whole(&file, &sealed));
            let written = written.with_context(|| format!("the second copy of the backup, {}", file.display()));
            self.settle_trouble("backup file", written);
        }
        self.backups.sent = Some(self.backups.counter);
        // A hub keeps backups of those alone who have a channel with it, which after a succession is nobody at first.
        if !self.stakes.iter().any(|channel| channel.peer == hub) {
            return Ok(());
        }
        for (part, sealed) in parts_of(&sealed) {
            self.peers.send(hub, Msg::BackupStore(BackupStore { sealed, part }));
        }
        Ok(())
    }

    /// N-123: a second copy that is newer than this folder is all that there is of what came behind it.
    fn expect_no_newer(&self, file: &Path) -> Result<()> {
        let Some(found) = self.second_copy(file) else { return Ok(()) };
        let own = self.backups.counter;
        ensure!(
            found.counter <= own,
            "N-123: it has counter {}, this folder {own}: it is newer, so it stays. This folder is not the newest: stop it, and begin anew from the \
             seed words and that file (althing restore --backup); if you know better, move the file away",
            found.counter
        );
        Ok(())
    }

    /// Member: the second copy, where it is there and of these keys.
    pub(super) fn second_copy(&self, file: &Path) -> Option<Backup> {
        Backup::open(&std::fs::read(file).ok()?, &self.keys.backup()).ok()
    }

    /// Member: the bytes of the second copy, for a folder that takes up its channels by itself (N-123).
    pub fn sealed_second_copy(&self) -> Option<Vec<u8>> {
        let file = self.backups.file.as_deref()?;
        self.second_copy(file)?;
        std::fs::read(file).ok()
    }

    /// Member: the connection is new; what was sent on the one before may be lost.
    pub fn forget_sent_backup(&mut self) {
        self.backups.sent = None;
    }

    /// Member: the hub is gone, and with it whatever it was asked.
    pub fn forget_asked_backup(&mut self) {
        self.backups.awaited = false;
    }

    /// Member: the hub holds this one now.
    pub fn on_backup_stored(&mut self, stored: &BackupStored) {
        self.backups.held = Some((stored.counter, Instant::now()));
        self.revision += 1;
    }

    /// Member: writes the newest backup to a file.
    ///
    /// # Errors
    /// C-90 when there is nothing to back up, or I/O.
    pub fn write_backup(&mut self, path: &Path) -> Result<BackupInfo> {
        let sealed = self.sealed_backup()?.context("C-90: there is no stake channel to back up")?;
        self.judge_target(path)?;
        write_whole(path, &sealed)?;
        Ok(BackupInfo { path: Some(path.to_owned()), ..inspect_backup(&self.keys, &sealed)? })
    }

    /// N-123: nothing but an older backup of these keys is replaced: neither keys nor a store, nor what is no file.
    fn judge_target(&self, path: &Path) -> Result<()> {
        let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
        let is_backup = found.is_file()
            && found.len() <= MAX_BACKUP_BYTES
            && std::fs::read(path).is_ok_and(|bytes| Backup::open(&bytes, &self.keys.backup()).is_ok());
        if is_backup {
            return Ok(());
        }
        let why = format!("N-123: {} is there and is no backup of these keys; name another file", path.display());
        Err(ApiError::invalid("N-123", why).into())
    }

    /// How well a channel is kept.
    pub fn keeping(&self, channel: &StakeChannel) -> Keeping {
        let is_member = channel.machine.side() == Side::Member;
        let held = self.backups.held.filter(|_| is_member);
        Keeping {
            backup_held: held.map(|(counter, _)| counter),
            backup_newest: is_member.then_some(self.backups.counter),
            backup_age_secs: held.map(|(_, at)| at.elapsed().as_secs()),
            backup_file: self.backups.file.clone().filter(|_| is_member),
            blobs: self.store.blobs_of(channel.number).map_or(0, |(count, _)| count),
            towers: self.tower_states(channel.number),
        }
    }

    /// Hub: keeps a member's backup when it is newer than the one held. It is durable with the next step that stores anything of
    /// that member's channels, and so no later than the revocation behind it.
    ///
    /// # Errors
    /// A backup that is too long or of another version, or I/O.
    pub fn keep_backup(&mut self, member: PublicKey, store: &BackupStore) -> Result<()> {
        // Only those with a channel here may make this node remember anything.
        ensure!(self.stakes.iter().any(|channel| channel.peer == member), "C-90: {member} has no stake channel here");
        let Some(sealed) = self.backups.arriving.entry(member).or_default().take(store.part, &store.sealed)? else {
            return Ok(());
        };
        self.backups.arriving.remove(&member);
        let given = counter_of(&sealed)?;
        let held = self.held_backup(&member)?.map_or(Ok(None), |sealed| counter_of(&sealed).map(Some))?;
        if held < Some(given) {
            self.backups.given.insert(member, sealed);
        } else {
            let counter = held.map_or(given, |held| held.max(given));
            self.peers.send(member, Msg::BackupStored(BackupStored { counter }));
        }
        Ok(())
    }

    /// Hub: stores the backups that no other step took along.
    ///
    /// # Errors
    /// On I/O.
    pub fn settle_backups(&mut self) -> Result<()> {
        if self.backups.given.is_empty() {
            return Ok(());
        }
        let Self { store, backups, .. } = self;
        store.write(|writer| backups.given().try_for_each(|(name, sealed)| writer.set_meta(&name, sealed)))?;
        self.backups_stored();
        Ok(())
    }

    /// Hub: what was given is on disk.
    pub(super) fn backups_stored(&mut self) {
        for (member, sealed) in std::mem::take(&mut self.backups.given) {
            if let Ok(counter) = counter_of(&sealed) {
                self.peers.send(member, Msg::BackupStored(BackupStored { counter }));
            }
        }
    }

    /// Hub: gives a member its backup back.
    ///
    /// # Errors
    /// On I/O.
    pub fn give_backup(&mut self, member: PublicKey) -> Result<()> {
        let Some(sealed) = self.held_backup(&member)? else {
            self.peers.send(member, Msg::BackupData(BackupData { sealed: None, part: None }));
            return Ok(());
        };
        for (part, sealed) in parts_of(&sealed) {
            self.peers.send(member, Msg::BackupData(BackupData { sealed: Some(sealed), part }));
        }
        Ok(())
    }

    /// A peer is gone: what it had begun to give begins anew with its next connection.
    pub fn forget_arriving_backup(&mut self, peer: &PublicKey) {
        self.backups.arriving.remove(peer);
    }

    /// Member: the hub's backup once its last part is here; within, `None` where the hub holds none.
    ///
    /// # Errors
    /// C-90 for parts that make no backup.
    pub fn gather_backup(&mut self, hub: PublicKey, data: &BackupData) -> Result<Option<Option<Vec<u8>>>, BackupError> {
        // What is no backup is an answer, too.
        self.backups.awaited = false;
        let Some(bytes) = &data.sealed else { return Ok(Some(None)) };
        let whole = self.backups.arriving.entry(hub).or_default().take(data.part, bytes)?;
        self.backups.awaited = whole.is_none();
        if whole.is_some() {
            self.backups.arriving.remove(&hub);
        }
        Ok(whole.map(Some))
    }

    /// Member: whether another channel fits into the backup, without which it could be lost with this machine (C-91).
    ///
    /// # Errors
    /// C-91 with how many there are.
    pub fn expect_room_in_backup(&self) -> Result<(), ApiError> {
        let lives = |channel: &&StakeChannel| {
            let phase = channel.machine.phase();
            channel.machine.side() == Side::Member && !matches!(phase, Phase::Closed | Phase::Failed)
        };
        let channels = self.stakes.iter().filter(lives).count();
        if channels < MAX_BACKED_UP {
            return Ok(());
        }
        let why = format!(
            "{channels} stake channels are open, and a backup holds at most {MAX_BACKED_UP}: one more could be lost with this machine. Close one first; nothing was spent"
        );
        Err(ApiError::invalid("C-91", why))
    }

    /// Member: asks for the hub's backup where nothing was done with any channel since it came out of one: the seed words may have had
    /// channels, and the hub may have a newer backup than the copy that was taken up while it was away (C-92).
    pub fn ask_for_untouched(&mut self, hub: PublicKey) {
        if self.stakes.iter().all(StakeChannel::is_untouched) {
            self.ask_for_backup(hub);
        }
    }

    /// Member: asks the hub for the backup that it holds.
    pub fn ask_for_backup(&mut self, hub: PublicKey) {
        self.backups.awaited = true;
        self.peers.send(hub, Msg::BackupFetch(BackupFetch {}));
    }

    /// Member: takes channels up from the newest of these backups. Nothing of it is ever broadcast; the channels go on when the hub
    /// shows that it is where they are (C-92). The lane starts anew, since entries may have been signed after the backup.
    ///
    /// # Errors
    /// A backup of other seed words or damaged, or I/O. A folder that has channels is left as it is, unless all of them came out of
    /// an older backup and nothing was done with them since. With what was found goes whether it was taken up now.
    pub fn restore_backup(
        &mut self,
        member: MemberId,
        from_hub: Option<&[u8]>,
        own: Option<&[u8]>,
    ) -> Result<(Restored, bool)> {
        let mut found = Restored { counter: None, source: None, channels: 0, sentences: Vec::new() };
        // What a hub gives that does not open is as much as nothing.
        let opens = |sealed: &&[u8]| Backup::open(sealed, &self.keys.backup()).is_ok();
        let is_damaged = from_hub.is_some_and(|sealed| !opens(&sealed));
        if is_damaged {
            found
                .sentences
                .push("The hub gave a backup that these seed words do not open; it was changed there.".to_owned());
        }
        let from_hub = from_hub.filter(opens);
        let counter = |sealed: Option<&[u8]>| sealed.map(counter_of).transpose();
        let (of_hub, of_own) = (counter(from_hub)?, counter(own)?);
        if let (Some(hub), Some(own)) = (of_hub, of_own)
            && hub < own
        {
            found.sentences.push(format!(
                "The hub gave an older backup (counter {hub}) than your own copy (counter {own}); yours is used. Keep both: an honest hub has the newest."
            ));
        }
        let (source, sealed) = match (from_hub, own) {
            (Some(_), Some(own)) if of_hub < of_own => ("file", own),
            (Some(hub), _) => ("hub", hub),
            (None, Some(own)) => ("file", own),
            (None, None) => {
                if !is_damaged {
                    found.sentences.push("There is no backup: neither the hub nor you have one.".to_owned());
                }
                return Ok((found, false));
            }
        };
        let backup = Backup::open(sealed, &self.keys.backup())?;
        let has_channels = self.stakes.iter().next().is_some();
        let is_untouched = self.stakes.iter().all(StakeChannel::is_untouched);
        // Taken up already, as a node does by itself that finds its folder empty; the hub may have let the channels go on since.
        let was_restored = |channel: &StakeChannel| channel.machine.restored_number().is_some();
        let is_here = |given: &BackedUpChannel| self.stakes.channel(given.index).is_some_and(was_restored);
        if has_channels && backup.counter <= self.backups.counter && backup.channels.iter().all(is_here) {
            found.counter = Some(self.backups.counter);
            found.source = Some(source.to_owned());
            found.channels = u32::try_from(backup.channels.len()).unwrap_or(u32::MAX);
            found.sentences.extend(self.stakes.iter().map(is_back));
            return Ok((found, false));
        }
        if has_channels && !(is_untouched && self.backups.counter < backup.counter) {
            let (own, given) = (self.backups.counter, backup.counter);
            found.sentences.push(match given > own {
                true => format!(
                    "This folder has channels already, of backup {own}, and they were used: backup {given} was left alone. It is taken up in a \
                     folder that `althing init` makes from the seed words."
                ),
                false => format!(
                    "This folder has channels already, of backup {own}; backup {given} is no newer and was left alone."
                ),
            });
            return Ok((found, false));
        }
        let mut restored = Vec::new();
        for channel in &backup.channels {
            let machine = Channel::decode(&channel.state, channel_keys(&self.keys, channel.index))
                .with_context(|| format!("stake channel {} in the backup", channel.index))?;
            restored.push(StakeChannel::new(channel.index, channel.peer, member, machine));
        }
        // Heights only grow, and nobody restores twice within a block: an incarnation that was never used. The source's own height:
        // this folder may have read few blocks yet.
        // A folder that takes up a newer backup knows what it has said itself.
        let logged = self.ledger.state().lane(&self.speaking_key(&member)).map_or(0, |lane| lane.incarnation);
        let incarnation = self.bitcoind.height()?.max(logged.saturating_add(1));
        let rows: Vec<_> = restored.iter().map(StakeChannel::row).collect();
        self.store.write(|writer| {
            for row in &rows {
                writer.put_channel(row)?;
            }
            writer.set_meta(COUNTER, &backup.counter.to_be_bytes())?;
            if has_channels {
                return Ok(());
            }
            writer.set_meta(INCARNATION, &incarnation.to_be_bytes())?;
            writer.set_meta(TREASURERS_INCARNATION, &TREASURERS_FIRST.saturating_add(incarnation).to_be_bytes())
        })?;
        self.backups.counter = backup.counter;
        found.counter = Some(backup.counter);
        found.source = Some(source.to_owned());
        found.channels = u32::try_from(restored.len()).unwrap_or(u32::MAX);
        for channel in restored {
            found.sentences.push(is_back(&channel));
            self.stakes.insert(channel);
        }
        self.rebuild_watch()?;
        self.revision += 1;
        Ok((found, true))
    }

    /// C-93: the log shows channels that went on after the state this folder has of them. They are never broadcast, and the other
    /// side is asked to close.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn judge_channels_by_log(&mut self) -> Result<Vec<StakeNews>> {
        if self.backups.awaited {
            return Ok(Vec::new());
        }
        let logged = self.ledger.state().channels();
        let newest: Vec<(u32, u64)> = self
            .stakes
            .iter()
            .filter_map(|channel| {
                let record = logged.get(&ChannelId(channel.machine.id()?.0))?;
                Some((channel.number, record.checkpoints.last()?.1.number))
            })
            .filter(|(number, newest)| {
                self.stakes.channel(*number).is_some_and(|channel| channel.machine.number() < *newest)
            })
            .collect();
        let mut news = Vec::new();
        for (number, newest) in newest {
            let effects = self.machine(number)?.judge_by_log(newest);
            if !effects.is_empty() {
                tracing::warn!(number, newest, "the log has a newer checkpoint than this folder");
                news.extend(self.carry_out(number, effects)?);
            }
        }
        Ok(news)
    }

    fn sealed_backup(&self) -> Result<Option<Vec<u8>>> {
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
            return Ok(None);
        }
        let backup = Backup { counter: self.backups.counter, channels };
        Ok(Some(backup.seal(&self.keys.backup(), entropy()?)?))
    }

    fn held_backup(&self, member: &PublicKey) -> Result<Option<Vec<u8>>> {
        match self.backups.given.get(member) {
            Some(given) => Ok(Some(given.clone())),
            None => self.store.meta(&backup_of(member)),
        }
    }
}

/// In words: that a channel came out of a backup.
fn is_back(channel: &StakeChannel) -> String {
    let (number, sat) = (channel.machine.number(), channel.machine.balances().member_sat);
    let id = channel.machine.id().map(|id| id.to_string()).unwrap_or_default();
    let how = match channel.is_untouched() {
        true => "It goes on when the hub is at the same place; nothing of the backup is ever broadcast.",
        false => "It has gone on since.",
    };
    format!("Stake channel {id} is back at checkpoint {number} with {sat} sat of yours. {how}")
}

/// What a sealed backup holds.
///
/// # Errors
/// A backup of other seed words or damaged.
pub fn inspect_backup(keys: &Keys, sealed: &[u8]) -> Result<BackupInfo> {
    let backup = Backup::open(sealed, &keys.backup())?;
    let mut channels = Vec::new();
    for channel in &backup.channels {
        let machine = Channel::decode(&channel.state, channel_keys(keys, channel.index))
            .with_context(|| format!("stake channel {} in the backup", channel.index))?;
        let balances = machine.balances();
        channels.push(BackupChannel {
            channel: machine.id().map(|id| id.to_string()).unwrap_or_default(),
            index: channel.index,
            peer: channel.peer.to_string(),
            number: channel.number,
            member_sat: balances.member_sat,
            hub_sat: balances.hub_sat,
        });
    }
    Ok(BackupInfo { counter: backup.counter, bytes: sealed.len() as u64, channels, path: None })
}

/// Replaces a file as a whole: whoever looks finds the old one or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).context("the backup needs a file name")?;
    let part = path.with_file_name(format!("{name}.part"));
    let mut file = std::fs::File::create(&part).with_context(|| format!("writing {}", part.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path).with_context(|| format!("writing {}", path.display()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(std::fs::File::open(folder)?.sync_all()?)
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
