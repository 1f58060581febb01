//! Hazard: a disk that is full, or that gives back something else than was written.

use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, KeyRotation};
use althing_governance::id::{ChannelId, MemberId};
use althing_node::keys::Keys;
use althing_node::local::public_keys;
use althing_node::store::{ChannelRow, DATABASE_FILE, Segment, SegmentError, Store};
use bitcoin::Network;
use bitcoin::secp256k1::{Keypair, Secp256k1};
use rusqlite::Connection;

use crate::story::Story;
use crate::world::{AUX, keypair};

fn stored(dir: &Path, segments: &[Segment]) -> Store {
    let mut store = Store::open(dir).unwrap();
    store.append_segments(segments, None).unwrap();
    store
}

fn visited(store: &Store) -> anyhow::Result<Vec<Segment>> {
    let mut seen = Vec::new();
    store.visit_segments(|segment| {
        seen.push(segment);
        Ok(())
    })?;
    Ok(seen)
}

fn sqlite(dir: &Path) -> Connection {
    Connection::open(dir.join(DATABASE_FILE)).unwrap()
}

#[test]
fn what_is_appended_comes_back_also_after_reopening() {
    let segments = Story::told().world.segments;
    let dir = tempfile::tempdir().unwrap();
    let (some, rest) = segments.split_at(3);
    drop(stored(dir.path(), some));
    let mut store = Store::open(dir.path()).unwrap();
    assert_eq!(store.log_size().unwrap(), some.last().unwrap().end());
    store.append_segments(rest, Some(("newest", b"head"))).unwrap();
    assert_eq!(visited(&store).unwrap(), segments);
    drop(store);
    let store = Store::open_read_only(dir.path()).unwrap();
    assert!(store.is_read_only());
    assert_eq!(visited(&store).unwrap(), segments);
    assert_eq!(store.log_size().unwrap(), segments.last().unwrap().end());
    assert_eq!(store.meta("newest").unwrap().as_deref(), Some(b"head".as_slice()));
    for segment in &segments {
        for position in segment.first_position..segment.end() {
            assert_eq!(store.segments_from(position, 1).unwrap(), std::slice::from_ref(segment));
        }
    }
}

#[test]
fn a_damaged_row_is_named() {
    let segments = Story::told().world.segments;
    let victim = &segments[5];
    let position = victim.first_position;
    let damages = [
        (
            "a byte",
            "UPDATE segment SET bytes = CAST(substr(bytes, 1, 40) || x'ff' || substr(bytes, 42) AS BLOB) WHERE first_position = ?1",
        ),
        ("the digest", "UPDATE segment SET digest = zeroblob(32) WHERE first_position = ?1"),
        ("a short digest", "UPDATE segment SET digest = x'00' WHERE first_position = ?1"),
        ("all bytes", "UPDATE segment SET bytes = x'' WHERE first_position = ?1"),
    ];
    for (name, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        drop(stored(dir.path(), &segments));
        assert_eq!(sqlite(dir.path()).execute(damage, [position as i64]).unwrap(), 1);
        let error = visited(&Store::open(dir.path()).unwrap()).unwrap_err();
        match error.downcast_ref::<SegmentError>() {
            Some(SegmentError::Digest { position: found }) => assert_eq!(*found, position, "{name}"),
            _ => panic!("{name}: {error}"),
        }
        assert!(error.to_string().contains(&format!("N-6: the segment at position {position}")), "{name}: {error}");
    }
}

