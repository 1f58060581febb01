//! Guests: people who join the DAO of a demo that runs in another terminal, each in a folder of their own beside its members'.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use althing_node::api::{Reply, Request, Service as _};
use althing_node::control::Remote;
use althing_node::dao::DAO_FILE;
use anyhow::{Context, Result, bail, ensure};
use bitcoin::Amount;
use serde::{Deserialize, Serialize};

use super::found::regtest_address;
use crate::Node;
use crate::program::Program;

/// What a guest is given to stake: worth nothing.
const GIFT: Amount = Amount::from_sat(1_000_000);

/// Beside the folders of the members: how the demo's bitcoind is reached.
const DOOR: &str = "guests.json";

/// Begins the name of a guest's folder.
const GUEST: &str = "guest-";

/// How the demo's bitcoind is reached.
#[derive(Debug, Serialize, Deserialize)]
struct Door {
    bitcoind: String,
    cookie: PathBuf,
}

/// Lets guests in: says how the demo's bitcoind is reached.
pub(super) fn open_door(data_dir: &Path, node: &Node) -> Result<()> {
    let door = Door { bitcoind: node.rpc_url(), cookie: node.cookie_file() };
    let path = data_dir.join(DOOR);
    std::fs::write(&path, serde_json::to_string_pretty(&door)?).with_context(|| path.display().to_string())
}

/// Gives coins, once, to each guest whose node runs.
pub(super) fn welcome(data_dir: &Path, node: &Node, welcomed: &mut BTreeSet<PathBuf>) -> Result<()> {
    for guest in guests(data_dir)? {
        // A guest whose node does not answer yet is asked again with the next block.
        let Ok(Some(remote)) = Remote::find(&guest) else { continue };
        if welcomed.contains(&guest) {
            continue;
        }
        let Ok(Reply::Address { address }) = remote.call(Request::WalletAddress) else { continue };
        node.pay(&regtest_address(&address)?, GIFT)?;
        welcomed.insert(guest);
    }
    Ok(())
}

/// Joins the demo in that folder as one more member, with the questions that `althing join` asks, and opens the screens.
///
/// # Errors
/// When no demo runs there, or joining failed.
pub fn join_as_guest(data_dir: &Path) -> Result<PathBuf> {
    let path = data_dir.join(DOOR);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("no demo runs in {}; `cargo demo` starts one in another terminal", data_dir.display())
    })?;
    let door: Door = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let hub = data_dir.join("hub");
    ensure!(
        matches!(Remote::find(&hub), Ok(Some(_))),
        "the demo in {} has ended; `cargo demo` starts another in another terminal",
        data_dir.display()
    );
    let (guest, _held) = guest_folder(data_dir)?;
    let program = Program::locate_or_build()?;
    let run = |words: &[&std::ffi::OsStr]| -> Result<()> {
        let status = Command::new(program.path())
            .args(words)
            .arg("--data")
            .arg(&guest)
            .status()
            .with_context(|| format!("starting {}", program.path().display()))?;
        ensure!(status.success(), "{} ended with {status}", words[0].display());
        Ok(())
    };
    let dao = hub.join(DAO_FILE);
    run(&[
        "join".as_ref(),
        dao.as_os_str(),
        "--bitcoind".as_ref(),
        door.bitcoind.as_ref(),
        "--cookie".as_ref(),
        door.cookie.as_os_str(),
    ])?;
    File::create(joined(&guest)).with_context(|| guest.display().to_string())?;
    run(&["tui".as_ref()])?;
    Ok(guest)
}

/// The folder of the demo that was begun last, of those in `demos`, which are named by their time.
///
/// # Errors
/// When there is none.
pub fn newest(demos: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(demos).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let newest = entries.filter(|path| path.join(DOOR).is_file()).max();
    match newest {
        Some(path) => Ok(path),
        None => bail!("no demo runs; `cargo demo` starts one in another terminal, `--data-dir` names another folder"),
    }
}

fn guests(data_dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data_dir).with_context(|| data_dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(GUEST))
        {
            found.push(path);
        }
    }
    Ok(found)
}

/// Stands beside the folder of a guest who answered all questions.
fn joined(guest: &Path) -> PathBuf {
    guest.with_extension("joined")
}

/// The folder of a guest who broke off before all questions were answered, else a new one; with what keeps others out of it.
fn guest_folder(data_dir: &Path) -> Result<(PathBuf, File)> {
    let mut guests = guests(data_dir)?;
    guests.sort();
    let next = data_dir.join(format!("{GUEST}{}", guests.len() + 1));
    let begun = guests.into_iter().filter(|guest| !joined(guest).exists());
    for guest in begun.chain([next]) {
        let path = guest.with_extension("lock");
        let lock = File::create(&path).with_context(|| path.display().to_string())?;
        // Another terminal is joining there now.
        if lock.try_lock().is_ok() {
            return Ok((guest, lock));
        }
    }
    bail!("somebody else joins {} at this moment; ask again", data_dir.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_goes_to_the_demo_that_was_begun_last() {
        let demos = tempfile::tempdir().unwrap();
        assert!(newest(demos.path()).unwrap_err().to_string().contains("cargo demo"));
        for name in ["1700000001", "1700000003", "1700000002"] {
            std::fs::create_dir(demos.path().join(name)).unwrap();
        }
        for name in ["1700000001", "1700000002"] {
            std::fs::write(demos.path().join(name).join(DOOR), "{}").unwrap();
        }
        let found = newest(demos.path()).unwrap();
        assert!(found.ends_with("1700000002"), "the newest has no door: {}", found.display());
        std::fs::create_dir(found.join("guest-1")).unwrap();
        // A guest who broke off goes on; one who is in, or is joining now, is left alone.
        let (first, held) = guest_folder(&found).unwrap();
        assert!(first.ends_with("guest-1"), "{}", first.display());
        assert!(guest_folder(&found).unwrap().0.ends_with("guest-2"));
        drop(held);
        assert!(guest_folder(&found).unwrap().0.ends_with("guest-1"));
        File::create(joined(&first)).unwrap();
        assert!(guest_folder(&found).unwrap().0.ends_with("guest-2"));
        let error = join_as_guest(&found).unwrap_err();
        assert!(format!("{error:#}").contains("guests.json"), "{error:#}");
    }
}
