//! What a hub does against copies: of a member's folder (leases, N-125), and of its own (N-128).
//!
//! A hub whose disk was lost, or put back from an old copy, would sign a second log beside the first. So after every start it signs
//! nothing before it knows that no member has more of its log than it has itself; what is missing it takes back from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use althing_channels::Msg;
use althing_channels::wire::{LeaseClaim, LeaseGranted, LinkInfo, LogEnd, LogFetch, PeerError};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::LogHead;
use althing_governance::epoch::EpochHeader;
use althing_governance::signing::Signed;
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::Hub;
use crate::api::{ApiError, Reply};
use crate::keys::hex;
use crate::lease::life_of;
use crate::ledger::LedgerError;
use crate::peers::PeerId;
use crate::store::Segment;

/// How long a hub waits for members that know more, after one came that knows less.
const GRACE: Duration = Duration::from_secs(5);

/// How long a member that promised more of the log may keep the hub waiting.
const PATIENCE: Duration = Duration::from_secs(20);

/// Links that are remembered until the log is whole.
const LINKS_MAX: usize = 4096;

/// Messages about channels that wait meanwhile.
const DEFERRED_MAX: usize = 1024;

/// How often it is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether the log of this folder is the newest there is.
pub(super) struct Newness {
    known: Known,
    /// Where the logs of those who are connected end.
    shown: BTreeMap<PublicKey, u64>,
    /// The newest heads that they show: a light member has no log to give, but knows how long it was (N-225).
    heads: BTreeMap<PublicKey, Vec<u8>>,
    /// Members that promised more log than they had.
    idle: BTreeSet<PublicKey>,
    /// From whom the log was last taken back.
    gave: Option<PublicKey>,
    /// Links that members gave back, to be checked when the log is whole.
    pub(super) links: Vec<LinkInfo>,
    /// When members were last asked for links that Bitcoin has and nobody told of.
    asked_links: Option<Instant>,
    /// What members said of their channels meanwhile.
    deferred: Vec<(PublicKey, Msg)>,
    /// The operator has said that this folder was not put back (N-332).
    answered_for: bool,
}

enum Known {
    /// Nobody has shown anything yet, or only less; since when.
    Unsure(Option<Instant>),
    /// A member has more; what is missing is asked of it.
    Rebuilding(Rebuilding),
    /// The log here is as new as any.
    Sure,
}

#[derive(Clone, Copy)]
struct Rebuilding {
    from: PublicKey,
    /// When something last came, or could not be judged because the chain is behind.
    progress: Instant,
    /// Size of the log when more was last asked for, and when that was.
    asked: (u64, Instant),
}

impl Newness {
    pub(super) fn unknown() -> Self {
        Self {
            known: Known::Unsure(None),
            shown: BTreeMap::new(),
            heads: BTreeMap::new(),
            idle: BTreeSet::new(),
            gave: None,
            links: Vec::new(),
            asked_links: None,
            deferred: Vec::new(),
            answered_for: false,
        }
    }

    /// Of a log that was begun here a moment ago.
    pub(super) fn certain() -> Self {
        Self { known: Known::Sure, ..Self::unknown() }
    }

    /// A link that a member tells of while the log comes back.
    pub(super) fn note_link(&mut self, info: LinkInfo) {
        if !self.is_sure() && self.links.len() < LINKS_MAX && !self.links.contains(&info) {
            self.links.push(info);
        }
    }

    /// A message about a channel waits. What is too much is lost as with the connection, and said again after a reconnect.
    pub(super) fn defer(&mut self, peer: PublicKey, message: Msg) {
        if self.deferred.len() < DEFERRED_MAX {
            self.deferred.push((peer, message));
        }
    }

    /// The peer is gone; what it said on that connection no longer counts.
    pub(super) fn forget(&mut self, peer: &PublicKey) {
        self.deferred.retain(|(from, _)| from != peer);
        self.shown.remove(peer);
        self.heads.remove(peer);
        self.idle.remove(peer);
        if self.takes_from(peer) {
            self.known = Known::Unsure(None);
        }
    }

    /// Who shows the longest log beyond `size`.
    fn longest_beyond(&self, size: u64) -> Option<PublicKey> {
        let beyond = self.shown.iter().filter(|(peer, end)| **end > size && !self.idle.contains(peer));
        beyond.max_by_key(|(_, end)| **end).map(|(peer, _)| *peer)
    }

    fn takes_from(&self, peer: &PublicKey) -> bool {
        matches!(self.known, Known::Rebuilding(Rebuilding { from, .. }) if from == *peer)
    }

