//! The committed vectors of docs/spec/vectors/proofs.json are what this code makes. `ALTHING_WRITE_VECTORS=1` rewrites them.

use althing_anchor::HeaderChain;
use althing_governance::codec::Canonical as _;
use althing_node::keys::{Keys, hex};
use althing_node::proof::{Bundle, verify};
use bitcoin::Network;
use serde_json::{Value, json};

use crate::story::{DECIDING, Story};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/proofs.json");
const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

#[test]
fn committed_vectors_are_current() {
    let generated = format!("{:#}\n", generate());
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/proofs.json is stale; run with ALTHING_WRITE_VECTORS=1");
}

fn generate() -> Value {
    let story = Story::told();
    let header_bytes = story.world.chain.header_bytes();
    let headers = HeaderChain::from_bytes(Network::Regtest, &header_bytes).unwrap();
    let mut proofs = Vec::new();
    let robbed = crate::statements::robbed();
    let robbed_bytes = robbed.world.chain.header_bytes();
    let robbed_headers = HeaderChain::from_bytes(Network::Regtest, &robbed_bytes).unwrap();
    let mut statements = Vec::new();
    let bundles = [
        ("a ballot in the final tally", story.ballot_bundle(DECIDING)),
        ("a ballot while the vote is open", story.ballot_bundle(DECIDING - 1)),
        ("a text that is rejected", story.tally_bundle(story.text)),
        ("a spend that is authorised", story.tally_bundle(story.spend)),
        ("a proposal without quorum", story.tally_bundle(story.ignored)),
    ];
    for (what, bundle) in bundles {
        let bytes = bundle.to_bytes();
        let finding = verify(&bytes, &headers).unwrap();
        proofs
            .push(json!({ "what": what, "file": hex(&bytes), "statement": finding.statement, "depth": finding.depth }));
    }
    for (what, bundle) in crate::statements::vectors(&robbed) {
        let bytes = bundle.to_bytes();
        let finding = verify(&bytes, &robbed_headers).unwrap();
        statements.push(json!({ "what": what, "file": hex(&bytes), "statement": finding.statement }));
    }
    let mut digest = [0u8; 32];
    let segments: Vec<Value> = story
        .world
        .segments
        .iter()
        .take(3)
        .map(|segment| {
            digest = segment.digest(&digest);
            json!({ "bytes": hex(&segment.to_bytes()), "digest": hex(&digest) })
        })
        .collect();
    json!({
        "proofs": { "headers": hex(&header_bytes), "files": proofs },
        "statements": { "headers": hex(&robbed_bytes), "files": statements },
        "budget": budget(),
        "payments": payments(),
        "choices": choices(),
        "bodies": bodies(),
        "successions": successions(),
        "short": short(),
        "moves": moves(),
        "thefts": thefts(),
        "segments": segments,
        "keys": { "words": WORDS, "regtest": keys(Network::Regtest), "bitcoin": keys(Network::Bitcoin) },
    })
}

/// A file with what it shows, or why it is refused.
fn judged(what: &str, file: &[u8], chain: &HeaderChain) -> Value {
    let verdict = match verify(file, chain) {
        Ok(finding) => ("statement", finding.statement),
        Err(rejection) => ("refused", rejection.to_string()),
    };
    json!({ "what": what, "file": hex(file), verdict.0: verdict.1 })
}

/// Coins of the treasury that nobody decided to spend (P-146).
fn thefts() -> Value {
    let (headers, files) = crate::stolen_coins::vectors();
    let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
    let told = files.into_iter().map(|(what, file)| judged(what, &file, &chain));
    json!({ "headers": hex(&headers), "files": told.collect::<Vec<_>>() })
}

/// What is left of a budget (P-335), and that a milestone of it is authorised (P-10).
fn budget() -> Value {
    let (headers, [left, milestone]) = crate::budget_left::vectors();
    let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
    let told = [("what is left", left), ("the first milestone", milestone)];
    json!({ "headers": hex(&headers), "files": told.map(|(what, file)| judged(what, &file, &chain)) })
}

/// Payments, through a gate of the genesis transaction and through a later one (P-20, P-300).
fn payments() -> Value {
    let (headers, files) = crate::refilled_gate::vectors();
    let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
    let told = files.into_iter().map(|(what, file)| judged(what, &file, &chain));
    json!({ "headers": hex(&headers), "files": told.collect::<Vec<_>>() })
}

/// Tallies of votes among options (P-7, V-26 to V-31), each on a chain of its own.
fn choices() -> Value {
    let told = crate::runoff_proof::vectors().into_iter().map(|(what, headers, file)| {
        let mut row = judged(what, &file, &HeaderChain::from_bytes(Network::Regtest, &headers).unwrap());
        row["headers"] = hex(&headers).into();
        row
    });
    told.collect()
}

/// What several bodies decided, or an office alone (P-130, P-131).
fn bodies() -> Value {
    let (headers, files) = crate::several_bodies::vectors();
    let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
    let shown = |(what, file): (&str, Vec<u8>)| {
        let statement = verify(&file, &chain).unwrap().statement;
        json!({ "what": what, "file": hex(&file), "statement": statement })
    };
    json!({ "headers": hex(&headers), "files": files.into_iter().map(shown).collect::<Vec<_>>() })
}

/// Files over a succession, of versions 2 (P-330), 3 (P-334) and 6 (P-336), each with the headers to check it by.
fn successions() -> Value {
    let shown = |what: &str, (story, bundle): (Story, Bundle)| {
        let (file, headers) = (bundle.to_bytes(), story.world.chain.header_bytes());
        let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
        let statement = verify(&file, &chain).unwrap().statement;
        json!({ "what": what, "headers": hex(&headers), "file": hex(&file), "statement": statement })
    };
    json!([
        shown("a ballot under the new hub, version 2", crate::successor::under_the_new_hub()),
        shown("two heads, a signer's key replaced, version 3", crate::successor::with_replaced_keys()),
        shown("links over a succession", crate::successor::links_over_it()),
        shown("a ballot of an epoch before the succession's, version 6", crate::succeeded_since::vector()),
    ])
}

/// Files of version 5 (P-166), each with the headers to check it by and the spare seal that P-8 asks for.
fn moves() -> Value {
    let shown = |(what, story, bundle): (&str, Story, Bundle)| {
        let (file, headers) = (bundle.to_bytes(), story.world.chain.header_bytes());
        let chain = HeaderChain::from_bytes(Network::Regtest, &headers).unwrap();
        let found = verify(&file, &chain).unwrap();
        let spare_seal = found.spare_seal.map(|outpoint| outpoint.to_string());
        json!({ "what": what, "headers": hex(&headers), "file": hex(&file), "statement": found.statement, "spare_seal": spare_seal })
    };
    crate::moved_spare_seal::vectors().into_iter().map(shown).collect()
}

/// Short files (P-161) with link files (P-160), and the exit status of `althing verify` for both (P-163).
fn short() -> Value {
    let (headers, rows) = crate::short_proof::vectors();
    let rows = rows.into_iter().map(|row| {
        let (file, links) = (hex(&row.file), row.links.as_deref().map(hex));
        json!({ "what": row.what, "file": file, "links": links, "exit": row.exit, "statement": row.statement })
    });
    json!({ "headers": hex(&headers), "files": rows.collect::<Vec<_>>() })
}

/// The keys of a well-known seed, by the paths of clause K.
fn keys(network: Network) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = Keys::create(dir.path(), network, "a password", Some(WORDS)).unwrap();
    serde_json::to_value(keys.public()).unwrap()
}
