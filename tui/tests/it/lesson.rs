//! Hazard: a tutorial that praises what was not done, or never lets one go on.

use althing_node::api::{BallotPath, Choice};
use althing_tui::app::lesson::{Lesson, STEPS};
use althing_tui::app::{Action, Report};

use crate::dao::{AtTheKeyboard, ballot, snapshot};

fn done(member: &AtTheKeyboard) -> usize {
    member.app.lesson.as_ref().unwrap().done
}

#[test]
fn each_step_is_done_when_the_node_shows_it_and_not_before() {
    let mut seen = snapshot();
    seen.ballots.clear();
    let mut member = AtTheKeyboard::before_the_first_snapshot();
    member.size = (100, 40);
    member.app.lesson = Some(Lesson::default());
    let news = |member: &mut AtTheKeyboard, seen: &mut althing_node::api::Snapshot| {
        seen.revision += 1;
        member.act(Action::Report(Report::Snapshot(Box::new(seen.clone()))));
    };
    news(&mut member, &mut seen);
    assert_eq!(done(&member), 0);
    assert!(member.text().contains("Step 1 of 10: Join"), "{}", member.text());
    member.press("5");
    assert_eq!(done(&member), 1);
    member.press("2j<enter>");
    assert_eq!(done(&member), 2);
    // The node tells of a delegation when the members are looked at.
    member.press("6");
    assert_eq!(done(&member), 3);
    member.press("2j<enter>vy<enter>vot<esc><esc>");
    assert_eq!(done(&member), 3, "nothing was cast");
    let path = || BallotPath::Logged { head_height: 1_212 };
    seen.ballots = vec![ballot(4, "Buy two disks", Choice::Yes, path())];
    news(&mut member, &mut seen);
    assert_eq!(done(&member), 4);
    seen.ballots[0].replaced = true;
    seen.ballots.insert(0, ballot(4, "Buy two disks", Choice::No, path()));
    news(&mut member, &mut seen);
    assert_eq!(done(&member), 5);
    member.press("3");
    assert_eq!(done(&member), 6);
    member.press("w");
    assert_eq!(done(&member), 7);
    member.press("<esc>8a");
    assert_eq!(done(&member), 7, "the replay has not ended");
    let report = althing_tui::backend::AuditReport {
        verdict: althing_tui::backend::Verdict::Valid,
        entries: 40,
        heads: 12,
        epochs: 2,
        ballots: 9,
        links: 2,
        first_difference: None,
        trusted: Vec::new(),
        resumed_from: 0,
        proof: None,
    };
    member.act(Action::Report(Report::Replayed(Ok(report))));
    assert_eq!(done(&member), 8);
    seen.stakes[0].amount_sat -= 1_000;
    news(&mut member, &mut seen);
    assert_eq!(done(&member), 9);
    seen.stakes[0].state = "closing".to_owned();
    news(&mut member, &mut seen);
    assert_eq!(done(&member), STEPS.len());
    assert!(member.text().contains("You have done all ten steps"), "{}", member.text());
}