    fn progress(&mut self) {
        if let Known::Rebuilding(at) = &mut self.known {
            at.progress = Instant::now();
        }
    }

    /// Whether anything may be signed.
    pub(super) fn is_sure(&self) -> bool {
        matches!(self.known, Known::Sure)
    }
}

impl Hub {
    /// N-128: `Err` while it is not known that this log is the newest.
    pub(super) fn expect_newest(&self) -> Result<(), ApiError> {
        if self.newness.is_sure() {
            return Ok(());
        }
        Err(ApiError { rule: Some("N-128".into()), ..ApiError::not_now(self.unsure_words()) })
    }

    /// N-332: `Err` while a member has not shown that this folder's state of its channel is not an old one.
    pub(super) fn expect_shown(&self, number: u32) -> Result<(), ApiError> {
        let channel = self.shell.stakes.channel(number);
        // One that is known to be old is refused by its own clause.
        let known = channel.is_none_or(|channel| channel.machine.peer_has_shown() || channel.machine.is_behind());
        if self.newness.answered_for || known {
            return Ok(());
        }
        let words = "N-332: the member has not shown since the start of this hub where the channel stands; if this folder was put back from an old copy, closing alone loses the hub's part. Wait for the member, or answer for the folder: althing hub confirm";
        Err(ApiError { rule: Some("N-332".into()), ..ApiError::not_now(words.to_owned()) })
    }

    fn unsure_words(&self) -> String {
        let size = self.shell.ledger.state().size();
        match self.newness.known {
            Known::Rebuilding(_) => {
                format!(
                    "N-128: this hub takes its log back from a member; it has {size} entries so far and signs nothing meanwhile"
                )
            }
            _ => format!(
                "N-128: this hub has not seen since its start that its log of {size} entries is the newest; it signs nothing before a member shows so"
            ),
        }
    }

    /// N-125: of two lives of one member's keys the later goes on, the earlier is refused for good.
    pub(super) fn on_lease_claim(&mut self, peer: PublicKey, claim: &LeaseClaim) -> Result<()> {
        let name = format!("lease/{}", hex(&peer.serialize()));
        let known = match self.shell.store.meta(&name)? {
            None => None,
            Some(bytes) => {
                let (counter, token) = bytes.split_first_chunk::<8>().context("a stored lease")?;
                let token = token.try_into().context("a stored lease")?;
                Some(LeaseClaim { counter: u64::from_be_bytes(*counter), token })
            }
        };
        let Some(counter) = life_of(known.as_ref(), claim) else {
            let last = known.map_or(0, |known| known.counter);
            self.copies.insert(peer);
            let detail = format!("N-125: the folder is in its life {}, this hub knows life {last}.", claim.counter);
            tracing::warn!(%peer, detail, "a copy");
            self.shell.peers.send(peer, Msg::PeerError(PeerError::new("N-125", &detail, None)));
            return Ok(());
        };
        self.copies.remove(&peer);
        let mut row = counter.to_be_bytes().to_vec();
        row.extend(claim.token);
        if known != Some(LeaseClaim { counter, token: claim.token }) {
            self.shell.store.write(|writer| writer.set_meta(&name, &row))?;
        }
        self.shell.peers.send(peer, Msg::LeaseGranted(LeaseGranted { counter, token: claim.token }));
        Ok(())
    }

    /// A member shows where its copy of this hub's log ends.
    pub(super) fn on_log_end(&mut self, peer: PublicKey, end: &LogEnd) -> Result<()> {
        let size = self.shell.store.log_size()?;
        if self.newness.is_sure() {
            // Entries that a member has and this hub signed: only a head proves it, a number may be anything.
            if self.signed_beyond(&end.head, size) {
                let error = anyhow::anyhow!(
                    "N-128: a member shows a head of this hub's own over more entries than the {size} here: this folder is old. Nothing more is signed."
                );
                self.shell.trouble("newness", &error);
                self.newness = Newness::unknown();
                self.newness.heads.insert(peer, end.head.clone());
                self.ask_for_log(peer, size);
            }
            return Ok(());
        }
        self.newness.shown.insert(peer, end.size);
        self.newness.heads.insert(peer, end.head.clone());
        // The end of an answer; the next piece, if this one brought anything.
        if let Known::Rebuilding(at) = self.newness.known
            && (at.from, at.asked.0 < size && size < end.size) == (peer, true)
        {
            self.ask_for_log(peer, size);
        }
        self.weigh()
    }

