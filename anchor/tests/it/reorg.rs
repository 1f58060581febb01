//! A link's life under reorganisations, evictions and restarts.

use althing_anchor::{
    BlockId, ChainEvent, Effect, HaltReason, LinkState, LinkTracker, MAX_VERSIONS, TrackerError, Transition,
};
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, Transaction, Txid};
use proptest::prelude::*;

use crate::support::{Story, commitment, signed, stranger};

const FINAL_DEPTH: u32 = 3;

/// A made-up block: the hash says height and branch.
fn block(height: u32, branch: u8) -> BlockId {
    let mut hash = [branch; 32];
    hash[..4].copy_from_slice(&height.to_be_bytes());
    BlockId { height, hash: BlockHash::from_byte_array(hash) }
}

fn link(sat_per_vb: u32) -> Transaction {
    let story = Story::with_links(0);
    signed(story.seal, 11, 12, commitment(1), sat_per_vb).transaction().clone()
}

/// Drives a tracker and keeps the blocks it was told about. Stores and reads it back between any two events.
struct Driver {
    tracker: LinkTracker,
    chain: Vec<BlockId>,
}

impl Driver {
    fn new(transaction: Transaction) -> Self {
        let tip = block(100, 0);
        Self { tracker: LinkTracker::new(transaction, tip, FINAL_DEPTH).unwrap(), chain: vec![tip] }
    }

    fn apply(&mut self, event: ChainEvent) -> Vec<Effect> {
        let Transition { next, effects } = self.tracker.apply(event).unwrap();
        self.tracker = LinkTracker::decode(&next.encode()).unwrap();
        assert_eq!(self.tracker, next);
        effects
    }

    fn connect(&mut self, branch: u8, seal_spender: Option<Txid>) -> Vec<Effect> {
        let previous = *self.chain.last().unwrap();
        let next = block(previous.height + 1, branch);
        self.chain.push(next);
        self.apply(ChainEvent::BlockConnected { block: next, previous: previous.hash, seal_spender })
    }

    fn disconnect(&mut self) -> Vec<Effect> {
        let removed = self.chain.pop().unwrap();
        let previous = self.chain.last().unwrap().hash;
        self.apply(ChainEvent::BlockDisconnected { block: removed, previous })
    }
}

#[test]
fn the_straight_way_to_final() {
    let transaction = link(1);
    let txid = transaction.compute_txid();
    let mut driver = Driver::new(transaction.clone());
    assert_eq!(driver.tracker.state(), LinkState::Built);
    assert_eq!(driver.apply(ChainEvent::Submit), [Effect::Broadcast(transaction)]);
    assert_eq!(driver.tracker.state(), LinkState::Broadcast);
    assert_eq!(driver.apply(ChainEvent::SeenInMempool), []);
    assert_eq!(driver.tracker.state(), LinkState::Seen);
    assert!(driver.tracker.is_unconfirmed());
    assert_eq!(driver.connect(0, None), []);
    assert_eq!(driver.connect(0, Some(txid)), []);
    let mined = block(102, 0);
    assert_eq!(driver.tracker.state(), LinkState::Mined { block: mined, txid });
    assert!(!driver.tracker.is_unconfirmed());
    assert_eq!((driver.connect(0, None), driver.tracker.depth()), (vec![], 2));
    assert_eq!(driver.connect(0, None), [Effect::BecameFinal { block: mined, txid }]);
    assert_eq!(driver.tracker.state(), LinkState::Final { block: mined, txid });
    // Late news about the mempool changes nothing; finality is told once.
    assert_eq!(driver.apply(ChainEvent::MissingFromMempool), []);
    assert_eq!(driver.apply(ChainEvent::Submit), []);
    assert_eq!(driver.connect(0, None), []);
    assert_eq!(driver.tracker.depth(), 4);
}

#[test]
fn a_reorg_brings_the_same_transaction_again() {
    let transaction = link(1);
    let txid = transaction.compute_txid();
    let mut driver = Driver::new(transaction.clone());
    driver.apply(ChainEvent::Submit);
    driver.connect(0, Some(txid));
    driver.connect(0, None);
    assert_eq!(driver.disconnect(), [], "the block above the link");
    assert_eq!(driver.tracker.depth(), 1);
    assert_eq!(driver.disconnect(), [Effect::Broadcast(transaction)]);
    assert_eq!((driver.tracker.state(), driver.tracker.depth()), (LinkState::Broadcast, 0));
    // The other branch has it one block later.
    assert_eq!(driver.connect(1, None), []);
    assert_eq!(driver.connect(1, Some(txid)), []);
    assert_eq!(driver.connect(1, None), []);
    assert_eq!(driver.connect(1, None), [Effect::BecameFinal { block: block(102, 1), txid }]);
}

