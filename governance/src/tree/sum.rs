//! Keyed Merkle-sum trees: sorted unique keys, a value and a vector of sums at each leaf, sums added up at each node.
//!
//! The shape is RFC 9162's. A node's hash binds the sums of BOTH children (not only their total: a node that binds only
//! `sumL + sumR` lets a dishonest builder shift amounts between them, the flaw of the first Maxwell sum trees). The
//! commitment binds purpose and count, so that a tree of one purpose cannot pass for another and a path fits one shape only.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::hash::{TagPrefix, tag, tagged_hash};

/// Most sums a tree carries.
pub const MAX_SUMS: usize = 261;
/// Longest value of a leaf in bytes.
pub const MAX_VALUE: usize = 4096;
/// Longest path: one sibling per bit of a count.
const MAX_PATH: usize = 64;
const LEAF: TagPrefix = TagPrefix::new(tag::SUM_LEAF);
const NODE: TagPrefix = TagPrefix::new(tag::SUM_NODE);

/// What a sum tree is for. Each has its own tag and its own number of sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreePurpose {
    /// T2: ballots of one proposal; sums as its voting system lays them out (V-11).
    Ballots {
        /// How many sums that are.
        sums: usize,
    },
    /// Roots of the T2s, by proposal; no sums.
    BallotRoots,
    /// Roll of one snapshot; sum weight.
    Roll,
    /// T3: roots of the rolls, by epoch; no sums.
    Rolls,
    /// T4: decisions, by proposal; sum of authorised satoshis.
    Decisions,
}

/// One leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumLeaf {
    /// Unique in its tree.
    pub key: [u8; 32],
    /// Canonical bytes of what the leaf says, at most 4096.
    pub value: Vec<u8>,
    /// As many as the purpose has.
    pub sums: Vec<u128>,
}

/// What a tree commits to: number of leaves, top hash and totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumRoot {
    /// Number of leaves.
    pub count: u64,
    /// Hash of the top node; zeros when there are no leaves.
    pub hash: [u8; 32],
    /// Totals over all leaves.
    pub sums: Vec<u128>,
}

/// A tree held in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumTree {
    purpose: TreePurpose,
    leaves: Vec<SumLeaf>,
    levels: Vec<Vec<SumNode>>,
}

/// Proof that a leaf is in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumProof {
    /// The leaf.
    pub leaf: SumLeaf,
    /// Its place among the sorted keys.
    pub index: u64,
    /// Number of leaves in the tree.
    pub count: u64,
    /// Siblings from the leaf upward.
    pub siblings: Vec<SumNode>,
}

/// Proof that a key is in no leaf: its neighbours, which stand side by side (or at an edge).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumAbsence {
    /// The leaf with the next smaller key, unless the key is below all.
    pub below: Option<SumProof>,
    /// The leaf with the next greater key, unless the key is above all.
    pub above: Option<SumProof>,
}

/// Hash and sums of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumNode {
    /// Hash over the node.
    pub hash: [u8; 32],
    /// Sums below it.
    pub sums: Vec<u128>,
}

