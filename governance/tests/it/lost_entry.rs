//! Hazard: a hub that receipts an entry and loses it.

use althing_governance::entry::Entry;
use althing_governance::receipt::{Receipt, batch_tree};
use althing_governance::signing::Statement as _;
use althing_governance::{Canonical as _, TreeHash};

use crate::world::{AUX, World, block_hash, hub};

#[test]
fn a_receipt_covers_each_entry_of_its_batch_and_no_other() {
    let world = World::with_stakes(&[5000, 3000, 2000]);
    let bytes: Vec<Vec<u8>> = world.log.iter().map(Entry::to_bytes).collect();
    let p = world.state.params();
    let (first, count) = (2usize, 3usize);
    let batch = batch_tree(bytes[first..first + count].iter().map(Vec::as_slice));
    let log_size = (first + count) as u64;
    let receipt = Receipt {
        network: p.network,
        dao: p.dao_id,
        first_position: first as u64,
        count: count as u32,
        batch_root: batch.root(),
        log_size,
        log_root: world.state.tree().root_at(log_size).unwrap(),
        tip_height: 100,
        tip_hash: block_hash(100),
        anchored_by_height: 120,
    };
    for (index, entry) in bytes[first..first + count].iter().enumerate() {
        let path = batch.inclusion_proof(index as u64, count as u64).unwrap();
        let position = (first + index) as u64;
        receipt.verify_entry(entry, position, &path).unwrap();
        for wrong in [0, position.wrapping_sub(1), position + 1, log_size, u64::MAX] {
            receipt.verify_entry(entry, wrong, &path).unwrap_err();
        }
        receipt.verify_entry(b"another entry", position, &path).unwrap_err();
    }
    // The count is binding: an entry behind it is not covered, whatever the root.
    let mut short = receipt;
    short.count = 2;
    let path = batch.inclusion_proof(2, 3).unwrap();
    short.verify_entry(&bytes[first + 2], 4, &path).unwrap_err();

    let signed = receipt.sign(&world.secp, &hub(), &AUX);
    signed.signature_check(&hub().x_only_public_key().0, "receipt").verify(&world.secp).unwrap();

    // A head of the same size with another root is proof of fraud; so is only that.
    let mut head = world.log_head();
    (head.size, head.root) = (log_size, receipt.log_root);
    assert!(!signed.contradicts(&head));
    head.root = TreeHash([1; 32]);
    assert!(signed.contradicts(&head));
    head.size += 1;
    assert!(!signed.contradicts(&head));
}
