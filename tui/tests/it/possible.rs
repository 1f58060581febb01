//! Hazard: what is offered and then refused: keys at the foot of a screen (N-203), ways to vote in a form (N-200).

use althing_node::api::{Class, Role, Snapshot, System, VotedBy};
use althing_tui::app::{Popup, Screen, Section};
use althing_tui::keymap::{KEYMAP, Key};
use althing_tui::terminal::key_action;
use ratatui::crossterm::event::KeyEvent;

use crate::dao::{AtTheKeyboard, snapshot};

/// Presses every key of the foot of every screen, each on a screen of its own, and gives those that were refused with those words.
fn refused(begin: impl Fn() -> AtTheKeyboard, words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (tab, part) in (0..10).map(|tab| (tab, Section::Payments)).chain(Section::ALL.map(|part| (3, part))) {
        let stand = || {
            let mut member = begin();
            member.act(althing_tui::app::Action::Act(althing_tui::app::Act::Go(Screen::TABS[tab])));
            member.app.section = part;
            member.text();
            member
        };
        let foot = stand().text().trim_end().lines().last().unwrap().to_owned();
        for shown in foot.trim().split("   ") {
            let key = shown.split_whitespace().next().unwrap().to_owned();
            let mut member = stand();
            let named = KEYMAP.iter().flat_map(|binding| binding.keys.iter()).find(|known| known.name() == key);
            let Key(code, modifiers) = *named.unwrap_or_else(|| panic!("{foot}: no key is called {key}"));
            if let Some(action) = key_action(&member.app, KeyEvent::new(code, modifiers)) {
                member.act(action);
            }
            if member.text().contains(words) {
                found.push(format!("{:?}: {shown}", Screen::TABS[tab]));
            }
        }
    }
    found
}

fn hub() -> Snapshot {
    let mut seen = snapshot();
    seen.status.role = Role::Hub;
    seen.status.member = None;
    seen
}

#[test]
fn the_foot_of_a_screen_has_only_what_is_possible_there() {
    let at_the_hub = || AtTheKeyboard::seeing(hub());
    assert_eq!(refused(at_the_hub, "N-39"), [""; 0]);
    let mut operator = at_the_hub();
    operator.size = (200, 24);
    let text = operator.press("5").text();
    let foot = text.trim_end().lines().last().unwrap();
    assert!(!foot.contains("t more") && !foot.contains("o lock"), "{foot}");
    assert!(foot.contains("c close") && foot.contains("s send"), "{foot}");
    // A key that is pressed all the same says at once why not, instead of a form that is refused when it is filled in.
    for key in ["5t", "5o", "2n", "6d", "6i"] {
        let mut operator = at_the_hub();
        let text = operator.press(key).text();
        assert!(operator.app.popups.is_empty() && text.contains("N-39"), "{key}: {text}");
    }
    // Without a channel there is nothing to put into, take out of or close.
    let mut newcomer = AtTheKeyboard::seeing(Snapshot { stakes: Vec::new(), ..snapshot() });
    let text = newcomer.press("5").text();
    let foot = text.trim_end().lines().last().unwrap();
    assert!(foot.contains("o lock") && !foot.contains("t more") && !foot.contains("c close"), "{foot}");
    // Where no session is, none is signed, refused, broadcast or written; where one is, all of that is offered.
    let sessions = |at: fn(&mut AtTheKeyboard)| {
        let mut treasurer = AtTheKeyboard::new();
        treasurer.size = (120, 40);
        treasurer.press("4]");
        at(&mut treasurer);
        treasurer.text().trim_end().lines().last().unwrap().to_owned()
    };
    let (some, none) = (sessions(|_| {}), sessions(|treasurer| treasurer.app.desk.sessions = Some(Vec::new())));
    for shown in ["s sign", "r refuse", "B broadcast", "e file"] {
        assert!(some.contains(shown) && !none.contains(shown), "{shown}: {some} / {none}");
    }
    let looking = || {
        let mut member = AtTheKeyboard::new();
        member.app.readonly = true;
        member
    };
    assert_eq!(refused(looking, "Read only: nothing can be ordered"), [""; 0]);
}

/// A member under a charter with those rules.
fn under(rules: &[(Class, &[System])]) -> AtTheKeyboard {
    let mut seen = snapshot();
    seen.voted_by = rules.iter().map(|(class, systems)| VotedBy { class: *class, systems: systems.to_vec() }).collect();
    AtTheKeyboard::seeing(seen)
}

