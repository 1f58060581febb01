//! Hazard: something that only the command line can do (N-170), or a command that does from the screens what nobody read (N-171).

use std::collections::BTreeSet;
use std::sync::Arc;

use althing_node::api::*;
use althing_tui::app::{Act, Command as Errand, FormKind, Pick, Picked, Popup, SAME};
use althing_tui::cli::Cli;
use althing_tui::deeds::{self, OUTSIDE};
use clap::error::ErrorKind as Fault;
use clap::{Command, CommandFactory as _, Parser as _};

use crate::dao::{AtTheKeyboard, snapshot};
use crate::stage::Stage;

/// Commands that have a key of their own, beside those whose form is a screen's: the screen and the key, and the command.
const KEYS: &[(&str, &str)] = &[
    ("2j<enter>E", "proof export"),
    ("2j<enter>O", "ots export"),
    ("3R", "proof receipt"),
    ("3F", "force"),
    ("4O", "treasury bond"),
    ("4E", "treasury export"),
    ("4u", "treasury labels export"),
    ("4U", "treasury labels import"),
    ("4Y", "treasury ownership newest"),
    ("5+", "channel bump"),
    ("5m", "channel migrate"),
    ("5W", "tower add"),
    ("5D", "tower remove"),
    ("5K", "backup keep"),
    ("5I", "backup inspect"),
    ("5R", "restore"),
    ("6A", "accept"),
    ("6E", "equivocation"),
    ("6K", "keys show"),
    ("7o", "link operators"),
    ("7H", "headers export"),
    ("7t", "tiles export"),
    ("8r", "audit"),
    ("8v", "verify"),
    ("8p", "proof export"),
    ("8F", "fraud"),
    ("8E", "equivocation"),
    ("8u", "seen"),
    ("0r", "gates refill"),
    ("0B", "treasury bond"),
    ("0p", "succession propose"),
    ("0s", "succession sign"),
    ("0c", "succession collect"),
    ("0v", "succession check"),
    ("0x", "succession spend"),
    ("0C", "succession cosign"),
    ("0P", "succession publish"),
    ("0F", "succession follow"),
];

fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let path = format!("{path} {}", sub.get_name()).trim().to_owned();
        match sub.has_subcommands() {
            true => leaves(sub, &path, found),
            false => found.push(path),
        }
    }
}

fn commands() -> Vec<String> {
    let (mut command, mut found) = (Cli::command(), Vec::new());
    command.build();
    leaves(&command, "", &mut found);
    found
}

