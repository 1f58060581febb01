//! Checkpoints in the shell: what a side wants to change is proposed at its turn, and what the other proposes is checked
//! against the log's rules before it is signed.

use althing_channels::{
    AppPosition, Change, ChannelError, CheckpointFacts, CheckpointReview, Effect, Phase, Side, SignedCheckpoint,
};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{self, Checkpoint, CheckpointFunding, Entry, lane_start};
use althing_governance::id::{LaneHead, MemberId};
use anyhow::{Context, Result, ensure};
use bitcoin::secp256k1::schnorr;

use super::{StakeChannel, StakeNews};
use crate::shell::Shell;

/// How far the tips of both sides may be apart when one checks the other's checkpoint, in blocks.
const TIP_APART_BLOCKS: u32 = 144;

impl Shell {
    /// Proposes everything ordered, or what else is due, once it is this side's turn and the other side is there.
    pub(super) fn propose_due(&mut self, number: u32, news: &mut Vec<StakeNews>) -> Result<Vec<Effect>> {
        let Some(channel) = self.stakes.channel(number) else { return Ok(Vec::new()) };
        if !channel.machine.turn_is_own() || self.waits_for_agreement(number) {
            return Ok(Vec::new());
        }
        let app = self.lane_position(channel);
        // What a splice needs comes first and alone: it cannot be refused for something else.
        if let Some(change) = channel.machine.due_splice_change() {
            return match channel.machine.next_checkpoint(&[change], app) {
                Ok(facts) => self.propose(number, vec![change], app, &facts),
                Err(ChannelError::NotNow(_)) => Ok(Vec::new()),
                Err(error) => {
                    news.push(StakeNews::Reported(number, error.to_string()));
                    self.fold_lane(number)
                }
            };
        }
        let ordered = channel.ordered();
        if !ordered.is_empty() {
            return match channel.machine.next_checkpoint(&ordered, app) {
                Ok(facts) => {
                    let effects = self.propose(number, ordered, app, &facts)?;
                    // Forgotten in the step that stores the proposal: it is what is sent again from now on.
                    self.stakes.channel_mut(number).context("the channel exists")?.orders.clear();
                    Ok(effects)
                }
                Err(ChannelError::NotNow(_)) => Ok(Vec::new()),
                Err(error) => self.refuse_orders(number, &error.to_string()).map(|()| Vec::new()),
            };
        }
        if channel.splice_order.is_some() {
            return self.announce_order(number, news);
        }
        let due = self.due_changes(channel);
        if due.is_empty() && !self.wants_own_key(channel) {
            return Ok(Vec::new());
        }
        match channel.machine.next_checkpoint(&due, app) {
            Ok(facts) => self.propose(number, due, app, &facts),
            Err(ChannelError::NotNow(_)) => Ok(Vec::new()),
            Err(error) => {
                news.push(StakeNews::Reported(number, error.to_string()));
                Ok(Vec::new())
            }
        }
    }

    /// Asks for the turn when there is something to propose.
    ///
    /// # Errors
    /// On I/O.
    pub(super) fn seek_turn(&mut self, number: u32) -> Result<Vec<StakeNews>> {
        let channel = self.channel(number)?;
        if channel.machine.phase() != Phase::Ready || channel.machine.is_behind() {
            return Ok(Vec::new());
        }
        let asked_for = !channel.orders.is_empty() || channel.splice_order.is_some();
        if !asked_for && self.due_changes(channel).is_empty() && !self.wants_own_key(channel) {
            return Ok(Vec::new());
        }
        let effects = self.machine(number)?.ask_turn().unwrap_or_default();
        self.carry_out(number, effects)
    }

    /// A splice that the hub does not agree to is given up.
    pub(super) fn drop_announcement(&mut self, number: u32) -> Result<Vec<Effect>> {
        if self.waits_for_agreement(number) { self.fold_lane(number) } else { Ok(Vec::new()) }
    }

    /// A checkpoint that changes nothing; it ends what was announced and not agreed (C-142).
    fn fold_lane(&mut self, number: u32) -> Result<Vec<Effect>> {
        let channel = self.channel(number)?;
        let app = self.lane_position(channel);
        match channel.machine.next_checkpoint(&[], app) {
            Ok(facts) => self.propose(number, Vec::new(), app, &facts),
            Err(error) => {
                tracing::debug!(number, %error, "the announcement is given up later");
                Ok(Vec::new())
            }
        }
    }

