//! Stake channels in the shell: the channel machines of the channels core, and everything their effects ask for.

mod accounts;
mod backups;
mod checkpoints;
mod closing;
mod effects;
mod group;
mod migration;
mod monitors;
mod newest;
mod opening;
mod orders;
mod overtaken;
mod reserve;
mod seed_coins;
mod shown;
mod splicing;
mod towers;
mod weight;
mod witness;

use std::collections::BTreeMap;

use althing_channels::monitor::{Monitor, WalletCoin};
use althing_channels::wire::{CheckpointShown, PeerError};
use althing_channels::{Channel, ChannelId, ChannelKeys, ChannelSeed, Msg, OpeningId, Phase, Side};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Checkpoint;
use althing_governance::id::MemberId;
use anyhow::{Context, Result};
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::secp256k1::PublicKey;
use bitcoin::{OutPoint, Transaction, Txid};

use crate::keys::Keys;
use crate::store::{ChannelRow, MigrationRow, Store};

pub use self::backups::{Backups, MAX_BACKUP_BYTES, inspect_backup};
pub use self::migration::MigrationOrder;
pub(crate) use self::monitors::{end_words, lost_sat, unpaid_words};
pub(crate) use self::newest::Newest;
pub use self::seed_coins::SeedCoins;
pub(crate) use self::splicing::splice_words;
pub use self::splicing::{SpliceEffects, SpliceKind, SpliceOrder};
pub use self::towers::Towers;
pub(crate) use self::witness::evidence;

/// Fee of a cooperative close when the member named none: the 154 vB of the usual case at 2 sat/vB.
pub const DEFAULT_CLOSE_FEE_SAT: u64 = 310;

/// Blocks for which a hub waits for the funding of an opening, as Lightning's BOLT 2 advises (N-35).
pub const OPENING_BLOCKS: u32 = 2016;

/// Name under which the next channel number is stored, once a channel was forgotten.
pub(crate) const NEXT_CHANNEL: &str = "next_channel";

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
    /// Whether the Bitcoin source took the member's funding transaction since this program started; with a hub, whether it was seen there.
    pub funding_taken: bool,
    /// Why it failed, if it did.
    pub note: String,
    /// Member: fee rate of the funding transaction.
    pub fee_rate_sat_vb: u64,
    /// The fee that somebody named for the close.
    pub close_fee_sat: Option<u64>,
    /// The transaction that closed or closes it.
    pub closing_txid: Option<Txid>,
    /// The wallet's coin in the child that pays for the own commitment.
    pub child_coin: Option<WalletCoin>,
    /// What the coin would have to be worth that its child waits for, while there is none.
    pub child_missing_sat: Option<u64>,
    /// What this side was told to pay with the next checkpoint, in satoshis.
    pub orders: Vec<u64>,
    /// Why what was ordered last was not paid, in words; empty otherwise.
    pub refusal: String,
    /// Member: the top-up or withdrawal that waits for the own turn.
    pub splice_order: Option<SpliceOrder>,
    /// Member: when the turn was last asked for to move to another hub.
    pub migration_asked: Option<std::time::Instant>,
    /// Why the channel does not go on with the other side, which lost its data, in words; as it said on this connection.
    pub lost: Option<String>,
    /// The other side's checkpoint was refused: the log here may have been behind, so it is asked for again with the next block.
    pub refused: bool,
}

/// All stake channels of this node.
#[derive(Default)]
pub struct Stakes {
    channels: BTreeMap<u32, StakeChannel>,
    /// Every id and provisional id of them, so that a message costs the same however many channels there are.
    names: BTreeMap<ChannelId, u32>,
    /// No channel gets a number below this: the seed of such a number may have been used for one that was forgotten (C-3).
    floor: u32,
    /// What the batch under way stores and sends.
    group: group::Group,
    /// Of the channels that are ending; the others' fundings are looked for in each block.
    monitors: BTreeMap<u32, Monitor>,
    /// Channels that move to another hub, by the number of the channel that moves.
    migrations: BTreeMap<u32, MigrationRow>,
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
    /// The other side has lost data and asks this one to close (C-133).
    PeerBehind(u32),
    /// Hub: the member shows a checkpoint of a channel of which the state here is old (C-163).
    Shown(u32, Box<CheckpointShown>),
    /// Both sides have signed a checkpoint; the hub logs it.
    Checkpointed(u32, althing_channels::SignedCheckpoint),
    /// The transaction of a top-up or withdrawal is signed and broadcast.
    Spliced(u32, Txid),
}

