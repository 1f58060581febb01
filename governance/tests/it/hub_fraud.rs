//! Hazard: a hub whose fraud is proven and costs it nothing, and a bond that is taken without fraud.

use althing_governance::charter::Class;
use althing_governance::codec::Canonical as _;
use althing_governance::entry::{
    Choice, Comment, Effect, Entry, FraudEvidence, HubFraud, LogHead, OtherEntry, ProposalContent, ReplaceKeys,
};
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::{Signed, Statement as _, verify_all};
use althing_governance::tree::leaf_hash;
use althing_governance::{ProposalId, TreeHash};
use bitcoin::secp256k1::Keypair;

use crate::world::{AUX, IntoEntry as _, World, block_hash, charter, hub, keypair};

fn world() -> World {
    let mut charter = charter();
    charter.hub_bond_sat = 70_000;
    let rule = althing_governance::charter::ClassRule { voting_blocks: 6, ..charter.classes[0].clone() };
    charter.classes.push(althing_governance::charter::ClassRule { class: Class::ReplaceKeys, ..rule });
    let mut world = World::with_charter(charter);
    (1..=2).for_each(|member| world.join(member, 5000));
    world.finish_epoch();
    world
}

fn signed(world: &World, head: LogHead, key: &Keypair) -> Signed<LogHead> {
    head.sign(&world.secp, key, &AUX)
}

/// Two heads of one height.
fn heads(world: &World, key: &Keypair) -> HubFraud {
    let honest = world.log_head();
    let lie = LogHead { root: TreeHash([7; 32]), ..honest };
    let evidence = FraudEvidence::Heads(signed(world, lie, key), signed(world, honest, key));
    HubFraud::new(key.x_only_public_key().0, evidence).unwrap()
}

fn log(world: &mut World, proof: HubFraud) -> Result<(), &'static str> {
    let decoded = Entry::from_bytes(&Entry::HubFraud(proof).to_bytes()).unwrap();
    world.append(decoded).map(drop).map_err(|refusal| refusal.rule())
}

fn bonds(world: &World) -> Vec<u64> {
    world.state.ledger().bonds_forfeited().iter().map(|bond| bond.sat).collect()
}

#[test]
fn the_bond_is_forfeited_once_and_exactly() {
    let mut world = world();
    let proof = heads(&world, &hub());
    log(&mut world, proof.clone()).unwrap();
    assert_eq!(log(&mut world, proof), Err("G-109"));
    world.finish_epoch();
    world.finish_epoch();
    assert_eq!(bonds(&world), [70_000]);
    assert_eq!(world.state.ledger().bonds_forfeited()[0].epoch, world.headers[1].epoch);
    world.assert_reproducible();
}

#[test]
fn what_no_hub_of_this_dao_signed_takes_nothing() {
    let mut world = world();
    let by_stranger = heads(&world, &keypair(55));
    assert_eq!(log(&mut world, by_stranger), Err("G-109"));
    // Signed by a stranger in the hub's name: the signatures do not hold.
    let forged = HubFraud { hub_log_key: hub().x_only_public_key().0, ..heads(&world, &keypair(55)) };
    assert!(verify_all(&world.secp, &forged.signature_checks()).is_err());
    // Heads that agree, or are of different places, prove nothing.
    let honest = world.log_head();
    let later = LogHead { size: honest.size + 1, tip_height: honest.tip_height + 1, ..honest };
    for other in [honest, later] {
        let evidence = FraudEvidence::Heads(signed(&world, honest, &hub()), signed(&world, other, &hub()));
        assert!(HubFraud::new(hub().x_only_public_key().0, evidence).is_err());
    }
}

