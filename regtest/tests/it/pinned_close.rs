//! Hazard: the other side hangs a large child on what ends a channel, and a real node's mempool then takes nothing better. And: what pays
//! nothing by itself is relayed together with the child that pays, or not at all.

use std::cell::Cell;

use althing_channels::monitor::{WalletCoin, bump_child};
use althing_channels::{
    Balances, ChannelKeys, ChannelParams, ChannelSeed, CloseScripts, CloseTx, CommitmentContext, CommitmentTx, DaoId,
    HUB_CSV_BLOCKS, MEMBER_CSV_BLOCKS, NetworkId, PartialSignatureWithNonce, SessionSecret, Side, funding_output,
};
use althing_regtest::Node;
use althing_regtest::bitcoin::absolute::LockTime;
use althing_regtest::bitcoin::hashes::Hash;
use althing_regtest::bitcoin::key::TapTweak;
use althing_regtest::bitcoin::secp256k1::{Keypair, Message, Secp256k1, schnorr};
use althing_regtest::bitcoin::sighash::{Prevouts, SighashCache};
use althing_regtest::bitcoin::{
    Amount, FeeRate, OutPoint, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, Weight, Witness,
};

const MEMBER_SAT: u64 = 600_000;
const HUB_SAT: u64 = 400_000;
const COIN_SAT: u64 = 100_000;

/// Outputs of a child that is larger than one of version 3 may be.
const MANY: usize = 30;

fn keypair(side: Side) -> Keypair {
    Keypair::from_seckey_slice(&Secp256k1::new(), &[21 + side as u8; 32]).unwrap()
}

/// A side's wallet: one taproot key.
fn wallet(side: Side) -> ScriptBuf {
    ScriptBuf::new_p2tr(&Secp256k1::new(), keypair(side).x_only_public_key().0, None)
}

/// A channel of which both sides' keys are here, and a coin of the member, in the chain.
struct Channel {
    keys: [ChannelKeys; 2],
    context: CommitmentContext,
    coin: OutPoint,
    draws: Cell<u8>,
}

impl Channel {
    fn funded(node: &Node) -> Self {
        let keys = [1, 2].map(|seed| ChannelKeys::new(ChannelSeed::new([seed; 32])));
        let params = ChannelParams {
            network: NetworkId([7; 32]),
            dao: DaoId([8; 32]),
            member_sat: MEMBER_SAT,
            hub_sat: HUB_SAT,
            member_csv_blocks: MEMBER_CSV_BLOCKS,
            hub_csv_blocks: HUB_CSV_BLOCKS,
        };
        let [member, hub] = [0, 1].map(|side: usize| *keys[side].public());
        let context = CommitmentContext::new(params, member, hub, OutPoint::default());
        let coin = TxOut { value: Amount::from_sat(COIN_SAT), script_pubkey: wallet(Side::Member) };
        let funding = node.pay_outputs(vec![funding_output(&context), coin]).unwrap();
        node.mine(1).unwrap();
        let at = |vout| OutPoint { txid: funding.compute_txid(), vout };
        Self { keys, context: context.over(at(0)), coin: at(1), draws: Cell::new(0) }
    }

    fn balances() -> Balances {
        Balances { member_sat: MEMBER_SAT, hub_sat: HUB_SAT }
    }

    fn draw(&self) -> SessionSecret {
        self.draws.set(self.draws.get() + 1);
        SessionSecret::new([self.draws.get(); 32]).unwrap()
    }

    fn sign(&self, sighash: [u8; 32]) -> schnorr::Signature {
        let aggregate = self.context.aggregate();
        let [member, hub] = [0, 1].map(|side: usize| self.keys[side].funding_secret());
        let nonce = aggregate.fresh_nonce(&hub, self.draw());
        let announced = nonce.public();
        let first = aggregate.sign_fresh(&member, self.draw(), &announced, sighash);
        let signature = aggregate.sign(&hub, nonce, &first.nonce, sighash);
        let second = PartialSignatureWithNonce { signature, nonce: announced };
        aggregate.aggregate(&first, &second, sighash).unwrap()
    }

    /// Both sides' close, for which the member pays.
    fn close(&self, fee_sat: u64) -> Transaction {
        let scripts = CloseScripts { member: wallet(Side::Member), hub: wallet(Side::Hub) };
        let output = funding_output(&self.context);
        let close =
            CloseTx::build(self.context.funding, &output, Self::balances(), &scripts, Side::Member, fee_sat).unwrap();
        let signature = self.sign(close.sighash());
        close.into_signed(&signature)
    }

