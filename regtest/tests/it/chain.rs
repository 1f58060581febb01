//! Blocks made and unmade, headers, inclusion.

use althing_regtest::bitcoin::block::Header;
use althing_regtest::bitcoin::consensus::deserialize;
use althing_regtest::bitcoin::{Amount, BlockHash, Network, Txid, constants, merkle_tree};
use althing_regtest::{Error, Node};

#[test]
fn mining_raises_the_tip_and_returns_the_hashes() {
    let node = Node::start().unwrap();
    let hashes = node.mine(120).unwrap();
    assert_eq!(hashes.len(), 120);
    assert_eq!(node.tip().unwrap().height, 120);
    assert_eq!(node.tip().unwrap().hash, hashes[119]);
    assert_eq!(node.block_hash(1).unwrap(), hashes[0]);
}

#[test]
fn a_reorg_replaces_blocks_and_confirms_their_transactions_again() {
    let node = Node::start().unwrap();
    let coin = node.fund(&node.miner_address(), Amount::from_sat(50_000)).unwrap();
    let before = node.tip().unwrap();
    let old = node.inclusion(&coin.txid).unwrap().unwrap();

    let new = node.reorg(1, 2).unwrap();

    assert_eq!(new.len(), 2);
    assert_eq!(node.tip().unwrap().height, before.height + 1);
    let found = node.inclusion(&coin.txid).unwrap().unwrap();
    assert_eq!((found.block_hash, found.height, found.depth), (new[0], old.height, 2));
    assert_ne!(found.block_hash, old.block_hash);
    // The old branch lost by its work only: it may still win it back.
    let tips = node.call("getchaintips", &[]).unwrap();
    assert!(!tips.to_string().contains("\"invalid\""), "{tips}");
}

#[test]
fn an_empty_reorg_takes_confirmations_away() {
    let node = Node::start().unwrap();
    let coin = node.fund(&node.miner_address(), Amount::from_sat(50_000)).unwrap();
    node.mine(2).unwrap();

    node.reorg_empty(3, 4).unwrap();
    assert_eq!(node.inclusion(&coin.txid).unwrap(), None);
    assert_eq!(node.mempool().unwrap(), vec![coin.txid]);
    assert!(node.mempool_entry(&coin.txid).unwrap().is_some());

    node.mine_empty(1).unwrap();
    assert_eq!(node.mempool().unwrap(), vec![coin.txid]);
    node.mine(1).unwrap();
    assert_eq!(node.inclusion(&coin.txid).unwrap().unwrap().depth, 1);
    assert_eq!(node.mempool_entry(&coin.txid).unwrap(), None);
}

#[test]
fn the_same_block_reorganised_again_and_again_gives_ever_new_blocks() {
    let node = Node::start().unwrap();
    node.mine(5).unwrap();
    let mut seen = vec![node.tip().unwrap().hash];
    for _ in 0..5 {
        let new = node.reorg(1, 1).unwrap();
        assert!(!seen.contains(&new[0]));
        seen.extend(new);
        assert_eq!(node.tip().unwrap().height, 5);
    }
}

#[test]
fn a_reorg_below_genesis_is_refused() {
    let node = Node::start().unwrap();
    node.mine(2).unwrap();
    for depth in [0, 3] {
        let error = node.reorg(depth, 1).unwrap_err();
        assert!(matches!(error, Error::ReorgDepth { height: 2, .. }), "{error:?}");
    }
    assert_eq!(node.tip().unwrap().height, 2);
}

#[test]
fn invalidate_and_reconsider_are_opposites() {
    let node = Node::start().unwrap();
    let hashes = node.mine(3).unwrap();
    node.invalidate(&hashes[1]).unwrap();
    assert_eq!(node.tip().unwrap().height, 1);
    node.reconsider(&hashes[1]).unwrap();
    assert_eq!(node.tip().unwrap().hash, hashes[2]);
}

#[test]
fn exported_headers_are_the_chain() {
    let node = Node::start().unwrap();
    let hashes = node.mine(12).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headers");
    assert_eq!(node.export_headers(&file).unwrap(), 13);

    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(bytes.len(), 13 * 80);
    let headers: Vec<Header> = bytes.chunks(80).map(|chunk| deserialize(chunk).unwrap()).collect();
    assert_eq!(headers[0], constants::genesis_block(Network::Regtest).header);
    let exported: Vec<BlockHash> = headers[1..].iter().map(Header::block_hash).collect();
    assert_eq!(exported, hashes);
}

#[test]
fn inclusion_carries_what_a_proof_needs() {
    let node = Node::start().unwrap();
    node.mine(105).unwrap();
    let coins: Vec<_> = (0..3).map(|_| node.pay(&node.miner_address(), Amount::from_sat(9_000)).unwrap()).collect();
    node.mine(1).unwrap();
    for coin in coins {
        let found = node.inclusion(&coin.txid).unwrap().unwrap();
        assert_eq!(found.height, 106);
        assert_eq!(found.txids.len(), 4);
        assert_eq!(found.txids[found.position], coin.txid);
        assert_eq!(found.transaction.compute_txid(), coin.txid);
        let root = merkle_tree::calculate_root(found.txids.iter().map(|id| id.to_raw_hash())).unwrap();
        assert_eq!(root, found.header.merkle_root.to_raw_hash());
    }
    let unknown: Txid = "11".repeat(32).parse().unwrap();
    assert_eq!(node.inclusion(&unknown).unwrap(), None);
}

#[test]
fn block_times_follow_the_mocked_clock() {
    let node = Node::start().unwrap();
    node.mock_time(Some(1_900_000_000)).unwrap();
    let hash = node.mine(1).unwrap()[0];
    assert_eq!(node.header(&hash).unwrap().time, 1_900_000_000);
}
