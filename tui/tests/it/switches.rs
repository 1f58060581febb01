//! Hazard: a switch of the environment that does not do what a person means by it (N-427).

use std::process::Command;

/// The program with that variable, changing a setting.
fn changing(name: &str, value: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_althing"))
        .env("ALTHING_SETTINGS", folder.path().join("terminal.toml"))
        .env(name, value)
        .args(["settings", "theme", "light"])
        .output()
        .unwrap();
    (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
}

#[test]
fn read_only_is_switched_as_everything_else_is() {
    for value in ["1", "true", "yes", "on", "TRUE", "Yes"] {
        let (code, err) = changing("ALTHING_READONLY", value);
        assert!(code == 1 && err.contains("N-90"), "{value}: {code} {err}");
    }
    for value in ["0", "false", "no", "off", "", "No"] {
        assert_eq!(changing("ALTHING_READONLY", value), (0, String::new()), "{value}");
    }
    for value in ["2", "maybe", "readonly"] {
        let (code, err) = changing("ALTHING_READONLY", value);
        assert!(
            code == 1 && err.contains("ALTHING_READONLY must be 1, true, yes or on") && err.contains(value),
            "{err}"
        );
    }
}
