//! Backups of a member's channels: writing, looking into, keeping one up to date, restoring.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use althing_node::api::{ApiError, BackupInfo, ErrorKind, Keeping, Request, Restored};
use althing_node::stakes::MAX_BACKUP_BYTES;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::node::Caller;
use super::password::{data_folder, password};
use super::show;
use crate::backend::Backend;
use crate::format::{sats, thousands};
use crate::untrusted::Untrusted;

/// `backup`.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write the newest backup to a file. It opens with the seed words only, and holds nothing that could be broadcast.
    Write {
        /// The file; it is replaced.
        file: PathBuf,
    },
    /// Say what a backup holds.
    Inspect {
        /// The file.
        file: PathBuf,
    },
    /// Write the backup to this file with every change of a channel, from the next start of the node on: a second copy beside the hub's.
    Keep {
        /// The file, best on another disk.
        #[arg(required_unless_present = "off")]
        file: Option<PathBuf>,
        /// Keep none any more.
        #[arg(long, conflicts_with = "file")]
        off: bool,
    },
}

/// `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// My own copy of the backup; the hub's is asked for too, and the newer one is used.
    #[arg(long, value_name = "FILE")]
    pub backup: Option<PathBuf>,
}

/// Carries the command out.
pub(super) fn backup(
    global: &Global,
    command: BackupCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    match command {
        BackupCommand::Write { file } => {
            // The node that writes the file may run in another folder.
            let path = std::path::absolute(file).map_err(anyhow::Error::from)?;
            let reply = Caller::connect_at_once(global, backend, console)?.call(Request::BackupWrite { path })?;
            console.answer(&reply, || show::reply(&reply))
        }
        BackupCommand::Inspect { file } => {
            let password = password(global, backend, console)?;
            let found = inspect(&data_folder(global)?, &password, &file, &read(&file)?, backend)?;
            console.answer(&found, || info(&found))
        }
        BackupCommand::Keep { file, .. } => {
            let file = file.map(std::path::absolute).transpose().map_err(anyhow::Error::from)?;
            backend.backup_keep(&data_folder(global)?, file.as_deref())?;
            console.answer(&json!({ "backup_file": file }), || match &file {
                Some(file) => vec![format!("From the next start on the backup is kept in {}.", file.display())],
                None => vec!["No second copy is kept from the next start on.".to_owned()],
            })
        }
    }
}

/// Takes the channels up again from the newest backup.
pub(super) fn restore(
    global: &Global,
    options: &RestoreArgs,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let own = options.backup.as_deref().map(|file| read(file).map(|sealed| (file, sealed))).transpose()?;
    let sealed = own.as_ref().map(|(_, bytes)| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let caller = match Caller::running(&data, global, backend)? {
        Some(running) => {
            if let Some(sealed) = sealed.clone() {
                running.call(Request::BackupInspect { sealed })?;
            }
            running
        }
        None => {
            let password = password(global, backend, console)?;
            // Before a node starts, with which a new life of the folder begins (N-125).
            if let Some((file, sealed)) = &own {
                inspect(&data, &password, file, sealed, backend)?;
            }
            Caller::connect_with(&data, &password, global, backend)?
        }
    };
    caller.read_to_end(console)?;
    let reply = caller.call(Request::Restore { sealed })?;
    console.answer(&reply, || show::reply(&reply))
}

/// A backup in words.
pub(super) fn info(info: &BackupInfo) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(path) = &info.path {
        lines.push(format!("{} written", path.display()));
    }
    lines.push(format!(
        "backup {}, {} bytes, {} channels",
        info.counter,
        thousands(u128::from(info.bytes)),
        info.channels.len()
    ));
    for channel in &info.channels {
        lines.push(format!(
            "{}  checkpoint {}  mine {}  the hub's {}",
            Untrusted::new(&channel.channel),
            channel.number,
            sats(channel.member_sat),
            sats(channel.hub_sat)
        ));
        lines.push(format!("    seed {}, with {}", channel.index, Untrusted::new(&channel.peer)));
    }
    lines
}

/// A restore in words.
pub(super) fn restored(restored: &Restored) -> Vec<String> {
    restored.sentences.iter().map(show::sentence).collect()
}

/// How well a channel is kept, in words.
pub(super) fn keeping(keeping: &Keeping) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(newest) = keeping.backup_newest {
        let age = keeping.backup_age_secs.map(|secs| format!(", said {} s ago", thousands(u128::from(secs))));
        lines.push(match keeping.backup_held {
            Some(held) if held >= newest => format!("    backup {newest} is at the hub{}", age.unwrap_or_default()),
            Some(held) => format!("    backup {newest} is not at the hub yet; it has {held}"),
            None => format!("    backup {newest}; what the hub has is not known since the start of this node"),
        });
        if let Some(file) = &keeping.backup_file {
            lines.push(format!("    second copy in {}", file.display()));
        }
    }
    for tower in &keeping.towers {
        let until = tower.until_height.map(|height| format!(", kept to block {}", thousands(u128::from(height))));
        lines.push(format!(
            "    tower {} {}: {} of {} receipts{}",
            Untrusted::new(&tower.tower),
            if tower.connected { "is connected" } else { "is not connected" },
            thousands(u128::from(tower.receipts)),
            thousands(u128::from(keeping.blobs)),
            until.unwrap_or_default()
        ));
        if let Some(refusal) = &tower.refusal {
            lines.push(format!("    ✗ it says: {}", Untrusted::new(refusal)));
        }
    }
    lines
}

/// What a backup holds, or that it is none.
fn inspect(
    data: &Path,
    password: &str,
    file: &Path,
    sealed: &[u8],
    backend: &dyn Backend,
) -> Result<BackupInfo, Failure> {
    backend.backup_inspect(data, password, sealed).map_err(|error| {
        let error = ApiError::from(error);
        let message = format!("{} is no backup that these keys open: {}", file.display(), error.message);
        Failure(ApiError { kind: ErrorKind::Invalid, message, ..error })
    })
}

/// Reads a backup, and no more than a backup may have: what is read is chosen by whoever gave the file.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be opened", file.display()))?;
    let read = opened.take(MAX_BACKUP_BYTES + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    if bytes.len() as u64 > MAX_BACKUP_BYTES {
        let most = thousands(u128::from(MAX_BACKUP_BYTES));
        let why = format!("C-90: {} is longer than {most} bytes; a backup has at most so many", file.display());
        return Err(Failure::rule("C-90", why));
    }
    Ok(bytes)
}
