//! A forger who recomputes whatever can be recomputed: trees, headers, commitments, links, Merkle roots, blocks.
//!
//! He holds every key of the hub. What he does not have is the proof of work of the chain that the verifier is given.

use std::collections::BTreeMap;

use althing_anchor::{BlockHashes, link_output_script};
use althing_governance::codec::Canonical as _;
use althing_governance::epoch::{BallotRoot, DecisionLeaf, EpochClose, EpochHeader, Stage};
use althing_governance::id::ProposalId;
use althing_governance::tally::BallotLeaf;
use althing_governance::tree::{SumLeaf, SumTree, TreePurpose};
use althing_node::proof::Bundle;
use bitcoin::{BlockHash, OutPoint, Transaction};

use crate::chain::Chain;
use crate::world::commitment;

/// The chain as the forger tells it: some blocks are his own.
pub(crate) struct ForgedChain<'a> {
    chain: &'a Chain,
    blocks: BTreeMap<u32, BlockHash>,
}

impl ForgedChain<'_> {
    /// Puts the newest link into a block with so many other transactions.
    pub(crate) fn fill_last_block(&mut self, bundle: &mut Bundle, beside: u32) {
        let part = bundle.epochs.last_mut().unwrap();
        let (height, link) = (part.link.inclusion().height(), part.link.transaction().clone());
        let (header, evidence) = self.chain.forged_full_block(height, link, beside);
        self.blocks.insert(height, header.block_hash());
        part.link = evidence;
    }
}

impl BlockHashes for ForgedChain<'_> {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.blocks.get(&height).copied().or_else(|| self.chain.hash_at(height))
    }

    fn tip_height(&self) -> u32 {
        self.chain.height()
    }
}

/// Chains the headers anew, makes links that commit to them and mines those into blocks of the same heights. `change`
/// has the last word on the newest link.
pub(crate) fn reanchor<'a>(
    chain: &'a Chain,
    bundle: &mut Bundle,
    change: impl Fn(&mut Transaction, &EpochHeader),
) -> ForgedChain<'a> {
    let mut key = bundle.charter.anchor_key;
    let mut seal = OutPoint { txid: bundle.genesis.txid(), vout: 0 };
    let mut blocks = BTreeMap::new();
    let newest = bundle.epochs.len() - 1;
    for (index, part) in bundle.epochs.iter_mut().enumerate() {
        let mut link = part.link.transaction().clone();
        link.input[0].previous_output = seal;
        link.output[0].script_pubkey = link_output_script(key, commitment(&part.header));
        if index == newest {
            change(&mut link, &part.header);
        }
        let height = part.link.inclusion().height();
        if link != *part.link.transaction() {
            let (header, evidence) = chain.forged_block(height, link);
            blocks.insert(height, header.block_hash());
            part.link = evidence;
        }
        seal = OutPoint { txid: part.link.txid(), vout: 0 };
        key = part.header.next_anchor_key;
    }
    ForgedChain { chain, blocks }
}

/// Replaces leaves of a proposal's ballot tree, up to the header.
pub(crate) fn forge_ballots(
    close: &mut EpochClose,
    proposal: ProposalId,
    is_final: bool,
    change: impl Fn(&mut SumLeaf),
) {
    let honest = &close.ballots[&proposal];
    let tree = rebuilt(honest.purpose(), honest.leaves(), change);
    let commitment = tree.commitment();
    close.ballots.insert(proposal, tree.into());
    close.ballot_roots = changed(&close.ballot_roots, |leaf| {
        if leaf.key == proposal.0 {
            let root = BallotRoot::from_bytes(&leaf.value).unwrap();
            let stage = if is_final { root.stage } else { Stage::Open };
            leaf.value = BallotRoot { commitment, stage, ..root }.to_bytes();
        }
    });
    close.header.ballots_root = close.ballot_roots.commitment();
}

/// Puts other leaves into a proposal's ballot tree, up to the header.
pub(crate) fn forge_leaves(close: &mut EpochClose, proposal: ProposalId, leaves: Vec<SumLeaf>) {
    let tree = SumTree::build(close.ballots[&proposal].purpose(), leaves).unwrap();
    close.ballots.insert(proposal, tree.into());
    forge_ballots(close, proposal, true, |_| ());
}

/// Gives a yes in a ballot tree another weight, consistently.
pub(crate) fn reweigh(leaf: &mut SumLeaf, weight: u128) {
    let mut ballot = BallotLeaf::from_bytes(&leaf.value).unwrap();
    let BallotLeaf::Own(counted) = &mut ballot else { panic!("no ballot") };
    counted.weight = weight;
    leaf.value = ballot.to_bytes();
    (leaf.sums[0], leaf.sums[5]) = (weight, weight);
}

/// Replaces leaves of a roll, up to the header.
pub(crate) fn forge_roll(close: &mut EpochClose, epoch: u32, change: impl Fn(&mut SumLeaf)) {
    let tree = changed(&close.roll_trees[&epoch], change);
    let value = tree.commitment().to_vec();
    close.roll_trees.insert(epoch, tree);
    close.rolls = changed(&close.rolls, |leaf| {
        if leaf.key[28..] == epoch.to_be_bytes() && leaf.key[..28] == [0; 28] {
            leaf.value.clone_from(&value);
        }
    });
    close.header.rolls_root = close.rolls.commitment();
}

/// Replaces a decision, up to the header; the leaf's sum goes with it.
pub(crate) fn forge_decision(close: &mut EpochClose, proposal: ProposalId, change: impl Fn(&mut DecisionLeaf)) {
    close.decisions = changed(&close.decisions, |leaf| {
        if leaf.key == proposal.0 {
            let mut decision = DecisionLeaf::from_bytes(&leaf.value).unwrap();
            change(&mut decision);
            leaf.value = decision.to_bytes();
            leaf.sums = vec![decision.authorisation.map_or(0, |a| u128::from(a.amount_sat))];
        }
    });
    close.header.decisions_root = close.decisions.commitment();
}

/// The tree with every leaf passed through `change`.
pub(crate) fn changed(tree: &SumTree, change: impl Fn(&mut SumLeaf)) -> SumTree {
    rebuilt(tree.purpose(), tree.leaves(), change)
}

fn rebuilt<'a>(
    purpose: TreePurpose,
    leaves: impl IntoIterator<Item = &'a SumLeaf>,
    change: impl Fn(&mut SumLeaf),
) -> SumTree {
    let leaves = leaves.into_iter().cloned().map(|mut leaf| {
        change(&mut leaf);
        leaf
    });
    SumTree::build(purpose, leaves.collect()).unwrap()
}
