//! Timestamp files: the path ends in the block's Merkle root, and no bytes of anybody's making do harm.
//! That the released client accepts them is tested in the regtest crate.

use althing_anchor::{
    Attestation, ExportError, FileHash, LinkBuilder, LinkEvidence, LinkShape, MAX_MESSAGE_BYTES, MAX_OTS_BYTES,
    MAX_OTS_DEPTH, OtsError, OtsForm, OtsOp, OtsPath, Seal, SignedLink, TimestampFile, TxInclusion,
    op_return_timestamp, reveal_timestamp, split_timestamp,
};
use bitcoin::block::{Header, Version as BlockVersion};
use bitcoin::hashes::{Hash, sha256, sha256d};
use bitcoin::hex::FromHex;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, FeeRate, OutPoint, ScriptBuf, Transaction, TxMerkleNode, TxOut, Txid,
    Witness, merkle_tree,
};
use proptest::prelude::*;

use crate::support::{CAP, commitment, input, key, keypair, stranger, transaction};

/// Made with python-opentimestamps 0.4.5: forks, a calendar's promise, an attestation nobody knows, and every
/// operation but SHA-1 in the place of the file's hash.
const BY_PYTHON: &str = "004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294010832590e10484194c87b6c1e4a0d59\
    6e2a80e31ac8e5b55c3f2b7c583db200e11ef00473616c7408ff0083dfe30d2ef90c8e1b1a68747470733a2f2f63616c656e6461722e657861\
    6d706c652f78fff1c801000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e\
    2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f6061626364656667\
    68696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0\
    a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c703000588960d73d7190103f7ef15f3f202ff\
    000000000000000000087768617465766572000588960d73d719010100";

/// What that library says the messages of the four attestations are, in the order of the file.
const MESSAGES_BY_PYTHON: [&str; 4] = [
    "286c9b3faa325b38129b46d4c17200a0f20640ac79b23017b73f338eeb1a17e5",
    "259b6b6f3c3055f6f4a7d1f5abbb9d40e8412f23",
    "cb6fd107efdd67fb9671e56f268452e1bfc3ebfd",
    "cb6fd107efdd67fb9671e56f268452e1bfc3ebfd",
];

pub(crate) const HEIGHT: u32 = 7;

pub(crate) fn seal() -> Seal {
    Seal {
        outpoint: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 0 },
        value: Amount::from_sat(10_000),
        anchor_key: key(1),
        commitment: commitment(1),
    }
}

pub(crate) fn link(shape: LinkShape, form: OtsForm) -> SignedLink {
    let builder = LinkBuilder::new(seal(), key(2), commitment(2)).shape(shape).ots(form);
    builder.build(FeeRate::BROADCAST_MIN, CAP).unwrap().sign(&keypair(1), &[7; 32]).unwrap()
}

/// A block with the link at `position` among `count` transactions, and the commitment to its witnesses (BIP141).
pub(crate) fn block(link: &Transaction, position: usize, count: u32) -> Block {
    let mut txdata: Vec<Transaction> = (1..count).map(stranger).collect();
    txdata.insert(position - 1, link.clone());
    let leaves = std::iter::once([0; 32]).chain(txdata.iter().map(|tx| tx.compute_wtxid().to_byte_array()));
    let root = merkle_tree::calculate_root(leaves.map(sha256d::Hash::from_byte_array)).unwrap();
    let witness_commitment = sha256d::Hash::hash(&[root.to_byte_array(), [0; 32]].concat());
    let mut coinbase = transaction(vec![input(Txid::all_zeros(), u32::MAX)], vec![]);
    coinbase.input[0].script_sig = ScriptBuf::from_bytes(vec![0x57, 0]);
    coinbase.input[0].witness = Witness::from_slice(&[[0; 32]]);
    let carrier = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &witness_commitment.to_byte_array()].concat();
    let pay = TxOut { value: Amount::from_sat(50), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    coinbase.output = vec![pay, TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(carrier) }];
    txdata.insert(0, coinbase);
    let root = merkle_tree::calculate_root(txdata.iter().map(Transaction::compute_txid)).unwrap();
    let header = Header {
        version: BlockVersion::TWO,
        prev_blockhash: BlockHash::all_zeros(),
        merkle_root: TxMerkleNode::from_raw_hash(root.to_raw_hash()),
        time: 0,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    Block { header, txdata }
}

