//! Logs in which an entry was changed and everything that covers only the file was made right again.

use std::path::Path;

use althing_governance::Entry;
use althing_node::store::Segment;
use althing_regtest::story::{Assembly, Cli, Ran};
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
            let named = (first..=position + 1).any(|position| difference.starts_with(&format!("entry {position}: ")));
            assert!(named, "{what} at position {position} is not named: {said}");
        }
    }
}

#[test]
fn an_audit_misses_what_was_cut_off_after_the_votes() {
    let told = told();
    let hub = told.assembly.hub.data_dir();
    let folder = log_rows::copy(hub, scratch("cut-log").join("hub"));
    let segments = log_rows::read(&folder);
    let (segment, _, _) = first_ballot(&segments);
    // Every receipt that is left is right; but links on Bitcoin commit to more.
    log_rows::write(&folder, &segments[..segment]);
    let ran = audit(&told.assembly, &folder);
    assert_eq!(ran.code, Some(1), "{ran:?}");
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

fn audit(assembly: &Assembly, data_dir: &Path) -> Ran {
    let url = assembly.node.rpc_url();
    let cookie = assembly.node.cookie_file();
    let cli: Cli = assembly.hub.cli().of(data_dir);
    cli.run(&["audit", "--bitcoind", &url, "--cookie", cookie.to_str().unwrap(), "--json"]).unwrap()
}
