//! The log as static files that any web host can serve: hashes in tiles of 256, entries in bundles of 256, as the C2SP tlog-tiles layout has
//! them (docs/spec/node.md, N-364).

use std::fs;
use std::path::{Path, PathBuf};

use althing_governance::codec::Canonical as _;
use althing_governance::entry::{Entry, LogHead};
use althing_governance::id::TreeHash;
use althing_governance::signing::Signed;
use althing_governance::tree::{HistoryTree, leaf_hash};
use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::dao::{DAO_FILE, Dao};
use crate::keys::hex;
use crate::store::Store;

/// Hashes of a tile, entries of a bundle.
const WIDTH: u64 = 256;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TilesReport {
    /// Entries of the log that the files cover: those under the newest signed head.
    pub entries: u64,
    /// Root over them, hex.
    pub root: String,
    /// Files of hashes.
    pub tiles: u64,
    /// Files of entries.
    pub bundles: u64,
}

/// Writes the log of a data directory up to its newest signed head into `out`. Full tiles and bundles that are there already are left as they are:
/// they never change.
///
/// # Errors
/// A directory without a log, files there that are of another log, or I/O.
pub fn export_tiles(dir: &Path, out: &Path) -> Result<TilesReport> {
    let dao = Dao::load(dir)?;
    let store = Store::open_read_only(dir)?;
    let (mut entries, mut newest): (Vec<Vec<u8>>, Option<Signed<LogHead>>) = (Vec::new(), None);
    store.visit_segments(|segment| {
        for bytes in segment.entries {
            if let Ok(Entry::Head(head)) = Entry::from_bytes(&bytes) {
                newest = Some(head);
            }
            entries.push(bytes);
        }
        Ok(())
    })?;
    let head = newest.context("N-364: the log has no signed head yet")?;
    let size = head.size;
    entries.truncate(usize::try_from(size)?);
    let leaves: Vec<TreeHash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let root = HistoryTree::from_leaf_hashes(leaves.iter().copied()).root();
    ensure!(root == head.root, "N-364: the newest head is over another log than the entries stored before it");
    fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    expect_same_log(out, &dao)?;

    let mut report = TilesReport { entries: size, root: hex(&root.0), tiles: 0, bundles: 0 };
    for (number, bundle) in (0..).zip(entries.chunks(WIDTH as usize)) {
        let mut bytes = Vec::new();
        for entry in bundle {
            bytes.extend(
                u16::try_from(entry.len())
                    .context("N-364: an entry is longer than a bundle has room for")?
                    .to_be_bytes(),
            );
            bytes.extend(entry);
        }
        put(out, "entries", number, bundle.len(), &bytes)?;
        report.bundles += 1;
    }
    let (mut level, mut hashes) = (0u32, leaves);
    while !hashes.is_empty() {
        let mut above = Vec::new();
        for (number, tile) in (0..).zip(hashes.chunks(WIDTH as usize)) {
            let bytes: Vec<u8> = tile.iter().flat_map(|hash| hash.0).collect();
            put(out, &level.to_string(), number, tile.len(), &bytes)?;
            report.tiles += 1;
            if tile.len() as u64 == WIDTH {
                above.push(HistoryTree::from_leaf_hashes(tile.iter().copied()).root());
            }
        }
        (level, hashes) = (level + 1, above);
    }
    let text = format!("{}\n{size}\n{}\n", origin(&dao), base64::engine::general_purpose::STANDARD.encode(root.0));
    crate::proof::write(&out.join(DAO_FILE), dao.to_json().as_bytes())?;
    crate::proof::write(&out.join("head"), format!("{}\n", hex(&head.to_bytes())).as_bytes())?;
    // Last: whoever reads it finds what it speaks of.
    crate::proof::write(&out.join("checkpoint"), text.as_bytes())?;
    Ok(report)
}

/// First line of the checkpoint: which log it is.
fn origin(dao: &Dao) -> String {
    format!("althing/{}", dao.params.dao_id)
}

fn expect_same_log(out: &Path, dao: &Dao) -> Result<()> {
    let path = out.join("checkpoint");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let (found, ours) = (text.lines().next().unwrap_or_default(), origin(dao));
    ensure!(found == ours, "N-364: {} is of the log {found}, not of {ours}", path.display());
    Ok(())
}

/// `tile/LEVEL/x001/x234/067`, with `.p/WIDTH` behind it while it is not full.
fn place(level: &str, number: u64, width: usize) -> PathBuf {
    let mut parts = vec![format!("{:03}", number % 1000)];
    let mut rest = number / 1000;
    while rest > 0 {
        parts.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    parts.reverse();
    let path = format!("tile/{level}/{}", parts.join("/"));
    PathBuf::from(if width as u64 == WIDTH { path } else { format!("{path}.p/{width}") })
}

fn put(out: &Path, level: &str, number: u64, width: usize, bytes: &[u8]) -> Result<()> {
    let path = out.join(place(level, number, width));
    if width as u64 == WIDTH && path.exists() {
        return Ok(());
    }
    let folder = path.parent().context("a tile is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    crate::proof::write(&path, bytes)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn names_of_tiles() {
        assert_eq!(place("0", 0, 256).to_str(), Some("tile/0/000"));
        assert_eq!(place("0", 5, 7).to_str(), Some("tile/0/005.p/7"));
        assert_eq!(place("entries", 1_234_067, 256).to_str(), Some("tile/entries/x001/x234/067"));
        assert_eq!(place("1", 1000, 1).to_str(), Some("tile/1/x001/000.p/1"));
    }
}
