//! Commands about the program itself: where things are, how it is liked, completions, manual pages, and the private DAO for learning.

use std::path::PathBuf;
use std::process::Command as Program;

use althing_node::api::{ApiError, CurveOf, ProofStatement, Request};
use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Subcommand};
use clap_complete::Shell;
use serde_json::json;

use super::anchor_args::BodyName;
use super::args::{Cli, Global};
use super::console::Console;
use super::failure::{Failure, OK};
use super::password::{data_folder, expect_terminal};
use crate::backend::Backend;
use crate::keymap::{Context, KEYMAP};
use crate::settings::{self, Settings};
use crate::theme::ThemeName;
use crate::untrusted::Untrusted;

/// `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write one page for each command into this folder, instead of the first page to the standard output.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `settings`.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// The settings of the screens, and from which file.
    Show,
    /// Colours of the screens.
    Theme {
        /// Which.
        #[arg(value_enum)]
        theme: ThemeName,
    },
    /// Give keys to an act; `althing man` and the help page name both. No keys give back the usual ones.
    Keys {
        /// Where, like proposal.
        context: String,
        /// What, like vote.
        act: String,
        /// The keys, like v or ctrl-v.
        keys: Vec<String>,
    },
    /// Bell when something new needs me.
    Bell {
        /// on or off.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Run a program then; what happened is its last argument. No program runs none.
    Notify {
        /// The program and its first arguments.
        #[arg(trailing_var_arg = true)]
        program: Vec<String>,
    },
    /// Whether the mouse speaks to the screens; else the terminal selects text with it.
    Mouse {
        /// on or off.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Whether nothing on the screens moves but what changed.
    ReducedMotion {
        /// on or off.
        #[arg(value_parser = ["on", "off"])]
        switch: String,
    },
    /// Add the data folder of another DAO to the ones that @ shows on the screens.
    AddFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// Take a data folder out of the list that @ shows; the folder stays as it is.
    RemoveFolder {
        /// The folder.
        folder: PathBuf,
    },
}

/// `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The proposal: its number, like '#3', or its id or the first digits of it.
    #[arg(required_unless_present = "epoch")]
    pub proposal: Option<String>,
    /// The link of this epoch, instead of a ballot.
    #[arg(long, value_name = "N", conflicts_with_all = ["proposal", "sums", "member", "body", "entry"])]
    pub epoch: Option<u32>,
    /// The proposal and its sums, instead of my ballot.
    #[arg(long)]
    pub sums: bool,
    /// The ballot of this member: a vote key, hex, or a name.
    #[arg(long, value_name = "KEY", conflicts_with = "sums")]
    pub member: Option<String>,
    /// The ballot in this body of those that decide; the first in which they have a vote when absent.
    #[arg(long, value_enum, conflicts_with = "sums")]
    pub body: Option<BodyName>,
    /// The ballot that is this entry of the log, such as one that a later one replaced; the one that counts when absent.
    #[arg(long, value_name = "N", conflicts_with = "sums")]
    pub entry: Option<u64>,
}

impl From<WhyArgs> for Request {
    fn from(args: WhyArgs) -> Self {
        if let Some(epoch) = args.epoch {
            return Request::WhyLink { epoch };
        }
        let statement = match args.sums {
            true => ProofStatement::Tally,
            false => ProofStatement::Ballot { member: args.member, body: args.body.map(Into::into) },
        };
        Request::Why { proposal: args.proposal.unwrap_or_default(), statement, entry: args.entry }
    }
}

/// `history`.
#[derive(Debug, Subcommand)]
pub enum History {
    /// The sums of a proposal, as its ballots came.
    Tally {
        /// The proposal: its number, like '#3', or its id or the first digits of it.
        proposal: String,
    },
    /// What a member did: votes, proposals, and who hands weight on to them.
    Member {
        /// A vote key or the beginning of it, or a name that one member has.
        member: String,
    },
    /// The balances of a channel, checkpoint by checkpoint.
    Channel {
        /// The channel's id or the beginning of it.
        channel: String,
    },
}

impl From<History> for Request {
    fn from(history: History) -> Self {
        let of = match history {
            History::Member { member } => return Request::MemberHistory { member },
            History::Tally { proposal } => CurveOf::Tally { proposal },
            History::Channel { channel } => CurveOf::Channel { channel },
        };
        Request::Curve { of }
    }
}

/// Completions for a shell.
pub(super) fn completions(options: &Completions, console: &mut Console<'_>) -> Result<u8, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "althing", &mut out);
    let mut script = String::from_utf8_lossy(&out).into_owned();
    if options.shell == clap_complete::Shell::Fish {
        script.push_str(&fish_words(&Cli::command(), &mut Vec::new()));
    }
    console.page(&script, false)
}

