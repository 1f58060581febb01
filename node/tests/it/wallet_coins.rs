//! Hazard: the wallet spends what it should keep, or sends again what is not its own to send.

use althing_node::keys::Keys;
use althing_node::wallet::Wallet;
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version as BlockVersion};
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash as _;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, Block, CompactTarget, FeeRate, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode,
    TxOut, Txid, Witness,
};

const COIN_SAT: u64 = 100_000;

#[test]
fn only_what_spends_coins_of_the_wallet_alone_is_sent_again() {
    let (dir, mut wallet) = funded(2);
    let elsewhere = ScriptBuf::new_p2a();
    let own = wallet.pay(&[(elsewhere, Amount::from_sat(20_000))], rate(), Vec::new()).unwrap();
    wallet.note_broadcast(&own, 1).unwrap();
    // A splice: an input of another, which its channel signs; and a coin that somebody else has sent and no block has.
    let free = wallet.confirmed_coins(&[])[0].clone();
    let mut splice = own.clone();
    splice.input = vec![spend(free.outpoint), spend(OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 0 })];
    wallet.note_broadcast(&splice, 1).unwrap();
    let theirs = paying(&mut wallet, OutPoint { txid: Txid::from_byte_array([8; 32]), vout: 0 });
    wallet.note_broadcast(&theirs, 1).unwrap();
    assert_eq!(wallet.unconfirmed().len(), 3);
    assert_eq!(wallet.own_unconfirmed(), std::slice::from_ref(&own));
    // Let go, its coins can be used again and nobody sends it.
    wallet.let_go([own.compute_txid()], 2).unwrap();
    assert!(wallet.own_unconfirmed().is_empty());
    drop(dir);
}

#[test]
fn coins_that_are_promised_stay() {
    let (dir, mut wallet) = funded(2);
    let coins = wallet.confirmed_coins(&[]);
    let kept = vec![coins[0].outpoint];
    let pay = |wallet: &mut Wallet, sat, kept: &[OutPoint]| {
        wallet.pay(&[(ScriptBuf::new_p2a(), Amount::from_sat(sat))], rate(), kept.to_vec())
    };
    let paid = pay(&mut wallet, COIN_SAT - 10_000, &kept).unwrap();
    assert_eq!(paid.input.len(), 1);
    assert_eq!(paid.input[0].previous_output, coins[1].outpoint);
    let refusal = pay(&mut wallet, COIN_SAT, &kept).unwrap_err().to_string();
    assert!(refusal.contains("W-1"), "{refusal}");
    assert_eq!(wallet.coins_in(&paid, Amount::from_sat(9_000)), 1, "its change");
    assert_eq!(wallet.coins_in(&paid, Amount::from_sat(11_000)), 0);
    drop(dir);
}

fn rate() -> FeeRate {
    FeeRate::from_sat_per_vb_u32(1)
}

/// A wallet with so many mined coins.
fn funded(coins: u8) -> (tempfile::TempDir, Wallet) {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::create(dir.path(), Network::Regtest, "password", None).unwrap().0;
    let mut wallet = Wallet::open(dir.path(), &keys).unwrap();
    let txdata = (0..coins).map(|number| {
        let from = OutPoint { txid: Txid::from_byte_array([number + 1; 32]), vout: 0 };
        paying(&mut wallet, from)
    });
    let txdata = txdata.collect();
    let header = Header {
        version: BlockVersion::TWO,
        prev_blockhash: genesis_block(Network::Regtest).block_hash(),
        merkle_root: TxMerkleNode::all_zeros(),
        time: 1,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    wallet.connect(1, &Block { header, txdata }, None).unwrap();
    assert_eq!(wallet.balance().confirmed_sat, COIN_SAT * u64::from(coins));
    (dir, wallet)
}

fn paying(wallet: &mut Wallet, from: OutPoint) -> Transaction {
    let script_pubkey = wallet.fresh_address().unwrap().script_pubkey();
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![spend(from)],
        output: vec![TxOut { value: Amount::from_sat(COIN_SAT), script_pubkey }],
    }
}

fn spend(previous_output: OutPoint) -> TxIn {
    TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}
