//! From what a person wants to say to the body of an entry, with the same in sentences.

use althing_governance::ChannelId;
use althing_governance::charter::Admission;
use althing_governance::codec::Canonical as _;
use althing_governance::delegation::{Delegation, Part, Scope, Tag};
use althing_governance::entry::{
    Acceptance, AuthorUpdate, CommentVote, DepositHold, Entry, Equivocation, GuardianAct, GuardianVoice, Invitation,
    KeyRotation, Opinion, SeenNote, Withdrawal,
};
use althing_governance::id::{EntryId, MemberId, ProposalId};

use super::Member;
use super::lane::Speech;
use crate::api::{ApiError, CommentOpinion, DelegatePart, DelegateScope, InvitationState, InvitationView, Saying};
use crate::keys::unhex;
use crate::view::{expect_key, find_comment, find_member, find_proposal, name_of};

/// Basis points of the whole.
const WHOLE_BP: u64 = 10_000;

/// A body and what it says, in sentences.
type Spoken = (Box<dyn Speech>, Vec<String>);

impl Member {
    /// The body of what is to be said.
    pub(super) fn speech(&self, saying: Saying) -> Result<Spoken, ApiError> {
        let proposal = |text: &str| find_proposal(&self.shell, text);
        Ok(match saying {
            Saying::Delegate { to, abstain, scope, until } => self.delegation(&to, abstain, scope, until)?,
            Saying::CommentVote { comment, opinion } => {
                let comment = find_comment(&self.shell, &comment)?;
                let (opinion, words) = match opinion {
                    CommentOpinion::Up => (Opinion::Up, "You approve of"),
                    CommentOpinion::Down => (Opinion::Down, "You disapprove of"),
                    CommentOpinion::None => (Opinion::None, "You take back your opinion on"),
                };
                spoken(CommentVote { comment, opinion }, [format!("{words} comment {comment}.")])
            }
            Saying::Update { proposal: text, text: update } => {
                let proposal = proposal(&text)?;
                let words = format!("As its author you add to proposal {proposal}, which stays as it is.");
                spoken(AuthorUpdate { proposal, text: update }, [words])
            }
            Saying::Withdraw { proposal: text } => {
                let proposal = proposal(&text)?;
                spoken(Withdrawal { proposal }, [format!("You take proposal {proposal} back; it is not voted on.")])
            }
            Saying::Guard { proposal: text, veto } => {
                let proposal = proposal(&text)?;
                self.not_asked_before(&proposal, veto)?;
                let (act, words) = match veto {
                    true => (GuardianVoice::Veto, "be stopped for good"),
                    false => (GuardianVoice::Delay, "be put off"),
                };
                spoken(
                    GuardianAct { proposal, act },
                    [format!("As a guardian you ask that proposal {proposal} {words}.")],
                )
            }
            Saying::Invite { member, until } => {
                let invitee: MemberId = id("N-53", &member)?;
                expect_key(&invitee)?;
                let state = self.shell.ledger.state();
                // Where nobody is invited, the log says so (G-94).
                if matches!(state.charter().admission, Admission::Invite { .. }) && state.is_admitted(&invitee) {
                    let message = format!("N-54: {invitee} is a member already, and needs no invitation");
                    return Err(ApiError::invalid("N-54", message));
                }
                self.expect_to_invite(&self.me)?;
                let is_open = |one: &InvitationView| !one.mine && one.state == InvitationState::Open;
                let mut open = crate::view::invitations(&self.shell, self.me).into_iter().filter(is_open);
                if let Some(InvitationView { id, until, .. }) = open.find(|one| one.invitee == invitee.to_string()) {
                    let message = format!("N-54: your invitation {id} of {invitee} is open until height {until}");
                    return Err(ApiError::invalid("N-54", message));
                }
                let words = format!("You invite vote key {invitee}, who can accept below height {until}.");
                spoken(Invitation { invitee, expires_height: until }, [words])
            }
            Saying::Accept { invitation } => {
                let invitation = match invitation.trim() {
                    "" => self.the_invitation()?,
                    named => id("G-94", named)?,
                };
                if let Some(record) = self.shell.ledger.state().invitations().get(&invitation) {
                    self.expect_to_invite(&record.by)?;
                }
                spoken(Acceptance { invitation }, [format!("You accept invitation {invitation}.")])
            }
            Saying::HoldDeposit { thread, amount_sat } => self.deposit(&thread, amount_sat)?,
            Saying::VoteAsTreasurer { proposal, choice, reason } => {
                self.treasurers_ballot(&proposal, &choice, reason)?
            }
            Saying::Seen { entry } => {
                let entry = hex_entry("G-97", &entry)?;
                // The log's height: a note cannot be of later.
                let height = self.shell.ledger.state().tip_height().unwrap_or(0);
                let words = format!("You have seen entry {} by height {height}.", entry.id());
                let note =
                    SeenNote::new(entry, height).map_err(|error| ApiError::invalid("G-97", error.to_string()))?;
                spoken(note, [words])
            }
        })
    }

