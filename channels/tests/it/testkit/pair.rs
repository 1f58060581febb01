//! A member and a hub in memory, with a chain, a wire that loses messages, and crashes between any two effects.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{LazyLock, OnceLock};

use althing_channels::wire::OpenStake;
use althing_channels::{
    Channel, ChannelError, ChannelKeys, ChannelParams, ChannelSeed, DaoId, Effect, FundingSpend, HubTerms, Msg,
    NetworkId, OpeningId, Phase, SessionSecret, Side, funding_script, tagged_hash,
};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, OutPoint, ScriptBuf, Transaction, TxOut, Txid};
use lightning::ln::wire::Type;

pub(crate) use super::fault::{Fault, FaultKind};
use super::money::Observed;
pub(crate) use super::nonces::check_spend;
use super::nonces::check_spend_of;
use super::restores::Backups;

pub(crate) const STAKE_SAT: u64 = 1_000_000;

pub(crate) fn params() -> ChannelParams {
    ChannelParams {
        network: NetworkId([7; 32]),
        dao: DaoId([8; 32]),
        member_sat: STAKE_SAT,
        hub_sat: 0,
        member_csv_blocks: 144,
        hub_csv_blocks: 1008,
    }
}

pub(crate) fn terms() -> HubTerms {
    HubTerms {
        network: NetworkId([7; 32]),
        dao: DaoId([8; 32]),
        min_stake_sat: 10_000,
        max_stake_sat: 10_000_000,
        member_csv_blocks: 144,
        hub_csv_blocks: 1008,
    }
}

pub(crate) fn keys(side: Side) -> ChannelKeys {
    static KEYS: LazyLock<[ChannelKeys; 2]> =
        LazyLock::new(|| [1, 2].map(|seed| ChannelKeys::new(ChannelSeed::new([seed; 32]))));
    KEYS[side as usize].clone()
}

pub(crate) fn funding_outpoint() -> OutPoint {
    OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 1 }
}

pub(crate) fn close_script(side: Side) -> ScriptBuf {
    let key = keys(side).public().payment.x_only_public_key().0;
    ScriptBuf::new_p2tr(&Secp256k1::new(), key, None)
}

/// Never the same secret twice, over all restarts of a test.
#[derive(Default)]
pub(crate) struct Entropy(u64);

impl Entropy {
    /// Draws that are of no other beginning, as long as these are far apart.
    pub(crate) fn from(first: u64) -> Self {
        Self(first)
    }

    pub(crate) fn next(&mut self) -> SessionSecret {
        self.0 += 1;
        SessionSecret::new(tagged_hash("test/entropy", &[&self.0.to_be_bytes()])).unwrap()
    }
}

/// Stand-in for the governance core's checkpoint: any bytes that state both commitments.
pub(crate) fn checkpoint(commitments: althing_channels::CommitmentTxids) -> Vec<u8> {
    [commitments.member.to_byte_array(), commitments.hub.to_byte_array()].concat()
}

/// Stand-in for a signature on it.
pub(crate) fn checkpoint_signature(side: Side, checkpoint: &[u8]) -> [u8; 64] {
    let half = tagged_hash("test/checkpoint", &[&[side as u8], checkpoint]);
    [half, half].concat().try_into().unwrap()
}

/// The funding output as the chain has it.
pub(super) fn first_output() -> TxOut {
    TxOut {
        value: Amount::from_sat(STAKE_SAT),
        script_pubkey: funding_script(&keys(Side::Member).public().funding, &keys(Side::Hub).public().funding),
    }
}

#[derive(Default)]
struct Peer {
    channel: Option<Channel>,
    stored: Option<Vec<u8>>,
    outbox: VecDeque<(u16, Vec<u8>)>,
}

