//! Hazard: a data directory that was edited. The audit replays it against block headers and names what does not hold.

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Choice, Entry};
use althing_node::audit::{AuditFiles, AuditReport, audit, audit_with, spot_check};
use althing_node::facts::Watch;
use althing_node::judge::{Source, Verdict};
use althing_node::shell::NEWEST_HEAD;
use althing_node::store::{DATABASE_FILE, Segment, Store};
use althing_node::tiles::export_tiles;
use bitcoin::OutPoint;

use crate::store::make_old;
use crate::story::{DECIDING, Story, VOTER};
use crate::world::World;

pub(crate) const HEADERS: &str = "headers.bin";

/// The directory of a member who followed everything, and the file of headers beside it.
pub(crate) fn directory(world: &World, segments: &[Segment]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    world.dao.save(dir.path()).unwrap();
    std::fs::write(dir.path().join(HEADERS), world.chain.header_bytes()).unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let newest = world.ledger.newest_head().unwrap().to_bytes();
    store.append_segments(segments, Some((NEWEST_HEAD, &newest))).unwrap();
    let seal = world.params().first_seal;
    let stakes = world.ledger.state().stake_claims(u64::MAX).into_iter().map(|claim| claim.outpoint);
    let mut watch = Watch { expected: stakes.chain([seal]).collect(), seals: [seal].into(), ..Watch::default() };
    for height in 1..=world.chain.height() {
        let seen = watch.scan(height, &world.chain.block(height));
        store.write(|writer| writer.put_seen(&seen)).unwrap();
    }
    dir
}

fn audited(dir: &Path) -> AuditReport {
    audit(dir, &Source::Headers(dir.join(HEADERS)), &mut |_, _| {}).unwrap()
}

#[track_caller]
fn invalid(name: &str, dir: &Path, meaning: &str) {
    let report = audited(dir);
    let difference = report.first_difference.unwrap_or_default();
    assert_eq!(report.verdict, Verdict::Invalid, "{name}: {difference}");
    assert!(difference.contains(meaning), "{name}: {difference}");
}

fn edit(dir: &Path, sql: &str, outpoint: OutPoint) {
    let connection = rusqlite::Connection::open(dir.join(DATABASE_FILE)).unwrap();
    let key = althing_node::facts::outpoint_bytes(&outpoint);
    assert_eq!(connection.execute(sql, [key]).unwrap(), 1, "{sql}");
}

#[test]
fn an_honest_directory_is_valid() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    let report = audited(dir.path());
    assert_eq!((report.verdict, report.first_difference), (Verdict::Valid, None));
    assert_eq!((report.entries, report.epochs), (world.log.len() as u64, u64::from(DECIDING)));
    assert_eq!((report.links, report.ballots), (u64::from(DECIDING), 13));
    assert!(report.trusted.iter().any(|line| line.contains("regtest")), "{:?}", report.trusted);
}

/// N-190: also of a directory that an older program made, which is not changed by being looked at.
#[test]
fn an_honest_directory_from_before_is_valid() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    make_old(dir.path());
    let before = std::fs::read(dir.path().join(DATABASE_FILE)).unwrap();
    let report = audited(dir.path());
    assert_eq!((report.verdict, report.first_difference), (Verdict::Valid, None));
    let out = dir.path().join("tiles");
    let tiles = export_tiles(dir.path(), &out).unwrap();
    assert_eq!(tiles.entries, world.ledger.newest_head().unwrap().size);
    assert_eq!(std::fs::read(dir.path().join(DATABASE_FILE)).unwrap(), before);
}

/// The newest head in those segments.
fn newest_head(segments: &[Segment]) -> Vec<u8> {
    let entries = segments.iter().rev().flat_map(|segment| segment.entries.iter().rev());
    let mut heads = entries.filter_map(|bytes| match Entry::from_bytes(bytes).unwrap() {
        Entry::Head(head) => Some(head.to_bytes()),
        _ => None,
    });
    heads.next().unwrap()
}

/// A node that goes on while its directory is audited adds to the log and to what stands beside it. That is no cut.
#[test]
fn a_directory_that_grows_meanwhile_is_not_called_cut() {
    let Story { world, .. } = Story::told();
    let (before, behind) = world.segments.split_at(world.segments.len() - 1);
    let (older, newest) = (newest_head(before), newest_head(&world.segments));
    assert_ne!(older, newest);
    let while_audited = |dir: &Path, change: &dyn Fn(&mut Store)| {
        let mut changed = false;
        audit(dir, &Source::Headers(dir.join(HEADERS)), &mut |_, _| {
            if !std::mem::replace(&mut changed, true) {
                change(&mut Store::open(dir).unwrap());
            }
        })
        .unwrap()
    };
    let dir = directory(&world, before);
    let set = |store: &mut Store, head: &[u8]| store.append_segments(&[], Some((NEWEST_HEAD, head))).unwrap();
    set(&mut Store::open(dir.path()).unwrap(), &older);
    let report = while_audited(dir.path(), &|store| {
        store.append_segments(behind, Some((NEWEST_HEAD, &newest))).unwrap();
    });
    assert_ne!(report.verdict, Verdict::Invalid, "{:?}", report.first_difference);
    // What was stored before the log was read has to be in it, whatever comes after.
    let cut = directory(&world, before);
    let report = while_audited(cut.path(), &|store| set(store, &older));
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(report.first_difference.unwrap().contains("the log was cut"));
}

