//! Hazard: an invitation that somebody has to type the id of, or that nobody is told of (N-195).

use std::sync::Arc;

use althing_node::api::{InvitationState, InvitationView, Reply, Request, Saying};
use althing_tui::app::{Action, FormKind, Popup, Report};

use crate::dao::{AtTheKeyboard, Script, id, snapshot};
use crate::stage::{Node, Stage, althing};

fn invitation(n: u8, by: &str, mine: bool, state: InvitationState) -> InvitationView {
    InvitationView {
        id: id(n),
        by: id(n + 1),
        by_name: by.to_owned(),
        invitee: id(n + 2),
        mine,
        until: 1_250 + u32::from(n),
        state,
    }
}

/// Open ones of two members, and what cannot be accepted by this one.
fn all() -> Vec<InvitationView> {
    vec![
        invitation(10, "Guðrún", true, InvitationState::Open),
        invitation(20, "Unnur", true, InvitationState::Open),
        invitation(30, "Ketill", false, InvitationState::Open),
        invitation(40, "Njáll", true, InvitationState::Expired),
        invitation(50, "Ásdís", true, InvitationState::Accepted),
    ]
}

/// At the screens of a member for whom these invitations are in the log.
fn invited(invitations: Vec<InvitationView>) -> AtTheKeyboard {
    let mut member = AtTheKeyboard::before_the_first_snapshot();
    member.script.invitations = invitations;
    member.act(Action::Report(Report::Snapshot(Box::new(snapshot()))));
    member
}

/// What the form on top would accept.
fn in_the_form(member: &AtTheKeyboard) -> String {
    match member.app.popups.last() {
        Some(Popup::Form(form)) if form.kind == (FormKind::Run { path: "accept" }) => form.get("Invitation").to_owned(),
        other => panic!("no form of an acceptance but {other:?}"),
    }
}

#[test]
fn home_tells_of_an_invitation_and_of_no_other() {
    let mut member = invited(all());
    member.size = (160, 40);
    let text = member.text();
    assert!(text.contains("Guðrún invites you to be a member") && text.contains("Unnur invites you"), "{text}");
    for other in ["Ketill", "Njáll", "Ásdís"] {
        assert!(!text.contains(&format!("{other} invites")), "{other}: {text}");
    }
}

#[test]
fn nobody_types_an_id() {
    assert_eq!(in_the_form(invited(all().split_off(3)).press("6A")), "", "none is open: the node says so");
    assert_eq!(in_the_form(invited(all().split_off(1)).press("6A")), id(20), "the one that is open for me");
    let mut member = invited(all());
    let text = member.press("6A").text();
    assert!(text.contains("Invitations that you can accept") && text.contains("until height 1,270"), "{text}");
    assert_eq!(in_the_form(member.press("unn<enter>")), id(20), "the one that was picked");
}

#[test]
fn the_command_line_lists_them_and_names_none() {
    let listed = Reply::Invitations { invitations: all() };
    let outcome = althing(Stage::running().answer(Ok(listed)), "invitations", "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for line in [
        format!("{} Guðrún invites you: open until height 1,260", id(10)),
        format!("{} you invited {}: open until height 1,280", id(30), id(32)),
        format!("{} Njáll invites you: expired at height 1,290", id(40)),
        format!("{} Ásdís invites you: accepted", id(50)),
    ] {
        assert!(outcome.out.contains(&line), "{line}: {}", outcome.out);
    }
    let none = althing(Stage::running().answer(Ok(Reply::Invitations { invitations: Vec::new() })), "invitations", "");
    assert!(none.out.contains("No invitation in the log"), "{none:?}");
}

/// The list shows 64 digits, and nobody should have to copy them all.
#[test]
fn an_invitation_is_named_by_its_first_digits() {
    let accept = |digits: &str| {
        let mut invitations = all();
        invitations.push(InvitationView {
            id: format!("{}ff", &id(10)[..62]),
            ..invitation(10, "Unnur", true, InvitationState::Open)
        });
        let script = Script { echo: true, invitations, ..Script::default() };
        let node = Arc::new(Node { script, ..Node::default() });
        althing(Stage { runs: true, node, ..Stage::default() }, &format!("accept {digits}"), "")
    };
    for digits in [&id(20)[..6], &id(20).to_uppercase()[..9], &id(20)] {
        let outcome = accept(digits);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let said = Request::Say { saying: Saying::Accept { invitation: id(20) } };
        assert!(outcome.asked.contains(&said), "{outcome:?}");
    }
    for (digits, words) in [
        (&id(10)[..8], "2 invitations begin with"),
        (&id(30)[..8], "no invitation for your vote key begins with"),
        (&id(20)[..3], "4 to 64 hexadecimal digits"),
        ("Unnur", "4 to 64 hexadecimal digits"),
    ] {
        let outcome = accept(digits);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(outcome.err.contains("N-195") && outcome.err.contains(words), "{outcome:?}");
    }
}
