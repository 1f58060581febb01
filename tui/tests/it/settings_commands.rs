//! The settings of the screens, by the program itself: it finds their file by its environment.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;

use althing_tui::app::{Command as Order, Report};
use althing_tui::settings::{Liking, Settings};
use althing_tui::theme::ThemeName;
use althing_tui::worker::{Errands, Worker};

use crate::dao::AtTheKeyboard;

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

/// What screens that are open keep, each in a worker as they have one.
fn kept_by_screens(file: &Path, liking: Liking) -> Report {
    let (tell, told) = mpsc::channel();
    let errands = Errands { settings_file: Some(file.to_owned()), ..Errands::default() };
    let open = Box::new(|| anyhow::bail!("no node is needed here"));
    let worker = Worker::start(errands, open, move |report| {
        if !matches!(report, Report::NoSnapshot(_)) {
            let _ = tell.send(report);
        }
    });
    worker.send(Order::Save(liking));
    told.recv().unwrap()
}

/// N-440: screens have read the file long ago; what another shell has written since is theirs too.
#[test]
fn screens_and_commands_keep_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep").join("terminal.toml");
    let Report::Kept(_) = kept_by_screens(&file, Liking::Theme(ThemeName::Light)) else { panic!("not kept") };
    assert!(settings(&file, &["settings", "notify", "beep"]).status.success());
    let Report::Kept(kept) = kept_by_screens(&file, Liking::Motion(true)) else { panic!("not kept") };
    let wanted = Settings {
        theme: ThemeName::Light,
        notify: vec!["beep".to_owned()],
        reduced_motion: true,
        ..Settings::default()
    };
    assert_eq!((*kept, Settings::load(&file).unwrap()), (wanted.clone(), wanted));

    // The screens take up what came besides, and not what their own command line said otherwise.
    let mut member = AtTheKeyboard::new();
    member.app.settings.theme = ThemeName::Mono;
    member.act(althing_tui::app::Action::Report(Report::Kept(Box::new(Settings::load(&file).unwrap()))));
    assert_eq!((member.app.settings.theme, member.app.settings.notify.len()), (ThemeName::Mono, 1));
}

/// N-440: a file with a mistake in it is somebody's work, and is not written over.
#[test]
fn a_file_with_a_mistake_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("terminal.toml");
    let broken = "bell = false\ntheme = \"pink\"\n";
    std::fs::write(&file, broken).unwrap();
    let Report::Written(Err(said)) = kept_by_screens(&file, Liking::Bell(true)) else { panic!("kept") };
    assert!(said.contains("line 2") && said.contains("pink") && said.contains("take the file away"), "{said}");
    assert_eq!(settings(&file, &["settings", "bell", "on"]).status.code(), Some(3));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
}

/// N-90: the key `T` was the one order that read-only screens still carried out.
#[test]
fn screens_that_only_look_keep_no_settings() {
    let mut member = AtTheKeyboard::new();
    member.app.readonly = true;
    let before = member.app.settings.clone();
    let text = member.press("T").text();
    assert_ne!(member.app.settings.theme, before.theme);
    assert!(text.contains("until these screens close; nothing is kept."), "{text}");
    member.press(":bell<enter>").press(":reduced motion<enter>").press(":mouse<enter>");
    assert_ne!(member.app.settings.bell, before.bell);
    let text = member.text();
    assert!(member.app.settings.mouse && text.contains("Read only"), "{text}");
    assert!(member.errands.is_empty(), "{:?}", member.errands);
}