    fn propose(
        &mut self,
        number: u32,
        changes: Vec<Change>,
        app: AppPosition,
        facts: &CheckpointFacts,
    ) -> Result<Vec<Effect>> {
        let checkpoint = self.checkpoint_of(self.channel(number)?, facts)?;
        let signature = self.sign_checkpoint(self.channel(number)?.machine.side(), &checkpoint)?;
        let session = self.session()?;
        let bytes = checkpoint.to_bytes();
        Ok(self.machine(number)?.propose_checkpoint(changes, app, bytes, signature, session)?)
    }

    /// Checks a checkpoint of the other side, or its signature on the own one, and goes on with it.
    pub(super) fn review_checkpoint(&mut self, number: u32, review: &CheckpointReview) -> Result<Vec<Effect>> {
        let of_peer = review.own_signature.is_none() && self.channel(number)?.machine.side() == Side::Member;
        let judged = self.judge_later_checkpoint(number, review).and_then(|()| match of_peer {
            true => self.judge_forfeits(self.channel(number)?, review),
            false => Ok(()),
        });
        if let Err(error) = judged {
            if let Some(channel) = self.stakes.channel_mut(number) {
                channel.refused = true;
            }
            return Ok(self.machine(number)?.refuse_checkpoint(&format!("{error:#}"))?);
        }
        if review.own_signature.is_some() {
            return Ok(self.machine(number)?.finish_checkpoint()?);
        }
        let checkpoint = Checkpoint::from_bytes(&review.checkpoint)?;
        let signature = self.sign_checkpoint(self.channel(number)?.machine.side(), &checkpoint)?;
        let session = self.session()?;
        Ok(self.machine(number)?.answer_checkpoint(signature, session)?)
    }

    /// N-300: whether the newest checkpoint names a vote key that was replaced before the log had it. The log takes it no more
    /// (G-23), so the member wants one by the key that speaks now.
    fn wants_own_key(&self, channel: &StakeChannel) -> bool {
        if channel.machine.side() != Side::Member {
            return false;
        }
        let id = channel.machine.id().map(|id| althing_governance::ChannelId(id.0));
        let Some(record) = id.and_then(|id| self.ledger.state().channels().get(&id)) else { return false };
        let newest = match channel.machine.signed_checkpoint() {
            Some(signed) => Some((signed.number, signed.bytes.as_slice())),
            None => channel.machine.checkpoint().map(|opening| (0, opening.bytes.as_slice())),
        };
        let Some((number, bytes)) = newest else { return false };
        let is_logged = record.checkpoints.last().is_some_and(|(_, logged)| logged.number >= number);
        let by_other_key = |checkpoint: Checkpoint| checkpoint.member != self.speaking_key(&channel.member);
        !is_logged && Checkpoint::from_bytes(bytes).is_ok_and(by_other_key)
    }

    /// A checkpoint after checkpoint 0 as the log takes it.
    ///
    /// # Errors
    /// When its stored parts are malformed.
    pub fn checkpoint_entry(&self, signed: &SignedCheckpoint) -> Result<Vec<u8>> {
        let signed = entry::SignedCheckpoint {
            checkpoint: Checkpoint::from_bytes(&signed.bytes)?,
            member_signature: schnorr::Signature::from_slice(&signed.member_signature)?,
            hub_signature: schnorr::Signature::from_slice(&signed.hub_signature)?,
        };
        Ok(Entry::Checkpoint(self.signed_now(signed)?).to_bytes())
    }

    /// A hub's checkpoint with its signature by the key in force: the log takes no other, and a checkpoint can wait long for its
    /// place there while the members change the hub's key (N-78).
    ///
    /// # Errors
    /// When the key in force is none of this seed's.
    pub fn signed_now(&self, signed: entry::SignedCheckpoint) -> Result<entry::SignedCheckpoint> {
        let [_, by_hub] = signed.signature_checks(&self.ledger.state().hub_log_key());
        if by_hub.verify(&self.secp).is_ok() {
            return Ok(signed);
        }
        let hub_signature = signed.checkpoint.sign(&self.secp, &self.log_key()?, &self.aux_rand()?);
        Ok(entry::SignedCheckpoint { hub_signature, ..signed })
    }

