//! The guide for members must not promise commands that do not exist.

use althing_tui::cli::Cli;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

/// Splits like a shell, as far as the guide needs it: blanks and double quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The guides, and how many commands each has at least in its blocks.
const GUIDES: [(&str, &str, usize); 5] = [
    ("member.md", include_str!("../../../docs/guide/member.md"), 60),
    ("treasurer.md", include_str!("../../../docs/guide/treasurer.md"), 15),
    ("operator.md", include_str!("../../../docs/guide/operator.md"), 14),
    ("integrator.md", include_str!("../../../docs/guide/integrator.md"), 5),
    ("README.md", include_str!("../../../README.md"), 0),
];

/// The commands in the blocks of a guide, without what the shell reads before and after them.
fn commands_of(guide: &str) -> Vec<&str> {
    let blocks = guide.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(|block| block.lines().skip(1));
    let lines = lines.map(|line| line.trim().trim_start_matches("$ "));
    // The unit of a service names the program by its path.
    let lines = lines.map(|line| line.strip_prefix("ExecStart=/usr/local/bin/").unwrap_or(line));
    let commands = lines.filter(|line| line.starts_with("althing "));
    // A comment, a pipe and a file for the output are the shell's.
    commands
        .map(|line| [" # ", " | ", " > "].iter().fold(line, |line, end| line.split(end).next().unwrap_or(line)).trim())
        .collect()
}

#[test]
fn every_command_of_the_guides_is_understood() {
    for (name, guide, least) in GUIDES {
        let commands = commands_of(guide);
        assert!(commands.len() >= least, "{name} has {} commands: {commands:?}", commands.len());
        for command in commands {
            if let Err(error) = Cli::try_parse_from(split(command)) {
                panic!("{name}: {command}\n{error}");
            }
        }
    }
}

/// Who reads the guides has read of every command.
#[test]
fn every_command_stands_in_a_guide() {
    let guides: String = GUIDES.iter().map(|(_, guide, _)| *guide).collect::<Vec<_>>().join(" ");
    let guides: String = guides.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut commands = Vec::new();
    leaves(&Cli::command(), "althing", &mut commands);
    assert!(commands.len() > 100, "{commands:?}");
    commands.retain(|command| !guides.contains(command.as_str()));
    assert_eq!(commands, [""; 0], "in no guide");
}

/// The commands under that one which have none under them.
fn leaves(command: &clap::Command, name: &str, found: &mut Vec<String>) {
    let under: Vec<_> =
        command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set()).collect();
    if under.is_empty() {
        found.push(name.to_owned());
    }
    for sub in under {
        leaves(sub, &format!("{name} {}", sub.get_name()), found);
    }
}

/// The file that a guide shows is one that the program reads.
#[test]
fn the_proposal_file_of_the_guide_is_one() {
    let guide = GUIDES[0].1;
    let files: Vec<&str> = guide.split("```toml").skip(1).filter_map(|block| block.split("```").next()).collect();
    let drafts: Vec<_> = files.iter().filter(|file| file.contains("[[option]]")).collect();
    assert!(!drafts.is_empty());
    for file in drafts {
        toml::from_str::<althing_node::api::ProposalDraft>(file).unwrap_or_else(|error| panic!("{error}:\n{file}"));
    }
}

/// What stands in a sentence as a command is one too, down to its last flag.
#[test]
fn every_command_in_the_sentences_exists() {
    for (name, guide, _) in GUIDES {
        let prose: String = guide.split("```").step_by(2).collect();
        for quoted in prose.split('`').skip(1).step_by(2) {
            if let Some(command) = quoted.trim_start_matches("cargo ").strip_prefix("althing ") {
                exists(command).unwrap_or_else(|problem| panic!("{name}: althing {command}: {problem}"));
            }
        }
    }
}

