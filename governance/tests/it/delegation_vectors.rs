//! Vectors of docs/spec/delegation.md, generated from cases that are also checked here one by one.

use std::sync::Arc;

use althing_governance::charter::Class;
use althing_governance::delegation::{
    Basin, Book, Delegation, Electorate, Graph, Live, Part, Resolver, Scope, Seat, Tag, Topic,
};
use althing_governance::{Canonical as _, DecodeError, EntryId, MemberId};
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/spec/vectors/delegation.json");

/// Height at which the proposal of every case closes, and the position before which its log counts.
const CLOSE: u32 = 1000;
const CUTOFF: u64 = 100;

/// A delegation at a position by a member.
type Logged = (u64, u8, Delegation);

struct Case {
    name: &'static str,
    /// Weights of members 1, 2, 3, ...
    weights: Vec<u128>,
    tags: Vec<&'static str>,
    log: Vec<Logged>,
    voters: Vec<u8>,
    received: Vec<u128>,
    not_cast: Vec<u128>,
    /// By seat; empty where nothing abstains.
    abstained: Vec<u128>,
}

fn member(n: u8) -> MemberId {
    MemberId([n; 32])
}

fn tag(text: &str) -> Tag {
    Tag::new(text).unwrap()
}

fn all(parts: &[(u8, u16)]) -> Delegation {
    let parts = parts.iter().map(|&(to, share_bp)| Part { to: member(to), share_bp }).collect();
    Delegation { scope: Scope::All, parts, expires_height: None }
}

fn to(n: u8) -> Delegation {
    all(&[(n, 10_000)])
}

fn scoped(scope: Scope, n: u8) -> Delegation {
    Delegation { scope, ..to(n) }
}

/// Members 2, 3, ... each delegate to the one before.
fn chain(length: u8) -> Vec<Logged> {
    (2..=length + 1).map(|n| (u64::from(n), n, to(n - 1))).collect()
}

