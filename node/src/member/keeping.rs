//! What a member's node does so that neither a copy nor an old state of its folder speaks for it: leases, restores, and showing a hub
//! that lost its disk where the log ends.

use althing_channels::Msg;
use althing_channels::wire::{BackupData, LeaseClaim, LeaseGranted, LinkInfo, LogEnd, LogFetch, LogSegment};
use althing_governance::codec::Canonical as _;
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::Member;
use crate::api::{ApiError, BackupInfo, ErrorKind, Reply};
use crate::engine::Answer;
use crate::keys::{entropy, unhex};
use crate::shell::NEWEST_HEAD;
use crate::stakes::{StakeChannel, inspect_backup};
use crate::store::Store;

/// Name under which the counter of the lease is stored.
const LEASE: &str = "lease";

/// Name under which it is stored that the hub refused this folder.
const REFUSED: &str = "copy";

/// Lives without the hub of which a tower may tell.
const MOST_LIVES_UNHEARD: u64 = 1 << 32;

/// Segments handed to the hub for one question, as the hub does.
const SEGMENTS_PER_FETCH: u32 = 64;

/// The clause by which a hub refuses a copy.
pub(super) const COPY: &str = "N-125";

/// Which life of its folder this is (N-125).
pub(super) struct Life {
    claim: LeaseClaim,
    /// Never granted one before this start: made anew, from nothing or from the words.
    is_fresh: bool,
    granted: bool,
    /// Why the hub takes nothing from this folder any more.
    pub(super) refused: Option<String>,
    /// Whether the hub has said on this connection where its log ends.
    pub(super) greeted: bool,
    /// Whether restored channels wait for the log.
    waiting: bool,
    /// Who waits for the hub's backup, with the own copy.
    restoring: Option<(Answer, Option<Vec<u8>>)>,
}

impl Life {
    /// A new life begins: counted before anybody hears of it. A folder that was never granted one stays at 0 until it is.
    pub(super) fn begin(store: &mut Store) -> Result<Self> {
        let refused = store.meta(REFUSED)?.map(|text| String::from_utf8_lossy(&text).into_owned());
        let counter = match store.meta(LEASE)? {
            None => 0,
            // A copy that counted on would overtake the folder that lives.
            Some(_) if refused.is_some() => 0,
            Some(bytes) => {
                let last = u64::from_be_bytes(bytes.as_slice().try_into().context("the stored lease")?);
                let next = last.saturating_add(1);
                store.write(|writer| writer.set_meta(LEASE, &next.to_be_bytes()))?;
                next
            }
        };
        let claim = LeaseClaim { counter, token: entropy()? };
        Ok(Self {
            claim,
            is_fresh: counter == 0,
            granted: false,
            refused,
            greeted: false,
            waiting: false,
            restoring: None,
        })
    }

    /// What is said of this life to every hub.
    pub(super) fn claim(&self) -> LeaseClaim {
        self.claim
    }

    /// What is said of this life to a tower (N-260): of one that was made anew, only once the hub has counted it.
    fn claim_at_tower(&self) -> Option<LeaseClaim> {
        let counter = if self.is_fresh { 0 } else { self.claim.counter };
        (self.refused.is_none() && self.claim.counter > 0).then_some(LeaseClaim { counter, ..self.claim })
    }

    /// Whether other hubs are answered about their channels.
    pub(super) fn answers_others(&self) -> bool {
        self.refused.is_none() && !self.waiting
    }

    /// Whether the hub knows this life on this connection.
    pub(super) fn is_granted(&self) -> bool {
        self.granted && self.refused.is_none()
    }

    /// Whether messages about channels are answered: not before the hub knows this life, and not while restored channels wait.
    pub(super) fn answers(&self) -> bool {
        self.is_granted() && !self.waiting
    }

    /// The error for whatever would be signed.
    pub(super) fn permit(&self) -> Result<(), ApiError> {
        match &self.refused {
            None => Ok(()),
            Some(why) => Err(ApiError::invalid(COPY, why.clone())),
        }
    }
}

impl Member {
    /// The hub is connected: says which life this is, then hello. Everything else waits for the answer.
    pub(super) fn claim_lease(&mut self) {
        (self.life.granted, self.life.greeted) = (false, false);
        self.shell.peers.send(self.hub, Msg::LeaseClaim(self.life.claim));
        self.say_hello();
    }

