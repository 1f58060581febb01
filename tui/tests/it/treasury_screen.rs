//! Hazard: a signature for something else than what was shown, or for what the check refuses.

use althing_node::api::{
    AnchorReply, AnchorRequest, ApiError, Bump, Reply, Request, TreasuryOverview, TreasuryReply, TreasuryRequest,
};
use althing_tui::app::{Action, Command, Popup, Purpose, Report, Screen, Section};
use althing_tui::backend::Verdict;

use crate::dao::{AtTheKeyboard, id, snapshot};
use crate::treasury_data::session;

fn of_treasury(member: &AtTheKeyboard) -> Vec<TreasuryRequest> {
    let asked = member.script.asked.lock().unwrap();
    let about =
        asked.iter().filter(|request| !althing_tui::readonly::only_looks(request)).map(|request| match request {
            Request::Treasury { about } => about.clone(),
            other => panic!("{other:?}"),
        });
    about.collect()
}

fn reply(session: althing_node::api::SessionView) -> Result<Reply, ApiError> {
    Ok(Reply::Treasury { reply: TreasuryReply::Session(Box::new(session)) })
}

#[test]
fn every_part_is_reached_and_says_what_it_has() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    let mut seen = Vec::new();
    member.press("4");
    for _ in 0..Section::ALL.len() {
        seen.push(member.app.section);
        let text = member.text();
        let words = match member.app.section {
            Section::Payments => ["250,000 sat signing", "900,000 sat free of 997,000"],
            Section::Sessions => ["✓ may be signed", "Ásdís; 1 more needed"],
            Section::Budgets => ["Mend the roof", "✓ 1  50,000 sat executed: Timber"],
            Section::Coins => ["✱ frozen", "dues of the year"],
            Section::Flows => ["✗ unauthorised", "signed by Bjarni, Guðrún"],
            Section::Policy => ["After 4,320 blocks: any 1 of them.", "the present one: 990,000 sat in 2 coins"],
        };
        for word in words {
            assert!(text.contains(word), "{word} in\n{text}");
        }
        member.press("]");
    }
    assert_eq!(seen, Section::ALL);
    assert_eq!(member.app.section, Section::Payments);
    assert_eq!(member.press("[").app.section, Section::Policy);
    member.click(" Coins ");
    assert_eq!(member.app.section, Section::Coins);
}

#[test]
fn the_transaction_stands_beside_the_decision_and_the_word_signs_it() {
    let mut signed = session(Verdict::Valid);
    (signed.state, signed.needed) = ("complete".to_owned(), 0);
    let mut member = AtTheKeyboard::new().answer(reply(signed));
    member.size = (120, 40);
    let text = member.press("4]<enter>").text();
    assert!(matches!(member.app.popups.last(), Some(Popup::Page { .. })));
    let side_by_side = |line: &&str| line.contains("What the transaction does") && line.contains("What was decided");
    assert!(text.lines().any(|line| side_by_side(&line)), "{text}");
    let text = member.press("s").text();
    assert!(text.contains("Review: sign with my treasury key") && text.contains("may be signed"), "{text}");
    for word in ["", "yes", "sig", "SIGN"] {
        member.press(word).press("<enter>");
        assert_eq!(of_treasury(&member), [], "{word}");
        for _ in 0..word.len() {
            member.press("<backspace>");
        }
    }
    let text = member.press("sign<enter>").text();
    assert_eq!(of_treasury(&member), [TreasuryRequest::Sign { session: id(80) }]);
    assert!(text.contains("B broadcasts it"), "{text}");
}

#[test]
fn a_signature_that_is_wanted_stands_on_home_and_opens() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    let text = member.text();
    assert!(text.contains("Sign a payment: Buy two disks for the archive"), "{text}");
    let text = member.press("j<enter>").text();
    assert_eq!((member.app.screen, member.app.section), (Screen::Treasury, Section::Sessions));
    assert!(text.contains("✗ Guðrún refused: The invoice is not there yet."), "{text}");
    assert!(text.contains("✓ 250,000 sat as decided, to tb1q w508"), "{text}");
    // What the check refuses asks nobody for a signature.
    let mut member = AtTheKeyboard::before_the_first_snapshot();
    member.script.session = Some(session(Verdict::Invalid));
    member.act(althing_tui::app::Action::Report(althing_tui::app::Report::Snapshot(Box::new(snapshot()))));
    assert!(!member.text().contains("Sign a payment"), "{}", member.text());
    let text = member.press("4]<enter>").text();
    assert!(text.contains("✗ 260,000 sat NOT as decided, to tb1q"), "{text}");
}