pub(crate) fn evidence(link: &Transaction, block: &Block) -> LinkEvidence {
    let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let inclusion = TxInclusion::from_block_txids(block.header, HEIGHT, &txids, link.compute_txid()).unwrap();
    LinkEvidence::new(link.clone(), inclusion)
}

/// The file has one attestation: this block's, for its Merkle root.
fn check_attested(file: &TimestampFile, block: &Block) {
    let decoded = TimestampFile::decode(&file.encode()).unwrap();
    assert_eq!(decoded, *file);
    let [attested] = &decoded.attestations().unwrap()[..] else { panic!("one attestation") };
    assert_eq!(attested.message, block.header.merkle_root.to_byte_array());
    assert_eq!(attested.attestation, Attestation::Bitcoin { height: HEIGHT });
}

#[test]
fn every_form_ends_in_the_merkle_root_wherever_the_link_is() {
    for shape in [LinkShape::Plain, LinkShape::Anchored] {
        for count in [1u32, 2, 3, 6, 17] {
            for position in 1..=count as usize {
                let split = link(shape, OtsForm::Split);
                let mined = block(split.transaction(), position, count);
                let file = split_timestamp(&evidence(split.transaction(), &mined)).unwrap();
                assert_eq!(file.digest(), &split.transaction().output[0].script_pubkey.as_bytes()[2..]);
                check_attested(&file, &mined);

                let copied = link(shape, OtsForm::OpReturn);
                let mined = block(copied.transaction(), position, count);
                let proof = evidence(copied.transaction(), &mined);
                let file = op_return_timestamp([2; 32], OtsPath::new(), commitment(2), &proof).unwrap();
                check_attested(&file, &mined);

                let reveal = link(shape, OtsForm::Reveal);
                let (txid, mined) = (reveal.transaction().compute_txid(), block(reveal.transaction(), position, count));
                let file = reveal_timestamp([1; 32], OtsPath::new(), &seal(), txid, &mined, HEIGHT).unwrap();
                check_attested(&file, &mined);
            }
        }
    }
}

#[test]
fn what_does_not_show_its_commitment_is_not_exported() {
    let plain = link(LinkShape::Plain, OtsForm::Split);
    let (txid, mined) = (plain.transaction().compute_txid(), block(plain.transaction(), 1, 3));
    let proof = evidence(plain.transaction(), &mined);
    let refused = op_return_timestamp([2; 32], OtsPath::new(), commitment(2), &proof);
    assert_eq!(refused, Err(ExportError::NoOpReturn { link: txid, commitment: commitment(2) }));
    let refused = reveal_timestamp([1; 32], OtsPath::new(), &seal(), txid, &mined, HEIGHT);
    assert_eq!(refused, Err(ExportError::NotRevealed { link: txid }));

    let reveal = link(LinkShape::Plain, OtsForm::Reveal);
    let (txid, mined) = (reveal.transaction().compute_txid(), block(reveal.transaction(), 1, 3));
    let export = |seal: &Seal, mined: &Block| reveal_timestamp([1; 32], OtsPath::new(), seal, txid, mined, HEIGHT);
    let other = Seal { commitment: commitment(3), ..seal() };
    assert_eq!(export(&other, &mined), Err(ExportError::NotRevealed { link: txid }));
    let mut bare = mined.clone();
    bare.txdata[0].output.pop();
    assert_eq!(export(&seal(), &bare), Err(ExportError::NoWitnessCommitment));
    let mut bare = mined.clone();
    bare.txdata[0].input[0].witness = Witness::new();
    assert_eq!(export(&seal(), &bare), Err(ExportError::NoWitnessCommitment));
    let absent = reveal_timestamp([1; 32], OtsPath::new(), &seal(), Txid::all_zeros(), &mined, HEIGHT);
    assert!(matches!(absent, Err(ExportError::Inclusion(_))));
    // The path to the commitment is the caller's; a wrong one ends nowhere near the Merkle root.
    let astray = reveal_timestamp([9; 32], OtsPath::new(), &seal(), txid, &mined, HEIGHT).unwrap();
    assert_ne!(astray.attestations().unwrap()[0].message, mined.header.merkle_root.to_byte_array());
    let no_link = transaction(vec![input(Txid::from_byte_array([8; 32]), 0)], vec![]);
    let mined = block(&no_link, 1, 3);
    let refused = split_timestamp(&evidence(&no_link, &mined));
    assert_eq!(refused, Err(ExportError::NotTaproot { link: no_link.compute_txid() }));
}

