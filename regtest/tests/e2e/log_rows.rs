//! The log as it lies in a node's database, read and rewritten without the node.

use std::path::{Path, PathBuf};

use althing_governance::hash::tagged_hash;
use althing_governance::{Canonical as _, Entry};
use althing_node::store::{DATABASE_FILE, Segment};
use rusqlite::{Connection, OpenFlags, params};

/// All segments of the log in `data_dir`, in order, also while a node writes to it.
pub(crate) fn read(data_dir: &Path) -> Vec<Segment> {
    let path = data_dir.join(DATABASE_FILE);
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut statement = database.prepare("SELECT bytes FROM segment ORDER BY first_position").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Segment::from_bytes(&bytes.unwrap()).unwrap()).collect()
}

/// Replaces the log in `data_dir` by these segments: positions, counts and the chain of digests as they would be if the
/// log had always been so.
pub(crate) fn write(data_dir: &Path, segments: &[Segment]) {
    let mut database = Connection::open(data_dir.join(DATABASE_FILE)).unwrap();
    let transaction = database.transaction().unwrap();
    transaction.execute("DELETE FROM segment", []).unwrap();
    let mut digest = [0; 32];
    let mut position = 0;
    for segment in segments {
        let segment = Segment { first_position: position, ..segment.clone() };
        let bytes = segment.to_bytes();
        digest = tagged_hash("althing/segment/v1", &[&digest, &bytes]);
        let count = segment.entries.len() as u64;
        transaction
            .execute(
                "INSERT INTO segment (first_position, entries, bytes, digest) VALUES (?1, ?2, ?3, ?4)",
                params![i64::try_from(position).unwrap(), i64::try_from(count).unwrap(), bytes, digest.as_slice()],
            )
            .unwrap();
        position += count;
    }
    transaction.commit().unwrap();
}

/// The entries with their positions.
pub(crate) fn entries(segments: &[Segment]) -> Vec<(u64, Entry)> {
    let of_segment = |segment: &Segment| {
        let first = segment.first_position;
        let decode = |(i, bytes): (u64, &Vec<u8>)| (first + i, Entry::from_bytes(bytes).unwrap());
        (0_u64..).zip(&segment.entries).map(decode).collect::<Vec<_>>()
    };
    segments.iter().flat_map(of_segment).collect()
}

/// A copy of a data directory of a stopped node.
pub(crate) fn copy(data_dir: &Path, to: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(data_dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    to
}