/// The library's completions for fish know the values of options only, not those of words that stand alone.
fn fish_words<'a>(command: &'a clap::Command, path: &mut Vec<&'a str>) -> String {
    let mut lines = String::new();
    if let Some((first, inner)) = path.split_first() {
        let within = inner.iter().map(|name| format!("; and __fish_seen_subcommand_from {name}")).collect::<String>();
        for word in command.get_positionals() {
            let values: Vec<String> = word
                .get_possible_values()
                .iter()
                .filter(|value| !value.is_hide_set())
                .map(|value| value.get_name().to_owned())
                .collect();
            if !values.is_empty() {
                let values = values.join(" ");
                lines.push_str(&format!(
                    "complete -c althing -n \"__fish_althing_using_subcommand {first}{within}\" -f -a \"{values}\"\n"
                ));
            }
        }
    }
    for inner in command.get_subcommands() {
        path.push(inner.get_name());
        lines.push_str(&fish_words(inner, path));
        path.pop();
    }
    lines
}

/// Manual pages, with the keys of the screens and the exit codes from the tables that the program itself uses.
pub(super) fn man(options: &Man, console: &mut Console<'_>) -> Result<u8, Failure> {
    let first = first_page()?;
    let Some(folder) = &options.out else {
        return console.page(&first, false);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(anyhow::Error::from)?;
    std::fs::write(folder.join("althing.1"), first).map_err(anyhow::Error::from)?;
    let mut pages = 0;
    for entry in std::fs::read_dir(folder).map_err(anyhow::Error::from)? {
        let path = entry.map_err(anyhow::Error::from)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "althing.1" || (name.starts_with("althing-") && name.ends_with(".1")) {
            pages += 1;
        }
        if name.starts_with("althing-") && name.ends_with(".1") {
            let page = std::fs::read_to_string(&path).map_err(anyhow::Error::from)?;
            std::fs::write(&path, page + &exit_status()).map_err(anyhow::Error::from)?;
        }
    }
    console.answer(&json!({ "folder": folder, "pages": pages }), || {
        vec![format!("{pages} pages written to {}", folder.display())]
    })
}

fn first_page() -> Result<String, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(anyhow::Error::from)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    page.push_str(&exit_status());
    page.push_str(
        ".SH KEYS\nKeys of the screens (\\fBalthing tui\\fR). In brackets: the name of the act in the settings.\n",
    );
    for context in Context::ALL {
        page.push_str(&format!(".SS \"{} [{}]\"\n", roff(context.title()), context.name()));
        for binding in KEYMAP.iter().filter(|binding| binding.context == context) {
            let (keys, help) = (roff(&binding.names()), roff(binding.help));
            page.push_str(&format!(".TP\n\\fB{keys}\\fR\n{help} [{}]\n", binding.act.name()));
        }
    }
    Ok(page)
}

fn exit_status() -> String {
    let mut text = ".SH \"EXIT STATUS\"\n".to_owned();
    for (code, meaning) in super::failure::MEANINGS {
        text.push_str(&format!(".TP\n\\fB{code}\\fR\n{}\n", roff(meaning)));
    }
    text
}

/// Text for roff: a backslash, a hyphen, and a dot or quote at the beginning of a line mean something there.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Where everything is.
pub(super) fn info(global: &Global, backend: &dyn Backend, console: &mut Console<'_>) -> Result<u8, Failure> {
    let data = data_folder(global)?;
    let mut files = Vec::new();
    if let Ok(entries) = std::fs::read_dir(&data) {
        for entry in entries.flatten() {
            let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
            files.push((entry.file_name().to_string_lossy().into_owned(), bytes));
        }
    }
    files.sort();
    let settings_file = settings::file();
    // A folder that is not set up keeps nothing yet.
    let light = backend.light(&data, None).unwrap_or(false);
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": data,
        "light": light,
        "files": files.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect::<Vec<_>>(),
        "settings": settings_file,
        "log": "standard error, filtered by ALTHING_LOG",
    });
    console.answer(&value, || {
        let mut lines = vec![
            format!("version   {}", env!("CARGO_PKG_VERSION")),
            format!("data      {}", Untrusted::new(&data.display().to_string())),
        ];
        lines.extend(files.iter().map(|(name, bytes)| format!("          {} ({bytes} bytes)", Untrusted::new(name))));
        if light {
            lines.push(
                "keeps     own entries and proofs; the log is read from the hub at each start (light member)"
                    .to_owned(),
            );
        }
        if let Some(file) = &settings_file {
            let absent = if file.exists() { "" } else { " (not there; the defaults hold)" };
            lines.push(format!("settings  {}{absent}", Untrusted::new(&file.display().to_string())));
        }
        lines.push("log       the standard error; ALTHING_LOG=info shows more".to_owned());
        lines
    })
}