#[test]
fn an_evicted_link_is_sent_again() {
    let transaction = link(1);
    let mut driver = Driver::new(transaction.clone());
    assert_eq!(driver.apply(ChainEvent::MissingFromMempool), [], "not sent yet");
    driver.apply(ChainEvent::Submit);
    driver.apply(ChainEvent::SeenInMempool);
    assert_eq!(driver.apply(ChainEvent::MissingFromMempool), [Effect::Broadcast(transaction)]);
    assert_eq!(driver.tracker.state(), LinkState::Broadcast);
}

#[test]
fn a_final_link_that_is_undone_comes_back_by_the_same_transaction() {
    let (slow, fast) = (link(1), link(9));
    let txid = slow.compute_txid();
    let mut driver = Driver::new(slow.clone());
    driver.apply(ChainEvent::Submit);
    driver.apply(ChainEvent::Replaced(fast));
    let mined = block(101, 0);
    // The version that pays less was mined.
    driver.connect(0, Some(txid));
    driver.connect(0, None);
    driver.connect(0, None);
    assert_eq!((driver.disconnect(), driver.disconnect()), (vec![], vec![]));
    assert_eq!(driver.tracker.state(), LinkState::Final { block: mined, txid }, "final stays final");
    // Exactly as deep as final: told, and sent again as it is.
    assert_eq!(driver.disconnect(), [Effect::Undone { block: mined }, Effect::Broadcast(slow)]);
    assert_eq!((driver.tracker.state(), driver.tracker.depth()), (LinkState::Broadcast, 0));
    assert!(driver.tracker.is_unconfirmed(), "no other link may be signed");
    // Mined again at another height, it is final again when it is as deep again.
    driver.connect(1, None);
    driver.connect(1, Some(txid));
    assert_eq!(driver.connect(1, None), []);
    let again = block(102, 1);
    assert_eq!(driver.connect(1, None), [Effect::BecameFinal { block: again, txid }]);
    // A longer one takes blocks below it away too.
    for _ in 0..2 {
        assert_eq!(driver.disconnect(), []);
    }
    assert!(matches!(driver.disconnect()[..], [Effect::Undone { block }, Effect::Broadcast(_)] if block == again));
    assert_eq!(driver.disconnect(), []);
}

#[test]
fn a_foreign_spender_halts_until_its_block_is_gone() {
    let transaction = link(1);
    let mut driver = Driver::new(transaction.clone());
    driver.apply(ChainEvent::Submit);
    let foreign = stranger(1).compute_txid();
    let reason = HaltReason::SealSpentElsewhere { block: block(101, 0), txid: foreign };
    assert_eq!(driver.connect(0, Some(foreign)), [Effect::Halt(reason)]);
    assert_eq!(driver.tracker.state(), LinkState::Halted(reason));
    // Nothing else leads out of it.
    driver.connect(0, None);
    assert_eq!(driver.apply(ChainEvent::Submit), []);
    assert_eq!(driver.apply(ChainEvent::MissingFromMempool), []);
    assert_eq!(driver.disconnect(), []);
    assert_eq!(driver.tracker.state(), LinkState::Halted(reason));
    assert_eq!(driver.disconnect(), [Effect::Broadcast(transaction.clone())]);
    driver.connect(1, Some(transaction.compute_txid()));
    assert_eq!(driver.tracker.depth(), 1);
    // After an undone link too: what spends the seal then ends the chain.
    driver.connect(1, None);
    driver.connect(1, None);
    for _ in 0..3 {
        driver.disconnect();
    }
    assert!(matches!(driver.connect(2, Some(foreign))[..], [Effect::Halt(HaltReason::SealSpentElsewhere { .. })]));
}

/// A folder that an earlier version stopped for good goes on.
#[test]
fn what_was_halted_before_is_sent_again() {
    let transaction = link(1);
    let mut driver = Driver::new(transaction);
    driver.apply(ChainEvent::Submit);
    let mut bytes = driver.tracker.encode();
    assert_eq!(bytes.pop(), Some(2), "broadcast");
    bytes.push(6);
    bytes.extend(101u32.to_be_bytes());
    bytes.extend([7; 32]);
    assert_eq!(LinkTracker::decode(&bytes).unwrap(), driver.tracker);
    bytes.pop();
    assert!(LinkTracker::decode(&bytes).is_err());
}

