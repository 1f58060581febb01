//! The released OpenTimestamps client, unmodified, in the user's cache folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use althing_regtest::Node;

/// The release that the tests are for.
const RELEASE: &str = "opentimestamps-client==0.7.2";

/// Path of the `ots` program. The first caller installs it with Python's own tools; callers in other processes wait.
pub(crate) fn installed() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join("althing/ots").join(RELEASE.replace("==", "-"));
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let (complete, python) = (folder.join("complete"), folder.join("venv"));
    if !complete.exists() {
        make_environment(&python);
        succeeds(Command::new(python.join("bin/pip")).args(["install", "--quiet", RELEASE]));
        fs::write(&complete, RELEASE).unwrap();
    }
    python.join("bin/ots")
}

/// Runs `ots verify` with these arguments against `node`.
pub(crate) fn verify(node: &Node, arguments: &[&str], file: &Path) -> Output {
    let cookie = fs::read_to_string(node.cookie_file()).unwrap();
    let url = node.rpc_url().replace("http://", &format!("http://{cookie}@"));
    let global = ["--no-cache", "--btc-regtest", "--bitcoin-node", &url, "verify"];
    Command::new(installed()).args(global).args(arguments).arg(file).output().unwrap()
}

/// Whether the client accepted the file, with all that it said.
pub(crate) fn judged(output: &Output) -> (bool, String) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success() && said.contains("Success! Bitcoin block"), said)
}

/// Debian has `venv` in a package of its own, and a small image not even Python.
pub(crate) fn make_environment(folder: &Path) {
    let made = || Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder).output();
    if !made().is_ok_and(|output| output.status.success()) {
        succeeds(Command::new("apt-get").arg("update"));
        succeeds(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "python3-venv"]));
        succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    }
}

pub(crate) fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
