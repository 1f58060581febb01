//! Hazard: work of a member that is lost by a wrong key, and orders that skip their review page.

use althing_node::api::{DelegateScope, DraftEffect, Reply, Request, Saying, System};
use althing_tui::app::{Act, Action, Command, Popup};

use crate::dao::{AtTheKeyboard, discussion, id};

fn orders(member: &AtTheKeyboard) -> Vec<Request> {
    let asked = member.script.asked.lock().unwrap();
    asked.iter().filter(|request| !althing_tui::readonly::only_looks(request)).cloned().collect()
}

#[test]
fn a_draft_that_was_left_comes_back() {
    let mut member = AtTheKeyboard::new();
    member.press("2nHalf a title<esc>");
    assert!(member.text().contains("Put aside; z brings it back."), "{}", member.text());
    member.press("1z");
    assert!(member.text().contains("Half a title"), "{}", member.text());
    member.press("<esc>zz");
    assert!(member.app.popups.len() == 1, "one draft, one form");
}

/// The reason is the one part of a ballot that is written (N-201).
#[test]
fn a_ballot_that_was_left_comes_back_with_its_reason() {
    let left = || {
        let mut member = AtTheKeyboard::new();
        member.press("2jvn<tab>The roof leaks.<enter>");
        assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))));
        member.press("<esc><esc>");
        assert!(member.app.popups.is_empty());
        assert!(member.text().contains("Put aside; z brings it back."), "{}", member.text());
        member
    };
    // By z from anywhere, or by beginning to vote on the same proposal.
    for keys in ["1z", "2v"] {
        let mut member = left();
        let text = member.press(keys).text();
        let Some(Popup::Choose(choose)) = member.app.popups.last() else { panic!("{keys}: {text}") };
        assert_eq!((choose.reason.as_str(), choose.choice), ("The roof leaks.", Some(1)), "{keys}");
        assert!(member.app.aside.is_empty(), "{keys}");
    }
    // On another proposal it is not in the way, and a ballot in which nothing was written is no draft.
    let mut member = AtTheKeyboard::new();
    member.press("2jvn<esc>");
    assert!(member.app.aside.is_empty());
}

#[test]
fn typing_is_undone_and_done_again() {
    let mut member = AtTheKeyboard::new();
    let title = |member: &AtTheKeyboard| match member.app.popups.last() {
        Some(Popup::Form(form)) => form.get("Title").to_owned(),
        other => panic!("{other:?}"),
    };
    member.press("2nab<ctrl-z>");
    assert_eq!(title(&member), "a");
    member.press("<ctrl-y>");
    assert_eq!(title(&member), "ab");
    let mut member = AtTheKeyboard::new();
    member.press("2j<enter>cone two<ctrl-z><ctrl-z>");
    let text = member.text();
    assert!(!text.contains("one two"), "{text}");
}

#[test]
fn the_form_stays_under_the_review_page() {
    let mut member = AtTheKeyboard::new();
    member.press("2j<enter>cFine<ctrl-s><esc>");
    assert!(matches!(member.app.popups.last(), Some(Popup::Form(_))));
    assert!(member.text().contains("Fine"));
}

#[test]
fn a_payment_and_a_choice_are_proposed_as_they_were_filled_in() {
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Proposal(Box::new(discussion()))));
    member.press("2nDisks<tab><right><tab><tab>tb1qxyz<tab>250,000<tab>5000<tab>archive, money<ctrl-s>propose<enter>");
    let Some(Request::Propose { draft }) = orders(&member).pop() else { panic!("{}", member.text()) };
    assert_eq!(draft.tags, ["archive", "money"]);
    let [DraftEffect::Spend { outputs, fee_cap_sat: 5_000 }] = draft.effects.as_slice() else { panic!("{draft:?}") };
    assert_eq!((outputs[0].address.as_str(), outputs[0].amount_sat), ("tb1qxyz", 250_000));
    let mut member = AtTheKeyboard::new().answer(Ok(Reply::Proposal(Box::new(discussion()))));
    member.press("2nWhere<tab><tab><right><right><right><right><tab>Lake; Booth<ctrl-s>propose<enter>");
    let Some(Request::Propose { draft }) = orders(&member).pop() else { panic!("{}", member.text()) };
    assert_eq!((draft.system, draft.options.len()), (System::Approval, 2));
}

#[test]
fn weight_is_handed_on_and_taken_back() {
    let mut member = AtTheKeyboard::new();
    member.press("6jjd<ctrl-s>delegate<enter>");
    let Some(Request::Say { saying: Saying::Delegate { to, abstain: 0, scope, until } }) = orders(&member).pop() else {
        panic!("{}", member.text())
    };
    // By name, where that is plain and nobody else has it.
    assert_eq!((to.len(), to[0].member.as_str(), scope, until), (1, "Guðrún", DelegateScope::All, None));
    // Nobody hands weight on to themselves: on the own row the form begins empty.
    let mut member = AtTheKeyboard::new();
    member.press("6");
    let me = member.app.snapshot.as_ref().unwrap().status.member.as_ref().unwrap().vote_key.clone();
    let own_row = member.app.snapshot.as_ref().unwrap().members.iter().position(|m| m.vote_key == me).unwrap();
    member.press("j".repeat(own_row).as_str()).press("d<ctrl-s>");
    assert!(member.text().contains("Say to whom."), "{}", member.text());
    // Nobody named, and a part that abstains: the whole of it does.
    member.press("<tab><tab><tab><tab>1<ctrl-s>delegate<enter>");
    let Some(Request::Say { saying: Saying::Delegate { to, abstain, .. } }) = orders(&member).pop() else {
        panic!("{}", member.text())
    };
    assert_eq!((to.len(), abstain), (0, 1));
    let mut member = AtTheKeyboard::new();
    member.press("6D<ctrl-s>revoke<enter>");
    assert!(
        matches!(orders(&member).pop(), Some(Request::Say { saying: Saying::Delegate { to, .. } }) if to.is_empty())
    );
}

