//! Hazard: a click that does something else than what the picture shows under it.

use althing_tui::app::{Action, Popup, Screen};

use crate::dao::{AtTheKeyboard, id};

#[test]
fn tabs_rows_and_footer_are_clicked() {
    let mut member = AtTheKeyboard::new();
    member.click("6Members");
    assert_eq!(member.app.screen, Screen::Members);
    member.click("Guðrún");
    assert_eq!(member.app.selections.members, 2);
    member.click("2Props").click("Meet on Thursdays");
    assert_eq!((member.app.screen, member.app.selections.proposals), (Screen::Proposals, 2));
    member.click("Meet on Thursdays");
    assert_eq!((member.app.screen, member.app.open.clone()), (Screen::Proposal, Some(id(3))));
    member.click("v vote");
    assert!(matches!(member.app.popups.last(), Some(Popup::Choose(_))));
}

#[test]
fn nothing_under_a_popup_is_clicked() {
    let mut member = AtTheKeyboard::new();
    member.press("2?");
    for y in 0..23 {
        for x in [0, 20, 40, 79] {
            member.act(Action::Click { x, y });
        }
    }
    assert_eq!((member.app.screen, member.app.popups.len()), (Screen::Proposals, 1));
}

#[test]
fn no_click_casts_a_ballot() {
    let mut member = AtTheKeyboard::new();
    member.press("2jvy<enter>vot");
    for y in 0..24 {
        for x in 0..80 {
            member.act(Action::Click { x, y });
        }
    }
    let asked = member.script.asked.lock().unwrap();
    assert!(asked.iter().all(althing_tui::readonly::only_looks), "{asked:?}");
}

#[test]
fn the_wheel_moves_rows_and_scrolls_texts() {
    let mut member = AtTheKeyboard::new();
    member.press("2");
    member.act(Action::Wheel { down: true });
    assert_eq!(member.app.selections.proposals, 1);
    member.act(Action::Wheel { down: false });
    assert_eq!(member.app.selections.proposals, 0);
    member.press("?");
    member.act(Action::Wheel { down: true });
    assert!(matches!(member.app.popups.last(), Some(Popup::Page { scroll: 3, .. })));
}