    /// The hub knows of no later life: the work begins.
    pub(super) fn on_lease_granted(&mut self, granted: &LeaseGranted) -> Result<()> {
        if granted.token != self.life.claim.token || self.life.granted {
            return Ok(());
        }
        if self.life.claim.counter != granted.counter {
            self.shell.store.write(|writer| writer.set_meta(LEASE, &granted.counter.to_be_bytes()))?;
            self.life.claim.counter = granted.counter;
        }
        self.life.granted = true;
        if self.life.is_fresh {
            for tower in self.shell.towers.connected().collect::<Vec<_>>() {
                self.claim_at_tower(tower);
            }
        }
        self.on_hub_ready()
    }

    /// A tower is connected, or the hub has counted a life that was made anew: it is told which life this is (N-260).
    pub(super) fn claim_at_tower(&self, tower: PublicKey) {
        if let Some(claim) = self.life.claim_at_tower() {
            self.shell.peers.send(tower, Msg::LeaseClaim(claim));
        }
    }

    /// A tower that heard of lives of which the hub did not has counted further; so does the next life.
    pub(super) fn on_lease_at_tower(&mut self, granted: &LeaseGranted) -> Result<()> {
        let is_this = granted.token == self.life.claim.token && self.life.claim.counter > 0;
        // One that says any number must not bring the count to its end.
        let known = self.life.claim.counter;
        if is_this && granted.counter > known && granted.counter - known <= MOST_LIVES_UNHEARD {
            self.shell.store.write(|writer| writer.set_meta(LEASE, &granted.counter.to_be_bytes()))?;
        }
        Ok(())
    }

    /// The hub knows a later life of these keys: this folder is a copy, or was put back. Nothing is signed with it any more.
    pub(super) fn on_copy(&mut self, detail: &str) -> Result<()> {
        let text = format!(
            "The hub refuses this folder: {detail} Another folder with these keys has been in use since. Use that one; if it is lost, begin anew with the seed words and `althing restore`."
        );
        tracing::error!("{text}");
        // Also behind a restart nothing of this folder is broadcast: it would be what was revoked.
        self.shell.store.write(|writer| writer.set_meta(REFUSED, text.as_bytes()))?;
        self.shell.alarms.insert("copy", text.clone());
        self.shell.revision += 1;
        // A hub has one connection with each key: this one would keep the living folder away.
        self.shell.peers.leave(self.hub);
        self.life.refused = Some(text.clone());
        self.note_how_far()?;
        self.judge_data()?;
        let waiting =
            std::mem::take(&mut self.opening).into_values().chain(std::mem::take(&mut self.closing).into_values());
        let waiting = waiting.chain(self.life.restoring.take().map(|(answer, _)| answer));
        for answer in waiting {
            let _ = answer.try_send(Err(ApiError::invalid(COPY, text.clone())));
        }
        Ok(())
    }

    /// Where this node's log ends: a hub that lost its disk learns from it what is missing (N-128).
    pub(super) fn show_log_end(&self) -> Result<()> {
        self.show_log_end_to(self.hub)
    }

    /// The same to another hub.
    pub(super) fn show_log_end_to(&self, hub: PublicKey) -> Result<()> {
        // N-225: a light member has no log to give; by the head it still shows how long that of the hub was.
        let size = if self.shell.store.is_light() { 0 } else { self.shell.store.log_size()? };
        let head = self.shell.store.meta(NEWEST_HEAD)?.unwrap_or_default();
        self.shell.peers.send(hub, Msg::LogEnd(LogEnd { size, head }));
        Ok(())
    }

    /// The hub asks for its own log back.
    pub(super) fn give_log_back(&self, fetch: &LogFetch) -> Result<()> {
        self.give_log_to(self.hub, fetch)
    }

    /// The same to another hub.
    pub(super) fn give_log_to(&self, hub: PublicKey, fetch: &LogFetch) -> Result<()> {
        for segment in self.shell.store.segments_from(fetch.from_position, SEGMENTS_PER_FETCH)? {
            self.shell.peers.send(hub, Msg::LogSegment(LogSegment { segment: segment.to_bytes() }));
        }
        for row in self.shell.store.links()? {
            let info = LinkInfo { epoch: row.epoch, header: row.header, link: row.tx };
            self.shell.peers.send(hub, Msg::LinkInfo(info));
        }
        self.show_log_end_to(hub)
    }

    /// What no message needed the hub to have first (C-94) is given to it as well: an end, a splice that is locked.
    pub(super) fn bring_backup_up_to_date(&mut self) {
        if self.connected && self.life.answers() {
            let done = self.shell.send_backup(self.hub);
            self.shell.settle_trouble("backup", done);
        }
    }

