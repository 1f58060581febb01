//! What is exported as an OpenTimestamps file is accepted by the released client against a real node, and what is
//! changed is not.

use std::fs;
use std::path::{Path, PathBuf};

use althing_anchor::{
    Commitment, LinkBuilder, LinkEvidence, LinkShape, OtsForm, OtsPath, Seal, SignedLink, TimestampFile, TxInclusion,
    link_output_script, op_return_timestamp, reveal_timestamp, split_timestamp,
};
use althing_regtest::Node;
use althing_regtest::bitcoin::hashes::{Hash, sha256};
use althing_regtest::bitcoin::hex::DisplayHex;
use althing_regtest::bitcoin::secp256k1::{Keypair, Secp256k1};
use althing_regtest::bitcoin::{Amount, FeeRate, OutPoint, TxOut};
use tempfile::TempDir;

use crate::ots_client::{judged, verify};

/// A seal on a running chain, and where files go.
struct World {
    node: Node,
    key: Keypair,
    seal: Seal,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let node = Node::start().unwrap();
        let key = Keypair::from_seckey_slice(&Secp256k1::new(), &[5; 32]).unwrap();
        let (anchor_key, commitment) = (key.x_only_public_key().0, Commitment::new([1; 32]));
        let (value, script_pubkey) = (Amount::from_sat(100_000), link_output_script(anchor_key, commitment));
        let founding = node.pay_outputs(vec![TxOut { value, script_pubkey }]).unwrap();
        node.mine(1).unwrap();
        let outpoint = OutPoint { txid: founding.compute_txid(), vout: 0 };
        let seal = Seal { outpoint, value, anchor_key, commitment };
        Self { node, key, seal, folder: tempfile::tempdir().unwrap() }
    }

    /// Mines the next link among payments of strangers.
    fn link(&mut self, commitment: Commitment, shape: LinkShape, form: OtsForm) -> SignedLink {
        let builder = LinkBuilder::new(self.seal, self.seal.anchor_key, commitment).shape(shape).ots(form);
        let (rate, cap) = (FeeRate::from_sat_per_vb_u32(3), FeeRate::from_sat_per_vb_u32(10));
        let link = builder.build(rate, cap).unwrap().sign(&self.key, &[7; 32]).unwrap();
        for _ in 0..6 {
            self.node.pay(&self.node.miner_address(), Amount::from_sat(50_000)).unwrap();
        }
        self.node.broadcast(link.transaction()).unwrap();
        self.node.mine(1).unwrap();
        self.seal = link.seal();
        link
    }

    fn evidence(&self, link: &SignedLink) -> LinkEvidence {
        let found = self.node.inclusion(&link.transaction().compute_txid()).unwrap().unwrap();
        let txid = link.transaction().compute_txid();
        let inclusion = TxInclusion::from_block_txids(found.header, found.height, &found.txids, txid).unwrap();
        LinkEvidence::new(link.transaction().clone(), inclusion)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes the stamped file and its timestamp, and has the client judge them.
    fn judge(&self, content: &[u8], timestamp: &[u8]) -> (bool, String) {
        let content = self.write("stamped", content);
        let timestamp = self.write("stamped.ots", timestamp);
        judged(&verify(&self.node, &["-f", content.to_str().unwrap()], &timestamp))
    }

    fn judge_digest(&self, digest: &[u8], timestamp: &Path) -> (bool, String) {
        judged(&verify(&self.node, &["-d", &digest.to_lower_hex_string()], timestamp))
    }
}

/// An epoch header with a log of four entries, of which one is stamped.
struct Epoch {
    /// The stamped entry with the leaf prefix of RFC 9162, as a file.
    leaf_file: Vec<u8>,
    /// The tagged preimage of the commitment, as a file.
    header_file: Vec<u8>,
    commitment: Commitment,
    leaf_to_commitment: OtsPath,
}