/// Why leaves make no tree, or a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumError {
    /// A key appears twice.
    #[error("G-71: key {} appears twice", hex(.0))]
    DuplicateKey([u8; 32]),
    /// The number of sums is not the purpose's.
    #[error("G-71: {found} sums, but this tree has {expected}")]
    SumCount {
        /// What the purpose has.
        expected: usize,
        /// What was found.
        found: usize,
    },
    /// A total does not fit 128 bits.
    #[error("G-71: a sum is above 2^128 - 1")]
    Overflow,
    /// A value is too long.
    #[error("G-71: value of {0} bytes, at most {MAX_VALUE} are allowed")]
    ValueLength(usize),
    /// Index or path length fits no tree of that count.
    #[error("G-73: a path of {found} siblings does not fit leaf {index} of {count}")]
    Shape {
        /// Index claimed.
        index: u64,
        /// Count claimed.
        count: u64,
        /// Siblings given.
        found: usize,
    },
    /// A key is not above those before it.
    #[error("G-71: key {} is out of order", hex(.0))]
    Order([u8; 32]),
    /// A key has no leaf that could be replaced.
    #[error("G-71: there is no leaf with key {}", hex(.0))]
    UnknownKey([u8; 32]),
    /// Parts of a tree that do not lie side by side.
    #[error("G-71: a part that begins with leaf {found} does not continue one that ends before leaf {expected}")]
    Gap {
        /// Index of the leaf that should come next.
        expected: usize,
        /// Index of the first leaf of the other part.
        found: usize,
    },
    /// The proof leads to another commitment.
    #[error("G-73: path leads to commitment {}, not {}", hex(.found), hex(.expected))]
    OtherRoot {
        /// Commitment that should have come out.
        expected: [u8; 32],
        /// Commitment that came out.
        found: [u8; 32],
    },
    /// The proof is about another key.
    #[error("G-73: proof is for key {}, not {}", hex(.found), hex(.expected))]
    OtherKey {
        /// Key asked for.
        expected: [u8; 32],
        /// Key proven.
        found: [u8; 32],
    },
    /// Neighbours that do not enclose the key.
    #[error("G-74: absence of key {} is not shown: {why}", hex(.key))]
    NotAbsent {
        /// Key asked for.
        key: [u8; 32],
        /// What is missing.
        why: &'static str,
    },
}

impl TreePurpose {
    /// Name in the root commitment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ballots { .. } => "ballots",
            Self::BallotRoots => "ballot-roots",
            Self::Roll => "roll",
            Self::Rolls => "rolls",
            Self::Decisions => "decisions",
        }
    }

    /// How many sums each node has.
    #[must_use]
    pub const fn sum_count(self) -> usize {
        match self {
            Self::Ballots { sums } => sums,
            Self::Roll | Self::Decisions => 1,
            Self::BallotRoots | Self::Rolls => 0,
        }
    }
}

impl SumTree {
    /// The tree over `leaves` in any order.
    ///
    /// # Errors
    /// [`SumError`] on a repeated key, a wrong number of sums or an overflow.
    pub fn build(purpose: TreePurpose, mut leaves: Vec<SumLeaf>) -> Result<Self, SumError> {
        leaves.sort_by_key(|leaf| leaf.key);
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0].key == pair[1].key) {
            return Err(SumError::DuplicateKey(pair[0].key));
        }
        let bottom = leaves.iter().map(|leaf| leaf.node(purpose)).collect::<Result<Vec<_>, _>>()?;
        let mut levels = vec![bottom];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => left.join(right),
                    // RFC 9162's shape: a node without a sibling moves up as it is.
                    other => Ok(other[0].clone()),
                })
                .collect::<Result<Vec<_>, _>>()?;
            levels.push(above);
        }
        Ok(Self { purpose, leaves, levels })
    }

    /// From leaves by ascending key and all nodes, which the caller has computed; see [`super::SumFragment`].
    pub(super) fn from_levels(purpose: TreePurpose, leaves: Vec<SumLeaf>, levels: Vec<Vec<SumNode>>) -> Self {
        Self { purpose, leaves, levels }
    }

    /// Nodes by level, those of the leaves first.
    pub(super) fn levels(&self) -> &[Vec<SumNode>] {
        &self.levels
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> TreePurpose {
        self.purpose
    }

    /// Leaves by ascending key.
    #[must_use]
    pub fn leaves(&self) -> &[SumLeaf] {
        &self.leaves
    }

    /// The leaf with this key.
    #[must_use]
    pub fn leaf(&self, key: &[u8; 32]) -> Option<&SumLeaf> {
        self.find(key).ok().map(|index| &self.leaves[index])
    }

    /// Count, top hash and totals.
    #[must_use]
    pub fn root(&self) -> SumRoot {
        let count = self.leaves.len() as u64;
        match self.levels.last().and_then(|top| top.first()) {
            Some(top) => SumRoot { count, hash: top.hash, sums: top.sums.clone() },
            None => SumRoot::empty(self.purpose),
        }
    }

    /// The 32 bytes that stand for this tree (G-72).
    #[must_use]
    pub fn commitment(&self) -> [u8; 32] {
        self.root().commitment(self.purpose)
    }

    /// Proof of the leaf with this key, if there is one.
    #[must_use]
    pub fn prove(&self, key: &[u8; 32]) -> Option<SumProof> {
        self.find(key).ok().map(|index| self.proof_at(index))
    }

    /// Proof that no leaf has this key, if none has.
    #[must_use]
    pub fn prove_absence(&self, key: &[u8; 32]) -> Option<SumAbsence> {
        let above = self.find(key).err()?;
        Some(SumAbsence {
            below: above.checked_sub(1).map(|index| self.proof_at(index)),
            above: (above < self.leaves.len()).then(|| self.proof_at(above)),
        })
    }

    /// Index of the leaf with this key, or the index at which it would stand.
    pub(super) fn find(&self, key: &[u8; 32]) -> Result<usize, usize> {
        self.leaves.binary_search_by(|leaf| leaf.key.cmp(key))
    }

    fn proof_at(&self, index: usize) -> SumProof {
        let siblings = self
            .levels
            .iter()
            .enumerate()
            .filter_map(|(level, nodes)| nodes.get((index >> level) ^ 1).cloned())
            .collect();
        SumProof { leaf: self.leaves[index].clone(), index: index as u64, count: self.leaves.len() as u64, siblings }
    }
}

