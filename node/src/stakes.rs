//! Stake channels in the shell: the channel machines of the channels core, and everything their effects ask for.

use std::collections::{BTreeMap, VecDeque};

use althing_channels::wire::PeerError;
use althing_channels::{
    Channel, ChannelId, ChannelKeys, ChannelSeed, CheckpointRequest, Effect, Msg, OpeningId, Phase, Side,
};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::channel_id;
use althing_governance::entry::{Checkpoint, CheckpointFunding, SignedCheckpoint};
use althing_governance::id::MemberId;
use anyhow::{Context, Result, ensure};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::secp256k1::{PublicKey, schnorr};
use bitcoin::{Amount, FeeRate, OutPoint, ScriptBuf, Transaction, TxOut, Txid};

use crate::keys::Keys;
use crate::shell::{Shell, unix_time};
use crate::store::{ChannelRow, Store};

/// Fee of a cooperative close when the member named none: the 154 vB of the usual case at 2 sat/vB.
pub const DEFAULT_CLOSE_FEE_SAT: u64 = 310;

/// One stake channel of this node.
pub struct StakeChannel {
    /// Its number; with a member also the index of its seed.
    pub number: u32,
    /// The other side.
    pub peer: PublicKey,
    /// The vote key of the member, as the member's hello named it.
    pub member: MemberId,
    /// The state machine.
    pub machine: Channel,
    /// Member: the signed funding transaction.
    pub funding_tx: Option<Transaction>,
    /// Member: whether the Bitcoin source took the funding transaction since this program started.
    pub funding_taken: bool,
    /// Why it failed, if it did.
    pub note: String,
    /// Member: fee rate of the funding transaction.
    pub fee_rate_sat_vb: u64,
    /// Member: fee of the close.
    pub close_fee_sat: u64,
    /// The transaction that closed or closes it.
    pub closing_txid: Option<Txid>,
}

/// All stake channels of this node.
#[derive(Default)]
pub struct Stakes {
    channels: BTreeMap<u32, StakeChannel>,
}

/// What a channel's effects mean to hub or member.
#[derive(Debug)]
pub enum StakeNews {
    /// The channel is in use; a member binds it now.
    Ready(u32),
    /// The opening ended without coins in the channel.
    Failed(u32, String),
    /// The other side refused a step.
    Reported(u32, String),
    /// The close is signed and broadcast.
    Closing(u32, Txid),
    /// The funding output is spent.
    Closed(u32),
}

impl Stakes {
    /// Loads all channels.
    ///
    /// # Errors
    /// Stored bytes of another seed or damaged, or I/O.
    pub fn load(store: &Store, keys: &Keys) -> Result<Self> {
        let mut channels = BTreeMap::new();
        for row in store.channels()? {
            let number = row.number;
            let machine = Channel::decode(&row.state, channel_keys(keys, number))
                .with_context(|| format!("stake channel {number} in the store"))?;
            let (peer, member) = row.peer.split_at_checked(33).context("a stored peer is not a key")?;
            channels.insert(
                number,
                StakeChannel {
                    number,
                    peer: PublicKey::from_slice(peer).context("a stored peer is not a key")?,
                    member: MemberId(member.try_into().context("a stored vote key is not 32 bytes")?),
                    machine,
                    funding_tx: row
                        .funding_tx
                        .map(|tx| deserialize(&tx))
                        .transpose()
                        .context("a stored funding transaction")?,
                    funding_taken: false,
                    note: row.note,
                    fee_rate_sat_vb: 1,
                    close_fee_sat: DEFAULT_CLOSE_FEE_SAT,
                    closing_txid: None,
                },
            );
        }
        Ok(Self { channels })
    }

    /// All channels by number.
    pub fn iter(&self) -> impl Iterator<Item = &StakeChannel> {
        self.channels.values()
    }

    /// A channel.
    pub fn channel(&self, number: u32) -> Option<&StakeChannel> {
        self.channels.get(&number)
    }

    /// The channel with this id, or with this provisional id while its funding outpoint is not known.
    pub fn by_id(&self, id: ChannelId) -> Option<&StakeChannel> {
        self.iter()
            .find(|channel| channel.machine.id() == Some(id) || channel.machine.opening().provisional_channel() == id)
    }

    /// The channel of this opening with this peer.
    pub fn by_opening(&self, peer: &PublicKey, opening: OpeningId) -> Option<&StakeChannel> {
        self.iter().find(|channel| channel.peer == *peer && channel.machine.opening() == opening)
    }

    /// Openings of a peer whose funding is not on chain: what a peer can make this node remember for nothing.
    pub fn unfunded_of(&self, peer: &PublicKey) -> usize {
        self.iter().filter(|channel| channel.peer == *peer && channel.machine.phase() < Phase::Ready).count()
    }

