//! `althing tiles`: the public log as static files.

use std::path::PathBuf;

use clap::Subcommand;

use super::args::Global;
use super::console::Console;
use super::failure::Failure;
use super::password::data_folder;
use crate::format::thousands;

/// `tiles`.
#[derive(Debug, Subcommand)]
pub enum Tiles {
    /// Write the log up to its newest signed head into a folder that any web host can serve; again later, only what is new.
    Export {
        /// The folder.
        folder: PathBuf,
    },
}

/// Carries it out.
pub(super) fn tiles(command: &Tiles, global: &Global, console: &mut Console<'_>) -> Result<u8, Failure> {
    let Tiles::Export { folder } = command;
    let report = althing_node::tiles::export_tiles(&data_folder(global)?, folder)?;
    console.answer(&report, || {
        vec![format!(
            "{} entries in {} bundles and {} tiles, root {}",
            thousands(u128::from(report.entries)),
            report.bundles,
            report.tiles,
            report.root
        )]
    })
}