#[test]
fn changed_logs_are_named() {
    let Story { world, .. } = Story::told();
    let whole = &world.segments;
    let cut = directory(&world, &whole[..whole.len() - 1]);
    invalid("cut tail", cut.path(), "the log was cut");
    let gap = directory(&world, &[&whole[..4], &whole[5..]].concat());
    let place = format!("N-20: a segment begins at {}", whole[5].first_position);
    invalid("a segment left out", gap.path(), &place);
    let mut changed = whole.clone();
    let last = changed[4].entries.len() - 1;
    changed[4].entries[last][60] ^= 1;
    let changed = directory(&world, &changed);
    invalid(
        "an entry changed",
        changed.path(),
        &format!("entry {} (head): E-13", whole[4].first_position + last as u64),
    );
}

#[test]
fn changed_facts_about_bitcoin_are_named() {
    let Story { world, .. } = Story::told();
    let claim = world.ledger.state().stake_claims(u64::MAX).remove(0);
    let seal = world.params().first_seal;
    let edits = [
        (
            "value of a stake",
            "UPDATE fact SET value_sat = value_sat * 2 WHERE outpoint = ?1",
            claim.outpoint,
            "is not what its transaction says",
        ),
        (
            "script of a stake",
            "UPDATE fact SET script = x'51' WHERE outpoint = ?1",
            claim.outpoint,
            "is not what its transaction says",
        ),
        (
            "height of a stake",
            "UPDATE fact SET height = height - 1 WHERE outpoint = ?1",
            claim.outpoint,
            "A-51: transaction",
        ),
        ("a stake hidden", "DELETE FROM fact WHERE outpoint = ?1", claim.outpoint, "rolls_root"),
        (
            "a link hidden",
            "UPDATE fact SET spent_height = NULL, spending_tx = NULL, spending_inclusion = NULL WHERE outpoint = ?1",
            seal,
            "A-1: the seal",
        ),
        (
            "height of a link",
            "UPDATE fact SET spent_height = spent_height + 1 WHERE outpoint = ?1",
            seal,
            "A-51: transaction",
        ),
        (
            "another link",
            "UPDATE fact SET spending_tx = tx, spending_inclusion = inclusion, spent_height = height WHERE outpoint = ?1",
            seal,
            "does not spend output",
        ),
    ];
    for (name, sql, outpoint, meaning) in edits {
        let dir = directory(&world, &world.segments);
        edit(dir.path(), sql, outpoint);
        invalid(name, dir.path(), meaning);
    }
}

/// Not wrong, only not to be told: the headers end before the newest link is final.
#[test]
fn short_headers_cannot_tell() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    let bytes = world.chain.header_bytes();
    std::fs::write(dir.path().join(HEADERS), &bytes[..80 * 19]).unwrap();
    let report = audited(dir.path());
    assert_ne!(report.verdict, Verdict::Valid, "{:?}", report.first_difference);
    std::fs::write(dir.path().join(HEADERS), &bytes[..79]).unwrap();
    assert_eq!(audited(dir.path()).verdict, Verdict::CannotTell);
}

#[test]
fn an_audit_goes_on_where_it_was_stopped() {
    let Story { world, .. } = Story::told();
    let kept = tempfile::tempdir().unwrap();
    let files = AuditFiles { resume: Some(kept.path().join("audit.json")), proof: None };
    let audited = |segments: &[Segment]| {
        let dir = directory(&world, segments);
        let source = Source::Headers(dir.path().join(HEADERS));
        audit_with(dir.path(), &source, &files, &mut |_, _| {}).unwrap()
    };
    // As far as a run came that saw only half of the log.
    let half = &world.segments[..world.segments.len() / 2];
    audited(half);
    let report = audited(&world.segments);
    assert_eq!((report.verdict, report.resumed_from), (Verdict::Valid, half.last().unwrap().end()), "{report:?}");
    assert_eq!(report.entries, world.log.len() as u64);
    // Another log than the one that was begun with is looked at from the beginning.
    let mut changed = world.segments.clone();
    let last = changed[1].entries.len() - 1;
    changed[1].entries[last][60] ^= 1;
    let report = audited(&changed);
    assert_eq!((report.verdict, report.resumed_from), (Verdict::Invalid, 0), "{report:?}");
    let named = format!("entry {} (head)", changed[1].first_position + last as u64);
    assert!(report.first_difference.as_deref().unwrap().contains(&named), "{report:?}");
}

