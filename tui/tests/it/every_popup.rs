//! Hazard: a form or page that nobody draws before a member does: texts of others that get through in it, a cursor that stays
//! behind, or no way to it by keyboard.

use std::collections::BTreeSet;

use althing_node::api::Bump;
use althing_tui::app::{FormKind, Page, Popup, Screen};
use althing_tui::theme::Theme;

use crate::dao::{AtTheKeyboard, discussion, id};
use crate::hostile_text::{TABLE, assert_clean, infected};
use crate::screens::SCREENS;

/// The popups that have no picture of their own among the screens, and the keys that lead there from Home.
pub(crate) const MORE: [(&str, &str); 28] = [
    ("reply", "2j<enter>]r"),
    ("remark", "2j<enter>a"),
    ("guard", "2j<enter>!"),
    ("deposit", "2j<enter>D"),
    ("withdraw", "2j<enter>X"),
    ("review_remark", "2j<enter>aMore<ctrl-s>"),
    ("review_guard", "2j<enter>!<ctrl-s>"),
    ("review_deposit", "2j<enter>D500<ctrl-s>"),
    ("review_propose", "2nA title<ctrl-s>"),
    ("treasury_address", "4a"),
    ("take_session", "4i"),
    ("session_comment", "4]c"),
    ("session_bump", "4]+"),
    ("save_session", "4]e"),
    ("housekeeping", "4]]]H"),
    ("stake_open", "5o"),
    ("take_out", "5w"),
    ("backup", "5B"),
    ("close_alone", "5F"),
    ("revoke", "6D"),
    ("invite", "6i"),
    ("rotate", "6R"),
    ("bump", "7+"),
    ("timestamp", "7e"),
    ("why_link", "7w"),
    ("save_report", "8s"),
    ("save_page", "5a<ctrl-s>"),
    ("codes", "4]Q"),
];

/// Every form there is.
const FORMS: [&str; 29] = [
    "comment",
    "remark",
    "proposal",
    "delegate",
    "revoke",
    "stake open",
    "stake close",
    "pay",
    "top up",
    "take out",
    "backup",
    "link bump",
    "timestamp",
    "link file",
    "session open",
    "housekeeping",
    "session refuse",
    "session comment",
    "session bump",
    "save session",
    "take session",
    "freeze",
    "invite",
    "guard",
    "deposit",
    "export",
    "save report",
    "save page",
    "run",
];

/// What a form is called above; a kind that is new has to be named here, and then to be reached.
fn name_of(kind: &FormKind) -> &'static str {
    match kind {
        FormKind::Comment { .. } => "comment",
        FormKind::Remark { .. } => "remark",
        FormKind::Proposal => "proposal",
        FormKind::Delegate => "delegate",
        FormKind::Revoke => "revoke",
        FormKind::StakeOpen => "stake open",
        FormKind::StakeClose { .. } => "stake close",
        FormKind::Pay { .. } => "pay",
        FormKind::SendCoins => "send coins",
        FormKind::TopUp { .. } => "top up",
        FormKind::TakeOut { .. } => "take out",
        FormKind::Backup => "backup",
        FormKind::LinkBump => "link bump",
        FormKind::Timestamp { .. } => "timestamp",
        FormKind::LinkFile => "link file",
        FormKind::SessionOpen { .. } => "session open",
        FormKind::Housekeeping => "housekeeping",
        FormKind::SessionRefuse { .. } => "session refuse",
        FormKind::SessionComment { .. } => "session comment",
        FormKind::SessionBump { .. } => "session bump",
        FormKind::SaveSession { .. } => "save session",
        FormKind::TakeSession => "take session",
        FormKind::Freeze { .. } => "freeze",
        FormKind::Invite => "invite",
        FormKind::Guard { .. } => "guard",
        FormKind::Deposit { .. } => "deposit",
        FormKind::Export { .. } => "export",
        FormKind::SaveReport => "save report",
        FormKind::SavePage { .. } => "save page",
        FormKind::Run { .. } => "run",
    }
}

/// Every page to read, and the other popups.
const OTHERS: [&str; 16] = [
    "address", "channel", "choose", "codes", "coin", "diff", "flow", "help", "link", "member", "need", "pick",
    "review", "session", "told", "why",
];

