//! Hazard: a person who types a word or a password for nothing, since what it was for could never come of it (N-442).

use std::process::{Command, Stdio};

use althing_node::api::{Reply, Request};
use althing_tui::app::Popup;

use crate::dao::{AtTheKeyboard, snapshot};
use crate::stage::{Stage, althing, with_passwords};
use crate::tmux::Tmux;

/// The least that the charter takes, and more than the wallet has.
const LEAST: u64 = 100_000;

#[test]
fn a_stake_that_cannot_be_is_refused_in_the_form() {
    let mut seen = snapshot();
    seen.status.least_stake_sat = LEAST;
    for (amount, words) in [
        ("5", "G-32: a stake of 5 sat is below the charter's minimum of 100,000 sat."),
        ("99999", "a stake of 99,999 sat"),
        ("2000000", "W-1: a stake of 2,000,000 sat needs that much confirmed in the wallet"),
    ] {
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.size = (120, 40);
        let text = member.press("5o").press(amount).press("<ctrl-s>").text();
        assert!(matches!(member.app.popups.last(), Some(Popup::Form(_))) && text.contains(words), "{amount}\n{text}");
        // A better number goes on to the review, which says what is left.
        let text = member.press("<ctrl-u>200000<ctrl-s>").text();
        assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))), "{text}");
        assert!(text.contains("Your wallet has 1,234,567 sat confirmed; 1,034,567 sat stay in it"), "{text}");
    }
}

#[test]
fn a_stake_that_cannot_be_is_refused_before_its_word() {
    for (amount, code, words) in [("5", 1, "G-32: a stake of 5 sat"), ("2000000", 2, "W-1: a stake of 2,000,000 sat")] {
        let mut status = snapshot().status;
        status.least_stake_sat = LEAST;
        let stage = Stage::running().answer(Ok(Reply::Status(Box::new(status))));
        let said = althing(stage, &format!("stake open {amount}"), "stake\n");
        assert!(said.code == code && said.err.contains(words), "{}", said.err);
        assert!(!said.err.contains("Type stake"), "{}", said.err);
        assert!(!said.asked.iter().any(|asked| matches!(asked, Request::StakeOpen { .. })), "{:?}", said.asked);
    }
}

#[test]
fn no_password_is_asked_for_keys_that_cannot_be_made() {
    let no_source = || Some("B-1: nobody listens".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dao.json");
    std::fs::write(&file, crate::about::dao_file(b"", b"", "127.0.0.1:9735", 1)).unwrap();
    let init = "init --network regtest --bitcoind http://127.0.0.1:1 --cookie /c".to_owned();
    let join = format!("join {} --network regtest --bitcoind http://127.0.0.1:1 --cookie /c --name U", file.display());
    for (stage, command, words) in [
        (Stage { is_new: true, no_source: no_source(), ..Stage::default() }, &init, "B-1: nobody listens"),
        (Stage { is_new: true, no_source: no_source(), ..Stage::default() }, &join, "B-1: nobody listens"),
        (Stage::default(), &init, "K-3: /data/keys.json must not exist yet"),
    ] {
        // Two that differ would be told first, were they asked for.
        let said = with_passwords(&["one", "another"], || althing(stage, command, ""));
        assert!(said.code == 3 && said.err.contains(words), "{command}: {}", said.err);
        assert!(said.did.is_empty(), "{:?}", said.did);
    }
}

/// The tutorial founded its DAO for half a minute, and only then found no terminal to draw on.
#[test]
fn what_is_drawn_on_a_terminal_says_so_without_one() {
    let folder = with_keys("secret");
    for command in [&["learn"][..], &["tui"]] {
        let mut althing = Command::new(env!("CARGO_BIN_EXE_althing"));
        althing.args(command).arg("--data").arg(folder.path()).env("ALTHING_PASSWORD", "secret").stdin(Stdio::null());
        let done = althing.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains("needs a terminal"), "{command:?}: {said}");
        assert!(!said.contains("being founded"), "{said}");
    }
}

#[test]
fn who_has_no_dao_is_told_so_when_inviting() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!("--data {} dao invitation", folder.path().display());
    let said = althing(Stage { is_new: true, ..Stage::default() }, &command, "");
    assert!(said.code == 1 && said.err.contains("has no keys"), "{}", said.err);
    std::fs::write(folder.path().join("keys.json"), "sealed").unwrap();
    let said = althing(Stage::default(), &command, "");
    assert!(said.code == 1 && said.err.contains("D-5") && said.err.contains("belongs to no DAO yet"), "{}", said.err);
}

/// A password typed wrong ended the program, or worse: opened screens that never showed anything.
#[test]
fn the_screens_ask_three_times_for_the_password() {
    let folder = with_keys("right");
    let settings = folder.path().join("terminal.toml");
    std::fs::write(&settings, "bell = true\ntheme = \"pink\"\n").unwrap();
    let run = |name: &str| {
        let command = format!(
            "env -u ALTHING_PASSWORD ALTHING_SETTINGS='{}' '{}' tui --data '{}'",
            settings.display(),
            env!("CARGO_BIN_EXE_althing"),
            folder.path().display()
        );
        Tmux::run(name, (80, 24), &command)
    };
    let tmux = run("password");
    for tries in 1..=2 {
        tmux.wait_for_count("Password:", tries);
        tmux.press(&["wrong", "Enter"]).wait_for_count("✗ That is not the password of these keys.", tries);
    }
    tmux.wait_for_count("Password:", 3);
    // N-440: a mistake in the settings is told in full, and holds nobody up.
    let text = tmux.press(&["right", "Enter"]).wait_for("The settings cannot be read");
    assert!(text.contains("line 2") && text.contains("pink"), "{text}");
    tmux.press(&["Escape"]).wait_until_gone("The settings cannot be read");
    tmux.press(&["q"]).wait_for("[ended with 0]");
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), "bell = true\ntheme = \"pink\"\n");

    let tmux = run("passwords");
    for tries in 1..=3 {
        tmux.wait_for_count("Password:", tries);
        tmux.press(&["wrong", "Enter"]);
    }
    let text = tmux.wait_for("[ended with 1]");
    assert!(text.contains("K-6"), "{text}");
}

/// A folder with keys and without a DAO.
fn with_keys(password: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let network = althing_node::setup::parse_network("regtest").unwrap();
    althing_node::keys::Keys::create(folder.path(), network, password, None).unwrap();
    folder
}
