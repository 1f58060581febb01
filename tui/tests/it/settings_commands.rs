//! The settings of the screens, by the program itself: it finds their file by its environment.

use std::path::Path;
use std::process::{Command, Output};

fn settings(file: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_althing")).env("ALTHING_SETTINGS", file).args(arguments).output().unwrap()
}

#[test]
fn each_setting_has_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("terminal.toml");
    let no_dao = folder.path().display().to_string();
    for arguments in [&["settings", "mouse", "off"][..], &["settings", "reduced-motion", "on"]] {
        let done = settings(&file, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.contains("mouse = false") && before.contains("reduced_motion = true"), "{before}");
    for (arguments, wanted) in [
        (&["settings", "add-folder", &no_dao][..], "N-10"),
        (&["settings", "remove-folder", &no_dao], "not in the list"),
        (&["settings", "mouse", "on", "--readonly"], "N-90"),
    ] {
        let done = settings(&file, arguments);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains(wanted), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}