    /// Goes on with what members have shown: takes back what is missing, or is sure. Called by the clock too.
    pub(super) fn weigh(&mut self) -> Result<()> {
        if self.newness.is_sure() {
            return Ok(());
        }
        let size = self.shell.store.log_size()?;
        if let Known::Rebuilding(at) = self.newness.known {
            if self.newness.shown.get(&at.from).is_some_and(|end| *end > size) {
                if at.progress.elapsed() > PATIENCE {
                    self.give_up_on(at.from, "it sends nothing");
                } else if at.asked.1.elapsed() > AGAIN {
                    self.ask_for_log(at.from, size);
                }
                return Ok(());
            }
            (self.newness.known, self.newness.gave) = (Known::Unsure(None), Some(at.from));
        }
        if let Some(peer) = self.newness.longest_beyond(size) {
            self.ask_for_log(peer, size);
            return Ok(());
        }
        // N-225: whoever shows a head of this hub's own knows that there was more, also without having it.
        if self.newness.heads.values().any(|head| self.signed_beyond(head, size)) {
            let words = format!(
                "N-225: a member shows a head of this hub's own over more entries than the {size} here, and nobody who is connected has them. Nothing is signed before a member with the whole log gives them back."
            );
            if self.shell.alarms.get("newness") != Some(&words) {
                self.shell.alarms.insert("newness", words);
                self.shell.revision += 1;
            }
            return Ok(());
        }
        // Of those who know no more, only who has a stake here counts; before there is any member, whoever comes.
        let members = self.shell.ledger.state().members();
        let counts = |peer: &PublicKey| {
            members.is_empty()
                || self.newness.gave == Some(*peer)
                || self
                    .members
                    .get(&PeerId(*peer))
                    .copied()
                    .flatten()
                    .is_some_and(|member| members.contains_key(&member))
        };
        let shown: Vec<(&PublicKey, u64)> =
            self.newness.shown.iter().filter(|(peer, _)| counts(peer)).map(|(peer, end)| (peer, *end)).collect();
        let ends: Vec<u64> = shown.iter().map(|(_, end)| *end).collect();
        // One alone may have been away for as long as this folder is old.
        let heard: BTreeSet<_> =
            shown.iter().filter_map(|(peer, _)| self.members.get(&PeerId(**peer)).copied().flatten()).collect();
        let most = members.is_empty() || heard.len().saturating_mul(2) > members.len();
        let since = match self.newness.known {
            Known::Unsure(since) => since,
            _ => None,
        };
        let waited = since.is_some_and(|since| since.elapsed() > GRACE);
        if (most && ends.contains(&size)) || (waited && !ends.is_empty()) {
            if !self.chain_knows_more()? {
                return self.become_sure();
            }
            self.ask_for_links(size);
            return Ok(());
        }
        if !ends.is_empty() {
            self.newness.known = Known::Unsure(since.or_else(|| Some(Instant::now())));
        }
        Ok(())
    }

    /// A piece of the log comes back. It is checked like any other, by the rules and by this hub's own signature on it.
    pub(super) fn on_segment_back(&mut self, peer: PublicKey, bytes: &[u8]) -> Result<()> {
        if !self.newness.takes_from(&peer) {
            return Ok(());
        }
        let Ok(segment) = Segment::from_bytes(bytes) else {
            self.give_up_on(peer, "it sent a segment that is none");
            return Ok(());
        };
        let size = self.shell.store.log_size()?;
        // Known already; or behind one that had to wait for the chain, with which it is asked for again: no fault of the member's.
        if segment.end() <= size || segment.first_position > size {
            return Ok(());
        }
        let (mut chain, ledger) = self.shell.chain_and_ledger();
        match ledger.append_segment(&segment, &mut chain) {
            Ok(()) => {
                self.shell.store_segments(std::slice::from_ref(&segment))?;
                self.shell.revision += 1;
                self.newness.progress();
                Ok(())
            }
            // The chain is behind; asked for again.
            Err(error @ LedgerError::NotYet { .. }) => {
                tracing::info!(%error, "a piece of the log has to wait");
                self.newness.progress();
                Ok(())
            }
            Err(LedgerError::Ours(error)) => Err(error),
            Err(error) => {
                self.give_up_on(peer, &error.to_string());
                self.shell.reload_ledger()
            }
        }
    }

    /// The operator knows that there is no newer log.
    pub(super) fn confirm_newest(&mut self) -> Result<Reply, ApiError> {
        if self.newness.is_sure() {
            self.newness.answered_for = true;
            return Ok(Reply::Done);
        }
        let size = self.shell.store.log_size()?;
        let is_known_longer = self.newness.heads.values().any(|head| self.signed_beyond(head, size));
        if self.newness.longest_beyond(size).is_some() || is_known_longer || self.chain_knows_more()? {
            return Err(ApiError::invalid(
                "N-128",
                "N-128: a member or Bitcoin shows more than this folder knows, or this node has not read all blocks yet: its log is not the newest",
            ));
        }
        self.become_sure()?;
        self.expect_newest()?;
        self.newness.answered_for = true;
        Ok(Reply::Done)
    }

