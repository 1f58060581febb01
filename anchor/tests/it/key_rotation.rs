//! The anchor key changes hands, between one operator and several: still one chain from genesis to now.

use althing_anchor::{ChainError, ClaimedLink, LinkBuilder, LinkError, Seal, SignedLink, verify_chain};
use bitcoin::{FeeRate, XOnlyPublicKey};

use crate::support::{CAP, Story, commitment, key, keypair, operators, signed_by_all};

/// Holders of the anchor key one after the other; a single number is a single key.
const HOLDERS: [&[u8]; 7] = [&[11], &[12], &[20, 21], &[20, 21, 22], &[13], &[23, 24], &[23, 24]];

fn anchor_key(holders: &[u8]) -> XOnlyPublicKey {
    match holders {
        [one] => key(*one),
        several => operators(several).anchor_key(),
    }
}

fn link(seal: Seal, signers: &[u8], next: &[u8], number: u8) -> SignedLink {
    let rate = FeeRate::from_sat_per_vb_u32(2);
    let unsigned = LinkBuilder::new(seal, anchor_key(next), commitment(number)).build(rate, CAP).unwrap();
    match signers {
        [one] => unsigned.sign(&keypair(*one), &[7; 32]).unwrap(),
        several => signed_by_all(&unsigned, several, number),
    }
}

fn story() -> Story {
    let mut story = Story::with_links(0);
    for (number, pair) in (1..).zip(HOLDERS.windows(2)) {
        let link = link(story.seal, pair[0], pair[1], number);
        story.sim.mine(vec![link.transaction().clone()]);
        let evidence = story.sim.evidence(link.transaction());
        story.links.push((commitment(number), anchor_key(pair[1]), evidence));
        story.seal = link.seal();
    }
    story
}

#[test]
fn every_holder_is_followed_from_genesis_to_now() {
    let story = story();
    let verified = verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &story.sim.chain, 1).unwrap();
    assert_eq!(verified.links.len(), HOLDERS.len());
    assert_eq!(verified.seal(), story.seal.outpoint);
    let sizes: Vec<usize> = story.links.iter().map(|(_, _, evidence)| evidence.transaction().base_size()).collect();
    assert!(sizes.iter().all(|size| *size == 94), "{sizes:?}");
}

#[test]
fn a_key_that_the_header_did_not_name_ends_the_chain() {
    let story = story();
    for at in 0..story.links.len() {
        let mut claims: Vec<ClaimedLink<'_>> = story.claims();
        claims[at].anchor_key = key(99);
        let error = verify_chain(&story.genesis, &story.genesis_evidence, &claims, &story.sim.chain, 1).unwrap_err();
        let ChainError::Link { link, error: LinkError::DoesNotOpen { .. } } = error else { panic!("{error}") };
        assert_eq!(link as usize, at + 1);
    }
}
