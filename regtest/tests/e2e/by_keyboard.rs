//! What people do at a terminal, in a real one: join by an invitation, and pay what was decided as two treasurers.

use std::path::Path;

use althing_node::api::WaitFor;
use althing_regtest::Program;
use althing_regtest::story::{
    Actor, Assembly, PASSWORD, authorise, await_executed, fund_treasury, payee, regtest_address,
};
use anyhow::{Context as _, Result, ensure};
use bitcoin::Amount;

use crate::screens::tmux::Tmux;
use crate::stage::with_members_on_roll;

/// Blocks from a stake until its weight is on a final roll.
const ON_ROLL_WITHIN_BLOCKS: u32 = 60;

/// Longest wait for a block to be followed.
const SETTLE_WITHIN_SECS: u64 = 90;

#[test]
fn a_newcomer_joins_by_an_invitation_and_gets_weight() {
    with_members_on_roll("join", |assembly| {
        let invitation = assembly.hub.command(&["dao", "invitation"])?;
        let invitation = invitation["invitation"].as_str().context("an invitation")?.to_owned();
        let folder = assembly.data_dir.join("newcomer");
        let newcomer = assembly.members[0].neighbour("Ketill", &folder, &["member", "run"]);
        let program = Program::locate_or_build()?;
        let command = format!(
            "'{}' join '{invitation}' --network regtest --bitcoind '{}' --cookie '{}' --data '{}'",
            program.path().display(),
            assembly.node.rpc_url(),
            assembly.node.cookie_file().display(),
            folder.display()
        );
        let terminal = Tmux::run("join", (120, 60), &command);
        terminal.wait_for("New password");
        terminal.press(&[PASSWORD, "Enter"]).wait_for("Once more");
        let page = terminal.press(&[PASSWORD, "Enter"]).wait_for("Press enter when they are on paper");
        let words = numbered_words(&page);
        ensure!(words.len() == 12 || words.len() == 24, "{words:?} in\n{page}");
        terminal.press(&["Enter"]);
        type_words_back(&terminal, &words)?;
        let text = terminal.wait_for("Your name, as the others see it");
        ensure!(text.contains("The words are right"), "{text}");
        // Some words of the list stand in any English sentence ("right"); their numbers and their company do not.
        let kept = words.iter().filter(|word| text.split_whitespace().any(|shown| shown == *word)).count();
        ensure!(numbered_words(&text).is_empty() && kept * 3 < words.len(), "the terminal keeps {words:?}:\n{text}");
        terminal.press(&["Ketill", "Enter"]).wait_for("How many satoshis do you want to lock");
        let text = terminal.press(&["250000", "Enter"]).wait_for("on their way; waiting");
        let shown = text.lines().map(str::trim).find(|line| line.starts_with("bcrt1")).context("an address")?;
        assembly.node.pay(&regtest_address(shown)?, Amount::from_sat(300_000))?;
        assembly.mine(1)?;
        terminal.wait_for("Type stake");
        terminal.press(&["stake", "Enter"]).wait_for("[ended with 0]");
        drop(terminal);

        // The screens go on from there, and say so when the weight has come.
        let command = format!(
            "ALTHING_PASSWORD='{PASSWORD}' '{}' tui --data '{}'",
            program.path().display(),
            newcomer.data_dir().display()
        );
        let screens = Tmux::run("joined", (80, 24), &command);
        screens.wait_for("Stake channel");
        assembly.mine_until("Ketill on the roll", ON_ROLL_WITHIN_BLOCKS, || {
            // The newcomer is none of the members that every block waits for.
            newcomer.wait(WaitFor::Height(assembly.node.tip()?.height), SETTLE_WITHIN_SECS)?;
            let members = assembly.members[0].members()?;
            let found = members.iter().find(|member| member.name == "Ketill");
            Ok(found.filter(|member| member.weight.as_deref() == Some("250000")).map(|_| ()))
        })?;
        screens.wait_for("weight 250,000");
        screens.press(&["q"]).wait_for("[ended with 0]");
        screens.assert_restored();
        Ok(())
    });
}

/// Two folders are two people here; another DAO is another folder in the same way.
#[test]
fn another_folder_is_opened_from_the_screens() {
    with_members_on_roll("folders", |assembly| {
        let program = Program::locate_or_build()?;
        let (astrid, bjarni) = (assembly.members[0].data_dir(), assembly.members[1].data_dir());
        let settings = assembly.data_dir.join("terminal.toml");
        let common = format!("ALTHING_SETTINGS='{}' ALTHING_PASSWORD='{PASSWORD}'", settings.display());
        let add = |folder: &Path| {
            format!("{common} '{}' settings add-folder '{}'", program.path().display(), folder.display())
        };
        let command = format!(
            "{} && {} && {common} '{}' tui --data '{}'",
            add(astrid),
            add(bjarni),
            program.path().display(),
            astrid.display()
        );
        let screens = Tmux::run("folders", (100, 30), &command);
        screens.wait_for("me       Astrid");
        screens.press(&["@"]).wait_for("open now");
        screens.press(&["Down", "Enter"]).wait_for("me       Bjarni");
        screens.press(&["@"]).wait_for("open now");
        screens.press(&["Escape"]).wait_until_gone("open now");
        screens.press(&["q"]).wait_for("[ended with 0]");
        screens.assert_restored();
        Ok(())
    });
}