impl StakeChannel {
    /// A channel about whose transactions nothing is known yet.
    pub fn new(number: u32, peer: PublicKey, member: MemberId, machine: Channel) -> Self {
        Self {
            number,
            peer,
            member,
            machine,
            funding_tx: None,
            funding_taken: false,
            note: String::new(),
            fee_rate_sat_vb: 1,
            close_fee_sat: None,
            closing_txid: None,
            child_coin: None,
            child_missing_sat: None,
            orders: Vec::new(),
            refusal: String::new(),
            splice_order: None,
            migration_asked: None,
            lost: None,
            refused: false,
        }
    }

    /// Whether it came out of a backup and nothing was done with it since.
    pub fn is_untouched(&self) -> bool {
        self.machine.restored_number().is_some_and(|number| number == self.machine.number())
    }

    /// Hub: height at which it lets go of this opening, if the funding that was named is not mined (N-35).
    pub fn opening_ends(&self) -> Option<u32> {
        let waits = matches!(self.machine.phase(), Phase::AwaitCommitmentSigned | Phase::AwaitConfirmation);
        if self.machine.side() != Side::Hub || !waits || self.machine.is_funded() {
            return None;
        }
        let named = Checkpoint::from_bytes(&self.machine.checkpoint()?.bytes).ok()?;
        Some(named.tip_height.saturating_add(OPENING_BLOCKS))
    }

