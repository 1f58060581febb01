//! What others keep for a node: towers, backups. And the state of a tower itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Balance;

/// How well a channel is kept: what is left when this machine is gone, and who watches while it is off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeping {
    /// Counter of the newest backup that the hub said it holds; absent on a hub and before the first.
    pub backup_held: Option<u64>,
    /// Counter of the newest backup made; when it is the one held, the hub has everything.
    pub backup_newest: Option<u64>,
    /// Seconds since the hub said so; unknown after a restart.
    pub backup_age_secs: Option<u64>,
    /// The file that is renewed with every change, if one was named.
    pub backup_file: Option<PathBuf>,
    /// Revoked states of this channel that towers can punish.
    pub blobs: u64,
    /// The towers that this node gives them to.
    pub towers: Vec<TowerState>,
}

/// How far a tower is with one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowerState {
    /// `node_id@host:port`.
    pub tower: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Receipts of it for this channel's blobs.
    pub receipts: u64,
    /// Height up to which it keeps the first of them to go.
    pub until_height: Option<u32>,
    /// What it last refused, in its words; untrusted text.
    pub refusal: Option<String>,
}

/// The state of a tower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowerStatus {
    /// What clients name: `node_id@host:port`.
    pub address: String,
    /// `regtest`, `signet`, `testnet4` or `bitcoin`.
    pub network: String,
    /// The last block it has looked at.
    pub tip_height: u32,
    /// Clients with a blob.
    pub clients: u64,
    /// Blobs kept.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Breaches in the chain that are not forgotten.
    pub breaches: Vec<TowerBreach>,
    /// Its wallet, from which justice is bumped.
    pub balance: Balance,
    /// What a person must know.
    pub alarms: Vec<String>,
}

/// A breach that a tower found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TowerBreach {
    /// Transaction id of the revoked commitment.
    pub commitment: String,
    /// Height of its block.
    pub height: u32,
    /// Transaction ids of the justice that it opened.
    pub justice: Vec<String>,
    /// Height of the block in which the coins were taken.
    pub settled_height: Option<u32>,
}

/// A backup, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInfo {
    /// Grows with every backup.
    pub counter: u64,
    /// Size of the sealed backup.
    pub bytes: u64,
    /// The channels in it.
    pub channels: Vec<BackupChannel>,
    /// The file it was written to or read from.
    pub path: Option<PathBuf>,
}

/// A channel in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupChannel {
    /// Channel id, hex.
    pub channel: String,
    /// Index of its seed.
    pub index: u32,
    /// BOLT 8 node id of the other side.
    pub peer: String,
    /// Number of the newest commitment.
    pub number: u64,
    /// The member's part.
    pub member_sat: u64,
    /// The hub's part.
    pub hub_sat: u64,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Counter of the backup that was used; absent when there was none.
    pub counter: Option<u64>,
    /// Where it came from: `hub` or `file`.
    pub source: Option<String>,
    /// How many channels came back.
    pub channels: u32,
    /// What a person must know, in sentences.
    pub sentences: Vec<String>,
}
