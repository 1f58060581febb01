//! What the close of an epoch costs: `cargo run --release -p althing-governance --example close_bench -- MEMBERS DELEGATIONS
//! PROPOSALS BALLOTS [THREADS]`
//!
//! A log is made as a hub would have it (signatures aside, which were checked when the entries came in): members bind stakes, so
//! many of them delegate to two others, mostly to the same few; proposals are opened; so many ballots are cast on them, each
//! member's own. All votes end in the same epoch. What is measured is `close_by` on this log, the call that hub, member and
//! auditor make: decisions, what takes effect counted again, ballot trees, roll trees and header. It is run three times; the line
//! has the median on the wall and, over all three, the processor time of all threads (Linux). The header's hash tells whether two
//! programs did the same. Then its link is final: the line has how long the log takes to go on from it, told what was decided
//! ([`LogState::set_decided`]) and not told.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that measures time and prints it"
)]

mod measuring;

use std::sync::Mutex;
use std::time::Instant;

use althing_governance::charter::{
    Admission, Class, ClassRule, DelegationLimits, DiscussionLimits, Guardians, Guards, Quorum, Rewards, WeightRule,
};
use althing_governance::delegation::{Delegation, Part, Scope};
use althing_governance::entry::{
    Anchored, Ballot, Bind, BindTerms, Choice, Entry, LaneBody, LaneEntry, LogHead, ProposalContent,
};
use althing_governance::epoch::close_by;
use althing_governance::parallel::{Piece, Workers};
use althing_governance::signing::Statement as _;
use althing_governance::{Charter, DaoParams, EpochClose, EpochHeader, LogState, MemberId, NetworkId, Roll};
use bitcoin::hashes::Hash as _;
use bitcoin::secp256k1::{All, Keypair, Secp256k1, SecretKey, schnorr};
use bitcoin::{BlockHash, Network, OutPoint, Txid};

use measuring::{Random, cpu_ticks};

const RUNS: usize = 3;
/// Blocks of an epoch, and of every vote.
const EPOCH: u32 = 6;

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let [members, delegations, proposals, ballots] = arguments[..4] else { unreachable!("a slice of four") };
    let threads = Threads(arguments.get(4).copied().unwrap_or(2));
    let mut world = World::new(members, delegations, proposals, ballots);
    let (mut walls, ticks) = (Vec::new(), cpu_ticks());
    let mut hash = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        let close = world.close(&threads);
        walls.push(start.elapsed().as_secs_f64());
        hash = Some(close.header.hash());
    }
    let cpu = (cpu_ticks() - ticks) as f64 / 100.0 / RUNS as f64;
    walls.sort_by(f64::total_cmp);
    let closed = world.close(&threads);
    let [told, alone] = world.finality(&closed);
    println!(
        "members {members} delegations {delegations} proposals {proposals} ballots {ballots} threads {}: \
         wall {:.3} s, processor {cpu:.3} s, final {told:.3} s, untold {alone:.3} s, header {}",
        threads.0,
        walls[RUNS / 2],
        hash.unwrap()
    );
}

struct World {
    state: LogState,
    secp: Secp256k1<All>,
    hub: Keypair,
    height: u32,
    headers: Vec<EpochHeader>,
    roll: Roll,
    closing: u32,
}

