//! Branches that prove nothing: the classic attacks on Bitcoin's Merkle tree.

use althing_anchor::{DecodeError, InclusionError, LinkEvidence, MAX_BRANCH_DEPTH, TxInclusion};
use bitcoin::block::Header;
use bitcoin::consensus::encode;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::{Amount, MerkleBlock, Network, ScriptBuf, Transaction, TxMerkleNode, TxOut, Txid, merkle_tree};
use proptest::prelude::*;

use crate::support::{input, stranger, transaction};

fn header(root: [u8; 32]) -> Header {
    let mut header = bitcoin::blockdata::constants::genesis_block(Network::Regtest).header;
    header.merkle_root = TxMerkleNode::from_byte_array(root);
    header
}

fn block_of(count: u32) -> (Header, Vec<Txid>, Vec<Transaction>) {
    let transactions: Vec<_> = (0..count).map(stranger).collect();
    let txids: Vec<Txid> = transactions.iter().map(Transaction::compute_txid).collect();
    let root = merkle_tree::calculate_root(txids.iter().copied()).unwrap();
    (header(root.to_byte_array()), txids, transactions)
}

fn hash_pair(left: &[u8], right: &[u8]) -> [u8; 32] {
    sha256d::Hash::hash(&[left, right].concat()).to_byte_array()
}

/// The bytes of an inclusion, for making ones that no constructor makes.
fn raw(header: &Header, index: u32, siblings: &[[u8; 32]]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(encode::serialize(header));
    bytes.extend(7u32.to_be_bytes());
    bytes.extend(index.to_be_bytes());
    bytes.extend((siblings.len() as u32).to_be_bytes());
    bytes.extend(siblings.concat());
    bytes
}

fn forged(header: &Header, index: u32, siblings: &[[u8; 32]]) -> TxInclusion {
    TxInclusion::decode(&raw(header, index, siblings)).unwrap()
}

/// 64 bytes without witness: one input, one output with a script of four bytes.
fn sixty_four_bytes() -> Transaction {
    let output = TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::from_bytes(vec![0x6a, 2, 0, 0]) };
    transaction(vec![input(Txid::from_byte_array([3; 32]), 0)], vec![output])
}

#[test]
fn every_transaction_of_every_block_size_is_proven() {
    for count in 1..=33 {
        let (header, txids, transactions) = block_of(count);
        for (index, transaction) in transactions.iter().enumerate() {
            let inclusion = TxInclusion::from_block_txids(header, 5, &txids, txids[index]).unwrap();
            assert_eq!(inclusion.index() as usize, index);
            assert_eq!(inclusion.verify(transaction), Ok(()), "{index} of {count}");
            assert_eq!(TxInclusion::decode(&inclusion.encode()).unwrap(), inclusion);
            // Any other transaction does not verify with this branch.
            let other = &transactions[(index + 1) % transactions.len()];
            assert_eq!(inclusion.verify(other).is_ok(), count == 1);
        }
    }
}

/// Independent oracle: the partial Merkle tree of BIP37 finds the same position under the same root.
#[test]
fn agrees_with_bip37() {
    for count in [1, 2, 3, 7, 12, 31] {
        let (header, txids, transactions) = block_of(count);
        for (index, txid) in txids.iter().enumerate() {
            let oracle = MerkleBlock::from_header_txids_with_predicate(&header, &txids, |id| id == txid);
            let (mut matches, mut indexes) = (vec![], vec![]);
            oracle.extract_matches(&mut matches, &mut indexes).unwrap();
            let inclusion = TxInclusion::from_block_txids(header, 5, &txids, *txid).unwrap();
            assert_eq!((matches, indexes), (vec![*txid], vec![inclusion.index()]));
            assert!(inclusion.verify(&transactions[index]).is_ok());
        }
    }
}

#[test]
fn building_needs_the_right_block() {
    let (header, txids, _) = block_of(5);
    let absent = stranger(99).compute_txid();
    let build = |txids: &[Txid], txid| TxInclusion::from_block_txids(header, 5, txids, txid).unwrap_err();
    assert_eq!(build(&txids, absent), InclusionError::NotInBlock { txid: absent });
    let expected = header.merkle_root;
    assert_eq!(build(&txids[..4], txids[0]), InclusionError::WrongBlock { transactions: 4, expected });
    assert_eq!(build(&[], txids[0]), InclusionError::NotInBlock { txid: txids[0] });
}

/// CVE-2017-12842, first half: a transaction of 64 bytes is never accepted, though it really is in the block.
#[test]
fn a_64_byte_transaction_proves_nothing() {
    let planted = sixty_four_bytes();
    assert_eq!(planted.base_size(), 64);
    let txids = [stranger(1).compute_txid(), planted.compute_txid()];
    let root = merkle_tree::calculate_root(txids.iter().copied()).unwrap();
    let inclusion = TxInclusion::from_block_txids(header(root.to_byte_array()), 5, &txids, txids[1]).unwrap();
    assert_eq!(inclusion.verify(&planted), Err(InclusionError::SixtyFourBytes));
    // Nor does a witness hide the size.
    let mut with_witness = planted;
    with_witness.input[0].witness.push([1; 64]);
    assert_eq!(inclusion.verify(&with_witness), Err(InclusionError::SixtyFourBytes));
}