#[test]
fn a_key_that_was_replaced_proves_only_what_the_log_has() {
    let mut world = world();
    let old = world.log_head();
    world.mine();
    let logged = LogHead { tip_height: world.height, tip_hash: block_hash(world.height), ..old };
    let keys =
        ReplaceKeys { hub_node_key: None, hub_log_key: Some(keypair(94).x_only_public_key().0), anchor_key: None };
    let content = ProposalContent::question(Class::ReplaceKeys, "New key", "", vec![Effect::ReplaceKeys(keys)]);
    let id: ProposalId = world.open_vote(1, content);
    world.vote(1, id, Choice::Yes).unwrap();
    world.vote(2, id, Choice::Yes).unwrap();
    while world.state.hub_log_key() == hub().x_only_public_key().0 {
        let header = world.close_epoch();
        let mined = world.height + 1;
        world.mine_to(mined + 1);
        let anchored = world.anchored(header, mined);
        world.note_anchored(anchored);
    }
    // Whoever finds the old key signs what he likes.
    let invented = heads(&world, &hub());
    assert_eq!(log(&mut world, invented), Err("G-109"));
    let lie = LogHead { root: TreeHash([7; 32]), ..logged };
    let evidence = FraudEvidence::Heads(signed(&world, logged, &hub()), signed(&world, lie, &hub()));
    let proof = HubFraud::new(hub().x_only_public_key().0, evidence).unwrap();
    assert_eq!(log(&mut world, proof), Ok(()));
}

#[test]
fn a_receipt_that_was_not_kept_is_fraud() {
    let mut world = world();
    let (key, p) = (hub().x_only_public_key().0, world.state.params().clone());
    let comment = |text: &str| Comment { proposal: ProposalId([1; 32]), parent: None, text: text.into() };
    let promised = world.sign(1, comment("Promised")).into_entry().to_bytes();
    let before = world.log.iter().map(Entry::to_bytes).collect::<Vec<_>>();
    let receipt = |log_root, batch: &[Vec<u8>]| Receipt {
        network: p.network,
        dao: p.dao_id,
        first_position: before.len() as u64,
        count: batch.len() as u32,
        batch_root: batch_tree(batch.iter().map(Vec::as_slice)).root(),
        log_size: (before.len() + batch.len()) as u64,
        log_root,
        tip_height: world.height,
        tip_hash: block_hash(world.height),
        anchored_by_height: world.height + 20,
    };
    let batch = [promised.clone(), vec![1, 2, 3]];
    let root = |entries: &[Vec<u8>]| batch_tree(entries.iter().map(Vec::as_slice)).root();
    let receipt = receipt(root(&[before.as_slice(), &batch].concat()), &batch).sign(&world.secp, &hub(), &AUX);
    // Then it logs others.
    let came = [before.as_slice(), &[vec![9], vec![8], vec![7]]].concat();
    let head = |size: usize| LogHead { size: size as u64, root: root(&came[..size]), ..world.log_head() };
    let other_log = FraudEvidence::OtherLog(receipt.clone(), signed(&world, head(before.len() + 2), &hub()));
    HubFraud::new(key, other_log).unwrap();
    let longer = signed(&world, head(came.len()), &hub());
    assert!(HubFraud::new(key, FraudEvidence::OtherLog(receipt.clone(), longer.clone())).is_err(), "sizes differ");
    let tree = batch_tree(came.iter().map(Vec::as_slice));
    let batch_tree = batch_tree(batch.iter().map(Vec::as_slice));
    let position = before.len() as u64;
    let other = OtherEntry {
        receipt,
        head: longer,
        position,
        promised: leaf_hash(&promised),
        promised_path: batch_tree.inclusion_proof(0, 2).unwrap(),
        found: leaf_hash(&[9]),
        found_path: tree.inclusion_proof(position, came.len() as u64).unwrap(),
    };
    let proof = |other: OtherEntry| HubFraud::new(key, FraudEvidence::OtherEntry(Box::new(other)));
    for wrong in [
        OtherEntry { found: leaf_hash(&promised), ..other.clone() },
        OtherEntry { found: leaf_hash(&[8]), ..other.clone() },
        OtherEntry { promised: leaf_hash(&[1]), ..other.clone() },
        OtherEntry { position: 0, ..other.clone() },
    ] {
        assert!(proof(wrong).is_err());
    }
    let proof = proof(other).unwrap();
    verify_all(&world.secp, &proof.signature_checks()).unwrap();
    assert_eq!(log(&mut world, proof), Ok(()));
}