/// The command whose form is on top.
fn form_of(member: &AtTheKeyboard) -> Option<&'static str> {
    match member.app.popups.last() {
        Some(Popup::Form(form)) => match form.kind {
            FormKind::Run { path } => Some(path),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn every_command_is_one_of_the_screens_or_of_those_named_with_a_reason() {
    let all: BTreeSet<String> = commands().into_iter().collect();
    let here: BTreeSet<String> = deeds::all().iter().map(|deed| deed.path.to_owned()).collect();
    let outside: BTreeSet<String> = all.iter().filter(|path| deeds::is_outside(path)).cloned().collect();
    assert_eq!(here.intersection(&outside).count(), 0);
    assert_eq!(here.union(&outside).cloned().collect::<BTreeSet<_>>(), all, "a command that is neither");
    assert!(OUTSIDE.len() <= 16, "the list of exceptions grows: {OUTSIDE:?}");
    for (path, reason) in OUTSIDE {
        assert!(all.iter().any(|known| known.starts_with(path)), "{path} is no command");
        assert!(reason.len() > 10, "{path}: no reason");
    }
}

#[test]
fn each_is_in_the_palette_with_a_form_of_all_its_options() {
    let mut member = AtTheKeyboard::new();
    let pick = Pick::command(&member.app);
    let acts: Vec<Act> = pick
        .items()
        .iter()
        .filter_map(|item| match item.picked {
            Picked::Act(act) | Picked::There(_, _, act) => Some(act),
            _ => None,
        })
        .collect();
    for deed in deeds::all() {
        if let Some((same, _)) = SAME.iter().find(|(_, path)| *path == deed.path) {
            let rows = acts.iter().filter(|act| **act == *same || **act == Act::Run(deed.path)).count();
            assert_eq!(rows, 1, "{} is in the palette {rows} times", deed.path);
            member.app.popups.clear();
            member.act(althing_tui::app::Action::Act(*same));
            let fields = match member.app.popups.last() {
                Some(Popup::Form(form)) => form.fields.len(),
                _ => 0,
            };
            // The one switch among their options, --all, is a word in the field of the amount.
            let options = deed.options.iter().filter(|option| option.takes != deeds::Takes::Nothing).count();
            assert!(fields >= options, "{}: {fields} fields for {options} options", deed.path);
            continue;
        }
        assert!(acts.contains(&Act::Run(deed.path)), "{} is not in the palette", deed.path);
        member.app.popups.clear();
        member.errands.clear();
        member.app.running = None;
        member.machine = None;
        member.act(althing_tui::app::Action::Act(Act::Run(deed.path)));
        member.text();
        if deed.options.is_empty() && !deed.opens_keys && deed.word.is_none() {
            assert!(matches!(member.errands.last(), Some(Errand::Run(run)) if run.path == deed.path), "{}", deed.path);
            continue;
        }
        if deed.options.is_empty() && !deed.opens_keys {
            assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))), "{}", deed.path);
            continue;
        }
        let Some(Popup::Form(form)) = member.app.popups.last() else { panic!("{} has no form", deed.path) };
        for option in &deed.options {
            assert!(form.fields.iter().any(|field| field.label == option.label), "{}: {}", deed.path, option.id);
            assert!(!option.hint.is_empty(), "{}: nothing says what {} is", deed.path, option.id);
        }
        let labels: BTreeSet<&str> = form.fields.iter().map(|field| field.label).collect();
        assert_eq!(labels.len(), form.fields.len(), "{}: two fields of one name", deed.path);
    }
}

/// What a form makes of values is a command line that the command line takes apart in the same way.
#[test]
fn a_form_says_what_the_command_line_understands() {
    for deed in deeds::all() {
        for every in [false, true] {
            let value = |label: &str| {
                let option = deed.options.iter().find(|option| option.label == label).unwrap();
                match &option.takes {
                    _ if !every && !option.needed => "",
                    deeds::Takes::Nothing => "no",
                    deeds::Takes::OneOf { of, usual } => of[*usual],
                    deeds::Takes::Value { .. } => "7",
                }
            };
            let Ok(line) = deed.arguments(value) else { continue };
            let line: Vec<String> = ["althing".to_owned()].into_iter().chain(line).collect();
            if let Err(error) = Cli::try_parse_from(&line) {
                let of_the_values = [
                    Fault::ValueValidation,
                    Fault::InvalidValue,
                    Fault::MissingRequiredArgument,
                    Fault::ArgumentConflict,
                    Fault::WrongNumberOfValues,
                    Fault::TooFewValues,
                ];
                assert!(of_the_values.contains(&error.kind()), "{line:?}: {error}");
            }
        }
    }
}

#[test]
fn what_only_commands_could_do_has_a_key() {
    for (keys, path) in KEYS {
        let mut member = AtTheKeyboard::new();
        member.press(keys);
        let shown = form_of(&member).or(match member.app.popups.last() {
            Some(Popup::Review(review)) if review.order.title == deeds::named(path).unwrap().about => Some(path),
            _ => None,
        });
        assert_eq!(shown, Some(*path), "{keys}\n{}", member.text());
    }
}

const HUB: &str = "02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@127.0.0.1:9735";

fn stakes() -> Result<Reply, ApiError> {
    Ok(Reply::Stakes { stakes: snapshot().stakes })
}

fn moves(sentence: &str) -> Result<Reply, ApiError> {
    Ok(Reply::SayReview(SayReview { sentences: vec![sentence.to_owned()], refusal: None }))
}

