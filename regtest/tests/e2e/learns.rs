//! What a newcomer does at a terminal before there is a DAO of theirs: the tutorial, from the first step to the last.

use std::path::Path;
use std::time::Duration;

use althing_regtest::Program;

use crate::screens::tmux::Tmux;
use crate::stage::Places;

/// The program that founds the private DAO.
const DEMO: &str = env!("CARGO_BIN_EXE_althing-demo");

/// Longest wait for the private DAO: everybody has to be on a final roll.
const FOUNDED_WITHIN: Duration = Duration::from_secs(400);

/// A step is over when the screens say which is next.
#[test]
fn the_ten_steps_of_the_tutorial_are_taken_by_keyboard() {
    let _place = Places::one();
    let program = Program::locate_or_build().unwrap();
    let beside = Path::new(DEMO).parent().unwrap();
    let command =
        format!("PATH='{}':\"$PATH\" ALTHING_EXE='{1}' '{1}' learn", beside.display(), program.path().display());
    let screens = Tmux::run("learn", (80, 24), &command);
    screens.wait_for_within("Step 1 of 10: Join", FOUNDED_WITHIN);
    screens.press(&["5"]).wait_for("Step 2 of 10: Read");
    screens.press(&["2"]).wait_for("yes of roll");
    screens.press(&["Enter"]).wait_for("Step 3 of 10: Delegate");
    screens.press(&["6"]).wait_for("This member");
    screens.press(&["j", "d"]).wait_for("Hand my weight on");
    screens.press(&["C-s"]).wait_for("Type delegate and press enter");
    order(&screens, "delegate");
    screens.wait_for("Step 4 of 10: Vote");
    screens.press(&["2"]).wait_for("yes of roll");
    screens.press(&["Enter"]).wait_for("If it passes");
    vote(&screens, "y");
    screens.wait_for("Step 5 of 10: Change the vote");
    vote(&screens, "n");
    screens.wait_for("Step 6 of 10: Follow it");
    screens.press(&["3"]).wait_for("Step 7 of 10: Verify");
    screens.press(&["w"]).wait_for("Step 8 of 10: Audit");
    screens.press(&["Escape"]).wait_for("Its path to finality");
    screens.press(&["8"]).wait_for("Checked all the time");
    // The node goes on while its log is replayed.
    screens.press(&["a"]).wait_for("Valid: the log is what it must be.");
    screens.wait_for("Step 9 of 10: Sign a payment");
    screens.press(&["5"]).wait_for("My stake channels");
    screens.press(&["p"]).wait_for("Pay dues");
    screens.press(&["1000", "C-s"]).wait_for("Type pay and press enter");
    order(&screens, "pay");
    screens.wait_for("Step 10 of 10: Leave");
    screens.press(&["c"]).wait_for("Close the channel");
    screens.press(&["C-s"]).wait_for("Type close and press enter");
    order(&screens, "close");
    screens.wait_for("You have done all ten steps");
    screens.press(&["q"]);
    screens.wait_for("the private DAO is thrown away");
    screens.wait_for("[ended with 0]");
    screens.assert_restored();
}

fn vote(screens: &Tmux, choice: &str) {
    screens.press(&["v"]).wait_for("My ballot");
    screens.press(&[choice, "Enter"]).wait_for("Type vote and press enter");
    order(screens, "vote");
}

/// Types the word, and waits for the answer: until it is there the page keeps the keyboard, also when the screens below have heard of it.
fn order(screens: &Tmux, word: &str) {
    screens.press(&[word, "Enter"]).wait_until_gone(&format!("Type {word} and press enter"));
    screens.wait_until_gone("Sent; waiting for the answer");
}