/// What the screens tell a person to type exists.
#[test]
fn every_command_of_the_advice_exists() {
    let sources = [
        include_str!("../../src/app/advice.rs"),
        include_str!("../../src/app/needs.rs"),
        include_str!("../../src/screen/channels.rs"),
        include_str!("../../src/screen/treasury/budgets.rs"),
        include_str!("../../src/screen/treasury/flows.rs"),
        include_str!("../../src/screen/learn.rs"),
    ];
    let mut found = 0;
    for source in sources {
        for (at, _) in source.match_indices("althing ") {
            let rest = &source[at + "althing ".len()..];
            let words = rest.split(['.', '"', ')', ',', ':', ';', '(', '`', '{', '\n']).next().unwrap_or_default();
            // Sentences go on behind a command: names of commands and flags are what is looked at.
            let first = words.split_whitespace().next().unwrap_or_default();
            if !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                let known: Vec<&str> = words.split_whitespace().take_while(|word| !SENTENCE.contains(word)).collect();
                exists(&known.join(" ")).unwrap_or_else(|problem| panic!("althing {words}: {problem}"));
                found += 1;
            }
        }
    }
    assert!(found >= 10, "{found}");
}

/// Words that go on a sentence behind a command.
const SENTENCE: [&str; 8] = ["proposes", "names", "keeps", "says", "renews", "checks", "makes", "and"];

/// Whether words behind `althing` are a command with the flags it has.
fn exists(command: &str) -> Result<(), String> {
    let mut known = Cli::command();
    for word in command.split_whitespace() {
        if let Some(next) = known.find_subcommand(word).cloned() {
            known = next;
        } else if let Some(option) = word.strip_prefix("--") {
            let option = option.split('=').next().unwrap_or(option).trim_matches(['[', ']', '…']);
            let global = ["json", "plain", "data", "readonly", "help", "yes", "password-file"].contains(&option);
            let has = known.get_arguments().any(|argument| argument.get_long() == Some(option));
            if !has && !global {
                return Err(format!("there is no --{option}"));
            }
        } else if known.has_subcommands() {
            return Err(format!("there is no {word}"));
        }
    }
    Ok(())
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

/// Whatever `docs/guide/features.md` calls a command is one, down to its last word that is no argument.
#[test]
fn every_command_of_the_feature_table_exists() {
    let table = include_str!("../../../docs/guide/features.md");
    let quoted = table.split('`').skip(1).step_by(2);
    let commands: Vec<&str> = quoted.filter_map(|text| text.strip_prefix("althing ")).collect();
    assert!(commands.len() > 40, "{commands:?}");
    for command in commands {
        exists(command).unwrap_or_else(|problem| panic!("althing {command}: {problem}"));
        is_whole(command).unwrap_or_else(|problem| panic!("althing {command}: {problem}"));
    }
}

/// Whether nothing that a command needs is left out, but where `…` says so.
fn is_whole(command: &str) -> Result<(), String> {
    let words = command.split_whitespace().map(|word| match word {
        "SATS" | "HEIGHT" | "EPOCH" | "N" => "7",
        "--funds=EPOCH" => "--funds=7",
        other => other,
    });
    match Cli::command().try_get_matches_from(std::iter::once("althing").chain(words)) {
        Err(error) if !command.contains('…') => match error.kind() {
            // A letter stands for a proposal, a member or a key.
            ErrorKind::ValueValidation => Ok(()),
            _ => Err(error.to_string()),
        },
        _ => Ok(()),
    }
}

/// What waits for other parts of the project, and what is never to be: nothing else may be missing.
const NOT_YET: [(&str, &str); 3] =
    [("earned merit that decays", "merit"), ("secret until close", "trustees"), ("public interface", "node services")];
const NEVER: [&str; 2] = ["secret for ever", "receipt-free, coercion-resistant"];

#[test]
fn every_row_of_the_feature_table_is_there_by_a_command_or_says_what_it_waits_for() {
    let table = include_str!("../../../docs/guide/features.md");
    let rows =
        table.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows: Vec<Vec<&str>> = rows.filter(|row| row[0] != "feature").collect();
    // The reference's rows, and what the treasury has beyond them.
    assert!(rows.len() >= 68, "{}", rows.len());
    for row in rows {
        let [feature, state, shown] = row[..] else { panic!("{row:?} has not three columns") };
        match state {
            "yes" => assert!(shown.contains("`althing "), "{feature}: no command shows it"),
            "planned" => {
                let waits = NOT_YET.iter().find(|(planned, _)| *planned == feature);
                assert!(
                    waits.is_some_and(|(_, part)| shown.contains(part)),
                    "{feature} waits for nothing that is named"
                );
            }
            "no" => assert!(NEVER.contains(&feature) && shown.len() > 40, "{feature} is refused without a reason"),
            other => panic!("{feature}: {other}"),
        }
    }
}