    /// N-54: an invitation admits nobody whose author is not admitted (G-38).
    fn expect_to_invite(&self, by: &MemberId) -> Result<(), ApiError> {
        let state = self.shell.ledger.state();
        match matches!(state.charter().admission, Admission::Invite { .. }) && !state.is_admitted(by) {
            true => Err(ApiError::invalid(
                "N-54",
                format!("N-54: {by} is not admitted, and an invitation by them admits nobody (G-38)"),
            )),
            false => Ok(()),
        }
    }

    /// The one open invitation of this vote key (N-195).
    fn the_invitation(&self) -> Result<EntryId, ApiError> {
        let open: Vec<_> = crate::view::invitations(&self.shell, self.me)
            .into_iter()
            .filter(|one| one.mine && one.state == InvitationState::Open)
            .collect();
        match open.as_slice() {
            [one] => id("G-94", &one.id),
            [] => {
                let message = format!("N-195: no open invitation in the log is for your vote key {}", self.me);
                Err(ApiError::invalid("N-195", message))
            }
            several => {
                let told: Vec<String> =
                    several.iter().map(|one| format!("{} of {} until height {}", one.id, one.by, one.until)).collect();
                Err(ApiError::invalid("N-195", format!("N-195: say which invitation: {}", told.join("; "))))
            }
        }
    }

    /// N-54: a guardian is counted once, whatever they say again (G-95).
    fn not_asked_before(&self, proposal: &ProposalId, veto: bool) -> Result<(), ApiError> {
        let acts = self.shell.ledger.state().proposals().get(proposal).map_or(&[][..], |record| &record.guardian_acts);
        let asked = |wanted| acts.iter().any(|(_, guardian, act)| *guardian == self.me && *act == wanted);
        // Who asked for a veto asked for the delay too.
        let what = match (veto, asked(GuardianVoice::Veto), asked(GuardianVoice::Delay)) {
            (_, true, _) => "a veto",
            (false, false, true) => "a delay",
            _ => return Ok(()),
        };
        let message =
            format!("N-54: you asked for {what} of proposal {proposal} already; a guardian is counted once (G-95)");
        Err(ApiError::invalid("N-54", message))
    }

    /// The entry that puts this folder's next vote key in the place of the current one.
    pub(super) fn rotation(&self) -> Result<(Entry, Vec<String>), ApiError> {
        let number = self.shell.own_key_number();
        let key = |number| self.shell.keys.vote_number(number);
        let vote_key = |number| MemberId::of(&key(number).x_only_public_key().0);
        let (old_key, new_key) = (vote_key(number), vote_key(number.saturating_add(1)));
        let own = self.shell.stakes.iter().find_map(|channel| {
            let id = ChannelId(channel.machine.id()?.0);
            let record = self.shell.ledger.state().channels().get(&id)?;
            (record.member == self.me).then_some((id, channel))
        });
        let Some((channel_id, channel)) = own else {
            let message = "G-90: a stake channel of yours that the log knows signs for another vote key; there is none";
            return Err(ApiError::invalid("G-90", message));
        };
        let funding_key = channel.machine.keys().funding_keypair();
        let params = &self.shell.dao.params;
        let rotation = KeyRotation {
            network: params.network,
            dao: params.dao_id,
            old_key,
            new_key,
            channel: channel_id,
            member_funding_key: funding_key.public_key(),
        };
        let signed = rotation.sign(
            &self.shell.secp,
            &funding_key,
            &key(number.saturating_add(1)),
            &self.shell.aux_rand().map_err(ApiError::from)?,
        );
        let sentences = vec![
            format!("Vote key {new_key} speaks for you from now on; {old_key} no longer does."),
            "You stay the same member, with the same stake, ballots and deposits.".to_owned(),
            format!("The key of stake channel {channel_id} signs for it."),
        ];
        Ok((Entry::KeyRotation(signed), sentences))
    }

