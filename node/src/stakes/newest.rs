//! Whether this folder's state of a channel is the newest (C-150, C-151). A commitment of an older one is revoked: whoever puts it on
//! the chain loses everything in the channel, and a folder that was copied or put back does not look any different from inside.

use std::collections::BTreeSet;

use althing_channels::{Phase, Side};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Checkpoint;
use althing_governance::id::ChannelId;

use super::StakeChannel;
use crate::api::ApiError;
use crate::member::RIVAL;
use crate::shell::Shell;

/// What is known of this, in memory.
#[derive(Default)]
pub(crate) struct Newest {
    /// Channels for which the person said, since the start, that this folder is the newest.
    answered_for: BTreeSet<u32>,
    /// Entries under the longest log of which somebody showed a head.
    heard_of: u64,
}

impl Newest {
    /// Somebody showed a head of the log's hub over that many entries.
    pub(crate) fn heard_of(&mut self, entries: u64) {
        self.heard_of = self.heard_of.max(entries);
    }
}

impl Shell {
    /// Member: the person says that this folder is the newest with its keys, as far as a channel goes (C-150). It holds until the node
    /// stops.
    ///
    /// # Errors
    /// C-151 where something is known that contradicts it.
    pub fn answer_for_newest(&mut self, number: u32) -> Result<(), ApiError> {
        self.expect_not_old(number)?;
        self.newest.answered_for.insert(number);
        Ok(())
    }

    /// Member: whether the own commitment of a channel may be put on the chain.
    ///
    /// # Errors
    /// C-151 where a newer state is known, and C-150 where nobody has shown that there is none.
    pub fn expect_newest(&self, number: u32) -> Result<(), ApiError> {
        self.expect_not_old(number)?;
        let doubts = self.doubts(self.channel(number)?);
        if doubts.is_empty() {
            return Ok(());
        }
        let why = match known_secrets(self.channel(number)?) {
            Some(restored) => format!(
                "C-150: this channel came out of a backup, at checkpoint {restored}, and no checkpoint was made with secrets of its own since; whoever \
                 closes alone behind an old backup loses the whole stake. Make a checkpoint with the hub, close with it, or answer for the backup: althing channel close CHANNEL --force --newest"
            ),
            None => "C-150: nobody has shown since this node started that its folder is the newest with its keys; an old copy that closes alone \
                     loses the whole stake. Wait for the hub, or answer for the folder: althing channel close CHANNEL --force --newest"
                .to_owned(),
        };
        Err(ApiError::not_now(why))
    }

    /// Member: why it is not known that this folder's state of a channel is the newest, in sentences. None once the hub has shown it, the
    /// person answered for it, or it does not matter.
    pub(crate) fn doubts(&self, channel: &StakeChannel) -> Vec<String> {
        let machine = &channel.machine;
        if !is_open_question(channel) || self.newest.answered_for.contains(&channel.number) {
            return Vec::new();
        }
        let sat = machine.balances().member_sat;
        let mut doubts = match known_secrets(channel) {
            // A hub that gave an old backup has the secrets of what came behind it, up to the first checkpoint of the new life (C-156).
            Some(restored) => vec![
                format!(
                    "This channel came out of a backup, at checkpoint {restored}; no checkpoint was made with secrets of its own since."
                ),
                format!(
                    "If that backup was not the newest, the hub knows how to punish what is broadcast now: it takes all of the {sat} sat. Closing together is safe."
                ),
            ],
            None => vec![
                "The hub has not shown where this channel stands since this node started.".to_owned(),
                format!(
                    "If this folder is an old copy, or was put back from one, what it broadcasts is revoked: the hub takes all of the {sat} sat."
                ),
            ],
        };
        doubts.push(self.age_words(channel));
        let size = self.ledger.state().size();
        if self.newest.heard_of > size {
            let heard_of = self.newest.heard_of;
            doubts.push(format!(
                "Somebody showed a log of {heard_of} entries, of which this folder has {size}: what is missing may tell of a newer checkpoint."
            ));
        }
        // N-83, N-443
        doubts.extend(["data", RIVAL].iter().filter_map(|alarm| self.alarms.get(*alarm).cloned()));
        doubts.extend(self.towers.life_words());
        doubts.push(
            "Go on only if you know that no folder with these keys was used later than this one. Otherwise use that one, or begin anew from the \
             seed words: then nothing is lost."
                .to_owned(),
        );
        doubts
    }