#[test]
fn what_the_check_refuses_cannot_be_typed_through() {
    for verdict in [Verdict::Invalid, Verdict::CannotTell] {
        let mut member = AtTheKeyboard::new();
        member.size = (120, 40);
        member.script.session = Some(session(verdict));
        let text = member.press("4]s").text();
        if verdict == Verdict::Invalid {
            assert!(text.contains("T-51: output 0 pays 260000") && text.contains("T-53: the fee of 9000"), "{text}");
        }
        assert!(!text.contains("Type sign"), "{text}");
        member.press("sign<enter>");
        assert_eq!(of_treasury(&member), []);
    }
}

#[test]
fn a_refusal_a_comment_a_bump_and_a_file() {
    let mut member = AtTheKeyboard::new().answer(reply(session(Verdict::Valid)));
    member.press("4]r<enter>");
    assert!(member.text().contains("Say why."), "{}", member.text());
    member.press("No invoice<enter>");
    assert_eq!(of_treasury(&member), []);
    member.press("refuse<enter>");
    let refused = TreasuryRequest::Refuse { session: id(80), reason: "No invoice".to_owned() };
    assert_eq!(of_treasury(&member), [refused]);

    let mut member = AtTheKeyboard::new().answer(reply(session(Verdict::Valid)));
    member.press("4]cSoon<enter>");
    let comment = TreasuryRequest::Comment { session: id(80), text: "Soon".to_owned() };
    assert_eq!(of_treasury(&member), [comment]);

    let mut member = AtTheKeyboard::new().answer(reply(session(Verdict::Valid)));
    member.press("4]+12<enter><enter>");
    assert_eq!(of_treasury(&member), [TreasuryRequest::Bump { session: id(80), fee_rate_sat_vb: 12 }]);
    let mut member = AtTheKeyboard::new().answer(reply(session(Verdict::Valid)));
    member.press("4]+12<enter><right><enter>");
    assert_eq!(of_treasury(&member), [TreasuryRequest::Child { session: id(80), fee_rate_sat_vb: 12 }]);

    let mut member = AtTheKeyboard::new();
    member.press("4]e<enter>");
    let written = member.errands.iter().find_map(|errand| match errand {
        Command::Write { path, text } => Some((path.clone(), text.clone())),
        _ => None,
    });
    let (path, text) = written.expect("a file");
    assert!(path.ends_with(format!("session-{}.psbt", &id(80)[..8])), "{}", path.display());
    assert_eq!(text, session(Verdict::Valid).psbt.unwrap());
}

#[test]
fn a_session_is_opened_for_what_may_be_paid() {
    let mut seen = snapshot();
    seen.proposals[1].state = althing_node::api::ProposalState::Authorised;
    let mut member = AtTheKeyboard::seeing(seen).answer(reply(session(Verdict::Valid)));
    member.press("4o<enter><enter><enter>");
    // By its number, as the list names it; the node finds the proposal by that (N-50).
    let open = TreasuryRequest::Open { payments: vec!["#4".to_owned()], fee_rate_sat_vb: None, rest_blocks: None };
    assert_eq!(of_treasury(&member), [open]);
    let text = member.text();
    assert_eq!(member.app.open_session(), Some(id(80).as_str()), "{text}");
}

#[test]
fn a_coin_is_frozen_for_a_reason_and_thawed() {
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Treasury { reply: TreasuryReply::Done }));
    member.press("4]]]f<enter>");
    assert!(member.text().contains("something has to be there"), "{}", member.text());
    member.press("tainted<enter>");
    let outpoint = format!("{}:0", id(70));
    let frozen = TreasuryRequest::Freeze { outpoint, reason: Some("tainted".to_owned()) };
    assert_eq!(of_treasury(&member), [frozen]);
    assert!(member.app.popups.is_empty());
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Treasury { reply: TreasuryReply::Done }));
    member.press("4]]]jf");
    assert_eq!(of_treasury(&member), [TreasuryRequest::Freeze { outpoint: format!("{}:1", id(71)), reason: None }]);
    // What is set apart has rules of its own.
    let mut member = AtTheKeyboard::new();
    member.press("4]]]jjf");
    assert_eq!(of_treasury(&member), []);
    assert!(member.text().contains("set apart already"), "{}", member.text());
}

