//! Opening: keys, commitment 0 and checkpoint 0 are exchanged before the funding is broadcast. Clauses C-10 to C-18.

use bitcoin::OutPoint;

use super::state::{OpeningCheckpoint, State};
use super::{Channel, ChannelError, CheckpointRequest, CommitmentTxids, Effect, Phase, Violation, check_params};
use crate::commitment::Side;
use crate::ids::{ChannelId, ChannelParams, DaoId, NetworkId, OpeningId};
use crate::keys::{ChannelKeys, ChannelPublicKeys};
use crate::musig::SessionSecret;
use crate::wire::{AcceptStake, CommitmentSigned, FundingCreated, FundingSigned, Msg, OpenStake};

/// Longest checkpoint in bytes. Clause C-18.
pub const MAX_CHECKPOINT_BYTES: usize = 4096;

/// What a hub requires of a new channel. Clause C-10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubTerms {
    /// Network of the hub.
    pub network: NetworkId,
    /// The hub's DAO.
    pub dao: DaoId,
    /// Smallest stake in satoshis.
    pub min_stake_sat: u64,
    /// Largest stake in satoshis.
    pub max_stake_sat: u64,
    /// Required lock on the member's own output.
    pub member_csv_blocks: u16,
    /// Required lock on the hub's own output.
    pub hub_csv_blocks: u16,
}

impl HubTerms {
    /// Checks proposed terms.
    ///
    /// # Errors
    /// [`Violation::Terms`] (C-10) or [`Violation::Amount`] naming the term and both values.
    pub fn check(&self, params: &ChannelParams) -> Result<(), Violation> {
        let same = |term, proposed: &dyn core::fmt::Display, required: &dyn core::fmt::Display| {
            let (proposed, required) = (proposed.to_string(), required.to_string());
            if proposed == required { Ok(()) } else { Err(Violation::Terms { term, proposed, required }) }
        };
        same("network", &params.network, &self.network)?;
        same("dao", &params.dao, &self.dao)?;
        same("member_csv_blocks", &params.member_csv_blocks, &self.member_csv_blocks)?;
        same("hub_csv_blocks", &params.hub_csv_blocks, &self.hub_csv_blocks)?;
        if !(self.min_stake_sat..=self.max_stake_sat).contains(&params.member_sat) {
            return Err(Violation::Terms {
                term: "member_sat",
                proposed: params.member_sat.to_string(),
                required: format!("{} to {}", self.min_stake_sat, self.max_stake_sat),
            });
        }
        check_params(params)
    }
}

impl Channel {
    /// Member: begins to open a channel. `opening` is drawn at random, `keys` are of a seed never used before.
    ///
    /// # Errors
    /// [`Violation`] naming C-10, C-22 or C-23 for terms that no channel can have.
    pub fn member_open(
        keys: ChannelKeys,
        opening: OpeningId,
        params: ChannelParams,
    ) -> Result<(Self, Vec<Effect>), Violation> {
        check_params(&params)?;
        let state = new_state(Side::Member, Phase::AwaitAccept, opening, params, &keys, None);
        let channel = Self { shown: true, ..Self::from_state(state, keys) };
        let effects = vec![Effect::Persist, channel.open_stake()];
        Ok((channel, effects))
    }

    /// Hub: answers a proposal that is not known yet; one that is goes to the existing channel's [`Channel::handle`].
    ///
    /// # Errors
    /// [`Violation`] naming C-10, C-12, C-22 or C-23; the shell sends it to the member.
    pub fn hub_accept(
        keys: ChannelKeys,
        proposal: &OpenStake,
        terms: &HubTerms,
    ) -> Result<(Self, Vec<Effect>), Violation> {
        terms.check(&proposal.params)?;
        check_distinct(keys.public(), &proposal.keys)?;
        let OpenStake { opening, params, keys: peer } = *proposal;
        let phase = Phase::AwaitFundingCreated;
        let state = new_state(Side::Hub, phase, opening, params, &keys, Some(peer));
        let channel = Self { shown: true, ..Self::from_state(state, keys) };
        let effects = vec![Effect::Persist, channel.accept_stake()];
        Ok((channel, effects))
    }