    fn delegation(
        &self,
        to: &[DelegatePart],
        abstain: u16,
        scope: DelegateScope,
        until: Option<u32>,
    ) -> Result<Spoken, ApiError> {
        let scope = match scope {
            DelegateScope::All => Scope::All,
            DelegateScope::Class(class) => Scope::Class(class),
            DelegateScope::Tag(tag) => {
                Scope::Tag(Tag::new(tag).map_err(|error| ApiError::invalid("L-4", error.to_string()))?)
            }
        };
        let parts = self.parts(to, abstain)?;
        let mut sentences: Vec<String> = parts
            .iter()
            .map(|part| {
                if part.abstains() {
                    let share = percent(part.share_bp);
                    return format!("{share} of your weight abstains on {scope}, where you do not vote yourself.");
                }
                let (share, to, name) = (percent(part.share_bp), part.to, name_of(&self.shell, &part.to));
                let whom = if name.is_empty() { format!("member {to}") } else { format!("{name}, member {to},") };
                format!("{share} of your weight goes to {whom} on {scope}, where you do not vote yourself.")
            })
            .collect();
        if parts.iter().any(Part::abstains) {
            let words = "What abstains stands aside: it is for nothing and against nothing, a quorum of who takes part is measured \
                         without it, and it is no ballot (L-18).";
            sentences.push(words.to_owned());
        }
        match (parts.is_empty(), until) {
            (true, _) => sentences.push(format!("You take back what you delegated on {scope}.")),
            (false, Some(height)) => sentences.push(format!("It holds for votes that close below height {height}.")),
            (false, None) => sentences.push("It holds until you take it back.".to_owned()),
        }
        let state = self.shell.ledger.state();
        let tip = state.tip_height().unwrap_or(0);
        let held = || state.delegations().of_member(&self.me, state.size(), tip);
        if parts.is_empty() && !held().any(|(other, _)| *other == scope) {
            let message = format!("N-54: you delegated nothing on {scope} that could be taken back");
            return Err(ApiError::invalid("N-54", message));
        }
        if let Some(height) = until.filter(|height| (1..=tip).contains(height)) {
            let message = format!("L-8: height {height} is not above the log's, {tip}: it would hold for no vote");
            return Err(ApiError::invalid("L-8", message));
        }
        let leads_back = |to: &MemberId| state.delegations().leads_to(to, &self.me, &scope, state.size(), tip);
        sentences.extend(parts.iter().filter(|part| !part.abstains() && leads_back(&part.to)).map(|part| {
            let to = part.to;
            format!("{to} hands weight on to you, at once or by others: while none of you votes, what goes round is not cast (L-19).")
        }));
        let newest = self.shell.ledger.state().newest_anchored().map_or(0, |record| record.header.epoch);
        if let Some(roll) = self.shell.ledger.state().roll(newest) {
            sentences.extend(parts.iter().filter(|part| !part.abstains() && roll.weight(&part.to) == 0).map(|part| {
                let to = part.to;
                format!("{to} has no weight in the roll of epoch {newest}: while it is so, what goes there is not cast (L-12).")
            }));
        }
        let delegation = Delegation { scope, parts, expires_height: until };
        delegation.check_by(&self.me).map_err(|error| {
            let message = error.to_string();
            ApiError::invalid(message.split(':').next().unwrap_or("L-2"), message.clone())
        })?;
        Ok(spoken(delegation, sentences))
    }

    /// Parts of 10,000 in proportion to those given, so that they add up exactly: what is cut off goes to the first.
    fn parts(&self, to: &[DelegatePart], abstain: u16) -> Result<Vec<Part>, ApiError> {
        let whole = to.iter().map(|part| u64::from(part.parts)).sum::<u64>() + u64::from(abstain);
        let share = |parts: u16| u16::try_from(u64::from(parts) * WHOLE_BP / whole).unwrap_or(0);
        let mut parts = Vec::new();
        for part in to {
            if part.parts == 0 {
                return Err(ApiError::invalid("L-2", format!("L-2: {} gets 0 parts; must be at least 1", part.member)));
            }
            parts.push(Part { to: find_member(&self.shell, &part.member)?, share_bp: share(part.parts) });
        }
        if abstain > 0 {
            parts.push(Part::abstaining(share(abstain)));
        }
        let given: u64 = parts.iter().map(|part| u64::from(part.share_bp)).sum();
        if let Some(first) = parts.first_mut() {
            first.share_bp = first.share_bp.saturating_add(u16::try_from(WHOLE_BP.saturating_sub(given)).unwrap_or(0));
        }
        parts.sort_by_key(|part| part.to);
        Ok(parts)
    }

