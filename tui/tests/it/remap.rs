//! Hazard: keys of the member's own that mean two things, or nothing any more.

use std::collections::BTreeMap;

use althing_tui::app::{Act, App};
use althing_tui::keymap::{Context, KEYMAP, Key, Keymap};
use althing_tui::settings::Settings;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn settings(context: &str, act: &str, keys: &[&str]) -> Settings {
    let acts = BTreeMap::from([(act.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())]);
    Settings { keys: BTreeMap::from([(context.to_owned(), acts)]), ..Settings::default() }
}

fn problem(context: &str, act: &str, keys: &[&str]) -> String {
    format!("{:#}", settings(context, act, keys).keymap().unwrap_err())
}

#[test]
fn another_key_takes_the_place_of_the_usual_one() {
    let keymap = settings("proposal", "vote", &["ctrl-v", "f5"]).keymap().unwrap();
    let press = |code, modifiers| keymap.lookup(&[Context::Proposal], &KeyEvent::new(code, modifiers));
    assert_eq!(press(KeyCode::Char('v'), KeyModifiers::NONE), None);
    assert_eq!(press(KeyCode::Char('v'), KeyModifiers::CONTROL), Some(Act::Vote));
    assert_eq!(press(KeyCode::F(5), KeyModifiers::NONE), Some(Act::Vote));
}

#[test]
fn every_mistake_is_named() {
    assert!(problem("nowhere", "vote", &["v"]).contains("no such place"));
    assert!(problem("proposal", "dance", &["v"]).contains("no such act"));
    assert!(problem("proposal", "vote", &["hyper-v"]).contains("no key"));
    assert!(problem("proposal", "vote", &[]).contains("needs a key"));
}

#[test]
fn conflicts_are_found_in_one_place_across_places_and_while_typing() {
    assert!(problem("proposal", "vote", &["c"]).contains("the key c is both"));
    // On a proposal, q would no longer leave.
    assert!(problem("proposal", "vote", &["q"]).contains("screens.quit"));
    assert!(problem("field", "confirm", &["x"]).contains("types a letter"));
}

#[test]
fn names_of_keys_and_acts_are_read_back() {
    for binding in KEYMAP {
        for key in binding.keys.iter() {
            assert_eq!(Key::parse(&key.name()), Ok(*key), "{binding:?}");
        }
        let keys: Vec<String> = binding.keys.iter().map(Key::name).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let same = settings(&binding.context.name(), &binding.act.name(), &keys).keymap().unwrap();
        assert_eq!(same.bindings().len(), Keymap::default().bindings().len());
    }
}

#[test]
fn the_footer_and_the_help_show_the_member_s_own_keys() {
    let mut member = crate::dao::AtTheKeyboard::new();
    member.app.keymap = settings("proposals", "vote", &["ctrl-v"]).keymap().unwrap();
    assert!(member.press("2").text().contains("ctrl-v vote"));
}

#[test]
fn settings_survive_their_file_and_a_wrong_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("some/terminal.toml");
    assert_eq!(Settings::load(&file).unwrap(), Settings::default());
    let mut wanted = settings("proposal", "vote", &["ctrl-v"]);
    wanted.notify = vec!["notify-send".to_owned()];
    Settings::change(&file, |settings| -> anyhow::Result<()> {
        *settings = wanted.clone();
        Ok(())
    })
    .unwrap();
    assert_eq!(Settings::load(&file).unwrap(), wanted);
    for wrong in ["theme = \"pink\"", "bel = true", "[keys.proposal]\nvote = [\"c\"]", "\u{202e}"] {
        std::fs::write(&file, wrong).unwrap();
        assert!(Settings::load(&file).is_err(), "{wrong}");
    }
    assert!(App::with(settings("proposal", "vote", &["c"])).is_err());
}