    /// As stored.
    pub fn row(&self) -> ChannelRow {
        let mut peer = self.peer.serialize().to_vec();
        peer.extend(self.member.0);
        ChannelRow {
            number: self.number,
            peer,
            state: self.machine.encode(),
            funding_tx: self.funding_tx.as_ref().map(serialize),
            note: self.note.clone(),
            orders: self.orders.clone(),
            refusal: self.refusal.clone(),
            close_fee_sat: self.close_fee_sat,
        }
    }
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
            let peer = PublicKey::from_slice(peer).context("a stored peer is not a key")?;
            let member = MemberId(member.try_into().context("a stored vote key is not 32 bytes")?);
            let funding_tx = row.funding_tx.map(|tx| deserialize(&tx)).transpose();
            let funding_tx = funding_tx.context("a stored funding transaction")?;
            let channel = StakeChannel::new(number, peer, member, machine);
            let (orders, refusal, close_fee_sat) = (row.orders, row.refusal, row.close_fee_sat);
            channels
                .insert(number, StakeChannel { funding_tx, note: row.note, orders, refusal, close_fee_sat, ..channel });
        }
        let monitors = store.monitors()?.into_iter().map(|(number, bytes)| {
            let monitor = Monitor::decode(&bytes);
            Ok((number, monitor.with_context(|| format!("monitor of stake channel {number} in the store"))?))
        });
        let monitors = monitors.collect::<Result<_>>()?;
        let floor = store.meta(NEXT_CHANNEL)?.map(|bytes| bytes.as_slice().try_into().map(u32::from_be_bytes));
        let floor = floor.transpose().context("the stored next channel number is not 4 bytes")?.unwrap_or(0);
        let migrations = store.migrations()?.into_iter().map(|row| (row.number, row)).collect();
        let group = group::Group::default();
        let mut stakes = Self { channels, names: BTreeMap::new(), floor, group, monitors, migrations };
        let numbers: Vec<u32> = stakes.channels.keys().copied().collect();
        numbers.into_iter().for_each(|number| stakes.name(number));
        Ok(stakes)
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
        self.names.get(&id).and_then(|number| self.channels.get(number))
    }

    /// The channel of this opening with this peer.
    pub fn by_opening(&self, peer: &PublicKey, opening: OpeningId) -> Option<&StakeChannel> {
        self.by_id(opening.provisional_channel())
            .filter(|channel| channel.peer == *peer && channel.machine.opening() == opening)
    }

    /// Whether a channel with this peer was funded and has not ended.
    pub fn has_peer(&self, peer: &PublicKey) -> bool {
        let lives = |channel: &StakeChannel| !matches!(channel.machine.phase(), Phase::Closed | Phase::Failed);
        self.iter().any(|channel| channel.peer == *peer && channel.machine.is_funded() && lives(channel))
    }

    /// Openings whose funding is not on chain, of one peer or of all: what strangers can make this node remember for nothing.
    pub fn unfunded_of(&self, peer: Option<&PublicKey>) -> usize {
        let of_peer = |channel: &&StakeChannel| peer.is_none_or(|peer| channel.peer == *peer);
        self.iter().filter(of_peer).filter(|channel| channel.machine.phase() < Phase::Ready).count()
    }

    /// The oldest opening that never named its funding output, of one peer or of all.
    pub fn oldest_without_funding(&self, peer: Option<&PublicKey>) -> Option<u32> {
        self.iter()
            .filter(|channel| peer.is_none_or(|peer| channel.peer == *peer))
            .find(|channel| channel.machine.phase() == Phase::AwaitFundingCreated)
            .map(|channel| channel.number)
    }

    /// Coins of transactions that are signed and not known to the wallet yet: no other transaction may use them.
    pub fn promised_coins(&self) -> Vec<OutPoint> {
        let of_children = self.iter().filter_map(|channel| Some(channel.child_coin.as_ref()?.outpoint));
        let of_fundings = self
            .iter()
            .filter(|channel| !channel.funding_taken && channel.machine.phase() < Phase::Ready)
            .filter_map(|channel| channel.funding_tx.as_ref())
            .flat_map(|tx| tx.input.iter().map(|input| input.previous_output));
        of_children.chain(of_fundings).chain(self.spliced_coins()).collect()
    }

    /// Funding outputs known.
    pub fn funding_outpoints(&self) -> Vec<OutPoint> {
        self.iter().flat_map(|channel| channel.machine.fundings()).collect()
    }

    /// A number that no channel had yet. N-126.
    pub fn next_number(&self) -> u32 {
        self.channels.last_key_value().map_or(0, |(number, _)| number + 1).max(self.floor)
    }

    /// Adds a channel.
    pub fn insert(&mut self, channel: StakeChannel) {
        let number = channel.number;
        self.channels.insert(number, channel);
        self.name(number);
    }

    /// Forgets a channel that never had coins in it.
    pub(crate) fn remove(&mut self, number: u32) {
        let Some(channel) = self.channels.remove(&number) else { return };
        let names = channel.machine.id().into_iter().chain([channel.machine.opening().provisional_channel()]);
        for name in names {
            if self.names.get(&name) == Some(&number) {
                self.names.remove(&name);
            }
        }
    }

    /// No new channel gets a number below `floor` from now on.
    pub(crate) fn keep_above(&mut self, floor: u32) {
        self.floor = self.floor.max(floor);
    }

    /// Takes down the names of a channel; its id is known once its funding outpoint is. The first that has a name keeps it.
    fn name(&mut self, number: u32) {
        let Some(machine) = self.channels.get(&number).map(|channel| &channel.machine) else { return };
        for name in machine.id().into_iter().chain([machine.opening().provisional_channel()]) {
            self.names.entry(name).or_insert(number);
        }
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
        Msg::CheckpointSign(m) => Subject::Channel(m.channel),
        Msg::CheckpointRevoke(m) => Subject::Channel(m.channel),
        Msg::CheckpointTurn(m) => Subject::Channel(m.channel),
        Msg::Reestablish(m) => Subject::Channel(m.channel),
        Msg::GiveVoucher(m) => Subject::Channel(m.channel),
        Msg::CheckpointShown(m) => Subject::Channel(m.channel),
        Msg::SpliceInit(m) => Subject::Channel(m.channel),
        Msg::SpliceAck(m) => Subject::Channel(m.channel),
        Msg::SpliceNonce(m) => Subject::Channel(m.channel),
        Msg::SpliceSign(m) => Subject::Channel(m.channel),
        Msg::SpliceLocked(m) => Subject::Channel(m.channel),
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