/// CVE-2017-12842, second half: a mined 64-byte transaction is presented as the parent of one that was never mined.
/// The never-mined transaction's id is the first half of the mined one's bytes; the fifth byte must be the input
/// count, which some lock time gives.
#[test]
fn a_branch_below_a_real_leaf_is_refused() {
    let mut fake = stranger(1);
    let fifth_byte = |transaction: &Transaction| transaction.compute_txid().to_byte_array()[4];
    while fifth_byte(&fake) != 1 {
        fake.lock_time = bitcoin::absolute::LockTime::from_consensus(fake.lock_time.to_consensus_u32() + 1);
    }
    let tail: [u8; 32] = encode::serialize(&sixty_four_bytes())[32..].try_into().unwrap();
    let mined_bytes = [&fake.compute_txid().to_byte_array()[..], &tail].concat();
    let mined: Transaction = encode::deserialize(&mined_bytes).unwrap();
    // An honest proof of the mined transaction's block, one level lower.
    let neighbour = stranger(2).compute_txid().to_byte_array();
    let root = hash_pair(&mined.compute_txid().to_byte_array(), &neighbour);
    let forgery = forged(&header(root), 0, &[tail, neighbour]);
    assert_eq!(forgery.verify(&fake), Err(InclusionError::NodeIsTransaction { level: 1 }));
}

/// CVE-2012-2459: the copy that fills an odd level is not a second transaction.
#[test]
fn a_copied_node_is_no_second_place() {
    let (header, txids, transactions) = block_of(3);
    let honest = TxInclusion::from_block_txids(header, 5, &txids, txids[2]).unwrap();
    let siblings: Vec<[u8; 32]> = honest.siblings().iter().map(|node| node.to_byte_array()).collect();
    assert_eq!(honest.index(), 2);
    assert_eq!(honest.verify(&transactions[2]), Ok(()));
    let second = forged(&header, 3, &siblings);
    assert_eq!(second.verify(&transactions[2]), Err(InclusionError::DuplicatedNode { level: 0 }));
}

#[test]
fn an_index_beyond_the_branch_is_refused() {
    let (header, txids, transactions) = block_of(4);
    let honest = TxInclusion::from_block_txids(header, 5, &txids, txids[1]).unwrap();
    let siblings: Vec<[u8; 32]> = honest.siblings().iter().map(|node| node.to_byte_array()).collect();
    for index in [5, 9, 1 << 31 | 1] {
        let refusal = forged(&header, index, &siblings).verify(&transactions[1]);
        assert_eq!(refusal, Err(InclusionError::IndexOutOfRange { index, depth: 2 }));
    }
    let alone = forged(&header, 1, &[]).verify(&transactions[1]);
    assert_eq!(alone, Err(InclusionError::IndexOutOfRange { index: 1, depth: 0 }));
}

#[test]
fn a_branch_has_a_longest_length() {
    let transaction = stranger(1);
    let siblings = vec![[9; 32]; MAX_BRANCH_DEPTH];
    let root = siblings.iter().fold(transaction.compute_txid().to_byte_array(), |node, side| hash_pair(&node, side));
    assert_eq!(forged(&header(root), 0, &siblings).verify(&transaction), Ok(()));
    let longer = vec![[9; 32]; MAX_BRANCH_DEPTH + 1];
    let limit = DecodeError::TooLong { field: "siblings", length: 16, limit: 15 };
    assert_eq!(TxInclusion::decode(&raw(&header(root), 0, &longer)), Err(limit));
}

#[test]
fn a_witness_is_dropped_and_never_read() {
    let (header, txids, transactions) = block_of(2);
    let inclusion = TxInclusion::from_block_txids(header, 5, &txids, txids[1]).unwrap();
    let mut signed = transactions[1].clone();
    signed.input[0].witness.push([7; 64]);
    let evidence = LinkEvidence::new(signed.clone(), inclusion.clone());
    assert_eq!(evidence, LinkEvidence::new(transactions[1].clone(), inclusion.clone()));
    assert_eq!(LinkEvidence::decode(&evidence.encode()), Ok(evidence.clone()));
    assert_eq!(evidence.verify(), Ok(()));

    let witnessed = encode::serialize(&signed);
    let mut bytes = vec![1];
    bytes.extend((witnessed.len() as u32).to_be_bytes());
    bytes.extend(&witnessed);
    bytes.extend(&inclusion.encode()[1..]);
    let refusal = LinkEvidence::decode(&bytes).unwrap_err();
    assert!(refusal.to_string().contains("witness"), "{refusal}");
}

/// Bitcoin's serialisation of a transaction without inputs reads as one with a witness marker.
#[test]
fn a_transaction_without_inputs_is_refused() {
    let (header, txids, _) = block_of(2);
    let inclusion = TxInclusion::from_block_txids(header, 5, &txids, txids[1]).unwrap();
    let evidence = LinkEvidence::new(transaction(vec![], vec![]), inclusion);
    let refusal = LinkEvidence::decode(&evidence.encode()).unwrap_err();
    assert!(refusal.to_string().contains("no input"), "{refusal}");
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = TxInclusion::decode(&bytes);
        let _ = LinkEvidence::decode(&bytes);
    }

    /// One byte form: whatever decodes encodes to the same bytes.
    #[test]
    fn decoded_bytes_are_canonical(
        count in 1u32..20, pick: prop::sample::Index, at: prop::sample::Index, value: u8, cut: prop::sample::Index,
    ) {
        let (header, txids, transactions) = block_of(count);
        let index = pick.index(count as usize);
        let inclusion = TxInclusion::from_block_txids(header, 5, &txids, txids[index]).unwrap();
        let mut bytes = LinkEvidence::new(transactions[index].clone(), inclusion).encode();
        prop_assert!(LinkEvidence::decode(&bytes[..cut.index(bytes.len())]).is_err());
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(evidence) = LinkEvidence::decode(&bytes) {
            prop_assert_eq!(evidence.encode(), bytes.clone());
        }
        bytes.push(0);
        prop_assert!(LinkEvidence::decode(&bytes).is_err());
    }
}
