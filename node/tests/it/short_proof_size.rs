//! How large a short proof file is in a large DAO (P-164). Of the great trees the path alone is made: the rest of them is in no file.

use althing_governance::codec::Canonical as _;
use althing_governance::epoch::BallotRoot;
use althing_governance::id::TreeHash;
use althing_governance::tally::BallotLeaf;
use althing_governance::tree::{SumProof, TreePurpose, leaf_hash};
use althing_node::proof::{Bundle, Statement, verify, verify_short};
use bitcoin::hashes::{Hash as _, sha256};

use crate::forger::reanchor;
use crate::story::{DECIDING, Story};

/// A yes/no/abstain ballot among 2^20 is proven in so many bytes, link list apart.
const LARGEST: usize = 6 * 1024;

/// 20 bitcoin: those of 2^20 members are all that there will be.
const STAKE: u128 = 2_000_000_000;

/// Transactions in the block of the link, about as many as ever fit.
const BLOCK: u32 = 16_600;

/// As powers of two.
struct Size {
    proposals: u32,
    log: u32,
}

const MEMBERS: u32 = 20;

#[test]
fn a_ballot_among_a_million_is_proven_in_six_kilobytes() {
    let one = proven(&Size { proposals: 0, log: 21 });
    // Every member has voted on each of 1024 proposals, and each proposal has a snapshot of its own.
    let many = proven(&Size { proposals: 10, log: 30 });
    assert_eq!((one, many), (ONE, MANY));
    assert!(one < many && many <= LARGEST, "{one} and {many} bytes");
}

/// What P-164 says.
const ONE: usize = 4_648;
const MANY: usize = 5_656;

/// Bytes of the proof of a ballot, which holds.
fn proven(size: &Size) -> usize {
    let story = Story::told();
    let mut bundle = story.ballot_bundle(DECIDING);
    let Statement::Ballot(part) = &mut bundle.statement else { unreachable!() };
    let header = &mut bundle.epochs.last_mut().unwrap().header;

    let position = (1 << (size.log - 1)) + 12_345;
    part.entry.position = position;
    part.entry.path = (0..size.log).map(|level| TreeHash(noise(level))).collect();
    header.log_size = 1 << size.log;
    header.log_root = log_root(&part.entry.bytes, position, &part.entry.path);

    let mut leaf = BallotLeaf::from_bytes(&part.counted.ballot.leaf.value).unwrap();
    let BallotLeaf::Own(ballot) = &mut leaf else { unreachable!() };
    (ballot.position, ballot.weight) = (position, STAKE);
    part.counted.ballot.leaf.value = leaf.to_bytes();
    part.counted.ballot.leaf.sums = vec![STAKE, 0, 0, 0, 1, STAKE];
    let third = STAKE / 3;
    grow(&mut part.counted.ballot, MEMBERS, &[third, third, third / 2, third / 2, 1, STAKE]);
    let purpose = TreePurpose::Ballots { sums: 6 };
    let root = BallotRoot::from_bytes(&part.counted.root.leaf.value).unwrap();
    let commitment = part.counted.ballot.root(purpose).unwrap().commitment(purpose);
    part.counted.root.leaf.value = BallotRoot { commitment, ..root }.to_bytes();
    grow(&mut part.counted.root, size.proposals, &[]);
    header.ballots_root = commitment_of(&part.counted.root, TreePurpose::BallotRoots);

    part.weight.member.leaf.sums = vec![STAKE];
    grow(&mut part.weight.member, MEMBERS, &[STAKE]);
    part.weight.root.leaf.value = commitment_of(&part.weight.member, TreePurpose::Roll).to_vec();
    grow(&mut part.weight.root, size.proposals, &[]);
    header.rolls_root = commitment_of(&part.weight.root, TreePurpose::Rolls);

    let mut chain = reanchor(&story.world.chain, &mut bundle, |_, _| ());
    chain.fill_last_block(&mut bundle, BLOCK);
    let links = Bundle { statement: Statement::Links, ..bundle.clone() }.to_bytes();
    let short = bundle.shortened().unwrap().to_bytes();
    let finding = verify_short(&short, &links, &chain).unwrap();
    assert_eq!(Ok(&finding), verify(&bundle.to_bytes(), &chain).as_ref());
    assert!(finding.statement.contains("counted as cast in the final tally"), "{}", finding.statement);
    short.len()
}

/// Makes the path of a leaf in a tree of 2^power leaves, each of which has these sums.
fn grow(proof: &mut SumProof, power: u32, sums: &[u128]) {
    let node = proof.siblings[0].clone();
    proof.count = 1 << power;
    proof.index = proof.count / 3;
    proof.siblings = Vec::new();
    for level in 0..power {
        let mut sibling = node.clone();
        sibling.hash = noise(level);
        sibling.sums = sums.iter().map(|sum| sum << level).collect();
        proof.siblings.push(sibling);
    }
}

fn commitment_of(proof: &SumProof, purpose: TreePurpose) -> [u8; 32] {
    proof.root(purpose).unwrap().commitment(purpose)
}

/// RFC 9162's root over a perfect tree.
fn log_root(entry: &[u8], position: u64, path: &[TreeHash]) -> TreeHash {
    let mut node = leaf_hash(entry);
    for (level, sibling) in path.iter().enumerate() {
        let (left, right) = if position >> level & 1 == 1 { (*sibling, node) } else { (node, *sibling) };
        let bytes = [&[1], &left.0[..], &right.0].concat();
        node = TreeHash(sha256::Hash::hash(&bytes).to_byte_array());
    }
    node
}

fn noise(level: u32) -> [u8; 32] {
    sha256::Hash::hash(&level.to_be_bytes()).to_byte_array()
}
