//! Fees go from 1 to 3000 sat/vB for 300 blocks: links come late or dear, but every epoch is anchored, once, in order.

use std::collections::VecDeque;

use althing_anchor::{
    BlockId, ChainEvent, Commitment, Effect, FeeDecision, FeeMarket, FeePolicy, LinkBuilder, LinkShape, LinkState,
    LinkTracker, OtsForm, Seal, SignedLink, verify_link,
};
use bitcoin::hashes::Hash;
use bitcoin::{Amount, BlockHash, FeeRate, OutPoint, Transaction, Txid};
use proptest::prelude::*;

use crate::support::{key, keypair};

const EPOCH_BLOCKS: u32 = 6;
const SPIKE: std::ops::Range<u32> = 50..350;
const END: u32 = 500;

fn vb(sat_per_vb: u32) -> FeeRate {
    FeeRate::from_sat_per_vb_u32(sat_per_vb)
}

/// Rate that gets a transaction into the block at this height.
fn spot(height: u32, peak: u32) -> FeeRate {
    if SPIKE.contains(&height) { vb(peak) } else { vb(1) }
}

/// Least rate that the mempool takes before that block: half of the spot rate, as a full mempool evicts the cheap half.
fn minimum(height: u32, peak: u32) -> FeeRate {
    if SPIKE.contains(&height) { vb((peak / 2).max(1)) } else { vb(1) }
}

fn epoch_commitment(epoch: u32) -> Commitment {
    let mut bytes = [0xaa; 32];
    bytes[..4].copy_from_slice(&epoch.to_be_bytes());
    Commitment::new(bytes)
}

fn block(height: u32) -> BlockId {
    BlockId { height, hash: hash(height) }
}

fn hash(height: u32) -> BlockHash {
    BlockHash::from_byte_array(epoch_commitment(height).to_bytes())
}

/// A hub with its wallet of one seal, and a mempool that forgets what pays too little.
struct World {
    policy: FeePolicy,
    shape: LinkShape,
    peak: u32,
    seal: Seal,
    /// Closed epochs without a link, oldest first.
    waiting: VecDeque<u32>,
    pending: Option<Pending>,
    mempool: Option<(Transaction, FeeRate)>,
    /// Mined links in order: epoch, transaction, what it cost, blocks after its epoch closed.
    mined: Vec<(u32, Transaction, Amount, u32)>,
    latest: u32,
}

struct Pending {
    epoch: u32,
    tracker: LinkTracker,
    newest: SignedLink,
    rate: FeeRate,
    versions: Vec<SignedLink>,
}

impl World {
    fn new(policy: FeePolicy, shape: LinkShape, peak: u32) -> Self {
        let seal = Seal {
            outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
            value: Amount::from_int_btc(1),
            anchor_key: key(1),
            commitment: epoch_commitment(0),
        };
        let (waiting, mined) = (VecDeque::new(), vec![]);
        Self { policy, shape, peak, seal, waiting, pending: None, mempool: None, mined, latest: 0 }
    }

    fn run(mut self) -> Self {
        for height in 1..END {
            self.before_block(height);
            self.block(height);
            if height % EPOCH_BLOCKS == 0 {
                self.waiting.push_back(height / EPOCH_BLOCKS);
            }
        }
        self
    }

    fn before_block(&mut self, height: u32) {
        let least = minimum(height, self.peak);
        self.mempool.take_if(|(_, rate)| *rate < least);
        // The estimate is that of the block before: it lags.
        let estimate = Some(spot(height - 1, self.peak));
        let market = FeeMarket { estimate, mempool_minimum: least };
        match self.pending.take() {
            None => self.sign_next(height, market),
            Some(pending) => self.pending = Some(self.tend(pending, market)),
        }
    }

    fn sign_next(&mut self, height: u32, market: FeeMarket) {
        let Some(epoch) = self.waiting.front().copied() else { return };
        let rate = match self.policy.first_rate(market, self.shape.weight(OtsForm::Split)) {
            FeeDecision::Pay(rate) | FeeDecision::PayLimit(rate) => rate,
            FeeDecision::Wait { .. } => return,
        };
        self.waiting.pop_front();
        let link = self.builder(epoch).build(rate, self.policy.cap).unwrap().sign(&keypair(1), &[7; 32]).unwrap();
        let tracker = LinkTracker::new(link.transaction().clone(), block(height - 1), 6).unwrap();
        let pending = Pending { epoch, tracker, newest: link.clone(), rate, versions: vec![link] };
        self.pending = Some(self.apply(pending, ChainEvent::Submit));
    }

    /// Replaces the pending link when that helps; otherwise sends it again if the mempool dropped it.
    fn tend(&mut self, mut pending: Pending, market: FeeMarket) -> Pending {
        let weight = self.shape.weight(OtsForm::Split);
        let Some(rate) = self.policy.replacement_rate(pending.rate, market, weight) else {
            let dropped = self.mempool.is_none();
            return if dropped { self.apply(pending, ChainEvent::MissingFromMempool) } else { pending };
        };
        let earlier = pending.newest.transaction().clone();
        let link = self.builder(pending.epoch).build_replacement(&earlier, rate, self.policy.cap).unwrap();
        let link = link.sign(&keypair(1), &[7; 32]).unwrap();
        (pending.newest, pending.rate) = (link.clone(), rate);
        pending.versions.push(link.clone());
        self.apply(pending, ChainEvent::Replaced(link.transaction().clone()))
    }

