//! How long the screens take: from the start of the program to its first picture, and for each picture of a large DAO.
//!
//! A hub is made with that many proposals and ballots, asked for what its screens show, and each screen is drawn with it.
//!
//! ```sh
//! cargo run --release -p althing --example screens_bench -- --proposals 10000 --ballots 1000000
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program whose output is its result")]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use althing_node::api::{Reply, Request, Role};
use althing_node::bench::{Forgers, Pace, Scale, Session, Voting, Way, World};
use althing_tui::app::{Act, Action, App, Report, Screen, update};
use althing_tui::screen::render;
use althing_tui::theme::Theme;
use anyhow::{Context as _, Result, bail};
use clap::Parser;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

/// Pictures drawn of each screen.
const PICTURES: usize = 200;

/// Times the program is started.
const STARTS: usize = 20;

/// Size of the terminal.
const SIZE: (u16, u16) = (120, 40);

/// Measures the screens and prints what it found as JSON.
#[derive(Parser)]
struct Arguments {
    /// Proposals of the DAO.
    #[arg(long, default_value_t = 10_000)]
    proposals: u32,
    /// Members of the DAO.
    #[arg(long, default_value_t = 10_000)]
    members: u32,
    /// Ballots in its log.
    #[arg(long, default_value_t = 1_000_000)]
    ballots: usize,
    /// The program whose start is measured [default: the one beside this example].
    #[arg(long)]
    program: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path().join("hub");
    let scale = Scale { members: arguments.members, proposals: arguments.proposals };
    let world = World::found(&dir, scale, &mut |what| eprintln!("making {what}"))?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let votes = Voting::of(&world).sign_in_turns(arguments.ballots, threads, 1);
    eprintln!("sending {} ballots", votes.len());
    let mut session = Session::open(&world, 8, Way::InProcess)?;
    session.run(&votes, Pace { rate: None, forged: 0.0, forgers: Forgers::One })?;
    drop(votes);

    let began = Instant::now();
    let Reply::Snapshot(mut snapshot) = session.ask(Request::Snapshot { since: 0 })? else { bail!("no snapshot") };
    let asked = began.elapsed();
    let began = Instant::now();
    let bytes = serde_json::to_vec(&snapshot)?.len();
    let written = began.elapsed();
    eprintln!("drawing");
    let (proposals, members) = (snapshot.proposals.len(), snapshot.members.len());
    // As a member sees it who has voted on nothing: each open vote needs them.
    snapshot.status.role = Role::Member;
    snapshot.status.member = snapshot.members.iter().find(|member| member.weight.is_some()).cloned();
    let mut app = App::new();
    let began = Instant::now();
    update(&mut app, Action::Report(Report::Snapshot(snapshot)));
    let taken = began.elapsed();
    let mut screens = serde_json::Map::new();
    for screen in Screen::TABS {
        update(&mut app, Action::Act(Act::Go(screen)));
        screens.insert(screen.title().to_owned(), pictures(&mut app)?);
    }
    update(&mut app, Action::Act(Act::Go(Screen::Proposals)));
    update(&mut app, Action::Act(Act::Filter));
    let typed = ['v', 'o', 't', 'i'].map(|c| {
        let began = Instant::now();
        update(&mut app, Action::Type(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        began.elapsed()
    });
    let filtered = pictures(&mut app)?;
    session.close()?;

    let program = match arguments.program {
        Some(program) => program,
        None => beside()?,
    };
    let starts = (0..STARTS).map(|_| first_picture(&program, &dir)).collect::<Result<Vec<_>>>()?;
    let found = json!({
        "proposals": proposals,
        "members": members,
        "ballots": arguments.ballots,
        "terminal": [SIZE.0, SIZE.1],
        "start_to_first_picture_ms": summary(starts),
        "snapshot": { "asked_ms": ms(asked), "bytes": bytes, "as_json_ms": ms(written), "taken_in_ms": ms(taken) },
        "picture_ms": Value::Object(screens),
        "filter": { "key_ms": summary(typed.to_vec()), "picture_ms": filtered },
    });
    println!("{found:#}");
    Ok(())
}

/// Draws the application again and again, the selected row moving.
fn pictures(app: &mut App) -> Result<Value> {
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1))?;
    let mut took = Vec::new();
    for number in 0..PICTURES {
        let act = if number % 50 == 49 { Act::Last } else { Act::Down };
        let began = Instant::now();
        update(app, Action::Act(act));
        terminal.draw(|frame| drop(render(frame, app, Theme::dark())))?;
        took.push(began.elapsed());
    }
    Ok(summary(took))
}

/// The program that was built with this example.
fn beside() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let program = here.parent().and_then(Path::parent).context("the build folder")?.join("althing");
    if !program.exists() {
        bail!("{} is not there: build it, or name another with --program", program.display());
    }
    Ok(program)
}

/// From the start of the program to its first picture, in a terminal that `script` makes.
fn first_picture(program: &Path, folder: &Path) -> Result<Duration> {
    // The terminal of `script` has no size of its own.
    let (columns, rows) = SIZE;
    let command =
        format!("stty cols {columns} rows {rows}; exec '{}' tui --data '{}'", program.display(), folder.display());
    let began = Instant::now();
    // A program that never draws must not hold the measure.
    let mut child = Command::new("timeout")
        .args(["30", "script", "-qfec", &command, "/dev/null"])
        .env("ALTHING_PASSWORD", althing_node::bench::PASSWORD)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("timeout and script (of coreutils and util-linux) make the terminal")?;
    let mut out = child.stdout.take().context("the output")?;
    let (mut seen, mut part) = (Vec::new(), [0u8; 4096]);
    let took = loop {
        let read = out.read(&mut part)?;
        if read == 0 {
            bail!("it ended without a picture: {}", String::from_utf8_lossy(&seen));
        }
        seen.extend_from_slice(&part[..read]);
        // The tabs are in the first picture.
        if String::from_utf8_lossy(&seen).contains("Home") {
            break began.elapsed();
        }
    };
    // The word that `timeout` hands on: killed itself, it would leave the screens running, beside the next start's.
    Command::new("kill").arg(child.id().to_string()).status().context("kill ends the terminal")?;
    child.wait()?;
    Ok(took)
}

fn summary(mut took: Vec<Duration>) -> Value {
    took.sort();
    let at = |part: usize| took.get(took.len() * part / 100).or(took.last()).copied().unwrap_or_default();
    json!({ "p50": ms(at(50)), "p99": ms(at(99)), "max": ms(took.last().copied().unwrap_or_default()) })
}

fn ms(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
