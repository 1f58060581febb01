//! Hazard: a terminal that cannot be used any more after the screens ended in a way nobody wanted.
//!
//! The screens run in this very test program, started once more inside tmux: see the ignored test below.

use std::sync::Arc;

use althing_node::api::Service;
use althing_tui::app::App;
use althing_tui::screen::{Rendered, render};
use althing_tui::terminal::{Draw, run_drawn_by};
use althing_tui::worker::Errands;

use crate::dao::Script;
use crate::tmux::Tmux;

/// Says how the screens inside tmux shall behave.
const MODE: &str = "ALTHING_TEST_SCREENS";

/// The screens of the scripted DAO, to be run by the other tests in a terminal of their own.
#[test]
#[ignore = "the other tests start it inside tmux"]
fn screens_in_a_terminal() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let draw: Draw = match mode.as_str() {
        "panic" => |_, app, _| {
            assert!(app.snapshot.is_none(), "planted \u{1b}[31m panic");
            Rendered::default()
        },
        _ => render,
    };
    althing_tui::log::catch_panics();
    let left = run_drawn_by(
        draw,
        App::new(),
        Box::new(|| Ok(Arc::new(Script::default()) as Arc<dyn Service>)),
        Errands::default(),
    );
    left.unwrap();
}

fn start(mode: &str) -> (Tmux, tempfile::TempDir) {
    let (exe, folder) = (std::env::current_exe().unwrap(), tempfile::tempdir().unwrap());
    let run = "real_terminal::screens_in_a_terminal --exact --ignored --nocapture --test-threads=1";
    let (exe, pid) = (exe.display(), folder.path().join("pid"));
    let command = format!("sh -c 'echo $$ > \"$0\"; {MODE}={mode} exec \"$1\" {run}' '{}' '{exe}'", pid.display());
    (Tmux::run(mode, (80, 24), &command), folder)
}

#[test]
fn a_panic_restores_the_terminal_and_is_told_harmlessly() {
    let (tmux, _folder) = start("panic");
    let text = tmux.wait_for("[ended with");
    tmux.assert_restored();
    assert!(text.contains("planted"), "{text}");
    assert!(!text.contains("[ended with 0]"), "{text}");
    assert!(text.contains("U+001B"), "{text}");
}

#[test]
fn a_polite_kill_restores_the_terminal() {
    let (tmux, folder) = start("kill");
    tmux.wait_for("What needs me now");
    assert_eq!(tmux.variable("alternate_on"), "1");
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    let killed = std::process::Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap();
    assert!(killed.success());
    tmux.wait_for("[ended with 0]");
    tmux.assert_restored();
}

/// What asks nobody cannot be answered: the terminal is left as it was, and mended by the screens that come next.
#[test]
fn a_kill_that_asks_nobody_is_mended_by_the_next_start() {
    let (exe, folder) = (std::env::current_exe().unwrap(), tempfile::tempdir().unwrap());
    let run = "real_terminal::screens_in_a_terminal --exact --ignored --nocapture --test-threads=1";
    let (exe, pid) = (exe.display(), folder.path().join("pid"));
    let once = format!("sh -c 'echo $$ > \"$0\"; {MODE}=nine exec \"$1\" {run}' '{}' '{exe}'", pid.display());
    let tmux = Tmux::run("nine", (80, 24), &format!("{once}; echo killed; {once}"));
    tmux.wait_for("What needs me now");
    let number = std::fs::read_to_string(&pid).unwrap();
    let killed = std::process::Command::new("kill").args(["-KILL", number.trim()]).status().unwrap();
    assert!(killed.success());
    tmux.wait_for("What needs me now");
    let begin = std::time::Instant::now();
    while std::fs::read_to_string(&pid).unwrap() == number {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "the screens did not start again");
        std::thread::yield_now();
    }
    tmux.press(&["2"]).wait_for("Buy two disks");
    tmux.press(&["q"]).wait_for("[ended with 0]");
    tmux.assert_restored();
}

#[test]
fn keys_and_mouse_of_a_real_terminal_arrive() {
    let (tmux, _folder) = start("keys");
    tmux.wait_for("What needs me now");
    tmux.press(&["2"]).wait_for("Buy two disks");
    tmux.press(&["j", "Enter"]).wait_for("If it passes");
    tmux.press(&["Escape"]).wait_for("yes of roll");
    // A press of the left button on the tab of the members, as an SGR report.
    tmux.press(&["\u{1b}[<0;44;1M"]).wait_for("This member");
    tmux.press(&["q"]).wait_for("[ended with 0]");
    tmux.assert_restored();
}
