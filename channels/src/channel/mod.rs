//! One stake channel as a state machine: messages and facts in, effects out.

mod checkpoint;
mod closing;
mod confirmation;
mod effect;
mod error;
mod migration;
mod opening;
mod restored;
mod shown;
mod state;
mod unilateral;
mod watch;

pub use checkpoint::{
    AppPosition, Change, CheckpointFacts, FundingInForce, Hold, Ledger, LedgerError, LedgerKeys, MAX_FUNDINGS_IN_FORCE,
    MAX_HOLDS, MAX_SPLICE_BYTES, MAX_WAITING_SPLICES_BYTES, PendingSplice, PerSide, SignedCheckpoint, SignedHold,
    SpliceStage, Voucher,
};
pub use confirmation::REQUIRED_CONFIRMATIONS;
pub use effect::{CheckpointRequest, CheckpointReview, CommitmentTxids, Effect, FundingSpend};
pub use error::{ChannelError, Violation, Wait};
pub use opening::{HubTerms, MAX_CHECKPOINT_BYTES};
pub use shown::Division;
pub use state::{OpeningCheckpoint, StateError};

use std::sync::OnceLock;

use bitcoin::{OutPoint, TxOut};
use lightning::ln::wire::Type;

use crate::commitment::{Balances, CommitmentContext, CommitmentTx, Side, check_amounts, funding_output};
use crate::ids::{ChannelId, ChannelParams, OpeningId};
use crate::keys::ChannelKeys;
use crate::musig::{SecretNonce, SessionSecret};
use crate::wire::{LaneStatus, Msg, PeerError};
use checkpoint::{Commitments, ReviewedAnswer, ReviewedProposal, SpliceSession};
use closing::ClosingRound;
use state::State;

/// Where a channel is in its life. Clause C-11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Member: `open_stake` is out.
    AwaitAccept,
    /// Member: the hub accepted; the wallet builds the funding transaction.
    AwaitFundingTx,
    /// Hub: accepted.
    AwaitFundingCreated,
    /// Member: `funding_created` is out.
    AwaitFundingSigned,
    /// The shell checks checkpoint 0. Member: own commitment 0 is verified.
    CheckpointReview,
    /// Hub: `funding_signed` is out.
    AwaitCommitmentSigned,
    /// Own commitment 0 is verified; the funding may be broadcast and must confirm.
    AwaitConfirmation,
    /// In use.
    Ready,
    /// A side wants to close together.
    Closing,
    /// Own commitment is signed: nothing else will ever be signed.
    ForceClosing,
    /// The funding output is spent.
    Closed,
    /// Ended before anything could be broadcast.
    Failed,
}

/// One side of a stake channel.
///
/// Every method that returns effects has changed the channel in memory; the shell stores [`Channel::encode`] when it
/// meets [`Effect::Persist`] and only then goes on. Not `Clone`: a copy could use a secret nonce twice.
pub struct Channel {
    keys: ChannelKeys,
    state: State,
    /// What every commitment shares, made when the peer's keys are known: these never change (C-14).
    context: OnceLock<CommitmentContext>,
    /// Secret half of the nonce announced for the peer's next close proposal; memory only (C-33).
    closing_nonce: Option<SecretNonce>,
    /// The own close proposal under way; memory only (C-33).
    round: ClosingRound,
    /// The peer's proposed checkpoint, while the shell checks it.
    proposal: Option<ReviewedProposal>,
    /// The peer's answer to the own one, while the shell checks it.
    answer: Option<ReviewedAnswer>,
    /// Commitments of the own proposal under way, with their number: they are looked at again when the answer comes.
    proposed: Option<(u64, Vec<Commitments>)>,
    /// The signature on a splice under way; memory only (C-143).
    splicing: Option<SpliceSession>,
    /// The peer has said on this connection where it stands (C-130).
    established: bool,
    /// The peer has said since the start where it stands, and this side is not behind; or the channel began since (C-304).
    shown: bool,
    /// Member: the hub has shown or said on this connection that its state is old; the newest checkpoint was shown to it (C-161).
    peer_behind: bool,
    /// Hub that is behind: a close was proposed before there was a division (C-164).
    close_refused: bool,
    /// This side wants the turn.
    asked: bool,
    /// This side's view of the member's lane, told after a reconnect.
    lane: Option<LaneStatus>,
}

