//! kill -9 under full load: whatever had a receipt is in the log at its place, and the hub starts again on what is left. N-20.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use althing_governance::entry::entry_id;
use althing_node::api::{Request, Service as _};
use althing_node::bench::{Pace, Scale, Session, Voting, Way, World};
use althing_node::store::Store;

const KILLS: u64 = 3;

/// Votes that are sent; the hub is killed long before the last.
const VOTES: usize = 20_000;

/// Where the process that is killed has its hub.
const DIR: &str = "ALTHING_TEST_LOAD_DIR";

#[test]
#[allow(clippy::print_stdout, reason = "shown when the test fails: the seed repeats it")]
fn no_vote_with_a_receipt_is_lost() {
    let seed = match std::env::var("ALTHING_TEST_SEED") {
        Ok(given) => given.parse().unwrap(),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
    };
    for kill in 0..KILLS {
        // After so many receipts: between the first commits and the middle of the run.
        let receipts = 1 + seed.rotate_left(8 * kill as u32) % (VOTES as u64 / 2);
        println!("ALTHING_TEST_SEED={seed}, kill {kill} after {receipts} receipts");
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("hub");
        let promised = votes_until_killed(&dir, receipts);
        assert!(promised.len() as u64 >= receipts, "only {} receipts came", promised.len());
        let logged = log_of(&dir);
        for (position, id) in &promised {
            assert_eq!(logged.get(position), Some(id), "position {position} was promised");
        }
        // It checks its whole log, signatures and roots included.
        let hub = althing_node::hub::start(
            &dir,
            althing_node::bench::PASSWORD,
            althing_node::lease::Purpose::quiet(),
            ([127, 0, 0, 1], 0).into(),
        )
        .unwrap();
        hub.call(Request::Stop).unwrap();
        hub.wait_stopped();
    }
}

/// Runs the test below in a process of its own, kills it after so many receipts, and returns all that it had got.
fn votes_until_killed(dir: &Path, receipts: u64) -> BTreeMap<u64, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_under_load::a_hub_under_load", "--include-ignored", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (mut promised, mut line) = (BTreeMap::new(), String::new());
    let mut is_killed = false;
    while {
        line.clear();
        lines.read_line(&mut line).unwrap()
    } > 0
    {
        // The last line may be cut off by the kill.
        if let Some((position, id)) = line.strip_prefix("receipt ").and_then(|l| l.strip_suffix('\n')?.split_once(' '))
        {
            promised.insert(position.parse().unwrap(), id.to_owned());
        }
        if !is_killed && promised.len() as u64 >= receipts {
            child.kill().unwrap();
            is_killed = true;
        }
    }
    child.wait().unwrap();
    assert!(is_killed, "the hub was done with {} receipts before it was killed", promised.len());
    promised
}

#[test]
#[ignore = "started by the test above, which kills it"]
fn a_hub_under_load() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let world = World::found(Path::new(&dir), Scale { members: 200, proposals: 10 }, &mut |_| ()).unwrap();
    let votes = Voting::of(&world).sign(VOTES, 2);
    let ids: Vec<String> = votes.iter().map(|vote| entry_id(&vote.bytes).to_string()).collect();
    let mut session = Session::open(&world, 4, Way::InProcess).unwrap();
    session.show_receipts(move |number, receipt| {
        // One write for each, so that a line that was read is a receipt that came.
        let line = format!("receipt {} {}\n", receipt.position, ids[number as usize]);
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    });
    session.run(&votes, Pace::FULL).unwrap();
}

fn log_of(dir: &Path) -> BTreeMap<u64, String> {
    let mut logged = BTreeMap::new();
    let store = Store::open_read_only(dir).unwrap();
    store
        .visit_segments(|segment| {
            let entries = (segment.first_position..).zip(&segment.entries);
            logged.extend(entries.map(|(position, bytes)| (position, entry_id(bytes).to_string())));
            Ok(())
        })
        .unwrap();
    logged
}
