//! How many proofs are made and checked in a second, and how large they are. Run with `--release`.

#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use althing_anchor::{
    Commitment, LinkBuilder, LinkEvidence, OtsForm, OtsPath, Seal, TimestampFile, TxInclusion, op_return_timestamp,
    opens, verify_link,
};
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Keypair, Secp256k1};
use bitcoin::{Amount, BlockHash, CompactTarget, FeeRate, OutPoint, TxMerkleNode, Txid, merkle_tree};

/// Transactions of a full block.
const TRANSACTIONS: u32 = 4_000;

/// How long each line is measured for.
const MEASURED: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = Keypair::from_seckey_slice(&Secp256k1::new(), &[1; 32])?;
    let anchor_key = key.x_only_public_key().0;
    let outpoint = OutPoint { txid: Txid::from_byte_array([9; 32]), vout: 0 };
    let (value, commitment) = (Amount::from_sat(10_000), Commitment::new([0; 32]));
    let seal = Seal { outpoint, value, anchor_key, commitment };
    let (epoch, rate) = (Commitment::new([1; 32]), FeeRate::BROADCAST_MIN);
    let builder = LinkBuilder::new(seal, anchor_key, epoch).ots(OtsForm::OpReturn);
    let link = builder.build(rate, rate)?.sign(&key, &[7; 32])?;
    let (transaction, txid) = (link.transaction(), link.transaction().compute_txid());

    let mut txids: Vec<Txid> = (0..TRANSACTIONS).map(numbered).collect();
    txids[1_234] = txid;
    let root = merkle_tree::calculate_root(txids.iter().copied()).ok_or("no transactions")?;
    let header = Header {
        version: Version::TWO,
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::from_raw_hash(root.to_raw_hash()),
        time: 0,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    let inclusion = TxInclusion::from_block_txids(header, 1, &txids, txid)?;
    let evidence = LinkEvidence::new(transaction.clone(), inclusion);
    let bytes = evidence.encode();
    let timestamp = op_return_timestamp(epoch.to_bytes(), OtsPath::new(), epoch, &evidence)?.encode();
    println!("evidence of a link in a block of {TRANSACTIONS}: {} bytes; .ots: {} bytes", bytes.len(), timestamp.len());

    measure("links built and signed", || builder.build(rate, rate).and_then(|link| link.sign(&key, &[7; 32])).is_ok());
    measure("inclusions made from a full block", || TxInclusion::from_block_txids(header, 1, &txids, txid).is_ok());
    measure("evidence read and its branch checked", || {
        LinkEvidence::decode(&bytes).is_ok_and(|evidence| evidence.verify().is_ok())
    });
    measure("links checked (seal, output key)", || verify_link(transaction, outpoint, anchor_key, epoch).is_ok());
    measure("commitments opened", || opens(&transaction.output[0].script_pubkey, anchor_key, epoch));
    measure(".ots read and followed", || TimestampFile::decode(&timestamp).is_ok());
    Ok(())
}

fn numbered(number: u32) -> Txid {
    Txid::hash(&number.to_be_bytes())
}

fn measure(what: &str, mut once: impl FnMut() -> bool) {
    let (start, mut done) = (Instant::now(), 0u32);
    while start.elapsed() < MEASURED {
        assert!(black_box(once()), "{what}");
        done += 1;
    }
    println!("{:>12.0} /s  {what}", f64::from(done) / start.elapsed().as_secs_f64());
}