/// The words of a page on which each stands behind its number, in the order of the numbers.
fn numbered_words(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut parts = page.split_whitespace().peekable();
    while let Some(part) = parts.next() {
        if part.parse::<usize>() == Ok(found.len() + 1)
            && let Some(word) = parts.next_if(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        {
            found.push(word.to_owned());
        }
    }
    found
}

/// Answers the three questions for words of the backup.
fn type_words_back(terminal: &Tmux, words: &[String]) -> Result<()> {
    for question in 1..=3 {
        let text = terminal.wait_for_count("Word number", question);
        let asked = text.rsplit("Word number").next().unwrap_or_default();
        let number: usize = asked.trim().trim_end_matches(':').trim().parse().with_context(|| format!("{asked:?}"))?;
        let word = words.get(number - 1).with_context(|| format!("there is no word {number}"))?;
        terminal.press(&[word, "Enter"]);
    }
    Ok(())
}

#[test]
fn two_treasurers_pay_what_was_decided_by_keyboard() {
    with_members_on_roll("sign", |assembly| {
        fund_treasury(assembly, 1_000_000)?;
        let proposal = authorise(assembly, "Mend the roof", &[(payee(assembly)?, 50_000)], 5_000)?;
        let program = Program::locate_or_build()?;
        let open = |name: &str, actor: &Actor, size: (u16, u16)| {
            let command = format!(
                "ALTHING_PASSWORD='{PASSWORD}' '{}' tui --data '{}'",
                program.path().display(),
                actor.data_dir().display()
            );
            Tmux::run(name, size, &command)
        };
        let (base, signed) = (assembly.data_dir.join("base.psbt"), assembly.data_dir.join("signed.psbt"));
        let first = open("first", &assembly.members[0], (120, 40));
        let second = open("second", &assembly.members[1], (80, 24));

        first.wait_for("What needs me now");
        first.press(&["4"]).wait_for("may be paid");
        first.press(&["o"]).wait_for("nothing is signed or sent");
        let page = first.press(&["Enter", "Enter", "Enter"]).wait_for("What the transaction does");
        ensure!(page.contains("What was decided") && page.contains("This may be signed"), "{page}");
        write_to(&first, &base);
        first.press(&["s"]).wait_for("Type sign and press enter");
        first.press(&["sign", "Enter"]).wait_for("1 more needed");

        second.wait_for("What needs me now");
        second.press(&["4"]).wait_for("Payments");
        second.press(&["i"]).wait_for("Take a PSBT in");
        second.press(&[text_of(&base)?, "Enter"]).wait_for("This may be signed");
        second.press(&["s"]).wait_for("Type sign and press enter");
        // Whether the first one's signature came over the hub before or not: this one is in it now.
        second.press(&["sign", "Enter"]).wait_for("Bjarni; ");
        write_to(&second, &signed);

        first.press(&["Escape"]).wait_for("Signing sessions");
        first.press(&["i"]).wait_for("Take a PSBT in");
        first.press(&[text_of(&signed)?, "Enter"]).wait_for("Enough have signed");
        first.press(&["B"]).wait_for("Type broadcast and press enter");
        first.press(&["broadcast", "Enter"]).wait_for("Broadcast: ");
        assembly.mine(1)?;
        await_executed(assembly, &proposal)?;
        paid(assembly, &proposal)?;
        for screens in [&first, &second] {
            screens.press(&["Escape"]).wait_for("Flows");
            screens.press(&[":"]).wait_for("Commands, screens");
            screens.press(&["treasury: flows", "Enter"]).wait_for("✓ decided");
            screens.press(&["q"]).wait_for("[ended with 0]");
            screens.assert_restored();
        }
        Ok(())
    });
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str().context("UTF-8")
}

/// Writes the session of the page into a file by the form, and waits until it is there.
fn write_to(screens: &Tmux, path: &Path) {
    screens.press(&["e"]).wait_for("Enter writes the file");
    screens.press(&["C-u", path.to_str().unwrap(), "Enter"]).wait_for("Written to");
    assert!(path.exists(), "{}", path.display());
}

/// The flow is judged as decided by a member who was no treasurer.
fn paid(assembly: &Assembly, proposal: &str) -> Result<()> {
    let flows = assembly.members[4].treasury_flows()?;
    ensure!(flows.len() == 1 && flows[0].verdict == "decided" && flows[0].proposals == [proposal], "{flows:?}");
    Ok(())
}
