//! The treasury's commands, in words.

use althing_node::api::{ApiError, Reply, Request, SessionView, TreasuryReply, TreasuryRequest};
use althing_tui::backend::Verdict;

use crate::stage::{Stage, althing};
use crate::treasury_data::{overview, session};

fn listed(session: SessionView) -> String {
    let reply = Reply::Treasury { reply: TreasuryReply::Sessions { sessions: vec![session] } };
    let outcome = althing(Stage::running().answer(Ok(reply)), "treasury session list", "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome.out
}

/// T-334: the list says whose turn it is, and why what this node would not sign is nobody's.
#[test]
fn the_list_of_sessions_says_whose_turn_it_is() {
    let of = |verdict: Verdict, state: &str, waits_for_me: bool| {
        listed(SessionView { waits_for_me, state: state.to_owned(), ..session(verdict) })
    };
    assert!(of(Verdict::Valid, "open", true).contains("1 more signature needed, waits for you"));
    assert!(of(Verdict::Valid, "open", false).trim_end().ends_with("1 more signature needed"));
    let refused = of(Verdict::Invalid, "open", false);
    assert!(refused.contains("refused by this node (T-51)") && !refused.contains("waits"), "{refused}");
    assert!(of(Verdict::CannotTell, "open", false).contains("which this node cannot judge yet"));
    assert!(of(Verdict::Invalid, "mined", false).trim_end().ends_with("needed"), "what is over is not judged any more");
}

/// What a robot says of one session, and whether it asked to sign it.
fn robot(session: SessionView, answer: Result<Reply, ApiError>) -> (String, String, bool) {
    let sign = Request::Treasury { about: TreasuryRequest::Sign { session: session.id.clone() } };
    let sessions = Reply::Treasury { reply: TreasuryReply::Sessions { sessions: vec![session] } };
    let stage = Stage::running().answer(Ok(sessions)).answer(answer);
    let outcome = althing(stage, "treasurer --robot --once", "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    (outcome.out, outcome.err, outcome.asked.contains(&sign))
}

/// T-334: what the check refuses, such as a session of the former treasury behind an election, waits for nobody; a robot is asked all the same, says
/// why it refuses, and is not asked again.
#[test]
fn a_robot_refuses_aloud_what_waits_for_nobody() {
    let former = SessionView { waits_for_me: false, ..session(Verdict::Invalid) };
    let reason = "T-48: input 1 is of treasury generation 1, the present one is 2";
    let (out, err, is_asked) = robot(former.clone(), Err(ApiError::invalid("T-48", reason)));
    assert!(is_asked && out.contains("0 signed, 1 refused"), "{out}");
    assert!(err.contains(&format!("{}: refused: {reason}", former.id)), "{err}");

    let mut told = former.clone();
    told.signers[1].refused = Some(reason.to_owned());
    let mut done = former.clone();
    done.signers[1].signed = true;
    let mut foreign = former.clone();
    foreign.signers[1].is_me = false;
    let yielding = SessionView { yields_to: Some("another".to_owned()), ..former.clone() };
    let over = SessionView { state: "void".to_owned(), ..former.clone() };
    for silent in [told, done, foreign, yielding, over] {
        let (out, err, is_asked) = robot(silent, Err(ApiError::invalid("T-48", reason)));
        assert!(!is_asked && out.contains("0 signed, 0 refused") && !err.contains("T-48"), "{out} {err}");
    }

    // What cannot be told yet is no refusal (T-102).
    let (out, err, is_asked) =
        robot(session(Verdict::CannotTell), Err(ApiError::not_now("T-57: the tip is not known")));
    assert!(is_asked && out.contains("0 signed, 0 refused"), "{out}");
    assert!(err.contains("not now: T-57") && !err.contains("refused"), "{err}");
}

/// The check says no at the height of expiry (T-56): the last one that is told is the one before.
#[test]
fn a_payment_is_told_with_the_last_height_that_is_allowed() {
    let reply = Reply::Treasury { reply: TreasuryReply::Overview(Box::new(overview())) };
    let outcome = althing(Stage::running().answer(Ok(reply)), "treasury balance", "");
    assert!(outcome.out.contains("heights 1200 to 2999"), "{outcome:?}");
}
