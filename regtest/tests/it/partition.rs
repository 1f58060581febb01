//! Two nodes apart and together again.

use std::time::Duration;

use althing_regtest::bitcoin::Amount;
use althing_regtest::{Error, Node};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_longer_branch_wins_after_a_partition() {
    let (alice, bob) = (Node::start().unwrap(), Node::start().unwrap());
    alice.connect(&bob).unwrap();
    let coin = alice.fund(&bob.miner_address(), Amount::from_sat(80_000)).unwrap();
    Node::wait_same_tip(&[&alice, &bob], PATIENCE).unwrap();
    assert!(bob.inclusion(&coin.txid).unwrap().is_some());

    alice.disconnect(&bob).unwrap();
    let common = alice.tip().unwrap().height;
    alice.mine(2).unwrap();
    bob.mine(3).unwrap();
    assert_ne!(alice.block_hash(common + 1).unwrap(), bob.block_hash(common + 1).unwrap());
    let short = Duration::from_millis(300);
    let error = Node::wait_same_tip(&[&alice, &bob], short).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");

    // Connected the other way round this time.
    bob.connect(&alice).unwrap();
    Node::wait_same_tip(&[&alice, &bob], PATIENCE).unwrap();
    assert_eq!(alice.tip().unwrap().height, common + 3);
    bob.disconnect(&alice).unwrap();
}

#[test]
fn a_reorg_at_one_node_reaches_the_others() {
    let nodes = [Node::start().unwrap(), Node::start().unwrap(), Node::start().unwrap()];
    let all = [&nodes[0], &nodes[1], &nodes[2]];
    nodes[0].connect(&nodes[1]).unwrap();
    nodes[1].connect(&nodes[2]).unwrap();
    nodes[0].mine(5).unwrap();
    Node::wait_same_tip(&all, PATIENCE).unwrap();
    nodes[1].reorg(2, 3).unwrap();
    nodes[2].wait_height(6, PATIENCE).unwrap();
    Node::wait_same_tip(&all, PATIENCE).unwrap();
}

#[test]
fn transactions_travel_between_mempools() {
    let (alice, bob) = (Node::start().unwrap(), Node::start().unwrap());
    alice.connect(&bob).unwrap();
    alice.mine(101).unwrap();
    Node::wait_same_tip(&[&alice, &bob], PATIENCE).unwrap();
    let coin = alice.pay(&bob.miner_address(), Amount::from_sat(5_000)).unwrap();
    bob.wait_mempool(&coin.txid, PATIENCE).unwrap();
}
