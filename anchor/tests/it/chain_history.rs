//! A history of links: skipped, reordered, unmined and foreign links are refused; depth decides finality.

use althing_anchor::{
    BlockHashes, ChainError, ClaimedLink, InclusionError, LinkChain, LinkError, LinkEvidence, TxInclusion, verify_chain,
};
use bitcoin::{BlockHash, Transaction};

use crate::support::{Sim, Story, commitment, key, signed, stranger};

#[test]
fn a_history_verifies_with_its_depths() {
    let story = Story::with_links(3);
    let verified = verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &story.sim.chain, 3).unwrap();
    // Genesis at 1, links at 3, 5, 7, tip 9.
    assert_eq!(verified.links.iter().map(|link| link.height).collect::<Vec<_>>(), [1, 3, 5, 7]);
    assert_eq!((0..5).map(|n| verified.depth(n)).collect::<Vec<_>>(), [Some(9), Some(7), Some(5), Some(3), None]);
    assert_eq!(verified.seal(), story.seal.outpoint);
    assert_eq!((verified.tip_height, verified.final_links), (9, 4));
    assert_eq!(verified.links[2].commitment, commitment(2));

    let final_links = |depth| {
        verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &story.sim.chain, depth)
            .unwrap()
            .final_links
    };
    assert_eq!([0, 1, 3, 4, 5, 6, 8, 10].map(final_links), [4, 4, 4, 3, 3, 2, 1, 0]);
}

#[test]
fn one_at_a_time_gives_the_same() {
    let story = Story::with_links(3);
    let all = verify_chain(&story.genesis, &story.genesis_evidence, &story.claims(), &story.sim.chain, 6).unwrap();
    let mut chain = LinkChain::begin(&story.genesis, &story.genesis_evidence, &story.sim.chain).unwrap();
    for (claim, expected) in story.claims().iter().zip(&all.links[1..]) {
        assert_eq!(chain.extend(claim, &story.sim.chain).as_ref(), Ok(expected));
        chain = LinkChain::resume(chain.newest());
    }
}

#[test]
fn wrong_histories_are_refused_at_the_first_bad_link() {
    let story = Story::with_links(3);
    let check = |edit: &dyn Fn(&mut Vec<ClaimedLink<'_>>)| {
        let mut claims = story.claims();
        edit(&mut claims);
        verify_chain(&story.genesis, &story.genesis_evidence, &claims, &story.sim.chain, 6).unwrap_err()
    };
    let wrong_seal = |error: &ChainError, at| matches!(error, ChainError::Link { link, error: LinkError::WrongSeal { .. } } if *link == at);
    let no_open = |error: &ChainError, at| matches!(error, ChainError::Link { link, error: LinkError::DoesNotOpen { .. } } if *link == at);
    assert!(wrong_seal(
        &check(&|claims| {
            claims.remove(0);
        }),
        1
    ));
    assert!(wrong_seal(
        &check(&|claims| {
            claims.remove(1);
        }),
        2
    ));
    assert!(wrong_seal(&check(&|claims| claims.swap(1, 2)), 2));
    assert!(wrong_seal(&check(&|claims| claims.insert(1, claims[0])), 2));
    assert!(no_open(&check(&|claims| claims[1].commitment = commitment(99)), 2));
    assert!(no_open(&check(&|claims| claims[2].anchor_key = key(99)), 3));
    assert!(no_open(
        &check(&|claims| {
            let (first, second) = (claims[0].commitment, claims[1].commitment);
            (claims[0].commitment, claims[1].commitment) = (second, first);
        }),
        1
    ));
}

#[test]
fn the_genesis_evidence_is_of_the_genesis_transaction() {
    let story = Story::with_links(1);
    let link = &story.links[0].2;
    let refusal = LinkChain::begin(&story.genesis, link, &story.sim.chain).unwrap_err();
    let (found, expected) = (link.txid(), story.genesis.first_seal.outpoint.txid);
    assert_eq!(refusal, ChainError::WrongGenesis { found, expected });
}