    /// Funding outputs known.
    pub fn funding_outpoints(&self) -> Vec<OutPoint> {
        self.iter().filter_map(|channel| channel.machine.funding()).collect()
    }

    /// A number that no channel had yet.
    pub fn next_number(&self) -> u32 {
        self.channels.last_key_value().map_or(0, |(number, _)| number + 1)
    }

    /// Adds a channel.
    pub fn insert(&mut self, channel: StakeChannel) {
        self.channels.insert(channel.number, channel);
    }

    /// A channel, to be changed.
    pub fn channel_mut(&mut self, number: u32) -> Option<&mut StakeChannel> {
        self.channels.get_mut(&number)
    }
}

/// Keys of a channel from the node's seed.
pub fn channel_keys(keys: &Keys, number: u32) -> ChannelKeys {
    ChannelKeys::new(ChannelSeed::new(*keys.channel_seed(number)))
}

impl Shell {
    /// A message of the money lane for a channel that exists.
    ///
    /// # Errors
    /// On I/O.
    pub fn on_channel_message(&mut self, number: u32, message: &Msg) -> Result<Vec<StakeNews>> {
        let session = self.session()?;
        let effects = self.machine(number)?.handle(message, session);
        self.carry_out(number, effects)
    }

    /// The other side of all its channels is connected: say again what it may have missed.
    ///
    /// # Errors
    /// On I/O.
    pub fn reconnect_channels(&mut self, peer: &PublicKey) -> Result<Vec<StakeNews>> {
        self.for_each_channel(|channel| channel.peer == *peer, |machine, session| machine.on_reconnect(session))
    }

    /// Takes up what channels were doing when the program ended.
    ///
    /// # Errors
    /// On I/O.
    pub fn resume_channels(&mut self) -> Result<Vec<StakeNews>> {
        self.for_each_channel(|_| true, |machine, _| machine.resume())
    }

