//! Coins from the miner.

use std::collections::BTreeSet;
use std::time::Duration;

use althing_regtest::bitcoin::{Amount, OutPoint, ScriptBuf, TxOut};
use althing_regtest::{Error, Node, NodeConfig};
use serde_json::json;

/// What bitcoind itself says a coin holds, in the mempool's view.
fn value_of(node: &Node, coin: &OutPoint) -> Option<Amount> {
    let answer = node.call("gettxout", &[json!(coin.txid.to_string()), json!(coin.vout), json!(true)]).unwrap();
    answer["value"].as_f64().map(|btc| Amount::from_btc(btc).unwrap())
}

#[test]
fn funding_an_empty_chain_mines_what_is_needed() {
    let node = Node::start().unwrap();
    let amount = Amount::from_sat(123_456);
    let coin = node.fund(&node.miner_address(), amount).unwrap();
    assert_eq!(value_of(&node, &coin), Some(amount));
    assert_eq!(node.inclusion(&coin.txid).unwrap().unwrap().depth, 1);
    assert!(node.mempool().unwrap().is_empty());
}

#[test]
fn payments_in_parallel_do_not_take_the_same_coins() {
    let node = Node::start().unwrap();
    node.mine(110).unwrap();
    let amount = Amount::from_sat(70_000);
    let coins: BTreeSet<OutPoint> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| node.pay(&node.miner_address(), amount).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(coins.len(), 8);
    node.mine(1).unwrap();
    for coin in coins {
        assert_eq!(value_of(&node, &coin), Some(amount));
    }
}

#[test]
fn several_outputs_keep_their_order_and_one_coin_need_not_suffice() {
    let node = Node::start().unwrap();
    let outputs: Vec<TxOut> = [60, 70, 1]
        .map(|btc| TxOut { value: Amount::from_int_btc(btc), script_pubkey: node.miner_address().script_pubkey() })
        .to_vec();
    let transaction = node.pay_outputs(outputs.clone()).unwrap();
    assert_eq!(transaction.output[..3], outputs);
    // A block's reward is 50 at most.
    assert!(transaction.input.len() >= 3);
    node.mine(1).unwrap();
    assert!(node.inclusion(&transaction.compute_txid()).unwrap().is_some());
}

#[test]
fn more_than_there_will_ever_be_is_refused_with_the_amounts() {
    let node = Node::start().unwrap();
    let wanted = Amount::from_int_btc(1_000_000);
    let output = TxOut { value: wanted, script_pubkey: ScriptBuf::new() };
    match node.pay_outputs(vec![output]).unwrap_err() {
        Error::Funds { wanted: with_fee, available } => {
            assert!(with_fee > wanted);
            assert!(available > Amount::ZERO && available < wanted);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_conflicting_transaction_can_be_mined_instead() {
    // Two nodes with one miner's key and one chain, not connected when they spend the same coin.
    let config = NodeConfig::default().miner_seed(7);
    let (alice, bob) = (Node::start_with(config.clone()).unwrap(), Node::start_with(config).unwrap());
    alice.connect(&bob).unwrap();
    alice.mine(101).unwrap();
    Node::wait_same_tip(&[&alice, &bob], Duration::from_secs(60)).unwrap();
    alice.disconnect(&bob).unwrap();
    let pay = |node: &Node, sat| {
        let script_pubkey = node.miner_address().script_pubkey();
        node.pay_outputs(vec![TxOut { value: Amount::from_sat(sat), script_pubkey }]).unwrap()
    };
    let (waiting, rival) = (pay(&alice, 10_000), pay(&bob, 20_000));
    assert_eq!(waiting.input[0].previous_output, rival.input[0].previous_output);

    let block = alice.mine_with(std::slice::from_ref(&rival)).unwrap();
    assert_eq!(alice.block(&block).unwrap().txdata[1], rival);
    assert!(alice.mempool().unwrap().is_empty());
    assert_eq!(alice.inclusion(&waiting.compute_txid()).unwrap(), None);
}

#[test]
fn a_transaction_spending_a_missing_coin_is_refused_in_bitcoinds_words() {
    let node = Node::start().unwrap();
    node.mine(101).unwrap();
    let mut transaction = node
        .pay_outputs(vec![TxOut {
            value: Amount::from_sat(10_000),
            script_pubkey: node.miner_address().script_pubkey(),
        }])
        .unwrap();
    transaction.input[0].previous_output.vout = 7;
    let verdict = node.test_accept(std::slice::from_ref(&transaction)).unwrap();
    assert_eq!(verdict[0]["allowed"], false, "{verdict}");
    let error = node.broadcast(&transaction).unwrap_err();
    assert!(error.to_string().contains("sendrawtransaction"), "{error}");
}
