//! What hub and member have in common: keys, store, wallet, chain, peers, the verified log and the stake channels.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use althing_anchor::Treasury;
use althing_channels::SessionSecret;
use althing_channels::fees::FeeMarket;
use althing_channels::monitor::BlockId;
use althing_governance::codec::Canonical;
use althing_governance::entry::LogHead;
use althing_governance::epoch::EpochHeader;
use althing_governance::signing::Signed;
use anyhow::{Context, Result, ensure};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Secp256k1};
use bitcoin::{Block, BlockHash, Network, OutPoint};

use crate::api::{ReadState, Role, SpotCheck};
use crate::chain::{Access, Bitcoind, ChainEvent, Follower};
use crate::chain_view::{LiveChain, own_output, successor_output};
use crate::config::Config;
use crate::dao::Dao;
use crate::engine::Input;
use crate::facts::{Seen, Watch, outpoint_bytes};
use crate::keys::{Keys, entropy};
use crate::lease::{Lease, Purpose};
use crate::ledger::{Ledger, LedgerError};
use crate::peers::{PeerEvent, Peers, Verdict};
use crate::setup::parse_network;
use crate::stakes::{Backups, Newest, SeedCoins, Stakes, Towers};
use crate::store::{BlockRow, Segment, Store};
use crate::treasury::{Desk, Papers, generations, stage_policies};
use crate::view::Doubles;
use crate::wallet::Wallet;
use crate::workload::Workload;

/// Shortest time between two starts of the chain follower.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Name under which the newest signed head is stored.
pub const NEWEST_HEAD: &str = "newest_head";

/// Everything that hub and member have in common. Owned by the engine's thread.
pub struct Shell {
    /// The data directory.
    pub dir: PathBuf,
    /// Keys of this node.
    pub keys: Keys,
    /// The DAO.
    pub dao: Dao,
    /// The database.
    pub store: Store,
    /// The on-chain wallet.
    pub wallet: Wallet,
    /// The Bitcoin source, for questions and broadcasts; the follower has its own connection.
    pub bitcoind: Bitcoind,
    /// Connections.
    pub peers: Peers,
    /// The verified log.
    pub ledger: Ledger,
    /// Stake channels.
    pub stakes: Stakes,
    /// The treasury's coins.
    pub treasury: Desk,
    /// What treasurers exchange.
    pub(crate) papers: Papers,
    /// Coins that only the seed tells are this node's.
    pub seed_coins: SeedCoins,
    /// Watchtowers that watch for this node.
    pub towers: Towers,
    /// Backups of channels: the own ones of a member, those of the members at a hub.
    pub backups: Backups,
    /// Whether this folder is the newest with its keys.
    pub(crate) newest: Newest,
    /// What to look for in blocks.
    pub watch: Watch,
    /// The best block.
    pub tip: Option<(u32, BlockHash)>,
    /// What was looked at again last (N-362).
    pub spot_check: Option<SpotCheck>,
    /// How a hub does its work.
    pub workload: Workload,
    /// What a person must know, by subject.
    pub alarms: BTreeMap<&'static str, String>,
    /// Grows with every change that a screen could show.
    pub revision: u64,
    /// Names that several members have.
    pub(crate) doubles: Doubles,
    /// The name that this folder's member gives itself.
    pub(crate) own_name: Option<String>,
    /// Hub: it is not known yet that its log is the newest (N-128).
    pub(crate) signs_nothing: bool,
    /// Why the log here may not be all that its hub has, and how much that has; a hub has all of its own (N-425).
    pub(crate) behind: Option<(ReadState, Option<u64>)>,
    /// Fees as the Bitcoin source saw them at the newest block.
    pub fees: Option<FeeMarket>,
    /// Signing and verifying.
    pub secp: Secp256k1<All>,
    /// Whether the settings ask for a light member.
    pub light: bool,
    birthday: u32,
    following: Following,
    _lease: Lease,
}

/// The chain follower, and what it takes to start it again.
struct Following {
    access: Access,
    network: Network,
    inputs: SyncSender<Input>,
    follower: Option<Follower>,
    started: Instant,
}

impl Following {
    /// Follows behind the blocks in the store from now on.
    fn start(&mut self, store: &Store, birthday: u32) -> Result<()> {
        let inputs = self.inputs.clone();
        let sink = move |event| inputs.send(Input::Chain(event)).is_ok();
        self.follower = Some(Follower::start(self.access.clone(), self.network, store.block_hashes()?, birthday, sink));
        self.started = Instant::now();
        Ok(())
    }
}

