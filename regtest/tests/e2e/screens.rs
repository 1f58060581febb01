//! The screens in a real terminal: a member votes with the keyboard alone, sees the ballot become final, and has every step shown.

#[path = "../../../tui/tests/it/tmux.rs"]
pub(crate) mod tmux;

use althing_node::api::{BallotPath, Choice, Reply, Request};
use althing_regtest::Program;
use althing_regtest::story::{PASSWORD, motions, payee, propose};
use anyhow::{bail, ensure};

use crate::stage::with_members_on_roll;

#[test]
fn a_vote_by_keyboard_from_home_to_final() {
    with_members_on_roll("screens", |assembly| {
        let payee = payee(assembly)?;
        let tabled = propose(assembly, motions(&payee))?;
        let program = Program::locate_or_build()?;
        let command = format!(
            "ALTHING_PASSWORD='{PASSWORD}' '{}' tui --data '{}'",
            program.path().display(),
            assembly.members[0].data_dir().display()
        );
        let screens = tmux::Tmux::run("vote", (120, 40), &command);
        screens.wait_for("Vote on #");
        screens.press(&["Enter"]).wait_for("If it passes");
        screens.press(&["v"]).wait_for("My ballot");
        screens.press(&["n", "Enter"]).wait_for("Type vote and press enter");
        screens.press(&["vote", "Enter"]).wait_for("Ballot cast: no");
        let Reply::Ballots { ballots } = assembly.members[0].ask(Request::Ballots)? else { bail!("no ballots") };
        ensure!(ballots.len() == 1 && ballots[0].choice == Choice::No, "{ballots:?}");
        ensure!(tabled.iter().any(|proposal| proposal.id == ballots[0].proposal), "{ballots:?}");
        for _ in 0..60 {
            assembly.mine(1)?;
            let Reply::Ballots { ballots } = assembly.members[0].ask(Request::Ballots)? else { bail!("no ballots") };
            if matches!(ballots[0].path, BallotPath::Final { .. }) {
                break;
            }
        }
        screens.press(&["3"]).wait_for("final at");
        let text = screens.press(&["w"]).wait_for("steps hold");
        ensure!(!text.contains("BROKEN"), "{text}");
        for step in ["receipt", "leaf", "root", "header", "link", "block"] {
            ensure!(text.contains(&format!("▸ {step:<8} holds")), "{step} in\n{text}");
        }
        // One after the other: escape and a letter at once are alt and that letter.
        screens.press(&["Escape"]).wait_for("Its path to finality");
        screens.press(&["q"]).wait_for("[ended with 0]");
        screens.assert_restored();
        Ok(())
    });
}