fn name_of_popup(popup: &Popup) -> &'static str {
    match popup {
        Popup::Choose(_) => "choose",
        Popup::Review(_) => "review",
        Popup::Form(form) => name_of(&form.kind),
        Popup::Pick(_) => "pick",
        Popup::Why { .. } => "why",
        Popup::Page { page, .. } => match page {
            Page::Help => "help",
            Page::Link(_) => "link",
            Page::Address { .. } => "address",
            Page::Need(_) => "need",
            Page::Session(_) => "session",
            Page::Coin(_) => "coin",
            Page::Flow(_) => "flow",
            Page::Channel(_) => "channel",
            Page::Diff(_) => "diff",
            Page::Member(_) => "member",
            Page::Told { .. } => "told",
            Page::Codes { .. } => "codes",
        },
    }
}

/// A member in front of what a walk shows, in a DAO whose every text carries the trick.
fn walked(keys: &str, trick: &str) -> AtTheKeyboard {
    let mut seen = infected(trick);
    // An alarm comes first on Home and has a page of its own; the second proposal has a version before it.
    seen.status.alarms.push(format!("{trick}the wallet cannot be read{trick}"));
    let disks = &mut seen.proposals[1];
    disks.vote.versions = vec![id(3), disks.id.clone()];
    let mut member = AtTheKeyboard::seeing(seen);
    member.script.trick = trick.to_owned();
    member.machine = Some(std::sync::Arc::new(crate::stage::Stage::echoing(trick)));
    member.script.bump = Some(Bump {
        epoch: 8,
        link: id(208),
        paid_sat: 300,
        fee_sat: 900,
        fee_rate_sat_vb: 4,
        is_replacement: true,
        txid: id(209),
    });
    member.app.settings.folders = vec![format!("/a{trick}").into(), "/b".into()];
    member.app.folder = Some("/b".into());
    let mut open = discussion();
    open.comments[0].text = trick.to_owned();
    let with_discussion = keys.strip_prefix("2j<enter>");
    match with_discussion {
        Some(rest) => {
            member.press("2j<enter>");
            member.app.discussion = Some(Box::new(open));
            member.press(rest);
        }
        None => {
            member.press(keys);
        }
    }
    member
}

/// Everything that is walked to: the screens with a picture, the popups without one, and what only this DAO has.
fn walks() -> impl Iterator<Item = (&'static str, &'static str)> {
    let own = [("need", "<enter>"), ("diff", "2j<enter>d"), ("folders", "@"), ("review_bump", "7+<ctrl-s>")];
    SCREENS.into_iter().chain(MORE).chain(own)
}

#[test]
fn every_form_and_page_is_reached_by_keyboard() {
    let reached: BTreeSet<&str> = walks()
        .flat_map(|(_, keys)| walked(keys, "").app.popups.iter().map(name_of_popup).collect::<Vec<_>>())
        .collect();
    let missing: Vec<&str> = FORMS.iter().chain(&OTHERS).filter(|name| !reached.contains(*name)).copied().collect();
    assert_eq!(missing, [""; 0]);
    for (name, keys) in MORE {
        assert!(!walked(keys, "").app.popups.is_empty(), "{name}: {keys} opens nothing");
    }
}

#[test]
fn no_form_and_no_page_lets_a_trick_through() {
    let own: Vec<(&str, &str)> = walks().skip(SCREENS.len()).collect();
    for (number, (trick_name, trick, _)) in TABLE.iter().enumerate() {
        for (name, keys) in &own {
            let mut member = walked(keys, trick);
            member.size = if number % 2 == 0 { (80, 24) } else { (120, 60) };
            assert_clean(&mut member, &format!("{trick_name} on {name}"));
        }
    }
}

#[test]
fn the_cursor_follows_into_every_popup() {
    for (name, keys) in walks() {
        let mut member = walked(keys, "");
        member.cursor = (0, 0);
        member.draw(Theme::dark());
        assert_ne!(member.cursor, (0, 0), "{name}: the terminal's cursor stayed behind");
        assert!(member.app.screen != Screen::Home || !member.app.popups.is_empty() || keys.is_empty(), "{name}");
    }
}