impl SumRoot {
    /// Root of a tree without leaves.
    #[must_use]
    pub fn empty(purpose: TreePurpose) -> Self {
        Self { count: 0, hash: [0; 32], sums: vec![0; purpose.sum_count()] }
    }

    /// The 32 bytes that stand for the tree (G-72).
    #[must_use]
    pub fn commitment(&self, purpose: TreePurpose) -> [u8; 32] {
        let mut w = Writer::new();
        w.text(purpose.name());
        self.encode(&mut w);
        tagged_hash(tag::SUM_ROOT, &[&w.into_bytes()])
    }
}

impl SumProof {
    /// The root this proof leads to, by checked addition (G-73).
    ///
    /// # Errors
    /// [`SumError`] when shape or number of sums cannot be right.
    pub fn root(&self, purpose: TreePurpose) -> Result<SumRoot, SumError> {
        let shape = SumError::Shape { index: self.index, count: self.count, found: self.siblings.len() };
        if self.index >= self.count {
            return Err(shape);
        }
        let mut node = self.leaf.node(purpose)?;
        let (mut index, mut last) = (self.index, self.count - 1);
        let mut siblings = self.siblings.iter();
        while last > 0 {
            // The last node of a level with an odd number of nodes has no sibling and moves up as it is.
            if index % 2 == 1 || index < last {
                let sibling = siblings.next().ok_or(shape.clone())?;
                check_sum_count(purpose, sibling.sums.len())?;
                node = if index % 2 == 1 { sibling.join(&node)? } else { node.join(sibling)? };
            }
            index >>= 1;
            last >>= 1;
        }
        if siblings.next().is_some() {
            return Err(shape);
        }
        Ok(SumRoot { count: self.count, hash: node.hash, sums: node.sums })
    }

    /// Checks that this leaf, with `key`, is in the tree that `commitment` stands for; returns the tree's totals.
    ///
    /// # Errors
    /// [`SumError`] naming what differs.
    pub fn verify(&self, purpose: TreePurpose, key: &[u8; 32], commitment: &[u8; 32]) -> Result<SumRoot, SumError> {
        if self.leaf.key != *key {
            return Err(SumError::OtherKey { expected: *key, found: self.leaf.key });
        }
        let root = self.root(purpose)?;
        let found = root.commitment(purpose);
        if found != *commitment {
            return Err(SumError::OtherRoot { expected: *commitment, found });
        }
        Ok(root)
    }
}

