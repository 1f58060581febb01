//! Hazard: what confused somebody who tried the program as a new treasurer: a key that does nothing, help that cannot be had, a
//! request that is told too late.

use althing_node::api::{Body, ProofStatement, ProposalState, Reply, Request, Role, TreasuryReply, TreasuryRequest};
use althing_tui::app::{Act, Action, Command, Popup, Report, Screen, update};
use althing_tui::keymap::{Context, Keymap};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::dao::{AtTheKeyboard, id, snapshot};
use crate::treasury_data;

/// `?` did nothing in the editors of ballots, on the steps of "why" and on codes; and help showed keys that did nothing in it.
#[test]
fn help_is_a_key_away_wherever_no_letter_is_typed() {
    for context in Context::ALL.into_iter().filter(|context| !context.takes_text()) {
        let stacks = Context::STACKS.iter().filter(|stack| stack.first() == Some(&context));
        for stack in stacks {
            let key = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::NONE);
            let act = Keymap::default().lookup(stack, &key);
            // On a page to read it closes the page, which help is one of.
            let wanted = if stack.contains(&Context::Page) { Act::Back } else { Act::Help };
            assert_eq!(act, Some(wanted), "{stack:?}");
        }
    }
    let mut member = AtTheKeyboard::new();
    let text = member.press("2jv?").text();
    assert!(text.contains("Casting a ballot"), "{text}");
    let foot = text.trim_end().lines().last().unwrap();
    assert!(!foot.contains("y copy") && foot.contains("esc close"), "{foot}");
    member.press("G");
    let end = member.text();
    assert!(end != text && end.contains("althing --help"), "{end}");
    assert_eq!(member.press("g").text(), text);
    member.press("y");
    assert!(member.errands.is_empty() && matches!(member.press("?").app.popups.last(), Some(Popup::Choose(_))));
}

/// In a form every letter is typed, so no letter can be the key for help.
#[test]
fn help_is_there_while_typing_and_loses_nothing() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    let text = member.press("2nA title?<f1>").text();
    assert!(text.contains(" Help ") && text.contains("A field of a form"), "{text}");
    assert!(!member.press("<f1>").app.popups.is_empty(), "a second time it opens no second page");
    let text = member.press("4").text();
    assert!(text.contains("A title?"), "a form below the help is left alone: {text}");
    assert_eq!(member.app.screen, Screen::Proposals);
}

/// "4 lists the payments" stands on a page, and 4 did nothing there.
#[test]
fn a_page_that_names_a_screen_by_its_key_goes_there_by_it() {
    for (key, screen) in [("4", Screen::Treasury), ("5", Screen::Channels), ("7", Screen::Chain)] {
        let mut member = AtTheKeyboard::new();
        member.press("?").press(key);
        assert_eq!((member.app.screen, member.app.popups.len()), (screen, 0), "{key}");
    }
}

/// Somebody puts a transaction forward between two blocks, which may be an hour.
#[test]
fn a_treasurer_is_told_of_a_session_between_blocks() {
    let asks = |is_me: bool, screen: &str| {
        let mut member = AtTheKeyboard::new();
        member.press(screen);
        let Some(Reply::Treasury { reply: TreasuryReply::Overview(mut overview) }) =
            treasury_data::answer(&TreasuryRequest::Overview)
        else {
            panic!("an overview");
        };
        overview.treasurers[0].is_me = is_me;
        member.app.desk.treasury = Some(overview);
        let mut between = || {
            let before = Action::Report(Report::Snapshot(Box::new(snapshot())));
            let commands = format!("{:?}", update(&mut member.app, before));
            commands.contains("Sessions")
        };
        (between(), between())
    };
    assert_eq!(asks(true, "2"), (true, false), "asked once, and not again before the answer has come");
    assert_eq!(asks(false, "2"), (false, false), "nobody else's node checks sessions with every entry of the log");
    assert!(asks(false, "1").0, "Home is where everybody looks for it");
}

#[test]
fn a_payment_that_is_not_to_be_paid_says_why() {
    for (state, words) in [
        (ProposalState::Voting, "#4 is not decided yet"),
        (ProposalState::Passed, "#4 has passed, and waits"),
        (ProposalState::Executed, "#4 is paid."),
        (ProposalState::Rejected, "#4 will not be paid."),
    ] {
        let mut seen = snapshot();
        seen.proposals.retain(|proposal| proposal.id == id(4));
        seen.proposals[0].state = state;
        let mut member = AtTheKeyboard::seeing(seen);
        // The node knows of nothing to be paid.
        member.press("4").app.desk.treasury.as_mut().expect("an overview").payments.clear();
        let text = member.press("o").text();
        assert!(text.contains(words), "{text}");
        assert!(member.app.popups.is_empty(), "no form for it");
    }
}