    /// A backup that somebody has, and what it holds.
    ///
    /// # Errors
    /// C-90 or C-91 for what is no backup of these seed words.
    pub(super) fn judge_backup(&self, text: &str) -> Result<(Vec<u8>, BackupInfo), ApiError> {
        let sealed =
            unhex(text).map_err(|error| ApiError::invalid("C-91", format!("C-91: that is no backup: {error}")))?;
        let info = inspect_backup(&self.shell.keys, &sealed).map_err(no_backup)?;
        Ok((sealed, info))
    }

    /// Takes the channels up from the newest backup: the hub's, or the one given, which is judged before anybody is asked.
    pub(super) fn restore(&mut self, sealed: Option<String>, answer: &Answer) -> Result<Option<Reply>, ApiError> {
        let own = sealed.map(|text| self.judge_backup(&text)).transpose()?.map(|(sealed, _)| sealed);
        if self.life.is_granted() {
            self.shell.ask_for_backup(self.hub);
            self.life.restoring = Some((answer.clone(), own));
            return Ok(None);
        }
        // What came back is broadcast by nobody, and a newer one of the hub's takes its place, so nothing is lost by beginning with it.
        self.restore_without_hub(own).map(Some)
    }

    /// The hub is gone before it gave what it has.
    pub(super) fn give_up_on_hubs_backup(&mut self) {
        if let Some((answer, own)) = self.life.restoring.take() {
            drop(answer.try_send(self.restore_without_hub(own)));
        }
    }

    fn restore_without_hub(&mut self, own: Option<Vec<u8>>) -> Result<Reply, ApiError> {
        let hub = &self.shell.dao.hub;
        let own =
            own.ok_or_else(|| ApiError::not_now(format!("the hub {hub} is not reachable, and no backup was given")))?;
        self.take_backups(None, Some(&own))
    }

    pub(super) fn on_backup(&mut self, data: &BackupData) -> Result<()> {
        let sealed = match self.shell.gather_backup(self.hub, data) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return Ok(()), // the next part is on its way
            Err(error) => {
                tracing::warn!(%error, "the hub gives no whole backup");
                None
            }
        };
        let (answer, own) = self.life.restoring.take().unzip();
        // The member's own copy may be newer than what the hub gives.
        let own = own.flatten().or_else(|| self.shell.sealed_second_copy());
        let taken = self.take_backups(sealed.as_deref(), own.as_deref());
        match (answer, taken) {
            (Some(answer), taken) => drop(answer.try_send(taken)),
            (None, Ok(_)) => {}
            (None, Err(error)) => drop(self.shell.alarms.insert("restore", error.message)),
        }
        self.resume_restored()
    }

    fn take_backups(&mut self, from_hub: Option<&[u8]>, own: Option<&[u8]>) -> Result<Reply, ApiError> {
        let (found, is_new) = self.shell.restore_backup(self.me, from_hub, own).map_err(no_backup)?;
        if is_new {
            tracing::warn!(?found, "stake channels were restored from a backup");
            self.life.waiting = true;
        }
        Ok(Reply::Restored(Box::new(found)))
    }

    /// Takes channels up on a new connection. Those that came out of a backup wait for the log: a round that was under way is judged
    /// by it, and a refusal could not be taken back.
    pub(super) fn take_up_channels(&mut self) -> Result<()> {
        self.life.waiting = self.shell.stakes.iter().any(StakeChannel::is_untouched);
        self.life.waiting |= self.shell.store.reads_anew();
        if self.life.waiting {
            return self.resume_restored();
        }
        let news = self.shell.reconnect_channels(&self.hub)?;
        self.on_stake_news(news);
        Ok(())
    }

    /// Goes on with restored channels once the whole log is here.
    pub(super) fn resume_restored(&mut self) -> Result<()> {
        let ready =
            self.life.waiting && self.life.is_granted() && self.life.greeted && !self.shell.backups.is_awaited();
        if !ready || self.shell.store.log_size()? < self.hub_size || self.shell.store.reads_anew() {
            return Ok(());
        }
        self.life.waiting = false;
        // The hub said where its channels stand when this node could not answer; hello makes it say so again.
        self.say_hello();
        let news = self.shell.reconnect_channels(&self.hub)?;
        self.on_stake_news(news);
        self.queue_missing_binds()
    }
}

fn no_backup(error: anyhow::Error) -> ApiError {
    let message = format!("{error:#}");
    match ApiError::from(error) {
        ApiError { kind: ErrorKind::Ours, rule: Some(rule), .. } => ApiError::invalid(&rule, message),
        other => other,
    }
}