    /// The member's commitment, and the child that pays for both.
    fn commitment(&self, rate: FeeRate) -> [Transaction; 2] {
        let point = self.keys[0].per_commitment_point(0);
        let commitment = CommitmentTx::build(&self.context, Side::Member, 0, &point, Self::balances()).unwrap();
        let signature = self.sign(commitment.sighash());
        let parent = commitment.into_signed(&signature);
        let output = TxOut { value: Amount::from_sat(COIN_SAT), script_pubkey: wallet(Side::Member) };
        let coin = WalletCoin { outpoint: self.coin, output, witness_weight: Weight::from_wu(66) };
        let child = bump_child(&parent, &[coin], &wallet(Side::Member), rate).unwrap();
        let signed = signed(child.transaction, 1, &child.prevouts, Side::Member);
        [parent, signed]
    }
}

fn signed(mut transaction: Transaction, input: usize, prevouts: &[TxOut], side: Side) -> Transaction {
    let sighash = SighashCache::new(&transaction)
        .taproot_key_spend_signature_hash(input, &Prevouts::All(prevouts), TapSighashType::Default)
        .unwrap();
    let (secp, message) = (Secp256k1::new(), Message::from_digest(sighash.to_byte_array()));
    let signature = secp.sign_schnorr_no_aux_rand(&message, &keypair(side).tap_tweak(&secp, None).to_keypair());
    transaction.input[input].witness = Witness::from_slice(&[signature.serialize()]);
    transaction
}

/// The hub spends its part of a close before that is in the chain, in the version that the close asks for.
fn child_of(close: &Transaction, outputs: usize, fee_sat: u64) -> Transaction {
    let script = wallet(Side::Hub);
    let vout = close.output.iter().position(|output| output.script_pubkey == script).unwrap();
    let spent = close.output[vout].clone();
    let each = (spent.value.to_sat() - fee_sat) / outputs as u64;
    let transaction = Transaction {
        version: close.version,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: close.compute_txid(), vout: u32::try_from(vout).unwrap() },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: Amount::from_sat(each), script_pubkey: script }; outputs],
    };
    signed(transaction, 0, &[spent], Side::Hub)
}

#[test]
fn a_large_child_does_not_hold_a_close_back() {
    let node = Node::start().unwrap();
    let channel = Channel::funded(&node);
    let close = channel.close(300);
    node.broadcast(&close).unwrap();
    let large = child_of(&close, MANY, 40_000);
    assert!(large.vsize() > 1_000, "{}", large.vsize());
    let refusal = node.broadcast(&large).map_err(|error| error.to_string());
    assert!(refusal.as_ref().is_err_and(|words| words.contains("TRUC")), "a large child came in: {refusal:?}");
    // What may be hung on it is small, and gives way to a close that pays a little more than both.
    let small = child_of(&close, 1, 2_000);
    node.broadcast(&small).unwrap();
    let better = channel.close(300 + 2_000 + 500);
    node.broadcast(&better).unwrap();
    assert_eq!(node.mempool().unwrap(), [better.compute_txid()]);
    // So it does to leaving alone.
    let small = child_of(&better, 1, 2_000);
    node.broadcast(&small).unwrap();
    let package = channel.commitment(FeeRate::from_sat_per_vb_u32(60));
    let answer = node.submit_package(&package).unwrap();
    assert_eq!(answer["package_msg"], "success", "{answer}");
    node.mine(1).unwrap();
    for transaction in package {
        assert!(node.inclusion(&transaction.compute_txid()).unwrap().is_some());
    }
}

#[test]
fn a_commitment_is_relayed_with_its_child_or_not_at_all() {
    let node = Node::start().unwrap();
    let channel = Channel::funded(&node);
    let package = channel.commitment(FeeRate::from_sat_per_vb_u32(5));
    let [commitment, child] = &package;
    assert!(node.broadcast(commitment).is_err(), "it pays nothing, and its anchor is below dust");
    assert!(node.broadcast(child).is_err(), "its parent is nowhere");
    let answer = node.submit_package(&package).unwrap();
    assert_eq!(answer["package_msg"], "success", "{answer}");
    node.mine(1).unwrap();
    assert!(node.inclusion(&commitment.compute_txid()).unwrap().is_some());
}