    /// Tells channels how deep their fundings are, and which are spent, as the facts in the store say.
    ///
    /// # Errors
    /// On I/O.
    pub fn update_channels_from_chain(&mut self) -> Result<Vec<StakeNews>> {
        let mut news = Vec::new();
        let tip = self.tip_height();
        let open: Vec<(u32, Phase, OutPoint)> = self
            .stakes
            .iter()
            .filter(|channel| !matches!(channel.machine.phase(), Phase::Closed | Phase::Failed))
            .filter_map(|channel| Some((channel.number, channel.machine.phase(), channel.machine.funding()?)))
            .collect();
        for (number, phase, funding) in open {
            let Some(fact) = self.store.fact(&crate::facts::outpoint_bytes(&funding))? else {
                // Also after a reorganisation took the funding of a channel in use.
                if matches!(phase, Phase::AwaitConfirmation | Phase::Ready) {
                    self.watch.expect(&self.store, funding)?;
                    self.rebroadcast_funding(number);
                }
                continue;
            };
            if let Some((_, tx, _)) = &fact.spent {
                let txid = deserialize::<Transaction>(tx).context("a stored spending transaction")?.compute_txid();
                let effects = self.machine(number)?.funding_spent(txid).unwrap_or_default();
                news.extend(self.carry_out(number, effects)?);
                continue;
            }
            if matches!(phase, Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation) {
                let output = TxOut {
                    value: Amount::from_sat(fact.value_sat),
                    script_pubkey: ScriptBuf::from_bytes(fact.script.clone()),
                };
                let confirmations = tip.saturating_add(1).saturating_sub(fact.height);
                match self.machine(number)?.funding_confirmed(&output, confirmations) {
                    Ok(effects) => news.extend(self.carry_out(number, effects)?),
                    Err(error) => tracing::debug!(number, %error, "funding not usable yet"),
                }
            }
        }
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
            let more = match self.carry_out_one(number, effect, &mut news) {
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
        Ok(news)
    }

    fn carry_out_one(&mut self, number: u32, effect: Effect, news: &mut Vec<StakeNews>) -> Result<Vec<Effect>> {
        match effect {
            Effect::Persist => self.persist_channel(number)?,
            Effect::Send(message) => {
                let peer = self.channel(number)?.peer;
                self.peers.send(peer, message);
            }
            Effect::BuildFunding { script_pubkey, amount_sat } => {
                return self.build_funding(number, script_pubkey, amount_sat);
            }
            Effect::CheckCheckpoint(request) => return self.check_checkpoint(number, &request),
            Effect::BroadcastFunding(outpoint) => {
                self.watch.expect(&self.store, outpoint)?;
                self.rebroadcast_funding(number);
            }
            Effect::Ready => news.push(StakeNews::Ready(number)),
            Effect::CloseRequested => {
                let script = self.wallet.fresh_address()?.script_pubkey();
                let session = self.session()?;
                return Ok(self.machine(number)?.close(script, session)?);
            }
            Effect::ProposeClose => {
                let (fee, session) = (self.channel(number)?.close_fee_sat, self.session()?);
                return match self.machine(number)?.propose_close(fee, session) {
                    Ok(effects) => Ok(effects),
                    Err(error) => {
                        news.push(StakeNews::Reported(number, error.to_string()));
                        Ok(Vec::new())
                    }
                };
            }
            Effect::BroadcastClose(tx) | Effect::BroadcastCommitment(tx) => {
                let txid = tx.compute_txid();
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.closing_txid = Some(txid);
                }
                if let Err(error) = self.bitcoind.submit(&tx) {
                    tracing::warn!(%txid, %error, "the closing transaction was not taken; it is sent again at the next start");
                }
                news.push(StakeNews::Closing(number, txid));
            }
            Effect::Closed { txid, .. } => {
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.closing_txid = Some(txid);
                }
                news.push(StakeNews::Closed(number));
            }
            Effect::Refused { rule, detail } => tracing::warn!(number, rule, detail, "refused a channel message"),
            Effect::PeerReported { rule, detail } => {
                news.push(StakeNews::Reported(number, format!("{rule}: {detail}")))
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

    /// Member: builds the funding transaction and checkpoint 0 over it. Nothing is broadcast here.
    fn build_funding(&mut self, number: u32, script: ScriptBuf, amount_sat: u64) -> Result<Vec<Effect>> {
        let rate = FeeRate::from_sat_per_vb(self.channel(number)?.fee_rate_sat_vb).context("fee rate too large")?;
        let tx = match self.wallet.pay(&[(script, Amount::from_sat(amount_sat))], rate) {
            Ok(tx) => tx,
            Err(error) => return Ok(self.machine(number)?.abandon(&format!("{error:#}"))?),
        };
        let funding = OutPoint { txid: tx.compute_txid(), vout: 0 };
        let commitments = self.machine(number)?.first_commitments(funding)?;
        let (tip_height, tip_hash) = self.tip.context("no block is known yet")?;
        let member = MemberId::of(&self.keys.vote().x_only_public_key().0);
        let lane = self.ledger.state().lane(&member).copied();
        let (incarnation, sequence, head) = match lane {
            Some(lane) => (lane.incarnation, lane.sequence, lane.head),
            None => {
                let first = self.ledger.state().next_lane_header(member, 0);
                (0, 0, first.prev_head)
            }
        };
        let checkpoint = Checkpoint {
            network: self.dao.params.network,
            dao: self.dao.params.dao_id,
            channel: channel_id(self.dao.params.dao_id, funding),
            member,
            number: 0,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: commitments.member,
                hub_commitment: commitments.hub,
            }],
            tip_height,
            tip_hash,
            member_sat: amount_sat,
            hub_sat: 0,
            incarnation,
            sequence,
            head,
        };
        let signature = checkpoint.sign(&self.secp, &self.keys.vote(), &self.aux_rand()?);
        let channel = self.stakes.channel_mut(number).context("the channel exists")?;
        channel.funding_tx = Some(tx);
        Ok(channel.machine.fund(funding, checkpoint.to_bytes(), *signature.as_ref())?)
    }

    /// Checks checkpoint 0 against what this side knows, and the other side's signature on it.
    fn check_checkpoint(&mut self, number: u32, request: &CheckpointRequest) -> Result<Vec<Effect>> {
        let side = self.channel(number)?.machine.side();
        let signature = match self.judge_checkpoint(number, request) {
            Ok(checkpoint) if side == Side::Hub => {
                let signature = checkpoint.sign(&self.secp, &self.keys.log(), &self.aux_rand()?);
                Some(*signature.as_ref())
            }
            Ok(_) => None,
            Err(error) => return Ok(self.machine(number)?.checkpoint_refused(&format!("{error:#}"))?),
        };
        let session = self.session()?;
        if side == Side::Hub {
            self.watch.expect(&self.store, request.funding)?;
        }
        let machine = self.machine(number)?;
        Ok(match signature {
            Some(signature) => machine.checkpoint_signed(signature, session)?,
            None => machine.checkpoint_accepted(session)?,
        })
    }

