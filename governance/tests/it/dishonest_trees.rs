//! Hazard: a hub that commits to trees that are well built but lie. Every hash and commitment is recomputed; only the meaning
//! is wrong.

use althing_governance::entry::Choice;
use althing_governance::epoch::{BallotProof, BallotRoot, DecisionLeaf, DecisionProof, ProofError};
use althing_governance::tally::BallotLeaf;
use althing_governance::tree::{SumLeaf, SumTree, TreePurpose};
use althing_governance::{Canonical as _, EpochHeader, ProposalId};

use crate::world::{World, member_id, spend};

/// A vote in which member 1 said no, and a spend that member 2 carried, both decided.
fn decided() -> (World, ProposalId) {
    let mut world = World::with_stakes(&[5000, 6000]);
    let id = world.open_vote(1, spend("Nets", 20_000));
    world.vote(1, id, Choice::No).unwrap();
    world.vote(2, id, Choice::Yes).unwrap();
    let close = world.state.proposals()[&id].schedule.unwrap().close;
    while world.headers.last().unwrap().closing_height < close {
        world.close_epoch();
    }
    (world, id)
}

/// Commits to another ballot tree, with everything above it recomputed, and proves member 1's leaf under it.
fn recommit(world: &World, id: ProposalId, leaves: Vec<SumLeaf>) -> (EpochHeader, BallotProof) {
    let ballots = SumTree::build(TreePurpose::Ballots { sums: 6 }, leaves).unwrap();
    let honest = world.closes.last().unwrap().ballot_roots.leaf(&id.0).unwrap();
    let honest = BallotRoot::from_bytes(&honest.value).unwrap();
    let root = BallotRoot { commitment: ballots.commitment(), ..honest };
    let root = SumLeaf { key: id.0, value: root.to_bytes(), sums: Vec::new() };
    let roots = SumTree::build(TreePurpose::BallotRoots, vec![root]).unwrap();
    let mut header = *world.headers.last().unwrap();
    header.ballots_root = roots.commitment();
    let proof = BallotProof { ballot: ballots.prove(&member_id(1).0).unwrap(), root: roots.prove(&id.0).unwrap() };
    (header, proof)
}

#[test]
fn an_honest_recommitment_is_accepted() {
    let (world, id) = decided();
    let leaves = world.closes.last().unwrap().ballots[&id].leaves().cloned().collect();
    let (header, proof) = recommit(&world, id, leaves);
    assert_eq!(&header, world.headers.last().unwrap());
    proof.verify(&header, &id, &member_id(1)).unwrap();
}

#[test]
fn a_ballot_counted_as_something_else() {
    let (world, id) = decided();
    let honest: Vec<SumLeaf> = world.closes.last().unwrap().ballots[&id].leaves().cloned().collect();
    let own = honest.iter().position(|leaf| leaf.key == member_id(1).0).unwrap();
    // yes, no, abstain, standing, ballots, weight
    assert_eq!(honest[own].sums, [0, 5000, 0, 0, 1, 5000]);
    for (what, sums) in [
        ("as yes", [5000, 0, 0, 0, 1, 5000]),
        ("as abstention", [0, 0, 5000, 0, 1, 5000]),
        ("as standing aside", [0, 0, 0, 5000, 0, 5000]),
        ("not at all", [0, 0, 0, 0, 0, 5000]),
        ("with less weight than the leaf has", [0, 1, 0, 0, 1, 5000]),
        ("twice", [0, 10_000, 0, 0, 2, 5000]),
        ("as two voters", [0, 5000, 0, 0, 2, 5000]),
    ] {
        let mut leaves = honest.clone();
        leaves[own].sums = sums.to_vec();
        let (header, proof) = recommit(&world, id, leaves);
        let error = proof.verify(&header, &id, &member_id(1)).expect_err(what);
        assert!(matches!(error, ProofError::Contradiction(_)), "{what}: {error}");
    }
}