/// A session that a block has settled is not one that "may be signed".
#[test]
fn a_session_that_is_over_says_what_became_of_it() {
    for (state, words, is_over) in [
        ("broadcast", "It was given to the network", false),
        ("mined", "Mined at height 1,207", true),
        ("staged", "From height 1,300 on it is paid out", true),
        ("returned", "Brought back into the treasury at height 1,207", true),
        ("taken", "What rested was taken at height 1,207", true),
        ("void", "Void: a block has another transaction", true),
    ] {
        let mut member = AtTheKeyboard::new();
        member.size = (120, 40);
        member.press("4]");
        let session = &mut member.app.desk.sessions.as_mut().unwrap()[0];
        session.state = state.to_owned();
        (session.height, session.payout_height) = (Some(1_207), Some(1_300));
        let text = member.text();
        assert!(text.contains(words), "{state}: {text}");
        assert_eq!(text.contains("This may be signed"), !is_over, "{state}: {text}");
    }
}

#[test]
fn nothing_is_ordered_read_only() {
    let mut member = AtTheKeyboard::new();
    member.app.readonly = true;
    let of_treasury_keys =
        ["4o", "4a", "4i", "4]s", "4]<enter>s", "4]r", "4]B", "4]e", "4]i", "4]c", "4]+", "4]]]f", "4]]]H"];
    for keys in of_treasury_keys.into_iter().chain(["5t", "5w", "7+", "7<enter>e"]) {
        member.press("<esc><esc><esc>1").press(keys);
        assert!(member.text().contains("Read only"), "{keys}\n{}", member.text());
        member.app.section = Section::Payments;
    }
    assert_eq!(of_treasury(&member), []);
}

#[test]
fn an_alarm_is_read_in_full_with_the_names_behind_it() {
    let mut seen = snapshot();
    let alarm = format!(
        "UNAUTHORISED SPEND of 70000 sat of the treasury: transaction {} at height 1205 was signed by Bjarni, Guðrún; it spends no gate of a decision.",
        id(92)
    );
    seen.status.alarms = vec![alarm];
    let mut member = AtTheKeyboard::seeing(seen);
    member.size = (100, 60);
    let text = member.press("<enter>").text().replace(['│', '\n'], " ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    for needed in [
        "it spends no gate of a decision",
        "NOBODY DECIDED THIS",
        &format!("Bjarni with the key {}", althing_tui::format::grouped(&id(12))),
        "What to do next",
        "althing proof export --statement unauthorised-spend",
    ] {
        assert!(text.contains(needed), "{needed} in {text}");
    }
    assert_eq!(member.press("<esc>").app.screen, Screen::Home);
}

#[test]
fn every_alarm_of_the_node_has_a_next_step() {
    for alarm in ["The Bitcoin source has stopped answering: refused", "something quite new"] {
        let mut seen = snapshot();
        seen.status.alarms = vec![alarm.to_owned()];
        let mut member = AtTheKeyboard::seeing(seen);
        let text = member.press("<enter>").text();
        assert!(text.contains(alarm) && text.contains("What to do next"), "{text}");
    }
}

#[test]
fn more_and_less_stake_is_reviewed_by_the_node_first() {
    for (keys, word) in [("5t50000<enter><enter>", "topup"), ("5w20000<enter><enter><enter>", "withdraw")] {
        let mut member = AtTheKeyboard::new();
        let text = member.press(keys).text();
        assert!(text.contains("This is what it would do."), "{text}");
        let asked = member.script.asked.lock().unwrap().clone();
        assert!(asked.iter().all(althing_tui::readonly::only_looks), "{asked:?}");
        member.press(word).press("<enter>");
        let asked = member.script.asked.lock().unwrap().clone();
        let ordered: Vec<_> = asked.iter().filter(|request| !althing_tui::readonly::only_looks(request)).collect();
        assert!(
            matches!(
                ordered[..],
                [Request::ChannelTopUp { amount_sat: 50_000, review: false, .. }]
                    | [Request::ChannelWithdraw { amount_sat: 20_000, review: false, .. }]
            ),
            "{ordered:?}"
        );
    }
}

