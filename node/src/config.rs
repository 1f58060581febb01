//! What a data directory is set up for: `config.toml` in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::api::ApiError;
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
    /// Sets of operators that hold an anchor key together, of each the compressed keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<Vec<String>>,
    /// File outside the folder that a member's backup is written to with every change of a channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_file: Option<PathBuf>,
    /// Whether a member's node keeps own entries and proofs only, not the log (N-220).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub light: bool,
    /// Folder with signed files of proofs of funds, of which this node tells the newest (T-85).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds_folder: Option<PathBuf>,
    /// The Bitcoin source.
    pub bitcoind: Access,
    /// How a hub pays for its links. Read anew for each of them.
    #[serde(default)]
    pub links: LinkSettings,
    /// With whom a member's node compares the heads that the hub signed.
    #[serde(default)]
    pub gossip: GossipSettings,
}

/// How a hub pays for its links and how much of them it exports as OpenTimestamps files. N-86.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkSettings {
    /// Fee rate without an estimate, and the least ever paid; sat/vB.
    pub floor_sat_vb: u64,
    /// Most satoshis that one link may cost. The charter's cap on the rate holds besides.
    pub max_fee_sat: u64,
    /// Blocks within which a link should be mined: what the Bitcoin source is asked an estimate for.
    pub target_blocks: u16,
    /// Blocks that the reserve should last for; below, the hub raises an alarm.
    pub reserve_blocks: u32,
    /// Whether coins of the hub's wallet go into the seal when it runs low.
    pub top_up: bool,
    /// Form of the links.
    pub ots: OtsSwitch,
}

/// How much of a link can be exported as an ordinary OpenTimestamps file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtsSwitch {
    /// From the output key on; costs nothing.
    #[default]
    Split,
    /// From the entries of the log on: 43 vB more a link.
    Opreturn,
    /// The link before, from its entries on: 26 vB more.
    Reveal,
}

/// With whom a member's node compares heads, beside the peers that the charter names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GossipSettings {
    /// Address to listen on, `host:port`; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Peers, `node_id@host:port`.
    pub peers: Vec<String>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        Self {
            floor_sat_vb: 2,
            max_fee_sat: 100_000,
            target_blocks: 6,
            // Four weeks.
            reserve_blocks: 4032,
            top_up: true,
            ots: OtsSwitch::Split,
        }
    }
}

impl Config {
    /// Reads the settings of `dir`.
    ///
    /// # Errors
    /// A missing or malformed file.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(CONFIG_FILE);
        if !path.exists() {
            let why =
                format!("N-10: {} is not set up: there is no {}; run `althing init`", dir.display(), path.display());
            return Err(ApiError::invalid("N-10", why).into());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("N-11: {} is malformed", path.display()))
    }

    /// Changes the settings of `dir`, also while a node runs on it, which takes them up when it is started again (N-172).
    /// Whoever else changes them waits.
    ///
    /// # Errors
    /// A missing or malformed file, I/O, or what `change` fails with.
    pub fn change<T>(dir: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let path = dir.join("config.lock");
        // A folder that is not set up gets no lock either.
        Self::load(dir)?;
        let lock = fs::File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        lock.lock().with_context(|| format!("locking {}", path.display()))?;
        let mut config = Self::load(dir)?;
        let changed = change(&mut config)?;
        config.save(dir)?;
        Ok(changed)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path) {
        let bitcoind = Access { url: "http://127.0.0.1:1".to_owned(), cookie_file: None, user_pass: None };
        let config = Config {
            network: "regtest".to_owned(),
            birthday: 1,
            towers: Vec::new(),
            operators: Vec::new(),
            backup_file: None,
            light: false,
            funds_folder: None,
            bitcoind,
            links: LinkSettings::default(),
            gossip: GossipSettings::default(),
        };
        config.save(dir).unwrap();
    }

    /// N-172: no change is lost to another one, whether or not a node runs on the folder.
    #[test]
    fn changes_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert!(Config::change(dir, |_| Ok(())).is_err(), "a folder that is not set up");
        assert!(!dir.join("config.lock").exists());
        written(dir);
        let _node = crate::lease::Lease::take(dir, crate::lease::Purpose::quiet()).unwrap();
        std::thread::scope(|scope| {
            for n in 0..16 {
                scope.spawn(move || {
                    let add = |config: &mut Config| {
                        config.towers.push(n.to_string());
                        Ok(())
                    };
                    Config::change(dir, add).unwrap();
                });
            }
        });
        assert_eq!(Config::load(dir).unwrap().towers.len(), 16);
        let refused: Result<()> = Config::change(dir, |config| {
            config.towers.clear();
            anyhow::bail!("no")
        });
        assert!(refused.is_err());
        assert_eq!(Config::load(dir).unwrap().towers.len(), 16, "a change that failed changes nothing");
    }
}
