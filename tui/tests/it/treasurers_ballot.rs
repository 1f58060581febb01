//! Hazard: a treasurer who has a say as one of a body can use it by command only, or takes one ballot for the other.

use althing_node::api::{
    BallotPath, Body, BodyTally, Choice, ProposalState, Reply, Request, Said, Saying, Snapshot, Tally, TreasurersVote,
};
use althing_tui::app::{Need, Popup, Screen, needs};

use crate::dao::{AtTheKeyboard, ballot, id, snapshot, tally};

/// The second proposal of the list is one on which the treasurers decide as well.
fn decided_by_both(body: TreasurersVote) -> Snapshot {
    let mut seen = snapshot();
    let vote = &mut seen.proposals[1].vote;
    vote.treasurers = Some(body);
    let of = |body, voters, i_am_one, tally: Tally, outcome: &str| BodyTally {
        body,
        voters,
        i_am_one,
        tally: Tally { total_weight: voters.to_string(), ballots: 1, ..tally },
        outcome: Some(outcome.to_owned()),
    };
    vote.bodies = vec![
        of(Body::Members, 5, true, tally(1, 0, 0, false), "passed"),
        of(Body::Treasurers, 3, true, tally(0, 1, 0, false), "no_quorum"),
    ];
    seen
}

fn body() -> TreasurersVote {
    TreasurersVote { of: 3, voted: 1, i_am_one: true, my_ballot: None }
}

#[test]
fn a_treasurer_votes_as_one_by_keyboard() {
    let said = Said { entry: id(9), position: Some(1_300), sentences: vec!["You vote no.".to_owned()] };
    let mut member = AtTheKeyboard::seeing(decided_by_both(body())).answer(Ok(Reply::Said(said)));
    member.size = (120, 40);
    let text = member.press("2j<enter>").text();
    assert!(text.contains("the members and the treasurers decide, each by"), "{text}");
    assert!(text.contains("treasurers: yes 0, no 1, abstain 0, of 3"), "{text}");
    assert!(text.contains("as a treasurer: none yet; V votes"), "{text}");
    let text = member.press("Vn").text();
    assert!(text.contains("My ballot as a treasurer") && text.contains("one of 3 votes of the treasurers"), "{text}");
    let text = member.press("<tab>too dear<enter>").text();
    assert!(text.contains("Review: cast this ballot as a treasurer"), "{text}");
    for shown in ["Buy two disks", "✗ no", "too dear", "If the proposal passes", "What you sign"] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    member.press("vote<enter>");
    assert!(member.app.popups.is_empty(), "{}", member.text());
    let asked = member.script.asked.lock().unwrap();
    let saying = Saying::VoteAsTreasurer { proposal: id(4), choice: Choice::No, reason: Some("too dear".to_owned()) };
    assert!(asked.contains(&Request::SayReview { saying: saying.clone() }), "{asked:?}");
    assert!(asked.contains(&Request::Say { saying }), "{asked:?}");
    assert!(!asked.iter().any(|request| matches!(request, Request::Vote { .. })), "{asked:?}");
}

#[test]
fn who_is_no_treasurer_is_told_so_and_where_they_do_not_decide_too() {
    let stranger = TreasurersVote { i_am_one: false, ..body() };
    for (seen, told) in [
        (decided_by_both(stranger), "is none of the treasurers who decide on it"),
        (snapshot(), "The treasurers are no body that decides on #4: v votes."),
    ] {
        let mut member = AtTheKeyboard::seeing(seen);
        let text = member.press("2jV").text();
        assert!(text.contains(told), "{text}");
        assert!(member.app.popups.is_empty());
    }
}

/// Both ballots of a folder are kept apart: on Home, on the proposal, and where one is changed.
#[test]
fn the_two_ballots_of_a_treasurer_are_not_taken_for_each_other() {
    let asked = |seen: &Snapshot| -> Vec<Need> {
        let all = needs(seen, &[], None, &[]);
        all.into_iter().filter(|need| need.text.contains("as a treasurer")).collect()
    };
    let mut seen = decided_by_both(body());
    assert!(asked(&seen)[0].text.starts_with("Vote as a treasurer on #4 within"), "{:?}", asked(&seen));
    // The member's own ballot answers nothing of the treasurer's.
    seen.proposals[1].my_ballot = Some(ballot(4, "Buy two disks", Choice::Yes, BallotPath::Stored));
    assert_eq!(asked(&seen).len(), 1);
    let mut cast = ballot(4, "Buy two disks", Choice::No, BallotPath::Promised { anchored_by_height: 1_230 });
    cast.as_treasurer = true;
    seen.proposals[1].vote.treasurers = Some(TreasurersVote { my_ballot: Some(cast.clone()), ..body() });
    seen.ballots.insert(0, cast);
    assert!(asked(&seen)[0].text.starts_with("My ballot as a treasurer (no) promised"), "{:?}", asked(&seen));
    let mut closed = seen.clone();
    closed.proposals[1].state = ProposalState::Passed;
    closed.ballots.clear();
    assert_eq!(asked(&closed), []);

    let chosen = |member: &AtTheKeyboard| match member.app.popups.last() {
        Some(Popup::Choose(choose)) => (choose.as_treasurer, choose.choice()),
        other => panic!("{other:?}"),
    };
    let mut member = AtTheKeyboard::seeing(seen);
    assert!(member.press("3").text().contains("(treasurer) Buy two disks"), "{}", member.text());
    assert_eq!(chosen(member.press("v")), (true, Choice::No));
    member.press("<esc>2jv");
    assert_eq!((member.app.screen, chosen(&member)), (Screen::Proposals, (false, Choice::Yes)));
    assert_eq!(chosen(member.press("<esc>V")), (true, Choice::No));
}