impl core::fmt::Debug for Channel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Channel").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Channel {
    /// Bytes to store; they hold no secret (C-60).
    pub fn encode(&self) -> Vec<u8> {
        self.state.encode_versioned()
    }

    /// Reads stored bytes; `keys` must be of the same seed.
    ///
    /// # Errors
    /// [`StateError`] when the bytes are damaged, of another version or of another seed.
    pub fn decode(bytes: &[u8], keys: ChannelKeys) -> Result<Self, StateError> {
        let state = State::decode_versioned(bytes)?;
        if state.own != *keys.public() {
            return Err(StateError::OtherSeed {
                stored: state.own.funding.to_string(),
                derived: keys.public().funding.to_string(),
            });
        }
        Ok(Self::from_state(state, keys))
    }

    /// A message of the money lane arrives. `session` is used by at most one signature.
    ///
    /// Messages of other lanes are refused; the shell routes them elsewhere.
    #[must_use]
    pub fn handle(&mut self, msg: &Msg, session: SessionSecret) -> Vec<Effect> {
        if let Msg::PeerError(error) = msg {
            return self.on_peer_error(error);
        }
        match self.dispatch(msg, session) {
            Ok(effects) => effects,
            // A message that is not for this channel says nothing about it.
            Err(ChannelError::Invalid(violation)) if self.can_still_fail() && violation.is_of_this_channel() => {
                self.fail(violation)
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The peer is connected (again): everything it may have missed, with fresh nonces and the same content (C-14).
    #[must_use]
    pub fn on_reconnect(&mut self, session: SessionSecret) -> Vec<Effect> {
        // C-130: what was under way on the connection before is taken up by what both sides have stored.
        (self.proposal, self.answer, self.splicing) = (None, None, None);
        let mut sessions = session.split(3);
        let (Some(first), Some(second), Some(third)) = (sessions.next(), sessions.next(), sessions.next()) else {
            return Vec::new(); // there are three
        };
        // C-153: durable before anybody hears of it.
        let mut effects = self.draw_life(first);
        match self.state.phase {
            Phase::Ready | Phase::Closing => {
                // The other side may not know yet that the channel is in use: it takes nothing else before.
                if self.number() == 0 {
                    effects.extend(self.resend_opening(second));
                }
                effects.extend(self.reestablish());
                if self.state.phase == Phase::Closing {
                    effects.extend(self.resend_shutdown(third));
                }
            }
            _ => effects.extend(self.resend_opening(second)),
        }
        effects
    }

    /// The program (re)starts with a stored channel: what the shell has to take up again by itself.
    #[must_use]
    pub fn resume(&self) -> Vec<Effect> {
        match self.state.phase {
            Phase::AwaitFundingTx | Phase::CheckpointReview | Phase::AwaitConfirmation => self.resume_opening(),
            Phase::Closing if self.state.own_close_script.is_none() => vec![Effect::CloseRequested],
            Phase::Closing => self.state.close_tx.iter().cloned().map(Effect::BroadcastClose).collect(),
            Phase::ForceClosing => self
                .state
                .signed_commitment
                .iter()
                .chain(&self.state.signed_later)
                .map(|signed| Effect::BroadcastCommitment(signed.transaction.clone()))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Where the channel is.
    pub fn phase(&self) -> Phase {
        self.state.phase
    }

    /// Which side this is.
    pub fn side(&self) -> Side {
        self.state.side
    }

    /// Name of the opening.
    pub fn opening(&self) -> OpeningId {
        self.state.opening
    }

    /// Agreed terms.
    pub fn params(&self) -> &ChannelParams {
        &self.state.params
    }

    /// Own keys.
    pub fn keys(&self) -> &ChannelKeys {
        &self.keys
    }

    /// The channel's id, once the funding outpoint is known.
    pub fn id(&self) -> Option<ChannelId> {
        self.state.funding.map(|funding| ChannelId::new(self.state.params.dao, funding))
    }

    /// The (confirmed, after a splice newest) funding outpoint, once known.
    pub fn funding(&self) -> Option<OutPoint> {
        self.fundings().first().copied()
    }

    /// The output that the funding transaction must have, once both funding keys are known.
    pub fn funding_output(&self) -> Option<TxOut> {
        // The outpoint plays no part in the output itself.
        self.context_over(self.state.funding.unwrap_or_default()).ok().map(|context| funding_output(&context))
    }

    /// Both sides' public keys and the terms, once the funding outpoint is known: what any commitment is built from.
    ///
    /// The amounts of the terms are those of [`Channel::balances`]: their sum is the value of the funding output.
    pub fn context(&self) -> Option<CommitmentContext> {
        let mut context = self.context_over(self.funding()?).ok()?;
        let Balances { member_sat, hub_sat } = self.balances();
        (context.params.member_sat, context.params.hub_sat) = (member_sat, hub_sat);
        Some(context)
    }

    /// Division of the funding value in the own newest commitment.
    pub fn balances(&self) -> Balances {
        let ChannelParams { member_sat, hub_sat, .. } = self.state.params;
        self.ledger().map_or(Balances { member_sat, hub_sat }, Ledger::balances)
    }

    /// Checkpoint 0 with the signatures so far.
    pub fn checkpoint(&self) -> Option<&OpeningCheckpoint> {
        self.state.checkpoint.as_ref()
    }

    /// Why the opening failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.state.failure.as_deref()
    }

    /// Whether the funding was seen in a block.
    pub fn is_funded(&self) -> bool {
        self.state.funding_confirmed
    }

    fn from_state(state: State, keys: ChannelKeys) -> Self {
        let keys = keys.with_lives(state.lives.clone());
        Self {
            keys,
            state,
            context: OnceLock::new(),
            closing_nonce: None,
            round: ClosingRound::default(),
            proposal: None,
            answer: None,
            proposed: None,
            splicing: None,
            established: false,
            shown: false,
            peer_behind: false,
            close_refused: false,
            asked: false,
            lane: None,
        }
    }

    fn dispatch(&mut self, msg: &Msg, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        match (self.state.side, msg) {
            (Side::Hub, Msg::OpenStake(msg)) => self.on_open_stake_again(msg, session),
            (Side::Member, Msg::AcceptStake(msg)) => self.on_accept_stake(msg),
            (Side::Hub, Msg::FundingCreated(msg)) => self.on_funding_created(msg, session),
            (Side::Member, Msg::FundingSigned(msg)) => self.on_funding_signed(msg),
            (Side::Hub, Msg::CommitmentSigned(msg)) => self.on_commitment_signed(msg),
            (_, Msg::ChannelReady(msg)) => self.on_channel_ready(msg),
            (_, Msg::CheckpointSign(msg)) => self.on_checkpoint_sign(msg),
            (_, Msg::CheckpointRevoke(msg)) => self.on_checkpoint_revoke(msg, session),
            (_, Msg::CheckpointTurn(msg)) => self.on_checkpoint_turn(msg),
            (_, Msg::Reestablish(msg)) => self.on_reestablish(msg, session),
            (Side::Hub, Msg::CheckpointShown(msg)) => self.on_checkpoint_shown(msg),
            (_, Msg::GiveVoucher(msg)) => self.on_give_voucher(msg),
            (Side::Hub, Msg::SpliceInit(msg)) => self.on_splice_init(msg),
            (Side::Member, Msg::SpliceAck(msg)) => self.on_splice_ack(msg),
            (Side::Member, Msg::SpliceNonce(msg)) => self.on_splice_nonce(msg, session),
            (_, Msg::SpliceSign(msg)) => self.on_splice_sign(msg),
            (_, Msg::SpliceLocked(msg)) => self.on_splice_locked(msg),
            (_, Msg::Shutdown(msg)) => self.on_shutdown(msg),
            (_, Msg::ClosingComplete(msg)) => self.on_closing_complete(msg, session),
            (_, Msg::ClosingSig(msg)) => self.on_closing_sig(msg),
            (side, other) => Err(Violation::Message { type_id: other.type_id(), side }.into()),
        }
    }

    // C-11: before this side has given the peer anything with which the funding could be broadcast, failing is free.
    fn can_still_fail(&self) -> bool {
        matches!(
            self.state.phase,
            Phase::AwaitAccept
                | Phase::AwaitFundingTx
                | Phase::AwaitFundingCreated
                | Phase::AwaitFundingSigned
                | Phase::CheckpointReview
        )
    }

    fn on_peer_error(&mut self, error: &PeerError) -> Vec<Effect> {
        let reported = Effect::PeerReported { rule: error.rule.clone(), detail: error.detail.clone() };
        // The peer may know the funding outpoint before or after this side does.
        let provisional = self.state.opening.provisional_channel();
        let of_this_channel = error.channel.is_some_and(|named| named == provisional || Some(named) == self.id());
        if !self.can_still_fail() || !of_this_channel {
            let mut effects = vec![reported];
            if of_this_channel && matches!(error.rule.as_str(), "C-93" | "C-132") {
                effects.extend(self.show_newest());
            }
            return effects;
        }
        let violation = Violation::PeerRefused { rule: error.rule.clone(), detail: error.detail.clone() };
        // No answer: two sides that report each other's reports would never stop.
        let mut effects = self.fail(violation);
        effects.retain(|effect| !matches!(effect, Effect::Send(_)));
        effects.push(reported);
        effects
    }

    fn fail(&mut self, violation: Violation) -> Vec<Effect> {
        let detail = violation.to_string();
        self.state.phase = Phase::Failed;
        self.state.failure = Some(detail.clone());
        let rule = violation.rule();
        vec![Effect::Persist, self.error_message(rule, &detail), Effect::Failed { rule, detail }]
    }

    fn refuse(&self, refusal: &ChannelError) -> Vec<Effect> {
        let detail = refusal.to_string();
        let rule = refusal.rule();
        vec![self.error_message(rule, &detail), Effect::Refused { rule, detail }]
    }

    fn error_message(&self, rule: &str, detail: &str) -> Effect {
        Effect::Send(PeerError::new(rule, detail, Some(self.name_for_errors())).into())
    }

    fn name_for_errors(&self) -> ChannelId {
        self.id().unwrap_or(self.state.opening.provisional_channel())
    }

    fn wait(&self, step: &'static str) -> ChannelError {
        Wait::Phase { step, phase: self.state.phase }.into()
    }

    // C-13
    fn expect_channel(&self, named: ChannelId) -> Result<(), ChannelError> {
        let expected = self.id().ok_or_else(|| self.wait("naming the channel"))?;
        if named != expected {
            return Err(Violation::OtherChannel { named, expected }.into());
        }
        Ok(())
    }

    fn context_over(&self, funding: OutPoint) -> Result<CommitmentContext, ChannelError> {
        let peer = self.state.peer.ok_or_else(|| self.wait("building a commitment"))?;
        let (member, hub) = match self.state.side {
            Side::Member => (self.state.own, peer),
            Side::Hub => (peer, self.state.own),
        };
        let made = || CommitmentContext::new(self.state.params, member, hub, funding);
        let mut context = self.context.get_or_init(made).over(funding);
        context.params = self.state.params;
        Ok(context)
    }

    fn funded_context(&self) -> Result<CommitmentContext, ChannelError> {
        self.context_over(self.state.funding.ok_or_else(|| self.wait("using the funding"))?)
    }

    fn first_commitment(&self, context: &CommitmentContext, broadcaster: Side) -> Result<CommitmentTx, ChannelError> {
        let point = match broadcaster {
            Side::Member => context.member.first_point,
            Side::Hub => context.hub.first_point,
        };
        let ChannelParams { member_sat, hub_sat, .. } = self.state.params;
        CommitmentTx::build(context, broadcaster, 0, &point, Balances { member_sat, hub_sat })
            .map_err(|error| Violation::Amount(error).into())
    }

    fn verification_nonce(&self, context: &CommitmentContext, number: u64) -> SecretNonce {
        let life = self.keys.life_of(number);
        context.aggregate().verification_nonce(&self.keys.funding_secret(), context.funding.txid, number, life)
    }
}

fn check_params(params: &ChannelParams) -> Result<(), Violation> {
    if params.hub_sat != 0 {
        return Err(Violation::Terms {
            term: "hub_sat",
            proposed: params.hub_sat.to_string(),
            required: "0".to_owned(),
        }); // C-10: two-sided funding is not part of this version
    }
    check_amounts(params, Balances { member_sat: params.member_sat, hub_sat: params.hub_sat })?;
    Ok(())
}