impl Shell {
    /// Opens a data directory, replays its log, and starts following the chain and talking to peers, whose news go to `on_peer`.
    ///
    /// # Errors
    /// A directory in use, not set up or belonging to no DAO; a wrong password; a damaged store.
    pub fn open<V: Into<Verdict>>(
        dir: &Path,
        password: &str,
        purpose: Purpose,
        listen: Option<std::net::SocketAddr>,
        role: Role,
        inputs: &SyncSender<Input>,
        on_peer: impl Fn(PeerEvent) -> V + Send + Sync + 'static,
    ) -> Result<Self> {
        let lease = Lease::take(dir, purpose)?;
        let config = Config::load(dir)?;
        let keys = Keys::open(dir, password)?;
        let dao = Dao::load(dir)?;
        let network = parse_network(&config.network)?;
        ensure!(dao.network() == network, "D-7: the DAO is on {}, this data directory on {network}", dao.network());
        let mut store = Store::open(dir)?;
        store.settle_home(dir)?;
        let wallet = Wallet::open(dir, &keys)?;
        let bitcoind = Bitcoind::new(&config.bitcoind);
        let birthday = config.birthday.min(dao.birthday).max(1);
        let stakes = Stakes::load(&store, &keys)?;
        let mut ledger = Ledger::new(dao.params.clone());
        match store.is_pruned()? {
            false => ledger = replay_or_set_aside(&mut store, role, &bitcoind, &dao, birthday)?,
            // N-220: what is left of a log that was on its way out is no log.
            true => {
                if config.light {
                    store.drop_log()?
                } else {
                    store.begin_whole_log()?
                }
                expect_successions(&store, &mut ledger)?;
            }
        }
        let descriptors = treasury_descriptors(&ledger);
        let mut treasury = Desk::open(&mut store, &bitcoind, network, birthday, &descriptors)?;
        // Without an answer of bitcoind the next block tries again.
        let followed = treasury.follow_stages(&mut store, &bitcoind, stages(&ledger, &treasury));
        if let Err(error) = followed {
            tracing::warn!(error = format!("{error:#}"), "what rests in a stage is read later");
        }
        let tip = store.tip()?.map(|row| (row.height, BlockHash::from_byte_array(row.hash)));
        let mut following = Following {
            access: config.bitcoind,
            network,
            inputs: inputs.clone(),
            follower: None,
            started: Instant::now(),
        };
        following.start(&store, birthday)?;
        let peers = Peers::start(&keys.node_seed(), listen, on_peer)?;
        let seed_coins = SeedCoins::load(&store, &stakes, &keys, listen.is_some())?;
        let towers = Towers::connect(&config.towers, &peers)?;
        let backups = Backups::load(&store, config.backup_file)?;
        let mut shell = Self {
            dir: dir.to_owned(),
            keys,
            dao,
            store,
            wallet,
            bitcoind,
            peers,
            ledger,
            stakes,
            treasury,
            papers: Papers::default(),
            seed_coins,
            towers,
            backups,
            newest: Newest::default(),
            watch: Watch::default(),
            tip,
            spot_check: None,
            workload: Workload::default(),
            alarms: BTreeMap::new(),
            revision: 1,
            behind: None,
            doubles: Doubles::default(),
            own_name: None,
            signs_nothing: false,
            secp: Secp256k1::new(),
            fees: None,
            birthday,
            following,
            light: config.light,
            _lease: lease,
        };
        if shell.light && shell.store.is_pruned()? {
            let floor = shell.known_at_least()?;
            shell.store.keep_no_log(0, floor);
        }
        shell.rebuild_watch()?;
        shell.recompute_open_epochs()?;
        shell.backfill_blobs()?;
        shell.recall_two_checkpoints()?;
        Ok(shell)
    }