/// A page of a session is opened before its transaction has come from the node.
#[test]
fn a_session_can_be_refused_as_soon_as_its_page_is_open() {
    let mut member = AtTheKeyboard::new();
    member.press("4]<enter>");
    member.app.desk.session = None;
    let text = member.press("r").text();
    assert!(matches!(member.app.popups.last(), Some(Popup::Form(_))), "{text}");
}

/// The treasury key's ballot is no leaf of a member: `w` on it walked to the member's own. It is one of the treasurers' (P-140).
#[test]
fn why_of_a_treasurers_ballot_is_that_ballot() {
    let mut seen = snapshot();
    seen.ballots.truncate(1);
    seen.ballots[0].proposal = id(4);
    for (as_treasurer, body) in [(true, Some(Body::Treasurers)), (false, None)] {
        let wanted = ProofStatement::Ballot { member: None, body };
        seen.ballots[0].as_treasurer = as_treasurer;
        for proposal in &mut seen.proposals {
            proposal.my_ballot = Some(seen.ballots[0].clone());
        }
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.press("3");
        let commands = update(&mut member.app, Action::Act(Act::Why));
        let asked = commands.into_iter().find_map(|command| match command {
            althing_tui::app::Command::Ask { request: Request::Why { statement, .. }, .. } => Some(statement),
            _ => None,
        });
        assert_eq!(asked, Some(wanted));
    }
}

/// Hazard: of a ballot that was replaced the later one is walked, or the sums of the proposal.
#[test]
fn why_of_a_replaced_ballot_asks_for_that_very_entry() {
    let mut seen = snapshot();
    seen.ballots.truncate(1);
    let mut later = seen.ballots[0].clone();
    later.position = Some(112);
    let earlier = althing_node::api::Ballot { position: Some(97), replaced: true, ..later.clone() };
    let unheard = althing_node::api::Ballot { position: None, replaced: false, ..later.clone() };
    seen.ballots = vec![later, earlier, unheard];
    let asked = |rows: &str| {
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.press("3").press(rows);
        let commands = update(&mut member.app, Action::Act(Act::Why));
        let entry = commands.into_iter().find_map(|command| match command {
            althing_tui::app::Command::Ask { request: Request::Why { statement, entry, .. }, .. } => {
                assert!(matches!(statement, ProofStatement::Ballot { .. }), "{statement:?}");
                Some(entry)
            }
            _ => None,
        });
        (entry, member.text())
    };
    assert_eq!(asked("").0, Some(Some(112)));
    assert_eq!(asked("j").0, Some(Some(97)));
    let (nothing, text) = asked("jj");
    assert!(nothing.is_none() && text.contains("has not acknowledged this ballot yet"), "{text}");
}

/// At 80 by 24 the end of the sums was cut off, and nothing led to it.
#[test]
fn both_sides_of_a_proposal_are_read_to_their_ends() {
    let mut member = AtTheKeyboard::new();
    member.press("2j<enter>");
    let first = member.text();
    assert!(!first.contains("The sums as the ballots came"), "there is something to scroll to\n{first}");
    let mut seen = first;
    for _ in 0..40 {
        seen.push_str(&member.press("j").text());
    }
    for words in ["The sums as the ballots came", "My weight", "weights from the roll of epoch"] {
        assert!(seen.contains(words), "{words} is out of reach");
    }
}

/// A hub was shown a ballot that nobody can cast.
#[test]
fn a_hub_is_told_that_it_has_no_vote() {
    let mut seen = snapshot();
    seen.status.role = Role::Hub;
    let mut hub = AtTheKeyboard::seeing(seen);
    hub.size = (120, 40);
    let text = hub.press("2jv").text();
    assert!(hub.app.popups.is_empty() && text.contains("this is a hub, which has no vote"), "{text}");
}

