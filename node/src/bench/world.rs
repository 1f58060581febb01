//! A DAO to vote in, made in a data directory without a bitcoind: founded, staked, its first epoch anchored, proposals open.
//!
//! Everything in it is what a real one has: every signature, block, link and receipt is valid, and the hub that is started on
//! the directory checks them as any other. Only the coins come from nowhere, and no new block follows.

use std::path::{Path, PathBuf};

use althing_anchor::{Commitment, LinkBuilder, Seal, genesis_outputs};
use althing_channels::funding_script;
use althing_governance::charter::{Charter, Class, Template, TemplateArguments};
use althing_governance::codec::Canonical as _;
use althing_governance::dao::{DaoParams, channel_id};
use althing_governance::entry::{
    Anchored, Bind, BindTerms, Checkpoint, CheckpointFunding, Entry, LaneEntry, LogHead, ProposalContent,
    SignedCheckpoint, lane_start,
};
use althing_governance::hash::tagged_hash;
use althing_governance::id::{LaneHead, MemberId, ProposalId};
use althing_governance::signing::Statement as _;
use anyhow::{Context, Result};
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Secp256k1};
use bitcoin::{Amount, FeeRate, Network, OutPoint, Transaction, TxOut, Txid};

use super::chain::{Chain, from_nowhere};
use crate::chain::{Access, Bitcoind};
use crate::chain_view::LiveChain;
use crate::config::Config;
use crate::dao::{Dao, genesis_params};
use crate::facts::Watch;
use crate::hub::receipts::Sealer;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::peers::PeerAddress;
use crate::shell::NEWEST_HEAD;
use crate::store::Store;

/// Password of the data directories made here; they hold nothing of value.
pub const PASSWORD: &str = "bench";

/// Nobody listens there: the chain of these directories has ended.
const NO_BITCOIND: &str = "http://127.0.0.1:9";

/// Stake of each member in satoshis.
const STAKE_SAT: u64 = 100_000;

const FINAL_DEPTH: u32 = 2;

/// Stakes that are funded in one block.
const FUNDINGS_PER_BLOCK: usize = 100;

/// Entries stored in one transaction while the world is made.
const STORED_AT_ONCE: usize = 8192;

/// Auxiliary randomness of signatures made here; the keys protect nothing.
pub(super) const AUX: [u8; 32] = [7; 32];

/// How large a DAO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Members with a stake, 1 or more.
    pub members: u32,
    /// Proposals that are open for votes, 1 or more.
    pub proposals: u32,
}

/// A DAO to vote in, and the secrets of its members.
pub struct World {
    /// The hub's data directory.
    pub dir: PathBuf,
    /// The DAO.
    pub dao: Dao,
    /// Its members, in the order of their numbers.
    pub voters: Vec<Voter>,
    /// Open proposals.
    pub proposals: Vec<ProposalId>,
}

/// A member who votes.
#[derive(Clone)]
pub struct Voter {
    /// The vote key.
    pub key: Keypair,
    /// Number of the newest entry in the lane.
    pub sequence: u64,
    /// Head of the lane behind it.
    pub head: LaneHead,
}

/// What is being made.
struct Founding {
    keys: Keys,
    signer: Signer,
    anchor_key: Keypair,
    dao: Dao,
    store: Store,
    chain: Chain,
    watch: Watch,
    ledger: Ledger,
    bitcoind: Bitcoind,
    waiting: Vec<Vec<u8>>,
}

/// What threads that sign share.
struct Signer {
    secp: Secp256k1<All>,
    params: DaoParams,
    log_key: Keypair,
    /// Every stake has the same two funding keys: who they are does not matter to a vote, and their script is costly to make.
    member_funding: Keypair,
    hub_funding: Keypair,
}

impl World {
    /// Makes the hub's data directory `dir`, which must not have keys yet. `progress` is told what is being made.
    ///
    /// # Errors
    /// On I/O, or when a number is 0.
    pub fn found(dir: &Path, scale: Scale, progress: &mut dyn FnMut(&str)) -> Result<Self> {
        anyhow::ensure!(scale.members > 0 && scale.proposals > 0, "a vote needs members and proposals");
        progress(&format!("a DAO of {} members", scale.members));
        let blocks = scale.members as usize / FUNDINGS_PER_BLOCK + 1;
        let mut founding = Founding::new(dir, u32::try_from(blocks + 12)?)?;
        let members: Vec<Keypair> =
            (0..scale.members).map(|number| key(&founding.signer.secp, "vote", number)).collect();
        let fundings = founding.fund(members.len())?;
        let voters = founding.bind(&members, &fundings)?;
        progress("its first epoch");
        founding.anchor()?;
        progress(&format!("{} proposals", scale.proposals));
        let mut voters = voters;
        let proposals = founding.propose(&mut voters, scale.proposals)?;
        founding.store_waiting()?;
        Ok(Self { dir: dir.to_owned(), dao: founding.dao, voters, proposals })
    }
}

