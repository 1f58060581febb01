//! What a data directory is set up for: `config.toml` in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::chain::Access;

/// Name of the settings file in a data directory.
pub const CONFIG_FILE: &str = "config.toml";

/// Settings of one data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `regtest`, `signet`, `testnet4` or `bitcoin`.
    pub network: String,
    /// First height that the wallet of this seed can have coins at.
    pub birthday: u32,
    /// Watchtowers that this node gives its blobs to: `node_id@host:port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub towers: Vec<String>,
    /// File outside the folder that a member's backup is written to with every change of a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_file: Option<PathBuf>,
    /// The Bitcoin source.
    pub bitcoind: Access,
}

impl Config {
    /// Reads the settings of `dir`.
    ///
    /// # Errors
    /// A missing or malformed file.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(CONFIG_FILE);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("N-10: {} is not set up: cannot read {}; run `althing init`", dir.display(), path.display())
        })?;
        toml::from_str(&text).with_context(|| format!("N-11: {} is malformed", path.display()))
    }

    /// Writes the settings of `dir`.
    ///
    /// # Errors
    /// On I/O.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(CONFIG_FILE);
        let part = dir.join("config.toml.part");
        fs::write(&part, toml::to_string(self)?).with_context(|| format!("writing {}", part.display()))?;
        fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))
    }
}
