//! Carries out what channels ask for, storing before sending.

use std::collections::VecDeque;

use althing_channels::{Channel, Effect, Msg, SessionSecret, Side};
use anyhow::{Context, Result};
use bitcoin::secp256k1::PublicKey;

use super::{StakeChannel, StakeNews, Stakes};
use crate::shell::Shell;

impl Shell {
    /// A message of the money lane for a channel that exists.
    ///
    /// # Errors
    /// On I/O.
    pub fn on_channel_message(&mut self, number: u32, message: &Msg) -> Result<Vec<StakeNews>> {
        let heard = self.hear(number, message)?;
        let session = self.session()?;
        let effects = self.machine(number)?.handle(message, session);
        let mut news = self.carry_out(number, effects)?;
        self.remember(number, heard, &news)?;
        // The message may have been what an order was waiting for.
        let effects = self.propose_due(number, &mut news)?;
        news.extend(self.carry_out(number, effects)?);
        // A round gives the turn away; what did not fit into it needs another. And whoever asked before a restart asks again.
        let is_back = matches!(message, Msg::Reestablish(_));
        if is_back || news.iter().any(|news| matches!(news, StakeNews::Checkpointed(..))) {
            news.extend(self.seek_turn(number)?);
        }
        Ok(news)
    }

    /// The other side of all its channels is connected: say again what it may have missed.
    ///
    /// # Errors
    /// On I/O.
    pub fn reconnect_channels(&mut self, peer: &PublicKey) -> Result<Vec<StakeNews>> {
        for number in self.stakes.iter().map(|channel| channel.number).collect::<Vec<_>>() {
            if let Some(channel) = self.stakes.channel_mut(number).filter(|channel| channel.peer == *peer) {
                channel.lost = None;
            }
        }
        self.for_each_channel(|channel| channel.peer == *peer, |machine, session| machine.on_reconnect(session))
    }

    /// Takes up what channels were doing when the program ended.
    ///
    /// # Errors
    /// On I/O.
    pub fn resume_channels(&mut self) -> Result<Vec<StakeNews>> {
        self.tell_refusals();
        let mut news = self.for_each_channel(|_| true, |machine, _| machine.resume())?;
        news.extend(self.advance_splices()?);
        Ok(news)
    }

