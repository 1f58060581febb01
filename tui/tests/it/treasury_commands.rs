//! The treasury's commands, in words.

use althing_node::api::{Reply, SessionView, TreasuryReply};
use althing_tui::backend::Verdict;

use crate::stage::{Stage, althing};
use crate::treasury_data::session;

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
