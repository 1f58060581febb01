//! Blocks come and go: the monitor shows what the chain shows, whatever was in blocks that are gone.

use althing_channels::fees::{FeeMarket, fee};
use althing_channels::monitor::{
    Action, BlockId, ClaimState, Monitor, MonitorError, SpendKind, Stage, commitment_number,
};
use althing_channels::{Side, funding_output};
use bitcoin::{FeeRate, OutPoint, Transaction, Weight};
use proptest::prelude::*;

use crate::breach::market;
use crate::ended::{BALANCES, Ended, LIVE, block, foreign_script, mine};

/// A transaction that can end the channel, what it is to this side, and those that can follow.
struct Ending {
    kind: SpendKind,
    transaction: Transaction,
    followers: Vec<Follower>,
}

/// A transaction that spends an output of an ending.
struct Follower {
    /// By this side, or for it; otherwise by the peer.
    own: bool,
    transaction: Transaction,
}

fn universe(ended: &Ended) -> Vec<Ending> {
    let (own, peer) = (ended.side, ended.side.other());
    let ending = |kind, transaction, by_own: Vec<Transaction>, by_peer: Vec<Transaction>| {
        let own = by_own.into_iter().map(|transaction| Follower { own: true, transaction });
        let peer = by_peer.into_iter().map(|transaction| Follower { own: false, transaction });
        Ending { kind, transaction, followers: own.chain(peer).collect() }
    };
    vec![
        ending(SpendKind::CooperativeClose, ended.close(300), vec![], vec![]),
        ending(
            SpendKind::OwnCommitment { number: LIVE },
            ended.commitment(own, LIVE),
            vec![ended.sweep_local(own, LIVE)],
            vec![ended.sweep_remote(peer, LIVE)],
        ),
        ending(
            SpendKind::PeerCommitment { number: LIVE },
            ended.commitment(peer, LIVE),
            vec![ended.sweep_remote(own, LIVE)],
            vec![ended.sweep_local(peer, LIVE)],
        ),
        ending(
            SpendKind::PeerRevoked { number: 2 },
            ended.commitment(peer, 2),
            vec![ended.justice(2), ended.sweep_remote(own, 2)],
            vec![ended.sweep_local(peer, 2)],
        ),
        ending(
            SpendKind::PeerAhead { number: LIVE + 2 },
            ended.commitment(peer, LIVE + 2),
            vec![ended.sweep_remote(own, LIVE + 2)],
            vec![],
        ),
        ending(SpendKind::OwnRevoked { number: 1 }, ended.commitment(own, 1), vec![ended.sweep_local(own, 1)], vec![]),
    ]
}

/// What a step of the chain does.
#[derive(Clone, Debug)]
enum Step {
    /// A block with the ending of this index, if the funding is unspent, and followers of these indices.
    Mine { ending: Option<prop::sample::Index>, followers: Vec<prop::sample::Index> },
    /// This many blocks are undone.
    Undo(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (prop::option::of(any::<prop::sample::Index>()), prop::collection::vec(any::<prop::sample::Index>(), 0..3))
            .prop_map(|(ending, followers)| Step::Mine { ending, followers }),
        1 => (1usize..6).prop_map(Step::Undo),
    ]
}

/// A chain as plain blocks, and what is spent in it.
#[derive(Default)]
struct Chain {
    blocks: Vec<(BlockId, Vec<Transaction>)>,
    branch: u32,
}

impl Chain {
    fn tip(&self) -> BlockId {
        self.blocks.last().map_or(block(0, 100), |(id, _)| *id)
    }

    fn spent_by(&self, outpoint: OutPoint) -> Option<(u32, &Transaction)> {
        self.blocks.iter().find_map(|(id, transactions)| {
            let spends = |tx: &&Transaction| tx.input.iter().any(|input| input.previous_output == outpoint);
            transactions.iter().find(spends).map(|tx| (id.height, tx))
        })
    }

    fn holds(&self, txid: bitcoin::Txid) -> bool {
        self.blocks.iter().flat_map(|(_, transactions)| transactions).any(|tx| tx.compute_txid() == txid)
    }
}

