//! No bitcoind may outlive its test, however the test ends.

use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use althing_regtest::{Look, Node, NodeConfig, wait_for};

/// Whether a process exists and is not just waiting for its parent to notice its end.
pub(crate) fn is_alive(process: u32) -> bool {
    let state = if Path::new("/proc/self/stat").exists() {
        // "id (name) state ...", where the name may hold anything, also a parenthesis.
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')').next().unwrap().trim().to_owned()
    } else {
        let output = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    !state.is_empty() && !state.starts_with('Z')
}

fn wait_gone(process: u32) {
    wait_for("the process to be gone", Duration::from_secs(20), || {
        if is_alive(process) { Look::NotYet(format!("{process} lives")) } else { Look::Ready(()) }
    })
    .unwrap();
}

#[test]
fn a_panic_ends_bitcoind() {
    let mut process = 0;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let node = Node::start().unwrap();
        process = node.process_id().unwrap();
        assert!(is_alive(process));
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    wait_gone(process);
}

const ROLE: &str = "ALTHING_REGTEST_VICTIM_FOLDER";

/// Not a test of its own: the process that [`a_killed_parent_leaves_no_bitcoind`] starts and kills.
#[test]
fn victim() {
    let Some(folder) = std::env::var_os(ROLE).map(PathBuf::from) else {
        return;
    };
    let node = Node::start_with(NodeConfig::default().data_dir(folder)).unwrap();
    writeln!(std::io::stderr(), "bitcoind {}", node.process_id().unwrap()).unwrap();
    std::thread::sleep(Duration::from_secs(300));
}

#[test]
fn a_killed_parent_leaves_no_bitcoind() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "left_behind::victim", "--nocapture"])
        .env(ROLE, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process: u32 = BufReader::new(parent.stderr.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("bitcoind ").map(|id| id.parse().unwrap()))
        .expect("the child tells the id of its bitcoind");
    assert!(is_alive(process));

    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_gone(process);
}
