//! Hazard: a peer that floods the hub makes everybody else wait. Work is counted, not timed.

use std::collections::VecDeque;

use althing_node::peer_budget::{PEER_MESSAGES, PeerBudget};
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use proptest::prelude::*;

fn peer(number: u8) -> PublicKey {
    PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[number; 32]).unwrap())
}

/// What an engine does: it takes messages in their order, and each costs one.
struct Engine {
    budget: PeerBudget,
    queue: VecDeque<PublicKey>,
}

impl Engine {
    fn new() -> Self {
        Self { budget: PeerBudget::default(), queue: VecDeque::new() }
    }

    fn offer(&mut self, from: PublicKey) -> bool {
        let admitted = self.budget.admit(from);
        if admitted {
            self.queue.push_back(from);
        }
        admitted
    }

    /// Messages handled until the last one of `peer` is.
    fn work_until_answered(&mut self, peer: &PublicKey) -> usize {
        let mut work = 0;
        while self.queue.contains(peer) {
            let from = self.queue.pop_front().unwrap();
            self.budget.handled(&from);
            work += 1;
        }
        work
    }
}

#[test]
fn a_flood_is_bounded_however_long_it_is() {
    let (honest, flooding) = (peer(1), peer(2));
    let mut engine = Engine::new();
    let admitted = (0..1_000_000).filter(|_| engine.offer(flooding)).count();
    assert_eq!(admitted, PEER_MESSAGES);
    assert!(engine.offer(honest), "the flood is not the honest peer's");
    // Its answer waits for what one peer may have waiting, and for nothing more.
    assert_eq!(engine.work_until_answered(&honest), PEER_MESSAGES + 1);
    assert_eq!(engine.budget.peers(), 0, "what was handled is forgotten");
}

#[test]
fn a_slow_peer_costs_nobody_anything() {
    let (honest, slow) = (peer(1), peer(2));
    let mut engine = Engine::new();
    assert!(engine.offer(slow));
    for _ in 0..10 {
        assert!(engine.offer(honest));
        assert!(engine.work_until_answered(&honest) <= 2);
    }
}

proptest! {
    #[test]
    fn an_honest_message_waits_for_at_most_one_budget_of_each_other(
        offers in proptest::collection::vec((2u8..6, 1usize..600), 1..30),
        handled in proptest::collection::vec(0usize..400, 30),
    ) {
        let honest = peer(1);
        let mut engine = Engine::new();
        for ((from, count), rest) in offers.into_iter().zip(handled) {
            let from = peer(from);
            for _ in 0..count {
                engine.offer(from);
            }
            prop_assert!(engine.offer(honest));
            prop_assert!(engine.queue.len() <= 4 * PEER_MESSAGES + 1);
            prop_assert!(engine.work_until_answered(&honest) <= 4 * PEER_MESSAGES + 1);
            for _ in 0..rest {
                let Some(from) = engine.queue.pop_front() else { break };
                engine.budget.handled(&from);
            }
        }
        while let Some(from) = engine.queue.pop_front() {
            engine.budget.handled(&from);
        }
        prop_assert_eq!(engine.budget.peers(), 0);
    }
}