/// A member whose machine answers in this order.
fn before(answers: Vec<Result<Reply, ApiError>>) -> (AtTheKeyboard, Arc<Stage>) {
    let stage = Arc::new(answers.into_iter().fold(Stage::running(), Stage::answer));
    let mut member = AtTheKeyboard::new();
    member.machine = Some(stage.clone());
    (member, stage)
}

fn migrations(stage: &Stage) -> Vec<bool> {
    let asked = stage.node.script.asked.lock().unwrap();
    asked
        .iter()
        .filter_map(|r| if let Request::ChannelMigrate { review, .. } = r { Some(*review) } else { None })
        .collect()
}

#[test]
fn a_command_asks_on_the_review_page_and_then_does_what_was_read() {
    let moved = Ok(Reply::Stake(snapshot().stakes.remove(0)));
    let (mut member, stage) = before(vec![stakes(), moves("Moves it."), stakes(), moves("Moves it."), moved]);
    member.press("5m").press(HUB).press("<ctrl-s>");
    let text = member.text();
    assert!(text.contains("Review: move a stake channel to another hub") && text.contains("Moves it."), "{text}");
    assert_eq!(migrations(&stage), [true], "only asked what it would do");
    member.press("yes<enter>");
    assert_eq!(migrations(&stage), [true], "another word does nothing");
    member.press("<ctrl-u>migrate<enter>");
    assert_eq!(migrations(&stage), [true, true, false]);
    assert!(!member.app.popups.iter().any(|popup| matches!(popup, Popup::Review(_) | Popup::Form(_))));
}

#[test]
fn what_changed_since_it_was_read_is_read_again() {
    let (mut member, stage) = before(vec![stakes(), moves("Costs 7 sat."), stakes(), moves("Costs 900 sat.")]);
    member.press("5m").press(HUB).press("<ctrl-s>migrate<enter>");
    let text = member.text();
    assert!(text.contains("has changed since you read it") && text.contains("Costs 900 sat."), "{text}");
    assert_eq!(migrations(&stage), [true, true], "nothing is moved");
}

#[test]
fn why_it_is_not_done_is_said_in_the_form() {
    let (mut member, _) = before(vec![stakes(), Err(ApiError::invalid("N-33", "N-33: that is this hub itself"))]);
    let text = member.press("5m").press(HUB).press("<ctrl-s>").text();
    assert!(text.contains("✗ N-33: that is this hub itself"), "{text}");
    assert_eq!(form_of(&member), Some("channel migrate"), "what was put in stays");
    let text = member.press("<esc>0r<ctrl-s>").text();
    assert!(text.contains("✗ Txid: something has to be there."), "{text}");
}

#[test]
fn the_password_of_the_keys_is_typed_unseen_and_forgotten() {
    let (mut member, stage) = before(Vec::new());
    member.press("6K<tab>geheim");
    let text = member.text();
    assert!(text.contains("••••••") && !text.contains("geheim"), "{text}");
    member.press("<esc>");
    assert!(!format!("{:?}", member.app.aside).contains("geheim"), "kept with the draft");
    member.press("6K<tab>geheim<enter>");
    assert_eq!(*stage.did.lock().unwrap(), ["keys /data geheim"]);
    let text = member.text();
    assert!(text.contains("treasury key"), "{text}");
    assert!(!format!("{:?}", member.app).contains("geheim"), "kept after it was used");
}

#[test]
fn nothing_is_ordered_by_a_command_from_screens_that_only_look() {
    let (mut member, stage) = before(vec![stakes(), moves("Moves it.")]);
    member.app.readonly = true;
    let text = member.press("5m").press(HUB).press("<ctrl-s>migrate<enter>").text();
    assert!(text.contains("N-90"), "{text}");
    assert!(!migrations(&stage).contains(&false));
    // What only looks is answered there too.
    let (mut member, _) = before(vec![Ok(Reply::Gates { gates: Vec::new() })]);
    member.app.readonly = true;
    member.press("0L");
    assert!(member.app.notice.as_ref().is_some_and(|notice| !notice.is_trouble), "{:?}", member.app.notice);
}
