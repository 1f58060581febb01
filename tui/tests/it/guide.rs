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
                    let global = ["json", "data", "readonly"].contains(&option);
                    let has = known.get_arguments().any(|argument| argument.get_long() == Some(option));
                    assert!(has || global, "althing {command}: there is no --{option}");
                }
                continue;
            };
            known = next;
        }
    }
}

/// What waits for other parts of the project, and what is never to be: nothing else may be missing.
const NOT_YET: [(&str, &str); 5] = [
    ("earned merit that decays", "merit"),
    ("secret until close", "trustees"),
    ("sessions over the peers", "treasury"),
    ("notifications", "terminal"),
    ("public interface", "node services"),
];
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
