//! Hazard: a name of a file that is mistyped, or that looks like another one.

use althing_tui::app::{FieldEntry, Form, Popup};
use althing_tui::deeds;

use crate::dao::AtTheKeyboard;

/// A folder with files, a folder in it, and the path of it with its last `/`.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["alpha.psbt", "alpine.psbt", "Zebra.psbt", ".hidden", "with blank.psbt"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    std::fs::create_dir(folder.path().join("beta")).unwrap();
    std::fs::write(folder.path().join("beta/deep.psbt"), "").unwrap();
    let path = format!("{}/", folder.path().display());
    (folder, path)
}

/// What is in the field with the keyboard.
fn line(member: &AtTheKeyboard) -> String {
    match member.app.popups.last() {
        Some(Popup::Form(form)) => match &form.fields[form.at].entry {
            FieldEntry::Line(line) => line.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("no form but {other:?}"),
    }
}

#[test]
fn tab_completes_what_is_typed_by_what_is_there() {
    let (_folder, path) = folder();
    let mut member = AtTheKeyboard::new();
    member.press("4i").press(&path).press("al<tab>");
    assert_eq!(line(&member), format!("{path}alp"), "what both have in common");
    let text = member.text();
    assert!(text.contains("alpha.psbt") && text.contains("alpine.psbt") && !text.contains("Zebra"), "{text}");
    for name in ["alpha.psbt", "alpine.psbt", "alpha.psbt"] {
        member.press("<tab>");
        assert_eq!(line(&member), format!("{path}{name}"), "one after the other, and again");
        assert!(member.text().contains(&format!("▸ {name}")), "{}", member.text());
    }
    // Typing goes on from any of them, and what is typed is taken back like any other letter.
    member.press("x<ctrl-z>");
    assert_eq!(line(&member), format!("{path}alpha.psbt"));
}

#[test]
fn folders_are_gone_into_and_capital_letters_forgiven() {
    let (_folder, path) = folder();
    let mut member = AtTheKeyboard::new();
    member.press("4i").press(&path).press("be<tab>");
    assert_eq!(line(&member), format!("{path}beta/"));
    member.press("<tab>");
    assert_eq!(line(&member), format!("{path}beta/deep.psbt"));
    member.press("<ctrl-u>").press(&path).press("zeb<tab>");
    assert_eq!(line(&member), format!("{path}Zebra.psbt"));
    member.press("<ctrl-u>").press(&path).press("<tab>");
    let text = member.text();
    assert!(text.contains("beta/") && !text.contains(".hidden"), "{text}");
    member.press(".<tab>");
    assert_eq!(line(&member), format!("{path}.hidden"), "what is hidden comes with a dot");
}

#[test]
fn what_is_not_there_is_said() {
    let (_folder, path) = folder();
    let mut member = AtTheKeyboard::new();
    member.size = (160, 40);
    member.press("4i").press(&path).press("nothing<tab>");
    assert_eq!(line(&member), format!("{path}nothing"));
    assert!(member.text().contains("begins with nothing."), "{}", member.text());
    member.press("<ctrl-u>/no/such/folder/<tab>");
    assert!(member.text().contains("/no/such/folder/ cannot be read"), "{}", member.text());
}

#[test]
fn several_files_are_completed_each_for_itself() {
    let (_folder, path) = folder();
    let mut member = AtTheKeyboard::new();
    member.press(":treasury session combine<enter>");
    member.press(&path).press("alph<tab>,").press(&path).press("with<tab>");
    assert_eq!(line(&member), format!("{path}alpha.psbt,\"{path}with blank.psbt\""));
    member.press("<ctrl-s>");
    let told = member.text();
    assert!(!told.contains("a quote that does not end"), "{told}");
}

#[test]
fn a_name_that_deceives_is_shown_as_it_is() {
    let (folder, path) = folder();
    std::fs::write(folder.path().join("trick\u{202e}tbsp"), "").unwrap();
    let mut member = AtTheKeyboard::new();
    member.size = (120, 30);
    member.press("4i").press(&path).press("trick<tab>");
    let text = member.text();
    assert!(text.contains("trick⟦U+202E⟧tbsp"), "{text}");
}

/// Whatever the command line takes as a file is completed in the form of that command.
#[test]
fn every_file_that_a_command_takes_is_a_file_in_its_form() {
    let mut count = 0;
    for deed in deeds::all() {
        let form = Form::new(althing_tui::app::FormKind::Run { path: deed.path });
        for (field, option) in form.fields.iter().zip(&deed.options) {
            assert_eq!(field.file, option.file, "{} {}", deed.path, option.id);
            let is_called = option.hint.starts_with("File ") || option.hint.contains("this file");
            assert!(!is_called || field.file.is_some(), "{} {}: {}", deed.path, option.id, option.hint);
            count += usize::from(field.file.is_some());
        }
    }
    assert!(count > 30, "{count} fields name files");
}
