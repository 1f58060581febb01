//! The member's app lane: one entry after the other is signed, stored, sent and acknowledged.
//!
//! An entry is built on the lane as this node's own ledger has it, so there is at most one that the ledger does not have yet.
//! A sequence number is never signed twice: after a refusal the lane goes on in a new incarnation.

use std::time::{Duration, Instant};

use althing_channels::wire::{AppAck, AppEntry, AppNack};
use althing_channels::{Msg, Phase};
use althing_governance::codec::{Canonical as _, Writer as Encoder};
use althing_governance::entry::{Ballot, Bind, BindTerms, Entry, LaneBody, LaneEntry, LaneHeader};
use althing_governance::id::{EntryId, MemberId, ProposalId};
use althing_governance::receipt::Receipt;
use althing_governance::signing::Signed;
use althing_governance::{ChannelId, Refusal, TreeHash};
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::schnorr;

use super::Member;
use super::resend::Resend;
use crate::api::{ApiError, ErrorKind, Reply, Request, Said};
use crate::engine::Answer;
use crate::speaker::Voice;
use crate::stakes::StakeChannel;
use crate::store::OutboxRow;
use crate::view;

/// How long a caller waits for the hub's acknowledgement; the entry itself waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something to say, and who waits for the answer.
pub(super) struct Op {
    pub(super) body: Body,
    pub(super) answer: Option<Answer>,
    /// The same in words, for the answer.
    pub(super) sentences: Vec<String>,
}

/// What an entry says.
pub(super) enum Body {
    /// Binds the stake channel of this number.
    Bind(u32),
    /// Stands in the member's lane.
    Lane(Box<dyn Speech>),
    /// Is signed by itself, and stands in no lane.
    Whole(Box<Entry>),
    /// Was signed and stored before; said again as it is.
    Signed(Vec<u8>),
}

/// What can be said in a lane: any body that such an entry has.
pub(super) trait Speech: Send {
    /// The entry's canonical bytes, signed.
    fn speak(&self, member: &Member) -> Result<Vec<u8>, ApiError>;

    /// The entry's canonical bytes under a signature that is none: what the rules say of it can be asked before anything is
    /// signed, since a second signature for one place would be an equivocation (G-98).
    fn rehearse(&self, member: &Member) -> Result<Vec<u8>, ApiError>;
}

impl<B: LaneBody + Clone + Send> Speech for B {
    fn speak(&self, member: &Member) -> Result<Vec<u8>, ApiError> {
        Ok(member.sign(Voice::Member, self.clone())?.to_bytes())
    }

    fn rehearse(&self, member: &Member) -> Result<Vec<u8>, ApiError> {
        member.unsigned(Voice::Member, self.clone())
    }
}

/// A ballot of the treasurers' body.
pub(super) struct TreasurersBallot(pub(super) Ballot);

impl Speech for TreasurersBallot {
    fn speak(&self, member: &Member) -> Result<Vec<u8>, ApiError> {
        Ok(member.sign(Voice::Treasurer, self.0.clone())?.to_bytes())
    }

    fn rehearse(&self, member: &Member) -> Result<Vec<u8>, ApiError> {
        member.unsigned(Voice::Treasurer, self.0.clone())
    }
}

/// The one entry that is not acknowledged or not in the ledger yet.
pub(super) struct InFlight {
    incarnation: u32,
    sequence: u64,
    id: EntryId,
    bytes: Vec<u8>,
    acknowledged: bool,
    answer: Option<Answer>,
    subject: Subject,
    sentences: Vec<String>,
    /// Whether it is a lane entry, which is kept until it is acknowledged.
    kept: bool,
    /// The entry that it says the log leaves out, if it is such a note.
    noted: Option<EntryId>,
    deadline: Instant,
    resend: Resend,
}

/// What to show to the caller when it is done.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Bind,
    Proposal(ProposalId),
    Comment(ProposalId),
    Ballot(ProposalId),
    Other,
}