    fn judge_checkpoint(&self, number: u32, request: &CheckpointRequest) -> Result<Checkpoint> {
        let channel = self.channel(number)?;
        let checkpoint = Checkpoint::from_bytes(&request.checkpoint)?;
        let params = channel.machine.params();
        let wanted = Checkpoint {
            network: self.dao.params.network,
            dao: self.dao.params.dao_id,
            channel: channel_id(self.dao.params.dao_id, request.funding),
            member: channel.member,
            number: 0,
            fundings: vec![CheckpointFunding {
                outpoint: request.funding,
                member_commitment: request.commitments.member,
                hub_commitment: request.commitments.hub,
            }],
            member_sat: params.member_sat,
            hub_sat: params.hub_sat,
            // What the member alone knows at this moment; the log's rules bind it when it is logged.
            ..checkpoint.clone()
        };
        let taken = |other: &StakeChannel| other.number != number && other.machine.funding() == Some(request.funding);
        ensure!(!self.stakes.iter().any(taken), "the funding output {} belongs to another channel", request.funding);
        ensure!(checkpoint == wanted, "checkpoint 0 is {checkpoint:?}, this side has {wanted:?}");
        let (what, key) = match channel.machine.side() {
            Side::Hub => ("the member's checkpoint signature", channel.member.0),
            Side::Member => ("the hub's checkpoint signature", self.dao.params.charter.hub_log_key.serialize()),
        };
        let signature = schnorr::Signature::from_slice(&request.peer_signature)?;
        checkpoint.signature_check(what, key, signature).verify(&self.secp)?;
        Ok(checkpoint)
    }

    /// Checkpoint 0 of a channel with both signatures, once both are there.
    ///
    /// # Errors
    /// When the stored parts are malformed.
    pub fn opening_checkpoint(&self, number: u32) -> Result<Option<SignedCheckpoint>> {
        let Some(stored) = self.channel(number)?.machine.checkpoint() else { return Ok(None) };
        let Some(hub_signature) = stored.hub_signature else { return Ok(None) };
        Ok(Some(SignedCheckpoint {
            checkpoint: Checkpoint::from_bytes(&stored.bytes)?,
            member_signature: schnorr::Signature::from_slice(&stored.member_signature)?,
            hub_signature: schnorr::Signature::from_slice(&hub_signature)?,
        }))
    }

    fn rebroadcast_funding(&mut self, number: u32) {
        let Some(tx) = self.stakes.channel(number).and_then(|channel| channel.funding_tx.clone()) else { return };
        match self.bitcoind.submit(&tx) {
            Ok(_) => {
                if let Some(channel) = self.stakes.channel_mut(number) {
                    channel.funding_taken = true;
                }
                if let Err(error) = self.wallet.note_broadcast(&tx, unix_time()) {
                    tracing::warn!(%error, "the wallet did not note the funding transaction");
                }
            }
            Err(error) => {
                tracing::warn!(number, %error, "the funding transaction was not taken; it is sent again with the next block");
            }
        }
    }

    fn for_each_channel(
        &mut self,
        wanted: impl Fn(&StakeChannel) -> bool,
        mut act: impl FnMut(&mut Channel, althing_channels::SessionSecret) -> Vec<Effect>,
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

    fn persist_channel(&mut self, number: u32) -> Result<()> {
        let channel = self.channel(number)?;
        let mut peer = channel.peer.serialize().to_vec();
        peer.extend(channel.member.0);
        let row = ChannelRow {
            number,
            peer,
            state: channel.machine.encode(),
            funding_tx: channel.funding_tx.as_ref().map(serialize),
            note: channel.note.clone(),
        };
        self.store.write(|writer| writer.put_channel(&row))
    }

    /// A failed write leaves the machine ahead of the store; the store is right.
    fn restore_channel(&mut self, number: u32) -> Result<()> {
        let mut stored = Stakes::load(&self.store, &self.keys)?;
        match stored.channels.remove(&number) {
            Some(channel) => self.stakes.insert(channel),
            None => {
                self.stakes.channels.remove(&number);
            }
        }
        Ok(())
    }

    fn channel(&self, number: u32) -> Result<&StakeChannel> {
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

/// The channel or opening that a message of the money lane is about.
pub fn subject(message: &Msg) -> Option<Subject> {
    Some(match message {
        Msg::OpenStake(m) => Subject::Opening(m.opening),
        Msg::AcceptStake(m) => Subject::Opening(m.opening),
        Msg::FundingCreated(m) => Subject::Opening(m.opening),
        Msg::FundingSigned(m) => Subject::Channel(m.channel),
        Msg::CommitmentSigned(m) => Subject::Channel(m.channel),
        Msg::ChannelReady(m) => Subject::Channel(m.channel),
        Msg::Shutdown(m) => Subject::Channel(m.channel),
        Msg::ClosingComplete(m) => Subject::Channel(m.channel),
        Msg::ClosingSig(m) => Subject::Channel(m.channel),
        Msg::PeerError(PeerError { channel: Some(channel), .. }) => Subject::Channel(*channel),
        _ => return None,
    })
}

/// What a message of the money lane is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A channel whose funding outpoint is known.
    Channel(ChannelId),
    /// An opening.
    Opening(OpeningId),
}