/// G-77: cast, abstain and standing together are at most the weight of the roll, of which each has one part only.
#[test]
fn more_stands_aside_than_is_left() {
    let (world, id) = decided();
    let honest: Vec<SumLeaf> = world.closes.last().unwrap().ballots[&id].leaves().cloned().collect();
    let (weight, cast) = (
        honest.iter().map(|leaf| leaf.sums[5]).sum::<u128>(),
        honest.iter().map(|leaf| leaf.sums[0] + leaf.sums[1]).sum::<u128>(),
    );
    let other = honest.iter().position(|leaf| leaf.key != member_id(1).0).unwrap();
    for (more, is_shown) in [(0, true), (1, false)] {
        let mut leaves = honest.clone();
        leaves[other].sums[3] = weight - cast + more;
        let (header, proof) = recommit(&world, id, leaves);
        let judged = proof.verify(&header, &id, &member_id(1));
        assert_eq!(judged.is_ok(), is_shown, "{more}: {judged:?}");
        assert!(is_shown || matches!(judged, Err(ProofError::Contradiction(_))), "{judged:?}");
    }
}

#[test]
fn a_ballot_with_fields_that_mean_nothing() {
    let (world, id) = decided();
    let mut leaves: Vec<SumLeaf> = world.closes.last().unwrap().ballots[&id].leaves().cloned().collect();
    let own = leaves.iter().position(|leaf| leaf.key == member_id(1).0).unwrap();
    let BallotLeaf::Own(mut ballot) = BallotLeaf::from_bytes(&leaves[own].value).unwrap() else { unreachable!() };
    ballot.fields = vec![3];
    leaves[own].value = BallotLeaf::Own(ballot).to_bytes();
    let (header, proof) = recommit(&world, id, leaves.clone());
    assert!(matches!(proof.verify(&header, &id, &member_id(1)), Err(ProofError::Contradiction(_))));
    leaves[own].value.push(0);
    let (header, proof) = recommit(&world, id, leaves);
    assert!(matches!(proof.verify(&header, &id, &member_id(1)), Err(ProofError::Value { tree: "ballots", .. })));
}

#[test]
fn a_stage_that_is_none() {
    let (world, id) = decided();
    let closed = world.closes.last().unwrap();
    let ballots = &closed.ballots[&id];
    let mut value = closed.ballot_roots.leaf(&id.0).unwrap().value.clone();
    value[32] = 3;
    let root = SumLeaf { key: id.0, value, sums: Vec::new() };
    let roots = SumTree::build(TreePurpose::BallotRoots, vec![root]).unwrap();
    let mut header = closed.header;
    header.ballots_root = roots.commitment();
    let proof = BallotProof { ballot: ballots.prove(&member_id(1).0).unwrap(), root: roots.prove(&id.0).unwrap() };
    assert!(matches!(proof.verify(&header, &id, &member_id(1)), Err(ProofError::Value { tree: "ballot roots", .. })));
}

#[test]
fn an_authorisation_that_its_sum_does_not_carry() {
    let (world, id) = decided();
    let closed = world.closes.last().unwrap();
    let honest = closed.prove_decision(&id).unwrap().verify(&closed.header, &id).unwrap();
    let mut larger = honest;
    larger.authorisation.as_mut().unwrap().amount_sat *= 2;
    let mut silent = honest;
    silent.authorisation = None;
    let prove = |leaf: DecisionLeaf| {
        let leaf = SumLeaf { key: id.0, value: leaf.to_bytes(), sums: vec![21_000] };
        let tree = SumTree::build(TreePurpose::Decisions, vec![leaf]).unwrap();
        let mut header = closed.header;
        header.decisions_root = tree.commitment();
        DecisionProof { decision: tree.prove(&id.0).unwrap() }.verify(&header, &id)
    };
    assert_eq!(prove(honest), Ok(honest));
    for leaf in [larger, silent] {
        assert!(matches!(prove(leaf), Err(ProofError::Contradiction(_))), "{leaf:?}");
    }
}