impl InFlight {
    /// The entry's canonical bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Member {
    /// Takes up the entry that was not acknowledged when the program ended.
    pub(super) fn resume_outbox(&mut self) -> Result<()> {
        if self.shell.store.reads_anew() {
            return Ok(());
        }
        // After a succession there may be more of them.
        if self.shell.store.successions()?.last().is_some() && self.say_again()? > 0 {
            return Ok(());
        }
        let is_missing =
            |row: &OutboxRow| self.shell.ledger.position_of(&althing_governance::entry::entry_id(&row.entry)).is_none();
        let Some(row) = self.shell.store.outbox()?.into_iter().rfind(is_missing) else { return Ok(()) };
        let entry = match Entry::from_bytes(&row.entry) {
            Ok(entry) => entry,
            // A bad row must not keep a member from voting; it is shown, and the lane goes on behind it.
            Err(error) => {
                let text = format!("Own entry {} in the store cannot be read and is left aside: {error}", row.sequence);
                self.shell.alarms.insert("outbox", text);
                return Ok(());
            }
        };
        let id = entry.id();
        self.in_flight = Some(InFlight {
            incarnation: row.incarnation,
            sequence: row.sequence,
            id,
            noted: noted_by(&entry),
            subject: self.subject_of(&entry),
            bytes: row.entry,
            acknowledged: row.receipt.is_some(),
            answer: None,
            sentences: Vec::new(),
            kept: true,
            deadline: Instant::now() + PATIENCE,
            resend: Resend::default(),
        });
        Ok(())
    }

    /// Binds every channel that is in use and not bound. Of one that came out of a backup the whole log tells that (N-37).
    pub(super) fn queue_missing_binds(&mut self) -> Result<()> {
        if self.shell.store.reads_anew() {
            return Ok(());
        }
        let is_told = |channel: &StakeChannel| self.life.answers() || !channel.is_untouched();
        let is_ready = |channel: &&StakeChannel| {
            channel.machine.phase() == Phase::Ready && channel.peer == self.hub && is_told(channel)
        };
        let ready: Vec<u32> = self.shell.stakes.iter().filter(is_ready).map(|channel| channel.number).collect();
        for number in ready {
            if !self.is_bound(number) {
                self.queue_bind(number);
            }
        }
        Ok(())
    }

    /// Whether the log says whose channel it is.
    pub(super) fn is_bound(&self, number: u32) -> bool {
        let id = self.shell.stakes.channel(number).and_then(|channel| channel.machine.id());
        id.is_some_and(|id| self.shell.ledger.state().channels().contains_key(&ChannelId(id.0)))
    }

    /// Binds a channel, unless that is being done.
    pub(super) fn queue_bind(&mut self, number: u32) {
        let queued = self.queue.iter().any(|op| matches!(op.body, Body::Bind(other) if other == number));
        let under_way = self.in_flight.as_ref().is_some_and(|entry| matches!(entry.subject, Subject::Bind));
        if !queued && !under_way {
            self.queue.push_back(Op { body: Body::Bind(number), answer: None, sentences: Vec::new() });
        }
    }

    /// Goes on with the lane as far as possible: settles what is done, then says the next thing.
    pub(super) fn advance_lane(&mut self) -> Result<()> {
        // N-221: where the own lane stands is not known.
        if self.shell.store.reads_anew() {
            return Ok(());
        }
        loop {
            if let Some(entry) = &self.in_flight {
                let Some(position) = self.shell.ledger.position_of(&entry.id) else { return Ok(()) };
                // A hub that was forced to log it may never give the receipt; a block later the log alone is enough.
                let state = self.shell.ledger.state();
                let is_old = state.entry_height(position).is_some_and(|height| Some(height) < state.tip_height());
                if !entry.acknowledged && !is_old {
                    return Ok(());
                }
                let done = self.in_flight.take().context("it is there")?;
                self.answer_done(done);
            }
            let Some(mut op) = self.queue.pop_front() else { return Ok(()) };
            if let Body::Bind(number) = op.body {
                // A channel that came out of a backup is bound in a log that this folder may not have read yet.
                if self.is_bound(number) {
                    continue;
                }
                if self.shell.store.log_size()? < self.hub_size {
                    self.queue.push_back(op);
                    return Ok(());
                }
            }
            if let Err(error) = self.say(&mut op) {
                self.shell.revision += 1;
                match op.answer {
                    Some(answer) => drop(answer.try_send(Err(error))),
                    None => {
                        self.shell.alarms.insert("refused", format!("An entry could not be made: {error}"));
                    }
                }
            }
        }
    }

