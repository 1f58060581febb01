//! Hazard: bytes from anybody. Decoders and the judge answer, they do not panic.

use std::sync::OnceLock;

use althing_anchor::{HeaderChain, LinkEvidence};
use althing_governance::codec::Canonical as _;
use althing_governance::entry::Entry;
use althing_node::proof::verify;
use althing_node::store::Segment;
use bitcoin::Network;
use proptest::prelude::*;

use crate::story::{DECIDING, Story};

struct Samples {
    headers: HeaderChain,
    bundles: [Vec<u8>; 2],
    segments: Vec<Vec<u8>>,
}

fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let story = Story::told();
        Samples {
            headers: HeaderChain::from_bytes(Network::Regtest, &story.world.chain.header_bytes()).unwrap(),
            bundles: [story.ballot_bundle(DECIDING).to_bytes(), story.tally_bundle(story.spend).to_bytes()],
            segments: story.world.segments.iter().map(|segment| segment.to_bytes()).collect(),
        }
    })
}

/// Overwrites a stretch of `bytes`, wherever it is.
fn overwritten(bytes: &[u8], at: prop::sample::Index, patch: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = at.index(changed.len());
    let end = (at + patch.len()).min(changed.len());
    changed[at..end].copy_from_slice(&patch[..end - at]);
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let samples = samples();
        prop_assert!(verify(&bytes, &samples.headers).is_err());
        let with_magic = [b"ALTHING\x00\x01".as_slice(), &bytes].concat();
        prop_assert!(verify(&with_magic, &samples.headers).is_err());
        // Decoding may succeed by luck; then the bytes are the canonical ones.
        if let Ok(segment) = Segment::from_bytes(&bytes) {
            prop_assert_eq!(segment.to_bytes(), bytes.clone());
        }
        if let Ok(evidence) = LinkEvidence::decode(&bytes) {
            prop_assert_eq!(evidence.encode(), bytes.clone());
        }
        let _ = HeaderChain::from_bytes(Network::Bitcoin, &bytes);
    }

    #[test]
    fn overwritten_proofs_are_refused(
        which in 0..2usize,
        at in any::<prop::sample::Index>(),
        patch in prop::collection::vec(any::<u8>(), 1..16),
    ) {
        let samples = samples();
        let changed = overwritten(&samples.bundles[which], at, &patch);
        if changed != samples.bundles[which] {
            prop_assert!(verify(&changed, &samples.headers).is_err());
        }
    }

    #[test]
    fn overwritten_segments_decode_to_the_same_bytes_or_not_at_all(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        patch in prop::collection::vec(any::<u8>(), 1..16),
    ) {
        let segments = &samples().segments;
        let changed = overwritten(&segments[which.index(segments.len())], at, &patch);
        if let Ok(segment) = Segment::from_bytes(&changed) {
            prop_assert_eq!(segment.to_bytes(), changed);
            for bytes in &segment.entries {
                if let Ok(entry) = Entry::from_bytes(bytes) {
                    prop_assert_eq!(&entry.to_bytes(), bytes);
                }
            }
        }
    }
}
