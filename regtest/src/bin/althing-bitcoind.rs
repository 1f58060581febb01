//! Finds or builds a bitcoind and prints where it is.

use std::io::Write;
use std::process::ExitCode;

use althing_regtest::Bitcoind;
use clap::Parser;

/// Find a bitcoind (BITCOIND_EXE, PATH, the user's cache) or build one from source, and print its path.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Print the version of the bitcoind instead of its path.
    #[arg(long, conflicts_with = "json")]
    version_only: bool,
    /// Print path, bitcoin-cli and version as one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bitcoind = match Bitcoind::locate_or_build() {
        Ok(bitcoind) => bitcoind,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "althing-bitcoind: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = if arguments.version_only {
        bitcoind.version().to_string()
    } else if arguments.json {
        serde_json::json!({
            "path": bitcoind.path(),
            "cli": bitcoind.cli(),
            "version": bitcoind.version().to_string(),
            "banner": bitcoind.banner(),
        })
        .to_string()
    } else {
        bitcoind.path().display().to_string()
    };
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