    /// N-23: what the hub promised and then logged elsewhere is fraud, with the receipt as proof.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn broken_promise(&self) -> Result<Option<String>> {
        let Some(entry) = self.in_flight.as_ref().filter(|entry| entry.acknowledged) else { return Ok(None) };
        let Some(stored) = self.shell.store.own_receipt(entry.incarnation, entry.sequence)? else { return Ok(None) };
        let (receipt, promised) = view::stored_receipt(&stored)?;
        let state = self.shell.ledger.state();
        let found = self.shell.ledger.position_of(&entry.id);
        Ok((state.size() >= receipt.log_size && found != Some(promised)).then(|| {
            format!(
                "N-23: the hub's receipt promises entry {} at position {promised}; the log has another there",
                entry.id
            )
        }))
    }

    /// Says again what the hub may have missed.
    pub(super) fn resend(&mut self) {
        if let Some(entry) = &mut self.in_flight
            && !entry.acknowledged
        {
            entry.resend.sent(Instant::now());
            let message = AppEntry { sequence: entry.sequence, entry: entry.bytes.clone() };
            self.shell.peers.send(self.hub, Msg::AppEntry(message));
        }
    }

    /// Looks after time: re-sends what the hub could not take, lets callers go whose patience is over.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        if self.in_flight.as_ref().is_some_and(|entry| entry.resend.is_due(now)) {
            self.resend();
        }
        let connected = self.connected;
        let Some(entry) = &mut self.in_flight else { return };
        let sequence = entry.sequence;
        // Without a hub there is nothing to wait for: the entry is stored and goes out by itself.
        let late = now >= entry.deadline || (!connected && now + PATIENCE >= entry.deadline + Duration::from_secs(2));
        if late && let Some(answer) = entry.answer.take() {
            let message = "your entry is signed and stored here, and goes to the hub as soon as it is reachable";
            let voice = Voice::of_incarnation(entry.incarnation);
            let reply = match entry.subject {
                Subject::Ballot(proposal) => self.ballot_reply(proposal, voice),
                _ => Err(ApiError::not_now(message)),
            };
            let _ = answer.try_send(reply);
        }
        if late {
            // What stands behind it cannot be signed yet; its callers learn that now, and nothing of theirs is kept.
            let message = format!(
                "your entry {sequence} is not acknowledged by the hub yet; this one was not signed, try again later"
            );
            self.queue.retain_mut(|op| match op.answer.take() {
                Some(answer) => {
                    let _ = answer.try_send(Err(ApiError::not_now(message.clone())));
                    false
                }
                None => true,
            });
        }
    }

    pub(super) fn on_ack(&mut self, message: &AppAck) -> Result<()> {
        let Some(entry) = &self.in_flight else { return Ok(()) };
        let judged = self.judge_ack(entry, message);
        match judged {
            Ok(false) => Ok(()),
            Ok(true) => {
                let (incarnation, sequence) = (entry.incarnation, entry.sequence);
                let mut stored = Encoder::new();
                stored.fixed(&message.receipt);
                stored.u64(message.position);
                stored.count(message.path.hashes().len());
                for hash in message.path.hashes() {
                    stored.fixed(hash);
                }
                let receipt = stored.into_bytes();
                if entry.kept {
                    self.shell.store.write(|writer| writer.acknowledge(incarnation, sequence, &receipt))?;
                }
                if let Some(entry) = &mut self.in_flight {
                    entry.acknowledged = true;
                }
                self.shell.revision += 1;
                Ok(())
            }
            Err(error) => {
                let text = format!("The hub's acknowledgement does not hold: {error:#}");
                self.shell.alarms.insert("receipt", text);
                self.shell.revision += 1;
                Ok(())
            }
        }
    }

    pub(super) fn on_nack(&mut self, nack: &AppNack) -> Result<()> {
        let Some(entry) = &mut self.in_flight else { return Ok(()) };
        if entry.id.0 != nack.entry || entry.acknowledged {
            return Ok(());
        }
        if nack.transient {
            entry.resend.refused(Instant::now());
            tracing::debug!(nack.rule, nack.detail, "the hub cannot take the entry now");
            return Ok(());
        }
        let Some(entry) = self.in_flight.take() else { return Ok(()) };
        let next = entry.incarnation.saturating_add(1);
        if entry.kept {
            self.shell.store.write(|writer| {
                writer.withdraw_outbox(entry.incarnation, entry.sequence)?;
                writer.set_meta(Voice::of_incarnation(entry.incarnation).incarnations().1, &next.to_be_bytes())
            })?;
        }
        self.shell.revision += 1;
        // N-77: the hub logged what the note was about, and that is what was asked for.
        let logged = entry.noted.and_then(|noted| Some((noted, self.shell.ledger.position_of(&noted)?)));
        if let Some((noted, position)) = logged {
            if let Some(answer) = entry.answer {
                let sentences = vec![format!("Entry {noted} is in the log now; your note of it is not needed.")];
                let said = Said { entry: noted.to_string(), position: Some(position), sentences };
                let _ = answer.try_send(Ok(Reply::Said(said)));
            }
            return Ok(());
        }
        let error = ApiError::invalid(&nack.rule, format!("the hub refused it: {}", nack.detail));
        match entry.answer {
            Some(answer) => drop(answer.try_send(Err(error))),
            None => {
                self.shell.alarms.insert("refused", error.message);
            }
        }
        Ok(())
    }

    /// Signs, stores and sends one entry. The caller's answer stays with `op` when that fails.
    fn say(&mut self, op: &mut Op) -> Result<(), ApiError> {
        self.life.permit()?;
        // What the rules refuse is not signed: its place in the lane stays free.
        let rehearsed = match &op.body {
            Body::Lane(speech) => Some(speech.rehearse(self)?),
            Body::Bind(_) | Body::Whole(_) | Body::Signed(_) => None,
        };
        if let Some(bytes) = &rehearsed {
            self.permit(bytes)?;
        }
        let bytes = match &op.body {
            Body::Bind(number) => self.sign(Voice::Member, self.bind(*number)?)?.to_bytes(),
            Body::Lane(speech) => speech.speak(self)?,
            Body::Whole(entry) => entry.to_bytes(),
            Body::Signed(bytes) => bytes.clone(),
        };
        let entry = self.permit(&bytes)?;
        let (kept, id) = (entry.lane().is_some(), entry.id());
        let lane = match entry.lane() {
            Some(lane) => *lane,
            None => self.lane_header(Voice::Member)?,
        };
        if kept && !matches!(op.body, Body::Signed(_)) {
            self.shell.store.write(|writer| writer.put_outbox(lane.incarnation, lane.sequence, &bytes))?;
        }
        self.in_flight = Some(InFlight {
            incarnation: lane.incarnation,
            sequence: lane.sequence,
            id,
            noted: noted_by(&entry),
            subject: self.subject_of(&entry),
            bytes,
            acknowledged: false,
            answer: op.answer.take(),
            sentences: std::mem::take(&mut op.sentences),
            kept,
            deadline: Instant::now() + PATIENCE,
            resend: Resend::default(),
        });
        self.shell.revision += 1;
        self.resend();
        Ok(())
    }

    /// Whether an own entry may be said (N-74): the form first, since a body beyond its limits can be built and signed, but nobody could
    /// read it, this node included; then the rules, as far as this node's ledger tells.
    pub(super) fn permit(&self, bytes: &[u8]) -> Result<Entry, ApiError> {
        let entry = Entry::from_bytes(bytes).map_err(|error| form_error(&error.to_string()))?;
        let state = self.shell.ledger.state();
        state.check(&entry).and_then(|()| state.check_electorate(&entry)).map_err(refused)?;
        Ok(entry)
    }

    fn sign<B: LaneBody>(&self, voice: Voice, body: B) -> Result<LaneEntry<B>, ApiError> {
        let (lane, key) = (self.lane_header(voice)?, self.shell.key_of(voice));
        Ok(LaneEntry::sign(&self.shell.secp, lane, body, &key, &self.shell.aux_rand()?))
    }

    fn unsigned<B: LaneBody>(&self, voice: Voice, body: B) -> Result<Vec<u8>, ApiError> {
        let signature = schnorr::Signature::from_slice(&[0; 64]).context("64 bytes are a signature by their form")?;
        Ok(LaneEntry { lane: self.lane_header(voice)?, body, signature }.to_bytes())
    }

    /// Where the next entry goes.
    fn lane_header(&self, voice: Voice) -> Result<LaneHeader> {
        let key = MemberId::of(&self.shell.key_of(voice).x_only_public_key().0);
        Ok(self.shell.ledger.state().next_lane_header(key, self.incarnation(voice, &key)?))
    }

    fn bind(&self, number: u32) -> Result<Bind, ApiError> {
        let channel = self.shell.stakes.channel(number).context("the channel to bind is gone")?;
        let (funding, context) =
            channel.machine.funding().zip(channel.machine.context()).context("the channel to bind has no funding")?;
        let keys = channel.machine.keys();
        let lane = self.lane_header(Voice::Member)?;
        let terms = BindTerms {
            name: self.shell.own_name.clone().unwrap_or_default(),
            funding,
            hub_funding_key: context.hub.funding,
            value_sat: context.params.member_sat + context.params.hub_sat,
        };
        Ok(Bind::sign_funding(&self.shell.secp, &lane, terms, &keys.funding_keypair(), &self.shell.aux_rand()?))
    }

    /// The incarnation that new entries belong to: the one stored, or the log's when that is newer.
    fn incarnation(&self, voice: Voice, key: &MemberId) -> Result<u32> {
        let (first, name) = voice.incarnations();
        let stored = match self.shell.store.meta(name)? {
            None => first,
            Some(bytes) => u32::from_be_bytes(bytes.as_slice().try_into().context("the stored incarnation")?),
        };
        let logged = self.shell.ledger.state().lane(key).map_or(0, |lane| lane.incarnation);
        Ok(stored.max(logged))
    }

    /// Whether a receipt is for the entry in flight and holds: the hub's signature, and the entry's path (G-80, G-81).
    fn judge_ack(&self, entry: &InFlight, message: &AppAck) -> Result<bool> {
        let receipt = Signed::<Receipt>::from_bytes(&message.receipt).context("the receipt")?;
        let params = &self.shell.dao.params;
        ensure!((receipt.network, receipt.dao) == (params.network, params.dao_id), "the receipt is of another DAO");
        let path: Vec<TreeHash> = message.path.hashes().iter().copied().map(TreeHash).collect();
        if receipt.verify_entry(&entry.bytes, message.position, &path).is_err() {
            // Of an earlier entry, said again after a reconnect; or of none, which then counts as not acknowledged.
            return Ok(false);
        }
        receipt
            .signature_check(&self.shell.ledger.hub_log_key_at(receipt.first_position), "the hub's receipt")
            .verify(&self.shell.secp)?;
        Ok(true)
    }

    fn subject_of(&self, entry: &Entry) -> Subject {
        let params = &self.shell.dao.params;
        match entry {
            Entry::Proposal(e) => Subject::Proposal(e.body.id(params.network, params.dao_id, e.lane.member)),
            Entry::Comment(e) => Subject::Comment(e.body.proposal),
            Entry::Ballot(e) => Subject::Ballot(e.body.proposal),
            Entry::Bind(_) => Subject::Bind,
            _ => Subject::Other,
        }
    }

    fn answer_done(&mut self, done: InFlight) {
        let Some(answer) = done.answer else { return };
        let id = done.id.to_string();
        let voice = Voice::of_incarnation(done.incarnation);
        let reply = match done.subject {
            Subject::Bind => Ok(Reply::Done),
            Subject::Other => {
                let position = self.shell.ledger.position_of(&done.id);
                Ok(Reply::Said(Said { entry: id, position, sentences: done.sentences }))
            }
            Subject::Proposal(proposal) => self.ask(&Request::Proposal { id: proposal.to_string() }),
            Subject::Ballot(proposal) => self.ballot_reply(proposal, voice),
            Subject::Comment(proposal) => match self.ask(&Request::Proposal { id: proposal.to_string() }) {
                Ok(Reply::Proposal(proposal)) => match proposal.comments.into_iter().find(|comment| comment.id == id) {
                    Some(comment) => Ok(Reply::Comment(comment)),
                    None => Err(ApiError::ours("the comment is logged but not shown")),
                },
                other => other,
            },
        };
        let _ = answer.try_send(reply);
    }

    /// The ballot that was just cast: the same person may have another one as a treasurer, or as a member.
    fn ballot_reply(&mut self, proposal: ProposalId, voice: Voice) -> Result<Reply, ApiError> {
        let Reply::Ballots { ballots } = self.ask(&Request::Ballots)? else {
            return Err(ApiError::ours("ballots are not shown"));
        };
        let wanted = proposal.to_string();
        ballots
            .into_iter()
            .find(|ballot| ballot.proposal == wanted && ballot.as_treasurer == (voice == Voice::Treasurer))
            .map(Reply::Ballot)
            .ok_or_else(|| ApiError::ours("the ballot is stored but not shown"))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, ApiError> {
        view::answer(&mut self.shell, crate::api::Role::Member, Some(self.me), self.connected, request)
            .unwrap_or_else(|| Err(ApiError::ours("a question that has no answer")))
    }
}

/// A refusal of the rules as the answer to a caller.
pub(super) fn refused(refusal: Refusal) -> ApiError {
    let kind = if refusal.is_not_now() { ErrorKind::NotNow } else { ErrorKind::Invalid };
    ApiError { kind, rule: Some(refusal.rule().to_owned()), message: refusal.to_string() }
}

fn noted_by(entry: &Entry) -> Option<EntryId> {
    match entry {
        Entry::SeenNote(note) => Some(note.body.entry().id()),
        _ => None,
    }
}

/// A body that breaks the form of its kind, with the clause that the decoder names.
fn form_error(message: &str) -> ApiError {
    ApiError::invalid(message.split(':').next().unwrap_or("E-7"), message)
}