    fn judge_later_checkpoint(&self, number: u32, review: &CheckpointReview) -> Result<()> {
        let channel = self.channel(number)?;
        let checkpoint = Checkpoint::from_bytes(&review.checkpoint)?;
        let wanted = Checkpoint {
            // Both sides see the tip at their own moment.
            tip_height: checkpoint.tip_height,
            tip_hash: checkpoint.tip_hash,
            member: self.named_key(channel, &checkpoint),
            ..self.checkpoint_of(channel, &review.facts)?
        };
        ensure!(checkpoint == wanted, "the checkpoint is {checkpoint:?}, this side has {wanted:?}");
        let (tip, own) = (checkpoint.tip_height, self.tip_height());
        ensure!(
            tip.abs_diff(own) <= TIP_APART_BLOCKS,
            "the checkpoint was made at height {tip}, the tip here is {own}"
        );
        self.judge_lane(channel, review.facts.ledger.app())?;
        let (what, key) = match channel.machine.side() {
            Side::Hub => ("the member's checkpoint signature", checkpoint.member.0),
            Side::Member => ("the hub's checkpoint signature", self.ledger.state().hub_log_key().serialize()),
        };
        let signature = schnorr::Signature::from_slice(&review.peer_signature)?;
        checkpoint.signature_check(what, key, signature).verify(&self.secp)?;
        Ok(())
    }

    /// N-300: the vote key that a checkpoint of the other side may name: of this member, the one that speaks now or one before it. A
    /// round that began before the key was replaced has to end, or no other could begin; the log waits for the next then.
    fn named_key(&self, channel: &StakeChannel, checkpoint: &Checkpoint) -> MemberId {
        let member_of = |key| self.ledger.state().member_of_key(key);
        match member_of(&checkpoint.member) == member_of(&channel.member) {
            true => checkpoint.member,
            false => self.speaking_key(&channel.member),
        }
    }

    /// C-108: the lane's position is the log's; an earlier one the log has gone beyond.
    fn judge_lane(&self, channel: &StakeChannel, app: AppPosition) -> Result<()> {
        let logged = self.logged_position(channel);
        let (there, here) = ((app.incarnation, app.sequence), (logged.incarnation, logged.sequence));
        ensure!(there <= here, "the checkpoint folds the lane up to {there:?}, the log here has it up to {here:?}");
        ensure!(there < here || app.head == logged.head, "the lane's head at {here:?} is another one in the log");
        Ok(())
    }

    /// The position that this side proposes. The hub repeats what the member knows: the member's copy of the log may lag.
    pub(super) fn lane_position(&self, channel: &StakeChannel) -> AppPosition {
        let folded = channel.machine.ledger().map(althing_channels::Ledger::app);
        match (channel.machine.side(), folded) {
            (Side::Hub, Some(folded)) if folded.sequence > 0 => folded,
            _ => self.logged_position(channel),
        }
    }

    fn logged_position(&self, channel: &StakeChannel) -> AppPosition {
        let params = &self.dao.params;
        let key = self.speaking_key(&channel.member);
        match self.ledger.state().lane(&key) {
            Some(lane) => AppPosition { incarnation: lane.incarnation, sequence: lane.sequence, head: lane.head.0 },
            None => {
                let head = lane_start(params.network, params.dao_id, key, 0);
                AppPosition { incarnation: 0, sequence: 0, head: head.0 }
            }
        }
    }

    fn checkpoint_of(&self, channel: &StakeChannel, facts: &CheckpointFacts) -> Result<Checkpoint> {
        let (tip_height, tip_hash) = self.tip.context("no block is known yet")?;
        let (balances, app) = (facts.ledger.balances(), facts.ledger.app());
        let first = channel.machine.id().context("the channel has no id")?;
        let fundings = facts.fundings.iter().map(|(outpoint, commitments)| CheckpointFunding {
            outpoint: *outpoint,
            member_commitment: commitments.member,
            hub_commitment: commitments.hub,
        });
        Ok(Checkpoint {
            network: self.dao.params.network,
            dao: self.dao.params.dao_id,
            channel: althing_governance::ChannelId(first.0),
            member: self.speaking_key(&channel.member),
            number: facts.number,
            fundings: fundings.collect(),
            tip_height,
            tip_hash,
            member_sat: balances.member_sat,
            hub_sat: balances.hub_sat,
            forfeited_sat: facts.ledger.forfeited_sat(),
            incarnation: app.incarnation,
            sequence: app.sequence,
            head: LaneHead(app.head),
        })
    }

    fn sign_checkpoint(&self, side: Side, checkpoint: &Checkpoint) -> Result<[u8; 64]> {
        let key = match side {
            Side::Hub => self.log_key()?,
            Side::Member => {
                let own = self.own_vote_key(&checkpoint.member);
                own.with_context(|| format!("G-90: vote key {} is none of this seed's", checkpoint.member))?.1
            }
        };
        Ok(*checkpoint.sign(&self.secp, &key, &self.aux_rand()?).as_ref())
    }
}
