//! The demo: a DAO on a regtest bitcoind, with a person at the screens or without.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use althing_regtest::story;
use anyhow::{Context, Result, ensure};
use clap::Parser;

/// Found a DAO with a hub and five members on a regtest bitcoind, and open the screens of one of the members.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Run the whole story without a terminal, and end with 0 only if everything verified.
    #[arg(long)]
    headless: bool,
    /// Open the screens with a tutorial in ten steps.
    #[arg(long, conflicts_with = "headless")]
    learn: bool,
    /// Join a demo that runs in another terminal as one more member, and open the screens.
    #[arg(long, conflicts_with_all = ["headless", "learn"])]
    join: bool,
    /// Write what was verified to this file.
    #[arg(long, value_name = "FILE", requires = "headless")]
    json: Option<PathBuf>,
    /// Keep everything in this folder, which must be empty or absent [default: a new one under the build folder]. With
    /// `--join`, the folder of the demo [default: the newest].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(told) => {
            let _ = writeln!(std::io::stdout(), "{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "althing-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String> {
    // Said before a DAO is founded for screens that cannot be opened.
    ensure!(
        arguments.headless || std::io::stdout().is_terminal(),
        "the screens need a terminal, and this is none; --headless tells the story without one"
    );
    if arguments.join {
        let demo = match &arguments.data_dir {
            Some(chosen) => chosen.clone(),
            None => story::newest_demo(&demos()?)?,
        };
        let guest = story::join_as_guest(&demo)?;
        return Ok(format!(
            "Your keys and your node's store are in {}, as long as the demo's are. The same member again, while the demo runs: cargo althing tui --data {}",
            demo.display(),
            guest.display()
        ));
    }
    let data_dir = match &arguments.data_dir {
        Some(chosen) => chosen.clone(),
        None => fresh_folder()?,
    };
    let occupied = data_dir.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!occupied, "{} is not empty; the demo founds a DAO anew", data_dir.display());
    if !arguments.headless {
        let kept = story::play(&data_dir, arguments.learn)?;
        if arguments.learn && arguments.data_dir.is_none() {
            std::fs::remove_dir_all(&kept).with_context(|| format!("removing {}", kept.display()))?;
            return Ok("Everything is stopped, and the private DAO is thrown away.".to_owned());
        }
        return Ok(format!("Everything is stopped. The data of all nodes is in {}", kept.display()));
    }
    let told = story::tell(&data_dir)?;
    if let Some(path) = &arguments.json {
        told.report.write(path)?;
    }
    let (proofs, links, entries) = (told.report.proofs.len(), told.report.links.len(), told.report.audit.entries);
    let kept = told.report.data_dir.display();
    Ok(format!(
        "Verified: {proofs} proof files, {links} links, {entries} log entries. The data of all nodes is in {kept}"
    ))
}

/// Where demos are kept: beside the build's output, so that `cargo clean` removes them; of an installed program the folder for
/// temporary files, since beside it nobody may write.
fn demos() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("the path of the running program")?;
    let target = exe.parent().and_then(|profile| profile.parent()).context("the target folder")?;
    // Cargo marks its folders so.
    match target.join("CACHEDIR.TAG").exists() {
        true => Ok(target.join("demo")),
        false => Ok(std::env::temp_dir().join("althing-demo")),
    }
}

/// A new folder among them, named by the time, so that the newest is known.
fn fresh_folder() -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(demos()?.join(now.as_secs().to_string()))
}
