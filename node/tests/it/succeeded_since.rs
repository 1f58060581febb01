//! Hazard: another hub came, and what was decided before can never be shown to who asks Bitcoin itself (P-336, P-337).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use althing_governance::codec::Canonical as _;
use althing_node::chain::Access;
use althing_node::judge::{Source, Verdict, VerifyReport, verify};
use althing_node::proof::Bundle;
use althing_node::proof::bundle::Statement;
use bitcoin::OutPoint;
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::story::{DECIDING, Story};
use crate::successor::{certificate, under_the_new_hub, up_to_the_succession};

/// The epoch of the ballot that is shown; members put another hub in behind the next one.
const ABOUT: u32 = DECIDING - 1;

/// For the vectors: a ballot, in a file that goes on to the succession.
pub(crate) fn vector() -> (Story, Bundle) {
    let (story, _) = under_the_new_hub();
    let bundle = up_to_the_succession(&story, story.ballot_bundle(ABOUT).statement, ABOUT);
    (story, bundle)
}

/// A bitcoind with this chain: as much of one as a verdict asks for.
fn bitcoind(chain: &Chain) -> Source {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let chain = chain.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let chain = chain.clone();
            std::thread::spawn(move || while answered(stream.as_ref().unwrap(), &chain).is_some() {});
        }
    });
    Source::Bitcoind(Access { url, cookie_file: None, user_pass: None })
}

/// Answers one request; `None` when there is none any more.
fn answered(mut stream: &TcpStream, chain: &Chain) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length:").map_or(length, |found| found.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request: Value = serde_json::from_slice(&body).unwrap();
    let result = match request["method"].as_str().unwrap() {
        "getblockchaininfo" => json!({ "chain": "regtest" }),
        "getblockcount" => json!(chain.height()),
        "getblockhash" => json!(chain.hash(u32::try_from(request["params"][0].as_u64().unwrap()).unwrap())),
        "gettxout" => {
            let (txid, vout) = (request["params"][0].as_str().unwrap(), &request["params"][1]);
            let asked: OutPoint = format!("{txid}:{vout}").parse().unwrap();
            let blocks = (1..=chain.height()).map(|height| chain.block(height));
            let is_spent = blocks
                .flat_map(|block| block.txdata)
                .any(|tx| tx.input.iter().any(|input| input.previous_output == asked));
            if is_spent { Value::Null } else { json!({ "confirmations": 1 }) }
        }
        other => panic!("{other} is not asked for"),
    };
    let answer = json!({ "result": result, "error": null, "id": request["id"] }).to_string();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    )
    .ok()
}

fn told(report: &VerifyReport) -> (Verdict, String) {
    (report.verdict, report.reason.clone().unwrap_or_default())
}

#[test]
fn what_was_decided_before_a_succession_is_shown_to_who_asks_bitcoin() {
    let (story, file) = vector();
    let (source, bytes) = (bitcoind(&story.world.chain), file.to_bytes());
    assert_eq!(bytes[8], 6, "the version of P-336");
    assert_eq!(Bundle::from_bytes(&bytes).unwrap(), file);
    let short = file.shortened().unwrap().to_bytes();
    let links = story.links(DECIDING + 3).to_bytes();

    // Cut at the epoch of its statement it ends with a spare seal that is spent.
    let ends_there = story.ballot_bundle(ABOUT);
    let (verdict, why) = told(&verify(&ends_there.to_bytes(), None, &source));
    assert!(verdict == Verdict::CannotTell && why.contains("P-8: the spare seal"), "{why}");
    let (verdict, why) = told(&verify(&short, Some(&story.links(ABOUT).to_bytes()), &source));
    assert!(verdict == Verdict::CannotTell && why.contains("P-8: the spare seal"), "{why}");
    // With what is behind it, it does not.
    let whole = verify(&bytes, None, &source);
    assert_eq!(told(&whole), (Verdict::Valid, String::new()));
    assert!(whole.statement.contains("counted as cast"), "{}", whole.statement);
    assert!(whole.checked.iter().any(|words| words.contains("put another hub in")), "{:?}", whole.checked);
    for links in [&links, &bytes] {
        let by_links = verify(&short, Some(links), &source);
        assert_eq!(told(&by_links), (Verdict::Valid, String::new()));
        assert_eq!((by_links.statement, by_links.checked), (whole.statement.clone(), whole.checked.clone()));
    }

    // Headers say the same of all of them, as before.
    let folder = tempfile::tempdir().unwrap();
    let headers = Source::Headers(folder.path().join("headers.bin"));
    std::fs::write(folder.path().join("headers.bin"), story.world.chain.header_bytes()).unwrap();
    let rows = [
        (&bytes, None),
        (&ends_there.to_bytes(), None),
        (&short, Some(&links)),
        (&short, Some(&story.links(ABOUT).to_bytes())),
    ];
    for (file, links) in rows {
        let report = verify(file, links.map(Vec::as_slice), &headers);
        assert_eq!((told(&report), &report.statement), ((Verdict::Valid, String::new()), &whole.statement));
    }
    // Of a link file only as much is needed as the blocks given know.
    let before = story.world.successions[0].link.inclusion().height() as usize;
    std::fs::write(folder.path().join("headers.bin"), &story.world.chain.header_bytes()[..80 * before]).unwrap();
    let report = verify(&short, Some(&links), &headers);
    assert_eq!(told(&report), (Verdict::Valid, String::new()));
    assert!(report.unchecked.iter().any(|words| words.contains("the blocks given end")), "{:?}", report.unchecked);
}