#[test]
fn blocks_outside_the_chain_count_for_nothing() {
    let story = Story::with_links(2);
    // Another chain with other blocks at the same heights.
    let mut other = Sim::new();
    other.mine(vec![stranger(77)]);
    other.mine_empty(10);
    let refusal = LinkChain::begin(&story.genesis, &story.genesis_evidence, &other.chain).unwrap_err();
    let found = story.sim.headers[1].block_hash();
    let expected = Some(other.headers[1].block_hash());
    assert_eq!(refusal, ChainError::NotInChain { link: 0, height: 1, found, expected });
    // A chain that is too short.
    let mut chain = LinkChain::begin(&story.genesis, &story.genesis_evidence, &story.sim.chain).unwrap();
    let short = Truncated { story: &story, tip: 2 };
    let refusal = chain.extend(&story.claims()[0], &short).unwrap_err();
    let found = story.sim.headers[3].block_hash();
    assert_eq!(refusal, ChainError::NotInChain { link: 1, height: 3, found, expected: None });
    assert!(refusal.to_string().contains("where the chain has no block"));
}

struct Truncated<'a> {
    story: &'a Story,
    tip: u32,
}

impl BlockHashes for Truncated<'_> {
    fn hash_at(&self, height: u32) -> Option<BlockHash> {
        // Careless on purpose: answers above its own tip.
        self.story.sim.chain.hash_at(height)
    }

    fn tip_height(&self) -> u32 {
        self.tip
    }
}

#[test]
fn a_claimed_height_is_checked() {
    let story = Story::with_links(1);
    let (committed, anchor_key, evidence) = &story.links[0];
    let mut bytes = evidence.encode();
    let height_at = bytes.len() - evidence.inclusion().siblings().len() * 32 - 12;
    assert_eq!(bytes[height_at..height_at + 4], 3u32.to_be_bytes());
    bytes[height_at + 3] = 2;
    let moved = LinkEvidence::decode(&bytes).unwrap();
    let claim = ClaimedLink { commitment: *committed, anchor_key: *anchor_key, evidence: &moved };
    let mut chain = LinkChain::begin(&story.genesis, &story.genesis_evidence, &story.sim.chain).unwrap();
    let refusal = chain.extend(&claim, &story.sim.chain).unwrap_err();
    assert!(matches!(refusal, ChainError::NotInChain { link: 1, height: 2, .. }), "{refusal}");
}

#[test]
fn two_links_in_one_block_stand_in_order() {
    let story = Story::with_links(0);
    let first = signed(story.seal, 11, 12, commitment(1), 2);
    let second = signed(first.seal(), 12, 13, commitment(2), 2);
    let outcome = |order: Vec<Transaction>| {
        let mut story = Story::with_links(0);
        story.sim.mine(order);
        let evidence = [&first, &second].map(|link| story.sim.evidence(link.transaction()));
        let claims = [(1, 12), (2, 13)].map(|(n, next)| ClaimedLink {
            commitment: commitment(n),
            anchor_key: key(next),
            evidence: &evidence[usize::from(n) - 1],
        });
        verify_chain(&story.genesis, &story.genesis_evidence, &claims, &story.sim.chain, 1)
            .map(|verified| verified.links.len())
    };
    let (one, two) = (first.transaction().clone(), second.transaction().clone());
    assert_eq!(outcome(vec![one.clone(), stranger(5), two.clone()]), Ok(3));
    // No valid block has them the other way round; a forged one is refused.
    assert_eq!(outcome(vec![two, one]), Err(ChainError::OutOfOrder { link: 2, height: 4, index: 1 }));
}

#[test]
fn a_branch_of_another_transaction_is_refused() {
    let story = Story::with_links(2);
    let wrong: TxInclusion = story.links[1].2.inclusion().clone();
    let evidence = LinkEvidence::new(story.links[0].2.transaction().clone(), wrong);
    let claim = ClaimedLink { evidence: &evidence, ..story.claims()[0] };
    let mut chain = LinkChain::begin(&story.genesis, &story.genesis_evidence, &story.sim.chain).unwrap();
    let refusal = chain.extend(&claim, &story.sim.chain).unwrap_err();
    assert!(matches!(refusal, ChainError::Inclusion { link: 1, error: InclusionError::WrongRoot { .. } }));
    assert_eq!(chain.newest().number, 0, "a refused link changes nothing");
}
