//! Logs in which an entry was changed and everything that covers only the file was made right again.

use std::path::Path;

use althing_governance::{Canonical as _, Entry};
use althing_node::shell::NEWEST_HEAD;
use althing_node::store::{DATABASE_FILE, Segment};
use althing_regtest::story::{Assembly, Cli, Ran};
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::log_rows;
use crate::stage::{scratch, told};

/// One change to the entries of a log.
type Change = fn(&mut Vec<Segment>, usize, usize);

const CHANGES: [(&str, Change); 5] = [
    ("a byte of an entry altered", |segments, segment, entry| {
        let bytes = &mut segments[segment].entries[entry];
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    }),
    ("an entry removed", |segments, segment, entry| {
        segments[segment].entries.remove(entry);
        segments.retain(|segment| !segment.entries.is_empty());
    }),
    ("an entry doubled", |segments, segment, entry| {
        let copy = segments[segment].entries[entry].clone();
        segments[segment].entries.insert(entry, copy);
    }),
    ("two entries swapped", |segments, segment, entry| {
        let (this, next) = (segments[segment].entries[entry].clone(), segments[segment + 1].entries[0].clone());
        segments[segment].entries[entry] = next;
        segments[segment + 1].entries[0] = this;
    }),
    ("a whole batch removed", |segments, segment, _| {
        segments.remove(segment);
    }),
];

#[test]
fn an_audit_passes_only_the_log_as_it_was() {
    let told = told();
    for actor in [&told.assembly.hub, &told.assembly.members[2]] {
        let scratch = scratch(&format!("tampered-log-{}", actor.name()));
        let untouched = log_rows::copy(actor.data_dir(), scratch.join("untouched"));
        // Written back as it was: what fails below does not fail because of how the rows are written.
        let segments = log_rows::read(&untouched);
        log_rows::write(&untouched, &segments);
        audit(&told.assembly, &untouched).succeeded().unwrap();

        let (segment, entry, position) = first_ballot(&segments);
        for (i, (what, change)) in CHANGES.into_iter().enumerate() {
            let folder = log_rows::copy(actor.data_dir(), scratch.join(i.to_string()));
            let mut changed = segments.clone();
            change(&mut changed, segment, entry);
            assert_ne!(changed, segments, "{what} changes nothing");
            log_rows::write(&folder, &changed);

            let ran = audit(&told.assembly, &folder);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, Some(1), "{what}: {said}");
            assert!(!said.contains("panicked"), "{what}: {said}");
            // It names where: the changed entry, or the batch it is in, whose receipt no longer fits.
            let report: Value = serde_json::from_str(&ran.stdout).unwrap();
            let difference = report["first_difference"].as_str().unwrap_or_default();
            let first = segments[segment].first_position;
            let named = (first..=position + 1).any(|position| {
                [": ", " ("].iter().any(|end| difference.starts_with(&format!("entry {position}{end}")))
            });
            assert!(named, "{what} at position {position} is not named: {said}");
        }
    }
}

#[test]
fn an_audit_names_where_a_log_was_cut() {
    let told = told();
    for actor in [&told.assembly.hub, &told.assembly.members[2]] {
        let scratch = scratch(&format!("cut-log-{}", actor.name()));
        let segments = log_rows::read(actor.data_dir());
        let (votes, _, _) = first_ballot(&segments);
        for kept in [0, 1, votes, votes + 1] {
            let folder = log_rows::copy(actor.data_dir(), scratch.join(kept.to_string()));
            // Every receipt that is left is right, and so is the newest head; but links on Bitcoin commit to more.
            log_rows::write(&folder, &segments[..kept]);
            write_newest_head(&folder, &segments[..kept]);
            refused_at(&told.assembly, &folder, &["N-24: entry ", "N-23: own entry "]);
        }
    }
}

/// One byte of a row beside the log, and the place that has to be named.
const FLIPS: [(&str, &str, &str); 3] =
    [("outbox", "receipt", "N-23: own entry "), ("link", "header", "N-25: link "), ("block", "header", "N-26: block ")];

#[test]
fn an_audit_names_rows_that_were_changed() {
    let told = told();
    let member = &told.assembly.members[2];
    for (table, column, place) in FLIPS {
        let scratch = scratch(&format!("flipped-{table}-{column}"));
        let folder = log_rows::copy(member.data_dir(), scratch.join("member"));
        flip(&folder, table, column);
        refused_at(&told.assembly, &folder, &[place]);
    }
}

/// The audit calls it invalid, and what it names begins with one of these places.
#[track_caller]
fn refused_at(assembly: &Assembly, folder: &Path, places: &[&str]) {
    let ran = audit(assembly, folder);
    assert_eq!(ran.code, Some(1), "{}: {ran:?}", folder.display());
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let difference = report["first_difference"].as_str().unwrap_or_default();
    assert!(places.iter().any(|place| difference.starts_with(place)), "{}: {difference}", folder.display());
}

/// Segment, place in it, and position of the first ballot in the log.
fn first_ballot(segments: &[Segment]) -> (usize, usize, u64) {
    let (position, _) = log_rows::entries(segments)
        .into_iter()
        .find(|(_, entry)| matches!(entry, Entry::Ballot(_)))
        .expect("the story has ballots");
    let segment = segments.iter().rposition(|segment| segment.first_position <= position).unwrap();
    let entry = usize::try_from(position - segments[segment].first_position).unwrap();
    (segment, entry, position)
}

/// The newest head stored is the last one in these segments, or none.
fn write_newest_head(data_dir: &Path, segments: &[Segment]) {
    let newest = log_rows::entries(segments).into_iter().rev().find_map(|(_, entry)| match entry {
        Entry::Head(head) => Some(head.to_bytes()),
        _ => None,
    });
    let database = Connection::open(data_dir.join(DATABASE_FILE)).unwrap();
    database.execute("DELETE FROM meta WHERE name = ?1", [NEWEST_HEAD]).unwrap();
    if let Some(head) = newest {
        database.execute("INSERT INTO meta VALUES (?1, ?2)", params![NEWEST_HEAD, head]).unwrap();
    }
}

/// Changes the last byte of a column in the first row that has one.
fn flip(data_dir: &Path, table: &str, column: &str) {
    let database = Connection::open(data_dir.join(DATABASE_FILE)).unwrap();
    let sql = format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 1");
    let before: Vec<u8> = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    let mut after = before.clone();
    *after.last_mut().unwrap() ^= 1;
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {column} = ?2");
    assert!(database.execute(&sql, [after, before]).unwrap() > 0);
}

fn audit(assembly: &Assembly, data_dir: &Path) -> Ran {
    let url = assembly.node.rpc_url();
    let cookie = assembly.node.cookie_file();
    let cli: Cli = assembly.hub.cli().of(data_dir);
    cli.run(&["audit", "--bitcoind", &url, "--cookie", cookie.to_str().unwrap(), "--json"]).unwrap()
}