impl Founding {
    fn new(dir: &Path, epoch_blocks: u32) -> Result<Self> {
        let (keys, _) = Keys::create(dir, Network::Regtest, PASSWORD, None)?;
        let access = Access { url: NO_BITCOIND.into(), cookie_file: None, user_pass: Some(Default::default()) };
        let bitcoind = Bitcoind::new(&access);
        let config = Config {
            network: "regtest".into(),
            birthday: 1,
            towers: Vec::new(),
            operators: Vec::new(),
            backup_file: None,
            light: false,
            funds_folder: None,
            bitcoind: access,
            links: Default::default(),
            gossip: Default::default(),
        };
        config.save(dir)?;
        let charter = charter(&keys, epoch_blocks)?;
        let genesis = from_nowhere([9; 32], genesis_outputs(&genesis_params(&charter)?)?);
        let hub = PeerAddress { node_id: charter.hub_node_key, socket: ([127, 0, 0, 1], 0).into() };
        let dao = Dao::new(charter, genesis.clone(), 1, hub.to_string())?;
        dao.save(dir)?;
        let mut store = Store::open(dir)?;
        let seal = dao.params.first_seal;
        let mut watch = Watch::default();
        watch.expect(&store, seal)?;
        watch.seals.insert(seal);
        let mut chain = Chain::new();
        chain.mine(&mut store, &mut watch, vec![genesis])?;
        let ledger = Ledger::new(dao.params.clone());
        let secp = Secp256k1::new();
        let signer = Signer {
            params: dao.params.clone(),
            log_key: keys.log(),
            member_funding: key(&secp, "member funding", 0),
            hub_funding: key(&secp, "hub funding", 0),
            secp,
        };
        let anchor_key = keys.anchor();
        Ok(Self { keys, signer, anchor_key, dao, store, chain, watch, ledger, bitcoind, waiting: Vec::new() })
    }

    fn params(&self) -> &DaoParams {
        &self.dao.params
    }

    fn fund(&mut self, members: usize) -> Result<Vec<OutPoint>> {
        let Signer { member_funding, hub_funding, .. } = &self.signer;
        let script_pubkey = funding_script(&member_funding.public_key(), &hub_funding.public_key());
        let fundings: Vec<Transaction> = (0..members as u64)
            .map(|number| {
                let seed = tagged_hash("althing/bench/v1", &[b"funding", &number.to_be_bytes()]);
                let output = TxOut { value: Amount::from_sat(STAKE_SAT), script_pubkey: script_pubkey.clone() };
                from_nowhere(seed, vec![output])
            })
            .collect();
        let outpoints = fundings.iter().map(|tx| OutPoint { txid: tx.compute_txid(), vout: 0 }).collect();
        for block in fundings.chunks(FUNDINGS_PER_BLOCK) {
            self.watch.expected.extend(block.iter().map(|tx| OutPoint { txid: tx.compute_txid(), vout: 0 }));
            self.chain.mine(&mut self.store, &mut self.watch, block.to_vec())?;
        }
        self.head()?;
        Ok(outpoints)
    }