impl Epoch {
    fn new(number: u8) -> Self {
        let leaf = |n: u8| [&[0][..], format!("ballot {n} of epoch {number}").as_bytes()].concat();
        let hash = |bytes: &[u8]| sha256::Hash::hash(bytes).to_byte_array();
        let node = |left: [u8; 32], right: [u8; 32]| hash(&[&[1][..], &left, &right].concat());
        let leaves: Vec<[u8; 32]> = (0..4).map(|n| hash(&leaf(n))).collect();
        let (left, right) = (node(leaves[0], leaves[1]), node(leaves[2], leaves[3]));
        let root = node(left, right);
        let tag = hash(b"althing/epoch/v1");
        let (before, after) = ([number; 50], [0xee; 70]);
        let header = [&before[..], &root, &after].concat();
        let header_file = [&tag[..], &tag, &header].concat();
        let leaf_to_commitment =
            OtsPath::new().log_node(&leaves[3], false).log_node(&left, true).wrap(&before, &after).tagged_hash(&tag);
        let commitment = Commitment::new(hash(&header_file));
        Self { leaf_file: leaf(2), header_file, commitment, leaf_to_commitment }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(bytes).to_byte_array()
}

#[test]
fn the_split_form_begins_at_the_output_key() {
    let mut world = World::new();
    let epoch = Epoch::new(1);
    for (shape, form) in [(LinkShape::Plain, OtsForm::Split), (LinkShape::Anchored, OtsForm::Split)] {
        let link = world.link(epoch.commitment, shape, form);
        let file = split_timestamp(&world.evidence(&link)).unwrap();
        let path = world.write("split.ots", &file.encode());
        let key = &link.transaction().output[0].script_pubkey.as_bytes()[2..];
        assert_eq!(file.digest(), key);
        let (accepted, said) = world.judge_digest(key, &path);
        assert!(accepted, "{said}");
        assert!(!world.judge_digest(&[9; 32], &path).0);
    }
}

#[test]
fn the_op_return_form_stamps_headers_and_ballots_at_once() {
    let mut world = World::new();
    for (number, shape) in [(1, LinkShape::Plain), (2, LinkShape::Anchored)] {
        let epoch = Epoch::new(number);
        let link = world.link(epoch.commitment, shape, OtsForm::OpReturn);
        let evidence = world.evidence(&link);
        let header = op_return_timestamp(digest(&epoch.header_file), OtsPath::new(), epoch.commitment, &evidence);
        check_accepted_and_forgeries_refused(&world, &epoch.header_file, &header.unwrap());
        let path = epoch.leaf_to_commitment.clone();
        let ballot = op_return_timestamp(digest(&epoch.leaf_file), path, epoch.commitment, &evidence);
        check_accepted_and_forgeries_refused(&world, &epoch.leaf_file, &ballot.unwrap());
    }
}

#[test]
fn the_reveal_form_stamps_what_an_earlier_link_committed_to() {
    let mut world = World::new();
    for (number, shape) in [(1, LinkShape::Plain), (2, LinkShape::Anchored)] {
        let epoch = Epoch::new(number);
        let seal = world.link(epoch.commitment, shape, OtsForm::Split).seal();
        let reveal = world.link(Commitment::new([0x77; 32]), shape, OtsForm::Reveal);
        let txid = reveal.transaction().compute_txid();
        let found = world.node.inclusion(&txid).unwrap().unwrap();
        let block = world.node.block(&found.block_hash).unwrap();
        assert!(block.txdata.len() > 4);
        let path = epoch.leaf_to_commitment.clone();
        let ballot = reveal_timestamp(digest(&epoch.leaf_file), path, &seal, txid, &block, found.height);
        check_accepted_and_forgeries_refused(&world, &epoch.leaf_file, &ballot.unwrap());
    }
}

/// The client accepts the file; with the content changed, the height changed, or one byte of an operation changed, it
/// does not.
fn check_accepted_and_forgeries_refused(world: &World, content: &[u8], file: &TimestampFile) {
    let bytes = file.encode();
    let (accepted, said) = world.judge(content, &bytes);
    assert!(accepted, "{said}");

    let mut other = content.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert!(!world.judge(&other, &bytes).0, "another file");
    let mut height = bytes.clone();
    *height.last_mut().unwrap() -= 1;
    assert!(!world.judge(content, &height).0, "another block");
    let mut sibling = bytes.clone();
    // The argument of the last append or prepend, before its two hashes and the attestation of 8 + 1 + 1 + 1 bytes.
    let at = bytes.len() - 20;
    sibling[at] ^= 1;
    assert!(!world.judge(content, &sibling).0, "another sibling");
}