/// Clients refuse messages above 4096 bytes, so such a file is not even written.
#[test]
fn a_transaction_too_long_for_clients_is_refused() {
    let mut long = link(LinkShape::Plain, OtsForm::OpReturn).transaction().clone();
    let output = long.output[0].clone();
    long.output.extend(vec![output; 100]);
    let mined = block(&long, 1, 1);
    let refused = op_return_timestamp([2; 32], OtsPath::new(), commitment(2), &evidence(&long, &mined));
    assert!(matches!(refused, Err(ExportError::Ots(OtsError::MessageLength { .. }))), "{refused:?}");
}

#[test]
fn reads_what_another_implementation_wrote() {
    let bytes = Vec::from_hex(BY_PYTHON).unwrap();
    let file = TimestampFile::decode(&bytes).unwrap();
    assert_eq!((file.hash(), file.digest()), (FileHash::Sha256, &sha256::Hash::hash(b"Althing")[..]));
    assert_eq!(file.encode(), bytes);
    let attested = file.attestations().unwrap();
    let messages: Vec<Vec<u8>> = attested.iter().map(|attested| attested.message.clone()).collect();
    assert_eq!(messages, MESSAGES_BY_PYTHON.map(|message| Vec::from_hex(message).unwrap()));
    assert_eq!(attested[1].attestation, Attestation::Bitcoin { height: 358_391 });
    assert_eq!(attested[2].attestation, Attestation::Other { tag: [0; 8], payload: b"whatever".to_vec() });
    assert_eq!(attested[3].attestation, Attestation::Bitcoin { height: 0 });
}

/// The start of a file with this digest, to which operations are added.
fn head() -> Vec<u8> {
    let whole = TimestampFile::new([1; 32], &OtsPath::new(), 5).unwrap().encode();
    whole[..31 + 1 + 1 + 32].to_vec()
}

const ATTESTED: [u8; 11] = [0, 0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01, 1, 5];

#[test]
fn what_is_no_timestamp_file_is_refused_by_name() {
    let decode = |tail: &[u8]| TimestampFile::decode(&[&head()[..], tail].concat()).map(drop);
    assert_eq!(decode(&ATTESTED), Ok(()));
    let long = [&[0xf0, 0x80, 0x20][..], &[1; 4096], &ATTESTED].concat();
    let table: [(&str, &[u8], OtsError); 12] = [
        ("nothing", &[], OtsError::Truncated { field: "an operation" }),
        ("ends in a fork", &[0xff], OtsError::Truncated { field: "an operation" }),
        ("left over", &[&ATTESTED[..], &[0]].concat(), OtsError::TrailingBytes { left: 1 }),
        ("keccak", &[0x67], OtsError::UnknownOp { tag: 0x67 }),
        ("point addition", &[0x09], OtsError::UnknownOp { tag: 0x09 }),
        ("empty argument", &[0xf0, 0], OtsError::BadLength { field: "an argument", length: 0 }),
        ("claimed length", &[0xf0, 0x81, 0x20], OtsError::BadLength { field: "an argument", length: 4097 }),
        ("longer number", &[0xf0, 0x81, 0], OtsError::BadNumber { field: "an argument" }),
        ("endless number", &[&[0xf0][..], &[0xff; 9]].concat(), OtsError::BadNumber { field: "an argument" }),
        ("long message", &long, OtsError::MessageLength { length: 4128 }),
        (
            "height",
            &[&ATTESTED[..9], &[5, 0xff, 0xff, 0xff, 0xff, 0x1f]].concat(),
            OtsError::BadNumber { field: "a height" },
        ),
        ("long attestation", &[&ATTESTED[..9], &[2, 5, 5]].concat(), OtsError::TrailingBytes { left: 1 }),
    ];
    for (name, tail, error) in table {
        assert_eq!(decode(tail), Err(error), "{name}");
    }
    let mut other = [&head()[..], &ATTESTED].concat();
    other[31] = 2;
    assert_eq!(TimestampFile::decode(&other), Err(OtsError::UnknownVersion { found: 2 }));
    other[0] = 1;
    assert_eq!(TimestampFile::decode(&other), Err(OtsError::NotATimestamp));
    let length = MAX_OTS_BYTES + 1;
    assert_eq!(TimestampFile::decode(&vec![0; length]), Err(OtsError::FileTooLong { length }));
}