    /// Each member binds the stake; member and hub sign its first checkpoint.
    fn bind(&mut self, members: &[Keypair], fundings: &[OutPoint]) -> Result<Vec<Voter>> {
        let mut voters = Vec::with_capacity(members.len());
        let tip = self.chain.tip();
        let half = members.len().div_ceil(2);
        let signer = &self.signer;
        let signed: Vec<(Entry, Entry, Voter)> = std::thread::scope(|scope| {
            let sign = move |from: usize, to: usize| {
                let stakes = members[from..to].iter().zip(&fundings[from..to]);
                stakes.map(|(key, funding)| signer.bind(key, *funding, tip)).collect::<Vec<_>>()
            };
            let second = scope.spawn(move || sign(half, members.len()));
            let mut signed = sign(0, half);
            signed.extend(second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            signed
        });
        for (bind, checkpoint, voter) in signed {
            self.log(bind)?;
            self.log(checkpoint)?;
            voters.push(voter);
        }
        Ok(voters)
    }

    /// Mines to the end of the first epoch, anchors it with a link, and logs that the link is final.
    fn anchor(&mut self) -> Result<()> {
        let boundary = self.params().charter.epoch_blocks;
        self.blocks_to(boundary)?;
        let hash = self.chain.tip().1;
        self.blocks_to(boundary + FINAL_DEPTH)?;
        let (mut chain, ledger) = chain_and_ledger(&mut self.store, &self.bitcoind, &mut self.watch, &mut self.ledger);
        let header = ledger.close_epoch(1, boundary, hash, &mut chain)?.header;
        let seal: Seal = self.dao.genesis.first_seal;
        let rate = FeeRate::from_sat_per_vb(2).context("a fee rate")?;
        let commitment = Commitment::new(*header.hash().as_bytes());
        let link = LinkBuilder::new(seal, self.params().charter.anchor_key, commitment).build(rate, rate)?;
        let link = link.sign(&self.anchor_key, &AUX)?;
        self.chain.mine(&mut self.store, &mut self.watch, vec![link.transaction().clone()])?;
        let (mined_height, mined_hash) = self.chain.tip();
        self.blocks_to(mined_height + FINAL_DEPTH)?;
        let (network, dao) = (self.params().network, self.params().dao_id);
        let txid = link.transaction().compute_txid();
        let anchored = Anchored { network, dao, header, link: txid, mined_height, mined_hash };
        let signed = anchored.sign(&self.signer.secp, &self.signer.log_key, &AUX);
        self.log(Entry::Anchored(signed))
    }

    fn propose(&mut self, voters: &mut [Voter], count: u32) -> Result<Vec<ProposalId>> {
        let (network, dao) = (self.params().network, self.params().dao_id);
        let mut proposals = Vec::new();
        for number in 0..count {
            let author = number as usize % voters.len();
            let member = voters[author].id();
            let title = format!("Shall question {number} be answered with yes?");
            let content = ProposalContent::question(Class::Text, &title, "To be voted on by many.", Vec::new());
            proposals.push(content.id(network, dao, member));
            let lane = voters[author].next_lane(self.params());
            let entry = LaneEntry::sign(&self.signer.secp, lane, content, &voters[author].key, &AUX);
            voters[author].advance(lane.head_after(entry.id()));
            self.log(Entry::Proposal(entry))?;
        }
        self.chain.mine(&mut self.store, &mut self.watch, Vec::new())?;
        self.head()?;
        Ok(proposals)
    }

    fn blocks_to(&mut self, height: u32) -> Result<()> {
        while self.chain.tip().0 < height {
            self.chain.mine(&mut self.store, &mut self.watch, Vec::new())?;
        }
        self.head()
    }

    /// The hub's signed head at the newest block.
    fn head(&mut self) -> Result<()> {
        let state = self.ledger.state();
        let (tip_height, tip_hash) = self.chain.tip();
        let head = LogHead {
            network: self.params().network,
            dao: self.params().dao_id,
            size: state.size(),
            root: state.root(),
            tip_height,
            tip_hash,
        };
        self.log(Entry::Head(head.sign(&self.signer.secp, &self.signer.log_key, &AUX)))
    }

    /// Logs an entry that was just signed here; the hub that is started on it checks everything.
    fn log(&mut self, entry: Entry) -> Result<()> {
        let bytes = entry.to_bytes();
        self.ledger.check_rules(&entry)?;
        let (mut chain, ledger) = chain_and_ledger(&mut self.store, &self.bitcoind, &mut self.watch, &mut self.ledger);
        ledger.append(entry, &mut chain)?;
        self.waiting.push(bytes);
        if self.waiting.len() >= STORED_AT_ONCE { self.store_waiting() } else { Ok(()) }
    }

    fn store_waiting(&mut self) -> Result<()> {
        let (secp, keys, ledger) = (&self.signer.secp, &self.keys, &self.ledger);
        let sealer = Sealer { secp, keys, ledger, tip: self.chain.tip() };
        let segments: Vec<_> =
            sealer.seal(std::mem::take(&mut self.waiting))?.into_iter().map(|(segment, _)| segment).collect();
        let head = self.ledger.newest_head().map(|head| head.to_bytes());
        self.store.append_segments(&segments, head.as_deref().map(|head| (NEWEST_HEAD, head)))
    }
}

impl Voter {
    /// The vote key's id.
    pub fn id(&self) -> MemberId {
        MemberId::of(&self.key.x_only_public_key().0)
    }