    /// Transaction ids of both commitments 0 if the funding is `funding`: checkpoint 0 states them.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) while the peer's keys are not known.
    pub fn first_commitments(&self, funding: OutPoint) -> Result<CommitmentTxids, ChannelError> {
        let context = self.context_over(funding)?;
        Ok(CommitmentTxids {
            member: self.first_commitment(&context, Side::Member)?.txid(),
            hub: self.first_commitment(&context, Side::Hub)?.txid(),
        })
    }

    /// Member: the wallet has built (not broadcast) the funding transaction, and checkpoint 0 is signed.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) outside [`Phase::AwaitFundingTx`]; [`Violation::CheckpointSize`].
    pub fn fund(
        &mut self,
        funding: OutPoint,
        checkpoint: Vec<u8>,
        signature: [u8; 64],
    ) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::AwaitFundingTx {
            return Err(self.wait("naming the funding output"));
        }
        check_checkpoint_size(&checkpoint)?;
        self.state.funding = Some(funding);
        self.state.checkpoint =
            Some(OpeningCheckpoint { bytes: checkpoint, member_signature: signature, hub_signature: None });
        self.state.phase = Phase::AwaitFundingSigned;
        Ok(vec![Effect::Persist, self.funding_created()?])
    }

    /// Member: checkpoint 0 and the hub's signature on it are good.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) outside the member's [`Phase::CheckpointReview`].
    pub fn checkpoint_accepted(&mut self, session: SessionSecret) -> Result<Vec<Effect>, ChannelError> {
        if self.state.side != Side::Member || self.state.phase != Phase::CheckpointReview {
            return Err(self.wait("accepting checkpoint 0"));
        }
        let context = self.funded_context()?;
        let signed = self.commitment_signed(session)?;
        self.state.phase = Phase::AwaitConfirmation;
        Ok(vec![Effect::Persist, signed, Effect::BroadcastFunding(context.funding)])
    }

    /// Hub: checkpoint 0 and the member's signature on it are good, and this is the hub's.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) outside the hub's [`Phase::CheckpointReview`].
    pub fn checkpoint_signed(
        &mut self,
        signature: [u8; 64],
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        if self.state.side != Side::Hub || self.state.phase != Phase::CheckpointReview {
            return Err(self.wait("signing checkpoint 0"));
        }
        let signed = self.funding_signed(signature, session)?;
        if let Some(checkpoint) = &mut self.state.checkpoint {
            checkpoint.hub_signature = Some(signature);
        }
        self.state.phase = Phase::AwaitCommitmentSigned;
        Ok(vec![Effect::Persist, signed])
    }

    /// Either side: checkpoint 0 or the peer's signature on it is not good. The opening ends.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) outside [`Phase::CheckpointReview`].
    pub fn checkpoint_refused(&mut self, detail: &str) -> Result<Vec<Effect>, ChannelError> {
        if self.state.phase != Phase::CheckpointReview {
            return Err(self.wait("refusing checkpoint 0"));
        }
        Ok(self.fail(Violation::Checkpoint { detail: detail.to_owned() }))
    }

    /// Ends an opening before anything was broadcast (the wallet's coin is gone, the user changed their mind).
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) once the funding may have been broadcast.
    pub fn abandon(&mut self, detail: &str) -> Result<Vec<Effect>, ChannelError> {
        if !self.can_still_fail() {
            return Err(self.wait("abandoning the opening"));
        }
        Ok(self.fail(Violation::Abandoned { detail: detail.to_owned() }))
    }

    /// Hub: ends an opening whose funding was not mined, also after its signature was given: it has nothing in the channel, and what it
    /// signed brings the member's stake home if the funding is mined after all. C-11.
    ///
    /// # Errors
    /// [`Wait::Phase`](super::Wait::Phase) with a member, and once the funding is confirmed or holds anything of the hub's.
    pub fn let_go(&mut self, detail: &str) -> Result<Vec<Effect>, ChannelError> {
        let State { side, phase, params, funding_confirmed, .. } = &self.state;
        if *side != Side::Hub || params.hub_sat != 0 || *funding_confirmed || *phase >= Phase::Ready {
            return Err(self.wait("letting go of an opening"));
        }
        Ok(self.fail(Violation::Abandoned { detail: detail.to_owned() }))
    }

    pub(super) fn on_open_stake_again(
        &mut self,
        msg: &OpenStake,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_opening(msg.opening)?;
        if msg.params != self.state.params || Some(msg.keys) != self.state.peer {
            return Err(Violation::Changed { what: "open_stake" }.into()); // C-14
        }
        if self.state.phase == Phase::AwaitFundingCreated {
            return Ok(self.resend_opening(session));
        }
        Ok(Vec::new())
    }

    pub(super) fn on_accept_stake(&mut self, msg: &AcceptStake) -> Result<Vec<Effect>, ChannelError> {
        self.expect_opening(msg.opening)?;
        if let Some(known) = self.state.peer {
            if known != msg.keys {
                return Err(Violation::Changed { what: "accept_stake" }.into()); // C-14
            }
            return Ok(Vec::new());
        }
        if self.state.phase != Phase::AwaitAccept {
            return Err(self.wait("accept_stake"));
        }
        check_distinct(&self.state.own, &msg.keys)?;
        self.state.peer = Some(msg.keys);
        self.state.phase = Phase::AwaitFundingTx;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.resume_opening());
        Ok(effects)
    }

    pub(super) fn on_funding_created(
        &mut self,
        msg: &FundingCreated,
        session: SessionSecret,
    ) -> Result<Vec<Effect>, ChannelError> {
        self.expect_opening(msg.opening)?;
        if let (Some(funding), Some(checkpoint)) = (self.state.funding, &self.state.checkpoint) {
            let same = funding == msg.funding
                && checkpoint.bytes == msg.checkpoint
                && checkpoint.member_signature == msg.checkpoint_signature
                && self.state.peer_nonce == Some(msg.nonce);
            if !same {
                return Err(Violation::Changed { what: "funding_created" }.into()); // C-14
            }
            if self.state.phase == Phase::AwaitCommitmentSigned {
                return Ok(self.resend_opening(session));
            }
            return Ok(Vec::new());
        }
        if self.state.phase != Phase::AwaitFundingCreated {
            return Err(self.wait("funding_created"));
        }
        check_checkpoint_size(&msg.checkpoint)?;
        self.state.funding = Some(msg.funding);
        self.state.peer_nonce = Some(msg.nonce);
        self.state.checkpoint = Some(OpeningCheckpoint {
            bytes: msg.checkpoint.clone(),
            member_signature: msg.checkpoint_signature,
            hub_signature: None,
        });
        self.state.phase = Phase::CheckpointReview;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.resume_opening());
        Ok(effects)
    }

    pub(super) fn on_funding_signed(&mut self, msg: &FundingSigned) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase > Phase::AwaitFundingSigned {
            return Ok(Vec::new()); // C-14: the first verified signature is kept
        }
        if self.state.phase != Phase::AwaitFundingSigned {
            return Err(self.wait("funding_signed"));
        }
        let context = self.funded_context()?;
        let commitment = self.first_commitment(&context, Side::Member)?;
        let own_nonce = self.verification_nonce(&context, 0).public();
        let aggregate = context.aggregate();
        let signer = &context.hub.funding;
        if !aggregate.verify_partial(signer, &msg.signature, &own_nonce, commitment.sighash()) {
            // C-17: without it the stake could be locked for ever.
            return Err(Violation::PartialSignature { what: "the member's commitment 0" }.into());
        }
        self.state.peer_signature = Some(msg.signature);
        self.state.peer_nonce = Some(msg.nonce);
        if let Some(checkpoint) = &mut self.state.checkpoint {
            checkpoint.hub_signature = Some(msg.checkpoint_signature);
        }
        self.state.phase = Phase::CheckpointReview;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.resume_opening());
        Ok(effects)
    }

    pub(super) fn on_commitment_signed(&mut self, msg: &CommitmentSigned) -> Result<Vec<Effect>, ChannelError> {
        self.expect_channel(msg.channel)?;
        if self.state.phase > Phase::AwaitCommitmentSigned {
            return Ok(Vec::new()); // C-14
        }
        if self.state.phase != Phase::AwaitCommitmentSigned {
            return Err(self.wait("commitment_signed"));
        }
        let context = self.funded_context()?;
        let commitment = self.first_commitment(&context, Side::Hub)?;
        let own_nonce = self.verification_nonce(&context, 0).public();
        let aggregate = context.aggregate();
        let signer = &context.member.funding;
        if !aggregate.verify_partial(signer, &msg.signature, &own_nonce, commitment.sighash()) {
            return Err(Violation::PartialSignature { what: "the hub's commitment 0" }.into()); // C-17
        }
        self.state.peer_signature = Some(msg.signature);
        self.state.phase = Phase::AwaitConfirmation;
        let mut effects = vec![Effect::Persist];
        effects.extend(self.advance()?);
        Ok(effects)
    }

    pub(super) fn resend_opening(&mut self, session: SessionSecret) -> Vec<Effect> {
        let hub_signature = self.state.checkpoint.as_ref().and_then(|checkpoint| checkpoint.hub_signature);
        let messages = match self.state.phase {
            Phase::AwaitAccept => Ok(vec![self.open_stake()]),
            Phase::AwaitFundingCreated => Ok(vec![self.accept_stake()]),
            Phase::AwaitFundingSigned => self.funding_created().map(|msg| vec![msg]),
            Phase::AwaitCommitmentSigned => match hub_signature {
                Some(signature) => self.funding_signed(signature, session).map(|msg| vec![msg]),
                None => Ok(Vec::new()),
            },
            Phase::AwaitConfirmation | Phase::Ready | Phase::Closing => self.resend_signed(session),
            _ => Ok(Vec::new()),
        };
        // A stored state of these phases was checked for the parts that the messages need.
        messages.unwrap_or_default()
    }

    pub(super) fn resume_opening(&self) -> Vec<Effect> {
        match self.state.phase {
            Phase::AwaitFundingTx => self
                .funding_output()
                .map(|output| Effect::BuildFunding {
                    script_pubkey: output.script_pubkey,
                    amount_sat: output.value.to_sat(),
                })
                .into_iter()
                .collect(),
            Phase::CheckpointReview => self.checkpoint_request().map(Effect::CheckCheckpoint).into_iter().collect(),
            Phase::AwaitConfirmation if self.state.side == Side::Member && !self.state.funding_confirmed => {
                self.state.funding.map(Effect::BroadcastFunding).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn expect_opening(&self, named: OpeningId) -> Result<(), ChannelError> {
        if named != self.state.opening {
            let (named, expected) = (named.provisional_channel(), self.state.opening.provisional_channel());
            return Err(Violation::OtherChannel { named, expected }.into()); // C-13
        }
        Ok(())
    }

    fn checkpoint_request(&self) -> Option<CheckpointRequest> {
        let checkpoint = self.state.checkpoint.as_ref()?;
        let funding = self.state.funding?;
        let peer_signature = match self.state.side {
            Side::Member => checkpoint.hub_signature?,
            Side::Hub => checkpoint.member_signature,
        };
        Some(CheckpointRequest {
            checkpoint: checkpoint.bytes.clone(),
            peer_signature,
            funding,
            commitments: self.first_commitments(funding).ok()?,
        })
    }

    fn open_stake(&self) -> Effect {
        let State { opening, params, own: keys, .. } = self.state;
        Effect::Send(Msg::OpenStake(OpenStake { opening, params, keys }))
    }

    fn accept_stake(&self) -> Effect {
        let State { opening, own: keys, .. } = self.state;
        Effect::Send(Msg::AcceptStake(AcceptStake { opening, keys }))
    }

    fn funding_created(&self) -> Result<Effect, ChannelError> {
        let context = self.funded_context()?;
        let checkpoint = self.state.checkpoint.as_ref().ok_or_else(|| self.wait("funding_created"))?;
        Ok(Effect::Send(Msg::FundingCreated(FundingCreated {
            opening: self.state.opening,
            funding: context.funding,
            nonce: self.verification_nonce(&context, 0).public(),
            checkpoint: checkpoint.bytes.clone(),
            checkpoint_signature: checkpoint.member_signature,
        })))
    }

    fn funding_signed(&self, checkpoint_signature: [u8; 64], session: SessionSecret) -> Result<Effect, ChannelError> {
        let context = self.funded_context()?;
        Ok(Effect::Send(Msg::FundingSigned(FundingSigned {
            channel: ChannelId::new(context.params.dao, context.funding),
            signature: self.sign_first_commitment(Side::Member, session)?,
            nonce: self.verification_nonce(&context, 0).public(),
            checkpoint_signature,
        })))
    }

    pub(super) fn commitment_signed(&self, session: SessionSecret) -> Result<Effect, ChannelError> {
        let context = self.funded_context()?;
        Ok(Effect::Send(Msg::CommitmentSigned(CommitmentSigned {
            channel: ChannelId::new(context.params.dao, context.funding),
            signature: self.sign_first_commitment(Side::Hub, session)?,
        })))
    }

    // Signs the peer's commitment, never the own one.
    fn sign_first_commitment(
        &self,
        broadcaster: Side,
        session: SessionSecret,
    ) -> Result<crate::musig::PartialSignatureWithNonce, ChannelError> {
        let context = self.funded_context()?;
        let commitment = self.first_commitment(&context, broadcaster)?;
        let peer_nonce = self.state.peer_nonce.ok_or_else(|| self.wait("signing commitment 0"))?;
        Ok(context.aggregate().sign_fresh(&self.keys.funding_secret(), session, &peer_nonce, commitment.sighash()))
    }
}

fn new_state(
    side: Side,
    phase: Phase,
    opening: OpeningId,
    params: ChannelParams,
    keys: &ChannelKeys,
    peer: Option<ChannelPublicKeys>,
) -> State {
    State {
        side,
        phase,
        opening,
        params,
        own: *keys.public(),
        peer,
        funding: None,
        checkpoint: None,
        peer_nonce: None,
        peer_signature: None,
        funding_confirmed: false,
        ready_sent: false,
        peer_next: None,
        own_close_script: None,
        peer_close_script: None,
        close_fee_sat: None,
        close_tx: None,
        signed_commitment: None,
        failure: None,
        money: None,
        signed_later: Vec::new(),
        closes_into: None,
        restored: None,
        lives: Vec::new(),
        next_life: None,
        own_from: None,
        division: None,
    }
}

fn check_distinct(own: &ChannelPublicKeys, peer: &ChannelPublicKeys) -> Result<(), Violation> {
    if own.funding == peer.funding {
        return Err(Violation::SameFundingKey { key: peer.funding.to_string() }); // C-12
    }
    Ok(())
}

pub(super) fn check_checkpoint_size(checkpoint: &[u8]) -> Result<(), Violation> {
    if checkpoint.len() > MAX_CHECKPOINT_BYTES {
        return Err(Violation::CheckpointSize { bytes: checkpoint.len(), max: MAX_CHECKPOINT_BYTES }); // C-18
    }
    Ok(())
}
