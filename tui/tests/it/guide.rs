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
    let guide = include_str!("../../../docs/guide/member.md");
    let commands: Vec<&str> = guide.lines().filter(|line| line.starts_with("althing ")).collect();
    assert!(commands.len() > 20, "{commands:?}");
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