pub(crate) struct Pair {
    member: Peer,
    hub: Peer,
    pub(crate) entropy: Entropy,
    pub(crate) faults: Vec<Fault>,
    /// Steps carried out: effects and deliveries.
    pub(crate) step: usize,
    pub(crate) funding_broadcast: bool,
    pub(crate) funding_mined: bool,
    pub(crate) closes: Vec<Transaction>,
    pub(crate) commitments: Vec<(Side, Transaction)>,
    pub(crate) failures: Vec<(Side, String)>,
    pub(crate) refusals: Vec<(Side, String)>,
    pub(crate) closed: BTreeMap<Side, FundingSpend>,
    pub(crate) close_fee_sat: u64,
    /// Which signature each signing nonce made.
    pub(crate) nonce_uses: BTreeMap<[u8; 66], [u8; 32]>,
    pub(crate) observed: Observed,
    pub(crate) backups: Backups,
    /// The nonce each side has announced for the other's next close proposal.
    pub(super) announced: BTreeMap<Side, [u8; 66]>,
    pub(super) hub_splice_nonce: Option<[u8; 66]>,
    /// A planted fault: this side's shell does not store.
    pub(crate) forgetful: Option<Side>,
    /// This side's shell cannot ask its application about a checkpoint.
    pub(crate) application_away: Option<Side>,
    connected: bool,
}