/// Every form and every act that orders something: no word, no order.
#[test]
fn nothing_is_ordered_without_its_word() {
    for (keys, word) in [
        ("2jvy<enter>", "vote"),
        ("2j<enter>ctext<ctrl-s>", "comment"),
        ("2j<enter>atext<ctrl-s>", "remark"),
        ("2j<enter>]rtext<ctrl-s>", "comment"),
        ("2j<enter>X", "withdraw"),
        ("2j<enter>!<ctrl-s>", "guard"),
        ("2j<enter>D5000<ctrl-s>", "hold"),
        ("2ntitle<ctrl-s>", "propose"),
        ("5o600000<ctrl-s>", "stake"),
        ("5c<ctrl-s>", "close"),
        ("5F", "close alone"),
        ("5p1000<ctrl-s>", "pay"),
        ("6jjd<ctrl-s>", "delegate"),
        ("6D<ctrl-s>", "revoke"),
        ("6iab<tab>9000<ctrl-s>", "invite"),
        ("6R", "rotate"),
    ] {
        let mut member = AtTheKeyboard::new();
        member.press(keys);
        assert!(matches!(member.app.popups.last(), Some(Popup::Review(_))), "{keys}\n{}", member.text());
        member.press("<enter>").press("nonsense<enter>");
        assert_eq!(orders(&member), [], "{keys}");
        let mut member = AtTheKeyboard::new();
        member.press(keys).press(word).press("<enter>");
        assert_eq!(orders(&member).len(), 1, "{keys} {word}\n{}", member.text());
    }
}

/// C-150: where nobody has shown that the folder is the newest, the review says so and wants another word.
#[test]
fn a_folder_that_may_be_old_closes_alone_by_its_own_word() {
    let mut member = AtTheKeyboard::new();
    let stakes = &mut member.app.snapshot.as_mut().unwrap().stakes;
    stakes[0].detail.as_mut().unwrap().doubts = vec!["It may be an old copy.".to_owned()];
    let text = member.press("5F").text();
    assert!(text.contains("It may be an old copy."), "{text}");
    member.press("close alone<enter>");
    assert_eq!(orders(&member), []);
    member.press("<ctrl-u>newest<enter>");
    assert!(matches!(orders(&member).as_slice(), [Request::StakeForceClose { newest: true, .. }]), "{}", member.text());
}

#[test]
fn read_only_screens_order_nothing() {
    for keys in ["2jv", "2n", "2j<enter>c", "2j<enter>]+", "5o", "5a", "5c", "6d", "6R", "8s", ":write a prop<enter>"] {
        let mut member = AtTheKeyboard::new();
        member.app.readonly = true;
        member.press(keys);
        assert!(member.app.popups.is_empty(), "{keys}");
        assert_eq!(orders(&member), [], "{keys}");
        assert!(member.text().contains("Read only"), "{keys}\n{}", member.text());
    }
}

#[test]
fn the_palette_finds_and_does() {
    let mut member = AtTheKeyboard::new();
    member.press(":");
    assert!(member.text().contains("go to Members"), "{}", member.text());
    member.press("thrsdys<enter>");
    assert_eq!(member.app.open, Some(id(3)));
    member.press(":next theme<enter>");
    assert!(matches!(member.errands.last(), Some(Command::Save(_))), "{:?}", member.errands);
    // By what the command line calls it; and what another screen has, which is gone to.
    member.press("1:delegate<enter>");
    assert!(member.text().contains("Hand my weight on"), "{}", member.text());
    member.press("<esc>1:freeze<enter>");
    assert!(member.text().contains("Coins"), "{}", member.text());
    member.press("<esc>1:zzzz<enter>");
    assert!(member.text().contains("No command matches"), "{}", member.text());
    // Esc closes one after the other.
    member.press("<esc>");
    assert!(member.app.popups.is_empty());
}

#[test]
fn news_is_told_once_and_not_at_the_start() {
    use althing_tui::app::Report;
    let mut member = AtTheKeyboard::new();
    let told =
        |member: &AtTheKeyboard| member.errands.iter().filter(|errand| matches!(errand, Command::Notify(_))).count();
    assert_eq!(told(&member), 0);
    let mut seen = crate::dao::snapshot();
    seen.status.tip_height += 1;
    seen.revision += 1;
    member.act(Action::Report(Report::Snapshot(Box::new(seen.clone()))));
    assert_eq!(told(&member), 0, "a block is no news");
    seen.status.alarms.push("Two heads differ.".to_owned());
    seen.revision += 1;
    for _ in 0..3 {
        member.act(Action::Report(Report::Snapshot(Box::new(seen.clone()))));
    }
    assert_eq!(told(&member), 1);
}

#[test]
fn the_replay_shows_how_far_it_is_and_how_it_ended() {
    use althing_node::api::ApiError;
    use althing_tui::app::Report;
    let mut member = AtTheKeyboard::new();
    member.press("8a");
    assert_eq!(member.errands, [Command::Replay]);
    member.act(Action::Report(Report::Replaying { done: 30, total: 120 }));
    assert!(member.text().contains("25.0 % 30 of 120"), "{}", member.text());
    member.act(Action::Act(Act::Replay));
    assert_eq!(member.errands.len(), 1, "not twice at once");
    member.act(Action::Report(Report::Replayed(Err(ApiError::ours("the store cannot be read")))));
    assert!(member.text().contains("✗ the store cannot be read"), "{}", member.text());
}
