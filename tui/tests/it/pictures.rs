//! The pictures of the documentation are drawn by the program they show.

use std::path::Path;

use althing_node::api::{BallotPath, Choice};
use althing_tui::picture::svg;
use althing_tui::theme::Theme;

use crate::dao::{AtTheKeyboard, ballot, id, snapshot};

/// Compares a picture with the committed one, or writes it when asked to.
fn assert_current(name: &str, member: &mut AtTheKeyboard) {
    let picture = svg(&member.draw(Theme::dark()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures").join(name);
    if std::env::var_os("ALTHING_WRITE_PICTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &picture).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == picture, "{} is not current: ALTHING_WRITE_PICTURES=1 rewrites it", path.display());
}

fn on_its_way() -> AtTheKeyboard {
    let mut seen = snapshot();
    let path = BallotPath::Confirmed { epoch: 8, txid: id(208), confirmations: 4, needed: 6 };
    seen.proposals[1].my_ballot = Some(ballot(4, "Buy two disks for the archive", Choice::Yes, path));
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (112, 34);
    member
}

#[test]
fn the_picture_of_a_proposal_is_current() {
    let mut member = on_its_way();
    member.press("2j<enter>");
    assert_current("proposal.svg", &mut member);
}

#[test]
fn the_picture_of_why_is_current() {
    let mut member = on_its_way();
    member.press("3w<down><down><enter>");
    assert_current("why.svg", &mut member);
}

#[test]
fn the_picture_of_home_is_current() {
    assert_current("home.svg", &mut on_its_way());
}

#[test]
fn the_picture_of_a_session_is_current() {
    let mut member = on_its_way();
    member.press("4]<enter>");
    assert_current("session.svg", &mut member);
}
