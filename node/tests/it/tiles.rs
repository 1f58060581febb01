//! The log as static files: whoever has only the files recomputes the root that the hub signed.

use std::fs;
use std::path::Path;

use althing_governance::codec::Canonical as _;
use althing_governance::entry::LogHead;
use althing_governance::signing::Signed;
use althing_node::tiles::export_tiles;
use bitcoin::hashes::{Hash as _, sha256};

use crate::audited_directory::directory;
use crate::story::Story;
use crate::world::World;

/// RFC 9162, 2.1.1, in the words of the standard and nothing else.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            sha256::Hash::hash(&[&[1][..], &root(left), &root(right)].concat()).to_byte_array()
        }
    }
}

/// The files of a level or of the entries, full ones and the last, in order.
fn read(out: &Path, level: &str, size: usize) -> Vec<Vec<u8>> {
    let (full, rest) = (size / 256, size % 256);
    let path = |number: usize| out.join(format!("tile/{level}/{number:03}"));
    let mut files: Vec<Vec<u8>> = (0..full).map(|number| fs::read(path(number)).unwrap()).collect();
    if rest > 0 {
        files.push(fs::read(out.join(format!("tile/{level}/{full:03}.p/{rest}"))).unwrap());
    }
    files
}

fn hashes(files: &[Vec<u8>]) -> Vec<[u8; 32]> {
    files.iter().flat_map(|file| file.chunks(32)).map(|hash| hash.try_into().unwrap()).collect()
}

fn exported(world: &World, out: &Path) -> usize {
    let dir = directory(world, &world.segments);
    let report = export_tiles(dir.path(), out).unwrap();
    let size = report.entries as usize;
    assert_eq!(size, world.ledger.newest_head().unwrap().size as usize);
    // Level 0 is what the entries hash to; level 1 the full tiles of level 0.
    let leaves = hashes(&read(out, "0", size));
    let mut entries = Vec::new();
    for mut bundle in read(out, "entries", size).iter().map(Vec::as_slice) {
        while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
            let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
            entries.push(entry.to_vec());
            bundle = rest;
        }
    }
    assert_eq!(entries, world.log[..size]);
    let hashed = entries.iter().map(|entry| sha256::Hash::hash(&[&[0], &entry[..]].concat()).to_byte_array());
    assert_eq!(hashed.collect::<Vec<_>>(), leaves);
    let above: Vec<[u8; 32]> = leaves.chunks_exact(256).map(root).collect();
    if !above.is_empty() {
        assert_eq!(hashes(&read(out, "1", above.len())), above);
    }
    let head = Signed::<LogHead>::from_bytes(&hex_file(out)).unwrap();
    assert_eq!((head.size as usize, head.root.0), (size, root(&leaves)));
    assert!(fs::read_to_string(out.join("checkpoint")).unwrap().contains(&format!("\n{size}\n")));
    size
}

fn hex_file(out: &Path) -> Vec<u8> {
    let text = fs::read_to_string(out.join("head")).unwrap();
    let digits: Vec<u8> = text.trim().chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn the_root_follows_from_the_files_alone() {
    let mut world = Story::told().world;
    let out = tempfile::tempdir().unwrap();
    assert!(exported(&world, out.path()) < 256);
    while world.log.len() < 530 {
        world.block(Vec::new());
    }
    // What is there stays; what is new is added.
    assert!(exported(&world, out.path()) > 512);
    let first = fs::metadata(out.path().join("tile/0/000")).unwrap().modified().unwrap();
    world.block(Vec::new());
    exported(&world, out.path());
    assert_eq!(fs::metadata(out.path().join("tile/0/000")).unwrap().modified().unwrap(), first);
    // A folder of another log is left alone.
    let other = World::founded_under(crate::world::charter_for("Other Fishers"));
    let dir = directory(&other, &other.segments);
    assert!(export_tiles(dir.path(), out.path()).unwrap_err().to_string().contains("N-364"));
}