/// What is chosen in that field of the form.
fn chosen(member: &AtTheKeyboard, label: &str) -> String {
    let Some(Popup::Form(form)) = member.app.popups.last() else { panic!("no form") };
    form.get(label).to_owned()
}

/// Every choice of "Vote by" that the arrows come to.
fn offered(member: &mut AtTheKeyboard) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let here = chosen(member, "Vote by");
        if found.contains(&here) {
            return found;
        }
        found.push(here);
        member.press("<right>");
    }
}

#[test]
fn a_form_offers_the_ways_to_vote_of_the_charter() {
    let text: &[System] = &[System::YesNoAbstain, System::Score { max: 7 }, System::Quadratic { credits: 64 }];
    let spend: &[System] = &[System::Optimistic, System::SingleChoice];
    let begin = || under(&[(Class::Text, text), (Class::Spend, spend), (Class::Request, &[System::Schulze])]);
    let mut member = begin();
    member.press("2nT<tab><tab>");
    assert_eq!(offered(&mut member), ["yes/no/abstain", "score", "quadratic"]);
    assert!(member.text().contains("as the charter allows (R-21)"), "{}", member.text());
    // The charter's own scale is put in; another would be refused.
    assert_eq!(chosen(member.press("<right>"), "Grades up to"), "7");
    assert_eq!(chosen(member.press("<right>"), "Credits"), "64");
    // Another class has other ways, and the one chosen is among them.
    let mut member = begin();
    member.press("2nT<tab><right><tab>");
    assert_eq!(offered(&mut member), ["optimistic", "single choice"]);
    // What no rule of the charter is about, and what it has but no way to vote on.
    let mut member = begin();
    member.press("2nT<tab><right><right>");
    assert_eq!(chosen(&member, "About"), "a budget");
    assert!(member.text().contains("the charter has no rule for it (G-16)"), "{}", member.text());
    let mut member = begin();
    member.press("2nT<tab><left>");
    assert_eq!(chosen(&member, "About"), "a call for proposals");
    assert!(member.text().contains("none of these is in the charter (R-21)"), "{}", member.text());
    // A form that nothing was put into is no draft, whatever it began with.
    let mut member = under(&[(Class::Text, &[System::Split])]);
    member.press("2n");
    assert_eq!(chosen(&member, "Vote by"), "split");
    member.press("<esc>");
    assert!(member.app.aside.is_empty());
}

/// A hub's operator read of the member's backup and tower as of the hub's own, of "your weight", and that "you have not voted yet".
#[test]
fn a_hubs_operator_reads_a_hubs_words() {
    let mut seen = hub();
    seen.ballots.clear();
    seen.members[1].funding_outpoints = seen.stakes.iter().filter_map(|stake| stake.funding_outpoint.clone()).collect();
    let mut operator = AtTheKeyboard::seeing(seen.clone());
    operator.size = (120, 60);
    let text = operator.press("5").text();
    assert!(text.contains("Bjarni") && !text.contains("backup") && !text.contains("tower"), "{text}");
    let text = operator.press("<enter>").text();
    assert!(text.contains("of Bjarni") && text.contains("out of the hub's part"), "{text}");
    assert!(text.contains("Up to 600,000 of the member's weight"), "{text}");
    for words in ["your part", "your weight", "If this computer is lost", "with the hub:"] {
        assert!(!text.contains(words), "{words}\n{text}");
    }
    let text = operator.press("<esc>F").text();
    assert!(text.contains("without the member."), "{text}");
    let mut operator = AtTheKeyboard::seeing(seen);
    let text = operator.press("3").text();
    assert!(text.contains("This is a hub, which has no vote") && !text.contains("You have not voted"), "{text}");
    let foot = text.trim_end().lines().last().unwrap();
    assert!(!foot.contains("why") && !foot.contains("force") && !foot.contains("proof"), "{foot}");
    // A member without a ballot is offered nothing about one either.
    let mut newcomer = AtTheKeyboard::seeing(Snapshot { ballots: Vec::new(), ..snapshot() });
    let text = newcomer.press("3").text();
    let foot = text.trim_end().lines().last().unwrap();
    assert!(!foot.contains("why") && foot.contains("commands"), "{foot}");
}