fn cases() -> Vec<Case> {
    let case = |name, weights: &[u128], log, voters: &[u8], received: &[u128], not_cast: &[u128]| Case {
        name,
        weights: weights.to_vec(),
        tags: vec!["boats", "nets"],
        log,
        voters: voters.to_vec(),
        received: received.to_vec(),
        not_cast: not_cast.to_vec(),
        abstained: Vec::new(),
    };
    let abstaining = |name, weights: &[u128], log, voters: &[u8], received: &[u128], abstained: &[u128]| Case {
        abstained: abstained.to_vec(),
        ..case(name, weights, log, voters, received, &vec![0; weights.len()])
    };
    let ones = [1; 10];
    let nets = || Scope::Tag(tag("nets"));
    let until = |expires, n| Delegation { expires_height: Some(expires), ..to(n) };
    vec![
        case("nobody delegates", &[5, 7], vec![], &[1], &[5, 0], &[0, 0]),
        case("one to one", &[5, 7], vec![(1, 2, to(1))], &[1], &[12, 0], &[0, 0]),
        case("an own ballot overrides", &[5, 7], vec![(1, 2, to(1))], &[1, 2], &[5, 7], &[0, 0]),
        case(
            "what arrives is cast with an own ballot",
            &[1, 10, 100],
            vec![(1, 2, to(1)), (2, 3, to(2))],
            &[1, 2],
            &[1, 110, 0],
            &[0; 3],
        ),
        case("a chain of 8", &ones[..9], chain(8), &[1], &[9, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 9]),
        case("a chain of 9", &ones, chain(9), &[1], &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        case(
            "a cycle of 3 beside a voter",
            &[1, 10, 100, 1000],
            vec![(1, 1, to(2)), (2, 2, to(3)), (3, 3, to(1))],
            &[4],
            &[0, 0, 0, 1000],
            // 8 = 2 * 3 + 2: after eight steps each weight is two members further.
            &[10, 100, 1, 0],
        ),
        case(
            "a cycle that one member's ballot opens",
            &[1, 10, 100],
            vec![(1, 1, to(2)), (2, 2, to(3)), (3, 3, to(1))],
            &[2],
            &[0, 111, 0],
            &[0; 3],
        ),
        case(
            "a split in three, rounded",
            &[0, 0, 0, 10],
            vec![(1, 4, all(&[(1, 3333), (2, 3333), (3, 3334)]))],
            &[1, 2, 3],
            &[3, 3, 4, 0],
            &[0; 4],
        ),
        case(
            "streams join before they are divided",
            &[1, 1, 0, 0, 0],
            vec![(1, 1, to(3)), (2, 2, to(3)), (3, 3, all(&[(4, 5000), (5, 5000)]))],
            &[4, 5],
            &[0, 0, 0, 1, 1],
            &[0; 5],
        ),
        case(
            "half to somebody outside the roll",
            &[4, 10],
            vec![(1, 2, all(&[(1, 5000), (99, 5000)]))],
            &[1],
            &[9, 0],
            &[0, 5],
        ),
        case("a delegate who does not vote", &[4, 10, 1], vec![(1, 2, to(1))], &[3], &[0, 0, 1], &[10, 0, 0]),
        case("revoked", &[5, 7], vec![(1, 2, to(1)), (2, 2, all(&[]))], &[1], &[5, 0], &[0, 0]),
        case("revoked at the cutoff", &[5, 7], vec![(1, 2, to(1)), (CUTOFF, 2, all(&[]))], &[1], &[12, 0], &[0, 0]),
        case("expires with the close", &[5, 7], vec![(1, 2, until(CLOSE, 1))], &[1], &[5, 0], &[0, 0]),
        case("expires after the close", &[5, 7], vec![(1, 2, until(CLOSE + 1, 1))], &[1], &[12, 0], &[0, 0]),
        case(
            "an expired one does not bring back what it replaced",
            &[5, 7],
            vec![(1, 2, to(1)), (2, 2, until(CLOSE, 1))],
            &[1],
            &[5, 0],
            &[0, 0],
        ),
        case(
            "tag before class before all",
            &[1, 2, 4, 8],
            vec![(1, 4, to(1)), (2, 4, scoped(Scope::Class(Class::Text), 2)), (3, 4, scoped(nets(), 3))],
            &[1, 2, 3],
            &[1, 2, 12, 0],
            &[0; 4],
        ),
        case(
            "the proposal's first tag before its second",
            &[1, 2, 4],
            vec![(1, 3, scoped(nets(), 1)), (2, 3, scoped(Scope::Tag(tag("boats")), 2))],
            &[1, 2],
            &[1, 6, 0],
            &[0; 3],
        ),
        case(
            "other classes and tags do not matter",
            &[1, 2, 4],
            vec![
                (1, 3, scoped(Scope::Class(Class::Spend), 1)),
                (2, 3, scoped(Scope::Tag(tag("houses")), 1)),
                (3, 3, to(2)),
            ],
            &[1, 2],
            &[1, 6, 0],
            &[0; 3],
        ),
        case(
            "a revoked tag falls back to all",
            &[1, 2, 4],
            vec![(1, 3, to(1)), (2, 3, scoped(nets(), 2)), (3, 3, Delegation { scope: nets(), ..all(&[]) })],
            &[1, 2],
            &[5, 2, 0],
            &[0; 3],
        ),
        case(
            "weights near 2^127",
            &[1 << 127, 0, (1 << 127) - 1],
            vec![(1, 1, all(&[(2, 1), (3, 9999)]))],
            &[2, 3],
            &[
                0,
                17_014_118_346_046_923_173_168_730_371_588_410,
                (1 << 127) - 17_014_118_346_046_923_173_168_730_371_588_410 + (1 << 127) - 1,
            ],
            &[0; 3],
        ),
        abstaining("a standing abstention", &[5, 7], vec![(1, 2, abstain())], &[1], &[5, 0], &[0, 7]),
        abstaining("an own ballot overrides an abstention", &[5, 7], vec![(1, 2, abstain())], &[2], &[0, 7], &[0, 0]),
        abstaining(
            "what is handed to an abstention follows it",
            &[1, 10, 100],
            vec![(1, 2, abstain()), (2, 3, to(2))],
            &[1],
            &[1, 0, 0],
            &[0, 110, 0],
        ),
        abstaining(
            "a part abstains, rounded",
            &[0, 0, 10],
            vec![(1, 3, with_abstention(3333, &[(1, 3333), (2, 3334)]))],
            &[1, 2],
            &[3, 4, 0],
            &[0, 0, 3],
        ),
        abstaining(
            "an abstention on a tag before a delegation of all",
            &[1, 2, 4],
            vec![(1, 3, to(1)), (2, 3, Delegation { scope: nets(), ..abstain() })],
            &[1, 2],
            &[1, 2, 0],
            &[0, 0, 4],
        ),
    ]
}

/// So many of 10,000 abstain.
fn with_abstention(share_bp: u16, parts: &[(u8, u16)]) -> Delegation {
    let others = all(parts);
    Delegation { parts: [vec![Part::abstaining(share_bp)], others.parts].concat(), ..others }
}

fn abstain() -> Delegation {
    with_abstention(10_000, &[])
}

impl Case {
    fn topic(&self) -> Topic {
        Topic { class: Class::Text, tags: self.tags.iter().map(|text| tag(text)).collect() }
    }

    fn graph(&self, log: &[&Logged]) -> Graph {
        let mut book = Book::new();
        for (position, by, delegation) in log {
            delegation.check_by(&member(*by)).unwrap();
            book.record(member(*by), *position, EntryId([0; 32]), delegation.clone());
        }
        let members = self.weights.iter().zip(1..).map(|(weight, n)| (member(n), *weight));
        let electorate = Arc::new(Electorate::new(members).unwrap());
        Graph::of_book(electorate, &book, &self.topic(), CUTOFF, CLOSE)
    }

    fn to_json(&self) -> Value {
        let decimal = |weights: &[u128]| weights.iter().map(u128::to_string).collect::<Vec<_>>();
        let mut case = json!({
            "name": self.name,
            "members": (1u8..).zip(&self.weights)
                .map(|(n, weight)| json!({ "key": member(n), "weight": weight.to_string() })).collect::<Vec<_>>(),
            "topic": { "class": self.topic().class.name(), "tags": self.tags },
            "cutoff": CUTOFF,
            "close_height": CLOSE,
            "log": self.log.iter().map(|(position, by, delegation)| json!({
                "position": position, "member": member(*by), "body": delegation.to_bytes().to_lower_hex_string(),
            })).collect::<Vec<_>>(),
            "voters": self.voters.iter().map(|n| member(*n)).collect::<Vec<_>>(),
            "received": decimal(&self.received),
            "not_cast": decimal(&self.not_cast),
        });
        if !self.abstained.is_empty() {
            case["abstained"] = json!(decimal(&self.abstained));
        }
        case
    }
}

#[test]
fn every_case_in_any_order_of_arrival() {
    for case in cases() {
        let forward: Vec<&Logged> = case.log.iter().collect();
        let backward: Vec<&Logged> = case.log.iter().rev().collect();
        for log in [forward, backward] {
            let graph = case.graph(&log);
            let voters: Vec<Seat> = case.voters.iter().map(|n| Seat(u32::from(*n) - 1)).collect();
            let mut resolver = Resolver::new(graph.electorate().len());
            let flow = resolver.resolve(&graph, voters.iter().copied());
            let basin = Basin::new(graph.clone());
            let mut live = Live::new();
            voters.iter().for_each(|seat| drop(live.set_votes(&basin, *seat, true)));
            for seat in graph.electorate().seats() {
                assert_eq!(flow.received(&graph, seat), case.received[seat.index()], "{}: {seat:?}", case.name);
                assert_eq!(live.received(&basin, seat), case.received[seat.index()], "{}: {seat:?}", case.name);
                let abstained = case.abstained.get(seat.index()).copied().unwrap_or(0);
                assert_eq!(flow.abstained_at(seat), abstained, "{}: {seat:?}", case.name);
                assert_eq!(live.abstained_at(&basin, seat), abstained, "{}: {seat:?}", case.name);
                assert_eq!(flow.stranded(seat), case.not_cast[seat.index()], "{}: {seat:?}", case.name);
            }
        }
    }
}

/// Bytes that are no body, and the clause that says so.
const REFUSED: [(&str, &str, &str); 8] = [
    ("no such scope", "E-5/E-6/E-8", "030000000000"),
    (
        "shares of 9999",
        "L-2",
        concat!("0000000001", "1111111111111111111111111111111111111111111111111111111111111111", "270f00"),
    ),
    (
        "a member twice",
        "L-2",
        concat!(
            "0000000002",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "1388",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "1388",
            "00"
        ),
    ),
    ("a revocation that expires", "L-3", "00000000000100000007"),
    ("an expiry of 0", "L-3", "00000000000100000000"),
    ("an upper-case tag", "L-4", "020000000446697368000000000000"),
    ("a tag that ends with a hyphen", "L-4", "0200000002612d0000000000"),
    (
        "an abstention behind a member",
        "L-2",
        concat!(
            "0000000002",
            "1111111111111111111111111111111111111111111111111111111111111111",
            "1388",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "1388",
            "00"
        ),
    ),
];

/// L-17: nobody can ever sign as what stands for an abstention.
#[test]
fn an_abstention_is_nobodys_key() {
    assert!(bitcoin::XOnlyPublicKey::from_slice(&Part::ABSTAIN.0).is_err());
}

#[test]
fn every_refused_body_by_its_clause() {
    for (name, clause, hex) in REFUSED {
        let error = Delegation::from_bytes(&Vec::from_hex(hex).unwrap()).unwrap_err();
        assert!(error.to_string().starts_with(clause), "{name}: {error}");
        assert!(!matches!(error, DecodeError::EndOfInput { .. } | DecodeError::TrailingBytes { .. }), "{name}");
    }
}

#[test]
fn committed_delegation_vectors_are_current() {
    let bodies = [
        ("all to one", to(17)),
        ("a revocation", all(&[])),
        (
            "a class, in halves, expiring",
            Delegation {
                scope: Scope::Class(Class::Spend),
                expires_height: Some(900_000),
                ..all(&[(17, 5000), (34, 5000)])
            },
        ),
        ("a tag", scoped(Scope::Tag(tag("boats-2026")), 17)),
        ("all abstains", abstain()),
        ("a quarter abstains", with_abstention(2500, &[(17, 7500)])),
    ];
    let generated = json!({
        "about": "Vectors of docs/spec/delegation.md.",
        "bodies": bodies.iter().map(|(name, body)| json!({
            "name": name, "body": body.to_bytes().to_lower_hex_string(), "scope": body.scope.to_string(),
            "parts": body.parts.iter().map(|part| json!([part.to, part.share_bp])).collect::<Vec<_>>(),
            "expires_height": body.expires_height,
        })).collect::<Vec<_>>(),
        "refused": REFUSED.iter().map(|(name, clause, hex)| json!({ "name": name, "clause": clause, "bytes": hex }))
            .collect::<Vec<_>>(),
        "cases": cases().iter().map(Case::to_json).collect::<Vec<_>>(),
    });
    let generated = format!("{generated:#}\n");
    if std::env::var_os("ALTHING_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap();
    assert!(committed == generated, "docs/spec/vectors/delegation.json is stale; run with ALTHING_WRITE_VECTORS=1");
}