#[test]
fn either_version_may_be_mined() {
    let (slow, fast) = (link(1), link(9));
    for mined in [&slow, &fast] {
        let mut driver = Driver::new(slow.clone());
        assert_eq!(driver.apply(ChainEvent::Replaced(link(2))), [], "not sent yet, so nothing to send again");
        driver.apply(ChainEvent::Submit);
        assert_eq!(driver.apply(ChainEvent::Replaced(fast.clone())), [Effect::Broadcast(fast.clone())]);
        assert_eq!(driver.tracker.transaction(), &fast);
        assert_eq!(driver.connect(0, Some(mined.compute_txid())), []);
        let state = LinkState::Mined { block: block(101, 0), txid: mined.compute_txid() };
        assert_eq!(driver.tracker.state(), state);
        assert_eq!(driver.tracker.apply(ChainEvent::Replaced(link(10))), Err(TrackerError::AlreadyMined));
    }
}

#[test]
fn a_replacement_that_commits_to_something_else_is_refused() {
    let story = Story::with_links(0);
    let tracker = LinkTracker::new(link(1), block(100, 0), 6).unwrap();
    let other = signed(story.seal, 11, 12, commitment(2), 5).transaction().clone();
    let mut elsewhere = link(5);
    elsewhere.input[0].previous_output.vout = 1;
    let mut empty = link(5);
    empty.output.clear();
    for bad in [other, elsewhere, empty] {
        let txid = bad.compute_txid();
        let expected = TrackerError::NotAVersion { txid, seal: story.seal.outpoint };
        assert_eq!(tracker.apply(ChainEvent::Replaced(bad)), Err(expected));
    }
    let mut crowded = tracker;
    for sat_per_vb in 2..=MAX_VERSIONS as u32 {
        crowded = crowded.apply(ChainEvent::Replaced(link(sat_per_vb))).unwrap().next;
    }
    assert_eq!(crowded.apply(ChainEvent::Replaced(link(90))), Err(TrackerError::TooManyVersions));
}

#[test]
fn gaps_in_the_callers_view_are_errors() {
    let transaction = link(1);
    let txid = transaction.compute_txid();
    let tip = block(100, 0);
    let tracker = LinkTracker::new(transaction, tip, 6).unwrap();
    let connect = |tracker: &LinkTracker, id: BlockId, previous: BlockId, seal_spender| {
        tracker.apply(ChainEvent::BlockConnected { block: id, previous: previous.hash, seal_spender })
    };
    let far = block(102, 0);
    assert_eq!(connect(&tracker, far, tip, None), Err(TrackerError::NotOnTip { block: far, tip }));
    let next = block(101, 0);
    let fork = connect(&tracker, next, block(100, 1), None);
    assert_eq!(fork, Err(TrackerError::NotOnTip { block: next, tip }));
    let other = block(100, 1);
    let gone = tracker.apply(ChainEvent::BlockDisconnected { block: other, previous: block(99, 0).hash });
    assert_eq!(gone, Err(TrackerError::NotTheTip { block: other, tip }));
    let mined = connect(&tracker, next, tip, Some(txid)).unwrap().next;
    assert_eq!(connect(&mined, far, next, Some(txid)), Err(TrackerError::SpentTwice { txid }));
    let first = BlockId { height: 0, ..tip };
    let at_start = LinkTracker::new(link(1), first, 6).unwrap();
    let below = at_start.apply(ChainEvent::BlockDisconnected { block: first, previous: tip.hash });
    assert!(matches!(below, Err(TrackerError::NotTheTip { .. })));
    let last = BlockId { height: u32::MAX, ..tip };
    let at_end = LinkTracker::new(link(1), last, 6).unwrap();
    assert!(connect(&at_end, first, last, None).is_err());
    assert!(LinkTracker::new(link(1), tip, 0).is_err());
}

#[test]
fn impossible_stored_states_are_refused() {
    let transaction = link(1);
    let txid = transaction.compute_txid();
    let mut driver = Driver::new(transaction);
    driver.connect(0, Some(txid));
    let good = driver.tracker.encode();
    // The state is the last 69 bytes: number, height, block hash, transaction id.
    let state_at = good.len() - 69;
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        LinkTracker::decode(&bytes)
    };
    assert!(changed(state_at, 8).is_err(), "unknown state");
    assert!(changed(state_at, 0).is_err(), "state zero");
    assert!(changed(state_at + 4, 200).is_err(), "mined above the tip");
    assert!(changed(state_at + 4, 90).is_err(), "deep, yet not final");
    assert!(changed(good.len() - 1, good[good.len() - 1] ^ 1).is_err(), "mined transaction unknown");
    assert!(changed(0, 2).is_err(), "version");
    assert!(changed(4, 0).is_err(), "final depth zero");
    for length in 0..good.len() {
        assert!(LinkTracker::decode(&good[..length]).is_err(), "cut at {length}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Connect { with_link: bool },
    Disconnect,
    Seen,
    Missing,
    Submit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(|with_link| Step::Connect { with_link }),
        3 => Just(Step::Disconnect),
        1 => Just(Step::Seen),
        1 => Just(Step::Missing),
        1 => Just(Step::Submit),
    ]
}

