//! The pictures of the documentation are drawn by the program they show.

use std::path::Path;

use althing_node::api::{BallotPath, Choice};
use althing_tui::picture::svg;
use althing_tui::theme::Theme;

use crate::dao::{AtTheKeyboard, ballot, id, snapshot};

#[test]
fn the_picture_of_a_proposal_is_current() {
    let mut seen = snapshot();
    let path = BallotPath::Confirmed { epoch: 8, txid: id(208), confirmations: 4, needed: 6 };
    seen.proposals[1].my_ballot = Some(ballot(4, "Buy two disks for the archive", Choice::Yes, path));
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (110, 32);
    member.press("2j<enter>");
    let picture = svg(&member.draw(Theme::dark()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures/proposal.svg");
    if std::env::var_os("ALTHING_WRITE_PICTURES").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &picture).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == picture, "{} is not current: ALTHING_WRITE_PICTURES=1 rewrites it", path.display());
}