impl Pair {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        let mut pair = Self::unopened(faults);
        pair.open();
        pair
    }

    /// Another pair that opens a channel, with randomness that the one before did not use.
    pub(super) fn anew(entropy: Entropy, step: usize) -> Self {
        let mut pair = Self { entropy, step, ..Self::unopened(Vec::new()) };
        pair.open();
        pair
    }

    fn unopened(faults: Vec<Fault>) -> Self {
        Self {
            member: Peer::default(),
            hub: Peer::default(),
            entropy: Entropy::default(),
            faults,
            step: 0,
            funding_broadcast: false,
            funding_mined: false,
            closes: Vec::new(),
            commitments: Vec::new(),
            failures: Vec::new(),
            refusals: Vec::new(),
            closed: BTreeMap::new(),
            close_fee_sat: 200,
            nonce_uses: BTreeMap::new(),
            observed: Observed::default(),
            backups: Backups::default(),
            announced: BTreeMap::new(),
            hub_splice_nonce: None,
            forgetful: None,
            application_away: None,
            connected: true,
        }
    }

    /// A pair that opened its channel, restarted and reconnected; the opening itself is made once for all tests.
    pub(crate) fn in_use() -> Self {
        static STORED: OnceLock<[Option<Vec<u8>>; 2]> = OnceLock::new();
        let stored = STORED.get_or_init(|| {
            let mut pair = Self::new(Vec::new());
            pair.run_until(Phase::Ready);
            [pair.member.stored, pair.hub.stored]
        });
        let mut pair = Self::unopened(Vec::new());
        // Beyond what the opening has used.
        pair.entropy.0 = 1_000;
        (pair.funding_broadcast, pair.funding_mined) = (true, true);
        [pair.member.stored, pair.hub.stored] = stored.clone();
        pair.crash(Side::Member);
        pair.crash(Side::Hub);
        pair.reconnect();
        pair.settle();
        pair
    }

    pub(crate) fn channel(&mut self, side: Side) -> &mut Channel {
        self.peer(side).channel.as_mut().unwrap()
    }

    pub(crate) fn phase(&self, side: Side) -> Option<Phase> {
        let peer = if side == Side::Member { &self.member } else { &self.hub };
        peer.channel.as_ref().map(Channel::phase)
    }

    pub(crate) fn both(&self, phase: Phase) -> bool {
        [Side::Member, Side::Hub].iter().all(|side| self.phase(*side) == Some(phase))
    }

    /// Runs until both are in `phase`; reconnects and mines as the world does. Panics when nothing moves any more.
    pub(crate) fn run_until(&mut self, phase: Phase) {
        for _ in 0..200 {
            if self.both(phase) {
                return;
            }
            if self.deliver_one() {
                continue;
            }
            self.mine();
            if self.both(phase) || self.in_flight() {
                continue;
            }
            self.reconnect();
        }
        panic!("stuck: {:?} {:?} {:?}", self.phase(Side::Member), self.phase(Side::Hub), self.faults);
    }

    /// Delivers what is in flight until nothing is.
    pub(crate) fn settle(&mut self) {
        while self.deliver_one() {}
    }

    /// Takes the next message out of a side's outbox, for a test that changes it.
    pub(crate) fn intercept(&mut self, from: Side) -> Option<Msg> {
        let (type_id, payload) = self.peer(from).outbox.pop_front()?;
        Msg::read(type_id, &mut payload.as_slice()).unwrap()
    }

    /// Hands a message to a side, as if it came from the other.
    pub(crate) fn deliver(&mut self, to: Side, msg: &Msg) {
        let session = self.entropy.next();
        if let (Side::Hub, Msg::OpenStake(proposal), None) = (to, msg, &self.hub.channel) {
            return self.hub_accept(proposal);
        }
        if let Some(channel) = &mut self.peer(to).channel {
            let effects = channel.handle(msg, session);
            self.carry_out(to, effects);
        }
    }

    pub(crate) fn close(&mut self, side: Side) {
        let session = self.entropy.next();
        if let Ok(effects) = self.channel(side).close(close_script(side), session) {
            self.carry_out(side, effects);
        }
    }

    pub(crate) fn propose_close(&mut self, side: Side, fee_sat: u64) -> Result<(), ChannelError> {
        let session = self.entropy.next();
        let effects = self.channel(side).propose_close(fee_sat, session)?;
        self.carry_out(side, effects);
        Ok(())
    }

    pub(crate) fn force_close(&mut self, side: Side) {
        let effects = self.channel(side).force_close().unwrap();
        self.carry_out(side, effects);
    }

    /// The channel as a restart would find it.
    pub(crate) fn restored(&mut self, side: Side) -> Option<Channel> {
        self.peer(side).stored.as_ref().map(|bytes| Channel::decode(bytes, keys(side)).unwrap())
    }

    /// What a side has stored, and what it is made to have stored.
    pub(crate) fn stored(&mut self, side: Side) -> &mut Option<Vec<u8>> {
        &mut self.peer(side).stored
    }

    pub(crate) fn crash(&mut self, side: Side) {
        self.check_stored(side);
        self.peer(side).channel = self.restored(side);
        self.announced.remove(&side);
        self.disconnect();
    }

    pub(crate) fn reconnect(&mut self) {
        self.disconnect();
        self.connected = true;
        if self.member.channel.is_none() {
            self.open();
        }
        for side in [Side::Member, Side::Hub] {
            let session = self.entropy.next();
            let Some(channel) = &mut self.peer(side).channel else { continue };
            let mut effects = channel.resume();
            effects.extend(channel.on_reconnect(session));
            self.carry_out(side, effects);
        }
    }

    pub(crate) fn carry_out(&mut self, side: Side, effects: Vec<Effect>) {
        for effect in effects {
            if self.strikes(Some(side)) {
                return;
            }
            self.perform(side, effect);
        }
    }

    fn open(&mut self) {
        let opening = OpeningId([3; 32]);
        let (channel, effects) = Channel::member_open(keys(Side::Member), opening, params()).unwrap();
        self.member.channel = Some(channel);
        self.carry_out(Side::Member, effects);
    }

    fn hub_accept(&mut self, proposal: &OpenStake) {
        let (channel, effects) = Channel::hub_accept(keys(Side::Hub), proposal, &terms()).unwrap();
        self.hub.channel = Some(channel);
        self.carry_out(Side::Hub, effects);
    }

    /// Loses the next message of a side; the connection does not notice.
    pub(crate) fn drop_next(&mut self, side: Side) {
        self.peer(side).outbox.pop_front();
    }

    /// The next message of a side arrives twice.
    pub(crate) fn duplicate_next(&mut self, side: Side) {
        let outbox = &mut self.peer(side).outbox;
        if let Some(first) = outbox.front().cloned() {
            outbox.push_front(first);
        }
    }

    /// The next two messages of a side arrive in the other order.
    pub(crate) fn swap_next(&mut self, side: Side) {
        let outbox = &mut self.peer(side).outbox;
        if outbox.len() > 1 {
            outbox.swap(0, 1);
        }
    }

    /// Delivers the next message of a side; whether there was one.
    pub(crate) fn deliver_from(&mut self, side: Side) -> bool {
        if !self.connected {
            return false;
        }
        let Some((type_id, payload)) = self.peer(side).outbox.pop_front() else { return false };
        if !self.strikes(None) {
            if side == Side::Member {
                self.take_backup(&payload);
            }
            let msg = Msg::read(type_id, &mut payload.as_slice()).unwrap().unwrap();
            self.deliver(side.other(), &msg);
        }
        true
    }

    fn deliver_one(&mut self) -> bool {
        self.deliver_from(Side::Member) || self.deliver_from(Side::Hub)
    }

    /// Messages of a side that are on their way.
    pub(super) fn waiting(&self, side: Side) -> usize {
        if side == Side::Member { self.member.outbox.len() } else { self.hub.outbox.len() }
    }

    /// The connection breaks, with everything on its way.
    pub(super) fn cut(&mut self) {
        self.disconnect();
    }

    pub(crate) fn in_flight(&self) -> bool {
        !self.member.outbox.is_empty() || !self.hub.outbox.is_empty()
    }

    fn mine(&mut self) {
        if self.funding_broadcast && !self.funding_mined {
            self.funding_mined = true;
        }
        let output = first_output();
        let spend = self.closes.last().map(Transaction::compute_txid);
        for side in [Side::Member, Side::Hub] {
            let Some(channel) = &mut self.peer(side).channel else { continue };
            let effects = match channel.phase() {
                Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation if self.funding_mined => {
                    self.channel(side).funding_confirmed(&output, 1).unwrap()
                }
                Phase::Closing => match spend {
                    Some(txid) => self.channel(side).funding_spent(txid).unwrap(),
                    None => continue,
                },
                _ => continue,
            };
            self.carry_out(side, effects);
        }
    }

    fn perform(&mut self, side: Side, effect: Effect) {
        if matches!(effect, Effect::Send(_) | Effect::BroadcastClose(_) | Effect::BroadcastCommitment(_)) {
            // C-61: nothing leaves that does not follow from what is stored.
            let now = self.channel(side).encode();
            assert!(self.peer(side).stored.as_ref() == Some(&now), "{side:?} sends before it stores: {effect:?}");
        }
        match effect {
            Effect::Persist if self.forgetful == Some(side) => {}
            Effect::Persist => {
                let bytes = self.channel(side).encode();
                self.peer(side).stored = Some(bytes);
            }
            Effect::Send(msg) => {
                self.watch_nonces(side, &msg);
                self.watch_money(side, &msg);
                let payload = msg.to_payload().unwrap();
                if side == Side::Member {
                    self.back_up_beside(&msg, &payload);
                }
                if self.connected {
                    self.peer(side).outbox.push_back((msg.type_id(), payload));
                }
            }
            Effect::BuildFunding { script_pubkey, amount_sat } => {
                assert_eq!(amount_sat, STAKE_SAT);
                assert!(script_pubkey.is_p2tr());
                let commitments = self.channel(side).first_commitments(funding_outpoint()).unwrap();
                let bytes = checkpoint(commitments);
                let signature = checkpoint_signature(Side::Member, &bytes);
                let effects = self.channel(side).fund(funding_outpoint(), bytes, signature).unwrap();
                self.carry_out(side, effects);
            }
            Effect::CheckCheckpoint(request) => {
                assert_eq!(request.checkpoint, checkpoint(request.commitments));
                let expected = checkpoint_signature(side.other(), &request.checkpoint);
                assert_eq!(request.peer_signature, expected);
                let session = self.entropy.next();
                let effects = match side {
                    Side::Member => self.channel(side).checkpoint_accepted(session).unwrap(),
                    Side::Hub => self
                        .channel(side)
                        .checkpoint_signed(checkpoint_signature(Side::Hub, &request.checkpoint), session)
                        .unwrap(),
                };
                self.carry_out(side, effects);
            }
            Effect::BroadcastFunding(outpoint) => {
                assert_eq!(outpoint, funding_outpoint());
                // The law of the opening: coins move only when what is stored can bring them back.
                let stored = self.member.stored.clone().unwrap();
                let mut restored = Channel::decode(&stored, keys(Side::Member)).unwrap();
                let _ = restored.force_close().unwrap();
                self.funding_broadcast = true;
            }
            Effect::Ready | Effect::PeerRevoked { .. } | Effect::VoucherReceived { .. } => {}
            Effect::TurnGained | Effect::SpliceAgreed { .. } | Effect::SpliceLocked { .. } => self.splice_on(side),
            Effect::SpliceSigned(transaction) => self.note_splice(transaction),
            Effect::ReviewCheckpoint(review) => self.review(side, &review),
            Effect::Checkpointed(checkpoint) => self.note_signed(checkpoint),
            Effect::Behind | Effect::PeerBehind { .. } => {
                assert!(self.observed.rollbacks || self.observed.put_back, "{side:?}: {effect:?}");
                let is_of_hub = matches!(effect, Effect::Behind) == (side == Side::Hub);
                assert!(self.observed.rollbacks || is_of_hub, "{side:?}: {effect:?}");
                self.observed.behind.push((side, effect));
            }
            Effect::CheckpointShown(shown) => self.judge_shown(side, &shown),
            Effect::CloseRequested => self.close(side),
            // C-301: proposed when the other channel is signed.
            Effect::ProposeClose if self.channel(side).closes_into() => {}
            Effect::ProposeClose => {
                let session = self.entropy.next();
                let fee_sat = self.close_fee_sat;
                match self.channel(side).propose_close(fee_sat, session) {
                    Ok(effects) => self.carry_out(side, effects),
                    // What is signed pays more already; after a restart nobody remembers how much was asked for.
                    Err(error) => assert!(matches!(error.rule(), "C-31" | "C-35"), "{error}"),
                }
            }
            Effect::BroadcastClose(transaction) => {
                self.check_close(side, &transaction);
                match self.spliced_output(transaction.input[0].previous_output) {
                    Some(prevout) => check_spend_of(&transaction, &prevout),
                    None => check_spend(&transaction),
                }
                self.closes.push(transaction);
            }
            Effect::BroadcastCommitment(transaction) => {
                self.check_commitment(side, &transaction);
                self.check_left(side, &transaction);
                self.check_unpunishable(side, &transaction);
                self.commitments.push((side, transaction));
            }
            Effect::Closed { spend, .. } => {
                self.closed.insert(side, spend);
            }
            Effect::Refused { detail, .. } => self.refusals.push((side, detail)),
            Effect::Failed { detail, .. } => self.failures.push((side, detail)),
            Effect::PeerReported { .. } => {}
            other => panic!("unknown effect {other:?}"),
        }
    }

    fn strikes(&mut self, acting: Option<Side>) -> bool {
        let step = self.step;
        self.step += 1;
        let Some(index) = self.faults.iter().position(|fault| fault.at == step) else {
            return false;
        };
        match self.faults[index].kind {
            FaultKind::Drop(side) => {
                self.drop_next(side);
                false
            }
            FaultKind::Duplicate(side) => {
                self.duplicate_next(side);
                false
            }
            FaultKind::Swap(side) => {
                self.swap_next(side);
                false
            }
            FaultKind::Disconnect => {
                self.disconnect();
                // The shell still carries out what does not need the wire; only a message under way is lost.
                acting.is_none()
            }
            FaultKind::Crash(side) => {
                self.crash(side);
                acting.is_none() || acting == Some(side)
            }
        }
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.lose_backups();
        self.member.outbox.clear();
        self.hub.outbox.clear();
    }

    fn peer(&mut self, side: Side) -> &mut Peer {
        match side {
            Side::Member => &mut self.member,
            Side::Hub => &mut self.hub,
        }
    }
}