fn mine_step(
    chain: &mut Chain,
    funding: OutPoint,
    universe: &[Ending],
    ending: Option<prop::sample::Index>,
    followers: &[prop::sample::Index],
) {
    chain.branch += 1;
    let id = block(chain.branch, chain.tip().height + 1);
    chain.blocks.push((id, vec![]));
    if let Some(ending) = ending
        && chain.spent_by(funding).is_none()
    {
        chain.blocks.last_mut().unwrap().1.push(ending.get(universe).transaction.clone());
    }
    let Some(ended) = universe.iter().find(|ending| chain.holds(ending.transaction.compute_txid())) else { return };
    for index in followers.iter().filter(|_| !ended.followers.is_empty()) {
        let follower = &index.get(&ended.followers).transaction;
        if follower.input.iter().all(|input| chain.spent_by(input.previous_output).is_none()) {
            chain.blocks.last_mut().unwrap().1.push(follower.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_monitor_is_a_function_of_the_chain(steps in prop::collection::vec(step(), 1..40), hub in any::<bool>()) {
        let ended = Ended::new(if hub { Side::Hub } else { Side::Member });
        let funding = ended.context().funding;
        let universe = universe(&ended);
        let mut chain = Chain::default();
        let mut monitor = Monitor::new(chain.tip());
        let fundings = ended.watch().outpoints();
        for step in steps {
            match step {
                Step::Mine { ending, followers } => {
                    let below = chain.tip();
                    mine_step(&mut chain, funding, &universe, ending, &followers);
                    let (id, transactions) = chain.blocks.last().unwrap();
                    monitor.apply_block(*id, below.hash, transactions, &fundings).unwrap();
                }
                Step::Undo(count) => {
                    let left = chain.blocks.len().saturating_sub(count);
                    chain.blocks.truncate(left);
                    monitor.disconnect_to(chain.tip()).unwrap();
                }
            }
            // Bids outlive reorganisations, so they are made on a copy; what is stored is what is compared.
            let _ = Monitor::decode(&monitor.encode()).unwrap().actions(&ended.watch(), &market());
            prop_assert_eq!(&Monitor::decode(&monitor.encode()).unwrap(), &monitor);

            // Recomputed from the blocks alone.
            let mut fresh = Monitor::new(block(0, 100));
            for (id, transactions) in &chain.blocks {
                let below = fresh.tip().hash;
                fresh.apply_block(*id, below, transactions, &fundings).unwrap();
            }
            prop_assert_eq!(&fresh, &monitor);

            // And by an oracle that knows which transaction it put where.
            let end = monitor.end(&ended.watch());
            let Some((height, ending)) = chain.spent_by(funding) else {
                prop_assert_eq!(end, None);
                continue;
            };
            let end = end.unwrap();
            let Ending { kind, followers, .. } = universe.iter().find(|known| known.transaction == *ending).unwrap();
            prop_assert_eq!((end.kind, end.height), (*kind, height));
            for claim in &end.claims {
                let expected = chain.spent_by(claim.outpoint).map(|(height, tx)| {
                    let by = followers.iter().find(|follower| follower.transaction == *tx).unwrap();
                    (by.own, tx.compute_txid(), height)
                });
                let found = match claim.state {
                    ClaimState::Open => None,
                    ClaimState::Taken { txid, height } => Some((true, txid, height)),
                    ClaimState::Lost { txid, height } => Some((false, txid, height)),
                };
                prop_assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn blocks_out_of_order_are_refused() {
    let ended = Ended::new(Side::Member);
    let mut monitor = Monitor::new(block(0, 100));
    let fundings = ended.watch().outpoints();
    for (next, prev) in [(block(0, 102), block(0, 100)), (block(0, 101), block(1, 100)), (block(0, 100), block(0, 100))]
    {
        let refusal = monitor.apply_block(next, prev.hash, [], &fundings);
        let expected = MonitorError::NotNext { block: next, prev: prev.hash, tip: block(0, 100) };
        assert_eq!(refusal, Err(expected));
    }
    let refusal = monitor.disconnect_to(block(0, 101));
    assert_eq!(refusal, Err(MonitorError::NotBelow { to: 101, from: 100 }));
    assert_eq!(monitor.tip(), block(0, 100));
}

#[test]
fn a_close_that_is_undone_is_broadcast_again_at_no_lower_rate() {
    let mut ended = Ended::new(Side::Member);
    let commitment = ended.commitment(Side::Member, LIVE);
    ended.signed = Some(commitment.clone());
    let mut monitor = Monitor::new(block(0, 100));
    let mut last = None;
    let broadcast = |monitor: &mut Monitor, ended: &Ended| match monitor.actions(&ended.watch(), &market()).as_slice() {
        [Action::Broadcast { commitment, rate }] => (commitment.clone(), *rate),
        other => panic!("{other:?}"),
    };
    for _ in 0..100 {
        let (same, rate) = broadcast(&mut monitor, &ended);
        assert_eq!(same, commitment);
        assert!(last.is_none_or(|last| rate >= last));
        last = Some(rate);
        mine(&mut monitor, &ended, &[]);
    }
    let below = monitor.tip();
    mine(&mut monitor, &ended, &[&commitment]);
    assert_eq!(monitor.actions(&ended.watch(), &market()), [], "the lock has not ended");
    monitor.disconnect_to(below).unwrap();
    let (same, rate) = broadcast(&mut monitor, &ended);
    assert_eq!(same, commitment);
    assert!(Some(rate) >= last);
}

/// C-76: at most half of the own part, or what is urgent where that is little.
#[test]
fn a_close_alone_costs_no_more_than_half_of_what_it_brings() {
    let rate = FeeRate::from_sat_per_vb_u32;
    let (members, hubs) = (BALANCES.member_sat, BALANCES.hub_sat);
    let urgent_sat = 320 * 2_000;
    for (side, urgent, most_sat) in
        [(Side::Member, 20, members / 2), (Side::Hub, 20, hubs / 2), (Side::Hub, 2_000, urgent_sat)]
    {
        let market = FeeMarket { cap: rate(50_000), urgent: rate(urgent), ..market() };
        let mut ended = Ended::new(side);
        ended.signed = Some(ended.commitment(side, LIVE));
        let mut monitor = Monitor::new(block(0, 100));
        let mut paid_sat = 0;
        for _ in 0..160 {
            let actions = monitor.actions(&ended.watch(), &market);
            let [Action::Broadcast { rate, .. }] = actions.as_slice() else { panic!("{actions:?}") };
            paid_sat = fee(*rate, Weight::from_wu(4 * 320)).to_sat();
            mine(&mut monitor, &ended, &[]);
        }
        // A raise that would be less than what replaces is left out; the anchor's share counts as the own part's.
        assert!(paid_sat <= most_sat + 120 && paid_sat + 640 > most_sat, "{side:?}: {paid_sat} of {most_sat} sat");
    }
}

#[test]
fn own_part_is_swept_in_the_first_block_that_can_hold_it() {
    let ended = Ended::new(Side::Member);
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&ended.commitment(Side::Member, LIVE)]);
    // In the block at 101; BIP68 lets 101 + 144 hold the sweep, so it is broadcast when 244 is the tip.
    while monitor.tip().height < 243 {
        mine(&mut monitor, &ended, &[]);
        assert_eq!(monitor.actions(&ended.watch(), &market()), []);
    }
    mine(&mut monitor, &ended, &[]);
    let actions = monitor.actions(&ended.watch(), &market());
    let [Action::SweepDelayed { number, claim, .. }] = actions.as_slice() else { panic!("{actions:?}") };
    assert_eq!((*number, claim.output.value.to_sat()), (LIVE, BALANCES.member_sat));
    mine(&mut monitor, &ended, &[&ended.sweep_local(Side::Member, LIVE)]);
    assert_eq!(monitor.end(&ended.watch()).unwrap().stage(monitor.tip().height), Stage::Final);
}

#[test]
fn what_nobody_signed_knowingly_is_called_unknown() {
    let ended = Ended::new(Side::Member);
    let mut stranger = ended.close(300);
    stranger.output[0].script_pubkey = foreign_script();
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&stranger]);
    assert_eq!(monitor.end(&ended.watch()).unwrap().kind, SpendKind::Unknown);
}

#[test]
fn a_splice_ends_nothing_and_its_funding_is_watched() {
    let mut ended = Ended::new(Side::Member);
    let mut splice = ended.close(300);
    splice.output.truncate(1);
    let mut next = *ended.context();
    next.funding = OutPoint { txid: splice.compute_txid(), vout: 0 };
    ended.fundings.push(next);
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&splice]);
    assert_eq!(monitor.end(&ended.watch()), None);
    let mut spend = ended.commitment(Side::Hub, LIVE);
    spend.input[0].previous_output = next.funding;
    mine(&mut monitor, &ended, &[&spend]);
    let end = monitor.end(&ended.watch()).unwrap();
    assert_eq!((end.funding, end.kind), (next.funding, SpendKind::PeerCommitment { number: LIVE }));
}

/// C-72: a side that forgot a splice with its disk knows the output by both keys.
#[test]
fn a_splice_that_was_forgotten_ends_nothing_either() {
    let ended = Ended::new(Side::Member);
    let mut splice = ended.close(300);
    splice.output[0].script_pubkey = funding_output(ended.context()).script_pubkey;
    let mut monitor = Monitor::new(block(0, 100));
    mine(&mut monitor, &ended, &[&splice]);
    assert_eq!(monitor.end(&ended.watch()), None);
}

#[test]
fn numbers_are_read_back_from_every_commitment() {
    let ended = Ended::new(Side::Member);
    for number in [0, 1, LIVE, (1 << 24) - 1, 1 << 24, (1 << 48) - 1] {
        for side in [Side::Member, Side::Hub] {
            assert_eq!(commitment_number(ended.context(), &ended.commitment(side, number)), Some(number));
        }
    }
    assert_eq!(commitment_number(ended.context(), &ended.close(300)), None);
}
