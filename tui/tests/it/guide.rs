//! The guide for members must not promise commands that do not exist.

use althing_tui::cli::Cli;
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

#[test]
fn every_command_of_the_guide_is_understood() {
    let guides =
        [(include_str!("../../../docs/guide/member.md"), 20), (include_str!("../../../docs/guide/treasurer.md"), 10)];
    let mut commands: Vec<&str> = Vec::new();
    for (guide, least) in guides {
        let found: Vec<&str> = guide.lines().map(str::trim).filter(|line| line.starts_with("althing ")).collect();
        assert!(found.len() > least, "{found:?}");
        commands.extend(found);
    }
    for command in commands {
        if let Err(error) = Cli::try_parse_from(split(command)) {
            panic!("{command}\n{error}");
        }
    }
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
        let mut known = Cli::command();
        for word in command.split_whitespace() {
            let Some(next) = known.find_subcommand(word).cloned() else {
                assert!(!known.has_subcommands(), "althing {command}: there is no {word}");
                if let Some(option) = word.strip_prefix("--") {
                    let global = ["json", "data"].contains(&option);
                    let has = known.get_arguments().any(|argument| argument.get_long() == Some(option));
                    assert!(has || global, "althing {command}: there is no --{option}");
                }
                continue;
            };
            known = next;
        }
    }
}