#[test]
fn a_missing_or_misplaced_row_is_named() {
    let segments = Story::told().world.segments;
    let (position, next) = (segments[5].first_position as i64, segments[6].first_position);
    let dir = tempfile::tempdir().unwrap();
    drop(stored(dir.path(), &segments));
    assert_eq!(sqlite(dir.path()).execute("DELETE FROM segment WHERE first_position = ?1", [position]).unwrap(), 1);
    let error = visited(&Store::open(dir.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains(&format!("N-6: the segment at position {next}")), "{error}");

    let dir = tempfile::tempdir().unwrap();
    drop(stored(dir.path(), &segments));
    let wrong_count = "UPDATE segment SET entries = entries + 1 WHERE first_position = ?1";
    assert_eq!(sqlite(dir.path()).execute(wrong_count, [position]).unwrap(), 1);
    let error = visited(&Store::open(dir.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains(&format!("N-7: the row for position {position}")), "{error}");
}

/// Makes the database what the first version wrote: without the tables that came later.
pub(crate) fn make_old(dir: &Path) {
    let database = sqlite(dir);
    let first = ["meta", "segment", "outbox", "channel", "link", "block", "fact"];
    let mut statement = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    drop(statement);
    let later: Vec<&String> = names.iter().filter(|name| !first.contains(&name.as_str())).collect();
    assert!(later.iter().any(|name| *name == "channel_order") && later.iter().any(|name| *name == "monitor"));
    for name in later {
        database.execute_batch(&format!("DROP TABLE {name}")).unwrap();
    }
    database.pragma_update(None, "user_version", 1).unwrap();
}

/// N-190: who only reads an older store finds what is in it, nothing in the tables that it does not have, and leaves it as it is.
#[test]
fn a_store_from_before_its_tables_is_read_as_it_is() {
    let segments = Story::told().world.segments;
    let dir = tempfile::tempdir().unwrap();
    let mut store = stored(dir.path(), &segments[..3]);
    let row = ChannelRow {
        number: 4,
        peer: vec![2; 33],
        state: vec![1; 50],
        funding_tx: None,
        note: String::new(),
        orders: Vec::new(),
        refusal: String::new(),
        close_fee_sat: None,
    };
    store.write(|writer| writer.put_channel(&row)).unwrap();
    drop(store);
    make_old(dir.path());
    let before = std::fs::read(dir.path().join(DATABASE_FILE)).unwrap();

    let mut store = Store::open_read_only(dir.path()).unwrap();
    assert_eq!(visited(&store).unwrap(), &segments[..3]);
    assert_eq!(store.channels().unwrap(), std::slice::from_ref(&row));
    let empty = [
        store.monitors().unwrap().len(),
        store.migrations().unwrap().len(),
        store.successions().unwrap().len(),
        store.seed_coins().unwrap().len(),
        store.forced(0, u32::MAX).unwrap().len(),
        store.papers().unwrap().len(),
        store.treasury_sessions().unwrap().len(),
        store.two_checkpoints().unwrap().len(),
    ];
    assert_eq!(empty, [0; 8]);
    assert!(
        store.write(|writer| writer.drop_migration(1)).is_err(),
        "read only, also where the table is none of the file"
    );
    drop(store);
    assert_eq!(std::fs::read(dir.path().join(DATABASE_FILE)).unwrap(), before);

    // Its own node makes what is missing.
    let store = Store::open(dir.path()).unwrap();
    assert_eq!((store.channels().unwrap(), store.monitors().unwrap()), (vec![row], Vec::new()));
}

#[test]
fn another_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    sqlite(dir.path()).pragma_update(None, "user_version", 99).unwrap();
    for refused in [Store::open(dir.path()), Store::open_read_only(dir.path())] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("N-3") && error.contains("table version 99") && error.contains("newer"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Store::open_read_only(dir.path()).is_err());
    std::fs::write(dir.path().join(DATABASE_FILE), vec![0x5a; 8192]).unwrap();
    assert!(Store::open(dir.path()).is_err());
}

#[test]
fn read_only_means_it() {
    let segments = Story::told().world.segments;
    let dir = tempfile::tempdir().unwrap();
    drop(stored(dir.path(), &segments[..2]));
    let mut store = Store::open_read_only(dir.path()).unwrap();
    assert!(store.append_segments(&segments[2..3], None).is_err());
    assert!(store.write(|writer| writer.set_meta("name", b"value")).is_err());
    assert_eq!(visited(&store).unwrap(), &segments[..2]);
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let segments = Story::told().world.segments;
    let dir = tempfile::tempdir().unwrap();
    let mut store = stored(dir.path(), &segments[..2]);
    let failed = store.write(|writer| -> anyhow::Result<()> {
        writer.set_meta("name", b"value")?;
        anyhow::bail!("on purpose")
    });
    assert!(failed.is_err());
    assert_eq!(store.meta("name").unwrap(), None);
    // The second of these is in the table already.
    assert!(store.append_segments(&[segments[2].clone(), segments[1].clone()], Some(("name", b"value"))).is_err());
    assert_eq!((visited(&store).unwrap().as_slice(), store.meta("name").unwrap()), (&segments[..2], None));
    store.append_segments(&segments[2..], None).unwrap();
    assert_eq!(visited(&store).unwrap(), segments);
}

/// A small file system of its own; tests that need one say so and pass where none can be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_passes() {
    let segments = Story::told().world.segments;
    let Some(disk) = SmallDisk::mount(512) else { return };
    let mut store = stored(disk.0.path(), &segments[..2]);
    // Somebody else fills the disk, to the last byte.
    let filler = disk.0.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[0; 512]).is_ok() {}
    let error = store.append_segments(&segments[2..], Some(("name", b"value"))).unwrap_err();
    assert!(format!("{error:#}").contains("full"), "{error:#}");
    assert_eq!((visited(&store).unwrap().as_slice(), store.meta("name").unwrap()), (&segments[..2], None));
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    store.append_segments(&segments[2..], Some(("name", b"value"))).unwrap();
    assert_eq!(visited(&store).unwrap(), segments);
    drop(store);
    assert_eq!(visited(&Store::open(disk.0.path()).unwrap()).unwrap(), segments);
}

/// N-432: what the stored log says of the own vote key is told without a node, through several replacements and past other people's.
#[test]
fn the_vote_key_in_force_is_told_from_the_stored_log() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = Keys::create(dir.path(), Network::Regtest, "secret", None).unwrap();
    let shown = || public_keys(dir.path(), "secret", 0).unwrap().vote_key_in_force;
    assert_eq!(shown(), None, "no log yet");

    let world = Story::told().world;
    let member = |key: &Keypair| MemberId::of(&key.x_only_public_key().0);
    let rotation = |old: &Keypair, new: &Keypair| {
        let rotation = KeyRotation {
            network: world.params().network,
            dao: world.params().dao_id,
            old_key: member(old),
            new_key: member(new),
            channel: ChannelId([7; 32]),
            member_funding_key: keypair(3).public_key(),
        };
        Entry::KeyRotation(rotation.sign(&Secp256k1::new(), &keypair(3), new, &AUX)).to_bytes()
    };
    let mut segments = world.segments.clone();
    drop(stored(dir.path(), &segments[..3]));
    assert_eq!(shown(), None, "nobody replaced a key");
    let own = |number| keys.vote_number(number);
    let (first, second) = (rotation(&own(0), &own(1)), rotation(&own(1), &own(2)));
    segments[3].entries = vec![first, rotation(&keypair(4), &keypair(5)), second];
    drop(stored(dir.path(), &segments[3..4]));
    assert_eq!(shown(), Some(member(&own(2)).to_string()));
}