    fn builder(&self, epoch: u32) -> LinkBuilder {
        LinkBuilder::new(self.seal, key(1), epoch_commitment(epoch)).shape(self.shape)
    }

    /// Applies an event after a restart, and carries out the effects.
    fn apply(&mut self, mut pending: Pending, event: ChainEvent) -> Pending {
        let restarted = LinkTracker::decode(&pending.tracker.encode()).unwrap();
        let transition = restarted.apply(event).unwrap();
        for effect in transition.effects {
            match effect {
                Effect::Broadcast(transaction) => self.mempool = Some((transaction, pending.rate)),
                Effect::BecameFinal { .. } => {}
                Effect::Undone { block } => panic!("undone at {}", block.height),
                Effect::Halt(reason) => panic!("{reason}"),
            }
        }
        pending.tracker = transition.next;
        pending
    }

    fn block(&mut self, height: u32) {
        let mined = self.mempool.take_if(|(_, rate)| *rate >= spot(height, self.peak)).map(|(link, _)| link);
        let Some(pending) = self.pending.take() else { return };
        let seal_spender = mined.as_ref().map(Transaction::compute_txid);
        let event = ChainEvent::BlockConnected { block: block(height), previous: hash(height - 1), seal_spender };
        let pending = self.apply(pending, event);
        if !matches!(pending.tracker.state(), LinkState::Mined { .. }) {
            self.pending = Some(pending);
            return;
        }
        let txid = seal_spender.unwrap();
        let link = pending.versions.iter().find(|link| link.transaction().compute_txid() == txid).unwrap();
        let cost = self.seal.value - link.seal().value;
        let late = height - pending.epoch * EPOCH_BLOCKS;
        self.latest = self.latest.max(late);
        self.mined.push((pending.epoch, link.transaction().clone(), cost, late));
        self.seal = link.seal();
    }

    /// Nothing is lost: every epoch has its one link, in order, in one chain, within the caps.
    fn check(&self) {
        let epochs: Vec<u32> = self.mined.iter().map(|(epoch, ..)| *epoch).collect();
        let closed: Vec<u32> = (1..=(END - 1) / EPOCH_BLOCKS).collect();
        let missing = closed.len() - epochs.len();
        assert_eq!(epochs, closed[..epochs.len()], "in order, none skipped");
        assert!(missing <= 1, "caught up, but for an epoch just closed: {missing} missing");
        let mut seal = OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 };
        for (epoch, link, cost, _) in &self.mined {
            seal = verify_link(link, seal, key(1), epoch_commitment(*epoch)).unwrap();
            assert!(*cost <= self.policy.link_cap + self.shape.side_outputs());
        }
    }
}

fn policy(cap: u32, link_cap: u64) -> FeePolicy {
    FeePolicy { floor: vb(1), cap: vb(cap), link_cap: Amount::from_sat(link_cap) }
}

#[test]
fn a_frugal_dao_waits_and_loses_nothing() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        let world = World::new(policy(100, 1_000_000), shape, 3_000).run();
        world.check();
        assert!(world.latest >= 290, "the spike was waited out: {}", world.latest);
        let dearest = world.mined.iter().map(|(_, _, cost, _)| *cost).max().unwrap();
        assert!(dearest <= Amount::from_sat(100 * 124 + 240), "{dearest}");
    }
}

#[test]
fn a_rich_dao_pays_and_is_never_late() {
    let world = World::new(policy(5_000, 1_000_000), LinkShape::Plain, 3_000).run();
    world.check();
    assert!(world.latest <= 4, "{}", world.latest);
    let dear = world.mined.iter().filter(|(_, _, cost, _)| *cost >= Amount::from_sat(3_000 * 111)).count();
    assert_eq!(dear, 300 / EPOCH_BLOCKS as usize);
}

#[test]
fn the_cap_per_link_holds_whatever_the_rate_may_be() {
    let world = World::new(policy(5_000, 20_000), LinkShape::Plain, 3_000).run();
    world.check();
    assert!(world.latest >= 290);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the peak and the caps, nothing is lost.
    #[test]
    fn no_spike_loses_an_epoch(peak in 1u32..5_000, cap in 2u32..6_000, link_cap in 300u64..1_000_000, anchored: bool) {
        let shape = if anchored { LinkShape::Anchored } else { LinkShape::Plain };
        World::new(policy(cap, link_cap), shape, peak).run().check();
    }

    /// From the floor to any cap there are fewer versions than are followed.
    #[test]
    fn a_climb_takes_few_versions(cap in 2u32..20_000, steps in 1u32..20_000) {
        let policy = policy(cap, u64::MAX);
        let mut paid = vb(1);
        let mut versions = 1;
        for wanted in (1..=cap).step_by(steps as usize).chain([cap, cap]) {
            let market = FeeMarket { estimate: Some(vb(wanted)), mempool_minimum: vb(1) };
            if let Some(rate) = policy.replacement_rate(paid, market, althing_anchor::LINK_WEIGHT) {
                prop_assert!(rate > paid && rate <= policy.cap);
                paid = rate;
                versions += 1;
            }
        }
        prop_assert!(versions <= althing_anchor::MAX_VERSIONS, "{} versions", versions);
    }
}