impl World {
    fn new(members: usize, delegations: usize, proposals: usize, ballots: usize) -> Self {
        let secp = Secp256k1::new();
        let hub = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[99; 32]).unwrap());
        let params = DaoParams::new(charter(&hub), txid(1));
        let mut random = Random(7);
        let stakes = (0..members).map(|n| (member(n), 10_000 + random.below(1_000_000) as u64));
        let roll = Roll::from_stakes(stakes.map(|(member, sat)| (member, sat, u128::from(sat))));
        let state = LogState::new(params);
        let mut world = Self { state, secp, hub, height: 100, headers: Vec::new(), roll, closing: 0 };
        world.bind(members);
        world.finish_epoch();
        for n in 0..delegations {
            let (one, other) = (random.popular(members), random.popular(members));
            let from = n * (members / delegations);
            let mut receivers = [one, other];
            receivers.sort_unstable();
            if receivers.contains(&from) || one == other {
                continue;
            }
            let share_bp = 1 + random.below(9_999) as u16;
            let parts = vec![
                Part { to: member(receivers[0]), share_bp },
                Part { to: member(receivers[1]), share_bp: 10_000 - share_bp },
            ];
            world.say(from, Delegation { scope: Scope::All, parts, expires_height: None });
        }
        let ids: Vec<_> = (0..proposals)
            .map(|n| {
                let content = ProposalContent::question(Class::Text, format!("Motion {n}"), "Why not.", Vec::new());
                let p = world.state.params();
                let id = content.id(p.network, p.dao_id, member(n));
                world.say(n, content);
                id
            })
            .collect();
        world.mine();
        for n in 0..ballots {
            let choice = [Choice::Yes, Choice::No, Choice::Abstain][random.below(3)];
            world.say((n * 7919) % members, Ballot::new(ids[n % proposals], choice, None));
        }
        while world.state.proposals().values().any(|p| p.schedule.is_none_or(|s| s.close > world.closing)) {
            if world.closing > 0 {
                world.finish_epoch();
            }
            world.closing = (world.height / EPOCH + 1) * EPOCH;
            while world.height < world.closing {
                world.mine();
            }
        }
        world
    }

    fn bind(&mut self, members: usize) {
        let key = Keypair::from_secret_key(&self.secp, &SecretKey::from_slice(&[42; 32]).unwrap());
        let terms = BindTerms {
            name: "member".into(),
            funding: OutPoint { txid: txid(2), vout: 0 },
            hub_funding_key: self.hub.public_key(),
            value_sat: 1_000_000,
        };
        let lane = self.state.next_lane_header(member(0), 1);
        let first = Bind::sign_funding(&self.secp, &lane, terms, &key, &[7; 32]);
        for n in 0..members {
            let funding = OutPoint { txid: Txid::from_byte_array(numbered(9, n)), vout: 0 };
            let channel = althing_governance::dao::channel_id(self.state.params().dao_id, funding);
            self.say(n, Bind { funding, channel, ..first.clone() });
        }
    }

    fn say<B: LaneBody>(&mut self, who: usize, body: B)
    where
        LaneEntry<B>: IntoEntry,
    {
        let lane = self.state.next_lane_header(member(who), 1);
        let signature = schnorr::Signature::from_slice(&[1; 64]).unwrap();
        let entry = LaneEntry { lane, body, signature }.into_entry();
        self.append(entry);
    }

    fn append(&mut self, entry: Entry) {
        self.state.apply(self.state.size(), entry).unwrap();
    }

    fn mine(&mut self) {
        self.height += 1;
        let p = self.state.params();
        let head = LogHead {
            network: p.network,
            dao: p.dao_id,
            size: self.state.size(),
            root: self.state.root(),
            tip_height: self.height,
            tip_hash: block_hash(self.height),
        };
        let head = head.sign(&self.secp, &self.hub, &[7; 32]);
        self.append(Entry::Head(head));
    }

    /// Closes the epoch at the next boundary, and logs that its link is final.
    fn finish_epoch(&mut self) {
        self.closing = (self.height / EPOCH + 1) * EPOCH;
        while self.height < self.closing {
            self.mine();
        }
        let closed = self.close(&Threads(2));
        let mined_height = self.height + 1;
        let depth = self.state.params().charter.final_depth;
        (0..depth).for_each(|_| self.mine());
        self.state.set_roll(closed.header.epoch, self.roll.clone());
        self.headers.push(closed.header);
        let anchored = self.anchored(&closed, mined_height);
        self.append(anchored);
    }

    /// Seconds that the entry takes which says that this epoch is final: told what was decided, and not told.
    fn finality(&mut self, closed: &EpochClose) -> [f64; 2] {
        let mined_height = self.height + 1;
        let depth = self.state.params().charter.final_depth;
        (0..depth).for_each(|_| self.mine());
        self.state.set_roll(closed.header.epoch, self.roll.clone());
        let anchored = self.anchored(closed, mined_height);
        let seconds = |mut state: LogState, anchored: Entry| {
            let start = Instant::now();
            state.apply(state.size(), anchored).unwrap();
            assert_eq!(*state.ledger(), closed.ledger, "what was decided");
            start.elapsed().as_secs_f64()
        };
        let alone = seconds(self.state.clone(), anchored.clone());
        let mut told = self.state.clone();
        told.set_decided(closed);
        [seconds(told, anchored), alone]
    }

    fn anchored(&self, closed: &EpochClose, mined_height: u32) -> Entry {
        let p = self.state.params();
        let anchored = Anchored {
            network: p.network,
            dao: p.dao_id,
            header: closed.header,
            link: txid(250),
            mined_height,
            mined_hash: block_hash(mined_height),
        };
        Entry::Anchored(anchored.sign(&self.secp, &self.hub, &[7; 32]))
    }

    fn close(&self, workers: &dyn Workers) -> EpochClose {
        close_by(workers, &self.state, &self.headers, self.closing, block_hash(self.closing), &self.roll).unwrap()
    }
}

