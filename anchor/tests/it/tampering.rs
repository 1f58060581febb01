//! No byte of stored evidence can be changed unnoticed.

use althing_anchor::{ClaimedLink, Genesis, LinkEvidence, verify_chain};

use crate::support::Story;

fn accepts(story: &Story, genesis: &Genesis, founding: &[u8], link: &[u8]) -> bool {
    let (Ok(founding), Ok(evidence)) = (LinkEvidence::decode(founding), LinkEvidence::decode(link)) else {
        return false;
    };
    let mut claims = story.claims();
    claims[0] = ClaimedLink { evidence: &evidence, ..claims[0] };
    verify_chain(genesis, &founding, &claims, &story.sim.chain, 1).is_ok()
}

#[test]
fn every_flipped_bit_is_refused() {
    let story = Story::with_links(2);
    let founding = story.genesis_evidence.encode();
    let link = story.links[0].2.encode();
    assert!(accepts(&story, &story.genesis, &founding, &link));
    let flips = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        (0..bytes.len() * 8).map(move |bit| {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            (bit, flipped)
        })
    };
    for (bit, flipped) in flips(&link) {
        assert!(!accepts(&story, &story.genesis, &founding, &flipped), "link, bit {bit}");
    }
    for (bit, flipped) in flips(&founding) {
        assert!(!accepts(&story, &story.genesis, &flipped, &link), "genesis, bit {bit}");
    }
}

#[test]
fn every_removed_added_or_swapped_byte_is_refused() {
    let story = Story::with_links(1);
    let founding = story.genesis_evidence.encode();
    let link = story.links[0].2.encode();
    for at in 0..link.len() {
        let mut shorter = link.clone();
        shorter.remove(at);
        assert!(!accepts(&story, &story.genesis, &founding, &shorter), "removed {at}");
        for value in [0, 1, 0xff] {
            let mut longer = link.clone();
            longer.insert(at, value);
            assert!(!accepts(&story, &story.genesis, &founding, &longer), "inserted {value} at {at}");
        }
        if at + 1 < link.len() && link[at] != link[at + 1] {
            let mut swapped = link.clone();
            swapped.swap(at, at + 1);
            assert!(!accepts(&story, &story.genesis, &founding, &swapped), "swapped {at}");
        }
    }
}
