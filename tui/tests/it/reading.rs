//! Hazard: a command answers from a log that is read in part as if that were all (N-425).

use althing_node::api::*;

use crate::dao::snapshot;
use crate::stage::{Stage, althing};

fn reading(state: ReadState, entries: u64, hub_entries: Option<u64>) -> Reading {
    Reading { entries, height: (entries > 0).then_some(1_190), hub_entries, state }
}

fn answering(stage: Stage, readings: impl IntoIterator<Item = Reading>) -> Stage {
    stage.node.script.readings.lock().unwrap().extend(readings);
    stage.answer(Ok(Reply::Proposals { proposals: snapshot().proposals }))
}

#[test]
fn a_command_waits_until_the_log_is_read() {
    let states = [
        reading(ReadState::Calling, 0, None),
        reading(ReadState::ChainBehind, 0, Some(40)),
        reading(ReadState::Behind, 12, Some(1_240)),
    ];
    let stage = answering(Stage::default(), states);
    let node = std::sync::Arc::clone(&stage.node);
    let said = althing(stage, "proposals --json", "");
    assert_eq!((said.code, said.asked.as_slice()), (0, &[Request::Proposals][..]));
    assert!(node.script.readings.lock().unwrap().is_empty(), "it was waited for the end");
    assert!(!said.err.contains("old") && said.json().get("may_be_old").is_none(), "{} {}", said.err, said.out);
}

#[test]
fn an_answer_from_a_log_that_may_be_old_says_so() {
    let away = || answering(Stage::running(), [reading(ReadState::NoHub, 1_208, None)]);
    let said = althing(away(), "proposals", "");
    assert_eq!(said.code, 0);
    assert!(
        said.err.contains(
            "The hub is not reachable: 1,208 entries of the log are here, up to height 1,190, and this may be old."
        ),
        "{}",
        said.err
    );
    assert!(said.out.contains("#3"), "what is here is shown: {}", said.out);
    let old = &althing(away(), "proposals --json", "").json()["may_be_old"];
    assert_eq!((old["entries"].as_u64(), old["height"].as_u64()), (Some(1_208), Some(1_190)));
    assert_eq!(old["state"], "no_hub");
    let plain = althing(away(), "proposals --plain", "").out;
    assert!(plain.contains("may_be_old.entries: 1208"), "{plain}");
    let copy = answering(Stage::default(), [reading(ReadState::Refused, 7, None)]);
    let err = althing(copy, "proposals", "").err;
    assert!(err.contains("refuses this folder as a copy (N-125)"), "{err}");
}

/// What the log has of a member is not known before it is read.
#[test]
fn nobody_is_told_to_lock_a_stake_before_the_log_is_read() {
    let status = Status { member: None, reading: Some(reading(ReadState::NoHub, 0, None)), ..snapshot().status };
    let shown =
        |status: Status| althing(Stage::running().answer(Ok(Reply::Status(Box::new(status)))), "status", "").out;
    let text = shown(status.clone());
    assert!(!text.contains("stake open") && text.contains("not known before the log is read"), "{text}");
    assert!(text.contains("nothing of the log is here yet"), "{text}");
    let text = shown(Status { reading: None, ..status });
    assert!(text.contains("`althing stake open SATOSHIS`"), "{text}");
}

/// Hazard: a second stake is locked while the first is on its way, because the screens advise it.
#[test]
fn a_stake_on_its_way_is_named_instead_of_advising_another() {
    let words = "50000 sat in channel 1f2e3d4c are on their way, 2 of 6 confirmations.";
    let status = Status { member: None, stake_under_way: Some(words.to_owned()), ..snapshot().status };
    let text = althing(Stage::running().answer(Ok(Reply::Status(Box::new(status)))), "status", "").out;
    assert!(!text.contains("stake open") && text.contains("50,000 sat in channel 1f2e3d4c"), "{text}");
}

/// Hazard: an empty answer looks like a command that failed (N-430).
#[test]
fn a_list_with_nothing_in_it_says_so_and_what_to_do() {
    let none: [(&str, Reply); 9] = [
        ("proposals", Reply::Proposals { proposals: Vec::new() }),
        ("ballots", Reply::Ballots { ballots: Vec::new() }),
        ("members", Reply::Members { members: Vec::new() }),
        ("stake list", Reply::Stakes { stakes: Vec::new() }),
        ("invitations", Reply::Invitations { invitations: Vec::new() }),
        ("deposits", Reply::Deposits { deposits: Vec::new(), debts: Vec::new() }),
        ("rewards", Reply::Rewards { rewards: Vec::new() }),
        ("gates list", Reply::Gates { gates: Vec::new() }),
        ("treasury utxos", Reply::Treasury { reply: TreasuryReply::Coins { coins: Vec::new() } }),
    ];
    for (command, reply) in none {
        let said = althing(Stage::running().answer(Ok(reply.clone())), command, "");
        assert_eq!((said.code, said.out.lines().count()), (0, 1), "{command}: {}{}", said.out, said.err);
        assert!(said.out.len() > 10, "{command}: {}", said.out);
        let json = althing(Stage::running().answer(Ok(reply)), &format!("{command} --json"), "").json();
        let text = json.to_string();
        assert!(text.contains("[]"), "{command}: {text}");
    }
}

/// The screens are opened before the log is read: they say so, and give no advice by what is missing.
#[test]
fn the_screens_say_how_far_the_log_is_read() {
    let mut seen = snapshot();
    seen.status.member = None;
    seen.stakes.clear();
    let text = crate::dao::AtTheKeyboard::seeing(seen.clone()).text();
    assert!(text.contains("No stake yet"), "{text}");
    seen.status.reading = Some(reading(ReadState::Behind, 1_208, Some(5_000)));
    let mut member = crate::dao::AtTheKeyboard::seeing(seen);
    member.size = (140, 40);
    let text = member.text();
    assert!(text.contains("The log is not read to its end: 1,208 entries of the log are here"), "{text}");
    assert!(!text.contains("No stake yet"), "{text}");
    let text = member.press("5").text();
    assert!(text.contains("No stake channel is known here yet") && !text.contains("stake open"), "{text}");
}

/// A newcomer's first screen warned of a hub that is late, and a list said that there were no proposals, while the log was coming.
#[test]
fn what_is_not_read_yet_is_neither_late_nor_absent() {
    let mut seen = snapshot();
    seen.status.head_height = Some(seen.status.tip_height - 600);
    seen.proposals.clear();
    for (state, is_late) in [(None, true), (Some(ReadState::Behind), false), (Some(ReadState::NoHub), true)] {
        seen.status.reading = state.map(|state| reading(state, 12, Some(1_240)));
        let mut member = crate::dao::AtTheKeyboard::seeing(seen.clone());
        member.size = (140, 40);
        assert_eq!(member.text().contains("log head is 600 blocks old"), is_late, "{}", member.text());
        let text = member.press("2").text();
        let words = if state.is_none() { "No proposals yet. Press n" } else { "None is known here yet" };
        assert!(text.contains(words), "{text}");
    }
}