    fn deposit(&self, thread: &str, amount_sat: u64) -> Result<Spoken, ApiError> {
        let state = self.shell.ledger.state();
        // A proposal that is logged may be named by its number, and any version stands for the first; its deposit comes too late, as the
        // rules say. What is not logged yet has its id only.
        let named = match thread.parse::<ProposalId>() {
            Ok(id) => id,
            Err(_) => find_proposal(&self.shell, thread)?,
        };
        let thread = state.proposals().get(&named).map_or(named, |record| record.thread);
        if let Some(first) = state.proposals().get(&thread).filter(|first| first.author != self.me) {
            let message = format!("G-96: proposal {thread} is {}'s; nobody else's deposit counts for it", first.author);
            return Err(ApiError::invalid("G-96", message));
        }
        let mine = state.channels().iter().filter(|(_, record)| record.member == self.me);
        let free = |(id, record): (&ChannelId, &althing_governance::state::ChannelRecord)| {
            let balance = record.checkpoints.last().map_or(0, |(_, checkpoint)| checkpoint.member_sat);
            (balance.saturating_sub(state.held_sat(id)), *id)
        };
        let Some((_, channel)) = mine.map(free).max() else {
            return Err(ApiError::invalid("G-96", "G-96: a deposit is held in a stake channel; you have none"));
        };
        let mut words = vec![
            format!("{amount_sat} sat in stake channel {channel} are held for proposal {thread} until it is decided."),
            "They stay yours and keep their weight; at most this much can be forfeited.".to_owned(),
        ];
        let held = state.holds().iter().filter(|hold| hold.thread == thread && hold.member == self.me);
        match held.map(|hold| hold.amount_sat).fold(0, u64::saturating_add) {
            0 => {}
            before => words.push(format!("{before} sat of yours are held for it already, and these come on top.")),
        }
        Ok(spoken(DepositHold { thread, channel, amount_sat }, words))
    }

    /// The proof of equivocation from two entries, each whole in hex or by its id.
    pub(super) fn equivocation(&self, entries: &[String; 2]) -> Result<(Entry, Vec<String>), ApiError> {
        let (one, other) = (self.named_entry(&entries[0])?, self.named_entry(&entries[1])?);
        let proof = Equivocation::new(one, other).map_err(|error| ApiError::invalid("G-98", error.to_string()))?;
        let (member, incarnation, sequence) = proof.place();
        let sentences = vec![
            format!("Member {member} signed two entries for number {sequence} of incarnation {incarnation}."),
            "Both are void; the member's rights are suspended and deposits forfeited.".to_owned(),
        ];
        Ok((Entry::Equivocation(proof), sentences))
    }

    /// An entry in hex, or by the id of one that is in the log or that a note in the log shows (G-97).
    fn named_entry(&self, text: &str) -> Result<Entry, ApiError> {
        let Ok(id) = text.trim().parse::<EntryId>() else { return hex_entry("G-98", text) };
        let state = self.shell.ledger.state();
        if let Some(entry) = state.position_of(&id).map(|position| self.logged_entry(position)).transpose()? {
            return Ok(entry);
        }
        match state.note_of(&id).map(|position| self.logged_entry(position)).transpose()? {
            Some(Entry::SeenNote(note)) => Ok(note.body.entry().clone()),
            _ => Err(ApiError::invalid("G-98", format!("G-98: neither the log nor a note in it has an entry {id}"))),
        }
    }

    pub(super) fn logged_entry(&self, position: u64) -> Result<Entry, ApiError> {
        let bytes = self.shell.stored_entry(position)?;
        Entry::from_bytes(&bytes).map_err(|error| ApiError::ours(error.to_string()))
    }
}

/// An entry from its canonical bytes, hex.
fn hex_entry(rule: &str, text: &str) -> Result<Entry, ApiError> {
    let bytes =
        unhex(text.trim()).map_err(|error| ApiError::invalid(rule, format!("{rule}: an entry, hex: {error:#}")))?;
    Entry::from_bytes(&bytes).map_err(|error| ApiError::invalid(rule, format!("{rule}: an entry: {error}")))
}

fn spoken(speech: impl Speech + 'static, sentences: impl Into<Vec<String>>) -> Spoken {
    (Box::new(speech), sentences.into())
}

fn percent(share_bp: u16) -> String {
    format!("{}.{:02} %", share_bp / 100, share_bp % 100)
}

fn id<I: std::str::FromStr<Err: std::fmt::Display>>(rule: &str, text: &str) -> Result<I, ApiError> {
    text.trim().parse().map_err(|error| ApiError::invalid(rule, format!("{rule}: {error}")))
}
