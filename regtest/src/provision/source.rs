//! The source tree of Bitcoin Core, fetched by cargo as the content of a pinned crate.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ProvisionError, build};

const MANIFEST: &str = include_str!("pinned/manifest.toml");
const LOCK: &str = include_str!("pinned/lock.toml");
const CRATE_NAME: &str = "libbitcoinkernel-sys";

/// The pinned crate as `(version, sha256 of its archive in hex)`, read from the lock file so that there is one truth.
pub(super) fn pin() -> (&'static str, &'static str) {
    let (_, entry) = LOCK
        .split_once("name = \"libbitcoinkernel-sys\"\n")
        .expect("the embedded lock file names the crate; a unit test reads it");
    let field = |name: &str| {
        entry
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
            .expect("the embedded lock file gives version and checksum; a unit test reads it")
    };
    (field("version"), field("checksum"))
}

/// Writes the pinned scratch project into `scratch` and lets cargo fetch its one dependency.
///
/// Cargo runs in the current folder, not in the scratch folder, so that the same configuration files apply as to the
/// project being built (registry mirrors, proxies, vendored sources). `--locked` makes it check the checksum.
pub(super) fn fetch(scratch: &Path) -> Result<PathBuf, ProvisionError> {
    let project = scratch.join("source");
    let manifest = project.join("Cargo.toml");
    let sources = project.join("src");
    fs::create_dir_all(&sources).map_err(ProvisionError::io(&sources))?;
    for (path, text) in [(manifest.clone(), MANIFEST), (project.join("Cargo.lock"), LOCK), (sources.join("lib.rs"), "")]
    {
        fs::write(&path, text).map_err(ProvisionError::io(&path))?;
    }

    const STEP: &str = "fetching the source of Bitcoin Core with cargo";
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(&cargo)
        .args(["metadata", "--locked", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ProvisionError::Step { step: STEP, reason: format!("{}: {error}", cargo.display()) })?;
    if !output.status.success() {
        let reason = build::last_lines(&String::from_utf8_lossy(&output.stderr));
        return Err(ProvisionError::Step { step: STEP, reason });
    }
    tree_in_metadata(&output.stdout).filter(|tree| tree.join("CMakeLists.txt").is_file()).ok_or_else(|| {
        ProvisionError::Step {
            step: STEP,
            reason: format!("{CRATE_NAME} holds no folder bitcoin/ with a CMakeLists.txt"),
        }
    })
}

/// Finds the folder `bitcoin` beside the manifest of the pinned crate in the output of `cargo metadata`.
fn tree_in_metadata(json: &[u8]) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_slice(json).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|p| p["name"] == CRATE_NAME)?;
    let manifest = Path::new(package["manifest_path"].as_str()?);
    Some(manifest.parent()?.join("bitcoin"))
}

#[cfg(test)]
mod tests {
    use super::{MANIFEST, pin};

    #[test]
    fn lock_and_manifest_pin_the_same_crate() {
        let (version, checksum) = pin();
        assert!(MANIFEST.contains(&format!("libbitcoinkernel-sys = \"={version}\"")));
        assert_eq!(checksum, "345d18a1ce19a1becfcaaa066e3a60e9c7813ef5c23ea8c20704ca4ba1a46339");
    }
}