/// The rules said again without a state machine: look at the whole chain after every step.
#[derive(Default)]
struct Model {
    /// Per block: does it hold the link?
    blocks: Vec<bool>,
    submitted: bool,
    became_final: Option<usize>,
}

impl Model {
    fn depth(&self) -> usize {
        self.blocks.iter().position(|holds| *holds).map_or(0, |at| self.blocks.len() - at)
    }

    /// After any change: has the link become final, or is its block gone?
    fn settle(&mut self) {
        let at = self.blocks.iter().position(|holds| *holds);
        match self.became_final {
            Some(block) if self.blocks.len() <= block => self.became_final = None,
            None if self.depth() >= FINAL_DEPTH as usize => self.became_final = at,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_naive_model(steps in proptest::collection::vec(step(), 1..60)) {
        let transaction = link(1);
        let txid = transaction.compute_txid();
        let mut driver = Driver::new(transaction.clone());
        let mut model = Model::default();
        for (number, step) in steps.into_iter().enumerate() {
            let was = (model.depth(), model.became_final);
            let effects = match step {
                Step::Connect { with_link } => {
                    // A valid chain spends the seal once.
                    let holds = with_link && model.depth() == 0;
                    model.blocks.push(holds);
                    driver.connect(number as u8, holds.then_some(txid))
                }
                Step::Disconnect if model.blocks.is_empty() => continue,
                Step::Disconnect => {
                    model.blocks.pop();
                    driver.disconnect()
                }
                Step::Seen => driver.apply(ChainEvent::SeenInMempool),
                Step::Missing => driver.apply(ChainEvent::MissingFromMempool),
                Step::Submit => {
                    model.submitted = true;
                    driver.apply(ChainEvent::Submit)
                }
            };
            model.settle();
            let state = driver.tracker.state();
            prop_assert!(!matches!(state, LinkState::Halted(_)));
            prop_assert_eq!(driver.tracker.depth() as usize, model.depth());
            prop_assert_eq!(matches!(state, LinkState::Final { .. }), model.became_final.is_some());
            prop_assert_eq!(driver.tracker.is_unconfirmed(), model.depth() == 0);
            let count = |kind: fn(&Effect) -> bool| effects.iter().filter(|effect| kind(effect)).count();
            let told_final = count(|effect| matches!(effect, Effect::BecameFinal { .. }));
            prop_assert_eq!(told_final == 1, was.1.is_none() && model.became_final.is_some());
            let undone = was.1.is_some() && model.became_final.is_none();
            prop_assert_eq!(count(|effect| matches!(effect, Effect::Undone { .. })) == 1, undone);
            let unmined = was.0 > 0 && model.depth() == 0;
            prop_assert!(!unmined || effects.last() == Some(&Effect::Broadcast(transaction.clone())));
            for effect in &effects {
                if let Effect::Broadcast(sent) = effect {
                    prop_assert_eq!(sent, &transaction);
                }
            }
        }
    }

    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = LinkTracker::decode(&bytes);
    }
}

/// a version that the network refused is not the one that waits, but it is still a version.
#[test]
fn a_refused_version_stands_behind_the_one_that_the_mempool_keeps() {
    let (first, better) = (link(1), link(5));
    let (kept, refused) = (first.compute_txid(), better.compute_txid());
    let mut driver = Driver::new(first.clone());
    driver.apply(ChainEvent::Submit);
    driver.apply(ChainEvent::SeenInMempool);
    for _ in 0..2 * MAX_VERSIONS {
        assert_eq!(driver.apply(ChainEvent::Replaced(better.clone())), [Effect::Broadcast(better.clone())]);
        assert_eq!(*driver.tracker.transaction(), better);
        assert_eq!(driver.apply(ChainEvent::Kept(kept)), []);
        assert_eq!((driver.tracker.transaction(), driver.tracker.state()), (&first, LinkState::Seen));
        assert_eq!(driver.tracker.versions().len(), 2);
    }
    // Of what is no version nothing is believed.
    assert_eq!(driver.apply(ChainEvent::Kept(stranger(0).compute_txid())), []);
    assert_eq!(*driver.tracker.transaction(), first);
    // Evicted, it is the one that is sent again.
    assert_eq!(driver.apply(ChainEvent::MissingFromMempool), [Effect::Broadcast(first)]);
    driver.connect(0, Some(refused));
    assert_eq!(driver.tracker.state(), LinkState::Mined { block: block(101, 0), txid: refused });
    assert_eq!(driver.apply(ChainEvent::Kept(kept)), []);
    assert_eq!(driver.tracker.counted().compute_txid(), refused);
}