/// As deep as other clients read, and no deeper, read or written.
#[test]
fn depth_is_bounded() {
    let file = |ops: usize| [&head()[..], &vec![0x08; ops], &ATTESTED].concat();
    assert!(TimestampFile::decode(&file(MAX_OTS_DEPTH - 1)).is_ok());
    assert_eq!(TimestampFile::decode(&file(MAX_OTS_DEPTH)), Err(OtsError::TooDeep));
    assert_eq!(TimestampFile::decode(&file(60_000)), Err(OtsError::TooDeep));
    let path = |ops: usize| (0..ops).fold(OtsPath::new(), |path, _| path.sha256());
    assert_eq!(TimestampFile::new([1; 32], &path(MAX_OTS_DEPTH - 1), 5).unwrap().encode(), file(MAX_OTS_DEPTH - 1));
    assert_eq!(TimestampFile::new([1; 32], &path(MAX_OTS_DEPTH), 5), Err(OtsError::TooDeep));
}

#[test]
fn messages_have_bounds_both_ways() {
    assert_eq!(OtsOp::Sha256.apply(&[]), Err(OtsError::MessageLength { length: 0 }));
    assert_eq!(OtsOp::Reverse.apply(&[1, 2, 3]), Ok(vec![3, 2, 1]));
    assert_eq!(OtsOp::Hexlify.apply(&[0xab; 2048]).map(|result| result.len()), Ok(MAX_MESSAGE_BYTES));
    assert_eq!(OtsOp::Hexlify.apply(&[0xab; 2049]), Err(OtsError::MessageLength { length: 4098 }));
}

proptest! {
    #[test]
    fn decoding_never_panics_and_has_one_byte_form(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = TimestampFile::decode(&tail);
        let bytes = [&head()[..], &tail].concat();
        if let Ok(file) = TimestampFile::decode(&bytes) {
            prop_assert_eq!(file.encode(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_read_as_it_is(at: prop::sample::Index, value: u8) {
        let mut bytes = Vec::from_hex(BY_PYTHON).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(file) = TimestampFile::decode(&bytes) {
            prop_assert_eq!(file.encode(), bytes);
        }
    }

    /// The steps of a path are the hashes that they stand for.
    #[test]
    fn steps_are_what_they_say(leaf: [u8; 32], sibling: [u8; 32], left: bool) {
        let (a, b) = if left { (sibling, leaf) } else { (leaf, sibling) };
        let log = sha256::Hash::hash(&[&[1][..], &a, &b].concat());
        prop_assert_eq!(OtsPath::new().log_node(&sibling, left).apply(&leaf).unwrap(), log.to_byte_array());
        let tag = sha256::Hash::hash(b"althing/epoch/v1").to_byte_array();
        let tagged = sha256::Hash::hash(&[tag, tag, leaf].concat());
        prop_assert_eq!(OtsPath::new().tagged_hash(&tag).apply(&leaf).unwrap(), tagged.to_byte_array());
    }
}