    /// Takes in what the chain follower reports. Returns the outputs that a connected block created or spent.
    ///
    /// # Errors
    /// On I/O, or when the wallet cannot connect the block.
    pub fn on_chain(&mut self, event: &ChainEvent) -> Result<Vec<Seen>> {
        self.revision += 1;
        match event {
            ChainEvent::Connected { height, hash, block, .. } => {
                let follows = self.tip.is_none_or(|(below, below_hash)| {
                    (below + 1, below_hash) == (*height, block.header.prev_blockhash)
                });
                let connected = if follows { self.connect(*height, *hash, block) } else { Ok(Vec::new()) };
                // A block that could not be stored (a full disk, say) leaves a gap: follow anew behind what is stored. What the
                // old follower had queued is passed over above.
                if (!follows || connected.is_err()) && self.following.started.elapsed() > RESTART_PAUSE {
                    self.following.start(&self.store, self.birthday)?;
                }
                connected
            }
            ChainEvent::DisconnectedFrom { height } => {
                let below = self.store.block(height.saturating_sub(1))?;
                let below = below.map(|row| BlockId { height: row.height, hash: BlockHash::from_byte_array(row.hash) });
                let monitors = self.stakes.monitors_before(below)?;
                self.store.write(|writer| {
                    writer.put_monitors(&monitors)?;
                    writer.disconnect_treasury_from(*height)?;
                    writer.disconnect_seed_coins(*height)?;
                    writer.disconnect_from(*height)
                })?;
                self.treasury.disconnect_from(*height);
                self.seed_coins.disconnect(*height);
                self.stakes.set_monitors(monitors);
                self.tip = self.store.tip()?.map(|row| (row.height, BlockHash::from_byte_array(row.hash)));
                self.rebuild_watch()?;
                Ok(Vec::new())
            }
            ChainEvent::Trouble(reason) => {
                self.alarms.insert("bitcoind", format!("The Bitcoin source has stopped answering: {reason}"));
                Ok(Vec::new())
            }
            ChainEvent::CaughtUp => Ok(Vec::new()),
            ChainEvent::Recovered => {
                self.alarms.remove("bitcoind");
                Ok(Vec::new())
            }
        }
    }

    /// The chain as the ledger's rules ask for it.
    pub fn chain_and_ledger(&mut self) -> (LiveChain<'_>, &mut Ledger) {
        let chain = LiveChain {
            judged_before: false,
            store: &mut self.store,
            bitcoind: &self.bitcoind,
            watch: &mut self.watch,
            birthday: self.birthday,
        };
        (chain, &mut self.ledger)
    }

    /// Forgets what is in memory and replays the log from the store: after a write that failed.
    ///
    /// # Errors
    /// A damaged store.
    pub fn reload_ledger(&mut self) -> Result<()> {
        self.ledger = Ledger::new(self.dao.params.clone());
        if self.store.is_light() {
            // N-221: it is read anew, as after a start.
            let floor = self.known_at_least()?;
            self.store.keep_no_log(0, floor);
            return expect_successions(&self.store, &mut self.ledger);
        }
        replay(&self.store, &mut self.ledger, &self.bitcoind, &self.dao, self.birthday)?;
        self.recompute_open_epochs()
    }

