//! Hazard: a peer that floods the hub makes everybody else wait. Work is counted, not timed; e2e::peer_flood takes the times.

use std::collections::VecDeque;

use althing_channels::wire::LogFetch;
use althing_channels::{
    Channel, ChannelKeys, ChannelParams, ChannelSeed, DaoId, Effect, HUB_CSV_BLOCKS, MEMBER_CSV_BLOCKS, Msg, NetworkId,
    OpeningId,
};
use althing_node::peer_budget::{Admitted, PEER_MESSAGES, PEER_TURN, PeerBudget};
use althing_node::peers::PeerEvent;
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use proptest::prelude::*;

fn peer(number: u8) -> PublicKey {
    PublicKey::from_secret_key(&Secp256k1::new(), &SecretKey::from_slice(&[number; 32]).unwrap())
}

/// What an engine does: it goes to the peers in the order in which it was called, and each message costs one.
struct Engine {
    budget: PeerBudget,
    calls: VecDeque<PublicKey>,
    offered: u64,
}

impl Engine {
    fn new() -> Self {
        Self { budget: PeerBudget::default(), calls: VecDeque::new(), offered: 0 }
    }

    /// Offers a message, which names how many were offered before it.
    fn offer(&mut self, from: PublicKey) -> bool {
        let message = Msg::LogFetch(LogFetch { from_position: self.offered });
        self.offered += 1;
        self.take(PeerEvent::Message(from, Box::new(message)))
    }

    fn take(&mut self, event: PeerEvent) -> bool {
        let (PeerEvent::Up(from) | PeerEvent::Down(from) | PeerEvent::Message(from, _)) = event;
        let admitted = self.budget.admit(event);
        if admitted == Admitted::Call {
            self.calls.push_back(from);
        }
        admitted != Admitted::Dropped
    }

    /// Handles one batch: all that are called, once; who has more is called again.
    fn batch(&mut self) -> Vec<PeerEvent> {
        let mut handled = Vec::new();
        for from in std::mem::take(&mut self.calls) {
            let turn = self.budget.turn(&from, true);
            handled.extend(turn.events);
            if turn.is_more {
                self.calls.push_back(from);
            }
        }
        handled
    }

    /// Handles everything, and returns it.
    fn rest(&mut self) -> Vec<PeerEvent> {
        let mut handled = Vec::new();
        while !self.calls.is_empty() {
            handled.extend(self.batch());
        }
        handled
    }
}

fn is_of(event: &PeerEvent, wanted: PublicKey) -> bool {
    matches!(event, PeerEvent::Message(from, _) if *from == wanted)
}

#[test]
fn a_flood_is_bounded_however_long_it_is() {
    let (honest, flooding) = (peer(1), peer(2));
    let mut engine = Engine::new();
    let admitted = (0..100_000).filter(|_| engine.offer(flooding)).count();
    assert_eq!(admitted, PEER_MESSAGES);
    assert!(engine.offer(honest), "the flood is not the honest peer's");
    // Its answer waits for one turn of the flood, and for nothing more.
    let first = engine.batch();
    assert_eq!(first.len(), PEER_TURN + 1);
    assert!(is_of(&first[PEER_TURN], honest));
    assert_eq!(engine.rest().len(), PEER_MESSAGES - PEER_TURN);
    assert_eq!(engine.budget.peers(), 0, "what was handled is forgotten");
}

#[test]
fn a_slow_peer_costs_nobody_anything() {
    let (honest, slow) = (peer(1), peer(2));
    let mut engine = Engine::new();
    assert!(engine.offer(slow));
    for _ in 0..10 {
        assert!(engine.offer(honest));
        assert!(engine.batch().len() <= 2);
    }
}

#[test]
fn one_opening_between_two_commits_in_turn() {
    let mut engine = Engine::new();
    let abusers: Vec<PublicKey> = (1..=3).map(peer).collect();
    for abuser in &abusers {
        for _ in 0..2 {
            assert!(engine.take(PeerEvent::Message(*abuser, Box::new(opening()))));
        }
    }
    let mut opened = Vec::new();
    for _ in 0..6 {
        let (mut may_open, mut called) = (true, Vec::new());
        for from in std::mem::take(&mut engine.calls) {
            let turn = engine.budget.turn(&from, may_open);
            assert_eq!(turn.events.len(), usize::from(turn.opens));
            may_open &= !turn.opens;
            opened.extend(turn.opens.then_some(from));
            if turn.is_more {
                called.push((turn.opens, from));
            }
        }
        called.sort_by_key(|(has_opened, _)| *has_opened);
        engine.calls = called.into_iter().map(|(_, from)| from).collect();
    }
    assert_eq!(opened, [abusers.clone(), abusers].concat());
    assert_eq!(engine.budget.peers(), 0);
}

fn opening() -> Msg {
    let params = ChannelParams {
        network: NetworkId([1; 32]),
        dao: DaoId([2; 32]),
        member_sat: 50_000,
        hub_sat: 0,
        member_csv_blocks: MEMBER_CSV_BLOCKS,
        hub_csv_blocks: HUB_CSV_BLOCKS,
    };
    let keys = ChannelKeys::new(ChannelSeed::new([9; 32]));
    let (_, effects) = Channel::member_open(keys, OpeningId([3; 32]), params).unwrap();
    let message = effects.into_iter().find_map(|effect| match effect {
        Effect::Send(message @ Msg::OpenStake(_)) => Some(message),
        _ => None,
    });
    message.unwrap()
}

#[test]
fn that_a_peer_goes_is_told_behind_what_it_said() {
    let leaving = peer(1);
    let mut engine = Engine::new();
    assert!(engine.take(PeerEvent::Up(leaving)));
    while engine.offer(leaving) {}
    assert!(engine.take(PeerEvent::Down(leaving)) && engine.take(PeerEvent::Up(leaving)));
    let told = engine.rest();
    assert!(matches!(told.first(), Some(PeerEvent::Up(_))) && matches!(told.last(), Some(PeerEvent::Up(_))));
    assert!(matches!(told[told.len() - 2], PeerEvent::Down(_)));
    assert_eq!(told.len(), PEER_MESSAGES + 2);
}

proptest! {
    #[test]
    fn an_honest_message_waits_for_at_most_one_turn_of_each_other(
        offers in proptest::collection::vec((1usize..5, 1usize..600), 1..30),
        batches in proptest::collection::vec(0usize..100, 30),
    ) {
        let peers: [PublicKey; 5] = std::array::from_fn(|at| peer(1 + at as u8));
        let honest = peers[0];
        let mut engine = Engine::new();
        let mut last = [None; 5];
        for ((number, count), rest) in offers.into_iter().zip(batches) {
            for _ in 0..count {
                engine.offer(peers[number]);
            }
            prop_assert!(engine.offer(honest));
            let first = engine.batch();
            prop_assert!(first.iter().any(|event| is_of(event, honest)));
            prop_assert!(first.len() <= 4 * PEER_TURN + 1);
            let mut handled = first;
            for _ in 0..rest {
                handled.extend(engine.batch());
            }
            // Whoever speaks is heard in its own order.
            for event in &handled {
                let PeerEvent::Message(from, message) = event else { unreachable!() };
                let Msg::LogFetch(LogFetch { from_position }) = **message else { unreachable!() };
                let of = peers.iter().position(|peer| peer == from).unwrap();
                prop_assert!(last[of] < Some(from_position));
                last[of] = Some(from_position);
            }
        }
        engine.rest();
        prop_assert_eq!(engine.budget.peers(), 0);
    }
}