#[test]
fn closing_says_what_weight_is_lost() {
    let mut member = AtTheKeyboard::new();
    member.size = (120, 40);
    for keys in ["5c<enter>", "1<esc>5F", "1<esc>5<enter>"] {
        let text = member.press("<esc><esc><esc>").press(keys).text();
        let text = text.replace(['│', '\n', '█', '║'], " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("Up to 600,000 of your weight, 24.0 % of the roll, is lost"), "{keys} {text}");
    }
}

#[test]
fn a_link_that_waits_is_paid_more_for_after_the_review() {
    let bump = Bump {
        epoch: 8,
        link: id(208),
        paid_sat: 333,
        fee_sat: 900,
        fee_rate_sat_vb: 8,
        is_replacement: false,
        txid: id(209),
    };
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Anchoring(AnchorReply::Bump(bump.clone()))));
    member.script.bump = Some(bump);
    let text = member.press("7+<enter>").text();
    assert!(text.contains("The fee is 900 sat, which comes to 8 sat/vB"), "{text}");
    member.press("bump<enter>");
    let asked = member.script.asked.lock().unwrap();
    let order = Request::Anchoring(AnchorRequest::Bump { fee_rate_sat_vb: None, only_review: false });
    assert!(asked.contains(&order), "{asked:?}");
}

#[test]
fn a_link_is_verified_here() {
    let mut member = AtTheKeyboard::new();
    let text = member.press("7w").text();
    assert!(text.contains("Why is this true?") && text.contains("block"), "{text}");
    let asked = member.script.asked.lock().unwrap();
    assert!(asked.contains(&Request::WhyLink { epoch: 8 }), "{asked:?}");
}

/// A treasurer is told what was decided and waits for a session; nobody else is, and not twice.
#[test]
fn a_treasurer_is_asked_for_what_nobody_pays_yet() {
    let told =
        |member: &AtTheKeyboard| member.errands.iter().filter(|errand| matches!(errand, Command::Notify(_))).count();
    let mut overview = crate::treasury_data::overview();
    let mut member = AtTheKeyboard::new();
    let say = |member: &mut AtTheKeyboard, overview: &TreasuryOverview| {
        let reply = Reply::Treasury { reply: TreasuryReply::Overview(Box::new(overview.clone())) };
        member.act(Action::Report(Report::Answer { purpose: Purpose::Desk, result: Ok(reply) }));
    };
    say(&mut member, &overview);
    assert!(!member.text().contains("Pay what was decided"), "not a treasurer\n{}", member.text());
    overview.treasurers[0].is_me = true;
    for _ in 0..2 {
        say(&mut member, &overview);
    }
    let text = member.text();
    // Blocks 1,213 to 2,999 may take it (T-56).
    assert!(text.contains("Pay what was decided within 1,787 blocks"), "{text}");
    assert!(text.contains("Mend the roof"), "{text}");
    assert_eq!(
        text.matches("Pay what was decided").count(),
        1,
        "the one being signed asks for signatures instead\n{text}"
    );
    assert_eq!(told(&member), 1);
    let row = member.app.needs().iter().position(|need| need.text.starts_with("Pay what")).unwrap();
    let text = member.press("j".repeat(row).as_str()).press("<enter>").text();
    assert!(text.contains("o opens a signing session for this payment"), "{text}");
    // Which no block can take any more is nobody's to pay.
    overview.payments.iter_mut().for_each(|payment| payment.expiry_height = 1_213);
    say(&mut member, &overview);
    assert!(member.app.needs().iter().all(|need| !need.text.starts_with("Pay what")));
}

/// Enough have signed, nobody has sent it, and Home said that all is well.
#[test]
fn what_enough_have_signed_is_to_be_broadcast() {
    let asked = |state: &str, is_me: bool| {
        let mut signed = session(Verdict::Valid);
        (signed.state, signed.needed, signed.waits_for_me) = (state.to_owned(), 0, false);
        signed.signers.iter_mut().for_each(|signer| signer.is_me = false);
        signed.signers[0].is_me = is_me;
        let sessions = [signed];
        let needs = althing_tui::app::needs(&snapshot(), &sessions, None, &[]);
        needs.into_iter().filter(|need| need.text.contains("broadcast the payment")).count()
    };
    assert_eq!(asked("complete", true), 1);
    assert_eq!(asked("broadcast", true), 0, "it is on its way");
    assert_eq!(asked("open", true), 0);
    assert_eq!(asked("complete", false), 0, "not a treasurer");
}

/// Where the room for the keys runs out, what is done with a session goes before copying its page.
#[test]
fn the_keys_of_a_session_go_before_copying() {
    let mut member = AtTheKeyboard::new();
    let keys = |member: &mut AtTheKeyboard| member.text().lines().last().unwrap_or_default().to_owned();
    member.press("4]<enter>");
    let line = keys(&mut member);
    assert!(line.contains("i take in") && line.contains("esc close") && !line.contains("y copy"), "{line}");
    member.size = (120, 40);
    let line = keys(&mut member);
    assert!(line.contains("y copy"), "{line}");
}