    /// Epochs that are closed but not final are not in the log yet: their trees are recomputed from the stored headers.
    fn recompute_open_epochs(&mut self) -> Result<()> {
        for row in self.store.links()? {
            let header = EpochHeader::from_bytes(&row.header).context("a stored epoch header")?;
            let position = self.ledger.state().size();
            let (mut chain, ledger) = self.chain_and_ledger();
            match ledger.check_header(position, &header, &mut chain) {
                Ok(()) => {}
                Err(LedgerError::NotYet { reason, .. }) => tracing::debug!(reason, "a stored header waits"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes segments durable whose entries the ledger has, with the newest signed head beside them: by that head an auditor sees
    /// when the end of the log was cut off.
    ///
    /// # Errors
    /// On I/O; nothing was stored then.
    pub fn store_segments(&mut self, segments: &[Segment]) -> Result<()> {
        let head = self.ledger.newest_head();
        let bytes = head.map(Canonical::to_bytes);
        let beside = bytes.as_deref().map(|head| (NEWEST_HEAD, head));
        if !self.store.is_light() {
            return self.store.append_segments(segments, beside);
        }
        // While the log is read anew the newest head known stays the one from before.
        let newest = self.store.meta(NEWEST_HEAD)?.map(|bytes| Signed::<LogHead>::from_bytes(&bytes)).transpose()?;
        let is_newer = head.is_some_and(|head| newest.is_none_or(|newest| newest.size < head.size));
        for segment in segments {
            let held = self.held_of(segment)?;
            let bounds = (segment.first_position, segment.end());
            self.store.append_held(bounds, &held, beside.filter(|_| is_newer))?;
        }
        Ok(())
    }

    /// Randomness for one MuSig2 signature.
    ///
    /// # Errors
    /// When the operating system has none.
    pub fn session(&self) -> Result<SessionSecret> {
        Ok(SessionSecret::new(entropy()?)?)
    }

    /// The log key that signs for the hub now: the one of the charter in force (N-78).
    ///
    /// # Errors
    /// When it is none of this seed's.
    pub fn log_key(&self) -> Result<Keypair> {
        self.keys.log_for(&self.ledger.state().hub_log_key())
    }

    /// Auxiliary randomness for one BIP340 signature.
    ///
    /// # Errors
    /// When the operating system has none.
    pub fn aux_rand(&self) -> Result<[u8; 32]> {
        entropy()
    }

    /// Notes trouble of this node's own for the person at the screen.
    pub fn trouble(&mut self, subject: &'static str, error: &anyhow::Error) {
        tracing::error!(subject, error = format!("{error:#}"), "trouble");
        self.alarms.insert(subject, format!("{error:#}"));
        self.revision += 1;
    }

    /// Notes trouble with a subject, or that it is over.
    pub fn settle_trouble(&mut self, subject: &'static str, done: Result<()>) {
        match done {
            Ok(()) if self.alarms.contains_key(subject) => {
                self.alarms.remove(subject);
                self.revision += 1;
            }
            Ok(()) => {}
            Err(error) => self.trouble(subject, &error),
        }
    }

    /// Height of the best block; 0 before the first.
    pub fn tip_height(&self) -> u32 {
        self.tip.map_or(0, |(height, _)| height)
    }

    /// What to look for in blocks, from what is known now.
    ///
    /// # Errors
    /// On I/O.
    pub fn rebuild_watch(&mut self) -> Result<()> {
        let mut watch = Watch::default();
        watch.follow_all_seals(&self.store, self.dao.params.first_seal, self.dao.params.spare_seal)?;
        if self.store.is_light() {
            // The log, which tells what matters, is read after blocks: what it told before goes on being followed.
            watch.outpoints.extend(self.store.unspent_facts()?);
        }
        for outpoint in self.stakes.funding_outpoints() {
            watch.expect(&self.store, outpoint)?;
        }
        for record in self.ledger.state().channels().values() {
            watch.expect(&self.store, record.bind.funding)?;
            // G-37: a closed channel's weight lasts as long as the member's own output of the close.
            let balance = record.checkpoints.last().map_or(0, |(_, checkpoint)| checkpoint.member_sat);
            let mut row = self.store.fact(&outpoint_bytes(&record.bind.funding))?;
            while let Some(successor) = row.as_ref().map(successor_output).transpose()?.flatten() {
                watch.expect(&self.store, successor)?;
                row = self.store.fact(&outpoint_bytes(&successor))?;
            }
            if let Some(row) = row
                && let Some(own) = own_output(balance, &row)?
            {
                watch.expect(&self.store, own)?;
            }
        }
        // From the beginning, not from their use on: the block that made them is passed by once.
        let gates: BTreeSet<OutPoint> = self.ledger.state().all_gates().chain(self.ledger.gates_in_use()).collect();
        for gate in gates {
            watch.expect(&self.store, gate)?;
        }
        self.watch = watch;
        Ok(())
    }

    /// Stops following the chain; inputs that are already queued are still handled.
    pub fn stop(&mut self) {
        self.following.follower = None;
    }

    fn connect(&mut self, height: u32, hash: BlockHash, block: &Block) -> Result<Vec<Seen>> {
        let below = match self.store.block(height.saturating_sub(1))? {
            Some(row) => Some((row.height, BlockHash::from_byte_array(row.hash))),
            None => None,
        };
        // The wallet first: repeated after a crash it does no harm, skipped it would.
        self.wallet.connect(height, block, below)?;
        let descriptors = treasury_descriptors(&self.ledger);
        if descriptors.len() > self.treasury.generations() {
            self.treasury.sync_generations(&mut self.store, &self.bitcoind, self.birthday, &descriptors)?;
        }
        let stages = stages(&self.ledger, &self.treasury);
        self.treasury.follow_stages(&mut self.store, &self.bitcoind, stages)?;
        let desk = self.treasury.connect(height, block, below)?;
        let seen = self.watch.scan(height, block);
        let forced = crate::forced::scan(height, block);
        let coins = self.seed_coins.scan(height, block);
        let id = BlockId { height, hash };
        let monitors = self.stakes.monitors_after(id, block.header.prev_blockhash, &block.txdata)?;
        let row = BlockRow {
            height,
            hash: hash.to_byte_array(),
            header: bitcoin::consensus::encode::serialize(&block.header),
        };
        self.store.write(|writer| {
            writer.put_block(&row)?;
            writer.put_monitors(&monitors)?;
            writer.put_treasury_step(&desk)?;
            writer.put_seed_coins(&coins)?;
            writer.put_forced(&forced)?;
            writer.put_seen(&seen)
        })?;
        self.treasury.stored(&desk);
        self.seed_coins.note(coins);
        self.stakes.set_monitors(monitors);
        self.tip = Some((height, hash));
        Ok(seen)
    }
}

/// Descriptors of the treasuries that there were, by the charters that came into force.
fn treasury_descriptors(ledger: &Ledger) -> Vec<String> {
    generations(ledger.state().charters().iter().map(|version| &version.charter))
}

/// Where payments of the treasuries rest that the charters ask to be staged.
fn stages(ledger: &Ledger, desk: &Desk) -> Vec<Treasury> {
    stage_policies(&desk.treasuries(), ledger.state().charters().iter().map(|version| &version.charter))
}

/// Seconds since 1970, for what only a person or the mempool reads; never for a rule.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn expect_successions(store: &Store, ledger: &mut Ledger) -> Result<()> {
    for row in store.successions()? {
        ledger.expect_succession(row.certificate()?);
    }
    Ok(())
}

/// Replays the stored log. What a reorganisation took the ground from a member's node sets aside and waits for, as one that begins
/// later does (N-246): it can take part in a succession, which is the remedy. A hub has promised what it logged, and signs nothing over less.
fn replay_or_set_aside(store: &mut Store, role: Role, bitcoind: &Bitcoind, dao: &Dao, birthday: u32) -> Result<Ledger> {
    loop {
        let mut ledger = Ledger::new(dao.params.clone());
        let Err(error) = replay(store, &mut ledger, bitcoind, dao, birthday) else { return Ok(ledger) };
        let Some(LedgerError::NotYet { position, .. }) = error.downcast_ref() else { return Err(error) };
        let (size, position) = (store.log_size()?, *position);
        if role == Role::Hub {
            return Err(error.context(
                "N-246: this hub cannot go on. If the chain comes back to that block it starts again as it is; else members with more than half of the \
                 weight and the treasurers put another hub in, or this one with new keys: `althing succession propose` at a member's node begins it",
            ));
        }
        let kept = store.segment_end_up_to(position)?;
        anyhow::ensure!(kept < size, "the log of {size} entries waits behind {position}: {error:#}");
        tracing::warn!(kept, set_aside = size - kept, error = format!("{error:#}"), "a part of the log is set aside");
        // What the heads before it say is what this node has now.
        let mut before = Ledger::new(dao.params.clone());
        store.write(|writer| writer.set_log_aside(kept))?;
        replay(store, &mut before, bitcoind, dao, birthday).ok();
        let head = before.newest_head().map(Canonical::to_bytes);
        store.write(|writer| match &head {
            Some(head) => writer.set_meta(NEWEST_HEAD, head),
            None => writer.forget_meta(NEWEST_HEAD),
        })?;
    }
}

/// Replays the stored log. Every signature, rule and root is checked again, as when the entries came in.
fn replay(store: &Store, ledger: &mut Ledger, bitcoind: &Bitcoind, dao: &Dao, birthday: u32) -> Result<()> {
    expect_successions(store, ledger)?;
    let dir = store.path().parent().context("the database is in a directory")?;
    let mut reader = Store::open_read_only(dir)?;
    let mut watch = Watch::default();
    let mut chain = LiveChain { judged_before: true, store: &mut reader, bitcoind, watch: &mut watch, birthday };
    let replayed = crate::replay::replay(dir, ledger, &mut chain, |_, _| Ok(()));
    replayed.map_err(|error| match error.downcast::<LedgerError>() {
        Ok(LedgerError::Ours(error)) => error,
        Ok(error) => anyhow::Error::new(error).context(format!("replaying the log of DAO {}", dao.params.dao_id)),
        Err(error) => error,
    })
}