    /// C-151: what proves that this folder is not the newest, or is said by whom the person chose to watch.
    fn expect_not_old(&self, number: u32) -> Result<(), ApiError> {
        let channel = self.channel(number)?;
        let own = channel.machine.number();
        let since = "nothing of this channel is broadcast from here. Use the newer folder, or begin anew from the seed words and `althing restore`";
        let refuse = |why: String| Err(ApiError::invalid("C-151", format!("C-151: {why}; {since}")));
        if !may_be_old(channel) {
            return Ok(());
        }
        if let Some(logged) = self.newest_logged(channel).filter(|logged| *logged > own) {
            return refuse(format!("the log has checkpoint {logged} of this channel, this folder {own}"));
        }
        if let Some((path, kept)) = self.second_copy_of(channel).filter(|(_, kept)| *kept > own) {
            return refuse(format!(
                "the second copy of the backup, {}, has checkpoint {kept} of this channel, this folder {own}",
                path.display()
            ));
        }
        if let Some((tower, words)) = self.towers.later_life() {
            return refuse(format!(
                "the watchtower {tower} knows a later use of this folder ({words}). If it errs, take it from the settings: althing tower remove"
            ));
        }
        Ok(())
    }

    pub(super) fn newest_logged(&self, channel: &StakeChannel) -> Option<u64> {
        let id = ChannelId(channel.machine.id()?.0);
        Some(self.ledger.state().channels().get(&id)?.checkpoints.last()?.1.number)
    }

    /// The number of the channel in the second copy of the backup, which lies outside the folder (N-123) and may have been renewed since.
    fn second_copy_of(&self, channel: &StakeChannel) -> Option<(std::path::PathBuf, u64)> {
        let path = self.backups.file.clone()?;
        let backup = self.second_copy(&path)?;
        let kept = backup.channels.iter().find(|kept| (kept.index, kept.peer) == (channel.number, channel.peer))?;
        Some((path, kept.number))
    }

    fn age_words(&self, channel: &StakeChannel) -> String {
        let (number, tip) = (channel.machine.number(), self.tip_height());
        let state = self.ledger.state();
        let record = channel.machine.id().and_then(|id| state.channels().get(&ChannelId(id.0)));
        let logged = record.and_then(|record| record.checkpoints.iter().rfind(|(_, c)| c.number == number));
        let opening = || Checkpoint::from_bytes(&channel.machine.checkpoint()?.bytes).ok();
        let made = logged.map(|(_, checkpoint)| checkpoint.clone()).or_else(|| opening().filter(|_| number == 0));
        let ago = |height: u32| format!("at height {height}, {} blocks ago", tip.saturating_sub(height));
        format!(
            "Checkpoint {number}, the newest here, was made {}; the newest signed head of the log here is {}.",
            made.map_or(
                "at a time that the log here does not tell".to_owned(),
                |checkpoint| ago(checkpoint.tip_height)
            ),
            state.tip_height().map_or("missing".to_owned(), ago)
        )
    }
}

/// Whether it matters, and nothing but the person can answer it: the other side has not, or could have given the backup that the channel came
/// out of.
fn is_open_question(channel: &StakeChannel) -> bool {
    may_be_old(channel) && (known_secrets(channel).is_some() || !channel.machine.peer_has_shown())
}

/// The checkpoint at which a backup brought the channel back, while whoever served it may have the secrets of what would be broadcast (C-156).
fn known_secrets(channel: &StakeChannel) -> Option<u64> {
    channel.machine.restored_number().filter(|_| channel.machine.secret_may_be_known())
}

/// Whether an old state could be broadcast. What is signed is never revoked any more, and what came out of a backup untouched or is behind is
/// refused by its own clause (C-92, C-132). What the other side shows does not answer it: a hub can take an old state for the newest as
/// long as it likes.
fn may_be_old(channel: &StakeChannel) -> bool {
    let machine = &channel.machine;
    matches!(machine.phase(), Phase::AwaitConfirmation | Phase::Ready | Phase::Closing)
        && machine.side() == Side::Member
        && !channel.is_untouched()
        && !machine.is_behind()
}
