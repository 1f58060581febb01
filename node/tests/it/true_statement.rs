//! The control: what is true is proven. Without this every refusal elsewhere would mean nothing.

use althing_anchor::HeaderChain;
use althing_governance::codec::Canonical as _;
use althing_governance::tally::Outcome;
use althing_node::ledger::Ledger;
use althing_node::proof::{Bundle, verify};
use bitcoin::Network;

use crate::story::{DECIDING, Story};

#[test]
fn a_ballot_and_every_tally_are_proven_from_headers_alone() {
    let story = Story::told();
    let headers = HeaderChain::from_bytes(Network::Regtest, &story.world.chain.header_bytes()).unwrap();
    let shown = |bundle: Bundle| verify(&bundle.to_bytes(), &headers).unwrap().statement;

    // Members 1 and 3 say yes, 4 and 5 no, 2 abstains; 6 says nothing. Weights are 100 000 times the number.
    let last = shown(story.ballot_bundle(DECIDING));
    assert!(last.contains("yes with weight 300000, counted as cast in the final tally (yes 400000, no 900000, abstain 200000, of 2100000)"), "{last}");
    // Before the last change of mind.
    let open = shown(story.ballot_bundle(DECIDING - 1));
    assert!(open.contains("abstain with weight 300000, counted as cast in the tally so far"), "{open}");

    for (proposal, outcome) in [
        (story.text, Outcome::Rejected),
        (story.spend, Outcome::Passed { option: None }),
        (story.ignored, Outcome::NoQuorum),
    ] {
        let told = shown(story.tally_bundle(proposal));
        assert!(told.contains(&format!("): {};", outcome.name())), "{told}");
        assert_eq!(
            told.contains("Authorised from height 18 to 117 for 5001000 sat"),
            proposal == story.spend,
            "{told}"
        );
    }
}

#[test]
fn the_segments_replay_to_the_same_log() {
    let Story { mut world, .. } = Story::told();
    let mut replayed = Ledger::new(world.params().clone());
    for segment in &world.segments {
        replayed.append_segment(segment, &mut world.chain).unwrap();
    }
    assert_eq!(replayed.state(), world.ledger.state());
    assert_eq!(replayed.newest_head(), world.ledger.newest_head());
    assert_eq!(replayed.state().anchored().len() as u32, DECIDING);
}