#[test]
fn a_wrong_succession_shows_nothing_to_who_asks_bitcoin() {
    let (story, good) = vector();
    let source = bitcoind(&story.world.chain);
    let short = good.shortened().unwrap().to_bytes();
    let links = story.links(DECIDING + 3);
    let refused = |what: &str, rule: &str, change: &dyn Fn(&mut Bundle)| {
        let mut changed = good.clone();
        change(&mut changed);
        let (verdict, why) = told(&verify(&changed.to_bytes(), None, &source));
        assert!(verdict == Verdict::Invalid && why.contains(rule), "{what}: {why}");
        // A link file is not what is judged: the short one then ends where it did.
        let mut changed = links.clone();
        change(&mut changed);
        let (verdict, why) = told(&verify(&short, Some(&changed.to_bytes()), &source));
        assert_eq!(verdict, Verdict::CannotTell, "{what}: {why}");
    };
    refused("a minority", "A-103", &|bundle| {
        let part = &mut bundle.successions[0];
        part.certificate = certificate(part.certificate.statement(), &[4, 5]);
        part.weights.truncate(2);
    });
    refused("no weights", "P-330", &|bundle| bundle.successions[0].weights.clear());
    refused("weights of others", "roll", &|bundle| bundle.successions[0].weights.swap(0, 1));
    refused("a link of the former hub's", "A-105", &|bundle| {
        bundle.successions[0].link = bundle.epochs[0].link.clone();
    });
    refused("the succession left out", "P-336", &|bundle| bundle.successions.clear());

    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut changed = good.clone();
        change(&mut changed);
        told(&verify(&changed.to_bytes(), None, &source))
    };
    for (what, rule, (verdict, why)) in [
        ("more than it needs", "P-336", changed(&|bundle| bundle.behind.push(links.epochs[DECIDING as usize].clone()))),
        ("twice the same epoch", "P-336", changed(&|bundle| bundle.behind.push(bundle.behind[0].clone()))),
        ("another epoch in its place", "P-4", changed(&|bundle| bundle.behind[0] = bundle.epochs[0].clone())),
        ("no epoch that it is about", "P-336", changed(&|bundle| bundle.epochs.clear())),
        ("links, which are about the last", "P-336", changed(&|bundle| bundle.statement = Statement::Links)),
    ] {
        assert!(verdict == Verdict::Invalid && why.contains(rule), "{what}: {why}");
    }
    // P-1, P-336: one form for each file.
    let plain = story.ballot_bundle(ABOUT).to_bytes();
    let mut empty = good.clone();
    empty.behind.truncate(0);
    let mut bytes = empty.to_bytes();
    bytes[8] = 6;
    assert!(Bundle::from_bytes(&bytes).is_err() && Bundle::from_bytes(&plain).is_ok());
    let bytes = good.to_bytes();
    for at in (0..bytes.len()).step_by(127) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert_ne!(verify(&flipped, None, &source).verdict, Verdict::Valid, "byte {at} flipped");
    }
}