impl SumAbsence {
    /// Checks that no leaf with `key` is in the tree that `commitment` stands for (G-74). Relies on the keys being sorted,
    /// which every full member checks by rebuilding the tree.
    ///
    /// # Errors
    /// [`SumError`] naming what is missing.
    pub fn verify(&self, purpose: TreePurpose, key: &[u8; 32], commitment: &[u8; 32]) -> Result<(), SumError> {
        let fail = |why| Err(SumError::NotAbsent { key: *key, why });
        for proof in [&self.below, &self.above].into_iter().flatten() {
            proof.verify(purpose, &proof.leaf.key, commitment)?;
        }
        if self.below.as_ref().is_some_and(|below| below.leaf.key >= *key) {
            return fail("the lower neighbour is not lower");
        }
        if self.above.as_ref().is_some_and(|above| above.leaf.key <= *key) {
            return fail("the upper neighbour is not greater");
        }
        match (&self.below, &self.above) {
            (None, None) if SumRoot::empty(purpose).commitment(purpose) == *commitment => Ok(()),
            (None, None) => fail("the tree is not empty"),
            (Some(below), None) if below.index + 1 == below.count => Ok(()),
            (Some(_), None) => fail("the lower neighbour is not the last leaf"),
            (None, Some(above)) if above.index == 0 => Ok(()),
            (None, Some(_)) => fail("the upper neighbour is not the first leaf"),
            (Some(below), Some(above)) if below.index + 1 == above.index => Ok(()),
            (Some(_), Some(_)) => fail("the neighbours are not side by side"),
        }
    }
}

impl SumLeaf {
    pub(super) fn node(&self, purpose: TreePurpose) -> Result<SumNode, SumError> {
        check_sum_count(purpose, self.sums.len())?;
        if self.value.len() > MAX_VALUE {
            return Err(SumError::ValueLength(self.value.len()));
        }
        Ok(SumNode { hash: LEAF.hash(&[&self.to_bytes()]), sums: self.sums.clone() })
    }
}

impl SumNode {
    pub(super) fn join(&self, right: &Self) -> Result<Self, SumError> {
        let mut w = Writer::new();
        self.encode(&mut w);
        right.encode(&mut w);
        let add = |(a, b): (&u128, &u128)| a.checked_add(*b).ok_or(SumError::Overflow);
        Ok(Self {
            hash: NODE.hash(&[&w.into_bytes()]),
            sums: self.sums.iter().zip(&right.sums).map(add).collect::<Result<_, _>>()?,
        })
    }
}

impl Canonical for SumLeaf {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&self.key);
        w.bytes(&self.value);
        w.list(&self.sums);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { key: r.fixed()?, value: r.bytes("sum leaf value", MAX_VALUE)?, sums: r.list("sums", MAX_SUMS)? })
    }
}

impl Canonical for SumNode {
    fn encode(&self, w: &mut Writer) {
        w.fixed(&self.hash);
        w.list(&self.sums);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hash: r.fixed()?, sums: r.list("sums", MAX_SUMS)? })
    }
}

impl Canonical for SumRoot {
    fn encode(&self, w: &mut Writer) {
        w.u64(self.count);
        w.fixed(&self.hash);
        w.list(&self.sums);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { count: r.u64()?, hash: r.fixed()?, sums: r.list("sums", MAX_SUMS)? })
    }
}

impl Canonical for SumProof {
    fn encode(&self, w: &mut Writer) {
        self.leaf.encode(w);
        w.u64(self.index);
        w.u64(self.count);
        w.list(&self.siblings);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            leaf: Canonical::decode(r)?,
            index: r.u64()?,
            count: r.u64()?,
            siblings: r.list("siblings", MAX_PATH)?,
        })
    }
}

impl Canonical for SumAbsence {
    fn encode(&self, w: &mut Writer) {
        w.option(self.below.as_ref(), |w, proof| proof.encode(w));
        w.option(self.above.as_ref(), |w, proof| proof.encode(w));
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            below: r.option("lower neighbour", Canonical::decode)?,
            above: r.option("upper neighbour", Canonical::decode)?,
        })
    }
}

fn check_sum_count(purpose: TreePurpose, found: usize) -> Result<(), SumError> {
    let expected = purpose.sum_count();
    if found == expected { Ok(()) } else { Err(SumError::SumCount { expected, found }) }
}

fn hex(bytes: &[u8; 32]) -> String {
    use bitcoin::hex::DisplayHex as _;
    bytes.to_lower_hex_string()
}
