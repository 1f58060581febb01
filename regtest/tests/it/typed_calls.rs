//! The typed calls of the client crate, written against older versions of bitcoind, that this project may use.
//!
//! Not among them: `get_mempool_entry`, `get_raw_mempool_verbose` and (with a peer) `get_peer_info` want fields that
//! bitcoind 31 no longer sends; [`Node::mempool_entry`] and [`Node::call`] give the raw answers.

use althing_regtest::bitcoin::Amount;
use althing_regtest::bitcoincore_rpc::RpcApi;
use althing_regtest::{Node, NodeConfig};

#[test]
fn typed_calls_parse_this_bitcoinds_answers() {
    let node = Node::start_with(NodeConfig::default().block_filters()).unwrap();
    let confirmed = node.fund(&node.miner_address(), Amount::from_sat(20_000)).unwrap();
    let waiting = node.pay(&node.miner_address(), Amount::from_sat(10_000)).unwrap();
    let tip = node.tip().unwrap().hash;
    let rpc = node.rpc().unwrap();
    let transaction = rpc.get_raw_transaction(&waiting.txid, None).unwrap();

    let outcomes: [(&str, Result<(), _>); 16] = [
        ("getblockchaininfo", rpc.get_blockchain_info().map(drop)),
        ("getnetworkinfo", rpc.get_network_info().map(drop)),
        ("getmempoolinfo", rpc.get_mempool_info().map(drop)),
        ("getrawtransaction verbose", rpc.get_raw_transaction_info(&confirmed.txid, None).map(drop)),
        ("getblock verbose", rpc.get_block_info(&tip).map(drop)),
        ("getblockheader verbose", rpc.get_block_header_info(&tip).map(drop)),
        ("gettxout", rpc.get_tx_out(&confirmed.txid, 0, Some(true)).map(drop)),
        ("testmempoolaccept", rpc.test_mempool_accept(&[&transaction]).map(drop)),
        ("getchaintips", rpc.get_chain_tips().map(drop)),
        ("estimatesmartfee", rpc.estimate_smart_fee(6, None).map(drop)),
        ("getblockfilter", rpc.get_block_filter(&tip).map(drop)),
        ("getindexinfo", rpc.get_index_info().map(drop)),
        ("gettxoutproof", rpc.get_tx_out_proof(&[confirmed.txid], None).map(drop)),
        ("getmininginfo", rpc.get_mining_info().map(drop)),
        ("getblockstats", rpc.get_block_stats(1).map(drop)),
        ("decoderawtransaction", rpc.decode_raw_transaction(&transaction, None).map(drop)),
    ];
    let failed: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(call, outcome)| outcome.err().map(|error| format!("{call}: {error}")))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