/// Wraps a lane entry of each kind.
trait IntoEntry {
    fn into_entry(self) -> Entry;
}

macro_rules! into_entry {
    ($($body:ty => $kind:ident),*) => {
        $(impl IntoEntry for LaneEntry<$body> {
            fn into_entry(self) -> Entry {
                Entry::$kind(self)
            }
        })*
    };
}

into_entry!(Bind => Bind, ProposalContent => Proposal, Ballot => Ballot, Delegation => Delegation);

/// Workers as a node's: one thread for each core.
struct Threads(usize);

impl Workers for Threads {
    fn shards(&self, seats: usize) -> usize {
        seats.div_ceil(4096).clamp(1, self.0)
    }

    fn run<'p>(&self, pieces: Vec<Piece<'p>>) {
        let threads = self.0.min(pieces.len());
        let pieces = Mutex::new(pieces.into_iter());
        let next = || pieces.lock().unwrap().next();
        let work = || {
            while let Some(piece) = next() {
                piece();
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }
}

fn charter(hub: &Keypair) -> Charter {
    let rule = ClassRule {
        voting_blocks: EPOCH,
        expiry_blocks: 144,
        quorum: Quorum::ParticipationBp(100),
        ..ClassRule::new(Class::Text)
    };
    Charter {
        name: "Measured".into(),
        network: NetworkId::of(Network::Regtest),
        hub_node_key: hub.public_key(),
        hub_log_key: hub.x_only_public_key().0,
        anchor_key: hub.x_only_public_key().0,
        treasury_descriptor: "tr(placeholder)".into(),
        treasurers: Vec::new(),
        founders: vec![member(0)],
        admission: Admission::Open { min_stake_sat: 1000 },
        epoch_blocks: EPOCH,
        stake_confirmations: 3,
        final_depth: 2,
        hub_funding_sat: 0,
        weight_rule: WeightRule::Stake,
        per_member_cap: None,
        gates: 2,
        gate_sat: 10_000,
        seal_sat: 1_000_000,
        spare_seal_sat: 10_000,
        max_link_fee_rate_sat_vb: 50,
        gossip_peers: vec!["127.0.0.1:9735".into()],
        classes: vec![rule],
        guards: Guards::default(),
        guardians: Guardians::default(),
        rewards: Rewards::default(),
        delegation: DelegationLimits { enabled: true, ..DelegationLimits::default() },
        discussion: DiscussionLimits::default(),
        hub_bond_sat: 0,
        dormant_after_epochs: 0,
        equivocation_suspension_epochs: 4,
        forced_entry_delay_blocks: 144,
        anchored_links: false,
        succession_window_blocks: 4320,
        staging: None,
    }
}

fn numbered(first: u8, number: usize) -> [u8; 32] {
    let mut bytes = [first; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    bytes
}

fn member(number: usize) -> MemberId {
    MemberId(numbered(7, number))
}

fn txid(number: u8) -> Txid {
    Txid::from_byte_array([number; 32])
}

fn block_hash(height: u32) -> BlockHash {
    BlockHash::from_byte_array(numbered(0xb0, height as usize))
}