/// Shows or changes the settings of the screens.
pub(super) fn settings(
    command: SettingsCommand,
    backend: &dyn Backend,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let file = settings::file().ok_or_else(|| {
        Failure::usage("Neither ALTHING_SETTINGS, XDG_CONFIG_HOME nor HOME says where the settings are.")
    })?;
    if matches!(command, SettingsCommand::Show) {
        let settings = Settings::load(&file)?;
        let no_color = is_without_color();
        return console.answer(&json!({ "file": file, "settings": settings, "no_color": no_color }), || {
            let text = toml::to_string_pretty(&settings).unwrap_or_default();
            let mut lines = vec![format!("# {}", Untrusted::new(&file.display().to_string()))];
            if no_color {
                lines.push("# NO_COLOR is set: the screens have no colours here, whatever the theme.".to_owned());
            }
            lines.extend(Untrusted::new(text.trim_end()).lines());
            lines
        });
    }
    let settings = Settings::change(&file, |settings| change(command, settings, backend))?;
    console.answer(&json!({ "file": file, "settings": settings }), || {
        vec![format!("Kept in {}.", Untrusted::new(&file.display().to_string()))]
    })
}

/// Whether the terminal asked for no colour (no-color.org).
pub(super) fn is_without_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// What a command changes in the settings.
fn change(command: SettingsCommand, settings: &mut Settings, backend: &dyn Backend) -> Result<(), Failure> {
    match command {
        SettingsCommand::Show => {}
        SettingsCommand::Theme { theme } => settings.theme = theme,
        SettingsCommand::Keys { context, act, keys } => {
            let acts = settings.keys.entry(context.clone()).or_default();
            if keys.is_empty() {
                acts.remove(&act);
            } else {
                acts.insert(act, keys);
            }
            if acts.is_empty() {
                settings.keys.remove(&context);
            }
            if let Err(problem) = settings.keymap() {
                return Err(Failure::usage(format!("Nothing was changed: {problem}.")));
            }
        }
        SettingsCommand::Bell { switch } => settings.bell = switch == "on",
        SettingsCommand::Notify { program } => settings.notify = program,
        SettingsCommand::Mouse { switch } => settings.mouse = switch == "on",
        SettingsCommand::ReducedMotion { switch } => settings.reduced_motion = switch == "on",
        SettingsCommand::RemoveFolder { folder } => {
            let folder = std::path::absolute(folder).map_err(anyhow::Error::from)?;
            let before = settings.folders.len();
            settings.folders.retain(|known| *known != folder);
            if settings.folders.len() == before {
                return Err(Failure::usage(format!("{} is not in the list; nothing was changed.", folder.display())));
            }
        }
        SettingsCommand::AddFolder { folder } => {
            let folder = std::path::absolute(folder).map_err(anyhow::Error::from)?;
            if !backend.has_keys(&folder) {
                return Err(Failure::rule(
                    "N-10",
                    format!("N-10: {} has no keys: it is no data folder. Nothing was changed.", folder.display()),
                ));
            }
            if !settings.folders.contains(&folder) {
                settings.folders.push(folder);
            }
        }
    }
    Ok(())
}

/// Starts the private DAO for learning, if the program for it is there.
pub(super) fn learn(console: &mut Console<'_>) -> Result<u8, Failure> {
    // Said before a DAO is founded for screens that cannot be opened.
    expect_terminal("The tutorial")?;
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join(format!("althing-demo{}", std::env::consts::EXE_SUFFIX))));
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("althing-demo")).find(|file| file.is_file())
    };
    let Some(program) = beside.filter(|file| file.is_file()).or_else(on_path) else {
        return Err(Failure(ApiError::not_now(
            "The private DAO is started by the program althing-demo, which is neither beside this one nor on the PATH. \
             In the source folder, cargo demo -- --learn does the same.",
        )));
    };
    console.note("A private DAO is being founded on a Bitcoin network of its own, with coins worth nothing.");
    // The private DAO runs this very program, wherever it was installed.
    let this = std::env::current_exe().context("this program cannot be found")?;
    let mut demo = Program::new(&program);
    if std::env::var_os("ALTHING_EXE").is_none() {
        demo.env("ALTHING_EXE", this);
    }
    let status = demo.arg("--learn").status().with_context(|| format!("{} cannot be run", program.display()))?;
    match status.success() {
        true => Ok(OK),
        false => Err(Failure(ApiError::ours(format!("{} ended with {status}", program.display())))),
    }
}
