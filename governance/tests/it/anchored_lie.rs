//! Hazard: a hub that notes an epoch as final that is not the next one, or not yet.

use althing_governance::EpochHeader;
use althing_governance::entry::{Anchored, Entry};
use althing_governance::signing::Statement as _;

use crate::world::{AUX, World, hub, keypair};

fn refusal(world: &World, anchored: Anchored) -> (bool, String) {
    let entry = Entry::Anchored(anchored.sign(&world.secp, &hub(), &AUX));
    let refusal = world.state.check(&entry).expect_err("must be refused");
    assert_eq!(refusal.rule(), "G-31");
    (refusal.is_not_now(), refusal.to_string())
}

#[test]
fn each_field_of_the_next_header_is_checked() {
    let mut world = World::with_stakes(&[5000]);
    let header = world.close_epoch();
    let mined = world.height + 1;
    world.mine_to(mined + 1);
    type Change = fn(&mut EpochHeader);
    let table: [(&str, bool, Change); 9] = [
        ("epoch 3 is anchored, next is 2", false, |h| h.epoch = 3),
        ("epoch 1 is anchored, next is 2", false, |h| h.epoch = 1),
        ("previous header is", false, |h| h.prev_header.0[0] ^= 1),
        ("header covers", false, |h| h.log_size -= 1),
        ("header covers", false, |h| h.log_root.0[0] ^= 1),
        ("header names charter", false, |h| h.charter.0[0] ^= 1),
        ("next anchor key", false, |h| h.next_anchor_key = keypair(5).x_only_public_key().0),
        ("spare seal", false, |h| h.spare_seal.vout = 2),
        ("is no boundary", false, |h| h.closing_height -= 1),
    ];
    for (hint, not_now, change) in table {
        let mut changed = header;
        change(&mut changed);
        let (kind, text) = refusal(&world, world.anchored(changed, mined));
        assert_eq!(kind, not_now, "{text}");
        assert!(text.contains(hint), "{text:?} should say {hint:?}");
    }
    let (_, text) = refusal(&world, world.anchored(header, header.closing_height));
    assert!(text.contains("mined at height"), "{text}");
    // Mined, but one block short of final.
    let (not_now, text) = refusal(&world, world.anchored(header, world.height));
    assert!(not_now && text.contains("is final at height"), "{text}");
    let (not_now, _) = refusal(&world, world.anchored(header, u32::MAX));
    assert!(not_now);

    let honest = world.anchored(header, mined).sign(&world.secp, &hub(), &AUX);
    world.append(Entry::Anchored(honest)).unwrap();
    assert_eq!(world.state.newest_anchored().unwrap().header.epoch, 2);
}

#[test]
fn two_heads_for_one_size_or_tip_are_a_contradiction() {
    let world = World::with_stakes(&[5000]);
    let head = world.log_head();
    assert!(!head.contradicts(&head));
    let mut later = head;
    (later.size, later.tip_height) = (head.size + 1, head.tip_height + 1);
    assert!(!head.contradicts(&later));
    let mut same_size = later;
    same_size.size = head.size;
    assert!(head.contradicts(&same_size));
    let mut same_tip = later;
    same_tip.tip_height = head.tip_height;
    assert!(head.contradicts(&same_tip));
    let mut other_dao = same_tip;
    other_dao.dao.0[0] ^= 1;
    assert!(!head.contradicts(&other_dao));
}