/// What stands on a page had to be picked out from between borders.
#[test]
fn a_page_is_copied_and_kept_as_it_is() {
    let mut member = AtTheKeyboard::new();
    member.press("5ay");
    let copied = |member: &AtTheKeyboard| match member.errands.last() {
        Some(Command::Copy(text)) => text.clone(),
        other => panic!("nothing was copied but {other:?}"),
    };
    assert_eq!(copied(&member), "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx");
    member.press("<esc>7<enter>y");
    assert_eq!(copied(&member), id(208));
    let text = member.press("<ctrl-s><ctrl-u>/tmp/kept.txt<enter>").text();
    match member.errands.last() {
        Some(Command::Write { path, text }) => {
            assert_eq!((path.to_str(), text.as_str()), (Some("/tmp/kept.txt"), format!("{}\n", id(208)).as_str()));
        }
        other => panic!("nothing was written but {other:?}\n{text}"),
    }
    // Read only is not to be copied from less.
    let mut looking = AtTheKeyboard::new();
    looking.app.readonly = true;
    looking.press("7<enter>y");
    assert_eq!(copied(&looking), id(208));
}

/// What was decided was to be looked for on another screen.
#[test]
fn home_says_what_was_decided_last() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    let text = member.text();
    let home: Vec<&str> = text.lines().skip_while(|line| !line.contains("Decided last")).take(8).collect();
    assert!(home.iter().any(|line| line.contains("Paint the boat")), "{text}");
    assert!(!home.iter().any(|line| line.contains("Meet on Thursdays")), "it is being voted on\n{text}");
}

/// A newcomer's stake was deep enough, had no weight, and nobody said why.
#[test]
fn a_stake_without_weight_is_told_what_it_waits_for() {
    let mut seen = snapshot();
    seen.status.member.as_mut().expect("a member").weight = None;
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (160, 40);
    let text = member.text();
    assert!(text.contains("Your stake has no weight yet"), "{text}");
    assert!(!AtTheKeyboard::new().text().contains("no weight yet"));
}

/// Hazard: somebody looks into another DAO and finds no way back.
#[test]
fn the_folder_one_came_from_stays_in_the_list_of_daos() {
    let mut member = AtTheKeyboard::new();
    member.app.folder = Some("/other".into());
    member.app.settings.folders = vec!["/other".into()];
    assert!(member.press("@").text().contains("Only this DAO is known here"));
    member.app.visited = vec!["/first".into()];
    let text = member.press("@").text();
    assert!(text.contains("/first") && text.contains("/other"), "{text}");
}

/// Hazard: weight goes to another of the same name (N-428).
#[test]
fn members_of_one_name_are_told_apart() {
    let mut seen = snapshot();
    for place in [1, 2] {
        seen.members[place].name = "Bjarni".to_owned();
        seen.members[place].is_double = true;
    }
    let key = seen.members[2].vote_key[..8].to_owned();
    for size in [(80, 24), (40, 12)] {
        let mut member = AtTheKeyboard::seeing(seen.clone());
        member.size = size;
        let text = member.press("6jj").text();
        assert!(text.contains(&format!("({key})")), "{size:?} {text}");
    }
    let mut member = AtTheKeyboard::seeing(seen.clone());
    let whole = seen.members[2].vote_key.clone();
    let text = member.press("6jjd").text().replace([' ', '\n', '│'], "");
    assert!(text.contains(&whole[..8]), "the key is what is filled in: {text}");
    // Whoever is about to come in under a name that is in use is told before it is public.
    seen.status.name_taken = Some("Another member is called \"Bjarni\" already.".to_owned());
    seen.status.stake_under_way = Some("50000 sat in channel 1f2e3d4c are on their way.".to_owned());
    let text = AtTheKeyboard::seeing(seen).press("5o600000<ctrl-s>").text();
    assert!(text.contains("Another member is called") && text.contains("50,000 sat in channel 1f2e3d4c"), "{text}");
}

/// Hazard: after a payment the sum before it looks like the answer.
#[test]
fn a_payment_is_told_with_its_sum() {
    let stake = snapshot().stakes.remove(0);
    let mut member = AtTheKeyboard::new().answer(Ok(althing_node::api::Reply::Stake(stake)));
    let text = member.press("5p1000<ctrl-s>pay<enter>").text();
    assert!(text.contains("1,000 sat are paid to the hub."), "{text}");
}

/// What is shown of a vote reads as a sentence, whatever the way of voting.
#[test]
fn the_way_of_voting_is_named_in_its_own_words() {
    use althing_node::api::System;
    for (system, words) in [
        (System::Schulze, "How it is voted on: Schulze"),
        (System::Optimistic, "How it is voted on: passes unless enough say no"),
    ] {
        let mut seen = snapshot();
        seen.proposals[1].vote.system = system;
        let mut member = AtTheKeyboard::seeing(seen);
        member.size = (120, 50);
        let text = member.press("2j<enter>").text();
        assert!(text.contains(words), "{text}");
    }
}