    /// Where the next entry goes.
    pub(super) fn next_lane(&self, params: &DaoParams) -> althing_governance::entry::LaneHeader {
        althing_governance::entry::LaneHeader {
            network: params.network,
            dao: params.dao_id,
            member: self.id(),
            incarnation: 1,
            sequence: self.sequence + 1,
            prev_head: self.head,
        }
    }

    pub(super) fn advance(&mut self, head: LaneHead) {
        self.sequence += 1;
        self.head = head;
    }
}

fn chain_and_ledger<'a>(
    store: &'a mut Store,
    bitcoind: &'a Bitcoind,
    watch: &'a mut Watch,
    ledger: &'a mut Ledger,
) -> (LiveChain<'a>, &'a mut Ledger) {
    (LiveChain { store, bitcoind, watch, birthday: 1, judged_before: false }, ledger)
}

impl Signer {
    /// The bind of a stake and its first checkpoint, and the member behind them.
    fn bind(
        &self,
        key: &Keypair,
        funding: OutPoint,
        (tip_height, tip_hash): (u32, bitcoin::BlockHash),
    ) -> (Entry, Entry, Voter) {
        let (network, dao, secp) = (self.params.network, self.params.dao_id, &self.secp);
        let member = MemberId::of(&key.x_only_public_key().0);
        let mut voter = Voter { key: *key, sequence: 0, head: lane_start(network, dao, member, 1) };
        let lane = voter.next_lane(&self.params);
        let hub_funding_key = self.hub_funding.public_key();
        let terms = BindTerms { name: String::new(), funding, hub_funding_key, value_sat: STAKE_SAT };
        let bind = Bind::sign_funding(secp, &lane, terms, &self.member_funding, &AUX);
        let bind = LaneEntry::sign(secp, lane, bind, key, &AUX);
        voter.advance(lane.head_after(bind.id()));
        let commitment = Txid::from_byte_array([1; 32]);
        let checkpoint = Checkpoint {
            network,
            dao,
            channel: channel_id(dao, funding),
            member,
            number: 1,
            fundings: vec![CheckpointFunding {
                outpoint: funding,
                member_commitment: commitment,
                hub_commitment: commitment,
            }],
            tip_height,
            tip_hash,
            member_sat: STAKE_SAT,
            hub_sat: 0,
            forfeited_sat: 0,
            incarnation: 1,
            sequence: voter.sequence,
            head: voter.head,
        };
        let member_signature = checkpoint.sign(secp, key, &AUX);
        let hub_signature = checkpoint.sign(secp, &self.log_key, &AUX);
        let checkpoint = SignedCheckpoint { checkpoint, member_signature, hub_signature };
        (Entry::Bind(bind), Entry::Checkpoint(checkpoint), voter)
    }
}

/// A key that follows from its purpose and number.
pub(super) fn key(secp: &Secp256k1<All>, purpose: &str, number: u32) -> Keypair {
    let secret = tagged_hash("althing/bench/v1", &[purpose.as_bytes(), &number.to_be_bytes()]);
    Keypair::from_seckey_slice(secp, &secret).expect("a hash is a secret key, but for one in 2^128")
}

fn charter(keys: &Keys, epoch_blocks: u32) -> Result<Charter> {
    let secp = Secp256k1::new();
    let xpub = |seed: u8| -> Result<Xpub> {
        Ok(Xpub::from_priv(&secp, &Xpriv::new_master(Network::Regtest, &[seed; 32]).context("a seed")?))
    };
    let document = Template::Starter.document(&TemplateArguments {
        name: "Bench".into(),
        network: "regtest".into(),
        hub_node_key: crate::peers::node_id(&keys.node_seed()),
        hub_log_key: keys.log().x_only_public_key().0,
        anchor_key: keys.anchor().x_only_public_key().0,
        treasury_descriptor: format!("wsh(sortedmulti(2,{}/0/*,{}/0/*,{}/0/*))", xpub(1)?, xpub(2)?, xpub(3)?),
        treasurers: vec![("treasurer".into(), keys.treasury().public_key())],
        founders: vec![MemberId::of(&keys.vote().x_only_public_key().0)],
        min_stake_sat: 1000,
        epoch_blocks,
        stake_confirmations: 2,
        final_depth: FINAL_DEPTH,
        voting_blocks: epoch_blocks,
        veto_blocks: 0,
    });
    Charter::from_toml(&document).map_err(|error| anyhow::anyhow!("the charter: {error:?}"))
}