    /// Carries out a channel's effects in order, storing before sending.
    ///
    /// # Errors
    /// On I/O; the channel is then as it was last stored.
    pub fn carry_out(&mut self, number: u32, effects: Vec<Effect>) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let mut queue: VecDeque<Effect> = effects.into();
        self.revision += 1;
        while let Some(effect) = queue.pop_front() {
            let done = match (effect, queue.front()) {
                // C-85: what punishes a revoked commitment is on disk as soon as its revocation is.
                (Effect::Persist, Some(Effect::PeerRevoked { number: revoked, over })) => self
                    .seal_revoked(number, *revoked, over)
                    .and_then(|blobs| self.persist_with(number, blobs))
                    .map(|()| Vec::new()),
                (effect, _) => self.carry_out_one(number, effect, &mut news),
            };
            let more = match done {
                Ok(more) => more,
                Err(error) => {
                    self.restore_channel(number)?;
                    return Err(error);
                }
            };
            // What an effect leads to comes before the effects behind it.
            for effect in more.into_iter().rev() {
                queue.push_front(effect);
            }
        }
        self.end_orders(number)?;
        Ok(news)
    }

    fn carry_out_one(&mut self, number: u32, effect: Effect, news: &mut Vec<StakeNews>) -> Result<Vec<Effect>> {
        // C-61: what goes to the Bitcoin network follows from what is durable.
        if matches!(
            effect,
            Effect::BroadcastFunding(_)
                | Effect::BroadcastClose(_)
                | Effect::BroadcastCommitment(_)
                | Effect::SpliceSigned(_)
        ) {
            self.commit_channels()?;
        }
        match effect {
            Effect::Persist => self.persist_channel(number)?,
            Effect::Send(message) => {
                let (peer, side) = (self.channel(number)?.peer, self.channel(number)?.machine.side());
                if side == Side::Member && moves_on(&message) {
                    self.send_backup(peer)?; // C-94
                }
                self.send_of_channel(number, message)?;
            }
            // C-301: the close with the old hub funds it.
            Effect::BuildFunding { .. } if self.stakes.funded_by(number).is_some() => {}
            Effect::BuildFunding { script_pubkey, amount_sat } => {
                return self.build_funding(number, script_pubkey, amount_sat);
            }
            Effect::CheckCheckpoint(request) => return self.check_checkpoint(number, &request),
            Effect::BroadcastFunding(outpoint) => {
                self.watch.expect(&self.store, outpoint)?;
                self.rebroadcast_funding(number);
            }
            Effect::Ready => news.push(StakeNews::Ready(number)),
            Effect::ReviewCheckpoint(review) => return self.review_checkpoint(number, &review),
            // Stored with the effect before it, and offered when it is.
            Effect::PeerRevoked { .. } => {}
            Effect::TurnGained | Effect::SpliceAgreed { .. } | Effect::SpliceLocked { .. } => {
                return self.propose_due(number, news);
            }
            Effect::SpliceSigned(_) => self.finish_splice(number, news)?,
            Effect::Checkpointed(signed) => news.push(StakeNews::Checkpointed(number, signed)),
            Effect::Behind => {
                let words = "C-132: the other side has proved that this node's channel state is old. Nothing of it is broadcast; the other side is asked to close.";
                self.alarms.insert("channel", words.to_owned());
            }
            Effect::PeerBehind { number: at, expected } => {
                let words = format!(
                    "C-133: the other side lost data: it remembers commitment {at}, it must have {expected}. Close the channel: together (althing channel close), or alone."
                );
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.lost = Some(words.clone());
                }
                self.alarms.insert("channel", words);
                news.push(StakeNews::PeerBehind(number));
            }
            Effect::CheckpointShown(shown) => news.push(StakeNews::Shown(number, shown)),
            Effect::CloseRequested => return self.answer_close(number),
            // C-301: not before the new channel is signed.
            Effect::ProposeClose if self.channel(number)?.machine.closes_into() => {}
            Effect::ProposeClose => return self.propose_close(number, news),
            Effect::BroadcastClose(tx) => self.broadcast_close(number, &tx, news),
            // With its child, at every tip: `advance_monitors`.
            Effect::BroadcastCommitment(tx) => {
                let txid = tx.compute_txid();
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.closing_txid = Some(txid);
                }
                self.begin_monitor(number)?;
                news.push(StakeNews::Closing(number, txid));
            }
            Effect::Closed { txid, .. } => {
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.closing_txid = Some(txid);
                }
                news.push(StakeNews::Closed(number));
            }
            // Folded with the next block (N-261).
            Effect::VoucherReceived { amount_sat } => tracing::info!(number, amount_sat, "a voucher"),
            Effect::Refused { rule, detail } => tracing::warn!(number, rule, detail, "refused a channel message"),
            Effect::PeerReported { rule, .. } if matches!(rule.as_str(), "C-93" | "C-132") => {
                news.push(StakeNews::PeerBehind(number));
            }
            // Of a channel that it has signed for: its disk was lost, or is older than the channel.
            Effect::PeerReported { rule, .. } if rule == "N-33" && self.channel(number)?.machine.is_funded() => {
                let channel = self.stakes.channel_mut(number).context("the channel exists")?;
                let name = channel.machine.id().map(|id| id.to_string()).unwrap_or_default();
                let words = format!(
                    "N-33: the hub does not know stake channel {name} any more: its disk was lost, or is older than the channel. {} sat of yours are in it as \
                     before, and the channel does not go on. Bring them home alone: althing channel close {} --force",
                    channel.machine.balances().member_sat,
                    name.get(..8).unwrap_or(&name)
                );
                channel.lost = Some(words.clone());
                news.push(StakeNews::Reported(number, words));
            }
            Effect::PeerReported { rule, detail } => {
                news.push(StakeNews::Reported(number, format!("{rule}: {detail}")));
                return self.drop_announcement(number);
            }
            Effect::Failed { rule, detail } => {
                let note = if detail.starts_with(rule) { detail } else { format!("{rule}: {detail}") };
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.note.clone_from(&note);
                }
                self.persist_channel(number)?;
                news.push(StakeNews::Failed(number, note));
            }
            other => tracing::warn!(number, ?other, "an effect that this program does not know"),
        }
        Ok(Vec::new())
    }

    fn for_each_channel(
        &mut self,
        wanted: impl Fn(&StakeChannel) -> bool,
        mut act: impl FnMut(&mut Channel, SessionSecret) -> Vec<Effect>,
    ) -> Result<Vec<StakeNews>> {
        let numbers: Vec<u32> =
            self.stakes.iter().filter(|channel| wanted(channel)).map(|channel| channel.number).collect();
        let mut news = Vec::new();
        for number in numbers {
            let session = self.session()?;
            let effects = act(self.machine(number)?, session);
            news.extend(self.carry_out(number, effects)?);
        }
        Ok(news)
    }

    /// A failed write leaves the machine ahead of the store; the store is right.
    pub(super) fn restore_channel(&mut self, number: u32) -> Result<()> {
        self.stakes.drop_gathered(number);
        let mut stored = Stakes::load(&self.store, &self.keys)?;
        match stored.channels.remove(&number) {
            Some(channel) => self.stakes.insert(channel),
            None => self.stakes.remove(number),
        }
        Ok(())
    }

    pub(super) fn channel(&self, number: u32) -> Result<&StakeChannel> {
        self.stakes.channel(number).with_context(|| format!("there is no stake channel {number}"))
    }

    /// The machine of a channel.
    ///
    /// # Errors
    /// When there is no such channel.
    pub fn machine(&mut self, number: u32) -> Result<&mut Channel> {
        let channel = self.stakes.channel_mut(number).with_context(|| format!("there is no stake channel {number}"))?;
        Ok(&mut channel.machine)
    }
}

/// Messages with which the hub can go on to a state that an older backup does not know.
fn moves_on(message: &Msg) -> bool {
    match message {
        Msg::CheckpointSign(sign) => sign.proposal.is_some(),
        Msg::CheckpointRevoke(_) | Msg::GiveVoucher(_) => true,
        // Who forgot that the turn was given away would propose beside the other side's round (C-113).
        Msg::CheckpointTurn(turn) => turn.given,
        // It can stand for a yield that was lost (C-131).
        Msg::Reestablish(_) => true,
        _ => false,
    }
}