    fn become_sure(&mut self) -> Result<()> {
        // what comes next is the new hub's, and it is none before the succession is final.
        if self.shell.ledger.awaits_succession() || !self.restore_links()? {
            return Ok(());
        }
        self.follow_charter();
        self.newness.known = Known::Sure;
        self.shell.signs_nothing = false;
        self.newness.links.clear();
        self.newness.heads.clear();
        self.shell.alarms.remove("newness");
        self.shell.revision += 1;
        tracing::info!(size = self.shell.ledger.state().size(), "this log is the newest there is");
        self.intake.know(self.shell.ledger.state().members().values().map(|member| member.key));
        self.shell.rebuild_watch()?;
        self.log_missing_checkpoints();
        // A hub in whose place the members put another one signs no more heads, but it still answers about its channels.
        let done = self.advance_at_tip();
        self.shell.settle_trouble("chain", done);
        for (peer, message) in std::mem::take(&mut self.newness.deferred) {
            self.on_stake_message(peer, &message)?;
        }
        Ok(())
    }

    fn ask_for_log(&mut self, peer: PublicKey, size: u64) {
        let now = Instant::now();
        let progress = match self.newness.known {
            Known::Rebuilding(at) => at.progress,
            _ => now,
        };
        let begins = !matches!(self.newness.known, Known::Rebuilding(_));
        self.newness.known = Known::Rebuilding(Rebuilding { from: peer, progress, asked: (size, now) });
        if begins {
            tracing::warn!(%peer, size, "a member has more of this hub's log; it is taken back");
            let words = self.unsure_words();
            self.shell.alarms.insert("newness", words);
        }
        self.shell.peers.send(peer, Msg::LogFetch(LogFetch { from_position: size }));
    }

    /// The log is whole and links are missing: a hub that is killed while it takes its log back keeps the entries, and forgets the links that
    /// it has not judged yet. Whoever is asked for the log tells them with it.
    fn ask_for_links(&mut self, size: u64) {
        if self.newness.asked_links.is_some_and(|asked| asked.elapsed() < AGAIN) {
            return;
        }
        self.newness.asked_links = Some(Instant::now());
        for peer in self.newness.shown.keys() {
            self.shell.peers.send(*peer, Msg::LogFetch(LogFetch { from_position: size }));
        }
    }

    fn give_up_on(&mut self, peer: PublicKey, why: &str) {
        tracing::warn!(%peer, why, "the log cannot be taken back from this member");
        let mut words = format!("N-128: the log cannot be taken back from {peer}: {why}");
        // in the log that is here a former hub signs, and this folder has nothing that ends that.
        if self.shell.log_key().is_err() && !self.shell.ledger.awaits_succession() {
            words.push_str(
                ". This hub's log key is not the one of this log: if members put it in the former hub's place, its folder has lost the certificate. Stop it, give it \
                 that again, `althing succession take-over CERTIFICATE --dao DAO_FILE --listen ADDRESS`, with the certificates of successions before it (`--earlier`), and start it",
            );
        }
        self.shell.alarms.insert("newness", words);
        self.newness.idle.insert(peer);
        self.newness.known = Known::Unsure(None);
    }

    fn signed_beyond(&self, head: &[u8], size: u64) -> bool {
        let Ok(head) = Signed::<LogHead>::from_bytes(head) else { return false };
        let check = head.signature_check(&self.shell.ledger.state().hub_log_key(), "head");
        head.statement.size > size && check.verify(&self.shell.secp).is_ok()
    }

    /// Bitcoin shows more links than this folder knows: it is older than they are. Or this node has not read all blocks yet.
    fn chain_knows_more(&self) -> Result<bool> {
        if self.shell.tip_height() < self.shell.bitcoind.height()? {
            return Ok(true);
        }
        let spent = crate::view::mined_chain(&self.shell).map_err(anyhow::Error::from)?.len();
        // Links that members tell of are judged before any is taken back; one that none of them has is what is meant here.
        let told = self.newness.links.iter().filter_map(|info| EpochHeader::from_bytes(&info.header).ok());
        let told = told.map(|header| header.epoch as usize).max().unwrap_or(0);
        Ok(spent > self.shell.store.links()?.len().max(self.shell.ledger.headers().count()).max(told))
    }
}