/// N-360: a name that was mistyped does not cost the file that has it.
#[test]
fn what_is_no_progress_of_this_audit_is_left_as_it_is() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    let file = dir.path().join("audit.json");
    let files = AuditFiles { resume: Some(file.clone()), proof: None };
    let source = Source::Headers(dir.path().join(HEADERS));
    let audited = || audit_with(dir.path(), &source, &files, &mut |_, _| {});
    std::fs::write(&file, "").unwrap();
    assert_eq!(audited().unwrap().resumed_from, 0);
    let own = std::fs::read_to_string(&file).unwrap();
    let other_dao = own.replacen(&world.params().dao_id.to_string()[..8], "00000000", 1);
    let other_version = own.replacen("\"version\":1", "\"version\":9", 1);
    for (text, why) in [
        ("name = \"a charter\"", "does not say how far an audit came"),
        ("{\"version\": 9}", "does not say how far"),
        (other_version.as_str(), "is of version 9, not 1"),
        (other_dao.as_str(), "is of an audit of the DAO 00000000"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = format!("{:#}", audited().unwrap_err());
        assert!(error.contains("N-360") && error.contains(why) && error.contains("audit.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
    std::fs::write(&file, own).unwrap();
    assert_eq!(audited().unwrap().resumed_from, world.log.len() as u64);
}

#[test]
fn what_the_hub_signed_proves_the_difference() {
    let Story { world, text, .. } = Story::told();
    let Entry::Ballot(mut ballot) = world.ballot(VOTER, text, Choice::Yes) else { unreachable!() };
    ballot.body.fields = vec![Choice::No.field()];
    let entries = vec![Entry::Ballot(ballot).to_bytes()];
    let first_position = world.log.len() as u64;
    let log = [world.log.clone(), entries.clone()].concat();
    let receipt = world.hub_receipt(first_position, &entries, &log);
    let segments = [world.segments.clone(), vec![Segment { first_position, entries, receipt }]].concat();
    let dir = directory(&world, &segments);
    let proof = dir.path().join("difference.althing");
    let files = AuditFiles { resume: None, proof: Some(proof.clone()) };
    let source = Source::Headers(dir.path().join(HEADERS));
    let report = audit_with(dir.path(), &source, &files, &mut |_, _| {}).unwrap();
    assert_eq!(report.verdict, Verdict::Invalid);
    assert!(report.first_difference.as_deref().unwrap().contains(&format!("entry {first_position} (ballot)")));
    assert!(report.proof.as_deref().unwrap().contains("nobody signed so"), "{report:?}");
    let judged = althing_node::judge::verify(&std::fs::read(&proof).unwrap(), None, &source);
    assert_eq!(judged.verdict, Verdict::Valid, "{judged:?}");
    // What only the file says convicts nobody.
    let mut changed = world.segments.clone();
    changed[4].entries[0][60] ^= 1;
    let dir = directory(&world, &changed);
    let proof = dir.path().join("difference.althing");
    let files = AuditFiles { resume: None, proof: Some(proof.clone()) };
    let source = Source::Headers(dir.path().join(HEADERS));
    let report = audit_with(dir.path(), &source, &files, &mut |_, _| {}).unwrap();
    assert_eq!((report.verdict, report.proof), (Verdict::Invalid, None));
    assert!(!proof.exists());
}

#[test]
fn stored_entries_are_looked_at_again() {
    let Story { world, .. } = Story::told();
    let looked = |segments: &[Segment]| {
        let dir = directory(&world, segments);
        spot_check(&Store::open_read_only(dir.path()).unwrap(), &world.ledger, 1000).unwrap()
    };
    assert_eq!(looked(&world.segments), None);
    let mut changed = world.segments.clone();
    // All of its batch, since the newest link's block says which is looked at first.
    changed[2].entries.iter_mut().for_each(|entry| entry[60] ^= 1);
    let difference = looked(&changed).unwrap();
    assert!(difference.contains("not the one that was verified"), "{difference}");
    let mut other = world.segments.clone();
    other[3].receipt = other[2].receipt.clone();
    let difference = looked(&other).unwrap();
    assert!(difference.contains("receipt"), "{difference}");
}

/// N-441: a clause about proof files told nobody what an audit lacks.
#[test]
fn an_audit_without_a_source_says_what_it_lacks() {
    let Story { world, .. } = Story::told();
    let dir = directory(&world, &world.segments);
    let random = althing_node::audit::audit_random(dir.path(), &Source::None, 5).unwrap();
    let whole = audit(dir.path(), &Source::None, &mut |_, _| {}).unwrap();
    for report in [random, whole] {
        let why = report.first_difference.unwrap_or_default();
        assert!(report.verdict == Verdict::CannotTell && why.starts_with("N-441"), "{why}");
    }
}
